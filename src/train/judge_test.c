/* judge_test.c - the truth about a structure, and what the head says of it, are what they are elsewhere */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "train/judge.h"
#include "train/step_bench.h"

enum { K = 3 };

/* Structure 0 is the answer, turned round and moved; 1 and 2 are further and further from it. */
static rt_tensor make_structures(bench *b)
{
    int64_t atoms = b->features.n_atom;
    rt_tensor x = RT_NEW(b->ctx, K, atoms, 3);
    rt_rng rng = rt_rng_make(1, 2, 3, RT_DRAW_WEIGHTS);
    float *to = x.data;
    const float *y = b->label.coordinate.data;
    for (int64_t k = 0; k < K; k++)
        for (int64_t a = 0; a < atoms; a++) {
            const float turned[3] = {-y[3 * a + 1] + 30, y[3 * a], y[3 * a + 2] - 9};
            for (int d = 0; d < 3; d++)
                *to++ = turned[d] + 1.5f * (float)k * (float)rt_rng_normal(&rng, (uint64_t)(3 * (k * atoms + a) + d));
        }
    return x;
}

static void truth_and_scores(void **state)
{
    (void)state;
    bench b;
    rt_err err;
    rt_judge judge;
    rt_step_loss loss;
    open_bench(&b, RT_BACKEND_CPU, 2, "confidence_head", (rt_step_terms){.confidence = {1, 1, 1, 1}});
    b.plan.options.rollouts = K;
    test_ok(rt_judge_begin(&judge, b.model, &b.features, &b.label, K, &err), &err);
    rt_step_given given = {.x_mini = make_structures(&b), .opt_watcher = rt_judge_watch, .user = &judge};
    int64_t used = rt_arena_used(b.ctx->step);
    test_ok(rt_step_run(b.ctx, b.model, &loss, &b.plan, &b.features, &b.label, &b.key, &given, false, false, &err), &err);
    test_ok(rt_judge_finish(&judge, b.ctx->pool, &err), &err);
    assert_int_equal(rt_arena_used(b.ctx->step), used);
    assert_int_equal(judge.target.n, K);
    const rt_selection_sample *s = judge.target.sample;
    for (int k = 0; k < K; k++)
        print_message("note: structure %d: lDDT %.4f, TM %.4f, clashes %.1f, consensus %.3f; pLDDT %.3f, pTM %.4f, gPDE %.3f\n",
                      k, s[k].lddt, s[k].quality, s[k].clash, s[k].consensus, s[k].score[RT_SELECT_PLDDT],
                      s[k].score[RT_SELECT_PTM], s[k].score[RT_SELECT_GPDE]);
    assert_true(fabs(s[0].lddt - 1) < 1e-6 && fabs(s[0].quality - 1) < 1e-6);
    assert_true(s[1].lddt < 0.9 && s[2].lddt < s[1].lddt && s[1].quality < 0.9 && s[2].quality < s[1].quality);
    for (int k = 0; k < K; k++) {
        double plddt = s[k].score[RT_SELECT_PLDDT], ptm = s[k].score[RT_SELECT_PTM];
        assert_true(plddt > 0 && plddt < 100 && ptm > 0 && ptm < 1 && s[k].score[RT_SELECT_GPDE] > 0);
        assert_true(fabs(s[k].score[RT_SELECT_RANKING_SCORE] - 0.2 * ptm) < 1e-6);   /* one chain */
        assert_true(isnan(s[k].score[RT_SELECT_LEARNED]) && s[k].sample == k && s[k].clash >= 0);
    }
    /* the consensus is of the structures alone */
    const double *tm = judge.target.pairs;
    assert_true(tm[0] == 1 && tm[1] == tm[K] && fabs(s[2].consensus - (tm[2] + tm[K + 2]) / 2) < 1e-12);
    rt_judge_end(&judge);
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(truth_and_scores)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
