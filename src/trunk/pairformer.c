#include "trunk/pairformer.h"

#include <string.h>

#include "layer/dropout.h"

void rt_pair_block_bind(rt_binder *binder, rt_pair_block *block, const char *prefix, double dropout)
{
    const rt_config *c = binder->config;
    int64_t before_block = rt_bind_trained(binder);
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
    block->dropout = rt_params_drops(binder->params, before_block) ? dropout : 0;
}

void rt_pairformer_bind(rt_binder *binder, rt_pairformer *p, const char *prefix, int64_t n_block, int64_t heads,
                        bool has_single, double dropout)
{
    bool fixed = binder->fixed;
    const rt_config *c = binder->config;
    p->n_block = n_block;
    p->block = rt_bind_array(binder, n_block, sizeof *p->block);
    for (int64_t i = 0; p->block && i < n_block; i++) {
        rt_pairformer_block *block = &p->block[i];
        RT_SCOPE(scope, prefix, "blocks.%lld", (long long)i);
        RT_SCOPE(attention, scope, "attention_pair_bias");
        RT_SCOPE(transition, scope, "single_transition");
        rt_pair_block_bind(binder, &block->pair, scope, dropout);
        binder->fixed = fixed || !has_single;
        rt_norm_bind(binder, &block->norm_a, attention, "layernorm_a", c->c_s, true);
        rt_attention_pair_bias_bind(binder, &block->attention, attention, c->c_s, c->c_z, heads, true);
        rt_transition_bind(binder, &block->single_transition, transition, c->c_s, 4);
        binder->fixed = fixed;
    }
}

#define SAVED(member) (opt_saved ? &opt_saved->member : NULL)

/* A copy of z to drop an update against: what was saved, or else a new one where there is a mask. */
static rt_tensor before(rt_ctx *ctx, rt_tensor saved, rt_tensor mask, rt_tensor z)
{
    return saved.data || !mask.data ? saved : rt_new_copy(ctx, z);
}

/* tri_att_end on z transposed; mask and what is kept lie in that frame. */
static void ending_attention(rt_ctx *ctx, const rt_pair_block *block, rt_tensor z, rt_tensor mask,
                             const rt_triangle_attention_saved *opt_saved)
{
    int64_t mark = rt_arena_mark(ctx->step);
    rt_tensor swapped = rt_new_like(ctx, z);
    rt_op_transpose_pair(ctx, swapped, z, false);
    rt_tensor start = before(ctx, opt_saved ? opt_saved->z : RT_ABSENT, mask, swapped);
    rt_triangle_attention_forward(ctx, &block->tri_att_end, swapped, opt_saved);
    rt_dropout_apply(ctx, swapped, start, mask);
    rt_op_transpose_pair(ctx, z, swapped, false);
    rt_arena_reset(ctx->step, mark);
}

void rt_pair_block_forward(rt_ctx *ctx, const rt_pair_block *block, rt_tensor z, rt_pair_block_saved *opt_saved)
{
    int64_t n = z.dim[0], c_z = z.dim[2], mark = rt_arena_mark(ctx->step);
    rt_tensor mask[4];
    for (int i = 0; i < 4; i++) mask[i] = rt_dropout_mask(ctx, block->dropout, n, c_z);
    if (opt_saved) memcpy(opt_saved->mask, mask, sizeof mask);
    rt_tensor start = opt_saved ? RT_ABSENT : before(ctx, RT_ABSENT, mask[0], z);
    rt_triangle_multiplication_forward(ctx, &block->tri_mul_out, z, SAVED(tri_mul_out));
    rt_dropout_apply(ctx, z, opt_saved ? opt_saved->tri_mul_out.z : start, mask[0]);
    if (start.data) rt_op_axpby(ctx, start, 0, z, 1);
    rt_triangle_multiplication_forward(ctx, &block->tri_mul_in, z, SAVED(tri_mul_in));
    rt_dropout_apply(ctx, z, opt_saved ? opt_saved->tri_mul_in.z : start, mask[1]);
    if (start.data) rt_op_axpby(ctx, start, 0, z, 1);
    if (opt_saved) opt_saved->tri_att_start = rt_triangle_attention_keep(ctx, &block->tri_att_start, n);
    rt_triangle_attention_forward(ctx, &block->tri_att_start, z, SAVED(tri_att_start));
    rt_dropout_apply(ctx, z, opt_saved ? opt_saved->tri_att_start.z : start, mask[2]);
    if (opt_saved) opt_saved->tri_att_end = rt_triangle_attention_keep(ctx, &block->tri_att_end, n);
    ending_attention(ctx, block, z, mask[3], SAVED(tri_att_end));
    if (!opt_saved) rt_arena_reset(ctx->step, mark);
    rt_transition_forward(ctx, &block->pair_transition, z, SAVED(pair_transition));
}

