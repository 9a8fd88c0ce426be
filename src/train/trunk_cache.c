#include "train/trunk_cache.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "io/safetensors.h"
#include "io/weights.h"

enum { PARTS = 4, KEY_NAME = 16, LEFTOVER_SECONDS = 3600 };
static const char *const PART_NAME[PARTS] = {"x", "s_inputs", "s", "z"}; /* floats first: they want aligned places */
static const char ENDING[] = ".safetensors";
static const int64_t HEADER_BYTES = 1024; /* of a file, about */

struct rt_trunk_cache {
    char folder[PATH_MAX], own[PATH_MAX]; /* of all keys, of this one */
    rt_trunk_cache_state state;
    rt_trunk_cache_counts counts;
    bool full, failed; /* said so already */
    rt_arena *arena;   /* what is being worked out; NULL: nothing was yet */
};

/* ---- what lies there ----------------------------------------------------------------------------------------------
 */

static bool is_leftover(const char *name, const struct stat *s)
{
    int64_t length;
    long process;   /* may be of another machine that shares the folder: only the file's age tells */
    return rt_path_is_unfinished(name, &length, &process) && time(NULL) - s->st_mtime > LEFTOVER_SECONDS;
}

/* Bytes of a key's folder; with `clean` what a killed process left half-written goes. */
static int64_t measure_key(const char *folder, bool clean)
{
    char path[PATH_MAX];
    int64_t sum = 0;
    DIR *dir = opendir(folder);
    if (!dir) return 0;
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        struct stat s;
        rt_path_join(path, sizeof path, folder, entry->d_name);
        if (entry->d_name[0] == '.' || stat(path, &s) != 0 || !S_ISREG(s.st_mode)) continue;
        if (clean && is_leftover(entry->d_name, &s) && unlink(path) == 0) continue;
        sum += s.st_size;
    }
    closedir(dir);
    return sum;
}

/* Another process may have added or removed entries since.  A folder that is not there yet holds nothing. */
static rt_status measure(rt_trunk_cache *cache, bool clean, rt_err *err)
{
    char path[PATH_MAX];
    DIR *dir = opendir(cache->folder);
    cache->state.used = cache->state.others = 0;
    if (!dir && errno == ENOENT) return RT_OK;
    if (!dir) return rt_fail(err, RT_ERR_IO, cache->folder, 0, "cannot be read: %s", strerror(errno));
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        rt_path_join(path, sizeof path, cache->folder, entry->d_name);
        if (entry->d_name[0] == '.' || !rt_folder_exists(path)) continue;
        int64_t bytes = measure_key(path, clean);
        cache->state.used += bytes;
        if (strcmp(path, cache->own) != 0) cache->state.others += bytes;
    }
    closedir(dir);
    return RT_OK;
}

/* Of a folder that is not there yet the nearest one above it tells what the disk has. */
static rt_status find_limit(rt_trunk_cache *cache, int64_t limit, rt_err *err)
{
    struct statvfs disk;
    char path[PATH_MAX];
    cache->state.limit = limit;
    if (limit > 0) return RT_OK;
    snprintf(path, sizeof path, "%s", cache->folder);
    while (statvfs(path, &disk) != 0) {
        char *slash = strrchr(path, '/');
        if (errno != ENOENT || strcmp(path, ".") == 0 || strcmp(path, "/") == 0)
            return rt_fail(err, RT_ERR_IO, cache->folder, 0, "the disk's free space cannot be found: %s", strerror(errno));
        if (!slash) strcpy(path, ".");
        else slash[slash == path] = 0;
    }
    cache->state.limit = (int64_t)(.9 * ((double)disk.f_bavail * (double)disk.f_frsize + (double)cache->state.used));
    return RT_OK;
}

static rt_status find_key(rt_trunk_cache *cache, const json_t *plan, rt_err *err)
{
    char name[KEY_NAME + 1];
    char *text = json_dumps(plan, JSON_SORT_KEYS | JSON_COMPACT);
    if (!text) return rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory");
    rt_status status = rt_hash_bytes(cache->state.key, text, (int64_t)strlen(text), err);
    free(text);
    snprintf(name, sizeof name, "%.*s", KEY_NAME, cache->state.key);
    rt_path_join(cache->own, sizeof cache->own, cache->folder, name);
    return status;
}

/* With `make` the key's folder is there afterwards; without, nothing is made or removed. */
static rt_status find_state(rt_trunk_cache *cache, const rt_trunk_cache_options *options, bool make, rt_err *err)
{
    rt_status status = RT_OK;
    char path[PATH_MAX];
    snprintf(cache->folder, sizeof cache->folder, "%s", options->folder);
    RT_TRY(find_key(cache, options->plan, err));
    if (make) {
        RT_TRY(rt_make_folder(cache->folder, err));
        RT_TRY(rt_make_folder(cache->own, err));
        rt_path_join(path, sizeof path, cache->own, "plan.json");
        if (!rt_file_exists(path)) RT_TRY(rt_json_save(options->plan, path, err));
    }
    RT_TRY(measure(cache, make, err));
    RT_TRY(find_limit(cache, options->limit, err));
done:
    return status;
}

