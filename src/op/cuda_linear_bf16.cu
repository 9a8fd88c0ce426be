/* cuda_linear_bf16.cu - a linear layer of BF16 weights with its rounding and its epilogue in one kernel
 *
 * Pairs of tokens have 128 channels: there a product takes less time than the memory it reads, and to round its input and to
 * gate its output in kernels of their own doubles what is read and written, and triples the launches.  Here F32 rows are
 * rounded on their way into shared memory, and bias, activation, gate and sum are done in the registers that hold the product.
 *
 * A block computes ROWS rows of up to 128 columns, DEPTH numbers of k at a time; the next numbers are on their way from
 * memory while the tensor cores work on these.  Tiles in shared memory have rows of DEPTH + 8 values: then the 32 words that a
 * warp reads for a factor lie in 32 banks.  Sums run over k in one order whatever the tile is.
 */
#include "op/cuda_linear.h"
#include "op/cuda_rows.h"
#include "op/cuda_tensor.h"

enum { ROWS = 128, DEPTH = 32, STRIDE = (DEPTH + 8) / 2 /* words */, THREADS = 256, WARPS = THREADS / 32 };

typedef struct {
    float *y;
    const float *x, *bias, *mul;
    const uint16_t *w;
    int64_t rows, mul_rows;
    int depth, columns;
    rt_act act;
    bool add;
} linear_job;

#ifdef RT_CUDA_EMULATED
/* A kernel's argument that holds pointers. */
template <> inline void rt_check_argument<linear_job>(const char *kernel, int index, linear_job job)
{
    const void *const all[] = {job.y, job.x, job.bias, job.mul, job.w};
    for (const void *p : all) rt_emulated_check_pointer(kernel, index, p);
}
#endif

/* How WARPS warps share a tile, and what one thread of them holds. */
template <int COLUMNS> struct tile_share {
    static constexpr int DOWN = COLUMNS == 32 ? 8 : 4, ACROSS = WARPS / DOWN;
    static constexpr int WARP_ROWS = ROWS / DOWN, WARP_COLUMNS = COLUMNS / ACROSS;
    static constexpr int M = WARP_ROWS / 16, N = WARP_COLUMNS / 8;
    static constexpr int X_PACKS = ROWS * DEPTH / 4 / THREADS, W_PACKS = (COLUMNS * DEPTH / 8 + THREADS - 1) / THREADS;
};

struct __align__(16) weight_pack {
    uint16_t v[8];
};

/* What a thread fetches of the next tile. */
template <int COLUMNS> struct fetched {
    rt_pack<4> x[tile_share<COLUMNS>::X_PACKS];
    weight_pack w[tile_share<COLUMNS>::W_PACKS];
};

/* Where pack `i` of a tile of weights lies in the tile: 8 values along k of one column, or with ACROSS 8 columns at one k. */
template <bool ACROSS> static __device__ __forceinline__ int pack_column(int i)
{
    return ACROSS ? i / DEPTH * 8 : i / (DEPTH / 8);
}
template <bool ACROSS> static __device__ __forceinline__ int pack_depth(int i)
{
    return ACROSS ? i % DEPTH : i % (DEPTH / 8) * 8;
}

/* Where a thread's packs of the first tile are in memory; those of its pack j lie whole rows and columns further. */
struct source {
    const float *x;
    const uint16_t *w;
    int row, rows, column, columns;   /* of its first pack within the block's tile, and how many the tile has */
};

enum { PACK_ROWS = THREADS / (DEPTH / 4), PACK_COLUMNS = THREADS / (DEPTH / 8) };   /* from one pack of a thread to its next */

template <int COLUMNS, bool ACROSS>
static __device__ __forceinline__ source source_of(const linear_job &job, int64_t row0, int column0)
{
    int i = (int)threadIdx.x;
    source s;
    s.row = i / (DEPTH / 4), s.column = pack_column<ACROSS>(i);
    s.rows = job.rows - row0 < ROWS ? (int)(job.rows - row0) : ROWS;
    s.columns = job.columns - column0 < COLUMNS ? job.columns - column0 : COLUMNS;
    s.x = job.x + (row0 + s.row) * job.depth + i % (DEPTH / 4) * 4;
    s.w = job.w + (ACROSS ? (int64_t)pack_depth<ACROSS>(i) * job.columns + column0 + s.column
                          : (int64_t)(column0 + s.column) * job.depth + pack_depth<ACROSS>(i));
    return s;
}