void rt_pair_block_backward(rt_ctx *ctx, const rt_pair_block *block, rt_tensor dz, const rt_pair_block_saved *saved)
{
    const rt_tensor *mask = saved->mask;
    rt_transition_backward(ctx, &block->pair_transition, dz, &saved->pair_transition);
    int64_t mark = rt_arena_mark(ctx->step);
    rt_tensor swapped = rt_new_like(ctx, dz);
    rt_op_transpose_pair(ctx, swapped, dz, false);
    rt_tensor d = rt_dropout_begin(ctx, swapped, mask[3]);
    rt_triangle_attention_backward(ctx, &block->tri_att_end, d, &saved->tri_att_end);
    rt_dropout_end(ctx, swapped, d, mask[3]);
    rt_op_transpose_pair(ctx, dz, swapped, false);
    rt_arena_reset(ctx->step, mark);
    d = rt_dropout_begin(ctx, dz, mask[2]);
    rt_triangle_attention_backward(ctx, &block->tri_att_start, d, &saved->tri_att_start);
    rt_dropout_end(ctx, dz, d, mask[2]);
    rt_arena_reset(ctx->step, mark);
    d = rt_dropout_begin(ctx, dz, mask[1]);
    rt_triangle_multiplication_backward(ctx, &block->tri_mul_in, d, &saved->tri_mul_in);
    rt_dropout_end(ctx, dz, d, mask[1]);
    rt_arena_reset(ctx->step, mark);
    d = rt_dropout_begin(ctx, dz, mask[0]);
    rt_triangle_multiplication_backward(ctx, &block->tri_mul_out, d, &saved->tri_mul_out);
    rt_dropout_end(ctx, dz, d, mask[0]);
    rt_arena_reset(ctx->step, mark);
}

void rt_pairformer_block_forward(rt_ctx *ctx, const rt_pairformer_block *block, rt_tensor opt_s, rt_tensor z,
                                 rt_pairformer_block_saved *opt_saved)
{
    rt_pair_block_forward(ctx, &block->pair, z, SAVED(pair));
    if (!opt_s.data) return;
    int64_t n = z.dim[0], c_s = rt_last(opt_s);
    RT_SHAPE(opt_s, n, c_s);
    if (opt_saved) opt_saved->s = rt_new_copy(ctx, opt_s), opt_saved->z = rt_new_copy(ctx, z);
    int64_t mark = rt_arena_mark(ctx->step);
    rt_tensor bias = RT_NEW(ctx, block->attention.heads, n, n), s = RT_VIEW(opt_s, 1, n, c_s);
    rt_attention_pair_bias_bias(ctx, &block->attention, bias, z);
    rt_tensor normed = rt_norm_new(ctx, &block->norm_a, s);
    rt_attention_pair_bias_forward(ctx, &block->attention, s, normed, normed, bias, RT_ABSENT, false);
    rt_arena_reset(ctx->step, mark);
    rt_transition_forward(ctx, &block->single_transition, opt_s, SAVED(single_transition));
}

