#include "train/step.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "diffusion/sampler.h"
#include "layer/dropout.h"
#include "train/loss_distogram.h"
#include "train/permutation.h"

const rt_step_terms rt_step_weights_reference = {.confidence = {.plddt = 1e-4, .pde = 1e-4, .resolved = 1e-4},
                                                 .diffusion = {.mse = 4, .smooth_lddt = 4},
                                                 .distogram = 3e-2};

double rt_step_total(const rt_step_terms *term, const rt_step_terms *weight)
{
    return rt_loss_confidence_total(&term->confidence, &weight->confidence) +
           rt_loss_diffusion_total(&term->diffusion, &weight->diffusion) + weight->distogram * term->distogram;
}

void rt_step_plan_make(rt_step_plan *out_plan, const rt_model *model, const rt_step_options *options)
{
    const rt_step_terms *w = &options->weight;
    const rt_confidence_terms *c = &w->confidence;
    bool trunk = model->trunk.trains;
    *out_plan = (rt_step_plan){
        .options = *options,
        .confidence = (c->plddt > 0 || c->pae > 0 || c->pde > 0 || c->resolved > 0) &&
                      rt_params_any(model->params, "confidence_head."),
        .diffusion = (w->diffusion.mse > 0 || w->diffusion.smooth_lddt > 0) && options->copies > 0 &&
                     (trunk || rt_params_any(model->params, "diffusion_module.")),
        .distogram = w->distogram > 0 && (trunk || rt_params_any(model->params, "distogram_head.")),
    };
    out_plan->denoiser = out_plan->diffusion;
    out_plan->trunk = trunk && (out_plan->diffusion || out_plan->distogram);
    /* the rollout judges the confidence head; it also chooses among equivalent label atoms */
    out_plan->rollout = out_plan->confidence || (options->permute && out_plan->diffusion);
    out_plan->frozen = out_plan->confidence && !out_plan->distogram && !trunk &&
                       !rt_params_any(model->params, "diffusion_module.");
}

bool rt_step_is_frozen(const rt_step_plan *plan) { return plan->frozen; }

int64_t rt_step_rollouts(const rt_step_options *options) { return options->rollouts > 1 ? options->rollouts : 1; }

int64_t rt_step_rollout_steps(const rt_step_options *options, int64_t rollout)
{
    static const double TIMES[] = {1, .5, .25, 2};
    int64_t steps = options->rollout_steps;
    if (!options->equal_steps) steps = (int64_t)((double)steps * TIMES[rollout % 4]);
    return steps > 1 ? steps : 1;
}

/* What the parts of one step share. */
typedef struct {
    rt_ctx *ctx;
    const rt_model *model;
    const rt_step_plan *plan;
    const rt_features *features;
    const rt_draw_key *key;
    const rt_step_given *given;
    rt_step_loss *loss;
    bool backward;
    const rt_label *answer;      /* the loader's */
    rt_label label;              /* with the atoms permuted as suits the structure at hand; first of all rollout 0 */
    rt_tensor s_inputs, s, z;    /* the trunk's outputs */
    rt_tensor ds_inputs, ds, dz; /* their gradients; data NULL: not wanted */
    rt_tensor x_mini;            /* (K,A,3) */
} work;

static rt_tensor zeros_like(rt_ctx *ctx, rt_tensor t)
{
    rt_tensor zero = rt_new_like(ctx, t);
    rt_zero(ctx, zero);
    return zero;
}

static void set_precision(work *w, bool trunk)
{
    rt_precision precision = w->model->precision;
    w->ctx->bf16 = precision == RT_PRECISION_BF16 || (trunk && precision == RT_PRECISION_REFERENCE);
}

/* The answer is the loader's: permuting changes a copy. */
static void new_label(work *w)
{
    w->label = *w->answer;
    w->label.coordinate = rt_new_host(w->ctx, RT_F32, 2, w->answer->coordinate.dim);
    w->label.coordinate_mask = rt_new_host(w->ctx, RT_U8, 1, w->answer->coordinate_mask.dim);
}

