#include "bench.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/rng.h"
#include "diffusion/sampler.h"
#include "op/cpu.h"
#include "train/adam.h"
#include "train/loss_confidence.h"

const char *rt_bench_stage_name(int stage)
{
    static const char *const NAMES[] = {
#define RT_STAGE(name) #name,
        RT_BENCH_STAGES
#undef RT_STAGE
    };
    return NAMES[stage];
}

typedef struct {
    rt_ctx *ctx;
    rt_params *params;   /* the confidence head trains, for its step; or adapters; NULL: no stage trains */
    rt_adam *adam;
    rt_label label;
    rt_model *model;
    rt_features features;
    rt_tensor s_inputs, s_init, s, z, x, denoised, rows, level;
    int64_t copies, copies_at_once;   /* of a LoRA step */
    rt_denoiser_context context;
} workload;

/* An N-mer with n_msa mutated rows and one random-walk template. */
static rt_status make_features(workload *w, int64_t n, int64_t n_msa, rt_err *err)
{
    rt_status status = RT_OK;
    rt_input input = {0};
    rt_rng rng = rt_rng_make(1, 2, 3, RT_DRAW_WEIGHTS);
    char *text = NULL;
    float *xyz = NULL;
    RT_TRY_ALLOC(text, n + 1);
    RT_TRY_ALLOC(xyz, 3 * n);
    for (int64_t i = 0; i < n; i++) text[i] = "ACGU"[rt_rng_below(&rng, (uint64_t)i, 4)];
    for (int64_t i = 0; i < 3 * n; i++)
        xyz[i] = (i < 3 ? 0 : xyz[i - 3]) + 3.5f * (float)rt_rng_normal(&rng, (uint64_t)(n + i));
    RT_TRY(rt_input_set_sequence(&input, "bench", text, err));
    RT_TRY(rt_input_set_templates(&input, xyz, n, 1, NULL, 0, RT_TEMPLATE_MISSING_MASK, NULL, err));
    RT_TRY(rt_features_build(&w->features, w->ctx->step, &input, rt_conformers_default(), 1, NULL, err));
    w->features.n_msa = n_msa;
    w->features.msa = RT_NEW_HOST(w->ctx, RT_U8, n_msa, n);
    w->rows = RT_NEW_HOST(w->ctx, RT_I64, n_msa);
    for (int64_t i = 0; w->ctx->status == RT_OK && i < n_msa * n; i++)
        ((uint8_t *)w->features.msa.data)[i] = (uint8_t)(21 + rt_rng_below(&rng, (uint64_t)(5 * n + i), 4));
    for (int64_t i = 0; w->ctx->status == RT_OK && i < n_msa; i++) ((int64_t *)w->rows.data)[i] = i;
done:
    rt_input_free_members(&input);
    free(text);
    free(xyz);
    return status;
}

static void fill(rt_tensor t, double scale, uint64_t stream)
{
    rt_rng rng = rt_rng_make(7, stream, 0, RT_DRAW_WEIGHTS);
    for (int64_t i = 0; t.data && i < rt_count(t); i++) ((float *)t.data)[i] = (float)(scale * rt_rng_normal(&rng, (uint64_t)i));
}

static rt_confidence_logits new_logits(workload *w)
{
    rt_ctx *ctx = w->ctx;
    const rt_config *c = &w->model->config;
    int64_t n = w->features.n_token, atoms = w->features.n_atom;
    return (rt_confidence_logits){RT_NEW(ctx, n, n, c->pae_bins), RT_NEW(ctx, n, n, c->pde_bins),
                                  RT_NEW(ctx, atoms, c->plddt_bins), RT_NEW(ctx, atoms, 2)};
}

static void run_confidence(workload *w, rt_tensor s, rt_tensor z)
{
    rt_confidence_logits logits = new_logits(w);
    rt_confidence_head_forward(w->ctx, &w->model->confidence, &logits, w->s_inputs, s, z, rt_at(w->x, 0), &w->features, 0,
                               NULL);
}

