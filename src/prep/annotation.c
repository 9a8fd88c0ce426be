#include "prep/annotation.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/vector.h"
#include "prep/helices.h"
#include "score/sweep.h"

static const double BOND = 3.4;          /* Angstrom between donor and acceptor */
static const double HEIGHT = 1.8;        /* of the other atom over the plane of a base that it is bonded to */
static const double OUTWARD = 0.2; /* least cosine between the bond and the way from the ring to the base's atom */
static const double TOUCH = 4.0;
static const double GROOVE_BOND = 3.6, GROOVE_WEAK = 3.9; /* an adenine in a minor groove: bonds, and those of its C2 */
static const double GROOVE_TILT = 0.64278760968653933;      /* cos 50 */
static const double GROOVE_REACH = 12.0;                    /* Angstrom between ring centres */

typedef struct {
    const double *xyz;
    const char *name;
    int32_t residue;
    int role;
    bool of_base;
} atom_site;

typedef struct {
    const rt_molecule *molecule;
    rt_annotation out;
    bool *whole;                 /* (n_residue) the base has a plane */
    double (*centre)[3], (*normal)[3];
    int64_t n;
    int32_t *mark, *queue, round;   /* (n_residue) of the walks along the secondary structure */
} builder;

static rt_status add_why(builder *b, int64_t residue, int64_t other, uint32_t kind, rt_err *err)
{
    rt_annotation *out = &b->out;
    void *items = out->why;
    rt_status status = rt_grow(&items, &out->whys, out->n_why + 1, sizeof *out->why, err);
    out->why = items;
    if (status != RT_OK) return status;
    out->why[out->n_why++] = (rt_tertiary){.residue = (int32_t)residue, .other = (int32_t)other, .kind = kind};
    out->tertiary[residue] |= kind;
    return RT_OK;
}

static rt_status add_both(builder *b, int64_t one, int64_t other, uint32_t kind, rt_err *err)
{
    rt_status status = add_why(b, one, other, kind, err);
    return status == RT_OK ? add_why(b, other, one, kind, err) : status;
}

static bool same_chain(const builder *b, int64_t i, int64_t j)
{
    return b->molecule->residue[i].chain == b->molecule->residue[j].chain;
}

static bool are_neighbours(const builder *b, int64_t i, int64_t j) { return llabs(i - j) <= 1 && same_chain(b, i, j); }

/* Do i and j face each other in a helix: one another's partner, or a neighbour of the partner? */
static bool face_each_other(const builder *b, int64_t i, int64_t j)
{
    int64_t p = b->out.partner[i], q = b->out.partner[j];
    return (p >= 0 && (p == j || are_neighbours(b, p, j))) || (q >= 0 && (q == i || are_neighbours(b, q, i)));
}

/* ---- secondary structure ----------------------------------------------------------------------------------------- */

typedef struct { int32_t i, j, bonds; double distance; } canonical_pair;

static int better_bonded_first(const void *a, const void *b)
{
    const canonical_pair *p = a, *q = b;
    if (p->bonds != q->bonds) return p->bonds > q->bonds ? -1 : 1;
    if (p->distance != q->distance) return p->distance < q->distance ? -1 : 1;
    return p->i != q->i ? (p->i > q->i) - (p->i < q->i) : (p->j > q->j) - (p->j < q->j);
}

static rt_status find_partners(builder *b, rt_err *err)
{
    rt_status status = RT_OK;
    rt_annotation *out = &b->out;
    canonical_pair *pairs = NULL;
    int64_t n = 0;
    RT_TRY_ALLOC(pairs, out->contacts.n);
    for (int64_t k = 0; k < out->contacts.n; k++) {
        const rt_contact *c = &out->contacts.contact[k];
        if (c->kind != RT_CONTACT_CANONICAL) continue;
        pairs[n] = (canonical_pair){.i = c->i, .j = c->j};
        for (int64_t m = c->first_bond; m < c->first_bond + c->bonds; m++) {
            pairs[n].bonds += !out->contacts.bond[m].weak;
            pairs[n].distance += out->contacts.bond[m].distance / c->bonds;
        }
        n++;
    }
    if (n) qsort(pairs, (size_t)n, sizeof *pairs, better_bonded_first);
    for (int64_t r = 0; r < out->n_residue; r++) out->partner[r] = -1;
    for (int64_t k = 0; k < n; k++) {
        if (out->partner[pairs[k].i] >= 0 || out->partner[pairs[k].j] >= 0) continue;
        out->partner[pairs[k].i] = pairs[k].j;
        out->partner[pairs[k].j] = pairs[k].i;
    }
done:
    free(pairs);
    return status;
}