/* The label with the names that suit rollout k. */
static void permute_label(work *w, int64_t rollout)
{
    rt_ctx_sync(w->ctx);
    if (w->ctx->status != RT_OK) return;
    memcpy(w->label.coordinate.data, w->answer->coordinate.data, (size_t)rt_bytes(w->answer->coordinate));
    memcpy(w->label.coordinate_mask.data, w->answer->coordinate_mask.data, (size_t)rt_bytes(w->answer->coordinate_mask));
    if (rollout >= 0 && w->plan->options.permute && !w->ctx->measuring)
        rt_permutation_match(&w->label, NULL, w->features, rt_at(w->x_mini, rollout));
}

static void run_trunk(work *w, rt_trunk_saved *opt_saved)
{
    const rt_config *c = &w->model->config;
    rt_msa_choice choice = {.seed = rt_draws_seed(w->key),
                            .stream = w->key->stream,
                            .lower_bound = (int64_t)c->msa_test_lower_bound,
                            .cutoff = (int64_t)c->msa_test_cutoff,
                            .opt_rows = w->given->opt_msa_rows};
    set_precision(w, true);
    rt_trunk_forward(w->ctx, &w->model->trunk, w->s_inputs, w->s, w->z, w->features, w->loss->n_cycle, &choice, NULL,
                     NULL, opt_saved);
    RT_PROBE(w->ctx, w->s_inputs, "s_inputs");
    RT_PROBE(w->ctx, w->s, "s_trunk");
    RT_PROBE(w->ctx, w->z, "z_trunk");
}

static void run_rollouts(work *w)
{
    const rt_step_options *o = &w->plan->options;
    int64_t atoms = w->features->n_atom, mark = rt_arena_mark(w->ctx->step);
    if (w->given->x_mini.data) {
        rt_tensor copy = rt_new_copy(w->ctx, RT_VIEW(w->given->x_mini, rt_step_rollouts(o), atoms, 3));
        rt_op_axpby(w->ctx, w->x_mini, 0, copy, 1);
    } else {
        rt_denoiser_context context;
        set_precision(w, false);
        rt_denoiser_prepare(w->ctx, &w->model->denoiser, &context, w->features, w->s_inputs, w->s, w->z, NULL);
        for (int64_t k = 0; k < rt_step_rollouts(o) && rt_ctx_go_on(w->ctx); k++) {
            rt_sampler_draws draws = {.seed = rt_draws_seed(w->key), .stream = w->key->stream, .first_sample = k};
            rt_sampler_run(w->ctx, &w->model->denoiser, &context, rt_slice(w->x_mini, k, 1), &w->model->config,
                           rt_step_rollout_steps(o, k), &draws, NULL, NULL);
        }
    }
    rt_arena_reset(w->ctx->step, mark);
}

/* ---- what frozen parts give ---------------------------------------------------------------------------------------
 */

rt_step_frozen rt_step_frozen_shapes(const rt_config *config, int64_t n_token, int64_t n_atom, int64_t rollouts)
{
    const rt_config *c = config;
    return (rt_step_frozen){.s_inputs = RT_WRAP(NULL, RT_BF16, n_token, c->c_s_inputs),
                            .s = RT_WRAP(NULL, RT_BF16, n_token, c->c_s),
                            .z = RT_WRAP(NULL, RT_BF16, n_token, n_token, c->c_z),
                            .x = RT_WRAP(NULL, RT_F32, rollouts, n_atom, 3)};
}

