#include "score/contacts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/vector.h"
#include "score/sweep.h"

#define FARTHEST 12.0        /* Angstrom between ring centres of bases that may touch */
#define WEAK_BOND 3.9
#define OUT_OF_PLANE 2.2
#define STACK_DISTANCE 4.8
#define STACK_TILT 0.86602540378443865  /* cos 30 */
#define STACK_SHIFT 0.76604444311897804 /* cos 40 */

/* How far a hydrogen bond may stretch, and the cosine of how far the normals may tilt. */
typedef struct { double bond, tilt; } limits;
static const limits ANY_PAIR = {3.6, 0.70710678118654752}, CANONICAL = {4.0, 0.64278760968653933};   /* 45, 50 degrees */

enum { DONOR = RT_POLAR_DONOR, ACCEPTOR = RT_POLAR_ACCEPTOR, WEAK = RT_POLAR_WEAK };

/* Atoms that make hydrogen bonds, and the edges they are on. */
typedef struct {
    char letter;
    const char *name, *edges;
    int role;
} polar;

static const polar POLAR[] = {
    {'A', "N6", "WH", DONOR}, {'A', "N1", "W", ACCEPTOR}, {'A', "N7", "H", ACCEPTOR}, {'A', "N3", "S", ACCEPTOR},
    {'A', "C2", "WS", WEAK}, {'A', "C8", "H", WEAK},
    {'G', "N1", "W", DONOR}, {'G', "N2", "WS", DONOR}, {'G', "O6", "WH", ACCEPTOR}, {'G', "N7", "H", ACCEPTOR},
    {'G', "N3", "S", ACCEPTOR}, {'G', "C8", "H", WEAK},
    {'C', "N4", "WH", DONOR}, {'C', "N3", "W", ACCEPTOR | DONOR}, {'C', "O2", "WS", ACCEPTOR}, {'C', "C5", "H", WEAK},
    {'C', "C6", "H", WEAK},
    {'U', "N3", "W", DONOR}, {'U', "O4", "WH", ACCEPTOR}, {'U', "O2", "WS", ACCEPTOR}, {'U', "C5", "H", WEAK},
    {'U', "C6", "H", WEAK},
    {0, "O2'", "S", DONOR | ACCEPTOR},
};
enum { N_POLAR = sizeof POLAR / sizeof *POLAR, MOST_POLAR = 8 };

typedef struct {
    int32_t residue;
    char letter;
    double centre[3], small[3], normal[3], glycosidic[3];   /* small: a purine's five-ring, else the same as centre */
    const polar *polar[MOST_POLAR];
    const double *polar_xyz[MOST_POLAR];
    int n_polar;
} base;

static bool ring_centre(double out[3], const rt_molecule *m, int64_t r, const char *const *names, int n)
{
    out[0] = out[1] = out[2] = 0;
    for (int i = 0; i < n; i++) {
        const rt_molecule_atom *atom = rt_molecule_find(m, r, names[i]);
        if (!atom) return false;
        for (int k = 0; k < 3; k++) out[k] += atom->xyz[k] / n;
    }
    return true;
}

bool rt_base_plane(double out_centre[3], double out_normal[3], const rt_molecule *m, int64_t r)
{
    static const char *const SIX[] = {"N1", "C2", "N3", "C4", "C5", "C6"};
    double area[3] = {0};
    if (!ring_centre(out_centre, m, r, SIX, 6)) return false;
    for (int i = 0; i < 6; i++) {   /* the ring's vector area is normal to its mean plane */
        double a[3], b[3], c[3];
        rt_subtract(a, rt_molecule_find(m, r, SIX[i])->xyz, out_centre);
        rt_subtract(b, rt_molecule_find(m, r, SIX[(i + 1) % 6])->xyz, out_centre);
        rt_cross(c, a, b);
        for (int k = 0; k < 3; k++) area[k] += c[k];
    }
    double length = sqrt(rt_dot(area, area));
    for (int k = 0; k < 3; k++) out_normal[k] = area[k] / length;
    return length > 0;
}

