#include "score/selection.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "score/bootstrap.h"
#include "score/calibration.h"
#include "score/kmedoids.h"
#include "score/selection_internal.h"

/* Selectors: the four scores of a summary, then these. */
enum { CONSENSUS = RT_SELECT_SCORES, RANDOM, ORACLE, N_SELECTOR };
static const char *const SELECTORS[N_SELECTOR] = {"ranking_score", "plddt",     "ptm",    "gpde",
                                                  "learned",       "consensus", "random", "oracle"};

/* A run's data, and room for one value per target. */
typedef struct {
    const rt_selection_options *options;
    rt_selection *out;
    const rt_selection_data *data;
    const rt_selection_data *opt_before; /* the change since is wanted */
    double *value;          /* (n) what add_mean reads; NaN: the target has none */
    double *kept;           /* (n) */
    int64_t *family;        /* (n) */
} job;

/* ---- rows ---- */

static rt_status add_row(rt_selection *s, const char *part, const char *name, const char *quantity, double value,
                         double low, double high, int64_t n, rt_err *err)
{
    void *rows = s->row;
    rt_status status = rt_grow(&rows, &s->capacity, s->n_row + 1, sizeof *s->row, err);
    s->row = rows;
    if (status != RT_OK) return status;
    rt_selection_row *row = &s->row[s->n_row++];
    *row = (rt_selection_row){.value = value, .low = low, .high = high, .n = n};
    snprintf(row->part, sizeof row->part, "%s", part);
    snprintf(row->name, sizeof row->name, "%s", name);
    snprintf(row->quantity, sizeof row->quantity, "%s", quantity);
    return RT_OK;
}

/* Families renumbered without gaps after values were left out; returns their number. */
static int64_t renumber(int64_t *family, int64_t n, int64_t *scratch, int64_t n_family)
{
    int64_t count = 0;
    for (int64_t g = 0; g < n_family; g++) scratch[g] = -1;
    for (int64_t i = 0; i < n; i++) {
        if (scratch[family[i]] < 0) scratch[family[i]] = count++;
        family[i] = scratch[family[i]];
    }
    return count;
}

/* The mean of values with families, and its interval; a value that is NaN was left out before. */
static rt_status add_interval(job *j, const char *part, const char *name, const char *quantity, const double *value,
                              int64_t *family, int64_t n, rt_err *err)
{
    rt_status status = RT_OK;
    rt_bootstrap bootstrap = {0};
    rt_bootstrap_options options = {RT_BOOTSTRAP_STUDENTISED, j->options->n_resample, j->options->seed, 0};
    int64_t *scratch = NULL;
    double low, high;
    if (n == 0) return add_row(j->out, part, name, quantity, NAN, NAN, NAN, 0, err);
    RT_TRY_ALLOC(scratch, j->out->n_family);
    RT_TRY(
        rt_bootstrap_run(&bootstrap, value, family, n, renumber(family, n, scratch, j->out->n_family), &options, err));
    rt_bootstrap_interval(&bootstrap, .95, &low, &high);
    RT_TRY(add_row(j->out, part, name, quantity, bootstrap.mean, low, high, n, err));
done:
    rt_bootstrap_free_members(&bootstrap);
    free(scratch);
    return status;
}

/* The mean of j->value over targets. */
static rt_status add_mean(job *j, const char *part, const char *name, const char *quantity, rt_err *err)
{
    int64_t n = 0;
    for (int64_t i = 0; i < j->data->n_target; i++) {
        if (isnan(j->value[i])) continue;
        j->kept[n] = j->value[i];
        j->family[n++] = j->data->target[i].family;
    }
    return add_interval(j, part, name, quantity, j->kept, j->family, n, err);
}

/* ---- selectors ---- */

static double best_of(const rt_selection_target *t, const int64_t *order, int64_t count)
{
    double best = -INFINITY;
    for (int64_t i = 0; i < count && i < t->n; i++) best = fmax(best, t->sample[order[i]].quality);
    return best;
}

double rt_selection_expected_best(const double *sorted, int64_t n, int64_t k)
{
    double sum = 0, weight;
    if (k > n) k = n;
    weight = (double)k / (double)n;   /* C(n-1, k-1) / C(n, k): the chance that the largest is among them */
    for (int64_t i = n; i >= k; i--) {
        sum += weight * sorted[i - 1];
        weight *= i > 1 ? (double)(i - k) / (double)(i - 1) : 0;   /* C(i-2, k-1) / C(i-1, k-1) */
    }
    return sum;
}

