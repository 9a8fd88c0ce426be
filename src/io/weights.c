#include "io/weights.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/rng.h"
#include "io/safetensors_read.h"
#include "io/torch_archive.h"

/* What DistributedDataParallel, torch.compile and Lightning put before every name. */
static const char *const PREFIXES[] = {"module.", "_orig_mod.", "model."};

struct rt_weights {
    char *path;
    rt_map map;                 /* safetensors; a torch archive maps its file itself */
    rt_safetensors *safetensors;
    rt_torch *torch;
    rt_weight *weight;
    int64_t count;
    char *names;                /* the NUL-terminated names of a torch archive */
    int32_t *slot;              /* open addressing: index + 1, 0 is free */
    int64_t n_slot;             /* a power of two */
    int64_t step;
    bool has_step;
};

static rt_status build_index(rt_weights *weights, rt_err *err)
{
    rt_status status = RT_OK;
    for (weights->n_slot = 16; weights->n_slot < 2 * weights->count; weights->n_slot *= 2) continue;
    RT_TRY_ALLOC(weights->slot, weights->n_slot);
    uint64_t mask = (uint64_t)weights->n_slot - 1;
    for (int64_t i = 0; i < weights->count; i++) {
        const char *name = weights->weight[i].name;
        uint64_t at = rt_hash_text(name) & mask;
        for (; weights->slot[at]; at = (at + 1) & mask)
            if (strcmp(weights->weight[weights->slot[at] - 1].name, name) == 0)
                return rt_fail(err, RT_ERR_FORMAT, weights->path, 0, "has the tensor '%.200s' twice", name);
        weights->slot[at] = (int32_t)(i + 1);
    }
done:
    return status;
}

/* The reference's rule: the first name decides, and then every name loses the prefix.  Wrappers may be nested. */
static void drop_prefixes(rt_weights *weights)
{
    for (size_t p = 0; weights->count > 0 && p < sizeof PREFIXES / sizeof *PREFIXES;) {
        size_t n = strlen(PREFIXES[p]);
        if (strncmp(weights->weight[0].name, PREFIXES[p], n) != 0) {
            p++;
            continue;
        }
        for (int64_t i = 0; i < weights->count; i++)
            if (strncmp(weights->weight[i].name, PREFIXES[p], n) == 0) weights->weight[i].name += n;
        p = 0;
    }
}

/* ---- torch ------------------------------------------------------------------------------------------------------- */

/* The dict of weights: under one of the usual keys, or the file's whole value. */
static const rt_value *find_state_dict(const rt_value *root)
{
    static const char *const WRAPPED[] = {"model", "state_dict", "model_state_dict"};
    for (size_t i = 0; i < sizeof WRAPPED / sizeof *WRAPPED; i++) {
        const rt_value *inner = rt_value_get(root, WRAPPED[i]);
        if (inner && inner->kind == RT_VALUE_DICT) return inner;
    }
    return root;
}

static rt_status take_torch(rt_weights *weights, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_value *root = rt_torch_root(weights->torch);
    if (root->kind != RT_VALUE_DICT)
        return rt_fail(err, RT_ERR_FORMAT, weights->path, 0, "holds no weights: a dictionary of tensors was expected");
    const rt_value *dict = find_state_dict(root);
    int64_t bytes = 0;
    for (int64_t i = 0; i < dict->count; i++)
        if (dict->item[2 * i]->kind == RT_VALUE_TEXT) bytes += dict->item[2 * i]->count + 1;
    RT_TRY_ALLOC(weights->weight, dict->count);
    RT_TRY_ALLOC(weights->names, bytes);
    char *name = weights->names;
    for (int64_t i = 0; i < dict->count; i++) {
        const rt_value *key = dict->item[2 * i], *value = dict->item[2 * i + 1];
        if (key->kind != RT_VALUE_TEXT || value->kind != RT_VALUE_TENSOR) continue;     /* such as _extra_state */
        if (memchr(key->text, 0, (size_t)key->count))
            return rt_fail(err, RT_ERR_FORMAT, weights->path, 0, "a tensor's name holds a NUL");
        memcpy(name, key->text, (size_t)key->count);    /* the memory is zeroed: the end is there */
        weights->weight[weights->count++] = (rt_weight){name, *value->tensor};
        name += key->count + 1;
    }
    if (weights->count == 0)
        return rt_fail(err, RT_ERR_FORMAT, weights->path, 0, "holds no weights: a dictionary of tensors was expected");
    if (dict != root)
        weights->has_step = rt_value_integer(rt_value_get(root, "step"), &weights->step) ||
                            rt_value_integer(rt_value_get(root, "global_step"), &weights->step);
done:
    return status;
}

