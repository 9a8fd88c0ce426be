/* bootstrap_test.c - intervals against NumPy, their coverage by simulation, power by simulation, time
 *
 * RT_STRESS=1 (make stress) takes 10,000 resamples and all shapes of noise; otherwise 499 and normal noise.  WRAP says
 * that the program runs under Valgrind: fewer data sets then, and no time is measured.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/memory.h"
#include "base/rng.h"
#include "score/bootstrap.h"
#include "score/power.h"

static const double VALUE[20] = {.031, -.012, .004, .050, .022, -.007, .018, .009, -.003, .041,
                                 .015, .027, .15, -.02, .06, .08, .01, .002, -.03, .09};
static const int64_t FAMILY[20] = {0, 0, 0, 1, 1, 2, 3, 3, 3, 3, 4, 5, 5, 6, 7, 7, 8, 9, 9, 9};

static void assert_within(double value, double expected, double bound)
{
    if (!(fabs(value - expected) <= bound)) fail_msg("%.12g is not %.12g", value, expected);
}

/* NumPy, a million resamples of another generator: what remains is the noise of 200,000. */
static void fixed_example(void **state)
{
    (void)state;
    rt_bootstrap b;
    double low, high;
    rt_bootstrap_options options = {RT_BOOTSTRAP_STUDENTISED, 200000, 1, 0};
    assert_int_equal(rt_bootstrap_run(&b, VALUE, FAMILY, 20, 10, &options, NULL), RT_OK);
    rt_bootstrap_interval(&b, .95, &low, &high);
    assert_within(b.mean, 0.02685, 1e-15);
    assert_within(b.se, 0.009536310757570457, 1e-15);
    assert_within(low, -0.00736090013558165, 6e-4);
    assert_within(high, 0.061060900135581644, 6e-4);
    assert_within(rt_bootstrap_p(&b), 0.078833, 2e-3);
    rt_bootstrap_free_members(&b);

    options.method = RT_BOOTSTRAP_BCA;
    assert_int_equal(rt_bootstrap_run(&b, VALUE, FAMILY, 20, 10, &options, NULL), RT_OK);
    rt_bootstrap_interval(&b, .95, &low, &high);
    assert_within(b.acceleration, 0.05893641835892122, 1e-14);
    assert_within(b.bias, 0.06037245, 8e-3);
    assert_within(low, 0.01289473684210526, 3e-4);
    assert_within(high, 0.05135714285714284, 6e-4);
    assert_true(isnan(rt_bootstrap_p(&b)));
    rt_bootstrap_free_members(&b);

    int64_t own[20];   /* each its own family: scipy.stats.bootstrap(method='BCa') */
    for (int i = 0; i < 20; i++) own[i] = i;
    assert_int_equal(rt_bootstrap_run(&b, VALUE, own, 20, 20, &options, NULL), RT_OK);
    rt_bootstrap_interval(&b, .95, &low, &high);
    assert_within(b.se, 0.009568114536807847, 1e-15);
    assert_within(low, 0.0119, 2e-4);
    assert_within(high, 0.04965, 4e-4);
    rt_bootstrap_free_members(&b);
}

static void corners(void **state)
{
    (void)state;
    const double same[4] = {.5, .5, .5, .5}, zero[4] = {0, 0, 0, 0};
    const int64_t one[4] = {0, 0, 0, 0}, two[4] = {0, 0, 0, 1};
    rt_bootstrap b;
    double low, high;
    for (int method = 0; method < 2; method++) {
        rt_bootstrap_options options = {(rt_bootstrap_method)method, 100, 1, 0};
        assert_int_equal(rt_bootstrap_run(&b, VALUE, one, 4, 1, &options, NULL), RT_OK);
        rt_bootstrap_interval(&b, .95, &low, &high);
        assert_true(low == -INFINITY && high == INFINITY && isnan(b.se) && isnan(rt_bootstrap_p(&b)));
        rt_bootstrap_free_members(&b);
        assert_int_equal(rt_bootstrap_run(&b, same, two, 4, 2, &options, NULL), RT_OK);
        rt_bootstrap_interval(&b, .95, &low, &high);
        assert_true(low == .5 && high == .5 && b.se == 0);
        rt_bootstrap_free_members(&b);
        assert_int_equal(rt_bootstrap_run(&b, zero, two, 4, 2, &options, NULL), RT_OK);
        if (method == 0) assert_true(rt_bootstrap_p(&b) == 1);
        rt_bootstrap_free_members(&b);
        assert_int_equal(rt_bootstrap_run(&b, VALUE, two, 4, 2, &options, NULL), RT_OK);
        rt_bootstrap_interval(&b, .95, &low, &high);   /* two families: half of the resamples have no error */
        if (method == 0) assert_true(low == -INFINITY && high == INFINITY);
        else assert_true(low <= b.mean && high >= b.mean);
        rt_bootstrap_free_members(&b);
    }
}

