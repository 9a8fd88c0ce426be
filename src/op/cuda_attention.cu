/* cuda_attention.cu - gated attention with a pair bias, over tokens and in windows of atoms, forward and backward
 *
 * Tiles of queries against tiles of keys with a running maximum and sum (FlashAttention: T. Dao et al., NeurIPS 2022), so
 * that no (N,N) tensor of a head is written.  The backward makes the probabilities again from each query's log-sum-exp, in
 * separate passes over rows of queries (dq), rows of keys (dk, dv) and pairs (dbias): every number is written by one thread
 * in a fixed order, without atomics, at the price of some products twice.
 *
 * A block has 128 threads, 8 across columns and 16 across rows of a tile: a thread's rows are r, r + 16, ..., its columns
 * c, c + 8, ....  Tiles lie in shared memory with D + 4 values a row and probabilities with columns + 8, which put what a
 * warp reads at once (4 rows or 8 columns, 16 bytes each) into different banks.  A row of probabilities is written and read
 * by the 8 lanes of one warp only.
 *
 * D is a head's values in a tile: 32 or 48 for heads of the network (24, 32 and 48 values), 128 for any other; behind d there
 * are zeros.  Tile sizes keep every kernel under the 48 KiB of shared memory that all devices give without asking, and two or
 * more blocks on a multiprocessor.
 */
#include "op/cuda_attention.h"

enum { THREADS = 128, ACROSS = 8, DOWN = THREADS / ACROSS };

/* ---- tiles ---- */

/* out (rows, D + 4) = `count` rows of a head at `in`, times scale and opt_gate; zeros behind the rows and the head's d. */
template <int D>
static __device__ __forceinline__ void load_tile(float *out, const float *in, const float *opt_gate, int rows, int64_t count,
                                                 const attention_job &job, float scale)
{
    const int per_row = D / 4;
    for (int i = (int)threadIdx.x; i < rows * per_row; i += THREADS) {
        int row = i / per_row, c = i % per_row * 4;
        int64_t at = row * job.width + c;
        rt_pack<4> p = {};
        if (row < count && c < job.d) {
            if (job.packs) {
                p = rt_load<4>(in + at);
                if (opt_gate) {
                    rt_pack<4> g = rt_load<4>(opt_gate + at);
                    RT_UNROLL for (int e = 0; e < 4; e++) p.v[e] *= g.v[e];
                }
            } else {
                RT_UNROLL for (int e = 0; e < 4; e++)
                    if (c + e < job.d) p.v[e] = opt_gate ? in[at + e] * opt_gate[at + e] : in[at + e];
            }
        }
        RT_UNROLL for (int e = 0; e < 4; e++) p.v[e] *= scale;
        rt_store<4>(out + row * (D + 4) + c, p);
    }
}

/* sum[i][j] += a[row i] . b[column j] over the head's d values. */
template <int D, int ROWS, int COLUMNS>
static __device__ __forceinline__ void dot_tiles(float (&sum)[ROWS][COLUMNS], const float *a, const float *b, int d)
{
    int down = (int)threadIdx.x / ACROSS, across = (int)threadIdx.x % ACROSS;
    for (int c = 0; c < d; c += 4) {
        rt_pack<4> right[COLUMNS];
        RT_UNROLL for (int j = 0; j < COLUMNS; j++) right[j] = rt_load<4>(b + (across + j * ACROSS) * (D + 4) + c);
        RT_UNROLL for (int i = 0; i < ROWS; i++) {
            rt_pack<4> left = rt_load<4>(a + (down + i * DOWN) * (D + 4) + c);
            RT_UNROLL for (int j = 0; j < COLUMNS; j++)
                RT_UNROLL for (int e = 0; e < 4; e++) sum[i][j] += left.v[e] * right[j].v[e];
        }
    }
}

/* A thread's values of a head: pairs at across * 2 + 16 j, so that 8 lanes read 64 bytes side by side. */
template <int D> static __device__ __forceinline__ int own_column(int j)
{
    return (int)threadIdx.x % ACROSS * 2 + j / 2 * 16 + j % 2;
}