/* As confidence_step of bench/torch_measure.py: labels, forward, all four losses, backward, clipping and Adam. */
static void step_confidence(workload *w, rt_tensor s, rt_tensor z)
{
    rt_ctx *ctx = w->ctx;
    const rt_confidence_terms weight = {1e-4, 1e-4, 1e-4, 1e-4};
    rt_confidence_terms loss;
    rt_confidence_label truth;
    rt_confidence_saved saved;
    rt_tensor x = rt_at(w->x, 0);
    rt_confidence_logits logits = new_logits(w), d = new_logits(w);
    rt_zero(ctx, d.pae);
    rt_zero(ctx, d.pde);
    rt_zero(ctx, d.plddt);
    rt_zero(ctx, d.resolved);
    rt_confidence_head_forward(ctx, &w->model->confidence, &logits, w->s_inputs, s, z, x, &w->features, 0, &saved);
    rt_ctx_sync(ctx);
    if (ctx->status == RT_OK)
        ctx->status = rt_loss_confidence_label(&truth, ctx->step, ctx->pool, &w->features, &w->label, x, &ctx->err);
    if (ctx->status != RT_OK) return;
    rt_loss_confidence(ctx, &loss, &d, &logits, &truth, &weight);
    rt_confidence_head_backward(ctx, &w->model->confidence, &d, &w->features, &saved);
    if (ctx->status != RT_OK) return;
    rt_adam_step(w->adam, ctx->pool, 1e-4, 1, rt_adam_norm(w->adam, ctx->pool, 1, NULL));
    rt_params_zero_grad(w->params, w->ctx->pool);
}

enum { LORA_RANK = 8 };

/* x stands in for its own gradient times the scale, as under the mean of squares. */
static rt_tensor mean_square_gradient(rt_ctx *ctx, rt_tensor x)
{
    rt_tensor d = rt_new_like(ctx, x);
    rt_op_axpby(ctx, d, 0, x, 2 / (double)rt_count(x));
    return d;
}

static rt_tensor zeros_like(rt_ctx *ctx, rt_tensor t)
{
    rt_tensor zero = rt_new_like(ctx, t);
    rt_zero(ctx, zero);
    return zero;
}

static void run_lora_step(workload *w, rt_tensor s, rt_tensor z)
{
    rt_ctx *ctx = w->ctx;
    const rt_model *m = w->model;
    rt_stack_saved stack;
    rt_denoiser_context context;
    rt_denoiser_context_saved kept;
    rt_denoiser_context_gradient gradient;
    rt_params_zero_grad(w->params, w->ctx->pool);
    rt_pairformer_forward(ctx, &m->trunk.pairformer, s, z, "", 0, &stack);
    rt_tensor ds = zeros_like(ctx, s), dz = zeros_like(ctx, z);
    rt_denoiser_prepare(ctx, &m->denoiser, &context, &w->features, w->s_inputs, s, z, &kept);
    rt_denoiser_context_gradient_create(ctx, &m->denoiser, &gradient, &context);
    for (int64_t first = 0, batch; first < w->copies && ctx->status == RT_OK; first += batch) {
        batch = w->copies - first < w->copies_at_once ? w->copies - first : w->copies_at_once;
        int64_t mark = rt_arena_mark(ctx->step);
        rt_denoiser_saved saved;
        rt_tensor x = rt_slice(w->denoised, first, batch);
        rt_noise_levels levels = {(const double *)w->level.data + first, batch};
        rt_denoiser_forward(ctx, &m->denoiser, &context, x, rt_slice(w->x, first, batch), levels, first, 1, &saved);
        rt_denoiser_backward(ctx, &m->denoiser, &context, &gradient, mean_square_gradient(ctx, x), &saved);
        rt_arena_reset(ctx->step, mark);
    }
    rt_denoiser_prepare_backward(ctx, &m->denoiser, RT_ABSENT, ds, dz, &gradient, &context, &kept);
    rt_tensor logits = RT_NEW(ctx, z.dim[0], z.dim[1], m->config.distogram_bins);
    rt_distogram_head_forward(ctx, &m->distogram, logits, z);
    rt_distogram_head_backward(ctx, &m->distogram, dz, mean_square_gradient(ctx, logits), z);
    rt_pairformer_backward(ctx, &m->trunk.pairformer, ds, dz, NULL, &stack);
    if (ctx->status == RT_OK) rt_adam_step(w->adam, ctx->pool, 1e-4, 1, rt_adam_norm(w->adam, ctx->pool, 1, NULL));
}