static rt_status find_knots(builder *b, rt_err *err)
{
    rt_status status = RT_OK;
    rt_helices helices = {0};
    int32_t *within = NULL;   /* pairs of one chain */
    RT_TRY_ALLOC(within, b->n);
    for (int64_t r = 0; r < b->n; r++) {
        int32_t partner = b->out.partner[r];
        within[r] = partner >= 0 && same_chain(b, r, partner) ? partner : -1;
    }
    RT_TRY(rt_helices_find(&helices, within, b->n, err));
    for (int64_t h = 0; h < helices.n; h++) {
        const rt_helix *helix = &helices.helix[h];
        for (int32_t k = 0; k < helix->n; k++) {
            b->out.nested[helix->i + k] = b->out.nested[helix->j - k] = helix->level == 0;
            if (helix->knot) RT_TRY(add_both(b, helix->i + k, helix->j - k, RT_TERTIARY_PSEUDOKNOT, err));
        }
    }
done:
    rt_helices_free_members(&helices);
    free(within);
    return status;
}

static void step_to(builder *b, int64_t residue, int64_t *n)
{
    if (b->mark[residue] == b->round) return;
    b->mark[residue] = b->round;
    b->queue[(*n)++] = (int32_t)residue;
}

/* A walk of RT_ANNOTATION_FAR - 1 steps from `from`, along the chain and across nested pairs, does not reach `to`. */
static bool is_far(builder *b, int64_t from, int64_t to)
{
    int64_t begin = 0, end = 0;
    if (!same_chain(b, from, to)) return false;
    b->round++;
    step_to(b, from, &end);
    for (int step = 1; step < RT_ANNOTATION_FAR && b->mark[to] != b->round; step++)
        for (int64_t stop = end; begin < stop; begin++) {
            int64_t r = b->queue[begin];
            if (r > 0 && same_chain(b, r, r - 1)) step_to(b, r - 1, &end);
            if (r + 1 < b->n && same_chain(b, r, r + 1)) step_to(b, r + 1, &end);
            if (b->out.nested[r]) step_to(b, b->out.partner[r], &end);
        }
    return b->mark[to] != b->round;
}

/* ---- pairs and stacks -------------------------------------------------------------------------------------------- */

static rt_status flag_contacts(builder *b, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_contacts *contacts = &b->out.contacts;
    int32_t *pairs = NULL;
    RT_TRY_ALLOC(pairs, b->n);
    for (int64_t k = 0; k < contacts->n; k++) {
        const rt_contact *c = &contacts->contact[k];
        if (c->kind != RT_CONTACT_STACK) pairs[c->i]++, pairs[c->j]++;
        if (c->kind == RT_CONTACT_OTHER_PAIR) RT_TRY(add_both(b, c->i, c->j, RT_TERTIARY_NONCANONICAL, err));
        if (!same_chain(b, c->i, c->j)) RT_TRY(add_both(b, c->i, c->j, RT_TERTIARY_CHAIN, err));
        if (c->kind != RT_CONTACT_CANONICAL && is_far(b, c->i, c->j))
            RT_TRY(add_both(b, c->i, c->j, RT_TERTIARY_LONG_RANGE, err));
    }
    for (int64_t k = 0; k < contacts->n; k++) {
        const rt_contact *c = &contacts->contact[k];
        if (c->kind != RT_CONTACT_STACK && (pairs[c->i] > 1 || pairs[c->j] > 1))
            RT_TRY(add_both(b, c->i, c->j, RT_TERTIARY_TRIPLE, err));
    }
done:
    free(pairs);
    return status;
}

