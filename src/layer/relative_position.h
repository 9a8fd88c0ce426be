/* relative_position.h - relative position encoding (AF3 SI Algorithm 3)
 * Room: layer.  Uses: layer/linear, feat/features.
 * Reference: rnapro/model/modules/embedders.py RelativePositionEncoding
 * Weights: linear_no_bias (c_z, 4 r_max + 2 s_max + 7)
 */
#ifndef RT_LAYER_RELATIVE_POSITION_H
#define RT_LAYER_RELATIVE_POSITION_H

#include "feat/features.h"
#include "layer/linear.h"

typedef struct {
    rt_linear linear;
    int64_t r_max, s_max;
} rt_relative_position;

void rt_relative_position_bind(rt_binder *binder, rt_relative_position *r, const char *prefix);

/* z (n,N,c_z) [+]= the encoding of token rows first .. first+n-1 against all tokens.  The one-hot of 4 r_max + 2 s_max + 7
 * classes has four ones, so the product is a sum of four columns of the weight. */
void rt_relative_position_forward(rt_ctx *ctx, const rt_relative_position *r, rt_tensor z, const rt_features *features,
                                  int64_t first, bool add);
void rt_relative_position_backward(rt_ctx *ctx, const rt_relative_position *r, rt_tensor dz, const rt_features *features,
                                   int64_t first);

#endif
