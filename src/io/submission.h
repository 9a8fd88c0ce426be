/* submission.h - the competition's submission.csv
 * Room: io.  Uses: base/file, base/text, io/csv.
 * Reference: rnapro/utils/inference.py coord_to_df, solution_to_submit_df
 *
 * ID,resname,resid,x_1,y_1,z_1 .. x_5,y_5,z_5: one row per residue of every target in the order they were added, C1'
 * coordinates in Angstrom, clipped to [-999.999, 9999.999] (the metric clamps to the same) with 3 decimals.
 *
 * The metric takes the best of five models.  The reference writes as many columns as it has models and so cannot
 * submit fewer than five; here the empty slots repeat model 1, which callers give as their best by ranking score: a
 * repeat cannot lower the score, zeros would not raise it, and every row stays complete.
 *
 * A competition refuses a table that lacks a residue: targets are reserved first, with zeros, so that whatever is written
 * and whenever is complete.
 */
#ifndef RT_IO_SUBMISSION_H
#define RT_IO_SUBMISSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

enum { RT_SUBMISSION_MODELS = 5 };

typedef struct rt_submission rt_submission;

rt_status rt_submission_create(rt_submission **ret_submission, rt_err *err);
void rt_submission_free(rt_submission *submission);                  /* NULL ok */

/* The target will come: rows of zeros until then.  The order of reserving is the order of the file. */
rt_status rt_submission_reserve(rt_submission *submission, const char *target, const char *sequence, rt_err *err);

/* Adds a target's rows, or replaces those reserved for it.  sequence: N letters, written as resname.  c1[m]: model m's C1'
 * coordinates (N,3), n_model of them, 0 .. 5, best first.  n_model 0 is a target that could not be predicted: its rows are
 * zeros, a warning says so, and it is counted.
 * Errors, with nothing changed: RT_ERR_MISMATCH for a target that was added before, RT_ERR_FORMAT for a coordinate that
 * is not finite (names model and residue; the caller may add the target with fewer models), RT_ERR_MEMORY. */
rt_status rt_submission_add(rt_submission *submission, const char *target, const char *sequence, const float *const *c1,
                            int64_t n_model, rt_err *err);

/* The same with rows that rt_submission_write_target wrote earlier; they come out as they went in.
 * Errors: RT_ERR_IO; RT_ERR_FORMAT, with the line, when the file is not exactly the rows of this target. */
rt_status rt_submission_load(rt_submission *submission, const char *target, const char *sequence, const char *path,
                             rt_err *err);

/* A target's rows as they are in the file, for the same target of another process; *out_predicted: they are coordinates.
 * NULL: reserved only. */
const char *rt_submission_rows(const rt_submission *submission, const char *target, bool *out_predicted);
/* Puts them where the target is reserved.  Errors: as rt_submission_add's. */
rt_status rt_submission_give(rt_submission *submission, const char *target, const char *sequence, const char *rows,
                             bool predicted, rt_err *err);

int64_t rt_submission_count(const rt_submission *submission);        /* targets */
int64_t rt_submission_failed(const rt_submission *submission);       /* of them with zeros because they failed */
int64_t rt_submission_open(const rt_submission *submission);         /* of them reserved only */
bool rt_submission_has(const rt_submission *submission, const char *target);   /* with coordinates */

/* Writes every row as it stands now, whole or not at all; may be called again after more targets. */
rt_status rt_submission_write(const rt_submission *submission, const char *path, rt_err *err);
/* The same for one target, which must be there. */
rt_status rt_submission_write_target(const rt_submission *submission, const char *target, const char *path, rt_err *err);

#endif
