/* notebook_test.c - the notebook from its template, and settings read back from it, changed by hand or not */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/status.h"
#include "ship/notebook.h"

static json_t *build(void)
{
    rt_err err;
    json_t *notebook, *values = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:n, s:[ss], s:s, s:[], s:n}", "TITLE", "A title", "DATASET_ID", "anna/rna",
        "VERSION", "1.2", "DATASET", "rna", "MANIFEST_SHA256", "00ff", "SEQUENCES", "c/s.csv", "SAMPLE", "c/sample.csv", "MSA",
        "c/M \"S\" A", "TEMPLATES", "POOL", "a/b", "c/d", "TIME_BUDGET", "8h", "PREDICT", "SELECT");
    assert_non_null(values);
    assert_int_equal(rt_notebook_build(&notebook, values, &err), RT_OK);
    json_decref(values);
    return notebook;
}

static void built(void **state)
{
    (void)state;
    json_t *notebook = build();
    char *text = json_dumps(notebook, 0);
    assert_int_equal(json_integer_value(json_object_get(notebook, "nbformat")), 4);
    assert_true(json_array_size(json_object_get(notebook, "cells")) > 10);
    assert_null(strstr(text, "# %%"));
    assert_non_null(strstr(text, "# A title"));         /* in a text cell as it stands */
    assert_non_null(strstr(text, "`anna/rna`"));
    const json_t *cell;
    size_t i, k;
    json_array_foreach(json_object_get(notebook, "cells"), i, cell) {
        const json_t *source = json_object_get(cell, "source"), *line;
        assert_true(json_array_size(source) > 0);
        json_array_foreach((json_t *)source, k, line) {   /* every line but a cell's last one ends, and none is left open */
            const char *one = json_string_value(line), *end = strchr(one, '\n');
            assert_true(k + 1 < json_array_size(source) ? end && !end[1] : !end);
            const char *mark = strchr(one, '@');
            assert_true(!mark || strspn(mark + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_256") == 0);
        }
        assert_int_equal(strcmp(json_string_value(json_object_get(cell, "cell_type")), "code") == 0,
                         json_object_get(cell, "outputs") != NULL);
    }
    assert_null(rt_notebook_internet(notebook));
    free(text);
    json_decref(notebook);
}

static void assert_setting(const json_t *notebook, const char *name, const char *expected)
{
    json_t *value = rt_notebook_setting(notebook, name);
    char *text = value ? json_dumps(value, JSON_ENCODE_ANY) : NULL;
    if (expected) assert_string_equal(text ? text : "nothing", expected);
    else assert_null(value);
    free(text);
    json_decref(value);
}

static void settings(void **state)
{
    (void)state;
    json_t *notebook = build();
    assert_setting(notebook, "DATASET", "\"rna\"");
    assert_setting(notebook, "MSA", "\"c/M \\\"S\\\" A\"");
    assert_setting(notebook, "TEMPLATES", "null");
    assert_setting(notebook, "POOL", "[\"a/b\", \"c/d\"]");
    assert_setting(notebook, "PREDICT", "[]");
    assert_setting(notebook, "NOTHING", NULL);
    json_decref(notebook);
}

/* One code cell whose source is a text, or a list of lines. */
static json_t *by_hand(const char *source, bool list)
{
    return json_pack("{s:[{s:s, s:s}, {s:s, s:o}]}", "cells", "cell_type", "markdown", "source", "MSA = \"no\" pip install",
                     "cell_type", "code", "source", list ? json_pack("[s]", source) : json_string(source));
}

static void changed(void **state)
{
    (void)state;
    for (int list = 0; list < 2; list++) {
        json_t *notebook = by_hand("MSA=\"a/b\"   # mine\n", list);
        assert_setting(notebook, "MSA", "\"a/b\"");
        assert_null(rt_notebook_internet(notebook));
        json_decref(notebook);
        notebook = by_hand("MSA = Path(x)", list);
        assert_setting(notebook, "MSA", NULL);
        json_decref(notebook);
        notebook = by_hand("MSA == 3", list);
        assert_setting(notebook, "MSA", NULL);
        json_decref(notebook);
        notebook = by_hand("  # pip install is not needed", list);
        assert_null(rt_notebook_internet(notebook));
        json_decref(notebook);
        notebook = by_hand("  !pip install torch", list);
        assert_non_null(rt_notebook_internet(notebook));
        json_decref(notebook);
    }
    json_t *notebook = by_hand("import os\nMSA = None\nx = 'https://a'\n", false);
    assert_setting(notebook, "MSA", "null");
    assert_string_equal(rt_notebook_internet(notebook), "x = 'https://a'\n");
    json_decref(notebook);
    notebook = json_pack("{s:[{}, {s:s}, {s:s, s:i}]}", "cells", "cell_type", "code", "cell_type", "code", "source", 3);
    assert_setting(notebook, "MSA", NULL);
    assert_null(rt_notebook_internet(notebook));
    json_decref(notebook);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(built), cmocka_unit_test(settings), cmocka_unit_test(changed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
