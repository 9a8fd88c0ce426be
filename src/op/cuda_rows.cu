/* cuda_rows.cu - elementwise ops and those along a row: norms, softmax, copies, transposes, gathers of coordinates */
#include "op/cuda_rows.h"

/* ---- norms ---- */

/* Mean and 1 / sqrt(variance + 1e-5) of n values, by their lanes: the variance from differences, so that a row far from 0
 * loses nothing.  n is 0 in lanes without a row. */
template <int V>
static __device__ __forceinline__ void row_moments(const float *x, int n, rt_row_share share, int lane, float *shared,
                                                   float *out_mean, float *out_scale)
{
    float sum = 0, square = 0, inverse = 1.0f / (float)share.width;
    for (int i = lane * V; i < n; i += share.lanes * V) {
        rt_pack<V> p = rt_load<V>(x + i);
        RT_UNROLL for (int e = 0; e < V; e++) sum += p.v[e];
    }
    float mean = rt_lanes_sum(sum, share.lanes, shared) * inverse;
    for (int i = lane * V; i < n; i += share.lanes * V) {
        rt_pack<V> p = rt_load<V>(x + i);
        RT_UNROLL for (int e = 0; e < V; e++) square += (p.v[e] - mean) * (p.v[e] - mean);
    }
    *out_mean = mean;
    *out_scale = 1.0f / sqrtf(rt_lanes_sum(square, share.lanes, shared) * inverse + 1e-5f);
}

/* Row m uses row m % gain_rows of gain and offset: 1 in a layer norm. */
template <int V>
static __global__ void normalise(rt_row_share share, float *y, const float *x, const float *gain, const float *offset,
                                 int64_t gain_rows)
{
    RT_SHARED(float, shared);
    int64_t row = rt_own_row(share), at = gain_rows == 1 ? 0 : row % gain_rows * share.width;
    int n = row < share.rows ? share.width : 0, lane = rt_own_lane(share);
    float mean, scale;
    x += row * share.width;
    y += row * share.width;
    row_moments<V>(x, n, share, lane, shared, &mean, &scale);
    for (int i = lane * V; i < n; i += share.lanes * V) {
        rt_pack<V> p = rt_load<V>(x + i), factor, shift;
        if (gain) factor = rt_load<V>(gain + at + i);
        if (offset) shift = rt_load<V>(offset + at + i);
        RT_UNROLL for (int e = 0; e < V; e++) {
            p.v[e] = (p.v[e] - mean) * scale;
            if (gain) p.v[e] *= factor.v[e];
            if (offset) p.v[e] += shift.v[e];
        }
        rt_store<V>(y + i, p);
    }
}

static void normalise_rows(rt_ctx *ctx, rt_tensor y, rt_tensor x, rt_tensor gain, rt_tensor offset, int64_t gain_rows)
{
    int64_t n = rt_last(x);
    RT_LAUNCH_ROWS(ctx, normalise, rt_aligned(n, y.data, x.data, gain.data, offset.data), rt_rows(x), n, 32 * sizeof(float),
                   (float *)y.data, (const float *)x.data, (const float *)gain.data, (const float *)offset.data, gain_rows);
}

extern "C" void rt_cuda_layer_norm(rt_ctx *ctx, rt_tensor y, rt_tensor x, rt_tensor opt_gain, rt_tensor opt_offset)
{
    normalise_rows(ctx, y, x, opt_gain, opt_offset, 1);
}

extern "C" void rt_cuda_adaptive_layer_norm(rt_ctx *ctx, rt_tensor y, rt_tensor x, rt_tensor gate, rt_tensor shift)
{
    normalise_rows(ctx, y, x, gate, shift, rt_rows(gate));
}

/* dx of one row (NULL: not wanted) from g = dy * gain; adds dy * normed to dgain and dy to doffset, each unless NULL, at
 * columns that belong to this lane.  dx may be dy: a column is written after all reads of the row by its own lane. */
