#include "score/results.h"

#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "base/text.h"

#define APPLICATION_ID 0x526e5475   /* "RnTu" */

struct rt_results {
    sqlite3 *db;
    char *path;
};

/* The columns in a row, from the list in table.h. */
typedef enum { TEXT, REAL, COUNT } kind;
typedef struct { const char *name; kind kind; size_t offset; } column;
#define TEXT_COLUMN(field, help) {#field, TEXT, offsetof(rt_score_row, field)},
#define REAL_COLUMN(field, decimals, help) {#field, REAL, offsetof(rt_score_row, field)},
#define COUNT_COLUMN(field, help) {#field, COUNT, offsetof(rt_score_row, field)},
static const column COLUMNS[] = {RT_SCORE_COLUMNS(TEXT_COLUMN, REAL_COLUMN, COUNT_COLUMN)};
enum { N_COLUMN = sizeof COLUMNS / sizeof *COLUMNS };

/* target and model are the key; the model is called sample. */
static bool is_key(const column *c) { return strcmp(c->name, "target") == 0 || strcmp(c->name, "model") == 0; }
static const char *sql_name(const column *c) { return strcmp(c->name, "model") == 0 ? "sample" : c->name; }

static rt_status fail(rt_results *r, const char *doing, rt_err *err)
{
    int code = sqlite3_errcode(r->db);
    if (code == SQLITE_NOMEM) return rt_fail(err, RT_ERR_MEMORY, r->path, 0, "out of memory");
    if (code == SQLITE_NOTADB) return rt_fail(err, RT_ERR_FORMAT, r->path, 0, "is no SQLite file");
    if (code == SQLITE_CORRUPT) return rt_fail(err, RT_ERR_FORMAT, r->path, 0, "is a damaged SQLite file");
    return rt_fail(err, RT_ERR_IO, r->path, 0, "cannot %s: %s", doing, sqlite3_errmsg(r->db));
}

static rt_status execute(rt_results *r, const char *sql, const char *doing, rt_err *err)
{
    return sqlite3_exec(r->db, sql, NULL, NULL, NULL) == SQLITE_OK ? RT_OK : fail(r, doing, err);
}

static rt_status prepare(rt_results *r, sqlite3_stmt **out, const char *sql, rt_err *err)
{
    return sqlite3_prepare_v2(r->db, sql, -1, out, NULL) == SQLITE_OK ? RT_OK : fail(r, "read it", err);
}

/* The first number that a statement gives. */
static rt_status read_number(rt_results *r, const char *sql, int64_t *out, rt_err *err)
{
    sqlite3_stmt *s = NULL;
    rt_status status = prepare(r, &s, sql, err);
    if (status == RT_OK) {
        if (sqlite3_step(s) == SQLITE_ROW) *out = sqlite3_column_int64(s, 0);
        else status = fail(r, "read it", err);
    }
    sqlite3_finalize(s);
    return status;
}

/* ---- opening ---- */

bool rt_results_is_file(const char *path)
{
    char head[16] = "";
    FILE *file = fopen(path, "rb");
    if (!file) return false;
    bool is = fread(head, 1, sizeof head, file) == sizeof head && memcmp(head, "SQLite format 3", 16) == 0;
    fclose(file);
    return is;
}

