#include "score/table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"

typedef enum { TEXT, REAL, COUNT } kind;

typedef struct {
    const char *name;
    kind kind;
    int decimals;
    size_t offset;
} column;

static const column COLUMNS[] = {
#define TEXT_COLUMN(field, help) {#field, TEXT, 0, offsetof(rt_score_row, field)},
#define REAL_COLUMN(field, decimals, help) {#field, REAL, decimals, offsetof(rt_score_row, field)},
#define COUNT_COLUMN(field, help) {#field, COUNT, 0, offsetof(rt_score_row, field)},
    RT_SCORE_COLUMNS(TEXT_COLUMN, REAL_COLUMN, COUNT_COLUMN)
#undef TEXT_COLUMN
#undef REAL_COLUMN
#undef COUNT_COLUMN
};
enum { N_COLUMNS = sizeof COLUMNS / sizeof *COLUMNS, N_NEEDED = 5 };

static char *text_of(const rt_score_row *row, const column *c) { return (char *)(uintptr_t)row + c->offset; }
static double *real_of(const rt_score_row *row, const column *c) { return (double *)(void *)text_of(row, c); }
static int64_t *count_of(const rt_score_row *row, const column *c) { return (int64_t *)(void *)text_of(row, c); }

void rt_score_row_init(rt_score_row *out_row)
{
    memset(out_row, 0, sizeof *out_row);
    out_row->loss = NAN;
    for (int c = 0; c < N_COLUMNS; c++) {
        if (COLUMNS[c].kind == REAL) *real_of(out_row, &COLUMNS[c]) = NAN;
        if (COLUMNS[c].kind == COUNT) *count_of(out_row, &COLUMNS[c]) = -1;
    }
}

rt_status rt_score_table_add(rt_score_table *table, const rt_score_row *row, rt_err *err)
{
    void *items = table->row;
    rt_status status = rt_grow(&items, &table->capacity, table->n_row + 1, sizeof *table->row, err);
    table->row = items;
    if (status == RT_OK) table->row[table->n_row++] = *row;
    return status;
}

void rt_score_table_free_members(rt_score_table *table)
{
    free(table->row);
    *table = (rt_score_table){0};
}

static void print_value(rt_text *out, const rt_score_row *row, const column *c)
{
    if (c->kind == TEXT) {
        if (!*text_of(row, c)) rt_text_add(out, "NA");
        for (const char *p = text_of(row, c); *p; p++) rt_text_add(out, "%c", strchr("\t\r\n", *p) ? ' ' : *p);
    } else if (c->kind == REAL) {
        double value = *real_of(row, c);
        if (!isfinite(value)) rt_text_add(out, "NA");
        else rt_text_add(out, "%.*f", c->decimals, fabs(value) < 0.5 * pow(10, -c->decimals) ? 0.0 : value);
    } else {
        if (*count_of(row, c) < 0) rt_text_add(out, "NA");
        else rt_text_add(out, "%lld", (long long)*count_of(row, c));
    }
}

void rt_score_table_print(rt_text *out_text, const rt_score_table *table)
{
    for (int c = 0; c < N_COLUMNS; c++) rt_text_add(out_text, "%s%s", c ? "\t" : "", COLUMNS[c].name);
    rt_text_add(out_text, "\n");
    for (int64_t r = 0; r < table->n_row; r++)
        for (int c = 0; c < N_COLUMNS; c++) {
            print_value(out_text, &table->row[r], &COLUMNS[c]);
            rt_text_add(out_text, c + 1 < N_COLUMNS ? "\t" : "\n");
        }
}

typedef struct { const char *text; int64_t length; } piece;

/* The next piece of [*at, end) up to `stop`; false when there is none.  *at moves behind it. */
static bool next_piece(const char **at, const char *end, char stop, piece *out)
{
    if (*at > end) return false;
    const char *found = memchr(*at, stop, (size_t)(end - *at));
    *out = (piece){*at, (found ? found : end) - *at};
    *at = found ? found + 1 : end + 1;
    return true;
}

static bool is_missing(piece p) { return p.length == 0 || (p.length == 2 && memcmp(p.text, "NA", 2) == 0); }

static bool read_value(rt_score_row *row, const column *c, piece p)
{
    double value;
    if (is_missing(p)) return true;
    if (c->kind == TEXT) {
        if (p.length >= RT_SCORE_NAME) return false;
        memcpy(text_of(row, c), p.text, (size_t)p.length);
        return true;
    }
    if (!rt_parse_double(p.text, p.length, &value)) return false;
    if (c->kind == REAL) *real_of(row, c) = value;
    else if (value != floor(value) || fabs(value) > 1e15) return false;
    else *count_of(row, c) = (int64_t)value;
    return true;
}

