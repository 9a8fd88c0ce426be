/* permutation.h - equivalent atoms of the label take the names that suit the prediction
 * Room: train.  Uses: feat/label, score/superpose.
 * Reference: rnapro/utils/permutation/atom_permutation.py AtomPermutation, permutation.py
 * permute_label_to_match_mini_rollout
 *
 * The two free oxygens of a phosphate are the same atom to chemistry; so are the three of a 5' end.
 */
#ifndef RT_TRAIN_PERMUTATION_H
#define RT_TRAIN_PERMUTATION_H

#include "feat/label.h"

/* Superposes x on the label over the resolved atoms, then gives each residue that assignment of OP1, OP2 (and of OP3 at
 * a 5' end: six ways) whose resolved atoms lie nearest; names move with their mask.  A residue with fewer than three
 * resolved atoms stays as it is, and so does everything when the whole label has fewer than three.
 * x: F32 or F64 (A,3).  Label: changed in place.  *opt_n_permuted: residues that changed.
 * Math: minimises sum of mask |u x + t - y|^2 over the residue; the assignment that is there wins a tie.
 * Cost: O(A). */
void rt_permutation_match(rt_label *label, int64_t *opt_n_permuted, const rt_features *features, rt_tensor x);

#endif
