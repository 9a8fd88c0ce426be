/* plan_check.h - what a plan's values must be beyond their option's type and range, and which go together
 * Room: cli.  Uses: cli/plan, base/process, op/backend, prep/augment, prep/split, score/metric, train/terms.
 */
#ifndef RT_CLI_PLAN_CHECK_H
#define RT_CLI_PLAN_CHECK_H

#include "cli/plan.h"

/* A date that is one, a metric, an augmentation, ...  RT_ERR_USAGE with `what` alone. */
rt_status rt_plan_check_value(const rt_plan_key *key, const char *text, rt_err *err);

/* With `files` also what this machine must have: Infernal, CUDA.  RT_ERR_MISMATCH with file and line. */
rt_status rt_plan_check_together(const rt_plan *plan, bool files, rt_err *err);

/* May a base be called so: letters, digits, - _ . and no dot first; not "compare" nor "chosen.json"? */
bool rt_plan_is_name(const char *text);

#endif
