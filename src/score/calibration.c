#include "score/calibration.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "score/signed_rank.h"

rt_status rt_calibration_spearman(double *out, const double *x, const double *y, int64_t n, rt_err *err)
{
    rt_status status = RT_OK;
    double *rank, mean = 0.5 * (double)(n + 1), xx = 0, yy = 0, xy = 0;
    RT_TRY_ALLOC(rank, 2 * n);
    RT_TRY(rt_signed_rank_midranks(rank, x, n, err));
    RT_TRY(rt_signed_rank_midranks(rank + n, y, n, err));
    for (int64_t i = 0; i < n; i++) {
        double dx = rank[i] - mean, dy = rank[n + i] - mean;
        xx += dx * dx, yy += dy * dy, xy += dx * dy;
    }
    *out = xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : NAN;
done:
    free(rank);
    return status;
}

int rt_calibration_bin_of(double predicted)
{
    int bin = (int)floor(fmin(fmax(predicted, 0), 1) * RT_CALIBRATION_BINS);
    return bin < RT_CALIBRATION_BINS ? bin : RT_CALIBRATION_BINS - 1;
}

void rt_calibration_find(rt_calibration *out_calibration, const double *predicted, const double *observed, int64_t n)
{
    rt_calibration c = {.n = n};
    double count = (double)n;
    for (int b = 0; b < RT_CALIBRATION_BINS; b++)
        c.bin[b].low = (double)b / RT_CALIBRATION_BINS, c.bin[b].high = (double)(b + 1) / RT_CALIBRATION_BINS;
    for (int64_t i = 0; i < n; i++) {
        rt_calibration_bin *bin = &c.bin[rt_calibration_bin_of(predicted[i])];
        bin->n++;
        bin->predicted += predicted[i];
        bin->observed += observed[i];
        c.bias += (predicted[i] - observed[i]) / count;
        c.mean_absolute += fabs(predicted[i] - observed[i]) / count;
    }
    for (int b = 0; b < RT_CALIBRATION_BINS; b++) {
        rt_calibration_bin *bin = &c.bin[b];
        if (n > 0) c.expected_error += fabs(bin->predicted - bin->observed) / count;
        bin->predicted /= (double)bin->n;   /* 0/0 is NaN, as promised */
        bin->observed /= (double)bin->n;
    }
    if (n == 0) c.expected_error = c.bias = c.mean_absolute = NAN;
    *out_calibration = c;
}
