/* inf.h - interaction network fidelity: how well a model keeps a native's base pairs and stacks
 * Room: score.  Uses: score/contacts, score/molecule.
 * Reference: M. Parisien et al., RNA 15:1875 (2009): INF = sqrt(PPV x sensitivity), the geometric mean of the share of
 * the model's interactions that are the native's, and of the native's that the model has.
 */
#ifndef RT_SCORE_INF_H
#define RT_SCORE_INF_H

#include <stdint.h>

#include "base/status.h"
#include "score/contacts.h"
#include "score/molecule.h"

typedef struct {
    double all, wc, nwc, stack;   /* NaN where neither has an interaction of the kind, 0 where one alone has */
} rt_inf;

/* map (native->n_residue): the model's residue for each of the native's, -1 for none.  The same interaction: the same
 * residues and kind, and for pairs that are not canonical the same edges and orientation.  Interactions of model
 * residues that have no native partner do not count; those of native residues that the model lacks are lost. NaN
 * throughout when the native has no bases.  Errors: RT_ERR_MEMORY. */
rt_status rt_inf_compare(rt_inf *out, const rt_molecule *native, const rt_contacts *native_contacts,
                         const rt_molecule *model, const rt_contacts *model_contacts, const int32_t *map, rt_err *err);

#endif
