/* param.h - what trains: every trainable tensor by its checkpoint name, with value and gradient
 * Room: layer.  Uses: base/arena, base/rng, base/tensor.
 *
 * Say what trains (rt_params_train, rt_params_adapt), then open the model with this registry: binding copies each chosen
 * weight to a master copy of its own, gives it a gradient, and points the layers at both.  A weight that was not chosen
 * stays mapped and has no gradient, and the work for one is not done.  Backward functions add to gradients; an optimizer
 * changes `value` and calls rt_params_refresh().
 *
 *     rt_params *params;
 *     rt_params_create(&params, &err);
 *     rt_params_train(params, "confidence_head.*", &err);
 *     rt_model_open(&model, &(rt_model_options){.checkpoint = file, .params = params}, &err);
 *     for (int64_t i = 0; i < rt_params_count(params); i++) {
 *         rt_param *p = rt_params_at(params, i);       // p->name, p->value, p->grad
 *     }
 */
#ifndef RT_LAYER_PARAM_H
#define RT_LAYER_PARAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/pool.h"
#include "base/status.h"
#include "base/tensor.h"
#include "op/backend.h"

typedef enum {
    RT_PARAM_WEIGHT,      /* a tensor of the checkpoint */
    RT_PARAM_ADAPTER_A,   /* "<linear>.lora_A" (r,in) */
    RT_PARAM_ADAPTER_B    /* "<linear>.lora_B" (out,r) */
} rt_param_kind;

typedef struct {
    const char *name;
    rt_param_kind kind;
    rt_tensor value;      /* the master copy: F32, or F64 for the double reference */
    rt_tensor grad;       /* same shape and type; what backward functions add to */
    rt_tensor value16;    /* BF16 copy that products read; data NULL: none */
    double scale;         /* of an adapter's two tensors: alpha / r */
} rt_param;

typedef struct rt_params rt_params;

enum { RT_MOST_ADAPTERS = 8 };   /* on one linear layer */

/* Low-rank adapter of one linear layer: y += scale * (x A^T) B^T, and its gradients. */
typedef struct rt_adapter rt_adapter;
struct rt_adapter {
    rt_tensor a, b, da, db;    /* (r,in), (out,r); da and db with data NULL: frozen */
    double scale;              /* alpha / r */
    double dropout;            /* probability that a feature of x is left out of a training step, the same for all rows */
    uint64_t stream;           /* of that draw: the hash of the layer's name */
    const rt_adapter *next;    /* the one on top of it; NULL: none */
};

rt_status rt_params_create(rt_params **ret_params, rt_err *err);
/* What is chosen from now on lies in `arena` (the caller's; NULL: memory of its own) and is computed with by ctx. */
void rt_params_place(rt_params *params, rt_ctx *opt_ctx, rt_arena *opt_arena);
rt_ctx *rt_params_ctx(const rt_params *params);   /* NULL: none was said */
void rt_params_free(rt_params *params);

/* ---- before the model is opened: what trains ---- */

/* Weights whose checkpoint name matches: a glob whose * crosses dots, or a module's name ("confidence_head"). */
rt_status rt_params_train(rt_params *params, const char *glob, rt_err *err);
/* Linear layers whose name (without ".weight") matches get an adapter: A drawn uniformly from +-1/sqrt(in) by (seed, name),
 * B zero.  The first rule that matches decides.  RT_ERR_USAGE for a rank below 1. */
rt_status rt_params_adapt(rt_params *params, const char *glob, int64_t rank, double alpha, uint64_t seed, rt_err *err);
/* Dropout of all adapters' inputs, 0 unless said; and whether blocks in which nothing but adapters trains drop residual
 * updates as blocks in training do: false unless said. */
void rt_params_set_dropout(rt_params *params, double adapter_rate, bool blocks);

/* ---- after the model is open ---- */

/* RT_ERR_USAGE, naming the rule, when one of them chose nothing that can train. */
rt_status rt_params_check(const rt_params *params, rt_err *err);

/* In the order of the network; the same for the same rules and network. */
int64_t rt_params_count(const rt_params *params);
rt_param *rt_params_at(rt_params *params, int64_t index);
rt_param *rt_params_find(rt_params *params, const char *name);   /* NULL: no such name trains */
int64_t rt_params_elements(const rt_params *params);
/* Bytes of values and gradients. */
int64_t rt_params_bytes(const rt_params *params);

/* True when a parameter whose name begins with `prefix` trains; params NULL: false. */
bool rt_params_any(const rt_params *params, const char *prefix);

/* True when residual updates are dropped in a block whose parameters are those from number `first` on. */
bool rt_params_drops(const rt_params *params, int64_t first);

/* Gradients of a large head are tens of megabytes: opt_pool clears them by tensors. */
void rt_params_zero_grad(rt_params *params, rt_pool *opt_pool);
/* After values changed: rounds them into the copies that bf16 products read. */
void rt_params_refresh(rt_params *params);

/* ---- for layer/bind ---- */

/* True when a rule chooses this weight; `fixed` weights (tables, parts that never run) are counted and refused. */
bool rt_params_wants(rt_params *params, const char *name, bool fixed);
/* Registers a tensor: value from `source` (any type), gradient zero, value16 when asked.  The pointer is valid until the
 * next registration; NULL and *err after a failure. */
rt_param *rt_params_add(rt_params *params, const char *name, rt_param_kind kind, rt_dtype real, rt_tensor source, bool bf16,
                        rt_err *err);
/* Registers the adapter of linear layer `name` when a rule asks for one; out_adapter->a.data stays NULL otherwise. */
rt_status rt_params_add_adapter(rt_params *params, rt_adapter *out_adapter, const char *name, rt_dtype real, int64_t out,
                                int64_t in, bool fixed, rt_err *err);

#endif
