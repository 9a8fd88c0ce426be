/* cuda.h - the CUDA backend as the rest of op sees it: its own state, and its rows of ops.def
 * Room: op.  Uses: op/backend.
 *
 * Without nvcc cuda_stub.c stands in: it says that the build has none.
 */
#ifndef RT_OP_CUDA_H
#define RT_OP_CUDA_H

#include "op/backend.h"

/* Opens the device and makes ctx->step an arena on it; memory: the bytes that this process may take of the device, with
 * what the driver and the libraries need.  RT_ERR_UNSUPPORTED, RT_ERR_MEMORY. */
rt_status rt_cuda_open(rt_ctx *ctx, int64_t memory, rt_err *err);
void rt_cuda_close(rt_ctx *ctx);

/* Bytes of the device that are free or exchanges between ranks have; 0 without one. */
int64_t rt_cuda_memory_available(void);
/* Bytes of the device that are not in the step arena: the driver's, cuBLASLt's, its workspace. */
int64_t rt_cuda_own_bytes(const rt_ctx *ctx);

/* Queued: what the step arena holds moves to the device at once, instead of page by page when it is read. */
void rt_cuda_prefetch(rt_ctx *ctx);

/* Waits until all queued work is done: after that the host may read and write the device's tensors. */
void rt_cuda_sync(rt_ctx *ctx);
/* Queued: a copy between any two places, or with opt_from NULL zeros. */
void rt_cuda_move(rt_ctx *ctx, void *to, const void *opt_from, int64_t bytes);
/* Queued: F32 and BF16 into each other. */
void rt_cuda_convert(rt_ctx *ctx, rt_tensor out, rt_tensor in);
/* Kernels, products and copies that were queued so far. */
int64_t rt_cuda_queued(const rt_ctx *ctx);
/* What `work` queues, recorded but not run.  NULL when it failed or cannot be recorded, which is said; then the context is as
 * it was before, but for RT_ERR_STOPPED. */
struct rt_cuda_recording *rt_cuda_record(rt_ctx *ctx, rt_replay_work *work, void *user);
void rt_cuda_replay(rt_ctx *ctx, struct rt_cuda_recording *recording);   /* queued */
void rt_cuda_recording_free(struct rt_cuda_recording *recording);   /* NULL ok; what is queued still runs */
/* Memory of the host that the device copies from and to by itself, until the context ends; one piece. */
rt_status rt_cuda_host_memory(rt_ctx *ctx, void **out_memory, int64_t bytes, rt_err *err);
/* Products that are planned. */
int64_t rt_cuda_plans(const rt_ctx *ctx);
/* True when the device multiplies bfloat16. */
bool rt_cuda_has_bf16(const rt_ctx *ctx);

#define RT_OP(name, parameters, arguments, help) void rt_cuda_##name parameters;
#include "op/ops.def"
#undef RT_OP

#endif
