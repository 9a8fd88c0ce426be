/* validation.h - the held-out targets of a split, measured with the same draws each time
 * Room: train.  Uses: train/trunk_cache, sample, terms, judge; score/selection.
 *
 * Targets go to the ranks in turn; every rank gets the numbers of all.  All recycles, no dropout, the plan's rollouts.  With
 * a confidence head that learns, also what it is for: how well its scores order a target's rollouts, and whether pLDDT means
 * what it says.
 */
#ifndef RT_TRAIN_VALIDATION_H
#define RT_TRAIN_VALIDATION_H

#include "train/sample.h"
#include "train/terms.h"
#include "train/trunk_cache.h"

typedef struct {
    const rt_dataset *set;
    const int64_t *target;   /* numbers in the set */
    int64_t n;
    const rt_sample_options *sample;
    const rt_step_plan *plan;
    uint64_t seed;
    rt_trunk_cache *opt_cache;
    rt_arena *arena;         /* for one sample */
    rt_step_terms *opt_of;   /* (n) filled: each target's terms; NAN where it has no loss that counts */
} rt_validation_options;

#define RT_VALIDATION_TABLE "held_out.tsv"

enum { RT_VALIDATION_NUMBERS = 4 };

/* Means over targets; NAN where it does not apply (no confidence head learns; fewer rollouts than it takes), and terms also
 * where no target's loss counts. */
typedef struct {
    rt_step_terms term;
    double number[RT_VALIDATION_NUMBERS];   /* see rt_validation_name */
    int64_t n_unusable;                     /* samples that could not be built */
} rt_validation;

/* "spearman_plddt" (pLDDT and lDDT within a target), "spearman_ptm" (pTM and TM), "calibration_error" (of pLDDT, 0 .. 1),
 * "top1_loss" (TM that the best ranking_score's structure lacks to the best of the rollouts). */
const char *rt_validation_name(int number);

/* The draws of a held-out target; never those of a sample that trains. */
rt_draw_key rt_validation_key(uint64_t seed, const rt_target *target);

/* (all ranks) *out_done false: asked to stop, nothing is measured.  A sample that cannot be built is warned about and left out;
 * the first target whose loss is not finite is named.  Errors: rt_step_run's. */
rt_status rt_validation_run(rt_ctx *ctx, const rt_model *model, rt_validation *out, bool *out_done,
                            const rt_validation_options *options, rt_err *err);

/* The table of a run's held-out targets that `rnatune compare --metric loss` takes: target, family (its component of the
 * split, whose targets are relatives), loss, and its terms.  of: as filled by rt_validation_run.  opt_component (n).
 * Errors: RT_ERR_IO. */
rt_status rt_validation_write(const char *path, const rt_validation_options *options, const rt_step_terms *of,
                              const char *const *opt_component, rt_err *err);

/* Held-out targets one after another for rt_validation_run and train/choice: builds the sample of target `index`.
 * *out_built false: warned about and left out.  Errors: RT_ERR_MEMORY. */
rt_status rt_validation_build(rt_sample *out_sample, bool *out_built, const rt_validation_options *options,
                              int64_t index, rt_err *err);

#endif
