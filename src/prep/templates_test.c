/* templates_test.c - template features from hits and tables: what is kept, dropped and why; augmented examples'
 * record */
#include "io/io_test.h"

#include <math.h>

#include "io/test_files.h"
#include "prep/augmented.h"
#include "prep/set_test.h"
#include "prep/templates.h"

static rt_err err;

static void hits_and_dates(void **state)
{
    (void)state;
    rt_template_hits hits;
    rt_release_dates dates;
    expect_ok(rt_template_hits_read(&hits, test_file("h.m8", "T2\t1abc_A\t1e-3\t2\t5\t1\t3\tACGU\tA-GU\r\n\n"
                                                           "T1\t2abc_B\t1E-5\t1\t4\t1\t4\tACGU\tACGU\n"
                                                           "T1\t1abc_A\t1e-9\t1\t4\t1\t4\tACGU\tACGU\n"), &err), &err);
    assert_int_equal(hits.n, 3);
    assert_string_equal(hits.hit[0].source, "1abc_A");            /* by target, then E-value */
    assert_string_equal(hits.hit[1].source, "2abc_B");
    assert_int_equal(hits.hit[2].q_from, 2);
    assert_string_equal(hits.hit[2].t_row, "A-GU");
    rt_template_hits_free_members(&hits);
    static const struct { const char *text, *word; } BAD[] = {
        {"T1\t1abc_A\t1e-3\n", "has 3 columns"},
        {"T1\t1abc\t1e-3\t1\t4\t1\t4\tACGU\tACGU\n", "no PDB chain"},
        {"T1\t1abc_A\tsmall\t1\t4\t1\t4\tACGU\tACGU\n", "no E-value"},
        {"T1\t1abc_A\t1\t0\t4\t1\t4\tACGU\tACGU\n", "no place"},
        {"T1\t1abc_A\t1\t1\t4\t1\t4\tACGU\tACG\n", "do not fit"},
        {"T1\t1abc_A\t1\t1\t5\t1\t4\tACGU\tACGU\n", "do not fit"},
    };
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        assert_int_equal(rt_template_hits_read(&hits, test_file("bad.m8", BAD[i].text), &err), RT_ERR_FORMAT);
        expect_word(err.what, BAD[i].word);
        assert_int_equal(err.line, 1);
    }
    /* RCSB's report as it is: pieces with headings of their own, some with a comma too many */
    expect_ok(rt_release_dates_read(&dates, test_file("d.csv", "Entry ID,Release Date\n\"1ABC\",\"1999-04-20\"\n"
                                   "Identifier,StructureData,\nEntry ID,Release Date,\n\"2abc\",\"2001-01-02\"\n"),
                                       &err), &err);
    assert_string_equal(rt_release_dates_find(&dates, "1abc_A"), "1999-04-20");
    assert_string_equal(rt_release_dates_find(&dates, "2ABC"), "2001-01-02");
    assert_string_equal(rt_release_dates_find(&dates, "3abc_A"), "-");
    rt_release_dates_free_members(&dates);
    assert_int_equal(rt_release_dates_read(&dates, test_file("d.csv", "pdb_id,release_date\n1ABC,yesterday\n"), &err),
                     RT_ERR_FORMAT);
    expect_word(err.what, "'yesterday' is no date");
    assert_int_equal(err.line, 2);
    assert_int_equal(rt_release_dates_read(&dates, test_file("d.csv", "pdb_id,release_date\nhello,1999-01-01\n"),
                                           &err), RT_ERR_FORMAT);
    assert_int_equal(rt_release_dates_read(&dates, test_file("d.csv", "pdb_id,release_date\n"), &err), RT_ERR_FORMAT);
}

