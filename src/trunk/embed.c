#include "trunk/embed.h"

void rt_embedder_bind(rt_binder *binder, rt_embedder *e)
{
    const rt_config *c = binder->config;
    rt_atom_encoder_bind(binder, &e->atom_encoder, "input_embedder.atom_attention_encoder", c->c_atom, c->c_atompair,
                         c->c_token_input, c->input_atom_blocks, c->input_atom_heads, false, 0, 0);
    rt_relative_position_bind(binder, &e->relative_position, "relative_position_encoding");
    rt_linear_bind(binder, &e->sinit, "", "linear_no_bias_sinit", c->c_s, c->c_s_inputs, false);
    rt_linear_bind(binder, &e->zinit1, "", "linear_no_bias_zinit1", c->c_z, c->c_s, false);
    rt_linear_bind(binder, &e->zinit2, "", "linear_no_bias_zinit2", c->c_z, c->c_s, false);
    binder->fixed = true;   /* token_bonds is zero for RNA */
    rt_linear_bind(binder, &e->token_bond, "", "linear_no_bias_token_bond", c->c_z, 1, false);
    binder->fixed = false;
    e->use_ribonanza = c->use_ribonanza;
    if (!c->use_ribonanza) return;
    rt_ribonanza_bind(binder, &e->ribonanza);
    rt_ribonanza_injector_bind(binder, &e->sequence, "sequence", c->ribonanza_ninp, c->c_s_inputs);
    rt_ribonanza_injector_bind(binder, &e->pairwise, "pairwise", c->ribonanza_pairwise_dimension, c->c_z);
}

/* (N,65): restype, profile, deletion_mean */
static rt_tensor token_features(rt_ctx *ctx, const rt_features *features)
{
    int64_t n = features->n_token, width = 32 + 32 + 1;
    rt_tensor t = RT_NEW_HOST(ctx, ctx->real, n, width);
    int64_t size = rt_dtype_size(t.dtype);
    char *row = t.data;
    for (int64_t i = 0; ctx->status == RT_OK && i < n; i++, row += width * size) {
        rt_convert(row, t.dtype, (const float *)features->restype.data + 32 * i, RT_F32, 32);
        rt_convert(row + 32 * size, t.dtype, (const float *)features->profile.data + 32 * i, RT_F32, 32);
        rt_convert(row + 64 * size, t.dtype, (const float *)features->deletion_mean.data + i, RT_F32, 1);
    }
    return rt_upload(ctx, t);
}

/* s_inputs = [a, restype, profile, deletion_mean] */
static void input_features(rt_ctx *ctx, const rt_embedder *e, rt_tensor s_inputs, const rt_features *features,
                           rt_embedder_saved *opt_saved)
{
    int64_t n = features->n_token, atoms = features->n_atom, c_token = e->atom_encoder.c_token, c_atom = e->atom_encoder.c_atom;
    int64_t mark = rt_arena_mark(ctx->step);
    rt_atom_context context;
    rt_atom_condition condition;
    rt_atom_context_forward(ctx, &e->atom_encoder, &context, features, RT_ABSENT, RT_ABSENT, opt_saved ? &opt_saved->atom : NULL);
    rt_tensor q = rt_new_copy(ctx, RT_VIEW(context.c_l, 1, atoms, c_atom)), a = RT_NEW(ctx, 1, n, c_token);
    rt_atom_condition_forward(ctx, &e->atom_encoder.transformer, &condition, &context);
    rt_atom_transformer_forward(ctx, &e->atom_encoder.transformer, q, &condition, opt_saved ? &opt_saved->transformer : NULL);
    if (opt_saved) opt_saved->context = context, opt_saved->condition = condition, opt_saved->q = q;
    rt_atom_aggregate(ctx, &e->atom_encoder, a, q, context.token);
    RT_PROBE(ctx, RT_VIEW(a, n, c_token), "input_embedder.atom_attention_encoder.a@0");
    rt_op_concat(ctx, s_inputs, a, token_features(ctx, features));
    if (!opt_saved) rt_arena_reset(ctx->step, mark);
    RT_PROBE(ctx, s_inputs, "input_embedder.s_inputs@0");
}

