#include "prep/fold_map.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "prep/nucleobase.h"

void rt_fold_map_free_members(rt_fold_map *map)
{
    free(map->partner);
    free(map->tertiary);
    free(map->tetraloop);
    free(map->predicted);
    free(map->probability);
    free(map->loop);
    rt_surroundings_free_members(&map->around);
    *map = (rt_fold_map){0};
}

/* ---- a molecule of a target -------------------------------------------------------------------------------------- */

static bool is_base_slot(int slot) { return slot >= RT_SLOT_N1 && slot <= RT_SLOT_O6; }

static bool has_slot(char letter, int slot)
{
    const rt_nucleobase *base = rt_nucleobase_of(letter);
    if (!is_base_slot(slot)) return true;
    for (int i = 0; i < base->n; i++)
        if (base->atom[i].slot == slot) return true;
    return false;
}

static int64_t count_segments(const char *segments, int64_t length)
{
    int64_t n = 1;
    for (int64_t at = rt_target_next_segment(segments, 0, length); at < length; n++)
        at = rt_target_next_segment(segments, at, length);
    return n;
}

static int64_t copy_atoms(rt_molecule *m, int64_t residue, int64_t at, char letter, const float *xyz, int64_t n_slot)
{
    int64_t first = at;
    for (int64_t s = 0; s < n_slot; s++) {
        const float *from = xyz + 3 * s;
        int slot = n_slot == 1 ? RT_SLOT_C1P : (int)s;
        if (!isfinite(from[0]) || !isfinite(from[1]) || !isfinite(from[2]) || !has_slot(letter, slot)) continue;
        rt_molecule_atom *atom = &m->atom[at++];
        const char *name = rt_atom_slot_name(slot);
        *atom = (rt_molecule_atom){.residue = (int32_t)residue, .element = name[0]};
        strncpy(atom->name, name, sizeof atom->name - 1);
        for (int d = 0; d < 3; d++) atom->xyz[d] = (double)from[d];
        if (slot != RT_SLOT_C1P) continue;
        m->residue[residue].resolved = true;
        memcpy(m->residue[residue].xyz, atom->xyz, sizeof atom->xyz);
    }
    return at - first;
}

rt_status rt_fold_map_molecule(rt_molecule *out_molecule, const char *sequence, const float *xyz, int64_t n_slot,
                               const char *segments, rt_err *err)
{
    int64_t n = (int64_t)strlen(sequence), n_chain = count_segments(segments, n), at = 0, chain = 0, end;
    rt_status status = rt_molecule_create(out_molecule, n, n_chain, n * n_slot, err);
    if (status != RT_OK) return status;
    rt_molecule *m = out_molecule;
    end = rt_target_next_segment(segments, 0, n);
    for (int64_t i = 0; i < n; i++) {
        rt_molecule_residue *r = &m->residue[i];
        if (i >= end) {
            end = rt_target_next_segment(segments, i, n);
            m->chain[++chain].first = i;
        }
        *r = (rt_molecule_residue){.letter = sequence[i], .number = (int32_t)i + 1, .label = (int32_t)i + 1,
                                   .chain = (int32_t)chain, .first_atom = at};
        r->n_atom = copy_atoms(m, i, at, sequence[i], xyz + i * n_slot * 3, n_slot);
        at += r->n_atom;
        m->n_resolved += r->resolved;
        m->chain[chain].n++, m->chain[chain].length++;
    }
    m->n_atom = at;
    m->length = n;
    return RT_OK;
}

/* ---- the map ----------------------------------------------------------------------------------------------------- */

static void mark_tetraloops(rt_fold_map *map, const rt_annotation *a)
{
    for (int64_t i = 0; i + 3 < map->length; i++) {
        const rt_contact *ends = rt_contacts_at(&a->contacts, i, i + 3);
        bool closed = i > 0 && i + 4 < map->length && map->partner[i - 1] == i + 4;
        bool open = true;
        for (int64_t k = i; k < i + 4; k++) open = open && map->partner[k] < 0;
        bool motif = ends && ends->kind == RT_CONTACT_OTHER_PAIR;
        for (int64_t k = i; open && (closed || motif) && k < i + 4; k++) map->tetraloop[k] = true;
    }
}

static rt_status find_loops(rt_fold_map *map, rt_err *err)
{
    int64_t n = map->length, capacity = 0;
    for (int64_t i = 1, end; i < n; i = end + 1) {
        for (end = i; end < n && map->partner[end] < 0; end++) {}
        if (end == i || end == n || map->partner[i - 1] < 0) continue;
        void *loops = map->loop;
        rt_status status = rt_grow(&loops, &capacity, map->n_loop + 1, sizeof *map->loop, err);
        map->loop = loops;
        if (status != RT_OK) return status;
        map->loop[map->n_loop++] = (rt_fold_loop){.first = (int32_t)i, .n = (int32_t)(end - i),
                                                  .hairpin = map->partner[i - 1] == end};
    }
    return RT_OK;
}

static void add_prediction(rt_fold_map *map, const rt_pairs *pairs)
{
    map->has_prediction = true;
    rt_pairs_threshold(map->predicted, pairs, 0);
    for (int64_t k = 0; k < pairs->n; k++) {
        const rt_pair *p = &pairs->pair[k];
        bool real = map->partner[p->i] == p->j, free_pair = map->partner[p->i] < 0 && map->partner[p->j] < 0;
        if (real || (free_pair && map->predicted[p->i] == p->j))
            map->probability[p->i] = map->probability[p->j] = (float)p->p;
    }
}

rt_status rt_fold_map_build(rt_fold_map *out_map, const rt_target *target, const rt_pairs *opt_pairs, bool around,
                            rt_err *err)
{
    rt_status status = RT_OK;
    rt_fold_map *map = out_map;
    rt_molecule molecule = {0};
    rt_annotation annotation = {0};
    rt_foreign foreign = {0};
    int64_t n = target->length;
    *map = (rt_fold_map){.length = n, .has_bases = target->n_slot == RT_SLOT_COUNT && target->n_conformation > 0};
    RT_TRY_ALLOC(map->partner, n);
    RT_TRY_ALLOC(map->tertiary, n);
    RT_TRY_ALLOC(map->tetraloop, n);
    RT_TRY_ALLOC(map->predicted, n);
    RT_TRY_ALLOC(map->probability, n);
    for (int64_t i = 0; i < n; i++) map->partner[i] = map->predicted[i] = -1;
    if (map->has_bases) {
        if (around) RT_TRY(rt_surroundings_find(&map->around, &foreign, target, err));
        RT_TRY(rt_fold_map_molecule(&molecule, target->sequence, rt_target_xyz(target, 0), target->n_slot,
                                    target->segments, err));
        RT_TRY(rt_annotation_build(&annotation, &molecule, &foreign, err));
        memcpy(map->partner, annotation.partner, (size_t)n * sizeof *map->partner);
        memcpy(map->tertiary, annotation.tertiary, (size_t)n * sizeof *map->tertiary);
        mark_tetraloops(map, &annotation);
    }
    if (opt_pairs) add_prediction(map, opt_pairs);
    RT_TRY(find_loops(map, err));
done:
    rt_annotation_free_members(&annotation);
    rt_molecule_free_members(&molecule);
    rt_foreign_free_members(&foreign);
    if (status != RT_OK) rt_fold_map_free_members(map);
    return status;
}
