#include "train/export.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/safetensors.h"
#include "io/torch_writer.h"

/* ---- the network as it is now ------------------------------------------------------------------------------------ */
typedef struct {
    const rt_weights *base;
    rt_params *params;
    rt_peft *const *adapter; /* that it was opened with */
    int n_adapter;
    float *merged;           /* room for the largest tensor that an adapter changes */
} network;

/* The adapter of a layer that trained; false: none did. */
static bool trained_pair(const network *net, const char *layer, rt_peft_pair *out_pair)
{
    char name[340];
    snprintf(name, sizeof name, "%s.lora_A", layer);
    const rt_param *a = rt_params_find(net->params, name);
    if (!a) return false;
    snprintf(name, sizeof name, "%s.lora_B", layer);
    *out_pair = (rt_peft_pair){layer, a->value, rt_params_find(net->params, name)->value, a->scale};
    return true;
}

static bool is_changed(const network *net, const char *layer)
{
    rt_peft_pair pair;
    bool changed = trained_pair(net, layer, &pair);
    for (int i = 0; i < net->n_adapter; i++) changed = changed || rt_peft_find(net->adapter[i], layer);
    return changed;
}

static rt_tensor merge(const network *net, rt_tensor w, const rt_peft_pair *pair)
{
    rt_peft_merge(net->merged, w, pair);
    return rt_wrap(net->merged, RT_F32, w.ndim, w.dim);
}

/* Tensor `index` of the base without its low-rank adapters: trained, or replaced, or the base's own. */
static rt_tensor unmerged(const network *net, int64_t index)
{
    const rt_weight *w = rt_weights_at(net->base, index);
    const rt_param *trained = rt_params_find(net->params, w->name);
    rt_tensor t = w->tensor;
    for (int i = 0; i < net->n_adapter; i++) {
        const rt_weight *other = rt_peft_find_weight(net->adapter[i], w->name);
        if (other) t = other->tensor;
    }
    return trained ? trained->value : t;
}

/* The same with them; with only_shape the values of a merged one are not worked out. */
static rt_tensor current(const network *net, int64_t index, bool only_shape)
{
    const rt_weight *w = rt_weights_at(net->base, index);
    char layer[RT_PEFT_LAYER_NAME];
    rt_peft_pair last;
    rt_tensor t = unmerged(net, index);
    if (!rt_peft_layer_of(layer, w->name) || !is_changed(net, layer)) return t;
    if (only_shape) {
        t.dtype = RT_F32;
        return t;
    }
    for (int i = 0; i < net->n_adapter; i++) {
        const rt_peft_pair *pair = rt_peft_find(net->adapter[i], layer);
        if (pair) t = merge(net, t, pair);
    }
    return trained_pair(net, layer, &last) ? merge(net, t, &last) : t;
}

static rt_status check_shape(const char *path, const char *name, rt_tensor has, rt_tensor wants, rt_err *err)
{
    char a[96], b[96];
    bool same = has.ndim == wants.ndim;
    for (int i = 0; same && i < has.ndim; i++) same = has.dim[i] == wants.dim[i];
    if (same) return RT_OK;
    rt_shape_print(has, a, sizeof a);
    rt_shape_print(wants, b, sizeof b);
    return rt_fail(err, RT_ERR_MISMATCH, path, 0, "'%s' changes a tensor of shape %s, the base's is %s", name, a, b);
}