static void what_may_not_be_used(void **state)
{
    (void)state;
    rt_target t = rt_target_empty();
    t.id = "R1107";
    t.cutoff = "2022-05-28";
    t.all_sequences = ">7QR4_1|Chain A|x\nMM\n>7QR4_2|Chain B|y\nGG";
    assert_true(rt_template_is_own(&t, "7qr4_B"));
    assert_false(rt_template_is_own(&t, "7qr3_B"));
    assert_false(rt_template_is_own(&t, "-"));
    t.id = "1EHZ_A";
    assert_true(rt_template_is_own(&t, "1ehz_B"));
    t.origin = RT_ORIGIN_STRUCTURES;
    t.source = "/data/4tna.cif.gz";
    assert_true(rt_template_is_own(&t, "4TNA_A"));
    assert_null(rt_template_obstacle(&t, "2022-05-27", NULL));
    assert_string_equal(rt_template_obstacle(&t, "2022-05-28", NULL), "after_cutoff");
    assert_string_equal(rt_template_obstacle(&t, "-", NULL), "no_date");
    assert_string_equal(rt_template_obstacle(&t, "2020-01-02", "2020-01-01"), "after_cutoff");
    assert_null(rt_template_obstacle(&t, "2020-01-01", "2020-01-01"));
    t.cutoff = "";
    assert_null(rt_template_obstacle(&t, "-", NULL));
    assert_string_equal(rt_template_obstacle(&t, "-", "2020-01-01"), "no_date");
}

/* A PDB file of one chain, residue 3 missing, with the C1' of a random walk. */
static void write_structure(const char *name, const char *sequence, const float *xyz)
{
    char text[20000], *at = text;
    static const char *const REMARK = "HEADER    RNA\n";
    at += sprintf(at, "%s", REMARK);
    for (int i = 0, atom = 1; sequence[i]; i++)
        if (i != 2)
            at += sprintf(at, "ATOM  %5d  C1'   %c A%4d    %8.3f%8.3f%8.3f  1.00  0.00           C\n", atom++,
                          sequence[i],
                          i + 1, (double)xyz[3 * i], (double)xyz[3 * i + 1], (double)xyz[3 * i + 2]);
    sprintf(at, "TER\nEND\n");
    char path[320];
    snprintf(path, sizeof path, "%s", test_path("pdb"));
    rt_make_folder(path, &err);
    rt_path_join(path, sizeof path, test_path("pdb"), name);
    expect_ok(rt_write_text(path, text, (int64_t)strlen(text), &err), &err);
}

