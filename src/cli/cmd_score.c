/* cmd_score.c - rnatune score: models against experimental structures */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "cli/choices.h"
#include "cli/commands.h"
#include "cli/selection.h"
#include "score/pairwise_models.h"
#include "score/score.h"
#include "score/score_summary.h"

enum { MOST_LINES = 20 };   /* notes and failures on stderr */

static void say_lines(const rt_text *text, const char *what)
{
    int64_t count = 0;
    for (const char *line = text->data, *end; line && *line; line = end + 1, count++) {
        end = strchr(line, '\n');
        if (count < MOST_LINES) rt_warn("%.*s", (int)(end - line), line);
    }
    if (count > MOST_LINES) rt_warn("and %lld more %s", (long long)(count - MOST_LINES), what);
}

static bool is_one_line(const rt_text *text)
{
    const char *end = text->length ? strchr(text->data, '\n') : NULL;
    return end && !end[1];
}

static void say_summary(const rt_score_summary *summary)
{
    rt_text text = {0};
    rt_score_summary_print_aligned(&text, summary);
    for (const char *line = text.data, *end; line && *line; line = end + 1) {
        end = strchr(line, '\n');
        rt_info("%.*s", (int)(end - line), line);
    }
    rt_text_free(&text);
}

/* The motion u x + t of each model that tm_align belongs to: anyone can apply it and count again. */
static void print_poses(rt_text *out, const rt_score_report *report)
{
    static const char *const NAMES[] = {"u11", "u12", "u13", "u21", "u22", "u23", "u31", "u32", "u33", "t1", "t2", "t3"};
    rt_text_add(out, "target\tmodel\tnative\ttm_align");
    for (int k = 0; k < 12; k++) rt_text_add(out, "\t%s", NAMES[k]);
    rt_text_add(out, "\n");
    for (int64_t i = 0; i < report->table.n_row; i++) {
        const rt_score_row *row = &report->table.row[i];
        const rt_score_pose *pose = &report->pose[i];
        if (!pose->known) continue;
        rt_text_add(out, "%s\t%s\t%s\t%.5f", row->target, row->model, row->native_align, row->tm_align);
        for (int k = 0; k < 9; k++) rt_text_add(out, "\t%.12f", pose->rigid.u[k / 3][k % 3]);
        for (int k = 0; k < 3; k++) rt_text_add(out, "\t%.9f", pose->rigid.t[k]);
        rt_text_add(out, "\n");
    }
}

/* scores.tsv, superpositions.tsv, summary.tsv and run.json. */
static rt_status write_files(rt_cli *cli, const char *folder, const rt_score_report *report,
                             const rt_score_summary *summary,
                             rt_err *err)
{
    rt_status status = RT_OK;
    char path[4096];
    rt_text text = {0};
    RT_TRY(rt_make_folder(folder, err));
    rt_score_table_print(&text, &report->table);
    rt_path_join(path, sizeof path, folder, "scores.tsv");
    RT_TRY(rt_write_text(path, text.data, text.length, err));
    rt_text_clear(&text);
    print_poses(&text, report);
    rt_path_join(path, sizeof path, folder, "superpositions.tsv");
    RT_TRY(rt_write_text(path, text.data, text.length, err));
    rt_text_clear(&text);
    rt_score_summary_print(&text, summary);
    rt_path_join(path, sizeof path, folder, "summary.tsv");
    RT_TRY(rt_write_text(path, text.data, text.length, err));
    rt_run_record_set(cli->record, "models", json_integer(report->table.n_row));
    rt_run_record_set(cli->record, "models_failed", json_integer(report->n_failed));
    rt_run_record_set(cli->record, "stopped", json_boolean(report->n_stopped > 0));
    rt_run_record_set(cli->record, "targets", json_integer(report->n_target));
    rt_run_record_set(cli->record, "summary", rt_score_summary_json(summary));
    rt_path_join(path, sizeof path, folder, "run.json");
    RT_TRY(rt_run_record_write(cli->record, cli->options, path, err));
    rt_info("results: %s/scores.tsv, superpositions.tsv, summary.tsv, run.json", folder);
done:
    rt_text_free(&text);
    return status;
}

static void print_metric(const rt_score_report *report, int part, bool json)
{
    double value = rt_score_kaggle(&report->table, report->n_target, part);
    if (json)
        printf("{\"metric\": \"kaggle%d\", \"value\": %.17g, \"targets\": %lld}\n", part, value,
               (long long)report->n_target);
    else
        printf("metric\tvalue\ttargets\nkaggle%d\t%.8f\t%lld\n", part, value, (long long)report->n_target);
}

