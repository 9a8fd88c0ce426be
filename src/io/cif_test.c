/* cif_test.c - CIF's grammar, its errors with their places, and real files */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "io/cif.h"

static rt_cif *open_text(const char *text)
{
    rt_cif *cif = NULL;
    rt_err err;
    if (rt_cif_open(&cif, text, (int64_t)strlen(text), "t.cif", &err) != RT_OK) {
        char line[2048];
        rt_err_print(&err, line, sizeof line);
        fail_msg("%s", line);
    }
    return cif;
}

static void check_value(rt_cif_value value, rt_cif_kind kind, const char *text)
{
    assert_int_equal(value.kind, kind);
    assert_int_equal(value.length, strlen(text));
    assert_memory_equal(value.text, text, strlen(text));
}

static void check_item(const rt_cif *cif, int64_t block, const char *category, const char *item, int64_t row,
                       rt_cif_kind kind, const char *text)
{
    rt_cif_table table;
    assert_true(rt_cif_find(&table, cif, block, category));
    int64_t column = rt_cif_column(&table, item);
    assert_true(column >= 0);
    assert_true(row < table.n_row);
    check_value(rt_cif_get(&table, row, column), kind, text);
}

static void pairs_loops_and_blocks_become_tables(void **state)
{
    (void)state;
    rt_cif *cif = open_text("# head\ndata_one\n_cell.a 1.5\n_entry.id X\n_CELL.B 'two words'\n"
                            "loop_\n_s.id\n_s.Name # why\n1 a\n2\tb 3\r\nc\n"
                            "data_two\n_cell.a 7 LOOP_ _e.x\ndata_\n_l.q ?");
    assert_int_equal(rt_cif_block_count(cif), 3);
    check_value(rt_cif_block_name(cif, 0), RT_CIF_BARE, "one");
    check_value(rt_cif_block_name(cif, 2), RT_CIF_BARE, "");
    check_item(cif, 0, "_cell", "a", 0, RT_CIF_BARE, "1.5");
    check_item(cif, 0, "_Cell", "b", 0, RT_CIF_QUOTED, "two words");   /* behind another category; case is ignored */
    check_item(cif, 0, "_s", "name", 2, RT_CIF_BARE, "c");
    check_item(cif, 0, "_s", "id", 1, RT_CIF_BARE, "2");
    check_item(cif, 1, "_cell", "a", 0, RT_CIF_BARE, "7");
    rt_cif_table table;
    assert_true(rt_cif_find(&table, cif, 0, "_s"));
    assert_int_equal(table.n_row, 3);
    assert_int_equal(rt_cif_column(&table, "nothing"), -1);
    assert_true(rt_cif_is_null(rt_cif_get(&table, 0, -1)));
    assert_true(rt_cif_find(&table, cif, 1, "_e"));
    assert_int_equal(table.n_row, 0);
    assert_false(rt_cif_find(&table, cif, 1, "_s"));
    assert_false(rt_cif_find(&table, cif, 1, "_cell.a"));
    assert_int_equal(rt_cif_column(&table, "x"), rt_cif_column(&table, "X"));
    rt_cif_close(cif);
}

static void quotes_end_only_before_a_blank(void **state)
{
    (void)state;
    rt_cif *cif = open_text("data_x\n_a.p 'O5''\n_a.q \"C1'\"\n_a.r ''\n_a.s 'it's # here'\n_a.t \"'\"\n"
                            "_a.u a'b\"c#d;e\n"
                            "_a.v '?'\n_a.w ?\n_a.x .\n_a.y [1]\n_a.z 'end'");
    check_item(cif, 0, "_a", "p", 0, RT_CIF_QUOTED, "O5'");
    check_item(cif, 0, "_a", "q", 0, RT_CIF_QUOTED, "C1'");
    check_item(cif, 0, "_a", "r", 0, RT_CIF_QUOTED, "");
    check_item(cif, 0, "_a", "s", 0, RT_CIF_QUOTED, "it's # here");
    check_item(cif, 0, "_a", "t", 0, RT_CIF_QUOTED, "'");
    check_item(cif, 0, "_a", "u", 0, RT_CIF_BARE, "a'b\"c#d;e");
    check_item(cif, 0, "_a", "y", 0, RT_CIF_BARE, "[1]");
    check_item(cif, 0, "_a", "z", 0, RT_CIF_QUOTED, "end");
    rt_cif_table table;
    assert_true(rt_cif_find(&table, cif, 0, "_a"));
    assert_false(rt_cif_is_null(rt_cif_get(&table, 0, rt_cif_column(&table, "v"))));
    assert_true(rt_cif_is_null(rt_cif_get(&table, 0, rt_cif_column(&table, "w"))));
    assert_true(rt_cif_is_null(rt_cif_get(&table, 0, rt_cif_column(&table, "x"))));
    assert_true(rt_cif_equals(rt_cif_get(&table, 0, rt_cif_column(&table, "q")), "C1'"));
    assert_false(rt_cif_equals(rt_cif_get(&table, 0, rt_cif_column(&table, "w")), "?"));
    rt_cif_close(cif);
}

