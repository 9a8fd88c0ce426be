/* candidates.h - the structures of each target that may be submitted: of folders that `predict` wrote, and of others
 * Room: ship.  Uses: io/csv, score/molecule, score/selection, score/set.
 *
 * Targets and their sequences are those of the folders' submission.csv, in the order of the first folder.  A folder's
 * candidates are the samples of <target>/summary.json that have a structure file (predict --keep says how many), with
 * their scores.  Outside predictions are what score/set reads: a table as a submission.csv, a structure file, or a folder
 * of them; they have no scores.
 *
 * A candidate is a C1' position for every residue of the target.  One that lacks a residue, has another sequence or a
 * coordinate that is no number is left out, counted in its source, and the first one's reason is kept; one that repeats an
 * earlier one to 0.002 A (the empty columns of a submission do) is counted, too.
 */
#ifndef RT_SHIP_CANDIDATES_H
#define RT_SHIP_CANDIDATES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "score/selection.h"

typedef struct {
    const char *const *pred;   /* folders of `rnatune predict`, one at least */
    const char *const *pool;   /* outside predictions */
    int n_pred, n_pool;
} rt_candidates_options;

/* Where candidates come from: the pred folders, then the pools. */
typedef struct {
    const char *path;
    bool own;                  /* a folder of ours, with scores */
    int64_t n_used, n_repeated, n_left_out;   /* of the targets that were loaded */
    int64_t n_not_kept;        /* samples that have no structure file, because predict kept fewer */
    int64_t n_missing;         /* targets that are not finished in this folder */
    char reason[640];          /* why the first candidate was left out, "" */
    char missing[RT_SCORE_NAME];   /* the first target that is not finished */
} rt_candidates_source;

typedef struct {
    int source;
    char model[RT_SCORE_NAME];     /* a file's name without ending, or the number of a table's columns */
    char checkpoint[256];          /* "" for outside predictions */
    rt_selection_sample own;       /* number and scores; NaN for outside predictions */
    float *c1;                     /* (N,3) Angstrom */
} rt_candidate;

/* The candidates of one target: sources in order, a source's samples as they were drawn. */
typedef struct {
    const char *target, *sequence;
    int64_t length;
    rt_candidate *item;
    int64_t n, capacity;
} rt_candidate_list;

typedef struct rt_candidates rt_candidates;

/* Errors: RT_ERR_IO, RT_ERR_FORMAT (with file and line), RT_ERR_MISMATCH (two folders have another sequence of one target;
 * a pool of which nothing belongs to a target), RT_ERR_MEMORY. */
rt_status rt_candidates_open(rt_candidates **ret_candidates, const rt_candidates_options *options, rt_err *err);
void rt_candidates_close(rt_candidates *candidates);   /* NULL ok */

int64_t rt_candidates_targets(const rt_candidates *candidates);
const char *rt_candidates_target(const rt_candidates *candidates, int64_t target);
const char *rt_candidates_sequence(const rt_candidates *candidates, int64_t target);
int rt_candidates_sources(const rt_candidates *candidates);
const rt_candidates_source *rt_candidates_source_at(const rt_candidates *candidates, int source);

/* Reads the candidates of a target, once each.  Errors: RT_ERR_IO and RT_ERR_FORMAT for a summary.json, RT_ERR_MEMORY. */
rt_status rt_candidates_load(rt_candidates *candidates, rt_candidate_list *out_list, int64_t target, rt_err *err);
void rt_candidate_list_free_members(rt_candidate_list *list);

#endif
