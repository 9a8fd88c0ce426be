/* template.h - template C1' distances into the pair representation
 * Room: trunk.  Uses: trunk/pairformer, feat/features.
 * Reads: z (N,N,c_z), s_inputs (N,c_s_inputs), template coordinates.  Writes: z += embedding, in place.
 * Reference: rnapro/model/modules/pairformer.py RNATemplateEmbedder
 * Weights: template_embedder.*
 *
 * Only distances enter, so the result does not depend on how a template is placed.  Without any template the reference
 * returns z itself, so that z is doubled; a template of zeros is what training showed the network instead.
 */
#ifndef RT_TRUNK_TEMPLATE_H
#define RT_TRUNK_TEMPLATE_H

#include "feat/features.h"
#include "trunk/pairformer.h"

typedef struct {
    rt_norm input_s_norm;          /* with the single half of the stack: bound and kept, but z never depends on them */
    rt_linear chemical;            /* chemical mapping profiles: no target has one */
    rt_linear s1, s2, distance_bin, distance_raw, final;
    rt_pairformer stack;
    rt_norm norm_z;
    int64_t n_bin;
} rt_template_embedder;

typedef struct {
    rt_tensor one, d, mask;        /* after the stack, before its norm; the template's distances and mask */
    rt_stack_saved stack;
} rt_template_saved;

/* s_inputs stays the caller's and must live until the backward. */
typedef struct {
    rt_tensor s_inputs, mean, lower, upper;
    rt_template_saved *template;   /* one each; NULL: there was none, and z was doubled */
    int64_t n_template;
} rt_template_embedder_saved;

void rt_template_embedder_bind(rt_binder *binder, rt_template_embedder *t);

/* z += mean over templates of LN(stack(z + outer sum of s_inputs + distances)) W^T; probes "template_embedder@<cycle>". */
void rt_template_embedder_forward(rt_ctx *ctx, const rt_template_embedder *t, rt_tensor z, rt_tensor s_inputs,
                                  const rt_features *features, int64_t cycle, rt_template_embedder_saved *opt_saved);
/* dz: the gradient at the output, then at the input; opt_ds_inputs += */
void rt_template_embedder_backward(rt_ctx *ctx, const rt_template_embedder *t, rt_tensor dz, rt_tensor opt_ds_inputs,
                                   const rt_template_embedder_saved *saved);

#endif
