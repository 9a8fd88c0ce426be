/* cuda_linear.cu - the linear layer and its epilogue
 *
 * Narrow layers with BF16 weights are one kernel (op/cuda_linear).  Otherwise bias, ReLU and sums go into cuBLASLt's own
 * epilogue; sigmoids and gates, which it lacks, are a kernel over the product.
 * Rows go by chunks whose size depends on the layer's widths only, so that what is rounded or gated on the way stays small.
 */
#include "op/cuda_gemm.h"
#include "op/cuda_linear.h"

static const int64_t CHUNK_BYTES = (int64_t)64 << 20;

/* y [+]= act(pre) [* mul], rows from `first` of a matrix of n columns; y and pre are the chunk's. */
static __global__ void finish(float *y, const float *pre, const float *mul, rt_act act, bool add, int64_t count, int64_t n,
                              int64_t first, int64_t shared)
{
    int64_t i = rt_thread();
    if (i >= count) return;
    float value = rt_activate(act, pre[i]);
    if (mul) value *= mul[(first + i / n) % shared * n + i % n];
    y[i] = add ? y[i] + value : value;
}

static void run_finish(rt_ctx *ctx, float *y, const float *pre, rt_epilogue e, int64_t rows, int64_t n, int64_t first)
{
    int64_t shared = e.mul.data ? rt_count(e.mul) / n : 1;
    RT_LAUNCH(ctx, finish, rt_blocks(rows * n, RT_THREADS), RT_THREADS, 0, y, pre, (const float *)e.mul.data, e.act, e.add,
              rows * n, n, first, shared);
}

extern "C" void rt_cuda_epilogue(rt_ctx *ctx, rt_tensor y, rt_tensor pre, rt_epilogue epilogue)
{
    run_finish(ctx, (float *)y.data, (const float *)pre.data, epilogue, rt_rows(y), rt_last(y), 0);
}

static __global__ void slope(float *dpre, const float *dy, const float *pre, const float *mul, rt_act act, int64_t count,
                             int64_t n, int64_t shared)
{
    int64_t i = rt_thread();
    if (i >= count) return;
    float d = dy[i];
    if (mul) d *= mul[i / n % shared * n + i % n];
    dpre[i] = act == RT_ACT_NONE ? d : d * rt_activate_slope(act, pre[i]);
}

/* One element of mul each: the sum over the rows that it serves, in their order. */
static __global__ void sum_mul(float *dmul, const float *dy, const float *pre, rt_act act, int64_t rows, int64_t n,
                               int64_t shared)
{
    int64_t i = rt_thread();
    if (i >= shared * n) return;
    float sum = dmul[i];
    for (int64_t at = i; at < rows * n; at += shared * n) sum += dy[at] * rt_activate(act, pre[at]);
    dmul[i] = sum;
}

extern "C" void rt_cuda_epilogue_backward(rt_ctx *ctx, rt_tensor opt_dpre, rt_tensor opt_dmul, rt_tensor dy,
                                          rt_tensor opt_pre, rt_epilogue epilogue)
{
    int64_t rows = rt_rows(dy), n = rt_last(dy), shared = epilogue.mul.data ? rt_count(epilogue.mul) / n : 1;
    RT_REQUIRE(opt_pre.data || (epilogue.act == RT_ACT_NONE && !opt_dmul.data));
    RT_REQUIRE(!opt_dmul.data || rt_count(opt_dmul) == shared * n);
    /* dpre may take the place of dy or pre: it comes last */
    if (opt_dmul.data)
        RT_LAUNCH(ctx, sum_mul, rt_blocks(shared * n, RT_THREADS), RT_THREADS, 0, (float *)opt_dmul.data,
                  (const float *)dy.data, (const float *)opt_pre.data, epilogue.act, rows, n, shared);
    if (opt_dpre.data)
        RT_LAUNCH(ctx, slope, rt_blocks(rows * n, RT_THREADS), RT_THREADS, 0, (float *)opt_dpre.data, (const float *)dy.data,
                  (const float *)opt_pre.data, (const float *)epilogue.mul.data, epilogue.act, rows * n, n, shared);
}