/* Samples by a score, best first; equal ones in the order in which they were drawn.  False when none has the score. */
static bool order_by_score(int64_t *out_order, const rt_selection_target *t, int selector)
{
    int64_t known = 0;
    for (int64_t i = 0; i < t->n; i++) {
        double score = selector == ORACLE ? t->sample[i].quality : t->sample[i].score[selector];
        int64_t at = i;
        known += !isnan(score);
        for (; at > 0; at--) {
            const rt_selection_sample *before = &t->sample[out_order[at - 1]];
            double its = selector == ORACLE ? before->quality : before->score[selector];
            bool later = isnan(score) || (!isnan(its) && (selector == RT_SELECT_GPDE ? its <= score : its >= score));
            if (later) break;
            out_order[at] = out_order[at - 1];
        }
        out_order[at] = i;
    }
    return known > 0;
}

/* The consensus: the sample most like all others first, and the medoids of `choose` clusters.  *out_known is false when
 * a pair is missing. */
static rt_status order_by_consensus(int64_t *out_top, int64_t *out_chosen, bool *out_known, job *j,
                                    const rt_selection_target *t, rt_err *err)
{
    rt_status status = RT_OK;
    const char **name = NULL;
    double *tm = NULL;
    int64_t pairs;
    if (!rt_multiply(t->n, t->n, &pairs)) return rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory");
    RT_TRY_ALLOC(name, t->n);
    RT_TRY_ALLOC(tm, pairs);
    for (int64_t i = 0; i < t->n; i++) name[i] = t->sample[i].model;
    if (t->pairs) memcpy(tm, t->pairs, (size_t)pairs * sizeof *tm);
    else RT_TRY(j->options->opt_pairwise(j->options->pairwise_user, tm, t->target, name, t->n, err));
    *out_known = true;
    for (int64_t i = 0; i < pairs; i++) *out_known &= !isnan(tm[i]);
    if (!*out_known) goto done;
    for (int64_t i = 0; i < t->n; i++)
        for (int64_t k = 0; k < i; k++)
            tm[i * t->n + k] = tm[k * t->n + i] = .5 * (tm[i * t->n + k] + tm[k * t->n + i]);
    RT_TRY(rt_kmedoids_find(out_top, tm, t->n, 1, err));
    RT_TRY(rt_kmedoids_find(out_chosen, tm, t->n, j->options->choose < t->n ? j->options->choose : t->n, err));
done:
    free(name);
    free(tm);
    return status;
}

/* What a selector reaches on one target. */
typedef struct { double top1, best5, oracle, random5; } reached;

static rt_status reach(reached *out, job *j, const rt_selection_target *t, int selector, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t *order = NULL, top = 0;
    double *sorted = NULL, sum = 0;
    bool known = true;
    *out = (reached){NAN, NAN, NAN, NAN};
    RT_TRY_ALLOC(order, t->n);
    RT_TRY_ALLOC(sorted, t->n);
    for (int64_t i = 0; i < t->n; i++) sorted[i] = t->sample[i].quality, sum += sorted[i];
    rt_bootstrap_sort(sorted, t->n);
    if (t->n < 2) goto done;
    if (selector == CONSENSUS) RT_TRY(order_by_consensus(&top, order, &known, j, t, err));
    else if (selector != RANDOM) known = order_by_score(order, t, selector), top = order[0];
    if (!known) goto done;
    out->oracle = sorted[t->n - 1];
    out->random5 = rt_selection_expected_best(sorted, t->n, j->options->choose);
    out->top1 = selector == RANDOM ? sum / (double)t->n : t->sample[top].quality;
    out->best5 = selector == RANDOM ? out->random5 : best_of(t, order, j->options->choose);
done:
    free(order);
    free(sorted);
    return status;
}

enum { TOP1, LOSS1, BEST5, LOSS5, GAIN5, N_QUANTITY };

