#include "fold.h"
#include "base/clock.h"

#include <math.h>

void rt_fold_work(double out_work[RT_STAGE_COUNT], const rt_config *c, const rt_features *features,
                  const rt_fold_options *options)
{
    double n = (double)features->n_token, cz = (double)c->c_z, ct = (double)c->c_token, samples = (double)options->n_sample;
    double pair_block = 12 * cz * n * n * n + 68 * cz * cz * n * n;   /* multiply-adds of a pairformer block, about */
    double templates = (double)(c->template_blocks * features->n_template);
    double cycle = pair_block * ((double)(c->pairformer_blocks + c->msa_blocks) + templates);
    double ribonanza = c->use_ribonanza ? 0.7 * pair_block * (double)c->ribonanza_nlayers : 0;
    out_work[RT_STAGE_TRUNK] = (double)options->n_cycle * cycle + ribonanza;
    out_work[RT_STAGE_PREPARE] = 2 * (double)c->transformer_blocks * n * n * cz * cz;
    out_work[RT_STAGE_DIFFUSION] = (double)options->n_step * samples * 18 * (double)c->transformer_blocks * n * ct * ct;
    out_work[RT_STAGE_CONFIDENCE] = samples * (double)c->confidence_blocks * pair_block;
}

typedef struct {
    rt_ctx *ctx;
    const rt_fold_options *options;
    int64_t first_sample;   /* of those that are being drawn */
} watcher;

static bool tell(const watcher *w, rt_stage stage, int64_t done, int64_t total)
{
    if (!w->options->opt_progress || w->options->opt_progress(w->options->user, stage, done, total)) return true;
    if (w->ctx->status == RT_OK) w->ctx->status = rt_fail(&w->ctx->err, RT_ERR_STOPPED, NULL, 0, "stopped");
    return false;
}

/* Given draws are for all samples together. */
static int64_t samples_at_once(const watcher *w)
{
    int64_t most = w->options->opt_draws ? w->options->n_sample : w->ctx->frugal ? 1 : RT_FOLD_SAMPLES;
    int64_t left = w->options->n_sample - w->first_sample;
    return left < most ? left : most;
}

static void trunk_progress(void *user, int64_t cycle, int64_t n_cycle) { tell(user, RT_STAGE_TRUNK, cycle, n_cycle); }

/* Steps of all samples together, as if they were drawn one after another. */
static bool sampler_progress(void *user, int64_t step, int64_t n_step)
{
    const watcher *w = user;
    return tell(w, RT_STAGE_DIFFUSION, w->first_sample * n_step + step * samples_at_once(w), w->options->n_sample * n_step);
}

/* The network's numbers must be numbers: a broken checkpoint is not to look like a fold. */
static void check_finite(rt_ctx *ctx, rt_tensor t, const char *what)
{
    rt_ctx_sync(ctx);
    if (ctx->status != RT_OK || rt_is_finite(t)) return;
    ctx->status = rt_fail(&ctx->err, RT_ERR_FORMAT, NULL, 0, "the network's %s are not finite numbers", what);
    rt_hint(&ctx->err, "the checkpoint may be damaged or not trained; `rnatune inspect` shows what it holds");
}

/* The context's sticky status takes over a failure of a function that returns its own. */
static void keep(rt_ctx *ctx, rt_status status)
{
    if (ctx->status == RT_OK) ctx->status = status;
}

