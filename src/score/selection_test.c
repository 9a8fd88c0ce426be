/* selection_test.c - choices on small targets that can be counted by hand or by trying all */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>

#include "base/rng.h"
#include "io/test_files.h"
#include "score/kmedoids.h"
#include "score/selection.h"

/* A target of n samples: quality[i], and summaries whose ranking_score is score[i] and whose gPDE is -score[i]. */
static void write_target(FILE *table, const char *target, int n, const double *quality, const double *score)
{
    char path[256], text[8192];
    rt_err err;
    int length = snprintf(text, sizeof text, "{\"target\": \"%s\", \"samples\": [", target);
    for (int i = n - 1; i >= 0; i--) {   /* not in the order in which they were drawn */
        length += snprintf(text + length, sizeof text - (size_t)length,
                           "%s{\"rank\": %d, \"sample\": %d, \"file\": \"%s_sample_%d.cif\", \"ranking_score\": %.9g, "
                           "\"plddt\": %.9g, \"ptm\": null, \"gpde\": %.9g}",
                           i == n - 1 ? "" : ", ", i, i, target, i, score[i], 100 * score[i], -score[i]);
        fprintf(table, "%s\t%s_sample_%d\t0\t%.17g\t1\t%.17g\n", target, target, i, quality[i], quality[i] / 2);
    }
    snprintf(text + length, sizeof text - (size_t)length, "]}");
    snprintf(path, sizeof path, "%s/%s", test_folder, target);
    assert_int_equal(rt_make_folder(path, &err), RT_OK);
    snprintf(path, sizeof path, "%s/summary.json", target);
    test_file(path, text);
}

static double value_of(const rt_selection *s, const char *part, const char *name, const char *quantity)
{
    const rt_selection_row *row = rt_selection_find(s, part, name, quantity);
    if (!row) fail_msg("no row %s %s %s", part, name, quantity);
    return row->value;
}

static void assert_near(double value, double expected)
{
    if (!(fabs(value - expected) < 1e-9)) fail_msg("%.12g is not %.12g", value, expected);
}

static rt_selection_options defaults(void)
{
    return (rt_selection_options){.pred = test_folder, .quality = rt_metric_find("tm_resid"),
                                  .lddt = rt_metric_find("lddt_c1"), .choose = 5, .n_resample = 200, .seed = 1};
}

static rt_selection run(const rt_selection_options *options)
{
    rt_selection s;
    rt_score_table table;
    rt_err err;
    if (rt_score_table_load(&table, test_path("scores.tsv"), &err) != RT_OK) fail_msg("%s", err.what);
    if (rt_selection_run(&s, &table, options, &err) != RT_OK) fail_msg("%s", err.what);
    rt_score_table_free_members(&table);
    return s;
}

/* Best of five at random by trying all C(9,5) choices. */
static double try_all(const double *quality)
{
    double sum = 0, count = 0;
    for (int set = 0; set < 512; set++) {
        double best = 0;
        if (__builtin_popcount((unsigned)set) != 5) continue;
        for (int i = 0; i < 9; i++) best = set >> i & 1 ? fmax(best, quality[i]) : best;
        sum += best, count++;
    }
    return sum / count;
}

