/* cpu_linear.c - the linear layer: tiles of rows and columns, the epilogue while a tile is in the cache */
#include <math.h>

#include "op/cpu.h"
#include "op/cpu_math.h"

/* A row tile fills the second-level cache together with its product; columns are cut only when rows alone would leave
 * workers idle (short sequences, wide layers). */
enum { ROW_TILE = 256, COLUMN_TILE = 256, ENOUGH_TILES = 8 };

typedef struct {
    rt_ctx *ctx;
    rt_tensor y, x, w, bias;
    rt_epilogue epilogue;
    int64_t rows, in, out, row_tile, column_tile, row_tiles, mul_rows;
    const rt_gemm_plan *plan[2][2];   /* [last row tile][last column tile] */
    char *scratch;
    int64_t scratch_bytes, x_bytes, w_bytes;
    bool native_bf16, direct;
} linear_job;

RT_CLONES static void finish_tile(float *y, int64_t y_stride, const float *tile, int64_t rows, int64_t columns,
                                  const float *bias, rt_act act, const float *mul, int64_t mul_first, int64_t mul_rows,
                                  int64_t mul_stride, bool add)
{
    for (int64_t m = 0; m < rows; m++) {
        const float *in = tile + m * columns;
        float *out = y + m * y_stride;
        const float *factor = mul ? mul + (mul_first + m) % mul_rows * mul_stride : NULL;
        float value[COLUMN_TILE];
        for (int64_t from = 0; from < columns; from += COLUMN_TILE) {
            int64_t n = columns - from < COLUMN_TILE ? columns - from : COLUMN_TILE;
            if (bias) for (int64_t i = 0; i < n; i++) value[i] = in[from + i] + bias[from + i];
            else for (int64_t i = 0; i < n; i++) value[i] = in[from + i];
            if (act == RT_ACT_RELU) for (int64_t i = 0; i < n; i++) value[i] = value[i] > 0 ? value[i] : 0;
            if (act == RT_ACT_SIGMOID) for (int64_t i = 0; i < n; i++) value[i] = rt_sigmoidf(value[i]);
            if (act == RT_ACT_SILU) for (int64_t i = 0; i < n; i++) value[i] *= rt_sigmoidf(value[i]);
            if (factor) for (int64_t i = 0; i < n; i++) value[i] *= factor[from + i];
            if (add) for (int64_t i = 0; i < n; i++) out[from + i] += value[i];
            else for (int64_t i = 0; i < n; i++) out[from + i] = value[i];
        }
    }
}

static void linear_task(void *argument, int64_t task, int worker)
{
    const linear_job *job = argument;
    int64_t row = task % job->row_tiles * job->row_tile, column = task / job->row_tiles * job->column_tile;
    int64_t rows = job->rows - row < job->row_tile ? job->rows - row : job->row_tile;
    int64_t columns = job->out - column < job->column_tile ? job->out - column : job->column_tile;
    const rt_gemm_plan *plan = job->plan[rows < job->row_tile][columns < job->column_tile];
    char *scratch = job->scratch + worker * rt_scratch_stride(job->scratch_bytes);
    const void *x = (const float *)job->x.data + row * job->in;
    const void *w = (const char *)job->w.data + column * job->in * rt_dtype_size(job->w.dtype);
    if (job->native_bf16) {
        rt_cpu_to_bf16((uint16_t *)scratch, x, rows * job->in);
        x = scratch;
    } else if (job->w.dtype == RT_BF16) {   /* no bf16 instructions: bf16 weights, fp32 arithmetic */
        rt_convert(scratch + job->x_bytes, RT_F32, w, RT_BF16, columns * job->in);
        w = scratch + job->x_bytes;
    }
    float *y = (float *)job->y.data + row * job->out + column;
    float *tile = job->direct ? y : (float *)(scratch + job->x_bytes + job->w_bytes);
    rt_gemm_run(job->ctx, plan, x, w, tile, worker);
    if (job->direct) return;
    finish_tile(y, job->out, tile, rows, columns, job->bias.data ? (const float *)job->bias.data + column : NULL,
                job->epilogue.act, job->epilogue.mul.data ? (const float *)job->epilogue.mul.data + column : NULL, row,
                job->mul_rows, job->out, job->epilogue.add);
}

