#include "ship/package.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/memory.h"
#include "confidence/ranking.h"
#include "io/weights.h"
#include "ship/bundle.h"
#include "ship/kaggle.h"
#include "ship/manifest.h"
#include "ship/notebook.h"
#include "ship/package_internal.h"

static const char *const RIBONANZA_FILES[] = {"pairwise.yaml", "pytorch_model_fsdp.bin"};

typedef struct {
    const rt_package_options *options;
    rt_manifest_list list;
    json_t *arguments;          /* of predict, with paths in the notebook's tree: [["--checkpoint", path], ...] */
    char (*sha256)[RT_HASH_TEXT];   /* of each checkpoint */
    bool ranked;                /* a learned ranking belongs to every checkpoint */
    const char *ribonanza;      /* "checkpoint", "folder", "none" */
    char slug[RT_KAGGLE_SLUG], notebook_title[128], notebook_slug[RT_KAGGLE_SLUG];
    json_t *settings;           /* of the notebook */
} job;

/* ---- files ---- */

static rt_status add_checkpoint(job *j, int index, bool *out_ribonanza, rt_err *err)
{
    rt_status status = RT_OK;
    char path[256];
    const char *file = j->options->checkpoint.item[index];
    rt_weights *weights;
    status = rt_weights_open(&weights, file, err);
    if (status != RT_OK) return status;
    if (strcmp(rt_weights_format(weights), "safetensors") != 0) {
        rt_fail(err, RT_ERR_FORMAT, file, 0, "is no safetensors file");
        RT_TRY(rt_hint(err, "'rnatune convert %s --out FILE.safetensors' makes one; what you validated is what is shipped",
                       file));
    }
    *out_ribonanza = rt_weights_find(weights, RT_PACKAGE_RIBONANZA) != NULL;
    RT_TRY(rt_hash_file(j->sha256[index], NULL, file, err));
    for (int i = 0; i < index; i++)
        if (strcmp(j->sha256[i], j->sha256[index]) == 0)
            RT_TRY(rt_fail(err, RT_ERR_USAGE, file, 0, "is the same checkpoint as %s", j->options->checkpoint.item[i]));
    snprintf(path, sizeof path, "checkpoint/%d/%.200s", index + 1, rt_path_name(file));
    RT_TRY(rt_manifest_add(&j->list, path, "checkpoint", file, NULL, err));
    json_array_append_new(j->arguments, json_pack("[ss]", "--checkpoint", path));
done:
    rt_weights_close(weights);
    return status;
}

/* A ranking stands beside the checkpoint that it names. */
static rt_status add_ranking(job *j, const char *file, rt_err *err)
{
    rt_status status = RT_OK;
    rt_ranking ranking;
    char path[256];
    RT_TRY(rt_ranking_read(&ranking, file, err));
    for (int i = 0; i < j->options->checkpoint.n; i++)
        if (strcmp(ranking.checkpoint, j->sha256[i]) == 0) {
            snprintf(path, sizeof path, "checkpoint/%d/" RT_RANKING_FILE, i + 1);
            return rt_manifest_add(&j->list, path, "ranking", file, NULL, err);
        }
    rt_fail(err, RT_ERR_MISMATCH, file, 0, "was learned for another checkpoint (SHA-256 %.16s...) than those given",
            ranking.checkpoint);
    RT_TRY(rt_hint(err, "it belongs to the best.safetensors that it was written beside"));
done:
    return status;
}

static rt_status add_adapter(job *j, int index, rt_err *err)
{
    static const char *const TENSORS[] = {"adapter_model.safetensors", "adapter_model.bin"};
    rt_status status = RT_OK;
    char path[256], source[4200];
    const char *adapter = j->options->adapter.item[index];
    snprintf(path, sizeof path, "adapter/%d", index + 1);
    if (!rt_folder_exists(adapter)) {   /* a confidence head in one file */
        snprintf(path, sizeof path, "adapter/%d/%.200s", index + 1, rt_path_name(adapter));
        RT_TRY(rt_manifest_add(&j->list, path, "adapter", adapter, NULL, err));
        json_array_append_new(j->arguments, json_pack("[ss]", "--adapter", path));
        return RT_OK;
    }
    json_array_append_new(j->arguments, json_pack("[ss]", "--adapter", path));
    rt_path_join(source, sizeof source, adapter, "adapter_config.json");
    if (!rt_file_exists(source)) RT_TRY(rt_fail(err, RT_ERR_FORMAT, adapter, 0, "holds no adapter_config.json"));
    snprintf(path, sizeof path, "adapter/%d/adapter_config.json", index + 1);
    RT_TRY(rt_manifest_add(&j->list, path, "adapter", source, NULL, err));
    for (int i = 0; i < 2; i++) {
        rt_path_join(source, sizeof source, adapter, TENSORS[i]);
        if (!rt_file_exists(source)) continue;
        snprintf(path, sizeof path, "adapter/%d/%s", index + 1, TENSORS[i]);
        return rt_manifest_add(&j->list, path, "adapter", source, NULL, err);
    }
    RT_TRY(rt_fail(err, RT_ERR_FORMAT, adapter, 0, "holds no adapter_model.safetensors"));
done:
    return status;
}

