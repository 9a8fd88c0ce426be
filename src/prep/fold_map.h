/* fold_map.h - what a target's structure says about each residue: what an augmentation may change
 * Room: prep.  Uses: prep/annotation, prep/dataset, prep/pairs, prep/surroundings, score/molecule.
 *
 * Made once per target of its first conformation, and kept.  A set knows the RNA alone; where the target's own structure
 * file is still there, the proteins, ligands, ions and other RNA chains around it are looked at, too.
 */
#ifndef RT_PREP_FOLD_MAP_H
#define RT_PREP_FOLD_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "prep/annotation.h"
#include "prep/dataset.h"
#include "prep/pairs.h"
#include "prep/surroundings.h"

/* Residues in a row without a canonical pair, between two that have one. */
typedef struct {
    int32_t first, n;
    bool hairpin;              /* the two pair with each other */
} rt_fold_loop;

typedef struct {
    int64_t length;
    bool has_bases;            /* the set knows more than C1' */
    bool has_prediction;
    int32_t *partner;          /* (length) canonical pair in the structure, -1: none */
    uint32_t *tertiary;        /* (length) RT_TERTIARY_ bits (prep/annotation.h) */
    bool *tetraloop;           /* (length) one of four in a row that end in a non-canonical pair, or that a pair closes */
    int32_t *predicted;        /* (length) the likeliest partner by sequence, -1: none */
    float *probability;        /* (length) of the pair with `partner`, else with `predicted`; 0: not predicted */
    rt_fold_loop *loop;
    int64_t n_loop;
    rt_surroundings around;    /* atoms that the set has not; nothing known where nobody looked */
} rt_fold_map;

/* opt_pairs: the sequence's predicted pairs; NULL: has_prediction false.  A target without coordinates has no pairs.
 * around: look for the structure's file.
 * Errors: RT_ERR_MEMORY. */
rt_status rt_fold_map_build(rt_fold_map *out_map, const rt_target *target, const rt_pairs *opt_pairs, bool around,
                            rt_err *err);
void rt_fold_map_free_members(rt_fold_map *map);

/* One conformation as a molecule; every residue is there, the unresolved without atoms.  sequence: of the target's
 * length, its letters say which slots count; xyz (length, n_slot, 3).  segments: as in rt_target, "" for one chain.
 * Errors: RT_ERR_MEMORY. */
rt_status rt_fold_map_molecule(rt_molecule *out_molecule, const char *sequence, const float *xyz, int64_t n_slot,
                               const char *segments, rt_err *err);

#endif
