/* cpu_rows.c - ops that treat rows independently: norms, softmax, elementwise work, gathers */
#include <math.h>

#include "op/cpu.h"
#include "op/cpu_math.h"

enum { ROW_TILE = 64 };

/* A job over rows: run(job, first row, last row + 1, worker). */
typedef struct rows_job rows_job;
struct rows_job {
    void (*run)(const rows_job *job, int64_t from, int64_t to);
    int64_t rows, tile, width, shared, n, per_row;
    float *y;
    const float *x, *a, *b;
    const void *index;
    double alpha, beta;
    bool add;
};

static void rows_task(void *argument, int64_t task, int worker)
{
    (void)worker;
    const rows_job *job = argument;
    int64_t from = task * job->tile, to = from + job->tile < job->rows ? from + job->tile : job->rows;
    job->run(job, from, to);
}

/* Rows of about 64 KiB a tile, so that short rows do not make a million tasks. */
static void run_rows(rt_ctx *ctx, rows_job *job)
{
    job->tile = job->width > 0 ? 16384 / job->width : 16384;
    if (job->tile < 1) job->tile = 1;
    rt_pool_run(ctx->pool, rt_tiles(job->rows, job->tile), rows_task, job);
}

/* Widths of the pair tracks, compiled each on its own: short rows cost more in loop control than in arithmetic. */
#define FOR_COMMON_WIDTHS(n, CALL) \
    switch (n) {                   \
    case 8: CALL(8); break;        \
    case 16: CALL(16); break;      \
    case 32: CALL(32); break;      \
    case 64: CALL(64); break;      \
    case 128: CALL(128); break;    \
    default: CALL(n);              \
    }

static inline __attribute__((always_inline)) void normalise(const rows_job *job, int64_t from, int64_t to, int64_t n)
{
    float inverse = 1.0f / (float)n;
    for (int64_t m = from; m < to; m++) {
        const float *x = job->x + m * n;
        float *y = job->y + m * n;
        float sum = 0, square = 0;
        #pragma omp simd reduction(+ : sum)
        for (int64_t i = 0; i < n; i++) sum += x[i];
        float mean = sum * inverse;
        #pragma omp simd reduction(+ : square)
        for (int64_t i = 0; i < n; i++) square += (x[i] - mean) * (x[i] - mean);
        float scale = 1.0f / sqrtf(square * inverse + 1e-5f);
        if (job->shared) {   /* adaptive: a is the gate, b the shift, one row each for `shared` rows */
            const float *gate = job->a + m % job->shared * n, *shift = job->b + m % job->shared * n;
            for (int64_t i = 0; i < n; i++) y[i] = gate[i] * ((x[i] - mean) * scale) + shift[i];
        } else if (job->a && job->b) {
            for (int64_t i = 0; i < n; i++) y[i] = (x[i] - mean) * scale * job->a[i] + job->b[i];
        } else if (job->a) {
            for (int64_t i = 0; i < n; i++) y[i] = (x[i] - mean) * scale * job->a[i];
        } else {
            for (int64_t i = 0; i < n; i++) y[i] = (x[i] - mean) * scale;
        }
    }
}

RT_CLONES static void normalise_rows(const rows_job *job, int64_t from, int64_t to)
{
#define NORMALISE(n) normalise(job, from, to, n)
    FOR_COMMON_WIDTHS(job->width, NORMALISE)
#undef NORMALISE
}

void rt_cpu_layer_norm(rt_ctx *ctx, rt_tensor y, rt_tensor x, rt_tensor opt_gain, rt_tensor opt_offset)
{
    RT_REQUIRE(opt_gain.data || !opt_offset.data);
    rows_job job = {.run = normalise_rows, .width = rt_last(x), .rows = rt_rows(x), .y = y.data, .x = x.data,
                    .a = opt_gain.data, .b = opt_offset.data};
    run_rows(ctx, &job);
}

void rt_cpu_adaptive_layer_norm(rt_ctx *ctx, rt_tensor y, rt_tensor x, rt_tensor gate, rt_tensor shift)
{
    rows_job job = {.run = normalise_rows, .width = rt_last(x), .rows = rt_rows(x), .y = y.data, .x = x.data,
                    .a = gate.data, .b = shift.data, .shared = rt_rows(gate)};
    run_rows(ctx, &job);
}

