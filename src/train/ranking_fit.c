#include "train/ranking_fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { F = RT_RANKING_FEATURES, RIDGES = 7 };
static const double RIDGE[RIDGES] = {1e-4, 1e-3, 1e-2, .1, 1, 10, 100}; /* times the number of targets */
static const double LEAST_SLOPE = 1e-6, LEAST_SPREAD = 1e-18; /* of the quality, squared: less is rounding */

/* Sums over targets of means over their samples: what a ridge regression needs. */
typedef struct {
    double xx[F][F], xy[F], yy, n; /* n: targets */
} sums;

static void add_sums(sums *to, const sums *from, double sign)
{
    for (int i = 0; i < F; i++) {
        for (int k = 0; k < F; k++) to->xx[i][k] += sign * from->xx[i][k];
        to->xy[i] += sign * from->xy[i];
    }
    to->yy += sign * from->yy, to->n += sign * from->n;
}

static void features_of(double out[F], const rt_selection_sample *s)
{
    rt_ranking_features(out, s->score[RT_SELECT_PLDDT], s->score[RT_SELECT_PTM], s->score[RT_SELECT_GPDE], s->clash,
                        s->consensus);
}

/* Standardised; a feature that is not known is at its mean. */
static void standardise(double out[F], const rt_ranking *r, const rt_selection_sample *s)
{
    features_of(out, s);
    for (int f = 0; f < F; f++) out[f] = isfinite(out[f]) ? (out[f] - r->mean[f]) / r->scale[f] : 0;
}

static void find_scales(rt_ranking *r, const rt_selection_data *data)
{
    for (int f = 0; f < F; f++) {
        double sum = 0, square = 0, n = 0, x[F];
        for (int pass = 0; pass < 2; pass++) {
            for (int64_t t = 0; t < data->n_target; t++)
                for (int64_t k = 0; k < data->target[t].n; k++) {
                    features_of(x, &data->target[t].sample[k]);
                    if (!isfinite(x[f])) continue;
                    if (pass == 0) sum += x[f], n++;
                    else square += (x[f] - r->mean[f]) * (x[f] - r->mean[f]);
                }
            r->mean[f] = n > 0 ? sum / n : 0;
        }
        r->scale[f] = n > 0 && square > 0 ? sqrt(square / n) : 1;
    }
}

/* One target's part of its family's sums. */
static void add_target(sums *out, const rt_ranking *r, const rt_selection_target *t)
{
    double mean[F] = {0}, quality = 0, x[F], weight = 1 / (double)t->n;
    for (int64_t k = 0; k < t->n; k++) {
        standardise(x, r, &t->sample[k]);
        for (int f = 0; f < F; f++) mean[f] += weight * x[f];
        quality += weight * t->sample[k].quality;
    }
    for (int64_t k = 0; k < t->n; k++) {
        double y = t->sample[k].quality - quality;
        standardise(x, r, &t->sample[k]);
        for (int f = 0; f < F; f++) {
            x[f] -= mean[f];
            out->xy[f] += weight * x[f] * y;
        }
        for (int f = 0; f < F; f++)
            for (int g = 0; g < F; g++) out->xx[f][g] += weight * x[f] * x[g];
        out->yy += weight * y * y;
    }
    out->n++;
}

/* (xx + ridge n I) w = xy by Cholesky's decomposition: positive definite, as the ridge is above 0. */
static void solve(double out[F], const sums *s, double ridge)
{
    double l[F][F] = {{0}}, z[F];
    for (int i = 0; i < F; i++)
        for (int k = 0; k <= i; k++) {
            double sum = s->xx[i][k] + (i == k ? ridge * (s->n > 0 ? s->n : 1) : 0);
            for (int m = 0; m < k; m++) sum -= l[i][m] * l[k][m];
            l[i][k] = i == k ? sqrt(fmax(sum, 1e-300)) : sum / l[k][k];
        }
    for (int i = 0; i < F; i++) {
        z[i] = s->xy[i];
        for (int m = 0; m < i; m++) z[i] -= l[i][m] * z[m];
        z[i] /= l[i][i];
    }
    for (int i = F - 1; i >= 0; i--) {
        out[i] = z[i];
        for (int m = i + 1; m < F; m++) out[i] -= l[m][i] * out[m];
        out[i] /= l[i][i];
    }
}

static double squared_error(const double w[F], const sums *s)
{
    double error = s->yy;
    for (int i = 0; i < F; i++) {
        error -= 2 * w[i] * s->xy[i];
        for (int k = 0; k < F; k++) error += w[i] * s->xx[i][k] * w[k];
    }
    return error;
}

