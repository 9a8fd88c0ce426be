/* part_results.c - base, Phase 1 and Phase 2 on held-out components, and what may be claimed */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "report/chart.h"
#include "report/html.h"
#include "report/parts.h"

enum { MOST_ROWS = 64, REGRESSIONS = 15 };

/* The two ends of "ci95": [low, high]; NaN when it is null. */
static void read_interval(double out[2], const json_t *root, const char *key)
{
    char path[64];
    for (int k = 0; k < 2; k++) {
        snprintf(path, sizeof path, "%s.%d", key, k);
        out[k] = rt_report_number(root, path);
    }
}

/* ---- the goal ------------------------------------------------------------------------------------------------ */

/* Every word about what may be claimed is summary.json's own: nothing here can be stronger. */
static void add_goal(rt_text *out, const json_t *summary)
{
    const json_t *goal = json_object_get(summary, "goal");
    double ci[2];
    char measured[80];
    if (!json_is_object(goal)) {
        rt_text_add(out, "<p class=\"missing\"><b>Not run:</b> the goal. summary.json has none.</p>\n");
        return;
    }
    read_interval(ci, goal, "ci95");
    snprintf(measured, sizeof measured, "measured (%.40s)", rt_report_string(goal, "arm"));
    const char *const heads[] = {"target", "the plan's own sum", "baseline of the plan", measured};
    const double value[] = {rt_report_number(goal, "target"), rt_report_number(goal, "plan_sum"),
                            rt_report_number(goal, "baseline"), rt_report_number(goal, "measured")};
    rt_text_add(out, "<div class=\"scroll\"><table class=\"goal\"><thead><tr>");
    for (int i = 0; i < 4; i++) rt_html_add(out, "<th class=\"n\">%s</th>", heads[i]);
    rt_text_add(out, "<th class=\"n\">95%% interval</th><th>may be claimed</th></tr></thead><tbody><tr>");
    for (int i = 0; i < 4; i++) rt_html_add(out, "<td class=\"n\" data-label=\"%s\">%.3f</td>", heads[i], value[i]);
    if (isfinite(ci[0]) && isfinite(ci[1]))
        rt_html_add(out, "<td class=\"n\" data-label=\"95%% interval\">%.3f to %.3f</td>", ci[0], ci[1]);
    else rt_html_add(out, "<td class=\"n\" data-label=\"95%% interval\">none</td>");
    rt_html_add(out, "<td class=\"words\" data-label=\"may be claimed\">%s</td></tr></tbody></table></div>\n",
                *rt_report_string(goal, "may_be_claimed") ? rt_report_string(goal, "may_be_claimed") : "nothing");
}

/* ---- arms ---------------------------------------------------------------------------------------------------- */

static void add_arms(rt_text *out, const json_t *summary)
{
    const json_t *arms = json_object_get(summary, "arms");
    rt_chart_interval row[MOST_ROWS];
    char mark[2][64], label[200];
    const char *mark_label[2] = {mark[0], mark[1]};
    double goal[2] = {rt_report_number(summary, "goal.target"), rt_report_number(summary, "goal.plan_sum")};
    int64_t n = 0;
    size_t i, k;
    json_t *arm, *seed;
    rt_text_add(out, "<div class=\"scroll\"><table class=\"sortable\"><thead><tr><th>arm</th><th "
                     "class=\"n\">mean</th><th class=\"n\">95%% interval</th>"
                     "<th class=\"n\">targets</th><th class=\"n\">families</th><th class=\"n\">by seed</th><th "
                     "class=\"n\">sd between seeds</th>"
                     "</tr></thead><tbody>\n");
    json_array_foreach(arms, i, arm) {
        double ci[2], mean = rt_report_number(arm, "mean");
        read_interval(ci, arm, "ci95");
        rt_html_add(out, "<tr><td>%s</td>", rt_report_string(arm, "name"));
        rt_html_number(out, mean, 4);
        rt_html_interval(out, ci[0], ci[1], 4);
        rt_html_number(out, rt_report_number(arm, "targets"), 0);
        rt_html_number(out, rt_report_number(arm, "families"), 0);
        rt_text_add(out, "<td class=\"n\">");
        json_array_foreach(json_object_get(arm, "by_seed"), k, seed)
            rt_html_add(out, "%s%.4f", k ? " " : "", json_is_number(seed) ? json_number_value(seed) : NAN);
        rt_text_add(out, "</td>");
        rt_html_number(out, rt_report_number(arm, "sd_between_seeds"), 4);
        rt_text_add(out, "</tr>\n");
        if (n == MOST_ROWS) continue;
        row[n] = (rt_chart_interval){.value = mean, .low = ci[0], .high = ci[1], .colour = (int)(n % 6)};
        snprintf(row[n++].label, sizeof row->label, "%.100s  %.4f", rt_report_string(arm, "name"), mean);
    }
    rt_text_add(out, "</tbody></table></div>\n<div class=\"charts\">\n");
    snprintf(mark[0], sizeof mark[0], "target %.3g", goal[0]);
    snprintf(mark[1], sizeof mark[1], "the plan's own sum %.3g", goal[1]);
    snprintf(label, sizeof label, "mean %.60s over %.0f targets, 95%% interval by family",
             rt_report_string(summary, "metric"), rt_report_number(summary, "targets"));
    rt_chart_draw_intervals(out, &(rt_chart_intervals){.title = "Held-out components",
                                                       .x_label = label,
                                                       .row = row,
                                                       .n = n,
                                                       .mark = goal,
                                                       .mark_label = mark_label,
                                                       .n_mark = isfinite(goal[0]) && isfinite(goal[1]) ? 2 : 0});
}