/* all (N_QUANTITY, n_target) += sign times what a selector reaches. */
static rt_status add_reached(double *all, job *j, const rt_selection_data *data, int selector, double sign, rt_err *err)
{
    double turn = rt_metric_lower(j->options->quality) ? -1 : 1;
    int64_t n = data->n_target;
    for (int64_t i = 0; i < n; i++) {
        reached r;
        rt_status status = reach(&r, j, &data->target[i], selector, err);
        if (status != RT_OK) return status;
        all[TOP1 * n + i] += sign * turn * r.top1;
        all[LOSS1 * n + i] += sign * (r.oracle - r.top1);
        all[BEST5 * n + i] += sign * turn * r.best5;
        all[LOSS5 * n + i] += sign * (r.oracle - r.best5);
        all[GAIN5 * n + i] += sign * (r.best5 - r.random5);
    }
    return RT_OK;
}

static void quantity_name(char out[24], const job *j, int quantity)
{
    static const char *const ENDS[N_QUANTITY] = {"", "_loss", "", "_loss", "_gain"};
    if (quantity < BEST5) snprintf(out, 24, "top1%s", ENDS[quantity]);
    else snprintf(out, 24, "best%lld%s", (long long)j->options->choose, ENDS[quantity]);
}

static rt_status add_quantity(job *j, const double *all, const char *part, const char *name, int quantity, rt_err *err)
{
    char text[24];
    int64_t n = j->data->n_target;
    quantity_name(text, j, quantity);
    memcpy(j->value, all + quantity * n, (size_t)n * sizeof *all);
    return add_mean(j, part, name, text, err);
}

/* A score that no sample has is no selector. */
static bool is_known(const rt_selection_data *data, int score)
{
    for (int64_t i = 0; i < data->n_target; i++)
        for (int64_t k = 0; k < data->target[i].n; k++)
            if (!isnan(data->target[i].sample[k].score[score])) return true;
    return false;
}

static rt_status add_selector(job *j, int selector, rt_err *err)
{
    rt_status status = RT_OK;
    double *all = NULL;
    if (selector == RT_SELECT_LEARNED && (!is_known(j->data, selector) || j->opt_before)) return RT_OK;
    RT_TRY_ALLOC(all, N_QUANTITY * j->data->n_target);
    RT_TRY(add_reached(all, j, j->data, selector, 1, err));
    if (j->opt_before) RT_TRY(add_reached(all, j, j->opt_before, selector, -1, err));
    for (int q = 0; q < N_QUANTITY; q++) {
        if (selector == ORACLE && q != TOP1 && q != GAIN5) continue;
        if (selector == RANDOM && q == GAIN5) continue;
        RT_TRY(add_quantity(j, all, "selector", SELECTORS[selector], q, err));
    }
done:
    free(all);
    return status;
}

/* ---- correlation within targets ---- */

/* j->value += sign times each target's correlation. */
static rt_status add_spearman(job *j, const rt_selection_data *data, int score, bool with_lddt, double sign,
                              double *scratch, int64_t most, rt_err *err)
{
    const rt_metric *metric = with_lddt ? j->options->lddt : j->options->quality;
    double turn = !with_lddt && rt_metric_lower(metric) ? -1 : 1, *x = scratch, *y = scratch + most, rho;
    for (int64_t i = 0; i < data->n_target; i++) {
        const rt_selection_target *t = &data->target[i];
        int64_t n = 0;
        for (int64_t k = 0; k < t->n; k++) {
            double true_score = with_lddt ? t->sample[k].lddt : turn * t->sample[k].quality;
            if (isnan(true_score) || isnan(t->sample[k].score[score])) continue;
            x[n] = t->sample[k].score[score];
            y[n++] = true_score;
        }
        rt_status status = rt_calibration_spearman(&rho, x, y, n, err);
        if (status != RT_OK) return status;
        j->value[i] += sign * rho;
    }
    return RT_OK;
}

static rt_status add_correlation(job *j, int score, bool with_lddt, rt_err *err)
{
    rt_status status = RT_OK;
    double *scratch = NULL;
    char name[48];
    int64_t most = 0;
    for (int64_t i = 0; i < j->data->n_target; i++) most = j->data->target[i].n > most ? j->data->target[i].n : most;
    RT_TRY_ALLOC(scratch, 2 * most);
    for (int64_t i = 0; i < j->data->n_target; i++) j->value[i] = 0;
    RT_TRY(add_spearman(j, j->data, score, with_lddt, 1, scratch, most, err));
    if (j->opt_before) RT_TRY(add_spearman(j, j->opt_before, score, with_lddt, -1, scratch, most, err));
    snprintf(name, sizeof name, "%s~%s", SELECTORS[score], (with_lddt ? j->options->lddt : j->options->quality)->name);
    RT_TRY(add_mean(j, "correlation", name, "spearman", err));
done:
    free(scratch);
    return status;
}

