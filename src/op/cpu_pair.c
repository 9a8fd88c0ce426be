/* cpu_pair.c - ops on pair tensors (N,N,C): triangle products, outer products, averages, transposes, distances */
#include <math.h>

#include "op/cpu.h"
#include "op/cpu_math.h"

/* ---- triangle multiplication: groups of channels, each a batch of N x N x N products ---- */

enum { CHANNEL_GROUP = 16, FRUGAL_GROUP = 4 };

typedef struct {
    rt_ctx *ctx;
    float *x;
    const float *a, *b;
    int64_t n, c, group;
    bool outgoing, bf16;
    const rt_gemm_plan *plan;
    char *scratch;
    int64_t bytes, plane_bytes;
} triangle_job;

/* planes[c][i][k] = in[i,k,first+c], or with `swap` planes[c][i][k] = in[k,i,first+c]. */
static void gather_planes(float *planes, const float *in, int64_t n, int64_t c, int64_t first, int64_t group, bool swap)
{
    if (!swap) {
        rt_cpu_transpose_block(planes, n * n, in + first, c, n * n, group);
        return;
    }
    for (int64_t i = 0; i < n; i++) rt_cpu_transpose_block(planes + i * n, n * n, in + i * c + first, n * c, n, group);
}

static void triangle_task(void *argument, int64_t task, int worker)
{
    const triangle_job *job = argument;
    int64_t n = job->n, first = task * job->group;
    int64_t group = job->c - first < job->group ? job->c - first : job->group;
    char *base = job->scratch + worker * rt_scratch_stride(job->bytes);
    float *a = (float *)base, *b = (float *)(base + job->plane_bytes), *x = (float *)(base + 2 * job->plane_bytes);
    /* a[i][k], b[k][j]: outgoing contracts the second index of both, incoming the first */
    gather_planes(a, job->a, n, job->c, first, group, !job->outgoing);
    gather_planes(b, job->b, n, job->c, first, group, job->outgoing);
    uint16_t *a16 = (uint16_t *)(base + 3 * job->plane_bytes), *b16 = a16 + job->plane_bytes / 4;
    if (job->bf16) {
        rt_cpu_to_bf16(a16, a, group * n * n);
        rt_cpu_to_bf16(b16, b, group * n * n);
    }
    for (int64_t c = 0; c < group; c++) {
        const void *left = job->bf16 ? (void *)(a16 + c * n * n) : a + c * n * n;
        const void *right = job->bf16 ? (void *)(b16 + c * n * n) : b + c * n * n;
        rt_gemm_run(job->ctx, job->plan, left, right, x + c * n * n, worker);
    }
    rt_cpu_transpose_block(job->x + first, job->c, x, n * n, group, n * n);
}

void rt_cpu_triangle_product(rt_ctx *ctx, rt_tensor x, rt_tensor a, rt_tensor b, bool outgoing)
{
    int64_t n = a.dim[0], mark = rt_arena_mark(ctx->step);
    triangle_job job = {.ctx = ctx, .x = x.data, .a = a.data, .b = b.data, .n = n, .c = a.dim[2],
                        .group = ctx->frugal ? FRUGAL_GROUP : CHANNEL_GROUP, .outgoing = outgoing,
                        .bf16 = ctx->bf16 && rt_cpu_has_bf16()};
    job.plan = rt_gemm_prepare(ctx, (rt_gemm){.m = n, .n = n, .k = n, .a_row = n, .a_col = 1, .b_row = n, .b_col = 1,
                                              .c_row = n, .bf16 = job.bf16});
    job.plane_bytes = rt_scratch_stride(job.group * n * n * 4);
    job.bytes = (job.bf16 ? 4 : 3) * job.plane_bytes;
    job.scratch = rt_cpu_scratch(ctx, job.bytes);
    if (ctx->status == RT_OK) rt_pool_run(ctx->pool, rt_tiles(job.c, job.group), triangle_task, &job);
    rt_arena_reset(ctx->step, mark);
}

/* Planes of a, b and x's gradient in channel-first order; outgoing X = A B^T, incoming X = A^T B. */
typedef struct {
    rt_ctx *ctx;
    float *da, *db;
    const float *dx, *a, *b;
    int64_t n, c;
    bool outgoing, bf16;
    const rt_gemm_plan *left, *right;
    char *scratch;
    int64_t bytes, plane_bytes;
} triangle_gradient_job;

