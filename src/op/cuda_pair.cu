/* cuda_pair.cu - ops on pair tensors (N,N,C) that are no products: transposes, outer sums, embeddings, distances */
#include "op/cuda_rows.h"

/* ---- the two token axes ---- */

/* Row (i, j) of x goes to (j, i) of y; rows are whole sectors of memory, so neither side needs a tile. */
template <int V> static __global__ void transpose_pair(rt_row_share share, float *y, const float *x, int64_t n, bool add)
{
    int64_t row = rt_own_row(share), from = (row % n * n + row / n) * share.width, to = row * share.width;
    int count = row < share.rows ? share.width : 0;
    for (int i = rt_own_lane(share) * V; i < count; i += share.lanes * V) {
        rt_pack<V> p = rt_load<V>(x + from + i), own;
        if (add) own = rt_load<V>(x + to + i);
        RT_UNROLL for (int e = 0; add && e < V; e++) p.v[e] += own.v[e];
        rt_store<V>(y + to + i, p);
    }
}

extern "C" void rt_cuda_transpose_pair(rt_ctx *ctx, rt_tensor y, rt_tensor x, bool add)
{
    int64_t n = x.dim[0], c = x.dim[2];
    RT_LAUNCH_ROWS(ctx, transpose_pair, rt_aligned(c, y.data, x.data), n * n, c, 0, (float *)y.data, (const float *)x.data, n,
                   add);
}

template <int V>
static __global__ void pair_sum(rt_row_share share, float *z, const float *a, const float *b, int64_t n, bool add)
{
    int64_t row = rt_own_row(share), at_a = row / n * share.width, at_b = row % n * share.width, to = row * share.width;
    int count = row < share.rows ? share.width : 0;
    for (int i = rt_own_lane(share) * V; i < count; i += share.lanes * V) {
        rt_pack<V> p = rt_load<V>(a + at_a + i), q = rt_load<V>(b + at_b + i), old;
        if (add) old = rt_load<V>(z + to + i);
        RT_UNROLL for (int e = 0; e < V; e++) p.v[e] = add ? old.v[e] + (p.v[e] + q.v[e]) : p.v[e] + q.v[e];
        rt_store<V>(z + to + i, p);
    }
}

extern "C" void rt_cuda_pair_sum(rt_ctx *ctx, rt_tensor z, rt_tensor a, rt_tensor b, bool add)
{
    int64_t n = z.dim[0], c = z.dim[2];
    RT_LAUNCH_ROWS(ctx, pair_sum, rt_aligned(c, z.data, a.data, b.data), n * n, c, 0, (float *)z.data, (const float *)a.data,
                   (const float *)b.data, n, add);
}

extern "C" void rt_cuda_pair_sum_backward(rt_ctx *ctx, rt_tensor da, rt_tensor db, rt_tensor dz)
{
    int64_t n = dz.dim[0], c = dz.dim[2];
    rt_cuda_sum_rows(ctx, (float *)da.data, (const float *)dz.data, n, n, c, n * c, c);
    rt_cuda_sum_rows(ctx, (float *)db.data, (const float *)dz.data, n, n, c, c, n * c);
}

/* ---- embeddings ---- */

/* columns (K,C): the weight transposed, so that a class is a row. */
template <int V>
static __global__ void embed(rt_row_share share, float *y, const float *columns, const int32_t *index, int per_row, bool add)
{
    int64_t row = rt_own_row(share), to = row * share.width;
    int count = row < share.rows ? share.width : 0;
    for (int i = rt_own_lane(share) * V; i < count; i += share.lanes * V) {
        rt_pack<V> sum = {};
        if (add) sum = rt_load<V>(y + to + i);
        for (int k = 0; k < per_row; k++) {
            int at = index[row * per_row + k];
            if (at < 0) continue;
            rt_pack<V> p = rt_load<V>(columns + (int64_t)at * share.width + i);
            RT_UNROLL for (int e = 0; e < V; e++) sum.v[e] += p.v[e];
        }
        rt_store<V>(y + to + i, sum);
    }
}

