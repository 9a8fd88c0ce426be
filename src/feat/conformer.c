#include "feat/conformer.h"

#include <jansson.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "feat/conformer_table.h"

static const char base_letter[4] = "ACGU";

#define BACKBONE "OP3", "P", "OP1", "OP2", "O5'", "C5'", "C4'", "O4'", "C3'", "O3'", "C2'", "O2'", "C1'"
static const struct {
    int n_atom;
    const char *name[RT_CONFORMER_ATOMS];
} layout[4] = {
    {23, {BACKBONE, "N9", "C8", "N7", "C5", "C6", "N6", "N1", "C2", "N3", "C4"}},
    {21, {BACKBONE, "N1", "C2", "O2", "N3", "C4", "N4", "C5", "C6"}},
    {24, {BACKBONE, "N9", "C8", "N7", "C5", "C6", "O6", "N1", "C2", "N2", "N3", "C4"}},
    {21, {BACKBONE, "N1", "C2", "O2", "N3", "C4", "O4", "C5", "C6"}},
};

int rt_base_index(char letter)
{
    switch (letter) {
    case 'A': return 0;
    case 'C': return 1;
    case 'G': return 2;
    case 'U': return 3;
    default: return -1;
    }
}

const char *const *rt_conformer_names(char letter, int *out_n_atom)
{
    int base = rt_base_index(letter);
    RT_REQUIRE(base >= 0);
    *out_n_atom = layout[base].n_atom;
    return layout[base].name;
}

static uint8_t atomic_number(const char *name)
{
    switch (name[0]) {
    case 'C': return 6;
    case 'N': return 7;
    case 'O': return 8;
    case 'P': return 15;
    default: RT_BUG("atom %s", name);
    }
}

static rt_conformer_atom atom_make(const char *name, const double pos[3])
{
    rt_conformer_atom atom = {.atomic_number = atomic_number(name), .mask = true};
    memcpy(atom.name, name, strlen(name));
    for (int d = 0; d < 3; d++) atom.pos[d] = pos[d];
    return atom;
}

/* ---- the built-in set ------------------------------------------------------------------------------------------ */
static rt_conformers built_in;

static void make_built_in(void)
{
    for (int b = 0; b < 4; b++) {
        built_in.base[b].n_atom = layout[b].n_atom;
        for (int i = 0; i < layout[b].n_atom; i++) {
            double pos[3];
            for (int d = 0; d < 3; d++) pos[d] = (double)rt_conformer_table[b][i][d];
            built_in.base[b].atom[i] = atom_make(layout[b].name[i], pos);
        }
    }
}

const rt_conformers *rt_conformers_default(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_built_in);
    return &built_in;
}

/* ---- from arrays ----------------------------------------------------------------------------------------------- */
rt_status rt_conformers_fill(rt_conformers *out, char letter, int64_t n_atom, const char *const *name,
                             const int *opt_charge, const bool *opt_mask, const double *xyz, const char *source,
                             rt_err *err)
{
    int base = rt_base_index(letter);
    if (base < 0)
        return rt_fail(err, RT_ERR_FORMAT, source, 0, "a conformer of '%c'; A, C, G or U was expected", letter);
    bool seen[RT_CONFORMER_ATOMS] = {false};
    rt_conformer made = {.n_atom = layout[base].n_atom};
    for (int64_t i = 0; i < n_atom; i++) {
        if (name[i][0] == 'H' || name[i][0] == 'D') continue;
        int at = 0;
        while (at < made.n_atom && strcmp(layout[base].name[at], name[i]) != 0) at++;
        if (at == made.n_atom)
            return rt_fail(err, RT_ERR_MISMATCH, source, 0, "component %c: atom '%.20s' is not one of its atoms",
                           letter, name[i]);
        if (seen[at])
            return rt_fail(err, RT_ERR_MISMATCH, source, 0, "component %c: atom %s is there twice", letter, name[i]);
        seen[at] = true;
        for (int d = 0; d < 3; d++)
            if (!isfinite(xyz[3 * i + d]))
                return rt_fail(err, RT_ERR_FORMAT, source, 0, "component %c, atom %s: a coordinate is not finite",
                               letter, name[i]);
        made.atom[at] = atom_make(layout[base].name[at], xyz + 3 * i);
        if (opt_charge) made.atom[at].charge = opt_charge[i];
        if (opt_mask) made.atom[at].mask = opt_mask[i];
    }
    for (int at = 0; at < made.n_atom; at++)
        if (!seen[at])
            return rt_fail(err, RT_ERR_MISMATCH, source, 0, "component %c: atom %s is missing", letter,
                           layout[base].name[at]);
    out->base[base] = made;
    return RT_OK;
}

