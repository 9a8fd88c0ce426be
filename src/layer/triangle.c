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
    rt_tensor z;
    rt_triangle_factors to;
} projections;

static void project_rows(rt_ctx *ctx, const void *user, int64_t first, int64_t count)
{
    const projections *p = user;
    rt_tensor normed = rt_norm_new(ctx, p->norm, rt_slice(p->z, first, count));
    rt_gated_forward(ctx, &p->project[0], &p->project[1], RT_ACT_SIGMOID, rt_slice(p->to.left, first, count), normed,
                     rt_gated_slice(p->to.a, first, count));
    rt_gated_forward(ctx, &p->project[2], &p->project[3], RT_ACT_SIGMOID, rt_slice(p->to.right, first, count), normed,
                     rt_gated_slice(p->to.b, first, count));
}

/* Channels of the update, those of `project` (a, its gate, b, its gate), into x (n*n, channels). */
static void update_channels(rt_ctx *ctx, const rt_norm *norm, const rt_linear project[4], rt_tensor x, rt_tensor z,
                            bool outgoing, const rt_triangle_factors *opt_factors)
{
    int64_t n = z.dim[0], rows = n * n, c = rt_linear_out(&project[0]), mark = rt_arena_mark(ctx->step);
    rt_triangle_factors to = {0};
    if (opt_factors) to = *opt_factors;
    else to.left = RT_NEW(ctx, rows, c), to.right = RT_NEW(ctx, rows, c);
    rt_tiles_run(ctx, rows, 1, project_rows, &(projections){norm, project, RT_VIEW(z, rows, z.dim[2]), to});
    rt_op_triangle_product(ctx, RT_VIEW(x, n, n, c), RT_VIEW(to.left, n, n, c), RT_VIEW(to.right, n, n, c), outgoing);
    rt_arena_reset(ctx->step, mark);
}

enum { FRUGAL_CHANNELS = 16 };

void rt_triangle_update(rt_ctx *ctx, const rt_norm *norm, const rt_linear *const project[4], rt_tensor x, rt_tensor z,
                        bool outgoing, const rt_triangle_factors *opt_factors)
{
    int64_t rows = z.dim[0] * z.dim[1], c = rt_linear_out(project[0]), mark = rt_arena_mark(ctx->step);
    if (!ctx->frugal || c % FRUGAL_CHANNELS || opt_factors) {
        const rt_linear whole[4] = {*project[0], *project[1], *project[2], *project[3]};
        update_channels(ctx, norm, whole, x, z, outgoing, opt_factors);
        return;
    }
    rt_tensor part = RT_NEW(ctx, rows, FRUGAL_CHANNELS);   /* channels do not meet before the norm that follows */
    for (int64_t from = 0; from < c && ctx->status == RT_OK; from += FRUGAL_CHANNELS) {
        rt_adapter room[4][RT_MOST_ADAPTERS];
        rt_linear some[4];
        for (int i = 0; i < 4; i++) some[i] = columns_of(project[i], room[i], from, FRUGAL_CHANNELS);
        update_channels(ctx, norm, some, part, z, outgoing, NULL);
        rt_op_place(ctx, RT_VIEW(x, rows, c), part, from);
    }
    rt_arena_reset(ctx->step, mark);
}

typedef struct {
    const rt_triangle_multiplication *m;
    rt_tensor z, x;
    rt_tensor pre, update;
    bool keep;      /* x is read again in training */
} update_rows;

static rt_tensor slice_of(rt_tensor opt_t, int64_t first, int64_t count)
{
    return opt_t.data ? rt_slice(opt_t, first, count) : RT_ABSENT;
}

/* z += sigmoid(g LN(z)) * z LN(x) */
static void update_forward(rt_ctx *ctx, const void *user, int64_t first, int64_t count)
{
    const update_rows *rows = user;
    const rt_triangle_multiplication *m = rows->m;
    rt_tensor chunk = rt_slice(rows->z, first, count), product = rt_slice(rows->x, first, count);
    rt_tensor normed = rt_norm_new(ctx, &m->norm_in, chunk), out = rows->keep ? rt_new_like(ctx, product) : product;
    rt_tensor pre = slice_of(rows->pre, first, count), update = slice_of(rows->update, first, count);
    rt_norm_forward(ctx, &m->norm_out, out, product);
    if (!pre.data) {
        update = rt_linear_new(ctx, &m->z, out, RT_ACT_NONE);
        rt_linear_forward(ctx, &m->g, chunk, normed, (rt_epilogue){.act = RT_ACT_SIGMOID, .mul = update, .add = true});
        return;
    }
    rt_linear_forward(ctx, &m->z, update, out, RT_PLAIN);
    rt_linear_forward(ctx, &m->g, pre, normed, RT_PLAIN);
    rt_op_epilogue(ctx, chunk, pre, (rt_epilogue){.act = RT_ACT_SIGMOID, .mul = update, .add = true});
}

