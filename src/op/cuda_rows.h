/* cuda_rows.h - kernels along rows: how lanes share a row, and sums of rows in a fixed order
 * Room: op.  Uses: op/cuda_device.
 *
 * A row of C values belongs to a group of lanes: as many as it has packs of V values (V is 4 where rows and pointers are
 * aligned for it, else 1), a power of two up to a warp; rows of more than RT_WARP_ROW values belong to a whole block.
 * Neighbouring lanes read neighbouring addresses, and narrow rows (16 channels of an atom pair) still fill their warps.
 * A row that is read again within a kernel comes from the L1 cache, so nothing of it is kept in registers.
 */
#ifndef RT_OP_CUDA_ROWS_H
#define RT_OP_CUDA_ROWS_H

#include "op/cuda_device.h"

#ifdef RT_CUDA_EMULATED
#define RT_UNROLL
#else
#define RT_UNROLL _Pragma("unroll")
#endif

/* ---- values side by side ---- */
template <int V> struct __align__(4 * V) rt_pack {
    float v[V];
};
template <int V> static __device__ __forceinline__ rt_pack<V> rt_load(const float *p) { return *(const rt_pack<V> *)p; }
template <int V> static __device__ __forceinline__ void rt_store(float *p, rt_pack<V> x) { *(rt_pack<V> *)p = x; }

/* True when rows of `width` values (times `columns` apart) may be read in packs of 4 from every one of these pointers. */
static inline bool rt_aligned(int64_t width) { return width % 4 == 0; }
template <typename... Pointers> static inline bool rt_aligned(int64_t width, const void *p, Pointers... others)
{
    return (uintptr_t)p % 16 == 0 && rt_aligned(width, others...);
}

/* ---- rows and their lanes ---- */
enum { RT_WARP_ROW = 1024 };

typedef struct {
    int64_t rows;
    int width, lanes;   /* lanes: a power of two up to 32, or the whole block */
} rt_row_share;

/* The smallest power of two that is at least `count`, up to `most`. */
static inline int rt_power_of_two(int64_t count, int most)
{
    int power = 1;
    while (power < count && power < most) power *= 2;
    return power;
}

/* For blocks of `threads`.  Rows of kernels that sum over a row may be shared by a block. */
static inline rt_row_share rt_share_rows(int64_t rows, int64_t width, bool packs, int threads)
{
    RT_REQUIRE(width >= 1 && width <= INT32_MAX);
    rt_row_share share = {rows, (int)width, width > RT_WARP_ROW ? threads : rt_power_of_two(packs ? width / 4 : width, 32)};
    return share;
}
static inline int64_t rt_row_blocks(rt_row_share share, int threads) { return rt_blocks(share.rows, threads / share.lanes); }

/* Launches kernel<4> or kernel<1> with a group of lanes for each row; the share is the kernel's first argument. */
#define RT_LAUNCH_ROWS(ctx, kernel, packs, rows, width, shared_bytes, ...)                                                  \
    do {                                                                                                                    \
        bool packs_ = (packs);                                                                                              \
        rt_row_share share_ = rt_share_rows((rows), (width), packs_, RT_THREADS);                                           \
        int64_t blocks_ = rt_row_blocks(share_, RT_THREADS);                                                                \
        if (packs_) RT_LAUNCH((ctx), (kernel<4>), blocks_, RT_THREADS, (shared_bytes), share_, __VA_ARGS__);                \
        else RT_LAUNCH((ctx), (kernel<1>), blocks_, RT_THREADS, (shared_bytes), share_, __VA_ARGS__);                       \
    } while (0)

static __device__ __forceinline__ int64_t rt_own_row(rt_row_share share)
{
    return (int64_t)blockIdx.x * (blockDim.x / share.lanes) + threadIdx.x / share.lanes;
}
static __device__ __forceinline__ int rt_own_lane(rt_row_share share) { return (int)threadIdx.x % share.lanes; }

/* Sum and maximum over a row's lanes, for every one of them.  All threads of the block must come here, those without a row
 * too.  shared: 32 floats of the block. */
static __device__ __forceinline__ float rt_lanes_sum(float x, int lanes, float *shared)
{
    if (lanes > 32) return rt_block_sum(x, shared);
    for (int bits = lanes / 2; bits; bits >>= 1) x += __shfl_xor_sync(RT_WARP, x, bits);
    return x;
}
static __device__ __forceinline__ float rt_lanes_max(float x, int lanes, float *shared)
{
    if (lanes > 32) return rt_block_max(x, shared);
    for (int bits = lanes / 2; bits; bits >>= 1) x = fmaxf(x, __shfl_xor_sync(RT_WARP, x, bits));
    return x;
}

/* ---- on the host ---- */

/* out (groups, columns) += sum over r < rows of in[g * group_stride + r * row_stride + column], in an order that the sizes
 * alone fix. */
void rt_cuda_sum_rows(rt_ctx *ctx, float *out, const float *in, int64_t groups, int64_t rows, int64_t columns,
                      int64_t group_stride, int64_t row_stride);

/* out (columns, rows) = in (rows, columns)^T */
void rt_cuda_transpose_matrix(rt_ctx *ctx, float *out, const float *in, int64_t rows, int64_t columns);

#endif
