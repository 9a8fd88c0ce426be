/* ccd_cache.h - reference conformers from the reference's cache, components.cif.rdkit_mol.pkl
 * Room: io.  Uses: io/pickle, io/rdkit_mol, base/file.
 * Reference: preprocess/gen_ccd_cache.py, rnapro/data/ccd.py get_ccd_ref_info
 *
 * The cache is a pickle of {code: RDKit molecule}; a molecule is RDKit's own binary format, with the conformer to use
 * (ref_conf_id), the atoms' names (atom_map) and ref_mask beside it.  Molecules are read when they are asked for.
 */
#ifndef RT_IO_CCD_CACHE_H
#define RT_IO_CCD_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

typedef struct rt_ccd_cache rt_ccd_cache;

typedef struct {
    const char *name;       /* "C1'"; "" for an atom that atom_map does not name */
    int element;            /* atomic number */
    int charge;             /* formal */
    bool mask;              /* ref_mask: the position can be trusted */
    double position[3];     /* Angstrom; the cache keeps single precision */
} rt_ccd_atom;

typedef struct {
    const char *code;       /* "A" */
    const char *conformer;  /* ref_conf_type: "rdkit" or "idea" */
    int64_t n_atom;
    const rt_ccd_atom *atom;    /* in the component's order, hydrogens included */
} rt_ccd_component;

/* Errors: RT_ERR_IO; RT_ERR_FORMAT (no pickle, or not one of molecules); RT_ERR_UNSUPPORTED (see io/pickle). */
rt_status rt_ccd_cache_open(rt_ccd_cache **ret_cache, const char *path, rt_err *err);
void rt_ccd_cache_close(rt_ccd_cache *cache);   /* NULL ok */

int64_t rt_ccd_cache_count(const rt_ccd_cache *cache);
const char *rt_ccd_cache_code(const rt_ccd_cache *cache, int64_t index);   /* in the file's order */

/* *ret_component is NULL when the cache has no such code; it lives as long as the cache.  Not for two threads at once.
 * Errors: RT_ERR_FORMAT (a damaged molecule, no such conformer, attributes missing), RT_ERR_UNSUPPORTED (an RDKit
 * molecule with query atoms or substance groups, or of an RDKit before 2010), RT_ERR_MEMORY. */
rt_status rt_ccd_cache_find(rt_ccd_cache *cache, const rt_ccd_component **ret_component, const char *code, rt_err *err);

#endif
