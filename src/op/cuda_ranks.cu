/* cuda_ranks.cu - see cuda_ranks.h */
#include "op/cuda_nccl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern "C" {
#include "base/memory.h"
#include "base/ranks.h"
#include "op/cuda_ranks.h"
}

/* NCCL_*_BYTES: what NCCL takes for itself, an estimate on the safe side; what it is seen to take counts when it is more.
 * SETTLE_EVERY: pieces that are queued before the ranks agree: a queue that is full would block a rank before. */
static const int64_t NCCL_BYTES = (int64_t)256 << 20, NCCL_PEER_BYTES = (int64_t)64 << 20;
enum { SETTLE_EVERY = 16 };

static struct {
    int device;
    float *stage;
    float *host;         /* as large, where NCCL does not carry it; NULL: it does */
    int64_t nccl_bytes;  /* that it was seen to take */
} state;

/* Of the device's memory that NCCL sends from and receives into: its own allocation, not the managed memory under the arenas. */
static int64_t stage_bytes(void)
{
    int64_t bytes = (int64_t)32 << 20;
#ifdef RT_CUDA_EMULATED
    bytes = rt_emulated_number("RT_EMULATED_STAGE", (int)bytes);   /* few: small tensors go in many pieces, too */
#endif
    return bytes;
}

int rt_cuda_taken(void) { return state.device; }

extern "C" rt_cuda_seat rt_cuda_take(int local)
{
    rt_cuda_seat place = {};
    cudaDeviceProp prop;
    if (cudaGetDeviceCount(&place.count) != cudaSuccess || place.count < 1) return place;
    place.index = state.device = local % place.count;
    if (cudaGetDeviceProperties(&prop, place.index) != cudaSuccess || cudaSetDevice(place.index) != cudaSuccess) return place;
    memcpy(place.uuid, &prop.uuid, sizeof place.uuid);
    snprintf(place.name, sizeof place.name, "%.60s", prop.name);
    snprintf(place.bus, sizeof place.bus, "%04x:%02x:%02x.0", prop.pciDomainID, prop.pciBusID & 0xff, prop.pciDeviceID & 0xff);
    place.usable = true;
    return place;
}

/* ---- tensors as one row ------------------------------------------------------------------------------------------- */

typedef struct {
    float *data;
    uint16_t *opt_bf16;
    int64_t first;   /* element of the row */
} part;

static __device__ __forceinline__ const part *find_part(const part *parts, int64_t n, int64_t element)
{
    int64_t low = 0, high = n - 1;
    while (low < high) {
        int64_t middle = (low + high + 1) / 2;
        if (parts[middle].first <= element) low = middle;
        else high = middle - 1;
    }
#ifdef RT_CUDA_EMULATED
    rt_emulated_check_pointer("ranks", 0, parts[low].data);
    rt_emulated_check_pointer("ranks", 1, parts[low].opt_bf16);
#endif
    return parts + low;
}

/* Elements from .. from + count - 1 of the row. */
static __global__ void flatten(float *row, const part *parts, int64_t n, int64_t from, int64_t count)
{
    int64_t i = rt_thread();
    if (i >= count) return;
    const part *p = find_part(parts, n, from + i);
    row[i] = p->data[from + i - p->first];
}

/* The slots' elements added to the tensors', one slot after the other. */
static __global__ void add_slots(const part *parts, int64_t n, int64_t from, int64_t count, const float *slots, int n_slot)
{
    int64_t i = rt_thread();
    if (i >= count) return;
    const part *p = find_part(parts, n, from + i);
    float x = p->data[from + i - p->first];
    for (int slot = 0; slot < n_slot; slot++) x += slots[slot * count + i];
    p->data[from + i - p->first] = x;
}

static __global__ void unflatten(const part *parts, int64_t n, int64_t from, int64_t count, const float *row)
{
    int64_t i = rt_thread();
    if (i >= count) return;
    const part *p = find_part(parts, n, from + i);
    p->data[from + i - p->first] = row[i];
    if (p->opt_bf16) p->opt_bf16[from + i - p->first] = rt_round_bf16(row[i]);
}