/* ---- comparisons --------------------------------------------------------------------------------------------- */

static void add_comparisons(rt_text *out, const json_t *summary)
{
    const json_t *list = json_object_get(summary, "comparisons");
    rt_chart_interval row[MOST_ROWS];
    double zero = 0;
    const char *word = "no difference";
    int64_t n = 0;
    size_t i;
    json_t *c;
    json_array_foreach(list, i, c) {
        double ci[2];
        if (n == MOST_ROWS) break;
        read_interval(ci, c, "ci95");
        row[n] = (rt_chart_interval){
            .value = rt_report_number(c, "difference"), .low = ci[0], .high = ci[1], .colour = (int)(n % 6)};
        snprintf(row[n].label, sizeof row->label, "%.60s less %.60s  %+.4f", rt_report_string(c, "b"),
                 rt_report_string(c, "a"), row[n].value);
        n++;
    }
    rt_chart_draw_intervals(out, &(rt_chart_intervals){.title = "Differences",
                                                       .x_label = "difference, interval widened for all comparisons",
                                                       .row = row,
                                                       .n = n,
                                                       .mark = &zero,
                                                       .mark_label = &word,
                                                       .n_mark = 1});
    rt_text_add(out, "</div>\n<div class=\"scroll\"><table class=\"sortable\"><thead><tr><th>comparison</th><th "
                     "class=\"n\">difference</th>"
                     "<th class=\"n\">interval</th><th class=\"n\">better</th><th class=\"n\">worse</th><th "
                     "class=\"n\">equal</th>"
                     "<th class=\"n\">seen in 80%%</th></tr></thead><tbody>\n");
    json_array_foreach(list, i, c) {
        double ci[2];
        read_interval(ci, c, "ci95");
        rt_html_add(out, "<tr><td class=\"one\">%s against %s</td>", rt_report_string(c, "b"),
                    rt_report_string(c, "a"));
        rt_html_number(out, rt_report_number(c, "difference"), 4);
        rt_html_interval(out, ci[0], ci[1], 4);
        rt_html_number(out, rt_report_number(c, "wins"), 0);
        rt_html_number(out, rt_report_number(c, "losses"), 0);
        rt_html_number(out, rt_report_number(c, "ties"), 0);
        rt_html_number(out, rt_report_number(c, "detectable_at_80_percent"), 4);
        rt_text_add(out, "</tr>\n");
    }
    rt_text_add(out, "</tbody></table></div>\n<p class=\"note\">better, worse, equal: targets; seen in 80%%: the "
                     "smallest difference that this many "
                     "families show in 80%% of such comparisons. A dash: no interval can be given, and the "
                     "sentence says why.</p>\n<ul class=\"claims\">\n");
    json_array_foreach(list, i, c) rt_html_add(out, "<li>%s</li>\n", rt_report_string(c, "claim"));
    rt_text_add(out, "</ul>\n");
}

/* ---- other metrics ------------------------------------------------------------------------------------------- */

