/* score_summary.h - the table's means and medians per target, over strata
 * Room: score.  Uses: score/table.
 */
#ifndef RT_SCORE_SCORE_SUMMARY_H
#define RT_SCORE_SCORE_SUMMARY_H

#include <jansson.h>
#include <stdint.h>

#include "base/status.h"
#include "base/text.h"
#include "score/table.h"

enum { RT_SCORE_SUMMARY_BEST_OF = 5, RT_SCORE_SUMMARY_MEASURES = 8 };

/* Of the targets of one stratum: what is summarised, its mean and median over targets.  top 1 is a target's first row
 * (its best rank), best of 5 the best of its first five; NaN where nothing is known.  n_missing: residues of the natives
 * that the top 1 models lack. */
typedef struct {
    const char *name;                 /* "all", "length <= 100", ... */
    int64_t n_target, n_model, n_missing;
    double mean[RT_SCORE_SUMMARY_MEASURES], median[RT_SCORE_SUMMARY_MEASURES];
} rt_score_summary_stratum;

typedef struct {
    rt_score_summary_stratum *stratum;      /* those that hold a target */
    int64_t n_stratum;
} rt_score_summary;

/* "tm_resid_best5", ... */
const char *rt_score_summary_measure(int index);

/* Rows of one target stand together.  Errors: RT_ERR_MEMORY. */
rt_status rt_score_summary_build(rt_score_summary *out_summary, const rt_score_table *table, rt_err *err);
void rt_score_summary_free_members(rt_score_summary *summary);

/* TSV: a line per stratum; for a person: aligned, and shorter. */
void rt_score_summary_print(rt_text *out_text, const rt_score_summary *summary);
void rt_score_summary_print_aligned(rt_text *out_text, const rt_score_summary *summary);
json_t *rt_score_summary_json(const rt_score_summary *summary);

#endif
