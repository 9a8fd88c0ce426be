/* msa_test.c - FASTA as the reference reads it, A3M and Stockholm as their formats define them */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>

#include "base/text.h"
#include "io/msa.h"
#include "io/test_files.h"

static rt_status parse(rt_msa *msa, const char *text, rt_msa_format format, int64_t limit, rt_err *err)
{
    return rt_msa_parse(msa, text, (int64_t)strlen(text), format, limit, "t", err);
}

static void expect_rows(const char *text, rt_msa_format format, int64_t n, const char *const *row)
{
    rt_msa msa;
    rt_err err = {0};
    if (parse(&msa, text, format, 100, &err) != RT_OK) fail_msg("%lld: %s", (long long)err.line, err.what);
    assert_int_equal(msa.n_row, n);
    assert_int_equal(msa.n_file_row, n);
    for (int64_t i = 0; i < n; i++) assert_string_equal(msa.row[i], row[i]);
    rt_msa_free_members(&msa);
}

static void expect_error(const char *text, rt_msa_format format, int64_t line, const char *what)
{
    rt_msa msa;
    rt_err err = {0};
    assert_int_equal(parse(&msa, text, format, 100, &err), RT_ERR_FORMAT);
    assert_null(msa.row);
    assert_string_equal(err.file, "t");
    assert_int_equal(err.line, line);
    if (!strstr(err.what, what)) fail_msg("'%s' lacks '%s'", err.what, what);
}
#define ROWS(...) (int64_t)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)), (const char *[]){__VA_ARGS__}

static void fasta_rows_are_as_they_stand(void **state)
{
    (void)state;
    /* wrapped, lower case, an insertion, a short row, a gap of another kind, blanks at the ends, blanks within */
    expect_rows(">q\nGG\n CC \n>a\nggcc\n>b\nGGgCC\n>c\nGG\n>d\n-.UR\n>e\nG C", RT_MSA_FASTA,
                ROWS("GGCC", "ggcc", "GGgCC", "GG", "-.UR", "G C"));
    /* records without letters vanish; letters before the first '>' are a row */
    expect_rows(">q\n\n>a\nGG\n>b\n>c\n   \n", RT_MSA_FASTA, ROWS("GG"));
    expect_rows("GG\nCC\n>a\nAA\n", RT_MSA_FASTA, ROWS("GGCC", "AA"));
    expect_rows("  >q\nGG", RT_MSA_FASTA, ROWS("GG"));
}

static void every_line_end_is_understood(void **state)
{
    (void)state;
    expect_rows("\xEF\xBB\xBF>q\r\nGG\r\nCC\r\n>a\r\nAA\r\n", RT_MSA_FASTA, ROWS("GGCC", "AA"));
    expect_rows(">q\rGG\rCC\r>a\rAA", RT_MSA_FASTA, ROWS("GGCC", "AA"));
    expect_rows("# STOCKHOLM 1.0\r\n\r\nq GG-C\r\na AA.A\r\n//\r\n", RT_MSA_STOCKHOLM, ROWS("GGC", "AAA"));
}

static void an_empty_file_has_no_rows(void **state)
{
    (void)state;
    rt_msa msa;
    rt_err err;
    for (int format = 0; format < 3; format++) {
        assert_int_equal(parse(&msa, "", (rt_msa_format)format, 5, &err), RT_OK);
        assert_int_equal(msa.n_row, 0);
        assert_int_equal(parse(&msa, "\n \r\n", (rt_msa_format)format, 5, &err), RT_OK);
        assert_int_equal(msa.n_file_row, 0);
    }
    assert_int_equal(parse(&msa, ">a\n>b\n", RT_MSA_FASTA, 5, &err), RT_OK);
    assert_int_equal(msa.n_file_row, 0);
}

static void all_rows_count_but_the_first_are_kept(void **state)
{
    (void)state;
    rt_msa msa;
    rt_err err;
    assert_int_equal(parse(&msa, ">1\nA\n>2\nC\n>3\nG\n>4\n\n>5\nU\n>6\n\x01\n", RT_MSA_FASTA, 2, &err), RT_OK);
    assert_int_equal(msa.n_row, 2);
    assert_int_equal(msa.n_file_row, 5);
    assert_string_equal(msa.row[1], "C");
    rt_msa_free_members(&msa);
    assert_int_equal(parse(&msa, "# STOCKHOLM 1.0\na AC\nb CG\nc GU\n\na A\nb C\nc G\n//\n", RT_MSA_STOCKHOLM, 2, &err),
                     RT_OK);
    assert_int_equal(msa.n_row, 2);
    assert_int_equal(msa.n_file_row, 3);
    assert_string_equal(msa.row[1], "CGC");
    rt_msa_free_members(&msa);
}

