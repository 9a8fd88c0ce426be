/* tune_estimate.c - rnatune tune --dry-run: hours and disk of each step, and what the validation part can show
 *
 * Training's hours are those of `train --dry-run`, which measures samples; folding's are from `bench` at two lengths,
 * with the cycles, steps and samples that `predict --dry-run` says.  Both need the split: until it is there they are
 * not known.
 */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "cli/commands.h"
#include "cli/tune.h"
#include "prep/split.h"
#include "score/families.h"
#include "score/power.h"
#include "train/estimate.h"
#include "tune/child.h"

#define GB 1e9
#define STRUCTURE_BYTES 2000.0   /* of mmCIF, a residue */
#define ASSUMED_SD 0.05          /* of a family's difference, until two sets of scores are there */
enum { LEAST_TOKENS = 16, MOST_TOKENS = 128 };

typedef struct {
    int64_t n;                /* targets */
    int64_t *length;          /* (n) */
    int64_t cycles, steps, samples, passes;
    double most_bytes;        /* of memory, of any */
} part;

typedef struct {
    rt_tune *t;
    char folder[PATH_MAX];    /* for what the children write; removed at the end */
    part validation, test;
    rt_estimate fold;         /* seconds of a target by its length */
    double phase1, phase2;    /* seconds, of one run */
    double phase1_gb;         /* of the cache */
    char memory[2][32];       /* MiB of each phase */
} job;

/* ---- children ----------------------------------------------------------------------------------------------- */

static const char *in_folder(const job *j, const char *name)
{
    static char path[PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/%s", j->folder, name);
    return path;
}

/* Runs the command line that was put together; its data go to `name` in the folder. */
static rt_status measure(job *j, const char *name, rt_err *err)
{
    char log[PATH_MAX + 64], out[PATH_MAX + 64], said[700];
    int code;
    snprintf(log, sizeof log, "%s", in_folder(j, "log"));
    snprintf(out, sizeof out, "%s", in_folder(j, name));
    const rt_child_options options = {.log = log, .opt_data = out};
    rt_info("measuring: rnatune %s ...", j->t->words.word[1]);
    rt_status status = rt_child_run(&code, (const char *const *)j->t->words.word, &options, err);
    if (status != RT_OK || code == 0) return status;
    rt_child_last_error(said, sizeof said, log, j->t->words.word[1]);
    return rt_fail(err, RT_ERR_IO, NULL, 0, "%s", said[0] ? said : "a measurement failed");
}

/* The number behind the last tab of the first line that begins so; NAN when there is none. */
static double read_row(const job *j, const char *name, const char *begin)
{
    rt_map map;
    double value = NAN;
    if (rt_map_open(&map, in_folder(j, name), NULL) != RT_OK) return NAN;
    const char *at = (const char *)map.data, *end = at + map.size;
    while (at < end && isnan(value)) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop) stop = end;
        const char *tab = memrchr(at, '\t', (size_t)(stop - at));
        if (tab && (size_t)(stop - at) > strlen(begin) && memcmp(at, begin, strlen(begin)) == 0) {
            char text[64];
            snprintf(text, sizeof text, "%.*s", (int)(stop - tab - 1), tab + 1);
            value = strtod(text, NULL);
        }
        at = stop + 1;
    }
    rt_map_close(&map);
    return value;
}

/* ---- folding ------------------------------------------------------------------------------------------------ */

