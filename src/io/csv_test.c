/* csv_test.c - tables as people and programs write them */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "io/csv.h"

static rt_err err;

static rt_csv *open_text(const char *text)
{
    rt_csv *csv = NULL;
    if (rt_csv_open_memory(&csv, "t.csv", text, (int64_t)strlen(text), &err) != RT_OK) return NULL;
    return csv;
}

static bool next(rt_csv *csv)
{
    bool more;
    assert_int_equal(rt_csv_next(csv, &more, &err), RT_OK);
    return more;
}

/* The first error in the rows; fails when there is none. */
static void expect_error(const char *text, int64_t line, const char *word)
{
    bool more = true;
    rt_status status = RT_OK;
    rt_csv *csv = open_text(text);
    if (!csv) status = err.code;
    while (status == RT_OK && more) status = rt_csv_next(csv, &more, &err);
    assert_int_equal(status, RT_ERR_FORMAT);
    assert_true(!csv || !more);
    assert_int_equal(err.line, line);
    assert_string_equal(err.file, "t.csv");
    if (!strstr(err.what, word)) fail_msg("'%s' lacks '%s'", err.what, word);
    rt_csv_close(csv);
}

static void plain_rows(void **state)
{
    (void)state;
    rt_csv *csv = open_text("target_id,sequence,n\nA,GGCC,4\nB,,-1\n");
    int64_t id, sequence, n, value;
    assert_int_equal(rt_csv_columns(csv), 3);
    assert_int_equal(rt_csv_require(csv, &id, "target_id", &err), RT_OK);
    assert_int_equal(rt_csv_require(csv, &sequence, "sequence", &err), RT_OK);
    assert_int_equal(rt_csv_require(csv, &n, "n", &err), RT_OK);
    assert_true(next(csv));
    assert_string_equal(rt_csv_text(csv, id), "A");
    assert_string_equal(rt_csv_text(csv, sequence), "GGCC");
    assert_int_equal(rt_csv_int(csv, n, &value, &err), RT_OK);
    assert_int_equal(value, 4);
    assert_int_equal(rt_csv_line(csv), 2);
    assert_true(next(csv));
    assert_true(rt_csv_missing(csv, sequence));
    assert_int_equal(rt_csv_length(csv, sequence), 0);
    assert_int_equal(rt_csv_int(csv, n, &value, &err), RT_OK);
    assert_int_equal(value, -1);
    assert_false(next(csv));
    assert_false(next(csv));
    rt_csv_rewind(csv);
    assert_true(next(csv));
    assert_string_equal(rt_csv_text(csv, id), "A");
    assert_int_equal(rt_csv_line(csv), 2);
    rt_csv_close(csv);
}

static void quotes_line_ends_and_mark(void **state)
{
    (void)state;
    rt_csv *csv = open_text("\xEF\xBB\xBF\"id\", text \r\n\"a\"\"b\",\"x,\r\ny\nz\"\r\n\r\n\n,\"\"\r5' cap,in\"side");
    assert_int_equal(rt_csv_columns(csv), 2);
    assert_string_equal(rt_csv_column(csv, 0), "id");
    assert_string_equal(rt_csv_column(csv, 1), "text");
    assert_true(next(csv));
    assert_string_equal(rt_csv_text(csv, 0), "a\"b");
    assert_string_equal(rt_csv_text(csv, 1), "x,\r\ny\nz");
    assert_int_equal(rt_csv_line(csv), 2);
    assert_true(next(csv));
    assert_int_equal(rt_csv_line(csv), 7);
    assert_string_equal(rt_csv_text(csv, 0), "");
    assert_string_equal(rt_csv_text(csv, 1), "");
    assert_true(next(csv));
    assert_int_equal(rt_csv_line(csv), 8);
    assert_string_equal(rt_csv_text(csv, 0), "5' cap");
    assert_string_equal(rt_csv_text(csv, 1), "in\"side");
    assert_false(next(csv));
    rt_csv_close(csv);
}

