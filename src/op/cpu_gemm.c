/* cpu_gemm.c - matrix products through oneDNN, one thread per call from our own pool */
#include <dnnl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "op/cpu.h"
#include "op/cpu_math.h"

struct rt_gemm_plan {
    rt_gemm shape;
    dnnl_primitive_t primitive;
    dnnl_memory_t *memory;      /* for each worker: source, weights, destination, scratchpad */
    int64_t round;              /* when it was last used: see rt_cpu_trim */
    rt_gemm_plan *next;         /* in its bucket */
};

/* A plan takes about 50 KB, and every length of a target needs some 60 of its own. */
enum { BUCKETS = 1024, PLANS_KEPT = 1024 };

typedef struct {
    dnnl_engine_t engine;
    dnnl_stream_t *stream;      /* one per worker */
    rt_gemm_plan *bucket[BUCKETS];
    int64_t n_plan, round;
    char **scratch;             /* one per worker: oneDNN's user scratchpad */
    void **scratch_memory;
    int64_t scratch_bytes;
    int threads;
    bool bf16;
} cpu_state;

static rt_status check(rt_ctx *ctx, dnnl_status_t result, const char *what)
{
    if (result == dnnl_success) return RT_OK;
    return ctx->status = rt_fail(&ctx->err, RT_ERR_UNSUPPORTED, NULL, 0, "oneDNN could not %s (status %d)", what, (int)result);
}

bool rt_cpu_has_bf16(void)
{
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx512bf16");
#else
    return false;
#endif
}

rt_status rt_cpu_open(rt_ctx *ctx, rt_err *err)
{
    rt_status status = RT_OK;
    int threads = rt_pool_threads(ctx->pool);
    cpu_state *state;
    RT_TRY_ALLOC(state, 1);
    ctx->device = state;
    state->threads = threads;
    RT_TRY_ALLOC(state->stream, threads);
    RT_TRY_ALLOC(state->scratch, threads);
    RT_TRY_ALLOC(state->scratch_memory, threads);
    state->bf16 = rt_cpu_has_bf16();
    dnnl_set_primitive_cache_capacity(0);   /* the plans are the cache; oneDNN's own would keep what rt_cpu_trim drops */
    if (dnnl_engine_create(&state->engine, dnnl_cpu, 0) != dnnl_success)
        RT_TRY(rt_fail(err, RT_ERR_UNSUPPORTED, NULL, 0, "oneDNN found no CPU engine"));
    for (int i = 0; i < threads; i++)
        if (dnnl_stream_create(&state->stream[i], state->engine, dnnl_stream_default_flags) != dnnl_success)
            RT_TRY(rt_fail(err, RT_ERR_MEMORY, NULL, 0, "oneDNN could not create a stream"));
done:
    return status;
}

static void free_plan(rt_gemm_plan *plan, int threads)
{
    for (int i = 0; plan->memory && i < 4 * threads; i++)
        if (plan->memory[i]) dnnl_memory_destroy(plan->memory[i]);
    free(plan->memory);
    if (plan->primitive) dnnl_primitive_destroy(plan->primitive);
    free(plan);
}

/* Frees the plans that were last used before `round`. */
static void drop_plans(rt_ctx *ctx, int64_t round)
{
    cpu_state *state = ctx->device;
    for (int i = 0; i < BUCKETS; i++)
        for (rt_gemm_plan **at = &state->bucket[i]; *at;) {
            rt_gemm_plan *plan = *at;
            if (plan->round >= round) {
                at = &plan->next;
                continue;
            }
            *at = plan->next;
            free_plan(plan, rt_pool_threads(ctx->pool));
            state->n_plan--;
        }
}

void rt_cpu_trim(rt_ctx *ctx)
{
    cpu_state *state = ctx->device;
    if (state->n_plan > PLANS_KEPT) drop_plans(ctx, state->round);
    state->round++;
}

int64_t rt_cpu_own_bytes(const rt_ctx *ctx)
{
    enum { PLAN_BYTES = 50000 };   /* measured: code and descriptions of a product */
    const cpu_state *state = ctx->device;
    int64_t used = 0;
    for (int i = 0; i < BUCKETS; i++)
        for (const rt_gemm_plan *plan = state->bucket[i]; plan; plan = plan->next) used += plan->round == state->round;
    return used * PLAN_BYTES + rt_pool_threads(ctx->pool) * state->scratch_bytes;
}

