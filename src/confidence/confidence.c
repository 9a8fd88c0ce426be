#include "confidence/confidence.h"

void rt_confidence_head_bind(rt_binder *binder, rt_confidence_head *head)
{
    static const char *const PREFIX = "confidence_head";
    const rt_config *c = binder->config;
    int64_t bins = c->confidence_distance_bins;
    RT_BIND(binder, &head->lower_bins, NULL, PREFIX, "lower_bins", bins);
    RT_BIND(binder, &head->upper_bins, NULL, PREFIX, "upper_bins", bins);
    RT_BIND(binder, &head->plddt_weight, &head->dplddt_weight, PREFIX, "plddt_weight", c->max_atoms_per_token, c->c_s,
            c->plddt_bins);
    RT_BIND(binder, &head->resolved_weight, &head->dresolved_weight, PREFIX, "resolved_weight", c->max_atoms_per_token,
            c->c_s, 2);
    rt_linear_bind(binder, &head->s1, PREFIX, "linear_no_bias_s1", c->c_z, c->c_s_inputs, false);
    rt_linear_bind(binder, &head->s2, PREFIX, "linear_no_bias_s2", c->c_z, c->c_s_inputs, false);
    rt_linear_bind_exact(binder, &head->distance_bin, PREFIX, "linear_no_bias_d", c->c_z, bins, false);
    rt_linear_bind_exact(binder, &head->distance_raw, PREFIX, "linear_no_bias_d_wo_onehot", c->c_z, 1, false);
    rt_pairformer_bind(binder, &head->stack, "confidence_head.pairformer_stack", c->confidence_blocks, c->confidence_heads,
                       true, c->dropout_confidence);
    rt_linear_bind(binder, &head->pae, PREFIX, "linear_no_bias_pae", c->pae_bins, c->c_z, false);
    rt_linear_bind(binder, &head->pde, PREFIX, "linear_no_bias_pde", c->pde_bins, c->c_z, false);
    rt_norm_bind(binder, &head->norm_s, PREFIX, "input_strunk_ln", c->c_s, true);
    rt_norm_bind(binder, &head->norm_pae, PREFIX, "pae_ln", c->c_z, true);
    rt_norm_bind(binder, &head->norm_pde, PREFIX, "pde_ln", c->c_z, true);
    rt_norm_bind(binder, &head->norm_plddt, PREFIX, "plddt_ln", c->c_s, true);
    rt_norm_bind(binder, &head->norm_resolved, PREFIX, "resolved_ln", c->c_s, true);
}

void rt_distogram_head_bind(rt_binder *binder, rt_distogram_head *head)
{
    const rt_config *c = binder->config;
    rt_linear_bind(binder, &head->linear, "distogram_head", "linear", c->distogram_bins, c->c_z, true);
}

/* A token's atom norm of its single representation times the matrix of the atom's type. */
static void per_atom(rt_ctx *ctx, const rt_norm *norm, rt_tensor weight, rt_tensor logits, rt_tensor s,
                     const rt_features *features)
{
    int64_t mark = rt_arena_mark(ctx->step);
    rt_op_atom_linear(ctx, logits, rt_norm_new(ctx, norm, s), weight,
                      rt_upload(ctx, features->atom_to_token_idx), rt_upload(ctx, features->atom_to_tokatom_idx));
    rt_arena_reset(ctx->step, mark);
}

/* ds (N,c_s) += */
static void per_atom_backward(rt_ctx *ctx, const rt_norm *norm, rt_tensor weight, rt_tensor dweight, rt_tensor ds,
                              rt_tensor dlogits, rt_tensor s, const rt_features *features)
{
    if (!dlogits.data) return;
    int64_t mark = rt_arena_mark(ctx->step);
    rt_tensor normed = rt_norm_new(ctx, norm, s), dnormed = rt_new_like(ctx, s);
    rt_zero(ctx, dnormed);
    rt_op_atom_linear_backward(ctx, dnormed, dweight, dlogits, normed, weight,
                               rt_upload(ctx, features->atom_to_token_idx), rt_upload(ctx, features->atom_to_tokatom_idx));
    rt_norm_backward(ctx, norm, ds, true, dnormed, s);
    rt_arena_reset(ctx->step, mark);
}

