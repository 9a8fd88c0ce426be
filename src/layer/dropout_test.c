/* dropout_test.c - masks are a function of their key, scaled to keep the mean, and absent where nothing trains */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "layer/dropout.h"
#include "model.h"

static void masks_follow_their_key(void **state)
{
    (void)state;
    rt_ctx *ctx;
    assert_int_equal(rt_ctx_create(&ctx, RT_BACKEND_CPU, 1, 1 << 24, NULL), RT_OK);
    assert_null(rt_dropout_mask(ctx, 0.25, 8, 8).data);   /* no key: off */
    struct rt_dropout key = {.seed = 4, .step = 7};
    ctx->dropout = &key;
    assert_null(rt_dropout_mask(ctx, 0, 8, 8).data);
    assert_int_equal(key.site, 0);
    rt_tensor first = rt_dropout_mask(ctx, 0.25, 200, 128), second = rt_dropout_mask(ctx, 0.25, 200, 128);
    assert_int_equal(key.site, 2);
    key.site = 0;
    rt_tensor again = rt_dropout_mask(ctx, 0.25, 200, 128);
    assert_memory_equal(first.data, again.data, (size_t)rt_bytes(first));
    assert_memory_not_equal(first.data, second.data, (size_t)rt_bytes(first));
    key = (struct rt_dropout){.seed = 4, .step = 8};
    rt_tensor other = rt_dropout_mask(ctx, 0.25, 200, 128);
    assert_memory_not_equal(first.data, other.data, (size_t)rt_bytes(first));
    double sum = 0;
    for (int64_t i = 0; i < rt_count(first); i++) {
        double value = rt_get(first, i);
        assert_true(value == 0 || fabs(value - 4.0 / 3) < 1e-6);
        sum += value;
    }
    assert_true(fabs(sum / 25600 - 1) < 0.02);   /* 5 standard deviations */
    rt_ctx_free(ctx);
}

static void an_update_is_dropped_and_its_gradient_too(void **state)
{
    (void)state;
    rt_ctx *ctx;
    assert_int_equal(rt_ctx_create(&ctx, RT_BACKEND_REF64, 1, 1 << 20, NULL), RT_OK);
    rt_tensor x = RT_NEW(ctx, 2, 1, 2), before = RT_NEW(ctx, 2, 1, 2), mask = RT_NEW(ctx, 1, 2);
    memcpy(x.data, (double[]){3, 4, 5, 6}, 4 * sizeof(double));
    memcpy(before.data, (double[]){1, 1, 1, 1}, 4 * sizeof(double));
    memcpy(mask.data, (double[]){0, 2}, 2 * sizeof(double));
    rt_dropout_apply(ctx, x, before, mask);
    assert_memory_equal(x.data, ((double[]){1, 7, 1, 11}), 4 * sizeof(double));
    rt_tensor through = rt_dropout_begin(ctx, x, mask);
    assert_memory_equal(through.data, ((double[]){0, 14, 0, 22}), 4 * sizeof(double));
    rt_dropout_end(ctx, x, through, mask);   /* an update that passes its gradient on: the residual's stays */
    assert_memory_equal(x.data, ((double[]){1, 7, 1, 11}), 4 * sizeof(double));
    rt_ctx_free(ctx);
}

/* A block that trains itself; one with adapters only when that is asked for. */
static void only_blocks_that_train_drop(void **state)
{
    static const char GLOB[] = "pairformer_stack.blocks.1.tri_att_*.linear_q";
    (void)state;
    for (int way = 0; way < 3; way++) {
        rt_params *params;
        rt_model *model;
        assert_int_equal(rt_params_create(&params, NULL), RT_OK);
        if (way == 0) assert_int_equal(rt_params_train(params, "pairformer_stack.blocks.1", NULL), RT_OK);
        else assert_int_equal(rt_params_adapt(params, GLOB, 2, 4, 1, NULL), RT_OK);
        rt_params_set_dropout(params, 0, way == 1);
        rt_model_options options = {.checkpoint = "tests/data/golden/tiny/tiny.pt", .params = params};
        assert_int_equal(rt_model_open(&model, &options, NULL), RT_OK);
        assert_true(model->trunk.pairformer.block[0].pair.dropout == 0);
        assert_true(model->trunk.pairformer.block[1].pair.dropout == (way < 2 ? 0.25 : 0));
        assert_true(model->trunk.msa.block[0].pair.dropout == 0 && model->trunk.msa.block[0].dropout == 0);
        rt_model_close(model);
        rt_params_free(params);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(masks_follow_their_key),
        cmocka_unit_test(an_update_is_dropped_and_its_gradient_too),
        cmocka_unit_test(only_blocks_that_train_drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
