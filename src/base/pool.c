#define _GNU_SOURCE
#include "base/pool.h"

#include <omp.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

struct rt_pool {
    int threads;
    pthread_t *thread;
    pthread_mutex_t lock;
    pthread_cond_t start, finish;
    uint64_t round;             /* incremented for every rt_pool_run */
    int busy;                   /* workers that have not finished this round */
    bool quit;
    bool idle;                  /* measuring: no task is run */
    rt_task *run;
    void *argument;
    int64_t n_task;
    atomic_int_fast64_t next;
};

typedef struct { rt_pool *pool; int worker; } worker_start;

static void take_tasks(rt_pool *pool, int worker)
{
    for (;;) {
        int64_t task = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed);
        if (task >= pool->n_task) return;
        pool->run(pool->argument, task, worker);
    }
}

static void *worker_main(void *start)
{
    rt_pool *pool = ((worker_start *)start)->pool;
    int worker = ((worker_start *)start)->worker;
    free(start);
    omp_set_num_threads(1);   /* oneDNN sizes its team by the calling thread: without this each call takes every core */
    uint64_t seen = 0;
    for (;;) {
        pthread_mutex_lock(&pool->lock);
        while (pool->round == seen && !pool->quit) pthread_cond_wait(&pool->start, &pool->lock);
        seen = pool->round;
        bool quit = pool->quit;
        pthread_mutex_unlock(&pool->lock);
        if (quit) return NULL;
        take_tasks(pool, worker);
        pthread_mutex_lock(&pool->lock);
        if (--pool->busy == 0) pthread_cond_signal(&pool->finish);
        pthread_mutex_unlock(&pool->lock);
    }
}

rt_status rt_pool_create(rt_pool **ret_pool, int threads, rt_err *err)
{
    *ret_pool = NULL;
    if (threads < 1) return rt_fail(err, RT_ERR_USAGE, NULL, 0, "%d threads: at least 1 is needed", threads);
    rt_pool *pool = calloc(1, sizeof *pool);
    if (pool) pool->thread = calloc((size_t)threads, sizeof *pool->thread);
    if (!pool || !pool->thread) {
        free(pool);
        return rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory for %d threads", threads);
    }
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->start, NULL);
    pthread_cond_init(&pool->finish, NULL);
    omp_set_num_threads(1);
    pool->threads = 1;
    for (int i = 1; i < threads; i++) {
        worker_start *start = malloc(sizeof *start);
        if (start) *start = (worker_start){pool, i};
        if (!start || pthread_create(&pool->thread[i], NULL, worker_main, start) != 0) {
            free(start);
            rt_pool_free(pool);
            return rt_fail(err, RT_ERR_MEMORY, NULL, 0, "cannot start thread %d of %d", i + 1, threads);
        }
        pool->threads++;
    }
    *ret_pool = pool;
    return RT_OK;
}

void rt_pool_free(rt_pool *pool)
{
    if (!pool) return;
    pthread_mutex_lock(&pool->lock);
    pool->quit = true;
    pthread_cond_broadcast(&pool->start);
    pthread_mutex_unlock(&pool->lock);
    for (int i = 1; i < pool->threads; i++) pthread_join(pool->thread[i], NULL);
    pthread_mutex_destroy(&pool->lock);
    pthread_cond_destroy(&pool->start);
    pthread_cond_destroy(&pool->finish);
    free(pool->thread);
    free(pool);
}

int rt_pool_threads(const rt_pool *pool) { return pool->threads; }
void rt_pool_set_idle(rt_pool *pool, bool idle) { pool->idle = idle; }

void rt_pool_run(rt_pool *pool, int64_t n_task, rt_task *run, void *argument)
{
    if (n_task <= 0 || pool->idle) return;
    if (pool->threads == 1 || n_task == 1) {
        for (int64_t task = 0; task < n_task; task++) run(argument, task, 0);
        return;
    }
    pthread_mutex_lock(&pool->lock);
    pool->run = run;
    pool->argument = argument;
    pool->n_task = n_task;
    atomic_store_explicit(&pool->next, 0, memory_order_relaxed);
    pool->busy = pool->threads - 1;
    pool->round++;
    pthread_cond_broadcast(&pool->start);
    pthread_mutex_unlock(&pool->lock);
    take_tasks(pool, 0);
    pthread_mutex_lock(&pool->lock);
    while (pool->busy) pthread_cond_wait(&pool->finish, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}

int rt_cpu_count(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}