static void run_stage(workload *w, int stage)
{
    rt_ctx *ctx = w->ctx;
    const rt_model *m = w->model;
    int64_t mark = rt_arena_mark(ctx->step);
    rt_tensor z = rt_new_copy(ctx, w->z), s = rt_new_copy(ctx, w->s);
    switch (stage) {
    case RT_BENCH_ribonanza: {
        rt_ribonanza_mix mix;
        rt_ribonanza_forward(ctx, &m->trunk.embedder.ribonanza, &mix, rt_upload(ctx, w->features.tokenized_seq));
        break;
    }
    case RT_BENCH_input_embedder: {
        rt_embedder embedder = m->trunk.embedder;
        embedder.use_ribonanza = false;
        rt_embedder_forward(ctx, &embedder, w->s_inputs, w->s_init, z, &w->features, NULL);
        break;
    }
    case RT_BENCH_template:
        rt_template_embedder_forward(ctx, &m->trunk.template_embedder, z, w->s_inputs, &w->features, 0, NULL);
        break;
    case RT_BENCH_msa:
        rt_msa_module_forward(ctx, &m->trunk.msa, z, w->s_inputs, &w->features, w->rows, 0, NULL);
        break;
    case RT_BENCH_pairformer:
        rt_pairformer_forward(ctx, &m->trunk.pairformer, s, z, "", 0, NULL);
        break;
    case RT_BENCH_denoiser_1:
    case RT_BENCH_denoiser_5: {
        int64_t samples = stage == RT_BENCH_denoiser_1 ? 1 : 5;
        rt_denoiser_forward(ctx, &m->denoiser, &w->context, rt_slice(w->denoised, 0, samples), rt_slice(w->x, 0, samples),
                            (rt_noise_levels){w->level.data, 1}, 0, 1, NULL);
        break;
    }
    case RT_BENCH_lora_step:
        run_lora_step(w, s, z);
        break;
    case RT_BENCH_confidence:
        run_confidence(w, s, z);
        break;
    default:
        step_confidence(w, s, z);
    }
    rt_arena_reset(ctx->step, mark);
}

/* Normal numbers, which begin anew at every 4099th: many are wanted, and no two rows should be the same. */
static void fill_over(rt_tensor t)
{
    enum { PERIOD = 4099 };
    rt_rng rng = rt_rng_make(7, 1, 0, RT_DRAW_WEIGHTS);
    float some[PERIOD];
    for (int i = 0; i < PERIOD; i++) some[i] = (float)rt_rng_normal(&rng, (uint64_t)i);
    for (int64_t i = 0; t.data && i < rt_count(t); i += PERIOD) {
        int64_t count = rt_count(t) - i < PERIOD ? rt_count(t) - i : PERIOD;
        if (t.dtype == RT_BF16) rt_cpu_to_bf16((uint16_t *)t.data + i, some, count);
        else memcpy((float *)t.data + i, some, (size_t)count * sizeof *some);
    }
}

/* GFLOP/s of y (m,n) = x (m,k) w (n,k), best of several. */
static double product_rate(rt_ctx *ctx, int64_t m, int64_t n, int64_t k, bool bf16)
{
    enum { TIMES = 8 };
    const double enough = 2;   /* seconds */
    int64_t mark = rt_arena_mark(ctx->step);
    rt_tensor x = RT_NEW(ctx, m, k), y = RT_NEW(ctx, m, n), w = RT_NEW_TYPE(ctx, bf16 ? RT_BF16 : RT_F32, n, k);
    double best = INFINITY, begin = rt_clock();
    rt_ctx_sync(ctx);
    fill_over(x);
    fill_over(w);
    for (int i = 0; i < TIMES && ctx->status == RT_OK && (i < 2 || rt_clock() - begin < enough); i++) {
        double start = rt_clock();
        rt_op_linear(ctx, y, x, w, RT_ABSENT, (rt_epilogue){0});
        rt_ctx_sync(ctx);
        best = fmin(best, rt_clock() - start);
    }
    rt_arena_reset(ctx->step, mark);
    return 2e-9 * (double)(m * n * k) / best;
}

