/* gradient_test.c - gradients of the network against the reference's, recorded in ../shared/golden/train_exact */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "io/template_file.h"
#include "io/test_files.h"
#include "model.h"

enum { TEMPLATE_INDEX = 1 };

typedef struct {
    rt_ctx *ctx;
    rt_params *params;
    rt_model *model;
    rt_inputs inputs;
    rt_template_file *templates;
    rt_conformers conformers;
    rt_features features;
    rt_weights *drawn, *golden;
    const char *shared;
    int64_t copies_at_once;
} bench;

typedef struct {
    rt_backend_kind backend;
    int threads;
    rt_precision precision;
    const char *train[6];     /* globs */
    const char *adapt[2];
    int64_t copies_at_once;   /* 0: 1 */
} setting;

static const char *path_in(const bench *b, const char *name)
{
    static char path[4096];
    rt_path_join(path, sizeof path, b->shared, "golden/");
    snprintf(path + strlen(path), sizeof path - strlen(path), "/%s", name);
    return path;
}

/* hairpin30 of the golden folder with its recorded rotations, the small model with what trains, and a recorded case. */
static bool open_bench(bench *b, const setting *s, const char *golden)
{
    rt_err err = {0};
    *b = (bench){.shared = test_shared("the recorded gradients"), .copies_at_once = s->copies_at_once ? s->copies_at_once : 1};
    if (!b->shared) return false;
    assert_int_equal(rt_ctx_create(&b->ctx, s->backend, s->threads, (int64_t)6 << 30, &err), RT_OK);
    assert_int_equal(rt_params_create(&b->params, &err), RT_OK);
    for (int i = 0; i < 6 && s->train[i]; i++) assert_int_equal(rt_params_train(b->params, s->train[i], &err), RT_OK);
    for (int i = 0; i < 2 && s->adapt[i]; i++) assert_int_equal(rt_params_adapt(b->params, s->adapt[i], 4, 8, 1, &err), RT_OK);
    char checkpoint[4096], config[4096];
    snprintf(checkpoint, sizeof checkpoint, "%s", path_in(b, "tiny/tiny.pt"));
    snprintf(config, sizeof config, "%s", path_in(b, "tiny/tiny_config.json"));
    rt_model_options options = {.checkpoint = checkpoint, .opt_config = config, .precision = s->precision, .real = b->ctx->real,
                                .params = b->params};
    if (rt_model_open(&b->model, &options, &err) != RT_OK) fail_msg("%s", err.what);
    assert_int_equal(rt_inputs_read(&b->inputs, path_in(b, "raw/sequences.csv"), &err), RT_OK);
    assert_int_equal(rt_template_file_open(&b->templates, path_in(b, "raw/template_features.pt"), &err), RT_OK);
    assert_int_equal(rt_conformers_read(&b->conformers, path_in(b, "ccd_reference_conformers.json"), &err), RT_OK);
    rt_input *input = NULL;
    for (int64_t i = 0; i < b->inputs.n_input; i++)
        if (strcmp(b->inputs.input[i].target, "hairpin30") == 0) input = &b->inputs.input[i];
    assert_non_null(input);
    assert_int_equal(rt_input_load_msa(input, path_in(b, "raw/msa"), &err), RT_OK);
    const rt_template *t = rt_template_file_find(b->templates, "hairpin30");
    assert_int_equal(rt_input_set_templates(input, t->xyz, t->length, t->n_template, t->sequence, TEMPLATE_INDEX,
                                            RT_TEMPLATE_MISSING_ORIGIN, NULL, &err), RT_OK);
    assert_int_equal(rt_weights_open(&b->drawn, path_in(b, "features/hairpin30.safetensors"), &err), RT_OK);
    rt_ref_pos_draws draws = {rt_weights_find(b->drawn, "aug.rot")->tensor.data,
                              rt_weights_find(b->drawn, "aug.trans")->tensor.data};
    assert_int_equal(rt_features_build(&b->features, b->ctx->step, input, &b->conformers, 0, &draws, &err), RT_OK);
    char file[64];
    snprintf(file, sizeof file, "train_exact/%s.safetensors", golden);
    assert_int_equal(rt_weights_open(&b->golden, path_in(b, file), &err), RT_OK);
    return true;
}