/* ---- sums over tiles ---- */

enum { PARTIAL_TILE = 4096 };

typedef struct {
    float *out;
    const float *partial;
    int64_t n_part, count;
} partial_job;

RT_CLONES static void add_partials(const partial_job *job, int64_t from, int64_t to)
{
    for (int64_t p = 0; p < job->n_part; p++) {
        const float *in = job->partial + p * job->count;
        for (int64_t i = from; i < to; i++) job->out[i] += in[i];
    }
}

static void partial_task(void *argument, int64_t task, int worker)
{
    (void)worker;
    const partial_job *job = argument;
    int64_t from = task * PARTIAL_TILE, to = from + PARTIAL_TILE < job->count ? from + PARTIAL_TILE : job->count;
    add_partials(job, from, to);
}

void rt_cpu_add_partials(rt_ctx *ctx, float *out, const float *partial, int64_t n_part, int64_t count)
{
    partial_job job = {.out = out, .partial = partial, .n_part = n_part, .count = count};
    rt_pool_run(ctx->pool, rt_tiles(count, PARTIAL_TILE), partial_task, &job);
}

/* ---- gradients of the norms ---- */

typedef struct {
    float *dx, *dgain, *doffset;    /* of a tile, or with `shared` of row r */
    const float *dy, *x, *gain;
    int64_t rows, n, tile, shared;
    bool add;
} norm_job;

/* dx of one row from g = dy * gain; adds dy * normed to dgain and dy to doffset, each unless NULL. */
static inline __attribute__((always_inline)) void norm_row(float *dx, const float *dy, const float *x, const float *gain,
                                                           float *dgain, float *doffset, int64_t n, bool add)
{
    float inverse = 1.0f / (float)n, sum = 0, square = 0, first = 0, second = 0;
    #pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++) sum += x[i];
    float mean = sum * inverse;
    #pragma omp simd reduction(+ : square)
    for (int64_t i = 0; i < n; i++) square += (x[i] - mean) * (x[i] - mean);
    float scale = 1.0f / sqrtf(square * inverse + 1e-5f);
    if (dgain) for (int64_t i = 0; i < n; i++) dgain[i] += dy[i] * ((x[i] - mean) * scale);
    if (doffset) for (int64_t i = 0; i < n; i++) doffset[i] += dy[i];
    if (!dx) return;
    if (gain) {
        #pragma omp simd reduction(+ : first, second)
        for (int64_t i = 0; i < n; i++) {
            float g = dy[i] * gain[i];
            first += g;
            second += g * ((x[i] - mean) * scale);
        }
    } else {
        #pragma omp simd reduction(+ : first, second)
        for (int64_t i = 0; i < n; i++) {
            first += dy[i];
            second += dy[i] * ((x[i] - mean) * scale);
        }
    }
    first *= inverse;
    second *= inverse;
    for (int64_t i = 0; i < n; i++) {
        float g = gain ? dy[i] * gain[i] : dy[i], d = scale * (g - first - (x[i] - mean) * scale * second);
        dx[i] = add ? dx[i] + d : d;
    }
}

RT_CLONES static void norm_rows(const norm_job *job, float *dgain, float *doffset, int64_t from, int64_t to)
{
    int64_t n = job->n;
    for (int64_t i = 0; dgain && i < n; i++) dgain[i] = 0;
    for (int64_t i = 0; doffset && i < n; i++) doffset[i] = 0;
#define NORM_ROWS(n)                                                                                                     \
    for (int64_t m = from; m < to; m++)                                                                                  \
    norm_row(job->dx ? job->dx + m * (n) : NULL, job->dy + m * (n), job->x + m * (n), job->gain, dgain, doffset, n, job->add)
    FOR_COMMON_WIDTHS(n, NORM_ROWS)
#undef NORM_ROWS
}

static void norm_task(void *argument, int64_t task, int worker)
{
    (void)worker;
    const norm_job *job = argument;
    int64_t from = task * job->tile, to = from + job->tile < job->rows ? from + job->tile : job->rows;
    norm_rows(job, job->dgain ? job->dgain + task * job->n : NULL, job->doffset ? job->doffset + task * job->n : NULL, from, to);
}

