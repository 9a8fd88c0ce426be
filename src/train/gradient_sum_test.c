/* gradient_sum_test.c - each sample's gradient is added whole, in order, and only when it counts */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "train/gradient_sum.h"
#include "train/train_test.h"

enum { N = 5, SAMPLES = 4 };

static rt_params *make_params(void)
{
    float zero[N] = {0};
    rt_params *params;
    rt_err err;
    test_ok(rt_params_create(&params, &err), &err);
    assert_non_null(rt_params_add(params, "a", RT_PARAM_WEIGHT, RT_F32, RT_WRAP(zero, RT_F32, N), false, &err));
    assert_non_null(rt_params_add(params, "b", RT_PARAM_WEIGHT, RT_F64, RT_WRAP(zero, RT_F32, N - 1), false, &err));
    return params;
}

/* A backward in two parts, as tiles add to a gradient. */
static void add_sample(rt_params *params, int sample)
{
    for (int part = 0; part < 2; part++)
        for (int i = 0; i < N; i++) {
            ((float *)rt_params_at(params, 0)->grad.data)[i] += 0.1f * (float)(i + 1) + 1e-3f * (float)(sample + part);
            if (i < N - 1) ((double *)rt_params_at(params, 1)->grad.data)[i] += 0.3 * i + 1e-7 * (sample + part);
        }
}

static void samples_are_added_whole(void **state)
{
    rt_params *params = make_params();
    rt_gradient_sum *sum;
    rt_err err;
    (void)state;
    assert_int_equal(rt_gradient_sum_bytes(params, 1), 0);
    assert_int_equal(rt_gradient_sum_bytes(params, 2), N * 4 + (N - 1) * 8);
    test_ok(rt_gradient_sum_create(&sum, params, NULL, SAMPLES, &err), &err);
    for (int twice = 0; twice < 2; twice++) { /* a step leaves nothing behind */
        float want[N] = {0}, own[N];
        double want64[N - 1] = {0}, own64[N - 1];
        rt_gradient_sum_begin(sum);
        for (int s = 0; s < SAMPLES; s++) {
            const bool counts = s != 1;
            add_sample(params, s);
            memcpy(own, rt_params_at(params, 0)->grad.data, sizeof own);
            memcpy(own64, rt_params_at(params, 1)->grad.data, sizeof own64);
            for (int i = 0; i < N && counts; i++) want[i] += own[i];
            for (int i = 0; i < N - 1 && counts; i++) want64[i] += own64[i];
            test_ok(rt_gradient_sum_add(sum, &counts, &err), &err);
            assert_true(((float *)rt_params_at(params, 0)->grad.data)[N - 1] == 0);
        }
        rt_gradient_sum_finish(sum);
        assert_memory_equal(rt_params_at(params, 0)->grad.data, want, sizeof want);
        assert_memory_equal(rt_params_at(params, 1)->grad.data, want64, sizeof want64);
        assert_true(want[0] != 0);
    }
    rt_gradient_sum_free(sum);
    rt_params_free(params);
}

/* A step of one sample needs no second place: its gradient stays where it was made. */
static void one_sample_stays(void **state)
{
    rt_params *params = make_params();
    rt_gradient_sum *sum;
    rt_err err;
    const bool counts = true;
    float want[N];
    (void)state;
    test_ok(rt_gradient_sum_create(&sum, params, NULL, 1, &err), &err);
    rt_gradient_sum_begin(sum);
    add_sample(params, 3);
    memcpy(want, rt_params_at(params, 0)->grad.data, sizeof want);
    test_ok(rt_gradient_sum_add(sum, &counts, &err), &err);
    rt_gradient_sum_finish(sum);
    assert_memory_equal(rt_params_at(params, 0)->grad.data, want, sizeof want);
    rt_gradient_sum_begin(sum);
    assert_true(((float *)rt_params_at(params, 0)->grad.data)[0] == 0);
    rt_gradient_sum_free(sum);
    rt_params_free(params);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(samples_are_added_whole), cmocka_unit_test(one_sample_stays)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