static void triangle_gradient_task(void *argument, int64_t task, int worker)
{
    const triangle_gradient_job *job = argument;
    int64_t n = job->n, first = task * CHANNEL_GROUP, plane = n * n;
    int64_t group = job->c - first < CHANNEL_GROUP ? job->c - first : CHANNEL_GROUP;
    char *base = job->scratch + worker * rt_scratch_stride(job->bytes);
    float *a = (float *)base, *b = (float *)(base + job->plane_bytes), *dx = (float *)(base + 2 * job->plane_bytes);
    float *out = (float *)(base + 3 * job->plane_bytes);
    int64_t half = job->plane_bytes / 4;
    uint16_t *a16 = (uint16_t *)(base + 4 * job->plane_bytes), *b16 = a16 + half, *dx16 = b16 + half;
    gather_planes(a, job->a, n, job->c, first, group, false);
    gather_planes(b, job->b, n, job->c, first, group, false);
    gather_planes(dx, job->dx, n, job->c, first, group, false);
    if (job->bf16) {
        rt_cpu_to_bf16(a16, a, group * plane);
        rt_cpu_to_bf16(b16, b, group * plane);
        rt_cpu_to_bf16(dx16, dx, group * plane);
    }
#define PLANE(name, c) (job->bf16 ? (const void *)(name##16 + (c) * plane) : (const void *)(name + (c) * plane))
    for (int64_t c = 0; c < group; c++)
        rt_gemm_run(job->ctx, job->left, job->outgoing ? PLANE(dx, c) : PLANE(b, c), job->outgoing ? PLANE(b, c) : PLANE(dx, c),
                    out + c * plane, worker);
    rt_cpu_transpose_block(job->da + first, job->c, out, plane, group, plane);
    for (int64_t c = 0; c < group; c++)
        rt_gemm_run(job->ctx, job->right, job->outgoing ? PLANE(dx, c) : PLANE(a, c), job->outgoing ? PLANE(a, c) : PLANE(dx, c),
                    out + c * plane, worker);
    rt_cpu_transpose_block(job->db + first, job->c, out, plane, group, plane);
#undef PLANE
}

void rt_cpu_triangle_product_backward(rt_ctx *ctx, rt_tensor da, rt_tensor db, rt_tensor dx, rt_tensor a, rt_tensor b,
                                      bool outgoing)
{
    int64_t n = a.dim[0], mark = rt_arena_mark(ctx->step);
    triangle_gradient_job job = {.ctx = ctx, .da = da.data, .db = db.data, .dx = dx.data, .a = a.data, .b = b.data, .n = n,
                                 .c = a.dim[2], .outgoing = outgoing, .bf16 = ctx->bf16 && rt_cpu_has_bf16()};
    rt_gemm plain = {.m = n, .n = n, .k = n, .a_row = n, .a_col = 1, .b_row = n, .b_col = 1, .c_row = n, .bf16 = job.bf16};
    rt_gemm first = plain, second = plain;
    if (outgoing) second.a_row = 1, second.a_col = n;   /* dA = dX B, dB = dX^T A */
    else first.b_row = 1, first.b_col = n;              /* dA = B dX^T, dB = A dX */
    job.left = rt_gemm_prepare(ctx, first);
    job.right = rt_gemm_prepare(ctx, second);
    job.plane_bytes = rt_scratch_stride(CHANNEL_GROUP * n * n * 4);
    job.bytes = (job.bf16 ? 6 : 4) * job.plane_bytes;
    job.scratch = rt_cpu_scratch(ctx, job.bytes);
    if (ctx->status == RT_OK) rt_pool_run(ctx->pool, rt_tiles(job.c, CHANNEL_GROUP), triangle_gradient_task, &job);
    rt_arena_reset(ctx->step, mark);
}

/* ---- outer products ---- */

typedef struct {
    rt_ctx *ctx;
    float *y;
    const float *a, *b;
    int64_t n, c, msa, first;
    bool bf16;
    const void *b16;
    const rt_gemm_plan *plan;
    char *scratch;
    int64_t bytes;
} outer_job;

static void outer_product_task(void *argument, int64_t task, int worker)
{
    const outer_job *job = argument;
    int64_t n = job->n, c = job->c, msa = job->msa;
    float *left = (float *)(job->scratch + worker * rt_scratch_stride(job->bytes)), *product = left + (c * msa + 15) / 16 * 16;
    rt_cpu_transpose_block(left, msa, job->a + (job->first + task) * c, n * c, msa, c);
    uint16_t *left16 = (uint16_t *)(product + c * n * c);
    if (job->bf16) rt_cpu_to_bf16(left16, left, c * msa);
    rt_gemm_run(job->ctx, job->plan, job->bf16 ? (void *)left16 : left, job->bf16 ? job->b16 : job->b, product, worker);
    float *y = job->y + task * n * c * c;
    for (int64_t p = 0; p < c; p++)
        for (int64_t j = 0; j < n; j++) memcpy(y + (j * c + p) * c, product + (p * n + j) * c, (size_t)c * sizeof *y);
}

