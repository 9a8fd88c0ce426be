/* param_test.c - what trains is chosen by name, gets a master copy and a gradient, and nothing else does */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "layer/param.h"
#include "model.h"

static const char CHECKPOINT[] = "tests/data/golden/tiny/tiny.pt", CONFIG[] = "tests/data/golden/tiny/tiny_config.json";

static rt_status open_model(rt_model **model, rt_params *params, rt_precision precision, rt_err *err)
{
    rt_model_options options = {.checkpoint = CHECKPOINT, .opt_config = CONFIG, .params = params, .precision = precision};
    return rt_model_open(model, &options, err);
}

static void a_module_trains_and_the_rest_stays_mapped(void **state)
{
    (void)state;
    rt_params *params;
    rt_model *model;
    rt_err err;
    assert_int_equal(rt_params_create(&params, &err), RT_OK);
    assert_int_equal(rt_params_train(params, "confidence_head", &err), RT_OK);
    assert_int_equal(open_model(&model, params, RT_PRECISION_FP32, &err), RT_OK);
    int64_t expected = 0, bins = 0;
    for (int64_t i = 0; i < rt_weights_count(model->weights); i++) {
        const rt_weight *w = rt_weights_at(model->weights, i);
        if (strncmp(w->name, "confidence_head.", 16) != 0) continue;
        expected += rt_count(w->tensor);
        if (strstr(w->name, "er_bins")) bins += rt_count(w->tensor);   /* stored tables never train */
    }
    assert_true(bins > 0);
    assert_int_equal(rt_params_elements(params), expected - bins);
    rt_param *p = rt_params_find(params, "confidence_head.plddt_weight");
    assert_non_null(p);
    assert_ptr_equal(p->value.data, model->confidence.plddt_weight.data);
    assert_ptr_equal(p->grad.data, model->confidence.dplddt_weight.data);
    const rt_weight *w = rt_weights_find(model->weights, p->name);
    assert_ptr_not_equal(p->value.data, w->tensor.data);
    assert_memory_equal(p->value.data, w->tensor.data, (size_t)rt_bytes(p->value));
    assert_null(model->distogram.linear.dweight.data);
    assert_true(rt_params_any(params, "confidence_head.") && !rt_params_any(params, "pairformer_stack."));
    assert_null(rt_params_find(params, "confidence_head.lower_bins"));
    rt_model_close(model);
    rt_params_free(params);
}

static void rules_that_choose_nothing_are_named(void **state)
{
    (void)state;
    const struct { const char *glob; bool adapter; const char *what; } cases[] = {
        {"confidence_hat.*", false, "'confidence_hat.*' names no weight of the network"},
        {"ribonanza_net.*", false, "'ribonanza_net.*' names only weights that never train"},
        {"confidence_head.upper_bins", false, "names only weights that never train"},
        {"*.linear_x", true, "'*.linear_x' names no linear layer of the network"},
    };
    for (int i = 0; i < 4; i++) {
        rt_params *params;
        rt_model *model;
        rt_err err;
        assert_int_equal(rt_params_create(&params, &err), RT_OK);
        if (cases[i].adapter) assert_int_equal(rt_params_adapt(params, cases[i].glob, 4, 8, 1, &err), RT_OK);
        else assert_int_equal(rt_params_train(params, cases[i].glob, &err), RT_OK);
        assert_int_equal(open_model(&model, params, RT_PRECISION_FP32, &err), RT_ERR_USAGE);
        assert_non_null(strstr(err.what, cases[i].what));
        assert_true(err.hint[0] != 0);
        rt_params_free(params);
    }
}

static void adapters_hang_on_linear_layers(void **state)
{
    (void)state;
    rt_params *params;
    rt_model *model;
    rt_err err;
    assert_int_equal(rt_params_create(&params, &err), RT_OK);
    assert_int_equal(rt_params_adapt(params, "pairformer_stack.*.linear_q", 0, 8, 1, &err), RT_ERR_USAGE);
    assert_int_equal(rt_params_adapt(params, "pairformer_stack.*.attention_pair_bias.attention.linear_q", 4, 8, 1, &err), RT_OK);
    assert_int_equal(open_model(&model, params, RT_PRECISION_FP32, &err), RT_OK);
    assert_int_equal(rt_params_count(params), 2 * model->trunk.pairformer.n_block);
    const rt_linear *q = &model->trunk.pairformer.block[1].attention.q;
    assert_non_null(q->adapter);
    assert_null(q->dweight.data);
    assert_true(q->adapter->scale == 2);
    rt_param *a = rt_params_find(params, "pairformer_stack.blocks.1.attention_pair_bias.attention.linear_q.lora_A");
    rt_param *b = rt_params_find(params, "pairformer_stack.blocks.1.attention_pair_bias.attention.linear_q.lora_B");
    assert_ptr_equal(a->value.data, q->adapter->a.data);
    assert_ptr_equal(b->grad.data, q->adapter->db.data);
    double top = 0, bound = 1 / sqrt((double)rt_last(a->value));
    for (int64_t i = 0; i < rt_count(a->value); i++) top = fmax(top, fabs(rt_get(a->value, i)));
    assert_true(top <= bound && top > bound / 2);
    for (int64_t i = 0; i < rt_count(b->value); i++) assert_true(rt_get(b->value, i) == 0);
    rt_model_close(model);
    rt_params_free(params);
}

static void bf16_copies_follow_the_values(void **state)
{
    (void)state;
    rt_params *params;
    rt_model *model;
    rt_err err;
    assert_int_equal(rt_params_create(&params, &err), RT_OK);
    assert_int_equal(rt_params_train(params, "distogram_head.*", &err), RT_OK);
    assert_int_equal(open_model(&model, params, RT_PRECISION_BF16, &err), RT_OK);
    rt_param *w = rt_params_find(params, "distogram_head.linear.weight");
    rt_param *b = rt_params_find(params, "distogram_head.linear.bias");
    assert_non_null(w->value16.data);
    assert_null(b->value16.data);   /* a bias takes no part in products */
    ((float *)w->value.data)[3] = 1.2345f;
    rt_params_refresh(params);
    assert_int_equal(((uint16_t *)model->distogram.linear.weight16.data)[3], rt_f32_to_bf16(1.2345f));
    ((float *)b->grad.data)[0] = 5;
    rt_params_zero_grad(params, NULL);
    assert_true(((float *)b->grad.data)[0] == 0);
    rt_model_close(model);
    rt_params_free(params);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_module_trains_and_the_rest_stays_mapped),
        cmocka_unit_test(rules_that_choose_nothing_are_named),
        cmocka_unit_test(adapters_hang_on_linear_layers),
        cmocka_unit_test(bf16_copies_follow_the_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
