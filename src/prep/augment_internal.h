/* augment_internal.h - what the files of the augmentations share: a row of the table each, and the example being made
 * Room: prep.  Uses: prep/augment, prep/base_fit.  Not for others.
 */
#ifndef RT_PREP_AUGMENT_INTERNAL_H
#define RT_PREP_AUGMENT_INTERNAL_H

#include <math.h>

#include "prep/augment.h"
#include "prep/base_fit.h"

/* An example in the making: native letters and coordinates, of which the changed ones are overwritten. */
typedef struct {
    const rt_augment_setting *setting;
    const rt_target *target;
    const rt_fold_map *map;
    const rt_homologs *opt_homologs;
    rt_rng rng;                  /* of this augmentation and variant */
    rt_augment_count *count;
    rt_augment_log *opt_log;
    char *sequence;
    float *xyz;                  /* (length, RT_SLOT_COUNT, 3); NULL when the target has no bases */
    rt_base_fit fit;             /* of xyz */
} rt_augment_job;

extern const rt_augmentation rt_aug_noise, rt_aug_compensatory, rt_aug_loop, rt_aug_homolog;

/* Change the job's sequence and coordinates, and count.  Errors: RT_ERR_MEMORY. */
rt_status rt_aug_compensatory_make(rt_augment_job *job, rt_err *err);
rt_status rt_aug_loop_make(rt_augment_job *job, rt_err *err);
rt_status rt_aug_homolog_make(rt_augment_job *job, rt_err *err);

/* Adds one change that was drawn to the counts and, when there is one, to the log. */
rt_status rt_augment_note(rt_augment_job *job, const rt_augment_change *change, rt_err *err);

/* Puts another base on residue i of the job; its old atoms go to out_old (RT_SLOT_COUNT * 3) for rt_augment_undo.  False,
 * and nothing changed, when the old base is not whole or the target has none. */
bool rt_augment_put(rt_augment_job *job, int64_t i, char to, float *out_old);
void rt_augment_undo(rt_augment_job *job, int64_t i, char from, const float *old);
/* Atoms of residue i's base become missing. */
void rt_augment_mask_base(float *residue);
/* The clashes of base i and, j >= 0, of base j, between the two once. */
rt_base_clashes rt_augment_clashes(const rt_augment_job *job, int64_t i, int64_t j);

/* Gives the job, which is native, other letters (length; '-': stays) on the same backbone.  All bases are put first, then
 * each canonical pair, and each other residue, is judged as it stands among the new ones: what clashes more than it did,
 * or has hydrogen bonds worse by more than `bonds` Angstrom, or cannot be rebuilt, stands otherwise than the old one did;
 * where that is, nobody has seen: its bases are masked.  Errors: RT_ERR_MEMORY. */
rt_status rt_augment_thread(rt_augment_job *job, const char *letters, double bonds, rt_err *err);

/* Has the atom lost its label? */
static inline bool rt_augment_is_lost(const float *before, const float *after, int slot)
{
    return isfinite(before[3 * slot]) && !isfinite(after[3 * slot]);
}

/* The kinds of tertiary contacts that count, of a list of relaxed conditions in which `tertiary` stands for all of them
 * and each kind follows by itself. */
static inline uint32_t rt_augment_minded(uint32_t relaxed, uint32_t tertiary)
{
    return relaxed & tertiary ? 0 : RT_TERTIARY_ANY & ~(relaxed / (2 * tertiary));
}

#endif