static void close_bench(bench *b)
{
    rt_weights_close(b->golden);
    rt_weights_close(b->drawn);
    rt_template_file_close(b->templates);
    rt_inputs_free_members(&b->inputs);
    rt_model_close(b->model);
    rt_params_free(b->params);
    rt_ctx_free(b->ctx);
}

static rt_tensor recorded(const bench *b, const char *name)
{
    const rt_weight *w = rt_weights_find(b->golden, name);
    if (!w) fail_msg("no '%s' in %s", name, rt_weights_path(b->golden));
    return w->tensor;
}

/* A recorded tensor in the context's type. */
static rt_tensor load(const bench *b, const char *name) { return rt_new_copy(b->ctx, recorded(b, name)); }

/* dlogits row = weight (softmax - one-hot of bin); returns the cross entropy. */
static double cross_entropy(rt_tensor logits, rt_tensor dlogits, int64_t row, int64_t bin, double weight)
{
    int64_t n = rt_last(logits);
    double top = -INFINITY, sum = 0;
    for (int64_t i = 0; i < n; i++) top = fmax(top, rt_get(logits, row * n + i));
    for (int64_t i = 0; i < n; i++) sum += exp(rt_get(logits, row * n + i) - top);
    for (int64_t i = 0; i < n; i++)
        rt_set(dlogits, row * n + i, weight * (exp(rt_get(logits, row * n + i) - top) / sum - (i == bin)));
    return -(rt_get(logits, row * n + bin) - top - log(sum));
}

/* The mean over rows whose mask is set; bins: one for each row, or with `packed` one for each set row. */
static double masked_loss(rt_tensor logits, rt_tensor dlogits, rt_tensor bins, rt_tensor mask, bool packed)
{
    int64_t rows = rt_rows(logits), at = 0;
    double count = 1e-6, sum = 0;
    for (int64_t m = 0; m < rows; m++) count += rt_get(mask, m);
    memset(dlogits.data, 0, (size_t)rt_bytes(dlogits));
    for (int64_t m = 0; m < rows; m++) {
        if (rt_get(mask, m) == 0) continue;
        int64_t bin = (int64_t)rt_get(bins, packed ? at++ : m);
        sum += cross_entropy(logits, dlogits, m, bin, 1 / count) / count;
    }
    return sum;
}

typedef struct { double error; char name[192]; } worst_gradient;

/* This bias is added along the softmax axis: its gradient is zero, and what is recorded is noise (up to 1e-9 of the
 * module's largest gradient, measured).  It must be noise here too: below 1e-6 of the largest in float. */
static bool is_zero(const char *name) { return strstr(name, "attention_pair_bias.layernorm_z.bias") != NULL; }

/* Every trained tensor's gradient against "<prefix><name without skip>": L2 of the difference over the larger of the
 * gradient's L2 and 1e-6 of the module's largest. */
static worst_gradient compare_gradients(const bench *b, const char *prefix, const char *skip, const char *module)
{
    worst_gradient worst = {0};
    double floor = 0;
    int64_t compared = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int64_t i = 0; i < rt_params_count(b->params); i++) {
            const rt_param *p = rt_params_at(b->params, i);
            char name[320];
            if (strncmp(p->name, module, strlen(module)) != 0) continue;
            const char *rest = strncmp(p->name, skip, strlen(skip)) == 0 ? p->name + strlen(skip) : p->name;
            snprintf(name, sizeof name, "%s%s", prefix, rest);
            rt_tensor golden = recorded(b, name);
            double square = 0, difference = 0;
            assert_int_equal(rt_count(golden), rt_count(p->grad));
            for (int64_t e = 0; e < rt_count(golden); e++) {
                double g = rt_get(golden, e), d = rt_get(p->grad, e) - g;
                square += g * g;
                difference += d * d;
            }
            if (pass == 0) {
                floor = fmax(floor, 1e-6 * sqrt(square));
                continue;
            }
            double error = sqrt(difference) / (is_zero(p->name) ? 1e4 * floor : fmax(sqrt(square), floor));
            compared++;
            if (!(error <= worst.error)) {
                worst.error = error;
                snprintf(worst.name, sizeof worst.name, "%s", p->name);
            }
        }
    assert_true(compared > 0);
    return worst;
}