void rt_cpu_outer_product(rt_ctx *ctx, rt_tensor y, rt_tensor a, rt_tensor b, int64_t first)
{
    int64_t mark = rt_arena_mark(ctx->step);
    outer_job job = {.ctx = ctx, .y = y.data, .a = a.data, .b = b.data, .n = a.dim[1], .c = a.dim[2], .msa = a.dim[0],
                     .first = first, .bf16 = ctx->bf16 && rt_cpu_has_bf16()};
    job.plan = rt_gemm_prepare(ctx, (rt_gemm){.m = job.c, .n = job.n * job.c, .k = job.msa, .a_row = job.msa, .a_col = 1,
                                              .b_row = job.n * job.c, .b_col = 1, .c_row = job.n * job.c, .bf16 = job.bf16});
    if (job.bf16) {
        rt_tensor b16 = RT_NEW_TYPE(ctx, RT_BF16, job.msa, job.n, job.c);
        if (b16.data && !ctx->measuring) rt_cpu_to_bf16(b16.data, b.data, rt_count(b));
        job.b16 = b16.data;
    }
    job.bytes = ((job.c * job.msa + 15) / 16 * 16 + job.c * job.n * job.c) * 4 + (job.bf16 ? 2 * job.c * job.msa : 0);
    job.scratch = rt_cpu_scratch(ctx, job.bytes);
    if (ctx->status == RT_OK) rt_pool_run(ctx->pool, y.dim[0], outer_product_task, &job);
    rt_arena_reset(ctx->step, mark);
}

/* With D[(i,p),(j,q)] = dy[i,j,p,q] both gradients are products: da = b D^T and db = a D, in tiles of MSA rows. */
enum { OUTER_ROWS = 64 };

typedef struct {
    rt_ctx *ctx;
    float *da, *db, *d;
    const float *dy, *a, *b;
    const void *a16, *b16, *d16;
    int64_t n, c, msa, rows;
    bool bf16;
    const rt_gemm_plan *left[2], *right[2];   /* [last tile] */
} outer_gradient_job;

static void outer_permute_task(void *argument, int64_t i, int worker)
{
    (void)worker;
    const outer_gradient_job *job = argument;
    int64_t n = job->n, c = job->c;
    for (int64_t j = 0; j < n; j++)
        for (int64_t p = 0; p < c; p++)
            memcpy(job->d + ((i * c + p) * n + j) * c, job->dy + ((i * n + j) * c + p) * c, (size_t)c * sizeof(float));
}

static void outer_gradient_task(void *argument, int64_t task, int worker)
{
    const outer_gradient_job *job = argument;
    int64_t at = task * OUTER_ROWS, row = job->n * job->c;
    bool last = job->msa - at < OUTER_ROWS;
    const void *a = job->bf16 ? (const void *)((const uint16_t *)job->a16 + at * row) : job->a + at * row;
    const void *b = job->bf16 ? (const void *)((const uint16_t *)job->b16 + at * row) : job->b + at * row;
    const void *d = job->bf16 ? job->d16 : job->d;
    rt_gemm_run(job->ctx, job->left[last], b, d, job->da + at * row, worker);
    rt_gemm_run(job->ctx, job->right[last], a, d, job->db + at * row, worker);
}

static const void *as_bf16(rt_ctx *ctx, const float *in, int64_t count)
{
    rt_tensor t = RT_NEW_TYPE(ctx, RT_BF16, count);
    if (t.data) rt_cpu_to_bf16(t.data, in, count);
    return t.data;
}

