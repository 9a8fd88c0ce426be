#include "train/adam.h"

#include <math.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/memory.h"
#include "op/cpu.h"
#include "op/cpu_math.h"
#include "op/cuda_adam.h"

enum { TILE = RT_CUDA_ADAM_TILE };

const rt_adam_options rt_adam_default = {.kind = RT_ADAM_L2, .beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8,
                                         .weight_decay = 1e-8, .clip_norm = 10};

typedef struct {
    rt_tensor m, v;
    int64_t updates, first_tile;
} slot;

struct rt_adam {
    rt_adam_options options;
    rt_params *params;
    rt_arena *arena;
    slot *slot;            /* one per parameter */
    double *square;        /* per tile: sum of squared gradients */
    double *size;          /* per parameter: whether anything reached it */
    int64_t n_param, n_tile;
};

static rt_status check_options(const rt_adam_options *o, rt_err *err)
{
    if (!(o->beta1 >= 0 && o->beta1 < 1 && o->beta2 >= 0 && o->beta2 < 1))
        return rt_fail(err, RT_ERR_USAGE, NULL, 0, "Adam's betas are %g and %g; 0 to below 1 was expected", o->beta1,
                       o->beta2);
    if (!(o->eps > 0 && isfinite(o->eps)) || !(o->weight_decay >= 0 && isfinite(o->weight_decay)))
        return rt_fail(err, RT_ERR_USAGE, NULL, 0,
                       "Adam's eps is %g and its weight decay %g; above 0, and 0 or more, was expected", o->eps,
                       o->weight_decay);
    if (!(o->clip_norm >= 0))
        return rt_fail(err, RT_ERR_USAGE, NULL, 0, "the gradient's norm cannot be clipped to %g", o->clip_norm);
    return RT_OK;
}

static rt_tensor zeros(rt_arena *arena, rt_tensor like)
{
    rt_tensor t = like;
    t.data = rt_arena_push(arena, rt_bytes(like));
    if (t.data) memset(t.data, 0, (size_t)rt_bytes(t));
    return t;
}

rt_status rt_adam_create(rt_adam **ret_adam, rt_params *params, const rt_adam_options *options, rt_err *err)
{
    rt_status status = RT_OK;
    rt_adam *adam = NULL;
    *ret_adam = NULL;
    RT_TRY(check_options(options, err));
    RT_TRY_ALLOC(adam, 1);
    *adam = (rt_adam){.options = *options, .params = params, .n_param = rt_params_count(params)};
    int64_t bytes = 2 * rt_params_bytes(params) + 512 * adam->n_param;
    RT_TRY(rt_ctx_arena_create(rt_params_ctx(params), &adam->arena, "optimizer", bytes, err));
    RT_TRY_ALLOC(adam->slot, adam->n_param);
    for (int64_t i = 0; i < adam->n_param; i++) {
        rt_tensor value = rt_params_at(params, i)->value;
        adam->slot[i] = (slot){zeros(adam->arena, value), zeros(adam->arena, value), 0, adam->n_tile};
        if (!adam->slot[i].v.data) {
            status = rt_fail(err, RT_ERR_MEMORY, NULL, 0,
                             "Adam's two moments of %lld values need more than the %.1f GiB available",
                             (long long)rt_params_elements(params), (double)rt_arena_capacity(adam->arena) / (1 << 30));
            rt_hint(err, "train fewer weights, or adapters of a lower rank");
            goto done;
        }
        adam->n_tile += (rt_count(value) + TILE - 1) / TILE;
    }
    RT_TRY_ALLOC(adam->square, adam->n_tile);
    RT_TRY_ALLOC(adam->size, adam->n_param);
    *ret_adam = adam;
    adam = NULL;
done:
    rt_adam_free(adam);
    return status;
}

void rt_adam_free(rt_adam *adam)
{
    if (!adam) return;
    rt_arena_free(adam->arena);
    free(adam->slot);
    free(adam->square);
    free(adam->size);
    free(adam);
}

/* The context whose device holds the parameters; NULL: the CPU's memory does. */
static rt_ctx *device_of(const rt_adam *adam)
{
    rt_ctx *ctx = rt_params_ctx(adam->params);
    return ctx && ctx->on_device ? ctx : NULL;
}

