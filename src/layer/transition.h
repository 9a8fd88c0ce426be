/* transition.h - SwiGLU transition (AF3 SI Algorithm 11)
 * Room: layer.  Uses: layer/linear.
 * Reference: rnapro/model/modules/primitives.py Transition
 * Weights: layernorm1, linear_no_bias_a, linear_no_bias_b, linear_no_bias
 */
#ifndef RT_LAYER_TRANSITION_H
#define RT_LAYER_TRANSITION_H

#include "layer/linear.h"

typedef struct {
    rt_norm norm;
    rt_linear a, b, out;
} rt_transition;

void rt_transition_bind(rt_binder *binder, rt_transition *transition, const char *prefix, int64_t c, int64_t factor);

typedef struct {
    rt_tensor x;            /* the input */
    rt_gated_saved hidden;
} rt_transition_saved;

/* x (...,c) += W (silu(LN(x) A^T) * (LN(x) B^T)); row chunks bound the hidden tensors. */
void rt_transition_forward(rt_ctx *ctx, const rt_transition *transition, rt_tensor x, rt_transition_saved *opt_saved);
/* dx: the gradient at the output, then at the input. */
void rt_transition_backward(rt_ctx *ctx, const rt_transition *transition, rt_tensor dx, const rt_transition_saved *saved);

#endif
