/* tune_steps.c - rnatune tune as one straight line: every step's inputs, command lines and outputs */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "cli/tune.h"
#include "prep/dataset.h"
#include "score/metric.h"

/* ---- inputs that several steps have ------------------------------------------------------------------------- */

static rt_status add_file(rt_tune *t, const char *file, rt_err *err)
{
    return rt_inputs_file(t->inputs, &t->hashes, file, rt_tune_path(t, "%s", file), err);
}

/* The set by what is in it, not by when it was made. */
static rt_status add_set(rt_tune *t, rt_err *err)
{
    rt_dataset *set;
    rt_status status = rt_dataset_open(&set, rt_tune_path(t, "set"), err);
    if (status != RT_OK) return status;
    rt_inputs_text(t->inputs, "set", rt_dataset_hash(set));
    rt_dataset_close(set);
    return RT_OK;
}

static rt_status set_and_families(rt_tune *t, rt_err *err)
{
    rt_status status = add_set(t, err);
    return status == RT_OK ? add_file(t, "families.tsv", err) : status;
}

static rt_status set_and_split(rt_tune *t, rt_err *err)
{
    rt_status status = set_and_families(t, err);
    return status == RT_OK ? add_file(t, "split.tsv", err) : status;
}

/* ---- doctor, import, families, split, audit ----------------------------------------------------------------- */

/* The first row of doctor's table that is missing or damaged; one that the plan does without is none. */
static bool find_missing(const rt_tune *t, char *out, size_t size)
{
    rt_map map;
    bool found = false;
    if (rt_map_open(&map, rt_tune_path(t, "doctor.tsv"), NULL) != RT_OK) return false;
    const char *at = (const char *)map.data, *end = at + map.size;
    while (at < end && !found) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        char line[1024], *next = NULL;
        if (!stop) stop = end;
        snprintf(line, sizeof line, "%.*s", (int)(stop - at), at);
        char *subject = strtok_r(line, "\t", &next), *verdict = strtok_r(NULL, "\t", &next);
        char *detail = strtok_r(NULL, "\t", &next);
        at = stop + 1;
        if (!verdict || (strcmp(verdict, "missing") != 0 && strcmp(verdict, "damaged") != 0)) continue;
        if (strcmp(subject, "ribonanzanet2") == 0 && rt_plan_is(t->plan, "no_ribonanza")) continue;
        if (strncmp(subject, "memory", 6) == 0 || strncmp(subject, "disk", 4) == 0) {   /* estimates, for the longest target */
            rt_warn("step doctor: %s: %s", subject, detail ? detail : verdict);
            continue;
        }
        snprintf(out, size, "%s is %s: %s", subject, verdict, detail ? detail : "");
        found = true;
    }
    rt_map_close(&map);
    return found;
}

static rt_status run_doctor(rt_tune *t, rt_err *err)
{
    rt_status status = RT_OK;
    char missing[900];
    int code;
    rt_tune_begin(t, "doctor", NULL);
    for (int i = 0; i < rt_plan_count(t->plan, "bases"); i++)
        rt_tune_add(t, "--checkpoint", rt_plan_at(t->plan, "bases", i));
    if (rt_plan_text(t->plan, "ribonanza")) rt_tune_add(t, "--ribonanzanet2", rt_plan_text(t->plan, "ribonanza"));
    rt_tune_add_keys(t, RT_PLAN_DOCTOR);
    RT_TRY(rt_tune_command(t, rt_tune_path(t, "doctor.tsv"), NULL, &code, err));
    if (code == 0 || !find_missing(t, missing, sizeof missing)) return RT_OK;
    rt_fail(err, RT_ERR_MISMATCH, NULL, 0, "step doctor: %s", missing);
    status = rt_hint(err, "all of it is in %s", rt_tune_path(t, "doctor.tsv"));
done:
    return status;
}

static rt_status run_import(rt_tune *t, rt_err *err)
{
    rt_tune_begin(t, "import", NULL);
    rt_tune_add_keys(t, RT_PLAN_IMPORT);
    rt_tune_add(t, "--out", rt_tune_path(t, "set"));
    return rt_tune_command(t, NULL, NULL, NULL, err);
}

static rt_status run_families(rt_tune *t, rt_err *err)
{
    const char *given = rt_plan_text(t->plan, "families.file");
    if (given) {
        rt_info("step families: %s is taken as it is", given);
        return rt_tune_copy(given, rt_tune_path(t, "families.tsv"), err);
    }
    rt_tune_begin(t, "families", NULL);
    rt_tune_add(t, "--data", rt_tune_path(t, "set"));
    rt_tune_add_keys(t, RT_PLAN_FAMILIES);
    if (rt_plan_text(t->plan, "families.cm")) rt_tune_add(t, "--work", rt_tune_path(t, "cache/families"));
    rt_tune_add(t, "--out", rt_tune_path(t, "families.tsv"));
    return rt_tune_command(t, NULL, NULL, NULL, err);
}