/* The parameter that a tile belongs to, and its elements [from, to). */
static int64_t find_tile(const rt_adam *adam, int64_t tile, int64_t *from, int64_t *to)
{
    int64_t low = 0, high = adam->n_param - 1;
    while (low < high) {
        int64_t middle = (low + high + 1) / 2;
        if (adam->slot[middle].first_tile <= tile) low = middle;
        else high = middle - 1;
    }
    int64_t count = rt_count(adam->slot[low].m);
    *from = (tile - adam->slot[low].first_tile) * TILE;
    *to = *from + TILE < count ? *from + TILE : count;
    return low;
}

/* ---- the norm ---------------------------------------------------------------------------------------------------- */
RT_CLONES static double sum_squares_f32(const float *x, int64_t count)
{
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < count; i++) sum += (double)x[i] * x[i];
    return sum;
}

static double sum_squares_f64(const double *x, int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++) sum += x[i] * x[i];
    return sum;
}

static void square_tile(void *argument, int64_t tile, int worker)
{
    const rt_adam *adam = argument;
    int64_t from, to;
    rt_tensor g = rt_params_at(adam->params, find_tile(adam, tile, &from, &to))->grad;
    (void)worker;
    adam->square[tile] = g.dtype == RT_F64 ? sum_squares_f64((const double *)g.data + from, to - from)
                                           : sum_squares_f32((const float *)g.data + from, to - from);
}

/* What is the same for all elements of a tensor. */
typedef struct {
    double scale, decay, shrink, beta1, beta2, eps, rate, root;
} factors;

typedef struct {
    rt_adam *adam;
    double rate, scale;
} step_job;

static factors factors_of(const step_job *j, int64_t index)
{
    const rt_adam_options *o = &j->adam->options;
    double t = (double)j->adam->slot[index].updates, correct1 = 1 - pow(o->beta1, t), correct2 = 1 - pow(o->beta2, t);
    bool decoupled = o->kind == RT_ADAM_DECOUPLED, matrix = rt_params_at(j->adam->params, index)->value.ndim > 1;
    return (factors){.scale = j->scale, .beta1 = o->beta1, .beta2 = o->beta2, .eps = o->eps,
                     .decay = decoupled ? 0 : o->weight_decay,
                     .shrink = decoupled && matrix ? 1 - j->rate * o->weight_decay : 1,
                     .rate = j->rate / correct1, .root = sqrt(correct2)};
}

/* The tensors as the device's passes read them, in the host's memory; opt_step NULL: for the norm alone. */
static rt_tensor list_tensors(rt_ctx *ctx, rt_adam *adam, const step_job *opt_step)
{
    rt_tensor list = RT_NEW_HOST(ctx, RT_U8, adam->n_param * (int64_t)sizeof(rt_cuda_adam_tensor));
    rt_cuda_adam_tensor *t = list.data;
    for (int64_t i = 0; t && i < adam->n_param; i++) {
        const rt_param *p = rt_params_at(adam->params, i);
        const slot *s = &adam->slot[i];
        t[i] = (rt_cuda_adam_tensor){.value = p->value.data, .m = s->m.data, .v = s->v.data, .grad = p->grad.data,
                                     .opt_value16 = p->value16.data, .count = rt_count(p->value),
                                     .first_tile = s->first_tile, .skip = adam->size[i] == 0};
        if (!opt_step) continue;
        factors f = factors_of(opt_step, i);
        t[i].scale = (float)f.scale, t[i].decay = (float)f.decay, t[i].shrink = (float)f.shrink;
        t[i].blend = (float)(1 - f.beta1), t[i].keep = (float)f.beta2, t[i].fresh = (float)(1 - f.beta2);
        t[i].rate = (float)f.rate, t[i].root = (float)f.root, t[i].eps = (float)f.eps;
    }
    return list;
}

/* The same sums on the device, where the gradients are. */
static void square_on_device(rt_ctx *ctx, rt_adam *adam)
{
    int64_t mark = rt_arena_mark(ctx->step);
    rt_tensor square = RT_NEW_TYPE(ctx, RT_F64, adam->n_tile), tensors = rt_upload(ctx, list_tensors(ctx, adam, NULL));
    rt_cuda_adam_squares(ctx, square.data, tensors.data, adam->n_param, adam->n_tile);
    rt_ctx_sync(ctx);
    for (int64_t i = 0; i < adam->n_tile; i++) adam->square[i] = ctx->status == RT_OK ? ((double *)square.data)[i] : NAN;
    rt_arena_reset(ctx->step, mark);
}

