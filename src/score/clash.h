/* clash.h - atoms that are too close to be real
 * Room: score.  Uses: score/molecule, score/sweep.
 *
 * A clash is a pair of heavy atoms of different residues that overlap by more than 0.4 Angstrom: nearer than the sum
 * of their van der Waals radii (A. Bondi, J. Phys. Chem. 68:441, 1964: C 1.70, N 1.55, O 1.52, P and S 1.80) less 0.4,
 * which leaves hydrogen bonds alone.  Atoms joined by three bonds or fewer across the bond between residues do not
 * count. MolProbity's clashscore adds hydrogens first and is higher; this one needs none and ranks models alike.
 */
#ifndef RT_SCORE_CLASH_H
#define RT_SCORE_CLASH_H

#include <stdint.h>

#include "score/molecule.h"

/* Clashes per 1,000 heavy atoms; NaN for a molecule without atoms.  opt_count: clashes.  Errors: RT_ERR_MEMORY. */
rt_status rt_clash(double *out_score, int64_t *opt_count, const rt_molecule *molecule, rt_err *err);

/* Van der Waals radius in Angstrom; 0 for elements that never clash.  element: 'C', ... */
double rt_clash_radius(char element);

#endif
