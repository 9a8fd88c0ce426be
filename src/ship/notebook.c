#include "ship/notebook.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/embed.h"
#include "base/text.h"

/* The template is part of the program. */
RT_EMBED(rt_notebook_template, "data/kaggle/notebook.py");

static const char CELL[] = "# %%", TEXT_CELL[] = "# %% [markdown]";

/* A value as Python writes it. */
static rt_status add_literal(rt_text *out, const json_t *value, rt_err *err)
{
    if (json_is_null(value)) {
        rt_text_add(out, "None");
        return RT_OK;
    }
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
    if (!text) return rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory for the notebook");
    rt_text_add(out, "%s", text);
    free(text);
    return RT_OK;
}

/* One line of the template with its values. */
static rt_status fill_line(rt_text *out, const char *line, int64_t length, const json_t *values, bool code, rt_err *err)
{
    rt_status status = RT_OK;
    const char *end = line + length;
    rt_text_clear(out);
    while (line < end) {
        char name[64];
        int n = 0;
        while (line[0] == '@' && n < 63 && (isupper((unsigned char)line[1 + n]) || line[1 + n] == '_' ||
                                            isdigit((unsigned char)line[1 + n]))) n++;
        if (n == 0 || line[1 + n] != '@') {
            rt_text_add_bytes(out, line++, 1);
            continue;
        }
        snprintf(name, sizeof name, "%.*s", n, line + 1);
        const json_t *value = json_object_get(values, name);
        if (!value) RT_BUG("the notebook's template wants @%s@", name);
        if (code) RT_TRY(add_literal(out, value, err));
        else rt_text_add(out, "%s", json_string_value(value));
        line += n + 2;
    }
    if (out->failed) status = rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory for the notebook");
done:
    return status;
}

static json_t *new_cell(json_t *cells, bool code)
{
    json_t *cell = json_pack("{s:s, s:{}, s:[]}", "cell_type", code ? "code" : "markdown", "metadata", "source");
    if (code) {
        json_object_set_new(cell, "execution_count", json_null());
        json_object_set_new(cell, "outputs", json_array());
    }
    json_array_append_new(cells, cell);
    return cell;
}

/* The last line of a cell has no end, as editors write it, and blank lines before it go. */
static void close_cell(json_t *cell)
{
    json_t *source = json_object_get(cell, "source");
    size_t n = json_array_size(source);
    while (n > 0 && strcmp(json_string_value(json_array_get(source, n - 1)), "\n") == 0) json_array_remove(source, --n);
    if (n == 0) return;
    const char *last = json_string_value(json_array_get(source, n - 1));
    json_array_set_new(source, n - 1, json_stringn(last, strlen(last) - 1));
}

rt_status rt_notebook_build(json_t **ret_notebook, const json_t *values, rt_err *err)
{
    rt_status status = RT_OK;
    rt_text filled = {0};
    json_t *cells = json_array(), *cell = NULL;
    bool code = true;
    const char *at = rt_notebook_template;
    *ret_notebook = NULL;
    while (at < rt_notebook_template_end) {
        const char *end = memchr(at, '\n', (size_t)(rt_notebook_template_end - at));
        int64_t length = (end ? end : rt_notebook_template_end) - at;
        if (strncmp(at, CELL, sizeof CELL - 1) == 0) {
            code = strncmp(at, TEXT_CELL, sizeof TEXT_CELL - 1) != 0;
            close_cell(cell);
            cell = new_cell(cells, code);
        } else {
            int64_t skip = code ? 0 : length > 1 ? 2 : length;   /* "# " */
            RT_TRY(fill_line(&filled, at + skip, length - skip, values, code, err));
            rt_text_add(&filled, "\n");
            json_array_append_new(json_object_get(cell, "source"), json_string(filled.data));
        }
        at += length + 1;
    }
    close_cell(cell);
    *ret_notebook = json_pack("{s:O, s:{s:{s:s, s:s, s:s}, s:{s:s}}, s:i, s:i}", "cells", cells, "metadata", "kernelspec",
                              "display_name", "Python 3", "language", "python", "name", "python3", "language_info", "name",
                              "python", "nbformat", 4, "nbformat_minor", 4);
    if (!*ret_notebook) status = rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory for the notebook");
done:
    json_decref(cells);
    rt_text_free(&filled);
    return status;
}

/* ---- a notebook as it stands ---- */

/* Calls `use` with every line of code until it returns true; a cell's source is a text or a list of texts. */
static const char *find_line(const json_t *notebook, bool (*use)(const char *line, void *argument), void *argument)
{
    const json_t *cell, *line;
    size_t i, k;
    json_array_foreach(json_object_get(notebook, "cells"), i, cell) {
        const char *type = json_string_value(json_object_get(cell, "cell_type"));
        const json_t *source = json_object_get(cell, "source");
        if (!type || strcmp(type, "code") != 0) continue;
        json_array_foreach((json_t *)(uintptr_t)source, k, line)
            if (json_is_string(line) && use(json_string_value(line), argument)) return json_string_value(line);
        for (const char *at = json_is_string(source) ? json_string_value(source) : NULL; at; at = strchr(at, '\n')) {
            at += *at == '\n';
            if (use(at, argument)) return at;
        }
    }
    return NULL;
}

static bool is_setting(const char *line, void *argument)
{
    const char *name = argument;
    size_t length = strlen(name);
    if (strncmp(line, name, length) != 0) return false;
    line += length;
    line += strspn(line, " ");
    return line[0] == '=' && line[1] != '=';
}

json_t *rt_notebook_setting(const json_t *notebook, const char *name)
{
    const char *line = find_line(notebook, is_setting, (void *)(uintptr_t)name);
    if (!line) return NULL;
    line = strchr(line, '=') + 1;
    line += strspn(line, " ");
    if (strncmp(line, "None", 4) == 0) return json_null();
    /* what follows the value, a remark, is not read */
    return json_loads(line, JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK, NULL);
}

static bool wants_internet(const char *line, void *argument)
{
    static const char *const WORDS[] = {"http://", "https://", "ftp://", "pip install", "conda install", "wget ", "curl ",
                                        "git clone", "apt-get", "urllib", "requests."};
    char code[4096];
    (void)argument;
    line += strspn(line, " \t");
    if (*line == '#') return false;
    snprintf(code, sizeof code, "%.*s", (int)strcspn(line, "\n"), line);
    for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++)
        if (strstr(code, WORDS[i])) return true;
    return false;
}

const char *rt_notebook_internet(const json_t *notebook) { return find_line(notebook, wants_internet, NULL); }
