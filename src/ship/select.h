/* select.h - `rnatune select`: the few structures of each target that are submitted, and what each rule would be worth
 * Room: ship.  Uses: ship/candidates, ship/choose, ship/rule_gain, io/submission, score/score, confidence/structure_scores.
 */
#ifndef RT_SHIP_SELECT_H
#define RT_SHIP_SELECT_H

#include "base/text.h"
#include "io/submission.h"
#include "ship/candidates.h"
#include "ship/rule_gain.h"

typedef struct {
    rt_candidates_options candidates;
    int rule;                    /* an rt_rule or one of RT_SELECT_* */
    int confidence;              /* of mixed: one of RT_SELECT_*; -1: learned where every sample has it, else ptm */
    int64_t keep;                /* 1 .. RT_SUBMISSION_MODELS */
    const char *opt_native;      /* experimental structures: the gain of every rule is found */
    rt_rule_gain_options gain;
    int threads;
} rt_select_options;

typedef struct {
    rt_candidates *candidates;   /* counts of what was left out are in its sources */
    rt_submission *submission;
    rt_text table;               /* TSV: what was chosen, why, and its scores */
    int confidence;              /* as resolved; -1 when it has no part in the rule */
    int64_t n_target, n_candidate;
    int64_t n_empty, n_few;      /* targets without a candidate; with fewer than `keep` */
    char empty[RT_SCORE_NAME];   /* the first of them */
    bool has_gain;
    rt_rule_gain gain;
    int64_t n_native;            /* targets with a native */
    json_t *values;              /* with natives: per target and rule, top1 and best; json_decref() it */
} rt_select_report;

/* Nothing is written; release with rt_select_report_free_members, also after a failure.
 * Errors: those of rt_candidates_open and rt_candidates_load; RT_ERR_USAGE when the rule orders by a score that a pool has
 * not; RT_ERR_MISMATCH when a sample of ours has not the score, or no native belongs to a target; RT_ERR_STOPPED. */
rt_status rt_select_run(rt_select_report *out_report, const rt_select_options *options, rt_err *err);
void rt_select_report_free_members(rt_select_report *report);

#endif
