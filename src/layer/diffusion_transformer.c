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

void rt_dit_condition_gradient(rt_ctx *ctx, rt_dit_condition *out_dcondition, const rt_dit_condition *condition)
{
    const rt_tensor *from = (const rt_tensor *)condition;
    rt_tensor *to = (rt_tensor *)out_dcondition;
    for (size_t i = 0; i < sizeof *condition / sizeof *from; i++) {
        to[i] = from[i].data ? rt_new_like(ctx, from[i]) : RT_ABSENT;
        if (from[i].data) rt_zero(ctx, to[i]);
    }
}

/* Through x = sigmoid(s W^T + b). */
static void sigmoid_backward(rt_ctx *ctx, const rt_linear *linear, rt_tensor opt_ds, rt_tensor dgate, rt_tensor s)
{
    int64_t mark = rt_arena_mark(ctx->step);
    rt_tensor pre = rt_linear_new(ctx, linear, s, RT_ACT_NONE);
    rt_op_epilogue_backward(ctx, pre, RT_ABSENT, dgate, pre, (rt_epilogue){.act = RT_ACT_SIGMOID});
    rt_linear_backward(ctx, linear, opt_ds, true, pre, s);
    rt_arena_reset(ctx->step, mark);
}

static void adaptive_norm_backward(rt_ctx *ctx, const rt_adaptive_norm *norm, rt_tensor opt_ds, rt_tensor dgate, rt_tensor dshift,
                                   rt_tensor s)
{
    int64_t mark = rt_arena_mark(ctx->step);
    rt_tensor normed = rt_norm_new(ctx, &norm->norm_s, s), dnormed = rt_new_like(ctx, s);
    rt_linear_backward(ctx, &norm->shift, dnormed, false, dshift, normed);
    sigmoid_backward(ctx, &norm->gate, dnormed, dgate, normed);
    rt_norm_backward(ctx, &norm->norm_s, opt_ds, true, dnormed, s);
    rt_arena_reset(ctx->step, mark);
}

void rt_dit_condition_backward(rt_ctx *ctx, const rt_dit_block *block, rt_tensor opt_ds, const rt_dit_condition *dcondition,
                               rt_tensor s)
{
    const rt_dit_condition *d = dcondition;
    adaptive_norm_backward(ctx, &block->norm_a, opt_ds, d->gate_a, d->shift_a, s);
    if (block->cross_attention) adaptive_norm_backward(ctx, &block->norm_kv, opt_ds, d->gate_kv, d->shift_kv, s);
    sigmoid_backward(ctx, &block->gate_last, opt_ds, d->gate_last, s);
    adaptive_norm_backward(ctx, &block->norm_transition, opt_ds, d->gate_transition_norm, d->shift_transition_norm, s);
    sigmoid_backward(ctx, &block->gate_transition, opt_ds, d->gate_transition, s);
}

void rt_dit_block_forward(rt_ctx *ctx, const rt_dit_block *block, rt_tensor a, const rt_dit_condition *condition,
                          rt_tensor bias, bool local, rt_dit_block_saved *opt_saved)
{
    int64_t mark = rt_arena_mark(ctx->step);
    rt_tensor query = rt_new_like(ctx, a), key_value = query;
    if (opt_saved) rt_op_axpby(ctx, opt_saved->a, 0, a, 1);
    rt_op_adaptive_layer_norm(ctx, query, a, condition->gate_a, condition->shift_a);
    if (block->cross_attention) {   /* the reference normalises twice: layernorm_kv is applied to the normed a */
        key_value = rt_new_like(ctx, a);
        rt_op_adaptive_layer_norm(ctx, key_value, query, condition->gate_kv, condition->shift_kv);
    }
    rt_attention_pair_bias_forward(ctx, &block->attention, a, query, key_value, bias, condition->gate_last, local);
    if (opt_saved) rt_op_axpby(ctx, opt_saved->middle, 0, a, 1);
    rt_op_adaptive_layer_norm(ctx, query, a, condition->gate_transition_norm, condition->shift_transition_norm);
    rt_tensor hidden = rt_linear_new(ctx, &block->a2, query, RT_ACT_NONE);
    rt_linear_forward(ctx, &block->a1, hidden, query, (rt_epilogue){.act = RT_ACT_SILU, .mul = hidden});
    rt_linear_forward(ctx, &block->b, a, hidden, (rt_epilogue){.mul = condition->gate_transition, .add = true});
    rt_arena_reset(ctx->step, mark);
}

static void conditioned_transition_backward(rt_ctx *ctx, const rt_dit_block *block, rt_tensor da, const rt_dit_condition *d,
                                            const rt_dit_condition *c, rt_tensor a)
{
    int64_t mark = rt_arena_mark(ctx->step), rows = rt_rows(a), width = rt_linear_out(&block->a1);
    rt_tensor query = rt_new_like(ctx, a), dquery = rt_new_like(ctx, a), dproduct = rt_new_like(ctx, a);
    rt_tensor hidden = RT_NEW(ctx, rows, width), dhidden = RT_NEW(ctx, rows, width);
    rt_epilogue gate = {.mul = c->gate_transition};
    rt_op_adaptive_layer_norm(ctx, query, a, c->gate_transition_norm, c->shift_transition_norm);
    rt_op_epilogue_backward(ctx, dproduct, RT_ABSENT, da, RT_ABSENT, gate);
    rt_linear_backward(ctx, &block->b, dhidden, false, dproduct, RT_ABSENT);
    rt_gated_backward(ctx, &block->a2, &block->a1, RT_ACT_SILU, dquery, hidden, dhidden, query,
                      (rt_gated_saved){0});
    rt_linear_backward(ctx, &block->b, RT_ABSENT, false, dproduct, hidden);
    rt_linear_forward(ctx, &block->b, dproduct, hidden, RT_PLAIN);   /* what the gate multiplied */
    rt_op_epilogue_backward(ctx, RT_ABSENT, d->gate_transition, da, dproduct, gate);
    rt_op_adaptive_layer_norm_backward(ctx, da, true, d->gate_transition_norm, d->shift_transition_norm, dquery, a,
                                       c->gate_transition_norm);
    rt_arena_reset(ctx->step, mark);
}

