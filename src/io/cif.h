/* cif.h - the one reader of CIF text (mmCIF, CCD, ModelCIF): data blocks, tables, values
 * Room: io.  Uses: base/file, base/memory, base/text.
 *
 * The text is read once and every value is remembered as a place in it; nothing is copied.  A category is a table: a
 * loop_ with many rows, or single pairs as a table of one row.  Names of categories and items ignore case.
 *
 *     rt_cif_table site;
 *     if (rt_cif_find(&site, cif, 0, "_atom_site")) {
 *         int64_t x = rt_cif_column(&site, "Cartn_x");
 *         for (int64_t row = 0; row < site.n_row; row++)
 *             RT_TRY(rt_cif_need_double(&value, &site, row, x, err));
 *     }
 *
 * Strict where CIF 1.1 is: a loop whose values do not fill its rows, a tag given twice, an unclosed quote or text
 * field, a control byte are errors with file, line and column.  Lenient where writers are: a byte order mark, an empty
 * loop, UTF-8 and a bare value that begins with a bracket are read.  save_ frames (dictionaries), stop_ and global_ are
 * not.
 */
#ifndef RT_IO_CIF_H
#define RT_IO_CIF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

typedef struct rt_cif rt_cif;

typedef enum {
    RT_CIF_BARE,     /* as it stands; the only kind that can be null ('.' or '?') */
    RT_CIF_QUOTED,   /* between ' or ", which are not part of it */
    RT_CIF_FIELD     /* between semicolons at the start of a line; may hold line ends */
} rt_cif_kind;

/* Not NUL-terminated; lives as long as the text it was read from. */
typedef struct {
    const char *text;
    int32_t length;
    rt_cif_kind kind;
} rt_cif_value;

typedef struct {
    const rt_cif *cif;
    int64_t index;   /* among the tables of the file */
    int64_t n_row;
} rt_cif_table;

/* Reads data[0..size), which stays the caller's and must outlive the result.  `name` is the file in errors; copied.
 * Errors: RT_ERR_FORMAT with line and column, RT_ERR_UNSUPPORTED for dictionaries, RT_ERR_MEMORY. */
rt_status rt_cif_open(rt_cif **ret_cif, const char *data, int64_t size, const char *name, rt_err *err);

/* The same for a file, which is mapped until rt_cif_close.  Errors: RT_ERR_IO too. */
rt_status rt_cif_load(rt_cif **ret_cif, const char *path, rt_err *err);
void rt_cif_close(rt_cif *cif);                                    /* NULL ok */

const char *rt_cif_name(const rt_cif *cif);
int64_t rt_cif_block_count(const rt_cif *cif);
rt_cif_value rt_cif_block_name(const rt_cif *cif, int64_t block);  /* what follows data_; may be empty */
int64_t rt_cif_value_count(const rt_cif *cif);                     /* values in the whole file */

/* The table of a category ("_atom_site", with its underscore and without a dot) in a block; false when it has none. */
bool rt_cif_find(rt_cif_table *out_table, const rt_cif *cif, int64_t block, const char *category);

/* A handle of the item ("Cartn_x") for the functions below; -1 when the table lacks it. */
int64_t rt_cif_column(const rt_cif_table *table, const char *item);

/* A missing column (-1) reads as '?' in every row. */
rt_cif_value rt_cif_get(const rt_cif_table *table, int64_t row, int64_t column);

bool rt_cif_is_null(rt_cif_value value);                           /* a bare '.' or '?' */
bool rt_cif_equals(rt_cif_value value, const char *text);          /* null equals nothing */

/* The whole value as a number; a standard uncertainty, 1.23(4), is dropped.  False for null and everything else. */
bool rt_cif_parse_double(rt_cif_value value, double *out);
bool rt_cif_parse_int(rt_cif_value value, int64_t *out);

/* NUL-terminated copy into out[0..size), "" for null; false when it does not fit (out then holds ""). */
bool rt_cif_copy(char *out, int64_t size, rt_cif_value value);

/* A number that must be there: RT_ERR_FORMAT names file, line, item and value otherwise. */
rt_status rt_cif_need_double(double *out, const rt_cif_table *table, int64_t row, int64_t column, rt_err *err);
rt_status rt_cif_need_int(int64_t *out, const rt_cif_table *table, int64_t row, int64_t column, rt_err *err);

/* RT_ERR_FORMAT "file:line: _category.item: 'value' <complaint>" for one value; returns the code. */
rt_status rt_cif_complain(const rt_cif_table *table, int64_t row, int64_t column, const char *complaint, rt_err *err);

/* 1-based line of a place in the text: counts from the beginning, so it is for errors. */
int64_t rt_cif_line(const rt_cif *cif, const char *place);

#endif
