#include "score/protocol.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"

/* "folder/name" of a file's own folder. */
static void beside(char *out, int64_t size, const char *file, const char *name)
{
    char folder[4096];
    int length = (int)(rt_path_name(file) - file);
    snprintf(folder, sizeof folder, "%.*s", length > 0 ? length - 1 : 1, length > 0 ? file : ".");
    rt_path_join(out, size, length == 1 ? "/" : folder, name);
}

/* The text of an option, or the first of a repeated one. */
static const char *option_text(const json_t *run, const char *path)
{
    const json_t *value = rt_json_find(run, path);
    return json_string_value(json_is_array(value) ? json_array_get(value, 0) : value);
}

rt_status rt_protocol_find(json_t **ret_run, const char *table_path, rt_err *err)
{
    char path[4200], other[8400];
    *ret_run = NULL;
    beside(path, sizeof path, table_path, "run.json");
    if (!rt_file_exists(path)) return RT_OK;
    rt_status status = rt_json_load(ret_run, path, err);
    const char *pred = status == RT_OK ? option_text(*ret_run, "options.pred.value") : NULL;
    if (!pred) return status;
    if (!rt_file_exists(pred) && !rt_folder_exists(pred) && pred[0] != '/') {   /* it was named from another folder */
        beside(other, sizeof other, table_path, pred);
        pred = other;
    }
    if (rt_folder_exists(pred)) rt_path_join(path, sizeof path, pred, "run.json");
    else beside(path, sizeof path, pred, "run.json");
    json_t *scoring = *ret_run;
    *ret_run = NULL;
    if (rt_file_exists(path)) status = rt_json_load(ret_run, path, err);
    if (status == RT_OK && *ret_run && option_text(*ret_run, "options.pred.value")) { /* the scoring's own once more */
        json_decref(*ret_run);
        *ret_run = NULL;
    }
    json_decref(scoring);
    return status;
}

static void warn(json_t *warnings, char *text)
{
    rt_tame_text(text);
    json_array_append_new(warnings, json_string(text));
}

/* A value as a person reads it. */
static void describe(char *out, size_t size, const json_t *value)
{
    if (json_is_string(value)) snprintf(out, size, "%s", json_string_value(value));
    else if (json_is_integer(value)) snprintf(out, size, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value)) snprintf(out, size, "%g", json_real_value(value));
    else if (json_is_boolean(value)) snprintf(out, size, "%s", json_is_true(value) ? "yes" : "no");
    else snprintf(out, size, "%s", json_is_null(value) ? "none" : "unknown");
}

/* One option of both runs. */
static int64_t compare_option(json_t *warnings, const char *name_a, const json_t *a, const char *name_b,
                              const json_t *b, const char *path, const char *what)
{
    char text[600], x[128], y[128];
    const json_t *first = rt_json_find(a, path), *second = rt_json_find(b, path);
    if (!first && !second) return 0;
    if (first && second && json_equal(first, second)) return 0;
    describe(x, sizeof x, first);
    describe(y, sizeof y, second);
    snprintf(text, sizeof text, "%s and %s differ in %s: %s and %s", name_a, name_b, what, x, y);
    warn(warnings, text);
    return 1;
}

/* A run's record of one target, NULL when it has none. */
static const json_t *find_target(const json_t *run, const char *name)
{
    const json_t *targets = json_object_get(run, "targets");
    for (size_t i = 0; i < json_array_size(targets); i++) {
        const json_t *target = json_array_get(targets, i);
        const char *its_name = json_string_value(json_object_get(target, "target"));
        if (its_name && strcmp(its_name, name) == 0) return target;
    }
    return NULL;
}

/* What one target was given: -1 unknown, 0 none. */
static long long given(const json_t *target, const char *path)
{
    const json_t *inputs = json_object_get(target, "inputs");
    if (!inputs) return -1;
    const json_t *value = rt_json_find(inputs, path);
    return json_is_integer(value) ? (long long)json_integer_value(value) : 0;
}

static int64_t compare_inputs(json_t *warnings, const char *name_a, const json_t *a, const char *name_b,
                              const json_t *b, const char *const *target, int64_t n, const char *path, const char *what,
                              const char *unit)
{
    char text[700];
    int64_t differ = 0, unknown = 0, first = 0;
    long long x = 0, y = 0;
    for (int64_t i = 0; i < n; i++) {
        long long in_a = given(find_target(a, target[i]), path), in_b = given(find_target(b, target[i]), path);
        unknown += in_a < 0 || in_b < 0;
        if (in_a < 0 || in_b < 0 || in_a == in_b) continue;
        if (differ++ == 0) first = i, x = in_a, y = in_b;
    }
    if (differ) {
        snprintf(text, sizeof text, "%s and %s differ in %s on %lld of %lld targets (%s: %lld and %lld %s)", name_a,
                 name_b, what, (long long)differ, (long long)n, target[first], x, y, unit);
        warn(warnings, text);
    }
    if (unknown) {
        snprintf(text, sizeof text, "the run records of %s and %s do not say the %s of %lld of %lld targets", name_a,
                 name_b, what, (long long)unknown, (long long)n);
        warn(warnings, text);
    }
    return differ > 0;
}

int64_t rt_protocol_compare(json_t *warnings, const char *name_a, const json_t *opt_run_a, const char *name_b,
                            const json_t *opt_run_b, const char *const *target, int64_t n)
{
    static const struct { const char *path, *what; } OPTIONS[] = {
        {"options.samples.value", "samples per target"},
        {"options.cycles.value", "recycles"},
        {"options.steps.value", "diffusion steps"},
        {"options.template-idx.value", "template_idx"},
        {"options.template-missing.value", "what a residue without a template is"},
        {"options.no-template.value", "what a target without a template gets"},
        {"options.no-ribonanza.value", "doing without RibonanzaNet2"},
        {"options.precision.value", "precision"},
        {"seed", "seed"},
    };
    char text[600];
    int64_t differences = 0;
    if (!opt_run_a || !opt_run_b) {
        snprintf(
            text, sizeof text,
            "%s%s%s: no run.json of the predictions, so it is not known whether samples, templates, MSA and seed are "
            "the same",
            !opt_run_a ? name_a : name_b, !opt_run_a && !opt_run_b ? " and " : "",
            !opt_run_a && !opt_run_b ? name_b : "");
        warn(warnings, text);
        return 0;
    }
    for (size_t i = 0; i < sizeof OPTIONS / sizeof *OPTIONS; i++)
        differences += compare_option(warnings, name_a, opt_run_a, name_b, opt_run_b, OPTIONS[i].path, OPTIONS[i].what);
    differences += compare_inputs(warnings, name_a, opt_run_a, name_b, opt_run_b, target, n, "msa.rows", "MSA", "rows");
    differences += compare_inputs(warnings, name_a, opt_run_a, name_b, opt_run_b, target, n, "templates.used",
                                  "templates", "templates");
    return differences;
}

int64_t rt_protocol_selected(const json_t *opt_run, const char *const *target, int64_t n, const char **out_first)
{
    const json_t *list = opt_run ? json_object_get(opt_run, "selected_on") : NULL;
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++) {
        bool listed = false;
        for (size_t k = 0; k < json_array_size(list) && !listed; k++) {
            const char *name = json_string_value(json_array_get(list, k));
            listed = name && strcmp(name, target[i]) == 0;
        }
        if (listed && count++ == 0) *out_first = target[i];
    }
    return count;
}
