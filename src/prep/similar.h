/* similar.h - near-duplicate sequences: every pair with enough identical residues over the shorter one, at any offset
 * Room: prep.  Uses: base/pool, base/memory, base/progress.
 * Reference: W. Li, A. Godzik, Bioinformatics 22:1658 (2006), cd-hit-est's measure and scores (match 2, mismatch -2,
 * a gap
 * -6 and -1 for each further residue); T. Smith, M. Waterman, J. Mol. Biol. 147:195 (1981); O. Gotoh, ibid. 162:705
 * (1982).
 *
 * Identity is the number of identical residues of the best alignment (ends of both free, strand as given) divided by
 * the
 * length of the shorter sequence: what cd-hit-est -G 1 -r 0 calls identity.  No k-mer decides which pairs are looked
 * at.
 * Every pair gets a local alignment score, many pairs at once in the processor's vectors, and every pair whose score
 * could
 * belong to one that is similar gets its alignment.  So nothing is missed because of how its differences are spread.
 *
 * Identity alone says little about short sequences: most 12-mers have 10 residues in common with some place of a
 * ribosome, and through the ribosome with each other.  So a pair also has to score more than chance explains.
 * Reference: S. Karlin, S. Altschul, PNAS 87:2264 (1990).
 */
#ifndef RT_PREP_SIMILAR_H
#define RT_PREP_SIMILAR_H

#include <stdint.h>

#include "base/pool.h"
#include "base/status.h"

#define RT_SIMILAR_IDENTITY 0.8
#define RT_SIMILAR_CHANCE 1e-5
#define RT_SIMILAR_MIN_LENGTH 11   /* cd-hit-est throws away what has 10 residues or fewer */

/* Equal sequences counted once.  Case and T for U make no difference. */
typedef struct {
    int64_t n;               /* distinct sequences, the longest last, equally long ones by letters */
    int64_t n_text;
    int32_t *of;             /* (n_text): which distinct sequence each text is */
    int32_t *first;          /* (n): the first text that is this sequence */
    char **text;             /* (n): upper case, U */
    int64_t *length;         /* (n) */
} rt_unique;

/* Errors: RT_ERR_MEMORY. */
rt_status rt_unique_build(rt_unique *out_unique, const char *const *text, int64_t n, rt_err *err);
void rt_unique_free_members(rt_unique *unique);

typedef struct {
    int32_t a, b;            /* distinct sequences, a < b: a is not the longer one */
    float identity;          /* over the shorter */
} rt_similar_pair;

typedef struct {
    rt_similar_pair *pair;   /* by a, then b */
    int64_t n_pair, capacity;
    int64_t n_compared, n_aligned;   /* pairs that got a score, and an alignment */
    int64_t n_chance;        /* pairs with the identity asked for that chance explains: not in `pair` */
} rt_similar;

typedef struct {
    double identity;         /* 0.6 .. 1: a pair has at least this */
    double max_chance;       /* a pair whose score this many random pairs would reach does not count; 0: no limit */
    int64_t min_length;      /* shorter sequences are similar to nothing */
    const uint8_t *opt_parts;   /* (n) bits: a pair counts when its sequences lie in more than one part together; a
                                 * sequence in none takes no part.  NULL: every pair counts */
} rt_similar_options;

/* Cost: n (n-1) / 2 score matrices, 2 to 10 billion cells a second and thread.  Shows progress, obeys Ctrl-C.
 * Errors: RT_ERR_MEMORY, RT_ERR_STOPPED. */
rt_status rt_similar_find(rt_similar *out_similar, const rt_unique *unique, const rt_similar_options *options,
                          rt_pool *pool, rt_err *err);
void rt_similar_free_members(rt_similar *similar);

/* The identity of two sequences as above, -1 without memory. */
double rt_similar_identity(const char *a, const char *b);

#endif