template <int V>
static __device__ __forceinline__ void norm_row_backward(float *dx, const float *dy, const float *x, const float *gain,
                                                         float *dgain, float *doffset, int n, rt_row_share share, int lane,
                                                         bool add, float *shared)
{
    float mean, scale, first = 0, second = 0, inverse = 1.0f / (float)share.width;
    row_moments<V>(x, n, share, lane, shared, &mean, &scale);
    for (int i = lane * V; i < n; i += share.lanes * V) {
        rt_pack<V> d = rt_load<V>(dy + i), p = rt_load<V>(x + i), factor;
        if (gain) factor = rt_load<V>(gain + i);
        RT_UNROLL for (int e = 0; e < V; e++) {
            float normed = (p.v[e] - mean) * scale, g = gain ? d.v[e] * factor.v[e] : d.v[e];
            first += g;
            second += g * normed;
            if (dgain) dgain[i + e] += d.v[e] * normed;
            if (doffset) doffset[i + e] += d.v[e];
        }
    }
    if (!dx) return;
    first = rt_lanes_sum(first, share.lanes, shared) * inverse;
    second = rt_lanes_sum(second, share.lanes, shared) * inverse;
    for (int i = lane * V; i < n; i += share.lanes * V) {
        rt_pack<V> d = rt_load<V>(dy + i), p = rt_load<V>(x + i), factor, out;
        if (gain) factor = rt_load<V>(gain + i);
        if (add) out = rt_load<V>(dx + i);
        RT_UNROLL for (int e = 0; e < V; e++) {
            float g = gain ? d.v[e] * factor.v[e] : d.v[e];
            g = scale * (g - first - (p.v[e] - mean) * scale * second);
            out.v[e] = add ? out.v[e] + g : g;
        }
        rt_store<V>(dx + i, out);
    }
}

/* 128 threads a block: 4 warps' sums of 1,024 columns for gain and offset are 32 KiB of shared memory, and a row that a
 * whole block shares may have 6,128 columns in 48 KiB. */
enum { NORM_THREADS = 128, NORM_PARTS = 1024 };

/* Block b takes rows [b * rows_per_block, ...), a row for each group of lanes at a time; part_gain and part_offset (blocks,
 * width) get its sums, each unless NULL.  shared: 32 floats, then (groups, width) for gain and for offset. */
template <int V>
static __global__ void layer_norm_backward(rt_row_share share, int64_t rows_per_block, float *dx, bool add, float *part_gain,
                                           float *part_offset, const float *dy, const float *x, const float *gain)
{
    RT_SHARED(float, shared);
    int groups = (int)blockDim.x / share.lanes, group = (int)threadIdx.x / share.lanes, lane = rt_own_lane(share);
    int64_t first = (int64_t)blockIdx.x * rows_per_block, last = first + rows_per_block;
    if (last > share.rows) last = share.rows;
    float *sums = shared + 32, *own_gain = sums + group * share.width, *own_offset = own_gain + groups * share.width;
    bool wanted = part_gain || part_offset;
    for (int i = lane * V; wanted && i < share.width; i += share.lanes * V)
        for (int e = 0; e < V; e++) own_gain[i + e] = own_offset[i + e] = 0;
    for (int64_t base = first; base < last; base += groups) {
        int64_t row = base + group, at = row * share.width;
        norm_row_backward<V>(dx ? dx + at : NULL, dy + at, x + at, gain, part_gain ? own_gain : NULL,
                             part_offset ? own_offset : NULL, row < last ? share.width : 0, share, lane, add, shared);
    }
    if (!wanted) return;
    __syncthreads();
    for (int i = (int)threadIdx.x; i < share.width; i += (int)blockDim.x) {
        float sum_gain = 0, sum_offset = 0;
        for (int g = 0; g < groups; g++) {
            sum_gain += sums[g * share.width + i];
            sum_offset += sums[(groups + g) * share.width + i];
        }
        int64_t at = (int64_t)blockIdx.x * share.width + i;
        if (part_gain) part_gain[at] = sum_gain;
        if (part_offset) part_offset[at] = sum_offset;
    }
}

