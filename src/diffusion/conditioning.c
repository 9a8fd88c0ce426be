#include "diffusion/conditioning.h"

#include <math.h>

void rt_conditioning_bind(rt_binder *binder, rt_conditioning *c)
{
    static const char *const PREFIX = "diffusion_module.diffusion_conditioning";
    const rt_config *config = binder->config;
    int64_t c_s = config->c_s, c_z = config->c_z, c_n = config->c_noise_embedding;
    c->sigma_data = config->sigma_data;
    RT_SCOPE(relpe, PREFIX, "relpe");
    RT_SCOPE(z1, PREFIX, "transition_z1");
    RT_SCOPE(z2, PREFIX, "transition_z2");
    RT_SCOPE(s1, PREFIX, "transition_s1");
    RT_SCOPE(s2, PREFIX, "transition_s2");
    RT_SCOPE(fourier, PREFIX, "fourier_embedding");
    rt_relative_position_bind(binder, &c->relpe, relpe);
    rt_norm_bind(binder, &c->norm_z, PREFIX, "layernorm_z", 2 * c_z, false);
    rt_linear_bind(binder, &c->z, PREFIX, "linear_no_bias_z", c_z, 2 * c_z, false);
    rt_transition_bind(binder, &c->transition_z1, z1, c_z, 2);
    rt_transition_bind(binder, &c->transition_z2, z2, c_z, 2);
    rt_norm_bind(binder, &c->norm_s, PREFIX, "layernorm_s", c_s + config->c_s_inputs, false);
    rt_linear_bind(binder, &c->s, PREFIX, "linear_no_bias_s", c_s, c_s + config->c_s_inputs, false);
    RT_BIND(binder, &c->fourier_w, NULL, fourier, "w", c_n);
    RT_BIND(binder, &c->fourier_b, NULL, fourier, "b", c_n);
    rt_norm_bind(binder, &c->norm_n, PREFIX, "layernorm_n", c_n, false);
    rt_linear_bind(binder, &c->n, PREFIX, "linear_no_bias_n", c_s, c_n, false);
    rt_transition_bind(binder, &c->transition_s1, s1, c_s, 2);
    rt_transition_bind(binder, &c->transition_s2, s2, c_s, 2);
}

/* both (rows,N,2 c_z) = [z_trunk, relative positions] of rows i .. */
static rt_tensor join_pair(rt_ctx *ctx, const rt_conditioning *c, rt_tensor z_trunk, const rt_features *features, int64_t i,
                           int64_t rows)
{
    int64_t n = z_trunk.dim[1], c_z = z_trunk.dim[2];
    rt_tensor both = RT_NEW(ctx, rows, n, 2 * c_z), relative = RT_NEW(ctx, rows, n, c_z);
    rt_relative_position_forward(ctx, &c->relpe, relative, features, i, false);
    rt_op_concat(ctx, both, rt_slice(z_trunk, i, rows), relative);
    return both;
}

void rt_conditioning_pair(rt_ctx *ctx, const rt_conditioning *c, rt_tensor pair, rt_tensor z_trunk, const rt_features *features,
                          rt_conditioning_pair_saved *opt_saved)
{
    int64_t n = pair.dim[0], step = rt_row_chunk_items(ctx, n), mark = rt_arena_mark(ctx->step);
    for (int64_t i = 0; i < n && rt_ctx_go_on(ctx); i += step) {
        int64_t rows = n - i < step ? n - i : step;
        rt_tensor both = join_pair(ctx, c, z_trunk, features, i, rows);
        rt_norm_forward(ctx, &c->norm_z, both, both);
        rt_linear_forward(ctx, &c->z, rt_slice(pair, i, rows), both, RT_PLAIN);
        rt_arena_reset(ctx->step, mark);
    }
    if (opt_saved) opt_saved->z_trunk = z_trunk;
    rt_transition_forward(ctx, &c->transition_z1, pair, opt_saved ? &opt_saved->z1 : NULL);
    rt_transition_forward(ctx, &c->transition_z2, pair, opt_saved ? &opt_saved->z2 : NULL);
}

void rt_conditioning_pair_backward(rt_ctx *ctx, const rt_conditioning *c, rt_tensor opt_dz_trunk, rt_tensor dpair,
                                   const rt_features *features, const rt_conditioning_pair_saved *saved)
{
    int64_t n = dpair.dim[0], c_z = dpair.dim[2], step = rt_row_chunk_items(ctx, n), mark = rt_arena_mark(ctx->step);
    rt_transition_backward(ctx, &c->transition_z2, dpair, &saved->z2);
    rt_transition_backward(ctx, &c->transition_z1, dpair, &saved->z1);
    for (int64_t i = 0; i < n && ctx->status == RT_OK; i += step) {
        int64_t rows = n - i < step ? n - i : step;
        rt_tensor both = join_pair(ctx, c, saved->z_trunk, features, i, rows), normed = rt_norm_new(ctx, &c->norm_z, both);
        rt_tensor dboth = rt_new_like(ctx, both), drelative = RT_NEW(ctx, rows, n, c_z);
        rt_linear_backward(ctx, &c->z, dboth, false, rt_slice(dpair, i, rows), normed);
        rt_norm_backward(ctx, &c->norm_z, dboth, false, dboth, both);
        rt_zero(ctx, drelative);
        rt_op_concat_backward(ctx, opt_dz_trunk.data ? rt_slice(opt_dz_trunk, i, rows) : RT_ABSENT, drelative, dboth, c_z);
        rt_relative_position_backward(ctx, &c->relpe, drelative, features, i);
        rt_arena_reset(ctx->step, mark);
    }
}

