/* attention_pair_bias.h - attention over tokens or windows of atoms with a bias from a pair tensor (AF3 SI Algorithm 24)
 * Room: layer.  Uses: layer/linear.
 * Reference: rnapro/model/modules/transformer.py AttentionPairBias, primitives.py Attention
 * Weights: attention.linear_q (with bias), attention.linear_{k,v,o,g}, layernorm_z, linear_nobias_z
 *
 * This is the part that the pairformer and the diffusion transformers share; what normalises the input and gates the
 * output differs and stays with them.
 */
#ifndef RT_LAYER_ATTENTION_PAIR_BIAS_H
#define RT_LAYER_ATTENTION_PAIR_BIAS_H

#include "layer/linear.h"

typedef struct {
    rt_linear q, k, v, o, g, bias;
    rt_norm norm_z;
    int64_t heads;
} rt_attention_pair_bias;

/* offset_z: whether layernorm_z has a bias (the pairformer's has, the diffusion module's has not). */
void rt_attention_pair_bias_bind(rt_binder *binder, rt_attention_pair_bias *a, const char *prefix, int64_t c_a, int64_t c_z,
                                 int64_t heads, bool offset_z);

/* bias (heads, M) = (LN(z (M,c_z)) W^T)^T, for any M: N*N token pairs or W*32*128 atom pairs. */
void rt_attention_pair_bias_bias(rt_ctx *ctx, const rt_attention_pair_bias *a, rt_tensor bias, rt_tensor z);
/* opt_dz (M,c_z) += from dbias (heads, M). */
void rt_attention_pair_bias_bias_backward(rt_ctx *ctx, const rt_attention_pair_bias *a, rt_tensor opt_dz, rt_tensor dbias,
                                          rt_tensor z);

/* a (S,R,c_a) [+]= (gated attention of query and key_value (S,R,c_a) with bias) O^T [* gate_last (R,c_a)].
 * local: bias is (heads,W,32,128) and attention runs in windows; else (heads,R,R). */
void rt_attention_pair_bias_forward(rt_ctx *ctx, const rt_attention_pair_bias *p, rt_tensor a, rt_tensor query,
                                    rt_tensor key_value, rt_tensor bias, rt_tensor opt_gate_last, bool local);

/* What its backward adds to; dquery and dkey_value may be the same tensor. */
typedef struct {
    rt_tensor dquery, dkey_value, opt_dbias, opt_dgate_last;
} rt_attention_pair_bias_grad;

/* From da (S,R,c_a), the gradient of what the forward added; its inputs are given again. */
void rt_attention_pair_bias_backward(rt_ctx *ctx, const rt_attention_pair_bias *p, const rt_attention_pair_bias_grad *grad,
                                     rt_tensor da, rt_tensor query, rt_tensor key_value, rt_tensor bias,
                                     rt_tensor opt_gate_last, bool local);

#endif