void rt_cpu_next_round(rt_ctx *ctx) { ((cpu_state *)ctx->device)->round++; }

int64_t rt_cpu_plans(const rt_ctx *ctx) { return ((const cpu_state *)ctx->device)->n_plan; }

void rt_cpu_close(rt_ctx *ctx)
{
    cpu_state *state = ctx->device;
    if (!state) return;
    int threads = rt_pool_threads(ctx->pool);
    drop_plans(ctx, INT64_MAX);
    for (int i = 0; i < threads; i++) {
        if (state->stream && state->stream[i]) dnnl_stream_destroy(state->stream[i]);
        if (state->scratch_memory) free(state->scratch_memory[i]);
    }
    if (state->engine) dnnl_engine_destroy(state->engine);
    free(state->stream);
    free(state->scratch);
    free(state->scratch_memory);
    free(state);
    ctx->device = NULL;
}

/* Grows every worker's scratchpad; only called outside a parallel region. */
static rt_status grow_scratch(rt_ctx *ctx, int64_t bytes)
{
    cpu_state *state = ctx->device;
    if (bytes <= state->scratch_bytes) return RT_OK;
    for (int i = 0; i < state->threads; i++) {
        free(state->scratch_memory[i]);
        state->scratch_memory[i] = rt_alloc(bytes + 64, 1, &ctx->err);
        if (!state->scratch_memory[i]) return ctx->status = RT_ERR_MEMORY;
        state->scratch[i] = (char *)(((uintptr_t)state->scratch_memory[i] + 63) / 64 * 64);
    }
    state->scratch_bytes = bytes;
    return RT_OK;
}

static rt_status make_primitive(rt_ctx *ctx, rt_gemm_plan *plan)
{
    cpu_state *state = ctx->device;
    rt_gemm g = plan->shape;
    dnnl_data_type_t type = g.bf16 ? dnnl_bf16 : dnnl_f32;
    dnnl_memory_desc_t a, b, c;
    dnnl_matmul_desc_t desc;
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_primitive_desc_t primitive = NULL;
    dnnl_post_ops_t post = NULL;
    rt_status status = RT_OK;
    RT_TRY(check(ctx, dnnl_memory_desc_init_by_strides(&a, 2, (dnnl_dims_t){g.m, g.k}, type, (dnnl_dims_t){g.a_row, g.a_col}),
                 "describe a matrix"));
    RT_TRY(check(ctx, dnnl_memory_desc_init_by_strides(&b, 2, (dnnl_dims_t){g.k, g.n}, type, (dnnl_dims_t){g.b_row, g.b_col}),
                 "describe a matrix"));
    RT_TRY(check(ctx, dnnl_memory_desc_init_by_strides(&c, 2, (dnnl_dims_t){g.m, g.n}, dnnl_f32, (dnnl_dims_t){g.c_row, 1}),
                 "describe a matrix"));
    RT_TRY(check(ctx, dnnl_matmul_desc_init(&desc, &a, &b, NULL, &c), "describe a product"));
    RT_TRY(check(ctx, dnnl_primitive_attr_create(&attributes), "make attributes"));
    RT_TRY(check(ctx, dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user), "take a scratchpad"));
    if (g.add) {
        RT_TRY(check(ctx, dnnl_post_ops_create(&post), "make a post-op"));
        RT_TRY(check(ctx, dnnl_post_ops_append_sum(post, 1.0f), "append a sum"));
        RT_TRY(check(ctx, dnnl_primitive_attr_set_post_ops(attributes, post), "set post-ops"));
    }
    RT_TRY(check(ctx, dnnl_primitive_desc_create(&primitive, &desc, attributes, state->engine, NULL), "plan a matrix product"));
    RT_TRY(check(ctx, dnnl_primitive_create(&plan->primitive, primitive), "compile a matrix product"));
    const dnnl_memory_desc_t *scratch = dnnl_primitive_desc_query_md(primitive, dnnl_query_scratchpad_md, 0);
    RT_TRY(grow_scratch(ctx, (int64_t)dnnl_memory_desc_get_size(scratch)));
    const dnnl_memory_desc_t *described[4] = {&a, &b, &c, scratch};
    for (int i = 0; i < 4 * state->threads; i++)
        RT_TRY(check(ctx, dnnl_memory_create(&plan->memory[i], described[i % 4], state->engine, DNNL_MEMORY_NONE),
                     "wrap memory"));
