/* text.h - growing text, strict number parsing
 * Room: base.  Uses: base/status, base/memory.
 */
#ifndef RT_BASE_TEXT_H
#define RT_BASE_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

/* A growing NUL-terminated text; start from {0}, release with rt_text_free.  After a failed allocation `failed` is set,
 * further additions do nothing, and the user of the text checks once at the end. */
typedef struct {
    char *data;
    int64_t length, capacity;
    bool failed;
} rt_text;

void rt_text_add(rt_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void rt_text_add_bytes(rt_text *text, const void *bytes, int64_t length);
void rt_text_clear(rt_text *text);
void rt_text_free(rt_text *text);

/* The whole of text[0..length) must be a number: no blanks, no rest, in range.  "nan", "inf" are not numbers here. */
bool rt_parse_int(const char *text, int64_t length, int64_t *out);
bool rt_parse_double(const char *text, int64_t length, double *out);

/* The candidate nearest to `word` by edit distance (for "did you mean"), NULL when none is within a third of its length. */
const char *rt_nearest_word(const char *word, const char *const *candidates, int64_t count);

/* Control characters, tabs and line ends among them, and bytes that are no UTF-8 become '?': a name from a file cannot add
 * columns to a table, move the cursor or break a JSON file. */
void rt_tame_text(char *text);
bool rt_is_tame(const char *text);   /* would rt_tame_text leave it as it is? */

/* True when text ends with suffix. */
bool rt_ends_with(const char *text, const char *suffix);

#endif
