/* difference_test.c - gradients of every trainable tensor of the small network against central differences in double
 *
 * Four tokens with an MSA and templates go through trunk, denoiser, distogram and confidence head once; the loss is a
 * random linear function of all outputs, with dropout.  Each tensor is moved along a random direction.  RT_STRESS=1 takes
 * every tensor, RT_ONLY=TEXT those whose name holds the text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "io/template_file.h"
#include "layer/dropout.h"
#include "model.h"

enum { STRIDE = 23, ADAPTER_STRIDE = 3 };

typedef struct {
    rt_ctx *ctx;
    rt_params *params;
    rt_model *model;
    rt_inputs inputs;
    rt_template_file *templates;
    rt_features features;
    double here;   /* the loss */
    bool own_levels;   /* each noisy copy has its own, or one is all copies' */
    rt_tensor rows, x_noisy, x, fixed_s_inputs, fixed_s, fixed_z;   /* the confidence head's inputs are detached */
} bench;

static const char FOLDER[] = "tests/data/golden/";

static rt_tensor random_like(rt_ctx *ctx, uint64_t stream, rt_tensor t, double scale)
{
    rt_rng rng = rt_rng_make(3, stream, 0, RT_DRAW_WEIGHTS);
    for (int64_t i = 0; ctx->status == RT_OK && i < rt_count(t); i++)
        ((double *)t.data)[i] = scale * rt_rng_normal(&rng, (uint64_t)i);
    return t;
}

static void open_bench(bench *b, bool adapters)
{
    rt_err err = {0};
    char path[256], other[256];
    *b = (bench){.own_levels = !adapters};
    assert_int_equal(rt_ctx_create(&b->ctx, RT_BACKEND_REF64, 2, (int64_t)2 << 30, &err), RT_OK);
    assert_int_equal(rt_params_create(&b->params, &err), RT_OK);
    if (adapters) assert_int_equal(rt_params_adapt(b->params, "*", 2, 3, 1, &err), RT_OK);
    else assert_int_equal(rt_params_train(b->params, "*", &err), RT_OK);
    rt_params_set_dropout(b->params, 0.3, true);   /* of what adapters read, and of blocks with adapters */
    snprintf(path, sizeof path, "%stiny/tiny.pt", FOLDER);
    snprintf(other, sizeof other, "%stiny/tiny_config.json", FOLDER);
    static const char *const FROZEN[] = {"tests/data/io/peft"};   /* gradients pass through it */
    rt_model_options options = {.checkpoint = path, .opt_config = other, .real = RT_F64, .params = b->params,
                                .adapter = FROZEN, .n_adapter = adapters};
    if (rt_model_open(&b->model, &options, &err) != RT_OK) fail_msg("%s", err.what);
    snprintf(path, sizeof path, "%sraw/sequences.csv", FOLDER);
    assert_int_equal(rt_inputs_read(&b->inputs, path, &err), RT_OK);
    snprintf(path, sizeof path, "%sraw/template_features.pt", FOLDER);
    assert_int_equal(rt_template_file_open(&b->templates, path, &err), RT_OK);
    rt_input *input = NULL;
    for (int64_t i = 0; i < b->inputs.n_input; i++)
        if (strcmp(b->inputs.input[i].target, "toy4") == 0) input = &b->inputs.input[i];
    assert_non_null(input);
    snprintf(path, sizeof path, "%sraw/msa", FOLDER);
    assert_int_equal(rt_input_load_msa(input, path, &err), RT_OK);
    const rt_template *t = rt_template_file_find(b->templates, "toy4");
    assert_int_equal(rt_input_set_templates(input, t->xyz, t->length, t->n_template, t->sequence, 1,
                                            RT_TEMPLATE_MISSING_ORIGIN, NULL, &err), RT_OK);
    assert_int_equal(rt_features_build(&b->features, b->ctx->step, input, rt_conformers_default(), 1, NULL, &err), RT_OK);
    const rt_config *c = &b->model->config;
    int64_t n = b->features.n_token, atoms = b->features.n_atom;
    b->rows = RT_NEW_TYPE(b->ctx, RT_I64, 3);
    for (int64_t i = 0; i < 3; i++) ((int64_t *)b->rows.data)[i] = 2 * i % b->features.n_msa;
    b->x_noisy = random_like(b->ctx, 1, RT_NEW(b->ctx, 2, atoms, 3), 8);
    b->x = random_like(b->ctx, 2, RT_NEW(b->ctx, atoms, 3), 8);
    b->fixed_s_inputs = random_like(b->ctx, 3, RT_NEW(b->ctx, n, c->c_s_inputs), 1);
    b->fixed_s = random_like(b->ctx, 4, RT_NEW(b->ctx, n, c->c_s), 1);
    b->fixed_z = random_like(b->ctx, 5, RT_NEW(b->ctx, n, n, c->c_z), 1);
    for (int64_t i = 0; i < rt_params_count(b->params); i++) {   /* zeros would hide a factor */
        rt_param *p = rt_params_at(b->params, i);
        if (p->kind == RT_PARAM_ADAPTER_B) random_like(b->ctx, 100 + (uint64_t)i, p->value, 0.1);
    }
}

