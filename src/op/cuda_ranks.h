/* cuda_ranks.h - tensors on the devices of several ranks: added up on rank 0's, or shared from there
 * Room: op.  Uses: op/backend, op/cuda_nccl, base/ranks.
 *
 * Tensors go as one flat row of float32, piece by piece through a stage of fixed size on each device: from GPU to GPU by NCCL
 * where each rank has one of its own, else through the host's memory and MPI.  Whatever carries them, rank 0's device adds
 * them in the order of the ranks, and so K ranks give the bytes of one; NCCL's own sums have the order of its rings.
 *
 * A rank that fails must not leave the others waiting on their devices for ever: the ranks agree that all was queued before
 * any of them waits, and who fails later ends the run (see rt_ranks_abort).
 */
#ifndef RT_OP_CUDA_RANKS_H
#define RT_OP_CUDA_RANKS_H

#include "op/backend.h"

/* What a rank sees of the device that it takes. */
typedef struct {
    bool usable;              /* false: it has none, and its context says why */
    int index, count;         /* its number among those that are visible */
    unsigned char uuid[16];
    char name[64], bus[16];   /* as "0000:01:00.0" */
} rt_cuda_seat;

/* Takes the device number `local` modulo their count, from now on the one of this process. */
rt_cuda_seat rt_cuda_take(int local);

/* (all ranks) What exchanges need.  distinct: no two ranks have the same device.  out_way (size long): what carries the tensors,
 * and why it is not NCCL.  RT_ERR_MEMORY, RT_ERR_UNSUPPORTED. */
rt_status rt_cuda_ranks_open(bool distinct, char *out_way, int64_t size, rt_err *err);
/* No exchange is to follow.  failed: one that is under way is given up; else all ranks call it. */
void rt_cuda_ranks_close(bool failed);
/* Device memory of the exchanges, NCCL's included, and how much of it is taken already. */
int64_t rt_cuda_ranks_bytes(int64_t *opt_taken);

/* (all ranks) On rank 0 sum[i] grows by the mine[i] of every rank that takes part, in the order of the ranks.  sum, mine: n F32
 * tensors on the device, of the same sizes on all ranks; sum is read on rank 0 alone.  takes_part: (ranks), the same on every
 * rank.  Waits for it.  After a failure it is every rank's, or this rank's alone and the run must end. */
rt_status rt_cuda_ranks_add(rt_ctx *ctx, const rt_tensor *sum, const rt_tensor *mine, int64_t n, const bool *takes_part,
                            rt_err *err);
/* (all ranks) Rank 0's values become everybody's; where opt_bf16[i] has data it becomes value[i] rounded. */
rt_status rt_cuda_ranks_share(rt_ctx *ctx, const rt_tensor *value, const rt_tensor *opt_bf16, int64_t n, rt_err *err);

#endif