/* A weight as the products take it: itself, or on a device without bfloat16 a wide copy on the step arena. */
static const void *product_weight(rt_ctx *ctx, rt_tensor w)
{
    if (w.dtype != RT_BF16 || rt_cuda_has_bf16(ctx)) return w.data;
    float *wide = RT_SCRATCH(ctx, float, rt_count(w));
    rt_cuda_from_bf16(ctx, wide, (const uint16_t *)w.data, rt_count(w));
    return wide;
}

/* Rows of activations in the type that the products take. */
static const void *product_rows(rt_ctx *ctx, const float *x, int64_t count, bool bf16)
{
    if (!bf16) return x;
    uint16_t *rounded = RT_SCRATCH(ctx, uint16_t, count);
    rt_cuda_to_bf16(ctx, rounded, x, count);
    return rounded;
}

static int64_t chunk_rows(int64_t bytes_of_row)
{
    int64_t rows = CHUNK_BYTES / bytes_of_row;
    return rows < 1024 ? 1024 : rows;
}

extern "C" void rt_cuda_linear(rt_ctx *ctx, rt_tensor y, rt_tensor x, rt_tensor w, rt_tensor opt_bias, rt_epilogue epilogue)
{
    int64_t in = rt_last(x), out = w.dim[0], rows = rt_count(x) / in, mark = rt_arena_mark(ctx->step);
    RT_REQUIRE(w.dim[1] == in && rt_count(y) == rows * out);
    bool bf16 = w.dtype == RT_BF16 && rt_cuda_has_bf16(ctx), relu = epilogue.act == RT_ACT_RELU && !epilogue.add;
    if (bf16 && rt_cuda_linear_bf16(ctx, y, x, w, false, opt_bias, epilogue)) return;
    bool whole = !epilogue.mul.data && (epilogue.act == RT_ACT_NONE || relu);   /* the library does all of it */
    bool in_place = !epilogue.add && y.data != epilogue.mul.data;   /* the product may lie in y until it is gated */
    const void *weight = product_weight(ctx, w);
    int64_t chunk = chunk_rows(2 * in + 4 * out), begin = rt_arena_mark(ctx->step);
    for (int64_t first = 0; first < rows; first += chunk) {
        int64_t count = rows - first < chunk ? rows - first : chunk;
        float *to = (float *)y.data + first * out, *pre = whole || in_place ? to : RT_SCRATCH(ctx, float, count * out);
        const void *from = product_rows(ctx, (const float *)x.data + first * in, count * in, bf16);
        rt_cuda_product p = {};
        p.m = count, p.n = out, p.k = in;
        p.a_ld = in, p.b_ld = in, p.c_ld = out;
        p.b_t = true, p.bf16 = bf16, p.bias = opt_bias.data != NULL;
        p.add = whole && epilogue.add, p.relu = whole && relu;
        rt_cuda_multiply(ctx, p, from, weight, pre, (const float *)opt_bias.data);
        if (!whole) run_finish(ctx, to, pre, epilogue, count, out, first);
        rt_arena_reset(ctx->step, begin);
    }
    rt_arena_reset(ctx->step, mark);
}

enum { SUM_ROWS = 256 };   /* of one partial sum */

static __global__ void sum_columns(float *part, const float *x, int64_t rows, int64_t n)
{
    int64_t c = rt_thread(), from = (int64_t)blockIdx.y * SUM_ROWS, to = from + SUM_ROWS < rows ? from + SUM_ROWS : rows;
    float sum = 0;
    if (c >= n) return;
    for (int64_t m = from; m < to; m++) sum += x[m * n + c];
    part[blockIdx.y * n + c] = sum;
}