extern "C" void rt_cuda_layer_norm_backward(rt_ctx *ctx, rt_tensor opt_dx, bool add, rt_tensor opt_dgain,
                                            rt_tensor opt_doffset, rt_tensor dy, rt_tensor x, rt_tensor opt_gain)
{
    int64_t mark = rt_arena_mark(ctx->step), n = rt_last(x), rows = rt_rows(x);
    bool packs = rt_aligned(n, opt_dx.data, dy.data, x.data, opt_gain.data), wanted = opt_dgain.data || opt_doffset.data;
    rt_row_share share = rt_share_rows(rows, n, packs, NORM_THREADS);
    int64_t groups = NORM_THREADS / share.lanes, blocks = rt_blocks(rows, groups);
    if (wanted && blocks > NORM_PARTS) blocks = NORM_PARTS;
    int64_t per_block = rt_blocks(rt_blocks(rows, groups), blocks) * groups;
    blocks = rt_blocks(rows, per_block);
    float *gain = opt_dgain.data ? RT_SCRATCH(ctx, float, blocks * n) : NULL;
    float *offset = opt_doffset.data ? RT_SCRATCH(ctx, float, blocks * n) : NULL;
    size_t shared = (32 + (size_t)(wanted ? 2 * groups * n : 0)) * sizeof(float);
    RT_REQUIRE(shared <= 48 << 10);
    auto kernel = packs ? layer_norm_backward<4> : layer_norm_backward<1>;
    RT_LAUNCH(ctx, kernel, blocks, NORM_THREADS, shared, share, per_block, (float *)opt_dx.data, add, gain, offset,
              (const float *)dy.data, (const float *)x.data, (const float *)opt_gain.data);
    if (gain) rt_cuda_sum_rows(ctx, (float *)opt_dgain.data, gain, 1, blocks, n, 0, n);
    if (offset) rt_cuda_sum_rows(ctx, (float *)opt_doffset.data, offset, 1, blocks, n, 0, n);
    rt_arena_reset(ctx->step, mark);
}

/* A row of gate and shift serves every sample: its lanes go through the samples in their order. */
template <int V>
static __global__ void adaptive_backward(rt_row_share share, float *dx, bool add, float *dgate, float *dshift, const float *dy,
                                         const float *x, const float *gate, int64_t samples)
{
    RT_SHARED(float, shared);
    int64_t row = rt_own_row(share), own = row * share.width;
    int n = row < share.rows ? share.width : 0, lane = rt_own_lane(share);
    for (int64_t s = 0; s < samples; s++) {
        int64_t at = (s * share.rows + row) * share.width;
        norm_row_backward<V>(dx + at, dy + at, x + at, gate + own, dgate ? dgate + own : NULL, dshift ? dshift + own : NULL, n,
                             share, lane, add, shared);
    }
}

extern "C" void rt_cuda_adaptive_layer_norm_backward(rt_ctx *ctx, rt_tensor dx, bool add, rt_tensor opt_dgate,
                                                     rt_tensor opt_dshift, rt_tensor dy, rt_tensor x, rt_tensor gate)
{
    int64_t n = rt_last(x), rows = rt_rows(gate);
    RT_LAUNCH_ROWS(ctx, adaptive_backward, rt_aligned(n, dx.data, dy.data, x.data, gate.data), rows, n, 32 * sizeof(float),
                   (float *)dx.data, add, (float *)opt_dgate.data, (float *)opt_dshift.data, (const float *)dy.data,
                   (const float *)x.data, (const float *)gate.data, rt_rows(x) / rows);
}

/* ---- softmax ---- */
template <int V> static __global__ void softmax(rt_row_share share, float *y, const float *x)
{
    RT_SHARED(float, shared);
    int64_t row = rt_own_row(share);
    int n = row < share.rows ? share.width : 0, lane = rt_own_lane(share);
    float top = -INFINITY, sum = 0;
    x += row * share.width;
    y += row * share.width;
    for (int i = lane * V; i < n; i += share.lanes * V) {
        rt_pack<V> p = rt_load<V>(x + i);
        RT_UNROLL for (int e = 0; e < V; e++) top = fmaxf(top, p.v[e]);
    }
    top = rt_lanes_max(top, share.lanes, shared);
    for (int i = lane * V; i < n; i += share.lanes * V) {
        rt_pack<V> p = rt_load<V>(x + i);
        RT_UNROLL for (int e = 0; e < V; e++) sum += expf(p.v[e] - top);
    }
    float scale = 1.0f / rt_lanes_sum(sum, share.lanes, shared);
    for (int i = lane * V; i < n; i += share.lanes * V) {
        rt_pack<V> p = rt_load<V>(x + i);
        RT_UNROLL for (int e = 0; e < V; e++) p.v[e] = expf(p.v[e] - top) * scale;
        rt_store<V>(y + i, p);
    }
}