/* RibonanzaNet2 is never missing by accident. */
static rt_status add_ribonanza(job *j, bool own, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_package_options *o = j->options;
    char source[4200], path[64];
    if (o->no_ribonanza && o->opt_ribonanza)
        return rt_fail(err, RT_ERR_USAGE, NULL, 0, "--ribonanza and --no-ribonanza contradict each other");
    j->ribonanza = o->no_ribonanza ? "none" : o->opt_ribonanza ? "folder" : "checkpoint";
    if (o->no_ribonanza) json_array_append_new(j->arguments, json_pack("[s]", "--no-ribonanza"));
    if (!o->no_ribonanza && !o->opt_ribonanza && !own) {
        rt_fail(err, RT_ERR_MISMATCH, o->checkpoint.item[0], 0, "holds no RibonanzaNet2 weights (ribonanza_net.*)");
        return rt_hint(err, "give its folder with --ribonanza DIR; without it RNAPro is no better than its templates");
    }
    if (!o->opt_ribonanza) return RT_OK;
    for (int i = 0; i < 2; i++) {
        rt_path_join(source, sizeof source, o->opt_ribonanza, RIBONANZA_FILES[i]);
        if (!rt_file_exists(source)) RT_TRY(rt_fail(err, RT_ERR_IO, source, 0, "is not there"));
        snprintf(path, sizeof path, "ribonanza/%s", RIBONANZA_FILES[i]);
        RT_TRY(rt_manifest_add(&j->list, path, "ribonanza", source, NULL, err));
    }
    json_array_append_new(j->arguments, json_pack("[ss]", "--ribonanza", "ribonanza"));
done:
    return status;
}

/* A single further file, which predict is given as --<role>. */
static rt_status add_file(job *j, const char *role, const char *opt_file, rt_err *err)
{
    char path[256];
    if (!opt_file) return RT_OK;
    snprintf(path, sizeof path, "%s/%.200s", role, rt_path_name(opt_file));
    json_array_append_new(j->arguments, json_pack("[o s]", json_sprintf("--%s", role), path));
    return rt_manifest_add(&j->list, path, role, opt_file, NULL, err);
}

static rt_status list_files(job *j, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_package_options *o = j->options;
    bool own = true;
    RT_TRY_ALLOC(j->sha256, o->checkpoint.n);
    for (int i = 0; i < o->checkpoint.n; i++) {
        bool has;
        RT_TRY(add_checkpoint(j, i, &has, err));
        own = own && has;
    }
    for (int i = 0; i < o->ranking.n; i++) RT_TRY(add_ranking(j, o->ranking.item[i], err));
    j->ranked = o->ranking.n == o->checkpoint.n;
    if (o->ranking.n && !j->ranked)
        RT_TRY(rt_fail(err, RT_ERR_USAGE, NULL, 0, "%d checkpoints and %d rankings: every checkpoint has one, or none",
                       o->checkpoint.n, o->ranking.n));
    for (int i = 0; i < o->adapter.n; i++) RT_TRY(add_adapter(j, i, err));
    RT_TRY(add_ribonanza(j, own, err));
    RT_TRY(add_file(j, "conformers", o->opt_conformers, err));
    RT_TRY(add_file(j, "config", o->opt_config, err));
    RT_TRY(rt_bundle_add(&j->list, o->glibc, err));
done:
    return status;
}

/* ---- names, sources, settings ---- */

