#include "trunk/msa.h"

#include <math.h>

#include "base/rng.h"
#include "layer/dropout.h"

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
        rt_pair_block_bind(binder, &block->pair, pair, binder->config->dropout_msa_pair);
        if (block->last) continue;
        RT_SCOPE(average, scope, "msa_stack.msa_pair_weighted_averaging");
        RT_SCOPE(transition, scope, "msa_stack.transition_m");
        int64_t before = rt_bind_trained(binder);
        rt_norm_bind(binder, &block->norm_m, average, "layernorm_m", c->c_m, true);
        rt_linear_bind(binder, &block->value, average, "linear_no_bias_mv", width, c->c_m, false);
        rt_norm_bind(binder, &block->norm_z, average, "layernorm_z", c->c_z, true);
        rt_linear_bind(binder, &block->weight, average, "linear_no_bias_z", block->heads, c->c_z, false);
        rt_linear_bind(binder, &block->gate, average, "linear_no_bias_mg", width, c->c_m, false);
        rt_linear_bind(binder, &block->out, average, "linear_no_bias_out", c->c_m, width, false);
        rt_transition_bind(binder, &block->transition, transition, c->c_m, 4);
        block->dropout = rt_params_drops(binder->params, before) ? binder->config->dropout_msa : 0;
    }
}

rt_tensor rt_msa_draw_rows(rt_ctx *ctx, int64_t n_msa, int64_t lower_bound, int64_t cutoff, uint64_t seed, uint64_t stream,
                           int64_t cycle)
{
    rt_rng count = rt_rng_make(seed, stream, 2 * (uint64_t)cycle, RT_DRAW_MSA_ROWS);
    rt_rng order = rt_rng_make(seed, stream, 2 * (uint64_t)cycle + 1, RT_DRAW_MSA_ROWS);
    int64_t low = lower_bound < n_msa ? lower_bound : n_msa, k = low + rt_rng_below(&count, 0, n_msa - low + 1);
    if (cutoff > 0 && k > cutoff) k = cutoff;
    rt_tensor all = RT_NEW_HOST(ctx, RT_I64, n_msa);
    if (all.data) rt_rng_permutation(&order, n_msa, all.data);
    return rt_slice(all, 0, k);
}

/* Row letters are one-hot; a gap also sets has_deletion 1 and deletion_value 2/pi atan(1/3), as the reference encodes it:
 * so each letter is one column of a (c_m, 32) matrix. */
static rt_tensor letter_columns(rt_ctx *ctx, const rt_msa_module *m)
{
    rt_tensor w = RT_NEW_HOST(ctx, ctx->real, m->c_m, ALPHABET);
    rt_ctx_sync(ctx);
    double deletion_value = (float)(2 / M_PI * atan(1.0 / 3));
    for (int64_t i = 0; ctx->status == RT_OK && i < m->c_m; i++)
        for (int64_t k = 0; k < ALPHABET; k++) {
            double value = rt_get(m->m.weight, i * M_INPUTS + k);
            if (k == GAP)
                value += rt_get(m->m.weight, i * M_INPUTS + ALPHABET) +
                         deletion_value * rt_get(m->m.weight, i * M_INPUTS + ALPHABET + 1);
            rt_set(w, i * ALPHABET + k, value);
        }
    return rt_upload(ctx, w);
}

/* dcolumns (c_m,32) to the weight that the columns were made of. */
static void letter_columns_backward(rt_ctx *ctx, const rt_msa_module *m, rt_tensor dcolumns)
{
    double deletion_value = (float)(2 / M_PI * atan(1.0 / 3));
    rt_tensor dw = m->m.dweight;
    rt_ctx_sync(ctx);
    for (int64_t i = 0; ctx->status == RT_OK && i < m->c_m; i++)
        for (int64_t k = 0; k < M_INPUTS; k++) {
            double d = rt_get(dcolumns, i * ALPHABET + (k < ALPHABET ? k : GAP)), at = rt_get(dw, i * M_INPUTS + k);
            at += k == ALPHABET + 1 ? deletion_value * d : d;
            rt_set(dw, i * M_INPUTS + k, at);
        }
}

/* (M N,1) I32: the letters of the rows. */
static rt_tensor row_letters(rt_ctx *ctx, const rt_features *features, rt_tensor rows)
{
    int64_t count = rows.dim[0], n = features->n_token;
    rt_tensor index = RT_NEW_HOST(ctx, RT_I32, count * n, 1);
    const uint8_t *msa = features->msa.data;
    for (int64_t r = 0; ctx->status == RT_OK && !ctx->measuring && r < count; r++)
        for (int64_t i = 0; i < n; i++)
            ((int32_t *)index.data)[r * n + i] = msa[((const int64_t *)rows.data)[r] * n + i];
    return rt_upload(ctx, index);
}

