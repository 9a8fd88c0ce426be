/* cuda_attention_bf16.cu - attention on the tensor cores: products of BF16 numbers, sums and softmax in F32
 *
 * The passes are those of cuda_attention.cu.  A warp takes 16 rows of a tile and keeps their factors in registers; tiles of
 * columns lie in shared memory as BF16, plain for products over the head's values and transposed for products over columns.
 * A lane gets a product's numbers where it gives a left factor's (op/cuda_tensor.h): probabilities go from one product into the
 * next without leaving their registers.
 *
 * Rows of shared memory are 8 values longer than the tile: then the 32 words that a warp reads for a right factor lie in 32
 * banks.  With 32 or 64 columns a tile and heads of up to 48 values a block stays under 20 KiB, and what a thread keeps in its
 * registers.
 */
#include "op/cuda_attention.h"
#include "op/cuda_tensor.h"

/* A tile's rows, 16 a warp: a window has 32 queries.  A kernel that asks for 512 threads on a multiprocessor gets 128 registers
 * each, with 384 it gets 168: longer heads, and pairs, whose rows change with every batch, need them. */
template <bool LOCAL> static constexpr int tile_rows(void) { return LOCAL ? RT_WINDOW_QUERIES : 64; }
template <bool LOCAL> static constexpr int blocks_held(int threads) { return threads / (2 * tile_rows<LOCAL>()); }
#define BOUNDS(threads) __launch_bounds__(2 * tile_rows<LOCAL>(), blocks_held<LOCAL>(threads))

/* ---- a thread's share of a tile ---- */

/* Two neighbours as a product would take them. */
static __device__ __forceinline__ void round_pair(float *x)
{
    uint32_t both = rt_pair_bf16(x[0], x[1]);
    x[0] = rt_widen((uint16_t)both), x[1] = rt_widen((uint16_t)(both >> 16));
}

static __device__ __forceinline__ int own_group(void) { return (int)threadIdx.x % 32 / 4; }
static __device__ __forceinline__ int own_pair(void) { return (int)threadIdx.x % 4 * 2; }
/* Row and column of a thread's number `e` in piece `j` (8 columns) of a product, within its warp's 16 rows. */
static __device__ __forceinline__ int own_row(int e) { return (int)threadIdx.x / 32 * 16 + own_group() + e / 2 * 8; }
static __device__ __forceinline__ int own_column(int j, int e) { return j * 8 + own_pair() + e % 2; }

/* ---- tiles ---- */

/* Values [c, c + 4) of row `row` of a head, zeros behind the last row and the head's d. */
static __device__ __forceinline__ rt_pack<4> read_values(const float *in, const float *opt_gate, int64_t row, int64_t count,
                                                         int c, const attention_job &job)
{
    rt_pack<4> p = {};
    int64_t at = row * job.width + c;
    if (row >= count || c >= job.d) return p;
    if (job.packs) {
        p = rt_load<4>(in + at);
        if (!opt_gate) return p;
        rt_pack<4> g = rt_load<4>(opt_gate + at);
        RT_UNROLL for (int e = 0; e < 4; e++) p.v[e] *= g.v[e];
        return p;
    }
    RT_UNROLL for (int e = 0; e < 4; e++)
        if (c + e < job.d) p.v[e] = opt_gate ? in[at + e] * opt_gate[at + e] : in[at + e];
    return p;
}

/* A tile of COLUMNS rows of a head as right factors: plain (COLUMNS, D + 8) for products over the head's values, transposed
 * (D, COLUMNS + 8) for products over the rows; words of two.  A thread takes two rows, whose values are neighbours when
 * transposed. */
