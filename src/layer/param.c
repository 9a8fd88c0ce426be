#include "layer/param.h"

#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/memory.h"
#include "base/rng.h"

typedef struct {
    char *glob;
    bool adapter;
    int64_t rank;
    double alpha;
    uint64_t seed;
    int64_t n_chosen, n_fixed;   /* tensors that it chose, tensors that it matched but that never train */
} rule;

struct rt_params {
    rule *rule;
    int64_t n_rule, rule_capacity;
    rt_param *param;
    int64_t n_param, capacity;
    rt_arena *arena, *own;   /* where values lie; what is freed with the registry */
    rt_ctx *ctx;
    double adapter_dropout;
    bool blocks_drop;
};

rt_status rt_params_create(rt_params **ret_params, rt_err *err)
{
    rt_status status = RT_OK;
    rt_params *params;
    *ret_params = NULL;
    RT_TRY_ALLOC(params, 1);
    RT_TRY(rt_arena_create(&params->own, "parameter", rt_memory_available(), err));
    params->arena = params->own;
    *ret_params = params;
    params = NULL;
done:
    rt_params_free(params);
    return status;
}

void rt_params_free(rt_params *params)
{
    if (!params) return;
    for (int64_t i = 0; i < params->n_rule; i++) free(params->rule[i].glob);
    for (int64_t i = 0; i < params->n_param; i++) free((char *)(uintptr_t)params->param[i].name);
    free(params->rule);
    free(params->param);
    rt_arena_free(params->own);
    free(params);
}

void rt_params_place(rt_params *params, rt_ctx *opt_ctx, rt_arena *opt_arena)
{
    params->ctx = opt_ctx;
    params->arena = opt_arena ? opt_arena : params->own;
}

rt_ctx *rt_params_ctx(const rt_params *params) { return params->ctx; }

static rt_status add_rule(rt_params *params, rule new_rule, const char *glob, rt_err *err)
{
    rt_status status = rt_grow((void **)&params->rule, &params->rule_capacity, params->n_rule + 1, sizeof *params->rule, err);
    if (status != RT_OK) return status;
    new_rule.glob = rt_copy_text(glob, -1, err);
    if (!new_rule.glob) return RT_ERR_MEMORY;
    params->rule[params->n_rule++] = new_rule;
    return RT_OK;
}

rt_status rt_params_train(rt_params *params, const char *glob, rt_err *err)
{
    return add_rule(params, (rule){0}, glob, err);
}

rt_status rt_params_adapt(rt_params *params, const char *glob, int64_t rank, double alpha, uint64_t seed, rt_err *err)
{
    if (rank < 1)
        return rt_fail(err, RT_ERR_USAGE, NULL, 0, "an adapter of rank %lld cannot be; the rank is 1 or more", (long long)rank);
    return add_rule(params, (rule){.adapter = true, .rank = rank, .alpha = alpha, .seed = seed}, glob, err);
}

void rt_params_set_dropout(rt_params *params, double adapter_rate, bool blocks)
{
    params->adapter_dropout = adapter_rate;
    params->blocks_drop = blocks;
}

bool rt_params_drops(const rt_params *params, int64_t first)
{
    for (int64_t i = first; params && i < params->n_param; i++)
        if (params->param[i].kind == RT_PARAM_WEIGHT || params->blocks_drop) return true;
    return false;
}

static bool matches(const rule *r, const char *name)
{
    size_t length = strlen(r->glob);
    if (strncmp(name, r->glob, length) == 0 && name[length] == '.') return true;
    return fnmatch(r->glob, name, 0) == 0;
}

/* The first rule of this kind that matches; every matching rule counts the tensor, so that none is called useless. */
static const rule *choose(rt_params *params, const char *name, bool adapter, bool fixed)
{
    const rule *chosen = NULL;
    for (int64_t i = 0; i < params->n_rule; i++) {
        rule *r = &params->rule[i];
        if (r->adapter != adapter || !matches(r, name)) continue;
        (*(fixed ? &r->n_fixed : &r->n_chosen))++;
        if (!chosen) chosen = r;
    }
    return fixed ? NULL : chosen;
}

bool rt_params_wants(rt_params *params, const char *name, bool fixed)
{
    return params && choose(params, name, false, fixed) != NULL;
}

static rt_tensor push(rt_params *params, rt_dtype dtype, rt_tensor like, rt_err *err)
{
    rt_tensor t = rt_wrap(NULL, dtype, like.ndim, like.dim);
    t.data = rt_arena_push(params->arena, rt_bytes(t));
    if (!t.data)
        rt_fail(err, RT_ERR_MEMORY, NULL, 0, "what trains needs more than %.1f GiB of memory, %.1f GiB are available",
                (double)rt_arena_wanted(params->arena) / (1 << 30), (double)rt_arena_capacity(params->arena) / (1 << 30));
    return t;
}

