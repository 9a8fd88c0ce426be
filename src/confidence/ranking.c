#include "confidence/ranking.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"

static const char *const NAME[RT_RANKING_FEATURES] = {"plddt", "ptm", "gpde", "log_clash", "consensus"};
enum { FORMAT = 1 };

const char *rt_ranking_feature_name(int feature) { return NAME[feature]; }

void rt_ranking_features(double out[RT_RANKING_FEATURES], double plddt, double ptm, double gpde, double clash,
                         double consensus)
{
    out[RT_RANKING_PLDDT] = plddt, out[RT_RANKING_PTM] = ptm, out[RT_RANKING_GPDE] = gpde;
    out[RT_RANKING_CLASH] = log1p(clash), out[RT_RANKING_CONSENSUS] = consensus;
}

double rt_ranking_value(const rt_ranking *ranking, const double feature[RT_RANKING_FEATURES])
{
    double sum = 0;
    for (int f = 0; f < RT_RANKING_FEATURES; f++)
        if (isfinite(feature[f])) sum += ranking->weight[f] * (feature[f] - ranking->mean[f]) / ranking->scale[f];
    return 1 / (1 + exp(-(ranking->offset + ranking->slope * sum)));
}

json_t *rt_ranking_json(const rt_ranking *ranking)
{
    const rt_ranking *r = ranking;
    json_t *features = json_object();
    for (int f = 0; f < RT_RANKING_FEATURES; f++)
        json_object_set_new(features, NAME[f], json_pack("{s:f, s:f, s:f}", "mean", r->mean[f], "scale", r->scale[f],
                                                         "weight", r->weight[f]));
    return json_pack("{s:i, s:s, s:s, s:o, s:f, s:f, s:f, s:I, s:I, s:I}", "format", FORMAT, "checkpoint_sha256",
                     r->checkpoint, "value", "1 / (1 + exp(-(offset + slope * sum of weight * (x - mean) / scale)))",
                     "features", features, "offset", r->offset, "slope", r->slope, "ridge", r->ridge, "targets",
                     (json_int_t)r->n_target, "components", (json_int_t)r->n_family, "samples", (json_int_t)r->n_sample);
}

static rt_status read_feature(rt_ranking *r, const json_t *json, int f, const char *path, rt_err *err)
{
    static const char *const MEMBER[] = {"mean", "scale", "weight"};
    double *const to[] = {&r->mean[f], &r->scale[f], &r->weight[f]};
    for (int m = 0; m < 3; m++) {
        char key[64];
        snprintf(key, sizeof key, "features.%s.%s", NAME[f], MEMBER[m]);
        rt_status status = rt_json_read_double(json, to[m], NULL, key, path, err);
        if (status != RT_OK) return status;
        if (!isfinite(*to[m]) || (m == 1 && !(*to[m] > 0)))
            return rt_fail(err, RT_ERR_FORMAT, path, 0, "%s is %g: %s", key, *to[m],
                           m == 1 ? "expected a number above 0" : "expected a finite number");
    }
    return RT_OK;
}

rt_status rt_ranking_read(rt_ranking *out_ranking, const char *path, rt_err *err)
{
    rt_status status = RT_OK;
    rt_ranking *r = out_ranking;
    json_t *json = NULL;
    const char *checkpoint;
    int64_t format;
    *r = (rt_ranking){0};
    RT_TRY(rt_json_load(&json, path, err));
    RT_TRY(rt_json_read_int(json, &format, NULL, "format", path, err));
    if (format != FORMAT)
        RT_TRY(rt_fail(err, RT_ERR_UNSUPPORTED, path, 0, "a ranking of format %lld, this rnatune reads %d",
                       (long long)format, FORMAT));
    RT_TRY(rt_json_read_text(json, &checkpoint, NULL, "checkpoint_sha256", path, err));
    snprintf(r->checkpoint, sizeof r->checkpoint, "%s", checkpoint);
    for (int f = 0; f < RT_RANKING_FEATURES; f++) RT_TRY(read_feature(r, json, f, path, err));
    RT_TRY(rt_json_read_double(json, &r->offset, NULL, "offset", path, err));
    RT_TRY(rt_json_read_double(json, &r->slope, NULL, "slope", path, err));
    if (!(r->slope > 0) || !isfinite(r->slope) || !isfinite(r->offset))
        RT_TRY(rt_fail(err, RT_ERR_FORMAT, path, 0, "slope is %g: expected a number above 0", r->slope));
done:
    json_decref(json);
    return status;
}