static void check_gradients(const bench *b, const char *prefix, const char *skip, const char *module, double bound)
{
    worst_gradient worst = compare_gradients(b, prefix, skip, module);
    print_message("%s*: worst %.1e (%s)\n", module, worst.error, worst.name);
    if (!(worst.error <= bound)) fail_msg("%s: error %g, bound %g", worst.name, worst.error, bound);
}

/* ---- confidence head ---- */

/* One forward and backward pass from the recorded inputs; losses: plddt, pde, resolved, pae. */
static void confidence_step(const bench *b, double out_loss[4])
{
    rt_ctx *ctx = b->ctx;
    int64_t n = b->features.n_token, atoms = b->features.n_atom;
    const rt_config *c = &b->model->config;
    rt_tensor s_inputs = load(b, "s_inputs"), s = load(b, "s_trunk"), z = load(b, "z_trunk");
    rt_tensor x = RT_VIEW(load(b, "x_mini"), atoms, 3);
    rt_confidence_logits logits = {RT_NEW(ctx, n, n, c->pae_bins), RT_NEW(ctx, n, n, c->pde_bins),
                                   RT_NEW(ctx, atoms, c->plddt_bins), RT_NEW(ctx, atoms, 2)};
    rt_confidence_logits d = {rt_new_like(ctx, logits.pae), rt_new_like(ctx, logits.pde), rt_new_like(ctx, logits.plddt),
                              rt_new_like(ctx, logits.resolved)};
    rt_confidence_saved saved;
    rt_confidence_head_forward(ctx, &b->model->confidence, &logits, s_inputs, s, z, x, &b->features, 0, &saved);
    assert_int_equal(ctx->status, RT_OK);
    rt_tensor mask = recorded(b, "label.coordinate_mask"), all = RT_NEW(ctx, atoms);
    for (int64_t a = 0; a < atoms; a++) rt_set(all, a, 1);
    out_loss[0] = masked_loss(logits.plddt, d.plddt, recorded(b, "label.plddt_bin"), mask, true);
    out_loss[1] = masked_loss(logits.pde, d.pde, recorded(b, "label.pde_bin"), recorded(b, "label.pde_pair_mask"), false);
    out_loss[2] = masked_loss(logits.resolved, d.resolved, mask, all, false);
    out_loss[3] = masked_loss(logits.pae, d.pae, recorded(b, "label.pae_bin"), recorded(b, "label.pae_pair_mask"), false);
    rt_confidence_head_backward(ctx, &b->model->confidence, &d, &b->features, &saved);
    assert_int_equal(ctx->status, RT_OK);
}

static void check_confidence(rt_backend_kind backend, rt_precision precision, double loss_bound, double bound)
{
    bench b;
    double loss[4];
    static const double GOLDEN[4] = {4.193356513977051, 4.8746442794799805, 0.8024948239326477, 4.181433200836182};
    setting s = {.backend = backend, .threads = 2, .precision = precision, .train = {"confidence_head"}};
    if (!open_bench(&b, &s, "confidence")) skip();
    b.ctx->bf16 = precision == RT_PRECISION_BF16;
    confidence_step(&b, loss);
    for (int i = 0; i < 4; i++)
        if (!(fabs(loss[i] - GOLDEN[i]) <= loss_bound * GOLDEN[i]))
            fail_msg("loss %d: %.9g, recorded %.9g", i, loss[i], GOLDEN[i]);
    check_gradients(&b, "grad.unit.", "confidence_head.", "confidence_head.", bound);
    close_bench(&b);
}

static void confidence_gradients_are_the_references(void **state)
{
    (void)state;
    check_confidence(RT_BACKEND_CPU, RT_PRECISION_FP32, 1e-5, 1e-4);
}

