/* cmd_package.c - rnatune package: a Kaggle data set and its notebook, and whether they will work */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "cli/choices.h"
#include "cli/commands.h"
#include "cli/print_json.h"
#include "prep/pairs_vienna.h"
#include "ship/bundle.h"
#include "ship/kaggle.h"
#include "ship/package.h"

enum { MOST_TEXTS = 64 };

typedef struct {
    const char *checkpoint[MOST_TEXTS], *adapter[MOST_TEXTS], *ranking[MOST_TEXTS], *pool[MOST_TEXTS], *dataset[MOST_TEXTS];
    const char *model[MOST_TEXTS], *kernel[MOST_TEXTS], *predict[2 * MOST_TEXTS];
    char name[MOST_TEXTS][64];   /* of predict's options */
} texts;

static rt_status read_texts(const rt_options *o, const char *name, const char **out, rt_package_texts *out_texts, rt_err *err)
{
    int n = rt_option_count(o, name);
    if (n > MOST_TEXTS) return rt_fail(err, RT_ERR_USAGE, NULL, 0, "--%s is given %d times: at most %d", name, n, MOST_TEXTS);
    for (int i = 0; i < n; i++) out[i] = rt_option_at(o, name, i);
    *out_texts = (rt_package_texts){.item = out, .n = n};
    return RT_OK;
}

/* An option of predict, which the notebook does not set itself. */
static const rt_option *find_predict_option(const char *name)
{
    static const char *const OURS[] = {"checkpoint", "adapter", "ribonanza", "no-ribonanza", "config", "conformers", "sequences",
                                       "msa-dir", "templates", "out", "time-budget", "resume", "dry-run", "json"};
    for (size_t i = 0; i < sizeof OURS / sizeof *OURS; i++)
        if (strcmp(name, OURS[i]) == 0) return NULL;
    for (const rt_option *option = rt_cmd_predict.options; option->name; option++)
        if (strcmp(name, option->name) == 0) return option;
    return NULL;
}

/* "samples=10" -> "--samples", "10"; "confidence" -> "--confidence". */
static rt_status read_predict(const rt_options *o, texts *t, rt_package_texts *out_texts, rt_err *err)
{
    int n = rt_option_count(o, "predict"), count = 0;
    if (n > MOST_TEXTS) return rt_fail(err, RT_ERR_USAGE, NULL, 0, "--predict is given %d times: at most %d", n, MOST_TEXTS);
    for (int i = 0; i < n; i++) {
        const char *text = rt_option_at(o, "predict", i), *equals = strchr(text, '=');
        int length = equals ? (int)(equals - text) : (int)strlen(text);
        snprintf(t->name[i], sizeof t->name[i], "--%.*s", length < 60 ? length : 60, text);
        const rt_option *option = find_predict_option(t->name[i] + 2);
        if (!option) {
            rt_fail(err, RT_ERR_USAGE, NULL, 0, "--predict %s: there is no such option of predict that a package may set", text);
            return rt_hint(err, "NAME=VALUE as in --predict samples=10; what is in the package the notebook names itself");
        }
        if ((option->type == RT_OPTION_FLAG) == (equals != NULL))
            return rt_fail(err, RT_ERR_USAGE, NULL, 0, "--predict %s: %s", text,
                           equals ? "the option takes no value" : "the option takes a value, as in samples=10");
        t->predict[count++] = t->name[i];
        if (equals) t->predict[count++] = equals + 1;
    }
    *out_texts = (rt_package_texts){.item = t->predict, .n = count};
    return RT_OK;
}

