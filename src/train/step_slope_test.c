/* step_slope_test.c - a whole step's gradients against differences of its loss, in double; sums and draws of steps */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "train/loop.h"
#include "train/train_test.h"

static const char TINY[] = "tests/data/golden/tiny/tiny.pt", CONFIG[] = "tests/data/golden/tiny/tiny_config.json";

typedef struct {
    rt_ctx *ctx;
    rt_params *params;
    rt_model *model;
    rt_input input;
    rt_features features;
    rt_label label;
    rt_step_plan plan;
    rt_draw_key key;
} bench;

/* Nine residues and a made-up answer in which every ninth atom was not seen. */
static void open_bench(bench *b, rt_backend_kind kind, int threads, const char *trains, rt_step_terms weight)
{
    rt_err err;
    *b = (bench){.key = {.seed = 7, .stream = 3, .number = 5}};
    b->ctx = test_context(kind, threads);
    test_ok(rt_params_create(&b->params, &err), &err);
    test_ok(rt_params_train(b->params, trains, &err), &err);
    rt_model_options options = {
        .checkpoint = TINY, .opt_config = CONFIG, .params = b->params, .real = b->ctx->real};
    test_ok(rt_model_open(&b->model, &options, &err), &err);
    test_ok(rt_input_set_sequence(&b->input, "t", "GGCUUCGCC", &err), &err);
    test_ok(rt_features_build(&b->features, b->ctx->step, &b->input, rt_conformers_default(), 1, NULL, &err), &err);
    int64_t n = b->features.n_atom;
    b->label = (rt_label){.n_atom = n,
                          .resolution = 2,
                          .coordinate = RT_NEW_TYPE(b->ctx, RT_F32, n, 3),
                          .coordinate_mask = RT_NEW_TYPE(b->ctx, RT_U8, n)};
    for (int64_t a = 0; a < n; a++) {
        bool seen = a % 9 != 0;
        ((uint8_t *)b->label.coordinate_mask.data)[a] = seen;
        b->label.n_resolved += seen;
        for (int d = 0; d < 3; d++)
            ((float *)b->label.coordinate.data)[3 * a + d] = seen ? 9 * sinf((float)(a * (d + 2)) * 0.11f) : 0;
    }
    rt_step_options step = {.weight = weight,
                            .most_cycles = 2,
                            .rollout_steps = 2,
                            .copies = 2,
                            .resolution = rt_resolution_default};
    rt_step_plan_make(&b->plan, b->model, &step);
}

static void close_bench(bench *b)
{
    rt_input_free_members(&b->input);
    rt_model_close(b->model);
    rt_params_free(b->params);
    rt_ctx_free(b->ctx);
}

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

/* Sum over all gradients, element by element, of one or two samples. */
static double *gradients(bench *b, uint64_t first, uint64_t opt_second, int64_t *out_n)
{
    rt_params_zero_grad(b->params);
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

static void a_resolution_out_of_range_counts_nothing(void **state)
{
    (void)state;
    bench b;
    open_bench(&b, RT_BACKEND_CPU, 1, "confidence_head", (rt_step_terms){.confidence = {1, 1, 1, 1}});
    assert_true(take(&b, 5, 2, true) > 0 && take(&b, 5, -1, false) == take(&b, 5, 2, false));
    rt_params_zero_grad(b.params);
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
        cmocka_unit_test(gradients_of_samples_add_up),
        cmocka_unit_test(a_resolution_out_of_range_counts_nothing),
        cmocka_unit_test(steps_of_a_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
