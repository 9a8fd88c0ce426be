/* match_test.c - residues and chains of a model told from each other; the best assignment; tables; rows of scores */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/test_files.h"
#include "score/assign.h"
#include "score/match.h"
#include "score/score.h"
#include "score/score_summary.h"

static rt_tm *tm;

/* Chains of the given sequences on curves in space; numbers from 1 in each. */
static rt_molecule build(const char *const *sequences, int n_chain)
{
    rt_molecule m;
    rt_err err;
    int64_t n = 0, at = 0;
    for (int c = 0; c < n_chain; c++) n += (int64_t)strlen(sequences[c]);
    assert_int_equal(rt_molecule_create(&m, n, n_chain, 0, &err), RT_OK);
    snprintf(m.name, sizeof m.name, "test");
    for (int c = 0; c < n_chain; c++) {
        m.chain[c] = (rt_molecule_chain){.name = {(char)('A' + c)}, .first = at, .n = (int64_t)strlen(sequences[c])};
        for (int64_t i = 0; i < m.chain[c].n; i++, at++)
            m.residue[at] = (rt_molecule_residue){
                .letter = sequences[c][i], .number = (int32_t)i + 1, .label = (int32_t)i + 1, .chain = c,
                    .resolved = true,
                .xyz = {15 * cos(0.4 * (double)i) + 20.0 * c * c, 15 * sin(0.4 * (double)i) + 30 * c,
                        2.8 * (double)i - 7 * c}};
    }
    m.n_resolved = n;
    return m;
}

static const char *const SEQUENCE = "GGACUUCGGUCCAAGCUAGCUUACGGAUCG";

static rt_match match_ok(const rt_molecule *native, const rt_molecule *model)
{
    rt_match match;
    rt_err err;
    if (rt_match_build(&match, tm, native, model, &err) != RT_OK) fail_msg("%s", err.what);
    return match;
}

static void numbers_pair_residues(void **state)
{
    (void)state;
    rt_molecule native = build(&SEQUENCE, 1), model = build(&SEQUENCE, 1);
    rt_match match = match_ok(&native, &model);
    assert_int_equal(match.n_paired, 30);
    assert_int_equal(match.shift, 0);
    for (int i = 0; i < 30; i++) assert_int_equal(match.map[i], i);
    rt_match_free_members(&match);
    /* an unresolved residue and another letter */
    model.residue[3].resolved = false;
    model.residue[5].letter = 'A';
    match = match_ok(&native, &model);
    assert_int_equal(match.n_paired, 29);
    assert_int_equal(match.n_different, 1);
    rt_match_free_members(&match);
    rt_molecule_free_members(&native);
    rt_molecule_free_members(&model);
}

static void insertion_codes_are_numbers_of_their_own(void **state)
{
    (void)state;
    rt_molecule native = build(&SEQUENCE, 1), model = build(&SEQUENCE, 1);
    for (int k = 0; k < 2; k++)
        for (int i = 10; i < 30; i++) {
            rt_molecule_residue *r = &(k ? &model : &native)->residue[i];
            r->number = i < 13 ? 10 : i - 2;
            if (i < 13) r->insertion[0] = (char)('A' + i - 10);
        }
    rt_match match = match_ok(&native, &model);
    for (int i = 0; i < 30; i++) assert_int_equal(match.map[i], i);
    rt_match_free_members(&match);
    rt_molecule_free_members(&native);
    rt_molecule_free_members(&model);
}

static void shifted_numbers_are_found(void **state)
{
    (void)state;
    rt_molecule native = build(&SEQUENCE, 1), model = build(&SEQUENCE, 1);
    for (int i = 0; i < 30; i++) native.residue[i].number = native.residue[i].label = i + 101;
    rt_match match = match_ok(&native, &model);
    assert_int_equal(match.shift, 100);
    assert_int_equal(match.n_paired, 30);
    assert_int_equal(match.map[7], 7);
    rt_match_free_members(&match);
    /* the authors' numbers jump, the polymer's do not */
    for (int i = 0; i < 30; i++) native.residue[i].label = i + 1;
    for (int i = 15; i < 30; i++) native.residue[i].number = 500 + 2 * i;
    match = match_ok(&native, &model);
    assert_true(match.by_label && match.shift == 0 && match.n_paired == 30);
    rt_match_free_members(&match);
    rt_molecule_free_members(&native);
    rt_molecule_free_members(&model);
}

