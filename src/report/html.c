#include "report/html.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char DASH[] = "\xe2\x80\x93";

/* The bytes of a well-formed UTF-8 character at `text`, 0 when there is none. */
static int64_t character_size(const char *text, int64_t left)
{
    uint8_t first = (uint8_t)*text;
    int64_t size = first < 0x80 ? 1 : first >= 0xc2 && first < 0xe0 ? 2 : first >= 0xe0 && first < 0xf0 ? 3
                   : first >= 0xf0 && first < 0xf5 ? 4 : 0;
    if (size == 0 || size > left) return 0;
    for (int64_t i = 1; i < size; i++)
        if (((uint8_t)text[i] & 0xc0) != 0x80) return 0;
    uint8_t second = size > 1 ? (uint8_t)text[1] : 0x80; /* no overlong forms, no surrogates, nothing beyond U+10FFFF */
    if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) || (first == 0xf0 && second < 0x90) ||
        (first == 0xf4 && second > 0x8f))
        return 0;
    return size;
}

void rt_html_escape(rt_text *out, const char *text, int64_t length)
{
    int64_t end = length < 0 ? (int64_t)strlen(text) : length;
    for (int64_t i = 0; i < end;) {
        int64_t size = character_size(text + i, end - i);
        char c = text[i];
        const char *entity = c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '"' ? "&quot;"
                             : c == '\'' ? "&#39;" : NULL;
        if (size == 0 || c == 0x7f || ((uint8_t)c < 0x20 && c != '\n' && c != '\t')) entity = "\xef\xbf\xbd";
        if (entity) rt_text_add_bytes(out, entity, (int64_t)strlen(entity));
        else rt_text_add_bytes(out, text + i, size);
        i += size ? size : 1;
    }
}

/* One conversion with its value; `spec` is the whole of it, "%.3f". */
static void add_value(rt_text *out, const char *spec, int64_t size, va_list *values)
{
    char format[32], kind = spec[size - 1];
    RT_REQUIRE(size < (int64_t)sizeof format);
    memcpy(format, spec, (size_t)size);
    format[size] = '\0';
    if (kind == 's') {
        const char *text = va_arg(*values, const char *);
        RT_REQUIRE(size == 2);
        rt_html_escape(out, text ? text : DASH, -1);
    } else if (strchr("fge", kind)) {
        double value = va_arg(*values, double);
        char number[400];
        snprintf(number, sizeof number, format, value);
        rt_text_add(out, "%s", isfinite(value) ? number : DASH);
    } else if (size == 4 && memcmp(spec, "%lld", 4) == 0) {
        rt_text_add(out, "%lld", va_arg(*values, long long));
    } else if (size == 2 && kind == 'd') {
        rt_text_add(out, "%d", va_arg(*values, int));
    } else if (size == 2 && kind == 'c') {
        char c = (char)va_arg(*values, int);
        rt_html_escape(out, &c, 1);
    } else {
        RT_BUG("html: the conversion '%s' is not known", format);
    }
}

void rt_html_add(rt_text *out, const char *markup, ...)
{
    va_list values;
    va_start(values, markup);
    while (*markup) {
        int64_t plain = (int64_t)strcspn(markup, "%");
        if (plain) rt_text_add_bytes(out, markup, plain);
        markup += plain;
        if (!*markup) break;
        if (markup[1] == '%') {
            rt_text_add_bytes(out, "%", 1);
            markup += 2;
            continue;
        }
        int64_t size = 1 + (int64_t)strcspn(markup + 1, "sdcfge") + 1;
        add_value(out, markup, size, &values);
        markup += size;
    }
    va_end(values);
}

void rt_html_json(rt_text *out, const json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(6));
    if (!text) {
        out->failed = true;
        return;
    }
    for (const char *c = text; *c; c++) {
        if (*c == '<' || *c == '>' || *c == '&') rt_text_add(out, "\\u%04x", *c);
        else rt_text_add_bytes(out, c, 1);
    }
    free(text);
}

void rt_html_number(rt_text *out, double value, int decimals)
{
    if (!isfinite(value)) rt_text_add(out, "<td class=\"n\">%s</td>", DASH);
    else rt_text_add(out, "<td class=\"n\">%.*f</td>", decimals, value);
}

void rt_html_interval(rt_text *out, double low, double high, int decimals)
{
    if (!isfinite(low) || !isfinite(high)) rt_text_add(out, "<td class=\"n\">%s</td>", DASH);
    else rt_text_add(out, "<td class=\"n\">%.*f to %.*f</td>", decimals, low, decimals, high);
}

void rt_html_id(rt_text *out, const char *prefix, const char *name)
{
    rt_text_add(out, "%s", prefix);
    for (const char *c = name; *c; c++) {
        if (isalnum((uint8_t)*c) || *c == '-') rt_text_add_bytes(out, c, 1);
        else rt_text_add(out, "_%02x", (uint8_t)*c);
    }
}
