/* tm_test.c - TM-score against US-align's recorded values and hand-worked cases */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/structure.h"
#include "io/test_files.h"
#include "score/molecule.h"
#include "score/set.h"
#include "score/tm.h"

static rt_tm *tm;

static void d0_follows_the_length(void **state)
{
    (void)state;
    static const struct { int64_t length; double d0; } CASES[] = {
        {0, 0.3}, {11, 0.3}, {12, 0.4}, {15, 0.4}, {16, 0.5}, {19, 0.5}, {20, 0.6}, {23, 0.6}, {24, 0.7}, {29, 0.7},
        {30, 0.758834}, {84, 2.982700}, {57, 2.009989}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++)
        assert_true(fabs(rt_tm_d0(CASES[i].length) - CASES[i].d0) < 1e-5);
}

/* Thirty points of which the last is 1 d0 away and the others are exact: no superposition does better than leaving the
 * exact ones where they are by much, and the score is at least (29 + 1/2) / 30. */
static void a_hand_worked_case(void **state)
{
    (void)state;
    double x[90], y[90], gdt;
    rt_tm_result result;
    rt_err err;
    for (int i = 0; i < 30; i++) {
        double *p = y + 3 * i;
        p[0] = 10 * cos(i);
        p[1] = 10 * sin(i);
        p[2] = 3 * i;
        for (int k = 0; k < 3; k++) x[3 * i + k] = p[(k + 1) % 3] + 100 * k;   /* turned and shifted */
    }
    x[89] += rt_tm_d0(30);
    assert_int_equal(rt_tm_paired(tm, &result, &gdt, x, y, 30, 30, &err), RT_OK);
    assert_true(result.score >= 29.5 / 30 - 1e-9 && result.score < 29.7 / 30);
    assert_true(fabs(gdt - 1) < 1e-9);   /* 0.76 Angstrom is within all four limits */
    assert_int_equal(result.n_aligned, 30);
    /* normalised by a longer native */
    assert_int_equal(rt_tm_paired(tm, &result, NULL, y, y, 30, 60, &err), RT_OK);
    assert_true(fabs(result.score - 0.5) < 1e-12);
    /* too few pairs */
    assert_int_equal(rt_tm_paired(tm, &result, NULL, y, y, 2, 60, &err), RT_OK);
    assert_true(result.score == 0);
    assert_int_equal(rt_tm_paired(tm, &result, NULL, y, y, 0, 60, &err), RT_OK);
    assert_true(result.score == 0);
}

/* The native with its first ten residues taken away and turned aligns with itself, shifted by ten. */
static void an_alignment_finds_the_shift(void **state)
{
    (void)state;
    double y[3 * 40], x[3 * 30];
    char letters[41];
    int32_t map[40];
    rt_tm_result result;
    rt_err err;
    srand(3);
    for (int i = 0; i < 40; i++) {
        letters[i] = "ACGU"[rand() % 4];
        for (int k = 0; k < 3; k++) y[3 * i + k] = (i ? y[3 * i - 3 + k] : 0) + 6.0 * rand() / RAND_MAX - (k ? 3 : 1);
    }
    for (int i = 0; i < 30; i++) {
        x[3 * i] = -y[3 * (i + 10) + 1] + 5;
        x[3 * i + 1] = y[3 * (i + 10)];
        x[3 * i + 2] = y[3 * (i + 10) + 2] - 7;
    }
    rt_tm_chain model = {x, letters + 10, 30}, native = {y, letters, 40};
    for (int kind = 0; kind < 2; kind++) {
        assert_int_equal(rt_tm_align(tm, &result, map, &model, &native, kind ? RT_TM_THOROUGH : RT_TM_USALIGN, NULL,
                                     &err), RT_OK);
        assert_true(fabs(result.score - 30.0 / 40) < 1e-9 && result.rmsd < 1e-6);
        for (int j = 0; j < 40; j++) assert_int_equal(map[j], j < 10 ? -1 : j - 10);
        assert_true(fabs(rt_tm_of(&result.rigid, x, y, map, 40) - result.score) < 1e-9);
    }
}

