/* samples.h - all samples of a target, from every trunk pass, seed, template set and checkpoint, best first
 * Uses: fold.
 *
 * Scores are kept of every sample, coordinates and confidences only of the best ones: a target of 2,000 nt with 100 samples
 * would otherwise need 3 GB for errors that nobody asked for.
 */
#ifndef RT_SAMPLES_H
#define RT_SAMPLES_H

#include <jansson.h>

#include "fold.h"

/* Which score orders samples; all are recorded, whichever it is. */
typedef enum { RT_RANK_BY_RANKING_SCORE, RT_RANK_BY_PTM, RT_RANK_BY_PLDDT, RT_RANK_BY_GPDE, RT_RANK_BY_LEARNED,
               RT_RANK_BY_NOTHING } rt_rank_by;

/* Where a sample comes from. */
typedef struct {
    int64_t checkpoint;          /* index */
    uint64_t seed;
    int64_t template_idx;        /* templates 0 .. template_idx; -1: there was none */
    int64_t trunk_pass, sample;  /* of this checkpoint, seed and template set, from 0 */
    int64_t n_cycle, n_step;
} rt_sample_origin;

typedef struct {
    rt_sample_origin origin;
    double value;                /* what orders it; larger is better; NaN comes last */
    double ranking_score;
    json_t *scores;              /* the reference's summary_confidence */
    float *xyz, *plddt;          /* (A,3) Angstrom, (A) 0..1; NULL when it is not among the best */
    float *pae, *pde, *contacts; /* (N,N) Angstrom, Angstrom, 0..1; NULL unless wanted */
} rt_sample;

typedef struct {
    rt_rank_by rank_by;          /* learned: in the order they came, until rt_samples_rank */
    int64_t keep;                /* so many have coordinates */
    bool pairs;                  /* and these (N,N) arrays */
    rt_sample *item;             /* n, best first; equal ones in the order they came */
    int64_t n, capacity;
} rt_samples;

/* Takes every sample of one fold; what it needs is copied.  first.sample is the number of the fold's first sample.
 * Errors: RT_ERR_MEMORY. */
rt_status rt_samples_add(rt_samples *samples, const rt_fold_result *result, int64_t count, rt_sample_origin first, rt_err *err);
/* Orders them anew by their values, which the caller has set, and keeps the coordinates of the best `keep`. */
void rt_samples_rank(rt_samples *samples, int64_t keep);
void rt_samples_free_members(rt_samples *samples);

#endif
