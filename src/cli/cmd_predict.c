/* cmd_predict.c - rnatune predict: sequences to structures */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/ranks.h"
#include "cli/choices.h"
#include "cli/commands.h"
#include "pipeline.h"

/* Says what was left open and came from the config. */
static void resolve(rt_options *options, const char *name, int64_t value, const char *config)
{
    char text[32];
    if (rt_option_given(options, name)) return;
    snprintf(text, sizeof text, "%lld", (long long)value);
    rt_option_resolve(options, name, text, config);
}

static void add_inputs(rt_cli *cli, const json_t *inputs)
{
    size_t index;
    json_t *input;
    json_array_foreach((json_t *)(uintptr_t)inputs, index, input)
        rt_run_record_add_input(cli->record, json_string_value(json_object_get(input, "role")),
                                json_string_value(json_object_get(input, "path")),
                                json_integer_value(json_object_get(input, "bytes")),
                                json_string_value(json_object_get(input, "sha256")));
}

static void print_targets(const json_t *targets)
{
    size_t index;
    json_t *target;
    printf("target\tlength\tmsa_rows\ttemplates\tranking_score\tseconds\tfolder\n");
    json_array_foreach((json_t *)(uintptr_t)targets, index, target) {
        const json_t *inputs = json_object_get(target, "inputs"), *error = json_object_get(target, "error");
        const json_t *seconds = json_object_get(target, "seconds");
        double sum = 0;
        const char *key;
        json_t *value;
        json_object_foreach((json_t *)(uintptr_t)seconds, key, value) sum += json_number_value(value);
        if (error) {
            printf("%s\tNA\tNA\tNA\tNA\tNA\tNA\n", json_string_value(json_object_get(target, "target")));
            continue;
        }
        printf("%s\t%lld\t%lld\t%lld\t%.6f\t%.1f\t%s\n", json_string_value(json_object_get(target, "target")),
               (long long)json_integer_value(json_object_get(target, "length")),
               (long long)json_integer_value(json_object_get(json_object_get(inputs, "msa"), "rows")),
               (long long)json_integer_value(json_object_get(json_object_get(inputs, "templates"), "used")),
               json_number_value(json_object_get(target, "best_ranking_score")), sum,
               json_string_value(json_object_get(target, "folder")));
    }
}

/* What a --dry-run says: the plan of every target and the memory that it needs. */
static void print_plan(const json_t *targets)
{
    size_t index;
    json_t *target;
    printf("target\tlength\tpasses\tcycles\tsteps\tsamples\tmemory_gib\tin_chunks\n");
    json_array_foreach((json_t *)(uintptr_t)targets, index, target) {
        const json_t *protocol = json_object_get(target, "protocol"), *memory = json_object_get(target, "memory");
        printf("%s\t%lld\t", json_string_value(json_object_get(target, "target")),
               (long long)json_integer_value(json_object_get(target, "length")));
        if (json_object_get(target, "error") || !protocol) {
            printf("NA\tNA\tNA\tNA\tNA\tNA\n");
            continue;
        }
        static const char *const COUNTS[] = {"passes", "cycles", "steps", "samples"};
        for (int i = 0; i < 4; i++) printf("%lld\t", (long long)json_integer_value(json_object_get(protocol, COUNTS[i])));
        if (memory) printf("%.3f\t%s\n", (double)json_integer_value(json_object_get(memory, "total")) / (1 << 30),
                           json_is_true(json_object_get(memory, "in_chunks")) ? "yes" : "no");
        else printf("NA\tNA\n");
    }
}

enum { MOST_CHECKPOINTS = 64, MOST_ADAPTERS = 64, MOST_NUMBERS = 64 };

/* The lists that options point into. */
typedef struct {
    const char *checkpoint[MOST_CHECKPOINTS], *adapter[MOST_ADAPTERS];
    int64_t number[MOST_NUMBERS], template_idx[MOST_NUMBERS];
    uint64_t seed[MOST_NUMBERS];
} lists;

