#include "prep/pairs_3d.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "io/polymer.h"
#include "io/structure.h"
#include "prep/residue_place.h"

/* "1ehz" of "data/1ehz.cif.gz". */
static void name_of(char *out, int64_t size, const char *path)
{
    snprintf(out, (size_t)size, "%s", rt_path_name(path));
    char *dot = strchr(out, '.');
    if (dot && dot > out) *dot = 0;
}

/* Where the chain's residues stand in its sequence, and how long that is. */
static rt_status find_places(rt_pairs_3d *found, int64_t *out_length, bool *out_deposited,
                             const rt_structure *structure, const rt_polymer *polymer, const rt_polymer_chain *from,
                             const char *path, rt_err *err)
{
    rt_err local = {0};
    int64_t *place = found->place + from->first_residue;
    rt_status status = rt_residue_place(place, structure, polymer, from, path, &local);
    *out_deposited = status == RT_OK;
    *out_length = status == RT_OK ? from->length : from->n_residue;
    if (status == RT_ERR_MISMATCH) {
        rt_warn("%s: %s; its residues are taken for its sequence", path, local.what);
        for (int64_t k = 0; k < from->n_residue; k++) place[k] = k;
        status = RT_OK;
    }
    if (status != RT_OK && err) *err = local;
    return status;
}

static rt_status add_chain(rt_pairs_3d *found, const rt_structure *structure, const rt_polymer *polymer, int64_t c,
                           const char *path, rt_err *err)
{
    const rt_polymer_chain *from = &polymer->chain[c];
    rt_pairs_3d_chain *chain = &found->chain[c];
    int64_t length;
    bool deposited;
    double centre[3], normal[3];
    rt_status status = find_places(found, &length, &deposited, structure, polymer, from, path, err);
    if (status != RT_OK) return status;
    snprintf(chain->name, sizeof chain->name, "%s_%s", found->name, from->name);
    chain->pairs.length = length;
    RT_TRY_ALLOC(chain->resolved, length);
    RT_TRY_ALLOC(chain->sequence, length + 1);
    if (deposited) memcpy(chain->sequence, from->sequence, (size_t)length);
    for (int64_t r = from->first_residue; r < from->first_residue + from->n_residue; r++) {
        chain->sequence[found->place[r]] = polymer->residue[r].letter;
        chain->resolved[found->place[r]] = rt_base_plane(centre, normal, &found->molecule, r);
    }
done:
    return status;
}

static rt_status add_pairs(rt_pairs_3d *found, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_molecule_residue *residue = found->molecule.residue;
    for (int64_t i = 0; i < found->molecule.n_residue && status == RT_OK; i++) {
        int32_t j = found->annotation.partner[i];
        if (j > i && residue[i].chain == residue[j].chain)
            status = rt_pairs_add(&found->chain[residue[i].chain].pairs, found->place[i], found->place[j], 1, err);
    }
    return status;
}

rt_status rt_pairs_3d_read(rt_pairs_3d *out_found, const char *path, rt_err *err)
{
    rt_pairs_3d found = {0};
    rt_structure structure = {0};
    rt_polymer polymer = {0};
    rt_foreign foreign = {0};
    rt_status status;
    name_of(found.name, sizeof found.name, path);
    RT_TRY(rt_structure_open(&structure, path, err));
    RT_TRY(rt_polymer_build(&polymer, &structure, 0, err));
    RT_TRY(rt_molecule_build(&found.molecule, &structure, 0, "C1'", path, err));
    RT_TRY(rt_foreign_find(&foreign, &structure, &polymer, 0, err));
    RT_TRY(rt_annotation_build(&found.annotation, &found.molecule, &foreign, err));
    RT_TRY_ALLOC(found.place, polymer.n_residue);
    RT_TRY_ALLOC(found.chain, polymer.n_chain);
    found.n_chain = polymer.n_chain;
    for (int64_t c = 0; c < polymer.n_chain; c++) RT_TRY(add_chain(&found, &structure, &polymer, c, path, err));
    RT_TRY(add_pairs(&found, err));
done:
    rt_foreign_free_members(&foreign);
    rt_polymer_free_members(&polymer);
    rt_structure_free_members(&structure);
    if (status != RT_OK) rt_pairs_3d_free_members(&found);
    *out_found = found;
    return status;
}

