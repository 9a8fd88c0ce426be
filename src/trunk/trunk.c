#include "trunk/trunk.h"

void rt_trunk_bind(rt_binder *binder, rt_trunk *trunk)
{
    const rt_config *c = binder->config;
    int64_t start = rt_bind_trained(binder);
    rt_embedder_bind(binder, &trunk->embedder);
    trunk->embedder_trains = rt_bind_trained(binder) > start;
    rt_template_embedder_bind(binder, &trunk->template_embedder);
    rt_msa_module_bind(binder, &trunk->msa);
    trunk->before_trains = rt_bind_trained(binder) > start;
    rt_pairformer_bind(binder, &trunk->pairformer, "pairformer_stack", c->pairformer_blocks, c->pairformer_heads,
                       true, c->dropout_pairformer);
    binder->fixed = true;
    if (c->use_ribonanza)
        rt_pairformer_bind(binder, &trunk->ribonanza_stack, "ribonanza_pairformer_stack", c->ribonanza_stack_blocks,
                           c->ribonanza_stack_heads, false, 0);
    binder->fixed = false;
    int64_t stacks = rt_bind_trained(binder);
    rt_linear_bind(binder, &trunk->cycle_z, "", "linear_no_bias_z_cycle", c->c_z, c->c_z, false);
    rt_linear_bind(binder, &trunk->cycle_s, "", "linear_no_bias_s", c->c_s, c->c_s, false);
    rt_norm_bind(binder, &trunk->norm_z, "", "layernorm_z_cycle", c->c_z, true);
    rt_norm_bind(binder, &trunk->norm_s, "", "layernorm_s", c->c_s, true);
    trunk->before_trains |= rt_bind_trained(binder) > stacks;
    trunk->trains = rt_bind_trained(binder) > start;
}

/* x = x_init + linear(LN(x)), in place: row by row the old value is read before the new one is written. */
static void recycle(rt_ctx *ctx, const rt_norm *norm, const rt_linear *linear, rt_tensor x, rt_tensor init)
{
    int64_t rows = rt_rows(x), c = rt_last(x), mark = rt_arena_mark(ctx->step);
    rt_tensor flat = RT_VIEW(x, rows, c), start = RT_VIEW(init, rows, c);
    for (int64_t first = 0, chunk_rows = rt_row_chunk(ctx); first < rows && ctx->status == RT_OK; first += chunk_rows) {
        int64_t count = rows - first < chunk_rows ? rows - first : chunk_rows;
        rt_tensor chunk = rt_slice(flat, first, count), normed = rt_norm_new(ctx, norm, chunk);
        rt_op_axpby(ctx, chunk, 0, rt_slice(start, first, count), 1);
        rt_linear_forward(ctx, linear, chunk, normed, RT_ADD);
        rt_arena_reset(ctx->step, mark);
    }
}

/* What the pairformer's stack is given in every cycle. */
typedef struct {
    const rt_pairformer *pairformer;
    rt_tensor s, z;
    int64_t cycle;
} stack_call;

static void run_stack(rt_ctx *ctx, void *user)
{
    const stack_call *call = user;
    rt_pairformer_forward(ctx, call->pairformer, call->s, call->z, "pairformer_stack", call->cycle, NULL);
}

