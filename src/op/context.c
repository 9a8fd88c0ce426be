#include "op/backend.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "op/cpu.h"
#include "op/cuda.h"
#include "op/tiles.h"

static const char *const OP_NAMES[] = {
#define RT_OP(name, parameters, arguments, help) #name,
#include "op/ops.def"
#undef RT_OP
};

int rt_op_count(void) { return (int)(sizeof OP_NAMES / sizeof *OP_NAMES); }
const char *rt_op_name(int index) { return OP_NAMES[index]; }

void rt_ctx_sync(rt_ctx *ctx)
{
    if (ctx->on_device) rt_cuda_sync(ctx);
}

rt_status rt_ctx_create(rt_ctx **ret_ctx, rt_backend_kind kind, int threads, int64_t memory, rt_err *err)
{
    static const rt_backend *const TABLE[] = {&rt_backend_cpu, &rt_backend_ref_f32, &rt_backend_ref_f64, &rt_backend_cuda};
    rt_status status = RT_OK;
    *ret_ctx = NULL;
    if (kind == RT_BACKEND_CUDA) {
        const char *why = rt_cuda_unavailable();
        if (why) {
            rt_fail(err, RT_ERR_UNSUPPORTED, NULL, 0, "no CUDA device can be used: %s", why);
            return rt_cuda_advice()[0] ? rt_hint(err, "%s", rt_cuda_advice()) : RT_ERR_UNSUPPORTED;
        }
    }
    rt_ctx *ctx = rt_alloc(1, sizeof *ctx, err);
    if (!ctx) return RT_ERR_MEMORY;
    ctx->op = TABLE[kind];
    ctx->on_device = kind == RT_BACKEND_CUDA;
    ctx->real = kind == RT_BACKEND_REF64 ? RT_F64 : RT_F32;
    RT_TRY(rt_pool_create(&ctx->pool, threads, err));
    if (kind == RT_BACKEND_CUDA) RT_TRY(rt_cuda_open(ctx, memory, err));
    else RT_TRY(rt_arena_create(&ctx->step, "activation", memory, err));
    if (kind == RT_BACKEND_CPU) {
        RT_TRY(rt_cpu_open(ctx, err));
        RT_TRY(rt_tile_contexts_create(&ctx->tiles, threads, err));
    }
    *ret_ctx = ctx;
    ctx = NULL;
done:
    rt_ctx_free(ctx);
    return status;
}

void rt_ctx_free(rt_ctx *ctx)
{
    if (!ctx) return;
    if (ctx->op == &rt_backend_cpu) rt_cpu_close(ctx);
    rt_arena_free(ctx->aside);
    if (ctx->on_device) rt_cuda_close(ctx);
    rt_tile_contexts_free(ctx->tiles);
    rt_arena_free(ctx->step);
    rt_pool_free(ctx->pool);
    free(ctx);
}

/* The program, its libraries, threads' stacks, and files that are being written. */
static const int64_t PROGRAM_BYTES = 96 << 20;

int64_t rt_ctx_rest_bytes(const rt_ctx *ctx) { return ctx->on_device ? rt_cuda_own_bytes(ctx) : PROGRAM_BYTES; }

int64_t rt_backend_memory(rt_backend_kind kind)
{
    return kind == RT_BACKEND_CUDA ? rt_cuda_memory_available() : rt_memory_available();
}

rt_status rt_ctx_arena_create(rt_ctx *opt_ctx, rt_arena **ret_arena, const char *name, int64_t bytes, rt_err *err)
{
    if (!opt_ctx || !opt_ctx->on_device) return rt_arena_create(ret_arena, name, bytes, err);
    int64_t page = 65536, room = rt_arena_capacity(opt_ctx->step) - rt_arena_used(opt_ctx->step);
    bytes = (bytes + page - 1) / page * page;
    if (bytes > room) bytes = room / page * page;   /* a push that does not fit says so */
    *ret_arena = NULL;
    void *memory = rt_arena_push(opt_ctx->step, bytes);
    RT_REQUIRE(memory);
    return rt_arena_create_on(ret_arena, name, memory, bytes, err);
}

void rt_ctx_arena_settle(rt_ctx *opt_ctx, rt_arena *arena)
{
    if (!opt_ctx || !opt_ctx->on_device) return;
    int64_t unused = (rt_arena_capacity(arena) - rt_arena_used(arena)) / 64 * 64;
    rt_arena_reset(opt_ctx->step, rt_arena_used(opt_ctx->step) - unused);
    rt_arena_seal(arena);
    rt_cuda_prefetch(opt_ctx);
}

void rt_ctx_trim(rt_ctx *ctx)
{
    rt_arena_trim(ctx->step);
    rt_arena_peak_reset(ctx->step);
    if (ctx->op == &rt_backend_cpu) rt_cpu_trim(ctx);
}

