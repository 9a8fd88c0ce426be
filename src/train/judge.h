/* judge.h - what the confidence head says of a target's structures beside what is true of them
 * Room: train.  Uses: train/step (as its watcher), confidence/rank, confidence/structure_scores, score/selection,
 * score/tm.
 *
 *     RT_TRY(rt_judge_begin(&judge, model, features, label, rollouts, err));
 *     given.opt_watcher = rt_judge_watch, given.user = &judge;
 *     RT_TRY(rt_step_run(..., &given, ...));
 *     RT_TRY(rt_judge_finish(&judge, ctx->pool, err));        // optional: similarities
 *     use(judge.target);
 *     rt_judge_end(&judge);
 */
#ifndef RT_TRAIN_JUDGE_H
#define RT_TRAIN_JUDGE_H

#include "score/selection.h"
#include "score/tm.h"
#include "train/step.h"

typedef struct {
    const rt_model *model;
    const rt_features *features;
    const rt_label *label;
    rt_tm *tm;
    double *c1, *pair;            /* (K,N,3) of all; scratch for C1' that are resolved */
    rt_selection_target target;   /* plddt 0 .. 100 as in a summary; quality: TM-score by residue, over resolved C1' and
                                   * their number; lddt: of all resolved atoms against C1' within 30 Angstrom */
} rt_judge;

/* Errors: RT_ERR_MEMORY. */
rt_status rt_judge_begin(rt_judge *out_judge, const rt_model *model, const rt_features *features,
                         const rt_label *label, int64_t rollouts, rt_err *err);
rt_step_watcher rt_judge_watch;   /* user: the judge */
/* Similarities of all pairs, and the consensus.  Errors: RT_ERR_MEMORY. */
rt_status rt_judge_finish(rt_judge *judge, rt_pool *pool, rt_err *err);
void rt_judge_end(rt_judge *judge);

#endif
