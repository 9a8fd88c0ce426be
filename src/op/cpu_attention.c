/* cpu_attention.c - gated attention with a pair bias: over tokens, over triangle rows, and in windows of atoms
 *
 * A task is one (batch, head): keys and values of the head are gathered once, then tiles of queries run
 * product - softmax - product in scratch that stays in the cache.  The sum of exponentials divides the result, not the
 * probabilities.
 */
#include <math.h>

#include "op/cpu.h"
#include "op/cpu_math.h"

enum { QUERY_TILE = 64 };

typedef struct {
    rt_ctx *ctx;
    float *o;
    const float *q, *k, *v, *bias, *gate;
    int64_t heads, nq, nk, d, width;
    float scale;
    bool bf16;
    const rt_gemm_plan *score[2], *mix[2];   /* [last query tile] */
    char *scratch;
    int64_t bytes;
} attention_job;

/* Scratch of one worker.  The 16-bit copies are used for bf16 products only. */
typedef struct {
    float *keys, *values, *query, *logits, *mixed;
    uint16_t *keys16, *values16, *query16, *weights16;
} attention_scratch;

static int64_t lay_out(attention_scratch *s, char *base, int64_t tile, int64_t nk, int64_t d, bool bf16)
{
    int64_t at = 0;
#define PLACE(member, type, count)                       \
    s->member = base ? (type *)(void *)(base + at) : NULL; \
    at += rt_scratch_stride((count) * (int64_t)sizeof(type))
    PLACE(keys, float, nk * d);
    PLACE(values, float, nk * d);
    PLACE(query, float, tile * d);
    PLACE(logits, float, tile * nk);
    PLACE(mixed, float, tile * d);
    PLACE(keys16, uint16_t, bf16 ? nk * d : 0);
    PLACE(values16, uint16_t, bf16 ? nk * d : 0);
    PLACE(query16, uint16_t, bf16 ? tile * d : 0);
    PLACE(weights16, uint16_t, bf16 ? tile * nk : 0);
#undef PLACE
    return at;
}

RT_CLONES static void copy_head(float *out, const float *in, int64_t rows, int64_t width, int64_t d, float scale)
{
    for (int64_t m = 0; m < rows; m++)
        for (int64_t c = 0; c < d; c++) out[m * d + c] = in[m * width + c] * scale;
}

/* logits += bias, then exp(logits - max) in place; sums[m] is the row's sum. */
RT_CLONES static void exponentials(float *logits, const float *bias, int64_t bias_stride, int64_t rows, int64_t n, float *sums)
{
    for (int64_t m = 0; m < rows; m++) {
        float *x = logits + m * n, top = -INFINITY, sum = 0;
        if (bias) {
            const float *b = bias + m * bias_stride;
            for (int64_t i = 0; i < n; i++) x[i] += b[i];
        }
        #pragma omp simd reduction(max : top)
        for (int64_t i = 0; i < n; i++) top = x[i] > top ? x[i] : top;
        #pragma omp simd reduction(+ : sum)
        for (int64_t i = 0; i < n; i++) sum += x[i] = rt_expf(x[i] - top);
        sums[m] = sum;
    }
}

RT_CLONES static void store_head(float *out, const float *mixed, const float *gate, const float *sums, int64_t rows,
                                 int64_t width, int64_t d)
{
    for (int64_t m = 0; m < rows; m++) {
        float scale = 1.0f / sums[m];
        if (gate) for (int64_t c = 0; c < d; c++) out[m * width + c] = mixed[m * d + c] * scale * gate[m * width + c];
        else for (int64_t c = 0; c < d; c++) out[m * width + c] = mixed[m * d + c] * scale;
    }
}

/* Queries [0, rows) at q against the head's keys and values in scratch. */
static void attend_tile(const attention_job *job, attention_scratch *s, int64_t rows, bool last, const float *q, float *o,
                        const float *gate, const float *bias, int64_t bias_stride, int worker)
{
    float sums[QUERY_TILE];
    copy_head(s->query, q, rows, job->width, job->d, job->scale);
    if (job->bf16) rt_cpu_to_bf16(s->query16, s->query, rows * job->d);
    rt_gemm_run(job->ctx, job->score[last], job->bf16 ? (void *)s->query16 : s->query,
                job->bf16 ? (void *)s->keys16 : s->keys, s->logits, worker);
    exponentials(s->logits, bias, bias_stride, rows, job->nk, sums);
    if (job->bf16) rt_cpu_to_bf16(s->weights16, s->logits, rows * job->nk);
    rt_gemm_run(job->ctx, job->mix[last], job->bf16 ? (void *)s->weights16 : s->logits,
                job->bf16 ? (void *)s->values16 : s->values, s->mixed, worker);
    store_head(o, s->mixed, gate, sums, rows, job->width, job->d);
}

