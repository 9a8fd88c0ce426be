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

/* Rows of a layer's output: columns [first, first + count) of y.  room: for its adapters. */
static rt_linear columns_of(const rt_linear *linear, rt_adapter room[RT_MOST_ADAPTERS], int64_t first, int64_t count)
{
    rt_linear part = *linear;
    int n = 0;
    for (const rt_adapter *a = linear->adapter; a; a = a->next, n++) {
        RT_REQUIRE(n < RT_MOST_ADAPTERS);
        room[n] = *a;
        room[n].b = rt_slice(a->b, first, count);
        room[n].next = NULL;
        if (n) room[n - 1].next = &room[n];
        else part.adapter = room;
    }
    if (part.weight.data) part.weight = rt_slice(part.weight, first, count);
    if (part.weight16.data) part.weight16 = rt_slice(part.weight16, first, count);
    if (part.bias.data) part.bias = rt_slice(part.bias, first, count);
    return part;
}

typedef struct {
    const rt_norm *norm;
    const rt_linear *project;
    rt_tensor z, left, right;
} projections;

static void project_rows(rt_ctx *ctx, const void *user, int64_t first, int64_t count)
{
    const projections *p = user;
    rt_tensor normed = rt_norm_new(ctx, p->norm, rt_slice(p->z, first, count));
    rt_gated_forward(ctx, &p->project[0], &p->project[1], RT_ACT_SIGMOID, rt_slice(p->left, first, count), normed);
    rt_gated_forward(ctx, &p->project[2], &p->project[3], RT_ACT_SIGMOID, rt_slice(p->right, first, count), normed);
}

/* Channels of the update, those of `project` (a, its gate, b, its gate), into x (n*n, channels). */
static void update_channels(rt_ctx *ctx, const rt_norm *norm, const rt_linear project[4], rt_tensor x, rt_tensor z,
                            bool outgoing, rt_tensor opt_left, rt_tensor opt_right)
{
    int64_t n = z.dim[0], rows = n * n, c = rt_linear_out(&project[0]), mark = rt_arena_mark(ctx->step);
    rt_tensor left = opt_left.data ? opt_left : RT_NEW(ctx, rows, c);
    rt_tensor right = opt_right.data ? opt_right : RT_NEW(ctx, rows, c);
    rt_tiles_run(ctx, rows, 1, project_rows, &(projections){norm, project, RT_VIEW(z, rows, z.dim[2]), left, right});
    rt_op_triangle_product(ctx, RT_VIEW(x, n, n, c), RT_VIEW(left, n, n, c), RT_VIEW(right, n, n, c), outgoing);
    rt_arena_reset(ctx->step, mark);
}

enum { FRUGAL_CHANNELS = 16 };

void rt_triangle_update(rt_ctx *ctx, const rt_norm *norm, const rt_linear *a, const rt_linear *a_gate, const rt_linear *b,
                        const rt_linear *b_gate, rt_tensor x, rt_tensor z, bool outgoing, rt_tensor opt_left,
                        rt_tensor opt_right)
{
    int64_t rows = z.dim[0] * z.dim[1], c = rt_linear_out(a), mark = rt_arena_mark(ctx->step);
    if (!ctx->frugal || c % FRUGAL_CHANNELS || opt_left.data) {
        update_channels(ctx, norm, (const rt_linear[4]){*a, *a_gate, *b, *b_gate}, x, z, outgoing, opt_left, opt_right);
        return;
    }
    rt_tensor part = RT_NEW(ctx, rows, FRUGAL_CHANNELS);   /* channels do not meet before the norm that follows */
    for (int64_t from = 0; from < c && ctx->status == RT_OK; from += FRUGAL_CHANNELS) {
        const rt_linear *const whole[4] = {a, a_gate, b, b_gate};
        rt_adapter room[4][RT_MOST_ADAPTERS];
        rt_linear project[4];
        for (int i = 0; i < 4; i++) project[i] = columns_of(whole[i], room[i], from, FRUGAL_CHANNELS);
        update_channels(ctx, norm, project, part, z, outgoing, RT_ABSENT, RT_ABSENT);
        rt_op_place(ctx, RT_VIEW(x, rows, c), part, from);
    }
    rt_arena_reset(ctx->step, mark);
}

