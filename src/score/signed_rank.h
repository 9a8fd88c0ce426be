/* signed_rank.h - two tests of paired differences that assume no shape of their distribution
 * Room: score.  Uses: base/memory, score/distribution.
 *
 * Both take the pairs as independent.  Where targets come in families, give them one value per family.
 */
#ifndef RT_SCORE_SIGNED_RANK_H
#define RT_SCORE_SIGNED_RANK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

#define RT_SIGNED_RANK_EXACT_MAX 400   /* differences that are not zero; beyond, the normal approximation */

typedef struct {
    int64_t n;                 /* differences that are not zero */
    int64_t n_plus, n_minus, n_zero;
    double w_plus, w_minus;    /* Wilcoxon's sums of ranks; mid-ranks where |difference| is equal */
    double wilcoxon_p;         /* two-sided; 1 when every difference is zero */
    bool wilcoxon_exact;
    double sign_p;             /* two-sided, always exact */
} rt_signed_rank;

/* difference (n), no NaN; zeros are left out, as Wilcoxon (1945) did.
 * Math: exact: every pattern of signs has probability 2^-n given the ranks, and the distribution of W+ is built by
 *   adding one rank after another over sums of doubled mid-ranks, which are whole numbers, so ties are exact too.
 *   p = min(1, 2 min(P(W+ <= w), P(W+ >= w))).
 *   Beyond RT_SIGNED_RANK_EXACT_MAX: normal with variance n(n+1)(2n+1)/24 - sum(t^3 - t)/48 over ties of t (Lehmann
 *   1975), without continuity correction.
 *   Sign test: the same p from the binomial distribution of the number of positive differences.
 * Cost: n^3 additions when exact (60 ms for 400), n^2 doubles of memory.
 * Errors: RT_ERR_MEMORY. */
rt_status rt_signed_rank_run(rt_signed_rank *out_test, const double *difference, int64_t n, rt_err *err);

/* out_rank (n): 1 for the smallest value; equal values share the mean of their places.  Errors: RT_ERR_MEMORY. */
rt_status rt_signed_rank_midranks(double *out_rank, const double *value, int64_t n, rt_err *err);

#endif
