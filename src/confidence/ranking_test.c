/* ranking_test.c - a learned ranking's value, its file, and what a wrong file is told */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "confidence/ranking.h"
#include "io/test_files.h"

static rt_ranking make(void)
{
    return (rt_ranking){.checkpoint = "abc",
                        .mean = {50, 0.5, 8, 2, 0.4},
                        .scale = {10, 0.2, 4, 1, 0.1},
                        .weight = {1, 2, -1, -0.5, 3},
                        .offset = 0.25,
                        .slope = 0.5,
                        .ridge = 0.1,
                        .n_target = 3,
                        .n_family = 2,
                        .n_sample = 15};
}

static void the_value_is_the_logistic_of_the_weighted_sum(void **state)
{
    (void)state;
    rt_ranking r = make();
    double x[RT_RANKING_FEATURES], low[RT_RANKING_FEATURES];
    rt_ranking_features(x, 60, 0.7, 4, exp(3) - 1, 0.5);   /* one scale above the mean, gPDE one below */
    double sum = 1 + 2 + 1 - 0.5 + 3, want = 1 / (1 + exp(-(0.25 + 0.5 * sum)));
    assert_true(fabs(rt_ranking_value(&r, x) - want) < 1e-12);
    rt_ranking_features(low, 40, 0.7, 4, exp(3) - 1, 0.5);
    assert_true(rt_ranking_value(&r, low) < rt_ranking_value(&r, x));
    rt_ranking_features(x, NAN, NAN, NAN, NAN, NAN);   /* nothing known: the mean */
    assert_true(fabs(rt_ranking_value(&r, x) - 1 / (1 + exp(-0.25))) < 1e-12);
}

static void a_file_reads_back_equal(void **state)
{
    (void)state;
    rt_err err;
    rt_ranking r = make(), back;
    json_t *json = rt_ranking_json(&r);
    assert_int_equal(rt_json_save(json, test_path("ranking.json"), &err), RT_OK);
    json_decref(json);
    assert_int_equal(rt_ranking_read(&back, test_path("ranking.json"), &err), RT_OK);
    assert_string_equal(back.checkpoint, "abc");
    assert_memory_equal(back.mean, r.mean, sizeof r.mean);
    assert_memory_equal(back.scale, r.scale, sizeof r.scale);
    assert_memory_equal(back.weight, r.weight, sizeof r.weight);
    assert_true(back.offset == r.offset && back.slope == r.slope);
}

static void refuse(void (*spoil)(json_t *json), rt_status code, const char *what)
{
    rt_err err;
    rt_ranking r = make(), back;
    json_t *json = rt_ranking_json(&r);
    spoil(json);
    assert_int_equal(rt_json_save(json, test_path("bad.json"), &err), RT_OK);
    json_decref(json);
    assert_int_equal(rt_ranking_read(&back, test_path("bad.json"), &err), code);
    if (!strstr(err.what, what)) fail_msg("'%s' lacks '%s'", err.what, what);
}

static json_t *feature(json_t *json, const char *name)
{
    return json_object_get(json_object_get(json, "features"), name);
}
static void other_format(json_t *json) { json_object_set_new(json, "format", json_integer(2)); }
static void no_format(json_t *json) { json_object_del(json, "format"); }
static void no_feature(json_t *json) { json_object_del(json_object_get(json, "features"), "ptm"); }
static void flat(json_t *json) { json_object_set_new(feature(json, "gpde"), "scale", json_real(0)); }
static void text(json_t *json) { json_object_set_new(feature(json, "plddt"), "weight", json_string("1")); }
static void upside_down(json_t *json) { json_object_set_new(json, "slope", json_real(-1)); }

static void a_wrong_file_is_refused_with_what_is_wrong(void **state)
{
    (void)state;
    rt_err err;
    rt_ranking r;
    refuse(other_format, RT_ERR_UNSUPPORTED, "a ranking of format 2");
    refuse(no_format, RT_ERR_FORMAT, "format");
    refuse(no_feature, RT_ERR_FORMAT, "features.ptm.mean");
    refuse(flat, RT_ERR_FORMAT, "features.gpde.scale is 0: expected a number above 0");
    refuse(text, RT_ERR_FORMAT, "features.plddt.weight");
    refuse(upside_down, RT_ERR_FORMAT, "slope is -1");
    assert_int_equal(rt_ranking_read(&r, test_file("half.json", "{\"format\": 1,"), &err), RT_ERR_FORMAT);
    assert_int_equal(rt_ranking_read(&r, test_path("none.json"), &err), RT_ERR_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_value_is_the_logistic_of_the_weighted_sum),
        cmocka_unit_test(a_file_reads_back_equal),
        cmocka_unit_test(a_wrong_file_is_refused_with_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
