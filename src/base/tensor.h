/* tensor.h - a shape, a type and a pointer; row-major, contiguous, in PyTorch's dimension order
 * Room: base.  Uses: base/status.
 *
 * An rt_tensor owns nothing: its memory belongs to an arena, a mapped file or the caller.  It is passed by value.
 */
#ifndef RT_BASE_TENSOR_H
#define RT_BASE_TENSOR_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/status.h"

typedef enum { RT_F32, RT_F64, RT_F16, RT_BF16, RT_I64, RT_I32, RT_I16, RT_I8, RT_U8, RT_BOOL } rt_dtype;

#define RT_MAX_DIMS 6

typedef struct {
    void *data;
    rt_dtype dtype;
    int ndim;                   /* 0 is a scalar */
    int64_t dim[RT_MAX_DIMS];
} rt_tensor;

int64_t rt_dtype_size(rt_dtype dtype);            /* bytes of one element */
const char *rt_dtype_name(rt_dtype dtype);        /* "F32", "BF16", ... as safetensors spells it */
bool rt_dtype_find(const char *name, rt_dtype *out);

int64_t rt_count(rt_tensor t);                    /* elements; 1 for a scalar */
int64_t rt_bytes(rt_tensor t);
int64_t rt_rows(rt_tensor t);                     /* product of all dimensions but the last */
int64_t rt_last(rt_tensor t);                     /* the last dimension, 1 for a scalar */

/* Same memory, another shape with the same number of elements.  -1 is not understood: say the size. */
rt_tensor rt_reshape(rt_tensor t, int ndim, const int64_t *dim);
#define RT_VIEW(t, ...) rt_reshape((t), (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]){__VA_ARGS__})

/* The sub-tensor [from, from + count) along the first dimension. */
rt_tensor rt_slice(rt_tensor t, int64_t from, int64_t count);
/* t[index] along the first dimension, which is dropped. */
rt_tensor rt_at(rt_tensor t, int64_t index);

/* "(3, 30, 16)" */
void rt_shape_print(rt_tensor t, char *out, int64_t size);

/* Wraps memory that somebody else owns. */
rt_tensor rt_wrap(void *data, rt_dtype dtype, int ndim, const int64_t *dim);
#define RT_WRAP(data, dtype, ...) \
    rt_wrap((data), (dtype), (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]){__VA_ARGS__})

/* Asserts a shape at a function's entry: the documented shape is executed and cannot go stale. */
#define RT_SHAPE(t, ...) \
    rt_shape_check((t), #t, __FILE__, __LINE__, (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), \
                   (int64_t[]){__VA_ARGS__})
void rt_shape_check(rt_tensor t, const char *name, const char *source, int line, int ndim, const int64_t *dim);

/* bfloat16: the upper half of a float, rounded to nearest even. */
static inline float rt_bf16_to_f32(uint16_t x)
{
    uint32_t bits = (uint32_t)x << 16;
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static inline uint16_t rt_f32_to_bf16(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return (uint16_t)((bits >> 16) | 0x40u);   /* keep a NaN a NaN */
    return (uint16_t)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

float rt_f16_to_f32(uint16_t x);

/* Element i of any type as a double. */
double rt_get(rt_tensor t, int64_t i);
/* The same for writing: F32, F64 or BF16. */
void rt_set(rt_tensor t, int64_t i, double value);

/* False when a floating-point tensor holds a NaN or an infinity. */
bool rt_is_finite(rt_tensor t);

/* Converts count elements between any two of F32, F64, F16 (source only), BF16 and, as sources, the integer types. */
void rt_convert(void *out, rt_dtype out_dtype, const void *in, rt_dtype in_dtype, int64_t count);

#endif
