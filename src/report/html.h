/* html.h - writing HTML so that no text from a file can become markup
 * Room: report.  Uses: base/text, base/json.
 */
#ifndef RT_REPORT_HTML_H
#define RT_REPORT_HTML_H

#include <jansson.h>
#include <stdint.h>

#include "base/text.h"

/* Appends `markup`, a printf format that is a literal of this program.  Every %s is escaped (& < > " ' and control
 * characters, bytes that are no UTF-8 become U+FFFD), everywhere a text may stand: between tags and in quoted
 * attributes.
 * Known: %s, %d, %lld, %c, %g %f %e with precision, %%.  NULL and numbers that are not finite are written as a dash. */
void rt_html_add(rt_text *out, const char *markup, ...) __attribute__((format(printf, 2, 3)));

/* `text` escaped; length < 0: to its end. */
void rt_html_escape(rt_text *out, const char *text, int64_t length);

/* A value inside <script type="application/json">: no character of it can end the element. */
void rt_html_json(rt_text *out, const json_t *json);

/* A table cell of a number, right-aligned and sorted by its value; "not known" is a dash and sorts last. */
void rt_html_number(rt_text *out, double value, int decimals);
/* "0.123 to 0.456", a dash when one of them is not known. */
void rt_html_interval(rt_text *out, double low, double high, int decimals);

/* "t-1abc_a" and the like: letters and digits as they are, all else by its code: unique, and safe in an href. */
void rt_html_id(rt_text *out, const char *prefix, const char *name);

#endif
