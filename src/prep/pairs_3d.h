/* pairs_3d.h - the base pairs that a structure's coordinates show
 * Room: prep.  Uses: base/file, base/log, base/memory, io/polymer, io/structure, score/molecule, prep/annotation,
 * prep/foreign, prep/pairs, prep/residue_place.
 */
#ifndef RT_PREP_PAIRS_3D_H
#define RT_PREP_PAIRS_3D_H

#include "base/status.h"
#include "base/text.h"
#include "prep/annotation.h"
#include "prep/pairs.h"
#include "score/molecule.h"

typedef struct {
    char name[160];          /* file_chain: "1ehz_A" */
    char *sequence;          /* as deposited, else of the residues that are there */
    bool *resolved;          /* (length) its base is there */
    rt_pairs pairs;          /* canonical ones within the chain, p = 1, by place in `sequence`; no residue has two */
} rt_pairs_3d_chain;

typedef struct {
    char name[128];
    rt_molecule molecule;
    rt_annotation annotation;
    int64_t *place;          /* (molecule.n_residue) 0-based in the chain's sequence */
    rt_pairs_3d_chain *chain;
    int64_t n_chain;
} rt_pairs_3d;

/* The first model, and what is around its RNA.  Where the residues do not fit the deposited sequence, which is said in
 * a warning, they are the sequence.
 * Errors: those of rt_structure_open and rt_molecule_build. */
rt_status rt_pairs_3d_read(rt_pairs_3d *out_found, const char *path, rt_err *err);
void rt_pairs_3d_free_members(rt_pairs_3d *found);

/* A TSV of everything that is between two residues: chain_i i letter_i chain_j j letter_j kind class bonds tertiary.
 *   kind      canonical, pair, stack, bond (hydrogen bonds without a pair), touch (a tertiary contact alone)
 *   class     Leontis-Westhof: "cWW", "tHS"; - for what is no pair
 *   bonds     "N6-O4:2.95,O2-C2:3.51": atom of i, atom of j, Angstrom between them; - for none
 *   tertiary  which of its kinds the contact is, for either residue (prep/annotation.h); - for none
 * A contact with what is no RNA residue has - for chain_j, j and letter_j. */
void rt_pairs_3d_print(rt_text *out, const rt_pairs_3d *found);

#endif
