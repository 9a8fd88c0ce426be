/* import_test.c - the competition's tables in every state that a user may have them in */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "prep/import_test.h"

#define SEQUENCES "target_id,sequence,temporal_cutoff,description,all_sequences\n"
#define LABELS "ID,resname,resid,x_1,y_1,z_1\n"

static void import(const rt_import_options *opt_options) { import_with(rt_import_kaggle, opt_options); }

static rt_status import_fails(void)
{
    rt_import_options options = options_of();
    return rt_import_kaggle(&options, &err);
}

static void expect_refused(const char *target, const char *reason, int64_t line, const char *word)
{
    const rt_dataset_note *note = find_note(reason, target);
    if (!note) fail_msg("%s is not noted for %s", target, reason);
    assert_string_equal(note->outcome, "refused");
    if (line) assert_int_equal(note->line, line);
    if (!strstr(note->detail, word)) fail_msg("%s: '%s' lacks '%s'", target, note->detail, word);
    assert_null(rt_dataset_find(set, target));
}

static void assert_c1(const char *target, int64_t conformation, int64_t residue, double x)
{
    const rt_target *found = rt_dataset_find(set, target);
    if (!found) fail_msg("%s is not in the set", target);
    const float *c1 = rt_target_c1(found, conformation, residue);
    if (isnan(x)) assert_true(isnan(c1[0]) && isnan(c1[1]) && isnan(c1[2]));
    else assert_true(c1[0] == (float)x);
}

static void quotes_dates_and_filters(void **state)
{
    (void)state;
    test_file("in/train_sequences.csv", "\xEF\xBB\xBF" SEQUENCES
              "A,GC,2020-01-01,\"two\nlines, \"\"quoted\"\"\",\">a\nGC\n\"\r\n"
              "B,G-C,2020-01-01,,\nC,GXC,2020-01-01,,\nD,GNC,2020-01-01,,\nE,GTC,,,\nF,,2020-01-01,,\n"
              "L,GC,2022-05-27,,\nM,GC,2022-05-26 00:00:00,,\nN,GC,soon,,\nO,GC,,,\n");
    test_file("in/train_labels.csv", LABELS
              "A_1,G,1,1.5,0,0\nA_2,C,2,-1e18,-1e18,-1e18\nL_1,G,1,1,1,1\nL_2,C,2,1,1,1\nM_1,G,1,1,1,1\nM_2,C,2,1,1,1\n"
              "N_1,G,1,1,1,1\nN_2,C,2,1,1,1\nO_1,G,1,1,1,1\nO_2,C,2,1,1,1\n");
    rt_import_options options = options_of();
    options.before = "2022-05-27";
    import(&options);
    assert_int_equal(rt_dataset_count(set), 4);
    const rt_target *a = rt_dataset_find(set, "A");
    assert_string_equal(a->description, "two\nlines, \"quoted\"");
    assert_string_equal(a->all_sequences, ">a\nGC\n");
    assert_string_equal(a->cutoff, "2020-01-01");
    assert_true(a->completeness == 0.5);
    assert_int_equal(a->slots, RT_SLOTS_C1P);
    assert_c1("A", 0, 0, 1.5);
    assert_c1("A", 0, 1, NAN);
    expect_refused("B", "invalid_characters", 6, "'-' at 2");
    expect_refused("C", "invalid_characters", 7, "'X' at 2");
    expect_refused("D", "unknown_residue", 8, "'N' at 2");
    expect_refused("E", "unknown_residue", 9, "'T' at 2");
    expect_refused("F", "empty_sequence", 10, "");
    expect_refused("L", "after_cutoff", 11, "2022-05-27");
    assert_string_equal(rt_dataset_find(set, "M")->cutoff, "2022-05-26");
    assert_string_equal(find_note("no_date", "N")->outcome, "kept");
    assert_non_null(find_note("no_date", "O"));
}

