/* signed_rank_test.c - SciPy 1.17's wilcoxon (exact; with ties by all 2^n permutations) and binomtest */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>

#include "score/signed_rank.h"

static rt_signed_rank test_of(const double *difference, int64_t n)
{
    rt_signed_rank t;
    assert_int_equal(rt_signed_rank_run(&t, difference, n, NULL), RT_OK);
    return t;
}

static void assert_near(double value, double expected)
{
    if (!(fabs(value - expected) <= 1e-11 * fabs(expected))) fail_msg("%.17g is not %.17g", value, expected);
}

static void without_ties(void **state)
{
    (void)state;
    const double d[] = {.031, -.012, .004, .050, .022, -.007, .018, .009, -.003, .041, .015, .027};
    rt_signed_rank t = test_of(d, 12);
    assert_int_equal(t.n_plus, 9);
    assert_int_equal(t.n_minus, 3);
    assert_near(t.w_minus, 9);
    assert_near(t.w_plus, 69);
    assert_near(t.wilcoxon_p, 0.01611328125);
    assert_near(t.sign_p, 0.14599609375);
    double f[50];
    for (int i = 0; i < 50; i++) f[i] = sin(i * i + 1.) + .25;
    t = test_of(f, 50);
    assert_near(t.w_minus, 311);
    assert_near(t.wilcoxon_p, 0.001282241835095732);
    assert_near(t.sign_p, 0.11892045255943628);
    for (int i = 0; i < 50; i++) f[i] = -f[i];   /* two-sided: the other direction is the same */
    assert_near(test_of(f, 50).wilcoxon_p, 0.001282241835095732);
}

static void with_ties_and_zeros(void **state)
{
    (void)state;
    const double d[] = {3, -1, 2, 2, -2, 5, 0, 1, 4, -3, 3, 1, 0, 7};
    rt_signed_rank t = test_of(d, 14);
    assert_int_equal(t.n, 12);
    assert_int_equal(t.n_zero, 2);
    assert_near(t.w_minus, 15);
    assert_near(t.wilcoxon_p, 0.06591796875);
    assert_near(t.sign_p, 0.14599609375);
    assert_true(t.wilcoxon_exact);
}

static void many(void **state)
{
    (void)state;
    double d[1000];
    for (int i = 0; i < 401; i++) d[i] = sin((double)i * i + 1) + .1;
    rt_signed_rank t = test_of(d, 401);
    assert_false(t.wilcoxon_exact);
    assert_near(t.wilcoxon_p, 0.0014396978528097217);
    assert_near(t.sign_p, 0.7645060846379339);
    t = test_of(d, 400);
    assert_true(t.wilcoxon_exact);
    assert_near(t.wilcoxon_p, 0.0013156438896095857);
    for (int i = 0; i < 1000; i++) d[i] = nearbyint((sin((double)i * i + 1) + .05) * 20) / 20;
    t = test_of(d, 1000);
    assert_int_equal(t.n, 990);
    assert_near(t.w_minus, 212979);
    assert_near(t.wilcoxon_p, 0.0003300452240834944);
}

static void nothing_to_see(void **state)
{
    (void)state;
    const double d[] = {0, 0, 0}, one[] = {-4};
    rt_signed_rank t = test_of(d, 3);
    assert_true(t.wilcoxon_p == 1 && t.sign_p == 1 && t.n_zero == 3);
    t = test_of(d, 0);
    assert_true(t.wilcoxon_p == 1 && t.sign_p == 1);
    t = test_of(one, 1);
    assert_true(t.wilcoxon_p == 1 && t.sign_p == 1 && t.w_minus == 1);
}

/* Over all patterns of signs, the p value's distribution is what a p value promises: P(p <= a) <= a. */
static void level_is_kept(void **state)
{
    (void)state;
    const double size[] = {1, 1, 2, 3, 3, 3, 5, 8, 9, 9};
    for (double alpha = .01; alpha < .5; alpha *= 1.5) {
        int wilcoxon = 0, sign = 0;
        for (int pattern = 0; pattern < 1024; pattern++) {
            double d[10];
            for (int i = 0; i < 10; i++) d[i] = pattern >> i & 1 ? size[i] : -size[i];
            rt_signed_rank t = test_of(d, 10);
            wilcoxon += t.wilcoxon_p <= alpha;
            sign += t.sign_p <= alpha;
        }
        assert_true(wilcoxon <= 1024 * alpha + 1e-9 && sign <= 1024 * alpha + 1e-9);
        if (alpha > .05) assert_true(wilcoxon > 1024 * alpha * .6);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_ties), cmocka_unit_test(with_ties_and_zeros), cmocka_unit_test(many),
        cmocka_unit_test(nothing_to_see), cmocka_unit_test(level_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
