#include "io/template_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/rng.h"
#include "base/text.h"
#include "io/csv.h"
#include "io/torch_archive.h"

typedef struct {
    rt_template shown;          /* what the user sees; target and sequence are ours */
    float *own;                 /* xyz when it is ours, NULL when it lies in the archive */
    int64_t sequence_capacity, xyz_capacity;
} entry;

struct rt_template_file {
    char *path;
    rt_torch *torch;            /* NULL for a CSV */
    entry *entry;
    int64_t count, capacity;
    int32_t *slot;              /* open addressing: index + 1, 0 is free */
    int64_t n_slot;             /* a power of two */
};

static int32_t *find_slot(const rt_template_file *file, const char *target, int64_t length)
{
    uint64_t mask = (uint64_t)file->n_slot - 1, at = rt_hash_name(target, length) & mask;
    for (; file->slot[at]; at = (at + 1) & mask) {
        const char *known = file->entry[file->slot[at] - 1].shown.target;
        if (strncmp(known, target, (size_t)length) == 0 && !known[length]) break;
    }
    return &file->slot[at];
}

static rt_status grow_index(rt_template_file *file, rt_err *err)
{
    if (file->n_slot > 2 * (file->count + 1)) return RT_OK;
    int64_t n = file->n_slot ? 2 * file->n_slot : 64;
    int32_t *slot = rt_alloc(n, sizeof *slot, err);
    if (!slot) return RT_ERR_MEMORY;
    free(file->slot);
    file->slot = slot;
    file->n_slot = n;
    for (int64_t i = 0; i < file->count; i++) {
        const char *target = file->entry[i].shown.target;
        *find_slot(file, target, (int64_t)strlen(target)) = (int32_t)(i + 1);
    }
    return RT_OK;
}

/* The entry of that name, added when it is new. */
static rt_status get_entry(rt_template_file *file, entry **ret, bool *out_new, const char *target, int64_t length,
                           rt_err *err)
{
    rt_status status = RT_OK;
    RT_TRY(grow_index(file, err));
    int32_t *slot = find_slot(file, target, length);
    *out_new = *slot == 0;
    if (*out_new) {
        void *entries = file->entry;
        status = rt_grow(&entries, &file->capacity, file->count + 1, sizeof *file->entry, err);
        file->entry = entries;
        if (status != RT_OK) return status;
        char *copy = rt_copy_text(target, length, err);
        if (!copy) return RT_ERR_MEMORY;
        file->entry[file->count] = (entry){.shown.target = copy};
        *slot = (int32_t)++file->count;
    }
    *ret = &file->entry[*slot - 1];
done:
    return status;
}

/* ---- template_features.pt ---------------------------------------------------------------------------------------- */

static rt_status take_target(rt_template_file *file, const rt_value *key, const rt_value *value, rt_err *err)
{
    rt_status status = RT_OK;
    entry *one;
    bool fresh;
    const rt_value *seq = rt_value_get(value, "seq"), *xyz = rt_value_get(value, "xyz");
    if (key->kind != RT_VALUE_TEXT || memchr(key->text, 0, (size_t)key->count))
        return rt_fail(err, RT_ERR_FORMAT, file->path, 0, "a target's name is not a text");
    int n = key->count < 100 ? (int)key->count : 100;
    if (!seq || !xyz || seq->kind != RT_VALUE_TEXT || xyz->kind != RT_VALUE_TENSOR)
        return rt_fail(err, RT_ERR_FORMAT, file->path, 0, "target '%.*s' lacks \"seq\" (text) or \"xyz\" (array)", n,
                       key->text);
    rt_tensor t = *xyz->tensor;
    if (t.ndim != 3 || t.dim[2] != 3 || (t.dtype != RT_F32 && t.dtype != RT_F64 && t.dtype != RT_F16 && t.dtype != RT_BF16)) {
        char shape[128];
        rt_shape_print(t, shape, sizeof shape);
        return rt_fail(err, RT_ERR_FORMAT, file->path, 0,
                       "target '%.*s': \"xyz\" is %s of shape %s, expected floating-point numbers of shape (residues, "
                       "templates, 3)", n, key->text, rt_dtype_name(t.dtype), shape);
    }
    if (t.dim[0] != seq->count)
        return rt_fail(err, RT_ERR_FORMAT, file->path, 0,
                       "target '%.*s' has %lld letters and coordinates of %lld residues", n, key->text,
                       (long long)seq->count, (long long)t.dim[0]);
    RT_TRY(get_entry(file, &one, &fresh, key->text, key->count, err));
    if (!fresh) return rt_fail(err, RT_ERR_FORMAT, file->path, 0, "has the target '%.*s' twice", n, key->text);
    one->shown.sequence = rt_copy_text(seq->text, seq->count, err);
    if (!one->shown.sequence) return RT_ERR_MEMORY;
    one->shown.length = t.dim[0];
    one->shown.n_template = t.dim[1];
    if (t.dtype != RT_F32) {
        RT_TRY_ALLOC(one->own, rt_count(t));
        rt_convert(one->own, RT_F32, t.data, t.dtype, rt_count(t));
    }
    one->shown.xyz = one->own ? one->own : t.data;
done:
    return status;
}

static rt_status read_torch(rt_template_file *file, rt_err *err)
{
    rt_status status = RT_OK;
    RT_TRY(rt_torch_open(&file->torch, file->path, err));
    const rt_value *root = rt_torch_root(file->torch);
    if (root->kind != RT_VALUE_DICT)
        return rt_fail(err, RT_ERR_FORMAT, file->path, 0, "is no template file: {target: {seq, xyz}} was expected");
    for (int64_t i = 0; i < root->count; i++) RT_TRY(take_target(file, root->item[2 * i], root->item[2 * i + 1], err));
done:
    return status;
}

