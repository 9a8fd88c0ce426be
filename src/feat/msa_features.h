/* msa_features.h - the MSA as the network's classes, its profile and its deletions
 * Room: feat.  Uses: feat/features.
 * Reference: rnapro/data/infer_data_pipeline.py InferenceDataset._create_msa_features, data/utils.py make_dummy_feature
 */
#ifndef RT_FEAT_MSA_FEATURES_H
#define RT_FEAT_MSA_FEATURES_H

#include "feat/features.h"

#define RT_MSA_UNKNOWN 25
#define RT_MSA_GAP 31

/* The class of a nucleotide in restype, MSA and profile: A 21, G 22, C 23, U 24 (not in alphabetic order).
 * base: rt_base_index(). */
int rt_restype_class(int base);

/* deletion_value at a gap: 2/pi atan(1/3) in float32; 0 elsewhere. */
float rt_msa_deletion_value(void);

/* Reads: n_token and tokenized_seq of `features`, the rows of `input`.  Writes: n_msa, has_msa, msa (M,N),
 * profile (N,32), deletion_mean (N).  Without an MSA the query is its only row, and its profile is one-hot.
 * Cost: one pass over M x N letters. */
rt_status rt_msa_features_build(rt_features *features, rt_arena *arena, const rt_input *input, rt_err *err);

#endif
