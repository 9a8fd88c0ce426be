#define _GNU_SOURCE
#include "tune/inputs.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "prep/dataset.h"

enum { SHOWN = 3 };   /* of the names that differ */

void rt_hashes_open(rt_hashes *out_hashes, const char *path)
{
    *out_hashes = (rt_hashes){0};
    snprintf(out_hashes->path, sizeof out_hashes->path, "%s", path);
    if (!rt_file_exists(path) || rt_json_load(&out_hashes->known, path, NULL) != RT_OK ||
        !json_is_object(out_hashes->known)) {
        json_decref(out_hashes->known);
        out_hashes->known = json_object();
    }
}

void rt_hashes_close(rt_hashes *hashes)
{
    if (hashes->fresh) rt_json_save(hashes->known, hashes->path, NULL);
    json_decref(hashes->known);
    hashes->known = NULL, hashes->fresh = 0;
}

/* The hash of a file, from before when it is the same file: whole, or its fingerprint. */
static rt_status find_hash(char out[RT_HASH_TEXT], rt_hashes *hashes, const char *path, bool whole, rt_err *err)
{
    struct stat s;
    char stamp[160];
    int64_t size, mtime;
    if (stat(path, &s) != 0) return rt_hash_file(out, NULL, path, err);   /* says what is wrong */
    snprintf(stamp, sizeof stamp, "%s %lld %lld.%09ld %llu", whole ? "whole" : "print", (long long)s.st_size,
             (long long)s.st_mtim.tv_sec, s.st_mtim.tv_nsec, (unsigned long long)s.st_ino);
    const json_t *entry = json_object_get(hashes->known, path);
    const char *had = json_string_value(json_object_get(entry, "stamp")),
               *sha = json_string_value(json_object_get(entry, "sha256"));
    if (had && sha && strcmp(had, stamp) == 0 && strlen(sha) == RT_HASH_TEXT - 1) {
        memcpy(out, sha, RT_HASH_TEXT);
        return RT_OK;
    }
    rt_status status = whole ? rt_hash_file(out, NULL, path, err) : rt_dataset_fingerprint(out, &size, &mtime, path,
            err);
    if (status != RT_OK) return status;
    json_object_set_new(hashes->known, path, json_pack("{s:s, s:s}", "stamp", stamp, "sha256", out));
    hashes->fresh++;
    return RT_OK;
}

void rt_inputs_text(json_t *inputs, const char *name, const char *text)
{
    json_t *value = json_string(text);
    json_object_set_new(inputs, name, value ? value : json_string("(not UTF-8)"));
}

rt_status rt_inputs_file(json_t *inputs, rt_hashes *hashes, const char *name, const char *path, rt_err *err)
{
    char sha256[RT_HASH_TEXT];
    rt_status status = find_hash(sha256, hashes, path, true, err);
    if (status == RT_OK) rt_inputs_text(inputs, name, sha256);
    return status;
}

/* nftw hands over no pointer of ours. */
static _Thread_local struct {
    char **path;
    int64_t n, capacity;
    rt_status status;
} walk;

static int visit(const char *path, const struct stat *s, int kind, struct FTW *place)
{
    (void)s;
    (void)place;
    if (kind != FTW_F) return 0;
    if (walk.n == walk.capacity) {
        int64_t wanted = walk.capacity ? 2 * walk.capacity : 256;
        void *list = walk.path;
        walk.status = rt_grow(&list, &walk.capacity, wanted, sizeof *walk.path, NULL);
        walk.path = list;
        if (walk.status != RT_OK) return 1;
    }
    walk.path[walk.n] = rt_copy_text(path, -1, NULL);
    if (!walk.path[walk.n]) walk.status = RT_ERR_MEMORY;
    else walk.n++;
    return walk.status != RT_OK;
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

rt_status rt_inputs_folder(json_t *inputs, rt_hashes *hashes, const char *name, const char *path, rt_err *err)
{
    rt_status status = RT_OK;
    rt_hash *hash = NULL;
    char sha256[RT_HASH_TEXT];
    memset(&walk, 0, sizeof walk);
    if (nftw(path, visit, 32, 0) != 0)
        RT_TRY(walk.status != RT_OK ? rt_fail(err, walk.status, path, 0, "out of memory for the names in it")
                                    : rt_fail(err, RT_ERR_IO, path, 0, "cannot be read"));
    qsort(walk.path, (size_t)walk.n, sizeof *walk.path, by_name);
    RT_TRY(rt_hash_create(&hash, err));
    for (int64_t i = 0; i < walk.n; i++) {
        RT_TRY(find_hash(sha256, hashes, walk.path[i], false, err));
        rt_hash_add(hash, walk.path[i] + strlen(path), (int64_t)(strlen(walk.path[i]) - strlen(path)) + 1);
        rt_hash_add(hash, sha256, RT_HASH_TEXT);
    }
    rt_hash_finish(hash, sha256);
    hash = NULL;
    rt_inputs_text(inputs, name, sha256);
done:
    rt_hash_free(hash);
    rt_free_names(walk.path, walk.n);
    return status;
}

rt_status rt_inputs_hash(char out[RT_HASH_TEXT], const json_t *inputs, rt_err *err)
{
    char *text = json_dumps(inputs, JSON_SORT_KEYS | JSON_COMPACT);
    if (!text) return rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory");
    rt_status status = rt_hash_bytes(out, text, (int64_t)strlen(text), err);
    free(text);
    return status;
}

static void add_name(char *out, int64_t size, const char *name, int n)
{
    size_t length = strlen(out);
    if (n < SHOWN) snprintf(out + length, (size_t)size - length, "%s%s", n ? ", " : "", name);
}

void rt_inputs_differ(char *out, int64_t size, const json_t *before, const json_t *now)
{
    const char *key;
    json_t *value;
    int n = 0;
    *out = 0;
    json_object_foreach((json_t *)(uintptr_t)now, key, value)
        if (!json_equal(value, json_object_get(before, key))) add_name(out, size, key, n++);
    json_object_foreach((json_t *)(uintptr_t)before, key, value)
        if (!json_object_get(now, key)) add_name(out, size, key, n++);
    size_t length = strlen(out);
    if (n > SHOWN) snprintf(out + length, (size_t)size - length, " and %d more", n - SHOWN);
}
