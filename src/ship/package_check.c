/* package_check.c - whether a package, as it stands on the disk now, will work on Kaggle */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "io/weights.h"
#include "ship/bundle.h"
#include "ship/kaggle.h"
#include "ship/manifest.h"
#include "ship/notebook.h"
#include "ship/package.h"
#include "ship/package_internal.h"

static const char *const PATHS[] = {"SEQUENCES", "SAMPLE", "MSA", "TEMPLATES", "POOL"};

typedef struct {
    char dataset[4200], notebook[4200];
    json_t *metadata, *kernel, *manifest, *code, *settings;   /* NULL: could not be read, which is said */
    char manifest_sha256[RT_HASH_TEXT];
    const char *glibc;
    json_t *checks;
    bool ok;
} job;

/* ---- sources ---- */

static bool has_folder(const json_t *kernel, const char *path)
{
    static const char *const SOURCES[] = {"dataset_sources", "competition_sources", "kernel_sources", "model_sources"};
    size_t length = strcspn(path, "/"), i;
    const json_t *source;
    for (int s = 0; s < 4; s++)
        json_array_foreach(json_object_get(kernel, SOURCES[s]), i, source) {
            char folder[RT_KAGGLE_SLUG];
            if (!json_is_string(source)) continue;
            rt_kaggle_folder(folder, json_string_value(source));
            if (strlen(folder) == length && memcmp(folder, path, length) == 0) return true;
        }
    return false;
}

static void check_path(json_t *mistakes, const json_t *kernel, const char *name, const json_t *path)
{
    if (json_is_null(path)) return;
    if (!json_is_string(path)) {
        json_array_append_new(mistakes, json_sprintf("the setting %s is neither a text nor None", name));
        return;
    }
    const char *text = json_string_value(path);
    if (!has_folder(kernel, text))
        json_array_append_new(mistakes, json_sprintf("%s is %s, and no source of the notebook is called %.*s", name, text,
                                                     (int)strcspn(text, "/"), text));
}

json_t *rt_package_source_mistakes(const json_t *kernel, const json_t *settings)
{
    json_t *mistakes = json_array();
    const json_t *one;
    size_t i;
    for (size_t p = 0; p < sizeof PATHS / sizeof *PATHS; p++) {
        const json_t *path = json_object_get(settings, PATHS[p]);
        if (!json_is_array(path)) check_path(mistakes, kernel, PATHS[p], path);
        json_array_foreach((json_t *)(uintptr_t)path, i, one) check_path(mistakes, kernel, PATHS[p], one);
    }
    check_path(mistakes, kernel, "DATASET", json_object_get(settings, "DATASET"));
    return mistakes;
}

/* ---- reading ---- */

/* Adds a check with its mistakes, whose reference it takes. */
static void add_check(job *j, const char *name, json_t *mistakes)
{
    bool ok = json_array_size(mistakes) == 0;
    j->ok = j->ok && ok;
    json_array_append_new(j->checks, json_pack("{s:s, s:b, s:o}", "check", name, "ok", ok, "mistakes", mistakes));
}

/* A file of the package; what is wrong with it goes to `mistakes`, and *out is NULL. */
static void read_json(json_t **out, json_t *mistakes, const char *folder, const char *name)
{
    char path[4400], text[1800];
    rt_err err;
    *out = NULL;
    rt_path_join(path, sizeof path, folder, name);
    if (!rt_file_exists(path)) json_array_append_new(mistakes, json_sprintf("%s is missing", name));
    else if (rt_json_load(out, path, &err) != RT_OK) {
        rt_err_print(&err, text, sizeof text);
        json_array_append_new(mistakes, json_string(text));
    }
}

static void read_settings(job *j, json_t *mistakes)
{
    static const char *const OTHERS[] = {"DATASET", "MANIFEST_SHA256", "TIME_BUDGET", "PREDICT", "SELECT"};
    j->settings = json_object();
    for (size_t i = 0; i < 10; i++) {
        const char *name = i < 5 ? PATHS[i] : OTHERS[i - 5];
        json_t *value = rt_notebook_setting(j->code, name);
        if (value) json_object_set_new(j->settings, name, value);
        else json_array_append_new(mistakes, json_sprintf("the notebook's setting %s is missing or cannot be read", name));
    }
}

/* ---- checks ---- */

static void check_dataset_metadata(job *j)
{
    json_t *mistakes = json_array();
    read_json(&j->metadata, mistakes, j->dataset, RT_KAGGLE_DATASET_FILE);
    if (j->metadata) {
        json_decref(mistakes);
        mistakes = rt_kaggle_dataset_mistakes(j->metadata);
    }
    add_check(j, "data set's metadata", mistakes);
}

static void check_kernel_metadata(job *j)
{
    json_t *mistakes = json_array();
    read_json(&j->kernel, mistakes, j->notebook, RT_KAGGLE_KERNEL_FILE);
    if (j->kernel) {
        json_decref(mistakes);
        mistakes = rt_kaggle_kernel_mistakes(j->kernel);
    }
    const char *file = json_string_value(json_object_get(j->kernel, "code_file"));
    if (file && !strchr(file, '/')) read_json(&j->code, mistakes, j->notebook, file);
    add_check(j, "notebook's metadata", mistakes);
}

static void check_sources(job *j)
{
    json_t *mistakes = json_array();
    if (!j->code || !j->kernel) json_array_append_new(mistakes, json_string("there is no notebook to ask"));
    else {
        read_settings(j, mistakes);
        json_t *more = rt_package_source_mistakes(j->kernel, j->settings);
        json_array_extend(mistakes, more);
        json_decref(more);
    }
    add_check(j, "sources", mistakes);
}

