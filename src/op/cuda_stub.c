/* cuda_stub.c - the CUDA backend of a build without nvcc: it says so */
#include "op/cuda.h"
#include "op/cuda_adam.h"
#include "op/cuda_loss.h"
#include "op/cuda_ranks.h"

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
rt_status rt_cuda_host_memory(rt_ctx *ctx, void **out_memory, int64_t bytes, rt_err *err)
{
    (void)ctx, (void)out_memory, (void)bytes;
    return rt_fail(err, RT_ERR_UNSUPPORTED, NULL, 0, "%s", WHY);
}
int64_t rt_cuda_queued(const rt_ctx *ctx) { (void)ctx; return 0; }
struct rt_cuda_recording *rt_cuda_record(rt_ctx *ctx, rt_replay_work *work, void *user)
{
    (void)ctx, (void)work, (void)user;
    return NULL;
}
void rt_cuda_replay(rt_ctx *ctx, struct rt_cuda_recording *recording) { (void)ctx, (void)recording; }
void rt_cuda_recording_free(struct rt_cuda_recording *recording) { (void)recording; }
int64_t rt_cuda_plans(const rt_ctx *ctx) { (void)ctx; return 0; }
void rt_cuda_sync(rt_ctx *ctx) { (void)ctx; }
void rt_cuda_move(rt_ctx *ctx, void *to, const void *opt_from, int64_t bytes)
{
    (void)ctx, (void)to, (void)opt_from, (void)bytes;
}
void rt_cuda_convert(rt_ctx *ctx, rt_tensor out, rt_tensor in) { (void)ctx, (void)out, (void)in; }
rt_cuda_seat rt_cuda_take(int local) { (void)local; return (rt_cuda_seat){0}; }
rt_status rt_cuda_ranks_open(bool distinct, char *out_way, int64_t size, rt_err *err)
{
    (void)distinct, (void)out_way, (void)size;
    return rt_fail(err, RT_ERR_UNSUPPORTED, NULL, 0, "%s", WHY);
}
void rt_cuda_ranks_close(bool failed) { (void)failed; }
int64_t rt_cuda_ranks_bytes(int64_t *opt_taken) { (void)opt_taken; return 0; }
rt_status rt_cuda_ranks_add(rt_ctx *ctx, const rt_tensor *sum, const rt_tensor *mine, int64_t n, const bool *takes_part,
                            rt_err *err)
{
    (void)ctx, (void)sum, (void)mine, (void)n, (void)takes_part;
    return rt_fail(err, RT_ERR_UNSUPPORTED, NULL, 0, "%s", WHY);
}
rt_status rt_cuda_ranks_share(rt_ctx *ctx, const rt_tensor *value, const rt_tensor *opt_bf16, int64_t n, rt_err *err)
{
    (void)ctx, (void)value, (void)opt_bf16, (void)n;
    return rt_fail(err, RT_ERR_UNSUPPORTED, NULL, 0, "%s", WHY);
}
bool rt_cuda_has_bf16(const rt_ctx *ctx) { (void)ctx; return false; }
void rt_cuda_adam_squares(rt_ctx *ctx, double *square, const rt_cuda_adam_tensor *tensors, int64_t n_tensor, int64_t n_tile)
{
    (void)ctx, (void)square, (void)tensors, (void)n_tensor, (void)n_tile;
}
void rt_cuda_adam_update(rt_ctx *ctx, const rt_cuda_adam_tensor *tensors, int64_t n_tensor, int64_t n_tile)
{
    (void)ctx, (void)tensors, (void)n_tensor, (void)n_tile;
}
void rt_cuda_cross_entropy(rt_ctx *ctx, double *part, float *opt_d_logits, const float *logits, const uint8_t *row_class,
                           int64_t rows, int64_t classes, uint8_t skip, double scale)
{
    (void)ctx, (void)part, (void)opt_d_logits, (void)logits, (void)row_class, (void)rows, (void)classes, (void)skip, (void)scale;
}
void rt_cuda_smooth_lddt(rt_ctx *ctx, double *part, int64_t *count, float *force, const float *x, const double *y,
                         const int64_t *atom, int64_t copies, int64_t atoms, int64_t resolved, double radius)
{
    (void)ctx, (void)part, (void)count, (void)force, (void)x, (void)y, (void)atom, (void)copies, (void)atoms, (void)resolved;
    (void)radius;
}
void rt_cuda_add_forces(rt_ctx *ctx, float *d_x, const float *force, const int64_t *atom, int64_t copies, int64_t atoms,
                        int64_t resolved, double factor)
{
    (void)ctx, (void)d_x, (void)force, (void)atom, (void)copies, (void)atoms, (void)resolved, (void)factor;
}
