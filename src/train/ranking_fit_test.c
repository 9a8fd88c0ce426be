/* ranking_fit_test.c - a ranking is learned from differences within targets, judged without its own family, and finds
 * nothing where there is nothing */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rng.h"
#include "train/ranking_fit.h"

enum { PER_TARGET = 12 };

static double draw(uint64_t stream, int64_t element)
{
    rt_rng rng = rt_rng_make(11, stream, 0, RT_DRAW_WEIGHTS);
    return rt_rng_normal(&rng, (uint64_t)element);
}

/* n targets, two of each family.  The quality is signal x (pTM's part + consensus' part) + noise, about a level of its
 * target that pLDDT follows across targets and not within them. */
static rt_selection_data make(int64_t n, double signal, double noise, uint64_t stream)
{
    rt_selection_data d = {.n_family = (n + 1) / 2, .n_target = n};
    d.target = calloc((size_t)n, sizeof *d.target);
    for (int64_t t = 0; t < n; t++) {
        rt_selection_target *target = &d.target[t];
        double level = 0.5 + 0.1 * draw(stream, t);
        target->sample = calloc(PER_TARGET, sizeof *target->sample);
        target->n = PER_TARGET, target->family = t / 2;
        for (int64_t k = 0; k < PER_TARGET; k++) {
            rt_selection_sample *s = &target->sample[k];
            int64_t at = 1000 + 100 * (t * PER_TARGET + k);
            double ptm = draw(stream, at), consensus = draw(stream, at + 1);
            s->score[RT_SELECT_PLDDT] = 100 * level + 3 * draw(stream, at + 2);
            s->score[RT_SELECT_PTM] = 0.4 + 0.1 * ptm;
            s->score[RT_SELECT_GPDE] = 5 + draw(stream, at + 3);
            s->score[RT_SELECT_RANKING_SCORE] = 0.2 * s->score[RT_SELECT_PTM];
            s->clash = fabs(draw(stream, at + 4));
            s->consensus = 0.6 + 0.05 * consensus;
            s->quality = level + signal * (0.6 * ptm + 0.8 * consensus) + noise * draw(stream, at + 5);
            s->lddt = level;
        }
    }
    return d;
}

static double top1(const rt_selection_data *d, int score)
{
    double sum = 0;
    for (int64_t t = 0; t < d->n_target; t++) {
        const rt_selection_sample *s = d->target[t].sample;
        int64_t best = 0;
        double mean = 0;
        for (int64_t k = 0; k < PER_TARGET; k++) {
            mean += s[k].quality / PER_TARGET;
            if (s[k].score[score] > s[best].score[score]) best = k;
        }
        sum += (s[best].quality - mean) / (double)d->n_target;
    }
    return sum;
}

static void what_orders_samples_is_found(void **state)
{
    (void)state;
    rt_err err;
    rt_ranking r;
    rt_selection_data d = make(60, 0.05, 0.02, 1);
    assert_int_equal(rt_ranking_fit(&r, &d, &err), RT_OK);
    print_message("note: weights");
    for (int f = 0; f < RT_RANKING_FEATURES; f++) print_message(" %s %.4f", rt_ranking_feature_name(f), r.weight[f]);
    print_message("; offset %.2f slope %.2f ridge %g\n", r.offset, r.slope, r.ridge);
    assert_true(fabs(r.weight[RT_RANKING_PTM] - 0.03) < 0.004 && fabs(r.weight[RT_RANKING_CONSENSUS] - 0.04) < 0.004);
    /* pLDDT orders targets, not samples: within targets it has no weight to speak of */
    assert_true(fabs(r.weight[RT_RANKING_PLDDT]) < 0.02 && fabs(r.weight[RT_RANKING_GPDE]) < 0.004);
    print_message("note: first choice over the mean: learned %.4f, ptm %.4f, plddt %.4f\n", top1(&d, RT_SELECT_LEARNED),
                  top1(&d, RT_SELECT_PTM), top1(&d, RT_SELECT_PLDDT));
    assert_true(top1(&d, RT_SELECT_LEARNED) > 1.2 * top1(&d, RT_SELECT_PTM));
    assert_true(r.n_target == 60 && r.n_family == 30 && r.n_sample == 60 * PER_TARGET);
    rt_selection_data_free_members(&d);
}

