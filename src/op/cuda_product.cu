/* cuda_product.cu - ops that are batches of matrix products after their axes are put in order: triangle and outer products,
 * pair-weighted averages */
#include "op/cuda_gemm.h"

static __device__ __forceinline__ void put(float *out, float x) { *out = x; }
static __device__ __forceinline__ void put(uint16_t *out, float x) { *out = rt_round_bf16(x); }

/* ---- orders of axes ---- */

/* Four axes of a contiguous tensor, and how far apart the input's elements along each are. */
typedef struct { int64_t dim[4], step[4]; } axes;

template <typename T> static __global__ void gather_axes(T *out, const float *in, axes a, int64_t count)
{
    int64_t o = rt_thread();
    if (o >= count) return;
    int64_t i3 = o % a.dim[3], i2 = o / a.dim[3] % a.dim[2], rest = o / a.dim[3] / a.dim[2];
    int64_t i1 = rest % a.dim[1], i0 = rest / a.dim[1];
    put(out + o, in[i0 * a.step[0] + i1 * a.step[1] + i2 * a.step[2] + i3 * a.step[3]]);
}

/* The tensor in the order of `a`, for a product: on the step arena, in BF16 when asked for. */
static void *ordered(rt_ctx *ctx, const float *in, axes a, bool bf16)
{
    int64_t count = a.dim[0] * a.dim[1] * a.dim[2] * a.dim[3], grid = rt_blocks(count, RT_THREADS);
    void *out = rt_cuda_scratch(ctx, count * (bf16 ? 2 : 4));
    if (bf16) RT_LAUNCH(ctx, gather_axes<uint16_t>, grid, RT_THREADS, 0, (uint16_t *)out, in, a, count);
    else RT_LAUNCH(ctx, gather_axes<float>, grid, RT_THREADS, 0, (float *)out, in, a, count);
    return out;
}

static void order_into(rt_ctx *ctx, float *out, const float *in, axes a)
{
    int64_t count = a.dim[0] * a.dim[1] * a.dim[2] * a.dim[3];
    RT_LAUNCH(ctx, gather_axes<float>, rt_blocks(count, RT_THREADS), RT_THREADS, 0, out, in, a, count);
}

enum { TILE = 32, TILE_ROWS = 8 };

/* out[c][r] = in[r][c], by tiles through shared memory; strides of rows in elements. */
template <typename T>
static __global__ void transpose_tile(T *out, int64_t out_stride, const float *in, int64_t in_stride, int64_t rows,
                                      int64_t columns)
{
    RT_SHARED(float, tile);   /* TILE rows of TILE + 1, so that columns fall into different banks */
    int64_t across = (columns + TILE - 1) / TILE, r0 = blockIdx.x / across * TILE, c0 = blockIdx.x % across * TILE;
    for (int i = (int)threadIdx.y; i < TILE; i += TILE_ROWS)
        if (r0 + i < rows && c0 + threadIdx.x < columns)
            tile[i * (TILE + 1) + threadIdx.x] = in[(r0 + i) * in_stride + c0 + threadIdx.x];
    __syncthreads();
    for (int i = (int)threadIdx.y; i < TILE; i += TILE_ROWS)
        if (c0 + i < columns && r0 + threadIdx.x < rows)
            put(out + (c0 + i) * out_stride + r0 + threadIdx.x, tile[threadIdx.x * (TILE + 1) + i]);
}

static int64_t tile_grid(int64_t rows, int64_t columns) { return rt_blocks(rows, TILE) * rt_blocks(columns, TILE); }
static const size_t TILE_BYTES = TILE * (TILE + 1) * sizeof(float);

/* ---- triangle multiplication: planes of N x N, a group of channels at a time ---- */

static const int64_t CHUNK_BYTES = (int64_t)64 << 20;   /* of planes, or of rows of an MSA, on the way */
enum { CHANNELS_AT_LEAST = 32 };   /* rows of 32 channels are whole sectors of memory */

/* All at once where the planes are small, because launches cost more than memory there. */
static int64_t channels_at_once(int64_t n, int64_t c)
{
    int64_t channels = CHUNK_BYTES / (4 * n * n);
    if (channels < CHANNELS_AT_LEAST) channels = CHANNELS_AT_LEAST;
    return channels < c ? channels : c;
}

