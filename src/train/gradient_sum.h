/* gradient_sum.h - a step's gradient, added up sample by sample in the order of the samples
 * Room: train.  Uses: layer/param, op/cuda_ranks, base/ranks, base/arena, base/pool.
 *
 * Floating-point sums depend on their order.  So each sample's gradient is made by itself, from zero, and added whole: K ranks
 * with accumulation a then give the bytes of one rank with K x a.
 *
 *     rt_gradient_sum_begin(sum);
 *     for each round {                        a sample on each rank, in the order of the ranks
 *         backward of this rank's sample adds to params' gradients
 *         RT_TRY(rt_gradient_sum_add(sum, takes_part, err));
 *     }
 *     rt_gradient_sum_finish(sum);            rank 0: params' gradients are the step's
 */
#ifndef RT_TRAIN_GRADIENT_SUM_H
#define RT_TRAIN_GRADIENT_SUM_H

#include "base/pool.h"
#include "layer/param.h"

typedef struct rt_gradient_sum rt_gradient_sum;

/* samples: of a step, on all ranks; with 1 there is nothing to add and no memory is taken, as on every rank but 0.
 * `params` and opt_pool, whose workers clear gradients, must outlive it.  Errors: RT_ERR_MEMORY. */
rt_status rt_gradient_sum_create(rt_gradient_sum **ret_sum, rt_params *params, rt_pool *opt_pool, int64_t samples, rt_err *err);
void rt_gradient_sum_free(rt_gradient_sum *sum);   /* NULL ok */

void rt_gradient_sum_begin(rt_gradient_sum *sum);   /* both are zero */
/* (all ranks) takes_part: (ranks), whose sample counts.  Errors: of ranks' devices, see op/cuda_ranks; not to be agreed again. */
rt_status rt_gradient_sum_add(rt_gradient_sum *sum, const bool *takes_part, rt_err *err);
void rt_gradient_sum_finish(rt_gradient_sum *sum);

/* Bytes that rank 0 takes. */
int64_t rt_gradient_sum_bytes(rt_params *params, int64_t samples);

#endif
