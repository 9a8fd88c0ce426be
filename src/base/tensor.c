#include "base/tensor.h"

#include <math.h>
#include <stdio.h>

static const struct { const char *name; int64_t size; } DTYPES[] = {
    [RT_F32] = {"F32", 4}, [RT_F64] = {"F64", 8}, [RT_F16] = {"F16", 2}, [RT_BF16] = {"BF16", 2}, [RT_I64] = {"I64", 8},
    [RT_I32] = {"I32", 4}, [RT_I16] = {"I16", 2}, [RT_I8] = {"I8", 1},   [RT_U8] = {"U8", 1},     [RT_BOOL] = {"BOOL", 1},
};

int64_t rt_dtype_size(rt_dtype dtype) { return DTYPES[dtype].size; }
const char *rt_dtype_name(rt_dtype dtype) { return DTYPES[dtype].name; }

bool rt_dtype_find(const char *name, rt_dtype *out)
{
    for (int i = 0; i < (int)(sizeof DTYPES / sizeof *DTYPES); i++)
        if (strcmp(DTYPES[i].name, name) == 0) {
            *out = (rt_dtype)i;
            return true;
        }
    return false;
}

int64_t rt_count(rt_tensor t)
{
    int64_t n = 1;
    for (int i = 0; i < t.ndim; i++) n *= t.dim[i];
    return n;
}

int64_t rt_bytes(rt_tensor t) { return rt_count(t) * rt_dtype_size(t.dtype); }

int64_t rt_rows(rt_tensor t)
{
    int64_t n = 1;
    for (int i = 0; i + 1 < t.ndim; i++) n *= t.dim[i];
    return n;
}

int64_t rt_last(rt_tensor t) { return t.ndim ? t.dim[t.ndim - 1] : 1; }

rt_tensor rt_wrap(void *data, rt_dtype dtype, int ndim, const int64_t *dim)
{
    if (ndim < 0 || ndim > RT_MAX_DIMS) RT_BUG("a tensor of %d dimensions", ndim);
    rt_tensor t = {.data = data, .dtype = dtype, .ndim = ndim};
    for (int i = 0; i < ndim; i++) t.dim[i] = dim[i];
    return t;
}

rt_tensor rt_reshape(rt_tensor t, int ndim, const int64_t *dim)
{
    rt_tensor r = rt_wrap(t.data, t.dtype, ndim, dim);
    if (rt_count(r) != rt_count(t)) {
        char a[96], b[96];
        rt_shape_print(t, a, sizeof a);
        rt_shape_print(r, b, sizeof b);
        RT_BUG("cannot view %s as %s", a, b);
    }
    return r;
}

rt_tensor rt_slice(rt_tensor t, int64_t from, int64_t count)
{
    if (t.ndim < 1 || from < 0 || count < 0 || from + count > t.dim[0])
        RT_BUG("slice [%lld, +%lld) of %lld", (long long)from, (long long)count, (long long)(t.ndim ? t.dim[0] : 0));
    int64_t stride = t.dim[0] ? rt_bytes(t) / t.dim[0] : 0;
    rt_tensor r = t;
    if (t.data) r.data = (char *)t.data + from * stride;   /* a tensor that could not be made stays absent */
    r.dim[0] = count;
    return r;
}

rt_tensor rt_at(rt_tensor t, int64_t index)
{
    rt_tensor r = rt_slice(t, index, 1);
    for (int i = 1; i < r.ndim; i++) r.dim[i - 1] = r.dim[i];
    r.ndim--;
    return r;
}

void rt_shape_print(rt_tensor t, char *out, int64_t size)
{
    int64_t used = snprintf(out, (size_t)size, "(");
    for (int i = 0; i < t.ndim && used < size; i++)
        used += snprintf(out + used, (size_t)(size - used), i ? ", %lld" : "%lld", (long long)t.dim[i]);
    if (used < size) snprintf(out + used, (size_t)(size - used), ")");
}

void rt_shape_check(rt_tensor t, const char *name, const char *source, int line, int ndim, const int64_t *dim)
{
    bool same = t.ndim == ndim;
    for (int i = 0; same && i < ndim; i++) same = t.dim[i] == dim[i];
    if (same) return;
    char have[96], want[96];
    rt_shape_print(t, have, sizeof have);
    rt_shape_print(rt_wrap(NULL, RT_F32, ndim, dim), want, sizeof want);
    rt_bug(source, line, "%s has shape %s, expected %s", name, have, want);
}