/* A table of the tensors on the device, and their elements. */
static const part *list_parts(rt_ctx *ctx, const rt_tensor *tensor, const rt_tensor *opt_bf16, int64_t n, int64_t *out_total)
{
    int64_t bytes = n * (int64_t)sizeof(part);
    rt_tensor list = rt_new_host(ctx, RT_U8, 1, &bytes);
    part *p = (part *)list.data;
    *out_total = 0;
    for (int64_t i = 0; i < n; i++) {
        RT_REQUIRE(tensor[i].dtype == RT_F32);
        part one = {(float *)tensor[i].data, opt_bf16 ? (uint16_t *)opt_bf16[i].data : NULL, *out_total};
        if (p) p[i] = one;
        *out_total += rt_count(tensor[i]);
    }
    return (const part *)rt_upload(ctx, list).data;
}

/* ---- beginning and end -------------------------------------------------------------------------------------------- */

static int64_t free_bytes(void)
{
    size_t left = 0, total = 0;
    return cudaMemGetInfo(&left, &total) == cudaSuccess ? (int64_t)left : 0;
}

/* A kernel is loaded when it is first launched, which waits for what runs; and NCCL's wait for other ranks. */
static void load_kernels(void)
{
    const void *const kernels[] = {(const void *)flatten, (const void *)add_slots, (const void *)unflatten};
    cudaFuncAttributes attributes;
    for (const void *kernel : kernels) cudaFuncGetAttributes(&attributes, kernel);
    cudaGetLastError();   /* a launch says so, too */
}

extern "C" rt_status rt_cuda_ranks_open(bool distinct, char *out_way, int64_t size, rt_err *err)
{
    rt_status status = RT_OK;
    char why[300] = "ranks share a GPU";
    int version;
    cudaError_t error = cudaMalloc((void **)&state.stage, (size_t)stage_bytes());
    if (error != cudaSuccess)
        status = rt_fail(err, RT_ERR_MEMORY, NULL, 0, "CUDA: %lld MiB for what ranks exchange: %s",
                         (long long)(stage_bytes() >> 20), cudaGetErrorString(error));
    status = rt_ranks_agree(status, err);
    if (status != RT_OK) return status;
    load_kernels();
    int64_t before = free_bytes();
    if (distinct && rt_nccl_join(state.stage, stage_bytes() / (int64_t)sizeof(float), why, sizeof why)) {
        state.nccl_bytes = before - free_bytes();
        version = rt_nccl_version();
        snprintf(out_way, (size_t)size, "from GPU to GPU by NCCL %d.%d.%d", version / 10000, version / 100 % 100, version % 100);
        return RT_OK;
    }
    snprintf(out_way, (size_t)size, "through the host's memory, not by NCCL (%s)", why);
    state.host = (float *)rt_alloc(stage_bytes(), 1, err);
    return rt_ranks_agree(state.host ? RT_OK : RT_ERR_MEMORY, err);
}

extern "C" void rt_cuda_ranks_close(bool failed)
{
    rt_nccl_leave(failed);
    if (state.stage) cudaFree(state.stage);
    free(state.host);
    state.stage = state.host = NULL;
}

extern "C" int64_t rt_cuda_ranks_bytes(int64_t *opt_taken)
{
    int64_t estimate = NCCL_BYTES + NCCL_PEER_BYTES * (rt_ranks_count() - 1), seen = rt_nccl_joined() ? state.nccl_bytes : 0;
    if (opt_taken) *opt_taken = state.stage ? stage_bytes() + (seen > 0 ? seen : 0) : 0;
    if (!state.stage) return 0;
    return stage_bytes() + (!rt_nccl_joined() ? 0 : seen > estimate ? seen : estimate);
}

/* ---- exchanges ---------------------------------------------------------------------------------------------------- */

/* (all ranks) All that was queued is done, on every rank or none.  A rank whose device fails while it waits says so alone: the
 * others' devices may be waiting for it, and end with it. */
static rt_status settle(rt_ctx *ctx, rt_err *err)
{
    if (!rt_nccl_joined()) rt_cuda_sync(ctx);
    if (ctx->status != RT_OK) *err = ctx->err;
    rt_status status = rt_ranks_agree(ctx->status, err);
    if (status != RT_OK) {
        rt_nccl_leave(true);
        return status;
    }
    if (rt_nccl_joined()) rt_nccl_wait(ctx);
    if (ctx->status != RT_OK) *err = ctx->err;
    return ctx->status;
}

