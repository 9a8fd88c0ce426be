#include "prep/foreign.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

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

char rt_foreign_element(const rt_atom *atom)
{
    if (atom->element[0]) return atom->element[1] ? 0 : atom->element[0];
    const char *name = atom->name;
    while (*name >= '0' && *name <= '9') name++;
    return *name;
}

static rt_status add(rt_foreign *foreign, const rt_atom *atom, bool ligand, rt_err *err)
{
    void *items = foreign->atom;
    rt_status status = rt_grow(&items, &foreign->capacity, foreign->n + 1, sizeof *foreign->atom, err);
    foreign->atom = items;
    if (status != RT_OK) return status;
    rt_foreign_atom *to = &foreign->atom[foreign->n++];
    *to = (rt_foreign_atom){.element = rt_foreign_element(atom), .ligand = ligand};
    memcpy(to->xyz, atom->xyz, sizeof to->xyz);
    return RT_OK;
}

rt_status rt_foreign_find(rt_foreign *out_foreign, const rt_structure *structure, const rt_polymer *polymer, int32_t model,
                          rt_err *err)
{
    rt_status status = RT_OK;
    rt_foreign foreign = {0};
    bool *rna = NULL;
    int32_t ordinal = -1;
    RT_TRY_ALLOC(rna, structure->n_atom);
    leave_out_rna(rna, structure, polymer);
    for (int64_t i = 0; i < structure->n_atom; i++) {
        const rt_atom *a = &structure->atom[i];
        ordinal += i == 0 || a->model != a[-1].model;
        if (ordinal != model || rna[i] || is_water(a) || rt_polymer_is_hydrogen(a)) continue;
        RT_TRY(add(&foreign, a, a->hetero && (!structure->numbered || a->label_number == RT_NO_NUMBER), err));
    }
done:
    free(rna);
    if (status != RT_OK) rt_foreign_free_members(&foreign);
    *out_foreign = foreign;
    return status;
}

rt_status rt_foreign_add_chains(rt_foreign *foreign, const rt_structure *structure, const rt_polymer *polymer, int64_t own,
                                rt_err *err)
{
    rt_status status = RT_OK;
    for (int64_t c = 0; c < polymer->n_chain; c++) {
        const rt_polymer_residue *first = polymer->residue + polymer->chain[c].first_residue;
        for (int64_t r = 0; r < polymer->chain[c].n_residue && c != own; r++)
            for (int64_t k = 0; k < first[r].n_atom; k++)
                RT_TRY(add(foreign, &structure->atom[polymer->atom[first[r].first_atom + k]], false, err));
    }
done:
    return status;
}

void rt_foreign_free_members(rt_foreign *foreign)
{
    free(foreign->atom);
    *foreign = (rt_foreign){0};
}
