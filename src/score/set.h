/* set.h - predictions or natives as a user has them: structure files, folders of them, the competition's tables
 * Room: score.  Uses: io/structure, io/csv, io/plain, score/molecule.
 *
 * A structure file may hold several models: of a native they are reference conformations, of a prediction models on
 * their own.  In a folder of natives the target is a file's name without its endings (1ehz.cif.gz: 1ehz), or the name
 * of the folder in which a file native.* lies.  A prediction belongs to the target that its folder is named after,
 * else to the longest target that its own name begins with; with a single native everything belongs to that.  A target
 * <entry>_<chain>, as the competition names them (1DQH_B), is that chain of the native <entry> in either case (1dqh.cif).
 * `rnatune
 * predict` writes DIR/<target>/<target>_sample_<number>.cif, best first, and summary.json.
 *
 * Tables: ID (<target>_<number>), resname, resid and x_1, y_1, z_1 .. x_k, y_k, z_k (C1' of k models or
 * conformations), or P_x_1, P_y_1, P_z_1 .. for all atoms; columns chain and copy divide a target.  A coordinate that
 * is empty, NaN or below -1e6 (-1e18) is missing; others are clamped to [-999.999, 9999.999] and rounded to 3
 * decimals, as the metric does by writing PDB files.
 */
#ifndef RT_SCORE_SET_H
#define RT_SCORE_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "score/molecule.h"

typedef struct {
    char target[RT_SCORE_NAME], name[RT_SCORE_NAME];
    char *path;                /* the file; NULL for a table's */
    char chain[12];            /* only this chain of the file; "" for all */
    int64_t rank, n_template;  /* -1: not known */
    rt_molecule *molecule;     /* models or conformations; of a file after rt_score_item_load */
    int64_t n_molecule;
} rt_score_item;

typedef struct {
    rt_score_item *item;       /* by target, then name */
    int64_t n_item, capacity;
    int64_t n_alien;           /* predictions that belong to no native */
    char alien[RT_SCORE_NAME]; /* one of them */
} rt_score_set;

/* atom: "C1'", "C3'" or "P".
 * Errors: RT_ERR_IO, RT_ERR_FORMAT (with file and line), RT_ERR_UNSUPPORTED, RT_ERR_MISMATCH (a target or a residue
 * twice, another atom than C1' from a table that has no other, a folder without structures), RT_ERR_MEMORY. */
rt_status rt_score_set_natives(rt_score_set *out_set, const char *path, const char *atom, rt_err *err);
/* A native of which predictions name single chains becomes a native per chain. */
rt_status rt_score_set_models(rt_score_set *out_set, const char *path, rt_score_set *natives, const char *atom,
                              rt_err *err);
void rt_score_set_free_members(rt_score_set *set);

/* The item of a target; NULL when there is none. */
rt_score_item *rt_score_set_find(const rt_score_set *set, const char *target);

/* Reads an item's file unless it is read.  Errors: as rt_structure_open and rt_molecule_build. */
rt_status rt_score_item_load(rt_score_item *item, const char *atom, rt_err *err);
void rt_score_item_unload(rt_score_item *item);   /* of a file: reads again when loaded again */

/* Inside score/set: a new item at the end; the competition's table. */
rt_status rt_score_set_add(rt_score_set *set, rt_score_item **out_item, const char *target, const char *name,
                           rt_err *err);
rt_status rt_score_set_read_table(rt_score_set *set, const char *path, const char *atom, rt_err *err);

#endif
