/* trunk_cache.h - what a frozen network gives for each view of a target, on disk: trunk outputs and rollouts
 * Room: train.  Uses: train/step, io/safetensors, io/weights, base/file, base/hash.
 *
 * While only the confidence head learns, trunk and sampler give the same for a view in every epoch; a cache keeps it.
 *
 *     folder/<key>/plan.json                                    what the key is made of, for a reader
 *     folder/<key>/<seed>-<target>-<view>-<inputs>.safetensors  x F32 (K,A,3), s_inputs, s, z BF16; its SHA-256
 *
 * The key is the SHA-256 of all settings that the numbers depend on (base checkpoint, precision, code, all that draws
 * follow), and an entry's name holds one over the features of its view (crop, alignment, templates, augmentation): so
 * another checkpoint, plan or alignment reads other entries.  An entry is written whole or not at all, and
 * checked when it is read; a damaged one is worked out again and replaced.  Entries are never changed, so that several
 * processes may share a folder.  When the limit is reached, or the disk is full, no more are added: those that are
 * there go on serving, as every view comes again equally often.
 *
 * What a step sees is rounded to bf16 whether it was read or worked out, so that neither a hit nor a limit changes a
 * run's numbers.
 */
#ifndef RT_TRAIN_TRUNK_CACHE_H
#define RT_TRAIN_TRUNK_CACHE_H

#include <jansson.h>

#include "base/hash.h"
#include "train/step.h"

typedef struct {
    const char *folder;
    int64_t limit;         /* bytes of all that lies in the folder, other keys' too; 0: what the disk has, less a tenth */
    const json_t *plan;    /* all that entries depend on beside seed, target and view */
} rt_trunk_cache_options;

typedef struct {
    int64_t n_read, n_made, n_kept, n_damaged;   /* n_made: worked out, n_kept of them written */
} rt_trunk_cache_counts;

typedef struct {
    char key[RT_HASH_TEXT];
    int64_t limit, used, others; /* bytes: the limit that was found, all entries of the folder, other keys' among them */
} rt_trunk_cache_state;

typedef struct rt_trunk_cache rt_trunk_cache;

/* Errors: RT_ERR_IO (the folder cannot be made or read), RT_ERR_MEMORY. */
rt_status rt_trunk_cache_open(rt_trunk_cache **ret_cache, const rt_trunk_cache_options *options, rt_err *err);
void rt_trunk_cache_close(rt_trunk_cache *cache);   /* NULL ok */

rt_trunk_cache_counts rt_trunk_cache_counted(const rt_trunk_cache *cache);
const rt_trunk_cache_state *rt_trunk_cache_state_of(const rt_trunk_cache *cache);

/* The state of a cache that is not opened and need not be there: nothing is made or removed.  Errors: as open's. */
rt_status rt_trunk_cache_look(rt_trunk_cache_state *out, const rt_trunk_cache_options *options, rt_err *err);

/* Bytes of one entry. */
int64_t rt_trunk_cache_entry_bytes(const rt_config *config, int64_t n_token, int64_t n_atom, int64_t rollouts);

/* rt_step_run with the frozen parts from the cache, or worked out and put there.  opt_cache NULL: rt_step_run itself.
 * given->opt_frozen is the cache's to set.  An entry that cannot be written costs a warning, once.
 * Errors: those of rt_step_run. */
rt_status rt_trunk_cache_step(rt_trunk_cache *opt_cache, rt_ctx *ctx, const rt_model *model, rt_step_loss *out_loss,
                              const rt_step_plan *plan, const rt_features *features, const rt_label *label,
                              const rt_draw_key *key, const rt_step_given *opt_given, bool backward, bool dropout,
                              rt_err *err);

#endif
