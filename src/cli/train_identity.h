/* train_identity.h - what makes two training runs the same one, whatever was typed and wherever files lie
 * Room: cli.  Uses: cli/options, base/hash.
 */
#ifndef RT_CLI_TRAIN_IDENTITY_H
#define RT_CLI_TRAIN_IDENTITY_H

#include "base/hash.h"
#include "cli/options.h"

/* SHA-256 of what the numbers depend on, as options; paths aside, whose contents are hashed.  accumulation: samples of
 * a step on all ranks together; network: from rt_train_cache_hash_network.  Errors: RT_ERR_MEMORY. */
rt_status rt_train_identity_plan(char out_hash[RT_HASH_TEXT], const rt_options *options, int64_t accumulation,
                                 json_t *network, rt_err *err);

#endif
