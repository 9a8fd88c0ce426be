/* pickle_tensor.c - PyTorch tensors and numpy arrays: every size proved, strange layouts copied into plain ones */
#include <string.h>

#include "base/memory.h"
#include "io/pickle_internal.h"

/* ---- helpers ----------------------------------------------------------------------------------------------------- */

static rt_status make_tensor(rt_unpickler *u, rt_value **ret, rt_value_kind kind, rt_tensor tensor)
{
    rt_status status = RT_OK;
    rt_value *value = *ret = rt_pickle_value(u, kind, &status);
    if (!value) return status;
    value->tensor = rt_pickle_push(u, sizeof tensor, 8, &status);
    if (value->tensor) *value->tensor = tensor;
    return status;
}

static bool is_sequence(const rt_value *value) { return value->kind == RT_VALUE_TUPLE || value->kind == RT_VALUE_LIST; }

/* The key under which a value is about to be set is what lies on the stack below it. */
static const char *key_on_stack(const rt_unpickler *u, char out[104])
{
    const rt_value *below = u->height ? u->stack[u->height - 1] : NULL;
    if (!below || below->kind != RT_VALUE_TEXT) return strcpy(out, "?");
    return rt_pickle_clean(out, below->text, below->count);
}

/* Copies elements of `size` bytes from base, strides in elements, into rows.  swap reverses each one's bytes. */
static void gather(uint8_t *out, const uint8_t *base, int64_t size, int ndim, const int64_t *dim, const int64_t *stride,
                   bool swap)
{
    int64_t index[RT_MAX_DIMS] = {0}, at = 0, count = 1;
    for (int i = 0; i < ndim; i++) count *= dim[i];
    for (int64_t n = 0; n < count; n++, out += size) {
        const uint8_t *in = base + at * size;
        if (swap)
            for (int64_t b = 0; b < size; b++) out[b] = in[size - 1 - b];
        else
            memcpy(out, in, (size_t)size);
        for (int i = ndim - 1; i >= 0; i--) {
            at += stride[i];
            if (++index[i] < dim[i]) break;
            at -= stride[i] * dim[i];
            index[i] = 0;
        }
    }
}

static bool contiguous(int ndim, const int64_t *dim, const int64_t *stride)
{
    int64_t expected = 1;
    for (int i = ndim - 1; i >= 0; i--) {
        if (dim[i] != 1 && stride[i] != expected) return false;
        expected *= dim[i];
    }
    return true;
}

/* Points at base when that is possible, copies when the layout or the alignment asks for it. */
static rt_status lay_out(rt_unpickler *u, rt_tensor *tensor, const uint8_t *base, const int64_t *stride, bool swap)
{
    int64_t size = rt_dtype_size(tensor->dtype), bytes = rt_bytes(*tensor);
    rt_status status = RT_OK;
    tensor->data = (void *)(uintptr_t)base;
    if (bytes == 0) {
        tensor->data = rt_pickle_push(u, 0, 64, &status);
        return status;
    }
    bool plain = contiguous(tensor->ndim, tensor->dim, stride) && (!swap || size == 1);
    if (plain && (uintptr_t)base % (uintptr_t)size == 0) return RT_OK;
    tensor->data = rt_pickle_push(u, bytes, 64, &status);
    if (!tensor->data) return status;
    if (plain) memcpy(tensor->data, base, (size_t)bytes);
    else gather(tensor->data, base, size, tensor->ndim, tensor->dim, stride, swap && size > 1);
    return RT_OK;
}

/* ---- PyTorch ----------------------------------------------------------------------------------------------------- */

