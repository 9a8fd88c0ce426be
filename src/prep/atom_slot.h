/* atom_slot.h - the fixed places of atoms within a residue of the training set
 * Room: prep.  Uses: nothing.
 * Reference: rnapro/data/rna_dataset_allatom.py ATOM_NAMES (slots 0 to 25, in the order of the competition's columns)
 *
 * Slots 26 and 27, O2' and OP3, are atoms of every residue and of a chain's first one that the competition's all-atom
 * table has no columns for; structures fill them.
 */
#ifndef RT_PREP_ATOM_SLOT_H
#define RT_PREP_ATOM_SLOT_H

#include <stdint.h>

enum {
    RT_SLOT_P, RT_SLOT_OP1, RT_SLOT_OP2, RT_SLOT_O5P, RT_SLOT_O3P, RT_SLOT_C1P, RT_SLOT_C2P, RT_SLOT_C3P, RT_SLOT_C4P,
    RT_SLOT_O4P, RT_SLOT_C5P, RT_SLOT_N1, RT_SLOT_C2, RT_SLOT_O2, RT_SLOT_N3, RT_SLOT_C4, RT_SLOT_N4, RT_SLOT_C5,
    RT_SLOT_C6, RT_SLOT_O4, RT_SLOT_N9, RT_SLOT_N7, RT_SLOT_C8, RT_SLOT_N6, RT_SLOT_N2, RT_SLOT_O6, RT_SLOT_O2P,
    RT_SLOT_OP3, RT_SLOT_COUNT
};
#define RT_SLOT_COMPETITION 26                                    /* slots that train_allatom has columns for */
#define RT_SLOTS_C1P ((uint32_t)1 << RT_SLOT_C1P)                 /* sets of slots, one bit each */
#define RT_SLOTS_COMPETITION (((uint32_t)1 << RT_SLOT_COMPETITION) - 1)
#define RT_SLOTS_ALL (((uint32_t)1 << RT_SLOT_COUNT) - 1)

/* "C1'"; slot: 0 .. RT_SLOT_COUNT-1. */
const char *rt_atom_slot_name(int slot);
/* The slot of an atom's name, -1 when it has none.  name[0..length) need not be NUL-terminated. */
int rt_atom_slot_find(const char *name, int64_t length);

#endif