static rt_status print_scores(const rt_score_report *report, const rt_score_summary *summary, bool json, rt_err *err)
{
    if (json) {
        json_t *root = json_pack("{s:o, s:o, s:I}", "rows", rt_score_table_json(&report->table), "summary",
                                 rt_score_summary_json(summary), "failed", (json_int_t)report->n_failed);
        json_dumpf(root, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
        putchar('\n');
        json_decref(root);
        return RT_OK;
    }
    rt_text text = {0};
    rt_score_table_print(&text, &report->table);
    bool failed = text.failed;
    if (!failed) fputs(text.data, stdout);
    rt_text_free(&text);
    return failed ? rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory") : RT_OK;
}

/* rnatune score --selection: how well the samples' own scores choose among them. */
static rt_status select_samples(rt_cli *cli, const rt_score_report *report, rt_score_set *models, const char *atom,
                                rt_err *err)
{
    rt_status status = RT_OK;
    const rt_options *o = cli->options;
    rt_families families = {0};
    rt_selection selection = {0};
    rt_text text = {0};
    bool has_families = rt_option_has(o, "families");
    rt_pairwise_models pairwise = {.models = models, .atom = atom};
    rt_selection_options options = {.pred = rt_option_text(o, "pred"),
                                    .opt_families = has_families ? &families : NULL,
                                    .opt_pairwise = rt_pairwise_models_read,
                                    .pairwise_user = &pairwise,
                                    .choose = 5,
                                    .n_resample = 10000,
                                    .seed = 42};
    RT_TRY(rt_metric_read(&options.quality, "tm_resid", err));
    RT_TRY(rt_metric_read(&options.lddt, "lddt_all30", err));
    if (has_families) RT_TRY(rt_families_load(&families, rt_option_text(o, "families"), err));
    RT_TRY(rt_tm_create(&pairwise.tm, err));
    RT_TRY(rt_selection_run(&selection, &report->table, &options, err));
    rt_selection_warn(&selection, has_families);
    RT_TRY(rt_selection_show(&selection, rt_option_flag(o, "json"), err));
    if (rt_option_has(o, "out")) {
        char path[4096];
        rt_selection_print(&text, &selection);
        rt_path_join(path, sizeof path, rt_option_text(o, "out"), "selection.tsv");
        RT_TRY(rt_write_text(path, text.data, text.length, err));
    }
done:
    rt_text_free(&text);
    rt_tm_free(pairwise.tm);
    rt_selection_free_members(&selection);
    rt_families_free_members(&families);
    return status;
}

static rt_status finish(rt_cli *cli, const rt_score_report *report, rt_score_set *models, const rt_score_options *options,
                        int part, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_options *o = cli->options;
    rt_score_summary summary = {0};
    RT_TRY(rt_score_summary_build(&summary, &report->table, err));
    if (part) print_metric(report, part, rt_option_flag(o, "json"));
    else if (!rt_option_flag(o, "selection"))
        RT_TRY(print_scores(report, &summary, rt_option_flag(o, "json"), err));
    say_lines(&report->notes, "lines of this kind");
    say_lines(&report->failures, "models that could not be scored");
    if (report->n_without)
        rt_warn("%lld of %lld targets have no scored model, %s is one%s", (long long)report->n_without,
                (long long)report->n_target, report->without, part ? "; they count as 0" : "");
    if (!part) say_summary(&summary);
    if (rt_option_has(o, "out")) RT_TRY(write_files(cli, rt_option_text(o, "out"), report, &summary, err));
    if (rt_option_flag(o, "selection")) RT_TRY(select_samples(cli, report, models, options->atom, err));
    if (report->n_stopped)
        status = rt_fail(err, RT_ERR_STOPPED, NULL, 0, "stopped; %lld models were scored, their rows are whole",
                         (long long)report->table.n_row);
    else if (report->n_failed)
        status = rt_fail(err, RT_ERR_FORMAT, NULL, 0, "%lld models could not be scored; %lld were",
                         (long long)report->n_failed,
                         (long long)report->table.n_row);
done:
    rt_score_summary_free_members(&summary);
    return status;
}

static rt_status run(rt_cli *cli, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_options *o = cli->options;
    const char *metric = rt_option_text(o, "metric"), *atom = rt_option_text(o, "atom");
    int part = strcmp(metric, "kaggle1") == 0 ? 1 : strcmp(metric, "kaggle2") == 0 ? 2 : 0;
    rt_score_set natives = {0}, models = {0};
    rt_score_report report = {0};
    rt_score_options options = {.atom = strcmp(atom, "P") == 0 ? "P" : strcmp(atom, "C3") == 0 ? "C3'" : "C1'",
                                .search = strcmp(rt_option_text(o, "search"), "thorough") == 0 ? RT_TM_THOROUGH
                                                                                               : RT_TM_USALIGN,
                                .align = part != 2, .number = part != 1, .details = part == 0,
                                .threads = rt_choice_threads(o)};
    if (part && rt_option_flag(o, "selection"))
        RT_TRY(rt_fail(err, RT_ERR_USAGE, NULL, 0, "--metric %s and --selection exclude each other", metric));
    RT_TRY(rt_score_set_natives(&natives, rt_option_text(o, "native"), options.atom, err));
    RT_TRY(rt_score_set_models(&models, rt_option_text(o, "pred"), &natives, options.atom, err));
    if (models.n_alien)
        rt_warn("%lld of the predictions belong to no target of %s, %s is one", (long long)models.n_alien,
                rt_option_text(o, "native"), models.alien);
    RT_TRY(rt_score_run(&report, &natives, &models, &options, err));
    if (report.n_stopped && (part || rt_option_flag(o, "selection") || report.table.n_row == 0))
        RT_TRY(rt_fail(err, RT_ERR_STOPPED, NULL, 0, "stopped; nothing was written"));   /* a part of it would mislead */
    if (report.table.n_row == 0 && is_one_line(&report.failures)) {   /* one thing failed, and with it all: say just why */
        *err = report.first_failure;
        RT_TRY(err->code);
    }
    if (report.table.n_row == 0 && report.n_failed == 0) {
        if (models.n_item > models.n_alien)
            RT_TRY(rt_fail(err, RT_ERR_MISMATCH, rt_option_text(o, "pred"), 0, "all coordinates are missing"));
        rt_fail(err, RT_ERR_MISMATCH, rt_option_text(o, "pred"), 0, "nothing here can be compared with %s",
                rt_option_text(o, "native"));
        RT_TRY(rt_hint(err, "the names of predictions begin with their target's, the name of the native's file"));
    }
    RT_TRY(finish(cli, &report, &models, &options, part, err));
done:
    rt_score_report_free_members(&report);
    rt_score_set_free_members(&natives);
    rt_score_set_free_members(&models);
    return status;
}

static const rt_option OPTIONS[] = {
    {.name = "pred", .type = RT_OPTION_PATH, .required = true, .value = "P",
     .help = "predictions: an mmCIF or PDB file, a folder of them, or a submission.csv"},
    {.name = "native", .type = RT_OPTION_PATH, .required = true, .value = "N",
     .help = "experimental structures: the same kinds, or labels in CSV"},
    {.name = "out", .type = RT_OPTION_OUT_FOLDER, .value = "DIR", .otherwise = "stdout only",
     .help = "also write scores.tsv, superpositions.tsv, summary.tsv and run.json here"},
    {.name = "metric", .type = RT_OPTION_CHOICE, .choices = "all|kaggle1|kaggle2", .fallback = "all",
     .help = "every score of every model, or the competition's one number: Part 1 (by alignment), Part 2 (by number)"},
    {.name = "selection", .type = RT_OPTION_FLAG,
     .help = "instead of the scores: do the samples' own scores choose the right ones? (see 'rnatune selection')"},
    {.name = "families", .type = RT_OPTION_FILE, .value = "FILE", .otherwise = "each target its own",
     .help = "TSV with columns target and family, for the intervals of --selection"},
    {.name = "atom", .type = RT_OPTION_CHOICE, .choices = "C1|C3|P", .fallback = "C1",
     .help = "the atom that stands for a residue: C1', C3' or P"},
    {.name = "search", .type = RT_OPTION_CHOICE, .choices = "usalign|thorough", .fallback = "usalign",
     .help = "alignments that are tried: US-align's, or more, which is never lower and takes three times as long"},
    RT_CHOICE_THREADS,
    {.name = "json", .type = RT_OPTION_FLAG, .help = "JSON on stdout instead of a table"},
    {0},
};

const rt_command rt_cmd_score = {
    .name = "score",
    .summary = "compare models with experimental structures",
    .options = OPTIONS,
    .description =
        "Scores every model against its target: TM-score by sequence-independent alignment (tm_align, as US-align and Part 1 "
        "of the competition) and by residue number (tm_resid, Part 2), RMSD, GDT-TS, lDDT, INF from base pairs found in the "
        "coordinates, and clashes. With several reference conformations the best one counts.\n\n"
        "A prediction belongs to the target that its folder is named after, or that its own name begins with; a target "
        "1DQH_B is chain B of the native 1dqh. Files may be "
        "packed with gzip. Modified residues count as their parents, ligands and waters not at all; of alternate locations "
        "the most occupied one is used. Where numbers do not fit, a constant shift is found and reported; sequences that "
        "differ by more than half are refused. Copies of a chain are assigned so that the TM-score is highest.\n\n"
        "A model that cannot be scored is named, the others go on, and the exit status is 1; a native that cannot be read "
        "fails its models alone. After Ctrl-C what was scored is written, and run.json says that it was stopped.",
    .output =
        "A row per target and model; NA is what cannot be known (all-atom scores of C1' alone). A summary over targets "
              "goes to stderr. With --metric kaggle1 or kaggle2 one row: metric, value, targets; with --selection the table "
        "of 'rnatune selection'.",
    .examples = "  rnatune score --pred folds --native natives --out scores\n"
                "  rnatune score --pred folds --native natives --selection --families families.tsv\n"
                "  rnatune score --pred submission.csv --native validation_labels.csv --metric kaggle1\n",
    .long_work = true,
    .run = run,
};