/* The single half: ds at the output, then at the input; dz += what the bias takes from z. */
static void single_backward(rt_ctx *ctx, const rt_pairformer_block *block, rt_tensor opt_ds, rt_tensor dz,
                            const rt_pairformer_block_saved *saved)
{
    int64_t n = dz.dim[0], c_s = rt_last(opt_ds), mark = rt_arena_mark(ctx->step);
    rt_transition_backward(ctx, &block->single_transition, opt_ds, &saved->single_transition);
    rt_tensor bias = RT_NEW(ctx, block->attention.heads, n, n), dbias = rt_new_like(ctx, bias);
    rt_tensor s = RT_VIEW(saved->s, 1, n, c_s), ds = RT_VIEW(opt_ds, 1, n, c_s);
    rt_attention_pair_bias_bias(ctx, &block->attention, bias, saved->z);
    rt_tensor normed = rt_norm_new(ctx, &block->norm_a, s), dnormed = rt_new_like(ctx, normed);
    rt_zero(ctx, dbias);
    rt_zero(ctx, dnormed);
    rt_attention_pair_bias_grad grad = {.dquery = dnormed, .dkey_value = dnormed, .opt_dbias = dbias};
    rt_attention_pair_bias_backward(ctx, &block->attention, &grad, ds, normed, normed, bias, RT_ABSENT, false);
    rt_norm_backward(ctx, &block->norm_a, ds, true, dnormed, s);
    rt_attention_pair_bias_bias_backward(ctx, &block->attention, dz, dbias, saved->z);
    rt_arena_reset(ctx->step, mark);
}

void rt_pairformer_block_backward(rt_ctx *ctx, const rt_pairformer_block *block, rt_tensor opt_ds, rt_tensor dz,
                                  const rt_pairformer_block_saved *saved, const char *opt_probe)
{
    if (opt_ds.data && saved->s.data) single_backward(ctx, block, opt_ds, dz, saved);
    if (opt_probe) RT_PROBE(ctx, dz, "%s", opt_probe);
    rt_pair_block_backward(ctx, &block->pair, dz, &saved->pair);
}

/* What the blocks of a stack probe as. */
typedef struct {
    const char *name;
    int64_t call;
} probe_name;

static void forward_block(rt_ctx *ctx, const rt_stack *stack, int64_t i, rt_tensor state[RT_STACK_STATE], void *opt_saved)
{
    const rt_pairformer *p = stack->module;
    const probe_name *probe = stack->user;
    rt_tensor s = state[0], z = state[1];
    rt_pairformer_block_forward(ctx, &p->block[i], s, z, opt_saved);
    if (s.data) RT_PROBE(ctx, s, "%s.blocks.%lld@%lld.0", probe->name, (long long)i, (long long)probe->call);
    if (s.data) RT_PROBE(ctx, z, "%s.blocks.%lld@%lld.1", probe->name, (long long)i, (long long)probe->call);
}

static void backward_block(rt_ctx *ctx, const rt_stack *stack, int64_t i, rt_tensor dstate[RT_STACK_STATE], void *saved)
{
    const rt_pairformer *p = stack->module;
    const probe_name *probe = stack->user;
    rt_pairformer_block_backward(ctx, &p->block[i], dstate[0], dstate[1], saved, i + 1 == p->n_block ? probe->name : NULL);
}

static rt_stack make_stack(const rt_pairformer *p, probe_name *probe)
{
    return (rt_stack){.n_block = p->n_block, .saved_size = sizeof(rt_pairformer_block_saved), .module = p, .user = probe,
                      .forward = forward_block, .backward = backward_block};
}

void rt_pairformer_forward(rt_ctx *ctx, const rt_pairformer *p, rt_tensor opt_s, rt_tensor z, const char *name, int64_t call,
                           rt_stack_saved *opt_saved)
{
    probe_name probe = {name, call};
    rt_stack stack = make_stack(p, &probe);
    rt_stack_forward(ctx, &stack, (rt_tensor[RT_STACK_STATE]){opt_s, z}, opt_saved);
}

void rt_pairformer_backward(rt_ctx *ctx, const rt_pairformer *p, rt_tensor opt_ds, rt_tensor dz, const char *opt_probe,
                            const rt_stack_saved *saved)
{
    probe_name probe = {opt_probe, 0};
    rt_stack stack = make_stack(p, &probe);
    rt_stack_backward(ctx, &stack, (rt_tensor[RT_STACK_STATE]){opt_ds, dz}, saved);
}
