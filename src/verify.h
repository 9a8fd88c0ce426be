/* verify.h - the network against recorded reference runs, stage by stage
 * Uses: fold, feat, io.
 *
 * A golden folder holds raw inputs, a small checkpoint, and for each case what the reference computed at every stage with
 * which random numbers.  Each case runs twice: end to end, and with every stage fed the golden's own values, so that an
 * error cannot hide behind an earlier one.  A recorded tensor that nothing was compared with is a miss.
 */
#ifndef RT_VERIFY_H
#define RT_VERIFY_H

#include <stdbool.h>

#include "base/status.h"
#include "layer/bind.h"
#include "op/backend.h"

typedef enum { RT_VERDICT_OK, RT_VERDICT_MISS, RT_VERDICT_NOT_COMPARED } rt_verdict;

typedef struct {
    const char *mode;            /* "end-to-end", "fed" or "input" (features and files, the same for both) */
    char case_name[64], stage[64], tensor[192];
    const char *measure;         /* what `error` is: "exact", "abs", "max/max", "rmsd", "relative" */
    double error, bound;
    rt_verdict verdict;
} rt_verify_row;

typedef struct {
    rt_verify_row *row;
    int64_t n_row, capacity;
    int64_t n_case, n_miss;
} rt_verify_table;

typedef struct {
    const char *golden;          /* folder */
    const char *opt_case;        /* only this one */
    rt_backend_kind backend;
    rt_precision precision;
    int threads;
    bool training;               /* losses, gradients and optimizer steps instead of the stages of a prediction */
    int64_t copies_at_once;      /* of these steps: see train/step */
} rt_verify_options;

/* Errors: RT_ERR_IO/FORMAT when the folder is not of that layout.  Misses are not errors: see n_miss. */
rt_status rt_verify_run(rt_verify_table *out_table, const rt_verify_options *options, rt_err *err);
void rt_verify_free_members(rt_verify_table *table);

const char *rt_verdict_name(rt_verdict verdict);

#endif
