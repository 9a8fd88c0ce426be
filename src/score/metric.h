/* metric.h - the numbers of a results table by name
 * Room: score.  Uses: score/table.
 */
#ifndef RT_SCORE_METRIC_H
#define RT_SCORE_METRIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "score/table.h"

/* Every REAL column of RT_SCORE_COLUMNS that measures a model, for an option's choices. */
#define RT_METRIC_CHOICES                                                                                                \
    "tm_resid|tm_align|rmsd|rmsd_aligned|gdt_ts|lddt_c1|lddt_c1_30|lddt_all|lddt_all30|inf_all|inf_wc|inf_nwc|inf_stack|clash"

typedef struct {
    const char *name;
    int decimals;
    size_t offset;   /* in a row */
} rt_metric;

/* NULL when there is no such metric. */
const rt_metric *rt_metric_find(const char *name);
/* The row's value, NaN when it is not known. */
double rt_metric_value(const rt_metric *metric, const rt_score_row *row);
/* True when a smaller value is better: rmsd, rmsd_aligned, clash. */
bool rt_metric_lower(const rt_metric *metric);
/* True when a is better than b. */
bool rt_metric_better(const rt_metric *metric, double a, double b);

/* How a target's models become one number. */
typedef enum {
    RT_PER_TARGET_BEST,   /* the best of its models: what the competition counts, of 5 */
    RT_PER_TARGET_TOP1,   /* the one that its maker ranks first (column rank, else the first in the table) */
    RT_PER_TARGET_MEAN
} rt_per_target;

#endif
