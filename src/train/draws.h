/* draws.h - everything that training draws, each a function of its key
 * Room: train.  Uses: base/rng, feat/label, op/backend.
 * Reference: rnapro/data/rna_dataset_allatom.py (crop, templates), rnapro/model/RNAPro.py (recycles),
 * rnapro/model/generator.py TrainingNoiseSampler, sample_diffusion_training, rnapro/model/utils.py
 * centre_random_augmentation; AF3 SI 3.7.1, Algorithm 19
 *
 * A key says whose draws they are: `stream` the target (rt_hash_text of its id), `number` which of its views.  Training
 * without a cache numbers the views by the sample's place in the run, so every visit draws anew; with a cache of V
 * views a target's views are 0 .. V-1 and come again.  A rerun, a resumed run and another number of threads draw the
 * same.
 */
#ifndef RT_TRAIN_DRAWS_H
#define RT_TRAIN_DRAWS_H

#include "base/rng.h"
#include "feat/label.h"
#include "op/backend.h"

typedef struct {
    uint64_t seed, stream, number;
} rt_draw_key;

enum { RT_TRAIN_TEMPLATES = 4 };   /* the network sees four in training */

/* First residue of a crop of `crop` of `length` residues, uniform over 0 .. length - crop; 0 when all fit (or crop
 * is 0).
 * attempt: 0, then 1, 2, ... when the crop before it was of no use. */
int64_t rt_draws_crop_start(const rt_draw_key *key, int64_t length, int64_t crop, int64_t attempt);

/* With probability `dropout` (the reference: 0.5) no templates: false.  Else out_index gets RT_TRAIN_TEMPLATES of
 * 0 .. n_template-1, with replacement as in the reference.  n_template 0: false. */
bool rt_draws_templates(const rt_draw_key *key, int64_t n_template, double dropout,
                        int64_t out_index[RT_TRAIN_TEMPLATES]);

/* One of n experimental structures, uniform. */
int64_t rt_draws_conformation(const rt_draw_key *key, int64_t n);

/* Recycles of this sample: uniform over 1 .. most. */
int64_t rt_draws_cycles(const rt_draw_key *key, int64_t most);

/* A seed for what draws by a seed of its own: reference conformers, MSA rows, the sampler. */
uint64_t rt_draws_seed(const rt_draw_key *key);

/* Noise level of copy b in Angstrom: 16 exp(-1.2 + 1.5 n), n ~ N(0,1). */
double rt_draws_sigma(const rt_draw_key *key, int64_t copy);

/* B copies of the label, each turned and moved at random, with noise.
 *   truth = R (y - mean of resolved y) + t, t ~ N(0,1) A; 0 for an atom that is not resolved
 *   noisy = truth + sigma N(0,1), all atoms
 * out_sigma F32 or F64 (B); out_noisy and opt_truth (data NULL: not wanted) (B,A,3) of the same type, Angstrom.
 * Cost: O(B A). */
void rt_draws_noisy_copies(const rt_draw_key *key, rt_pool *pool, rt_tensor out_sigma, rt_tensor out_noisy,
                           rt_tensor opt_truth, const rt_label *label);

/* The order of n targets in an epoch: out_index a permutation of 0 .. n-1. */
void rt_draws_epoch_order(uint64_t seed, int64_t epoch, int64_t n, int64_t *out_index);

#endif
