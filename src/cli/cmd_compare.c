/* cmd_compare.c - rnatune compare: is one set of predictions better than another, and may one say so? */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "cli/arms.h"
#include "cli/commands.h"
#include "score/paired.h"
#include "score/protocol.h"

enum { WORST = 5, MAX_ARMS = 64 };

typedef struct {
    const rt_options *options;
    const rt_metric *metric;
    rt_per_target per_target;
    int n_arm, n_comparison;
    rt_arm_source *source;
    rt_arm *arm;
    rt_families families;
    rt_paired paired;
    rt_paired_difference *difference;   /* every arm with the first one, then the later ones with each other */
    json_t *warnings;
    int64_t *differs;                   /* (n_comparison) differences in how the arms were predicted */
    bool *leak;                         /* (n_arm) the arm was chosen on some of the targets */
} job;

static void warn(job *j, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void warn(job *j, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    rt_tame_text(text);
    json_array_append_new(j->warnings, json_string(text));
}

static const char *arm_name(const job *j, int64_t arm) { return j->source[arm].name; }

/* ---- what a reader must know before he believes a number ---- */

static rt_status read_selected_list(job *j, const char *path, rt_err *err)
{
    rt_map map;
    int64_t listed = 0;
    const char *first = NULL;
    rt_status status = rt_map_open(&map, path, err);
    if (status != RT_OK) return status;
    const char *text = (const char *)map.data, *end = text + map.size;
    while (text < end) {
        const char *stop = text;
        while (stop < end && !strchr("\t,\r\n", *stop)) stop++;
        for (int64_t i = 0; i < j->paired.n; i++) {
            const char *target = j->paired.target[i];
            if (strlen(target) != (size_t)(stop - text) || memcmp(target, text, strlen(target)) != 0) continue;
            if (listed++ == 0) first = target;
        }
        const char *line = memchr(stop, '\n', (size_t)(end - stop));
        text = line ? line + 1 : end;
    }
    rt_map_close(&map);
    if (listed == 0) return RT_OK;
    warn(j, "%lld of the %lld targets are on the list of those that a checkpoint was chosen on (%s)", (long long)listed,
         (long long)j->paired.n, first);
    for (int k = 0; k < j->n_arm; k++) j->leak[k] = true;
    return RT_OK;
}

static rt_status find_warnings(job *j, rt_err *err)
{
    const rt_paired *p = &j->paired;
    if (!rt_option_has(j->options, "families"))
        warn(j, "no --families: every target counts as a family of its own, which overstates certainty");
    else if (p->n_alone)
        warn(j, "%lld of %lld targets are not in the families file: each counts as a family of its own",
             (long long)p->n_alone, (long long)p->n);
    for (int k = 0; k < j->n_arm; k++) {
        const char *first = NULL;
        const rt_arm *arm = &j->arm[k];
        if (p->n_left_out[k])
            warn(j, "%s: %lld targets are left out because another arm lacks them", arm_name(j, k),
                 (long long)p->n_left_out[k]);
        if (arm->n_unknown)
            warn(j, "%s: %lld targets are left out because their %s is not known", arm_name(j, k),
                 (long long)arm->n_unknown, j->metric->name);
        int64_t listed = rt_protocol_selected(j->source[k].run, p->target, p->n, &first);
        if (listed)
            warn(j, "%s was chosen on %lld of these %lld targets (%s): its score on them is too good", arm_name(j, k),
                 (long long)listed, (long long)p->n, first);
        j->leak[k] = listed > 0 || j->source[k].held_out;
        if (j->source[k].held_out)
            warn(j, "%s: the run's best epoch was chosen on these targets: its loss on them is too good", arm_name(j, k));
        if (k > 0 && (arm->fewest_models != j->arm[0].fewest_models || arm->most_models != j->arm[0].most_models))
            warn(j, "%s and %s differ in models per target: %lld to %lld and %lld to %lld", arm_name(j, 0),
                 arm_name(j, k), (long long)j->arm[0].fewest_models, (long long)j->arm[0].most_models,
                 (long long)arm->fewest_models, (long long)arm->most_models);
    }
    for (int c = 0; c < j->n_comparison; c++) {
        const rt_paired_difference *d = &j->difference[c];
        int64_t a = d->a, b = d->b;
        if (j->source[a].held_out && j->source[b].held_out) {
            warn(j, "%s and %s: losses are of one kind when the runs' seed, loss weights, crop and rollouts are the same, as "
                    "their run.json say", arm_name(j, a), arm_name(j, b));
            continue;
        }
        j->differs[c] = rt_protocol_compare(j->warnings, arm_name(j, a), j->source[a].run, arm_name(j, b),
                                            j->source[b].run, p->target, p->n);
        if (j->arm[a].fewest_models != j->arm[b].fewest_models || j->arm[a].most_models != j->arm[b].most_models)
            j->differs[c]++;
    }
    if (p->n_family < 20)
        warn(j, "%lld families are few: the interval relies on them being like those to come", (long long)p->n_family);
    return rt_option_has(j->options, "selected-on")
               ? read_selected_list(j, rt_option_text(j->options, "selected-on"), err) : RT_OK;
}

/* ---- the sentence ---- */

static void say_claim(const job *j, int c, rt_text *out)
{
    const rt_paired_difference *d = &j->difference[c];
    const char *a = arm_name(j, d->a), *b = arm_name(j, d->b), *metric = j->metric->name;
    rt_claim claim = rt_paired_claim(d, j->metric, j->leak[d->a] || j->leak[d->b]);
    int digits = j->metric->decimals < 4 ? j->metric->decimals : 4;
    switch (claim) {
    case RT_CLAIM_NOTHING_FEW:
        rt_text_add(out, "Nothing may be claimed about %s and %s: %lld %s too few for any test.", b, a,
                    (long long)d->n_family, d->n_family == 1 ? "family is" : "families are");
        break;
    case RT_CLAIM_NOTHING_LEAK:
        rt_text_add(out,
                    "Nothing may be claimed about %s and %s on new targets: a checkpoint was chosen on targets of this "
                    "comparison.",
                    b, a);
        break;
    case RT_CLAIM_NO_DIFFERENCE:
        if (d->ties == d->n) {
            rt_text_add(out,
                        "No difference between %s and %s was shown in %s: all %lld targets are equal in both, which leaves "
                        "nothing to draw an interval from. That is no proof that they are equal elsewhere.",
                        b, a, metric, (long long)d->n);
            break;
        }
        if (!isfinite(d->wide_low) || !isfinite(d->wide_high)) {   /* draws of families that are all equal have no spread */
            rt_text_add(out,
                        "No difference between %s and %s was shown in %s: %+.*f, and no interval can be given, because %lld of "
                        "the %lld targets are equal in both: too many draws of the families hold nothing that differs. That is "
                        "no proof that they are equal.",
                        b, a, metric, digits, d->difference, (long long)d->ties, (long long)d->n);
            break;
        }
        rt_text_add(
            out,
            "No difference between %s and %s was shown in %s: %+.*f, and zero is inside the interval from "
            "%+.*f to %+.*f. That is no proof that they are equal: %lld families show a difference of %.*f in 80%% "
            "of such comparisons, smaller ones less often.",
            b, a, metric, digits, d->difference, digits, d->wide_low, digits, d->wide_high, (long long)d->n_family,
            digits, d->detectable);
        break;
    case RT_CLAIM_UNSURE:
        rt_text_add(
            out,
            "A difference between %s and %s in %s is likely but not sure: the interval from %+.*f to %+.*f "
            "excludes zero, the signed-rank test by family does not reject it (p = %.3g): few families carry it.",
            b, a, metric, digits, d->wide_low, digits, d->wide_high, d->by_family.wilcoxon_p);
        break;
    default:
        rt_text_add(out,
                    "%s is %s than %s in %s by %.*f (interval %+.*f to %+.*f) on %lld targets of %lld families, and so "
                    "on new families that are like these.",
                    b, claim == RT_CLAIM_BETTER ? "better" : "worse", a, metric, digits, fabs(d->difference), digits,
                    d->wide_low, digits, d->wide_high, (long long)d->n, (long long)d->n_family);
    }
    if (claim <= RT_CLAIM_NOTHING_LEAK) return;
    if (j->n_comparison > 1)
        rt_text_add(out, " The interval is widened for %d comparisons.", j->n_comparison);
    if (!rt_option_has(j->options, "families"))
        rt_text_add(out, " Relatives among the targets are not accounted for.");
    if (j->differs[c])
        rt_text_add(out,
                    " The arms were not predicted in the same way, so the checkpoint alone is not what was compared.");
    else if (!j->source[d->a].run || !j->source[d->b].run)
        rt_text_add(out, " Whether the arms were predicted in the same way is not known.");
}

/* ---- results as JSON, from which the table is printed ---- */

static json_t *families_needed(int64_t n) { return n >= RT_POWER_MANY ? json_null() : json_integer(n); }

static json_t *describe_worst(const job *j, const rt_paired_difference *d)
{
    json_t *list = json_array();
    for (int64_t i = 0; i < d->n && i < WORST; i++) {
        int64_t t = d->worst[i];
        if (!rt_metric_better(j->metric, 0, d->delta[t])) break;
        json_array_append_new(list, json_pack("{s:s, s:s?, s:f, s:f, s:f}", "target", j->paired.target[t], "family",
                                              j->paired.family_name[t], "difference", d->delta[t], "a",
                                              j->paired.value[d->a * d->n + t], "b", j->paired.value[d->b * d->n + t]));
    }
    return list;
}

static json_t *describe_comparison(const job *j, int c)
{
    const rt_paired_difference *d = &j->difference[c];
    rt_text claim = {0};
    say_claim(j, c, &claim);
    json_t *o = json_object();
#define SET(key, value) json_object_set_new(o, key, value)
    SET("a", json_string(arm_name(j, d->a)));
    SET("b", json_string(arm_name(j, d->b)));
    SET("metric", json_string(j->metric->name));
    SET("per_target", json_string(rt_option_text(j->options, "per-target")));
    SET("targets", json_integer(d->n));
    SET("families", json_integer(d->n_family));
    SET("mean_a", rt_json_number(d->mean_a));
    SET("mean_b", rt_json_number(d->mean_b));
    SET("difference", rt_json_number(d->difference));
    SET("standard_error", rt_json_number(d->se));
    SET("ci95_low", rt_json_number(d->low));
    SET("ci95_high", rt_json_number(d->high));
    SET("ci_all_comparisons_low", rt_json_number(d->wide_low));
    SET("ci_all_comparisons_high", rt_json_number(d->wide_high));
    SET("bootstrap_p", rt_json_number(d->bootstrap_p));
    SET("wilcoxon_p", rt_json_number(d->by_target.wilcoxon_p));
    SET("wilcoxon", json_string(d->by_target.wilcoxon_exact ? "exact" : "normal approximation"));
    SET("sign_p", rt_json_number(d->by_target.sign_p));
    SET("wilcoxon_p_by_family", rt_json_number(d->by_family.wilcoxon_p));
    SET("sign_p_by_family", rt_json_number(d->by_family.sign_p));
    SET("wins", json_integer(d->wins));
    SET("losses", json_integer(d->losses));
    SET("ties", json_integer(d->ties));
    SET("sd_between_families", rt_json_number(sqrt(d->power.var_family)));
    SET("sd_within_families", rt_json_number(sqrt(d->power.var_target)));
    SET("detectable_at_80_percent", rt_json_number(d->detectable));
    SET("families_for_0.02", families_needed(d->families_002));
    SET("families_for_0.05", families_needed(d->families_005));
    SET("worst", describe_worst(j, d));
    SET("verdict", json_string(rt_claim_name(rt_paired_claim(d, j->metric, j->leak[d->a] || j->leak[d->b]))));
    SET("claim", json_string(claim.data));
#undef SET
    rt_text_free(&claim);
    return o;
}

static json_t *describe(const job *j)
{
    json_t *list = json_array();
    for (int c = 0; c < j->n_comparison; c++) json_array_append_new(list, describe_comparison(j, c));
    return json_pack("{s:o, s:O}", "comparisons", list, "warnings", j->warnings);
}

static void print_value(rt_text *out, const json_t *value, bool is_p)
{
    if (json_is_string(value)) rt_text_add(out, "%s", json_string_value(value));
    else if (json_is_integer(value)) rt_text_add(out, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value)) rt_text_add(out, is_p ? "%.4g" : "%.5f", json_real_value(value));
    else rt_text_add(out, "NA");
}