/* sum[i][j] += p[row i] . column j of v: p (rows, count + 8), v (count, D + 4). */
template <int D, int ROWS>
static __device__ __forceinline__ void mix_tile(float (&sum)[ROWS][D / ACROSS], const float *p, const float *v, int count)
{
    int down = (int)threadIdx.x / ACROSS;
    for (int k = 0; k < count; k += 4) {
        rt_pack<4> weight[ROWS];
        RT_UNROLL for (int i = 0; i < ROWS; i++) weight[i] = rt_load<4>(p + (down + i * DOWN) * (count + 8) + k);
        RT_UNROLL for (int e = 0; e < 4; e++)
            RT_UNROLL for (int j = 0; j < D / ACROSS; j += 2) {
                rt_pack<2> value = rt_load<2>(v + (k + e) * (D + 4) + own_column<D>(j));
                RT_UNROLL for (int i = 0; i < ROWS; i++) {
                    sum[i][j] += weight[i].v[e] * value.v[0];
                    sum[i][j + 1] += weight[i].v[e] * value.v[1];
                }
            }
    }
}

/* A thread's part of a tile of probabilities into shared memory, for the warp that wrote it. */
template <int ROWS, int COLUMNS>
static __device__ __forceinline__ void store_weights(float *p, const float (&value)[ROWS][COLUMNS])
{
    int down = (int)threadIdx.x / ACROSS, across = (int)threadIdx.x % ACROSS;
    __syncwarp();   /* who still reads the tile before */
    RT_UNROLL for (int i = 0; i < ROWS; i++)
        RT_UNROLL for (int j = 0; j < COLUMNS; j++)
            p[(down + i * DOWN) * (COLUMNS * ACROSS + 8) + across + j * ACROSS] = value[i][j];
    __syncwarp();
}

/* ---- forward ---- */

/* o and, unless NULL, lse, delta and dgate (the backward's first pass).  ROWS queries and COLUMNS keys a thread.
 * Shared: queries; keys, then values in their place; probabilities. */
template <int D, bool LOCAL, int ROWS, int COLUMNS> static __global__ void __launch_bounds__(THREADS) attend(attention_job job)
{
    const int queries = ROWS * DOWN, keys = COLUMNS * ACROSS, own = D / ACROSS;
    RT_SHARED(float, tile_q);
    float *tile_k = tile_q + queries * (D + 4), *p = tile_k + keys * (D + 4);
    int down = (int)threadIdx.x / ACROSS, across = (int)threadIdx.x % ACROSS;
    tile_place at = place_of(job, job.nq, queries);
    int64_t query0 = (at.batch * job.nq + at.row) * job.width + at.column, first, last;
    int64_t key0 = at.batch * job.nk * job.width + at.column;
    load_tile<D>(tile_q, job.q + query0, NULL, queries, job.nq - at.row, job, job.scale);
    float top[ROWS], total[ROWS], out[ROWS][own];
    RT_UNROLL for (int i = 0; i < ROWS; i++) {
        top[i] = -INFINITY, total[i] = 0;
        RT_UNROLL for (int j = 0; j < own; j++) out[i][j] = 0;
    }
    keys_of<LOCAL>(job, at.row, &first, &last);
    for (int64_t key = first; key < last; key += keys) {
        float s[ROWS][COLUMNS];
        RT_UNROLL for (int i = 0; i < ROWS; i++)
            RT_UNROLL for (int j = 0; j < COLUMNS; j++) {
                int64_t pair = pair_at<LOCAL>(job, at.head, at.row + down + i * DOWN, key + across + j * ACROSS);
                s[i][j] = job.bias && pair >= 0 ? job.bias[pair] : 0.0f;
            }
        __syncthreads();   /* the values before are read */
        load_tile<D>(tile_k, job.k + key0 + key * job.width, NULL, keys, last - key, job, 1.0f);
        __syncthreads();
        dot_tiles<D>(s, tile_q, tile_k, job.d);
        RT_UNROLL for (int i = 0; i < ROWS; i++) {
            float highest = top[i], sum = 0;
            RT_UNROLL for (int j = 0; j < COLUMNS; j++) {
                if (key + across + j * ACROSS >= last) s[i][j] = -INFINITY;
                highest = fmaxf(highest, s[i][j]);
            }
            highest = rt_lanes_max(highest, ACROSS, NULL);
            float base = highest == -INFINITY ? 0.0f : highest;   /* no key of the row counts yet */
            float shrink = __expf(top[i] - base);                 /* 0 in the first tile, where top is -infinity */
            RT_UNROLL for (int j = 0; j < COLUMNS; j++) sum += s[i][j] = __expf(s[i][j] - base);
            total[i] = total[i] * shrink + sum;   /* of this lane's columns; lanes are added at the end */
            top[i] = highest;
            RT_UNROLL for (int j = 0; j < own; j++) out[i][j] *= shrink;
        }
        store_weights<ROWS, COLUMNS>(p, s);
        __syncthreads();   /* the keys are read */
        load_tile<D>(tile_k, job.v + key0 + key * job.width, NULL, keys, last - key, job, 1.0f);
        __syncthreads();
        mix_tile<D, ROWS>(out, p, tile_k, keys);
    }
    RT_UNROLL for (int i = 0; i < ROWS; i++) {
        int64_t row = at.row + down + i * DOWN, to = query0 + (down + i * DOWN) * job.width;
        float sum = rt_lanes_sum(total[i], ACROSS, NULL), inverse = 1.0f / sum, delta = 0;
        RT_UNROLL for (int j = 0; j < own; j++) {
            int c = own_column<D>(j);
            if (row < job.nq && c < job.d) delta += write_output<false>(job, to + c, out[i][j] * inverse);
        }
        write_statistics(job, at, row, across == 0, ACROSS, top[i], sum, delta);
    }
}

