#include "io/polymer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/modified.h"

typedef struct {
    char name[12], label[12];
    int64_t first, n;          /* of its residues in draft order: they are linked by `next` */
    int64_t last;
    int64_t n_other;           /* residues that are no RNA */
    int32_t other_number;      /* the last of them, so that it counts once */
    bool other_seen;
} draft_chain;

typedef struct {
    rt_polymer_residue residue;
    int64_t chain, next, count;
} draft_residue;

typedef struct {
    const rt_structure *structure;
    int64_t begin, end;        /* the model's atoms */
    draft_chain *chain;
    int64_t n_chain, chains;
    draft_residue *residue;
    int64_t n_residue, residues;
    int64_t *owner;            /* an atom's residue, -1 for none */
} draft;

bool rt_polymer_is_hydrogen(const rt_atom *atom)
{
    if (atom->element[0]) return (atom->element[0] == 'H' || atom->element[0] == 'D') && !atom->element[1];
    const char *c = atom->name;
    while (*c >= '0' && *c <= '9') c++;
    return *c == 'H' || *c == 'D';
}

static rt_status find_chain(draft *d, const rt_atom *atom, int64_t *out, rt_err *err)
{
    for (int64_t c = d->n_chain; c-- > 0;)
        if (strcmp(d->chain[c].label, atom->label_chain) == 0) {
            *out = c;
            return RT_OK;
        }
    void *items = d->chain;
    rt_status status = rt_grow(&items, &d->chains, d->n_chain + 1, sizeof *d->chain, err);
    d->chain = items;
    if (status != RT_OK) return status;
    *out = d->n_chain++;
    draft_chain *chain = &d->chain[*out];
    strcpy(chain->name, atom->auth_chain);
    strcpy(chain->label, atom->label_chain);
    chain->first = chain->last = -1;
    return RT_OK;
}

static bool same_place(const rt_polymer_residue *residue, const rt_atom *atom)
{
    return residue->number == atom->auth_number && residue->label_number == atom->label_number &&
           strcmp(residue->insertion, atom->insertion) == 0;
}

static rt_status find_residue(draft *d, int64_t c, const rt_atom *atom, char letter, int64_t *out, rt_err *err)
{
    draft_chain *chain = &d->chain[c];
    if (chain->last >= 0 && same_place(&d->residue[chain->last].residue, atom)) {
        *out = chain->last;
        return RT_OK;
    }
    for (int64_t r = chain->first; r >= 0; r = d->residue[r].next)
        if (same_place(&d->residue[r].residue, atom)) {
            *out = r;
            return RT_OK;
        }
    void *items = d->residue;
    rt_status status = rt_grow(&items, &d->residues, d->n_residue + 1, sizeof *d->residue, err);
    d->residue = items;
    if (status != RT_OK) return status;
    *out = d->n_residue++;
    draft_residue *made = &d->residue[*out];
    *made = (draft_residue){.chain = c, .next = -1};
    made->residue.number = atom->auth_number;
    made->residue.label_number = atom->label_number;
    strcpy(made->residue.insertion, atom->insertion);
    strcpy(made->residue.component, atom->residue);
    made->residue.letter = letter;
    made->residue.hetero = atom->hetero;
    if (chain->last >= 0) d->residue[chain->last].next = *out;
    else chain->first = *out;
    chain->last = *out;
    chain->n++;
    return RT_OK;
}

/* Gives every heavy atom of a nucleotide to its residue. */
static rt_status assign_atoms(draft *d, rt_err *err)
{
    rt_status status = RT_OK;
    const char *component = "";
    char letter = 0;
    for (int64_t i = d->begin; i < d->end; i++) {
        const rt_atom *atom = &d->structure->atom[i];
        int64_t chain, residue;
        d->owner[i - d->begin] = -1;
        if (atom->label_number == RT_NO_NUMBER || strcmp(atom->residue, "HOH") == 0) continue;
        if (strcmp(component, atom->residue) != 0) {
            component = atom->residue;
            letter = rt_modified_parent(component);
        }
        RT_TRY(find_chain(d, atom, &chain, err));
        if (!letter) {
            draft_chain *other = &d->chain[chain];
            if (other->other_seen && other->other_number == atom->auth_number) continue;
            other->other_seen = true;
            other->other_number = atom->auth_number;
            other->n_other++;
            continue;
        }
        if (rt_polymer_is_hydrogen(atom)) continue;
        RT_TRY(find_residue(d, chain, atom, letter, &residue, err));
        if (strcmp(d->residue[residue].residue.component, atom->residue) == 0) d->owner[i - d->begin] = residue;
    }
done:
    return status;
}

