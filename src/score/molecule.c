#include "score/molecule.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/polymer.h"

rt_status rt_molecule_create(rt_molecule *out_molecule, int64_t n_residue, int64_t n_chain, int64_t n_atom, rt_err *err)
{
    rt_status status = RT_OK;
    rt_molecule molecule = {0};
    RT_TRY_ALLOC(molecule.chain, n_chain);
    RT_TRY_ALLOC(molecule.residue, n_residue);
    RT_TRY_ALLOC(molecule.atom, n_atom);
    molecule.n_chain = n_chain;
    molecule.n_residue = molecule.length = n_residue;
    molecule.n_atom = n_atom;
done:
    if (status != RT_OK) rt_molecule_free_members(&molecule);
    *out_molecule = molecule;
    return status;
}

void rt_molecule_free_members(rt_molecule *molecule)
{
    free(molecule->chain);
    free(molecule->residue);
    free(molecule->atom);
    *molecule = (rt_molecule){0};
}

static char element_of(const rt_atom *atom)
{
    if (atom->element[0] && atom->element[1]) return '?';
    const char *c = atom->element[0] ? atom->element : atom->name;
    char element = (char)toupper((unsigned char)*c);
    return strchr("CNOPS", element) ? element : '?';
}

static void fill(rt_molecule *out, const rt_polymer *polymer, const rt_structure *structure, const char *atom)
{
    out->length = 0;
    for (int64_t c = 0; c < polymer->n_chain; c++) {
        const rt_polymer_chain *from = &polymer->chain[c];
        rt_molecule_chain *chain = &out->chain[c];
        snprintf(chain->name, sizeof chain->name, "%s", from->name);
        chain->first = from->first_residue;
        chain->n = from->n_residue;
        chain->length = from->length;
        out->length += from->length;
        for (int64_t r = chain->first; r < chain->first + chain->n; r++) {
            const rt_polymer_residue *source = &polymer->residue[r];
            rt_molecule_residue *residue = &out->residue[r];
            *residue = (rt_molecule_residue){.letter = source->letter, .number = source->number,
                                             .label = source->label_number, .chain = (int32_t)c,
                                             .first_atom = source->first_atom, .n_atom = source->n_atom};
            memcpy(residue->insertion, source->insertion, sizeof residue->insertion);
            for (int64_t i = source->first_atom; i < source->first_atom + source->n_atom; i++) {
                const rt_atom *a = &structure->atom[polymer->atom[i]];
                rt_molecule_atom *to = &out->atom[i];
                memcpy(to->xyz, a->xyz, sizeof to->xyz);
                memcpy(to->name, a->name, sizeof to->name);
                to->residue = (int32_t)r;
                to->element = element_of(a);
                if (strcmp(a->name, atom) != 0) continue;
                memcpy(residue->xyz, a->xyz, sizeof residue->xyz);
                residue->resolved = true;
            }
            out->n_resolved += residue->resolved;
        }
    }
}

rt_status rt_molecule_build(rt_molecule *out_molecule, const rt_structure *structure, int32_t model, const char *atom,
                            const char *file, rt_err *err)
{
    rt_polymer polymer;
    *out_molecule = (rt_molecule){0};
    rt_status status = rt_polymer_build(&polymer, structure, model, err);
    if (status != RT_OK) return status;
    if (!polymer.n_chain) {
        status = rt_fail(err, RT_ERR_FORMAT, file, 0, "the structure has no RNA chain");
        rt_hint(err, "chains count as RNA when most of their residues are A, C, G, U or derived from them");
    } else {
        status = rt_molecule_create(out_molecule, polymer.n_residue, polymer.n_chain, polymer.n_atom, err);
    }
    if (status == RT_OK) fill(out_molecule, &polymer, structure, atom);
    rt_polymer_free_members(&polymer);
    return status;
}

bool rt_molecule_keep_chain(rt_molecule *m, const char *chain)
{
    int64_t c = 0;
    while (c < m->n_chain && strcmp(m->chain[c].name, chain) != 0) c++;
    if (c == m->n_chain) return false;
    rt_molecule_chain kept = m->chain[c];
    int64_t first_atom = kept.n ? m->residue[kept.first].first_atom : 0, n_atom = 0;
    m->n_resolved = 0;
    for (int64_t r = 0; r < kept.n; r++) {
        rt_molecule_residue *residue = &m->residue[r];
        *residue = m->residue[kept.first + r];
        residue->first_atom -= first_atom;
        residue->chain = 0;
        n_atom += residue->n_atom;
        m->n_resolved += residue->resolved;
    }
    for (int64_t a = 0; a < n_atom; a++) {
        m->atom[a] = m->atom[first_atom + a];
        m->atom[a].residue -= (int32_t)kept.first;
    }
    kept.first = 0;
    m->chain[0] = kept;
    m->n_chain = 1;
    m->n_residue = kept.n;
    m->n_atom = n_atom;
    m->length = kept.length;
    return true;
}

const rt_molecule_atom *rt_molecule_find(const rt_molecule *molecule, int64_t residue, const char *name)
{
    const rt_molecule_residue *r = &molecule->residue[residue];
    for (int64_t i = r->first_atom; i < r->first_atom + r->n_atom; i++)
        if (strcmp(molecule->atom[i].name, name) == 0) return &molecule->atom[i];
    return NULL;
}
