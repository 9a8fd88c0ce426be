/* results.h - every score that was ever measured, in one SQLite file: target x checkpoint x sample
 * Room: score.  Uses: base/memory, base/text, score/table, SQLite.
 *
 * Two tables, for anyone with sqlite3:
 *     score (target, checkpoint, sample, and every other column of score/table.h; primary key the first three)
 *     arm   (checkpoint, added, source, run)   when and from which file it was added last; the predictions' run.json
 * `sample` is the results table's `model`; what is not known is NULL.  PRAGMA user_version is the schema's version; a
 * file of the same version that lacks newer columns gets them when something is added.
 */
#ifndef RT_SCORE_RESULTS_H
#define RT_SCORE_RESULTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "score/table.h"

#define RT_RESULTS_VERSION 1

typedef struct rt_results rt_results;

/* True for a file that begins as an SQLite file does. */
bool rt_results_is_file(const char *path);

/* `writing`: makes the file when there is none.
 * Errors: RT_ERR_IO; RT_ERR_FORMAT for what is not SQLite or not ours; RT_ERR_UNSUPPORTED for a newer version. */
rt_status rt_results_open(rt_results **ret_results, const char *path, bool writing, rt_err *err);
void rt_results_close(rt_results *results);   /* NULL ok */

/* Adds a table's rows under a checkpoint's name, in one transaction: all or none.  A row that is there already
 * (same target and sample) is replaced.  opt_run: the run record of the predictions.
 * Errors: RT_ERR_IO (a full disk, another program that holds the file for more than 10 s). */
rt_status rt_results_add(rt_results *results, const char *checkpoint, const rt_score_table *table, const char *source,
                         const json_t *opt_run, int64_t *out_added, int64_t *out_replaced, rt_err *err);

/* A checkpoint's rows, by target, rank and sample; release with rt_score_table_free_members.  opt_ret_run is its run
 * record, NULL when there is none; json_decref() it.
 * Errors: RT_ERR_MISMATCH when there is no such checkpoint (the hint lists those there are). */
rt_status rt_results_read(rt_results *results, const char *checkpoint, rt_score_table *out_table, json_t **opt_ret_run,
                          rt_err *err);

/* [{"checkpoint", "targets", "samples", "added", "source"}, ...] by name; json_decref() it. */
rt_status rt_results_list(rt_results *results, json_t **ret_list, rt_err *err);

#endif
