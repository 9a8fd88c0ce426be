/* op_test.h - what the tests of ops share: the same random numbers on every context, and how far two results are apart
 * Room: op.  Uses: op/backend, base/rng; tests only.
 */
#ifndef RT_OP_OP_TEST_H
#define RT_OP_OP_TEST_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "op/backend.h"

static inline bool test_is_backward(const char *name)
{
    size_t length = strlen(name);
    return length > 9 && strcmp(name + length - 9, "_backward") == 0;
}

/* RT_TESTS: a pattern of tests' names, to run these alone. */
static inline void test_choose(void)
{
    if (getenv("RT_TESTS")) cmocka_set_test_filter(getenv("RT_TESTS"));
}

static inline void test_needs_cuda(void)
{
    const char *why = rt_cuda_unavailable();
    if (!why) return;
    print_message("skip: %s\n", why);
    skip();
}

/* Of a context: a device's holds CUDA's own too. */
static const int64_t TEST_MEMORY = (int64_t)1 << 30;

static uint64_t next_stream;

static inline rt_tensor random_tensor(rt_ctx *ctx, rt_tensor t)
{
    rt_ctx_sync(ctx);
    rt_rng rng = rt_rng_make(11, next_stream++, 0, RT_DRAW_WEIGHTS);
    for (int64_t i = 0; i < rt_count(t); i++) {
        float x = (float)rt_rng_normal(&rng, (uint64_t)i);   /* the same float32 value for every type */
        if (ctx->real == RT_F64) ((double *)t.data)[i] = x;
        else ((float *)t.data)[i] = x;
    }
    return t;
}
#define RANDOM(...) random_tensor(ctx, RT_NEW(ctx, __VA_ARGS__))

/* Sorted token numbers of atoms, or class numbers. */
static inline rt_tensor indices(rt_ctx *ctx, int64_t count, int64_t classes, bool sorted)
{
    rt_tensor t = RT_NEW_TYPE(ctx, RT_I64, count);
    rt_ctx_sync(ctx);
    for (int64_t i = 0; i < count; i++) ((int64_t *)t.data)[i] = sorted ? i * classes / count : (i * 7 + 3) % classes;
    return t;
}

/* Largest error over the largest magnitude, against the double reference; infinite where one is not a number. */
static inline double compare(rt_tensor fast, rt_tensor exact)
{
    double error = 0, top = 0;
    for (int64_t i = 0; i < rt_count(exact); i++) {
        double a = rt_get(fast, i), b = rt_get(exact, i);
        if (isnan(a - b)) return INFINITY;
        if (fabs(a - b) > error) error = fabs(a - b);
        if (fabs(b) > top) top = fabs(b);
    }
    return error / (top > 0 ? top : 1);
}

#endif
