/* predict_resume.c - what an earlier run has finished: the same inputs, every file there, nothing half-written */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "predict_run.h"

/* ---- keys ---- */

/* Hashes a file, notes it for the run's record, and adds it to `key` unless it is hashed target by target. */
static rt_status read_input(rt_predict_run *r, json_t *opt_key, const char *role, const char *path, rt_err *err)
{
    char sha256[RT_HASH_TEXT];
    int64_t size;
    rt_status status = rt_hash_file(sha256, &size, path, err);
    if (status != RT_OK) return status;
    json_array_append_new(r->report->inputs, json_pack("{s:s, s:s%, s:I, s:s}", "role", role, "path", path, strlen(path),
                                                       "bytes", (json_int_t)size, "sha256", sha256));
    if (opt_key) json_array_append_new(opt_key, json_pack("[ss]", role, sha256));
    return RT_OK;
}

/* A checkpoint, and the ranking that was learned with it. */
static rt_status read_checkpoint(rt_predict_run *r, json_t *key, int64_t index, rt_err *err)
{
    char path[4200];
    const char *checkpoint = r->options->checkpoint[index];
    rt_status status = read_input(r, key, "checkpoint", checkpoint, err);
    if (status != RT_OK || !r->ranking) return status;
    const json_t *read = json_array_get(r->report->inputs, json_array_size(r->report->inputs) - 1);
    RT_TRY(rt_predict_rank_check(r, index, json_string_value(json_object_get(read, "sha256")), err));
    rt_predict_rank_path(path, sizeof path, checkpoint);
    RT_TRY(read_input(r, key, "ranking", path, err));
done:
    return status;
}

/* A configuration's file is hashed, and what follows from the weights is theirs: where a file lies changes no result. */
static const char *preset_name(const char *opt_config)
{
    return opt_config && !rt_file_exists(opt_config) ? opt_config : "";
}

static json_t *options_json(const rt_predict_run *r)
{
    const rt_predict_options *o = r->options;
    json_t *sets = json_array(), *seeds = json_array();
    for (int i = 0; i < o->n_template_set; i++) json_array_append_new(sets, json_integer(o->template_idx[i]));
    for (int i = 0; i < o->n_seed; i++) json_array_append_new(seeds, json_integer((json_int_t)o->seed[i]));
    return json_pack("{s:s, s:s, s:i, s:i, s:b, s:i, s:i, s:i, s:i, s:I, s:I, s:I, s:I, s:I, s:b, s:b, s:o, s:o}", "version",
                     o->version ? o->version : "", "config", preset_name(o->model.opt_config), "precision",
                     (int)o->model.precision, "backend", (int)o->backend, "no_ribonanza", o->model.no_ribonanza, "protocol",
                     (int)o->protocol, "rank_by", (int)o->rank_by, "no_template", (int)o->no_template,
                     "template_missing", (int)o->template_missing, "trunks", (json_int_t)o->n_trunk, "keep",
                     (json_int_t)o->keep, "samples", (json_int_t)r->report->n_sample, "cycles",
                     (json_int_t)r->report->n_cycle, "steps", (json_int_t)r->report->n_step, "confidence",
                     o->write_confidence, "plots", o->write_plots, "template_idx", sets, "seeds", seeds);
}

