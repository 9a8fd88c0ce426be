#include "score/paired.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* ---- arms ---- */

typedef struct {
    const rt_score_row *row;
    int64_t index;
} place;

static int by_target(const void *a, const void *b)
{
    const place *x = a, *y = b;
    int order = strcmp(x->row->target, y->row->target);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

/* One target's models, in the table's order.  False: the metric is not known. */
static bool reduce_target(rt_arm_target *out, const place *model, int64_t n, const rt_metric *metric,
                          rt_per_target per_target)
{
    double best = NAN, sum = 0, top = NAN;
    int64_t known = 0, top_rank = INT64_MAX;
    for (int64_t i = 0; i < n; i++) {
        double value = rt_metric_value(metric, model[i].row);
        int64_t rank = model[i].row->rank > 0 ? model[i].row->rank : INT64_MAX - 1;
        if (rank < top_rank) top_rank = rank, top = value;
        bool submitted = model[i].row->rank > 0 ? rank <= 5 : i < 5;
        if (isnan(value) || (per_target == RT_PER_TARGET_BEST5 && !submitted)) continue;
        if (known == 0 || rt_metric_better(metric, value, best)) best = value;
        sum += value;
        known++;
    }
    memcpy(out->target, model[0].row->target, sizeof out->target);
    out->n_model = known;
    out->value = per_target == RT_PER_TARGET_TOP1 ? top : per_target == RT_PER_TARGET_MEAN ? sum / (double)known : best;
    return !isnan(out->value);
}

rt_status rt_arm_reduce(rt_arm *out_arm, const rt_score_table *table, const rt_metric *metric, rt_per_target per_target,
                        rt_err *err)
{
    rt_status status = RT_OK;
    rt_arm arm = {0};
    place *places = NULL;
    RT_TRY_ALLOC(arm.target, table->n_row);
    RT_TRY_ALLOC(places, table->n_row);
    for (int64_t i = 0; i < table->n_row; i++) places[i] = (place){&table->row[i], i};
    qsort(places, (size_t)table->n_row, sizeof *places, by_target);
    for (int64_t from = 0, to; from < table->n_row; from = to) {
        for (to = from + 1; to < table->n_row && strcmp(places[to].row->target, places[from].row->target) == 0; to++)
            continue;
        rt_arm_target *target = &arm.target[arm.n_target];
        if (!reduce_target(target, places + from, to - from, metric, per_target)) {
            arm.n_unknown++;
            continue;
        }
        if (arm.n_target == 0 || target->n_model < arm.fewest_models) arm.fewest_models = target->n_model;
        if (target->n_model > arm.most_models) arm.most_models = target->n_model;
        arm.n_target++;
    }
done:
    free(places);
    if (status != RT_OK) rt_arm_free_members(&arm);
    *out_arm = arm;
    return status;
}

void rt_arm_free_members(rt_arm *arm)
{
    free(arm->target);
    *arm = (rt_arm){0};
}

static const rt_arm_target *find_target(const rt_arm *arm, const char *name)
{
    int64_t low = 0, high = arm->n_target;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        int order = strcmp(name, arm->target[middle].target);
        if (order == 0) return &arm->target[middle];
        if (order < 0) high = middle;
        else low = middle + 1;
    }
    return NULL;
}

rt_status rt_arm_mean(rt_arm *out_arm, const rt_arm *run, int64_t n_run, rt_err *err)
{
    rt_status status = RT_OK;
    rt_arm arm = {.n_unknown = run[0].n_unknown, .fewest_models = run[0].fewest_models, .most_models = run[0].most_models};
    RT_TRY_ALLOC(arm.target, run[0].n_target);
    for (int64_t k = 1; k < n_run; k++) {
        if (run[k].fewest_models < arm.fewest_models) arm.fewest_models = run[k].fewest_models;
        if (run[k].most_models > arm.most_models) arm.most_models = run[k].most_models;
    }
    for (int64_t i = 0; i < run[0].n_target; i++) {
        rt_arm_target mean = run[0].target[i];
        int64_t k = 1;
        for (; k < n_run; k++) {
            const rt_arm_target *other = find_target(&run[k], mean.target);
            if (!other) break;
            mean.value += other->value;
        }
        if (k < n_run) {
            arm.n_unknown++;
            continue;
        }
        mean.value /= (double)n_run;
        arm.target[arm.n_target++] = mean;
    }
done:
    *out_arm = arm;
    return status;
}

/* ---- pairing ---- */

rt_status rt_paired_build(rt_paired *out_paired, const rt_arm *arm, int64_t n_arm, const rt_families *opt_families,
                          rt_err *err)
{
    rt_status status = RT_OK;
    rt_paired p = {.n_arm = n_arm};
    int64_t most = arm[0].n_target;
    RT_TRY_ALLOC(p.target, most);
    RT_TRY_ALLOC(p.family_name, most);
    RT_TRY_ALLOC(p.family, most);
    RT_TRY_ALLOC(p.n_left_out, n_arm);
    for (int64_t i = 0; i < most; i++) {
        bool everywhere = true;
        for (int64_t k = 1; k < n_arm && everywhere; k++) everywhere = find_target(&arm[k], arm[0].target[i].target);
        if (everywhere) p.target[p.n++] = arm[0].target[i].target;
    }
    if (p.n == 0) RT_TRY(rt_fail(err, RT_ERR_MISMATCH, NULL, 0, "the arms have no target in common"));
    int64_t size;
    if (!rt_multiply(n_arm, p.n, &size)) RT_BUG("%lld arms of %lld targets", (long long)n_arm, (long long)p.n);
    RT_TRY_ALLOC(p.value, size);
    for (int64_t k = 0; k < n_arm; k++) {
        p.n_left_out[k] = arm[k].n_target - p.n;
        for (int64_t i = 0; i < p.n; i++) p.value[k * p.n + i] = find_target(&arm[k], p.target[i])->value;
    }
    for (int64_t i = 0; opt_families && i < p.n; i++) p.family_name[i] = rt_families_find(opt_families, p.target[i]);
    RT_TRY(rt_families_number(p.family, &p.n_family, &p.n_alone, opt_families, p.target, p.n, err));
done:
    if (status != RT_OK) rt_paired_free_members(&p);
    *out_paired = p;
    return status;
}