rt_status rt_pickle_storage(rt_unpickler *u, rt_value **ret, const rt_value *id)
{
    if (!u->source->storage)
        return rt_pickle_fail(u, RT_ERR_FORMAT, "refers to data outside itself, which only torch.save's archives have");
    if (id->kind != RT_VALUE_TUPLE || id->count < 5 || !rt_value_is_text(id->item[0], "storage") ||
        id->item[1]->kind != RT_VALUE_GLOBAL || id->item[2]->kind != RT_VALUE_TEXT || id->item[4]->kind != RT_VALUE_INT)
        return rt_pickle_fail(u, RT_ERR_FORMAT, "is damaged: a storage is not described as torch.save does");
    const rt_pickle_name *class = &rt_pickle_names[id->item[1]->global];
    if (class->action != RT_NAME_STORAGE)
        return rt_pickle_fail(u, RT_ERR_UNSUPPORTED, "uses '%s' as a storage", class->name);
    char key[104];
    const uint8_t *bytes;
    int64_t size, declared = id->item[4]->integer, wanted;
    if (id->item[2]->count > 100 || memchr(id->item[2]->text, 0, (size_t)id->item[2]->count))
        return rt_pickle_fail(u, RT_ERR_FORMAT, "is damaged: a storage's key is too long");
    memcpy(key, id->item[2]->text, (size_t)id->item[2]->count);
    key[id->item[2]->count] = 0;
    rt_status status = u->source->storage(u->source->context, key, &bytes, &size, u->err);
    if (status != RT_OK) return status;
    if (!rt_multiply(declared, rt_dtype_size(class->dtype), &wanted) || wanted > size) {
        char clean[104];
        return rt_pickle_fail(u, RT_ERR_FORMAT,
                              "says that storage '%s' has %lld elements of %s, but the file has %lld bytes of it",
                              rt_pickle_clean(clean, key, (int64_t)strlen(key)), (long long)declared,
                              rt_dtype_name(class->dtype), (long long)size);
    }
    return make_tensor(u, ret, RT_VALUE_STORAGE,
                       rt_wrap((void *)(uintptr_t)bytes, class->dtype, 1, (int64_t[]){declared}));
}

static rt_status wrong_tensor(rt_unpickler *u)
{
    char key[104];
    return rt_pickle_fail(u, RT_ERR_FORMAT, "is damaged: tensor '%s' is not described as torch.save does",
                          key_on_stack(u, key));
}

/* The last element that the layout touches, or false when that overflows. */
static bool last_element(int ndim, const int64_t *dim, const int64_t *stride, int64_t offset, int64_t *out)
{
    for (int i = 0; i < ndim; i++) {
        int64_t reach;
        if (!rt_multiply(dim[i] - 1, stride[i], &reach) || __builtin_add_overflow(offset, reach, &offset)) return false;
    }
    *out = offset;
    return true;
}

/* (storage, offset, size, stride, ...); _v3 has (.., requires_grad, hooks, dtype, metadata) and counts in dtype. */
rt_status rt_pickle_tensor(rt_unpickler *u, rt_value **ret, const rt_value *args, bool with_dtype)
{
    char key[104], shape[128];
    int64_t stride[RT_MAX_DIMS], offset, count = 1, bytes, last = -1;
    if (args->count < (with_dtype ? 7 : 4) || args->item[0]->kind != RT_VALUE_STORAGE ||
        args->item[1]->kind != RT_VALUE_INT || !is_sequence(args->item[2]) || !is_sequence(args->item[3]) ||
        args->item[2]->count != args->item[3]->count)
        return wrong_tensor(u);
    const rt_tensor *storage = args->item[0]->tensor;
    const rt_value *size = args->item[2], *steps = args->item[3];
    if (size->count > RT_MAX_DIMS)
        return rt_pickle_fail(u, RT_ERR_UNSUPPORTED, "has tensor '%s' of %lld dimensions; at most %d are known",
                              key_on_stack(u, key), (long long)size->count, RT_MAX_DIMS);
    rt_tensor tensor = {.dtype = storage->dtype, .ndim = (int)size->count};
    int64_t available = storage->dim[0];
    if (with_dtype) {
        const rt_value *type = args->item[6];
        if (type->kind != RT_VALUE_GLOBAL) return wrong_tensor(u);
        if (rt_pickle_names[type->global].action != RT_NAME_DTYPE)
            return rt_pickle_fail(u, RT_ERR_UNSUPPORTED, "has tensor '%s' of type %s, which is not used here",
                                  key_on_stack(u, key), rt_pickle_names[type->global].name);
        tensor.dtype = rt_pickle_names[type->global].dtype;
        available = rt_bytes(*storage) / rt_dtype_size(tensor.dtype);
    }
    offset = args->item[1]->integer;
    for (int i = 0; i < tensor.ndim; i++) {
        if (size->item[i]->kind != RT_VALUE_INT || steps->item[i]->kind != RT_VALUE_INT) return wrong_tensor(u);
        tensor.dim[i] = size->item[i]->integer;
        stride[i] = steps->item[i]->integer;
        if (tensor.dim[i] < 0 || stride[i] < 0) return wrong_tensor(u);
    }
    rt_shape_print(tensor, shape, sizeof shape);
    bool fits = offset >= 0;
    for (int i = 0; i < tensor.ndim; i++) fits = fits && rt_multiply(count, tensor.dim[i], &count);
    fits = fits && rt_multiply(count, rt_dtype_size(tensor.dtype), &bytes);
    if (fits && count > 0) fits = last_element(tensor.ndim, tensor.dim, stride, offset, &last) && last < available;
    if (!fits)
        return rt_pickle_fail(u, RT_ERR_FORMAT,
                              "has tensor '%s' of shape %s, which reaches beyond its storage of %lld elements",
                              key_on_stack(u, key), shape, (long long)available);
    const uint8_t *base = storage->data;
    rt_status status = lay_out(u, &tensor, count ? base + offset * rt_dtype_size(tensor.dtype) : base, stride, false);
    return status == RT_OK ? make_tensor(u, ret, RT_VALUE_TENSOR, tensor) : status;
}

