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

/* The reference conformers as layers read them. */
typedef struct {
    rt_tensor pos;      /* (A,3) */
    rt_tensor charge;   /* (A,1), through asinh */
    rt_tensor mask;     /* (A,c_atom) */
    rt_tensor index;    /* (A,6) I32: mask, element and name as columns of one matrix */
} atom_inputs;

static atom_inputs make_inputs(rt_ctx *ctx, const rt_atom_encoder *e, const rt_features *features)
{
    int64_t atoms = features->n_atom;
    atom_inputs in = {rt_new_copy(ctx, features->ref_pos), RT_NEW_HOST(ctx, ctx->real, atoms, 1),
                      RT_NEW_HOST(ctx, ctx->real, atoms, e->c_atom), RT_NEW_HOST(ctx, RT_I32, atoms, 2 + NAME_CHARS)};
    const uint8_t *element = features->ref_element.data, *name = features->ref_atom_name_chars.data;
    for (int64_t a = 0; ctx->status == RT_OK && a < atoms; a++) {
        int32_t *at = (int32_t *)in.index.data + a * (2 + NAME_CHARS);
        double exists = rt_get(features->ref_mask, a), value = asinh(rt_get(features->ref_charge, a));
        at[0] = exists != 0 ? 0 : -1;
        at[1] = 1 + element[a];
        for (int c = 0; c < NAME_CHARS; c++) at[2 + c] = 1 + ELEMENTS + c * CHAR_CLASSES + name[a * NAME_CHARS + c];
        rt_set(in.charge, a, value);
        for (int64_t c = 0; c < e->c_atom; c++)
            rt_set(in.mask, a * e->c_atom + c, exists);
    }
    in.charge = rt_upload(ctx, in.charge), in.mask = rt_upload(ctx, in.mask), in.index = rt_upload(ctx, in.index);
    return in;
}

/* c_l from the reference conformers: position, charge, and one-hots of mask, element and name. */
static void embed_atoms(rt_ctx *ctx, const rt_atom_encoder *e, rt_tensor c_l, const rt_features *features)
{
    int64_t mark = rt_arena_mark(ctx->step);
    atom_inputs in = make_inputs(ctx, e, features);
    rt_linear_forward(ctx, &e->ref_pos, c_l, in.pos, RT_PLAIN);
    rt_linear_forward(ctx, &e->ref_charge, c_l, in.charge, RT_ADD);
    rt_op_embed(ctx, c_l, e->f.weight, in.index, true);
    rt_op_multiply(ctx, c_l, c_l, in.mask);
    rt_arena_reset(ctx->step, mark);
}

static void embed_atoms_backward(rt_ctx *ctx, const rt_atom_encoder *e, rt_tensor dc_l, const rt_features *features)
{
    if (!rt_linear_trains(&e->ref_pos) && !rt_linear_trains(&e->ref_charge) && !e->f.dweight.data) return;
    int64_t mark = rt_arena_mark(ctx->step);
    atom_inputs in = make_inputs(ctx, e, features);
    rt_tensor dsum = rt_new_like(ctx, dc_l);
    rt_op_multiply(ctx, dsum, dc_l, in.mask);
    rt_linear_backward(ctx, &e->ref_pos, RT_ABSENT, false, dsum, in.pos);
    rt_linear_backward(ctx, &e->ref_charge, RT_ABSENT, false, dsum, in.charge);
    if (e->f.dweight.data) rt_op_embed_backward(ctx, e->f.dweight, dsum, in.index);
    rt_arena_reset(ctx->step, mark);
}

/* p_lm += mlp(p_lm), where each of the three layers sees relu of its input. */
static void small_mlp(rt_ctx *ctx, const rt_atom_encoder *e, rt_tensor p_lm)
{
    int64_t rows = rt_rows(p_lm), mark = rt_arena_mark(ctx->step);
    rt_tensor flat = RT_VIEW(p_lm, rows, e->c_atompair);
    for (int64_t first = 0, chunk_rows = rt_row_chunk(ctx) * 8; first < rows && ctx->status == RT_OK; first += chunk_rows) {
        int64_t count = rows - first < chunk_rows ? rows - first : chunk_rows;
        rt_tensor chunk = rt_slice(flat, first, count), x = rt_new_like(ctx, chunk);
        rt_op_clamp(ctx, x, chunk, 0, INFINITY);
        rt_tensor y = rt_linear_new(ctx, &e->mlp[0], x, RT_ACT_RELU);
        rt_linear_forward(ctx, &e->mlp[1], x, y, (rt_epilogue){.act = RT_ACT_RELU});
        rt_linear_forward(ctx, &e->mlp[2], chunk, x, RT_ADD);
        rt_arena_reset(ctx->step, mark);
    }
}

