/* submission_test.c - every byte of a small submission, and the competition's own header */
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
#include "base/log.h"
#include "io/submission.h"

#define HEADER "ID,resname,resid,x_1,y_1,z_1,x_2,y_2,z_2,x_3,y_3,z_3,x_4,y_4,z_4,x_5,y_5,z_5\n"

static char csv_path[64];

static void check_file(const rt_submission *submission, const char *want)
{
    rt_err err;
    rt_map map;
    assert_int_equal(rt_submission_write(submission, csv_path, &err), RT_OK);
    assert_int_equal(rt_map_open(&map, csv_path, &err), RT_OK);
    char *text = test_malloc((size_t)map.size + 1);
    memcpy(text, map.data, (size_t)map.size);
    text[map.size] = 0;
    assert_string_equal(text, want);
    test_free(text);
    rt_map_close(&map);
    unlink(csv_path);
}

static void rows_columns_and_decimals(void **state)
{
    (void)state;
    rt_submission *s;
    rt_err err;
    const float a[] = {1.0004f, -2.5f, 3.12351f, -0.0001f, 5, 6}, b[] = {-1234.5f, 12345.f, 0, 1, 2, 3};
    const float c[] = {7, 7, 7, 8, 8, 8}, d[] = {9, 9, 9, 10, 10, 10}, e[] = {11, 11, 11, 12, 12, 12};
    const float *const models[] = {a, b, c, d, e};
    assert_int_equal(rt_submission_create(&s, &err), RT_OK);
    check_file(s, HEADER);
    assert_int_equal(rt_submission_add(s, "R1", "GA", models, 5, &err), RT_OK);
    assert_int_equal(rt_submission_add(s, "R0", "U", models, 2, &err), RT_OK);
    rt_log_set_level(RT_LOG_QUIET);
    assert_int_equal(rt_submission_add(s, "x,\"y", "C", NULL, 0, &err), RT_OK);
    rt_log_set_level(RT_LOG_INFO);
    check_file(s, HEADER
        "R1_1,G,1,1.000,-2.500,3.124,-999.999,9999.999,0.000,7.000,7.000,7.000,9.000,9.000,9.000,11.000,11.000,11.000\n"
        "R1_2,A,2,0.000,5.000,6.000,1.000,2.000,3.000,8.000,8.000,8.000,10.000,10.000,10.000,12.000,12.000,12.000\n"
        "R0_1,U,1,1.000,-2.500,3.124,-999.999,9999.999,0.000,1.000,-2.500,3.124,1.000,-2.500,3.124,1.000,-2.500,3.124\n"
        "\"x,\"\"y_1\",C,1,"
        "0.000,0.000,0.000,0.000,0.000,0.000,0.000,0.000,0.000,0.000,0.000,0.000,0.000,0.000,0.000\n");
    assert_int_equal(rt_submission_count(s), 3);
    assert_int_equal(rt_submission_failed(s), 1);
    rt_submission_free(s);
}

static void a_refused_target_leaves_nothing(void **state)
{
    (void)state;
    rt_submission *s;
    rt_err err;
    float a[] = {1, 2, 3, 4, NAN, 6};
    const float *const models[] = {a};
    assert_int_equal(rt_submission_create(&s, &err), RT_OK);
    assert_int_equal(rt_submission_add(s, "R1", "GA", models, 1, &err), RT_ERR_FORMAT);
    assert_non_null(strstr(err.what, "R1: model 1 has no number for residue 2"));
    check_file(s, HEADER);
    a[4] = 5;
    assert_int_equal(rt_submission_add(s, "R1", "GA", models, 1, &err), RT_OK);
    assert_int_equal(rt_submission_add(s, "R1", "GA", models, 1, &err), RT_ERR_MISMATCH);
    assert_int_equal(rt_submission_count(s), 1);
    assert_int_equal(rt_submission_write(s, "/nonexistent/submission.csv", &err), RT_ERR_IO);
    rt_submission_free(s);
}