static rt_status check_names(job *j, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_package_options *o = j->options;
    RT_TRY(rt_kaggle_check_title(o->title, false, err));
    RT_TRY(rt_kaggle_check_licence(o->licence, err));
    RT_TRY(rt_kaggle_check_name(o->owner, "user name", err));
    RT_TRY(rt_kaggle_check_name(o->competition, "competition", err));
    rt_kaggle_slug(j->slug, o->title);
    snprintf(j->notebook_title, sizeof j->notebook_title, "%.100s notebook", o->title);
    status = rt_kaggle_check_title(j->notebook_title, true, err);
    if (status != RT_OK) RT_TRY(rt_hint(err, "the data set's title with ' notebook' behind it: --title takes 41 characters"));
    rt_kaggle_slug(j->notebook_slug, j->notebook_title);
    for (int i = 0; i < o->dataset.n; i++) RT_TRY(rt_kaggle_check_source(o->dataset.item[i], 2, "--dataset", err));
    for (int i = 0; i < o->kernel.n; i++) RT_TRY(rt_kaggle_check_source(o->kernel.item[i], 2, "--kernel", err));
    for (int i = 0; i < o->model.n; i++) RT_TRY(rt_kaggle_check_source(o->model.item[i], 5, "--model", err));
done:
    return status;
}

static json_t *texts_json(const rt_package_texts *texts)
{
    json_t *list = json_array();
    for (int i = 0; i < texts->n; i++) json_array_append_new(list, json_string(texts->item[i]));
    return list;
}

static json_t *text_or_null(const char *text) { return text ? json_string(text) : json_null(); }

static json_t *in_competition(const job *j, const char *opt_path, const char *file)
{
    return opt_path ? json_string(opt_path) : json_sprintf("%s/%s", j->options->competition, file);
}

static json_t *kernel_json(const job *j)
{
    const rt_package_options *o = j->options;
    json_t *datasets = texts_json(&o->dataset);
    json_array_insert_new(datasets, 0, json_sprintf("%s/%s", o->owner, j->slug));
    json_t *kernel = json_pack("{s:o, s:s, s:o, s:s, s:s, s:b, s:b, s:b, s:b, s:o, s:[s], s:o, s:o}", "id",
                     json_sprintf("%s/%s", o->owner, j->notebook_slug), "title", j->notebook_title, "code_file",
                     json_sprintf("%s.ipynb", j->notebook_slug), "language", "python", "kernel_type", "notebook", "is_private", 1,
                     "enable_gpu", o->gpu, "enable_tpu", 0, "enable_internet", 0, "dataset_sources", datasets,
                     "competition_sources", o->competition, "kernel_sources", texts_json(&o->kernel), "model_sources",
                     texts_json(&o->model));
    if (o->opt_machine) json_object_set_new(kernel, "machine_shape", json_string(o->opt_machine));
    return kernel;
}

static json_t *dataset_json(const job *j)
{
    const rt_package_options *o = j->options;
    return json_pack("{s:s, s:o, s:[{s:s}], s:s, s:o}", "title", o->title, "id", json_sprintf("%s/%s", o->owner, j->slug),
                     "licenses", "name", o->licence, "subtitle", "RNAPro as one offline program: binary, libraries, weights",
                     "description",
                     json_sprintf("rnatune %s (%s), its libraries and weights of RNAPro, for notebooks without internet. "
                                  "MANIFEST.json has every file's SHA-256; licences__*.txt are the licences of the program and "
                                  "of the libraries it carries.", o->version, o->commit));
}

static void add_argument(json_t *arguments, const char *option, const char *value)
{
    json_array_append_new(arguments, json_string(option));
    json_array_append_new(arguments, json_string(value));
}

/* The arguments of predict and select that the notebook shows. */
static void add_arguments(job *j)
{
    const rt_package_options *o = j->options;
    json_t *predict = texts_json(&o->predict);
    bool says_rank = false, says_keep = false, says_device = false;
    for (int i = 0; i < o->predict.n; i++) {
        says_rank |= strcmp(o->predict.item[i], "--rank-by") == 0;
        says_keep |= strcmp(o->predict.item[i], "--keep") == 0;
        says_device |= strcmp(o->predict.item[i], "--device") == 0;
    }
    if (j->ranked && !says_rank) add_argument(predict, "--rank-by", "learned");
    if (o->opt_rule && !says_keep) add_argument(predict, "--keep", "100");
    if (o->gpu && !says_device) add_argument(predict, "--device", "cuda");
    json_object_set_new(j->settings, "PREDICT", predict);
    json_object_set_new(j->settings, "SELECT", o->opt_rule ? json_pack("[ss]", "--rule", o->opt_rule) : json_null());
}

