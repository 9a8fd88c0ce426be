/* cuda_attention.h - what the two sets of attention kernels share: a job, and where its tiles lie
 * Room: op.  Uses: op/cuda_rows.
 *
 * cuda_attention.cu computes in F32 on any device; cuda_attention_bf16.cu rounds the factors of its products to BF16 for the
 * tensor cores and sums in F32.
 */
#ifndef RT_OP_CUDA_ATTENTION_H
#define RT_OP_CUDA_ATTENTION_H

#include "op/cuda_rows.h"

/* Everything that a tile needs to find its place.  Windows: LOCAL kernels, nq = nk = atoms. */
typedef struct {
    const float *q, *k, *v, *bias, *gate, *d_o;
    float *o, *dq, *dk, *dv, *dbias, *dgate;
    float *lse, *delta;        /* (B,H,Q): log of the sum of exponentials; sum over keys of P dP; NULL but in a backward */
    int64_t batch, heads, nq, nk, windows, width;
    int64_t group;             /* batches that a block of the bias's gradient adds up */
    int d;
    bool packs;                /* rows of a head can be read 4 values at a time */
    float scale;
} attention_job;

#ifdef RT_CUDA_EMULATED
/* A kernel's argument that holds pointers. */
template <> inline void rt_check_argument<attention_job>(const char *kernel, int index, attention_job job)
{
    const float *const all[] = {job.q, job.k, job.v, job.bias, job.gate, job.d_o, job.o, job.dq, job.dk, job.dv,
                                job.dbias, job.dgate, job.lse, job.delta};
    for (const float *p : all) rt_emulated_check_pointer(kernel, index, p);
}
#endif

/* ---- where things are ---- */

/* Where the bias of query q and key 0 of head h would be: key k is k further on. */
template <bool LOCAL> static __device__ __forceinline__ int64_t pair_base(const attention_job &job, int64_t h, int64_t q)
{
    if (!LOCAL) return (h * job.nq + q) * job.nk;
    int64_t first = q / RT_WINDOW_QUERIES * RT_WINDOW_QUERIES - (RT_WINDOW_KEYS - RT_WINDOW_QUERIES) / 2;
    return (h * job.windows * RT_WINDOW_QUERIES + q) * RT_WINDOW_KEYS - first;
}

/* False where query q and key k do not meet: behind the last one, or outside of the window. */
template <bool LOCAL> static __device__ __forceinline__ bool pair_meets(const attention_job &job, int64_t q, int64_t k)
{
    if (q >= job.nq || k < 0 || k >= job.nk) return false;
    int64_t key = k - q / RT_WINDOW_QUERIES * RT_WINDOW_QUERIES + (RT_WINDOW_KEYS - RT_WINDOW_QUERIES) / 2;
    return !LOCAL || (key >= 0 && key < RT_WINDOW_KEYS);
}

/* The bias of query q and key k of head h; -1 where they do not meet. */
template <bool LOCAL>
static __device__ __forceinline__ int64_t pair_at(const attention_job &job, int64_t h, int64_t q, int64_t k)
{
    return pair_meets<LOCAL>(job, q, k) ? pair_base<LOCAL>(job, h, q) + k : -1;
}

/* The keys that a tile of queries meets, all of one window, and the queries that a tile of keys may meet: [first, last). */
template <bool LOCAL>
static __device__ __forceinline__ void keys_of(const attention_job &job, int64_t query, int64_t *first, int64_t *last)
{
    *first = 0, *last = job.nk;
    if (!LOCAL) return;
    *first = query / RT_WINDOW_QUERIES * RT_WINDOW_QUERIES - (RT_WINDOW_KEYS - RT_WINDOW_QUERIES) / 2;
    *last = *first + RT_WINDOW_KEYS < job.nk ? *first + RT_WINDOW_KEYS : job.nk;
    if (*first < 0) *first = 0;
}
template <bool LOCAL>
static __device__ __forceinline__ void queries_of(const attention_job &job, int64_t key, int rows, int64_t *first, int64_t *last)
{
    *first = 0, *last = job.nq;
    if (!LOCAL) return;
    const int64_t before = (RT_WINDOW_KEYS - RT_WINDOW_QUERIES) / 2;
    int64_t start = key + before - RT_WINDOW_KEYS + 1;
    int64_t end = ((key + rows - 1 + before) / RT_WINDOW_QUERIES + 1) * RT_WINDOW_QUERIES;
    *first = start <= 0 ? 0 : (start + RT_WINDOW_QUERIES - 1) / RT_WINDOW_QUERIES * RT_WINDOW_QUERIES;
    *last = end < job.nq ? end : job.nq;
}

