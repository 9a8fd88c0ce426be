/* cmd_predict.c - rnatune predict: sequences to structures */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
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

static rt_status add_inputs(rt_cli *cli, const rt_predict_options *options, rt_err *err)
{
    rt_status status = RT_OK;
    char path[4096];
    RT_TRY(rt_run_record_input(cli->record, "checkpoint", options->model.checkpoint, err));
    if (options->model.opt_ribonanza) {
        rt_path_join(path, sizeof path, options->model.opt_ribonanza, "pytorch_model_fsdp.bin");
        RT_TRY(rt_run_record_input(cli->record, "ribonanza", path, err));
    }
    RT_TRY(rt_run_record_input(cli->record, "sequences", options->sequences, err));
    if (options->opt_templates) RT_TRY(rt_run_record_input(cli->record, "templates", options->opt_templates, err));
    if (options->opt_conformers) RT_TRY(rt_run_record_input(cli->record, "conformers", options->opt_conformers, err));
done:
    return status;
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

static rt_predict_options read_options(const rt_options *o)
{
    bool zeros = strcmp(rt_option_text(o, "no-template"), "zeros") == 0;
    bool origin = strcmp(rt_option_text(o, "template-missing"), "origin") == 0;
    return (rt_predict_options){
        .model = {.checkpoint = rt_option_text(o, "checkpoint"), .opt_ribonanza = rt_option_text(o, "ribonanza"),
                  .opt_config = rt_option_text(o, "config"), .no_ribonanza = rt_option_flag(o, "no-ribonanza"),
                  .precision = rt_choice_precision(rt_option_text(o, "precision"))},
        .sequences = rt_option_text(o, "sequences"),
        .opt_msa_dir = rt_option_text(o, "msa-dir"),
        .opt_templates = rt_option_text(o, "templates"),
        .opt_conformers = rt_option_text(o, "conformers"),
        .out = rt_option_text(o, "out"),
        .template_idx = rt_option_int(o, "template-idx"),
        .template_missing = origin ? RT_TEMPLATE_MISSING_ORIGIN : RT_TEMPLATE_MISSING_MASK,
        .no_template = zeros ? RT_NO_TEMPLATE_ZEROS : RT_NO_TEMPLATE_REFERENCE,
        .n_sample = rt_option_int(o, "samples"),
        .n_cycle = rt_option_int(o, "cycles"),
        .n_step = rt_option_int(o, "steps"),
        .seed = (uint64_t)rt_option_int(o, "seed"),
        .backend = rt_choice_backend(rt_option_text(o, "device")),
        .threads = rt_choice_threads(o),
    };
}

static rt_status run(rt_cli *cli, rt_err *err)
{
    rt_status status = RT_OK, folding;
    rt_options *o = cli->options;
    rt_predict_options options = read_options(o);
    rt_predict_report report = {0};
    char path[4096];
    folding = rt_predict(&options, &report, err);
    if (report.n_target == 0) {
        json_decref(report.targets);
        return folding;
    }
    resolve(o, "samples", report.n_sample, report.config);
    resolve(o, "cycles", report.n_cycle, report.config);
    resolve(o, "steps", report.n_step, report.config);
    rt_run_record_seed(cli->record, (int64_t)options.seed);
    rt_run_record_device(cli->record, rt_option_text(o, "device"));
    rt_run_record_set(cli->record, "config", json_string(report.config));
    rt_run_record_set(cli->record, "parameters", json_integer(report.n_parameters));
    rt_run_record_set(cli->record, "ribonanzanet2", json_string(rt_ribonanza_source_name(report.ribonanza_source)));
    rt_run_record_set(cli->record, "targets", json_incref(report.targets));
    rt_run_record_set(cli->record, "targets_failed", json_integer(report.n_failed));
    rt_run_record_set(cli->record, "stopped", json_boolean(folding == RT_ERR_STOPPED));
    if (folding != RT_OK) {
        char why[2048];
        rt_err_print(err, why, sizeof why);
        rt_run_record_set(cli->record, "error", json_string(why));
    }
    rt_err record_err;
    status = add_inputs(cli, &options, &record_err);
    rt_path_join(path, sizeof path, options.out, "run.json");
    if (status == RT_OK) status = rt_run_record_write(cli->record, o, path, &record_err);
    if (rt_option_flag(o, "json")) {
        json_dumpf(report.targets, stdout, JSON_INDENT(1));
        putchar('\n');
    } else {
        print_targets(report.targets);
    }
    RT_TRY(status);
    rt_path_join(path, sizeof path, options.out, "submission.csv");
    rt_info("results: %s, %s/run.json, and a folder for each target", path, options.out);
    if (folding == RT_OK && report.n_failed)
        folding = rt_fail(err, RT_ERR_FORMAT, NULL, 0, "%lld of %lld targets failed; the others are written",
                          (long long)report.n_failed, (long long)report.n_target);
done:
    if (status != RT_OK && folding == RT_OK) {
        folding = status;
        *err = record_err;
    }
    json_decref(report.targets);
    return folding;
}

static const rt_option OPTIONS[] = {
    {.name = "checkpoint", .type = RT_OPTION_FILE, .required = true, .value = "FILE",
     .help = "RNAPro's weights: a .pt that PyTorch wrote, or safetensors"},
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
    {.name = "template-idx", .type = RT_OPTION_INT, .value = "K", .fallback = "0", .low = 0, .high = 1000,
     .help = "use templates 0 to K, best first, as the reference's template_idx"},
    {.name = "template-missing", .type = RT_OPTION_CHOICE, .choices = "mask|origin", .fallback = "mask",
     .help = "a residue that a template lacks: masked, or at the origin as in the reference"},
    {.name = "no-template", .type = RT_OPTION_CHOICE, .choices = "reference|zeros", .fallback = "reference",
     .help = "a target without a template: nothing, as the reference infers, or a template of zeros, as it was trained"},
    {.name = "conformers", .type = RT_OPTION_FILE, .value = "FILE", .otherwise = "built in",
     .help = "reference conformers: the CCD cache components.cif.rdkit_mol.pkl, or JSON"},
    {.name = "out", .type = RT_OPTION_OUT_FOLDER, .required = true, .value = "DIR", .help = "where the results go"},
    {.name = "samples", .type = RT_OPTION_INT, .value = "N", .otherwise = "from the config", .low = 1, .high = 10000,
     .help = "structures per target, from one trunk pass"},
    {.name = "cycles", .type = RT_OPTION_INT, .value = "N", .otherwise = "from the config", .low = 1, .high = 1000,
     .help = "recycles of the trunk"},
    {.name = "steps", .type = RT_OPTION_INT, .value = "N", .otherwise = "from the config", .low = 1, .high = 100000,
     .help = "diffusion steps"},
    {.name = "seed", .type = RT_OPTION_INT, .value = "N", .fallback = "42", .low = 0, .high = 9e15,
     .help = "of every random number"},
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
        "Folds every target of a CSV with RNAPro: one trunk pass per target, several samples, ranked by ranking_score.\n\n"
        "A target without an MSA or a template is folded all the same; stderr, summary.json and run.json say what each "
        "target really had. A model without RibonanzaNet2 is refused unless --no-ribonanza says that it is meant.\n\n"
        "A target that fails has zeros in submission.csv and NA in the table, the others go on, and the exit status is 1."
        " Structures of an earlier run of the same target are replaced, those of more samples removed.",
    .output =
        "DIR/<target>/<target>_sample_<rank>.cif, best first; DIR/<target>/summary.json with every score; "
        "DIR/submission.csv; DIR/run.json. On stdout a table of the targets.",
    .examples =
        "  rnatune predict --checkpoint rnapro_base.pt --ribonanza ribonanzanet2 \\\n"
        "      --sequences test_sequences.csv --msa-dir MSA --templates template_features.pt --out folds",
    .long_work = true,
    .run = run,
};
