/* cuda_atom.cu - between tokens and atoms, windows of atom pairs (W, 32, 128, C), and the heads with a matrix per atom type
 *
 * Equal tokens are consecutive among atoms, so a token's atoms are a range that bisection finds: sums over them need no
 * atomics and run in the order of the atoms.
 */
#include "op/cuda_rows.h"

/* The first atom whose token is at least `token`. */
static __device__ __forceinline__ int64_t first_atom(const int64_t *index, int64_t atoms, int64_t token)
{
    int64_t low = 0, high = atoms;
    while (low < high) {
        int64_t middle = (low + high) / 2;
        if (index[middle] < token) low = middle + 1;
        else high = middle;
    }
    return low;
}

/* ---- tokens to atoms and back ---- */

/* x_stride: rows of a sample of x, 0 when one serves all. */
template <int V>
static __global__ void gather(rt_row_share share, float *y, const float *x, const int64_t *index, int64_t atoms,
                              int64_t x_stride, bool add)
{
    int64_t row = rt_own_row(share), to = row * share.width;
    if (row >= share.rows) return;
    const float *from = x + (row / atoms * x_stride + index[row % atoms]) * share.width;
    for (int i = rt_own_lane(share) * V; i < share.width; i += share.lanes * V) {
        rt_pack<V> p = rt_load<V>(from + i), old;
        if (add) old = rt_load<V>(y + to + i);
        RT_UNROLL for (int e = 0; add && e < V; e++) p.v[e] += old.v[e];
        rt_store<V>(y + to + i, p);
    }
}

extern "C" void rt_cuda_gather(rt_ctx *ctx, rt_tensor y, rt_tensor x, rt_tensor index, bool add)
{
    int64_t c = rt_last(x), atoms = index.dim[0];
    RT_LAUNCH_ROWS(ctx, gather, rt_aligned(c, y.data, x.data), rt_count(y) / c, c, 0, (float *)y.data, (const float *)x.data,
                   (const int64_t *)index.data, atoms, x.dim[0] == 1 ? 0 : x.dim[1], add);
}

/* y (rows) [+]= the sum, or with `mean` the mean, over the token's atoms in x (samples, atoms, C).  A row is a token of a
 * sample; where one sample of y serves `merged` of x, it sums over them too. */
template <int V>
static __global__ void sum_atoms(rt_row_share share, float *y, const float *x, const int64_t *index, int64_t atoms,
                                 int64_t tokens, int64_t merged, bool mean)
{
    int64_t row = rt_own_row(share), token = row % tokens, own = row / tokens;
    if (row >= share.rows) return;
    int64_t first = first_atom(index, atoms, token), last = first_atom(index, atoms, token + 1);
    int64_t from = merged ? 0 : own, to = merged ? merged : own + 1;
    float scale = mean && last > first ? 1.0f / (float)(last - first) : 1.0f;
    for (int i = rt_own_lane(share) * V; i < share.width; i += share.lanes * V) {
        rt_pack<V> sum = {};
        for (int64_t s = from; s < to; s++)
            for (int64_t a = first; a < last; a++) {
                rt_pack<V> p = rt_load<V>(x + (s * atoms + a) * share.width + i);
                RT_UNROLL for (int e = 0; e < V; e++) sum.v[e] += p.v[e];
            }
        rt_pack<V> old = {};
        if (!mean) old = rt_load<V>(y + row * share.width + i);
        RT_UNROLL for (int e = 0; e < V; e++) sum.v[e] = old.v[e] + sum.v[e] * scale;
        rt_store<V>(y + row * share.width + i, sum);
    }
}

extern "C" void rt_cuda_gather_backward(rt_ctx *ctx, rt_tensor dx, rt_tensor dy, rt_tensor index)
{
    int64_t c = rt_last(dx), atoms = index.dim[0], samples = rt_count(dy) / (atoms * c);
    RT_LAUNCH_ROWS(ctx, sum_atoms, rt_aligned(c, dx.data, dy.data), rt_rows(dx), c, 0, (float *)dx.data,
                   (const float *)dy.data, (const int64_t *)index.data, atoms, dx.dim[1], dx.dim[0] == 1 ? samples : 0, false);
}

