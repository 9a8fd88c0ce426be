/* cmd_tune.c - rnatune tune: a plan from the first step to the last, or on from where it was */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/tune.h"
#include "tune/child.h"

/* RT_TUNE_STEPS, for completion (plan_test.c holds them to be the same) */
#define STEPS                                                                                                        \
    "doctor|import|families|split|audit|pairs|baseline|phase1|phase2|select|ensemble|predict|compare|package|report"
#define LOCK_SECONDS 120   /* a child of a tune that was killed needs that long at most to save */

static rt_status check_step(const char *option, const char *name, rt_err *err)
{
    const char *names[64];
    int n = rt_tune_step_count();
    for (int i = 0; i < n; i++) {
        names[i] = RT_TUNE_STEPS[i].name;
        if (!name || strcmp(names[i], name) == 0) return RT_OK;
    }
    rt_text list = {0};
    for (int i = 0; i < n; i++) rt_text_add(&list, "%s%s", i ? ", " : "", names[i]);
    const char *near = rt_nearest_word(name, names, n);
    rt_fail(err, RT_ERR_USAGE, NULL, 0, "--%s: there is no step '%.40s'", option, name);
    if (near) rt_hint(err, "did you mean '%s'?", near);
    else rt_hint(err, "%s", list.data ? list.data : "");
    rt_text_free(&list);
    return RT_ERR_USAGE;
}

static rt_status open_folder(rt_tune *t, rt_err *err)
{
    rt_status status = RT_OK;
    const char *names[64];
    int n = rt_tune_step_count();
    for (int i = 0; i < n; i++) names[i] = RT_TUNE_STEPS[i].name;
    RT_TRY(rt_make_folder(rt_tune_path(t, "logs"), err));
    RT_TRY(rt_make_folder(rt_tune_path(t, "cache"), err));
    RT_TRY(rt_child_lock(t->out, LOCK_SECONDS, err));
    RT_TRY(rt_ledger_open(&t->ledger, t->out, names, n, err));
    json_object_set_new(t->ledger.root, "program", json_string("rnatune"));
    json_object_set_new(t->ledger.root, "version", json_string(rt_version_text()));
    json_object_set_new(t->ledger.root, "commit", json_string(rt_version_commit()));
    json_object_set_new(t->ledger.root, "plan", json_string(rt_plan_path(t->plan)));
    RT_TRY(rt_ledger_save(&t->ledger, err));
    rt_hashes_open(&t->hashes, rt_tune_path(t, "cache/hashes.json"));
done:
    return status;
}

static rt_status run(rt_cli *cli, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_options *o = cli->options;
    rt_plan *plan = NULL;
    char out[PATH_MAX];
    rt_tune t = {.find = cli->find, .from = rt_option_text(o, "from"), .to = rt_option_text(o, "to"),
                 .only = rt_option_text(o, "only"),
                 .new_protocol = rt_option_flag(o, "new-protocol"), .quiet = rt_option_flag(o, "quiet"), .out = out};
    if (rt_option_flag(o, "print-plan")) {
        rt_plan_print_seed(stdout);
        return RT_OK;
    }
    if (!rt_operand_at(o, 0)) {
        rt_fail(err, RT_ERR_USAGE, NULL, 0, "which plan?");
        return rt_hint(err, "rnatune tune plan.yaml; 'rnatune tune --print-plan >plan.yaml' writes one to begin with");
    }
    if (t.only && (t.from || t.to)) return rt_fail(err, RT_ERR_USAGE, NULL, 0, "--only goes without --from and --to");
    RT_TRY(check_step("from", t.from, err));
    RT_TRY(check_step("to", t.to, err));
    RT_TRY(check_step("only", t.only, err));
    RT_TRY(rt_plan_load(&plan, rt_operand_at(o, 0), true, err));
    t.plan = plan;
    const char *folder = rt_option_has(o, "out") ? rt_option_text(o, "out") : rt_plan_text(plan, "out");
    RT_TRY(rt_child_program(t.program, sizeof t.program, err));
    if (rt_option_flag(o, "dry-run")) {
        snprintf(out, sizeof out, "%s", folder);
        RT_TRY(rt_tune_estimate(&t, err));
        goto done;
    }
    RT_TRY(rt_make_folder(folder, err));
    if (!realpath(folder, out)) RT_TRY(rt_fail(err, RT_ERR_IO, folder, 0, "cannot be found"));
    RT_TRY(open_folder(&t, err));
    RT_TRY(rt_tune_protocol_check(&t, err));
    RT_TRY(rt_plan_write(plan, rt_tune_path(&t, "plan.yaml"), err));
    RT_TRY(rt_tune_run(&t, err));
    if (!t.only && !t.to && rt_tune_print_summary(&t))
        rt_info("the table is in %s, every step in %s", rt_tune_path(&t, "summary.json"), rt_tune_path(&t, "steps.json"));
    if (rt_file_exists(rt_tune_path(&t, "report.html"))) rt_info("report: %s", rt_tune_path(&t, "report.html"));
done:
    rt_tune_close(&t);
    rt_plan_free(plan);
    return status;
}

