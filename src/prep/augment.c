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

/* A further conformation gets the letters of the first: each base is rebuilt there, or has no label; nor has what has
 * none in the first's example. */
static void rebuild_others(float *xyz, const rt_target *target, const float *first, const char *sequence,
                           rt_augment_count *count)
{
    const int64_t stride = RT_SLOT_COUNT * 3;
    const float *native = rt_target_xyz(target, 0);
    for (int64_t i = 0; i < target->length; i++) {
        float *residue = xyz + i * stride;
        char from = target->sequence[i];
        bool placed = from == sequence[i] || rt_nucleobase_replace(residue, from, sequence[i]);
        count->masked += !placed;
        if (!placed || rt_augment_is_lost(native + i * stride, first + i * stride, RT_SLOT_N1)) rt_augment_mask_base(residue);
        for (int64_t k = 0; rt_augment_is_lost(native + i * stride, first + i * stride, RT_SLOT_C1P) && k < stride; k++)
            residue[k] = NAN;
    }
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
    float *other = NULL;
    *e = (rt_augment_example){.length = target->length, .n_slot = target->n_slot};
    e->sequence = rt_copy_text(target->sequence, target->length, err);
    if (!e->sequence) RT_TRY(RT_ERR_MEMORY);
    if (target->n_conformation > 0) {
        RT_TRY_ALLOC(e->xyz, size);
        memcpy(e->xyz, rt_target_xyz(target, 0), (size_t)size * sizeof *e->xyz);
    }
    job.sequence = e->sequence;
    if (map->has_bases) {
        job.xyz = e->xyz;
        RT_TRY(rt_base_fit_create(&job.fit, job.xyz, e->length, err));
    }
    for (size_t m = 0; m < sizeof MAKER / sizeof *MAKER; m++) {
        rt_augment_kind kind = MAKER[m].kind;
        if (!(draw->kinds & RT_AUGMENT_BIT(kind))) continue;
        job.setting = &plan->setting[kind], job.count = &tally.of[kind];
        job.rng = rt_rng_make(plan->seed, rt_hash_text(target->id), (uint64_t)draw->variant, MAKER[m].purpose);
        job.count->drawn++;
        RT_TRY(MAKER[m].make(&job, err));
        job.count->applied += job.count->changes > 0;
    }
    if (draw->conformation > 0) {
        RT_TRY_ALLOC(other, size);
        memcpy(other, rt_target_xyz(target, draw->conformation), (size_t)size * sizeof *other);
        if (map->has_bases)
            rebuild_others(other, target, e->xyz, e->sequence, &tally.of[RT_AUGMENT_COMPENSATORY]);
        free(e->xyz);
        e->xyz = other;
        other = NULL;
    }
    if (opt_tally) rt_augment_tally_add(opt_tally, &tally);
done:
    free(other);
    rt_base_fit_free_members(&job.fit);
    if (status != RT_OK) rt_augment_example_free_members(e);
    return status;
}
