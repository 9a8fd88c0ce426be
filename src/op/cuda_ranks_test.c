/* cuda_ranks_test.c - tensors as one row and back, with one rank: of one value, of a few, across two pieces of the row; what
 * several ranks do is in tests/cuda/run.sh */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "op/cuda_ranks.h"
#include "op/op_test.h"

enum { TENSORS = 5, STAGE_FLOATS = 8 << 20, ROUNDED = 3 };
static const int64_t COUNT[TENSORS] = {1, 33, STAGE_FLOATS - 40, 70, 5};

static float value_of(int64_t tensor, int64_t i, int which) { return (float)(i % 1001) * 0.37f + (float)(11 * tensor + which); }

static void fill(rt_ctx *ctx, rt_tensor *t, int which)
{
    for (int k = 0; k < TENSORS; k++) {
        t[k] = RT_NEW_TYPE(ctx, RT_F32, COUNT[k]);
        for (int64_t i = 0; i < COUNT[k]; i++) ((float *)t[k].data)[i] = value_of(k, i, which);
    }
}

static void cuda_rows_of_tensors(void **state)
{
    (void)state;
    test_needs_cuda();
    rt_ctx *ctx;
    rt_err err;
    char way[400];
    const bool yes = true, no = false;
    rt_tensor sum[TENSORS], mine[TENSORS], rounded[TENSORS] = {{0}};
    assert_int_equal(rt_cuda_ranks_open(false, way, sizeof way, &err), RT_OK);
    assert_non_null(strstr(way, "through the host's memory"));
    assert_int_equal(rt_cuda_ranks_bytes(NULL), 4 * STAGE_FLOATS);
    assert_int_equal(rt_ctx_create(&ctx, RT_BACKEND_CUDA, 1, (int64_t)1 << 30, NULL), RT_OK);
    assert_true(rt_ctx_rest_bytes(ctx) > 4 * STAGE_FLOATS);
    fill(ctx, sum, 1);
    fill(ctx, mine, 2);
    rounded[ROUNDED] = RT_NEW_TYPE(ctx, RT_BF16, COUNT[ROUNDED]);
    int64_t mark = rt_arena_mark(ctx->step);
    assert_int_equal(rt_cuda_ranks_add(ctx, sum, mine, TENSORS, &no, &err), RT_OK);
    assert_true(((float *)sum[2].data)[5] == value_of(2, 5, 1));
    assert_int_equal(rt_cuda_ranks_add(ctx, sum, mine, TENSORS, &yes, &err), RT_OK);
    for (int k = 0; k < TENSORS; k++)
        for (int64_t i = 0; i < COUNT[k]; i++)
            if (((float *)sum[k].data)[i] != value_of(k, i, 1) + value_of(k, i, 2)) fail_msg("tensor %d, %lld", k, (long long)i);
    assert_int_equal(rt_cuda_ranks_share(ctx, mine, rounded, TENSORS, &err), RT_OK);
    for (int k = 0; k < TENSORS; k++)
        for (int64_t i = 0; i < COUNT[k]; i++)
            if (((float *)mine[k].data)[i] != value_of(k, i, 2)) fail_msg("tensor %d, %lld", k, (long long)i);
    for (int64_t i = 0; i < COUNT[ROUNDED]; i++)
        assert_int_equal(((uint16_t *)rounded[ROUNDED].data)[i], rt_f32_to_bf16(value_of(ROUNDED, i, 2)));
    assert_int_equal(rt_arena_mark(ctx->step), mark);
    rt_cuda_ranks_close(false);
    assert_int_equal(rt_cuda_ranks_bytes(NULL), 0);
    rt_ctx_free(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(cuda_rows_of_tensors)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