/* Channels first .. first + count - 1 of a (N,N,C) tensor as planes (count,N,N) on the step arena. */
static void *planes_of(rt_ctx *ctx, rt_tensor t, int64_t first, int64_t count, bool bf16)
{
    int64_t plane = t.dim[0] * t.dim[1], c = t.dim[2];
    void *out = rt_cuda_scratch(ctx, count * plane * (bf16 ? 2 : 4));
    const float *in = (const float *)t.data + first;
    dim3 threads(TILE, TILE_ROWS);
    int64_t grid = tile_grid(plane, count);
    if (bf16)
        RT_LAUNCH(ctx, transpose_tile<uint16_t>, grid, threads, TILE_BYTES, (uint16_t *)out, plane, in, c, plane, count);
    else RT_LAUNCH(ctx, transpose_tile<float>, grid, threads, TILE_BYTES, (float *)out, plane, in, c, plane, count);
    return out;
}

/* The product of two groups of planes, put back as channels of `to`. */
static void multiply_planes(rt_ctx *ctx, rt_tensor to, int64_t first, int64_t count, const void *a, bool a_t, const void *b,
                            bool b_t, bool bf16)
{
    int64_t n = to.dim[0], plane = n * n, c = to.dim[2], mark = rt_arena_mark(ctx->step);
    float *out = RT_SCRATCH(ctx, float, count * plane);
    rt_cuda_product p = {};
    p.m = p.n = p.k = p.a_ld = p.b_ld = p.c_ld = n;
    p.batch = count, p.a_step = p.b_step = p.c_step = plane;
    p.a_t = a_t, p.b_t = b_t, p.bf16 = bf16;
    rt_cuda_multiply(ctx, p, a, b, out, NULL);
    RT_LAUNCH(ctx, transpose_tile<float>, tile_grid(count, plane), dim3(TILE, TILE_ROWS), TILE_BYTES, (float *)to.data + first,
              c, (const float *)out, plane, count, plane);
    rt_arena_reset(ctx->step, mark);
}

static bool in_bf16(const rt_ctx *ctx) { return ctx->bf16 && rt_cuda_has_bf16(ctx); }

extern "C" void rt_cuda_triangle_product(rt_ctx *ctx, rt_tensor x, rt_tensor a, rt_tensor b, bool outgoing)
{
    int64_t c = a.dim[2], at_once = channels_at_once(a.dim[0], c), mark = rt_arena_mark(ctx->step);
    bool bf16 = in_bf16(ctx);
    for (int64_t first = 0; first < c; first += at_once) {
        int64_t count = c - first < at_once ? c - first : at_once;
        const void *left = planes_of(ctx, a, first, count, bf16), *right = planes_of(ctx, b, first, count, bf16);
        multiply_planes(ctx, x, first, count, left, !outgoing, right, outgoing, bf16);
        rt_arena_reset(ctx->step, mark);
    }
}

extern "C" void rt_cuda_triangle_product_backward(rt_ctx *ctx, rt_tensor da, rt_tensor db, rt_tensor dx, rt_tensor a,
                                                  rt_tensor b, bool outgoing)
{
    int64_t c = a.dim[2], at_once = channels_at_once(a.dim[0], c), mark = rt_arena_mark(ctx->step);
    bool bf16 = in_bf16(ctx);
    for (int64_t first = 0; first < c; first += at_once) {
        int64_t count = c - first < at_once ? c - first : at_once;
        const void *left = planes_of(ctx, a, first, count, bf16), *right = planes_of(ctx, b, first, count, bf16);
        const void *d = planes_of(ctx, dx, first, count, bf16);
        if (outgoing) {   /* X = A B^T */
            multiply_planes(ctx, da, first, count, d, false, right, false, bf16);
            multiply_planes(ctx, db, first, count, d, true, left, false, bf16);
        } else {          /* X = A^T B */
            multiply_planes(ctx, da, first, count, right, false, d, true, bf16);
            multiply_planes(ctx, db, first, count, left, false, d, false, bf16);
        }
        rt_arena_reset(ctx->step, mark);
    }
}

/* ---- outer products ---- */