/* dp: the gradient at the output, then at the input p. */
static void small_mlp_backward(rt_ctx *ctx, const rt_atom_encoder *e, rt_tensor dp, rt_tensor p)
{
    int64_t rows = rt_rows(p), mark = rt_arena_mark(ctx->step);
    rt_tensor in = RT_VIEW(p, rows, e->c_atompair), flat = RT_VIEW(dp, rows, e->c_atompair);
    rt_epilogue relu = {.act = RT_ACT_RELU};
    for (int64_t first = 0, chunk_rows = rt_row_chunk(ctx) * 8; first < rows && ctx->status == RT_OK; first += chunk_rows) {
        int64_t count = rows - first < chunk_rows ? rows - first : chunk_rows;
        rt_tensor chunk = rt_slice(in, first, count), dy = rt_slice(flat, first, count), x = rt_new_like(ctx, chunk);
        rt_tensor dx = rt_new_like(ctx, chunk), dhidden = rt_new_like(ctx, chunk);
        rt_op_clamp(ctx, x, chunk, 0, INFINITY);
        rt_tensor y1 = rt_linear_new(ctx, &e->mlp[0], x, RT_ACT_RELU), y2 = rt_linear_new(ctx, &e->mlp[1], y1, RT_ACT_RELU);
        rt_linear_backward(ctx, &e->mlp[2], dx, false, dy, y2);
        rt_op_epilogue_backward(ctx, dx, RT_ABSENT, dx, y2, relu);   /* relu(y) has relu(pre)'s slope */
        rt_linear_backward(ctx, &e->mlp[1], dhidden, false, dx, y1);
        rt_op_epilogue_backward(ctx, dhidden, RT_ABSENT, dhidden, y1, relu);
        rt_linear_backward(ctx, &e->mlp[0], dx, false, dhidden, x);
        rt_op_clamp_backward(ctx, dy, true, dx, chunk, 0, INFINITY);
        rt_arena_reset(ctx->step, mark);
    }
}

void rt_atom_context_forward(rt_ctx *ctx, const rt_atom_encoder *e, rt_atom_context *out_context, const rt_features *features,
                             rt_tensor opt_s_trunk, rt_tensor opt_z, rt_atom_context_saved *opt_saved)
{
    int64_t atoms = features->n_atom, n = features->n_token, windows = rt_window_count(atoms);
    rt_tensor c_l = RT_NEW(ctx, atoms, e->c_atom), p_lm = RT_NEW(ctx, windows, RT_WINDOW_QUERIES, RT_WINDOW_KEYS, e->c_atompair);
    rt_tensor token = rt_upload(ctx, features->atom_to_token_idx), pair = RT_ABSENT;
    if (opt_saved) *opt_saved = (rt_atom_context_saved){opt_s_trunk, opt_z, rt_new_like(ctx, p_lm)};
    int64_t mark = rt_arena_mark(ctx->step);
    embed_atoms(ctx, e, c_l, features);
    rt_tensor pos = rt_new_copy(ctx, features->ref_pos);
    rt_op_window_offsets(ctx, p_lm, pos, rt_upload(ctx, features->ref_space_uid), e->d.weight, e->invd.weight, e->v.weight);
    if (e->has_coords) {
        rt_tensor single = rt_linear_new(ctx, &e->s, rt_norm_new(ctx, &e->norm_s, opt_s_trunk), RT_ACT_NONE);
        rt_op_gather(ctx, RT_VIEW(c_l, 1, atoms, e->c_atom), RT_VIEW(single, 1, n, e->c_atom), token, true);
        pair = RT_NEW(ctx, n, n, e->c_atompair);
        rt_norm_linear_forward(ctx, &e->norm_z, &e->z, pair, opt_z, RT_PLAIN);
    }
    rt_tensor positive = rt_new_like(ctx, c_l);
    rt_op_clamp(ctx, positive, c_l, 0, INFINITY);
    rt_tensor a = rt_linear_new(ctx, &e->cl, positive, RT_ACT_NONE), b = rt_linear_new(ctx, &e->cm, positive, RT_ACT_NONE);
    rt_op_window_pairs(ctx, p_lm, pair, token, a, b);
    if (opt_saved) rt_op_axpby(ctx, opt_saved->p, 0, p_lm, 1);
    small_mlp(ctx, e, p_lm);
    rt_arena_reset(ctx->step, mark);
    *out_context = (rt_atom_context){.c_l = c_l, .p_lm = p_lm, .token = token};
}

