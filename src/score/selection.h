/* selection.h - how well the model's own scores choose among its samples
 * Room: score.  Uses: base/json, score/bootstrap, score/calibration, score/families, score/kmedoids, score/metric,
 *   score/table.
 *
 * Per target and selector: top1 is the quality of the first choice, top1_loss what it falls short of the best sample
 * (the oracle), best5 the best of the first five choices, best5_loss what that falls short, and best5_gain what
 * choosing five gains over five samples taken at random.  Random choices are not drawn: their expectation is exact,
 *     top1: the mean,   best5: sum_i x_(i) C(i-1, 4) / C(n, 5) over the qualities in ascending order.
 * Means are over targets, with 95% intervals of the family bootstrap.  A loss is never negative, also where a lower
 * value is better.
 */
#ifndef RT_SCORE_SELECTION_H
#define RT_SCORE_SELECTION_H

#include <jansson.h>
#include <stdint.h>

#include "base/status.h"
#include "base/text.h"
#include "score/families.h"
#include "score/metric.h"
#include "score/table.h"

/* Fills out_tm (n,n) with the TM-scores between a target's samples, which are named as in the table's `model`; NaN for
 * a pair that is not known. */
typedef rt_status rt_selection_pairwise(void *user, double *out_tm, const char *target, const char *const *model,
                                        int64_t n, rt_err *err);

typedef struct {
    const char *pred;                        /* folder of `rnatune predict`: <target>/summary.json */
    const rt_metric *quality;                /* what the choice should maximise, and pTM should follow: tm_resid */
    const rt_metric *lddt;                   /* what pLDDT should follow: lddt_all30 */
    const rt_families *opt_families;
    rt_selection_pairwise *opt_pairwise;     /* for the selector consensus; rt_pairwise_file_read is one */
    void *pairwise_user;
    int64_t choose;                          /* 5 */
    int64_t n_resample;
    uint64_t seed;
} rt_selection_options;

/* A target's own scores: those of a summary.json.  learned: of 'predict --rank-by learned', when there is one. */
enum { RT_SELECT_RANKING_SCORE, RT_SELECT_PLDDT, RT_SELECT_PTM, RT_SELECT_GPDE, RT_SELECT_LEARNED, RT_SELECT_SCORES };

typedef struct {
    char model[RT_SCORE_NAME];
    int64_t sample;                       /* the number in which it was drawn */
    double score[RT_SELECT_SCORES];       /* as in summary.json; NaN: not known */
    double quality, lddt;                 /* the true ones; quality is turned so that higher is better */
    double clash, consensus;              /* clashes per 1,000 atoms, mean TM-score to the others; NaN: not known */
} rt_selection_sample;

const char *rt_selection_score_name(int score);   /* "ranking_score", "plddt", ...: its key in a summary.json */

/* An element of a summary.json's samples: number and scores; model, quality and lddt stay.  path: for the error.
 * Errors: RT_ERR_FORMAT. */
rt_status rt_selection_read_sample(rt_selection_sample *out_sample, const json_t *sample, const char *path, rt_err *err);

typedef struct {
    char target[RT_SCORE_NAME];
    rt_selection_sample *sample;          /* in the order in which they were drawn */
    int64_t n;
    int64_t family;                       /* 0 .. n_family-1 */
    double *pairs;                        /* (n,n) TM-scores between samples; NULL: options->opt_pairwise is asked */
} rt_selection_target;

typedef struct {
    rt_selection_target *target;
    int64_t n_target, capacity, n_family;
} rt_selection_data;

/* One number with its interval; low and high are NaN where none is given. */
typedef struct {
    char part[16];       /* "selector", "correlation", "calibration", "reliability" */
    char name[48];       /* "ranking_score", "plddt~lddt_all30", "0.8-0.9" */
    char quantity[24];
    double value, low, high;
    int64_t n;           /* targets; samples in calibration and reliability */
} rt_selection_row;

typedef struct {
    rt_selection_row *row;
    int64_t n_row, capacity;
    int64_t n_target, n_family, n_alone;
    int64_t n_single;        /* targets left out because they have one sample */
    int64_t n_no_summary;    /* targets left out because they have no summary.json */
    int64_t n_unmatched;     /* rows of the table that no sample of a summary matches */
} rt_selection;

/* A row of the table belongs to the sample whose file has its model's name (endings and folders do not count), or
 * whose rank it has, where `model` is a number counted from 1 (a submission's columns).
 * Errors: RT_ERR_MISMATCH when no target has several samples with scores; RT_ERR_FORMAT for a summary.json that is not
 * one; RT_ERR_MEMORY; what the callback returns. */
rt_status rt_selection_run(rt_selection *out_selection, const rt_score_table *table,
                           const rt_selection_options *options, rt_err *err);
void rt_selection_free_members(rt_selection *selection);
void rt_selection_data_free_members(rt_selection_data *data);

/* The same from data in memory; of the options quality, lddt, choose, n_resample, seed and opt_pairwise are used.
 * Targets with one sample count in calibration alone. */
rt_status rt_selection_measure(rt_selection *out_selection, const rt_selection_data *data,
                               const rt_selection_options *options, rt_err *err);

/* What changed: every number of rt_selection_measure that depends on scores, `after` less `before`, target by target,
 * with intervals of the differences.  Both hold the same samples of the same targets in the same order, scored anew. */
rt_status rt_selection_change(rt_selection *out_selection, const rt_selection_data *before,
                              const rt_selection_data *after, const rt_selection_options *options, rt_err *err);

/* Each selector less the consensus, target by target: part "against", rows top1_loss and best5_gain. */
rt_status rt_selection_against_consensus(rt_selection *out_selection, const rt_selection_data *data,
                                         const rt_selection_options *options, rt_err *err);

/* The expected best of k values taken at random out of sorted (n), which ascends. */
double rt_selection_expected_best(const double *sorted, int64_t n, int64_t k);

/* NULL when there is no such row. */
const rt_selection_row *rt_selection_find(const rt_selection *selection, const char *part, const char *name,
                                          const char *quantity);
/* TSV: part name quantity value ci95_low ci95_high n; NA where a number is not known. */
void rt_selection_print(rt_text *out_text, const rt_selection *selection);
/* The same as an array of objects; json_decref() it. */
json_t *rt_selection_json(const rt_selection *selection);

/* Pairwise TM-scores from a TSV with columns target, model_a, model_b and tm; two directions of one pair are averaged.
 */
typedef struct rt_pairwise_file rt_pairwise_file;
rt_status rt_pairwise_file_open(rt_pairwise_file **ret_file, const char *path, rt_err *err);
void rt_pairwise_file_close(rt_pairwise_file *file);   /* NULL ok */
rt_selection_pairwise rt_pairwise_file_read;           /* user: the rt_pairwise_file */

#endif