static void labels_that_do_not_fit(void **state)
{
    (void)state;
    test_file("in/train_sequences.csv", SEQUENCES
              "A,GC,,,\nB,GC,,,\nC,GC,,,\nD,GC,,,\nE,GC,,,\nF,GC,,,\nG,GC,,,\nH,GC,,,\nI,GC,,,\n");
    test_file("in/train_labels.csv", LABELS
              "A_1,G,1,1,1,1\nA_2,U,2,1,1,1\n"                         /* another letter, line 3 */
              "B_1,G,1,1,1,1\n"                                        /* half of its rows, line 4 */
              "C_1,G,1,1,1,1\nC_1,G,1,1,1,1\nC_2,C,2,1,1,1\n"          /* twice, line 6 */
              "D_1,G,1,1,1,1\nD_2,C,2,1,1,1\nD_3,C,3,1,1,1\n"          /* beyond its end, line 10 */
              "E_1,G,1,,,\nE_2,C,2,,,\n"                               /* nothing resolved */
              "X_1,G,1,1,1,1\nX_2,G,2,1,1,1\n"                         /* nobody's */
              "F_1,G,1,1,,1\nF_2,C,2,1,1,1\n"                          /* a coordinate is missing */
              "H_2,C,2,2,2,2\nH_1,G,1,1,1,1\n"                         /* backwards */
              "I_1,G,7,1,1,1\nI_2,C,8,1,1,1\n");                       /* numbers that differ, line 19 */
    import(NULL);
    expect_refused("A", "label_mismatch", 3, "residue 2 is 'U', 'C' in the sequence");
    expect_refused("B", "label_mismatch", 4, "1 of 2");
    expect_refused("C", "label_mismatch", 6, "twice");
    expect_refused("D", "label_mismatch", 10, "residue 3 of a sequence of 2");
    expect_refused("E", "no_resolved_residue", 11, "");
    expect_refused("G", "missing_labels", 8, "");
    expect_refused("I", "label_mismatch", 19, "resid is 7");
    assert_string_equal(find_note("labels_without_sequence", "X")->detail, "2 rows");
    assert_string_equal(find_note("labels_without_sequence", "X")->outcome, "ignored");
    assert_c1("F", 0, 0, NAN);
    assert_c1("F", 0, 1, 1);
    assert_non_null(strstr(find_note("half_missing_atoms", "F")->detail, "1 atoms"));
    assert_c1("H", 0, 0, 1);
    assert_c1("H", 0, 1, 2);
    assert_non_null(find_note("rows_out_of_order", "H"));
    assert_int_equal(rt_dataset_count(set), 2);
}

/* Rows of one target in several places of the table; and rows again after it was complete. */
static void rows_that_are_not_together(void **state)
{
    (void)state;
    test_file("in/train_sequences.csv", SEQUENCES "A,GCA,,,\nB,GC,,,\nC,GC,,,\nD,GC,,,\nE,GC,,,\n");
    test_file(
        "in/train_labels.csv", LABELS
        "A_1,G,1,1,0,0\nB_1,G,1,5,0,0\nA_3,A,3,3,0,0\nB_2,C,2,6,0,0\nC_1,G,1,7,0,0\nC_2,C,2,8,0,0\nA_2,C,2,2,0,0\n"
        "C_1,G,1,7,0,0\nD_1,G,1,1,1,1\nE_1,G,1,1,1,1\nD_1,G,1,1,1,1\nE_1,G,1,1,1,1\n");
    import(NULL);
    for (int i = 0; i < 3; i++) assert_c1("A", 0, i, i + 1);
    for (int i = 0; i < 2; i++) assert_c1("B", 0, i, i + 5);
    assert_non_null(find_note("rows_not_together", "A"));
    assert_non_null(find_note("rows_not_together", "B"));
    expect_refused("C", "label_mismatch", 9, "more rows");
    expect_refused("D", "label_mismatch", 12, "twice");
    expect_refused("E", "label_mismatch", 13, "twice");
    assert_int_equal(rt_dataset_count(set), 2);
    assert_string_equal(rt_dataset_at(set, 0)->id, "A");
}

