#include "train/cross_entropy.h"

#include <math.h>

#include "op/cuda_loss.h"

enum { TILE_ROWS = 256, MOST_CLASSES = 128 };

typedef struct {
    rt_tensor d_logits, logits;
    const uint8_t *row_class;
    double scale, *tile_sum;
} job;

static void add_to(rt_tensor t, int64_t at, double value)
{
    if (t.dtype == RT_F64) ((double *)t.data)[at] += value;
    else ((float *)t.data)[at] += (float)value;
}

static double row_loss(const job *j, int64_t row, int64_t n)
{
    double x[MOST_CLASSES], highest = -INFINITY, sum = 0;
    int64_t item = rt_dtype_size(j->logits.dtype);
    rt_convert(x, RT_F64, (const uint8_t *)j->logits.data + row * n * item, j->logits.dtype, n);
    double chosen = x[j->row_class[row]];
    for (int64_t i = 0; i < n; i++) highest = fmax(highest, x[i]);
    for (int64_t i = 0; i < n; i++) sum += x[i] = exp(x[i] - highest);
    for (int64_t i = 0; i < n && j->d_logits.data; i++)
        add_to(j->d_logits, row * n + i, j->scale * (x[i] / sum - (i == j->row_class[row])));
    return highest + log(sum) - chosen;
}

static void run_tile(void *argument, int64_t tile, int worker)
{
    const job *j = argument;
    int64_t n = rt_last(j->logits), rows = rt_rows(j->logits), to = (tile + 1) * TILE_ROWS;
    (void)worker;
    double sum = 0;
    for (int64_t row = tile * TILE_ROWS; row < (to < rows ? to : rows); row++)
        if (j->row_class[row] != RT_CROSS_ENTROPY_SKIP) sum += row_loss(j, row, n);
    j->tile_sum[tile] = sum;
}

/* The logits stay on the device; what comes back is a number for every RT_CUDA_ENTROPY_ROWS of them. */
static double sum_on_device(rt_ctx *ctx, rt_tensor opt_d_logits, rt_tensor logits, rt_tensor row_class, double scale)
{
    int64_t rows = rt_rows(logits), n_part = (rows + RT_CUDA_ENTROPY_ROWS - 1) / RT_CUDA_ENTROPY_ROWS;
    rt_tensor on_device = rt_upload(ctx, row_class), part = RT_NEW_TYPE(ctx, RT_F64, n_part);
    double sum = 0;
    RT_REQUIRE(logits.dtype == RT_F32);
    rt_cuda_cross_entropy(ctx, part.data, opt_d_logits.data, logits.data, on_device.data, rows, rt_last(logits),
                          RT_CROSS_ENTROPY_SKIP, scale);
    rt_ctx_sync(ctx);
    for (int64_t i = 0; i < n_part && ctx->status == RT_OK && !ctx->measuring; i++) sum += ((const double *)part.data)[i];
    return sum;
}

double rt_cross_entropy_rows(rt_ctx *ctx, rt_tensor opt_d_logits, rt_tensor logits, rt_tensor row_class, double scale)
{
    int64_t rows = rt_rows(logits), n_tile = (rows + TILE_ROWS - 1) / TILE_ROWS, mark = rt_arena_mark(ctx->step);
    RT_REQUIRE(rt_last(logits) <= MOST_CLASSES && rt_count(row_class) == rows && row_class.dtype == RT_U8);
    RT_REQUIRE(!opt_d_logits.data ||
               (opt_d_logits.dtype == logits.dtype && rt_count(opt_d_logits) == rt_count(logits)));
    job j = {.d_logits = opt_d_logits, .logits = logits, .row_class = row_class.data, .scale = scale};
    double sum = 0;
    if (ctx->on_device) {
        sum = sum_on_device(ctx, opt_d_logits, logits, row_class, scale);
        rt_arena_reset(ctx->step, mark);
        return sum;
    }
    j.tile_sum = RT_NEW_HOST(ctx, RT_F64, n_tile).data;
    if (ctx->status != RT_OK) return 0;
    rt_pool_run(ctx->pool, n_tile, run_tile, &j);
    for (int64_t i = 0; i < n_tile; i++) sum += j.tile_sum[i];
    rt_arena_reset(ctx->step, mark);
    return sum;
}