/* Every name of an adapter is one of the base, and fits. */
static rt_status check_adapter(const network *net, rt_peft *adapter, rt_err *err)
{
    rt_status status = RT_OK;
    char layer[RT_PEFT_LAYER_NAME];
    int64_t count;
    for (int64_t i = 0; i < rt_weights_count(net->base); i++) {
        const rt_weight *w = rt_weights_at(net->base, i), *other = rt_peft_take_weight(adapter, w->name);
        const rt_peft_pair *pair = rt_peft_layer_of(layer, w->name) ? rt_peft_take(adapter, layer) : NULL;
        if (other) RT_TRY(check_shape(rt_peft_path(adapter), w->name, other->tensor, w->tensor, err));
        if (pair)
            RT_TRY(check_shape(rt_peft_path(adapter), layer, RT_WRAP(NULL, RT_F32, pair->b.dim[0], pair->a.dim[1]), w->tensor,
                               err));
    }
    const char *name = rt_peft_untaken(adapter, &count);
    if (name)
        status = rt_fail(err, RT_ERR_MISMATCH, rt_weights_path(net->base), 0,
                         "has no place for '%.200s' of the adapter %.200s (%lld such names)", name, rt_peft_path(adapter),
                         (long long)count);
done:
    return status;
}

/* Everything that trained has its place in the base; room for merging. */
static rt_status open_network(network *net, const rt_weights *base, rt_params *params, const rt_export_options *options,
                              rt_err *err)
{
    rt_status status = RT_OK;
    int64_t n_placed = 0, largest = 1;
    char layer[RT_PEFT_LAYER_NAME];
    rt_peft_pair pair;
    *net = (network){.base = base, .params = params, .adapter = options->adapter, .n_adapter = options->n_adapter};
    for (int i = 0; i < net->n_adapter; i++) RT_TRY(check_adapter(net, net->adapter[i], err));
    for (int64_t i = 0; i < rt_weights_count(base); i++) {
        const rt_weight *w = rt_weights_at(base, i);
        n_placed += rt_params_find(params, w->name) != NULL;
        if (!rt_peft_layer_of(layer, w->name) || !is_changed(net, layer)) continue;
        if (trained_pair(net, layer, &pair)) n_placed += 2;
        if (rt_count(w->tensor) > largest) largest = rt_count(w->tensor);
    }
    if (n_placed != rt_params_count(params))
        return rt_fail(err, RT_ERR_MISMATCH, rt_weights_path(base), 0,
                       "has a place for %lld of the %lld tensors that trained", (long long)n_placed,
                       (long long)rt_params_count(params));
    RT_TRY_ALLOC(net->merged, largest);
done:
    return status;
}

/* ---- safetensors ------------------------------------------------------------------------------------------------- */
static rt_status add_metadata(rt_safetensors_writer *writer, const rt_weights *base, const rt_export_options *options,
                              rt_err *err)
{
    char step[32];
    const char *config = rt_weights_metadata(base, "rnatune.config");
    rt_status status = RT_OK;
    snprintf(step, sizeof step, "%lld", (long long)options->steps_done);
    RT_TRY(rt_safetensors_metadata(writer, "format", "pt", err));
    RT_TRY(rt_safetensors_metadata(writer, "rnatune.step", step, err));
    if (config) RT_TRY(rt_safetensors_metadata(writer, "rnatune.config", config, err));
done:
    return status;
}

rt_status rt_export_safetensors(const char *path, const rt_weights *base, rt_params *params,
                                const rt_export_options *options, rt_err *err)
{
    network net = {0};
    rt_safetensors_writer *writer = NULL;
    char name[320];
    rt_status status = RT_OK;
    RT_TRY(open_network(&net, base, params, options, err));
    RT_TRY(rt_safetensors_create(&writer, path, err));
    RT_TRY(add_metadata(writer, base, options, err));
    for (int pass = 0; pass < 2; pass++)
        for (int64_t i = 0; i < rt_weights_count(base); i++) {
            snprintf(name, sizeof name, "%s%s", options->module_prefix ? "module." : "", rt_weights_at(base, i)->name);
            if (pass == 0) RT_TRY(rt_safetensors_declare(writer, name, current(&net, i, true), err));
            else RT_TRY(rt_safetensors_write(writer, current(&net, i, false), err));
        }
    status = rt_safetensors_commit(writer, err);
    writer = NULL;
done:
    rt_safetensors_abandon(writer);
    free(net.merged);
    return status;
}

/* ---- .pt --------------------------------------------------------------------------------------------------------- */
static void put_real(rt_torch_writer *w, const char *key, double value)
{
    rt_torch_writer_text(w, key);
    rt_torch_writer_real(w, value);
}

