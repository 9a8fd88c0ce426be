/* partition.h - the ensemble of secondary structures of one sequence: log Z, pair probabilities, the best structure
 * Room: prep.  Uses: prep/loop_model, prep/pairs.
 * Reference: J. S. McCaskill, Biopolymers 29:1105 (1990); M. Zuker, P. Stiegler, NAR 9:133 (1981).
 *
 * Structures without pseudoknots; pairs AU, GC, GU with at least 3 residues between them; bulges and internal loops of
 * at most 30 unpaired residues.  Sums run in double, scaled per residue by the best structure's score; where that
 * overflows (a very stable part of a very long sequence) they are repeated in long double.
 */
#ifndef RT_PREP_PARTITION_H
#define RT_PREP_PARTITION_H

#include "base/status.h"
#include "prep/loop_model.h"
#include "prep/pairs.h"

/* sequence: letters A C G U (T is U); others are unpaired.  Pairs of probability >= min_prob are listed; best is the most
 * probable single structure, best_score its score, ensemble log Z.
 * Cost: O(N^3) with a small constant: 0.1 s for 500 residues, memory 28 N^2 bytes (56 N^2 when repeated).
 * Errors: RT_ERR_MEMORY. */
rt_status rt_partition_fold(rt_pairs *out_pairs, const rt_loop_model *model, const char *sequence, int64_t length,
                            double min_prob, rt_err *err);

#endif
