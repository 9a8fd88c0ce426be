/* choose_test.c - rules on planted candidates whose right choice is known */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "ship/choose.h"

enum { N = 12, MOST = 5 };

static void assert_chosen(const int64_t *chosen, int64_t n, const int64_t *expected, int64_t n_expected)
{
    assert_int_equal(n, n_expected);
    for (int64_t i = 0; i < n; i++)
        if (chosen[i] != expected[i]) fail_msg("place %d: %d, not %d", (int)i, (int)chosen[i], (int)expected[i]);
}

/* Groups of candidates: TM 0.9 within a group, `between` elsewhere. */
static void plant(double tm[N * N], const int group[N], double between)
{
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) tm[i * N + j] = i == j ? 1 : group[i] == group[j] ? .9 : between;
}

static void by_score(void **state)
{
    (void)state;
    rt_err err;
    int64_t chosen[MOST], n;
    const double score[6] = {.5, NAN, .7, .5, .9, .7};
    assert_int_equal(rt_choose_by_score(chosen, &n, score, false, 6, 4, &err), RT_OK);
    assert_chosen(chosen, n, (int64_t[]){4, 2, 5, 0}, 4);   /* equal ones: the first */
    assert_int_equal(rt_choose_by_score(chosen, &n, score, true, 6, 4, &err), RT_OK);
    assert_chosen(chosen, n, (int64_t[]){0, 3, 2, 5}, 4);
    assert_int_equal(rt_choose_by_score(chosen, &n, score, false, 2, 5, &err), RT_OK);
    assert_chosen(chosen, n, (int64_t[]){0}, 1);            /* what has no score is not chosen */
}

static const int GROUPS[N] = {0, 1, 1, 1, 1, 1, 2, 2, 2, 3, 3, 4};   /* of 1, 5, 3, 2 and 1 */

static void consensus(void **state)
{
    (void)state;
    rt_err err;
    int64_t chosen[MOST], n;
    double tm[N * N];
    plant(tm, GROUPS, .3);
    assert_int_equal(rt_choose_by_likeness(chosen, &n, tm, NULL, N, 3, &err), RT_OK);
    assert_chosen(chosen, n, (int64_t[]){1, 6, 9}, 3);      /* one of each of the largest groups, largest first */
    assert_int_equal(rt_choose_by_likeness(chosen, &n, tm, NULL, 2, 3, &err), RT_OK);
    assert_chosen(chosen, n, (int64_t[]){0, 1}, 2);
}

/* The most confident candidate is like no other: it has the last place, and those before it go to groups; confidence alone
 * takes two of one group. */
static void mixed(void **state)
{
    (void)state;
    rt_err err;
    int64_t chosen[MOST], n;
    double tm[N * N];
    const double confidence[N] = {9.5, 5, 5, 9.2, 9.1, 5, 5, 5, 5, 1, 1, 1};
    plant(tm, GROUPS, .3);
    assert_int_equal(rt_choose_by_likeness(chosen, &n, tm, confidence, N, 3, &err), RT_OK);
    assert_chosen(chosen, n, (int64_t[]){3, 6, 0}, 3);
    assert_int_equal(rt_choose_by_score(chosen, &n, confidence, false, N, 3, &err), RT_OK);
    assert_chosen(chosen, n, (int64_t[]){0, 3, 4}, 3);
}