void rt_triangle_multiplication_forward(rt_ctx *ctx, const rt_triangle_multiplication *m, rt_tensor z,
                                        rt_triangle_multiplication_saved *opt_saved)
{
    int64_t n = z.dim[0], rows = n * n, c_z = z.dim[2], c = rt_linear_out(&m->a_p);
    RT_SHAPE(z, n, n, c_z);
    if (opt_saved) {
        *opt_saved = (rt_triangle_multiplication_saved){.z = rt_new_copy(ctx, z), .x = RT_NEW(ctx, rows, c)};
        opt_saved->factors = (rt_triangle_factors){RT_NEW(ctx, rows, c), RT_NEW(ctx, rows, c), rt_gated_keep(ctx, rows, c),
                                                   rt_gated_keep(ctx, rows, c)};
        opt_saved->pre = RT_NEW(ctx, rows, c_z), opt_saved->update = RT_NEW(ctx, rows, c_z);
    }
    int64_t mark = rt_arena_mark(ctx->step);
    update_rows update = {.m = m, .z = RT_VIEW(z, rows, c_z), .x = opt_saved ? opt_saved->x : RT_NEW(ctx, rows, c)};
    if (opt_saved) update.pre = opt_saved->pre, update.update = opt_saved->update, update.keep = true;
    rt_triangle_update(ctx, &m->norm_in, (const rt_linear *const[4]){&m->a_p, &m->a_g, &m->b_p, &m->b_g}, update.x, z,
                       m->outgoing, opt_saved ? &opt_saved->factors : NULL);
    rt_tiles_run(ctx, rows, 1, update_forward, &update);
    rt_arena_reset(ctx->step, mark);
}

typedef struct {
    const rt_triangle_multiplication *m;
    const rt_triangle_multiplication_saved *saved;
    rt_tensor z, dz, dx, dleft, dright;
    bool trains;    /* weights of the half at hand, whose gradients read LN(z) */
} gradient_rows;

/* From dz at the output: dx, the product's gradient, and what the gate's own path adds to dz. */
static void update_backward(rt_ctx *ctx, const void *user, int64_t first, int64_t count)
{
    const gradient_rows *rows = user;
    const rt_triangle_multiplication *m = rows->m;
    rt_tensor dy = rt_slice(rows->dz, first, count), chunk = rt_slice(rows->z, first, count);
    rt_tensor product = rt_slice(rows->saved->x, first, count), dproduct = rt_slice(rows->dx, first, count);
    rt_tensor pre = rt_slice(rows->saved->pre, first, count), update = rt_slice(rows->saved->update, first, count);
    rt_tensor normed = rows->trains ? rt_norm_new(ctx, &m->norm_in, chunk) : RT_ABSENT;
    rt_tensor out = rows->trains ? rt_norm_new(ctx, &m->norm_out, product) : RT_ABSENT;
    rt_tensor dupdate = rt_new_like(ctx, update), dpre = rt_new_like(ctx, pre), dnormed = rt_new_like(ctx, chunk);
    rt_epilogue gate = {.act = RT_ACT_SIGMOID, .mul = update};
    rt_zero(ctx, dupdate);
    rt_op_epilogue_backward(ctx, RT_ABSENT, dupdate, dy, pre, gate);
    rt_op_epilogue_backward(ctx, dpre, RT_ABSENT, dy, pre, gate);
    rt_linear_backward(ctx, &m->z, dproduct, false, dupdate, out);
    rt_norm_backward(ctx, &m->norm_out, dproduct, false, dproduct, product);
    rt_linear_backward(ctx, &m->g, dnormed, false, dpre, normed);
    rt_norm_backward(ctx, &m->norm_in, dy, true, dnormed, chunk);
}

/* From dleft and dright into dz. */
static void project_backward(rt_ctx *ctx, const void *user, int64_t first, int64_t count)
{
    const gradient_rows *rows = user;
    const rt_triangle_multiplication *m = rows->m;
    const rt_triangle_factors *f = &rows->saved->factors;
    rt_tensor chunk = rt_slice(rows->z, first, count), dnormed = rt_new_like(ctx, chunk), part = rt_new_like(ctx, chunk);
    rt_tensor normed = rows->trains ? rt_norm_new(ctx, &m->norm_in, chunk) : RT_ABSENT;
    rt_gated_backward(ctx, &m->a_p, &m->a_g, RT_ACT_SIGMOID, dnormed, RT_ABSENT, rt_slice(rows->dleft, first, count), normed,
                      rt_gated_slice(f->a, first, count));
    rt_gated_backward(ctx, &m->b_p, &m->b_g, RT_ACT_SIGMOID, part, RT_ABSENT, rt_slice(rows->dright, first, count), normed,
                      rt_gated_slice(f->b, first, count));
    rt_op_axpby(ctx, dnormed, 1, part, 1);
    rt_norm_backward(ctx, &m->norm_in, rt_slice(rows->dz, first, count), true, dnormed, chunk);
}