/* ---- calibration of pLDDT ---- */

/* Samples with a predicted and an observed lDDT. */
typedef struct {
    double *predicted, *observed;
    int64_t *family, n;
} lddt_pairs;

static rt_status list_pairs(lddt_pairs *out, const rt_selection_data *data, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t most = 0;
    for (int64_t i = 0; i < data->n_target; i++) most += data->target[i].n;
    RT_TRY_ALLOC(out->predicted, most);
    RT_TRY_ALLOC(out->observed, most);
    RT_TRY_ALLOC(out->family, most);
    for (int64_t i = 0; i < data->n_target; i++) {
        const rt_selection_target *t = &data->target[i];
        for (int64_t k = 0; k < t->n; k++) {
            double plddt = t->sample[k].score[RT_SELECT_PLDDT] / 100;   /* a summary's pLDDT is 0 .. 100 */
            if (isnan(plddt) || isnan(t->sample[k].lddt)) continue;
            out->predicted[out->n] = plddt;
            out->observed[out->n] = t->sample[k].lddt;
            out->family[out->n++] = t->family;
        }
    }
done:
    return status;
}

static void free_pairs(lddt_pairs *p)
{
    free(p->predicted);
    free(p->observed);
    free(p->family);
}

/* draw (n_resample) += sign times the expected calibration error of each resample of the families. */
static rt_status draw_errors(double *draw, const job *j, const lddt_pairs *p, double sign, rt_err *err)
{
    rt_status status = RT_OK;
    enum { B = RT_CALIBRATION_BINS };
    int64_t g = j->out->n_family, n_draw = j->options->n_resample;
    double *gap = NULL, *size = NULL;
    int32_t *count = NULL;
    rt_bootstrap_options options = {RT_BOOTSTRAP_STUDENTISED, n_draw, j->options->seed, 0};
    RT_TRY_ALLOC(gap, g * B);
    RT_TRY_ALLOC(size, g);
    RT_TRY_ALLOC(count, g);
    for (int64_t i = 0; i < p->n; i++) {
        gap[p->family[i] * B + rt_calibration_bin_of(p->predicted[i])] += p->predicted[i] - p->observed[i];
        size[p->family[i]]++;
    }
    for (int64_t r = 0; r < n_draw; r++) {
        double sum[B] = {0}, total = 0;
        rt_bootstrap_draw(count, g, &options, r);
        for (int64_t f = 0; f < g; f++) {
            total += count[f] * size[f];
            for (int b = 0; b < B; b++) sum[b] += count[f] * gap[f * B + b];
        }
        for (int b = 0; b < B; b++) draw[r] += total > 0 ? sign * fabs(sum[b]) / total : 0;
    }
done:
    free(gap);
    free(size);
    free(count);
    return status;
}

/* A 95% interval of the expected calibration error, or of its change, from plain quantiles over resampled families.  The
 * error of a resample is a little larger than that of the data, as any mean of absolute values: read it as an upper
 * bound.  Of a change that cancels. */
static rt_status find_error_interval(double out[2], const job *j, const lddt_pairs *p, const lddt_pairs *opt_before,
                                     rt_err *err)
{
    rt_status status = RT_OK;
    double *draw = NULL;
    int64_t n_draw = j->options->n_resample;
    RT_TRY_ALLOC(draw, n_draw);
    RT_TRY(draw_errors(draw, j, p, 1, err));
    if (opt_before) RT_TRY(draw_errors(draw, j, opt_before, -1, err));
    rt_bootstrap_sort(draw, n_draw);
    out[0] = rt_bootstrap_quantile(draw, n_draw, .025);
    out[1] = rt_bootstrap_quantile(draw, n_draw, .975);
done:
    free(draw);
    return status;
}

static rt_status add_reliability(job *j, const rt_calibration *c, rt_err *err)
{
    rt_status status = RT_OK;
    for (int b = 0; b < RT_CALIBRATION_BINS; b++) {
        char name[16];
        const rt_calibration_bin *bin = &c->bin[b];
        snprintf(name, sizeof name, "%.1f-%.1f", bin->low, bin->high);
        RT_TRY(add_row(j->out, "reliability", name, "predicted", bin->predicted, NAN, NAN, bin->n, err));
        RT_TRY(add_row(j->out, "reliability", name, "observed", bin->observed, NAN, NAN, bin->n, err));
    }
done:
    return status;
}