/* The ridge with the least error over families left out, `without` (-1: none) never looked at. */
static double choose_ridge(const sums *family, int64_t n_family, const sums *all, int64_t without)
{
    double best = INFINITY, ridge = RIDGE[RIDGES - 1];
    for (int r = RIDGES - 1; r >= 0; r--) {
        double error = 0, w[F];
        for (int64_t g = 0; g < n_family; g++) {
            sums rest = *all;
            if (g == without || family[g].n == 0) continue;
            add_sums(&rest, &family[g], -1);
            if (without >= 0) add_sums(&rest, &family[without], -1);
            solve(w, &rest, RIDGE[r]);
            error += squared_error(w, &family[g]);
        }
        if (error < best * (1 - 1e-9)) best = error, ridge = RIDGE[r];
    }
    return ridge;
}

/* offset and slope by Newton's steps on the cross entropy of the quality, every target weighing the same. */
static void calibrate(rt_ranking *r, const rt_selection_data *data)
{
    double offset = 0, slope = 1;
    for (int step = 0; step < 100; step++) {
        double g0 = 0, g1 = 1e-6 * slope, h00 = 1e-9, h01 = 0, h11 = 1e-6;
        for (int64_t t = 0; t < data->n_target; t++)
            for (int64_t k = 0; k < data->target[t].n; k++) {
                const rt_selection_sample *s = &data->target[t].sample[k];
                double x[F], sum = 0, weight = 1 / (double)data->target[t].n;
                standardise(x, r, s);
                for (int f = 0; f < F; f++) sum += r->weight[f] * x[f];
                double p = 1 / (1 + exp(-(offset + slope * sum))), v = weight * fmax(p * (1 - p), 1e-9);
                g0 += weight * (p - s->quality), g1 += weight * (p - s->quality) * sum;
                h00 += v, h01 += v * sum, h11 += v * sum * sum;
            }
        double det = h00 * h11 - h01 * h01, d0 = (h11 * g0 - h01 * g1) / det, d1 = (h00 * g1 - h01 * g0) / det;
        double damp = fmin(1, 5 / fmax(fabs(d0), fmax(fabs(d1), 1e-300)));
        offset -= damp * d0, slope -= damp * d1;
        if (fabs(d0) + fabs(d1) < 1e-10) break;
    }
    /* better samples of a target stay above worse ones even where targets differ the other way */
    r->offset = offset, r->slope = fmax(slope, LEAST_SLOPE);
}

static void set_learned(const rt_ranking *r, rt_selection_target *t)
{
    for (int64_t k = 0; k < t->n; k++) {
        double x[F];
        features_of(x, &t->sample[k]);
        t->sample[k].score[RT_SELECT_LEARNED] = rt_ranking_value(r, x);
    }
}

rt_status rt_ranking_fit(rt_ranking *out_ranking, rt_selection_data *data, rt_err *err)
{
    rt_status status = RT_OK;
    rt_ranking *r = out_ranking;
    sums *family = NULL, all = {0};
    int64_t informative = 0;
    *r = (rt_ranking){0};
    RT_TRY_ALLOC(family, data->n_family);
    find_scales(r, data);
    for (int64_t t = 0; t < data->n_target; t++) {
        r->n_sample += data->target[t].n;
        add_target(&family[data->target[t].family], r, &data->target[t]);
    }
    for (int64_t g = 0; g < data->n_family; g++) {
        informative += family[g].yy > LEAST_SPREAD * family[g].n;
        add_sums(&all, &family[g], 1);
    }
    if (informative < 2)
        RT_TRY(rt_fail(err, RT_ERR_MISMATCH, NULL, 0,
                       "a ranking is learned from two components or more whose samples differ in quality, there %s %lld",
                       informative == 1 ? "is" : "are", (long long)informative));
    r->n_target = data->n_target, r->n_family = data->n_family;
    for (int64_t g = 0; g < data->n_family; g++) {
        rt_ranking without = *r;
        sums rest = all;
        add_sums(&rest, &family[g], -1);
        solve(without.weight, &rest, choose_ridge(family, data->n_family, &all, g));
        without.slope = 1;
        for (int64_t t = 0; t < data->n_target; t++)
            if (data->target[t].family == g) set_learned(&without, &data->target[t]);
    }
    r->ridge = choose_ridge(family, data->n_family, &all, -1);
    solve(r->weight, &all, r->ridge);
    calibrate(r, data);
done:
    free(family);
    return status;
}
