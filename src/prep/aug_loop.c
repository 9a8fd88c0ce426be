/* aug_loop.c - tier 3: other letters inside long loops, where no contact depends on them */
#include <math.h>
#include <string.h>

#include "prep/augment_internal.h"

enum { P, SHARE, LONGER, RELAX };
enum { RELAX_TERTIARY = 1, DRAWS_PER_RESIDUE = 3 };

/* After `tertiary`, in the order of the RT_TERTIARY_ bits. */
static const char *const CONDITION[] = {"tertiary",     "a-minor", "triple",     "ribose",     "phosphate",
                                        "noncanonical", "base",    "pseudoknot", "long-range", "chain",
                                        "ligand",       NULL};

static const rt_augment_key KEY[] = {
    {.name = "p", .type = RT_AUGMENT_NUMBER, .fallback = "0.5", .low = 0, .high = 1, .help = "share of samples"},
    {.name = "share", .type = RT_AUGMENT_NUMBER, .fallback = "0.4", .low = 0, .high = 1,
     .help = "most of a loop's residues that change"},
    {.name = "longer-than", .type = RT_AUGMENT_NUMBER, .fallback = "6", .low = 4, .high = 1000,
     .help = "residues: shorter loops stay as they are; tetraloops always do"},
    {.name = "relax", .type = RT_AUGMENT_NAMES, .fallback = "", .names = CONDITION,
     .help = "conditions that need not hold: tertiary, or a kind of tertiary contact"},
    {0},
};

const rt_augmentation rt_aug_loop = {
    .name = "loop", .tier = 3, .needs = "all-atom structure", .changes = "sequence, MSA's query row, labels of the new bases",
    .help = "other letters in the interior of long loops, bases rebuilt on their sugars", .key = KEY};

static rt_status change_residue(rt_augment_job *job, int64_t i, rt_augment_reason *out_reason, rt_err *err)
{
    static const char LETTER[] = "ACGU";
    float old[RT_SLOT_COUNT * 3];
    char from = job->sequence[i];
    rt_augment_change change = {.kind = RT_AUGMENT_LOOP, .i = i, .j = -1, .from = {from}, .probability = NAN,
                                .bonds_before = NAN, .bonds_after = NAN, .tertiary = job->map->tertiary[i]};
    if (job->map->tetraloop[i]) change.reason = RT_REASON_TETRALOOP;
    else if (job->map->tertiary[i] & rt_augment_minded(job->setting->bits[RELAX], RELAX_TERTIARY))
        change.reason = RT_REASON_TERTIARY;
    else if (!job->xyz) change.reason = RT_REASON_UNRESOLVED;
    if (change.reason == RT_REASON_NONE) {
        int64_t own = strchr(LETTER, from) - LETTER;
        change.to[0] = LETTER[(own + 1 + rt_rng_below(&job->rng, (uint64_t)(DRAWS_PER_RESIDUE * i), 3)) % 4];
        rt_base_clashes clashes = rt_base_fit_clashes(&job->fit, job->xyz, i, from, -1);
        if (!rt_augment_put(job, i, change.to[0], old)) change.reason = RT_REASON_UNRESOLVED;
        else if (rt_base_fit_is_worse(rt_base_fit_clashes(&job->fit, job->xyz, i, change.to[0], -1), clashes)) {
            rt_augment_undo(job, i, from, old);
            change.reason = RT_REASON_CLASH;
        }
    }
    *out_reason = change.reason;
    return rt_augment_note(job, &change, err);
}

/* The interior in a drawn order, until so many residues have changed. */
static rt_status change_loop(rt_augment_job *job, const rt_fold_loop *loop, rt_err *err)
{
    const int64_t first = loop->first + 1, n = loop->n - 2;
    int64_t most = (int64_t)floor(job->setting->value[SHARE] * loop->n), changed = 0;
    if (most < 1) return RT_OK;
    most = 1 + rt_rng_below(&job->rng, (uint64_t)(DRAWS_PER_RESIDUE * first + 1), most);
    /* the k-th smallest of the residues' own numbers: a permutation without memory for one */
    double last = -1;
    for (int64_t k = 0; k < n && changed < most; k++) {
        int64_t next = -1;
        double least = 2;
        rt_augment_reason reason;
        for (int64_t i = first; i < first + n; i++) {
            double own = rt_rng_uniform(&job->rng, (uint64_t)(DRAWS_PER_RESIDUE * i + 2));
            if (own > last && own < least) least = own, next = i;
        }
        if (next < 0) break;
        last = least;
        rt_status status = change_residue(job, next, &reason, err);
        if (status != RT_OK) return status;
        changed += reason == RT_REASON_NONE;
    }
    return RT_OK;
}

rt_status rt_aug_loop_make(rt_augment_job *job, rt_err *err)
{
    rt_status status = RT_OK;
    bool any = false;
    for (int64_t l = 0; l < job->map->n_loop; l++) {
        const rt_fold_loop *loop = &job->map->loop[l];
        rt_augment_change passed = {.kind = RT_AUGMENT_LOOP, .i = loop->first, .j = -1, .probability = NAN,
                                    .bonds_before = NAN, .bonds_after = NAN};
        if (loop->n > job->setting->value[LONGER]) {
            any = true;
            RT_TRY(change_loop(job, loop, err));
            continue;
        }
        passed.reason = loop->hairpin && loop->n == 4 ? RT_REASON_TETRALOOP : RT_REASON_SHORT_LOOP;
        RT_TRY(rt_augment_note(job, &passed, err));
    }
    if (!any) {
        rt_augment_change none = {.kind = RT_AUGMENT_LOOP, .reason = RT_REASON_NO_LOOP, .i = -1, .j = -1, .probability = NAN,
                                  .bonds_before = NAN, .bonds_after = NAN};
        RT_TRY(rt_augment_note(job, &none, err));
    }
done:
    return status;
}