extern "C" void rt_cuda_softmax(rt_ctx *ctx, rt_tensor y, rt_tensor x)
{
    int64_t n = rt_last(x);
    RT_LAUNCH_ROWS(ctx, softmax, rt_aligned(n, y.data, x.data), rt_rows(x), n, 32 * sizeof(float), (float *)y.data,
                   (const float *)x.data);
}

template <int V> static __global__ void softmax_backward(rt_row_share share, float *dx, const float *dy, const float *y)
{
    RT_SHARED(float, shared);
    int64_t row = rt_own_row(share), at = row * share.width;
    int n = row < share.rows ? share.width : 0, lane = rt_own_lane(share);
    float sum = 0;
    for (int i = lane * V; i < n; i += share.lanes * V) {
        rt_pack<V> d = rt_load<V>(dy + at + i), p = rt_load<V>(y + at + i);
        RT_UNROLL for (int e = 0; e < V; e++) sum += d.v[e] * p.v[e];
    }
    sum = rt_lanes_sum(sum, share.lanes, shared);
    for (int i = lane * V; i < n; i += share.lanes * V) {
        rt_pack<V> d = rt_load<V>(dy + at + i), p = rt_load<V>(y + at + i);
        RT_UNROLL for (int e = 0; e < V; e++) d.v[e] = p.v[e] * (d.v[e] - sum);
        rt_store<V>(dx + at + i, d);
    }
}

extern "C" void rt_cuda_softmax_backward(rt_ctx *ctx, rt_tensor dx, rt_tensor dy, rt_tensor y)
{
    int64_t n = rt_last(y);
    RT_LAUNCH_ROWS(ctx, softmax_backward, rt_aligned(n, dx.data, dy.data, y.data), rt_rows(y), n, 32 * sizeof(float),
                   (float *)dx.data, (const float *)dy.data, (const float *)y.data);
}

/* ---- elementwise: a thread is a pack ---- */
#define LAUNCH_FLAT(ctx, kernel, packs, count, ...)                                                                       \
    do {                                                                                                                  \
        if (packs) RT_LAUNCH((ctx), (kernel<4>), rt_blocks((count) / 4, RT_THREADS), RT_THREADS, 0, (count), __VA_ARGS__); \
        else RT_LAUNCH((ctx), (kernel<1>), rt_blocks((count), RT_THREADS), RT_THREADS, 0, (count), __VA_ARGS__);          \
    } while (0)

template <int V> static __global__ void axpby(int64_t count, float *y, float alpha, const float *x, float beta)
{
    int64_t i = rt_thread() * V;
    if (i >= count) return;
    rt_pack<V> p = rt_load<V>(x + i), old;
    if (alpha != 0) old = rt_load<V>(y + i);
    RT_UNROLL for (int e = 0; e < V; e++) p.v[e] = alpha != 0 ? alpha * old.v[e] + beta * p.v[e] : beta * p.v[e];
    rt_store<V>(y + i, p);
}

extern "C" void rt_cuda_axpby(rt_ctx *ctx, rt_tensor y, double alpha, rt_tensor x, double beta)
{
    int64_t count = rt_count(y);
    LAUNCH_FLAT(ctx, axpby, rt_aligned(count, y.data, x.data), count, (float *)y.data, (float)alpha, (const float *)x.data,
                (float)beta);
}

