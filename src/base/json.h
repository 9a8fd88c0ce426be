/* json.h - JSON files with positions in errors, typed values by path
 * Room: base.  Uses: base/status, base/file, jansson.
 *
 * A path is keys joined by dots, "model.pairformer.n_blocks"; an array's element is its number, "chains.0.name".  A key
 * that holds a dot itself is found too: at each object the whole rest of the path is tried before it is split.
 */
#ifndef RT_BASE_JSON_H
#define RT_BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

/* Reads a whole file; json_decref() it.  A key given twice is refused.
 * Errors: RT_ERR_IO, RT_ERR_FORMAT with line and column, RT_ERR_MEMORY. */
rt_status rt_json_load(json_t **ret_json, const char *path, rt_err *err);

/* The same from memory; opt_file names it in errors. */
rt_status rt_json_parse(json_t **ret_json, const char *text, int64_t length, const char *opt_file, rt_err *err);

/* The value at `path`, borrowed from root; NULL when there is none.  "" is root itself. */
const json_t *rt_json_find(const json_t *root, const char *path);

/* Typed values.  Absent: with opt_found it becomes false, *out keeps its value and the status is RT_OK; without,
 * RT_ERR_FORMAT.  A value of another type: RT_ERR_FORMAT naming `file` (may be NULL), the path and both types.
 * An integer is taken where a double is wanted, never the other way round.  A text is borrowed from root. */
rt_status rt_json_read_int(const json_t *root, int64_t *out, bool *opt_found, const char *path, const char *file,
                           rt_err *err);
rt_status rt_json_read_double(const json_t *root, double *out, bool *opt_found, const char *path, const char *file,
                              rt_err *err);
rt_status rt_json_read_bool(const json_t *root, bool *out, bool *opt_found, const char *path, const char *file,
                            rt_err *err);
rt_status rt_json_read_text(const json_t *root, const char **out, bool *opt_found, const char *path, const char *file,
                            rt_err *err);

/* "an object", "a text", ... for an error; "nothing" for NULL. */
const char *rt_json_type_name(const json_t *json);

/* NaN and infinities, which JSON has no word for, as null. */
json_t *rt_json_number(double value);

/* Indented text with a final newline, keys in the order they were set, doubles with 17 digits so that they read back
 * equal; free() it.  NULL and RT_ERR_MEMORY on failure. */
char *rt_json_print(const json_t *json, rt_err *err);

/* rt_json_print into a file, whole or not at all. */
rt_status rt_json_save(const json_t *json, const char *path, rt_err *err);

#endif
