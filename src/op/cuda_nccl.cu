/* cuda_nccl.cu - see cuda_nccl.h */
#include "op/cuda_nccl.h"

#include <dlfcn.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern "C" {
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/ranks.h"
}

#define LIBRARY(X)                                                                                                    \
    X(ncclGetVersion) X(ncclGetErrorString) X(ncclGetUniqueId) X(ncclCommInitRankConfig) X(ncclCommDestroy)           \
    X(ncclCommAbort) X(ncclCommGetAsyncError) X(ncclGroupStart) X(ncclGroupEnd) X(ncclSend) X(ncclRecv) X(ncclBroadcast)

static struct {
#define X(name) decltype(&::name) name;
    LIBRARY(X)
#undef X
    ncclComm_t comm;   /* NULL: not joined */
    int version;
    ncclResult_t last;   /* of what went wrong; ncclInProgress: nothing happened for too long */
    char why[240];       /* it, in one line */
} nccl;

enum { WHY = sizeof nccl.why };

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
static bool all_well(const char *opt_why, char *out_why, int64_t size)
{
    verdict mine = {}, *all;
    int ranks = rt_ranks_count(), bad = -1;
    mine.failed = opt_why, mine.of_itself = nccl.last != ncclRemoteError && nccl.last != ncclInProgress;
    if (opt_why) snprintf(mine.why, sizeof mine.why, "%s", opt_why);
    all = (verdict *)rt_alloc(ranks, sizeof *all, NULL);
    if (!all) RT_BUG("no memory for %d ranks", ranks);
    rt_ranks_gather(all, &mine, sizeof mine);
    for (int r = ranks - 1; r >= 0; r--)
        if (all[r].failed && (bad < 0 || all[r].of_itself || !all[bad].of_itself)) bad = r;
    if (bad >= 0) snprintf(out_why, (size_t)size, "rank %d: %s", bad, all[bad].why);
    free(all);
    return bad < 0;
}

/* Notes what went wrong, and returns it. */
__attribute__((format(printf, 2, 3))) static const char *complain(ncclResult_t result, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(nccl.why, sizeof nccl.why, format, arguments);
    va_end(arguments);
    nccl.last = result;
    return nccl.why;
}

static bool is_bad(ncclResult_t result) { return result != ncclSuccess && result != ncclInProgress; }

/* What went wrong at `what`; NULL: nothing. */
static const char *complaint(ncclResult_t result, const char *what)
{
    return is_bad(result) ? complain(result, "NCCL: %s: %s", what, nccl.ncclGetErrorString(result)) : NULL;
}

static const char *cuda_complaint(cudaError_t error, const char *what)
{
    return error == cudaSuccess ? NULL : complain(ncclSystemError, "CUDA: %s: %s", what, cudaGetErrorString(error));
}

/* How long joining, and each exchange of the rehearsal, may take: with links that work it is a few seconds. */
static int patience(void)
{
#ifdef RT_CUDA_EMULATED
    return rt_emulated_number("RT_EMULATED_NCCL_SECONDS", 60);
#else
    return 60;
#endif
}

static double deadline(void) { return rt_clock() + patience(); }

static const char *look_again(double end, const char *what)
{
    if (rt_clock() > end) return complain(ncclInProgress, "NCCL: %s did not end within %d s", what, patience());
    usleep(50);
    return NULL;
}

/* NCCL's calls do not wait (see rt_nccl_join); until this one is through; the complaint, or NULL. */
static const char *see_through(ncclResult_t result, const char *what, double end)
{
    const char *why = NULL;
    while (result == ncclInProgress && !why) {
        if (nccl.ncclCommGetAsyncError(nccl.comm, &result) != ncclSuccess) result = ncclSystemError;
        if (result == ncclInProgress) why = look_again(end, what);
    }
    return why ? why : complaint(result, what);
}

/* Until the stream is done; the complaint, or NULL.  A lost rank leaves NCCL's kernels waiting for it on the device for ever:
 * NCCL learns of it by itself and says so only when it is asked.  Of a link that loses what it is given it never learns. */
