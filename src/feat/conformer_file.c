#include "feat/conformer_file.h"

#include "base/file.h"
#include "io/ccd_cache.h"

static rt_status read_base(rt_conformers *out, rt_ccd_cache *cache, char letter, const char *path, rt_err *err)
{
    const char code[2] = {letter, 0};
    const rt_ccd_component *component;
    const char *name[128];
    int charge[128];
    bool mask[128];
    double xyz[128 * 3];
    int64_t n = 0;
    rt_status status = rt_ccd_cache_find(cache, &component, code, err);
    if (status != RT_OK) return status;
    if (!component) return rt_fail(err, RT_ERR_MISMATCH, path, 0, "has no component '%s'", code);
    if (component->n_atom > 128)
        return rt_fail(err, RT_ERR_MISMATCH, path, 0, "component '%s' has %lld atoms", code, (long long)component->n_atom);
    for (int64_t i = 0; i < component->n_atom; i++) {
        const rt_ccd_atom *atom = &component->atom[i];
        if (atom->element == 1 || !atom->name[0]) continue;   /* hydrogens play no part */
        name[n] = atom->name;
        charge[n] = atom->charge;
        mask[n] = atom->mask;
        for (int x = 0; x < 3; x++) xyz[3 * n + x] = atom->position[x];
        n++;
    }
    return rt_conformers_fill(out, letter, n, name, charge, mask, xyz, path, err);
}

rt_status rt_conformers_open(rt_conformers *out, const char *path, rt_err *err)
{
    rt_map map;
    rt_status status = rt_map_open(&map, path, err);
    if (status != RT_OK) return status;
    bool pickle = map.size > 1 && map.data[0] == 0x80;   /* the PROTO opcode; JSON text cannot begin with it */
    rt_map_close(&map);
    if (!pickle) return rt_conformers_read(out, path, err);
    rt_ccd_cache *cache;
    status = rt_ccd_cache_open(&cache, path, err);
    if (status != RT_OK) return status;
    for (const char *letter = "ACGU"; *letter && status == RT_OK; letter++) status = read_base(out, cache, *letter, path, err);
    rt_ccd_cache_close(cache);
    return status;
}
