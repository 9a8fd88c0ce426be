/* cross_entropy.h - softmax cross entropy of many rows of logits against a class each
 * Room: train.  Uses: op/backend.
 */
#ifndef RT_TRAIN_CROSS_ENTROPY_H
#define RT_TRAIN_CROSS_ENTROPY_H

#include "op/backend.h"

#define RT_CROSS_ENTROPY_SKIP 255   /* a row that does not count */

/* Returns the sum over counted rows of logsumexp(logits) - logits[class].
 * opt_d_logits += scale * (softmax(logits) - onehot(class)) in counted rows; data NULL: not wanted.
 * Shapes: logits, d_logits (..., C) F32 or F64 with C <= 128; row_class U8 (rows).
 * Sums in double, tile by tile in order: any number of threads gives the same bits.
 * Errors: the context's, when its arena is full (then 0 is returned).  Cost: one exp per logit. */
double rt_cross_entropy_rows(rt_ctx *ctx, rt_tensor opt_d_logits, rt_tensor logits, rt_tensor row_class, double scale);

#endif
