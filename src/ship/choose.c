#include "ship/choose.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "score/kmedoids.h"

const char *rt_rule_name(int rule)
{
    if (rule < RT_SELECT_SCORES) return rt_selection_score_name(rule);
    return rule == RT_RULE_CONSENSUS ? "consensus" : "mixed";
}

int rt_rule_find(const char *name)
{
    for (int rule = 0; rule < RT_RULES; rule++)
        if (strcmp(name, rt_rule_name(rule)) == 0) return rule;
    return -1;
}

rt_status rt_choose_by_score(int64_t *out_chosen, int64_t *out_n, const double *score, bool lower, int64_t n, int64_t k,
                             rt_err *err)
{
    rt_status status = RT_OK;
    bool *taken;
    *out_n = 0;
    RT_TRY_ALLOC(taken, n);
    for (; *out_n < k; ++*out_n) {
        int64_t best = -1;
        for (int64_t i = 0; i < n; i++) {
            if (taken[i] || isnan(score[i])) continue;
            if (best < 0 || (lower ? score[i] < score[best] : score[i] > score[best])) best = i;
        }
        if (best < 0) break;
        taken[best] = true;
        out_chosen[*out_n] = best;
    }
done:
    free(taken);
    return status;
}

void rt_choose_weights(double *out_weight, const double *opt_confidence, int64_t n)
{
    double sum = 0, squares = 0, known = 0, weights = 0;
    for (int64_t i = 0; opt_confidence && i < n; i++)
        if (!isnan(opt_confidence[i])) sum += opt_confidence[i], known++;
    double mean = known > 0 ? sum / known : 0;
    for (int64_t i = 0; opt_confidence && i < n; i++)
        if (!isnan(opt_confidence[i])) squares += (opt_confidence[i] - mean) * (opt_confidence[i] - mean);
    double deviation = known > 1 ? sqrt(squares / known) : 0;
    bool flat = !(deviation > 1e-9 * (1 + fabs(mean)));   /* equal but for rounding */
    for (int64_t i = 0; i < n; i++) {
        out_weight[i] = 1;
        if (flat || isnan(opt_confidence[i])) continue;
        out_weight[i] = exp((opt_confidence[i] - mean) / deviation);
        weights += out_weight[i];
    }
    for (int64_t i = 0; i < n && !flat; i++)
        if (isnan(opt_confidence[i])) out_weight[i] = weights / known;
}

/* The TM-score of a candidate to the one most like it, and a trace more, so that of equals the more confident is taken; 1 when
 * it is alone. */
static double vouched(const double *tm, int64_t n, int64_t i)
{
    double most = n > 1 ? 0 : 1;
    for (int64_t j = 0; j < n; j++)
        if (j != i) most = fmax(most, tm[i * n + j]);
    return most + 1e-6;
}

/* Orders the chosen: each place goes to the one that adds most to what those before it reach. */
static void order_by_gain(int64_t *chosen, int64_t k, const double *weighted, int64_t n, double *reached)
{
    for (int64_t place = 0; place < k; place++) {
        double best_gain = 0;
        int64_t best = place;
        for (int64_t c = place; c < k; c++) {
            double gain = 0;
            for (int64_t i = 0; i < n; i++) gain += fmax(weighted[i * n + chosen[c]] - reached[i], 0);
            bool tie = c > place && fabs(gain - best_gain) <= 1e-12 * best_gain;
            if (c == place || (tie ? chosen[c] < chosen[best] : gain > best_gain)) best_gain = gain, best = c;
        }
        int64_t taken = chosen[best];
        memmove(chosen + place + 1, chosen + place, (size_t)(best - place) * sizeof *chosen);
        chosen[place] = taken;
        for (int64_t i = 0; i < n; i++) reached[i] = fmax(reached[i], weighted[i * n + taken]);
    }
}

/* The most confident candidate takes the last of several places unless it has one. */
static void keep_most_confident(int64_t *chosen, int64_t k, const double *confidence, int64_t n)
{
    int64_t best = -1;
    for (int64_t i = 0; i < n; i++)
        if (!isnan(confidence[i]) && (best < 0 || confidence[i] > confidence[best])) best = i;
    for (int64_t m = 0; m < k; m++)
        if (chosen[m] == best) return;
    if (best >= 0 && k > 1) chosen[k - 1] = best;
}

rt_status rt_choose_by_likeness(int64_t *out_chosen, int64_t *out_n, const double *tm, const double *opt_confidence,
                                int64_t n, int64_t k, rt_err *err)
{
    rt_status status = RT_OK;
    double *weight = NULL, *weighted = NULL, *reached = NULL;
    int64_t pairs;
    *out_n = k < n ? k : n;
    if (*out_n == 0) return RT_OK;
    if (!rt_multiply(n, n, &pairs)) return rt_fail(err, RT_ERR_MEMORY, NULL, 0, "%lld candidates", (long long)n);
    RT_TRY_ALLOC(weight, n);
    RT_TRY_ALLOC(weighted, pairs);
    RT_TRY_ALLOC(reached, n);
    rt_choose_weights(weight, opt_confidence, n);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++)
            weighted[i * n + j] = weight[i] * (i == j && opt_confidence ? vouched(tm, n, i) : tm[i * n + j]);
    RT_TRY(rt_kmedoids_find(out_chosen, weighted, n, *out_n, err));
    order_by_gain(out_chosen, *out_n, weighted, n, reached);
    if (opt_confidence) keep_most_confident(out_chosen, *out_n, opt_confidence, n);
done:
    free(weight);
    free(weighted);
    free(reached);
    return status;
}
