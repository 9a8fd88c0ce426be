#include "report/report.h"

#include <math.h>
#include <string.h>

#include "base/embed.h"
#include "base/file.h"
#include "report/html.h"
#include "report/parts.h"

/* The style sheet and the scripts are part of the program. */
RT_EMBED(rt_report_own_css, "src/report/report.css");
RT_EMBED(rt_report_own_tables, "src/report/tables.js");
RT_EMBED(rt_report_own_view, "src/report/view.js");
RT_EMBED(rt_report_own_molstar, "src/report/view_molstar.js");

static void add_whole(rt_text *out, const char *tag, const char *from, const char *to)
{
    rt_text_add(out, "<%s>\n", tag);
    rt_text_add_bytes(out, from, to - from);
    rt_text_add(out, "</%s>\n", tag);
}

/* ---- Mol* ---- */

bool rt_report_has_molstar(const char *folder)
{
    char path[RT_REPORT_PATH];
    rt_path_join(path, sizeof path, folder, "molstar.js");
    return rt_file_exists(path);
}

/* A file of Mol* as a script that the browser does not run by itself. */
static rt_status add_asleep(rt_text *out, const char *folder, const char *file, const char *id, rt_err *err)
{
    rt_map map;
    char path[RT_REPORT_PATH];
    rt_path_join(path, sizeof path, folder, file);
    rt_status status = rt_map_open(&map, path, err);
    if (status != RT_OK) return status;
    rt_html_add(out, "<script type=\"text/plain\" id=\"%s\">", id);
    int64_t begin = out->length;
    rt_text_add_bytes(out, (const char *)map.data, map.size);
    if (!out->failed && strstr(out->data + begin, "</script")) {
        rt_fail(err, RT_ERR_FORMAT, path, 0, "holds '</script', which would end it inside of a page");
        status = rt_hint(err, "it is not the file that 'make viewer' fetches: remove its folder and fetch it again");
    }
    rt_text_add(out, "</script>\n");
    rt_map_close(&map);
    return status;
}

static rt_status add_molstar_licence(rt_text *out, const char *folder, rt_err *err)
{
    rt_map map, version = {0};
    char path[RT_REPORT_PATH];
    rt_path_join(path, sizeof path, folder, "LICENSE");
    rt_status status = rt_map_open(&map, path, err);
    if (status != RT_OK) return status;
    rt_path_join(path, sizeof path, folder, "VERSION");
    status = rt_map_open(&version, path, err);
    if (status == RT_OK) {
        rt_text_add(out, "<details><summary>The 3D views are Mol* ");
        rt_html_escape(out, (const char *)version.data, (int64_t)strcspn((const char *)version.data, "\r\n"));
        rt_text_add(out, ", under the MIT licence.</summary><pre>");
        rt_html_escape(out, (const char *)map.data, map.size);
        rt_text_add(out, "</pre></details>\n");
        rt_map_close(&version);
    }
    rt_map_close(&map);
    return status;
}

static rt_status add_molstar(rt_text *out, const char *folder, rt_err *err)
{
    rt_status status;
    RT_TRY(add_asleep(out, folder, "molstar.js", "molstar-code", err));
    RT_TRY(add_asleep(out, folder, "molstar.css", "molstar-light", err));
    RT_TRY(add_asleep(out, folder, "dark.css", "molstar-dark", err));
    add_whole(out, "script", rt_report_own_molstar, rt_report_own_molstar_end);
done:
    return status;
}

/* ---- the page ---- */

static void add_fact(rt_text *out, const char *name, double value, const char *note)
{
    if (isfinite(value)) rt_html_add(out, "<div><dt>%s</dt><dd>%.3f<small>%s</small></dd></div>\n", name, value, note);
    else rt_html_add(out, "<div><dt>%s</dt><dd>%s<small>not measured</small></dd></div>\n", name, "");
}

