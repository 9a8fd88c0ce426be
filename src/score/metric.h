/* metric.h - the numbers of a results table by name
 * Room: score.  Uses: score/table.
 */
#ifndef RT_SCORE_METRIC_H
#define RT_SCORE_METRIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "score/table.h"

typedef struct {
    const char *name;
    int decimals;
    size_t offset;   /* in a row */
} rt_metric;

/* A REAL column of RT_SCORE_COLUMNS that measures a model (d0 does not), or "loss"; NULL when there is no such metric. */
const rt_metric *rt_metric_find(const char *name);
/* The same for a name that a user gave.  Errors: RT_ERR_USAGE, with the nearest name or all names as a hint. */
rt_status rt_metric_read(const rt_metric **out_metric, const char *name, rt_err *err);
/* The row's value, NaN when it is not known. */
double rt_metric_value(const rt_metric *metric, const rt_score_row *row);
/* True when a smaller value is better: rmsd, rmsd_aligned, clash, loss. */
bool rt_metric_lower(const rt_metric *metric);
/* True when a is better than b. */
bool rt_metric_better(const rt_metric *metric, double a, double b);

/* How a target's models become one number. */
typedef enum {
    RT_PER_TARGET_BEST,   /* the best of its models */
    RT_PER_TARGET_TOP1,   /* the one that its maker ranks first (column rank, else the first in the table) */
    RT_PER_TARGET_MEAN,
    RT_PER_TARGET_BEST5   /* the best of ranks 1 to 5 (without ranks: of the first 5): what the competition counts */
} rt_per_target;

/* "best", "top1", "mean", "best5": `name` is one of them. */
rt_per_target rt_per_target_of(const char *name);

#endif
