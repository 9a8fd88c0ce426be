/* helices.h - a secondary structure as helices, and which of them cross
 * Room: prep.  Uses: base/memory.
 *
 * A helix is a run of pairs (i,j), (i+1,j-1), ..; a bulge or an internal loop ends it.  Helices within one another with at
 * most RT_STEM_GAP residues between them on either side make a stem.  Of helices that cross, the one of the stem with
 * fewer pairs is the pseudoknot; levels are given to helices from the longest stem on (the earlier among equals): each
 * takes the lowest level at which it crosses nothing.
 */
#ifndef RT_PREP_HELICES_H
#define RT_PREP_HELICES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

#define RT_STEM_GAP 4

typedef struct {
    int32_t i, j, n;          /* pairs (i,j) .. (i+n-1, j-n+1), i < j */
    int32_t stem;             /* pairs of its stem */
    int32_t level;            /* 0: part of the nested structure */
    bool knot;                /* it crosses a helix whose stem has at least as many pairs */
} rt_helix;

typedef struct {
    rt_helix *helix;          /* by i */
    int64_t n, capacity;
} rt_helices;

/* partner (length), -1: unpaired; symmetric.  Errors: RT_ERR_MEMORY. */
rt_status rt_helices_find(rt_helices *out_helices, const int32_t *partner, int64_t length, rt_err *err);
void rt_helices_free_members(rt_helices *helices);

#endif
