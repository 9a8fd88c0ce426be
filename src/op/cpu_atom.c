/* cpu_atom.c - ops on windows of atom pairs (W, 32, 128, C) and the per-atom heads */
#include "op/cpu.h"
#include "op/cpu_math.h"

typedef struct {
    float *p;
    const float *pos, *w_d, *w_inv, *w_v, *pair, *a, *b, *x, *w;
    const int64_t *uid, *token, *type;
    int64_t atoms, c, n, bins;
} atom_job;

/* One pair's offsets; w_d is transposed to (3,C) by the caller. */
RT_CLONES static void offset_row(const atom_job *job, int64_t w, int64_t row)
{
    int64_t c = job->c, q = w * RT_WINDOW_QUERIES + row;
    bool has_q = q < job->atoms;
    float x = has_q ? job->pos[3 * q] : 0, y = has_q ? job->pos[3 * q + 1] : 0, z = has_q ? job->pos[3 * q + 2] : 0;
    for (int64_t key = 0; key < RT_WINDOW_KEYS; key++) {
        int64_t k = rt_window_key(w, key);
        bool has_k = k >= 0 && k < job->atoms;
        float *out = job->p + ((w * RT_WINDOW_QUERIES + row) * RT_WINDOW_KEYS + key) * c;
        if ((has_q ? job->uid[q] : 0) != (has_k ? job->uid[k] : 0)) {
            memset(out, 0, (size_t)c * sizeof *out);
            continue;
        }
        float dx = x - (has_k ? job->pos[3 * k] : 0), dy = y - (has_k ? job->pos[3 * k + 1] : 0);
        float dz = z - (has_k ? job->pos[3 * k + 2] : 0), inverse = 1 / (1 + (dx * dx + dy * dy + dz * dz));
        float both = has_q && has_k ? 1 : 0;
        for (int64_t i = 0; i < c; i++)
            out[i] = both * (job->w_d[i] * dx + job->w_d[c + i] * dy + job->w_d[2 * c + i] * dz) + job->w_inv[i] * inverse +
                     job->w_v[i];
    }
}

static void offset_task(void *argument, int64_t w, int worker)
{
    (void)worker;
    for (int64_t row = 0; row < RT_WINDOW_QUERIES; row++) offset_row(argument, w, row);
}

void rt_cpu_window_offsets(rt_ctx *ctx, rt_tensor p, rt_tensor pos, rt_tensor uid, rt_tensor w_d, rt_tensor w_inv,
                           rt_tensor w_v)
{
    int64_t mark = rt_arena_mark(ctx->step), c = p.dim[3];
    rt_tensor columns = RT_NEW(ctx, 3, c);
    if (columns.data) {
        for (int64_t i = 0; i < c; i++)
            for (int64_t x = 0; x < 3; x++) ((float *)columns.data)[x * c + i] = ((const float *)w_d.data)[i * 3 + x];
        atom_job job = {.p = p.data, .pos = pos.data, .uid = uid.data, .w_d = columns.data, .w_inv = w_inv.data,
                        .w_v = w_v.data, .atoms = pos.dim[0], .c = c};
        rt_pool_run(ctx->pool, p.dim[0], offset_task, &job);
    }
    rt_arena_reset(ctx->step, mark);
}

/* One window's (5,C) sums: three of w_d, then w_inv and w_v. */
typedef struct {
    float *part;
    const float *dp, *pos;
    const int64_t *uid;
    int64_t atoms, c;
} offset_gradient_job;

