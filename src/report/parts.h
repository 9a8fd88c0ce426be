/* parts.h - the sections of the report, in the page's order
 * Room: report.  Uses: report/source, report/targets, report/html, report/chart.
 *
 * Every function appends one <section>.  What is not there is a line that says so; an error is memory or a fault of
 * ours.
 */
#ifndef RT_REPORT_PARTS_H
#define RT_REPORT_PARTS_H

#include "report/source.h"
#include "report/targets.h"

/* What was done: the plan, the protocol with its hashes, the steps with their times, the package. */
rt_status rt_report_part_run(rt_text *out, const rt_report_source *source, rt_err *err);
/* Targets, components and lengths per part of the split; the audit. */
rt_status rt_report_part_data(rt_text *out, const rt_report_source *source, rt_err *err);
/* Losses, learning rate and seconds per step of Phase 1 from each base and of Phase 2. */
rt_status rt_report_part_training(rt_text *out, const rt_report_source *source, rt_err *err);
/* Base, Phase 1 and Phase 2 on held-out components, what may be claimed, the worst regressions. */
rt_status rt_report_part_results(rt_text *out, const rt_report_source *source, const rt_report_targets *targets,
                                 rt_err *err);
/* Does confidence mean what it says; what is each rule of choosing five worth; what is shipped. */
rt_status rt_report_part_choice(rt_text *out, const rt_report_source *source, const rt_report_targets *targets,
                                rt_err *err);
/* The table of all targets, and a page for each chosen one. */
rt_status rt_report_part_targets(rt_text *out, const rt_report_source *source, const rt_report_targets *targets,
                                 rt_err *err);
/* One of these pages (part_target_page.c). */
rt_status rt_report_target_page(rt_text *out, const rt_report_source *source, const rt_report_targets *targets,
                                int64_t number, rt_err *err);

#endif