rt_status rt_step_frozen_place(rt_step_frozen *frozen, rt_arena **arena, rt_err *err)
{
    enum { PARTS = 4, BESIDE = 256 }; /* of each part: what aligning it may take */
    rt_tensor *part[PARTS] = {&frozen->s_inputs, &frozen->s, &frozen->z, &frozen->x};
    int64_t need = 0;
    for (int i = 0; i < PARTS; i++) need += rt_bytes(*part[i]) + BESIDE;
    if (!*arena || rt_arena_capacity(*arena) < need) {
        rt_arena_free(*arena);
        rt_status status = rt_arena_create(arena, "frozen outputs", need, err);
        if (status != RT_OK) return status;
    }
    rt_arena_reset(*arena, 0);
    for (int i = 0; i < PARTS; i++) {
        part[i]->data = rt_arena_push(*arena, rt_bytes(*part[i]));
        RT_REQUIRE(part[i]->data);
    }
    return RT_OK;
}

static void convert(work *w, rt_tensor to, rt_tensor from)
{
    rt_ctx_sync(w->ctx);
    if (w->ctx->status == RT_OK && !w->ctx->measuring)
        rt_convert(to.data, to.dtype, from.data, from.dtype, rt_count(from));
}

/* Trunk and rollouts: read from `opt_frozen` when it knows them, else worked out and put there.  Either way what follows
 * sees the same numbers, those that were put there. */
static void run_frozen(work *w, rt_step_frozen *opt_frozen, rt_trunk_saved *opt_saved)
{
    bool known = opt_frozen && opt_frozen->known;
    if (!known) run_trunk(w, opt_saved);
    if (!known && w->plan->rollout && rt_ctx_go_on(w->ctx)) run_rollouts(w);
    if (!opt_frozen) return;
    const rt_step_frozen *f = opt_frozen;
    const struct {
        rt_tensor kept, used;
    } pair[] = {{f->s_inputs, w->s_inputs}, {f->s, w->s}, {f->z, w->z}, {f->x, w->x_mini}};
    for (int i = 0; i < 4; i++) {
        RT_REQUIRE(rt_count(pair[i].kept) == rt_count(pair[i].used));
        if (!known) convert(w, pair[i].kept, pair[i].used);
        convert(w, pair[i].used, pair[i].kept);
    }
    opt_frozen->known = w->ctx->status == RT_OK;
}

/* ---- losses -------------------------------------------------------------------------------------------------------
 */

static rt_confidence_terms scaled(const rt_confidence_terms *t, double by)
{
    return (rt_confidence_terms){by * t->plddt, by * t->pae, by * t->pde, by * t->resolved};
}

static void judge(work *w, int64_t rollout, const rt_confidence_terms *weight)
{
    rt_ctx *ctx = w->ctx;
    const rt_config *c = &w->model->config;
    int64_t n = w->features->n_token, atoms = w->features->n_atom, mark = rt_arena_mark(ctx->step);
    double share = 1.0 / (double)rt_step_rollouts(&w->plan->options);
    rt_confidence_terms term = {0};
    rt_confidence_label truth;
    rt_confidence_saved saved;
    rt_tensor x = rt_at(w->x_mini, rollout);
    rt_confidence_logits logits = {RT_NEW(ctx, n, n, c->pae_bins), RT_NEW(ctx, n, n, c->pde_bins),
                                   RT_NEW(ctx, atoms, c->plddt_bins), RT_NEW(ctx, atoms, 2)};
    rt_confidence_head_forward(ctx, &w->model->confidence, &logits, w->s_inputs, w->s, w->z, x, w->features, rollout,
                               w->backward ? &saved : NULL);
    RT_PROBE(ctx, logits.plddt, "logits.plddt");
    RT_PROBE(ctx, logits.pae, "logits.pae");
    RT_PROBE(ctx, logits.pde, "logits.pde");
    RT_PROBE(ctx, logits.resolved, "logits.resolved");
    rt_ctx_sync(ctx);
    if (ctx->status == RT_OK)
        ctx->status = rt_loss_confidence_label(&truth, ctx->step, ctx->pool, w->features, &w->label, x, &ctx->err);
    if (ctx->status == RT_OK && w->backward) {
        rt_confidence_logits d = {weight->pae > 0 ? zeros_like(ctx, logits.pae) : RT_ABSENT,
                                  weight->pde > 0 ? zeros_like(ctx, logits.pde) : RT_ABSENT,
                                  weight->plddt > 0 ? zeros_like(ctx, logits.plddt) : RT_ABSENT,
                                  weight->resolved > 0 ? zeros_like(ctx, logits.resolved) : RT_ABSENT};
        rt_loss_confidence(ctx, &term, &d, &logits, &truth, weight);
        rt_confidence_head_backward(ctx, &w->model->confidence, &d, w->features, &saved);
    } else if (ctx->status == RT_OK) {
        rt_loss_confidence(ctx, &term, NULL, &logits, &truth, weight);
    }
    rt_ctx_sync(ctx);
    if (ctx->status == RT_OK && w->given->opt_watcher) {
        rt_step_judged judged = {rollout, &logits, &truth, &w->label, x, w->z};
        ctx->status = w->given->opt_watcher(w->given->user, ctx, &judged, &ctx->err);
    }
    rt_confidence_terms *sum = &w->loss->term.confidence;
    *sum = (rt_confidence_terms){sum->plddt + share * term.plddt, sum->pae + share * term.pae,
                                 sum->pde + share * term.pde, sum->resolved + share * term.resolved};
    w->loss->total += rt_loss_confidence_total(&term, weight);
    rt_arena_reset(ctx->step, mark);
}

