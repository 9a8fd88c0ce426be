#include "prep/augment.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "prep/augment_internal.h"
#include "prep/nucleobase.h"

static const rt_augmentation *const TABLE[RT_AUGMENTATIONS] = {&rt_aug_noise, &rt_aug_compensatory, &rt_aug_loop,
                                                                &rt_aug_homolog};

const rt_augmentation *rt_augmentation_of(rt_augment_kind kind) { return TABLE[kind]; }

bool rt_augmentation_find(rt_augment_kind *out_kind, const char *name)
{
    for (int k = 0; k < RT_AUGMENTATIONS; k++) {
        if (strcmp(TABLE[k]->name, name) != 0) continue;
        *out_kind = (rt_augment_kind)k;
        return true;
    }
    return false;
}

uint32_t rt_augment_sequence_bits(const rt_augment_plan *plan) { return plan->on & ~RT_AUGMENT_BIT(RT_AUGMENT_NOISE); }

double rt_augment_value(const rt_augment_plan *plan, rt_augment_kind kind, const char *key)
{
    int k = 0;
    while (strcmp(TABLE[kind]->key[k].name, key) != 0) k++;
    return plan->setting[kind].value[k];
}

static const char *const REASON[RT_REASONS] = {
    "made", "wobble", "not_canonical", "improbable", "tertiary", "unresolved", "hydrogen_bonds", "clash", "tetraloop",
    "short_loop", "no_loop", "no_helix", "no_homolog", "family_limit", "held_out"};

const char *rt_augment_reason_name(rt_augment_reason reason) { return REASON[reason]; }

void rt_augment_tally_add(rt_augment_tally *sum, const rt_augment_tally *more)
{
    for (int k = 0; k < RT_AUGMENTATIONS; k++) {
        rt_augment_count *s = &sum->of[k];
        const rt_augment_count *m = &more->of[k];
        s->drawn += m->drawn, s->applied += m->applied, s->changes += m->changes, s->masked += m->masked;
        s->broken_bonds += m->broken_bonds;
        for (int r = 0; r < RT_REASONS; r++) s->rejected[r] += m->rejected[r];
    }
}

void rt_augment_log_free_members(rt_augment_log *log)
{
    free(log->change);
    *log = (rt_augment_log){0};
}

void rt_augment_example_free_members(rt_augment_example *example)
{
    free(example->sequence);
    free(example->xyz);
    *example = (rt_augment_example){0};
}

/* ---- while an example is made ------------------------------------------------------------------------------------- */

rt_status rt_augment_note(rt_augment_job *job, const rt_augment_change *change, rt_err *err)
{
    if (change->reason == RT_REASON_NONE) job->count->changes++;
    else job->count->rejected[change->reason]++;
    if (change->masked) job->count->masked += change->j >= 0 ? 2 : 1;
    if (!job->opt_log) return RT_OK;
    void *items = job->opt_log->change;
    rt_status status = rt_grow(&items, &job->opt_log->capacity, job->opt_log->n + 1, sizeof *change, err);
    job->opt_log->change = items;
    if (status == RT_OK) job->opt_log->change[job->opt_log->n++] = *change;
    return status;
}

bool rt_augment_put(rt_augment_job *job, int64_t i, char to, float *out_old)
{
    if (!job->xyz) return false;
    float *residue = job->xyz + i * RT_SLOT_COUNT * 3;
    memcpy(out_old, residue, RT_SLOT_COUNT * 3 * sizeof *residue);
    if (!rt_nucleobase_replace(residue, job->sequence[i], to)) return false;
    job->sequence[i] = to;
    rt_base_fit_move(&job->fit, job->xyz, i);
    return true;
}

void rt_augment_undo(rt_augment_job *job, int64_t i, char from, const float *old)
{
    memcpy(job->xyz + i * RT_SLOT_COUNT * 3, old, RT_SLOT_COUNT * 3 * sizeof *old);
    job->sequence[i] = from;
    rt_base_fit_move(&job->fit, job->xyz, i);
}

void rt_augment_mask_base(float *residue)
{
    for (int slot = RT_SLOT_N1; slot <= RT_SLOT_O6; slot++)
        for (int d = 0; d < 3; d++) residue[3 * slot + d] = NAN;
}

/* ---- a variant ---------------------------------------------------------------------------------------------------- */

static const struct {
    rt_augment_kind kind;
    rt_draw purpose;
    rt_status (*make)(rt_augment_job *job, rt_err *err);
} MAKER[] = {
    {RT_AUGMENT_HOMOLOG, RT_DRAW_HOMOLOG, rt_aug_homolog_make},
    {RT_AUGMENT_COMPENSATORY, RT_DRAW_COMPENSATORY, rt_aug_compensatory_make},
    {RT_AUGMENT_LOOP, RT_DRAW_LOOP, rt_aug_loop_make},
};

/* Which augmentation each residue's letter is of: those that differ from what they were are `kind`'s. */
static void mark_changed(uint8_t *by, char *was, const rt_augment_example *e, rt_augment_kind kind)
{
    for (int64_t i = 0; i < e->length; i++)
        if (e->sequence[i] != was[i]) by[i] = (uint8_t)kind, was[i] = e->sequence[i];
}

