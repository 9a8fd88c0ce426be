/* audit_internal.h - what the audit's checks share (audit.c, audit_sequence.c, audit_structure.c, audit_template.c)
 * Room: prep.  Uses: prep/audit.  Not for others.
 */
#ifndef RT_PREP_AUDIT_INTERNAL_H
#define RT_PREP_AUDIT_INTERNAL_H

#include "prep/audit.h"

typedef struct {
    rt_audit *out;
    const rt_audit_input *in;
    rt_pool *pool;
    int64_t n;               /* targets of the set */
    rt_part *part;           /* (n) */
    const rt_family_row **family;   /* (n) */
} rt_auditor;

/* Adds a leak and counts it. */
rt_status rt_audit_add(rt_auditor *auditor, rt_leak_kind kind, const char *a, const char *part_a, const char *b,
                       const char *part_b, double value, double limit, rt_err *err, const char *format, ...)
    __attribute__((format(printf, 10, 11)));

rt_status rt_audit_families(rt_auditor *auditor, rt_err *err);      /* kind 1 */
rt_status rt_audit_sequences(rt_auditor *auditor, rt_err *err);     /* kinds 2, 6, 7 */
rt_status rt_audit_structures(rt_auditor *auditor, rt_err *err);    /* kind 3; kind 6 by coordinates */
rt_status rt_audit_templates(rt_auditor *auditor, rt_err *err);     /* kinds 4, 5 */

#endif
