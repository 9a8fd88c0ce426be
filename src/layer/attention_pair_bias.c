#include "layer/attention_pair_bias.h"

#include <math.h>

void rt_attention_pair_bias_bind(rt_binder *binder, rt_attention_pair_bias *a, const char *prefix, int64_t c_a, int64_t c_z,
                                 int64_t heads, bool offset_z)
{
    a->heads = heads;
    RT_SCOPE(attention, prefix, "attention");
    rt_linear_bind(binder, &a->q, attention, "linear_q", c_a, c_a, true);
    rt_linear_bind(binder, &a->k, attention, "linear_k", c_a, c_a, false);
    rt_linear_bind(binder, &a->v, attention, "linear_v", c_a, c_a, false);
    rt_linear_bind(binder, &a->o, attention, "linear_o", c_a, c_a, false);
    rt_linear_bind(binder, &a->g, attention, "linear_g", c_a, c_a, false);
    rt_norm_bind(binder, &a->norm_z, prefix, "layernorm_z", c_z, offset_z);
    rt_linear_bind(binder, &a->bias, prefix, "linear_nobias_z", heads, c_z, false);
}

void rt_attention_pair_bias_bias(rt_ctx *ctx, const rt_attention_pair_bias *a, rt_tensor bias, rt_tensor z)
{
    int64_t rows = rt_rows(z), mark = rt_arena_mark(ctx->step);
    rt_tensor by_pair = RT_NEW(ctx, rows, a->heads);
    rt_norm_linear_forward(ctx, &a->norm_z, &a->bias, by_pair, z, RT_PLAIN);
    rt_op_transpose(ctx, RT_VIEW(bias, a->heads, rows), by_pair);
    rt_arena_reset(ctx->step, mark);
}

void rt_attention_pair_bias_forward(rt_ctx *ctx, const rt_attention_pair_bias *p, rt_tensor a, rt_tensor query,
                                    rt_tensor key_value, rt_tensor bias, rt_tensor opt_gate_last, bool local)
{
    int64_t mark = rt_arena_mark(ctx->step);
    rt_tensor q = rt_linear_new(ctx, &p->q, query, RT_ACT_NONE), k = rt_linear_new(ctx, &p->k, key_value, RT_ACT_NONE);
    rt_tensor v = rt_linear_new(ctx, &p->v, key_value, RT_ACT_NONE), g = rt_linear_new(ctx, &p->g, query, RT_ACT_SIGMOID);
    rt_tensor o = rt_new_like(ctx, query);
    double scale = 1 / sqrt((double)(rt_last(query) / p->heads));
    if (local) rt_op_local_attention(ctx, o, q, k, v, bias, g, p->heads, scale);
    else rt_op_attention(ctx, o, q, k, v, bias, g, p->heads, scale);
    rt_linear_forward(ctx, &p->o, a, o, (rt_epilogue){.mul = opt_gate_last, .add = true});
    rt_arena_reset(ctx->step, mark);
}

void rt_attention_pair_bias_bias_backward(rt_ctx *ctx, const rt_attention_pair_bias *a, rt_tensor opt_dz, rt_tensor dbias,
                                          rt_tensor z)
{
    int64_t rows = rt_rows(z), mark = rt_arena_mark(ctx->step);
    rt_tensor by_pair = RT_NEW(ctx, rows, a->heads);
    rt_op_transpose(ctx, by_pair, RT_VIEW(dbias, a->heads, rows));
    rt_norm_linear_backward(ctx, &a->norm_z, &a->bias, opt_dz, by_pair, z);
    rt_arena_reset(ctx->step, mark);
}

void rt_attention_pair_bias_backward(rt_ctx *ctx, const rt_attention_pair_bias *p, const rt_attention_pair_bias_grad *grad,
                                     rt_tensor da, rt_tensor query, rt_tensor key_value, rt_tensor bias,
                                     rt_tensor opt_gate_last, bool local)
{
    int64_t mark = rt_arena_mark(ctx->step);
    rt_epilogue last = {.mul = opt_gate_last};
    double scale = 1 / sqrt((double)(rt_last(query) / p->heads));
    rt_tensor q = rt_linear_new(ctx, &p->q, query, RT_ACT_NONE), k = rt_linear_new(ctx, &p->k, key_value, RT_ACT_NONE);
    rt_tensor v = rt_linear_new(ctx, &p->v, key_value, RT_ACT_NONE), pre = rt_linear_new(ctx, &p->g, query, RT_ACT_NONE);
    rt_tensor g = rt_new_like(ctx, pre), d_o = rt_new_like(ctx, pre), dproduct = da;
    rt_op_epilogue(ctx, g, pre, (rt_epilogue){.act = RT_ACT_SIGMOID});
    if (opt_gate_last.data) {
        dproduct = rt_new_like(ctx, da);
        rt_op_epilogue_backward(ctx, dproduct, RT_ABSENT, da, RT_ABSENT, last);
    }
    rt_linear_backward(ctx, &p->o, d_o, false, dproduct, RT_ABSENT);
    bool again = rt_linear_trains(&p->o) || grad->opt_dgate_last.data;
    rt_attention_grad inner = {.dq = rt_new_like(ctx, q), .dk = rt_new_like(ctx, k), .dv = rt_new_like(ctx, v),
                               .opt_dbias = grad->opt_dbias, .opt_dgate = rt_new_like(ctx, g),
                               .opt_o = again ? rt_new_like(ctx, g) : RT_ABSENT};
    if (local) rt_op_local_attention_backward(ctx, &inner, d_o, q, k, v, bias, g, p->heads, scale);
    else rt_op_attention_backward(ctx, &inner, d_o, q, k, v, bias, g, p->heads, scale);
    if (again) rt_linear_backward(ctx, &p->o, RT_ABSENT, false, dproduct, inner.opt_o);
    if (grad->opt_dgate_last.data)
        rt_op_epilogue_backward(ctx, RT_ABSENT, grad->opt_dgate_last, da, rt_linear_new(ctx, &p->o, inner.opt_o, RT_ACT_NONE),
                                last);
    rt_op_epilogue_backward(ctx, pre, RT_ABSENT, inner.opt_dgate, pre, (rt_epilogue){.act = RT_ACT_SIGMOID});
    rt_linear_backward(ctx, &p->q, grad->dquery, true, inner.dq, query);
    rt_linear_backward(ctx, &p->g, grad->dquery, true, pre, query);
    rt_linear_backward(ctx, &p->k, grad->dkey_value, true, inner.dk, key_value);
    rt_linear_backward(ctx, &p->v, grad->dkey_value, true, inner.dv, key_value);
    rt_arena_reset(ctx->step, mark);
}
