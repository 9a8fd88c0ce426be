/* tune_package.c - the last choice as folders for Kaggle: what was chosen on validation, folded as the arms were */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "cli/tune.h"

rt_status rt_tune_package_inputs(rt_tune *t, rt_err *err)
{
    rt_status status = RT_OK;
    char name[40];
    rt_tune_arm chosen;
    RT_TRY(rt_tune_ensemble(t, &chosen, err));
    for (int i = 0; i < chosen.n_checkpoint; i++) {
        snprintf(name, sizeof name, "checkpoint.%d", i);
        RT_TRY(rt_inputs_file(t->inputs, &t->hashes, name, chosen.path[i], err));
    }
done:
    return status;
}

/* Packages hold safetensors; a base may be what PyTorch wrote. */
static rt_status as_safetensors(rt_tune *t, char path[PATH_MAX], int number, rt_err *err)
{
    char to[PATH_MAX];
    if (rt_ends_with(path, ".safetensors")) return RT_OK;
    snprintf(to, sizeof to, "%s", rt_tune_path(t, "ensemble/member-%d.safetensors", number));
    rt_tune_begin(t, "convert", NULL);
    rt_tune_add(t, path, NULL);
    rt_tune_add(t, "--out", to);
    snprintf(path, PATH_MAX, "%s", to);
    return rt_tune_command(t, NULL, NULL, NULL, err);
}

/* What the arms were folded with, for the notebook's predict. */
static void add_predict(rt_tune *t, int n_checkpoint)
{
    static const char *const KEYS[] = {"predict.trunks", "predict.cycles", "predict.steps", "predict.template_idx",
                                       "predict.template_missing", "predict.no_template", "precision"};
    char text[400];
    snprintf(text, sizeof text, "samples=%lld", (long long)rt_tune_samples(t, n_checkpoint));
    rt_tune_add(t, "--predict", text);
    for (size_t i = 0; i < sizeof KEYS / sizeof *KEYS; i++) {
        const char *value = rt_plan_text(t->plan, KEYS[i]);
        if (!value) continue;
        snprintf(text, sizeof text, "%s=%s", rt_plan_key_find(KEYS[i])->option, value);
        rt_tune_add(t, "--predict", text);
    }
}

rt_status rt_tune_package_run(rt_tune *t, rt_err *err)
{
    rt_status status = RT_OK;
    rt_tune_arm chosen;
    char ranking[PATH_MAX];
    const char *rule = rt_plan_text(t->plan, "select.rule");
    RT_TRY(rt_tune_ensemble(t, &chosen, err));
    for (int i = 0; i < chosen.n_checkpoint; i++) RT_TRY(as_safetensors(t, chosen.path[i], i, err));
    rt_tune_begin(t, "package", NULL);
    for (int i = 0; i < chosen.n_checkpoint; i++) {
        rt_tune_add(t, "--checkpoint", chosen.path[i]);
        snprintf(ranking, sizeof ranking, "%s", chosen.path[i]);
        snprintf(strrchr(ranking, '/'), 16, "/ranking.json");
        if (strcmp(rule, "learned") == 0 && rt_file_exists(ranking)) rt_tune_add(t, "--ranking", ranking);
    }
    rt_tune_add_keys(t, RT_PLAN_PACKAGE);
    add_predict(t, chosen.n_checkpoint);
    rt_tune_add(t, "--select", rule);
    rt_tune_add(t, "--out", rt_tune_path(t, "package"));
    RT_TRY(rt_tune_command(t, NULL, NULL, NULL, err));
    rt_tune_begin(t, "package", NULL);
    rt_tune_add(t, "--check", rt_tune_path(t, "package"));
    RT_TRY(rt_tune_command(t, NULL, NULL, NULL, err));
done:
    return status;
}