static void run_confidence(work *w)
{
    int64_t rollouts = rt_step_rollouts(&w->plan->options);
    rt_confidence_terms weight =
        scaled(&w->plan->options.weight.confidence, w->loss->confidence_weight / (double)rollouts);
    set_precision(w, false);
    for (int64_t k = 0; k < rollouts && rt_ctx_go_on(w->ctx); k++) {
        if (k > 0) permute_label(w, k);
        judge(w, k, &weight);
    }
    if (rollouts > 1) permute_label(w, 0);   /* the denoiser's label is the first rollout's */
}

static void probe_copies(rt_ctx *ctx, rt_tensor t, int64_t first, const char *name)
{
    for (int64_t i = 0; ctx->probe && i < t.dim[0]; i++) RT_PROBE_PART(ctx, rt_slice(t, i, 1), first + i, "%s", name);
}

/* Noised copies first ... forward and, when wanted, backward at once, so that only their activations are ever held.  level:
 * F64 (B), x_noisy (B,A,3). */
static void run_copies(work *w, int64_t first, int64_t copies, rt_tensor level, rt_tensor x_noisy,
                       const rt_denoiser_context *context, const rt_denoiser_context_gradient *opt_gradient)
{
    rt_ctx *ctx = w->ctx;
    const rt_diffusion_terms *weight = &w->plan->options.weight.diffusion;
    double batch = (double)level.dim[0], all = (double)copies;   /* a loss is a mean over the batch */
    rt_diffusion_terms share = {weight->mse * batch / all, weight->smooth_lddt * batch / all, weight->bond * batch / all},
                       term;
    int64_t mark = rt_arena_mark(ctx->step);
    rt_denoiser_saved saved;
    rt_tensor x = rt_new_like(ctx, x_noisy), dx = opt_gradient ? zeros_like(ctx, x) : RT_ABSENT;
    rt_denoiser_forward(ctx, &w->model->denoiser, context, x, x_noisy, (rt_noise_levels){level.data, level.dim[0]}, first, 1,
                        opt_gradient ? &saved : NULL);
    probe_copies(ctx, x, first, "x_denoised");
    if (ctx->status == RT_OK) {
        rt_loss_diffusion(ctx, &term, dx, x, level, &w->label, RT_ABSENT, &share);
        if (opt_gradient) probe_copies(ctx, dx, first, "grad.x_denoised");
        w->loss->term.diffusion.mse += term.mse * batch / all;
        w->loss->term.diffusion.smooth_lddt += term.smooth_lddt * batch / all;
        w->loss->total += rt_loss_diffusion_total(&term, &share);
    }
    if (opt_gradient) rt_denoiser_backward(ctx, &w->model->denoiser, context, opt_gradient, dx, &saved);
    rt_arena_reset(ctx->step, mark);
}

