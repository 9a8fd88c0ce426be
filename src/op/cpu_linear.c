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
    if (job.row_tiles < ENOUGH_TILES && job.out > 128) {   /* a multiple of 64, at least 64, about ENOUGH_TILES in all */
        int64_t wanted = (ENOUGH_TILES + job.row_tiles - 1) / job.row_tiles;
        job.column_tile = (job.out / wanted + 63) / 64 * 64;
        if (job.column_tile < 64) job.column_tile = 64;
        if (job.column_tile > job.out) job.column_tile = job.out;
    }
    job.mul_rows = epilogue.mul.data ? rt_count(epilogue.mul) / job.out : 1;
    job.native_bf16 = w.dtype == RT_BF16 && rt_cpu_has_bf16();
    job.direct = !opt_bias.data && epilogue.act == RT_ACT_NONE && !epilogue.mul.data && !epilogue.add &&
                 job.column_tile == job.out;
    int64_t column_tiles = rt_tiles(job.out, job.column_tile);
    for (int last_row = 0; last_row < 2; last_row++)
        for (int last_column = 0; last_column < 2; last_column++) {
            int64_t m = last_row ? job.rows % job.row_tile : job.row_tile;
            int64_t n = last_column ? job.out % job.column_tile : job.column_tile;
            if (m == 0 || n == 0) continue;
            job.plan[last_row][last_column] = rt_gemm_prepare(
                ctx, (rt_gemm){.m = m, .n = n, .k = job.in, .a_row = job.in, .a_col = 1, .b_row = 1, .b_col = job.in,
                               .c_row = n, .bf16 = job.native_bf16});
        }
    int64_t mark = rt_arena_mark(ctx->step);
    if (job.native_bf16) job.x_bytes = rt_scratch_stride(job.row_tile * job.in * 2);
    else if (w.dtype == RT_BF16) job.w_bytes = rt_scratch_stride(job.column_tile * job.in * 4);
    job.scratch_bytes = job.x_bytes + job.w_bytes + (job.direct ? 0 : job.row_tile * job.column_tile * 4);
    job.scratch = rt_cpu_scratch(ctx, job.scratch_bytes);
    if (ctx->status == RT_OK) rt_pool_run(ctx->pool, job.row_tiles * column_tiles, linear_task, &job);
    rt_arena_reset(ctx->step, mark);
}