/* One atom per name: the highest occupancy, the first among equals. */
static void drop_alternates(draft *d, const int64_t *atom, int64_t n)
{
    for (int64_t a = 0; a < n; a++)
        for (int64_t b = 0; b < a; b++) {
            const rt_atom *first = &d->structure->atom[atom[b]], *second = &d->structure->atom[atom[a]];
            if (d->owner[atom[b] - d->begin] < 0 || strcmp(first->name, second->name) != 0) continue;
            d->owner[atom[second->occupancy > first->occupancy ? b : a] - d->begin] = -1;
            if (second->occupancy <= first->occupancy) break;
        }
}

static const rt_atom *draft_atom(const draft *d, int64_t residue, const char *name)
{
    for (int64_t i = d->begin; i < d->end; i++)
        if (d->owner[i - d->begin] == residue && strcmp(d->structure->atom[i].name, name) == 0)
            return &d->structure->atom[i];
    return NULL;
}

static bool within(const rt_atom *a, const rt_atom *b, double limit)
{
    double sum = 0;
    for (int k = 0; k < 3; k++) sum += (a->xyz[k] - b->xyz[k]) * (a->xyz[k] - b->xyz[k]);
    return sum <= limit * limit;
}

static bool is_linked(const draft *d, int64_t before, int64_t after)
{
    const rt_atom *o3 = draft_atom(d, before, "O3'"), *p = draft_atom(d, after, "P");
    if (o3 && p) return within(o3, p, RT_POLYMER_BOND);
    const rt_atom *a = draft_atom(d, before, "C1'"), *b = draft_atom(d, after, "C1'");
    return a && b && within(a, b, 9);
}

static bool has_sequence(const rt_structure *structure, const char *label)
{
    for (int64_t i = 0; i < structure->n_deposited; i++)
        if (strcmp(structure->deposited[i].chain, label) == 0) return true;
    return false;
}

/* Takes ligands off the end of a chain whose sequence is not known. */
static void drop_ligands(draft *d, draft_chain *chain)
{
    if (has_sequence(d->structure, chain->label)) return;
    while (chain->n > 1 && d->residue[chain->last].residue.hetero) {
        int64_t before = chain->first;
        while (d->residue[before].next != chain->last) before = d->residue[before].next;
        if (is_linked(d, before, chain->last)) return;
        for (int64_t i = d->begin; i < d->end; i++)
            if (d->owner[i - d->begin] == chain->last) d->owner[i - d->begin] = -1;
        d->residue[before].next = -1;
        chain->last = before;
        chain->n--;
    }
}

static rt_status take_sequence(rt_polymer_chain *chain, const rt_structure *structure,
                               const rt_polymer_residue *residue,
                               rt_err *err)
{
    int64_t length = 0;
    for (int64_t i = 0; i < structure->n_deposited; i++)
        length += strcmp(structure->deposited[i].chain, chain->label) == 0;
    chain->sequence = rt_alloc((length ? length : chain->n_residue) + 1, 1, err);
    if (!chain->sequence) return RT_ERR_MEMORY;
    chain->length = length ? length : chain->n_residue;
    for (int64_t i = 0; i < chain->n_residue && !length; i++) chain->sequence[i] = residue[i].letter;
    for (int64_t i = 0, at = 0; i < structure->n_deposited && length; i++) {
        if (strcmp(structure->deposited[i].chain, chain->label) != 0) continue;
        char letter = rt_modified_parent(structure->deposited[i].residue);
        chain->sequence[at++] = letter ? letter : 'N';
    }
    return RT_OK;
}

/* The draft's RNA chains, their residues and atoms, each in one piece.  member: the atoms of residue r are
 * member[start[r]] .. member[start[r + 1] - 1]. */
