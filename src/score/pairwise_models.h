/* pairwise_models.h - TM-scores between the samples of a target, from their coordinates
 * Room: score.  Uses: score/score, score/set, score/selection.
 */
#ifndef RT_SCORE_PAIRWISE_MODELS_H
#define RT_SCORE_PAIRWISE_MODELS_H

#include "score/selection.h"
#include "score/set.h"
#include "score/tm.h"

typedef struct {
    rt_score_set *models;   /* the samples; files are read when they are needed, and released */
    const char *atom;       /* the representative one */
    rt_tm *tm;
} rt_pairwise_models;

/* TM-score by residue number, the mean of both directions; user: an rt_pairwise_models.  NaN for a pair that cannot be
 * compared.  Cost: n^2 superposition searches.  Errors: what makes a sample's file unreadable, RT_ERR_STOPPED,
 * RT_ERR_MEMORY. */
rt_selection_pairwise rt_pairwise_models_read;

#endif
