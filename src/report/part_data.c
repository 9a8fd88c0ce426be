/* part_data.c - the training set, its split, and what the audit found */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "prep/dataset.h"
#include "prep/split.h"
#include "report/chart.h"
#include "report/html.h"
#include "report/parts.h"

enum { MOST_LEAKS = 100 };

/* ---- the split ----------------------------------------------------------------------------------------------- */

typedef struct {
    int64_t targets, components, families, largest;   /* largest: targets of the largest component */
    int64_t *length, n_length;                        /* of the targets that the set has */
} part_count;

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

/* Distinct names, and how often the commonest is there. */
static void count_names(const char **name, int64_t n, int64_t *out_distinct, int64_t *out_most)
{
    qsort(name, (size_t)n, sizeof *name, by_text);
    *out_distinct = *out_most = 0;
    for (int64_t i = 0, run = 0; i < n; i++) {
        run = i > 0 && strcmp(name[i], name[i - 1]) == 0 ? run + 1 : 1;
        *out_distinct += run == 1;
        if (run > *out_most) *out_most = run;
    }
}

static rt_status count_part(part_count *out, const rt_split *split, const rt_dataset *opt_set, int part, rt_err *err)
{
    rt_status status = RT_OK;
    const char **name = NULL;
    int64_t ignored;
    RT_TRY_ALLOC(name, split->n);
    RT_TRY_ALLOC(out->length, split->n);
    for (int family = 0; family < 2; family++) {
        int64_t n = 0;
        for (int64_t i = 0; i < split->n; i++)
            if ((int)split->row[i].part == part) name[n++] = family ? split->row[i].family : split->row[i].component;
        out->targets = n;
        count_names(name, n, family ? &out->families : &out->components, family ? &ignored : &out->largest);
    }
    for (int64_t i = 0; opt_set && i < split->n; i++) {
        const rt_target *target =
            (int)split->row[i].part == part ? rt_dataset_find(opt_set, split->row[i].target) : NULL;
        if (target) out->length[out->n_length++] = target->length;
    }
    qsort(out->length, (size_t)out->n_length, sizeof *out->length, by_number);
done:
    free(name);
    return status;
}

static void add_lengths(rt_text *out, const part_count *count, const char *const *part, int n_part)
{
    static const int64_t EDGES[] = {0, 20, 30, 40, 60, 80, 100, 150, 200, 300, 500, 1000, 2000, INT64_MAX};
    enum { BINS = sizeof EDGES / sizeof *EDGES - 1 };
    static const char *const NAMES[BINS] = {"<20", "20",  "30",  "40",  "60",   "80",   "100",
                                            "150", "200", "300", "500", "1000", "2000+"};
    int64_t bins[8 * BINS] = {0}, used[8 * BINS];
    int first = BINS, last = -1;
    for (int p = 0; p < n_part; p++)
        for (int64_t i = 0; i < count[p].n_length; i++)
            for (int b = 0; b < BINS; b++)
                if (count[p].length[i] >= EDGES[b] && count[p].length[i] < EDGES[b + 1]) {
                    bins[p * BINS + b]++;
                    if (b < first) first = b;
                    if (b > last) last = b;
                }
    if (last < first) return;
    for (int p = 0; p < n_part; p++)
        memcpy(used + p * (last - first + 1), bins + p * BINS + first, (size_t)(last - first + 1) * sizeof *bins);
    rt_chart_draw_bars(out, &(rt_chart_bars){.title = "Lengths of the targets",
                                             .x_label = "residues, from",
                                             .y_label = "targets",
                                             .bin = NAMES + first,
                                             .part = part,
                                             .count = used,
                                             .n_bin = last - first + 1,
                                             .n_part = n_part});
}

