/* embed.h - input features to single and pair representations (AF3 SI Algorithm 1, lines 1-5, and Algorithm 2)
 * Room: trunk.  Uses: layer/atom_encoder, layer/relative_position, trunk/ribonanza.
 * Reference: rnapro/model/modules/embedders.py InputFeatureEmbedder, model/RNAPro.py get_pairformer_output
 * Weights: input_embedder.*, relative_position_encoding.*, linear_no_bias_{sinit,zinit1,zinit2,token_bond},
 *          projection_{sequence,pairwise}_features.*, gated_{sequence,pairwise}_feature_injector.*, layer_weights
 */
#ifndef RT_TRUNK_EMBED_H
#define RT_TRUNK_EMBED_H

#include "layer/atom_encoder.h"
#include "layer/relative_position.h"
#include "trunk/ribonanza.h"

typedef struct {
    rt_atom_encoder atom_encoder;
    rt_relative_position relative_position;
    rt_linear sinit, zinit1, zinit2;
    rt_linear token_bond;        /* bound and kept; token_bonds is zero for RNA, so it contributes nothing */
    bool use_ribonanza;
    rt_ribonanza ribonanza;
    rt_ribonanza_injector sequence, pairwise;
} rt_embedder;

/* s_inputs and s_init stay the caller's and must live until the backward. */
typedef struct {
    rt_tensor s_inputs, s_init;
    rt_ribonanza_mix mix;
    rt_atom_context context;
    rt_atom_context_saved atom;
    rt_atom_condition condition;
    rt_tensor q;                 /* (1,A,c_atom): after the atom transformer */
    rt_stack_saved transformer;
} rt_embedder_saved;

void rt_embedder_bind(rt_binder *binder, rt_embedder *e);

/* s_inputs (N,c_s_inputs), s_init (N,c_s), z_init (N,N,c_z): new tensors of the caller. */
void rt_embedder_forward(rt_ctx *ctx, const rt_embedder *e, rt_tensor s_inputs, rt_tensor s_init, rt_tensor z_init,
                         const rt_features *features, rt_embedder_saved *opt_saved);
/* Adds to the gradients of its weights; ds_inputs, ds_init and dz_init are used up. */
void rt_embedder_backward(rt_ctx *ctx, const rt_embedder *e, rt_tensor ds_inputs, rt_tensor ds_init, rt_tensor dz_init,
                          const rt_features *features, const rt_embedder_saved *saved);

#endif
