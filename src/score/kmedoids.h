/* kmedoids.h - the few samples that stand for all of them, from their pairwise similarities
 * Room: score.  Uses: base/memory.
 */
#ifndef RT_SCORE_KMEDOIDS_H
#define RT_SCORE_KMEDOIDS_H

#include <stdint.h>

#include "base/status.h"

#define RT_KMEDOIDS_ALL 100000

/* Shapes: similarity (n,n), row i that of sample i to each one, which may be scaled by the sample's weight;
 *   out_medoid (k), 1 <= k <= n.
 * Math: the k medoids maximise the sum over samples of the similarity to their nearest medoid.  All choices are tried
 *   when there are RT_KMEDOIDS_ALL at most (5 of 25 are 53,130); else the greedy start and exchanges of Partitioning
 *   Around Medoids (Kaufman and Rousseeuw 1990), until no exchange helps.  They come ordered by the number of samples
 *   nearest to each, then by their number.  k = 1 is the sample most similar to all others.
 * Cost: n k per choice (10 ms for 5 of 25), k n^2 per exchange.  Errors: RT_ERR_MEMORY. */
rt_status rt_kmedoids_find(int64_t *out_medoid, const double *similarity, int64_t n, int64_t k, rt_err *err);

#endif