static rt_status make_settings(job *j, rt_err *err)
{
    const rt_package_options *o = j->options;
    j->settings = json_pack("{s:s, s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:s}", "TITLE", j->notebook_title, "DATASET_ID",
                            json_sprintf("%s/%s", o->owner, j->slug), "VERSION", o->version, "DATASET", j->slug, "SEQUENCES",
                            in_competition(j, o->opt_sequences, "test_sequences.csv"), "SAMPLE",
                            in_competition(j, o->opt_sample, "sample_submission.csv"), "MSA", text_or_null(o->opt_msa),
                            "TEMPLATES", text_or_null(o->opt_templates), "POOL", texts_json(&o->pool), "TIME_BUDGET",
                            o->time_budget);
    return j->settings ? RT_OK : rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory for the notebook");
}

/* Every path of the settings begins with the name of a source. */
static rt_status check_sources(const json_t *kernel, const job *j, rt_err *err)
{
    rt_status status = RT_OK;
    json_t *mistakes = rt_package_source_mistakes(kernel, j->settings);
    if (json_array_size(mistakes)) {
        rt_fail(err, RT_ERR_USAGE, NULL, 0, "%s", json_string_value(json_array_get(mistakes, 0)));
        status = rt_hint(err, "--dataset OWNER/SLUG, --model OWNER/MODEL/FRAMEWORK/VARIATION/VERSION and --kernel OWNER/SLUG add "
                              "sources");
    }
    json_decref(mistakes);
    return status;
}

/* ---- writing ---- */

static rt_status write_dataset(const job *j, rt_package_report *report, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_package_options *o = j->options;
    json_t *files = NULL, *metadata = dataset_json(j);
    char path[4300];
    RT_TRY(rt_make_folder(report->dataset, err));
    RT_TRY(rt_manifest_copy(&files, &j->list, report->dataset, err));
    report->manifest = json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:O, s:O}", "format", 1, "version", o->version, "commit",
                                 o->commit, "title", o->title, "glibc", o->glibc, "ribonanza", j->ribonanza, "arguments",
                                 j->arguments, "files", files);
    rt_path_join(path, sizeof path, report->dataset, RT_KAGGLE_DATASET_FILE);
    RT_TRY(rt_json_save(metadata, path, err));
    rt_path_join(path, sizeof path, report->dataset, RT_MANIFEST_FILE);
    RT_TRY(rt_json_save(report->manifest, path, err));
done:
    json_decref(files);
    json_decref(metadata);
    return status;
}

static rt_status write_notebook(const job *j, rt_package_report *report, rt_err *err)
{
    rt_status status = RT_OK;
    json_t *notebook = NULL;
    char path[4300], name[128], sha256[RT_HASH_TEXT];
    rt_path_join(path, sizeof path, report->dataset, RT_MANIFEST_FILE);
    RT_TRY(rt_hash_file(sha256, NULL, path, err));
    json_object_set_new(j->settings, "MANIFEST_SHA256", json_string(sha256));
    RT_TRY(rt_notebook_build(&notebook, j->settings, err));
    RT_TRY(rt_make_folder(report->notebook, err));
    snprintf(name, sizeof name, "%s.ipynb", j->notebook_slug);
    rt_path_join(path, sizeof path, report->notebook, name);
    RT_TRY(rt_json_save(notebook, path, err));
    rt_path_join(path, sizeof path, report->notebook, RT_KAGGLE_KERNEL_FILE);
    RT_TRY(rt_json_save(report->kernel, path, err));
done:
    json_decref(notebook);
    return status;
}

rt_status rt_package_make(rt_package_report *out_report, const rt_package_options *options, rt_err *err)
{
    rt_status status = RT_OK;
    job j = {.options = options, .arguments = json_array()};
    *out_report = (rt_package_report){0};
    rt_path_join(out_report->dataset, sizeof out_report->dataset, options->out, "dataset");
    rt_path_join(out_report->notebook, sizeof out_report->notebook, options->out, "notebook");
    RT_TRY(check_names(&j, err));
    RT_TRY(make_settings(&j, err));
    out_report->kernel = kernel_json(&j);
    RT_TRY(check_sources(out_report->kernel, &j, err));
    RT_TRY(list_files(&j, err));
    add_arguments(&j);
    RT_TRY(rt_manifest_clear(out_report->dataset, err));
    RT_TRY(write_dataset(&j, out_report, err));
    RT_TRY(write_notebook(&j, out_report, err));
done:
    json_decref(j.settings);
    json_decref(j.arguments);
    free(j.sha256);
    rt_manifest_list_free_members(&j.list);
    if (status != RT_OK) rt_package_report_free_members(out_report);
    return status;
}

void rt_package_report_free_members(rt_package_report *report)
{
    json_decref(report->manifest);
    json_decref(report->kernel);
    report->manifest = report->kernel = NULL;
}
