/* tune_arms.c - arms: checkpoints that are folded and scored with the same budget, on validation and on test */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/arms.h"
#include "cli/tune.h"

#define BASE "base-"   /* begins the arm of a base */

void rt_tune_arm_init(rt_tune_arm *out_arm, const char *name)
{
    *out_arm = (rt_tune_arm){0};
    snprintf(out_arm->name, sizeof out_arm->name, "%s", name);
}

void rt_tune_arm_add(rt_tune_arm *arm, const char *checkpoint)
{
    if (arm->n_checkpoint == (int)(sizeof arm->path / sizeof *arm->path)) return;
    snprintf(arm->path[arm->n_checkpoint], sizeof *arm->path, "%s", checkpoint);
    arm->n_checkpoint++;
}

void rt_tune_arm_folder(char out[PATH_MAX], const rt_tune *t, const char *arm, bool test)
{
    bool base = strncmp(arm, BASE, strlen(BASE)) == 0;
    snprintf(out, PATH_MAX, "%s", test ? rt_tune_path(t, "predictions/%s", arm)
                                  : base ? rt_tune_path(t, "baseline/%s", arm + strlen(BASE))
                                         : rt_tune_path(t, "validation/%s", arm));
}

static const char *part_of(bool test) { return test ? "test" : "validation"; }

static void score_folder(char out[PATH_MAX], const rt_tune *t, const char *arm, bool test, const char *seed)
{
    char folder[PATH_MAX - 64];
    char whole[PATH_MAX];
    rt_tune_arm_folder(whole, t, arm, test);
    snprintf(folder, sizeof folder, "%.4000s", whole);
    if (test) snprintf(out, PATH_MAX, "%s", rt_tune_path(t, "scores/%s/seed%s", arm, seed));
    else snprintf(out, PATH_MAX, "%s/scores/seed%s", folder, seed);
}

rt_status rt_tune_export(rt_tune *t, bool test, bool structures, rt_err *err)
{
    rt_tune_begin(t, "export", NULL);
    rt_tune_add(t, "--data", rt_tune_path(t, "set"));
    rt_tune_add(t, "--split", rt_tune_path(t, "split.tsv"));
    rt_tune_add(t, "--part", part_of(test));
    rt_tune_add_keys(t, test ? RT_PLAN_TEST : RT_PLAN_VALIDATION);
    if (!structures) rt_tune_add(t, "--no-structures", NULL);
    rt_tune_add(t, "--out", rt_tune_path(t, "held_out/%s", part_of(test)));
    return rt_tune_command(t, NULL, NULL, NULL, err);
}

int64_t rt_tune_samples(const rt_tune *t, int n_checkpoint)
{
    int64_t samples = (int64_t)rt_plan_number(t->plan, "predict.samples") / n_checkpoint;
    return samples > 0 ? samples : 1;
}

rt_status rt_tune_predict_arm(rt_tune *t, const rt_tune_arm *arm, bool test, rt_err *err)
{
    rt_status status = RT_OK;
    char folder[PATH_MAX], number[32];
    rt_tune_arm_folder(folder, t, arm->name, test);
    for (int k = 0; k < rt_plan_count(t->plan, "predict.seeds"); k++) {
        const char *seed = rt_plan_at(t->plan, "predict.seeds", k);
        const char *msa = rt_tune_path(t, "held_out/%s/msa", part_of(test));
        char out[PATH_MAX + 32];
        rt_tune_begin(t, "predict", NULL);
        for (int i = 0; i < arm->n_checkpoint; i++) rt_tune_add(t, "--checkpoint", arm->path[i]);
        rt_tune_add(t, "--sequences", rt_tune_path(t, "held_out/%s/sequences.csv", part_of(test)));
        if (rt_folder_exists(msa)) rt_tune_add(t, "--msa-dir", msa);
        rt_tune_add_keys(t, RT_PLAN_PREDICT);
        if (arm->n_checkpoint > 1) {   /* the same budget for one checkpoint and for several */
            snprintf(number, sizeof number, "%lld", (long long)rt_tune_samples(t, arm->n_checkpoint));
            rt_tune_add(t, "--samples", number);
        }
        rt_tune_add(t, "--keep", "1000");   /* all: the first five count, the others are for the rules of selection */
        if (test && k == 0) rt_tune_add(t, "--confidence", NULL);   /* the report draws these */
        rt_tune_add(t, "--seed", seed);
        snprintf(out, sizeof out, "%s/seed%s", folder, seed);
        rt_tune_add(t, "--out", out);
        status = rt_tune_command(t, NULL, "--resume", NULL, err);
        if (status == RT_ERR_IO && strstr(err->what, "targets failed"))
            rt_hint(err, "%s.longest leaves out targets that are too long for this machine; the log is %s",
                    part_of(test),
                    rt_tune_path(t, "logs/%s.log", t->step));
        RT_TRY(status);
    }
done:
    return status;
}

rt_status rt_tune_score_arm(rt_tune *t, const char *arm, bool test, rt_err *err)
{
    rt_status status = RT_OK;
    char folder[PATH_MAX], scores[PATH_MAX], from[PATH_MAX + 32];
    rt_tune_arm_folder(folder, t, arm, test);
    for (int k = 0; k < rt_plan_count(t->plan, "predict.seeds"); k++) {
        const char *seed = rt_plan_at(t->plan, "predict.seeds", k);
        snprintf(from, sizeof from, "%s/seed%s", folder, seed);
        score_folder(scores, t, arm, test, seed);
        rt_tune_begin(t, "score", NULL);
        rt_tune_add(t, "--pred", from);
        rt_tune_add(t, "--native", rt_tune_path(t, "held_out/%s/natives", part_of(test)));
        rt_tune_add_keys(t, RT_PLAN_SCORE);
        rt_tune_add(t, "--out", scores);
        RT_TRY(rt_tune_command(t, NULL, NULL, NULL, err));
    }
done:
    return status;
}

