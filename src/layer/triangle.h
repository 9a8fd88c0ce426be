/* triangle.h - triangle multiplication and triangle attention (AF3 SI Algorithms 12-15)
 * Room: layer.  Uses: layer/linear.
 * Reference: openfold_local/model/triangular_multiplicative_update.py, triangular_attention.py
 */
#ifndef RT_LAYER_TRIANGLE_H
#define RT_LAYER_TRIANGLE_H

#include "layer/linear.h"

/* The factors a and b of a triangle product (N N,c), and what their gates' backward reads. */
typedef struct {
    rt_tensor left, right;
    rt_gated_saved a, b;
} rt_triangle_factors;

/* x (N,N,c) = triangle product of a and b, where a = (LN(z) A^T) * sigmoid(LN(z) A_g^T) and b likewise; x is the caller's.
 * project: a, its gate, b, its gate.  opt_factors: the caller's tensors, to keep them; NULL: two such tensors while it
 * runs, or 16 channels at a time, a fifth of that, in a frugal context. */
void rt_triangle_update(rt_ctx *ctx, const rt_norm *norm, const rt_linear *const project[4], rt_tensor x, rt_tensor z,
                        bool outgoing, const rt_triangle_factors *opt_factors);

/* Weights: layer_norm_in, layer_norm_out, linear_{a,b}_{p,g}, linear_g, linear_z; none has a bias. */
typedef struct {
    rt_norm norm_in, norm_out;
    rt_linear a_p, a_g, b_p, b_g, g, z;
    bool outgoing;
} rt_triangle_multiplication;

typedef struct {
    rt_tensor z;   /* (N,N,c_z): the input */
    rt_tensor x;   /* (N N,c_hidden): the product before its norm */
    rt_triangle_factors factors;
    rt_tensor pre, update;   /* (N N,c_z): the output's gate before its sigmoid, and what it gates */
} rt_triangle_multiplication_saved;

void rt_triangle_multiplication_bind(rt_binder *binder, rt_triangle_multiplication *m, const char *prefix, int64_t c_z,
                                     int64_t c_hidden, bool outgoing);
/* z (N,N,c_z) += sigmoid(LN(z) G^T) * (LN(triangle product of a and b) Z^T).
 * Memory: three tensors (N,N,c_hidden). */
void rt_triangle_multiplication_forward(rt_ctx *ctx, const rt_triangle_multiplication *m, rt_tensor z,
                                        rt_triangle_multiplication_saved *opt_saved);
/* dz: the gradient at the output, then at the input. */
void rt_triangle_multiplication_backward(rt_ctx *ctx, const rt_triangle_multiplication *m, rt_tensor dz,
                                         const rt_triangle_multiplication_saved *saved);

/* Weights: layer_norm, linear (heads, c_z), mha.linear_{q,k,v,g,o}; none has a bias. */
typedef struct {
    rt_norm norm;
    rt_linear bias, q, k, v, g, o;
    int64_t heads;
} rt_triangle_attention;

typedef struct {
    rt_tensor z;               /* (N,N,c_z): the input */
    rt_tensor q, k, v, pre;    /* (N,N,c_hidden heads), pre: the gate before its sigmoid */
} rt_triangle_attention_saved;

void rt_triangle_attention_bind(rt_binder *binder, rt_triangle_attention *a, const char *prefix, int64_t c_z,
                                int64_t c_hidden, int64_t heads);
/* z (N,N,c_z) += starting-node attention: row i attends over its columns with a bias from LN(z)[j,k].  The reference's
 * ending node is this on z transposed, with the bias from the transposed z too.  Row chunks bound q, k, v and g. */
void rt_triangle_attention_forward(rt_ctx *ctx, const rt_triangle_attention *a, rt_tensor z,
                                   const rt_triangle_attention_saved *opt_saved);
/* The tensors that it then fills. */
rt_triangle_attention_saved rt_triangle_attention_keep(rt_ctx *ctx, const rt_triangle_attention *a, int64_t n);
/* dz: the gradient at the output, then at the input. */
void rt_triangle_attention_backward(rt_ctx *ctx, const rt_triangle_attention *a, rt_tensor dz,
                                    const rt_triangle_attention_saved *saved);

#endif
