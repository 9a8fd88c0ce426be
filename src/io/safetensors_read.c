#include "io/safetensors_read.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define HEADER_MOST ((uint64_t)100 << 20)   /* the format's own limit is 100 MB */

typedef struct {
    const char *name;
    rt_tensor tensor;
    int64_t begin, end;     /* within the data */
    void *copy;             /* NULL when the tensor is used in place */
} item;

struct rt_safetensors {
    json_t *header;
    item *item;
    int64_t count;
};

static uint64_t header_length(const uint8_t *bytes)
{
    uint64_t n = 0;
    for (int i = 0; i < 8; i++) n |= (uint64_t)bytes[i] << (8 * i);
    return n;
}

bool rt_safetensors_detect(const uint8_t *bytes, int64_t size)
{
    return size >= 10 && bytes[8] == '{' && header_length(bytes) <= HEADER_MOST;
}

static rt_status wrong(rt_err *err, const char *file, const char *name, const char *what)
{
    return rt_fail(err, RT_ERR_FORMAT, file, 0, "tensor '%.200s': %s", name, what);
}

/* One entry of the header against the `size` bytes of data. */
static rt_status read_item(item *out, const json_t *entry, int64_t size, const char *file, rt_err *err)
{
    const json_t *dtype = json_object_get(entry, "dtype"), *shape = json_object_get(entry, "shape"),
                 *offsets = json_object_get(entry, "data_offsets");
    if (!json_is_string(dtype) || !json_is_array(shape) || !json_is_array(offsets) || json_array_size(offsets) != 2 ||
        !json_is_integer(json_array_get(offsets, 0)) || !json_is_integer(json_array_get(offsets, 1)))
        return wrong(err, file, out->name, "its entry in the header lacks dtype, shape or data_offsets");
    if (!rt_dtype_find(json_string_value(dtype), &out->tensor.dtype))
        return rt_fail(err, RT_ERR_UNSUPPORTED, file, 0, "tensor '%.200s' is of type %.40s, which is not used here",
                       out->name, json_string_value(dtype));
    if (json_array_size(shape) > RT_MAX_DIMS)
        return rt_fail(err, RT_ERR_UNSUPPORTED, file, 0, "tensor '%.200s' has %d dimensions; at most %d are known",
                       out->name, (int)json_array_size(shape), RT_MAX_DIMS);
    int64_t count = 1, bytes = 0;
    bool fits = true;
    out->tensor.ndim = (int)json_array_size(shape);
    for (int i = 0; i < out->tensor.ndim; i++) {
        const json_t *dim = json_array_get(shape, (size_t)i);
        if (!json_is_integer(dim)) return wrong(err, file, out->name, "its shape is not made of whole numbers");
        out->tensor.dim[i] = json_integer_value(dim);
        fits = fits && rt_multiply(count, out->tensor.dim[i], &count);
    }
    out->begin = json_integer_value(json_array_get(offsets, 0));
    out->end = json_integer_value(json_array_get(offsets, 1));
    if (out->begin < 0 || out->end < out->begin) return wrong(err, file, out->name, "its offsets make no sense");
    if (out->end > size)
        return rt_fail(err, RT_ERR_FORMAT, file, 0,
                       "tensor '%.200s' ends at byte %lld of the data, the file has %lld: it was cut short", out->name,
                       (long long)out->end, (long long)size);
    if (!fits || !rt_multiply(count, rt_dtype_size(out->tensor.dtype), &bytes) || bytes != out->end - out->begin)
        return wrong(err, file, out->name, "its shape and type do not make the number of bytes that it has");
    return RT_OK;
}

