/* audit_template.c - the audit's checks of templates: those that hold the answer, those that come from the future */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/progress.h"
#include "prep/audit_internal.h"
#include "score/tm.h"

static const char *part_of(const rt_auditor *a, const rt_target *t) { return rt_part_name(a->part[t->number]); }

static rt_status check_dates(rt_auditor *a, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_audit_input *in = a->in;
    char name[64];
    for (int64_t i = 0; i < in->opt_sources->n; i++) {
        const rt_template_row *row = &in->opt_sources->row[i];
        const rt_target *t = rt_dataset_find(in->set, row->target);
        if (!row->number || !t || a->part[t->number] == RT_PART_NONE) continue;
        snprintf(name, sizeof name, "template %lld", (long long)row->number);
        a->out->check[RT_LEAK_DATE].n_checked++;
        if (rt_template_is_own(t, row->source))
            RT_TRY(rt_audit_add(a, RT_LEAK_ANSWER, t->id, part_of(a, t), name, "template", NAN, NAN, err,
                                "%.40s is the target's own entry", row->source));
        if (!in->opt_cutoff && !rt_split_is_date(t->cutoff)) {
            RT_TRY(rt_audit_add(a, RT_LEAK_DATE, t->id, part_of(a, t), name, "template", NAN, NAN, err,
                                "%.40s of %s; the target has no date that could prove it harmless (--cutoff)",
                                row->source, row->date));
            continue;
        }
        const char *why = rt_template_obstacle(t, row->date, in->opt_cutoff);
        if (!why) continue;
        RT_TRY(rt_audit_add(a, RT_LEAK_DATE, t->id, part_of(a, t), name, "template", NAN, NAN, err,
                            "%.40s of %s; the target's cut-off is %s%s%s", row->source, row->date,
                            t->cutoff[0] ? t->cutoff : "unknown", in->opt_cutoff ? ", the set's " : "",
                            in->opt_cutoff ? in->opt_cutoff : ""));
    }
done:
    return status;
}

static rt_status check_answers(rt_auditor *a, rt_tm *tm, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_audit_input *in = a->in;
    int64_t n_file = rt_template_file_count(in->opt_templates);
    rt_progress_start("target", n_file);
    rt_progress_label("templates");
    for (int64_t i = 0; i < n_file; i++) {
        const rt_template *e = rt_template_file_at(in->opt_templates, i);
        const rt_target *t = rt_dataset_find(in->set, e->target);
        rt_progress_step(i);
        if (rt_stop_requested()) RT_TRY(rt_fail(err, RT_ERR_STOPPED, NULL, 0, "stopped while comparing templates"));
        if (!t || a->part[t->number] == RT_PART_NONE) continue;
        if (e->length != t->length)
            RT_TRY(rt_fail(err, RT_ERR_MISMATCH, NULL, 0,
                           "the templates of '%s' have %lld residues, the target has %lld",
                           t->id, (long long)e->length, (long long)t->length));
        for (int64_t k = 0; k < e->n_template; k++) {
            char name[64];
            double score, rmsd;
            int64_t n, there = 0;
            snprintf(name, sizeof name, "template %lld", (long long)k + 1);
            for (int64_t r = 0; r < e->length; r++) {
                const float *p = e->xyz + 3 * (r * e->n_template + k);
                there += isfinite(p[0]) && (p[0] != 0 || p[1] != 0 || p[2] != 0);
            }
            if (!there) continue;      /* an unused column */
            if (in->opt_sources && !rt_template_list_find(in->opt_sources, t->id, k + 1))
                RT_TRY(rt_audit_add(a, RT_LEAK_DATE, t->id, part_of(a, t), name, "template", NAN, NAN, err,
                                    "the list of sources does not say where it came from"));
            a->out->check[RT_LEAK_ANSWER].n_checked++;
            RT_TRY(rt_template_match(tm, &score, &rmsd, &n, t, e->xyz + 3 * k, 3 * e->n_template, in->template_tm,
                                     err));
            if (!rt_template_is_answer(score, rmsd, n, in->template_tm)) continue;
            RT_TRY(rt_audit_add(a, RT_LEAK_ANSWER, t->id, part_of(a, t), name, "template", score, in->template_tm, err,
                                "RMSD %.2f Angstrom over %lld of %lld residues", rmsd, (long long)n,
                                    (long long)t->length));
        }
    }
    rt_progress_end();
done:
    return status;
}

rt_status rt_audit_templates(rt_auditor *auditor, rt_err *err)
{
    rt_status status = RT_OK;
    rt_tm *tm = NULL;
    rt_audit_check_result *check = auditor->out->check;
    if (!auditor->in->opt_templates) {
        check[RT_LEAK_ANSWER].not_checked = check[RT_LEAK_DATE].not_checked = "no templates (--templates)";
        return RT_OK;
    }
    RT_TRY(rt_tm_create(&tm, err));
    RT_TRY(check_answers(auditor, tm, err));
    if (auditor->in->opt_sources) RT_TRY(check_dates(auditor, err));
    else
        RT_TRY(rt_audit_add(auditor, RT_LEAK_DATE, "-", "-", "-", "template", NAN, NAN, err,
                            "no list of sources: the templates' dates cannot be proved (--template-sources)"));
done:
    rt_tm_free(tm);
    return status;
}
