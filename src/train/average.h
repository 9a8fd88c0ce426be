/* average.h - averages of the weights over steps: exponential (EMA) or plain
 * Room: train.  Uses: layer/param.
 * Reference: runner/ema.py EMAWrapper
 */
#ifndef RT_TRAIN_AVERAGE_H
#define RT_TRAIN_AVERAGE_H

#include "layer/param.h"

typedef struct rt_average rt_average;

/* decay in (0,1): average = (1 - decay) value + decay average at each update, starting from the weights as they are
 * now.
 * decay 0: the plain mean of the updates (of epochs' ends, say); the weights as they are now do not count.
 * Errors: RT_ERR_USAGE for another decay, RT_ERR_MEMORY. */
rt_status rt_average_create(rt_average **ret_average, rt_params *params, double decay, rt_err *err);
void rt_average_free(rt_average *average);   /* NULL ok */
void rt_average_update(rt_average *average);

/* Weights and average change places: once to use the average (validation, export), once more to go on training. */
void rt_average_swap(rt_average *average);
bool rt_average_swapped(const rt_average *average);

/* What a checkpoint keeps. */
rt_tensor rt_average_tensor(const rt_average *average, int64_t index);
int64_t *rt_average_updates(rt_average *average);
double rt_average_decay(const rt_average *average);

#endif