/* One cycle: s and z in place.  replay: of the stack, in the cycles that keep nothing. */
static void run_cycle(rt_ctx *ctx, const rt_trunk *trunk, rt_tensor s_inputs, rt_tensor s, rt_tensor z, rt_tensor s_init,
                      rt_tensor z_init, const rt_features *features, rt_tensor rows, int64_t cycle, rt_replay *replay,
                      rt_trunk_saved *opt_saved)
{
    if (opt_saved) opt_saved->s_before = rt_new_copy(ctx, s), opt_saved->z_before = rt_new_copy(ctx, z);
    recycle(ctx, &trunk->norm_z, &trunk->cycle_z, z, z_init);
    rt_template_embedder_forward(ctx, &trunk->template_embedder, z, s_inputs, features, cycle,
                                 opt_saved && trunk->before_trains ? &opt_saved->template_embedder : NULL);
    rt_msa_module_forward(ctx, &trunk->msa, z, s_inputs, features, rows, cycle,
                          opt_saved && trunk->before_trains ? &opt_saved->msa : NULL);
    recycle(ctx, &trunk->norm_s, &trunk->cycle_s, s, s_init);
    if (opt_saved)
        rt_pairformer_forward(ctx, &trunk->pairformer, s, z, "pairformer_stack", cycle,
                              trunk->trains ? &opt_saved->pairformer : NULL);
    else rt_replay_run(ctx, replay, run_stack, &(stack_call){&trunk->pairformer, s, z, cycle});
    RT_PROBE(ctx, s, "pairformer_stack@%lld.0", (long long)cycle);
    RT_PROBE(ctx, z, "pairformer_stack@%lld.1", (long long)cycle);
}

void rt_trunk_forward(rt_ctx *ctx, const rt_trunk *trunk, rt_tensor s_inputs, rt_tensor s, rt_tensor z,
                      const rt_features *features, int64_t n_cycle, const rt_msa_choice *choice,
                      rt_trunk_progress *opt_progress, void *user, rt_trunk_saved *opt_saved)
{
    int64_t mark = rt_arena_mark(ctx->step);
    rt_tensor s_init = rt_new_like(ctx, s), z_init = rt_new_like(ctx, z);
    rt_replay replay = {.expected = opt_saved ? n_cycle - 1 : n_cycle};
    if (opt_saved) *opt_saved = (rt_trunk_saved){0};
    rt_embedder_forward(ctx, &trunk->embedder, s_inputs, s_init, z_init, features,
                        opt_saved && trunk->embedder_trains ? &opt_saved->embedder : NULL);
    rt_zero(ctx, s);
    rt_zero(ctx, z);
    int64_t inner = rt_arena_mark(ctx->step);
    for (int64_t cycle = 0; cycle < n_cycle && ctx->status == RT_OK; cycle++) {
        bool keep = opt_saved && cycle + 1 == n_cycle;
        if (opt_progress) opt_progress(user, cycle, n_cycle);
        rt_tensor rows = choice->opt_rows ? choice->opt_rows[cycle]
                                          : rt_msa_draw_rows(ctx, features->n_msa, choice->lower_bound, choice->cutoff,
                                                             choice->seed, choice->stream, cycle);
        run_cycle(ctx, trunk, s_inputs, s, z, s_init, z_init, features, rows, cycle, &replay, keep ? opt_saved : NULL);
        if (!keep) rt_arena_reset(ctx->step, inner);
    }
    rt_replay_end(&replay);
    if (!opt_saved) rt_arena_reset(ctx->step, mark);
}

void rt_trunk_backward(rt_ctx *ctx, const rt_trunk *trunk, rt_tensor ds_inputs, rt_tensor ds, rt_tensor dz,
                       const rt_features *features, const rt_trunk_saved *saved)
{
    if (!trunk->trains) return;
    rt_pairformer_backward(ctx, &trunk->pairformer, ds, dz, "grad.z_trunk", &saved->pairformer);
    if (!trunk->before_trains) return;
    rt_norm_linear_backward(ctx, &trunk->norm_s, &trunk->cycle_s, RT_ABSENT, ds, saved->s_before);
    rt_msa_module_backward(ctx, &trunk->msa, dz, ds_inputs, features, &saved->msa);
    rt_template_embedder_backward(ctx, &trunk->template_embedder, dz, ds_inputs, &saved->template_embedder);
    rt_norm_linear_backward(ctx, &trunk->norm_z, &trunk->cycle_z, RT_ABSENT, dz, saved->z_before);
    if (trunk->embedder_trains) rt_embedder_backward(ctx, &trunk->embedder, ds_inputs, ds, dz, features, &saved->embedder);
}
