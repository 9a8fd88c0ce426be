/* step_slope_test.c - a whole step's gradients against differences of its loss, in double; sums and draws of steps */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "train/loop.h"
#include "train/step_bench.h"

static double take(bench *b, uint64_t number, double resolution, bool backward)
{
    rt_err err;
    rt_step_loss loss;
    rt_draw_key key = b->key;
    rt_label label = b->label;
    key.number = number;
    label.resolution = resolution;
    test_ok(rt_step_run(b->ctx, b->model, &loss, &b->plan, &b->features, &label, &key, NULL, backward, false, &err), &err);
    return loss.total;
}

static double loss_again(void *user) { return take(user, 5, 2, false); }

static void check_slope(const char *trains, const char *name, rt_step_terms weight)
{
    bench b;
    open_bench(&b, RT_BACKEND_REF64, 2, trains, weight);
    take(&b, 5, 2, true);
    rt_param *p = rt_params_find(b.params, name);
    assert_non_null(p);
    test_directions(name, loss_again, &b, p->value, p->grad, 1, 1e-4, 1e-6);
    close_bench(&b);
}

/* Trunk and denoiser: gradient_test and `verify --training`. */
static void gradients_are_the_slopes_of_the_loss(void **state)
{
    (void)state;
    rt_step_terms weight = {.confidence = {1, 0.5, 2, 1}};
    check_slope("confidence_head", "confidence_head.pae_ln.weight", weight);
    check_slope("confidence_head", "confidence_head.linear_no_bias_pde.weight", weight);
}

static void only_what_trains_is_worked_out(void **state)
{
    (void)state;
    bench b;
    rt_step_terms all = {.confidence = {1, 1, 1, 1}, .diffusion = {.mse = 4}, .distogram = 3e-2};
    open_bench(&b, RT_BACKEND_CPU, 1, "confidence_head", all);
    assert_true(b.plan.confidence && b.plan.rollout && !b.plan.diffusion && !b.plan.distogram && !b.plan.trunk);
    assert_true(rt_step_is_frozen(&b.plan));
    close_bench(&b);
    open_bench(&b, RT_BACKEND_CPU, 1, "diffusion_module", all);
    assert_true(!b.plan.confidence && b.plan.diffusion && !b.plan.distogram && !b.plan.trunk);
    close_bench(&b);
    open_bench(&b, RT_BACKEND_CPU, 1, "pairformer_stack", all);
    assert_true(!b.plan.confidence && b.plan.diffusion && b.plan.distogram && b.plan.trunk);
    close_bench(&b);
    open_bench(&b, RT_BACKEND_CPU, 1, "distogram_head", all);
    assert_true(!b.plan.confidence && !b.plan.diffusion && b.plan.distogram && !b.plan.trunk && !b.plan.rollout);
    close_bench(&b);
}

/* Weights of trunk or denoiser that train have dropout and weight decay even where no loss reaches them. */
static void nothing_is_frozen_beside_a_trunk_or_denoiser_that_trains(void **state)
{
    (void)state;
    bench b;
    static const char *const TRAINS[] = {"[cp]*" /* the pairformer stack too */, "[cd]*" /* the denoiser too */, "*"};
    for (int i = 0; i < 3; i++) {
        open_bench(&b, RT_BACKEND_CPU, 1, TRAINS[i], (rt_step_terms){.confidence = {1, 1, 1, 1}});
        assert_true(b.plan.confidence && !b.plan.diffusion && !b.plan.distogram && !b.plan.trunk && !b.plan.denoiser);
        assert_false(rt_step_is_frozen(&b.plan));
        close_bench(&b);
    }
}

/* Sum over all gradients, element by element, of one or two samples. */
static double *gradients(bench *b, uint64_t first, uint64_t opt_second, int64_t *out_n)
{
    rt_params_zero_grad(b->params, NULL);
    take(b, first, 2, true);
    if (opt_second) take(b, opt_second, 2, true);
    *out_n = rt_params_elements(b->params);
    double *all = calloc((size_t)*out_n, sizeof *all), *at = all;
    for (int64_t i = 0; i < rt_params_count(b->params); i++)
        for (int64_t e = 0; e < rt_count(rt_params_at(b->params, i)->grad); e++)
            *at++ = rt_get(rt_params_at(b->params, i)->grad, e);
    return all;
}

static void gradients_of_samples_add_up(void **state)
{
    (void)state;
    bench b;
    int64_t n;
    open_bench(&b, RT_BACKEND_CPU, 2, "confidence_head", (rt_step_terms){.confidence = {1, 1, 1, 1}});
    double *one = gradients(&b, 5, 0, &n), *two = gradients(&b, 6, 0, &n), *both = gradients(&b, 5, 6, &n);
    double worst = 0, top = 0, apart = 0;
    for (int64_t i = 0; i < n; i++) {
        worst = fmax(worst, fabs(one[i] + two[i] - both[i]));
        apart = fmax(apart, fabs(one[i] - two[i]));
        top = fmax(top, fabs(both[i]));
    }
    print_message("note: largest %.3g, apart %.1e, sum off by %.1e\n", top, apart, worst);
    assert_true(top > 0 && apart > 100 * worst && worst < 1e-6 * top);
    free(one);
    free(two);
    free(both);
    close_bench(&b);
}

