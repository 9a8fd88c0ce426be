/* families.h - which family each target belongs to
 * Room: score.  Uses: base/memory, base/text, io/csv.
 */
#ifndef RT_SCORE_FAMILIES_H
#define RT_SCORE_FAMILIES_H

#include <stdint.h>

#include "base/status.h"

typedef struct {
    char *target, *family;
    int64_t line;
} rt_families_row;

typedef struct {
    rt_families_row *row;   /* by target */
    int64_t n_row, capacity;
} rt_families;

/* A TSV with columns target and family.  The same target may be there twice with the same family.
 * Release with rt_families_free_members.
 * Errors: RT_ERR_IO; RT_ERR_FORMAT with the line: a column or a field is missing, a target is in two families. */
rt_status rt_families_load(rt_families *out_families, const char *path, rt_err *err);
void rt_families_free_members(rt_families *families);

/* The target's family, NULL when the file does not say. */
const char *rt_families_find(const rt_families *families, const char *target);

/* out_family (n): numbers 0 .. *out_n_family-1 in the order in which families appear among the targets.  A target that
 * is not in `opt_families`, and every one without it, is a family of its own.  *out_n_alone counts them.
 * Errors: RT_ERR_MEMORY. */
rt_status rt_families_number(int64_t *out_family, int64_t *out_n_family, int64_t *out_n_alone,
                             const rt_families *opt_families, const char *const *target, int64_t n, rt_err *err);

#endif