static rt_rank_by read_rank_by(const char *name)
{
    static const char *const NAMES[] = {"ranking_score", "ptm", "plddt", "gpde", "learned"};
    for (int i = 0; i < 5; i++)
        if (strcmp(name, NAMES[i]) == 0) return (rt_rank_by)i;
    RT_BUG("--rank-by %s", name);
}

static rt_status read_lists(const rt_options *o, rt_predict_options *options, lists *l, rt_err *err)
{
    rt_status status = RT_OK;
    options->n_checkpoint = rt_option_count(o, "checkpoint");
    if (options->n_checkpoint > MOST_CHECKPOINTS)
        return rt_fail(err, RT_ERR_USAGE, NULL, 0, "%d checkpoints: at most %d", options->n_checkpoint, MOST_CHECKPOINTS);
    for (int i = 0; i < options->n_checkpoint; i++) l->checkpoint[i] = rt_option_at(o, "checkpoint", i);
    options->checkpoint = l->checkpoint;
    options->model.n_adapter = rt_option_count(o, "adapter");
    if (options->model.n_adapter > MOST_ADAPTERS)
        return rt_fail(err, RT_ERR_USAGE, NULL, 0, "%d adapters: at most %d", options->model.n_adapter, MOST_ADAPTERS);
    for (int i = 0; i < options->model.n_adapter; i++) l->adapter[i] = rt_option_at(o, "adapter", i);
    options->model.adapter = l->adapter;
    RT_TRY(rt_choice_numbers(o, "seed", 0, (int64_t)9e15, l->number, MOST_NUMBERS, &options->n_seed, err));
    for (int i = 0; i < options->n_seed; i++) l->seed[i] = (uint64_t)l->number[i];
    options->seed = l->seed;
    RT_TRY(rt_choice_numbers(o, "template-idx", 0, 1000, l->template_idx, MOST_NUMBERS, &options->n_template_set, err));
    options->template_idx = l->template_idx;
done:
    return status;
}

/* The reference's protocol fixes what it fixes: an option that it would silently ignore is refused. */
static rt_status check_protocol(const rt_options *o, const rt_predict_options *options, rt_err *err)
{
    static const char *const FIXED[] = {"samples", "template-idx", "trunks", "rank-by"};
    for (int i = 0; i < 4 && options->protocol == RT_PROTOCOL_RNAPRO; i++)
        if (rt_option_given(o, FIXED[i])) {
            rt_fail(err, RT_ERR_USAGE, NULL, 0, "--protocol rnapro and --%s contradict each other", FIXED[i]);
            return rt_hint(err, "it is the reference's submission: template_idx 0 to 4, one trunk and one sample each, unranked");
        }
    return RT_OK;
}

static rt_status read_options(const rt_options *o, rt_predict_options *out_options, lists *l, rt_err *err)
{
    rt_status status = RT_OK;
    bool zeros = strcmp(rt_option_text(o, "no-template"), "zeros") == 0;
    bool origin = strcmp(rt_option_text(o, "template-missing"), "origin") == 0;
    *out_options = (rt_predict_options){
        .model = {.opt_ribonanza = rt_option_text(o, "ribonanza"), .opt_config = rt_option_text(o, "config"),
                  .no_ribonanza = rt_option_flag(o, "no-ribonanza"),
                  .precision = rt_choice_precision(rt_option_text(o, "precision"))},
        .sequences = rt_option_text(o, "sequences"),
        .opt_msa_dir = rt_option_text(o, "msa-dir"),
        .opt_templates = rt_option_text(o, "templates"),
        .opt_conformers = rt_option_text(o, "conformers"),
        .out = rt_option_text(o, "out"),
        .protocol = strcmp(rt_option_text(o, "protocol"), "rnapro") == 0 ? RT_PROTOCOL_RNAPRO : RT_PROTOCOL_RANKED,
        .rank_by = read_rank_by(rt_option_text(o, "rank-by")),
        .keep = rt_option_int(o, "keep"),
        .n_trunk = rt_option_int(o, "trunks"),
        .template_missing = origin ? RT_TEMPLATE_MISSING_ORIGIN : RT_TEMPLATE_MISSING_MASK,
        .no_template = zeros ? RT_NO_TEMPLATE_ZEROS : RT_NO_TEMPLATE_REFERENCE,
        .n_sample = rt_option_int(o, "samples"),
        .n_cycle = rt_option_int(o, "cycles"),
        .n_step = rt_option_int(o, "steps"),
        .write_confidence = rt_option_flag(o, "confidence"),
        .write_plots = rt_option_flag(o, "plots"),
        .resume = rt_option_flag(o, "resume"),
        .dry_run = rt_option_flag(o, "dry-run"),
        .version = rt_version_text(),
        .backend = rt_choice_backend(o),
        .threads = rt_choice_threads(o),
    };
    RT_TRY(read_lists(o, out_options, l, err));
    RT_TRY(check_protocol(o, out_options, err));
    RT_TRY(rt_choice_bytes(o, "memory-limit", &out_options->memory_limit, err));
    RT_TRY(rt_choice_duration(o, "time-budget", &out_options->time_budget, err));
done:
    return status;
}

