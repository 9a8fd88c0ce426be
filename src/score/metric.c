#include "score/metric.h"

#include <string.h>

#define NONE(name, help)
#define ENTRY(column, digits, help) {.name = #column, .decimals = (digits), .offset = offsetof(rt_score_row, column)},
static const rt_metric METRICS[] = {RT_SCORE_COLUMNS(NONE, ENTRY, NONE)};

const rt_metric *rt_metric_find(const char *name)
{
    if (strcmp(name, "d0") == 0) return NULL;   /* a scale of the target, no measure of a model */
    for (size_t i = 0; i < sizeof METRICS / sizeof *METRICS; i++)
        if (strcmp(METRICS[i].name, name) == 0) return &METRICS[i];
    return NULL;
}

double rt_metric_value(const rt_metric *metric, const rt_score_row *row)
{
    double value;
    memcpy(&value, (const char *)row + metric->offset, sizeof value);
    return value;
}

bool rt_metric_lower(const rt_metric *metric)
{
    return strcmp(metric->name, "rmsd") == 0 || strcmp(metric->name, "rmsd_aligned") == 0 ||
           strcmp(metric->name, "clash") == 0;
}

bool rt_metric_better(const rt_metric *metric, double a, double b) { return rt_metric_lower(metric) ? a < b : a > b; }
