/* train_cache.h - what a training run's cache depends on, and what amortising saves
 * Room: cli.  Uses: cli/options, train/loop.
 */
#ifndef RT_CLI_TRAIN_CACHE_H
#define RT_CLI_TRAIN_CACHE_H

#include <jansson.h>

#include "cli/options.h"
#include "train/loop.h"

/* What the network is made from beside the checkpoint: {file: SHA-256} of a --config that is a file and of the files in
 * --ribonanza, which become inputs of the run's record; json_decref() it.  Errors: RT_ERR_IO, RT_ERR_MEMORY. */
rt_status rt_train_cache_hash_network(json_t **ret_hashes, const rt_cli *cli, rt_err *err);

/* Everything that trunk outputs and rollouts depend on beside target and view; json_decref() it.  network: from
 * rt_train_cache_hash_network.  Hashes the files of adapters and conformers.  Errors: RT_ERR_IO, RT_ERR_MEMORY. */
rt_status rt_train_cache_plan(json_t **ret_plan, const rt_options *options, const rt_loop_options *loop,
                              json_t *network, const rt_ctx *ctx, const rt_model *model, rt_err *err);

/* For --dry-run: the cache's size; work of a judged structure alone, with the plan's rollouts, and from the cache.
 * *out_share: the run's work as a part of what it would be without a cache, 1 where there is none. */
rt_status rt_train_cache_print(double *out_share, rt_ctx *ctx, rt_model *model, const rt_loop_options *loop,
                               rt_err *err);

json_t *rt_train_cache_json(const rt_trunk_cache_counts *counts, const json_t *plan);

#endif
