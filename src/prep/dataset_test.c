/* dataset_test.c - a set comes back as it was written; damage and interruption are noticed */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/test_files.h"
#include "prep/dataset.h"
#include "prep/dataset_write.h"

static rt_err err;
#define OK(call) do { if ((call) != RT_OK) fail_msg("%s: %s", err.file, err.what); } while (0)

/* Target k: a length, some conformations and values that depend on k alone. */
static float *make_target(rt_target *target, char id[16], char sequence[64], int64_t k)
{
    int64_t length = 3 + k % 17, c = 1 + k % 3;
    *target = rt_target_empty();
    snprintf(id, 16, "T%03lld", (long long)k);
    for (int64_t i = 0; i < length; i++) sequence[i] = "ACGU"[(i * 7 + k) % 4];
    sequence[length] = 0;
    target->number = 1000 - k;   /* so that the set's order is not the order of adding */
    target->id = id;
    target->sequence = sequence;
    target->origin = RT_ORIGIN_TRAIN;
    target->cutoff = k % 2 ? "2021-03-04" : "";
    target->resolution = k % 2 ? 2.5 : NAN;
    target->n_conformation = c;
    target->n_slot = k % 2 ? RT_SLOT_COUNT : 1;
    target->slots = k % 2 ? RT_SLOTS_ALL : RT_SLOTS_C1P;
    int64_t n = c * length * target->n_slot * 3;
    float *xyz = malloc((size_t)n * sizeof *xyz);
    for (int64_t i = 0; i < n; i++) xyz[i] = i % 50 == 49 ? NAN : (float)((double)(i * 37 + k * 11) / 8);
    return xyz;
}

static void add_target(rt_dataset_writer *writer, int64_t k)
{
    rt_target target;
    char id[16], sequence[64];
    float *xyz = make_target(&target, id, sequence, k);
    OK(rt_dataset_writer_add(writer, &target, xyz, &err));
    free(xyz);
}

static void make_set(const char *folder, int64_t n)
{
    rt_dataset_writer *writer;
    OK(rt_dataset_writer_open(&writer, folder, "plan", &err));
    for (int64_t k = 0; k < n; k++) add_target(writer, k);
    OK(rt_dataset_writer_commit(writer, &err));
}

static void comes_back(void **state)
{
    (void)state;
    const char *folder = test_path("back");
    rt_dataset *set;
    make_set(folder, 40);
    OK(rt_dataset_open(&set, folder, &err));
    assert_int_equal(rt_dataset_count(set), 40);
    assert_string_equal(rt_dataset_at(set, 0)->id, "T039");   /* ordered by rank */
    for (int64_t k = 0; k < 40; k++) {
        rt_target made;
        char id[16], sequence[64];
        float *xyz = make_target(&made, id, sequence, k);
        const rt_target *read = rt_dataset_find(set, id);
        assert_non_null(read);
        assert_ptr_equal(read, rt_dataset_at(set, 39 - k));
        assert_string_equal(read->sequence, sequence);
        assert_string_equal(read->cutoff, made.cutoff);
        assert_int_equal(read->length, strlen(sequence));
        assert_int_equal(read->n_slot, made.n_slot);
        assert_int_equal(read->slots, made.slots);
        assert_true(k % 2 ? read->resolution == 2.5 : isnan(read->resolution));
        int64_t n = read->length * read->n_slot * 3;
        for (int64_t c = 0; c < made.n_conformation; c++)
            assert_memory_equal(rt_target_xyz(read, c), xyz + c * n, (size_t)n * sizeof *xyz);
        assert_ptr_equal(rt_target_c1(read, 0, 1), read->xyz + (k % 2 ? (RT_SLOT_COUNT + RT_SLOT_C1P) * 3 : 3));
        free(xyz);
    }
    assert_null(rt_dataset_find(set, "T040"));
    assert_null(rt_dataset_find(set, ""));
    assert_string_equal(rt_dataset_plan(set), "plan");
    OK(rt_dataset_verify(set, &err));
    rt_dataset_close(set);
}

