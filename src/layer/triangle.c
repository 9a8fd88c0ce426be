#include "layer/triangle.h"

#include <math.h>

void rt_triangle_multiplication_bind(rt_binder *binder, rt_triangle_multiplication *m, const char *prefix, int64_t c_z,
                                     int64_t c_hidden, bool outgoing)
{
    m->outgoing = outgoing;
    rt_linear_bind(binder, &m->g, prefix, "linear_g", c_z, c_z, false);
    rt_linear_bind(binder, &m->z, prefix, "linear_z", c_z, c_hidden, false);
    rt_norm_bind(binder, &m->norm_in, prefix, "layer_norm_in", c_z, true);
    rt_norm_bind(binder, &m->norm_out, prefix, "layer_norm_out", c_hidden, true);
    rt_linear_bind(binder, &m->a_p, prefix, "linear_a_p", c_hidden, c_z, false);
    rt_linear_bind(binder, &m->a_g, prefix, "linear_a_g", c_hidden, c_z, false);
    rt_linear_bind(binder, &m->b_p, prefix, "linear_b_p", c_hidden, c_z, false);
    rt_linear_bind(binder, &m->b_g, prefix, "linear_b_g", c_hidden, c_z, false);
}

/* y = (x P^T) * sigmoid(x G^T), each with its bias if it has one */
static void gated_projection(rt_ctx *ctx, const rt_linear *p, const rt_linear *g, rt_tensor y, rt_tensor x)
{
    rt_linear_forward(ctx, p, y, x, RT_PLAIN);
    rt_linear_forward(ctx, g, y, x, (rt_epilogue){.act = RT_ACT_SIGMOID, .mul = y});
}

/* Rows of a layer's output: columns [first, first + count) of y. */
static rt_linear columns_of(const rt_linear *linear, int64_t first, int64_t count)
{
    rt_linear part = *linear;
    if (part.weight.data) part.weight = rt_slice(part.weight, first, count);
    if (part.weight16.data) part.weight16 = rt_slice(part.weight16, first, count);
    if (part.bias.data) part.bias = rt_slice(part.bias, first, count);
    return part;
}

/* Channels [first, first + group) of the update, into x (n*n, group). */
static void update_channels(rt_ctx *ctx, const rt_norm *norm, const rt_linear *const project[4], rt_tensor x, rt_tensor z,
                            bool outgoing, int64_t from, int64_t group)
{
    int64_t n = z.dim[0], rows = n * n, mark = rt_arena_mark(ctx->step);
    rt_tensor flat = RT_VIEW(z, rows, z.dim[2]), left = RT_NEW(ctx, rows, group), right = RT_NEW(ctx, rows, group);
    rt_linear part[4];
    for (int i = 0; i < 4; i++) part[i] = columns_of(project[i], from, group);
    int64_t inner = rt_arena_mark(ctx->step);
    for (int64_t first = 0; first < rows && ctx->status == RT_OK; first += RT_ROW_CHUNK) {
        int64_t count = rows - first < RT_ROW_CHUNK ? rows - first : RT_ROW_CHUNK;
        rt_tensor normed = rt_norm_new(ctx, norm, rt_slice(flat, first, count));
        gated_projection(ctx, &part[0], &part[1], rt_slice(left, first, count), normed);
        gated_projection(ctx, &part[2], &part[3], rt_slice(right, first, count), normed);
        rt_arena_reset(ctx->step, inner);
    }
    rt_op_triangle_product(ctx, RT_VIEW(x, n, n, group), RT_VIEW(left, n, n, group), RT_VIEW(right, n, n, group), outgoing);
    rt_arena_reset(ctx->step, mark);
}

enum { FRUGAL_CHANNELS = 16 };

void rt_triangle_update(rt_ctx *ctx, const rt_norm *norm, const rt_linear *a, const rt_linear *a_gate, const rt_linear *b,
                        const rt_linear *b_gate, rt_tensor x, rt_tensor z, bool outgoing)
{
    int64_t rows = z.dim[0] * z.dim[1], c = rt_linear_out(a), mark = rt_arena_mark(ctx->step);
    const rt_linear *const project[4] = {a, a_gate, b, b_gate};
    if (!ctx->frugal || c % FRUGAL_CHANNELS) {
        update_channels(ctx, norm, project, x, z, outgoing, 0, c);
        return;
    }
    rt_tensor part = RT_NEW(ctx, rows, FRUGAL_CHANNELS);   /* channels do not meet before the norm that follows */
    for (int64_t from = 0; from < c && ctx->status == RT_OK; from += FRUGAL_CHANNELS) {
        update_channels(ctx, norm, project, part, z, outgoing, from, FRUGAL_CHANNELS);
        rt_op_place(ctx, RT_VIEW(x, rows, c), part, from);
    }
    rt_arena_reset(ctx->step, mark);
}