void rt_atom_context_backward(rt_ctx *ctx, const rt_atom_encoder *e, rt_tensor opt_ds_trunk, rt_tensor opt_dz,
                              const rt_atom_context *dcontext, const rt_features *features, const rt_atom_context *context,
                              const rt_atom_context_saved *saved)
{
    int64_t atoms = features->n_atom, n = features->n_token, mark = rt_arena_mark(ctx->step);
    rt_tensor dc_l = dcontext->c_l, dp = dcontext->p_lm, c_l = context->c_l, positive = rt_new_like(ctx, c_l);
    rt_tensor dpositive = rt_new_like(ctx, c_l), da = RT_NEW(ctx, atoms, e->c_atompair), db = rt_new_like(ctx, da);
    rt_tensor dpair = e->has_coords ? RT_NEW(ctx, n, n, e->c_atompair) : RT_ABSENT;
    small_mlp_backward(ctx, e, dp, saved->p);
    rt_zero(ctx, da);
    rt_zero(ctx, db);
    if (dpair.data) rt_zero(ctx, dpair);
    rt_op_window_pairs_backward(ctx, dpair, da, db, dp, context->token);
    rt_op_clamp(ctx, positive, c_l, 0, INFINITY);
    rt_linear_backward(ctx, &e->cl, dpositive, false, da, positive);
    rt_linear_backward(ctx, &e->cm, dpositive, true, db, positive);
    rt_op_clamp_backward(ctx, dc_l, true, dpositive, c_l, 0, INFINITY);
    if (e->has_coords) {
        rt_tensor dsingle = RT_NEW(ctx, n, e->c_atom);
        rt_norm_linear_backward(ctx, &e->norm_z, &e->z, opt_dz, dpair, saved->z);
        rt_zero(ctx, dsingle);
        rt_op_gather_backward(ctx, RT_VIEW(dsingle, 1, n, e->c_atom), RT_VIEW(dc_l, 1, atoms, e->c_atom), context->token);
        rt_norm_linear_backward(ctx, &e->norm_s, &e->s, opt_ds_trunk, dsingle, saved->s_trunk);
    }
    if (rt_linear_trains(&e->d) || rt_linear_trains(&e->invd) || rt_linear_trains(&e->v))
        rt_op_window_offsets_backward(ctx, rt_linear_gradient(ctx, &e->d), rt_linear_gradient(ctx, &e->invd),
                                      rt_linear_gradient(ctx, &e->v), dp, rt_new_copy(ctx, features->ref_pos),
                                      rt_upload(ctx, features->ref_space_uid));
    embed_atoms_backward(ctx, e, dc_l, features);
    rt_arena_reset(ctx->step, mark);
}

void rt_atom_condition_forward(rt_ctx *ctx, const rt_diffusion_transformer *t, rt_atom_condition *out_condition,
                               const rt_atom_context *context)
{
    int64_t windows = context->p_lm.dim[0];
    out_condition->bias = RT_NEW_HOST(ctx, RT_U8, t->n_block * (int64_t)sizeof(rt_tensor)).data;
    out_condition->condition = RT_NEW_HOST(ctx, RT_U8, t->n_block * (int64_t)sizeof(rt_dit_condition)).data;
    for (int64_t i = 0; i < t->n_block && ctx->status == RT_OK; i++) {
        const rt_attention_pair_bias *attention = &t->block[i].attention;
        rt_tensor bias = RT_NEW(ctx, attention->heads, windows, RT_WINDOW_QUERIES, RT_WINDOW_KEYS);
        rt_attention_pair_bias_bias(ctx, attention, bias, context->p_lm);
        out_condition->bias[i] = bias;
        out_condition->condition[i] = (rt_dit_condition){0};
        rt_dit_condition_forward(ctx, &t->block[i], &out_condition->condition[i], context->c_l);
    }
}