static void choices(void **state)
{
    (void)state;
    const double quality[9] = {.31, .55, .42, .60, .18, .77, .49, .50, .33};
    const double score[9] = {.5, .9, .3, .1, .8, .2, .4, .9, .05};   /* a tie of 1 and 7: the one drawn first */
    const double small[2] = {.2, .4}, small_score[2] = {.6, .7};
    FILE *table = fopen(test_path("scores.tsv"), "w");
    fprintf(table, "target\tmodel\ttm_align\ttm_resid\trmsd\tlddt_c1\n");
    write_target(table, "A", 9, quality, score);
    write_target(table, "B", 2, small, small_score);
    fprintf(table, "B\tnobody\t0\t.9\t1\t.5\nC\tC_sample_0\t0\t.5\t1\t.5\n");
    fclose(table);
    rt_selection_options options = defaults();
    rt_selection s = run(&options);
    assert_int_equal(s.n_target, 2);
    assert_int_equal(s.n_no_summary, 1);
    assert_int_equal(s.n_unmatched, 1);
    const char *p = "selector";
    double all = try_all(quality);
    assert_near(value_of(&s, p, "ranking_score", "top1"), (.55 + .4) / 2);
    assert_near(value_of(&s, p, "ranking_score", "top1_loss"), (.77 - .55 + 0) / 2);
    assert_near(value_of(&s, p, "ranking_score", "best5"), (.55 + .4) / 2);   /* 1 7 4 0 6 */
    assert_near(value_of(&s, p, "ranking_score", "best5_loss"), (.77 - .55) / 2);
    assert_near(value_of(&s, p, "ranking_score", "best5_gain"), (.55 - all) / 2);
    assert_near(value_of(&s, p, "gpde", "top1"), (.55 + .4) / 2);   /* a lower gPDE is chosen first */
    assert_near(value_of(&s, p, "random", "top1"), (4.15 / 9 + .3) / 2);
    assert_near(value_of(&s, p, "random", "best5"), (all + .4) / 2);
    assert_near(value_of(&s, p, "oracle", "top1"), (.77 + .4) / 2);
    assert_near(value_of(&s, p, "oracle", "best5_gain"), (.77 - all) / 2);
    const rt_selection_row *ptm = rt_selection_find(&s, p, "ptm", "top1");
    assert_true(ptm && ptm->n == 0 && isnan(ptm->value));   /* null in every summary */
    assert_null(rt_selection_find(&s, p, "consensus", "top1"));
    rt_selection_free_members(&s);
    options.quality = rt_metric_find("rmsd");   /* all 1: nothing is lost whatever is chosen */
    options.choose = 3;
    s = run(&options);
    assert_near(value_of(&s, p, "plddt", "top1"), 1);
    assert_near(value_of(&s, p, "plddt", "best3_loss"), 0);
    rt_selection_free_members(&s);
}

static void correlation_and_calibration(void **state)
{
    (void)state;
    const double q1[3] = {.2, .4, .6}, s1[3] = {.15, .22, .38}, q2[3] = {.2, .4, .6}, s2[3] = {.9, .8, .7};
    FILE *table = fopen(test_path("scores.tsv"), "w");
    fprintf(table, "target\tmodel\ttm_align\ttm_resid\trmsd\tlddt_c1\n");
    write_target(table, "A", 3, q1, s1);
    write_target(table, "B", 3, q2, s2);
    fclose(table);
    rt_selection_options options = defaults();
    rt_selection s = run(&options);
    assert_near(value_of(&s, "correlation", "plddt~lddt_c1", "spearman"), 0);       /* 1 and -1 */
    assert_near(value_of(&s, "correlation", "gpde~tm_resid", "spearman"), 0);
    assert_true(isnan(value_of(&s, "correlation", "ptm~tm_resid", "spearman")));
    double over = (.15 + .22 + .38 + .9 + .8 + .7 - (.1 + .2 + .3) * 2) / 6;
    assert_near(value_of(&s, "calibration", "plddt~lddt_c1", "overconfidence"), over);
    assert_near(value_of(&s, "calibration", "plddt~lddt_c1", "expected_error"),
                (.05 + .02 + .08 + .8 + .6 + .4) / 6);   /* each in a bin of its own */
    const rt_selection_row *bin = rt_selection_find(&s, "reliability", "0.2-0.3", "observed");
    assert_true(bin && bin->n == 1 && fabs(bin->value - .2) < 1e-12);
    rt_selection_free_members(&s);
}

/* Two heaps: 0, 1, 2 alike and 3, 4 alike. */
static rt_status heaps(void *user, double *out_tm, const char *target, const char *const *model, int64_t n, rt_err *err)
{
    (void)target, (void)err;
    for (int64_t i = 0; i < n; i++) {
        for (int64_t k = 0; k < n; k++) {
            char a = model[i][strlen(model[i]) - 1], b = model[k][strlen(model[k]) - 1];
            out_tm[i * n + k] = i == k ? 1 : (a < '3') == (b < '3') ? .8 + .05 * (a == '1' || b == '1') : .3;
        }
    }
    if (user) out_tm[1] = NAN;
    return RT_OK;
}