static rt_status look_at_part(job *j, part *p, bool test, rt_err *err)
{
    rt_status status = RT_OK;
    rt_tune *t = j->t;
    char folder[PATH_MAX + 64], path[PATH_MAX + 96];
    json_t *root = NULL, *target;
    size_t i;
    snprintf(folder, sizeof folder, "%s", in_folder(j, test ? "test" : "validation"));
    rt_tune_begin(t, "export", NULL);
    rt_tune_add(t, "--data", rt_tune_path(t, "set"));
    rt_tune_add(t, "--split", rt_tune_path(t, "split.tsv"));
    rt_tune_add(t, "--part", test ? "test" : "validation");
    rt_tune_add_keys(t, test ? RT_PLAN_TEST : RT_PLAN_VALIDATION);
    rt_tune_add(t, "--no-structures", NULL);
    rt_tune_add(t, "--out", folder);
    RT_TRY(measure(j, "export.tsv", err));
    snprintf(path, sizeof path, "%s/sequences.csv", folder);
    rt_tune_begin(t, "predict", NULL);
    rt_tune_add(t, "--checkpoint", rt_plan_at(t->plan, "bases", 0));
    rt_tune_add(t, "--sequences", path);
    rt_tune_add_keys(t, RT_PLAN_PREDICT);
    rt_tune_add(t, "--dry-run", NULL);
    rt_tune_add(t, "--json", NULL);
    rt_tune_add(t, "--out", in_folder(j, "folds"));
    RT_TRY(measure(j, "predict.json", err));
    RT_TRY(rt_json_load(&root, in_folder(j, "predict.json"), err));
    RT_TRY_ALLOC(p->length, (int64_t)json_array_size(root));
    json_array_foreach(root, i, target) {
        double bytes = json_number_value(rt_json_find(target, "memory.total"));
        if (bytes > p->most_bytes) p->most_bytes = bytes;
        p->length[p->n++] = json_integer_value(json_object_get(target, "length"));
        p->cycles = json_integer_value(rt_json_find(target, "protocol.cycles"));
        p->steps = json_integer_value(rt_json_find(target, "protocol.steps"));
        p->samples = json_integer_value(rt_json_find(target, "protocol.samples"));
        p->passes = json_integer_value(rt_json_find(target, "protocol.passes"));
    }
done:
    json_decref(root);
    return status;
}

static double stage(const json_t *sec, const char *name) { return json_number_value(json_object_get(sec, name)); }

/* Seconds of one target with the part's cycles, steps and samples, from one size's stages. */
static double fold_seconds(const part *p, const json_t *size)
{
    const json_t *sec = json_object_get(size, "sec");
    double d1 = stage(sec, "denoiser_1"), d5 = stage(sec, "denoiser_5");
    double trunk = stage(sec, "template") + stage(sec, "msa") + stage(sec, "pairformer");
    double once = stage(sec, "ribonanza") + stage(sec, "input_embedder");
    double samples = (double)p->samples, more = d5 > d1 ? (d5 - d1) / 4 : d1;
    return (double)p->passes * (once + (double)p->cycles * trunk + (double)p->steps * (d1 + (samples - 1) * more) +
                                samples * json_number_value(rt_json_find(size, "sec.confidence")));
}

