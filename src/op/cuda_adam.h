/* cuda_adam.h - Adam's two passes over all tensors that train, on the device (train/adam.h says what they compute)
 * Room: op.  Uses: op/backend.
 *
 * A table of tensors, so that a step is two launches however many there are.  The table and everything it points to is
 * memory of the device that the host may write after rt_ctx_sync.
 */
#ifndef RT_OP_CUDA_ADAM_H
#define RT_OP_CUDA_ADAM_H

#include "op/backend.h"

enum { RT_CUDA_ADAM_TILE = 16384 };   /* elements of a tensor that a block takes */

typedef struct {
    float *value, *m, *v;
    const float *grad;
    uint16_t *opt_value16;        /* the BF16 copy that products read, refreshed with the value */
    int64_t count, first_tile;    /* elements; tiles of all tensors before it in the table */
    /* with t the number of updates of this tensor, this one among them, all rounded to float:
     * slope = grad scale + decay value;  m += (1 - beta1) (slope - m);  v = beta2 v + (1 - beta2) slope^2;
     * value = shrink value - rate m / (sqrt(v) / root + eps), rate = learning rate / (1 - beta1^t), root = sqrt(1 - beta2^t) */
    float scale, decay, shrink, blend, keep, fresh, rate, root, eps;
    bool skip;                    /* nothing reached it: left alone */
} rt_cuda_adam_tensor;

/* square (n_tile) = the sum of squared gradients in each tile, in double and in a fixed order.  n_tile: of the whole table.
 * Queued; the caller adds the tiles after rt_ctx_sync. */
void rt_cuda_adam_squares(rt_ctx *ctx, double *square, const rt_cuda_adam_tensor *tensors, int64_t n_tensor, int64_t n_tile);

/* One update of every tensor that is not to be skipped.  Queued. */
void rt_cuda_adam_update(rt_ctx *ctx, const rt_cuda_adam_tensor *tensors, int64_t n_tensor, int64_t n_tile);

#endif
