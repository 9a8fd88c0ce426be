/* aug_compensatory.c - tier 2: another Watson-Crick pair in the place of one that base pairing alone explains */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "prep/augment_internal.h"
#include "prep/helices.h"

enum { P, HELIX, PAIR, MIN_P, BONDS, RELAX };
enum { RELAX_PROBABILITY = 1, RELAX_CANONICAL = 2, RELAX_TERTIARY = 4 };
enum { DRAWS_PER_PAIR = 2, ATTEMPTS = 8 };
/* Angstrom from ideal: at 4.0 a bond is none any more, and an old pair that poor says nothing about a new one. */
static const double LOOSEST = 1.0;

/* After `tertiary`, in the order of the RT_TERTIARY_ bits. */
static const char *const CONDITION[] = {"probability", "canonical",    "tertiary", "a-minor",    "triple",
                                        "ribose",      "phosphate",    "noncanonical", "base",   "pseudoknot",
                                        "long-range",  "chain",        "ligand",   NULL};

static const rt_augment_key KEY[] = {
    {.name = "p", .type = RT_AUGMENT_NUMBER, .fallback = "0.5", .low = 0, .high = 1, .help = "share of samples"},
    {.name = "helix", .type = RT_AUGMENT_NUMBER, .fallback = "0.8", .low = 0, .high = 1, .help = "share of helices drawn"},
    {.name = "pair", .type = RT_AUGMENT_NUMBER, .fallback = "0.5", .low = 0, .high = 1,
     .help = "share of pairs drawn in such a helix"},
    {.name = "min-p", .type = RT_AUGMENT_NUMBER, .fallback = "0.95", .low = 0, .high = 1,
     .help = "least probability of the pair, predicted from the sequence"},
    {.name = "bonds", .type = RT_AUGMENT_NUMBER, .fallback = "0.3", .low = 0, .high = 5,
     .help = "how much worse than the old pair's the new hydrogen bonds may be, Angstrom"},
    {.name = "relax", .type = RT_AUGMENT_NAMES, .fallback = "", .names = CONDITION,
     .help = "conditions that need not hold: probability, canonical, tertiary or a kind of tertiary contact"},
    {0},
};

const rt_augmentation rt_aug_compensatory = {
    .name = "compensatory", .tier = 2, .needs = "all-atom structure, pair probabilities",
    .changes = "sequence, MSA's query row, labels of the new bases",
    .help = "GC, CG, AU and UA for each other in helices, bases rebuilt on their sugars", .key = KEY};

/* The pairs to draw from: canonical ones of the structure, and the predicted where they need not be there. */
static int32_t partner_of(const rt_augment_job *job, int64_t i)
{
    const rt_fold_map *map = job->map;
    if (map->partner[i] >= 0) return map->partner[i];
    int32_t j = map->predicted[i];
    bool taken = j < 0 || map->partner[j] >= 0 || map->predicted[j] != i;
    return job->setting->bits[RELAX] & RELAX_CANONICAL && !taken && map->probability[i] > 0 ? j : -1;
}

static rt_augment_reason judge(const rt_augment_job *job, int64_t i, int64_t j)
{
    const rt_fold_map *map = job->map;
    const rt_augment_setting *s = job->setting;
    if (!rt_base_fit_is_watson_crick(job->sequence[i], job->sequence[j])) return RT_REASON_WOBBLE;
    if (!(s->bits[RELAX] & RELAX_PROBABILITY) && !((double)map->probability[i] >= s->value[MIN_P]))
        return RT_REASON_IMPROBABLE;
    const uint32_t minded = rt_augment_minded(s->bits[RELAX], RELAX_TERTIARY);
    return (map->tertiary[i] | map->tertiary[j]) & minded ? RT_REASON_TERTIARY : RT_REASON_NONE;
}

/* ---- what is drawn ------------------------------------------------------------------------------------------------ */

/* The element of a residue's draws in an attempt: a pair's are its 5' residue's, a helix's the 3' residue's of its first
 * pair, which is no pair's own. */
static uint64_t element_of(const rt_augment_job *job, int64_t attempt, int64_t residue)
{
    return (uint64_t)(DRAWS_PER_PAIR * (attempt * job->map->length + residue));
}

static bool draws_helix(const rt_augment_job *job, int64_t attempt, const rt_helix *helix)
{
    return rt_rng_uniform(&job->rng, element_of(job, attempt, helix->j)) < job->setting->value[HELIX];
}

static bool draws_pair(const rt_augment_job *job, int64_t attempt, int64_t i)
{
    return rt_rng_uniform(&job->rng, element_of(job, attempt, i)) < job->setting->value[PAIR];
}

static bool draws_any_that_may_change(const rt_augment_job *job, int64_t attempt, const rt_helices *helices)
{
    for (int64_t h = 0; h < helices->n; h++) {
        const rt_helix *helix = &helices->helix[h];
        if (!draws_helix(job, attempt, helix)) continue;
        for (int64_t k = 0; k < helix->n; k++)
            if (draws_pair(job, attempt, helix->i + k) && judge(job, helix->i + k, helix->j - k) == RT_REASON_NONE)
                return true;
    }
    return false;
}

/* Where few pairs may change, most draws hold none of them: such a one is drawn again, some times. */
static int64_t choose_attempt(const rt_augment_job *job, const rt_helices *helices)
{
    for (int64_t attempt = 0; attempt < ATTEMPTS; attempt++)
        if (draws_any_that_may_change(job, attempt, helices)) return attempt;
    return 0;
}