template <int D, int COLUMNS>
static __device__ __forceinline__ void load_factors(uint32_t *opt_plain, uint32_t *opt_transposed, const float *in,
                                                    const float *opt_gate, int64_t count, const attention_job &job, float scale)
{
    for (int i = (int)threadIdx.x; i < COLUMNS / 2 * (D / 4); i += (int)blockDim.x) {
        int row = i / (D / 4), c = i % (D / 4) * 4;
        rt_pack<4> p = read_values(in, opt_gate, 2 * row, count, c, job);
        rt_pack<4> q = read_values(in, opt_gate, 2 * row + 1, count, c, job);
        RT_UNROLL for (int e = 0; e < 4; e++) p.v[e] *= scale, q.v[e] *= scale;
        RT_UNROLL for (int e = 0; opt_plain && e < 4; e += 2) {
            opt_plain[(2 * row * (D + 8) + c + e) / 2] = rt_pair_bf16(p.v[e], p.v[e + 1]);
            opt_plain[((2 * row + 1) * (D + 8) + c + e) / 2] = rt_pair_bf16(q.v[e], q.v[e + 1]);
        }
        RT_UNROLL for (int e = 0; opt_transposed && e < 4; e++)
            opt_transposed[(c + e) * (COLUMNS + 8) / 2 + row] = rt_pair_bf16(p.v[e], q.v[e]);
    }
}

/* A warp's 16 rows of a head as left factors. */
template <int D> struct row_factors {
    uint32_t part[D / 16][4];
};

template <int D>
static __device__ __forceinline__ row_factors<D> load_rows(const float *in, const float *opt_gate, int64_t count,
                                                           const attention_job &job, float scale)
{
    row_factors<D> f;
    RT_UNROLL for (int k = 0; k < D / 16; k++)
        RT_UNROLL for (int i = 0; i < 4; i++) {
            int row = own_row(i % 2 * 2), c = k * 16 + i / 2 * 8 + own_pair();
            float pair[2] = {0, 0};
            RT_UNROLL for (int e = 0; e < 2; e++)
                if (row < count && c + e < job.d) {
                    int64_t at = row * job.width + c + e;
                    pair[e] = (opt_gate ? in[at] * opt_gate[at] : in[at]) * scale;
                }
            f.part[k][i] = rt_pair_bf16(pair[0], pair[1]);
        }
    return f;
}

/* sum += rows . columns over the head's values: `plain` is (COLUMNS, D + 8). */
template <int D, int COLUMNS>
static __device__ __forceinline__ void dot_factors(float (&sum)[COLUMNS / 8][4], const row_factors<D> &rows,
                                                   const uint32_t *plain)
{
    __syncwarp();   /* the tensor cores want the whole warp here */
    RT_UNROLL for (int j = 0; j < COLUMNS / 8; j++)
        RT_UNROLL for (int k = 0; k < D / 16; k++) {
            const uint32_t *at = plain + ((j * 8 + own_group()) * (D + 8) + k * 16 + own_pair()) / 2;
            rt_mma_bf16(sum[j], rows.part[k], at[0], at[4]);
        }
}

/* sum += weights (16, COLUMNS) times the tile: `transposed` is (D, COLUMNS + 8).  `whole`: what rounding takes off the weights is
 * multiplied, too. */
template <int D, int COLUMNS>
static __device__ __forceinline__ void mix_factors(float (&sum)[D / 8][4], const float (&weight)[COLUMNS / 8][4],
                                                   const uint32_t *transposed, bool whole)
{
    __syncwarp();   /* as above: lanes may have gone apart over pairs that do not meet */
    RT_UNROLL for (int k = 0; k < COLUMNS / 16; k++) {
        uint32_t left[4], rest[4];
        RT_UNROLL for (int i = 0; i < 4; i++) {
            float low = weight[2 * k + i / 2][i % 2 * 2], high = weight[2 * k + i / 2][i % 2 * 2 + 1];
            left[i] = rt_pair_bf16(low, high);
            rest[i] = rt_pair_bf16(low - rt_widen((uint16_t)left[i]), high - rt_widen((uint16_t)(left[i] >> 16)));
        }
        RT_UNROLL for (int j = 0; j < D / 8; j++) {
            const uint32_t *at = transposed + ((j * 8 + own_group()) * (COLUMNS + 8) + k * 16 + own_pair()) / 2;
            if (whole) rt_mma_bf16(sum[j], rest, at[0], at[4]);
            rt_mma_bf16(sum[j], left, at[0], at[4]);
        }
    }
}