static void put_int(rt_torch_writer *w, const char *key, int64_t value)
{
    rt_torch_writer_text(w, key);
    rt_torch_writer_int(w, value);
}

static void put_bool(rt_torch_writer *w, const char *key, bool value)
{
    rt_torch_writer_text(w, key);
    rt_torch_writer_bool(w, value);
}

static void put_none(rt_torch_writer *w, const char *key)
{
    rt_torch_writer_text(w, key);
    rt_torch_writer_none(w);
}

static void put_model(rt_torch_writer *w, const network *net, bool prefix)
{
    char name[320];
    rt_torch_writer_text(w, "model");
    rt_torch_writer_dict(w);
    for (int64_t i = 0; i < rt_weights_count(net->base); i++) {
        snprintf(name, sizeof name, "%s%s", prefix ? "module." : "", rt_weights_at(net->base, i)->name);
        rt_torch_writer_text(w, name);
        rt_torch_writer_tensor(w, current(net, i, false));
    }
    rt_torch_writer_end(w);
}

/* Adam of the reference numbers the model's tensors in their order, its AdamW those of two dimensions and more
 * first. */
static int64_t number_of(const network *net, int64_t index, bool decoupled)
{
    bool wide = rt_weights_at(net->base, index)->tensor.ndim >= 2;
    int64_t number = 0;
    if (!decoupled) return index;
    for (int64_t i = 0; i < rt_weights_count(net->base); i++) {
        bool also = rt_weights_at(net->base, i)->tensor.ndim >= 2;
        number += wide ? also && i < index : also || i < index;
    }
    return number;
}

static void put_moments(rt_torch_writer *w, const network *net, rt_adam *adam)
{
    bool decoupled = rt_adam_options_of(adam)->kind == RT_ADAM_DECOUPLED;
    rt_torch_writer_text(w, "state");
    rt_torch_writer_dict(w);
    for (int64_t i = 0; i < rt_weights_count(net->base); i++) {
        const rt_param *p = rt_params_find(net->params, rt_weights_at(net->base, i)->name);
        int64_t index = p ? p - rt_params_at(net->params, 0) : 0;
        if (!p || *rt_adam_updates(adam, index) == 0)
            continue; /* as torch, which has no state before the first update */
        float updates = (float)*rt_adam_updates(adam, index);
        rt_torch_writer_int(w, number_of(net, i, decoupled));
        rt_torch_writer_dict(w);
        rt_torch_writer_text(w, "step");
        rt_torch_writer_tensor(w, rt_wrap(&updates, RT_F32, 0, NULL));
        rt_torch_writer_text(w, "exp_avg");
        rt_torch_writer_tensor(w, rt_adam_moment(adam, index, 0));
        rt_torch_writer_text(w, "exp_avg_sq");
        rt_torch_writer_tensor(w, rt_adam_moment(adam, index, 1));
        rt_torch_writer_end(w);
    }
    rt_torch_writer_end(w);
}

static void put_group(rt_torch_writer *w, const rt_adam_options *o, double decay, double rate, double initial_rate,
                      int64_t from, int64_t to)
{
    rt_torch_writer_dict(w);
    put_real(w, "lr", rate);
    rt_torch_writer_text(w, "betas");
    rt_torch_writer_tuple(w);
    rt_torch_writer_real(w, o->beta1);
    rt_torch_writer_real(w, o->beta2);
    rt_torch_writer_end(w);
    put_real(w, "eps", o->eps);
    put_real(w, "weight_decay", decay);
    put_bool(w, "amsgrad", false);
    put_bool(w, "maximize", false);
    put_none(w, "foreach");
    put_bool(w, "capturable", false);
    put_bool(w, "differentiable", false);
    put_none(w, "fused");
    put_bool(w, "decoupled_weight_decay", o->kind == RT_ADAM_DECOUPLED);
    put_real(w, "initial_lr", initial_rate);
    rt_torch_writer_text(w, "params");
    rt_torch_writer_list(w);
    for (int64_t i = from; i < to; i++) rt_torch_writer_int(w, i);
    rt_torch_writer_end(w);
    rt_torch_writer_end(w);
}

