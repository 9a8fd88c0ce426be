#define _GNU_SOURCE
#include "prep/dataset.h"

#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "prep/dataset_internal.h"

struct rt_dataset {
    char *folder, *plan;
    char hash[RT_HASH_TEXT];
    rt_map map;
    rt_target *target;
    int64_t n_target;
    const rt_target **by_id;      /* sorted by id */
    rt_dataset_note *note;
    int64_t n_note;
    rt_dataset_source *source;
    int64_t n_source;
};

/* ---- the index ---- */

/* The struct's texts are copied: they belonged to the statement. */
static rt_status own_texts(void *row, const rt_table *table, rt_err *err)
{
    bool complete = true;
    for (int i = 0; i < table->n_field; i++) {
        if (table->field[i].kind != RT_FIELD_TEXT) continue;
        char *place = (char *)row + table->field[i].place, *text;
        memcpy(&text, place, sizeof text);
        text = rt_copy_text(text, -1, err);
        memcpy(place, &text, sizeof text);
        complete = complete && text;
    }
    return complete ? RT_OK : RT_ERR_MEMORY;
}

static void free_texts(void *row, const rt_table *table)
{
    for (int i = 0; i < table->n_field; i++) {
        char *text;
        memcpy(&text, (char *)row + table->field[i].place, sizeof text);
        if (table->field[i].kind == RT_FIELD_TEXT) free(text);
    }
}

