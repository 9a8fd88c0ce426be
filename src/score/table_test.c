#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "io/test_files.h"
#include "score/table.h"

static void what_was_written_reads_back(void **state)
{
    (void)state;
    rt_score_table table = {0}, back;
    rt_score_row row;
    rt_text text = {0}, again = {0};
    rt_err err;
    rt_score_row_init(&row);
    strcpy(row.target, "R1107");
    strcpy(row.model, "a\tb");
    row.tm_align = 0.123456;
    row.tm_resid = 1;
    row.rmsd = 0.0004;
    row.n_native = 69;
    assert_int_equal(rt_score_table_add(&table, &row, &err), RT_OK);
    rt_score_table_print(&text, &table);
    assert_non_null(strstr(text.data, "\nR1107\ta b\t0.12346\t1.00000\t0.000\tNA\tNA\t69\t"));
    assert_true(strncmp(text.data, "target\tmodel\ttm_align\ttm_resid\trmsd\td0\t", 38) == 0);
    assert_int_equal(rt_score_table_load(&back, test_file("t.tsv", text.data), &err), RT_OK);
    assert_int_equal(back.n_row, 1);
    assert_string_equal(back.row[0].model, "a b");
    assert_true(isnan(back.row[0].clash));
    assert_int_equal(back.row[0].n_model, -1);
    assert_string_equal(back.row[0].native, "");
    rt_score_table_print(&again, &back);
    assert_string_equal(text.data, again.data);
    json_t *json = rt_score_table_json(&back);
    assert_true(json_is_null(json_object_get(json_array_get(json, 0), "clash")));
    assert_int_equal(json_integer_value(json_object_get(json_array_get(json, 0), "n_native")), 69);
    json_decref(json);
    rt_text_free(&text);
    rt_text_free(&again);
    rt_score_table_free_members(&table);
    rt_score_table_free_members(&back);
}

static void columns_are_found_by_name(void **state)
{
    (void)state;
    rt_score_table table;
    rt_err err;
    const char *path = test_file("o.tsv", "rmsd\tmodel\tother\ttarget\ttm_resid\ttm_align\r\n3.5\t1\tx\tT\t0.5\t\r\n");
    assert_int_equal(rt_score_table_load(&table, path, &err), RT_OK);
    assert_int_equal(table.n_row, 1);
    assert_true(table.row[0].rmsd == 3.5 && table.row[0].tm_resid == 0.5 && isnan(table.row[0].tm_align));
    assert_string_equal(table.row[0].target, "T");
    rt_score_table_free_members(&table);
}

static void bad_tables_are_refused_with_their_place(void **state)
{
    (void)state;
    static const struct { const char *text, *what; int line; } CASES[] = {
        {"", "the file is empty", 0},
        {"target\tmodel\ttm_align\ttm_resid\n", "the column 'rmsd' is missing", 1},
        {"target\tmodel\ttm_align\ttm_resid\trmsd\trmsd\n", "is there twice", 1},
        {"target\tmodel\ttm_align\ttm_resid\trmsd\nT\t1\tx\t1\t1\n", "tm_align: 'x' is no number", 2},
        {"target\tmodel\ttm_align\ttm_resid\trmsd\trank\nT\t1\t1\t1\t1\t1.5\n", "rank: '1.5' is no count", 2},
        {"target\tmodel\ttm_align\ttm_resid\trmsd\nT\t1\t1\t1\n", "4 fields, but the header has 5", 2},
        {"target\tmodel\ttm_align\ttm_resid\trmsd\nT\t1\t1\t1\t1\t1\n", "6 fields, but the header has 5", 2},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        rt_score_table table;
        rt_err err;
        assert_int_equal(rt_score_table_load(&table, test_file("b.tsv", CASES[i].text), &err), RT_ERR_FORMAT);
        if (!strstr(err.what, CASES[i].what)) fail_msg("'%s' lacks '%s'", err.what, CASES[i].what);
        assert_int_equal(err.line, CASES[i].line);
        assert_null(table.row);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_reads_back),
        cmocka_unit_test(columns_are_found_by_name),
        cmocka_unit_test(bad_tables_are_refused_with_their_place),
    };
    (void)test_stderr_begin;
    (void)test_stderr_end;
    (void)test_shared;
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