static void tables_and_their_origins(void **state)
{
    (void)state;
    test_file("in/train_sequences.csv", SEQUENCES "OLD,GC,,,\n");
    test_file("in/train_sequences.v2.csv", SEQUENCES "OLD,GC,,,\n");
    test_file("in/train_sequences.v2.1.csv", SEQUENCES
              "A,GC,,,\nA,GC,,,\nR1,GC,,,\nR2,GCA,2024-01-01,,\nBOTH,GG,,,\nOTHER,GG,,,\n");
    test_file("in/train_labels.csv", LABELS
              "A_1,G,1,1,1,1\nA_2,C,2,1,1,1\nR1_1,G,1,2,2,2\nR1_2,C,2,2,2,2\nBOTH_1,G,1,9,9,9\nBOTH_2,G,2,9,9,9\n"
              "OTHER_1,G,1,9,9,9\nOTHER_2,G,2,9,9,9\n");
    test_file("in/train_allatom.csv",
              "ID,resname,resid,C1'_x_1,C1'_y_1,C1'_z_1,P_x_1,P_y_1,P_z_1,H1_x_1,H1_y_1,H1_z_1\n"
              "BOTH_1,G,1,4,5,6,1,2,3,0,0,0\nBOTH_2,G,2,7,8,9,,,,0,0,0\n");
    test_file("in/validation_sequences.csv", SEQUENCES "V,GC,,,\nR2,GCA,2024-01-01,,\nW,GC,,,\nOTHER,GC,,,\n");
    test_file("in/validation_labels.csv", "ID,resname,resid,x_1,y_1,z_1,x_2,y_2,z_2,x_4,y_4,z_4\n"
              "V_1,G,1,1,1,1,-1e18,-1e18,-1e18,3,3,3\nV_2,C,2,1,1,1,-1e18,-1e18,-1e18,-1.0e+18,-1e18,-1e18\n");
    test_file("in/test_sequences.csv", SEQUENCES "V,GC,,,\nR1,GC,,,\nT,GGG,,,\n");
    rt_import_options options = options_of();
    options.before = "2023-01-01";
    import(&options);
    assert_null(rt_dataset_find(set, "OLD"));
    assert_int_equal(rt_dataset_find(set, "A")->origin, RT_ORIGIN_TRAIN);
    assert_int_equal(rt_dataset_find(set, "R1")->origin, RT_ORIGIN_TRAIN | RT_ORIGIN_TEST);
    assert_int_equal(rt_dataset_find(set, "V")->origin, RT_ORIGIN_VALIDATION | RT_ORIGIN_TEST);
    assert_int_equal(rt_dataset_find(set, "T")->origin, RT_ORIGIN_TEST);
    assert_int_equal(rt_dataset_find(set, "T")->n_conformation, 0);
    /* too late for training, kept for validation, without labels */
    assert_int_equal(rt_dataset_find(set, "R2")->origin, RT_ORIGIN_VALIDATION);
    assert_non_null(find_note("missing_labels", "W"));
    assert_int_equal(rt_dataset_find(set, "W")->n_conformation, 0);
    /* conformations without an atom are left out */
    assert_int_equal(rt_dataset_find(set, "V")->n_conformation, 2);
    assert_c1("V", 1, 0, 3);
    assert_c1("V", 1, 1, NAN);
    /* the same name with another sequence: the first one stands */
    assert_int_equal(rt_dataset_find(set, "OTHER")->origin, RT_ORIGIN_TRAIN);
    assert_non_null(strstr(find_note("duplicate_target", "OTHER")->detail, "another sequence"));
    assert_non_null(strstr(find_note("duplicate_target", "A")->detail, "the same sequence"));
    /* all atoms before C1' alone */
    const rt_target *both = rt_dataset_find(set, "BOTH");
    assert_int_equal(both->n_slot, RT_SLOT_COUNT);
    assert_int_equal(both->slots, 1 << RT_SLOT_C1P | 1 << RT_SLOT_P);
    assert_c1("BOTH", 0, 1, 7);
    assert_true(both->xyz[RT_SLOT_P * 3 + 2] == 3);
    assert_true(isnan(both->xyz[(RT_SLOT_COUNT + RT_SLOT_P) * 3]));
    assert_true(isnan(both->xyz[RT_SLOT_O2P * 3]));
    assert_non_null(find_note("unknown_columns", ""));
}