void rt_cpu_linear(rt_ctx *ctx, rt_tensor y, rt_tensor x, rt_tensor w, rt_tensor opt_bias, rt_epilogue epilogue)
{
    linear_job job = {.ctx = ctx, .y = y, .x = x, .w = w, .bias = opt_bias, .epilogue = epilogue};
    job.in = rt_last(x);
    job.out = w.dim[0];
    job.rows = rt_count(x) / job.in;
    RT_REQUIRE(w.dim[1] == job.in && rt_count(y) == job.rows * job.out);
    if (job.rows == 0) return;
    job.row_tile = job.rows < ROW_TILE ? job.rows : ROW_TILE;
    job.row_tiles = rt_tiles(job.rows, job.row_tile);
    job.column_tile = job.out;
    if (!ctx->in_tile && job.row_tiles < ENOUGH_TILES && job.out > 128) {
        /* a multiple of 64, at least 64, about ENOUGH_TILES in all */
        int64_t wanted = (ENOUGH_TILES + job.row_tiles - 1) / job.row_tiles;
        job.column_tile = (job.out / wanted + 63) / 64 * 64;
        if (job.column_tile < 64) job.column_tile = 64;
        if (job.column_tile > job.out) job.column_tile = job.out;
    }
    job.mul_rows = epilogue.mul.data ? rt_count(epilogue.mul) / job.out : 1;
    job.native_bf16 = w.dtype == RT_BF16 && rt_cpu_has_bf16();
    job.direct = !opt_bias.data && epilogue.act == RT_ACT_NONE && !epilogue.mul.data && job.column_tile == job.out;
    int64_t column_tiles = rt_tiles(job.out, job.column_tile);
    for (int last_row = 0; last_row < 2; last_row++)
        for (int last_column = 0; last_column < 2; last_column++) {
            int64_t m = last_row ? job.rows % job.row_tile : job.row_tile;
            int64_t n = last_column ? job.out % job.column_tile : job.column_tile;
            if (m == 0 || n == 0) continue;
            job.plan[last_row][last_column] = rt_gemm_prepare(
                ctx, (rt_gemm){.m = m, .n = n, .k = job.in, .a_row = job.in, .a_col = 1, .b_row = 1, .b_col = job.in,
                               .c_row = n, .bf16 = job.native_bf16, .add = job.direct && epilogue.add});
        }
    int64_t mark = rt_arena_mark(ctx->step);
    if (job.native_bf16) job.x_bytes = rt_scratch_stride(job.row_tile * job.in * 2);
    else if (w.dtype == RT_BF16) job.w_bytes = rt_scratch_stride(job.column_tile * job.in * 4);
    job.scratch_bytes = job.x_bytes + job.w_bytes + (job.direct ? 0 : job.row_tile * job.column_tile * 4);
    job.scratch = rt_cpu_scratch(ctx, job.scratch_bytes);
    if (ctx->status == RT_OK) rt_pool_run(ctx->pool, job.row_tiles * column_tiles, linear_task, &job);
    rt_arena_reset(ctx->step, mark);
}

/* ---- epilogue alone ---- */

enum { EPILOGUE_TILE = 128 };

typedef struct {
    float *y, *dpre, *dmul;
    const float *pre, *dy, *mul;
    int64_t rows, n, shared;
    rt_act act;
    bool add;
} epilogue_job;

static void epilogue_task(void *argument, int64_t task, int worker)
{
    (void)worker;
    const epilogue_job *job = argument;
    int64_t first = task * EPILOGUE_TILE, rows = job->rows - first < EPILOGUE_TILE ? job->rows - first : EPILOGUE_TILE;
    finish_tile(job->y + first * job->n, job->n, job->pre + first * job->n, rows, job->n, NULL, job->act, job->mul, first,
                job->shared, job->n, job->add);
}

void rt_cpu_epilogue(rt_ctx *ctx, rt_tensor y, rt_tensor pre, rt_epilogue epilogue)
{
    epilogue_job job = {.y = y.data, .pre = pre.data, .mul = epilogue.mul.data, .rows = rt_rows(y), .n = rt_last(y),
                        .shared = epilogue.mul.data ? rt_count(epilogue.mul) / rt_last(y) : 1, .act = epilogue.act,
                        .add = epilogue.add};
    rt_pool_run(ctx->pool, rt_tiles(job.rows, EPILOGUE_TILE), epilogue_task, &job);
}

