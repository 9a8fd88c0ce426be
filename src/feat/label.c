#include "feat/label.h"

#include <math.h>
#include <string.h>

#include "feat/feature_tensor.h"

void rt_label_atom_name(char out_name[5], const rt_features *features, int64_t atom)
{
    const uint8_t *code = (const uint8_t *)features->ref_atom_name_chars.data + 4 * atom;
    int n = 0;
    for (; n < 4 && code[n]; n++) out_name[n] = (char)(code[n] + ' ');
    out_name[n] = 0;
}

static const float *find_atom(const rt_label_source *source, int64_t residue, const char *name)
{
    for (int64_t i = 0; i < source->n_name; i++)
        if (strcmp(source->name[i], name) == 0) return source->xyz + 3 * (residue * source->n_name + i);
    return NULL;
}

rt_status rt_label_build(rt_label *out_label, rt_arena *arena, const rt_features *features,
                         const rt_label_source *source, int64_t start, rt_err *err)
{
    rt_status status = RT_OK;
    const int64_t n_atom = features->n_atom, *token = features->atom_to_token_idx.data;
    if (start < 0 || start + features->n_token > source->length)
        return rt_fail(err, RT_ERR_MISMATCH, NULL, 0,
                       "residues %lld to %lld of the experimental structure are wanted, it has %lld",
                       (long long)start + 1, (long long)(start + features->n_token), (long long)source->length);
    *out_label = (rt_label){.n_atom = n_atom, .resolution = source->resolution};
    RT_FEATURE_PUSH(&out_label->coordinate, RT_F32, n_atom, 3);
    RT_FEATURE_PUSH(&out_label->coordinate_mask, RT_U8, n_atom);
    float *xyz = out_label->coordinate.data;
    uint8_t *mask = out_label->coordinate_mask.data;
    for (int64_t a = 0; a < n_atom; a++) {
        char name[5];
        rt_label_atom_name(name, features, a);
        const float *at = find_atom(source, start + token[a], name);
        bool resolved = at != NULL;
        for (int d = 0; d < 3 && resolved; d++) resolved = isfinite(at[d]) && at[d] > -1e6f;
        for (int d = 0; d < 3; d++) xyz[3 * a + d] = resolved ? at[d] : 0.0f;
        mask[a] = resolved;
        out_label->n_resolved += resolved;
    }
done:
    return status;
}
