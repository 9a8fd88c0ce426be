/* train_dry_run.h - what a training run would train, hold and take: 'rnatune train --dry-run'
 * Room: cli.  Uses: cli/train_cache, train/estimate.
 */
#ifndef RT_CLI_TRAIN_DRY_RUN_H
#define RT_CLI_TRAIN_DRY_RUN_H

#include "train/loop.h"

/* Prints the modules that train and what they can reach, the cache, memory in MiB, and hours from measured samples of two
 * lengths.  Errors: as rt_loop_try's. */
rt_status rt_train_dry_run(rt_ctx *ctx, rt_model *model, const rt_loop_options *loop, rt_err *err);

#endif
