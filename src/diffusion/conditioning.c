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
    RT_BIND(binder, &c->fourier_w, fourier, "w", c_n);
    RT_BIND(binder, &c->fourier_b, fourier, "b", c_n);
    rt_norm_bind(binder, &c->norm_n, PREFIX, "layernorm_n", c_n, false);
    rt_linear_bind(binder, &c->n, PREFIX, "linear_no_bias_n", c_s, c_n, false);
    rt_transition_bind(binder, &c->transition_s1, s1, c_s, 2);
    rt_transition_bind(binder, &c->transition_s2, s2, c_s, 2);
}

void rt_conditioning_pair(rt_ctx *ctx, const rt_conditioning *c, rt_tensor pair, rt_tensor z_trunk, const rt_features *features)
{
    int64_t n = pair.dim[0], c_z = pair.dim[2], step = n < RT_ROW_CHUNK ? RT_ROW_CHUNK / n : 1;
    int64_t mark = rt_arena_mark(ctx->step);
    for (int64_t i = 0; i < n && rt_ctx_go_on(ctx); i += step) {
        int64_t rows = n - i < step ? n - i : step;
        rt_tensor relative = RT_NEW(ctx, rows, n, c_z), both = RT_NEW(ctx, rows, n, 2 * c_z);
        rt_relative_position_forward(ctx, &c->relpe, relative, features, i, false);
        rt_op_concat(ctx, both, rt_slice(z_trunk, i, rows), relative);
        rt_norm_forward(ctx, &c->norm_z, both, both);
        rt_linear_forward(ctx, &c->z, rt_slice(pair, i, rows), both, RT_PLAIN);
        rt_arena_reset(ctx->step, mark);
    }
    rt_transition_forward(ctx, &c->transition_z1, pair);
    rt_transition_forward(ctx, &c->transition_z2, pair);
}

void rt_conditioning_single_base(rt_ctx *ctx, const rt_conditioning *c, rt_tensor base, rt_tensor s_trunk, rt_tensor s_inputs)
{
    int64_t mark = rt_arena_mark(ctx->step);
    rt_tensor both = RT_NEW(ctx, base.dim[0], rt_last(s_trunk) + rt_last(s_inputs));
    rt_op_concat(ctx, both, s_trunk, s_inputs);
    rt_norm_linear_forward(ctx, &c->norm_s, &c->s, base, both, RT_PLAIN);
    rt_arena_reset(ctx->step, mark);
}

void rt_conditioning_single(rt_ctx *ctx, const rt_conditioning *c, rt_tensor s, rt_tensor base, double t)
{
    int64_t mark = rt_arena_mark(ctx->step), c_n = rt_count(c->fourier_w);
    rt_tensor noise = RT_NEW(ctx, 1, c_n), row = RT_NEW(ctx, 1, rt_last(s));
    rt_op_fourier(ctx, noise, log(t / c->sigma_data) / 4, c->fourier_w, c->fourier_b);
    rt_norm_linear_forward(ctx, &c->norm_n, &c->n, row, noise, RT_PLAIN);
    rt_op_axpby(ctx, s, 0, base, 1);
    rt_op_add(ctx, s, row);
    rt_transition_forward(ctx, &c->transition_s1, s);
    rt_transition_forward(ctx, &c->transition_s2, s);
    rt_arena_reset(ctx->step, mark);
}