static const char *wait_for(cudaStream_t stream, const char *what, double end)
{
    const char *why = NULL;
    while (!why) {
        ncclResult_t result = ncclSuccess;
        cudaError_t error = cudaStreamQuery(stream);
        if (error == cudaSuccess) return NULL;
        if (error != cudaErrorNotReady) return cuda_complaint(error, "waiting for the other ranks' devices");
        if (nccl.ncclCommGetAsyncError(nccl.comm, &result) != ncclSuccess) result = ncclSystemError;
        why = is_bad(result) ? complaint(result, what) : look_again(end, what);
    }
    return why;
}

static const char *collect(float *slots, int64_t count, const bool *opt_takes_part, cudaStream_t stream, const char *what,
                           double end)
{
    int self = rt_ranks_self(), slot = !opt_takes_part || opt_takes_part[0];
    if (self > 0 && opt_takes_part && !opt_takes_part[self]) return NULL;
    if (self > 0) return see_through(nccl.ncclSend(slots, (size_t)count, ncclFloat32, 0, nccl.comm, stream), what, end);
    ncclResult_t result = nccl.ncclGroupStart(), ended;   /* all at once: each comes over a link of its own */
    for (int r = 1; r < rt_ranks_count() && !is_bad(result); r++)
        if (!opt_takes_part || opt_takes_part[r])
            result = nccl.ncclRecv(slots + slot++ * count, (size_t)count, ncclFloat32, r, nccl.comm, stream);
    ended = nccl.ncclGroupEnd();
    return see_through(is_bad(result) ? result : ended, what, end);
}

static const char *spread(float *data, int64_t count, cudaStream_t stream, const char *what, double end)
{
    return see_through(nccl.ncclBroadcast(data, data, (size_t)count, ncclFloat32, 0, nccl.comm, stream), what, end);
}

/* ---- the rehearsal ------------------------------------------------------------------------------------------------ */

/* What `sender` sends at i; all of 24 bits, so that no rank's row looks like another's or like itself moved. */
static float known_number(int sender, int64_t i)
{
    return (float)(((uint32_t)i * 2654435761u + (uint32_t)sender * 2246822519u) >> 8);
}

static const char *put_known(float *stage, float *host, int64_t count, int sender, cudaStream_t stream)
{
    for (int64_t i = 0; i < count; i++) host[i] = known_number(sender, i);
    cudaError_t error = cudaMemcpyAsync(stage, host, (size_t)count * sizeof *host, cudaMemcpyDefault, stream);
    return cuda_complaint(error == cudaSuccess ? cudaStreamSynchronize(stream) : error, "known numbers for the first exchange");
}

static const char *compare_known(const float *row, float *host, int64_t count, int sender, const char *what, cudaStream_t stream)
{
    cudaError_t error = cudaMemcpyAsync(host, row, (size_t)count * sizeof *host, cudaMemcpyDefault, stream);
    if (error == cudaSuccess) error = cudaStreamSynchronize(stream);
    for (int64_t i = 0; i < count && error == cudaSuccess; i++)
        if (host[i] != known_number(sender, i))   /* rank 0 has two rows: see rehearse_spread */
            return complain(ncclSystemError, "NCCL: %s brought wrong numbers of rank %d", what, sender % rt_ranks_count());
    return cuda_complaint(error, "numbers of the first exchange");
}

/* Every rank's row to rank 0, which compares; stage and host: `floats` long. */
static const char *rehearse_collect(float *stage, float *host, int64_t floats, cudaStream_t stream)
{
    const char what[] = "the first exchange, to rank 0,";
    int64_t count = floats / rt_ranks_count();
    double end = deadline();
    const char *why = put_known(stage, host, floats, rt_ranks_self(), stream);
    if (!why) why = collect(stage, count, NULL, stream, what, end);
    if (!why) why = wait_for(stream, what, end);
    for (int r = 0; r < rt_ranks_count() && rt_ranks_lead() && !why; r++)
        why = compare_known(stage + r * count, host, count, r, what, stream);
    return why;
}

