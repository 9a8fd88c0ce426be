/* pairs_3d.h - the base pairs that a structure's coordinates show
 * Room: prep.  Uses: io/polymer, io/structure, score/contacts, score/molecule, prep/pairs.
 */
#ifndef RT_PREP_PAIRS_3D_H
#define RT_PREP_PAIRS_3D_H

#include "base/status.h"
#include "base/text.h"
#include "prep/pairs.h"
#include "score/contacts.h"
#include "score/molecule.h"

typedef struct {
    char name[160];          /* file_chain: "1ehz_A" */
    char *sequence;          /* as deposited, else of the residues that are there */
    rt_pairs pairs;          /* canonical ones within the chain, p = 1, by place in `sequence` */
} rt_pairs_3d_chain;

typedef struct {
    char name[128];
    rt_molecule molecule;
    rt_contacts contacts;
    int64_t *place;          /* (molecule.n_residue) 0-based in the chain's sequence */
    rt_pairs_3d_chain *chain;
    int64_t n_chain;
} rt_pairs_3d;

/* The first model.  A residue's place is its label number where that fits the deposited sequence, else its order.
 * Errors: those of rt_structure_open and rt_molecule_build. */
rt_status rt_pairs_3d_read(rt_pairs_3d *out_found, const char *path, rt_err *err);
void rt_pairs_3d_free_members(rt_pairs_3d *found);

/* A TSV of every contact: chain_i i letter_i chain_j j letter_j kind class bonds, kind canonical, pair or stack. */
void rt_pairs_3d_print(rt_text *out, const rt_pairs_3d *found);

#endif