static rt_status split_round(rt_tune *t, int round, rt_err *err)
{
    rt_tune_begin(t, "split", NULL);
    rt_tune_add(t, "--data", rt_tune_path(t, "set"));
    rt_tune_add(t, "--families", rt_tune_path(t, "families.tsv"));
    rt_tune_add_keys(t, RT_PLAN_SPLIT);
    for (int k = 0; k < round; k++) rt_tune_add(t, "--join", rt_tune_path(t, "split/leaks-%d.tsv", k));
    rt_tune_add(t, "--out", rt_tune_path(t, "split/round-%d.tsv", round));
    return rt_tune_command(t, NULL, NULL, NULL, err);
}

static rt_status run_split(rt_tune *t, rt_err *err)
{
    rt_status status = rt_make_folder(rt_tune_path(t, "split"), err);
    return status == RT_OK ? split_round(t, 0, err) : status;
}

static rt_status audit_inputs(rt_tune *t, rt_err *err)
{
    rt_status status = set_and_families(t, err);
    return status == RT_OK ? add_file(t, "split/round-0.tsv", err) : status;
}

/* Joining mends leaks between two targets of the set; out_kind: one that it does not mend, "" when there is none. */
static rt_status find_unmendable(const char *leaks, char *out_kind, size_t size, rt_err *err)
{
    rt_map map;
    rt_status status = rt_map_open(&map, leaks, err);
    *out_kind = 0;
    if (status != RT_OK) return status;
    const char *at = (const char *)map.data, *end = at + map.size;
    for (int line = 0; at < end; line++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop) stop = end;
        if (line > 0 && strncmp(at, "family\t", 7) != 0 && strncmp(at, "sequence\t", 9) != 0 &&
            strncmp(at, "structure\t", 10) != 0)
            snprintf(out_kind, size, "%.*s", (int)strcspn(at, "\t\n"), at);
        at = stop + 1;
    }
    rt_map_close(&map);
    return RT_OK;
}

static rt_status keep_round(rt_tune *t, int round, rt_err *err)
{
    rt_status status = RT_OK;
    RT_TRY(rt_tune_copy(rt_tune_path(t, "split/leaks-%d.tsv", round), rt_tune_path(t, "audit.tsv"), err));
    const char *proof = rt_tune_path(t, "split/round-%d.tsv.audit.json", round);
    RT_TRY(rt_tune_copy(proof, rt_tune_path(t, "audit.json"), err));
    RT_TRY(rt_tune_copy(proof, rt_tune_path(t, "split.tsv.audit.json"), err));
    RT_TRY(rt_tune_copy(rt_tune_path(t, "split/round-%d.tsv", round), rt_tune_path(t, "split.tsv"), err));
done:
    return status;
}

static rt_status run_audit(rt_tune *t, rt_err *err)
{
    rt_status status = RT_OK;
    int rounds = (int)rt_plan_number(t->plan, "split.rounds"), code;
    char leaks[PATH_MAX], kind[80];
    for (int round = 0;; round++) {
        snprintf(leaks, sizeof leaks, "%s", rt_tune_path(t, "split/leaks-%d.tsv", round));
        rt_tune_begin(t, "audit", NULL);
        rt_tune_add(t, "--data", rt_tune_path(t, "set"));
        rt_tune_add(t, "--families", rt_tune_path(t, "families.tsv"));
        rt_tune_add(t, "--split", rt_tune_path(t, "split/round-%d.tsv", round));
        rt_tune_add_keys(t, RT_PLAN_AUDIT);
        RT_TRY(rt_tune_command(t, leaks, NULL, &code, err));
        if (code == 0) return keep_round(t, round, err);
        RT_TRY(find_unmendable(leaks, kind, sizeof kind, err));
        if (kind[0]) {
            rt_fail(err, RT_ERR_MISMATCH, leaks, 0, "step audit: a leak of the kind '%s' is none that another split "
                                                    "mends", kind);
            RT_TRY(rt_hint(err, "docs/leaks.md says what each kind is; templates: 'rnatune templates'"));
        }
        if (round + 1 >= rounds) {
            rt_fail(err, RT_ERR_MISMATCH, leaks, 0, "step audit: after %d rounds the split still leaks", rounds);
            RT_TRY(rt_hint(err, "split.rounds: %d tries more often", 2 * rounds));
        }
        rt_info("step audit: round %d leaks; what leaks is joined, and the split made again", round + 1);
        RT_TRY(split_round(t, round + 1, err));
    }
done:
    return status;
}

/* ---- pairs -------------------------------------------------------------------------------------------------- */

/* Does a phase draw changed sequences? */
static bool draws(const rt_tune *t, const char *key, const char *name)
{
    for (int i = 0; i < rt_plan_count(t->plan, key); i++) {
        const char *text = rt_plan_at(t->plan, key, i);
        if (name ? strncmp(text, name, strlen(name)) == 0 : strncmp(text, "noise", 5) != 0) return true;
    }
    return false;
}

