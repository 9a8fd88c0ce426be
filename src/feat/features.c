#include "feat/features.h"

#include <math.h>
#include <string.h>

#include "feat/atoms.h"
#include "feat/feature_tensor.h"
#include "feat/msa_features.h"

/* Chains, entities and copies count from 0, residues from 1 in every chain. */
static rt_status tokens_build(rt_features *f, rt_arena *arena, const rt_input *input, rt_err *err)
{
    const int64_t n = f->n_token;
    rt_status status = RT_OK;
    rt_tensor *const per_token[] = {&f->token_index, &f->residue_index, &f->asym_id, &f->entity_id, &f->sym_id,
                                    &f->tokenized_seq, &f->has_frame};
    for (size_t i = 0; i < sizeof per_token / sizeof *per_token; i++) RT_FEATURE_PUSH(per_token[i], RT_I64, n);
    RT_FEATURE_PUSH(&f->restype, RT_F32, n, 32);
    memset(f->restype.data, 0, (size_t)rt_bytes(f->restype));
    const rt_input_chain whole = {.length = n}, *chain = input->n_chain ? input->chain : &whole;
    for (int64_t i = 0, c = 0; i < n; i++) {
        if (i == chain[c].first + chain[c].length) c++;
        int base = rt_base_index(input->sequence[i]);
        if (base < 0)
            return rt_fail(err, RT_ERR_FORMAT, NULL, 0, "target '%s': the network has no token for residue %lld, '%c'",
                           input->target, (long long)i + 1, input->sequence[i]);
        ((int64_t *)f->token_index.data)[i] = i;
        ((int64_t *)f->residue_index.data)[i] = i - chain[c].first + 1;
        ((int64_t *)f->asym_id.data)[i] = c;
        ((int64_t *)f->entity_id.data)[i] = chain[c].entity;
        ((int64_t *)f->sym_id.data)[i] = chain[c].copy;
        ((int64_t *)f->tokenized_seq.data)[i] = base;
        ((int64_t *)f->has_frame.data)[i] = 1;
        ((float *)f->restype.data)[32 * i + rt_restype_class(base)] = 1.0f;
    }
done:
    return status;
}

/* A residue with a NaN is missing: coordinate 0, mask 0. */
static rt_status templates_build(rt_features *f, rt_arena *arena, const rt_input *input, rt_err *err)
{
    const int64_t n = f->n_token, t = f->n_template = input->n_template;
    rt_status status = RT_OK;
    RT_FEATURE_PUSH(&f->template_coords, RT_F32, t, n, 3);
    RT_FEATURE_PUSH(&f->template_coords_mask, RT_F32, t, n);
    float *out = f->template_coords.data, *mask = f->template_coords_mask.data;
    for (int64_t i = 0; i < t * n; i++) {
        const float *in = input->template_xyz + 3 * i;
        bool missing = isnan(in[0]) || isnan(in[1]) || isnan(in[2]);
        mask[i] = missing ? 0.0f : 1.0f;
        for (int d = 0; d < 3; d++) out[3 * i + d] = missing ? 0.0f : in[d];
    }
done:
    return status;
}

rt_status rt_features_build(rt_features *out_features, rt_arena *arena, const rt_input *input,
                            const rt_conformers *conformers, uint64_t seed, const rt_ref_pos_draws *opt_draws,
                            rt_err *err)
{
    rt_features *f = out_features;
    rt_status status = RT_OK;
    *f = (rt_features){.n_token = input->length};
    RT_REQUIRE(input->length > 0 && (int64_t)strlen(input->sequence) == input->length);
    RT_TRY(tokens_build(f, arena, input, err));
    RT_TRY(rt_atoms_build(f, arena, conformers, seed, rt_hash_text(input->target), opt_draws, err));
    RT_TRY(rt_msa_features_build(f, arena, input, err));
    RT_TRY(templates_build(f, arena, input, err));
done:
    return status;
}