/* ---- backward ---- */

/* From logits s and dp = d_o . v of a tile: probabilities into s, their gradient's logits into dp.  Rows are queries, or with
 * KEY_ROWS keys. */
template <bool LOCAL, bool KEY_ROWS, int ROWS, int COLUMNS>
static __device__ __forceinline__ void softmax_gradient(float (&s)[ROWS][COLUMNS], float (&dp)[ROWS][COLUMNS],
                                                        const attention_job &job, int64_t batch, int64_t head, int64_t row0,
                                                        int64_t column0)
{
    int down = (int)threadIdx.x / ACROSS, across = (int)threadIdx.x % ACROSS;
    const float *lse = job.lse + (batch * job.heads + head) * job.nq, *delta = job.delta + (batch * job.heads + head) * job.nq;
    RT_UNROLL for (int i = 0; i < ROWS; i++)
        RT_UNROLL for (int j = 0; j < COLUMNS; j++) {
            int64_t row = row0 + down + i * DOWN, column = column0 + across + j * ACROSS;
            int64_t query = KEY_ROWS ? column : row, pair = pair_at<LOCAL>(job, head, query, KEY_ROWS ? row : column);
            float logit = pair >= 0 && job.bias ? s[i][j] + job.bias[pair] : s[i][j];
            s[i][j] = pair >= 0 ? __expf(logit - lse[query]) : 0.0f;
            dp[i][j] = pair >= 0 ? s[i][j] * (dp[i][j] - delta[query]) : 0.0f;
        }
}

template <int ROWS, int COLUMNS> static __device__ __forceinline__ void clear(float (&x)[ROWS][COLUMNS])
{
    RT_UNROLL for (int i = 0; i < ROWS; i++)
        RT_UNROLL for (int j = 0; j < COLUMNS; j++) x[i][j] = 0;
}

/* A thread's part of a tile of gradients, rows of a head, to `to`. */
template <int D, int ROWS>
static __device__ __forceinline__ void store_rows(float *to, const float (&x)[ROWS][D / ACROSS], const attention_job &job,
                                                  int64_t count, float scale)
{
    int down = (int)threadIdx.x / ACROSS;
    RT_UNROLL for (int i = 0; i < ROWS; i++)
        RT_UNROLL for (int j = 0; j < D / ACROSS; j++)
            if (down + i * DOWN < count && own_column<D>(j) < job.d)
                to[(down + i * DOWN) * job.width + own_column<D>(j)] = x[i][j] * scale;
}

/* dq of a tile of queries; with one batch the bias's gradient too, whose pairs no other block has then.
 * Shared: queries, d_o, keys, values, gradients of logits. */
