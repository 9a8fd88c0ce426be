/* distribution.h - the few probability distributions that tests and intervals need
 * Room: score.  Uses: nothing.
 *
 * Errors: none; a degree of freedom or probability outside the stated range gives NaN.
 */
#ifndef RT_SCORE_DISTRIBUTION_H
#define RT_SCORE_DISTRIBUTION_H

#include <stdint.h>

/* P(Z <= x) of the standard normal distribution. */
double rt_normal_cdf(double x);
/* The x with rt_normal_cdf(x) = p; -inf and inf at 0 and 1. */
double rt_normal_quantile(double p);

/* P(T <= x) of Student's t with df > 0 degrees of freedom (not necessarily whole).
 * Math: 1 - I_z(df/2, 1/2)/2 with z = df/(df + x^2); the incomplete beta I by Lentz's method on its continued fraction
 *   (Abramowitz and Stegun 26.5.8, 26.7.1).  Relative error below 1e-12 of the smaller tail. */
double rt_t_cdf(double x, double df);
/* The x with rt_t_cdf(x, df) = p, by bisection to the last bits. */
double rt_t_quantile(double p, double df);

/* P(X <= k) for X ~ Binomial(n, 1/2), exactly up to rounding.  Cost: n. */
double rt_coin_cdf(int64_t k, int64_t n);

#endif