static rt_status add_split(rt_text *out, const rt_report_source *source, const rt_dataset *opt_set, rt_err *err)
{
    static const char *const NAMES[] = {"train", "validation", "test", "in no part"};
    static const int PARTS[] = {RT_PART_TRAIN, RT_PART_VALIDATION, RT_PART_TEST, RT_PART_NONE};
    rt_status status = RT_OK;
    rt_split split = {0};
    part_count count[4] = {{0}};
    char path[RT_REPORT_PATH];
    rt_err mine = {0};
    rt_report_path(path, source, "split.tsv");
    if (!rt_path_exists(path)) {
        rt_report_not_run(out, source, "the split", "split.tsv", "audit");
        return RT_OK;
    }
    if (rt_split_read(&split, path, &mine) != RT_OK) {
        rt_report_unread(out, "the split", &mine);
        return RT_OK;
    }
    for (int p = 0; p < 4; p++) RT_TRY(count_part(&count[p], &split, opt_set, PARTS[p], err));
    int n_part = count[3].targets ? 4 : 3;
    rt_text_add(out, "<div class=\"scroll\"><table><thead><tr><th>part</th><th class=\"n\">targets</th><th "
                     "class=\"n\">components</th>"
                     "<th class=\"n\">families</th><th class=\"n\">largest component</th><th "
                     "class=\"n\">shortest</th><th class=\"n\">median"
                     "</th><th class=\"n\">longest</th></tr></thead><tbody>\n");
    for (int p = 0; p < n_part; p++) {
        const part_count *c = &count[p];
        double length[3] = {NAN, NAN, NAN};
        if (c->n_length) {
            length[0] = (double)c->length[0];
            length[1] = ((double)c->length[(c->n_length - 1) / 2] + (double)c->length[c->n_length / 2]) / 2;
            length[2] = (double)c->length[c->n_length - 1];
        }
        rt_html_add(out,
                    "<tr><td>%s</td><td class=\"n\">%lld</td><td class=\"n\">%lld</td><td class=\"n\">%lld</td><td "
                    "class=\"n\">%lld"
                    "</td>",
                    NAMES[p], (long long)c->targets, (long long)c->components, (long long)c->families,
                    (long long)c->largest);
        for (int k = 0; k < 3; k++) rt_html_number(out, length[k], 0);
        rt_text_add(out, "</tr>\n");
    }
    rt_text_add(out, "</tbody></table></div>\n<p class=\"note\">A component is a group of related targets; it is whole "
                     "in one part.</p>\n");
    rt_text_add(out, "<div class=\"charts\">\n");
    add_lengths(out, count, NAMES, n_part);
    rt_text_add(out, "</div>\n");
done:
    for (int p = 0; p < 4; p++) free(count[p].length);
    rt_split_free_members(&split);
    return status;
}

/* ---- the set ------------------------------------------------------------------------------------------------- */

static void add_set(rt_text *out, const rt_dataset *set)
{
    int64_t labelled = 0, refused = 0, all_atoms = 0;
    for (int64_t i = 0; i < rt_dataset_count(set); i++) {
        const rt_target *target = rt_dataset_at(set, i);
        labelled += target->n_conformation > 0;
        all_atoms += target->n_slot > 1;
    }
    for (int64_t i = 0; i < rt_dataset_note_count(set); i++)
        refused += strcmp(rt_dataset_note_at(set, i)->outcome, "refused") == 0;
    rt_html_add(out,
                "<p>%lld targets, %lld with a structure, %lld of these with all atoms; %lld refused at the import. "
                "SHA-256 of the "
                "set: <code>%s</code>.</p>\n",
                (long long)rt_dataset_count(set), (long long)labelled, (long long)all_atoms, (long long)refused,
                rt_dataset_hash(set));
}

/* ---- the audit ----------------------------------------------------------------------------------------------- */