/* What is reserved is there at once, in its place; a target's own file gives the same rows back, and nothing else does. */
static void reserved_rows_are_replaced_in_place(void **state)
{
    (void)state;
    rt_submission *s, *again;
    rt_err err;
    const float a[] = {1.0004f, -2.5f, 3.12351f, -1234.5f, 12345.f, 6};
    const float *const models[] = {a};
    assert_int_equal(rt_submission_create(&s, &err), RT_OK);
    assert_int_equal(rt_submission_create(&again, &err), RT_OK);
    assert_int_equal(rt_submission_reserve(s, "late,1", "GA", &err), RT_OK);
    assert_int_equal(rt_submission_reserve(s, "next", "U", &err), RT_OK);
    assert_int_equal(rt_submission_add(s, "late,1", "GA", models, 1, &err), RT_OK);
#define ZEROS "0.000,0.000,0.000,0.000,0.000,0.000,0.000,0.000,0.000,0.000,0.000,0.000,0.000,0.000,0.000\n"
#define FIRST "1.000,-2.500,3.124"
#define SECOND "-999.999,9999.999,6.000"
    check_file(s, HEADER "\"late,1_1\",G,1," FIRST "," FIRST "," FIRST "," FIRST "," FIRST "\n"
                         "\"late,1_2\",A,2," SECOND "," SECOND "," SECOND "," SECOND "," SECOND "\n"
                         "next_1,U,1," ZEROS);
    assert_int_equal(rt_submission_open(s), 1);
    assert_true(rt_submission_has(s, "late,1") && !rt_submission_has(s, "next"));
    assert_int_equal(rt_submission_write_target(s, "late,1", csv_path, &err), RT_OK);
    assert_int_equal(rt_submission_load(again, "late,1", "GU", csv_path, &err), RT_ERR_FORMAT);
    assert_int_equal(rt_submission_load(again, "late,1", "G", csv_path, &err), RT_ERR_FORMAT);
    assert_int_equal(rt_submission_load(again, "late,1", "GAG", csv_path, &err), RT_ERR_FORMAT);
    assert_int_equal(rt_submission_load(again, "late", "GA", csv_path, &err), RT_ERR_FORMAT);
    assert_int_equal(rt_submission_count(again), 0);
    assert_int_equal(rt_submission_reserve(again, "late,1", "GA", &err), RT_OK);
    assert_int_equal(rt_submission_load(again, "late,1", "GA", csv_path, &err), RT_OK);
    check_file(again, HEADER "\"late,1_1\",G,1," FIRST "," FIRST "," FIRST "," FIRST "," FIRST "\n"
                             "\"late,1_2\",A,2," SECOND "," SECOND "," SECOND "," SECOND "," SECOND "\n");
    rt_submission_free(s);
    rt_submission_free(again);
}

/* Targets are read off the sample's IDs; zeros everywhere must then give the sample's rows. */
/* What one process found is, given to another, the same file; what it did not reach stays reserved. */
static void rows_go_to_another_process(void **state)
{
    static const char *const NAME[] = {"R2", "x,\"y", "R1"};
    rt_submission *from, *to;
    rt_err err;
    bool predicted;
    const float a[] = {1.0004f, -2.5f, 3.12351f};
    const float *const models[] = {a};
    (void)state;
    assert_int_equal(rt_submission_create(&from, &err), RT_OK);
    assert_int_equal(rt_submission_create(&to, &err), RT_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(rt_submission_reserve(from, NAME[i], "G", &err), RT_OK);
        assert_int_equal(rt_submission_reserve(to, NAME[i], "G", &err), RT_OK);
        assert_null(rt_submission_rows(from, NAME[i], &predicted));
    }
    rt_log_set_level(RT_LOG_QUIET);
    assert_int_equal(rt_submission_add(from, "R2", "G", NULL, 0, &err), RT_OK);
    rt_log_set_level(RT_LOG_INFO);
    assert_int_equal(rt_submission_add(from, "x,\"y", "G", models, 1, &err), RT_OK);
    for (int i = 0; i < 2; i++) {
        const char *rows = rt_submission_rows(from, NAME[i], &predicted);
        assert_non_null(rows);
        assert_int_equal(predicted, i == 1);
        assert_int_equal(rt_submission_give(to, NAME[i], "G", rows, predicted, &err), RT_OK);
        assert_int_equal(rt_submission_give(to, NAME[i], "G", rows, predicted, &err), RT_ERR_MISMATCH);
    }
    assert_null(rt_submission_rows(from, "R1", &predicted));
    assert_true(rt_submission_has(to, "x,\"y") && !rt_submission_has(to, "R2"));
    assert_true(rt_submission_failed(to) == 1 && rt_submission_open(to) == 1);
    assert_int_equal(rt_submission_write(from, csv_path, &err), RT_OK);
    rt_map map;
    assert_int_equal(rt_map_open(&map, csv_path, &err), RT_OK);
    char *want = test_malloc((size_t)map.size + 1);
    memcpy(want, map.data, (size_t)map.size);
    want[map.size] = 0;
    rt_map_close(&map);
    check_file(to, want);
    test_free(want);
    rt_submission_free(from);
    rt_submission_free(to);
}

