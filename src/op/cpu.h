/* cpu.h - the fast CPU backend: its own state, and what its files share
 * Room: op.  Uses: op/backend, oneDNN.
 *
 * oneDNN's matrix products run with one thread per call; the threads are our pool's.  Work is cut into tiles whose size
 * depends on the problem only.
 */
#ifndef RT_OP_CPU_H
#define RT_OP_CPU_H

#include "op/backend.h"

rt_status rt_cpu_open(rt_ctx *ctx, rt_err *err);
void rt_cpu_close(rt_ctx *ctx);

/* Between two targets: when many products are planned, those that the last target did not use are forgotten. */
void rt_cpu_trim(rt_ctx *ctx);
int64_t rt_cpu_own_bytes(const rt_ctx *ctx);   /* outside of the arena: scratchpads, and the plans used in this round */
void rt_cpu_next_round(rt_ctx *ctx);           /* no plan has been used in it yet */
int64_t rt_cpu_plans(const rt_ctx *ctx);   /* how many products are planned */

/* One matrix product C (m,n) = A (m,k) B (k,n) [+ C], given by element strides, so that either may be transposed and C
 * may be part of a larger matrix.  BF16 inputs give an F32 result. */
typedef struct {
    int64_t m, n, k;
    int64_t a_row, a_col, b_row, b_col, c_row;   /* strides in elements; C's columns are contiguous */
    bool bf16, add;
} rt_gemm;

/* Prepares the product (a cached oneDNN primitive): call it outside a parallel region.  NULL after a failure, which is
 * then in the context. */
typedef struct rt_gemm_plan rt_gemm_plan;
const rt_gemm_plan *rt_gemm_prepare(rt_ctx *ctx, rt_gemm shape);
/* Runs it in a worker. */
void rt_gemm_run(rt_ctx *ctx, const rt_gemm_plan *plan, const void *a, const void *b, float *c, int worker);

/* Scratch of `bytes` for each worker, from the step arena: scratch + worker * rt_scratch_stride(bytes). */
char *rt_cpu_scratch(rt_ctx *ctx, int64_t bytes);
static inline int64_t rt_scratch_stride(int64_t bytes) { return (bytes + 63) / 64 * 64; }

/* out[i] += partial[0][i] + partial[1][i] + ..., in this order: how gradients that several tiles add to are summed. */
void rt_cpu_add_partials(rt_ctx *ctx, float *out, const float *partial, int64_t n_part, int64_t count);

/* Rounds n floats to bfloat16, to nearest even. */
void rt_cpu_to_bf16(uint16_t *out, const float *in, int64_t n);

/* out[c][r] = in[r][c] for a block of rows x columns; strides in elements. */
void rt_cpu_transpose_block(float *out, int64_t out_stride, const float *in, int64_t in_stride, int64_t rows, int64_t columns);

/* True when this processor multiplies bfloat16 natively. */
bool rt_cpu_has_bf16(void);

#define RT_OP(name, parameters, arguments, help) void rt_cpu_##name parameters;
#include "op/ops.def"
#undef RT_OP

/* The rows of an op, cut into tiles of at most `tile` rows. */
static inline int64_t rt_tiles(int64_t rows, int64_t tile) { return (rows + tile - 1) / tile; }

#endif