static void load_keys(const attention_job *job, attention_scratch *s)
{
    if (!job->bf16) return;
    rt_cpu_to_bf16(s->keys16, s->keys, job->nk * job->d);
    rt_cpu_to_bf16(s->values16, s->values, job->nk * job->d);
}

static void attention_task(void *argument, int64_t task, int worker)
{
    const attention_job *job = argument;
    int64_t batch = task / job->heads, head = task % job->heads, column = head * job->d;
    attention_scratch s;
    lay_out(&s, job->scratch + worker * rt_scratch_stride(job->bytes), QUERY_TILE, job->nk, job->d, job->bf16);
    copy_head(s.keys, job->k + batch * job->nk * job->width + column, job->nk, job->width, job->d, 1);
    copy_head(s.values, job->v + batch * job->nk * job->width + column, job->nk, job->width, job->d, 1);
    load_keys(job, &s);
    for (int64_t first = 0; first < job->nq; first += QUERY_TILE) {
        int64_t rows = job->nq - first < QUERY_TILE ? job->nq - first : QUERY_TILE;
        int64_t at = (batch * job->nq + first) * job->width + column;
        attend_tile(job, &s, rows, rows < QUERY_TILE, job->q + at, job->o + at, job->gate ? job->gate + at : NULL,
                    job->bias ? job->bias + (head * job->nq + first) * job->nk : NULL, job->nk, worker);
    }
}

/* Plans for tiles of QUERY_TILE queries and for the last, smaller one; scratch for every worker. */
static void prepare(attention_job *job, int64_t queries)
{
    const int64_t rows[2] = {queries < QUERY_TILE ? 0 : QUERY_TILE, queries % QUERY_TILE};
    for (int last = 0; last < 2; last++) {
        if (rows[last] == 0) continue;
        job->score[last] = rt_gemm_prepare(job->ctx, (rt_gemm){.m = rows[last], .n = job->nk, .k = job->d, .a_row = job->d,
                                                               .a_col = 1, .b_row = 1, .b_col = job->d, .c_row = job->nk,
                                                               .bf16 = job->bf16});
        job->mix[last] = rt_gemm_prepare(job->ctx, (rt_gemm){.m = rows[last], .n = job->d, .k = job->nk, .a_row = job->nk,
                                                             .a_col = 1, .b_row = job->d, .b_col = 1, .c_row = job->d,
                                                             .bf16 = job->bf16});
    }
    attention_scratch unused;
    job->bytes = lay_out(&unused, NULL, QUERY_TILE, job->nk, job->d, job->bf16);
    job->scratch = rt_cpu_scratch(job->ctx, job->bytes);
}

void rt_cpu_attention(rt_ctx *ctx, rt_tensor o, rt_tensor q, rt_tensor k, rt_tensor v, rt_tensor opt_bias, rt_tensor opt_gate,
                      int64_t heads, double scale)
{
    attention_job job = {.ctx = ctx, .o = o.data, .q = q.data, .k = k.data, .v = v.data, .bias = opt_bias.data,
                         .gate = opt_gate.data, .heads = heads, .nq = q.dim[1], .nk = k.dim[1], .width = q.dim[2],
                         .d = q.dim[2] / heads, .scale = (float)scale, .bf16 = ctx->bf16 && rt_cpu_has_bf16()};
    int64_t mark = rt_arena_mark(ctx->step);
    prepare(&job, job.nq);
    if (ctx->status == RT_OK) rt_pool_run(ctx->pool, q.dim[0] * heads, attention_task, &job);
    rt_arena_reset(ctx->step, mark);
}

/* ---- windows of atoms ---- */

typedef struct {
    attention_job attention;   /* nq is the window's queries, nk its keys */
    int64_t atoms, windows;
} local_job;

