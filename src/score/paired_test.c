/* paired_test.c - tables to arms, arms to pairs, families, run records, and what may be claimed */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>

#include "base/json.h"
#include "io/test_files.h"
#include "score/paired.h"
#include "score/protocol.h"

static const char HEADER[] = "target\tmodel\ttm_align\ttm_resid\trmsd\trank\n";

static rt_arm arm_of(const char *rows, const char *metric, rt_per_target per_target)
{
    char text[4096];
    rt_score_table table;
    rt_arm arm;
    rt_err err;
    snprintf(text, sizeof text, "%s%s", HEADER, rows);
    if (rt_score_table_load(&table, test_file("arm.tsv", text), &err) != RT_OK) fail_msg("%s", err.what);
    assert_int_equal(rt_arm_reduce(&arm, &table, rt_metric_find(metric), per_target, &err), RT_OK);
    rt_score_table_free_members(&table);
    return arm;
}

static double value_of(const char *rows, const char *metric, rt_per_target per_target)
{
    rt_arm arm = arm_of(rows, metric, per_target);
    double value = arm.n_target == 1 ? arm.target[0].value : NAN;
    rt_arm_free_members(&arm);
    return value;
}

static void models_become_one_number(void **state)
{
    (void)state;
    const char *rows = "T\ta\t.1\t.5\t4\t2\nT\tb\t.2\t.4\t3\t1\nT\tc\t.3\t.9\t8\t3\n";
    assert_true(value_of(rows, "tm_resid", RT_PER_TARGET_BEST) == .9);
    assert_true(value_of(rows, "tm_resid", RT_PER_TARGET_TOP1) == .4);
    assert_true(fabs(value_of(rows, "tm_resid", RT_PER_TARGET_MEAN) - .6) < 1e-15);
    const char *const six = "A\tm1\t0\t.1\t1\t1\nA\tm2\t0\t.2\t1\t2\nA\tm3\t0\t.9\t1\t6\nA\tm4\t0\t.3\t1\t5\n";
    assert_true(value_of(six, "tm_resid", RT_PER_TARGET_BEST) == .9);
    assert_true(value_of(six, "tm_resid", RT_PER_TARGET_BEST5) == .3);   /* rank 6 is not submitted */
    assert_true(value_of(rows, "rmsd", RT_PER_TARGET_BEST) == 3);   /* lower is better */
    const char *unranked = "T\ta\t.1\t.5\t4\tNA\nT\tb\t.2\t.4\t3\tNA\n";
    assert_true(value_of(unranked, "tm_resid", RT_PER_TARGET_TOP1) == .5);
    const char *holes = "T\ta\t.1\tNA\t4\t1\nT\tb\t.2\t.4\t3\t2\n";
    assert_true(value_of(holes, "tm_resid", RT_PER_TARGET_BEST) == .4);
    assert_true(value_of(holes, "tm_resid", RT_PER_TARGET_MEAN) == .4);
    assert_true(isnan(value_of(holes, "tm_resid", RT_PER_TARGET_TOP1)));
    rt_arm arm = arm_of("B\ta\t.1\t.2\t4\t1\nA\ta\t.1\tNA\t4\t1\nB\tb\t.1\t.3\t4\t2\nC\ta\t.1\t.4\t4\t1\n", "tm_resid",
                        RT_PER_TARGET_BEST);
    assert_int_equal(arm.n_target, 2);
    assert_int_equal(arm.n_unknown, 1);
    assert_string_equal(arm.target[0].target, "B");
    assert_true(arm.fewest_models == 1 && arm.most_models == 2);
    rt_arm_free_members(&arm);
    assert_null(rt_metric_find("d0"));
    assert_null(rt_metric_find("tm"));
}

static void runs_become_one_arm(void **state)
{
    (void)state;
    rt_err err;
    rt_arm mean, run[2] = {arm_of("A\tm\t0\t.1\t1\t1\nB\tm\t0\t.2\t1\t1\n", "tm_resid", RT_PER_TARGET_BEST),
                           arm_of("B\tm\t0\t.6\t1\t1\nB\tn\t0\t.5\t1\t2\nC\tm\t0\t.9\t1\t1\n", "tm_resid", RT_PER_TARGET_BEST)};
    assert_int_equal(rt_arm_mean(&mean, run, 2, &err), RT_OK);
    assert_int_equal(mean.n_target, 1);   /* A and C are in one run only */
    assert_int_equal(mean.n_unknown, 1);
    assert_string_equal(mean.target[0].target, "B");
    assert_true(fabs(mean.target[0].value - .4) < 1e-15);
    assert_true(mean.fewest_models == 1 && mean.most_models == 2);
    rt_arm_free_members(&mean);
    for (int k = 0; k < 2; k++) rt_arm_free_members(&run[k]);
}

