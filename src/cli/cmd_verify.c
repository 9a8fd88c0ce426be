/* cmd_verify.c - rnatune verify: the network against recorded reference runs */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/pool.h"
#include "cli/commands.h"
#include "cli/choices.h"
#include "verify.h"

static void print_json(const rt_verify_table *table)
{
    json_t *rows = json_array();
    for (int64_t i = 0; i < table->n_row; i++) {
        const rt_verify_row *row = &table->row[i];
        json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:s}", "case", row->case_name, "mode",
                                              row->mode, "stage", row->stage, "tensor", row->tensor, "measure", row->measure,
                                              "error", rt_json_number(row->error), "bound", rt_json_number(row->bound), "verdict",
                                              rt_verdict_name(row->verdict)));
    }
    json_t *root = json_pack("{s:I, s:I, s:I, s:o}", "cases", (json_int_t)table->n_case, "compared", (json_int_t)table->n_row,
                             "misses", (json_int_t)table->n_miss, "rows", rows);
    json_dumpf(root, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(root);
}

static void print_table(const rt_verify_table *table, bool all)
{
    printf("case\tmode\tstage\ttensor\tmeasure\terror\tbound\tverdict\n");
    for (int64_t i = 0; i < table->n_row; i++) {
        const rt_verify_row *row = &table->row[i];
        if (!all && row->verdict == RT_VERDICT_OK) continue;
        printf("%s\t%s\t%s\t%s\t%s\t%.2e\t%.2e\t%s\n", row->case_name, row->mode, row->stage, row->tensor, row->measure,
               row->error, row->bound, rt_verdict_name(row->verdict));
    }
}

/* For a person: each stage's worst tensor, as a share of its bound. */
static void say_stages(const rt_verify_table *table)
{
    for (int64_t i = 0; i < table->n_row; i++) {
        const rt_verify_row *first = &table->row[i], *worst = first;
        bool seen = false;
        int64_t count = 0;
        for (int64_t j = 0; j < i && !seen; j++) seen = strcmp(table->row[j].stage, first->stage) == 0;
        if (seen) continue;
        for (int64_t j = i; j < table->n_row; j++) {
            const rt_verify_row *row = &table->row[j];
            if (strcmp(row->stage, first->stage) != 0) continue;
            count++;
            double share = row->bound > 0 ? row->error / row->bound : row->error;
            double top = worst->bound > 0 ? worst->error / worst->bound : worst->error;
            if (!(share <= top)) worst = row;
        }
        rt_info("%-24s %5lld compared, worst %.1e of %.1e (%s, %s, %s)", first->stage, (long long)count, worst->error,
                worst->bound, worst->case_name, worst->mode, worst->tensor);
    }
}

static rt_status run(rt_cli *cli, rt_err *err)
{
    const rt_options *o = cli->options;
    rt_verify_table table;
    rt_verify_options options = {.golden = rt_option_text(o, "golden"), .opt_case = rt_option_text(o, "case"),
                                 .precision = rt_choice_precision(rt_option_text(o, "precision")),
                                 .backend = rt_choice_backend(o),
                                 .threads = rt_choice_threads(o), .training = rt_option_flag(o, "training"),
                                 .copies_at_once = rt_option_int(o, "copies-at-once")};
    rt_status status = rt_verify_run(&table, &options, err);
    if (status == RT_OK) {
        if (rt_option_flag(o, "json")) print_json(&table);
        else print_table(&table, !rt_option_flag(o, "misses"));
        say_stages(&table);
        rt_info("%lld cases, %lld comparisons, %lld misses", (long long)table.n_case, (long long)table.n_row,
                (long long)table.n_miss);
        cli->check_failed = table.n_miss > 0;
    }
    rt_verify_free_members(&table);
    return status;
}

static const rt_option OPTIONS[] = {
    {.name = "golden", .type = RT_OPTION_FOLDER, .required = true, .value = "DIR", .help = "recorded reference runs"},
    {.name = "training", .type = RT_OPTION_FLAG,
     .help = "losses, gradients, optimizer steps and the loader instead of the stages of a prediction"},
    {.name = "copies-at-once", .type = RT_OPTION_INT, .value = "B", .fallback = "1", .low = 1, .high = 1000,
     .help = "of --training: as in train; the recorded steps have 3 copies"},
    {.name = "case", .type = RT_OPTION_TEXT, .value = "NAME", .otherwise = "all", .help = "only this case"},
    RT_CHOICE_PRECISION,
    RT_CHOICE_BACKEND,
    RT_CHOICE_THREADS,
    {.name = "misses", .type = RT_OPTION_FLAG, .help = "list only what is out of bounds or was not compared"},
    {.name = "json", .type = RT_OPTION_FLAG, .help = "JSON instead of a table"},
    {0},
};

const rt_command rt_cmd_verify = {
    .name = "verify",
    .summary = "compare the network with recorded reference runs",
    .options = OPTIONS,
    .description =
        "Walks every case of a golden folder: features from the raw inputs, then each stage of the network, twice: end to "
        "end, and with every stage fed the reference's own values. The random numbers are the recorded ones.\n\n"
        "A recorded tensor that nothing was compared with counts as a miss.",
    .output = "A table of case, mode, stage, tensor, measure, error, bound and verdict. Exit status 3 when anything missed.",
    .examples = "  rnatune verify --golden tests/data/golden",
    .run = run,
};