template <int PIECES> static __device__ __forceinline__ void clear(float (&x)[PIECES][4])
{
    RT_UNROLL for (int j = 0; j < PIECES; j++)
        RT_UNROLL for (int e = 0; e < 4; e++) x[j][e] = 0;
}

/* Words of a tile's two forms. */
template <int D, int COLUMNS> static constexpr int plain_words(void) { return COLUMNS * (D + 8) / 2; }
template <int D, int COLUMNS> static constexpr int transposed_words(void) { return D * (COLUMNS + 8) / 2; }

/* ---- forward ---- */

/* As attend() of cuda_attention.cu.  Shared: keys, plain; values, transposed.
 *
 * Exponentials are rounded before they are summed, so that a row's probabilities sum to 1 as the product takes them: what all
 * values have in common comes out as it went in.  In a backward they are summed as they are, and go into their product whole:
 * delta, the mixed values times d_o, is taken off dP, and where the two do not agree to more than BF16's digits, the gradients of
 * a row's logits do not sum to 0, and the bias's, which are small differences of them, drown in that. */
template <int D, bool LOCAL, int COLUMNS> static __global__ void BOUNDS(D > 32 ? 384 : 512) attend_bf16(attention_job job)
{
    RT_SHARED(uint32_t, keys);
    uint32_t *values = keys + plain_words<D, COLUMNS>();
    tile_place at = place_of(job, job.nq, tile_rows<LOCAL>());
    int64_t query0 = (at.batch * job.nq + at.row) * job.width + at.column, first, last;
    int64_t key0 = at.batch * job.nk * job.width + at.column;
    row_factors<D> query = load_rows<D>(job.q + query0, NULL, job.nq - at.row, job, job.scale);
    float top[2] = {-INFINITY, -INFINITY}, total[2] = {0, 0}, out[D / 8][4];
    const bool whole = job.delta != NULL;
    clear(out);
    keys_of<LOCAL>(job, at.row, &first, &last);
    for (int64_t key = first; key < last; key += COLUMNS) {
        float s[COLUMNS / 8][4];
        const int keys_left = last - key < COLUMNS ? (int)(last - key) : COLUMNS;
        RT_UNROLL for (int i = 0; i < 2; i++) {
            int64_t row = at.row + own_row(2 * i);
            const float *bias = job.bias && row < job.nq ? job.bias + pair_base<LOCAL>(job, at.head, row) + key : NULL;
            RT_UNROLL for (int j = 0; j < COLUMNS / 8; j++)
                RT_UNROLL for (int e = 2 * i; e < 2 * i + 2; e++)
                    s[j][e] = bias && own_column(j, e) < keys_left ? bias[own_column(j, e)] : 0.0f;
        }
        __syncthreads();   /* the tiles before are read */
        load_factors<D, COLUMNS>(keys, NULL, job.k + key0 + key * job.width, NULL, last - key, job, 1.0f);
        load_factors<D, COLUMNS>(NULL, values, job.v + key0 + key * job.width, NULL, last - key, job, 1.0f);
        __syncthreads();
        dot_factors<D, COLUMNS>(s, query, keys);
        RT_UNROLL for (int i = 0; i < 2; i++) {   /* rows g and g + 8: numbers 2i and 2i + 1 of every piece */
            float highest = top[i], sum = 0;
            RT_UNROLL for (int j = 0; j < COLUMNS / 8; j++)
                RT_UNROLL for (int e = 2 * i; e < 2 * i + 2; e++) {
                    if (own_column(j, e) >= keys_left) s[j][e] = -INFINITY;
                    highest = fmaxf(highest, s[j][e]);
                }
            highest = rt_lanes_max(highest, 4, NULL);
            float base = highest == -INFINITY ? 0.0f : highest;   /* no key of the row counts yet */
            float shrink = __expf(top[i] - base);                 /* 0 in the first tile, where top is -infinity */
            RT_UNROLL for (int j = 0; j < COLUMNS / 8; j++) {
                RT_UNROLL for (int e = 2 * i; e < 2 * i + 2; e++) s[j][e] = __expf(s[j][e] - base);
                if (!whole) round_pair(&s[j][2 * i]);
                sum += s[j][2 * i] + s[j][2 * i + 1];
            }
            total[i] = total[i] * shrink + sum;   /* of this lane's columns; lanes are added at the end */
            top[i] = highest;
            RT_UNROLL for (int j = 0; j < D / 8; j++)
                RT_UNROLL for (int e = 2 * i; e < 2 * i + 2; e++) out[j][e] *= shrink;
        }
        mix_factors<D, COLUMNS>(out, s, values, whole);
    }
    RT_UNROLL for (int i = 0; i < 2; i++) {
        int64_t row = at.row + own_row(2 * i), to = query0 + own_row(2 * i) * job.width;
        float sum = rt_lanes_sum(total[i], 4, NULL), inverse = 1.0f / sum, delta = 0;
        RT_UNROLL for (int j = 0; j < D / 8; j++)
            RT_UNROLL for (int e = 2 * i; e < 2 * i + 2; e++) {
                int c = own_column(j, e);
                if (row < job.nq && c < job.d) delta += write_output<true>(job, to + c, out[j][e] * inverse);
            }
        write_statistics(job, at, row, own_pair() == 0, 4, top[i], sum, delta);
    }
}