static rt_status finish(rt_polymer *out, const draft *d, const int64_t *start, const int64_t *member, rt_err *err)
{
    rt_status status = RT_OK;
    RT_TRY_ALLOC(out->chain, d->n_chain);
    RT_TRY_ALLOC(out->residue, d->n_residue);
    RT_TRY_ALLOC(out->atom, d->end - d->begin);
    for (int64_t c = 0; c < d->n_chain; c++) {
        const draft_chain *from = &d->chain[c];
        if (from->n <= from->n_other) continue;
        rt_polymer_chain *chain = &out->chain[out->n_chain++];
        strcpy(chain->name, from->name);
        strcpy(chain->label, from->label);
        chain->first_residue = out->n_residue;
        for (int64_t r = from->first; r >= 0; r = d->residue[r].next) {
            rt_polymer_residue residue = d->residue[r].residue;
            residue.first_atom = out->n_atom;
            for (int64_t i = start[r]; i < start[r + 1]; i++)
                if (d->owner[member[i] - d->begin] == r) out->atom[out->n_atom++] = member[i];
            residue.n_atom = out->n_atom - residue.first_atom;
            if (residue.n_atom) out->residue[out->n_residue++] = residue;
        }
        chain->n_residue = out->n_residue - chain->first_residue;
        RT_TRY(take_sequence(chain, d->structure, out->residue + chain->first_residue, err));
    }
done:
    return status;
}

rt_status rt_polymer_build(rt_polymer *out_polymer, const rt_structure *structure, int32_t model, rt_err *err)
{
    rt_status status = RT_OK;
    draft d = {.structure = structure};
    int64_t *start = NULL, *member = NULL;
    int32_t ordinal = -1;
    *out_polymer = (rt_polymer){0};
    RT_REQUIRE(model >= 0 && (model < structure->n_model || structure->n_atom == 0));
    for (int64_t i = 0; i < structure->n_atom; i++) {
        if (i == 0 || structure->atom[i].model != structure->atom[i - 1].model) ordinal++;
        if (ordinal == model && d.end == 0) d.begin = i;
        if (ordinal == model) d.end = i + 1;
    }
    RT_TRY_ALLOC(d.owner, d.end - d.begin);
    RT_TRY(assign_atoms(&d, err));
    RT_TRY_ALLOC(start, d.n_residue + 2);
    RT_TRY_ALLOC(member, d.end - d.begin);
    for (int64_t i = d.begin; i < d.end; i++)
        if (d.owner[i - d.begin] >= 0) start[d.owner[i - d.begin] + 2]++;
    for (int64_t r = 0; r < d.n_residue; r++) start[r + 2] += start[r + 1];
    for (int64_t i = d.begin; i < d.end; i++)
        if (d.owner[i - d.begin] >= 0) member[start[d.owner[i - d.begin] + 1]++] = i;
    for (int64_t r = 0; r < d.n_residue; r++) drop_alternates(&d, member + start[r], start[r + 1] - start[r]);
    for (int64_t c = 0; c < d.n_chain; c++) drop_ligands(&d, &d.chain[c]);
    RT_TRY(finish(out_polymer, &d, start, member, err));
done:
    free(d.chain);
    free(d.residue);
    free(d.owner);
    free(start);
    free(member);
    if (status != RT_OK) rt_polymer_free_members(out_polymer);
    return status;
}

void rt_polymer_free_members(rt_polymer *polymer)
{
    for (int64_t c = 0; c < polymer->n_chain && polymer->chain; c++) free(polymer->chain[c].sequence);
    free(polymer->chain);
    free(polymer->residue);
    free(polymer->atom);
    *polymer = (rt_polymer){0};
}

const rt_atom *rt_polymer_atom(const rt_polymer *polymer, const rt_structure *structure, int64_t residue,
                               const char *name)
{
    const rt_polymer_residue *r = &polymer->residue[residue];
    for (int64_t i = 0; i < r->n_atom; i++) {
        const rt_atom *atom = &structure->atom[polymer->atom[r->first_atom + i]];
        if (strcmp(atom->name, name) == 0) return atom;
    }
    return NULL;
}