static void arms_are_paired(void **state)
{
    (void)state;
    rt_err err;
    rt_families families;
    rt_paired paired;
    rt_arm arm[3] = {
        arm_of("A\tm\t0\t.1\t1\t1\nB\tm\t0\t.2\t1\t1\nC\tm\t0\t.3\t1\t1\n", "tm_resid", RT_PER_TARGET_BEST),
        arm_of("C\tm\t0\t.5\t1\t1\nB\tm\t0\t.6\t1\t1\nD\tm\t0\t.7\t1\t1\n", "tm_resid", RT_PER_TARGET_BEST),
        arm_of("X\tm\t0\t.5\t1\t1\n", "tm_resid", RT_PER_TARGET_BEST)};
    assert_int_equal(rt_families_load(&families, test_file("f.tsv", "family\ttarget\nF\tC\nF\tA\nG\tD\n"), &err),
                     RT_OK);
    assert_int_equal(rt_paired_build(&paired, arm, 2, &families, &err), RT_OK);
    assert_int_equal(paired.n, 2);
    assert_int_equal(paired.n_family, 2);
    assert_int_equal(paired.n_alone, 1);   /* B */
    assert_string_equal(paired.target[0], "B");
    assert_true(paired.value[0] == .2 && paired.value[1] == .3 && paired.value[2] == .6 && paired.value[3] == .5);
    assert_true(paired.n_left_out[0] == 1 && paired.n_left_out[1] == 1);
    assert_null(paired.family_name[0]);
    assert_string_equal(paired.family_name[1], "F");
    rt_paired_free_members(&paired);
    assert_int_equal(rt_paired_build(&paired, arm, 3, &families, &err), RT_ERR_MISMATCH);
    assert_string_equal(err.what, "the arms have no target in common");
    rt_families_free_members(&families);
    for (int k = 0; k < 3; k++) rt_arm_free_members(&arm[k]);
}

static void families_that_are_wrong(void **state)
{
    (void)state;
    static const struct { const char *text, *what; int64_t line; } CASES[] = {
        {"target\tfamily\nA\tF\nB\tF\nA\tG\n", "target 'A' is in family 'G' here and in 'F' on line 2", 4},
        {"target\tfamily\nA\t\n", "target 'A' has no family; leave the line out if it has none", 2},
        {"target\tfamily\n\tF\n", "the target is empty", 2},
        {"target\tclan\nA\tF\n", "has no column 'family'", 0},
    };
    rt_families families;
    rt_err err;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        assert_int_equal(rt_families_load(&families, test_file("f.tsv", CASES[i].text), &err), RT_ERR_FORMAT);
        if (CASES[i].line) assert_int_equal(err.line, CASES[i].line);
        if (!strstr(err.what, CASES[i].what)) fail_msg("'%s' lacks '%s'", err.what, CASES[i].what);
    }
    assert_int_equal(rt_families_load(&families, test_file("f.tsv", "target\tfamily\nA\tF\nA\tF\n"), &err), RT_OK);
    assert_string_equal(rt_families_find(&families, "A"), "F");
    assert_null(rt_families_find(&families, "B"));
    rt_families_free_members(&families);
}

static rt_claim claim_of(int n, double shift, double spread, const char *metric, bool leak)
{
    rt_arm arm[2] = {{0}, {0}};
    rt_paired paired;
    rt_paired_difference d;
    rt_err err;
    rt_paired_options options = {.n_resample = 2000, .seed = 1, .n_comparison = 1};
    for (int k = 0; k < 2; k++) {
        arm[k].target = calloc((size_t)n, sizeof *arm[k].target);
        arm[k].n_target = n;
        for (int i = 0; i < n; i++) {
            snprintf(arm[k].target[i].target, RT_SCORE_NAME, "T%03d", i);
            arm[k].target[i].value = .5 + k * (shift + spread * sin(3.7 * i));
        }
    }
    assert_int_equal(rt_paired_build(&paired, arm, 2, NULL, &err), RT_OK);
    assert_int_equal(rt_paired_compare(&d, &paired, 0, 1, rt_metric_find(metric), &options, &err), RT_OK);
    rt_claim claim = rt_paired_claim(&d, rt_metric_find(metric), leak);
    for (int64_t i = 1; i < d.n; i++)   /* the worst for b comes first */
        assert_false(rt_metric_better(rt_metric_find(metric), d.delta[d.worst[i - 1]], d.delta[d.worst[i]]));
    rt_paired_difference_free_members(&d);
    rt_paired_free_members(&paired);
    for (int k = 0; k < 2; k++) rt_arm_free_members(&arm[k]);
    return claim;
}

