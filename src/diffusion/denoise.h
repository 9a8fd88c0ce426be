/* denoise.h - the diffusion module: noisy coordinates to denoised ones (AF3 SI Algorithm 20)
 * Room: diffusion.  Uses: diffusion/conditioning, layer/atom_encoder, layer/diffusion_transformer.
 * Reads: x_noisy (S,A,3), noise level t.  Writes: x_denoised (S,A,3), Angstrom.
 * Reference: rnapro/model/modules/diffusion.py DiffusionModule, transformer.py AtomAttentionDecoder
 * Weights: diffusion_module.*
 *
 * Pair conditioning, all pair biases and everything about atoms but their positions are independent of t and of the
 * sample: rt_denoiser_prepare() computes them once, and the sampler's 200 steps use them.
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
} rt_denoiser_context;

void rt_denoiser_bind(rt_binder *binder, rt_denoiser *d);

/* Memory: blocks x heads x N^2 floats for the token biases, 8 x (A,c_atom) per atom block, and the pair while it runs. */
void rt_denoiser_prepare(rt_ctx *ctx, const rt_denoiser *d, rt_denoiser_context *out_context, const rt_features *features,
                         rt_tensor s_inputs, rt_tensor s_trunk, rt_tensor z_trunk);

/* x_denoised may alias x_noisy.  All samples share the noise level t (Angstrom).  first_call, call_stride: sample s probes
 * as call first_call + s * call_stride. */
void rt_denoiser_forward(rt_ctx *ctx, const rt_denoiser *d, const rt_denoiser_context *context, rt_tensor x_denoised,
                         rt_tensor x_noisy, double t, int64_t first_call, int64_t call_stride);

#endif
