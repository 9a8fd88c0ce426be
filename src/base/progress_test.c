/* progress_test.c - the bar, the plain lines and the estimate, against a clock that the test moves */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/progress.h"

static double time_now;
static double test_clock(void) { return time_now; }

static char *text;
static size_t text_size;

static FILE *open_output(bool terminal, int columns)
{
    time_now = 100;
    FILE *stream = open_memstream(&text, &text_size);
    assert_non_null(stream);
    rt_progress_set_output(stream, terminal, columns, test_clock);
    return stream;
}

static void close_output(FILE *stream)
{
    rt_progress_set_output(stderr, false, 80, NULL);
    fclose(stream);
    free(text);
    text = NULL;
}

static void plain_lines_come_at_growing_intervals(void **state)
{
    (void)state;
    FILE *stream = open_output(false, 80);
    rt_progress_start("step", 1000);
    for (int i = 1; i <= 200; i++) {
        time_now += 1;
        rt_progress_step(i);
    }
    rt_progress_end();
    int lines = 0;
    for (const char *at = text; (at = strchr(at, '\n')); at++) lines++;
    assert_int_equal(lines, 5);   /* after 10, 20, 40, 100 and 160 s */
    assert_non_null(strstr(text, "progress: step 10/1000, 1%, 16:30 left\n"));
    assert_null(strchr(text, '\r'));
    close_output(stream);
}

static void levels_nest_and_weigh(void **state)
{
    (void)state;
    FILE *stream = open_output(true, 100);
    rt_progress_start("target", 4);
    rt_progress_label("R1107");
    rt_progress_start(NULL, 10);
    rt_progress_label("trunk");
    rt_progress_span(8);
    rt_progress_start("cycle", 2);
    time_now += 10;
    rt_progress_step(1);     /* 1/2 of 8/10 of 1/4 = 10 % */
    assert_non_null(strstr(text, "target 1/4 R1107 | trunk | cycle 1/2 [==>                 ]  10% 1:30 left"));
    time_now += 10;
    rt_progress_step(2);
    rt_progress_end();
    time_now += 1;
    rt_progress_label("diffusion");   /* 8/10 of 1/4 */
    assert_non_null(strstr(text, "target 1/4 R1107 | diffusion [====>               ]  20% 1:24 left"));
    rt_progress_end();
    time_now += 1;
    rt_progress_label("R1108");
    assert_non_null(strstr(text, "target 2/4 R1108 [=====>              ]  25%"));
    rt_progress_end();
    assert_string_equal(text + text_size - 4, "\r\033[K");   /* nothing is left on the line */
    close_output(stream);
}

static void a_narrow_terminal_gets_one_line_all_the_same(void **state)
{
    (void)state;
    FILE *stream = open_output(true, 30);
    rt_progress_start("target", 4);
    time_now += 1;
    rt_progress_label("a name that is far too long for this");
    const char *line = strrchr(text, '\r');
    line = line ? line + strlen("\r\033[K") : text;
    assert_true(strlen(line) < 30);
    time_now += 1;
    rt_progress_label("evil\033[2Jname");
    assert_null(strstr(text, "\033[2J"));
    rt_progress_end();
    close_output(stream);
}

static void the_bar_gives_way_to_messages(void **state)
{
    (void)state;
    FILE *stream = open_output(true, 80);
    rt_progress_start("step", 10);
    rt_progress_hide();
    fprintf(stream, "message\n");
    rt_progress_show();
    assert_non_null(strstr(text, "\r\033[Kmessage\nstep 0/10"));
    rt_progress_end();
    rt_log_set_level(RT_LOG_WARN);   /* --quiet: no bar */
    fflush(stream);
    size_t before = text_size;
    rt_progress_start("step", 10);
    rt_progress_step(5);
    rt_progress_end();
    fflush(stream);
    assert_true(text_size == before);
    rt_log_set_level(RT_LOG_INFO);
    close_output(stream);
}

static void too_many_levels_do_no_harm(void **state)
{
    (void)state;
    FILE *stream = open_output(true, 80);
    for (int i = 0; i < 20; i++) rt_progress_start("level", 2);
    rt_progress_label("deep");
    rt_progress_step(1);
    for (int i = 0; i < 25; i++) rt_progress_end();
    rt_progress_step(1);
    rt_progress_label("nothing is open");
    close_output(stream);
}

static void times_read_well(void **state)
{
    (void)state;
    char out[32];
    rt_progress_print_time(out, sizeof out, 4.2);
    assert_string_equal(out, "4 s");
    rt_progress_print_time(out, sizeof out, 65);
    assert_string_equal(out, "1:05");
    rt_progress_print_time(out, sizeof out, 7390);
    assert_string_equal(out, "2:03:10");
}

static void a_stop_is_remembered(void **state)
{
    (void)state;
    assert_false(rt_stop_requested());
    rt_stop_request();
    assert_true(rt_stop_requested());
    rt_stop_clear();
    assert_false(rt_stop_requested());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_lines_come_at_growing_intervals),
        cmocka_unit_test(levels_nest_and_weigh),
        cmocka_unit_test(a_narrow_terminal_gets_one_line_all_the_same),
        cmocka_unit_test(the_bar_gives_way_to_messages),
        cmocka_unit_test(too_many_levels_do_no_harm),
        cmocka_unit_test(times_read_well),
        cmocka_unit_test(a_stop_is_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
