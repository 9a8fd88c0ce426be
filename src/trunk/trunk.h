/* trunk.h - embedder, templates, MSA and pairformer with recycling (AF3 SI Algorithm 1, lines 1-14)
 * Room: trunk.  Uses: trunk/embed, trunk/template, trunk/msa, trunk/pairformer.
 * Reads: features.  Writes: s_inputs (N,c_s_inputs), s (N,c_s), z (N,N,c_z).
 * Reference: rnapro/model/RNAPro.py get_pairformer_output
 * Weights: layernorm_{s,z_cycle}, linear_no_bias_{s,z_cycle}, and the parts'
 */
#ifndef RT_TRUNK_TRUNK_H
#define RT_TRUNK_TRUNK_H

#include "trunk/embed.h"
#include "trunk/msa.h"
#include "trunk/pairformer.h"
#include "trunk/template.h"

typedef struct {
    rt_embedder embedder;
    rt_template_embedder template_embedder;
    rt_msa_module msa;
    rt_pairformer pairformer;
    rt_pairformer ribonanza_stack;   /* in the checkpoint, never called: bound, so that it is known and checked */
    rt_norm norm_s, norm_z;
    rt_linear cycle_s, cycle_z;
    bool embedder_trains, before_trains;   /* anything of the embedder; anything before the pairformer stack */
    bool trains;
} rt_trunk;

/* The last cycle; s_inputs and z stay the caller's and must live until the backward. */
typedef struct {
    rt_tensor s_before, z_before;          /* what the last cycle began with, before the recycling norms */
    rt_embedder_saved embedder;
    rt_template_embedder_saved template_embedder;
    rt_msa_module_saved msa;
    rt_stack_saved pairformer;
} rt_trunk_saved;

/* How the MSA rows of each cycle are chosen. */
typedef struct {
    uint64_t seed, stream;               /* rt_msa_draw_rows */
    int64_t lower_bound, cutoff;
    const rt_tensor *opt_rows;           /* one I64 tensor per cycle: given rows instead of drawn ones */
} rt_msa_choice;

typedef void rt_trunk_progress(void *user, int64_t cycle, int64_t n_cycle);

void rt_trunk_bind(rt_binder *binder, rt_trunk *trunk);

/* s_inputs, s and z are the caller's. */
void rt_trunk_forward(rt_ctx *ctx, const rt_trunk *trunk, rt_tensor s_inputs, rt_tensor s, rt_tensor z,
                      const rt_features *features, int64_t n_cycle, const rt_msa_choice *choice,
                      rt_trunk_progress *opt_progress, void *user, rt_trunk_saved *opt_saved);
/* Gradients flow through the last cycle only, as in the reference; ctx->bf16 as in the forward.  ds_inputs (N,c_s_inputs),
 * ds and dz: the gradients at the outputs; they are used up.  Stops behind the earliest module that trains. */
void rt_trunk_backward(rt_ctx *ctx, const rt_trunk *trunk, rt_tensor ds_inputs, rt_tensor ds, rt_tensor dz,
                       const rt_features *features, const rt_trunk_saved *saved);

#endif