static void text_fields_keep_their_lines(void **state)
{
    (void)state;
    rt_cif *cif = open_text("\xef\xbb\xbf" "data_x\n_a.p\n;first\n second 'x' # no comment\n;\n"
                            "_a.q\r\n;one\r\n;\r\n_a.r ;bare\n_a.s\n;\n;\n_a.t\n;a\n b;c\n ;\n;");
    check_item(cif, 0, "_a", "p", 0, RT_CIF_FIELD, "first\n second 'x' # no comment");
    check_item(cif, 0, "_a", "q", 0, RT_CIF_FIELD, "one");
    check_item(cif, 0, "_a", "r", 0, RT_CIF_BARE, ";bare");   /* not at the start of a line */
    check_item(cif, 0, "_a", "s", 0, RT_CIF_FIELD, "");
    check_item(cif, 0, "_a", "t", 0, RT_CIF_FIELD, "a\n b;c\n ;");
    rt_cif_close(cif);
}

static void numbers_are_whole_values(void **state)
{
    (void)state;
    rt_cif *cif = open_text("data_x loop_ _n.v 1.25(3) -7 1e3 0x10 . '12' 1.5A 1.25() 1.2(a) (3) nan "
                            "99999999999999999999");
    static const struct { bool is_double, is_int; double number; } WANT[] = {
        {true, false, 1.25}, {true, true, -7}, {true, false, 1000}, {false, false, 0}, {false, false, 0},
        {true, true, 12}, {false, false, 0}, {false, false, 0}, {false, false, 0}, {false, false, 0},
        {false, false, 0}, {true, false, 1e20}};
    rt_cif_table table;
    assert_true(rt_cif_find(&table, cif, 0, "_n"));
    assert_int_equal(table.n_row, sizeof WANT / sizeof *WANT);
    for (int64_t row = 0; row < table.n_row; row++) {
        double number = 0;
        int64_t whole = 0;
        rt_cif_value value = rt_cif_get(&table, row, rt_cif_column(&table, "v"));
        assert_int_equal(rt_cif_parse_double(value, &number), WANT[row].is_double);
        assert_true(number == WANT[row].number);
        assert_int_equal(rt_cif_parse_int(value, &whole), WANT[row].is_int);
        if (WANT[row].is_int) assert_true((double)whole == WANT[row].number);
    }
    char text[5];
    assert_true(rt_cif_copy(text, sizeof text, rt_cif_get(&table, 2, rt_cif_column(&table, "v"))));
    assert_string_equal(text, "1e3");
    assert_false(rt_cif_copy(text, sizeof text, rt_cif_get(&table, 0, rt_cif_column(&table, "v"))));
    assert_string_equal(text, "");
    assert_false(rt_cif_copy(text, 3, rt_cif_get(&table, 2, rt_cif_column(&table, "v"))));   /* no room for the NUL */
    rt_err err;
    double number;
    assert_int_equal(rt_cif_need_double(&number, &table, 6, rt_cif_column(&table, "v"), &err), RT_ERR_FORMAT);
    assert_non_null(strstr(err.what, "_n.v: '1.5A' is not a number"));
    rt_cif_close(cif);
}