template <int V> static __global__ void multiply(int64_t count, float *y, const float *x, const float *g)
{
    int64_t i = rt_thread() * V;
    if (i >= count) return;
    rt_pack<V> p = rt_load<V>(x + i), q = rt_load<V>(g + i);
    RT_UNROLL for (int e = 0; e < V; e++) p.v[e] *= q.v[e];
    rt_store<V>(y + i, p);
}

extern "C" void rt_cuda_multiply(rt_ctx *ctx, rt_tensor y, rt_tensor x, rt_tensor g)
{
    int64_t count = rt_count(y);
    LAUNCH_FLAT(ctx, multiply, rt_aligned(count, y.data, x.data, g.data), count, (float *)y.data, (const float *)x.data,
                (const float *)g.data);
}

template <int V> static __global__ void clamp(int64_t count, float *y, const float *x, float low, float high)
{
    int64_t i = rt_thread() * V;
    if (i >= count) return;
    rt_pack<V> p = rt_load<V>(x + i);
    RT_UNROLL for (int e = 0; e < V; e++) p.v[e] = p.v[e] < low ? low : p.v[e] > high ? high : p.v[e];   /* a NaN stays one */
    rt_store<V>(y + i, p);
}

extern "C" void rt_cuda_clamp(rt_ctx *ctx, rt_tensor y, rt_tensor x, double low, double high)
{
    int64_t count = rt_count(y);
    LAUNCH_FLAT(ctx, clamp, rt_aligned(count, y.data, x.data), count, (float *)y.data, (const float *)x.data, (float)low,
                (float)high);
}

template <int V>
static __global__ void clamp_backward(int64_t count, float *dx, bool add, const float *dy, const float *x, float low, float high)
{
    int64_t i = rt_thread() * V;
    if (i >= count) return;
    rt_pack<V> d = rt_load<V>(dy + i), p = rt_load<V>(x + i), old;
    if (add) old = rt_load<V>(dx + i);
    RT_UNROLL for (int e = 0; e < V; e++) {
        float through = p.v[e] > low && p.v[e] < high ? d.v[e] : 0.0f;
        d.v[e] = add ? old.v[e] + through : through;
    }
    rt_store<V>(dx + i, d);
}

extern "C" void rt_cuda_clamp_backward(rt_ctx *ctx, rt_tensor dx, bool add, rt_tensor dy, rt_tensor x, double low, double high)
{
    int64_t count = rt_count(x);
    LAUNCH_FLAT(ctx, clamp_backward, rt_aligned(count, dx.data, dy.data, x.data), count, (float *)dx.data, add,
                (const float *)dy.data, (const float *)x.data, (float)low, (float)high);
}

/* shared: the values of x, which repeat. */
template <int V> static __global__ void add(int64_t count, float *y, const float *x, int64_t shared)
{
    int64_t i = rt_thread() * V;
    if (i >= count) return;
    rt_pack<V> p = rt_load<V>(y + i), q = rt_load<V>(x + (shared == count ? i : i % shared));
    RT_UNROLL for (int e = 0; e < V; e++) p.v[e] += q.v[e];
    rt_store<V>(y + i, p);
}

extern "C" void rt_cuda_add(rt_ctx *ctx, rt_tensor y, rt_tensor x)
{
    int64_t count = rt_count(y), shared = rt_count(x);
    LAUNCH_FLAT(ctx, add, rt_aligned(shared, y.data, x.data), count, (float *)y.data, (const float *)x.data, shared);
}

extern "C" void rt_cuda_add_backward(rt_ctx *ctx, rt_tensor dx, rt_tensor dy)
{
    int64_t shared = rt_count(dx);
    rt_cuda_sum_rows(ctx, (float *)dx.data, (const float *)dy.data, 1, rt_count(dy) / shared, shared, 0, shared);
}

static __global__ void fourier(float *y, float t, const float *w, const float *b, int64_t count)
{
    int64_t i = rt_thread();
    if (i < count) y[i] = cosf((float)(2 * M_PI) * (t * w[i] + b[i]));
}

extern "C" void rt_cuda_fourier(rt_ctx *ctx, rt_tensor y, double t, rt_tensor w, rt_tensor b)
{
    int64_t count = rt_count(y);
    RT_LAUNCH(ctx, fourier, rt_blocks(count, RT_THREADS), RT_THREADS, 0, (float *)y.data, (float)t, (const float *)w.data,
              (const float *)b.data, count);
}

