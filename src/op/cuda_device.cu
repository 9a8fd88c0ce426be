/* cuda_device.cu - the device: opened and closed, its memory, its stream */
#include "op/cuda_gemm.h"

#include <stdlib.h>

extern "C" {
#include "base/log.h"
#include "base/memory.h"
#include "op/cuda_ranks.h"
#include "op/placement.h"
}

/* What the backend keeps in ctx->device. */
struct rt_cuda {
    cudaStream_t stream;
    void *memory;         /* under the step arena */
    void *workspace;      /* of cuBLASLt's products */
    void *aside;          /* the host's, locked */
    rt_cuda_products *products;
    bool bf16;
    bool reads_host;      /* the device reads any memory of the host's by itself (HMM, ATS) */
    int64_t own_bytes, bytes;   /* bytes: of `memory` */
    int64_t queued;
};

/* What a process takes of a device with a context, cuBLASLt's kernels and a graph: an estimate on the safe side.
 * LATER_BYTES: of that what a device that has just been opened does not show as taken yet, kernels that are loaded when
 * they first run. */
static const int64_t CONTEXT_BYTES = (int64_t)576 << 20, LATER_BYTES = (int64_t)256 << 20, PAGE = 65536;
static const int64_t WORKSPACE_BYTES = (int64_t)32 << 20;   /* what cuBLASLt asks for on the newest devices */

static rt_cuda *state(const rt_ctx *ctx) { return (rt_cuda *)ctx->device; }

rt_cuda_products *rt_cuda_products_of(const rt_ctx *ctx) { return state(ctx)->products; }
cudaStream_t rt_cuda_stream(const rt_ctx *ctx) { return state(ctx)->stream; }

void rt_cuda_check(rt_ctx *ctx, cudaError_t error, const char *what)
{
    if (error == cudaSuccess || ctx->status != RT_OK) return;
    ctx->status = rt_fail(&ctx->err, error == cudaErrorMemoryAllocation ? RT_ERR_MEMORY : RT_ERR_UNSUPPORTED, NULL, 0,
                          "CUDA: %s: %s", what, cudaGetErrorString(error));
}

static rt_status cuda_fail(rt_err *err, cudaError_t error, const char *what)
{
    return rt_fail(err, error == cudaErrorMemoryAllocation ? RT_ERR_MEMORY : RT_ERR_UNSUPPORTED, NULL, 0, "CUDA: %s: %s",
                   what, cudaGetErrorString(error));
}

/* Pages that are the device's once they are touched, and stay there; the host reaches them when the device is idle. */
static cudaError_t allocate_managed(void **out, int64_t bytes)
{
    cudaError_t error = cudaMallocManaged(out, (size_t)bytes, cudaMemAttachGlobal);
    if (error != cudaSuccess) return error;
#if CUDART_VERSION >= 13000
    cudaMemLocation place = {};
    place.type = cudaMemLocationTypeDevice, place.id = rt_cuda_taken();
    cudaMemAdvise(*out, (size_t)bytes, cudaMemAdviseSetPreferredLocation, place);
#else
    cudaMemAdvise(*out, (size_t)bytes, cudaMemAdviseSetPreferredLocation, rt_cuda_taken());
#endif
    cudaGetLastError();   /* advice that a system does not take is no failure */
    return cudaSuccess;
}

static __global__ void nothing(int) {}   /* asked which of the build's codes the device runs */

/* Bytes for the arena of a process that may take `memory`, with own_bytes beside it; managed memory beyond what is free would
 * be moved in and out all the time. */
static int64_t arena_bytes(int64_t memory, int64_t own_bytes, int64_t free_bytes)
{
    int64_t ranks_taken, ranks = rt_cuda_ranks_bytes(&ranks_taken), sharers = rt_placement_sharers(RT_BACKEND_CUDA);
    int64_t to_come = LATER_BYTES + (ranks > ranks_taken ? ranks - ranks_taken : 0);
    int64_t fits = free_bytes / sharers - to_come, wanted = memory - own_bytes;
    if (wanted > fits && fits > 0)
        rt_info("the GPU has %.2f GiB free for tensors: these are used, not the %.2f that the limit of memory would leave",
                (double)fits / (1 << 30), (double)wanted / (1 << 30));
    return (wanted > fits ? fits : wanted) / PAGE * PAGE;
}

