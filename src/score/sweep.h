/* sweep.h - points in the order of their first coordinate: neighbours are found by walking on until it is too far
 * Room: score.  Uses: base/memory.
 */
#ifndef RT_SCORE_SWEEP_H
#define RT_SCORE_SWEEP_H

#include <stdint.h>

#include "base/status.h"

/* *ret_order (n), free() it: indices of the points (n,3) by ascending x; equal ones by index. */
rt_status rt_sweep_order(int64_t **ret_order, const double *xyz, int64_t n, rt_err *err);

#endif