/* (M,N,c) as the products take it. */
static const void *as_operand(rt_ctx *ctx, rt_tensor t, bool bf16)
{
    if (!bf16) return t.data;
    uint16_t *out = RT_SCRATCH(ctx, uint16_t, rt_count(t));
    rt_cuda_to_bf16(ctx, out, (const float *)t.data, rt_count(t));
    return out;
}

static const void *element_at(const void *p, int64_t i, bool bf16) { return (const char *)p + i * (bf16 ? 2 : 4); }

/* y (n,N,c,d) <-> (n,c,N,d), as the product of (n c, M) and (M, N d) gives it */
static axes swap_middle(int64_t n0, int64_t n1, int64_t n2, int64_t n3)
{
    axes a = {{n0, n1, n2, n3}, {n1 * n2 * n3, n3, n1 * n3, 1}};
    return a;
}

extern "C" void rt_cuda_outer_product(rt_ctx *ctx, rt_tensor y, rt_tensor a, rt_tensor b, int64_t first)
{
    int64_t rows = y.dim[0], n = a.dim[1], c = a.dim[2], msa = a.dim[0], mark = rt_arena_mark(ctx->step);
    bool bf16 = in_bf16(ctx);
    const void *left = as_operand(ctx, a, bf16), *right = a.data == b.data ? left : as_operand(ctx, b, bf16);
    float *product = RT_SCRATCH(ctx, float, rows * c * n * c);
    rt_cuda_product p = {};
    p.m = rows * c, p.n = n * c, p.k = msa;
    p.a_ld = p.b_ld = p.c_ld = n * c;
    p.a_t = true, p.bf16 = bf16;
    rt_cuda_multiply(ctx, p, element_at(left, first * c, bf16), right, product, NULL);
    order_into(ctx, (float *)y.data, product, swap_middle(rows, n, c, c));
    rt_arena_reset(ctx->step, mark);
}

extern "C" void rt_cuda_outer_product_backward(rt_ctx *ctx, rt_tensor da, rt_tensor db, rt_tensor dy, rt_tensor a, rt_tensor b,
                                               int64_t first)
{
    int64_t rows = dy.dim[0], n = a.dim[1], c = a.dim[2], msa = a.dim[0], mark = rt_arena_mark(ctx->step);
    bool bf16 = in_bf16(ctx);
    const void *left = as_operand(ctx, a, bf16), *right = as_operand(ctx, b, bf16);
    const void *d = ordered(ctx, (const float *)dy.data, swap_middle(rows, c, n, c), bf16);   /* (n c, N d) */
    rt_cuda_product p = {};
    p.m = msa, p.n = rows * c, p.k = n * c;
    p.a_ld = p.b_ld = p.c_ld = n * c;
    p.b_t = true, p.bf16 = bf16, p.add = true;
    rt_cuda_multiply(ctx, p, right, d, (float *)da.data + first * c, NULL);
    p.n = n * c, p.k = rows * c, p.b_t = false;
    rt_cuda_multiply(ctx, p, element_at(left, first * c, bf16), d, (float *)db.data, NULL);
    rt_arena_reset(ctx->step, mark);
}

/* First w x[i] for every token, then that times x[j] for every pair. */
extern "C" void rt_cuda_outer_linear(rt_ctx *ctx, rt_tensor z, rt_tensor x, rt_tensor w, rt_tensor opt_bias, bool add)
{
    int64_t n = x.dim[0], c = x.dim[1], out = w.dim[0], mark = rt_arena_mark(ctx->step);
    const int64_t half_dim[] = {n, out * c}, w_dim[] = {out * c, c};
    rt_tensor half = rt_new_shape(ctx, RT_F32, 2, half_dim), none = {};
    rt_epilogue plain = {};
    rt_cuda_linear(ctx, half, x, rt_reshape(w, 2, w_dim), none, plain);
    rt_cuda_product p = {};
    p.m = n, p.n = out, p.k = c;
    p.a_ld = c, p.b_ld = c, p.c_ld = out;
    p.batch = n, p.b_step = out * c, p.c_step = n * out;
    p.b_t = true, p.add = add, p.bias = opt_bias.data != NULL;
    rt_cuda_multiply(ctx, p, x.data, half.data, (float *)z.data, (const float *)opt_bias.data);
    rt_arena_reset(ctx->step, mark);
}

