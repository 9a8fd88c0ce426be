#include "layer/diffusion_transformer.h"

static void adaptive_norm_bind(rt_binder *binder, rt_adaptive_norm *norm, const char *prefix, const char *name, int64_t c_a,
                               int64_t c_s)
{
    RT_SCOPE(scope, prefix, "%s", name);
    rt_norm_bind(binder, &norm->norm_s, scope, "layernorm_s", c_s, false);
    rt_linear_bind(binder, &norm->gate, scope, "linear_s", c_a, c_s, true);
    rt_linear_bind(binder, &norm->shift, scope, "linear_nobias_s", c_a, c_s, false);
}

static void block_bind(rt_binder *binder, rt_dit_block *block, const char *prefix, int64_t c_a, int64_t c_s, int64_t c_z,
                       int64_t heads, bool cross_attention)
{
    block->cross_attention = cross_attention;
    RT_SCOPE(attention, prefix, "attention_pair_bias");
    adaptive_norm_bind(binder, &block->norm_a, attention, "layernorm_a", c_a, c_s);
    if (cross_attention) adaptive_norm_bind(binder, &block->norm_kv, attention, "layernorm_kv", c_a, c_s);
    rt_attention_pair_bias_bind(binder, &block->attention, attention, c_a, c_z, heads, false);
    rt_linear_bind(binder, &block->gate_last, attention, "linear_a_last", c_a, c_s, true);
    RT_SCOPE(transition, prefix, "conditioned_transition_block");
    adaptive_norm_bind(binder, &block->norm_transition, transition, "adaln", c_a, c_s);
    rt_linear_bind(binder, &block->a1, transition, "linear_nobias_a1", 2 * c_a, c_a, false);
    rt_linear_bind(binder, &block->a2, transition, "linear_nobias_a2", 2 * c_a, c_a, false);
    rt_linear_bind(binder, &block->b, transition, "linear_nobias_b", c_a, 2 * c_a, false);
    rt_linear_bind(binder, &block->gate_transition, transition, "linear_s", c_a, c_s, true);
}

void rt_diffusion_transformer_bind(rt_binder *binder, rt_diffusion_transformer *t, const char *prefix, int64_t n_block,
                                   int64_t c_a, int64_t c_s, int64_t c_z, int64_t heads, bool cross_attention)
{
    t->n_block = n_block;
    t->c_a = c_a;
    t->block = rt_bind_array(binder, n_block, sizeof *t->block);
    for (int64_t i = 0; t->block && i < n_block; i++) {
        RT_SCOPE(block, prefix, "blocks.%lld", (long long)i);
        block_bind(binder, &t->block[i], block, c_a, c_s, c_z, heads, cross_attention);
    }
}

static void adaptive_norm_condition(rt_ctx *ctx, const rt_adaptive_norm *norm, rt_tensor *out_gate, rt_tensor *out_shift,
                                    rt_tensor s)
{
    int64_t rows = rt_rows(s), c_a = rt_linear_out(&norm->gate);
    *out_gate = RT_NEW(ctx, rows, c_a);
    *out_shift = RT_NEW(ctx, rows, c_a);
    int64_t mark = rt_arena_mark(ctx->step);
    rt_tensor normed = rt_norm_new(ctx, &norm->norm_s, s);
    rt_linear_forward(ctx, &norm->gate, *out_gate, normed, (rt_epilogue){.act = RT_ACT_SIGMOID});
    rt_linear_forward(ctx, &norm->shift, *out_shift, normed, RT_PLAIN);
    rt_arena_reset(ctx->step, mark);
}

void rt_dit_condition_forward(rt_ctx *ctx, const rt_dit_block *block, rt_dit_condition *out_condition, rt_tensor s)
{
    rt_dit_condition *c = out_condition;
    adaptive_norm_condition(ctx, &block->norm_a, &c->gate_a, &c->shift_a, s);
    if (block->cross_attention) adaptive_norm_condition(ctx, &block->norm_kv, &c->gate_kv, &c->shift_kv, s);
    c->gate_last = rt_linear_new(ctx, &block->gate_last, s, RT_ACT_SIGMOID);
    adaptive_norm_condition(ctx, &block->norm_transition, &c->gate_transition_norm, &c->shift_transition_norm, s);
    c->gate_transition = rt_linear_new(ctx, &block->gate_transition, s, RT_ACT_SIGMOID);
}

void rt_dit_block_forward(rt_ctx *ctx, const rt_dit_block *block, rt_tensor a, const rt_dit_condition *condition,
                          rt_tensor bias, bool local)
{
    int64_t mark = rt_arena_mark(ctx->step);
    rt_tensor query = rt_new_like(ctx, a), key_value = query;
    rt_op_adaptive_layer_norm(ctx, query, a, condition->gate_a, condition->shift_a);
    if (block->cross_attention) {   /* the reference normalises twice: layernorm_kv is applied to the normed a */
        key_value = rt_new_like(ctx, a);
        rt_op_adaptive_layer_norm(ctx, key_value, query, condition->gate_kv, condition->shift_kv);
    }
    rt_attention_pair_bias_forward(ctx, &block->attention, a, query, key_value, bias, condition->gate_last, local);
    rt_op_adaptive_layer_norm(ctx, query, a, condition->gate_transition_norm, condition->shift_transition_norm);
    rt_tensor hidden = rt_linear_new(ctx, &block->a2, query, RT_ACT_NONE);
    rt_linear_forward(ctx, &block->a1, hidden, query, (rt_epilogue){.act = RT_ACT_SILU, .mul = hidden});
    rt_linear_forward(ctx, &block->b, a, hidden, (rt_epilogue){.mul = condition->gate_transition, .add = true});
    rt_arena_reset(ctx->step, mark);
}