extern "C" void rt_cuda_segment_mean(rt_ctx *ctx, rt_tensor y, rt_tensor x, rt_tensor index)
{
    int64_t c = rt_last(x);
    RT_LAUNCH_ROWS(ctx, sum_atoms, rt_aligned(c, y.data, x.data), rt_rows(y), c, 0, (float *)y.data, (const float *)x.data,
                   (const int64_t *)index.data, x.dim[1], y.dim[1], (int64_t)0, true);
}

/* A row is an atom of a sample. */
template <int V>
static __global__ void segment_mean_backward(rt_row_share share, float *dx, const float *dy, const int64_t *index,
                                             int64_t atoms, int64_t tokens)
{
    int64_t row = rt_own_row(share);
    if (row >= share.rows) return;
    int64_t token = index[row % atoms];
    int64_t count = first_atom(index, atoms, token + 1) - first_atom(index, atoms, token);
    const float *from = dy + (row / atoms * tokens + token) * share.width;
    for (int i = rt_own_lane(share) * V; i < share.width; i += share.lanes * V) {
        rt_pack<V> p = rt_load<V>(from + i);
        RT_UNROLL for (int e = 0; e < V; e++) p.v[e] /= (float)count;
        rt_store<V>(dx + row * share.width + i, p);
    }
}

extern "C" void rt_cuda_segment_mean_backward(rt_ctx *ctx, rt_tensor dx, rt_tensor dy, rt_tensor index)
{
    int64_t c = rt_last(dx);
    RT_LAUNCH_ROWS(ctx, segment_mean_backward, rt_aligned(c, dx.data, dy.data), rt_rows(dx), c, 0, (float *)dx.data,
                   (const float *)dy.data, (const int64_t *)index.data, dx.dim[1], dy.dim[1]);
}

/* ---- windows ---- */
enum { QUERIES = RT_WINDOW_QUERIES, KEYS = RT_WINDOW_KEYS, PAIRS = QUERIES * KEYS };

/* Row (w, q, k) of a windows' tensor: its two atoms, and whether they exist. */
typedef struct {
    int64_t query, key;
    bool has_query, has_key;
} atom_pair;

static __device__ __forceinline__ atom_pair pair_of(int64_t row, int64_t atoms)
{
    int64_t key = row / PAIRS * QUERIES - (KEYS - QUERIES) / 2 + row % KEYS, query = row / KEYS;
    return atom_pair{query, key, query < atoms, key >= 0 && key < atoms};
}

/* Whether the two belong to one molecule, d = pos[q] - pos[k] and 1 / (1 + |d|^2); an atom outside has place and uid 0. */
static __device__ __forceinline__ bool offset_of(atom_pair p, const float *pos, const int64_t *uid, float d[3], float *inverse)
{
    if ((p.has_query ? uid[p.query] : 0) != (p.has_key ? uid[p.key] : 0)) return false;
    float square = 0;
    for (int x = 0; x < 3; x++) {
        d[x] = (p.has_query ? pos[3 * p.query + x] : 0.0f) - (p.has_key ? pos[3 * p.key + x] : 0.0f);
        square += d[x] * d[x];
    }
    *inverse = 1.0f / (1.0f + square);
    for (int x = 0; x < 3; x++) d[x] = p.has_query && p.has_key ? d[x] : 0.0f;
    return true;
}

template <int V>
static __global__ void window_offsets(rt_row_share share, float *out, const float *pos, const int64_t *uid, const float *w_d,
                                      const float *w_inverse, const float *w_same, int64_t atoms)
{
    int64_t row = rt_own_row(share);
    if (row >= share.rows) return;
    float d[3], inverse;
    bool same = offset_of(pair_of(row, atoms), pos, uid, d, &inverse);
    for (int i = rt_own_lane(share) * V; i < share.width; i += share.lanes * V) {
        rt_pack<V> p = {};
        RT_UNROLL for (int e = 0; same && e < V; e++) {
            const float *w = w_d + 3 * (i + e);
            p.v[e] = w[0] * d[0] + w[1] * d[1] + w[2] * d[2] + w_inverse[i + e] * inverse + w_same[i + e];
        }
        rt_store<V>(out + row * share.width + i, p);
    }
}