static rt_status read_options(const rt_options *o, rt_package_options *out, texts *t, rt_err *err)
{
    static const char *const WANTED[] = {"checkpoint", "title", "owner", "competition", "out"};
    rt_status status = RT_OK;
    const char *rule = rt_option_text(o, "select");
    double seconds;
    for (size_t i = 0; i < sizeof WANTED / sizeof *WANTED; i++)
        if (!rt_option_has(o, WANTED[i])) {
            rt_fail(err, RT_ERR_USAGE, NULL, 0, "--%s is missing", WANTED[i]);
            return rt_hint(err, "'rnatune package --help' shows an example; --check DIR needs nothing else");
        }
    *out = (rt_package_options){
        .opt_ribonanza = rt_option_text(o, "ribonanza"), .opt_conformers = rt_option_text(o, "conformers"),
        .opt_config = rt_option_text(o, "config"), .no_ribonanza = rt_option_flag(o, "no-ribonanza"),
        .title = rt_option_text(o, "title"), .owner = rt_option_text(o, "owner"),
        .competition = rt_option_text(o, "competition"), .out = rt_option_text(o, "out"),
        .licence = rt_option_text(o, "licence"), .time_budget = rt_option_text(o, "time-budget"),
        .opt_sequences = rt_option_text(o, "sequences"), .opt_sample = rt_option_text(o, "sample"),
        .opt_msa = rt_option_text(o, "msa"), .opt_templates = rt_option_text(o, "templates"),
        .opt_rule = strcmp(rule, "none") == 0 ? NULL : rule, .gpu = rt_option_flag(o, "gpu"),
        .opt_machine = rt_option_text(o, "machine"), .version = rt_version_text(),
        .commit = rt_version_commit(), .glibc = rt_option_text(o, "glibc")};
    if (out->opt_machine && !out->gpu)
        RT_TRY(rt_fail(err, RT_ERR_USAGE, NULL, 0, "--machine %.60s goes with --gpu", out->opt_machine));
    RT_TRY(rt_choice_duration(o, "time-budget", &seconds, err));
    RT_TRY(read_texts(o, "checkpoint", t->checkpoint, &out->checkpoint, err));
    RT_TRY(read_texts(o, "adapter", t->adapter, &out->adapter, err));
    RT_TRY(read_texts(o, "ranking", t->ranking, &out->ranking, err));
    RT_TRY(read_texts(o, "pool", t->pool, &out->pool, err));
    RT_TRY(read_texts(o, "dataset", t->dataset, &out->dataset, err));
    RT_TRY(read_texts(o, "model", t->model, &out->model, err));
    RT_TRY(read_texts(o, "kernel", t->kernel, &out->kernel, err));
    RT_TRY(read_predict(o, t, &out->predict, err));
    if (out->pool.n && (!out->opt_rule || (strcmp(out->opt_rule, "mixed") != 0 && strcmp(out->opt_rule, "consensus") != 0)))
        RT_TRY(rt_fail(err, RT_ERR_USAGE, NULL, 0,
                       "--pool needs --select mixed or consensus: outside predictions have no scores"));
done:
    return status;
}

static rt_status show_package(rt_cli *cli, const rt_package_report *report, rt_err *err)
{
    rt_status status = RT_OK;
    const json_t *file;
    const json_t *files = json_object_get(report->manifest, "files");
    char path[4400];
    size_t i;
    rt_run_record_set(cli->record, "files", json_incref((json_t *)(uintptr_t)files));
    rt_path_join(path, sizeof path, rt_option_text(cli->options, "out"), "run.json");
    RT_TRY(rt_run_record_write(cli->record, cli->options, path, err));
    if (rt_option_flag(cli->options, "json")) return rt_print_json(report->manifest, err);
    printf("file\trole\tbytes\tsha256\n");
    json_array_foreach((json_t *)(uintptr_t)files, i, file)
        printf("%s\t%s\t%lld\t%s\n", json_string_value(json_object_get(file, "file")),
               json_string_value(json_object_get(file, "role")), (long long)json_integer_value(json_object_get(file, "bytes")),
               json_string_value(json_object_get(file, "sha256")));
    rt_info("upload: kaggle datasets create -p %s", report->dataset);
    rt_info("then:   kaggle kernels push -p %s", report->notebook);
done:
    return status;
}

static rt_status make(rt_cli *cli, rt_err *err)
{
    rt_status status = RT_OK;
    rt_package_options options;
    rt_package_report report = {0};
    texts t;
    RT_TRY(read_options(cli->options, &options, &t, err));
    if (options.no_ribonanza) rt_warn("--no-ribonanza: RNAPro without RibonanzaNet2 is no better than its templates");
    if (rt_pairs_vienna_here())
        rt_warn("this build holds ViennaRNA, whose licence allows no redistribution for a fee: 'make VIENNA=0' builds without");
    RT_TRY(rt_package_make(&report, &options, err));
    RT_TRY(show_package(cli, &report, err));
done:
    rt_package_report_free_members(&report);
    return status;
}

