/* partition_test.c - ensembles against recorded values, against every structure of short sequences, and when they overflow */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>

#include "io/csv.h"
#include "io/test_files.h"
#include "prep/fasta.h"
#include "prep/pairs_vienna.h"
#include "prep/partition.h"

static rt_loop_model model;

static int load_model(void **state)
{
    rt_err err;
    return test_folder_make(state) || rt_loop_model_load(&model, NULL, &err) != RT_OK;
}

static const char *golden(const char *name)
{
    static char path[3][256];
    static int turn;
    turn = (turn + 1) % 3;
    snprintf(path[turn], sizeof path[turn], "../shared/data/golden/%s", name);
    return path[turn];
}

static bool golden_is_here(void)
{
    if (rt_file_exists(golden("secstruct_seqs.fa"))) return true;
    printf("skipped: no ../shared/data/golden\n");
    return false;
}

static const rt_pairs *folded(const rt_fasta *fasta, const rt_pairs *pairs, const char *name)
{
    for (int64_t k = 0; k < fasta->n; k++)
        if (!strcmp(fasta->record[k].name, name)) return &pairs[k];
    fail_msg("no sequence %s", name);
    return NULL;
}

static double probability(const rt_pairs *pairs, int64_t i, int64_t j)
{
    for (int64_t k = 0; k < pairs->n; k++)
        if (pairs->pair[k].i == i && pairs->pair[k].j == j) return pairs->pair[k].p;
    return 0;
}

typedef rt_status fold_function(rt_pairs *out_pairs, const char *sequence, int64_t length, rt_err *err);

static rt_status fold_eternafold(rt_pairs *out_pairs, const char *sequence, int64_t length, rt_err *err)
{
    return rt_partition_fold(out_pairs, &model, sequence, length, 0, err);
}

static rt_status fold_vienna(rt_pairs *out_pairs, const char *sequence, int64_t length, rt_err *err)
{
    return rt_pairs_vienna_fold(out_pairs, sequence, length, 0, err);
}

static void read_and_fold(rt_fasta *fasta, rt_pairs **ret_pairs, fold_function *fold)
{
    rt_err err;
    assert_int_equal(rt_fasta_read(fasta, golden("secstruct_seqs.fa"), &err), RT_OK);
    assert_int_equal(fasta->n, 27);
    *ret_pairs = calloc((size_t)fasta->n, sizeof **ret_pairs);
    for (int64_t k = 0; k < fasta->n; k++)
        assert_int_equal(fold(&(*ret_pairs)[k], fasta->record[k].sequence, fasta->record[k].length, &err), RT_OK);
}

static void free_folded(rt_fasta *fasta, rt_pairs *pairs)
{
    for (int64_t k = 0; k < fasta->n; k++) rt_pairs_free_members(&pairs[k]);
    free(pairs);
    rt_fasta_free_members(fasta);
}

/* Every recorded pair, and that none but the recorded reach twice the least recorded probability. */
static void compare_pairs(const char *table, const rt_fasta *fasta, const rt_pairs *pairs, double least, int64_t rows)
{
    rt_csv *csv;
    rt_err err;
    bool more;
    int64_t i, j, seen = 0, listed = 0;
    double p, worst = 0;
    assert_int_equal(rt_csv_open_tsv(&csv, golden(table), &err), RT_OK);
    while (rt_csv_next(csv, &more, &err) == RT_OK && more) {
        assert_int_equal(rt_csv_int(csv, 1, &i, &err), RT_OK);
        assert_int_equal(rt_csv_int(csv, 2, &j, &err), RT_OK);
        assert_int_equal(rt_csv_double(csv, 3, &p, &err), RT_OK);
        worst = fmax(worst, fabs(p - probability(folded(fasta, pairs, rt_csv_text(csv, 0)), i - 1, j - 1)));
        seen += p >= 2 * least;
        rows--;
    }
    rt_csv_close(csv);
    for (int64_t k = 0; k < fasta->n; k++)
        for (int64_t m = 0; m < pairs[k].n; m++) listed += pairs[k].pair[m].p >= 2 * least;
    printf("%s: largest difference %.1e\n", table, worst);
    assert_true(worst < 1e-5);
    assert_int_equal(rows, 0);
    assert_int_equal(seen, listed);
}