static void numbers(void **state)
{
    (void)state;
    rt_csv *csv = open_text("a,b,c,d,e,f\n 1.5 ,NaN,-inf,3.0,x,\n");
    double value;
    int64_t whole;
    assert_true(next(csv));
    assert_int_equal(rt_csv_double(csv, 0, &value, &err), RT_OK);
    assert_true(value == 1.5);
    assert_int_equal(rt_csv_double(csv, 1, &value, &err), RT_OK);
    assert_true(isnan(value));
    assert_int_equal(rt_csv_double(csv, 2, &value, &err), RT_OK);
    assert_true(isinf(value) && value < 0);
    assert_int_equal(rt_csv_int(csv, 3, &whole, &err), RT_OK);
    assert_int_equal(whole, 3);
    assert_int_equal(rt_csv_int(csv, 0, &whole, &err), RT_ERR_FORMAT);
    assert_int_equal(rt_csv_double(csv, 4, &value, &err), RT_ERR_FORMAT);
    assert_int_equal(err.line, 2);
    assert_non_null(strstr(err.what, "'x'"));
    assert_non_null(strstr(err.what, "'e'"));
    assert_int_equal(rt_csv_double(csv, 5, &value, &err), RT_OK);
    assert_true(isnan(value));
    assert_int_equal(rt_csv_int(csv, 5, &whole, &err), RT_ERR_FORMAT);
    rt_csv_close(csv);
}

static void errors_say_where(void **state)
{
    (void)state;
    expect_error("a,b\n1,2\n3\n", 3, "1 fields");
    expect_error("a,b\n1,2\n3,4,5\n", 3, "3 fields");
    expect_error("a,b\n1,2\n\"x\n\n,4\n", 3, "never closed");
    expect_error("a,b\n1,\"2\"3\n", 2, "closing quote");
    expect_error("", 0, "empty");
    expect_error("\n\n", 0, "empty");
    rt_csv *csv = NULL;
    bool more;
    assert_int_equal(rt_csv_open_memory(&csv, "t.csv", "a,b\n1\0,2\n", 9, &err), RT_OK);
    assert_int_equal(rt_csv_next(csv, &more, &err), RT_ERR_FORMAT);
    assert_non_null(strstr(err.what, "NUL"));
    rt_csv_close(csv);
    assert_int_equal(rt_csv_open_memory(&csv, "t.csv", "a\n\"1\"\0\n", 7, &err), RT_OK);
    assert_int_equal(rt_csv_next(csv, &more, &err), RT_ERR_FORMAT);
    rt_csv_close(csv);
    assert_int_equal(rt_csv_open_memory(&csv, "t.csv", "\x1f\x8b\x08\0", 4, &err), RT_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.hint, "gunzip"));
    assert_int_equal(rt_csv_open(&csv, "/nonexistent/x.csv", &err), RT_ERR_IO);
    assert_null(csv);
}

static void columns_by_name(void **state)
{
    (void)state;
    rt_csv *csv = open_text("ID,resname,resid,x_1,x_1\n");
    int64_t column;
    assert_int_equal(rt_csv_find(csv, "resid"), 2);
    assert_int_equal(rt_csv_find(csv, "nothing"), -1);
    assert_int_equal(rt_csv_require(csv, &column, "resnam", &err), RT_ERR_FORMAT);
    assert_non_null(strstr(err.hint, "'resname'"));
    assert_int_equal(rt_csv_require(csv, &column, "x_1", &err), RT_ERR_FORMAT);
    assert_non_null(strstr(err.what, "twice"));
    assert_false(next(csv));
    rt_csv_close(csv);
}

static void many_columns_and_long_fields(void **state)
{
    (void)state;
    const int n = 3000;
    char *text = malloc(200000), *at = text;
    for (int i = 0; i < n; i++) at += sprintf(at, "c%d%c", i, i + 1 < n ? ',' : '\n');
    for (int i = 0; i < n; i++) at += sprintf(at, "%d%c", i * 7, i + 1 < n ? ',' : '\n');
    char *where = at;
    for (int i = 0; i + 1 < n; i++) *at++ = ',';
    *at++ = '"';
    memset(at, 'g', 50000);
    at += 50000;
    *at++ = '"';
    *at = 0;
    assert_true(at > where);
    rt_csv *csv = open_text(text);
    assert_int_equal(rt_csv_columns(csv), n);
    assert_true(next(csv));
    for (int i = 0; i < n; i++) {
        int64_t value;
        assert_int_equal(rt_csv_int(csv, i, &value, &err), RT_OK);
        assert_int_equal(value, i * 7);
    }
    assert_true(next(csv));
    assert_int_equal(rt_csv_length(csv, n - 1), 50000);
    assert_false(next(csv));
    rt_csv_close(csv);
    free(text);
}

