/* predict_rank.c - samples ordered by a ranking that was learned with the checkpoint */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "confidence/structure_scores.h"
#include "predict_run.h"

void rt_predict_rank_path(char *out, int64_t size, const char *checkpoint)
{
    int folder = (int)(rt_path_name(checkpoint) - checkpoint);
    snprintf(out, (size_t)size, "%.*s%s", folder, checkpoint, RT_RANKING_FILE);
}

rt_status rt_predict_rank_open(rt_predict_run *r, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_predict_options *o = r->options;
    if (o->protocol == RT_PROTOCOL_RNAPRO || o->rank_by != RT_RANK_BY_LEARNED) return RT_OK;
    RT_TRY_ALLOC(r->ranking, o->n_checkpoint);
    for (int i = 0; i < o->n_checkpoint; i++) {
        char path[4200];
        rt_predict_rank_path(path, sizeof path, o->checkpoint[i]);
        if (!rt_file_exists(path)) {
            rt_fail(err, RT_ERR_USAGE, path, 0, "is not there: no ranking was learned for %s", o->checkpoint[i]);
            RT_TRY(rt_hint(err, "'rnatune train confidence --validation-rollouts 25' writes it beside best.safetensors; or "
                                "another --rank-by"));
        }
        RT_TRY(rt_ranking_read(&r->ranking[i], path, err));
    }
done:
    return status;
}

rt_status rt_predict_rank_check(const rt_predict_run *r, int64_t checkpoint, const char *sha256, rt_err *err)
{
    char path[4200];
    if (strcmp(r->ranking[checkpoint].checkpoint, sha256) == 0) return RT_OK;
    rt_predict_rank_path(path, sizeof path, r->options->checkpoint[checkpoint]);
    rt_fail(err, RT_ERR_MISMATCH, path, 0, "was learned for another checkpoint (SHA-256 %.16s...) than %s (%.16s...)",
            r->ranking[checkpoint].checkpoint, r->options->checkpoint[checkpoint], sha256);
    return rt_hint(err, "take the pair that 'rnatune train confidence' wrote, or another --rank-by");
}

static double score_of(const rt_sample *s, const char *name)
{
    const json_t *value = json_object_get(s->scores, name);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static rt_status rank_one(const rt_predict_run *r, const rt_features *features, rt_sample *s, double consensus,
                          rt_err *err)
{
    double clash, x[RT_RANKING_FEATURES];
    rt_status status = rt_structure_clash(&clash, features, RT_WRAP(s->xyz, RT_F32, features->n_atom, 3), err);
    if (status != RT_OK) return status;
    rt_ranking_features(x, score_of(s, "plddt"), score_of(s, "ptm"), score_of(s, "gpde"), clash, consensus);
    s->value = rt_ranking_value(&r->ranking[s->origin.checkpoint], x);
    json_object_set_new(s->scores, "learned", rt_json_number(s->value));
    json_object_set_new(s->scores, "clash_score", rt_json_number(clash));
    json_object_set_new(s->scores, "consensus", rt_json_number(consensus));
    return RT_OK;
}

rt_status rt_predict_rank_apply(rt_predict_run *r, const rt_features *features, rt_samples *samples, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t n = samples->n, tokens = features->n_token;
    double *c1 = NULL, *tm = NULL, *consensus = NULL;
    if (!r->ranking) return RT_OK;
    RT_TRY_ALLOC(c1, n * tokens * 3);
    RT_TRY_ALLOC(tm, n * n);
    RT_TRY_ALLOC(consensus, n);
    for (int64_t i = 0; i < n; i++)
        rt_structure_c1(c1 + 3 * tokens * i, features, RT_WRAP(samples->item[i].xyz, RT_F32, features->n_atom, 3));
    RT_TRY(rt_structure_similarity(tm, r->ctx->pool, c1, n, tokens, err));
    rt_structure_consensus(consensus, tm, n);
    for (int64_t i = 0; i < n; i++) RT_TRY(rank_one(r, features, &samples->item[i], consensus[i], err));
    rt_samples_rank(samples, r->options->keep);
done:
    free(c1);
    free(tm);
    free(consensus);
    return status;
}
