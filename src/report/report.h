/* report.h - a `rnatune tune` folder as one HTML page that needs nothing else
 * Room: report.  Uses: report/source, report/targets, report/parts.
 */
#ifndef RT_REPORT_REPORT_H
#define RT_REPORT_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "base/text.h"

typedef struct {
    const char *folder;        /* the OUT of a plan */
    const char *title;
    int64_t n_page;            /* targets with a page of their own, at most */
    const char *opt_molstar;   /* a folder from tools/molstar.sh, which goes into the page; NULL: the page's own 3D view */
} rt_report_options;

/* Is a folder one of tools/molstar.sh? */
bool rt_report_has_molstar(const char *folder);

/* Appends the whole page.  A function of the folder's files and the options: no time of day, no order of the file
 * system. Errors: RT_ERR_MISMATCH when the folder has no file of a tune run, RT_ERR_IO or RT_ERR_FORMAT for Mol*'s files,
 * RT_ERR_MEMORY. */
rt_status rt_report_write(rt_text *out_page, const rt_report_options *options, rt_err *err);

#endif
