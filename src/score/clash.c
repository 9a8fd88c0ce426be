#include "score/clash.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "score/sweep.h"

#define OVERLAP 0.4
#define LARGEST_RADIUS 1.8

double rt_clash_radius(char element)
{
    switch (element) {
    case 'C': return 1.70;
    case 'N': return 1.55;
    case 'O': return 1.52;
    case 'P':
    case 'S': return 1.80;
    default: return 0;   /* unknown elements never clash */
    }
}

/* Bonds from O3' of a residue, or from P of the next one; 9 for far. */
static int bonds_from_end(const char *name)
{
    static const struct { const char *name; int bonds; } NEAR[] = {{"O3'", 0}, {"C3'", 1}, {"C4'", 2}, {"C2'", 2}};
    for (int i = 0; i < 4; i++)
        if (strcmp(NEAR[i].name, name) == 0) return NEAR[i].bonds;
    return 9;
}

static int bonds_from_start(const char *name)
{
    static const struct { const char *name; int bonds; } NEAR[] = {
        {"P", 0}, {"OP1", 1}, {"OP2", 1}, {"OP3", 1}, {"O5'", 1}, {"C5'", 2}};
    for (int i = 0; i < 6; i++)
        if (strcmp(NEAR[i].name, name) == 0) return NEAR[i].bonds;
    return 9;
}

static bool is_bonded(const rt_molecule *molecule, const rt_molecule_atom *a, const rt_molecule_atom *b)
{
    const rt_molecule_atom *first = a->residue < b->residue ? a : b, *second = first == a ? b : a;
    if (first->residue == second->residue) return true;
    if (first->residue + 1 != second->residue) return false;
    if (molecule->residue[first->residue].chain != molecule->residue[second->residue].chain) return false;
    return bonds_from_end(first->name) + 1 + bonds_from_start(second->name) <= 3;
}

rt_status rt_clash(double *out_score, int64_t *opt_count, const rt_molecule *molecule, rt_err *err)
{
    rt_status status = RT_OK;
    double *xyz = NULL;
    int64_t *order = NULL, n = molecule->n_atom, count = 0;
    *out_score = NAN;
    RT_TRY_ALLOC(xyz, 3 * n);
    for (int64_t i = 0; i < n; i++) memcpy(xyz + 3 * i, molecule->atom[i].xyz, 3 * sizeof *xyz);
    RT_TRY(rt_sweep_order(&order, xyz, n, err));
    for (int64_t p = 0; p < n; p++) {
        const rt_molecule_atom *a = &molecule->atom[order[p]];
        double radius = rt_clash_radius(a->element);
        for (int64_t q = p + 1; q < n && radius > 0; q++) {
            const rt_molecule_atom *b = &molecule->atom[order[q]];
            double x = b->xyz[0] - a->xyz[0], y = b->xyz[1] - a->xyz[1], z = b->xyz[2] - a->xyz[2];
            if (x >= radius + LARGEST_RADIUS - OVERLAP) break;
            double limit = radius + rt_clash_radius(b->element) - OVERLAP;
            if (rt_clash_radius(b->element) == 0 || x * x + y * y + z * z >= limit * limit) continue;
            if (!is_bonded(molecule, a, b)) count++;
        }
    }
    if (n) *out_score = 1000.0 * (double)count / (double)n;
    if (opt_count) *opt_count = count;
done:
    free(xyz);
    free(order);
    return status;
}
