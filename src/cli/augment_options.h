/* augment_options.h - options that `augment` and `train` share: which augmentations, and what they need
 * Room: cli.  Uses: cli/options, cli/run_record, prep/augment_set, prep/audit.
 */
#ifndef RT_CLI_AUGMENT_OPTIONS_H
#define RT_CLI_AUGMENT_OPTIONS_H

#include "cli/options.h"
#include "cli/run_record.h"
#include "prep/augment_set.h"

#define RT_AUGMENT_OPTION_ROWS                                                                                           \
    {.name = "augment", .type = RT_OPTION_TEXT, .repeated = true, .value = "NAME[:KEY=X,..]",                             \
     .help = "noise, compensatory, loop or homolog, as compensatory:p=0.5,min-p=0.9; 'augment --list' lists the keys"},   \
    {.name = "variants", .type = RT_OPTION_INT, .value = "N", .fallback = "4", .low = 1, .high = 1000,                    \
     .help = "changed sequences of each target and augmentation that samples draw from"},                                 \
    {.name = "pairs-by", .type = RT_OPTION_CHOICE, .choices = "eternafold|vienna", .fallback = "eternafold",              \
     .help = "augmentation compensatory: what predicts pair probabilities, as 'rnatune pairs --method'"},                 \
    {.name = "pairs-cache", .type = RT_OPTION_OUT_FOLDER, .value = "DIR",                                                 \
     .help = "augmentation compensatory: keep predicted pairs there, for the next run too"},                              \
    {.name = "pairs-longest", .type = RT_OPTION_INT, .value = "N", .fallback = "2000", .low = 1, .high = 100000,          \
     .help = "augmentation compensatory: residues of the longest target whose pairs are predicted"},                      \
    {.name = "families", .type = RT_OPTION_FILE, .value = "FILE",                                                         \
     .help = "augmentation homolog: from 'rnatune families'"},                                                            \
    {.name = "seeds", .type = RT_OPTION_FILE, .repeated = true, .value = "FILE",                                          \
     .help = "augmentation homolog: seed alignments of families, Stockholm: Rfam.seed, plain or gzip"}

/* What the options open.  Start from {0}. */
typedef struct {
    rt_predictor *predictor;
    rt_seeds seeds;
    rt_family_table families;
    rt_held_out held;
    rt_augment_set *set;       /* NULL: no --augment */
} rt_augment_inputs;

/* plan: read from --augment; the caller may have put more into it.  split_path: the audited file of opt_split, whose audit
 * gives limits and held-out tables; NULL: nothing is held out.  record (may be NULL) gets the files' hashes.
 * Errors: those of the files and of rt_augment_set_open; RT_ERR_USAGE when --families or --seeds is missing. */
rt_status rt_augment_inputs_open(rt_augment_inputs *inputs, rt_augment_plan *plan, const rt_options *options,
                                 const rt_dataset *set, const int64_t *target, int64_t n_target, const rt_split *opt_split,
                                 const char *split_path, rt_pool *pool, rt_run_record *record, rt_err *err);
void rt_augment_inputs_close(rt_augment_inputs *inputs);

/* {"plan": [..], "list": {..}, "made": {..}} and, with opt_samples, "samples": {..}; json_decref() it. */
json_t *rt_augment_inputs_json(const rt_augment_set *set, const rt_augment_tally *opt_samples);
/* One line for each augmentation and count that is not 0: "augmentation what count". */
void rt_augment_inputs_print_tally(FILE *out, const char *prefix, const rt_augment_plan *plan, const rt_augment_tally *tally);
/* stderr: what the list holds. */
void rt_augment_inputs_say(const rt_augment_set *set);

#endif
