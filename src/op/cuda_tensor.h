/* cuda_tensor.h - products on the tensor cores: BF16 factors, sums in F32
 * Room: op.  Uses: op/cuda_device.
 *
 * mma.m16n8k16 leaves a lane the numbers (row g, columns 2t and 2t + 1) and (row g + 8, the same columns) of its sum (16,8),
 * g = lane / 4 and t = lane % 4.  Of the left factor (16,16) it takes, two numbers a word: row g and row g + 8 at k 2t and
 * 2t + 1, then both at k + 8; of the right one (16,8) column g at the same k, then at k + 8 (PTX ISA, fragments of
 * mma.m16n8k16).
 */
#ifndef RT_OP_CUDA_TENSOR_H
#define RT_OP_CUDA_TENSOR_H

#include "op/cuda_device.h"

#ifndef RT_CUDA_EMULATED
#include <cuda_bf16.h>
#endif

/* Two numbers side by side in memory, rounded: `low` is the first. */
static __device__ __forceinline__ uint32_t rt_pair_bf16(float low, float high)
{
#ifdef RT_CUDA_EMULATED
    return (uint32_t)rt_round_bf16(low) | (uint32_t)rt_round_bf16(high) << 16;
#else
    __nv_bfloat162 both = __floats2bfloat162_rn(low, high);
    return *(const uint32_t *)&both;
#endif
}

#ifdef RT_CUDA_EMULATED
static inline float rt_half_of(uint32_t both, int which) { return rt_widen((uint16_t)(both >> 16 * which)); }

/* The same, from what the other lanes hold. */
static inline void rt_emulated_mma(float (&sum)[4], const uint32_t (&left)[4], uint32_t right0, uint32_t right1)
{
    const uint32_t own[6] = {left[0], left[1], left[2], left[3], right0, right1};
    uint32_t all[32][6];
    int lane = rt_emulated_lane(), g = lane / 4, t = lane % 4;
    rt_emulated_share(&all[0][0], own, 6);
    for (int k = 0; k < 16; k += 2) {
        int from = k % 8 / 2, upper = k / 8;
        for (int i = 0; i < 4; i++) {
            uint32_t a = all[g * 4 + from][i / 2 + 2 * upper], b = all[(2 * t + i % 2) * 4 + from][4 + upper];
            sum[i] += rt_half_of(a, 0) * rt_half_of(b, 0) + rt_half_of(a, 1) * rt_half_of(b, 1);
        }
    }
}
#endif

/* sum (16,8) += left (16,16) right (16,8): all lanes of a warp. */
static __device__ __forceinline__ void rt_mma_bf16(float (&sum)[4], const uint32_t (&left)[4], uint32_t right0, uint32_t right1)
{
#ifdef RT_CUDA_EMULATED
    rt_emulated_mma(sum, left, right0, right1);
#elif __CUDA_ARCH__ >= 800
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                 : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
                 : "r"(left[0]), "r"(left[1]), "r"(left[2]), "r"(left[3]), "r"(right0), "r"(right1));
#else
    (void)sum, (void)left, (void)right0, (void)right1;   /* never launched: rt_cuda_has_bf16 */
#endif
}

#endif
