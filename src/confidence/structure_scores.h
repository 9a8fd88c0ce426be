/* structure_scores.h - what predicted structures say of themselves: clashes, and how alike they are
 * Room: confidence.  Uses: score/clash, score/tm, feat/features, base/pool.
 */
#ifndef RT_CONFIDENCE_STRUCTURE_SCORES_H
#define RT_CONFIDENCE_STRUCTURE_SCORES_H

#include "base/pool.h"
#include "feat/features.h"

/* Clashes per 1,000 heavy atoms (score/clash), within chains and between them.  x F32 or F64 (A,3), Angstrom.
 * Errors: RT_ERR_MEMORY. */
rt_status rt_structure_clash(double *out_score, const rt_features *features, rt_tensor x, rt_err *err);

/* out_c1 (N,3): C1' of every residue, Angstrom. */
void rt_structure_c1(double *out_c1, const rt_features *features, rt_tensor x);

/* TM-scores between structures of one sequence, residue by residue: out_tm (n,n), symmetric, 1 on the diagonal; 0 for a
 * structure that is not finite.  c1 (n,n_token,3).  Any number of threads gives the same bytes.
 * Cost: n^2/2 searches for the best superposition.  Errors: RT_ERR_MEMORY. */
rt_status rt_structure_similarity(double *out_tm, rt_pool *pool, const double *c1, int64_t n, int64_t n_token,
                                  rt_err *err);

/* out_consensus (n): each structure's mean similarity to the others; NAN when there is no other. */
void rt_structure_consensus(double *out_consensus, const double *tm, int64_t n);

#endif
