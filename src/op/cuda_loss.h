/* cuda_loss.h - losses on the device: what train/ computes per logit or per pair of atoms
 * Room: op.  Uses: op/backend.
 *
 * Sums are parts, which the caller adds in their order after rt_ctx_sync.  All pointers are memory of the device; everything
 * is queued.
 */
#ifndef RT_OP_CUDA_LOSS_H
#define RT_OP_CUDA_LOSS_H

#include "op/backend.h"

enum { RT_CUDA_ENTROPY_ROWS = 256, RT_CUDA_LDDT_ATOMS = 128 };   /* of a part */

/* Softmax cross entropy (train/cross_entropy.h): part (ceil(rows / RT_CUDA_ENTROPY_ROWS)) = sum over rows whose class is not
 * `skip` of logsumexp(logits) - logits[class]; opt_d_logits (rows, classes) += scale * (softmax(logits) - onehot(class)). */
void rt_cuda_cross_entropy(rt_ctx *ctx, double *part, float *opt_d_logits, const float *logits, const uint8_t *row_class,
                           int64_t rows, int64_t classes, uint8_t skip, double scale);

/* Smooth lDDT (train/loss_diffusion.h) of B structures x (B,A,3) against the R resolved atoms at y (R,3), which are atom (R)
 * of x.  part (B, P) and count (P), P = ceil(R / RT_CUDA_LDDT_ATOMS): sum over pairs closer than `radius` in y, seen from the
 * part's atoms, of the mean of four sigmoids, and how many there are; force (B,R,3): that sum's derivative by x. */
void rt_cuda_smooth_lddt(rt_ctx *ctx, double *part, int64_t *count, float *force, const float *x, const double *y,
                         const int64_t *atom, int64_t copies, int64_t atoms, int64_t resolved, double radius);

/* d_x (B,A,3)[b, atom[r]] += factor * force (B,R,3)[b, r] */
void rt_cuda_add_forces(rt_ctx *ctx, float *d_x, const float *force, const int64_t *atom, int64_t copies, int64_t atoms,
                        int64_t resolved, double factor);

#endif