static void claims(void **state)
{
    (void)state;
    assert_int_equal(claim_of(30, .05, .05, "tm_resid", false), RT_CLAIM_BETTER);
    assert_int_equal(claim_of(30, -.05, .05, "tm_resid", false), RT_CLAIM_WORSE);
    assert_int_equal(claim_of(30, .05, .05, "rmsd", false), RT_CLAIM_WORSE);
    assert_int_equal(claim_of(30, 0, .05, "tm_resid", false), RT_CLAIM_NO_DIFFERENCE);
    assert_int_equal(claim_of(30, 0, 0, "tm_resid", false), RT_CLAIM_NO_DIFFERENCE);   /* the same file twice */
    assert_int_equal(claim_of(30, .05, .05, "tm_resid", true), RT_CLAIM_NOTHING_LEAK);
    assert_int_equal(claim_of(5, .05, .001, "tm_resid", false), RT_CLAIM_NOTHING_FEW);
    assert_int_equal(claim_of(1, .05, .001, "tm_resid", false), RT_CLAIM_NOTHING_FEW);
}

/* The interval that holds for all comparisons decides, and the test by family, not by target. */
static void claims_need_the_wide_interval(void **state)
{
    (void)state;
    const rt_metric *tm = rt_metric_find("tm_resid");
    rt_paired_difference d = {.n = 40, .n_family = 10, .difference = .02, .low = .001, .high = .04, .wide_low = .0005,
                              .wide_high = .05, .by_target.wilcoxon_p = .2, .by_family.wilcoxon_p = .04};
    assert_int_equal(rt_paired_claim(&d, tm, false), RT_CLAIM_BETTER);
    d.by_family.wilcoxon_p = .06;
    d.by_target.wilcoxon_p = .001;
    assert_int_equal(rt_paired_claim(&d, tm, false), RT_CLAIM_UNSURE);
    d.by_family.wilcoxon_p = .04;
    d.wide_low = -.0005;
    assert_int_equal(rt_paired_claim(&d, tm, false), RT_CLAIM_NO_DIFFERENCE);
    d.wide_low = 0;   /* zero is inside */
    assert_int_equal(rt_paired_claim(&d, tm, false), RT_CLAIM_NO_DIFFERENCE);
}

/* 0.3 - 0.2 and 0.2 - 0.1 are not the same number, and a tie all the same. */
static void equal_differences_are_ties(void **state)
{
    (void)state;
    rt_arm_target first[] = {{"A", .2, 1}, {"B", .2, 1}}, second[] = {{"A", .3, 1}, {"B", .1, 1}};
    rt_arm arm[2] = {{.target = first, .n_target = 2}, {.target = second, .n_target = 2}};
    rt_paired paired;
    rt_paired_difference d;
    rt_err err;
    rt_paired_options options = {.n_resample = 1000, .seed = 1, .n_comparison = 1};
    assert_int_equal(rt_paired_build(&paired, arm, 2, NULL, &err), RT_OK);
    assert_int_equal(rt_paired_compare(&d, &paired, 0, 1, rt_metric_find("tm_resid"), &options, &err), RT_OK);
    assert_true(d.by_target.w_plus == 1.5 && d.by_target.w_minus == 1.5);
    rt_paired_difference_free_members(&d);
    rt_paired_free_members(&paired);
}

static int64_t protocol_compare(json_t **out, const char *a, const char *b)
{
    static const char *const TARGETS[] = {"R1", "R2"};
    rt_err err;
    json_t *x = NULL, *y = NULL;
    if (a) assert_int_equal(rt_json_parse(&x, a, (int64_t)strlen(a), NULL, &err), RT_OK);
    if (b) assert_int_equal(rt_json_parse(&y, b, (int64_t)strlen(b), NULL, &err), RT_OK);
    *out = json_array();
    int64_t n = rt_protocol_compare(*out, "base", x, "tuned", y, TARGETS, 2);
    json_decref(x);
    json_decref(y);
    return n;
}

static const char RUN[] =
    "{\"options\": {\"samples\": {\"value\": 5}, \"template-idx\": {\"value\": 0}}, \"seed\": 42, \"targets\": ["
    "{\"target\": \"R1\", \"inputs\": {\"msa\": {\"rows\": 120}, \"templates\": {\"used\": 1}}},"
    "{\"target\": \"R2\", \"inputs\": {\"msa\": null, \"templates\": {\"used\": 0}}}]}";
