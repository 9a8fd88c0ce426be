#include "base/text.h"

#include <errno.h>
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
    memcpy(text->data + text->length, bytes, (size_t)length);
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

bool rt_parse_double(const char *text, int64_t length, double *out)
{
    char copy[64], *end;
    if (length < 1 || length >= (int64_t)sizeof copy) return false;
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
