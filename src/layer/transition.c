#include "layer/transition.h"

void rt_transition_bind(rt_binder *binder, rt_transition *transition, const char *prefix, int64_t c, int64_t factor)
{
    rt_norm_bind(binder, &transition->norm, prefix, "layernorm1", c, true);
    rt_linear_bind(binder, &transition->a, prefix, "linear_no_bias_a", factor * c, c, false);
    rt_linear_bind(binder, &transition->b, prefix, "linear_no_bias_b", factor * c, c, false);
    rt_linear_bind(binder, &transition->out, prefix, "linear_no_bias", c, factor * c, false);
}

typedef struct {
    const rt_transition *transition;
    rt_tensor x;
} transition_rows;

static void forward_rows(rt_ctx *ctx, const void *user, int64_t first, int64_t count)
{
    const transition_rows *rows = user;
    const rt_transition *transition = rows->transition;
    rt_tensor x = rt_slice(rows->x, first, count), normed = rt_norm_new(ctx, &transition->norm, x);
    rt_tensor hidden = RT_NEW(ctx, count, rt_linear_out(&transition->a));
    rt_gated_forward(ctx, &transition->b, &transition->a, RT_ACT_SILU, hidden, normed);
    rt_linear_forward(ctx, &transition->out, x, hidden, RT_ADD);
}

void rt_transition_forward(rt_ctx *ctx, const rt_transition *transition, rt_tensor x, rt_transition_saved *opt_saved)
{
    if (opt_saved) opt_saved->x = rt_new_copy(ctx, x);
    int64_t rows = rt_rows(x);
    rt_tiles_run(ctx, rows, 1, forward_rows, &(transition_rows){transition, RT_VIEW(x, rows, rt_last(x))});
}

void rt_transition_backward(rt_ctx *ctx, const rt_transition *transition, rt_tensor dx, const rt_transition_saved *saved)
{
    int64_t rows = rt_rows(dx), c = rt_last(dx), hidden_width = rt_linear_out(&transition->a), mark = rt_arena_mark(ctx->step);
    rt_tensor in = RT_VIEW(saved->x, rows, c), flat = RT_VIEW(dx, rows, c);
    for (int64_t first = 0; first < rows && ctx->status == RT_OK; first += RT_ROW_CHUNK) {
        int64_t count = rows - first < RT_ROW_CHUNK ? rows - first : RT_ROW_CHUNK;
        rt_tensor x = rt_slice(in, first, count), dy = rt_slice(flat, first, count);
        rt_tensor normed = rt_norm_new(ctx, &transition->norm, x), dnormed = rt_new_like(ctx, normed);
        rt_tensor dhidden = RT_NEW(ctx, count, hidden_width), hidden = RT_ABSENT;
        if (rt_linear_trains(&transition->out)) hidden = rt_new_like(ctx, dhidden);
        rt_linear_backward(ctx, &transition->out, dhidden, false, dy, RT_ABSENT);
        rt_gated_backward(ctx, &transition->b, &transition->a, RT_ACT_SILU, dnormed, hidden, dhidden, normed);
        if (hidden.data) rt_linear_backward(ctx, &transition->out, RT_ABSENT, false, dy, hidden);
        rt_norm_backward(ctx, &transition->norm, dy, true, dnormed, x);
        rt_arena_reset(ctx->step, mark);
    }
}