/* "a/scores.tsv,b/scores.tsv", of one seed or of all (-1). */
static void add_tables(rt_text *out, const rt_tune *t, const char *arm, bool test, int seed)
{
    char scores[PATH_MAX];
    bool first = true;
    for (int k = 0; k < rt_plan_count(t->plan, "predict.seeds"); k++) {
        if (seed >= 0 && k != seed) continue;
        score_folder(scores, t, arm, test, rt_plan_at(t->plan, "predict.seeds", k));
        rt_text_add(out, "%s%s/scores.tsv", first ? "" : ",", scores);
        first = false;
    }
}

void rt_tune_add_arm(rt_tune *t, const char *shown, const char *arm, bool test)
{
    rt_text text = {0};
    rt_text_add(&text, "%s=", shown);
    add_tables(&text, t, arm, test, -1);
    if (text.failed) t->words.failed = true;
    else rt_tune_add(t, text.data, NULL);
    rt_text_free(&text);
}

rt_status rt_tune_arm_scores(rt_arm *out_arm, const rt_tune *t, const char *arm, bool test, int seed, rt_err *err)
{
    rt_text text = {0};
    rt_arm_source source = {0};
    const rt_metric *metric;
    rt_status status = RT_OK;
    *out_arm = (rt_arm){0};
    rt_text_add(&text, "arm=");
    add_tables(&text, t, arm, test, seed);
    if (text.failed) RT_TRY(rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory"));
    RT_TRY(rt_metric_read(&metric, rt_plan_text(t->plan, "compare.metric"), err));
    RT_TRY(rt_arm_source_open(&source, text.data, err));
    RT_TRY(rt_arm_source_reduce(out_arm, &source, metric, rt_per_target_of(rt_plan_text(t->plan,
                                                                                        "compare.per_target")), err));
done:
    rt_arm_source_free_members(&source);
    rt_text_free(&text);
    return status;
}

rt_status rt_tune_measure(double *out_mean, rt_tune *t, const char *arm, bool test, int seed, rt_err *err)
{
    rt_arm scores;
    double sum = 0;
    rt_status status = rt_tune_arm_scores(&scores, t, arm, test, seed, err);
    *out_mean = NAN;
    if (status != RT_OK) return status;
    for (int64_t i = 0; i < scores.n_target; i++) sum += scores.target[i].value;
    if (scores.n_target) *out_mean = sum / (double)scores.n_target;
    rt_arm_free_members(&scores);
    return RT_OK;
}

/* ---- what was chosen ---------------------------------------------------------------------------------------- */

const char *rt_tune_base(const rt_tune *t, const char *name)
{
    for (int i = 0; i < rt_plan_count(t->plan, "bases"); i++)
        if (strcmp(rt_plan_name_at(t->plan, "bases", i), name) == 0) return rt_plan_at(t->plan, "bases", i);
    return NULL;
}

static rt_status load_choice(json_t **ret_root, const rt_tune *t, const char *file, const char *step, rt_err *err)
{
    const char *path = rt_tune_path(t, "%s", file);
    *ret_root = NULL;
    if (rt_file_exists(path)) return rt_json_load(ret_root, path, err);
    rt_fail(err, RT_ERR_IO, path, 0, "is not there: step %s makes it", step);
    return rt_hint(err, "run the steps before this one, too: without --only");
}

rt_status rt_tune_chosen(const rt_tune *t, char out_base[160], rt_tune_arm *opt_phase1, rt_err *err)
{
    rt_status status = RT_OK;
    json_t *root = NULL;
    const char *base, *checkpoint, *file = rt_tune_path(t, "phase1/chosen.json");
    RT_TRY(load_choice(&root, t, "phase1/chosen.json", "phase1", err));
    RT_TRY(rt_json_read_text(root, &base, NULL, "base", file, err));
    RT_TRY(rt_json_read_text(root, &checkpoint, NULL, "checkpoint", file, err));
    snprintf(out_base, 160, "%s", base);
    if (opt_phase1) {
        rt_tune_arm_init(opt_phase1, "phase1");
        rt_tune_arm_add(opt_phase1, rt_tune_path(t, "%s", checkpoint));
    }
done:
    json_decref(root);
    return status;
}

rt_status rt_tune_ensemble(const rt_tune *t, rt_tune_arm *out_arm, rt_err *err)
{
    rt_status status = RT_OK;
    json_t *root = NULL, *path;
    const char *chosen;
    size_t i;
    RT_TRY(load_choice(&root, t, "ensemble/ensemble.json", "ensemble", err));
    RT_TRY(rt_json_read_text(root, &chosen, NULL, "chosen", rt_tune_path(t, "ensemble/ensemble.json"), err));
    rt_tune_arm_init(out_arm, chosen);
    json_array_foreach(json_object_get(root, "checkpoints"), i, path)
        if (json_is_string(path)) rt_tune_arm_add(out_arm, json_string_value(path));
    if (out_arm->n_checkpoint == 0)
        RT_TRY(rt_fail(err, RT_ERR_FORMAT, rt_tune_path(t, "ensemble/ensemble.json"), 0, "names no checkpoint"));
done:
    json_decref(root);
    return status;
}
