#define _GNU_SOURCE
#include "prep/dataset_write.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "prep/dataset_internal.h"

#define WORK_INDEX RT_DATASET_WORK "/work.sqlite"
#define WORK_COORDINATES RT_DATASET_WORK "/" RT_DATASET_COORDINATES
#define NEW_INDEX RT_DATASET_WORK "/" RT_DATASET_INDEX

struct rt_dataset_writer {
    char *folder, *plan, *state;
    char work_index[PATH_MAX], coordinates[PATH_MAX];
    sqlite3 *db;
    sqlite3_stmt *add, *has, *note, *source, *templates, *drop;
    int fd;                 /* coordinates.bin of the work */
    int64_t end;            /* its bytes, a multiple of RT_DATASET_HEADER */
};

static void folder_path(char out[PATH_MAX], const char *folder, const char *name)
{
    rt_path_join(out, PATH_MAX, folder, name);
}

rt_target rt_target_empty(void)
{
    return (rt_target){.id = "", .sequence = "", .cutoff = "", .description = "", .all_sequences = "",
                       .stoichiometry = "", .ligand_ids = "", .ligand_smiles = "", .segments = "", .source = "",
                       .msa = "", .hash = "", .resolution = NAN, .completeness = NAN, .n_break = -1};
}

/* ---- opening ---- */

static rt_status fail(rt_dataset_writer *w, const char *doing, rt_err *err)
{
    return rt_dataset_sql_fail(w->db, w->work_index, doing, err);
}

static rt_status execute(rt_dataset_writer *w, const char *sql, rt_err *err)
{
    return sqlite3_exec(w->db, sql, NULL, NULL, NULL) == SQLITE_OK ? RT_OK : fail(w, "write to it", err);
}

static rt_status prepare(rt_dataset_writer *w, sqlite3_stmt **ret, const char *sql, rt_err *err)
{
    return sqlite3_prepare_v2(w->db, sql, -1, ret, NULL) == SQLITE_OK ? RT_OK : fail(w, "write to it", err);
}

static rt_status step_once(rt_dataset_writer *w, sqlite3_stmt *statement, rt_err *err)
{
    rt_status status = sqlite3_step(statement) == SQLITE_DONE ? RT_OK : fail(w, "write to it", err);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return status;
}

static rt_status set_meta(rt_dataset_writer *w, const char *key, const char *value, rt_err *err)
{
    sqlite3_stmt *statement = NULL;
    rt_status status = prepare(w, &statement, "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", err);
    if (status != RT_OK) return status;
    sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, value, -1, SQLITE_STATIC);
    status = step_once(w, statement, err);
    sqlite3_finalize(statement);
    return status;
}

/* free() it; "" when there is none. */
static rt_status get_meta(rt_dataset_writer *w, const char *key, char **ret, rt_err *err)
{
    sqlite3_stmt *select = NULL;
    *ret = NULL;
    rt_status status = prepare(w, &select, "SELECT value FROM meta WHERE key = ?", err);
    if (status != RT_OK) return status;
    sqlite3_bind_text(select, 1, key, -1, SQLITE_STATIC);
    bool found = sqlite3_step(select) == SQLITE_ROW;
    *ret = rt_copy_text(found ? (const char *)sqlite3_column_text(select, 0) : "", -1, err);
    sqlite3_finalize(select);
    return *ret ? RT_OK : RT_ERR_MEMORY;
}

/* The tables of the work and, in one transaction with them, what is being made. */
static rt_status create_work(rt_dataset_writer *w, const char *plan, rt_err *err)
{
    rt_status status = RT_OK;
    RT_TRY(execute(w, "BEGIN", err));
    RT_TRY(rt_table_create(w->db, &rt_dataset_target_table, w->work_index, err));
    RT_TRY(rt_table_create(w->db, &rt_dataset_note_table, w->work_index, err));
    RT_TRY(rt_table_create(w->db, &rt_dataset_source_table, w->work_index, err));
    RT_TRY(execute(w, "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT)", err));
    RT_TRY(set_meta(w, "plan", plan, err));
    RT_TRY(execute(w, "COMMIT", err));
done:
    return status;
}

