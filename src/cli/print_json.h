/* print_json.h - a verb's --json
 * Room: cli.  Uses: base/json.
 */
#ifndef RT_CLI_PRINT_JSON_H
#define RT_CLI_PRINT_JSON_H

#include <jansson.h>

#include "base/status.h"

/* On stdout, as rt_json_print writes it; json stays the caller's.  Errors: RT_ERR_MEMORY (also for NULL). */
rt_status rt_print_json(const json_t *json, rt_err *err);

/* A table (TSV with a header) as an array of objects.  numbers: the columns that hold numbers, ends with NULL; "-",
 * "nan" and infinities become null there, and "-" does in other columns.  Errors: RT_ERR_MEMORY. */
rt_status rt_print_table_json(const char *table, const char *const *numbers, rt_err *err);

#endif
