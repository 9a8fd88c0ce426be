#include "prep/atom_slot.h"

#include <string.h>

#include "base/status.h"

static const char *const NAMES[RT_SLOT_COUNT] = {
    "P",  "OP1", "OP2", "O5'", "O3'", "C1'", "C2'", "C3'", "C4'", "O4'", "C5'", "N1",  "C2",  "O2",
    "N3", "C4",  "N4",  "C5",  "C6",  "O4",  "N9",  "N7",  "C8",  "N6",  "N2",  "O6",  "O2'", "OP3",
};

const char *rt_atom_slot_name(int slot)
{
    RT_REQUIRE(slot >= 0 && slot < RT_SLOT_COUNT);
    return NAMES[slot];
}

int rt_atom_slot_find(const char *name, int64_t length)
{
    for (int slot = 0; slot < RT_SLOT_COUNT; slot++)
        if ((int64_t)strlen(NAMES[slot]) == length && memcmp(NAMES[slot], name, (size_t)length) == 0) return slot;
    return -1;
}
