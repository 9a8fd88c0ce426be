#include "io/ccd_cache.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/rng.h"
#include "io/pickle.h"
#include "io/rdkit_mol.h"

static const char MOLECULE[] = "rdkit.Chem.rdchem.Mol";

typedef struct {
    char *code;
    const rt_value *mol;
    rt_ccd_component *component;    /* NULL until somebody asks */
    rt_ccd_atom *atom;
    char *names;
} entry;

struct rt_ccd_cache {
    char *path;
    rt_map map;
    rt_pickle *pickle;
    entry *entry;
    int64_t count;
    int32_t *slot;              /* open addressing: index + 1, 0 is free */
    int64_t n_slot;             /* a power of two */
};

static int32_t *find_slot(const rt_ccd_cache *cache, const char *code)
{
    uint64_t mask = (uint64_t)cache->n_slot - 1, at = rt_hash_text(code) & mask;
    while (cache->slot[at] && strcmp(cache->entry[cache->slot[at] - 1].code, code) != 0) at = (at + 1) & mask;
    return &cache->slot[at];
}

static rt_status read_codes(rt_ccd_cache *cache, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_value *root = rt_pickle_root(cache->pickle);
    if (root->kind != RT_VALUE_DICT)
        return rt_fail(err, RT_ERR_FORMAT, cache->path, 0, "is no CCD cache: {code: RDKit molecule} was expected");
    for (cache->n_slot = 16; cache->n_slot < 2 * root->count; cache->n_slot *= 2) continue;
    RT_TRY_ALLOC(cache->entry, root->count);
    RT_TRY_ALLOC(cache->slot, cache->n_slot);
    for (int64_t i = 0; i < root->count; i++) {
        const rt_value *code = root->item[2 * i], *mol = root->item[2 * i + 1];
        if (mol->kind == RT_VALUE_NONE) continue;       /* a component that could not be made */
        if (code->kind != RT_VALUE_TEXT || mol->kind != RT_VALUE_OBJECT || strcmp(mol->object->name, MOLECULE) != 0)
            return rt_fail(err, RT_ERR_FORMAT, cache->path, 0, "is no CCD cache: entry %lld is not an RDKit molecule",
                           (long long)i + 1);
        entry *one = &cache->entry[cache->count];
        one->code = rt_copy_text(code->text, code->count, err);
        if (!one->code) return RT_ERR_MEMORY;
        one->mol = mol;
        int32_t *slot = find_slot(cache, one->code);
        if (*slot == 0) *slot = (int32_t)cache->count + 1;
        cache->count++;
    }
done:
    return status;
}

rt_status rt_ccd_cache_open(rt_ccd_cache **ret_cache, const char *path, rt_err *err)
{
    rt_status status = RT_OK;
    rt_ccd_cache *cache;
    *ret_cache = NULL;
    RT_TRY_ALLOC(cache, 1);
    cache->path = rt_copy_text(path, -1, err);
    status = cache->path ? rt_map_open(&cache->map, path, err) : RT_ERR_MEMORY;
    if (status == RT_OK) {
        rt_pickle_source source = {.file = path, .bytes = cache->map.data, .size = cache->map.size};
        status = rt_pickle_open(&cache->pickle, &source, err);
    }
    if (status == RT_OK) status = read_codes(cache, err);
    if (status == RT_OK) *ret_cache = cache;
    else rt_ccd_cache_close(cache);
done:
    return status;
}

void rt_ccd_cache_close(rt_ccd_cache *cache)
{
    if (!cache) return;
    for (int64_t i = 0; cache->entry && i < cache->count; i++) {
        free(cache->entry[i].code);
        free(cache->entry[i].component);
        free(cache->entry[i].atom);
        free(cache->entry[i].names);
    }
    free(cache->entry);
    free(cache->slot);
    rt_pickle_close(cache->pickle);
    rt_map_close(&cache->map);
    free(cache->path);
    free(cache);
}

int64_t rt_ccd_cache_count(const rt_ccd_cache *cache) { return cache->count; }

const char *rt_ccd_cache_code(const rt_ccd_cache *cache, int64_t index)
{
    RT_REQUIRE(index >= 0 && index < cache->count);
    return cache->entry[index].code;
}

static rt_status wrong(const rt_ccd_cache *cache, const entry *one, const char *what, rt_err *err)
{
    return rt_fail(err, RT_ERR_FORMAT, cache->path, 0, "component '%.40s': %s", one->code, what);
}

