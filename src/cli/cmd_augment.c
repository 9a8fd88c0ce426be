/* cmd_augment.c - rnatune augment: makes and screens augmented examples, and shows some of them */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "cli/augment_options.h"
#include "cli/choices.h"
#include "cli/commands.h"
#include "cli/target_file.h"
#include "io/csv.h"
#include "prep/audit.h"
#include "prep/tsv.h"

typedef struct {
    rt_cli *cli;
    const rt_options *o;
    rt_err *err;
    rt_dataset *set;
    rt_split split;
    int64_t *target, n_target;
    rt_augment_plan plan;
    rt_augment_inputs augment;
    rt_pool *pool;
    FILE *changes;
    int64_t shown;
} job;

/* ---- which targets ------------------------------------------------------------------------------------------------ */

static bool is_named(const job *j, const char *id)
{
    int n = rt_option_count(j->o, "target");
    for (int i = 0; i < n; i++)
        if (strcmp(rt_option_at(j->o, "target", i), id) == 0) return true;
    return n == 0;
}

static rt_status choose_targets(job *j)
{
    const char *split = rt_option_text(j->o, "split");
    rt_status status = RT_OK;
    for (int i = 0; i < rt_option_count(j->o, "target"); i++) {
        const char *id = rt_option_at(j->o, "target", i);
        if (!rt_dataset_find(j->set, id))
            return rt_fail(j->err, RT_ERR_MISMATCH, rt_dataset_folder(j->set), 0, "has no target '%s'", id);
    }
    if (split) {
        RT_TRY(rt_split_read(&j->split, split, j->err));
        RT_TRY(rt_audit_check(split, j->set, NULL, NULL, j->err));
    } else rt_warn("no --split: no sequence is held against what is held out");
    j->target = rt_alloc(rt_dataset_count(j->set) + 1, sizeof *j->target, j->err);
    if (!j->target) return RT_ERR_MEMORY;
    for (int64_t i = 0; i < rt_dataset_count(j->set); i++) {
        const rt_target *t = rt_dataset_at(j->set, i);
        const rt_split_row *row = rt_split_find(&j->split, t->id);
        bool trains = !split || (row && row->part == RT_PART_TRAIN);
        if (trains && t->n_conformation > 0 && is_named(j, t->id)) j->target[j->n_target++] = i;
    }
    if (j->n_target < 1)
        status = rt_fail(j->err, RT_ERR_MISMATCH, rt_dataset_folder(j->set), 0, "no target of the training part has a structure");
done:
    return status;
}

/* "--tier 2": the augmentation of that tier as it comes. */
static rt_status add_tiers(job *j)
{
    rt_status status = RT_OK;
    for (int i = 0; i < rt_option_count(j->o, "tier"); i++) {
        const char *text = rt_option_at(j->o, "tier", i);
        int64_t tier = 0;
        bool found = false;
        rt_parse_int(text, (int64_t)strlen(text), &tier);
        for (int k = 0; k < RT_AUGMENTATIONS; k++) {
            const rt_augmentation *a = rt_augmentation_of((rt_augment_kind)k);
            if (a->tier != tier) continue;
            RT_TRY(rt_augment_plan_add(&j->plan, a->name, j->err));
            found = true;
        }
        if (!found)
            return rt_fail(j->err, RT_ERR_USAGE, NULL, 0, "--tier '%.40s' is none of 1 to %d", text, RT_AUGMENTATIONS);
    }
    if (j->plan.on || rt_option_count(j->o, "augment") > 0) return RT_OK;
    rt_fail(j->err, RT_ERR_USAGE, NULL, 0, "which augmentations?");
    return rt_hint(j->err, "--augment compensatory:min-p=0.9, or --tier 2; --list shows what there is");
done:
    return status;
}

/* ---- examples as files -------------------------------------------------------------------------------------------- */

enum { NAME = 260, ID_SHOWN = 120 };
#define CHANGES "changes.tsv"

/* "1EHZ_A_noise_0": a file's name.  Of an id that is too long for one, or has letters that are none of one's, the part
 * that can be shown and a hash of all of it. */