/* ---- backward ---- */

/* One number of a tile of logits s and of dp = d_o . v: the probability, and the gradient of its logit.  job.bias + pair is
 * the bias; lse and delta are the query's. */
static __device__ __forceinline__ void softmax_gradient(float *s, float *dp, const float *opt_bias, float lse, float delta)
{
    *s = __expf((opt_bias ? *s + *opt_bias : *s) - lse);
    *dp = *s * (*dp - delta);
}

/* For a tile whose rows are queries row0 ... and whose columns are the `keys_left` keys from key0 on; adds the gradient to
 * dbias too, unless NULL. */
template <bool LOCAL, int COLUMNS>
static __device__ __forceinline__ void gradient_of_queries(float (&s)[COLUMNS / 8][4], float (&dp)[COLUMNS / 8][4],
                                                           const attention_job &job, int64_t batch, int64_t head, int64_t row0,
                                                           int64_t key0, int64_t keys_left, float *dbias)
{
    RT_UNROLL for (int i = 0; i < 2; i++) {
        int64_t row = row0 + own_row(2 * i), stat = (batch * job.heads + head) * job.nq + row;
        int64_t base = pair_base<LOCAL>(job, head, row) + key0;
        bool there = row < job.nq;
        float lse = there ? job.lse[stat] : 0.0f, delta = there ? job.delta[stat] : 0.0f;
        RT_UNROLL for (int j = 0; j < COLUMNS / 8; j++)
            RT_UNROLL for (int e = 2 * i; e < 2 * i + 2; e++) {
                int column = own_column(j, e);
                if (there && column < keys_left) {
                    softmax_gradient(&s[j][e], &dp[j][e], job.bias ? job.bias + base + column : NULL, lse, delta);
                    if (dbias) dbias[base + column] += dp[j][e];
                } else {
                    s[j][e] = dp[j][e] = 0;
                }
            }
    }
}

/* For a tile whose rows are keys key0 ... and whose columns are queries query0 .... */
template <bool LOCAL, int COLUMNS>
static __device__ __forceinline__ void gradient_of_keys(float (&s)[COLUMNS / 8][4], float (&dp)[COLUMNS / 8][4],
                                                        const attention_job &job, int64_t batch, int64_t head, int64_t key0,
                                                        int64_t query0)
{
    RT_UNROLL for (int j = 0; j < COLUMNS / 8; j++)
        RT_UNROLL for (int c = 0; c < 2; c++) {
            int64_t query = query0 + own_column(j, c), stat = (batch * job.heads + head) * job.nq + query;
            const float *bias = job.bias + pair_base<LOCAL>(job, head, query) + key0;
            bool there = query < job.nq;
            float lse = there ? job.lse[stat] : 0.0f, delta = there ? job.delta[stat] : 0.0f;
            RT_UNROLL for (int e = c; e < 4; e += 2) {
                if (there && pair_meets<LOCAL>(job, query, key0 + own_row(e)))
                    softmax_gradient(&s[j][e], &dp[j][e], job.bias ? bias + own_row(e) : NULL, lse, delta);
                else s[j][e] = dp[j][e] = 0;
            }
        }
}