static void texts_and_unknowns(void **state)
{
    (void)state;
    const char *folder = test_path("texts");
    rt_dataset_writer *writer;
    rt_dataset *set;
    rt_target target = rt_target_empty();
    char origin[32];
    target.id = "R1107";
    target.sequence = "GGC";
    target.description = "two\nlines, \"quoted\"";
    target.all_sequences = ">a\nGGC\n";
    target.stoichiometry = "A:2";
    target.origin = RT_ORIGIN_TEST | RT_ORIGIN_VALIDATION;
    OK(rt_dataset_writer_open(&writer, folder, "", &err));
    OK(rt_dataset_writer_add(writer, &target, NULL, &err));
    OK(rt_dataset_writer_set_templates(writer, "R1107", 40, &err));
    assert_int_equal(rt_dataset_writer_set_templates(writer, "R2", 1, &err), RT_ERR_MISMATCH);
    assert_int_equal(rt_dataset_writer_add(writer, &target, NULL, &err), RT_ERR_MISMATCH);
    rt_dataset_note note = {"refused", "after_cutoff", "1X_A", RT_ORIGIN_TRAIN, "train.csv", 7, "2025-01-01\tlate"};
    OK(rt_dataset_writer_note(writer, &note, &err));
    OK(rt_dataset_writer_source(writer, "labels", test_file("s.csv", "ID\n"), &err));
    OK(rt_dataset_writer_source(writer, "labels", test_path("s.csv"), &err));
    OK(rt_dataset_writer_commit(writer, &err));
    OK(rt_dataset_open(&set, folder, &err));
    const rt_target *read = rt_dataset_at(set, 0);
    assert_string_equal(read->description, target.description);
    assert_string_equal(read->all_sequences, target.all_sequences);
    assert_string_equal(read->stoichiometry, "A:2");
    assert_string_equal(read->msa, "");
    assert_int_equal(read->n_template, 40);
    assert_int_equal(read->origin, RT_ORIGIN_TEST | RT_ORIGIN_VALIDATION);
    assert_true(isnan(read->completeness) && isnan(read->resolution));
    assert_int_equal(read->n_break, -1);
    assert_null(rt_target_xyz(read, 0));
    assert_null(rt_target_c1(read, 0, 0));
    rt_origin_print(origin, sizeof origin, read->origin);
    assert_string_equal(origin, "validation,test");
    assert_int_equal(rt_dataset_note_count(set), 1);
    assert_string_equal(rt_dataset_note_at(set, 0)->detail, "2025-01-01\tlate");
    assert_int_equal(rt_dataset_note_at(set, 0)->line, 7);
    assert_int_equal(rt_dataset_source_count(set), 1);
    assert_int_equal(rt_dataset_source_at(set, 0)->size, 3);
    rt_dataset_close(set);
    rt_map map;   /* a tab in a detail cannot add a column */
    OK(rt_map_open(&map, test_path("texts/import.tsv"), &err));
    assert_non_null(memmem(map.data, (size_t)map.size, "train.csv\t7\t2025-01-01?late\n", 28));
    rt_map_close(&map);
}

static void assert_same_file(const char *a, const char *b)
{
    char command[800];
    snprintf(command, sizeof command, "cmp -s '%s' '%s'", a, b);
    if (system(command) != 0) fail_msg("%s and %s differ", a, b);
}