static rt_status check_work(rt_dataset_writer *w, const char *plan, rt_err *err)
{
    rt_status status = RT_OK;
    sqlite3_stmt *select = NULL;
    RT_TRY(prepare(w, &select, "SELECT count(*) FROM sqlite_master WHERE name = 'meta'", err));
    bool made = sqlite3_step(select) == SQLITE_ROW && sqlite3_column_int64(select, 0) > 0;
    sqlite3_finalize(select);
    if (!made) RT_TRY(create_work(w, plan, err));
    RT_TRY(get_meta(w, "plan", &w->plan, err));
    if (strcmp(w->plan, plan) != 0) {
        rt_fail(err, RT_ERR_MISMATCH, w->folder, 0, "holds an unfinished import of other files or with other options");
        RT_TRY(rt_hint(err, "finish that one, name another folder, or begin anew with --force"));
    }
    RT_TRY(get_meta(w, "state", &w->state, err));
done:
    return status;
}

/* The coordinates as of the last checkpoint; what was written after it is cut off. */
static rt_status open_coordinates(rt_dataset_writer *w, rt_err *err)
{
    rt_status status = RT_OK;
    char finished[PATH_MAX], *end = NULL, header[RT_DATASET_HEADER] = RT_DATASET_MAGIC;
    folder_path(finished, w->folder, RT_DATASET_COORDINATES);
    /* killed between the two renames of the commit */
    if (!rt_file_exists(w->coordinates) && rt_file_exists(finished) && rename(finished, w->coordinates) != 0)
        return rt_fail(err, RT_ERR_IO, finished, 0, "cannot move: %s", strerror(errno));
    RT_TRY(get_meta(w, "end", &end, err));
    if (!rt_parse_int(end, (int64_t)strlen(end), &w->end)) w->end = 0;
    w->fd = open(w->coordinates, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (w->fd < 0) RT_TRY(rt_fail(err, RT_ERR_IO, w->coordinates, 0, "cannot write: %s", strerror(errno)));
    off_t size = lseek(w->fd, 0, SEEK_END);
    if (size < w->end) {
        rt_fail(err, RT_ERR_FORMAT, w->coordinates, 0, "is shorter than the unfinished import says");
        RT_TRY(rt_hint(err, "begin anew with --force"));
    }
    if (ftruncate(w->fd, w->end) != 0)
        RT_TRY(rt_fail(err, RT_ERR_IO, w->coordinates, 0, "cannot cut: %s", strerror(errno)));
    if (w->end == 0) {
        if (pwrite(w->fd, header, sizeof header, 0) != sizeof header)
            RT_TRY(rt_fail(err, RT_ERR_IO, w->coordinates, 0, "cannot write: %s", strerror(errno)));
        w->end = RT_DATASET_HEADER;
    }
done:
    free(end);
    return status;
}

static rt_status remove_work(const char *folder, rt_err *err)
{
    static const char *const NAMES[] = {WORK_INDEX, WORK_INDEX "-journal", WORK_COORDINATES, NEW_INDEX,
                                        NEW_INDEX "-journal"};
    char path[PATH_MAX];
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        folder_path(path, folder, NAMES[i]);
        if (unlink(path) != 0 && errno != ENOENT && errno != ENOTDIR)
            return rt_fail(err, RT_ERR_IO, path, 0, "cannot remove: %s", strerror(errno));
    }
    folder_path(path, folder, RT_DATASET_WORK);
    if (rmdir(path) != 0 && errno != ENOENT && errno != ENOTEMPTY)
        return rt_fail(err, RT_ERR_IO, path, 0, "cannot remove: %s", strerror(errno));
    return RT_OK;
}

rt_status rt_dataset_remove(const char *folder, rt_err *err)
{
    /* the index first: without it there is no set that could be taken for whole */
    static const char *const NAMES[] = {RT_DATASET_INDEX, RT_DATASET_COORDINATES, RT_DATASET_TABLE};
    char path[PATH_MAX];
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        folder_path(path, folder, NAMES[i]);
        if (unlink(path) != 0 && errno != ENOENT && errno != ENOTDIR)
            return rt_fail(err, RT_ERR_IO, path, 0, "cannot remove: %s", strerror(errno));
    }
    return remove_work(folder, err);
}