static int by_length(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static rt_status measure_folding(job *j, rt_err *err)
{
    rt_status status = RT_OK;
    rt_tune *t = j->t;
    char tokens[48];
    json_t *root = NULL;
    part *p = &j->validation;
    if (p->n == 0) return RT_OK;
    qsort(p->length, (size_t)p->n, sizeof *p->length, by_length);
    int64_t high = p->length[p->n / 2];
    high = high > MOST_TOKENS ? MOST_TOKENS : high < 2 * LEAST_TOKENS ? 2 * LEAST_TOKENS : high;
    snprintf(tokens, sizeof tokens, "%lld,%lld", (long long)high / 2, (long long)high);
    rt_tune_begin(t, "bench", NULL);
    rt_tune_add(t, "--checkpoint", rt_plan_at(t->plan, "bases", 0));
    rt_tune_add(t, "--tokens", tokens);
    rt_tune_add(t, "--reps", "1");
    rt_tune_add(t, "--stages", "ribonanza,input_embedder,template,msa,pairformer,denoiser_1,denoiser_5,confidence");
    rt_tune_add(t, "--precision", rt_plan_text(t->plan, "precision"));
    if (rt_plan_text(t->plan, "threads")) rt_tune_add(t, "--threads", rt_plan_text(t->plan, "threads"));
    rt_tune_add(t, "--json", NULL);
    RT_TRY(measure(j, "bench.json", err));
    RT_TRY(rt_json_load(&root, in_folder(j, "bench.json"), err));
    for (int k = 0; k < 2; k++) {
        const json_t *size = json_array_get(root, (size_t)(1 - k));
        j->fold.tokens[k] = json_integer_value(json_object_get(size, "n_token"));
        j->fold.seconds[k] = fold_seconds(p, size);
    }
done:
    json_decref(root);
    return status;
}

static double part_hours(const job *j, const part *p, double folds)
{
    double seconds = 0;
    for (int64_t i = 0; i < p->n; i++) seconds += rt_estimate_seconds(&j->fold, p->length[i]);
    return p->n ? folds * seconds / 3600 : NAN;
}

static double part_gb(const part *p, double folds)
{
    double residues = 0;
    for (int64_t i = 0; i < p->n; i++) residues += (double)p->length[i];
    return p->n ? folds * residues * (double)(p->samples * p->passes) * STRUCTURE_BYTES / GB : NAN;
}

/* ---- training ----------------------------------------------------------------------------------------------- */

static rt_status measure_training(job *j, bool lora, rt_err *err)
{
    rt_status status = RT_OK;
    rt_tune *t = j->t;
    rt_tune_begin(t, "train", lora ? "lora" : "confidence");
    rt_tune_add(t, "--checkpoint", rt_plan_at(t->plan, "bases", 0));
    rt_tune_add(t, "--data", rt_tune_path(t, "set"));
    rt_tune_add(t, "--split", rt_tune_path(t, "split.tsv"));
    rt_tune_add_keys(t, lora ? RT_PLAN_PHASE2 : RT_PLAN_PHASE1);
    if (!lora && rt_plan_is(t->plan, "phase1.cache")) rt_tune_add(t, "--cache", in_folder(j, "trunk"));
    rt_tune_add_pairs(t, lora ? "phase2.augment" : "phase1.augment");
    rt_tune_add(t, "--dry-run", NULL);
    RT_TRY(measure(j, "train.tsv", err));
    double hours = read_row(j, "train.tsv", "hours in all, with the cache");
    if (isnan(hours)) hours = read_row(j, "train.tsv", "hours in all, ");
    *(lora ? &j->phase2 : &j->phase1) = 3600 * hours;
    if (!lora) j->phase1_gb = read_row(j, "train.tsv", "GB for all views");
    snprintf(j->memory[lora], sizeof j->memory[lora], "%.0f MiB", read_row(j, "train.tsv", "in all, on the device"));
done:
    return status;
}

/* ---- what can be shown -------------------------------------------------------------------------------------- */

/* The effect that a comparison on the validation part shows in 80% of cases: from the differences of two bases, or of
 * two seeds of one (then only chance differs, and it is the least there can be), or from an assumed spread. */
static rt_status least_effect(job *j, double *out_effect, int64_t *out_families, const char **out_how, rt_err *err)
{
    rt_status status = RT_OK;
    rt_tune *t = j->t;
    rt_arm a = {0}, b = {0};
    rt_families families = {0};
    rt_split split = {0};
    rt_power power = {0};
    double *value = NULL;
    int64_t *family = NULL, n = 0, n_alone;
    const char **target = NULL;
    char name[2][160];
    bool two = rt_plan_count(t->plan, "bases") > 1, scored = strcmp(rt_ledger_state(&t->ledger, "baseline"),
                                                                    "done") == 0;
    for (int k = 0; k < 2; k++)
        snprintf(name[k], sizeof name[k], "base-%.60s", rt_plan_name_at(t->plan, "bases", two ? k : 0));
    RT_TRY(rt_split_read(&split, rt_tune_path(t, "split.tsv"), err));
    RT_TRY(rt_families_load(&families, rt_tune_path(t, "families.tsv"), err));
    RT_TRY_ALLOC(value, split.n);
    RT_TRY_ALLOC(family, split.n);
    RT_TRY_ALLOC(target, split.n);
    if (scored) {
        RT_TRY(rt_tune_arm_scores(&a, t, name[0], false, two ? -1 : 0, err));
        RT_TRY(rt_tune_arm_scores(&b, t, name[1], false, two ? -1 : 1, err));
        for (int64_t i = 0, k = 0; i < a.n_target; i++) {
            while (k < b.n_target && strcmp(b.target[k].target, a.target[i].target) < 0) k++;
            if (k == b.n_target || strcmp(b.target[k].target, a.target[i].target) != 0) continue;
            target[n] = a.target[i].target, value[n++] = b.target[k].value - a.target[i].value;
        }
    } else {
        for (int64_t i = 0; i < split.n; i++)
            if (split.row[i].part == RT_PART_VALIDATION) target[n++] = split.row[i].target;
    }
    RT_TRY(rt_families_number(family, out_families, &n_alone, &families, target, n, err));
    if (scored) RT_TRY(rt_power_find(&power, value, family, n, *out_families, err));
    else power = (rt_power){.n = n, .n_family = *out_families, .per_family = ASSUMED_SD * ASSUMED_SD, .effective = 1};
    *out_effect = rt_power_effect(&power, *out_families, 0.05, 0.8);
    *out_how = !scored ? "if families' differences vary by 0.05 (assumed; after the step baseline it is measured)"
               : two   ? "as the bases differ"
                       : "as two seeds of the base differ: the least there can be";
done:
    rt_arm_free_members(&a);
    rt_arm_free_members(&b);
    rt_families_free_members(&families);
    rt_split_free_members(&split);
    free(value);
    free(family);
    free(target);
    return status;
}

/* ---- the table ---------------------------------------------------------------------------------------------- */

static void print_number(double value)
{
    if (isnan(value)) printf("\tNA");
    else printf(value < 0.1 ? "\t%.4f" : "\t%.1f", value);
}

static double file_gb(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 ? (double)s.st_size / GB : NAN;
}

/* Hours and GB of a step; NAN where nothing is known. */
static void estimate_step(const job *j, const char *step, double *out_hours, double *out_gb)
{
    const rt_plan *plan = j->t->plan;
    double bases = rt_plan_count(plan, "bases"), seeds = rt_plan_count(plan, "predict.seeds"), base_gb = 0;
    double samples = rt_plan_number(plan, "predict.samples");
    for (int i = 0; i < (int)bases; i++) base_gb += file_gb(rt_plan_at(plan, "bases", i));
    double candidates = (rt_plan_number(plan, "ensemble.average_epochs") > 1) + (samples >= 2) +
                        (samples >= bases && bases > 1);
    *out_hours = *out_gb = NAN;
    if (strcmp(step, "baseline") == 0)
        *out_hours = part_hours(j, &j->validation, bases * seeds), *out_gb = part_gb(&j->validation, bases * seeds);
    if (strcmp(step, "phase1") == 0) {
        *out_hours = bases * j->phase1 / 3600 + part_hours(j, &j->validation, bases * seeds);
        *out_gb = 2 * base_gb + j->phase1_gb + part_gb(&j->validation, bases * seeds);
    }
    if (strcmp(step, "phase2") == 0) {
        *out_hours = j->phase2 / 3600 + part_hours(j, &j->validation, seeds);
        *out_gb = 2 * base_gb / bases + part_gb(&j->validation, seeds);
    }
    if (strcmp(step, "ensemble") == 0) {
        *out_hours = part_hours(j, &j->validation, candidates * seeds);
        *out_gb = base_gb / bases + part_gb(&j->validation, candidates * seeds);
    }
    if (strcmp(step, "predict") == 0)
        *out_hours = part_hours(j, &j->test, 4 * seeds), *out_gb = part_gb(&j->test, 4 * seeds);
}

static rt_status print_table(job *j, bool split, rt_err *err)
{
    rt_status status = RT_OK;
    rt_tune *t = j->t;
    double all_hours = 0, all_gb = 0, effect = NAN;
    int64_t families = 0;
    const char *how = "";
    printf("step\tstate\thours\tGB\tthe_plan_says\twhat\n");
    for (int i = 0; i < rt_tune_step_count(); i++) {
        const rt_tune_step *step = &RT_TUNE_STEPS[i];
        double hours, gb;
        estimate_step(j, step->name, &hours, &gb);
        all_hours += isnan(hours) ? 0 : hours, all_gb += isnan(gb) ? 0 : gb;
        bool absent = step->verb && !t->find(step->verb);
        printf("%s\t%s", step->name, absent ? "absent" : rt_ledger_state(&t->ledger, step->name));
        print_number(hours);
        print_number(gb);
        printf("\t%s\t%s", step->expected ? step->expected : "-", step->help);
        if (j->memory[0][0] && strcmp(step->name, "phase1") == 0) printf("; memory %s", j->memory[0]);
        if (j->memory[1][0] && strcmp(step->name, "phase2") == 0) printf("; memory %s", j->memory[1]);
        if (j->test.n && strcmp(step->name, "predict") == 0)
            printf("; %lld targets, memory %.0f MiB", (long long)j->test.n, j->test.most_bytes / (1 << 20));
        printf("\n");
    }
    printf("all\t-");
    print_number(split ? all_hours : NAN);
    print_number(split ? all_gb : NAN);
    printf("\tabout a week\ton this machine, %s, %s\n", rt_tune_device(t), rt_plan_text(t->plan, "precision"));
    if (!split) {
        rt_info("hours and disk are not known before the split is there: 'rnatune tune %s --to audit' makes it, "
                "then ask again",
                rt_plan_path(t->plan));
        return RT_OK;
    }
    RT_TRY(least_effect(j, &effect, &families, &how, err));
    if (isnan(effect)) printf("validation\t-\tNA\tNA\t+0.01 to +0.08\tcan show nothing: %lld families\n",
                              (long long)families);
    else
        printf("validation\t-\tNA\tNA\t+0.01 to +0.08\tshows a difference of %.3f in 80%% of comparisons, with %lld "
               "families, %s\n",
               effect, (long long)families, how);
done:
    return status;
}

static void remove_folder(const job *j)
{
    static const char *const NAMES[] = {"log", "export.tsv", "predict.json", "bench.json", "train.tsv",
                                        "validation/sequences.csv", "validation/sequences.fasta",
                                            "validation/run.json",
                                        "validation", "test/sequences.csv", "test/sequences.fasta", "test/run.json",
                                            "test"};
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) remove(in_folder(j, NAMES[i]));
    remove(j->folder);
}