extern "C" void rt_cuda_window_offsets(rt_ctx *ctx, rt_tensor p, rt_tensor pos, rt_tensor uid, rt_tensor w_d, rt_tensor w_inv,
                                       rt_tensor w_v)
{
    int64_t c = rt_last(p);
    RT_REQUIRE(w_d.dtype == RT_F32 && w_inv.dtype == RT_F32 && w_v.dtype == RT_F32);
    RT_LAUNCH_ROWS(ctx, window_offsets, rt_aligned(c, p.data), rt_rows(p), c, 0, (float *)p.data, (const float *)pos.data,
                   (const int64_t *)uid.data, (const float *)w_d.data, (const float *)w_inv.data, (const float *)w_v.data,
                   pos.dim[0]);
}

/* A block sums `per_block` windows for a tile of `lanes` columns, threads / lanes pairs at a time; part (blocks, 5 C): the
 * gradient of w_d (C,3), then w_inv (C), then w_v (C). */
static __global__ void window_offsets_backward(float *part, const float *dp, const float *pos, const int64_t *uid,
                                               int64_t atoms, int64_t windows, int64_t per_block, int columns, int lanes,
                                               int column_tiles)
{
    RT_SHARED(float, shared);   /* (5, threads) */
    int threads = (int)blockDim.x, row_lanes = threads / lanes, own = (int)threadIdx.x / lanes;
    int column = (int)(blockIdx.x % (unsigned int)column_tiles) * lanes + (int)threadIdx.x % lanes;
    int64_t block = (int64_t)blockIdx.x / column_tiles, last = (block + 1) * per_block;
    float sum[5] = {0, 0, 0, 0, 0};
    if (last > windows) last = windows;
    for (int64_t row = block * per_block * PAIRS + own; column < columns && row < last * PAIRS; row += row_lanes) {
        float d[3], inverse;
        if (!offset_of(pair_of(row, atoms), pos, uid, d, &inverse)) continue;
        float value = dp[row * columns + column];
        for (int x = 0; x < 3; x++) sum[x] += value * d[x];
        sum[3] += value * inverse;
        sum[4] += value;
    }
    for (int k = 0; k < 5; k++) shared[k * threads + (int)threadIdx.x] = sum[k];
    __syncthreads();
    for (int half = row_lanes / 2; half; half /= 2) {
        for (int k = 0; own < half && k < 5; k++)
            shared[k * threads + (int)threadIdx.x] += shared[k * threads + (int)threadIdx.x + half * lanes];
        __syncthreads();
    }
    if (own != 0 || column >= columns) return;
    part += block * 5 * columns;
    for (int x = 0; x < 3; x++) part[column * 3 + x] = shared[x * threads + (int)threadIdx.x];
    part[3 * columns + column] = shared[3 * threads + (int)threadIdx.x];
    part[4 * columns + column] = shared[4 * threads + (int)threadIdx.x];
}

