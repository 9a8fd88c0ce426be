/* aug_noise.c - tier 1: every residue of a template (or of the label) shaken as a whole, then the whole turned and moved */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "prep/augment_internal.h"

enum { P, SIGMA, CORRELATION, TEMPLATES, LABELS };

static const rt_augment_key KEY[] = {
    {.name = "p", .type = RT_AUGMENT_NUMBER, .fallback = "0.5", .low = 0, .high = 1, .help = "share of samples"},
    {.name = "sigma", .type = RT_AUGMENT_RANGE, .fallback = "0.5-1.5", .low = 0, .high = 10,
     .help = "standard deviation of each coordinate, Angstrom; of two each sample draws one between"},
    {.name = "correlation", .type = RT_AUGMENT_NUMBER, .fallback = "5", .low = 0, .high = 1000,
     .help = "residues along the chain over which it falls to 1/e; 0: each residue alone"},
    {.name = "templates", .type = RT_AUGMENT_SWITCH, .fallback = "on", .help = "shake templates"},
    {.name = "labels", .type = RT_AUGMENT_SWITCH, .fallback = "off", .help = "shake the answer: bonds between residues break"},
    {0},
};

const rt_augmentation rt_aug_noise = {
    .name = "noise", .tier = 1, .needs = "templates or labels", .changes = "templates, labels when asked",
    .help = "shakes residues as rigid bodies, correlated along the chain, and turns the whole", .key = KEY};

bool rt_augment_noise_on_templates(const rt_augment_plan *plan)
{
    return plan->on & RT_AUGMENT_BIT(RT_AUGMENT_NOISE) && plan->setting[RT_AUGMENT_NOISE].value[TEMPLATES] > 0;
}

bool rt_augment_noise_on_labels(const rt_augment_plan *plan)
{
    return plan->on & RT_AUGMENT_BIT(RT_AUGMENT_NOISE) && plan->setting[RT_AUGMENT_NOISE].value[LABELS] > 0;
}

static bool is_there(const float *at)
{
    bool zero = at[0] == 0 && at[1] == 0 && at[2] == 0;
    return !zero && isfinite(at[0]) && isfinite(at[1]) && isfinite(at[2]) && fabsf(at[0]) < 1e6f;
}

/* About the mean, and moved; but about the origin, and not moved, where points are missing: training puts these at the
 * origin, as the reference does, and the others' distances from there are seen. */
static void turn_whole(float *xyz, int64_t n_point, const rt_rng *rng)
{
    double u[9], t[3], centre[3] = {0};
    int64_t n = 0;
    rt_rng_rotation(rng, 0, u);
    for (int d = 0; d < 3; d++) t[d] = 10 * rt_rng_normal(rng, 16 + (uint64_t)d);
    for (int64_t i = 0; i < n_point; i++) {
        if (!is_there(xyz + 3 * i)) continue;
        for (int d = 0; d < 3; d++) centre[d] += (double)xyz[3 * i + d];
        n++;
    }
    for (int d = 0; d < 3; d++) {
        centre[d] = n == n_point && n ? centre[d] / (double)n : 0;
        if (n < n_point) t[d] = 0;
    }
    for (int64_t i = 0; i < n_point; i++) {
        double x[3];
        if (!is_there(xyz + 3 * i)) continue;
        for (int d = 0; d < 3; d++) x[d] = (double)xyz[3 * i + d] - centre[d];
        for (int d = 0; d < 3; d++)
            xyz[3 * i + d] = (float)(u[3 * d] * x[0] + u[3 * d + 1] * x[1] + u[3 * d + 2] * x[2] + centre[d] + t[d]);
    }
}

int64_t rt_augment_noise(float *xyz, int64_t n, int64_t per, bool turn, const rt_augment_plan *plan,
                         const rt_augment_noise_key *key)
{
    const rt_augment_setting *s = &plan->setting[RT_AUGMENT_NOISE];
    uint64_t stream = key->stream + 0x9E3779B97F4A7C15u * (uint64_t)key->part;   /* parts are streams of their own */
    rt_rng step_rng = rt_rng_make(key->seed, stream, key->number, RT_DRAW_COORDINATE_NOISE);
    rt_rng turn_rng = rt_rng_make(key->seed, stream, key->number, RT_DRAW_COORDINATE_TURN);
    double sigma = s->value[SIGMA] + (s->upper[SIGMA] - s->value[SIGMA]) * rt_rng_uniform(&turn_rng, 32);
    double keep = s->value[CORRELATION] > 0 ? exp(-1 / s->value[CORRELATION]) : 0, fresh = sqrt(1 - keep * keep);
    double step[3] = {0};
    int64_t moved = 0;
    for (int64_t i = 0; i < n; i++) {
        bool any = false;
        for (int d = 0; d < 3; d++) {
            double drawn = sigma * rt_rng_normal(&step_rng, (uint64_t)(3 * i + d));
            step[d] = i ? keep * step[d] + fresh * drawn : drawn;   /* every residue's step has the same spread */
        }
        for (int64_t k = i * per; k < (i + 1) * per; k++) {
            if (!is_there(xyz + 3 * k)) continue;
            for (int d = 0; d < 3; d++) xyz[3 * k + d] += (float)step[d];
            any = true;
        }
        moved += any;
    }
    if (turn) turn_whole(xyz, n * per, &turn_rng);
    return moved;
}

static double bond(const float *xyz, int64_t i)
{
    const float *o3 = xyz + (i * RT_SLOT_COUNT + RT_SLOT_O3P) * 3, *p = xyz + ((i + 1) * RT_SLOT_COUNT + RT_SLOT_P) * 3;
    double sum = 0;
    for (int d = 0; d < 3; d++) sum += (double)(o3[d] - p[d]) * (double)(o3[d] - p[d]);
    return sqrt(sum);
}

int64_t rt_augment_broken_bonds(const float *before, const float *after, int64_t length, int64_t n_slot)
{
    int64_t n = 0;
    for (int64_t i = 0; n_slot == RT_SLOT_COUNT && i + 1 < length; i++) {
        double was = bond(before, i), is = bond(after, i);
        n += was >= 1.2 && was <= 2.0 && !(is >= 1.2 && is <= 2.0);
    }
    return n;
}
