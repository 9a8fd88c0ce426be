/* molecule.h - RNA as scores see it: residues in order with a representative atom, and heavy atoms when there are any
 * Room: score.  Uses: io/structure, io/polymer, base/memory.
 */
#ifndef RT_SCORE_MOLECULE_H
#define RT_SCORE_MOLECULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "io/structure.h"
#include "score/table.h"

typedef struct {
    double xyz[3];            /* Angstrom */
    int32_t residue;
    char name[8];
    char element;             /* C N O P S, '?' for others */
} rt_molecule_atom;

typedef struct {
    double xyz[3];            /* the representative atom */
    bool resolved;            /* it is there */
    char letter;              /* A C G U N */
    char insertion[4];
    int32_t number, label;    /* the authors' number and the polymer's; equal where a file has one */
    int32_t chain;
    int64_t first_atom, n_atom;
} rt_molecule_residue;

typedef struct {
    char name[12];
    int64_t first, n;         /* its residues */
    int64_t length;           /* of its sequence, resolved or not; 0 when a table does not say */
} rt_molecule_chain;

typedef struct {
    char name[RT_SCORE_NAME]; /* which model or reference conformation */
    rt_molecule_chain *chain;
    int64_t n_chain;
    rt_molecule_residue *residue;
    int64_t n_residue, n_resolved;
    rt_molecule_atom *atom;   /* sorted by residue; none when only representative atoms are known */
    int64_t n_atom;
    int64_t length;           /* of the sequences, resolved or not */
} rt_molecule;

/* One model of a structure.  atom: the representative one, "C1'", "C3'" or "P".
 * Errors: RT_ERR_FORMAT when the model has no RNA chain (file: for the error), RT_ERR_MEMORY. */
rt_status rt_molecule_build(rt_molecule *out_molecule, const rt_structure *structure, int32_t model, const char *atom,
                            const char *file, rt_err *err);

/* An empty molecule of n_residue residues in n_chain chains and n_atom atoms, for a caller that fills it. */
rt_status rt_molecule_create(rt_molecule *out_molecule, int64_t n_residue, int64_t n_chain, int64_t n_atom,
                             rt_err *err);
/* Leaves only the chain of that name; false, and nothing changed, when there is none. */
bool rt_molecule_keep_chain(rt_molecule *molecule, const char *chain);
void rt_molecule_free_members(rt_molecule *molecule);

/* An atom of a residue by name; NULL when it has none. */
const rt_molecule_atom *rt_molecule_find(const rt_molecule *molecule, int64_t residue, const char *name);

#endif
