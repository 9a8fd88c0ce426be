/* part_choice.c - calibration of the confidence, rules of choosing five, what is shipped */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "report/chart.h"
#include "report/html.h"
#include "report/parts.h"
#include "score/calibration.h"

enum { MOST_DOTS = 1500, MOST_RULES = 40 };

/* ---- confidence against the truth ---------------------------------------------------------------------------- */

/* One arm's samples, all targets: predicted and true, each (n). */
typedef struct {
    double *plddt, *lddt, *ptm, *tm;   /* 0 .. 1; NaN: not known */
    int64_t n;
} sample_points;

static void free_points(sample_points *p)
{
    free(p->plddt);
    free(p->lddt);
    free(p->ptm);
    free(p->tm);
    memset(p, 0, sizeof *p);
}

/* The sample of a summary.json whose file has the model's name. */
static const json_t *find_sample(const json_t *summary, const char *model)
{
    size_t i;
    json_t *sample;
    json_array_foreach(json_object_get(summary, "samples"), i, sample) {
        const char *file = rt_report_string(sample, "file"), *dot = strrchr(file, '.');
        size_t size = dot ? (size_t)(dot - file) : strlen(file);
        if (size && strlen(model) == size && memcmp(model, file, size) == 0) return sample;
    }
    return NULL;
}

static rt_status read_points(sample_points *out, const rt_report_source *source, const rt_report_targets *t, int arm,
                             rt_err *err)
{
    rt_status status = RT_OK;
    const rt_score_table *table = &t->scores[arm];
    const char *target = "";
    json_t *summary = NULL;
    char path[RT_REPORT_PATH];
    RT_TRY_ALLOC(out->plddt, table->n_row);
    RT_TRY_ALLOC(out->lddt, table->n_row);
    RT_TRY_ALLOC(out->ptm, table->n_row);
    RT_TRY_ALLOC(out->tm, table->n_row);
    for (int64_t i = 0; i < table->n_row; i++) {
        const rt_score_row *row = &table->row[i];
        rt_err ignored = {0};
        if (strcmp(target, row->target) != 0) {
            target = row->target;
            json_decref(summary);
            summary = NULL;
            rt_report_path(path, source, "predictions/%s/%s/%s/summary.json", t->arm[arm], t->seed[arm], target);
            if (rt_file_exists(path)) rt_json_load(&summary, path, &ignored);
        }
        const json_t *sample = summary ? find_sample(summary, row->model) : NULL;
        if (!sample) continue;
        out->plddt[out->n] = rt_report_number(sample, "plddt") / 100;
        out->ptm[out->n] = rt_report_number(sample, "ptm");
        out->lddt[out->n] = row->lddt_all30;
        out->tm[out->n] = row->tm_resid;
        out->n++;
    }
done:
    json_decref(summary);
    return status;
}

/* Pairs of which both are known, to the front; returns how many. */
static int64_t keep_known(double *out_x, double *out_y, const double *x, const double *y, int64_t n)
{
    int64_t kept = 0;
    for (int64_t i = 0; i < n; i++)
        if (isfinite(x[i]) && isfinite(y[i])) {
            out_x[kept] = x[i];
            out_y[kept++] = y[i];
        }
    return kept;
}

typedef struct {
    double x[RT_CALIBRATION_BINS], y[RT_CALIBRATION_BINS];
} reliability;

/* One predicted score against its truth for all arms: reliability lines of each, dots of the last, and rows of a
 * table. */
static rt_status add_score(rt_text *out, rt_text *rows, const rt_report_targets *t, sample_points *points, bool tm,
                           rt_err *err)
{
    rt_status status = RT_OK;
    reliability bins[RT_REPORT_ARMS];
    rt_chart_series series[RT_REPORT_ARMS];
    double *x = NULL, *y = NULL;
    int n_series = 0;
    const char *score = tm ? "pTM" : "pLDDT", *truth = tm ? "TM-score by number" : "lDDT, all atoms";
    char title[120];
    for (int a = 0; a < t->n_arm; a++) {
        rt_calibration c;
        double rho = NAN;
        free(x);
        free(y);
        x = y = NULL;
        RT_TRY_ALLOC(x, points[a].n);
        RT_TRY_ALLOC(y, points[a].n);
        int64_t n =
            keep_known(x, y, tm ? points[a].ptm : points[a].plddt, tm ? points[a].tm : points[a].lddt, points[a].n);
        if (n == 0) continue;
        rt_calibration_find(&c, x, y, n);
        RT_TRY(rt_calibration_spearman(&rho, x, y, n, err));
        for (int b = 0; b < RT_CALIBRATION_BINS; b++)
            bins[a].x[b] = c.bin[b].predicted, bins[a].y[b] = c.bin[b].observed;
        series[n_series++] = (rt_chart_series){.label = t->arm[a],
                                               .x = bins[a].x,
                                               .y = bins[a].y,
                                               .n = RT_CALIBRATION_BINS,
                                               .colour = a,
                                               .line = true,
                                               .dots = true};
        rt_html_add(rows, "<tr><td>%s</td><td>%s</td>", t->arm[a], score);
        rt_html_number(rows, (double)n, 0);
        rt_html_number(rows, c.expected_error, 4);
        rt_html_number(rows, c.bias, 4);
        rt_html_number(rows, rho, 3);
        rt_text_add(rows, "</tr>\n");
        if (a < t->n_arm - 1) continue;
        int64_t dots = n < MOST_DOTS ? n : MOST_DOTS;   /* evenly through the table */
        for (int64_t i = 0; i < dots; i++) x[i] = x[i * n / dots], y[i] = y[i * n / dots];
        snprintf(title, sizeof title, "%s against %s: samples of %s", score, truth, t->arm[a]);
        rt_chart_series cloud = {.label = t->arm[a], .x = x, .y = y, .n = dots, .colour = a, .dots = true};
        rt_chart_draw(out, &(rt_chart){.title = title,
                                       .x_label = score,
                                       .y_label = truth,
                                       .series = &cloud,
                                       .n_series = 1,
                                       .unit_square = true});
    }
    if (n_series) {
        snprintf(title, sizeof title, "Does %s mean what it says?", score);
        rt_chart_draw(out, &(rt_chart){.title = title,
                                       .x_label = score,
                                       .y_label = truth,
                                       .series = series,
                                       .n_series = n_series,
                                       .unit_square = true});
    }
done:
    free(x);
    free(y);
    return status;
}