extern "C" void rt_cuda_window_offsets_backward(rt_ctx *ctx, rt_tensor dw_d, rt_tensor dw_inv, rt_tensor dw_v, rt_tensor dp,
                                                rt_tensor pos, rt_tensor uid)
{
    enum { BLOCKS = 512 };
    int64_t mark = rt_arena_mark(ctx->step), c = rt_last(dp), windows = dp.dim[0];
    int lanes = rt_power_of_two(c, 32);
    int64_t tiles = rt_blocks(c, lanes), per_block = rt_blocks(windows, BLOCKS), blocks = rt_blocks(windows, per_block);
    float *part = RT_SCRATCH(ctx, float, blocks * 5 * c);
    RT_LAUNCH(ctx, window_offsets_backward, blocks * tiles, RT_THREADS, 5 * RT_THREADS * sizeof(float), part,
              (const float *)dp.data, (const float *)pos.data, (const int64_t *)uid.data, pos.dim[0], windows, per_block, (int)c,
              lanes, (int)tiles);
    rt_cuda_sum_rows(ctx, (float *)dw_d.data, part, 1, blocks, 3 * c, 0, 5 * c);
    rt_cuda_sum_rows(ctx, (float *)dw_inv.data, part + 3 * c, 1, blocks, c, 0, 5 * c);
    rt_cuda_sum_rows(ctx, (float *)dw_v.data, part + 4 * c, 1, blocks, c, 0, 5 * c);
    rt_arena_reset(ctx->step, mark);
}

template <int V>
static __global__ void window_pairs(rt_row_share share, float *out, const float *pair, const int64_t *token, const float *a,
                                    const float *b, int64_t atoms, int64_t n)
{
    int64_t row = rt_own_row(share);
    if (row >= share.rows) return;
    atom_pair at = pair_of(row, atoms);
    int64_t from = 0;
    if (pair) from = ((at.has_query ? token[at.query] : 0) * n + (at.has_key ? token[at.key] : 0)) * share.width;
    for (int i = rt_own_lane(share) * V; i < share.width; i += share.lanes * V) {
        rt_pack<V> p = rt_load<V>(out + row * share.width + i), q;
        if (pair) {
            q = rt_load<V>(pair + from + i);
            RT_UNROLL for (int e = 0; e < V; e++) p.v[e] += q.v[e];
        }
        if (at.has_query) {
            q = rt_load<V>(a + at.query * share.width + i);
            RT_UNROLL for (int e = 0; e < V; e++) p.v[e] += q.v[e];
        }
        if (at.has_key) {
            q = rt_load<V>(b + at.key * share.width + i);
            RT_UNROLL for (int e = 0; e < V; e++) p.v[e] += q.v[e];
        }
        rt_store<V>(out + row * share.width + i, p);
    }
}

extern "C" void rt_cuda_window_pairs(rt_ctx *ctx, rt_tensor p, rt_tensor opt_pair, rt_tensor token, rt_tensor a, rt_tensor b)
{
    int64_t c = rt_last(p);
    RT_LAUNCH_ROWS(ctx, window_pairs, rt_aligned(c, p.data, opt_pair.data, a.data, b.data), rt_rows(p), c, 0, (float *)p.data,
                   (const float *)opt_pair.data, (const int64_t *)token.data, (const float *)a.data, (const float *)b.data,
                   token.dim[0], opt_pair.data ? opt_pair.dim[0] : 0);
}

/* db of an atom: its queries in the windows that have it as a key, in their order. */
template <int V>
static __global__ void window_keys_backward(rt_row_share share, float *db, const float *dp, int64_t windows)
{
    int64_t atom = rt_own_row(share);
    if (atom >= share.rows) return;
    const int64_t before = (KEYS - QUERIES) / 2;   /* window w has keys QUERIES w - before ... + KEYS - 1 */
    int64_t first = (atom + before - KEYS) / QUERIES + 1, last = (atom + before) / QUERIES;
    if (atom + before < KEYS) first = 0;
    if (last >= windows) last = windows - 1;
    for (int i = rt_own_lane(share) * V; i < share.width; i += share.lanes * V) {
        rt_pack<V> sum = rt_load<V>(db + atom * share.width + i);
        for (int64_t w = first; w <= last; w++) {
            const float *from = dp + (w * PAIRS + atom - w * QUERIES + before) * share.width + i;
            for (int q = 0; q < QUERIES; q++) {
                rt_pack<V> p = rt_load<V>(from + (int64_t)q * KEYS * share.width);
                RT_UNROLL for (int e = 0; e < V; e++) sum.v[e] += p.v[e];
            }
        }
        rt_store<V>(db + atom * share.width + i, sum);
    }
}

