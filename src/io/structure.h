/* structure.h - the atoms of a structure file: mmCIF or PDB
 * Room: io.  Uses: io/cif, io/pdb, io/plain.
 *
 * label_* names follow the entity's sequence (residue numbers count it from 1), auth_* names are the authors' own.  A
 * file that has only one of the two, as stripped files do, has both filled from it.
 */
#ifndef RT_IO_STRUCTURE_H
#define RT_IO_STRUCTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "io/cif.h"

#define RT_NO_NUMBER INT32_MIN   /* a residue without a number: waters and ligands have no label number */

typedef struct {
    double xyz[3];             /* Angstrom */
    float occupancy;           /* 1 when the file has none */
    float b_factor;            /* 0 when the file has none; a prediction's pLDDT */
    int32_t label_number, auth_number, model;
    bool hetero;               /* HETATM */
    char name[8];              /* "C1'" */
    char element[4];           /* as written, "" when the file has none */
    char residue[8];           /* component, "G", "H2U" */
    char alt[4], insertion[4]; /* "" for none */
    char label_chain[12], auth_chain[12], entity[8];
} rt_atom;

/* One residue of a chain's sequence as it was deposited, resolved or not (_pdbx_poly_seq_scheme, _entity_poly_seq or
 * SEQRES); a chain's residues follow one another. */
typedef struct {
    char chain[12];            /* label name in mmCIF, the only name in PDB */
    char residue[8];
    int32_t number;            /* from 1: label_seq_id in mmCIF, the count in PDB */
} rt_deposited;

typedef struct {
    char *name;                /* the data block's; a PDB file's HEADER code or its own name */
    rt_atom *atom;             /* in the file's order, all models */
    int64_t n_atom;
    int32_t n_model;           /* distinct model numbers, counted where they change */
    rt_deposited *deposited;   /* empty when the file does not say */
    int64_t n_deposited;
    double resolution;         /* Angstrom; 0 when the file does not say (NMR, models) */
    char released[11];         /* "YYYY-MM-DD", the day of the first release; "" when the file does not say */
    char title[256];           /* what is longer is cut */
    bool numbered;             /* label numbers count the deposited sequence from 1 (mmCIF), not as authors do (PDB) */
} rt_structure;

/* Reads _atom_site of one data block.  Errors: RT_ERR_FORMAT when the category or its coordinates, atom names or
 * component names are missing, for a value that is no number, and for a name longer than rt_atom holds. */
rt_status rt_structure_read(rt_structure *out_structure, const rt_cif *cif, int64_t block, rt_err *err);

/* mmCIF or PDB, plain or gzip, whichever the content is; of mmCIF the first data block.
 * Errors: RT_ERR_IO; RT_ERR_FORMAT for an empty file and for what is neither; RT_ERR_UNSUPPORTED for BinaryCIF. */
rt_status rt_structure_open(rt_structure *out_structure, const char *path, rt_err *err);

/* Is it what a structure's file is called: .cif, .mmcif, .pdb, .ent or .bcif, maybe .gz behind it? */
bool rt_structure_is_name(const char *name);

/* The first data block of an mmCIF file that is not packed.  Errors: RT_ERR_IO too. */
rt_status rt_structure_load(rt_structure *out_structure, const char *path, rt_err *err);

void rt_structure_free_members(rt_structure *structure);

#endif
