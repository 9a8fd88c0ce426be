/* dataset_schema.c - tables as rows of fields: what a struct's members are called and how they are kept */
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "prep/dataset_internal.h"

#define FIELD(type, member, column_kind, text) {#member, text, column_kind, offsetof(type, member)}
#define COUNT_OF(array) ((int)(sizeof(array) / sizeof *(array)))

static const rt_field TARGET[] = {
    FIELD(rt_target, number, RT_FIELD_INT, "INTEGER NOT NULL"),
    FIELD(rt_target, id, RT_FIELD_TEXT, "TEXT NOT NULL UNIQUE"),
    FIELD(rt_target, sequence, RT_FIELD_TEXT, "TEXT NOT NULL"),
    FIELD(rt_target, length, RT_FIELD_INT, "INTEGER NOT NULL"),
    FIELD(rt_target, origin, RT_FIELD_INT, "INTEGER NOT NULL"),
    FIELD(rt_target, cutoff, RT_FIELD_TEXT, "TEXT"),
    FIELD(rt_target, description, RT_FIELD_TEXT, "TEXT"),
    FIELD(rt_target, all_sequences, RT_FIELD_TEXT, "TEXT"),
    FIELD(rt_target, stoichiometry, RT_FIELD_TEXT, "TEXT"),
    FIELD(rt_target, ligand_ids, RT_FIELD_TEXT, "TEXT"),
    FIELD(rt_target, ligand_smiles, RT_FIELD_TEXT, "TEXT"),
    FIELD(rt_target, segments, RT_FIELD_TEXT, "TEXT"),
    FIELD(rt_target, source, RT_FIELD_TEXT, "TEXT"),
    FIELD(rt_target, msa, RT_FIELD_TEXT, "TEXT"),
    FIELD(rt_target, n_template, RT_FIELD_INT, "INTEGER NOT NULL"),
    FIELD(rt_target, resolution, RT_FIELD_REAL, "REAL"),
    FIELD(rt_target, completeness, RT_FIELD_REAL, "REAL"),
    FIELD(rt_target, n_break, RT_FIELD_COUNT, "INTEGER"),
    FIELD(rt_target, n_conformation, RT_FIELD_INT, "INTEGER NOT NULL"),
    FIELD(rt_target, n_slot, RT_FIELD_INT, "INTEGER NOT NULL"),
    FIELD(rt_target, slots, RT_FIELD_INT, "INTEGER NOT NULL"),
    FIELD(rt_target, offset, RT_FIELD_INT, "INTEGER NOT NULL"),
    FIELD(rt_target, hash, RT_FIELD_TEXT, "TEXT"),
};
const rt_table rt_dataset_target_table = {"target", "", TARGET, COUNT_OF(TARGET)};

static const rt_field NOTE[] = {
    FIELD(rt_dataset_note, outcome, RT_FIELD_TEXT, "TEXT NOT NULL"),
    FIELD(rt_dataset_note, reason, RT_FIELD_TEXT, "TEXT NOT NULL"),
    FIELD(rt_dataset_note, target, RT_FIELD_TEXT, "TEXT"),
    FIELD(rt_dataset_note, origin, RT_FIELD_INT, "INTEGER NOT NULL"),
    FIELD(rt_dataset_note, file, RT_FIELD_TEXT, "TEXT"),
    FIELD(rt_dataset_note, line, RT_FIELD_INT, "INTEGER NOT NULL"),
    FIELD(rt_dataset_note, detail, RT_FIELD_TEXT, "TEXT"),
};
const rt_table rt_dataset_note_table = {"note", "", NOTE, COUNT_OF(NOTE)};

static const rt_field SOURCE[] = {
    FIELD(rt_dataset_source, role, RT_FIELD_TEXT, "TEXT NOT NULL"),
    FIELD(rt_dataset_source, path, RT_FIELD_TEXT, "TEXT NOT NULL"),
    FIELD(rt_dataset_source, size, RT_FIELD_INT, "INTEGER NOT NULL"),
    FIELD(rt_dataset_source, mtime, RT_FIELD_INT, "INTEGER NOT NULL"),
    FIELD(rt_dataset_source, fingerprint, RT_FIELD_TEXT, "TEXT"),
};
const rt_table rt_dataset_source_table = {"source", ", PRIMARY KEY (role, path)", SOURCE, COUNT_OF(SOURCE)};

void rt_table_print_columns(rt_text *out, const rt_table *table)
{
    for (int i = 0; i < table->n_field; i++) rt_text_add(out, "%s%s", i ? ", " : "", table->field[i].name);
}

/* Runs or prepares (with ret) the text, which is freed. */
static rt_status take_sql(sqlite3 *db, sqlite3_stmt **opt_ret, rt_text *sql, const char *path, rt_err *err)
{
    rt_status status = RT_OK;
    if (sql->failed) status = rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory");
    else if (opt_ret ? sqlite3_prepare_v2(db, sql->data, -1, opt_ret, NULL) != SQLITE_OK
                     : sqlite3_exec(db, sql->data, NULL, NULL, NULL) != SQLITE_OK)
        status = rt_dataset_sql_fail(db, path, opt_ret ? "write to it" : "make its tables", err);
    rt_text_free(sql);
    return status;
}

