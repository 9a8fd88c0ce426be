/* loop_ranks.h - what the ranks of a training run tell each other (inside train/loop)
 * Room: train.  Uses: train/loop, base/ranks.
 *
 * A step's samples go to the ranks in turn, and rank 0 alone holds the optimizer, the averages and the folder: it sends
 * the others the weights.  So the ranks need not be of one kind of processor, and nothing but rank 0's bytes reaches a
 * checkpoint.
 */
#ifndef RT_TRAIN_LOOP_RANKS_H
#define RT_TRAIN_LOOP_RANKS_H

#include "train/loop.h"

/* What became of one sample. */
typedef struct {
    bool built;
    rt_step_loss loss; /* when it was built */
    int64_t target;    /* its number in the set, when it was built */
    rt_err why;        /* when it was not */
} rt_loop_sample;

/* Samples fall to the ranks in turn: RT_ERR_USAGE when a rank would never have one. */
rt_status rt_loop_ranks_check(const rt_loop_options *options, rt_err *err);

/* RT_ERR_MISMATCH when a rank found other settings, data, base or code than rank 0. */
rt_status rt_loop_ranks_check_inputs(const rt_run_identity *identity, rt_err *err);

/* Rank 0's weights become everybody's.  Errors: of ranks' devices, see op/cuda_ranks; not to be agreed again. */
rt_status rt_loop_ranks_share_weights(rt_params *params, rt_err *err);

/* RT_ERR_MISMATCH when a rank has other weights than rank 0: what it computed with them is worth nothing. */
rt_status rt_loop_ranks_check_weights(rt_params *params, rt_err *err);

/* What the ranks counted, added up; the most memory that one of them held. */
void rt_loop_ranks_sum_report(rt_loop_report *report);

#endif