static int by_place(const void *a, const void *b)
{
    const item *x = *(item *const *)a, *y = *(item *const *)b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

/* The format allows neither holes nor overlaps: nothing can hide between the tensors. */
static rt_status check_cover(const rt_safetensors *st, int64_t size, const char *file, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t at = 0;
    item **sorted;
    RT_TRY_ALLOC(sorted, st->count);
    for (int64_t i = 0; i < st->count; i++) sorted[i] = &st->item[i];
    qsort(sorted, (size_t)st->count, sizeof *sorted, by_place);
    for (int64_t i = 0; i < st->count && status == RT_OK; i++) {
        if (sorted[i]->begin != at)
            status = wrong(err, file, sorted[i]->name, sorted[i]->begin < at ? "its bytes overlap with another tensor's"
                                                                             : "unused bytes lie before it");
        at = sorted[i]->end;
    }
    if (status == RT_OK && at != size)
        status = rt_fail(err, RT_ERR_FORMAT, file, 0, "has %lld bytes behind its last tensor", (long long)(size - at));
    free(sorted);
done:
    return status;
}

static rt_status read_header(rt_safetensors *st, const char *file, const uint8_t *bytes, int64_t size, rt_err *err)
{
    rt_status status = RT_OK;
    if (size < 8) return rt_fail(err, RT_ERR_FORMAT, file, 0, "is too short for a safetensors file");
    uint64_t n = header_length(bytes);
    if (n > HEADER_MOST || n > (uint64_t)size - 8)
        return rt_fail(err, RT_ERR_FORMAT, file, 0,
                       "was cut short: its header should have %llu bytes, the file has %lld", (unsigned long long)n,
                       (long long)size);
    json_error_t error;
    st->header = json_loadb((const char *)bytes + 8, (size_t)n, JSON_REJECT_DUPLICATES, &error);
    if (!st->header || !json_is_object(st->header))
        return rt_fail(err, RT_ERR_FORMAT, file, 0, "its header is no JSON object: %.100s (at byte %d)",
                       st->header ? "another value" : error.text, st->header ? 8 : 8 + error.position);
    const uint8_t *data = bytes + 8 + n;
    int64_t data_size = size - 8 - (int64_t)n;
    RT_TRY_ALLOC(st->item, (int64_t)json_object_size(st->header));
    const char *name;
    json_t *entry;
    json_object_foreach(st->header, name, entry) {
        if (strcmp(name, "__metadata__") == 0) continue;
        item *next = &st->item[st->count];
        next->name = name;
        RT_TRY(read_item(next, entry, data_size, file, err));
        next->tensor.data = (void *)(uintptr_t)(data + next->begin);
        st->count++;
    }
    RT_TRY(check_cover(st, data_size, file, err));
    for (int64_t i = 0; i < st->count; i++) {
        item *one = &st->item[i];
        if ((uintptr_t)one->tensor.data % (uintptr_t)rt_dtype_size(one->tensor.dtype) == 0) continue;
        one->copy = rt_alloc(one->end - one->begin, 1, err);
        if (!one->copy) return RT_ERR_MEMORY;
        memcpy(one->copy, one->tensor.data, (size_t)(one->end - one->begin));
        one->tensor.data = one->copy;
    }
done:
    return status;
}

rt_status rt_safetensors_open(rt_safetensors **ret_file, const char *file, const uint8_t *bytes, int64_t size,
                              rt_err *err)
{
    rt_status status = RT_OK;
    rt_safetensors *st;
    *ret_file = NULL;
    RT_TRY_ALLOC(st, 1);
    status = read_header(st, file, bytes, size, err);
    if (status == RT_OK) *ret_file = st;
    else rt_safetensors_close(st);
done:
    return status;
}

void rt_safetensors_close(rt_safetensors *file)
{
    if (!file) return;
    for (int64_t i = 0; i < file->count; i++) free(file->item[i].copy);
    free(file->item);
    json_decref(file->header);
    free(file);
}

int64_t rt_safetensors_count(const rt_safetensors *file) { return file->count; }

rt_tensor rt_safetensors_at(const rt_safetensors *file, int64_t index)
{
    RT_REQUIRE(index >= 0 && index < file->count);
    return file->item[index].tensor;
}

const char *rt_safetensors_name(const rt_safetensors *file, int64_t index)
{
    RT_REQUIRE(index >= 0 && index < file->count);
    return file->item[index].name;
}

const char *rt_safetensors_value(const rt_safetensors *file, const char *key)
{
    return json_string_value(json_object_get(json_object_get(file->header, "__metadata__"), key));
}