/* Chains too short for the search's usual sizes do not break it. */
static void short_chains_are_defined(void **state)
{
    (void)state;
    double x[3 * 12];
    char letters[] = "ACGUACGUACGU";
    int32_t map[12];
    rt_tm_result result;
    rt_err err;
    for (int i = 0; i < 12; i++) {
        x[3 * i] = 5.0 * i;
        x[3 * i + 1] = i % 2;
        x[3 * i + 2] = i % 3;
    }
    for (int n = 0; n <= 12; n++)
        for (int m = 0; m <= 12; m++) {
            rt_tm_chain model = {x, letters, n}, native = {x, letters, m};
            assert_int_equal(rt_tm_align(tm, &result, map, &model, &native, RT_TM_THOROUGH, NULL, &err), RT_OK);
            if (n < 3 || m < 3) assert_true(result.score == 0);
            else if (n == m && n >= 5) assert_true(fabs(result.score - 1) < 1e-6);
            else assert_true(result.score >= 0 && result.score <= 1 + 1e-9);
        }
    /* a prediction of zeros is scored, not divided by */
    double zeros[3 * 12] = {0};
    rt_tm_chain model = {zeros, letters, 12}, native = {x, letters, 12};
    assert_int_equal(rt_tm_align(tm, &result, map, &model, &native, RT_TM_USALIGN, NULL, &err), RT_OK);
    assert_true(result.score > 0 && result.score < 1);
}

/* ---- recorded values ------------------------------------------------------------------------------------------- */

static void load(rt_molecule *out, const char *path)
{
    rt_structure s;
    rt_err err;
    if (rt_structure_open(&s, path, &err) != RT_OK) fail_msg("%s: %s", path, err.what);
    assert_int_equal(rt_molecule_build(out, &s, 0, "C1'", path, &err), RT_OK);
    rt_structure_free_members(&s);
}

typedef struct {
    double *xyz;
    char *letters;
    int64_t n;
} line;

static line line_of(const rt_molecule *m)
{
    line l = {calloc((size_t)m->n_residue, 3 * sizeof(double)), calloc((size_t)m->n_residue + 1, 1), 0};
    for (int64_t r = 0; r < m->n_residue; r++) {
        if (!m->residue[r].resolved) continue;
        memcpy(l.xyz + 3 * l.n, m->residue[r].xyz, 3 * sizeof(double));
        l.letters[l.n++] = m->residue[r].letter;
    }
    return l;
}

/* Both scores of a pair; those by number pair equal numbers and nothing else. */
static void score_pair(const rt_molecule *model, const rt_molecule *native, rt_tm_search search,
                       rt_tm_result *out_align,
                       double *out_proof, rt_tm_result *out_number)
{
    line a = line_of(model), b = line_of(native);
    rt_tm_chain x = {a.xyz, a.letters, a.n}, y = {b.xyz, b.letters, b.n};
    int32_t *map = calloc((size_t)b.n, sizeof *map);
    double *p = calloc((size_t)b.n, 3 * sizeof *p), *q = calloc((size_t)b.n, 3 * sizeof *q);
    int64_t n = 0;
    rt_err err;
    assert_int_equal(rt_tm_align(tm, out_align, map, &x, &y, search, NULL, &err), RT_OK);
    *out_proof = rt_tm_of(&out_align->rigid, a.xyz, b.xyz, map, b.n);
    for (int64_t j = 0; j < native->n_residue; j++)
        for (int64_t i = 0; i < model->n_residue; i++) {
            const rt_molecule_residue *r = &model->residue[i], *s = &native->residue[j];
            if (r->number != s->number || !r->resolved || !s->resolved) continue;
            memcpy(p + 3 * n, r->xyz, 3 * sizeof *p);
            memcpy(q + 3 * n++, s->xyz, 3 * sizeof *p);
            break;
        }
    assert_int_equal(rt_tm_paired(tm, out_number, NULL, p, q, n, b.n, &err), RT_OK);
    free(a.xyz);
    free(a.letters);
    free(b.xyz);
    free(b.letters);
    free(map);
    free(p);
    free(q);
}