void rt_triangle_multiplication_backward(rt_ctx *ctx, const rt_triangle_multiplication *m, rt_tensor dz,
                                         const rt_triangle_multiplication_saved *saved)
{
    int64_t n = dz.dim[0], rows = n * n, c_z = dz.dim[2], c = rt_linear_out(&m->a_p), mark = rt_arena_mark(ctx->step);
    gradient_rows job = {.m = m, .saved = saved, .z = RT_VIEW(saved->z, rows, c_z), .dz = RT_VIEW(dz, rows, c_z),
                         .dx = RT_NEW(ctx, rows, c)};
    job.trains = rt_linear_trains(&m->z) || rt_linear_trains(&m->g);
    rt_rows_backward(ctx, rows, 1, job.trains || rt_norm_trains(&m->norm_in) || rt_norm_trains(&m->norm_out),
                     update_backward, &job);
    job.dleft = RT_NEW(ctx, rows, c), job.dright = RT_NEW(ctx, rows, c);
    rt_op_triangle_product_backward(ctx, RT_VIEW(job.dleft, n, n, c), RT_VIEW(job.dright, n, n, c), RT_VIEW(job.dx, n, n, c),
                                    RT_VIEW(saved->factors.left, n, n, c), RT_VIEW(saved->factors.right, n, n, c), m->outgoing);
    job.trains = rt_linear_trains(&m->a_p) || rt_linear_trains(&m->a_g) || rt_linear_trains(&m->b_p) || rt_linear_trains(&m->b_g);
    rt_rows_backward(ctx, rows, 1, job.trains || rt_norm_trains(&m->norm_in), project_backward, &job);
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
    rt_triangle_attention_saved to;
} attention_rows;

/* LN(z) W^T into the kept tensor's rows, or a new one. */
static rt_tensor project(rt_ctx *ctx, const rt_linear *linear, rt_tensor opt_kept, rt_tensor normed, int64_t first, int64_t count)
{
    if (!opt_kept.data) return rt_linear_new(ctx, linear, normed, RT_ACT_NONE);
    rt_tensor y = rt_slice(opt_kept, first, count);
    rt_linear_forward(ctx, linear, y, normed, RT_PLAIN);
    return y;
}

/* Rows i of z (n,n,c): each attends within itself. */
static void attention_forward(rt_ctx *ctx, const void *user, int64_t first, int64_t count)
{
    const attention_rows *rows = user;
    const rt_triangle_attention *a = rows->a;
    rt_tensor chunk = rt_slice(rows->z, first, count), normed = rt_norm_new(ctx, &a->norm, chunk);
    rt_tensor q = project(ctx, &a->q, rows->to.q, normed, first, count);
    rt_tensor k = project(ctx, &a->k, rows->to.k, normed, first, count);
    rt_tensor v = project(ctx, &a->v, rows->to.v, normed, first, count), g;
    if (rows->to.pre.data) {
        rt_tensor pre = project(ctx, &a->g, rows->to.pre, normed, first, count);
        rt_op_epilogue(ctx, g = rt_new_like(ctx, pre), pre, (rt_epilogue){.act = RT_ACT_SIGMOID});
    } else {
        g = rt_linear_new(ctx, &a->g, normed, RT_ACT_SIGMOID);
    }
    rt_tensor o = rt_new_like(ctx, q);
    rt_op_attention(ctx, o, q, k, v, rows->bias, g, a->heads, 1 / sqrt((double)(rt_last(q) / a->heads)));
    rt_linear_forward(ctx, &a->o, chunk, o, RT_ADD);
}

rt_triangle_attention_saved rt_triangle_attention_keep(rt_ctx *ctx, const rt_triangle_attention *a, int64_t n)
{
    int64_t width = rt_linear_out(&a->q), c_z = a->q.weight.dim[1];
    rt_triangle_attention_saved saved = {.z = RT_NEW(ctx, n, n, c_z)};
    saved.q = RT_NEW(ctx, n, n, width), saved.k = RT_NEW(ctx, n, n, width);
    saved.v = RT_NEW(ctx, n, n, width), saved.pre = RT_NEW(ctx, n, n, width);
    return saved;
}

