/* choice.h - the whole validation of a trained confidence head: does it choose better among many samples?
 * Room: train.  Uses: train/validation, judge, ranking_fit, score/selection, io/weights.
 *
 * Each held-out target gets one trunk pass and M structures, all with the same number of steps as in prediction; the
 * base's head (that of the checkpoint and its adapters, as the run began) and the trained one judge the same structures, as
 * the confidence phase moves no coordinates.  Numbers are
 * those of `rnatune score --selection`, with intervals by component: of either head, of the change from one to the
 * other, and against the consensus.  On the trained head's samples a learned ranking is fitted.
 *
 *     RUN/validation/<hash of the target>.json   what was judged; kept, so that a stopped validation goes on
 *     RUN/validation.tsv                         arm part name quantity value ci95_low ci95_high n
 *     RUN/ranking.json                           for 'predict --rank-by learned' with RUN/best.safetensors
 */
#ifndef RT_TRAIN_CHOICE_H
#define RT_TRAIN_CHOICE_H

#include "train/checkpoint.h"
#include "train/validation.h"

#define RT_CHOICE_TABLE "validation.tsv"

typedef struct {
    const char *out;                  /* the run's folder */
    const char *trained;              /* a whole network's safetensors: best.safetensors */
    const rt_dataset *set;
    const int64_t *target;
    const char *const *component;     /* (n) of each target; "-": one of its own */
    int64_t n;
    const rt_sample_options *sample;
    rt_step_options step;             /* weights, recycles, resolution; its rollouts are replaced */
    int64_t rollouts, rollout_steps;
    int64_t n_resample;
    uint64_t seed;
    const rt_run_identity *identity;  /* what the structures and scores depend on beside the trained file */
} rt_choice_options;

typedef struct {
    bool stopped;                     /* asked to; what was judged is kept */
    bool ranked;                      /* ranking.json was written */
    int64_t n_target, n_family, n_unusable;
    json_t *rows;                     /* of validation.tsv; json_decref() it */
    json_t *ranking;                  /* NULL: none; json_decref() it */
} rt_choice_report;

/* (all ranks) Judges what is not judged yet, each rank its part; rank 0 has the report and writes the table and the ranking.
 * model->params hold the trained head afterwards.
 * Errors: RT_ERR_MISMATCH (more than the confidence head trains; the trained file lacks a weight that trains; no target could
 * be judged), RT_ERR_IO,
 * RT_ERR_MEMORY. */
rt_status rt_choice_run(rt_ctx *ctx, rt_model *model, const rt_choice_options *options, rt_choice_report *out_report,
                        rt_err *err);

#endif
