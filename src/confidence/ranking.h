/* ranking.h - a learned ranking: one number from the head's scores, clashes and consensus
 * Room: confidence.  Uses: base/hash, base/json.
 *
 * value = 1 / (1 + exp(-(offset + slope sum_f weight_f (x_f - mean_f) / scale_f))), the TM-score that is expected.  It is
 * fitted on the validation components of a training run (train/ranking_fit) and lies beside its checkpoint as
 * ranking.json, which names the checkpoint by its SHA-256.
 */
#ifndef RT_CONFIDENCE_RANKING_H
#define RT_CONFIDENCE_RANKING_H

#include <jansson.h>

#include "base/hash.h"
#include "base/status.h"

#define RT_RANKING_FILE "ranking.json"

enum {
    RT_RANKING_PLDDT,     /* 0 .. 100, as in a summary */
    RT_RANKING_PTM,
    RT_RANKING_GPDE,      /* Angstrom */
    RT_RANKING_CLASH,     /* log(1 + clashes per 1,000 heavy atoms) */
    RT_RANKING_CONSENSUS, /* mean TM-score to the target's other samples */
    RT_RANKING_FEATURES
};

typedef struct {
    char checkpoint[RT_HASH_TEXT];
    double mean[RT_RANKING_FEATURES], scale[RT_RANKING_FEATURES], weight[RT_RANKING_FEATURES];
    double offset, slope;   /* slope > 0: the value orders as the sum does */
    double ridge;
    int64_t n_target, n_family, n_sample;
} rt_ranking;

const char *rt_ranking_feature_name(int feature);

/* The features of one sample; clash: per 1,000 atoms.  A feature that is NAN counts as the mean. */
void rt_ranking_features(double out[RT_RANKING_FEATURES], double plddt, double ptm, double gpde, double clash,
                         double consensus);
double rt_ranking_value(const rt_ranking *ranking, const double feature[RT_RANKING_FEATURES]);

json_t *rt_ranking_json(const rt_ranking *ranking);   /* json_decref() it */
/* Errors: RT_ERR_IO, RT_ERR_FORMAT (a key is absent, of another type or value, a scale or slope that is not above 0). */
rt_status rt_ranking_read(rt_ranking *out_ranking, const char *path, rt_err *err);

#endif