static void confidence_gradients_in_double(void **state)
{
    (void)state;
    check_confidence(RT_BACKEND_REF64, RT_PRECISION_FP32, 1e-5, 1e-4);
}

static void confidence_gradients_in_bf16(void **state)
{
    (void)state;
    check_confidence(RT_BACKEND_CPU, RT_PRECISION_BF16, 2e-2, 5e-2);
}

/* ---- denoiser and distogram ---- */

/* max |a - golden| / max |golden| */
static double distance_to(const bench *b, rt_tensor a, const char *name)
{
    rt_tensor golden = recorded(b, name);
    double error = 0, top = 0;
    assert_int_equal(rt_count(a), rt_count(golden));
    for (int64_t i = 0; i < rt_count(golden); i++) {
        error = fmax(error, fabs(rt_get(a, i) - rt_get(golden, i)));
        top = fmax(top, fabs(rt_get(golden, i)));
    }
    return error / top;
}

static void check_near(const bench *b, rt_tensor a, const char *name, double bound)
{
    double error = distance_to(b, a, name);
    print_message("%s: %.1e\n", name, error);
    if (!(error <= bound)) fail_msg("%s: error %g, bound %g", name, error, bound);
}

/* Every recorded noisy copy forward and backward, and the distogram; ds and dz += what reaches the trunk. */
static void structure_step(const bench *b, rt_tensor s_inputs, rt_tensor s, rt_tensor z, rt_tensor ds_inputs, rt_tensor ds,
                           rt_tensor dz, double bound)
{
    rt_ctx *ctx = b->ctx;
    const rt_denoiser *d = &b->model->denoiser;
    rt_denoiser_context context;
    rt_denoiser_context_saved kept;
    rt_denoiser_context_gradient gradient;
    rt_tensor x_noisy = load(b, "x_noisy"), dx = load(b, "grad.x_denoised"), x = rt_new_like(ctx, x_noisy);
    int64_t copies = x_noisy.dim[0];
    double sigma[8];
    assert_true(copies <= 8);
    for (int64_t i = 0; i < copies; i++) sigma[i] = rt_get(recorded(b, "sigma"), i);
    rt_denoiser_prepare(ctx, d, &context, &b->features, s_inputs, s, z, &kept);
    rt_denoiser_context_gradient_create(ctx, d, &gradient, &context);
    for (int64_t first = 0, n; first < copies; first += n) {
        int64_t mark = rt_arena_mark(ctx->step);
        rt_denoiser_saved saved;
        n = b->copies_at_once < copies - first ? b->copies_at_once : copies - first;
        rt_denoiser_forward(ctx, d, &context, rt_slice(x, first, n), rt_slice(x_noisy, first, n),
                            (rt_noise_levels){sigma + first, n}, 0, 1, &saved);
        rt_denoiser_backward(ctx, d, &context, &gradient, rt_slice(dx, first, n), &saved);
        rt_arena_reset(ctx->step, mark);
    }
    check_near(b, x, "x_denoised", bound);
    rt_denoiser_prepare_backward(ctx, d, ds_inputs, ds, dz, &gradient, &context, &kept);
    assert_int_equal(ctx->status, RT_OK);
}

static void distogram_step(const bench *b, rt_tensor z, rt_tensor dz, double bound)
{
    rt_ctx *ctx = b->ctx;
    rt_weights *labels;
    assert_int_equal(rt_weights_open(&labels, path_in(b, "train_exact/structure.safetensors"), NULL), RT_OK);
    rt_tensor logits = RT_NEW(ctx, z.dim[0], z.dim[0], b->model->config.distogram_bins), dlogits = rt_new_like(ctx, logits);
    rt_distogram_head_forward(ctx, &b->model->distogram, logits, z);
    check_near(b, logits, "distogram_logits", bound);
    double loss = masked_loss(logits, dlogits, rt_weights_find(labels, "distogram.true_bin")->tensor,
                              rt_weights_find(labels, "distogram.pair_mask")->tensor, false);
    assert_true(fabs(loss - 27.612991333007812) <= fmax(1e-5, bound) * 27.6);
    rt_op_axpby(ctx, dlogits, 0, dlogits, 3e-2);
    rt_distogram_head_backward(ctx, &b->model->distogram, dz, dlogits, z);
    rt_weights_close(labels);
}