void rt_cpu_layer_norm_backward(rt_ctx *ctx, rt_tensor opt_dx, bool add, rt_tensor opt_dgain, rt_tensor opt_doffset,
                                rt_tensor dy, rt_tensor x, rt_tensor opt_gain)
{
    int64_t mark = rt_arena_mark(ctx->step), n = rt_last(x), rows = rt_rows(x);
    norm_job job = {.dx = opt_dx.data, .dy = dy.data, .x = x.data, .gain = opt_gain.data, .rows = rows, .n = n, .add = add,
                    .tile = 16384 / n < 16 ? 16 : 16384 / n};
    int64_t tiles = rt_tiles(rows, job.tile);
    if (opt_dgain.data) job.dgain = RT_NEW(ctx, tiles, n).data;
    if (opt_doffset.data) job.doffset = RT_NEW(ctx, tiles, n).data;
    if (ctx->status == RT_OK) {
        rt_pool_run(ctx->pool, tiles, norm_task, &job);
        if (opt_dgain.data) rt_cpu_add_partials(ctx, opt_dgain.data, job.dgain, tiles, n);
        if (opt_doffset.data) rt_cpu_add_partials(ctx, opt_doffset.data, job.doffset, tiles, n);
    }
    rt_arena_reset(ctx->step, mark);
}

/* A task is a tile of rows r, whose gate and shift serve every sample: samples are added in their order. */
RT_CLONES static void adaptive_rows(const norm_job *job, int64_t from, int64_t to)
{
    int64_t n = job->n;
    for (int64_t r = from; r < to; r++)
        for (int64_t m = r; m < job->rows; m += job->shared)
            norm_row(job->dx + m * n, job->dy + m * n, job->x + m * n, job->gain + r * n, job->dgain ? job->dgain + r * n : NULL,
                     job->doffset ? job->doffset + r * n : NULL, n, job->add);
}

static void adaptive_task(void *argument, int64_t task, int worker)
{
    (void)worker;
    const norm_job *job = argument;
    int64_t from = task * job->tile, to = from + job->tile < job->shared ? from + job->tile : job->shared;
    adaptive_rows(job, from, to);
}

void rt_cpu_adaptive_layer_norm_backward(rt_ctx *ctx, rt_tensor dx, bool add, rt_tensor opt_dgate, rt_tensor opt_dshift,
                                         rt_tensor dy, rt_tensor x, rt_tensor gate)
{
    norm_job job = {.dx = dx.data, .dgain = opt_dgate.data, .doffset = opt_dshift.data, .dy = dy.data, .x = x.data,
                    .gain = gate.data, .rows = rt_rows(x), .n = rt_last(x), .shared = rt_rows(gate), .add = add, .tile = 16};
    rt_pool_run(ctx->pool, rt_tiles(job.shared, job.tile), adaptive_task, &job);
}

RT_CLONES static void add_rows(const rows_job *job, int64_t from, int64_t to)
{
    int64_t n = job->width;
    for (int64_t m = from; m < to; m++) {
        const float *x = job->x + m % job->shared * n;
        float *y = job->y + m * n;
        for (int64_t i = 0; i < n; i++) y[i] += x[i];
    }
}

void rt_cpu_add(rt_ctx *ctx, rt_tensor y, rt_tensor x)
{
    rows_job job = {.run = add_rows, .width = rt_last(y), .rows = rt_rows(y), .y = y.data, .x = x.data,
                    .shared = rt_count(x) / rt_last(y)};
    run_rows(ctx, &job);
}

/* y (shared rows) += x (n rows) */
RT_CLONES static void sum_rows(const rows_job *job, int64_t from, int64_t to)
{
    int64_t n = job->width;
    for (int64_t r = from; r < to; r++)
        for (int64_t m = r; m < job->n; m += job->rows)
            for (int64_t i = 0; i < n; i++) job->y[r * n + i] += job->x[m * n + i];
}

void rt_cpu_add_backward(rt_ctx *ctx, rt_tensor dx, rt_tensor dy)
{
    rows_job job = {.run = sum_rows, .width = rt_last(dy), .rows = rt_count(dx) / rt_last(dy), .n = rt_rows(dy), .y = dx.data,
                    .x = dy.data};
    run_rows(ctx, &job);
}