/* All rows of a table as an array of structs of `size` bytes. */
static rt_status read_table(sqlite3 *db, void **ret_rows, int64_t *n, size_t size, const rt_table *table,
                            const char *order, const char *path, rt_err *err)
{
    rt_status status = RT_OK;
    sqlite3_stmt *select = NULL;
    rt_text sql = {0};
    void *rows = NULL;
    int64_t capacity = 0;
    int step;
    rt_text_add(&sql, "SELECT ");
    rt_table_print_columns(&sql, table);
    rt_text_add(&sql, " FROM %s ORDER BY %s", table->name, order);
    if (sql.failed) RT_TRY(rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory"));
    if (sqlite3_prepare_v2(db, sql.data, -1, &select, NULL) != SQLITE_OK)
        RT_TRY(rt_dataset_sql_fail(db, path, "read it", err));
    while ((step = sqlite3_step(select)) == SQLITE_ROW) {
        RT_TRY(rt_grow(&rows, &capacity, *n + 1, size, err));
        char *row = (char *)rows + *n * (int64_t)size;
        rt_table_read(row, select, table);
        (*n)++;
        RT_TRY(own_texts(row, table, err));
    }
    if (step != SQLITE_DONE) RT_TRY(rt_dataset_sql_fail(db, path, "read it", err));
done:
    sqlite3_finalize(select);
    rt_text_free(&sql);
    *ret_rows = rows;
    return status;
}

/* A value of the table meta; NULL when there is none.  free() it. */
static rt_status read_meta(sqlite3 *db, const char *key, char **ret, const char *path, rt_err *err)
{
    rt_status status = RT_OK;
    sqlite3_stmt *select = NULL;
    *ret = NULL;
    if (sqlite3_prepare_v2(db, "SELECT value FROM meta WHERE key = ?", -1, &select, NULL) != SQLITE_OK)
        return rt_dataset_sql_fail(db, path, "read it", err);
    sqlite3_bind_text(select, 1, key, -1, SQLITE_STATIC);
    if (sqlite3_step(select) == SQLITE_ROW && sqlite3_column_text(select, 0)) {
        *ret = rt_copy_text((const char *)sqlite3_column_text(select, 0), -1, err);
        if (!*ret) status = RT_ERR_MEMORY;
    }
    sqlite3_finalize(select);
    return status;
}

static rt_status read_number(sqlite3 *db, const char *sql, int64_t *out, const char *path, rt_err *err)
{
    sqlite3_stmt *select = NULL;
    rt_status status = RT_OK;
    if (sqlite3_prepare_v2(db, sql, -1, &select, NULL) == SQLITE_OK && sqlite3_step(select) == SQLITE_ROW)
        *out = sqlite3_column_int64(select, 0);
    else status = rt_dataset_sql_fail(db, path, "read it", err);
    sqlite3_finalize(select);
    return status;
}

static rt_status check_version(sqlite3 *db, const char *path, rt_err *err)
{
    int64_t application = 0, version = 0;
    rt_status status = read_number(db, "PRAGMA application_id", &application, path, err);
    if (status == RT_OK) status = read_number(db, "PRAGMA user_version", &version, path, err);
    if (status != RT_OK) return status;
    if (application != RT_DATASET_APPLICATION)
        return rt_fail(err, RT_ERR_FORMAT, path, 0, "is an SQLite file, but not the index of a training set");
    if (version <= RT_DATASET_FORMAT) return RT_OK;
    rt_fail(err, RT_ERR_UNSUPPORTED, path, 0, "has format %lld of the training set, this program knows %d",
            (long long)version, RT_DATASET_FORMAT);
    return rt_hint(err, "use the newer rnatune that wrote it, or import the data again");
}

static int compare_ids(const void *a, const void *b)
{
    return strcmp((*(const rt_target *const *)a)->id, (*(const rt_target *const *)b)->id);
}

/* Every place in the coordinates is proved before anybody follows it. */
static rt_status check_targets(rt_dataset *set, const char *path, rt_err *err)
{
    for (int64_t i = 0; i < set->n_target; i++) {
        rt_target *target = &set->target[i];
        int64_t bytes = rt_dataset_block_bytes(target);
        bool labelled = target->n_conformation > 0;
        if (target->number != i || target->length != (int64_t)strlen(target->sequence) || target->n_conformation < 0 ||
            (labelled && target->n_slot != 1 && target->n_slot != RT_SLOT_COUNT) || bytes < 0 ||
            (labelled && (target->offset < RT_DATASET_HEADER || target->offset % RT_DATASET_HEADER ||
                          target->offset > set->map.size - bytes)))
            return rt_fail(err, RT_ERR_FORMAT, path, 0,
                           "row %lld ('%.60s') does not fit its coordinates: the set is damaged", (long long)i,
                           target->id);
        if (labelled) target->xyz = (const float *)(const void *)(set->map.data + target->offset);
        set->by_id[i] = target;
    }
    if (set->n_target) qsort(set->by_id, (size_t)set->n_target, sizeof *set->by_id, compare_ids);
    return RT_OK;
}

static rt_status read_index(rt_dataset *set, sqlite3 *db, const char *path, const char *coordinates, rt_err *err)
{
    rt_status status = RT_OK;
    char *hash = NULL, *bytes = NULL;
    void *rows;
    int64_t n = 0;
    RT_TRY(check_version(db, path, err));
    status = read_table(db, &rows, &set->n_target, sizeof *set->target, &rt_dataset_target_table, "number", path, err);
    set->target = rows;
    if (status != RT_OK) goto done;
    status = read_table(db, &rows, &set->n_note, sizeof *set->note, &rt_dataset_note_table, "rowid", path, err);
    set->note = rows;
    if (status != RT_OK) goto done;
    status = read_table(db, &rows, &set->n_source, sizeof *set->source, &rt_dataset_source_table, "rowid", path, err);
    set->source = rows;
    if (status != RT_OK) goto done;
    RT_TRY(read_meta(db, "hash", &hash, path, err));
    RT_TRY(read_meta(db, "coordinates_bytes", &bytes, path, err));
    RT_TRY(read_meta(db, "plan", &set->plan, path, err));
    if (!hash || strlen(hash) != RT_HASH_TEXT - 1 || !bytes || !rt_parse_int(bytes, (int64_t)strlen(bytes), &n))
        RT_TRY(rt_fail(err, RT_ERR_FORMAT, path, 0, "lacks its hash or its size: the set is damaged"));
    memcpy(set->hash, hash, sizeof set->hash);
    if (set->map.size != n || n < RT_DATASET_HEADER ||
        memcmp(set->map.data, RT_DATASET_MAGIC, sizeof RT_DATASET_MAGIC) != 0)
        RT_TRY(rt_fail(err, RT_ERR_FORMAT, coordinates, 0,
                       "has %lld bytes and the index says %lld: not of this set, or damaged",
                       (long long)set->map.size, (long long)n));
    RT_TRY_ALLOC(set->by_id, set->n_target);
    RT_TRY(check_targets(set, path, err));
done:
    free(hash);
    free(bytes);
    return status;
}

bool rt_dataset_is_there(const char *folder)
{
    char path[PATH_MAX];
    rt_path_join(path, sizeof path, folder, RT_DATASET_INDEX);
    return rt_file_exists(path);
}

static rt_status no_set(const char *folder, rt_err *err)
{
    char work[PATH_MAX];
    rt_path_join(work, sizeof work, folder, RT_DATASET_WORK);
    if (rt_folder_exists(work)) {
        rt_fail(err, RT_ERR_IO, folder, 0, "holds an import that is not finished");
        return rt_hint(err, "run the same 'rnatune import' again: it goes on where it stopped");
    }
    rt_fail(err, RT_ERR_IO, folder, 0, "%s", rt_folder_exists(folder) ? "holds no training set (" RT_DATASET_INDEX ")"
                                                                      : "no such folder");
    return rt_hint(err, "'rnatune import' makes a training set");
}

rt_status rt_dataset_open(rt_dataset **ret_set, const char *folder, rt_err *err)
{
    rt_status status = RT_OK;
    char index[PATH_MAX], coordinates[PATH_MAX];
    sqlite3 *db = NULL;
    rt_dataset *set = NULL;
    *ret_set = NULL;
    if (!rt_dataset_is_there(folder)) return no_set(folder, err);
    rt_path_join(index, sizeof index, folder, RT_DATASET_INDEX);
    rt_path_join(coordinates, sizeof coordinates, folder, RT_DATASET_COORDINATES);
    RT_TRY_ALLOC(set, 1);
    set->folder = rt_copy_text(folder, -1, err);
    if (!set->folder) RT_TRY(RT_ERR_MEMORY);
    RT_TRY(rt_map_open(&set->map, coordinates, err));
    if (sqlite3_open_v2(index, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
        RT_TRY(rt_dataset_sql_fail(db, index, "open it", err));
    RT_TRY(read_index(set, db, index, coordinates, err));
done:
    sqlite3_close(db);
    if (status == RT_OK) *ret_set = set;
    else rt_dataset_close(set);
    return status;
}

void rt_dataset_close(rt_dataset *set)
{
    if (!set) return;
    for (int64_t i = 0; i < set->n_target && set->target; i++) free_texts(&set->target[i], &rt_dataset_target_table);
    for (int64_t i = 0; i < set->n_note && set->note; i++) free_texts(&set->note[i], &rt_dataset_note_table);
    for (int64_t i = 0; i < set->n_source && set->source; i++) free_texts(&set->source[i], &rt_dataset_source_table);
    free(set->target);
    free(set->note);
    free(set->source);
    free(set->by_id);
    free(set->folder);
    free(set->plan);
    rt_map_close(&set->map);
    free(set);
}

/* ---- asking ---- */

int64_t rt_dataset_count(const rt_dataset *set) { return set->n_target; }

const rt_target *rt_dataset_at(const rt_dataset *set, int64_t number)
{
    RT_REQUIRE(number >= 0 && number < set->n_target);
    return &set->target[number];
}

const rt_target *rt_dataset_find(const rt_dataset *set, const char *id)
{
    int64_t low = 0, high = set->n_target;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        int order = strcmp(id, set->by_id[middle]->id);
        if (order == 0) return set->by_id[middle];
        if (order < 0) high = middle;
        else low = middle + 1;
    }
    return NULL;
}

const float *rt_target_xyz(const rt_target *target, int64_t conformation)
{
    if (target->n_conformation == 0) return NULL;
    RT_REQUIRE(conformation >= 0 && conformation < target->n_conformation);
    return target->xyz + conformation * target->length * target->n_slot * 3;
}

const float *rt_target_c1(const rt_target *target, int64_t conformation, int64_t residue)
{
    const float *xyz = rt_target_xyz(target, conformation);
    RT_REQUIRE(residue >= 0 && residue < target->length);
    return xyz ? xyz + (residue * target->n_slot + (target->n_slot == 1 ? 0 : RT_SLOT_C1P)) * 3 : NULL;
}

const char *rt_dataset_hash(const rt_dataset *set) { return set->hash; }
const char *rt_dataset_folder(const rt_dataset *set) { return set->folder; }
const char *rt_dataset_plan(const rt_dataset *set) { return set->plan ? set->plan : ""; }
int64_t rt_dataset_note_count(const rt_dataset *set) { return set->n_note; }
int64_t rt_dataset_source_count(const rt_dataset *set) { return set->n_source; }

const rt_dataset_note *rt_dataset_note_at(const rt_dataset *set, int64_t index)
{
    RT_REQUIRE(index >= 0 && index < set->n_note);
    return &set->note[index];
}

const rt_dataset_source *rt_dataset_source_at(const rt_dataset *set, int64_t index)
{
    RT_REQUIRE(index >= 0 && index < set->n_source);
    return &set->source[index];
}

rt_status rt_dataset_verify(const rt_dataset *set, rt_err *err)
{
    char text[RT_HASH_TEXT];
    rt_hash *hash;
    rt_status status = rt_hash_create(&hash, err);
    if (status != RT_OK) return status;
    for (int64_t i = 0; i < set->n_target && status == RT_OK; i++) {
        const rt_target *target = &set->target[i];
        rt_dataset_hash_target(hash, target);
        if (!target->n_conformation) continue;
        status = rt_hash_bytes(text, target->xyz, rt_dataset_block_bytes(target), err);
        if (status == RT_OK && strcmp(text, target->hash) != 0)
            status = rt_fail(err, RT_ERR_FORMAT, set->folder, 0, "the coordinates of target '%s' are damaged",
                             target->id);
    }
    rt_hash_finish(hash, text);
    if (status == RT_OK && strcmp(text, set->hash) != 0)
        status = rt_fail(err, RT_ERR_FORMAT, set->folder, 0,
                         "the index does not have the hash that it names: damaged or edited");
    return status == RT_ERR_FORMAT ? rt_hint(err, "make the set again with 'rnatune import --force'") : status;
}

rt_status rt_dataset_fingerprint(char out_text[RT_HASH_TEXT], int64_t *out_size, int64_t *out_mtime, const char *path,
                                 rt_err *err)
{
    enum { END = 1 << 20, PIECE = 1 << 16, PIECES = 16 };
    struct stat info;
    rt_map map;
    rt_hash *hash = NULL;
    rt_status status = rt_map_open(&map, path, err);
    if (status != RT_OK) return status;
    if (stat(path, &info) != 0) RT_TRY(rt_fail(err, RT_ERR_IO, path, 0, "cannot read its size and date"));
    RT_TRY(rt_hash_create(&hash, err));
    rt_hash_add(hash, &map.size, sizeof map.size);
    if (map.size <= 2 * END + PIECE * PIECES) {
        rt_hash_add(hash, map.data, map.size);
    } else {
        int64_t between = (map.size - 2 * END - PIECE) / (PIECES - 1);
        rt_hash_add(hash, map.data, END);
        for (int64_t i = 0; i < PIECES; i++) rt_hash_add(hash, map.data + END + i * between, PIECE);
        rt_hash_add(hash, map.data + map.size - END, END);
    }
    rt_hash_finish(hash, out_text);
    *out_size = map.size;
    *out_mtime = (int64_t)info.st_mtime;
done:
    rt_map_close(&map);
    return status;
}