static void local_task(void *argument, int64_t task, int worker)
{
    const local_job *local = argument;
    const attention_job *job = &local->attention;
    int64_t sample = task / local->windows, w = task % local->windows, atoms = local->atoms;
    int64_t rows = atoms - w * RT_WINDOW_QUERIES < RT_WINDOW_QUERIES ? atoms - w * RT_WINDOW_QUERIES : RT_WINDOW_QUERIES;
    int64_t first = rt_window_key(w, 0), from = first < 0 ? -first : 0;
    int64_t to = first + RT_WINDOW_KEYS > atoms ? atoms - first : RT_WINDOW_KEYS;
    attention_scratch s;
    lay_out(&s, job->scratch + worker * rt_scratch_stride(job->bytes), QUERY_TILE, job->nk, job->d, job->bf16);
    float masked[RT_WINDOW_QUERIES * RT_WINDOW_KEYS];
    for (int64_t head = 0; head < job->heads; head++) {
        int64_t keys = (sample * atoms + first + from) * job->width + head * job->d;
        memset(s.keys, 0, (size_t)(job->nk * job->d) * sizeof(float));
        memset(s.values, 0, (size_t)(job->nk * job->d) * sizeof(float));
        copy_head(s.keys + from * job->d, job->k + keys, to - from, job->width, job->d, 1);
        copy_head(s.values + from * job->d, job->v + keys, to - from, job->width, job->d, 1);
        load_keys(job, &s);
        const float *bias = job->bias + (head * local->windows + w) * RT_WINDOW_QUERIES * RT_WINDOW_KEYS;
        if (from > 0 || to < RT_WINDOW_KEYS) {
            for (int64_t m = 0; m < rows; m++)
                for (int64_t key = 0; key < RT_WINDOW_KEYS; key++)
                    masked[m * RT_WINDOW_KEYS + key] = key >= from && key < to ? bias[m * RT_WINDOW_KEYS + key] : -1e10f;
            bias = masked;
        }
        int64_t at = (sample * atoms + w * RT_WINDOW_QUERIES) * job->width + head * job->d;
        attend_tile(job, &s, rows, rows < RT_WINDOW_QUERIES, job->q + at, job->o + at, job->gate ? job->gate + at : NULL, bias,
                    RT_WINDOW_KEYS, worker);
    }
}

void rt_cpu_local_attention(rt_ctx *ctx, rt_tensor o, rt_tensor q, rt_tensor k, rt_tensor v, rt_tensor bias,
                            rt_tensor opt_gate, int64_t heads, double scale)
{
    local_job job = {.attention = {.ctx = ctx, .o = o.data, .q = q.data, .k = k.data, .v = v.data, .bias = bias.data,
                                   .gate = opt_gate.data, .heads = heads, .nq = RT_WINDOW_QUERIES, .nk = RT_WINDOW_KEYS,
                                   .width = q.dim[2], .d = q.dim[2] / heads, .scale = (float)scale,
                                   .bf16 = ctx->bf16 && rt_cpu_has_bf16()},
                     .atoms = q.dim[1], .windows = rt_window_count(q.dim[1])};
    int64_t mark = rt_arena_mark(ctx->step);
    attention_job *a = &job.attention;
    const int64_t rows[2] = {RT_WINDOW_QUERIES, job.atoms % RT_WINDOW_QUERIES};
    for (int last = 0; last < 2; last++) {
        if (rows[last] == 0) continue;
        a->score[last] = rt_gemm_prepare(ctx, (rt_gemm){.m = rows[last], .n = a->nk, .k = a->d, .a_row = a->d, .a_col = 1,
                                                        .b_row = 1, .b_col = a->d, .c_row = a->nk, .bf16 = a->bf16});
        a->mix[last] = rt_gemm_prepare(ctx, (rt_gemm){.m = rows[last], .n = a->d, .k = a->nk, .a_row = a->nk, .a_col = 1,
                                                      .b_row = a->d, .b_col = 1, .c_row = a->d, .bf16 = a->bf16});
    }
    attention_scratch unused;
    a->bytes = lay_out(&unused, NULL, QUERY_TILE, a->nk, a->d, a->bf16);
    a->scratch = rt_cpu_scratch(ctx, a->bytes);
    if (ctx->status == RT_OK) rt_pool_run(ctx->pool, q.dim[0] * job.windows, local_task, &job);
    rt_arena_reset(ctx->step, mark);
}
