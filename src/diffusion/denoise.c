#include "diffusion/denoise.h"

#include <math.h>

void rt_denoiser_bind(rt_binder *binder, rt_denoiser *d)
{
    const rt_config *c = binder->config;
    d->sigma_data = c->sigma_data;
    d->c_s = c->c_s;
    rt_conditioning_bind(binder, &d->conditioning);
    rt_atom_encoder_bind(binder, &d->encoder, "diffusion_module.atom_attention_encoder", c->c_atom, c->c_atompair, c->c_token,
                         c->atom_encoder_blocks, c->atom_encoder_heads, true, c->c_s, c->c_z);
    rt_norm_bind(binder, &d->norm_s, "diffusion_module", "layernorm_s", c->c_s, false);
    rt_linear_bind(binder, &d->s, "diffusion_module", "linear_no_bias_s", c->c_token, c->c_s, false);
    rt_diffusion_transformer_bind(binder, &d->transformer, "diffusion_module.diffusion_transformer", c->transformer_blocks,
                                  c->c_token, c->c_s, c->c_z, c->transformer_heads, false);
    rt_norm_bind(binder, &d->norm_a, "diffusion_module", "layernorm_a", c->c_token, false);
    rt_linear_bind(binder, &d->decoder_a, "diffusion_module.atom_attention_decoder", "linear_no_bias_a", c->c_atom, c->c_token,
                   false);
    rt_norm_bind(binder, &d->decoder_norm, "diffusion_module.atom_attention_decoder", "layernorm_q", c->c_atom, false);
    rt_linear_bind_exact(binder, &d->decoder_out, "diffusion_module.atom_attention_decoder", "linear_no_bias_out", 3, c->c_atom,
                         false);
    rt_diffusion_transformer_bind(binder, &d->decoder, "diffusion_module.atom_attention_decoder.atom_transformer"
                                  ".diffusion_transformer", c->atom_decoder_blocks, c->c_atom, c->c_atom, c->c_atompair,
                                  c->atom_decoder_heads, true);
}

void rt_denoiser_prepare(rt_ctx *ctx, const rt_denoiser *d, rt_denoiser_context *out_context, const rt_features *features,
                         rt_tensor s_inputs, rt_tensor s_trunk, rt_tensor z_trunk, rt_denoiser_context_saved *opt_saved)
{
    int64_t n = features->n_token, blocks = d->transformer.n_block;
    rt_denoiser_context *c = out_context;
    *c = (rt_denoiser_context){.features = features, .single_base = RT_NEW(ctx, n, d->c_s)};
    c->bias = RT_NEW_HOST(ctx, RT_U8, blocks * (int64_t)sizeof(rt_tensor)).data;
    for (int64_t i = 0; i < blocks && ctx->status == RT_OK; i++)
        c->bias[i] = RT_NEW(ctx, d->transformer.block[i].attention.heads, n, n);
    rt_conditioning_single_base(ctx, &d->conditioning, c->single_base, s_trunk, s_inputs);
    /* the conditioned pair is needed only to make biases; c_l and p_lm come after it on the stack, so it stays until the
     * denoiser is done */
    rt_tensor pair = rt_new_like(ctx, z_trunk);
    if (opt_saved) *opt_saved = (rt_denoiser_context_saved){.s_inputs = s_inputs, .s_trunk = s_trunk, .pair = pair};
    rt_conditioning_pair(ctx, &d->conditioning, pair, z_trunk, features, opt_saved ? &opt_saved->conditioning : NULL);
    RT_PROBE(ctx, pair, "diffusion_conditioning.z");
    for (int64_t i = 0; i < blocks && rt_ctx_go_on(ctx); i++)
        rt_attention_pair_bias_bias(ctx, &d->transformer.block[i].attention, c->bias[i], pair);
    rt_atom_context_forward(ctx, &d->encoder, &c->atom, features, s_trunk, pair, opt_saved ? &opt_saved->atom : NULL);
    if (ctx->status == RT_OK) {
        rt_tensor p = c->atom.p_lm, l = c->atom.c_l;
        RT_PROBE(ctx, RT_VIEW(l, 1, l.dim[0], l.dim[1]), "diffusion_module.atom_attention_encoder@0.2");
        RT_PROBE(ctx, RT_VIEW(p, 1, p.dim[0], p.dim[1], p.dim[2], p.dim[3]), "diffusion_module.atom_attention_encoder@0.3");
    }
    rt_atom_condition_forward(ctx, &d->encoder.transformer, &c->encoder, &c->atom);
    rt_atom_condition_forward(ctx, &d->decoder, &c->decoder, &c->atom);
}

