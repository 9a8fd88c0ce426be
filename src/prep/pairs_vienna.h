/* pairs_vienna.h - pair probabilities by the nearest-neighbour energies of ViennaRNA (Turner 2004, 37 C)
 * Room: prep.  Uses: prep/pairs; pairs_vienna.c ViennaRNA's library, pairs_vienna_stub.c nothing.
 * Reference: R. Lorenz et al., Algorithms Mol. Biol. 6:26 (2011).
 *
 * The library's licence does not allow it to be redistributed for a fee, so it is no part of this project:
 * tools/vienna.sh fetches and builds it, and a program built without it says so.
 */
#ifndef RT_PREP_PAIRS_VIENNA_H
#define RT_PREP_PAIRS_VIENNA_H

#include <stdbool.h>

#include "base/status.h"
#include "prep/pairs.h"

/* What values depend on. */
#define RT_PAIRS_VIENNA_MODEL "ViennaRNA 2.8.0, Turner 2004, 37 C, dangles 2"

bool rt_pairs_vienna_here(void);

/* As rt_partition_fold, in kcal/mol: best is the structure of minimum free energy, ensemble the ensemble's free energy.
 * Errors: RT_ERR_UNSUPPORTED when built without the library; RT_ERR_MEMORY. */
rt_status rt_pairs_vienna_fold(rt_pairs *out_pairs, const char *sequence, int64_t length, double min_prob, rt_err *err);

#endif
