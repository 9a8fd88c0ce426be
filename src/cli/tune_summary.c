/* tune_summary.c - OUT/summary.json: base, Phase 1 and Phase 2 on the test part, and what may be claimed */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "cli/tune.h"
#include "score/families.h"

/* An arm's mean and its 95% interval by family; null where there are too few. */
static rt_status describe_mean(json_t *out, rt_tune *t, const char *arm, rt_err *err)
{
    rt_status status = RT_OK;
    rt_arm scores = {0};
    rt_families families = {0};
    rt_bootstrap draws = {0};
    double *value = NULL, low, high;
    int64_t *family = NULL, n_family, n_alone;
    const char **target = NULL;
    RT_TRY(rt_tune_arm_scores(&scores, t, arm, true, -1, err));
    RT_TRY(rt_families_load(&families, rt_tune_path(t, "families.tsv"), err));
    RT_TRY_ALLOC(value, scores.n_target);
    RT_TRY_ALLOC(family, scores.n_target);
    RT_TRY_ALLOC(target, scores.n_target);
    for (int64_t i = 0; i < scores.n_target; i++) value[i] = scores.target[i].value,
        target[i] = scores.target[i].target;
    RT_TRY(rt_families_number(family, &n_family, &n_alone, &families, target, scores.n_target, err));
    if (scores.n_target == 0) RT_TRY(rt_fail(err, RT_ERR_MISMATCH, NULL, 0,
                                             "arm %s: no target of the test part has a score", arm));
    const rt_bootstrap_options options = {.method = RT_BOOTSTRAP_STUDENTISED,
                                          .n_resample = (int64_t)rt_plan_number(t->plan, "compare.resamples"),
                                          .seed = (uint64_t)rt_plan_number(t->plan, "compare.seed")};
    RT_TRY(rt_bootstrap_run(&draws, value, family, scores.n_target, n_family, &options, err));
    rt_bootstrap_interval(&draws, 0.95, &low, &high);
    json_object_set_new(out, "mean", rt_json_number(draws.mean));
    json_object_set_new(out, "ci95", isfinite(low) && isfinite(high) ? json_pack("[f, f]", low, high) : json_null());
    json_object_set_new(out, "targets", json_integer(scores.n_target));
    json_object_set_new(out, "families", json_integer(n_family));
done:
    rt_bootstrap_free_members(&draws);
    rt_families_free_members(&families);
    rt_arm_free_members(&scores);
    free(value);
    free(family);
    free(target);
    return status;
}

static rt_status describe_arm(json_t *list, rt_tune *t, const rt_tune_arm *arm, rt_err *err)
{
    rt_status status = RT_OK;
    double mean, sum = 0, squares = 0;
    int n = rt_plan_count(t->plan, "predict.seeds");
    json_t *by_seed = json_array(), *paths = json_array(), *out = json_object();
    for (int i = 0; i < arm->n_checkpoint; i++) json_array_append_new(paths, json_string(arm->path[i]));
    json_object_set_new(out, "name", json_string(arm->name));
    json_object_set(out, "checkpoints", paths);
    RT_TRY(describe_mean(out, t, arm->name, err));
    for (int k = 0; k < n; k++) {
        RT_TRY(rt_tune_measure(&mean, t, arm->name, true, k, err));
        json_array_append_new(by_seed, rt_json_number(mean));
        sum += mean, squares += mean * mean;
    }
    double variance = (squares - sum * sum / n) / (n - 1);
    json_object_set(out, "by_seed", by_seed);
    json_object_set_new(out, "sd_between_seeds", rt_json_number(sqrt(variance > 0 ? variance : 0)));
    json_array_append(list, out);
done:
    json_decref(by_seed);
    json_decref(paths);
    json_decref(out);
    return status;
}

