#include "trunk/ribonanza.h"

#include <math.h>

#include "layer/triangle.h"

enum { POSITION_REACH = 16, POSITION_CLASSES = 2 * POSITION_REACH + 1 };

static void triangle_bind(rt_binder *binder, rt_ribonanza_triangle *t, const char *prefix, int64_t c, bool outgoing)
{
    t->outgoing = outgoing;
    rt_norm_bind(binder, &t->norm, prefix, "norm", c, true);
    rt_linear_bind(binder, &t->left, prefix, "left_proj", c, c, true);
    rt_linear_bind(binder, &t->right, prefix, "right_proj", c, c, true);
    rt_linear_bind(binder, &t->left_gate, prefix, "left_gate", c, c, true);
    rt_linear_bind(binder, &t->right_gate, prefix, "right_gate", c, c, true);
    rt_linear_bind(binder, &t->out_gate, prefix, "out_gate", c, c, true);
    rt_norm_bind(binder, &t->out_norm, prefix, "to_out_norm", c, true);
    rt_linear_bind(binder, &t->out, prefix, "to_out", c, c, true);
}

static void layer_bind(rt_binder *binder, rt_ribonanza_layer *l, const char *prefix)
{
    const rt_config *c = binder->config;
    int64_t ninp = c->ribonanza_ninp, pair = c->ribonanza_pairwise_dimension, dim_msa = c->ribonanza_dim_msa;
    RT_SCOPE(attention, prefix, "self_attn");
    rt_linear_bind_exact(binder, &l->q, attention, "w_qs", ninp, ninp, false);
    rt_linear_bind_exact(binder, &l->k, attention, "w_ks", ninp, ninp, false);
    rt_linear_bind_exact(binder, &l->v, attention, "w_vs", ninp, ninp, false);
    rt_norm_bind(binder, &l->norm1, prefix, "norm1", ninp, true);
    rt_norm_bind(binder, &l->norm2, prefix, "norm2", ninp, true);
    rt_linear_bind_exact(binder, &l->bias, prefix, "pairwise2heads", c->ribonanza_nhead, pair, false);
    rt_norm_bind(binder, &l->pair_norm, prefix, "pairwise_norm", pair, true);
    RT_SCOPE(out, prefix, "triangle_update_out");
    RT_SCOPE(in, prefix, "triangle_update_in");
    triangle_bind(binder, &l->triangle_out, out, pair, true);
    triangle_bind(binder, &l->triangle_in, in, pair, false);
    RT_SCOPE(outer, prefix, "outer_product_mean");
    rt_linear_bind_exact(binder, &l->down, outer, "proj_down1", dim_msa, ninp, true);
    RT_BIND(binder, &l->outer, NULL, outer, "proj_down2.weight", pair, dim_msa * dim_msa);
    RT_BIND(binder, &l->outer_bias, NULL, outer, "proj_down2.bias", pair);
    rt_linear_bind_exact(binder, &l->transition1, prefix, "sequence_transititon.0", 4 * ninp, ninp, true);
    rt_linear_bind_exact(binder, &l->transition2, prefix, "sequence_transititon.2", ninp, 4 * ninp, true);
    rt_norm_bind(binder, &l->pair_transition_norm, prefix, "pair_transition.0", pair, true);
    rt_linear_bind(binder, &l->pair_transition1, prefix, "pair_transition.1", 4 * pair, pair, true);
    rt_linear_bind(binder, &l->pair_transition2, prefix, "pair_transition.3", pair, 4 * pair, true);
}

