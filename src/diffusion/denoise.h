/* denoise.h - the diffusion module: noisy coordinates to denoised ones (AF3 SI Algorithm 20)
 * Room: diffusion.  Uses: diffusion/conditioning, layer/atom_encoder, layer/diffusion_transformer.
 * Reads: x_noisy (S,A,3), noise levels (1 or S).  Writes: x_denoised (S,A,3), Angstrom.
 * Reference: rnapro/model/modules/diffusion.py DiffusionModule, transformer.py AtomAttentionDecoder
 * Weights: diffusion_module.*
 *
 * Pair conditioning, all pair biases and everything about atoms but their positions are independent of the level and of the
 * sample: rt_denoiser_prepare() computes them once, and the sampler's 200 steps use them.  The single conditioning has a
 * part for each level: samples of one level share it, as in the sampler; noisy copies in training have levels of their own.
 */
#ifndef RT_DIFFUSION_DENOISE_H
#define RT_DIFFUSION_DENOISE_H

#include "diffusion/conditioning.h"
#include "layer/atom_encoder.h"

typedef struct {
    rt_conditioning conditioning;
    rt_atom_encoder encoder;
    rt_norm norm_s, norm_a;
    rt_linear s;
    rt_diffusion_transformer transformer;
    rt_linear decoder_a, decoder_out;            /* atom_attention_decoder */
    rt_norm decoder_norm;
    rt_diffusion_transformer decoder;
    double sigma_data;
    int64_t c_s;
} rt_denoiser;

/* Everything that one trunk pass fixes; lives on the step arena. */
typedef struct {
    const rt_features *features;
    rt_tensor single_base;                       /* (N,c_s) */
    rt_tensor *bias;                             /* per block of the token transformer: (heads,N,N) */
    rt_atom_context atom;
    rt_atom_condition encoder, decoder;
    rt_replay *opt_replay;                       /* of calls without opt_saved, all on the same tensors */
} rt_denoiser_context;

/* What rt_denoiser_prepare keeps for its backward. */
typedef struct {
    rt_tensor s_inputs, s_trunk;                 /* the caller's; must live until the backward, z_trunk too */
    rt_tensor pair;                              /* (N,N,c_z): the conditioned pair */
    rt_conditioning_pair_saved conditioning;
    rt_atom_context_saved atom;
} rt_denoiser_context_saved;

/* What all noisy copies of one trunk pass add to; on the step arena. */
typedef struct {
    rt_tensor dsingle_base;
    rt_tensor *dbias;
    rt_atom_context datom;
    rt_atom_condition dencoder, ddecoder;
} rt_denoiser_context_gradient;

/* What one call keeps for its backward. */
typedef struct {
    rt_noise_levels levels;                      /* the caller's; must live until the backward */
    rt_tensor single;                            /* (L,N,c_s): for each level */
    rt_tensor scaled;                            /* (S,A,3): the encoder's coordinates */
    rt_tensor q, a, q_out;                       /* after the encoder, the token transformer and the decoder */
    rt_conditioning_single_saved conditioning;
    rt_stack_saved encoder, transformer, decoder;
} rt_denoiser_saved;

void rt_denoiser_bind(rt_binder *binder, rt_denoiser *d);

/* Memory: blocks x heads x N^2 floats for the token biases, 8 x (A,c_atom) per atom block, and the pair while it runs. */
void rt_denoiser_prepare(rt_ctx *ctx, const rt_denoiser *d, rt_denoiser_context *out_context, const rt_features *features,
                         rt_tensor s_inputs, rt_tensor s_trunk, rt_tensor z_trunk, rt_denoiser_context_saved *opt_saved);
/* Zeroed. */
void rt_denoiser_context_gradient_create(rt_ctx *ctx, const rt_denoiser *d, rt_denoiser_context_gradient *out_gradient,
                                         const rt_denoiser_context *context);
/* After the backward of every copy: opt_ds_inputs +=, opt_ds_trunk +=, opt_dz_trunk += from `gradient`, which is used up. */
void rt_denoiser_prepare_backward(rt_ctx *ctx, const rt_denoiser *d, rt_tensor opt_ds_inputs, rt_tensor opt_ds_trunk,
                                  rt_tensor opt_dz_trunk, const rt_denoiser_context_gradient *gradient,
                                  const rt_denoiser_context *context, const rt_denoiser_context_saved *saved);

/* x_denoised may alias x_noisy.  first_call, call_stride: sample s probes as call first_call + s * call_stride. */
void rt_denoiser_forward(rt_ctx *ctx, const rt_denoiser *d, const rt_denoiser_context *context, rt_tensor x_denoised,
                         rt_tensor x_noisy, rt_noise_levels levels, int64_t first_call, int64_t call_stride,
                         rt_denoiser_saved *opt_saved);
/* From dx_denoised (S,A,3); x_noisy gets no gradient.  More calls may follow with saved structs of their own: what all have
 * in common is added to `gradient`. */
void rt_denoiser_backward(rt_ctx *ctx, const rt_denoiser *d, const rt_denoiser_context *context,
                          const rt_denoiser_context_gradient *gradient, rt_tensor dx_denoised, const rt_denoiser_saved *saved);

#endif