/* ---- sums of rows ---- */

/* A block sums a tile of `lanes` columns of one group, its threads / lanes rows at a time; then the row lanes are added
 * pairwise.  out[g, c] = or, with add, +=. */
static __global__ void sum_rows(float *out, bool add, const float *in, int64_t rows, int64_t all_rows, int64_t columns,
                                int64_t group_stride, int64_t row_stride, int lanes, int64_t column_tiles)
{
    RT_SHARED(float, shared);
    int row_lanes = (int)blockDim.x / lanes, lane = (int)threadIdx.x % lanes, own = (int)threadIdx.x / lanes;
    int64_t group = (int64_t)blockIdx.x / column_tiles, column = (int64_t)blockIdx.x % column_tiles * lanes + lane;
    int64_t left = all_rows - group * rows, n = left < rows ? left : rows;
    float sum = 0;
    if (column < columns) {
        const float *from = in + group * group_stride + column;
        for (int64_t r = own; r < n; r += row_lanes) sum += from[r * row_stride];
    }
    shared[threadIdx.x] = sum;
    __syncthreads();
    for (int half = row_lanes / 2; half; half /= 2) {
        if (own < half) shared[threadIdx.x] += shared[threadIdx.x + half * lanes];
        __syncthreads();
    }
    if (own == 0 && column < columns) {
        float *to = out + group * columns + column;
        *to = add ? *to + shared[lane] : shared[lane];
    }
}

/* all_rows: of all groups together, where groups are pieces of one sum and the last may be shorter. */
static void launch_sum(rt_ctx *ctx, float *out, bool add, const float *in, int64_t groups, int64_t rows, int64_t all_rows,
                       int64_t columns, int64_t group_stride, int64_t row_stride)
{
    int row_lanes = 1, most = RT_THREADS / rt_power_of_two(columns, 32);
    while (row_lanes * 8 <= rows && row_lanes < most) row_lanes *= 2;   /* 4 or more rows each */
    int lanes = RT_THREADS / row_lanes;
    int64_t tiles = rt_blocks(columns, lanes);
    RT_LAUNCH(ctx, sum_rows, groups * tiles, RT_THREADS, RT_THREADS * sizeof(float), out, add, in, rows, all_rows, columns,
              group_stride, row_stride, lanes, tiles);
}

void rt_cuda_sum_rows(rt_ctx *ctx, float *out, const float *in, int64_t groups, int64_t rows, int64_t columns,
                      int64_t group_stride, int64_t row_stride)
{
    enum { PIECE_ROWS = 1024, PIECES = 512 };   /* a long sum is cut, so that a device's processors all have a piece */
    if (groups > 1 || rows < 2 * PIECE_ROWS) {
        launch_sum(ctx, out, true, in, groups, rows, groups * rows, columns, group_stride, row_stride);
        return;
    }
    int64_t mark = rt_arena_mark(ctx->step), piece = rt_blocks(rows, PIECES);
    if (piece < PIECE_ROWS) piece = PIECE_ROWS;
    int64_t pieces = rt_blocks(rows, piece);
    float *part = RT_SCRATCH(ctx, float, pieces * columns);
    launch_sum(ctx, part, false, in, pieces, piece, rows, columns, piece * row_stride, row_stride);
    launch_sum(ctx, out, true, part, 1, pieces, pieces, columns, 0, columns);
    rt_arena_reset(ctx->step, mark);
}

/* ---- columns joined and split ---- */
template <int V> static __global__ void concat(rt_row_share share, float *y, const float *a, const float *b, int na)
{
    int64_t row = rt_own_row(share);
    int n = row < share.rows ? share.width : 0, nb = share.width - na;
    for (int i = rt_own_lane(share) * V; i < n; i += share.lanes * V)
        rt_store<V>(y + row * share.width + i, rt_load<V>(i < na ? a + row * na + i : b + row * nb + i - na));
}

