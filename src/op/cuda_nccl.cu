/* cuda_nccl.cu - see cuda_nccl.h */
#include "op/cuda_nccl.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern "C" {
#include "base/memory.h"
#include "base/ranks.h"
}

#define LIBRARY(X)                                                                                                    \
    X(ncclGetVersion) X(ncclGetErrorString) X(ncclGetUniqueId) X(ncclCommInitRank) X(ncclCommDestroy)                 \
    X(ncclCommAbort) X(ncclCommGetAsyncError) X(ncclGroupStart) X(ncclGroupEnd) X(ncclSend) X(ncclRecv) X(ncclBroadcast)

static struct {
#define X(name) decltype(&::name) name;
    LIBRARY(X)
#undef X
    ncclComm_t comm;   /* NULL: not joined */
    int version;
    ncclResult_t last;   /* of what went wrong */
} nccl;

enum { WHY = 240 };

/* NCCL with its own threads stays once it is there. */
#ifdef RT_CUDA_EMULATED
static bool load(char *out_why)
{
    snprintf(out_why, WHY, "libnccl.so.2 was not found");
#define X(name) nccl.name = ::name;
    LIBRARY(X)
#undef X
    return rt_emulated_has_nccl();
}
#else
static bool load(char *out_why)
{
    void *library = dlopen("libnccl.so.2", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    snprintf(out_why, WHY, "libnccl.so.2 was not found");
    if (!library) {   /* one that is there and does not load has a reason of its own */
        const char *why = dlerror();
        if (why && !strstr(why, "No such file")) snprintf(out_why, WHY, "%s", why);
        return false;
    }
#define X(name)                                                                                                       \
    nccl.name = (decltype(nccl.name))dlsym(library, #name);                                                           \
    if (!nccl.name) return snprintf(out_why, WHY, "libnccl.so.2 lacks " #name), false;
    LIBRARY(X)
#undef X
    return true;
}
#endif

/* ---- joining ------------------------------------------------------------------------------------------------------ */

typedef struct {
    bool failed, of_itself;   /* not because another rank has */
    char why[WHY];
} verdict;

/* (all ranks) True when every rank is well; else out_why names the first that is not, of itself if there is one. */
static bool all_well(bool well, const char *why, char *out_why, int64_t size)
{
    verdict mine = {}, *all;
    int ranks = rt_ranks_count(), bad = -1;
    mine.failed = !well, mine.of_itself = nccl.last != ncclRemoteError;
    if (!well) snprintf(mine.why, sizeof mine.why, "%s", why);
    all = (verdict *)rt_alloc(ranks, sizeof *all, NULL);
    if (!all) RT_BUG("no memory for %d ranks", ranks);
    rt_ranks_gather(all, &mine, sizeof mine);
    for (int r = ranks - 1; r >= 0; r--)
        if (all[r].failed && (bad < 0 || all[r].of_itself || !all[bad].of_itself)) bad = r;
    if (bad >= 0) snprintf(out_why, (size_t)size, "rank %d: %s", bad, all[bad].why);
    free(all);
    return bad < 0;
}

/* What went wrong at `what`, in one line; NULL: nothing. */
static const char *complaint(ncclResult_t result, const char *what)
{
    static char text[WHY];
    if (result == ncclSuccess) return NULL;
    nccl.last = result;
    snprintf(text, sizeof text, "NCCL: %s: %s", what, nccl.ncclGetErrorString(result));
    return text;
}

/* Until the stream is done; the complaint, or NULL.  A lost rank leaves NCCL's kernels waiting for it on the device for ever:
 * NCCL learns of it by itself and says so only when it is asked. */
static const char *wait_for(cudaStream_t stream)
{
    static char text[WHY];
    for (;;) {
        ncclResult_t result = ncclSuccess;
        cudaError_t error = cudaStreamQuery(stream);
        if (error == cudaSuccess) return NULL;
        if (error != cudaErrorNotReady) {
            snprintf(text, sizeof text, "CUDA: waiting for the other ranks' devices: %s", cudaGetErrorString(error));
            return text;
        }
        if (nccl.ncclCommGetAsyncError(nccl.comm, &result) != ncclSuccess || (result != ncclSuccess && result != ncclInProgress))
            return complaint(result == ncclSuccess ? ncclSystemError : result, "an exchange between ranks");
        usleep(50);
    }
}

static ncclResult_t collect(float *slots, int64_t count, const bool *opt_takes_part, cudaStream_t stream)
{
    int self = rt_ranks_self(), slot = !opt_takes_part || opt_takes_part[0];
    if (self > 0 && opt_takes_part && !opt_takes_part[self]) return ncclSuccess;
    if (self > 0) return nccl.ncclSend(slots, (size_t)count, ncclFloat32, 0, nccl.comm, stream);
    ncclResult_t result = nccl.ncclGroupStart(), ended;   /* all at once: each comes over a link of its own */
    for (int r = 1; r < rt_ranks_count() && result == ncclSuccess; r++)
        if (!opt_takes_part || opt_takes_part[r])
            result = nccl.ncclRecv(slots + slot++ * count, (size_t)count, ncclFloat32, r, nccl.comm, stream);
    ended = nccl.ncclGroupEnd();
    return result == ncclSuccess ? ended : result;
}

static ncclResult_t spread(float *data, int64_t count, cudaStream_t stream)
{
    return nccl.ncclBroadcast(data, data, (size_t)count, ncclFloat32, 0, nccl.comm, stream);
}

/* The exchanges that are to come, once: whom a rank talks with NCCL connects, with memory for it, when it first does. */
static bool rehearse(float *stage, int64_t floats, char *out_why, int64_t size)
{
    cudaStream_t stream = NULL;
    const char *why = NULL;
    int64_t count = floats / rt_ranks_count();
    if (cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking) != cudaSuccess) why = "CUDA: no stream for exchanges";
    if (!why) why = complaint(collect(stage, count, NULL, stream), "the first exchange");
    if (!why) why = complaint(spread(stage, count, stream), "the first exchange");
    bool well = all_well(!why, why, out_why, size);
    if (well) {
        why = wait_for(stream);
        well = all_well(!why, why, out_why, size);
    }
    if (!well) rt_nccl_leave(true);   /* first: the stream's work may wait for others */
    if (stream) cudaStreamDestroy(stream);
    return well;
}

bool rt_nccl_join(float *stage, int64_t floats, char *out_why, int64_t size)
{
    char why[WHY];
    ncclUniqueId id = {};
    if (!all_well(load(why), why, out_why, size)) return false;
    nccl.ncclGetVersion(&nccl.version);
    const char *bad = rt_ranks_lead() ? complaint(nccl.ncclGetUniqueId(&id), "ncclGetUniqueId") : NULL;
    if (!all_well(!bad, bad, out_why, size)) return false;
    rt_ranks_share(&id, sizeof id, 0);
    bad = complaint(nccl.ncclCommInitRank(&nccl.comm, rt_ranks_count(), id, rt_ranks_self()), "joining the ranks");
    if (bad) nccl.comm = NULL;
    if (!all_well(!bad, bad, out_why, size)) {
        rt_nccl_leave(true);
        return false;
    }
    return rehearse(stage, floats, out_why, size);
}

bool rt_nccl_joined(void) { return nccl.comm != NULL; }
int rt_nccl_version(void) { return nccl.version; }

void rt_nccl_leave(bool failed)
{
    if (nccl.comm && failed) nccl.ncclCommAbort(nccl.comm);
    else if (nccl.comm) nccl.ncclCommDestroy(nccl.comm);
    nccl.comm = NULL;
}

/* ---- exchanges ---------------------------------------------------------------------------------------------------- */

static void fail(rt_ctx *ctx, const char *opt_why)
{
    if (!opt_why || ctx->status != RT_OK) return;
    ctx->status = rt_fail(&ctx->err, RT_ERR_UNSUPPORTED, NULL, 0, "%s", opt_why);
    rt_hint(&ctx->err, "NCCL_DEBUG=WARN NCCL_DEBUG_FILE=nccl.%%h.%%p in the environment say more; --resume goes on");
}

void rt_nccl_collect(rt_ctx *ctx, float *slots, int64_t count, const bool *takes_part)
{
    if (ctx->status == RT_OK) fail(ctx, complaint(collect(slots, count, takes_part, rt_cuda_stream(ctx)), "gradients to rank 0"));
}

void rt_nccl_spread(rt_ctx *ctx, float *data, int64_t count)
{
    if (ctx->status == RT_OK) fail(ctx, complaint(spread(data, count, rt_cuda_stream(ctx)), "weights from rank 0"));
}

void rt_nccl_wait(rt_ctx *ctx)
{
    if (ctx->status == RT_OK) fail(ctx, wait_for(rt_cuda_stream(ctx)));
}