void rt_cpu_outer_product_backward(rt_ctx *ctx, rt_tensor da, rt_tensor db, rt_tensor dy, rt_tensor a, rt_tensor b, int64_t first)
{
    int64_t mark = rt_arena_mark(ctx->step), n = a.dim[1], c = a.dim[2], msa = a.dim[0], rows = dy.dim[0], row = n * c;
    outer_gradient_job job = {.ctx = ctx, .da = (float *)da.data + first * c, .db = db.data, .dy = dy.data,
                              .a = (const float *)a.data + first * c, .b = b.data, .n = n, .c = c, .msa = msa, .rows = rows,
                              .bf16 = ctx->bf16 && rt_cpu_has_bf16(), .d = RT_NEW(ctx, rows * c, row).data};
    for (int last = 0; last < 2; last++) {
        int64_t m = last ? msa % OUTER_ROWS : msa < OUTER_ROWS ? 0 : OUTER_ROWS;
        if (m == 0) continue;
        job.left[last] = rt_gemm_prepare(ctx, (rt_gemm){.m = m, .n = rows * c, .k = row, .a_row = row, .a_col = 1, .b_row = 1,
                                                        .b_col = row, .c_row = row, .bf16 = job.bf16, .add = true});
        job.right[last] = rt_gemm_prepare(ctx, (rt_gemm){.m = m, .n = row, .k = rows * c, .a_row = row, .a_col = 1,
                                                         .b_row = row, .b_col = 1, .c_row = row, .bf16 = job.bf16, .add = true});
    }
    if (ctx->status == RT_OK) {
        rt_pool_run(ctx->pool, rows, outer_permute_task, &job);
        if (job.bf16) {
            job.a16 = (const char *)as_bf16(ctx, a.data, msa * row) + first * c * 2;
            job.b16 = as_bf16(ctx, b.data, msa * row);
            job.d16 = as_bf16(ctx, job.d, rows * c * row);
        }
        if (ctx->status == RT_OK) rt_pool_run(ctx->pool, rt_tiles(msa, OUTER_ROWS), outer_gradient_task, &job);
    }
    rt_arena_reset(ctx->step, mark);
}

/* For a group of rows i: w_i[p][q] = sum_r w[p][q][r] x[i][r], a product for all of them; then z[i] = x w_i^T each. */
enum { OUTER_GROUP = 16 };

typedef struct {
    float *z;
    const float *x, *w, *bias;
    int64_t n, c, out;
    bool add;
    rt_ctx *ctx;
    const rt_gemm_plan *contract[2], *plan;   /* [last group] */
    char *scratch;
    int64_t bytes, weight_bytes;
} outer_linear_job;

RT_CLONES static void store_rows(float *z, const float *tile, const float *bias, int64_t rows, int64_t out, bool add)
{
    for (int64_t m = 0; m < rows; m++)
        for (int64_t p = 0; p < out; p++) {
            float value = tile[m * out + p] + (bias ? bias[p] : 0);
            z[m * out + p] = add ? z[m * out + p] + value : value;
        }
}

static void outer_linear_task(void *argument, int64_t group, int worker)
{
    const outer_linear_job *job = argument;
    char *base = job->scratch + worker * rt_scratch_stride(job->bytes);
    float *weight = (float *)base, *tile = (float *)(base + job->weight_bytes);
    int64_t first = group * OUTER_GROUP, rows = job->n - first < OUTER_GROUP ? job->n - first : OUTER_GROUP;
    rt_gemm_run(job->ctx, job->contract[rows < OUTER_GROUP], job->x + first * job->c, job->w, weight, worker);
    for (int64_t i = 0; i < rows; i++) {
        rt_gemm_run(job->ctx, job->plan, job->x, weight + i * job->out * job->c, tile, worker);
        store_rows(job->z + (first + i) * job->n * job->out, tile, job->bias, job->n, job->out, job->add);
    }
}

void rt_cpu_outer_linear(rt_ctx *ctx, rt_tensor z, rt_tensor x, rt_tensor w, rt_tensor opt_bias, bool add)
{
    int64_t mark = rt_arena_mark(ctx->step);
    outer_linear_job job = {.ctx = ctx, .z = z.data, .x = x.data, .w = w.data, .bias = opt_bias.data, .n = x.dim[0],
                            .c = x.dim[1], .out = w.dim[0], .add = add};
    int64_t wide = job.out * job.c;
    RT_REQUIRE(w.dtype == RT_F32);
    for (int last = 0; last < 2; last++) {
        int64_t m = last ? job.n % OUTER_GROUP : job.n < OUTER_GROUP ? 0 : OUTER_GROUP;
        if (m)
            job.contract[last] = rt_gemm_prepare(ctx, (rt_gemm){.m = m, .n = wide, .k = job.c, .a_row = job.c, .a_col = 1,
                                                                .b_row = 1, .b_col = job.c, .c_row = wide});
    }
    job.plan = rt_gemm_prepare(ctx, (rt_gemm){.m = job.n, .n = job.out, .k = job.c, .a_row = job.c, .a_col = 1, .b_row = 1,
                                              .b_col = job.c, .c_row = job.out});
    job.weight_bytes = rt_scratch_stride(OUTER_GROUP * wide * 4);
    job.bytes = job.weight_bytes + job.n * job.out * 4;
    job.scratch = rt_cpu_scratch(ctx, job.bytes);
    if (ctx->status == RT_OK) rt_pool_run(ctx->pool, rt_tiles(job.n, OUTER_GROUP), outer_linear_task, &job);
    rt_arena_reset(ctx->step, mark);
}