bool rt_ctx_can_measure(const rt_ctx *ctx) { return ctx->op == &rt_backend_cpu || ctx->on_device; }
bool rt_ctx_has_bf16(const rt_ctx *ctx)
{
    return ctx->on_device ? rt_cuda_has_bf16(ctx) : ctx->op == &rt_backend_cpu && rt_cpu_has_bf16();
}

rt_status rt_ctx_measure_begin(rt_ctx *ctx, rt_ctx_measure *out_measure, rt_err *err)
{
    enum { TIMES = 4 };   /* what needs more than so many times the memory is known not to fit */
    RT_REQUIRE(rt_ctx_can_measure(ctx) && !ctx->measuring);
    rt_ctx_sync(ctx);   /* layers read weights while they are measured, and wait for nothing then */
    rt_arena *arena;
    rt_status status = rt_arena_create_measuring(&arena, "measuring", TIMES * rt_arena_capacity(ctx->step), err);
    if (status != RT_OK) return status;
    out_measure->aside = ctx->aside;
    if (ctx->offload) status = rt_arena_create_measuring(&ctx->aside, "put aside", TIMES * rt_memory_available(), err);
    if (status != RT_OK) {
        ctx->aside = out_measure->aside;
        rt_arena_free(arena);
        return status;
    }
    out_measure->step = ctx->step;
    ctx->step = arena;
    ctx->measuring = true;
    if (!ctx->on_device) rt_cpu_next_round(ctx);
    rt_pool_set_idle(ctx->pool, true);
    return RT_OK;
}

int64_t rt_ctx_measure_end(rt_ctx *ctx, rt_ctx_measure *measure)
{
    int64_t bytes = rt_arena_peak(ctx->step);
    /* a device's run was seen to take up to 0.2% more than it was measured to: 1% stands for that */
    bytes += ctx->on_device ? bytes / 100 : rt_cpu_own_bytes(ctx);
    rt_arena_free(ctx->step);
    if (ctx->offload) {
        ctx->aside_bytes = rt_arena_peak(ctx->aside);
        rt_arena_free(ctx->aside);
        ctx->aside = measure->aside;
    }
    ctx->step = measure->step;
    ctx->measuring = false;
    rt_pool_set_idle(ctx->pool, false);
    return bytes;
}

rt_status rt_ctx_take(rt_ctx *ctx, rt_err *err)
{
    rt_ctx_sync(ctx);
    rt_status status = ctx->status;
    if (status != RT_OK && err) *err = ctx->err;
    ctx->status = RT_OK;
    return status;
}

void rt_replay_run(rt_ctx *ctx, rt_replay *replay, rt_replay_work *work, void *user)
{
    int64_t mark = rt_arena_mark(ctx->step);
    bool record = ctx->on_device && !ctx->measuring && !ctx->probe && !ctx->dropout && ctx->status == RT_OK;
    if (!record || replay->refused || !rt_ctx_go_on(ctx)) {
        work(ctx, user);
    } else if (replay->runs++ == 0) {   /* before the first run not all kernels are loaded */
        int64_t before = rt_cuda_queued(ctx);
        work(ctx, user);
        replay->mark = mark;
        /* a long target's kernels take longer than their launches, and its graph much of the device's memory */
        replay->refused = rt_cuda_queued(ctx) - before > RT_REPLAY_MOST || replay->expected < RT_REPLAY_RUNS;
    } else {
        RT_REQUIRE(mark == replay->mark);
        if (!replay->recording) replay->recording = rt_cuda_record(ctx, work, user);
        replay->refused = !replay->recording;
        if (replay->recording) rt_cuda_replay(ctx, replay->recording);
        else work(ctx, user);
    }
}

void rt_replay_end(rt_replay *replay)
{
    rt_cuda_recording_free(replay->recording);
    *replay = (rt_replay){0};
}

bool rt_ctx_go_on(rt_ctx *ctx)
{
    if (ctx->status == RT_OK && ctx->opt_stop && ctx->opt_stop())
        ctx->status = rt_fail(&ctx->err, RT_ERR_STOPPED, NULL, 0, "stopped");
    return ctx->status == RT_OK;
}

static rt_tensor push(rt_ctx *ctx, bool host, rt_dtype dtype, int ndim, const int64_t *dim)
{
    rt_tensor t = rt_wrap(NULL, dtype, ndim, dim);
    if (ctx->status != RT_OK) return t;
    int64_t bytes = rt_dtype_size(dtype);
    for (int i = 0; i < ndim; i++)
        if (!rt_multiply(bytes, dim[i], &bytes)) RT_BUG("a tensor of more than 2^63 bytes");
    t.data = host ? rt_arena_push_host(ctx->step, bytes) : rt_arena_push(ctx->step, bytes);
    if (!t.data) {
        ctx->status = rt_fail(&ctx->err, RT_ERR_MEMORY, NULL, 0,
                              "this needs more than %.1f GiB of memory, %.1f GiB are available",
                              (double)rt_arena_wanted(ctx->step) / (1 << 30), (double)rt_arena_capacity(ctx->step) / (1 << 30));
        rt_hint(&ctx->err, "a shorter target, fewer samples or a machine with more memory");
    }
    return t;
}