void rt_confidence_head_forward(rt_ctx *ctx, const rt_confidence_head *head, const rt_confidence_logits *logits,
                                rt_tensor s_inputs, rt_tensor s_trunk, rt_tensor z_trunk, rt_tensor x,
                                const rt_features *features, int64_t sample, rt_confidence_saved *opt_saved)
{
    int64_t n = features->n_token, mark = rt_arena_mark(ctx->step);
    rt_tensor s = rt_new_like(ctx, s_trunk), z = rt_new_like(ctx, z_trunk), d = RT_NEW(ctx, n, n), centre = RT_NEW(ctx, 1, n, 3);
    rt_tensor a = rt_linear_new(ctx, &head->s2, s_inputs, RT_ACT_NONE), b = rt_linear_new(ctx, &head->s1, s_inputs, RT_ACT_NONE);
    rt_op_clamp(ctx, s, s_trunk, -512, 512);
    rt_norm_forward(ctx, &head->norm_s, s, s);
    rt_op_axpby(ctx, z, 0, z_trunk, 1);
    rt_op_pair_sum(ctx, z, a, b, true);
    rt_op_gather(ctx, centre, RT_VIEW(x, 1, features->n_atom, 3), rt_upload(ctx, features->distogram_rep_atom), false);
    rt_op_distances(ctx, d, RT_VIEW(centre, n, 3), RT_ABSENT);
    rt_op_distance_embed(ctx, z, d, RT_ABSENT, head->lower_bins, head->upper_bins, head->distance_bin.weight,
                         head->distance_raw.weight);
    if (opt_saved) *opt_saved = (rt_confidence_saved){.s_inputs = s_inputs, .s_trunk = s_trunk, .d = d, .s = s, .z = z};
    rt_pairformer_forward(ctx, &head->stack, s, z, "confidence_head.pairformer_stack", sample,
                          opt_saved ? &opt_saved->stack : NULL);
    if (opt_saved) mark = rt_arena_mark(ctx->step);   /* what was kept stays */
    per_atom(ctx, &head->norm_plddt, head->plddt_weight, logits->plddt, s, features);
    per_atom(ctx, &head->norm_resolved, head->resolved_weight, logits->resolved, s, features);
    rt_norm_linear_forward(ctx, &head->norm_pae, &head->pae, logits->pae, z, RT_PLAIN);
    rt_tensor symmetric = rt_new_like(ctx, z);
    rt_op_transpose_pair(ctx, symmetric, z, true);
    rt_norm_linear_forward(ctx, &head->norm_pde, &head->pde, logits->pde, symmetric, RT_PLAIN);
    rt_arena_reset(ctx->step, mark);
}

/* dz += the gradient through the head of z + its transpose */
static void pde_backward(rt_ctx *ctx, const rt_confidence_head *head, rt_tensor dz, rt_tensor dlogits, rt_tensor z)
{
    int64_t mark = rt_arena_mark(ctx->step);
    rt_tensor symmetric = rt_new_like(ctx, z), dsymmetric = rt_new_like(ctx, z);
    rt_op_transpose_pair(ctx, symmetric, z, true);
    rt_zero(ctx, dsymmetric);
    rt_norm_linear_backward(ctx, &head->norm_pde, &head->pde, dsymmetric, dlogits, symmetric);
    rt_op_transpose_pair(ctx, symmetric, dsymmetric, true);
    rt_op_axpby(ctx, dz, 1, symmetric, 1);
    rt_arena_reset(ctx->step, mark);
}