rt_status rt_table_create(sqlite3 *db, const rt_table *table, const char *path, rt_err *err)
{
    rt_text sql = {0};
    rt_text_add(&sql, "CREATE TABLE %s (", table->name);
    for (int i = 0; i < table->n_field; i++)
        rt_text_add(&sql, "%s%s %s", i ? ", " : "", table->field[i].name, table->field[i].declaration);
    rt_text_add(&sql, "%s);", table->more);
    return take_sql(db, NULL, &sql, path, err);
}

rt_status rt_table_prepare_insert(sqlite3 *db, sqlite3_stmt **ret, const rt_table *table, const char *path,
                                  rt_err *err)
{
    rt_text sql = {0};
    rt_text_add(&sql, "INSERT INTO %s (", table->name);
    rt_table_print_columns(&sql, table);
    rt_text_add(&sql, ") VALUES (");
    for (int i = 0; i < table->n_field; i++) rt_text_add(&sql, "%s?", i ? ", " : "");
    rt_text_add(&sql, ")");
    return take_sql(db, ret, &sql, path, err);
}

void rt_table_bind(sqlite3_stmt *insert, const rt_table *table, const void *row)
{
    for (int i = 0; i < table->n_field; i++) {
        const rt_field *field = &table->field[i];
        const char *place = (const char *)row + field->place;
        const char *text;
        double real;
        int64_t whole;
        switch (field->kind) {
        case RT_FIELD_TEXT:
            memcpy(&text, place, sizeof text);
            if (text[0] || strstr(field->declaration, "NOT NULL"))
                sqlite3_bind_text(insert, i + 1, text, -1, SQLITE_STATIC);
            else sqlite3_bind_null(insert, i + 1);
            break;
        case RT_FIELD_REAL:
            memcpy(&real, place, sizeof real);
            sqlite3_bind_double(insert, i + 1, real);   /* NaN becomes NULL */
            break;
        case RT_FIELD_INT:
        case RT_FIELD_COUNT:
            memcpy(&whole, place, sizeof whole);
            if (field->kind == RT_FIELD_COUNT && whole < 0) sqlite3_bind_null(insert, i + 1);
            else sqlite3_bind_int64(insert, i + 1, whole);
            break;
        }
    }
}

void rt_table_read(void *row, sqlite3_stmt *select, const rt_table *table)
{
    for (int i = 0; i < table->n_field; i++) {
        const rt_field *field = &table->field[i];
        char *place = (char *)row + field->place;
        bool null = sqlite3_column_type(select, i) == SQLITE_NULL;
        const char *text;
        double real = NAN;
        int64_t whole = -1;
        switch (field->kind) {
        case RT_FIELD_TEXT:
            text = (const char *)sqlite3_column_text(select, i);
            if (!text) text = "";
            memcpy(place, &text, sizeof text);
            break;
        case RT_FIELD_REAL:
            if (!null) real = sqlite3_column_double(select, i);
            memcpy(place, &real, sizeof real);
            break;
        case RT_FIELD_INT:
        case RT_FIELD_COUNT:
            if (!null) whole = sqlite3_column_int64(select, i);
            memcpy(place, &whole, sizeof whole);
            break;
        }
    }
}

rt_status rt_dataset_sql_fail(sqlite3 *db, const char *path, const char *doing, rt_err *err)
{
    int code = sqlite3_errcode(db);
    if (code == SQLITE_NOMEM) return rt_fail(err, RT_ERR_MEMORY, path, 0, "out of memory");
    if (code == SQLITE_NOTADB) return rt_fail(err, RT_ERR_FORMAT, path, 0, "is no SQLite file");
    if (code == SQLITE_CORRUPT) return rt_fail(err, RT_ERR_FORMAT, path, 0, "is a damaged SQLite file");
    return rt_fail(err, RT_ERR_IO, path, 0, "cannot %s: %s", doing, sqlite3_errmsg(db));
}

static void add_text(rt_hash *hash, const char *text) { rt_hash_add(hash, text, (int64_t)strlen(text) + 1); }

void rt_dataset_hash_target(rt_hash *hash, const rt_target *target)
{
    int64_t number[] = {target->length, target->origin, target->n_conformation, target->n_slot, target->slots};
    double resolution = isnan(target->resolution) ? -1 : target->resolution;
    add_text(hash, target->id);
    add_text(hash, target->sequence);
    add_text(hash, target->cutoff);
    add_text(hash, target->segments);
    add_text(hash, target->hash);
    rt_hash_add(hash, number, sizeof number);
    rt_hash_add(hash, &resolution, sizeof resolution);
}

int64_t rt_dataset_block_bytes(const rt_target *target)
{
    int64_t bytes;
    if (!rt_multiply(target->n_conformation, target->length, &bytes) ||
        !rt_multiply(bytes, target->n_slot * 3 * (int64_t)sizeof(float), &bytes))
        return -1;
    return bytes;
}

void rt_origin_print(char *out, int64_t size, int64_t origin)
{
    static const char *const NAMES[] = {"train", "validation", "test", "structures"};
    int64_t at = 0;
    if (size > 0) out[0] = 0;
    for (int i = 0; i < COUNT_OF(NAMES) && at < size; i++)
        if (origin >> i & 1) at += snprintf(out + at, (size_t)(size - at), "%s%s", at ? "," : "", NAMES[i]);
}
