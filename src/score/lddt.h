/* lddt.h - local distance difference test: the share of a native's short distances that a model keeps
 * Room: score.  Uses: base/memory.
 * Reference: V. Mariani et al., Bioinformatics 29:2722 (2013); rnapro/model/loss.py calculate_atom_bespoke_lddt and
 * rnapro/metrics/lddt_metrics.py, which count distances below (not at) 30 Angstrom to nucleotides, pairs within a
 * residue included.
 */
#ifndef RT_SCORE_LDDT_H
#define RT_SCORE_LDDT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

typedef struct {
    const double *native, *model;   /* (n,3) Angstrom, atom by atom */
    const bool *opt_present;        /* (n) the model has the atom; NULL: all of them.  A distance to one it lacks is lost */
    const bool *opt_partner;        /* (n) distances are taken to these atoms; NULL: to all */
    const int32_t *opt_residue;     /* (n) pairs of one residue do not count; NULL: they do */
    int64_t n;
    double radius;                  /* Angstrom: native distances below it count */
} rt_lddt_input;

/* Per atom the sum over its counted distances of the mean of [|difference| < 0.5, 1, 2, 4], and their number; an atom's
 * lDDT is the quotient.
 * Shapes: out_sum, out_count (n).  Errors: RT_ERR_MEMORY.  Cost: n times the atoms within `radius` along one axis. */
rt_status rt_lddt_atoms(double *out_sum, double *out_count, const rt_lddt_input *input, rt_err *err);

/* All counted distances together; NaN when there is none. */
rt_status rt_lddt(double *out_lddt, const rt_lddt_input *input, rt_err *err);

#endif