void rt_dit_block_backward(rt_ctx *ctx, const rt_dit_block *block, rt_tensor da, const rt_dit_condition *dcondition,
                           rt_tensor opt_dbias, const rt_dit_condition *condition, rt_tensor bias, bool local,
                           const rt_dit_block_saved *saved)
{
    const rt_dit_condition *c = condition, *d = dcondition;
    conditioned_transition_backward(ctx, block, da, d, c, saved->middle);
    int64_t mark = rt_arena_mark(ctx->step);
    rt_tensor query = rt_new_like(ctx, da), key_value = query, dquery = rt_new_like(ctx, da), dkey_value = dquery;
    rt_zero(ctx, dquery);
    rt_op_adaptive_layer_norm(ctx, query, saved->a, c->gate_a, c->shift_a);
    if (block->cross_attention) {
        key_value = rt_new_like(ctx, da);
        dkey_value = rt_new_like(ctx, da);
        rt_zero(ctx, dkey_value);
        rt_op_adaptive_layer_norm(ctx, key_value, query, c->gate_kv, c->shift_kv);
    }
    rt_attention_pair_bias_grad grad = {dquery, dkey_value, opt_dbias, d->gate_last};
    rt_attention_pair_bias_backward(ctx, &block->attention, &grad, da, query, key_value, bias, c->gate_last, local);
    if (block->cross_attention)
        rt_op_adaptive_layer_norm_backward(ctx, dquery, true, d->gate_kv, d->shift_kv, dkey_value, query, c->gate_kv);
    rt_op_adaptive_layer_norm_backward(ctx, da, true, d->gate_a, d->shift_a, dquery, saved->a, c->gate_a);
    rt_arena_reset(ctx->step, mark);
}

typedef struct {
    const rt_dit_inputs *inputs;
    const rt_dit_gradients *gradients;
} stack_user;

static void forward_block(rt_ctx *ctx, const rt_stack *stack, int64_t i, rt_tensor state[RT_STACK_STATE], void *opt_saved)
{
    const rt_diffusion_transformer *t = stack->module;
    const rt_dit_inputs *in = ((const stack_user *)stack->user)->inputs;
    rt_dit_block_saved *saved = opt_saved;
    rt_dit_condition made = {0};
    if (saved) *saved = (rt_dit_block_saved){rt_new_like(ctx, state[0]), rt_new_like(ctx, state[0])};
    int64_t mark = rt_arena_mark(ctx->step);
    if (!in->condition) rt_dit_condition_forward(ctx, &t->block[i], &made, in->single);
    rt_dit_block_forward(ctx, &t->block[i], state[0], in->condition ? &in->condition[i] : &made, in->bias[i], in->local,
                         saved);
    rt_arena_reset(ctx->step, mark);
}

static void backward_block(rt_ctx *ctx, const rt_stack *stack, int64_t i, rt_tensor dstate[RT_STACK_STATE], void *saved)
{
    const rt_diffusion_transformer *t = stack->module;
    const stack_user *user = stack->user;
    const rt_dit_inputs *in = user->inputs;
    const rt_dit_gradients *grad = user->gradients;
    int64_t mark = rt_arena_mark(ctx->step);
    rt_dit_condition made = {0}, dmade = {0};
    if (!in->condition) {
        rt_dit_condition_forward(ctx, &t->block[i], &made, in->single);
        rt_dit_condition_gradient(ctx, &dmade, &made);
    }
    rt_dit_block_backward(ctx, &t->block[i], dstate[0], in->condition ? &grad->dcondition[i] : &dmade,
                          grad->opt_dbias ? grad->opt_dbias[i] : RT_ABSENT, in->condition ? &in->condition[i] : &made,
                          in->bias[i], in->local, saved);
    if (!in->condition) rt_dit_condition_backward(ctx, &t->block[i], grad->opt_dsingle, &dmade, in->single);
    rt_arena_reset(ctx->step, mark);
}

static rt_stack make_stack(const rt_diffusion_transformer *t, stack_user *user)
{
    return (rt_stack){.n_block = t->n_block, .saved_size = sizeof(rt_dit_block_saved), .module = t, .user = user,
                      .forward = forward_block, .backward = backward_block};
}

void rt_diffusion_transformer_forward(rt_ctx *ctx, const rt_diffusion_transformer *t, rt_tensor a, const rt_dit_inputs *inputs,
                                      rt_stack_saved *opt_saved)
{
    stack_user user = {.inputs = inputs};
    rt_stack stack = make_stack(t, &user);
    rt_stack_forward(ctx, &stack, (rt_tensor[RT_STACK_STATE]){a}, opt_saved);
}

void rt_diffusion_transformer_backward(rt_ctx *ctx, const rt_diffusion_transformer *t, rt_tensor da,
                                       const rt_dit_gradients *gradients, const rt_dit_inputs *inputs,
                                       const rt_stack_saved *saved)
{
    stack_user user = {inputs, gradients};
    rt_stack stack = make_stack(t, &user);
    rt_stack_backward(ctx, &stack, (rt_tensor[RT_STACK_STATE]){da}, saved);
}