void rt_tune_add_pairs(rt_tune *t, const char *key)
{
    if (rt_plan_count(t->plan, key) == 0) return;
    rt_tune_add(t, "--pairs-by", rt_plan_text(t->plan, "pairs.method"));
    rt_tune_add(t, "--pairs-cache", rt_tune_path(t, "cache/pairs"));
    if (draws(t, key, "homolog")) rt_tune_add(t, "--families", rt_tune_path(t, "families.tsv"));
}

static rt_status list_augmented(rt_tune *t, const char *key, const char *folder, rt_err *err)
{
    if (!draws(t, key, NULL)) return RT_OK;
    rt_tune_begin(t, "augment", NULL);
    rt_tune_add(t, "--data", rt_tune_path(t, "set"));
    rt_tune_add(t, "--split", rt_tune_path(t, "split.tsv"));
    for (int i = 0; i < rt_plan_count(t->plan, key); i++) rt_tune_add(t, "--augment", rt_plan_at(t->plan, key, i));
    rt_tune_add_keys(t, RT_PLAN_AUGMENT);
    rt_tune_add_pairs(t, key);
    rt_tune_add(t, "--out", rt_tune_path(t, "pairs/%s", folder));
    return rt_tune_command(t, NULL, NULL, NULL, err);
}

static rt_status pairs_inputs(rt_tune *t, rt_err *err)
{
    const char *const keys[] = {"phase1.augment", "phase2.augment"};
    char name[64];
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < rt_plan_count(t->plan, keys[k]); i++) {
            snprintf(name, sizeof name, "%s.%d", keys[k], i);
            rt_inputs_text(t->inputs, name, rt_plan_at(t->plan, keys[k], i));
        }
    return set_and_split(t, err);
}

static rt_status run_pairs(rt_tune *t, rt_err *err)
{
    rt_status status = RT_OK;
    RT_TRY(rt_make_folder(rt_tune_path(t, "pairs"), err));
    rt_tune_begin(t, "export", NULL);
    rt_tune_add(t, "--data", rt_tune_path(t, "set"));
    rt_tune_add(t, "--split", rt_tune_path(t, "split.tsv"));
    rt_tune_add(t, "--part", "train");
    rt_tune_add(t, "--no-structures", NULL);
    rt_tune_add(t, "--out", rt_tune_path(t, "held_out/train"));
    RT_TRY(rt_tune_command(t, NULL, NULL, NULL, err));
    rt_tune_begin(t, "pairs", NULL);
    rt_tune_add(t, "--fasta", rt_tune_path(t, "held_out/train/sequences.fasta"));
    rt_tune_add(t, "--method", rt_plan_text(t->plan, "pairs.method"));
    rt_tune_add_keys(t, RT_PLAN_PAIRS);
    rt_tune_add(t, "--cache", rt_tune_path(t, "cache/pairs"));
    rt_tune_add(t, "--out", rt_tune_path(t, "pairs/pairs.tsv"));
    RT_TRY(rt_tune_command(t, NULL, NULL, NULL, err));
    RT_TRY(list_augmented(t, "phase1.augment", "augmented/phase1", err));
    RT_TRY(list_augmented(t, "phase2.augment", "augmented/phase2", err));
done:
    return status;
}

/* ---- baseline ----------------------------------------------------------------------------------------------- */

static void name_arm(char out[160], const char *begin, const char *name) { snprintf(out, 160, "%s-%.60s", begin,
                                                                                    name); }

static rt_status fold_and_score(rt_tune *t, const rt_tune_arm *arm, bool test, rt_err *err)
{
    rt_status status = rt_tune_predict_arm(t, arm, test, err);
    return status == RT_OK ? rt_tune_score_arm(t, arm->name, test, err) : status;
}

/* `rnatune compare` of what the caller has added as operands. */
static rt_status compare(rt_tune *t, const char *metric, const char *out, rt_err *err)
{
    rt_tune_add(t, "--families", rt_tune_path(t, "families.tsv"));
    rt_tune_add_keys(t, RT_PLAN_COMPARE);
    if (metric) rt_tune_add(t, "--metric", metric);   /* the last one counts */
    rt_tune_add(t, "--out", out);
    return rt_tune_command(t, NULL, NULL, NULL, err);
}

static rt_status run_baseline(rt_tune *t, rt_err *err)
{
    rt_status status = RT_OK;
    char name[160];
    int n = rt_plan_count(t->plan, "bases");
    double mean;
    RT_TRY(rt_tune_export(t, false, true, err));
    for (int i = 0; i < n; i++) {
        rt_tune_arm arm;
        name_arm(name, "base", rt_plan_name_at(t->plan, "bases", i));
        rt_tune_arm_init(&arm, name);
        rt_tune_arm_add(&arm, rt_plan_at(t->plan, "bases", i));
        RT_TRY(fold_and_score(t, &arm, false, err));
        RT_TRY(rt_tune_measure(&mean, t, name, false, -1, err));
        rt_info("step baseline: %s: %s %.4f on the validation part", rt_plan_name_at(t->plan, "bases", i),
                rt_plan_text(t->plan, "compare.metric"), mean);
    }
    if (n < 2) return RT_OK;
    rt_tune_begin(t, "compare", NULL);
    for (int i = 0; i < n; i++) {
        name_arm(name, "base", rt_plan_name_at(t->plan, "bases", i));
        rt_tune_add_arm(t, rt_plan_name_at(t->plan, "bases", i), name, false);
    }
    RT_TRY(compare(t, NULL, rt_tune_path(t, "baseline/compare"), err));
done:
    return status;
}

