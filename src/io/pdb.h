/* pdb.h - the PDB's old fixed-column format into the same atoms as mmCIF's
 * Room: io.  Uses: io/structure, base/memory, base/text.
 * Reference: wwPDB, Protein Data Bank Contents Guide 3.3: MODEL, ATOM, HETATM, TER, ENDMDL, SEQRES; other records are
 * passed over.
 *
 * What a file of this format leaves open is filled in: a model number of 1; an element from the atom's name; names of
 * before 2007 (C1*, O1P, O2P) become today's (C1', OP1, OP2).  label_number, the number within a polymer, is the
 * residue's number, and RT_NO_NUMBER for HETATM that follow their chain's TER: ligands and waters.
 */
#ifndef RT_IO_PDB_H
#define RT_IO_PDB_H

#include <stdint.h>

#include "base/status.h"
#include "io/structure.h"

/* Reads data[0..size); `name` stands for the file in errors and is copied.
 * Errors: RT_ERR_FORMAT with file and line for a coordinate or residue number that is none (NaN and infinity are none),
 * a line that ends before its coordinates, and a file without any atom. */
rt_status rt_pdb_read(rt_structure *out_structure, const char *data, int64_t size, const char *name, rt_err *err);

#endif
