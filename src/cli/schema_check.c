#define _GNU_SOURCE
#include "cli/schema_check.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "model.h"

void rt_schema_add(void *schema, const char *name, int ndim, const int64_t *dim)
{
    rt_schema *s = schema;
    if (ndim < 0 || ndim > RT_MAX_DIMS) RT_BUG("weight %s has %d dimensions", name, ndim);
    void *entries = s->entry;
    s->failed = s->failed || rt_grow(&entries, &s->capacity, s->count + 1, sizeof *s->entry, NULL) != RT_OK;
    s->entry = entries;
    char *copy = s->failed ? NULL : rt_copy_text(name, -1, NULL);
    if (!copy) {
        s->failed = true;
        return;
    }
    rt_schema_entry *e = &s->entry[s->count++];
    *e = (rt_schema_entry){.name = copy, .ndim = ndim};
    for (int i = 0; i < ndim; i++) e->dim[i] = dim[i];
}

static int compare_names(const void *a, const void *b, void *schema)
{
    const rt_schema *s = schema;
    return strcmp(s->entry[*(const int64_t *)a].name, s->entry[*(const int64_t *)b].name);
}

rt_status rt_schema_sort(rt_schema *schema, rt_err *err)
{
    if (schema->failed)
        return rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory while listing the network's weights");
    free(schema->by_name);
    schema->by_name = rt_alloc(schema->count, sizeof *schema->by_name, err);
    if (!schema->by_name) return RT_ERR_MEMORY;
    for (int64_t i = 0; i < schema->count; i++) schema->by_name[i] = i;
    qsort_r(schema->by_name, (size_t)schema->count, sizeof *schema->by_name, compare_names, schema);
    return RT_OK;
}

rt_status rt_schema_build(rt_schema *out_schema, const rt_config *config, rt_err *err)
{
    *out_schema = (rt_schema){0};
    rt_status status = rt_model_schema(config, rt_schema_add, out_schema, err);
    if (out_schema->count == 0) out_schema->failed = true;
    if (status == RT_OK) status = rt_schema_sort(out_schema, err);
    if (status != RT_OK) rt_schema_free_members(out_schema);
    return status;
}

void rt_schema_free_members(rt_schema *schema)
{
    for (int64_t i = 0; i < schema->count; i++) free((char *)(uintptr_t)schema->entry[i].name);
    free(schema->entry);
    free(schema->by_name);
    *schema = (rt_schema){0};
}

const rt_schema_entry *rt_schema_find(const rt_schema *schema, const char *name)
{
    int64_t low = 0, high = schema->count;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        const rt_schema_entry *e = &schema->entry[schema->by_name[middle]];
        int order = strcmp(name, e->name);
        if (order == 0) return e;
        if (order < 0) high = middle;
        else low = middle + 1;
    }
    return NULL;
}

rt_tensor rt_schema_tensor(const rt_schema_entry *entry, rt_dtype dtype)
{
    return rt_wrap(NULL, dtype, entry->ndim, entry->dim);
}

int64_t rt_schema_parameters(const rt_schema *schema)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < schema->count; i++) sum += rt_count(rt_schema_tensor(&schema->entry[i], RT_F32));
    return sum;
}

static rt_status add_difference(rt_schema_report *report, rt_schema_kind kind, const rt_schema_entry *expected,
                                const rt_weight *found, rt_err *err)
{
    void *items = report->item;
    rt_status status = rt_grow(&items, &report->capacity, report->count + 1, sizeof *report->item, err);
    report->item = items;
    if (status != RT_OK) return status;
    report->item[report->count++] = (rt_schema_difference){kind, expected, found};
    report->kinds[kind]++;
    return RT_OK;
}

static bool same_shape(const rt_schema_entry *e, rt_tensor t)
{
    return e->ndim == t.ndim && memcmp(e->dim, t.dim, (size_t)e->ndim * sizeof *e->dim) == 0;
}

rt_status rt_schema_check(rt_schema_report *out_report, const rt_schema *schema, const rt_weight *const *weights,
                          int64_t n_weights, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_weight **found = NULL;   /* by entry */
    *out_report = (rt_schema_report){0};
    RT_TRY_ALLOC(found, schema->count);
    for (int64_t i = 0; i < n_weights; i++) {
        const rt_schema_entry *e = rt_schema_find(schema, weights[i]->name);
        if (e) found[e - schema->entry] = weights[i];
    }
    for (int64_t i = 0; i < schema->count; i++)
        if (!found[i]) RT_TRY(add_difference(out_report, RT_SCHEMA_MISSING, &schema->entry[i], NULL, err));
    for (int64_t i = 0; i < n_weights; i++)
        if (!rt_schema_find(schema, weights[i]->name))
            RT_TRY(add_difference(out_report, RT_SCHEMA_UNKNOWN, NULL, weights[i], err));
    for (int64_t i = 0; i < schema->count; i++)
        if (found[i] && !same_shape(&schema->entry[i], found[i]->tensor))
            RT_TRY(add_difference(out_report, RT_SCHEMA_SHAPE, &schema->entry[i], found[i], err));
done:
    free(found);
    if (status != RT_OK) rt_schema_report_free_members(out_report);
    return status;
}

rt_status rt_schema_check_file(rt_schema_report *out_report, rt_schema *out_schema, const rt_config *config,
                               const rt_weights *weights, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_weight **list = NULL;
    RT_TRY_ALLOC(list, rt_weights_count(weights));
    for (int64_t i = 0; i < rt_weights_count(weights); i++) list[i] = rt_weights_at(weights, i);
    RT_TRY(rt_schema_build(out_schema, config, err));
    RT_TRY(rt_schema_check(out_report, out_schema, list, rt_weights_count(weights), err));
done:
    free(list);
    return status;
}

void rt_schema_report_free_members(rt_schema_report *report)
{
    free(report->item);
    *report = (rt_schema_report){0};
}
