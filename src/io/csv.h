/* csv.h - comma-separated tables (RFC 4180), row after row over a mapped file
 * Room: io.  Uses: base/file, base/memory, base/text, io/stream.
 *
 * Quoted fields, quotes and line ends inside quotes, LF, CRLF and CR line ends, and a UTF-8 byte order mark are
 * understood.  Blank lines are skipped.  Every row must have as many fields as the header.
 *
 *     rt_csv *csv;
 *     int64_t id, sequence;
 *     bool more;
 *     RT_TRY(rt_csv_open(&csv, path, err));
 *     RT_TRY(rt_csv_require(csv, &id, "target_id", err));
 *     RT_TRY(rt_csv_require(csv, &sequence, "sequence", err));
 *     while ((status = rt_csv_next(csv, &more, err)) == RT_OK && more)
 *         use(rt_csv_text(csv, id), rt_csv_text(csv, sequence));
 */
#ifndef RT_IO_CSV_H
#define RT_IO_CSV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

typedef struct rt_csv rt_csv;

/* Maps the file and reads the header line.
 * Errors: RT_ERR_IO; RT_ERR_FORMAT (empty, no text, a bad quote in the header); RT_ERR_UNSUPPORTED (gzip, UTF-16). */
rt_status rt_csv_open(rt_csv **ret_csv, const char *path, rt_err *err);
/* The same over memory that stays the caller's; `name` stands for the file in errors. */
rt_status rt_csv_open_memory(rt_csv **ret_csv, const char *name, const void *bytes, int64_t size, rt_err *err);
/* The same for fields separated by tabs, where a quote is a character like any other. */
rt_status rt_csv_open_tsv(rt_csv **ret_csv, const char *path, rt_err *err);
/* The same as rt_csv_open for a file of any size, plain or gzip: a window of it is in memory, never the whole, and
 * nothing is mapped.  A row of more than 64 MiB is an error. */
rt_status rt_csv_open_stream(rt_csv **ret_csv, const char *path, rt_err *err);
void rt_csv_close(rt_csv *csv);   /* NULL ok */

int64_t rt_csv_columns(const rt_csv *csv);
const char *rt_csv_column(const rt_csv *csv, int64_t column);          /* its name in the header, blanks trimmed */
/* The first column of that name; -1 when there is none. */
int64_t rt_csv_find(const rt_csv *csv, const char *name);
/* RT_ERR_FORMAT when the column is absent (with the nearest name as a hint) or there twice. */
rt_status rt_csv_require(const rt_csv *csv, int64_t *out_column, const char *name, rt_err *err);

/* Goes to the next row; *out_more is false after the last one.
 * Errors: RT_ERR_FORMAT with file and line (an unclosed quote, text after a closing quote, another number of fields
 * than the header, a NUL byte). */
rt_status rt_csv_next(rt_csv *csv, bool *out_more, rt_err *err);
/* Back to the first row after the header; not for streams. */
void rt_csv_rewind(rt_csv *csv);
/* Where the next row begins, as bytes of (unpacked) content, and its line: what rt_csv_seek goes back to, also in
 * another run.  rt_csv_seek is for streams.  Errors: RT_ERR_IO, RT_ERR_FORMAT (the file is shorter now). */
int64_t rt_csv_offset(const rt_csv *csv);
int64_t rt_csv_next_line(const rt_csv *csv);
rt_status rt_csv_seek(rt_csv *csv, int64_t offset, int64_t line, rt_err *err);
/* Bytes of the file that have been read, and all of them (a gzip file's own): for progress. */
void rt_csv_progress(const rt_csv *csv, int64_t *out_read, int64_t *out_size);
/* The line on which the current row begins, 1-based. */
int64_t rt_csv_line(const rt_csv *csv);

/* A field of the current row: NUL-terminated, unquoted, valid until the next rt_csv_next. */
const char *rt_csv_text(const rt_csv *csv, int64_t column);
int64_t rt_csv_length(const rt_csv *csv, int64_t column);
/* True for what pandas reads as missing: an empty field, NaN, NA, N/A, null, None (blanks around it do not count). */
bool rt_csv_missing(const rt_csv *csv, int64_t column);

/* A field as a number; blanks around it do not count.  RT_ERR_FORMAT names line, column and text when it is none.
 * rt_csv_double gives NaN for a missing field and takes inf; rt_csv_int takes no missing field. */
rt_status rt_csv_int(const rt_csv *csv, int64_t column, int64_t *out_value, rt_err *err);
rt_status rt_csv_double(const rt_csv *csv, int64_t column, double *out_value, rt_err *err);

/* Fills *err with the file, the current row's line and the message: what a caller reports about a row. */
rt_status rt_csv_fail(const rt_csv *csv, rt_err *err, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
