/* dataset_measure.c - completeness and chain breaks of a target */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/polymer.h"
#include "prep/dataset_write.h"

static bool is_there(const float *atom) { return !isnan(atom[0]) && !isnan(atom[1]) && !isnan(atom[2]); }

static bool farther(const float *a, const float *b, double limit)
{
    double sum = 0;
    for (int k = 0; k < 3; k++) sum += (double)(a[k] - b[k]) * (a[k] - b[k]);
    return sum > limit * limit;
}

int64_t rt_target_next_segment(const char *segments, int64_t after, int64_t length)
{
    for (const char *at = segments; (at = strchr(at, ':')) != NULL; at++) {
        int64_t start = strtoll(at + 1, NULL, 10) - 1;
        if (start > after) return start;
    }
    return length;
}

void rt_target_measure(rt_target *target, const float *xyz)
{
    int64_t n = 0, breaks = 0, before = -1, length = target->length,
            boundary = rt_target_next_segment(target->segments, 0, length);
    bool all_atoms = target->n_slot == RT_SLOT_COUNT;
    for (int64_t i = 0; i < length; i++) {
        const float *here = xyz + i * target->n_slot * 3, *c1 = here + (all_atoms ? RT_SLOT_C1P * 3 : 0);
        if (!is_there(c1)) continue;
        n++;
        bool same_segment = before >= 0 && boundary > i;
        if (boundary <= i) boundary = rt_target_next_segment(target->segments, i, length);
        if (same_segment) {
            const float *last = xyz + before * target->n_slot * 3;
            const float *o3 = last + RT_SLOT_O3P * 3, *p = here + RT_SLOT_P * 3;
            bool by_bond = all_atoms && is_there(o3) && is_there(p);
            breaks += i > before + 1 || (by_bond ? farther(o3, p, RT_POLYMER_BOND)
                                                 : farther(last + (all_atoms ? RT_SLOT_C1P * 3 : 0), c1, RT_BREAK_C1P));
        }
        before = i;
    }
    target->completeness = length ? (double)n / (double)length : 0;
    target->n_break = breaks;
}
