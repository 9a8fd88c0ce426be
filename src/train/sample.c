#include "train/sample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "feat/crop.h"
#include "prep/atom_slot.h"

enum { CROP_ATTEMPTS = 8, LEAST_RESIDUES = 3 };

static int64_t resolved_residues(const rt_target *target, int64_t conformation, int64_t start, int64_t count)
{
    int64_t n = 0;
    for (int64_t i = start; i < start + count; i++) n += isfinite(rt_target_c1(target, conformation, i)[0]);
    return n;
}

static rt_status choose_crop(rt_sample *s, int64_t *out_count, const rt_sample_options *o, rt_err *err)
{
    const rt_target *t = s->target;
    int64_t count = o->crop > 0 && o->crop < t->length ? o->crop : t->length;
    if (t->n_conformation < 1)
        return rt_fail(err, RT_ERR_MISMATCH, NULL, 0, "target '%s' has no experimental structure to learn from", t->id);
    s->conformation = rt_draws_conformation(&s->key, t->n_conformation);
    *out_count = count;
    for (int64_t attempt = 0; attempt < CROP_ATTEMPTS; attempt++) {
        s->start = rt_draws_crop_start(&s->key, t->length, count, attempt);
        if (resolved_residues(t, s->conformation, s->start, count) >= LEAST_RESIDUES) return RT_OK;
    }
    return rt_fail(err, RT_ERR_MISMATCH, NULL, 0,
                   "target '%s': fewer than %d of %lld residues are resolved in structure %lld", t->id, LEAST_RESIDUES,
                   (long long)count, (long long)s->conformation + 1);
}

/* Four drawn templates, or the network's state without: all at the origin with mask 1. */
static rt_status set_templates(rt_sample *s, rt_input *input, const rt_sample_options *o, rt_err *err)
{
    const rt_template *file = o->opt_templates ? rt_template_file_find(o->opt_templates, s->target->id) : NULL;
    int64_t pick[RT_TRAIN_TEMPLATES], n = input->length;
    rt_status status = RT_OK;
    float *xyz;
    RT_TRY_ALLOC(xyz, n * RT_TRAIN_TEMPLATES * 3);
    s->has_templates = rt_draws_templates(&s->key, file ? file->n_template : 0, o->template_dropout, pick);
    if (s->has_templates && file->length != n) {
        status = rt_fail(err, RT_ERR_MISMATCH, NULL, 0, "target '%s' has %lld residues, its templates have %lld",
                         s->target->id, (long long)n, (long long)file->length);
        goto done;
    }
    for (int64_t i = 0; s->has_templates && i < n; i++)
        for (int k = 0; k < RT_TRAIN_TEMPLATES; k++)
            memcpy(xyz + 3 * (i * RT_TRAIN_TEMPLATES + k), file->xyz + 3 * (i * file->n_template + pick[k]),
                   3 * sizeof *xyz);
    rt_template_missing missing = s->has_templates ? o->template_missing : RT_TEMPLATE_MISSING_ORIGIN;
    RT_TRY(rt_input_set_templates(input, xyz, n, RT_TRAIN_TEMPLATES, s->has_templates ? file->sequence : NULL,
                                  RT_TRAIN_TEMPLATES - 1, missing, NULL, err));
done:
    free(xyz);
    return status;
}

/* A set of C1' alone has one column. */
static rt_status build_label(rt_sample *s, rt_arena *arena, rt_err *err)
{
    const rt_target *t = s->target;
    const char *name[RT_SLOT_COUNT];
    for (int i = 0; i < RT_SLOT_COUNT; i++) name[i] = rt_atom_slot_name(t->n_slot == 1 ? RT_SLOT_C1P : i);
    rt_label_source source = {.xyz = rt_target_xyz(t, s->conformation),
                              .name = name,
                              .n_name = t->n_slot,
                              .length = t->length,
                              .resolution = isfinite(t->resolution) ? t->resolution : -1};
    return rt_label_build(&s->label, arena, &s->features, &source, s->start, err);
}

rt_status rt_sample_build(rt_sample *out_sample, rt_arena *arena, const rt_sample_options *options,
                          const rt_target *target, const rt_draw_key *key, bool tell, rt_err *err)
{
    rt_sample *s = out_sample;
    rt_input whole = {0};
    int64_t count = 0;
    rt_status status = RT_OK;
    *s = (rt_sample){.key = *key, .target = target};
    RT_TRY(choose_crop(s, &count, options, err));
    RT_TRY(rt_input_set_sequence(&whole, target->id, target->sequence, err));
    if (target->msa[0]) RT_TRY(rt_input_read_msa(&whole, target->msa, tell, err));
    RT_TRY(set_templates(s, &whole, options, err));
    RT_TRY(rt_crop_input(&s->input, &whole, s->start, count, err));
    RT_TRY(rt_features_build(&s->features, arena, &s->input, options->conformers, rt_draws_seed(key), NULL, err));
    RT_TRY(build_label(s, arena, err));
done:
    rt_input_free_members(&whole);
    if (status != RT_OK) rt_sample_free_members(s);
    return status;
}

void rt_sample_free_members(rt_sample *sample)
{
    rt_input_free_members(&sample->input);
}