static rt_status add_other_metrics(rt_text *out, const rt_report_source *source, rt_err *err)
{
    char **name = NULL, path[RT_REPORT_PATH];
    int64_t n = 0;
    rt_status status = rt_report_folders(&name, &n, source, "compare", "", err);
    bool any = false;
    for (int64_t m = 0; m < n && status == RT_OK; m++) {
        json_t *json = NULL, *c;
        rt_err mine = {0};
        size_t i;
        rt_report_path(path, source, "compare/%s/compare.json", name[m]);
        if (rt_json_load(&json, path, &mine) != RT_OK) {
            rt_report_unread(out, name[m], &mine);
            continue;
        }
        if (!any)
            rt_text_add(out, "<h3>Other metrics</h3>\n<div class=\"scroll\"><table "
                             "class=\"sortable\"><thead><tr><th>metric</th><th>comparison</th>"
                             "<th class=\"n\">mean</th><th class=\"n\">against</th><th class=\"n\">difference</th><th "
                             "class=\"n\">interval</th>"
                             "<th>verdict</th></tr></thead><tbody>\n");
        any = true;
        json_array_foreach(json_object_get(json, "comparisons"), i, c) {
            rt_html_add(out, "<tr><td>%s</td><td class=\"one\">%s against %s</td>", rt_report_string(c, "metric"),
                        rt_report_string(c, "b"), rt_report_string(c, "a"));
            rt_html_number(out, rt_report_number(c, "mean_b"), 4);
            rt_html_number(out, rt_report_number(c, "mean_a"), 4);
            rt_html_number(out, rt_report_number(c, "difference"), 4);
            rt_html_interval(out, rt_report_number(c, "ci_all_comparisons_low"),
                             rt_report_number(c, "ci_all_comparisons_high"), 4);
            rt_text_add(out, "<td>");
            for (const char *v = rt_report_string(c, "verdict"); *v; v++) rt_html_add(out, "%c", *v == '_' ? ' ' : *v);
            rt_text_add(out, "</td></tr>\n");
        }
        json_decref(json);
    }
    if (any) rt_text_add(out, "</tbody></table></div>\n");
    rt_free_names(name, n);
    return status;
}

/* ---- regressions --------------------------------------------------------------------------------------------- */

static rt_status add_regressions(rt_text *out, const rt_report_source *source, const rt_report_targets *t, rt_err *err)
{
    int64_t *order = NULL, n = 0, shown = 0;
    rt_text_add(out, "<h3 id=\"regressions\">Worst regressions</h3>\n");
    if (t->n == 0 || t->n_arm < 2) {
        rt_report_not_run(out, source, "the targets that lost", "compare/pairs.tsv", "compare");
        return RT_OK;
    }
    rt_status status = rt_report_targets_by_loss(&order, &n, t, err);
    if (status != RT_OK) return status;
    for (; shown < n && shown < REGRESSIONS && t->target[order[shown]].difference < 0; shown++) {
        const rt_report_target *one = &t->target[order[shown]];
        if (shown == 0)
            rt_html_add(out,
                        "<p>Targets that lost from %s to %s, the largest loss first.</p>\n<div class=\"scroll\"><table "
                        "class=\"sortable\">"
                        "<thead><tr><th>target</th><th>family</th><th class=\"n\">%s</th><th class=\"n\">%s</th><th "
                        "class=\"n\">change</th></tr>"
                        "</thead><tbody>\n",
                        t->arm[0], t->arm[t->n_arm - 1], t->arm[0], t->arm[t->n_arm - 1]);
        rt_text_add(out, "<tr><td>");
        rt_report_target_link(out, one);
        rt_html_add(out, "</td><td>%s</td>", one->family);
        rt_html_number(out, one->value[0], 4);
        rt_html_number(out, one->value[t->n_arm - 1], 4);
        rt_html_number(out, one->value[t->n_arm - 1] - one->value[0], 4);
        rt_text_add(out, "</tr>\n");
    }
    if (shown) rt_text_add(out, "</tbody></table></div>\n");
    else rt_html_add(out, "<p>No target lost from %s to %s.</p>\n", t->arm[0], t->arm[t->n_arm - 1]);
    free(order);
    return RT_OK;
}

rt_status rt_report_part_results(rt_text *out, const rt_report_source *source, const rt_report_targets *targets,
                                 rt_err *err)
{
    const json_t *summary = source->json[RT_REPORT_SUMMARY];
    rt_status status = RT_OK;
    rt_text_add(out, "<section id=\"results\"><h2>Base, Phase 1 and Phase 2 on held-out components</h2>\n");
    if (summary) {
        double openings = rt_report_number(summary, "test_openings");
        rt_html_add(out, "<p class=\"sentence\">%s</p>\n", rt_report_string(summary, "sentence"));
        if (openings > 1)
            rt_html_add(out,
                        "<p class=\"verdict bad\">The test structures were opened %g times: later looks are not "
                        "independent.</p>\n",
                        openings);
        add_goal(out, summary);
        rt_html_add(out,
                    "<p class=\"note\">%s, %s per target, the mean over seeds; arms have the same seeds and numbers of "
                    "samples.</p>\n",
                    rt_report_string(summary, "metric"), rt_report_string(summary, "per_target"));
        add_arms(out, summary);
        add_comparisons(out, summary);
        RT_TRY(add_other_metrics(out, source, err));
    } else {
        rt_report_no_file(out, source, "the comparison on held-out components; nothing may be claimed",
                          RT_REPORT_SUMMARY);
    }
    RT_TRY(add_regressions(out, source, targets, err));
    rt_text_add(out, "</section>\n");
done:
    return status;
}