static const char OTHER[] =
    "{\"options\": {\"samples\": {\"value\": 25}, \"template-idx\": {\"value\": 4}}, \"seed\": 7, \"targets\": ["
    "{\"target\": \"R1\", \"inputs\": {\"msa\": {\"rows\": 120}, \"templates\": {\"used\": 5}}},"
    "{\"target\": \"R2\", \"inputs\": {\"msa\": {\"rows\": 3}, \"templates\": {\"used\": 0}}}]}";

static void protocols(void **state)
{
    (void)state;
    static const char *const EXPECTED[] = {
        "base and tuned differ in samples per target: 5 and 25",
        "base and tuned differ in template_idx: 0 and 4",
        "base and tuned differ in seed: 42 and 7",
        "base and tuned differ in MSA on 1 of 2 targets (R2: 0 and 3 rows)",
        "base and tuned differ in templates on 1 of 2 targets (R1: 1 and 5 templates)"};
    json_t *warnings;
    assert_int_equal(protocol_compare(&warnings, RUN, RUN), 0);
    assert_int_equal(json_array_size(warnings), 0);
    json_decref(warnings);
    assert_int_equal(protocol_compare(&warnings, RUN, OTHER), 5);
    assert_int_equal(json_array_size(warnings), 5);
    for (size_t i = 0; i < 5; i++) assert_string_equal(json_string_value(json_array_get(warnings, i)), EXPECTED[i]);
    json_decref(warnings);
    assert_int_equal(protocol_compare(&warnings, OTHER, RUN), 5);   /* whichever of the two had more */
    assert_string_equal(json_string_value(json_array_get(warnings, 4)),
                        "base and tuned differ in templates on 1 of 2 targets (R1: 5 and 1 templates)");
    json_decref(warnings);
    assert_int_equal(protocol_compare(&warnings, RUN, NULL), 0);
    assert_string_equal(
        json_string_value(json_array_get(warnings, 0)),
        "tuned: no run.json of the predictions, so it is not known whether samples, templates, MSA and seed "
        "are the same");
    json_decref(warnings);
    assert_int_equal(protocol_compare(&warnings, RUN, "{\"options\": {\"samples\": {\"value\": 5}}, \"targets\": []}"),
                     2);
    assert_int_equal(json_array_size(warnings), 4);   /* template_idx, seed; MSA and templates of 2 targets unknown */
    json_decref(warnings);
}

static void records_are_found(void **state)
{
    (void)state;
    rt_err err;
    json_t *run;
    const char *first = NULL;
    static const char *const TARGETS[] = {"R1", "R2", "R3"};
    char folder[128], path[160], text[256];
    snprintf(folder, sizeof folder, "%s/folds", test_folder);
    assert_int_equal(rt_make_folder(folder, &err), RT_OK);
    snprintf(path, sizeof path, "%s/scores.tsv", test_folder);
    unlink(test_path("run.json"));
    assert_int_equal(rt_protocol_find(&run, path, &err), RT_OK);
    assert_null(run);
    test_file("run.json", "{\"seed\": 1}");   /* the predictions' own */
    assert_int_equal(rt_protocol_find(&run, path, &err), RT_OK);
    assert_int_equal(json_integer_value(json_object_get(run, "seed")), 1);
    json_decref(run);
    test_file("run.json", "{\"options\": {\"pred\": {\"value\": \"folds\"}}}");   /* the scoring's: relative to it */
    assert_int_equal(rt_protocol_find(&run, path, &err), RT_OK);
    assert_null(run);
    test_file("folds/run.json", "{\"seed\": 2, \"selected_on\": [\"R9\", \"R2\", \"R3\"]}");
    assert_int_equal(rt_protocol_find(&run, path, &err), RT_OK);
    assert_int_equal(json_integer_value(json_object_get(run, "seed")), 2);
    assert_int_equal(rt_protocol_selected(run, TARGETS, 3, &first), 2);
    assert_string_equal(first, "R2");
    assert_int_equal(rt_protocol_selected(NULL, TARGETS, 3, &first), 0);
    json_decref(run);
    snprintf(text, sizeof text, "{\"options\": {\"pred\": {\"value\": [\"%s/submission.csv\"]}}}", folder);
    test_file("run.json", text);   /* a file: beside it */
    assert_int_equal(rt_protocol_find(&run, path, &err), RT_OK);
    assert_non_null(run);
    json_decref(run);
    test_file("run.json", "{");
    assert_int_equal(rt_protocol_find(&run, path, &err), RT_ERR_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(models_become_one_number), cmocka_unit_test(runs_become_one_arm),
        cmocka_unit_test(arms_are_paired),
        cmocka_unit_test(families_that_are_wrong), cmocka_unit_test(claims),
        cmocka_unit_test(claims_need_the_wide_interval), cmocka_unit_test(equal_differences_are_ties),
        cmocka_unit_test(protocols),
        cmocka_unit_test(records_are_found),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
