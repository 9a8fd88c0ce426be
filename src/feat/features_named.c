/* features_named.c - the reference's feature dictionary, entry by entry */
#include <stddef.h>
#include <string.h>

#include "feat/feature_tensor.h"
#include "feat/features.h"
#include "feat/msa_features.h"

/* Sizes in a shape that depend on the target. */
enum { N = -1, A = -2, M = -3 };

typedef void builder(rt_tensor *out, const rt_features *f);
typedef enum { ALWAYS, WITH_MSA, WITHOUT_MSA, WITH_TEMPLATES } condition;

/* Stored as a member of rt_features (stored > 0: its offset + 1), or built: a tensor of the given type and shape is
 * filled with `value`, then `build`, if any, writes into it. */
typedef struct {
    const char *name;
    condition when;
    size_t stored;
    rt_dtype dtype;
    int ndim;
    int64_t dim[4];
    double value;
    builder *build;
} entry;

static void build_element(rt_tensor *out, const rt_features *f)
{
    const uint8_t *index = f->ref_element.data;
    for (int64_t a = 0; a < f->n_atom; a++) ((uint8_t *)out->data)[128 * a + index[a]] = 1;
}

static void build_chars(rt_tensor *out, const rt_features *f)
{
    const uint8_t *index = f->ref_atom_name_chars.data;
    for (int64_t i = 0; i < 4 * f->n_atom; i++) ((uint8_t *)out->data)[64 * i + index[i]] = 1;
}

static void build_atom_mask(rt_tensor *out, const rt_features *f, rt_tensor atom_of_token)
{
    for (int64_t i = 0; i < f->n_token; i++) ((int64_t *)out->data)[((const int64_t *)atom_of_token.data)[i]] = 1;
}

static void build_centre(rt_tensor *out, const rt_features *f) { build_atom_mask(out, f, f->centre_atom); }
static void build_rep(rt_tensor *out, const rt_features *f) { build_atom_mask(out, f, f->distogram_rep_atom); }

static void build_atom_index(rt_tensor *out, const rt_features *f)
{
    for (int64_t a = 0; a < f->n_atom; a++) ((int64_t *)out->data)[a] = a;
}

static void build_msa(rt_tensor *out, const rt_features *f)
{
    const uint8_t *msa = f->msa.data;
    for (int64_t i = 0; i < f->n_msa * f->n_token; i++) ((int64_t *)out->data)[i] = msa[i];
}

static void build_has_deletion(rt_tensor *out, const rt_features *f)
{
    const uint8_t *msa = f->msa.data;
    for (int64_t i = 0; i < f->n_msa * f->n_token; i++) ((uint8_t *)out->data)[i] = msa[i] == RT_MSA_GAP;
}

static void build_deletion_value(rt_tensor *out, const rt_features *f)
{
    const uint8_t *msa = f->msa.data;
    const float value = rt_msa_deletion_value();
    for (int64_t i = 0; i < f->n_msa * f->n_token; i++) ((float *)out->data)[i] = msa[i] == RT_MSA_GAP ? value : 0.0f;
}

static void build_n_msa(rt_tensor *out, const rt_features *f)
{
    *(int64_t *)out->data = f->n_msa;
}

static void build_n_templates(rt_tensor *out, const rt_features *f)
{
    *(int64_t *)out->data = f->n_template;
}

#define STORED(name, when, member) {name, when, offsetof(rt_features, member) + 1, RT_F32, 0, {0}, 0, NULL}
#define FILLED(name, when, dtype, value, build, ndim, ...) {name, when, 0, dtype, ndim, {__VA_ARGS__}, value, build}