/* All noised copies, given or drawn: their noise levels F64 (B) on the host, x_noisy (B,A,3). */
static void make_copies(work *w, rt_tensor *out_level, rt_tensor *out_noisy)
{
    rt_ctx *ctx = w->ctx;
    bool given = w->given->x_noisy.data != NULL;
    int64_t copies = given ? w->given->x_noisy.dim[0] : w->plan->options.copies, atoms = w->features->n_atom;
    rt_tensor sigma = given ? w->given->sigma : RT_NEW_HOST(ctx, ctx->real, copies);
    rt_tensor x_noisy = given ? rt_new_copy(ctx, w->given->x_noisy) : RT_NEW_HOST(ctx, ctx->real, copies, atoms, 3);
    *out_level = RT_NEW_HOST(ctx, RT_F64, copies);
    if (!given && ctx->status == RT_OK) rt_draws_noisy_copies(w->key, ctx->pool, sigma, x_noisy, RT_ABSENT, &w->label);
    for (int64_t i = 0; i < copies && ctx->status == RT_OK; i++) rt_set(*out_level, i, rt_get(sigma, i));
    *out_noisy = given ? x_noisy : rt_upload(ctx, x_noisy);
}

static void run_diffusion(work *w)
{
    rt_ctx *ctx = w->ctx;
    int64_t mark = rt_arena_mark(ctx->step), most = w->plan->options.copies_at_once, batch;
    rt_denoiser_context context;
    rt_denoiser_context_saved kept;
    rt_denoiser_context_gradient gradient;
    rt_tensor level, x_noisy;
    set_precision(w, false);
    make_copies(w, &level, &x_noisy);
    rt_denoiser_prepare(ctx, &w->model->denoiser, &context, w->features, w->s_inputs, w->s, w->z,
                        w->backward ? &kept : NULL);
    if (w->backward) rt_denoiser_context_gradient_create(ctx, &w->model->denoiser, &gradient, &context);
    for (int64_t first = 0, copies = level.dim[0]; first < copies && rt_ctx_go_on(ctx); first += batch) {
        batch = most < 1 ? 1 : most < copies - first ? most : copies - first;
        run_copies(w, first, copies, rt_slice(level, first, batch), rt_slice(x_noisy, first, batch), &context,
                   w->backward ? &gradient : NULL);
    }
    if (w->backward)
        rt_denoiser_prepare_backward(ctx, &w->model->denoiser, w->ds_inputs, w->ds, w->dz, &gradient, &context, &kept);
    rt_arena_reset(ctx->step, mark);
}

static void run_distogram(work *w)
{
    rt_ctx *ctx = w->ctx;
    int64_t n = w->features->n_token, mark = rt_arena_mark(ctx->step);
    double weight = w->plan->options.weight.distogram;
    rt_tensor logits = RT_NEW(ctx, n, n, w->model->config.distogram_bins);
    rt_tensor d = w->backward ? zeros_like(ctx, logits) : RT_ABSENT;
    set_precision(w, true);
    rt_distogram_head_forward(ctx, &w->model->distogram, logits, w->z);
    RT_PROBE(ctx, logits, "distogram_logits");
    if (ctx->status == RT_OK)
        w->loss->term.distogram = rt_loss_distogram(ctx, d, logits, w->features, &w->label, weight);
    w->loss->total += weight * w->loss->term.distogram;
    if (w->backward) rt_distogram_head_backward(ctx, &w->model->distogram, w->dz, d, w->z);
    rt_arena_reset(ctx->step, mark);
}