rt_status rt_trunk_cache_open(rt_trunk_cache **ret_cache, const rt_trunk_cache_options *options, rt_err *err)
{
    rt_status status = RT_OK;
    rt_trunk_cache *cache = NULL;
    *ret_cache = NULL;
    RT_TRY_ALLOC(cache, 1);
    RT_TRY(find_state(cache, options, true, err));
    *ret_cache = cache;
    cache = NULL;
done:
    rt_trunk_cache_close(cache);
    return status;
}

rt_status rt_trunk_cache_look(rt_trunk_cache_state *out, const rt_trunk_cache_options *options, rt_err *err)
{
    rt_trunk_cache cache = {0};
    rt_status status = find_state(&cache, options, false, err);
    *out = cache.state;
    return status;
}

void rt_trunk_cache_close(rt_trunk_cache *cache)
{
    if (!cache) return;
    rt_arena_free(cache->arena);
    free(cache);
}

rt_trunk_cache_counts rt_trunk_cache_counted(const rt_trunk_cache *cache) { return cache->counts; }
const rt_trunk_cache_state *rt_trunk_cache_state_of(const rt_trunk_cache *cache) { return &cache->state; }

/* ---- entries ------------------------------------------------------------------------------------------------------
 */

/* An open entry: from a file, or room for what will be worked out. */
typedef struct {
    char path[PATH_MAX], name[112];
    rt_weights *file; /* NULL: worked out */
    rt_step_frozen frozen;
} entry;

static rt_tensor *part(rt_step_frozen *f, int index)
{
    rt_tensor *at[PARTS] = {&f->x, &f->s_inputs, &f->s, &f->z};
    return at[index];
}

int64_t rt_trunk_cache_entry_bytes(const rt_config *config, int64_t n_token, int64_t n_atom, int64_t rollouts)
{
    rt_step_frozen f = rt_step_frozen_shapes(config, n_token, n_atom, rollouts);
    int64_t sum = HEADER_BYTES;
    for (int i = 0; i < PARTS; i++) sum += rt_bytes(*part(&f, i));
    return sum;
}

/* SHA-256 over the entry's own name and all values: a file under another's name is no entry either. */
static rt_status hash_entry(char out[RT_HASH_TEXT], const rt_trunk_cache *cache, const char *name, rt_step_frozen *f,
                            rt_err *err)
{
    rt_hash *hash;
    rt_status status = rt_hash_create(&hash, err);
    if (status != RT_OK) return status;
    rt_hash_add(hash, cache->state.key, (int64_t)strlen(cache->state.key));
    rt_hash_add(hash, name, (int64_t)strlen(name));
    for (int i = 0; i < PARTS; i++) rt_hash_add(hash, part(f, i)->data, rt_bytes(*part(f, i)));
    rt_hash_finish(hash, out);
    return RT_OK;
}

static bool same_shape(rt_tensor a, rt_tensor b)
{
    bool same = a.dtype == b.dtype && a.ndim == b.ndim;
    for (int i = 0; same && i < a.ndim; i++) same = a.dim[i] == b.dim[i];
    return same;
}

/* Points e->frozen into the file; RT_ERR_FORMAT when it is not the entry that its name says, whole. */
static rt_status read_entry(entry *e, const rt_trunk_cache *cache, rt_err *err)
{
    rt_status status = RT_OK;
    char hash[RT_HASH_TEXT];
    RT_TRY(rt_weights_open(&e->file, e->path, err));
    const char *said = rt_weights_metadata(e->file, "rnatune.sha256");
    for (int i = 0; i < PARTS; i++) {
        const rt_weight *found = rt_weights_find(e->file, PART_NAME[i]);
        if (!found || !same_shape(found->tensor, *part(&e->frozen, i)))
            return rt_fail(err, RT_ERR_FORMAT, e->path, 0, "lacks '%s' in the shape that it should have", PART_NAME[i]);
        *part(&e->frozen, i) = found->tensor;
    }
    RT_TRY(hash_entry(hash, cache, e->name, &e->frozen, err));
    if (!said || strcmp(said, hash) != 0)
        return rt_fail(err, RT_ERR_FORMAT, e->path, 0, "its values do not have the SHA-256 that it names");
    e->frozen.known = true;
done:
    return status;
}

/* First digits of a SHA-256 over what the network reads of this view: another alignment or template is another entry. */
static rt_status hash_features(char out[RT_HASH_TEXT], const rt_features *f, rt_err *err)
{
    rt_hash *hash;
    const rt_tensor read[] = {f->tokenized_seq, f->residue_index,   f->asym_id,         f->profile, f->deletion_mean,
                              f->ref_pos,       f->template_coords, f->template_coords_mask, f->msa};
    rt_status status = rt_hash_create(&hash, err);
    if (status != RT_OK) return status;
    for (size_t i = 0; i < sizeof read / sizeof *read; i++)
        if (read[i].data) rt_hash_add(hash, read[i].data, rt_bytes(read[i]));
    rt_hash_finish(hash, out);
    return RT_OK;
}

