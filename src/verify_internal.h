/* verify_internal.h - what the walks of verify share
 * Uses: verify.
 */
#ifndef RT_VERIFY_INTERNAL_H
#define RT_VERIFY_INTERNAL_H

#include "verify.h"

/* A new row, its verdict from error <= bound (a NaN is a miss).  NULL and *err: no memory. */
rt_verify_row *rt_verify_add(rt_verify_table *table, const char *case_name, const char *mode, const char *stage,
                             const char *tensor, const char *measure, double error, double bound, rt_err *err);

/* Losses, gradients and optimizer steps against <golden>/train_exact (or train): adds to the table. */
rt_status rt_verify_training(rt_verify_table *table, const rt_verify_options *options, rt_err *err);

#endif