static void close_bench(bench *b)
{
    rt_template_file_close(b->templates);
    rt_inputs_free_members(&b->inputs);
    rt_model_close(b->model);
    rt_params_free(b->params);
    rt_ctx_free(b->ctx);
}

/* <w, t> with w the random weights of `stream`, which are left in `out_weights`: the gradient at t. */
static double project(rt_ctx *ctx, uint64_t stream, rt_tensor out_weights, rt_tensor t)
{
    double sum = 0;
    random_like(ctx, stream, out_weights, 1);
    for (int64_t i = 0; i < rt_count(t); i++) sum += rt_get(out_weights, i) * rt_get(t, i);
    return sum;
}

static rt_tensor zeros(rt_ctx *ctx, rt_tensor like)
{
    rt_tensor t = rt_new_like(ctx, like);
    rt_zero(ctx, t);
    return t;
}

/* The loss of two noisy copies that go through the denoiser together. */
static double denoise(bench *b, rt_tensor s_inputs, rt_tensor s, rt_tensor z, rt_tensor ds_inputs, rt_tensor ds, rt_tensor dz,
                      bool backward)
{
    rt_ctx *ctx = b->ctx;
    const rt_denoiser *d = &b->model->denoiser;
    rt_denoiser_context context;
    rt_denoiser_context_saved kept;
    rt_denoiser_saved saved;
    rt_noise_levels levels = {(const double[]){6, 11}, b->own_levels ? 2 : 1};
    rt_tensor x = rt_new_like(ctx, b->x_noisy), dx = rt_new_like(ctx, b->x_noisy);
    rt_denoiser_prepare(ctx, d, &context, &b->features, s_inputs, s, z, backward ? &kept : NULL);
    rt_denoiser_forward(ctx, d, &context, x, b->x_noisy, levels, 0, 1, backward ? &saved : NULL);
    double loss = project(ctx, 10, dx, x);
    if (!backward) return loss;
    rt_denoiser_context_gradient gradient;
    rt_denoiser_context_gradient_create(ctx, d, &gradient, &context);
    rt_denoiser_backward(ctx, d, &context, &gradient, dx, &saved);
    rt_denoiser_prepare_backward(ctx, d, ds_inputs, ds, dz, &gradient, &context, &kept);
    return loss;
}

static double confide(bench *b, bool backward)
{
    rt_ctx *ctx = b->ctx;
    const rt_config *c = &b->model->config;
    int64_t n = b->features.n_token, atoms = b->features.n_atom;
    rt_confidence_logits logits = {RT_NEW(ctx, n, n, c->pae_bins), RT_NEW(ctx, n, n, c->pde_bins),
                                   RT_NEW(ctx, atoms, c->plddt_bins), RT_NEW(ctx, atoms, 2)};
    rt_confidence_logits d = {rt_new_like(ctx, logits.pae), rt_new_like(ctx, logits.pde), rt_new_like(ctx, logits.plddt),
                              rt_new_like(ctx, logits.resolved)};
    rt_confidence_saved saved;
    rt_confidence_head_forward(ctx, &b->model->confidence, &logits, b->fixed_s_inputs, b->fixed_s, b->fixed_z, b->x, &b->features,
                               0, backward ? &saved : NULL);
    double loss = project(ctx, 11, d.pae, logits.pae) + project(ctx, 12, d.pde, logits.pde) +
                  project(ctx, 13, d.plddt, logits.plddt) + project(ctx, 14, d.resolved, logits.resolved);
    if (backward) rt_confidence_head_backward(ctx, &b->model->confidence, &d, &b->features, &saved);
    return loss;
}

static double loss(bench *b, bool backward)
{
    rt_ctx *ctx = b->ctx;
    struct rt_dropout key = {.seed = 9, .step = 2};
    ctx->dropout = &key;
    const rt_config *c = &b->model->config;
    int64_t n = b->features.n_token, mark = rt_arena_mark(ctx->step);
    rt_tensor s_inputs = RT_NEW(ctx, n, c->c_s_inputs), s = RT_NEW(ctx, n, c->c_s), z = RT_NEW(ctx, n, n, c->c_z);
    rt_tensor ds_inputs = zeros(ctx, s_inputs), ds = zeros(ctx, s), dz = zeros(ctx, z);
    rt_tensor logits = RT_NEW(ctx, n, n, c->distogram_bins), dlogits = rt_new_like(ctx, logits);
    rt_trunk_saved saved;
    rt_trunk_forward(ctx, &b->model->trunk, s_inputs, s, z, &b->features, 1, &(rt_msa_choice){.opt_rows = &b->rows}, NULL, NULL,
                     backward ? &saved : NULL);
    double sum = denoise(b, s_inputs, s, z, ds_inputs, ds, dz, backward) + confide(b, backward);
    rt_distogram_head_forward(ctx, &b->model->distogram, logits, z);
    sum += project(ctx, 15, dlogits, logits);
    if (backward) {
        rt_distogram_head_backward(ctx, &b->model->distogram, dz, dlogits, z);
        rt_trunk_backward(ctx, &b->model->trunk, ds_inputs, ds, dz, &b->features, &saved);
    }
    assert_int_equal(ctx->status, RT_OK);
    assert_true(key.site > 0);
    ctx->dropout = NULL;
    rt_arena_reset(ctx->step, mark);
    return sum;
}