void rt_triangle_multiplication_forward(rt_ctx *ctx, const rt_triangle_multiplication *m, rt_tensor z)
{
    int64_t n = z.dim[0], rows = n * n, c_z = z.dim[2], c = rt_linear_out(&m->a_p), mark = rt_arena_mark(ctx->step);
    RT_SHAPE(z, n, n, c_z);
    rt_tensor flat = RT_VIEW(z, rows, c_z), x = RT_NEW(ctx, rows, c);
    rt_triangle_update(ctx, &m->norm_in, &m->a_p, &m->a_g, &m->b_p, &m->b_g, x, z, m->outgoing);
    int64_t inner = rt_arena_mark(ctx->step);
    for (int64_t first = 0; first < rows && ctx->status == RT_OK; first += RT_ROW_CHUNK) {
        int64_t count = rows - first < RT_ROW_CHUNK ? rows - first : RT_ROW_CHUNK;
        rt_tensor chunk = rt_slice(flat, first, count), out = rt_slice(x, first, count);
        rt_tensor normed = rt_norm_new(ctx, &m->norm_in, chunk);
        rt_norm_forward(ctx, &m->norm_out, out, out);
        rt_tensor update = rt_linear_new(ctx, &m->z, out, RT_ACT_NONE);
        rt_linear_forward(ctx, &m->g, chunk, normed, (rt_epilogue){.act = RT_ACT_SIGMOID, .mul = update, .add = true});
        rt_arena_reset(ctx->step, inner);
    }
    rt_arena_reset(ctx->step, mark);
}

void rt_triangle_attention_bind(rt_binder *binder, rt_triangle_attention *a, const char *prefix, int64_t c_z,
                                int64_t c_hidden, int64_t heads)
{
    a->heads = heads;
    rt_norm_bind(binder, &a->norm, prefix, "layer_norm", c_z, true);
    rt_linear_bind(binder, &a->bias, prefix, "linear", heads, c_z, false);
    RT_SCOPE(mha, prefix, "mha");
    rt_linear_bind(binder, &a->q, mha, "linear_q", heads * c_hidden, c_z, false);
    rt_linear_bind(binder, &a->k, mha, "linear_k", heads * c_hidden, c_z, false);
    rt_linear_bind(binder, &a->v, mha, "linear_v", heads * c_hidden, c_z, false);
    rt_linear_bind(binder, &a->o, mha, "linear_o", c_z, heads * c_hidden, false);
    rt_linear_bind(binder, &a->g, mha, "linear_g", heads * c_hidden, c_z, false);
}

/* Rows i of z whose q, k, v and g together make about RT_ROW_CHUNK rows of a (M, C) view. */
static int64_t rows_at_a_time(int64_t n) { return n < RT_ROW_CHUNK ? RT_ROW_CHUNK / n : 1; }

void rt_triangle_attention_forward(rt_ctx *ctx, const rt_triangle_attention *a, rt_tensor z)
{
    int64_t n = z.dim[0], c_z = z.dim[2], width = rt_linear_out(&a->q), step = rows_at_a_time(n);
    int64_t mark = rt_arena_mark(ctx->step);
    RT_SHAPE(z, n, n, c_z);
    rt_tensor by_pair = RT_NEW(ctx, n * n, a->heads), bias = RT_NEW(ctx, a->heads, n, n);
    int64_t inner = rt_arena_mark(ctx->step);
    rt_norm_linear_forward(ctx, &a->norm, &a->bias, by_pair, z, RT_PLAIN);
    rt_op_transpose(ctx, RT_VIEW(bias, a->heads, n * n), by_pair);
    double scale = 1 / sqrt((double)(width / a->heads));
    for (int64_t i = 0; i < n && ctx->status == RT_OK; i += step) {
        int64_t rows = n - i < step ? n - i : step;
        rt_tensor chunk = rt_slice(z, i, rows), normed = rt_norm_new(ctx, &a->norm, chunk);
        rt_tensor q = rt_linear_new(ctx, &a->q, normed, RT_ACT_NONE), k = rt_linear_new(ctx, &a->k, normed, RT_ACT_NONE);
        rt_tensor v = rt_linear_new(ctx, &a->v, normed, RT_ACT_NONE), g = rt_linear_new(ctx, &a->g, normed, RT_ACT_SIGMOID);
        rt_tensor o = RT_NEW(ctx, rows, n, width);
        rt_op_attention(ctx, o, q, k, v, bias, g, a->heads, scale);
        rt_linear_forward(ctx, &a->o, chunk, o, RT_ADD);
        rt_arena_reset(ctx->step, inner);
    }
    rt_arena_reset(ctx->step, mark);
}
