/* atom_encoder.h - atoms within windows: embedding, transformer, aggregation to tokens (AF3 SI Algorithms 5 and 7)
 * Room: layer.  Uses: layer/diffusion_transformer, feat/features.
 * Reference: rnapro/model/modules/transformer.py AtomAttentionEncoder, AtomTransformer
 * Weights: linear_no_bias_{ref_pos,ref_charge,f,d,invd,v,cl,cm,q}, small_mlp.{1,3,5}, atom_transformer.*; with
 * coordinates also layernorm_{s,z}, linear_no_bias_{s,z,r}
 */
#ifndef RT_LAYER_ATOM_ENCODER_H
#define RT_LAYER_ATOM_ENCODER_H

#include "feat/features.h"
#include "layer/diffusion_transformer.h"

typedef struct {
    rt_linear ref_pos, ref_charge, f, d, invd, v, cl, cm, mlp[3], q;
    rt_norm norm_s, norm_z;      /* the diffusion module's encoder only */
    rt_linear s, z, r;
    rt_diffusion_transformer transformer;
    bool has_coords;
    int64_t c_atom, c_atompair, c_token;
} rt_atom_encoder;

/* What depends on neither the noise level nor the sample. */
typedef struct {
    rt_tensor c_l;               /* (A,c_atom) */
    rt_tensor p_lm;              /* (W,32,128,c_atompair) */
    rt_tensor token;             /* (A): each atom's, where ops can read it; none in a gradient */
} rt_atom_context;

/* s_trunk and z stay the caller's and must live until the backward. */
typedef struct {
    rt_tensor s_trunk, z;
    rt_tensor p;                 /* p_lm before its small MLP */
} rt_atom_context_saved;

/* An atom transformer's biases and conditioning, one per block. */
typedef struct {
    rt_tensor *bias;             /* (heads,W,32,128) */
    rt_dit_condition *condition;
} rt_atom_condition;

void rt_atom_encoder_bind(rt_binder *binder, rt_atom_encoder *e, const char *prefix, int64_t c_atom, int64_t c_atompair,
                          int64_t c_token, int64_t n_block, int64_t heads, bool has_coords, int64_t c_s, int64_t c_z);

/* c_l and p_lm, on the step arena.  opt_s_trunk (N,c_s) and opt_z (N,N,c_z), the conditioned pair, with coordinates. */
void rt_atom_context_forward(rt_ctx *ctx, const rt_atom_encoder *e, rt_atom_context *out_context, const rt_features *features,
                             rt_tensor opt_s_trunk, rt_tensor opt_z, rt_atom_context_saved *opt_saved);
/* opt_ds_trunk (N,c_s) += and opt_dz (N,N,c_z) += from dcontext, which is used up. */
void rt_atom_context_backward(rt_ctx *ctx, const rt_atom_encoder *e, rt_tensor opt_ds_trunk, rt_tensor opt_dz,
                              const rt_atom_context *dcontext, const rt_features *features, const rt_atom_context *context,
                              const rt_atom_context_saved *saved);

/* Biases and conditioning of any atom transformer (the encoder's or the decoder's) from c_l and p_lm; on the step arena. */
void rt_atom_condition_forward(rt_ctx *ctx, const rt_diffusion_transformer *t, rt_atom_condition *out_condition,
                               const rt_atom_context *context);
/* Zeroed gradients of a condition, on the step arena. */
void rt_atom_condition_gradient(rt_ctx *ctx, const rt_diffusion_transformer *t, rt_atom_condition *out_dcondition,
                                const rt_atom_condition *condition);
/* dcontext's tensors += */
void rt_atom_condition_backward(rt_ctx *ctx, const rt_diffusion_transformer *t, const rt_atom_context *dcontext,
                                const rt_atom_condition *dcondition, const rt_atom_context *context);

/* q (S,A,c_atom) through the transformer, in place. */
void rt_atom_transformer_forward(rt_ctx *ctx, const rt_diffusion_transformer *t, rt_tensor q,
                                 const rt_atom_condition *condition, rt_stack_saved *opt_saved);
/* dq: the gradient at the output, then at the input; dcondition's tensors += */
void rt_atom_transformer_backward(rt_ctx *ctx, const rt_diffusion_transformer *t, rt_tensor dq,
                                  const rt_atom_condition *dcondition, const rt_atom_condition *condition,
                                  const rt_stack_saved *saved);

/* a (S,N,c_token) = mean over each token's atoms of relu(linear_q(q (S,A,c_atom))).  token: the context's. */
void rt_atom_aggregate(rt_ctx *ctx, const rt_atom_encoder *e, rt_tensor a, rt_tensor q, rt_tensor token);
/* dq += */
void rt_atom_aggregate_backward(rt_ctx *ctx, const rt_atom_encoder *e, rt_tensor dq, rt_tensor da, rt_tensor q,
                                rt_tensor token);

#endif
