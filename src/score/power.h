/* power.h - how large an effect a comparison could have seen, and how many families it would take to see a smaller one
 * Room: score.  Uses: base/memory, score/distribution.
 *
 * A difference is mean + u_g + e_i: u_g is what the targets of family g share, e_i is the target's own.  The variances
 * of both come from the unbalanced one-way analysis of variance (Searle, Casella and McCulloch 1992, chapter 3):
 *     within = sum (d_i - mean_g)^2 / (n - G),   between = sum n_g (mean_g - mean)^2 / (G - 1),
 *     n0 = (n - sum n_g^2 / n) / (G - 1),   var(u) = max(0, (between - within) / n0),   var(e) = within.
 * The mean over the targets of G' families with sizes like these has the variance
 *     per_family / G',   per_family = var(u) m2 / m1^2 + var(e) / m1,
 * with m1 the mean and m2 the mean square of the sizes (Kish's design effect).  An effect is found in a share `power`
 * of comparisons by a two-sided test at `alpha` when it is (t_{1-alpha/2} + t_power) sqrt(per_family / G') (Bloom
 * 1995).
 * Where few families carry most of the variance, its estimate is worth fewer of them: the degrees of freedom are
 * effective G' - 1, with effective = (sum v_g)^2 / (G sum v_g^2) and v_g = n_g^2 var(u) + n_g var(e), as in
 * Satterthwaite's approximation; 1 when all families have the same size.
 */
#ifndef RT_SCORE_POWER_H
#define RT_SCORE_POWER_H

#include <stdint.h>

#include "base/status.h"

#define RT_POWER_MANY INT64_C(1000000)   /* rt_power_families says no more than this */

typedef struct {
    int64_t n, n_family;
    double var_family, var_target;   /* var(u), var(e), in squared units of the metric.  When every family has one
                                        target they cannot be told apart: all of it is in var_family */
    double per_family;
    double effective;                /* 0..1: the share of families that the error's estimate is worth */
} rt_power;

/* value (n), family (n) with numbers 0 .. n_family-1, each used.  Members are NaN with fewer than two families.
 * Errors: RT_ERR_MEMORY. */
rt_status rt_power_find(rt_power *out_power, const double *value, const int64_t *family, int64_t n, int64_t n_family,
                        rt_err *err);

/* The effect that n_family families show with probability `power` (0.8) at level alpha (0.05), in units of the metric;
 * NaN below two families. */
double rt_power_effect(const rt_power *components, int64_t n_family, double alpha, double power);

/* The fewest families that show `effect` > 0 so; RT_POWER_MANY when that is not enough or the variance is unknown. */
int64_t rt_power_families(const rt_power *components, double effect, double alpha, double power);

#endif
