/* cuda_ranks_test.c - tensors as one row and back: with one rank, across two pieces of the row; under mpirun (see
 * tests/cuda/ranks.sh) what the ranks' rows add up to and what becomes of rank 0's, across many pieces and without some ranks
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/ranks.h"
#include "op/cuda_ranks.h"
#include "op/op_test.h"
#include "op/placement.h"

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
    if (rt_ranks_count() > 1) skip();
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

/* ---- under mpirun ---- */

enum { LONG = 2, MOST_RANKS = 3, ROUNDS = 5 };
static const bool TAKES_PART[ROUNDS][MOST_RANKS] = {{true, true, true}, {true, false, true}, {false, true, false}, {0},
                                                    {false, true, true}};

/* Of a tensor; the long one makes that a sum has more pieces than are queued at once (see SETTLE_EVERY). */
static int64_t length_of(int k)
{
    const char *stage = getenv("RT_EMULATED_STAGE");
    return k == LONG ? 6 * (stage ? atol(stage) / 4 : STAGE_FLOATS) + 11 : COUNT[k];
}

/* Thirds: their sum has other bits in another order. */
static float of_rank(int k, int64_t i, int rank) { return value_of(k, i, 3 * rank) * (float)(rank + 2) / 3; }

static void check_sums(const rt_tensor *sum)
{
    for (int k = 0; k < TENSORS; k++)
        for (int64_t i = 0; i < length_of(k); i++) {
            float want = value_of(k, i, 7);
            for (int round = 0; round < ROUNDS; round++)
                for (int r = 0; r < rt_ranks_count(); r++)
                    if (TAKES_PART[round][r]) want += of_rank(k, i, r);
            if (((float *)sum[k].data)[i] != want) fail_msg("tensor %d, %lld: %.9g, not %.9g", k, (long long)i,
                                                            (double)((float *)sum[k].data)[i], (double)want);
        }
}

static void cuda_rows_of_ranks(void **state)
{
    (void)state;
    test_needs_cuda();
    if (rt_ranks_count() == 1) skip();
    assert_in_range(rt_ranks_count(), 2, MOST_RANKS);
    rt_ctx *ctx;
    rt_err err;
    rt_tensor sum[TENSORS], mine[TENSORS], rounded[TENSORS] = {{0}};
    assert_int_equal(rt_placement_begin(RT_BACKEND_CUDA, true, &err), RT_OK);
    int64_t memory = rt_placement_memory(RT_BACKEND_CUDA, (int64_t)4 << 30);
    assert_int_equal(rt_ctx_create(&ctx, RT_BACKEND_CUDA, 1, memory, NULL), RT_OK);
    for (int k = 0; k < TENSORS; k++) {
        sum[k] = RT_NEW_TYPE(ctx, RT_F32, length_of(k)), mine[k] = RT_NEW_TYPE(ctx, RT_F32, length_of(k));
        for (int64_t i = 0; i < length_of(k); i++) {
            ((float *)sum[k].data)[i] = value_of(k, i, 7);
            ((float *)mine[k].data)[i] = of_rank(k, i, rt_ranks_self());
        }
    }
    rounded[ROUNDED] = RT_NEW_TYPE(ctx, RT_BF16, length_of(ROUNDED));
    for (int round = 0; round < ROUNDS; round++)
        assert_int_equal(rt_cuda_ranks_add(ctx, sum, mine, TENSORS, TAKES_PART[round], &err), RT_OK);
    if (rt_ranks_lead()) check_sums(sum);
    assert_int_equal(rt_cuda_ranks_share(ctx, mine, rounded, TENSORS, &err), RT_OK);
    for (int k = 0; k < TENSORS; k++)
        for (int64_t i = 0; i < length_of(k); i++)
            if (((float *)mine[k].data)[i] != of_rank(k, i, 0)) fail_msg("tensor %d, %lld", k, (long long)i);
    for (int64_t i = 0; i < length_of(ROUNDED); i++)
        assert_int_equal(((uint16_t *)rounded[ROUNDED].data)[i], rt_f32_to_bf16(of_rank(ROUNDED, i, 0)));
    rt_placement_end(false);
    assert_int_equal(rt_placement_sharers(RT_BACKEND_CUDA), 1);
    rt_ctx_free(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(cuda_rows_of_tensors), cmocka_unit_test(cuda_rows_of_ranks)};
    if (rt_ranks_begin(NULL) != RT_OK) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (failed) rt_ranks_abort(failed);   /* others may wait for this one */
    rt_ranks_end();
    return failed;
}