extern "C" rt_status rt_cuda_open(rt_ctx *ctx, int64_t memory, rt_err *err)
{
    rt_status status = RT_OK;
    cudaError_t error;
    size_t free_bytes = 0, total = 0;
    rt_cuda *c = (rt_cuda *)rt_alloc(1, sizeof *c, err);
    if (!c) return RT_ERR_MEMORY;
    ctx->device = c;
    if ((error = cudaSetDevice(rt_cuda_taken())) != cudaSuccess) return cuda_fail(err, error, "cudaSetDevice");
    cudaDeviceProp prop;
    if ((error = cudaGetDeviceProperties(&prop, rt_cuda_taken())) != cudaSuccess)
        return cuda_fail(err, error, "cudaGetDeviceProperties");
    cudaFuncAttributes code;
    if ((error = cudaFuncGetAttributes(&code, (const void *)nothing)) != cudaSuccess)
        return cuda_fail(err, error, "this build has no code for the device");
    c->bf16 = prop.major >= 8 && code.ptxVersion >= 80;   /* code for older devices runs on newer ones, without bf16 */
    c->reads_host = prop.pageableMemoryAccess != 0;
    if ((error = cudaStreamCreateWithFlags(&c->stream, cudaStreamNonBlocking)) != cudaSuccess)
        return cuda_fail(err, error, "cudaStreamCreate");
    if ((error = cudaMalloc(&c->workspace, (size_t)WORKSPACE_BYTES)) != cudaSuccess) return cuda_fail(err, error, "cudaMalloc");
    RT_TRY(rt_cuda_products_create(&c->products, c->workspace, WORKSPACE_BYTES, err));
    if ((error = cudaMemGetInfo(&free_bytes, &total)) != cudaSuccess) return cuda_fail(err, error, "cudaMemGetInfo");
    c->own_bytes = CONTEXT_BYTES + WORKSPACE_BYTES + rt_cuda_ranks_bytes(NULL) + PAGE;   /* a page for what rounding loses */
    memory = arena_bytes(memory, c->own_bytes - PAGE, (int64_t)free_bytes);
    if (memory <= 0)
        return rt_fail(err, RT_ERR_MEMORY, NULL, 0, "of the device's memory CUDA itself takes %.2f GiB, and no more may be used",
                       (double)c->own_bytes / (1 << 30));
    c->bytes = memory;
    if ((error = allocate_managed(&c->memory, memory)) != cudaSuccess) return cuda_fail(err, error, "cudaMallocManaged");
    RT_TRY(rt_arena_create_on(&ctx->step, "activation", c->memory, memory, err));
done:
    return status;
}

extern "C" void rt_cuda_close(rt_ctx *ctx)
{
    rt_cuda *c = state(ctx);
    if (!c) return;
    if (c->stream) cudaStreamSynchronize(c->stream), cudaStreamDestroy(c->stream);
    rt_cuda_products_free(c->products);
    if (c->workspace) cudaFree(c->workspace);
    if (c->memory) cudaFree(c->memory);
    if (c->aside) cudaFreeHost(c->aside);
    free(c);
    ctx->device = NULL;
}

void rt_cuda_count(rt_ctx *ctx) { state(ctx)->queued++; }
extern "C" int64_t rt_cuda_queued(const rt_ctx *ctx) { return state(ctx)->queued; }

extern "C" rt_status rt_cuda_host_memory(rt_ctx *ctx, void **out_memory, int64_t bytes, rt_err *err)
{
    cudaError_t error = cudaMallocHost(&state(ctx)->aside, (size_t)bytes);
    if (error != cudaSuccess) {
        cudaGetLastError();
        state(ctx)->aside = NULL;
        return cuda_fail(err, error, "cudaMallocHost");
    }
    *out_memory = state(ctx)->aside;
    return RT_OK;
}

extern "C" int64_t rt_cuda_own_bytes(const rt_ctx *ctx) { return state(ctx)->own_bytes; }