void rt_denoiser_context_gradient_create(rt_ctx *ctx, const rt_denoiser *d, rt_denoiser_context_gradient *out_gradient,
                                         const rt_denoiser_context *context)
{
    rt_denoiser_context_gradient *g = out_gradient;
    int64_t blocks = d->transformer.n_block;
    *g = (rt_denoiser_context_gradient){.dsingle_base = rt_new_like(ctx, context->single_base),
                                        .dbias = RT_NEW_HOST(ctx, RT_U8, blocks * (int64_t)sizeof(rt_tensor)).data,
                                        .datom = {.c_l = rt_new_like(ctx, context->atom.c_l),
                                                  .p_lm = rt_new_like(ctx, context->atom.p_lm)}};
    for (int64_t i = 0; i < blocks && ctx->status == RT_OK; i++) {
        g->dbias[i] = rt_new_like(ctx, context->bias[i]);
        rt_zero(ctx, g->dbias[i]);
    }
    rt_zero(ctx, g->dsingle_base);
    rt_zero(ctx, g->datom.c_l);
    rt_zero(ctx, g->datom.p_lm);
    rt_atom_condition_gradient(ctx, &d->encoder.transformer, &g->dencoder, &context->encoder);
    rt_atom_condition_gradient(ctx, &d->decoder, &g->ddecoder, &context->decoder);
}

void rt_denoiser_prepare_backward(rt_ctx *ctx, const rt_denoiser *d, rt_tensor opt_ds_inputs, rt_tensor opt_ds_trunk,
                                  rt_tensor opt_dz_trunk, const rt_denoiser_context_gradient *gradient,
                                  const rt_denoiser_context *context, const rt_denoiser_context_saved *saved)
{
    int64_t mark = rt_arena_mark(ctx->step);
    rt_tensor dpair = rt_new_like(ctx, saved->pair);
    rt_zero(ctx, dpair);
    rt_atom_condition_backward(ctx, &d->decoder, &gradient->datom, &gradient->ddecoder, &context->atom);
    rt_atom_condition_backward(ctx, &d->encoder.transformer, &gradient->datom, &gradient->dencoder, &context->atom);
    rt_atom_context_backward(ctx, &d->encoder, opt_ds_trunk, dpair, &gradient->datom, context->features, &context->atom,
                             &saved->atom);
    for (int64_t i = 0; i < d->transformer.n_block && ctx->status == RT_OK; i++)
        rt_attention_pair_bias_bias_backward(ctx, &d->transformer.block[i].attention, dpair, gradient->dbias[i], saved->pair);
    rt_conditioning_pair_backward(ctx, &d->conditioning, opt_dz_trunk, dpair, context->features, &saved->conditioning);
    rt_conditioning_single_base_backward(ctx, &d->conditioning, opt_ds_trunk, opt_ds_inputs, gradient->dsingle_base,
                                         saved->s_trunk, saved->s_inputs);
    rt_arena_reset(ctx->step, mark);
}

/* Shows one slice per sample under its own call number. */
static void probe_samples(rt_ctx *ctx, rt_tensor t, const char *name, const char *element, int64_t first_call, int64_t stride)
{
    if (!ctx->probe) return;
    for (int64_t s = 0; s < t.dim[0]; s++)
        RT_PROBE(ctx, rt_slice(t, s, 1), "%s@%lld%s", name, (long long)(first_call + s * stride), element);
}

#define KEEP(member) (opt_saved ? &opt_saved->member : NULL)

/* The samples of x (S,...) at level i: all, or sample i alone. */
static rt_tensor at_level(rt_noise_levels levels, rt_tensor x, int64_t i) { return levels.n == 1 ? x : rt_slice(x, i, 1); }

/* One call: what it reads and makes, and what its probes are called. */
typedef struct {
    const rt_denoiser *d;
    const rt_denoiser_context *context;
    rt_tensor single, scaled, q, a, update;
    int64_t first_call, call_stride;
    rt_denoiser_saved *opt_saved;
} denoiser_call;

/* From the scaled coordinates and the conditioning to the update.  No number in here but the tensors' depends on the noise
 * levels, so that the sampler can replay it. */