static rt_status add_calibration(rt_text *out, const rt_report_source *source, const rt_report_targets *t, rt_err *err)
{
    rt_status status = RT_OK;
    sample_points points[RT_REPORT_ARMS] = {{0}};
    rt_text rows = {0};
    int64_t n = 0;
    rt_text_add(out, "<h3>Confidence against the truth</h3>\n");
    if (t->n_arm == 0) {
        rt_report_not_run(out, source, "confidence against the truth", "compare/pairs.tsv", "compare");
        return RT_OK;
    }
    for (int a = 0; a < t->n_arm; a++) {
        RT_TRY(read_points(&points[a], source, t, a, err));
        n += points[a].n;
        if (t->problem[a][0])
            rt_html_add(out, "<p class=\"missing\"><b>Not run:</b> %s. %s</p>\n", t->arm[a], t->problem[a]);
        else if (points[a].n == 0)
            rt_html_add(out,
                        "<p class=\"missing\"><b>Not run:</b> %s. No summary.json of its predictions names a scored "
                        "sample.</p>\n",
                        t->arm[a]);
    }
    if (n) {
        rt_text_add(out, "<p>Test part, the first seed of each arm, every sample. On the dashed line a score means "
                         "what it says; below it the "
                         "network is too sure.</p>\n<div class=\"charts\">\n");
        RT_TRY(add_score(out, &rows, t, points, false, err));
        RT_TRY(add_score(out, &rows, t, points, true, err));
        rt_text_add(out, "</div>\n<div class=\"scroll\"><table "
                         "class=\"sortable\"><thead><tr><th>arm</th><th>score</th><th class=\"n\">samples</th>"
                         "<th class=\"n\">expected error</th><th class=\"n\">overconfidence</th><th class=\"n\">rank "
                         "correlation, all samples</th></tr>"
                         "</thead><tbody>\n");
        if (rows.length) rt_text_add_bytes(out, rows.data, rows.length);
        rt_text_add(out, "</tbody></table></div>\n");
    }
done:
    out->failed = out->failed || rows.failed;
    rt_text_free(&rows);
    for (int a = 0; a < RT_REPORT_ARMS; a++) free_points(&points[a]);
    return status;
}

/* ---- rules --------------------------------------------------------------------------------------------------- */

static void add_rule_chart(rt_text *out, const json_t *list, const char *quantity)
{
    rt_chart_interval row[MOST_RULES];
    char title[120];
    double zero = 0;
    const char *base = "";
    int64_t n = 0;
    size_t i;
    json_t *rule;
    json_array_foreach((json_t *)list, i, rule) {
        double gain = rt_report_number(rule, "gain");
        if (strcmp(rt_report_string(rule, "quantity"), quantity) != 0) continue;
        base = rt_report_string(rule, "base");
        if (n == MOST_RULES || !isfinite(gain)) continue;
        row[n] = (rt_chart_interval){.value = gain,
                                     .low = rt_report_number(rule, "ci95_low"),
                                     .high = rt_report_number(rule, "ci95_high"),
                                     .colour = (int)(n % 6)};
        snprintf(row[n++].label, sizeof row->label, "%.60s  %+.4f", rt_report_string(rule, "rule"), gain);
    }
    snprintf(title, sizeof title, "Gain over %.40s: %.40s", base, quantity);
    rt_chart_draw_intervals(out, &(rt_chart_intervals){.title = title,
                                                       .x_label = "TM-score by number, 95% interval by family",
                                                       .row = row,
                                                       .n = n,
                                                       .mark = &zero,
                                                       .mark_label = &base,
                                                       .n_mark = 1});
}

