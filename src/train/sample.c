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

/* ---- augmentation ------------------------------------------------------------------------------------------------ */

typedef struct {
    const rt_augment_set *opt_set;      /* NULL: nothing is augmented */
    bool noise;
    rt_augment_example example;         /* sequence NULL: the native one */
    float *label;                       /* shaken coordinates; NULL: none */
} change;

static rt_augment_noise_key noise_key(const rt_sample *s, const change *c, int64_t part)
{
    return (rt_augment_noise_key){rt_augment_set_plan(c->opt_set)->seed, s->key.stream, s->key.number, part};
}

static void count_refused(rt_sample *s, uint32_t kinds, rt_augment_reason reason)
{
    for (int k = 0; k < RT_AUGMENTATIONS; k++)
        if (kinds & RT_AUGMENT_BIT(k)) s->augmented.of[k].drawn++, s->augmented.of[k].rejected[reason]++;
}

/* Another sequence, and noise on the label. */
static rt_status draw_change(change *c, rt_sample *s, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_target *t = s->target;
    rt_augment_reason reason;
    rt_augment_count *noise = &s->augmented.of[RT_AUGMENT_NOISE];
    if (!c->opt_set) return RT_OK;
    rt_augment_draw draw = rt_augment_set_pick(c->opt_set, &reason, t, s->key.stream, s->key.number);
    draw.conformation = s->conformation;
    if (reason != RT_REASON_NONE) count_refused(s, draw.kinds, reason);
    else if (draw.kinds)
        RT_TRY(rt_augment_set_make(c->opt_set, &c->example, &s->augmented, NULL, t, &draw, err));
    c->noise = rt_augment_set_has_noise(c->opt_set, s->key.stream, s->key.number);
    noise->drawn += c->noise;
    if (!c->noise || !rt_augment_noise_on_labels(rt_augment_set_plan(c->opt_set))) return RT_OK;
    const float *from = c->example.xyz ? c->example.xyz : rt_target_xyz(t, s->conformation);
    rt_augment_noise_key key = noise_key(s, c, 0);
    int64_t size = t->length * t->n_slot * 3;
    RT_TRY_ALLOC(c->label, size);
    memcpy(c->label, from, (size_t)size * sizeof *from);
    noise->changes += rt_augment_noise(c->label, t->length, t->n_slot, false, rt_augment_set_plan(c->opt_set), &key);
    noise->broken_bonds += rt_augment_broken_bonds(from, c->label, t->length, t->n_slot);
    noise->applied++;
done:
    return status;
}

/* Each of the drawn templates has its own noise.  xyz (n, RT_TRAIN_TEMPLATES, 3). */
static rt_status shake_templates(rt_sample *s, const change *c, float *xyz, int64_t n, rt_err *err)
{
    rt_status status = RT_OK;
    rt_augment_count *noise = &s->augmented.of[RT_AUGMENT_NOISE];
    float *one = NULL;
    if (!c->noise || !s->has_templates || !rt_augment_noise_on_templates(rt_augment_set_plan(c->opt_set))) return RT_OK;
    RT_TRY_ALLOC(one, 3 * n);
    for (int k = 0; k < RT_TRAIN_TEMPLATES; k++) {
        rt_augment_noise_key key = noise_key(s, c, k + 1);
        for (int64_t i = 0; i < n; i++) memcpy(one + 3 * i, xyz + 3 * (i * RT_TRAIN_TEMPLATES + k), 3 * sizeof *one);
        noise->changes += rt_augment_noise(one, n, 1, true, rt_augment_set_plan(c->opt_set), &key);
        for (int64_t i = 0; i < n; i++) memcpy(xyz + 3 * (i * RT_TRAIN_TEMPLATES + k), one + 3 * i, 3 * sizeof *one);
    }
    noise->applied += !c->label;
done:
    free(one);
    return status;
}

/* ---- the parts of a sample --------------------------------------------------------------------------------------- */

/* Four drawn templates, or the network's state without: all at the origin with mask 1. */
static rt_status set_templates(rt_sample *s, rt_input *input, const rt_sample_options *o, const change *c, rt_err *err)
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
    RT_TRY(shake_templates(s, c, xyz, n, err));
    rt_template_missing missing = s->has_templates ? o->template_missing : RT_TEMPLATE_MISSING_ORIGIN;
    RT_TRY(rt_input_set_templates(input, xyz, n, RT_TRAIN_TEMPLATES, s->has_templates ? file->sequence : NULL,
                                  RT_TRAIN_TEMPLATES - 1, missing, NULL, err));
done:
    free(xyz);
    return status;
}

/* A set of C1' alone has one column. */
static rt_status build_label(rt_sample *s, rt_arena *arena, const change *c, rt_err *err)
{
    const rt_target *t = s->target;
    const char *name[RT_SLOT_COUNT];
    for (int i = 0; i < RT_SLOT_COUNT; i++) name[i] = rt_atom_slot_name(t->n_slot == 1 ? RT_SLOT_C1P : i);
    const float *xyz = c->label ? c->label : c->example.xyz ? c->example.xyz : rt_target_xyz(t, s->conformation);
    rt_label_source source = {.xyz = xyz,
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
    change c = {.opt_set = options->opt_augment};
    int64_t count = 0;
    rt_status status = RT_OK;
    *s = (rt_sample){.key = *key, .target = target};
    RT_TRY(choose_crop(s, &count, options, err));
    RT_TRY(draw_change(&c, s, err));
    RT_TRY(rt_input_set_sequence(&whole, target->id, target->sequence, err));
    if (target->msa[0]) RT_TRY(rt_input_read_msa(&whole, target->msa, tell, err));
    RT_TRY(set_templates(s, &whole, options, &c, err));   /* the file names the native residues */
    if (c.example.sequence) rt_input_mutate(&whole, c.example.sequence);
    RT_TRY(rt_crop_input(&s->input, &whole, s->start, count, err));
    RT_TRY(rt_features_build(&s->features, arena, &s->input, options->conformers, rt_draws_seed(key), NULL, err));
    RT_TRY(build_label(s, arena, &c, err));
done:
    rt_augment_example_free_members(&c.example);
    free(c.label);
    rt_input_free_members(&whole);
    if (status != RT_OK) rt_sample_free_members(s);
    return status;
}

void rt_sample_free_members(rt_sample *sample)
{
    rt_input_free_members(&sample->input);
}
