/* count.c - a table of ops that compute nothing and add up the multiplications that they would take */
#include "op/backend.h"

/* A row without products, and the declarations of those below. */
#pragma GCC diagnostic ignored "-Wunused-parameter"
#define RT_OP(name, parameters, arguments, help) \
    static void nothing_##name parameters {}
#include "op/ops.def"
#undef RT_OP

/* 2 per multiply-add */
static void add(rt_ctx *ctx, double products) { ctx->flop += 2 * products; }

static double rows_of(rt_tensor t) { return (double)rt_rows(t); }
static double last_of(rt_tensor t) { return (double)rt_last(t); }

static void count_linear(rt_ctx *ctx, rt_tensor y, rt_tensor x, rt_tensor w, rt_tensor opt_bias, rt_epilogue epilogue)
{
    add(ctx, rows_of(x) * last_of(x) * last_of(y));
}

static void count_linear_backward(rt_ctx *ctx, rt_tensor opt_dx, bool accumulate, rt_tensor opt_dw, rt_tensor opt_db,
                                  rt_tensor dy, rt_tensor opt_x, rt_tensor w)
{
    add(ctx, ((opt_dx.data != NULL) + (opt_dw.data != NULL)) * rows_of(dy) * last_of(dy) * last_of(w));
}

/* q k^T and P v; their backward makes the logits again, then dv, dP, dq and dk. */
static double attention_products(rt_tensor q, rt_tensor k)
{
    return (double)rt_count(q) * (double)k.dim[k.ndim - 2];
}

static void count_attention(rt_ctx *ctx, rt_tensor o, rt_tensor q, rt_tensor k, rt_tensor v, rt_tensor opt_bias,
                            rt_tensor opt_gate, int64_t heads, double scale)
{
    add(ctx, 2 * attention_products(q, k));
}

static void count_attention_backward(rt_ctx *ctx, const rt_attention_grad *grad, rt_tensor d_o, rt_tensor q,
                                     rt_tensor k, rt_tensor v, rt_tensor opt_bias, rt_tensor opt_gate, int64_t heads,
                                     double scale)
{
    add(ctx, (5 + (grad->opt_o.data || opt_gate.data)) * attention_products(q, k));
}

static void count_local_attention(rt_ctx *ctx, rt_tensor o, rt_tensor q, rt_tensor k, rt_tensor v, rt_tensor bias,
                                  rt_tensor opt_gate, int64_t heads, double scale)
{
    add(ctx, 2 * (double)rt_count(q) * RT_WINDOW_KEYS);
}

static void count_local_attention_backward(rt_ctx *ctx, const rt_attention_grad *grad, rt_tensor d_o, rt_tensor q,
                                           rt_tensor k, rt_tensor v, rt_tensor bias, rt_tensor opt_gate, int64_t heads,
                                           double scale)
{
    add(ctx, (5 + (grad->opt_o.data || opt_gate.data)) * (double)rt_count(q) * RT_WINDOW_KEYS);
}

static void count_triangle_product(rt_ctx *ctx, rt_tensor x, rt_tensor a, rt_tensor b, bool outgoing)
{
    add(ctx, (double)rt_count(x) * (double)x.dim[0]);
}

static void count_triangle_product_backward(rt_ctx *ctx, rt_tensor da, rt_tensor db, rt_tensor dx, rt_tensor a,
                                            rt_tensor b, bool outgoing)
{
    add(ctx, 2 * (double)rt_count(dx) * (double)dx.dim[0]);
}

static void count_outer_product(rt_ctx *ctx, rt_tensor y, rt_tensor a, rt_tensor b, int64_t first)
{
    add(ctx, (double)rt_count(y) * (double)a.dim[0]);
}

static void count_outer_product_backward(rt_ctx *ctx, rt_tensor da, rt_tensor db, rt_tensor dy, rt_tensor a,
                                         rt_tensor b, int64_t first)
{
    add(ctx, 2 * (double)rt_count(dy) * (double)a.dim[0]);
}

/* first w x for every token, then that for every pair */
static void count_outer_linear(rt_ctx *ctx, rt_tensor z, rt_tensor x, rt_tensor w, rt_tensor opt_bias, bool accumulate)
{
    add(ctx, rows_of(x) * (double)rt_count(w) + rows_of(z) * last_of(z) * last_of(x));
}

static void count_pair_average(rt_ctx *ctx, rt_tensor y, rt_tensor w, rt_tensor v)
{
    add(ctx, (double)rt_count(v) * last_of(w));
}

static void count_pair_average_backward(rt_ctx *ctx, rt_tensor dw, rt_tensor dv, rt_tensor dy, rt_tensor w, rt_tensor v)
{
    add(ctx, 2 * (double)rt_count(v) * last_of(w));
}

static void count_atom_linear(rt_ctx *ctx, rt_tensor y, rt_tensor x, rt_tensor w, rt_tensor token, rt_tensor type)
{
    add(ctx, rows_of(y) * last_of(y) * last_of(x));
}

static void count_atom_linear_backward(rt_ctx *ctx, rt_tensor opt_dx, rt_tensor opt_dw, rt_tensor dy, rt_tensor x,
                                       rt_tensor w, rt_tensor token, rt_tensor type)
{
    add(ctx, ((opt_dx.data != NULL) + (opt_dw.data != NULL)) * rows_of(dy) * last_of(dy) * last_of(x));
}

static const rt_backend NOTHING = {
    .name = "count",
#define RT_OP(name, parameters, arguments, help) .name = nothing_##name,
#include "op/ops.def"
#undef RT_OP
};

/* The rows with products in place of those without. */
static rt_backend make_table(void)
{
    rt_backend t = NOTHING;
    t.linear = count_linear, t.linear_backward = count_linear_backward;
    t.attention = count_attention, t.attention_backward = count_attention_backward;
    t.local_attention = count_local_attention, t.local_attention_backward = count_local_attention_backward;
    t.triangle_product = count_triangle_product, t.triangle_product_backward = count_triangle_product_backward;
    t.outer_product = count_outer_product, t.outer_product_backward = count_outer_product_backward;
    t.outer_linear = count_outer_linear;
    t.pair_average = count_pair_average, t.pair_average_backward = count_pair_average_backward;
    t.atom_linear = count_atom_linear, t.atom_linear_backward = count_atom_linear_backward;
    return t;
}

rt_status rt_ctx_count_begin(rt_ctx *ctx, rt_ctx_measure *out_measure, rt_err *err)
{
    static rt_backend table;
    rt_status status = rt_ctx_measure_begin(ctx, out_measure, err);
    if (status != RT_OK) return status;
    table = make_table();
    ctx->op = &table;
    ctx->counting = true;
    ctx->flop = 0;
    return RT_OK;
}

double rt_ctx_count_end(rt_ctx *ctx, rt_ctx_measure *measure)
{
    ctx->op = ctx->on_device ? &rt_backend_cuda : &rt_backend_cpu;
    ctx->counting = false;
    rt_ctx_measure_end(ctx, measure);
    return ctx->flop;
}
