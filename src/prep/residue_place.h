/* residue_place.h - which place of the sequence each residue of a chain has
 * Room: prep.  Uses: io/polymer, base/memory.
 */
#ifndef RT_PREP_RESIDUE_PLACE_H
#define RT_PREP_RESIDUE_PLACE_H

#include "io/polymer.h"

/* out_place: (chain->n_residue) from 0, rising.  mmCIF's label numbers say it.  PDB's numbers are the authors': there
 * the residues are laid along the deposited sequence so that letters agree, residues bonded to one another (O3'-P
 * within 2.5 Angstrom) are neighbours, and steps in the numbers are steps in the sequence as often as can be.  Without
 * a deposited sequence the residues are the sequence.
 * Errors: RT_ERR_MISMATCH (no such places: what does not fit is named), RT_ERR_MEMORY. */
rt_status rt_residue_place(int64_t *out_place, const rt_structure *structure, const rt_polymer *polymer,
                           const rt_polymer_chain *chain, const char *file, rt_err *err);

#endif