/* which[i]: the column of the file's i-th field, -1 for one that is not known. */
static rt_status read_header(piece line, int **ret_which, int64_t *out_fields, const char *path, rt_err *err)
{
    const char *at = line.text, *end = line.text + line.length;
    bool seen[N_COLUMNS] = {false};
    int64_t capacity = 0, n = 0;
    piece p;
    while (next_piece(&at, end, '\t', &p)) {
        void *items = *ret_which;
        rt_status status = rt_grow(&items, &capacity, n + 1, sizeof **ret_which, err);
        *ret_which = items;
        if (status != RT_OK) return status;
        (*ret_which)[n] = -1;
        for (int c = 0; c < N_COLUMNS; c++) {
            if ((int64_t)strlen(COLUMNS[c].name) != p.length || memcmp(COLUMNS[c].name, p.text, (size_t)p.length) != 0)
                continue;
            if (seen[c]) return rt_fail(err, RT_ERR_FORMAT, path, 1, "the column '%s' is there twice", COLUMNS[c].name);
            seen[c] = true;
            (*ret_which)[n] = c;
        }
        n++;
    }
    for (int c = 0; c < N_NEEDED; c++)
        if (!seen[c]) {
            rt_fail(err, RT_ERR_FORMAT, path, 1, "the column '%s' is missing", COLUMNS[c].name);
            return rt_hint(err,
                           "a table that 'rnatune score' wrote was expected: target, model, tm_align, tm_resid, rmsd ...");
        }
    *out_fields = n;
    return RT_OK;
}

static rt_status read_row(rt_score_table *table, piece line, const int *which, int64_t n, const char *path,
                          int64_t number,
                          rt_err *err)
{
    const char *at = line.text, *end = line.text + line.length;
    rt_score_row row;
    int64_t i = 0;
    piece p;
    rt_score_row_init(&row);
    for (; next_piece(&at, end, '\t', &p); i++) {
        if (i < n && (which[i] < 0 || read_value(&row, &COLUMNS[which[i]], p))) continue;
        if (i >= n) continue;
        rt_fail(err, RT_ERR_FORMAT, path, number, "%s: '%.*s' is %s", COLUMNS[which[i]].name,
                (int)(p.length < 60 ? p.length : 60), p.text,
                COLUMNS[which[i]].kind == TEXT ? "too long" : COLUMNS[which[i]].kind == REAL ? "no number"
                    : "no count");
        if (err) err->column = p.text - line.text + 1;
        return RT_ERR_FORMAT;
    }
    if (i != n)
        return rt_fail(err, RT_ERR_FORMAT, path, number, "%lld fields, but the header has %lld", (long long)i,
                       (long long)n);
    return rt_score_table_add(table, &row, err);
}

rt_status rt_score_table_load(rt_score_table *out_table, const char *path, rt_err *err)
{
    rt_status status = RT_OK;
    rt_map map;
    int *which = NULL;
    int64_t n_field = 0, number = 0;
    piece line;
    *out_table = (rt_score_table){0};
    RT_TRY(rt_map_open(&map, path, err));
    const char *at = (const char *)map.data, *end = at + map.size;
    while (at < end && next_piece(&at, end, '\n', &line)) {
        number++;
        if (line.length && line.text[line.length - 1] == '\r') line.length--;
        if (line.length == 0) continue;
        if (!which) status = read_header(line, &which, &n_field, path, err);
        else status = read_row(out_table, line, which, n_field, path, number, err);
        if (status != RT_OK) break;
    }
    if (status == RT_OK && !which) status = rt_fail(err, RT_ERR_FORMAT, path, 0, "the file is empty");
    rt_map_close(&map);
done:
    free(which);
    if (status != RT_OK) rt_score_table_free_members(out_table);
    return status;
}

json_t *rt_score_table_json(const rt_score_table *table)
{
    json_t *rows = json_array();
    for (int64_t r = 0; r < table->n_row && rows; r++) {
        json_t *object = json_object();
        for (int c = 0; c < N_COLUMNS; c++) {
            const column *of = &COLUMNS[c];
            const rt_score_row *row = &table->row[r];
            json_t *value;
            if (of->kind == TEXT) value = *text_of(row, of) ? json_string_nocheck(text_of(row, of)) : json_null();
            else if (of->kind == REAL) value = rt_json_number(*real_of(row, of));
            else value = *count_of(row, of) >= 0 ? json_integer(*count_of(row, of)) : json_null();
            json_object_set_new(object, of->name, value);
        }
        json_array_append_new(rows, object);
    }
    return rows;
}