/* ---- JSON ------------------------------------------------------------------------------------------------------ */
static rt_status atom_error(const char *path, char letter, int64_t atom, const char *what, rt_err *err)
{
    return rt_fail(err, RT_ERR_FORMAT, path, 0, "component %c, atom %lld: %s", letter, (long long)atom + 1, what);
}

static rt_status read_component(rt_conformers *out, const json_t *component, char letter, const char *path, rt_err *err)
{
    const json_t *atoms = json_object_get(component, "atoms");
    if (!json_is_array(atoms))
        return rt_fail(err, RT_ERR_FORMAT, path, 0, "component %c with a list \"atoms\" was expected", letter);
    rt_status status = RT_OK;
    int64_t n = (int64_t)json_array_size(atoms);
    const char **name = NULL;
    int *charge = NULL;
    bool *mask = NULL;
    double *xyz = NULL;
    RT_TRY_ALLOC(name, n);
    RT_TRY_ALLOC(charge, n);
    RT_TRY_ALLOC(mask, n);
    RT_TRY_ALLOC(xyz, 3 * n);
    for (int64_t i = 0; i < n; i++) {
        const json_t *atom = json_array_get(atoms, (size_t)i), *pos = json_object_get(atom, "pos");
        const json_t *charge_value = json_object_get(atom, "charge"), *mask_value = json_object_get(atom, "mask");
        name[i] = json_string_value(json_object_get(atom, "name"));
        if (!name[i]) status = atom_error(path, letter, i, "a text \"name\" was expected", err);
        else if (json_array_size(pos) != 3)
            status = atom_error(path, letter, i, "\"pos\" of three numbers was expected", err);
        else if (charge_value && !json_is_integer(charge_value))
            status = atom_error(path, letter, i, "\"charge\" must be a whole number", err);
        else if (mask_value && !json_is_boolean(mask_value))
            status = atom_error(path, letter, i, "\"mask\" must be true or false", err);
        if (status != RT_OK) goto done;
        charge[i] = (int)json_integer_value(charge_value);
        mask[i] = !mask_value || json_is_true(mask_value);
        for (size_t d = 0; d < 3; d++) {
            const json_t *value = json_array_get(pos, d);
            if (!json_is_number(value)) {
                status = atom_error(path, letter, i, "\"pos\" of three numbers was expected", err);
                goto done;
            }
            xyz[3 * i + (int64_t)d] = (double)(float)json_number_value(value);
        }
    }
    status = rt_conformers_fill(out, letter, n, name, charge, mask, xyz, path, err);
done:
    free(name);
    free(charge);
    free(mask);
    free(xyz);
    return status;
}

rt_status rt_conformers_read(rt_conformers *out, const char *path, rt_err *err)
{
    rt_map map;
    json_error_t where;
    rt_status status = rt_map_open(&map, path, err);
    if (status != RT_OK) return status;
    json_t *root = json_loadb((const char *)map.data, (size_t)map.size, JSON_REJECT_DUPLICATES, &where);
    rt_map_close(&map);
    if (!root) return rt_fail(err, RT_ERR_FORMAT, path, where.line, "no JSON: %s", where.text);
    *out = (rt_conformers){0};
    for (int b = 0; b < 4; b++) {
        char key[2] = {base_letter[b], 0};
        RT_TRY(read_component(out, json_object_get(root, key), base_letter[b], path, err));
    }
done:
    json_decref(root);
    return status;
}
