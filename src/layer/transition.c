#include "layer/transition.h"

void rt_transition_bind(rt_binder *binder, rt_transition *transition, const char *prefix, int64_t c, int64_t factor)
{
    rt_norm_bind(binder, &transition->norm, prefix, "layernorm1", c, true);
    rt_linear_bind(binder, &transition->a, prefix, "linear_no_bias_a", factor * c, c, false);
    rt_linear_bind(binder, &transition->b, prefix, "linear_no_bias_b", factor * c, c, false);
    rt_linear_bind(binder, &transition->out, prefix, "linear_no_bias", c, factor * c, false);
}

void rt_transition_forward(rt_ctx *ctx, const rt_transition *transition, rt_tensor x)
{
    int64_t rows = rt_rows(x), c = rt_last(x), mark = rt_arena_mark(ctx->step);
    rt_tensor flat = RT_VIEW(x, rows, c);
    for (int64_t first = 0; first < rows && ctx->status == RT_OK; first += RT_ROW_CHUNK) {
        rt_tensor chunk = rt_slice(flat, first, rows - first < RT_ROW_CHUNK ? rows - first : RT_ROW_CHUNK);
        rt_tensor normed = rt_norm_new(ctx, &transition->norm, chunk);
        rt_tensor hidden = rt_linear_new(ctx, &transition->b, normed, RT_ACT_NONE);
        rt_linear_forward(ctx, &transition->a, hidden, normed, (rt_epilogue){.act = RT_ACT_SILU, .mul = hidden});
        rt_linear_forward(ctx, &transition->out, chunk, hidden, RT_ADD);
        rt_arena_reset(ctx->step, mark);
    }
}
