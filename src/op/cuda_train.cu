/* cuda_train.cu - Adam where the weights are: the norm's sums, and the update in train/adam's order of operations */
#include "op/cuda_device.h"

/* One block per tile; a sum in double, halved by a tree that the block's size alone fixes. */
static __global__ void square_tiles(double *out, const float *x, int64_t count, int64_t tile)
{
    RT_SHARED(double, part);
    int64_t from = blockIdx.x * tile, to = from + tile < count ? from + tile : count;
    double sum = 0;
    for (int64_t i = from + threadIdx.x; i < to; i += blockDim.x) sum += (double)x[i] * (double)x[i];
    part[threadIdx.x] = sum;
    __syncthreads();
    for (unsigned int half = blockDim.x / 2; half; half /= 2) {
        if (threadIdx.x < half) part[threadIdx.x] += part[threadIdx.x + half];
        __syncthreads();
    }
    if (threadIdx.x == 0) out[blockIdx.x] = part[0];
}

extern "C" void rt_cuda_square_tiles(rt_ctx *ctx, double *out, rt_tensor t, int64_t tile)
{
    int64_t count = rt_count(t);
    RT_REQUIRE(t.dtype == RT_F32);
    RT_LAUNCH(ctx, square_tiles, rt_blocks(count, tile), RT_THREADS, RT_THREADS * sizeof(double), out, (const float *)t.data,
              count, tile);
}

static __global__ void adam(float *p, float *m, float *v, const float *g, uint16_t *opt_p16, int64_t count, rt_adam_factors f)
{
    const float scale = (float)f.scale, decay = (float)f.decay, shrink = (float)f.shrink, keep = (float)f.beta2;
    const float eps = (float)f.eps, blend = (float)(1 - f.beta1), fresh = (float)(1 - f.beta2), rate = (float)f.rate;
    const float root = (float)f.root;
    int64_t i = rt_thread();
    if (i >= count) return;
    float slope = g[i] * scale + decay * p[i];
    m[i] += blend * (slope - m[i]);
    v[i] = v[i] * keep + fresh * slope * slope;
    p[i] = p[i] * shrink - rate * (m[i] / (sqrtf(v[i]) / root + eps));
    if (opt_p16) opt_p16[i] = rt_round_bf16(p[i]);
}

extern "C" void rt_cuda_adam(rt_ctx *ctx, rt_tensor value, rt_tensor m, rt_tensor v, rt_tensor grad, rt_tensor opt_value16,
                             rt_adam_factors factors)
{
    int64_t count = rt_count(value);
    RT_LAUNCH(ctx, adam, rt_blocks(count, RT_THREADS), RT_THREADS, 0, (float *)value.data, (float *)m.data, (float *)v.data,
              (const float *)grad.data, (uint16_t *)opt_value16.data, count, factors);
}