/* What the row about the goal may say of the arm. */
static json_t *describe_goal(const rt_tune *t, const json_t *arm, const char *sentence)
{
    char claim[1400];
    double target = rt_plan_number(t->plan, "goal.target"), mean = json_number_value(json_object_get(arm, "mean"));
    const json_t *ci = json_object_get(arm, "ci95");
    const char *name = json_string_value(json_object_get(arm, "name")), *metric = rt_plan_text(t->plan,
            "compare.metric");
    double low = json_number_value(json_array_get(ci, 0)), high = json_number_value(json_array_get(ci, 1));
    if (!json_is_array(ci))
        snprintf(claim, sizeof claim, "Whether %s reaches %.3f cannot be said: too few families, or too many that are alike, for "
                                        "an interval.",
                 name, target);
    else if (low >= target)
        snprintf(claim, sizeof claim, "%s reaches %.3f in %s on new families like these: %.3f, interval %.3f to %.3f.",
                 name, target,
                 metric, mean, low, high);
    else if (high < target)
        snprintf(claim, sizeof claim, "%s does not reach %.3f in %s: %.3f, interval %.3f to %.3f.", name, target,
                 metric, mean, low, high);
    else
        snprintf(claim, sizeof claim, "Whether %s reaches %.3f in %s is open: %.3f, interval %.3f to %.3f.", name,
                 target, metric, mean,
                 low, high);
    return json_pack("{s:f, s:f, s:f, s:s, s:O, s:O, s:s, s:s}", "baseline", rt_plan_number(t->plan, "goal.baseline"),
                     "target",
                     target, "plan_sum", rt_plan_number(t->plan, "goal.plan_sum"), "arm", name, "measured",
                     json_object_get(arm, "mean"), "ci95", json_object_get(arm, "ci95"), "may_be_claimed", claim,
                         "against_base",
                     sentence);
}

/* base, phase1 and phase2 with each other, as compare said. */
static rt_status describe_comparisons(json_t *list, rt_tune *t, const char *file, rt_err *err)
{
    json_t *root = NULL, *c;
    size_t i;
    rt_status status = rt_json_load(&root, rt_tune_path(t, "%s", file), err);
    if (status != RT_OK) return status;
    json_array_foreach(json_object_get(root, "comparisons"), i, c) {
        json_t *o = json_object();
        static const char *const KEYS[] = {"a", "b", "metric", "targets", "families", "mean_a", "mean_b", "difference",
                                           "verdict",
                                           "claim", "wins", "losses", "ties", "detectable_at_80_percent"};
        for (size_t k = 0; k < sizeof KEYS / sizeof *KEYS; k++) json_object_set(o, KEYS[k], json_object_get(c,
                KEYS[k]));
        json_t *low = json_object_get(c, "ci_all_comparisons_low"), *high = json_object_get(c,
                "ci_all_comparisons_high");
        json_object_set_new(o, "ci95", json_is_number(low) && json_is_number(high) ? json_pack("[O, O]", low, high)
                            : json_null());
        json_array_append_new(list, o);
    }
    json_decref(root);
    return RT_OK;
}

static const char *claim_of(const json_t *comparisons, const char *a, const char *b)
{
    size_t i;
    json_t *c;
    json_array_foreach((json_t *)(uintptr_t)comparisons, i, c) {
        const char *x = json_string_value(json_object_get(c, "a")), *y = json_string_value(json_object_get(c, "b"));
        if (x && y && strcmp(x, a) == 0 && strcmp(y, b) == 0) return json_string_value(json_object_get(c, "claim"));
    }
    return NULL;
}