template <int D, bool LOCAL, int ROWS, int COLUMNS>
static __global__ void __launch_bounds__(THREADS) query_gradient(attention_job job)
{
    const int queries = ROWS * DOWN, keys = COLUMNS * ACROSS;
    RT_SHARED(float, tile_q);
    float *tile_d = tile_q + queries * (D + 4), *tile_k = tile_d + queries * (D + 4), *tile_v = tile_k + keys * (D + 4);
    float *p = tile_v + keys * (D + 4), dq[ROWS][D / ACROSS];
    int down = (int)threadIdx.x / ACROSS, across = (int)threadIdx.x % ACROSS;
    tile_place at = place_of(job, job.nq, queries);
    int64_t query0 = (at.batch * job.nq + at.row) * job.width + at.column, left = job.nq - at.row, first, last;
    int64_t key0 = at.batch * job.nk * job.width + at.column;
    load_tile<D>(tile_q, job.q + query0, NULL, queries, left, job, job.scale);
    load_tile<D>(tile_d, job.d_o + query0, job.gate ? job.gate + query0 : NULL, queries, left, job, 1.0f);
    clear(dq);
    keys_of<LOCAL>(job, at.row, &first, &last);
    for (int64_t key = first; key < last; key += keys) {
        float s[ROWS][COLUMNS], ds[ROWS][COLUMNS];
        __syncthreads();   /* the tiles before are read */
        load_tile<D>(tile_k, job.k + key0 + key * job.width, NULL, keys, last - key, job, 1.0f);
        load_tile<D>(tile_v, job.v + key0 + key * job.width, NULL, keys, last - key, job, 1.0f);
        __syncthreads();
        clear(s), clear(ds);
        dot_tiles<D>(s, tile_q, tile_k, job.d);
        dot_tiles<D>(ds, tile_d, tile_v, job.d);
        softmax_gradient<LOCAL, false>(s, ds, job, at.batch, at.head, at.row, key);
        if (job.dbias && job.batch == 1)
            RT_UNROLL for (int i = 0; i < ROWS; i++)
                RT_UNROLL for (int j = 0; j < COLUMNS; j++) {
                    int64_t pair = pair_at<LOCAL>(job, at.head, at.row + down + i * DOWN, key + across + j * ACROSS);
                    if (pair >= 0) job.dbias[pair] += ds[i][j];
                }
        store_weights<ROWS, COLUMNS>(p, ds);
        mix_tile<D, ROWS>(dq, p, tile_k, keys);
    }
    store_rows<D, ROWS>(job.dq + query0, dq, job, left, job.scale);
}

/* dk and dv of a tile of keys.  Shared: keys, values, queries, d_o, then probabilities and gradients of logits in turn. */
template <int D, bool LOCAL, int ROWS, int COLUMNS>
static __global__ void __launch_bounds__(THREADS) key_gradient(attention_job job)
{
    const int keys = ROWS * DOWN, queries = COLUMNS * ACROSS;
    RT_SHARED(float, tile_k);
    float *tile_v = tile_k + keys * (D + 4), *tile_q = tile_v + keys * (D + 4), *tile_d = tile_q + queries * (D + 4);
    float *p = tile_d + queries * (D + 4), dk[ROWS][D / ACROSS], dv[ROWS][D / ACROSS];
    tile_place at = place_of(job, job.nk, keys);
    int64_t key0 = (at.batch * job.nk + at.row) * job.width + at.column, left = job.nk - at.row, first, last;
    int64_t query0 = at.batch * job.nq * job.width + at.column;
    load_tile<D>(tile_k, job.k + key0, NULL, keys, left, job, 1.0f);
    load_tile<D>(tile_v, job.v + key0, NULL, keys, left, job, 1.0f);
    clear(dk), clear(dv);
    queries_of<LOCAL>(job, at.row, keys, &first, &last);
    for (int64_t query = first; query < last; query += queries) {
        float s[ROWS][COLUMNS], ds[ROWS][COLUMNS];
        int64_t from = query0 + query * job.width;
        __syncthreads();   /* the tiles before are read */
        load_tile<D>(tile_q, job.q + from, NULL, queries, last - query, job, job.scale);
        load_tile<D>(tile_d, job.d_o + from, job.gate ? job.gate + from : NULL, queries, last - query, job, 1.0f);
        __syncthreads();
        clear(s), clear(ds);
        dot_tiles<D>(s, tile_k, tile_q, job.d);
        dot_tiles<D>(ds, tile_v, tile_d, job.d);
        softmax_gradient<LOCAL, true>(s, ds, job, at.batch, at.head, at.row, query);
        store_weights<ROWS, COLUMNS>(p, s);
        mix_tile<D, ROWS>(dv, p, tile_d, queries);
        store_weights<ROWS, COLUMNS>(p, ds);
        mix_tile<D, ROWS>(dk, p, tile_q, queries);   /* the tile of queries holds the scale */
    }
    store_rows<D, ROWS>(job.dk + key0, dk, job, left, 1.0f);
    store_rows<D, ROWS>(job.dv + key0, dv, job, left, 1.0f);
}