static void a3m_loses_its_insertions(void **state)
{
    (void)state;
    expect_rows("#4\t1\n>q\nGGCC\n>a\nGgaG-C\n>b\n..GG\nCCaaa\n", RT_MSA_A3M, ROWS("GGCC", "GG-C", "GGCC"));
    expect_error(">q\nGGCC\n>a\nGGC\n", RT_MSA_A3M, 3, "3 columns without its insertions, the first row has 4");
    expect_error(">q\nGGCC\n>a\nggcc\n", RT_MSA_A3M, 3, "0 columns");
    expect_error(">q\nGGCC\n>a\n>b\nGGCC\n", RT_MSA_A3M, 3, "0 columns");
    expect_error("GGCC\n", RT_MSA_A3M, 1, "before the first '>'");
}

static void stockholm_keeps_the_columns_of_its_query(void **state)
{
    (void)state;
    expect_rows("# STOCKHOLM 1.0\n#=GF ID x\n\n"
                "query/1-4   GG..C\nother       GAuUC\n#=GC SS_cons <<..>\nthird       ~_..c\n\n"
                "query/1-4   -C\nother       AC\nthird       AG\n//\n"
                "# STOCKHOLM 1.0\nquery/1-4 AAAA\n//\n",
                RT_MSA_STOCKHOLM, ROWS("GGCC", "GACC", "--cG"));
}

static void bad_stockholm_says_where(void **state)
{
    (void)state;
    expect_error("q GG\n//\n", RT_MSA_STOCKHOLM, 1, "# STOCKHOLM 1.0");
    expect_error("# STOCKHOLM 1.0\nq GG\n", RT_MSA_STOCKHOLM, 2, "without '//'");
    expect_error("# STOCKHOLM 1.0\nq GG\na GGC\n//\n", RT_MSA_STOCKHOLM, 3,
                 "row 'a' has 3 columns, the first row has 2");
    expect_error("# STOCKHOLM 1.0\nq GG\nq GG\na GG\n//\n", RT_MSA_STOCKHOLM, 4, "has 2 columns, the first row has 4");
    expect_error("# STOCKHOLM 1.0\nq GG\na\n//\n", RT_MSA_STOCKHOLM, 3, "without a sequence");
    expect_error("# STOCKHOLM 1.0\nq --\na GG\n//\n", RT_MSA_STOCKHOLM, 2, "has no letter");
    expect_error("# STOCKHOLM 1.0\nq GG\na G\x80\n//\n", RT_MSA_STOCKHOLM, 3, "byte 0x80");
}

static void what_is_no_alignment_is_refused(void **state)
{
    (void)state;
    expect_error(">q\nGG\n>a\nG\x1b[1m\n", RT_MSA_FASTA, 4, "byte 0x1b");
    expect_error("\x1f\x8b\x08\x01", RT_MSA_FASTA, 1, "byte 0x8b");   /* 0x1f is a blank to Python as well */
    expect_error("# STOCKHOLM 1.0\nq GG\n//\n", RT_MSA_FASTA, 1, "Stockholm");
}

static void many_stockholm_rows_find_their_names(void **state)
{
    (void)state;
    /* blocks in another order than the first one's, and more rows than the first hash table holds */
    rt_text text = {0};
    rt_text_add(&text, "# STOCKHOLM 1.0\n");
    for (int i = 0; i < 500; i++) rt_text_add(&text, "row%d %c-%c\n", i, "ACGU"[i % 4], "ACGU"[i % 3]);
    for (int i = 499; i >= 0; i--) rt_text_add(&text, "row%d %c\n", i, "ACGU"[i % 2]);
    rt_text_add(&text, "//\n");
    rt_msa msa;
    rt_err err;
    assert_int_equal(parse(&msa, text.data, RT_MSA_STOCKHOLM, 1000, &err), RT_OK);
    assert_int_equal(msa.n_row, 500);
    for (int i = 0; i < 500; i++) {
        char row[4] = {"ACGU"[i % 4], "ACGU"[i % 3], "ACGU"[i % 2], 0};
        assert_string_equal(msa.row[i], row);
    }
    rt_msa_free_members(&msa);
    rt_text_free(&text);
}