/* ---- hydrogen bonds ---------------------------------------------------------------------------------------------- */

static bool is_sugar(const char *name) { return strchr(name, '\'') != NULL; }

static bool is_phosphate(const char *name)
{
    return !strncmp(name, "OP", 2) || (name[0] == 'O' && name[1] && !strcmp(name + 2, "P"));
}

static rt_status add_bond(rt_annotation *out, const rt_hydrogen_bond *bond, rt_err *err)
{
    void *items = out->bond;
    rt_status status = rt_grow(&items, &out->bonds, out->n_bond + 1, sizeof *out->bond, err);
    out->bond = items;
    if (status == RT_OK) out->bond[out->n_bond++] = *bond;
    return status;
}

/* The other atom lies in the base's plane and outwards of its own atom. */
static bool base_points_at(const builder *b, const atom_site *own, const atom_site *other)
{
    double step[3], out[3];
    const double *centre = b->centre[own->residue];
    if (!own->of_base) return true;
    if (!b->whole[own->residue]) return false;
    rt_subtract(step, other->xyz, centre);
    if (fabs(rt_dot(step, b->normal[own->residue])) > HEIGHT) return false;
    rt_subtract(step, other->xyz, own->xyz);
    rt_subtract(out, own->xyz, centre);
    return rt_dot(step, out) >= OUTWARD * sqrt(rt_dot(step, step) * rt_dot(out, out));
}

static rt_status flag_bond(builder *b, const atom_site *from, const atom_site *to, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t i = from->residue, j = to->residue;
    bool far = is_far(b, i, j);
    if (from->of_base && to->of_base) {
        const rt_contact *pair = rt_contacts_at(&b->out.contacts, i, j);
        if ((!pair || pair->kind == RT_CONTACT_STACK) && !face_each_other(b, i, j))
            status = add_both(b, i, j, RT_TERTIARY_BASE, err);
        if (status == RT_OK && far) status = add_both(b, i, j, RT_TERTIARY_LONG_RANGE, err);
        return status;
    }
    if (!from->of_base) {
        const atom_site *swap = from;
        from = to;
        to = swap;
    }
    if (face_each_other(b, i, j)) return RT_OK;
    status =
        add_why(b, from->residue, to->residue, is_sugar(to->name) ? RT_TERTIARY_RIBOSE : RT_TERTIARY_PHOSPHATE, err);
    if (status == RT_OK && far) status = add_why(b, from->residue, to->residue, RT_TERTIARY_LONG_RANGE, err);
    return status;
}

/* Is this bond one of those that make up a pair of bases? */
static bool is_listed(const rt_contacts *contacts, const rt_hydrogen_bond *bond)
{
    const rt_contact *c = rt_contacts_at(contacts, bond->donor, bond->acceptor);
    for (int64_t k = 0; c && k < c->bonds; k++) {
        const rt_hydrogen_bond *of_pair = &contacts->bond[c->first_bond + k];
        if (of_pair->donor == bond->donor && !strcmp(of_pair->donor_atom, bond->donor_atom) &&
            !strcmp(of_pair->acceptor_atom, bond->acceptor_atom))
            return true;
    }
    return false;
}

