/* ribonanza.h - RibonanzaNet2, the frozen RNA language model, and how RNAPro takes its features in
 * Room: trunk.  Uses: layer/linear.
 * Reads: tokenized_seq (N).  Writes: the mix over layers of sequence (N,ninp) and pair (N,N,pairwise_dimension) features.
 * Reference: rnapro/model/modules/ribonanzanet.py RibonanzaNet.get_embeddings, Gated*FeatureInjector
 * Weights: ribonanza_net.*, layer_weights
 *
 * bf16: the pair track only.  The sequence track and the injection cost little and amplify rounding: with them in float
 * the projected pair features of the small reference models are 2 to 5 times closer to the float run.
 *
 * Traps: the sequence track is post-norm, the pair track pre-norm; the outer product is not a mean; gates are computed on
 * the normed input.  The softmax-weighted mix is accumulated layer by layer: the 48 pair tensors never exist together.
 */
#ifndef RT_TRUNK_RIBONANZA_H
#define RT_TRUNK_RIBONANZA_H

#include "layer/linear.h"

typedef struct {
    rt_norm norm, out_norm;
    rt_linear left, right, left_gate, right_gate, out_gate, out;
    bool outgoing;
} rt_ribonanza_triangle;

typedef struct {
    rt_linear q, k, v, bias;                     /* self_attn.w_{q,k,v}s, pairwise2heads */
    rt_norm norm1, norm2, pair_norm;
    rt_linear transition1, transition2;          /* sequence_transititon.{0,2}, as the reference spells it */
    rt_linear down;                              /* outer_product_mean.proj_down1 */
    rt_tensor outer, outer_bias;                 /* outer_product_mean.proj_down2 */
    rt_ribonanza_triangle triangle_out, triangle_in;
    rt_norm pair_transition_norm;
    rt_linear pair_transition1, pair_transition2;
} rt_ribonanza_layer;

typedef struct {
    rt_ribonanza_layer *layer;
    int64_t n_layer, heads, ninp, pairwise;
    rt_tensor encoder;                           /* (ntoken,ninp) */
    rt_linear down;
    rt_tensor outer, outer_bias, position, position_bias;   /* position (pairwise,33) */
    rt_linear decoder;                           /* bound and kept, never run */
    rt_tensor layer_weights;                     /* (n_layer) */
} rt_ribonanza;

typedef struct {
    rt_tensor sequence;                          /* (N,ninp) */
    rt_tensor pairwise;                          /* (N,N,pairwise_dimension) */
} rt_ribonanza_mix;

/* projection_<kind>_features and gated_<kind>_feature_injector. */
typedef struct {
    rt_linear first, second, inject;
    rt_norm norm1, norm2;
    rt_tensor gate, dgate;                       /* (c): before the sigmoid */
} rt_ribonanza_injector;

void rt_ribonanza_bind(rt_binder *binder, rt_ribonanza *r);
void rt_ribonanza_injector_bind(rt_binder *binder, rt_ribonanza_injector *injector, const char *kind, int64_t c_in, int64_t c);

/* tokens (N) I64.  A layer whose weight in the mix is exactly 0 at the end of the stack is not computed (it is when a probe
 * watches).  The mix is on the step arena. */
void rt_ribonanza_forward(rt_ctx *ctx, const rt_ribonanza *r, rt_ribonanza_mix *out_mix, rt_tensor tokens);

/* x (...,c) += sigmoid(gate) * (LN(relu(LN(mix A^T)) B^T) C^T + bias), probing the projection under `probe`. */
void rt_ribonanza_inject(rt_ctx *ctx, const rt_ribonanza_injector *injector, rt_tensor x, rt_tensor mix, const char *probe);
/* Adds to the gradients of the injector's weights; dx passes on as it is, and RibonanzaNet2 itself is frozen. */
void rt_ribonanza_inject_backward(rt_ctx *ctx, const rt_ribonanza_injector *injector, rt_tensor dx, rt_tensor mix);

#endif
