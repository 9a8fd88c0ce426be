/* ledger.h - steps.json: what has been done in a folder, with which inputs, by which commands
 * Room: tune.  Uses: base/clock, base/file, base/json, tune/inputs.
 *
 * Written whole after every change, so that a kill at any moment leaves what is true: a step that says "running" was
 * interrupted.  docs/tune.md describes the file.
 */
#ifndef RT_TUNE_LEDGER_H
#define RT_TUNE_LEDGER_H

#include <jansson.h>
#include <stdbool.h>

#include "base/status.h"
#include "base/hash.h"

typedef struct {
    json_t *root, *steps;
    char path[4200];
    double began;       /* of the step that runs, on the monotonic clock */
    double before;      /* seconds that earlier starts of it took */
} rt_ledger;

/* Reads FOLDER/steps.json, or begins it; all of name (n) stand in it afterwards, in this order.  What is there of a
 * step keeps its place.  Errors: RT_ERR_FORMAT for a file that is not one (with a hint), RT_ERR_IO, RT_ERR_MEMORY. */
rt_status rt_ledger_open(rt_ledger *out_ledger, const char *folder, const char *const *name, int n, rt_err *err);
void rt_ledger_close(rt_ledger *ledger);
rt_status rt_ledger_save(const rt_ledger *ledger, rt_err *err);

/* The step's object, borrowed. */
json_t *rt_ledger_step(const rt_ledger *ledger, const char *name);
const char *rt_ledger_state(const rt_ledger *ledger, const char *name);   /* "waiting", ... */

/* The step begins, or goes on when `hash` is that of its record: then finished commands stay in it.  Saves. */
rt_status rt_ledger_begin(rt_ledger *ledger, const char *name, const json_t *inputs, const char *hash, const char *log,
                          const json_t *outputs, rt_err *err);
/* A command of it has ended. */
rt_status rt_ledger_command(rt_ledger *ledger, const char *name, const char *const *argv, int exit_code,
                            double seconds,
                            rt_err *err);
/* Has this very command ended with 0 (or 3) in this record?  Then *out_code is its exit status. */
bool rt_ledger_has(const rt_ledger *ledger, const char *name, const char *const *argv, int *out_code);
/* state: "done", "failed", "stopped", "absent".  Saves. */
rt_status rt_ledger_end(rt_ledger *ledger, const char *name, const char *state, int exit_code, const rt_err *opt_why,
                        rt_err *err);

/* Now, as "2026-11-23T17:09:36Z". */
void rt_ledger_time(char out[32]);

#endif
