/* target_file.h - a target of a set as an mmCIF file
 * Room: cli.  Uses: feat/conformer, io/mmcif_writer, prep/dataset.
 */
#ifndef RT_CLI_TARGET_FILE_H
#define RT_CLI_TARGET_FILE_H

#include "prep/dataset.h"

/* xyz: n_conformation blocks of (L, n_slot, 3), each a model of the file; segments are chains A, B, ..; atoms
 * that are not there are left out.  sequence:
 * the target's or another of its length, whose changed bases get a B factor of 0, all else 100.  `name` is the
 * entry's. Nothing is written, and *out_written is false, when there is no atom at all.
 * Errors: RT_ERR_IO, RT_ERR_MEMORY. */
rt_status rt_target_file_write(const char *path, bool *opt_written, const char *name, const rt_target *target,
                               const char *sequence, const float *xyz, int64_t n_conformation, rt_err *err);

#endif