/* ---- MSA pair-weighted averaging: a task is one head and a tile of MSA rows ---- */

enum { MSA_TILE = 32 };

typedef struct {
    rt_ctx *ctx;
    float *y;
    const float *w, *v;
    int64_t n, heads, c, width, msa;
    bool bf16;
    const void *w16;
    const rt_gemm_plan *plan[2];
    char *scratch;
    int64_t bytes;
} average_job;

static void average_task(void *argument, int64_t task, int worker)
{
    const average_job *job = argument;
    int64_t head = task % job->heads, first = task / job->heads * MSA_TILE, n = job->n, c = job->c;
    int64_t rows = job->msa - first < MSA_TILE ? job->msa - first : MSA_TILE;
    float *v = (float *)(job->scratch + worker * rt_scratch_stride(job->bytes)), *y = v + n * MSA_TILE * c;
    for (int64_t m = 0; m < rows; m++)
        for (int64_t j = 0; j < n; j++)
            memcpy(v + (j * rows + m) * c, job->v + ((first + m) * n + j) * job->width + head * c, (size_t)c * sizeof *v);
    uint16_t *v16 = (uint16_t *)(y + n * MSA_TILE * c);
    if (job->bf16) rt_cpu_to_bf16(v16, v, n * rows * c);
    const void *w = job->bf16 ? (const void *)((const uint16_t *)job->w16 + head * n * n) : job->w + head * n * n;
    rt_gemm_run(job->ctx, job->plan[rows < MSA_TILE], w, job->bf16 ? (void *)v16 : v, y, worker);
    for (int64_t m = 0; m < rows; m++)
        for (int64_t i = 0; i < n; i++)
            memcpy(job->y + ((first + m) * n + i) * job->width + head * c, y + (i * rows + m) * c, (size_t)c * sizeof *y);
}

void rt_cpu_pair_average(rt_ctx *ctx, rt_tensor y, rt_tensor w, rt_tensor v)
{
    int64_t mark = rt_arena_mark(ctx->step);
    average_job job = {.ctx = ctx, .y = y.data, .w = w.data, .v = v.data, .n = v.dim[1], .heads = w.dim[0], .width = v.dim[2],
                       .c = v.dim[2] / w.dim[0], .msa = v.dim[0], .bf16 = ctx->bf16 && rt_cpu_has_bf16()};
    const int64_t rows[2] = {job.msa < MSA_TILE ? 0 : MSA_TILE, job.msa % MSA_TILE};
    for (int last = 0; last < 2; last++)
        if (rows[last])
            job.plan[last] = rt_gemm_prepare(ctx, (rt_gemm){.m = job.n, .n = rows[last] * job.c, .k = job.n, .a_row = job.n,
                                                            .a_col = 1, .b_row = rows[last] * job.c, .b_col = 1,
                                                            .c_row = rows[last] * job.c, .bf16 = job.bf16});
    if (job.bf16) {
        rt_tensor w16 = RT_NEW_TYPE(ctx, RT_BF16, job.heads, job.n, job.n);
        if (w16.data && !ctx->measuring) rt_cpu_to_bf16(w16.data, w.data, rt_count(w));
        job.w16 = w16.data;
    }
    job.bytes = job.n * MSA_TILE * job.c * (job.bf16 ? 10 : 8);
    job.scratch = rt_cpu_scratch(ctx, job.bytes);
    if (ctx->status == RT_OK) rt_pool_run(ctx->pool, rt_tiles(job.msa, MSA_TILE) * job.heads, average_task, &job);
    rt_arena_reset(ctx->step, mark);
}

/* A task is one head, so that dw is added in the order of the MSA rows: dv = w^T dy, dw += dy v^T. */
typedef struct {
    rt_ctx *ctx;
    float *dw, *dv;
    const float *dy, *w, *v;
    int64_t n, heads, c, width, msa;
    bool bf16;
    const rt_gemm_plan *value[2], *weight[2];
    char *scratch;
    int64_t bytes;
} average_gradient_job;