static void the_competitions_sample_has_the_same_columns_and_rows(void **state)
{
    (void)state;
    const char *shared = getenv("RT_SHARED");
    char path[1024], line[512], target[256] = "", sequence[8192] = "", row[512];
    rt_path_join(path, sizeof path, shared ? shared : "../shared", "data/kaggle/sample_submission.csv");
    FILE *sample = fopen(path, "r");
    if (!sample) {
        printf("skip: %s is not here\n", path);
        skip();
    }
    rt_submission *s;
    rt_err err;
    rt_log_set_level(RT_LOG_QUIET);
    assert_int_equal(rt_submission_create(&s, &err), RT_OK);
    assert_non_null(fgets(line, sizeof line, sample));
    assert_string_equal(line, HEADER);
    for (int length = 0; fgets(line, sizeof line, sample);) {
        char *resname = strchr(line, ',') + 1, *last = resname - 1;
        while (*last != '_') last--;
        *last = 0;
        if (strcmp(line, target) != 0 && target[0]) {
            assert_int_equal(rt_submission_add(s, target, sequence, NULL, 0, &err), RT_OK);
            length = 0;
        }
        strcpy(target, line);
        sequence[length++] = *resname;
        sequence[length] = 0;
    }
    assert_int_equal(rt_submission_add(s, target, sequence, NULL, 0, &err), RT_OK);
    rt_log_set_level(RT_LOG_INFO);
    assert_int_equal(rt_submission_write(s, csv_path, &err), RT_OK);
    FILE *own = fopen(csv_path, "r");
    assert_non_null(own);
    rewind(sample);
    int rows = 0;
    for (; fgets(line, sizeof line, sample); rows++) {
        assert_non_null(fgets(row, sizeof row, own));
        if (rows == 0) continue;
        const char *rest = line;
        for (int comma = 0; comma < 3; comma++) rest = strchr(rest, ',') + 1;
        assert_memory_equal(row, line, (size_t)(rest - line));   /* ID, resname, resid */
        int commas = 0;
        for (const char *p = row; *p; p++) commas += *p == ',';
        assert_int_equal(commas, 17);
    }
    assert_null(fgets(row, sizeof row, own));
    assert_true(rows > 2000);
    fclose(own);
    fclose(sample);
    unlink(csv_path);
    rt_submission_free(s);
}

int main(void)
{
    snprintf(csv_path, sizeof csv_path, "/tmp/rt_submission_%ld.csv", (long)getpid());
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_columns_and_decimals),
        cmocka_unit_test(a_refused_target_leaves_nothing),
        cmocka_unit_test(reserved_rows_are_replaced_in_place),
        cmocka_unit_test(rows_go_to_another_process),
        cmocka_unit_test(the_competitions_sample_has_the_same_columns_and_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