/* ---- submission CSV ---------------------------------------------------------------------------------------------- */

typedef struct { int64_t id, resname, n_template, *xyz; } columns;   /* xyz: 3 n_template columns */

static rt_status find_columns(columns *out, const rt_csv *csv, rt_err *err)
{
    rt_status status = RT_OK;
    char name[32];
    *out = (columns){0};
    RT_TRY(rt_csv_require(csv, &out->id, "ID", err));
    RT_TRY(rt_csv_require(csv, &out->resname, "resname", err));
    for (;; out->n_template++) {
        snprintf(name, sizeof name, "x_%lld", (long long)out->n_template + 1);
        if (rt_csv_find(csv, name) < 0) break;
    }
    if (out->n_template == 0) RT_TRY(rt_csv_require(csv, &out->id, "x_1", err));
    RT_TRY_ALLOC(out->xyz, 3 * out->n_template);
    for (int64_t i = 0; i < 3 * out->n_template; i++) {
        snprintf(name, sizeof name, "%c_%lld", "xyz"[i % 3], (long long)i / 3 + 1);
        RT_TRY(rt_csv_require(csv, &out->xyz[i], name, err));
    }
done:
    return status;
}

static rt_status take_row(rt_template_file *file, const rt_csv *csv, const columns *at, rt_err *err)
{
    rt_status status = RT_OK;
    entry *one;
    bool fresh;
    const char *id = rt_csv_text(csv, at->id), *tail = strrchr(id, '_'), *residue = rt_csv_text(csv, at->resname);
    if (!tail || tail == id || !tail[1])
        return rt_csv_fail(csv, err, "ID '%.60s' is not of the form target_number", id);
    if (strlen(residue) != 1) return rt_csv_fail(csv, err, "resname '%.20s' is not one letter", residue);
    RT_TRY(get_entry(file, &one, &fresh, id, tail - id, err));
    int64_t n = one->shown.length, per = 3 * at->n_template, number;
    if (!rt_parse_int(tail + 1, (int64_t)strlen(tail + 1), &number) || number != n + 1) {
        rt_csv_fail(csv, err, "ID '%.60s': residue %lld of '%.60s' was expected here", id, (long long)n + 1, one->shown.target);
        return rt_hint(err, "residues of a target are numbered from 1, without gaps and in order, as in a submission");
    }
    void *sequence = (void *)(uintptr_t)one->shown.sequence, *own = one->own;
    status = rt_grow(&sequence, &one->sequence_capacity, n + 2, 1, err);
    one->shown.sequence = sequence;
    if (status == RT_OK) status = rt_grow(&own, &one->xyz_capacity, (n + 1) * per, sizeof *one->own, err);
    one->shown.xyz = one->own = own;
    if (status != RT_OK) return status;
    ((char *)sequence)[n] = *residue;
    ((char *)sequence)[n + 1] = 0;
    for (int64_t i = 0; i < per; i++) {
        double value;
        RT_TRY(rt_csv_double(csv, at->xyz[i], &value, err));
        one->own[n * per + i] = fabs(value) < 1e17 ? (float)value : NAN;    /* 1e18 stands for "no coordinate" */
    }
    one->shown.n_template = at->n_template;
    one->shown.length = n + 1;
done:
    return status;
}

static rt_status read_csv(rt_template_file *file, rt_err *err)
{
    rt_status status = RT_OK;
    rt_csv *csv = NULL;
    columns at = {0};
    bool more;
    RT_TRY(rt_csv_open(&csv, file->path, err));
    RT_TRY(find_columns(&at, csv, err));
    while ((status = rt_csv_next(csv, &more, err)) == RT_OK && more) RT_TRY(take_row(file, csv, &at, err));
done:
    free(at.xyz);
    rt_csv_close(csv);
    return status;
}

/* ---- outside ----------------------------------------------------------------------------------------------------- */

rt_status rt_template_file_open(rt_template_file **ret_file, const char *path, rt_err *err)
{
    rt_status status = RT_OK;
    rt_template_file *file = NULL;
    rt_map map = {0};
    *ret_file = NULL;
    RT_TRY_ALLOC(file, 1);
    file->path = rt_copy_text(path, -1, err);
    if (!file->path) status = RT_ERR_MEMORY;
    if (status == RT_OK) status = grow_index(file, err);
    if (status == RT_OK) status = rt_map_open(&map, path, err);
    if (status != RT_OK) goto done;
    bool torch = rt_torch_detect(map.data, map.size);
    rt_map_close(&map);
    status = torch ? read_torch(file, err) : read_csv(file, err);
done:
    if (status == RT_OK) *ret_file = file;
    else rt_template_file_close(file);
    return status;
}

void rt_template_file_close(rt_template_file *file)
{
    if (!file) return;
    for (int64_t i = 0; i < file->count; i++) {
        free((void *)(uintptr_t)file->entry[i].shown.target);
        free((void *)(uintptr_t)file->entry[i].shown.sequence);
        free(file->entry[i].own);
    }
    free(file->entry);
    free(file->slot);
    rt_torch_close(file->torch);
    free(file->path);
    free(file);
}

int64_t rt_template_file_count(const rt_template_file *file) { return file->count; }

const rt_template *rt_template_file_at(const rt_template_file *file, int64_t index)
{
    RT_REQUIRE(index >= 0 && index < file->count);
    return &file->entry[index].shown;
}

const rt_template *rt_template_file_find(const rt_template_file *file, const char *target)
{
    int32_t slot = *find_slot(file, target, (int64_t)strlen(target));
    return slot ? &file->entry[slot - 1].shown : NULL;
}

bool rt_template_file_is_csv(const rt_template_file *file) { return !file->torch; }
