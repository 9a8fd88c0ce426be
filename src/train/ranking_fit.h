/* ranking_fit.h - fits a learned ranking to samples whose quality is known
 * Room: train.  Uses: confidence/ranking, score/selection.
 *
 * What orders a target's samples is a ridge regression of the quality on the features, both less their target's means, so
 * that it learns differences within targets; every target weighs the same.  The ridge is the one with the least squared
 * error over families left out one at a time.  Where a sample is judged by its own ranking, it is by one that was
 * fitted, ridge and all, without its family.  Then a logistic curve of two parameters maps the sum to the quality
 * expected over all targets.
 */
#ifndef RT_TRAIN_RANKING_FIT_H
#define RT_TRAIN_RANKING_FIT_H

#include "confidence/ranking.h"
#include "score/selection.h"

/* Fits out_ranking to all samples of `data` (checkpoint is the caller's to set), and sets every sample's
 * score[RT_SELECT_LEARNED] to the value of a ranking fitted without its family.
 * Errors: RT_ERR_MISMATCH (fewer than two families with two samples of different quality), RT_ERR_MEMORY. */
rt_status rt_ranking_fit(rt_ranking *out_ranking, rt_selection_data *data, rt_err *err);

#endif