static void other_sequences_are_refused(void **state)
{
    (void)state;
    static const char *const OTHER = "CCCCCCCCCCCCCCCCCCCCCCCCCCCCCC";
    rt_molecule native = build(&SEQUENCE, 1), model = build(&OTHER, 1);
    rt_match match;
    rt_err err;
    assert_int_equal(rt_match_build(&match, tm, &native, &model, &err), RT_ERR_MISMATCH);
    assert_non_null(strstr(err.what, "differ"));
    assert_null(match.map);
    model.chain[0].n = model.n_residue = 0;
    assert_int_equal(rt_match_build(&match, tm, &native, &model, &err), RT_ERR_MISMATCH);
    assert_non_null(strstr(err.what, "no residue in common"));
    model.n_residue = 30;
    rt_molecule_free_members(&native);
    rt_molecule_free_members(&model);
}

/* Three copies and another chain; the model names and orders them otherwise and has an extra chain. */
static void copies_are_assigned_by_their_places(void **state)
{
    (void)state;
    static const char *const OTHER = "AAAACCCCUUUU";
    const char *const sequences[] = {SEQUENCE, SEQUENCE, OTHER, SEQUENCE};
    static const int GIVEN[] = {3, 0, 2, 1};   /* native chain c is the model's GIVEN[c] */
    rt_molecule native = build(sequences, 4), model = build(sequences, 4);
    for (int c = 0; c < 4; c++)
        for (int64_t i = 0; i < native.chain[c].n; i++) {
            const double *from = native.residue[native.chain[c].first + i].xyz;
            double *to = model.residue[model.chain[GIVEN[c]].first + i].xyz;
            to[0] = -from[1] + 0.1 * (double)(i % 3);   /* turned, moved, a little noise */
            to[1] = from[0] + 50;
            to[2] = from[2] - 0.1 * (double)(i % 2);
        }
    rt_match match = match_ok(&native, &model);
    assert_string_equal(match.chain_map.data, "A:D,B:A,C:C,D:B");
    assert_int_equal(match.n_paired, native.n_residue);
    assert_int_equal(match.chain_order[0], 3);
    for (int c = 0; c < 4; c++)
        for (int64_t i = 0; i < native.chain[c].n; i++)
            assert_int_equal(match.map[native.chain[c].first + i], model.chain[GIVEN[c]].first + i);
    rt_match_free_members(&match);
    rt_molecule_free_members(&native);
    rt_molecule_free_members(&model);
}

/* Against every permutation. */
static double best_of_all(const double *value, int n, int row, unsigned used)
{
    double best = row == n ? 0 : -INFINITY;
    for (int j = 0; j < n && row < n; j++) {
        if (used >> j & 1) continue;
        double sum = value[row * n + j] + best_of_all(value, n, row + 1, used | 1u << j);
        if (sum > best) best = sum;
    }
    return best;
}

static void assignments_are_the_best(void **state)
{
    (void)state;
    srand(4);
    for (int trial = 0; trial < 200; trial++) {
        int n = 1 + trial % 6;
        double value[36], sum = 0;
        int32_t column[8];
        rt_err err;
        for (int i = 0; i < n * n; i++) value[i] = trial % 3 ? (double)rand() / RAND_MAX : rand() % 4;
        assert_int_equal(rt_assign_best(column, value, n, n, &err), RT_OK);
        for (int i = 0; i < n; i++) sum += value[i * n + column[i]];
        assert_true(fabs(sum - best_of_all(value, n, 0, 0)) < 1e-9);
    }
    double wide[] = {1, 5, 3, 2, 9, 4}, tall[] = {1, 2, 5, 9, 3, 4};
    int32_t column[3];
    rt_err err;
    assert_int_equal(rt_assign_best(column, wide, 2, 3, &err), RT_OK);
    assert_true(column[0] == 2 && column[1] == 1);
    assert_int_equal(rt_assign_best(column, tall, 3, 2, &err), RT_OK);
    assert_true(column[0] == -1 && column[1] == 1 && column[2] == 0);
}

