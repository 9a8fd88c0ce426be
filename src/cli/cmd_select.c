/* cmd_select.c - rnatune select: the five of each target to submit, from checkpoints, samples and other tools' models */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "cli/choices.h"
#include "cli/commands.h"
#include "cli/print_json.h"
#include "ship/select.h"

/* What was left out, source by source. */
static void say_sources(const rt_select_report *r)
{
    for (int i = 0; i < rt_candidates_sources(r->candidates); i++) {
        const rt_candidates_source *s = rt_candidates_source_at(r->candidates, i);
        rt_info("%s: %lld candidates%s", s->path, (long long)s->n_used, s->own ? "" : ", without confidences of ours");
        if (s->n_left_out)
            rt_warn("%s: %lld models cannot be submitted and are left out; %s", s->path, (long long)s->n_left_out, s->reason);
        if (s->n_missing)
            rt_warn("%s: %lld of %lld targets are not finished there, %s is one", s->path, (long long)s->n_missing,
                    (long long)r->n_target, s->missing);
        if (s->n_repeated)
            rt_info("%s: %lld models are the same as earlier ones and count once", s->path, (long long)s->n_repeated);
        if (s->n_not_kept)
            rt_info("%s: %lld samples were drawn but not kept, so they are no candidates; 'predict --keep N' keeps more",
                    s->path, (long long)s->n_not_kept);
    }
}

static void say_report(const rt_select_report *r, const rt_options *o)
{
    say_sources(r);
    if (r->confidence >= 0) rt_info("confidence of --rule mixed: %s", rt_selection_score_name(r->confidence));
    if (r->n_few)
        rt_warn("%lld targets have fewer than %s candidates: their best one is repeated", (long long)r->n_few,
                rt_option_text(o, "keep"));
    if (!r->has_gain) return;
    if (r->n_native < r->n_target)
        rt_warn("%lld of %lld targets have no native or no candidate: they do not count in rules.json",
                (long long)(r->n_target - r->n_native), (long long)r->n_target);
    if (!rt_option_has(o, "families"))
        rt_warn("no --families: every target counts as a family of its own, which overstates certainty");
    else if (r->gain.n_alone)
        rt_warn("%lld targets are not in the families file: each counts as a family of its own", (long long)r->gain.n_alone);
}

static json_t *rules_json(const rt_select_report *r, const rt_options *o)
{
    return json_pack("{s:s, s:s, s:s, s:I, s:I, s:s, s:s, s:o, s:O}", "chosen_by", rt_option_text(o, "rule"), "confidence",
                     rt_selection_score_name(r->confidence), "metric", "tm_resid", "keep", (json_int_t)r->gain.keep, "targets",
                     (json_int_t)r->n_native, "best_top1", rt_rule_name(rt_rule_gain_best(&r->gain, RT_GAIN_TOP1)),
                     "best_of_all", rt_rule_name(rt_rule_gain_best(&r->gain, RT_GAIN_BEST)), "rules",
                     rt_rule_gain_json(&r->gain), "values", r->values);
}

static json_t *sources_json(const rt_select_report *r)
{
    json_t *list = json_array();
    for (int i = 0; i < rt_candidates_sources(r->candidates); i++) {
        const rt_candidates_source *s = rt_candidates_source_at(r->candidates, i);
        json_t *one = json_pack("{s:s%, s:b, s:I, s:I, s:I, s:I, s:I}", "path", s->path, strlen(s->path), "own", s->own,
                                "candidates", (json_int_t)s->n_used, "repeated", (json_int_t)s->n_repeated, "left_out",
                                (json_int_t)s->n_left_out, "not_kept", (json_int_t)s->n_not_kept, "targets_missing",
                                (json_int_t)s->n_missing);
        if (s->n_left_out) json_object_set_new(one, "first_left_out", json_string(s->reason));
        json_array_append_new(list, one);
    }
    return list;
}