/* x (M,N,c_m) = linear_m(letters) + linear_s(s_inputs) */
static void embed_rows(rt_ctx *ctx, const rt_msa_module *m, rt_tensor x, rt_tensor s_inputs, const rt_features *features,
                       rt_tensor rows)
{
    int64_t mark = rt_arena_mark(ctx->step);
    rt_tensor columns = letter_columns(ctx, m), index = row_letters(ctx, features, rows);
    rt_op_embed(ctx, RT_VIEW(x, rows.dim[0] * features->n_token, m->c_m), columns, index, false);
    rt_op_add(ctx, x, rt_linear_new(ctx, &m->s, s_inputs, RT_ACT_NONE));
    rt_arena_reset(ctx->step, mark);
}

static void embed_rows_backward(rt_ctx *ctx, const rt_msa_module *m, rt_tensor dx, rt_tensor opt_ds_inputs,
                                const rt_features *features, const rt_msa_module_saved *saved)
{
    int64_t mark = rt_arena_mark(ctx->step), n = features->n_token;
    if (m->m.dweight.data) {
        rt_tensor dcolumns = RT_NEW(ctx, m->c_m, ALPHABET);
        rt_zero(ctx, dcolumns);
        rt_op_embed_backward(ctx, dcolumns, RT_VIEW(dx, saved->rows.dim[0] * n, m->c_m), row_letters(ctx, features, saved->rows));
        letter_columns_backward(ctx, m, dcolumns);
    }
    rt_tensor dtoken = RT_NEW(ctx, n, m->c_m);
    rt_zero(ctx, dtoken);
    rt_op_add_backward(ctx, dtoken, dx);
    rt_linear_backward(ctx, &m->s, opt_ds_inputs, true, dtoken, saved->s_inputs);
    rt_arena_reset(ctx->step, mark);
}

