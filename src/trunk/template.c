#include "trunk/template.h"

static const double FIRST_BIN = 3.25, BIN_WIDTH = 1.25;   /* Angstrom; the reference keeps them as Python defaults */

void rt_template_embedder_bind(rt_binder *binder, rt_template_embedder *t)
{
    static const char *const PREFIX = "template_embedder";
    const rt_config *c = binder->config;
    t->n_bin = c->template_bins;
    binder->fixed = true;   /* bound and kept, never run */
    rt_norm_bind(binder, &t->input_s_norm, PREFIX, "input_s_ln", c->c_s, true);
    rt_linear_bind(binder, &t->chemical, PREFIX, "linear_no_bias_chem", c->c_s, 1, false);
    binder->fixed = false;
    rt_linear_bind(binder, &t->s1, PREFIX, "linear_no_bias_s1", c->c_z, c->c_s_inputs, false);
    rt_linear_bind(binder, &t->s2, PREFIX, "linear_no_bias_s2", c->c_z, c->c_s_inputs, false);
    rt_linear_bind_exact(binder, &t->distance_bin, PREFIX, "linear_no_bias_d", c->c_z, t->n_bin, false);
    rt_linear_bind_exact(binder, &t->distance_raw, PREFIX, "linear_no_bias_d_wo_onehot", c->c_z, 1, false);
    rt_pairformer_bind(binder, &t->stack, "template_embedder.pairformer_stack", c->template_blocks, c->template_heads, false,
                       c->dropout_template);
    rt_norm_bind(binder, &t->norm_z, PREFIX, "layernorm_z", c->c_z, true);
    rt_linear_bind(binder, &t->final, PREFIX, "final_linear_no_bias", c->c_z, c->c_z, false);
}

static rt_tensor bin_edges(rt_ctx *ctx, int64_t n_bin, double first)
{
    rt_tensor edge = RT_NEW_HOST(ctx, ctx->real, n_bin);
    for (int64_t k = 0; ctx->status == RT_OK && k < n_bin; k++) rt_set(edge, k, first + BIN_WIDTH * (double)k);
    return rt_upload(ctx, edge);
}

void rt_template_embedder_forward(rt_ctx *ctx, const rt_template_embedder *t, rt_tensor z, rt_tensor s_inputs,
                                  const rt_features *features, int64_t cycle, rt_template_embedder_saved *opt_saved)
{
    int64_t n = z.dim[0], c_z = z.dim[2], count = features->n_template, mark = rt_arena_mark(ctx->step);
    rt_tensor mean = rt_new_like(ctx, z);
    if (opt_saved) *opt_saved = (rt_template_embedder_saved){.s_inputs = s_inputs, .mean = mean};
    if (count < 1 || t->stack.n_block < 1) {
        rt_op_axpby(ctx, mean, 0, z, 1);
    } else {
        rt_tensor one = rt_new_like(ctx, z), d = RT_NEW(ctx, n, n);
        rt_tensor lower = bin_edges(ctx, t->n_bin, FIRST_BIN), upper = bin_edges(ctx, t->n_bin, FIRST_BIN + BIN_WIDTH);
        rt_tensor a = rt_linear_new(ctx, &t->s2, s_inputs, RT_ACT_NONE), b = rt_linear_new(ctx, &t->s1, s_inputs, RT_ACT_NONE);
        rt_zero(ctx, mean);
        if (opt_saved) {
            opt_saved->lower = lower, opt_saved->upper = upper, opt_saved->n_template = count;
            opt_saved->template = RT_NEW_HOST(ctx, RT_U8, count * (int64_t)sizeof(rt_template_saved)).data;
        }
        int64_t inner = rt_arena_mark(ctx->step);
        for (int64_t k = 0; k < count && ctx->status == RT_OK; k++) {
            rt_template_saved *saved = opt_saved ? &opt_saved->template[k] : NULL;
            rt_tensor x = rt_new_copy(ctx, rt_at(features->template_coords, k));
            rt_tensor mask = rt_new_copy(ctx, rt_at(features->template_coords_mask, k));
            if (saved) *saved = (rt_template_saved){.one = rt_new_like(ctx, z), .d = rt_new_like(ctx, d), .mask = mask};
            rt_op_axpby(ctx, one, 0, z, 1);
            rt_op_pair_sum(ctx, one, a, b, true);
            rt_op_distances(ctx, d, x, mask);
            rt_op_distance_embed(ctx, one, d, mask, lower, upper, t->distance_bin.weight, t->distance_raw.weight);
            rt_pairformer_forward(ctx, &t->stack, RT_ABSENT, one, "template_embedder.pairformer_stack", 0,
                                  saved ? &saved->stack : NULL);
            if (saved) rt_op_axpby(ctx, saved->one, 0, one, 1), rt_op_axpby(ctx, saved->d, 0, d, 1);
            rt_norm_forward(ctx, &t->norm_z, one, one);
            rt_op_axpby(ctx, mean, 1, one, 1.0 / (double)count);
            if (!opt_saved) rt_arena_reset(ctx->step, inner);
        }
        rt_linear_forward(ctx, &t->final, RT_VIEW(one, n * n, c_z), RT_VIEW(mean, n * n, c_z), RT_PLAIN);
        mean = one;
    }
    RT_PROBE(ctx, mean, "template_embedder@%lld", (long long)cycle);
    rt_op_axpby(ctx, z, 1, mean, 1);
    if (!opt_saved) rt_arena_reset(ctx->step, mark);
}