static void draws_are_fair_and_repeatable(void **state)
{
    (void)state;
    enum { G = 7, RESAMPLES = 20000 };
    rt_bootstrap_options options = {RT_BOOTSTRAP_STUDENTISED, RESAMPLES, 5, 2};
    int32_t count[G], again[G];
    double total[G] = {0}, square = 0;
    for (int r = 0; r < RESAMPLES; r++) {
        int sum = 0;
        rt_bootstrap_draw(count, G, &options, r);
        rt_bootstrap_draw(again, G, &options, r);
        for (int g = 0; g < G; g++) {
            total[g] += count[g], sum += count[g];
            square += (count[g] - 1.0) * (count[g] - 1.0);
            assert_int_equal(count[g], again[g]);
        }
        assert_int_equal(sum, G);
    }
    for (int g = 0; g < G; g++) assert_within(total[g] / RESAMPLES, 1, .03);
    assert_within(square / RESAMPLES / G, 1 - 1. / G, .02);   /* a multinomial count's variance */
}

enum { NORMAL, HEAVY, SKEWED };

/* Variance 1 and mean 0. */
static double noise(int shape, const rt_rng *rng, uint64_t element)
{
    double z = rt_rng_normal(rng, 8 * element), chi = 0;
    if (shape == NORMAL) return z;
    if (shape == SKEWED) return -log(1 - rt_rng_uniform(rng, 8 * element)) - 1;
    for (uint64_t i = 1; i < 4; i++) {
        double q = rt_rng_normal(rng, 8 * element + i);
        chi += q * q;
    }
    return z / sqrt(chi);   /* Student's t with 3 degrees of freedom has variance 3 */
}

enum { MAX_FAMILY = 20, MAX_FAMILIES = 500 };
static double value[MAX_FAMILY * MAX_FAMILIES];
static int64_t family[MAX_FAMILY * MAX_FAMILIES];

/* Families of 1 to 20 targets (rounded lognormal, mean about 2.2) that share 40% of the variance; returns n. */
static int64_t simulate(int shape, int64_t n_family, uint64_t set, double mean)
{
    int64_t n = 0;
    rt_rng rng = rt_rng_make(7, (uint64_t)n_family, set, RT_DRAW_WEIGHTS);
    for (int64_t g = 0; g < n_family; g++) {
        int size = 1 + (int)exp(rt_rng_normal(&rng, 1000000000 + (uint64_t)g));
        double shared = sqrt(.4) * noise(shape, &rng, 500000 + (uint64_t)g);
        for (int i = 0; i < (size < MAX_FAMILY ? size : MAX_FAMILY); i++, n++) {
            family[n] = g;
            value[n] = mean + shared + sqrt(.6) * noise(shape, &rng, (uint64_t)n);
        }
    }
    return n;
}

static bool stressed(void) { return getenv("RT_STRESS") != NULL; }
static bool wrapped(void) { return getenv("WRAP") && getenv("WRAP")[0]; }

/* Share of data sets without a true difference whose 95% interval covers zero. */
static double coverage(rt_bootstrap_method method, int shape, int64_t n_family, int n_set)
{
    int covered = 0;
    for (int set = 0; set < n_set; set++) {
        rt_bootstrap b;
        double low, high;
        rt_bootstrap_options options = {method, stressed() ? 10000 : 499, (uint64_t)set, 1};
        int64_t n = simulate(shape, n_family, (uint64_t)set, 0);
        assert_int_equal(rt_bootstrap_run(&b, value, family, n, n_family, &options, NULL), RT_OK);
        rt_bootstrap_interval(&b, .95, &low, &high);
        covered += low <= 0 && high >= 0;
        rt_bootstrap_free_members(&b);
    }
    return (double)covered / n_set;
}

static void interval_covers(void **state)
{
    (void)state;
    static const char *const SHAPES[] = {"normal", "Student's t, 3 df", "exponential"};
    static const int64_t N_FAMILY[] = {25, 47, 200};
    int n_set = wrapped() ? 20 : 1000;
    for (int shape = 0; shape < (stressed() ? 3 : 1); shape++) {
        for (int i = 0; i < 3; i++) {
            double share = coverage(RT_BOOTSTRAP_STUDENTISED, shape, N_FAMILY[i], n_set);
            printf("note: %s differences, %d families, %d data sets: the 95%% interval covers zero in %.1f%%\n",
                   SHAPES[shape], (int)N_FAMILY[i], n_set, 100 * share);
            if (shape == NORMAL && i > 0 && !wrapped()) assert_true(share >= .93 && share <= .97);
            if (!wrapped()) assert_true(share >= .91 && share <= .985);
            if (stressed())
                printf("note:   BCa %.1f%%\n", 100 * coverage(RT_BOOTSTRAP_BCA, shape, N_FAMILY[i], n_set));
        }
    }
}