/* Elementwise ops see one long row cut into rows of 1,024. */
static rows_job flat_job(rt_tensor y, void (*run)(const rows_job *, int64_t, int64_t))
{
    return (rows_job){.run = run, .rows = rt_tiles(rt_count(y), 1024), .width = 1024, .n = rt_count(y), .y = y.data};
}

#define FLAT_RANGE(job)                            \
    int64_t first = from * 1024, last = to * 1024; \
    if (last > (job)->n) last = (job)->n

RT_CLONES static void axpby_rows(const rows_job *job, int64_t from, int64_t to)
{
    FLAT_RANGE(job);
    float alpha = (float)job->alpha, beta = (float)job->beta;
    if (alpha == 0) for (int64_t i = first; i < last; i++) job->y[i] = beta * job->x[i];
    else for (int64_t i = first; i < last; i++) job->y[i] = alpha * job->y[i] + beta * job->x[i];
}

void rt_cpu_axpby(rt_ctx *ctx, rt_tensor y, double alpha, rt_tensor x, double beta)
{
    rows_job job = flat_job(y, axpby_rows);
    job.x = x.data;
    job.alpha = alpha;
    job.beta = beta;
    run_rows(ctx, &job);
}

RT_CLONES static void multiply_rows(const rows_job *job, int64_t from, int64_t to)
{
    FLAT_RANGE(job);
    for (int64_t i = first; i < last; i++) job->y[i] = job->x[i] * job->a[i];
}

void rt_cpu_multiply(rt_ctx *ctx, rt_tensor y, rt_tensor x, rt_tensor g)
{
    rows_job job = flat_job(y, multiply_rows);
    job.x = x.data;
    job.a = g.data;
    run_rows(ctx, &job);
}

RT_CLONES static void clamp_rows(const rows_job *job, int64_t from, int64_t to)
{
    FLAT_RANGE(job);
    float low = (float)job->alpha, high = (float)job->beta;
    for (int64_t i = first; i < last; i++) {
        float v = job->x[i];
        v = v < low ? low : v;
        job->y[i] = v > high ? high : v;
    }
}

void rt_cpu_clamp(rt_ctx *ctx, rt_tensor y, rt_tensor x, double low, double high)
{
    rows_job job = flat_job(y, clamp_rows);
    job.x = x.data;
    job.alpha = low;
    job.beta = high;
    run_rows(ctx, &job);
}

RT_CLONES static void clamp_backward_rows(const rows_job *job, int64_t from, int64_t to)
{
    FLAT_RANGE(job);
    float low = (float)job->alpha, high = (float)job->beta;
    const float *x = job->a, *dy = job->x;
    float *dx = job->y;
    if (job->add) for (int64_t i = first; i < last; i++) dx[i] += x[i] > low && x[i] < high ? dy[i] : 0;
    else for (int64_t i = first; i < last; i++) dx[i] = x[i] > low && x[i] < high ? dy[i] : 0;
}

void rt_cpu_clamp_backward(rt_ctx *ctx, rt_tensor dx, bool add, rt_tensor dy, rt_tensor x, double low, double high)
{
    rows_job job = flat_job(dx, clamp_backward_rows);
    job.x = dy.data;
    job.a = x.data;
    job.alpha = low;
    job.beta = high;
    job.add = add;
    run_rows(ctx, &job);
}

RT_CLONES static void softmax_rows(const rows_job *job, int64_t from, int64_t to)
{
    int64_t n = job->width;
    for (int64_t m = from; m < to; m++) {
        const float *x = job->x + m * n;
        float *y = job->y + m * n, top = x[0], sum = 0;
        #pragma omp simd reduction(max : top)
        for (int64_t i = 0; i < n; i++) top = x[i] > top ? x[i] : top;
        #pragma omp simd reduction(+ : sum)
        for (int64_t i = 0; i < n; i++) sum += y[i] = rt_expf(x[i] - top);
        float scale = 1.0f / sum;
        for (int64_t i = 0; i < n; i++) y[i] *= scale;
    }
}

void rt_cpu_softmax(rt_ctx *ctx, rt_tensor y, rt_tensor x)
{
    rows_job job = {.run = softmax_rows, .width = rt_last(x), .rows = rt_rows(x), .y = y.data, .x = x.data};
    run_rows(ctx, &job);
}