static void eternafold_has_the_recorded_probabilities(void **state)
{
    (void)state;
    rt_fasta fasta;
    rt_pairs *pairs;
    rt_csv *csv;
    rt_err err;
    bool more;
    double recorded;
    if (!golden_is_here()) skip();
    read_and_fold(&fasta, &pairs, fold_eternafold);
    compare_pairs("eternafold_v1_bpp.tsv", &fasta, pairs, 1e-5, 13864);
    assert_int_equal(rt_csv_open_tsv(&csv, golden("eternafold_v1_logZ.tsv"), &err), RT_OK);
    while (rt_csv_next(csv, &more, &err) == RT_OK && more) {   /* recorded with six digits */
        assert_int_equal(rt_csv_double(csv, 1, &recorded, &err), RT_OK);
        double z = folded(&fasta, pairs, rt_csv_text(csv, 0))->ensemble;
        assert_true(fabs(z - recorded) <= 5.1e-6 * fmax(1, pow(10, floor(log10(recorded)))));
    }
    rt_csv_close(csv);
    free_folded(&fasta, pairs);
}

static void to_brackets(char *out, const int32_t *partner, int64_t n)
{
    for (int64_t k = 0; k < n; k++) out[k] = partner[k] < 0 ? '.' : partner[k] > k ? '(' : ')';
    out[n] = 0;
}

static void vienna_has_the_recorded_values(void **state)
{
    (void)state;
    rt_fasta fasta;
    rt_pairs *pairs;
    rt_csv *csv;
    rt_err err;
    bool more;
    double energy, ensemble, accuracy, score;
    char text[512];
    int32_t partner[512];
    if (!rt_pairs_vienna_here()) {
        printf("skipped: built without ViennaRNA\n");
        skip();
    }
    if (!golden_is_here()) skip();
    read_and_fold(&fasta, &pairs, fold_vienna);
    compare_pairs("viennarna_2.8.0_bpp.tsv", &fasta, pairs, 1e-4, 3185);
    assert_int_equal(rt_csv_open_tsv(&csv, golden("viennarna_2.8.0.tsv"), &err), RT_OK);
    while (rt_csv_next(csv, &more, &err) == RT_OK && more) {
        const rt_pairs *p = folded(&fasta, pairs, rt_csv_text(csv, 0));
        assert_int_equal(rt_csv_double(csv, 2, &energy, &err), RT_OK);
        assert_int_equal(rt_csv_double(csv, 4, &ensemble, &err), RT_OK);
        assert_int_equal(rt_csv_double(csv, 6, &accuracy, &err), RT_OK);
        assert_true(fabs(p->best_score - energy) < 0.006);
        assert_true(fabs(p->ensemble - ensemble) < 1e-3);
        to_brackets(text, p->best, p->length);
        assert_string_equal(text, rt_csv_text(csv, 3));
        rt_pairs likely = *p;   /* the library's own sum leaves out pairs below 1e-4 / (1 + gamma) */
        likely.n = 0;
        for (int64_t k = 0; k < p->n; k++)
            if (p->pair[k].p > 5e-5) p->pair[likely.n++] = p->pair[k];
        assert_int_equal(rt_pairs_mea(partner, &score, &likely, 1, &err), RT_OK);
        to_brackets(text, partner, p->length);
        assert_string_equal(text, rt_csv_text(csv, 5));
        assert_true(fabs(score - accuracy) < 1e-3);
    }
    rt_csv_close(csv);
    free_folded(&fasta, pairs);
}

/* Every structure of a short sequence, scored by following its loops from outside in. */
typedef struct {
    const char *sequence;
    int n, letter[32], partner[32];
    double z, best, pair[32][32];
} trial;

static int letter_at(const trial *t, int k) { return k < 0 || k >= t->n ? RT_LOOP_OTHER : t->letter[k]; }

static double branch_score(const trial *t, int i, int j)
{
    return model.branch[t->letter[j]][t->letter[i]][letter_at(t, j + 1)][letter_at(t, i - 1)];
}