/* Outside candidates have no confidence: they count as much as one of ours does on average. */
static void outside(void **state)
{
    (void)state;
    rt_err err;
    int64_t chosen[MOST], n;
    double tm[N * N], weight[N], sum = 0;
    const double confidence[N] = {7, 9, 9, 5, 5, 5, NAN, NAN, NAN, NAN, NAN, NAN};
    const int group[N] = {0, 1, 1, 2, 3, 4, 5, 5, 5, 5, 5, 5};
    plant(tm, group, .3);
    rt_choose_weights(weight, confidence, N);
    for (int i = 0; i < 6; i++) sum += weight[i];
    for (int i = 6; i < N; i++) assert_true(fabs(weight[i] - sum / 6) < 1e-12);
    assert_true(weight[1] > weight[0] && weight[0] > weight[3]);
    assert_int_equal(rt_choose_by_likeness(chosen, &n, tm, confidence, N, 2, &err), RT_OK);
    assert_chosen(chosen, n, (int64_t[]){6, 1}, 2);
    const double none[N] = {[0 ... N - 1] = NAN};
    rt_choose_weights(weight, none, N);
    for (int i = 0; i < N; i++) assert_true(weight[i] == 1);
    const double flat[N] = {[0 ... N - 1] = .1 + .2};
    rt_choose_weights(weight, flat, N);
    for (int i = 0; i < N; i++) assert_true(weight[i] == 1);
}

/* Against all choices of 4 of 12, and the order against the definition. */
static void against_all(void **state)
{
    (void)state;
    int n_sure = 0;
    for (uint64_t trial = 0; trial < 20; trial++) {
        rt_err err;
        double tm[N * N], confidence[N], weight[N], best = 0, reached = 0, single = 0;
        int64_t chosen[MOST], n;
        rt_rng rng = rt_rng_make(7, trial, 0, RT_DRAW_WEIGHTS);
        for (int i = 0; i < N; i++) {
            confidence[i] = rt_rng_uniform(&rng, (uint64_t)i);
            for (int j = 0; j <= i; j++)
                tm[i * N + j] = tm[j * N + i] = i == j ? 1 : rt_rng_uniform(&rng, (uint64_t)(N * (i + 1) + j));
        }
        rt_choose_weights(weight, confidence, N);
        assert_int_equal(rt_choose_by_likeness(chosen, &n, tm, confidence, N, 4, &err), RT_OK);
        for (int i = 0; i < N; i++) {   /* nobody vouches for himself */
            tm[i * N + i] = 0;
            for (int j = 0; j < N; j++) tm[i * N + i] = fmax(tm[i * N + i], j == i ? 0 : tm[i * N + j]);
            tm[i * N + i] += 1e-6;
        }
        for (unsigned set = 0; set < 1u << N; set++) {
            double sum = 0;
            if (__builtin_popcount(set) != 4) continue;
            for (int i = 0; i < N; i++) {
                double most = 0;
                for (int j = 0; j < N; j++)
                    if (set >> j & 1) most = fmax(most, tm[i * N + j]);
                sum += weight[i] * most;
            }
            best = fmax(best, sum);
        }
        for (int i = 0; i < N; i++) {
            double most = 0;
            for (int m = 0; m < 4; m++) most = fmax(most, tm[i * N + chosen[m]]);
            reached += weight[i] * most;
        }
        int sure = 0;
        for (int i = 0; i < N; i++) sure = confidence[i] > confidence[sure] ? i : sure;
        n_sure += chosen[3] == sure;
        assert_true(chosen[0] == sure || chosen[1] == sure || chosen[2] == sure || chosen[3] == sure);
        if (chosen[3] != sure) assert_true(fabs(best - reached) < 1e-9);   /* else it may have taken a better one's place */
        else assert_true(reached <= best + 1e-9);
        for (int m = 0; m < 4; m++) {
            double sum = 0;
            for (int i = 0; i < N; i++) sum += weight[i] * tm[i * N + chosen[m]];
            if (m == 0) single = sum;
            assert_true(sum <= single + 1e-9 || (m == 3 && chosen[3] == sure));
        }
    }
    assert_true(n_sure < 15);   /* the sum was compared */
}

static void names(void **state)
{
    (void)state;
    for (int rule = 0; rule < RT_RULES; rule++) assert_int_equal(rt_rule_find(rt_rule_name(rule)), rule);
    assert_int_equal(rt_rule_find("best"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(by_score), cmocka_unit_test(consensus), cmocka_unit_test(mixed),
                                       cmocka_unit_test(outside), cmocka_unit_test(against_all), cmocka_unit_test(names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