RT_CLONES static void softmax_backward_rows(const rows_job *job, int64_t from, int64_t to)
{
    int64_t n = job->width;
    for (int64_t m = from; m < to; m++) {
        const float *y = job->a + m * n, *dy = job->x + m * n;
        float sum = 0;
        #pragma omp simd reduction(+ : sum)
        for (int64_t i = 0; i < n; i++) sum += y[i] * dy[i];
        for (int64_t i = 0; i < n; i++) job->y[m * n + i] = y[i] * (dy[i] - sum);
    }
}

void rt_cpu_softmax_backward(rt_ctx *ctx, rt_tensor dx, rt_tensor dy, rt_tensor y)
{
    rows_job job = {.run = softmax_backward_rows, .width = rt_last(y), .rows = rt_rows(y), .y = dx.data, .x = dy.data,
                    .a = y.data};
    run_rows(ctx, &job);
}

static void concat_rows(const rows_job *job, int64_t from, int64_t to)
{
    int64_t na = job->n, nb = job->width - na;
    for (int64_t m = from; m < to; m++) {
        memcpy(job->y + m * job->width, job->a + m * na, (size_t)na * sizeof(float));
        memcpy(job->y + m * job->width + na, job->b + m * nb, (size_t)nb * sizeof(float));
    }
}

void rt_cpu_concat(rt_ctx *ctx, rt_tensor y, rt_tensor a, rt_tensor b)
{
    rows_job job = {.run = concat_rows, .width = rt_last(y), .rows = rt_rows(y), .n = rt_last(a), .y = y.data, .a = a.data,
                    .b = b.data};
    run_rows(ctx, &job);
}

typedef struct {
    float *da, *db;
    const float *dy;
    int64_t na, n, rows;
} split_job;

static void split_task(void *argument, int64_t task, int worker)
{
    (void)worker;
    const split_job *job = argument;
    int64_t from = task * ROW_TILE, to = from + ROW_TILE < job->rows ? from + ROW_TILE : job->rows, nb = job->n - job->na;
    for (int64_t m = from; m < to; m++) {
        const float *dy = job->dy + m * job->n;
        for (int64_t i = 0; job->da && i < job->na; i++) job->da[m * job->na + i] += dy[i];
        for (int64_t i = 0; job->db && i < nb; i++) job->db[m * nb + i] += dy[job->na + i];
    }
}

void rt_cpu_concat_backward(rt_ctx *ctx, rt_tensor opt_da, rt_tensor opt_db, rt_tensor dy, int64_t a)
{
    split_job job = {.da = opt_da.data, .db = opt_db.data, .dy = dy.data, .na = a, .n = rt_last(dy), .rows = rt_rows(dy)};
    rt_pool_run(ctx->pool, rt_tiles(job.rows, ROW_TILE), split_task, &job);
}

static void place_rows(const rows_job *job, int64_t from, int64_t to)
{
    for (int64_t m = from; m < to; m++)
        memcpy(job->y + m * job->width, job->x + m * job->n, (size_t)job->n * sizeof(float));
}

void rt_cpu_place(rt_ctx *ctx, rt_tensor y, rt_tensor x, int64_t first)
{
    RT_REQUIRE(first >= 0 && first + rt_last(x) <= rt_last(y) && rt_rows(x) == rt_rows(y));
    rows_job job = {.run = place_rows, .width = rt_last(y), .rows = rt_rows(y), .n = rt_last(x),
                    .y = (float *)y.data + first, .x = x.data};
    run_rows(ctx, &job);
}

static void gather_rows(const rows_job *job, int64_t from, int64_t to)
{
    const int64_t *index = job->index;
    for (int64_t m = from; m < to; m++) {
        int64_t sample = m / job->n, atom = m % job->n;
        const float *x = job->x + (sample * job->shared + index[atom]) * job->width;
        float *y = job->y + m * job->width;
        if (job->add) for (int64_t i = 0; i < job->width; i++) y[i] += x[i];
        else memcpy(y, x, (size_t)job->width * sizeof *y);
    }
}

void rt_cpu_gather(rt_ctx *ctx, rt_tensor y, rt_tensor x, rt_tensor index, bool add)
{
    int64_t width = rt_last(x), atoms = index.dim[0];
    rows_job job = {.run = gather_rows, .width = width, .rows = rt_count(y) / width, .n = atoms, .y = y.data, .x = x.data,
                    .index = index.data, .shared = x.dim[0] == 1 ? 0 : x.dim[1], .add = add};
    run_rows(ctx, &job);
}

