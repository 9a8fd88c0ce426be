#include "io/peft.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"

static const char ROOT[] = "base_model.model.", HEAD[] = "confidence_head.";
static const char *const END[] = {".lora_A.weight", ".lora_B.weight"};

struct rt_peft {
    char *path, *tensor_path, *config_path;
    char **modules;
    rt_weights *file;
    rt_peft_pair *pair;
    rt_weight *weight;
    bool *pair_taken, *weight_taken;
    int64_t n_pair, n_weight, pair_capacity, weight_capacity;
};

/* ---- adapter_config.json ----------------------------------------------------------------------------------------- */

/* Settings that change what an adapter computes, and that are off in what is read here. */
static const char *const MUST_BE_OFF[] = {
    "use_dora", "fan_in_fan_out", "lora_bias", "alpha_pattern", "layer_replication", "trainable_token_indices",
    "target_parameters", "use_qalora", "alora_invocation_tokens", "arrow_config", "use_bdlora", "kasa_config",
    "monteclora_config", "velora_config"};
/* Ways to begin that change the base too: the adapter is no change to the original weights. */
static const char *const CHANGES_BASE[] = {"pissa", "olora", "corda", "loftq", "lora_ga"};

static bool is_off(const json_t *value)
{
    if (!value || json_is_null(value) || json_is_false(value)) return true;
    if (json_is_string(value)) return json_string_length(value) == 0 || strcmp(json_string_value(value), "none") == 0;
    if (json_is_array(value)) return json_array_size(value) == 0;
    if (json_is_object(value)) return json_object_size(value) == 0;
    return json_is_number(value) && json_number_value(value) == 0;
}

static rt_status refuse(const char *path, const char *key, const char *what, rt_err *err)
{
    rt_fail(err, RT_ERR_UNSUPPORTED, path, 0, "%s: %s", key, what);
    return rt_hint(err, "merge it into the checkpoint with PEFT (merge_and_unload) and use that as --checkpoint");
}

typedef struct {
    int64_t rank;
    double alpha;
    bool root_scale;   /* alpha / sqrt r */
} settings;

static rt_status check_config(const json_t *config, settings *out, const char *path, rt_err *err)
{
    rt_status status = RT_OK;
    const char *type;
    RT_TRY(rt_json_read_text(config, &type, NULL, "peft_type", path, err));
    if (strcmp(type, "LORA") != 0) RT_TRY(refuse(path, "peft_type", "only LORA is read", err));
    for (size_t i = 0; i < sizeof MUST_BE_OFF / sizeof *MUST_BE_OFF; i++)
        if (!is_off(json_object_get(config, MUST_BE_OFF[i])))
            RT_TRY(refuse(path, MUST_BE_OFF[i], "is set, and adapters with it are not read", err));
    if (!is_off(json_object_get(config, "bias"))) RT_TRY(refuse(path, "bias", "only \"none\" is read", err));
    const char *begin = json_string_value(json_object_get(config, "init_lora_weights"));
    for (size_t i = 0; begin && i < sizeof CHANGES_BASE / sizeof *CHANGES_BASE; i++)
        if (strncmp(begin, CHANGES_BASE[i], strlen(CHANGES_BASE[i])) == 0)
            RT_TRY(refuse(path, "init_lora_weights", "this way to begin changes the base's weights too", err));
    bool found;
    *out = (settings){0};
    RT_TRY(rt_json_read_int(config, &out->rank, NULL, "r", path, err));
    RT_TRY(rt_json_read_double(config, &out->alpha, NULL, "lora_alpha", path, err));
    RT_TRY(rt_json_read_bool(config, &out->root_scale, &found, "use_rslora", path, err));
    if (out->rank < 1 || !isfinite(out->alpha))
        RT_TRY(rt_fail(err, RT_ERR_FORMAT, path, 0, "r is %lld and lora_alpha %g: at least 1 and a finite number were expected",
                       (long long)out->rank, out->alpha));
done:
    return status;
}

/* ---- tensors ------------------------------------------------------------------------------------------------------ */

static bool is_number(rt_dtype dtype)
{
    return dtype == RT_F32 || dtype == RT_F64 || dtype == RT_F16 || dtype == RT_BF16;
}