/* What lies before the stack: distances, the outer sum of s_inputs, the norm of s. */
static void inputs_backward(rt_ctx *ctx, const rt_confidence_head *head, rt_tensor ds, rt_tensor dz,
                            const rt_confidence_saved *saved)
{
    int64_t n = dz.dim[0], c_z = dz.dim[2], mark = rt_arena_mark(ctx->step);
    if (rt_linear_trains(&head->distance_bin) || rt_linear_trains(&head->distance_raw))
        rt_op_distance_embed_backward(ctx, rt_linear_gradient(ctx, &head->distance_bin),
                                      rt_linear_gradient(ctx, &head->distance_raw), dz, saved->d, RT_ABSENT, head->lower_bins,
                                      head->upper_bins);
    rt_tensor da = RT_NEW(ctx, n, c_z), db = RT_NEW(ctx, n, c_z), clamped = rt_new_like(ctx, ds);
    rt_zero(ctx, da);
    rt_zero(ctx, db);
    if (rt_linear_trains(&head->s1) || rt_linear_trains(&head->s2)) {
        rt_op_pair_sum_backward(ctx, da, db, dz);
        rt_linear_backward(ctx, &head->s2, RT_ABSENT, false, da, saved->s_inputs);
        rt_linear_backward(ctx, &head->s1, RT_ABSENT, false, db, saved->s_inputs);
    }
    rt_op_clamp(ctx, clamped, saved->s_trunk, -512, 512);
    rt_norm_backward(ctx, &head->norm_s, RT_ABSENT, false, ds, clamped);
    rt_arena_reset(ctx->step, mark);
}

void rt_confidence_head_backward(rt_ctx *ctx, const rt_confidence_head *head, const rt_confidence_logits *dlogits,
                                 const rt_features *features, const rt_confidence_saved *saved)
{
    int64_t mark = rt_arena_mark(ctx->step);
    rt_tensor ds = rt_new_like(ctx, saved->s), dz = rt_new_like(ctx, saved->z);
    rt_zero(ctx, ds);
    rt_zero(ctx, dz);
    per_atom_backward(ctx, &head->norm_plddt, head->plddt_weight, head->dplddt_weight, ds, dlogits->plddt, saved->s, features);
    per_atom_backward(ctx, &head->norm_resolved, head->resolved_weight, head->dresolved_weight, ds, dlogits->resolved, saved->s,
                      features);
    if (dlogits->pae.data) rt_norm_linear_backward(ctx, &head->norm_pae, &head->pae, dz, dlogits->pae, saved->z);
    if (dlogits->pde.data) pde_backward(ctx, head, dz, dlogits->pde, saved->z);
    rt_pairformer_backward(ctx, &head->stack, ds, dz, NULL, &saved->stack);
    inputs_backward(ctx, head, ds, dz, saved);
    rt_arena_reset(ctx->step, mark);
}

void rt_distogram_head_forward(rt_ctx *ctx, const rt_distogram_head *head, rt_tensor logits, rt_tensor z)
{
    int64_t mark = rt_arena_mark(ctx->step);
    rt_tensor half = rt_linear_new(ctx, &head->linear, z, RT_ACT_NONE);
    rt_op_transpose_pair(ctx, logits, half, true);
    rt_arena_reset(ctx->step, mark);
    RT_PROBE(ctx, logits, "distogram_logits@0");
}

void rt_distogram_head_backward(rt_ctx *ctx, const rt_distogram_head *head, rt_tensor opt_dz, rt_tensor dlogits, rt_tensor z)
{
    if (!opt_dz.data && !rt_linear_trains(&head->linear)) return;
    int64_t mark = rt_arena_mark(ctx->step);
    rt_tensor dhalf = rt_new_like(ctx, dlogits);
    rt_op_transpose_pair(ctx, dhalf, dlogits, true);
    rt_linear_backward(ctx, &head->linear, opt_dz, true, dhalf, z);
    rt_arena_reset(ctx->step, mark);
}