static void add_leaks(rt_text *out, const json_t *leaks)
{
    size_t i;
    json_t *leak;
    rt_text_add(out, "<div class=\"scroll\"><table "
                     "class=\"sortable\"><thead><tr><th>kind</th><th>a</th><th>part</th><th>b</th><th>part"
                     "</th><th class=\"n\">value</th><th class=\"n\">limit</th></tr></thead><tbody>\n");
    json_array_foreach((json_t *)leaks, i, leak) {
        if (i == MOST_LEAKS) break;
        rt_html_add(out, "<tr><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td>", rt_report_string(leak, "kind"),
                    rt_report_string(leak, "a"), rt_report_string(leak, "part_a"), rt_report_string(leak, "b"),
                    rt_report_string(leak, "part_b"));
        rt_html_number(out, rt_report_number(leak, "value"), 3);
        rt_html_number(out, rt_report_number(leak, "limit"), 3);
        rt_text_add(out, "</tr>\n");
    }
    rt_text_add(out, "</tbody></table></div>\n");
    if (json_array_size(leaks) > MOST_LEAKS)
        rt_html_add(out, "<p class=\"note\">The first %d of %lld; audit.tsv has all.</p>\n", MOST_LEAKS,
                    (long long)json_array_size(leaks));
}

static void add_audit(rt_text *out, const rt_report_source *source)
{
    const json_t *audit = source->json[RT_REPORT_AUDIT];
    const char *name;
    json_t *check;
    rt_text_add(out, "<h3>Audit: does the split leak?</h3>\n");
    if (!audit) {
        rt_report_no_file(out, source, "the audit of the split", RT_REPORT_AUDIT);
        return;
    }
    bool holds = json_is_true(json_object_get(audit, "holds"));
    int64_t not_checked = 0;
    json_object_foreach(json_object_get(audit, "checks"), name, check)
        not_checked += strcmp(rt_report_string(check, "result"), "not checked") == 0;
    rt_html_add(out, "<p class=\"verdict %s\">%s", holds ? "good" : "bad",
                holds ? "The split holds: no leak was found by what was checked." : "The split leaks.");
    if (not_checked) rt_html_add(out, " %lld kinds of leak were not checked.", (long long)not_checked);
    rt_html_add(out, "</p>\n<div class=\"scroll\"><table><thead><tr><th>leak by</th><th>result</th><th "
                     "class=\"n\">compared</th>"
                     "<th class=\"n\">leaks</th><th>why not</th></tr></thead><tbody>\n");
    json_object_foreach(json_object_get(audit, "checks"), name, check) {
        rt_html_add(out, "<tr><td>%s</td><td>%s</td>", name, rt_report_string(check, "result"));
        rt_html_number(out, rt_report_number(check, "checked"), 0);
        rt_html_number(out, rt_report_number(check, "leaks"), 0);
        rt_html_add(out, "<td>%s</td></tr>\n", rt_report_string(check, "why_not"));
    }
    rt_html_add(out,
                "</tbody></table></div>\n<p class=\"note\">Limits: identity %g, TM-score %g over %g residues, template "
                "TM-score %g.</p>\n",
                rt_report_number(audit, "limits.identity"), rt_report_number(audit, "limits.tm"),
                rt_report_number(audit, "limits.tm_residues"), rt_report_number(audit, "limits.template_tm"));
    const json_t *leaks = json_object_get(audit, "leaks");
    if (json_array_size(leaks)) add_leaks(out, leaks);
}

rt_status rt_report_part_data(rt_text *out, const rt_report_source *source, rt_err *err)
{
    rt_dataset *set = NULL;
    char path[RT_REPORT_PATH];
    rt_err mine = {0};
    rt_text_add(out, "<section id=\"data\"><h2>Data and split</h2>\n");
    rt_report_path(path, source, "set");
    if (!rt_dataset_is_there(path)) rt_report_not_run(out, source, "the training set", "set", "import");
    else if (rt_dataset_open(&set, path, &mine) != RT_OK) rt_report_unread(out, "the training set", &mine);
    else add_set(out, set);
    rt_status status = add_split(out, source, set, err);
    add_audit(out, source);
    rt_text_add(out, "</section>\n");
    rt_dataset_close(set);
    return status;
}