rt_tensor rt_new_shape(rt_ctx *ctx, rt_dtype dtype, int ndim, const int64_t *dim) { return push(ctx, false, dtype, ndim, dim); }
rt_tensor rt_new_host(rt_ctx *ctx, rt_dtype dtype, int ndim, const int64_t *dim) { return push(ctx, true, dtype, ndim, dim); }

rt_tensor rt_new_like(rt_ctx *ctx, rt_tensor t) { return rt_new_shape(ctx, ctx->real, t.ndim, t.dim); }

/* Memory moved or cleared by all workers: one alone takes as long as a product over the same tensor. */
enum { MOVE_BYTES = 1 << 18 };

typedef struct {
    char *to;
    const char *opt_from;
    int64_t bytes;
} move_job;

static void move_task(void *argument, int64_t task, int worker)
{
    (void)worker;
    const move_job *job = argument;
    int64_t first = task * MOVE_BYTES, count = job->bytes - first < MOVE_BYTES ? job->bytes - first : MOVE_BYTES;
    if (job->opt_from) memcpy(job->to + first, job->opt_from + first, (size_t)count);
    else memset(job->to + first, 0, (size_t)count);
}

static void move(rt_ctx *ctx, void *to, const void *opt_from, int64_t bytes)
{
    move_job job = {to, opt_from, bytes};
    if (ctx->on_device) rt_cuda_move(ctx, to, opt_from, bytes);
    else if (ctx->status == RT_OK && !ctx->measuring)
        rt_pool_run(ctx->pool, (bytes + MOVE_BYTES - 1) / MOVE_BYTES, move_task, &job);
}

rt_tensor rt_new_copy(rt_ctx *ctx, rt_tensor t)
{
    rt_tensor copy = rt_new_like(ctx, t);
    if (copy.dtype == t.dtype) move(ctx, copy.data, t.data, rt_bytes(t));
    else if (ctx->on_device) rt_cuda_convert(ctx, copy, t);
    else if (ctx->status == RT_OK && !ctx->measuring) rt_convert(copy.data, copy.dtype, t.data, t.dtype, rt_count(t));
    return copy;
}

rt_tensor rt_put_aside(rt_ctx *ctx, rt_tensor t)
{
    if (!ctx->offload || ctx->status != RT_OK) return rt_new_copy(ctx, t);
    rt_tensor waiting = rt_wrap(NULL, t.dtype, t.ndim, t.dim);
    waiting.data = rt_arena_push(ctx->aside, rt_bytes(t));
    if (!waiting.data)
        ctx->status = rt_fail(&ctx->err, RT_ERR_MEMORY, NULL, 0, "what is put aside needs more of the host's memory");
    rt_cuda_move(ctx, waiting.data, t.data, rt_bytes(t));
    return waiting;
}

int64_t rt_aside_mark(const rt_ctx *ctx) { return ctx->offload ? rt_arena_mark(ctx->aside) : 0; }

void rt_aside_reset(rt_ctx *ctx, int64_t mark)
{
    if (ctx->offload) rt_arena_reset(ctx->aside, mark);   /* what is queued is done in its order */
}

rt_status rt_ctx_offload(rt_ctx *ctx, int64_t bytes, rt_err *err)
{
    void *memory;
    RT_REQUIRE(ctx->on_device && !ctx->aside && !ctx->measuring);
    rt_status status = rt_cuda_host_memory(ctx, &memory, bytes, err);
    if (status == RT_OK) status = rt_arena_create_on(&ctx->aside, "put aside", memory, bytes, err);
    ctx->offload = status == RT_OK;
    return status;
}

rt_tensor rt_upload(rt_ctx *ctx, rt_tensor t)
{
    if (!ctx->on_device || !t.data || ctx->status != RT_OK) return t;
    rt_tensor copy = rt_new_shape(ctx, t.dtype, t.ndim, t.dim);
    rt_cuda_move(ctx, copy.data, t.data, rt_bytes(t));
    return copy;
}

rt_tensor rt_as_f32(rt_ctx *ctx, rt_tensor t)
{
    if (t.dtype == RT_F32 || ctx->status != RT_OK) return t;
    rt_tensor copy = rt_new_shape(ctx, RT_F32, t.ndim, t.dim);
    if (copy.data && !ctx->measuring) rt_convert(copy.data, RT_F32, t.data, t.dtype, rt_count(t));
    return copy;
}

void rt_zero(rt_ctx *ctx, rt_tensor t) { move(ctx, t.data, NULL, rt_bytes(t)); }

void rt_probe_named(rt_ctx *ctx, rt_tensor tensor, int64_t part, const char *format, ...)
{
    char name[256];
    va_list args;
    va_start(args, format);
    vsnprintf(name, sizeof name, format, args);
    va_end(args);
    rt_ctx_sync(ctx);
    ctx->probe(ctx->probe_user, ctx, tensor, part, name);
}
