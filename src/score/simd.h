/* simd.h - this room's loops over atoms, for the processor that runs them
 * Room: score.  Uses: nothing.
 */
#ifndef RT_SCORE_SIMD_H
#define RT_SCORE_SIMD_H

/* Versions for AVX2 with FMA and for plain SSE2, chosen at run time. */
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__clang__)
#define RT_SCORE_CLONES __attribute__((target_clones("arch=x86-64-v3", "default")))
#else
#define RT_SCORE_CLONES
#endif

#endif
