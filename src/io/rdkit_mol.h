/* rdkit_mol.h - atoms and one conformer from RDKit's binary molecule format
 * Room: io.  Uses: base/memory.
 *
 * The format (Mol.ToBinary(), what a pickled molecule holds): a magic number, three version numbers, the numbers of
 * atoms and bonds, then tagged blocks: atoms, bonds, rings, stereo groups, conformers, properties.  Nothing before the
 * conformers has a length of its own, so atoms, bonds and rings are read through to get there.
 */
#ifndef RT_IO_RDKIT_MOL_H
#define RT_IO_RDKIT_MOL_H

#include <stdint.h>

#include "base/status.h"

typedef struct {
    int64_t n_atom;
    uint8_t *element;       /* (n_atom) atomic numbers */
    int8_t *charge;         /* (n_atom) formal charges */
    double *position;       /* (n_atom, 3), NULL when the molecule has no conformers */
    int64_t conformer;      /* the identifier of the one that was taken */
} rt_rdkit_mol;

/* conformer: its identifier; -1 takes the first.  `file` and `name` are for errors.
 * Errors: RT_ERR_FORMAT (cut short, no such conformer), RT_ERR_UNSUPPORTED (query atoms, substance groups, versions
 * before 7.0), RT_ERR_MEMORY. */
rt_status rt_rdkit_mol_read(rt_rdkit_mol *out_mol, const uint8_t *bytes, int64_t size, int64_t conformer,
                            const char *file, const char *name, rt_err *err);
void rt_rdkit_mol_free(rt_rdkit_mol *mol);

#endif
