#include "prep/pairs_3d.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "io/polymer.h"
#include "io/structure.h"

/* "1ehz" of "data/1ehz.cif.gz". */
static void name_of(char *out, int64_t size, const char *path)
{
    snprintf(out, (size_t)size, "%s", rt_path_name(path));
    char *dot = strchr(out, '.');
    if (dot && dot > out) *dot = 0;
}

static bool labels_fit(const rt_polymer *polymer, const rt_polymer_chain *chain)
{
    for (int64_t r = chain->first_residue; r < chain->first_residue + chain->n_residue; r++) {
        const rt_polymer_residue *residue = &polymer->residue[r];
        if (residue->label_number < 1 || residue->label_number > chain->length) return false;
        if (chain->sequence[residue->label_number - 1] != residue->letter) return false;
        if (r > chain->first_residue && residue->label_number <= residue[-1].label_number) return false;
    }
    return true;
}

static rt_status add_chain(rt_pairs_3d *found, const rt_polymer *polymer, int64_t c, rt_err *err)
{
    const rt_polymer_chain *from = &polymer->chain[c];
    rt_pairs_3d_chain *chain = &found->chain[c];
    bool labels = labels_fit(polymer, from);
    int64_t length = labels ? from->length : from->n_residue;
    snprintf(chain->name, sizeof chain->name, "%s_%s", found->name, from->name);
    chain->sequence = rt_alloc(length + 1, 1, err);
    if (!chain->sequence) return RT_ERR_MEMORY;
    chain->pairs.length = length;
    if (labels) memcpy(chain->sequence, from->sequence, (size_t)length);
    for (int64_t k = 0; k < from->n_residue; k++) {
        int64_t r = from->first_residue + k;
        found->place[r] = labels ? polymer->residue[r].label_number - 1 : k;
        chain->sequence[found->place[r]] = polymer->residue[r].letter;
    }
    return RT_OK;
}

static rt_status add_pairs(rt_pairs_3d *found, rt_err *err)
{
    rt_status status = RT_OK;
    for (int64_t k = 0; k < found->contacts.n && status == RT_OK; k++) {
        const rt_contact *contact = &found->contacts.contact[k];
        int32_t chain = found->molecule.residue[contact->i].chain;
        if (contact->kind != RT_CONTACT_CANONICAL || found->molecule.residue[contact->j].chain != chain) continue;
        status = rt_pairs_add(&found->chain[chain].pairs, found->place[contact->i], found->place[contact->j], 1, err);
    }
    return status;
}

rt_status rt_pairs_3d_read(rt_pairs_3d *out_found, const char *path, rt_err *err)
{
    rt_pairs_3d found = {0};
    rt_structure structure = {0};
    rt_polymer polymer = {0};
    rt_status status;
    name_of(found.name, sizeof found.name, path);
    RT_TRY(rt_structure_open(&structure, path, err));
    RT_TRY(rt_polymer_build(&polymer, &structure, 0, err));
    RT_TRY(rt_molecule_build(&found.molecule, &structure, 0, "C1'", path, err));
    RT_TRY(rt_contacts_find(&found.contacts, &found.molecule, err));
    RT_TRY_ALLOC(found.place, polymer.n_residue);
    RT_TRY_ALLOC(found.chain, polymer.n_chain);
    found.n_chain = polymer.n_chain;
    for (int64_t c = 0; c < polymer.n_chain; c++) RT_TRY(add_chain(&found, &polymer, c, err));
    status = add_pairs(&found, err);
done:
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
        rt_pairs_free_members(&found->chain[c].pairs);
    }
    free(found->chain);
    free(found->place);
    rt_contacts_free_members(&found->contacts);
    rt_molecule_free_members(&found->molecule);
    *found = (rt_pairs_3d){0};
}

static void print_end(rt_text *out, const rt_pairs_3d *found, int32_t residue)
{
    const rt_molecule_residue *r = &found->molecule.residue[residue];
    rt_text_add(out, "%s\t%lld\t%c\t", found->molecule.chain[r->chain].name, (long long)found->place[residue] + 1, r->letter);
}

void rt_pairs_3d_print(rt_text *out, const rt_pairs_3d *found)
{
    static const char *const KINDS[] = {"canonical", "pair", "stack"};
    rt_text_add(out, "chain_i\ti\tletter_i\tchain_j\tj\tletter_j\tkind\tclass\tbonds\n");
    for (int64_t k = 0; k < found->contacts.n; k++) {
        const rt_contact *contact = &found->contacts.contact[k];
        print_end(out, found, contact->i);
        print_end(out, found, contact->j);
        rt_text_add(out, "%s\t", KINDS[contact->kind]);
        if (contact->kind == RT_CONTACT_STACK) rt_text_add(out, "-\t0\n");
        else
            rt_text_add(out, "%c%c%c\t%d\n", contact->cis ? 'c' : 't', contact->edge_i, contact->edge_j, contact->bonds);
    }
}
