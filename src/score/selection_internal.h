/* selection_internal.h - samples with their own scores and their true ones (selection.c, selection_read.c)
 * Room: score.  Uses: score/selection.
 */
#ifndef RT_SCORE_SELECTION_INTERNAL_H
#define RT_SCORE_SELECTION_INTERNAL_H

#include "score/selection.h"

/* Targets with at least two samples whose quality is known; counts what was left out in `counts`. */
rt_status rt_selection_read(rt_selection_data *out_data, rt_selection *counts, const rt_score_table *table,
                            const rt_selection_options *options, rt_err *err);

#endif
