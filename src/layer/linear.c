#include "layer/linear.h"

#include "base/rng.h"
#include "layer/dropout.h"

void rt_linear_bind(rt_binder *binder, rt_linear *linear, const char *prefix, const char *name, int64_t out, int64_t in,
                    bool bias)
{
    RT_SCOPE(scope, prefix, "%s", name);
    *linear = (rt_linear){0};
    rt_bind_slot slot = {&linear->weight, &linear->weight16, &linear->dweight};
    rt_bind(binder, slot, RT_BIND_PRODUCT, scope, "weight", 2, (int64_t[]){out, in});
    if (bias) RT_BIND(binder, &linear->bias, &linear->dbias, scope, "bias", out);
    linear->adapter = rt_bind_adapter(binder, scope, out, in);
}

void rt_linear_bind_exact(rt_binder *binder, rt_linear *linear, const char *prefix, const char *name, int64_t out, int64_t in,
                          bool bias)
{
    RT_SCOPE(scope, prefix, "%s", name);
    *linear = (rt_linear){0};
    RT_BIND(binder, &linear->weight, &linear->dweight, scope, "weight", out, in);
    if (bias) RT_BIND(binder, &linear->bias, &linear->dbias, scope, "bias", out);
}

void rt_norm_bind(rt_binder *binder, rt_norm *norm, const char *prefix, const char *name, int64_t c, bool offset)
{
    RT_SCOPE(scope, prefix, "%s", name);
    *norm = (rt_norm){0};
    RT_BIND(binder, &norm->gain, &norm->dgain, scope, "weight", c);
    if (offset) RT_BIND(binder, &norm->offset, &norm->doffset, scope, "bias", c);
}

static rt_tensor product_weight(const rt_linear *linear)
{
    return linear->weight16.data ? linear->weight16 : linear->weight;
}

/* to [+]= from (r,in) with the columns of features that are left out of this step as 0, the others / (1 - rate). */
static void drop_columns(rt_ctx *ctx, const rt_adapter *adapter, rt_tensor to, rt_tensor from, bool add)
{
    int64_t in = adapter->a.dim[1];
    rt_ctx_sync(ctx);
    rt_rng rng = rt_rng_make(ctx->dropout->seed, adapter->stream, ctx->dropout->step, RT_DRAW_DROPOUT);
    for (int64_t i = 0; ctx->status == RT_OK && i < in; i++) {
        double kept = rt_rng_uniform(&rng, (uint64_t)i) < adapter->dropout ? 0 : 1 / (1 - adapter->dropout);
        for (int64_t k = i; k < rt_count(from); k += in) rt_set(to, k, (add ? rt_get(to, k) : 0) + kept * rt_get(from, k));
    }
}

static bool is_dropped(const rt_ctx *ctx, const rt_adapter *adapter) { return ctx->dropout && adapter->dropout > 0; }

/* A, or in training with dropout A without the columns that are left out: x itself need not be copied. */
static rt_tensor adapter_a(rt_ctx *ctx, const rt_adapter *adapter)
{
    if (!is_dropped(ctx, adapter)) return adapter->a;
    rt_tensor a = rt_new_like(ctx, adapter->a);
    drop_columns(ctx, adapter, a, adapter->a, false);
    return a;
}

/* (rows,r): scale x A^T */
static rt_tensor adapter_inner(rt_ctx *ctx, const rt_adapter *adapter, rt_tensor x)
{
    rt_tensor inner = RT_NEW(ctx, rt_rows(x), adapter->a.dim[0]);
    rt_op_linear(ctx, inner, x, adapter_a(ctx, adapter), RT_ABSENT, RT_PLAIN);
    rt_op_axpby(ctx, inner, 0, inner, adapter->scale);
    return inner;
}

static void add_adapters(rt_ctx *ctx, const rt_linear *linear, rt_tensor y, rt_tensor x)
{
    for (const rt_adapter *a = linear->adapter; a; a = a->next)
        rt_op_linear(ctx, y, adapter_inner(ctx, a, x), a->b, RT_ABSENT, RT_ADD);
}

void rt_linear_forward(rt_ctx *ctx, const rt_linear *linear, rt_tensor y, rt_tensor x, rt_epilogue epilogue)
{
    bool after = linear->adapter && (epilogue.act != RT_ACT_NONE || epilogue.mul.data);
    int64_t mark = rt_arena_mark(ctx->step);
    if (!after) {
        rt_op_linear(ctx, y, x, product_weight(linear), linear->bias, epilogue);
        add_adapters(ctx, linear, y, x);
    } else {
        rt_tensor pre = RT_NEW(ctx, rt_rows(x), rt_linear_out(linear));
        rt_op_linear(ctx, pre, x, product_weight(linear), linear->bias, RT_PLAIN);
        add_adapters(ctx, linear, pre, x);
        rt_op_epilogue(ctx, y, pre, epilogue);
    }
    rt_arena_reset(ctx->step, mark);
}

