/* checkpoint_internal.h - what checkpoint.c (the folder) and checkpoint_file.c (its two kinds of files) share
 * Room: train.  Uses: train/checkpoint.
 */
#ifndef RT_TRAIN_CHECKPOINT_INTERNAL_H
#define RT_TRAIN_CHECKPOINT_INTERNAL_H

#include "train/checkpoint.h"

rt_status rt_checkpoint_write_weights(const char *path, const rt_run_identity *identity, const rt_train_state *state,
                                      const rt_train_parts *parts, rt_err *err);
rt_status rt_checkpoint_write_state(const char *path, const rt_run_identity *identity, const rt_train_state *state,
                                    const rt_train_parts *parts, rt_err *err);
/* Compares first and copies then: after an error nothing of `parts` has changed. */
rt_status rt_checkpoint_read(const char *weights_path, const char *state_path, const rt_run_identity *identity,
                             rt_train_state *out_state, const rt_train_parts *parts, rt_err *err);

#endif
