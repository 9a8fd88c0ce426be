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
    rt_gated_saved hidden;
} transition_rows;

static void forward_rows(rt_ctx *ctx, const void *user, int64_t first, int64_t count)
{
    const transition_rows *rows = user;
    const rt_transition *transition = rows->transition;
    rt_tensor x = rt_slice(rows->x, first, count), normed = rt_norm_new(ctx, &transition->norm, x);
    rt_tensor hidden = RT_NEW(ctx, count, rt_linear_out(&transition->a));
    rt_gated_forward(ctx, &transition->b, &transition->a, RT_ACT_SILU, hidden, normed,
                     rt_gated_slice(rows->hidden, first, count));
    rt_linear_forward(ctx, &transition->out, x, hidden, RT_ADD);
}

void rt_transition_forward(rt_ctx *ctx, const rt_transition *transition, rt_tensor x, rt_transition_saved *opt_saved)
{
    int64_t rows = rt_rows(x);
    rt_gated_saved hidden = {0};
    if (opt_saved) {
        hidden = rt_gated_keep(ctx, rows, rt_linear_out(&transition->a));
        *opt_saved = (rt_transition_saved){rt_new_copy(ctx, x), hidden};
    }
    rt_tiles_run(ctx, rows, 1, forward_rows, &(transition_rows){transition, RT_VIEW(x, rows, rt_last(x)), hidden});
}

typedef struct {
    const rt_transition *transition;
    rt_tensor x, dx;
    rt_gated_saved hidden;
    bool trains;    /* a or b, whose gradients read LN(x) */
} gradient_rows;

static void backward_rows(rt_ctx *ctx, const void *user, int64_t first, int64_t count)
{
    const gradient_rows *rows = user;
    const rt_transition *t = rows->transition;
    rt_tensor x = rt_slice(rows->x, first, count), dy = rt_slice(rows->dx, first, count), dnormed = rt_new_like(ctx, x);
    rt_tensor normed = rows->trains ? rt_norm_new(ctx, &t->norm, x) : RT_ABSENT;
    rt_tensor dhidden = RT_NEW(ctx, count, rt_linear_out(&t->a)), hidden = RT_ABSENT;
    if (rt_linear_trains(&t->out)) hidden = rt_new_like(ctx, dhidden);
    rt_linear_backward(ctx, &t->out, dhidden, false, dy, RT_ABSENT);
    rt_gated_backward(ctx, &t->b, &t->a, RT_ACT_SILU, dnormed, hidden, dhidden, normed,
                      rt_gated_slice(rows->hidden, first, count));
    if (hidden.data) rt_linear_backward(ctx, &t->out, RT_ABSENT, false, dy, hidden);
    rt_norm_backward(ctx, &t->norm, dy, true, dnormed, x);
}

void rt_transition_backward(rt_ctx *ctx, const rt_transition *transition, rt_tensor dx, const rt_transition_saved *saved)
{
    int64_t rows = rt_rows(dx), c = rt_last(dx);
    const rt_transition *t = transition;
    bool hidden = rt_linear_trains(&t->a) || rt_linear_trains(&t->b);
    rt_rows_backward(ctx, rows, 1, hidden || rt_linear_trains(&t->out) || rt_norm_trains(&t->norm), backward_rows,
                     &(gradient_rows){t, RT_VIEW(saved->x, rows, c), RT_VIEW(dx, rows, c), saved->hidden, hidden});
}
