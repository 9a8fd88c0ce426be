/* selection.h - printing what score/selection found (rnatune selection, rnatune score --selection)
 * Room: cli.  Uses: score/selection.
 */
#ifndef RT_CLI_SELECTION_H
#define RT_CLI_SELECTION_H

#include <stdbool.h>

#include "score/selection.h"

/* Warnings about what was left out, on stderr. */
void rt_selection_warn(const rt_selection *selection, bool has_families);
/* The table or the JSON, on stdout.  Errors: RT_ERR_MEMORY. */
rt_status rt_selection_show(const rt_selection *selection, bool json, rt_err *err);

#endif
