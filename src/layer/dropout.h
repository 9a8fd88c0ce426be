/* dropout.h - row-wise dropout of residual updates, from the counter generator
 * Room: layer.  Uses: op/backend, base/rng.
 * Reference: openfold_local/model/dropout.py DropoutRowwise
 *
 * Off unless the context has a key.  A mask is a function of (seed, step, site), where sites are counted as the forward
 * meets them: a rerun that starts from the same site draws the same masks.  Modules that do not train have rate 0.
 */
#ifndef RT_LAYER_DROPOUT_H
#define RT_LAYER_DROPOUT_H

#include <stdint.h>

#include "op/backend.h"

/* The caller sets seed and step (of training) and site 0, and points the context at it. */
struct rt_dropout {
    uint64_t seed, step;
    uint64_t site;       /* the next mask's number */
};

/* (n,c) of 0 and 1 / (1 - rate), shared by all rows of a (M,n,c) tensor; absent without a key or with rate 0. */
rt_tensor rt_dropout_mask(rt_ctx *ctx, double rate, int64_t n, int64_t c);

/* x (M,n,c) holds before + update: makes it before + mask * update.  Nothing happens without a mask. */
void rt_dropout_apply(rt_ctx *ctx, rt_tensor x, rt_tensor before, rt_tensor opt_mask);

/* Around the backward of such an update: begin gives the gradient to send through it (dx itself without a mask), end adds
 * what came out to dx, which kept the rest. */
rt_tensor rt_dropout_begin(rt_ctx *ctx, rt_tensor dx, rt_tensor opt_mask);
void rt_dropout_end(rt_ctx *ctx, rt_tensor dx, rt_tensor through, rt_tensor opt_mask);

#endif