static double enclosed_score(const trial *t, int i, int j)
{
    int k, n_branch = 0, from[32], unpaired = 0;
    double score = model.pair[t->letter[i]][t->letter[j]];
    const int *x = t->letter;
    for (k = i + 1; k < j; k++) {
        if (t->partner[k] < 0) unpaired++;
        else {
            from[n_branch++] = k;
            k = t->partner[k];
        }
    }
    if (!n_branch) return score + model.hairpin[unpaired] + model.end[x[i]][x[j]][x[i + 1]][x[j - 1]];
    if (n_branch == 1) {
        int a = from[0], b = t->partner[a], left = a - i - 1, right = j - b - 1;
        score += enclosed_score(t, a, b);
        if (!unpaired) return score + model.stack[x[i]][x[j]][x[a]][x[b]];
        score += model.single[left][right] + model.end[x[i]][x[j]][x[i + 1]][x[j - 1]] +
                 model.end[x[b]][x[a]][x[b + 1]][x[a - 1]];
        if (unpaired == 1) score += model.bulge[left ? x[i + 1] : x[j - 1]];
        if (left == 1 && right == 1) score += model.internal[x[i + 1]][x[j - 1]];
        return score;
    }
    score += model.multi_base + model.multi_paired + unpaired * model.multi_unpaired +
             model.branch[x[i]][x[j]][x[i + 1]][x[j - 1]];
    for (k = 0; k < n_branch; k++) {
        int b = t->partner[from[k]];
        score += model.multi_paired + branch_score(t, from[k], b) + enclosed_score(t, from[k], b);
    }
    return score;
}

static void count_structure(trial *t)
{
    double score = 0;
    for (int k = 0; k < t->n; k++) {
        if (t->partner[k] < 0) {
            score += model.external_unpaired;
            continue;
        }
        score += model.external_paired + branch_score(t, k, t->partner[k]) + enclosed_score(t, k, t->partner[k]);
        k = t->partner[k];
    }
    t->z += exp(score);
    t->best = fmax(t->best, score);
    for (int k = 0; k < t->n; k++)
        if (t->partner[k] > k) t->pair[k][t->partner[k]] += exp(score);
}

static bool complementary(int a, int b) { return a + b == 3 || (a == 2 && b == 3) || (a == 3 && b == 2); }

/* Decides what residue k does given all before it: stays alone or opens a pair to any later place that does not cross. */
static void try_all(trial *t, int k)
{
    while (k < t->n && t->partner[k] >= 0) k++;
    if (k >= t->n) {
        count_structure(t);
        return;
    }
    try_all(t, k + 1);
    for (int j = k + 4; j < t->n; j++) {
        bool crosses = t->partner[j] >= 0;
        for (int m = 0; m < k && !crosses; m++) crosses = t->partner[m] > k && t->partner[m] < j;
        if (crosses || !complementary(t->letter[k], t->letter[j])) continue;
        t->partner[k] = j;
        t->partner[j] = k;
        try_all(t, k + 1);
        t->partner[k] = t->partner[j] = -1;
    }
}

static void sums_run_over_every_structure_once(void **state)
{
    (void)state;
    static const char *const SEQUENCES[] = {"", "A", "GAAAC", "GGGAAAUCC", "GGACGAAAGUACGAAAGUCC", "GACGAAAGUGCAAAGCAC",
                                            "GGCGAAAGCGGCAAAGCCCA", "GUGNAAAUGCAUGNAAUGC"};
    for (size_t s = 0; s < sizeof SEQUENCES / sizeof *SEQUENCES; s++) {
        trial t = {.sequence = SEQUENCES[s], .n = (int)strlen(SEQUENCES[s]), .best = -INFINITY};
        rt_pairs pairs;
        rt_err err;
        for (int k = 0; k < t.n; k++) {
            t.letter[k] = rt_loop_model_letter(t.sequence[k]);
            t.partner[k] = -1;
        }
        try_all(&t, 0);
        assert_int_equal(rt_partition_fold(&pairs, &model, t.sequence, t.n, 0, &err), RT_OK);
        assert_true(fabs(pairs.ensemble - log(t.z)) < 1e-10);
        assert_true(fabs(pairs.best_score - t.best) < 1e-10);
        for (int i = 0; i < t.n; i++)
            for (int j = i + 1; j < t.n; j++)
                assert_true(fabs(probability(&pairs, i, j) - t.pair[i][j] / t.z) < 1e-10);
        for (int k = 0; k < t.n; k++) t.partner[k] = pairs.best[k];   /* what was read back has the best score */
        t.z = 0;
        count_structure(&t);
        assert_true(fabs(log(t.z) - t.best) < 1e-10);
        rt_pairs_free_members(&pairs);
    }
}

