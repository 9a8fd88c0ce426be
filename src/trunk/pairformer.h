/* pairformer.h - pair and single update stack (AF3 SI Algorithm 17)
 * Room: trunk.  Uses: layer/triangle, layer/transition, layer/attention_pair_bias.
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
#include "layer/transition.h"
#include "layer/triangle.h"

typedef struct {
    rt_triangle_multiplication tri_mul_out, tri_mul_in;
    rt_triangle_attention tri_att_start, tri_att_end;
    rt_transition pair_transition;
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

void rt_pair_block_bind(rt_binder *binder, rt_pair_block *block, const char *prefix);
/* has_single: whether the single half runs; else its weights are kept and never train. */
void rt_pairformer_bind(rt_binder *binder, rt_pairformer *p, const char *prefix, int64_t n_block, int64_t heads,
                        bool has_single);

/* z (N,N,c_z): both triangle multiplications, both triangle attentions, the transition.
 * Cost: 1536 N^3 + O(N^2) flop at rnapro_base's widths. */
void rt_pair_block_forward(rt_ctx *ctx, const rt_pair_block *block, rt_tensor z);
/* opt_s (N,c_s): data NULL skips the single half. */
void rt_pairformer_block_forward(rt_ctx *ctx, const rt_pairformer_block *block, rt_tensor opt_s, rt_tensor z);

/* All blocks; probes "<name>.blocks.<i>@<call>.0/.1" after each. */
void rt_pairformer_forward(rt_ctx *ctx, const rt_pairformer *p, rt_tensor opt_s, rt_tensor z, const char *name, int64_t call);

#endif