/* What is added to dpair[token, t] from queries first ... last - 1 of window w.  A run of keys of one token belongs to one
 * group of lanes; keys behind the last atom count as token 0 and come in a phase of their own, because keys of token 0 may
 * stand before them in the same window. */
static __device__ void window_to_pair(float *dpair_row, const float *dp, const int64_t *token, int64_t atoms, int64_t w,
                                      int64_t first, int64_t last, int columns, int lanes)
{
    int group = (int)threadIdx.x / lanes, groups = (int)blockDim.x / lanes, lane = (int)threadIdx.x % lanes;
    int64_t start = w * QUERIES - (KEYS - QUERIES) / 2;
    int inside = atoms - start < KEYS ? (int)(atoms - start) : KEYS;   /* keys from here on are behind the last atom */
    for (int phase = 0; phase < 2; phase++) {
        int from = phase ? inside : 0, to = phase ? KEYS : inside;
        for (int head = from + group; head < to; head += groups) {
            int64_t own = start + head < 0 || phase ? 0 : token[start + head];
            if (head > from && (phase || own == (start + head - 1 < 0 ? 0 : token[start + head - 1]))) continue;
            int end = head + 1;
            while (end < to && (phase || own == (start + end < 0 ? 0 : token[start + end]))) end++;
            for (int c = lane; c < columns; c += lanes) {
                float sum = 0;
                for (int64_t q = first; q < last; q++)
                    for (int k = head; k < end; k++) sum += dp[(q * KEYS + k) * columns + c];
                dpair_row[own * columns + c] += sum;
            }
        }
        __syncthreads();   /* the next phase, or window, may add to the same row from other lanes */
    }
}

/* A block is a token with its atoms as queries; token 0 has those behind the last atom too. */
static __global__ void window_pair_backward(float *dpair, const float *dp, const int64_t *token, int64_t atoms,
                                            int64_t windows, int64_t n, int columns, int lanes)
{
    int64_t own = blockIdx.x, first = first_atom(token, atoms, own), last = first_atom(token, atoms, own + 1);
    float *row = dpair + own * n * columns;
    for (int64_t w = first / QUERIES; w * QUERIES < last; w++)
        window_to_pair(row, dp, token, atoms, w, w * QUERIES < first ? first : w * QUERIES,
                       (w + 1) * QUERIES < last ? (w + 1) * QUERIES : last, columns, lanes);
    if (own == 0 && atoms < windows * QUERIES)
        window_to_pair(row, dp, token, atoms, windows - 1, atoms, windows * QUERIES, columns, lanes);
}

extern "C" void rt_cuda_window_pairs_backward(rt_ctx *ctx, rt_tensor opt_dpair, rt_tensor da, rt_tensor db, rt_tensor dp,
                                              rt_tensor token)
{
    int64_t c = rt_last(dp), atoms = token.dim[0], windows = dp.dim[0];
    if (opt_dpair.data)
        RT_LAUNCH(ctx, window_pair_backward, opt_dpair.dim[0], RT_THREADS, 0, (float *)opt_dpair.data, (const float *)dp.data,
                  (const int64_t *)token.data, atoms, windows, opt_dpair.dim[0], (int)c, rt_power_of_two(c, 32));
    rt_cuda_sum_rows(ctx, (float *)da.data, (const float *)dp.data, atoms, KEYS, c, KEYS * c, c);
    RT_LAUNCH_ROWS(ctx, window_keys_backward, rt_aligned(c, db.data, dp.data), atoms, c, 0, (float *)db.data,
                   (const float *)dp.data, windows);
}

/* ---- a matrix per atom type ---- */