/* One line per quantity: comparison, quantity, value. */
static void print_table(rt_text *out, const json_t *root)
{
    size_t i, k;
    json_t *o, *value, *worst;
    const char *key;
    rt_text_add(out, "comparison\tquantity\tvalue\n");
    json_array_foreach(json_object_get(root, "comparisons"), i, o) {
        const char *a = json_string_value(json_object_get(o, "a")), *b = json_string_value(json_object_get(o, "b"));
        json_object_foreach(o, key, value) {
            if (strcmp(key, "a") == 0 || strcmp(key, "b") == 0) continue;
            if (strcmp(key, "worst") == 0) {
                json_array_foreach(value, k, worst) {
                    const char *family = json_string_value(json_object_get(worst, "family"));
                    rt_text_add(out, "%s - %s\tworst_%d\t%s (%s) %+.5f\n", b, a, (int)k + 1,
                                json_string_value(json_object_get(worst, "target")), family ? family : "no family",
                                json_real_value(json_object_get(worst, "difference")));
                }
                continue;
            }
            rt_text_add(out, "%s - %s\t%s\t", b, a, key);
            print_value(out, value, rt_ends_with(key, "_p") || strstr(key, "_p_by_"));
            rt_text_add(out, "\n");
        }
    }
}

/* ---- files ---- */

