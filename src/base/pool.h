/* pool.h - our own threads: a fixed set of workers that share a numbered list of tasks
 * Room: base.  Uses: base/status.
 *
 * How a problem is cut into tasks depends on the problem alone, each task writes memory that no other task writes, and
 * partial sums are added afterwards in the order of the tasks.  So 1 and 2 threads give the same bytes.
 */
#ifndef RT_BASE_POOL_H
#define RT_BASE_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

typedef struct rt_pool rt_pool;

/* task: 0 .. n_task-1.  worker: 0 .. threads-1, the same number never runs two tasks at once: an index for scratch. */
typedef void rt_task(void *argument, int64_t task, int worker);

/* threads >= 1; the caller of rt_pool_run is worker 0. */
rt_status rt_pool_create(rt_pool **ret_pool, int threads, rt_err *err);
void rt_pool_free(rt_pool *pool);
int rt_pool_threads(const rt_pool *pool);

/* An idle pool runs nothing: rt_pool_run returns at once (see rt_ctx_measure_begin). */
void rt_pool_set_idle(rt_pool *pool, bool idle);

/* Runs every task and returns when all are done.  Not reentrant: a task must not call it. */
void rt_pool_run(rt_pool *pool, int64_t n_task, rt_task *run, void *argument);

/* Processors that this process may use. */
int rt_cpu_count(void);

#endif