/* Makes the tables, or adds the columns that an older program did not know. */
static rt_status complete_schema(rt_results *r, rt_err *err)
{
    static const char *const TYPES[] = {[TEXT] = "TEXT", [REAL] = "REAL", [COUNT] = "INTEGER"};
    rt_status status = RT_OK;
    rt_text sql = {0};
    rt_text_add(
        &sql,
        "CREATE TABLE IF NOT EXISTS arm (checkpoint TEXT PRIMARY KEY, added TEXT NOT NULL, source TEXT, run TEXT);"
        "CREATE TABLE IF NOT EXISTS score (target TEXT NOT NULL, checkpoint TEXT NOT NULL, sample TEXT NOT NULL,"
        " PRIMARY KEY (target, checkpoint, sample)) WITHOUT ROWID;"
        "PRAGMA application_id = %d; PRAGMA user_version = %d;",
        APPLICATION_ID, RT_RESULTS_VERSION);
    if (sql.failed) RT_TRY(rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory"));
    RT_TRY(execute(r, sql.data, "make its tables", err));
    for (int i = 0; i < N_COLUMN; i++) {
        int64_t there = 0;
        rt_text_clear(&sql);
        rt_text_add(&sql, "SELECT count(*) FROM pragma_table_info('score') WHERE name = '%s'", sql_name(&COLUMNS[i]));
        if (sql.failed) RT_TRY(rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory"));
        RT_TRY(read_number(r, sql.data, &there, err));
        if (there) continue;
        rt_text_clear(&sql);
        rt_text_add(&sql, "ALTER TABLE score ADD COLUMN %s %s", COLUMNS[i].name, TYPES[COLUMNS[i].kind]);
        if (sql.failed) RT_TRY(rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory"));
        RT_TRY(execute(r, sql.data, "add a column", err));
    }
done:
    rt_text_free(&sql);
    return status;
}

static rt_status check_file(rt_results *r, bool writing, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t tables = 0, id = 0, version = 0;
    RT_TRY(read_number(r, "SELECT count(*) FROM sqlite_master", &tables, err));
    RT_TRY(read_number(r, "PRAGMA application_id", &id, err));
    RT_TRY(read_number(r, "PRAGMA user_version", &version, err));
    if (id != APPLICATION_ID && tables == 0 && !writing) {
        rt_fail(err, RT_ERR_FORMAT, r->path, 0, "is empty: holds no table of results");
        RT_TRY(rt_hint(err, "'rnatune results %.300s --add scores.tsv' fills it", r->path));
    }
    if (id != APPLICATION_ID && tables > 0)
        RT_TRY(rt_fail(err, RT_ERR_FORMAT, r->path, 0, "is an SQLite file, but not one of rnatune's results"));
    if (version > RT_RESULTS_VERSION) {
        rt_fail(err, RT_ERR_UNSUPPORTED, r->path, 0, "has version %lld of the results' schema, this program knows %d",
                (long long)version, RT_RESULTS_VERSION);
        RT_TRY(rt_hint(err, "use the newer rnatune that wrote it"));
    }
done:
    return status;
}

rt_status rt_results_open(rt_results **ret_results, const char *path, bool writing, rt_err *err)
{
    rt_status status = RT_OK;
    rt_results *r;
    *ret_results = NULL;
    RT_TRY_ALLOC(r, 1);
    r->path = rt_copy_text(path, -1, err);
    if (!r->path) RT_TRY(RT_ERR_MEMORY);
    int flags = writing ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
    if (sqlite3_open_v2(path, &r->db, flags, NULL) != SQLITE_OK) RT_TRY(fail(r, "open it", err));
    sqlite3_busy_timeout(r->db, 10000);
    RT_TRY(check_file(r, writing, err));
done:
    if (status != RT_OK) rt_results_close(r);
    else *ret_results = r;
    return status;
}

void rt_results_close(rt_results *results)
{
    if (!results) return;
    sqlite3_close(results->db);
    free(results->path);
    free(results);
}

/* ---- adding ---- */

static void bind_value(sqlite3_stmt *s, int at, const column *c, const rt_score_row *row)
{
    const char *field = (const char *)row + c->offset;
    double real;
    int64_t count;
    if (c->kind == TEXT) {
        if (field[0] || is_key(c)) sqlite3_bind_text(s, at, field, -1, SQLITE_STATIC);
        else sqlite3_bind_null(s, at);
    } else if (c->kind == REAL) {
        memcpy(&real, field, sizeof real);
        sqlite3_bind_double(s, at, real);   /* NaN becomes NULL */
    } else {
        memcpy(&count, field, sizeof count);
        if (count >= 0) sqlite3_bind_int64(s, at, count);
        else sqlite3_bind_null(s, at);
    }
}

static rt_status add_rows(rt_results *r, const char *checkpoint, const rt_score_table *table, rt_err *err)
{
    rt_status status = RT_OK;
    sqlite3_stmt *s = NULL;
    rt_text sql = {0};
    rt_text_add(&sql, "INSERT INTO score (checkpoint");
    for (int i = 0; i < N_COLUMN; i++) rt_text_add(&sql, ", %s", sql_name(&COLUMNS[i]));
    rt_text_add(&sql, ") VALUES (?");
    for (int i = 0; i < N_COLUMN; i++) rt_text_add(&sql, ", ?");
    rt_text_add(&sql, ") ON CONFLICT (target, checkpoint, sample) DO UPDATE SET");
    for (int i = 0, n = 0; i < N_COLUMN; i++)   /* a column that somebody added by hand keeps its value */
        if (!is_key(&COLUMNS[i]))
            rt_text_add(&sql, "%s %s = excluded.%s", n++ ? "," : "", COLUMNS[i].name, COLUMNS[i].name);
    if (sql.failed) RT_TRY(rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory"));
    RT_TRY(prepare(r, &s, sql.data, err));
    for (int64_t i = 0; i < table->n_row; i++) {
        sqlite3_bind_text(s, 1, checkpoint, -1, SQLITE_STATIC);
        for (int c = 0; c < N_COLUMN; c++) bind_value(s, c + 2, &COLUMNS[c], &table->row[i]);
        if (sqlite3_step(s) != SQLITE_DONE) RT_TRY(fail(r, "write a row", err));
        sqlite3_reset(s);
    }
done:
    sqlite3_finalize(s);
    rt_text_free(&sql);
    return status;
}

static rt_status add_arm(rt_results *r, const char *checkpoint, const char *source, const json_t *opt_run, rt_err *err)
{
    rt_status status = RT_OK;
    sqlite3_stmt *s = NULL;
    char when[32];
    time_t now = time(NULL);
    struct tm parts;
    char *run = opt_run ? json_dumps(opt_run, JSON_COMPACT) : NULL;
    gmtime_r(&now, &parts);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &parts);
    RT_TRY(prepare(
        r, &s,
        "INSERT INTO arm VALUES (?1, ?2, ?3, ?4) ON CONFLICT (checkpoint) DO UPDATE SET added = ?2, source = ?3,"
        " run = coalesce(?4, run)",
        err));
    sqlite3_bind_text(s, 1, checkpoint, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, 2, when, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, 3, source, -1, SQLITE_STATIC);
    if (run) sqlite3_bind_text(s, 4, run, -1, SQLITE_STATIC);
    if (sqlite3_step(s) != SQLITE_DONE) RT_TRY(fail(r, "write a row", err));
done:
    sqlite3_finalize(s);
    free(run);
    return status;
}

rt_status rt_results_add(rt_results *results, const char *checkpoint, const rt_score_table *table, const char *source,
                         const json_t *opt_run, int64_t *out_added, int64_t *out_replaced, rt_err *err)
{
    rt_status status = RT_OK;
    rt_results *r = results;
    int64_t before, after;
    status = execute(r, "BEGIN IMMEDIATE", "write to it", err);
    if (status != RT_OK) return status;
    RT_TRY(complete_schema(r, err));
    RT_TRY(read_number(r, "SELECT count(*) FROM score", &before, err));
    RT_TRY(add_rows(r, checkpoint, table, err));
    RT_TRY(add_arm(r, checkpoint, source, opt_run, err));
    RT_TRY(read_number(r, "SELECT count(*) FROM score", &after, err));
    RT_TRY(execute(r, "COMMIT", "write to it", err));
    *out_added = after - before;
    *out_replaced = table->n_row - *out_added;
done:
    if (status != RT_OK) sqlite3_exec(r->db, "ROLLBACK", NULL, NULL, NULL);
    return status;
}

/* ---- reading ---- */

/* Fills a row from the statement's columns, found by name; a column that is not there stays unknown. */
static void read_row(rt_score_row *row, sqlite3_stmt *s)
{
    rt_score_row_init(row);
    for (int i = 0; i < sqlite3_column_count(s); i++) {
        const char *name = sqlite3_column_name(s, i);
        for (int c = 0; c < N_COLUMN && sqlite3_column_type(s, i) != SQLITE_NULL; c++) {
            if (strcmp(sql_name(&COLUMNS[c]), name) != 0) continue;
            char *field = (char *)row + COLUMNS[c].offset;
            double real = sqlite3_column_double(s, i);
            int64_t count = sqlite3_column_int64(s, i);
            if (COLUMNS[c].kind == TEXT) snprintf(field, RT_SCORE_NAME, "%s", (const char *)sqlite3_column_text(s, i));
            else if (COLUMNS[c].kind == REAL) memcpy(field, &real, sizeof real);
            else memcpy(field, &count, sizeof count);
        }
    }
}

static rt_status unknown_checkpoint(rt_results *r, const char *checkpoint, rt_err *err)
{
    json_t *list = NULL;
    rt_text names = {0};
    rt_status status = rt_results_list(r, &list, err);
    for (size_t i = 0; i < json_array_size(list); i++)
        rt_text_add(&names, "%s%s", i ? ", " : "",
                    json_string_value(json_object_get(json_array_get(list, i), "checkpoint")));
    if (status == RT_OK) {
        rt_fail(err, RT_ERR_MISMATCH, r->path, 0, "has no results of '%s'", checkpoint);
        status = rt_hint(err, "it has %s", names.data ? names.data : "none at all");
    }
    rt_text_free(&names);
    json_decref(list);
    return status;
}

rt_status rt_results_read(rt_results *results, const char *checkpoint, rt_score_table *out_table, json_t **opt_ret_run,
                          rt_err *err)
{
    rt_status status = RT_OK;
    rt_results *r = results;
    sqlite3_stmt *s = NULL;
    int step;
    *out_table = (rt_score_table){0};
    if (opt_ret_run) *opt_ret_run = NULL;
    RT_TRY(prepare(r, &s, "SELECT run FROM arm WHERE checkpoint = ?", err));
    sqlite3_bind_text(s, 1, checkpoint, -1, SQLITE_STATIC);
    step = sqlite3_step(s);
    if (step == SQLITE_DONE) RT_TRY(unknown_checkpoint(r, checkpoint, err));
    if (step != SQLITE_ROW) RT_TRY(fail(r, "read it", err));
    const char *run = (const char *)sqlite3_column_text(s, 0);
    if (run && opt_ret_run) *opt_ret_run = json_loads(run, 0, NULL);
    sqlite3_finalize(s);
    s = NULL;
    RT_TRY(
        prepare(r, &s, "SELECT * FROM score WHERE checkpoint = ? ORDER BY target, coalesce(rank, 9e15), sample", err));
    sqlite3_bind_text(s, 1, checkpoint, -1, SQLITE_STATIC);
    while ((step = sqlite3_step(s)) == SQLITE_ROW) {
        rt_score_row row;
        read_row(&row, s);
        RT_TRY(rt_score_table_add(out_table, &row, err));
    }
    if (step != SQLITE_DONE) RT_TRY(fail(r, "read it", err));
done:
    sqlite3_finalize(s);
    if (status != RT_OK) {
        rt_score_table_free_members(out_table);
        if (opt_ret_run) {
            json_decref(*opt_ret_run);
            *opt_ret_run = NULL;
        }
    }
    return status;
}

rt_status rt_results_list(rt_results *results, json_t **ret_list, rt_err *err)
{
    rt_status status = RT_OK;
    sqlite3_stmt *s = NULL;
    int step;
    *ret_list = json_array();
    RT_TRY(
        prepare(results, &s,
                "SELECT a.checkpoint, count(DISTINCT target), count(target), added, source FROM arm a LEFT JOIN score s"
                " ON s.checkpoint = a.checkpoint GROUP BY a.checkpoint ORDER BY a.checkpoint",
                err));
    while ((step = sqlite3_step(s)) == SQLITE_ROW)
        json_array_append_new(*ret_list,
                              json_pack("{s:s, s:I, s:I, s:s, s:s?}", "checkpoint", sqlite3_column_text(s, 0),
                                        "targets", (json_int_t)sqlite3_column_int64(s, 1), "samples",
                                        (json_int_t)sqlite3_column_int64(s, 2), "added", sqlite3_column_text(s, 3),
                                        "source", sqlite3_column_text(s, 4)));
    if (step != SQLITE_DONE) RT_TRY(fail(results, "read it", err));
done:
    sqlite3_finalize(s);
    if (status != RT_OK) {
        json_decref(*ret_list);
        *ret_list = NULL;
    }
    return status;
}
