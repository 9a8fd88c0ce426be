/* cmd_results.c - rnatune results: the SQLite file that keeps every score */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/arms.h"
#include "cli/commands.h"
#include "score/results.h"

static rt_status add(const rt_options *o, rt_results *results, rt_err *err)
{
    rt_arm_source source;
    int64_t added, replaced;
    const char *path = rt_option_text(o, "add"), *name = rt_option_text(o, "checkpoint");
    rt_status status = rt_arm_source_open(&source, path, err);
    if (status != RT_OK) return status;
    if (!name) name = source.name;
    status = rt_results_add(results, name, &source.table, source.path, source.run, &added, &replaced, err);
    if (status == RT_OK)
        rt_info("%s: %lld rows added, %lld replaced", name, (long long)added, (long long)replaced);
    rt_arm_source_free_members(&source);
    return status;
}

static rt_status export(const rt_options *o, rt_results *results, rt_err *err)
{
    rt_score_table table;
    rt_text text = {0};
    rt_status status = rt_results_read(results, rt_option_text(o, "export"), &table, NULL, err);
    if (status != RT_OK) return status;
    if (rt_option_flag(o, "json")) {
        json_t *root = rt_score_table_json(&table);
        json_dumpf(root, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(12));
        putchar('\n');
        json_decref(root);
    } else {
        rt_score_table_print(&text, &table);
        if (text.failed) status = rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory");
        else fputs(text.data, stdout);
    }
    rt_text_free(&text);
    rt_score_table_free_members(&table);
    return status;
}

static void print_cell(const json_t *value)
{
    char text[1024];
    snprintf(text, sizeof text, "%s", json_is_string(value) ? json_string_value(value) : "NA");
    rt_tame_text(text);
    fputs(text, stdout);
}

static rt_status list(const rt_options *o, rt_results *results, rt_err *err)
{
    json_t *checkpoints, *c;
    size_t i;
    rt_status status = rt_results_list(results, &checkpoints, err);
    if (status != RT_OK) return status;
    if (rt_option_flag(o, "json")) {
        json_dumpf(checkpoints, stdout, JSON_INDENT(1));
        putchar('\n');
    } else {
        printf("checkpoint\ttargets\tsamples\tadded\tsource\n");
        json_array_foreach(checkpoints, i, c) {
            print_cell(json_object_get(c, "checkpoint"));
            printf("\t%lld\t%lld\t", (long long)json_integer_value(json_object_get(c, "targets")),
                   (long long)json_integer_value(json_object_get(c, "samples")));
            print_cell(json_object_get(c, "added"));
            printf("\t");
            print_cell(json_object_get(c, "source"));
            printf("\n");
        }
    }
    json_decref(checkpoints);
    return RT_OK;
}

static rt_status run(rt_cli *cli, rt_err *err)
{
    const rt_options *o = cli->options;
    const char *path = rt_operand_at(o, 0);
    bool adding = rt_option_has(o, "add");
    rt_results *results;
    if (rt_option_has(o, "checkpoint") && !adding)
        return rt_fail(err, RT_ERR_USAGE, NULL, 0, "--checkpoint names what --add adds; --add is missing");
    if (!adding && !rt_file_exists(path)) {
        rt_fail(err, RT_ERR_IO, path, 0, "no such file");
        return rt_hint(err, "--add TABLE makes it");
    }
    const rt_option made = {.type = RT_OPTION_OUT_FILE};   /* one that is only read may lie where nothing can be written */
    rt_status status = adding ? rt_option_check_path(&made, path, "FILE", err) : RT_OK;
    if (status != RT_OK) return status;
    status = rt_results_open(&results, path, adding, err);
    if (status == RT_OK && adding) status = add(o, results, err);
    if (status == RT_OK && rt_option_has(o, "export")) status = export(o, results, err);
    else if (status == RT_OK) status = list(o, results, err);
    rt_results_close(results);
    return status;
}

static const rt_operand OPERANDS[] = {
    {.name = "FILE", .type = RT_OPTION_TEXT, .required = true,
     .help = "the results file; --add makes it when there is none"},
    {0},
};

static const rt_option OPTIONS[] = {
    {.name = "add", .type = RT_OPTION_TEXT, .value = "TABLE",
     .help = "scores.tsv to add; rows of the same target, checkpoint and sample are replaced"},
    {.name = "checkpoint", .type = RT_OPTION_TEXT, .value = "NAME", .otherwise = "the table's name",
     .help = "what the added rows are called"},
    {.name = "export", .type = RT_OPTION_TEXT, .value = "NAME",
     .help = "print a checkpoint's rows as 'rnatune score' does"},
    {.name = "json", .type = RT_OPTION_FLAG, .help = "JSON instead of a table"},
    {0},
};

const rt_command rt_cmd_results = {
    .name = "results",
    .summary = "keep scores in an SQLite file, list and export them",
    .operands = OPERANDS,
    .options = OPTIONS,
    .description =
        "One file for every score that was ever measured: the table score has a row for each target, checkpoint and "
        "sample and a column for each metric, the table arm says when and from where each checkpoint came. Later runs "
        "add to it; sqlite3 and every language's SQLite can query it. 'rnatune compare' takes FILE:CHECKPOINT as an "
        "arm.",
    .output = "A table of the checkpoints; with --export the checkpoint's rows.",
    .examples =
        "  rnatune results results.sqlite --add base/scores.tsv --checkpoint base\n"
        "  sqlite3 results.sqlite 'SELECT checkpoint, avg(tm_resid) FROM score GROUP BY checkpoint'\n",
    .run = run,
};