static rt_status add_calibration(job *j, rt_err *err)
{
    rt_status status = RT_OK;
    lddt_pairs now = {0}, before = {0};
    double interval[2] = {NAN, NAN};
    rt_calibration c, was = {0};
    char name[48];
    bool change = j->opt_before != NULL;
    RT_TRY(list_pairs(&now, j->data, err));
    if (change) RT_TRY(list_pairs(&before, j->opt_before, err));
    RT_REQUIRE(!change || before.n == now.n);
    snprintf(name, sizeof name, "plddt~%s", j->options->lddt->name);
    rt_calibration_find(&c, now.predicted, now.observed, now.n);
    if (change) rt_calibration_find(&was, before.predicted, before.observed, before.n);
    if (now.n > 0 && j->out->n_family > 1)
        RT_TRY(find_error_interval(interval, j, &now, change ? &before : NULL, err));
    RT_TRY(add_row(j->out, "calibration", name, "expected_error", c.expected_error - was.expected_error, interval[0],
                   interval[1], now.n, err));
    RT_TRY(add_row(j->out, "calibration", name, "mean_absolute_error", c.mean_absolute - was.mean_absolute, NAN, NAN,
                   now.n, err));
    if (!change) RT_TRY(add_reliability(j, &c, err));
    for (int64_t i = 0; i < now.n; i++)
        now.predicted[i] -= change ? before.predicted[i] : now.observed[i];
    RT_TRY(add_interval(j, "calibration", name, "overconfidence", now.predicted, now.family, now.n, err));
done:
    free_pairs(&now);
    free_pairs(&before);
    return status;
}

/* ---- the run ---- */

static rt_status open_job(job *j, rt_err *err)
{
    rt_status status = RT_OK;
    RT_REQUIRE(j->options->choose >= 1 && j->options->n_resample >= 1);
    j->out->n_target = j->data->n_target, j->out->n_family = j->data->n_family;
    RT_TRY_ALLOC(j->value, j->data->n_target);
    RT_TRY_ALLOC(j->kept, j->data->n_target);
    RT_TRY_ALLOC(j->family, j->data->n_target);
    for (int64_t i = 0; i < j->data->n_target; i++) RT_REQUIRE(j->data->target[i].n > 0);
done:
    return status;
}

static void close_job(job *j, rt_status status)
{
    free(j->value);
    free(j->kept);
    free(j->family);
    if (status != RT_OK) rt_selection_free_members(j->out);
}

static bool has_pairs(const job *j)
{
    bool all = j->data->n_target > 0;
    for (int64_t i = 0; i < j->data->n_target; i++) all = all && j->data->target[i].pairs;
    return all || j->options->opt_pairwise;
}

static rt_status measure(job *j, rt_err *err)
{
    rt_status status = RT_OK;
    for (int selector = 0; selector < N_SELECTOR; selector++) {
        if (selector == CONSENSUS && !has_pairs(j)) continue;
        if (selector >= CONSENSUS && j->opt_before) continue;   /* no score has a part in it */
        RT_TRY(add_selector(j, selector, err));
    }
    RT_TRY(add_correlation(j, RT_SELECT_PLDDT, true, err));
    RT_TRY(add_correlation(j, RT_SELECT_PTM, false, err));
    RT_TRY(add_correlation(j, RT_SELECT_GPDE, false, err));
    RT_TRY(add_correlation(j, RT_SELECT_RANKING_SCORE, false, err));
    RT_TRY(add_calibration(j, err));
done:
    return status;
}

rt_status rt_selection_measure(rt_selection *out_selection, const rt_selection_data *data,
                               const rt_selection_options *options, rt_err *err)
{
    rt_status status = RT_OK;
    job j = {.options = options, .out = out_selection, .data = data};
    *out_selection = (rt_selection){0};
    RT_TRY(open_job(&j, err));
    RT_TRY(measure(&j, err));
done:
    close_job(&j, status);
    return status;
}

