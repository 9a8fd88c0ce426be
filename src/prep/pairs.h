/* pairs.h - base pairs of a sequence with their probabilities, whichever method found them
 * Room: prep.  Uses: base/memory.
 *
 * Residues count from 0 here; files and tables count from 1.
 */
#ifndef RT_PREP_PAIRS_H
#define RT_PREP_PAIRS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

typedef struct {
    int32_t i, j;            /* i < j */
    double p;                /* 0..1 */
} rt_pair;

/* A secondary structure as a partner list: partner[i] == -1 for an unpaired residue. */
typedef struct {
    int64_t length;
    rt_pair *pair;           /* by i, then j */
    int64_t n, capacity;
    int32_t *best;           /* (length) the single most favourable structure; NULL when the method has none */
    double best_score;       /* kcal/mol (ViennaRNA: minimum free energy), log-score (EternaFold); NaN: none */
    double ensemble;         /* kcal/mol (ensemble free energy), log Z; NaN: none */
} rt_pairs;

/* Adds a pair; the caller sorts at the end. */
rt_status rt_pairs_add(rt_pairs *pairs, int64_t i, int64_t j, double p, rt_err *err);
void rt_pairs_sort(rt_pairs *pairs);
void rt_pairs_free_members(rt_pairs *pairs);

/* The structure of maximum expected accuracy: it maximises sum over pairs of 2 gamma p_ij + sum over unpaired residues of
 * 1 - sum_j p_ij.  out_partner (length).  A pair counts when that can help the sum: 2 gamma p >= the two unpaired shares.
 * Cost: time O(N^2 + N n), memory 8 N^2 bytes.
 * Reference: C. B. Do et al. 2006 (above); Z. J. Lu, J. W. Gloor, D. H. Mathews, RNA 15:1805 (2009).
 * Errors: RT_ERR_MEMORY. */
rt_status rt_pairs_mea(int32_t *out_partner, double *out_score, const rt_pairs *pairs, double gamma, rt_err *err);

/* The pairs with at least this probability; a residue that has two keeps the likelier.  out_partner (length). */
void rt_pairs_threshold(int32_t *out_partner, const rt_pairs *pairs, double min_prob);

#endif
