/* base_fit.h - does a rebuilt base fit where it stands: clashes with what is around it, hydrogen bonds of its pair
 * Room: prep.  Uses: prep/atom_slot, prep/nucleobase, prep/surroundings, base/memory.
 * Reference: radii and overlap of score/clash.h; N. C. Seeman, J. M. Rosenberg, A. Rich, PNAS 73:804 (1976), J. M.
 * Rosenberg et al., J. Mol. Biol. 104:145 (1976), the hydrogen bonds of GC and AU in crystals.
 *
 * Coordinates are (length, RT_SLOT_COUNT, 3) in Angstrom, NaN where an atom is missing.
 */
#ifndef RT_PREP_BASE_FIT_H
#define RT_PREP_BASE_FIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "prep/surroundings.h"

/* A ball around each residue, so that few need a closer look. */
typedef struct {
    int64_t length;
    float *ball;                 /* (length, 4): centre and radius; radius below 0: no atom is known */
    const rt_surroundings *opt_around;   /* what else there is; set by whoever knows it */
} rt_base_fit;

/* Cost: one pass over the atoms.  Errors: RT_ERR_MEMORY. */
rt_status rt_base_fit_create(rt_base_fit *out_fit, const float *xyz, int64_t length, rt_err *err);
void rt_base_fit_free_members(rt_base_fit *fit);
/* Takes note that a residue's atoms have moved. */
void rt_base_fit_move(rt_base_fit *fit, const float *xyz, int64_t residue);

/* Pairs of atoms that overlap by more than 0.4 Angstrom: of the base with other residues and what is around them, and of
 * the base with its own sugar and phosphate, four bonds away and more. */
typedef struct { int64_t others, own; } rt_base_clashes;

/* Those of the base `letter` at a residue; `but`: a residue that does not count, -1 for none. */
rt_base_clashes rt_base_fit_clashes(const rt_base_fit *fit, const float *xyz, int64_t residue, char letter, int64_t but);
/* Has either kind become more? */
bool rt_base_fit_is_worse(rt_base_clashes after, rt_base_clashes before);

/* A Watson-Crick pair, letters a and b: of its two (AU) or three (GC) hydrogen bonds the greatest difference from the
 * length in crystals, Angstrom.  NaN for other pairs and where an atom is missing. */
double rt_base_fit_bonds(const float *residue_a, char a, const float *residue_b, char b);
bool rt_base_fit_is_watson_crick(char a, char b);

#endif