static void second_part(void **state)
{
    (void)state;
    test_file("in/train_sequences.csv",
              "target_id,sequence,temporal_cutoff,description,stoichiometry,all_sequences,ligand_ids,ligand_SMILES\n"
              "4TNA,GCGCA,1978-04-12,,A:2;B:1,,MG;SAM,[Mg+2]\n");
    test_file("in/train_labels.csv", "ID,resname,resid,x_1,y_1,z_1,chain,copy\n"
              "4TNA_1,G,1,0,0,0,A,1\n4TNA_2,C,2,5,0,0,A,1\n4TNA_3,G,1,100,0,0,A,2\n4TNA_4,C,2,105,0,0,A,2\n"
              "4TNA_5,A,1,200,0,0,B,1\n");
    import(NULL);
    const rt_target *target = rt_dataset_at(set, 0);
    assert_string_equal(target->stoichiometry, "A:2;B:1");
    assert_string_equal(target->ligand_ids, "MG;SAM");
    assert_string_equal(target->ligand_smiles, "[Mg+2]");
    assert_string_equal(target->segments, "A/1:1-2;A/2:3-4;B/1:5-5");
    assert_int_equal(target->n_break, 0);
}

static void alignments_and_limits(void **state)
{
    (void)state;
    test_file("in/train_sequences.csv", SEQUENCES "A,GCA,,,\nB,GCA,,,\nC,GCA,,,\n");
    test_file("in/train_labels.csv", LABELS
              "A_1,G,1,0,0,0\nA_2,C,2,5,0,0\nA_3,A,3,10,0,0\nB_1,G,1,0,0,0\nB_2,C,2,,,\nB_3,A,3,,,\n"
              "C_1,G,1,0,0,0\nC_2,C,2,5,0,0\nC_3,A,3,50,0,0\n");
    OK(rt_make_folder(test_path("in/MSA"), &err));
    test_file("in/MSA/A.MSA.fasta", ">A\nGCA\n");
    rt_import_options options = options_of();
    options.min_completeness = 0.5;
    options.max_breaks = 0;
    import(&options);
    expect_refused("B", "completeness", 5, "0.333");
    expect_refused("C", "chain_breaks", 8, "1 chain breaks");
    assert_non_null(strstr(rt_dataset_find(set, "A")->msa, "/MSA/A.MSA.fasta"));
}

