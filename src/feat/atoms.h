/* atoms.h - the atom part of the features: which atoms there are, and their reference conformers
 * Room: feat.  Uses: feat/features.
 * Reference: rnapro/data/featurizer.py get_reference_features, get_extra_features; rnapro/utils/geometry.py
 */
#ifndef RT_FEAT_ATOMS_H
#define RT_FEAT_ATOMS_H

#include "feat/features.h"

/* Reads: tokens (asym_id, tokenized_seq) of `features`.  Writes: n_atom and every atom tensor, frame_atom_index,
 * distogram_rep_atom, centre_atom, ref_pos and what it was made of.
 * Math: ref_pos = R (p - mean of the residue's p + t), in double, rounded to float32 at the end; the mean is over the
 * atoms that the residue has here, so OP3 counts in a chain's first residue only. */
rt_status rt_atoms_build(rt_features *features, rt_arena *arena, const rt_conformers *conformers, uint64_t seed,
                         uint64_t stream, const rt_ref_pos_draws *opt_draws, rt_err *err);

#endif