static void consensus(void **state)
{
    (void)state;
    const double quality[5] = {.3, .7, .4, .2, .5}, score[5] = {.1, .2, .3, .4, .5};
    FILE *table = fopen(test_path("scores.tsv"), "w");
    fprintf(table, "target\tmodel\ttm_align\ttm_resid\trmsd\tlddt_c1\n");
    write_target(table, "A", 5, quality, score);
    write_target(table, "B", 5, score, quality);
    fclose(table);
    rt_selection_options options = defaults();
    options.opt_pairwise = heaps;
    options.choose = 2;
    rt_selection s = run(&options);
    assert_near(value_of(&s, "selector", "consensus", "top1"), (.7 + .2) / 2);          /* sample 1 */
    assert_near(value_of(&s, "selector", "consensus", "best2"), (.7 + .4) / 2);         /* samples 1 and 3 */
    rt_selection_free_members(&s);
    options.pairwise_user = &options;   /* a pair is missing: no consensus */
    s = run(&options);
    assert_int_equal(rt_selection_find(&s, "selector", "consensus", "top1")->n, 0);
    rt_selection_free_members(&s);
}

static double nearest_sum(const double *s, int n, const int64_t *medoid, int k)
{
    double sum = 0;
    for (int i = 0; i < n; i++) {
        double best = 0;
        for (int m = 0; m < k; m++) best = fmax(best, s[i * n + medoid[m]]);
        sum += best;
    }
    return sum;
}

/* All choices are tried for few samples; for many, no exchange of one may help. */
static void medoids_are_the_best(void **state)
{
    (void)state;
    enum { MANY = 60 };
    static double s[MANY * MANY];
    int64_t medoid[5];
    for (uint64_t set = 0; set < 20; set++) {
        int n = set < 15 ? 9 : MANY, k = set < 15 ? 3 : 5;
        rt_rng rng = rt_rng_make(3, set, 0, RT_DRAW_WEIGHTS);
        for (int i = 0; i < n; i++)
            for (int j = 0; j <= i; j++)
                s[i * n + j] = s[j * n + i] = i == j ? 1 : rt_rng_uniform(&rng, (uint64_t)(i * n + j));
        assert_int_equal(rt_kmedoids_find(medoid, s, n, k, NULL), RT_OK);
        double found = nearest_sum(s, n, medoid, k);
        for (int64_t a = 0; a < n && k == 3; a++)
            for (int64_t b = 0; b < a; b++)
                for (int64_t c = 0; c < b; c++)
                    assert_true(nearest_sum(s, n, (int64_t[]){a, b, c}, 3) <= found + 1e-12);
        for (int m = 0; m < k; m++) {
            for (int64_t i = 0, was = medoid[m]; i < n; i++, medoid[m] = was) {
                for (int o = 0; o < m; o++) assert_int_not_equal(medoid[o], was);
                medoid[m] = i;
                assert_true(nearest_sum(s, n, medoid, k) <= found + 1e-9);
            }
        }
    }
    assert_int_equal(rt_kmedoids_find(medoid, s, 1, 1, NULL), RT_OK);
    assert_int_equal(medoid[0], 0);
}

static void pairwise_file(void **state)
{
    (void)state;
    rt_pairwise_file *file;
    rt_err err;
    double tm[9];
    const char *const MODELS[] = {"a", "b", "c"};
    const char *path =
        test_file("p.tsv", "model_a\ttm\tmodel_b\ttarget\nb\t.4\ta\tT\na\t.6\tb\tT\na\t.1\tc\tT\nb\t.9\tc\tU\n");
    assert_int_equal(rt_pairwise_file_open(&file, path, &err), RT_OK);
    assert_int_equal(rt_pairwise_file_read(file, tm, "T", MODELS, 3, &err), RT_OK);
    assert_near(tm[1], .5);
    assert_near(tm[3], .5);
    assert_near(tm[2], .1);
    assert_true(isnan(tm[5]) && tm[4] == 1);
    rt_pairwise_file_close(file);
    path = test_file("p.tsv", "target\tmodel_a\tmodel_b\ttm\nT\ta\tb\t7\n");
    assert_int_equal(rt_pairwise_file_open(&file, path, &err), RT_ERR_FORMAT);
    assert_true(err.line == 2 && strstr(err.what, "tm is 7, 0 to 1 was expected"));
}