double rt_bench_gemm_peak(rt_ctx *ctx, bool bf16)
{
    if (!ctx->on_device) return product_rate(ctx, 4096 * rt_pool_threads(ctx->pool), 1024, 512, bf16);
    const double long_enough = 0.02;   /* seconds: launches and roundings of x do not show any more */
    double best = 0;
    for (int64_t side = 512; side <= 8192 && ctx->status == RT_OK; side *= 2) {
        /* x as it is and rounded, y, w */
        int64_t bytes = side * side * (4 + 2 + 8 + 8), room = rt_arena_capacity(ctx->step) - rt_arena_used(ctx->step);
        if (bytes > room && best > 0) break;
        double rate = product_rate(ctx, side, 2 * side, side, bf16);
        best = fmax(best, rate);
        if (4e-9 * (double)(side * side * side) / rate > long_enough) break;
    }
    return best;
}

/* Counts instead of computing. */
static rt_status count_stage(workload *w, int stage, double *out_gflop, rt_err *err)
{
    rt_ctx_measure measure;
    rt_status status = rt_ctx_count_begin(w->ctx, &measure, err);
    if (status != RT_OK) return status;
    run_stage(w, stage);
    *out_gflop = 1e-9 * rt_ctx_count_end(w->ctx, &measure);
    return RT_OK;
}

/* A random walk over all atoms, each of them seen. */
static void make_label(workload *w)
{
    int64_t n = w->features.n_atom;
    w->label = (rt_label){.n_atom = n,
                          .n_resolved = n,
                          .resolution = 2,
                          .coordinate = RT_NEW_HOST(w->ctx, RT_F32, n, 3),
                          .coordinate_mask = RT_NEW_HOST(w->ctx, RT_U8, n)};
    fill(w->label.coordinate, 1, 7);
    float *xyz = w->label.coordinate.data;
    for (int64_t i = 3; w->ctx->status == RT_OK && i < 3 * n; i++) xyz[i] += xyz[i - 3];
    if (w->ctx->status == RT_OK) memset(w->label.coordinate_mask.data, 1, (size_t)n);
}

static double processor_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static rt_status run_size(rt_bench_result *result, workload *w, const rt_bench_options *options, rt_err *err)
{
    rt_status status = RT_OK;
    rt_ctx *ctx = w->ctx;
    const rt_config *c = &w->model->config;
    int64_t n = result->n_token, mark = rt_arena_mark(ctx->step);   /* weights may lie below */
    w->context = (rt_denoiser_context){0};
    RT_TRY(make_features(w, n, options->n_msa, err));
    result->n_atom = w->features.n_atom;
    w->s_inputs = RT_NEW(ctx, n, c->c_s_inputs);
    w->s_init = RT_NEW(ctx, n, c->c_s);
    w->s = RT_NEW(ctx, n, c->c_s);
    w->z = RT_NEW(ctx, n, n, c->c_z);
    int64_t samples = options->copies > 5 ? options->copies : 5;
    w->copies = options->copies, w->copies_at_once = options->copies_at_once;
    w->x = RT_NEW(ctx, samples, result->n_atom, 3);
    w->denoised = RT_NEW(ctx, samples, result->n_atom, 3);
    w->level = RT_NEW_HOST(ctx, RT_F64, samples);
    for (int64_t i = 0; ctx->status == RT_OK && i < samples; i++) rt_set(w->level, i, 16 + (double)i);
    rt_ctx_sync(ctx);
    fill(w->s, 1, 3);
    fill(w->z, 1, 4);
    fill(w->x, 20, 5);
    fill(w->s_inputs, 1, 6);
    make_label(w);
    for (int stage = 0; stage < RT_BENCH_COUNT && ctx->status == RT_OK; stage++) {
        ctx->bf16 = options->precision == RT_PRECISION_BF16 ||
                    (options->precision == RT_PRECISION_REFERENCE && stage <= RT_BENCH_pairformer);
        bool wanted = (stage == RT_BENCH_lora_step) == options->lora && (!options->opt_stages || options->opt_stages[stage]);
        result->seconds[stage] = result->processor[stage] = wanted ? INFINITY : NAN;
        if (!wanted) continue;
        if (stage == RT_BENCH_denoiser_1 || (stage == RT_BENCH_denoiser_5 && !w->context.features))
            rt_denoiser_prepare(ctx, &w->model->denoiser, &w->context, &w->features, w->s_inputs, w->s, w->z, NULL);
        rt_arena_peak_reset(ctx->step);
        for (int i = 0; i < options->repetitions && ctx->status == RT_OK; i++) {
            double start = rt_clock(), worked = processor_clock();
            run_stage(w, stage);
            rt_ctx_sync(ctx);
            result->seconds[stage] = fmin(result->seconds[stage], rt_clock() - start);
            result->processor[stage] = fmin(result->processor[stage], processor_clock() - worked);
        }
        int64_t peak = rt_arena_peak(ctx->step);
        result->memory[stage] = ctx->on_device ? rt_ctx_rest_bytes(ctx) + peak : rt_memory_peak_rss();
        if (peak > result->peak_activations) result->peak_activations = peak;
        if (ctx->status == RT_OK) RT_TRY(count_stage(w, stage, &result->gflop[stage], err));
        rt_debug("%lld tokens, %s: %.4f s", (long long)n, rt_bench_stage_name(stage), result->seconds[stage]);
        if (stage <= RT_BENCH_confidence) result->peak_rss = rt_memory_peak_rss();
    }
    if (result->peak_rss == 0) result->peak_rss = rt_memory_peak_rss();   /* training alone */
    result->gemm_peak = rt_bench_gemm_peak(ctx, options->precision == RT_PRECISION_BF16);   /* it needs memory, too */
    status = rt_ctx_take(ctx, err);
done:
    rt_arena_reset(ctx->step, mark);
    rt_ctx_trim(ctx);
    return status;
}

