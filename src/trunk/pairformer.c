#include "trunk/pairformer.h"

void rt_pair_block_bind(rt_binder *binder, rt_pair_block *block, const char *prefix)
{
    const rt_config *c = binder->config;
    RT_SCOPE(out, prefix, "tri_mul_out");
    RT_SCOPE(in, prefix, "tri_mul_in");
    RT_SCOPE(start, prefix, "tri_att_start");
    RT_SCOPE(end, prefix, "tri_att_end");
    RT_SCOPE(transition, prefix, "pair_transition");
    rt_triangle_multiplication_bind(binder, &block->tri_mul_out, out, c->c_z, c->c_hidden_mul, true);
    rt_triangle_multiplication_bind(binder, &block->tri_mul_in, in, c->c_z, c->c_hidden_mul, false);
    rt_triangle_attention_bind(binder, &block->tri_att_start, start, c->c_z, c->c_hidden_pair_att, c->no_heads_pair);
    rt_triangle_attention_bind(binder, &block->tri_att_end, end, c->c_z, c->c_hidden_pair_att, c->no_heads_pair);
    rt_transition_bind(binder, &block->pair_transition, transition, c->c_z, 4);
}

void rt_pairformer_bind(rt_binder *binder, rt_pairformer *p, const char *prefix, int64_t n_block, int64_t heads)
{
    const rt_config *c = binder->config;
    p->n_block = n_block;
    p->block = rt_bind_array(binder, n_block, sizeof *p->block);
    for (int64_t i = 0; p->block && i < n_block; i++) {
        rt_pairformer_block *block = &p->block[i];
        RT_SCOPE(scope, prefix, "blocks.%lld", (long long)i);
        RT_SCOPE(attention, scope, "attention_pair_bias");
        RT_SCOPE(transition, scope, "single_transition");
        rt_pair_block_bind(binder, &block->pair, scope);
        rt_norm_bind(binder, &block->norm_a, attention, "layernorm_a", c->c_s, true);
        rt_attention_pair_bias_bind(binder, &block->attention, attention, c->c_s, c->c_z, heads, true);
        rt_transition_bind(binder, &block->single_transition, transition, c->c_s, 4);
    }
}

void rt_pair_block_forward(rt_ctx *ctx, const rt_pair_block *block, rt_tensor z)
{
    rt_triangle_multiplication_forward(ctx, &block->tri_mul_out, z);
    rt_triangle_multiplication_forward(ctx, &block->tri_mul_in, z);
    rt_triangle_attention_forward(ctx, &block->tri_att_start, z);
    int64_t mark = rt_arena_mark(ctx->step);
    rt_tensor swapped = rt_new_like(ctx, z);
    rt_op_transpose_pair(ctx, swapped, z, false);
    rt_triangle_attention_forward(ctx, &block->tri_att_end, swapped);
    rt_op_transpose_pair(ctx, z, swapped, false);
    rt_arena_reset(ctx->step, mark);
    rt_transition_forward(ctx, &block->pair_transition, z);
}

void rt_pairformer_block_forward(rt_ctx *ctx, const rt_pairformer_block *block, rt_tensor opt_s, rt_tensor z)
{
    rt_pair_block_forward(ctx, &block->pair, z);
    if (!opt_s.data) return;
    int64_t n = z.dim[0], c_s = rt_last(opt_s), mark = rt_arena_mark(ctx->step);
    RT_SHAPE(opt_s, n, c_s);
    rt_tensor bias = RT_NEW(ctx, block->attention.heads, n, n), s = RT_VIEW(opt_s, 1, n, c_s);
    rt_attention_pair_bias_bias(ctx, &block->attention, bias, z);
    rt_tensor normed = rt_norm_new(ctx, &block->norm_a, s);
    rt_attention_pair_bias_forward(ctx, &block->attention, s, normed, normed, bias, RT_ABSENT, false);
    rt_arena_reset(ctx->step, mark);
    rt_transition_forward(ctx, &block->single_transition, opt_s);
}

void rt_pairformer_forward(rt_ctx *ctx, const rt_pairformer *p, rt_tensor opt_s, rt_tensor z, const char *name, int64_t call)
{
    for (int64_t i = 0; i < rt_ctx_blocks(ctx, p->n_block) && rt_ctx_go_on(ctx); i++) {
        rt_pairformer_block_forward(ctx, &p->block[i], opt_s, z);
        if (opt_s.data) RT_PROBE(ctx, opt_s, "%s.blocks.%lld@%lld.0", name, (long long)i, (long long)call);
        if (opt_s.data) RT_PROBE(ctx, z, "%s.blocks.%lld@%lld.1", name, (long long)i, (long long)call);
    }
}