/* ---- training ----------------------------------------------------------------------------------------------- */

/* A run that was asked to stop ends with 0, too: its record says whether it is finished. */
static rt_status check_finished(const rt_tune *t, const char *run, rt_err *err)
{
    char path[PATH_MAX + 16];
    json_t *record = NULL;
    snprintf(path, sizeof path, "%s/run.json", run);
    rt_status status = rt_json_load(&record, path, err);
    if (status != RT_OK) return status;
    const char *state = json_string_value(json_object_get(record, "state"));
    if (!state || strcmp(state, "finished") != 0) {
        rt_fail(err, RT_ERR_IO, path, 0, "step %s: the training is %s", t->step, state ? state : "not finished");
        status = rt_hint(err, "the same command goes on with it");
    }
    json_decref(record);
    return status;
}

static rt_status train(rt_tune *t, const char *phase, unsigned use, const char *checkpoint, const char *run,
                       rt_err *err)
{
    rt_status status = RT_OK;
    rt_err ignored;
    char folder[PATH_MAX], begun[PATH_MAX + 32], key[32];
    snprintf(folder, sizeof folder, "%s", run);
    snprintf(begun, sizeof begun, "%s/checkpoints.json", folder);
    snprintf(key, sizeof key, "%s.augment", use == RT_PLAN_PHASE1 ? "phase1" : "phase2");
    rt_tune_begin(t, "train", phase);
    rt_tune_add(t, "--checkpoint", checkpoint);
    rt_tune_add(t, "--data", rt_tune_path(t, "set"));
    rt_tune_add(t, "--split", rt_tune_path(t, "split.tsv"));
    rt_tune_add_keys(t, use);
    rt_tune_add_pairs(t, key);
    if (use == RT_PLAN_PHASE1 && rt_plan_is(t->plan, "phase1.cache")) rt_tune_add(t, "--cache", rt_tune_path(t,
            "cache/trunk"));
    if (use == RT_PLAN_PHASE2) rt_tune_add(t, "--merged", NULL);
    rt_tune_add(t, "--out", folder);
    RT_TRY(rt_tune_command(t, NULL, rt_file_exists(begun) ? "--resume" : NULL, NULL, err));
    status = check_finished(t, folder, err);
    if (status != RT_OK)   /* somebody stopped the child alone, which then ends with 0: it is not done */
        rt_ledger_command(&t->ledger, t->step, (const char *const *)t->words.word, 1, 0, &ignored);
done:
    return status;
}

static rt_status write_choice(rt_tune *t, json_t *root, const char *file, rt_err *err)
{
    rt_status status = root ? rt_json_save(root, rt_tune_path(t, "%s", file), err)
                            : rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory");
    json_decref(root);
    return status;
}

/* The Phase 1 that is best on validation, and what each had. */
static rt_status choose_phase1(rt_tune *t, rt_err *err)
{
    rt_status status = RT_OK;
    char name[160], checkpoint[160];
    int best = 0, n = rt_plan_count(t->plan, "bases");
    double most = NAN, mean;
    const rt_metric *metric;
    json_t *means = json_object();
    RT_TRY(rt_metric_read(&metric, rt_plan_text(t->plan, "compare.metric"), err));
    for (int i = 0; i < n; i++) {
        name_arm(name, "phase1", rt_plan_name_at(t->plan, "bases", i));
        RT_TRY(rt_tune_measure(&mean, t, name, false, -1, err));
        json_object_set_new(means, rt_plan_name_at(t->plan, "bases", i), rt_json_number(mean));
        if (isnan(most) || rt_metric_better(metric, mean, most)) most = mean, best = i;
    }
    const char *base = rt_plan_name_at(t->plan, "bases", best);
    snprintf(checkpoint, sizeof checkpoint, "phase1/%.60s/best.safetensors", base);
    rt_info("step phase1: from %s is the best on validation: %s %.4f", base, metric->name, most);
    RT_TRY(write_choice(t, json_pack("{s:s, s:s, s:s, s:O}", "base", base, "checkpoint", checkpoint, "metric",
                                     metric->name,
                                     "mean", means), "phase1/chosen.json", err));
done:
    json_decref(means);
    return status;
}

