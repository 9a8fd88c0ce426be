#include "layer/relative_position.h"

void rt_relative_position_bind(rt_binder *binder, rt_relative_position *r, const char *prefix)
{
    const rt_config *c = binder->config;
    r->r_max = c->r_max;
    r->s_max = c->s_max;
    rt_linear_bind_exact(binder, &r->linear, prefix, "linear_no_bias", c->c_z, 4 * c->r_max + 2 * c->s_max + 7, false);
}

/* clip(difference + reach, 0, 2 reach), or the extra class 2 reach + 1 where the two do not belong together. */
static int32_t bin(int64_t difference, int64_t reach, bool together)
{
    if (!together) return (int32_t)(2 * reach + 1);
    int64_t clipped = difference + reach < 0 ? 0 : difference + reach > 2 * reach ? 2 * reach : difference + reach;
    return (int32_t)clipped;
}

/* index (n N,4) I32: the four ones of each pair's one-hot; -1 for none. */
static rt_tensor pair_classes(rt_ctx *ctx, const rt_relative_position *r, const rt_features *features, int64_t first,
                              int64_t rows, int64_t n)
{
    const int64_t *asym = features->asym_id.data, *residue = features->residue_index.data, *sym = features->sym_id.data;
    const int64_t *entity = features->entity_id.data, *token = features->token_index.data;
    int32_t token_at = (int32_t)(2 * r->r_max + 2), entity_at = 2 * token_at, chain_at = entity_at + 1;
    rt_tensor index = RT_NEW_HOST(ctx, RT_I32, rows * n, 4);
    for (int64_t i = 0; ctx->status == RT_OK && !ctx->measuring && i < rows; i++)
        for (int64_t j = 0; j < n; j++) {
            int64_t a = first + i;
            bool chain = asym[a] == asym[j], same_residue = residue[a] == residue[j], same_entity = entity[a] == entity[j];
            int32_t *at = (int32_t *)index.data + (i * n + j) * 4;
            at[0] = bin(residue[a] - residue[j], r->r_max, chain);
            at[1] = token_at + bin(token[a] - token[j], r->r_max, chain && same_residue);
            at[2] = same_entity ? entity_at : -1;
            at[3] = chain_at + bin(sym[a] - sym[j], r->s_max, same_entity);
        }
    return rt_upload(ctx, index);
}

void rt_relative_position_forward(rt_ctx *ctx, const rt_relative_position *r, rt_tensor z, const rt_features *features,
                                  int64_t first, bool add)
{
    int64_t mark = rt_arena_mark(ctx->step);
    rt_op_embed(ctx, z, r->linear.weight, pair_classes(ctx, r, features, first, z.dim[0], z.dim[1]), add);
    rt_arena_reset(ctx->step, mark);
}

void rt_relative_position_backward(rt_ctx *ctx, const rt_relative_position *r, rt_tensor dz, const rt_features *features,
                                   int64_t first)
{
    if (!r->linear.dweight.data) return;
    int64_t mark = rt_arena_mark(ctx->step);
    rt_op_embed_backward(ctx, r->linear.dweight, dz, pair_classes(ctx, r, features, first, dz.dim[0], dz.dim[1]));
    rt_arena_reset(ctx->step, mark);
}