/* A further conformation gets the letters of the first, judged by what it is itself (what is around the first one stands
 * elsewhere in another); what has no label in the first's example has none here.  What is masked here alone is counted
 * where the letter, or that of the pair's other base, is from.  `by`: as marked.  letters: native ones, overwritten. */
static rt_status rebuild_other(rt_augment_example *e, rt_augment_tally *tally, const rt_augment_plan *plan,
                               const rt_target *target, const rt_fold_map *map, int64_t conformation, const uint8_t *by,
                               char *letters, rt_err *err)
{
    rt_status status = RT_OK;
    const int64_t stride = RT_SLOT_COUNT * 3;
    const float *first = rt_target_xyz(target, 0), *native = rt_target_xyz(target, conformation);
    rt_augment_job job = {.target = target, .map = map, .sequence = letters};
    rt_augment_kind pairs_by = RT_AUGMENT_COMPENSATORY;
    RT_TRY_ALLOC(job.xyz, e->length * stride);
    memcpy(job.xyz, native, (size_t)(e->length * stride) * sizeof *job.xyz);
    RT_TRY(rt_base_fit_create(&job.fit, job.xyz, e->length, err));
    for (int64_t i = 0; i < e->length; i++)
        if (by[i] == RT_AUGMENT_HOMOLOG) pairs_by = RT_AUGMENT_HOMOLOG;
    RT_TRY(rt_augment_thread(&job, e->sequence, rt_augment_value(plan, pairs_by, "bonds"), err));
    for (int64_t i = 0; i < e->length; i++) {
        float *residue = job.xyz + i * stride;
        if (rt_augment_is_lost(first + i * stride, e->xyz + i * stride, RT_SLOT_N1)) rt_augment_mask_base(residue);
        else if (rt_augment_is_lost(native + i * stride, residue, RT_SLOT_N1))
            tally->of[by[i] || map->partner[i] < 0 ? by[i] : by[map->partner[i]]].masked++;
        for (int64_t k = 0; rt_augment_is_lost(first + i * stride, e->xyz + i * stride, RT_SLOT_C1P) && k < stride; k++)
            residue[k] = NAN;
    }
    memcpy(e->xyz, job.xyz, (size_t)(e->length * stride) * sizeof *job.xyz);
done:
    free(job.xyz);
    rt_base_fit_free_members(&job.fit);
    return status;
}

rt_status rt_augment_make(rt_augment_example *out_example, rt_augment_tally *opt_tally, rt_augment_log *opt_log,
                          const rt_augment_plan *plan, const rt_target *target, const rt_fold_map *map,
                          const rt_homologs *opt_homologs, const rt_augment_draw *draw, rt_err *err)
{
    rt_status status = RT_OK;
    rt_augment_example *e = out_example;
    rt_augment_tally tally = {0};
    rt_augment_job job = {.target = target, .map = map, .opt_homologs = opt_homologs, .opt_log = opt_log};
    int64_t size = target->length * target->n_slot * 3;
    char *was = NULL;
    uint8_t *by = NULL;          /* rt_augment_kind; 0: the letter is native */
    *e = (rt_augment_example){.length = target->length, .n_slot = target->n_slot};
    e->sequence = rt_copy_text(target->sequence, target->length, err);
    if (!e->sequence) RT_TRY(RT_ERR_MEMORY);
    if (target->n_conformation > 0) {
        RT_TRY_ALLOC(e->xyz, size);
        memcpy(e->xyz, rt_target_xyz(target, 0), (size_t)size * sizeof *e->xyz);
    }
    RT_TRY_ALLOC(by, target->length);
    was = rt_copy_text(target->sequence, target->length, err);
    if (!was) RT_TRY(RT_ERR_MEMORY);
    job.sequence = e->sequence;
    if (map->has_bases) {
        job.xyz = e->xyz;
        RT_TRY(rt_base_fit_create(&job.fit, job.xyz, e->length, err));
        job.fit.opt_around = &map->around;
    }
    for (size_t m = 0; m < sizeof MAKER / sizeof *MAKER; m++) {
        rt_augment_kind kind = MAKER[m].kind;
        if (!(draw->kinds & RT_AUGMENT_BIT(kind))) continue;
        job.setting = &plan->setting[kind], job.count = &tally.of[kind];
        job.rng = rt_rng_make(plan->seed, rt_hash_text(target->id), (uint64_t)draw->variant, MAKER[m].purpose);
        job.count->drawn++;
        RT_TRY(MAKER[m].make(&job, err));
        job.count->applied += job.count->changes > 0;
        mark_changed(by, was, e, kind);
    }
    if (draw->conformation > 0 && map->has_bases) {
        memcpy(was, target->sequence, (size_t)target->length);
        RT_TRY(rebuild_other(e, &tally, plan, target, map, draw->conformation, by, was, err));
    } else if (draw->conformation > 0) {
        memcpy(e->xyz, rt_target_xyz(target, draw->conformation), (size_t)size * sizeof *e->xyz);
    }
    if (opt_tally) rt_augment_tally_add(opt_tally, &tally);
done:
    free(was);
    free(by);
    rt_base_fit_free_members(&job.fit);
    if (status != RT_OK) rt_augment_example_free_members(e);
    return status;
}
