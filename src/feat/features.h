/* features.h - what the network sees of one target, exactly as the reference makes it
 * Room: feat.  Uses: feat/input, feat/conformer, base/tensor, base/rng.
 * Reference: rnapro/data/infer_data_pipeline.py InferenceDataset, data/featurizer.py, data/json_to_feature.py
 *
 * N tokens (= residues), A atoms, M MSA rows, T templates.  All tensors live in the arena given to rt_features_build.
 */
#ifndef RT_FEAT_FEATURES_H
#define RT_FEAT_FEATURES_H

#include "base/arena.h"
#include "base/rng.h"
#include "base/tensor.h"
#include "feat/conformer.h"
#include "feat/input.h"

typedef struct {
    int64_t n_token, n_atom, n_msa, n_template;

    /* tokens, I64 (N) unless said otherwise */
    rt_tensor token_index, residue_index, asym_id, entity_id, sym_id, tokenized_seq, has_frame;
    rt_tensor frame_atom_index;      /* I64 (N,3) */
    rt_tensor restype;               /* F32 (N,32) one-hot */
    rt_tensor profile;               /* F32 (N,32) */
    rt_tensor deletion_mean;         /* F32 (N) */

    /* atoms, I64 (A) unless said otherwise */
    rt_tensor atom_to_token_idx, atom_to_tokatom_idx, ref_space_uid;
    rt_tensor distogram_rep_atom;    /* I64 (N): the atom of token n whose distogram_rep_atom_mask is 1 */
    rt_tensor centre_atom;           /* I64 (N): C1' */
    rt_tensor ref_pos;               /* F32 (A,3), Angstrom, augmented */
    rt_tensor ref_element;           /* U8 (A): index of the one-hot, atomic number - 1 */
    rt_tensor ref_atom_name_chars;   /* U8 (A,4): index of the one-hot, code - 32 */
    rt_tensor ref_charge, ref_mask;

    /* what ref_pos was made of, F64: kept so that a run can be checked and repeated */
    rt_tensor ref_pos_before;        /* (A,3), the conformers' positions as they are, not centred */
    rt_tensor ref_rotation;          /* (N,3,3) */
    rt_tensor ref_translation;       /* (N,3) */

    /* MSA; has_msa false: there was none, the query stands alone and counts as no deletion anywhere */
    bool has_msa;
    rt_tensor msa;                   /* U8 (M,N): A 21, G 22, C 23, U 24, N 25, gap 31; row 0 begins the file */

    /* templates; n_template 0 means "none" (the embedder then returns z itself) */
    rt_tensor template_coords;       /* F32 (T,N,3), C1' */
    rt_tensor template_coords_mask;  /* F32 (T,N) */
} rt_features;

/* The random draws of the reference conformers: rotation R and translation t of residue n act as R (p + t). */
typedef struct {
    const double *rotation;          /* (N,3,3) */
    const double *translation;       /* (N,3) */
} rt_ref_pos_draws;

/* The first RT_MSA_ROW_LIMIT rows of the MSA are used; a row is cut at N and filled up with N (25), every letter but
 * A C G U and '-' is unknown (25), lower case counts as upper case; T is unknown here, as in the reference.
 * opt_draws NULL: drawn from (seed, rt_hash_text(input->target)) with purpose RT_DRAW_REF_POS.
 * Errors: RT_ERR_FORMAT for a sequence that the network has no token for, RT_ERR_MEMORY. */
rt_status rt_features_build(rt_features *out_features, rt_arena *arena, const rt_input *input,
                            const rt_conformers *conformers, uint64_t seed, const rt_ref_pos_draws *opt_draws,
                            rt_err *err);

/* Any tensor of the reference's feature dictionary by its name there ("has_deletion", "token_bonds",
 * "template_all_atom_mask", "is_rna", ... the constant ones too) with the reference's type and shape, but the one-hots
 * ref_element (A,128) and ref_atom_name_chars (A,4,64) and the mask bond_mask (A,A) as U8; also "aug.ref_pos_before",
 * "aug.rot" and "aug.trans".  What is stored is returned as it is, the rest is built in `arena`.
 * Errors: RT_ERR_UNSUPPORTED when the dictionary of this target has no such entry, RT_ERR_MEMORY.
 * Used by `rnatune verify`. */
rt_status rt_features_named(rt_tensor *out, rt_arena *arena, const rt_features *features, const char *name,
                            rt_err *err);

/* The names that rt_features_named knows for these features, NULL after the last: index 0, 1, ... */
const char *rt_features_name(const rt_features *features, int index);

#endif
