/* part_run.c - what was done: plan, protocol, steps, package */
#include <stdlib.h>
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "report/html.h"
#include "report/parts.h"

static void add_duration(rt_text *out, double seconds)
{
    if (!isfinite(seconds)) rt_html_number(out, seconds, 0);
    else if (seconds < 60) rt_html_add(out, "<td class=\"n\" data-v=\"%.3f\">%.1f s</td>", seconds, seconds);
    else if (seconds < 3600) rt_html_add(out, "<td class=\"n\" data-v=\"%.3f\">%.1f min</td>", seconds, seconds / 60);
    else rt_html_add(out, "<td class=\"n\" data-v=\"%.3f\">%.1f h</td>", seconds, seconds / 3600);
}

/* A command line as it can be copied into a shell. */
static void add_command(rt_text *out, const json_t *words)
{
    size_t i;
    json_t *word;
    rt_text_add(out, "<code class=\"command\">");
    json_array_foreach((json_t *)words, i, word) {
        const char *text = json_is_string(word) ? json_string_value(word) : "";
        if (i == 0) text = rt_path_name(text);
        bool plain = *text && !text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./"
                                                 "=,:+@%")];
        rt_text_add(out, "%s", i ? " " : "");
        if (plain) {
            rt_html_escape(out, text, -1);
            continue;
        }
        rt_text_add(out, "&#39;");
        while (*text) {
            int64_t size = (int64_t)strcspn(text, "'");
            if (size) rt_html_escape(out, text, size);
            else rt_text_add(out, "&#39;\\&#39;&#39;");
            text += size ? size : 1;
        }
        rt_text_add(out, "&#39;");
    }
    rt_text_add(out, "</code>\n");
}

static void add_step(rt_text *out, const json_t *step)
{
    const char *state = rt_report_string(step, "state"), *error = rt_report_string(step, "error");
    rt_html_add(out, "<tr><td>%s</td><td class=\"state %s\">%s</td>", rt_report_string(step, "name"), state, state);
    add_duration(out, rt_report_number(step, "seconds"));
    rt_html_add(out, "<td class=\"one\">%s</td><td class=\"n\">%lld</td><td>%s</td></tr>\n",
                rt_report_string(step, "started"), (long long)json_array_size(json_object_get(step, "commands")),
                error);
}

static void add_steps(rt_text *out, const rt_report_source *source)
{
    const json_t *steps = source->json[RT_REPORT_STEPS], *list = steps ? json_object_get(steps, "steps") : NULL;
    size_t i, k;
    json_t *step, *command;
    double seconds = 0;
    rt_text_add(out, "<h3>Steps</h3>\n");
    if (!json_is_array(list)) {
        rt_report_no_file(out, source, "the steps and their times", RT_REPORT_STEPS);
        return;
    }
    rt_text_add(out, "<div class=\"scroll\"><table class=\"sortable\"><thead><tr><th>step</th><th>state</th><th "
                     "class=\"n\">time</th>"
                     "<th>started</th><th class=\"n\">commands</th><th>what went wrong</th></tr></thead><tbody>\n");
    json_array_foreach(list, i, step) {
        if (strcmp(rt_report_string(step, "name"), "report") == 0)
            continue; /* this page: it is not done while it is made */
        double took = rt_report_number(step, "seconds");
        if (isfinite(took)) seconds += took;
        add_step(out, step);
    }
    rt_text_add(out, "</tbody><tfoot><tr><td>all</td><td></td>");
    add_duration(out, seconds);
    rt_text_add(out, "<td></td><td></td><td></td></tr></tfoot></table></div>\n<details><summary>Every "
                     "command</summary>\n");
    json_array_foreach(list, i, step) {
        const json_t *commands = json_object_get(step, "commands");
        if (json_array_size(commands) == 0 || strcmp(rt_report_string(step, "name"), "report") == 0) continue;
        rt_html_add(out, "<h4>%s</h4>\n", rt_report_string(step, "name"));
        json_array_foreach(commands, k, command) add_command(out, json_object_get(command, "command"));
    }
    rt_text_add(out, "</details>\n");
}

/* ---- plan and protocol --------------------------------------------------------------------------------------- */

/* Lines of plan.yaml; said: only those that the plan itself said. */
static void add_plan_lines(rt_text *out, const rt_map *map, bool said)
{
    static const char DEFAULT[] = "# default";
    const char *text = (const char *)map->data, *end = text + map->size;
    rt_text_add(out, "<pre>");
    while (text < end) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        int64_t size = (stop ? stop : end) - text;
        bool marked = size >= (int64_t)sizeof DEFAULT - 1 &&
                      memcmp(text + size - (sizeof DEFAULT - 1), DEFAULT, sizeof DEFAULT - 1) == 0;
        bool group = size > 0 && text[size - 1] == ':', comment = size > 0 && text[0] == '#';
        if (!said || (!marked && !group && !comment)) {
            rt_html_escape(out, text, size);
            rt_text_add(out, "\n");
        } else if (group) {
            /* a group stands only before a line of it that is kept */
            const char *next = stop ? stop + 1 : end;
            bool kept = false;
            while (next < end && *next == ' ' && !kept) {
                const char *last = memchr(next, '\n', (size_t)(end - next));
                int64_t length = (last ? last : end) - next;
                kept = length < (int64_t)sizeof DEFAULT - 1 ||
                       memcmp(next + length - (sizeof DEFAULT - 1), DEFAULT, sizeof DEFAULT - 1) != 0;
                next = last ? last + 1 : end;
            }
            if (kept) {
                rt_html_escape(out, text, size);
                rt_text_add(out, "\n");
            }
        }
        text = stop ? stop + 1 : end;
    }
    rt_text_add(out, "</pre>\n");
}

