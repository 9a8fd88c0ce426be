/* schema_check.h - which weights a network of these sizes has, and how a file differs from that
 * Room: cli.  Uses: model (rt_model_schema, only here), io/config, io/weights.
 */
#ifndef RT_CLI_SCHEMA_CHECK_H
#define RT_CLI_SCHEMA_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "io/config.h"
#include "io/weights.h"

typedef struct {
    const char *name;
    int ndim;
    int64_t dim[RT_MAX_DIMS];
} rt_schema_entry;

/* The weights of one network, in the reference's order.  Start from {0}. */
typedef struct {
    rt_schema_entry *entry;
    int64_t count, capacity;
    int64_t *by_name;       /* entry numbers in the order of their names */
    bool failed;            /* memory ran out while it grew */
} rt_schema;

/* RT_ERR_MEMORY. */
rt_status rt_schema_build(rt_schema *out_schema, const rt_config *config, rt_err *err);
void rt_schema_free_members(rt_schema *schema);
/* For tests and other sources of names: adds one entry (an rt_schema_visit), then sorts. */
void rt_schema_add(void *schema, const char *name, int ndim, const int64_t *dim);
rt_status rt_schema_sort(rt_schema *schema, rt_err *err);
/* NULL when the network has no weight of that name. */
const rt_schema_entry *rt_schema_find(const rt_schema *schema, const char *name);
/* An entry as a tensor without data. */
rt_tensor rt_schema_tensor(const rt_schema_entry *entry, rt_dtype dtype);
int64_t rt_schema_parameters(const rt_schema *schema);

typedef enum { RT_SCHEMA_MISSING, RT_SCHEMA_UNKNOWN, RT_SCHEMA_SHAPE } rt_schema_kind;

typedef struct {
    rt_schema_kind kind;
    const rt_schema_entry *opt_expected;   /* NULL: unknown */
    const rt_weight *opt_found;            /* NULL: missing */
} rt_schema_difference;

/* Start from {0}; the items borrow from the schema and the weights. */
typedef struct {
    rt_schema_difference *item;
    int64_t count, capacity;
    int64_t kinds[3];                      /* how many of each rt_schema_kind */
} rt_schema_report;

/* What is missing, unknown or of another shape; all three lists in order.  RT_OK also when there are differences. */
rt_status rt_schema_check(rt_schema_report *out_report, const rt_schema *schema, const rt_weight *const *weights,
                          int64_t n_weights, rt_err *err);
/* The same for every weight of a file against a network of these sizes; *out_schema, which the items borrow from, is
 * built here.  Free both, also on failure. */
rt_status rt_schema_check_file(rt_schema_report *out_report, rt_schema *out_schema, const rt_config *config,
                               const rt_weights *weights, rt_err *err);
void rt_schema_report_free_members(rt_schema_report *report);

#endif
