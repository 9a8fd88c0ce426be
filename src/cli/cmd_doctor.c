/* cmd_doctor.c - rnatune doctor: is everything there that the work needs? */
#define _GNU_SOURCE
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/print_json.h"
#include "cli/schema_check.h"
#include "cli/weights_write.h"
#include "io/csv.h"
#include "io/msa.h"
#include "io/template_file.h"
#include "prep/dataset.h"
#include "prep/import_survey.h"

/* Where things come from, under the names that the reference's README has for them. */
#define FROM_ALLATOM "Kaggle dataset rhijudas/stanford-rna-3d-folding-all-atom-train-data"
#define FROM_COMPETITION "Kaggle competition stanford-rna-3d-folding"
#define FROM_MSA "Kaggle dataset rhijudas/clone-of-stanford-rna-3d-modeling-competition-data"
#define FROM_RIBONANZA "Kaggle model shujun717/ribonanzanet2 (pyTorch, alpha)"
#define FROM_TEMPLATES                                                                                               \
    "Kaggle notebook rhijudas/mmseqs2-3d-rna-template-identification or jaejohn/rna-3d-folds-tbm-only-approach; "    \
    "their "                                                                                                         \
    "submission.csv is read as it is"
#define FROM_CHECKPOINT "nvidia/RNAPro-Private-Best-500M and nvidia/RNAPro-Public-Best-500M"

/* One line of the report. */
typedef enum { FINE, MISSING, DAMAGED, ABSENT } verdict;   /* ABSENT: not there, and not needed */
static const char *const VERDICTS[] = {"ok", "missing", "damaged", "absent"};

typedef struct {
    json_t *rows;
    bool failed;            /* something that is needed is missing or damaged */
} report;

