/* step_test.c - whole training steps of the confidence head against the reference's run, and through a checkpoint */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "model.h"
#include "train/checkpoint.h"
#include "train/loss_confidence.h"
#include "train/train_test.h"

static const char TINY[] = "tests/data/golden/tiny/tiny.pt", CONFIG[] = "tests/data/golden/tiny/tiny_config.json";
static const rt_confidence_terms unit = {1, 1, 1, 1};

typedef struct {
    test_case golden;
    rt_ctx *ctx;
    rt_params *params;
    rt_model *model;
    rt_adam *adam;
    rt_train_parts parts;
} run;

static bool open_run(run *r, int threads)
{
    rt_err err;
    if (!test_case_open(&r->golden, "train_exact/confidence.safetensors", "label.coordinate", "label.coordinate_mask"))
        return false;
    r->ctx = test_context(RT_BACKEND_CPU, threads);
    test_ok(rt_params_create(&r->params, &err), &err);
    test_ok(rt_params_train(r->params, "confidence_head", &err), &err);
    rt_model_options options = {.checkpoint = TINY, .opt_config = CONFIG, .params = r->params};
    test_ok(rt_model_open(&r->model, &options, &err), &err);
    rt_adam_options adam = rt_adam_default;
    adam.clip_norm = 1;   /* as the golden run */
    test_ok(rt_adam_create(&r->adam, r->params, &adam, &err), &err);
    r->parts = (rt_train_parts){.params = r->params, .adam = r->adam};
    return true;
}

static void close_run(run *r)
{
    rt_adam_free(r->adam);
    rt_model_close(r->model);
    rt_params_free(r->params);
    rt_ctx_free(r->ctx);
    test_case_close(&r->golden);
}

/* Labels from the mini-rollout, the head forward, its losses, backward, clipping and one update with rate 1e-3. */
static rt_confidence_terms step(run *r, double *out_norm)
{
    rt_ctx *ctx = r->ctx;
    const rt_features *f = &r->golden.features;
    int64_t mark = rt_arena_mark(ctx->step), n = f->n_token;
    rt_tensor x = rt_at(test_golden(&r->golden, "x_mini"), 0);
    rt_confidence_label label;
    rt_confidence_terms loss;
    rt_confidence_saved saved;
    rt_err err;
    test_ok(rt_loss_confidence_label(&label, ctx->step, ctx->pool, f, &r->golden.label, x, &err), &err);
    rt_confidence_logits logits = {RT_NEW(ctx, n, n, 64), RT_NEW(ctx, n, n, 64), RT_NEW(ctx, f->n_atom, 50),
                                   RT_NEW(ctx, f->n_atom, 2)};
    rt_confidence_logits d = {test_zeros(ctx, logits.pae), test_zeros(ctx, logits.pde), test_zeros(ctx, logits.plddt),
                              test_zeros(ctx, logits.resolved)};
    rt_confidence_head_forward(ctx, &r->model->confidence, &logits, test_golden(&r->golden, "s_inputs"),
                               test_golden(&r->golden, "s_trunk"), test_golden(&r->golden, "z_trunk"), x, f, 0, &saved);
    rt_loss_confidence(ctx, &loss, &d, &logits, &label, &unit);
    rt_confidence_head_backward(ctx, &r->model->confidence, &d, f, &saved);
    test_ok(rt_ctx_take(ctx, &err), &err);
    const char *bad;
    *out_norm = rt_adam_norm(r->adam, ctx->pool, 1, &bad);
    assert_null(bad);
    rt_adam_step(r->adam, ctx->pool, 1e-3, 1, *out_norm);
    rt_params_zero_grad(r->params, NULL);
    rt_arena_reset(ctx->step, mark);
    return loss;
}

