/* helices_test.c - helices, their levels, which of them is the knot, and the brackets and ct that show them */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "prep/helices.h"
#include "prep/pairs_print.h"

enum { LONGEST = 200 };

/* A structure in brackets as a partner list. */
static int64_t read_brackets(int32_t *partner, const char *text)
{
    static const char OPEN[] = "([{<", CLOSE[] = ")]}>";
    int32_t stack[4][LONGEST], depth[4] = {0};
    int64_t n = (int64_t)strlen(text);
    for (int32_t k = 0; k < n; k++) {
        const char *opens = strchr(OPEN, text[k]), *closes = strchr(CLOSE, text[k]);
        partner[k] = -1;
        if (opens) stack[opens - OPEN][depth[opens - OPEN]++] = k;
        if (!closes) continue;
        int kind = (int)(closes - CLOSE);
        partner[k] = stack[kind][--depth[kind]];
        partner[partner[k]] = k;
    }
    return n;
}

static void assert_shown(const char *brackets, const char *expected)
{
    int32_t partner[LONGEST];
    char sequence[LONGEST + 1] = "";
    rt_text text = {0};
    rt_err err;
    int64_t n = read_brackets(partner, brackets);
    memset(sequence, 'G', (size_t)n);
    assert_int_equal(rt_pairs_print_dot(&text, "x", sequence, partner, NAN, &err), RT_OK);
    const char *last = strrchr(strstr(text.data, sequence), '\n');
    assert_non_null(last);
    const char *shown = strstr(text.data, sequence) + n + 1;
    assert_int_equal(strncmp(shown, expected, (size_t)n), 0);
    rt_text_free(&text);
}

static void crossing_helices_have_brackets_of_their_own(void **state)
{
    (void)state;
    assert_shown("((...))", "((...))");
    assert_shown("(.[.).]", "(.[.).]");                           /* equal: the first is the nested one */
    assert_shown("[[..(((..]]...)))", "[[..(((..]]...)))"); /* the longer has the round ones, wherever it begins */
    assert_shown("((..[[[..))...]]]", "[[..(((..]]...)))");
    assert_shown("(((..[[..{{..)))..]]..}}", "(((..[[..{{..)))..]]..}}");
    /* a level is used again where nothing crosses */
    assert_shown("(((..[[..)))..{{..]]..}}", "(((..[[..)))..((..]]..))");
}

static void the_shorter_of_two_that_cross_is_the_knot(void **state)
{
    (void)state;
    int32_t partner[LONGEST];
    rt_helices helices;
    rt_err err;
    int64_t n = read_brackets(partner, "((.((..[[..)))).]].(...)");
    assert_int_equal(rt_helices_find(&helices, partner, n, &err), RT_OK);
    assert_int_equal(helices.n, 4);   /* the bulge ends a helix */
    assert_true(helices.helix[0].i == 0 && helices.helix[0].n == 2 && helices.helix[0].j == 14);
    assert_true(helices.helix[0].level == 0 && helices.helix[1].level == 0 && helices.helix[3].level == 0);
    assert_int_equal(helices.helix[2].level, 1);
    assert_true(helices.helix[0].stem == 4 && helices.helix[1].stem == 4 && helices.helix[2].stem == 2);
    assert_true(helices.helix[2].knot && !helices.helix[0].knot && !helices.helix[1].knot && !helices.helix[3].knot);
    rt_helices_free_members(&helices);
    n = read_brackets(partner, "((..[[..))...]]");   /* as long as one another: both */
    assert_int_equal(rt_helices_find(&helices, partner, n, &err), RT_OK);
    assert_true(helices.helix[0].knot && helices.helix[1].knot && helices.helix[0].level == 0);
    rt_helices_free_members(&helices);
    n = read_brackets(partner, "((.....((..[[..)).....)).]]");   /* a loop of five is no stem's */
    assert_int_equal(rt_helices_find(&helices, partner, n, &err), RT_OK);
    assert_true(helices.n == 3 && helices.helix[0].stem == 2 && helices.helix[1].knot && helices.helix[2].knot);
    rt_helices_free_members(&helices);
    n = read_brackets(partner, "(((..[[..)))...]]");
    assert_int_equal(rt_helices_find(&helices, partner, n, &err), RT_OK);
    assert_true(!helices.helix[0].knot && helices.helix[1].knot && helices.helix[1].level == 1);
    rt_helices_free_members(&helices);
    for (int k = 0; k < 5; k++) partner[k] = -1;
    assert_int_equal(rt_helices_find(&helices, partner, 5, &err), RT_OK);
    assert_int_equal(helices.n, 0);
    rt_helices_free_members(&helices);
    assert_int_equal(rt_helices_find(&helices, partner, 0, &err), RT_OK);
    rt_helices_free_members(&helices);
}

/* 31 pairs each of which crosses all others: one more than there are kinds of brackets. */
static void what_crosses_too_often_is_an_error(void **state)
{
    (void)state;
    int32_t partner[62];
    char sequence[63] = "";
    rt_text text = {0};
    rt_err err;
    for (int32_t k = 0; k < 31; k++) {
        partner[k] = k + 31;
        partner[k + 31] = k;
    }
    memset(sequence, 'A', 62);
    assert_int_equal(rt_pairs_print_dot(&text, "knots", sequence, partner, NAN, &err), RT_ERR_UNSUPPORTED);
    assert_string_equal(err.what, "knots has pairs that cross too often for brackets");
    rt_text_free(&text);
}

static void ct_and_bpseq_show_crossing_pairs(void **state)
{
    (void)state;
    int32_t partner[LONGEST];
    rt_text text = {0};
    int64_t n = read_brackets(partner, "(.[).]");
    rt_pairs_print_ct(&text, "k\tnot", "GACUGA", partner, n);
    assert_string_equal(text.data,
                        "6 k?not\n1 G 0 2 4 1\n2 A 1 3 0 2\n3 C 2 4 6 3\n4 U 3 5 1 4\n5 G 4 6 0 5\n6 A 5 0 3 6\n");
    rt_text_clear(&text);
    rt_pairs_print_bpseq(&text, "knot", "GACUGA", partner, n);
    assert_string_equal(text.data, "# knot\n1 G 4\n2 A 0\n3 C 6\n4 U 1\n5 G 0\n6 A 3\n");
    rt_text_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crossing_helices_have_brackets_of_their_own),
        cmocka_unit_test(the_shorter_of_two_that_cross_is_the_knot),
        cmocka_unit_test(what_crosses_too_often_is_an_error),
        cmocka_unit_test(ct_and_bpseq_show_crossing_pairs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
