/* schedule.h - the learning rate of each step
 * Room: train.  Uses: base/status.
 * Reference: rnapro/utils/lr_scheduler.py
 */
#ifndef RT_TRAIN_SCHEDULE_H
#define RT_TRAIN_SCHEDULE_H

#include <stdint.h>

#include "base/status.h"

typedef enum { RT_SCHEDULE_CONSTANT, RT_SCHEDULE_COSINE, RT_SCHEDULE_AF3 } rt_schedule_kind;

typedef struct {
    rt_schedule_kind kind;
    double rate;              /* the highest */
    int64_t warmup;           /* steps; the reference's constant has none */
    int64_t steps;            /* cosine: when the lowest rate is reached */
    double least_ratio;       /* cosine: lowest rate / rate; the reference: 0.1 */
    int64_t decay_every;      /* af3: 50,000 */
    double decay_factor;      /* af3: 0.95 */
} rt_schedule;

/* Steps count from 0.
 *   constant  rate, after (step + 1) / (warmup + 1) of it during the warm-up
 *   cosine    the same warm-up (step <= warmup), then half a cosine down to least_ratio x rate at `steps`
 *   af3       step / warmup x rate (the first step has rate 0 and changes nothing), then rate x factor^(step / every)
 * Cost: none. */
double rt_schedule_rate(const rt_schedule *schedule, int64_t step);

/* RT_ERR_USAGE for what cannot be: a rate or ratio below 0, a cosine that ends before its warm-up, ... */
rt_status rt_schedule_check(const rt_schedule *schedule, rt_err *err);

const char *rt_schedule_name(rt_schedule_kind kind);   /* "constant", "cosine", "af3" */

#endif