/* ---- tables and rows ------------------------------------------------------------------------------------------- */

/* n residues of T, coordinates by a function of row and model; a model of 0 leaves the fields empty. */
static const char *table(const char *name, int n, int models, double noise)
{
    static char text[65536];
    int at = snprintf(text, sizeof text, "ID,resname,resid");
    for (int m = 1; m <= models; m++) at += snprintf(text + at, sizeof text - (size_t)at, ",x_%d,y_%d,z_%d", m, m, m);
    for (int i = 0; i < n; i++) {
        at += snprintf(text + at, sizeof text - (size_t)at, "\nT_%d,%c,%d", i + 1, SEQUENCE[i % 30], i + 1);
        for (int m = 1; m <= models; m++) {
            double wave = noise * m * sin(i * 7.0 + m);
            if (m == 3) at += snprintf(text + at, sizeof text - (size_t)at, i % 2 ? ",,," : ",-1e18,-1e18,-1e18");
            else at += snprintf(text + at, sizeof text - (size_t)at, ",%.4f,%.4f,%.4f", 15 * cos(0.4 * i) + wave,
                                15 * sin(0.4 * i) - wave, 2.8 * i + wave);
        }
    }
    return test_file(name, text);
}

static void tables_become_rows(void **state)
{
    (void)state;
    rt_score_set natives, models;
    rt_score_report report, threads;
    rt_score_options options = {.atom = "C1'", .align = true, .number = true, .details = true, .threads = 1};
    rt_err err;
    assert_int_equal(rt_score_set_natives(&natives, table("n.csv", 40, 3, 0), "C1'", &err), RT_OK);
    assert_int_equal(rt_score_set_models(&models, table("p.csv", 40, 4, 0.5), &natives, "C1'", &err), RT_OK);
    assert_int_equal(natives.item[0].molecule[2].n_resolved, 0);
    if (rt_score_run(&report, &natives, &models, &options, &err) != RT_OK) fail_msg("%s", err.what);
    assert_int_equal(report.table.n_row, 3);   /* the third model is empty */
    const rt_score_row *row = report.table.row;
    assert_string_equal(row[0].target, "T");
    assert_string_equal(row[2].model, "4");
    assert_true(row[0].tm_resid > row[1].tm_resid && row[1].tm_resid > row[2].tm_resid && row[2].tm_resid > 0);
    assert_true(row[0].tm_align >= row[0].tm_resid - 1e-9 && row[0].rmsd > 0 && row[0].rmsd < 1);
    assert_true(row[0].n_native == 40 && row[0].n_missing == 0 && row[0].n_reference == 2 && row[0].n_model_total == 3);
    assert_true(isnan(row[0].lddt_all) && isnan(row[0].inf_all) && isnan(row[0].clash) && row[0].lddt_c1 > 0.9);
    assert_true(row[0].rank == 1 && row[2].rank == 4);
    /* two threads give the same bytes */
    rt_text one = {0}, two = {0};
    options.threads = 2;
    assert_int_equal(rt_score_run(&threads, &natives, &models, &options, &err), RT_OK);
    rt_score_table_print(&one, &report.table);
    rt_score_table_print(&two, &threads.table);
    assert_string_equal(one.data, two.data);
    double best = round(row[0].tm_resid * 1e5) / 1e5;
    assert_true(fabs(rt_score_kaggle(&report.table, 1, 2) - best) < 1e-12);
    assert_true(fabs(rt_score_kaggle(&report.table, 2, 2) - best / 2) < 1e-12);   /* a target without a model counts */
    rt_text_free(&one);
    rt_text_free(&two);
    rt_score_report_free_members(&report);
    rt_score_report_free_members(&threads);
    rt_score_set_free_members(&natives);
    rt_score_set_free_members(&models);
}