/* What ends an import, with the file, the line and a hint. */
static void damaged_tables(void **state)
{
    static const struct { const char *labels, *word; int line; } BAD[] = {
        {LABELS "A_1,G,1,1,1,1\nA_2,C,2,1,1\n", "5 fields", 3},
        {LABELS "A_1,G,1,1,1,1\nA_2,C,2,1,one,1\n", "'one' is not a number", 3},
        {LABELS "A_1,G,1,1,1,1\nA-2,C,2,1,1,1\n", "does not end in _NUMBER", 3},
        {LABELS "A_1,G,1,1,1,1\n\"A_2,C,2,1,1,1\n", "never closed", 3},
        {"ID,resid,x_1,y_1,z_1\nA_1,1,1,1,1\n", "no column 'resname'", 1},
        {"ID,resname,resid,x_1,z_1\nA_1,G,1,1,1\n", "no column y_1", 1},
        {"ID,resname,resid,a,b\nA_1,G,1,1,1\n", "no coordinates", 1},
        {"ID,resname,resid,x_1,y_1,z_1,x_1\nA_1,G,1,1,1,1,1\n", "'x_1' twice", 1},
        {"ID,resname,resid,x_1,y_1,z_1,P_x_1,P_y_1,P_z_1\nA_1,G,1,1,1,1,1,1,1\n", "mixes", 1},
        {"", "is empty", 0},
    };
    test_file("in/train_sequences.csv", SEQUENCES "A,GC,,,\n");
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        test_file("in/train_labels.csv", BAD[i].labels);
        if (import_fails() != RT_ERR_FORMAT) fail_msg("case %d is taken", (int)i);
        if (!strstr(err.what, BAD[i].word)) fail_msg("case %d: '%s' lacks '%s'", (int)i, err.what, BAD[i].word);
        assert_int_equal(err.line, BAD[i].line);
        assert_non_null(strstr(err.file, "train_labels.csv"));
        assert_true(err.hint[0]);
        OK(rt_dataset_remove(options_of().out, &err));
    }
    test_file("in/train_labels.csv", LABELS "A_1,G,1,1,1,1\nA_2,C,2,1,1,1\n");
    test_file("in/train_sequences.csv", "target,sequence\nA,GC\n");
    assert_int_equal(import_fails(), RT_ERR_FORMAT);
    assert_non_null(strstr(err.what, "no column 'target_id'"));
    assert_int_equal(fresh(state), 0);
    assert_int_equal(import_fails(), RT_ERR_IO);
    test_file("in/train_sequences.csv", SEQUENCES "A,GC,,,\n");
    assert_int_equal(import_fails(), RT_ERR_IO);
    assert_non_null(strstr(err.what, "neither"));
}

/* n targets of 2 to 60 residues, some of them refused, some scattered; packed or not. */
static void write_many(int n, bool packed)
{
    rt_text sequences = {0}, labels = {0}, late = {0};
    char command[256];
    rt_text_add(&sequences, SEQUENCES);
    rt_text_add(&labels, LABELS);
    for (int k = 0; k < n; k++) {
        int length = 2 + k * 7 % 59;
        rt_text_add(&sequences, "T%d,", k);
        for (int i = 0; i < length; i++) {
            char letter = "ACGU"[(i * i + k) % 4];
            rt_text_add(&sequences, "%c", letter);
            rt_text *into = k % 37 == 5 && i > length / 2 ? &late : &labels;   /* rows that are not together */
            rt_text_add(into, "T%d_%d,%c,%d,%.3f,%.3f,%.3f\n", k, i + 1, k % 41 == 3 && i == 1 ? 'N' : letter, i + 1,
                        i * 5.25 + k, k * 0.125, i % 3 * 1.5);
        }
        rt_text_add(&sequences, ",2020-01-01,\"%d\nlines\",\n", k);
    }
    rt_text_add(&labels, "%s", late.data ? late.data : "");
    test_file("in/train_sequences.csv", sequences.data);
    test_file("in/train_labels.csv", labels.data);
    snprintf(command, sizeof command, "gzip -f %s/in/train_labels.csv", test_folder);
    if (packed) assert_int_equal(system(command), 0);
    rt_text_free(&sequences);
    rt_text_free(&labels);
    rt_text_free(&late);
}

static void assert_same_file(const char *a, const char *b)
{
    char command[512];
    snprintf(command, sizeof command, "cmp %s/%s %s/%s", test_folder, a, test_folder, b);
    assert_int_equal(system(command), 0);
}

