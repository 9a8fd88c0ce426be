/* calibration_test.c - Spearman against SciPy 1.17 (spearmanr), calibration by hand */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>

#include "score/calibration.h"

static double spearman(const double *x, const double *y, int64_t n)
{
    double out;
    assert_int_equal(rt_calibration_spearman(&out, x, y, n, NULL), RT_OK);
    return out;
}

static void ranks(void **state)
{
    (void)state;
    const double x[] = {1, 2, 2, 3, 5, 5, 5, 8, 9, 10}, y[] = {2, 1, 3, 3, 4, 9, 5, 7, 7, 6}, flat[10] = {0};
    assert_true(fabs(spearman(x, y, 10) - 0.8080843912832267) < 1e-14);
    assert_true(spearman(x, x, 10) == 1);
    assert_true(isnan(spearman(x, flat, 10)) && isnan(spearman(x, y, 1)) && isnan(spearman(x, y, 0)));
}

static void bins(void **state)
{
    (void)state;
    const double predicted[] = {.95, 1, .91, .42, .48, .05}, observed[] = {.9, .8, .7, .5, .5, .1};
    rt_calibration c;
    rt_calibration_find(&c, predicted, observed, 6);
    assert_int_equal(c.bin[9].n, 3);
    assert_int_equal(c.bin[4].n, 2);
    assert_int_equal(c.bin[0].n, 1);
    assert_true(fabs(c.bin[9].predicted - 2.86 / 3) < 1e-14 && fabs(c.bin[9].observed - .8) < 1e-14);
    assert_true(isnan(c.bin[5].predicted) && c.bin[5].low == .5 && c.bin[5].high == .6);
    assert_true(fabs(c.expected_error - (.46 + .10 + .05) / 6) < 1e-14);
    assert_true(fabs(c.bias - (.46 - .10 - .05) / 6) < 1e-14);
    assert_true(fabs(c.mean_absolute - (.05 + .2 + .21 + .08 + .02 + .05) / 6) < 1e-14);
    rt_calibration_find(&c, predicted, observed, 0);
    assert_true(isnan(c.expected_error) && c.n == 0);
    assert_true(rt_calibration_bin_of(-3) == 0 && rt_calibration_bin_of(7) == 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(ranks), cmocka_unit_test(bins)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