/* What is there, or room for it.  A damaged file is told of, removed and treated as none. */
static rt_status open_entry(entry *e, rt_trunk_cache *cache, const rt_draw_key *key, const rt_features *features,
                            const rt_step_frozen *shapes, rt_err *err)
{
    rt_err why;
    char file[160], text[1024], inputs[RT_HASH_TEXT];
    *e = (entry){.frozen = *shapes};
    rt_status hashed = hash_features(inputs, features, err);
    if (hashed != RT_OK) return hashed;
    snprintf(e->name, sizeof e->name, "%016llx-%016llx-%llu-%.*s", (unsigned long long)key->seed,
             (unsigned long long)key->stream, (unsigned long long)key->number, KEY_NAME, inputs);
    snprintf(file, sizeof file, "%s%s", e->name, ENDING);
    rt_path_join(e->path, sizeof e->path, cache->own, file);
    if (rt_file_exists(e->path)) {
        rt_status status = read_entry(e, cache, &why);
        if (status == RT_OK) return RT_OK;
        rt_weights_close(e->file);
        e->file = NULL;
        if (status == RT_ERR_MEMORY) {
            *err = why;
            return status;
        }
        rt_err_print(&why, text, sizeof text);
        rt_warn("%s: this entry of the cache is damaged; it is worked out again", text);
        unlink(e->path);
        cache->counts.n_damaged++;
    }
    e->frozen = *shapes;
    return rt_step_frozen_place(&e->frozen, &cache->arena, err);
}

static rt_status write_entry(entry *e, const rt_trunk_cache *cache, rt_err *err)
{
    rt_status status = RT_OK;
    rt_safetensors_writer *writer = NULL;
    char hash[RT_HASH_TEXT];
    RT_TRY(hash_entry(hash, cache, e->name, &e->frozen, err));
    RT_TRY(rt_safetensors_create(&writer, e->path, err));
    RT_TRY(rt_safetensors_metadata(writer, "rnatune.sha256", hash, err));
    for (int i = 0; i < PARTS; i++)
        RT_TRY(rt_safetensors_declare(writer, PART_NAME[i], *part(&e->frozen, i), err));
    for (int i = 0; i < PARTS; i++) RT_TRY(rt_safetensors_write(writer, *part(&e->frozen, i), err));
    return rt_safetensors_commit(writer, err);
done:
    rt_safetensors_abandon(writer);
    return status;
}

/* Keeps what was worked out if there is room; that it could not be kept is no error of the run's. */
static void keep_entry(entry *e, rt_trunk_cache *cache, int64_t bytes)
{
    rt_err why;
    char text[1024];
    if (rt_file_exists(e->path)) return; /* another process was faster: its bytes are the same */
    rt_status status = measure(cache, true, &why);
    if (status == RT_OK && cache->state.used + bytes > cache->state.limit) {
        if (!cache->full)
            rt_info("the cache is full (%.4g of %.4g GB): what it holds is used, other views are worked out each time",
                    1e-9 * (double)cache->state.used, 1e-9 * (double)cache->state.limit);
        cache->full = true;
        return;
    }
    if (status == RT_OK) status = write_entry(e, cache, &why);
    if (status == RT_OK) {
        cache->counts.n_kept++;
        return;
    }
    if (cache->failed) return;
    rt_err_print(&why, text, sizeof text);
    rt_warn("%s: not kept in the cache; what it holds is used, and the run goes on", text);
    cache->failed = true;
}

rt_status rt_trunk_cache_step(rt_trunk_cache *opt_cache, rt_ctx *ctx, const rt_model *model, rt_step_loss *out_loss,
                              const rt_step_plan *plan, const rt_features *features, const rt_label *label,
                              const rt_draw_key *key, const rt_step_given *opt_given, bool backward, bool dropout,
                              rt_err *err)
{
    rt_status status = RT_OK;
    rt_trunk_cache *cache = opt_cache;
    rt_step_given given = opt_given ? *opt_given : (rt_step_given){0};
    int64_t rollouts = rt_step_rollouts(&plan->options);
    entry e;
    if (!cache)
        return rt_step_run(ctx, model, out_loss, plan, features, label, key, opt_given, backward, dropout, err);
    rt_step_frozen shapes = rt_step_frozen_shapes(&model->config, features->n_token, features->n_atom, rollouts);
    RT_TRY(open_entry(&e, cache, key, features, &shapes, err));
    bool known = e.frozen.known;
    given.opt_frozen = &e.frozen;
    status = rt_step_run(ctx, model, out_loss, plan, features, label, key, &given, backward, dropout, err);
    if (status == RT_OK && known) cache->counts.n_read++;
    if (status == RT_OK && !known) {
        cache->counts.n_made++;
        keep_entry(&e, cache, rt_trunk_cache_entry_bytes(&model->config, features->n_token, features->n_atom, rollouts));
    }
    rt_weights_close(e.file);
done:
    return status;
}