/* SciPy's f_oneway gives the same between/within, 1.0528504908. */
static void components(void **state)
{
    (void)state;
    rt_power p;
    assert_int_equal(rt_power_find(&p, VALUE, FAMILY, 20, 10, NULL), RT_OK);
    assert_within(p.var_target, 0.0017862583333333334, 1e-15);
    assert_within(p.var_family, 4.855095238095217e-05, 1e-15);
    assert_within(p.per_family, 0.0009538178571428569, 1e-15);
    assert_within(p.effective, 0.7827337942298114, 1e-12);
    assert_within(rt_power_effect(&p, 10, .05, .8), 0.031977868603360965, 1e-12);
    assert_int_equal(rt_power_families(&p, .02, .05, .8), 22);
    assert_int_equal(rt_power_families(&p, .05, .05, .8), 6);
    assert_int_equal(rt_power_families(&p, 1e-9, .05, .8), RT_POWER_MANY);
    const int64_t own[3] = {0, 1, 2}, one[3] = {0, 0, 0};
    assert_int_equal(rt_power_find(&p, VALUE, own, 3, 3, NULL), RT_OK);
    assert_within(p.per_family, (.0233333333 * .0233333333 + .0196666667 * .0196666667 + .0036666667 * .0036666667) / 2,
                  1e-10);
    assert_int_equal(rt_power_find(&p, VALUE, one, 3, 1, NULL), RT_OK);
    assert_true(isnan(rt_power_effect(&p, 1, .05, .8)));
    assert_int_equal(rt_power_families(&p, .02, .05, .8), RT_POWER_MANY);
}

/* A true difference of the size that the formula calls detectable is found in about 80% of data sets, and the
 * components come out as they went in. */
static void power_is_what_it_says(void **state)
{
    (void)state;
    int found = 0, n_set = wrapped() ? 10 : 600;
    double shared = 0, own = 0, effect = 0;
    for (int set = 0; set < n_set; set++) {
        rt_power p;
        int64_t n = simulate(NORMAL, 47, (uint64_t)set, 0);
        assert_int_equal(rt_power_find(&p, value, family, n, 47, NULL), RT_OK);
        shared += p.var_family / n_set, own += p.var_target / n_set;
        effect += rt_power_effect(&p, 47, .05, .8) / n_set;
    }
    for (int set = 0; set < n_set; set++) {
        rt_bootstrap b;
        rt_bootstrap_options options = {RT_BOOTSTRAP_STUDENTISED, 499, (uint64_t)set, 3};
        int64_t n = simulate(NORMAL, 47, (uint64_t)(100000 + set), effect);
        assert_int_equal(rt_bootstrap_run(&b, value, family, n, 47, &options, NULL), RT_OK);
        found += rt_bootstrap_p(&b) <= .05;
        rt_bootstrap_free_members(&b);
    }
    printf("note: an effect of the minimum detectable size is found in %.1f%% of %d data sets (80%% wanted)\n",
           100. * found / n_set, n_set);
    if (wrapped()) return;
    assert_within(shared, .4, .03);
    assert_within(own, .6, .03);
    assert_within((double)found / n_set, .8, .06);
}

static void time_taken(void **state)
{
    (void)state;
    rt_bootstrap b;
    rt_bootstrap_options options = {RT_BOOTSTRAP_STUDENTISED, wrapped() ? 10 : 10000, 42, 0};
    for (int i = 0; i < 500; i++) family[i] = i, value[i] = sin(i);
    clock_t begun = clock();
    assert_int_equal(rt_bootstrap_run(&b, value, family, 500, 500, &options, NULL), RT_OK);
    double seconds = (double)(clock() - begun) / CLOCKS_PER_SEC;
    rt_bootstrap_free_members(&b);
    if (wrapped()) return;
    printf("note: 10,000 resamples of 500 targets in 500 families: %.3f s\n", seconds);
#ifndef __SANITIZE_ADDRESS__
    assert_true(seconds < 1);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fixed_example), cmocka_unit_test(corners), cmocka_unit_test(draws_are_fair_and_repeatable),
        cmocka_unit_test(interval_covers), cmocka_unit_test(components), cmocka_unit_test(power_is_what_it_says),
        cmocka_unit_test(time_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
