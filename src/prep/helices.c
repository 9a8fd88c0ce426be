#include "prep/helices.h"

#include <stdlib.h>

#include "base/memory.h"

static bool crosses(const rt_helix *a, const rt_helix *b)
{
    return (a->i < b->i && b->i < a->j && a->j < b->j) || (b->i < a->i && a->i < b->j && b->j < a->j);
}

static int longest_first(const void *a, const void *b)
{
    const rt_helix *const *p = a, *const *q = b;
    return (*p)->n != (*q)->n ? ((*p)->n < (*q)->n) - ((*p)->n > (*q)->n) : ((*p)->i > (*q)->i) - ((*p)->i < (*q)->i);
}

static rt_status collect(rt_helices *helices, const int32_t *partner, int64_t length, rt_err *err)
{
    rt_status status = RT_OK;
    for (int64_t i = 0; i < length && status == RT_OK; i++) {
        int32_t j = partner[i], n = 1;
        if (j <= i || (i && partner[i - 1] == j + 1)) continue;   /* unpaired, a pair's second end, or within a helix */
        while (i + n < j - n && partner[i + n] == j - n) n++;
        void *items = helices->helix;
        status = rt_grow(&items, &helices->capacity, helices->n + 1, sizeof *helices->helix, err);
        helices->helix = items;
        if (status == RT_OK) helices->helix[helices->n++] = (rt_helix){.i = (int32_t)i, .j = j, .n = n};
    }
    return status;
}

rt_status rt_helices_find(rt_helices *out_helices, const int32_t *partner, int64_t length, rt_err *err)
{
    rt_status status = RT_OK;
    rt_helices helices = {0};
    rt_helix **order = NULL;
    RT_TRY(collect(&helices, partner, length, err));
    RT_TRY_ALLOC(order, helices.n);
    for (int64_t k = 0; k < helices.n; k++) order[k] = &helices.helix[k];
    if (helices.n) qsort(order, (size_t)helices.n, sizeof *order, longest_first);
    for (int64_t k = 0; k < helices.n; k++) {
        rt_helix *helix = order[k];
        for (int64_t m = 0; m < helices.n; m++)
            if (crosses(helix, order[m]) && order[m]->n >= helix->n) helix->knot = true;
        for (int64_t m = 0; m < k; m++)
            if (order[m]->level == helix->level && crosses(helix, order[m])) {
                helix->level++;
                m = -1;   /* the next level, against all again */
            }
    }
done:
    free(order);
    if (status != RT_OK) rt_helices_free_members(&helices);
    *out_helices = helices;
    return status;
}

void rt_helices_free_members(rt_helices *helices)
{
    free(helices->helix);
    *helices = (rt_helices){0};
}
