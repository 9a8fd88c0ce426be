#include "report/source.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "report/html.h"

static const struct {
    const char *name, *step;
} FILES[RT_REPORT_FILES] = {
    [RT_REPORT_STEPS] = {"steps.json", NULL},
    [RT_REPORT_PROTOCOL] = {"protocol.json", "phase1"},
    [RT_REPORT_OPENED] = {"test_opened.json", "compare"},
    [RT_REPORT_SUMMARY] = {"summary.json", "compare"},
    [RT_REPORT_AUDIT] = {"audit.json", "audit"},
    [RT_REPORT_COMPARE] = {"compare/compare.json", "compare"},
    [RT_REPORT_RULES] = {"select/rules.json", "select"},
    [RT_REPORT_ENSEMBLE] = {"ensemble/ensemble.json", "ensemble"},
    [RT_REPORT_CHOSEN] = {"phase1/chosen.json", "phase1"},
    [RT_REPORT_MANIFEST] = {"package/dataset/MANIFEST.json", "package"},
};

void rt_report_path(char out[RT_REPORT_PATH], const rt_report_source *source, const char *format, ...)
{
    char name[2100];
    va_list values;
    va_start(values, format);
    vsnprintf(name, sizeof name, format, values);
    va_end(values);
    rt_path_join(out, RT_REPORT_PATH, source->folder, name);
}

rt_status rt_report_source_open(rt_report_source *out_source, const char *folder, rt_err *err)
{
    rt_report_source *s = out_source;
    char path[RT_REPORT_PATH];
    bool any = false;
    memset(s, 0, sizeof *s);
    s->folder = folder;
    rt_report_path(path, s, "plan.yaml");
    any = rt_file_exists(path);
    for (int i = 0; i < RT_REPORT_FILES; i++) {
        rt_err mine = {0};
        rt_report_path(path, s, "%s", FILES[i].name);
        if (!rt_path_exists(path)) continue;
        any = true;
        if (rt_json_load(&s->json[i], path, &mine) == RT_OK) continue;
        if (mine.code == RT_ERR_MEMORY) {
            *err = mine;
            rt_report_source_free_members(s);
            return mine.code;
        }
        rt_err_print(&mine, s->problem[i], sizeof s->problem[i]);
        rt_warn("%s", s->problem[i]);
    }
    if (any) return RT_OK;
    rt_fail(err, RT_ERR_MISMATCH, folder, 0, "holds nothing of a tune run: neither plan.yaml nor steps.json is there");
    return rt_hint(err, "name the folder that the plan's 'out' says, or the --out of 'rnatune tune'");
}

void rt_report_source_free_members(rt_report_source *source)
{
    for (int i = 0; i < RT_REPORT_FILES; i++) json_decref(source->json[i]);
    memset(source, 0, sizeof *source);
}

double rt_report_number(const json_t *root, const char *path)
{
    const json_t *found = root ? rt_json_find(root, path) : NULL;
    return json_is_number(found) ? json_number_value(found) : NAN;
}

const char *rt_report_string(const json_t *root, const char *path)
{
    const json_t *found = root ? rt_json_find(root, path) : NULL;
    return json_is_string(found) ? json_string_value(found) : "";
}

/* ---- what is not there --------------------------------------------------------------------------------------- */

static const json_t *find_step(const rt_report_source *source, const char *name)
{
    const json_t *list = source->json[RT_REPORT_STEPS] ? json_object_get(source->json[RT_REPORT_STEPS], "steps") : NULL;
    size_t i;
    json_t *step;
    json_array_foreach((json_t *)list, i, step)
        if (strcmp(rt_report_string(step, "name"), name) == 0) return step;
    return NULL;
}

void rt_report_not_run(rt_text *out, const rt_report_source *source, const char *what, const char *file,
                       const char *step)
{
    const json_t *found = step ? find_step(source, step) : NULL;
    const char *state = rt_report_string(found, "state");
    rt_html_add(out, "<p class=\"missing\"><b>Not run:</b> %s. ", what);
    if (!found) rt_html_add(out, "%s is not there.", file);
    else if (strcmp(state, "failed") == 0)
        rt_html_add(out, "The step %s failed: %s (%s).", step, rt_report_string(found, "error"),
                    rt_report_string(found, "log"));
    else if (strcmp(state, "done") == 0) rt_html_add(out, "The step %s is done, but %s is not there.", step, file);
    else if (strcmp(state, "running") == 0) rt_html_add(out, "The step %s is running, or was killed.", step);
    else if (strcmp(state, "stopped") == 0) rt_html_add(out, "The step %s was stopped.", step);
    else if (strcmp(state, "absent") == 0) rt_html_add(out, "The step %s is not part of this run.", step);
    else rt_html_add(out, "The step %s has not run yet.", step);
    rt_text_add(out, "</p>\n");
}

void rt_report_no_file(rt_text *out, const rt_report_source *source, const char *what, rt_report_file file)
{
    if (!source->problem[file][0]) rt_report_not_run(out, source, what, FILES[file].name, FILES[file].step);
    else rt_html_add(out, "<p class=\"missing\"><b>Could not be read:</b> %s. %s</p>\n", what, source->problem[file]);
}

void rt_report_unread(rt_text *out, const char *what, const rt_err *err)
{
    char text[1600];
    rt_err_print(err, text, sizeof text);
    rt_warn("%s", text);
    rt_html_add(out, "<p class=\"missing\"><b>Could not be read:</b> %s. %s</p>\n", what, text);
}

/* ---- folders ------------------------------------------------------------------------------------------------- */

static bool is_visible(const char *name) { return name[0] != '.'; }

/* "seed9" before "seed10". */
static int by_length_then_letters(const void *a, const void *b)
{
    const char *x = *(char *const *)a, *y = *(char *const *)b;
    size_t n = strlen(x), m = strlen(y);
    return n != m ? (n > m) - (n < m) : strcmp(x, y);
}

rt_status rt_report_folders(char ***ret_name, int64_t *out_count, const rt_report_source *source, const char *sub,
                            const char *prefix, rt_err *err)
{
    char path[RT_REPORT_PATH], inside[RT_REPORT_PATH + 300];
    int64_t n = 0, kept = 0;
    *ret_name = NULL;
    *out_count = 0;
    rt_report_path(path, source, "%s", sub);
    if (!rt_folder_exists(path)) return RT_OK;
    rt_status status = rt_list_folder(ret_name, &n, path, is_visible, err);
    if (status != RT_OK) return status;
    for (int64_t i = 0; i < n; i++) {
        rt_path_join(inside, sizeof inside, path, (*ret_name)[i]);
        bool wanted = strncmp((*ret_name)[i], prefix, strlen(prefix)) == 0 && rt_folder_exists(inside);
        if (wanted) (*ret_name)[kept++] = (*ret_name)[i];
        else free((*ret_name)[i]);
    }
    *out_count = kept;
    if (*prefix) qsort(*ret_name, (size_t)kept, sizeof **ret_name, by_length_then_letters);
    return RT_OK;
}