static void name_example(char out[NAME], const char *target, const char *what, int64_t opt_number)
{
    char id[ID_SHOWN + 1], digits[24] = "", hash[24] = "";
    size_t n = strlen(target), shown = n < ID_SHOWN ? n : ID_SHOWN;
    bool whole = shown == n && target[0] != '.';
    for (size_t i = 0; i < shown; i++) {
        bool fits = strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-+", target[i]) != NULL;
        id[i] = fits ? target[i] : '_';
        whole = whole && fits;
    }
    id[shown] = 0;
    if (id[0] == '.') id[0] = '_';
    if (!whole) snprintf(hash, sizeof hash, "_%016llx", (unsigned long long)rt_hash_text(target));
    if (opt_number >= 0) snprintf(digits, sizeof digits, "_%lld", (long long)opt_number);
    snprintf(out, NAME, "%s%s_%s%s", id, hash, what, digits);
}

/* Most rows' examples have gone with an earlier row: what is not there is fine. */
static void remove_example(const job *j, const char *name)
{
    char path[4096], file[NAME + 8];
    if (strlen(name) >= NAME || strchr(name, '/')) return;
    snprintf(file, sizeof file, "%s.cif", name);
    rt_path_join(path, sizeof path, rt_option_text(j->o, "out"), file);
    unlink(path);
}

/* What an earlier preview wrote into the folder, which its table of changes lists, would look like this one's. */
static rt_status remove_earlier_preview(job *j)
{
    rt_status status = RT_OK;
    char path[4096], native[NAME];
    rt_csv *csv = NULL;
    int64_t target, example;
    bool more;
    rt_path_join(path, sizeof path, rt_option_text(j->o, "out"), CHANGES);
    if (!rt_file_exists(path)) return RT_OK;
    RT_TRY(rt_csv_open_tsv(&csv, path, j->err));
    RT_TRY(rt_csv_require(csv, &target, "target", j->err));
    RT_TRY(rt_csv_require(csv, &example, "example", j->err));
    for (;;) {
        RT_TRY(rt_csv_next(csv, &more, j->err));
        if (!more) break;
        name_example(native, rt_csv_text(csv, target), "native", -1);
        remove_example(j, native);
        remove_example(j, rt_csv_text(csv, example));
    }
    if (unlink(path) != 0) status = rt_fail(j->err, RT_ERR_IO, path, 0, "an earlier preview's table cannot be removed");
done:
    rt_csv_close(csv);
    return status;
}

static rt_status write_example(job *j, const char *name, const rt_target *t, const char *sequence, const float *xyz)
{
    char path[4096], file[NAME + 8];
    snprintf(file, sizeof file, "%s.cif", name);
    rt_path_join(path, sizeof path, rt_option_text(j->o, "out"), file);
    return rt_target_file_write(path, NULL, name, t, sequence, xyz, 1, j->err);
}

static void print_tertiary(FILE *out, uint32_t bits)
{
    if (!bits) fputc('-', out);
    for (uint32_t kind = 1, any = 0; kind <= bits; kind <<= 1)
        if (bits & kind) fprintf(out, "%s%s", any++ ? "," : "", rt_tertiary_name(kind));
}

static void print_change(const job *j, const char *example, const rt_target *t, const rt_augment_change *c)
{
    FILE *out = j->changes;
    const rt_augmentation *a = rt_augmentation_of(c->kind);
    fprintf(out, "%s\t%s\t%s\t%d\t", t->id, example, a->name, a->tier);
    if (c->i >= 0) fprintf(out, "%lld\t", (long long)c->i + 1);
    else fputs("-\t", out);
    if (c->j >= 0) fprintf(out, "%lld\t", (long long)c->j + 1);
    else fputs("-\t", out);
    fprintf(out, "%s\t%s\t%s\t%s", c->from[0] ? c->from : "-", c->to[0] ? c->to : "-",
            c->reason == RT_REASON_NONE ? "made" : "left", rt_augment_reason_name(c->reason));
    rt_tsv_print_number(out, c->probability, "%.4f");
    rt_tsv_print_number(out, c->bonds_before, "%.3f");
    rt_tsv_print_number(out, c->bonds_after, "%.3f");
    fputc('\t', out);
    print_tertiary(out, c->tertiary);
    fprintf(out, "\t%s\t%s\n", c->masked ? "masked" : "-", c->note[0] ? c->note : "-");
}