static void input_features_backward(rt_ctx *ctx, const rt_embedder *e, rt_tensor ds_inputs, const rt_features *features,
                                    const rt_embedder_saved *saved)
{
    const rt_atom_encoder *encoder = &e->atom_encoder;
    int64_t mark = rt_arena_mark(ctx->step), atoms = features->n_atom;
    rt_tensor da = RT_NEW(ctx, 1, features->n_token, encoder->c_token), dq = rt_new_like(ctx, saved->q);
    rt_atom_context dcontext = {.c_l = rt_new_like(ctx, saved->context.c_l), .p_lm = rt_new_like(ctx, saved->context.p_lm)};
    rt_atom_condition dcondition;
    rt_zero(ctx, da);
    rt_zero(ctx, dq);
    rt_zero(ctx, dcontext.p_lm);
    rt_op_concat_backward(ctx, da, RT_ABSENT, ds_inputs, encoder->c_token);
    rt_atom_aggregate_backward(ctx, encoder, dq, da, saved->q, saved->context.token);
    rt_atom_condition_gradient(ctx, &encoder->transformer, &dcondition, &saved->condition);
    rt_atom_transformer_backward(ctx, &encoder->transformer, dq, &dcondition, &saved->condition, &saved->transformer);
    rt_op_axpby(ctx, dcontext.c_l, 0, RT_VIEW(dq, atoms, encoder->c_atom), 1);
    rt_atom_condition_backward(ctx, &encoder->transformer, &dcontext, &dcondition, &saved->context);
    rt_atom_context_backward(ctx, encoder, RT_ABSENT, RT_ABSENT, &dcontext, features, &saved->context, &saved->atom);
    rt_arena_reset(ctx->step, mark);
}

/* What is zero for RNA is not computed; whoever watches sees the zeros. */
static void probe_token_bonds(rt_ctx *ctx, rt_tensor like)
{
    if (!ctx->probe) return;
    int64_t mark = rt_arena_mark(ctx->step);
    rt_tensor zero = rt_new_like(ctx, like);
    rt_zero(ctx, zero);
    RT_PROBE(ctx, zero, "token_bond_term@0");
    rt_arena_reset(ctx->step, mark);
}

void rt_embedder_forward(rt_ctx *ctx, const rt_embedder *e, rt_tensor s_inputs, rt_tensor s_init, rt_tensor z_init,
                         const rt_features *features, rt_embedder_saved *opt_saved)
{
    int64_t n = features->n_token, mark = rt_arena_mark(ctx->step);
    rt_ribonanza_mix mix = {0};
    if (opt_saved) *opt_saved = (rt_embedder_saved){.s_inputs = s_inputs, .s_init = s_init};
    input_features(ctx, e, s_inputs, features, opt_saved);
    if (e->use_ribonanza) {
        rt_ribonanza_forward(ctx, &e->ribonanza, &mix, rt_upload(ctx, features->tokenized_seq));
        rt_ribonanza_inject(ctx, &e->sequence, s_inputs, mix.sequence, "projection_sequence_features@0");
    }
    RT_PROBE(ctx, s_inputs, "s_inputs@0");
    rt_linear_forward(ctx, &e->sinit, s_init, s_inputs, RT_PLAIN);
    RT_PROBE(ctx, s_init, "s_init@0");
    int64_t inner = rt_arena_mark(ctx->step);
    rt_tensor a = rt_linear_new(ctx, &e->zinit1, s_init, RT_ACT_NONE), b = rt_linear_new(ctx, &e->zinit2, s_init, RT_ACT_NONE);
    rt_relative_position_forward(ctx, &e->relative_position, z_init, features, 0, false);
    RT_SHAPE(z_init, n, n, rt_last(z_init));
    RT_PROBE(ctx, z_init, "relative_position_encoding@0");
    probe_token_bonds(ctx, z_init);
    rt_op_pair_sum(ctx, z_init, a, b, true);
    rt_arena_reset(ctx->step, inner);
    if (e->use_ribonanza) rt_ribonanza_inject(ctx, &e->pairwise, z_init, mix.pairwise, "projection_pairwise_features@0");
    RT_PROBE(ctx, z_init, "z_init@0");
    if (opt_saved) opt_saved->mix = mix;
    else rt_arena_reset(ctx->step, mark);
}

void rt_embedder_backward(rt_ctx *ctx, const rt_embedder *e, rt_tensor ds_inputs, rt_tensor ds_init, rt_tensor dz_init,
                          const rt_features *features, const rt_embedder_saved *saved)
{
    int64_t n = features->n_token, c_z = rt_last(dz_init), mark = rt_arena_mark(ctx->step);
    rt_tensor da = RT_NEW(ctx, n, c_z), db = RT_NEW(ctx, n, c_z);
    if (e->use_ribonanza) rt_ribonanza_inject_backward(ctx, &e->pairwise, dz_init, saved->mix.pairwise);
    rt_zero(ctx, da);
    rt_zero(ctx, db);
    rt_op_pair_sum_backward(ctx, da, db, dz_init);
    rt_relative_position_backward(ctx, &e->relative_position, dz_init, features, 0);
    rt_linear_backward(ctx, &e->zinit1, ds_init, true, da, saved->s_init);
    rt_linear_backward(ctx, &e->zinit2, ds_init, true, db, saved->s_init);
    rt_linear_backward(ctx, &e->sinit, ds_inputs, true, ds_init, saved->s_inputs);
    if (e->use_ribonanza) rt_ribonanza_inject_backward(ctx, &e->sequence, ds_inputs, saved->mix.sequence);
    input_features_backward(ctx, e, ds_inputs, features, saved);
    rt_arena_reset(ctx->step, mark);
}