/* Labels of two copies of a chain, and a submission without columns for chains that has them the other way round. */
static void copies_of_a_table_are_reordered(void **state)
{
    (void)state;
    rt_score_set natives, models;
    rt_score_report report;
    rt_score_options options = {.atom = "C1'", .align = true, .number = true, .threads = 1};
    rt_err err;
    static char labels[8192], submission[8192];
    int a = snprintf(labels, sizeof labels, "ID,resname,resid,chain,copy,x_1,y_1,z_1");
    int b = snprintf(submission, sizeof submission, "ID,resname,resid,x_1,y_1,z_1");
    for (int i = 0; i < 40; i++) {
        int copy = i / 20, k = i % 20;
        double x = 15 * cos(0.4 * k), y = 15 * sin(0.4 * k), z = 2.8 * k;
        a += snprintf(labels + a, sizeof labels - (size_t)a, "\nT_%d,%c,%d,A,%d,%.3f,%.3f,%.3f", i + 1, SEQUENCE[k], i + 1,
                      copy + 1, x + 60 * copy, y, z + 5 * copy);
        b += snprintf(submission + b, sizeof submission - (size_t)b, "\nT_%d,%c,%d,%.3f,%.3f,%.3f", i + 1, SEQUENCE[k],
                      i + 1, x + 60 * (1 - copy), y, z + 5 * (1 - copy));
    }
    assert_int_equal(rt_score_set_natives(&natives, test_file("n.csv", labels), "C1'", &err), RT_OK);
    assert_int_equal(rt_score_set_models(&models, test_file("p.csv", submission), &natives, "C1'", &err), RT_OK);
    if (rt_score_run(&report, &natives, &models, &options, &err) != RT_OK) fail_msg("%s", err.what);
    assert_int_equal(report.table.n_row, 1);
    assert_true(fabs(report.table.row[0].tm_resid - 1) < 1e-6 && fabs(report.table.row[0].tm_align - 1) < 1e-6);
    assert_int_equal(report.table.row[0].n_chain, 2);
    assert_string_equal(report.table.row[0].chain_map, "A_1:A_2,A_2:A_1");
    assert_true(report.pose[0].known && fabs(report.pose[0].rigid.u[0][0] - 1) < 1e-6);
    rt_score_report_free_members(&report);
    rt_score_set_free_members(&natives);
    rt_score_set_free_members(&models);
}

static void two_resolved_residues_score_nothing(void **state)
{
    (void)state;
    rt_score_set natives, models;
    rt_score_report report;
    rt_score_options options = {.atom = "C1'", .align = true, .number = true, .threads = 1};
    rt_err err;
    const char *two = "ID,resname,resid,x_1,y_1,z_1\nT_1,G,1,1,2,3\nT_2,G,2,2,3,4\nT_3,A,3,-1e18,-1e18,-1e18\n";
    assert_int_equal(rt_score_set_natives(&natives, table("n.csv", 40, 1, 0), "C1'", &err), RT_OK);
    assert_int_equal(rt_score_set_models(&models, test_file("p.csv", two), &natives, "C1'", &err), RT_OK);
    assert_int_equal(rt_score_run(&report, &natives, &models, &options, &err), RT_OK);
    assert_int_equal(report.table.n_row, 1);
    assert_true(report.table.row[0].tm_align == 0 && report.table.row[0].tm_resid == 0 &&
                isnan(report.table.row[0].rmsd));
    assert_int_equal(report.table.row[0].n_missing, 38);
    rt_score_report_free_members(&report);
    rt_score_set_free_members(&natives);
    rt_score_set_free_members(&models);
}