/* Each kind of loss in turn, then the trunk's backward. */
static void run_losses(work *w, const rt_trunk_saved *opt_saved)
{
    const rt_step_plan *plan = w->plan;
    permute_label(w, plan->rollout ? 0 : -1);
    if (plan->confidence && rt_ctx_go_on(w->ctx)) run_confidence(w);
    if (plan->distogram && rt_ctx_go_on(w->ctx)) run_distogram(w);
    if (plan->diffusion && rt_ctx_go_on(w->ctx)) run_diffusion(w);
    if (!opt_saved) return;
    RT_PROBE(w->ctx, w->ds, "grad.s_trunk");
    set_precision(w, true);
    rt_trunk_backward(w->ctx, &w->model->trunk, w->ds_inputs, w->ds, w->dz, w->features, opt_saved);
}

/* A step that needs more memory than there is can do with less. */
static void hint_memory(const work *w, rt_err *err)
{
    const rt_step_options *o = &w->plan->options;
    int64_t at_once = o->copies_at_once < o->copies ? o->copies_at_once : o->copies;
    char batch[64] = "";
    if (w->plan->diffusion && at_once > 1) snprintf(batch, sizeof batch, "fewer --copies-at-once (%lld), ", (long long)at_once);
    rt_hint(err, "%s%sa shorter --crop or a machine with more memory", batch,
            w->backward && w->ctx->keep_every != 1 ? "--keep-every 1, " : "");
}

rt_status rt_step_run(rt_ctx *ctx, const rt_model *model, rt_step_loss *out_loss, const rt_step_plan *plan,
                      const rt_features *features, const rt_label *label, const rt_draw_key *key,
                      const rt_step_given *opt_given, bool backward, bool dropout, rt_err *err)
{
    static const rt_step_given NOTHING;
    const rt_step_given *given = opt_given ? opt_given : &NOTHING;
    int64_t mark = rt_arena_mark(ctx->step);
    work w = {.ctx = ctx,
              .model = model,
              .plan = plan,
              .features = features,
              .key = key,
              .given = given,
              .loss = out_loss,
              .backward = backward,
              .answer = label};
    const rt_config *c = &model->config;
    int64_t n = features->n_token;
    rt_trunk_saved saved;
    bool trunk = backward && plan->trunk;
    struct rt_dropout drops = {.seed = rt_draws_seed(key), .step = key->number};
    rt_aside_reset(ctx, 0);   /* of a step that was stopped */
    *out_loss = (rt_step_loss){
        .n_cycle = given->n_cycle > 0 ? given->n_cycle : rt_draws_cycles(key, plan->options.most_cycles),
        .confidence_weight = rt_loss_confidence_weight(&plan->options.resolution, label->resolution)};
    out_loss->counts = plan->diffusion || plan->distogram || (plan->confidence && out_loss->confidence_weight > 0);
    RT_REQUIRE(!given->opt_frozen || rt_step_is_frozen(plan));
    new_label(&w);
    w.s_inputs = RT_NEW(ctx, n, c->c_s_inputs), w.s = RT_NEW(ctx, n, c->c_s), w.z = RT_NEW(ctx, n, n, c->c_z);
    if (plan->rollout) w.x_mini = RT_NEW(ctx, rt_step_rollouts(&plan->options), features->n_atom, 3);
    ctx->dropout = dropout ? &drops : NULL;
    run_frozen(&w, given->opt_frozen, trunk ? &saved : NULL);
    if (trunk) w.ds_inputs = zeros_like(ctx, w.s_inputs), w.ds = zeros_like(ctx, w.s), w.dz = zeros_like(ctx, w.z);
    run_losses(&w, trunk ? &saved : NULL);
    ctx->dropout = NULL;
    rt_arena_reset(ctx->step, mark);
    rt_status status = rt_ctx_take(ctx, err);
    if (status == RT_ERR_MEMORY && err) hint_memory(&w, err);
    return status;
}
