/* arms.h - the operands of compare: a table of scores or a checkpoint of a results file, each with a name
 * Room: cli.  Uses: io/csv, score/paired, score/protocol, score/results, score/table, train/validation.
 */
#ifndef RT_CLI_ARMS_H
#define RT_CLI_ARMS_H

#include <jansson.h>

#include "base/status.h"
#include "score/paired.h"

typedef struct {
    char name[RT_SCORE_NAME];
    char path[4096];        /* the file, without a checkpoint's name */
    rt_score_table table;
    json_t *run;            /* the predictions' run record; NULL: none was found */
    bool held_out;          /* a training run's held-out targets: its best epoch was chosen on them */
    char **more;            /* (n_more) the tables of further runs */
    int n_more;
} rt_arm_source;

/* "[NAME=]scores.tsv[,scores.tsv..]" (the runs of several seeds), "[NAME=]RUN/held_out.tsv" or
 * "[NAME=]results.sqlite:CHECKPOINT".  Without NAME an arm is called after its file, without ending, or after its folder
 * when the file is called scores.tsv or held_out.tsv, or after the checkpoint.
 * Errors: RT_ERR_IO, RT_ERR_FORMAT, RT_ERR_USAGE (a results file without a checkpoint, no table at all). */
rt_status rt_arm_source_open(rt_arm_source *out_source, const char *operand, rt_err *err);
/* One value per target; with further runs the mean over all of them.  Errors: those of their tables; RT_ERR_MEMORY. */
rt_status rt_arm_source_reduce(rt_arm *out_arm, const rt_arm_source *source, const rt_metric *metric,
                               rt_per_target per_target, rt_err *err);
void rt_arm_source_free_members(rt_arm_source *source);

#endif