static rt_tensor join_single(rt_ctx *ctx, rt_tensor s_trunk, rt_tensor s_inputs)
{
    rt_tensor both = RT_NEW(ctx, rt_rows(s_trunk), rt_last(s_trunk) + rt_last(s_inputs));
    rt_op_concat(ctx, both, s_trunk, s_inputs);
    return both;
}

void rt_conditioning_single_base(rt_ctx *ctx, const rt_conditioning *c, rt_tensor base, rt_tensor s_trunk, rt_tensor s_inputs)
{
    int64_t mark = rt_arena_mark(ctx->step);
    rt_norm_linear_forward(ctx, &c->norm_s, &c->s, base, join_single(ctx, s_trunk, s_inputs), RT_PLAIN);
    rt_arena_reset(ctx->step, mark);
}

void rt_conditioning_single_base_backward(rt_ctx *ctx, const rt_conditioning *c, rt_tensor opt_ds_trunk, rt_tensor opt_ds_inputs,
                                          rt_tensor dbase, rt_tensor s_trunk, rt_tensor s_inputs)
{
    int64_t mark = rt_arena_mark(ctx->step);
    rt_tensor both = join_single(ctx, s_trunk, s_inputs), dboth = rt_new_like(ctx, both);
    rt_zero(ctx, dboth);
    rt_norm_linear_backward(ctx, &c->norm_s, &c->s, dboth, dbase, both);
    rt_op_concat_backward(ctx, opt_ds_trunk, opt_ds_inputs, dboth, rt_last(s_trunk));
    rt_arena_reset(ctx->step, mark);
}

/* (L,c_n) */
static rt_tensor noise_features(rt_ctx *ctx, const rt_conditioning *c, rt_noise_levels levels)
{
    rt_tensor noise = RT_NEW(ctx, levels.n, rt_count(c->fourier_w));
    for (int64_t i = 0; i < levels.n; i++)
        rt_op_fourier(ctx, rt_slice(noise, i, 1), log(levels.t[i] / c->sigma_data) / 4, c->fourier_w, c->fourier_b);
    return noise;
}

void rt_conditioning_single(rt_ctx *ctx, const rt_conditioning *c, rt_tensor s, rt_tensor base, rt_noise_levels levels,
                            rt_conditioning_single_saved *opt_saved)
{
    int64_t mark = rt_arena_mark(ctx->step);
    RT_SHAPE(s, levels.n, base.dim[0], base.dim[1]);
    rt_tensor noise = noise_features(ctx, c, levels), row = RT_NEW(ctx, levels.n, rt_last(s));
    rt_norm_linear_forward(ctx, &c->norm_n, &c->n, row, noise, RT_PLAIN);
    for (int64_t i = 0; i < levels.n; i++) {
        rt_op_axpby(ctx, rt_slice(s, i, 1), 0, base, 1);
        rt_op_add(ctx, rt_slice(s, i, 1), rt_slice(row, i, 1));
    }
    rt_arena_reset(ctx->step, mark);
    if (opt_saved) opt_saved->levels = levels;
    rt_transition_forward(ctx, &c->transition_s1, s, opt_saved ? &opt_saved->s1 : NULL);
    rt_transition_forward(ctx, &c->transition_s2, s, opt_saved ? &opt_saved->s2 : NULL);
}

void rt_conditioning_single_backward(rt_ctx *ctx, const rt_conditioning *c, rt_tensor dbase, rt_tensor ds,
                                     const rt_conditioning_single_saved *saved)
{
    int64_t mark = rt_arena_mark(ctx->step);
    rt_tensor drow = RT_NEW(ctx, saved->levels.n, rt_last(ds));
    rt_transition_backward(ctx, &c->transition_s2, ds, &saved->s2);
    rt_transition_backward(ctx, &c->transition_s1, ds, &saved->s1);
    rt_zero(ctx, drow);
    for (int64_t i = 0; i < saved->levels.n; i++) {
        rt_op_axpby(ctx, dbase, 1, rt_slice(ds, i, 1), 1);
        rt_op_add_backward(ctx, rt_slice(drow, i, 1), rt_slice(ds, i, 1));
    }
    rt_norm_linear_backward(ctx, &c->norm_n, &c->n, RT_ABSENT, drow, noise_features(ctx, c, saved->levels));
    rt_arena_reset(ctx->step, mark);
}
