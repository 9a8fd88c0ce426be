/* dataset_write.h - making a training set: targets in any order, restartable at any moment, whole or not at all
 * Room: prep.  Uses: prep/dataset, base/file, base/hash, SQLite.
 *
 * Work goes to FOLDER/import.work; what has been added is safe after rt_dataset_writer_checkpoint.  A killed program
 * opens the writer again with the same plan, asks rt_dataset_writer_state how far it was, and goes on.
 * rt_dataset_writer_commit writes the index anew in a fixed order, so that the bytes do not depend on how often the
 * work was interrupted.
 *
 *     rt_dataset_writer *writer;
 *     RT_TRY(rt_dataset_writer_open(&writer, "set", "", err));
 *     rt_target target = rt_target_empty();
 *     target.id = "1SCL_A"; target.sequence = "GGGC"; target.origin = RT_ORIGIN_TRAIN; target.n_conformation = 1;
 *     target.n_slot = 1; target.slots = RT_SLOTS_C1P;
 *     RT_TRY(rt_dataset_writer_add(writer, &target, xyz, err));
 *     RT_TRY(rt_dataset_writer_commit(writer, err));
 */
#ifndef RT_PREP_DATASET_WRITE_H
#define RT_PREP_DATASET_WRITE_H

#include "prep/dataset.h"

typedef struct rt_dataset_writer rt_dataset_writer;

/* Every text "", everything unknown, no labels. */
rt_target rt_target_empty(void);

/* Opens FOLDER/import.work, or makes it with its parents.  plan: a text that says what is being made (inputs, options).
 * Errors: RT_ERR_MISMATCH when the folder holds a finished set or unfinished work of another plan; RT_ERR_IO. */
rt_status rt_dataset_writer_open(rt_dataset_writer **ret_writer, const char *folder, const char *plan, rt_err *err);
/* Closes without committing; work up to the last checkpoint stays for the next run.  NULL ok. */
void rt_dataset_writer_close(rt_dataset_writer *writer);
/* Removes a set and unfinished work from the folder; other files stay. */
rt_status rt_dataset_remove(const char *folder, rt_err *err);

/* Adds a target.  opt_xyz: (n_conformation, L, n_slot, 3), NULL without labels.  target->number is its rank: the set is
 * ordered by it (equal ranks: by id).  length, offset, hash, xyz are filled here; completeness and n_break too when
 * there are coordinates (rt_target_measure).
 * Errors: RT_ERR_MISMATCH for an id that is there already; RT_ERR_IO. */
rt_status rt_dataset_writer_add(rt_dataset_writer *writer, const rt_target *target, const float *opt_xyz, rt_err *err);
/* Has this id been added?  (Also by the run that was interrupted.) */
bool rt_dataset_writer_has(const rt_dataset_writer *writer, const char *id);
/* The file that an added target's labels came from, free() it; NULL when it has not been added. */
char *rt_dataset_writer_source_of(const rt_dataset_writer *writer, const char *id);
/* How many templates the target has. */
rt_status rt_dataset_writer_set_templates(rt_dataset_writer *writer, const char *id, int64_t n_template, rt_err *err);
/* Takes an added target out again; the place of its coordinates stays unused. */
rt_status rt_dataset_writer_drop(rt_dataset_writer *writer, const char *id, rt_err *err);

rt_status rt_dataset_writer_note(rt_dataset_writer *writer, const rt_dataset_note *note, rt_err *err);
/* Remembers a file that the set is made from, with its fingerprint; a file that is known already is left alone. */
rt_status rt_dataset_writer_source(rt_dataset_writer *writer, const char *role, const char *path, rt_err *err);

/* Makes everything so far safe, together with a text of the caller's (how far it is). */
rt_status rt_dataset_writer_checkpoint(rt_dataset_writer *writer, const char *state, rt_err *err);
/* The text of the last checkpoint, "" when nothing has been done yet. */
const char *rt_dataset_writer_state(const rt_dataset_writer *writer);

/* Finishes the set and frees the writer, also on failure (then the work stays). */
rt_status rt_dataset_writer_commit(rt_dataset_writer *writer, rt_err *err);

/* Completeness and chain breaks of the first conformation, as rt_target says.  A break: neighbours in the sequence,
 * both with a C1' (or with missing residues between them: one break), whose O3' and P are more than 2.5 Angstrom
 * apart, or, without those atoms, whose C1' are more than RT_BREAK_C1P apart.  The ends of segments are no breaks. */
#define RT_BREAK_C1P 10.0
void rt_target_measure(rt_target *target, const float *xyz);

#endif
