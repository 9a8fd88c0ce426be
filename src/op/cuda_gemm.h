/* cuda_gemm.h - matrix products on the device: cuBLASLt behind one call
 * Room: op.  Uses: op/cuda_device, cuBLASLt.
 *
 * libcublasLt is loaded when a context is opened, not linked: the program starts where there is no CUDA, and stays small.
 */
#ifndef RT_OP_CUDA_GEMM_H
#define RT_OP_CUDA_GEMM_H

#include "op/cuda_device.h"

/* C (m,n) [+]= act(A (m,k) B (k,n) + bias (n)), all row-major; `batch` such products, *_step elements apart (0: the same one
 * for all).  With a_t A is stored (k,m), with b_t B is stored (n,k).  A and B are F32 or both BF16, sums and C F32. */
typedef struct {
    int64_t m, n, k;
    int64_t a_ld, b_ld, c_ld;        /* elements from one stored row to the next */
    int64_t batch, a_step, b_step, c_step;
    bool a_t, b_t, bf16, add, bias, relu;   /* relu: not with add */
} rt_cuda_product;

/* Queues it; opt_bias when shape.bias. */
void rt_cuda_multiply(rt_ctx *ctx, rt_cuda_product shape, const void *a, const void *b, float *c, const float *opt_bias);

/* NULL when the library is there, else one line that says which file is not. */
const char *rt_cuda_products_missing(void);

typedef struct rt_cuda_products rt_cuda_products;
/* Loads the library; workspace: device memory that stays the caller's. */
rt_status rt_cuda_products_create(rt_cuda_products **ret_products, void *workspace, int64_t bytes, rt_err *err);
void rt_cuda_products_free(rt_cuda_products *products);
rt_cuda_products *rt_cuda_products_of(const rt_ctx *ctx);

/* Queued roundings and widenings of n numbers. */
void rt_cuda_to_bf16(rt_ctx *ctx, uint16_t *out, const float *in, int64_t n);
void rt_cuda_from_bf16(rt_ctx *ctx, float *out, const uint16_t *in, int64_t n);

#endif