/* ---- numpy ------------------------------------------------------------------------------------------------------- */

/* What a pickled numpy.dtype is; false for types that rt_dtype lacks. */
static bool numpy_dtype(const rt_value *value, rt_dtype *out, bool *out_swap)
{
    static const struct { const char *code; rt_dtype dtype; } TYPES[] = {
        {"f4", RT_F32}, {"f8", RT_F64}, {"f2", RT_F16}, {"i8", RT_I64}, {"i4", RT_I32},
        {"i2", RT_I16}, {"i1", RT_I8},  {"u1", RT_U8},  {"b1", RT_BOOL}, {"?", RT_BOOL},
    };
    if (value->kind != RT_VALUE_OBJECT || strcmp(value->object->name, RT_NUMPY_DTYPE) != 0) return false;
    const rt_value *args = value->object->args, *state = value->object->state;
    if (args->count < 1 || args->item[0]->kind != RT_VALUE_TEXT || args->item[0]->count < 1) return false;
    const char *code = args->item[0]->text;
    int64_t length = args->item[0]->count;
    char order = '<';
    if (memchr("<>=|", *code, 4)) order = *code++, length--;
    if (state && state->kind == RT_VALUE_TUPLE && state->count > 1 && state->item[1]->kind == RT_VALUE_TEXT &&
        state->item[1]->count == 1)
        order = *state->item[1]->text;
    *out_swap = order == '>';
    for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++)
        if ((size_t)length == strlen(TYPES[i].code) && memcmp(code, TYPES[i].code, (size_t)length) == 0) {
            *out = TYPES[i].dtype;
            return true;
        }
    return false;
}

static rt_status wrong_array(rt_unpickler *u)
{
    char key[104];
    return rt_pickle_fail(u, RT_ERR_FORMAT, "is damaged: array '%s' is not described as numpy does",
                          key_on_stack(u, key));
}