float rt_f16_to_f32(uint16_t x)
{
    uint32_t sign = (uint32_t)(x & 0x8000u) << 16, exponent = (x >> 10) & 31u, fraction = x & 1023u, bits;
    float f;
    if (exponent == 31) {
        bits = sign | 0x7f800000u | (fraction << 13);
    } else if (exponent) {
        bits = sign | ((exponent + 112) << 23) | (fraction << 13);
    } else {
        f = (float)fraction * 0x1p-24f;
        memcpy(&bits, &f, sizeof bits);
        bits |= sign;
    }
    memcpy(&f, &bits, sizeof f);
    return f;
}

static double get(const void *data, rt_dtype dtype, int64_t i)
{
    switch (dtype) {
    case RT_F32: return ((const float *)data)[i];
    case RT_F64: return ((const double *)data)[i];
    case RT_F16: return rt_f16_to_f32(((const uint16_t *)data)[i]);
    case RT_BF16: return rt_bf16_to_f32(((const uint16_t *)data)[i]);
    case RT_I64: return (double)((const int64_t *)data)[i];
    case RT_I32: return ((const int32_t *)data)[i];
    case RT_I16: return ((const int16_t *)data)[i];
    case RT_I8: return ((const int8_t *)data)[i];
    case RT_U8:
    case RT_BOOL: return ((const uint8_t *)data)[i];
    }
    RT_BUG("unknown type %d", (int)dtype);
}

bool rt_is_finite(rt_tensor t)
{
    int64_t count = rt_count(t);
    uint32_t bad = 0;
    if (t.dtype == RT_F32 && (uintptr_t)t.data % sizeof(uint32_t) == 0) {   /* gigabytes of weights: without a branch */
        const uint32_t *bits = t.data;
        for (int64_t i = 0; i < count; i++) bad |= (bits[i] & 0x7f800000u) == 0x7f800000u;
    } else if (t.dtype == RT_BF16 && (uintptr_t)t.data % sizeof(uint16_t) == 0) {
        const uint16_t *bits = t.data;
        for (int64_t i = 0; i < count; i++) bad |= (bits[i] & 0x7f80u) == 0x7f80u;
    } else {
        for (int64_t i = 0; i < count; i++) bad |= !isfinite(rt_get(t, i));
    }
    return !bad;
}

double rt_get(rt_tensor t, int64_t i) { return get(t.data, t.dtype, i); }

void rt_set(rt_tensor t, int64_t i, double value)
{
    rt_convert((char *)t.data + i * rt_dtype_size(t.dtype), t.dtype, &value, RT_F64, 1);
}

void rt_convert(void *out, rt_dtype out_dtype, const void *in, rt_dtype in_dtype, int64_t count)
{
    if (out_dtype == in_dtype) {
        memmove(out, in, (size_t)(count * rt_dtype_size(in_dtype)));
    } else if (out_dtype == RT_BF16 && in_dtype == RT_F32) {
        for (int64_t i = 0; i < count; i++) ((uint16_t *)out)[i] = rt_f32_to_bf16(((const float *)in)[i]);
    } else if (out_dtype == RT_F32 && in_dtype == RT_BF16) {
        for (int64_t i = 0; i < count; i++) ((float *)out)[i] = rt_bf16_to_f32(((const uint16_t *)in)[i]);
    } else if (out_dtype == RT_F32) {
        for (int64_t i = 0; i < count; i++) ((float *)out)[i] = (float)get(in, in_dtype, i);
    } else if (out_dtype == RT_F64) {
        for (int64_t i = 0; i < count; i++) ((double *)out)[i] = get(in, in_dtype, i);
    } else if (out_dtype == RT_BF16) {
        for (int64_t i = 0; i < count; i++) ((uint16_t *)out)[i] = rt_f32_to_bf16((float)get(in, in_dtype, i));
    } else {
        RT_BUG("no conversion from %s to %s", rt_dtype_name(in_dtype), rt_dtype_name(out_dtype));
    }
}