rt_status rt_tune_estimate(rt_tune *t, rt_err *err)
{
    rt_status status = RT_OK;
    const char *names[64], *scratch = getenv("TMPDIR");
    job j = {.t = t, .phase1 = NAN, .phase2 = NAN, .phase1_gb = NAN};
    for (int i = 0; i < rt_tune_step_count(); i++) names[i] = RT_TUNE_STEPS[i].name;
    bool split = rt_file_exists(rt_tune_path(t, "split.tsv"));
    snprintf(j.folder, sizeof j.folder, "%s/rnatune-XXXXXX", scratch && *scratch ? scratch : "/tmp");
    if (!mkdtemp(j.folder)) return rt_fail(err, RT_ERR_IO, j.folder, 0, "cannot be made");
    RT_TRY(rt_ledger_open(&t->ledger, t->out, names, rt_tune_step_count(), err));
    if (split) {
        RT_TRY(look_at_part(&j, &j.validation, false, err));
        RT_TRY(look_at_part(&j, &j.test, true, err));
        RT_TRY(measure_folding(&j, err));
        RT_TRY(measure_training(&j, false, err));
        RT_TRY(measure_training(&j, true, err));
    }
    RT_TRY(print_table(&j, split, err));
done:
    remove_folder(&j);
    free(j.validation.length);
    free(j.test.length);
    return status;
}