/* What NCCL does, through the host and MPI.  A rank whose device has failed sends what it has: the others wait for it. */
static void collect_by_host(rt_ctx *ctx, float *slots, int64_t count, const bool *takes_part)
{
    int64_t bytes = count * (int64_t)sizeof(float), slot = takes_part[0];
    if (!rt_ranks_lead() && takes_part[rt_ranks_self()]) {
        rt_cuda_move(ctx, state.host, slots, bytes);
        rt_cuda_sync(ctx);
        rt_ranks_send(state.host, bytes, 0);
    }
    for (int r = 1; r < rt_ranks_count() && rt_ranks_lead(); r++) {
        if (!takes_part[r]) continue;
        rt_ranks_receive(state.host, bytes, r);
        rt_cuda_move(ctx, slots + slot++ * count, state.host, bytes);
        rt_cuda_sync(ctx);
    }
}

static void spread_by_host(rt_ctx *ctx, float *row, int64_t count)
{
    int64_t bytes = count * (int64_t)sizeof(float);
    if (rt_ranks_lead()) rt_cuda_move(ctx, state.host, row, bytes);
    rt_cuda_sync(ctx);
    rt_ranks_share(state.host, bytes, 0);
    rt_cuda_move(ctx, row, state.host, bytes);
    rt_cuda_sync(ctx);
}

extern "C" rt_status rt_cuda_ranks_add(rt_ctx *ctx, const rt_tensor *sum, const rt_tensor *mine, int64_t n,
                                       const bool *takes_part, rt_err *err)
{
    rt_status status = RT_OK;
    int self = rt_ranks_self(), n_slot = 0;
    int64_t mark = rt_arena_mark(ctx->step), total, piece = stage_bytes() / (int64_t)sizeof(float) / rt_ranks_count();
    for (int r = 0; r < rt_ranks_count(); r++) n_slot += takes_part[r];
    const part *from = list_parts(ctx, mine, NULL, n, &total);
    const part *to = rt_ranks_lead() ? list_parts(ctx, sum, NULL, n, &total) : NULL;
    for (int64_t at = 0, queued = 1; at < total && n_slot && status == RT_OK; at += piece, queued++) {
        int64_t count = total - at < piece ? total - at : piece, grid = rt_blocks(count, RT_THREADS);
        if (takes_part[self]) RT_LAUNCH(ctx, flatten, grid, RT_THREADS, 0, state.stage, from, n, at, count);
        if (rt_nccl_joined()) rt_nccl_collect(ctx, state.stage, count, takes_part);
        else collect_by_host(ctx, state.stage, count, takes_part);
        if (rt_ranks_lead()) RT_LAUNCH(ctx, add_slots, grid, RT_THREADS, 0, to, n, at, count, state.stage, n_slot);
        if (queued % SETTLE_EVERY == 0) status = settle(ctx, err);
    }
    if (status == RT_OK) status = settle(ctx, err);
    rt_arena_reset(ctx->step, mark);
    return status;
}

extern "C" rt_status rt_cuda_ranks_share(rt_ctx *ctx, const rt_tensor *value, const rt_tensor *opt_bf16, int64_t n, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t mark = rt_arena_mark(ctx->step), total, piece = stage_bytes() / (int64_t)sizeof(float);
    const part *parts = list_parts(ctx, value, opt_bf16, n, &total);
    for (int64_t at = 0, queued = 1; at < total && status == RT_OK; at += piece, queued++) {
        int64_t count = total - at < piece ? total - at : piece, grid = rt_blocks(count, RT_THREADS);
        if (rt_ranks_lead()) RT_LAUNCH(ctx, flatten, grid, RT_THREADS, 0, state.stage, parts, n, at, count);
        if (rt_nccl_joined()) rt_nccl_spread(ctx, state.stage, count);
        else spread_by_host(ctx, state.stage, count);
        RT_LAUNCH(ctx, unflatten, grid, RT_THREADS, 0, parts, n, at, count, state.stage);
        if (queued % SETTLE_EVERY == 0) status = settle(ctx, err);
    }
    if (status == RT_OK) status = settle(ctx, err);
    rt_arena_reset(ctx->step, mark);
    return status;
}
