/* choose.h - which few of a target's candidates are submitted, and in which order
 * Room: ship.  Uses: score/kmedoids, score/selection.
 *
 * Rules: the five scores of a summary.json, best first; consensus, candidates that are like many others; mixed, the same
 * where a candidate counts by its confidence.  Both of the latter choose the k that maximise
 *     sum_i w_i max_{m chosen} s(i, m),   s the TM-score between candidates.
 * consensus: w = 1, s(i, i) = 1: k-medoids.
 * mixed: the best TM-score that k submissions are expected to reach if the truth is like candidate i with a probability that
 * follows w_i.  w = exp(z), z the confidence less its mean over the target's candidates, in standard deviations; a candidate
 * without a confidence has the mean weight of those with one: it is placed by consensus.  s(i, i) is the TM-score to the
 * candidate most like i: nobody vouches for himself, or a place would go to each that is like no other.  The most confident
 * candidate always has a place, the last one if need be, so that the best of several is never less than the first by confidence.
 * They come in the order in which each adds most to the sum, so that every beginning of the list is a good choice too.
 * Ties: what stands first among the candidates (folders as they were named, then samples as they were drawn).
 */
#ifndef RT_SHIP_CHOOSE_H
#define RT_SHIP_CHOOSE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "score/selection.h"

typedef enum { RT_RULE_CONSENSUS = RT_SELECT_SCORES, RT_RULE_MIXED, RT_RULES } rt_rule;   /* below: RT_SELECT_* */

const char *rt_rule_name(int rule);
int rt_rule_find(const char *name);      /* -1: none of that name */

/* score (n), NaN: has none; such candidates are never chosen.  lower: a smaller score is better (gPDE).
 * out_chosen (k) holds *out_n <= k numbers of candidates.  Errors: RT_ERR_MEMORY. */
rt_status rt_choose_by_score(int64_t *out_chosen, int64_t *out_n, const double *score, bool lower, int64_t n, int64_t k,
                             rt_err *err);

/* tm (n,n) symmetric; opt_confidence (n), higher is better, NaN: has none; NULL: consensus.  out_chosen as above; the
 * smaller of n and k are chosen.  Errors: RT_ERR_MEMORY. */
rt_status rt_choose_by_likeness(int64_t *out_chosen, int64_t *out_n, const double *tm, const double *opt_confidence,
                                int64_t n, int64_t k, rt_err *err);

/* out_weight (n) of `mixed`. */
void rt_choose_weights(double *out_weight, const double *opt_confidence, int64_t n);

#endif
