#include "prep/components.h"

#include <stdlib.h>

#include "base/memory.h"

rt_status rt_components_create(rt_components *out, int64_t n, rt_err *err)
{
    rt_status status = RT_OK;
    *out = (rt_components){.n = n};
    RT_TRY_ALLOC(out->parent, n);
    RT_TRY_ALLOC(out->size, n);
    for (int64_t i = 0; i < n; i++) out->parent[i] = (int32_t)i, out->size[i] = 1;
done:
    if (status != RT_OK) rt_components_free_members(out);
    return status;
}

void rt_components_free_members(rt_components *components)
{
    free(components->parent);
    free(components->size);
    *components = (rt_components){0};
}

int64_t rt_components_find(rt_components *components, int64_t a)
{
    int32_t *parent = components->parent;
    for (; parent[a] != a; a = parent[a]) parent[a] = parent[parent[a]];
    return a;
}

void rt_components_join(rt_components *components, int64_t a, int64_t b)
{
    a = rt_components_find(components, a);
    b = rt_components_find(components, b);
    if (a == b) return;
    int64_t large = components->size[a] >= components->size[b] ? a : b, small = large == a ? b : a;
    components->parent[small] = (int32_t)large;
    components->size[large] += components->size[small];
}

typedef struct { int64_t root, count, first; } ranked;

static int by_count(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->count != y->count) return x->count > y->count ? -1 : 1;
    return x->first < y->first ? -1 : x->first > y->first;
}

rt_status rt_components_number(rt_components *components, int64_t n_first, int32_t *out_number, int64_t *out_n,
                               rt_err *err)
{
    rt_status status = RT_OK;
    ranked *all = NULL;
    int32_t *number = NULL;
    int64_t n = 0;
    RT_TRY_ALLOC(all, components->n);
    RT_TRY_ALLOC(number, components->n);
    for (int64_t i = 0; i < n_first; i++) {
        ranked *r = &all[rt_components_find(components, i)];
        if (!r->count++) r->first = i;
    }
    for (int64_t i = 0; i < components->n; i++)
        if (all[i].count) all[n++] = (ranked){i, all[i].count, all[i].first};
    qsort(all, (size_t)n, sizeof *all, by_count);
    for (int64_t k = 0; k < n; k++) number[all[k].root] = (int32_t)k;
    for (int64_t i = 0; i < n_first; i++) out_number[i] = number[rt_components_find(components, i)];
    *out_n = n;
done:
    free(all);
    free(number);
    return status;
}
