#include "prep/foreign.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/polymer.h"

static bool same_place(const rt_atom *a, const rt_atom *b)
{
    return a->auth_number == b->auth_number && a->label_number == b->label_number &&
           !strcmp(a->auth_chain, b->auth_chain) && !strcmp(a->label_chain, b->label_chain) &&
           !strcmp(a->insertion, b->insertion);
}

static bool is_water(const rt_atom *a)
{
    static const char *const NAMES[] = {"HOH", "DOD", "WAT", "H2O"};
    for (int i = 0; i < 4; i++)
        if (!strcmp(a->residue, NAMES[i])) return true;
    return false;
}

/* The atoms that the RNA was read from.  Other locations of its atoms, and other components at their place, stand
 * beside them in the file. */
static void leave_out_rna(bool *out_rna, const rt_structure *s, const rt_polymer *polymer)
{
    for (int64_t i = 0; i < polymer->n_atom; i++) out_rna[polymer->atom[i]] = true;
    for (int64_t i = 1; i < s->n_atom; i++)
        if (out_rna[i - 1] && !out_rna[i]) out_rna[i] = same_place(&s->atom[i - 1], &s->atom[i]);
    for (int64_t i = s->n_atom - 1; i > 0; i--)
        if (out_rna[i] && !out_rna[i - 1]) out_rna[i - 1] = same_place(&s->atom[i - 1], &s->atom[i]);
}

rt_status rt_foreign_find(rt_foreign *out_foreign, const rt_structure *structure, int32_t model, rt_err *err)
{
    rt_status status = RT_OK;
    rt_foreign foreign = {0};
    rt_polymer polymer = {0};
    bool *rna = NULL;
    int32_t ordinal = -1;
    RT_TRY(rt_polymer_build(&polymer, structure, model, err));
    RT_TRY_ALLOC(rna, structure->n_atom);
    leave_out_rna(rna, structure, &polymer);
    for (int64_t i = 0; i < structure->n_atom; i++) {
        const rt_atom *a = &structure->atom[i];
        ordinal += i == 0 || a->model != a[-1].model;
        if (ordinal != model || rna[i] || is_water(a) || rt_polymer_is_hydrogen(a)) continue;
        void *items = foreign.atom;
        status = rt_grow(&items, &foreign.capacity, foreign.n + 1, sizeof *foreign.atom, err);
        foreign.atom = items;
        RT_TRY(status);
        rt_foreign_atom *to = &foreign.atom[foreign.n++];
        memcpy(to->xyz, a->xyz, sizeof to->xyz);
        to->ligand = a->hetero && (!structure->numbered || a->label_number == RT_NO_NUMBER);
    }
done:
    free(rna);
    rt_polymer_free_members(&polymer);
    if (status != RT_OK) rt_foreign_free_members(&foreign);
    *out_foreign = foreign;
    return status;
}

void rt_foreign_free_members(rt_foreign *foreign)
{
    free(foreign->atom);
    *foreign = (rt_foreign){0};
}