static void fill_record(rt_cli *cli, const rt_predict_options *options, const rt_predict_report *report, rt_status folding,
                        const rt_err *err)
{
    rt_options *o = cli->options;
    resolve(o, "samples", report->n_sample, report->config);
    resolve(o, "cycles", report->n_cycle, report->config);
    resolve(o, "steps", report->n_step, report->config);
    rt_run_record_seed(cli->record, (int64_t)options->seed[0]);
    rt_run_record_device(cli->record, rt_choice_device(o));
    rt_run_record_set(cli->record, "ranks", json_integer(rt_ranks_count()));
    rt_run_record_set(cli->record, "config", json_string(report->config));
    rt_run_record_set(cli->record, "parameters", json_integer(report->n_parameters));
    rt_run_record_set(cli->record, "ribonanzanet2", json_string(rt_ribonanza_source_name(report->ribonanza_source)));
    if (report->bf16_in_fp32) rt_run_record_set(cli->record, "bf16_products_in_fp32", json_true());
    rt_run_record_set(cli->record, "targets", json_incref(report->targets));
    rt_run_record_set(cli->record, "targets_failed", json_integer(report->n_failed));
    rt_run_record_set(cli->record, "stopped", json_boolean(folding == RT_ERR_STOPPED));
    add_inputs(cli, report->inputs);
    if (folding != RT_OK) {
        char why[2048];
        rt_err_print(err, why, sizeof why);
        rt_run_record_set(cli->record, "error", json_string(why));
    }
}

static void print_report(const rt_options *o, const rt_predict_report *report, bool dry_run)
{
    if (rt_option_flag(o, "json")) {
        json_dumpf(report->targets, stdout, JSON_INDENT(1));
        putchar('\n');
    } else if (dry_run) print_plan(report->targets);
    else print_targets(report->targets);
}

static rt_status run(rt_cli *cli, rt_err *err)
{
    rt_status status = RT_OK, folding = RT_OK;
    rt_options *o = cli->options;
    rt_predict_options options;
    rt_predict_report report = {0};
    lists l;
    char path[4096];
    rt_err record_err;
    status = rt_ranks_agree(read_options(o, &options, &l, err), err);
    if (status != RT_OK) return status;
    folding = rt_predict(&options, &report, err);
    bool whole = folding == RT_OK || folding == RT_ERR_STOPPED; /* else the others know of it, and are gone */
    if (report.n_target == 0 || (!whole && !rt_ranks_lead())) {
        json_decref(report.targets);
        json_decref(report.inputs);
        return folding;
    }
    fill_record(cli, &options, &report, folding, err);
    rt_path_join(path, sizeof path, options.out, "run.json");
    if (!options.dry_run && rt_ranks_lead()) status = rt_run_record_write(cli->record, o, path, &record_err);
    if (whole) status = rt_ranks_agree(status, &record_err);
    print_report(o, &report, options.dry_run);
    RT_TRY(status);
    rt_path_join(path, sizeof path, options.out, "submission.csv");
    if (!options.dry_run) rt_info("results: %s, %s/run.json, and a folder for each target", path, options.out);
    if (folding == RT_OK && report.n_failed) {
        rt_fail(err, RT_ERR_FORMAT, NULL, 0, "%lld of %lld targets failed; the others are %s", (long long)report.n_failed,
                (long long)report.n_target, options.dry_run ? "planned" : "written");
        folding = rt_ranks_agree(err->code, err);
    }
done:
    if (status != RT_OK && folding == RT_OK) {
        folding = status;
        *err = record_err;
    }
    json_decref(report.targets);
    json_decref(report.inputs);
    return folding;
}

