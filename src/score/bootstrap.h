/* bootstrap.h - a mean over targets with a confidence interval that knows that targets come in families
 * Room: score.  Uses: base/memory, base/rng, score/distribution.
 *
 * Targets of one family are not independent, so the family is the unit: a resample draws G families with replacement
 * and takes all of their targets.  With S_g the sum and n_g the number of values of family g, the estimate is the mean
 * over targets, sum S_g / sum n_g.
 *
 * Studentised (bootstrap-t: Efron and Tibshirani 1993, chapter 12; for clusters Cameron, Gelbach and Miller 2008): each
 * resample gives t* = (mean* - mean) / se*, and the interval is mean -+ se q, with q the quantile of |t*|: the
 * symmetric form, whose error in coverage is of a smaller order (Hall 1988).  The standard error is the
 * delete-one-family jackknife, which is the cluster-robust one (Liang and Zeger 1986) with a correction for families
 * that weigh much (CR3 of Bell and McCaffrey 2002):
 *     se^2 = (G - 1)/G sum_g e_g^2,   e_g = (S_g - mean n_g) / (n - n_g).
 * BCa (Efron 1987): quantiles of mean*, corrected for bias and for acceleration, both over families.
 *
 * Chosen by simulation (2,000 data sets, families of 1 to 20 targets, correlation 0.4 within a family, no true mean):
 * how often the 95% interval covers zero, in per cent, at 25, 47 and 200 families.
 *     differences              studentised       its equal-tailed form   BCa
 *     normal                   95.5 95.8 94.5    95.0 95.1 93.5          92.0 92.8 92.9
 *     Student's t with 3 df    95.7 96.5 95.7    93.8 94.3 93.2          90.2 91.9 92.0
 *     exponential              94.2 93.8 94.2    93.3 93.3 93.5          90.3 90.5 92.0
 * bootstrap_test.c repeats this for the studentised interval and for BCa.
 */
#ifndef RT_SCORE_BOOTSTRAP_H
#define RT_SCORE_BOOTSTRAP_H

#include <stdint.h>

#include "base/status.h"

typedef enum { RT_BOOTSTRAP_STUDENTISED, RT_BOOTSTRAP_BCA } rt_bootstrap_method;

typedef struct {
    rt_bootstrap_method method;
    int64_t n_resample;        /* 10,000 or more for results that are reported */
    uint64_t seed, stream;     /* `stream` tells comparisons of one run apart */
} rt_bootstrap_options;

typedef struct {
    rt_bootstrap_method method;
    int64_t n, n_family, n_resample;
    double mean;               /* over values */
    double se;                 /* jackknife over families; NaN with fewer than two */
    double bias, acceleration; /* BCa's z0 and a */
    double *draw; /* (n_resample) ascending: |t*| when studentised, mean* for BCa; NULL with < 2 families */
} rt_bootstrap;

/* value (n), family (n) with numbers 0 .. n_family-1, each used; n >= 1.  Release with rt_bootstrap_free_members.
 * The draws depend on seed, stream and the resample's number alone.
 * Cost: n_resample (n_family + log n_resample): 10,000 resamples of 500 families take about 0.1 s.
 * Errors: RT_ERR_MEMORY. */
rt_status rt_bootstrap_run(rt_bootstrap *out_bootstrap, const double *value, const int64_t *family, int64_t n,
                           int64_t n_family, const rt_bootstrap_options *options, rt_err *err);
void rt_bootstrap_free_members(rt_bootstrap *bootstrap);

/* The two-sided interval of the given level (0.95).  With fewer than two families: -inf and inf. */
void rt_bootstrap_interval(const rt_bootstrap *bootstrap, double level, double *out_low, double *out_high);

/* Two-sided p of "the true mean is zero" from the studentised draws: (1 + number of |t*| >= |mean/se|) / (1 +
 * resamples). NaN with fewer than two families or with BCa; 1 when every value is zero. */
double rt_bootstrap_p(const rt_bootstrap *bootstrap);

/* Element p (0..1) of sorted draws, between (count + 1) p - 1 and its neighbour, as Efron and Tibshirani count. */
double rt_bootstrap_quantile(const double *sorted, int64_t count, double p);

/* out_count (n_family): how often resample number `resample` has each family. */
void rt_bootstrap_draw(int32_t *out_count, int64_t n_family, const rt_bootstrap_options *options, int64_t resample);

/* Sorts ascending; no NaN. */
void rt_bootstrap_sort(double *value, int64_t count);

#endif