static rt_status adapt(rt_params *params, rt_err *err)
{
    rt_status status = RT_OK;
    RT_TRY(rt_params_adapt(params, "pairformer_stack.*.linear_[qkv]", LORA_RANK, 2 * LORA_RANK, 1, err));
    RT_TRY(rt_params_adapt(params, "diffusion_module.diffusion_transformer.*.linear_[qkv]", LORA_RANK, 2 * LORA_RANK, 1, err));
done:
    return status;
}

/* B leaves 0, so that no product is with zeros. */
static void begin_training(workload *w, int64_t keep_every)
{
    w->ctx->keep_every = keep_every;
    for (int64_t i = 0; i < rt_params_count(w->params); i++)
        if (rt_params_at(w->params, i)->kind == RT_PARAM_ADAPTER_B) fill(rt_params_at(w->params, i)->value, 0.01, (uint64_t)i);
}

rt_status rt_bench_run(rt_bench_result *results, const int64_t *n_token, int64_t n_size, const rt_bench_options *options,
                       rt_err *err)
{
    rt_status status = RT_OK;
    workload w = {0};
    RT_TRY(rt_ctx_create(&w.ctx, options->backend, options->threads,
                         options->memory_limit ? options->memory_limit : rt_backend_memory(options->backend), err));
    bool trains = options->lora || !options->opt_stages || options->opt_stages[RT_BENCH_confidence_step];
    if (trains) RT_TRY(rt_params_create(&w.params, err));
    if (options->lora) RT_TRY(adapt(w.params, err));
    else if (trains) RT_TRY(rt_params_train(w.params, "confidence_head", err));
    rt_model_options how = {.checkpoint = options->opt_checkpoint,
                            .precision = options->precision,
                            .real = RT_F32,
                            .opt_ctx = w.ctx,
                            .params = w.params};
    if (options->opt_checkpoint) RT_TRY(rt_model_open(&w.model, &how, err));
    else RT_TRY(rt_model_synthetic(&w.model, options->config, options->precision, w.params, w.ctx, err));
    rt_adam_options adam = rt_adam_default;
    if (trains) RT_TRY(rt_adam_create(&w.adam, w.params, &adam, err));
    if (options->lora) begin_training(&w, options->keep_every);
    for (int64_t i = 0; i < n_size; i++) {
        results[i] = (rt_bench_result){.n_token = n_token[i]};
        RT_TRY(run_size(&results[i], &w, options, err));
    }
done:
    rt_adam_free(w.adam);
    rt_model_close(w.model);
    rt_params_free(w.params);
    rt_ctx_free(w.ctx);
    return status;
}