void rt_triangle_attention_forward(rt_ctx *ctx, const rt_triangle_attention *a, rt_tensor z,
                                   const rt_triangle_attention_saved *opt_saved)
{
    int64_t n = z.dim[0], c_z = z.dim[2], mark = rt_arena_mark(ctx->step);
    RT_SHAPE(z, n, n, c_z);
    attention_rows rows = {.a = a, .z = z};
    if (opt_saved) rt_op_axpby(ctx, opt_saved->z, 0, z, 1), rows.to = *opt_saved;
    rows.bias = pair_bias(ctx, a, z);
    rt_tiles_run(ctx, n, n, attention_forward, &rows);
    rt_arena_reset(ctx->step, mark);
}

typedef struct {
    const rt_triangle_attention *a;
    const rt_triangle_attention_saved *saved;
    rt_tensor dz, bias, dbias;
    bool trains;
} attention_gradient_rows;

static void attention_backward(rt_ctx *ctx, const void *user, int64_t first, int64_t count)
{
    const attention_gradient_rows *rows = user;
    const rt_triangle_attention *a = rows->a;
    const rt_triangle_attention_saved *s = rows->saved;
    rt_tensor chunk = rt_slice(s->z, first, count), dy = rt_slice(rows->dz, first, count), dnormed = rt_new_like(ctx, chunk);
    rt_tensor normed = rows->trains ? rt_norm_new(ctx, &a->norm, chunk) : RT_ABSENT;
    rt_tensor q = rt_slice(s->q, first, count), k = rt_slice(s->k, first, count), v = rt_slice(s->v, first, count);
    rt_tensor pre = rt_slice(s->pre, first, count);
    rt_tensor g = rt_new_like(ctx, pre), d_o = rt_new_like(ctx, pre), dpre = rt_new_like(ctx, pre);
    rt_attention_grad grad = {.dq = rt_new_like(ctx, q), .dk = rt_new_like(ctx, k), .dv = rt_new_like(ctx, v),
                              .opt_dbias = rows->dbias, .opt_dgate = rt_new_like(ctx, g),
                              .opt_o = rt_linear_trains(&a->o) ? rt_new_like(ctx, g) : RT_ABSENT};
    rt_op_epilogue(ctx, g, pre, (rt_epilogue){.act = RT_ACT_SIGMOID});
    rt_linear_backward(ctx, &a->o, d_o, false, dy, RT_ABSENT);
    rt_op_attention_backward(ctx, &grad, d_o, q, k, v, rows->bias, g, a->heads, 1 / sqrt((double)(rt_last(q) / a->heads)));
    if (grad.opt_o.data) rt_linear_backward(ctx, &a->o, RT_ABSENT, false, dy, grad.opt_o);
    rt_op_epilogue_backward(ctx, dpre, RT_ABSENT, grad.opt_dgate, pre, (rt_epilogue){.act = RT_ACT_SIGMOID});
    rt_linear_backward(ctx, &a->q, dnormed, false, grad.dq, normed);
    rt_linear_backward(ctx, &a->k, dnormed, true, grad.dk, normed);
    rt_linear_backward(ctx, &a->v, dnormed, true, grad.dv, normed);
    rt_linear_backward(ctx, &a->g, dnormed, true, dpre, normed);
    rt_norm_backward(ctx, &a->norm, dy, true, dnormed, chunk);
}

void rt_triangle_attention_backward(rt_ctx *ctx, const rt_triangle_attention *a, rt_tensor dz,
                                    const rt_triangle_attention_saved *saved)
{
    int64_t n = dz.dim[0], mark = rt_arena_mark(ctx->step);
    rt_tensor dby_pair = RT_NEW(ctx, n * n, a->heads);
    attention_gradient_rows rows = {.a = a, .saved = saved, .dz = dz, .bias = pair_bias(ctx, a, saved->z)};
    rows.dbias = rt_new_like(ctx, rows.bias);
    rows.trains = rt_linear_trains(&a->q) || rt_linear_trains(&a->k) || rt_linear_trains(&a->v) || rt_linear_trains(&a->g);
    rt_zero(ctx, rows.dbias);
    rt_rows_backward(ctx, n, n, true, attention_backward, &rows);   /* the bias's gradient sums over all rows */
    rt_op_transpose(ctx, dby_pair, RT_VIEW(rows.dbias, a->heads, n * n));
    rt_norm_linear_backward(ctx, &a->norm, &a->bias, dz, dby_pair, saved->z);
    rt_arena_reset(ctx->step, mark);
}