/* dmul rows r of a tile: the sum over samples, in their order. */
RT_CLONES static void sum_mul(const epilogue_job *job, int64_t from, int64_t to)
{
    int64_t n = job->n;
    for (int64_t r = from; r < to; r++) {
        float *out = job->dmul + r * n;
        for (int64_t m = r; m < job->rows; m += job->shared) {
            const float *dy = job->dy + m * n, *pre = job->pre ? job->pre + m * n : NULL;
            if (job->act == RT_ACT_NONE) for (int64_t i = 0; i < n; i++) out[i] += dy[i] * pre[i];
            if (job->act == RT_ACT_RELU) for (int64_t i = 0; i < n; i++) out[i] += pre[i] > 0 ? dy[i] * pre[i] : 0;
            if (job->act == RT_ACT_SIGMOID) for (int64_t i = 0; i < n; i++) out[i] += dy[i] * rt_sigmoidf(pre[i]);
            if (job->act == RT_ACT_SILU) for (int64_t i = 0; i < n; i++) out[i] += dy[i] * pre[i] * rt_sigmoidf(pre[i]);
        }
    }
}

static void sum_mul_task(void *argument, int64_t task, int worker)
{
    (void)worker;
    const epilogue_job *job = argument;
    int64_t from = task * EPILOGUE_TILE, to = from + EPILOGUE_TILE < job->shared ? from + EPILOGUE_TILE : job->shared;
    sum_mul(job, from, to);
}

RT_CLONES static void slope_rows(const epilogue_job *job, int64_t from, int64_t to)
{
    int64_t n = job->n;
    for (int64_t m = from; m < to; m++) {
        const float *dy = job->dy + m * n, *pre = job->pre ? job->pre + m * n : NULL;
        const float *mul = job->mul ? job->mul + m % job->shared * n : NULL;
        float *out = job->dpre + m * n, slope[COLUMN_TILE];
        for (int64_t first = 0; first < n; first += COLUMN_TILE) {
            int64_t count = n - first < COLUMN_TILE ? n - first : COLUMN_TILE;
            if (mul) for (int64_t i = 0; i < count; i++) slope[i] = dy[first + i] * mul[first + i];
            else for (int64_t i = 0; i < count; i++) slope[i] = dy[first + i];
            if (job->act == RT_ACT_RELU) for (int64_t i = 0; i < count; i++) slope[i] = pre[first + i] > 0 ? slope[i] : 0;
            if (job->act == RT_ACT_SIGMOID)
                for (int64_t i = 0; i < count; i++) {
                    float s = rt_sigmoidf(pre[first + i]);
                    slope[i] *= s * (1 - s);
                }
            if (job->act == RT_ACT_SILU)
                for (int64_t i = 0; i < count; i++) {
                    float x = pre[first + i], s = rt_sigmoidf(x);
                    slope[i] *= s * (1 + x * (1 - s));
                }
            for (int64_t i = 0; i < count; i++) out[first + i] = slope[i];
        }
    }
}

static void slope_task(void *argument, int64_t task, int worker)
{
    (void)worker;
    const epilogue_job *job = argument;
    int64_t from = task * EPILOGUE_TILE, to = from + EPILOGUE_TILE < job->rows ? from + EPILOGUE_TILE : job->rows;
    slope_rows(job, from, to);
}

void rt_cpu_epilogue_backward(rt_ctx *ctx, rt_tensor opt_dpre, rt_tensor opt_dmul, rt_tensor dy, rt_tensor opt_pre,
                              rt_epilogue epilogue)
{
    epilogue_job job = {.dpre = opt_dpre.data, .dmul = opt_dmul.data, .dy = dy.data, .pre = opt_pre.data,
                        .mul = epilogue.mul.data, .rows = rt_rows(dy), .n = rt_last(dy),
                        .shared = epilogue.mul.data ? rt_count(epilogue.mul) / rt_last(dy) : 1, .act = epilogue.act};
    RT_REQUIRE(opt_pre.data || (epilogue.act == RT_ACT_NONE && !opt_dmul.data));
    RT_REQUIRE(!opt_dmul.data || rt_count(opt_dmul) == job.shared * job.n);
    if (opt_dmul.data) rt_pool_run(ctx->pool, rt_tiles(job.shared, EPILOGUE_TILE), sum_mul_task, &job);
    if (opt_dpre.data) rt_pool_run(ctx->pool, rt_tiles(job.rows, EPILOGUE_TILE), slope_task, &job);
}

/* ---- gradients of the product ---- */