static void the_folder_is_searched_in_order(void **state)
{
    (void)state;
    static const char *const name[] = {"x.stk", "x.sto", "x.a3m", "x.fasta", "x.MSA.fasta"};
    char path[300];
    assert_false(rt_msa_find(path, sizeof path, test_folder, "x"));
    for (size_t i = 0; i < 5; i++) {
        test_file(name[i], ">q\nGG\n");
        assert_true(rt_msa_find(path, sizeof path, test_folder, "x"));
        assert_string_equal(rt_path_name(path), name[i]);
    }
    /* packed: known by its own name, read as what is inside */
    rt_msa msa;
    rt_err err;
    char command[256];
    test_file("packed.a3m", ">q\nGG\n>r\nGaC\n");
    snprintf(command, sizeof command, "gzip %s/packed.a3m", test_folder);
    assert_int_equal(system(command), 0);
    assert_true(rt_msa_find(path, sizeof path, test_folder, "packed"));
    assert_string_equal(rt_path_name(path), "packed.a3m.gz");
    assert_int_equal(rt_msa_read(&msa, path, &err), RT_OK);
    assert_int_equal(msa.n_row, 2);
    assert_string_equal(msa.row[1], "GC");
    rt_msa_free_members(&msa);
    assert_int_equal(rt_msa_format_of("a/b.sto.gz"), RT_MSA_STOCKHOLM);
    assert_int_equal(rt_msa_format_of("a/b.sto"), RT_MSA_STOCKHOLM);
    assert_int_equal(rt_msa_format_of("a/b.stk"), RT_MSA_STOCKHOLM);
    assert_int_equal(rt_msa_format_of("a/b.a3m"), RT_MSA_A3M);
    assert_int_equal(rt_msa_format_of("a/b.MSA.fasta"), RT_MSA_FASTA);
}

static void a_large_file_is_cut_at_the_limit(void **state)
{
    (void)state;
    const char *path = test_path("large.MSA.fasta");
    FILE *file = fopen(path, "w");
    for (int m = 0; m < 17000; m++) {
        fprintf(file, ">%d\n", m);
        for (int i = 0; i < 3; i++) {
            for (int k = 0; k < 60; k++) fputc("ACGU-"[(m * 7 + k * (i + 1)) % 5], file);
            fputc('\n', file);
        }
    }
    fclose(file);
    rt_msa msa;
    rt_err err;
    assert_int_equal(rt_msa_read(&msa, path, &err), RT_OK);
    assert_int_equal(msa.n_row, RT_MSA_ROW_LIMIT);
    assert_int_equal(msa.n_file_row, 17000);
    for (int m = 0; m < RT_MSA_ROW_LIMIT; m += 1000) {
        assert_int_equal(strlen(msa.row[m]), 180);
        assert_int_equal(msa.row[m][61], "ACGU-"[(m * 7 + 2) % 5]);
    }
    rt_msa_free_members(&msa);
    assert_int_equal(rt_msa_read(&msa, "/no/such.fasta", &err), RT_ERR_IO);
}

static void read_folder(const char *shared, const char *folder, const char *ending, int want_at_least)
{
    char path[600], base[400];
    int n = 0;
    rt_path_join(base, sizeof base, shared, folder);
    DIR *dir = opendir(base);
    assert_non_null(dir);
    for (struct dirent *item; (item = readdir(dir));) {
        if (!rt_ends_with(item->d_name, ending)) continue;
        rt_path_join(path, sizeof path, base, item->d_name);
        rt_msa msa;
        rt_err err;
        if (rt_msa_read(&msa, path, &err) != RT_OK) fail_msg("%s:%lld: %s", path, (long long)err.line, err.what);
        assert_true(msa.n_row > 0 && msa.n_row == msa.n_file_row);
        for (int64_t i = 0; i < msa.n_row; i++) {
            int64_t length = 0;   /* Kaggle's files are A3M by content: lower case is an insertion */
            for (const char *c = msa.row[i]; *c; c++) length += rt_msa_format_of(path) != RT_MSA_FASTA || *c < 'a';
            assert_int_equal(length, strlen(msa.row[0]));
        }
        if (rt_msa_format_of(path) == RT_MSA_STOCKHOLM) assert_null(strpbrk(msa.row[0], "-."));
        rt_msa_free_members(&msa);
        n++;
    }
    closedir(dir);
    assert_true(n >= want_at_least);
}

static void real_alignments_are_read(void **state)
{
    (void)state;
    const char *shared = test_shared("reading Kaggle's and Rfam's alignments");
    if (!shared) skip();
    read_folder(shared, "data/kaggle/MSA", ".MSA.fasta", 10);
    read_folder(shared, "data/rfam", ".sto", 3);
    read_folder(shared, "data/rfam", ".stk", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fasta_rows_are_as_they_stand),
        cmocka_unit_test(every_line_end_is_understood),
        cmocka_unit_test(an_empty_file_has_no_rows),
        cmocka_unit_test(all_rows_count_but_the_first_are_kept),
        cmocka_unit_test(a3m_loses_its_insertions),
        cmocka_unit_test(stockholm_keeps_the_columns_of_its_query),
        cmocka_unit_test(bad_stockholm_says_where),
        cmocka_unit_test(what_is_no_alignment_is_refused),
        cmocka_unit_test(many_stockholm_rows_find_their_names),
        cmocka_unit_test(the_folder_is_searched_in_order),
        cmocka_unit_test(a_large_file_is_cut_at_the_limit),
        cmocka_unit_test(real_alignments_are_read),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
