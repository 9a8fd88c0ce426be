#include "layer/dropout.h"

#include "base/rng.h"

rt_tensor rt_dropout_mask(rt_ctx *ctx, double rate, int64_t n, int64_t c)
{
    if (!ctx->dropout || rate <= 0) return RT_ABSENT;
    rt_tensor mask = RT_NEW_HOST(ctx, ctx->real, n, c);
    rt_rng rng = rt_rng_make(ctx->dropout->seed, ctx->dropout->site++, ctx->dropout->step, RT_DRAW_DROPOUT);
    const double kept = 1 / (1 - rate);
    for (int64_t i = 0; ctx->status == RT_OK && i < n * c; i++)
        rt_set(mask, i, rt_rng_uniform(&rng, (uint64_t)i) < rate ? 0 : kept);
    return rt_upload(ctx, mask);
}

void rt_dropout_apply(rt_ctx *ctx, rt_tensor x, rt_tensor before, rt_tensor opt_mask)
{
    if (!opt_mask.data) return;
    rt_op_axpby(ctx, x, 1, before, -1);
    rt_op_epilogue(ctx, x, x, (rt_epilogue){.mul = opt_mask});
    rt_op_axpby(ctx, x, 1, before, 1);
}

rt_tensor rt_dropout_begin(rt_ctx *ctx, rt_tensor dx, rt_tensor opt_mask)
{
    if (!opt_mask.data) return dx;
    rt_tensor through = rt_new_like(ctx, dx);
    rt_op_epilogue(ctx, through, dx, (rt_epilogue){.mul = opt_mask});
    rt_op_axpby(ctx, dx, 1, through, -1);
    return through;
}

void rt_dropout_end(rt_ctx *ctx, rt_tensor dx, rt_tensor through, rt_tensor opt_mask)
{
    if (opt_mask.data) rt_op_axpby(ctx, dx, 1, through, 1);
}