void rt_atom_condition_gradient(rt_ctx *ctx, const rt_diffusion_transformer *t, rt_atom_condition *out_dcondition,
                                const rt_atom_condition *condition)
{
    out_dcondition->bias = RT_NEW_HOST(ctx, RT_U8, t->n_block * (int64_t)sizeof(rt_tensor)).data;
    out_dcondition->condition = RT_NEW_HOST(ctx, RT_U8, t->n_block * (int64_t)sizeof(rt_dit_condition)).data;
    for (int64_t i = 0; i < t->n_block && ctx->status == RT_OK; i++) {
        out_dcondition->bias[i] = rt_new_like(ctx, condition->bias[i]);
        rt_zero(ctx, out_dcondition->bias[i]);
        rt_dit_condition_gradient(ctx, &out_dcondition->condition[i], &condition->condition[i]);
    }
}

void rt_atom_condition_backward(rt_ctx *ctx, const rt_diffusion_transformer *t, const rt_atom_context *dcontext,
                                const rt_atom_condition *dcondition, const rt_atom_context *context)
{
    for (int64_t i = 0; i < t->n_block && ctx->status == RT_OK; i++) {
        rt_attention_pair_bias_bias_backward(ctx, &t->block[i].attention, dcontext->p_lm, dcondition->bias[i], context->p_lm);
        rt_dit_condition_backward(ctx, &t->block[i], dcontext->c_l, &dcondition->condition[i], context->c_l);
    }
}

void rt_atom_transformer_forward(rt_ctx *ctx, const rt_diffusion_transformer *t, rt_tensor q,
                                 const rt_atom_condition *condition, rt_stack_saved *opt_saved)
{
    rt_dit_inputs inputs = {.bias = condition->bias, .condition = condition->condition, .local = true};
    rt_diffusion_transformer_forward(ctx, t, q, &inputs, opt_saved);
}

void rt_atom_transformer_backward(rt_ctx *ctx, const rt_diffusion_transformer *t, rt_tensor dq,
                                  const rt_atom_condition *dcondition, const rt_atom_condition *condition,
                                  const rt_stack_saved *saved)
{
    rt_dit_inputs inputs = {.bias = condition->bias, .condition = condition->condition, .local = true};
    rt_dit_gradients gradients = {.opt_dbias = dcondition->bias, .dcondition = dcondition->condition};
    rt_diffusion_transformer_backward(ctx, t, dq, &gradients, &inputs, saved);
}

void rt_atom_aggregate(rt_ctx *ctx, const rt_atom_encoder *e, rt_tensor a, rt_tensor q, rt_tensor token)
{
    int64_t mark = rt_arena_mark(ctx->step);
    rt_op_segment_mean(ctx, a, rt_linear_new(ctx, &e->q, q, RT_ACT_RELU), token);
    rt_arena_reset(ctx->step, mark);
}

void rt_atom_aggregate_backward(rt_ctx *ctx, const rt_atom_encoder *e, rt_tensor dq, rt_tensor da, rt_tensor q,
                                rt_tensor token)
{
    int64_t mark = rt_arena_mark(ctx->step);
    rt_tensor pre = rt_linear_new(ctx, &e->q, q, RT_ACT_NONE), dpre = rt_new_like(ctx, pre);
    rt_op_segment_mean_backward(ctx, dpre, da, token);
    rt_op_epilogue_backward(ctx, dpre, RT_ABSENT, dpre, pre, (rt_epilogue){.act = RT_ACT_RELU});
    rt_linear_backward(ctx, &e->q, dq, true, dpre, q);
    rt_arena_reset(ctx->step, mark);
}
