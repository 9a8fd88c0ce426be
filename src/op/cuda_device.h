/* cuda_device.h - what the CUDA backend's files share: launching, scratch, sums over warps and blocks
 * Room: op.  Uses: op/cuda, the CUDA runtime (or op/cuda_emulation in tests).
 *
 * A kernel is a static __global__ function that is started with RT_LAUNCH only, on the context's stream.  No kernel adds
 * with atomics: sums that cross blocks go through scratch, in an order that the problem's size alone fixes, so that two runs
 * give the same bytes.  Shared memory comes from RT_SHARED.
 */
#ifndef RT_OP_CUDA_DEVICE_H
#define RT_OP_CUDA_DEVICE_H

#ifdef RT_CUDA_EMULATED
#include "op/cuda_emulation.h"
#else
#include <cuda_runtime.h>
#endif
#include <math.h>
#include <stdint.h>

#include <type_traits>

extern "C" {
#include "op/cuda.h"
}

/* ---- the host's side ---- */

/* The device of this process: the first of CUDA_VISIBLE_DEVICES, or under mpirun what op/placement chose. */
int rt_cuda_taken(void);
/* The stream on which all of a context's work is queued. */
cudaStream_t rt_cuda_stream(const rt_ctx *ctx);
/* Queued one more; see rt_cuda_queued. */
void rt_cuda_count(rt_ctx *ctx);
/* Turns an error of CUDA's into the context's sticky failure; `what` names the kernel or call. */
void rt_cuda_check(rt_ctx *ctx, cudaError_t error, const char *what);

static inline dim3 rt_grid(dim3 grid) { return grid; }
static inline dim3 rt_grid(int64_t blocks)
{
    RT_REQUIRE(blocks >= 0 && blocks <= INT32_MAX);
    return dim3((unsigned int)blocks);
}
/* Blocks of `per_block` that cover `count`. */
static inline int64_t rt_blocks(int64_t count, int64_t per_block) { return (count + per_block - 1) / per_block; }
enum { RT_THREADS = 256 };   /* of a block whose threads do not cooperate */

/* Uninitialised scratch of `count` elements of `type` on the step arena, for kernels; NULL after a failure, which stops the
 * launches that follow.  Between rt_arena_mark and rt_arena_reset; work that is queued already may still use it. */
static inline void *rt_cuda_scratch(rt_ctx *ctx, int64_t bytes) { return rt_new_shape(ctx, RT_U8, 1, &bytes).data; }
#define RT_SCRATCH(ctx, type, count) ((type *)rt_cuda_scratch((ctx), (int64_t)sizeof(type) * (count)))

#ifdef RT_CUDA_EMULATED
template <typename T> static inline void rt_check_argument(const char *kernel, int index, T value)
{
    if constexpr (std::is_pointer<T>::value) rt_emulated_check_pointer(kernel, index, (const void *)value);
    else if constexpr (std::is_same<T, rt_tensor>::value) rt_emulated_check_pointer(kernel, index, value.data);
    else (void)kernel, (void)index, (void)value;
}
#endif

template <typename... Parameters, typename... Arguments>
static inline void rt_cuda_launch(rt_ctx *ctx, const char *name, void (*kernel)(Parameters...), dim3 grid, dim3 block,
                                  size_t shared, Arguments... arguments)
{
    if (ctx->status != RT_OK || ctx->measuring || grid.x == 0 || grid.y == 0 || grid.z == 0) return;
    rt_cuda_count(ctx);
#ifdef RT_CUDA_EMULATED
    int index = 0;
    (rt_check_argument<Parameters>(name, index++, static_cast<Parameters>(arguments)), ...);
    rt_emulated_queue(rt_cuda_stream(ctx), name, grid, block, shared,
                      [=]() { kernel(static_cast<Parameters>(arguments)...); });
#else
    if (shared > 48 << 10)
        rt_cuda_check(ctx, cudaFuncSetAttribute((const void *)kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)shared),
                      name);
    if (ctx->status != RT_OK) return;
    kernel<<<grid, block, shared, rt_cuda_stream(ctx)>>>(static_cast<Parameters>(arguments)...);
    rt_cuda_check(ctx, cudaGetLastError(), name);
