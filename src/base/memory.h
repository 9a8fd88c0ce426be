/* memory.h - checked heap allocation for base/ and io/ (numeric rooms use an arena)
 * Room: base.  Uses: base/status.
 */
#ifndef RT_BASE_MEMORY_H
#define RT_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* Zeroed memory for `count` items of `size` bytes; release with free().  A product that overflows or a refusal by the
 * system gives NULL and RT_ERR_MEMORY in *opt_err.  count 0 gives a valid pointer. */
void *rt_alloc(int64_t count, size_t size, rt_err *opt_err);

/* Grows *items (capacity *capacity items of `size` bytes) to hold at least `wanted`; new items are zeroed. */
rt_status rt_grow(void **items, int64_t *capacity, int64_t wanted, size_t size, rt_err *opt_err);

/* A copy of text[0..length), NUL-terminated; length < 0 means strlen(text). */
char *rt_copy_text(const char *text, int64_t length, rt_err *opt_err);

/* *out = a * b; false when the product does not fit in int64_t or a factor is negative. */
bool rt_multiply(int64_t a, int64_t b, int64_t *out);

#define RT_TRY_ALLOC(pointer, count)                                              \
    do {                                                                          \
        (pointer) = rt_alloc((count), sizeof *(pointer), err);                    \
        if (!(pointer)) { status = RT_ERR_MEMORY; goto done; }                    \
    } while (0)

#endif
