/* conformer.h - the reference conformers of A, C, G and U
 * Room: feat.  Uses: base/memory, base/file, jansson.
 * Reference: rnapro/data/ccd.py get_ccd_ref_info, data/parser.py add_ref_feat_info, preprocess/gen_ccd_cache.py
 *
 * The network's input holds, for every atom, its place in a conformer of its nucleotide alone.  The reference takes it
 * from a cache that RDKit made without a seed, so every cache differs: a checkpoint's own cache can be read instead of
 * the set that is built in.  Atoms stand in the order of the Chemical Component Dictionary without hydrogen, OP3 first:
 * this order is also what the pLDDT head's weights are indexed by.
 */
#ifndef RT_FEAT_CONFORMER_H
#define RT_FEAT_CONFORMER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

#define RT_CONFORMER_ATOMS 24   /* of G, the largest, with OP3 */

typedef struct {
    char name[5];               /* "C1'" */
    uint8_t atomic_number;
    bool mask;                  /* false: the cache has no place for the atom */
    int charge;
    double pos[3];              /* Angstrom, as stored (not centred) */
} rt_conformer_atom;

typedef struct {
    int n_atom;                 /* A 23, C 21, G 24, U 21: with OP3 */
    rt_conformer_atom atom[RT_CONFORMER_ATOMS];
} rt_conformer;

typedef struct {
    rt_conformer base[4];       /* A, C, G, U: rt_base_index() */
} rt_conformers;

/* 0 A, 1 C, 2 G, 3 U; -1 for anything else. */
int rt_base_index(char letter);

/* The set that is built in: data/ccd_reference_conformers.json (ETKDGv3 with seed 42). */
const rt_conformers *rt_conformers_default(void);

/* The atoms' names, in order; *out_n_atom of them. */
const char *const *rt_conformer_names(char letter, int *out_n_atom);

/* Fills one base from arrays in any order, found by name: what a reader of another cache format calls.  Hydrogen and
 * its isotope D are ignored.  opt_charge and opt_mask may be NULL (0 and true).  xyz: (n_atom,3) in Angstrom.
 * `source` stands for the file in errors.
 * Errors: RT_ERR_MISMATCH for an atom that is missing, unknown or there twice; RT_ERR_FORMAT for a coordinate that is
 * no finite number, or for a letter that is not A, C, G or U. */
rt_status rt_conformers_fill(rt_conformers *out, char letter, int64_t n_atom, const char *const *name,
                             const int *opt_charge, const bool *opt_mask, const double *xyz, const char *source,
                             rt_err *err);

/* Reads a JSON file {"A": {"atoms": [{"name", "element", "charge", "mask", "pos": [x, y, z]}, ...]}, "C": ...}; other
 * components are ignored.  Positions are rounded to float32, because the reference's cache stores them so.
 * Errors: RT_ERR_IO, RT_ERR_FORMAT (with the line where it is no JSON), RT_ERR_MISMATCH as above. */
rt_status rt_conformers_read(rt_conformers *out, const char *path, rt_err *err);

#endif
