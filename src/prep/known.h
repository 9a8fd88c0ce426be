/* known.h - secondary structures that are known, and how well predicted base pairs agree with them
 * Room: prep.  Uses: base/file, base/memory, base/pool, base/progress, score/bootstrap, prep/bpseq, prep/pairs_3d,
 * prep/predictor.
 *
 * PPV: the share of the predicted pairs that are known ones.  Sensitivity: the share of the known pairs that were
 * predicted.  Sums run over all pairs of all sequences; intervals are bootstraps over sequences (score/bootstrap.h).
 * A pair must be the same two residues.  Predicted pairs of a residue whose base is not resolved are not counted: there
 * is nothing to hold them against.
 */
#ifndef RT_PREP_KNOWN_H
#define RT_PREP_KNOWN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/pool.h"
#include "base/status.h"
#include "prep/pairs_3d.h"
#include "prep/predictor.h"

typedef struct {
    char name[160];
    char *sequence;
    int64_t length;
    int32_t *partner;        /* (length) known pairs, -1: none */
    bool *resolved;          /* (length) NULL: all */
} rt_known;

typedef struct {
    rt_known *item;
    int64_t n, capacity;
    int64_t n_long, n_bare, n_twice;   /* left out: too long, without a pair, the same sequence and pairs again */
    int64_t n_unread;                  /* files of folders that could not be read */
} rt_known_set;

typedef struct {
    double min_prob;
    int64_t n, n_with;                          /* sequences; those with a predicted pair */
    int64_t n_predicted, n_known, n_right;      /* pairs */
    double ppv, ppv_low, ppv_high;              /* 95% intervals; NaN without pairs, -inf and inf with one sequence */
    double sensitivity, sensitivity_low, sensitivity_high;
} rt_agreement;

/* Adds every chain of a structure, or a bpseq file's structure (by its name: prep/bpseq.h).  longest: longer ones are
 * counted and left out, as are those without pairs and repetitions.  Errors: those of the files; RT_ERR_MEMORY. */
rt_status rt_known_add_file(rt_known_set *set, const char *path, int64_t longest, rt_err *err);
/* Every structure or bpseq file of a folder.  A file that is not what its name says, or has no RNA, is a warning and
 * counted.  Errors: RT_ERR_IO, also for a folder without such files; RT_ERR_MEMORY; RT_ERR_STOPPED. */
rt_status rt_known_add_folder(rt_known_set *set, const char *folder, int64_t longest, rt_err *err);
void rt_known_free_members(rt_known_set *set);

/* Predicts every sequence once and counts at each of n thresholds: out_agreement (n).  Predictor's min_prob must not be
 * above the lowest.  Errors: those of rt_predictor_fold_all. */
rt_status rt_known_compare(rt_agreement *out_agreement, const double *min_prob, int n, const rt_known_set *set,
                           rt_predictor *predictor, rt_pool *pool, rt_err *err);

#endif