/* ---- what becomes of it ------------------------------------------------------------------------------------------- */

/* Both bases rebuilt, or neither: the reason then.  paired: in the structure, so that there are bonds to be kept. */
static rt_augment_reason rebuild(rt_augment_job *job, rt_augment_change *change, bool paired)
{
    float old_i[RT_SLOT_COUNT * 3], old_j[RT_SLOT_COUNT * 3];
    const int64_t i = change->i, j = change->j, stride = RT_SLOT_COUNT * 3;
    const float *at_i = job->xyz + i * stride, *at_j = job->xyz + j * stride;
    rt_augment_reason reason = RT_REASON_NONE;
    if (paired) change->bonds_before = rt_base_fit_bonds(at_i, change->from[0], at_j, change->from[1]);
    rt_base_clashes clashes = rt_augment_clashes(job, i, j);
    if (!rt_augment_put(job, i, change->to[0], old_i)) return RT_REASON_UNRESOLVED;
    if (!rt_augment_put(job, j, change->to[1], old_j)) {
        rt_augment_undo(job, i, change->from[0], old_i);
        return RT_REASON_UNRESOLVED;
    }
    if (paired) change->bonds_after = rt_base_fit_bonds(at_i, change->to[0], at_j, change->to[1]);
    if (paired && !(change->bonds_after <= fmin(change->bonds_before + job->setting->value[BONDS], LOOSEST)))
        reason = RT_REASON_HYDROGEN_BONDS;
    else if (rt_base_fit_is_worse(rt_augment_clashes(job, i, j), clashes)) reason = RT_REASON_CLASH;
    if (reason == RT_REASON_NONE) return reason;
    rt_augment_undo(job, i, change->from[0], old_i);
    rt_augment_undo(job, j, change->from[1], old_j);
    return reason;
}

/* Where bases cannot be rebuilt, and need not be: letters without labels. */
static void set_letters(rt_augment_job *job, rt_augment_change *change)
{
    const int64_t at[] = {change->i, change->j};
    change->masked = job->xyz != NULL;
    for (int k = 0; k < 2; k++) {
        if (job->xyz) rt_augment_mask_base(job->xyz + at[k] * RT_SLOT_COUNT * 3);
        job->sequence[at[k]] = change->to[k];
    }
}

/* One of the three other Watson-Crick pairs. */
static void draw_pair(rt_augment_change *change, int64_t pick)
{
    static const char *const PAIRS[] = {"GC", "CG", "AU", "UA"};
    for (int k = 0; k < 4; k++) {
        if (PAIRS[k][0] == change->from[0] && PAIRS[k][1] == change->from[1]) continue;
        if (pick-- > 0) continue;
        memcpy(change->to, PAIRS[k], 2);
        return;
    }
}

static rt_status change_pair(rt_augment_job *job, int64_t attempt, int64_t i, int64_t j, rt_err *err)
{
    const rt_fold_map *map = job->map;
    rt_augment_change change = {.kind = RT_AUGMENT_COMPENSATORY, .i = i, .j = j, .bonds_before = NAN, .bonds_after = NAN,
                                .from = {job->sequence[i], job->sequence[j]},
                                .probability = map->has_prediction ? (double)map->probability[i] : NAN,
                                .tertiary = map->tertiary[i] | map->tertiary[j]};
    const bool paired = map->partner[i] == j;   /* or the user does not mind that it is not */
    change.reason = judge(job, i, j);
    if (change.reason == RT_REASON_NONE) {
        draw_pair(&change, rt_rng_below(&job->rng, element_of(job, attempt, i) + 1, 3));
        change.reason = job->xyz ? rebuild(job, &change, paired) : RT_REASON_UNRESOLVED;
        if (change.reason == RT_REASON_UNRESOLVED && !paired) {
            set_letters(job, &change);
            change.reason = RT_REASON_NONE;
        }
    }
    return rt_augment_note(job, &change, err);
}

rt_status rt_aug_compensatory_make(rt_augment_job *job, rt_err *err)
{
    rt_status status = RT_OK;
    const int64_t n = job->map->length;
    int32_t *partner = NULL;
    rt_helices helices = {0};
    RT_TRY_ALLOC(partner, n);
    for (int64_t i = 0; i < n; i++) partner[i] = partner_of(job, i);
    RT_TRY(rt_helices_find(&helices, partner, n, err));
    if (helices.n == 0) {
        rt_augment_change none = {.kind = RT_AUGMENT_COMPENSATORY, .reason = RT_REASON_NO_HELIX, .i = -1, .j = -1,
                                  .probability = NAN, .bonds_before = NAN, .bonds_after = NAN};
        RT_TRY(rt_augment_note(job, &none, err));
    }
    const int64_t attempt = choose_attempt(job, &helices);
    for (int64_t h = 0; h < helices.n; h++) {
        const rt_helix *helix = &helices.helix[h];
        for (int64_t k = 0; draws_helix(job, attempt, helix) && k < helix->n; k++)
            if (draws_pair(job, attempt, helix->i + k))
                RT_TRY(change_pair(job, attempt, helix->i + k, helix->j - k, err));
    }
done:
    rt_helices_free_members(&helices);
    free(partner);
    return status;
}
