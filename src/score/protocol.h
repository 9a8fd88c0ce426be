/* protocol.h - how an arm was predicted: what its run.json says, and what differs between two arms
 * Room: score.  Uses: base/file, base/json, base/text.
 *
 * Read from a run record: options.samples, options.cycles, options.steps, options.template-idx, seed,
 * targets[].inputs.msa.rows, targets[].inputs.templates.used and, when a checkpoint was chosen by its scores, the list
 * selected_on of the targets that it was chosen on.
 */
#ifndef RT_SCORE_PROTOCOL_H
#define RT_SCORE_PROTOCOL_H

#include <jansson.h>
#include <stdint.h>

#include "base/status.h"

/* The run record of the predictions behind a table of scores: run.json beside the table or, when that one is the
 * scoring's own (it has options.pred), run.json beside those predictions.  *ret_run is NULL when there is none;
 * json_decref() it.  Errors: RT_ERR_IO, RT_ERR_FORMAT, RT_ERR_MEMORY for a record that is there. */
rt_status rt_protocol_find(json_t **ret_run, const char *table_path, rt_err *err);

/* Appends to the array `warnings` one text for each thing in which two arms differ on the targets compared, or that
 * cannot be known.  Returns the number of real differences.  opt_run NULL: nothing is known. */
int64_t rt_protocol_compare(json_t *warnings, const char *name_a, const json_t *opt_run_a, const char *name_b,
                            const json_t *opt_run_b, const char *const *target, int64_t n);

/* The number of these targets in the record's selected_on; *out_first is one of them. */
int64_t rt_protocol_selected(const json_t *opt_run, const char *const *target, int64_t n, const char **out_first);

#endif
