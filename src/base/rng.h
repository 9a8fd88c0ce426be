/* rng.h - counter-based random numbers: every draw is a function of (seed, step, purpose, element)
 * Room: base.  Uses: nothing.
 *
 * Philox4x32-10 (Salmon et al. 2011).  Nothing is stored between draws, so a rerun, another number of threads or a
 * resumed run draws the same numbers, and any element can be drawn alone.
 */
#ifndef RT_BASE_RNG_H
#define RT_BASE_RNG_H

#include <stdint.h>

/* What a draw is for; a new purpose never changes the draws of another. */
typedef enum {
    RT_DRAW_REF_POS = 1,    /* rotation and translation of reference conformers */
    RT_DRAW_MSA_ROWS,       /* which MSA rows a recycle sees */
    RT_DRAW_INIT_NOISE,     /* the sampler's first coordinates */
    RT_DRAW_STEP_ROTATION,
    RT_DRAW_STEP_TRANSLATION,
    RT_DRAW_STEP_NOISE,
    RT_DRAW_WEIGHTS,        /* rnatune init */
    RT_DRAW_BOOTSTRAP,      /* which families a resample has */
    RT_DRAW_ADAPTER,        /* a low-rank adapter's first values */
    RT_DRAW_SPLIT,          /* the order of equally large components */
    RT_DRAW_DROPOUT,

    RT_DRAW_EPOCH_ORDER = 32,   /* training: the order of the targets in an epoch */
    RT_DRAW_CROP,               /* where a crop begins */
    RT_DRAW_TEMPLATES,          /* whether there are templates, and which */
    RT_DRAW_CONFORMATION,       /* which of several experimental structures */
    RT_DRAW_CYCLES,             /* how many recycles */
    RT_DRAW_SIGMA,              /* noise levels */
    RT_DRAW_TRAIN_ROTATION, RT_DRAW_TRAIN_TRANSLATION, RT_DRAW_TRAIN_NOISE,   /* of the noised copies */
    RT_DRAW_SEED,               /* a seed for stages that take one */

    RT_DRAW_AUGMENT_PICK = 48,  /* augmentation: which of them a sample gets, and which variant */
    RT_DRAW_COMPENSATORY, RT_DRAW_LOOP, RT_DRAW_HOMOLOG,   /* what they change in a variant */
    RT_DRAW_COORDINATE_NOISE, RT_DRAW_COORDINATE_TURN
} rt_draw;

typedef struct { uint64_t seed, step; uint32_t purpose; } rt_rng;

/* `stream` tells apart streams of one seed (a target's name hash, a sample, a sampler step). */
rt_rng rt_rng_make(uint64_t seed, uint64_t stream, uint64_t step, rt_draw purpose);

uint64_t rt_rng_bits(const rt_rng *rng, uint64_t element);
double rt_rng_uniform(const rt_rng *rng, uint64_t element);               /* [0, 1), 53 bits */
double rt_rng_normal(const rt_rng *rng, uint64_t element); /* N(0, 1), Box-Muller on element's own bits */
/* out[i] = the normal number of element first + i, two to a block: faster than rt_rng_normal, and another sequence.
 * Where a range begins and how it is cut changes nothing. */
void rt_rng_normals(const rt_rng *rng, uint64_t first, int64_t count, float *out);
int64_t rt_rng_below(const rt_rng *rng, uint64_t element, int64_t bound); /* 0 .. bound-1 without modulo bias */

/* out (3,3): a rotation drawn uniformly from SO(3) (unit quaternion of four normals), acting as R x. */
void rt_rng_rotation(const rt_rng *rng, uint64_t element, double out[9]);

/* out_index (n): a random permutation of 0..n-1 (Fisher-Yates). */
void rt_rng_permutation(const rt_rng *rng, int64_t n, int64_t *out_index);

/* 64-bit FNV-1a of a NUL-terminated text: a stable stream number for a target's name. */
uint64_t rt_hash_text(const char *text);
uint64_t rt_hash_name(const char *name, int64_t length);   /* the same of the first `length` bytes */

#endif