/* The tile that begins `k0` further along k. */
template <int COLUMNS, bool ACROSS>
static __device__ __forceinline__ void fetch(fetched<COLUMNS> &f, const source &s, const linear_job &job, int k0)
{
    int left = job.depth - k0, i = (int)threadIdx.x;
    const float *x = s.x + k0;
    const uint16_t *w = s.w + (ACROSS ? (int64_t)k0 * job.columns : k0);
    RT_UNROLL for (int j = 0; j < tile_share<COLUMNS>::X_PACKS; j++) {
        bool inside = s.row + j * PACK_ROWS < s.rows && i % (DEPTH / 4) * 4 < left;
        f.x[j] = inside ? rt_load<4>(x + j * PACK_ROWS * job.depth) : rt_pack<4>{};
    }
    RT_UNROLL for (int j = 0; j < tile_share<COLUMNS>::W_PACKS; j++) {
        bool inside = s.column + j * PACK_COLUMNS < s.columns && pack_depth<ACROSS>(i) < left;
        f.w[j] = inside ? *(const weight_pack *)(w + j * PACK_COLUMNS * (ACROSS ? 1 : job.depth)) : weight_pack{};
    }
}

/* left (ROWS, STRIDE), right (COLUMNS, STRIDE): both with k along their rows. */
template <int COLUMNS, bool ACROSS>
static __device__ __forceinline__ void put(uint32_t *left, uint32_t *right, const fetched<COLUMNS> &f)
{
    RT_UNROLL for (int j = 0; j < tile_share<COLUMNS>::X_PACKS; j++) {
        int i = (int)threadIdx.x + j * THREADS;
        const float *x = f.x[j].v;
        *(uint2 *)(left + i / (DEPTH / 4) * STRIDE + i % (DEPTH / 4) * 2) =
            make_uint2(rt_pair_bf16(x[0], x[1]), rt_pair_bf16(x[2], x[3]));
    }
    RT_UNROLL for (int j = 0; j < tile_share<COLUMNS>::W_PACKS; j++) {
        int i = (int)threadIdx.x + j * THREADS, column = pack_column<ACROSS>(i), k = pack_depth<ACROSS>(i);
        uint16_t *at = (uint16_t *)(right + column * STRIDE) + k;
        if (i >= COLUMNS * DEPTH / 8) continue;
        if (!ACROSS) *(weight_pack *)at = f.w[j];
        else
            RT_UNROLL for (int e = 0; e < 8; e++) at[e * 2 * STRIDE] = f.w[j].v[e];
    }
}

/* sum += left right^T, a warp's share: its rows of left and its columns. */
template <int M, int N>
static __device__ __forceinline__ void multiply(float (&sum)[M][N][4], const uint32_t *left, const uint32_t *right)
{
    int g = (int)threadIdx.x % 32 / 4, t = (int)threadIdx.x % 4;
    RT_UNROLL for (int k = 0; k < DEPTH / 2; k += 8) {
        uint32_t factor[M][4];
        RT_UNROLL for (int m = 0; m < M; m++)
            RT_UNROLL for (int i = 0; i < 4; i++)
                factor[m][i] = left[(m * 16 + g + i % 2 * 8) * STRIDE + k + t + i / 2 * 4];
        RT_UNROLL for (int n = 0; n < N; n++) {
            const uint32_t *at = right + (n * 8 + g) * STRIDE + k + t;
            RT_UNROLL for (int m = 0; m < M; m++) rt_mma_bf16(sum[m][n], factor[m], at[0], at[4]);
        }
    }
}

/* y's numbers at (row, column) and (row, column + 1) from the product's. */
static __device__ __forceinline__ void finish(const linear_job &job, int64_t row, int column, float a, float b)
{
    float *y = job.y + row * job.columns + column;
    if (job.bias) a += job.bias[column], b += job.bias[column + 1];
    a = rt_activate(job.act, a), b = rt_activate(job.act, b);
    if (job.mul) {
        const float2 gate = *(const float2 *)(job.mul + row % job.mul_rows * job.columns + column);
        a *= gate.x, b *= gate.y;
    }
    if (job.add) {
        const float2 before = *(const float2 *)y;
        a += before.x, b += before.y;
    }
    *(float2 *)y = make_float2(a, b);
}