/* Rank 0's row, of numbers that no rank has yet, to all, who compare. */
static const char *rehearse_spread(float *stage, float *host, int64_t floats, cudaStream_t stream)
{
    const char what[] = "the first exchange, from rank 0,", *why = NULL;
    int sender = rt_ranks_count();
    double end = deadline();
    if (rt_ranks_lead()) why = put_known(stage, host, floats, sender, stream);
    if (!why) why = spread(stage, floats, stream, what, end);
    if (!why) why = wait_for(stream, what, end);
    return why ? why : compare_known(stage, host, floats, sender, what, stream);
}

/* The exchanges that are to come, once: whom a rank talks with NCCL connects, with memory for it, when it first does.  Cards
 * that cannot read each other's memory (behind an IOMMU, say) join all the same: then an exchange hangs or brings wrong
 * numbers, and no call fails. */
static bool rehearse(float *stage, int64_t floats, char *out_why, int64_t size)
{
    cudaStream_t stream = NULL;
    float *host = (float *)rt_alloc(floats, sizeof *host, NULL);
    const char *why = host ? NULL : complain(ncclSystemError, "no memory for the first exchange");
    if (!why) why = cuda_complaint(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "a stream for exchanges");
    bool well = all_well(why, out_why, size);
    if (well) well = all_well(rehearse_collect(stage, host, floats, stream), out_why, size);
    if (well) well = all_well(rehearse_spread(stage, host, floats, stream), out_why, size);
    if (!well) rt_nccl_leave(true);   /* first: the stream's work may wait for others */
    if (stream) cudaStreamDestroy(stream);
    free(host);
    return well;
}

/* With blocking = 0 calls return ncclInProgress and go on in a thread of NCCL's: one that hangs can be given up. */
static const char *join_ranks(ncclUniqueId id)
{
    const char what[] = "joining the ranks";
    ncclConfig_t config = {sizeof config, 0xcafebeef, 21400, 0};
    double end = deadline();
    ncclResult_t result = nccl.ncclCommInitRankConfig(&nccl.comm, rt_ranks_count(), id, rt_ranks_self(), &config);
    return see_through(result, what, end);
}

bool rt_nccl_join(float *stage, int64_t floats, char *out_why, int64_t size)
{
    char why[WHY];
    ncclUniqueId id = {};
    const char *wanted = getenv("RT_NCCL");   /* mpirun need not give it to every machine */
    if (rt_ranks_any(wanted && strcmp(wanted, "0") == 0)) return snprintf(out_why, (size_t)size, "RT_NCCL=0"), false;
    if (!all_well(load(why) ? NULL : why, out_why, size)) return false;
    nccl.ncclGetVersion(&nccl.version);
    rt_info("joining %d GPUs by NCCL: a few seconds, at most %d; with RT_NCCL=0 in the environment it is not tried",
            rt_ranks_count(), patience());
    const char *bad = rt_ranks_lead() ? complaint(nccl.ncclGetUniqueId(&id), "ncclGetUniqueId") : NULL;
    if (!all_well(bad, out_why, size)) return false;
    rt_ranks_share(&id, sizeof id, 0);
    if (all_well(join_ranks(id), out_why, size)) return rehearse(stage, floats, out_why, size);
    rt_nccl_leave(true);
    return false;
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
    rt_hint(&ctx->err, "NCCL_DEBUG=WARN NCCL_DEBUG_FILE=nccl.%%h.%%p in the environment say more, RT_NCCL=0 does without NCCL; "
                       "--resume goes on");
}

/* Without a deadline: another rank's device may have much to do before. */
void rt_nccl_collect(rt_ctx *ctx, float *slots, int64_t count, const bool *takes_part)
{
    if (ctx->status == RT_OK) fail(ctx, collect(slots, count, takes_part, rt_cuda_stream(ctx), "gradients to rank 0", INFINITY));
}

void rt_nccl_spread(rt_ctx *ctx, float *data, int64_t count)
{
    if (ctx->status == RT_OK) fail(ctx, spread(data, count, rt_cuda_stream(ctx), "weights from rank 0", INFINITY));
}

void rt_nccl_wait(rt_ctx *ctx)
{
    if (ctx->status == RT_OK) fail(ctx, wait_for(rt_cuda_stream(ctx), "an exchange between ranks", INFINITY));
}
