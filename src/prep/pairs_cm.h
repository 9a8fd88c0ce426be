/* pairs_cm.h - base pairs of sequences from the consensus structure of their family's covariance model
 * Room: prep.  Uses: base/file, base/memory, base/pool, base/process, score/contacts, prep/hits, prep/infernal,
 * prep/pairs, prep/stockholm.
 * Reference: E. Nawrocki, S. Eddy, Bioinformatics 29:2933 (2013); Rfam: I. Kalvari et al., NAR 49:D192 (2021).
 *
 * cmscan finds the families of each sequence (top strand; Rfam's gathering thresholds, else E <= 1e-3; of overlapping
 * hits the best), cmalign lays each hit on its family's consensus.  Two residues pair when the consensus pairs their
 * columns and the letters can (AU, GC, GU); the probability is the lower of the two residues' posterior probabilities
 * of standing in their columns, which Infernal gives in steps of 0.1: '*' is 0.975, '9' 0.9, ... '1' 0.1, '0' 0.025.
 */
#ifndef RT_PREP_PAIRS_CM_H
#define RT_PREP_PAIRS_CM_H

#include <stdint.h>

#include "base/pool.h"
#include "base/status.h"
#include "prep/pairs.h"
#include "prep/stockholm.h"

/* out_pairs (n): pairs of at least min_prob; `best` NULL, scores NaN.  A sequence without a hit has no pairs;
 * out_found: sequences with one.
 * Errors: RT_ERR_UNSUPPORTED when Infernal is not installed; RT_ERR_IO with what its programs said; those of
 * rt_models_read; RT_ERR_MEMORY. */
rt_status rt_pairs_cm_find(rt_pairs *out_pairs, int64_t *out_found, const char *models, const char *const *sequence,
                           int64_t n, double min_prob, rt_pool *pool, rt_err *err);

/* Adds the pairs of one row of an alignment, whose first letter is residue `from` (from 0) of the sequence.
 * Errors: RT_ERR_FORMAT when the row is not the sequence there, or the consensus is no structure. */
rt_status rt_pairs_cm_read_row(rt_pairs *pairs, const rt_stockholm *alignment, int64_t row, const char *sequence,
                               int64_t from, double min_prob, const char *file, rt_err *err);

#endif