/* Over the samples it was fitted to, the value's mean is the quality's: that is what the curve is for. */
static void the_value_is_the_quality_expected(void **state)
{
    (void)state;
    rt_err err;
    rt_ranking r;
    rt_selection_data d = make(60, 0.05, 0.02, 2);
    assert_int_equal(rt_ranking_fit(&r, &d, &err), RT_OK);
    double value = 0, quality = 0, x[RT_RANKING_FEATURES];
    for (int64_t t = 0; t < d.n_target; t++)
        for (int64_t k = 0; k < PER_TARGET; k++) {
            const rt_selection_sample *s = &d.target[t].sample[k];
            rt_ranking_features(x, s->score[RT_SELECT_PLDDT], s->score[RT_SELECT_PTM], s->score[RT_SELECT_GPDE], s->clash,
                                s->consensus);
            value += rt_ranking_value(&r, x), quality += s->quality;
        }
    print_message("note: mean value %.4f, mean quality %.4f\n", value / r.n_sample, quality / r.n_sample);
    assert_true(fabs(value / quality - 1) < 0.01 && r.slope > 0);
    rt_selection_data_free_members(&d);
}

/* Features that say nothing: judged by rankings of other families, the first choice is as good as any. */
static void nothing_is_found_where_nothing_is(void **state)
{
    (void)state;
    rt_err err;
    double sum = 0, spread = 0;
    enum { SETS = 40 };
    for (uint64_t set = 0; set < SETS; set++) {
        rt_ranking r;
        rt_selection_data d = make(12, 0, 0.05, 100 + set);
        assert_int_equal(rt_ranking_fit(&r, &d, &err), RT_OK);
        double gain = top1(&d, RT_SELECT_LEARNED);
        sum += gain / SETS, spread += gain * gain;
        rt_selection_data_free_members(&d);
    }
    double se = sqrt(spread / SETS / SETS);
    print_message("note: first choice over the mean %.4f, standard error %.4f\n", sum, se);
    assert_true(fabs(sum) < 3 * se);
}

static void one_family_teaches_nothing(void **state)
{
    (void)state;
    rt_err err;
    rt_ranking r;
    rt_selection_data d = make(2, 0.05, 0.02, 3);
    assert_int_equal(rt_ranking_fit(&r, &d, &err), RT_ERR_MISMATCH);
    rt_selection_data_free_members(&d);
    d = make(8, 0, 0, 4);   /* all of a target's samples the same */
    assert_int_equal(rt_ranking_fit(&r, &d, &err), RT_ERR_MISMATCH);
    rt_selection_data_free_members(&d);
}

/* A feature that nobody has, or that is the same everywhere, neither breaks the fit nor gets a weight. */
static void unknown_and_constant_features(void **state)
{
    (void)state;
    rt_err err;
    rt_ranking r;
    rt_selection_data d = make(20, 0.05, 0.02, 5);
    for (int64_t t = 0; t < d.n_target; t++)
        for (int64_t k = 0; k < PER_TARGET; k++)
            d.target[t].sample[k].score[RT_SELECT_GPDE] = NAN, d.target[t].sample[k].clash = 3;
    assert_int_equal(rt_ranking_fit(&r, &d, &err), RT_OK);
    assert_true(r.weight[RT_RANKING_GPDE] == 0 && r.weight[RT_RANKING_CLASH] == 0 && r.weight[RT_RANKING_PTM] > 0.02);
    for (int f = 0; f < RT_RANKING_FEATURES; f++) assert_true(isfinite(r.weight[f]) && r.scale[f] > 0);
    rt_selection_data_free_members(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_orders_samples_is_found),
        cmocka_unit_test(the_value_is_the_quality_expected),
        cmocka_unit_test(nothing_is_found_where_nothing_is),
        cmocka_unit_test(one_family_teaches_nothing),
        cmocka_unit_test(unknown_and_constant_features),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
