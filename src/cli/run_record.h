/* run_record.h - run.json: what ran, with which options and inputs, how long and in how much memory
 * Room: cli.  Uses: base/hash, base/json, cli/options.
 */
#ifndef RT_CLI_RUN_RECORD_H
#define RT_CLI_RUN_RECORD_H

#include <jansson.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/status.h"
#include "cli/options.h"

typedef struct rt_run_record rt_run_record;

/* Starts the clock and copies the command line (getopt_long reorders it later). */
rt_status rt_run_record_create(rt_run_record **ret_record, int argc, char **argv, rt_err *err);
void rt_run_record_free(rt_run_record *record);

void rt_run_record_seed(rt_run_record *record, int64_t seed);
void rt_run_record_device(rt_run_record *record, const char *device);
/* Any other thing that a verb wants to say, or instead of what the record says by itself; `value` becomes the record's,
 * NULL takes the key back. */
void rt_run_record_set(rt_run_record *record, const char *key, json_t *value);

/* An input file with its size and SHA-256; role is the option that named it.  RT_ERR_IO when it cannot be read. */
rt_status rt_run_record_input(rt_run_record *record, const char *role, const char *path, rt_err *err);
/* The same, and gives the hash; opt_record NULL: only hashes. */
rt_status rt_run_record_hash_input(char out_sha256[RT_HASH_TEXT], rt_run_record *opt_record, const char *role, const char *path,
                                   rt_err *err);
/* The same when the caller has read the file anyway. */
void rt_run_record_add_input(rt_run_record *record, const char *role, const char *path, int64_t size,
                             const char *sha256);

double rt_run_record_seconds(const rt_run_record *record);   /* since it was created */

/* The record as it stands now; json_decref() it. */
json_t *rt_run_record_json(const rt_run_record *record, const rt_options *options);
/* Writes it whole or not at all. */
rt_status rt_run_record_write(const rt_run_record *record, const rt_options *options, const char *path, rt_err *err);

#endif
