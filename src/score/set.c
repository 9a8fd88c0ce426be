#define _GNU_SOURCE
#include "score/set.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

rt_status rt_score_set_add(rt_score_set *set, rt_score_item **out_item, const char *target, const char *name,
                           rt_err *err)
{
    void *items = set->item;
    rt_status status = rt_grow(&items, &set->capacity, set->n_item + 1, sizeof *set->item, err);
    set->item = items;
    if (status != RT_OK) return status;
    rt_score_item *item = &set->item[set->n_item];
    *item = (rt_score_item){.rank = -1, .n_template = -1};
    if (snprintf(item->target, sizeof item->target, "%s", target) >= RT_SCORE_NAME ||
        snprintf(item->name, sizeof item->name, "%s", name) >= RT_SCORE_NAME)
        return rt_fail(err, RT_ERR_FORMAT, NULL, 0, "the name '%.60s...' is longer than %d characters", target,
                       RT_SCORE_NAME - 1);
    set->n_item++;
    *out_item = item;
    return RT_OK;
}

void rt_score_item_unload(rt_score_item *item)
{
    if (!item->path) return;
    for (int64_t m = 0; m < item->n_molecule; m++) rt_molecule_free_members(&item->molecule[m]);
    free(item->molecule);
    item->molecule = NULL;
    item->n_molecule = 0;
}

void rt_score_set_free_members(rt_score_set *set)
{
    for (int64_t i = 0; i < set->n_item; i++) {
        rt_score_item *item = &set->item[i];
        for (int64_t m = 0; m < item->n_molecule; m++) rt_molecule_free_members(&item->molecule[m]);
        free(item->molecule);
        free(item->path);
    }
    free(set->item);
    *set = (rt_score_set){0};
}

rt_score_item *rt_score_set_find(const rt_score_set *set, const char *target)
{
    for (int64_t i = 0; i < set->n_item; i++)
        if (strcmp(set->item[i].target, target) == 0) return &set->item[i];
    return NULL;
}

rt_status rt_score_item_load(rt_score_item *item, const char *atom, rt_err *err)
{
    rt_structure structure;
    if (item->molecule || !item->path) return RT_OK;
    rt_status status = rt_structure_open(&structure, item->path, err);
    if (status != RT_OK) return status;
    RT_TRY_ALLOC(item->molecule, structure.n_model);
    for (int32_t m = 0; m < structure.n_model; m++) {
        rt_molecule *molecule = &item->molecule[m];
        RT_TRY(rt_molecule_build(molecule, &structure, m, atom, item->path, err));
        item->n_molecule++;
        if (item->chain[0] && !rt_molecule_keep_chain(molecule, item->chain)) {
            status = rt_fail(err, RT_ERR_FORMAT, item->path, 0, "model %d has no RNA chain %s", m + 1, item->chain);
            goto done;
        }
        if (structure.n_model == 1) snprintf(molecule->name, sizeof molecule->name, "%s", item->name);
        else snprintf(molecule->name, sizeof molecule->name, "%.100s#%d", item->name, m + 1);
        if (molecule->n_resolved == 0) {
            status = rt_fail(err, RT_ERR_FORMAT, item->path, 0, "no residue has the atom %s", atom);
            goto done;
        }
    }
done:
    rt_structure_free_members(&structure);
    if (status != RT_OK) rt_score_item_unload(item);
    return status;
}

/* ---- files and folders ----------------------------------------------------------------------------------------- */

/* The name without .gz and without the ending of a structure file; false when it is none. */
static bool structure_stem(char *out, const char *file)
{
    static const char *const ENDINGS[] = {".cif", ".mmcif", ".pdb", ".ent"};
    snprintf(out, 256, "%s", file);
    if (rt_ends_with(out, ".gz")) out[strlen(out) - 3] = 0;
    for (int i = 0; i < 4; i++)
        if (rt_ends_with(out, ENDINGS[i])) {
            out[strlen(out) - strlen(ENDINGS[i])] = 0;
            return out[0] != 0;
        }
    return false;
}

static bool is_table(const char *path) { return rt_ends_with(path, ".csv") || rt_ends_with(path, ".csv.gz"); }