static rt_status check(rt_cli *cli, rt_err *err)
{
    static const char *const ALONE[] = {"checkpoint", "title", "owner", "competition", "out"};
    rt_status status = RT_OK;
    const rt_options *o = cli->options;
    json_t *checks = NULL;
    const json_t *one, *mistake;
    size_t i, k;
    bool ok;
    for (size_t a = 0; a < sizeof ALONE / sizeof *ALONE; a++)
        if (rt_option_given(o, ALONE[a]))
            return rt_fail(err, RT_ERR_USAGE, NULL, 0, "--check looks at a package that is there: --%s makes one", ALONE[a]);
    RT_TRY(rt_package_check(&checks, &ok, rt_option_text(o, "check"), rt_option_text(o, "glibc"), err));
    cli->check_failed = !ok;
    if (rt_option_flag(o, "json")) RT_TRY(rt_print_json(checks, err));
    else {
        printf("check\tresult\twhat\n");
        json_array_foreach(checks, i, one) {
            const char *name = json_string_value(json_object_get(one, "check"));
            if (json_is_true(json_object_get(one, "ok"))) printf("%s\tok\t\n", name);
            json_array_foreach(json_object_get(one, "mistakes"), k, mistake)
                printf("%s\tmistake\t%s\n", name, json_string_value(mistake));
        }
    }
done:
    json_decref(checks);
    return status;
}

static rt_status run(rt_cli *cli, rt_err *err)
{
    return rt_option_has(cli->options, "check") ? check(cli, err) : make(cli, err);
}

static const rt_option OPTIONS[] = {
    {.name = "check", .type = RT_OPTION_FOLDER, .value = "DIR",
     .help = "instead of making a package: is the one in DIR, as it is now, going to work? Exit status 3 when not"},
    {.name = "checkpoint", .type = RT_OPTION_FILE, .repeated = true, .value = "FILE",
     .help = "RNAPro's weights as safetensors; given several times, the samples of all compete"},
    {.name = "adapter", .type = RT_OPTION_PATH, .repeated = true, .value = "DIR|FILE", .otherwise = "none",
     .help = "as predict's: a PEFT LoRA folder, or a file with a confidence head"},
    {.name = "ribonanza", .type = RT_OPTION_FOLDER, .value = "DIR", .otherwise = "from the checkpoints",
     .help = "RibonanzaNet2: a folder with pairwise.yaml and pytorch_model_fsdp.bin"},
    {.name = "no-ribonanza", .type = RT_OPTION_FLAG, .help = "without RibonanzaNet2, knowing that it costs accuracy"},
    {.name = "ranking", .type = RT_OPTION_FILE, .repeated = true, .value = "FILE", .otherwise = "none",
     .help = "ranking.json of each checkpoint; predict then ranks by it"},
    {.name = "conformers", .type = RT_OPTION_FILE, .value = "FILE", .otherwise = "built in",
     .help = "reference conformers, as predict's"},
    {.name = "config", .type = RT_OPTION_FILE, .value = "FILE", .otherwise = "what the weights say", .help = "as predict's"},
    {.name = "title", .type = RT_OPTION_TEXT, .value = "TEXT",
     .help = "of the data set, 6 to 41 characters; its address follows from it, and the notebook's from it and ' notebook'"},
    {.name = "owner", .type = RT_OPTION_TEXT, .value = "USER", .help = "your Kaggle user name"},
    {.name = "competition", .type = RT_OPTION_TEXT, .value = "SLUG", .help = "the competition, as in its address"},
    {.name = "out", .type = RT_OPTION_OUT_FOLDER, .value = "DIR", .help = "gets dataset/ and notebook/"},
    {.name = "time-budget", .type = RT_OPTION_TEXT, .value = "TIME", .fallback = "8h30m",
     .help = "wall clock of the notebook's run; Kaggle's limit less a reserve"},
    {.name = "sequences", .type = RT_OPTION_TEXT, .value = "SLUG/PATH", .otherwise = "COMPETITION/test_sequences.csv",
     .help = "what is folded; this and the next four are paths below /kaggle/input"},
    {.name = "sample", .type = RT_OPTION_TEXT, .value = "SLUG/PATH", .otherwise = "COMPETITION/sample_submission.csv",
     .help = "the table whose rows a submission has"},
    {.name = "msa", .type = RT_OPTION_TEXT, .value = "SLUG/PATH", .otherwise = "no MSA",
     .help = "a folder of alignments"},
    {.name = "templates", .type = RT_OPTION_TEXT, .value = "SLUG/PATH", .otherwise = "no template",
     .help = "template_features.pt, or a template submission.csv"},
    {.name = "pool", .type = RT_OPTION_TEXT, .repeated = true, .value = "SLUG/PATH", .otherwise = "none",
     .help = "predictions of other programs, for select"},
    {.name = "dataset", .type = RT_OPTION_TEXT, .repeated = true, .value = "OWNER/SLUG", .otherwise = "none",
     .help = "another data set that the notebook reads"},
    {.name = "model", .type = RT_OPTION_TEXT, .repeated = true, .value = "OWNER/MODEL/FRAMEWORK/VARIATION/VERSION",
     .otherwise = "none", .help = "a Kaggle model that the notebook reads"},
    {.name = "kernel", .type = RT_OPTION_TEXT, .repeated = true, .value = "OWNER/SLUG", .otherwise = "none",
     .help = "a notebook whose output this one reads"},
    {.name = "predict", .type = RT_OPTION_TEXT, .repeated = true, .value = "NAME=VALUE", .otherwise = "predict's defaults",
     .help = "an option of predict in the notebook: samples=10, precision=bf16"},
    {.name = "select", .type = RT_OPTION_CHOICE, .choices = "none|plddt|ptm|gpde|ranking_score|learned|consensus|mixed",
     .fallback = "mixed", .help = "how select chooses from what predict drew; none: as predict ranks"},
    {.name = "gpu", .type = RT_OPTION_FLAG, .help = "ask Kaggle for a GPU, and predict with --device cuda"},
    {.name = "machine", .type = RT_OPTION_TEXT, .value = "NAME", .otherwise = "Kaggle's default",
     .choices = "NvidiaTeslaP100|NvidiaTeslaT4|NvidiaTeslaT4Highmem|NvidiaL4|NvidiaL4X1",
     .help = "with --gpu: which one, as Kaggle calls it (NvidiaTeslaT4, NvidiaL4, ...)"},
    {.name = "licence", .type = RT_OPTION_TEXT, .value = "NAME", .fallback = "other", .choices = RT_KAGGLE_LICENCES,
     .help = "of the data set, in Kaggle's words: other, CC0-1.0, CC-BY-4.0 ... The weights' licence is theirs who made them"},
    {.name = "glibc", .type = RT_OPTION_TEXT, .value = "VERSION", .fallback = RT_BUNDLE_GLIBC,
     .help = "the newest that program and libraries may want: that of Kaggle's image"},
    {.name = "json", .type = RT_OPTION_FLAG, .help = "JSON instead of a table"},
    {0},
};