static const rt_option OPTIONS[] = {
    {.name = "checkpoint", .type = RT_OPTION_FILE, .required = true, .repeated = true, .value = "FILE",
     .help = "RNAPro's weights: a .pt that PyTorch wrote, or safetensors; given several times, the samples of all compete"},
    {.name = "adapter", .type = RT_OPTION_PATH, .repeated = true, .value = "DIR|FILE", .otherwise = "none",
     .help = "on top of every checkpoint, in this order: a PEFT LoRA folder, or a file whose confidence head replaces its own"},
    {.name = "ribonanza", .type = RT_OPTION_FOLDER, .value = "DIR", .otherwise = "from the checkpoint",
     .help = "RibonanzaNet2: a folder with pairwise.yaml and pytorch_model_fsdp.bin"},
    {.name = "no-ribonanza", .type = RT_OPTION_FLAG, .help = "run without RibonanzaNet2, knowing that it costs accuracy"},
    {.name = "config", .type = RT_OPTION_TEXT, .value = "NAME|FILE", .otherwise = "what the weights say",
     .help = "rnapro_base, rnapro_mini, rnapro_tiny, or a JSON or YAML file"},
    {.name = "sequences", .type = RT_OPTION_FILE, .required = true, .value = "FILE",
     .help = "CSV with columns target_id and sequence"},
    {.name = "msa-dir", .type = RT_OPTION_FOLDER, .value = "DIR", .otherwise = "no MSA",
     .help = "alignments <target>.MSA.fasta, .fasta, .a3m, .sto or .stk"},
    {.name = "templates", .type = RT_OPTION_FILE, .value = "FILE", .otherwise = "no template",
     .help = "template_features.pt, or a template submission.csv"},
    {.name = "template-idx", .type = RT_OPTION_TEXT, .value = "K[,K...]", .fallback = "0",
     .help = "use templates 0 to K, best first, as the reference's template_idx; several sets are folded one after another"},
    {.name = "template-missing", .type = RT_OPTION_CHOICE, .choices = "mask|origin", .fallback = "mask",
     .help = "a residue that a template lacks: masked, or at the origin as in the reference"},
    {.name = "no-template", .type = RT_OPTION_CHOICE, .choices = "reference|zeros", .fallback = "reference",
     .help = "a target without a template: nothing, as the reference infers, or a template of zeros, as it was trained"},
    {.name = "conformers", .type = RT_OPTION_FILE, .value = "FILE", .otherwise = "built in",
     .help = "reference conformers: the CCD cache components.cif.rdkit_mol.pkl, or JSON"},
    {.name = "out", .type = RT_OPTION_OUT_FOLDER, .required = true, .value = "DIR", .help = "where the results go"},
    {.name = "protocol", .type = RT_OPTION_CHOICE, .choices = "ranked|rnapro", .fallback = "ranked",
     .help = "ranked: samples of all trunk passes, template sets, seeds and checkpoints, best first; rnapro: the reference's "
             "submission, template_idx 0 to 4, one trunk and one sample each, in that order"},
    {.name = "rank-by", .type = RT_OPTION_CHOICE, .choices = "ranking_score|ptm|plddt|gpde|learned", .fallback = "ranking_score",
     .help = "what orders samples; all scores of all samples are recorded. For one chain ranking_score is 0.2 ptm; learned: by "
             "ranking.json beside the checkpoint, from 'train confidence --validation-rollouts'"},
    {.name = "keep", .type = RT_OPTION_INT, .value = "N", .fallback = "5", .low = 1, .high = 1000,
     .help = "structures written of each target, the best ones"},
    {.name = "trunks", .type = RT_OPTION_INT, .value = "N", .fallback = "1", .low = 1, .high = 1000,
     .help = "trunk passes, each with other MSA rows and its own samples"},
    {.name = "samples", .type = RT_OPTION_INT, .value = "N", .otherwise = "from the config", .low = 1, .high = 10000,
     .help = "structures drawn from each trunk pass"},
    {.name = "cycles", .type = RT_OPTION_INT, .value = "N", .otherwise = "from the config", .low = 1, .high = 1000,
     .help = "recycles of the trunk"},
    {.name = "steps", .type = RT_OPTION_INT, .value = "N", .otherwise = "from the config", .low = 1, .high = 100000,
     .help = "diffusion steps"},
    {.name = "seed", .type = RT_OPTION_TEXT, .value = "N[,N...]", .fallback = "42",
     .help = "of every random number; with several, the samples of all compete"},
    {.name = "confidence", .type = RT_OPTION_FLAG,
     .help = "write confidence.safetensors too: pLDDT, PAE, PDE and contacts of the structures that are kept"},
    {.name = "plots", .type = RT_OPTION_FLAG, .help = "write an SVG beside each structure: pLDDT and PAE"},
    {.name = "resume", .type = RT_OPTION_FLAG,
     .help = "go on where an earlier run into DIR was stopped or killed; targets whose inputs changed are folded again"},
    {.name = "memory-limit", .type = RT_OPTION_TEXT, .value = "BYTES", .otherwise = "what the machine has free",
     .help = "memory that may be used, as 20G: a longer target runs in chunks, or is refused before it starts"},
    {.name = "time-budget", .type = RT_OPTION_TEXT, .value = "TIME", .otherwise = "no limit",
     .help = "wall clock for all targets, as 8h30m: when it gets short the rest have fewer samples, steps or cycles"},
    {.name = "dry-run", .type = RT_OPTION_FLAG, .help = "only say what each target would get and how much memory it needs"},
    RT_CHOICE_PRECISION,
    RT_CHOICE_BACKEND,
    RT_CHOICE_THREADS,
    {.name = "json", .type = RT_OPTION_FLAG, .help = "JSON on stdout instead of a table"},
    {0},
};