static void average_gradient_task(void *argument, int64_t head, int worker)
{
    const average_gradient_job *job = argument;
    int64_t n = job->n, c = job->c, size = n * MSA_TILE * c;
    float *dy = (float *)(job->scratch + worker * rt_scratch_stride(job->bytes)), *v = dy + size, *dv = v + size;
    uint16_t *dy16 = (uint16_t *)(dv + size), *v16 = dy16 + size, *w16 = v16 + size;
    if (job->bf16) rt_cpu_to_bf16(w16, job->w + head * n * n, n * n);
    for (int64_t first = 0; first < job->msa; first += MSA_TILE) {
        int64_t rows = job->msa - first < MSA_TILE ? job->msa - first : MSA_TILE;
        for (int64_t m = 0; m < rows; m++)
            for (int64_t j = 0; j < n; j++) {
                int64_t at = ((first + m) * n + j) * job->width + head * c, to = (j * rows + m) * c;
                memcpy(dy + to, job->dy + at, (size_t)c * sizeof *dy);
                memcpy(v + to, job->v + at, (size_t)c * sizeof *v);
            }
        if (job->bf16) {
            rt_cpu_to_bf16(dy16, dy, n * rows * c);
            rt_cpu_to_bf16(v16, v, n * rows * c);
        }
        bool last = rows < MSA_TILE;
        rt_gemm_run(job->ctx, job->value[last], job->bf16 ? (const void *)w16 : job->w + head * n * n,
                    job->bf16 ? (const void *)dy16 : dy, dv, worker);
        rt_gemm_run(job->ctx, job->weight[last], job->bf16 ? (const void *)dy16 : dy, job->bf16 ? (const void *)v16 : v,
                    job->dw + head * n * n, worker);
        for (int64_t m = 0; m < rows; m++)
            for (int64_t j = 0; j < n; j++)
                memcpy(job->dv + ((first + m) * n + j) * job->width + head * c, dv + (j * rows + m) * c, (size_t)c * sizeof *dv);
    }
}

void rt_cpu_pair_average_backward(rt_ctx *ctx, rt_tensor dw, rt_tensor dv, rt_tensor dy, rt_tensor w, rt_tensor v)
{
    int64_t mark = rt_arena_mark(ctx->step);
    average_gradient_job job = {.ctx = ctx, .dw = dw.data, .dv = dv.data, .dy = dy.data, .w = w.data, .v = v.data, .n = v.dim[1],
                                .heads = w.dim[0], .width = v.dim[2], .c = v.dim[2] / w.dim[0], .msa = v.dim[0],
                                .bf16 = ctx->bf16 && rt_cpu_has_bf16()};
    for (int last = 0; last < 2; last++) {
        int64_t rows = last ? job.msa % MSA_TILE : job.msa < MSA_TILE ? 0 : MSA_TILE, k = rows * job.c;
        if (rows == 0) continue;
        job.value[last] = rt_gemm_prepare(ctx, (rt_gemm){.m = job.n, .n = k, .k = job.n, .a_row = 1, .a_col = job.n, .b_row = k,
                                                         .b_col = 1, .c_row = k, .bf16 = job.bf16});
        job.weight[last] = rt_gemm_prepare(ctx, (rt_gemm){.m = job.n, .n = job.n, .k = k, .a_row = k, .a_col = 1, .b_row = 1,
                                                          .b_col = k, .c_row = job.n, .bf16 = job.bf16, .add = true});
    }
    job.bytes = job.n * MSA_TILE * job.c * (job.bf16 ? 16 : 12) + (job.bf16 ? 2 * job.n * job.n : 0);
    job.scratch = rt_cpu_scratch(ctx, job.bytes);
    if (ctx->status == RT_OK) rt_pool_run(ctx->pool, job.heads, average_gradient_task, &job);
    rt_arena_reset(ctx->step, mark);
}

/* ---- work over the rows i of a pair tensor ---- */

typedef struct pair_job pair_job;
struct pair_job {
    float *z;
    const float *x, *a, *b, *w, *raw, *mask, *lower, *upper;
    int64_t n, c, bins;
    bool add;
};

static void transpose_task(void *argument, int64_t tile, int worker)
{
    (void)worker;
    const pair_job *job = argument;   /* x is (n, c), z is (c, n); a tile is 64 rows of x */
    int64_t first = tile * 64, rows = job->n - first < 64 ? job->n - first : 64;
    rt_cpu_transpose_block(job->z + first, job->n, job->x + first * job->c, job->c, rows, job->c);
}

