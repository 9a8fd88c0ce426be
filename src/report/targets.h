/* targets.h - the held-out targets of the comparison: their values, and which of them get a page
 * Room: report.  Uses: report/source, io/csv, score/metric, score/table.
 */
#ifndef RT_REPORT_TARGETS_H
#define RT_REPORT_TARGETS_H

#include <stdbool.h>
#include <stdint.h>

#include "report/source.h"
#include "score/metric.h"
#include "score/table.h"

enum { RT_REPORT_ARMS = 6 };

typedef struct {
    char name[RT_SCORE_NAME], family[RT_SCORE_NAME];
    double value[RT_REPORT_ARMS];   /* per arm, the mean over seeds; NaN: not known */
    double difference;              /* last arm less first, turned so that above zero is better */
    bool page;
} rt_report_target;

typedef struct {
    char arm[RT_REPORT_ARMS][64], seed[RT_REPORT_ARMS][64]; /* seed: the folder of each arm's first seed, "" for none */
    int n_arm;
    rt_score_table scores[RT_REPORT_ARMS];                    /* of that seed */
    char problem[RT_REPORT_ARMS][1600];                       /* why there are no scores, "" */
    const char *metric_name, *per_target;
    const rt_metric *metric;
    rt_report_target *target;                                 /* as compare/pairs.tsv has them: by name */
    int64_t n, capacity, n_page;
    bool all_atoms;                                           /* views show them: the page carries Mol* */
} rt_report_targets;

/* Reads compare/pairs.tsv and the first seed's scores of each arm; no targets when the comparison is not there.  Pages
 * go to at most n_page targets: the largest losses first (a third of them), then by turns the lowest, the highest
 * and those around the median of the last arm.
 * Errors: RT_ERR_MEMORY; a damaged file is written to `problems` as a line of the page. */
rt_status rt_report_targets_open(rt_report_targets *out_targets, rt_text *problems, const rt_report_source *source,
                                 int64_t n_page, rt_err *err);
void rt_report_targets_free_members(rt_report_targets *targets);

/* The row of arm's sample that stands for the target: the best of the first five by the comparison's metric (the
 * first where it compares first choices); NULL when there is none. */
const rt_score_row *rt_report_targets_pick(const rt_report_targets *targets, int arm, const char *target);

/* The target's name, a link where it has a page. */
void rt_report_target_link(rt_text *out, const rt_report_target *target);

/* The order in which targets lose most: numbers (n) of those whose difference is known, the largest loss first. */
rt_status rt_report_targets_by_loss(int64_t **ret_order, int64_t *out_n, const rt_report_targets *targets, rt_err *err);

#endif