enum { SLAB_ROWS = 256, WEIGHT_TILE = 128, BIAS_ROWS = 512 };

typedef struct {
    rt_ctx *ctx;
    const char *dy, *x, *w;        /* F32 or BF16 as the products take them */
    const float *dy32;
    float *dx, *dw, *db, *part, *bias_part;
    int64_t rows, in, out, size;   /* size of an element of dy, x and w */
    int64_t row_tile, column_tile, row_tiles;
    int64_t weight_tile, weight_tiles, slab, slabs;
    const rt_gemm_plan *input[2][2], *weight[2][2];   /* [last row tile or slab][last column or weight tile] */
} gradient_job;

static void input_task(void *argument, int64_t task, int worker)
{
    const gradient_job *job = argument;
    int64_t row = task % job->row_tiles * job->row_tile, column = task / job->row_tiles * job->column_tile;
    const rt_gemm_plan *plan = job->input[job->rows - row < job->row_tile][job->in - column < job->column_tile];
    rt_gemm_run(job->ctx, plan, job->dy + row * job->out * job->size, job->w + column * job->size,
                job->dx + row * job->in + column, worker);
}

static void weight_task(void *argument, int64_t task, int worker)
{
    const gradient_job *job = argument;
    int64_t first = task % job->weight_tiles * job->weight_tile, slab = task / job->weight_tiles, row = slab * job->slab;
    const rt_gemm_plan *plan = job->weight[job->rows - row < job->slab][job->out - first < job->weight_tile];
    float *to = (job->slabs > 1 ? job->part + slab * job->out * job->in : job->dw) + first * job->in;
    rt_gemm_run(job->ctx, plan, job->dy + (row * job->out + first) * job->size, job->x + row * job->in * job->size, to, worker);
}

RT_CLONES static void sum_columns(float *out, const float *in, int64_t rows, int64_t n)
{
    for (int64_t i = 0; i < n; i++) out[i] = 0;
    for (int64_t m = 0; m < rows; m++)
        for (int64_t i = 0; i < n; i++) out[i] += in[m * n + i];
}

static void bias_task(void *argument, int64_t task, int worker)
{
    (void)worker;
    const gradient_job *job = argument;
    int64_t first = task * BIAS_ROWS, rows = job->rows - first < BIAS_ROWS ? job->rows - first : BIAS_ROWS;
    sum_columns(job->bias_part + task * job->out, job->dy32 + first * job->out, rows, job->out);
}

/* dx in tiles of rows and, for few rows, of columns. */
static void input_gradient(rt_ctx *ctx, gradient_job *job, bool bf16, bool add)
{
    job->row_tile = job->rows < ROW_TILE ? job->rows : ROW_TILE;
    job->row_tiles = rt_tiles(job->rows, job->row_tile);
    job->column_tile = job->in;
    if (job->row_tiles < ENOUGH_TILES && job->in > 128) {
        int64_t wanted = (ENOUGH_TILES + job->row_tiles - 1) / job->row_tiles;
        job->column_tile = (job->in / wanted + 63) / 64 * 64;
        if (job->column_tile < 64) job->column_tile = 64;
        if (job->column_tile > job->in) job->column_tile = job->in;
    }
    for (int r = 0; r < 2; r++)
        for (int c = 0; c < 2; c++) {
            int64_t m = r ? job->rows % job->row_tile : job->row_tile, n = c ? job->in % job->column_tile : job->column_tile;
            if (m == 0 || n == 0) continue;
            job->input[r][c] = rt_gemm_prepare(ctx, (rt_gemm){.m = m, .n = n, .k = job->out, .a_row = job->out, .a_col = 1,
                                                              .b_row = job->in, .b_col = 1, .c_row = job->in, .bf16 = bf16,
                                                              .add = add});
        }
    if (ctx->status == RT_OK) rt_pool_run(ctx->pool, job->row_tiles * rt_tiles(job->in, job->column_tile), input_task, job);
}

/* dw in tiles of its rows; when they are few, the sum over activations' rows is cut into slabs too, whose partial sums are
 * added in order. */