static rt_status open_work(rt_dataset_writer *w, const char *plan, rt_err *err)
{
    rt_status status = RT_OK;
    char work[PATH_MAX];
    folder_path(work, w->folder, RT_DATASET_WORK);
    RT_TRY(rt_make_folder(work, err));
    folder_path(w->work_index, w->folder, WORK_INDEX);
    folder_path(w->coordinates, w->folder, WORK_COORDINATES);
    if (sqlite3_open_v2(w->work_index, &w->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) != SQLITE_OK)
        RT_TRY(fail(w, "open it", err));
    /* two imports into one folder would destroy each other's work: the second one is told at once */
    if (sqlite3_exec(w->db, "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT", NULL, NULL, NULL) !=
        SQLITE_OK) {
        if (sqlite3_errcode(w->db) == SQLITE_BUSY)
            RT_TRY(rt_fail(err, RT_ERR_IO, w->folder, 0, "another import is writing to it"));
        RT_TRY(fail(w, "open it", err));
    }
    RT_TRY(check_work(w, plan, err));
    RT_TRY(open_coordinates(w, err));
    RT_TRY(rt_table_prepare_insert(w->db, &w->add, &rt_dataset_target_table, w->work_index, err));
    RT_TRY(rt_table_prepare_insert(w->db, &w->note, &rt_dataset_note_table, w->work_index, err));
    RT_TRY(rt_table_prepare_insert(w->db, &w->source, &rt_dataset_source_table, w->work_index, err));
    RT_TRY(prepare(w, &w->has, "SELECT ifnull(source, '') FROM target WHERE id = ?", err));
    RT_TRY(prepare(w, &w->templates, "UPDATE target SET n_template = ? WHERE id = ?", err));
    RT_TRY(prepare(w, &w->drop, "DELETE FROM target WHERE id = ?", err));
    RT_TRY(execute(w, "BEGIN", err));
done:
    return status;
}

rt_status rt_dataset_writer_open(rt_dataset_writer **ret_writer, const char *folder, const char *plan, rt_err *err)
{
    rt_status status = RT_OK;
    rt_dataset_writer *w;
    *ret_writer = NULL;
    if (rt_dataset_is_there(folder)) {
        status = remove_work(folder, err);   /* of a run that was killed after its last rename */
        if (status != RT_OK) return status;
        rt_fail(err, RT_ERR_MISMATCH, folder, 0, "holds a training set already");
        return rt_hint(err, "name another folder, or replace it with --force");
    }
    RT_TRY_ALLOC(w, 1);
    w->fd = -1;
    w->folder = rt_copy_text(folder, -1, err);
    status = w->folder ? open_work(w, plan, err) : RT_ERR_MEMORY;
    if (status == RT_OK) *ret_writer = w;
    else rt_dataset_writer_close(w);
done:
    return status;
}

void rt_dataset_writer_close(rt_dataset_writer *w)
{
    if (!w) return;
    sqlite3_stmt *statement[] = {w->add, w->has, w->note, w->source, w->templates, w->drop};
    for (size_t i = 0; i < sizeof statement / sizeof *statement; i++) sqlite3_finalize(statement[i]);
    sqlite3_close(w->db);
    if (w->fd >= 0) close(w->fd);
    free(w->folder);
    free(w->plan);
    free(w->state);
    free(w);
}

/* ---- adding ---- */

char *rt_dataset_writer_source_of(const rt_dataset_writer *w, const char *id)
{
    char *source = NULL;
    sqlite3_bind_text(w->has, 1, id, -1, SQLITE_STATIC);
    if (sqlite3_step(w->has) == SQLITE_ROW)
        source = rt_copy_text((const char *)sqlite3_column_text(w->has, 0), -1, NULL);
    sqlite3_reset(w->has);
    sqlite3_clear_bindings(w->has);
    return source;
}

bool rt_dataset_writer_has(const rt_dataset_writer *w, const char *id)
{
    char *source = rt_dataset_writer_source_of(w, id);
    free(source);
    return source != NULL;
}

