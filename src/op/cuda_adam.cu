/* cuda_adam.cu - see cuda_adam.h: a block is a tile of one tensor, which it finds in the table by bisection */
#include "op/cuda_rows.h"

extern "C" {
#include "op/cuda_adam.h"
}

/* The tensor of tile `tile`; its elements [*from, *to) are the block's. */
static __device__ __forceinline__ const rt_cuda_adam_tensor *find_tile(const rt_cuda_adam_tensor *tensors, int64_t n_tensor,
                                                                       int64_t tile, int64_t *from, int64_t *to)
{
    int64_t low = 0, high = n_tensor - 1;
    while (low < high) {
        int64_t middle = (low + high + 1) / 2;
        if (tensors[middle].first_tile <= tile) low = middle;
        else high = middle - 1;
    }
    const rt_cuda_adam_tensor *t = tensors + low;
#ifdef RT_CUDA_EMULATED
    const void *const all[] = {t->value, t->m, t->v, t->grad, t->opt_value16};
    for (const void *p : all) rt_emulated_check_pointer("adam", 0, p);
#endif
    *from = (tile - t->first_tile) * RT_CUDA_ADAM_TILE;
    *to = *from + RT_CUDA_ADAM_TILE < t->count ? *from + RT_CUDA_ADAM_TILE : t->count;
    return t;
}

static __global__ void adam_squares(double *square, const rt_cuda_adam_tensor *tensors, int64_t n_tensor)
{
    RT_SHARED(double, shared);
    int64_t from, to;
    const float *grad = find_tile(tensors, n_tensor, blockIdx.x, &from, &to)->grad;
    double sum = 0;
    for (int64_t i = from + threadIdx.x; i < to; i += blockDim.x) sum += (double)grad[i] * (double)grad[i];
    shared[threadIdx.x] = sum;
    __syncthreads();
    for (unsigned int half = blockDim.x / 2; half; half /= 2) {
        if (threadIdx.x < half) shared[threadIdx.x] += shared[threadIdx.x + half];
        __syncthreads();
    }
    if (threadIdx.x == 0) square[blockIdx.x] = shared[0];
}

void rt_cuda_adam_squares(rt_ctx *ctx, double *square, const rt_cuda_adam_tensor *tensors, int64_t n_tensor, int64_t n_tile)
{
    RT_LAUNCH(ctx, adam_squares, n_tile, RT_THREADS, RT_THREADS * sizeof(double), square, tensors, n_tensor);
}

static __global__ void adam_update(const rt_cuda_adam_tensor *tensors, int64_t n_tensor)
{
    int64_t from, to;
    const rt_cuda_adam_tensor t = *find_tile(tensors, n_tensor, blockIdx.x, &from, &to);
    if (t.skip) return;
    for (int64_t i = from + threadIdx.x; i < to; i += blockDim.x) {
        float value = t.value[i], m = t.m[i], slope = t.grad[i] * t.scale + t.decay * value;
        float v = t.v[i] * t.keep + t.fresh * slope * slope;
        m += t.blend * (slope - m);
        value = value * t.shrink - t.rate * (m / (sqrtf(v) / t.root + t.eps));
        t.m[i] = m;
        t.v[i] = v;
        t.value[i] = value;
        if (t.opt_value16) t.opt_value16[i] = rt_round_bf16(value);
    }
}

void rt_cuda_adam_update(rt_ctx *ctx, const rt_cuda_adam_tensor *tensors, int64_t n_tensor, int64_t n_tile)
{
    RT_LAUNCH(ctx, adam_update, n_tile, RT_THREADS, 0, tensors, n_tensor);
}