static void run_network(rt_ctx *ctx, void *user)
{
    static const char *const ENCODER = "diffusion_module.atom_attention_encoder";
    const denoiser_call *call = user;
    const rt_denoiser *d = call->d;
    const rt_denoiser_context *c = call->context;
    rt_denoiser_saved *opt_saved = call->opt_saved;
    rt_tensor q = call->q, a = call->a;
    rt_linear_forward(ctx, &d->encoder.r, q, call->scaled, RT_PLAIN);
    rt_op_add(ctx, q, c->atom.c_l);
    rt_atom_transformer_forward(ctx, &d->encoder.transformer, q, &c->encoder, KEEP(encoder));
    if (opt_saved) rt_op_axpby(ctx, opt_saved->q, 0, q, 1);
    rt_atom_aggregate(ctx, &d->encoder, a, q, c->atom.token);
    probe_samples(ctx, a, ENCODER, ".0", call->first_call, call->call_stride);
    probe_samples(ctx, q, ENCODER, ".1", call->first_call, call->call_stride);
    for (int64_t s = 0; ctx->probe && s < q.dim[0]; s++) {   /* the same for all calls; call 0 was shown before it was used */
        int64_t number = call->first_call + s * call->call_stride;
        if (number > 0) RT_PROBE(ctx, RT_VIEW(c->atom.c_l, 1, q.dim[1], q.dim[2]), "%s@%lld.2", ENCODER, (long long)number);
    }

    int64_t inner = rt_arena_mark(ctx->step);
    rt_op_add(ctx, a, rt_linear_new(ctx, &d->s, rt_norm_new(ctx, &d->norm_s, call->single), RT_ACT_NONE));
    rt_arena_reset(ctx->step, inner);
    rt_diffusion_transformer_forward(ctx, &d->transformer, a, &(rt_dit_inputs){.bias = c->bias, .single = call->single},
                                     KEEP(transformer));
    probe_samples(ctx, a, "diffusion_module.diffusion_transformer", "", call->first_call, call->call_stride);

    inner = rt_arena_mark(ctx->step);
    rt_tensor normed = rt_norm_new(ctx, &d->norm_a, a);
    rt_op_gather(ctx, q, rt_linear_new(ctx, &d->decoder_a, normed, RT_ACT_NONE), c->atom.token, true);
    rt_arena_reset(ctx->step, inner);
    rt_atom_transformer_forward(ctx, &d->decoder, q, &c->decoder, KEEP(decoder));
    inner = rt_arena_mark(ctx->step);   /* what was kept stays */
    rt_linear_forward(ctx, &d->decoder_out, call->update, rt_norm_new(ctx, &d->decoder_norm, q), RT_PLAIN);
    rt_arena_reset(ctx->step, inner);
    probe_samples(ctx, call->update, "diffusion_module.atom_attention_decoder", "", call->first_call, call->call_stride);
}

void rt_denoiser_forward(rt_ctx *ctx, const rt_denoiser *d, const rt_denoiser_context *c, rt_tensor x_denoised,
                         rt_tensor x_noisy, rt_noise_levels levels, int64_t first_call, int64_t call_stride,
                         rt_denoiser_saved *opt_saved)
{
    int64_t samples = x_noisy.dim[0], atoms = c->features->n_atom, n = c->features->n_token, mark = rt_arena_mark(ctx->step);
    RT_SHAPE(x_noisy, samples, atoms, 3);
    RT_REQUIRE(levels.n == 1 || levels.n == samples);
    rt_tensor single = RT_NEW(ctx, levels.n, n, d->c_s), scaled = rt_new_like(ctx, x_noisy);
    rt_tensor q = RT_NEW(ctx, samples, atoms, d->encoder.c_atom), a = RT_NEW(ctx, samples, n, d->transformer.c_a);
    denoiser_call call = {d, c, single, scaled, q, a, rt_new_like(ctx, x_noisy), first_call, call_stride, opt_saved};
    if (opt_saved)
        *opt_saved = (rt_denoiser_saved){.levels = levels, .single = single, .scaled = scaled, .q = rt_new_like(ctx, q), .a = a,
                                         .q_out = q};
    rt_conditioning_single(ctx, &d->conditioning, single, c->single_base, levels, KEEP(conditioning));
    for (int64_t s = 0; ctx->probe && s < samples; s++)
        RT_PROBE(ctx, rt_slice(single, levels.n == 1 ? 0 : s, 1), "diffusion_conditioning.s@%lld",
                 (long long)(first_call + s * call_stride));
    for (int64_t i = 0; i < levels.n; i++)
        rt_op_axpby(ctx, at_level(levels, scaled, i), 0, at_level(levels, x_noisy, i),
                    1 / sqrt(d->sigma_data * d->sigma_data + levels.t[i] * levels.t[i]));
    if (c->opt_replay) rt_replay_run(ctx, c->opt_replay, run_network, &call);
    else run_network(ctx, &call);

    for (int64_t i = 0; i < levels.n; i++) {
        rt_tensor x = at_level(levels, x_denoised, i);
        double ratio = levels.t[i] / d->sigma_data;
        rt_op_axpby(ctx, x, 0, at_level(levels, x_noisy, i), 1 / (1 + ratio * ratio));
        rt_op_axpby(ctx, x, 1, at_level(levels, call.update, i), levels.t[i] / sqrt(1 + ratio * ratio));
    }
    probe_samples(ctx, x_denoised, "x_denoised", "", first_call, call_stride);
    if (!opt_saved) rt_arena_reset(ctx->step, mark);
}

