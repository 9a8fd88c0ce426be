#include "train/checkpoint.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "train/checkpoint_internal.h"

const rt_retention rt_retention_default = {.keep_last = 2, .keep_epochs = -1, .keep_best = true};

static const char LIST[] = "checkpoints.json";
enum { LIST_FORMAT = 1 };

struct rt_checkpoint_store {
    char folder[PATH_MAX];
    rt_retention retention;
    rt_checkpoint_entry *entry;   /* oldest first */
    int64_t count, capacity;
    int lock;                     /* the folder itself, locked: two runs would sweep away each other's files */
};

static void path_of(const rt_checkpoint_store *store, char out[PATH_MAX], const char *name)
{
    rt_path_join(out, PATH_MAX, store->folder, name);
}

/* ---- checkpoints.json -------------------------------------------------------------------------------------------- */
static json_t *file_json(const char *name, const char *hash, int64_t bytes)
{
    return name[0] ? json_pack("{s:s, s:s, s:I}", "file", name, "sha256", hash, "bytes", (json_int_t)bytes)
                   : json_null();
}

static rt_status write_list(const rt_checkpoint_store *store, rt_err *err)
{
    char path[PATH_MAX];
    json_t *list = json_array();
    for (int64_t i = 0; i < store->count; i++) {
        const rt_checkpoint_entry *e = &store->entry[i];
        json_t *item = json_pack("{s:I, s:I, s:b, s:b, s:o, s:o, s:o}", "step", (json_int_t)e->step, "epoch",
                                 (json_int_t)e->epoch, "epoch_end", e->epoch_end, "best", e->best, "value",
                                 rt_json_number(e->value), "weights",
                                 file_json(e->weights, e->weights_hash, e->weights_bytes), "state",
                                 file_json(e->state, e->state_hash, e->state_bytes));
        json_array_append_new(list, item);
    }
    json_t *root = json_pack("{s:i, s:o}", "format", LIST_FORMAT, "checkpoints", list);
    path_of(store, path, LIST);
    rt_status status = root ? rt_json_save(root, path, err) : rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory");
    json_decref(root);
    return status;
}

/* A name from the list must be one that this program gave: it is opened and removed. */
static bool ours(const char *name)
{
    int length = 0;
    if (sscanf(name, "weights-%*[0-9a-z].safetensors%n", &length) < 0 || length != (int)strlen(name)) {
        length = 0;
        if (sscanf(name, "state-%*[0-9a-z].safetensors%n", &length) < 0 || length != (int)strlen(name)) return false;
    }
    return length < 64;
}

static rt_status read_file_json(char name[64], char hash[RT_HASH_TEXT], int64_t *bytes, const json_t *json,
                                const char *path, rt_err *err)
{
    const char *file, *sha;
    rt_status status = RT_OK;
    RT_TRY(rt_json_read_text(json, &file, NULL, "file", path, err));
    RT_TRY(rt_json_read_text(json, &sha, NULL, "sha256", path, err));
    RT_TRY(rt_json_read_int(json, bytes, NULL, "bytes", path, err));
    if (!ours(file) || strlen(sha) != RT_HASH_TEXT - 1)
        return rt_fail(err, RT_ERR_FORMAT, path, 0, "names '%.60s', which is no checkpoint of a run", file);
    strcpy(name, file);
    strcpy(hash, sha);
done:
    return status;
}

static rt_status read_entry(rt_checkpoint_entry *e, const json_t *json, const char *path, rt_err *err)
{
    rt_status status = RT_OK;
    *e = (rt_checkpoint_entry){.value = NAN};
    RT_TRY(rt_json_read_int(json, &e->step, NULL, "step", path, err));
    RT_TRY(rt_json_read_int(json, &e->epoch, NULL, "epoch", path, err));
    RT_TRY(rt_json_read_bool(json, &e->epoch_end, NULL, "epoch_end", path, err));
    RT_TRY(rt_json_read_bool(json, &e->best, NULL, "best", path, err));
    const json_t *value = json_object_get(json, "value");
    if (json_is_number(value)) e->value = json_number_value(value);
    RT_TRY(read_file_json(e->weights, e->weights_hash, &e->weights_bytes, json_object_get(json, "weights"), path, err));
    if (!json_is_null(json_object_get(json, "state")))
        RT_TRY(read_file_json(e->state, e->state_hash, &e->state_bytes, json_object_get(json, "state"), path, err));
done:
    return status;
}

