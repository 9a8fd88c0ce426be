#include "trunk/msa.h"

#include <math.h>

#include "base/rng.h"

enum { ALPHABET = 32, GAP = 31, M_INPUTS = ALPHABET + 2, AVERAGE_ROWS = 256 };

void rt_msa_module_bind(rt_binder *binder, rt_msa_module *m)
{
    const rt_config *c = binder->config;
    int64_t width = c->msa_averaging_heads * c->msa_averaging_hidden, hidden = c->msa_outer_product_hidden;
    m->n_block = c->msa_blocks;
    m->c_m = c->c_m;
    rt_linear_bind_exact(binder, &m->m, "msa_module", "linear_no_bias_m", c->c_m, M_INPUTS, false);
    rt_linear_bind(binder, &m->s, "msa_module", "linear_no_bias_s", c->c_m, c->c_s_inputs, false);
    m->block = rt_bind_array(binder, m->n_block, sizeof *m->block);
    for (int64_t i = 0; m->block && i < m->n_block; i++) {
        rt_msa_block *block = &m->block[i];
        block->last = i + 1 == m->n_block;
        block->heads = c->msa_averaging_heads;
        RT_SCOPE(scope, "msa_module", "blocks.%lld", (long long)i);
        RT_SCOPE(opm, scope, "outer_product_mean_msa");
        rt_norm_bind(binder, &block->opm_norm, opm, "layer_norm", c->c_m, true);
        rt_linear_bind(binder, &block->opm_a, opm, "linear_1", hidden, c->c_m, false);
        rt_linear_bind(binder, &block->opm_b, opm, "linear_2", hidden, c->c_m, false);
        rt_linear_bind(binder, &block->opm_out, opm, "linear_out", c->c_z, hidden * hidden, true);
        RT_SCOPE(pair, scope, "pair_stack");
        rt_pair_block_bind(binder, &block->pair, pair);
        if (block->last) continue;
        RT_SCOPE(average, scope, "msa_stack.msa_pair_weighted_averaging");
        RT_SCOPE(transition, scope, "msa_stack.transition_m");
        rt_norm_bind(binder, &block->norm_m, average, "layernorm_m", c->c_m, true);
        rt_linear_bind(binder, &block->value, average, "linear_no_bias_mv", width, c->c_m, false);
        rt_norm_bind(binder, &block->norm_z, average, "layernorm_z", c->c_z, true);
        rt_linear_bind(binder, &block->weight, average, "linear_no_bias_z", block->heads, c->c_z, false);
        rt_linear_bind(binder, &block->gate, average, "linear_no_bias_mg", width, c->c_m, false);
        rt_linear_bind(binder, &block->out, average, "linear_no_bias_out", c->c_m, width, false);
        rt_transition_bind(binder, &block->transition, transition, c->c_m, 4);
    }
}

rt_tensor rt_msa_draw_rows(rt_ctx *ctx, int64_t n_msa, int64_t lower_bound, int64_t cutoff, uint64_t seed, uint64_t stream,
                           int64_t cycle)
{
    rt_rng count = rt_rng_make(seed, stream, 2 * (uint64_t)cycle, RT_DRAW_MSA_ROWS);
    rt_rng order = rt_rng_make(seed, stream, 2 * (uint64_t)cycle + 1, RT_DRAW_MSA_ROWS);
    int64_t low = lower_bound < n_msa ? lower_bound : n_msa, k = low + rt_rng_below(&count, 0, n_msa - low + 1);
    if (cutoff > 0 && k > cutoff) k = cutoff;
    rt_tensor all = RT_NEW_TYPE(ctx, RT_I64, n_msa);
    if (all.data) rt_rng_permutation(&order, n_msa, all.data);
    return rt_slice(all, 0, k);
}

/* Row letters are one-hot; a gap also sets has_deletion 1 and deletion_value 2/pi atan(1/3), as the reference encodes it:
 * so each letter is one column of a (c_m, 32) matrix. */
static rt_tensor letter_columns(rt_ctx *ctx, const rt_msa_module *m)
{
    rt_tensor w = RT_NEW(ctx, m->c_m, ALPHABET);
    double deletion_value = (float)(2 / M_PI * atan(1.0 / 3));
    for (int64_t i = 0; ctx->status == RT_OK && i < m->c_m; i++)
        for (int64_t k = 0; k < ALPHABET; k++) {
            double value = rt_get(m->m.weight, i * M_INPUTS + k);
            if (k == GAP)
                value += rt_get(m->m.weight, i * M_INPUTS + ALPHABET) +
                         deletion_value * rt_get(m->m.weight, i * M_INPUTS + ALPHABET + 1);
            rt_convert((char *)w.data + (i * ALPHABET + k) * rt_dtype_size(w.dtype), w.dtype, &value, RT_F64, 1);
        }
    return w;
}