void rt_ribonanza_bind(rt_binder *binder, rt_ribonanza *r)
{
    const rt_config *c = binder->config;
    int64_t pair = c->ribonanza_pairwise_dimension, dim_msa = c->ribonanza_dim_msa;
    bool fixed = binder->fixed;
    binder->fixed = true;
    r->n_layer = c->ribonanza_nlayers;
    r->heads = c->ribonanza_nhead;
    r->ninp = c->ribonanza_ninp;
    r->pairwise = pair;
    RT_BIND(binder, &r->layer_weights, NULL, "", "layer_weights", r->n_layer);
    r->layer = rt_bind_array(binder, r->n_layer, sizeof *r->layer);
    for (int64_t i = 0; r->layer && i < r->n_layer; i++) {
        RT_SCOPE(layer, "ribonanza_net", "transformer_encoder.%lld", (long long)i);
        layer_bind(binder, &r->layer[i], layer);
    }
    RT_BIND(binder, &r->encoder, NULL, "ribonanza_net", "encoder.weight", c->ribonanza_ntoken, r->ninp);
    rt_linear_bind(binder, &r->decoder, "ribonanza_net", "decoder", c->ribonanza_nclass, r->ninp, true);
    rt_linear_bind_exact(binder, &r->down, "ribonanza_net", "outer_product_mean.proj_down1", dim_msa, r->ninp, true);
    RT_BIND(binder, &r->outer, NULL, "ribonanza_net", "outer_product_mean.proj_down2.weight", pair, dim_msa * dim_msa);
    RT_BIND(binder, &r->outer_bias, NULL, "ribonanza_net", "outer_product_mean.proj_down2.bias", pair);
    RT_BIND(binder, &r->position, NULL, "ribonanza_net", "pos_encoder.linear.weight", pair, POSITION_CLASSES);
    RT_BIND(binder, &r->position_bias, NULL, "ribonanza_net", "pos_encoder.linear.bias", pair);
    binder->fixed = fixed;
}

void rt_ribonanza_injector_bind(rt_binder *binder, rt_ribonanza_injector *injector, const char *kind, int64_t c_in, int64_t c)
{
    RT_SCOPE(projection, "", "projection_%s_features", kind);
    RT_SCOPE(gated, "", "gated_%s_feature_injector", kind);
    rt_linear_bind_exact(binder, &injector->first, projection, "0", c, c_in, false);
    rt_norm_bind(binder, &injector->norm1, projection, "1", c, true);
    rt_linear_bind_exact(binder, &injector->second, projection, "3", c, c, false);
    rt_norm_bind(binder, &injector->norm2, projection, "4", c, true);
    RT_BIND(binder, &injector->gate, &injector->dgate, gated, "gate_param", c);
    rt_linear_bind_exact(binder, &injector->inject, gated, "proj", c, c, true);
}

typedef struct {
    const rt_ribonanza_triangle *t;
    rt_tensor pair, x;
} triangle_rows;

/* pair += to_out(LN(x) * out_gate) */
static void update_rows(rt_ctx *ctx, const void *user, int64_t first, int64_t count)
{
    const triangle_rows *rows = user;
    const rt_ribonanza_triangle *t = rows->t;
    rt_tensor chunk = rt_slice(rows->pair, first, count), out = rt_slice(rows->x, first, count);
    rt_tensor normed = rt_norm_new(ctx, &t->norm, chunk);
    rt_norm_forward(ctx, &t->out_norm, out, out);
    rt_linear_forward(ctx, &t->out_gate, out, normed, (rt_epilogue){.act = RT_ACT_SIGMOID, .mul = out});
    rt_linear_forward(ctx, &t->out, chunk, out, RT_ADD);
}

static void triangle_forward(rt_ctx *ctx, const rt_ribonanza_triangle *t, rt_tensor pair)
{
    int64_t rows = rt_rows(pair), c = pair.dim[2], mark = rt_arena_mark(ctx->step);
    rt_tensor x = RT_NEW(ctx, rows, c);
    rt_triangle_update(ctx, &t->norm, (const rt_linear *const[4]){&t->left, &t->left_gate, &t->right, &t->right_gate}, x, pair,
                       t->outgoing, NULL);
    rt_tiles_run(ctx, rows, 1, update_rows, &(triangle_rows){t, RT_VIEW(pair, rows, c), x});
    rt_arena_reset(ctx->step, mark);
}