static void from_structures(void **state)
{
    (void)state;
    static char sequence[41];
    float xyz[3 * 41];
    test_sequence(sequence, 40, 5);
    const test_target all[1] = {{.id = "1EHZ_A", .sequence = sequence, .cutoff = "2010-01-01", .fold = 7}};
    const test_target other = {.id = "x", .fold = 8}, same = {.id = "y", .fold = 7, .noise = 0.05};
    rt_dataset *set = test_set("set", all, 1);
    /* 2abc: another fold, its residues 1..38 without 3 at the target's 3..40; 3abc: the answer's coordinates */
    test_walk(xyz, &other, 40);
    write_structure("2abc.pdb", sequence + 2, xyz);
    test_walk(xyz, &same, 40);
    write_structure("3abc.pdb", sequence, xyz);
    char hits_text[4000], row[41];
    /* what was searched are the residues that are there: 37 of 2abc, 39 of 3abc */
    char seen2[41], seen3[41];
    snprintf(seen2, sizeof seen2, "%.2s-%s", sequence + 2, sequence + 5);
    snprintf(seen3, sizeof seen3, "%.2s-%s", sequence, sequence + 3);
    snprintf(row, sizeof row, "%s", sequence);
    sprintf(hits_text, "1EHZ_A\t2abc_A\t1e-9\t3\t40\t1\t37\t%s\t%s\n" "1EHZ_A\t2abc_A\t1e-8\t3\t40\t1\t37\t%s\t%s\n"
            "1EHZ_A\t3abc_A\t1e-7\t1\t40\t1\t39\t%s\t%s\n" "1EHZ_A\t1ehz_B\t1e-7\t1\t40\t1\t40\t%s\t%s\n"
            "1EHZ_A\t4abc_A\t1e-6\t1\t40\t1\t40\t%s\t%s\n" "1EHZ_A\t5abc_A\t1e-6\t1\t40\t1\t40\t%s\t%s\n"
            "1EHZ_A\t6abc_A\t1e-6\t1\t40\t1\t40\t%s\t%s\n" "1EHZ_A\t2abc_B\t1e-5\t1\t40\t1\t40\t%s\t%s\n"
            "other\t2abc_A\t1e-5\t1\t40\t1\t40\t%s\t%s\n",
            row + 2, seen2, row + 2, seen2, row, seen3, row, row, row, row, row, row, row, row, row, row, row, row);
    rt_template_hits hits;
    rt_release_dates dates;
    rt_template_list list;
    rt_templates_counts c;
    expect_ok(rt_template_hits_read(&hits, test_file("hits.m8", hits_text), &err), &err);
    expect_ok(rt_release_dates_read(&dates, test_file("dates.csv", "1EHZ,2000-01-01\n2ABC,2000-01-01\n3ABC,2000-01-01\n"
                                   "4ABC,2015-01-01\n5ABC,2000-01-01\n"), &err), &err);
    rt_templates_options o = {.set = set, .opt_hits = &hits, .opt_dates = &dates, .opt_structures = test_path("pdb"),
                              .template_tm = 0.95, .limit = 40, .columns = 2};
    char out[320];
    snprintf(out, sizeof out, "%s", test_path("t.pt"));
    expect_ok(rt_templates_write(out, &list, &c, &o, &err), &err);
    assert_int_equal(c.n_kept, 1);
    assert_int_equal(c.n_answer, 1);       /* 3abc */
    assert_int_equal(c.n_own, 1);          /* 1ehz */
    assert_int_equal(c.n_late, 1);         /* 4abc */
    assert_int_equal(c.n_no_file, 1);      /* 5abc */
    assert_int_equal(c.n_undated, 1);      /* 6abc */
    assert_int_equal(c.n_no_match, 1);     /* 2abc has no chain B */
    assert_int_equal(c.n_unknown, 1);      /* "other" is not in the set */
    assert_int_equal(list.n, 7);           /* the second hit on 2abc_A is no template of its own */
    rt_template_file *file;
    expect_ok(rt_template_file_open(&file, out, &err), &err);
    const rt_template *t = rt_template_file_find(file, "1EHZ_A");
    assert_int_equal(t->n_template, 2);
    assert_string_equal(t->sequence, sequence);
    test_walk(xyz, &other, 40);
    for (int r = 0; r < 40; r++) {
        const float *p = t->xyz + 3 * (2 * r);
        assert_true(isnan(p[3]));          /* the second column is empty */
        if (r < 2 || r == 4) assert_true(isnan(p[0]) && isnan(p[2]));
        else for (int d = 0; d < 3; d++) assert_float_equal(p[d], xyz[3 * (r - 2) + d], 6e-4);
    }
    /* the list beside it is what the audit reads */
    rt_template_list read;
    expect_ok(rt_template_list_write(&list, test_path("t.tsv"), &err), &err);
    expect_ok(rt_template_list_read(&read, test_path("t.tsv"), &err), &err);
    assert_string_equal(rt_template_list_find(&read, "1EHZ_A", 1)->source, "2abc_A");
    assert_null(rt_template_list_find(&read, "1EHZ_A", 2));
    rt_template_list_free_members(&read);
    rt_template_file_close(file);
    rt_template_list_free_members(&list);
    rt_release_dates_free_members(&dates);
    rt_template_hits_free_members(&hits);
    rt_dataset_close(set);
}

