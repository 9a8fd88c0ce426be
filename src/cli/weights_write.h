/* weights_write.h - what init and convert share: which type a weight gets in a file, and what the file says of itself
 * Room: cli.  Uses: io/config, io/safetensors, io/weights.
 */
#ifndef RT_CLI_WEIGHTS_WRITE_H
#define RT_CLI_WEIGHTS_WRITE_H

#include <stdbool.h>

#include "cli/commands.h"
#include "cli/schema_check.h"
#include "io/config.h"
#include "io/safetensors.h"
#include "io/weights.h"

/* The type that a weight of `dtype` gets for --dtype keep|fp32|bf16.  Integers stay.  For bf16 the few values whose
 * digits matter (Fourier frequencies, bin edges, the mix of RibonanzaNet2's layers) become fp32. */
rt_dtype rt_weights_write_dtype(const char *choice, const char *name, rt_dtype dtype);

/* The configuration of an open checkpoint: sizes from the shapes; settings from its own "rnatune.config" or, when it
 * carries none, from the preset of these sizes, or else from what is in *config.  A file without RibonanzaNet2 gets
 * use_ribonanza = false.  RT_ERR_MISMATCH when it is no whole RNAPro checkpoint. */
rt_status rt_weights_write_detect(rt_config *config, const rt_weights *weights, rt_err *err);

/* Adds what every file of ours carries: "format", "rnatune.version" and the configuration. */
rt_status rt_weights_write_metadata(rt_safetensors_writer *writer, const rt_config *opt_config, rt_err *err);

/* A random network, the same for the same seed whatever the type: see cmd_init.c's description.
 * start: with the values with which the reference starts training. */
rt_status rt_weights_write_random(const char *path, const rt_schema *schema, const rt_config *opt_config, int64_t seed,
                                  bool start, const char *dtype, rt_err *err);

/* What a finished file is, as a table or JSON on stdout; hashes it and writes FILE.run.json beside it.
 * Nothing of that when `path` is a stream, such as /dev/stdout. */
rt_status rt_weights_write_report(rt_cli *cli, const char *path, int64_t tensors, int64_t parameters, rt_err *err);

#endif