static rt_status check_tensor(const rt_peft *p, const rt_weight *w, rt_err *err)
{
    if (!is_number(w->tensor.dtype))
        return rt_fail(err, RT_ERR_FORMAT, p->tensor_path, 0, "'%.200s' is %s, floating-point numbers were expected", w->name,
                       rt_dtype_name(w->tensor.dtype));
    if (!rt_is_finite(w->tensor))
        return rt_fail(err, RT_ERR_FORMAT, p->tensor_path, 0, "'%.200s' holds a NaN or an infinity", w->name);
    return RT_OK;
}

static rt_peft_pair *find_pair(const rt_peft *p, const char *module, int64_t length)
{
    for (int64_t i = 0; i < p->n_pair; i++)
        if (strncmp(p->pair[i].module, module, (size_t)length) == 0 && !p->pair[i].module[length]) return &p->pair[i];
    return NULL;
}

static rt_status add_half(rt_peft *p, const rt_weight *w, const char *name, int which, rt_err *err)
{
    int64_t length = (int64_t)(strlen(name) - strlen(END[which]));
    rt_peft_pair *pair = find_pair(p, name, length);
    if (w->tensor.ndim != 2 || rt_count(w->tensor) < 1)
        return rt_fail(err, RT_ERR_FORMAT, p->tensor_path, 0, "'%.200s' is no matrix: adapters of linear layers were expected",
                       w->name);
    if (!pair) {
        rt_status status = rt_grow((void **)&p->pair, &p->pair_capacity, p->n_pair + 1, sizeof *p->pair, err);
        if (status != RT_OK) return status;
        pair = &p->pair[p->n_pair];
        pair->module = rt_copy_text(name, length, err);
        if (!pair->module) return RT_ERR_MEMORY;
        p->n_pair++;
    }
    *(which ? &pair->b : &pair->a) = w->tensor;
    return RT_OK;
}

static rt_status add_weight(rt_peft *p, const char *name, rt_tensor tensor, rt_err *err)
{
    rt_status status = rt_grow((void **)&p->weight, &p->weight_capacity, p->n_weight + 1, sizeof *p->weight, err);
    if (status == RT_OK) p->weight[p->n_weight++] = (rt_weight){name, tensor};
    return status;
}

/* The name below PEFT's own prefix, and below DistributedDataParallel's. */
static const char *plain_name(const char *name)
{
    if (strncmp(name, ROOT, sizeof ROOT - 1) == 0) name += sizeof ROOT - 1;
    return strncmp(name, "module.", 7) == 0 ? name + 7 : name;
}

static rt_status take_tensors(rt_peft *p, rt_err *err)
{
    rt_status status = RT_OK;
    for (int64_t i = 0; i < rt_weights_count(p->file); i++) {
        const rt_weight *w = rt_weights_at(p->file, i);
        const char *name = plain_name(w->name);
        RT_TRY(check_tensor(p, w, err));
        size_t length = strlen(name);
        int which = -1;
        for (int k = 0; k < 2; k++)
            if (length > strlen(END[k]) && strcmp(name + length - strlen(END[k]), END[k]) == 0) which = k;
        if (which >= 0) RT_TRY(add_half(p, w, name, which, err));
        else if (strstr(name, ".lora_"))
            RT_TRY(rt_fail(err, RT_ERR_UNSUPPORTED, p->tensor_path, 0,
                           "'%.200s' belongs to no adapter of a linear layer: lora_A and lora_B were expected", w->name));
        else RT_TRY(add_weight(p, name, w->tensor, err));
    }
done:
    return status;
}

static rt_status check_pairs(rt_peft *p, const settings *s, rt_err *err)
{
    for (int64_t i = 0; i < p->n_pair; i++) {
        rt_peft_pair *pair = &p->pair[i];
        if (!pair->a.data || !pair->b.data)
            return rt_fail(err, RT_ERR_FORMAT, p->tensor_path, 0, "'%.200s' has lora_%c alone", pair->module,
                           pair->a.data ? 'A' : 'B');
        int64_t rank = pair->a.dim[0];
        if (pair->b.dim[1] != rank)
            return rt_fail(err, RT_ERR_FORMAT, p->tensor_path, 0, "'%.200s' has rank %lld in lora_A and %lld in lora_B",
                           pair->module, (long long)rank, (long long)pair->b.dim[1]);
        pair->scale = s->alpha / (s->root_scale ? sqrt((double)rank) : (double)rank);
    }
    return RT_OK;
}