/* The bias's gradient of a tile of pairs, summed over `group` batches in their order; dbias has a part for each group, or is
 * added to itself when there is one.  Shared: queries, d_o, keys, values. */
template <int D, bool LOCAL, int ROWS, int COLUMNS>
static __global__ void __launch_bounds__(THREADS) bias_gradient(attention_job job, int64_t key_tiles, bool add)
{
    const int queries = ROWS * DOWN, keys = COLUMNS * ACROSS;
    RT_SHARED(float, tile_q);
    float *tile_d = tile_q + queries * (D + 4), *tile_k = tile_d + queries * (D + 4), *tile_v = tile_k + keys * (D + 4);
    float sum[ROWS][COLUMNS];
    int down = (int)threadIdx.x / ACROSS, across = (int)threadIdx.x % ACROSS;
    const pair_place at = pairs_of_block<LOCAL>(job, queries, keys, key_tiles);
    if (at.key >= at.last) return;   /* the same for the whole block */
    clear(sum);
    for (int64_t batch = at.batch; batch < at.end; batch++) {
        float s[ROWS][COLUMNS], ds[ROWS][COLUMNS];
        int64_t from = (batch * job.nq + at.query) * job.width + at.column;
        int64_t key0 = (batch * job.nk + at.key) * job.width + at.column;
        __syncthreads();   /* the tiles before are read */
        load_tile<D>(tile_q, job.q + from, NULL, queries, job.nq - at.query, job, job.scale);
        load_tile<D>(tile_d, job.d_o + from, job.gate ? job.gate + from : NULL, queries, job.nq - at.query, job, 1.0f);
        load_tile<D>(tile_k, job.k + key0, NULL, keys, at.last - at.key, job, 1.0f);
        load_tile<D>(tile_v, job.v + key0, NULL, keys, at.last - at.key, job, 1.0f);
        __syncthreads();
        clear(s), clear(ds);
        dot_tiles<D>(s, tile_q, tile_k, job.d);
        dot_tiles<D>(ds, tile_d, tile_v, job.d);
        softmax_gradient<LOCAL, false>(s, ds, job, batch, at.head, at.query, at.key);
        RT_UNROLL for (int i = 0; i < ROWS; i++)
            RT_UNROLL for (int j = 0; j < COLUMNS; j++) sum[i][j] += ds[i][j];
    }
    float *to = job.dbias + at.part * job.heads * job.nq * job.nk;   /* more than one part: never LOCAL */
    RT_UNROLL for (int i = 0; i < ROWS; i++)
        RT_UNROLL for (int j = 0; j < COLUMNS; j++) {
            int64_t pair = pair_at<LOCAL>(job, at.head, at.query + down + i * DOWN, at.key + across + j * ACROSS);
            if (pair >= 0) to[pair] = add ? to[pair] + sum[i][j] : sum[i][j];
        }
}

/* ---- launches ---- */