static rt_tensor zeros_like(rt_ctx *ctx, rt_tensor t)
{
    rt_tensor zero = rt_new_like(ctx, t);
    rt_zero(ctx, zero);
    return zero;
}

static void check_denoiser(rt_backend_kind backend, int64_t copies_at_once, rt_precision precision, double stage_bound,
                           double bound)
{
    bench b;
    setting s = {.backend = backend, .threads = 2, .precision = precision, .train = {"diffusion_module.*", "distogram_head.*"},
                 .copies_at_once = copies_at_once};
    if (!open_bench(&b, &s, "full")) skip();
    b.ctx->bf16 = precision == RT_PRECISION_BF16;
    rt_tensor s_inputs = load(&b, "s_inputs"), single = load(&b, "s_trunk"), z = load(&b, "z_trunk");
    rt_tensor ds_inputs = zeros_like(b.ctx, s_inputs), ds = zeros_like(b.ctx, single), dz = zeros_like(b.ctx, z);
    structure_step(&b, s_inputs, single, z, ds_inputs, ds, dz, stage_bound);
    distogram_step(&b, z, dz, stage_bound);
    check_near(&b, ds, "grad.s_trunk", bound);
    check_gradients(&b, "grad.", "", "distogram_head.", bound);
    check_gradients(&b, "grad.", "", "diffusion_module.", bound);
    /* grad.z_trunk has a part that comes back through s: the last block's attention reads the same z */
    close_bench(&b);
}

static void denoiser_gradients_are_the_references(void **state)
{
    (void)state;
    check_denoiser(RT_BACKEND_CPU, 1, RT_PRECISION_FP32, 2e-4, 1e-4);
}

/* Three copies, each with a noise level of its own: two and one, and all. */
static void copies_at_once_get_the_references_gradients(void **state)
{
    (void)state;
    for (int64_t at_once = 2; at_once <= 3; at_once++) {
        check_denoiser(RT_BACKEND_CPU, at_once, RT_PRECISION_FP32, 2e-4, 1e-4);
        check_denoiser(RT_BACKEND_REF64, at_once, RT_PRECISION_FP32, 2e-4, 1e-4);
    }
}

static void denoiser_gradients_in_double(void **state)
{
    (void)state;
    check_denoiser(RT_BACKEND_REF64, 1, RT_PRECISION_FP32, 2e-4, 1e-4);
}

static void denoiser_gradients_in_bf16(void **state)
{
    (void)state;
    /* small_mlp's relus flip with rounding: 5.04e-2 measured.  The reference trains the denoiser in float. */
    check_denoiser(RT_BACKEND_CPU, 1, RT_PRECISION_BF16, 4e-2, 6e-2);
}

/* ---- the whole network: trunk, denoiser, distogram ---- */

static void full_step(const bench *b, double bound)
{
    rt_ctx *ctx = b->ctx;
    const rt_config *c = &b->model->config;
    int64_t n = b->features.n_token;
    rt_tensor rows[2] = {recorded(b, "rand.msa_indices.0"), recorded(b, "rand.msa_indices.1")};
    rt_tensor s_inputs = RT_NEW(ctx, n, c->c_s_inputs), s = RT_NEW(ctx, n, c->c_s), z = RT_NEW(ctx, n, n, c->c_z);
    rt_tensor ds_inputs = zeros_like(ctx, s_inputs), ds = zeros_like(ctx, s), dz = zeros_like(ctx, z);
    rt_trunk_saved saved;
    bool bf16 = ctx->bf16;
    rt_trunk_forward(ctx, &b->model->trunk, s_inputs, s, z, &b->features, 2, &(rt_msa_choice){.opt_rows = rows}, NULL, NULL,
                     &saved);
    check_near(b, s, "s_trunk", bound);
    check_near(b, z, "z_trunk", bound);
    distogram_step(b, z, dz, bound);
    ctx->bf16 = b->model->precision == RT_PRECISION_BF16;
    structure_step(b, s_inputs, s, z, ds_inputs, ds, dz, bound);
    ctx->bf16 = bf16;
    rt_trunk_backward(ctx, &b->model->trunk, ds_inputs, ds, dz, &b->features, &saved);
    assert_int_equal(ctx->status, RT_OK);
}