rt_status rt_predict_resume_open(rt_predict_run *r, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_predict_options *o = r->options;
    json_t *key = json_array();
    char path[4096], *text = NULL;
    for (int i = 0; i < o->n_checkpoint; i++) RT_TRY(read_checkpoint(r, key, i, err));
    for (int i = 0; i < r->model[0]->n_adapter; i++) {
        const rt_peft *adapter = r->model[0]->adapter[i];
        if (rt_peft_config_path(adapter)) RT_TRY(read_input(r, key, "adapter", rt_peft_config_path(adapter), err));
        RT_TRY(read_input(r, key, "adapter", rt_peft_tensor_path(adapter), err));
    }
    if (o->model.opt_config && rt_file_exists(o->model.opt_config))
        RT_TRY(read_input(r, key, "config", o->model.opt_config, err));
    if (o->model.opt_ribonanza) {
        rt_path_join(path, sizeof path, o->model.opt_ribonanza, "pytorch_model_fsdp.bin");
        RT_TRY(read_input(r, key, "ribonanza", path, err));
        rt_path_join(path, sizeof path, o->model.opt_ribonanza, "pairwise.yaml");
        RT_TRY(read_input(r, key, "ribonanza", path, err));
    }
    if (o->model.opt_config && rt_file_exists(o->model.opt_config))
        RT_TRY(read_input(r, key, "config", o->model.opt_config, err));
    if (o->opt_conformers) RT_TRY(read_input(r, key, "conformers", o->opt_conformers, err));
    RT_TRY(read_input(r, NULL, "sequences", o->sequences, err));
    if (o->opt_templates) RT_TRY(read_input(r, NULL, "templates", o->opt_templates, err));
    json_array_append_new(key, options_json(r));
    text = json_dumps(key, JSON_COMPACT | JSON_SORT_KEYS);
    if (!text) RT_TRY(rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory for the run's key"));
    RT_TRY(rt_hash_bytes(r->run_key, text, (int64_t)strlen(text), err));
done:
    free(text);
    json_decref(key);
    return status;
}

rt_status rt_predict_resume_key(const rt_predict_run *r, const rt_input *input, char out_key[RT_HASH_TEXT], rt_err *err)
{
    rt_hash *hash;
    rt_status status = rt_hash_create(&hash, err);
    if (status != RT_OK) return status;
    const rt_template *found = r->templates ? rt_template_file_find(r->templates, input->target) : NULL;
    rt_hash_add(hash, r->run_key, RT_HASH_TEXT);
    rt_hash_add(hash, input->target, (int64_t)strlen(input->target) + 1);
    rt_hash_add(hash, input->sequence, input->length + 1);
    rt_hash_add(hash, input->chain, input->n_chain * (int64_t)sizeof *input->chain);
    for (int64_t m = 0; m < input->n_msa; m++) rt_hash_add(hash, input->msa_row[m], (int64_t)strlen(input->msa_row[m]) + 1);
    if (found) {
        rt_hash_add(hash, &found->n_template, sizeof found->n_template);
        rt_hash_add(hash, found->xyz, 3 * found->length * found->n_template * (int64_t)sizeof *found->xyz);
    }
    rt_hash_finish(hash, out_key);
    return RT_OK;
}

/* ---- a finished target ---- */

static bool has_files(const char *folder, const json_t *names)
{
    char path[4600];
    size_t i;
    json_t *name;
    if (!json_is_array(names)) return false;
    json_array_foreach((json_t *)(uintptr_t)names, i, name) {
        if (!json_is_string(name) || strchr(json_string_value(name), '/')) return false;
        rt_path_join(path, sizeof path, folder, json_string_value(name));
        if (!rt_file_exists(path)) return false;
    }
    return true;
}

bool rt_predict_resume_take(rt_predict_run *r, const rt_input *input, const char *key, json_t *record)
{
    char folder[4096], path[4600];
    json_t *summary = NULL;
    bool taken = false;
    rt_err err;
    rt_path_join(folder, sizeof folder, r->options->out, input->target);
    rt_path_join(path, sizeof path, folder, RT_PREDICT_SUMMARY);
    if (!rt_file_exists(path) || rt_json_load(&summary, path, &err) != RT_OK) return false;
    const char *had = json_string_value(json_object_get(summary, "inputs_sha256"));
    bool shortened = rt_json_find(summary, "protocol.shortened_by_time_budget_from") != NULL;
    if (!had || strcmp(had, key) != 0) {
        rt_info("%s: its inputs or options are not those of the earlier run; it is folded again", input->target);
        goto done;
    }
    if (shortened && !r->budget.on) {
        rt_info("%s: a time budget made the earlier run shorter; it is folded again without one", input->target);
        goto done;
    }
    rt_path_join(path, sizeof path, folder, RT_PREDICT_SUBMISSION);
    if (!has_files(folder, json_object_get(summary, "files")) ||
        rt_submission_load(r->submission, input->target, input->sequence, path, &err) != RT_OK) {
        rt_info("%s: files of the earlier run are missing; it is folded again", input->target);
        goto done;
    }
    json_object_set(record, "inputs", json_object_get(summary, "inputs"));
    json_object_set(record, "protocol", json_object_get(summary, "protocol"));
    json_object_set(record, "samples", json_object_get(summary, "samples"));
    json_object_set(record, "best_ranking_score", json_object_get(summary, "best_ranking_score"));
    json_object_set_new(record, "folder", json_string(folder));
    json_object_set_new(record, "kept_from_earlier_run", json_true());
    taken = true;
done:
    json_decref(summary);
    return taken;
}

/* ---- what a killed run left ---- */

/* Half of a file that a run writes, and of a process that is no more. */
static bool is_leftover(const char *name)
{
    static const char *const ENDS[] = {".cif", ".svg", ".csv", ".json", ".safetensors"};
    int64_t length;
    long process;
    if (!rt_path_is_unfinished(name, &length, &process)) return false;
    bool ours = false;
    for (int i = 0; i < 5; i++) {
        int64_t n = (int64_t)strlen(ENDS[i]);
        ours = ours || (length >= n && memcmp(name + length - n, ENDS[i], (size_t)n) == 0);
    }
    return ours && (process <= 0 || (kill((pid_t)process, 0) != 0 && errno == ESRCH));
}

void rt_predict_resume_sweep(const char *folder)
{
    char path[4600];
    DIR *entries = opendir(folder);
    for (struct dirent *entry; entries && (entry = readdir(entries));) {
        if (!is_leftover(entry->d_name)) continue;
        rt_path_join(path, sizeof path, folder, entry->d_name);
        if (unlink(path) == 0) rt_debug("%s: left by a run that was killed; removed", path);
    }
    if (entries) closedir(entries);
}
