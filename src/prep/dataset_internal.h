/* dataset_internal.h - the schema that dataset.c reads and dataset_write.c writes
 * Room: prep.  Uses: prep/dataset, SQLite.  Not for others.
 */
#ifndef RT_PREP_DATASET_INTERNAL_H
#define RT_PREP_DATASET_INTERNAL_H

#include <sqlite3.h>

#include "base/text.h"
#include "prep/dataset.h"

#define RT_DATASET_APPLICATION 0x526e4453   /* "RnDS": an SQLite file's application_id */
#define RT_DATASET_INDEX "index.sqlite"
#define RT_DATASET_COORDINATES "coordinates.bin"
#define RT_DATASET_WORK "import.work"
#define RT_DATASET_TABLE "import.tsv"
#define RT_DATASET_HEADER 64                /* bytes before the first block; blocks are aligned to as many */
#define RT_DATASET_MAGIC "RNATUNE XYZ 1\n"

/* A column is a field of the struct: its name, how it is kept, its declaration.  Texts that are "" and numbers that are
 * unknown (NaN, -1 where the declaration allows NULL) are NULL in the file. */
typedef enum { RT_FIELD_TEXT, RT_FIELD_INT, RT_FIELD_REAL, RT_FIELD_COUNT } rt_field_kind;   /* COUNT: -1 is NULL */
typedef struct {
    const char *name, *declaration;
    rt_field_kind kind;
    size_t place;
} rt_field;

typedef struct {
    const char *name, *more;    /* the table; constraints after its columns */
    const rt_field *field;
    int n_field;
} rt_table;

extern const rt_table rt_dataset_target_table, rt_dataset_note_table, rt_dataset_source_table;

/* "id, sequence, ..." */
void rt_table_print_columns(rt_text *out, const rt_table *table);
/* Makes an empty table. */
rt_status rt_table_create(sqlite3 *db, const rt_table *table, const char *path, rt_err *err);
/* INSERT with a parameter per column. */
rt_status rt_table_prepare_insert(sqlite3 *db, sqlite3_stmt **ret, const rt_table *table, const char *path,
                                  rt_err *err);
void rt_table_bind(sqlite3_stmt *insert, const rt_table *table, const void *row);
/* A row as a struct whose texts belong to the statement until its next step. */
void rt_table_read(void *row, sqlite3_stmt *select, const rt_table *table);

/* RT_ERR_IO, RT_ERR_FORMAT or RT_ERR_MEMORY after what SQLite says. */
rt_status rt_dataset_sql_fail(sqlite3 *db, const char *path, const char *doing, rt_err *err);

/* The whole set's hash, target after target. */
void rt_dataset_hash_target(rt_hash *hash, const rt_target *target);

/* Bytes of a target's block; -1 when the product overflows. */
int64_t rt_dataset_block_bytes(const rt_target *target);

#endif