static void a_real_file(void **state)
{
    (void)state;
    const char *shared = getenv("RT_SHARED") ? getenv("RT_SHARED") : "../shared";
    char path[4096];
    snprintf(path, sizeof path, "%s/golden/raw/submission_templates.csv", shared);
    if (!rt_file_exists(path)) {
        print_message("skip: %s is not here\n", path);
        skip();
    }
    rt_csv *csv;
    int64_t x3, rows = 0, missing = 0;
    double value;
    assert_int_equal(rt_csv_open(&csv, path, &err), RT_OK);
    assert_int_equal(rt_csv_require(csv, &x3, "x_3", &err), RT_OK);
    while (next(csv)) {
        assert_int_equal(rt_csv_double(csv, x3, &value, &err), RT_OK);
        missing += isnan(value);
        rows++;
    }
    assert_int_equal(rows, 4 + 30 + 76);
    assert_true(missing > 0 && missing < rows);
    rt_csv_close(csv);
}

/* Tabs separate, quotes and commas are characters. */
static void tabs(void **state)
{
    (void)state;
    rt_csv *csv;
    char path[] = "/tmp/rt_csvXXXXXX";
    close(mkstemp(path));
    const char text[] = "target\tnote\r\nA\t\"5' end\", cut\n\nB\t\n";
    assert_int_equal(rt_write_text(path, text, sizeof text - 1, &err), RT_OK);
    assert_int_equal(rt_csv_open_tsv(&csv, path, &err), RT_OK);
    assert_int_equal(rt_csv_find(csv, "note"), 1);
    assert_true(next(csv));
    assert_string_equal(rt_csv_text(csv, 1), "\"5' end\", cut");
    assert_true(next(csv));
    assert_string_equal(rt_csv_text(csv, 0), "B");
    assert_true(rt_csv_missing(csv, 1));
    assert_false(next(csv));
    rt_csv_close(csv);
    unlink(path);
}

/* 6 MB of rows of every kind, so that line ends and quotes fall on every side of the stream's window. */
static char *mixed_rows(int64_t *out_size)
{
    char *text = malloc(7 << 20), *at = text;
    uint32_t draw = 1;
    at += sprintf(at, "\xEF\xBB\xBF\r\nid,value,note\r\n");
    for (int row = 0; at - text < 6 << 20; row++) {
        draw = draw * 1664525 + 1013904223;
        at += sprintf(at, "%d,%.*f,", row, (int)(draw >> 28), draw / 977.0);
        switch (draw >> 8 & 7) {
        case 0: at += sprintf(at, "\"two\r\nlines, a \"\"quote\"\"\"\r\n"); break;
        case 1: at += sprintf(at, "\"\"\n\n\r\n"); break;
        case 2: at += sprintf(at, "cr\r"); break;
        case 3: at += sprintf(at, "\"%0*d\"\r\n", (int)(draw >> 12 & 1023), 7); break;
        default: at += sprintf(at, "plain%s", draw >> 20 & 1 ? "\r\n" : "\n");
        }
    }
    at += sprintf(at, "last,1,\"no line end\"");
    *out_size = at - text;
    return text;
}

static void assert_same_row(const rt_csv *a, const rt_csv *b)
{
    assert_int_equal(rt_csv_line(a), rt_csv_line(b));
    for (int64_t i = 0; i < 3; i++) {
        assert_int_equal(rt_csv_length(a, i), rt_csv_length(b, i));
        assert_memory_equal(rt_csv_text(a, i), rt_csv_text(b, i), (size_t)rt_csv_length(a, i) + 1);
    }
}

