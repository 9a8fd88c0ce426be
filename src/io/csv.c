#include "io/csv.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/stream.h"

#define WINDOW ((int64_t)1 << 20)
#define LONGEST_ROW ((int64_t)64 << 20)

struct rt_csv {
    char *name;
    rt_map map;                 /* size 0 when the bytes are the caller's */
    const char *data;
    char separator;             /* ',' or, without quotes, a tab */
    int64_t size, at, first;    /* first: where the row after the header begins */
    int64_t line, first_line;   /* of `at` and of `first` */
    rt_stream *stream;          /* then data is the window, which grows to the longest row */
    char *window;
    int64_t window_capacity, base;   /* base: where the window begins in the content */
    bool ended;                 /* nothing comes after data[size) */
    int64_t row_line;           /* where the current row began */

    char *row;                  /* the current row's fields, each followed by a NUL */
    int64_t row_capacity, row_length;
    int64_t *start;             /* start[i] .. start[i + 1] - 1: field i in row */
    int64_t start_capacity, n_field;

    char **column;
    int64_t n_column;
};

static rt_status put(rt_csv *csv, const char *bytes, int64_t count, rt_err *err)
{
    void *row = csv->row;
    rt_status status = rt_grow(&row, &csv->row_capacity, csv->row_length + count, 1, err);
    csv->row = row;
    if (status != RT_OK) return status;
    if (count) memcpy(csv->row + csv->row_length, bytes, (size_t)count);
    csv->row_length += count;
    return RT_OK;
}

static rt_status end_field(rt_csv *csv, rt_err *err)
{
    int64_t from = csv->start[csv->n_field];
    if (csv->row_length > from && memchr(csv->row + from, 0, (size_t)(csv->row_length - from)))
        return rt_fail(err, RT_ERR_FORMAT, csv->name, csv->row_line, "a NUL byte: this is not a text file");
    rt_status status = put(csv, "", 1, err);
    if (status != RT_OK) return status;
    void *start = csv->start;
    status = rt_grow(&start, &csv->start_capacity, csv->n_field + 2, sizeof *csv->start, err);
    csv->start = start;
    if (status != RT_OK) return status;
    csv->start[++csv->n_field] = csv->row_length;
    return RT_OK;
}

/* The line break at `at` is one or two bytes long. */
static void pass_line_end(rt_csv *csv)
{
    if (csv->data[csv->at] == '\r' && csv->at + 1 < csv->size && csv->data[csv->at + 1] == '\n') csv->at++;
    csv->at++;
    csv->line++;
}

/* From behind the opening quote to behind the closing one. */
static rt_status read_quoted(rt_csv *csv, rt_err *err)
{
    int64_t opened = csv->line;
    for (;;) {
        const char *from = csv->data + csv->at;
        const char *quote = memchr(from, '"', (size_t)(csv->size - csv->at));
        if (!quote) {
            csv->at = csv->size;
            return rt_fail(err, RT_ERR_FORMAT, csv->name, opened, "a quoted field is never closed");
        }
        for (const char *c = from; c < quote; c++) csv->line += *c == '\n' || (*c == '\r' && c[1] != '\n');
        csv->at += quote - from + 1;
        bool doubled = csv->at < csv->size && csv->data[csv->at] == '"';
        rt_status status = put(csv, from, quote - from + doubled, err);
        if (status != RT_OK || !doubled) return status;
        csv->at++;
    }
}

/* A row without quotes that ends in LF or CRLF, which nearly all do: copied and cut in one pass.  False: another
 * kind. */