static void from_a_table(void **state)
{
    (void)state;
    const test_target all[1] = {{.id = "T1", .sequence = "GGGAAAACCC", .fold = 7}};
    rt_dataset *set = test_set("set", all, 1);
    rt_template_file *csv;
    rt_template_list list;
    rt_templates_counts c;
    char text[4000], *at = text + sprintf(text, "ID,resname,resid,x_1,y_1,z_1,x_2,y_2,z_2,x_3,y_3,z_3\n");
    for (int i = 0; i < 10; i++) {         /* column 2 is the answer moved aside, column 3 is empty */
        const float *p = rt_target_c1(rt_dataset_at(set, 0), 0, i);
        at += sprintf(at, "T1_%d,%c,%d,%d,%d,%d,%.3f,%.3f,%.3f,,,\n", i + 1, "GGGAAAACCC"[i], i + 1, 5 * i, i * i, 3,
                      (double)p[0] + 10, (double)p[1], (double)p[2]);
    }
    expect_ok(rt_template_file_open(&csv, test_file("t.csv", text), &err), &err);
    rt_templates_options o = {.set = set, .opt_templates = csv, .template_tm = 0.95, .limit = 40};
    expect_ok(rt_templates_write(test_path("c.pt"), &list, &c, &o, &err), &err);
    assert_int_equal(c.n_kept, 1);
    assert_int_equal(c.n_answer, 1);
    assert_string_equal(list.row[0].source, "-");
    rt_template_list_free_members(&list);
    rt_template_file_close(csv);
    rt_dataset_close(set);
    const test_target another[1] = {{.id = "T1", .sequence = "GGGAAAACCU", .fold = 7}};
    set = test_set("set", another, 1);
    expect_ok(rt_template_file_open(&csv, test_file("t.csv", text), &err), &err);
    o.set = set;
    o.opt_templates = csv;
    assert_int_equal(rt_templates_write(test_path("d.pt"), &list, &c, &o, &err), RT_ERR_MISMATCH);
    expect_word(err.what, "another sequence");
    assert_false(rt_file_exists(test_path("d.pt")));
    rt_template_file_close(csv);
    rt_dataset_close(set);
}

/* Structures of the competition's validation targets, where they are: the recorded table has the same coordinates. */
static void equals_the_recorded_table(void **state)
{
    (void)state;
    rt_template_hits hits;
    rt_template_list list;
    rt_templates_counts c;
    rt_template_file *csv, *made;
    char structures[300];
    int64_t compared = 0;
    expect_ok(rt_template_file_open(&csv, shared("data/kaggle_templates/validation_templates.csv"), &err), &err);
    expect_ok(rt_template_hits_read(&hits, shared("data/kaggle_templates/validation_Result.txt"), &err), &err);
    snprintf(structures, sizeof structures, "%s", shared("data/structures/8s95.cif.gz"));
    *strrchr(structures, '/') = 0;
    test_target all[20];
    int64_t n = 0;
    for (int64_t i = 0; i < rt_template_file_count(csv) && n < 20; i++)
        all[n++] = (test_target){.id = rt_template_file_at(csv, i)->target,
                                 .sequence = rt_template_file_at(csv, i)->sequence};
    rt_dataset *set = test_set("set", all, n);       /* no dates, no answers: every hit whose file is here is kept */
    rt_templates_options o = {.set = set, .opt_hits = &hits, .opt_structures = structures, .template_tm = 0.95,
                              .limit = 40};
    expect_ok(rt_templates_write(test_path("v.pt"), &list, &c, &o, &err), &err);
    print_message("kept %lld no file %lld no match %lld answer %lld\n", (long long)c.n_kept, (long long)c.n_no_file,
                  (long long)c.n_no_match, (long long)c.n_answer);
    assert_true(c.n_kept > 10);
    expect_ok(rt_template_file_open(&made, test_path("v.pt"), &err), &err);
    for (int64_t i = 0; i < rt_template_file_count(made); i++) {
        const rt_template *m = rt_template_file_at(made, i), *w = rt_template_file_find(csv, m->target);
        for (int64_t k = 0; k < m->n_template; k++) {
            double best = INFINITY;
            for (int64_t j = 0; j < w->n_template; j++) {
                double worst = 0;
                int64_t common = 0;
                for (int64_t r = 0; r < m->length; r++) {
                    const float *p = m->xyz + 3 * (r * m->n_template + k), *q = w->xyz + 3 * (r * w->n_template + j);
                    if (isnan(p[0]) || isnan(q[0])) continue;
                    common++;
                    for (int d = 0; d < 3; d++) worst = fmax(worst, fabs((double)(p[d] - q[d])));
                }
                if (common > 3 && worst < best) best = worst;
            }
            compared += best < 1e-3;
        }
    }
    print_message("%lld templates made, %lld of them in the recorded table\n", (long long)c.n_kept,
                  (long long)compared);
    assert_true(compared * 10 >= c.n_kept * 8);
    rt_template_file_close(made);
    rt_template_file_close(csv);
    rt_template_list_free_members(&list);
    rt_template_hits_free_members(&hits);
    rt_dataset_close(set);
}