static void attention_forward(rt_ctx *ctx, const rt_ribonanza_layer *l, rt_tensor s, rt_tensor pair, int64_t heads)
{
    int64_t n = s.dim[0], width = s.dim[1], mark = rt_arena_mark(ctx->step);
    rt_tensor by_pair = RT_NEW(ctx, n * n, heads), bias = RT_NEW(ctx, heads, n, n), single = RT_VIEW(s, 1, n, width);
    rt_norm_linear_forward(ctx, &l->pair_norm, &l->bias, by_pair, pair, RT_PLAIN);
    rt_op_transpose(ctx, RT_VIEW(bias, heads, n * n), by_pair);
    rt_tensor q = rt_linear_new(ctx, &l->q, single, RT_ACT_NONE), k = rt_linear_new(ctx, &l->k, single, RT_ACT_NONE);
    rt_tensor v = rt_linear_new(ctx, &l->v, single, RT_ACT_NONE), o = rt_new_like(ctx, single);
    rt_op_attention(ctx, o, q, k, v, bias, RT_ABSENT, heads, 1 / sqrt((double)(width / heads)));
    rt_op_add(ctx, single, o);
    rt_arena_reset(ctx->step, mark);
}

typedef struct {
    const rt_ribonanza_layer *layer;
    rt_tensor pair;
} transition_rows;

static void transition_forward(rt_ctx *ctx, const void *user, int64_t first, int64_t count)
{
    const transition_rows *rows = user;
    const rt_ribonanza_layer *l = rows->layer;
    rt_tensor chunk = rt_slice(rows->pair, first, count), normed = rt_norm_new(ctx, &l->pair_transition_norm, chunk);
    rt_linear_forward(ctx, &l->pair_transition2, chunk, rt_linear_new(ctx, &l->pair_transition1, normed, RT_ACT_RELU), RT_ADD);
}

static void pair_transition_forward(rt_ctx *ctx, const rt_ribonanza_layer *l, rt_tensor pair)
{
    int64_t rows = rt_rows(pair);
    rt_tiles_run(ctx, rows, 1, transition_forward, &(transition_rows){l, RT_VIEW(pair, rows, rt_last(pair))});
}

static void layer_forward(rt_ctx *ctx, const rt_ribonanza_layer *l, rt_tensor s, rt_tensor pair, int64_t heads)
{
    attention_forward(ctx, l, s, pair, heads);
    rt_norm_forward(ctx, &l->norm1, s, s);
    int64_t mark = rt_arena_mark(ctx->step);
    rt_linear_forward(ctx, &l->transition2, s, rt_linear_new(ctx, &l->transition1, s, RT_ACT_RELU), RT_ADD);
    rt_norm_forward(ctx, &l->norm2, s, s);
    rt_op_outer_linear(ctx, pair, rt_linear_new(ctx, &l->down, s, RT_ACT_NONE), l->outer, l->outer_bias, true);
    rt_arena_reset(ctx->step, mark);
    triangle_forward(ctx, &l->triangle_out, pair);
    triangle_forward(ctx, &l->triangle_in, pair);
    pair_transition_forward(ctx, l, pair);
}

/* pair = outer product of the token embeddings + a linear layer on the clipped difference of positions */
static void embed(rt_ctx *ctx, const rt_ribonanza *r, rt_tensor s, rt_tensor pair, rt_tensor tokens)
{
    int64_t n = tokens.dim[0], mark = rt_arena_mark(ctx->step);
    rt_op_gather(ctx, RT_VIEW(s, 1, n, r->ninp), RT_VIEW(r->encoder, 1, r->encoder.dim[0], r->ninp), tokens, false);
    rt_op_outer_linear(ctx, pair, rt_linear_new(ctx, &r->down, s, RT_ACT_NONE), r->outer, r->outer_bias, false);
    rt_tensor index = RT_NEW_HOST(ctx, RT_I32, n * n, 1);
    for (int64_t i = 0; ctx->status == RT_OK && i < n; i++)
        for (int64_t j = 0; j < n; j++) {
            int64_t d = i - j < -POSITION_REACH ? -POSITION_REACH : i - j > POSITION_REACH ? POSITION_REACH : i - j;
            ((int32_t *)index.data)[i * n + j] = (int32_t)(d + POSITION_REACH);
        }
    rt_op_embed(ctx, RT_VIEW(pair, n * n, r->pairwise), r->position, rt_upload(ctx, index), true);
    rt_op_add(ctx, pair, r->position_bias);
    rt_arena_reset(ctx->step, mark);
}