/* A child adds targets and is killed after `count`; the parent goes on.  The bytes are those of a run in one piece. */
static void killed_and_resumed(void **state)
{
    (void)state;
    make_set(test_path("whole"), 60);
    char folder[320];
    snprintf(folder, sizeof folder, "%s", test_path("pieces"));
    for (int round = 0; round < 6; round++) {
        pid_t child = fork();
        if (child == 0) {
            rt_dataset_writer *writer;
            if (rt_dataset_writer_open(&writer, folder, "plan", &err) != RT_OK) _exit(1);
            int64_t from = strtoll(rt_dataset_writer_state(writer), NULL, 10);
            for (int64_t k = from; k < from + 13 && k < 60; k++) {
                char text[24];
                add_target(writer, k);
                snprintf(text, sizeof text, "%lld", (long long)k + 1);
                /* the last three of each round are lost */
                if (k < from + 10 && rt_dataset_writer_checkpoint(writer, text, &err) != RT_OK) _exit(1);
            }
            kill(getpid(), SIGKILL);
        }
        int code;
        waitpid(child, &code, 0);
        assert_true(WIFSIGNALED(code));
        rt_dataset *set;
        assert_int_equal(rt_dataset_open(&set, folder, &err), RT_ERR_IO);
        assert_non_null(strstr(err.hint, "goes on"));
    }
    rt_dataset_writer *writer;
    assert_int_equal(rt_dataset_writer_open(&writer, folder, "another plan", &err), RT_ERR_MISMATCH);
    OK(rt_dataset_writer_open(&writer, folder, "plan", &err));
    assert_string_equal(rt_dataset_writer_state(writer), "60");
    assert_true(rt_dataset_writer_has(writer, "T059"));
    OK(rt_dataset_writer_commit(writer, &err));
    assert_same_file(test_path("whole/index.sqlite"), test_path("pieces/index.sqlite"));
    assert_same_file(test_path("whole/coordinates.bin"), test_path("pieces/coordinates.bin"));
    assert_same_file(test_path("whole/import.tsv"), test_path("pieces/import.tsv"));
    assert_false(rt_folder_exists(test_path("pieces/import.work")));
}

static void two_writers(void **state)
{
    (void)state;
    rt_dataset_writer *first, *second;
    OK(rt_dataset_writer_open(&first, test_path("two"), "", &err));
    assert_int_equal(rt_dataset_writer_open(&second, test_path("two"), "", &err), RT_ERR_IO);
    assert_non_null(strstr(err.what, "another import"));
    rt_dataset_writer_close(first);
    OK(rt_dataset_writer_open(&first, test_path("two"), "", &err));
    OK(rt_dataset_writer_commit(first, &err));
    assert_int_equal(rt_dataset_writer_open(&second, test_path("two"), "", &err), RT_ERR_MISMATCH);
    OK(rt_dataset_remove(test_path("two"), &err));
    assert_false(rt_dataset_is_there(test_path("two")));
    OK(rt_dataset_writer_open(&first, test_path("two"), "", &err));
    rt_dataset_writer_close(first);
}

static void damage(void **state)
{
    (void)state;
    rt_dataset *set;
    make_set(test_path("bad"), 5);
    assert_int_equal(rt_dataset_open(&set, test_path("nowhere"), &err), RT_ERR_IO);
    FILE *file = fopen(test_path("bad/coordinates.bin"), "r+b");
    fseek(file, 200, SEEK_SET);
    int byte = fgetc(file);
    fseek(file, 200, SEEK_SET);
    fputc(byte ^ 1, file);
    fclose(file);
    OK(rt_dataset_open(&set, test_path("bad"), &err));
    assert_int_equal(rt_dataset_verify(set, &err), RT_ERR_FORMAT);
    rt_dataset_close(set);
    assert_int_equal(truncate(test_path("bad/coordinates.bin"), 640), 0);
    assert_int_equal(rt_dataset_open(&set, test_path("bad"), &err), RT_ERR_FORMAT);

    /* rows that point elsewhere */
    static const char *const EDITS[] = {
        "UPDATE target SET offset = 1 << 40", "UPDATE target SET offset = 65 WHERE n_conformation > 0",
        "UPDATE target SET n_conformation = 1 << 60", "UPDATE target SET length = 9999", "UPDATE target SET n_slot = 2",
        "UPDATE target SET number = number + 1", "DELETE FROM meta", "PRAGMA application_id = 7", "DROP TABLE note",
        "PRAGMA user_version = 99"};
    for (size_t i = 0; i < sizeof EDITS / sizeof *EDITS; i++) {
        sqlite3 *db;
        OK(rt_dataset_remove(test_path("bad"), &err));
        make_set(test_path("bad"), 5);
        assert_int_equal(sqlite3_open(test_path("bad/index.sqlite"), &db), SQLITE_OK);
        assert_int_equal(sqlite3_exec(db, EDITS[i], NULL, NULL, NULL), SQLITE_OK);
        sqlite3_close(db);
        rt_status status = rt_dataset_open(&set, test_path("bad"), &err);
        if (status == RT_OK) fail_msg("accepted after: %s", EDITS[i]);
    }
    FILE *index = fopen(test_path("bad/index.sqlite"), "w");
    fputs("this is no database at all, only a line of text that is long enough\n", index);
    fclose(index);
    assert_int_equal(rt_dataset_open(&set, test_path("bad"), &err), RT_ERR_FORMAT);
}