static void check_full(const setting *s, const char *golden, double stage_bound, double bound)
{
    bench b;
    if (!open_bench(&b, s, golden)) skip();
    b.ctx->bf16 = s->precision != RT_PRECISION_FP32;
    for (int64_t i = 0; i < rt_params_count(b.params); i++) {   /* adapters begin where the reference's did */
        rt_param *p = rt_params_at(b.params, i);
        char name[320];
        snprintf(name, sizeof name, "param.%s", p->name);
        if (p->kind == RT_PARAM_WEIGHT) continue;
        rt_tensor start = recorded(&b, name);
        rt_convert(p->value.data, p->value.dtype, start.data, start.dtype, rt_count(start));
    }
    full_step(&b, stage_bound);
    if (rt_params_any(b.params, "distogram_head.")) check_gradients(&b, "grad.", "", "distogram_head.", bound);
    check_gradients(&b, "grad.", "", "diffusion_module.", bound);
    check_gradients(&b, "grad.", "", "pairformer_stack.", bound);
    close_bench(&b);
}

#define FULL {"diffusion_module.*", "pairformer_stack.*", "distogram_head.*"}
#define ADAPTED {"pairformer_stack.*.attention_pair_bias.attention.linear_[qkv]", \
                 "diffusion_module.diffusion_transformer.*.attention_pair_bias.attention.linear_[qkv]"}

static void full_gradients_are_the_references(void **state)
{
    (void)state;
    check_full(&(setting){.backend = RT_BACKEND_CPU, .threads = 2, .train = FULL}, "full", 2e-4, 1e-4);
}

static void full_gradients_in_double(void **state)
{
    (void)state;
    check_full(&(setting){.backend = RT_BACKEND_REF64, .threads = 2, .train = FULL}, "full", 2e-4, 1e-4);
}

static void full_gradients_at_the_references_precision(void **state)
{
    (void)state;
    check_full(&(setting){.backend = RT_BACKEND_CPU, .threads = 2, .precision = RT_PRECISION_REFERENCE, .train = FULL}, "full",
               4e-2, 5e-2);
}

static void adapters_get_the_references_gradients(void **state)
{
    (void)state;
    check_full(&(setting){.backend = RT_BACKEND_CPU, .threads = 2, .adapt = ADAPTED}, "lora", 2e-4, 1e-4);
}

static void adapters_in_double(void **state)
{
    (void)state;
    check_full(&(setting){.backend = RT_BACKEND_REF64, .threads = 2, .adapt = ADAPTED}, "lora", 2e-4, 1e-4);
}

/* ---- bytes ---- */

typedef void step_function(const bench *b);

static void confidence_only(const bench *b)
{
    double loss[4];
    confidence_step(b, loss);
}

static void everything(const bench *b) { full_step(b, 2e-4); }

/* A copy of one trained tensor's gradient. */
typedef struct {
    char name[192];
    int64_t size;
    char *bytes;
} kept_gradient;

typedef struct {
    kept_gradient *gradient;
    int64_t count;
} kept_gradients;

static bool run_step(kept_gradients *out, const setting *s, const char *golden, int64_t keep_every, step_function *step)
{
    bench b;
    if (!open_bench(&b, s, golden)) return false;
    b.ctx->keep_every = keep_every;
    step(&b);
    out->count = rt_params_count(b.params);
    out->gradient = calloc((size_t)out->count, sizeof *out->gradient);
    for (int64_t i = 0; i < out->count; i++) {
        const rt_param *p = rt_params_at(b.params, i);
        kept_gradient *g = &out->gradient[i];
        snprintf(g->name, sizeof g->name, "%s", p->name);
        g->size = rt_bytes(p->grad);
        g->bytes = malloc((size_t)g->size);
        memcpy(g->bytes, p->grad.data, (size_t)g->size);
    }
    close_bench(&b);
    return true;
}