static void say(report *r, const char *subject, verdict v, const char *from, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
static void say(report *r, const char *subject, verdict v, const char *from, const char *format, ...)
{
    char text[1200];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    rt_tame_text(text);
    json_array_append_new(r->rows, json_pack("{s:s, s:s, s:s, s:s}", "subject", subject, "verdict", VERDICTS[v],
                                             "detail", text, "from", v == FINE ? "" : from));
    r->failed = r->failed || v == MISSING || v == DAMAGED;
}

/* "file:line: what" of a problem. */
static void say_problem(report *r, const char *subject, const char *from, const rt_err *problem)
{
    char text[2048];
    rt_err_print(problem, text, sizeof text);
    say(r, subject, DAMAGED, from, "%s", text);
}

static double gigabytes(int64_t bytes) { return (double)bytes / 1e9; }

/* ---- the competition's files ---- */

typedef struct {
    char **id;
    int64_t n, capacity;
    int64_t longest;        /* of those to predict: validation and test */
} targets;

static void free_targets(targets *t)
{
    for (int64_t i = 0; i < t->n; i++) free(t->id[i]);
    free(t->id);
    *t = (targets){0};
}

/* Adds the targets of a table of sequences. */
static rt_status read_targets(targets *t, const char *path, bool to_predict, rt_err *err)
{
    rt_status status = RT_OK;
    rt_csv *csv = NULL;
    int64_t id, sequence;
    bool more;
    RT_TRY(rt_csv_open_stream(&csv, path, err));
    RT_TRY(rt_csv_require(csv, &id, "target_id", err));
    RT_TRY(rt_csv_require(csv, &sequence, "sequence", err));
    while ((status = rt_csv_next(csv, &more, err)) == RT_OK && more) {
        void *ids = t->id;
        RT_TRY(rt_grow(&ids, &t->capacity, t->n + 1, sizeof *t->id, err));
        t->id = ids;
        t->id[t->n] = rt_copy_text(rt_csv_text(csv, id), -1, err);
        if (!t->id[t->n++]) RT_TRY(RT_ERR_MEMORY);
        if (to_predict && rt_csv_length(csv, sequence) > t->longest) t->longest = rt_csv_length(csv, sequence);
    }
done:
    rt_csv_close(csv);
    return status;
}

static void look_at_tables(report *r, targets *t, const rt_import_survey *survey)
{
    static const char *const KINDS[] = {"sequences", "allatom", "labels"};
    static const struct { rt_import_kind kind; int64_t origin; bool needed; const char *name, *from; } WANTED[] = {
        {RT_IMPORT_SEQUENCES, RT_ORIGIN_TRAIN, true, "train_sequences", FROM_ALLATOM},
        {RT_IMPORT_ALLATOM, RT_ORIGIN_TRAIN, true, "train_allatom", FROM_ALLATOM},
        {RT_IMPORT_LABELS, RT_ORIGIN_TRAIN, false, "train_labels", FROM_COMPETITION},
        {RT_IMPORT_SEQUENCES, RT_ORIGIN_VALIDATION, true, "validation_sequences", FROM_COMPETITION},
        {RT_IMPORT_LABELS, RT_ORIGIN_VALIDATION, true, "validation_labels", FROM_COMPETITION},
        {RT_IMPORT_SEQUENCES, RT_ORIGIN_TEST, true, "test_sequences", FROM_COMPETITION},
    };
    for (size_t i = 0; i < sizeof WANTED / sizeof *WANTED; i++) {
        const rt_import_file *file = NULL;
        struct stat info;
        rt_err problem = {0};
        for (int f = 0; f < survey->n_file; f++)
            if (survey->file[f].kind == WANTED[i].kind && survey->file[f].origin == WANTED[i].origin)
                file = &survey->file[f];
        if (!file || stat(file->path, &info) != 0) {
            say(r, WANTED[i].name, WANTED[i].needed ? MISSING : ABSENT, WANTED[i].from, "no %s*.csv or .csv.gz",
                WANTED[i].name);
            continue;
        }
        int64_t before = t->n;
        bool to_predict = WANTED[i].origin != RT_ORIGIN_TRAIN;
        if (file->kind == RT_IMPORT_SEQUENCES && read_targets(t, file->path, to_predict, &problem) != RT_OK) {
            say_problem(r, WANTED[i].name, WANTED[i].from, &problem);
        } else if (file->kind == RT_IMPORT_SEQUENCES) {
            say(r, WANTED[i].name, FINE, "", "%s, %lld targets", rt_path_name(file->path), (long long)(t->n - before));
        } else {
            rt_csv *csv = NULL;
            if (rt_csv_open_stream(&csv, file->path, &problem) != RT_OK)
                say_problem(r, WANTED[i].name, WANTED[i].from, &problem);
            else
                say(r, WANTED[i].name, FINE, "", "%s, %.2f GB, %lld columns of %s", rt_path_name(file->path),
                    gigabytes(info.st_size), (long long)rt_csv_columns(csv), KINDS[file->kind]);
            rt_csv_close(csv);
        }
    }
}

static void look_at_alignments(report *r, const targets *t, const rt_import_survey *survey)
{
    char path[PATH_MAX], example[128] = "";
    int64_t with = 0;
    if (!survey->msa[0][0]) {
        say(r, "msa", MISSING, FROM_MSA, "no folder MSA_v2 or MSA");
        return;
    }
    for (int64_t i = 0; i < t->n; i++) {
        bool found = false;
        for (int k = 0; k < 2 && !found; k++)
            found = survey->msa[k][0] && rt_msa_find(path, sizeof path, survey->msa[k], t->id[i]);
        with += found;
        if (!found && !example[0]) snprintf(example, sizeof example, "; none for %.60s, for example", t->id[i]);
    }
    say(r, "msa", with ? FINE : MISSING, FROM_MSA, "%s: %lld of %lld targets have an alignment (%.1f%%)%s",
        rt_path_name(survey->msa[0]), (long long)with, (long long)t->n,
        t->n ? 100.0 * (double)with / (double)t->n : 0.0, example);
}

static void look_at_templates(report *r, const targets *t, const rt_import_survey *survey)
{
    rt_template_file *file;
    rt_err problem = {0};
    int64_t with = 0, least = INT64_MAX;
    if (!survey->templates[0]) {
        say(r, "templates", ABSENT, FROM_TEMPLATES, "no template_features.pt: predict and train run without templates");
        return;
    }
    if (rt_template_file_open(&file, survey->templates, &problem) != RT_OK) {
        say_problem(r, "templates", FROM_TEMPLATES, &problem);
        return;
    }
    for (int64_t i = 0; i < t->n; i++) {
        const rt_template *template = rt_template_file_find(file, t->id[i]);
        with += template != NULL;
        if (template && template->n_template < least) least = template->n_template;
    }
    say(r, "templates", with ? FINE : MISSING, FROM_TEMPLATES,
        "template_features.pt: %lld of %lld targets have templates (%.1f%%), at least %lld each", (long long)with,
        (long long)t->n, t->n ? 100.0 * (double)with / (double)t->n : 0.0, (long long)(with ? least : 0));
    rt_template_file_close(file);
}

static rt_status look_at_kaggle(report *r, const char *folder, int64_t *longest, rt_err *err)
{
    rt_import_survey survey;
    targets t = {0};
    rt_status status = rt_import_survey_folder(&survey, folder, err);
    if (status != RT_OK) return status;
    look_at_tables(r, &t, &survey);
    look_at_alignments(r, &t, &survey);
    look_at_templates(r, &t, &survey);
    *longest = t.longest;
    free_targets(&t);
    return RT_OK;
}

/* ---- weights ---- */

/* What is missing, unknown or misshapen of a network of these sizes. */
static rt_status count_differences(const rt_config *config, const rt_weights *weights, int64_t kinds[3], rt_err *err)
{
    rt_schema schema = {0};
    rt_schema_report differences = {0};
    rt_status status = rt_schema_check_file(&differences, &schema, config, weights, err);
    memcpy(kinds, differences.kinds, 3 * sizeof *kinds);
    rt_schema_report_free_members(&differences);
    rt_schema_free_members(&schema);
    return status;
}

static bool names(const char *path, const char *word) { return strcasestr(path, word) != NULL; }

/* One checkpoint: whole or not, and which.  *ribonanza: it carries RibonanzaNet2. */
static void look_at_checkpoint(report *r, const char *path, bool *ribonanza, int64_t *parameters)
{
    rt_weights *weights;
    rt_config config;
    rt_err problem = {0};
    int64_t kinds[3] = {0}, count = 0;
    char subject[64];
    snprintf(subject, sizeof subject, "checkpoint%s",
             names(path, "private") ? " private-best" : names(path, "public") ? " public-best" : "");
    if (rt_weights_open(&weights, path, &problem) != RT_OK) {
        say_problem(r, subject, FROM_CHECKPOINT, &problem);
        return;
    }
    for (int64_t i = 0; i < rt_weights_count(weights); i++) count += rt_count(rt_weights_at(weights, i)->tensor);
    if (rt_config_preset(&config, "rnapro_base", &problem) != RT_OK ||
        rt_weights_write_detect(&config, weights, &problem) != RT_OK) {
        say(r, subject, DAMAGED, FROM_CHECKPOINT, "%s: not a whole RNAPro checkpoint: %s", rt_path_name(path),
            problem.what);
    } else if (count_differences(&config, weights, kinds, &problem) != RT_OK) {
        say_problem(r, subject, FROM_CHECKPOINT, &problem);
    } else {
        *ribonanza = *ribonanza || config.use_ribonanza;
        if (count > *parameters) *parameters = count;
        say(r, subject, kinds[RT_SCHEMA_MISSING] || kinds[RT_SCHEMA_SHAPE] ? DAMAGED : FINE, FROM_CHECKPOINT,
            "%s: %s, %lld parameters in %lld tensors, pairformer %lld blocks, RibonanzaNet2 %s; missing %lld, "
            "unknown %lld, of "
            "another shape %lld",
            rt_path_name(path), rt_weights_format(weights), (long long)count, (long long)rt_weights_count(weights),
            (long long)config.pairformer_blocks, config.use_ribonanza ? "inside" : "not inside",
            (long long)kinds[RT_SCHEMA_MISSING], (long long)kinds[RT_SCHEMA_UNKNOWN],
            (long long)kinds[RT_SCHEMA_SHAPE]);
    }
    rt_weights_close(weights);
}

static void look_at_ribonanza(report *r, const char *folder)
{
    char yaml[PATH_MAX], bin[PATH_MAX];
    rt_weights *weights = NULL;
    rt_config config;
    rt_err problem = {0};
    rt_path_join(yaml, sizeof yaml, folder, "pairwise.yaml");
    rt_path_join(bin, sizeof bin, folder, "pytorch_model_fsdp.bin");
    if (!rt_file_exists(yaml) || !rt_file_exists(bin)) {
        say(r, "ribonanzanet2", MISSING, FROM_RIBONANZA, "no %s in %s", rt_file_exists(yaml) ? "pytorch_model_fsdp.bin"
                                                                                            : "pairwise.yaml", folder);
        return;
    }
    if (rt_config_preset(&config, "rnapro_base", &problem) != RT_OK ||
        rt_config_load_ribonanza(&config, yaml, &problem) != RT_OK ||
        rt_weights_open(&weights, bin, &problem) != RT_OK) {
        say_problem(r, "ribonanzanet2", FROM_RIBONANZA, &problem);
        return;
    }
    int64_t count = 0;
    for (int64_t i = 0; i < rt_weights_count(weights); i++) count += rt_count(rt_weights_at(weights, i)->tensor);
    bool whole = rt_weights_find(weights, "encoder.weight") != NULL;
    say(r, "ribonanzanet2", whole ? FINE : DAMAGED, FROM_RIBONANZA,
        "%lld layers of width %lld, %lld parameters in %lld tensors%s", (long long)config.ribonanza_nlayers,
        (long long)config.ribonanza_ninp, (long long)count, (long long)rt_weights_count(weights),
        whole ? "" : "; no encoder.weight: another network");
    rt_weights_close(weights);
}

/* ---- the set, disk and memory ---- */

static void look_at_set(report *r, const char *folder, int64_t *longest)
{
    rt_dataset *set;
    rt_err problem = {0};
    int64_t labelled = 0, all_atom = 0, msa = 0, templates = 0;
    rt_status status = rt_dataset_open(&set, folder, &problem);
    if (status == RT_OK) status = rt_dataset_verify(set, &problem);
    if (status != RT_OK) {
        say_problem(r, "set", "rnatune import", &problem);
        if (set) rt_dataset_close(set);
        return;
    }
    for (int64_t i = 0; i < rt_dataset_count(set); i++) {
        const rt_target *target = rt_dataset_at(set, i);
        labelled += target->n_conformation > 0;
        all_atom += target->n_slot == RT_SLOT_COUNT;
        msa += target->msa[0] && rt_file_exists(target->msa);
        templates += target->n_template > 0;
        if (target->origin & (RT_ORIGIN_VALIDATION | RT_ORIGIN_TEST) && target->length > *longest)
            *longest = target->length;
    }
    say(r, "set", FINE, "",
        "%lld targets, %lld with labels (%lld of all atoms), %lld with an alignment that is there, %lld with "
        "templates; every hash holds",
        (long long)rt_dataset_count(set), (long long)labelled, (long long)all_atom, (long long)msa,
        (long long)templates);
    rt_dataset_close(set);
}

/* Bytes that are wanted against bytes that are there. */
static void say_room(report *r, const char *subject, int64_t wanted, int64_t there, const char *what)
{
    say(r, subject, wanted > there ? MISSING : FINE, "this machine", "about %.1f GB wanted (%s), %.1f GB available",
        gigabytes(wanted), what, gigabytes(there));
}

/* Activations of a pass over N tokens, fitted to what 'rnatune bench' reports for rnapro_base, 64 rows of MSA and bf16
 * products: 100, 223 and 396 MiB at 64, 128 and 192 tokens. */
#define ACTIVATION_FIXED 3e7
#define ACTIVATION_TOKEN 8e5
#define ACTIVATION_PAIR 6600
#define WEIGHT_BYTES 4
#define TRAINED_BYTES 16            /* weight, gradient and two moments of Adam in fp32 */
#define PHASE1_TRAINED 12901888     /* the confidence head */
#define PHASE2_TRAINED 2359296      /* adapters of rank 8 on q, k and v */
#define CROP 384

static int64_t pass_bytes(int64_t tokens)
{
    double n = (double)tokens;
    return (int64_t)(ACTIVATION_FIXED + ACTIVATION_TOKEN * n + ACTIVATION_PAIR * n * n);
}

static void look_at_machine(report *r, const char *folder, int64_t parameters, int64_t longest)
{
    char what[128];
    struct statvfs disk;
    int64_t memory = rt_memory_available(), tokens = longest > 0 ? longest : CROP;
    int64_t weights = parameters * WEIGHT_BYTES;
    if (statvfs(folder, &disk) == 0) {
        /* 336 bytes a residue: 5,135 targets make 1 to 3 GB; a run keeps three checkpoints */
        int64_t there = (int64_t)disk.f_bavail * (int64_t)disk.f_frsize;
        say_room(r, "disk for training", (int64_t)3e9 + 3 * weights, there, "a training set and three checkpoints");
    }
    snprintf(what, sizeof what, "weights and one pass over %lld tokens", (long long)tokens);
    say_room(r, "memory for predict", weights + pass_bytes(tokens), memory, what);
    say_room(r, "memory for phase 1", weights + PHASE1_TRAINED * TRAINED_BYTES + 2 * pass_bytes(CROP), memory,
             "weights, the confidence head's gradients and moments, passes over 384 tokens");
    say_room(r, "memory for phase 2", weights + PHASE2_TRAINED * TRAINED_BYTES + 4 * pass_bytes(CROP), memory,
             "weights, adapters of rank 8, passes over 384 tokens with their block inputs kept");
}

/* ---- the verb ---- */

static rt_status print(const report *r, bool as_json, rt_err *err)
{
    size_t i;
    json_t *row;
    if (as_json) {
        json_t *root = json_pack("{s:b, s:O}", "complete", !r->failed, "checks", r->rows);
        rt_status status = rt_print_json(root, err);
        json_decref(root);
        return status;
    }
    printf("subject\tverdict\tdetail\tfrom\n");
    json_array_foreach(r->rows, i, row) {
        printf("%s\t%s\t%s\t%s\n", json_string_value(json_object_get(row, "subject")),
               json_string_value(json_object_get(row, "verdict")), json_string_value(json_object_get(row, "detail")),
               json_string_value(json_object_get(row, "from")));
    }
    return RT_OK;
}

static rt_status run(rt_cli *cli, rt_err *err)
{
    const rt_options *o = cli->options;
    const char *kaggle = rt_option_text(o, "kaggle"), *data = rt_option_text(o, "data");
    const char *ribonanza = rt_option_text(o, "ribonanzanet2");
    report r = {.rows = json_array()};
    int64_t longest = 0, parameters = 488301921;   /* rnapro_base, until a checkpoint says otherwise */
    int64_t found = 0;
    bool inside = false, best[2] = {false};
    int checkpoints = rt_option_count(o, "checkpoint");
    rt_status status = RT_OK;
    if (!kaggle && !data && !ribonanza && !checkpoints) {
        status = rt_fail(err, RT_ERR_USAGE, NULL, 0,
                         "nothing to look at: give --kaggle, --checkpoint, --ribonanzanet2 or --data");
        goto done;
    }
    if (kaggle) RT_TRY(look_at_kaggle(&r, kaggle, &longest, err));
    for (int i = 0; i < checkpoints; i++) {
        const char *path = rt_option_at(o, "checkpoint", i);
        look_at_checkpoint(&r, path, &inside, &found);
        best[0] = best[0] || names(path, "private");
        best[1] = best[1] || names(path, "public");
    }
    if (found) parameters = found;
    if (!checkpoints)
        say(&r, "checkpoint", kaggle ? MISSING : ABSENT, FROM_CHECKPOINT, "none was named (--checkpoint)");
    for (int i = 0; i < 2 && checkpoints; i++)
        if (!best[i])
            say(&r, i ? "checkpoint public-best" : "checkpoint private-best", ABSENT, FROM_CHECKPOINT,
                "no file that is called so was named; a comparison of both needs it");
    if (ribonanza) look_at_ribonanza(&r, ribonanza);
    else if (!inside)
        say(&r, "ribonanzanet2", checkpoints || kaggle ? MISSING : ABSENT, FROM_RIBONANZA,
            "neither in a checkpoint nor named (--ribonanzanet2): without it the model is no better than its "
            "templates");
    if (data) look_at_set(&r, data, &longest);
    look_at_machine(&r, data ? data : kaggle ? kaggle : ".", parameters, longest);
    status = print(&r, rt_option_flag(o, "json"), err);
    cli->check_failed = r.failed;
done:
    json_decref(r.rows);
    return status;
}

static const rt_option OPTIONS[] = {
    {.name = "kaggle",
     .type = RT_OPTION_FOLDER,
     .value = "DIR",
     .help = "the competition's files, as they were downloaded"},
    {.name = "checkpoint",
     .type = RT_OPTION_FILE,
     .value = "FILE",
     .repeated = true,
     .help = "RNAPro's weights; may be given again for the second checkpoint"},
    {.name = "ribonanzanet2",
     .type = RT_OPTION_FOLDER,
     .value = "DIR",
     .otherwise = "inside the checkpoint",
     .help = "a folder with pairwise.yaml and pytorch_model_fsdp.bin"},
    {.name = "data", .type = RT_OPTION_FOLDER, .value = "SET", .help = "a training set: every hash is checked"},
    {.name = "json", .type = RT_OPTION_FLAG, .help = "JSON instead of a table"},
    {0},
};

const rt_command rt_cmd_doctor = {
    .name = "doctor",
    .summary = "look at a download: what is there, what is missing, where it comes from",
    .options = OPTIONS,
    .description =
        "Looks at the files that prediction and training need: the competition's tables and their versions, how many "
        "targets have an alignment and templates, whether the checkpoints are whole and which they are (by their "
        "names: "
        "the weights do not say), RibonanzaNet2, a training set's hashes, and whether disk and memory suffice. "
        "Figures of "
        "memory are estimates from the network's sizes.",
    .output =
        "A table of subject, verdict (ok, missing, damaged, absent: not there and not needed), detail, and where it "
        "comes from. Exit status 3 when something that is needed is missing or damaged.",
    .examples = "  rnatune doctor --kaggle stanford-rna-3d-folding --checkpoint rnapro-private-best.pt \\\n"
                "      --checkpoint rnapro-public-best.pt --ribonanzanet2 ribonanzanet2\n",
    .run = run,
};
