#include "train/loss_distogram.h"

#include <math.h>

#include "train/cross_entropy.h"

enum { BINS = 64 };
static const double first_edge = 2.3125, edge_step = 0.3125;   /* 63 edges, the last 21.6875 */

int64_t rt_loss_distogram_label(rt_tensor out_class, const rt_features *features, const rt_label *label)
{
    const int64_t n = features->n_token, *rep = features->distogram_rep_atom.data;
    const uint8_t *mask = label->coordinate_mask.data;
    const float *y = label->coordinate.data;
    int64_t n_pair = 0;
    RT_SHAPE(out_class, n, n);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) {
            uint8_t *out = (uint8_t *)out_class.data + i * n + j;
            *out = RT_CROSS_ENTROPY_SKIP;
            if (!mask[rep[i]] || !mask[rep[j]]) continue;
            double square = 0;
            for (int d = 0; d < 3; d++) {
                double delta = (double)y[3 * rep[i] + d] - y[3 * rep[j] + d];
                square += delta * delta;
            }
            double below = ceil((sqrt(square) - first_edge) / edge_step);
            *out = (uint8_t)(below < 0 ? 0 : below > BINS - 1 ? BINS - 1 : below);
            n_pair++;
        }
    return n_pair;
}

double rt_loss_distogram(rt_ctx *ctx, rt_tensor opt_d_logits, rt_tensor logits, const rt_features *features,
                         const rt_label *label, double weight)
{
    int64_t n = features->n_token, mark = rt_arena_mark(ctx->step);
    RT_SHAPE(logits, n, n, BINS);
    rt_tensor row_class = RT_NEW_HOST(ctx, RT_U8, n, n);
    if (ctx->status != RT_OK) return 0;
    double count = (double)rt_loss_distogram_label(row_class, features, label) + 1e-6;
    if (weight == 0) opt_d_logits.data = NULL;
    double loss = rt_cross_entropy_rows(ctx, opt_d_logits, logits, row_class, weight / count) / count;
    rt_arena_reset(ctx->step, mark);
    return loss;
}