extern "C" void rt_cuda_concat(rt_ctx *ctx, rt_tensor y, rt_tensor a, rt_tensor b)
{
    int64_t na = rt_last(a), nb = rt_last(b);
    RT_LAUNCH_ROWS(ctx, concat, rt_aligned(na, y.data, a.data, b.data) && nb % 4 == 0, rt_rows(a), na + nb, 0, (float *)y.data,
                   (const float *)a.data, (const float *)b.data, (int)na);
}

template <int V> static __global__ void split(rt_row_share share, float *da, float *db, const float *dy, int na)
{
    int64_t row = rt_own_row(share);
    int n = row < share.rows ? share.width : 0, nb = share.width - na;
    for (int i = rt_own_lane(share) * V; i < n; i += share.lanes * V) {
        float *to = i < na ? da : db;
        if (!to) continue;
        to += i < na ? row * na + i : row * nb + i - na;
        rt_pack<V> p = rt_load<V>(to), d = rt_load<V>(dy + row * share.width + i);
        RT_UNROLL for (int e = 0; e < V; e++) p.v[e] += d.v[e];
        rt_store<V>(to, p);
    }
}

extern "C" void rt_cuda_concat_backward(rt_ctx *ctx, rt_tensor opt_da, rt_tensor opt_db, rt_tensor dy, int64_t a)
{
    int64_t n = rt_last(dy);
    RT_LAUNCH_ROWS(ctx, split, rt_aligned(n, opt_da.data, opt_db.data, dy.data) && a % 4 == 0, rt_rows(dy), n, 0,
                   (float *)opt_da.data, (float *)opt_db.data, (const float *)dy.data, (int)a);
}

template <int V> static __global__ void place(rt_row_share share, float *y, const float *x, int64_t y_width)
{
    int64_t row = rt_own_row(share);
    int n = row < share.rows ? share.width : 0;
    for (int i = rt_own_lane(share) * V; i < n; i += share.lanes * V)
        rt_store<V>(y + row * y_width + i, rt_load<V>(x + row * share.width + i));
}

extern "C" void rt_cuda_place(rt_ctx *ctx, rt_tensor y, rt_tensor x, int64_t first)
{
    int64_t width = rt_last(y), columns = rt_last(x);
    RT_REQUIRE(first >= 0 && first + columns <= width && rt_rows(x) == rt_rows(y));
    RT_LAUNCH_ROWS(ctx, place, rt_aligned(columns, y.data, x.data) && width % 4 == 0 && first % 4 == 0, rt_rows(x), columns, 0,
                   (float *)y.data + first, (const float *)x.data, width);
}

/* ---- transposes ---- */

/* 32 x 32 through shared memory, whose rows of 33 put a column into 32 different banks; 8 rows of threads, because 4
 * elements each hide more latency than 1. */
enum { TILE = 32, TILE_ROWS = 8 };

static __global__ void transpose(float *out, const float *in, int64_t rows, int64_t columns, int64_t column_tiles)
{
    RT_SHARED(float, tile);
    int64_t first_row = (int64_t)blockIdx.x / column_tiles * TILE, first_column = (int64_t)blockIdx.x % column_tiles * TILE;
    int lane = (int)threadIdx.x % TILE, own = (int)threadIdx.x / TILE;
    for (int k = own; k < TILE; k += TILE_ROWS)
        if (first_row + k < rows && first_column + lane < columns)
            tile[k * (TILE + 1) + lane] = in[(first_row + k) * columns + first_column + lane];
    __syncthreads();
    for (int k = own; k < TILE; k += TILE_ROWS)
        if (first_column + k < columns && first_row + lane < rows)
            out[(first_column + k) * rows + first_row + lane] = tile[lane * (TILE + 1) + k];
}

/* Between (long, narrow) and (narrow, long), as the heads of a pair bias are: NARROW_LONG rows at a time pass through
 * shared memory, so that both sides are read and written as whole rows.  to_planes: out is (narrow, length). */
enum { NARROW = 16, NARROW_LONG = 256 };

