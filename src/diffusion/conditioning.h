/* conditioning.h - what the denoiser knows of the trunk and of the noise level (AF3 SI Algorithm 21)
 * Room: diffusion.  Uses: layer/transition, layer/relative_position.
 * Reference: rnapro/model/modules/diffusion.py DiffusionConditioning, embedders.py FourierEmbedding
 * Weights: diffusion_module.diffusion_conditioning.*
 */
#ifndef RT_DIFFUSION_CONDITIONING_H
#define RT_DIFFUSION_CONDITIONING_H

#include "layer/relative_position.h"
#include "layer/transition.h"

typedef struct {
    rt_relative_position relpe;
    rt_norm norm_z, norm_s, norm_n;
    rt_linear z, s, n;
    rt_transition transition_z1, transition_z2, transition_s1, transition_s2;
    rt_tensor fourier_w, fourier_b;
    double sigma_data;
} rt_conditioning;

void rt_conditioning_bind(rt_binder *binder, rt_conditioning *c);

/* z_trunk, s_trunk, s_inputs and base stay the caller's and must live until the backward. */
typedef struct {
    rt_tensor z_trunk;
    rt_transition_saved z1, z2;
} rt_conditioning_pair_saved;

/* Noise levels in Angstrom: one that all samples share, or one of each.  The numbers are the caller's. */
typedef struct {
    const double *t;
    int64_t n;      /* L: 1 or S */
} rt_noise_levels;

typedef struct {
    rt_noise_levels levels;
    rt_transition_saved s1, s2;
} rt_conditioning_single_saved;

/* pair (N,N,c_z): the same at every noise level and for every sample. */
void rt_conditioning_pair(rt_ctx *ctx, const rt_conditioning *c, rt_tensor pair, rt_tensor z_trunk, const rt_features *features,
                          rt_conditioning_pair_saved *opt_saved);
/* opt_dz_trunk += from dpair, which is used up. */
void rt_conditioning_pair_backward(rt_ctx *ctx, const rt_conditioning *c, rt_tensor opt_dz_trunk, rt_tensor dpair,
                                   const rt_features *features, const rt_conditioning_pair_saved *saved);
/* base (N,c_s): the part of the single conditioning that does not depend on the noise level. */
void rt_conditioning_single_base(rt_ctx *ctx, const rt_conditioning *c, rt_tensor base, rt_tensor s_trunk, rt_tensor s_inputs);
/* opt_ds_trunk +=, opt_ds_inputs += */
void rt_conditioning_single_base_backward(rt_ctx *ctx, const rt_conditioning *c, rt_tensor opt_ds_trunk, rt_tensor opt_ds_inputs,
                                          rt_tensor dbase, rt_tensor s_trunk, rt_tensor s_inputs);
/* s (L,N,c_s) at each of the levels. */
void rt_conditioning_single(rt_ctx *ctx, const rt_conditioning *c, rt_tensor s, rt_tensor base, rt_noise_levels levels,
                            rt_conditioning_single_saved *opt_saved);
/* dbase (N,c_s) += from ds (L,N,c_s), which is used up. */
void rt_conditioning_single_backward(rt_ctx *ctx, const rt_conditioning *c, rt_tensor dbase, rt_tensor ds,
                                     const rt_conditioning_single_saved *saved);

#endif