void rt_paired_free_members(rt_paired *paired)
{
    free(paired->target);
    free(paired->family_name);
    free(paired->family);
    free(paired->value);
    free(paired->n_left_out);
    *paired = (rt_paired){0};
}

/* ---- comparing ---- */

static rt_status test_families(rt_paired_difference *d, const rt_paired *p, rt_err *err)
{
    rt_status status = RT_OK;
    double *mean = NULL, *size = NULL;
    RT_TRY_ALLOC(mean, p->n_family);
    RT_TRY_ALLOC(size, p->n_family);
    for (int64_t i = 0; i < p->n; i++) {
        mean[p->family[i]] += d->delta[i];
        size[p->family[i]]++;
    }
    for (int64_t g = 0; g < p->n_family; g++) mean[g] /= size[g];
    RT_TRY(rt_signed_rank_run(&d->by_family, mean, p->n_family, err));
done:
    free(mean);
    free(size);
    return status;
}

/* Insertion: targets are hundreds. */
static void order_worst(rt_paired_difference *d, const rt_metric *metric)
{
    for (int64_t i = 0; i < d->n; i++) {
        int64_t at = i;
        for (; at > 0 && rt_metric_better(metric, d->delta[d->worst[at - 1]], d->delta[i]); at--)
            d->worst[at] = d->worst[at - 1];
        d->worst[at] = i;
    }
}

rt_status rt_paired_compare(rt_paired_difference *out_difference, const rt_paired *paired, int64_t a, int64_t b,
                            const rt_metric *metric, const rt_paired_options *options, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_paired *p = paired;
    const double *first = p->value + a * p->n, *second = p->value + b * p->n;
    rt_paired_difference d = {.a = a, .b = b, .n = p->n, .n_family = p->n_family};
    rt_bootstrap bootstrap = {0};
    rt_bootstrap_options draws = {options->method, options->n_resample, options->seed, 0};
    RT_TRY_ALLOC(d.delta, p->n);
    RT_TRY_ALLOC(d.worst, p->n);
    for (int64_t i = 0; i < p->n; i++) {
        d.delta[i] = nearbyint((second[i] - first[i]) * 1e9) / 1e9;
        d.mean_a += first[i] / (double)p->n, d.mean_b += second[i] / (double)p->n;
        d.wins += rt_metric_better(metric, second[i], first[i]);
        d.losses += rt_metric_better(metric, first[i], second[i]);
        d.ties += first[i] == second[i];
    }
    RT_TRY(rt_bootstrap_run(&bootstrap, d.delta, p->family, p->n, p->n_family, &draws, err));
    d.difference = bootstrap.mean;
    d.se = bootstrap.se;
    d.bootstrap_p = rt_bootstrap_p(&bootstrap);
    rt_bootstrap_interval(&bootstrap, .95, &d.low, &d.high);
    rt_bootstrap_interval(&bootstrap, 1 - .05 / (double)options->n_comparison, &d.wide_low, &d.wide_high);
    RT_TRY(rt_signed_rank_run(&d.by_target, d.delta, p->n, err));
    RT_TRY(test_families(&d, p, err));
    RT_TRY(rt_power_find(&d.power, d.delta, p->family, p->n, p->n_family, err));
    d.detectable = rt_power_effect(&d.power, p->n_family, .05, .8);
    d.families_002 = rt_power_families(&d.power, .02, .05, .8);
    d.families_005 = rt_power_families(&d.power, .05, .05, .8);
    order_worst(&d, metric);
done:
    rt_bootstrap_free_members(&bootstrap);
    if (status != RT_OK) rt_paired_difference_free_members(&d);
    *out_difference = d;
    return status;
}

void rt_paired_difference_free_members(rt_paired_difference *difference)
{
    free(difference->worst);
    free(difference->delta);
    difference->worst = NULL;
    difference->delta = NULL;
}

rt_claim rt_paired_claim(const rt_paired_difference *difference, const rt_metric *metric, bool leak)
{
    const rt_paired_difference *d = difference;
    if (d->n_family < RT_PAIRED_FEW) return RT_CLAIM_NOTHING_FEW;
    if (leak) return RT_CLAIM_NOTHING_LEAK;
    if (!(d->wide_low > 0 || d->wide_high < 0)) return RT_CLAIM_NO_DIFFERENCE;
    if (d->by_family.wilcoxon_p > .05) return RT_CLAIM_UNSURE;
    return rt_metric_better(metric, d->difference, 0) ? RT_CLAIM_BETTER : RT_CLAIM_WORSE;
}

const char *rt_claim_name(rt_claim claim)
{
    static const char *const NAMES[] = {
        "nothing_few_families", "nothing_chosen_on_these_targets", "no_difference_shown", "unsure", "better", "worse"};
    return NAMES[claim];
}