/* dx += scale (dy B) A, dA += scale (dy B)^T x, dB += dy^T (scale x A^T) */
static void adapter_backward(rt_ctx *ctx, const rt_adapter *adapter, rt_tensor opt_dx, rt_tensor dy, rt_tensor opt_x)
{
    bool trains = opt_x.data && adapter->da.data, dropped = is_dropped(ctx, adapter);
    if (!opt_dx.data && !trains) return;
    int64_t mark = rt_arena_mark(ctx->step);
    rt_tensor dinner = RT_NEW(ctx, rt_rows(dy), adapter->a.dim[0]), da = trains ? adapter->da : RT_ABSENT;
    if (trains && dropped) rt_zero(ctx, da = rt_new_like(ctx, da));
    rt_op_linear_backward(ctx, dinner, false, RT_ABSENT, RT_ABSENT, dy, RT_ABSENT, adapter->b);
    rt_op_axpby(ctx, dinner, 0, dinner, adapter->scale);
    rt_op_linear_backward(ctx, opt_dx, true, da, RT_ABSENT, dinner, opt_x, adapter_a(ctx, adapter));
    if (trains && dropped) drop_columns(ctx, adapter, adapter->da, da, true);
    if (trains)
        rt_op_linear_backward(ctx, RT_ABSENT, false, adapter->db, RT_ABSENT, dy, adapter_inner(ctx, adapter, opt_x), adapter->b);
    rt_arena_reset(ctx->step, mark);
}

void rt_linear_backward(rt_ctx *ctx, const rt_linear *linear, rt_tensor opt_dx, bool add, rt_tensor dy, rt_tensor opt_x)
{
    rt_tensor dweight = opt_x.data ? linear->dweight : RT_ABSENT, dbias = opt_x.data ? linear->dbias : RT_ABSENT;
    if (opt_dx.data || dweight.data || dbias.data)
        rt_op_linear_backward(ctx, opt_dx, add, dweight, dbias, dy, opt_x, product_weight(linear));
    for (const rt_adapter *a = linear->adapter; a; a = a->next) adapter_backward(ctx, a, opt_dx, dy, opt_x);
}

void rt_rows_backward(rt_ctx *ctx, int64_t n_item, int64_t width, bool shared, rt_tile_body *body, const void *user)
{
    if (shared) rt_tiles_in_turn(ctx, n_item, width, body, user);
    else rt_tiles_run(ctx, n_item, width, body, user);
}

rt_tensor rt_linear_gradient(rt_ctx *ctx, const rt_linear *linear)
{
    if (linear->dweight.data) return linear->dweight;
    rt_tensor scratch = rt_new_shape(ctx, ctx->real, linear->weight.ndim, linear->weight.dim);
    rt_zero(ctx, scratch);
    return scratch;
}

rt_tensor rt_linear_new(rt_ctx *ctx, const rt_linear *linear, rt_tensor x, rt_act act)
{
    int64_t dim[RT_MAX_DIMS];
    for (int i = 0; i < x.ndim; i++) dim[i] = x.dim[i];
    dim[x.ndim - 1] = rt_linear_out(linear);
    rt_tensor y = rt_new_shape(ctx, ctx->real, x.ndim, dim);
    rt_linear_forward(ctx, linear, y, x, (rt_epilogue){.act = act});
    return y;
}

rt_gated_saved rt_gated_keep(rt_ctx *ctx, int64_t rows, int64_t out)
{
    return (rt_gated_saved){RT_NEW(ctx, rows, out), RT_NEW(ctx, rows, out)};
}

void rt_gated_forward(rt_ctx *ctx, const rt_linear *p, const rt_linear *g, rt_act act, rt_tensor y, rt_tensor x,
                      rt_gated_saved saved)
{
    if (saved.pre.data) {
        rt_linear_forward(ctx, p, saved.value, x, RT_PLAIN);
        rt_linear_forward(ctx, g, saved.pre, x, RT_PLAIN);
        rt_op_epilogue(ctx, y, saved.pre, (rt_epilogue){.act = act, .mul = saved.value});
        return;
    }
    rt_linear_forward(ctx, p, y, x, RT_PLAIN);
    rt_linear_forward(ctx, g, y, x, (rt_epilogue){.act = act, .mul = y});
}