double rt_adam_norm(rt_adam *adam, rt_pool *pool, double grad_scale, const char **opt_bad)
{
    double sum = 0;
    if (opt_bad) *opt_bad = NULL;
    rt_ctx *device = device_of(adam);
    if (device) square_on_device(device, adam);
    else rt_pool_run(pool, adam->n_tile, square_tile, adam);
    for (int64_t i = 0; i < adam->n_param; i++) {
        int64_t end = i + 1 < adam->n_param ? adam->slot[i + 1].first_tile : adam->n_tile;
        adam->size[i] = 0;
        for (int64_t tile = adam->slot[i].first_tile; tile < end; tile++) adam->size[i] += adam->square[tile];
        if (opt_bad && !*opt_bad && !isfinite(adam->size[i])) *opt_bad = rt_params_at(adam->params, i)->name;
        sum += adam->size[i];
    }
    return fabs(grad_scale) * sqrt(sum);
}

/* ---- the update -------------------------------------------------------------------------------------------------- */
/* torch's order of operations, in T's precision. */
#define UPDATE(name, T, square_root)                                                                          \
    RT_CLONES static void name(T *p, T *m, T *v, const T *g, int64_t count, factors f)                          \
    {                                                                                                         \
        const T scale = (T)f.scale, decay = (T)f.decay, shrink = (T)f.shrink, keep = (T)f.beta2, eps = (T)f.eps; \
        const T blend = (T)(1 - f.beta1), fresh = (T)(1 - f.beta2), rate = (T)f.rate, root = (T)f.root;        \
        _Pragma("omp simd")                                                                                   \
        for (int64_t i = 0; i < count; i++) {                                                                 \
            T slope = g[i] * scale + decay * p[i];                                                            \
            m[i] += blend * (slope - m[i]);                                                                   \
            v[i] = v[i] * keep + fresh * slope * slope;                                                       \
            p[i] = p[i] * shrink - rate * (m[i] / (square_root(v[i]) / root + eps));                            \
        }                                                                                                     \
    }
UPDATE(update_f32, float, sqrtf)
UPDATE(update_f64, double, sqrt)

static void update_tile(void *argument, int64_t tile, int worker)
{
    const step_job *j = argument;
    rt_adam *adam = j->adam;
    int64_t from, to, index = find_tile(adam, tile, &from, &to);
    const slot *s = &adam->slot[index];
    const rt_param *p = rt_params_at(adam->params, index);
    (void)worker;
    if (adam->size[index] == 0) return;
    factors f = factors_of(j, index);
    if (p->value.dtype == RT_F64) {
        update_f64((double *)p->value.data + from, (double *)s->m.data + from, (double *)s->v.data + from,
                   (const double *)p->grad.data + from, to - from, f);
    } else {
        float *value = (float *)p->value.data + from;
        update_f32(value, (float *)s->m.data + from, (float *)s->v.data + from, (const float *)p->grad.data + from, to - from, f);
        if (p->value16.data) rt_cpu_to_bf16((uint16_t *)p->value16.data + from, value, to - from);
    }
}

void rt_adam_step(rt_adam *adam, rt_pool *pool, double rate, double grad_scale, double norm)
{
    const rt_adam_options *o = &adam->options;
    RT_REQUIRE(isfinite(norm));
    double clip = o->clip_norm > 0 ? fmin(1, o->clip_norm / (norm + 1e-6)) : 1;
    for (int64_t i = 0; i < adam->n_param; i++) adam->slot[i].updates += adam->size[i] != 0;
    step_job j = {adam, rate, grad_scale * clip};
    rt_ctx *device = device_of(adam);
    if (device) {
        int64_t mark = rt_arena_mark(device->step);
        rt_tensor tensors = rt_upload(device, list_tensors(device, adam, &j));
        rt_cuda_adam_update(device, tensors.data, adam->n_param, adam->n_tile);
        rt_ctx_sync(device);   /* the loop's own code reads the weights */
        rt_arena_reset(device->step, mark);
        return;
    }
    rt_pool_run(pool, adam->n_tile, update_tile, &j);
}

rt_tensor rt_adam_moment(const rt_adam *adam, int64_t index, int which)
{
    return which == 0 ? adam->slot[index].m : adam->slot[index].v;
}

int64_t *rt_adam_updates(rt_adam *adam, int64_t index) { return &adam->slot[index].updates; }
const rt_adam_options *rt_adam_options_of(const rt_adam *adam) { return &adam->options; }
int64_t rt_adam_bytes(const rt_adam *adam) { return rt_arena_used(adam->arena); }