#endif
}
/* Queues kernel<<<grid, threads, shared_bytes>>>(arguments...); grid and threads: a number or a dim3.  Does nothing after a
 * failure, while the context measures, and for an empty grid. */
#define RT_LAUNCH(ctx, kernel, grid, threads, shared_bytes, ...) \
    rt_cuda_launch((ctx), #kernel, kernel, rt_grid(grid), dim3(threads), (size_t)(shared_bytes), __VA_ARGS__)

/* ---- the device's side ---- */

/* The block's dynamic shared memory, aligned to 16 bytes. */
#ifdef RT_CUDA_EMULATED
#define RT_SHARED(type, name) type *name = (type *)rt_emulated_shared()
#else
#define RT_SHARED(type, name)                                            \
    extern __shared__ __align__(16) unsigned char rt_shared_bytes[]; \
    type *name = (type *)rt_shared_bytes
#endif

static const unsigned int RT_WARP = 0xffffffffu;   /* all lanes */

/* The thread's number in a one-dimensional grid of one-dimensional blocks, and how many there are. */
static __device__ __forceinline__ int64_t rt_thread(void) { return (int64_t)blockIdx.x * blockDim.x + threadIdx.x; }
static __device__ __forceinline__ int64_t rt_thread_count(void) { return (int64_t)gridDim.x * blockDim.x; }

static __device__ __forceinline__ float rt_sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }

static __device__ __forceinline__ float rt_activate(rt_act act, float x)
{
    switch (act) {
    case RT_ACT_RELU: return x > 0 ? x : 0.0f;
    case RT_ACT_SIGMOID: return rt_sigmoid(x);
    case RT_ACT_SILU: return x * rt_sigmoid(x);
    default: return x;
    }
}

/* The activation's derivative at x. */
static __device__ __forceinline__ float rt_activate_slope(rt_act act, float x)
{
    float s;
    switch (act) {
    case RT_ACT_RELU: return x > 0 ? 1.0f : 0.0f;
    case RT_ACT_SIGMOID: s = rt_sigmoid(x); return s * (1 - s);
    case RT_ACT_SILU: s = rt_sigmoid(x); return s * (1 + x * (1 - s));
    default: return 1.0f;
    }
}

/* bfloat16 as tensor.h has it: rounded to nearest even, a NaN stays one. */
static __device__ __forceinline__ float rt_widen(uint16_t x) { return __uint_as_float((unsigned int)x << 16); }
static __device__ __forceinline__ uint16_t rt_round_bf16(float x)
{
    unsigned int bits = __float_as_uint(x);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return (uint16_t)((bits >> 16) | 0x40u);
    return (uint16_t)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

/* Every lane gets the sum (the maximum) over its warp; the order is fixed. */
static __device__ __forceinline__ float rt_warp_sum(float x)
{
    for (int bits = 16; bits; bits >>= 1) x += __shfl_xor_sync(RT_WARP, x, bits);
    return x;
}
static __device__ __forceinline__ float rt_warp_max(float x)
{
    for (int bits = 16; bits; bits >>= 1) x = fmaxf(x, __shfl_xor_sync(RT_WARP, x, bits));
    return x;
}

/* Every thread gets the sum (the maximum) over its one-dimensional block of whole warps.  shared: 32 floats that nothing
 * else uses; free again when the function returns. */
static __device__ __forceinline__ float rt_block_sum(float x, float *shared)
{
    int warps = (int)blockDim.x / 32, lane = (int)threadIdx.x % 32;
    x = rt_warp_sum(x);
    if (lane == 0) shared[threadIdx.x / 32] = x;
    __syncthreads();
    x = rt_warp_sum(lane < warps ? shared[lane] : 0.0f);
    __syncthreads();
    return x;
}
static __device__ __forceinline__ float rt_block_max(float x, float *shared)
{
    int warps = (int)blockDim.x / 32, lane = (int)threadIdx.x % 32;
    x = rt_warp_max(x);
    if (lane == 0) shared[threadIdx.x / 32] = x;
    __syncthreads();
    x = rt_warp_max(lane < warps ? shared[lane] : shared[0]);
    __syncthreads();
    return x;
}

#endif
