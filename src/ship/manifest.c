#include "ship/manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/progress.h"

rt_status rt_manifest_add(rt_manifest_list *list, const char *path, const char *role, const char *opt_source,
                          const char *opt_text, rt_err *err)
{
    for (int64_t i = 0; i < list->n; i++)
        if (strcmp(list->entry[i].path, path) == 0)
            return rt_fail(err, RT_ERR_MISMATCH, opt_source, 0, "two files of the package would be %s", path);
    void *entries = list->entry;
    rt_status status = rt_grow(&entries, &list->capacity, list->n + 1, sizeof *list->entry, err);
    list->entry = entries;
    if (status != RT_OK) return status;
    rt_manifest_entry *e = &list->entry[list->n];
    *e = (rt_manifest_entry){.text = opt_text};
    if (snprintf(e->path, sizeof e->path, "%s", path) >= (int)sizeof e->path)
        return rt_fail(err, RT_ERR_MISMATCH, opt_source, 0, "the name is too long");
    snprintf(e->role, sizeof e->role, "%s", role);
    if (opt_source) snprintf(e->source, sizeof e->source, "%s", opt_source);
    list->n++;
    return RT_OK;
}

void rt_manifest_list_free_members(rt_manifest_list *list)
{
    free(list->entry);
    *list = (rt_manifest_list){0};
}

int64_t rt_manifest_count(const rt_manifest_list *list, const char *role)
{
    int64_t n = 0;
    for (int64_t i = 0; i < list->n; i++) n += strcmp(list->entry[i].role, role) == 0;
    return n;
}

/* "checkpoint/1/best.safetensors" -> "checkpoint__1__best.safetensors". */
static void flat_name(char *out, size_t size, const char *path)
{
    size_t n = 0;
    for (; *path && n + 3 < size; path++) {
        if (*path == '/') out[n++] = '_', out[n++] = '_';
        else out[n++] = *path;
    }
    out[n] = 0;
}

enum { PIECE = 1 << 24 };

/* Writes and hashes in pieces, so that a file of gigabytes leaves memory as it goes.  from: the file, or a text. */
static rt_status copy_bytes(char out_sha256[RT_HASH_TEXT], const rt_map *from, const char *path, rt_err *err)
{
    const uint8_t *data = from->data;
    int64_t size = from->size;
    rt_status status = RT_OK;
    rt_writer *writer = NULL;
    rt_hash *hash = NULL;
    RT_TRY(rt_hash_create(&hash, err));
    RT_TRY(rt_writer_open(&writer, path, err));
    for (int64_t at = 0; at < size; at += PIECE) {
        int64_t n = size - at < PIECE ? size - at : PIECE;
        if (rt_stop_requested()) RT_TRY(rt_fail(err, RT_ERR_STOPPED, NULL, 0, "stopped; the package is not finished"));
        rt_hash_add(hash, data + at, n);
        fwrite(data + at, 1, (size_t)n, rt_writer_stream(writer));
        if (size > PIECE) rt_map_forget(from, data + at, n);
    }
    status = rt_writer_commit(writer, err);
    writer = NULL;
    if (status == RT_OK) rt_hash_finish(hash, out_sha256), hash = NULL;
done:
    rt_writer_abandon(writer);
    rt_hash_free(hash);
    return status;
}