/* A thread's part of gradients of a tile's rows. */
template <int D>
static __device__ __forceinline__ void store_rows(float *to, const float (&x)[D / 8][4], const attention_job &job, int64_t count,
                                                  float scale)
{
    RT_UNROLL for (int j = 0; j < D / 8; j++)
        RT_UNROLL for (int e = 0; e < 4; e++)
            if (own_row(e) < count && own_column(j, e) < job.d) to[own_row(e) * job.width + own_column(j, e)] = x[j][e] * scale;
}

/* As query_gradient() of cuda_attention.cu.  Shared: keys, plain and transposed; values, plain. */
template <int D, bool LOCAL, int COLUMNS> static __global__ void BOUNDS(D > 32 ? 384 : 512) query_gradient_bf16(attention_job job)
{
    RT_SHARED(uint32_t, keys);
    uint32_t *keys_transposed = keys + plain_words<D, COLUMNS>(), *values = keys_transposed + transposed_words<D, COLUMNS>();
    tile_place at = place_of(job, job.nq, tile_rows<LOCAL>());
    int64_t query0 = (at.batch * job.nq + at.row) * job.width + at.column, left = job.nq - at.row, first, last;
    int64_t key0 = at.batch * job.nk * job.width + at.column;
    row_factors<D> query = load_rows<D>(job.q + query0, NULL, left, job, job.scale);
    row_factors<D> d_o = load_rows<D>(job.d_o + query0, job.gate ? job.gate + query0 : NULL, left, job, 1.0f);
    float dq[D / 8][4], *dbias = job.batch == 1 ? job.dbias : NULL;
    clear(dq);
    keys_of<LOCAL>(job, at.row, &first, &last);
    for (int64_t key = first; key < last; key += COLUMNS) {
        float s[COLUMNS / 8][4], ds[COLUMNS / 8][4];
        __syncthreads();   /* the tiles before are read */
        load_factors<D, COLUMNS>(keys, keys_transposed, job.k + key0 + key * job.width, NULL, last - key, job, 1.0f);
        load_factors<D, COLUMNS>(values, NULL, job.v + key0 + key * job.width, NULL, last - key, job, 1.0f);
        __syncthreads();
        clear(s), clear(ds);
        dot_factors<D, COLUMNS>(s, query, keys);
        dot_factors<D, COLUMNS>(ds, d_o, values);
        gradient_of_queries<LOCAL, COLUMNS>(s, ds, job, at.batch, at.head, at.row, key, last - key, dbias);
        mix_factors<D, COLUMNS>(dq, ds, keys_transposed, false);
    }
    store_rows<D>(job.dq + query0, dq, job, left, job.scale);
}

