/* cmd_import.c - rnatune import: a training set from the competition's files or from structures */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "cli/commands.h"
#include "cli/print_json.h"
#include "prep/dataset_write.h"
#include "prep/import.h"

/* How many targets or notes say the same. */
typedef struct { const char *outcome, *reason; int64_t origin, count; } tally;
enum { MOST_TALLIES = 256 };

static void add_tally(tally *list, int *n, const char *outcome, const char *reason, int64_t origin)
{
    for (int i = 0; i < *n; i++)
        if (strcmp(list[i].outcome, outcome) == 0 && strcmp(list[i].reason, reason) == 0 && list[i].origin == origin) {
            list[i].count++;
            return;
        }
    if (*n < MOST_TALLIES) list[(*n)++] = (tally){outcome, reason, origin, 1};
}

static int count_all(tally *list, const rt_dataset *set)
{
    int n = 0;
    for (int64_t i = 0; i < rt_dataset_count(set); i++) {
        const rt_target *target = rt_dataset_at(set, i);
        add_tally(list, &n, "imported",
                  !target->n_conformation ? "without_labels" : target->n_slot == 1 ? "c1_labels" : "all_atom_labels",
                  target->origin);
    }
    for (int64_t i = 0; i < rt_dataset_note_count(set); i++) {
        const rt_dataset_note *note = rt_dataset_note_at(set, i);
        add_tally(list, &n, note->outcome, note->reason, note->origin);
    }
    return n;
}

static void print_table(const tally *list, int n)
{
    char origin[64];
    printf("outcome\treason\torigin\tcount\n");
    for (int i = 0; i < n; i++) {
        rt_origin_print(origin, sizeof origin, list[i].origin);
        printf("%s\t%s\t%s\t%lld\n", list[i].outcome, list[i].reason, origin, (long long)list[i].count);
    }
}

static rt_status print_json(const rt_dataset *set, const tally *list, int n, rt_err *err)
{
    char origin[64];
    json_t *root = json_object(), *rows = json_array();
    for (int i = 0; i < n; i++) {
        rt_origin_print(origin, sizeof origin, list[i].origin);
        json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:I}", "outcome", list[i].outcome, "reason",
                                              list[i].reason, "origin", origin, "count", (json_int_t)list[i].count));
    }
    json_object_set_new(root, "set", json_string(rt_dataset_folder(set)));
    json_object_set_new(root, "hash", json_string(rt_dataset_hash(set)));
    json_object_set_new(root, "targets", json_integer(rt_dataset_count(set)));
    json_object_set_new(root, "counts", rows);
    rt_status status = rt_print_json(root, err);
    json_decref(root);
    return status;
}

static rt_status summarise(rt_cli *cli, const char *folder, rt_err *err)
{
    tally list[MOST_TALLIES];
    rt_dataset *set;
    char path[PATH_MAX];
    int64_t residues = 0;
    rt_status status = rt_dataset_open(&set, folder, err);
    if (status != RT_OK) return status;
    for (int64_t i = 0; i < rt_dataset_count(set); i++) residues += rt_dataset_at(set, i)->length;
    int n = count_all(list, set);
    rt_info("%s: %lld targets, %lld residues, hash %.16s; what was refused and why is in %s/import.tsv", folder,
            (long long)rt_dataset_count(set), (long long)residues, rt_dataset_hash(set), folder);
    if (rt_dataset_count(set) == 0) {
        rt_path_join(path, sizeof path, folder, "import.tsv");
        rt_fail(err, RT_ERR_MISMATCH, path, 0, "nothing could be imported: all that was found is refused here, with the reason");
        status = rt_hint(err, "mend the files, or loosen what --help says is refused, and import again with --force");
    } else if (rt_option_flag(cli->options, "json")) status = print_json(set, list, n, err);
    else print_table(list, n);
    rt_run_record_set(cli->record, "dataset_hash", json_string(rt_dataset_hash(set)));
    rt_dataset_close(set);
    rt_path_join(path, sizeof path, folder, "run.json");
    return status == RT_OK ? rt_run_record_write(cli->record, cli->options, path, err) : status;
}

static rt_status check_date(const char *date, rt_err *err)
{
    int year, month, day, n = 0;
    if (!date || (sscanf(date, "%4d-%2d-%2d%n", &year, &month, &day, &n) == 3 && n == 10 && !date[10] && month >= 1 &&
                  month <= 12 && day >= 1 && day <= 31))
        return RT_OK;
    return rt_fail(err, RT_ERR_USAGE, NULL, 0, "--before: '%.40s' is no date (YYYY-MM-DD)", date);
}

