/* calibration.h - does a predicted score order samples, and does it mean what it says?
 * Room: score.  Uses: base/memory, score/signed_rank (mid-ranks).
 */
#ifndef RT_SCORE_CALIBRATION_H
#define RT_SCORE_CALIBRATION_H

#include <stdint.h>

#include "base/status.h"

#define RT_CALIBRATION_BINS 10

/* Spearman's rank correlation: Pearson's of the mid-ranks, which is right with ties too.  *out is NaN with fewer than
 * two pairs or when one side is constant.  x (n), y (n), no NaN.  Errors: RT_ERR_MEMORY. */
rt_status rt_calibration_spearman(double *out, const double *x, const double *y, int64_t n, rt_err *err);

typedef struct {
    double low, high;              /* of the predicted score: [low, high), the last one with its end */
    int64_t n;
    double predicted, observed;    /* means, NaN when the bin is empty */
} rt_calibration_bin;

typedef struct {
    int64_t n;
    rt_calibration_bin bin[RT_CALIBRATION_BINS];
    double expected_error;         /* sum over bins n_bin/n |predicted - observed| (Guo et al. 2017) */
    double bias;                   /* mean predicted - mean observed: above zero is overconfident */
    double mean_absolute;          /* mean |predicted - observed| of single samples */
} rt_calibration;

/* predicted (n) and observed (n), 0 .. 1 (a predicted value outside counts in the first or last bin), no NaN.
 * The bins have equal widths.  Members are NaN when n is 0. */
void rt_calibration_find(rt_calibration *out_calibration, const double *predicted, const double *observed, int64_t n);

/* The bin of a predicted value. */
int rt_calibration_bin_of(double predicted);

#endif
