/* arena.h - a stack of memory for tensors: push, mark, reset
 * Room: base.  Uses: base/status.
 *
 * An arena reserves address space once and commits pages as they are touched, so a pointer never moves and releasing
 * is one assignment.  Its capacity is a limit that is obeyed: a push beyond it returns NULL and the caller reports
 * RT_ERR_MEMORY with the arena's own figures.
 */
#ifndef RT_BASE_ARENA_H
#define RT_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef struct rt_arena rt_arena;

/* capacity: bytes, rounded up to a page.  `name` appears in errors and is copied. */
rt_status rt_arena_create(rt_arena **ret_arena, const char *name, int64_t capacity, rt_err *err);
/* The same for finding out how much would be used: address space of which nobody is to touch much (what is touched all the
 * same is there), and which a checker of memory leaves alone. */
rt_status rt_arena_create_measuring(rt_arena **ret_arena, const char *name, int64_t capacity, rt_err *err);
/* An arena without memory of its own: rt_arena_borrow gives it a piece of another's, which must outlive its use. */
rt_status rt_arena_create_borrowing(rt_arena **ret_arena, const char *name, rt_err *err);
void rt_arena_borrow(rt_arena *arena, void *memory, int64_t bytes);
/* All that `from` has left, which does not count as used there; before anything is pushed on `from` it must be reset. */
void rt_arena_borrow_rest(rt_arena *arena, const rt_arena *from);
/* An arena on `memory` of a device, which the caller keeps and frees. */
rt_status rt_arena_create_on(rt_arena **ret_arena, const char *name, void *memory, int64_t capacity, rt_err *err);
void rt_arena_free(rt_arena *arena);

/* Uninitialised memory aligned to 64 bytes; NULL when the capacity is exhausted (then rt_arena_wanted() tells how much
 * would have been needed). */
void *rt_arena_push(rt_arena *arena, int64_t bytes);

/* The same for what only the host uses.  On a device's arena it lies in the host's memory, and is released by the same reset,
 * because the device's bytes at its place stay unused; on others this is rt_arena_push. */
void *rt_arena_push_host(rt_arena *arena, int64_t bytes);

/* Everything pushed after the mark was taken is released by the reset. */
int64_t rt_arena_mark(const rt_arena *arena);
void rt_arena_reset(rt_arena *arena, int64_t mark);

/* No push succeeds any more: the rest of the capacity is given up. */
void rt_arena_seal(rt_arena *arena);
bool rt_arena_on_device(const rt_arena *arena);

/* Gives the pages above the current mark back to the system (after a large target, before a small one). */
void rt_arena_trim(rt_arena *arena);

int64_t rt_arena_used(const rt_arena *arena);
int64_t rt_arena_peak(const rt_arena *arena);   /* highest use since creation or rt_arena_peak_reset() */
int64_t rt_arena_wanted(const rt_arena *arena); /* bytes that the last failed push would have brought the use to */
int64_t rt_arena_capacity(const rt_arena *arena);
const char *rt_arena_name(const rt_arena *arena);
void rt_arena_peak_reset(rt_arena *arena);

/* Bytes of memory that the machine can still give to this process (MemAvailable), or the total if unknown. */
int64_t rt_memory_available(void);
/* Peak resident set of this process in bytes. */
int64_t rt_memory_peak_rss(void);

#endif