static const rt_operand OPERANDS[] = {
    {.name = "PLAN", .type = RT_OPTION_FILE, .help = "plan.yaml; examples/rtx4090.yaml is one with every key"},
    {0},
};

static const rt_option OPTIONS[] = {
    {.name = "out", .type = RT_OPTION_OUT_FOLDER, .value = "DIR", .otherwise = "the plan's out",
     .help = "where everything goes, and where the same command goes on"},
    {.name = "only", .type = RT_OPTION_TEXT, .value = "STEP", .choices = STEPS, .otherwise = "all steps",
     .help = "this step alone; those before it are taken as they are"},
    {.name = "from", .type = RT_OPTION_TEXT, .value = "STEP", .choices = STEPS, .otherwise = "the first",
     .help = "this step and those after it; those before it must be done, and are taken as they are"},
    {.name = "to", .type = RT_OPTION_TEXT, .value = "STEP", .choices = STEPS, .otherwise = "the last",
     .help = "stop after this step"},
    {.name = "new-protocol", .type = RT_OPTION_FLAG,
     .help = "what was frozen before training may change; the old protocol stays in protocol.json"},
    {.name = "dry-run", .type = RT_OPTION_FLAG,
     .help = "run nothing: hours and disk of each step, beside the plan's own, and the least effect that can be "
             "shown"},
    {.name = "print-plan", .type = RT_OPTION_FLAG, .help = "print the seed plan: every key, its default and what it "
                                                           "means"},
    {0},
};

const rt_command rt_cmd_tune = {
    .name = "tune",
    .summary = "the whole plan: from a download to a checkpoint that was tested",
    .operands = OPERANDS,
    .options = OPTIONS,
    .description =
        "Runs the steps of a plan: doctor, import, families, split, audit, pairs, baseline, phase1, phase2, select, "
        "ensemble, predict, compare, package, report. Each runs verbs of this program in processes of their own; "
        "OUT/logs/STEP.log has their command lines, which can be run by hand, and what they said.\n"
        "\n"
        "A step is skipped when its inputs have not changed: the plan's keys and files that it reads, what the steps "
        "before it made, and the program. Ctrl-C, a kill or a crash loses nothing: the same command goes on, within "
        "training and predicting, too. What a step made of other inputs is moved to OUT/replaced, not removed.\n"
        "\n"
        "Before training the protocol is frozen (OUT/protocol.json): checkpoints, split, budgets, seeds, rules, "
        "metric. Checkpoints, rule and ensemble are chosen on the validation part; the test part is opened at the end, "
        "once, and every further time is counted.",
    .output = "The table of OUT/summary.json: base, Phase 1 and Phase 2 on the test part, with intervals, and what may "
              "be claimed. docs/tune.md lists the files of OUT.",
    .examples = "  rnatune tune --print-plan >plan.yaml\n"
                "  rnatune tune plan.yaml --dry-run\n"
                "  rnatune tune plan.yaml\n"
                "  rnatune tune plan.yaml --from predict\n",
    .long_work = true,
    .run = run,
};
