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
    if ((*p)->stem != (*q)->stem) return (*p)->stem > (*q)->stem ? -1 : 1;
    return ((*p)->i > (*q)->i) - ((*p)->i < (*q)->i);
}

/* Does b go on where a ends, behind a bulge or a small internal loop? */
static bool continues(const rt_helix *a, const rt_helix *b)
{
    int32_t left = b->i - (a->i + a->n), right = a->j - a->n - b->j;
    return left >= 0 && left <= RT_STEM_GAP && right >= 0 && right <= RT_STEM_GAP && left + right > 0;
}

/* From the innermost helix on: each adds its pairs to the one around it, then gets the whole stem's. */
static rt_status measure_stems(rt_helices *helices, rt_err *err)
{
    int64_t *around = rt_alloc(helices->n, sizeof *around, err);
    if (!around) return RT_ERR_MEMORY;
    for (int64_t k = 0; k < helices->n; k++) {
        rt_helix *helix = &helices->helix[k];
        helix->stem = helix->n;
        around[k] = -1;
        for (int64_t m = k - 1; m >= 0 && around[k] < 0; m--)   /* the nearest first */
            if (continues(&helices->helix[m], helix)) around[k] = m;
    }
    for (int64_t k = helices->n - 1; k >= 0; k--)
        if (around[k] >= 0) helices->helix[around[k]].stem += helices->helix[k].stem;
    for (int64_t k = 0; k < helices->n; k++)
        if (around[k] >= 0) helices->helix[k].stem = helices->helix[around[k]].stem;
    free(around);
    return RT_OK;
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
    RT_TRY(measure_stems(&helices, err));
    RT_TRY_ALLOC(order, helices.n);
    for (int64_t k = 0; k < helices.n; k++) order[k] = &helices.helix[k];
    if (helices.n) qsort(order, (size_t)helices.n, sizeof *order, longest_first);
    for (int64_t k = 0; k < helices.n; k++) {
        rt_helix *helix = order[k];
        for (int64_t m = 0; m < helices.n; m++)
            if (crosses(helix, order[m]) && order[m]->stem >= helix->stem) helix->knot = true;
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