void rt_ribonanza_forward(rt_ctx *ctx, const rt_ribonanza *r, rt_ribonanza_mix *out_mix, rt_tensor tokens)
{
    int64_t n = tokens.dim[0], last = r->n_layer - 1;
    *out_mix = (rt_ribonanza_mix){RT_NEW(ctx, n, r->ninp), RT_NEW(ctx, n, n, r->pairwise)};
    rt_zero(ctx, out_mix->sequence);
    rt_zero(ctx, out_mix->pairwise);
    int64_t mark = rt_arena_mark(ctx->step);
    rt_tensor s = RT_NEW(ctx, n, r->ninp), pair = RT_NEW(ctx, n, n, r->pairwise);
    double top = -INFINITY, sum = 0;
    rt_ctx_sync(ctx);
    rt_tensor share = RT_NEW_HOST(ctx, RT_F64, r->n_layer);
    for (int64_t i = 0; i < r->n_layer; i++) top = fmax(top, rt_get(r->layer_weights, i));
    for (int64_t i = 0; i < r->n_layer; i++) sum += exp(rt_get(r->layer_weights, i) - top);
    for (int64_t i = 0; ctx->status == RT_OK && i < r->n_layer; i++)
        rt_set(share, i, exp(rt_get(r->layer_weights, i) - top) / sum);
    while (ctx->status == RT_OK && !ctx->probe && last >= 0 && rt_get(share, last) == 0) last--;
    embed(ctx, r, s, pair, tokens);
    for (int64_t i = 0; i < rt_ctx_blocks(ctx, last + 1) && rt_ctx_go_on(ctx); i++) {
        double weight = rt_get(share, i);
        layer_forward(ctx, &r->layer[i], s, pair, r->heads);
        RT_PROBE_PART(ctx, RT_VIEW(s, 1, n, r->ninp), i, "ribonanza.sequence_all_layers");
        if (i + 1 == r->n_layer) RT_PROBE(ctx, RT_VIEW(pair, 1, n, n, r->pairwise), "ribonanza.pairwise_last");
        if (weight == 0) continue;
        rt_op_axpby(ctx, out_mix->sequence, 1, s, weight);
        rt_op_axpby(ctx, out_mix->pairwise, 1, pair, weight);
    }
    rt_arena_reset(ctx->step, mark);
}

/* (M,c) rows, each the sigmoid of the gate vector. */
static rt_tensor gate_row(rt_ctx *ctx, rt_tensor gate)
{
    rt_tensor row = RT_NEW_HOST(ctx, ctx->real, 1, rt_count(gate));
    rt_ctx_sync(ctx);
    for (int64_t i = 0; ctx->status == RT_OK && i < rt_count(gate); i++) {
        double value = 1 / (1 + exp(-rt_get(gate, i)));
        rt_set(row, i, value);
    }
    return rt_upload(ctx, row);
}

void rt_ribonanza_inject(rt_ctx *ctx, const rt_ribonanza_injector *injector, rt_tensor x, rt_tensor mix, const char *probe)
{
    int64_t mark = rt_arena_mark(ctx->step), rows = rt_rows(x), c = rt_last(x);
    rt_tensor gate = gate_row(ctx, injector->gate), projected = rt_new_like(ctx, x);
    rt_tensor flat = RT_VIEW(projected, rows, c), in = RT_VIEW(mix, rows, rt_last(mix));
    int64_t inner = rt_arena_mark(ctx->step);
    for (int64_t first = 0, chunk_rows = rt_row_chunk(ctx); first < rows && ctx->status == RT_OK; first += chunk_rows) {
        int64_t count = rows - first < chunk_rows ? rows - first : chunk_rows;
        rt_tensor hidden = rt_linear_new(ctx, &injector->first, rt_slice(in, first, count), RT_ACT_NONE);
        rt_norm_forward(ctx, &injector->norm1, hidden, hidden);
        rt_op_clamp(ctx, hidden, hidden, 0, INFINITY);
        rt_tensor out = rt_slice(flat, first, count);
        rt_linear_forward(ctx, &injector->second, out, hidden, RT_PLAIN);
        rt_norm_forward(ctx, &injector->norm2, out, out);
        rt_arena_reset(ctx->step, inner);
    }
    if (x.ndim == 2) RT_PROBE(ctx, RT_VIEW(projected, 1, rows, c), "%s", probe);
    else RT_PROBE(ctx, RT_VIEW(projected, 1, x.dim[0], x.dim[1], c), "%s", probe);
    rt_linear_forward(ctx, &injector->inject, x, projected, (rt_epilogue){.mul = gate, .add = true});
    rt_arena_reset(ctx->step, mark);
}

