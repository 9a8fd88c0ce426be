/* text_test.c - numbers are read as strtod reads them, and nothing else is a number */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static void same_as_strtod(const char *text)
{
    double value = -1, want = strtod(text, NULL);
    if (!rt_parse_double(text, (int64_t)strlen(text), &value) || memcmp(&value, &want, sizeof value) != 0)
        fail_msg("'%s' is read as %.17g, not %.17g", text, value, want);
}

static void doubles_by_hand(void **state)
{
    (void)state;
    static const char *const GOOD[] = {
        "0", "-0", "+0.0", "1", "-1", "1.", ".5", "-.5e-3", "1e5", "1E+05", "13.760000228881836", "-1e+18", "-1e18",
        "9007199254740993", "9007199254740992.5", "18446744073709551615", "18446744073709551616", "9999999999999999999",
        "0.0000000000000000001", "0.00000000000000000001", "1e-27", "1e27", "1e28", "1e308", "1e-320", "4.35", "0.1",
        "2.2250738585072014e-308", "123456789012345678e-20", "1e-00000000000000000003", "00000000000000000000001",
        "8.5", "4503599627370497.5", "4503599627370496.5", "0x10", "1e+0"};
    static const char *const BAD[] = {"",    " 1",  "1 ",   "e5",  ".",   "-",     "+",    "1e",
                                      "1e+", "1e-", "1..2", "1,5", "nan", "inf",   "-inf", "1e999",
                                      "--1", "+-1", "1x",   "x",   "0x",  "1e5.0", "1 2"};
    double value;
    for (size_t i = 0; i < sizeof GOOD / sizeof *GOOD; i++) same_as_strtod(GOOD[i]);
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++)
        if (rt_parse_double(BAD[i], (int64_t)strlen(BAD[i]), &value)) fail_msg("'%s' is taken as %g", BAD[i], value);
    assert_true(rt_parse_double("1.59", 3, &value) && value == 1.5);   /* the length counts, not a final zero */
}

/* Numbers as programs print them, and numbers that lie at or beside the middle of two doubles. */
static void doubles_drawn(void **state)
{
    (void)state;
    static const char *const FORMATS[] = {"%.17g", "%.3f", "%.15g", "%.1f", "%.16e", "%.9g", "%.0f", "%.12f"};
    uint64_t draw = 88172645463325252u;
    char text[512];
    for (int i = 0; i < 400000; i++) {
        draw ^= draw << 13, draw ^= draw >> 7, draw ^= draw << 17;
        double value = (double)(int64_t)draw * ldexp(1, -20 - (int)(draw % 60));
        if (i % 4 == 3) {   /* a half between two whole doubles: 54 and 55 bits */
            snprintf(text, sizeof text, "%llu%s", (unsigned long long)(draw >> (9 + i % 2)),
                     i % 8 == 3 ? "" : i % 16 == 7 ? ".5" : ".0");
        } else {
            snprintf(text, sizeof text, FORMATS[draw >> 40 & 7], value);
        }
        if (strlen(text) < 63) same_as_strtod(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(doubles_by_hand), cmocka_unit_test(doubles_drawn)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
