/* msa.h - the MSA module (AF3 SI Algorithms 8-10)
 * Room: trunk.  Uses: trunk/pairformer, feat/features.
 * Reads: the drawn MSA rows, s_inputs (N,c_s_inputs).  Writes: z (N,N,c_z) in place.
 * Reference: rnapro/model/modules/pairformer.py MSAModule, openfold_local/model/outer_product_mean.py
 * Weights: msa_module.*
 */
#ifndef RT_TRUNK_MSA_H
#define RT_TRUNK_MSA_H

#include "feat/features.h"
#include "trunk/pairformer.h"

typedef struct {
    rt_norm opm_norm;
    rt_linear opm_a, opm_b, opm_out;               /* opm_out with bias */
    bool last;                                     /* the last block has no MSA stack */
    rt_norm norm_m, norm_z;
    rt_linear value, weight, gate, out;
    int64_t heads;
    double dropout;                                /* of the averaging; 0 when it does not train */
    rt_transition transition;
    rt_pair_block pair;
} rt_msa_block;

typedef struct {
    rt_linear m, s;
    rt_msa_block *block;
    int64_t n_block, c_m;
} rt_msa_module;

/* s_inputs and rows stay the caller's and must live until the backward. */
typedef struct {
    rt_tensor s_inputs, rows;
    rt_stack_saved stack;
} rt_msa_module_saved;

void rt_msa_module_bind(rt_binder *binder, rt_msa_module *m);

/* rows (M) I64: which rows of features->msa this cycle sees, in this order (drawn anew in every cycle; the query row may be
 * absent).  Probes "msa_module@<cycle>". */
void rt_msa_module_forward(rt_ctx *ctx, const rt_msa_module *m, rt_tensor z, rt_tensor s_inputs, const rt_features *features,
                           rt_tensor rows, int64_t cycle, rt_msa_module_saved *opt_saved);
/* dz: the gradient at the output, then at the input; opt_ds_inputs += */
void rt_msa_module_backward(rt_ctx *ctx, const rt_msa_module *m, rt_tensor dz, rt_tensor opt_ds_inputs,
                            const rt_features *features, const rt_msa_module_saved *saved);

/* The reference's draw: k = uniform 1..n, then a random k of the n rows, at most `cutoff`.  RT_DRAW_MSA_ROWS. */
rt_tensor rt_msa_draw_rows(rt_ctx *ctx, int64_t n_msa, int64_t lower_bound, int64_t cutoff, uint64_t seed, uint64_t stream,
                           int64_t cycle);

#endif