const rt_command rt_cmd_predict = {
    .name = "predict",
    .summary = "fold RNA: sequences to ranked structures",
    .options = OPTIONS,
    .description =
        "Folds every target of a CSV with RNAPro: samples of one or more trunk passes, template sets, seeds and checkpoints, "
        "ranked together, the best written.\n\n"
        "A target without an MSA or a template is folded all the same; stderr, summary.json and run.json say what each "
        "target really had. A model without RibonanzaNet2 is refused unless --no-ribonanza says that it is meant.\n\n"
        "A target that fails has zeros in submission.csv and NA in the table, the others go on, and the exit status is 1."
        " Structures of an earlier run of the same target are replaced, those of more samples removed.\n\n"
        "Columns all_sequences, stoichiometry and ligand_ids, where the CSV has them, say which RNA chains a target has; "
        "proteins, DNA and ligands are not modelled, and are named.",
    .output =
        "DIR/<target>/<target>_sample_<rank>.cif, best first; DIR/<target>/summary.json with every score of every sample; "
        "DIR/<target>/submission.csv, its rows; "
        "DIR/submission.csv; DIR/run.json. On stdout a table of the targets.",
    .examples =
        "  rnatune predict --checkpoint rnapro_base.pt --ribonanza ribonanzanet2 \\\n"
        "      --sequences test_sequences.csv --msa-dir MSA --templates template_features.pt --out folds",
    .long_work = true,
    .ranks = true,
    .run = run,
};