done:
    if (post) dnnl_post_ops_destroy(post);
    if (attributes) dnnl_primitive_attr_destroy(attributes);
    if (primitive) dnnl_primitive_desc_destroy(primitive);
    return status;
}

static uint64_t hash_shape(const rt_gemm *g)
{
    const int64_t part[] = {g->m, g->n, g->k, g->a_row, g->a_col, g->b_row, g->b_col, g->c_row, g->bf16 * 2 + g->add};
    uint64_t hash = 0;
    for (int i = 0; i < (int)(sizeof part / sizeof *part); i++) {
        hash = (hash ^ (uint64_t)part[i]) * 0x9E3779B97F4A7C15ull;
        hash ^= hash >> 29;
    }
    return hash;
}

static bool same_shape(const rt_gemm *a, const rt_gemm *b)
{
    return a->m == b->m && a->n == b->n && a->k == b->k && a->a_row == b->a_row && a->a_col == b->a_col && a->b_row == b->b_row &&
           a->b_col == b->b_col && a->c_row == b->c_row && a->bf16 == b->bf16 && a->add == b->add;
}

const rt_gemm_plan *rt_gemm_prepare(rt_ctx *ctx, rt_gemm shape)
{
    if (ctx->status != RT_OK) return NULL;
    cpu_state *state = ctx->device;
    rt_gemm_plan **slot = &state->bucket[hash_shape(&shape) % BUCKETS];
    for (rt_gemm_plan *plan = *slot; plan; plan = plan->next)
        if (same_shape(&plan->shape, &shape)) {
            if (plan->round != state->round) plan->round = state->round;   /* workers in tiles only read */
            return plan;
        }
    if (ctx->in_tile && !ctx->measuring) RT_BUG("a tile needs a product that its rehearsal did not plan");
    rt_gemm_plan *plan = rt_alloc(1, sizeof *plan, &ctx->err);
    if (plan) plan->memory = rt_alloc(4 * state->threads, sizeof *plan->memory, &ctx->err);
    if (!plan || !plan->memory) {
        free(plan);
        ctx->status = RT_ERR_MEMORY;
        return NULL;
    }
    plan->shape = shape;
    plan->round = state->round;
    if (make_primitive(ctx, plan) != RT_OK) {
        free_plan(plan, state->threads);
        return NULL;
    }
    plan->next = *slot;
    *slot = plan;
    state->n_plan++;
    return plan;
}

void rt_gemm_run(rt_ctx *ctx, const rt_gemm_plan *plan, const void *a, const void *b, float *c, int worker)
{
    cpu_state *state = ctx->device;
    worker += ctx->worker;
    dnnl_memory_t *memory = plan->memory + 4 * worker;
    dnnl_memory_set_data_handle(memory[0], (void *)(uintptr_t)a);
    dnnl_memory_set_data_handle(memory[1], (void *)(uintptr_t)b);
    dnnl_memory_set_data_handle(memory[2], c);
    dnnl_memory_set_data_handle(memory[3], state->scratch[worker]);
    const dnnl_exec_arg_t arguments[] = {{DNNL_ARG_SRC, memory[0]},
                                         {DNNL_ARG_WEIGHTS, memory[1]},
                                         {DNNL_ARG_DST, memory[2]},
                                         {DNNL_ARG_SCRATCHPAD, memory[3]}};
    if (dnnl_primitive_execute(plan->primitive, state->stream[worker], 4, arguments) != dnnl_success)
        RT_BUG("oneDNN refused a product that it had planned");
}

char *rt_cpu_scratch(rt_ctx *ctx, int64_t bytes)
{
    return RT_NEW_TYPE(ctx, RT_U8, rt_pool_threads(ctx->pool) * rt_scratch_stride(bytes)).data;
}