rt_status rt_tune_summarise(rt_tune *t, rt_err *err)
{
    rt_status status = RT_OK;
    char base[160], protocol[RT_HASH_TEXT];
    json_t *root = json_object(), *arms = json_array(), *comparisons = json_array(), *ensemble = NULL, *opened = NULL;
    json_t *seeds = json_array();
    rt_tune_arm *arm = calloc(4, sizeof *arm);
    if (!arm) RT_TRY(rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory"));
    int n = rt_tune_list_arms(t, arm, err);
    if (n == 0) RT_TRY(err->code);
    RT_TRY(rt_tune_chosen(t, base, NULL, err));
    for (int i = 0; i < n; i++) RT_TRY(describe_arm(arms, t, &arm[i], err));
    RT_TRY(describe_comparisons(comparisons, t, "compare/compare.json", err));
    if (n > 3) RT_TRY(describe_comparisons(comparisons, t, "compare/ensemble/compare.json", err));
    RT_TRY(rt_json_load(&ensemble, rt_tune_path(t, "ensemble/ensemble.json"), err));
    RT_TRY(rt_json_load(&opened, rt_tune_path(t, "test_opened.json"), err));
    for (int k = 0; k < rt_plan_count(t->plan, "predict.seeds"); k++)
        json_array_append_new(seeds, json_integer(strtoll(rt_plan_at(t->plan, "predict.seeds", k), NULL, 10)));
    rt_tune_protocol_hash(t, protocol);
    const char *sentence = claim_of(comparisons, "base", "phase2");
    const json_t *first = json_array_get(arms, 0);
    json_object_set_new(root, "metric", json_string(rt_plan_text(t->plan, "compare.metric")));
    json_object_set_new(root, "per_target", json_string(rt_plan_text(t->plan, "compare.per_target")));
    json_object_set(root, "targets", json_object_get(first, "targets"));
    json_object_set(root, "families", json_object_get(first, "families"));
    json_object_set(root, "seeds", seeds);
    json_object_set(root, "arms", arms);
    json_object_set(root, "comparisons", comparisons);
    json_object_set_new(root, "sentence", sentence ? json_string(sentence) : json_null());
    json_object_set_new(root, "goal", describe_goal(t, json_array_get(arms, 2), sentence ? sentence : ""));
    json_object_set(root, "validation", json_object_get(ensemble, "candidates"));
    json_object_set_new(root, "chosen", json_pack("{s:s, s:O, s:O}", "base", base, "ensemble",
                                                  json_object_get(ensemble, "chosen"),
                                                  "checkpoints", json_object_get(ensemble, "checkpoints")));
    json_object_set_new(root, "protocol_sha256", json_string(protocol));
    json_object_set_new(root, "test_openings", json_integer((json_int_t)json_array_size(json_object_get(opened,
            "openings"))));
    RT_TRY(rt_json_save(root, rt_tune_path(t, "summary.json"), err));
done:
    free(arm);
    json_decref(root);
    json_decref(arms);
    json_decref(comparisons);
    json_decref(ensemble);
    json_decref(opened);
    json_decref(seeds);
    return status;
}

/* ---- for a reader ------------------------------------------------------------------------------------------- */

static void print_interval(const json_t *ci)
{
    if (json_is_array(ci))
        printf("\t%.4f\t%.4f", json_number_value(json_array_get(ci, 0)), json_number_value(json_array_get(ci, 1)));
    else printf("\tNA\tNA");
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "NA";
}

bool rt_tune_print_summary(const rt_tune *t)
{
    json_t *root = NULL, *o;
    size_t i;
    if (rt_json_load(&root, rt_tune_path(t, "summary.json"), NULL) != RT_OK) return false;
    const json_t *goal = json_object_get(root, "goal");
    printf("what\tvalue\tci95_low\tci95_high\tsay\n");
    json_array_foreach(json_object_get(root, "arms"), i, o) {
        printf("%s\t%.4f", text_of(o, "name"), json_number_value(json_object_get(o, "mean")));
        print_interval(json_object_get(o, "ci95"));
        printf("\t%s, %s, mean of %zu seeds, sd between them %.4f\n", text_of(root, "metric"), text_of(root,
                "per_target"),
               json_array_size(json_object_get(o, "by_seed")), json_number_value(json_object_get(o,
                       "sd_between_seeds")));
    }
    json_array_foreach(json_object_get(root, "comparisons"), i, o) {
        printf("%s - %s\t%+.4f", text_of(o, "b"), text_of(o, "a"), json_number_value(json_object_get(o,
                "difference")));
        print_interval(json_object_get(o, "ci95"));
        printf("\t%s\n", text_of(o, "claim"));
    }
    printf("target %.3f (the plan's own sum %.3f)\t%.4f", json_number_value(json_object_get(goal, "target")),
           json_number_value(json_object_get(goal, "plan_sum")), json_number_value(json_object_get(goal, "measured")));
    print_interval(json_object_get(goal, "ci95"));
    printf("\t%s\n", text_of(goal, "may_be_claimed"));
    printf("test part opened\t%lld\tNA\tNA\ttimes\n", (long long)json_integer_value(json_object_get(root,
            "test_openings")));
    json_decref(root);
    return true;
}