extern "C" void rt_cuda_embed(rt_ctx *ctx, rt_tensor y, rt_tensor w, rt_tensor index, bool add)
{
    int64_t mark = rt_arena_mark(ctx->step), c = w.dim[0], classes = w.dim[1];
    RT_REQUIRE(w.dtype == RT_F32);
    float *columns = RT_SCRATCH(ctx, float, classes * c);
    rt_cuda_transpose_matrix(ctx, columns, (const float *)w.data, c, classes);
    RT_LAUNCH_ROWS(ctx, embed, rt_aligned(c, y.data, columns), rt_rows(index), c, 0, (float *)y.data, columns,
                   (const int32_t *)index.data, (int)rt_last(index), add);
    rt_arena_reset(ctx->step, mark);
}

/* Gradients of class rows: a block adds the rows of one part into a table (classes, slice) of its shared memory, for `slice`
 * columns at a time.  Warp w owns the classes k with k % warps = w: no two warps add to one number, and each adds in the
 * order of the rows.  A slice is what 48 KiB hold of the classes, 32 columns at most. */
enum { CLASS_BYTES = 47 << 10, CLASS_BLOCKS = 512, CLASS_ROWS = 256 };

typedef struct {
    int64_t rows, part_rows, parts;
    int classes, columns, slice, slices;
} class_parts;

static class_parts cut_classes(int64_t rows, int64_t classes, int64_t columns)
{
    class_parts cut = {rows, 0, 0, (int)classes, (int)columns, rt_power_of_two(columns, 32), 0};
    while (cut.slice > 1 && classes * cut.slice * (int64_t)sizeof(float) > CLASS_BYTES) cut.slice /= 2;
    RT_REQUIRE(classes * cut.slice * (int64_t)sizeof(float) <= CLASS_BYTES);
    cut.slices = (int)rt_blocks(columns, cut.slice);
    int64_t most = CLASS_BLOCKS / cut.slices > 0 ? CLASS_BLOCKS / cut.slices : 1;
    cut.part_rows = rt_blocks(rows, most);
    if (cut.part_rows < CLASS_ROWS) cut.part_rows = CLASS_ROWS;
    cut.parts = rt_blocks(rows, cut.part_rows);
    return cut;
}

/* part (parts, C, K) */
static __global__ void embed_backward(class_parts cut, float *part, const float *dy, const int32_t *index, int per_row)
{
    RT_SHARED(float, table);
    int warp = (int)threadIdx.x / 32, warps = (int)blockDim.x / 32, lane = (int)threadIdx.x % 32;
    int64_t own = (int64_t)blockIdx.x / cut.slices, first = own * cut.part_rows;
    int start = (int)(blockIdx.x % (unsigned int)cut.slices) * cut.slice, column = start + lane;
    bool active = lane < cut.slice && column < cut.columns;
    int64_t left = cut.rows - first < cut.part_rows ? cut.rows - first : cut.part_rows, entries = left * per_row;
    for (int i = (int)threadIdx.x; i < cut.classes * cut.slice; i += (int)blockDim.x) table[i] = 0;
    __syncthreads();
    index += first * per_row;
    dy += first * cut.columns;
    for (int64_t base = 0; base < entries; base += 32) {
        int k = base + lane < entries ? index[base + lane] : -1;
        unsigned int mine = __ballot_sync(RT_WARP, k >= 0 && k % warps == warp);
        while (mine) {
            int bit = __ffs((int)mine) - 1, at = __shfl_sync(RT_WARP, k, bit);
            mine &= mine - 1;
            if (active) table[at * cut.slice + lane] += dy[(base + bit) / per_row * cut.columns + column];
        }
    }
    __syncthreads();
    for (int i = (int)threadIdx.x; i < cut.classes * cut.slice; i += (int)blockDim.x) {
        int c = i / cut.classes, k = i % cut.classes;
        if (start + c < cut.columns)
            part[(own * cut.columns + start + c) * cut.classes + k] = table[k * cut.slice + c];
    }
}

