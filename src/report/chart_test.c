/* chart_test.c - axes are round and hold every value; what stands where on a picture */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/chart.h"

static void ticks_are_round_and_hold_the_range(void **state)
{
    (void)state;
    static const double RANGES[][2] = {{0, 1},       {0.0812, 0.45}, {-0.37, 0.3692}, {1, 5135},
                                       {5e-4, 5e-4}, {0, 0},         {-3e-9, 2e-9},   {0, 99999}};
    for (size_t i = 0; i < sizeof RANGES / sizeof *RANGES; i++)
        for (int most = 3; most <= 10; most++) {
            double low = RANGES[i][0], high = RANGES[i][1], step = 0;
            rt_chart_ticks(&low, &high, most, &step);
            assert_true(low <= RANGES[i][0] && high >= RANGES[i][1] && high > low);
            assert_true(llround((high - low) / step) <= most);
            double power = step / pow(10, floor(log10(step) + 1e-9));
            assert_true(fabs(power - 1) < 1e-6 || fabs(power - 2) < 1e-6 || fabs(power - 5) < 1e-6);
        }
    double low = 0.0812, high = 0.45, step = 0;
    rt_chart_ticks(&low, &high, 8, &step);
    assert_true(fabs(step - 0.05) < 1e-12 && fabs(low - 0.05) < 1e-12 && fabs(high - 0.45) < 1e-12);
}

static void steps_have_the_digits_that_they_need(void **state)
{
    (void)state;
    assert_int_equal(rt_chart_decimals(20), 0);
    assert_int_equal(rt_chart_decimals(0.5), 1);
    assert_int_equal(rt_chart_decimals(0.05), 2);
    assert_int_equal(rt_chart_decimals(0.002), 3);
}

static int count(const char *text, const char *word)
{
    int n = 0;
    for (; (text = strstr(text, word)); text++) n++;
    return n;
}

static void points_stand_where_they_belong_and_gaps_are_gaps(void **state)
{
    (void)state;
    rt_text t = {0};
    double x[] = {0, 0.5, 0.75, 1}, y[] = {0, 0.5, NAN, 1};
    rt_chart_series series = {.label = "a < b", .x = x, .y = y, .n = 4, .line = true};
    rt_chart_draw(
        &t, &(rt_chart){
                .title = "T", .x_label = "x", .y_label = "y", .series = &series, .n_series = 1, .unit_square = true});
    const char *path = strstr(t.data, "class=\"s0 line\" d=\"");
    double px[3], py[3];
    assert_non_null(path);
    assert_int_equal(
        sscanf(strstr(path, "M"), "M%lf,%lfL%lf,%lfM%lf,%lf", &px[0], &py[0], &px[1], &py[1], &px[2], &py[2]), 6);
    assert_true(fabs(px[1] - (px[0] + px[2]) / 2) <= 0.11 &&
                fabs(py[1] - (py[0] + py[2]) / 2) <= 0.11); /* halfway, to the tenth */
    assert_true(px[0] < px[2] && py[0] > py[2]); /* up is more */
    assert_non_null(strstr(t.data, "a &lt; b"));
    rt_text_free(&t);
}

static void small_steps_have_short_numbers(void **state)
{
    (void)state;
    rt_text t = {0};
    double x[] = {0, 1}, y[] = {0, 5e-4};
    rt_chart_series series = {.label = "rate", .x = x, .y = y, .n = 2, .line = true};
    rt_chart_draw(&t, &(rt_chart){.title = "T", .x_label = "x", .y_label = "y", .series = &series, .n_series = 1});
    assert_non_null(strstr(t.data, ">5e-4</text>"));
    assert_non_null(strstr(t.data, ">0.2</text>"));
    rt_text_free(&t);
}