rt_param *rt_params_add(rt_params *params, const char *name, rt_param_kind kind, rt_dtype real, rt_tensor source, bool bf16,
                        rt_err *err)
{
    if (rt_grow((void **)&params->param, &params->capacity, params->n_param + 1, sizeof *params->param, err) != RT_OK)
        return NULL;
    rt_param p = {.kind = kind, .value = push(params, real, source, err)};
    if (p.value.data) p.grad = push(params, real, source, err);
    if (p.grad.data && bf16) p.value16 = push(params, RT_BF16, source, err);
    if (!p.grad.data || (bf16 && !p.value16.data)) return NULL;
    p.name = rt_copy_text(name, -1, err);
    if (!p.name) return NULL;
    if (source.data) rt_convert(p.value.data, real, source.data, source.dtype, rt_count(source));
    else memset(p.value.data, 0, (size_t)rt_bytes(p.value));
    memset(p.grad.data, 0, (size_t)rt_bytes(p.grad));
    if (bf16) rt_convert(p.value16.data, RT_BF16, p.value.data, real, rt_count(p.value));
    params->param[params->n_param] = p;
    return &params->param[params->n_param++];
}

rt_status rt_params_add_adapter(rt_params *params, rt_adapter *out_adapter, const char *name, rt_dtype real, int64_t out,
                                int64_t in, bool fixed, rt_err *err)
{
    *out_adapter = (rt_adapter){0};
    const rule *r = params ? choose(params, name, true, fixed) : NULL;
    if (!r) return RT_OK;
    char full[288];
    rt_tensor shape_a = RT_WRAP(NULL, real, r->rank, in), shape_b = RT_WRAP(NULL, real, out, r->rank);
    snprintf(full, sizeof full, "%s.lora_A", name);
    rt_param *p = rt_params_add(params, full, RT_PARAM_ADAPTER_A, real, shape_a, false, err);
    if (!p) return RT_ERR_MEMORY;
    const double scale = p->scale = r->alpha / (double)r->rank;
    rt_rng rng = rt_rng_make(r->seed, rt_hash_text(name), 0, RT_DRAW_ADAPTER);
    for (int64_t i = 0; i < rt_count(p->value); i++) {
        float value = (float)((2 * rt_rng_uniform(&rng, (uint64_t)i) - 1) / sqrt((double)in));
        rt_set(p->value, i, value);
    }
    *out_adapter = (rt_adapter){.a = p->value, .da = p->grad, .scale = scale, .dropout = params->adapter_dropout,
                                .stream = rt_hash_text(name)};
    snprintf(full, sizeof full, "%s.lora_B", name);
    p = rt_params_add(params, full, RT_PARAM_ADAPTER_B, real, shape_b, false, err);
    if (!p) return RT_ERR_MEMORY;
    p->scale = scale;
    out_adapter->b = p->value;
    out_adapter->db = p->grad;
    return RT_OK;
}

rt_status rt_params_check(const rt_params *params, rt_err *err)
{
    for (int64_t i = 0; i < params->n_rule; i++) {
        const rule *r = &params->rule[i];
        if (r->n_chosen > 0) continue;
        rt_fail(err, RT_ERR_USAGE, NULL, 0,
                r->n_fixed ? "'%s' names only %ss that never train"
                                                                : "'%s' names no %s of the network",
                r->glob, r->adapter ? "linear layer" : "weight");
        if (r->n_fixed)
            rt_hint(err, "RibonanzaNet2, stored tables and parts that the network never runs stay as they are");
        else
            rt_hint(err, "`rnatune inspect --all FILE` lists the names; * stands for any characters, dots too");
        return RT_ERR_USAGE;
    }
    return RT_OK;
}

int64_t rt_params_count(const rt_params *params) { return params->n_param; }

rt_param *rt_params_at(rt_params *params, int64_t index) { return &params->param[index]; }

rt_param *rt_params_find(rt_params *params, const char *name)
{
    for (int64_t i = 0; i < params->n_param; i++)
        if (strcmp(params->param[i].name, name) == 0) return &params->param[i];
    return NULL;
}

int64_t rt_params_elements(const rt_params *params)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < params->n_param; i++) sum += rt_count(params->param[i].value);
    return sum;
}

int64_t rt_params_bytes(const rt_params *params)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < params->n_param; i++) {
        const rt_param *p = &params->param[i];
        sum += rt_bytes(p->value) + rt_bytes(p->grad) + (p->value16.data ? rt_bytes(p->value16) : 0);
    }
    return sum;
}

bool rt_params_any(const rt_params *params, const char *prefix)
{
    size_t length = strlen(prefix);
    for (int64_t i = 0; params && i < params->n_param; i++)
        if (strncmp(params->param[i].name, prefix, length) == 0) return true;
    return false;
}

static void zero_task(void *argument, int64_t i, int worker)
{
    const rt_params *params = argument;
    (void)worker;
    memset(params->param[i].grad.data, 0, (size_t)rt_bytes(params->param[i].grad));
}

void rt_params_zero_grad(rt_params *params, rt_pool *opt_pool)
{
    if (opt_pool) rt_pool_run(opt_pool, params->n_param, zero_task, params);
    else for (int64_t i = 0; i < params->n_param; i++) zero_task(params, i, 0);
}

void rt_params_refresh(rt_params *params)
{
    for (int64_t i = 0; i < params->n_param; i++) {
        rt_param *p = &params->param[i];
        if (p->value16.data) rt_convert(p->value16.data, RT_BF16, p->value.data, p->value.dtype, rt_count(p->value));
    }
}
