#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "prep/audit_internal.h"

static const char *const NAME[RT_LEAK_KINDS] = {"family", "sequence", "structure", "answer", "date", "held_out",
                                                "augmented"};

const char *rt_leak_name(rt_leak_kind kind) { return NAME[kind]; }

rt_status rt_audit_add(rt_auditor *auditor, rt_leak_kind kind, const char *a, const char *part_a, const char *b,
                       const char *part_b, double value, double limit, rt_err *err, const char *format, ...)
{
    rt_audit *out = auditor->out;
    void *leaks = out->leak;
    va_list arguments;
    rt_status status = rt_grow(&leaks, &out->capacity, out->n_leak + 1, sizeof *out->leak, err);
    out->leak = leaks;
    if (status != RT_OK) return status;
    rt_leak *leak = &out->leak[out->n_leak++];
    *leak = (rt_leak){.kind = kind, .part_a = part_a, .part_b = part_b, .value = value, .limit = limit};
    leak->a = rt_copy_text(a, -1, err);
    leak->b = rt_copy_text(b, -1, err);
    va_start(arguments, format);
    vsnprintf(leak->detail, sizeof leak->detail, format, arguments);
    va_end(arguments);
    rt_tame_text(leak->detail);
    out->check[kind].n_leak++;
    return leak->a && leak->b ? RT_OK : RT_ERR_MEMORY;
}

void rt_audit_free_members(rt_audit *audit)
{
    for (int64_t i = 0; i < audit->n_leak; i++) {
        free(audit->leak[i].a);
        free(audit->leak[i].b);
    }
    free(audit->leak);
    *audit = (rt_audit){0};
}

/* ---- kind 1 ------------------------------------------------------------------------------------------------------ */

typedef struct { char *name; int64_t target; } membership;

static int by_name(const void *a, const void *b)
{
    const membership *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : (x->target > y->target) - (x->target < y->target);
}

typedef struct { membership *member; int64_t n, capacity; } members;

static rt_status add_member(members *m, const char *kind, const char *name, int64_t target, rt_err *err)
{
    char text[300];
    void *all = m->member;
    rt_status status = rt_grow(&all, &m->capacity, m->n + 1, sizeof *m->member, err);
    m->member = all;
    if (status != RT_OK) return status;
    snprintf(text, sizeof text, "%s %.250s", kind, name);
    m->member[m->n] = (membership){rt_copy_text(text, -1, err), target};
    return m->member[m->n++].name ? RT_OK : RT_ERR_MEMORY;
}

rt_status rt_audit_families(rt_auditor *auditor, rt_err *err)
{
    rt_status status = RT_OK;
    members m = {0};
    char domain[256];
    for (int64_t i = 0; i < auditor->n; i++) {
        const rt_family_row *row = auditor->family[i];
        if (auditor->part[i] == RT_PART_NONE) continue;
        RT_TRY(add_member(&m, "component", row->component, i, err));
        RT_TRY(add_member(&m, "family", row->family, i, err));
        for (const char *at = row->domains; rt_family_next_domain(domain, sizeof domain, &at);)
            if (strcmp(domain, row->family) != 0) RT_TRY(add_member(&m, "family", domain, i, err));
    }
    if (m.n > 1) qsort(m.member, (size_t)m.n, sizeof *m.member, by_name);
    for (int64_t i = 0, next; i < m.n; i = next) {
        int64_t first[RT_PARTS] = {-1, -1, -1}, count[RT_PARTS] = {0};
        for (next = i; next < m.n && strcmp(m.member[next].name, m.member[i].name) == 0; next++) {
            rt_part p = auditor->part[m.member[next].target];
            if (!count[p]++) first[p] = m.member[next].target;
        }
        auditor->out->check[RT_LEAK_FAMILY].n_checked++;
        for (int p = 0; p < RT_PARTS; p++)
            for (int q = p + 1; q < RT_PARTS; q++) {
                if (!count[p] || !count[q]) continue;
                RT_TRY(rt_audit_add(auditor, RT_LEAK_FAMILY, rt_dataset_at(auditor->in->set, first[p])->id,
                                    rt_part_name((rt_part)p), rt_dataset_at(auditor->in->set, first[q])->id,
                                    rt_part_name((rt_part)q), NAN, NAN, err, "%s: %lld and %lld targets",
                                    m.member[i].name, (long long)count[p], (long long)count[q]));
            }
    }
done:
    for (int64_t i = 0; i < m.n; i++) free(m.member[i].name);
    free(m.member);
    return status;
}

/* ---- all --------------------------------------------------------------------------------------------------------- */

static rt_status match_targets(rt_auditor *auditor, rt_err *err)
{
    const rt_audit_input *in = auditor->in;
    for (int64_t i = 0; i < auditor->n; i++) {
        const char *id = rt_dataset_at(in->set, i)->id;
        const rt_split_row *row = rt_split_find(in->split, id);
        auditor->family[i] = rt_family_table_find(in->families, id);
        if (!row || !auditor->family[i]) {
            rt_fail(err, RT_ERR_MISMATCH, NULL, 0, "target '%s' of the set is not in the %s", id,
                    row ? "families" : "split");
            return rt_hint(err, "make families and split of this set");
        }
        auditor->part[i] = row->part;
    }
    for (int64_t i = 0; i < in->split->n; i++)
        if (!rt_dataset_find(in->set, in->split->row[i].target)) {
            rt_fail(err, RT_ERR_MISMATCH, NULL, 0, "the split names '%s', which the set has not",
                    in->split->row[i].target);
            return rt_hint(err, "make the split of this set");
        }
    return RT_OK;
}

rt_status rt_audit_run(rt_audit *out_audit, const rt_audit_input *input, rt_pool *pool, rt_err *err)
{
    rt_status status = RT_OK;
    rt_auditor a = {.out = out_audit, .in = input, .pool = pool, .n = rt_dataset_count(input->set)};
    *out_audit = (rt_audit){0};
    RT_TRY(rt_dataset_verify(input->set, err));      /* a verdict on edited coordinates would be recorded as the set's */
    RT_TRY_ALLOC(a.part, a.n);
    RT_TRY_ALLOC(a.family, a.n);
    RT_TRY(match_targets(&a, err));
    RT_TRY(rt_audit_families(&a, err));
    RT_TRY(rt_audit_sequences(&a, err));
    RT_TRY(rt_audit_structures(&a, err));
    RT_TRY(rt_audit_templates(&a, err));
done:
    free(a.part);
    free(a.family);
    if (status != RT_OK) rt_audit_free_members(out_audit);
    return status;
}
