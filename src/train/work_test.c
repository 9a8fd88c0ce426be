/* work_test.c - work that is counted by running the network agrees with its formulas, and adds up over a run */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "train/step_bench.h"
#include "train/work.h"

/* Multiply-adds of the pairformer's blocks: two triangle products with six projections each, two triangle attentions,
 * the transitions, attention with pair bias.  At rnapro_base's widths 2 x this is 1536 N^3 + O(N^2). */
static double pairformer_products(const rt_config *c, double n)
{
    double cz = (double)c->c_z, cs = (double)c->c_s, ch = (double)c->c_hidden_mul;
    double att = (double)(c->no_heads_pair * c->c_hidden_pair_att);
    double pair = 2 * (n * n * n * ch + n * n * (4 * cz * ch + ch * cz + cz * cz)) +
                  2 * (2 * n * n * n * att + n * n * (5 * cz * att + cz * (double)c->no_heads_pair)) +
                  n * n * 12 * cz * cz;
    double single = 2 * n * n * cs + n * (5 * cs * cs + 12 * cs * cs) + n * n * cz * (double)c->pairformer_heads;
    return (double)c->pairformer_blocks * (pair + single);
}

static void a_stack_is_counted_as_its_formula_says(void **state)
{
    (void)state;
    bench b;
    rt_ctx_measure measure;
    rt_err err;
    open_bench(&b, RT_BACKEND_CPU, 2, "confidence_head", (rt_step_terms){.confidence = {1, 1, 1, 1}});
    const rt_config *c = &b.model->config;
    int64_t n = b.features.n_token;
    test_ok(rt_ctx_count_begin(b.ctx, &measure, &err), &err);
    rt_tensor s = RT_NEW(b.ctx, n, c->c_s), z = RT_NEW(b.ctx, n, n, c->c_z);
    rt_pairformer_forward(b.ctx, &b.model->trunk.pairformer, s, z, "", 0, NULL);
    double got = rt_ctx_count_end(b.ctx, &measure), want = 2 * pairformer_products(c, (double)n);
    print_message("note: counted %.6g, formula %.6g\n", got, want);
    assert_true(fabs(got / want - 1) < 1e-12);
    close_bench(&b);
}

static void rollouts_share_a_trunk_and_a_cache_saves_it(void **state)
{
    (void)state;
    bench b;
    rt_err err;
    rt_work one, many;
    open_bench(&b, RT_BACKEND_CPU, 2, "confidence_head", (rt_step_terms){.confidence = {1, 1, 1, 1}});
    int64_t used = rt_arena_used(b.ctx->step);
    test_ok(rt_work_count(b.ctx, b.model, &one, &b.plan.options, &b.features, &b.label, &b.key, &err), &err);
    b.plan.options.rollouts = 4;
    test_ok(rt_work_count(b.ctx, b.model, &many, &b.plan.options, &b.features, &b.label, &b.key, &err), &err);
    assert_true(rt_arena_used(b.ctx->step) == used && !b.ctx->measuring && !b.ctx->counting);
    assert_true(one.alone == one.first && one.alone == many.alone);
    assert_true(many.first < many.alone && many.kept < many.first && many.kept == one.kept);
    double trunk = one.first - one.kept, rollouts = 0;   /* of which the sampler's steps are 2 alone, 2 + 1 + 1 + 4 of four */
    rollouts = 4 * many.first - 4 * many.kept - trunk;   /* 6 more steps */
    print_message("note: %.3g alone, %.3g of four, %.3g kept; six more steps %.3g\n", one.alone, many.first, many.kept,
                  rollouts);
    assert_true(rollouts > 0 && rollouts < 6 * trunk);
    assert_true(fabs(rt_work_mean(&many, 8, 4, 1) / (.5 * many.first + .5 * many.kept) - 1) < 1e-12);
    assert_true(rt_work_mean(&many, 8, 0, 1) == many.first && rt_work_mean(&many, 8, 4, 0) == many.first);
    assert_true(rt_work_mean(&many, 2, 4, 1) == many.first);
    /* nothing was computed: the context works as before */
    rt_step_loss loss;
    test_ok(rt_step_run(b.ctx, b.model, &loss, &b.plan, &b.features, &b.label, &b.key, NULL, true, false, &err), &err);
    assert_true(isfinite(loss.total) && loss.total > 0);
    close_bench(&b);
}

/* Where a trunk trains nothing can be kept. */
static void what_trains_cannot_be_kept(void **state)
{
    (void)state;
    bench b;
    rt_err err;
    rt_work work;
    open_bench(&b, RT_BACKEND_CPU, 2, "pairformer_stack", (rt_step_terms){.distogram = 1});
    test_ok(rt_work_count(b.ctx, b.model, &work, &b.plan.options, &b.features, &b.label, &b.key, &err), &err);
    assert_true(isnan(work.kept) && work.alone > 0);
    assert_true(rt_work_mean(&work, 8, 4, 1) == work.first);
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stack_is_counted_as_its_formula_says),
        cmocka_unit_test(rollouts_share_a_trunk_and_a_cache_saves_it),
        cmocka_unit_test(what_trains_cannot_be_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
