/* aug_homolog.c - tier 4: the letters of a relative in the family's seed alignment on this target's structure */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "prep/augment_internal.h"

enum { P, IDENTITY, GAPS, LIMIT, BONDS };

static const rt_augment_key KEY[] = {
    {.name = "p", .type = RT_AUGMENT_NUMBER, .fallback = "0.25", .low = 0, .high = 1, .help = "share of samples"},
    {.name = "identity", .type = RT_AUGMENT_NUMBER, .fallback = "0.6", .low = 0.3, .high = 1,
     .help = "least share of the target's residues that are the same"},
    {.name = "gaps", .type = RT_AUGMENT_NUMBER, .fallback = "0.1", .low = 0, .high = 0.5,
     .help = "most residues without a counterpart, and most insertions, over the length"},
    {.name = "limit", .type = RT_AUGMENT_NUMBER, .fallback = "100", .low = 1, .high = 1e9,
     .help = "most examples of a family, over all its targets"},
    {.name = "bonds", .type = RT_AUGMENT_NUMBER, .fallback = "0.3", .low = 0, .high = 5,
     .help = "as in compensatory; a pair that is worse has its bases' labels masked"},
    {0},
};

const rt_augmentation rt_aug_homolog = {
    .name = "homolog", .tier = 4, .needs = "all-atom structure, families, seed alignments",
    .changes = "sequence, MSA's query row, labels: new bases, gaps masked",
    .help = "a sequence of the family's seed alignment threaded on the structure", .key = KEY};

static const int64_t STRIDE = RT_SLOT_COUNT * 3;

static rt_status note_residue(rt_augment_job *job, int64_t i, const char *name, rt_err *err)
{
    const float *native = rt_target_xyz(job->target, 0);
    rt_augment_change change = {.kind = RT_AUGMENT_HOMOLOG, .i = i, .j = -1, .from = {job->target->sequence[i]},
                                .to = {job->sequence[i]}, .probability = NAN, .bonds_before = NAN, .bonds_after = NAN,
                                .tertiary = job->map->tertiary[i],
                                .masked = rt_augment_is_lost(native + i * STRIDE, job->xyz + i * STRIDE, RT_SLOT_N1)};
    snprintf(change.note, sizeof change.note, "%s", name);
    if (change.from[0] != change.to[0]) return rt_augment_note(job, &change, err);
    job->count->masked += change.masked;   /* a gap, or the unchanged half of a pair */
    return RT_OK;
}

static rt_status note_whole(rt_augment_job *job, rt_augment_reason reason, rt_err *err)
{
    rt_augment_change none = {.kind = RT_AUGMENT_HOMOLOG, .reason = reason, .i = -1, .j = -1, .probability = NAN,
                              .bonds_before = NAN, .bonds_after = NAN};
    return rt_augment_note(job, &none, err);
}

rt_status rt_aug_homolog_make(rt_augment_job *job, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_homologs *all = job->opt_homologs;
    if (!job->xyz) return note_whole(job, RT_REASON_UNRESOLVED, err);
    if (!all || all->n == 0) return note_whole(job, RT_REASON_NO_HOMOLOG, err);
    const rt_homolog *one = &all->homolog[rt_rng_below(&job->rng, 0, all->n)];
    RT_TRY(rt_augment_thread(job, one->letters, job->setting->value[BONDS], err));
    for (int64_t i = 0; i < job->map->length; i++) {
        for (int64_t k = 0; one->letters[i] == '-' && k < STRIDE; k++) job->xyz[i * STRIDE + k] = NAN;
        RT_TRY(note_residue(job, i, one->name, err));
    }
done:
    return status;
}