void rt_cpu_transpose(rt_ctx *ctx, rt_tensor y, rt_tensor x)
{
    pair_job job = {.z = y.data, .x = x.data, .n = rt_rows(x), .c = rt_last(x)};
    rt_pool_run(ctx->pool, rt_tiles(job.n, 64), transpose_task, &job);
}

static void transpose_pair_task(void *argument, int64_t j, int worker)
{
    (void)worker;
    const pair_job *job = argument;
    int64_t n = job->n, c = job->c;
    for (int64_t i = 0; i < n; i++) {
        float *z = job->z + (j * n + i) * c;
        const float *x = job->x + (i * n + j) * c, *own = job->x + (j * n + i) * c;
        if (!job->add) memcpy(z, x, (size_t)c * sizeof *z);
        else for (int64_t p = 0; p < c; p++) z[p] = own[p] + x[p];
    }
}

void rt_cpu_transpose_pair(rt_ctx *ctx, rt_tensor y, rt_tensor x, bool add)
{
    pair_job job = {.z = y.data, .x = x.data, .n = x.dim[0], .c = x.dim[2], .add = add};
    rt_pool_run(ctx->pool, job.n, transpose_pair_task, &job);
}

RT_CLONES static void pair_sum_row(const pair_job *job, int64_t i)
{
    int64_t n = job->n, c = job->c;
    const float *a = job->a + i * c;
    for (int64_t j = 0; j < n; j++) {
        float *z = job->z + (i * n + j) * c;
        const float *b = job->b + j * c;
        if (job->add) for (int64_t p = 0; p < c; p++) z[p] += a[p] + b[p];
        else for (int64_t p = 0; p < c; p++) z[p] = a[p] + b[p];
    }
}

static void pair_sum_task(void *argument, int64_t i, int worker)
{
    (void)worker;
    pair_sum_row(argument, i);
}

void rt_cpu_pair_sum(rt_ctx *ctx, rt_tensor z, rt_tensor a, rt_tensor b, bool add)
{
    pair_job job = {.z = z.data, .a = a.data, .b = b.data, .n = z.dim[0], .c = z.dim[2], .add = add};
    rt_pool_run(ctx->pool, job.n, pair_sum_task, &job);
}

/* Row i of z into a[i], then column i into b[i]. */
typedef struct {
    float *da, *db;
    const float *dz;
    int64_t n, c;
} pair_sum_job;

RT_CLONES static void pair_sum_backward_row(const pair_sum_job *job, int64_t i)
{
    int64_t n = job->n, c = job->c;
    for (int64_t j = 0; j < n; j++)
        for (int64_t p = 0; p < c; p++) job->da[i * c + p] += job->dz[(i * n + j) * c + p];
    for (int64_t j = 0; j < n; j++)
        for (int64_t p = 0; p < c; p++) job->db[i * c + p] += job->dz[(j * n + i) * c + p];
}

static void pair_sum_backward_task(void *argument, int64_t i, int worker)
{
    (void)worker;
    pair_sum_backward_row(argument, i);
}

void rt_cpu_pair_sum_backward(rt_ctx *ctx, rt_tensor da, rt_tensor db, rt_tensor dz)
{
    pair_sum_job job = {.da = da.data, .db = db.data, .dz = dz.data, .n = dz.dim[0], .c = dz.dim[2]};
    rt_pool_run(ctx->pool, job.n, pair_sum_backward_task, &job);
}

static void distance_task(void *argument, int64_t i, int worker)
{
    (void)worker;
    const pair_job *job = argument;
    const float *p = job->x + 3 * i;
    for (int64_t j = 0; j < job->n; j++) {
        const float *q = job->x + 3 * j;
        float u = p[0] - q[0], v = p[1] - q[1], w = p[2] - q[2], d = sqrtf(u * u + v * v + w * w);
        job->z[i * job->n + j] = job->mask ? d * job->mask[i] * job->mask[j] : d;
    }
}

void rt_cpu_distances(rt_ctx *ctx, rt_tensor d, rt_tensor x, rt_tensor opt_mask)
{
    pair_job job = {.z = d.data, .x = x.data, .n = x.dim[0], .mask = opt_mask.data};
    rt_pool_run(ctx->pool, job.n, distance_task, &job);
}

RT_CLONES static void distance_embed_row(const pair_job *job, int64_t i)
{
    int64_t n = job->n, c = job->c;
    for (int64_t j = 0; j < n; j++) {
        float d = job->x[i * n + j], weight = job->mask ? job->mask[i] * job->mask[j] : 1, *z = job->z + (i * n + j) * c;
        float raw = d * weight;
        for (int64_t p = 0; p < c; p++) z[p] += raw * job->raw[p];
        for (int64_t k = 0; k < job->bins; k++) {
            if (!(d > job->lower[k] && d < job->upper[k])) continue;
            const float *column = job->w + k * c;
            for (int64_t p = 0; p < c; p++) z[p] += weight * column[p];
        }
    }
}