/* Block -> a tile of pairs, queries by columns, and the batches whose gradients of the bias it adds up: [batch, end).  `last` is
 * where the tile's keys end; a tile that has none has key >= last. */
typedef struct {
    int64_t head, part, query, key, last, batch, end;
    int64_t column;   /* of the head's first value in a row of `width` */
} pair_place;

template <bool LOCAL>
static __device__ __forceinline__ pair_place pairs_of_block(const attention_job &job, int queries, int columns, int64_t key_tiles)
{
    pair_place at;
    int64_t tiles = (job.nq + queries - 1) / queries * key_tiles, tile = blockIdx.x % tiles, first;
    at.head = blockIdx.x / tiles % job.heads, at.part = blockIdx.x / tiles / job.heads;
    at.query = tile / key_tiles * queries, at.column = at.head * job.d;
    at.batch = at.part * job.group, at.end = at.batch + job.group < job.batch ? at.batch + job.group : job.batch;
    keys_of<LOCAL>(job, at.query, &first, &at.last);
    at.key = first + tile % key_tiles * columns;
    return at;
}

/* Block -> batch, head and the first row of a tile of `rows`. */
typedef struct {
    int64_t batch, head, row, column;   /* column: of the head's first value in a row of `width` */
} tile_place;

static __device__ __forceinline__ tile_place place_of(const attention_job &job, int64_t length, int rows)
{
    int64_t tiles = (length + rows - 1) / rows, block = blockIdx.x, pair = block / tiles;
    return tile_place{pair / job.heads, pair % job.heads, block % tiles * rows, pair % job.heads * job.d};
}

/* ---- what a forward pass writes ---- */

/* A number of the mixed values: the gated output and, in a backward, the gate's gradient; returns its part of delta, which is the
 * sum over keys of P dP only if d_o is what dP is made of: ROUNDED to BF16 or not. */
template <bool ROUNDED> static __device__ __forceinline__ float write_output(const attention_job &job, int64_t at, float value)
{
    float gate = job.gate ? job.gate[at] : 1.0f;
    if (job.o) job.o[at] = value * gate;
    if (!job.delta) return 0;
    if (job.dgate) job.dgate[at] = job.d_o[at] * value;
    float d_o = job.d_o[at] * gate;
    return (ROUNDED ? rt_widen(rt_round_bf16(d_o)) : d_o) * value;
}

/* What a backward needs to know of a query, by one of its `lanes` lanes; all lanes of the warp come here. */
static __device__ __forceinline__ void write_statistics(const attention_job &job, tile_place at, int64_t row, bool first_lane,
                                                        int lanes, float top, float sum, float delta)
{
    if (!job.delta) return;
    delta = rt_lanes_sum(delta, lanes, NULL);
    if (!first_lane || row >= job.nq) return;
    int64_t stat = (at.batch * job.heads + at.head) * job.nq + row;
    job.lse[stat] = top + logf(sum);
    job.delta[stat] = delta;
}

/* ---- launches ---- */

/* The bias's gradient is a block per tile of pairs and group of batches: how many batches make a group, so that few pairs
 * still fill a device, and with few enough parts.  local: windows are many. */
static inline int64_t batches_of_group(const attention_job &job, int64_t tiles, bool local)
{
    const int64_t enough_blocks = 512, most_parts = 8;
    int64_t parts = local || tiles >= enough_blocks ? 1 : enough_blocks / tiles;
    return rt_blocks(job.batch, parts < most_parts ? parts : most_parts);
}

/* Whether the tensor cores' kernels take heads of this size; launch their forward and backward. */
bool rt_cuda_attention_bf16_fits(const attention_job &job, bool local);
void rt_cuda_attention_bf16_forward(rt_ctx *ctx, const attention_job &job, bool local);
void rt_cuda_attention_bf16_backward(rt_ctx *ctx, attention_job job, bool local);

#endif