static rt_status try_bond(builder *b, const atom_site *p, const atom_site *q, rt_err *err)
{
    double distance = rt_distance(p->xyz, q->xyz);
    if (distance > BOND || p->residue == q->residue || !(p->of_base || q->of_base)) return RT_OK;
    if (are_neighbours(b, p->residue, q->residue)) return RT_OK;
    bool gives = p->role & RT_POLAR_DONOR && q->role & RT_POLAR_ACCEPTOR;
    if (!gives && !(q->role & RT_POLAR_DONOR && p->role & RT_POLAR_ACCEPTOR)) return RT_OK;
    if (!base_points_at(b, p, q) || !base_points_at(b, q, p)) return RT_OK;
    rt_hydrogen_bond bond = {.donor = (gives ? p : q)->residue, .acceptor = (gives ? q : p)->residue,
                             .distance = distance};
    snprintf(bond.donor_atom, sizeof bond.donor_atom, "%s", (gives ? p : q)->name);
    snprintf(bond.acceptor_atom, sizeof bond.acceptor_atom, "%s", (gives ? q : p)->name);
    if (!is_listed(&b->out.contacts, &bond)) {
        rt_status status = add_bond(&b->out, &bond, err);
        if (status != RT_OK) return status;
    }
    return flag_bond(b, p, q, err);
}

static int by_donor(const void *a, const void *b)
{
    const rt_hydrogen_bond *p = a, *q = b;
    if (p->donor != q->donor) return p->donor < q->donor ? -1 : 1;
    if (p->acceptor != q->acceptor) return p->acceptor < q->acceptor ? -1 : 1;
    int names = strcmp(p->donor_atom, q->donor_atom);
    return names ? names : strcmp(p->acceptor_atom, q->acceptor_atom);
}

static rt_status find_bonds(builder *b, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_molecule *m = b->molecule;
    atom_site *site = NULL;
    double *xyz = NULL;
    int64_t *order = NULL, n = 0;
    RT_TRY_ALLOC(site, m->n_atom);
    RT_TRY_ALLOC(xyz, 3 * m->n_atom);
    for (int64_t a = 0; a < m->n_atom; a++) {
        const rt_molecule_atom *atom = &m->atom[a];
        int role = rt_polar_role(m->residue[atom->residue].letter, atom->name) & ~RT_POLAR_WEAK;
        if (!role) continue;
        site[n] = (atom_site){.xyz = atom->xyz, .name = atom->name, .residue = atom->residue, .role = role,
                              .of_base = !is_sugar(atom->name) && !is_phosphate(atom->name)};
        memcpy(xyz + 3 * n++, atom->xyz, sizeof atom->xyz);
    }
    RT_TRY(rt_sweep_order(&order, xyz, n, err));
    for (int64_t p = 0; p < n; p++)
        for (int64_t q = p + 1; q < n && xyz[3 * order[q]] - xyz[3 * order[p]] <= BOND; q++)
            RT_TRY(try_bond(b, &site[order[p]], &site[order[q]], err));
    for (int64_t k = 0; k < b->out.contacts.n_bond; k++) RT_TRY(add_bond(&b->out, &b->out.contacts.bond[k], err));
    if (b->out.n_bond) qsort(b->out.bond, (size_t)b->out.n_bond, sizeof *b->out.bond, by_donor);
done:
    free(site);
    free(xyz);
    free(order);
    return status;
}

/* ---- adenines in minor grooves ----------------------------------------------------------------------------------- */

static bool atoms_within(const rt_molecule *m, int64_t i, const char *a, int64_t j, const char *b, double reach)
{
    const rt_molecule_atom *p = rt_molecule_find(m, i, a), *q = rt_molecule_find(m, j, b);
    return p && q && rt_distance(p->xyz, q->xyz) <= reach;
}

/* Contacts between the sugar edge of an adenine and the minor groove of residue r; out_base: those of its base. */
static int groove_contacts(const rt_molecule *m, int64_t adenine, int64_t r, int *out_base)
{
    static const char *const GROOVE[] = {"O2'", "N2", "N3", "O2"};
    int count = 0;
    for (int g = 0; g < 4; g++) {
        bool taken = g == 2 && !strchr("AG", m->residue[r].letter); /* a pyrimidine's N3 is on its Watson-Crick edge */
        if (taken) continue;
        int base = 0;
        if (g < 2)   /* what can give a hydrogen to N1 or N3 */
            base = atoms_within(m, adenine, "N1", r, GROOVE[g], GROOVE_BOND) ||
                   atoms_within(m, adenine, "N3", r, GROOVE[g], GROOVE_BOND);
        base += g != 1 && atoms_within(m, adenine, "C2", r, GROOVE[g], GROOVE_WEAK);
        *out_base += base;
        count += base + atoms_within(m, adenine, "O2'", r, GROOVE[g], GROOVE_BOND);
    }
    return count;
}