static void add_plan(rt_text *out, const rt_report_source *source)
{
    char path[RT_REPORT_PATH];
    rt_map map;
    rt_err err = {0};
    rt_text_add(out, "<h3>Plan</h3>\n");
    rt_report_path(path, source, "plan.yaml");
    if (!rt_file_exists(path)) {
        rt_report_not_run(out, source, "the plan", "plan.yaml", NULL);
        return;
    }
    if (rt_map_open(&map, path, &err) != RT_OK) {
        rt_report_unread(out, "the plan", &err);
        return;
    }
    rt_text_add(out, "<p>What the plan said; everything else is a default.</p>\n");
    add_plan_lines(out, &map, true);
    rt_text_add(out, "<details><summary>The whole plan, defaults included</summary>\n");
    add_plan_lines(out, &map, false);
    rt_text_add(out, "</details>\n");
    rt_map_close(&map);
}

static void add_hashes(rt_text *out, const json_t *files)
{
    const char *name;
    json_t *hash;
    rt_text_add(out, "<div class=\"scroll\"><table><thead><tr><th>file</th><th>SHA-256</th></tr></thead><tbody>\n");
    json_object_foreach((json_t *)files, name, hash)
        rt_html_add(out, "<tr><td>%s</td><td><code>%s</code></td></tr>\n", name,
                    json_is_string(hash) ? json_string_value(hash) : NULL);
    rt_text_add(out, "</tbody></table></div>\n");
}

static void add_protocol(rt_text *out, const rt_report_source *source)
{
    const json_t *protocol = source->json[RT_REPORT_PROTOCOL], *opened = source->json[RT_REPORT_OPENED];
    const char *name;
    json_t *rule;
    rt_text_add(out, "<h3>Protocol: what was fixed before training</h3>\n");
    if (!protocol) {
        rt_report_no_file(out, source, "the protocol", RT_REPORT_PROTOCOL);
        return;
    }
    rt_html_add(out, "<p>Frozen %s, SHA-256 <code>%s</code>.", rt_report_string(protocol, "frozen"),
                rt_report_string(protocol, "sha256"));
    size_t replaced = json_array_size(json_object_get(protocol, "history"));
    if (replaced) rt_html_add(out, " <strong>It replaces %lld earlier protocols.</strong>", (long long)replaced);
    rt_text_add(out, "</p>\n");
    if (opened) {
        const json_t *openings = json_object_get(opened, "openings");
        size_t i;
        json_t *one;
        rt_html_add(out, "<p>The test structures were opened %lld time%s:", (long long)json_array_size(openings),
                    json_array_size(openings) == 1 ? "" : "s");
        json_array_foreach((json_t *)openings, i, one)
            rt_html_add(out, "%s %s", i ? "," : "", rt_report_string(one, "time"));
        rt_text_add(out, ".</p>\n");
    } else {
        rt_report_no_file(out, source, "when the test structures were opened", RT_REPORT_OPENED);
    }
    rt_text_add(out, "<dl class=\"rules\">\n");
    json_object_foreach(json_object_get(protocol, "rules"), name, rule)
        rt_html_add(out, "<dt>%s</dt><dd>%s</dd>\n", name, json_is_string(rule) ? json_string_value(rule) : NULL);
    rt_text_add(out, "</dl>\n");
    add_hashes(out, json_object_get(protocol, "files"));
}

/* ---- the package --------------------------------------------------------------------------------------------- */

static void add_package(rt_text *out, const rt_report_source *source)
{
    const json_t *manifest = source->json[RT_REPORT_MANIFEST];
    size_t i;
    json_t *file;
    rt_text_add(out, "<h3>Package</h3>\n");
    if (!manifest) {
        rt_report_no_file(out, source, "the folder for Kaggle", RT_REPORT_MANIFEST);
        return;
    }
    rt_text_add(out, "<div class=\"scroll\"><table class=\"sortable\"><thead><tr><th>file</th><th>role</th><th "
                     "class=\"n\">bytes</th>"
                     "<th>SHA-256</th></tr></thead><tbody>\n");
    json_array_foreach(json_object_get(manifest, "files"), i, file) {
        rt_html_add(out, "<tr><td>%s</td><td>%s</td>", rt_report_string(file, "path"), rt_report_string(file, "role"));
        rt_html_number(out, rt_report_number(file, "bytes"), 0);
        rt_html_add(out, "<td><code>%s</code></td></tr>\n", rt_report_string(file, "sha256"));
    }
    rt_text_add(out, "</tbody></table></div>\n");
}

rt_status rt_report_part_run(rt_text *out, const rt_report_source *source, rt_err *err)
{
    const json_t *steps = source->json[RT_REPORT_STEPS];
    (void)err;
    rt_text_add(out, "<section id=\"run\"><h2>What was done</h2>\n");
    if (steps)
        rt_html_add(out, "<p>%s %s, commit %s; plan <code>%s</code>.</p>\n",
                    *rt_report_string(steps, "program") ? rt_report_string(steps, "program") : "rnatune",
                    *rt_report_string(steps, "version") ? rt_report_string(steps, "version") : NULL,
                    *rt_report_string(steps, "commit") ? rt_report_string(steps, "commit") : NULL,
                    *rt_report_string(steps, "plan") ? rt_report_string(steps, "plan") : NULL);
    add_steps(out, source);
    add_plan(out, source);
    add_protocol(out, source);
    add_package(out, source);
    rt_text_add(out, "</section>\n");
    return RT_OK;
}