static __global__ void transpose_narrow(float *out, const float *in, int64_t length, int narrow, bool to_planes)
{
    RT_SHARED(float, tile);   /* (narrow, NARROW_LONG + 1) */
    int64_t first = (int64_t)blockIdx.x * NARROW_LONG;
    int count = length - first < NARROW_LONG ? (int)(length - first) : NARROW_LONG, stride = NARROW_LONG + 1;
    for (int i = (int)threadIdx.x; i < count * narrow; i += (int)blockDim.x) {
        int p = to_planes ? i % narrow : i / count, k = to_planes ? i / narrow : i % count;
        tile[p * stride + k] = to_planes ? in[first * narrow + i] : in[p * length + first + k];
    }
    __syncthreads();
    for (int i = (int)threadIdx.x; i < count * narrow; i += (int)blockDim.x) {
        int p = to_planes ? i / count : i % narrow, k = to_planes ? i % count : i / narrow;
        if (to_planes) out[p * length + first + k] = tile[p * stride + k];
        else out[first * narrow + i] = tile[p * stride + k];
    }
}

void rt_cuda_transpose_matrix(rt_ctx *ctx, float *out, const float *in, int64_t rows, int64_t columns)
{
    int64_t narrow = rows < columns ? rows : columns, length = rows < columns ? columns : rows;
    if (narrow <= NARROW && length >= NARROW_LONG) {
        RT_LAUNCH(ctx, transpose_narrow, rt_blocks(length, NARROW_LONG), RT_THREADS,
                  narrow * (NARROW_LONG + 1) * sizeof(float), out, in, length, (int)narrow, narrow == columns);
        return;
    }
    int64_t column_tiles = rt_blocks(columns, TILE);
    RT_LAUNCH(ctx, transpose, rt_blocks(rows, TILE) * column_tiles, TILE * TILE_ROWS, TILE * (TILE + 1) * sizeof(float), out,
              in, rows, columns, column_tiles);
}

extern "C" void rt_cuda_transpose(rt_ctx *ctx, rt_tensor y, rt_tensor x)
{
    rt_cuda_transpose_matrix(ctx, (float *)y.data, (const float *)x.data, rt_rows(x), rt_last(x));
}

/* ---- coordinates ---- */

/* A block is a sample.  The centre is summed in double: atoms lie up to thousands of Angstrom apart at the highest noise. */
static __global__ void augment(float *x, const float *rotation, const float *translation, int64_t atoms)
{
    RT_SHARED(double, sums);   /* (3, threads) */
    int threads = (int)blockDim.x, own = (int)threadIdx.x;
    x += (int64_t)blockIdx.x * atoms * 3;
    const float *r = rotation + 9 * (int64_t)blockIdx.x, *t = translation + 3 * (int64_t)blockIdx.x;
    double sum[3] = {0, 0, 0};
    for (int64_t a = own; a < atoms; a += threads)
        for (int i = 0; i < 3; i++) sum[i] += (double)x[3 * a + i];
    for (int i = 0; i < 3; i++) sums[i * threads + own] = sum[i];
    __syncthreads();
    for (int half = threads / 2; half; half /= 2) {
        for (int i = 0; own < half && i < 3; i++) sums[i * threads + own] += sums[i * threads + own + half];
        __syncthreads();
    }
    float centre[3];
    for (int i = 0; i < 3; i++) centre[i] = (float)(sums[i * threads] / (double)atoms);
    for (int64_t a = own; a < atoms; a += threads) {
        float p[3];
        for (int i = 0; i < 3; i++) p[i] = x[3 * a + i] - centre[i];
        for (int i = 0; i < 3; i++) x[3 * a + i] = r[3 * i] * p[0] + r[3 * i + 1] * p[1] + r[3 * i + 2] * p[2] + t[i];
    }
}

extern "C" void rt_cuda_augment(rt_ctx *ctx, rt_tensor x, rt_tensor rotation, rt_tensor translation)
{
    enum { THREADS = 512 };
    RT_LAUNCH(ctx, augment, x.dim[0], THREADS, 3 * THREADS * sizeof(double), (float *)x.data, (const float *)rotation.data,
              (const float *)translation.data, x.dim[1]);
}