static __global__ void add_parts(float *out, const float *part, int64_t parts, int64_t n)
{
    int64_t c = rt_thread();
    if (c >= n) return;
    float sum = 0;
    for (int64_t i = 0; i < parts; i++) sum += part[i * n + c];
    out[c] += sum;
}

/* out (n) += the sum over rows of x (rows,n), by parts of SUM_ROWS rows.  A grid has at most 65,535 parts. */
static void add_column_sums(rt_ctx *ctx, float *out, const float *x, int64_t rows, int64_t n)
{
    static const int64_t MOST = (int64_t)65535 * SUM_ROWS;
    int64_t mark = rt_arena_mark(ctx->step);
    for (int64_t first = 0; first < rows; first += MOST) {
        int64_t count = rows - first < MOST ? rows - first : MOST, parts = rt_blocks(count, SUM_ROWS);
        float *part = RT_SCRATCH(ctx, float, parts * n);
        dim3 grid((unsigned int)rt_blocks(n, RT_THREADS), (unsigned int)parts);
        RT_LAUNCH(ctx, sum_columns, grid, RT_THREADS, 0, part, x + first * n, count, n);
        RT_LAUNCH(ctx, add_parts, rt_blocks(n, RT_THREADS), RT_THREADS, 0, out, (const float *)part, parts, n);
        rt_arena_reset(ctx->step, mark);
    }
}

extern "C" void rt_cuda_linear_backward(rt_ctx *ctx, rt_tensor opt_dx, bool add, rt_tensor opt_dw, rt_tensor opt_db,
                                        rt_tensor dy, rt_tensor opt_x, rt_tensor w)
{
    int64_t in = w.dim[1], out = w.dim[0], rows = rt_count(dy) / out, mark = rt_arena_mark(ctx->step);
    RT_REQUIRE(!opt_dx.data || rt_count(opt_dx) == rows * in);
    RT_REQUIRE(!opt_dw.data || rt_count(opt_x) == rows * in);
    bool bf16 = w.dtype == RT_BF16 && rt_cuda_has_bf16(ctx);
    rt_tensor none = {};
    rt_epilogue sum = {};
    sum.add = add;
    if (bf16 && opt_dx.data && rt_cuda_linear_bf16(ctx, opt_dx, dy, w, true, none, sum)) opt_dx.data = NULL;
    const void *weight = opt_dx.data ? product_weight(ctx, w) : NULL;
    int64_t chunk = chunk_rows(2 * (in + out)), begin = rt_arena_mark(ctx->step);
    for (int64_t first = 0; first < rows && (opt_dx.data || opt_dw.data); first += chunk) {
        int64_t count = rows - first < chunk ? rows - first : chunk;
        const void *d = product_rows(ctx, (const float *)dy.data + first * out, count * out, bf16);
        if (opt_dx.data) {
            rt_cuda_product p = {};
            p.m = count, p.n = in, p.k = out;
            p.a_ld = out, p.b_ld = in, p.c_ld = in;
            p.bf16 = bf16, p.add = add;
            rt_cuda_multiply(ctx, p, d, weight, (float *)opt_dx.data + first * in, NULL);
        }
        if (opt_dw.data) {
            const void *x = product_rows(ctx, (const float *)opt_x.data + first * in, count * in, bf16);
            rt_cuda_product p = {};
            p.m = out, p.n = in, p.k = count;
            p.a_ld = out, p.b_ld = in, p.c_ld = in;
            p.a_t = true, p.bf16 = bf16, p.add = true;
            rt_cuda_multiply(ctx, p, d, x, (float *)opt_dw.data, NULL);
        }
        rt_arena_reset(ctx->step, begin);
    }
    if (opt_db.data) add_column_sums(ctx, (float *)opt_db.data, (const float *)dy.data, rows, out);
    rt_arena_reset(ctx->step, mark);
}
