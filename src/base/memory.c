#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

bool rt_multiply(int64_t a, int64_t b, int64_t *out)
{
    return a >= 0 && b >= 0 && !__builtin_mul_overflow(a, b, out);
}

void *rt_alloc(int64_t count, size_t size, rt_err *opt_err)
{
    int64_t bytes = 0;
    void *memory = NULL;
    if (rt_multiply(count, (int64_t)size, &bytes)) memory = calloc(bytes ? (size_t)bytes : 1, 1);
    if (!memory)
        rt_fail(opt_err, RT_ERR_MEMORY, NULL, 0, "out of memory: %lld x %zu bytes", (long long)count, size);
    return memory;
}

rt_status rt_grow(void **items, int64_t *capacity, int64_t wanted, size_t size, rt_err *opt_err)
{
    if (wanted <= *capacity) return RT_OK;
    int64_t next = *capacity < 16 ? 16 : *capacity + *capacity / 2, bytes = 0;
    if (next < wanted) next = wanted;
    void *memory = rt_multiply(next, (int64_t)size, &bytes) ? realloc(*items, (size_t)bytes) : NULL;
    if (!memory)
        return rt_fail(opt_err, RT_ERR_MEMORY, NULL, 0, "out of memory: %lld x %zu bytes", (long long)next, size);
    memset((char *)memory + (size_t)*capacity * size, 0, (size_t)(next - *capacity) * size);
    *items = memory;
    *capacity = next;
    return RT_OK;
}

char *rt_copy_text(const char *text, int64_t length, rt_err *opt_err)
{
    if (length < 0) length = (int64_t)strlen(text);
    char *copy = rt_alloc(length + 1, 1, opt_err);
    if (copy) memcpy(copy, text, (size_t)length);
    return copy;
}