/* Shared: two tiles of rows, two of weights. */
template <int COLUMNS, bool ACROSS> static __global__ void __launch_bounds__(THREADS, 2) linear_bf16(linear_job job)
{
    typedef tile_share<COLUMNS> share;
    RT_SHARED(uint32_t, left);
    uint32_t *right = left + 2 * ROWS * STRIDE;
    int64_t across = (job.columns + COLUMNS - 1) / COLUMNS, row0 = blockIdx.x / across * ROWS;
    int column0 = (int)(blockIdx.x % across) * COLUMNS, warp = (int)threadIdx.x / 32;
    int down = warp / share::ACROSS * share::WARP_ROWS, along = warp % share::ACROSS * share::WARP_COLUMNS;
    float sum[share::M][share::N][4];
    RT_UNROLL for (int m = 0; m < share::M; m++)
        RT_UNROLL for (int n = 0; n < share::N; n++)
            RT_UNROLL for (int e = 0; e < 4; e++) sum[m][n][e] = 0;
    fetched<COLUMNS> next;
    const source from = source_of<COLUMNS, ACROSS>(job, row0, column0);
    fetch<COLUMNS, ACROSS>(next, from, job, 0);
    put<COLUMNS, ACROSS>(left, right, next);
    __syncthreads();
    for (int k = 0, side = 0; k < job.depth; k += DEPTH, side ^= 1) {
        bool more = k + DEPTH < job.depth;
        if (more) fetch<COLUMNS, ACROSS>(next, from, job, k + DEPTH);
        multiply(sum, left + (side * ROWS + down) * STRIDE, right + (side * COLUMNS + along) * STRIDE);
        if (more) put<COLUMNS, ACROSS>(left + (side ^ 1) * ROWS * STRIDE, right + (side ^ 1) * COLUMNS * STRIDE, next);
        __syncthreads();
    }
    int g = (int)threadIdx.x % 32 / 4, t = (int)threadIdx.x % 4;
    RT_UNROLL for (int m = 0; m < share::M; m++)
        RT_UNROLL for (int half = 0; half < 2; half++) {
            int64_t row = row0 + down + m * 16 + half * 8 + g;
            RT_UNROLL for (int n = 0; n < share::N; n++) {
                int column = column0 + along + n * 8 + 2 * t;
                if (row < job.rows && column < job.columns)
                    finish(job, row, column, sum[m][n][2 * half], sum[m][n][2 * half + 1]);
            }
        }
}

template <int COLUMNS, bool ACROSS> static void launch(rt_ctx *ctx, const linear_job &job)
{
    RT_LAUNCH(ctx, (linear_bf16<COLUMNS, ACROSS>), rt_blocks(job.rows, ROWS) * rt_blocks(job.columns, COLUMNS), THREADS,
              2 * (ROWS + COLUMNS) * STRIDE * sizeof(uint32_t), job);
}

template <bool ACROSS> static void launch_tile(rt_ctx *ctx, const linear_job &job)
{
    enum { FEW_BLOCKS = 256 };   /* two for each multiprocessor of a large device */
    if (job.columns <= 32) launch<32, ACROSS>(ctx, job);
    else if (job.columns <= 64 || rt_blocks(job.rows, ROWS) * rt_blocks(job.columns, 128) < FEW_BLOCKS)
        launch<64, ACROSS>(ctx, job);
    else launch<128, ACROSS>(ctx, job);
}

/* Where the sum is long and the rows are few, cuBLASLt's parts of k take less time than what is saved here. */
static bool is_narrow(int64_t rows, int64_t depth)
{
    enum { NARROW = 256, MIDDLE = 512, MANY_ROWS = 8192 };
    return depth <= NARROW || (depth <= MIDDLE && rows >= MANY_ROWS);
}

bool rt_cuda_linear_bf16(rt_ctx *ctx, rt_tensor y, rt_tensor x, rt_tensor w, bool across, rt_tensor opt_bias,
                         rt_epilogue epilogue)
{
    int64_t depth = w.dim[across ? 0 : 1], columns = w.dim[across ? 1 : 0], rows = rt_count(x) / depth;
    int64_t along = across ? columns : depth;   /* what a row of w holds */
    if (!is_narrow(rows, depth) || along % 8 || columns % 2 || !rt_aligned(depth, x.data, w.data) ||
        !rt_aligned(4, y.data, epilogue.mul.data))
        return false;
    linear_job job = {};
    job.y = (float *)y.data, job.x = (const float *)x.data, job.w = (const uint16_t *)w.data;
    job.bias = (const float *)opt_bias.data, job.mul = (const float *)epilogue.mul.data;
    job.rows = rows, job.mul_rows = epilogue.mul.data ? rt_count(epilogue.mul) / columns : 1;
    job.depth = (int)depth, job.columns = (int)columns;
    job.act = epilogue.act, job.add = epilogue.add;
    if (across) launch_tile<true>(ctx, job);
    else launch_tile<false>(ctx, job);
    return true;
}
