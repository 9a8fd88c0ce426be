/* tiles.h - rows that go through several ops together while they are in a core's cache
 * Room: op.  Uses: op/backend.
 *
 * An op on a pair tensor streams it through memory, and its workers wait for each other at its end.  Where a layer treats
 * rows independently, it gives its ops as a function of a range of rows; ranges are dealt to the workers, and each runs all
 * ops of one on a context of its own: one thread, a slice of the step arena.
 */
#ifndef RT_OP_TILES_H
#define RT_OP_TILES_H

#include "op/backend.h"

/* Rows [first, first + count): what it writes, no other range reads or writes.  `user` is shared. */
typedef void rt_tile_body(rt_ctx *ctx, const void *user, int64_t first, int64_t count);

/* Runs `body` over items 0 .. n_item-1, of `width` rows of work each.  Few rows, and devices other than the CPU, take large
 * ranges one after the other.  How items are cut depends on n_item and width only. */
void rt_tiles_run(rt_ctx *ctx, int64_t n_item, int64_t width, rt_tile_body *body, const void *user);

/* The same in large ranges, one after the other, on the context itself: for bodies that add to what they share. */
void rt_tiles_in_turn(rt_ctx *ctx, int64_t n_item, int64_t width, rt_tile_body *body, const void *user);

/* Rows of a (M, C) view handled at a time where ranges follow each other, so that what lies between two products stays
 * small. */
enum { ROW_CHUNK = 4096, DEVICE_ROW_CHUNK = 65536 };   /* a device wants few, large launches: 128 MiB at 512 columns */
static inline int64_t rt_row_chunk(const rt_ctx *ctx) { return ctx->on_device ? DEVICE_ROW_CHUNK : ROW_CHUNK; }
/* The same in items of `width` rows each. */
static inline int64_t rt_row_chunk_items(const rt_ctx *ctx, int64_t width)
{
    return width < rt_row_chunk(ctx) ? rt_row_chunk(ctx) / width : 1;
}

/* The contexts of a context's workers. */
typedef struct rt_tile_contexts rt_tile_contexts;
rt_status rt_tile_contexts_create(rt_tile_contexts **ret_tiles, int threads, rt_err *err);
void rt_tile_contexts_free(rt_tile_contexts *tiles);

#endif