static rt_status read_list(rt_checkpoint_store *store, rt_err *err)
{
    char path[PATH_MAX];
    json_t *root = NULL;
    int64_t format = 0;
    rt_status status = RT_OK;
    path_of(store, path, LIST);
    if (!rt_file_exists(path)) return RT_OK;
    RT_TRY(rt_json_load(&root, path, err));
    RT_TRY(rt_json_read_int(root, &format, NULL, "format", path, err));
    const json_t *list = json_object_get(root, "checkpoints");
    if (format != LIST_FORMAT || !json_is_array(list)) {
        status = rt_fail(err, RT_ERR_FORMAT, path, 0, "is not a list of checkpoints of format %d", LIST_FORMAT);
        goto done;
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        RT_TRY(rt_grow((void **)&store->entry, &store->capacity, store->count + 1, sizeof *store->entry, err));
        RT_TRY(read_entry(&store->entry[store->count], json_array_get(list, i), path, err));
        store->count++;
    }
done:
    json_decref(root);
    return status;
}

/* ---- the folder -------------------------------------------------------------------------------------------------- */
static bool named(const rt_checkpoint_store *store, const char *file)
{
    for (int64_t i = 0; i < store->count; i++)
        if (strcmp(store->entry[i].weights, file) == 0 || strcmp(store->entry[i].state, file) == 0) return true;
    return false;
}

/* Files of ours, half-written ones too, that the list does not name: a kill between writing and naming left them. */
static void sweep(const rt_checkpoint_store *store)
{
    char path[PATH_MAX], whole[256];
    DIR *folder = opendir(store->folder);
    struct dirent *item;
    while (folder && (item = readdir(folder))) {
        snprintf(whole, sizeof whole, "%s", item->d_name);
        int64_t length;
        long process;
        bool half = rt_path_is_unfinished(whole, &length, &process);
        if (half) whole[length] = 0;
        bool list = half && strcmp(whole, LIST) == 0;
        if (!list && (!ours(whole) || (!half && named(store, whole)))) continue;
        path_of(store, path, item->d_name);
        if (unlink(path) == 0) rt_debug("%s: left behind by an interrupted run; removed", path);
    }
    if (folder) closedir(folder);
}