static void score_sample(rt_ctx *ctx, const rt_model *model, const rt_features *features, rt_fold_result *result,
                         const rt_tensor trunk[3], rt_tensor x, int64_t sample, int64_t n_cycle)
{
    const rt_config *c = &model->config;
    int64_t n = features->n_token, atoms = features->n_atom, n_bins = c->plddt_bins;
    int64_t mark = rt_arena_mark(ctx->step);
    rt_summary *summary = &result->summary[sample];
    /* the summary's arrays must outlive the logits above them on the stack: they are copied down at the end */
    rt_tensor plddt = RT_NEW_HOST(ctx, RT_F32, atoms), pae = RT_NEW_HOST(ctx, RT_F32, n, n), pde = RT_NEW_HOST(ctx, RT_F32, n, n);
    int64_t chains = 1;
    for (int64_t i = 0; i < n; i++)
        if (((const int64_t *)features->asym_id.data)[i] >= chains) chains = ((const int64_t *)features->asym_id.data)[i] + 1;
    rt_tensor per_chain = RT_NEW_HOST(ctx, RT_F64, 4 * chains + 4 * chains * chains);
    int64_t inner = rt_arena_mark(ctx->step);
    rt_confidence_logits logits = {.pae = RT_NEW(ctx, n, n, c->pae_bins), .pde = RT_NEW(ctx, n, n, c->pde_bins),
                                   .plddt = RT_NEW(ctx, atoms, n_bins), .resolved = RT_NEW(ctx, atoms, 2)};
    rt_confidence_head_forward(ctx, &model->confidence, &logits, trunk[0], trunk[1], trunk[2], x, features, sample,
                               NULL);
    RT_PROBE_PART(ctx, logits.plddt, sample, "out.plddt");
    RT_PROBE_PART(ctx, logits.pae, sample, "out.pae");
    RT_PROBE_PART(ctx, logits.pde, sample, "out.pde");
    RT_PROBE_PART(ctx, logits.resolved, sample, "out.resolved");
    rt_rank_input input = {.pae_logits = rt_as_f32(ctx, logits.pae), .pde_logits = rt_as_f32(ctx, logits.pde),
                           .plddt_logits = rt_as_f32(ctx, logits.plddt), .contact_probs = result->contact_probs,
                           .coordinate = rt_at(result->coordinate, sample), .asym_id = features->asym_id,
                           .has_frame = features->has_frame, .atom_to_token_idx = features->atom_to_token_idx,
                           .n_cycle = n_cycle};
    rt_ctx_sync(ctx);
    if (ctx->status == RT_OK) keep(ctx, rt_rank_summary(summary, ctx->step, ctx->pool, c, &input, &ctx->err));
    if (ctx->status != RT_OK) {
        rt_arena_reset(ctx->step, mark);
        return;
    }
    const rt_tensor from[3] = {summary->atom_plddt, summary->token_pair_pae, summary->token_pair_pde};
    rt_tensor to[3] = {plddt, pae, pde};
    for (int i = 0; i < 3; i++) memcpy(to[i].data, from[i].data, (size_t)rt_bytes(to[i]));
    summary->atom_plddt = plddt, summary->token_pair_pae = pae, summary->token_pair_pde = pde;
    double **arrays[8] = {&summary->chain_gpde, &summary->chain_ptm, &summary->chain_iptm, &summary->chain_plddt,
                          &summary->chain_pair_gpde, &summary->chain_pair_iptm, &summary->chain_pair_iptm_global,
                          &summary->chain_pair_plddt};
    double *at = per_chain.data;
    for (int i = 0; i < 8; i++) {
        int64_t count = i < 4 ? chains : chains * chains;
        memcpy(at, *arrays[i], (size_t)count * sizeof *at);
        *arrays[i] = at;
        at += count;
    }
    rt_arena_reset(ctx->step, inner);
}