extern "C" void rt_cuda_embed_backward(rt_ctx *ctx, rt_tensor dw, rt_tensor dy, rt_tensor index)
{
    int64_t mark = rt_arena_mark(ctx->step), c = dw.dim[0], classes = dw.dim[1];
    class_parts cut = cut_classes(rt_rows(index), classes, c);
    float *part = RT_SCRATCH(ctx, float, cut.parts * c * classes);
    RT_LAUNCH(ctx, embed_backward, cut.parts * cut.slices, RT_THREADS, classes * cut.slice * sizeof(float), cut, part,
              (const float *)dy.data, (const int32_t *)index.data, (int)rt_last(index));
    rt_cuda_sum_rows(ctx, (float *)dw.data, part, 1, cut.parts, c * classes, 0, c * classes);
    rt_arena_reset(ctx->step, mark);
}

/* ---- distances ---- */
static __global__ void distances(float *d, const float *x, const float *mask, int64_t n)
{
    int64_t at = rt_thread(), i = at / n, j = at % n;
    if (at >= n * n) return;
    float u = x[3 * i] - x[3 * j], v = x[3 * i + 1] - x[3 * j + 1], w = x[3 * i + 2] - x[3 * j + 2];
    float length = sqrtf(u * u + v * v + w * w);
    d[at] = mask ? length * mask[i] * mask[j] : length;
}

extern "C" void rt_cuda_distances(rt_ctx *ctx, rt_tensor d, rt_tensor x, rt_tensor opt_mask)
{
    int64_t n = x.dim[0];
    RT_LAUNCH(ctx, distances, rt_blocks(n * n, RT_THREADS), RT_THREADS, 0, (float *)d.data, (const float *)x.data,
              (const float *)opt_mask.data, n);
}

/* columns (K,C): w_bin transposed. */
template <int V>
static __global__ void distance_embed(rt_row_share share, float *z, const float *d, const float *mask, const float *lower,
                                      const float *upper, const float *columns, const float *raw, int64_t n, int bins)
{
    int64_t row = rt_own_row(share), to = row * share.width;
    if (row >= share.rows) return;
    float distance = d[row], weight = mask ? mask[row / n] * mask[row % n] : 1.0f;
    for (int i = rt_own_lane(share) * V; i < share.width; i += share.lanes * V) {
        rt_pack<V> sum = rt_load<V>(z + to + i), p = rt_load<V>(raw + i);
        RT_UNROLL for (int e = 0; e < V; e++) sum.v[e] += distance * weight * p.v[e];
        for (int k = 0; k < bins; k++) {
            if (!(distance > lower[k] && distance < upper[k])) continue;
            p = rt_load<V>(columns + (int64_t)k * share.width + i);
            RT_UNROLL for (int e = 0; e < V; e++) sum.v[e] += weight * p.v[e];
        }
        rt_store<V>(z + to + i, sum);
    }
}

extern "C" void rt_cuda_distance_embed(rt_ctx *ctx, rt_tensor z, rt_tensor d, rt_tensor opt_mask, rt_tensor lower,
                                       rt_tensor upper, rt_tensor w_bin, rt_tensor w_raw)
{
    int64_t mark = rt_arena_mark(ctx->step), n = d.dim[0], c = w_bin.dim[0], bins = w_bin.dim[1];
    RT_REQUIRE(w_bin.dtype == RT_F32 && w_raw.dtype == RT_F32);
    float *columns = RT_SCRATCH(ctx, float, bins * c);
    rt_cuda_transpose_matrix(ctx, columns, (const float *)w_bin.data, c, bins);
    RT_LAUNCH_ROWS(ctx, distance_embed, rt_aligned(c, z.data, columns, w_raw.data), n * n, c, 0, (float *)z.data,
                   (const float *)d.data, (const float *)opt_mask.data, (const float *)lower.data, (const float *)upper.data,
                   columns, (const float *)w_raw.data, n, (int)bins);
    rt_arena_reset(ctx->step, mark);
}