/* Copies share a term's weight, and every kind of loss is in the sum once. */
static void the_total_is_what_its_terms_say(void **state)
{
    (void)state;
    bench b;
    rt_err err;
    rt_step_loss loss;
    rt_step_terms weight = {.confidence = {1, 2, 3, 4}, .diffusion = {.mse = 4, .smooth_lddt = 2}, .distogram = 0.5};
    open_bench(&b, RT_BACKEND_CPU, 2, "*", weight);
    test_ok(rt_step_run(b.ctx, b.model, &loss, &b.plan, &b.features, &b.label, &b.key, NULL, false, false, &err), &err);
    assert_true(loss.term.diffusion.mse > 0 && loss.term.diffusion.smooth_lddt > 0 && loss.term.confidence.pae > 0);
    test_near("sum of weighted terms", loss.total, rt_step_total(&loss.term, &weight), 1e-12);
    close_bench(&b);
}

/* Five copies one by one, in batches of which the last is smaller, and all together: the same means. */
static void check_copies_at_once(rt_backend_kind kind, double bound)
{
    static const int64_t AT_ONCE[] = {1, 2, 3, 5, 100};
    rt_step_terms weight = {.diffusion = {.mse = 4, .smooth_lddt = 2}};
    double *first = NULL, first_total = 0;
    for (int i = 0; i < 5; i++) {
        bench b;
        rt_err err;
        rt_step_loss loss;
        int64_t n;
        open_bench(&b, kind, 2, "diffusion_module.*", weight);
        b.plan.options.copies = 5, b.plan.options.copies_at_once = AT_ONCE[i];
        test_ok(rt_step_run(b.ctx, b.model, &loss, &b.plan, &b.features, &b.label, &b.key, NULL, false, false, &err), &err);
        test_near("sum of weighted terms", loss.total, rt_step_total(&loss.term, &weight), 1e-12);
        double *all = gradients(&b, 5, 0, &n), square = 0, apart = 0;
        if (!first) first = all, first_total = loss.total;
        for (int64_t e = 0; e < n; e++) square += first[e] * first[e], apart += (all[e] - first[e]) * (all[e] - first[e]);
        print_message("note: %lld of 5 copies at once: gradient off by %.1e, loss by %.1e\n", (long long)AT_ONCE[i],
                      sqrt(apart / square), fabs(loss.total / first_total - 1));
        assert_true(square > 0 && sqrt(apart / square) < bound && fabs(loss.total / first_total - 1) < bound);
        if (all != first) free(all);
        close_bench(&b);
    }
    free(first);
}

static void copies_at_once_change_the_last_bits_alone(void **state)
{
    (void)state;
    check_copies_at_once(RT_BACKEND_REF64, 1e-12);
    check_copies_at_once(RT_BACKEND_CPU, 1e-6);
}

static void a_resolution_out_of_range_counts_nothing(void **state)
{
    (void)state;
    bench b;
    open_bench(&b, RT_BACKEND_CPU, 1, "confidence_head", (rt_step_terms){.confidence = {1, 1, 1, 1}});
    assert_true(take(&b, 5, 2, true) > 0 && take(&b, 5, -1, false) == take(&b, 5, 2, false));
    rt_params_zero_grad(b.params, NULL);
    assert_true(take(&b, 5, 9, true) == 0);
    for (int64_t i = 0; i < rt_params_count(b.params); i++)
        for (int64_t e = 0; e < rt_count(rt_params_at(b.params, i)->grad); e++)
            assert_true(rt_get(rt_params_at(b.params, i)->grad, e) == 0);
    close_bench(&b);
}

static void steps_of_a_run(void **state)
{
    (void)state;
    assert_int_equal(rt_loop_steps(7, 2, 3), 12);   /* an epoch's last step takes what is left */
    assert_int_equal(rt_loop_steps(8, 4, 1), 2);
    assert_int_equal(rt_loop_steps(1, 4, 5), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_are_the_slopes_of_the_loss),
        cmocka_unit_test(only_what_trains_is_worked_out),
        cmocka_unit_test(nothing_is_frozen_beside_a_trunk_or_denoiser_that_trains),
        cmocka_unit_test(gradients_of_samples_add_up),
        cmocka_unit_test(the_total_is_what_its_terms_say),
        cmocka_unit_test(copies_at_once_change_the_last_bits_alone),
        cmocka_unit_test(a_resolution_out_of_range_counts_nothing),
        cmocka_unit_test(steps_of_a_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