static rt_status find_a_minor(builder *b, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_molecule *m = b->molecule;
    for (int64_t a = 0; a < b->n; a++) {
        if (m->residue[a].letter != 'A' || !b->whole[a]) continue;
        for (int64_t i = 0; i < b->n; i++) {
            int64_t j = b->out.partner[i];
            int of_base = 0;
            if (j <= i || a == i || a == j || !b->whole[i] || !b->whole[j]) continue;
            if (are_neighbours(b, a, i) || are_neighbours(b, a, j) || face_each_other(b, a, i) ||
                face_each_other(b, a, j))
                continue;
            if (rt_distance(b->centre[a], b->centre[i]) > GROOVE_REACH) continue;
            if (fabs(rt_dot(b->normal[a], b->normal[i])) < GROOVE_TILT &&
                fabs(rt_dot(b->normal[a], b->normal[j])) < GROOVE_TILT)
                continue;
            int count = groove_contacts(m, a, i, &of_base) + groove_contacts(m, a, j, &of_base);
            if (!of_base || count < 2) continue;
            RT_TRY(add_both(b, a, i, RT_TERTIARY_A_MINOR, err));
            RT_TRY(add_both(b, a, j, RT_TERTIARY_A_MINOR, err));
        }
    }
done:
    return status;
}

/* ---- other chains, ligands --------------------------------------------------------------------------------------- */

/* Atoms of bases (own >= 0) and whatever may touch them. */
typedef struct { int64_t residue; bool of_base, ligand; } toucher;

static rt_status flag_touch(builder *b, const toucher *p, const toucher *q, rt_err *err)
{
    if (!p->of_base || (q->residue >= 0 && same_chain(b, p->residue, q->residue))) return RT_OK;
    return add_why(b, p->residue, q->residue, q->ligand ? RT_TERTIARY_LIGAND : RT_TERTIARY_CHAIN, err);
}