/* The block and the zeros up to the next multiple. */
static rt_status write_block(rt_dataset_writer *w, const void *bytes, int64_t count, rt_err *err)
{
    static const char zeros[RT_DATASET_HEADER];
    int64_t filled = (count + RT_DATASET_HEADER - 1) / RT_DATASET_HEADER * RT_DATASET_HEADER;
    for (int64_t at = 0; at < filled;) {
        const char *from = at < count ? (const char *)bytes + at : zeros;
        int64_t left = at < count ? count - at : filled - at;
        ssize_t n = pwrite(w->fd, from, (size_t)left, w->end + at);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return rt_fail(err, RT_ERR_IO, w->coordinates, 0, "cannot write: %s", strerror(errno));
        at += n;
    }
    w->end += filled;
    return RT_OK;
}

rt_status rt_dataset_writer_add(rt_dataset_writer *w, const rt_target *target, const float *opt_xyz, rt_err *err)
{
    char hash[RT_HASH_TEXT] = "";
    rt_target row = *target;
    rt_status status = RT_OK;
    if (rt_dataset_writer_has(w, row.id))
        return rt_fail(err, RT_ERR_MISMATCH, w->folder, 0, "the target '%.60s' is there twice", row.id);
    row.length = (int64_t)strlen(row.sequence);
    row.offset = 0;
    row.hash = hash;
    if (opt_xyz) {
        RT_REQUIRE(row.n_conformation > 0 && (row.n_slot == 1 || row.n_slot == RT_SLOT_COUNT));
        int64_t bytes = rt_dataset_block_bytes(&row);
        if (bytes < 0) return rt_fail(err, RT_ERR_MEMORY, w->folder, 0, "the target '%.60s' is too large", row.id);
        rt_target_measure(&row, opt_xyz);
        row.offset = w->end;
        RT_TRY(rt_hash_bytes(hash, opt_xyz, bytes, err));
        RT_TRY(write_block(w, opt_xyz, bytes, err));
    } else {
        row.n_conformation = row.n_slot = row.slots = 0;
        row.completeness = NAN;
        row.n_break = -1;
    }
    rt_table_bind(w->add, &rt_dataset_target_table, &row);
    RT_TRY(step_once(w, w->add, err));
done:
    return status;
}

rt_status rt_dataset_writer_set_templates(rt_dataset_writer *w, const char *id, int64_t n_template, rt_err *err)
{
    sqlite3_bind_int64(w->templates, 1, n_template);
    sqlite3_bind_text(w->templates, 2, id, -1, SQLITE_STATIC);
    rt_status status = step_once(w, w->templates, err);
    if (status == RT_OK && sqlite3_changes(w->db) == 0)
        status = rt_fail(err, RT_ERR_MISMATCH, w->folder, 0, "the target '%.60s' has not been added", id);
    return status;
}

rt_status rt_dataset_writer_drop(rt_dataset_writer *w, const char *id, rt_err *err)
{
    sqlite3_bind_text(w->drop, 1, id, -1, SQLITE_STATIC);
    return step_once(w, w->drop, err);
}

rt_status rt_dataset_writer_note(rt_dataset_writer *w, const rt_dataset_note *note, rt_err *err)
{
    rt_table_bind(w->note, &rt_dataset_note_table, note);
    return step_once(w, w->note, err);
}

rt_status rt_dataset_writer_source(rt_dataset_writer *w, const char *role, const char *path, rt_err *err)
{
    char fingerprint[RT_HASH_TEXT];
    rt_dataset_source source = {.role = role, .path = path, .fingerprint = fingerprint};
    sqlite3_stmt *select = NULL;
    rt_status status = prepare(w, &select, "SELECT 1 FROM source WHERE role = ? AND path = ?", err);
    if (status != RT_OK) return status;
    sqlite3_bind_text(select, 1, role, -1, SQLITE_STATIC);
    sqlite3_bind_text(select, 2, path, -1, SQLITE_STATIC);
    bool known = sqlite3_step(select) == SQLITE_ROW;
    sqlite3_finalize(select);
    if (known) return RT_OK;
    status = rt_dataset_fingerprint(fingerprint, &source.size, &source.mtime, path, err);
    if (status != RT_OK) return status;
    rt_table_bind(w->source, &rt_dataset_source_table, &source);
    return step_once(w, w->source, err);
}