/* A block is an atom: a tile of `lanes` columns of y, the sum over C cut among threads / lanes. */
static __global__ void atom_linear(float *y, const float *x, const float *w, const int64_t *token, const int64_t *type, int c,
                                   int bins, int lanes)
{
    RT_SHARED(float, shared);
    int lane = (int)threadIdx.x % lanes, own = (int)threadIdx.x / lanes, parts = (int)blockDim.x / lanes;
    int64_t atom = blockIdx.x;
    const float *row = x + token[atom] * c, *matrix = w + type[atom] * c * bins;
    for (int first = 0; first < bins; first += lanes) {
        float sum = 0;
        for (int i = own; first + lane < bins && i < c; i += parts) sum += row[i] * matrix[(int64_t)i * bins + first + lane];
        shared[threadIdx.x] = sum;
        __syncthreads();
        for (int p = 1; own == 0 && p < parts; p++) sum += shared[p * lanes + lane];
        if (own == 0 && first + lane < bins) y[atom * bins + first + lane] = sum;
        __syncthreads();
    }
}

extern "C" void rt_cuda_atom_linear(rt_ctx *ctx, rt_tensor y, rt_tensor x, rt_tensor w, rt_tensor token, rt_tensor type)
{
    RT_REQUIRE(w.dtype == RT_F32);
    RT_LAUNCH(ctx, atom_linear, token.dim[0], RT_THREADS, RT_THREADS * sizeof(float), (float *)y.data, (const float *)x.data,
              (const float *)w.data, (const int64_t *)token.data, (const int64_t *)type.data, (int)w.dim[1], (int)w.dim[2],
              rt_power_of_two(w.dim[2], 64));
}

/* A block is a token, a warp one of its inputs at a time: the matrices of its atoms' types times dy, summed by lanes. */
static __global__ void atom_input_backward(float *dx, const float *dy, const float *w, const int64_t *token,
                                           const int64_t *type, int64_t atoms, int c, int bins)
{
    int warp = (int)threadIdx.x / 32, warps = (int)blockDim.x / 32, lane = (int)threadIdx.x % 32;
    int64_t own = blockIdx.x, first = first_atom(token, atoms, own), last = first_atom(token, atoms, own + 1);
    for (int i = warp; i < c; i += warps) {
        float sum = 0;
        for (int64_t a = first; a < last; a++) {
            const float *row = w + (type[a] * c + i) * bins;
            for (int o = lane; o < bins; o += 32) sum += row[o] * dy[a * bins + o];
        }
        sum = rt_warp_sum(sum);
        if (lane == 0) dx[own * c + i] += sum;
    }
}

/* list: the atoms of type 0 in their order, then of type 1, ...; start (types + 1): where each type's begin.  A block is a
 * type: it counts the atoms of lower types, then writes its own behind them, a block's width of atoms at a time. */
static __global__ void list_by_type(int64_t *list, int64_t *start, const int64_t *type, int64_t atoms)
{
    RT_SHARED(float, shared);   /* counts of warps, as floats: at most 32 each */
    int warp = (int)threadIdx.x / 32, warps = (int)blockDim.x / 32, lane = (int)threadIdx.x % 32;
    int64_t own = blockIdx.x, at = 0;
    for (int64_t base = 0; base < atoms; base += blockDim.x) {
        bool lower = base + threadIdx.x < atoms && type[base + threadIdx.x] < own;
        at += (int64_t)rt_block_sum(lower ? 1.0f : 0.0f, shared);
    }
    if (threadIdx.x == 0) start[own] = at;
    for (int64_t base = 0; base < atoms; base += blockDim.x) {
        bool mine = base + threadIdx.x < atoms && type[base + threadIdx.x] == own;
        unsigned int ballot = __ballot_sync(RT_WARP, mine);
        if (lane == 0) shared[warp] = (float)__popc(ballot);
        __syncthreads();
        int64_t to = at + __popc(ballot & ((1u << lane) - 1));
        for (int k = 0; k < warps; k++) {
            if (k < warp) to += (int64_t)shared[k];
            at += (int64_t)shared[k];
        }
        if (mine) list[to] = base + threadIdx.x;
        __syncthreads();
    }
    if (own == (int64_t)gridDim.x - 1 && threadIdx.x == 0) start[own + 1] = at;
}

