/* foreign.h - the atoms around the RNA of a structure: proteins, DNA, ligands, ions
 * Room: prep.  Uses: base/memory, io/polymer, io/structure.
 */
#ifndef RT_PREP_FOREIGN_H
#define RT_PREP_FOREIGN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "io/structure.h"

typedef struct {
    double xyz[3];            /* Angstrom */
    bool ligand;              /* a ligand's or an ion's; else a polymer's */
} rt_foreign_atom;

typedef struct {
    rt_foreign_atom *atom;
    int64_t n, capacity;
} rt_foreign;

/* The heavy atoms of one model that are neither of an RNA chain of it nor water's.  Errors: RT_ERR_MEMORY. */
rt_status rt_foreign_find(rt_foreign *out_foreign, const rt_structure *structure, int32_t model, rt_err *err);
void rt_foreign_free_members(rt_foreign *foreign);

#endif
