/* polymer.h - the RNA chains of a structure: residues in order, one position per atom, parents of modified residues
 * Room: io.  Uses: io/structure, io/modified, base/memory.
 *
 * What is an RNA chain, and what of it is kept:
 *   - a chain most of whose residues are nucleotides of RNA or derived from them (io/modified.h);
 *   - residues of the polymer only: no waters and ligands, which have no label number in mmCIF and follow TER in PDB.
 *     Where a file has neither and names no sequence, HETATM residues at the end of a chain that are not bonded to it
 *     (O3'-P within 2.5 Angstrom; without these atoms C1'-C1' within 9) are ligands, even with a C1';
 *   - of alternate locations the one with the highest occupancy per atom, the first among equals;
 *   - of several components at one place (microheterogeneity) the first;
 *   - hydrogens and deuterium are left out.
 */
#ifndef RT_IO_POLYMER_H
#define RT_IO_POLYMER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "io/structure.h"

#define RT_POLYMER_BOND 2.5   /* Angstrom: O3' and the next P are bonded up to here */

typedef struct {
    int32_t number, label_number;   /* the authors' and the polymer's (from 1 in whole mmCIF files) */
    char insertion[4];
    char component[8];              /* "G", "PSU" */
    char letter;                    /* A C G U N: the parent's */
    bool hetero;
    int64_t first_atom, n_atom;     /* in rt_polymer.atom */
} rt_polymer_residue;

typedef struct {
    char name[12], label[12];       /* the authors' and the label's */
    char *sequence;                 /* as deposited, else of the residues that are there; letters A C G U N */
    int64_t length;                 /* of sequence */
    int64_t first_residue, n_residue;
} rt_polymer_chain;

typedef struct {
    rt_polymer_chain *chain;        /* in the order of their first atoms */
    int64_t n_chain;
    rt_polymer_residue *residue;
    int64_t n_residue;
    int64_t *atom;                  /* indices into rt_structure.atom, which must outlive this */
    int64_t n_atom;
} rt_polymer;

/* model: 0 .. structure->n_model-1, in the file's order.  A model without RNA gives n_chain 0.
 * Errors: RT_ERR_MEMORY. */
rt_status rt_polymer_build(rt_polymer *out_polymer, const rt_structure *structure, int32_t model, rt_err *err);
void rt_polymer_free_members(rt_polymer *polymer);

/* Hydrogen or deuterium, by its element, else by its name. */
bool rt_polymer_is_hydrogen(const rt_atom *atom);
/* A residue's atom by name, NULL when it has none. */
const rt_atom *rt_polymer_atom(const rt_polymer *polymer, const rt_structure *structure, int64_t residue,
                               const char *name);

#endif
