#include "op/tiles.h"

#include <stdlib.h>

#include "base/memory.h"

/* TILE_ROWS: the activations of a layer on so many rows fit a second-level cache.  Fewer than ENOUGH_TILES would leave
 * workers idle: then the ops cut their own work. */
enum { TILE_ROWS = 256, ENOUGH_TILES = 8 };

struct rt_tile_contexts {
    rt_pool *alone;         /* runs in the caller */
    rt_arena **slice;       /* one per worker */
    rt_ctx *worker;
    int threads;
};

rt_status rt_tile_contexts_create(rt_tile_contexts **ret_tiles, int threads, rt_err *err)
{
    rt_status status = RT_OK;
    rt_tile_contexts *tiles;
    *ret_tiles = NULL;
    RT_TRY_ALLOC(tiles, 1);
    RT_TRY_ALLOC(tiles->slice, threads);
    RT_TRY_ALLOC(tiles->worker, threads);
    RT_TRY(rt_pool_create(&tiles->alone, 1, err));
    for (; tiles->threads < threads; tiles->threads++)
        RT_TRY(rt_arena_create_borrowing(&tiles->slice[tiles->threads], "tile", err));
    *ret_tiles = tiles;
    tiles = NULL;
done:
    rt_tile_contexts_free(tiles);
    return status;
}

void rt_tile_contexts_free(rt_tile_contexts *tiles)
{
    if (!tiles) return;
    for (int i = 0; i < tiles->threads; i++) rt_arena_free(tiles->slice[i]);
    rt_pool_free(tiles->alone);
    free(tiles->slice);
    free(tiles->worker);
    free(tiles);
}

typedef struct {
    rt_tile_contexts *tiles;
    rt_tile_body *body;
    const void *user;
    int64_t n_item, tile;
} tiles_job;

static rt_ctx context_of_worker(const rt_ctx *ctx, rt_arena *arena, int worker)
{
    return (rt_ctx){.op = ctx->op, .pool = ctx->tiles->alone, .step = arena, .real = ctx->real, .bf16 = ctx->bf16,
                    .device = ctx->device, .dropout = ctx->dropout, .frugal = ctx->frugal, .worker = worker, .in_tile = true};
}

/* Runs the ops of a range without computing anything, in what the step arena has left: plans their products, and gives the
 * bytes that they push. */
static int64_t rehearse(rt_ctx *ctx, const tiles_job *job, int64_t count)
{
    rt_tile_contexts *tiles = job->tiles;
    rt_arena *rest = tiles->slice[0];
    rt_arena_borrow_rest(rest, ctx->step);
    rt_ctx dry = context_of_worker(ctx, rest, 0);
    dry.measuring = true;
    rt_pool_set_idle(tiles->alone, true);
    job->body(&dry, job->user, 0, count);
    rt_pool_set_idle(tiles->alone, false);
    if (dry.status == RT_ERR_MEMORY) RT_NEW_TYPE(ctx, RT_U8, rt_arena_wanted(rest));   /* fails, with the figures of the whole */
    else if (dry.status != RT_OK) ctx->status = dry.status, ctx->err = dry.err;
    rt_arena_reset(rest, 0);
    return rt_arena_peak(rest);
}

static void tile_task(void *argument, int64_t task, int worker)
{
    const tiles_job *job = argument;
    rt_ctx *ctx = &job->tiles->worker[worker];
    int64_t first = task * job->tile, count = job->n_item - first < job->tile ? job->n_item - first : job->tile;
    if (ctx->status == RT_OK) job->body(ctx, job->user, first, count);
    rt_arena_reset(ctx->step, 0);
}

static void run_tiles(rt_ctx *ctx, tiles_job *job, int64_t n_tile)
{
    int64_t last = job->n_item % job->tile, mark = rt_arena_mark(ctx->step);
    int64_t bytes = rehearse(ctx, job, job->tile);
    if (last) rehearse(ctx, job, last);   /* it needs less, but products of its own */
    int threads = rt_pool_threads(ctx->pool);
    char *memory = RT_NEW_TYPE(ctx, RT_U8, threads, bytes).data;
    if (ctx->status == RT_OK && !ctx->measuring) {
        for (int i = 0; i < threads; i++) {
            rt_arena_borrow(job->tiles->slice[i], memory + i * bytes, bytes);
            job->tiles->worker[i] = context_of_worker(ctx, job->tiles->slice[i], i);
        }
        rt_pool_run(ctx->pool, n_tile, tile_task, job);
        for (int i = 0; i < threads && ctx->status == RT_OK; i++) {
            const rt_ctx *worker = &job->tiles->worker[i];
            if (worker->status != RT_OK) ctx->status = worker->status, ctx->err = worker->err;
        }
    }
    rt_arena_reset(ctx->step, mark);
}

/* What all ranges would take is the first one's as often as there are ranges like it, and the last one's. */
static void count_tiles(rt_ctx *ctx, const tiles_job *job)
{
    int64_t mark = rt_arena_mark(ctx->step), last = job->n_item % job->tile;
    double before = ctx->flop;
    job->body(ctx, job->user, 0, job->tile);
    rt_arena_reset(ctx->step, mark);
    ctx->flop = before + (ctx->flop - before) * (double)(job->n_item / job->tile);
    if (last) job->body(ctx, job->user, 0, last);
    rt_arena_reset(ctx->step, mark);
}

void rt_tiles_in_turn(rt_ctx *ctx, int64_t n_item, int64_t width, rt_tile_body *body, const void *user)
{
    int64_t mark = rt_arena_mark(ctx->step), chunk = rt_row_chunk_items(ctx, width);
    for (int64_t first = 0; first < n_item && ctx->status == RT_OK; first += chunk) {
        body(ctx, user, first, n_item - first < chunk ? n_item - first : chunk);
        rt_arena_reset(ctx->step, mark);
    }
}

void rt_tiles_run(rt_ctx *ctx, int64_t n_item, int64_t width, rt_tile_body *body, const void *user)
{
    tiles_job job = {.tiles = ctx->tiles, .body = body, .user = user, .n_item = n_item,
                     .tile = width < TILE_ROWS ? TILE_ROWS / width : 1};
    int64_t n_tile = (n_item + job.tile - 1) / job.tile;
    if (ctx->status != RT_OK) return;
    if (!ctx->tiles || n_tile < ENOUGH_TILES) rt_tiles_in_turn(ctx, n_item, width, body, user);
    else if (ctx->counting) count_tiles(ctx, &job);
    else run_tiles(ctx, &job, n_tile);
}
