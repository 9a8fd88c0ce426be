#include "layer/atom_encoder.h"

#include <math.h>

enum { ELEMENTS = 128, NAME_CHARS = 4, CHAR_CLASSES = 64, F_INPUTS = 1 + ELEMENTS + NAME_CHARS * CHAR_CLASSES };

void rt_atom_encoder_bind(rt_binder *binder, rt_atom_encoder *e, const char *prefix, int64_t c_atom, int64_t c_atompair,
                          int64_t c_token, int64_t n_block, int64_t heads, bool has_coords, int64_t c_s, int64_t c_z)
{
    e->has_coords = has_coords;
    e->c_atom = c_atom;
    e->c_atompair = c_atompair;
    e->c_token = c_token;
    rt_linear_bind_exact(binder, &e->ref_pos, prefix, "linear_no_bias_ref_pos", c_atom, 3, false);
    rt_linear_bind_exact(binder, &e->ref_charge, prefix, "linear_no_bias_ref_charge", c_atom, 1, false);
    rt_linear_bind_exact(binder, &e->f, prefix, "linear_no_bias_f", c_atom, F_INPUTS, false);
    rt_linear_bind_exact(binder, &e->d, prefix, "linear_no_bias_d", c_atompair, 3, false);
    rt_linear_bind_exact(binder, &e->invd, prefix, "linear_no_bias_invd", c_atompair, 1, false);
    rt_linear_bind_exact(binder, &e->v, prefix, "linear_no_bias_v", c_atompair, 1, false);
    if (has_coords) {
        rt_norm_bind(binder, &e->norm_s, prefix, "layernorm_s", c_s, false);
        rt_linear_bind(binder, &e->s, prefix, "linear_no_bias_s", c_atom, c_s, false);
        rt_norm_bind(binder, &e->norm_z, prefix, "layernorm_z", c_z, false);
        rt_linear_bind(binder, &e->z, prefix, "linear_no_bias_z", c_atompair, c_z, false);
        rt_linear_bind_exact(binder, &e->r, prefix, "linear_no_bias_r", c_atom, 3, false);
    }
    rt_linear_bind(binder, &e->cl, prefix, "linear_no_bias_cl", c_atompair, c_atom, false);
    rt_linear_bind(binder, &e->cm, prefix, "linear_no_bias_cm", c_atompair, c_atom, false);
    for (int i = 0; i < 3; i++) {
        RT_SCOPE(mlp, "small_mlp", "%d", 2 * i + 1);
        rt_linear_bind(binder, &e->mlp[i], prefix, mlp, c_atompair, c_atompair, false);
    }
    RT_SCOPE(transformer, prefix, "atom_transformer.diffusion_transformer");
    rt_diffusion_transformer_bind(binder, &e->transformer, transformer, n_block, c_atom, c_atom, c_atompair, heads, true);
    rt_linear_bind(binder, &e->q, prefix, "linear_no_bias_q", c_token, c_atom, false);
}

/* c_l from the reference conformers: position, charge, and one-hots of mask, element and name as columns of one matrix. */
static void embed_atoms(rt_ctx *ctx, const rt_atom_encoder *e, rt_tensor c_l, const rt_features *features)
{
    int64_t atoms = features->n_atom, mark = rt_arena_mark(ctx->step);
    rt_tensor pos = rt_new_copy(ctx, features->ref_pos), charge = RT_NEW(ctx, atoms, 1), mask = RT_NEW(ctx, atoms, e->c_atom);
    rt_tensor index = RT_NEW_TYPE(ctx, RT_I32, atoms, 2 + NAME_CHARS);
    if (ctx->status == RT_OK) {
        const uint8_t *element = features->ref_element.data, *name = features->ref_atom_name_chars.data;
        for (int64_t a = 0; a < atoms; a++) {
            int32_t *at = (int32_t *)index.data + a * (2 + NAME_CHARS);
            double exists = rt_get(features->ref_mask, a), value = asinh(rt_get(features->ref_charge, a));
            at[0] = exists != 0 ? 0 : -1;
            at[1] = 1 + element[a];
            for (int c = 0; c < NAME_CHARS; c++) at[2 + c] = 1 + ELEMENTS + c * CHAR_CLASSES + name[a * NAME_CHARS + c];
            rt_convert((char *)charge.data + a * rt_dtype_size(charge.dtype), charge.dtype, &value, RT_F64, 1);
            for (int64_t c = 0; c < e->c_atom; c++)
                rt_convert((char *)mask.data + (a * e->c_atom + c) * rt_dtype_size(mask.dtype), mask.dtype, &exists, RT_F64, 1);
        }
    }
    rt_linear_forward(ctx, &e->ref_pos, c_l, pos, RT_PLAIN);
    rt_linear_forward(ctx, &e->ref_charge, c_l, charge, RT_ADD);
    rt_op_embed(ctx, c_l, e->f.weight, index, true);
    rt_op_multiply(ctx, c_l, c_l, mask);
    rt_arena_reset(ctx->step, mark);
}

