/* inputs.h - what a step's results depend on, as named values, so that a change can be named too
 * Room: tune.  Uses: base/file, base/hash, base/json, prep/dataset.
 *
 * An object of texts: {"code": "0.1.0 abc", "phase1.lr": "3e-4", "split.tsv": "<SHA-256>"}.  Files are hashed whole; a
 * file's hash is remembered with its size, time and inode, so that a checkpoint of gigabytes is read once.
 */
#ifndef RT_TUNE_INPUTS_H
#define RT_TUNE_INPUTS_H

#include <jansson.h>

#include "base/hash.h"
#include "base/status.h"

typedef struct {
    json_t *known;      /* path -> {"stamp": ..., "sha256": ...} */
    char path[4200];    /* where they are kept; "" nowhere */
    int fresh;          /* of them not written yet */
} rt_hashes;

/* Reads what is kept in `path`; damaged or missing: nothing is known. */
void rt_hashes_open(rt_hashes *out_hashes, const char *path);
void rt_hashes_close(rt_hashes *hashes);   /* writes what is new; a failure costs time only */

/* inputs[name] = SHA-256 of the file.  Errors: RT_ERR_IO. */
rt_status rt_inputs_file(json_t *inputs, rt_hashes *hashes, const char *name, const char *path, rt_err *err);
/* inputs[name] = SHA-256 over names, sizes and fingerprints (rt_dataset_fingerprint) of all files in and below the
 * folder. */
rt_status rt_inputs_folder(json_t *inputs, rt_hashes *hashes, const char *name, const char *path, rt_err *err);
void rt_inputs_text(json_t *inputs, const char *name, const char *text);

/* SHA-256 of all of them. */
rt_status rt_inputs_hash(char out[RT_HASH_TEXT], const json_t *inputs, rt_err *err);
/* "phase1.lr, split.tsv and 2 more": what differs; "" when nothing does. */
void rt_inputs_differ(char *out, int64_t size, const json_t *before, const json_t *now);

#endif