static rt_status take_modules(rt_peft *p, const json_t *opt_list, rt_err *err)
{
    rt_status status = RT_OK;
    size_t n = json_array_size(opt_list);
    RT_TRY_ALLOC(p->modules, (int64_t)n + 1);
    for (size_t i = 0; i < n; i++) {
        const char *name = json_string_value(json_array_get(opt_list, i));
        if (!name)
            RT_TRY(rt_fail(err, RT_ERR_FORMAT, p->config_path, 0, "modules_to_save holds %s, a text was expected",
                           rt_json_type_name(json_array_get(opt_list, i))));
        p->modules[i] = rt_copy_text(name, -1, err);
        if (!p->modules[i]) RT_TRY(RT_ERR_MEMORY);
    }
done:
    return status;
}

static rt_status open_folder(rt_peft *p, rt_err *err)
{
    rt_status status = RT_OK;
    char path[PATH_MAX];
    json_t *config = NULL;
    settings s;
    rt_path_join(path, sizeof path, p->path, "adapter_config.json");
    if (!rt_file_exists(path)) {
        rt_fail(err, RT_ERR_FORMAT, p->path, 0, "holds no adapter_config.json");
        return rt_hint(err, "a folder that PEFT or 'rnatune train lora' wrote, or a file with a confidence head, was expected");
    }
    p->config_path = rt_copy_text(path, -1, err);
    rt_path_join(path, sizeof path, p->path, "adapter_model.safetensors");
    if (!rt_file_exists(path)) rt_path_join(path, sizeof path, p->path, "adapter_model.bin");
    p->tensor_path = rt_copy_text(path, -1, err);
    if (!p->config_path || !p->tensor_path) RT_TRY(RT_ERR_MEMORY);
    RT_TRY(rt_json_load(&config, p->config_path, err));
    RT_TRY(check_config(config, &s, p->config_path, err));
    RT_TRY(take_modules(p, json_object_get(config, "modules_to_save"), err));
    RT_TRY(rt_weights_open(&p->file, p->tensor_path, err));
    RT_TRY(take_tensors(p, err));
    RT_TRY(check_pairs(p, &s, err));
done:
    json_decref(config);
    return status;
}

/* A checkpoint: its confidence head, whatever else it holds. */
static rt_status open_head(rt_peft *p, rt_err *err)
{
    rt_status status = RT_OK;
    p->tensor_path = rt_copy_text(p->path, -1, err);
    RT_TRY_ALLOC(p->modules, 2);
    p->modules[0] = rt_copy_text(HEAD, (int64_t)sizeof HEAD - 2, err);
    if (!p->tensor_path || !p->modules[0]) RT_TRY(RT_ERR_MEMORY);
    RT_TRY(rt_weights_open(&p->file, p->path, err));
    for (int64_t i = 0; i < rt_weights_count(p->file); i++) {
        const rt_weight *w = rt_weights_at(p->file, i);
        if (strncmp(w->name, HEAD, sizeof HEAD - 1) != 0) continue;
        if (strstr(w->name, ".lora_")) continue;
        RT_TRY(check_tensor(p, w, err));
        RT_TRY(add_weight(p, w->name, w->tensor, err));
    }
    if (p->n_weight == 0) {
        rt_fail(err, RT_ERR_MISMATCH, p->path, 0, "holds no confidence head (%s*)", HEAD);
        RT_TRY(rt_hint(err, "an adapter is a folder with adapter_config.json, or a file with a confidence head"));
    }
    if (p->n_weight < rt_weights_count(p->file))
        rt_info("%s: its confidence head is taken, %lld other tensors are not", p->path,
                (long long)(rt_weights_count(p->file) - p->n_weight));
done:
    return status;
}

rt_status rt_peft_open(rt_peft **ret_peft, const char *path, rt_err *err)
{
    rt_status status = RT_OK;
    rt_peft *p;
    *ret_peft = NULL;
    RT_TRY_ALLOC(p, 1);
    p->path = rt_copy_text(path, -1, err);
    status = !p->path ? RT_ERR_MEMORY : rt_folder_exists(path) ? open_folder(p, err) : open_head(p, err);
    if (status == RT_OK && p->n_pair + p->n_weight == 0)
        status = rt_fail(err, RT_ERR_FORMAT, p->tensor_path, 0, "holds no adapter");
    if (status == RT_OK) {
        p->pair_taken = rt_alloc(p->n_pair, sizeof *p->pair_taken, err);
        p->weight_taken = rt_alloc(p->n_weight, sizeof *p->weight_taken, err);
        if (!p->pair_taken || !p->weight_taken) status = RT_ERR_MEMORY;
    }
    if (status == RT_OK) *ret_peft = p;
    else rt_peft_close(p);
done:
    return status;
}

