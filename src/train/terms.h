/* terms.h - the loss terms of a step as a list: one order and one set of names for sums, options, logs and files
 * Room: train.  Uses: train/step, train/event_log.
 */
#ifndef RT_TRAIN_TERMS_H
#define RT_TRAIN_TERMS_H

#include "train/event_log.h"
#include "train/step.h"

enum { RT_TERMS = 7 };

const char *rt_terms_name(int term);   /* "plddt", "pae", "pde", "resolved", "mse", "smooth_lddt", "distogram" */
double *rt_terms_at(rt_step_terms *terms, int term);
void rt_terms_add(rt_step_terms *sum, rt_step_terms terms, double scale);

/* "mse=4": the weight, at least 0, of a term.  Errors: RT_ERR_USAGE. */
rt_status rt_terms_read(rt_step_terms *weights, const char *text, rt_err *err);

/* Whether a term is worked out under this plan. */
bool rt_terms_has(const rt_step_plan *plan, int term);

/* Those that are worked out, into out (RT_TERMS); their number. */
int64_t rt_terms_list(rt_event_value *out, const rt_step_plan *plan, rt_step_terms terms);

#endif
