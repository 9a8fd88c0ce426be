/* html_test.c - no text from a file becomes markup; numbers that are not known are dashes */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "report/html.h"

static void expect(rt_text *text, const char *wanted)
{
    assert_false(text->failed);
    assert_string_equal(text->data ? text->data : "", wanted);
    rt_text_free(text);
}

static void texts_are_escaped_wherever_they_stand(void **state)
{
    (void)state;
    rt_text t = {0};
    rt_html_add(&t, "<a title=\"%s\">%s</a>%c 100%%", "\" onclick='x()'", "<script>&</script>", '<');
    expect(&t, "<a title=\"&quot; onclick=&#39;x()&#39;\">&lt;script&gt;&amp;&lt;/script&gt;</a>&lt; 100%");
}

static void bytes_that_are_no_text_are_replaced(void **state)
{
    (void)state;
    rt_text t = {0};
    rt_html_escape(&t, "\xc3\x85 \xff \xc0\xbc \xed\xa0\x80 \x01 \xe2\x80",
                   -1); /* A-ring; a lone byte; an overlong '<'; a surrogate; ... */
    expect(&t, "\xc3\x85 \xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd \xef\xbf\xbd "
               "\xef\xbf\xbd\xef\xbf\xbd");
}

static void numbers_are_written_and_unknown_ones_are_dashes(void **state)
{
    (void)state;
    rt_text t = {0};
    const char *volatile none = NULL;   /* or the compiler sees it and warns */
    rt_html_add(&t, "%lld %d %.2f %g %.1f %s", 5000000000LL, -3, 0.125, 1e-4, NAN, none);
    expect(&t, "5000000000 -3 0.12 0.0001 \xe2\x80\x93 \xe2\x80\x93");
    rt_html_number(&t, 0.4567, 2);
    rt_html_number(&t, INFINITY, 2);
    rt_html_interval(&t, 0.1, 0.25, 2);
    rt_html_interval(&t, NAN, 0.25, 2);
    expect(&t, "<td class=\"n\">0.46</td><td class=\"n\">\xe2\x80\x93</td><td class=\"n\">0.10 to 0.25</td><td "
               "class=\"n\">\xe2\x80\x93</td>");
}

static void json_cannot_end_its_element(void **state)
{
    (void)state;
    rt_text t = {0};
    json_t *json = json_pack("{s:s}", "name", "</script><!--&");
    rt_html_json(&t, json);
    assert_null(strpbrk(t.data, "<>&"));
    json_t *again = json_loads(t.data, 0, NULL);
    assert_true(json_equal(json, again));
    json_decref(json);
    json_decref(again);
    rt_text_free(&t);
}

static void different_names_have_different_ids(void **state)
{
    (void)state;
    rt_text a = {0}, b = {0};
    rt_html_id(&a, "t-", "1abc_A");
    rt_html_id(&b, "t-", "1abc\"A");
    assert_string_equal(a.data, "t-1abc_5fA");
    assert_string_equal(b.data, "t-1abc_22A");
    rt_text_free(&a);
    rt_text_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_escaped_wherever_they_stand),
        cmocka_unit_test(bytes_that_are_no_text_are_replaced),
        cmocka_unit_test(numbers_are_written_and_unknown_ones_are_dashes),
        cmocka_unit_test(json_cannot_end_its_element),
        cmocka_unit_test(different_names_have_different_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
