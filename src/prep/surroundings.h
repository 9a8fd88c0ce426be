/* surroundings.h - what stands around a target's bases in its structure's file: the atoms that its set does not hold
 * Room: prep.  Uses: base/file, base/memory, io/polymer, prep/dataset, prep/foreign, score/clash, score/sweep.
 *
 * A set holds the RNA alone.  In its file there are proteins, DNA, ligands and ions, other RNA chains with their modified
 * residues, and of the target's own modified residues the atoms that no letter has (a methyl group).  The first two kinds
 * make contacts (prep/annotation.h); a rebuilt base must not clash with any of them (prep/base_fit.h).
 */
#ifndef RT_PREP_SURROUNDINGS_H
#define RT_PREP_SURROUNDINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "prep/dataset.h"
#include "prep/foreign.h"

typedef struct {
    float xyz[3], radius;      /* Angstrom */
} rt_near_atom;

typedef struct {
    bool known;                /* the structure's file was there */
    int32_t *first;            /* (length + 1) atoms of residue i's list are first[i] .. first[i+1]-1; NULL: there are none */
    rt_near_atom *atom;        /* those that any base on a residue could clash with; an own one not in its residue's list */
} rt_surroundings;

/* Those of the first conformation.  out_foreign: everything of the first model but water and the target's own chain.
 * Where there is no file any more, or none that can be read, which is no error, nothing is known: the set is what counts.
 * Cost: reads the file.  Errors: RT_ERR_MEMORY. */
rt_status rt_surroundings_find(rt_surroundings *out_surroundings, rt_foreign *out_foreign, const rt_target *target,
                               rt_err *err);
void rt_surroundings_free_members(rt_surroundings *surroundings);

#endif