/* dgate (1,c), the gradient of the gate row, to the parameter before the sigmoid. */
static void gate_row_backward(rt_ctx *ctx, const rt_ribonanza_injector *injector, rt_tensor dgate_row, rt_tensor gate)
{
    rt_tensor to = injector->dgate;
    rt_ctx_sync(ctx);
    for (int64_t i = 0; ctx->status == RT_OK && i < rt_count(to); i++) {
        double s = rt_get(gate, i), value = rt_get(to, i) + rt_get(dgate_row, i) * s * (1 - s);
        rt_set(to, i, value);
    }
}

void rt_ribonanza_inject_backward(rt_ctx *ctx, const rt_ribonanza_injector *injector, rt_tensor dx, rt_tensor mix)
{
    const rt_ribonanza_injector *j = injector;
    int64_t mark = rt_arena_mark(ctx->step), rows = rt_rows(dx), c = rt_last(dx);
    rt_tensor gate = gate_row(ctx, j->gate), dgate = j->dgate.data ? rt_new_like(ctx, gate) : RT_ABSENT;
    rt_tensor flat = RT_VIEW(dx, rows, c), in = RT_VIEW(mix, rows, rt_last(mix));
    rt_epilogue by_gate = {.mul = gate};
    if (dgate.data) rt_zero(ctx, dgate);
    int64_t inner = rt_arena_mark(ctx->step);
    for (int64_t first = 0, chunk_rows = rt_row_chunk(ctx); first < rows && ctx->status == RT_OK; first += chunk_rows) {
        int64_t count = rows - first < chunk_rows ? rows - first : chunk_rows;
        rt_tensor dy = rt_slice(flat, first, count), chunk = rt_slice(in, first, count);
        rt_tensor raw = rt_linear_new(ctx, &j->first, chunk, RT_ACT_NONE), hidden = rt_norm_new(ctx, &j->norm1, raw);
        rt_tensor positive = rt_new_like(ctx, hidden), d = rt_new_like(ctx, dy), dhidden = rt_new_like(ctx, hidden);
        rt_op_clamp(ctx, positive, hidden, 0, INFINITY);
        rt_tensor second = rt_linear_new(ctx, &j->second, positive, RT_ACT_NONE), projected = rt_norm_new(ctx, &j->norm2, second);
        if (dgate.data)
            rt_op_epilogue_backward(ctx, RT_ABSENT, dgate, dy, rt_linear_new(ctx, &j->inject, projected, RT_ACT_NONE), by_gate);
        rt_op_epilogue_backward(ctx, d, RT_ABSENT, dy, RT_ABSENT, by_gate);
        rt_tensor dprojected = rt_new_like(ctx, projected);
        rt_linear_backward(ctx, &j->inject, dprojected, false, d, projected);
        rt_norm_backward(ctx, &j->norm2, dprojected, false, dprojected, second);
        rt_linear_backward(ctx, &j->second, dhidden, false, dprojected, positive);
        rt_op_clamp_backward(ctx, dhidden, false, dhidden, hidden, 0, INFINITY);
        rt_norm_backward(ctx, &j->norm1, dhidden, false, dhidden, raw);
        rt_linear_backward(ctx, &j->first, RT_ABSENT, false, dhidden, chunk);
        rt_arena_reset(ctx->step, inner);
    }
    if (dgate.data) gate_row_backward(ctx, j, dgate, gate);
    rt_arena_reset(ctx->step, mark);
}
