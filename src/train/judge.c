#include "train/judge.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "confidence/rank.h"
#include "confidence/structure_scores.h"

rt_status rt_judge_begin(rt_judge *out_judge, const rt_model *model, const rt_features *features,
                         const rt_label *label, int64_t rollouts, rt_err *err)
{
    rt_status status = RT_OK;
    rt_judge *j = out_judge;
    *j = (rt_judge){.model = model, .features = features, .label = label};
    RT_TRY_ALLOC(j->target.sample, rollouts);
    RT_TRY_ALLOC(j->c1, rollouts * features->n_token * 3);
    RT_TRY_ALLOC(j->pair, features->n_token * 6);
    RT_TRY(rt_tm_create(&j->tm, err));
done:
    if (status != RT_OK) rt_judge_end(j);
    return status;
}

void rt_judge_end(rt_judge *judge)
{
    free(judge->target.sample);
    free(judge->target.pairs);
    free(judge->c1);
    free(judge->pair);
    rt_tm_free(judge->tm);
    *judge = (rt_judge){0};
}

/* The head's summary, as `predict` would write it. */
static rt_status summarise(rt_summary *out, const rt_judge *j, rt_ctx *ctx, const rt_step_judged *judged, rt_err *err)
{
    const rt_config *c = &j->model->config;
    const rt_features *f = j->features;
    int64_t n = f->n_token;
    rt_tensor logits = RT_NEW(ctx, n, n, c->distogram_bins), contacts = RT_NEW_HOST(ctx, RT_F32, n, n);
    rt_distogram_head_forward(ctx, &j->model->distogram, logits, judged->z);
    rt_rank_input input = {.pae_logits = rt_as_f32(ctx, judged->logits->pae),
                           .pde_logits = rt_as_f32(ctx, judged->logits->pde),
                           .plddt_logits = rt_as_f32(ctx, judged->logits->plddt),
                           .contact_probs = contacts,
                           .coordinate = rt_as_f32(ctx, judged->x),
                           .asym_id = f->asym_id,
                           .has_frame = f->has_frame,
                           .atom_to_token_idx = f->atom_to_token_idx,
                           .n_cycle = 1};
    logits = rt_as_f32(ctx, logits);
    rt_ctx_sync(ctx);
    if (ctx->status != RT_OK) return rt_ctx_take(ctx, err);
    rt_contact_probs(contacts, ctx->pool, c, logits);
    return rt_rank_summary(out, ctx->step, ctx->pool, c, &input, err);
}

static double mean_lddt(const rt_step_judged *judged)
{
    const uint8_t *seen = judged->label->coordinate_mask.data;
    double sum = 0, n = 0;
    for (int64_t a = 0; a < judged->label->n_atom; a++)
        if (seen[a]) sum += rt_get(judged->truth->lddt, a), n++;
    return n > 0 ? sum / n : NAN;
}

/* TM-score over the residues whose C1' is resolved. */
static rt_status true_tm(double *out, rt_judge *j, const double *c1, const rt_label *label, rt_err *err)
{
    const int64_t *centre = j->features->centre_atom.data;
    const uint8_t *seen = label->coordinate_mask.data;
    double *x = j->pair, *y = j->pair + 3 * j->features->n_token;
    int64_t n = 0;
    rt_tm_result result;
    *out = NAN;
    for (int64_t i = 0; i < j->features->n_token; i++) {
        if (!seen[centre[i]]) continue;
        for (int d = 0; d < 3; d++) {
            x[3 * n + d] = c1[3 * i + d];
            y[3 * n + d] = rt_get(label->coordinate, 3 * centre[i] + d);
            if (!isfinite(x[3 * n + d])) return RT_OK;
        }
        n++;
    }
    rt_status status = rt_tm_paired(j->tm, &result, NULL, x, y, n, n, err);
    if (status == RT_OK) *out = result.score;
    return status;
}

rt_status rt_judge_watch(void *user, rt_ctx *ctx, const rt_step_judged *judged, rt_err *err)
{
    rt_status status = RT_OK;
    rt_judge *j = user;
    rt_summary summary;
    rt_selection_sample *s = &j->target.sample[judged->rollout];
    double *c1 = j->c1 + 3 * j->features->n_token * judged->rollout;
    int64_t mark = rt_arena_mark(ctx->step);
    RT_TRY(summarise(&summary, j, ctx, judged, err));
    *s = (rt_selection_sample){.sample = judged->rollout, .lddt = mean_lddt(judged), .clash = NAN, .consensus = NAN};
    snprintf(s->model, sizeof s->model, "%lld", (long long)judged->rollout);
    s->score[RT_SELECT_RANKING_SCORE] = summary.ranking_score, s->score[RT_SELECT_PLDDT] = summary.plddt;
    s->score[RT_SELECT_PTM] = summary.ptm, s->score[RT_SELECT_GPDE] = summary.gpde;
    s->score[RT_SELECT_LEARNED] = NAN;
    rt_structure_c1(c1, j->features, judged->x);
    RT_TRY(true_tm(&s->quality, j, c1, judged->label, err));
    RT_TRY(rt_structure_clash(&s->clash, j->features, judged->x, err));
    if (judged->rollout >= j->target.n) j->target.n = judged->rollout + 1;
done:
    rt_arena_reset(ctx->step, mark);
    return status;
}

rt_status rt_judge_finish(rt_judge *judge, rt_pool *pool, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t n = judge->target.n;
    double *consensus = NULL;
    RT_TRY_ALLOC(consensus, n);
    RT_TRY_ALLOC(judge->target.pairs, n * n);
    RT_TRY(rt_structure_similarity(judge->target.pairs, pool, judge->c1, n, judge->features->n_token, err));
    rt_structure_consensus(consensus, judge->target.pairs, n);
    for (int64_t i = 0; i < n; i++) judge->target.sample[i].consensus = consensus[i];
done:
    free(consensus);
    return status;
}