static void put_rates(rt_torch_writer *w, const char *key, double rate)
{
    rt_torch_writer_text(w, key);
    rt_torch_writer_list(w);
    rt_torch_writer_real(w, rate);
    rt_torch_writer_end(w);
}

/* What each of the reference's schedulers keeps of itself. */
static void put_scheduler(rt_torch_writer *w, const rt_schedule *s, int64_t steps_done)
{
    rt_torch_writer_text(w, "scheduler");
    rt_torch_writer_dict(w);
    put_real(w, "lr", s->rate);
    if (s->kind == RT_SCHEDULE_CONSTANT) {
        put_real(w, "factor", 1);
        put_int(w, "total_iters", 5);
    } else
        put_int(w, "warmup_steps", s->warmup);
    if (s->kind == RT_SCHEDULE_COSINE) {
        put_int(w, "decay_steps", s->steps);
        put_real(w, "min_lr", s->rate * s->least_ratio);
    }
    if (s->kind == RT_SCHEDULE_AF3) {
        put_int(w, "decay_steps", s->decay_every);
        put_real(w, "decay_factor", s->decay_factor);
    }
    put_rates(w, "base_lrs", s->rate);
    put_int(w, "last_epoch", steps_done);
    put_int(w, "_step_count", steps_done + 1);
    put_bool(w, "_get_lr_called_within_step", false);
    put_rates(w, "_last_lr", rt_schedule_rate(s, steps_done));
    rt_torch_writer_end(w);
}

static void put_optimizer(rt_torch_writer *w, const network *net, const rt_export_options *o)
{
    double rate = o->opt_schedule ? o->opt_schedule->rate : 0;
    double now = o->opt_schedule ? rt_schedule_rate(o->opt_schedule, o->steps_done) : 0;
    if (!o->opt_adam) {
        put_none(w, "optimizer");
        put_none(w, "scheduler");
        return;
    }
    rt_torch_writer_text(w, "optimizer");
    rt_torch_writer_dict(w);
    put_moments(w, net, o->opt_adam);
    rt_torch_writer_text(w, "param_groups");
    rt_torch_writer_list(w);
    const rt_adam_options *adam = rt_adam_options_of(o->opt_adam);
    int64_t all = rt_weights_count(net->base), wide = 0;
    for (int64_t i = 0; i < all; i++) wide += rt_weights_at(net->base, i)->tensor.ndim >= 2;
    if (adam->kind == RT_ADAM_L2) wide = all;
    put_group(w, adam, adam->weight_decay, now, rate, 0, wide);
    if (adam->kind == RT_ADAM_DECOUPLED) put_group(w, adam, 0, now, rate, wide, all);
    rt_torch_writer_end(w);
    rt_torch_writer_end(w);
    if (o->opt_schedule) put_scheduler(w, o->opt_schedule, o->steps_done);
    else put_none(w, "scheduler");
}

/* PyTorch puts the network's own parameter before those of its modules; safetensors' own writers sort by name. */
bool rt_export_has_order(const rt_weights *base) { return strcmp(rt_weights_at(base, 0)->name, "layer_weights") == 0; }

rt_status rt_export_torch(const char *path, const rt_weights *base, rt_params *params, const rt_export_options *options,
                          rt_err *err)
{
    network net = {0};
    rt_torch_writer *writer;
    rt_status status = RT_OK;
    RT_TRY(open_network(&net, base, params, options, err));
    if (options->opt_adam && !rt_export_has_order(base)) {
        rt_fail(err, RT_ERR_UNSUPPORTED, rt_weights_path(base), 0,
                "its tensors do not stand in the model's order, by which an "
                "optimizer of torch numbers them");
        status = rt_hint(err, "leave the optimizer out, or start from the .pt");
        goto done;
    }
    RT_TRY(rt_torch_writer_open(&writer, path, err));
    rt_torch_writer_dict(writer);
    put_model(writer, &net, options->module_prefix);
    put_optimizer(writer, &net, options);
    put_int(writer, "step", options->steps_done > 0 ? options->steps_done - 1 : 0);
    rt_torch_writer_end(writer);
    status = rt_torch_writer_commit(writer, err);
done:
    free(net.merged);
    return status;
}

