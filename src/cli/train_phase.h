/* train_phase.h - what each phase of `rnatune train` trains, and with which settings when the user says nothing
 * Room: cli.  Uses: cli/options, cli/run_record, layer/param, train/step.
 */
#ifndef RT_CLI_TRAIN_PHASE_H
#define RT_CLI_TRAIN_PHASE_H

#include "base/hash.h"
#include "cli/commands.h"
#include "layer/param.h"
#include "train/step.h"

typedef enum { RT_TRAIN_CONFIDENCE, RT_TRAIN_LORA, RT_TRAIN_FULL } rt_train_phase;

/* RT_ERR_USAGE for an option that belongs to another phase. */
rt_status rt_train_phase_find(rt_train_phase *out_phase, const rt_options *options, rt_err *err);

/* Gives the options that were left open the phase's values. */
void rt_train_phase_settle(rt_options *options, rt_train_phase phase);

/* The phase's weights of the losses, changed by --weight NAME=X.  RT_ERR_USAGE for a term that is none. */
rt_status rt_train_phase_weights(rt_step_terms *out_weight, rt_train_phase phase, const rt_options *options, rt_err *err);

/* Says in the registry what trains.  RT_ERR_USAGE, RT_ERR_MEMORY. */
rt_status rt_train_phase_choose(rt_params *params, rt_train_phase phase, const rt_options *options, rt_err *err);

/* SHA-256 of the base and what lies on top of it, in place of the base's own; the files go into the run's record. */
rt_status rt_train_phase_hash_adapters(rt_cli *cli, rt_peft *const *adapter, int n_adapter, char base[RT_HASH_TEXT], rt_err *err);

/* The rows of the option table that only the phase lora knows. */
#define RT_TRAIN_PHASE_LORA_OPTIONS                                                                                       \
    {.name = "targets", .type = RT_OPTION_TEXT, .value = "GLOB[,GLOB]",                                                   \
     .otherwise = "q, k and v of the pairformer stack's single and triangle attention and of the diffusion transformer",  \
     .help = "lora: linear layers that get an adapter"},                                                                  \
    {.name = "rank", .type = RT_OPTION_INT, .value = "R", .otherwise = "lora: 4", .low = 1, .high = 1024,                 \
     .help = "lora: of every adapter"},                                                                                   \
    {.name = "alpha", .type = RT_OPTION_DOUBLE, .value = "X", .otherwise = "lora: twice the rank", .low = 0, .high = 1e6,  \
     .help = "lora: an adapter adds alpha / rank x B A"},                                                                 \
    {.name = "also", .type = RT_OPTION_TEXT, .value = "GLOB[,GLOB]", .otherwise = "nothing",                              \
     .help = "lora: weights that train too, as confidence_head, which goes stale when the structure model moves"},       \
    {.name = "lora-dropout", .type = RT_OPTION_DOUBLE, .value = "P", .otherwise = "lora: 0", .low = 0, .high = 0.95,      \
     .help = "lora: of the features that an adapter reads, the same for all rows of a sample"},                           \
    {.name = "block-dropout", .type = RT_OPTION_FLAG,                                                                     \
     .help = "lora: the reference's dropout of residual updates in blocks with adapters, which run without it otherwise"}, \
    {.name = "merged", .type = RT_OPTION_FLAG,                                                                            \
     .help = "lora: write the whole network too, adapters merged: best.safetensors, final.safetensors"}

#endif
