/* feature_tensor.h - a tensor in an arena, with the error that an exhausted arena deserves
 * Room: feat.  Uses: base/arena, base/tensor.  For feat's own .c files.
 */
#ifndef RT_FEAT_FEATURE_TENSOR_H
#define RT_FEAT_FEATURE_TENSOR_H

#include "base/arena.h"
#include "base/memory.h"
#include "base/tensor.h"

/* Uninitialised.  Errors: RT_ERR_MEMORY. */
static inline rt_status rt_feature_tensor_push(rt_tensor *out, rt_arena *arena, rt_dtype dtype, int ndim,
                                               const int64_t *dim, rt_err *err)
{
    int64_t bytes = rt_dtype_size(dtype);
    bool fits = true;
    for (int i = 0; i < ndim; i++) fits = fits && rt_multiply(bytes, dim[i], &bytes);
    void *data = fits ? rt_arena_push_host(arena, bytes) : NULL;
    if (!data) {
        rt_fail(err, RT_ERR_MEMORY, NULL, 0, "the features need %lld bytes more than the %lld of memory '%s'",
                (long long)((fits ? rt_arena_wanted(arena) : INT64_MAX) - rt_arena_capacity(arena)),
                (long long)rt_arena_capacity(arena), rt_arena_name(arena));
        return rt_hint(err, "a shorter target or fewer MSA rows need less");
    }
    *out = rt_wrap(data, dtype, ndim, dim);
    return RT_OK;
}

#define RT_FEATURE_PUSH(out, dtype, ...)                                                                    \
    RT_TRY(rt_feature_tensor_push((out), arena, (dtype), (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), \
                                  (int64_t[]){__VA_ARGS__}, err))

#endif