/* ---- PEFT -------------------------------------------------------------------------------------------------------- */

static bool is_inside(const char *name, const char *module)
{
    size_t length = strlen(module);
    return strncmp(name, module, length) == 0 && name[length] == '.';
}

/* The modules that hold the whole weights that trained, none inside another: PEFT takes modules whole.  NULL-ended. */
static char **whole_modules(rt_params *params, rt_err *err)
{
    int64_t n = rt_params_count(params), count = 0;
    char **module = rt_alloc(n + 1, sizeof *module, err);
    for (int64_t i = 0; module && i < n; i++) {
        const rt_param *p = rt_params_at(params, i);
        const char *dot = strrchr(p->name, '.');
        bool covered = p->kind != RT_PARAM_WEIGHT || !dot;
        for (int64_t k = 0; k < count && !covered; k++) covered = is_inside(p->name, module[k]);
        if (covered) continue;
        char *new_one = rt_copy_text(p->name, dot - p->name, err);
        if (!new_one) break;
        int64_t kept = 0;
        for (int64_t k = 0; k < count; k++) {
            if (is_inside(module[k], new_one)) free(module[k]);
            else module[kept++] = module[k];
        }
        module[kept++] = new_one;
        for (int64_t k = kept; k < count; k++) module[k] = NULL;
        count = kept;
    }
    return module;
}

typedef struct {
    rt_peft_pair *pair;
    rt_weight *weight;
    int64_t n_pair, n_weight;
} peft_parts;

static rt_status collect(peft_parts *parts, const network *net, char *const *module, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t n = rt_params_count(net->params);
    RT_TRY_ALLOC(parts->pair, n);
    RT_TRY_ALLOC(parts->weight, rt_weights_count(net->base));
    for (int64_t i = 0; i < n; i++) {
        const rt_param *a = rt_params_at(net->params, i);
        if (a->kind != RT_PARAM_ADAPTER_A) continue;
        char *layer = rt_copy_text(a->name, (int64_t)(strlen(a->name) - strlen(".lora_A")), err);
        if (!layer) RT_TRY(RT_ERR_MEMORY);
        trained_pair(net, layer, &parts->pair[parts->n_pair++]);
    }
    for (int64_t i = 0; i < rt_weights_count(net->base); i++)
        for (char *const *m = module; *m; m++)
            if (is_inside(rt_weights_at(net->base, i)->name, *m))
                parts->weight[parts->n_weight++] = (rt_weight){rt_weights_at(net->base, i)->name, unmerged(net, i)};
done:
    return status;
}

rt_status rt_export_peft(const char *folder, const rt_weights *base, rt_params *params, const rt_export_options *options,
                         const rt_peft_about *about, rt_err *err)
{
    rt_status status = RT_OK;
    network net = {0};
    peft_parts parts = {0};
    rt_peft_about full = *about;
    char **module = whole_modules(params, err);
    if (!module) return RT_ERR_MEMORY;
    RT_TRY(open_network(&net, base, params, options, err));
    RT_TRY(collect(&parts, &net, module, err));
    full.modules = (const char *const *)module;
    if (parts.n_pair) full.alpha = parts.pair[0].scale * (double)parts.pair[0].a.dim[0];
    RT_TRY(rt_peft_write(folder, parts.pair, parts.n_pair, parts.weight, parts.n_weight, &full, err));
done:
    for (int64_t i = 0; i < parts.n_pair; i++) free((char *)(uintptr_t)parts.pair[i].module);
    for (char **m = module; *m; m++) free(*m);
    free(module);
    free(parts.pair);
    free(parts.weight);
    free(net.merged);
    return status;
}
