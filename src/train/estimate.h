/* estimate.h - how long a run will take, from samples of two lengths
 * Room: train.  Uses: train/loop.
 *
 * A sample's time grows with a power of its length that depends on the machine and on what trains: it is fitted through
 * the longest training target and one of about half its length.  A training sample has any
 * number of recycles up to all of them, a held-out one has all and no backward: both shares are measured on the shorter
 * target.
 */
#ifndef RT_TRAIN_ESTIMATE_H
#define RT_TRAIN_ESTIMATE_H

#include "train/loop.h"

typedef struct {
    int64_t tokens[2];     /* of the longest, and of the shorter; the same when there is no shorter one */
    double seconds[2];     /* forward and backward with all recycles */
    double train_share;    /* of that: a training sample's time over all numbers of recycles */
    double held_out_share; /* a held-out sample's */
    double epoch, total;   /* seconds: training and validation; all epochs and the base's validation */
} rt_estimate;

/* `longest` is what rt_loop_try measured.  Errors: as rt_loop_try's. */
rt_status rt_estimate_make(rt_estimate *out, rt_ctx *ctx, rt_model *model, const rt_loop_options *options,
                           const rt_loop_measure *longest, rt_err *err);

/* Seconds of a sample of `tokens`, forward and backward with all recycles: through the two points as a power between 0
 * and 3 of the length; the square when there is one point. */
double rt_estimate_seconds(const rt_estimate *estimate, int64_t tokens);

#endif
