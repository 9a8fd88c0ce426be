/* work.h - what a judged structure costs: with one rollout, with K of one trunk pass, and from a cache
 * Room: train.  Uses: train/step, op/backend (counting).
 */
#ifndef RT_TRAIN_WORK_H
#define RT_TRAIN_WORK_H

#include "train/step.h"

/* Floating-point operations, 2 per multiply-add of the products, of one structure's losses and gradients: a step's divided
 * by its rollouts.  Recycles are the mean of 1 .. most_cycles. */
typedef struct {
    double alone;   /* one rollout, nothing kept */
    double first;   /* the plan's rollouts, trunk and sampler run */
    double kept;    /* the plan's rollouts, trunk and sampler read from a cache; NAN when they cannot be */
} rt_work;

/* Counts by running the steps without computing: seconds.  NAN everywhere when the backend cannot count.
 * Errors: rt_step_run's. */
rt_status rt_work_count(rt_ctx *ctx, const rt_model *model, rt_work *out_work, const rt_step_options *options,
                        const rt_features *features, const rt_label *label, const rt_draw_key *key, rt_err *err);

/* Bytes of activations that one step would hold at its highest, measured without computing.  Errors: rt_step_run's, and
 * RT_ERR_MEMORY where it is several times what the machine has. */
rt_status rt_work_bytes(rt_ctx *ctx, const rt_model *model, int64_t *out_bytes, const rt_step_options *options,
                        const rt_features *features, const rt_label *label, const rt_draw_key *key, rt_err *err);

/* Mean over a run of `epochs` with V views per target of which the share `fits` (0 .. 1) can be kept; views 0: no cache. */
double rt_work_mean(const rt_work *work, int64_t epochs, int64_t views, double fits);

#endif