RT_CLONES static void offset_backward_window(const offset_gradient_job *job, int64_t w)
{
    int64_t c = job->c;
    float *part = job->part + w * 5 * c;
    memset(part, 0, (size_t)(5 * c) * sizeof *part);
    for (int64_t row = 0; row < RT_WINDOW_QUERIES; row++)
        for (int64_t key = 0; key < RT_WINDOW_KEYS; key++) {
            int64_t q = w * RT_WINDOW_QUERIES + row, k = rt_window_key(w, key);
            bool has_q = q < job->atoms, has_k = k >= 0 && k < job->atoms;
            if ((has_q ? job->uid[q] : 0) != (has_k ? job->uid[k] : 0)) continue;
            float d[3], square = 0, both = has_q && has_k ? 1 : 0;
            for (int x = 0; x < 3; x++) {
                d[x] = (has_q ? job->pos[3 * q + x] : 0) - (has_k ? job->pos[3 * k + x] : 0);
                square += d[x] * d[x];
            }
            const float *dp = job->dp + ((w * RT_WINDOW_QUERIES + row) * RT_WINDOW_KEYS + key) * c;
            for (int x = 0; x < 3; x++)
                for (int64_t i = 0; i < c; i++) part[x * c + i] += both * d[x] * dp[i];
            for (int64_t i = 0; i < c; i++) part[3 * c + i] += dp[i] / (1 + square);
            for (int64_t i = 0; i < c; i++) part[4 * c + i] += dp[i];
        }
}

static void offset_backward_task(void *argument, int64_t w, int worker)
{
    (void)worker;
    offset_backward_window(argument, w);
}

void rt_cpu_window_offsets_backward(rt_ctx *ctx, rt_tensor dw_d, rt_tensor dw_inv, rt_tensor dw_v, rt_tensor dp, rt_tensor pos,
                                    rt_tensor uid)
{
    int64_t mark = rt_arena_mark(ctx->step), c = dp.dim[3], windows = dp.dim[0];
    rt_tensor part = RT_NEW(ctx, windows, 5, c), sum = RT_NEW(ctx, 5, c);
    if (sum.data) {
        offset_gradient_job job = {.part = part.data, .dp = dp.data, .pos = pos.data, .uid = uid.data, .atoms = pos.dim[0],
                                   .c = c};
        memset(sum.data, 0, (size_t)rt_bytes(sum));
        rt_pool_run(ctx->pool, windows, offset_backward_task, &job);
        rt_cpu_add_partials(ctx, sum.data, part.data, windows, 5 * c);
        const float *total = sum.data;
        for (int64_t i = 0; i < c; i++) {
            for (int64_t x = 0; x < 3; x++) ((float *)dw_d.data)[i * 3 + x] += total[x * c + i];
            ((float *)dw_inv.data)[i] += total[3 * c + i];
            ((float *)dw_v.data)[i] += total[4 * c + i];
        }
    }
    rt_arena_reset(ctx->step, mark);
}

RT_CLONES static void window_pair_row(const atom_job *job, int64_t w, int64_t row)
{
    int64_t c = job->c, q = w * RT_WINDOW_QUERIES + row;
    bool has_q = q < job->atoms;
    int64_t tq = has_q ? job->token[q] : 0;
    for (int64_t key = 0; key < RT_WINDOW_KEYS; key++) {
        int64_t k = rt_window_key(w, key);
        bool has_k = k >= 0 && k < job->atoms;
        float *out = job->p + ((w * RT_WINDOW_QUERIES + row) * RT_WINDOW_KEYS + key) * c;
        if (job->pair) {
            const float *pair = job->pair + (tq * job->n + (has_k ? job->token[k] : 0)) * c;
            for (int64_t i = 0; i < c; i++) out[i] += pair[i];
        }
        if (has_q) for (int64_t i = 0; i < c; i++) out[i] += job->a[q * c + i];
        if (has_k) for (int64_t i = 0; i < c; i++) out[i] += job->b[k * c + i];
    }
}

static void window_pair_task(void *argument, int64_t w, int worker)
{
    (void)worker;
    for (int64_t row = 0; row < RT_WINDOW_QUERIES; row++) window_pair_row(argument, w, row);
}

void rt_cpu_window_pairs(rt_ctx *ctx, rt_tensor p, rt_tensor opt_pair, rt_tensor token, rt_tensor a, rt_tensor b)
{
    atom_job job = {.p = p.data, .pair = opt_pair.data, .token = token.data, .a = a.data, .b = b.data, .atoms = token.dim[0],
                    .c = p.dim[3], .n = opt_pair.data ? opt_pair.dim[0] : 0};
    rt_pool_run(ctx->pool, p.dim[0], window_pair_task, &job);
}

