/* augment_set.h - the augmented examples that a training run may draw: a closed list, made and screened before it starts
 * Room: prep.  Uses: base/pool, base/progress, prep/augment, prep/augmented, prep/held_out, prep/predictor, prep/similar,
 * prep/split.
 *
 * Each target has so many variants of each combination of augmentations that change sequences: compensatory, loop, both,
 * and homolog alone.  All are made once, and every new sequence is held against the targets that do not train and the
 * held-out tables, by the measure of the audit's seventh check: what is too near is refused, here and for good.  The list
 * is an rt_augmented, which `rnatune audit --augmented` reads.  Nothing of a sequence is drawn later: a sample only picks.
 *
 * After rt_augment_set_open any number of threads may use it.
 */
#ifndef RT_PREP_AUGMENT_SET_H
#define RT_PREP_AUGMENT_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/pool.h"
#include "base/status.h"
#include "prep/augment.h"
#include "prep/augmented.h"
#include "prep/held_out.h"
#include "prep/predictor.h"
#include "prep/split.h"

typedef struct {
    const rt_dataset *set;
    const int64_t *target;             /* numbers in the set of those that train; copied */
    int64_t n_target;
    rt_augment_plan plan;
    int64_t variants;                  /* of each combination, >= 1 */
    rt_predictor *opt_predictor;       /* needed where a pair's probability counts; NULL: none is predicted */
    int64_t longest;                   /* residues: longer targets' pairs are not predicted */
    const rt_seeds *opt_seeds;         /* HOMOLOG: seed alignments and the targets' families */
    const rt_family_table *opt_families;
    const rt_split *opt_split;         /* its validation and test targets are held out; NULL: there are none */
    const rt_held_out *opt_held;
    double identity, chance;           /* as in the audit */
    bool around;                       /* look at the structures' files for what is around the RNA */
} rt_augment_set_options;

typedef struct rt_augment_set rt_augment_set;

/* Predicts, annotates, makes and screens.  Shows progress, obeys Ctrl-C.
 * Errors: RT_ERR_MEMORY, RT_ERR_STOPPED, those of the predictor. */
rt_status rt_augment_set_open(rt_augment_set **ret_set, const rt_augment_set_options *options, rt_pool *pool, rt_err *err);
void rt_augment_set_close(rt_augment_set *set);   /* NULL ok */

const rt_augment_plan *rt_augment_set_plan(const rt_augment_set *set);

/* What a sample of a target gets: each augmentation of sequences is in kinds with its probability p, as drawn from
 * (stream, number); a homolog goes alone.  *out_reason: HELD_OUT or FAMILY_LIMIT when this variant must not be used. */
rt_augment_draw rt_augment_set_pick(const rt_augment_set *set, rt_augment_reason *out_reason, const rt_target *target,
                                    uint64_t stream, uint64_t number);
/* May this variant be drawn?  NONE, or why it is refused: HELD_OUT or FAMILY_LIMIT. */
rt_augment_reason rt_augment_set_refusal(const rt_augment_set *set, const rt_target *target, const rt_augment_draw *draw);
/* Is noise drawn for this sample? */
bool rt_augment_set_has_noise(const rt_augment_set *set, uint64_t stream, uint64_t number);

/* As rt_augment_make, for a draw that was picked (its conformation set by the caller).  A target that is not in the list
 * is a bug. */
rt_status rt_augment_set_make(const rt_augment_set *set, rt_augment_example *out_example, rt_augment_tally *opt_tally,
                              rt_augment_log *opt_log, const rt_target *target, const rt_augment_draw *draw, rt_err *err);

/* Every variant that may be drawn and changes something: what the audit is to look at. */
const rt_augmented *rt_augment_set_record(const rt_augment_set *set);
/* SHA-256 of that list: two runs with the same plan and list draw the same examples. */
const char *rt_augment_set_hash(const rt_augment_set *set);

typedef struct {
    int64_t targets, changed_targets;   /* in the list; with a variant that changes something */
    int64_t sequences;                  /* distinct ones with the native, over the changed targets */
    int64_t predicted, surroundings;    /* targets whose pairs were predicted; whose structure's file was there */
    int64_t refused;                    /* variants too near a held-out sequence */
    int64_t limited;                    /* variants beyond their family's limit */
    rt_augment_tally tally;             /* of making every variant once */
} rt_augment_summary;

const rt_augment_summary *rt_augment_set_summary(const rt_augment_set *set);

#endif
