/* pairformer.h - pair and single update stack (AF3 SI Algorithm 17)
 * Room: trunk.  Uses: layer/stack, layer/triangle, layer/transition, layer/attention_pair_bias.
 * Reads: s (N,c_s), z (N,N,c_z).  Writes: s, z in place.
 * Reference: rnapro/model/modules/pairformer.py PairformerBlock
 * Weights: <prefix>.blocks.<i>.{tri_mul_out,tri_mul_in,tri_att_start,tri_att_end,pair_transition,attention_pair_bias,
 *          single_transition}
 *
 * z never depends on s: a stack whose s nobody reads (templates, MSA) runs its pair half alone.
 */
#ifndef RT_TRUNK_PAIRFORMER_H
#define RT_TRUNK_PAIRFORMER_H

#include "layer/attention_pair_bias.h"
#include "layer/stack.h"
#include "layer/transition.h"
#include "layer/triangle.h"

typedef struct {
    rt_triangle_multiplication tri_mul_out, tri_mul_in;
    rt_triangle_attention tri_att_start, tri_att_end;
    rt_transition pair_transition;
    double dropout;            /* of the four triangle updates; 0 when the block does not train */
} rt_pair_block;

typedef struct {
    rt_pair_block pair;
    rt_norm norm_a;
    rt_attention_pair_bias attention;
    rt_transition single_transition;
} rt_pairformer_block;

typedef struct {
    rt_pairformer_block *block;
    int64_t n_block;
} rt_pairformer;

typedef struct {
    rt_triangle_multiplication_saved tri_mul_out, tri_mul_in;
    rt_triangle_attention_saved tri_att_start, tri_att_end;   /* tri_att_end's input is z transposed */
    rt_transition_saved pair_transition;
    rt_tensor mask[4];                                        /* (N,c_z); absent without dropout */
} rt_pair_block_saved;

typedef struct {
    rt_pair_block_saved pair;
    rt_tensor s, z;                            /* the single half's inputs; s.data NULL: it did not run */
    rt_transition_saved single_transition;
} rt_pairformer_block_saved;

void rt_pair_block_bind(rt_binder *binder, rt_pair_block *block, const char *prefix, double dropout);
/* has_single: whether the single half runs; else its weights are kept and never train.  dropout: of a block that trains,
 * when the context has a dropout key. */
void rt_pairformer_bind(rt_binder *binder, rt_pairformer *p, const char *prefix, int64_t n_block, int64_t heads,
                        bool has_single, double dropout);

/* z (N,N,c_z): both triangle multiplications, both triangle attentions, the transition.
 * Cost: 1536 N^3 + O(N^2) flop at rnapro_base's widths. */
void rt_pair_block_forward(rt_ctx *ctx, const rt_pair_block *block, rt_tensor z, rt_pair_block_saved *opt_saved);
/* dz: the gradient at the output, then at the input. */
void rt_pair_block_backward(rt_ctx *ctx, const rt_pair_block *block, rt_tensor dz, const rt_pair_block_saved *saved);
/* opt_s (N,c_s): data NULL skips the single half. */
void rt_pairformer_block_forward(rt_ctx *ctx, const rt_pairformer_block *block, rt_tensor opt_s, rt_tensor z,
                                 rt_pairformer_block_saved *opt_saved);
/* opt_ds: data NULL when nobody reads s, so that its gradient is zero.  opt_probe: the name of dz as it is once the single
 * half has added its own, which is the gradient of the block's output z. */
void rt_pairformer_block_backward(rt_ctx *ctx, const rt_pairformer_block *block, rt_tensor opt_ds, rt_tensor dz,
                                  const rt_pairformer_block_saved *saved, const char *opt_probe);

/* All blocks; probes "<name>.blocks.<i>@<call>.0/.1" after each. */
void rt_pairformer_forward(rt_ctx *ctx, const rt_pairformer *p, rt_tensor opt_s, rt_tensor z, const char *name, int64_t call,
                           rt_stack_saved *opt_saved);
/* opt_probe: of the last block's. */
void rt_pairformer_backward(rt_ctx *ctx, const rt_pairformer *p, rt_tensor opt_ds, rt_tensor dz, const char *opt_probe,
                            const rt_stack_saved *saved);

#endif
