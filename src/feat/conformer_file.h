/* conformer_file.h - reference conformers from any file that holds them
 * Room: feat.  Uses: feat/conformer, io/ccd_cache.
 */
#ifndef RT_FEAT_CONFORMER_FILE_H
#define RT_FEAT_CONFORMER_FILE_H

#include "feat/conformer.h"

/* JSON (rt_conformers_read) or the reference's own cache, components.cif.rdkit_mol.pkl; the content decides.
 * Errors: those of the two readers; RT_ERR_MISMATCH when A, C, G or U is not in the file. */
rt_status rt_conformers_open(rt_conformers *out, const char *path, rt_err *err);

#endif