rt_status rt_fold(rt_ctx *ctx, const rt_model *model, const rt_features *features, const rt_fold_options *options,
                  rt_fold_result *out_result, rt_err *err)
{
    const rt_config *c = &model->config;
    int64_t n = features->n_token, atoms = features->n_atom, samples = options->n_sample;
    watcher watch = {ctx, options, 0};
    double start = rt_clock();
    *out_result = (rt_fold_result){.coordinate = RT_NEW_HOST(ctx, RT_F32, samples, atoms, 3),
                                   .contact_probs = RT_NEW_HOST(ctx, RT_F32, n, n),
                                   .summary = RT_NEW_HOST(ctx, RT_U8, samples * (int64_t)sizeof(rt_summary)).data,
                                   .order = RT_NEW_HOST(ctx, RT_I64, samples).data};
    rt_fold_result *result = out_result;
    rt_tensor trunk[3] = {RT_NEW(ctx, n, c->c_s_inputs), RT_NEW(ctx, n, c->c_s), RT_NEW(ctx, n, n, c->c_z)};
    rt_tensor x = RT_NEW(ctx, samples, atoms, 3);
    int64_t mark = rt_arena_mark(ctx->step);

    ctx->bf16 = model->precision != RT_PRECISION_FP32;
    rt_msa_choice choice = {.seed = options->seed, .stream = options->stream, .lower_bound = (int64_t)c->msa_test_lower_bound,
                            .cutoff = (int64_t)c->msa_test_cutoff, .opt_rows = options->opt_msa_rows};
    rt_trunk_forward(ctx, &model->trunk, trunk[0], trunk[1], trunk[2], features, options->n_cycle, &choice, trunk_progress,
                     &watch, NULL);
    rt_ctx_sync(ctx);   /* the clock's sake */
    result->seconds[RT_STAGE_TRUNK] = rt_clock() - start, start = rt_clock();

    ctx->bf16 = model->precision == RT_PRECISION_BF16;
    rt_denoiser_context context;
    tell(&watch, RT_STAGE_PREPARE, 0, 1);
    rt_denoiser_prepare(ctx, &model->denoiser, &context, features, trunk[0], trunk[1], trunk[2], NULL);
    rt_ctx_sync(ctx);
    result->seconds[RT_STAGE_PREPARE] = rt_clock() - start, start = rt_clock();
    rt_sampler_draws drawn = {.seed = options->seed, .stream = options->stream};
    while (watch.first_sample < samples && ctx->status == RT_OK) {
        int64_t count = samples_at_once(&watch);
        drawn.first_sample = watch.first_sample;
        rt_sampler_run(ctx, &model->denoiser, &context, rt_slice(x, watch.first_sample, count), c,
                       ctx->measuring ? 1 : options->n_step, options->opt_draws ? options->opt_draws : &drawn,
                       sampler_progress, &watch);
        watch.first_sample += count;
    }
    check_finite(ctx, x, "coordinates");
    RT_PROBE(ctx, x, "out.coordinate");
    rt_ctx_sync(ctx);   /* who watches may have set them anew */
    if (ctx->status == RT_OK && !ctx->measuring) rt_convert(result->coordinate.data, RT_F32, x.data, x.dtype, rt_count(x));
    rt_arena_reset(ctx->step, mark);
    result->seconds[RT_STAGE_DIFFUSION] = rt_clock() - start, start = rt_clock();

    ctx->bf16 = model->precision != RT_PRECISION_FP32;
    rt_tensor distogram = RT_NEW(ctx, n, n, c->distogram_bins);
    rt_distogram_head_forward(ctx, &model->distogram, distogram, trunk[2]);
    rt_tensor distogram32 = rt_as_f32(ctx, distogram);
    rt_ctx_sync(ctx);
    if (ctx->status == RT_OK) rt_contact_probs(result->contact_probs, ctx->pool, c, distogram32);
    rt_arena_reset(ctx->step, mark);
    ctx->bf16 = model->precision == RT_PRECISION_BF16;
    for (int64_t s = 0; s < samples && ctx->status == RT_OK; s++) {
        if (!tell(&watch, RT_STAGE_CONFIDENCE, s, samples)) break;
        score_sample(ctx, model, features, result, trunk, rt_at(x, s), s, options->n_cycle);
    }
    if (ctx->status == RT_OK) rt_rank_order(result->order, result->summary, samples);
    result->seconds[RT_STAGE_CONFIDENCE] = rt_clock() - start;
    return rt_ctx_take(ctx, err);
}

rt_status rt_fold_measure(rt_ctx *ctx, const rt_model *model, const rt_features *features, const rt_fold_options *options,
                          int64_t *out_bytes, rt_err *err)
{
    rt_ctx_measure measure;
    rt_fold_result unused;
    rt_fold_options quiet = *options;
    quiet.opt_progress = NULL;
    rt_status status = rt_ctx_measure_begin(ctx, &measure, err);
    if (status != RT_OK) return status;
    status = rt_fold(ctx, model, features, &quiet, &unused, err);
    bool far_too_much = status == RT_ERR_MEMORY && rt_arena_wanted(ctx->step) > rt_arena_capacity(ctx->step);
    int64_t wanted = rt_arena_wanted(ctx->step);
    *out_bytes = rt_ctx_measure_end(ctx, &measure);
    if (far_too_much) *out_bytes = wanted;
    return far_too_much ? RT_OK : status;
}