/* Tokens' atoms are consecutive: the first atom of a token is found by bisection. */
static int64_t first_atom(const int64_t *index, int64_t atoms, int64_t token)
{
    int64_t low = 0, high = atoms;
    while (low < high) {
        int64_t middle = (low + high) / 2;
        if (index[middle] < token) low = middle + 1;
        else high = middle;
    }
    return low;
}

static void check_sorted(rt_tensor index)
{
    for (int64_t a = 1; a < index.dim[0]; a++)
        RT_REQUIRE(((const int64_t *)index.data)[a - 1] <= ((const int64_t *)index.data)[a]);
}

/* Rows are tokens (of every sample): each adds its atoms, over the samples too when one tensor serves them all. */
static void gather_backward_rows(const rows_job *job, int64_t from, int64_t to)
{
    int64_t c = job->width, atoms = job->n, samples = job->per_row;
    for (int64_t m = from; m < to; m++) {
        int64_t token = m % job->shared, own = m / job->shared;
        int64_t first = first_atom(job->index, atoms, token), last = first_atom(job->index, atoms, token + 1);
        bool one = job->rows == job->shared;
        for (int64_t s = one ? 0 : own; s < (one ? samples : own + 1); s++)
            for (int64_t a = first; a < last; a++)
                for (int64_t i = 0; i < c; i++) job->y[m * c + i] += job->x[(s * atoms + a) * c + i];
    }
}

void rt_cpu_gather_backward(rt_ctx *ctx, rt_tensor dx, rt_tensor dy, rt_tensor index)
{
    int64_t c = rt_last(dx), atoms = index.dim[0];
    check_sorted(index);
    rows_job job = {.run = gather_backward_rows, .width = c, .rows = rt_rows(dx), .n = atoms, .y = dx.data, .x = dy.data,
                    .index = index.data, .shared = dx.dim[1], .per_row = rt_count(dy) / (atoms * c)};
    run_rows(ctx, &job);
}


static void segment_mean_rows(const rows_job *job, int64_t from, int64_t to)
{
    const int64_t *index = job->index;
    for (int64_t m = from; m < to; m++) {
        int64_t sample = m / job->shared, token = m % job->shared;
        int64_t first = first_atom(index, job->n, token), last = first_atom(index, job->n, token + 1);
        float *y = job->y + m * job->width;
        memset(y, 0, (size_t)job->width * sizeof *y);
        for (int64_t a = first; a < last; a++) {
            const float *x = job->x + (sample * job->n + a) * job->width;
            for (int64_t i = 0; i < job->width; i++) y[i] += x[i];
        }
        for (int64_t i = 0; last > first && i < job->width; i++) y[i] /= (float)(last - first);
    }
}

void rt_cpu_segment_mean(rt_ctx *ctx, rt_tensor y, rt_tensor x, rt_tensor index)
{
    check_sorted(index);
    rows_job job = {.run = segment_mean_rows, .width = rt_last(x), .rows = rt_rows(y), .n = x.dim[1], .shared = y.dim[1],
                    .y = y.data, .x = x.data, .index = index.data};
    run_rows(ctx, &job);
}

static void segment_mean_backward_rows(const rows_job *job, int64_t from, int64_t to)
{
    const int64_t *index = job->index;
    for (int64_t m = from; m < to; m++) {
        int64_t sample = m / job->shared, token = m % job->shared;
        int64_t first = first_atom(index, job->n, token), last = first_atom(index, job->n, token + 1);
        for (int64_t a = first; a < last; a++)
            for (int64_t i = 0; i < job->width; i++)
                job->y[(sample * job->n + a) * job->width + i] = job->x[m * job->width + i] / (float)(last - first);
    }
}

void rt_cpu_segment_mean_backward(rt_ctx *ctx, rt_tensor dx, rt_tensor dy, rt_tensor index)
{
    check_sorted(index);
    rows_job job = {.run = segment_mean_backward_rows, .width = rt_last(dx), .rows = rt_rows(dy), .n = dx.dim[1],
                    .shared = dy.dim[1], .y = dx.data, .x = dy.data, .index = index.data};
    run_rows(ctx, &job);
}