/* One template: dz += what its copy of z passes on, da and db += what its outer sum does. */
static void template_backward(rt_ctx *ctx, const rt_template_embedder *t, rt_tensor dz, rt_tensor da, rt_tensor db,
                              rt_tensor dmean, const rt_template_embedder_saved *saved, int64_t k)
{
    const rt_template_saved *own = &saved->template[k];
    int64_t mark = rt_arena_mark(ctx->step);
    rt_tensor done = rt_new_like(ctx, dz);
    rt_op_axpby(ctx, done, 0, dmean, 1.0 / (double)saved->n_template);
    rt_norm_backward(ctx, &t->norm_z, done, false, done, own->one);
    rt_pairformer_backward(ctx, &t->stack, RT_ABSENT, done, NULL, &own->stack);
    if (rt_linear_trains(&t->distance_bin) || rt_linear_trains(&t->distance_raw))
        rt_op_distance_embed_backward(ctx, rt_linear_gradient(ctx, &t->distance_bin), rt_linear_gradient(ctx, &t->distance_raw),
                                      done, own->d, own->mask, saved->lower, saved->upper);
    rt_op_pair_sum_backward(ctx, da, db, done);
    rt_op_axpby(ctx, dz, 1, done, 1);
    rt_arena_reset(ctx->step, mark);
}

void rt_template_embedder_backward(rt_ctx *ctx, const rt_template_embedder *t, rt_tensor dz, rt_tensor opt_ds_inputs,
                                   const rt_template_embedder_saved *saved)
{
    if (saved->n_template == 0) {
        rt_op_axpby(ctx, dz, 0, dz, 2);
        return;
    }
    int64_t n = dz.dim[0], c_z = dz.dim[2], mark = rt_arena_mark(ctx->step);
    rt_tensor dmean = rt_new_like(ctx, dz), da = RT_NEW(ctx, n, c_z), db = RT_NEW(ctx, n, c_z);
    rt_zero(ctx, da);
    rt_zero(ctx, db);
    rt_linear_backward(ctx, &t->final, dmean, false, dz, saved->mean);
    for (int64_t k = 0; k < saved->n_template && ctx->status == RT_OK; k++)
        template_backward(ctx, t, dz, da, db, dmean, saved, k);
    rt_linear_backward(ctx, &t->s2, opt_ds_inputs, true, da, saved->s_inputs);
    rt_linear_backward(ctx, &t->s1, opt_ds_inputs, true, db, saved->s_inputs);
    rt_arena_reset(ctx->step, mark);
}
