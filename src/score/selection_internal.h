/* selection_internal.h - samples with their own scores and their true ones (selection.c, selection_read.c)
 * Room: score.  Uses: score/selection.
 */
#ifndef RT_SCORE_SELECTION_INTERNAL_H
#define RT_SCORE_SELECTION_INTERNAL_H

#include "score/selection.h"

enum { RT_SELECT_RANKING_SCORE, RT_SELECT_PLDDT, RT_SELECT_PTM, RT_SELECT_GPDE, RT_SELECT_SCORES };

typedef struct {
    char model[RT_SCORE_NAME];
    int64_t sample;                       /* the number in which it was drawn */
    double score[RT_SELECT_SCORES];       /* as in summary.json; NaN: not known */
    double quality, lddt;                 /* from the table; quality is turned so that higher is better */
} rt_selection_sample;

typedef struct {
    char target[RT_SCORE_NAME];
    rt_selection_sample *sample;          /* in the order in which they were drawn */
    int64_t n;
    int64_t family;
} rt_selection_target;

typedef struct {
    rt_selection_target *target;
    int64_t n_target, capacity;
} rt_selection_data;

/* Targets with at least two samples whose quality is known; counts what was left out in `counts`. */
rt_status rt_selection_read(rt_selection_data *out_data, rt_selection *counts, const rt_score_table *table,
                            const rt_selection_options *options, rt_err *err);
void rt_selection_data_free_members(rt_selection_data *data);

#endif