/* dx_denoised back to the decoder's output: dq (S,A,c_atom). */
static void output_backward(rt_ctx *ctx, const rt_denoiser *d, rt_tensor dq, rt_tensor dx_denoised,
                            const rt_denoiser_saved *saved)
{
    int64_t mark = rt_arena_mark(ctx->step);
    rt_noise_levels levels = saved->levels;
    rt_tensor dupdate = rt_new_like(ctx, dx_denoised);
    for (int64_t i = 0; i < levels.n; i++) {
        double ratio = levels.t[i] / d->sigma_data, factor = levels.t[i] / sqrt(1 + ratio * ratio);
        rt_op_axpby(ctx, at_level(levels, dupdate, i), 0, at_level(levels, dx_denoised, i), factor);
    }
    rt_linear_backward(ctx, &d->decoder_out, dq, false, dupdate, rt_norm_new(ctx, &d->decoder_norm, saved->q_out));
    rt_norm_backward(ctx, &d->decoder_norm, dq, false, dq, saved->q_out);
    rt_arena_reset(ctx->step, mark);
}

/* da (S,N,c_token) = the gradient at the token transformer's output, from the atoms that read it. */
static void broadcast_backward(rt_ctx *ctx, const rt_denoiser *d, rt_tensor da, rt_tensor dq, rt_tensor token,
                               const rt_denoiser_saved *saved)
{
    int64_t mark = rt_arena_mark(ctx->step);
    rt_tensor dlinear = RT_NEW(ctx, da.dim[0], da.dim[1], rt_last(dq));
    rt_zero(ctx, dlinear);
    rt_op_gather_backward(ctx, dlinear, dq, token);
    rt_linear_backward(ctx, &d->decoder_a, da, false, dlinear, rt_norm_new(ctx, &d->norm_a, saved->a));
    rt_norm_backward(ctx, &d->norm_a, da, false, da, saved->a);
    rt_arena_reset(ctx->step, mark);
}

void rt_denoiser_backward(rt_ctx *ctx, const rt_denoiser *d, const rt_denoiser_context *context,
                          const rt_denoiser_context_gradient *gradient, rt_tensor dx_denoised, const rt_denoiser_saved *saved)
{
    int64_t mark = rt_arena_mark(ctx->step), n = context->features->n_token;
    rt_tensor dq = rt_new_like(ctx, saved->q), da = rt_new_like(ctx, saved->a), dsingle = rt_new_like(ctx, saved->single);
    rt_tensor dtoken = RT_NEW(ctx, saved->levels.n, n, d->transformer.c_a);
    rt_zero(ctx, dsingle);
    rt_zero(ctx, dtoken);
    output_backward(ctx, d, dq, dx_denoised, saved);
    rt_atom_transformer_backward(ctx, &d->decoder, dq, &gradient->ddecoder, &context->decoder, &saved->decoder);
    broadcast_backward(ctx, d, da, dq, context->atom.token, saved);
    rt_dit_gradients token = {.opt_dbias = gradient->dbias, .opt_dsingle = dsingle};
    rt_diffusion_transformer_backward(ctx, &d->transformer, da, &token,
                                      &(rt_dit_inputs){.bias = context->bias, .single = saved->single}, &saved->transformer);
    rt_op_add_backward(ctx, dtoken, da);
    rt_norm_linear_backward(ctx, &d->norm_s, &d->s, dsingle, dtoken, saved->single);
    rt_atom_aggregate_backward(ctx, &d->encoder, dq, da, saved->q, context->atom.token);
    rt_atom_transformer_backward(ctx, &d->encoder.transformer, dq, &gradient->dencoder, &context->encoder, &saved->encoder);
    rt_op_add_backward(ctx, gradient->datom.c_l, dq);
    rt_linear_backward(ctx, &d->encoder.r, RT_ABSENT, false, dq, saved->scaled);
    rt_conditioning_single_backward(ctx, &d->conditioning, gradient->dsingle_base, dsingle, &saved->conditioning);
    rt_arena_reset(ctx->step, mark);
}
