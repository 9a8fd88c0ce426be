/* cuda_emulation_nccl.cc - NCCL on the processor: what is queued moves over MPI when its turn on the stream comes.
 *
 * RT_EMULATED_NCCL_FAIL="join R": rank R cannot join, and the others' joining never ends (with -1 nobody's does); "wrong R": a
 * number of its first ncclSend is another; "lost R": one of the first broadcast to it; "hang R": that one never ends there;
 * "send R": its third ncclSend is refused, the first being the rehearsal's; "run R": its third one fails on the device, when its
 * turn comes. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "op/cuda_nccl.h"
extern "C" {
#include "base/ranks.h"
}

struct ncclComm {
    int sends, broadcasts;
    int busy;              /* how often the last call is still under way when asked */
    ncclResult_t result;   /* of it */
};

static const char MARK[] = "id of rank 0";
static std::function<void()> *group;   /* NULL: outside of a group */
static ncclComm_t grouped;             /* of what is in it */
static bool aborted;                   /* what is queued gives up when its turn comes */

bool rt_emulated_has_nccl(void) { return !getenv("RT_EMULATED_NO_NCCL"); }

static bool fails(const char *where, int whose = rt_ranks_self())
{
    const char *text = getenv("RT_EMULATED_NCCL_FAIL");
    char name[32];
    int rank;
    return text && sscanf(text, "%31s %d", name, &rank) == 2 && strcmp(name, where) == 0 && rank == whose;
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

/* Of a call that goes on by itself. */
static ncclResult_t go_on(ncclComm_t comm, ncclResult_t result)
{
    comm->busy = 2, comm->result = result;
    return ncclInProgress;
}

/* No call may be made before the last one is through. */
static void check_ready(ncclComm_t comm, const char *call)
{
    if (comm->busy || comm->result != ncclSuccess) rt_emulated_fail("nccl: %s before the call in front is through", call);
}

ncclResult_t ncclCommInitRankConfig(ncclComm_t *comm, int ranks, ncclUniqueId id, int rank, ncclConfig_t *config)
{
    if (ranks != rt_ranks_count() || rank != rt_ranks_self() || strcmp(id.internal + sizeof id - sizeof MARK, MARK) != 0)
        rt_emulated_fail("nccl: rank %d of %d joins with another id", rank, ranks);
    if (config->size != 24 || config->magic != 0xcafebeefu || config->version != 21400 || config->blocking != 0)
        rt_emulated_fail("nccl: the configuration is not one of 2.14.0");
    bool mine = fails("join", rank), any = rt_ranks_any(mine || fails("join", -1));
    *comm = new ncclComm{};
    aborted = false;
    go_on(*comm, mine ? ncclSystemError : ncclSuccess);
    if (any && !mine) (*comm)->busy = INT_MAX;
    return ncclInProgress;
}
ncclResult_t ncclCommDestroy(ncclComm_t comm)
{
    check_ready(comm, "ncclCommDestroy");
    delete comm;
    return ncclSuccess;
}
ncclResult_t ncclCommAbort(ncclComm_t comm)
{
    aborted = true;
    rt_emulated_hang_stream(false);
    delete comm;
    return ncclSuccess;
}
ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t *error)
{
    *error = comm->busy ? ncclInProgress : comm->result;
    if (comm->busy) comm->busy--;
    return ncclSuccess;
}

/* What is in a group begins when it ends, and stands on the stream as one. */
static ncclResult_t begin(ncclComm_t comm, cudaStream_t stream, std::function<void()> move)
{
    std::function<void()> call = [=]() {
        if (!aborted) move();
    };
    check_ready(comm, "another");
    if (!group) {
        rt_emulated_queue_call(stream, "nccl", call);
        return go_on(comm, ncclSuccess);
    }
    std::function<void()> before = *group;
    *group = [=]() {
        if (before) before();
        call();
    };
    grouped = comm;
    return ncclSuccess;
}

ncclResult_t ncclGroupStart(void)
{
    if (group) rt_emulated_fail("nccl: a group in a group");
    group = new std::function<void()>();
    grouped = NULL;
    return ncclSuccess;
}
ncclResult_t ncclGroupEnd(void)
{
    std::function<void()> *all = group;
    if (!all) rt_emulated_fail("nccl: a group ends that did not begin");
    group = NULL;
    if (*all) rt_emulated_queue_call(NULL, "nccl", *all);
    delete all;
    return grouped ? go_on(grouped, ncclSuccess) : ncclSuccess;
}

static size_t bytes_of(const void *memory, size_t count, ncclDataType_t type)
{
    rt_emulated_check_pointer("nccl", 0, memory);
    if (type != ncclFloat32) rt_emulated_fail("nccl: only float32 is understood");
    return 4 * count;
}

static void spoil_last(void *row, size_t bytes) { ((char *)row)[bytes - 1] ^= 1; }

ncclResult_t ncclSend(const void *from, size_t count, ncclDataType_t type, int peer, ncclComm_t comm, cudaStream_t stream)
{
    size_t bytes = bytes_of(from, count, type);
    bool third = ++comm->sends == 3, wrong = comm->sends == 1 && fails("wrong");
    if (third && fails("send")) return ncclSystemError;
    if (third && fails("run")) return begin(comm, stream, rt_emulated_fail_stream);
    return begin(comm, stream, [=]() {
        if (wrong) spoil_last((void *)from, bytes);
        rt_ranks_send(from, (int64_t)bytes, peer);
    });
}

ncclResult_t ncclRecv(void *to, size_t count, ncclDataType_t type, int peer, ncclComm_t comm, cudaStream_t stream)
{
    size_t bytes = bytes_of(to, count, type);
    return begin(comm, stream, [=]() { rt_ranks_receive(to, (int64_t)bytes, peer); });
}

ncclResult_t ncclBroadcast(const void *from, void *to, size_t count, ncclDataType_t type, int root, ncclComm_t comm,
                           cudaStream_t stream)
{
    size_t bytes = bytes_of(to, count, type);
    bool first = ++comm->broadcasts == 1, hangs = first && fails("hang"), lost = first && fails("lost");
    if (from != to) rt_emulated_fail("nccl: only a broadcast in place is understood");
    return begin(comm, stream, [=]() {
        rt_ranks_share(to, (int64_t)bytes, root);
        if (lost) spoil_last(to, bytes);
        if (hangs) rt_emulated_hang_stream(true);
    });
}