/* Tokens' atoms are consecutive, and atoms beyond the last count as token 0. */
typedef struct {
    float *dpair, *da, *db;
    const float *dp;
    const int64_t *token, *first;   /* first[t]: token t's first atom, first[n]: A */
    int64_t atoms, windows, c, n;
} pair_gradient_job;

RT_CLONES static void query_backward(const pair_gradient_job *job, int64_t q, int64_t token)
{
    int64_t c = job->c;
    const float *row = job->dp + q * RT_WINDOW_KEYS * c;
    for (int64_t key = 0; key < RT_WINDOW_KEYS; key++) {
        int64_t k = rt_window_key(q / RT_WINDOW_QUERIES, key);
        const float *dp = row + key * c;
        if (job->dpair) {
            float *to = job->dpair + (token * job->n + (k >= 0 && k < job->atoms ? job->token[k] : 0)) * c;
            for (int64_t i = 0; i < c; i++) to[i] += dp[i];
        }
        if (q < job->atoms) for (int64_t i = 0; i < c; i++) job->da[q * c + i] += dp[i];
    }
}

/* A task is one token's queries: what it writes is its own. */
static void query_backward_task(void *argument, int64_t token, int worker)
{
    (void)worker;
    const pair_gradient_job *job = argument;
    for (int64_t q = job->first[token]; q < job->first[token + 1]; q++) query_backward(job, q, token);
    for (int64_t q = job->atoms; token == 0 && q < job->windows * RT_WINDOW_QUERIES; q++) query_backward(job, q, 0);
}

RT_CLONES static void key_backward(const pair_gradient_job *job, int64_t atom)
{
    int64_t c = job->c, reach = (RT_WINDOW_KEYS + RT_WINDOW_QUERIES) / RT_WINDOW_QUERIES, own = atom / RT_WINDOW_QUERIES;
    float *db = job->db + atom * c;
    for (int64_t w = own - reach < 0 ? 0 : own - reach; w <= own + reach && w < job->windows; w++) {
        int64_t key = atom - rt_window_key(w, 0);
        if (key < 0 || key >= RT_WINDOW_KEYS) continue;
        for (int64_t row = 0; row < RT_WINDOW_QUERIES; row++) {
            const float *dp = job->dp + ((w * RT_WINDOW_QUERIES + row) * RT_WINDOW_KEYS + key) * c;
            for (int64_t i = 0; i < c; i++) db[i] += dp[i];
        }
    }
}

static void key_backward_task(void *argument, int64_t atom, int worker)
{
    (void)worker;
    key_backward(argument, atom);
}

/* first[t] for t = 0 .. n, from the tokens of atoms; NULL when the arena is full. */
static const int64_t *token_starts(rt_ctx *ctx, rt_tensor token, int64_t n)
{
    const int64_t *of = token.data;
    int64_t atoms = token.dim[0], *first = RT_NEW_TYPE(ctx, RT_I64, n + 1).data;
    for (int64_t a = 1; a < atoms; a++) RT_REQUIRE(of[a - 1] <= of[a]);
    for (int64_t t = 0, a = 0; first && t <= n; t++) {
        while (a < atoms && of[a] < t) a++;
        first[t] = a;
    }
    return first;
}

void rt_cpu_window_pairs_backward(rt_ctx *ctx, rt_tensor opt_dpair, rt_tensor da, rt_tensor db, rt_tensor dp, rt_tensor token)
{
    int64_t mark = rt_arena_mark(ctx->step), atoms = token.dim[0];
    pair_gradient_job job = {.dpair = opt_dpair.data, .da = da.data, .db = db.data, .dp = dp.data, .token = token.data,
                             .atoms = atoms, .windows = dp.dim[0], .c = dp.dim[3]};
    job.n = opt_dpair.data ? opt_dpair.dim[0] : job.token[atoms - 1] + 1;
    job.first = token_starts(ctx, token, job.n);
    if (job.first) {
        rt_pool_run(ctx->pool, job.n, query_backward_task, &job);
        rt_pool_run(ctx->pool, atoms, key_backward_task, &job);
    }
    rt_arena_reset(ctx->step, mark);
}

