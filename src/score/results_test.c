/* results_test.c - what goes into the results file comes out, twice is once, and other files are refused */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <sqlite3.h>

#include "io/test_files.h"
#include "score/results.h"

static rt_score_table table_of(int64_t n, double base)
{
    rt_score_table table = {0};
    for (int64_t i = 0; i < n; i++) {
        rt_score_row row;
        rt_score_row_init(&row);
        snprintf(row.target, sizeof row.target, "T'%d", (int)(i / 2));   /* a quote: values are bound, not pasted */
        snprintf(row.model, sizeof row.model, "m%d", (int)(i % 2));
        row.tm_resid = base + 1e-17 + (double)i / 7;
        row.rank = i % 2 + 1;
        assert_int_equal(rt_score_table_add(&table, &row, NULL), RT_OK);
    }
    return table;
}

static void add(const char *path, const char *checkpoint, rt_score_table table, const json_t *run, int64_t added,
                int64_t replaced)
{
    rt_err err;
    rt_results *results;
    int64_t a, r;
    if (rt_results_open(&results, path, true, &err) != RT_OK) fail_msg("%s", err.what);
    if (rt_results_add(results, checkpoint, &table, "x.tsv", run, &a, &r, &err) != RT_OK) fail_msg("%s", err.what);
    assert_int_equal(a, added);
    assert_int_equal(r, replaced);
    rt_results_close(results);
    rt_score_table_free_members(&table);
}

static void sql(const char *path, const char *text)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void there_and_back(void **state)
{
    (void)state;
    rt_err err;
    rt_results *results;
    rt_score_table table;
    json_t *run = json_pack("{s:i}", "seed", 42), *read = NULL, *list;
    const char *path = test_path("r.sqlite");
    add(path, "base", table_of(6, 0), run, 6, 0);
    add(path, "tuned", table_of(4, 1), NULL, 4, 0);
    add(path, "base", table_of(8, 2), NULL, 2, 6);   /* later runs add to it; the run record stays */
    json_decref(run);
    path = test_path("r.sqlite");
    assert_true(rt_results_is_file(path));
    assert_int_equal(rt_results_open(&results, path, false, &err), RT_OK);
    assert_int_equal(rt_results_read(results, "base", &table, &read, &err), RT_OK);
    assert_int_equal(json_integer_value(json_object_get(read, "seed")), 42);
    assert_int_equal(table.n_row, 8);
    assert_string_equal(table.row[3].target, "T'1");
    assert_string_equal(table.row[3].model, "m1");
    assert_true(table.row[3].tm_resid == 2 + 1e-17 + 3. / 7);   /* to the last bit */
    assert_true(isnan(table.row[3].rmsd) && table.row[3].length == -1 && table.row[3].native[0] == 0);
    rt_score_table_free_members(&table);
    json_decref(read);
    assert_int_equal(rt_results_list(results, &list, &err), RT_OK);
    assert_int_equal(json_array_size(list), 2);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(list, 1), "targets")), 2);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(list, 1), "samples")), 4);
    json_decref(list);
    assert_int_equal(rt_results_read(results, "other", &table, &read, &err), RT_ERR_MISMATCH);
    assert_string_equal(err.what, "has no results of 'other'");
    assert_string_equal(err.hint, "it has base, tuned");
    rt_results_close(results);
}

/* A column that an older program lacked is added, one that a person added keeps its values. */
static void columns_come_and_stay(void **state)
{
    (void)state;
    rt_err err;
    rt_results *results;
    rt_score_table table;
    const char *path = test_path("c.sqlite");
    add(path, "base", table_of(2, 0), NULL, 2, 0);
    sql(path,
        "ALTER TABLE score DROP COLUMN clash; ALTER TABLE score ADD COLUMN note TEXT; UPDATE score SET note = 'good'");
    assert_int_equal(rt_results_open(&results, path, false, &err), RT_OK);
    assert_int_equal(rt_results_read(results, "base", &table, NULL, &err), RT_OK);
    assert_true(isnan(table.row[0].clash));
    rt_score_table_free_members(&table);
    rt_results_close(results);
    add(path, "base", table_of(2, 1), NULL, 0, 2);
    sql(path, "SELECT clash FROM score; CREATE TABLE good (x CHECK (x = 2)); INSERT INTO good SELECT count(*) FROM "
              ""
              "score WHERE note = 'good' AND tm_resid >= 1");
}

static void all_or_none(void **state)
{
    (void)state;
    rt_err err;
    rt_results *results;
    rt_score_table table = table_of(4, 0), read;
    int64_t added, replaced;
    const char *path = test_path("a.sqlite");
    add(path, "base", table_of(2, 0), NULL, 2, 0);
    sql(path,
        "CREATE TRIGGER full BEFORE INSERT ON score WHEN NEW.target = 'T''1' BEGIN SELECT raise(ABORT, 'disk'); END");
    assert_int_equal(rt_results_open(&results, path, true, &err), RT_OK);
    assert_int_equal(rt_results_add(results, "other", &table, "x.tsv", NULL, &added, &replaced, &err), RT_ERR_IO);
    assert_string_equal(err.what, "cannot write a row: disk");
    assert_int_equal(rt_results_read(results, "other", &read, NULL, &err), RT_ERR_MISMATCH);
    rt_results_close(results);
    rt_score_table_free_members(&table);
    sql(path, "CREATE TABLE none (x CHECK (x = 0));"
              "INSERT INTO none SELECT count(*) FROM score WHERE checkpoint = 'other'");
}

static void other_files(void **state)
{
    (void)state;
    rt_err err;
    rt_results *results;
    assert_int_equal(rt_results_open(&results, test_path("none"), false, &err), RT_ERR_IO);
    const char *path =
        test_file("text", "this is no database, but long enough to be looked at, surely, or is it not? It is.\n");
    assert_false(rt_results_is_file(path));
    assert_false(rt_results_is_file(test_path("none")));
    assert_int_equal(rt_results_open(&results, path, true, &err), RT_ERR_FORMAT);
    assert_string_equal(err.what, "is no SQLite file");
    path = test_path("foreign");
    sql(path, "CREATE TABLE t (x)");
    assert_int_equal(rt_results_open(&results, path, true, &err), RT_ERR_FORMAT);
    assert_string_equal(err.what, "is an SQLite file, but not one of rnatune's results");
    path = test_path("newer");
    add(path, "base", table_of(2, 0), NULL, 2, 0);
    sql(path, "PRAGMA user_version = 9");
    assert_int_equal(rt_results_open(&results, path, false, &err), RT_ERR_UNSUPPORTED);
    assert_string_equal(err.what, "has version 9 of the results' schema, this program knows 1");
    assert_int_equal(rt_results_open(&results, "/proc/none/r.sqlite", true, &err), RT_ERR_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back), cmocka_unit_test(columns_come_and_stay), cmocka_unit_test(all_or_none),
        cmocka_unit_test(other_files),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