static void errors_say_where(void **state)
{
    (void)state;
    static const struct { const char *text, *what; rt_status code; int line, column; } CASES[] = {
        {"", "no data block", RT_ERR_FORMAT, 1, 1},
        {"# only\n", "no data block", RT_ERR_FORMAT, 2, 1},
        {"hello", "data_<name> was expected", RT_ERR_FORMAT, 1, 1},
        {"_a.b 1", "data_<name> must come before", RT_ERR_FORMAT, 1, 1},
        {"data_x\n_a.b 1 2", "a value without a tag", RT_ERR_FORMAT, 2, 8},
        {"data_x\n\n  _a.b\n_a.c 1", "_a.b has no value", RT_ERR_FORMAT, 3, 3},
        {"data_x\n_a.b", "_a.b has no value", RT_ERR_FORMAT, 2, 1},
        {"data_x\nloop_\n1", "loop_ without a tag", RT_ERR_FORMAT, 2, 1},
        {"data_x\nloop_ _a.b _a.c 1 2 3", "2 columns and 3 values", RT_ERR_FORMAT, 2, 1},
        {"data_x\n_a.b 1\n_A.B 2", "_A.B is given twice", RT_ERR_FORMAT, 3, 1},
        {"data_x loop_ _a.b 1 loop_ _a.c 2", "the category _a is given twice", RT_ERR_FORMAT, 1, 27},
        {"data_x\n_a.b 1 loop_ _a.c 2", "the category _a is given twice", RT_ERR_FORMAT, 2, 14},
        {"data_x\nloop_ _a.b 1\n_a.c 2", "the category _a is given twice", RT_ERR_FORMAT, 3, 1},
        {"data_x\nloop_ _a.b _c.d 1 2", "two categories", RT_ERR_FORMAT, 2, 12},
        {"data_x\nloop_ _a.b _a.b 1 2", "_a.b is given twice", RT_ERR_FORMAT, 2, 12},
        {"data_x\n_a.b 'open\n'", "quote ' is not closed", RT_ERR_FORMAT, 2, 6},
        {"data_x\n_a.b \"open", "quote \" is not closed", RT_ERR_FORMAT, 2, 6},
        {"data_x\n_a.b\n;open\n", "text field is not closed", RT_ERR_FORMAT, 3, 1},
        {"data_x\n_a.b\n;x\n;y", "blank must follow", RT_ERR_FORMAT, 4, 2},
        {"data_x\n_a.b a\x01", "byte 0x01", RT_ERR_FORMAT, 2, 7},
        {"data_x\n_a.b 'a\x0b'", "byte 0x0b", RT_ERR_FORMAT, 2, 8},
        {"data_x\n_a.b $f", "must be quoted", RT_ERR_FORMAT, 2, 6},
        {"data_x\nglobal_", "global_", RT_ERR_FORMAT, 2, 1},
        {"data_x\nsave_frame _a.b 1", "save_", RT_ERR_UNSUPPORTED, 2, 1},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        rt_cif *cif = (rt_cif *)1;
        rt_err err;
        int64_t size = (int64_t)strlen(CASES[i].text);
        assert_int_equal(rt_cif_open(&cif, CASES[i].text, size, "t.cif", &err), CASES[i].code);
        assert_null(cif);
        assert_int_equal(err.code, CASES[i].code);
        if (!strstr(err.what, CASES[i].what)) fail_msg("'%s' was expected, not '%s'", CASES[i].what, err.what);
        if (err.line != CASES[i].line || err.column != CASES[i].column)
            fail_msg("%s: %d:%d was expected, not %d:%d", err.what, CASES[i].line, CASES[i].column, (int)err.line,
                     (int)err.column);
        assert_string_equal(err.file, "t.cif");
    }
    rt_cif *cif;
    rt_err err;
    assert_int_equal(rt_cif_open(&cif, "\x1f\x8b\x08", 3, "t.cif.gz", &err), RT_ERR_FORMAT);
    assert_non_null(strstr(err.hint, "gunzip"));
    assert_int_equal(rt_cif_load(&cif, "/nonexistent/x.cif", &err), RT_ERR_IO);
}

/* Many names: the table of names grows, and each is still found in its own block. */
static void many_names_are_found(void **state)
{
    (void)state;
    rt_text text = {0};
    for (int block = 0; block < 3; block++) {
        rt_text_add(&text, "data_b%d\n", block);
        for (int i = 0; i < 500; i++) rt_text_add(&text, "_c%d.i%d %d\n", i % 50, i, 1000 * block + i);
    }
    rt_cif *cif = open_text(text.data);
    for (int block = 0; block < 3; block++)
        for (int i = 0; i < 500; i++) {
            char category[16], item[16];
            int64_t number;
            rt_cif_table table;
            rt_err err;
            snprintf(category, sizeof category, "_C%d", i % 50);
            snprintf(item, sizeof item, "I%d", i);
            assert_true(rt_cif_find(&table, cif, block, category));
            assert_int_equal(rt_cif_need_int(&number, &table, 0, rt_cif_column(&table, item), &err), RT_OK);
            assert_int_equal(number, 1000 * block + i);
        }
    rt_cif_close(cif);
    rt_text_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_loops_and_blocks_become_tables),
        cmocka_unit_test(quotes_end_only_before_a_blank),
        cmocka_unit_test(text_fields_keep_their_lines),
        cmocka_unit_test(numbers_are_whole_values),
        cmocka_unit_test(errors_say_where),
        cmocka_unit_test(many_names_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
