/* components.h - connected components of n things (disjoint sets, union by size)
 * Room: prep.  Uses: base/memory.
 */
#ifndef RT_PREP_COMPONENTS_H
#define RT_PREP_COMPONENTS_H

#include <stdint.h>

#include "base/status.h"

typedef struct {
    int32_t *parent, *size;
    int64_t n;
} rt_components;

rt_status rt_components_create(rt_components *out, int64_t n, rt_err *err);
void rt_components_free_members(rt_components *components);
int64_t rt_components_find(rt_components *components, int64_t a);     /* the thing that stands for a's component */
void rt_components_join(rt_components *components, int64_t a, int64_t b);

/* out_number (first n_first things): 0, 1, ... by falling number of these things in the component, then by their
 * first one.
 * Returns the number of components.  Errors: RT_ERR_MEMORY. */
rt_status rt_components_number(rt_components *components, int64_t n_first, int32_t *out_number, int64_t *out_n,
                               rt_err *err);

#endif