void rt_triangle_update_backward(rt_ctx *ctx, const rt_norm *norm, const rt_linear *a, const rt_linear *a_gate,
                                 const rt_linear *b, const rt_linear *b_gate, rt_tensor dz, rt_tensor dx, rt_tensor z,
                                 bool outgoing, rt_tensor left, rt_tensor right)
{
    int64_t n = z.dim[0], rows = n * n, c = rt_linear_out(a), mark = rt_arena_mark(ctx->step);
    rt_tensor dleft = RT_NEW(ctx, rows, c), dright = RT_NEW(ctx, rows, c);
    rt_tensor in = RT_VIEW(z, rows, rt_last(z)), out = RT_VIEW(dz, rows, rt_last(z));
    rt_op_triangle_product_backward(ctx, RT_VIEW(dleft, n, n, c), RT_VIEW(dright, n, n, c), RT_VIEW(dx, n, n, c),
                                    RT_VIEW(left, n, n, c), RT_VIEW(right, n, n, c), outgoing);
    int64_t inner = rt_arena_mark(ctx->step);
    for (int64_t first = 0; first < rows && ctx->status == RT_OK; first += RT_ROW_CHUNK) {
        int64_t count = rows - first < RT_ROW_CHUNK ? rows - first : RT_ROW_CHUNK;
        rt_tensor chunk = rt_slice(in, first, count), normed = rt_norm_new(ctx, norm, chunk);
        rt_tensor dnormed = rt_new_like(ctx, normed), part = rt_new_like(ctx, normed);
        rt_gated_backward(ctx, a, a_gate, RT_ACT_SIGMOID, dnormed, RT_ABSENT, rt_slice(dleft, first, count), normed);
        rt_gated_backward(ctx, b, b_gate, RT_ACT_SIGMOID, part, RT_ABSENT, rt_slice(dright, first, count), normed);
        rt_op_axpby(ctx, dnormed, 1, part, 1);
        rt_norm_backward(ctx, norm, rt_slice(out, first, count), true, dnormed, chunk);
        rt_arena_reset(ctx->step, inner);
    }
    rt_arena_reset(ctx->step, mark);
}

typedef struct {
    const rt_triangle_multiplication *m;
    rt_tensor z, x;
    bool keep;      /* x is read again in training */
} update_rows;

/* z += sigmoid(g LN(z)) * z LN(x) */
static void update_forward(rt_ctx *ctx, const void *user, int64_t first, int64_t count)
{
    const update_rows *rows = user;
    const rt_triangle_multiplication *m = rows->m;
    rt_tensor chunk = rt_slice(rows->z, first, count), product = rt_slice(rows->x, first, count);
    rt_tensor normed = rt_norm_new(ctx, &m->norm_in, chunk), out = rows->keep ? rt_new_like(ctx, product) : product;
    rt_norm_forward(ctx, &m->norm_out, out, product);
    rt_tensor update = rt_linear_new(ctx, &m->z, out, RT_ACT_NONE);
    rt_linear_forward(ctx, &m->g, chunk, normed, (rt_epilogue){.act = RT_ACT_SIGMOID, .mul = update, .add = true});
}

void rt_triangle_multiplication_forward(rt_ctx *ctx, const rt_triangle_multiplication *m, rt_tensor z,
                                        rt_triangle_multiplication_saved *opt_saved)
{
    int64_t n = z.dim[0], rows = n * n, c_z = z.dim[2], c = rt_linear_out(&m->a_p);
    RT_SHAPE(z, n, n, c_z);
    if (opt_saved)
        *opt_saved = (rt_triangle_multiplication_saved){rt_new_copy(ctx, z), RT_NEW(ctx, rows, c), RT_NEW(ctx, rows, c),
                                                        RT_NEW(ctx, rows, c)};
    int64_t mark = rt_arena_mark(ctx->step);
    rt_tensor flat = RT_VIEW(z, rows, c_z), x = opt_saved ? opt_saved->x : RT_NEW(ctx, rows, c);
    rt_triangle_update(ctx, &m->norm_in, &m->a_p, &m->a_g, &m->b_p, &m->b_g, x, z, m->outgoing,
                       opt_saved ? opt_saved->left : RT_ABSENT, opt_saved ? opt_saved->right : RT_ABSENT);
    rt_tiles_run(ctx, rows, 1, update_forward, &(update_rows){m, flat, x, opt_saved != NULL});
    rt_arena_reset(ctx->step, mark);
}

