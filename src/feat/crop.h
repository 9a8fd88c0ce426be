/* crop.h - a stretch of a target as a target of its own
 * Room: feat.  Uses: feat/input.
 * Reference: rnapro/data/rna_dataset_allatom.py _apply_sequence_cropping, _create_msa_features
 *
 * The stretch becomes a new chain: residues count from 1 again, and its first residue has the OP3 of a 5' end.
 */
#ifndef RT_FEAT_CROP_H
#define RT_FEAT_CROP_H

#include "feat/input.h"

/* Residues [start, start + count) of `input`, with the same columns of its MSA's rows and the same residues of its
 * templates.  Rows are cut by position, insertions included, as the features read them; a row that ends before the
 * stretch is empty (all unknown), where the reference takes its beginning, which belongs to other residues.
 * Release with rt_input_free_members.
 * Errors: RT_ERR_MEMORY.  A stretch outside the target is a bug of the caller. */
rt_status rt_crop_input(rt_input *out_input, const rt_input *input, int64_t start, int64_t count, rt_err *err);

#endif