static double norm(rt_tensor t)
{
    double sum = 0;
    for (int64_t i = 0; i < rt_count(t); i++) sum += rt_get(t, i) * rt_get(t, i);
    return sqrt(sum);
}

/* value += step v, where v is random: dense, or with four elements only.  Returns <grad, v>, and the gradient's size there. */
static double move(rt_param *p, uint64_t stream, double step, bool sparse, double *out_size)
{
    rt_rng rng = rt_rng_make(5, stream, 0, RT_DRAW_WEIGHTS);
    int64_t count = rt_count(p->value);
    double sum = 0, square = 0;
    for (int64_t k = 0; k < (sparse ? 4 : count); k++) {
        int64_t i = sparse ? rt_rng_below(&rng, (uint64_t)(count + k), count) : k;
        double v = rt_rng_normal(&rng, (uint64_t)k), g = rt_get(p->grad, i);
        ((double *)p->value.data)[i] += step * v;
        sum += v * g;
        square += g * g;
    }
    *out_size = sqrt(square);
    return sum;
}

/* One direction: the error of the central difference, and of each side's own, over the size of the gradient. */
typedef struct {
    double central, up, down;
} slopes;

static slopes difference(bench *b, rt_param *p, uint64_t stream, double step, bool sparse, double floor)
{
    double size, expected = move(p, stream, step, sparse, &size), up = loss(b, false);
    move(p, stream, -2 * step, sparse, &size);
    double down = loss(b, false);
    move(p, stream, step, sparse, &size);
    double scale = fmax(size, floor);
    return (slopes){fabs((up - down) / (2 * step) - expected) / scale, fabs((up - b->here) / step - expected) / scale,
                    fabs((b->here - down) / step - expected) / scale};
}

/* A relu that changes sides between two points spoils that difference, a large step is curved and a small one rounds: a
 * right gradient agrees along some direction with some step, a wrong one along none.  *kinks counts the directions that
 * were left because the two sides disagree: one has the gradient's slope, the other has not. */
static double best_difference(bench *b, rt_param *p, uint64_t stream, double floor, int *kinks)
{
    static const double STEPS[] = {1e-6, 1e-5, 2e-7};
    double best = INFINITY;
    for (int i = 0; i < 18 && !(best <= 1e-6); i++) {
        slopes s = difference(b, p, stream * 32 + (uint64_t)i / 3, STEPS[i % 3], i >= 9, floor);
        double near = fmin(s.up, s.down), far = fmax(s.up, s.down);
        *kinks += s.central > 1e-6 && near < 0.01 * far && far > 1e-5;
        best = fmin(best, s.central);
    }
    return best;
}

static void check(bool adapters, int64_t stride)
{
    bench b;
    open_bench(&b, adapters);
    b.here = loss(&b, true);
    double top = 0, worst = 0;
    int kinks = 0;
    int64_t n = rt_params_count(b.params), compared = 0;
    for (int64_t i = 0; i < n; i++) top = fmax(top, norm(rt_params_at(b.params, i)->grad));
    for (int64_t i = 0; i < n; i += getenv("RT_STRESS") ? 1 : stride) {
        rt_param *p = rt_params_at(b.params, i);
        if (getenv("RT_ONLY") && !strstr(p->name, getenv("RT_ONLY"))) continue;
        double error = best_difference(&b, p, (uint64_t)i, 1e-5 * top, &kinks);
        if (!(error <= 1e-6)) print_error("%s: error %g\n", p->name, error);
        worst = fmax(worst, error);
        compared++;
    }
    print_message("note: %lld of %lld tensors, worst %.1e, %d directions with a kink\n", (long long)compared, (long long)n, worst,
                  kinks);
    close_bench(&b);
    assert_true(worst <= 1e-6);
}

static void every_weight_agrees_with_differences(void **state) { (void)state; check(false, STRIDE); }
static void every_adapter_agrees_with_differences(void **state) { (void)state; check(true, ADAPTER_STRIDE * STRIDE); }

/* Masks are drawn again by the rerun: the same gradients to the byte. */
static void checkpointing_draws_the_same_masks(void **state)
{
    (void)state;
    bench b[2];
    for (int i = 0; i < 2; i++) {
        open_bench(&b[i], false);
        b[i].ctx->keep_every = i;
        loss(&b[i], true);
    }
    for (int64_t i = 0; i < rt_params_count(b[0].params); i++) {
        const rt_param *p = rt_params_at(b[0].params, i), *q = rt_params_at(b[1].params, i);
        if (memcmp(p->grad.data, q->grad.data, (size_t)rt_bytes(p->grad)) != 0) fail_msg("%s", p->name);
    }
    for (int i = 0; i < 2; i++) close_bench(&b[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_weight_agrees_with_differences),
        cmocka_unit_test(every_adapter_agrees_with_differences),
        cmocka_unit_test(checkpointing_draws_the_same_masks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