static rt_status run_phase1(rt_tune *t, rt_err *err)
{
    rt_status status = RT_OK;
    char name[160], run[PATH_MAX];
    RT_TRY(rt_tune_protocol_freeze(t, err));
    for (int i = 0; i < rt_plan_count(t->plan, "bases"); i++) {
        rt_tune_arm arm;
        const char *base = rt_plan_name_at(t->plan, "bases", i);
        snprintf(run, sizeof run, "%s", rt_tune_path(t, "phase1/%s", base));
        RT_TRY(train(t, "confidence", RT_PLAN_PHASE1, rt_plan_at(t->plan, "bases", i), run, err));
        name_arm(name, "phase1", base);
        rt_tune_arm_init(&arm, name);
        rt_tune_arm_add(&arm, rt_tune_path(t, "phase1/%s/best.safetensors", base));
        RT_TRY(fold_and_score(t, &arm, false, err));
    }
    RT_TRY(choose_phase1(t, err));
done:
    return status;
}

static rt_status phase2_inputs(rt_tune *t, rt_err *err)
{
    char base[160];
    rt_tune_arm phase1;
    rt_status status = rt_tune_chosen(t, base, &phase1, err);
    if (status == RT_OK) rt_inputs_text(t->inputs, "chosen base", base);
    if (status == RT_OK) status = rt_inputs_file(t->inputs, &t->hashes, "phase1", phase1.path[0], err);
    return status == RT_OK ? set_and_split(t, err) : status;
}

static rt_status run_phase2(rt_tune *t, rt_err *err)
{
    rt_status status = RT_OK;
    char base[160];
    rt_tune_arm phase1, arm;
    RT_TRY(rt_tune_chosen(t, base, &phase1, err));
    RT_TRY(train(t, "lora", RT_PLAN_PHASE2, phase1.path[0], rt_tune_path(t, "phase2"), err));
    rt_tune_arm_init(&arm, "phase2");
    rt_tune_arm_add(&arm, rt_tune_path(t, "phase2/best.safetensors"));
    RT_TRY(fold_and_score(t, &arm, false, err));
done:
    return status;
}

/* ---- choices on validation ---------------------------------------------------------------------------------- */

static rt_status trained_inputs(rt_tune *t, rt_err *err)
{
    rt_status status = phase2_inputs(t, err);
    return status == RT_OK ? add_file(t, "phase2/best.safetensors", err) : status;
}

static rt_status run_select(rt_tune *t, rt_err *err)
{
    rt_status status = RT_OK;
    char base[160], name[160], folder[PATH_MAX], path[PATH_MAX + 32];
    const char *seed = rt_plan_at(t->plan, "predict.seeds", 0);
    RT_TRY(rt_tune_chosen(t, base, NULL, err));
    name_arm(name, "phase1", base);
    rt_tune_begin(t, "select", NULL);
    rt_tune_arm_folder(folder, t, name, false);
    snprintf(path, sizeof path, "%s/seed%s", folder, seed);
    rt_tune_add(t, "--pred", path);
    rt_tune_arm_folder(folder, t, "phase2", false);
    snprintf(path, sizeof path, "%s/seed%s", folder, seed);
    rt_tune_add(t, "--pred", path);
    for (int i = 0; i < rt_plan_count(t->plan, "select.pool"); i++) rt_tune_add(t, "--pool", rt_plan_at(t->plan,
            "select.pool", i));
    rt_tune_add(t, "--rule", rt_plan_text(t->plan, "select.rule"));
    rt_tune_add(t, "--native", rt_tune_path(t, "held_out/validation/natives"));
    rt_tune_add(t, "--families", rt_tune_path(t, "families.tsv"));
    rt_tune_add(t, "--out", rt_tune_path(t, "select"));
    RT_TRY(rt_tune_command(t, NULL, NULL, NULL, err));
done:
    return status;
}

/* The average of Phase 2's last epochs as a checkpoint; *out_made is false when it has too few. */
static rt_status make_average(rt_tune *t, const char *phase1, bool *out_made, rt_err *err)
{
    rt_status status = RT_OK;
    int wanted = (int)rt_plan_number(t->plan, "ensemble.average_epochs"), last = 0;
    while (rt_folder_exists(rt_tune_path(t, "phase2/epoch-%03d", last + 1))) last++;
    *out_made = wanted > 1 && last > 1;
    if (!*out_made) return RT_OK;
    int first = last - wanted + 1 > 1 ? last - wanted + 1 : 1;
    RT_TRY(rt_make_folder(rt_tune_path(t, "ensemble"), err));
    rt_tune_begin(t, "lora", "average");
    for (int k = first; k <= last; k++) rt_tune_add(t, rt_tune_path(t, "phase2/epoch-%03d", k), NULL);
    rt_tune_add_keys(t, RT_PLAN_ENSEMBLE);
    rt_tune_add(t, "--out", rt_tune_path(t, "ensemble/average"));
    RT_TRY(rt_tune_command(t, NULL, NULL, NULL, err));
    rt_tune_begin(t, "lora", "merge");
    rt_tune_add(t, phase1, NULL);
    rt_tune_add(t, rt_tune_path(t, "ensemble/average"), NULL);
    rt_tune_add(t, "--out", rt_tune_path(t, "ensemble/average.safetensors"));
    RT_TRY(rt_tune_command(t, NULL, NULL, NULL, err));
done:
    return status;
}

