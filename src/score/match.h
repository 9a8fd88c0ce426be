/* match.h - which residue of a model is which of the native: by number, with chains of several copies told apart
 * Room: score.  Uses: score/molecule, score/tm.
 */
#ifndef RT_SCORE_MATCH_H
#define RT_SCORE_MATCH_H

#include <stdint.h>

#include "base/status.h"
#include "base/text.h"
#include "score/molecule.h"
#include "score/tm.h"

typedef struct {
    int32_t *map;             /* (native's residues): the model's, -1 for none; only where numbers match */
    int64_t n_paired;         /* of them, resolved in both */
    int64_t n_different;      /* paired residues whose letters differ (N differs from none) */
    int32_t shift;            /* what had to be added to the model's numbers */
    bool by_label;            /* the native's polymer numbers were used, because its authors' numbers do not fit */
    rt_text chain_map;        /* "A:B,C:D" native:model when either has several chains */
    int32_t *chain_order;     /* (model's chains): in the order of the native chains they were given to, then the rest */
} rt_match;

/* Residues pair by the authors' number and insertion code.  When fewer than nine in ten of those pairs agree in their
 * letters, or fewer than half of the shorter molecule are paired, the native's polymer numbers and a constant shift
 * are tried, and the best agreement wins: the caller says so in a line.  Chains: a native chain goes to a model chain
 * of the same sequence, so that TM-score over all of them is highest; for copies, each pair of chains is superposed in
 * turn and the others are assigned under that superposition (the best assignment, not a greedy one, up to 512 chains).
 * Errors: RT_ERR_MISMATCH when not even half of the paired letters agree; RT_ERR_MEMORY. */
rt_status rt_match_build(rt_match *out_match, rt_tm *tm, const rt_molecule *native, const rt_molecule *model,
                         rt_err *err);
void rt_match_free_members(rt_match *match);

#endif