/* SIGKILL at moments that are drawn, until the import is through: the bytes of a run in one piece. */
static void killed_at_any_moment(void **state)
{
    for (int packed = 0; packed < 2; packed++) {
        char command[256];
        assert_int_equal(fresh(state), 0);
        write_many(2000, packed);
        import(NULL);
        assert_int_equal(rt_dataset_count(set), 2000 - 49);   /* those with a wrong letter */
        rt_dataset_close(set);
        set = NULL;
        snprintf(command, sizeof command, "rm -rf %s/whole && mv %s/out %s/whole", test_folder, test_folder,
                 test_folder);
        assert_int_equal(system(command), 0);
        int kills = 0, code = -1;
        uint32_t draw = 12345 + (uint32_t)packed;
        while (code != 0 && kills < 2000) {
            pid_t child = fork();
            if (child == 0) {
                rt_import_options options = options_of();
                options.checkpoint_bytes = 100000;   /* of 3 MB */
                if (rt_import_kaggle(&options, &err) == RT_OK) _exit(0);
                print_error("%s: %s\n", err.file, err.what);
                _exit(1);
            }
            draw = draw * 1664525 + 1013904223;
            usleep(1000 + (draw >> 8) % (20000 + 2000 * (uint32_t)kills));
            kill(child, SIGKILL);
            int how;
            waitpid(child, &how, 0);
            code = WIFEXITED(how) ? WEXITSTATUS(how) : -1;
            assert_int_not_equal(code, 1);
            kills += code != 0;
            if (rt_dataset_is_there(options_of().out)) break;   /* killed after its last rename */
        }
        print_message("%d kills\n", kills);
        assert_true(kills > 0);
        assert_same_file("whole/index.sqlite", "out/index.sqlite");
        assert_same_file("whole/coordinates.bin", "out/coordinates.bin");
        assert_same_file("whole/import.tsv", "out/import.tsv");
    }
}

static void other_options_and_done(void **state)
{
    (void)state;
    rt_import_options options = options_of();
    bool done;
    write_many(5, false);
    OK(rt_import_is_done(&options, true, &done, &err));
    assert_false(done);
    import(NULL);
    OK(rt_import_is_done(&options, true, &done, &err));
    assert_true(done);
    options.before = "2000-01-01";
    OK(rt_import_is_done(&options, true, &done, &err));
    assert_false(done);
    assert_int_equal(rt_import_kaggle(&options, &err), RT_ERR_MISMATCH);
    assert_non_null(strstr(err.hint, "--force"));
}

/* The competition's own files: as many rows as an independent count. */
static void competition_files(void **state)
{
    (void)state;
    const char *shared = test_shared("the competition's files");
    char folder[512];
    if (!shared) return;
    rt_import_options options = options_of();
    snprintf(folder, sizeof folder, "%s/data/kaggle", shared);
    options.folder = folder;
    import(&options);
    int64_t residues = 0, alignments = 0;
    for (int64_t i = 0; i < rt_dataset_count(set); i++) {
        residues += rt_dataset_at(set, i)->length;
        alignments += rt_dataset_at(set, i)->msa[0] != 0;
    }
    assert_int_equal(rt_dataset_count(set), 564 + 12);
    assert_int_equal(rt_dataset_find(set, "R1156")->n_conformation, 40);
    assert_int_equal(alignments, 17);
    assert_int_equal(residues, 30745);
    assert_c1("1SCL_A", 0, 2, 5.52899980545044);
    expect_refused("7SLP_R", "invalid_characters", 15935, "'X'");
}

int main(void)
{
    rt_log_set_level(RT_LOG_WARN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(quotes_dates_and_filters, fresh),
        cmocka_unit_test_setup(labels_that_do_not_fit, fresh),
        cmocka_unit_test_setup(rows_that_are_not_together, fresh),
        cmocka_unit_test_setup(tables_and_their_origins, fresh),
        cmocka_unit_test_setup(second_part, fresh),
        cmocka_unit_test_setup(alignments_and_limits, fresh),
        cmocka_unit_test_setup(damaged_tables, fresh),
        cmocka_unit_test_setup(killed_at_any_moment, fresh),
        cmocka_unit_test_setup(other_options_and_done, fresh),
        cmocka_unit_test_setup(competition_files, fresh),
    };
    int failed = cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
    rt_dataset_close(set);
    return failed;
}