static void embed_rows(const rows_job *job, int64_t from, int64_t to)
{
    const int32_t *index = job->index;
    int64_t c = job->width;
    for (int64_t m = from; m < to; m++) {
        float *y = job->y + m * c;
        if (!job->add) memset(y, 0, (size_t)c * sizeof *y);
        for (int64_t k = 0; k < job->per_row; k++) {
            int64_t column = index[m * job->per_row + k];
            if (column < 0) continue;
            const float *row = job->x + column * c;
            for (int64_t i = 0; i < c; i++) y[i] += row[i];
        }
    }
}

void rt_cpu_embed(rt_ctx *ctx, rt_tensor y, rt_tensor w, rt_tensor index, bool add)
{
    int64_t mark = rt_arena_mark(ctx->step), c = w.dim[0], classes = w.dim[1];
    rt_tensor columns = RT_NEW(ctx, classes, c);
    if (columns.data) {
        for (int64_t k = 0; k < classes; k++)
            for (int64_t i = 0; i < c; i++) ((float *)columns.data)[k * c + i] = ((const float *)w.data)[i * classes + k];
        rows_job job = {.run = embed_rows, .width = c, .rows = rt_rows(index), .per_row = rt_last(index), .y = y.data,
                        .x = columns.data, .index = index.data, .add = add};
        run_rows(ctx, &job);
    }
    rt_arena_reset(ctx->step, mark);
}

/* Each part of the rows adds into its own (K,C) matrix. */
enum { EMBED_PARTS = 16, EMBED_ROWS = 256 };

typedef struct {
    float *part;
    const float *dy;
    const int32_t *index;
    int64_t rows, part_rows, per_row, classes, c;
} embed_job;

static void embed_backward_task(void *argument, int64_t task, int worker)
{
    (void)worker;
    const embed_job *job = argument;
    int64_t c = job->c, from = task * job->part_rows, to = from + job->part_rows < job->rows ? from + job->part_rows : job->rows;
    float *part = job->part + task * job->classes * c;
    memset(part, 0, (size_t)(job->classes * c) * sizeof *part);
    for (int64_t m = from; m < to; m++)
        for (int64_t k = 0; k < job->per_row; k++) {
            int64_t column = job->index[m * job->per_row + k];
            for (int64_t i = 0; column >= 0 && i < c; i++) part[column * c + i] += job->dy[m * c + i];
        }
}

void rt_cpu_embed_backward(rt_ctx *ctx, rt_tensor dw, rt_tensor dy, rt_tensor index)
{
    int64_t mark = rt_arena_mark(ctx->step), c = dw.dim[0], classes = dw.dim[1];
    embed_job job = {.dy = dy.data, .index = index.data, .rows = rt_rows(index), .per_row = rt_last(index), .classes = classes,
                     .c = c};
    int64_t even = (job.rows + EMBED_PARTS - 1) / EMBED_PARTS;
    job.part_rows = even < EMBED_ROWS ? EMBED_ROWS : even;
    int64_t parts = rt_tiles(job.rows, job.part_rows);
    rt_tensor columns = RT_NEW(ctx, classes, c), part = RT_NEW(ctx, parts, classes, c);
    if (part.data) {
        job.part = part.data;
        rt_pool_run(ctx->pool, parts, embed_backward_task, &job);
        memset(columns.data, 0, (size_t)rt_bytes(columns));
        rt_cpu_add_partials(ctx, columns.data, part.data, parts, classes * c);
        for (int64_t k = 0; k < classes; k++)
            for (int64_t i = 0; i < c; i++) ((float *)dw.data)[i * classes + k] += ((const float *)columns.data)[k * c + i];
    }
    rt_arena_reset(ctx->step, mark);
}

void rt_cpu_fourier(rt_ctx *ctx, rt_tensor y, double t, rt_tensor w, rt_tensor b)
{
    (void)ctx;
    for (int64_t i = 0; i < rt_count(y); i++)
        ((float *)y.data)[i] = cosf((float)(2 * M_PI) * ((float)t * ((const float *)w.data)[i] + ((const float *)b.data)[i]));
}

void rt_cpu_augment(rt_ctx *ctx, rt_tensor x, rt_tensor rotation, rt_tensor translation)
{
    rt_backend_ref_f32.augment(ctx, x, rotation, translation);   /* three numbers an atom: nothing to gain */
}
