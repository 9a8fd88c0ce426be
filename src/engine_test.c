/* engine_test.c - the public header alone, as a stranger's program would use it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <rnatune.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/test_files.h"

static char error[1024];

static rnatune_engine *open_engine(void)
{
    rnatune_engine *engine;
    rnatune_engine_options options = {.checkpoint = "tests/data/golden/tiny/tiny.pt", .threads = 2, .memory = 1 << 28,
                                      .config = "tests/data/golden/tiny/tiny_config.json"};
    assert_int_equal(rnatune_engine_open(&engine, &options, error, sizeof error), RNATUNE_OK);
    return engine;
}

static void a_sequence_folds(void **state)
{
    (void)state;
    rnatune_engine *engine = open_engine();
    rnatune_session *session;
    int64_t rows;
    assert_int_equal(rnatune_engine_parameters(engine), 666040);
    assert_int_equal(rnatune_session_create(&session, engine, "toy4", "ggcc", error, sizeof error), RNATUNE_OK);
    assert_int_equal(rnatune_session_load_msa(session, "tests/data/golden/raw/msa", &rows, error, sizeof error), RNATUNE_OK);
    assert_int_equal(rows, 8);
    assert_int_equal(rnatune_session_samples(session), 0);
    assert_null(rnatune_session_coordinates(session, 0));
    assert_int_equal(rnatune_session_fold(session, &(rnatune_fold_options){.samples = 3}, error, sizeof error), RNATUNE_OK);
    assert_int_equal(rnatune_session_samples(session), 3);
    assert_int_equal(rnatune_session_atoms(session), 87);
    for (int rank = 0; rank < 3; rank++) {
        const float *xyz = rnatune_session_coordinates(session, rank), *plddt = rnatune_session_plddt(session, rank);
        for (int i = 0; i < 87 * 3; i++) assert_true(isfinite(xyz[i]));
        for (int i = 0; i < 87; i++) assert_true(plddt[i] > 0 && plddt[i] < 1);
        if (rank) assert_true(rnatune_session_ranking_score(session, rank - 1) >= rnatune_session_ranking_score(session, rank));
    }
    char *summary = rnatune_session_summary(session, 0);
    assert_non_null(strstr(summary, "\"ptm\""));
    free(summary);
    assert_int_equal(rnatune_session_write_mmcif(session, 0, test_path("toy4.cif"), error, sizeof error), RNATUNE_OK);
    assert_true(rt_file_exists(test_path("toy4.cif")));
    assert_int_equal(rnatune_session_write_mmcif(session, 3, test_path("x.cif"), error, sizeof error), RNATUNE_USAGE);
    rnatune_session_free(session);
    rnatune_engine_close(engine);
}

static void an_engine_holds_one_fold_at_a_time(void **state)
{
    (void)state;
    rnatune_engine *engine = open_engine();
    rnatune_session *a, *b;
    rnatune_fold_options quick = {.samples = 1, .steps = 1, .cycles = 1};
    assert_int_equal(rnatune_session_create(&a, engine, "a", "GGCC", error, sizeof error), RNATUNE_OK);
    assert_int_equal(rnatune_session_create(&b, engine, "b", "GAAAC", error, sizeof error), RNATUNE_OK);
    assert_int_equal(rnatune_session_fold(a, &quick, error, sizeof error), RNATUNE_OK);
    assert_int_equal(rnatune_session_fold(b, &quick, error, sizeof error), RNATUNE_OK);
    assert_int_equal(rnatune_session_samples(a), 0);
    assert_int_equal(rnatune_session_samples(b), 1);
    rnatune_session_free(b);
    rnatune_session_free(a);
    rnatune_engine_close(engine);
}

static bool stop(void *user, int stage, int64_t done, int64_t total)
{
    (void)user, (void)done, (void)total;
    return stage < 2;
}

static void mistakes_are_one_line(void **state)
{
    (void)state;
    rnatune_engine *engine;
    rnatune_session *session;
    assert_int_equal(rnatune_engine_open(&engine, &(rnatune_engine_options){0}, error, sizeof error), RNATUNE_USAGE);
    assert_int_equal(rnatune_engine_open(&engine, &(rnatune_engine_options){.checkpoint = "not/there.pt"}, error, sizeof error),
                     RNATUNE_IO);
    assert_non_null(strstr(error, "not/there.pt"));
    assert_null(engine);
    engine = open_engine();
    assert_int_equal(rnatune_session_create(&session, engine, "x", "GGXC", error, sizeof error), RNATUNE_FORMAT);
    assert_int_equal(rnatune_session_create(&session, engine, "x", "GGCC", error, sizeof error), RNATUNE_OK);
    float xyz[9] = {0};
    assert_int_equal(rnatune_session_set_templates(session, xyz, 3, 1, error, sizeof error), RNATUNE_MISMATCH);
    assert_int_equal(rnatune_session_fold(session, &(rnatune_fold_options){.steps = -1}, error, sizeof error), RNATUNE_USAGE);
    assert_int_equal(rnatune_session_fold(session, &(rnatune_fold_options){.progress = stop}, error, sizeof error),
                     RNATUNE_STOPPED);
    rnatune_session_free(session);
    rnatune_engine_close(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sequence_folds),
        cmocka_unit_test(an_engine_holds_one_fold_at_a_time),
        cmocka_unit_test(mistakes_are_one_line),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
