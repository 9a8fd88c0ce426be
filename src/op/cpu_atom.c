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