/* "7" of "R1107_sample_7" as the rank 8, -1 for other names. */
static int64_t rank_of(const char *stem)
{
    int64_t rank;
    const char *found = NULL;
    for (const char *p = strstr(stem, "_sample_"); p; p = strstr(p + 1, "_sample_")) found = p;
    if (!found || !rt_parse_int(found + 8, (int64_t)strlen(found + 8), &rank) || rank < 0) return -1;
    return rank + 1;
}

/* Templates that a prediction had, as rnatune predict tells; -1 when it does not. */
static int64_t templates_of(const char *folder)
{
    char path[4096];
    rt_err err;
    json_t *json;
    int64_t used = -1;
    bool found;
    rt_path_join(path, sizeof path, folder, "summary.json");
    if (!rt_file_exists(path) || rt_json_load(&json, path, &err) != RT_OK) return -1;
    if (rt_json_read_int(json, &used, &found, "inputs.templates.used", path, &err) != RT_OK || !found) used = -1;
    json_decref(json);
    return used;
}

/* The same for a submission: from the run.json beside it, as far as there is one. */
static void find_templates(rt_score_set *set, const char *table)
{
    char folder[4096], path[4200];
    rt_err err;
    json_t *run, *target;
    size_t i;
    int length = (int)(rt_path_name(table) - table);
    snprintf(folder, sizeof folder, "%.*s", length ? length : 1, length ? table : ".");
    rt_path_join(path, sizeof path, folder, "run.json");
    if (!rt_file_exists(path) || rt_json_load(&run, path, &err) != RT_OK) return;
    json_array_foreach(json_object_get(run, "targets"), i, target) {
        const char *name = json_string_value(json_object_get(target, "target"));
        rt_score_item *item = name ? rt_score_set_find(set, name) : NULL;
        int64_t used;
        bool found;
        if (item && rt_json_read_int(target, &used, &found, "inputs.templates.used", path, &err) == RT_OK && found)
            item->n_template = used;
    }
    json_decref(run);
}

typedef struct {
    rt_score_set *set;
    rt_score_set *opt_natives;   /* NULL: natives are read */
    const char *atom;
    int64_t others;              /* files that are no structures */
} walk;

/* ---- natives by name --------------------------------------------------------------------------------------------- */

static bool has_chain(rt_score_item *native, const char *chain, const char *atom)
{
    rt_err err;
    bool found = false;
    if (rt_score_item_load(native, atom, &err) != RT_OK) return false;   /* reported when it is scored */
    for (int64_t c = 0; c < native->molecule[0].n_chain; c++)
        found = found || strcmp(native->molecule[0].chain[c].name, chain) == 0;
    rt_score_item_unload(native);
    return found;
}

/* The target 1DQH_B of the native 1dqh: its first chain that is asked for takes the item's place, others get their own.
 * *out_native is NULL when there is no such file or chain. */
static rt_status split_chain(rt_score_set *natives, rt_score_item **out_native, const char *target, const char *atom,
                             rt_err *err)
{
    rt_status status = RT_OK;
    const char *low = strrchr(target, '_');
    size_t length = low ? (size_t)(low - target) : 0;
    *out_native = NULL;
    if (!length || !low[1] || strlen(low + 1) >= sizeof natives->item->chain) return RT_OK;
    for (int64_t i = 0; i < natives->n_item; i++) {
        rt_score_item *item = &natives->item[i];
        if (!item->path || strlen(item->name) != length || strncasecmp(item->name, target, length) != 0) continue;
        bool taken = item->chain[0];
        rt_score_item whole = *item;
        whole.chain[0] = 0;
        if (!has_chain(&whole, low + 1, atom)) return RT_OK;
        if (taken) {
            RT_TRY(rt_score_set_add(natives, &item, target, whole.name, err));
            item->path = rt_copy_text(whole.path, -1, err);
            if (!item->path) return RT_ERR_MEMORY;
        } else if (snprintf(item->target, sizeof item->target, "%s", target) >= RT_SCORE_NAME) {
            return rt_fail(err, RT_ERR_FORMAT, NULL, 0, "the name '%.60s...' is too long", target);
        }
        snprintf(item->chain, sizeof item->chain, "%s", low + 1);
        *out_native = item;
        break;
    }
done:
    return status;
}

