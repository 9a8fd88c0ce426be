/* part_targets.c - the table of all held-out targets, and the pages of some */
#include <math.h>
#include <string.h>

#include "report/html.h"
#include "report/parts.h"

static void add_table(rt_text *out, const rt_report_targets *t)
{
    rt_html_add(out,
                "<p>%lld targets, %lld with a page below: the largest losses, then the worst, the best and the middle "
                "of %s. A click "
                "on a heading sorts.</p>\n",
                (long long)t->n, (long long)t->n_page, t->arm[t->n_arm - 1]);
    rt_text_add(out, t->all_atoms
                         ? "<p class=\"note\">The 3D views are Mol*, which this page carries: it is made ready when a target is "
                           "opened.</p>\n"
                         : "<p class=\"note\">The 3D views are this page's own, backbones and bases: Mol* was not at hand. 'make "
                           "viewer' fetches it, and 'rnatune report' then puts it into the page. All atoms are in "
                           "predictions/&lt;arm&gt;/&lt;seed&gt;/&lt;target&gt;/*.cif and "
                           "held_out/test/natives/&lt;target&gt;.cif.</p>\n");
    rt_text_add(out, "<div class=\"scroll tall\"><table class=\"sortable\"><thead><tr><th>target</th><th>family</th>");
    for (int a = 0; a < t->n_arm; a++) rt_html_add(out, "<th class=\"n\">%s</th>", t->arm[a]);
    if (t->n_arm > 1) rt_text_add(out, "<th class=\"n\">change</th>");
    rt_text_add(out, "</tr></thead><tbody>\n");
    for (int64_t i = 0; i < t->n; i++) {
        const rt_report_target *one = &t->target[i];
        rt_text_add(out, "<tr><td>");
        rt_report_target_link(out, one);
        rt_html_add(out, "</td><td>%s</td>", one->family);
        for (int a = 0; a < t->n_arm; a++) rt_html_number(out, one->value[a], 4);
        if (t->n_arm > 1) rt_html_number(out, one->value[t->n_arm - 1] - one->value[0], 4);
        rt_text_add(out, "</tr>\n");
    }
    rt_text_add(out, "</tbody></table></div>\n");
}

rt_status rt_report_part_targets(rt_text *out, const rt_report_source *source, const rt_report_targets *targets,
                                 rt_err *err)
{
    rt_status status = RT_OK;
    rt_text_add(out, "<section id=\"targets\"><h2>Targets</h2>\n");
    if (targets->n == 0 || targets->n_arm == 0) {
        rt_report_not_run(out, source, "the held-out targets", "compare/pairs.tsv", "compare");
    } else {
        add_table(out, targets);
        for (int64_t i = 0; i < targets->n && status == RT_OK; i++)
            if (targets->target[i].page) status = rt_report_target_page(out, source, targets, i, err);
    }
    rt_text_add(out, "</section>\n");
    return status;
}