/* ---- safetensors ------------------------------------------------------------------------------------------------- */

static rt_status take_safetensors(rt_weights *weights, rt_err *err)
{
    rt_status status = RT_OK;
    RT_TRY(rt_safetensors_open(&weights->safetensors, weights->path, weights->map.data, weights->map.size, err));
    weights->count = rt_safetensors_count(weights->safetensors);
    rt_weight *weight;
    RT_TRY_ALLOC(weight, weights->count);
    weights->weight = weight;
    for (int64_t i = 0; i < weights->count; i++)
        weight[i] = (rt_weight){rt_safetensors_name(weights->safetensors, i),
                                rt_safetensors_at(weights->safetensors, i)};
done:
    return status;
}

/* ---- outside ----------------------------------------------------------------------------------------------------- */

static rt_status read_file(rt_weights *weights, rt_err *err)
{
    rt_status status = RT_OK;
    RT_TRY(rt_map_open(&weights->map, weights->path, err));
    if (rt_torch_detect(weights->map.data, weights->map.size)) {
        rt_map_close(&weights->map);
        RT_TRY(rt_torch_open(&weights->torch, weights->path, err));
        RT_TRY(take_torch(weights, err));
    } else if (rt_safetensors_detect(weights->map.data, weights->map.size)) {
        RT_TRY(take_safetensors(weights, err));
    } else if (weights->map.size == 0) {
        return rt_fail(err, RT_ERR_FORMAT, weights->path, 0, "is empty: weights were expected, as torch.save or safetensors "
                                                             "writes them");
    } else {
        rt_fail(err, RT_ERR_FORMAT, weights->path, 0, "is no file of weights: neither torch.save's nor safetensors");
        if (weights->map.size > 8 && memcmp(weights->map.data, "version ", 8) == 0)
            rt_hint(err, "it looks like a Git LFS pointer: fetch the file itself with `git lfs pull`");
        return RT_ERR_FORMAT;
    }
    drop_prefixes(weights);
    RT_TRY(build_index(weights, err));
done:
    return status;
}

rt_status rt_weights_open(rt_weights **ret_weights, const char *path, rt_err *err)
{
    rt_status status = RT_OK;
    rt_weights *weights;
    *ret_weights = NULL;
    RT_TRY_ALLOC(weights, 1);
    weights->path = rt_copy_text(path, -1, err);
    status = weights->path ? read_file(weights, err) : RT_ERR_MEMORY;
    if (status == RT_OK) *ret_weights = weights;
    else rt_weights_close(weights);
done:
    return status;
}

void rt_weights_close(rt_weights *weights)
{
    if (!weights) return;
    free(weights->weight);
    free(weights->names);
    free(weights->slot);
    rt_safetensors_close(weights->safetensors);
    rt_torch_close(weights->torch);
    rt_map_close(&weights->map);
    free(weights->path);
    free(weights);
}

int64_t rt_weights_count(const rt_weights *weights) { return weights->count; }

const rt_weight *rt_weights_at(const rt_weights *weights, int64_t index)
{
    RT_REQUIRE(index >= 0 && index < weights->count);
    return &weights->weight[index];
}

const rt_weight *rt_weights_find(const rt_weights *weights, const char *name)
{
    uint64_t mask = (uint64_t)weights->n_slot - 1;
    for (uint64_t at = rt_hash_text(name) & mask; weights->slot[at]; at = (at + 1) & mask) {
        const rt_weight *weight = &weights->weight[weights->slot[at] - 1];
        if (strcmp(weight->name, name) == 0) return weight;
    }
    return NULL;
}

const char *rt_weights_path(const rt_weights *weights) { return weights->path; }
const char *rt_weights_format(const rt_weights *weights) { return weights->torch ? "torch" : "safetensors"; }

const char *rt_weights_metadata(const rt_weights *weights, const char *key)
{
    return weights->safetensors ? rt_safetensors_value(weights->safetensors, key) : NULL;
}

bool rt_weights_step(const rt_weights *weights, int64_t *out_step)
{
    if (weights->has_step) *out_step = weights->step;
    return weights->has_step;
}

void rt_weights_forget(const rt_weights *weights, rt_tensor tensor)
{
    const rt_map *map = weights->torch ? rt_torch_map(weights->torch) : &weights->map;
    rt_map_forget(map, tensor.data, rt_bytes(tensor));
}
