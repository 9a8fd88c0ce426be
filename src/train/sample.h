/* sample.h - one target as training sees it: a crop's features, and apart from them its label
 * Room: train.  Uses: prep/augment_set, prep/dataset, feat/crop, feat/features, feat/label, io/template_file, train/draws.
 * Reference: rnapro/data/rna_dataset_allatom.py process_one
 *
 * The input is made of sequence, alignment and the template file; the label of the experiment's coordinates.  The
 * two meet nowhere: what builds features takes an rt_input, which has no room for the answer.
 *
 * An augmented sample has another sequence on the same fold: tokens, the alignment's query row and the label's bases
 * follow it; the alignment's other rows and the templates, which are C1' alone, stay.
 */
#ifndef RT_TRAIN_SAMPLE_H
#define RT_TRAIN_SAMPLE_H

#include "feat/features.h"
#include "feat/label.h"
#include "io/template_file.h"
#include "prep/augment_set.h"
#include "prep/dataset.h"
#include "train/draws.h"

typedef struct {
    int64_t crop;                       /* tokens; 0: whole targets */
    double template_dropout;            /* probability of training without templates; the reference: 0.5 */
    rt_template_missing template_missing;
    const rt_template_file *opt_templates;   /* NULL: every target trains without */
    const rt_conformers *conformers;
    const rt_augment_set *opt_augment;       /* NULL: nothing is augmented */
} rt_sample_options;

typedef struct {
    rt_draw_key key;
    const rt_target *target;            /* the set's */
    int64_t conformation, start;        /* which experimental structure; first residue of the crop */
    bool has_templates;                 /* false: the state without templates, four at the origin with mask 1 */
    rt_input input;                     /* of the crop */
    rt_features features;               /* on the arena */
    rt_label label;                     /* on the arena */
    rt_augment_tally augmented;         /* what was done to it */
} rt_sample;

/* Draws, crops and builds.  A crop with fewer than three residues whose C1' is resolved is drawn again, up to eight
 * times.
 * tell: warn about an alignment that does not fit (once per target is enough).  Release with
 * rt_sample_free_members; the arena is the caller's.
 * Errors: RT_ERR_MISMATCH (a target without labels, nothing resolved, templates of another sequence), those of the
 * alignment's file, RT_ERR_MEMORY; the target is named. */
rt_status rt_sample_build(rt_sample *out_sample, rt_arena *arena, const rt_sample_options *options,
                          const rt_target *target, const rt_draw_key *key, bool tell, rt_err *err);
void rt_sample_free_members(rt_sample *sample);

#endif