/* False when the base is not whole. */
static bool build_base(base *out, const rt_molecule *m, int64_t r)
{
    static const char *const FIVE[] = {"N9", "C8", "N7", "C5", "C4"};
    *out = (base){.residue = (int32_t)r, .letter = m->residue[r].letter};
    if (!rt_base_plane(out->centre, out->normal, m, r)) return false;
    bool purine = ring_centre(out->small, m, r, FIVE, 5);
    if (!purine) memcpy(out->small, out->centre, sizeof out->small);
    const rt_molecule_atom *sugar = rt_molecule_find(m, r, "C1'");
    const rt_molecule_atom *joint = rt_molecule_find(m, r, purine ? "N9" : "N1");
    if (sugar && joint) rt_subtract(out->glycosidic, joint->xyz, sugar->xyz);
    for (int i = 0; i < N_POLAR && out->n_polar < MOST_POLAR; i++) {
        const rt_molecule_atom *atom = NULL;
        if (POLAR[i].letter == 0 || POLAR[i].letter == out->letter) atom = rt_molecule_find(m, r, POLAR[i].name);
        if (!atom) continue;
        out->polar[out->n_polar] = &POLAR[i];
        out->polar_xyz[out->n_polar++] = atom->xyz;
    }
    return true;
}

/* The edge with most of the bonded atoms. */
static char main_edge(const base *b, unsigned bonded)
{
    static const char EDGES[] = "WHS";
    int count[3] = {0}, best = 0;
    for (int i = 0; i < b->n_polar; i++)
        for (int e = 0; e < 3 && (bonded >> i & 1); e++) count[e] += strchr(b->polar[i]->edges, EDGES[e]) != NULL;
    for (int e = 1; e < 3; e++)
        if (count[e] > count[best]) best = e;
    return EDGES[best];
}

bool rt_is_canonical(char a, char b)
{
    static const char *const PAIRS[] = {"AU", "UA", "GC", "CG", "GU", "UG"};
    for (int i = 0; i < 6; i++)
        if (PAIRS[i][0] == a && PAIRS[i][1] == b) return true;
    return false;
}

static bool is_coplanar(const base *a, const base *b, double tilt)
{
    double step[3];
    rt_subtract(step, b->centre, a->centre);
    return fabs(rt_dot(a->normal, b->normal)) >= tilt && fabs(rt_dot(step, a->normal)) <= OUT_OF_PLANE &&
           fabs(rt_dot(step, b->normal)) <= OUT_OF_PLANE;
}

/* Bonds that join two bases, the shortest first. */
typedef struct {
    rt_hydrogen_bond bond[MOST_POLAR];
    unsigned of_a, of_b;     /* which polar atoms take part, a bit each */
    int n, strong;
} joint;

static double bond_limit(const polar *a, const polar *b, double longest)
{
    if (!((a->role & (DONOR | WEAK) && b->role & ACCEPTOR) || (a->role & ACCEPTOR && b->role & (DONOR | WEAK))))
        return 0;
    if (!strcmp(a->name, "O2'") && !strcmp(b->name, "O2'")) return 0;
    return a->role == WEAK || b->role == WEAK ? WEAK_BOND : longest;
}

static void add_bond(joint *out, const base *a, int i, const base *b, int j, double distance)
{
    bool a_gives = a->polar[i]->role & (DONOR | WEAK) && b->polar[j]->role & ACCEPTOR;
    rt_hydrogen_bond *bond = &out->bond[out->n++];
    *bond = (rt_hydrogen_bond){.donor = a_gives ? a->residue : b->residue,
                               .acceptor = a_gives ? b->residue : a->residue,
                               .distance = distance,
                               .weak = a->polar[i]->role == WEAK || b->polar[j]->role == WEAK};
    snprintf(bond->donor_atom, sizeof bond->donor_atom, "%s", (a_gives ? a->polar[i] : b->polar[j])->name);
    snprintf(bond->acceptor_atom, sizeof bond->acceptor_atom, "%s", (a_gives ? b->polar[j] : a->polar[i])->name);
    out->of_a |= 1u << i;
    out->of_b |= 1u << j;
    out->strong += !bond->weak;
}