/* Rows and columns a thread of each kernel's tile; see the limit above. */
template <int D, bool LOCAL> struct tile_sizes;
template <> struct tile_sizes<32, false> { enum { FORWARD = 4, FORWARD_KEYS = 4, ROWS = 4, COLUMNS = 4, PAIR_COLUMNS = 8 }; };
template <> struct tile_sizes<48, false> { enum { FORWARD = 4, FORWARD_KEYS = 4, ROWS = 2, COLUMNS = 4, PAIR_COLUMNS = 4 }; };
template <> struct tile_sizes<128, false> { enum { FORWARD = 2, FORWARD_KEYS = 4, ROWS = 1, COLUMNS = 2, PAIR_COLUMNS = 2 }; };
/* a window is 32 queries */
template <> struct tile_sizes<32, true> { enum { FORWARD = 2, FORWARD_KEYS = 4, ROWS = 2, COLUMNS = 4, PAIR_COLUMNS = 4 }; };
template <> struct tile_sizes<128, true> { enum { FORWARD = 2, FORWARD_KEYS = 4, ROWS = 1, COLUMNS = 2, PAIR_COLUMNS = 2 }; };

template <int D, bool LOCAL> static void launch_forward(rt_ctx *ctx, const attention_job &job)
{
    enum { ROWS = tile_sizes<D, LOCAL>::FORWARD, COLUMNS = tile_sizes<D, LOCAL>::FORWARD_KEYS };
    const int queries = ROWS * DOWN, keys = COLUMNS * ACROSS;
    RT_LAUNCH(ctx, (attend<D, LOCAL, ROWS, COLUMNS>), rt_blocks(job.nq, queries) * job.heads * job.batch, THREADS,
              ((queries + keys) * (D + 4) + queries * (keys + 8)) * sizeof(float), job);
}

template <int D, bool LOCAL> static void launch_backward(rt_ctx *ctx, attention_job job)
{
    enum { ROWS = tile_sizes<D, LOCAL>::ROWS, COLUMNS = tile_sizes<D, LOCAL>::COLUMNS };
    enum { PAIR_COLUMNS = tile_sizes<D, LOCAL>::PAIR_COLUMNS };
    const int rows = ROWS * DOWN, columns = COLUMNS * ACROSS, pair_columns = PAIR_COLUMNS * ACROSS;
    const size_t shared = (2 * (rows + columns) * (D + 4) + rows * (columns + 8)) * sizeof(float);
    const int64_t heads = job.heads * job.batch;
    launch_forward<D, LOCAL>(ctx, job);
    RT_LAUNCH(ctx, (query_gradient<D, LOCAL, ROWS, COLUMNS>), rt_blocks(job.nq, rows) * heads, THREADS, shared, job);
    RT_LAUNCH(ctx, (key_gradient<D, LOCAL, ROWS, COLUMNS>), rt_blocks(job.nk, rows) * heads, THREADS, shared, job);
    if (!job.dbias || job.batch == 1) return;
    int64_t key_tiles = rt_blocks(LOCAL ? (int64_t)RT_WINDOW_KEYS : job.nk, pair_columns);
    int64_t blocks = rt_blocks(job.nq, rows) * key_tiles * job.heads, count = job.heads * job.nq * job.nk;
    job.group = batches_of_group(job, blocks, LOCAL);
    int64_t parts = rt_blocks(job.batch, job.group);
    float *sum = job.dbias;
    if (parts > 1) job.dbias = RT_SCRATCH(ctx, float, parts * count);
    RT_LAUNCH(ctx, (bias_gradient<D, LOCAL, ROWS, PAIR_COLUMNS>), blocks * parts, THREADS,
              2 * (rows + pair_columns) * (D + 4) * sizeof(float), job, key_tiles, parts == 1);
    if (parts > 1) rt_cuda_sum_rows(ctx, sum, job.dbias, 1, parts, count, 0, count);
}

static attention_job make_job(rt_tensor q, rt_tensor k, rt_tensor v, rt_tensor bias, rt_tensor gate, int64_t heads, double scale)
{
    attention_job job = {};
    job.q = (const float *)q.data, job.k = (const float *)k.data, job.v = (const float *)v.data;
    job.bias = (const float *)bias.data, job.gate = (const float *)gate.data;
    job.batch = q.dim[0], job.heads = heads, job.nq = q.dim[1], job.nk = k.dim[1], job.width = q.dim[2];
    job.windows = rt_window_count(q.dim[1]);
    job.d = (int)(job.width / heads);
    job.packs = rt_aligned(job.d, q.data, k.data, v.data, gate.data);
    job.scale = (float)scale;
    RT_REQUIRE(job.d * heads == job.width && job.d <= 128);
    return job;
}