static rt_status find_native(rt_score_set *natives, rt_score_item **out_native, const char *target, const char *atom,
                             rt_err *err)
{
    *out_native = rt_score_set_find(natives, target);
    return *out_native ? RT_OK : split_chain(natives, out_native, target, atom, err);
}

/* The longest target that a file's name begins with. */
static rt_score_item *find_prefix(const rt_score_set *natives, const char *stem)
{
    rt_score_item *best = NULL;
    for (int64_t i = 0; i < natives->n_item; i++) {
        const char *target = natives->item[i].target;
        size_t length = strlen(target);
        if (strncmp(stem, target, length) != 0 || isalnum((unsigned char)stem[length])) continue;
        if (!best || length > strlen(best->target)) best = &natives->item[i];
    }
    return best;
}

/* Which native a prediction is of; *out_native is NULL for none. */
static rt_status native_of(rt_score_set *natives, rt_score_item **out_native, const char *opt_folder, const char *stem,
                           const char *atom, rt_err *err)
{
    rt_status status = RT_OK;
    char own[256];
    *out_native = natives->n_item == 1 && !natives->item[0].path ? &natives->item[0] : NULL;
    if (!*out_native && opt_folder) RT_TRY(find_native(natives, out_native, opt_folder, atom, err));
    if (!*out_native) {   /* 1DQH_B of 1DQH_B_sample_0 */
        snprintf(own, sizeof own, "%s", stem);
        if (rank_of(own) > 0) *strstr(own, "_sample_") = 0;
        RT_TRY(find_native(natives, out_native, own, atom, err));
    }
    if (!*out_native) *out_native = find_prefix(natives, stem);
    if (!*out_native && natives->n_item == 1) *out_native = &natives->item[0];
done:
    return status;
}