static void *read_all(void *argument)
{
    const rt_dataset *set = argument;
    double sum = 0;
    for (int64_t round = 0; round < 200; round++)
        for (int64_t i = 0; i < rt_dataset_count(set); i++) {
            const rt_target *target = rt_dataset_find(set, rt_dataset_at(set, i)->id);
            sum += rt_target_xyz(target, target->n_conformation - 1)[0];
        }
    return sum > 0 ? argument : NULL;
}

static void several_threads(void **state)
{
    (void)state;
    rt_dataset *set;
    pthread_t thread[4];
    make_set(test_path("threads"), 30);
    OK(rt_dataset_open(&set, test_path("threads"), &err));
    for (int i = 0; i < 4; i++) pthread_create(&thread[i], NULL, read_all, set);
    for (int i = 0; i < 4; i++) {
        void *result;
        pthread_join(thread[i], &result);
        assert_ptr_equal(result, set);
    }
    rt_dataset_close(set);
}

/* The C1' of a straight chain, 6 Angstrom apart. */
static void completeness_and_breaks(void **state)
{
    (void)state;
    float xyz[10][3];
    rt_target target = rt_target_empty();
    target.length = 10;
    target.n_slot = 1;
    for (int i = 0; i < 10; i++) xyz[i][0] = 6 * (float)i, xyz[i][1] = xyz[i][2] = 0;
    rt_target_measure(&target, xyz[0]);
    assert_true(target.completeness == 1);
    assert_int_equal(target.n_break, 0);
    xyz[0][0] = xyz[9][1] = NAN;         /* ends that are missing are no breaks */
    rt_target_measure(&target, xyz[0]);
    assert_true(target.completeness == 0.8);
    assert_int_equal(target.n_break, 0);
    xyz[4][2] = xyz[5][2] = NAN;         /* a hole of two is one break */
    rt_target_measure(&target, xyz[0]);
    assert_int_equal(target.n_break, 1);
    for (int i = 7; i < 10; i++) xyz[i][0] += 20;
    rt_target_measure(&target, xyz[0]);
    assert_int_equal(target.n_break, 2);
    target.segments = "A/1:1-5;A/2:6-7;B/1:8-10";   /* both at the ends of segments */
    rt_target_measure(&target, xyz[0]);
    assert_int_equal(target.n_break, 0);
}

static void slots(void **state)
{
    (void)state;
    for (int slot = 0; slot < RT_SLOT_COUNT; slot++) {
        const char *name = rt_atom_slot_name(slot);
        assert_int_equal(rt_atom_slot_find(name, (int64_t)strlen(name)), slot);
    }
    assert_string_equal(rt_atom_slot_name(RT_SLOT_C1P), "C1'");
    assert_string_equal(rt_atom_slot_name(RT_SLOT_O6), "O6");
    assert_string_equal(rt_atom_slot_name(RT_SLOT_P), "P");
    assert_string_equal(rt_atom_slot_name(RT_SLOT_O3P), "O3'");
    assert_string_equal(rt_atom_slot_name(RT_SLOT_O2P), "O2'");
    assert_string_equal(rt_atom_slot_name(RT_SLOT_OP3), "OP3");
    assert_int_equal(rt_atom_slot_find("C1*", 3), -1);
    assert_int_equal(rt_atom_slot_find("C1'x", 3), RT_SLOT_C1P);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back),       cmocka_unit_test(texts_and_unknowns), cmocka_unit_test(killed_and_resumed),
        cmocka_unit_test(two_writers),      cmocka_unit_test(damage),             cmocka_unit_test(several_threads),
        cmocka_unit_test(completeness_and_breaks), cmocka_unit_test(slots),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