static void bad_lists(void **state)
{
    (void)state;
    rt_template_list list;
    static const struct { const char *text, *word; } BAD[] = {
        {"target\ttemplate\tsource\nT\t1\t1abc_A\n", "no column 'date'"},
        {"target\ttemplate\tsource\tdate\nT\t1\t1abc_A\tsoon\n", "no date"},
        {"target\ttemplate\tsource\tdate\nT\tone\t1abc_A\t-\n", "not a whole number"},
        {"target\ttemplate\tsource\tdate\nT\t0\t1abc_A\t-\n", "counted from 1"},
        {"target\ttemplate\tsource\tdate\nT\t1\t\t-\n", "a field is empty"},
    };
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        assert_int_equal(rt_template_list_read(&list, test_file("bad.tsv", BAD[i].text), &err), RT_ERR_FORMAT);
        expect_word(err.what, BAD[i].word);
    }
}

static void augmented(void **state)
{
    (void)state;
    rt_augmented a, b;
    static const char TEXT[] = "source\ttier\tpositions\tsequence\tchange\n"
                               "1AAA_A\t2\t1,3-5,9\tACGUACGUAC\tcovariation seed=3\n"
                               "1AAA_A\t5\t-\tACGU\tcrop\n";
    expect_ok(rt_augmented_read(&a, test_file("a.tsv", TEXT), &err), &err);
    assert_int_equal(a.n, 2);
    const int64_t WANT[5] = {1, 3, 4, 5, 9};
    assert_int_equal(a.row[0].n_position, 5);
    assert_memory_equal(a.row[0].position, WANT, sizeof WANT);
    assert_int_equal(a.row[1].n_position, 0);
    expect_ok(rt_augmented_write(&a, test_path("b.tsv"), &err), &err);
    rt_map map;
    expect_ok(rt_map_open(&map, test_path("b.tsv"), &err), &err);
    assert_int_equal(map.size, sizeof TEXT - 1);
    assert_memory_equal(map.data, TEXT, sizeof TEXT - 1);           /* the very same bytes */
    rt_map_close(&map);
    rt_augmented_free_members(&a);
    static const struct { const char *row, *word; } BAD[] = {
        {"T\t2\t1\tACGT\tx\n", "'T' at residue 4"},
        {"T\t0\t1\tACGU\tx\n", "tier 0"},
        {"T\t6\t1\tACGU\tx\n", "tier 6"},
        {"T\tx\t1\tACGU\tx\n", "not a whole number"},
        {"T\t2\t5\tACGU\tx\n", "do not rise"},
        {"T\t2\t3,2\tACGU\tx\n", "do not rise"},
        {"T\t2\t2-1\tACGU\tx\n", "do not rise"},
        {"T\t2\t1,\tACGU\tx\n", "end with a comma"},
        {"T\t2\tone\tACGU\tx\n", "not of the form"},
        {"T\t2\t1-99999999999\tACGU\tx\n", "do not rise"},
        {"\t2\t1\tACGU\tx\n", "'source' is empty"},
        {"T\t2\t1\t\tx\n", "'sequence' is empty"},
    };
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        char text[200];
        sprintf(text, "source\ttier\tpositions\tsequence\tchange\n%s", BAD[i].row);
        assert_int_equal(rt_augmented_read(&b, test_file("bad.tsv", text), &err), RT_ERR_FORMAT);
        expect_word(err.what, BAD[i].word);
        assert_int_equal(err.line, 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hits_and_dates),            cmocka_unit_test(what_may_not_be_used),
            cmocka_unit_test(from_structures),
        cmocka_unit_test(from_a_table),              cmocka_unit_test(bad_lists),
                       cmocka_unit_test(augmented),
        cmocka_unit_test(equals_the_recorded_table),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
