/* augmented.h - the record of augmented examples: what each was made from and what was changed
 * Room: prep.  Uses: base/file, base/memory, base/text, io/csv.
 *
 * A TSV with the columns
 *   source      the target whose structure it borrows
 *   tier        how far it is from experiment: 1 changes that the fold surely bears .. 5 invented
 *   positions   residues that were changed, from 1: "3,17-20"; "-" for none (noise, a crop)
 *   sequence    the whole sequence after the change
 *   change      which augmentation did it, and with which seed: "covariation seed=3"
 * Several examples of one source are several lines.
 */
#ifndef RT_PREP_AUGMENTED_H
#define RT_PREP_AUGMENTED_H

#include <stdint.h>

#include "base/status.h"

typedef struct {
    char *source, *sequence, *change;
    int64_t tier, line;
    int64_t *position;        /* n_position, from 1, rising */
    int64_t n_position;
} rt_augmented_row;

typedef struct {
    rt_augmented_row *row;
    int64_t n, capacity;
} rt_augmented;

/* Errors: RT_ERR_IO; RT_ERR_FORMAT with the line: a missing column or value, a tier outside 1 .. 5, positions that
 * do not
 * rise or lie beyond the sequence, letters that are no residues. */
rt_status rt_augmented_read(rt_augmented *out_augmented, const char *path, rt_err *err);
rt_status rt_augmented_write(const rt_augmented *augmented, const char *path, rt_err *err);
/* Appends a copy. */
rt_status rt_augmented_add(rt_augmented *augmented, const rt_augmented_row *row, rt_err *err);
void rt_augmented_free_members(rt_augmented *augmented);

#endif
