/* linear.h - linear layers, their low-rank adapters, and layer norms
 * Room: layer.  Uses: op, layer/bind.
 * Reference: rnapro/model/modules/primitives.py Linear, openfold_local/model/primitives.py LayerNorm
 */
#ifndef RT_LAYER_LINEAR_H
#define RT_LAYER_LINEAR_H

#include "layer/bind.h"
#include "op/tiles.h"

typedef struct {
    rt_tensor weight;    /* (out,in) in the context's real type; data NULL when only bf16 is wanted */
    rt_tensor weight16;  /* (out,in) BF16; data NULL when products are in float */
    rt_tensor bias;      /* (out), data NULL: none */
    rt_tensor dweight, dbias;      /* gradients, data NULL: frozen */
    const rt_adapter *adapter;     /* the first of those on top of it; NULL: none */
} rt_linear;

typedef struct {
    rt_tensor gain;      /* (c), data NULL: none */
    rt_tensor offset;    /* (c), data NULL: none */
    rt_tensor dgain, doffset;      /* gradients, data NULL: frozen */
} rt_norm;

/* Weights: <prefix>.<name>.weight (out,in) and, with a bias, <prefix>.<name>.bias (out). */
void rt_linear_bind(rt_binder *binder, rt_linear *linear, const char *prefix, const char *name, int64_t out, int64_t in,
                    bool bias);
/* A layer that is never rounded to bf16: on coordinates or distances, or too small for speed to matter. */
void rt_linear_bind_exact(rt_binder *binder, rt_linear *linear, const char *prefix, const char *name, int64_t out, int64_t in,
                          bool bias);
/* Weights: <prefix>.<name>.weight (c) and, with an offset, .bias (c). */
void rt_norm_bind(rt_binder *binder, rt_norm *norm, const char *prefix, const char *name, int64_t c, bool offset);

/* y (...,out) [+]= act(x (...,in) W^T + b) [* mul]: see rt_op_linear.  Each adapter adds scale (x A^T) B^T to x W^T. */
void rt_linear_forward(rt_ctx *ctx, const rt_linear *linear, rt_tensor y, rt_tensor x, rt_epilogue epilogue);
/* From dy, the gradient before the epilogue: opt_dx [+]= dy W; with opt_x, the forward's input, dW, db, dA and dB are added
 * to, each unless frozen. */
void rt_linear_backward(rt_ctx *ctx, const rt_linear *linear, rt_tensor opt_dx, bool add, rt_tensor dy, rt_tensor opt_x);
/* True when the layer has a gradient of its own, so that its input is needed again. */
static inline bool rt_linear_trains(const rt_linear *linear)
{
    bool trains = linear->dweight.data || linear->dbias.data;
    for (const rt_adapter *a = linear->adapter; a; a = a->next) trains = trains || a->da.data;
    return trains;
}
static inline bool rt_norm_trains(const rt_norm *norm) { return norm->dgain.data || norm->doffset.data; }
/* A backward over n_item items of `width` rows each.  Where weights or what all rows share collect gradients (`shared`),
 * ranges of rows follow each other; elsewhere they are dealt to the workers as rt_tiles_run does. */
void rt_rows_backward(rt_ctx *ctx, int64_t n_item, int64_t width, bool shared, rt_tile_body *body, const void *user);
/* The weight's gradient, or where it is frozen a zeroed scratch tensor: for ops that write several gradients at once. */
rt_tensor rt_linear_gradient(rt_ctx *ctx, const rt_linear *linear);
/* y = x W^T + b on a new tensor of x's leading shape. */
rt_tensor rt_linear_new(rt_ctx *ctx, const rt_linear *linear, rt_tensor x, rt_act act);

/* What a gated layer's backward reads: x P^T and x G^T (rows,out).  Data NULL: it computes them again. */
typedef struct {
    rt_tensor value, pre;
} rt_gated_saved;
rt_gated_saved rt_gated_keep(rt_ctx *ctx, int64_t rows, int64_t out);
static inline rt_gated_saved rt_gated_slice(rt_gated_saved saved, int64_t first, int64_t count)
{
    return saved.pre.data ? (rt_gated_saved){rt_slice(saved.value, first, count), rt_slice(saved.pre, first, count)} : saved;
}

/* y (...,out) = (x P^T) * act(x G^T), each with its bias if it has one */
void rt_gated_forward(rt_ctx *ctx, const rt_linear *p, const rt_linear *g, rt_act act, rt_tensor y, rt_tensor x,
                      rt_gated_saved saved);
/* dx (...,in) = gradient through both; opt_y: the forward's output again.  x is read only where something is computed again
 * or trains. */
void rt_gated_backward(rt_ctx *ctx, const rt_linear *p, const rt_linear *g, rt_act act, rt_tensor dx, rt_tensor opt_y,
                       rt_tensor dy, rt_tensor x, rt_gated_saved saved);

/* y (...,c) = LN(x); y may alias x. */
void rt_norm_forward(rt_ctx *ctx, const rt_norm *norm, rt_tensor y, rt_tensor x);
rt_tensor rt_norm_new(rt_ctx *ctx, const rt_norm *norm, rt_tensor x);
/* opt_dx [+]= the gradient at x; may alias dy. */
void rt_norm_backward(rt_ctx *ctx, const rt_norm *norm, rt_tensor opt_dx, bool add, rt_tensor dy, rt_tensor x);

/* y (...,out) [+]= LN(x (...,c)) W^T + b, in row chunks, so that the normed copy stays small.  The epilogue has no mul. */
void rt_norm_linear_forward(rt_ctx *ctx, const rt_norm *norm, const rt_linear *linear, rt_tensor y, rt_tensor x,
                            rt_epilogue epilogue);
/* opt_dx (...,c) += */
void rt_norm_linear_backward(rt_ctx *ctx, const rt_norm *norm, const rt_linear *linear, rt_tensor opt_dx, rt_tensor dy,
                             rt_tensor x);

static inline int64_t rt_linear_out(const rt_linear *linear) { return linear->weight.dim[0]; }

#define RT_PLAIN ((rt_epilogue){0})
#define RT_ADD ((rt_epilogue){.add = true})

#endif
