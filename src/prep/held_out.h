/* held_out.h - targets that nothing may be trained on: the competition's test and validation tables
 * Room: prep.  Uses: base/memory, base/text, io/csv.
 */
#ifndef RT_PREP_HELD_OUT_H
#define RT_PREP_HELD_OUT_H

#include <stdint.h>

#include "base/status.h"

typedef struct {
    char **id, **sequence;
    int64_t n, capacity;
} rt_held_out;

/* Appends the targets of a table: target_id and sequence (test_sequences.csv, validation_sequences.csv), or ID
 * ("R1107_1", a residue a line) and resname (sample_submission.csv, validation_labels.csv), whose letters make the
 * sequence.  Start from {0}.  Errors: RT_ERR_IO, RT_ERR_FORMAT with the line. */
rt_status rt_held_out_read(rt_held_out *held, const char *path, rt_err *err);
void rt_held_out_free_members(rt_held_out *held);

#endif
