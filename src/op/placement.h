/* placement.h - which device each rank of an mpirun takes, and with whom it shares that device's memory
 * Room: op.  Uses: op/backend, op/cuda_ranks, base/ranks, base/log.
 *
 * A rank takes the device whose number is its own among the ranks of its machine, modulo the devices that it sees: four ranks
 * on a machine with four GPUs take one each, and a rank to which a scheduler shows one GPU takes that.  Whether two ranks have
 * the same GPU is told by its UUID, not by its number.
 *
 *     RT_TRY(rt_placement_begin(kind, true, err));
 *     RT_TRY(rt_ctx_create(&ctx, kind, threads, rt_placement_memory(kind, limit), err));
 *     ...
 *     rt_placement_end(status != RT_OK);
 */
#ifndef RT_OP_PLACEMENT_H
#define RT_OP_PLACEMENT_H

#include "op/backend.h"

/* (all ranks) Before any context.  exchanges: the ranks will use op/cuda_ranks, which needs memory of the device.  Says who
 * took what.  Nothing with one rank.  RT_ERR_USAGE, on every rank, when ranks that exchange compute on different kinds of
 * devices; RT_ERR_MEMORY, RT_ERR_UNSUPPORTED. */
rt_status rt_placement_begin(rt_backend_kind kind, bool exchanges, rt_err *err);
/* Before the contexts are freed.  failed: this rank ends in a failure, and what its device exchanges is given up; else all ranks
 * call it. */
void rt_placement_end(bool failed);

/* Ranks that share this one's memory, itself among them: those of its machine, or those on its device. */
int rt_placement_sharers(rt_backend_kind kind);
/* Bytes for this process: its share of `limit`, or with limit 0 of what is free. */
int64_t rt_placement_memory(rt_backend_kind kind, int64_t limit);

#endif