static void coordinates_are_clamped_and_rounded(void **state)
{
    (void)state;
    rt_score_set set;
    rt_err err;
    const char *path = test_file("c.csv", "ID,resname,resid,P_x_1,P_y_1,P_z_1,C1'_x_1,C1'_y_1,C1'_z_1\n"
                                          "R_a_1,G,1,1,2,3,-5000,99999,1.23456\nR_a_2,x,2,,,,4,5,NaN\n");
    assert_int_equal(rt_score_set_natives(&set, path, "C1'", &err), RT_OK);
    const rt_molecule *m = &set.item[0].molecule[0];
    assert_string_equal(set.item[0].target, "R_a");
    assert_true(m->residue[0].xyz[0] == -999.999 && m->residue[0].xyz[1] == 9999.999 && m->residue[0].xyz[2] == 1.235);
    assert_false(m->residue[1].resolved);
    assert_int_equal(m->residue[1].letter, 'N');
    assert_int_equal(m->n_atom, 2);   /* P and C1' of the first residue */
    rt_score_set_free_members(&set);
}

static void bad_tables_are_refused_with_their_place(void **state)
{
    (void)state;
    static const struct { const char *text, *what; rt_status status; } CASES[] = {
        {"ID,resname,resid,x_1,y_1\nT_1,G,1,1,2\n", "no column z_1", RT_ERR_FORMAT},
        {"ID,resname,resid\nT_1,G,1\n", "no coordinates", RT_ERR_FORMAT},
        {"ID,resname,resid,x_1,y_1,z_1\nT1,G,1,1,2,3\n", "is not <target>_<number>", RT_ERR_FORMAT},
        {"ID,resname,resid,x_1,y_1,z_1\nT_1,G,1,1,2,x\n", "x", RT_ERR_FORMAT},
        {"ID,resname,resid,x_1,y_1,z_1\nT_1,G,1,1,2,3\nT_1,G,1,1,2,3\n", "is there twice", RT_ERR_FORMAT},
        {"ID,resname,resid,x_1,y_1,z_1\nT_1,G,1,1,2,3\nU_1,G,1,1,2,3\nT_2,G,2,1,2,3\n", "are not together", RT_ERR_MISMATCH},
        {"ID,resname,resid,x_1,y_1,z_1\n", "no rows", RT_ERR_FORMAT},
        {"ID,resname,resid,P_x_1,P_y_1,P_z_1\nT_1,G,1,1,2,3\n", "no coordinates of the atom C1'", RT_ERR_MISMATCH},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        rt_score_set set;
        rt_err err;
        assert_int_equal(rt_score_set_natives(&set, test_file("b.csv", CASES[i].text), "C1'", &err), CASES[i].status);
        if (!strstr(err.what, CASES[i].what)) fail_msg("'%s' lacks '%s'", err.what, CASES[i].what);
        assert_null(set.item);
    }
}

static void the_summary_counts_targets(void **state)
{
    (void)state;
    rt_score_row rows[3];
    rt_score_table t = {rows, 3, 3};
    rt_score_summary summary;
    rt_err err;
    for (int i = 0; i < 3; i++) {
        rt_score_row_init(&rows[i]);
        strcpy(rows[i].target, i < 2 ? "A" : "B");
        rows[i].length = i < 2 ? 50 : 600;
        rows[i].n_chain = 1;
        rows[i].tm_resid = 0.25 * (i + 1);
        rows[i].n_missing = i;
    }
    assert_int_equal(rt_score_summary_build(&summary, &t, &err), RT_OK);
    assert_int_equal(summary.n_stratum, 4);   /* all, short, long, one chain */
    const rt_score_summary_stratum *all = &summary.stratum[0];
    assert_true(all->n_target == 2 && all->n_model == 3 && all->n_missing == 2);
    assert_true(fabs(all->mean[2] - 0.5) < 1e-12 && fabs(all->mean[3] - 0.625) < 1e-12 &&
                fabs(all->median[3] - 0.625) < 1e-12);
    assert_true(isnan(all->mean[0]));
    assert_string_equal(summary.stratum[2].name, "length > 512");
    rt_score_summary_free_members(&summary);
}

