/* nucleobase.h - ideal geometry of the four bases, and another base on a residue's sugar
 * Room: prep.  Uses: prep/atom_slot, score/superpose.
 * Reference: W. K. Olson et al., J. Mol. Biol. 313:229 (2001), the standard reference frame of nucleic acid bases;
 * bond lengths and angles in it: L. Clowney et al., J. Am. Chem. Soc. 118:509 (1996).
 *
 * In the standard frame the four bases lie so that a Watson-Crick pair's two frames coincide, whichever pair it is.  A
 * base that takes over another one's frame therefore meets the same partner's frame: AU, UA, GC and CG are isosteric.
 */
#ifndef RT_PREP_NUCLEOBASE_H
#define RT_PREP_NUCLEOBASE_H

#include <stdbool.h>
#include <stdint.h>

#include "prep/atom_slot.h"
#include "score/superpose.h"

enum { RT_NUCLEOBASE_ATOMS = 11 };

typedef struct {
    int slot;
    double xyz[3];              /* Angstrom, standard frame */
} rt_nucleobase_atom;

typedef struct {
    char letter;
    bool purine;
    double c1[3];               /* of the sugar's C1' in the frame */
    int n;
    rt_nucleobase_atom atom[RT_NUCLEOBASE_ATOMS];   /* the glycosidic nitrogen (N9, N1) first */
} rt_nucleobase;

/* letter: A, C, G or U. */
const rt_nucleobase *rt_nucleobase_of(char letter);

/* The frame that the base at a residue stands in: the ideal base superposed on its atoms.
 * residue (RT_SLOT_COUNT,3), NaN where an atom is missing.  opt_rmsd in Angstrom.  False when an atom of the base or
 * C1' is missing. */
bool rt_nucleobase_frame(rt_rigid *out_frame, double *opt_rmsd, char letter, const float *residue);

/* Puts base `to` in the place of base `from` and clears the slots that `to` has not.  Its ring is ideal and stands in
 * the frame of the old one but for a turn about its nitrogen; the nitrogen stands on the old glycosidic bond's line, at
 * the ideal length, so that the angles at the sugar stay what they were.  C1' and all of the backbone are not touched.
 * False, and nothing changed, when the old base is not whole, or does not stand on that nitrogen (1.3 to 1.7 Angstrom):
 * pseudouridine, which is an U by its letter, stands on its C5.
 * Cost: microseconds. */
bool rt_nucleobase_replace(float *residue, char from, char to);

#endif