/* Two heads on the same samples: numbers that can be counted by hand. */
static void change_and_consensus(void **state)
{
    (void)state;
    enum { TARGETS = 4, N = 6 };
    const double quality[N] = {.1, .2, .3, .4, .5, .6};
    rt_selection_data data[2] = {{.n_target = TARGETS, .n_family = TARGETS}, {.n_target = TARGETS, .n_family = TARGETS}};
    for (int h = 0; h < 2; h++) {
        data[h].target = calloc(TARGETS, sizeof *data[h].target);
        for (int t = 0; t < TARGETS; t++) {
            rt_selection_target *target = &data[h].target[t];
            target->sample = calloc(N, sizeof *target->sample);
            target->pairs = calloc(N * N, sizeof *target->pairs);
            target->n = N, target->family = t;
            for (int k = 0; k < N; k++) {
                rt_selection_sample *s = &target->sample[k];
                for (int x = 0; x < RT_SELECT_SCORES; x++) s->score[x] = NAN;
                s->quality = s->lddt = quality[k];
                /* before: worst first, 0.3 too sure; after: best first, right, but in target 3 as before */
                bool better = h == 1 && t < 3;
                s->score[RT_SELECT_PTM] = better ? quality[k] : 1 - quality[k];
                s->score[RT_SELECT_PLDDT] = 100 * (better ? quality[k] : quality[k] + .3);
                for (int m = 0; m < N; m++) target->pairs[k * N + m] = k == m ? 1 : k == 2 || m == 2 ? .8 : .1;
            }
        }
    }
    rt_selection s;
    rt_err err;
    rt_selection_options options = defaults();
    options.n_resample = 2000;
    options.choose = 2;
    assert_int_equal(rt_selection_change(&s, &data[0], &data[1], &options, &err), RT_OK);
    assert_near(value_of(&s, "selector", "ptm", "top1_loss"), -.5 * 3 / 4);
    assert_near(value_of(&s, "selector", "ptm", "top1"), .5 * 3 / 4);
    assert_near(value_of(&s, "selector", "ptm", "best2_gain"), .4 * 3 / 4);
    assert_near(value_of(&s, "correlation", "ptm~tm_resid", "spearman"), 2. * 3 / 4);
    assert_near(value_of(&s, "correlation", "plddt~lddt_c1", "spearman"), 0);
    assert_near(value_of(&s, "calibration", "plddt~lddt_c1", "overconfidence"), -.3 * 3 / 4);
    assert_near(value_of(&s, "calibration", "plddt~lddt_c1", "expected_error"), -.3 * 3 / 4);
    const rt_selection_row *row = rt_selection_find(&s, "calibration", "plddt~lddt_c1", "expected_error");
    assert_true(row->low < row->value && row->high > row->value && row->low >= -.3 - 1e-9 && row->high <= 1e-9);
    assert_null(rt_selection_find(&s, "selector", "consensus", "top1"));
    assert_null(rt_selection_find(&s, "reliability", "0.2-0.3", "observed"));
    rt_selection_free_members(&s);
    assert_int_equal(rt_selection_measure(&s, &data[1], &options, &err), RT_OK);
    assert_near(value_of(&s, "selector", "consensus", "top1"), .3);
    assert_null(rt_selection_find(&s, "selector", "learned", "top1"));
    rt_selection_free_members(&s);
    assert_int_equal(rt_selection_against_consensus(&s, &data[1], &options, &err), RT_OK);
    /* the consensus loses 0.3, pTM nothing in three targets and 0.5 in one */
    assert_near(value_of(&s, "against", "ptm", "top1_loss"), (3 * -.3 + .2) / 4);
    rt_selection_free_members(&s);
    for (int h = 0; h < 2; h++) rt_selection_data_free_members(&data[h]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(choices), cmocka_unit_test(correlation_and_calibration), cmocka_unit_test(consensus),
        cmocka_unit_test(medoids_are_the_best), cmocka_unit_test(pairwise_file),
                                       cmocka_unit_test(change_and_consensus),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