static rt_status run(rt_cli *cli, rt_err *err)
{
    const rt_options *o = cli->options;
    bool kaggle = rt_option_has(o, "kaggle"), done = false;
    rt_import_options options = {
        .folder = rt_option_text(o, kaggle ? "kaggle" : "structures"),
        .out = rt_option_text(o, "out"),
        .before = rt_option_text(o, "before"),
        .max_resolution = rt_option_double(o, "max-resolution"),
        .min_completeness = rt_option_double(o, "min-completeness"),
        .max_breaks = rt_option_has(o, "max-breaks") ? rt_option_int(o, "max-breaks") : -1,
        .max_models = rt_option_int(o, "max-models"),
        .list = rt_option_text(o, "list"),
    };
    if (kaggle == rt_option_has(o, "structures"))
        return rt_fail(err, RT_ERR_USAGE, NULL, 0, kaggle ? "--kaggle and --structures: one import reads one of them"
                                                          : "--kaggle DIR or --structures DIR says what to import");
    if (kaggle && (options.list || rt_option_has(o, "max-models")))
        return rt_fail(err, RT_ERR_USAGE, NULL, 0, "--list and --max-models go with --structures");
    rt_status status = check_date(options.before, err);
    if (status == RT_OK && rt_option_flag(o, "force")) status = rt_dataset_remove(options.out, err);
    if (status == RT_OK) status = rt_import_is_done(&options, kaggle, &done, err);
    if (status != RT_OK) return status;
    if (done) rt_info("%s holds this import already", options.out);
    else status = kaggle ? rt_import_kaggle(&options, err) : rt_import_structures(&options, err);
    return status == RT_OK ? summarise(cli, options.out, err) : status;
}

static const rt_option OPTIONS[] = {
    {.name = "kaggle",
     .type = RT_OPTION_FOLDER,
     .value = "DIR",
     .help = "the competition's files, as they were downloaded"},
    {.name = "structures", .type = RT_OPTION_FOLDER, .value = "DIR", .help = "mmCIF and PDB files, plain or .gz"},
    {.name = "list",
     .type = RT_OPTION_FILE,
     .value = "FILE",
     .otherwise = "all files",
     .help = "which structures: names of files or targets (1EVV, 1EVV_A), one in a line"},
    {.name = "out",
     .type = RT_OPTION_OUT_FOLDER,
     .required = true,
     .value = "SET",
     .help = "the training set that is made"},
    {.name = "before",
     .type = RT_OPTION_TEXT,
     .value = "DATE",
     .otherwise = "any date",
     .help = "refuse training targets of that day or later (YYYY-MM-DD)"},
    {.name = "max-resolution",
     .type = RT_OPTION_DOUBLE,
     .value = "X",
     .unit = "Angstrom",
     .low = 0.1,
     .high = 100,
     .otherwise = "any",
     .help = "refuse structures of a known resolution that is worse"},
    {.name = "min-completeness",
     .type = RT_OPTION_DOUBLE,
     .value = "F",
     .low = 0,
     .high = 1,
     .fallback = "0",
     .help = "refuse training targets with a smaller part of their residues resolved"},
    {.name = "max-breaks",
     .type = RT_OPTION_INT,
     .value = "N",
     .low = 0,
     .high = 1000000,
     .otherwise = "any number",
     .help = "refuse training targets with more chain breaks"},
    {.name = "max-models",
     .type = RT_OPTION_INT,
     .value = "N",
     .low = 1,
     .high = 1000000,
     .otherwise = "all",
     .help = "conformations that are kept of a structure with several models"},
    {.name = "force", .type = RT_OPTION_FLAG, .help = "replace a set, or an unfinished import, that is in SET"},
    {.name = "json", .type = RT_OPTION_FLAG, .help = "JSON instead of a table"},
    {0},
};

const rt_command rt_cmd_import = {
    .name = "import",
    .summary = "make a training set from the competition's files or from structures",
    .options = OPTIONS,
    .description = "Reads train_, validation_ and test_sequences, _labels and _allatom (of each the newest version, "
                   ".csv or .csv.gz), "
                   "MSA_v2 and MSA, and template_features.pt; or a folder of structures, one target per RNA chain. "
                   "SET then holds "
                   "index.sqlite, coordinates.bin and import.tsv.\n\n"
                   "Targets are refused for characters that are no residues, sequences and labels that do not agree, "
                   "missing labels, "
                   "and by the options; every one is in import.tsv with its reason, file and line. --before and the "
                   "other limits are "
                   "for training targets and structures: validation and test targets are always kept.\n\n"
                   "Memory does not grow with the files. An import that was interrupted, however, goes on when the "
                   "same command is "
                   "given again.",
    .output = "A table: outcome, reason, origin, count.",
    .examples = "  rnatune import --kaggle stanford-rna-3d-folding --out set --before 2022-05-27\n"
                "  rnatune import --structures PDB_RNA --out set --max-resolution 3.5\n"
                "  sqlite3 set/index.sqlite 'SELECT id, length, resolution FROM target ORDER BY length'\n",
    .long_work = true,
    .run = run,
};