static rt_status show_variant(job *j, const rt_target *t, rt_augment_kind kind, int64_t variant)
{
    rt_status status = RT_OK;
    rt_augment_example e = {0};
    rt_augment_log log = {0};
    rt_augment_draw draw = {.kinds = RT_AUGMENT_BIT(kind), .variant = variant};
    char name[NAME];
    name_example(name, t->id, rt_augmentation_of(kind)->name, variant);
    const rt_augment_reason refused = rt_augment_set_refusal(j->augment.set, t, &draw);
    if (refused != RT_REASON_NONE) {   /* no sample gets it: nothing of it is shown */
        rt_augment_change none = {.kind = kind, .reason = refused, .i = -1, .j = -1, .probability = NAN,
                                  .bonds_before = NAN, .bonds_after = NAN};
        print_change(j, name, t, &none);
        return RT_OK;
    }
    RT_TRY(rt_augment_set_make(j->augment.set, &e, NULL, &log, t, &draw, j->err));
    for (int64_t k = 0; k < log.n; k++) print_change(j, name, t, &log.change[k]);
    if (strcmp(e.sequence, t->sequence) != 0) RT_TRY(write_example(j, name, t, e.sequence, e.xyz));
done:
    rt_augment_log_free_members(&log);
    rt_augment_example_free_members(&e);
    return status;
}

static rt_status show_noise(job *j, const rt_target *t, int64_t variant)
{
    rt_status status = RT_OK;
    rt_err *err = j->err;
    char name[NAME];
    float *xyz = NULL;
    int64_t size = t->length * t->n_slot * 3;
    rt_augment_noise_key key = {.seed = j->plan.seed, .stream = rt_hash_text(t->id), .number = (uint64_t)variant};
    RT_TRY_ALLOC(xyz, size);
    memcpy(xyz, rt_target_xyz(t, 0), (size_t)size * sizeof *xyz);
    int64_t moved = rt_augment_noise(xyz, t->length, t->n_slot, false, &j->plan, &key);
    name_example(name, t->id, "noise", variant);
    fprintf(j->changes, "%s\t%s\tnoise\t1\t-\t-\t-\t-\tmade\tmade\t-\t-\t-\t-\t-\t%lld residues moved, %lld of their bonds "
            "broken\n", t->id, name, (long long)moved,
            (long long)rt_augment_broken_bonds(rt_target_xyz(t, 0), xyz, t->length, t->n_slot));
    RT_TRY(write_example(j, name, t, t->sequence, xyz));
done:
    free(xyz);
    return status;
}

static rt_status show_target(job *j, const rt_target *t)
{
    rt_status status = RT_OK;
    char name[NAME];
    name_example(name, t->id, "native", -1);
    RT_TRY(write_example(j, name, t, t->sequence, rt_target_xyz(t, 0)));
    for (int64_t v = 0; v < rt_option_int(j->o, "variants"); v++)
        for (int k = 0; k < RT_AUGMENTATIONS; k++) {
            if (!(j->plan.on & RT_AUGMENT_BIT(k))) continue;
            RT_TRY(k == RT_AUGMENT_NOISE ? show_noise(j, t, v) : show_variant(j, t, (rt_augment_kind)k, v));
        }
    j->shown++;
done:
    return status;
}