RT_CLONES static void atom_linear_row(const atom_job *job, int64_t atom)
{
    const float *x = job->x + job->token[atom] * job->c, *w = job->w + job->type[atom] * job->c * job->bins;
    float *y = job->p + atom * job->bins;
    memset(y, 0, (size_t)job->bins * sizeof *y);
    for (int64_t i = 0; i < job->c; i++)
        for (int64_t o = 0; o < job->bins; o++) y[o] += x[i] * w[i * job->bins + o];
}

static void atom_linear_task(void *argument, int64_t atom, int worker)
{
    (void)worker;
    atom_linear_row(argument, atom);
}

void rt_cpu_atom_linear(rt_ctx *ctx, rt_tensor y, rt_tensor x, rt_tensor w, rt_tensor token, rt_tensor type)
{
    RT_REQUIRE(w.dtype == RT_F32);
    atom_job job = {.p = y.data, .x = x.data, .w = w.data, .token = token.data, .type = type.data, .c = w.dim[1],
                    .bins = w.dim[2]};
    rt_pool_run(ctx->pool, token.dim[0], atom_linear_task, &job);
}

typedef struct {
    float *dx, *dw;
    const float *dy, *x, *w;
    const int64_t *token, *type, *first;
    int64_t atoms, c, bins;
} atom_gradient_job;

/* One token: dx += the matrices of its atoms' types times dy. */
RT_CLONES static void atom_input_backward(const atom_gradient_job *job, int64_t token)
{
    int64_t c = job->c, bins = job->bins;
    for (int64_t a = job->first[token]; a < job->first[token + 1]; a++) {
        const float *w = job->w + job->type[a] * c * bins, *dy = job->dy + a * bins;
        for (int64_t i = 0; i < c; i++) {
            float sum = 0;
            #pragma omp simd reduction(+ : sum)
            for (int64_t o = 0; o < bins; o++) sum += w[i * bins + o] * dy[o];
            job->dx[token * c + i] += sum;
        }
    }
}

static void atom_input_task(void *argument, int64_t token, int worker)
{
    (void)worker;
    atom_input_backward(argument, token);
}

/* One type: dw += x dy^T over the atoms of that type, in their order. */
RT_CLONES static void atom_weight_backward(const atom_gradient_job *job, int64_t type)
{
    int64_t c = job->c, bins = job->bins;
    float *dw = job->dw + type * c * bins;
    for (int64_t a = 0; a < job->atoms; a++) {
        if (job->type[a] != type) continue;
        const float *x = job->x + job->token[a] * c, *dy = job->dy + a * bins;
        for (int64_t i = 0; i < c; i++)
            for (int64_t o = 0; o < bins; o++) dw[i * bins + o] += x[i] * dy[o];
    }
}

static void atom_weight_task(void *argument, int64_t type, int worker)
{
    (void)worker;
    atom_weight_backward(argument, type);
}

void rt_cpu_atom_linear_backward(rt_ctx *ctx, rt_tensor opt_dx, rt_tensor opt_dw, rt_tensor dy, rt_tensor x, rt_tensor w,
                                 rt_tensor token, rt_tensor type)
{
    int64_t mark = rt_arena_mark(ctx->step);
    RT_REQUIRE(w.dtype == RT_F32);
    atom_gradient_job job = {.dx = opt_dx.data, .dw = opt_dw.data, .dy = dy.data, .x = x.data, .w = w.data, .token = token.data,
                             .type = type.data, .atoms = token.dim[0], .c = w.dim[1], .bins = w.dim[2],
                             .first = token_starts(ctx, token, x.dim[0])};
    if (job.first && opt_dx.data) rt_pool_run(ctx->pool, x.dim[0], atom_input_task, &job);
    if (job.first && opt_dw.data) rt_pool_run(ctx->pool, w.dim[0], atom_weight_task, &job);
    rt_arena_reset(ctx->step, mark);
}
