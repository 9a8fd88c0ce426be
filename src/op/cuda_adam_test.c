/* cuda_adam_test.c - Adam on the device against the same formula written plainly: tensors of one value, of a tile, of a few
 * tiles, one that is skipped */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "op/cuda_adam.h"
#include "op/op_test.h"

enum { TENSORS = 5 };
static const int64_t COUNT[TENSORS] = {1, RT_CUDA_ADAM_TILE, 33, 2 * RT_CUDA_ADAM_TILE + 5, 1000};
static const int SKIPPED = 2, WITH_COPY = 3;

/* What the tensor's first `count` elements become, in double. */
static void check_update(const rt_cuda_adam_tensor *t, rt_tensor before[4], rt_tensor copy)
{
    for (int64_t i = 0; i < t->count; i++) {
        double value = rt_get(before[0], i), m = rt_get(before[1], i), v = rt_get(before[2], i), grad = rt_get(before[3], i);
        if (!t->skip) {
            double slope = grad * (double)t->scale + (double)t->decay * value;
            m += (double)t->blend * (slope - m);
            v = v * (double)t->keep + (double)t->fresh * slope * slope;
            value = value * (double)t->shrink - (double)t->rate * (m / (sqrt(v) / (double)t->root + (double)t->eps));
        }
        assert_true(fabs(value - (double)t->value[i]) < 1e-5 * (1 + fabs(value)));
        assert_true(fabs(m - (double)t->m[i]) < 1e-6 * (1 + fabs(m)));
        assert_true(fabs(v - (double)t->v[i]) < 1e-6 * (1 + fabs(v)));
        if (copy.data) assert_int_equal(((uint16_t *)copy.data)[i], rt_f32_to_bf16(t->value[i]));
    }
}

static rt_tensor absolute(rt_ctx *ctx, rt_tensor t)
{
    rt_ctx_sync(ctx);
    for (int64_t i = 0; i < rt_count(t); i++) rt_set(t, i, fabs(rt_get(t, i)));
    return t;
}

static void cuda_updates_as_the_formula_says(void **state)
{
    (void)state;
    test_needs_cuda();
    rt_ctx *ctx;
    assert_int_equal(rt_ctx_create(&ctx, RT_BACKEND_CUDA, 1, TEST_MEMORY, NULL), RT_OK);
    next_stream = 5;
    rt_tensor part[TENSORS][4], before[TENSORS][4], copy = RT_NEW_TYPE(ctx, RT_BF16, COUNT[WITH_COPY]);
    rt_tensor table = RT_NEW_TYPE(ctx, RT_U8, (int64_t)sizeof(rt_cuda_adam_tensor) * TENSORS);
    rt_tensor square = RT_NEW_TYPE(ctx, RT_F64, 16);
    rt_cuda_adam_tensor *t = table.data;
    int64_t tiles = 0;
    for (int k = 0; k < TENSORS; k++) {
        for (int i = 0; i < 4; i++) part[k][i] = RANDOM(COUNT[k]);
        absolute(ctx, part[k][2]);   /* v */
        for (int i = 0; i < 4; i++) before[k][i] = rt_new_copy(ctx, part[k][i]);
        rt_ctx_sync(ctx);
        t[k] = (rt_cuda_adam_tensor){.value = part[k][0].data, .m = part[k][1].data, .v = part[k][2].data,
                                     .grad = part[k][3].data, .opt_value16 = k == WITH_COPY ? copy.data : NULL,
                                     .count = COUNT[k], .first_tile = tiles, .scale = 0.5f, .decay = 0.01f * (float)k,
                                     .shrink = k ? 1 : 0.99f, .blend = 0.1f, .keep = 0.95f, .fresh = 0.05f,
                                     .rate = 0.01f * (float)(k + 1), .root = 0.3f, .eps = 1e-8f, .skip = k == SKIPPED};
        tiles += (COUNT[k] + RT_CUDA_ADAM_TILE - 1) / RT_CUDA_ADAM_TILE;
    }
    rt_cuda_adam_squares(ctx, square.data, t, TENSORS, tiles);
    rt_cuda_adam_update(ctx, t, TENSORS, tiles);
    rt_ctx_sync(ctx);
    assert_int_equal(rt_ctx_take(ctx, NULL), RT_OK);
    for (int k = 0; k < TENSORS; k++) {
        double sum = 0, tile_sum = 0;
        int64_t end = k + 1 < TENSORS ? t[k + 1].first_tile : tiles;
        for (int64_t i = 0; i < COUNT[k]; i++) sum += rt_get(before[k][3], i) * rt_get(before[k][3], i);
        for (int64_t tile = t[k].first_tile; tile < end; tile++) tile_sum += ((double *)square.data)[tile];
        assert_true(fabs(sum - tile_sum) < 1e-12 * sum);
        check_update(&t[k], before[k], k == WITH_COPY ? copy : RT_ABSENT);
    }
    rt_ctx_free(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(cuda_updates_as_the_formula_says)};
    test_choose();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
