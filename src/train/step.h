/* step.h - one sample's losses, and their gradients where something trains
 * Room: train.  Uses: model, diffusion/sampler, train/draws, train/loss_*, train/permutation.
 * Reference: rnapro/model/RNAPro.py main_train_loop, runner/train.py get_loss
 *
 * As the reference: trunk with a drawn number of recycles; a short sampler run (the mini-rollout) whose structure the
 * confidence head judges, its inputs detached; noised copies of the label through the denoiser; the distogram.  Only
 * what leads from a loss that counts to a weight that trains is done: confidence-only training runs no backward through
 * the trunk or the denoiser, and frozen parts behave as in evaluation.
 *
 * With K rollouts the trunk pass and what the sampler prepares serve K structures, and the confidence losses are means
 * over them.  Rollout k is the sampler's sample number k, with rt_step_rollout_steps(k) steps, so that the head sees good
 * and bad structures of one target; rollout 0 is what a step of one rollout has.
 *
 * Noisy copies go through the denoiser in batches of copies_at_once, the last one of what is left.  Losses and gradients are
 * the same means over all copies; their last bits depend on the batch's size, which is therefore never chosen by what
 * memory happens to be free.
 *
 *     rt_step_plan_make(&plan, model, &options);
 *     RT_TRY(rt_step_run(ctx, model, &loss, &plan, &features, &label, &key, NULL, true, err));
 *     gradients of model->params have grown by those of loss.total
 */
#ifndef RT_TRAIN_STEP_H
#define RT_TRAIN_STEP_H

#include "model.h"
#include "train/draws.h"
#include "train/loss_confidence.h"
#include "train/loss_diffusion.h"

typedef struct {
    rt_confidence_terms confidence;
    rt_diffusion_terms diffusion;
    double distogram;
} rt_step_terms;

typedef struct {
    rt_step_terms weight;  /* a term of weight 0 is not worked out when all of its kind are 0 */
    int64_t most_cycles;   /* recycles are drawn from 1 .. this */
    int64_t rollout_steps; /* of the mini-rollout; the reference: 20 */
    int64_t rollouts;      /* K structures from one trunk pass; 0: one, as the reference */
    bool equal_steps;      /* every rollout has rollout_steps, as in prediction; else see rt_step_rollout_steps */
    int64_t copies;        /* noised copies of the label; the reference: 48 */
    int64_t copies_at_once; /* B of them go through the denoiser together: B times its memory; 0 or 1: one by one */
    rt_resolution_rule resolution;
    bool permute; /* equivalent label atoms take the names that suit the mini-rollout */
} rt_step_options;

/* What a step does, from what trains and what counts. */
typedef struct {
    rt_step_options options;
    bool rollout, confidence, diffusion, distogram; /* forward */
    bool trunk, denoiser;                           /* backward */
    bool frozen;                                    /* see rt_step_is_frozen */
} rt_step_plan;

/* What the frozen parts of the network give for one view of a target: the trunk's outputs, rounded to bf16, and the
 * structures drawn from what they were before.  The memory is the caller's. */
typedef struct {
    bool known;               /* true: read; false: worked out and put here */
    rt_tensor s_inputs, s, z; /* BF16 (N,c_s_inputs), (N,c_s), (N,N,c_z) */
    rt_tensor x;              /* F32 (K,A,3), Angstrom */
} rt_step_frozen;

/* One judged structure, as a watcher sees it: valid during the call. */
typedef struct {
    int64_t rollout;
    const rt_confidence_logits *logits;
    const rt_confidence_label *truth;
    const rt_label *label; /* with the names that suit this structure */
    rt_tensor x, z;        /* (A,3) Angstrom; the trunk's pair representation (N,N,c_z) */
} rt_step_judged;

/* Returns what the step then returns. */
typedef rt_status rt_step_watcher(void *user, rt_ctx *ctx, const rt_step_judged *judged, rt_err *err);

/* Draws and stages from elsewhere; a tensor with data NULL is drawn or worked out here. */
typedef struct {
    int64_t n_cycle;
    const rt_tensor *opt_msa_rows; /* one I64 tensor per cycle */
    rt_tensor x_mini;              /* (K,A,3): instead of the mini-rollouts */
    rt_tensor sigma, x_noisy;      /* (B), (B,A,3) */
    rt_step_frozen *opt_frozen;    /* only where neither trunk nor denoiser trains: rt_step_is_frozen */
    rt_step_watcher *opt_watcher;
    void *user;
} rt_step_given;

typedef struct {
    rt_step_terms term;       /* unweighted; 0 for what is not worked out */
    double total;             /* sum of weight x term, the confidence ones times confidence_weight */
    double confidence_weight; /* of this target's resolution */
    int64_t n_cycle;
    bool counts; /* false: every term that is worked out has weight 0 for this target */
} rt_step_loss;

/* The reference's weights: MSE 4, smooth lDDT 4, distogram 0.03, confidence 1e-4 each with PAE 0. */
extern const rt_step_terms rt_step_weights_reference;

/* A kind of loss is worked out when it has a weight above 0 and its gradient reaches something that trains. */
void rt_step_plan_make(rt_step_plan *out_plan, const rt_model *model, const rt_step_options *options);

/* True when the trunk and the sampler come out the same in every epoch: nothing but the confidence head learns.  Weights of
 * trunk or denoiser that train undo it even where no loss reaches them: what trains has dropout and weight decay. */
bool rt_step_is_frozen(const rt_step_plan *plan);

/* What the frozen parts give for a view of this size, without memory; and the memory for it: the arena is emptied, and where it
 * is too small a larger one takes its place (NULL: made).  RT_ERR_MEMORY. */
rt_step_frozen rt_step_frozen_shapes(const rt_config *config, int64_t n_token, int64_t n_atom, int64_t rollouts);
rt_status rt_step_frozen_place(rt_step_frozen *frozen, rt_arena **arena, rt_err *err);

/* Structures that one step judges, >= 1, and the diffusion steps of the k-th: rollout_steps times 1, 1/2, 1/4, 2, and so
 * on again; at least 1. */
int64_t rt_step_rollouts(const rt_step_options *options);
int64_t rt_step_rollout_steps(const rt_step_options *options, int64_t rollout);

/* Losses of one sample; with `backward` their gradients are added to those of model->params.  Everything that is drawn
 * is a function of `key`.  The context's step arena is as before afterwards. `dropout` on: that of what trains, drawn
 * from the key, as in training.  n_cycle 0 in opt_given: drawn. Errors: RT_ERR_MEMORY (with what would be needed),
 * RT_ERR_STOPPED; not-finite losses are no error here (train/guard). */
rt_status rt_step_run(rt_ctx *ctx, const rt_model *model, rt_step_loss *out_loss, const rt_step_plan *plan,
                      const rt_features *features, const rt_label *label, const rt_draw_key *key,
                      const rt_step_given *opt_given, bool backward, bool dropout, rt_err *err);

/* sum of weight x term */
double rt_step_total(const rt_step_terms *term, const rt_step_terms *weight);

#endif
