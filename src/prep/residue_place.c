#include "prep/residue_place.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define LARGEST ((int64_t)64 << 20)   /* residues x sequence: 256 MB */
enum { IMPOSSIBLE = 1 << 29, OTHER_START = 1, OTHER_STEP = 2, BOND_BROKEN = 4 };

typedef struct {
    const rt_structure *structure;
    const rt_polymer *polymer;
    const rt_polymer_chain *chain;
    const rt_polymer_residue *residue;   /* the chain's first */
    int32_t *cost, *before;              /* (2, L): the last two residues' costs at each place */
    int32_t *from;                       /* (n, L): the place of the residue before */
} layout;

static bool is_bonded(const layout *l, int64_t i)
{
    int64_t first = l->chain->first_residue;
    const rt_atom *o3 = rt_polymer_atom(l->polymer, l->structure, first + i - 1, "O3'");
    const rt_atom *p = rt_polymer_atom(l->polymer, l->structure, first + i, "P");
    double sum = 0;
    for (int k = 0; o3 && p && k < 3; k++) sum += (o3->xyz[k] - p->xyz[k]) * (o3->xyz[k] - p->xyz[k]);
    return o3 && p && sum <= RT_POLYMER_BOND * RT_POLYMER_BOND;
}

/* Costs of residue i at every place, from those of i-1. */
static void lay_residue(layout *l, int64_t i)
{
    int64_t length = l->chain->length, step = (int64_t)l->residue[i].number - l->residue[i - 1].number;
    bool bonded = is_bonded(l, i);
    int32_t *from = l->from + i * length, least = IMPOSSIBLE, least_place = -1;
    if (step < 1) step = 1;   /* insertion codes share a number */
    for (int64_t j = 0; j < length; j++) {
        int32_t best = least + (bonded ? BOND_BROKEN : OTHER_STEP), place = least_place;
        if (j >= 1 && l->before[j - 1] + (bonded || step == 1 ? 0 : OTHER_STEP) <= best) {
            best = l->before[j - 1] + (bonded || step == 1 ? 0 : OTHER_STEP);
            place = (int32_t)j - 1;
        }
        if (step > 1 && j >= step && l->before[j - step] + (bonded ? BOND_BROKEN : 0) < best) {
            best = l->before[j - step] + (bonded ? BOND_BROKEN : 0);
            place = (int32_t)(j - step);
        }
        l->cost[j] = l->residue[i].letter == l->chain->sequence[j] && best < IMPOSSIBLE ? best : IMPOSSIBLE;
        from[j] = place;
        if (l->before[j] < least) least = l->before[j], least_place = (int32_t)j;
    }
}

static rt_status lay_along_sequence(int64_t *out_place, layout *l, const char *file, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t n = l->chain->n_residue, length = l->chain->length, size = 0;
    int32_t *costs = NULL;
    if (n > length || !rt_multiply(n, length, &size) || size > LARGEST) {
        return rt_fail(err, RT_ERR_MISMATCH, file, 0, "chain %s: %lld residues along a sequence of %lld",
                       l->chain->name, (long long)n, (long long)length);
    }
    RT_TRY_ALLOC(costs, 2 * length);
    RT_TRY_ALLOC(l->from, size);
    l->cost = costs;
    l->before = costs + length;
    for (int64_t j = 0; j < length; j++)
        l->cost[j] = l->residue[0].letter != l->chain->sequence[j] ? IMPOSSIBLE
                     : j == (int64_t)l->residue[0].number - 1  ? 0
                                                                   : OTHER_START;
    for (int64_t i = 1; i < n; i++) {
        int32_t *other = l->cost;
        l->cost = l->before;
        l->before = other;
        lay_residue(l, i);
    }
    int64_t best = 0;
    for (int64_t j = 0; j < length; j++)
        if (l->cost[j] < l->cost[best]) best = j;
    if (l->cost[best] >= IMPOSSIBLE)
        RT_TRY(rt_fail(err, RT_ERR_MISMATCH, file, 0, "chain %s: its residues do not fit its deposited sequence",
                       l->chain->name));
    for (int64_t i = n; i-- > 0; best = l->from[i * length + best]) out_place[i] = best;
done:
    free(costs);
    free(l->from);
    return status;
}

rt_status rt_residue_place(int64_t *out_place, const rt_structure *structure, const rt_polymer *polymer,
                           const rt_polymer_chain *chain, const char *file, rt_err *err)
{
    layout l = {.structure = structure, .polymer = polymer, .chain = chain,
                .residue = polymer->residue + chain->first_residue};
    bool deposited = false;
    for (int64_t i = 0; i < structure->n_deposited && !deposited; i++)
        deposited = strcmp(structure->deposited[i].chain, chain->label) == 0;
    if (deposited && !structure->numbered) return lay_along_sequence(out_place, &l, file, err);
    for (int64_t i = 0; i < chain->n_residue; i++) {
        int64_t place = deposited ? (int64_t)l.residue[i].label_number - 1 : i;
        if (place < 0 || place >= chain->length || l.residue[i].letter != chain->sequence[place] ||
            (i > 0 && place <= out_place[i - 1]))
            return rt_fail(err, RT_ERR_MISMATCH, file, 0,
                           "chain %s: residue %d (%s) does not fit its deposited sequence", chain->name,
                           (int)l.residue[i].number, l.residue[i].component);
        out_place[i] = place;
    }
    return RT_OK;
}