static rt_status write_files(rt_cli *cli, const rt_select_report *r, const json_t *opt_rules, rt_err *err)
{
    rt_status status = RT_OK;
    const char *out = rt_option_text(cli->options, "out");
    char path[4200];
    RT_TRY(rt_make_folder(out, err));
    rt_path_join(path, sizeof path, out, "selection.tsv");
    RT_TRY(rt_write_text(path, r->table.data, r->table.length, err));
    rt_path_join(path, sizeof path, out, "rules.json");
    if (opt_rules) RT_TRY(rt_json_save(opt_rules, path, err));
    rt_path_join(path, sizeof path, out, "submission.csv");
    RT_TRY(rt_submission_write(r->submission, path, err));
    rt_run_record_set(cli->record, "sources", sources_json(r));
    rt_run_record_set(cli->record, "targets", json_integer(r->n_target));
    rt_run_record_set(cli->record, "candidates", json_integer(r->n_candidate));
    rt_run_record_set(cli->record, "targets_without_candidates", json_integer(r->n_empty));
    rt_path_join(path, sizeof path, out, "run.json");
    RT_TRY(rt_run_record_write(cli->record, cli->options, path, err));
    rt_info("results: %s/submission.csv, selection.tsv, %srun.json", out, opt_rules ? "rules.json, " : "");
done:
    return status;
}

