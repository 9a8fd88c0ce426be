/* guard.h - what happens to a step whose loss or gradient is no finite number
 * Room: train.  Uses: base/status, base/log.
 *
 * The reference sets such a loss to 0 and goes on in silence.  Here the step is left out, counted, and its targets are
 * named; a run in which nothing else happens any more stops.
 */
#ifndef RT_TRAIN_GUARD_H
#define RT_TRAIN_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

typedef struct {
    int64_t limit;        /* this many in a row stop the run */
    int64_t n_skipped;    /* in all; kept in checkpoints */
    int64_t n_in_row;
} rt_guard;

/* Looks at one step: its loss, the norm of its gradients and the first tensor whose gradient is not finite (NULL:
 * none).  targets: whose loss it is that is not finite, or all of the step's when only the gradient says so.
 * *out_skip: the step must not be taken (a line on stderr says why).
 * Errors: RT_ERR_FORMAT when it is the limit-th in a row. */
rt_status rt_guard_check(rt_guard *guard, bool *out_skip, double loss, double norm, const char *opt_bad_tensor,
                         const char *targets, rt_err *err);

#endif
