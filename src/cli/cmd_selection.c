/* cmd_selection.c - rnatune selection: do the model's own scores choose the right samples? */
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/arms.h"
#include "cli/commands.h"
#include "cli/selection.h"

void rt_selection_warn(const rt_selection *s, bool has_families)
{
    if (!has_families) rt_warn("no --families: every target counts as a family of its own, which overstates certainty");
    else if (s->n_alone)
        rt_warn("%lld of %lld targets are not in the families file: each counts as a family of its own",
                (long long)s->n_alone, (long long)s->n_target);
    if (s->n_single) rt_warn("%lld targets are left out: fewer than two samples with scores", (long long)s->n_single);
    if (s->n_no_summary) rt_warn("%lld targets are left out: no summary.json", (long long)s->n_no_summary);
    if (s->n_unmatched)
        rt_warn("%lld rows of the table belong to no sample of a summary.json", (long long)s->n_unmatched);
}

rt_status rt_selection_show(const rt_selection *selection, bool json, rt_err *err)
{
    rt_status status = RT_OK;
    rt_text text = {0};
    if (json) {
        json_t *root = rt_selection_json(selection);
        json_dumpf(root, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(12));
        putchar('\n');
        json_decref(root);
    } else {
        rt_selection_print(&text, selection);
        if (text.failed) status = rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory");
        else fputs(text.data, stdout);
    }
    rt_text_free(&text);
    return status;
}

static rt_status run(rt_cli *cli, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_options *o = cli->options;
    rt_arm_source source = {0};
    rt_families families = {0};
    rt_pairwise_file *pairwise = NULL;
    rt_selection selection = {0};
    bool has_families = rt_option_has(o, "families");
    rt_selection_options options = {.pred = rt_option_text(o, "pred"),
                                    .opt_families = has_families ? &families : NULL,
                                    .choose = rt_option_int(o, "choose"),
                                    .n_resample = rt_option_int(o, "resamples"),
                                    .seed = (uint64_t)rt_option_int(o, "seed")};
    RT_TRY(rt_metric_read(&options.quality, rt_option_text(o, "metric"), err));
    RT_TRY(rt_metric_read(&options.lddt, rt_option_text(o, "lddt"), err));
    RT_TRY(rt_arm_source_open(&source, rt_operand_at(o, 0), err));
    if (has_families) RT_TRY(rt_families_load(&families, rt_option_text(o, "families"), err));
    if (rt_option_has(o, "pairwise")) {
        RT_TRY(rt_pairwise_file_open(&pairwise, rt_option_text(o, "pairwise"), err));
        options.opt_pairwise = rt_pairwise_file_read;
        options.pairwise_user = pairwise;
    }
    RT_TRY(rt_selection_run(&selection, &source.table, &options, err));
    rt_selection_warn(&selection, has_families);
    RT_TRY(rt_selection_show(&selection, rt_option_flag(o, "json"), err));
done:
    rt_selection_free_members(&selection);
    rt_pairwise_file_close(pairwise);
    rt_families_free_members(&families);
    rt_arm_source_free_members(&source);
    return status;
}

static const rt_operand OPERANDS[] = {
    {.name = "TABLE", .type = RT_OPTION_TEXT, .required = true,
     .help = "scores.tsv of all samples, as 'rnatune score' writes it, or results.sqlite:CHECKPOINT"},
    {0},
};

static const rt_option OPTIONS[] = {
    {.name = "pred", .type = RT_OPTION_FOLDER, .required = true, .value = "DIR",
     .help = "the predictions: <target>/summary.json, as 'rnatune predict' writes it"},
    {.name = "families", .type = RT_OPTION_FILE, .value = "FILE", .otherwise = "each target its own",
     .help = "TSV with columns target and family"},
    {.name = "pairwise", .type = RT_OPTION_FILE, .value = "FILE", .otherwise = "no consensus selector",
     .help = "TSV with columns target, model_a, model_b and tm: TM-scores between samples"},
    {.name = "metric", .type = RT_OPTION_TEXT, .value = "NAME", .fallback = "tm_resid",
     .help = "column of the table: the quality that should be chosen"},
    {.name = "lddt", .type = RT_OPTION_CHOICE, .choices = "lddt_all30|lddt_all|lddt_c1_30|lddt_c1",
     .fallback = "lddt_all30",
     .help = "the true lDDT that pLDDT stands for"},
    {.name = "choose", .type = RT_OPTION_INT, .value = "N", .fallback = "5", .low = 1, .high = 1000,
     .help = "samples that are submitted"},
    {.name = "resamples", .type = RT_OPTION_INT, .value = "N", .fallback = "10000", .low = 1000, .high = 10000000,
     .help = "draws of the family bootstrap"},
    {.name = "seed", .type = RT_OPTION_INT, .value = "N", .fallback = "42", .low = 0, .high = 9e15,
     .help = "of the draws"},
    {.name = "json", .type = RT_OPTION_FLAG, .help = "JSON instead of a table"},
    {0},
};

const rt_command rt_cmd_selection = {
    .name = "selection",
    .summary = "do the model's own scores choose the right samples?",
    .operands = OPERANDS,
    .options = OPTIONS,
    .description =
        "For targets with several samples, and for each way to choose (ranking_score, pLDDT, pTM, gPDE, consensus, "
        "random): top1, the quality of the first choice; top1_loss, what it falls short of the best sample; best5, "
        "the best of the first five choices; best5_loss; and best5_gain, what choosing five gains over five taken at "
        "random. Random is an exact expectation. Consensus is the sample most like all others, and the medoids of "
        "five clusters.\n\n"
        "Then the rank correlation within targets of pLDDT with lDDT and of pTM, gPDE and ranking_score with the "
        "quality, the calibration of pLDDT (expected error, overconfidence), and its reliability table. Intervals are "
        "of the family bootstrap.",
    .output =
        "A table of part, name, quantity, value, 95% interval and number of targets (of samples in calibration). An "
        "interval is NA when there are too few families for one.",
    .examples =
        "  rnatune selection scores/scores.tsv --pred folds --families families.tsv\n",
    .run = run,
};
