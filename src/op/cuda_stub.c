/* cuda_stub.c - the CUDA backend of a build without nvcc: it says so */
#include "op/cuda.h"
#include "op/cuda_adam.h"

const rt_backend rt_backend_cuda = {.name = "cuda"};

int rt_cuda_missing(void) { return rt_op_count(); }

static const char WHY[] = "this rnatune was built without CUDA (make CUDA=1 needs nvcc)";
const char *rt_cuda_unavailable(void) { return WHY; }
const char *rt_cuda_advice(void) { return "docs/cuda.md says what a build with CUDA takes"; }
int rt_cuda_devices(rt_cuda_device *out_devices, int most) { (void)out_devices, (void)most; return 0; }
int rt_cuda_build_version(void) { return 0; }
int rt_cuda_driver_version(void) { return 0; }

/* no context has this backend */
rt_status rt_cuda_open(rt_ctx *ctx, int64_t memory, rt_err *err)
{
    (void)ctx, (void)memory;
    return rt_fail(err, RT_ERR_UNSUPPORTED, NULL, 0, "%s", WHY);
}
int64_t rt_cuda_memory_available(void) { return 0; }
int64_t rt_cuda_own_bytes(const rt_ctx *ctx) { (void)ctx; return 0; }
void rt_cuda_close(rt_ctx *ctx) { (void)ctx; }
void rt_cuda_prefetch(rt_ctx *ctx) { (void)ctx; }
void rt_cuda_sync(rt_ctx *ctx) { (void)ctx; }
void rt_cuda_move(rt_ctx *ctx, void *to, const void *opt_from, int64_t bytes)
{
    (void)ctx, (void)to, (void)opt_from, (void)bytes;
}
void rt_cuda_convert(rt_ctx *ctx, rt_tensor out, rt_tensor in) { (void)ctx, (void)out, (void)in; }
bool rt_cuda_has_bf16(const rt_ctx *ctx) { (void)ctx; return false; }
void rt_cuda_adam_squares(rt_ctx *ctx, double *square, const rt_cuda_adam_tensor *tensors, int64_t n_tensor, int64_t n_tile)
{
    (void)ctx, (void)square, (void)tensors, (void)n_tensor, (void)n_tile;
}
void rt_cuda_adam_update(rt_ctx *ctx, const rt_cuda_adam_tensor *tensors, int64_t n_tensor, int64_t n_tile)
{
    (void)ctx, (void)tensors, (void)n_tensor, (void)n_tile;
}