static void distance_embed_task(void *argument, int64_t i, int worker)
{
    (void)worker;
    distance_embed_row(argument, i);
}

void rt_cpu_distance_embed(rt_ctx *ctx, rt_tensor z, rt_tensor d, rt_tensor opt_mask, rt_tensor lower, rt_tensor upper,
                           rt_tensor w_bin, rt_tensor w_raw)
{
    int64_t mark = rt_arena_mark(ctx->step);
    pair_job job = {.z = z.data, .x = d.data, .mask = opt_mask.data, .lower = lower.data, .upper = upper.data,
                    .raw = w_raw.data, .n = d.dim[0], .c = w_bin.dim[0], .bins = w_bin.dim[1]};
    rt_tensor columns = RT_NEW(ctx, job.bins, job.c);
    if (columns.data) {
        rt_cpu_transpose_block(columns.data, job.c, w_bin.data, job.bins, job.c, job.bins);
        job.w = columns.data;
        rt_pool_run(ctx->pool, job.n, distance_embed_task, &job);
    }
    rt_arena_reset(ctx->step, mark);
}

/* Each part of the rows i adds into its own (K + 1, C) matrix, the raw distance's row last. */
enum { DISTANCE_PARTS = 16 };

typedef struct {
    float *part;
    const float *dz, *d, *mask, *lower, *upper;
    int64_t n, c, bins, rows;
} distance_gradient_job;

RT_CLONES static void distance_embed_backward_part(const distance_gradient_job *job, float *part, int64_t from, int64_t to)
{
    int64_t n = job->n, c = job->c;
    float *raw = part + job->bins * c;
    for (int64_t at = from * n; at < to * n; at++) {
        float d = job->d[at], weight = job->mask ? job->mask[at / n] * job->mask[at % n] : 1, scaled = d * weight;
        const float *dz = job->dz + at * c;
        for (int64_t p = 0; p < c; p++) raw[p] += scaled * dz[p];
        for (int64_t k = 0; k < job->bins; k++) {
            if (!(d > job->lower[k] && d < job->upper[k])) continue;
            for (int64_t p = 0; p < c; p++) part[k * c + p] += weight * dz[p];
        }
    }
}

static void distance_embed_backward_task(void *argument, int64_t task, int worker)
{
    (void)worker;
    const distance_gradient_job *job = argument;
    int64_t size = (job->bins + 1) * job->c, from = task * job->rows, to = from + job->rows < job->n ? from + job->rows : job->n;
    memset(job->part + task * size, 0, (size_t)size * sizeof(float));
    distance_embed_backward_part(job, job->part + task * size, from, to);
}

void rt_cpu_distance_embed_backward(rt_ctx *ctx, rt_tensor dw_bin, rt_tensor dw_raw, rt_tensor dz, rt_tensor d,
                                    rt_tensor opt_mask, rt_tensor lower, rt_tensor upper)
{
    int64_t mark = rt_arena_mark(ctx->step), c = dw_bin.dim[0], bins = dw_bin.dim[1], n = d.dim[0];
    distance_gradient_job job = {.dz = dz.data, .d = d.data, .mask = opt_mask.data, .lower = lower.data, .upper = upper.data,
                                 .n = n, .c = c, .bins = bins, .rows = (n + DISTANCE_PARTS - 1) / DISTANCE_PARTS};
    int64_t parts = rt_tiles(n, job.rows);
    rt_tensor sum = RT_NEW(ctx, bins + 1, c), part = RT_NEW(ctx, parts, bins + 1, c);
    if (part.data) {
        job.part = part.data;
        memset(sum.data, 0, (size_t)rt_bytes(sum));
        rt_pool_run(ctx->pool, parts, distance_embed_backward_task, &job);
        rt_cpu_add_partials(ctx, sum.data, part.data, parts, (bins + 1) * c);
        const float *total = sum.data;
        for (int64_t p = 0; p < c; p++) {
            for (int64_t k = 0; k < bins; k++) ((float *)dw_bin.data)[p * bins + k] += total[k * c + p];
            ((float *)dw_raw.data)[p] += total[bins * c + p];
        }
    }
    rt_arena_reset(ctx->step, mark);
}