static rt_status preview(job *j)
{
    rt_status status = RT_OK;
    char path[4096];
    rt_writer *writer = NULL;
    int64_t most = rt_option_int(j->o, "examples");
    rt_path_join(path, sizeof path, rt_option_text(j->o, "out"), CHANGES);
    RT_TRY(rt_writer_open(&writer, path, j->err));
    j->changes = rt_writer_stream(writer);
    fprintf(j->changes, "target\texample\taugmentation\ttier\ti\tj\tfrom\tto\toutcome\treason\tprobability\tbonds_before\t"
                        "bonds_after\ttertiary\tlabels\tnote\n");
    for (int64_t i = 0; i < j->n_target && j->shown < most; i++)
        RT_TRY(show_target(j, rt_dataset_at(j->set, j->target[i])));
    status = rt_writer_commit(writer, j->err);
    writer = NULL;
    rt_info("%lld targets are shown in %s", (long long)j->shown, rt_option_text(j->o, "out"));
done:
    rt_writer_abandon(writer);
    return status;
}

/* ---- the verb ----------------------------------------------------------------------------------------------------- */

static void print_list(void)
{
    static const char *const TYPE[] = {"number", "number or range", "on or off", "names, joined by +"};
    printf("augmentation\ttier\tkey\tdefault\ttakes\twhat\n");
    for (int k = 0; k < RT_AUGMENTATIONS; k++) {
        const rt_augmentation *a = rt_augmentation_of((rt_augment_kind)k);
        printf("%s\t%d\t-\t-\t-\t%s; needs: %s; changes: %s\n", a->name, a->tier, a->help, a->needs, a->changes);
        for (const rt_augment_key *key = a->key; key->name; key++)
            printf("%s\t%d\t%s\t%s\t%s\t%s\n", a->name, a->tier, key->name, key->fallback[0] ? key->fallback : "-",
                   TYPE[key->type], key->help);
    }
}

static rt_status write_record(job *j)
{
    char path[4096];
    rt_status status = RT_OK;
    rt_run_record *record = j->cli->record;
    rt_run_record_seed(record, (int64_t)j->plan.seed);
    rt_run_record_set(record, "augmentation", rt_augment_inputs_json(j->augment.set, NULL));
    rt_path_join(path, sizeof path, rt_option_text(j->o, "out"), "augmented.tsv");
    RT_TRY(rt_augmented_write(rt_augment_set_record(j->augment.set), path, j->err));
    rt_path_join(path, sizeof path, rt_option_text(j->o, "out"), "run.json");
    RT_TRY(rt_run_record_write(record, j->o, path, j->err));
done:
    return status;
}

/* The folder, and that a file can be written there: known before hours of work, not after. */
static rt_status make_out(const char *folder, rt_err *err)
{
    rt_status status = RT_OK;
    char path[4096];
    rt_writer *writer = NULL;
    RT_TRY(rt_make_folder(folder, err));
    rt_path_join(path, sizeof path, folder, "augmented.tsv");
    RT_TRY(rt_writer_open(&writer, path, err));
done:
    rt_writer_abandon(writer);
    return status;
}

static rt_status work(job *j)
{
    rt_status status = RT_OK;
    const rt_options *o = j->o;
    if (!rt_option_has(o, "data") || !rt_option_has(o, "out")) {
        rt_fail(j->err, RT_ERR_USAGE, NULL, 0, "--data and --out say which set, and where the examples go");
        return rt_hint(j->err, "rnatune augment --data SET --tier 2 --preview --out DIR; or --list");
    }
    RT_TRY(rt_dataset_open(&j->set, rt_option_text(o, "data"), j->err));
    RT_TRY(add_tiers(j));
    RT_TRY(choose_targets(j));
    RT_TRY(make_out(rt_option_text(o, "out"), j->err));
    RT_TRY(rt_pool_create(&j->pool, rt_choice_threads(o), j->err));
    RT_TRY(rt_augment_inputs_open(&j->augment, &j->plan, o, j->set, j->target, j->n_target,
                                  rt_option_has(o, "split") ? &j->split : NULL, rt_option_text(o, "split"), j->pool,
                                  j->cli->record, j->err));
    RT_TRY(remove_earlier_preview(j));
    if (rt_option_flag(o, "preview")) RT_TRY(preview(j));
    RT_TRY(write_record(j));
    printf("key\tvalue\n");
    const rt_augment_summary *s = rt_augment_set_summary(j->augment.set);
    printf("targets\t%lld\nchanged_targets\t%lld\nexamples\t%lld\nsequences\t%lld\ntoo_near_held_out\t%lld\n"
           "beyond_family_limit\t%lld\n",
           (long long)s->targets, (long long)s->changed_targets, (long long)rt_augment_set_record(j->augment.set)->n,
           (long long)s->sequences, (long long)s->refused, (long long)s->limited);
    rt_augment_plan listed = j->plan;   /* noise is drawn by samples, not listed */
    listed.on = rt_augment_sequence_bits(&j->plan);
    rt_augment_inputs_print_tally(stdout, "", &listed, &s->tally);
done:
    return status;
}

