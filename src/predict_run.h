/* predict_run.h - what the parts of `predict` share: an open run, and the steps of one target
 * Uses: pipeline, samples.
 *
 * pipeline.c is the straight line; predict_inputs.c gives a target its alignment and templates, predict_passes.c says which
 * folds it gets, predict_share.c which of several processes folds it, predict_memory.c whether they fit, predict_budget.c
 * what the clock allows, predict_rank.c orders its samples
 * by a learned ranking, predict_files.c writes it and predict_resume.c finds what an earlier run has finished.
 */
#ifndef RT_PREDICT_RUN_H
#define RT_PREDICT_RUN_H

#include "base/hash.h"
#include "confidence/ranking.h"
#include "io/submission.h"
#include "io/template_file.h"
#include "pipeline.h"
#include "samples.h"

#define RT_PREDICT_SUBMISSION "submission.csv"
#define RT_PREDICT_SUMMARY "summary.json"

/* Seconds for a unit of rt_fold_work's work, per stage, as measured so far; 0: not known. */
typedef struct {
    bool on;
    double deadline;                       /* on the monotonic clock */
    double rate[RT_STAGE_COUNT];
    double done_work[RT_STAGE_COUNT], done_seconds[RT_STAGE_COUNT];
} rt_predict_budget;

/* Who folds which target, and what came of it. */
typedef struct {
    int64_t n;                             /* targets of all ranks */
    int *rank;                             /* (n) */
    rt_input **own;                        /* this rank's, in the order of the file */
    int64_t n_own, at;                     /* at: the one that is folded */
    json_t **record;                       /* (n); NULL: not reached */
    bool *failed;                          /* (n) */
} rt_predict_share;

typedef struct {
    const rt_predict_options *options;
    rt_predict_report *report;
    rt_model **model;                      /* one per checkpoint */
    rt_ctx *ctx;
    rt_conformers conformers;
    rt_ranking *ranking;                   /* of each checkpoint, for --rank-by learned; NULL: not wanted */
    rt_inputs inputs;
    rt_predict_share share;
    rt_template_file *templates;
    rt_submission *submission;
    rt_predict_budget budget;
    char run_key[RT_HASH_TEXT];            /* of everything that is the same for all targets */
    double submission_written, submission_cost;   /* when, and how long it took */
} rt_predict_run;

/* ---- predict_share.c: the targets of a run that several processes share ---- */
/* Deals the targets: the longest first, each to the rank with the least work so far.  Errors: RT_ERR_MEMORY. */
rt_status rt_predict_share_deal(rt_predict_run *r, rt_err *err);
/* (all ranks) RT_ERR_MISMATCH when a rank found other inputs or options than rank 0. */
rt_status rt_predict_share_check(const rt_predict_run *r, rt_err *err);
/* (all ranks) The others' records, rows and failures to every rank; then report->targets has a record of each target that
 * was reached, in the order of the file.  Errors: RT_ERR_MEMORY. */
rt_status rt_predict_share_collect(rt_predict_run *r, rt_err *err);
void rt_predict_share_free_members(rt_predict_share *share);

/* One trunk pass and its samples. */
typedef struct {
    int64_t checkpoint, template_idx, trunk_pass;
    uint64_t seed;
    int64_t n_cycle, n_step, n_sample;
} rt_predict_pass;

/* What a target is about to get. */
typedef struct {
    rt_predict_pass *pass;
    int64_t n_pass;
    rt_predict_pass asked;                 /* cycles, steps and samples before the clock made them fewer */
    int64_t asked_passes;
    bool shortened;
    int64_t memory;                        /* bytes of activations; 0: not measured */
} rt_predict_plan;

/* ---- predict_inputs.c ---- */
/* Loads the alignment, notes the templates, says in one line what the target has, and puts it into record["inputs"]. */
rt_status rt_predict_inputs_give(rt_predict_run *r, rt_input *input, json_t *record, rt_err *err);
/* Template sets that the target can have: those of its file, or 0. */
int64_t rt_predict_inputs_templates(const rt_predict_run *r, const rt_input *input);
/* Sets the templates of one pass; template_idx -1 is "none". */
rt_status rt_predict_inputs_set_templates(const rt_predict_run *r, rt_input *input, int64_t template_idx, rt_err *err);

