/* cpu_math.h - pointwise functions that the compiler turns into vector code
 * Room: op.  Uses: nothing.
 *
 * Our own exp: a call of libm's would be scalar.  Each file that uses these marks its loops RT_CLONES, so that AVX-512,
 * AVX2 and plain SSE2 versions exist and the processor's is chosen at run time.
 */
#ifndef RT_OP_CPU_MATH_H
#define RT_OP_CPU_MATH_H

#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__clang__)
#define RT_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define RT_CLONES
#endif

/* exp(x) with a relative error below 2e-7; 0 below -87.3, clamped above 88. */
static inline __attribute__((always_inline)) float rt_expf(float x)
{
    float clamped = x < -87.3f ? -87.3f : x > 88.0f ? 88.0f : x;
    float shifted = clamped * 0x1.715476p+0f + 0x1.8p23f;      /* round(x / ln 2) in the low bits of the fraction */
    float n = shifted - 0x1.8p23f;
    float r = clamped - n * 0x1.62e4p-1f - n * 0x1.7f7d1cp-20f;   /* ln 2 in two parts */
    float p = 0x1.6a23f8p-10f;
    p = p * r + 0x1.123a0cp-7f;
    p = p * r + 0x1.5558f2p-5f;
    p = p * r + 0x1.555492p-3f;
    p = p * r + 0x1.fffffcp-2f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    int32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (int32_t)((uint32_t)bits << 23) + 0x3f800000;
    float scale;
    memcpy(&scale, &bits, sizeof scale);
    return x < -87.3f ? 0.0f : p * scale;
}

static inline __attribute__((always_inline)) float rt_sigmoidf(float x) { return 1.0f / (1.0f + rt_expf(-x)); }

#endif