/* Notebook and data set belong together: by name, and by the manifest's hash. */
static void check_pair(job *j)
{
    json_t *mistakes = json_array();
    const char *hash = json_string_value(json_object_get(j->settings, "MANIFEST_SHA256"));
    const char *slug = json_string_value(json_object_get(j->settings, "DATASET"));
    const char *id = json_string_value(json_object_get(j->metadata, "id"));
    if (!hash || strcmp(hash, j->manifest_sha256) != 0)
        json_array_append_new(mistakes, json_string("the notebook was made for another " RT_MANIFEST_FILE ": its hash differs"));
    if (!slug || !id || !strchr(id, '/') || strcmp(strchr(id, '/') + 1, slug) != 0)
        json_array_append_new(mistakes, json_sprintf("the notebook wants the data set %s, the id is %s", slug ? slug : "?",
                                                     id ? id : "?"));
    else {
        const json_t *source;
        bool found = false;
        size_t i;
        json_array_foreach(json_object_get(j->kernel, "dataset_sources"), i, source)
            found = found || (json_is_string(source) && strcmp(json_string_value(source), id) == 0);
        if (!found) json_array_append_new(mistakes, json_sprintf("%s is not among the notebook's dataset_sources", id));
    }
    add_check(j, "notebook and data set", mistakes);
}

static void check_files(job *j)
{
    json_t *mistakes = json_array();
    char path[4400];
    rt_err err;
    read_json(&j->manifest, mistakes, j->dataset, RT_MANIFEST_FILE);
    if (j->manifest) {
        json_decref(mistakes);
        mistakes = rt_manifest_mistakes(j->manifest, j->dataset);
        rt_path_join(path, sizeof path, j->dataset, RT_MANIFEST_FILE);
        if (rt_hash_file(j->manifest_sha256, NULL, path, &err) != RT_OK) json_array_append_new(mistakes, json_string(err.what));
    }
    add_check(j, "files", mistakes);
}

static void check_program(job *j)
{
    add_check(j, "program and libraries", rt_bundle_mistakes(json_object_get(j->manifest, "files"), j->dataset, j->glibc));
}

static void check_own_ribonanza(json_t *mistakes, const json_t *file, const char *folder)
{
    char path[4800];
    rt_weights *weights;
    rt_err err;
    const char *name = json_string_value(json_object_get(file, "file"));
    if (!name) return;
    rt_path_join(path, sizeof path, folder, name);
    if (!rt_file_exists(path)) return;   /* said above */
    if (rt_weights_open(&weights, path, &err) != RT_OK) {
        json_array_append_new(mistakes, json_sprintf("%s: %s", name, err.what));
        return;
    }
    if (!rt_weights_find(weights, RT_PACKAGE_RIBONANZA))
        json_array_append_new(mistakes, json_sprintf("%s holds no RibonanzaNet2 weights (ribonanza_net.*)", name));
    rt_weights_close(weights);
}

static void check_ribonanza(job *j)
{
    json_t *mistakes = json_array();
    const char *where = json_string_value(json_object_get(j->manifest, "ribonanza"));
    const json_t *file;
    int parts = 0;
    size_t i;
    json_array_foreach(json_object_get(j->manifest, "files"), i, file) {
        const char *role = json_string_value(json_object_get(file, "role"));
        parts += role && strcmp(role, "ribonanza") == 0;
        if (role && where && strcmp(role, "checkpoint") == 0 && strcmp(where, "checkpoint") == 0)
            check_own_ribonanza(mistakes, file, j->dataset);
    }
    if (!where || strcmp(where, "none") == 0)
        json_array_append_new(mistakes,
                              json_string("the package has no RibonanzaNet2: RNAPro is then no better than its templates"));
    else if (strcmp(where, "folder") == 0 && parts != 2)
        json_array_append_new(mistakes, json_sprintf("RibonanzaNet2's folder has %d of its 2 files", parts));
    add_check(j, "RibonanzaNet2", mistakes);
}

static void check_internet(job *j)
{
    json_t *mistakes = json_array();
    const char *line = j->code ? rt_notebook_internet(j->code) : NULL;
    if (line)
        json_array_append_new(mistakes, json_sprintf("the notebook wants the internet: %.*s", (int)strcspn(line, "\n"), line));
    add_check(j, "internet", mistakes);
}

rt_status rt_package_check(json_t **ret_checks, bool *out_ok, const char *out, const char *glibc, rt_err *err)
{
    rt_status status = RT_OK;
    job j = {.glibc = glibc, .ok = true};
    *ret_checks = NULL;
    rt_path_join(j.dataset, sizeof j.dataset, out, "dataset");
    rt_path_join(j.notebook, sizeof j.notebook, out, "notebook");
    if (!rt_folder_exists(j.dataset) || !rt_folder_exists(j.notebook)) {
        rt_fail(err, RT_ERR_IO, out, 0, "holds no package: the folders dataset and notebook were expected");
        return rt_hint(err, "it is the --out of 'rnatune package'");
    }
    j.checks = json_array();
    check_dataset_metadata(&j);
    check_kernel_metadata(&j);
    check_sources(&j);
    check_internet(&j);
    check_files(&j);
    check_pair(&j);
    check_program(&j);
    check_ribonanza(&j);
    *out_ok = j.ok;
    *ret_checks = j.checks;
    json_decref(j.metadata);
    json_decref(j.kernel);
    json_decref(j.manifest);
    json_decref(j.code);
    json_decref(j.settings);
    return status;
}