/* z += (linear_out(sum over rows of a x b) + bias) / (M + 1e-3): the reference divides the bias too. */
static void outer_product_mean(rt_ctx *ctx, const rt_msa_block *block, rt_tensor z, rt_tensor m)
{
    int64_t msa = m.dim[0], n = m.dim[1], c = rt_linear_out(&block->opm_a), mark = rt_arena_mark(ctx->step);
    rt_tensor a = RT_NEW(ctx, msa, n, c), b = RT_NEW(ctx, msa, n, c);
    rt_norm_linear_forward(ctx, &block->opm_norm, &block->opm_a, a, m, RT_PLAIN);
    rt_norm_linear_forward(ctx, &block->opm_norm, &block->opm_b, b, m, RT_PLAIN);
    int64_t inner = rt_arena_mark(ctx->step), step = rt_row_chunk_items(ctx, n);
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

/* dm += from dz, which is also the gradient at the input. */
static void outer_product_mean_backward(rt_ctx *ctx, const rt_msa_block *block, rt_tensor dm, rt_tensor dz, rt_tensor m)
{
    int64_t msa = m.dim[0], n = m.dim[1], c = rt_linear_out(&block->opm_a), mark = rt_arena_mark(ctx->step);
    rt_tensor a = RT_NEW(ctx, msa, n, c), b = RT_NEW(ctx, msa, n, c), da = RT_NEW(ctx, msa, n, c), db = RT_NEW(ctx, msa, n, c);
    rt_norm_linear_forward(ctx, &block->opm_norm, &block->opm_a, a, m, RT_PLAIN);
    rt_norm_linear_forward(ctx, &block->opm_norm, &block->opm_b, b, m, RT_PLAIN);
    rt_zero(ctx, da);
    rt_zero(ctx, db);
    int64_t inner = rt_arena_mark(ctx->step), step = rt_row_chunk_items(ctx, n);
    for (int64_t i = 0; i < n && ctx->status == RT_OK; i += step) {
        int64_t rows = n - i < step ? n - i : step;
        rt_tensor outer = RT_NEW(ctx, rows, n, c * c), douter = rt_new_like(ctx, outer), dy = rt_slice(dz, i, rows);
        rt_tensor dupdate = rt_new_like(ctx, dy);
        rt_op_outer_product(ctx, outer, a, b, i);
        rt_op_axpby(ctx, dupdate, 0, dy, 1 / ((double)msa + 1e-3));
        rt_linear_backward(ctx, &block->opm_out, douter, false, dupdate, outer);
        rt_op_outer_product_backward(ctx, da, db, douter, a, b, i);
        rt_arena_reset(ctx->step, inner);
    }
    rt_norm_linear_backward(ctx, &block->opm_norm, &block->opm_a, dm, da, m);
    rt_norm_linear_backward(ctx, &block->opm_norm, &block->opm_b, dm, db, m);
    rt_arena_reset(ctx->step, mark);
}

/* weight (heads,N,N): softmax over j */
static rt_tensor pair_weight(rt_ctx *ctx, const rt_msa_block *block, rt_tensor z)
{
    int64_t n = z.dim[0], heads = block->heads;
    rt_tensor weight = RT_NEW(ctx, heads, n, n);
    int64_t mark = rt_arena_mark(ctx->step);
    rt_tensor by_pair = RT_NEW(ctx, n * n, heads);
    rt_norm_linear_forward(ctx, &block->norm_z, &block->weight, by_pair, z, RT_PLAIN);
    rt_op_transpose(ctx, RT_VIEW(weight, heads, n * n), by_pair);
    rt_op_softmax(ctx, weight, weight);
    rt_arena_reset(ctx->step, mark);
    return weight;
}

/* m += out(gate * average of values weighted by softmax over j of linear(LN(z))[i,j]) */
static void pair_weighted_averaging(rt_ctx *ctx, const rt_msa_block *block, rt_tensor m, rt_tensor z)
{
    int64_t msa = m.dim[0], n = m.dim[1], width = rt_linear_out(&block->value), mark = rt_arena_mark(ctx->step);
    rt_tensor weight = pair_weight(ctx, block, z);
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

/* dm: the gradient at the output, then at the input; dz += */
static void pair_weighted_averaging_backward(rt_ctx *ctx, const rt_msa_block *block, rt_tensor dm, rt_tensor dz, rt_tensor m,
                                             rt_tensor z)
{
    int64_t msa = m.dim[0], n = m.dim[1], heads = block->heads, width = rt_linear_out(&block->value);
    int64_t mark = rt_arena_mark(ctx->step);
    rt_tensor weight = pair_weight(ctx, block, z), dweight = rt_new_like(ctx, weight), dby_pair = RT_NEW(ctx, n * n, heads);
    rt_zero(ctx, dweight);
    int64_t inner = rt_arena_mark(ctx->step);
    for (int64_t first = 0; first < msa && ctx->status == RT_OK; first += AVERAGE_ROWS) {
        int64_t rows = msa - first < AVERAGE_ROWS ? msa - first : AVERAGE_ROWS;
        rt_tensor chunk = rt_slice(m, first, rows), dy = rt_slice(dm, first, rows);
        rt_tensor normed = rt_norm_new(ctx, &block->norm_m, chunk), mixed = RT_NEW(ctx, rows, n, width);
        rt_tensor value = rt_linear_new(ctx, &block->value, normed, RT_ACT_NONE);
        rt_tensor pre = rt_linear_new(ctx, &block->gate, normed, RT_ACT_NONE), dgated = rt_new_like(ctx, mixed);
        rt_tensor dmixed = rt_new_like(ctx, mixed), dvalue = rt_new_like(ctx, mixed), dnormed = rt_new_like(ctx, normed);
        rt_epilogue gate = {.act = RT_ACT_SIGMOID, .mul = mixed};
        rt_op_pair_average(ctx, mixed, weight, value);
        if (rt_linear_trains(&block->out)) {
            rt_op_epilogue(ctx, dgated, pre, gate);
            rt_linear_backward(ctx, &block->out, RT_ABSENT, false, dy, dgated);
        }
        rt_linear_backward(ctx, &block->out, dgated, false, dy, RT_ABSENT);
        rt_zero(ctx, dmixed);
        rt_op_epilogue_backward(ctx, RT_ABSENT, dmixed, dgated, pre, gate);
        rt_op_epilogue_backward(ctx, pre, RT_ABSENT, dgated, pre, gate);
        rt_op_pair_average_backward(ctx, dweight, dvalue, dmixed, weight, value);
        rt_linear_backward(ctx, &block->value, dnormed, false, dvalue, normed);
        rt_linear_backward(ctx, &block->gate, dnormed, true, pre, normed);
        rt_norm_backward(ctx, &block->norm_m, dy, true, dnormed, chunk);
        rt_arena_reset(ctx->step, inner);
    }
    rt_op_softmax_backward(ctx, dweight, dweight, weight);
    rt_op_transpose(ctx, dby_pair, RT_VIEW(dweight, heads, n * n));
    rt_norm_linear_backward(ctx, &block->norm_z, &block->weight, dz, dby_pair, z);
    rt_arena_reset(ctx->step, mark);
}

/* One block; state: m, z.  The averaging reads the z that the pair block keeps as its input. */
typedef struct {
    rt_tensor m, mask;
    rt_transition_saved transition;
    rt_pair_block_saved pair;
} block_saved;

static void forward_block(rt_ctx *ctx, const rt_stack *stack, int64_t i, rt_tensor state[RT_STACK_STATE], void *opt_saved)
{
    const rt_msa_block *block = &((const rt_msa_module *)stack->module)->block[i];
    block_saved *saved = opt_saved;
    if (saved) saved->m = rt_new_copy(ctx, state[0]);
    outer_product_mean(ctx, block, state[1], state[0]);
    if (!block->last) {
        rt_tensor mask = rt_dropout_mask(ctx, block->dropout, state[0].dim[1], state[0].dim[2]);
        int64_t mark = rt_arena_mark(ctx->step);
        rt_tensor before = saved ? saved->m : mask.data ? rt_new_copy(ctx, state[0]) : RT_ABSENT;
        pair_weighted_averaging(ctx, block, state[0], state[1]);
        rt_dropout_apply(ctx, state[0], before, mask);
        rt_arena_reset(ctx->step, mark);
        if (saved) saved->mask = mask;
        rt_transition_forward(ctx, &block->transition, state[0], saved ? &saved->transition : NULL);
    }
    rt_pair_block_forward(ctx, &block->pair, state[1], saved ? &saved->pair : NULL);
}

static void backward_block(rt_ctx *ctx, const rt_stack *stack, int64_t i, rt_tensor dstate[RT_STACK_STATE], void *opt_saved)
{
    const rt_msa_block *block = &((const rt_msa_module *)stack->module)->block[i];
    const block_saved *saved = opt_saved;
    rt_pair_block_backward(ctx, &block->pair, dstate[1], &saved->pair);
    if (!block->last) {
        rt_transition_backward(ctx, &block->transition, dstate[0], &saved->transition);
        int64_t mark = rt_arena_mark(ctx->step);
        rt_tensor d = rt_dropout_begin(ctx, dstate[0], saved->mask);
        pair_weighted_averaging_backward(ctx, block, d, dstate[1], saved->m, saved->pair.tri_mul_out.z);
        rt_dropout_end(ctx, dstate[0], d, saved->mask);
        rt_arena_reset(ctx->step, mark);
    }
    outer_product_mean_backward(ctx, block, dstate[0], dstate[1], saved->m);
}

static rt_stack make_stack(const rt_msa_module *m)
{
    return (rt_stack){.n_block = m->n_block, .saved_size = sizeof(block_saved), .module = m, .forward = forward_block,
                      .backward = backward_block};
}

void rt_msa_module_forward(rt_ctx *ctx, const rt_msa_module *m, rt_tensor z, rt_tensor s_inputs, const rt_features *features,
                           rt_tensor rows, int64_t cycle, rt_msa_module_saved *opt_saved)
{
    int64_t n = z.dim[0], mark = rt_arena_mark(ctx->step);
    rt_stack stack = make_stack(m);
    rt_tensor x = RT_NEW(ctx, rows.dim[0], n, m->c_m);
    if (m->n_block > 0) embed_rows(ctx, m, x, s_inputs, features, rows);
    if (opt_saved) *opt_saved = (rt_msa_module_saved){.s_inputs = s_inputs, .rows = rows};
    rt_stack_forward(ctx, &stack, (rt_tensor[RT_STACK_STATE]){x, z}, opt_saved ? &opt_saved->stack : NULL);
    RT_PROBE(ctx, z, "msa_module@%lld", (long long)cycle);
    if (!opt_saved) rt_arena_reset(ctx->step, mark);
}

void rt_msa_module_backward(rt_ctx *ctx, const rt_msa_module *m, rt_tensor dz, rt_tensor opt_ds_inputs,
                            const rt_features *features, const rt_msa_module_saved *saved)
{
    if (m->n_block == 0) return;
    int64_t mark = rt_arena_mark(ctx->step);
    rt_stack stack = make_stack(m);
    rt_tensor dx = RT_NEW(ctx, saved->rows.dim[0], dz.dim[0], m->c_m);
    rt_zero(ctx, dx);
    rt_stack_backward(ctx, &stack, (rt_tensor[RT_STACK_STATE]){dx, dz}, &saved->stack);
    embed_rows_backward(ctx, m, dx, opt_ds_inputs, features, saved);
    rt_arena_reset(ctx->step, mark);
}