/* Relative L2 of the difference of updates, over all and the worst of a tensor (MODEL.md: 1e-3 and 1e-2). */
static void compare_update(const run *r, int after)
{
    double all = 0, all_size = 0, worst = 0, largest = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int64_t i = 0; i < rt_params_count(r->params); i++) {
            char name[300];
            const rt_param *p = rt_params_at(r->params, i);
            snprintf(name, sizeof name, "param_after_%d.%s", after, p->name + strlen("confidence_head."));
            rt_tensor want = test_golden(&r->golden, name), from = rt_weights_find(r->model->weights, p->name)->tensor;
            double difference = 0, size = 0;
            for (int64_t k = 0; k < rt_count(want); k++) {
                difference += pow(rt_get(p->value, k) - rt_get(want, k), 2);
                size += pow(rt_get(want, k) - rt_get(from, k), 2);
            }
            largest = fmax(largest, size);
            if (pass == 0) all += difference, all_size += size;
            /* gradients that are zero in exact arithmetic hold noise, and Adam makes whole steps of noise */
            else if (!strstr(p->name, "layernorm_z.bias") && size > 1e-12 * largest) worst = fmax(worst, sqrt(difference / size));
        }
    print_message("note: update after step %d: relative L2 error %.1e over all, %.1e in the worst tensor\n", after,
                  sqrt(all / all_size), worst);
    assert_true(sqrt(all / all_size) < 1e-3);
    assert_true(worst < 1e-2);
}

/* golden/train_exact/confidence.json, adam.steps */
static void three_steps_are_the_reference_s(void **state)
{
    static const double want[3][6] = {
        {4.193356513977051, 4.8746442794799805, 0.8024948239326477, 4.181433200836182, 14.051929473876953, 3.036393404006958},
        {4.127025604248047, 4.7720184326171875, 0.7359915375709534, 4.163033485412598, 13.79806900024414, 2.9722323417663574},
        {4.063271999359131, 4.67022180557251, 0.6770150065422058, 4.146886825561523, 13.557395935058594, 2.88934588432312}};
    run r;
    (void)state;
    if (!open_run(&r, 2)) skip();
    for (int s = 0; s < 3; s++) {
        double norm;
        rt_confidence_terms loss = step(&r, &norm);
        const double got[6] = {loss.plddt, loss.pde, loss.resolved, loss.pae, rt_loss_confidence_total(&loss, &unit), norm};
        double worst = 0;
        for (int k = 0; k < 5; k++) worst = fmax(worst, fabs(got[k] / want[s][k] - 1));
        print_message("note: step %d: losses within %.1e of the reference's, norm of the gradient within %.1e\n", s + 1,
                      worst, fabs(got[5] / want[s][5] - 1));
        assert_true(worst < 1e-5 && fabs(got[5] / want[s][5] - 1) < 1e-4);
        if (s != 1) compare_update(&r, s + 1);
    }
    close_run(&r);
}

/* One run without a pause on one thread; one on three threads that ends after its first step and is taken up anew. */
static void a_resumed_run_ends_with_the_same_bytes(void **state)
{
    run whole, part;
    rt_checkpoint_store *store;
    rt_train_state at = {.step = 1, .sample = 1, .guard = {.limit = 3}, .best_value = NAN}, found = at;
    rt_run_identity identity = {.code = "test"};
    rt_err err;
    bool there;
    double norm;
    (void)state;
    if (!open_run(&whole, 1) || !open_run(&part, 3)) skip();
    for (int s = 0; s < 3; s++) step(&whole, &norm);
    test_ok(rt_checkpoint_open(&store, test_path("run"), &rt_retention_default, &err), &err);
    step(&part, &norm);
    test_ok(rt_checkpoint_save(store, &identity, &at, &part.parts, false, NAN, false, &err), &err);
    step(&part, &norm);   /* lost */
    close_run(&part);
    open_run(&part, 3);
    test_ok(rt_checkpoint_resume(store, &there, &found, &identity, &part.parts, &err), &err);
    assert_true(there && found.step == 1);
    for (int s = 1; s < 3; s++) step(&part, &norm);
    int64_t n = 0;
    for (int64_t i = 0; i < rt_params_count(whole.params); i++) {
        const rt_param *a = rt_params_at(whole.params, i), *b = rt_params_at(part.params, i);
        assert_memory_equal(a->value.data, b->value.data, (size_t)rt_bytes(a->value));
        for (int k = 0; k < 2; k++) {
            rt_tensor m = rt_adam_moment(whole.adam, i, k);
            assert_memory_equal(m.data, rt_adam_moment(part.adam, i, k).data, (size_t)rt_bytes(m));
        }
        n += rt_count(a->value);
    }
    print_message("note: %lld weights and their moments: the same bytes\n", (long long)n);
    rt_checkpoint_close(store);
    close_run(&whole);
    close_run(&part);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(three_steps_are_the_reference_s),
                                       cmocka_unit_test(a_resumed_run_ends_with_the_same_bytes)};
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