static rt_status print_results(const rt_select_report *r, const json_t *opt_rules, bool json, rt_err *err)
{
    static const char *const NUMBERS[] = {"rank", "sample", "ranking_score", "plddt", "ptm", "gpde", "learned", "mean_tm",
                                          "nearest_tm", NULL};
    rt_status status = RT_OK;
    rt_text text = {0};
    if (json) return opt_rules ? rt_print_json(opt_rules, err) : rt_print_table_json(r->table.data, NUMBERS, err);
    if (opt_rules) rt_rule_gain_print(&text, &r->gain);
    if (text.failed) RT_TRY(rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory"));
    fputs(opt_rules ? text.data : r->table.data, stdout);
done:
    rt_text_free(&text);
    return status;
}

enum { MOST_SOURCES = 64 };

static rt_status read_paths(const rt_options *o, const char *name, const char **out, int *out_n, rt_err *err)
{
    *out_n = rt_option_count(o, name);
    if (*out_n > MOST_SOURCES)
        return rt_fail(err, RT_ERR_USAGE, NULL, 0, "--%s is given %d times: at most %d", name, *out_n, MOST_SOURCES);
    for (int i = 0; i < *out_n; i++) out[i] = rt_option_at(o, name, i);
    return RT_OK;
}

static rt_status run(rt_cli *cli, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_options *o = cli->options;
    const char *pred[MOST_SOURCES], *pool[MOST_SOURCES];
    rt_families families = {0};
    rt_select_report report = {0};
    json_t *rules = NULL;
    const char *confidence = rt_option_text(o, "confidence");
    rt_select_options options = {.candidates = {.pred = pred, .pool = pool},
                                 .rule = rt_rule_find(rt_option_text(o, "rule")),
                                 .confidence = confidence ? rt_rule_find(confidence) : -1,
                                 .keep = rt_option_int(o, "keep"),
                                 .opt_native = rt_option_text(o, "native"),
                                 .gain = {.base = rt_rule_find(rt_option_text(o, "against")), .keep = rt_option_int(o, "keep"),
                                          .n_resample = rt_option_int(o, "resamples"),
                                          .seed = (uint64_t)rt_option_int(o, "seed")},
                                 .threads = rt_choice_threads(o)};
    if (rt_option_has(o, "families") && !options.opt_native)
        return rt_fail(err, RT_ERR_USAGE, NULL, 0, "--families is for the intervals of --native, which is not given");
    RT_TRY(read_paths(o, "pred", pred, &options.candidates.n_pred, err));
    RT_TRY(read_paths(o, "pool", pool, &options.candidates.n_pool, err));
    if (rt_option_has(o, "families")) RT_TRY(rt_families_load(&families, rt_option_text(o, "families"), err));
    options.gain.opt_families = rt_option_has(o, "families") ? &families : NULL;
    RT_TRY(rt_select_run(&report, &options, err));
    if (report.has_gain) rules = rules_json(&report, o);
    if (report.has_gain && !rules) RT_TRY(rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory for the rules"));
    say_report(&report, o);
    RT_TRY(write_files(cli, &report, rules, err));
    RT_TRY(print_results(&report, rules, rt_option_flag(o, "json"), err));
    if (report.n_empty)
        status = rt_fail(err, RT_ERR_MISMATCH, NULL, 0, "%lld of %lld targets have no candidate, %s is one: their rows are zeros",
                         (long long)report.n_empty, (long long)report.n_target, report.empty);
done:
    json_decref(rules);
    rt_select_report_free_members(&report);
    rt_families_free_members(&families);
    return status;
}

#define RULES "plddt|ptm|gpde|ranking_score|learned|consensus|mixed"

static const rt_option OPTIONS[] = {
    {.name = "pred", .type = RT_OPTION_FOLDER, .required = true, .repeated = true, .value = "DIR",
     .help = "the --out of 'rnatune predict'; of several, of other checkpoints say, all samples compete"},
    {.name = "pool", .type = RT_OPTION_PATH, .repeated = true, .value = "P", .otherwise = "none",
     .help = "outside predictions (Boltz, Protenix, DRfold2, template models): a submission.csv, a structure file, or a folder "
             "of mmCIF and PDB files"},
    {.name = "rule", .type = RT_OPTION_CHOICE, .choices = RULES, .fallback = "mixed",
     .help = "a score: the best by it; consensus: medoids by TM-score; mixed: medoids where candidates count by confidence"},
    {.name = "confidence", .type = RT_OPTION_CHOICE, .choices = "plddt|ptm|gpde|ranking_score|learned",
     .otherwise = "learned where all samples have it, else ptm",
     .help = "what --rule mixed weighs candidates by"},
    {.name = "keep", .type = RT_OPTION_INT, .value = "N", .fallback = "5", .low = 1, .high = 5,
     .help = "structures to submit of each target"},
    {.name = "out", .type = RT_OPTION_OUT_FOLDER, .required = true, .value = "DIR", .help = "where the results go"},
    {.name = "native", .type = RT_OPTION_PATH, .value = "N", .otherwise = "no gains",
     .help = "experimental structures or labels in CSV, of validation targets: what is each rule worth?"},
    {.name = "families", .type = RT_OPTION_FILE, .value = "FILE", .otherwise = "each target its own",
     .help = "TSV with columns target and family, for the intervals"},
    {.name = "against", .type = RT_OPTION_CHOICE, .choices = RULES, .fallback = "ranking_score",
     .help = "the rule that gains are over"},
    {.name = "resamples", .type = RT_OPTION_INT, .value = "N", .fallback = "10000", .low = 1000, .high = 10000000,
     .help = "draws of the family bootstrap"},
    {.name = "seed", .type = RT_OPTION_INT, .value = "N", .fallback = "42", .low = 0, .high = 9e15, .help = "of the draws"},
    RT_CHOICE_THREADS,
    {.name = "json", .type = RT_OPTION_FLAG, .help = "JSON instead of a table"},
    {0},
};

const rt_command rt_cmd_select = {
    .name = "select",
    .summary = "choose the five structures of each target to submit",
    .options = OPTIONS,
    .description =
        "Candidates of a target are the structures that 'rnatune predict' kept, of every folder given, and outside "
        "predictions. --rule consensus chooses the five that maximise the sum over candidates of the TM-score to the nearest "
        "of the five (k-medoids). --rule mixed does so with each candidate counting by its confidence, exp(z) with z in "
        "standard deviations within the target, and for itself no more than for the one most like it: the best of five that "
        "is expected if the truth is like one of the candidates. The most confident one always has a place. Outside "
        "predictions have no confidence; they count as one of ours does on average, and no rule that orders by a score takes "
        "them.\n\n"
        "The first is the one that does best alone, the others follow by what each adds. Of equal candidates the first is "
        "taken: folders in the order given, then checkpoints by name, then samples as they were drawn.\n\n"
        "A model that lacks a residue or has another sequence is left out, and said. A target without any candidate has "
        "rows of zeros, and the exit status is 1.\n\n"
        "With --native every rule is tried, and its gain over --against is given with an interval over families: choose the "
        "rule on validation targets, not on the test.",
    .output =
        "DIR/submission.csv, every residue of every target; DIR/selection.tsv: what was chosen, why, and its scores; "
        "DIR/run.json; with --native DIR/rules.json. On stdout selection.tsv, or with --native the table of the rules.",
    .examples =
        "  rnatune select --pred folds_a --pred folds_b --out chosen\n"
        "  rnatune select --pred folds --pool boltz/ --pool templates.csv --rule mixed --out chosen\n"
        "  rnatune select --pred validation --native labels.csv --families families.tsv --out rules\n",
    .long_work = true,
    .run = run,
};