static void usalign_puzzles(void **state)
{
    (void)state;
    const char *shared = test_shared("usalign_puzzles.tsv");
    char path[1024], text[1024], target[64], name[128];
    int count = 0, far = 0;
    if (!shared) skip();
    snprintf(path, sizeof path, "%s/data/golden/usalign_puzzles.tsv", shared);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof text, file));
    while (fgets(text, sizeof text, file)) {
        rt_molecule model, native;
        rt_tm_result align, number, thorough;
        double proof, want_align, rmsd, want_number, rmsd1;
        int aligned, aligned1;
        assert_int_equal(sscanf(text, "%63s %127s %*d %*d %lf %d %lf %lf %d %lf", target, name, &want_align, &aligned,
                                &rmsd,
                                &want_number, &aligned1, &rmsd1), 8);
        snprintf(path, sizeof path, "%s/data/puzzles/%s/%s", shared, target, name);
        load(&model, path);
        snprintf(path, sizeof path, "%s/data/puzzles/%s/native.pdb", shared, target);
        load(&native, path);
        score_pair(&model, &native, RT_TM_USALIGN, &align, &proof, &number);
        assert_true(fabs(number.score - want_number) < 1e-4);
        assert_true(fabs(number.rmsd - rmsd1) <= 0.01);
        assert_int_equal(number.n_aligned, aligned1);
        assert_true(fabs(proof - align.score) < 1e-9);
        assert_true(align.score > want_align - 1e-4 && align.score < want_align + 0.005);
        far += fabs(align.score - want_align) > 1e-4;
        if (fabs(align.score - want_align) < 1e-5) {
            assert_int_equal(align.n_aligned, aligned);
            assert_true(fabs(align.rmsd - rmsd) <= 0.01);
        }
        score_pair(&model, &native, RT_TM_THOROUGH, &thorough, &proof, &number);
        assert_true(thorough.score >= align.score - 1e-12 && fabs(proof - thorough.score) < 1e-9);
        rt_molecule_free_members(&model);
        rt_molecule_free_members(&native);
        count++;
    }
    fclose(file);
    print_message("%d pairs, %d further than 1e-4 from US-align by alignment\n", count, far);
    assert_int_equal(count, 35);
    assert_true(20 * far <= count);
}

static const rt_molecule *molecule_of(const rt_score_set *set, const char *target, int number)
{
    const rt_score_item *item = rt_score_set_find(set, target);
    assert_non_null(item);
    assert_true(number <= item->n_molecule);
    return &item->molecule[number - 1];
}

static void the_competitions_tables(void **state)
{
    (void)state;
    const char *shared = test_shared("kaggle_metric_usalign.tsv");
    char path[1024], text[1024], target[64];
    rt_score_set natives, models;
    rt_err err;
    int count = 0, far = 0, model, native, resolved;
    double part1, part2;
    if (!shared) skip();
    snprintf(path, sizeof path, "%s/data/kaggle/validation_labels.csv", shared);
    assert_int_equal(rt_score_set_natives(&natives, path, "C1'", &err), RT_OK);
    snprintf(path, sizeof path, "%s/data/golden/submission_from_templates.csv", shared);
    assert_int_equal(rt_score_set_models(&models, path, &natives, "C1'", &err), RT_OK);
    snprintf(path, sizeof path, "%s/data/golden/kaggle_metric_usalign.tsv", shared);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof text, file));
    while (fgets(text, sizeof text, file)) {
        rt_tm_result align, number;
        double proof;
        assert_int_equal(sscanf(text, "%63s %d %d %d %lf %lf", target, &model, &native, &resolved, &part1, &part2), 6);
        const rt_molecule *y = molecule_of(&natives, target, native);
        assert_int_equal(y->n_resolved, resolved);
        score_pair(molecule_of(&models, target, model), y, RT_TM_USALIGN, &align, &proof, &number);
        assert_true(fabs(number.score - part2) < 1e-5 + 1e-9);
        assert_true(align.score > part1 - 1e-4 && align.score < part1 + 0.005);
        far += fabs(align.score - part1) > 1e-5;
        count++;
    }
    fclose(file);
    print_message("%d pairs, %d further than 1e-5 from US-align by alignment\n", count, far);
    assert_int_equal(count, 225);
    assert_true(20 * far <= count);
    rt_score_set_free_members(&natives);
    rt_score_set_free_members(&models);
}

static int set_up(void **state)
{
    rt_err err;
    (void)state;
    return rt_tm_create(&tm, &err);
}

static int tear_down(void **state)
{
    (void)state;
    rt_tm_free(tm);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(d0_follows_the_length),
        cmocka_unit_test(a_hand_worked_case),
        cmocka_unit_test(an_alignment_finds_the_shift),
        cmocka_unit_test(short_chains_are_defined),
        cmocka_unit_test(usalign_puzzles),
        cmocka_unit_test(the_competitions_tables),
    };
    (void)test_file;
    (void)test_folder_make;
    (void)test_folder_remove;
    (void)test_stderr_begin;
    (void)test_stderr_end;
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