/* A helix of 300 G-C pairs between 1,000 others: its sums do not fit a double when scaled for the whole. */
static void what_overflows_is_repeated_with_more_range(void **state)
{
    (void)state;
    enum { ARM = 330, FLANK = 300, LENGTH = 2 * ARM + 4 + 2 * FLANK };
    char sequence[LENGTH + 1];
    rt_pairs pairs;
    rt_err err;
    memset(sequence, 'A', LENGTH);
    sequence[LENGTH] = 0;
    for (int k = 0; k < ARM; k++) {
        sequence[FLANK + k] = k % 3 ? 'G' : 'C';
        sequence[LENGTH - 1 - FLANK - k] = k % 3 ? 'C' : 'G';
    }
    assert_int_equal(rt_partition_fold(&pairs, &model, sequence, LENGTH, 0.5, &err), RT_OK);
    assert_true(pairs.ensemble > 709);   /* more than a double's exponent */
    assert_true(pairs.ensemble > pairs.best_score);
    assert_true(probability(&pairs, FLANK + 100, LENGTH - 1 - FLANK - 100) > 0.99);
    rt_pairs_free_members(&pairs);
}

static void expected_accuracy_is_the_best_sum(void **state)
{
    (void)state;
    rt_pair some[] = {{0, 9, 0.6}, {1, 8, 0.5}, {1, 5, 0.45}, {6, 9, 0.3}};
    rt_pairs pairs = {.length = 10, .pair = some, .n = 4};
    int32_t partner[10];
    double score;
    rt_err err;
    assert_int_equal(rt_pairs_mea(partner, &score, &pairs, 1, &err), RT_OK);
    assert_int_equal(partner[0], 9);
    assert_int_equal(partner[1], 8);
    assert_int_equal(partner[8], 1);
    assert_int_equal(partner[5], -1);
    /* pairs 2 (0.6 + 0.5); unpaired 2, 3, 4, 7: 1 each, 5: 0.55, 6: 0.7 */
    assert_true(fabs(score - (2.2 + 4 + 0.55 + 0.7)) < 1e-12);
    assert_int_equal(rt_pairs_mea(partner, &score, &pairs, 0.01, &err), RT_OK);
    for (int k = 0; k < 10; k++) assert_int_equal(partner[k], -1);
    rt_pairs_threshold(partner, &pairs, 0.3);
    assert_int_equal(partner[9], 0);
    assert_int_equal(partner[1], 8);
    assert_int_equal(partner[6], -1);
}

static void assert_refused(const char *text, int64_t line, const char *what)
{
    rt_loop_model other;
    rt_err err;
    assert_int_equal(rt_loop_model_load(&other, test_file("p.txt", text), &err), RT_ERR_FORMAT);
    assert_non_null(strstr(err.what, what));
    assert_int_equal(err.line, line);
}

static void bad_parameters_are_refused(void **state)
{
    (void)state;
    rt_map map;
    rt_err err;
    assert_refused("base_pair_AU 0.5\nbase_pair_CG\n", 2, "expected a parameter's name and its value");
    assert_refused("base_pair_AU 0.5\n\nbase_pair_AU 0.5\n", 3, "base_pair_AU is given twice");
    assert_refused("base_pair_AU 0.5\n", 0, "lacks the parameter base_pair_AA");
    assert_int_equal(rt_map_open(&map, "data/eternafold/EternaFoldParams.v1", &err), RT_OK);
    char *text = calloc(1, (size_t)map.size + 64);
    memcpy(text, map.data, (size_t)map.size);
    strcat(text, "helix_length_at_least_3 0\n");
    rt_loop_model same;
    assert_int_equal(rt_loop_model_load(&same, test_file("p.txt", text), &err), RT_OK);
    assert_memory_equal(&same, &model, sizeof model);
    strcat(text, "isolated_base_pair -1\n");
    assert_refused(text, 710, "has no parameter isolated_base_pair");
    free(text);
    rt_map_close(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eternafold_has_the_recorded_probabilities),
        cmocka_unit_test(vienna_has_the_recorded_values),
        cmocka_unit_test(sums_run_over_every_structure_once),
        cmocka_unit_test(what_overflows_is_repeated_with_more_range),
        cmocka_unit_test(expected_accuracy_is_the_best_sum),
        cmocka_unit_test(bad_parameters_are_refused),
    };
    return cmocka_run_group_tests(tests, load_model, test_folder_remove);
}