static void add_rules(rt_text *out, const rt_report_source *source)
{
    const json_t *rules = source->json[RT_REPORT_RULES], *list = rules ? json_object_get(rules, "rules") : NULL;
    const char *done[8];
    int n_done = 0;
    size_t i;
    json_t *rule;
    rt_text_add(out, "<h3>Rules of choosing five, on validation</h3>\n");
    if (!list) {
        rt_report_no_file(out, source, "what each rule of choosing gains", RT_REPORT_RULES);
        return;
    }
    rt_html_add(out,
                "<p>Submitted by <b>%s</b>. On %g validation targets the best first choice is by <b>%s</b>, the best "
                "of all chosen by "
                "<b>%s</b>.</p>\n<div class=\"charts\">\n",
                rt_report_string(rules, "chosen_by"), rt_report_number(rules, "targets"),
                rt_report_string(rules, "best_top1"), rt_report_string(rules, "best_of_all"));
    json_array_foreach((json_t *)list, i, rule) {   /* a chart for each quantity, in the file's order */
        const char *quantity = rt_report_string(rule, "quantity");
        bool seen = n_done == 8;
        for (int k = 0; k < n_done; k++) seen = seen || strcmp(done[k], quantity) == 0;
        if (seen) continue;
        done[n_done++] = quantity;
        add_rule_chart(out, list, quantity);
    }
    rt_text_add(out, "</div>\n<div class=\"scroll\"><table "
                     "class=\"sortable\"><thead><tr><th>quantity</th><th>rule</th><th class=\"n\">mean</th>"
                     "<th class=\"n\">gain</th><th class=\"n\">95%% interval</th><th class=\"n\">for all rules "
                     "together</th><th class=\"n\">better</th>"
                     "<th class=\"n\">worse</th><th>claim</th></tr></thead><tbody>\n");
    json_array_foreach((json_t *)list, i, rule) {
        rt_html_add(out, "<tr><td>%s</td><td>%s</td>", rt_report_string(rule, "quantity"),
                    rt_report_string(rule, "rule"));
        rt_html_number(out, rt_report_number(rule, "mean"), 4);
        rt_html_number(out, rt_report_number(rule, "gain"), 4);
        rt_html_interval(out, rt_report_number(rule, "ci95_low"), rt_report_number(rule, "ci95_high"), 4);
        rt_html_interval(out, rt_report_number(rule, "all_rules_low"), rt_report_number(rule, "all_rules_high"), 4);
        rt_html_number(out, rt_report_number(rule, "wins"), 0);
        rt_html_number(out, rt_report_number(rule, "losses"), 0);
        rt_text_add(out, "<td>");
        for (const char *c = rt_report_string(rule, "claim"); *c; c++) rt_html_add(out, "%c", *c == '_' ? ' ' : *c);
        rt_text_add(out, "</td></tr>\n");
    }
    rt_text_add(out, "</tbody></table></div>\n");
}

/* ---- what is shipped ----------------------------------------------------------------------------------------- */

static void add_ensemble(rt_text *out, const rt_report_source *source)
{
    const json_t *ensemble = source->json[RT_REPORT_ENSEMBLE];
    size_t i, k;
    json_t *candidate, *checkpoint;
    rt_text_add(out, "<h3>What is shipped</h3>\n");
    if (!ensemble) {
        rt_report_no_file(out, source, "the choice of what is shipped", RT_REPORT_ENSEMBLE);
        return;
    }
    const char *chosen = rt_report_string(ensemble, "chosen");
    rt_html_add(out,
                "<p><b>%s</b>, the best mean %s on the validation part; every candidate has the same number of "
                "samples.</p>\n"
                "<div class=\"scroll\"><table class=\"sortable\"><thead><tr><th>candidate</th><th class=\"n\">mean on "
                "validation</th>"
                "<th>checkpoints</th></tr></thead><tbody>\n",
                chosen, rt_report_string(ensemble, "metric"));
    json_array_foreach(json_object_get(ensemble, "candidates"), i, candidate) {
        const char *name = rt_report_string(candidate, "name");
        rt_html_add(out, "<tr class=\"%s\"><td>%s</td>", strcmp(name, chosen) == 0 ? "chosen" : "", name);
        rt_html_number(out, rt_report_number(candidate, "mean"), 4);
        rt_text_add(out, "<td>");
        json_array_foreach(json_object_get(candidate, "checkpoints"), k, checkpoint) rt_html_add(
            out, "%s<code>%s</code>", k ? ", " : "", json_is_string(checkpoint) ? json_string_value(checkpoint) : NULL);
        rt_text_add(out, "</td></tr>\n");
    }
    rt_text_add(out, "</tbody></table></div>\n");
}

rt_status rt_report_part_choice(rt_text *out, const rt_report_source *source, const rt_report_targets *targets,
                                rt_err *err)
{
    rt_text_add(out, "<section id=\"choice\"><h2>Calibration and selection</h2>\n");
    rt_status status = add_calibration(out, source, targets, err);
    add_rules(out, source);
    add_ensemble(out, source);
    rt_text_add(out, "</section>\n");
    return status;
}
