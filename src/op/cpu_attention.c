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

/* The next `count` elements of the worker's scratch, at `base + at`; base NULL: only counted. */
#define PLACE(member, type, count)                       \
    s->member = base ? (type *)(void *)(base + at) : NULL; \
    at += rt_scratch_stride((count) * (int64_t)sizeof(type))

static int64_t lay_out(attention_scratch *s, char *base, int64_t tile, int64_t nk, int64_t d, bool bf16)
{
    int64_t at = 0;
    PLACE(keys, float, nk * d);
    PLACE(values, float, nk * d);
    PLACE(query, float, tile * d);
    PLACE(logits, float, tile * nk);
    PLACE(mixed, float, tile * d);
    PLACE(keys16, uint16_t, bf16 ? nk * d : 0);
    PLACE(values16, uint16_t, bf16 ? nk * d : 0);
    PLACE(query16, uint16_t, bf16 ? tile * d : 0);
    PLACE(weights16, uint16_t, bf16 ? tile * nk : 0);
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

/* ---- gradients ----
 *
 * Probabilities are recomputed: a tile's rows of logits are whole, so their softmax needs nothing saved.  With P the
 * probabilities and dO the gradient times the gate: dV += P^T dO, dS = P (dO V^T - row sum of P dO V^T), dQ = dS K,
 * dK += dS^T Q; the bias takes dS.
 */

typedef struct {
    float *keys, *values, *dkeys, *dvalues, *query, *d_o, *p, *dp, *mixed, *dquery;
    uint16_t *keys16, *values16, *query16, *d_o16, *p16, *dp16;
} gradient_scratch;

static int64_t lay_out_gradient(gradient_scratch *s, char *base, int64_t tile, int64_t nk, int64_t d, bool bf16)
{
    int64_t at = 0;
    PLACE(keys, float, nk * d);
    PLACE(values, float, nk * d);
    PLACE(dkeys, float, nk * d);
    PLACE(dvalues, float, nk * d);
    PLACE(query, float, tile * d);
    PLACE(d_o, float, tile * d);
    PLACE(p, float, tile * nk);
    PLACE(dp, float, tile * nk);
    PLACE(mixed, float, tile * d);
    PLACE(dquery, float, tile * d);
    PLACE(keys16, uint16_t, bf16 ? nk * d : 0);
    PLACE(values16, uint16_t, bf16 ? nk * d : 0);
    PLACE(query16, uint16_t, bf16 ? tile * d : 0);
    PLACE(d_o16, uint16_t, bf16 ? tile * d : 0);
    PLACE(p16, uint16_t, bf16 ? tile * nk : 0);
    PLACE(dp16, uint16_t, bf16 ? tile * nk : 0);
    return at;
}

enum { BATCH_GROUPS = 4 };

typedef struct {
    attention_job forward;
    const float *d_o;
    float *dq, *dk, *dv, *dbias, *dgate;   /* dbias: a part for each group of batches */
    int64_t batch, group, groups;
    int64_t atoms, windows;                /* windows only; there dk and dv are (S,W,128,width) */
    const rt_gemm_plan *to_keys[2], *from_keys[2], *onto_keys[2];   /* [last query tile] */
    char *scratch;
    int64_t bytes;
} attention_gradient_job;

static void prepare_gradient(attention_gradient_job *job, const int64_t rows[2])
{
    const attention_job *f = &job->forward;
    int64_t nk = f->nk, d = f->d;
    for (int last = 0; last < 2; last++) {
        int64_t m = rows[last];
        if (m == 0) continue;
        rt_gemm to_keys = {.m = m, .n = nk, .k = d, .a_row = d, .a_col = 1, .b_row = 1, .b_col = d, .c_row = nk, .bf16 = f->bf16};
        rt_gemm from_keys = {.m = m, .n = d, .k = nk, .a_row = nk, .a_col = 1, .b_row = d, .b_col = 1, .c_row = d,
                             .bf16 = f->bf16};
        rt_gemm onto_keys = {.m = nk, .n = d, .k = m, .a_row = 1, .a_col = nk, .b_row = d, .b_col = 1, .c_row = d,
                             .bf16 = f->bf16, .add = true};
        job->to_keys[last] = rt_gemm_prepare(f->ctx, to_keys);
        job->from_keys[last] = rt_gemm_prepare(f->ctx, from_keys);
        job->onto_keys[last] = rt_gemm_prepare(f->ctx, onto_keys);
    }
    gradient_scratch unused;
    job->bytes = lay_out_gradient(&unused, NULL, QUERY_TILE, nk, d, f->bf16);
    job->scratch = rt_cpu_scratch(f->ctx, job->bytes);
}

/* dp, the gradient of the probabilities p, becomes that of the logits and is added to dbias. */
RT_CLONES static void softmax_gradient(const float *p, float *dp, float *dbias, int64_t bias_stride, int64_t rows, int64_t n)
{
    for (int64_t m = 0; m < rows; m++) {
        const float *x = p + m * n;
        float *dx = dp + m * n, mean = 0;
        #pragma omp simd reduction(+ : mean)
        for (int64_t i = 0; i < n; i++) mean += x[i] * dx[i];
        for (int64_t i = 0; i < n; i++) dx[i] = x[i] * (dx[i] - mean);
        if (dbias) for (int64_t i = 0; i < n; i++) dbias[m * bias_stride + i] += dx[i];
    }
}

RT_CLONES static void divide_rows(float *p, const float *sums, int64_t rows, int64_t n)
{
    for (int64_t m = 0; m < rows; m++) {
        float scale = 1.0f / sums[m];
        for (int64_t i = 0; i < n; i++) p[m * n + i] *= scale;
    }
}

/* d_o times the gate, gathered; without a gate a copy. */
RT_CLONES static void gate_head(float *out, const float *in, const float *gate, int64_t rows, int64_t width, int64_t d)
{
    for (int64_t m = 0; m < rows; m++) {
        if (gate) for (int64_t c = 0; c < d; c++) out[m * d + c] = in[m * width + c] * gate[m * width + c];
        else for (int64_t c = 0; c < d; c++) out[m * d + c] = in[m * width + c];
    }
}

RT_CLONES static void store_outputs(float *o, float *dgate, const float *mixed, const float *d_o, const float *gate, int64_t rows,
                                    int64_t width, int64_t d)
{
    for (int64_t m = 0; m < rows; m++) {
        const float *x = mixed + m * d;
        if (dgate) for (int64_t c = 0; c < d; c++) dgate[m * width + c] = d_o[m * width + c] * x[c];
        if (!o) continue;
        if (gate) for (int64_t c = 0; c < d; c++) o[m * width + c] = x[c] * gate[m * width + c];
        else for (int64_t c = 0; c < d; c++) o[m * width + c] = x[c];
    }
}

RT_CLONES static void spread_head(float *out, const float *in, int64_t rows, int64_t width, int64_t d, float scale)
{
    for (int64_t m = 0; m < rows; m++)
        for (int64_t c = 0; c < d; c++) out[m * width + c] = in[m * d + c] * scale;
}

/* Queries [at, at + rows) of a head whose keys and values lie in scratch; adds to dkeys and dvalues there. */
static void attend_tile_backward(const attention_gradient_job *job, gradient_scratch *s, int64_t rows, bool last, int64_t at,
                                 const float *bias, float *dbias, int64_t bias_stride, int worker)
{
    const attention_job *f = &job->forward;
    const float *gate = f->gate ? f->gate + at : NULL;
    float sums[QUERY_TILE];
    int64_t d = f->d, nk = f->nk;
#define OPERAND(name) (f->bf16 ? (const void *)s->name##16 : (const void *)s->name)
    copy_head(s->query, f->q + at, rows, f->width, d, f->scale);
    if (f->bf16) rt_cpu_to_bf16(s->query16, s->query, rows * d);
    rt_gemm_run(f->ctx, job->to_keys[last], OPERAND(query), OPERAND(keys), s->p, worker);
    exponentials(s->p, bias, bias_stride, rows, nk, sums);
    divide_rows(s->p, sums, rows, nk);
    if (f->bf16) rt_cpu_to_bf16(s->p16, s->p, rows * nk);
    if (f->o || job->dgate) {
        rt_gemm_run(f->ctx, job->from_keys[last], OPERAND(p), OPERAND(values), s->mixed, worker);
        store_outputs(f->o ? f->o + at : NULL, job->dgate ? job->dgate + at : NULL, s->mixed, job->d_o + at, gate, rows, f->width,
                      d);
    }
    gate_head(s->d_o, job->d_o + at, gate, rows, f->width, d);
    if (f->bf16) rt_cpu_to_bf16(s->d_o16, s->d_o, rows * d);
    rt_gemm_run(f->ctx, job->onto_keys[last], OPERAND(p), OPERAND(d_o), s->dvalues, worker);
    rt_gemm_run(f->ctx, job->to_keys[last], OPERAND(d_o), OPERAND(values), s->dp, worker);
    softmax_gradient(s->p, s->dp, dbias, bias_stride, rows, nk);
    if (f->bf16) rt_cpu_to_bf16(s->dp16, s->dp, rows * nk);
    rt_gemm_run(f->ctx, job->from_keys[last], OPERAND(dp), OPERAND(keys), s->dquery, worker);
    rt_gemm_run(f->ctx, job->onto_keys[last], OPERAND(dp), OPERAND(query), s->dkeys, worker);
    spread_head(job->dq + at, s->dquery, rows, f->width, d, f->scale);
#undef OPERAND
}

static void start_keys(const attention_job *f, gradient_scratch *s)
{
    memset(s->dkeys, 0, (size_t)(f->nk * f->d) * sizeof(float));
    memset(s->dvalues, 0, (size_t)(f->nk * f->d) * sizeof(float));
    if (!f->bf16) return;
    rt_cpu_to_bf16(s->keys16, s->keys, f->nk * f->d);
    rt_cpu_to_bf16(s->values16, s->values, f->nk * f->d);
}

/* A task is one head and one group of batches, so that the shared bias is added to in a fixed order. */
static void attention_gradient_task(void *argument, int64_t task, int worker)
{
    const attention_gradient_job *job = argument;
    const attention_job *f = &job->forward;
    int64_t head = task % f->heads, group = task / f->heads, column = head * f->d, from = group * job->group;
    int64_t to = from + job->group < job->batch ? from + job->group : job->batch;
    gradient_scratch s;
    lay_out_gradient(&s, job->scratch + worker * rt_scratch_stride(job->bytes), QUERY_TILE, f->nk, f->d, f->bf16);
    float *dbias = job->dbias ? job->dbias + (group * f->heads + head) * f->nq * f->nk : NULL;
    if (dbias) memset(dbias, 0, (size_t)(f->nq * f->nk) * sizeof *dbias);
    for (int64_t b = from; b < to; b++) {
        int64_t keys = b * f->nk * f->width + column;
        copy_head(s.keys, f->k + keys, f->nk, f->width, f->d, 1);
        copy_head(s.values, f->v + keys, f->nk, f->width, f->d, 1);
        start_keys(f, &s);
        for (int64_t first = 0; first < f->nq; first += QUERY_TILE) {
            int64_t rows = f->nq - first < QUERY_TILE ? f->nq - first : QUERY_TILE;
            attend_tile_backward(job, &s, rows, rows < QUERY_TILE, (b * f->nq + first) * f->width + column,
                                 f->bias ? f->bias + (head * f->nq + first) * f->nk : NULL, dbias ? dbias + first * f->nk : NULL,
                                 f->nk, worker);
        }
        spread_head(job->dk + keys, s.dkeys, f->nk, f->width, f->d, 1);
        spread_head(job->dv + keys, s.dvalues, f->nk, f->width, f->d, 1);
    }
}

void rt_cpu_attention_backward(rt_ctx *ctx, const rt_attention_grad *grad, rt_tensor d_o, rt_tensor q, rt_tensor k, rt_tensor v,
                               rt_tensor opt_bias, rt_tensor opt_gate, int64_t heads, double scale)
{
    int64_t mark = rt_arena_mark(ctx->step), nq = q.dim[1], nk = k.dim[1], batch = q.dim[0];
    attention_gradient_job job = {
        .forward = {.ctx = ctx, .o = grad->opt_o.data, .q = q.data, .k = k.data, .v = v.data, .bias = opt_bias.data,
                    .gate = opt_gate.data, .heads = heads, .nq = nq, .nk = nk, .width = q.dim[2], .d = q.dim[2] / heads,
                    .scale = (float)scale, .bf16 = ctx->bf16 && rt_cpu_has_bf16()},
        .d_o = d_o.data, .dq = grad->dq.data, .dk = grad->dk.data, .dv = grad->dv.data,
        .dgate = opt_gate.data ? grad->opt_dgate.data : NULL, .batch = batch};
    job.groups = batch < BATCH_GROUPS || !grad->opt_dbias.data ? batch : BATCH_GROUPS;
    job.group = (batch + job.groups - 1) / job.groups;
    job.groups = rt_tiles(batch, job.group);
    if (grad->opt_dbias.data) job.dbias = RT_NEW(ctx, job.groups, heads, nq, nk).data;
    prepare_gradient(&job, (int64_t[]){nq < QUERY_TILE ? 0 : QUERY_TILE, nq % QUERY_TILE});
    if (ctx->status == RT_OK) {
        rt_pool_run(ctx->pool, job.groups * heads, attention_gradient_task, &job);
        if (job.dbias) rt_cpu_add_partials(ctx, grad->opt_dbias.data, job.dbias, job.groups, heads * nq * nk);
    }
    rt_arena_reset(ctx->step, mark);
}

/* A task is one window with all samples and heads: its bias is its own.  Keys belong to several windows, so their gradients
 * are written window by window and added afterwards. */
static void local_gradient_task(void *argument, int64_t w, int worker)
{
    const attention_gradient_job *job = argument;
    const attention_job *f = &job->forward;
    int64_t atoms = job->atoms, first = rt_window_key(w, 0), from = first < 0 ? -first : 0;
    int64_t to = first + RT_WINDOW_KEYS > atoms ? atoms - first : RT_WINDOW_KEYS;
    int64_t rows = atoms - w * RT_WINDOW_QUERIES < RT_WINDOW_QUERIES ? atoms - w * RT_WINDOW_QUERIES : RT_WINDOW_QUERIES;
    gradient_scratch s;
    lay_out_gradient(&s, job->scratch + worker * rt_scratch_stride(job->bytes), QUERY_TILE, f->nk, f->d, f->bf16);
    float masked[RT_WINDOW_QUERIES * RT_WINDOW_KEYS];
    for (int64_t sample = 0; sample < job->batch; sample++)
        for (int64_t head = 0; head < f->heads; head++) {
            int64_t keys = (sample * atoms + first + from) * f->width + head * f->d;
            memset(s.keys, 0, (size_t)(f->nk * f->d) * sizeof(float));
            memset(s.values, 0, (size_t)(f->nk * f->d) * sizeof(float));
            copy_head(s.keys + from * f->d, f->k + keys, to - from, f->width, f->d, 1);
            copy_head(s.values + from * f->d, f->v + keys, to - from, f->width, f->d, 1);
            start_keys(f, &s);
            int64_t pair = (head * job->windows + w) * RT_WINDOW_QUERIES * RT_WINDOW_KEYS;
            const float *bias = f->bias + pair;
            if (from > 0 || to < RT_WINDOW_KEYS) {
                for (int64_t m = 0; m < rows; m++)
                    for (int64_t key = 0; key < RT_WINDOW_KEYS; key++)
                        masked[m * RT_WINDOW_KEYS + key] = key >= from && key < to ? bias[m * RT_WINDOW_KEYS + key] : -1e10f;
                bias = masked;
            }
            attend_tile_backward(job, &s, rows, rows < RT_WINDOW_QUERIES,
                                 (sample * atoms + w * RT_WINDOW_QUERIES) * f->width + head * f->d, bias,
                                 job->dbias ? job->dbias + pair : NULL, RT_WINDOW_KEYS, worker);
            int64_t out = (sample * job->windows + w) * RT_WINDOW_KEYS * f->width + head * f->d;
            spread_head(job->dk + out, s.dkeys, f->nk, f->width, f->d, 1);
            spread_head(job->dv + out, s.dvalues, f->nk, f->width, f->d, 1);
        }
}

/* dk and dv of one atom: the windows that have it as a key, in their order. */
typedef struct {
    float *dk, *dv;
    const float *window_dk, *window_dv;
    int64_t atoms, windows, width;
} key_job;

RT_CLONES static void sum_key(const key_job *job, int64_t row)
{
    int64_t sample = row / job->atoms, atom = row % job->atoms, width = job->width;
    float *dk = job->dk + row * width, *dv = job->dv + row * width;
    memset(dk, 0, (size_t)width * sizeof *dk);
    memset(dv, 0, (size_t)width * sizeof *dv);
    int64_t reach = (RT_WINDOW_KEYS + RT_WINDOW_QUERIES) / RT_WINDOW_QUERIES, own = atom / RT_WINDOW_QUERIES;
    for (int64_t w = own - reach < 0 ? 0 : own - reach; w <= own + reach && w < job->windows; w++) {
        int64_t key = atom - rt_window_key(w, 0);
        if (key < 0 || key >= RT_WINDOW_KEYS) continue;
        int64_t at = ((sample * job->windows + w) * RT_WINDOW_KEYS + key) * width;
        for (int64_t i = 0; i < width; i++) dk[i] += job->window_dk[at + i];
        for (int64_t i = 0; i < width; i++) dv[i] += job->window_dv[at + i];
    }
}

static void sum_key_task(void *argument, int64_t row, int worker)
{
    (void)worker;
    sum_key(argument, row);
}

void rt_cpu_local_attention_backward(rt_ctx *ctx, const rt_attention_grad *grad, rt_tensor d_o, rt_tensor q, rt_tensor k,
                                     rt_tensor v, rt_tensor bias, rt_tensor opt_gate, int64_t heads, double scale)
{
    int64_t mark = rt_arena_mark(ctx->step), samples = q.dim[0], atoms = q.dim[1], width = q.dim[2];
    attention_gradient_job job = {
        .forward = {.ctx = ctx, .o = grad->opt_o.data, .q = q.data, .k = k.data, .v = v.data, .bias = bias.data,
                    .gate = opt_gate.data, .heads = heads, .nq = RT_WINDOW_QUERIES, .nk = RT_WINDOW_KEYS, .width = width,
                    .d = width / heads, .scale = (float)scale, .bf16 = ctx->bf16 && rt_cpu_has_bf16()},
        .d_o = d_o.data, .dq = grad->dq.data, .dgate = opt_gate.data ? grad->opt_dgate.data : NULL,
        .dbias = grad->opt_dbias.data, .batch = samples, .atoms = atoms, .windows = rt_window_count(atoms)};
    job.dk = RT_NEW(ctx, samples, job.windows, RT_WINDOW_KEYS, width).data;
    job.dv = RT_NEW(ctx, samples, job.windows, RT_WINDOW_KEYS, width).data;
    prepare_gradient(&job, (int64_t[]){RT_WINDOW_QUERIES, atoms % RT_WINDOW_QUERIES});
    if (ctx->status == RT_OK) {
        rt_pool_run(ctx->pool, job.windows, local_gradient_task, &job);
        key_job sum = {.dk = grad->dk.data, .dv = grad->dv.data, .window_dk = job.dk, .window_dv = job.dv, .atoms = atoms,
                       .windows = job.windows, .width = width};
        rt_pool_run(ctx->pool, samples * atoms, sum_key_task, &sum);
    }
    rt_arena_reset(ctx->step, mark);
}
