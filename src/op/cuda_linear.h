/* cuda_linear.h - a linear layer of BF16 weights in one kernel
 * Room: op.  Uses: op/cuda_device.
 */
#ifndef RT_OP_CUDA_LINEAR_H
#define RT_OP_CUDA_LINEAR_H

#include "op/cuda_device.h"

/* Queues y (M,out) [+]= act(x (M,in) w (out,in)^T + opt_bias) [* mul], x rounded to BF16 and w BF16; with `across` x is
 * (M,out), y (M,in) and the product x w.  On a device with bfloat16.  False, and nothing is queued, for sizes and addresses
 * that cuBLASLt is left to; which those are depends on nothing else. */
bool rt_cuda_linear_bf16(rt_ctx *ctx, rt_tensor y, rt_tensor x, rt_tensor w, bool across, rt_tensor opt_bias,
                         rt_epilogue epilogue);

#endif