static void a_chart_without_values_says_so(void **state)
{
    (void)state;
    rt_text t = {0};
    double none = NAN;
    int64_t zero = 0;
    const char *name = "a";
    rt_chart_series series = {.label = "a", .x = &none, .y = &none, .n = 1, .dots = true};
    rt_chart_interval row = {.value = NAN, .low = NAN, .high = NAN};
    rt_chart_draw(&t, &(rt_chart){.title = "A", .series = &series, .n_series = 1});
    rt_chart_draw_bars(
        &t, &(rt_chart_bars){.title = "B", .bin = &name, .part = &name, .count = &zero, .n_bin = 1, .n_part = 1});
    rt_chart_draw_intervals(&t, &(rt_chart_intervals){.title = "C", .row = &row, .n = 1});
    rt_chart_draw_intervals(&t, &(rt_chart_intervals){.title = "D", .n = 0});
    assert_int_equal(count(t.data, "no values."), 4);
    assert_null(strstr(t.data, "nan"));
    rt_text_free(&t);
}

static void bars_are_as_high_as_their_counts(void **state)
{
    (void)state;
    rt_text t = {0};
    const char *bins[] = {"10", "20"}, *parts[] = {"train", "test"};
    int64_t counts[] = {4, 2, 0, 1};
    double high[3];
    rt_chart_draw_bars(&t, &(rt_chart_bars){.title = "B",
                                            .x_label = "x",
                                            .y_label = "y",
                                            .bin = bins,
                                            .part = parts,
                                            .count = counts,
                                            .n_bin = 2,
                                            .n_part = 2});
    assert_int_equal(count(t.data, " bar\" x="), 3 + 2);   /* the empty one is not drawn; two in the legend */
    const char *at = t.data;
    for (int i = 0; i < 3; i++, at++) {
        at = strstr(at, " bar\" x=");
        assert_int_equal(sscanf(strstr(at, "height=\""), "height=\"%lf", &high[i]), 1);
    }
    assert_true(fabs(high[0] - 2 * high[1]) < 0.2 && fabs(high[0] - 4 * high[2]) < 0.4);
    assert_non_null(strstr(t.data, "<title>10, train: 4</title>"));
    rt_text_free(&t);
}

static void pairs_of_both_are_thick(void **state)
{
    (void)state;
    rt_text t = {0};
    const int64_t native[][2] = {{0, 9}, {1, 8}}, model[][2] = {{1, 8}, {2, 6}, {3, 5}};
    rt_chart_draw_arcs(
        &t,
        &(rt_chart_arcs){.title = "P", .length = 10, .native = native, .model = model, .n_native = 2, .n_model = 3});
    assert_int_equal(count(t.data, "class=\"native arc"), 2);
    assert_int_equal(count(t.data, "class=\"s2 arc"), 3);
    assert_int_equal(count(t.data, "arc shared\""), 2);
    assert_non_null(strstr(t.data, "native, above: 2"));
    rt_text_free(&t);
    rt_chart_draw_arcs(&t, &(rt_chart_arcs){.title = "none", .length = 1});
    assert_null(strstr(t.data, "nan"));
    rt_text_free(&t);
}

static void expected_errors_are_a_picture_of_bounded_size(void **state)
{
    (void)state;
    enum { N = 1000 };
    rt_text t = {0};
    rt_err err = {0};
    float *pae = calloc(N * N, sizeof *pae);
    assert_non_null(pae);
    for (int i = 0; i < N * N; i++) pae[i] = (float)(i % 31);
    assert_int_equal(rt_chart_draw_errors(&t, "PAE", pae, N, &err), RT_OK);
    assert_non_null(strstr(t.data, "src=\"data:image/png;base64,iVBOR"));
    assert_true(t.length < 300000);   /* 256 x 256 x 3 bytes, packed and in base64 */
    free(pae);
    rt_text_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ticks_are_round_and_hold_the_range),
        cmocka_unit_test(steps_have_the_digits_that_they_need),
        cmocka_unit_test(points_stand_where_they_belong_and_gaps_are_gaps),
        cmocka_unit_test(small_steps_have_short_numbers),
        cmocka_unit_test(a_chart_without_values_says_so),
        cmocka_unit_test(bars_are_as_high_as_their_counts),
        cmocka_unit_test(pairs_of_both_are_thick),
        cmocka_unit_test(expected_errors_are_a_picture_of_bounded_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