static void print_pairs(rt_text *out, const job *j)
{
    const rt_paired *p = &j->paired;
    rt_text_add(out, "target\tfamily");
    for (int k = 0; k < j->n_arm; k++) rt_text_add(out, "\t%s", arm_name(j, k));
    rt_text_add(out, "\n");
    for (int64_t i = 0; i < p->n; i++) {
        rt_text_add(out, "%s\t%s", p->target[i], p->family_name[i] ? p->family_name[i] : "NA");
        for (int64_t k = 0; k < p->n_arm; k++) rt_text_add(out, "\t%.9g", p->value[k * p->n + i]);
        rt_text_add(out, "\n");
    }
}

/* A family's targets in every arm: their mean, and how far it is from the first arm's. */
static void print_families(rt_text *out, const job *j)
{
    const rt_paired *p = &j->paired;
    rt_text_add(out, "family\ttargets");
    for (int k = 0; k < j->n_arm; k++) rt_text_add(out, "\t%s", arm_name(j, k));
    for (int k = 1; k < j->n_arm; k++) rt_text_add(out, "\t%s - %s", arm_name(j, k), arm_name(j, 0));
    rt_text_add(out, "\n");
    for (int64_t f = 0; f < p->n_family; f++) {
        double mean[MAX_ARMS] = {0};
        int64_t n = 0;
        const char *name = NULL;
        for (int64_t i = 0; i < p->n; i++) {
            if (p->family[i] != f) continue;
            name = p->family_name[i] ? p->family_name[i] : p->target[i];
            for (int k = 0; k < j->n_arm; k++) mean[k] += p->value[k * p->n + i];
            n++;
        }
        rt_text_add(out, "%s\t%lld", name, (long long)n);
        for (int k = 0; k < j->n_arm; k++) rt_text_add(out, "\t%.5f", mean[k] / (double)n);
        for (int k = 1; k < j->n_arm; k++) rt_text_add(out, "\t%+.5f", (mean[k] - mean[0]) / (double)n);
        rt_text_add(out, "\n");
    }
}