static bool read_plain_row(rt_csv *csv, rt_status *status, rt_err *err)
{
    const char *from = csv->data + csv->at;
    const char *end = memchr(from, '\n', (size_t)(csv->size - csv->at));
    if (!end) return false;
    int64_t length = end - from;
    if (length && from[length - 1] == '\r') length--;
    if ((csv->separator == ',' && memchr(from, '"', (size_t)length)) || memchr(from, '\r', (size_t)length) ||
        memchr(from, 0, (size_t)length))
        return false;
    *status = put(csv, from, length, err);
    if (*status == RT_OK) *status = put(csv, "", 1, err);
    char *row = csv->row, separator = csv->separator;
    for (int64_t i = 0; i <= length && *status == RT_OK; i++) {
        if (row[i] != separator && i < length) continue;
        row[i] = 0;
        if (csv->n_field + 2 > csv->start_capacity) {
            void *start = csv->start;
            *status = rt_grow(&start, &csv->start_capacity, csv->n_field + 2, sizeof *csv->start, err);
            csv->start = start;
            if (*status != RT_OK) break;
        }
        csv->start[++csv->n_field] = i + 1;
    }
    csv->at += end - from + 1;
    csv->line++;
    return true;
}

/* Reads one row at `at`, which is not the end, into row and start. */
static rt_status read_row(rt_csv *csv, rt_err *err)
{
    rt_status plain = RT_OK;
    csv->row_line = csv->line;
    csv->row_length = csv->n_field = 0;
    if (read_plain_row(csv, &plain, err)) return plain;
    csv->row_length = csv->n_field = 0;
    for (;;) {
        rt_status status = RT_OK;
        if (csv->separator == ',' && csv->at < csv->size && csv->data[csv->at] == '"') {
            csv->at++;
            status = read_quoted(csv, err);
            if (status != RT_OK) return status;
            if (csv->at < csv->size && !memchr(",\r\n", csv->data[csv->at], 3))
                return rt_fail(err, RT_ERR_FORMAT, csv->name, csv->line,
                               "text follows the closing quote of a field (a quote inside quotes is written twice)");
        } else {
            int64_t from = csv->at;
            while (csv->at < csv->size && csv->data[csv->at] != csv->separator &&
                   csv->data[csv->at] != '\n' && csv->data[csv->at] != '\r')
                csv->at++;
            status = put(csv, csv->data + from, csv->at - from, err);
        }
        if (status == RT_OK) status = end_field(csv, err);
        if (status != RT_OK) return status;
        if (csv->at >= csv->size) break;
        if (csv->data[csv->at] != csv->separator) {
            pass_line_end(csv);
            break;
        }
        csv->at++;
    }
    return RT_OK;
}

/* Brings more of a stream into the window; what lies before `at` is given up. */
static rt_status fill_window(rt_csv *csv, rt_err *err)
{
    int64_t n, left = csv->size - csv->at;
    if (left >= LONGEST_ROW)
        return rt_fail(err, RT_ERR_FORMAT, csv->name, csv->line,
                       "a row of more than 64 MiB begins here: a quoted field that is "
                       "never closed, or no CSV file");
    if (left) memmove(csv->window, csv->window + csv->at, (size_t)left);
    csv->base += csv->at;
    csv->at = 0;
    csv->size = left;
    void *window = csv->window;
    rt_status status = rt_grow(&window, &csv->window_capacity, 2 * left > WINDOW ? 2 * left : WINDOW, 1, err);
    csv->data = csv->window = window;
    if (status != RT_OK) return status;
    status = rt_stream_read(csv->stream, csv->window + left, csv->window_capacity - left, &n, err);
    csv->size += n;
    csv->ended = n == 0;
    return status;
}

/* read_row that knows how to go on where the window ends inside the row. */
static rt_status read_whole_row(rt_csv *csv, rt_err *err)
{
    for (;;) {
        int64_t at = csv->at, line = csv->line;
        rt_status status = read_row(csv, err);
        /* a row that touches the end of the window may go on behind it, even after a line end: CR and LF */
        if (csv->ended || csv->at < csv->size || (status != RT_OK && status != RT_ERR_FORMAT)) return status;
        csv->at = at;
        csv->line = line;
        status = fill_window(csv, err);
        if (status != RT_OK) return status;
    }
}

/* Passes blank lines; false at the end of the content. */
static bool pass_blank_lines(rt_csv *csv, rt_status *status, rt_err *err)
{
    for (;;) {
        while (csv->at < csv->size && (csv->data[csv->at] == '\n' || csv->data[csv->at] == '\r') &&
               (csv->ended || csv->at + 1 < csv->size))
            pass_line_end(csv);
        if (csv->ended || csv->at + 1 < csv->size) return csv->at < csv->size;
        *status = fill_window(csv, err);
        if (*status != RT_OK) return false;
    }
}

