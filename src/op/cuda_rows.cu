/* cuda_rows.cu - elementwise ops and those along a row: norms, softmax, activations, copies */
#include "op/cuda_device.h"

static __global__ void axpby(float *y, float alpha, const float *x, float beta, int64_t count)
{
    int64_t i = rt_thread();
    if (i < count) y[i] = (alpha != 0 ? alpha * y[i] : 0.0f) + beta * x[i];
}

extern "C" void rt_cuda_axpby(rt_ctx *ctx, rt_tensor y, double alpha, rt_tensor x, double beta)
{
    int64_t count = rt_count(y);
    RT_LAUNCH(ctx, axpby, rt_blocks(count, RT_THREADS), RT_THREADS, 0, (float *)y.data, (float)alpha, (const float *)x.data,
              (float)beta, count);
}