rt_status rt_manifest_copy(json_t **ret_files, const rt_manifest_list *list, const char *folder, rt_err *err)
{
    rt_status status = RT_OK;
    json_t *files = json_array();
    *ret_files = NULL;
    rt_progress_start(NULL, list->n);
    rt_progress_label("copying");
    for (int64_t i = 0; i < list->n; i++) {
        const rt_manifest_entry *e = &list->entry[i];
        char name[600], path[4800], sha256[RT_HASH_TEXT];
        rt_map map = {.data = (const uint8_t *)e->text};
        flat_name(name, sizeof name, e->path);
        rt_path_join(path, sizeof path, folder, name);
        if (e->source[0]) RT_TRY(rt_map_open(&map, e->source, err));
        else map.size = (int64_t)strlen(e->text);
        int64_t size = map.size;
        status = copy_bytes(sha256, &map, path, err);
        if (e->source[0]) rt_map_close(&map);
        RT_TRY(status);
        json_array_append_new(files, json_pack("{s:s, s:s, s:s, s:I, s:s}", "file", name, "path", e->path, "role", e->role,
                                               "bytes", (json_int_t)size, "sha256", sha256));
        rt_progress_step(i + 1);
    }
    if ((int64_t)json_array_size(files) != list->n) RT_TRY(rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory"));
    *ret_files = files;
    files = NULL;
done:
    rt_progress_end();
    json_decref(files);
    return status;
}

static bool is_file_name(const char *name) { return strcmp(name, ".") != 0 && strcmp(name, "..") != 0; }

/* The files that a manifest knows, and the two that it does not list. */
static bool is_known(const json_t *manifest, const char *name)
{
    const json_t *file;
    size_t i;
    if (strcmp(name, RT_MANIFEST_FILE) == 0 || strcmp(name, "dataset-metadata.json") == 0) return true;
    json_array_foreach(json_object_get(manifest, "files"), i, file) {
        const char *its = json_string_value(json_object_get(file, "file"));
        if (its && strcmp(its, name) == 0) return true;
    }
    return false;
}

rt_status rt_manifest_clear(const char *folder, rt_err *err)
{
    rt_status status = RT_OK;
    char path[4800], **name = NULL;
    int64_t n = 0;
    json_t *manifest = NULL;
    rt_err why;
    if (!rt_folder_exists(folder)) return RT_OK;
    rt_path_join(path, sizeof path, folder, RT_MANIFEST_FILE);
    if (rt_file_exists(path)) rt_json_load(&manifest, path, &why);   /* damaged: nothing is known */
    RT_TRY(rt_list_folder(&name, &n, folder, is_file_name, err));
    for (int64_t i = 0; i < n; i++) {
        if (is_known(manifest, name[i])) continue;
        rt_path_join(path, sizeof path, folder, name[i]);
        rt_fail(err, RT_ERR_MISMATCH, path, 0, "is of no earlier package and would be uploaded with this one");
        RT_TRY(rt_hint(err, "give another --out, or take it away"));
    }
    for (int64_t i = 0; i < n; i++) {
        rt_path_join(path, sizeof path, folder, name[i]);
        if (remove(path) != 0) RT_TRY(rt_fail(err, RT_ERR_IO, path, 0, "cannot be removed"));
    }
done:
    rt_free_names(name, n);
    json_decref(manifest);
    return status;
}

static void check_file(json_t *mistakes, const json_t *file, const char *folder)
{
    char path[4800], sha256[RT_HASH_TEXT];
    const char *name = json_string_value(json_object_get(file, "file"));
    const char *expected = json_string_value(json_object_get(file, "sha256"));
    int64_t size;
    rt_err err;
    if (!name || !expected || strchr(name, '/') || !json_is_integer(json_object_get(file, "bytes"))) {
        json_array_append_new(mistakes, json_string(RT_MANIFEST_FILE " has an entry without file, bytes or sha256"));
        return;
    }
    rt_path_join(path, sizeof path, folder, name);
    if (!rt_file_exists(path)) json_array_append_new(mistakes, json_sprintf("%s is missing", name));
    else if (rt_hash_file(sha256, &size, path, &err) != RT_OK)
        json_array_append_new(mistakes, json_sprintf("%s: %s", name, err.what));
    else if (strcmp(sha256, expected) != 0)
        json_array_append_new(mistakes, json_sprintf("%s is not what was packed: SHA-256 %.12s..., not %.12s...", name, sha256,
                                                     expected));
}

json_t *rt_manifest_mistakes(const json_t *manifest, const char *folder)
{
    json_t *mistakes = json_array();
    const json_t *file;
    char **name;
    int64_t n;
    size_t i;
    rt_err err;
    if (json_array_size(json_object_get(manifest, "files")) == 0)
        json_array_append_new(mistakes, json_string(RT_MANIFEST_FILE " lists no files"));
    json_array_foreach(json_object_get(manifest, "files"), i, file) check_file(mistakes, file, folder);
    if (rt_list_folder(&name, &n, folder, is_file_name, &err) != RT_OK) {
        json_array_append_new(mistakes, json_string(err.what));
        return mistakes;
    }
    for (int64_t k = 0; k < n; k++)
        if (!is_known(manifest, name[k]))
            json_array_append_new(mistakes, json_sprintf("%s is not in " RT_MANIFEST_FILE " and would be uploaded", name[k]));
    rt_free_names(name, n);
    return mistakes;
}