/* ---- predict_passes.c ---- */
/* The folds that the protocol gives a target.  Errors: RT_ERR_MISMATCH when a template set is asked for that the target's
 * file does not have, RT_ERR_MEMORY. */
rt_status rt_predict_passes_list(const rt_predict_run *r, const rt_input *input, rt_predict_plan *out_plan, rt_err *err);
void rt_predict_passes_free(rt_predict_plan *plan);
/* Work of the plan's passes in rt_fold_work's units. */
void rt_predict_passes_work(const rt_predict_run *r, const rt_features *features, const rt_predict_plan *plan,
                            double out_work[RT_STAGE_COUNT]);
/* The random numbers of a pass: those of its target, other ones for each further trunk pass. */
uint64_t rt_predict_passes_stream(const rt_input *input, int64_t trunk_pass);
json_t *rt_predict_passes_json(const rt_predict_run *r, const rt_predict_plan *plan);

/* ---- predict_memory.c ---- */
/* Measures what the target needs, turns the context frugal when only that fits, and refuses it otherwise, with the length
 * that would fit.  Errors: RT_ERR_MEMORY. */
rt_status rt_predict_memory_fit(rt_predict_run *r, const rt_input *input, const rt_features *features, rt_predict_plan *plan,
                                json_t *record, rt_err *err);
int64_t rt_predict_memory_limit(const rt_predict_run *r);      /* bytes for everything that this process takes */
int64_t rt_predict_memory_weights(const rt_predict_run *r);    /* bytes of all models */

/* ---- predict_budget.c ---- */
void rt_predict_budget_start(rt_predict_run *r);
/* Makes the plan shorter until it fits this target's share of the time that is left: fewer samples, steps, cycles or passes,
 * whatever takes longest first.  targets[0..n) are those still to come, the first is this one. */
void rt_predict_budget_fit(rt_predict_run *r, rt_input *const *targets, int64_t n, const rt_features *features,
                           rt_predict_plan *plan);
/* Learns from a pass that has run. */
void rt_predict_budget_learn(rt_predict_run *r, const double work[RT_STAGE_COUNT], const double seconds[RT_STAGE_COUNT]);

/* ---- predict_rank.c ---- */
/* Reads the learned ranking beside each checkpoint.  Errors: RT_ERR_USAGE when there is none, RT_ERR_FORMAT. */
rt_status rt_predict_rank_open(rt_predict_run *r, rt_err *err);
/* "ranking.json" beside a checkpoint. */
void rt_predict_rank_path(char *out, int64_t size, const char *checkpoint);
/* RT_ERR_MISMATCH unless the ranking was fitted for the checkpoint with this SHA-256. */
rt_status rt_predict_rank_check(const rt_predict_run *r, int64_t checkpoint, const char *sha256, rt_err *err);
/* Orders the samples of all passes; each one's scores get "learned", "clash_score" and "consensus".  Errors: RT_ERR_MEMORY. */
rt_status rt_predict_rank_apply(rt_predict_run *r, const rt_features *features, rt_samples *samples, rt_err *err);

/* ---- predict_files.c ---- */
/* Coordinates into the submission, then every file of the target; summary.json comes last and says that it is finished. */
rt_status rt_predict_files_submit(rt_predict_run *r, const rt_input *input, const rt_features *features,
                                  const rt_samples *samples, rt_err *err);
rt_status rt_predict_files_write(rt_predict_run *r, const rt_input *input, const rt_features *features,
                                 const rt_samples *samples, const rt_predict_plan *plan, const char *key, json_t *record,
                                 rt_err *err);

/* ---- predict_resume.c ---- */
/* run_key of everything that all targets share; adds what was read to report->inputs. */
rt_status rt_predict_resume_open(rt_predict_run *r, rt_err *err);
/* SHA-256 over the run's and the target's inputs: equal keys, equal bytes. */
rt_status rt_predict_resume_key(const rt_predict_run *r, const rt_input *input, char out_key[RT_HASH_TEXT], rt_err *err);
/* True when a target with this key stands finished in its folder; its rows are then in the submission, and what summary.json
 * says of it in the record. */
bool rt_predict_resume_take(rt_predict_run *r, const rt_input *input, const char *key, json_t *record);
/* Temporary files of a run that was killed. */
void rt_predict_resume_sweep(const char *folder);

#endif
