/* diffusion_transformer.h - transformer conditioned by adaptive layer norm (AF3 SI Algorithms 23-26)
 * Room: layer.  Uses: layer/attention_pair_bias, layer/stack.
 * Reference: rnapro/model/modules/transformer.py DiffusionTransformer, ConditionedTransitionBlock; primitives.py
 * AdaptiveLayerNorm
 * Weights: blocks.<i>.attention_pair_bias.*, blocks.<i>.conditioned_transition_block.*
 *
 * What the conditioning s contributes to a block (gates and shifts) is computed apart from the block itself, because in
 * the atom transformers s depends neither on the noise level nor on the sample: it is computed once and used 200 times.
 */
#ifndef RT_LAYER_DIFFUSION_TRANSFORMER_H
#define RT_LAYER_DIFFUSION_TRANSFORMER_H

#include "layer/attention_pair_bias.h"
#include "layer/stack.h"

/* gate = sigmoid(LN(s) W^T + b), shift = LN(s) V^T; LN(s) has a gain only, LN(a) neither. */
typedef struct {
    rt_norm norm_s;
    rt_linear gate, shift;
} rt_adaptive_norm;

typedef struct {
    rt_adaptive_norm norm_a, norm_kv;      /* norm_kv in cross-attention mode only (atoms): applied to the normed a */
    rt_attention_pair_bias attention;
    rt_linear gate_last;                   /* linear_a_last */
    rt_adaptive_norm norm_transition;
    rt_linear a1, a2, b, gate_transition;  /* gate_transition is conditioned_transition_block.linear_s */
    bool cross_attention;
} rt_dit_block;

typedef struct {
    rt_dit_block *block;
    int64_t n_block, c_a;
} rt_diffusion_transformer;

/* One block's share of the conditioning, each (R,c_a). */
typedef struct {
    rt_tensor gate_a, shift_a, gate_kv, shift_kv, gate_last, gate_transition_norm, shift_transition_norm, gate_transition;
} rt_dit_condition;

/* Allocates the blocks on binder->arena. */
void rt_diffusion_transformer_bind(rt_binder *binder, rt_diffusion_transformer *t, const char *prefix, int64_t n_block,
                                   int64_t c_a, int64_t c_s, int64_t c_z, int64_t heads, bool cross_attention);

/* out_condition's tensors (made on the step arena) from s (R,c_s). */
void rt_dit_condition_forward(rt_ctx *ctx, const rt_dit_block *block, rt_dit_condition *out_condition, rt_tensor s);
/* opt_ds (R,c_s) += */
void rt_dit_condition_backward(rt_ctx *ctx, const rt_dit_block *block, rt_tensor opt_ds, const rt_dit_condition *dcondition,
                               rt_tensor s);
/* Zeroed gradients of a condition's tensors, on the step arena. */
void rt_dit_condition_gradient(rt_ctx *ctx, rt_dit_condition *out_dcondition, const rt_dit_condition *condition);

typedef struct {
    rt_tensor a, middle;   /* (S,R,c_a): what the attention and the transition took in */
} rt_dit_block_saved;

/* a (S,R,c_a): attention and transition, in place.  bias as rt_attention_pair_bias_bias makes it.  opt_saved's tensors are
 * the caller's. */
void rt_dit_block_forward(rt_ctx *ctx, const rt_dit_block *block, rt_tensor a, const rt_dit_condition *condition,
                          rt_tensor bias, bool local, rt_dit_block_saved *opt_saved);
/* da: the gradient at the output, then at the input; dcondition's tensors and opt_dbias are added to. */
void rt_dit_block_backward(rt_ctx *ctx, const rt_dit_block *block, rt_tensor da, const rt_dit_condition *dcondition,
                           rt_tensor opt_dbias, const rt_dit_condition *condition, rt_tensor bias, bool local,
                           const rt_dit_block_saved *saved);

/* What the blocks read beside a. */
typedef struct {
    const rt_tensor *bias;                 /* one per block */
    const rt_dit_condition *condition;     /* one per block; NULL: made from `single` block by block */
    rt_tensor single;                      /* (R,c_s) */
    bool local;
} rt_dit_inputs;

/* Where the backward adds their gradients. */
typedef struct {
    const rt_tensor *opt_dbias;            /* one per block; NULL: not wanted */
    const rt_dit_condition *dcondition;    /* one per block, with conditions given */
    rt_tensor opt_dsingle;                 /* with conditions made from `single` */
} rt_dit_gradients;

/* All blocks on a (S,R,c_a), in place. */
void rt_diffusion_transformer_forward(rt_ctx *ctx, const rt_diffusion_transformer *t, rt_tensor a, const rt_dit_inputs *inputs,
                                      rt_stack_saved *opt_saved);
void rt_diffusion_transformer_backward(rt_ctx *ctx, const rt_diffusion_transformer *t, rt_tensor da,
                                       const rt_dit_gradients *gradients, const rt_dit_inputs *inputs,
                                       const rt_stack_saved *saved);

#endif