void rt_peft_close(rt_peft *p)
{
    if (!p) return;
    for (int64_t i = 0; i < p->n_pair; i++) free((char *)(uintptr_t)p->pair[i].module);
    for (char **m = p->modules; m && *m; m++) free(*m);
    free(p->modules);
    free(p->pair);
    free(p->weight);
    free(p->pair_taken);
    free(p->weight_taken);
    rt_weights_close(p->file);
    free(p->path);
    free(p->tensor_path);
    free(p->config_path);
    free(p);
}

const char *rt_peft_path(const rt_peft *p) { return p->path; }
const char *rt_peft_tensor_path(const rt_peft *p) { return p->tensor_path; }
const char *rt_peft_config_path(const rt_peft *p) { return p->config_path; }
const char *const *rt_peft_modules(const rt_peft *p) { return (const char *const *)p->modules; }
int64_t rt_peft_count(const rt_peft *p) { return p->n_pair; }
const rt_peft_pair *rt_peft_at(const rt_peft *p, int64_t index) { return &p->pair[index]; }
int64_t rt_peft_weight_count(const rt_peft *p) { return p->n_weight; }
const rt_weight *rt_peft_weight_at(const rt_peft *p, int64_t index) { return &p->weight[index]; }

const rt_peft_pair *rt_peft_find(const rt_peft *p, const char *module)
{
    return find_pair(p, module, (int64_t)strlen(module));
}

const rt_weight *rt_peft_find_weight(const rt_peft *p, const char *name)
{
    for (int64_t i = 0; i < p->n_weight; i++)
        if (strcmp(p->weight[i].name, name) == 0) return &p->weight[i];
    return NULL;
}

const rt_peft_pair *rt_peft_take(rt_peft *p, const char *module)
{
    const rt_peft_pair *pair = rt_peft_find(p, module);
    if (pair) p->pair_taken[pair - p->pair] = true;
    return pair;
}

const rt_weight *rt_peft_take_weight(rt_peft *p, const char *name)
{
    const rt_weight *weight = rt_peft_find_weight(p, name);
    if (weight) p->weight_taken[weight - p->weight] = true;
    return weight;
}

static bool is_zero(rt_tensor t)
{
    for (int64_t i = 0; i < rt_count(t); i++)
        if (rt_get(t, i) != 0) return false;
    return true;
}

const char *rt_peft_untaken(const rt_peft *p, int64_t *out_count)
{
    const char *first = NULL;
    *out_count = 0;
    for (int64_t i = 0; i < p->n_pair; i++) {
        if (p->pair_taken[i] || is_zero(p->pair[i].b)) continue;
        if ((*out_count)++ == 0) first = p->pair[i].module;
    }
    for (int64_t i = 0; i < p->n_weight; i++)
        if (!p->weight_taken[i] && (*out_count)++ == 0) first = p->weight[i].name;
    return first;
}

bool rt_peft_layer_of(char out[RT_PEFT_LAYER_NAME], const char *weight)
{
    size_t length = strlen(weight);
    if (length < 7 || length >= RT_PEFT_LAYER_NAME || strcmp(weight + length - 7, ".weight") != 0) return false;
    snprintf(out, RT_PEFT_LAYER_NAME, "%.*s", (int)(length - 7), weight);
    return true;
}

void rt_peft_merge(float *out, rt_tensor w, const rt_peft_pair *pair)
{
    int64_t n_out = pair->b.dim[0], in = pair->a.dim[1], rank = pair->a.dim[0];
    RT_REQUIRE(w.ndim == 2 && w.dim[0] == n_out && w.dim[1] == in && pair->b.dim[1] == rank);
    for (int64_t o = 0; o < n_out; o++)
        for (int64_t from = 0; from < in; from += 256) {
            double sum[256] = {0};
            int64_t n = in - from < 256 ? in - from : 256;
            for (int64_t r = 0; r < rank; r++) {
                double b = rt_get(pair->b, o * rank + r);
                for (int64_t i = 0; i < n; i++) sum[i] += b * rt_get(pair->a, r * in + from + i);
            }
            for (int64_t i = 0; i < n; i++)
                out[o * in + from + i] = (float)(rt_get(w, o * in + from + i) + pair->scale * sum[i]);
        }
}