static bool is_same_file(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* One file found; opt_folder: the sub-folder it lies in. */
static rt_status add_file(walk *w, const char *path, const char *opt_folder, rt_err *err)
{
    char stem[256];
    const char *target;
    rt_score_item *item;
    if (!structure_stem(stem, rt_path_name(path))) {
        w->others++;
        return RT_OK;
    }
    if (!w->opt_natives) {
        if (opt_folder && strcmp(stem, "native") != 0 && strcmp(stem, opt_folder) != 0) return RT_OK;
        target = opt_folder ? opt_folder : stem;
        if (rt_score_set_find(w->set, target))
            return rt_fail(err, RT_ERR_MISMATCH, path, 0, "a second native of the target %s", target);
    } else {
        rt_score_item *native;
        rt_status found = native_of(w->opt_natives, &native, opt_folder, stem, w->atom, err);
        if (found != RT_OK) return found;
        if (!native) {
            if (!w->set->n_alien++) snprintf(w->set->alien, sizeof w->set->alien, "%s", rt_path_name(path));
            return RT_OK;
        }
        target = native->target;
        if (native->path && is_same_file(native->path, path)) return RT_OK;   /* the native lies among the models */
    }
    rt_status status = rt_score_set_add(w->set, &item, target, stem, err);
    if (status != RT_OK) return status;
    item->path = rt_copy_text(path, -1, err);
    item->rank = rank_of(stem);
    return item->path ? RT_OK : RT_ERR_MEMORY;
}

static rt_status walk_folder(walk *w, const char *folder, int depth, rt_err *err)
{
    struct dirent **entries = NULL;
    char path[4096];
    rt_status status = RT_OK;
    int n = scandir(folder, &entries, NULL, alphasort);
    if (n < 0) return rt_fail(err, RT_ERR_IO, folder, 0, "cannot read the folder: %s", strerror(errno));
    int64_t first = w->set->n_item;
    for (int i = 0; i < n && status == RT_OK; i++) {
        const char *name = entries[i]->d_name;
        if (name[0] == '.') continue;
        rt_path_join(path, sizeof path, folder, name);
        if (rt_folder_exists(path)) {
            if (depth == 0) status = walk_folder(w, path, 1, err);
        } else {
            status = add_file(w, path, depth ? rt_path_name(folder) : NULL, err);
        }
    }
    int64_t used = depth && w->opt_natives ? templates_of(folder) : -1;
    for (int64_t i = first; i < w->set->n_item && depth; i++) w->set->item[i].n_template = used;
    for (int i = 0; i < n; i++) free(entries[i]);
    free(entries);
    return status;
}

static int by_name(const void *a, const void *b)
{
    const rt_score_item *p = a, *q = b;
    int order = strcmp(p->target, q->target);
    if (!order) order = (p->rank > q->rank) - (p->rank < q->rank);
    if (!order) order = strcmp(p->name, q->name);
    return order || !p->path || !q->path ? order : strcmp(p->path, q->path);
}

static rt_status open_set(rt_score_set *set, const char *path, rt_score_set *opt_natives, const char *atom,
                          rt_err *err)
{
    walk w = {.set = set, .opt_natives = opt_natives, .atom = atom};
    char trimmed[4096];
    rt_status status;
    *set = (rt_score_set){0};
    snprintf(trimmed, sizeof trimmed, "%s", path);
    for (size_t n = strlen(trimmed); n > 1 && trimmed[n - 1] == '/'; n--) trimmed[n - 1] = 0;
    if (rt_folder_exists(trimmed)) {
        status = walk_folder(&w, trimmed, 0, err);
        if (status == RT_OK && set->n_item == 0 && set->n_alien == 0) {
            status = rt_fail(err, RT_ERR_MISMATCH, path, 0, "the folder holds no %s",
                             opt_natives ? "structure files" : "native structures");
            rt_hint(err, "structure files end in .cif, .pdb or .ent, and may be packed (.gz)");
        }
    } else if (is_table(trimmed)) {
        status = rt_score_set_read_table(set, trimmed, atom, err);
        if (status == RT_OK && opt_natives) find_templates(set, trimmed);
    } else {
        char stem[256];
        rt_score_item *item;
        if (!structure_stem(stem, rt_path_name(trimmed))) snprintf(stem, sizeof stem, "%s", rt_path_name(trimmed));
        rt_score_item *native = NULL;
        if (opt_natives) {
            status = native_of(opt_natives, &native, NULL, stem, atom, err);
            if (status != RT_OK) return status;
        }
        const char *target = opt_natives ? native ? native->target : NULL : stem;
        if (!target) {
            set->n_alien = 1;
            snprintf(set->alien, sizeof set->alien, "%.120s", stem);
            return RT_OK;
        }
        status = rt_score_set_add(set, &item, target, stem, err);
        if (status == RT_OK) {
            item->path = rt_copy_text(trimmed, -1, err);
            item->rank = rank_of(stem);
            status = item->path ? RT_OK : RT_ERR_MEMORY;
        }
    }
    if (status == RT_OK && set->n_item) qsort(set->item, (size_t)set->n_item, sizeof *set->item, by_name);
    if (status != RT_OK) rt_score_set_free_members(set);
    return status;
}

rt_status rt_score_set_natives(rt_score_set *out_set, const char *path, const char *atom, rt_err *err)
{
    return open_set(out_set, path, NULL, atom, err);
}

rt_status rt_score_set_models(rt_score_set *out_set, const char *path, rt_score_set *natives, const char *atom,
                              rt_err *err)
{
    rt_status status = open_set(out_set, path, natives, atom, err);
    if (status != RT_OK) return status;
    for (int64_t i = 1; i < out_set->n_item; i++) {
        const rt_score_item *a = &out_set->item[i - 1], *b = &out_set->item[i];
        if (!b->path || strcmp(a->target, b->target) != 0 || strcmp(a->name, b->name) != 0) continue;
        status = rt_fail(err, RT_ERR_MISMATCH, b->path, 0, "%s is the same model %s of %s", a->path, b->name, b->target);
        rt_score_set_free_members(out_set);
        return status;
    }
    /* a table's targets that no native has; a single native takes a single target of any name */
    bool single = natives->n_item == 1 && out_set->n_item == 1;
    for (int64_t i = 0; i < out_set->n_item; i++) {
        rt_score_item *item = &out_set->item[i];
        rt_score_item *native;
        status = find_native(natives, &native, item->target, atom, err);
        if (status != RT_OK) return status;
        if (!native && single) memcpy(item->target, natives->item[0].target, sizeof item->target);
        if (native || single) continue;
        if (!out_set->n_alien++) memcpy(out_set->alien, item->target, sizeof item->target);
    }
    if (natives->n_item) qsort(natives->item, (size_t)natives->n_item, sizeof *natives->item, by_name);
    return RT_OK;
}