/* As key_gradient() of cuda_attention.cu.  Shared: queries and d_o, each plain and transposed. */
template <int D, bool LOCAL, int COLUMNS> static __global__ void BOUNDS(D > 32 ? 384 : 512) key_gradient_bf16(attention_job job)
{
    RT_SHARED(uint32_t, queries);
    uint32_t *queries_transposed = queries + plain_words<D, COLUMNS>();
    uint32_t *d_o = queries_transposed + transposed_words<D, COLUMNS>();
    uint32_t *d_o_transposed = d_o + plain_words<D, COLUMNS>();
    const int rows = tile_rows<LOCAL>();
    tile_place at = place_of(job, job.nk, rows);
    int64_t key0 = (at.batch * job.nk + at.row) * job.width + at.column, left = job.nk - at.row, first, last;
    int64_t query0 = at.batch * job.nq * job.width + at.column;
    row_factors<D> key = load_rows<D>(job.k + key0, NULL, left, job, 1.0f);
    row_factors<D> value = load_rows<D>(job.v + key0, NULL, left, job, 1.0f);
    float dk[D / 8][4], dv[D / 8][4];
    clear(dk), clear(dv);
    queries_of<LOCAL>(job, at.row, rows, &first, &last);
    for (int64_t query = first; query < last; query += COLUMNS) {
        float s[COLUMNS / 8][4], ds[COLUMNS / 8][4];
        int64_t from = query0 + query * job.width;
        __syncthreads();   /* the tiles before are read */
        load_factors<D, COLUMNS>(queries, queries_transposed, job.q + from, NULL, last - query, job, job.scale);
        load_factors<D, COLUMNS>(d_o, d_o_transposed, job.d_o + from, job.gate ? job.gate + from : NULL, last - query, job, 1.0f);
        __syncthreads();
        clear(s), clear(ds);
        dot_factors<D, COLUMNS>(s, key, queries);
        dot_factors<D, COLUMNS>(ds, value, d_o);
        gradient_of_keys<LOCAL, COLUMNS>(s, ds, job, at.batch, at.head, at.row, query);
        mix_factors<D, COLUMNS>(dv, s, d_o_transposed, false);
        mix_factors<D, COLUMNS>(dk, ds, queries_transposed, false);   /* the tile of queries holds the scale */
    }
    store_rows<D>(job.dk + key0, dk, job, left, 1.0f);
    store_rows<D>(job.dv + key0, dv, job, left, 1.0f);
}

/* As bias_gradient() of cuda_attention.cu.  Shared: keys and values, plain. */
template <int D, bool LOCAL, int COLUMNS>
static __global__ void BOUNDS(D > 32 ? 256 : 384) bias_gradient_bf16(attention_job job, int64_t key_tiles, bool add)
{
    RT_SHARED(uint32_t, keys);
    uint32_t *values = keys + plain_words<D, COLUMNS>();
    const int rows = tile_rows<LOCAL>();
    const pair_place at = pairs_of_block<LOCAL>(job, rows, COLUMNS, key_tiles);
    if (at.key >= at.last) return;   /* the same for the whole block */
    float sum[COLUMNS / 8][4];
    clear(sum);
    for (int64_t batch = at.batch; batch < at.end; batch++) {
        float s[COLUMNS / 8][4], ds[COLUMNS / 8][4];
        int64_t from = (batch * job.nq + at.query) * job.width + at.column;
        int64_t key0 = (batch * job.nk + at.key) * job.width + at.column;
        row_factors<D> left = load_rows<D>(job.q + from, NULL, job.nq - at.query, job, job.scale);
        row_factors<D> d_o = load_rows<D>(job.d_o + from, job.gate ? job.gate + from : NULL, job.nq - at.query, job, 1.0f);
        __syncthreads();   /* the tiles before are read */
        load_factors<D, COLUMNS>(keys, NULL, job.k + key0, NULL, at.last - at.key, job, 1.0f);
        load_factors<D, COLUMNS>(values, NULL, job.v + key0, NULL, at.last - at.key, job, 1.0f);
        __syncthreads();
        clear(s), clear(ds);
        dot_factors<D, COLUMNS>(s, left, keys);
        dot_factors<D, COLUMNS>(ds, d_o, values);
        gradient_of_queries<LOCAL, COLUMNS>(s, ds, job, batch, at.head, at.query, at.key, at.last - at.key, NULL);
        RT_UNROLL for (int j = 0; j < COLUMNS / 8; j++)
            RT_UNROLL for (int e = 0; e < 4; e++) sum[j][e] += ds[j][e];
    }
    float *to = job.dbias + at.part * job.heads * job.nq * job.nk;   /* more than one part: never LOCAL */
    RT_UNROLL for (int j = 0; j < COLUMNS / 8; j++)
        RT_UNROLL for (int e = 0; e < 4; e++) {
            int64_t pair = pair_at<LOCAL>(job, at.head, at.query + own_row(e), at.key + own_column(j, e));
            if (pair >= 0) to[pair] = add ? to[pair] + sum[j][e] : sum[j][e];
        }
}

