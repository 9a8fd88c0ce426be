#include "score/metric.h"

#include <string.h>

#include "base/text.h"

#define NONE(name, help)
#define ENTRY(column, digits, help) {.name = #column, .decimals = (digits), .offset = offsetof(rt_score_row, column)},
static const rt_metric METRICS[] = {RT_SCORE_COLUMNS(NONE, ENTRY, NONE) ENTRY(loss, 5, "")};

enum { N_METRIC = sizeof METRICS / sizeof *METRICS };

const rt_metric *rt_metric_find(const char *name)
{
    if (strcmp(name, "d0") == 0) return NULL;   /* a scale of the target, no measure of a model */
    for (int i = 0; i < N_METRIC; i++)
        if (strcmp(METRICS[i].name, name) == 0) return &METRICS[i];
    return NULL;
}

rt_status rt_metric_read(const rt_metric **out_metric, const char *name, rt_err *err)
{
    const char *names[N_METRIC];
    char all[512] = "";
    int n = 0;
    *out_metric = rt_metric_find(name);
    if (*out_metric) return RT_OK;
    for (int i = 0; i < N_METRIC; i++) {
        if (!rt_metric_find(METRICS[i].name)) continue;
        if (n) strncat(all, " ", sizeof all - strlen(all) - 1);
        strncat(all, METRICS[i].name, sizeof all - strlen(all) - 1);
        names[n++] = METRICS[i].name;
    }
    const char *near = rt_nearest_word(name, names, n);
    rt_fail(err, RT_ERR_USAGE, NULL, 0, "there is no metric '%s'", name);
    return near ? rt_hint(err, "did you mean '%s'?", near) : rt_hint(err, "there are %s", all);
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
           strcmp(metric->name, "clash") == 0 || strcmp(metric->name, "loss") == 0;
}

bool rt_metric_better(const rt_metric *metric, double a, double b) { return rt_metric_lower(metric) ? a < b : a > b; }

rt_per_target rt_per_target_of(const char *name)
{
    static const char *const NAMES[] = {"best", "top1", "mean", "best5"};
    for (int i = 0; i < 4; i++)
        if (strcmp(name, NAMES[i]) == 0) return (rt_per_target)i;
    RT_BUG("'%s' is no way to make one number of a target's models", name);
}