/* As on the CPU, BF16 products are those of a context that asks for them. */
static bool on_tensor_cores(const rt_ctx *ctx, const attention_job &job, bool local)
{
    return ctx->bf16 && rt_cuda_has_bf16(ctx) && rt_cuda_attention_bf16_fits(job, local);
}

static void attention_forward(rt_ctx *ctx, const attention_job &job, bool local)
{
    if (on_tensor_cores(ctx, job, local)) rt_cuda_attention_bf16_forward(ctx, job, local);
    else if (local) (job.d <= 32 ? launch_forward<32, true> : launch_forward<128, true>)(ctx, job);
    else if (job.d <= 32) launch_forward<32, false>(ctx, job);
    else if (job.d <= 48) launch_forward<48, false>(ctx, job);
    else launch_forward<128, false>(ctx, job);
}

static void attention_backward(rt_ctx *ctx, attention_job job, const rt_attention_grad *grad, rt_tensor d_o, bool local)
{
    int64_t mark = rt_arena_mark(ctx->step), queries = job.batch * job.heads * job.nq;
    job.packs = job.packs && rt_aligned(job.d, d_o.data);
    job.d_o = (const float *)d_o.data, job.o = (float *)grad->opt_o.data;
    job.dq = (float *)grad->dq.data, job.dk = (float *)grad->dk.data, job.dv = (float *)grad->dv.data;
    job.dbias = job.bias ? (float *)grad->opt_dbias.data : NULL, job.dgate = job.gate ? (float *)grad->opt_dgate.data : NULL;
    job.lse = RT_SCRATCH(ctx, float, queries);
    job.delta = RT_SCRATCH(ctx, float, queries);
    if (on_tensor_cores(ctx, job, local)) rt_cuda_attention_bf16_backward(ctx, job, local);
    else if (local) (job.d <= 32 ? launch_backward<32, true> : launch_backward<128, true>)(ctx, job);
    else if (job.d <= 32) launch_backward<32, false>(ctx, job);
    else if (job.d <= 48) launch_backward<48, false>(ctx, job);
    else launch_backward<128, false>(ctx, job);
    rt_arena_reset(ctx->step, mark);
}

extern "C" void rt_cuda_attention(rt_ctx *ctx, rt_tensor o, rt_tensor q, rt_tensor k, rt_tensor v, rt_tensor opt_bias,
                                  rt_tensor opt_gate, int64_t heads, double scale)
{
    attention_job job = make_job(q, k, v, opt_bias, opt_gate, heads, scale);
    job.o = (float *)o.data;
    attention_forward(ctx, job, false);
}

extern "C" void rt_cuda_attention_backward(rt_ctx *ctx, const rt_attention_grad *grad, rt_tensor d_o, rt_tensor q, rt_tensor k,
                                           rt_tensor v, rt_tensor opt_bias, rt_tensor opt_gate, int64_t heads, double scale)
{
    attention_backward(ctx, make_job(q, k, v, opt_bias, opt_gate, heads, scale), grad, d_o, false);
}

extern "C" void rt_cuda_local_attention(rt_ctx *ctx, rt_tensor o, rt_tensor q, rt_tensor k, rt_tensor v, rt_tensor bias,
                                        rt_tensor opt_gate, int64_t heads, double scale)
{
    attention_job job = make_job(q, k, v, bias, opt_gate, heads, scale);
    job.o = (float *)o.data;
    attention_forward(ctx, job, true);
}

extern "C" void rt_cuda_local_attention_backward(rt_ctx *ctx, const rt_attention_grad *grad, rt_tensor d_o, rt_tensor q,
                                                 rt_tensor k, rt_tensor v, rt_tensor bias, rt_tensor opt_gate, int64_t heads,
                                                 double scale)
{
    attention_backward(ctx, make_job(q, k, v, bias, opt_gate, heads, scale), grad, d_o, true);
}