/* An atom takes part in one bond. */
static void find_bonds(joint *out, const base *a, const base *b, double longest)
{
    *out = (joint){0};
    for (;;) {
        double best = INFINITY;
        int best_i = -1, best_j = -1;
        for (int i = 0; i < a->n_polar; i++)
            for (int j = 0; j < b->n_polar; j++) {
                double step[3];
                if ((out->of_a >> i & 1) || (out->of_b >> j & 1)) continue;
                double limit = bond_limit(a->polar[i], b->polar[j], longest);
                rt_subtract(step, a->polar_xyz[i], b->polar_xyz[j]);
                double d = rt_dot(step, step);
                if (d >= best || d > limit * limit) continue;
                best = d;
                best_i = i;
                best_j = j;
            }
        if (best_i < 0) return;
        add_bond(out, a, best_i, b, best_j, sqrt(best));
    }
}

static bool find_pair(rt_contact *out, joint *bonds, const base *a, const base *b, limits limit)
{
    if (!is_coplanar(a, b, limit.tilt)) return false;
    find_bonds(bonds, a, b, limit.bond);
    if (bonds->n < 2 || bonds->strong < 1) return false;
    double line[3], side_a[3], side_b[3];
    rt_subtract(line, b->centre, a->centre);
    rt_cross(side_a, line, a->glycosidic);
    rt_cross(side_b, line, b->glycosidic);
    *out = (rt_contact){.i = a->residue, .j = b->residue, .kind = RT_CONTACT_OTHER_PAIR, .bonds = bonds->n,
                        .edge_i = main_edge(a, bonds->of_a), .edge_j = main_edge(b, bonds->of_b),
                        .cis = rt_dot(side_a, side_b) > 0};
    if (out->cis && out->edge_i == 'W' && out->edge_j == 'W' && rt_is_canonical(a->letter, b->letter) &&
        bonds->strong >= 2)
        out->kind = RT_CONTACT_CANONICAL;
    return true;
}

static bool rings_stack(const double *p, const double *q, const base *a, const base *b)
{
    double step[3];
    rt_subtract(step, q, p);
    double d = sqrt(rt_dot(step, step));
    if (d > STACK_DISTANCE || d == 0) return false;
    return fabs(rt_dot(step, a->normal)) / d >= STACK_SHIFT || fabs(rt_dot(step, b->normal)) / d >= STACK_SHIFT;
}

static bool find_stack(rt_contact *out, const base *a, const base *b)
{
    if (fabs(rt_dot(a->normal, b->normal)) < STACK_TILT) return false;
    if (!rings_stack(a->centre, b->centre, a, b) && !rings_stack(a->centre, b->small, a, b) &&
        !rings_stack(a->small, b->centre, a, b) && !rings_stack(a->small, b->small, a, b))
        return false;
    *out = (rt_contact){.i = a->residue, .j = b->residue, .kind = RT_CONTACT_STACK};
    return true;
}

/* A canonical pair may be stretched further than others before it no longer counts. */
static bool find_contact(rt_contact *out, joint *bonds, const base *a, const base *b)
{
    rt_contact loose;
    joint loose_bonds;
    bool paired = find_pair(out, bonds, a, b, ANY_PAIR);
    if (paired && out->kind == RT_CONTACT_CANONICAL) return true;
    if (find_pair(&loose, &loose_bonds, a, b, CANONICAL) && loose.kind == RT_CONTACT_CANONICAL) {
        *out = loose;
        *bonds = loose_bonds;
        return true;
    }
    return paired || find_stack(out, a, b);
}

