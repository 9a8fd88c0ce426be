/* tm_search.h - the superposition of given pairs with the highest TM-score (inside score/tm)
 * Room: score.  Uses: base/memory, score/superpose.
 */
#ifndef RT_SCORE_TM_SEARCH_H
#define RT_SCORE_TM_SEARCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "score/superpose.h"

/* Coordinates one axis after another, so that loops over atoms become vector code. */
typedef struct {
    double *axis[3];
} rt_points;

typedef struct {
    uint64_t set;      /* hash of a set of pairs, 0: empty slot */
    int32_t left;      /* iterations that were left when it was met */
    uint32_t search;   /* which search met it */
} rt_tm_met;

/* Pairs to superpose and what the search needs; arrays hold `capacity` items. */
typedef struct {
    int64_t capacity, n;
    rt_points x, y;          /* model and native */
    double *distance2, *weight, *sorted;
    uint64_t *key;           /* a random number per pair: a set's hash is their sum */
    rt_tm_met *met;
    int64_t met_size, met_count;
    uint32_t search;
    double *memory;
} rt_tm_pairs;

rt_status rt_tm_pairs_reserve(rt_tm_pairs *pairs, int64_t capacity, rt_err *err);
void rt_tm_pairs_free_members(rt_tm_pairs *pairs);

typedef struct {
    double d0, d_search;     /* Angstrom: the score's scale, and about it the radius of pairs that are superposed next */
    double cutoff;           /* pairs further apart add nothing; 0: none */
    int64_t step;            /* fragments begin at every step-th pair */
} rt_tm_limits;

/* Best sum of 1 / (1 + (d / d0)^2) over superpositions found from fragments of n, n/2, .. 4 pairs, each improved by up
 * to 20 superpositions of the pairs that came close.  opt_within: most pairs within 1, 2, 4, 8 Angstrom so far. */
double rt_tm_pairs_search(rt_tm_pairs *pairs, rt_rigid *out_rigid, const rt_tm_limits *limits, double opt_within[4]);

/* A quick estimate in three superpositions: of all pairs, and twice of the close ones. */
double rt_tm_pairs_estimate(rt_tm_pairs *pairs, double d0, double d_search);

/* Least-squares motion of pairs first .. first+n-1, and the root mean square distance of all pairs under a motion. */
void rt_tm_pairs_superpose(const rt_tm_pairs *pairs, rt_rigid *out_rigid, int64_t first, int64_t n);
double rt_tm_pairs_rmsd(const rt_tm_pairs *pairs, const rt_rigid *rigid);

#endif
