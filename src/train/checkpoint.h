/* checkpoint.h - a training run on disk: every moment it can be taken up again, whole or not at all
 * Room: train.  Uses: train/adam, train/average, train/guard, train/schedule, layer/param, io/safetensors, base/json,
 * base/hash.
 *
 * A folder:
 *   checkpoints.json                   which checkpoints there are, their files by size and SHA-256
 *   weights-00001200.safetensors       what trains (weights or adapters), by the checkpoint's own names
 *   state-00001200.safetensors         Adam's moments and counts, averages; metadata "rnatune.state": the rest, as JSON
 * Both files are written, synced and hashed before checkpoints.json names them, and files that it no longer names are
 * removed after.  So a kill at any moment leaves the last checkpoint or the new one, never half of each; a full disk
 * or a read-only folder leaves the last one.  Files that nothing names (a kill in between) go at the next start.
 */
#ifndef RT_TRAIN_CHECKPOINT_H
#define RT_TRAIN_CHECKPOINT_H

#include "base/hash.h"
#include "train/adam.h"
#include "train/average.h"
#include "train/guard.h"
#include "train/schedule.h"

/* What a run depends on; a run is only taken up with the same.  Hashes are texts; "" is "not compared". */
typedef struct {
    char plan[RT_HASH_TEXT], data[RT_HASH_TEXT], base[RT_HASH_TEXT];   /* settings, training set, base checkpoint */
    char code[64];             /* version and commit; another one is warned about */
} rt_run_identity;

typedef struct {
    int64_t step, sample;      /* optimizer steps and samples done, of the whole run */
    int64_t epoch, position;   /* epoch from 0, and how many of its samples are done */
    int64_t epoch_samples, epoch_trained;   /* of the epoch so far: that gave a loss; in steps that were taken */
    double epoch_loss;         /* sum over those in steps that were taken */
    uint64_t seed;             /* key of every draw */
    rt_schedule schedule;      /* the rate of a step is a function of this and the step */
    rt_guard guard;
    double best_value;         /* of the validation; NAN: none yet */
    int64_t best_step, epochs_without_better;
    double seconds;            /* of training so far */
} rt_train_state;

typedef struct {
    int64_t keep_last; /* checkpoints that can be taken up again, >= 1; 2: one more, should the last be damaged */
    int64_t keep_epochs;       /* weights of the last so many epochs' ends; -1: of all */
    bool keep_best;            /* weights of the best validation */
} rt_retention;

extern const rt_retention rt_retention_default;   /* 2, -1, true */

/* One line of checkpoints.json. */
typedef struct {
    int64_t step, epoch;
    bool epoch_end, best;
    double value;                              /* of the validation, NAN: none */
    char weights[64], state[64];               /* file names; state "": weights only */
    char weights_hash[RT_HASH_TEXT], state_hash[RT_HASH_TEXT];
    int64_t weights_bytes, state_bytes;
} rt_checkpoint_entry;

typedef struct rt_checkpoint_store rt_checkpoint_store;

/* Makes the folder if needed, reads checkpoints.json, removes what a kill left behind.
 * Errors: RT_ERR_IO (also when another run has the folder open), RT_ERR_FORMAT (a damaged checkpoints.json),
 * RT_ERR_USAGE (keep_last below 1). */
rt_status rt_checkpoint_open(rt_checkpoint_store **ret_store, const char *folder, const rt_retention *retention,
                             rt_err *err);
void rt_checkpoint_close(rt_checkpoint_store *store);   /* NULL ok */
int64_t rt_checkpoint_count(const rt_checkpoint_store *store);
const rt_checkpoint_entry *rt_checkpoint_at(const rt_checkpoint_store *store, int64_t index);   /* oldest first */

/* What a checkpoint holds beside its state; averages are optional. */
typedef struct {
    rt_params *params;
    rt_adam *adam;
    rt_average *const *average;
    int64_t n_average;
} rt_train_parts;

/* Writes a checkpoint and drops what the retention rule drops.  epoch_end: its weights are kept as an epoch's;
 * value: of the validation, NAN when there was none; best: it is the best so far.  metadata "rnatune.base_sha256"
 * says what it belongs to.
 * Errors: RT_ERR_IO (disk full, read-only): the checkpoints that were there are as they were, and the hint names the
 * last. */
rt_status rt_checkpoint_save(rt_checkpoint_store *store, const rt_run_identity *identity, const rt_train_state *state,
                             const rt_train_parts *parts, bool epoch_end, double value, bool best, rt_err *err);

/* Takes up the newest checkpoint that is whole (a damaged one is warned about and passed over).  *out_found false:
 * there is none.
 * Errors: RT_ERR_MISMATCH (another plan, data set or base; other weights train; the averages differ), RT_ERR_FORMAT
 * (none of the checkpoints is whole). */
rt_status rt_checkpoint_resume(rt_checkpoint_store *store, bool *out_found, rt_train_state *out_state,
                               const rt_run_identity *identity, const rt_train_parts *parts, rt_err *err);

#endif
