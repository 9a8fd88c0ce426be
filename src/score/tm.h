/* tm.h - TM-score of two RNA chains: paired by residue number, or by an alignment that knows no sequence
 * Room: score.  Uses: base/memory, score/superpose.
 * Reference: Y. Zhang, J. Skolnick, Proteins 57:702 (2004), TM-score; the same, Nucleic Acids Res. 33:2302 (2005),
 * TM-align; S. Gong, C. Zhang, Y. Zhang, Bioinformatics 35:4459 (2019), RNA-align and its d0; C. Zhang et al., Nat.
 * Methods 19:1109 (2022), US-align, whose seeds, limits and cutoffs are followed, so that scores agree with it.
 *
 * TM = max over superpositions of sum_pairs 1 / (1 + (distance / d0)^2) / L, L and d0 those of the native.
 */
#ifndef RT_SCORE_TM_H
#define RT_SCORE_TM_H

#include <stdint.h>

#include "base/status.h"
#include "score/superpose.h"

/* d0 in Angstrom for a native of `length` residues: 0.3 below 12, 0.4 to 15, 0.5 to 19, 0.6 to 23, 0.7 to 29, then
 * 0.6 sqrt(L - 0.5) - 2.5. */
double rt_tm_d0(int64_t length);

typedef enum {
    RT_TM_USALIGN,     /* US-align's five kinds of starting alignments and its limits of iterations */
    RT_TM_THOROUGH     /* these, more of them, and every one of them carried to the end: never lower */
} rt_tm_search;

typedef struct {
    double score;         /* 0 when fewer than three residues can be paired */
    int64_t n_aligned;    /* pairs that the score runs over */
    double rmsd;          /* of these pairs, superposed for least squares, Angstrom */
    rt_rigid rigid;       /* the model onto the native: the superposition that has this score */
} rt_tm_result;

/* One chain's representative atoms in order. */
typedef struct {
    const double *xyz;    /* (n,3) Angstrom */
    const char *letters;  /* n of A C G U (others pair with nothing): only for the secondary-structure seed */
    int64_t n;
} rt_tm_chain;

/* Memory for the searches: one per thread, grows to the largest pair. */
typedef struct rt_tm rt_tm;
rt_status rt_tm_create(rt_tm **ret_tm, rt_err *err);
void rt_tm_free(rt_tm *tm);   /* NULL ok */

/* Pairs are given: model x[p] belongs to native y[p].  length: the native's, to normalise by.
 * opt_gdt_ts: the mean share of `length` within 1, 2, 4 and 8 Angstrom, each over all superpositions that the search
 * visits.  Shapes: x, y (n_pair,3).  Errors: RT_ERR_MEMORY. */
rt_status rt_tm_paired(rt_tm *tm, rt_tm_result *out, double *opt_gdt_ts, const double *x, const double *y,
                       int64_t n_pair, int64_t length, rt_err *err);

/* The alignment is found.  out_map: for each native residue the model's, -1 for none; only the pairs the score runs
 * over.  opt_start: an alignment of the same kind that RT_TM_THOROUGH starts from, too.
 * Cost: some 100 dynamic programs of n_model x n_native.  Errors: RT_ERR_MEMORY. */
rt_status rt_tm_align(rt_tm *tm, rt_tm_result *out, int32_t *out_map, const rt_tm_chain *model,
                      const rt_tm_chain *native, rt_tm_search search, const int32_t *opt_start, rt_err *err);

/* The score of a given superposition over given pairs: what proves a result.
 * Shapes: model, native (.,3); map (n_native) as above. */
double rt_tm_of(const rt_rigid *rigid, const double *model, const double *native, const int32_t *map, int64_t n_native);

#endif
