#include "feat/atoms.h"

#include <string.h>

#include "feat/feature_tensor.h"

static bool begins_chain(const rt_features *f, int64_t token)
{
    const int64_t *asym = f->asym_id.data;
    return token == 0 || asym[token] != asym[token - 1];
}

static const rt_conformer *conformer_of(const rt_features *f, const rt_conformers *conformers, int64_t token)
{
    return &conformers->base[((const int64_t *)f->tokenized_seq.data)[token]];
}

/* Rotations and translations take different steps of the generator, so that no two share bits. */
static void draw(rt_features *f, uint64_t seed, uint64_t stream)
{
    rt_rng rotation = rt_rng_make(seed, stream, 0, RT_DRAW_REF_POS);
    rt_rng translation = rt_rng_make(seed, stream, 1, RT_DRAW_REF_POS);
    double *r = f->ref_rotation.data, *t = f->ref_translation.data;
    for (int64_t n = 0; n < f->n_token; n++) rt_rng_rotation(&rotation, (uint64_t)n, r + 9 * n);
    for (int64_t i = 0; i < 3 * f->n_token; i++) t[i] = 2.0 * rt_rng_uniform(&translation, (uint64_t)i) - 1.0;
}

/* ref_pos of one residue's atoms [from, from + count). */
static void place(rt_features *f, int64_t token, int64_t from, int64_t count)
{
    const double *p = (const double *)f->ref_pos_before.data + 3 * from;
    const double *r = (const double *)f->ref_rotation.data + 9 * token;
    const double *t = (const double *)f->ref_translation.data + 3 * token;
    float *out = (float *)f->ref_pos.data + 3 * from;
    double mean[3] = {0};
    for (int64_t i = 0; i < count; i++)
        for (int d = 0; d < 3; d++) mean[d] += p[3 * i + d];
    for (int d = 0; d < 3; d++) mean[d] /= (double)count;
    for (int64_t i = 0; i < count; i++) {
        double x[3];
        for (int d = 0; d < 3; d++) x[d] = p[3 * i + d] - mean[d] + t[d];
        for (int d = 0; d < 3; d++)
            out[3 * i + d] = (float)(r[3 * d] * x[0] + r[3 * d + 1] * x[1] + r[3 * d + 2] * x[2]);
    }
}

/* The atoms of one residue, from `first` of its conformer on; returns how many there are. */
static int64_t list_atoms(rt_features *f, int64_t token, int64_t from, const rt_conformer *conformer, int first)
{
    int64_t *frame = (int64_t *)f->frame_atom_index.data + 3 * token;
    int64_t base = ((const int64_t *)f->tokenized_seq.data)[token];
    bool purine = base == rt_base_index('A') || base == rt_base_index('G');
    for (int c = first; c < conformer->n_atom; c++) {
        const rt_conformer_atom *atom = &conformer->atom[c];
        int64_t a = from + c - first;
        ((int64_t *)f->atom_to_token_idx.data)[a] = token;
        ((int64_t *)f->atom_to_tokatom_idx.data)[a] = c;
        ((int64_t *)f->ref_space_uid.data)[a] = token;
        ((int64_t *)f->ref_charge.data)[a] = atom->charge;
        ((int64_t *)f->ref_mask.data)[a] = atom->mask;
        ((uint8_t *)f->ref_element.data)[a] = (uint8_t)(atom->atomic_number - 1);
        uint8_t *chars = (uint8_t *)f->ref_atom_name_chars.data + 4 * a;
        size_t length = strlen(atom->name);
        for (size_t i = 0; i < 4; i++) chars[i] = i < length ? (uint8_t)(atom->name[i] - ' ') : 0;
        memcpy((double *)f->ref_pos_before.data + 3 * a, atom->pos, sizeof atom->pos);
        if (strcmp(atom->name, "C1'") == 0) frame[0] = ((int64_t *)f->centre_atom.data)[token] = a;
        if (strcmp(atom->name, "C3'") == 0) frame[1] = a;
        if (strcmp(atom->name, "C4'") == 0) frame[2] = a;
        if (strcmp(atom->name, purine ? "C4" : "C2") == 0) ((int64_t *)f->distogram_rep_atom.data)[token] = a;
    }
    return conformer->n_atom - first;
}

rt_status rt_atoms_build(rt_features *features, rt_arena *arena, const rt_conformers *conformers, uint64_t seed,
                         uint64_t stream, const rt_ref_pos_draws *opt_draws, rt_err *err)
{
    rt_features *f = features;
    int64_t n = f->n_token, a = 0;
    rt_status status = RT_OK;
    for (int64_t i = 0; i < n; i++) {
        RT_REQUIRE(conformer_of(f, conformers, i)->n_atom > 0);   /* rt_conformers_fill was not called for this base */
        a += conformer_of(f, conformers, i)->n_atom - !begins_chain(f, i);
    }
    f->n_atom = a;
    rt_tensor *const per_atom[] = {&f->atom_to_token_idx, &f->atom_to_tokatom_idx, &f->ref_space_uid, &f->ref_charge,
                                   &f->ref_mask};
    for (size_t i = 0; i < sizeof per_atom / sizeof *per_atom; i++) RT_FEATURE_PUSH(per_atom[i], RT_I64, a);
    RT_FEATURE_PUSH(&f->ref_element, RT_U8, a);
    RT_FEATURE_PUSH(&f->ref_atom_name_chars, RT_U8, a, 4);
    RT_FEATURE_PUSH(&f->ref_pos, RT_F32, a, 3);
    RT_FEATURE_PUSH(&f->ref_pos_before, RT_F64, a, 3);
    RT_FEATURE_PUSH(&f->ref_rotation, RT_F64, n, 3, 3);
    RT_FEATURE_PUSH(&f->ref_translation, RT_F64, n, 3);
    RT_FEATURE_PUSH(&f->frame_atom_index, RT_I64, n, 3);
    RT_FEATURE_PUSH(&f->distogram_rep_atom, RT_I64, n);
    RT_FEATURE_PUSH(&f->centre_atom, RT_I64, n);
    if (opt_draws) {
        memcpy(f->ref_rotation.data, opt_draws->rotation, (size_t)rt_bytes(f->ref_rotation));
        memcpy(f->ref_translation.data, opt_draws->translation, (size_t)rt_bytes(f->ref_translation));
    } else
        draw(f, seed, stream);
    int64_t from = 0;
    for (int64_t i = 0; i < n; i++) {
        /* OP3 is the first atom of a conformer; only a chain's 5' end has it, the others lost it to the bond */
        int64_t count = list_atoms(f, i, from, conformer_of(f, conformers, i), !begins_chain(f, i));
        place(f, i, from, count);
        from += count;
    }
done:
    return status;
}