typedef struct {
    json_t *list;
    rt_tune_arm best;
    double most;
    const rt_metric *metric;
} contest;

/* An arm that is folded and scored takes part; of equal ones the earlier, simpler one wins. */
static rt_status enter(rt_tune *t, contest *c, const rt_tune_arm *arm, rt_err *err)
{
    rt_status status = RT_OK;
    double mean;
    json_t *paths = json_array();
    RT_TRY(rt_tune_measure(&mean, t, arm->name, false, -1, err));
    for (int i = 0; i < arm->n_checkpoint; i++) json_array_append_new(paths, json_string(arm->path[i]));
    json_array_append_new(c->list, json_pack("{s:s, s:O, s:o}", "name", arm->name, "checkpoints", paths, "mean",
                                             rt_json_number(mean)));
    if (isnan(c->most) || rt_metric_better(c->metric, mean, c->most)) c->most = mean, c->best = *arm;
done:
    json_decref(paths);
    return status;
}

static rt_status run_ensemble(rt_tune *t, rt_err *err)
{
    rt_status status = RT_OK;
    char base[160], name[160];
    int n = rt_plan_count(t->plan, "bases");
    bool average;
    rt_tune_arm *arm = NULL, phase1, both, all;
    json_t *paths = NULL;
    contest c = {.list = json_array(), .most = NAN};
    RT_TRY(rt_metric_read(&c.metric, rt_plan_text(t->plan, "compare.metric"), err));
    RT_TRY(rt_tune_chosen(t, base, &phase1, err));
    RT_TRY(rt_make_folder(rt_tune_path(t, "ensemble"), err));
    arm = calloc(1, sizeof *arm);
    if (!arm) RT_TRY(rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory"));
    rt_tune_arm_init(&all, "phase1-all");
    for (int i = 0; i < n; i++) {
        name_arm(name, "base", rt_plan_name_at(t->plan, "bases", i));
        rt_tune_arm_init(arm, name);
        rt_tune_arm_add(arm, rt_plan_at(t->plan, "bases", i));
        RT_TRY(enter(t, &c, arm, err));
    }
    for (int i = 0; i < n; i++) {
        name_arm(name, "phase1", rt_plan_name_at(t->plan, "bases", i));
        rt_tune_arm_init(arm, name);
        rt_tune_arm_add(arm, rt_tune_path(t, "phase1/%s/best.safetensors", rt_plan_name_at(t->plan, "bases", i)));
        rt_tune_arm_add(&all, arm->path[0]);
        RT_TRY(enter(t, &c, arm, err));
    }
    rt_tune_arm_init(arm, "phase2");
    rt_tune_arm_add(arm, rt_tune_path(t, "phase2/best.safetensors"));
    RT_TRY(enter(t, &c, arm, err));
    rt_tune_arm_init(&both, "phase1+phase2");
    rt_tune_arm_add(&both, phase1.path[0]);
    rt_tune_arm_add(&both, arm->path[0]);
    RT_TRY(make_average(t, phase1.path[0], &average, err));
    if (average) {
        rt_tune_arm_init(arm, "phase2-average");
        rt_tune_arm_add(arm, rt_tune_path(t, "ensemble/average.safetensors"));
        RT_TRY(fold_and_score(t, arm, false, err));
        RT_TRY(enter(t, &c, arm, err));
    }
    if (rt_plan_number(t->plan, "predict.samples") >= 2) {
        RT_TRY(fold_and_score(t, &both, false, err));
        RT_TRY(enter(t, &c, &both, err));
        if (n > 1 && rt_plan_number(t->plan, "predict.samples") >= n) {
            RT_TRY(fold_and_score(t, &all, false, err));
            RT_TRY(enter(t, &c, &all, err));
        }
    }
    paths = json_array();
    for (int i = 0; i < c.best.n_checkpoint; i++) json_array_append_new(paths, json_string(c.best.path[i]));
    rt_info("step ensemble: %s is the best on validation: %s %.4f", c.best.name, c.metric->name, c.most);
    RT_TRY(write_choice(t, json_pack("{s:s, s:s, s:O, s:O}", "metric", c.metric->name, "chosen", c.best.name,
                                     "checkpoints",
                                     paths, "candidates", c.list), "ensemble/ensemble.json", err));
done:
    free(arm);
    json_decref(paths);
    json_decref(c.list);
    return status;
}

/* ---- test --------------------------------------------------------------------------------------------------- */

static rt_status predict_inputs(rt_tune *t, rt_err *err)
{
    rt_status status = trained_inputs(t, err);
    return status == RT_OK ? add_file(t, "ensemble/ensemble.json", err) : status;
}

int rt_tune_list_arms(const rt_tune *t, rt_tune_arm arm[4], rt_err *err)
{
    char base[160], name[160];
    rt_tune_arm chosen;
    if (rt_tune_chosen(t, base, &arm[1], err) != RT_OK || rt_tune_ensemble(t, &chosen, err) != RT_OK) return 0;
    rt_tune_arm_init(&arm[0], "base");
    if (rt_tune_base(t, base)) rt_tune_arm_add(&arm[0], rt_tune_base(t, base));
    rt_tune_arm_init(&arm[2], "phase2");
    rt_tune_arm_add(&arm[2], rt_tune_path(t, "phase2/best.safetensors"));
    name_arm(name, "base", base);
    bool same = strcmp(chosen.name, name) == 0 || strcmp(chosen.name, "phase2") == 0;
    name_arm(name, "phase1", base);
    if (same || strcmp(chosen.name, name) == 0) return 3;
    arm[3] = chosen;
    snprintf(arm[3].name, sizeof arm[3].name, "ensemble");
    return 4;
}

static rt_status run_predict(rt_tune *t, rt_err *err)
{
    rt_status status = RT_OK;
    rt_tune_arm *arm = calloc(4, sizeof *arm);
    if (!arm) return rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory");
    int n = rt_tune_list_arms(t, arm, err);
    if (n == 0) RT_TRY(err->code);
    RT_TRY(rt_tune_export(t, true, false, err));
    for (int i = 0; i < n; i++) RT_TRY(rt_tune_predict_arm(t, &arm[i], true, err));
done:
    free(arm);
    return status;
}

/* Every arm's rows of every seed. */
static rt_status compare_inputs(rt_tune *t, rt_err *err)
{
    rt_status status = RT_OK;
    char file[256], protocol[RT_HASH_TEXT];
    rt_tune_arm *arm = calloc(4, sizeof *arm);
    if (!arm) return rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory");
    int n = rt_tune_list_arms(t, arm, err);
    if (n == 0) RT_TRY(err->code);
    for (int i = 0; i < n; i++)
        for (int k = 0; k < rt_plan_count(t->plan, "predict.seeds"); k++) {
            snprintf(file, sizeof file, "predictions/%s/seed%s/submission.csv", arm[i].name, rt_plan_at(t->plan,
                    "predict.seeds", k));
            RT_TRY(add_file(t, file, err));
        }
    rt_tune_protocol_hash(t, protocol);
    rt_inputs_text(t->inputs, "protocol", protocol);
    RT_TRY(set_and_split(t, err));
done:
    free(arm);
    return status;
}

/* All choices were made on the validation part: `compare` then claims nothing should a target be in both. */
static void add_chosen_on(rt_tune *t)
{
    rt_tune_add(t, "--selected-on", rt_tune_path(t, "held_out/validation/sequences.csv"));
}

static rt_status run_compare(rt_tune *t, rt_err *err)
{
    static const char *const OTHERS[] = {"tm_align", "tm_resid", "lddt_c1"};
    rt_status status = RT_OK;
    char hash[RT_HASH_TEXT];
    rt_tune_arm *arm = calloc(4, sizeof *arm);
    if (!arm) return rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory");
    int n = rt_tune_list_arms(t, arm, err);
    if (n == 0) RT_TRY(err->code);
    RT_TRY(rt_inputs_hash(hash, t->inputs, err));
    RT_TRY(rt_tune_open_test(t, hash, err));
    RT_TRY(rt_tune_export(t, true, true, err));
    for (int i = 0; i < n; i++) RT_TRY(rt_tune_score_arm(t, arm[i].name, true, err));
    for (int m = -1; m < (int)(sizeof OTHERS / sizeof *OTHERS); m++) {
        if (m >= 0 && strcmp(OTHERS[m], rt_plan_text(t->plan, "compare.metric")) == 0) continue;
        rt_tune_begin(t, "compare", NULL);
        for (int i = 0; i < 3; i++) rt_tune_add_arm(t, arm[i].name, arm[i].name, true);
        add_chosen_on(t);
        RT_TRY(compare(t, m < 0 ? NULL : OTHERS[m], m < 0 ? rt_tune_path(t, "compare") : rt_tune_path(t, "compare/%s",
                OTHERS[m]),
                       err));
    }
    if (n > 3) {
        rt_tune_begin(t, "compare", NULL);
        rt_tune_add_arm(t, "base", "base", true);
        rt_tune_add_arm(t, "ensemble", "ensemble", true);
        add_chosen_on(t);
        RT_TRY(compare(t, NULL, rt_tune_path(t, "compare/ensemble"), err));
    }
    RT_TRY(rt_tune_summarise(t, err));
done:
    free(arm);
    return status;
}

/* ---- report ------------------------------------------------------------------------------------------------- */

/* What every other step has done. */
static rt_status report_inputs(rt_tune *t, rt_err *err)
{
    for (int i = 0; i < rt_tune_step_count(); i++) {
        const char *name = RT_TUNE_STEPS[i].name,
                   *hash = json_string_value(json_object_get(rt_ledger_step(&t->ledger, name), "inputs_sha256"));
        if (strcmp(name, "report") != 0) rt_inputs_text(t->inputs, name, hash ? hash : rt_ledger_state(&t->ledger,
                name));
    }
    return add_file(t, "summary.json", err);
}

static rt_status run_report(rt_tune *t, rt_err *err)
{
    rt_tune_begin(t, "report", t->out);
    return rt_tune_command(t, NULL, NULL, NULL, err);
}

/* ---- the line ----------------------------------------------------------------------------------------------- */

#define OUTPUT(...) .output = (const char *const[]){__VA_ARGS__, NULL}
#define FOLD (RT_PLAN_PREDICT | RT_PLAN_SCORE | RT_PLAN_COMPARE)

const rt_tune_step RT_TUNE_STEPS[] = {
    {.name = "doctor", .help = "looks at what was downloaded", .uses = RT_PLAN_DOCTOR, OUTPUT("doctor.tsv"),
     .run = run_doctor},
    {.name = "import", .help = "makes the training set", .uses = RT_PLAN_IMPORT, OUTPUT("set"), .run = run_import},
    {.name = "families", .help = "finds families and components", .uses = RT_PLAN_FAMILIES, OUTPUT("families.tsv"),
     .find_inputs = add_set, .run = run_families},
    {.name = "split", .help = "divides components into train, validation and test", .uses = RT_PLAN_SPLIT,
     OUTPUT("split"), .find_inputs = set_and_families, .run = run_split},
    {.name = "audit", .help = "proves that the split leaks nothing", .uses = RT_PLAN_AUDIT | RT_PLAN_SPLIT,
     OUTPUT("split.tsv", "split.tsv.audit.json", "audit.tsv", "audit.json"), .find_inputs = audit_inputs,
         .run = run_audit},
    {.name = "pairs", .help = "base pairs of the training sequences, and the augmented examples",
     .uses = RT_PLAN_PAIRS | RT_PLAN_AUGMENT, OUTPUT("pairs", "held_out/train"), .find_inputs = pairs_inputs,
         .run = run_pairs},
    {.name = "baseline", .help = "measures the bases on the validation part", .uses = RT_PLAN_VALIDATION | FOLD,
     OUTPUT("baseline", "held_out/validation"), .find_inputs = set_and_split, .run = run_baseline},
    {.name = "phase1", .help = "trains the confidence head, from each base", .expected = "2-3 days, 3-6 h an epoch",
     .uses = RT_PLAN_PHASE1 | RT_PLAN_VALIDATION | FOLD, OUTPUT("phase1", "?validation"), .find_inputs = set_and_split,
         .run = run_phase1},
    {.name = "phase2", .help = "trains low-rank adapters, from the best Phase 1", .expected = "3-5 days",
     .uses = RT_PLAN_PHASE2 | RT_PLAN_VALIDATION | FOLD, OUTPUT("phase2", "validation/phase2"),
         .find_inputs = phase2_inputs,
     .run = run_phase2},
    {.name = "select", .help = "how much each rule of choosing five gains on validation", .verb = "select",
     .uses = RT_PLAN_SELECT | RT_PLAN_VALIDATION | RT_PLAN_PREDICT, OUTPUT("select"), .find_inputs = trained_inputs,
         .run = run_select},
    {.name = "ensemble", .help = "chooses checkpoints on validation",
     .uses = RT_PLAN_ENSEMBLE | RT_PLAN_VALIDATION | FOLD,
     OUTPUT("ensemble", "?validation/phase2-average", "?validation/phase1+phase2", "?validation/phase1-all"),
         .find_inputs = trained_inputs, .run = run_ensemble},
    {.name = "predict", .help = "folds the test part: base, Phase 1, Phase 2",
     .expected = "1 day, with all that follows",
     .uses = RT_PLAN_TEST | RT_PLAN_PREDICT, OUTPUT("predictions", "held_out/test"), .find_inputs = predict_inputs,
         .run = run_predict},
    {.name = "compare", .help = "opens the test part and says what may be claimed",
     .uses = RT_PLAN_TEST | FOLD | RT_PLAN_GOAL,
     OUTPUT("scores", "compare", "summary.json"), .find_inputs = compare_inputs, .run = run_compare},
    {.name = "package", .help = "makes the folders for Kaggle", .verb = "package",
     .needs = "package.title", .uses = RT_PLAN_PACKAGE | RT_PLAN_PREDICT,
     OUTPUT("package"),
     .find_inputs = rt_tune_package_inputs, .run = rt_tune_package_run},
    {.name = "report", .help = "writes report.html", .verb = "report", OUTPUT("report.html"),
     .find_inputs = report_inputs,
     .run = run_report},
};

int rt_tune_step_count(void) { return (int)(sizeof RT_TUNE_STEPS / sizeof *RT_TUNE_STEPS); }