const rt_command rt_cmd_package = {
    .name = "package",
    .summary = "make a Kaggle data set and a notebook that runs it offline",
    .options = OPTIONS,
    .description =
        "DIR/dataset is a data set for Kaggle: this very program, the libraries that it uses (but glibc's own), the weights, "
        "licences, and MANIFEST.json with every file's size and SHA-256. It is one flat folder, because Kaggle's command line "
        "leaves folders out. DIR/notebook is a notebook that needs no internet: it checks every hash, says what is there and "
        "what is missing, runs predict within the time budget, chooses with select, and writes submission.csv with every row "
        "of the sample.\n\n"
        "Nothing is copied before everything is checked: titles and the addresses that follow from them, that every path "
        "belongs to a source of the notebook, that no symbol is newer than --glibc, that nothing was compiled for one kind of "
        "processor, that RibonanzaNet2 is there.\n\n"
        "--check does the same with a package on the disk, changed by hand or not, and compares every hash.",
    .output =
        "A table of file, role, bytes and SHA-256; with --check of check, result and what is wrong.",
    .examples =
        "  rnatune package --checkpoint best.safetensors --ribonanza ribonanzanet2 \\\n"
        "      --title \"RNAPro tuned\" --owner anna --competition stanford-rna-3d-folding-2 \\\n"
        "      --msa stanford-rna-3d-folding-2/MSA --out kaggle\n"
        "  rnatune package --check kaggle\n"
        "  kaggle datasets create -p kaggle/dataset\n"
        "  kaggle kernels push -p kaggle/notebook\n",
    .long_work = true,
    .run = run,
};