/* An array of raw bytes.  RT_OK with *out_known false when its type or its dimensions are none of ours. */
static rt_status read_array(rt_unpickler *u, rt_tensor *out, bool *out_known, const rt_value *shape,
                            const rt_value *type, const rt_value *raw, bool fortran)
{
    int64_t stride[RT_MAX_DIMS], count = 1, bytes, step = 1;
    bool swap, fits = true;
    *out = (rt_tensor){0};
    *out_known = false;
    if (shape->kind != RT_VALUE_TUPLE) return wrong_array(u);
    if (shape->count > RT_MAX_DIMS || !numpy_dtype(type, &out->dtype, &swap)) return RT_OK;
    if (raw->kind != RT_VALUE_BYTES && raw->kind != RT_VALUE_TEXT) return wrong_array(u);
    out->ndim = (int)shape->count;
    for (int i = 0; i < out->ndim; i++) {
        if (shape->item[i]->kind != RT_VALUE_INT) return wrong_array(u);
        out->dim[i] = shape->item[i]->integer;
        fits = fits && rt_multiply(count, out->dim[i], &count);
    }
    fits = fits && rt_multiply(count, rt_dtype_size(out->dtype), &bytes);
    if (!fits || bytes != raw->count) {
        char text[128];
        rt_shape_print(*out, text, sizeof text);
        return rt_pickle_fail(u, RT_ERR_FORMAT, "has an array of shape %s and type %s with %lld bytes of data", text,
                              rt_dtype_name(out->dtype), (long long)raw->count);
    }
    for (int k = 0; k < out->ndim; k++) {
        int i = fortran ? k : out->ndim - 1 - k;
        stride[i] = step;
        if (count) step *= out->dim[i];     /* at most `count`, which did not overflow */
    }
    *out_known = true;
    return lay_out(u, out, raw->bytes, stride, swap);
}

/* The state of an empty array: (version, shape, dtype, is_fortran, data).  Turns the object into a tensor in place, so
 * that every reference to it sees the tensor.  Arrays of other types stay objects. */
rt_status rt_pickle_array_state(rt_unpickler *u, rt_value *array, const rt_value *state)
{
    rt_status status = RT_OK;
    rt_tensor tensor;
    bool known;
    if (state->kind != RT_VALUE_TUPLE || state->count < 5 || state->item[3]->kind > RT_VALUE_INT) return wrong_array(u);
    bool fortran = state->item[3]->integer != 0;
    status = read_array(u, &tensor, &known, state->item[1], state->item[2], state->item[4], fortran);
    if (status != RT_OK || !known) return status;
    rt_tensor *kept = rt_pickle_push(u, sizeof *kept, 8, &status);
    if (!kept) return status;
    *kept = tensor;
    array->kind = RT_VALUE_TENSOR;
    array->tensor = kept;
    return RT_OK;
}

/* Protocol 5: (data, dtype, shape, order). */
rt_status rt_pickle_array_buffer(rt_unpickler *u, rt_value **ret, rt_value *args)
{
    rt_tensor tensor;
    bool known;
    if (args->count != 4 || args->item[3]->kind != RT_VALUE_TEXT || args->item[0]->kind != RT_VALUE_BYTES)
        return wrong_array(u);
    rt_status status = read_array(u, &tensor, &known, args->item[2], args->item[1], args->item[0],
                                  rt_value_is_text(args->item[3], "F"));
    if (status != RT_OK) return status;
    return known ? make_tensor(u, ret, RT_VALUE_TENSOR, tensor) : rt_pickle_object_of(u, ret, RT_NDARRAY, args);
}

/* (dtype, bytes): a number.  Other types stay objects. */
rt_status rt_pickle_scalar(rt_unpickler *u, rt_value **ret, rt_value *args)
{
    rt_status status = RT_OK;
    rt_dtype dtype;
    bool swap;
    if (args->count != 2) return wrong_array(u);
    if (!numpy_dtype(args->item[0], &dtype, &swap)) return rt_pickle_object_of(u, ret, "numpy.generic", args);
    const rt_value *raw = args->item[1];
    int64_t size = rt_dtype_size(dtype), one[1] = {1};
    if ((raw->kind != RT_VALUE_BYTES && raw->kind != RT_VALUE_TEXT) || raw->count != size) return wrong_array(u);
    int64_t room = 0;
    gather((uint8_t *)&room, raw->bytes, size, 1, one, one, swap);
    bool real = dtype == RT_F32 || dtype == RT_F64 || dtype == RT_F16;
    rt_value *value = *ret = rt_pickle_value(u, real ? RT_VALUE_FLOAT : dtype == RT_BOOL ? RT_VALUE_BOOL : RT_VALUE_INT,
                                             &status);
    if (!value) return status;
    rt_tensor scalar = rt_wrap(&room, dtype, 0, NULL);
    if (real) value->real = rt_get(scalar, 0);
    else value->integer = dtype == RT_I64 ? room : (int64_t)rt_get(scalar, 0);
    return RT_OK;
}