static rt_status run(rt_cli *cli, rt_err *err)
{
    job j = {.cli = cli, .o = cli->options, .err = err, .plan = {.seed = (uint64_t)rt_option_int(cli->options, "seed")}};
    if (rt_option_flag(cli->options, "list")) {
        print_list();
        return RT_OK;
    }
    rt_status status = work(&j);
    rt_augment_inputs_close(&j.augment);
    rt_pool_free(j.pool);
    rt_split_free_members(&j.split);
    rt_dataset_close(j.set);
    free(j.target);
    return status;
}

static const rt_option OPTIONS[] = {
    {.name = "list", .type = RT_OPTION_FLAG, .help = "print the table of augmentations and their keys, nothing else"},
    {.name = "data", .type = RT_OPTION_FOLDER, .value = "SET", .help = "the set that 'rnatune import' made"},
    {.name = "split", .type = RT_OPTION_FILE, .value = "FILE", .otherwise = "every target, nothing held out",
     .help = "from 'rnatune split', audited: its training targets, screened against what it holds out"},
    {.name = "out", .type = RT_OPTION_OUT_FOLDER, .value = "DIR", .help = "where the list and the examples go"},
    {.name = "tier", .type = RT_OPTION_TEXT, .repeated = true, .value = "N",
     .help = "the augmentation of that tier with its own settings: 1 noise, 2 compensatory, 3 loop, 4 homolog"},
    RT_AUGMENT_OPTION_ROWS,
    {.name = "preview", .type = RT_OPTION_FLAG, .help = "write examples as mmCIF, and a table of what changed and why"},
    {.name = "examples", .type = RT_OPTION_INT, .value = "N", .fallback = "10", .low = 1, .high = 1e9,
     .help = "targets of a preview"},
    {.name = "target", .type = RT_OPTION_TEXT, .repeated = true, .value = "ID", .otherwise = "all",
     .help = "only this target"},
    {.name = "seed", .type = RT_OPTION_INT, .value = "N", .fallback = "42", .low = 0, .high = 9e15,
     .help = "of every random number; with a training run's seed these are its examples"},
    RT_CHOICE_THREADS,
    {0},
};

const rt_command rt_cmd_augment = {
    .name = "augment",
    .summary = "more examples of the same folds: make, screen and look at them",
    .options = OPTIONS,
    .description =
        "Makes the augmented examples that 'rnatune train --augment' would draw from, and holds every new sequence against "
        "the split's validation and test targets and the held-out tables: what is too near is refused and counted. "
        "'rnatune audit --augmented DIR/augmented.tsv' checks the list again.\n"
        "\n"
        "With --preview the first targets' examples are written as mmCIF (rebuilt bases have a B factor of 0, all else 100) "
        "beside the native structure, and changes.tsv says of everything that was drawn whether it was made, and why not.",
    .output = "A table of counts. DIR holds augmented.tsv, run.json and, with --preview, changes.tsv and mmCIF files.",
    .examples =
        "  rnatune augment --list\n"
        "  rnatune augment --data set --tier 2 --tier 3 --preview --out look\n"
        "  rnatune augment --data set --split split.tsv --augment homolog:identity=0.7 \\\n"
        "      --families families.tsv --seeds Rfam.seed.gz --out list\n",
    .long_work = true,
    .run = run,
};
