#include "prep/surroundings.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "io/polymer.h"
#include "score/clash.h"
#include "score/sweep.h"

static const double SAME_PLACE = 0.01;   /* Angstrom: the set's float32 and the file's decimals are the same atom */
/* Angstrom from C1': its base's farthest atom (6.5), and two atoms that just clash there (3.1 for C and P). */
static const double REACH = 10.0;

/* An atom that the set has not, and whose residue it is: -1 for none of the target's. */
typedef struct { double xyz[3]; float radius; int64_t own; } outside;

typedef struct {
    outside *atom;
    int64_t n, capacity;
} outsides;

void rt_surroundings_free_members(rt_surroundings *surroundings)
{
    free(surroundings->first);
    free(surroundings->atom);
    *surroundings = (rt_surroundings){0};
}

/* ---- which chain it is ------------------------------------------------------------------------------------------- */

/* The target's residue whose C1' is there; the search begins after the last one found. */
static int64_t place_of(const rt_target *target, const rt_atom *c1, int64_t from)
{
    for (int64_t k = 0; c1 && k < target->length; k++) {
        int64_t i = (from + k) % target->length;
        const float *own = rt_target_c1(target, 0, i);
        double far = 0;
        for (int d = 0; d < 3; d++) far = fmax(far, fabs((double)own[d] - c1->xyz[d]));
        if (isfinite(own[0]) && far < SAME_PLACE) return i;
    }
    return -1;
}

/* -1: none of the file's. */
static int64_t find_own_chain(const rt_structure *s, const rt_polymer *polymer, const rt_target *target)
{
    for (int64_t c = 0; c < polymer->n_chain; c++) {
        const rt_polymer_chain *chain = &polymer->chain[c];
        for (int64_t r = chain->first_residue; r < chain->first_residue + chain->n_residue; r++)
            if (place_of(target, rt_polymer_atom(polymer, s, r, "C1'"), 0) >= 0) return c;
    }
    return -1;
}

/* ---- atoms ------------------------------------------------------------------------------------------------------- */

static rt_status add(outsides *all, const double *xyz, char element, int64_t own, rt_err *err)
{
    double radius = rt_clash_radius(element);
    if (!(radius > 0)) return RT_OK;   /* ions stand nearer than any radius would let them */
    void *items = all->atom;
    rt_status status = rt_grow(&items, &all->capacity, all->n + 1, sizeof *all->atom, err);
    all->atom = items;
    if (status != RT_OK) return status;
    all->atom[all->n] = (outside){.radius = (float)radius, .own = own};
    memcpy(all->atom[all->n++].xyz, xyz, sizeof all->atom->xyz);
    return RT_OK;
}

/* What the set's slots have no place for, of residues that the set has. */
static rt_status add_modified(outsides *all, const rt_structure *s, const rt_polymer *polymer, int64_t own,
                              const rt_target *target, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_polymer_chain *chain = &polymer->chain[own];
    for (int64_t r = chain->first_residue, at = 0; r < chain->first_residue + chain->n_residue; r++) {
        const rt_polymer_residue *residue = &polymer->residue[r];
        int64_t i = place_of(target, rt_polymer_atom(polymer, s, r, "C1'"), at);
        if (i < 0) continue;
        at = i + 1;
        for (int64_t k = residue->first_atom; k < residue->first_atom + residue->n_atom; k++) {
            const rt_atom *atom = &s->atom[polymer->atom[k]];
            if (rt_atom_slot_find(atom->name, (int64_t)strlen(atom->name)) < 0)
                RT_TRY(add(all, atom->xyz, rt_foreign_element(atom), i, err));
        }
    }
done:
    return status;
}

/* ---- lists by residue -------------------------------------------------------------------------------------------- */

/* Writes residue i's list, or counts it where out is NULL.  order: by x. */
static int64_t list_near(rt_near_atom *out, const outsides *all, const int64_t *order, const rt_target *target, int64_t i)
{
    const float *c1 = rt_target_c1(target, 0, i);
    int64_t low = 0, high = all->n, n = 0;
    if (!isfinite(c1[0])) return 0;
    const double x = (double)c1[0], y = (double)c1[1], z = (double)c1[2];
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (all->atom[order[middle]].xyz[0] < x - REACH) low = middle + 1;
        else high = middle;
    }
    for (int64_t k = low; k < all->n; k++) {
        const outside *a = &all->atom[order[k]];
        double dx = a->xyz[0] - x, dy = a->xyz[1] - y, dz = a->xyz[2] - z;
        if (dx > REACH) break;
        if (a->own == i || dx * dx + dy * dy + dz * dz > REACH * REACH) continue;
        if (out) out[n] = (rt_near_atom){{(float)a->xyz[0], (float)a->xyz[1], (float)a->xyz[2]}, a->radius};
        n++;
    }
    return n;
}

static rt_status list_all(rt_surroundings *to, const outsides *all, const rt_target *target, rt_err *err)
{
    rt_status status = RT_OK;
    double *xyz = NULL;
    int64_t *order = NULL;
    if (all->n == 0) return RT_OK;
    RT_TRY_ALLOC(xyz, 3 * all->n);
    RT_TRY_ALLOC(to->first, target->length + 1);
    for (int64_t k = 0; k < all->n; k++) memcpy(xyz + 3 * k, all->atom[k].xyz, sizeof all->atom->xyz);
    RT_TRY(rt_sweep_order(&order, xyz, all->n, err));
    for (int64_t i = 0; i < target->length; i++)
        to->first[i + 1] = to->first[i] + (int32_t)list_near(NULL, all, order, target, i);
    RT_TRY_ALLOC(to->atom, to->first[target->length]);
    for (int64_t i = 0; i < target->length; i++) list_near(to->atom + to->first[i], all, order, target, i);
done:
    free(xyz);
    free(order);
    return status;
}

rt_status rt_surroundings_find(rt_surroundings *out_surroundings, rt_foreign *out_foreign, const rt_target *target,
                               rt_err *err)
{
    rt_structure structure = {0};
    rt_polymer polymer = {0};
    outsides all = {0};
    rt_err why;
    rt_status status = RT_OK;
    *out_surroundings = (rt_surroundings){0};
    *out_foreign = (rt_foreign){0};
    if (!(target->origin & RT_ORIGIN_STRUCTURES) || !rt_file_exists(target->source)) return RT_OK;
    if (rt_structure_open(&structure, target->source, &why) != RT_OK || structure.n_atom == 0) goto done;
    RT_TRY(rt_polymer_build(&polymer, &structure, 0, err));
    RT_TRY(rt_foreign_find(out_foreign, &structure, &polymer, 0, err));
    int64_t own = find_own_chain(&structure, &polymer, target);
    if (own >= 0) {   /* else any chain could be the target's own */
        RT_TRY(rt_foreign_add_chains(out_foreign, &structure, &polymer, own, err));
        RT_TRY(add_modified(&all, &structure, &polymer, own, target, err));
    }
    for (int64_t k = 0; k < out_foreign->n; k++)
        RT_TRY(add(&all, out_foreign->atom[k].xyz, out_foreign->atom[k].element, -1, err));
    RT_TRY(list_all(out_surroundings, &all, target, err));
    out_surroundings->known = true;
done:
    free(all.atom);
    rt_polymer_free_members(&polymer);
    rt_structure_free_members(&structure);
    if (status != RT_OK) {
        rt_surroundings_free_members(out_surroundings);
        rt_foreign_free_members(out_foreign);
    }
    return status;
}
