/* foreign.h - the atoms around the RNA of a structure: proteins, DNA, ligands, ions
 * Room: prep.  Uses: base/memory, io/polymer, io/structure.
 */
#ifndef RT_PREP_FOREIGN_H
#define RT_PREP_FOREIGN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "io/polymer.h"

typedef struct {
    double xyz[3];            /* Angstrom */
    char element;             /* 'C', 'N', ..; 0 for those of two letters */
    bool ligand;              /* a ligand's or an ion's; else a polymer's */
} rt_foreign_atom;

typedef struct {
    rt_foreign_atom *atom;
    int64_t n, capacity;
} rt_foreign;

/* The heavy atoms of one model that are neither of an RNA chain of it nor water's.  polymer: of that model.
 * Errors: RT_ERR_MEMORY. */
rt_status rt_foreign_find(rt_foreign *out_foreign, const rt_structure *structure, const rt_polymer *polymer, int32_t model,
                          rt_err *err);
/* The RNA chains but the one numbered `own`, modified residues too, become part of what is foreign.
 * Errors: RT_ERR_MEMORY. */
rt_status rt_foreign_add_chains(rt_foreign *foreign, const rt_structure *structure, const rt_polymer *polymer, int64_t own,
                                rt_err *err);
/* By what the file says, else by the atom's name; 0 for elements of two letters. */
char rt_foreign_element(const rt_atom *atom);
void rt_foreign_free_members(rt_foreign *foreign);

#endif