/* ---- pair-weighted averages: a matrix (N, m c) per head, MSA rows by chunks ---- */

static int64_t msa_chunk(int64_t n, int64_t width)
{
    int64_t rows = CHUNK_BYTES / (4 * n * width);
    return rows < 1 ? 1 : rows;
}

/* rows of (M,N,H,c) -> (H,N,rows,c), and back */
static axes by_head(int64_t heads, int64_t n, int64_t rows, int64_t c)
{
    axes a = {{heads, n, rows, c}, {c, heads * c, n * heads * c, 1}};
    return a;
}
static axes by_row(int64_t heads, int64_t n, int64_t rows, int64_t c)
{
    axes a = {{rows, n, heads, c}, {c, rows * c, n * rows * c, 1}};
    return a;
}

static rt_cuda_product average_product(int64_t heads, int64_t n, int64_t columns, bool bf16)
{
    rt_cuda_product p = {};
    p.m = p.k = n, p.n = columns;
    p.a_ld = n, p.b_ld = p.c_ld = columns;
    p.batch = heads, p.a_step = n * n, p.b_step = p.c_step = n * columns;
    p.bf16 = bf16;
    return p;
}

extern "C" void rt_cuda_pair_average(rt_ctx *ctx, rt_tensor y, rt_tensor w, rt_tensor v)
{
    int64_t heads = w.dim[0], n = w.dim[1], msa = v.dim[0], width = v.dim[2], c = width / heads;
    int64_t mark = rt_arena_mark(ctx->step), chunk = msa_chunk(n, width);
    bool bf16 = in_bf16(ctx);
    const void *weight = as_operand(ctx, w, bf16);
    int64_t begin = rt_arena_mark(ctx->step);
    for (int64_t first = 0; first < msa; first += chunk) {
        int64_t rows = msa - first < chunk ? msa - first : chunk;
        const void *values = ordered(ctx, (const float *)v.data + first * n * width, by_head(heads, n, rows, c), bf16);
        float *out = RT_SCRATCH(ctx, float, rows * n * width);
        rt_cuda_multiply(ctx, average_product(heads, n, rows * c, bf16), weight, values, out, NULL);
        order_into(ctx, (float *)y.data + first * n * width, out, by_row(heads, n, rows, c));
        rt_arena_reset(ctx->step, begin);
    }
    rt_arena_reset(ctx->step, mark);
}

extern "C" void rt_cuda_pair_average_backward(rt_ctx *ctx, rt_tensor dw, rt_tensor dv, rt_tensor dy, rt_tensor w, rt_tensor v)
{
    int64_t heads = w.dim[0], n = w.dim[1], msa = v.dim[0], width = v.dim[2], c = width / heads;
    int64_t mark = rt_arena_mark(ctx->step), chunk = msa_chunk(n, width);
    bool bf16 = in_bf16(ctx);
    const void *weight = as_operand(ctx, w, bf16);
    int64_t begin = rt_arena_mark(ctx->step);
    for (int64_t first = 0; first < msa; first += chunk) {
        int64_t rows = msa - first < chunk ? msa - first : chunk, columns = rows * c;
        const void *values = ordered(ctx, (const float *)v.data + first * n * width, by_head(heads, n, rows, c), bf16);
        const void *d = ordered(ctx, (const float *)dy.data + first * n * width, by_head(heads, n, rows, c), bf16);
        float *out = RT_SCRATCH(ctx, float, rows * n * width);
        rt_cuda_product p = average_product(heads, n, columns, bf16);
        p.a_t = true;
        rt_cuda_multiply(ctx, p, weight, d, out, NULL);   /* dv = W^T dy */
        order_into(ctx, (float *)dv.data + first * n * width, out, by_row(heads, n, rows, c));
        p = average_product(heads, n, n, bf16);
        p.k = columns, p.a_ld = p.b_ld = columns, p.a_step = p.b_step = n * columns;
        p.c_ld = n, p.c_step = n * n;
        p.b_t = true, p.add = true;
        rt_cuda_multiply(ctx, p, d, values, (float *)dw.data, NULL);   /* dW += dy v^T */
        rt_arena_reset(ctx->step, begin);
    }
    rt_arena_reset(ctx->step, mark);
}
