/* loss_diffusion.h - how far denoised structures are from the truth, and which way they should move
 * Room: train.  Uses: feat/label, score/superpose, op/backend.
 * Reference: rnapro/model/loss.py MSELoss, SmoothLDDTLoss.dense_forward, BondLoss.sparse_forward (AF3 SI 3.7.1,
 * Algorithms 27 and 28)
 */
#ifndef RT_TRAIN_LOSS_DIFFUSION_H
#define RT_TRAIN_LOSS_DIFFUSION_H

#include "feat/label.h"
#include "op/backend.h"

typedef struct {
    double mse, smooth_lddt, bond;
} rt_diffusion_terms;

/* B denoised structures against one label.
 * mse: the label, superposed on each structure over the resolved atoms, sum of 6 |x - y|^2 / (resolved + 1e-6) / 3,
 *   times the noise level's (sigma^2 + 16^2) / (16 sigma)^2.
 * smooth_lddt: 1 - mean over pairs of resolved atoms less than 30 A apart in the label of the mean of
 *   sigmoid(t - |difference of distances|), t = 0.5, 1, 2, 4 A.
 * bond: mean over the bonds with both atoms resolved of the squared difference of lengths, times the noise level's
 *   scale.
 * Each is the mean over the structures.  A term without a resolved atom, pair or bond is 0.
 *
 * opt_d_x += sum of weight x d term / d x (data NULL: not wanted; a term of weight 0 is computed and adds nothing).
 * Shapes: x, d_x (B,A,3) F32 or F64 in Angstrom, atoms that are not resolved anywhere; opt_sigma (B), data NULL: every
 * scale is 1, as in validation; opt_bonds I64 (bonds,2), data NULL: none (RNA's bond mask is empty in the reference).
 * Double arithmetic, partial sums in a fixed order.  Errors: the context's.  Cost: O(B A x neighbours). */
void rt_loss_diffusion(rt_ctx *ctx, rt_diffusion_terms *out_loss, rt_tensor opt_d_x, rt_tensor x, rt_tensor opt_sigma,
                       const rt_label *label, rt_tensor opt_bonds, const rt_diffusion_terms *weight);

/* What the losses compare with; for checks. */
typedef struct {
    rt_tensor aligned;    /* F64 (B,A,3): the label laid on each structure, 0 where it is not resolved */
    rt_tensor weight;     /* F64 (A): of each atom in mse */
    rt_tensor neighbours; /* I64 (A): with how many others smooth_lddt pairs it */
} rt_diffusion_targets;

/* On the context's step arena.  Shapes as above; label->n_resolved above 0.  Errors: the context's. */
void rt_loss_diffusion_targets(rt_ctx *ctx, rt_diffusion_targets *out, rt_tensor x, const rt_label *label);

/* sum of weight x loss */
double rt_loss_diffusion_total(const rt_diffusion_terms *loss, const rt_diffusion_terms *weight);

/* (sigma^2 + 16^2) / (16 sigma)^2 */
double rt_loss_diffusion_scale(double sigma);

#endif