/* Plain and gzip streams give what the whole in memory gives, and go on in the middle. */
static void streams(void **state)
{
    (void)state;
    char folder[] = "/tmp/rt_csvXXXXXX", path[64], packed[64], command[256];
    int64_t size, offset = 0, line = 0, rows = 0, read, all;
    char *text = mixed_rows(&size);
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/t.csv", folder);
    snprintf(packed, sizeof packed, "%s/t.csv.gz", folder);
    assert_int_equal(rt_write_text(path, text, size, &err), RT_OK);
    /* two members, as bgzip and cat make them */
    snprintf(command, sizeof command, "(head -c 3000000 %s | gzip -1; tail -c +3000001 %s | gzip -1) >%s", path, path,
             packed);
    assert_int_equal(system(command), 0);
    for (int kind = 0; kind < 2; kind++) {
        rt_csv *memory, *stream;
        assert_int_equal(rt_csv_open_memory(&memory, "t.csv", text, size, &err), RT_OK);
        assert_int_equal(rt_csv_open_stream(&stream, kind ? packed : path, &err), RT_OK);
        for (rows = 0; next(memory); rows++) {
            assert_true(next(stream));
            assert_same_row(memory, stream);
            if (rows == 20000) offset = rt_csv_offset(stream), line = rt_csv_next_line(stream);
        }
        assert_false(next(stream));
        rt_csv_progress(stream, &read, &all);
        assert_int_equal(read, all);
        assert_int_equal(rt_csv_seek(stream, offset, line, &err), RT_OK);
        rt_csv_rewind(memory);
        for (int64_t i = 0; i <= 20000; i++) assert_true(next(memory));
        while (next(memory)) {
            assert_true(next(stream));
            assert_same_row(memory, stream);
        }
        assert_int_equal(rt_csv_seek(stream, size + 1, 1, &err), RT_ERR_FORMAT);
        rt_csv_close(memory);
        rt_csv_close(stream);
    }
    assert_true(rows > 40000);
    free(text);
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

/* A packed file that is cut short, damaged or followed by something else; a quote that is never closed. */
static void streams_that_are_damaged(void **state)
{
    (void)state;
    static const char *const MAKE[] = {"head -c 300000 %s/good.gz >%s/t.csv",
                                       "(head -c 100000 %s/good.gz; printf xx; tail -c +100003 %s/good.gz) >%s/t.csv",
                                       "(cat %s/good.gz; echo text) >%s/t.csv",
                                       "(echo a; echo '\"x'; yes '%s%s' | head -c 70000000) >%s/t.csv"};
    char folder[] = "/tmp/rt_csvXXXXXX", path[64], command[256];
    int64_t size;
    char *text = mixed_rows(&size);
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/good", folder);
    assert_int_equal(rt_write_text(path, text, size, &err), RT_OK);
    snprintf(command, sizeof command, "gzip -1 %s", path);
    assert_int_equal(system(command), 0);
    snprintf(path, sizeof path, "%s/t.csv", folder);
    for (size_t i = 0; i < sizeof MAKE / sizeof *MAKE; i++) {
        rt_csv *csv;
        bool more = true;
        snprintf(command, sizeof command, MAKE[i], folder, folder, folder);
        assert_int_equal(system(command), 0);
        rt_status status = rt_csv_open_stream(&csv, path, &err);
        bool opened = status == RT_OK;
        while (status == RT_OK && more) status = rt_csv_next(csv, &more, &err);
        if (status != RT_ERR_FORMAT) fail_msg("case %d is read", (int)i);
        assert_string_equal(err.file, path);
        if (i != 1)
            assert_non_null(strstr(err.what, i < 3 ? "damaged" : "64 MiB")); /* 1: a damaged row may come first */
        if (opened) rt_csv_close(csv);
    }
    rt_csv *csv;
    assert_int_equal(rt_csv_open_stream(&csv, "/nonexistent/x.csv", &err), RT_ERR_IO);
    assert_int_equal(rt_csv_open_stream(&csv, "/tmp", &err), RT_ERR_IO);
    free(text);
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_rows),       cmocka_unit_test(quotes_line_ends_and_mark),
        cmocka_unit_test(numbers),          cmocka_unit_test(errors_say_where),
        cmocka_unit_test(columns_by_name),  cmocka_unit_test(many_columns_and_long_fields),
        cmocka_unit_test(a_real_file),      cmocka_unit_test(tabs),
        cmocka_unit_test(streams),          cmocka_unit_test(streams_that_are_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
