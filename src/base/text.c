#include "base/text.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static bool reserve(rt_text *text, int64_t more)
{
    if (text->failed) return false;
    void *data = text->data;
    if (rt_grow(&data, &text->capacity, text->length + more + 1, 1, NULL) != RT_OK) text->failed = true;
    text->data = data;
    return !text->failed;
}

void rt_text_add(rt_text *text, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length >= 0 && reserve(text, length)) {
        vsnprintf(text->data + text->length, (size_t)length + 1, format, again);
        text->length += length;
    }
    va_end(again);
}

void rt_text_add_bytes(rt_text *text, const void *bytes, int64_t length)
{
    if (!reserve(text, length)) return;
    if (length) memcpy(text->data + text->length, bytes, (size_t)length);   /* nothing may come as NULL */
    text->length += length;
    text->data[text->length] = 0;
}

void rt_text_clear(rt_text *text)
{
    text->length = 0;
    if (text->data) text->data[0] = 0;
}

void rt_text_free(rt_text *text)
{
    free(text->data);
    *text = (rt_text){0};
}

bool rt_parse_int(const char *text, int64_t length, int64_t *out)
{
    char copy[32], *end;
    if (length < 1 || length >= (int64_t)sizeof copy || text[0] == ' ' || text[0] == '\t') return false;
    memcpy(copy, text, (size_t)length);
    copy[length] = 0;
    errno = 0;
    long long value = strtoll(copy, &end, 10);
    if (errno || *end || end == copy) return false;
    *out = value;
    return true;
}

#if defined(__x86_64__) && LDBL_MANT_DIG == 64
/* Digits, a point, digits, e and a small exponent, 19 significant digits at most: what nearly every number in a table
 * is. mantissa and 10^27 are exact in 64 bits, so that their quotient or product is the true value rounded once;
 * rounding that to a double is right too unless it lies halfway between two, which is left to strtod.  False: not
 * decided here. */
static bool parse_short_double(const char *text, int64_t length, double *out)
{
    static const long double POWER[] = {
        1e0L,  1e1L,  1e2L,  1e3L,  1e4L,  1e5L,  1e6L,  1e7L,  1e8L,  1e9L,  1e10L, 1e11L, 1e12L, 1e13L,
        1e14L, 1e15L, 1e16L, 1e17L, 1e18L, 1e19L, 1e20L, 1e21L, 1e22L, 1e23L, 1e24L, 1e25L, 1e26L, 1e27L};
    const char *at = text, *end = text + length;
    bool negative = *at == '-';
    if (*at == '-' || *at == '+') at++;
    uint64_t mantissa = 0;
    int64_t digits = 0, scale = 0;
    for (; at < end && (unsigned char)(*at - '0') < 10; at++, digits++)
        mantissa = mantissa * 10 + (uint64_t)(*at - '0');
    if (at < end && *at == '.') {
        const char *point = at++;
        for (; at < end && (unsigned char)(*at - '0') < 10; at++, digits++)
            mantissa = mantissa * 10 + (uint64_t)(*at - '0');
        scale = point + 1 - at;
    }
    if (digits < 1 || digits > 19) return false;   /* 19 digits are below 2^64, leading zeros are counted too */
    if (at < end && (*at == 'e' || *at == 'E')) {
        bool down = ++at < end && *at == '-';
        if (at < end && (*at == '-' || *at == '+')) at++;
        int64_t exponent = 0, first = end - at;
        for (; at < end && (unsigned char)(*at - '0') < 10 && exponent < 1000; at++)
            exponent = exponent * 10 + (*at - '0');
        if (first == end - at) return false;
        scale += down ? -exponent : exponent;
    }
    if (at != end || scale < -27 || scale > 27) return false;
    long double value = (long double)mantissa;
    value = scale < 0 ? value / POWER[-scale] : value * POWER[scale];
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    if ((bits & 0x7ff) == 0x400) return false;
    *out = negative ? -(double)value : (double)value;
    return true;
}
#else
static bool parse_short_double(const char *text, int64_t length, double *out)
{
    (void)text, (void)length, (void)out;
    return false;
}
#endif

bool rt_parse_double(const char *text, int64_t length, double *out)
{
    char copy[64], *end;
    if (length < 1 || length >= (int64_t)sizeof copy) return false;
    if (parse_short_double(text, length, out)) return true;
    if (!strchr("+-.0123456789", text[0])) return false;
    memcpy(copy, text, (size_t)length);
    copy[length] = 0;
    double value = strtod(copy, &end);
    if (*end || end == copy || !isfinite(value)) return false;
    *out = value;
    return true;
}

static int64_t edit_distance(const char *a, const char *b)
{
    int64_t n = (int64_t)strlen(a), m = (int64_t)strlen(b), row[65];
    if (n > 64 || m > 64) return INT64_MAX;
    for (int64_t j = 0; j <= m; j++) row[j] = j;
    for (int64_t i = 1; i <= n; i++) {
        int64_t diagonal = row[0];
        row[0] = i;
        for (int64_t j = 1; j <= m; j++) {
            int64_t replace = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            int64_t best = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;
            row[j] = best < replace ? best : replace;
        }
    }
    return row[m];
}

const char *rt_nearest_word(const char *word, const char *const *candidates, int64_t count)
{
    const char *nearest = NULL;
    int64_t best = ((int64_t)strlen(word) + 2) / 3 + 1;
    for (int64_t i = 0; i < count; i++) {
        int64_t distance = edit_distance(word, candidates[i]);
        if (distance < best) {
            best = distance;
            nearest = candidates[i];
        }
    }
    return nearest;
}

bool rt_ends_with(const char *text, const char *suffix)
{
    size_t n = strlen(text), m = strlen(suffix);
    return n >= m && strcmp(text + n - m, suffix) == 0;
}

/* Bytes of the printable UTF-8 character that begins here; 0 when none does. */
static int character_length(const char *text)
{
    const unsigned char *c = (const unsigned char *)text;
    if (c[0] < 0x80) return c[0] >= ' ' && c[0] != 127;
    int length = c[0] >= 0xf0 ? 4 : c[0] >= 0xe0 ? 3 : 2;
    if (c[0] < 0xc2 || c[0] > 0xf4) return 0;
    uint32_t code = c[0] & (0x7fu >> length);
    for (int i = 1; i < length; i++) {
        if (c[i] >> 6 != 2) return 0;
        code = code << 6 | (c[i] & 0x3f);
    }
    static const uint32_t first[] = {0, 0, 0xa0, 0x800, 0x10000};   /* 0x80 to 0x9f are control characters again */
    return code < first[length] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0 : length;
}

void rt_tame_text(char *text)
{
    for (int length; *text; text += length ? length : 1) {
        length = character_length(text);
        if (!length) *text = '?';
    }
}

bool rt_is_tame(const char *text)
{
    for (int length; *text; text += length)
        if (!(length = character_length(text))) return false;
    return true;
}