static void trim(char *text)
{
    size_t n = strlen(text), blank = strspn(text, " \t");
    memmove(text, text + blank, n - blank + 1);
    for (n -= blank; n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\t'); n--) text[n - 1] = 0;
}

static rt_status read_header(rt_csv *csv, rt_err *err)
{
    rt_status status = RT_OK;
    const uint8_t *head = (const uint8_t *)csv->data;
    csv->line = 1;
    if (csv->size >= 3 && memcmp(head, "\xEF\xBB\xBF", 3) == 0) csv->at = 3;
    if (csv->size >= 2 && head[0] == 0x1f && head[1] == 0x8b) {
        rt_fail(err, RT_ERR_UNSUPPORTED, csv->name, 0, "is compressed with gzip, a plain CSV file was expected");
        rt_hint(err, "unpack it first: gunzip");
        return RT_ERR_UNSUPPORTED;
    }
    if (csv->size >= 2 && ((head[0] == 0xff && head[1] == 0xfe) || (head[0] == 0xfe && head[1] == 0xff)))
        return rt_fail(err, RT_ERR_UNSUPPORTED, csv->name, 0, "is UTF-16, a CSV file in UTF-8 was expected");
    if (!pass_blank_lines(csv, &status, err))
        return status != RT_OK ? status : rt_fail(err, RT_ERR_FORMAT, csv->name, 0,
                                                  "is empty: a header line with column names was expected");
    RT_TRY(read_whole_row(csv, err));
    RT_TRY_ALLOC(csv->column, csv->n_field);
    for (int64_t i = 0; i < csv->n_field; i++) {
        csv->column[i] = rt_copy_text(rt_csv_text(csv, i), -1, err);
        if (!csv->column[i]) return RT_ERR_MEMORY;
        trim(csv->column[i]);
        csv->n_column = i + 1;
    }
    csv->first = csv->base + csv->at;
    csv->first_line = csv->line;
    csv->n_field = 0;
done:
    return status;
}

/* Bytes, or (opt_stream) a stream, which becomes the table's also on failure. */
static rt_status open_bytes(rt_csv **ret_csv, const char *name, const void *bytes, int64_t size, char separator,
                            rt_stream *opt_stream, rt_err *err)
{
    rt_status status = RT_OK;
    *ret_csv = NULL;
    rt_csv *csv = rt_alloc(1, sizeof *csv, err);
    if (!csv) {
        rt_stream_close(opt_stream);
        return RT_ERR_MEMORY;
    }
    csv->data = bytes;
    csv->separator = separator;
    csv->size = size;
    csv->stream = opt_stream;
    csv->ended = !opt_stream;
    csv->name = rt_copy_text(name, -1, err);
    if (!csv->name) RT_TRY(RT_ERR_MEMORY);
    int64_t *start;
    RT_TRY_ALLOC(start, 16);   /* start[0] is 0 for every row */
    csv->start = start;
    csv->start_capacity = 16;
    if (opt_stream) RT_TRY(fill_window(csv, err));
    RT_TRY(read_header(csv, err));
done:
    if (status != RT_OK) rt_csv_close(csv);
    else *ret_csv = csv;
    return status;
}

rt_status rt_csv_open_memory(rt_csv **ret_csv, const char *name, const void *bytes, int64_t size, rt_err *err)
{
    return open_bytes(ret_csv, name, bytes, size, ',', NULL, err);
}

static rt_status open_file(rt_csv **ret_csv, const char *path, char separator, rt_err *err)
{
    rt_map map;
    *ret_csv = NULL;
    rt_status status = rt_map_open(&map, path, err);
    if (status != RT_OK) return status;
    status = open_bytes(ret_csv, path, map.data, map.size, separator, NULL, err);
    if (status != RT_OK) rt_map_close(&map);
    else (*ret_csv)->map = map;
    return status;
}

rt_status rt_csv_open(rt_csv **ret_csv, const char *path, rt_err *err) { return open_file(ret_csv, path, ',', err); }

rt_status rt_csv_open_tsv(rt_csv **ret_csv, const char *path, rt_err *err)
{
    return open_file(ret_csv, path, '\t', err);
}

rt_status rt_csv_open_stream(rt_csv **ret_csv, const char *path, rt_err *err)
{
    rt_stream *stream;
    *ret_csv = NULL;
    rt_status status = rt_stream_open(&stream, path, err);
    return status == RT_OK ? open_bytes(ret_csv, path, NULL, 0, ',', stream, err) : status;
}

void rt_csv_close(rt_csv *csv)
{
    if (!csv) return;
    for (int64_t i = 0; i < csv->n_column; i++) free(csv->column[i]);
    free(csv->column);
    free(csv->row);
    free(csv->start);
    free(csv->name);
    free(csv->window);
    rt_stream_close(csv->stream);
    rt_map_close(&csv->map);
    free(csv);
}

int64_t rt_csv_columns(const rt_csv *csv) { return csv->n_column; }

const char *rt_csv_column(const rt_csv *csv, int64_t column)
{
    RT_REQUIRE(column >= 0 && column < csv->n_column);
    return csv->column[column];
}

int64_t rt_csv_find(const rt_csv *csv, const char *name)
{
    for (int64_t i = 0; i < csv->n_column; i++)
        if (strcmp(csv->column[i], name) == 0) return i;
    return -1;
}

/* What the header has instead of the column that was looked for. */
static void hint_columns(const rt_csv *csv, rt_err *err)
{
    const char *only = csv->column[0];
    if (only[0] == '>') rt_hint(err, "this looks like FASTA; a table with a header line was expected");
    else if (csv->n_column == 1 && csv->separator == ',' && strpbrk(only, "\t;"))
        rt_hint(err, "the fields are separated by %s, commas were expected", strchr(only, ';') ? "semicolons" : "tabs");
    else {
        rt_text list = {0};
        for (int64_t i = 0; i < csv->n_column && list.length < 100; i++)
            rt_text_add(&list, "%s%.40s", i ? ", " : "", csv->column[i]);
        if (list.data) rt_tame_text(list.data);
        rt_hint(err, "the header line has: %s", list.data ? list.data : "");
        rt_text_free(&list);
    }
}

rt_status rt_csv_require(const rt_csv *csv, int64_t *out_column, const char *name, rt_err *err)
{
    *out_column = rt_csv_find(csv, name);
    if (*out_column < 0) {
        const char *nearest = rt_nearest_word(name, (const char *const *)csv->column, csv->n_column);
        rt_fail(err, RT_ERR_FORMAT, csv->name, 1, "has no column '%s'", name);
        if (nearest) rt_hint(err, "did you mean the column '%s'?", nearest);
        else hint_columns(csv, err);
        return RT_ERR_FORMAT;
    }
    for (int64_t i = *out_column + 1; i < csv->n_column; i++)
        if (strcmp(csv->column[i], name) == 0)
            return rt_fail(err, RT_ERR_FORMAT, csv->name, 1, "has the column '%s' twice", name);
    return RT_OK;
}

rt_status rt_csv_next(rt_csv *csv, bool *out_more, rt_err *err)
{
    *out_more = false;
    rt_status status = RT_OK;
    csv->n_field = 0;
    if (!pass_blank_lines(csv, &status, err)) return status;
    status = read_whole_row(csv, err);
    if (status == RT_OK && csv->n_field != csv->n_column)
        status = rt_fail(err, RT_ERR_FORMAT, csv->name, csv->row_line, "the row has %lld fields, the header %lld",
                         (long long)csv->n_field, (long long)csv->n_column);
    if (status != RT_OK) csv->n_field = 0;
    *out_more = status == RT_OK;
    return status;
}

void rt_csv_rewind(rt_csv *csv)
{
    RT_REQUIRE(!csv->stream);
    csv->at = csv->first;
    csv->line = csv->first_line;
    csv->n_field = 0;
}

int64_t rt_csv_offset(const rt_csv *csv) { return csv->base + csv->at; }
int64_t rt_csv_next_line(const rt_csv *csv) { return csv->line; }

rt_status rt_csv_seek(rt_csv *csv, int64_t offset, int64_t line, rt_err *err)
{
    RT_REQUIRE(csv->stream);
    rt_status status = rt_stream_seek(csv->stream, offset, err);
    if (status != RT_OK) return status;
    csv->base = offset;
    csv->at = csv->size = csv->n_field = 0;
    csv->line = line;
    csv->ended = false;
    return RT_OK;
}

void rt_csv_progress(const rt_csv *csv, int64_t *out_read, int64_t *out_size)
{
    *out_read = csv->stream ? rt_stream_position(csv->stream) : csv->at;
    *out_size = csv->stream ? rt_stream_size(csv->stream) : csv->size;
}

int64_t rt_csv_line(const rt_csv *csv) { return csv->row_line; }

const char *rt_csv_text(const rt_csv *csv, int64_t column)
{
    RT_REQUIRE(column >= 0 && column < csv->n_field);
    return csv->row + csv->start[column];
}

int64_t rt_csv_length(const rt_csv *csv, int64_t column)
{
    RT_REQUIRE(column >= 0 && column < csv->n_field);
    return csv->start[column + 1] - csv->start[column] - 1;
}

/* The field without the blanks around it. */
static const char *bare(const rt_csv *csv, int64_t column, int64_t *out_length)
{
    const char *text = rt_csv_text(csv, column);
    int64_t n = rt_csv_length(csv, column);
    while (n > 0 && (*text == ' ' || *text == '\t')) text++, n--;
    while (n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\t')) n--;
    *out_length = n;
    return text;
}

bool rt_csv_missing(const rt_csv *csv, int64_t column)
{
    static const char *const MISSING[] = {"nan", "na", "n/a", "null", "none", "<na>", "-nan", "#n/a", "#na"};
    int64_t n;
    const char *text = bare(csv, column, &n);
    if (n == 0) return true;
    for (size_t i = 0; i < sizeof MISSING / sizeof *MISSING; i++)
        if ((size_t)n == strlen(MISSING[i]) && strncasecmp(text, MISSING[i], (size_t)n) == 0) return true;
    return false;
}

rt_status rt_csv_int(const rt_csv *csv, int64_t column, int64_t *out_value, rt_err *err)
{
    int64_t n;
    double real;
    const char *text = bare(csv, column, &n);
    if (rt_parse_int(text, n, out_value)) return RT_OK;
    /* pandas turns a column of integers with one missing value into 1.0, 2.0, ... */
    if (rt_parse_double(text, n, &real) && real == rint(real) && fabs(real) < 0x1p53) {
        *out_value = (int64_t)real;
        return RT_OK;
    }
    return rt_csv_fail(csv, err, "column '%s': '%.40s' is not a whole number", csv->column[column],
                       rt_csv_text(csv, column));
}

rt_status rt_csv_double(const rt_csv *csv, int64_t column, double *out_value, rt_err *err)
{
    int64_t n;
    const char *text = bare(csv, column, &n);
    if (rt_parse_double(text, n, out_value)) return RT_OK;
    *out_value = NAN;
    if (n == 0 || rt_csv_missing(csv, column)) return RT_OK;
    int sign = *text == '-' ? -1 : 1;
    const char *word = text + (*text == '-' || *text == '+');
    int64_t rest = n - (word - text);
    if ((rest == 3 && strncasecmp(word, "inf", 3) == 0) || (rest == 8 && strncasecmp(word, "infinity", 8) == 0)) {
        *out_value = sign * INFINITY;
        return RT_OK;
    }
    return rt_csv_fail(csv, err, "column '%s': '%.40s' is not a number", csv->column[column], rt_csv_text(csv, column));
}

rt_status rt_csv_fail(const rt_csv *csv, rt_err *err, const char *format, ...)
{
    char what[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return rt_fail(err, RT_ERR_FORMAT, csv->name, csv->row_line, "%s", what);
}