static rt_status find_touches(builder *b, const rt_foreign *opt_foreign, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_molecule *m = b->molecule;
    int64_t n_foreign = opt_foreign ? opt_foreign->n : 0, *order = NULL;
    toucher *touchers = NULL;
    double *xyz = NULL;
    if (!n_foreign && m->n_chain < 2) return RT_OK;
    RT_TRY_ALLOC(touchers, m->n_atom + n_foreign);
    RT_TRY_ALLOC(xyz, 3 * (m->n_atom + n_foreign));
    for (int64_t k = 0; k < m->n_atom + n_foreign; k++) {
        const rt_molecule_atom *own = k < m->n_atom ? &m->atom[k] : NULL;
        const rt_foreign_atom *other = own ? NULL : &opt_foreign->atom[k - m->n_atom];
        touchers[k] = own ? (toucher){.residue = own->residue, .of_base = !is_sugar(own->name) &&
                                      !is_phosphate(own->name) && strcmp(own->name, "P") != 0}
                          : (toucher){.residue = -1, .ligand = other->ligand};
        memcpy(xyz + 3 * k, own ? own->xyz : other->xyz, 3 * sizeof *xyz);
    }
    RT_TRY(rt_sweep_order(&order, xyz, m->n_atom + n_foreign, err));
    for (int64_t p = 0; p < m->n_atom + n_foreign; p++)
        for (int64_t q = p + 1; q < m->n_atom + n_foreign; q++) {
            const double *a = xyz + 3 * order[p], *c = xyz + 3 * order[q];
            const toucher *one = &touchers[order[p]], *other = &touchers[order[q]];
            if (c[0] - a[0] > TOUCH) break;
            if ((!one->of_base && !other->of_base) || rt_distance(a, c) > TOUCH) continue;
            RT_TRY(flag_touch(b, one, other, err));
            RT_TRY(flag_touch(b, other, one, err));
        }
done:
    free(touchers);
    free(xyz);
    free(order);
    return status;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static int by_residue(const void *a, const void *b)
{
    const rt_tertiary *p = a, *q = b;
    if (p->residue != q->residue) return p->residue < q->residue ? -1 : 1;
    if (p->kind != q->kind) return p->kind < q->kind ? -1 : 1;
    return (p->other > q->other) - (p->other < q->other);
}

static void sort_reasons(rt_annotation *out)
{
    int64_t kept = 0;
    if (out->n_why) qsort(out->why, (size_t)out->n_why, sizeof *out->why, by_residue);
    for (int64_t k = 0; k < out->n_why; k++)
        if (!kept || by_residue(&out->why[k], &out->why[kept - 1]) != 0) out->why[kept++] = out->why[k];
    out->n_why = kept;
}

static rt_status prepare(builder *b, rt_err *err)
{
    rt_status status = RT_OK;
    RT_TRY_ALLOC(b->whole, b->n);
    RT_TRY_ALLOC(b->centre, b->n);
    RT_TRY_ALLOC(b->normal, b->n);
    RT_TRY_ALLOC(b->mark, b->n);
    RT_TRY_ALLOC(b->queue, b->n);
    RT_TRY_ALLOC(b->out.partner, b->n);
    RT_TRY_ALLOC(b->out.nested, b->n);
    RT_TRY_ALLOC(b->out.tertiary, b->n);
    for (int64_t r = 0; r < b->n; r++) b->whole[r] = rt_base_plane(b->centre[r], b->normal[r], b->molecule, r);
done:
    return status;
}

rt_status rt_annotation_build(rt_annotation *out_annotation, const rt_molecule *molecule, const rt_foreign *opt_foreign,
                              rt_err *err)
{
    rt_status status = RT_OK;
    builder b = {.molecule = molecule, .n = molecule->n_residue, .out = {.n_residue = molecule->n_residue}};
    RT_TRY(prepare(&b, err));
    RT_TRY(rt_contacts_find(&b.out.contacts, molecule, err));
    RT_TRY(find_partners(&b, err));
    RT_TRY(find_knots(&b, err));
    RT_TRY(flag_contacts(&b, err));
    RT_TRY(find_bonds(&b, err));
    RT_TRY(find_a_minor(&b, err));
    RT_TRY(find_touches(&b, opt_foreign, err));
    sort_reasons(&b.out);
done:
    free(b.whole);
    free(b.centre);
    free(b.normal);
    free(b.mark);
    free(b.queue);
    if (status != RT_OK) rt_annotation_free_members(&b.out);
    *out_annotation = b.out;
    return status;
}

void rt_annotation_free_members(rt_annotation *annotation)
{
    rt_contacts_free_members(&annotation->contacts);
    free(annotation->bond);
    free(annotation->partner);
    free(annotation->nested);
    free(annotation->tertiary);
    free(annotation->why);
    *annotation = (rt_annotation){0};
}

/* In the order of their bits. */
static const char *const NAMES[RT_TERTIARY_KINDS] = {"a-minor",      "triple", "ribose",     "phosphate",
                                                     "noncanonical", "base",   "pseudoknot", "long-range",
                                                     "chain",        "ligand"};

const char *rt_tertiary_name(uint32_t kind)
{
    for (int k = 0; k < RT_TERTIARY_KINDS; k++)
        if (kind == (uint32_t)1 << k) return NAMES[k];
    RT_BUG("%u is no kind of tertiary contact", kind);
}

uint32_t rt_tertiary_find(const char *name)
{
    for (int k = 0; k < RT_TERTIARY_KINDS; k++)
        if (!strcmp(NAMES[k], name)) return (uint32_t)1 << k;
    return 0;
}

bool rt_annotation_is_free_pair(const rt_annotation *annotation, int64_t i, int64_t j, uint32_t minded)
{
    return annotation->partner[i] == j && annotation->nested[i] && !(annotation->tertiary[i] & minded) &&
           !(annotation->tertiary[j] & minded);
}