static rt_status lock_folder(rt_checkpoint_store *store, rt_err *err)
{
    store->lock = open(store->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (store->lock < 0 || flock(store->lock, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return RT_OK;
    rt_fail(err, RT_ERR_IO, store->folder, 0, "another run is writing its checkpoints here");
    return rt_hint(err, "give this run a folder of its own, or wait for the other one to end");
}

rt_status rt_checkpoint_open(rt_checkpoint_store **ret_store, const char *folder, const rt_retention *retention,
                             rt_err *err)
{
    rt_checkpoint_store *store = NULL;
    rt_status status = RT_OK;
    *ret_store = NULL;
    if (retention->keep_last < 1)
        return rt_fail(err, RT_ERR_USAGE, NULL, 0, "a run that keeps no checkpoint could not be taken up again");
    RT_TRY(rt_make_folder(folder, err));
    RT_TRY_ALLOC(store, 1);
    store->retention = *retention;
    store->lock = -1;
    snprintf(store->folder, sizeof store->folder, "%s", folder);
    RT_TRY(lock_folder(store, err));
    RT_TRY(read_list(store, err));
    sweep(store);
    *ret_store = store;
    store = NULL;
done:
    rt_checkpoint_close(store);
    return status;
}

void rt_checkpoint_close(rt_checkpoint_store *store)
{
    if (!store) return;
    if (store->lock >= 0) close(store->lock);
    free(store->entry);
    free(store);
}

int64_t rt_checkpoint_count(const rt_checkpoint_store *store) { return store->count; }
const rt_checkpoint_entry *rt_checkpoint_at(const rt_checkpoint_store *store, int64_t index)
{
    return &store->entry[index];
}

/* ---- saving ------------------------------------------------------------------------------------------------------ */
/* "weights-00001200.safetensors"; a letter follows when the list has that name already (a step saved twice). */
static void new_name(const rt_checkpoint_store *store, char out[64], const char *kind, int64_t step)
{
    snprintf(out, 64, "%s-%08lld.safetensors", kind, (long long)step);
    for (char letter = 'b'; named(store, out) && letter <= 'z'; letter++)
        snprintf(out, 64, "%s-%08lld%c.safetensors", kind, (long long)step, letter);
}

static rt_status write_files(const rt_checkpoint_store *store, rt_checkpoint_entry *e, const rt_run_identity *identity,
                             const rt_train_state *state, const rt_train_parts *parts, rt_err *err)
{
    char path[PATH_MAX];
    rt_status status = RT_OK;
    new_name(store, e->weights, "weights", state->step);
    new_name(store, e->state, "state", state->step);
    path_of(store, path, e->weights);
    RT_TRY(rt_checkpoint_write_weights(path, identity, state, parts, err));
    RT_TRY(rt_hash_file(e->weights_hash, &e->weights_bytes, path, err));
    path_of(store, path, e->state);
    RT_TRY(rt_checkpoint_write_state(path, identity, state, parts, err));
    RT_TRY(rt_hash_file(e->state_hash, &e->state_bytes, path, err));
done:
    return status;
}

/* What stays: states of the last keep_last, weights of these, of epochs' ends and of the best. */
static void retain(rt_checkpoint_store *store)
{
    const rt_retention *rule = &store->retention;
    int64_t n_epoch = 0, kept = 0;
    bool newer_best = false;
    for (int64_t i = store->count - 1; i >= 0; i--) {
        rt_checkpoint_entry *e = &store->entry[i];
        if (store->count - i > rule->keep_last) e->state[0] = 0;
        if (e->best && newer_best) e->best = false;
        newer_best = newer_best || e->best;
        if (e->epoch_end) n_epoch++;
        bool stays = e->state[0] || (e->best && rule->keep_best) ||
                     (e->epoch_end && (rule->keep_epochs < 0 || n_epoch <= rule->keep_epochs));
        if (!stays) e->weights[0] = 0;
    }
    for (int64_t i = 0; i < store->count; i++)
        if (store->entry[i].weights[0]) store->entry[kept++] = store->entry[i];
    store->count = kept;
}

rt_status rt_checkpoint_save(rt_checkpoint_store *store, const rt_run_identity *identity, const rt_train_state *state,
                             const rt_train_parts *parts, bool epoch_end, double value, bool best, rt_err *err)
{
    rt_checkpoint_entry e = {
        .step = state->step, .epoch = state->epoch, .epoch_end = epoch_end, .best = best, .value = value};
    rt_checkpoint_entry *before = NULL, *after = NULL;
    int64_t n_before = store->count;
    rt_status status = RT_OK;
    RT_TRY(write_files(store, &e, identity, state, parts, err));
    RT_TRY_ALLOC(after, n_before + 1);
    if (n_before) memcpy(after, store->entry, (size_t)n_before * sizeof *after);
    after[n_before] = e;
    before = store->entry;
    store->entry = after;
    store->count = store->capacity = n_before + 1;
    retain(store);
    status = write_list(store, err);
    if (status != RT_OK) {   /* the old list is still there, and is the truth */
        store->entry = before;
        store->count = store->capacity = n_before;
        before = after;
    }
done:
    free(before);
    sweep(store);   /* what this checkpoint replaced, or what is left of it */
    if (status != RT_OK && err && !err->hint[0]) {
        if (store->count)
            rt_hint(err, "the checkpoint of step %lld is whole; free some space or choose another folder, then resume",
                    (long long)store->entry[store->count - 1].step);
        else rt_hint(err, "no checkpoint was written yet; free some space or choose another folder");
    }
    return status;
}

/* ---- resuming ---------------------------------------------------------------------------------------------------- */
static rt_status check_file(const rt_checkpoint_store *store, const char *name, const char *hash, int64_t bytes,
                            rt_err *err)
{
    char path[PATH_MAX], found[RT_HASH_TEXT];
    int64_t size;
    path_of(store, path, name);
    rt_status status = rt_hash_file(found, &size, path, err);
    if (status == RT_OK && (size != bytes || strcmp(found, hash) != 0))
        status = rt_fail(err, RT_ERR_FORMAT, path, 0,
                         "is damaged: %lld bytes of SHA-256 %.12s..., %lld of %.12s... were written", (long long)size,
                         found, (long long)bytes, hash);
    return status;
}

rt_status rt_checkpoint_resume(rt_checkpoint_store *store, bool *out_found, rt_train_state *out_state,
                               const rt_run_identity *identity, const rt_train_parts *parts, rt_err *err)
{
    char weights[PATH_MAX], state[PATH_MAX], text[2048];
    rt_status status = RT_OK;
    *out_found = false;
    for (int64_t i = store->count - 1; i >= 0; i--) {
        const rt_checkpoint_entry *e = &store->entry[i];
        if (!e->state[0]) continue;
        status = check_file(store, e->weights, e->weights_hash, e->weights_bytes, err);
        if (status == RT_OK) status = check_file(store, e->state, e->state_hash, e->state_bytes, err);
        if (status != RT_OK) {
            if (err) rt_err_print(err, text, sizeof text);
            rt_warn("the checkpoint of step %lld cannot be used: %s", (long long)e->step, err ? text : "damaged");
            continue;
        }
        path_of(store, weights, e->weights);
        path_of(store, state, e->state);
        RT_TRY(rt_checkpoint_read(weights, state, identity, out_state, parts, err));
        *out_found = true;
        return RT_OK;
    }
    if (status != RT_OK && err)
        rt_hint(err, "no checkpoint of this run is whole; its weights-* files may still be used as they are");
done:
    return status;
}