void rt_pairs_3d_free_members(rt_pairs_3d *found)
{
    for (int64_t c = 0; c < found->n_chain; c++) {
        free(found->chain[c].sequence);
        free(found->chain[c].resolved);
        rt_pairs_free_members(&found->chain[c].pairs);
    }
    free(found->chain);
    free(found->place);
    rt_annotation_free_members(&found->annotation);
    rt_molecule_free_members(&found->molecule);
    *found = (rt_pairs_3d){0};
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

/* What one row is made of: a pair or stack, a hydrogen bond, or a reason, between residues i < j (j -1: no residue). */
typedef struct {
    int32_t i, j;
    int64_t order;
    const rt_contact *contact;
    const rt_hydrogen_bond *bond;
    uint32_t tertiary;
} piece;

static int by_residues(const void *a, const void *b)
{
    const piece *p = a, *q = b;
    uint32_t pj = (uint32_t)p->j, qj = (uint32_t)q->j;   /* what is no residue comes last */
    return p->i != q->i ? (p->i > q->i) - (p->i < q->i) : (pj > qj) - (pj < qj);
}

static int by_residues_then_order(const void *a, const void *b)
{
    const piece *p = a, *q = b;
    int residues = by_residues(a, b);
    return residues ? residues : (p->order > q->order) - (p->order < q->order);
}

static piece between(int32_t a, int32_t b)
{
    return b < 0 || a < b ? (piece){.i = a, .j = b} : (piece){.i = b, .j = a};
}

static int64_t collect(piece *out, const rt_annotation *annotation)
{
    int64_t n = 0;
    for (int64_t k = 0; k < annotation->contacts.n; k++) {
        const rt_contact *c = &annotation->contacts.contact[k];
        out[n] = between(c->i, c->j);
        out[n++].contact = c;
    }
    for (int64_t k = 0; k < annotation->n_bond; k++) {
        out[n] = between(annotation->bond[k].donor, annotation->bond[k].acceptor);
        out[n++].bond = &annotation->bond[k];
    }
    for (int64_t k = 0; k < annotation->n_why; k++) {
        out[n] = between(annotation->why[k].residue, annotation->why[k].other);
        out[n++].tertiary = annotation->why[k].kind;
    }
    for (int64_t k = 0; k < n; k++) out[k].order = k;
    if (n) qsort(out, (size_t)n, sizeof *out, by_residues_then_order);
    return n;
}

static void print_end(rt_text *out, const rt_pairs_3d *found, int32_t residue)
{
    if (residue < 0) {
        rt_text_add(out, "-\t-\t-\t");
        return;
    }
    const rt_molecule_residue *r = &found->molecule.residue[residue];
    rt_text_add(out, "%s\t%lld\t%c\t", found->molecule.chain[r->chain].name, (long long)found->place[residue] + 1, r->letter);
}

static void print_bonds(rt_text *out, const piece *piece_of, int64_t n)
{
    bool any = false;
    for (int64_t k = 0; k < n; k++) {
        const rt_hydrogen_bond *bond = piece_of[k].bond;
        if (!bond) continue;
        bool i_gives = bond->donor == piece_of[k].i;
        rt_text_add(out, "%s%s-%s:%.2f", any ? "," : "", i_gives ? bond->donor_atom : bond->acceptor_atom,
                    i_gives ? bond->acceptor_atom : bond->donor_atom, bond->distance);
        any = true;
    }
    rt_text_add(out, any ? "\t" : "-\t");
}

static void print_tertiary(rt_text *out, uint32_t kinds)
{
    if (!kinds) rt_text_add(out, "-");
    for (uint32_t kind = 1; kind <= kinds; kind <<= 1)
        if (kinds & kind) rt_text_add(out, "%s%s", kinds & (kind - 1) ? "," : "", rt_tertiary_name(kind));
    rt_text_add(out, "\n");
}

static void print_row(rt_text *out, const rt_pairs_3d *found, const piece *pieces, int64_t n)
{
    static const char *const KINDS[] = {"canonical", "pair", "stack"};
    const rt_contact *contact = NULL;
    bool bonded = false;
    uint32_t tertiary = 0;
    for (int64_t k = 0; k < n; k++) {
        if (pieces[k].contact) contact = pieces[k].contact;
        bonded |= pieces[k].bond != NULL;
        tertiary |= pieces[k].tertiary;
    }
    print_end(out, found, pieces->i);
    print_end(out, found, pieces->j);
    rt_text_add(out, "%s\t", contact ? KINDS[contact->kind] : bonded ? "bond" : "touch");
    if (contact && contact->kind != RT_CONTACT_STACK)
        rt_text_add(out, "%c%c%c\t", contact->cis ? 'c' : 't', contact->edge_i, contact->edge_j);
    else rt_text_add(out, "-\t");
    print_bonds(out, pieces, n);
    print_tertiary(out, tertiary);
}

void rt_pairs_3d_print(rt_text *out, const rt_pairs_3d *found)
{
    const rt_annotation *annotation = &found->annotation;
    piece *pieces = rt_alloc(annotation->contacts.n + annotation->n_bond + annotation->n_why, sizeof *pieces, NULL);
    out->failed |= !pieces;
    rt_text_add(out, "chain_i\ti\tletter_i\tchain_j\tj\tletter_j\tkind\tclass\tbonds\ttertiary\n");
    int64_t n = pieces ? collect(pieces, annotation) : 0;
    for (int64_t k = 0, next; k < n; k = next) {
        next = k + 1;
        while (next < n && !by_residues(&pieces[k], &pieces[next])) next++;
        print_row(out, found, pieces + k, next - k);
    }
    free(pieces);
}