static const entry dictionary[] = {
    STORED("token_index", ALWAYS, token_index),
    STORED("residue_index", ALWAYS, residue_index),
    STORED("asym_id", ALWAYS, asym_id),
    STORED("entity_id", ALWAYS, entity_id),
    STORED("sym_id", ALWAYS, sym_id),
    STORED("restype", ALWAYS, restype),
    STORED("tokenized_seq", ALWAYS, tokenized_seq),
    STORED("has_frame", ALWAYS, has_frame),
    STORED("frame_atom_index", ALWAYS, frame_atom_index),
    FILLED("token_bonds", ALWAYS, RT_F32, 0, NULL, 2, N, N),         /* only bonds of ligands are listed there */

    STORED("atom_to_token_idx", ALWAYS, atom_to_token_idx),
    STORED("atom_to_tokatom_idx", ALWAYS, atom_to_tokatom_idx),
    STORED("ref_pos", ALWAYS, ref_pos),
    STORED("ref_mask", ALWAYS, ref_mask),
    STORED("ref_charge", ALWAYS, ref_charge),
    STORED("ref_space_uid", ALWAYS, ref_space_uid),
    FILLED("ref_element", ALWAYS, RT_U8, 0, build_element, 2, A, 128),
    FILLED("ref_atom_name_chars", ALWAYS, RT_U8, 0, build_chars, 3, A, 4, 64),
    FILLED("is_protein", ALWAYS, RT_I64, 0, NULL, 1, A),
    FILLED("is_ligand", ALWAYS, RT_I64, 0, NULL, 1, A),
    FILLED("is_dna", ALWAYS, RT_I64, 0, NULL, 1, A),
    FILLED("is_rna", ALWAYS, RT_I64, 1, NULL, 1, A),
    FILLED("mol_id", ALWAYS, RT_I64, 0, NULL, 1, A),                 /* one molecule, one entity */
    FILLED("entity_mol_id", ALWAYS, RT_I64, 0, NULL, 1, A),
    FILLED("mol_atom_index", ALWAYS, RT_I64, 0, build_atom_index, 1, A),
    FILLED("pae_rep_atom_mask", ALWAYS, RT_I64, 0, build_centre, 1, A),
    FILLED("plddt_m_rep_atom_mask", ALWAYS, RT_I64, 0, build_centre, 1, A),
    FILLED("distogram_rep_atom_mask", ALWAYS, RT_I64, 0, build_rep, 1, A),
    FILLED("modified_res_mask", ALWAYS, RT_I64, 0, NULL, 1, A),
    FILLED("bond_mask", ALWAYS, RT_U8, 0, NULL, 2, A, A),
    FILLED("resolution", ALWAYS, RT_F32, -1, NULL, 1, 1),

    FILLED("msa", ALWAYS, RT_I64, 0, build_msa, 2, M, N),
    STORED("profile", ALWAYS, profile),
    STORED("deletion_mean", ALWAYS, deletion_mean),
    FILLED("has_deletion", WITH_MSA, RT_BOOL, 0, build_has_deletion, 2, M, N),
    FILLED("deletion_value", WITH_MSA, RT_F32, 0, build_deletion_value, 2, M, N),
    FILLED("rna_unpair_num_alignments", WITH_MSA, RT_I64, 0, build_n_msa, 1, 1),
    FILLED("has_deletion", WITHOUT_MSA, RT_F32, 0, NULL, 2, M, N),
    FILLED("deletion_value", WITHOUT_MSA, RT_F32, 0, NULL, 2, M, N),
    FILLED("rna_unpair_num_alignments", WITHOUT_MSA, RT_I32, 0, NULL, 0, 0),
    FILLED("rna_pair_num_alignments", WITHOUT_MSA, RT_I32, 0, NULL, 0, 0),
    FILLED("prot_unpair_num_alignments", WITHOUT_MSA, RT_I32, 0, NULL, 0, 0),
    FILLED("prot_pair_num_alignments", WITHOUT_MSA, RT_I32, 0, NULL, 0, 0),

    STORED("template_coords", WITH_TEMPLATES, template_coords),
    STORED("template_coords_mask", WITH_TEMPLATES, template_coords_mask),
    FILLED("n_templates", WITH_TEMPLATES, RT_I64, 0, build_n_templates, 1, 1),
    FILLED("template_restype", ALWAYS, RT_I64, 31, NULL, 2, 4, N),   /* AF3's own templates: always four empty ones */
    FILLED("template_all_atom_mask", ALWAYS, RT_F32, 0, NULL, 3, 4, N, 37),
    FILLED("template_all_atom_positions", ALWAYS, RT_F32, 0, NULL, 4, 4, N, 37, 3),

    STORED("aug.ref_pos_before", ALWAYS, ref_pos_before),
    STORED("aug.rot", ALWAYS, ref_rotation),
    STORED("aug.trans", ALWAYS, ref_translation),
};
enum { N_ENTRY = sizeof dictionary / sizeof *dictionary };

static bool applies(const entry *e, const rt_features *f)
{
    switch (e->when) {
    case WITH_MSA: return f->has_msa;
    case WITHOUT_MSA: return !f->has_msa;
    case WITH_TEMPLATES: return f->n_template > 0;
    default: return true;
    }
}

static rt_status fill(rt_tensor *out, rt_arena *arena, const entry *e, const rt_features *f, rt_err *err)
{
    int64_t dim[4] = {0};
    for (int i = 0; i < e->ndim; i++)
        dim[i] = e->dim[i] == N ? f->n_token : e->dim[i] == A ? f->n_atom : e->dim[i] == M ? f->n_msa : e->dim[i];
    rt_status status = rt_feature_tensor_push(out, arena, e->dtype, e->ndim, dim, err);
    if (status != RT_OK) return status;
    memset(out->data, 0, (size_t)rt_bytes(*out));
    if (e->value != 0) {
        if (e->dtype == RT_I64)
            for (int64_t i = 0; i < rt_count(*out); i++) ((int64_t *)out->data)[i] = (int64_t)e->value;
        else if (e->dtype == RT_F32)
            for (int64_t i = 0; i < rt_count(*out); i++) ((float *)out->data)[i] = (float)e->value;
        else
            RT_BUG("%s", e->name);
    }
    if (e->build) e->build(out, f);
    return RT_OK;
}

rt_status rt_features_named(rt_tensor *out, rt_arena *arena, const rt_features *features, const char *name, rt_err *err)
{
    for (int i = 0; i < N_ENTRY; i++) {
        const entry *e = &dictionary[i];
        if (strcmp(e->name, name) != 0 || !applies(e, features)) continue;
        if (!e->stored) return fill(out, arena, e, features, err);
        memcpy(out, (const char *)features + e->stored - 1, sizeof *out);
        return RT_OK;
    }
    return rt_fail(err, RT_ERR_UNSUPPORTED, NULL, 0, "the features of this target have no entry '%.100s'", name);
}

const char *rt_features_name(const rt_features *features, int index)
{
    for (int i = 0; i < N_ENTRY; i++)
        if (applies(&dictionary[i], features) && index-- == 0) return dictionary[i].name;
    return NULL;
}