static void weight_gradient(rt_ctx *ctx, gradient_job *job, bool bf16)
{
    job->weight_tile = job->out < WEIGHT_TILE ? job->out : WEIGHT_TILE;
    job->weight_tiles = rt_tiles(job->out, job->weight_tile);
    job->slabs = (ENOUGH_TILES + job->weight_tiles - 1) / job->weight_tiles;
    if (job->slabs > rt_tiles(job->rows, SLAB_ROWS)) job->slabs = rt_tiles(job->rows, SLAB_ROWS);
    job->slab = (job->rows + job->slabs - 1) / job->slabs;
    if (job->slabs > 1) job->slab = (job->slab + 15) / 16 * 16;
    job->slabs = rt_tiles(job->rows, job->slab);
    if (job->slabs > 1) job->part = RT_NEW_TYPE(ctx, RT_F32, job->slabs, job->out, job->in).data;
    for (int r = 0; r < 2; r++)
        for (int c = 0; c < 2; c++) {
            int64_t k = r ? job->rows % job->slab : job->slab, m = c ? job->out % job->weight_tile : job->weight_tile;
            if (m == 0 || k == 0) continue;
            job->weight[r][c] = rt_gemm_prepare(ctx, (rt_gemm){.m = m, .n = job->in, .k = k, .a_row = 1, .a_col = job->out,
                                                               .b_row = job->in, .b_col = 1, .c_row = job->in, .bf16 = bf16,
                                                               .add = job->slabs == 1});
        }
    if (ctx->status != RT_OK) return;
    rt_pool_run(ctx->pool, job->weight_tiles * job->slabs, weight_task, job);
    if (job->slabs > 1) rt_cpu_add_partials(ctx, job->dw, job->part, job->slabs, job->out * job->in);
}

typedef struct {
    uint16_t *out;
    const float *in;
    int64_t n;
} round_job;

static void round_task(void *argument, int64_t task, int worker)
{
    (void)worker;
    const round_job *job = argument;
    int64_t first = task * 65536;
    rt_cpu_to_bf16(job->out + first, job->in + first, job->n - first < 65536 ? job->n - first : 65536);
}

static const char *rounded(rt_ctx *ctx, rt_tensor t)
{
    if (!t.data) return NULL;
    round_job job = {.out = rt_new_shape(ctx, RT_BF16, t.ndim, t.dim).data, .in = t.data, .n = rt_count(t)};
    if (job.out) rt_pool_run(ctx->pool, rt_tiles(job.n, 65536), round_task, &job);
    return (const char *)job.out;
}

void rt_cpu_linear_backward(rt_ctx *ctx, rt_tensor opt_dx, bool add, rt_tensor opt_dw, rt_tensor opt_db, rt_tensor dy,
                            rt_tensor opt_x, rt_tensor w)
{
    gradient_job job = {.ctx = ctx, .dy = dy.data, .x = opt_x.data, .w = w.data, .dy32 = dy.data, .dx = opt_dx.data,
                        .dw = opt_dw.data, .db = opt_db.data, .in = w.dim[1], .out = w.dim[0], .size = 4};
    bool bf16 = w.dtype == RT_BF16 && rt_cpu_has_bf16();
    int64_t mark = rt_arena_mark(ctx->step);
    job.rows = rt_count(dy) / job.out;
    RT_REQUIRE(!opt_dx.data || rt_count(opt_dx) == job.rows * job.in);
    RT_REQUIRE(!opt_dw.data || rt_count(opt_x) == job.rows * job.in);
    if (job.rows == 0) return;
    if (bf16) {
        job.size = 2;
        job.dy = rounded(ctx, dy);
        job.x = opt_dw.data ? rounded(ctx, opt_x) : NULL;
    } else if (w.dtype == RT_BF16 && opt_dx.data) {   /* no bf16 instructions: bf16 weights, fp32 arithmetic */
        rt_tensor wide = RT_NEW(ctx, job.out, job.in);
        if (wide.data) rt_convert(wide.data, RT_F32, w.data, RT_BF16, rt_count(w));
        job.w = wide.data;
    }
    if (opt_dx.data && ctx->status == RT_OK) input_gradient(ctx, &job, bf16, add);
    if (opt_dw.data && ctx->status == RT_OK) weight_gradient(ctx, &job, bf16);
    if (opt_db.data) {
        int64_t parts = rt_tiles(job.rows, BIAS_ROWS);
        job.bias_part = RT_NEW_TYPE(ctx, RT_F32, parts, job.out).data;
        if (job.bias_part) {
            rt_pool_run(ctx->pool, parts, bias_task, &job);
            rt_cpu_add_partials(ctx, job.db, job.bias_part, parts, job.out);
        }
    }
    rt_arena_reset(ctx->step, mark);
}
