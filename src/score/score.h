/* score.h - every score of models against the reference conformations of their targets
 * Room: score.  Uses: score/set, score/match, score/tm, score/lddt, score/inf, score/clash, score/table, base/pool.
 */
#ifndef RT_SCORE_SCORE_H
#define RT_SCORE_SCORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "base/text.h"
#include "score/molecule.h"
#include "score/set.h"
#include "score/table.h"
#include "score/tm.h"

typedef struct {
    const char *atom;        /* the representative one: "C1'", "C3'" or "P" */
    rt_tm_search search;
    bool align, number;      /* compute tm_align; tm_resid.  One of them at least */
    bool details;            /* and everything else */
    int threads;
} rt_score_options;

/* The superposition behind a row's tm_align: the model onto native_align.  What proves the score. */
typedef struct {
    bool known;
    rt_rigid rigid;
} rt_score_pose;

/* One model against n_native conformations of its target: the row's numbers, native, native_align, chain_map.
 * opt_notes: lines about numbers that had to be shifted and letters that differ.  A model or native of at most two
 * resolved residues has TM-scores of 0.
 * Errors: RT_ERR_MISMATCH when no conformation fits the model, RT_ERR_MEMORY. */
rt_status rt_score_model(rt_score_row *out_row, rt_score_pose *out_pose, rt_tm *tm, const rt_molecule *native,
                         int64_t n_native, const rt_molecule *model, const rt_score_options *options,
                         rt_text *opt_notes, rt_err *err);

typedef struct {
    rt_score_table table;    /* targets in order, a target's models by rank and name */
    rt_score_pose *pose;     /* one per row of the table */
    rt_text notes;           /* lines, one after another; one line for all models of a target that it is true of */
    rt_text failures;        /* lines: what could not be scored, and why */
    int64_t n_failed;        /* models */
    rt_err first_failure;    /* the first of them */
    int64_t n_stopped;       /* models, or files of them, that were left when the user asked to stop */
    int64_t n_target;        /* natives */
    int64_t n_without;       /* natives without a model */
    char without[RT_SCORE_NAME];   /* one of them */
} rt_score_report;

/* All models of `models` against the natives of the same targets, over threads; the result does not depend on their
 * number.  Natives are read when their models' turn comes, a few hundred at a time.
 * Errors: RT_ERR_MEMORY.  A model that cannot be scored is a failure line, not an error, and so is a native that cannot
 * be read: all its models fail.  When the user asks to stop, the report holds what was done. */
rt_status rt_score_run(rt_score_report *out_report, rt_score_set *natives, rt_score_set *models,
                       const rt_score_options *options, rt_err *err);
void rt_score_report_free_members(rt_score_report *report);

/* The competition's number: per target the best score over models and conformations, 0 without a model, to the five
 * decimals that US-align prints; the mean over the natives' targets.  part: 1 or 2. */
double rt_score_kaggle(const rt_score_table *table, int64_t n_target, int part);

#endif