/* atom_map's names into one->names, pointed to by the atoms. */
static rt_status take_names(const rt_ccd_cache *cache, entry *one, int64_t n_atom, const rt_value *map, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t bytes = 1, index;
    for (int64_t i = 0; i < map->count; i++) {
        if (map->item[2 * i]->kind != RT_VALUE_TEXT || !rt_value_integer(map->item[2 * i + 1], &index) || index < 0 ||
            index >= n_atom)
            return wrong(cache, one, "its atom_map does not give names to its atoms", err);
        bytes += map->item[2 * i]->count + 1;
    }
    RT_TRY_ALLOC(one->names, bytes);    /* zeroed: names[0] is the name of atoms that have none */
    char *at = one->names + 1;
    for (int64_t i = 0; i < n_atom; i++) one->atom[i].name = one->names;
    for (int64_t i = 0; i < map->count; i++) {
        rt_value_integer(map->item[2 * i + 1], &index);
        memcpy(at, map->item[2 * i]->text, (size_t)map->item[2 * i]->count);
        one->atom[index].name = at;
        at += map->item[2 * i]->count + 1;
    }
done:
    return status;
}

static rt_status read_component(const rt_ccd_cache *cache, entry *one, rt_err *err)
{
    rt_status status = RT_OK;
    rt_rdkit_mol mol = {0};
    const rt_value *args = one->mol->object->args, *state = one->mol->object->state;
    if (state && state->kind == RT_VALUE_TUPLE && state->count == 1) state = state->item[0];  /* RDKit wraps the dict */
    const rt_value *map = rt_value_get(state, "atom_map"), *mask = rt_value_get(state, "ref_mask"),
                   *kind = rt_value_get(state, "ref_conf_type");
    int64_t conformer;
    if (args->count != 1 || args->item[0]->kind != RT_VALUE_BYTES)
        return wrong(cache, one, "its molecule is not in RDKit's binary format", err);
    if (!map || map->kind != RT_VALUE_DICT || !rt_value_integer(rt_value_get(state, "ref_conf_id"), &conformer))
        return wrong(cache, one, "lacks atom_map or ref_conf_id, which the reference's gen_ccd_cache.py writes", err);
    RT_TRY(rt_rdkit_mol_read(&mol, args->item[0]->bytes, args->item[0]->count, conformer, cache->path, one->code, err));
    if (mol.n_atom > 0 && (!mask || mask->kind != RT_VALUE_TENSOR || rt_count(*mask->tensor) != mol.n_atom)) {
        status = wrong(cache, one, "its ref_mask does not fit its atoms", err);
        goto done;
    }
    if (mol.n_atom > 0 && !mol.position) {
        status = wrong(cache, one, "has no conformer", err);
        goto done;
    }
    RT_TRY_ALLOC(one->atom, mol.n_atom);
    RT_TRY(take_names(cache, one, mol.n_atom, map, err));
    for (int64_t i = 0; i < mol.n_atom; i++) {
        rt_ccd_atom *atom = &one->atom[i];
        atom->element = mol.element[i];
        atom->charge = mol.charge[i];
        atom->mask = rt_get(*mask->tensor, i) != 0;
        memcpy(atom->position, mol.position + 3 * i, sizeof atom->position);
    }
    RT_TRY_ALLOC(one->component, 1);
    *one->component = (rt_ccd_component){.code = one->code, .conformer = "", .n_atom = mol.n_atom, .atom = one->atom};
    if (kind && rt_value_is_text(kind, "rdkit")) one->component->conformer = "rdkit";
    else if (kind && rt_value_is_text(kind, "idea")) one->component->conformer = "idea";
done:
    rt_rdkit_mol_free(&mol);
    return status;
}

rt_status rt_ccd_cache_find(rt_ccd_cache *cache, const rt_ccd_component **ret_component, const char *code, rt_err *err)
{
    int32_t slot = *find_slot(cache, code);
    *ret_component = NULL;
    if (!slot) return RT_OK;
    entry *one = &cache->entry[slot - 1];
    if (!one->component) {
        rt_status status = read_component(cache, one, err);
        if (status != RT_OK) {
            free(one->atom);    /* what a failed reading left; the next try starts anew */
            free(one->names);
            one->atom = NULL;
            one->names = NULL;
            return status;
        }
    }
    *ret_component = one->component;
    return RT_OK;
}