extern "C" int64_t rt_cuda_memory_available(void)
{
    size_t free_bytes = 0, total = 0;
    int64_t ranks_taken;
    rt_cuda_ranks_bytes(&ranks_taken);   /* rt_cuda_open takes it off again */
    if (cudaSetDevice(rt_cuda_taken()) != cudaSuccess || cudaMemGetInfo(&free_bytes, &total) != cudaSuccess) return 0;
    return (int64_t)free_bytes + ranks_taken;
}

extern "C" void rt_cuda_prefetch(rt_ctx *ctx)
{
    size_t bytes = (size_t)rt_arena_used(ctx->step);
    if (ctx->measuring || bytes == 0) return;
#if CUDART_VERSION >= 13000
    cudaMemLocation place = {};
    place.type = cudaMemLocationTypeDevice, place.id = rt_cuda_taken();
    cudaMemPrefetchAsync(state(ctx)->memory, bytes, place, 0, rt_cuda_stream(ctx));
#else
    cudaMemPrefetchAsync(state(ctx)->memory, bytes, rt_cuda_taken(), rt_cuda_stream(ctx));
#endif
    cudaGetLastError();   /* where pages do not move ahead they move when they are read */
}

extern "C" void rt_cuda_sync(rt_ctx *ctx)
{
    if (!ctx->measuring) rt_cuda_check(ctx, cudaStreamSynchronize(state(ctx)->stream), "waiting for the device");
}

extern "C" bool rt_cuda_has_bf16(const rt_ctx *ctx) { return state(ctx)->bf16; }

static bool is_recorded(cudaStream_t stream)
{
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    return cudaStreamIsCapturing(stream, &status) == cudaSuccess && status == cudaStreamCaptureStatusActive;
}

/* The host may change or free `opt_from` as soon as this returns.  A copy from its memory is staged before
 * cudaMemcpyAsync returns, but not where the device reads that memory itself: then it need not have begun. */
extern "C" void rt_cuda_move(rt_ctx *ctx, void *to, const void *opt_from, int64_t bytes)
{
    if (ctx->status != RT_OK || ctx->measuring || bytes == 0) return;
    cudaStream_t stream = rt_cuda_stream(ctx);
    const rt_cuda *c = state(ctx);
    const char *begin = (const char *)c->memory, *from = (const char *)opt_from;
    bool from_host = from && (from < begin || from >= begin + c->bytes);
    if (from_host && is_recorded(stream)) {   /* it would be read anew each time, from memory that is another's by then */
        ctx->status = rt_fail(&ctx->err, RT_ERR_UNSUPPORTED, NULL, 0, "it copies from the host's memory");
        return;
    }
    /* between two places of managed memory the direction must be said where it is recorded */
    bool within = from && !from_host && (const char *)to >= begin && (const char *)to < begin + c->bytes;
    rt_cuda_count(ctx);
    cudaMemcpyKind kind = within ? cudaMemcpyDeviceToDevice : cudaMemcpyDefault;
    rt_cuda_check(ctx, from ? cudaMemcpyAsync(to, from, (size_t)bytes, kind, stream)
                            : cudaMemsetAsync(to, 0, (size_t)bytes, stream), "a copy");
    if (c->reads_host && from_host) rt_cuda_sync(ctx);
}

extern "C" void rt_cuda_convert(rt_ctx *ctx, rt_tensor out, rt_tensor in)
{
    if (out.dtype == in.dtype) rt_cuda_move(ctx, out.data, in.data, rt_bytes(in));
    else if (out.dtype == RT_BF16 && in.dtype == RT_F32)
        rt_cuda_to_bf16(ctx, (uint16_t *)out.data, (const float *)in.data, rt_count(in));
    else if (out.dtype == RT_F32 && in.dtype == RT_BF16)
        rt_cuda_from_bf16(ctx, (float *)out.data, (const uint16_t *)in.data, rt_count(in));
    else {   /* what is read from a file, now and then */
        rt_cuda_sync(ctx);
        if (ctx->status == RT_OK && !ctx->measuring) rt_convert(out.data, out.dtype, in.data, in.dtype, rt_count(in));
    }
}