/* A block is a type and a tile of INPUTS x BINS of its matrix; its atoms pass through shared memory ATOMS at a time. */
enum { INPUTS = 32, BINS = 64, ATOMS = 16 };

static __global__ void atom_weight_backward(float *dw, const float *dy, const float *x, const int64_t *token,
                                            const int64_t *list, const int64_t *start, int c, int bins, int input_tiles,
                                            int bin_tiles)
{
    RT_SHARED(float, inputs);
    float *gradients = inputs + ATOMS * INPUTS;   /* (ATOMS, INPUTS), then (ATOMS, BINS) */
    int tile = (int)(blockIdx.x % (unsigned int)(input_tiles * bin_tiles));
    int64_t own = blockIdx.x / (unsigned int)(input_tiles * bin_tiles);
    int first_input = tile / bin_tiles * INPUTS, first_bin = tile % bin_tiles * BINS;
    int lane = (int)threadIdx.x % BINS, group = (int)threadIdx.x / BINS;   /* group: 8 inputs of the tile each */
    const int each = INPUTS * BINS / RT_THREADS;
    float sum[each] = {};
    for (int64_t first = start[own]; first < start[own + 1]; first += ATOMS) {
        int count = start[own + 1] - first < ATOMS ? (int)(start[own + 1] - first) : ATOMS;
        for (int i = (int)threadIdx.x; i < count * INPUTS; i += RT_THREADS) {
            int input = first_input + i % INPUTS;
            inputs[i] = input < c ? x[token[list[first + i / INPUTS]] * c + input] : 0.0f;
        }
        for (int i = (int)threadIdx.x; i < count * BINS; i += RT_THREADS) {
            int bin = first_bin + i % BINS;
            gradients[i] = bin < bins ? dy[list[first + i / BINS] * bins + bin] : 0.0f;
        }
        __syncthreads();
        for (int a = 0; a < count; a++) {
            RT_UNROLL for (int k = 0; k < each; k++) sum[k] += inputs[a * INPUTS + group * each + k] * gradients[a * BINS + lane];
        }
        __syncthreads();
    }
    RT_UNROLL for (int k = 0; k < each; k++) {
        int input = first_input + group * each + k, bin = first_bin + lane;
        if (input < c && bin < bins) dw[(own * c + input) * bins + bin] += sum[k];
    }
}

extern "C" void rt_cuda_atom_linear_backward(rt_ctx *ctx, rt_tensor opt_dx, rt_tensor opt_dw, rt_tensor dy, rt_tensor x,
                                             rt_tensor w, rt_tensor token, rt_tensor type)
{
    int64_t mark = rt_arena_mark(ctx->step), atoms = token.dim[0], types = w.dim[0], c = w.dim[1], bins = w.dim[2];
    RT_REQUIRE(w.dtype == RT_F32);
    if (opt_dx.data)
        RT_LAUNCH(ctx, atom_input_backward, x.dim[0], RT_THREADS, 0, (float *)opt_dx.data, (const float *)dy.data,
                  (const float *)w.data, (const int64_t *)token.data, (const int64_t *)type.data, atoms, (int)c, (int)bins);
    if (opt_dw.data) {
        int64_t *list = RT_SCRATCH(ctx, int64_t, atoms), *start = RT_SCRATCH(ctx, int64_t, types + 1);
        int64_t input_tiles = rt_blocks(c, INPUTS), bin_tiles = rt_blocks(bins, BINS);
        RT_LAUNCH(ctx, list_by_type, types, RT_THREADS, 32 * sizeof(float), list, start, (const int64_t *)type.data, atoms);
        RT_LAUNCH(ctx, atom_weight_backward, types * input_tiles * bin_tiles, RT_THREADS,
                  ATOMS * (INPUTS + BINS) * sizeof(float), (float *)opt_dw.data, (const float *)dy.data, (const float *)x.data,
                  (const int64_t *)token.data, list, start, (int)c, (int)bins, (int)input_tiles, (int)bin_tiles);
    }
    rt_arena_reset(ctx->step, mark);
}