/* p_lm += mlp(p_lm), where each of the three layers sees relu of its input. */
static void small_mlp(rt_ctx *ctx, const rt_atom_encoder *e, rt_tensor p_lm)
{
    int64_t rows = rt_rows(p_lm), mark = rt_arena_mark(ctx->step);
    rt_tensor flat = RT_VIEW(p_lm, rows, e->c_atompair);
    for (int64_t first = 0; first < rows && ctx->status == RT_OK; first += RT_ROW_CHUNK * 8) {
        int64_t count = rows - first < RT_ROW_CHUNK * 8 ? rows - first : RT_ROW_CHUNK * 8;
        rt_tensor chunk = rt_slice(flat, first, count), x = rt_new_like(ctx, chunk);
        rt_op_clamp(ctx, x, chunk, 0, INFINITY);
        rt_tensor y = rt_linear_new(ctx, &e->mlp[0], x, RT_ACT_RELU);
        rt_linear_forward(ctx, &e->mlp[1], x, y, (rt_epilogue){.act = RT_ACT_RELU});
        rt_linear_forward(ctx, &e->mlp[2], chunk, x, RT_ADD);
        rt_arena_reset(ctx->step, mark);
    }
}

void rt_atom_context_forward(rt_ctx *ctx, const rt_atom_encoder *e, rt_atom_context *out_context, const rt_features *features,
                             rt_tensor opt_s_trunk, rt_tensor opt_z)
{
    int64_t atoms = features->n_atom, n = features->n_token, windows = rt_window_count(atoms);
    rt_tensor c_l = RT_NEW(ctx, atoms, e->c_atom), p_lm = RT_NEW(ctx, windows, RT_WINDOW_QUERIES, RT_WINDOW_KEYS, e->c_atompair);
    int64_t mark = rt_arena_mark(ctx->step);
    embed_atoms(ctx, e, c_l, features);
    rt_tensor pos = rt_new_copy(ctx, features->ref_pos), pair = RT_ABSENT;
    rt_op_window_offsets(ctx, p_lm, pos, features->ref_space_uid, e->d.weight, e->invd.weight, e->v.weight);
    if (e->has_coords) {
        rt_tensor single = rt_linear_new(ctx, &e->s, rt_norm_new(ctx, &e->norm_s, opt_s_trunk), RT_ACT_NONE);
        rt_op_gather(ctx, RT_VIEW(c_l, 1, atoms, e->c_atom), RT_VIEW(single, 1, n, e->c_atom), features->atom_to_token_idx, true);
        pair = RT_NEW(ctx, n, n, e->c_atompair);
        rt_norm_linear_forward(ctx, &e->norm_z, &e->z, pair, opt_z, RT_PLAIN);
    }
    rt_tensor positive = rt_new_like(ctx, c_l);
    rt_op_clamp(ctx, positive, c_l, 0, INFINITY);
    rt_tensor a = rt_linear_new(ctx, &e->cl, positive, RT_ACT_NONE), b = rt_linear_new(ctx, &e->cm, positive, RT_ACT_NONE);
    rt_op_window_pairs(ctx, p_lm, pair, features->atom_to_token_idx, a, b);
    small_mlp(ctx, e, p_lm);
    rt_arena_reset(ctx->step, mark);
    *out_context = (rt_atom_context){.c_l = c_l, .p_lm = p_lm};
}

void rt_atom_condition_forward(rt_ctx *ctx, const rt_diffusion_transformer *t, rt_atom_condition *out_condition,
                               const rt_atom_context *context)
{
    int64_t windows = context->p_lm.dim[0];
    out_condition->bias = RT_NEW_TYPE(ctx, RT_U8, t->n_block * (int64_t)sizeof(rt_tensor)).data;
    out_condition->condition = RT_NEW_TYPE(ctx, RT_U8, t->n_block * (int64_t)sizeof(rt_dit_condition)).data;
    for (int64_t i = 0; i < t->n_block && ctx->status == RT_OK; i++) {
        const rt_attention_pair_bias *attention = &t->block[i].attention;
        rt_tensor bias = RT_NEW(ctx, attention->heads, windows, RT_WINDOW_QUERIES, RT_WINDOW_KEYS);
        rt_attention_pair_bias_bias(ctx, attention, bias, context->p_lm);
        out_condition->bias[i] = bias;
        out_condition->condition[i] = (rt_dit_condition){0};
        rt_dit_condition_forward(ctx, &t->block[i], &out_condition->condition[i], context->c_l);
    }
}

void rt_atom_transformer_forward(rt_ctx *ctx, const rt_diffusion_transformer *t, rt_tensor q,
                                 const rt_atom_condition *condition)
{
    for (int64_t i = 0; i < t->n_block && ctx->status == RT_OK; i++)
        rt_dit_block_forward(ctx, &t->block[i], q, &condition->condition[i], condition->bias[i], true);
}

void rt_atom_aggregate(rt_ctx *ctx, const rt_atom_encoder *e, rt_tensor a, rt_tensor q, const rt_features *features)
{
    int64_t mark = rt_arena_mark(ctx->step);
    rt_op_segment_mean(ctx, a, rt_linear_new(ctx, &e->q, q, RT_ACT_RELU), features->atom_to_token_idx);
    rt_arena_reset(ctx->step, mark);
}