static int set_up(void **state)
{
    rt_err err;
    return test_folder_make(state) || rt_tm_create(&tm, &err);
}

static int tear_down(void **state)
{
    rt_tm_free(tm);
    return test_folder_remove(state);
}

static void strata_hold_their_boundaries(void **state)
{
    (void)state;
    static const struct { int64_t length, chains, templates; } TARGET[] = {
        {100, 1, 0}, {101, 2, 3}, {512, 1, -1}, {513, 1, 1}};
    static const struct { const char *name; int64_t targets; double mean, median; } EXPECTED[] = {
        {"all", 4, 0.55, 0.45},           {"length <= 100", 1, 0.4, 0.4},    {"length 101-512", 2, 0.4, 0.4},
        {"length > 512", 1, 1.0, 1.0},    {"with templates", 2, 0.65, 0.65}, {"without templates", 1, 0.4, 0.4},
        {"one chain", 3, 1.9 / 3, 0.5},   {"several chains", 1, 0.3, 0.3}};
    static const double BEST[] = {0.4, 0.3, 0.5, 1.0};
    rt_score_row rows[4 * 6];
    rt_score_table t = {rows, 24, 24};
    rt_score_summary summary;
    rt_text text = {0};
    rt_err err;
    for (int i = 0; i < 24; i++) {
        rt_score_row_init(&rows[i]);
        snprintf(rows[i].target, sizeof rows[i].target, "T%d", i / 6);
        rows[i].length = TARGET[i / 6].length;
        rows[i].n_chain = TARGET[i / 6].chains;
        rows[i].n_template = TARGET[i / 6].templates;
        rows[i].tm_resid = i % 6 == 4 ? BEST[i / 6] : i % 6 == 5 ? 1 : 0.1;   /* the sixth model does not count */
    }
    assert_int_equal(rt_score_summary_build(&summary, &t, &err), RT_OK);
    assert_int_equal(summary.n_stratum, 8);
    for (int s = 0; s < 8; s++) {
        const rt_score_summary_stratum *stratum = &summary.stratum[s];
        assert_string_equal(stratum->name, EXPECTED[s].name);
        assert_int_equal(stratum->n_target, EXPECTED[s].targets);
        assert_true(fabs(stratum->mean[3] - EXPECTED[s].mean) < 1e-12);
        assert_true(fabs(stratum->median[3] - EXPECTED[s].median) < 1e-12);
        assert_true(fabs(stratum->mean[2] - 0.1) < 1e-12);
    }
    rt_score_summary_print_aligned(&text, &summary);   /* for a person: means, then medians; unknown is NA */
    const char *mean = strstr(text.data, "\nall "), *median = mean ? strstr(mean + 1, "\nall ") : NULL;
    assert_non_null(mean);
    assert_non_null(median);
    assert_non_null(strstr(mean, "0.1000    0.5500    NA"));
    assert_non_null(strstr(median, "0.1000    0.4500    NA"));
    assert_null(strstr(text.data, "nan"));
    rt_text_free(&text);
    rt_score_summary_free_members(&summary);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_pair_residues),
        cmocka_unit_test(insertion_codes_are_numbers_of_their_own),
        cmocka_unit_test(shifted_numbers_are_found),
        cmocka_unit_test(other_sequences_are_refused),
        cmocka_unit_test(copies_are_assigned_by_their_places),
        cmocka_unit_test(assignments_are_the_best),
        cmocka_unit_test(tables_become_rows),
        cmocka_unit_test(copies_of_a_table_are_reordered),
        cmocka_unit_test(two_resolved_residues_score_nothing),
        cmocka_unit_test(coordinates_are_clamped_and_rounded),
        cmocka_unit_test(bad_tables_are_refused_with_their_place),
        cmocka_unit_test(the_summary_counts_targets),
        cmocka_unit_test(strata_hold_their_boundaries),
    };
    (void)test_stderr_begin;
    (void)test_stderr_end;
    (void)test_shared;
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