static void free_gradients(kept_gradients *g)
{
    for (int64_t i = 0; i < g->count; i++) free(g->gradient[i].bytes);
    free(g->gradient);
}

/* Every gradient of `some` is the one of that name in `all`, byte for byte. */
static void check_same_bytes(const kept_gradients *all, const kept_gradients *some, const char *what)
{
    int64_t k = 0;
    for (int64_t i = 0; i < some->count; i++, k++) {
        while (k < all->count && strcmp(all->gradient[k].name, some->gradient[i].name) != 0) k++;
        assert_true(k < all->count);
        if (memcmp(all->gradient[k].bytes, some->gradient[i].bytes, (size_t)some->gradient[i].size) != 0)
            fail_msg("%s: %s", what, some->gradient[i].name);
    }
}

static void check_bytes(const char *train, const char *golden, int64_t copies_at_once, step_function *step)
{
    const struct { int threads; int64_t keep_every; } cases[] = {{2, 0}, {3, 0}, {1, 1}, {2, 2}, {2, 5}};
    kept_gradients one, other;
    setting s = {.backend = RT_BACKEND_CPU, .threads = 1, .train = {train}, .copies_at_once = copies_at_once};
    if (!run_step(&one, &s, golden, 0, step)) skip();
    for (int i = 0; i < 5; i++) {
        s.threads = cases[i].threads;
        char what[64];
        snprintf(what, sizeof what, "%d threads, every %lld", cases[i].threads, (long long)cases[i].keep_every);
        run_step(&other, &s, golden, cases[i].keep_every, step);
        check_same_bytes(&one, &other, what);
        free_gradients(&other);
    }
    free_gradients(&one);
}

static void threads_and_checkpointing_change_no_byte(void **state)
{
    (void)state;
    check_bytes("confidence_head", "confidence", 1, confidence_only);
    check_bytes("*", "full", 1, everything);
    check_bytes("diffusion_module.*", "full", 2, everything);
}

/* Freezing the rest leaves out its work and changes nothing else. */
static void a_frozen_rest_changes_no_byte(void **state)
{
    (void)state;
    static const char *const SETS[] = {
        "input_embedder", "relative_position_encoding", "gated_pairwise_feature_injector", "template_embedder",
        "linear_no_bias_z_cycle", "msa_module.blocks.0", "pairformer_stack.blocks.1", "*.tri_att_end.mha.linear_[ov].weight",
        "diffusion_module.diffusion_transformer", "diffusion_module.atom_attention_encoder.linear_no_bias_invd",
        "distogram_head"};
    kept_gradients all, some;
    if (!run_step(&all, &(setting){.backend = RT_BACKEND_CPU, .threads = 2, .train = {"*"}}, "full", 0, everything)) skip();
    for (int i = 0; i < (int)(sizeof SETS / sizeof *SETS); i++) {
        run_step(&some, &(setting){.backend = RT_BACKEND_CPU, .threads = 2, .train = {SETS[i]}}, "full", 0, everything);
        check_same_bytes(&all, &some, SETS[i]);
        free_gradients(&some);
    }
    free_gradients(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(confidence_gradients_are_the_references),
        cmocka_unit_test(confidence_gradients_in_double),
        cmocka_unit_test(confidence_gradients_in_bf16),
        cmocka_unit_test(denoiser_gradients_are_the_references),
        cmocka_unit_test(denoiser_gradients_in_double),
        cmocka_unit_test(denoiser_gradients_in_bf16),
        cmocka_unit_test(copies_at_once_get_the_references_gradients),
        cmocka_unit_test(full_gradients_are_the_references),
        cmocka_unit_test(full_gradients_in_double),
        cmocka_unit_test(full_gradients_at_the_references_precision),
        cmocka_unit_test(adapters_get_the_references_gradients),
        cmocka_unit_test(adapters_in_double),
        cmocka_unit_test(threads_and_checkpointing_change_no_byte),
        cmocka_unit_test(a_frozen_rest_changes_no_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