void rt_triangle_multiplication_backward(rt_ctx *ctx, const rt_triangle_multiplication *m, rt_tensor dz,
                                         const rt_triangle_multiplication_saved *saved)
{
    int64_t n = dz.dim[0], rows = n * n, c_z = dz.dim[2], c = rt_linear_out(&m->a_p), mark = rt_arena_mark(ctx->step);
    rt_tensor in = RT_VIEW(saved->z, rows, c_z), flat = RT_VIEW(dz, rows, c_z), dx = RT_NEW(ctx, rows, c);
    int64_t inner = rt_arena_mark(ctx->step);
    for (int64_t first = 0; first < rows && ctx->status == RT_OK; first += RT_ROW_CHUNK) {
        int64_t count = rows - first < RT_ROW_CHUNK ? rows - first : RT_ROW_CHUNK;
        rt_tensor dy = rt_slice(flat, first, count), chunk = rt_slice(in, first, count);
        rt_tensor product = rt_slice(saved->x, first, count), dproduct = rt_slice(dx, first, count);
        rt_tensor normed = rt_norm_new(ctx, &m->norm_in, chunk), out = rt_norm_new(ctx, &m->norm_out, product);
        rt_tensor update = rt_linear_new(ctx, &m->z, out, RT_ACT_NONE), dupdate = rt_new_like(ctx, update);
        rt_tensor pre = rt_linear_new(ctx, &m->g, normed, RT_ACT_NONE), dnormed = rt_new_like(ctx, normed);
        rt_epilogue gate = {.act = RT_ACT_SIGMOID, .mul = update};
        rt_zero(ctx, dupdate);
        rt_op_epilogue_backward(ctx, RT_ABSENT, dupdate, dy, pre, gate);
        rt_op_epilogue_backward(ctx, pre, RT_ABSENT, dy, pre, gate);
        rt_linear_backward(ctx, &m->z, dproduct, false, dupdate, out);
        rt_norm_backward(ctx, &m->norm_out, dproduct, false, dproduct, product);
        rt_linear_backward(ctx, &m->g, dnormed, false, pre, normed);
        rt_norm_backward(ctx, &m->norm_in, dy, true, dnormed, chunk);
        rt_arena_reset(ctx->step, inner);
    }
    rt_triangle_update_backward(ctx, &m->norm_in, &m->a_p, &m->a_g, &m->b_p, &m->b_g, dz, dx, saved->z, m->outgoing,
                                saved->left, saved->right);
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

/* bias (heads,N,N) from LN(z) */
static rt_tensor pair_bias(rt_ctx *ctx, const rt_triangle_attention *a, rt_tensor z)
{
    int64_t n = z.dim[0];
    rt_tensor bias = RT_NEW(ctx, a->heads, n, n);
    int64_t mark = rt_arena_mark(ctx->step);
    rt_tensor by_pair = RT_NEW(ctx, n * n, a->heads);
    rt_norm_linear_forward(ctx, &a->norm, &a->bias, by_pair, z, RT_PLAIN);
    rt_op_transpose(ctx, RT_VIEW(bias, a->heads, n * n), by_pair);
    rt_arena_reset(ctx->step, mark);
    return bias;
}

typedef struct {
    const rt_triangle_attention *a;
    rt_tensor z, bias;
} attention_rows;

/* Rows i of z (n,n,c): each attends within itself. */
static void attention_forward(rt_ctx *ctx, const void *user, int64_t first, int64_t count)
{
    const attention_rows *rows = user;
    const rt_triangle_attention *a = rows->a;
    int64_t width = rt_linear_out(&a->q);
    rt_tensor chunk = rt_slice(rows->z, first, count), normed = rt_norm_new(ctx, &a->norm, chunk);
    rt_tensor q = rt_linear_new(ctx, &a->q, normed, RT_ACT_NONE), k = rt_linear_new(ctx, &a->k, normed, RT_ACT_NONE);
    rt_tensor v = rt_linear_new(ctx, &a->v, normed, RT_ACT_NONE), g = rt_linear_new(ctx, &a->g, normed, RT_ACT_SIGMOID);
    rt_tensor o = RT_NEW(ctx, count, chunk.dim[1], width);
    rt_op_attention(ctx, o, q, k, v, rows->bias, g, a->heads, 1 / sqrt((double)(width / a->heads)));
    rt_linear_forward(ctx, &a->o, chunk, o, RT_ADD);
}

void rt_triangle_attention_forward(rt_ctx *ctx, const rt_triangle_attention *a, rt_tensor z,
                                   rt_triangle_attention_saved *opt_saved)
{
    int64_t n = z.dim[0], c_z = z.dim[2];
    RT_SHAPE(z, n, n, c_z);
    if (opt_saved) opt_saved->z = rt_new_copy(ctx, z);
    int64_t mark = rt_arena_mark(ctx->step);
    rt_tensor bias = pair_bias(ctx, a, z);
    rt_tiles_run(ctx, n, n, attention_forward, &(attention_rows){a, z, bias});
    rt_arena_reset(ctx->step, mark);
}

void rt_triangle_attention_backward(rt_ctx *ctx, const rt_triangle_attention *a, rt_tensor dz,
                                    const rt_triangle_attention_saved *saved)
{
    int64_t n = dz.dim[0], width = rt_linear_out(&a->q), step = rows_at_a_time(n), mark = rt_arena_mark(ctx->step);
    rt_tensor bias = pair_bias(ctx, a, saved->z), dbias = rt_new_like(ctx, bias), dby_pair = RT_NEW(ctx, n * n, a->heads);
    int64_t inner = rt_arena_mark(ctx->step);
    double scale = 1 / sqrt((double)(width / a->heads));
    rt_zero(ctx, dbias);
    for (int64_t i = 0; i < n && ctx->status == RT_OK; i += step) {
        int64_t rows = n - i < step ? n - i : step;
        rt_tensor chunk = rt_slice(saved->z, i, rows), dy = rt_slice(dz, i, rows), normed = rt_norm_new(ctx, &a->norm, chunk);
        rt_tensor q = rt_linear_new(ctx, &a->q, normed, RT_ACT_NONE), k = rt_linear_new(ctx, &a->k, normed, RT_ACT_NONE);
        rt_tensor v = rt_linear_new(ctx, &a->v, normed, RT_ACT_NONE), pre = rt_linear_new(ctx, &a->g, normed, RT_ACT_NONE);
        rt_tensor g = rt_new_like(ctx, pre), d_o = rt_new_like(ctx, pre), dnormed = rt_new_like(ctx, normed);
        rt_attention_grad grad = {.dq = rt_new_like(ctx, q), .dk = rt_new_like(ctx, k), .dv = rt_new_like(ctx, v),
                                  .opt_dbias = dbias, .opt_dgate = rt_new_like(ctx, g),
                                  .opt_o = rt_linear_trains(&a->o) ? rt_new_like(ctx, g) : RT_ABSENT};
        rt_op_epilogue(ctx, g, pre, (rt_epilogue){.act = RT_ACT_SIGMOID});
        rt_linear_backward(ctx, &a->o, d_o, false, dy, RT_ABSENT);
        rt_op_attention_backward(ctx, &grad, d_o, q, k, v, bias, g, a->heads, scale);
        if (grad.opt_o.data) rt_linear_backward(ctx, &a->o, RT_ABSENT, false, dy, grad.opt_o);
        rt_op_epilogue_backward(ctx, pre, RT_ABSENT, grad.opt_dgate, pre, (rt_epilogue){.act = RT_ACT_SIGMOID});
        rt_linear_backward(ctx, &a->q, dnormed, false, grad.dq, normed);
        rt_linear_backward(ctx, &a->k, dnormed, true, grad.dk, normed);
        rt_linear_backward(ctx, &a->v, dnormed, true, grad.dv, normed);
        rt_linear_backward(ctx, &a->g, dnormed, true, pre, normed);
        rt_norm_backward(ctx, &a->norm, dy, true, dnormed, chunk);
        rt_arena_reset(ctx->step, inner);
    }
    rt_op_transpose(ctx, dby_pair, RT_VIEW(dbias, a->heads, n * n));
    rt_norm_linear_backward(ctx, &a->norm, &a->bias, dz, dby_pair, saved->z);
    rt_arena_reset(ctx->step, mark);
}
