/* distribution_test.c - values of SciPy 1.17 (scipy.stats t, norm, binom) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>

#include "score/distribution.h"

static void assert_near(double value, double expected, double relative)
{
    if (!(fabs(value - expected) <= relative * fabs(expected))) fail_msg("%.17g is not %.17g", value, expected);
}

static void t_distribution(void **state)
{
    (void)state;
    assert_near(rt_t_cdf(2.0, 3), 0.9303370157205785, 1e-13);
    assert_near(rt_t_cdf(-1.5, 10), 0.08225366322272007, 1e-12);
    assert_near(rt_t_cdf(0.1, 0.5), 0.5268341894356968, 1e-13);
    assert_near(rt_t_cdf(-12, 4), 0.0001382142742514865, 1e-12);
    assert_near(rt_t_cdf(3.3, 199), 0.9994271691195247, 1e-13);
    assert_near(rt_t_cdf(-40, 46), 1.0929749988419417e-37, 1e-11);
    assert_true(rt_t_cdf(0, 5) == 0.5 && rt_t_cdf(INFINITY, 5) == 1 && isnan(rt_t_cdf(1, 0)));
    assert_near(rt_t_quantile(.975, 46), 2.012895598919429, 1e-12);
    assert_near(rt_t_quantile(.8, 46), 0.8495051144919823, 1e-12);
    assert_near(rt_t_quantile(.975, 1), 12.706204736174694, 1e-12);
    assert_near(rt_t_quantile(.001, 7.5), -4.6303190940341015, 1e-12);
}

static void normal_distribution(void **state)
{
    (void)state;
    assert_near(rt_normal_cdf(-8), 6.22096057427174e-16, 1e-12);
    assert_near(rt_normal_cdf(-1.96), 0.024997895148220435, 1e-13);
    assert_near(rt_normal_cdf(0.3), 0.6179114221889526, 1e-13);
    assert_near(rt_normal_quantile(1e-10), -6.361340902404056, 1e-12);
    assert_near(rt_normal_quantile(.025), -1.9599639845400545, 1e-12);
    assert_near(rt_normal_quantile(.6), 0.2533471031357997, 1e-12);
    assert_true(rt_normal_quantile(0) == -INFINITY && rt_normal_quantile(1) == INFINITY);
    assert_true(isnan(rt_normal_quantile(1.5)) && isnan(rt_normal_quantile(NAN)));
}

static void coins(void **state)
{
    (void)state;
    assert_near(rt_coin_cdf(3, 12), 0.072998046875, 1e-12);
    assert_near(rt_coin_cdf(9, 12), 0.980712890625, 1e-12);
    assert_near(rt_coin_cdf(200, 500), 4.470033271126644e-06, 1e-10);
    assert_near(rt_coin_cdf(0, 5), 0.03125, 1e-12);
    assert_near(rt_coin_cdf(49, 100), 0.46020538130641103, 1e-11);
    assert_true(rt_coin_cdf(-1, 5) == 0 && rt_coin_cdf(5, 5) == 1 && rt_coin_cdf(0, 0) == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_distribution),
        cmocka_unit_test(normal_distribution),
        cmocka_unit_test(coins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