/* The numbers that a reader looks for first. */
static void add_facts(rt_text *out, const rt_report_source *source)
{
    const json_t *summary = source->json[RT_REPORT_SUMMARY], *audit = source->json[RT_REPORT_AUDIT];
    size_t i;
    json_t *arm;
    rt_text_add(out, "<dl class=\"facts\">\n");
    add_fact(out, "target", rt_report_number(summary, "goal.target"), rt_report_string(summary, "metric"));
    json_array_foreach(summary ? json_object_get(summary, "arms") : NULL, i, arm)
        add_fact(out, rt_report_string(arm, "name"), rt_report_number(arm, "mean"), "mean on held-out targets");
    if (!summary) add_fact(out, "base, Phase 1, Phase 2", NAN, "");
    rt_html_add(out, "<div><dt>split</dt><dd>%s<small>%s</small></dd></div>\n",
                !audit ? "not audited" : json_is_true(json_object_get(audit, "holds")) ? "holds" : "leaks", "audit");
    rt_text_add(out, "</dl>\n");
}

/* The browser is told, too, that nothing comes from elsewhere; Mol* puts
 * functions together while it runs, and unpacks a part of itself from a data: address. */
static void add_head(rt_text *out, const rt_report_source *source, const char *title, bool molstar)
{
    static const char *const PARTS[][2] = {{"results", "Results"},   {"choice", "Calibration and selection"},
                                           {"training", "Training"}, {"data", "Data and split"},
                                           {"run", "What was done"}, {"targets", "Targets"}};
    const json_t *summary = source->json[RT_REPORT_SUMMARY];
    rt_html_add(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'unsafe-inline' %s"
                "style-src 'unsafe-inline'; img-src data: blob:; form-action 'none'; base-uri 'none'\">\n"
                "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>%s</title>\n",
                molstar ? "'unsafe-eval'; connect-src data:; " : "; ", title);
    add_whole(out, "style", rt_report_own_css, rt_report_own_css_end);
    rt_html_add(out, "</head>\n<body>\n<header>\n<h1>%s</h1>\n<p class=\"lead\">%s</p>\n", title,
                summary ? rt_report_string(summary, "goal.may_be_claimed")
                        : "The comparison on held-out components has not run: nothing may be claimed.");
    add_facts(out, source);
    rt_text_add(out, "</header>\n<nav aria-label=\"sections\"><div>");
    for (size_t i = 0; i < sizeof PARTS / sizeof *PARTS; i++)
        rt_html_add(out, "<a href=\"#%s\">%s</a>", PARTS[i][0], PARTS[i][1]);
    rt_text_add(out, "</div></nav>\n<main>\n");
}

rt_status rt_report_write(rt_text *out_page, const rt_report_options *options, rt_err *err)
{
    rt_status status;
    rt_text *out = out_page, problems = {0};
    rt_report_source source = {0};
    rt_report_targets targets = {0};
    RT_TRY(rt_report_source_open(&source, options->folder, err));
    RT_TRY(rt_report_targets_open(&targets, &problems, &source, options->n_page, err));
    targets.all_atoms = options->opt_molstar != NULL;
    add_head(out, &source, options->title, targets.all_atoms);
    if (problems.length) rt_text_add_bytes(out, problems.data, problems.length);
    RT_TRY(rt_report_part_results(out, &source, &targets, err));
    RT_TRY(rt_report_part_choice(out, &source, &targets, err));
    RT_TRY(rt_report_part_training(out, &source, err));
    RT_TRY(rt_report_part_data(out, &source, err));
    RT_TRY(rt_report_part_run(out, &source, err));
    RT_TRY(rt_report_part_targets(out, &source, &targets, err));
    rt_text_add(out, "</main>\n<footer>Made by rnatune report from the files of the run; it needs no "
                     "network.\n");
    if (options->opt_molstar) RT_TRY(add_molstar_licence(out, options->opt_molstar, err));
    rt_text_add(out, "</footer>\n");
    if (options->opt_molstar) RT_TRY(add_molstar(out, options->opt_molstar, err));
    add_whole(out, "script", rt_report_own_tables, rt_report_own_tables_end);
    add_whole(out, "script", rt_report_own_view, rt_report_own_view_end);
    rt_text_add(out, "</body>\n</html>\n");
    if (out->failed || problems.failed) status = rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory for the report");
done:
    rt_text_free(&problems);
    rt_report_targets_free_members(&targets);
    rt_report_source_free_members(&source);
    return status;
}