/* As embed_backward, with bins for classes; warp w adds the raw term of pairs w, w + warps, ... of every 32 in a register.
 * part (parts, C K + C): the bins' gradient (C,K), then the raw one's (C). */
static __global__ void distance_embed_backward(class_parts cut, float *part, const float *dz, const float *d, const float *mask,
                                               const float *lower, const float *upper, int64_t n)
{
    RT_SHARED(float, table);
    int warp = (int)threadIdx.x / 32, warps = (int)blockDim.x / 32, lane = (int)threadIdx.x % 32;
    int64_t own = (int64_t)blockIdx.x / cut.slices, first = own * cut.part_rows;
    int start = (int)(blockIdx.x % (unsigned int)cut.slices) * cut.slice, column = start + lane;
    bool active = lane < cut.slice && column < cut.columns;
    int64_t last = cut.rows - first < cut.part_rows ? cut.rows : first + cut.part_rows;
    float raw = 0;
    for (int i = (int)threadIdx.x; i < cut.classes * cut.slice; i += (int)blockDim.x) table[i] = 0;
    __syncthreads();
    for (int64_t base = first; base < last; base += 32) {
        int64_t pair = base + lane;
        float distance = 0, weight = 0;
        if (pair < last) distance = d[pair], weight = mask ? mask[pair / n] * mask[pair % n] : 1.0f;
        for (int bit = warp; bit < 32; bit += warps) {
            float scaled = __shfl_sync(RT_WARP, distance * weight, bit);
            if (active && base + bit < last) raw += scaled * dz[(base + bit) * cut.columns + column];
        }
        for (int k = warp; k < cut.classes; k += warps) {
            unsigned int inside = __ballot_sync(RT_WARP, pair < last && distance > lower[k] && distance < upper[k]);
            while (inside) {
                int bit = __ffs((int)inside) - 1;
                float factor = __shfl_sync(RT_WARP, weight, bit);
                inside &= inside - 1;
                if (active) table[k * cut.slice + lane] += factor * dz[(base + bit) * cut.columns + column];
            }
        }
    }
    float *sums = table + cut.classes * cut.slice;   /* (warps, 32) */
    sums[threadIdx.x] = raw;
    __syncthreads();
    part += own * cut.columns * (cut.classes + 1);
    for (int i = (int)threadIdx.x; i < cut.classes * cut.slice; i += (int)blockDim.x) {
        int c = i / cut.classes, k = i % cut.classes;
        if (start + c < cut.columns) part[(int64_t)(start + c) * cut.classes + k] = table[k * cut.slice + c];
    }
    if (warp == 0 && active) {
        float sum = 0;
        for (int w = 0; w < warps; w++) sum += sums[w * 32 + lane];
        part[(int64_t)cut.columns * cut.classes + column] = sum;
    }
}

extern "C" void rt_cuda_distance_embed_backward(rt_ctx *ctx, rt_tensor dw_bin, rt_tensor dw_raw, rt_tensor dz, rt_tensor d,
                                                rt_tensor opt_mask, rt_tensor lower, rt_tensor upper)
{
    int64_t mark = rt_arena_mark(ctx->step), c = dw_bin.dim[0], bins = dw_bin.dim[1], n = d.dim[0], size = c * (bins + 1);
    class_parts cut = cut_classes(n * n, bins, c);
    float *part = RT_SCRATCH(ctx, float, cut.parts * size);
    RT_LAUNCH(ctx, distance_embed_backward, cut.parts * cut.slices, RT_THREADS,
              (bins * cut.slice + RT_THREADS) * sizeof(float), cut, part, (const float *)dz.data, (const float *)d.data,
              (const float *)opt_mask.data, (const float *)lower.data, (const float *)upper.data, n);
    rt_cuda_sum_rows(ctx, (float *)dw_bin.data, part, 1, cut.parts, bins * c, 0, size);
    rt_cuda_sum_rows(ctx, (float *)dw_raw.data, part + bins * c, 1, cut.parts, c, 0, size);
    rt_arena_reset(ctx->step, mark);
}
