/* tm_dp.h - the alignment with the highest sum of pair scores (inside score/tm)
 * Room: score.  Uses: base/memory, score/superpose, score/tm_search.
 * Reference: S. B. Needleman, C. D. Wunsch, J. Mol. Biol. 48:443 (1970), with free ends and TM-align's gap: a penalty
 * for leaving a pair, none for a gap's length.
 *
 * Four rows are worked on at once, each one column behind the one above it, so that no cell waits for its neighbour.
 */
#ifndef RT_SCORE_TM_DP_H
#define RT_SCORE_TM_DP_H

#include <stdint.h>

#include "base/status.h"
#include "score/superpose.h"
#include "score/tm_search.h"

enum { RT_TM_DP_ROWS = 4, RT_TM_DP_PADDING = 8 };

/* What a pair (model i, native j) is worth: 1 / (1 + (distance / d)^2) when rigid is given, plus `same` where the
 * secondary structures agree. */
typedef struct {
    const rt_rigid *opt_rigid;   /* the model onto the native */
    double d;                    /* Angstrom */
    double same;
} rt_tm_worth;

typedef struct {
    int64_t n_model, n_native;
    rt_points model, native;                  /* with RT_TM_DP_PADDING items behind them that may be read */
    double *model_pairs, *native_pairs;       /* secondary structure, a number per residue; padded alike */
    double *leave;                            /* per block of rows and step: four cells' value for whoever goes around them;
                                               * its last bit says that the cell was entered along the diagonal */
    double *above, *above_leave;              /* the row above a block */
    int64_t capacity;
} rt_tm_dp;

rt_status rt_tm_dp_reserve(rt_tm_dp *dp, int64_t n_model, int64_t n_native, rt_err *err);
void rt_tm_dp_free_members(rt_tm_dp *dp);

/* out_map (n_native): the model's residue, -1 for none.  gap: 0 or negative. */
void rt_tm_dp_align(rt_tm_dp *dp, int32_t *out_map, const rt_tm_worth *worth, double gap);

#endif
