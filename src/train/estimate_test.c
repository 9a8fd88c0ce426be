/* estimate_test.c - times between and beyond two measured lengths */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>

#include "train/estimate.h"

static void assert_near(double got, double want) { assert_true(fabs(got / want - 1) < 1e-9); }

static void a_power_goes_through_both_points(void **state)
{
    rt_estimate e = {.tokens = {384, 192}, .seconds = {80, 10}};
    (void)state;
    assert_near(rt_estimate_seconds(&e, 384), 80);
    assert_near(rt_estimate_seconds(&e, 192), 10);
    assert_near(rt_estimate_seconds(&e, 96), 1.25); /* the cube */
    e.seconds[1] = 40;
    assert_near(rt_estimate_seconds(&e, 96), 20); /* in proportion */
}

static void nonsense_is_bounded(void **state)
{
    (void)state;
    rt_estimate steep = {.tokens = {200, 100}, .seconds = {64, 1}}, falling = {.tokens = {200, 100}, .seconds = {1, 2}};
    assert_near(rt_estimate_seconds(&steep, 100), 8); /* no more than the cube */
    assert_near(rt_estimate_seconds(&falling, 20), 1);
}

static void one_length_alone_is_squared(void **state)
{
    (void)state;
    rt_estimate e = {.tokens = {100, 100}, .seconds = {8, 8}};
    assert_near(rt_estimate_seconds(&e, 50), 2);
    assert_near(rt_estimate_seconds(&e, 100), 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_power_goes_through_both_points), cmocka_unit_test(nonsense_is_bounded),
                                       cmocka_unit_test(one_length_alone_is_squared)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