/* ---- launches ---- */
enum { FORWARD_COLUMNS = 64, COLUMNS = 32 };

/* A device that multiplies BF16 may have been given the PTX of an older one (compute_75), in which these kernels are empty. */
static bool has_tensor_code(void)
{
#ifdef RT_CUDA_EMULATED
    return true;
#else
    static int made_for = -1;   /* 10 times the compute capability; one device a process */
    cudaFuncAttributes attributes;
    if (made_for < 0) {
        bool known = cudaFuncGetAttributes(&attributes, (const void *)attend_bf16<32, false, FORWARD_COLUMNS>) == cudaSuccess;
        made_for = known ? attributes.ptxVersion : 0;
        if (!known) cudaGetLastError();   /* forgotten: the other kernels serve */
    }
    return made_for >= 80;
#endif
}

bool rt_cuda_attention_bf16_fits(const attention_job &job, bool local) { return job.d <= (local ? 32 : 48) && has_tensor_code(); }

template <int D, bool LOCAL> static void launch_forward(rt_ctx *ctx, const attention_job &job)
{
    const int rows = tile_rows<LOCAL>();
    RT_LAUNCH(ctx, (attend_bf16<D, LOCAL, FORWARD_COLUMNS>), rt_blocks(job.nq, rows) * job.heads * job.batch, 2 * rows,
              (plain_words<D, FORWARD_COLUMNS>() + transposed_words<D, FORWARD_COLUMNS>()) * sizeof(uint32_t), job);
}

template <int D, bool LOCAL> static void launch_backward(rt_ctx *ctx, attention_job job)
{
    const int rows = tile_rows<LOCAL>(), threads = 2 * rows;
    const size_t plain = plain_words<D, COLUMNS>() * sizeof(uint32_t);
    const size_t both = plain + transposed_words<D, COLUMNS>() * sizeof(uint32_t);
    const int64_t heads = job.heads * job.batch;
    launch_forward<D, LOCAL>(ctx, job);
    RT_LAUNCH(ctx, (query_gradient_bf16<D, LOCAL, COLUMNS>), rt_blocks(job.nq, rows) * heads, threads, both + plain, job);
    RT_LAUNCH(ctx, (key_gradient_bf16<D, LOCAL, COLUMNS>), rt_blocks(job.nk, rows) * heads, threads, 2 * both, job);
    if (!job.dbias || job.batch == 1) return;
    int64_t key_tiles = rt_blocks(LOCAL ? (int64_t)RT_WINDOW_KEYS : job.nk, COLUMNS);
    int64_t blocks = rt_blocks(job.nq, rows) * key_tiles * job.heads, count = job.heads * job.nq * job.nk;
    job.group = batches_of_group(job, blocks, LOCAL);
    int64_t parts = rt_blocks(job.batch, job.group);
    float *sum = job.dbias;
    if (parts > 1) job.dbias = RT_SCRATCH(ctx, float, parts * count);
    RT_LAUNCH(ctx, (bias_gradient_bf16<D, LOCAL, COLUMNS>), blocks * parts, threads, 2 * plain, job, key_tiles, parts == 1);
    if (parts > 1) rt_cuda_sum_rows(ctx, sum, job.dbias, 1, parts, count, 0, count);
}

void rt_cuda_attention_bf16_forward(rt_ctx *ctx, const attention_job &job, bool local)
{
    if (local) launch_forward<32, true>(ctx, job);
    else (job.d <= 32 ? launch_forward<32, false> : launch_forward<48, false>)(ctx, job);
}

void rt_cuda_attention_bf16_backward(rt_ctx *ctx, attention_job job, bool local)
{
    if (local) launch_backward<32, true>(ctx, job);
    else (job.d <= 32 ? launch_backward<32, false> : launch_backward<48, false>)(ctx, job);
}