static rt_status write_files(rt_cli *cli, const job *j, const json_t *root, const rt_text *table, rt_err *err)
{
    rt_status status = RT_OK;
    const char *folder = rt_option_text(j->options, "out");
    char path[4200];
    rt_text pairs = {0}, families = {0};
    RT_TRY(rt_make_folder(folder, err));
    print_pairs(&pairs, j);
    print_families(&families, j);
    if (pairs.failed || families.failed) RT_TRY(rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory"));
    rt_path_join(path, sizeof path, folder, "pairs.tsv");
    RT_TRY(rt_write_text(path, pairs.data, pairs.length, err));
    rt_path_join(path, sizeof path, folder, "by_family.tsv");
    RT_TRY(rt_write_text(path, families.data, families.length, err));
    rt_path_join(path, sizeof path, folder, "compare.tsv");
    RT_TRY(rt_write_text(path, table->data, table->length, err));
    rt_path_join(path, sizeof path, folder, "compare.json");
    RT_TRY(rt_json_save(root, path, err));
    for (int k = 0; k < j->n_arm; k++) {
        RT_TRY(rt_run_record_input(cli->record, arm_name(j, k), j->source[k].path, err));
        for (int i = 0; i < j->source[k].n_more; i++)
            RT_TRY(rt_run_record_input(cli->record, arm_name(j, k), j->source[k].more[i], err));
    }
    if (rt_option_has(j->options, "families"))
        RT_TRY(rt_run_record_input(cli->record, "families", rt_option_text(j->options, "families"), err));
    rt_run_record_seed(cli->record, rt_option_int(j->options, "seed"));
    rt_path_join(path, sizeof path, folder, "run.json");
    RT_TRY(rt_run_record_write(cli->record, j->options, path, err));
    rt_info("results: %s/compare.tsv, compare.json, pairs.tsv, by_family.tsv and run.json", folder);
done:
    rt_text_free(&pairs);
    rt_text_free(&families);
    return status;
}

/* ---- the run ---- */

static rt_status open_arms(job *j, rt_err *err)
{
    rt_status status = RT_OK;
    j->n_arm = rt_operand_count(j->options);
    if (j->n_arm < 2) {
        rt_fail(err, RT_ERR_USAGE, NULL, 0, "there must be two arms at least");
        RT_TRY(rt_hint(err, "rnatune compare base.tsv tuned.tsv --families families.tsv"));
    }
    if (j->n_arm > MAX_ARMS)
        RT_TRY(rt_fail(err, RT_ERR_USAGE, NULL, 0, "%d arms, at most %d are compared", j->n_arm, MAX_ARMS));
    j->n_comparison = j->n_arm * (j->n_arm - 1) / 2;
    RT_TRY_ALLOC(j->source, j->n_arm);
    RT_TRY_ALLOC(j->arm, j->n_arm);
    RT_TRY_ALLOC(j->leak, j->n_arm);
    RT_TRY_ALLOC(j->difference, j->n_comparison);
    RT_TRY_ALLOC(j->differs, j->n_comparison);
    for (int k = 0; k < j->n_arm; k++) {
        RT_TRY(rt_arm_source_open(&j->source[k], rt_operand_at(j->options, k), err));
        for (int i = 0; i < k; i++) {
            if (strcmp(arm_name(j, i), arm_name(j, k)) != 0) continue;
            rt_fail(err, RT_ERR_USAGE, NULL, 0, "two arms are called '%s'", arm_name(j, k));
            RT_TRY(rt_hint(err, "name them: base=%s tuned=%s", rt_operand_at(j->options, i),
                           rt_operand_at(j->options, k)));
        }
        RT_TRY(rt_arm_source_reduce(&j->arm[k], &j->source[k], j->metric, j->per_target, err));
        if (j->arm[k].n_target == 0) {
            rt_fail(err, RT_ERR_MISMATCH, j->source[k].path, 0, "%s of no target is known", j->metric->name);
            RT_TRY(j->source[k].held_out ? rt_hint(err, "a training run's held-out targets have a --metric loss")
                                         : RT_ERR_MISMATCH);
        }
    }
done:
    return status;
}

static rt_status compare(job *j, rt_err *err)
{
    rt_status status = RT_OK;
    int c = 0;
    bool bca = strcmp(rt_option_text(j->options, "interval"), "bca") == 0;
    rt_paired_options options = {.n_resample = rt_option_int(j->options, "resamples"),
                                 .seed = (uint64_t)rt_option_int(j->options, "seed"),
                                 .method = bca ? RT_BOOTSTRAP_BCA : RT_BOOTSTRAP_STUDENTISED,
                                 .n_comparison = j->n_comparison};
    if (rt_option_has(j->options, "families"))
        RT_TRY(rt_families_load(&j->families, rt_option_text(j->options, "families"), err));
    RT_TRY(rt_paired_build(&j->paired, j->arm, j->n_arm, rt_option_has(j->options, "families") ? &j->families : NULL,
                           err));
    for (int a = 0; a < j->n_arm; a++)
        for (int b = a + 1; b < j->n_arm; b++)
            RT_TRY(rt_paired_compare(&j->difference[c++], &j->paired, a, b, j->metric, &options, err));
    RT_TRY(find_warnings(j, err));
done:
    return status;
}

static void free_job(job *j)
{
    for (int k = 0; j->source && k < j->n_arm; k++) rt_arm_source_free_members(&j->source[k]);
    for (int k = 0; j->arm && k < j->n_arm; k++) rt_arm_free_members(&j->arm[k]);
    for (int c = 0; j->difference && c < j->n_comparison; c++) rt_paired_difference_free_members(&j->difference[c]);
    rt_paired_free_members(&j->paired);
    rt_families_free_members(&j->families);
    json_decref(j->warnings);
    free(j->source);
    free(j->arm);
    free(j->leak);
    free(j->difference);
    free(j->differs);
}

static rt_status run(rt_cli *cli, rt_err *err)
{
    rt_status status = RT_OK;
    const char *how = rt_option_text(cli->options, "per-target");
    job j = {.options = cli->options,
             .per_target = rt_per_target_of(how),
             .warnings = json_array()};
    json_t *root = NULL;
    rt_text table = {0};
    size_t i;
    json_t *warning;
    RT_TRY(rt_metric_read(&j.metric, rt_option_text(cli->options, "metric"), err));
    RT_TRY(open_arms(&j, err));
    RT_TRY(compare(&j, err));
    root = describe(&j);
    print_table(&table, root);
    if (table.failed || !root) RT_TRY(rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory"));
    json_array_foreach(j.warnings, i, warning) rt_warn("%s", json_string_value(warning));
    if (rt_option_flag(j.options, "json")) {
        json_dumpf(root, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(12));
        putchar('\n');
    } else {
        fputs(table.data, stdout);
    }
    if (rt_option_has(j.options, "out")) RT_TRY(write_files(cli, &j, root, &table, err));
done:
    rt_text_free(&table);
    json_decref(root);
    free_job(&j);
    return status;
}

static const rt_operand OPERANDS[] = {
    {.name = "ARM", .type = RT_OPTION_TEXT, .required = true, .repeated = true,
     .help = "[NAME=]scores.tsv, as 'rnatune score' writes it, or several of different seeds joined by commas, whose mean "
             "counts; [NAME=]results.sqlite:CHECKPOINT; or with --metric loss [NAME=]RUN/held_out.tsv of a training run; two "
             "or more"},
    {0},
};

static const rt_option OPTIONS[] = {
    {.name = "families", .type = RT_OPTION_FILE, .value = "FILE", .otherwise = "each target its own",
     .help = "TSV with columns target and family"},
    {.name = "metric", .type = RT_OPTION_TEXT, .value = "NAME", .fallback = "tm_resid",
     .help = "column of the tables: tm_align, rmsd, lddt_c1, inf_all ...; loss for training runs"},
    {.name = "per-target", .type = RT_OPTION_CHOICE, .choices = "best|top1|mean|best5", .fallback = "best",
     .help = "a target's models as one number: the best, the one ranked first, the mean, or the best of ranks 1 to 5"},
    {.name = "interval", .type = RT_OPTION_CHOICE, .choices = "studentised|bca", .fallback = "studentised",
     .help = "the bootstrap's kind; studentised holds its level with few families, bca does not"},
    {.name = "resamples", .type = RT_OPTION_INT, .value = "N", .fallback = "10000", .low = 1000, .high = 10000000,
     .help = "draws of the family bootstrap"},
    {.name = "seed", .type = RT_OPTION_INT, .value = "N", .fallback = "42", .low = 0, .high = 9e15,
     .help = "of the draws"},
    {.name = "selected-on", .type = RT_OPTION_FILE, .value = "FILE", .otherwise = "selected_on in run.json",
     .help = "targets that a checkpoint was chosen on: one a line, or a table whose first column they are"},
    {.name = "out", .type = RT_OPTION_OUT_FOLDER, .value = "DIR",
     .help = "also write compare.tsv, compare.json, pairs.tsv, by_family.tsv, run.json"},
    {.name = "json", .type = RT_OPTION_FLAG, .help = "JSON instead of a table"},
    {0},
};

const rt_command rt_cmd_compare = {
    .name = "compare",
    .summary = "is one set of predictions better than another?",
    .operands = OPERANDS,
    .options = OPTIONS,
    .description =
        "Pairs the arms by target, and takes the family of targets as the unit of chance: a bootstrap over families "
        "gives the 95% interval of the mean difference (later arm minus earlier arm). With more than two arms every "
        "pair is compared, and the claim rests on an interval that holds for all of them together.\n\n"
        "Exact Wilcoxon and sign tests are given by target and by family (the mean difference of each); only the "
        "latter are right when families have several targets. The detectable difference is what these families would "
        "show in 80% of such comparisons; families_for_0.02 and families_for_0.05 say how many it takes for those.\n\n"
        "Warns when the arms differ in samples, recycles, steps, templates, MSA or seed, which it reads from the "
        "run.json beside each arm's predictions, and when a checkpoint was chosen on the same targets.",
    .output =
        "A table of comparison, quantity and value, whose last line for each comparison says what may be claimed; or "
        "JSON. In DIR: the same as compare.tsv and compare.json, pairs.tsv with each target's values, by_family.tsv with "
        "each family's means, and run.json.",
    .examples =
        "  rnatune compare base/scores.tsv tuned/scores.tsv --families families.tsv\n"
        "  rnatune compare results.sqlite:base results.sqlite:phase1 --families families.tsv --metric lddt_c1\n",
    .run = run,
};
