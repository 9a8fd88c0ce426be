#include "score/sweep.h"

#include <stdlib.h>

#include "base/memory.h"

typedef struct {
    double x;
    int64_t index;
} item;

static int compare(const void *a, const void *b)
{
    const item *p = a, *q = b;
    if (p->x != q->x) return p->x < q->x ? -1 : 1;
    return (p->index > q->index) - (p->index < q->index);
}

rt_status rt_sweep_order(int64_t **ret_order, const double *xyz, int64_t n, rt_err *err)
{
    rt_status status = RT_OK;
    item *items = NULL;
    *ret_order = NULL;
    RT_TRY_ALLOC(items, n);
    RT_TRY_ALLOC(*ret_order, n);
    for (int64_t i = 0; i < n; i++) items[i] = (item){xyz[3 * i], i};
    qsort(items, (size_t)n, sizeof *items, compare);
    for (int64_t i = 0; i < n; i++) (*ret_order)[i] = items[i].index;
done:
    free(items);
    return status;
}
