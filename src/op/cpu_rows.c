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

RT_CLONES static void normalise_rows(const rows_job *job, int64_t from, int64_t to)
{
    int64_t n = job->width;
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
    for (int64_t a = 1; a < index.dim[0]; a++)
        RT_REQUIRE(((const int64_t *)index.data)[a - 1] <= ((const int64_t *)index.data)[a]);
    rows_job job = {.run = segment_mean_rows, .width = rt_last(x), .rows = rt_rows(y), .n = x.dim[1], .shared = y.dim[1],
                    .y = y.data, .x = x.data, .index = index.data};
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
