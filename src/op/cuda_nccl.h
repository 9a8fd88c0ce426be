/* cuda_nccl.h - NCCL behind a few calls: a row of float32 to rank 0's device, or from it
 * Room: op.  Uses: op/cuda_device, base/ranks, NCCL.
 * Reference: NVIDIA NCCL user guide (API, "Creating a communicator with options", "Point-to-point communication",
 *     "Fault tolerance"); nccl.h
 *
 * libnccl.so.2 is loaded when several ranks have devices of their own, not linked.  CUDA's toolkit has no header of it: what
 * stands here is the part of NCCL 2's stable interface that is used.
 */
#ifndef RT_OP_CUDA_NCCL_H
#define RT_OP_CUDA_NCCL_H

#include "op/cuda_device.h"

extern "C" {
typedef enum { ncclSuccess = 0, ncclSystemError = 2, ncclRemoteError = 6, ncclInProgress = 7, ncclNumResults = 9 } ncclResult_t;
typedef enum { ncclFloat32 = 7, ncclNumTypes = 12 } ncclDataType_t;
typedef struct ncclComm *ncclComm_t;
typedef struct { char internal[128]; } ncclUniqueId;
/* As of 2.14.0, which `version` says; later versions have more members behind, and take their own defaults for them. */
typedef struct {
    size_t size;
    unsigned int magic, version;
    int blocking;
} ncclConfig_t;
ncclResult_t ncclGetVersion(int *version);
const char *ncclGetErrorString(ncclResult_t result);
ncclResult_t ncclGetUniqueId(ncclUniqueId *id);
ncclResult_t ncclCommInitRankConfig(ncclComm_t *comm, int ranks, ncclUniqueId id, int rank, ncclConfig_t *config);
ncclResult_t ncclCommDestroy(ncclComm_t comm);
ncclResult_t ncclCommAbort(ncclComm_t comm);
ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t *error);
ncclResult_t ncclGroupStart(void);
ncclResult_t ncclGroupEnd(void);
ncclResult_t ncclSend(const void *from, size_t count, ncclDataType_t type, int peer, ncclComm_t comm, cudaStream_t stream);
ncclResult_t ncclRecv(void *to, size_t count, ncclDataType_t type, int peer, ncclComm_t comm, cudaStream_t stream);
ncclResult_t ncclBroadcast(const void *from, void *to, size_t count, ncclDataType_t type, int root, ncclComm_t comm,
                           cudaStream_t stream);
}

/* (all ranks) Loads the library, joins the ranks, each on the device that is current, and tries each kind of exchange with known
 * numbers; `stage` is `floats` long, on that device.  False, on every rank, when that cannot be, RT_NCCL=0 stands in a rank's
 * environment, or a part of it hangs for a minute: out_why (size long) is one line. */
bool rt_nccl_join(float *stage, int64_t floats, char *out_why, int64_t size);
bool rt_nccl_joined(void);
void rt_nccl_leave(bool failed);   /* failed: what is under way is given up */
int rt_nccl_version(void);         /* 10000 major + 100 minor + patch, once joined */

/* Queued: `count` floats of every rank that takes part, rank 0's excepted, to rank 0.  There the slots of those that take part,
 * in their order, are `count` floats behind each other; elsewhere `slots` is what is sent. */
void rt_nccl_collect(rt_ctx *ctx, float *slots, int64_t count, const bool *takes_part);
/* Queued (all ranks): rank 0's floats to all. */
void rt_nccl_spread(rt_ctx *ctx, float *data, int64_t count);
/* Waits for the stream as rt_cuda_sync does, and meanwhile looks whether NCCL has failed. */
void rt_nccl_wait(rt_ctx *ctx);

#endif
