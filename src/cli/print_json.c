#define _GNU_SOURCE
#include "cli/print_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"

rt_status rt_print_json(const json_t *json, rt_err *err)
{
    char *text = rt_json_print(json, err);
    if (!text) return RT_ERR_MEMORY;
    fputs(text, stdout);
    free(text);
    return RT_OK;
}

enum { MOST_COLUMNS = 32 };

static json_t *cell(const char *text, int64_t length, bool is_number)
{
    double value;
    if (length == 1 && *text == '-') return json_null();
    if (!is_number) return json_stringn(text, (size_t)length);
    if (!rt_parse_double(text, length, &value)) return json_null();
    return memchr(text, '.', (size_t)length) || memchr(text, 'e', (size_t)length) ? json_real(value)
                                                                                  : json_integer((json_int_t)value);
}

/* The pieces of a line between tabs; how many. */
static int split(const char **out_start, int64_t *out_length, const char *line, const char *end)
{
    int n = 0;
    while (n < MOST_COLUMNS) {
        const char *tab = memchr(line, '\t', (size_t)(end - line));
        out_start[n] = line;
        out_length[n++] = (tab ? tab : end) - line;
        if (!tab) break;
        line = tab + 1;
    }
    return n;
}

rt_status rt_print_table_json(const char *table, const char *const *numbers, rt_err *err)
{
    const char *name[MOST_COLUMNS], *start[MOST_COLUMNS];
    int64_t name_length[MOST_COLUMNS], length[MOST_COLUMNS];
    bool is_number[MOST_COLUMNS] = {false};
    int n_name = 0;
    json_t *rows = json_array();
    for (const char *line = table, *end; *line; line = *end ? end + 1 : end) {
        end = strchrnul(line, '\n');
        int n = split(n_name ? start : name, n_name ? length : name_length, line, end);
        if (!n_name) {
            n_name = n;
            for (int k = 0; k < n; k++)
                for (int m = 0; numbers[m]; m++)
                    is_number[k] |=
                        !strncmp(numbers[m], name[k], (size_t)name_length[k]) && !numbers[m][name_length[k]];
            continue;
        }
        json_t *row = json_object();
        for (int k = 0; k < n && k < n_name; k++) {
            char key[64];
            snprintf(key, sizeof key, "%.*s", (int)name_length[k], name[k]);
            json_object_set_new(row, key, cell(start[k], length[k], is_number[k]));
        }
        json_array_append_new(rows, row);
    }
    rt_status status = rt_print_json(rows, err);
    json_decref(rows);
    return status;
}