void rt_gated_backward(rt_ctx *ctx, const rt_linear *p, const rt_linear *g, rt_act act, rt_tensor dx, rt_tensor opt_y,
                       rt_tensor dy, rt_tensor x, rt_gated_saved saved)
{
    int64_t mark = rt_arena_mark(ctx->step);
    rt_tensor value = saved.pre.data ? saved.value : rt_linear_new(ctx, p, x, RT_ACT_NONE);
    rt_tensor pre = saved.pre.data ? saved.pre : rt_linear_new(ctx, g, x, RT_ACT_NONE);
    rt_tensor dvalue = rt_new_like(ctx, value), dpre = rt_new_like(ctx, pre);
    rt_epilogue gate = {.act = act, .mul = value};
    if (opt_y.data) rt_op_epilogue(ctx, opt_y, pre, gate);
    rt_zero(ctx, dvalue);
    rt_op_epilogue_backward(ctx, dpre, dvalue, dy, pre, gate);
    rt_linear_backward(ctx, p, dx, false, dvalue, x);
    rt_linear_backward(ctx, g, dx, true, dpre, x);
    rt_arena_reset(ctx->step, mark);
}

void rt_norm_forward(rt_ctx *ctx, const rt_norm *norm, rt_tensor y, rt_tensor x)
{
    rt_op_layer_norm(ctx, y, x, norm->gain, norm->offset);
}

rt_tensor rt_norm_new(rt_ctx *ctx, const rt_norm *norm, rt_tensor x)
{
    rt_tensor y = rt_new_like(ctx, x);
    rt_norm_forward(ctx, norm, y, x);
    return y;
}

void rt_norm_backward(rt_ctx *ctx, const rt_norm *norm, rt_tensor opt_dx, bool add, rt_tensor dy, rt_tensor x)
{
    if (opt_dx.data || norm->dgain.data || norm->doffset.data)
        rt_op_layer_norm_backward(ctx, opt_dx, add, norm->dgain, norm->doffset, dy, x, norm->gain);
}

typedef struct {
    const rt_norm *norm;
    const rt_linear *linear;
    rt_tensor y, x;
    rt_epilogue epilogue;
} norm_linear_job;

static void norm_linear_rows(rt_ctx *ctx, const void *user, int64_t first, int64_t count)
{
    const norm_linear_job *job = user;
    rt_tensor normed = rt_norm_new(ctx, job->norm, rt_slice(job->x, first, count));
    rt_linear_forward(ctx, job->linear, rt_slice(job->y, first, count), normed, job->epilogue);
}

void rt_norm_linear_forward(rt_ctx *ctx, const rt_norm *norm, const rt_linear *linear, rt_tensor y, rt_tensor x,
                            rt_epilogue epilogue)
{
    int64_t rows = rt_rows(x);
    rt_tiles_run(ctx, rows, 1, norm_linear_rows,
                 &(norm_linear_job){norm, linear, RT_VIEW(y, rows, rt_last(y)), RT_VIEW(x, rows, rt_last(x)), epilogue});
}

void rt_norm_linear_backward(rt_ctx *ctx, const rt_norm *norm, const rt_linear *linear, rt_tensor opt_dx, rt_tensor dy,
                             rt_tensor x)
{
    int64_t rows = rt_rows(x), mark = rt_arena_mark(ctx->step);
    rt_tensor in = RT_VIEW(x, rows, rt_last(x)), out = RT_VIEW(dy, rows, rt_last(dy));
    bool through = opt_dx.data || norm->dgain.data || norm->doffset.data;
    for (int64_t first = 0, chunk_rows = rt_row_chunk(ctx); first < rows && ctx->status == RT_OK; first += chunk_rows) {
        int64_t count = rows - first < chunk_rows ? rows - first : chunk_rows;
        rt_tensor chunk = rt_slice(in, first, count), normed = rt_norm_new(ctx, norm, chunk);
        rt_tensor dnormed = through ? rt_new_like(ctx, chunk) : RT_ABSENT;
        rt_linear_backward(ctx, linear, dnormed, false, rt_slice(out, first, count), normed);
        rt_tensor dx = opt_dx.data ? rt_slice(RT_VIEW(opt_dx, rows, rt_last(x)), first, count) : RT_ABSENT;
        if (through) rt_norm_backward(ctx, norm, dx, true, dnormed, chunk);
        rt_arena_reset(ctx->step, mark);
    }
}