static int by_residue(const void *a, const void *b)
{
    const rt_contact *p = a, *q = b;
    return p->i != q->i ? (p->i > q->i) - (p->i < q->i) : (p->j > q->j) - (p->j < q->j);
}

static rt_status add_contact(rt_contacts *contacts, const base *a, const base *b, rt_err *err)
{
    rt_contact contact;
    joint bonds;
    if (a->residue > b->residue) {
        const base *swap = a;
        a = b;
        b = swap;
    }
    if (!find_contact(&contact, &bonds, a, b)) return RT_OK;
    void *items = contacts->contact;
    rt_status status = rt_grow(&items, &contacts->capacity, contacts->n + 1, sizeof *contacts->contact, err);
    contacts->contact = items;
    if (status != RT_OK) return status;
    void *all = contacts->bond;
    status = rt_grow(&all, &contacts->bonds, contacts->n_bond + contact.bonds, sizeof *contacts->bond, err);
    contacts->bond = all;
    if (status != RT_OK) return status;
    contact.first_bond = contacts->n_bond;
    for (int k = 0; k < contact.bonds; k++) contacts->bond[contacts->n_bond++] = bonds.bond[k];
    contacts->contact[contacts->n++] = contact;
    return RT_OK;
}

rt_status rt_contacts_find(rt_contacts *out_contacts, const rt_molecule *molecule, rt_err *err)
{
    rt_status status = RT_OK;
    rt_contacts contacts = {0};
    base *bases = NULL;
    double *centre = NULL;
    int64_t *order = NULL, n = 0;
    RT_TRY_ALLOC(bases, molecule->n_residue);
    RT_TRY_ALLOC(centre, 3 * molecule->n_residue);
    for (int64_t r = 0; r < molecule->n_residue; r++)
        if (build_base(&bases[n], molecule, r)) {
            memcpy(centre + 3 * n, bases[n].centre, 3 * sizeof *centre);
            n++;
        }
    RT_TRY(rt_sweep_order(&order, centre, n, err));
    for (int64_t p = 0; p < n; p++)
        for (int64_t q = p + 1; q < n; q++) {
            const base *a = &bases[order[p]], *b = &bases[order[q]];
            double step[3];
            if (b->centre[0] - a->centre[0] > FARTHEST) break;
            rt_subtract(step, b->centre, a->centre);
            if (rt_dot(step, step) <= FARTHEST * FARTHEST) RT_TRY(add_contact(&contacts, a, b, err));
        }
    if (contacts.n) qsort(contacts.contact, (size_t)contacts.n, sizeof *contacts.contact, by_residue);
done:
    free(bases);
    free(centre);
    free(order);
    if (status != RT_OK) rt_contacts_free_members(&contacts);
    *out_contacts = contacts;
    return status;
}

void rt_contacts_free_members(rt_contacts *contacts)
{
    free(contacts->contact);
    free(contacts->bond);
    *contacts = (rt_contacts){0};
}

const rt_contact *rt_contacts_at(const rt_contacts *contacts, int64_t a, int64_t b)
{
    const rt_contact wanted = {.i = (int32_t)(a < b ? a : b), .j = (int32_t)(a < b ? b : a)};
    if (!contacts->n) return NULL;
    return bsearch(&wanted, contacts->contact, (size_t)contacts->n, sizeof wanted, by_residue);
}

int rt_polar_role(char letter, const char *atom)
{
    static const char *const TAKE[] = {"O3'", "O4'", "O5'", "OP1", "OP2", "OP3", "O1P", "O2P", "O3P"};
    for (int i = 0; i < N_POLAR; i++)
        if ((POLAR[i].letter == letter || !POLAR[i].letter) && !strcmp(POLAR[i].name, atom)) return POLAR[i].role;
    for (size_t i = 0; i < sizeof TAKE / sizeof *TAKE; i++)
        if (!strcmp(TAKE[i], atom)) return ACCEPTOR;
    return 0;
}