/* x (M,N,c_m) = linear_m(letters) + linear_s(s_inputs) */
static void embed_rows(rt_ctx *ctx, const rt_msa_module *m, rt_tensor x, rt_tensor s_inputs, const rt_features *features,
                       rt_tensor rows)
{
    int64_t count = rows.dim[0], n = features->n_token, mark = rt_arena_mark(ctx->step);
    rt_tensor columns = letter_columns(ctx, m), index = RT_NEW_TYPE(ctx, RT_I32, count * n, 1);
    const uint8_t *msa = features->msa.data;
    for (int64_t r = 0; ctx->status == RT_OK && !ctx->measuring && r < count; r++)
        for (int64_t i = 0; i < n; i++)
            ((int32_t *)index.data)[r * n + i] = msa[((const int64_t *)rows.data)[r] * n + i];
    rt_op_embed(ctx, RT_VIEW(x, count * n, m->c_m), columns, index, false);
    rt_op_add(ctx, x, rt_linear_new(ctx, &m->s, s_inputs, RT_ACT_NONE));
    rt_arena_reset(ctx->step, mark);
}

/* z += (linear_out(sum over rows of a x b) + bias) / (M + 1e-3): the reference divides the bias too. */
static void outer_product_mean(rt_ctx *ctx, const rt_msa_block *block, rt_tensor z, rt_tensor m)
{
    int64_t msa = m.dim[0], n = m.dim[1], c = rt_linear_out(&block->opm_a), mark = rt_arena_mark(ctx->step);
    rt_tensor a = RT_NEW(ctx, msa, n, c), b = RT_NEW(ctx, msa, n, c);
    rt_norm_linear_forward(ctx, &block->opm_norm, &block->opm_a, a, m, RT_PLAIN);
    rt_norm_linear_forward(ctx, &block->opm_norm, &block->opm_b, b, m, RT_PLAIN);
    int64_t inner = rt_arena_mark(ctx->step), step = n < RT_ROW_CHUNK ? RT_ROW_CHUNK / n : 1;
    for (int64_t i = 0; i < n && ctx->status == RT_OK; i += step) {
        int64_t rows = n - i < step ? n - i : step;
        rt_tensor outer = RT_NEW(ctx, rows, n, c * c);
        rt_op_outer_product(ctx, outer, a, b, i);
        rt_tensor update = rt_linear_new(ctx, &block->opm_out, outer, RT_ACT_NONE);
        rt_op_axpby(ctx, rt_slice(z, i, rows), 1, update, 1 / ((double)msa + 1e-3));
        rt_arena_reset(ctx->step, inner);
    }
    rt_arena_reset(ctx->step, mark);
}

/* m += out(gate * average of values weighted by softmax over j of linear(LN(z))[i,j]) */
static void pair_weighted_averaging(rt_ctx *ctx, const rt_msa_block *block, rt_tensor m, rt_tensor z)
{
    int64_t msa = m.dim[0], n = m.dim[1], heads = block->heads, width = rt_linear_out(&block->value);
    int64_t mark = rt_arena_mark(ctx->step);
    rt_tensor by_pair = RT_NEW(ctx, n * n, heads), weight = RT_NEW(ctx, heads, n, n);
    rt_norm_linear_forward(ctx, &block->norm_z, &block->weight, by_pair, z, RT_PLAIN);
    rt_op_transpose(ctx, RT_VIEW(weight, heads, n * n), by_pair);
    rt_op_softmax(ctx, weight, weight);
    int64_t inner = rt_arena_mark(ctx->step);
    for (int64_t first = 0; first < msa && ctx->status == RT_OK; first += AVERAGE_ROWS) {
        int64_t rows = msa - first < AVERAGE_ROWS ? msa - first : AVERAGE_ROWS;
        rt_tensor chunk = rt_slice(m, first, rows), normed = rt_norm_new(ctx, &block->norm_m, chunk);
        rt_tensor value = rt_linear_new(ctx, &block->value, normed, RT_ACT_NONE), mixed = RT_NEW(ctx, rows, n, width);
        rt_op_pair_average(ctx, mixed, weight, value);
        rt_linear_forward(ctx, &block->gate, mixed, normed, (rt_epilogue){.act = RT_ACT_SIGMOID, .mul = mixed});
        rt_linear_forward(ctx, &block->out, chunk, mixed, RT_ADD);
        rt_arena_reset(ctx->step, inner);
    }
    rt_arena_reset(ctx->step, mark);
}

void rt_msa_module_forward(rt_ctx *ctx, const rt_msa_module *m, rt_tensor z, rt_tensor s_inputs, const rt_features *features,
                           rt_tensor rows, int64_t cycle)
{
    int64_t n = z.dim[0], mark = rt_arena_mark(ctx->step);
    rt_tensor x = RT_NEW(ctx, rows.dim[0], n, m->c_m);
    if (m->n_block > 0) embed_rows(ctx, m, x, s_inputs, features, rows);
    for (int64_t i = 0; i < rt_ctx_blocks(ctx, m->n_block) && rt_ctx_go_on(ctx); i++) {
        const rt_msa_block *block = &m->block[i];
        outer_product_mean(ctx, block, z, x);
        if (!block->last) {
            pair_weighted_averaging(ctx, block, x, z);
            rt_transition_forward(ctx, &block->transition, x);
        }
        rt_pair_block_forward(ctx, &block->pair, z);
    }
    RT_PROBE(ctx, z, "msa_module@%lld", (long long)cycle);
    rt_arena_reset(ctx->step, mark);
}