rt_status rt_dataset_writer_checkpoint(rt_dataset_writer *w, const char *state, rt_err *err)
{
    rt_status status = RT_OK;
    char end[32];
    char *copy = rt_copy_text(state, -1, err);
    if (!copy) return RT_ERR_MEMORY;
    free(w->state);
    w->state = copy;
    snprintf(end, sizeof end, "%lld", (long long)w->end);
    if (fdatasync(w->fd) != 0) RT_TRY(rt_fail(err, RT_ERR_IO, w->coordinates, 0, "cannot write: %s", strerror(errno)));
    RT_TRY(set_meta(w, "end", end, err));
    RT_TRY(set_meta(w, "state", w->state, err));   /* `state` may be the text that was freed */
    RT_TRY(execute(w, "COMMIT", err));
    RT_TRY(execute(w, "BEGIN", err));
done:
    return status;
}

const char *rt_dataset_writer_state(const rt_dataset_writer *w) { return w->state; }

/* ---- finishing ---- */

/* Every row of a table of the work, in `order`, into the new index; targets are numbered and hashed on the way. */
static rt_status copy_table(rt_dataset_writer *w, sqlite3 *index, const char *path, const rt_table *table,
                            const char *order, rt_hash *opt_hash, rt_err *err)
{
    rt_status status = RT_OK;
    sqlite3_stmt *select = NULL, *insert = NULL;
    rt_text sql = {0};
    union { rt_target target; rt_dataset_note note; rt_dataset_source source; } row;
    int64_t number = 0;
    int step;
    rt_text_add(&sql, "SELECT ");
    rt_table_print_columns(&sql, table);
    rt_text_add(&sql, " FROM %s ORDER BY %s", table->name, order);
    if (sql.failed) RT_TRY(rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory"));
    RT_TRY(rt_table_create(index, table, path, err));
    RT_TRY(rt_table_prepare_insert(index, &insert, table, path, err));
    RT_TRY(prepare(w, &select, sql.data, err));
    while ((step = sqlite3_step(select)) == SQLITE_ROW) {
        rt_table_read(&row, select, table);
        if (opt_hash) {
            row.target.number = number++;
            rt_dataset_hash_target(opt_hash, &row.target);
        }
        rt_table_bind(insert, table, &row);
        if (sqlite3_step(insert) != SQLITE_DONE) RT_TRY(rt_dataset_sql_fail(index, path, "write to it", err));
        sqlite3_reset(insert);
    }
    if (step != SQLITE_DONE) RT_TRY(fail(w, "read it", err));
done:
    sqlite3_finalize(select);
    sqlite3_finalize(insert);
    rt_text_free(&sql);
    return status;
}

/* One transaction into a new file: the same rows give the same bytes. */
static rt_status fill_index(rt_dataset_writer *w, sqlite3 *index, const char *path, rt_err *err)
{
    rt_status status = RT_OK;
    rt_hash *hash = NULL;
    char text[RT_HASH_TEXT], *sql = NULL;
    RT_TRY(rt_hash_create(&hash, err));
    sql = sqlite3_mprintf("PRAGMA journal_mode = OFF; PRAGMA synchronous = FULL; PRAGMA page_size = 4096;"
                          "PRAGMA application_id = %d; PRAGMA user_version = %d; BEGIN;",
                          RT_DATASET_APPLICATION, RT_DATASET_FORMAT);
    if (!sql) RT_TRY(rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory"));
    if (sqlite3_exec(index, sql, NULL, NULL, NULL) != SQLITE_OK)
        RT_TRY(rt_dataset_sql_fail(index, path, "write to it", err));
    sqlite3_free(sql);
    sql = NULL;
    RT_TRY(copy_table(w, index, path, &rt_dataset_target_table, "number, id", hash, err));
    RT_TRY(copy_table(w, index, path, &rt_dataset_note_table, "rowid", NULL, err));
    RT_TRY(copy_table(w, index, path, &rt_dataset_source_table, "rowid", NULL, err));
    rt_hash_finish(hash, text);
    hash = NULL;
    sql = sqlite3_mprintf("CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT);"
                          "INSERT INTO meta VALUES ('format', '%d'), ('hash', %Q), ('coordinates_bytes', '%lld'),"
                          " ('plan', %Q); COMMIT",
                          RT_DATASET_FORMAT, text, (long long)w->end, w->plan);
    if (!sql) RT_TRY(rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory"));
    if (sqlite3_exec(index, sql, NULL, NULL, NULL) != SQLITE_OK)
        RT_TRY(rt_dataset_sql_fail(index, path, "write to it", err));
done:
    sqlite3_free(sql);
    rt_hash_free(hash);
    return status;
}

static void print_cell(FILE *out, const char *text, char end)
{
    for (; *text; text++) fputc((unsigned char)*text < ' ' || *text == 127 ? '?' : *text, out);
    fputc(end, out);
}

static rt_status write_notes(rt_dataset_writer *w, rt_err *err)
{
    rt_status status = RT_OK;
    char path[PATH_MAX], origin[64];
    rt_writer *writer = NULL;
    sqlite3_stmt *select = NULL;
    rt_dataset_note note;
    int step;
    folder_path(path, w->folder, RT_DATASET_TABLE);
    RT_TRY(prepare(w, &select, "SELECT outcome, reason, target, origin, file, line, detail FROM note ORDER BY rowid",
                   err));
    RT_TRY(rt_writer_open(&writer, path, err));
    FILE *out = rt_writer_stream(writer);
    fputs("outcome\treason\ttarget\torigin\tfile\tline\tdetail\n", out);
    while ((step = sqlite3_step(select)) == SQLITE_ROW) {
        rt_table_read(&note, select, &rt_dataset_note_table);
        rt_origin_print(origin, sizeof origin, note.origin);
        fprintf(out, "%s\t%s\t", note.outcome, note.reason);
        print_cell(out, note.target, '\t');
        fprintf(out, "%s\t", origin);
        print_cell(out, note.file, '\t');
        fprintf(out, "%lld\t", (long long)note.line);
        print_cell(out, note.detail, '\n');
    }
    if (step != SQLITE_DONE) RT_TRY(fail(w, "read it", err));
    status = rt_writer_commit(writer, err);
    writer = NULL;
done:
    rt_writer_abandon(writer);
    sqlite3_finalize(select);
    return status;
}

static rt_status move(const char *folder, const char *from, const char *to, rt_err *err)
{
    char old[PATH_MAX], new[PATH_MAX];
    folder_path(old, folder, from);
    folder_path(new, folder, to);
    if (rename(old, new) == 0) return RT_OK;
    return rt_fail(err, RT_ERR_IO, new, 0, "cannot write: %s", strerror(errno));
}

static rt_status sync_path(const char *path, rt_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool done = fd >= 0 && fsync(fd) == 0;
    int failure = errno;
    if (fd >= 0) close(fd);
    return done ? RT_OK : rt_fail(err, RT_ERR_IO, path, 0, "cannot write: %s", strerror(failure));
}

static rt_status finish(rt_dataset_writer *w, rt_err *err)
{
    rt_status status = RT_OK;
    char path[PATH_MAX];
    sqlite3 *index = NULL;
    RT_TRY(rt_dataset_writer_checkpoint(w, w->state, err));
    folder_path(path, w->folder, NEW_INDEX);
    unlink(path);
    if (sqlite3_open_v2(path, &index, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) != SQLITE_OK)
        RT_TRY(rt_dataset_sql_fail(index, path, "write", err));
    status = fill_index(w, index, path, err);
    if (sqlite3_close(index) != SQLITE_OK) RT_BUG("a statement of the new index is still open");
    index = NULL;
    if (status != RT_OK) goto done;
    RT_TRY(sync_path(path, err));
    RT_TRY(write_notes(w, err));
    RT_TRY(move(w->folder, WORK_COORDINATES, RT_DATASET_COORDINATES, err));
    RT_TRY(sync_path(w->folder, err));
    RT_TRY(move(w->folder, NEW_INDEX, RT_DATASET_INDEX, err));   /* from here on the set is there */
    RT_TRY(sync_path(w->folder, err));
done:
    sqlite3_close(index);
    return status;
}

rt_status rt_dataset_writer_commit(rt_dataset_writer *w, rt_err *err)
{
    rt_status status = finish(w, err);
    char *folder = w->folder;
    w->folder = NULL;
    rt_dataset_writer_close(w);
    if (status == RT_OK) status = remove_work(folder, err);
    free(folder);
    return status;
}
