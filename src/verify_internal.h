/* verify_internal.h - what the walks of verify share
 * Uses: verify.
 */
#ifndef RT_VERIFY_INTERNAL_H
#define RT_VERIFY_INTERNAL_H

#include "feat/label.h"
#include "verify.h"

/* A new row, its verdict from error <= bound (a NaN is a miss).  NULL and *err: no memory. */
rt_verify_row *rt_verify_add(rt_verify_table *table, const char *case_name, const char *mode, const char *stage,
                             const char *tensor, const char *measure, double error, double bound, rt_err *err);

/* A label from recorded tensors, (A,3) and (A); 2 A of resolution.  Errors: RT_ERR_FORMAT, RT_ERR_MEMORY. */
rt_status rt_verify_label(rt_label *out, rt_arena *arena, rt_tensor coordinate, rt_tensor mask, rt_err *err);

/* <golden>/dataset: the samples of raw/train_data ("loader") and the label's equivalent atoms ("permutation"), which are of
 * the target that `features` are of.  Nothing is done without that folder.  Errors: as rt_verify_run's. */
rt_status rt_verify_loader(rt_verify_table *table, const rt_verify_options *options, rt_arena *arena,
                           const rt_features *features, rt_err *err);

/* Losses, gradients and optimizer steps against <golden>/train_exact (or train): adds to the table. */
rt_status rt_verify_training(rt_verify_table *table, const rt_verify_options *options, rt_err *err);

#endif
