/* fold.h - one target through the network: features to ranked samples
 * Uses: model, confidence/rank, diffusion/sampler.
 * Reference: rnapro/model/RNAPro.py main_inference_loop
 */
#ifndef RT_FOLD_H
#define RT_FOLD_H

#include "confidence/rank.h"
#include "diffusion/sampler.h"
#include "model.h"

enum { RT_FOLD_SAMPLES = 5 };   /* at a time: more would not be faster, and each takes memory */

typedef enum { RT_STAGE_TRUNK, RT_STAGE_PREPARE, RT_STAGE_DIFFUSION, RT_STAGE_CONFIDENCE, RT_STAGE_COUNT } rt_stage;

/* Called as work advances: `done` of `total` in a stage.  Returning false stops the target. */
typedef bool rt_fold_progress(void *user, rt_stage stage, int64_t done, int64_t total);

typedef struct {
    int64_t n_cycle, n_step, n_sample;
    uint64_t seed;
    uint64_t stream;                      /* rt_hash_text(target): targets of one seed draw different numbers */
    const rt_tensor *opt_msa_rows;        /* n_cycle given draws, for verification */
    const rt_sampler_draws *opt_draws;    /* given draws, for verification */
    rt_fold_progress *opt_progress;
    void *user;
} rt_fold_options;

/* Lives on the context's step arena: reset it when the result has been used. */
typedef struct {
    rt_tensor coordinate;                 /* F32 (S,A,3), Angstrom */
    rt_tensor contact_probs;              /* F32 (N,N) */
    rt_summary *summary;                  /* one per sample */
    int64_t *order;                       /* sample indices, best ranking_score first */
    double seconds[RT_STAGE_COUNT];
} rt_fold_result;

/* Bytes that rt_fold would need at its peak, beyond what is on the arena already: found by running it without computing
 * (seconds for thousands of residues).  Does not depend on steps.  What needs more than four times the arena's capacity is
 * followed only until that is clear: *out_bytes is then a lower bound, beyond the capacity. */
rt_status rt_fold_measure(rt_ctx *ctx, const rt_model *model, const rt_features *features, const rt_fold_options *options,
                          int64_t *out_bytes, rt_err *err);

/* Work of each stage in arbitrary units, from the sizes: good enough to tell how far a target has come. */
void rt_fold_work(double out_work[RT_STAGE_COUNT], const rt_config *config, const rt_features *features,
                  const rt_fold_options *options);

/* One trunk pass serves all samples, which are drawn RT_FOLD_SAMPLES at a time (one, when the context is frugal).
 * Errors: RT_ERR_MEMORY (with what would be needed), RT_ERR_STOPPED, RT_ERR_FORMAT when the network's output is not finite. */
rt_status rt_fold(rt_ctx *ctx, const rt_model *model, const rt_features *features, const rt_fold_options *options,
                  rt_fold_result *out_result, rt_err *err);

#endif