rt_status rt_selection_change(rt_selection *out_selection, const rt_selection_data *before,
                              const rt_selection_data *after, const rt_selection_options *options, rt_err *err)
{
    rt_status status = RT_OK;
    job j = {.options = options, .out = out_selection, .data = after, .opt_before = before};
    *out_selection = (rt_selection){0};
    RT_REQUIRE(before->n_target == after->n_target);
    RT_TRY(open_job(&j, err));
    RT_TRY(measure(&j, err));
done:
    close_job(&j, status);
    return status;
}

rt_status rt_selection_against_consensus(rt_selection *out_selection, const rt_selection_data *data,
                                         const rt_selection_options *options, rt_err *err)
{
    rt_status status = RT_OK;
    job j = {.options = options, .out = out_selection, .data = data};
    double *all = NULL;
    int64_t n = data->n_target;
    *out_selection = (rt_selection){0};
    RT_TRY(open_job(&j, err));
    RT_TRY_ALLOC(all, N_QUANTITY * n);
    for (int selector = 0; selector < CONSENSUS && has_pairs(&j); selector++) {
        if (selector == RT_SELECT_LEARNED && !is_known(data, selector)) continue;
        memset(all, 0, (size_t)(N_QUANTITY * n) * sizeof *all);
        RT_TRY(add_reached(all, &j, data, selector, 1, err));
        RT_TRY(add_reached(all, &j, data, CONSENSUS, -1, err));
        RT_TRY(add_quantity(&j, all, "against", SELECTORS[selector], LOSS1, err));
        RT_TRY(add_quantity(&j, all, "against", SELECTORS[selector], GAIN5, err));
    }
done:
    free(all);
    close_job(&j, status);
    return status;
}

rt_status rt_selection_run(rt_selection *out_selection, const rt_score_table *table,
                           const rt_selection_options *options, rt_err *err)
{
    rt_status status = RT_OK;
    rt_selection_data data = {0};
    rt_selection counts = {0};
    *out_selection = (rt_selection){0};
    RT_TRY(rt_selection_read(&data, &counts, table, options, err));
    if (data.n_target == 0) {
        rt_fail(err, RT_ERR_MISMATCH, options->pred, 0, "no target has two samples with a summary.json and a known %s",
                options->quality->name);
        RT_TRY(rt_hint(err, "the folder is the --out of 'rnatune predict', and the table scores its structures"));
    }
    RT_TRY(rt_selection_measure(out_selection, &data, options, err));
    out_selection->n_alone = counts.n_alone, out_selection->n_single = counts.n_single;
    out_selection->n_no_summary = counts.n_no_summary, out_selection->n_unmatched = counts.n_unmatched;
done:
    rt_selection_data_free_members(&data);
    return status;
}

void rt_selection_free_members(rt_selection *selection)
{
    free(selection->row);
    selection->row = NULL;
    selection->n_row = selection->capacity = 0;
}

const rt_selection_row *rt_selection_find(const rt_selection *selection, const char *part, const char *name,
                                          const char *quantity)
{
    for (int64_t i = 0; i < selection->n_row; i++) {
        const rt_selection_row *row = &selection->row[i];
        if (strcmp(row->part, part) == 0 && strcmp(row->name, name) == 0 && strcmp(row->quantity, quantity) == 0)
            return row;
    }
    return NULL;
}

static void print_number(rt_text *out, double x)
{
    if (isfinite(x)) rt_text_add(out, "\t%.5f", x);
    else rt_text_add(out, "\tNA");
}

void rt_selection_print(rt_text *out_text, const rt_selection *selection)
{
    rt_text_add(out_text, "part\tname\tquantity\tvalue\tci95_low\tci95_high\tn\n");
    for (int64_t i = 0; i < selection->n_row; i++) {
        const rt_selection_row *row = &selection->row[i];
        rt_text_add(out_text, "%s\t%s\t%s", row->part, row->name, row->quantity);
        print_number(out_text, row->value);
        print_number(out_text, row->low);
        print_number(out_text, row->high);
        rt_text_add(out_text, "\t%lld\n", (long long)row->n);
    }
}

json_t *rt_selection_json(const rt_selection *selection)
{
    json_t *list = json_array();
    for (int64_t i = 0; i < selection->n_row; i++) {
        const rt_selection_row *row = &selection->row[i];
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:I}", "part", row->part, "name", row->name,
                                        "quantity", row->quantity, "value", rt_json_number(row->value), "ci95_low",
                                        rt_json_number(row->low), "ci95_high", rt_json_number(row->high), "n",
                                        (json_int_t)row->n));
    }
    return list;
}
