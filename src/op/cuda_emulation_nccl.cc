/* cuda_emulation_nccl.cc - NCCL on the processor: what is queued moves over MPI when its turn on the stream comes.
 *
 * RT_EMULATED_NCCL_FAIL="init R": rank R cannot join, and the others learn of it; "send R": its third ncclSend is refused, the
 * first being the rehearsal's; "run R": its third one fails on the device, when its turn comes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "op/cuda_nccl.h"
extern "C" {
#include "base/ranks.h"
}

struct ncclComm { int sends; };

static const char MARK[] = "id of rank 0";
static std::function<void()> *group;   /* NULL: outside of a group */
static bool aborted;                   /* what is queued gives up when its turn comes */

bool rt_emulated_has_nccl(void) { return !getenv("RT_EMULATED_NO_NCCL"); }

static bool fails(const char *where)
{
    const char *text = getenv("RT_EMULATED_NCCL_FAIL");
    char name[32];
    int rank;
    return text && sscanf(text, "%31s %d", name, &rank) == 2 && strcmp(name, where) == 0 && rank == rt_ranks_self();
}

ncclResult_t ncclGetVersion(int *version) { *version = 22705; return ncclSuccess; }
const char *ncclGetErrorString(ncclResult_t result)
{
    return result == ncclSystemError ? "unhandled system error" : result == ncclRemoteError ? "remote process exited" : "failed";
}

ncclResult_t ncclGetUniqueId(ncclUniqueId *id)
{
    memset(id, 0, sizeof *id);
    strcpy(id->internal + sizeof *id - sizeof MARK, MARK);   /* at the end: all of it is to arrive */
    return ncclSuccess;
}

ncclResult_t ncclCommInitRank(ncclComm_t *comm, int ranks, ncclUniqueId id, int rank)
{
    if (ranks != rt_ranks_count() || rank != rt_ranks_self() || strcmp(id.internal + sizeof id - sizeof MARK, MARK) != 0)
        rt_emulated_fail("nccl: rank %d of %d joins with another id", rank, ranks);
    bool mine = fails("init"), any = rt_ranks_any(mine);
    if (any) return mine ? ncclSystemError : ncclRemoteError;
    *comm = new ncclComm{0};
    aborted = false;
    return ncclSuccess;
}
ncclResult_t ncclCommDestroy(ncclComm_t comm) { delete comm; return ncclSuccess; }
ncclResult_t ncclCommAbort(ncclComm_t comm)
{
    aborted = true;
    return ncclCommDestroy(comm);
}
ncclResult_t ncclCommGetAsyncError(ncclComm_t, ncclResult_t *error) { *error = ncclSuccess; return ncclSuccess; }

/* What is in a group begins when it ends, and stands on the stream as one. */
static ncclResult_t begin(cudaStream_t stream, std::function<void()> move)
{
    std::function<void()> call = [=]() {
        if (!aborted) move();
    };
    if (!group) {
        rt_emulated_queue_call(stream, "nccl", call);
        return ncclSuccess;
    }
    std::function<void()> before = *group;
    *group = [=]() {
        if (before) before();
        call();
    };
    return ncclSuccess;
}

ncclResult_t ncclGroupStart(void)
{
    if (group) rt_emulated_fail("nccl: a group in a group");
    group = new std::function<void()>();
    return ncclSuccess;
}
ncclResult_t ncclGroupEnd(void)
{
    std::function<void()> *all = group;
    if (!all) rt_emulated_fail("nccl: a group ends that did not begin");
    group = NULL;
    if (*all) rt_emulated_queue_call(NULL, "nccl", *all);
    delete all;
    return ncclSuccess;
}

static size_t bytes_of(const void *memory, size_t count, ncclDataType_t type)
{
    rt_emulated_check_pointer("nccl", 0, memory);
    if (type != ncclFloat32) rt_emulated_fail("nccl: only float32 is understood");
    return 4 * count;
}

ncclResult_t ncclSend(const void *from, size_t count, ncclDataType_t type, int peer, ncclComm_t comm, cudaStream_t stream)
{
    size_t bytes = bytes_of(from, count, type);
    bool third = ++comm->sends == 3;
    if (third && fails("send")) return ncclSystemError;
    if (third && fails("run")) return begin(stream, rt_emulated_fail_stream);
    return begin(stream, [=]() { rt_ranks_send(from, (int64_t)bytes, peer); });
}

ncclResult_t ncclRecv(void *to, size_t count, ncclDataType_t type, int peer, ncclComm_t, cudaStream_t stream)
{
    size_t bytes = bytes_of(to, count, type);
    return begin(stream, [=]() { rt_ranks_receive(to, (int64_t)bytes, peer); });
}

ncclResult_t ncclBroadcast(const void *from, void *to, size_t count, ncclDataType_t type, int root, ncclComm_t,
                           cudaStream_t stream)
{
    size_t bytes = bytes_of(to, count, type);
    if (from != to) rt_emulated_fail("nccl: only a broadcast in place is understood");
    return begin(stream, [=]() { rt_ranks_share(to, (int64_t)bytes, root); });
}
