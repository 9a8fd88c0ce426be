/* label.h - the answer: where the experiment saw each atom, in the network's atom order
 * Room: feat.  Uses: feat/features.
 * Reference: rnapro/data/rna_dataset_allatom.py _build_coordinates_and_masks
 *
 * Leak guard: nothing that builds features may include this file (`make lint` holds rooms and files to it), so a
 * template made from the ground truth cannot be written by accident.
 */
#ifndef RT_FEAT_LABEL_H
#define RT_FEAT_LABEL_H

#include "base/arena.h"
#include "feat/features.h"

/* All atoms of a whole target as a data set stores them; borrowed. */
typedef struct {
    const float *xyz;              /* (length, n_name, 3) in Angstrom */
    const char *const *name;       /* atom names of the columns: "P", "OP1", ..., "C1'", ... */
    int64_t n_name, length;
    double resolution;             /* of the experiment in Angstrom; below 0: not known */
} rt_label_source;

/* Lives in the arena that it was built in. */
typedef struct {
    int64_t n_atom, n_resolved;
    rt_tensor coordinate;          /* F32 (A,3), Angstrom; 0 where not resolved */
    rt_tensor coordinate_mask;     /* U8 (A): 1 resolved */
    double resolution;             /* as in the source */
} rt_label;

/* The label of the tokens [start, start + N) of the source, in the atom order of `features` (which were built from the
 * same crop).  An atom is resolved when its column exists and its three coordinates are finite and above -1e6: the
 * competition writes NaN or -1e18, the reference -1e8.  An atom without a column (OP3, and O2' in the reference's own
 * tables) is not resolved.
 * Errors: RT_ERR_MISMATCH when the source does not reach start + N, RT_ERR_MEMORY.  Cost: O(A). */
rt_status rt_label_build(rt_label *out_label, rt_arena *arena, const rt_features *features,
                         const rt_label_source *source, int64_t start, rt_err *err);

/* The name of atom `atom`, blanks removed. */
void rt_label_atom_name(char out_name[5], const rt_features *features, int64_t atom);

#endif
