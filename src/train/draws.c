#include "train/draws.h"

#include <math.h>

static rt_rng make(const rt_draw_key *key, rt_draw purpose)
{
    return rt_rng_make(key->seed, key->stream, key->number, purpose);
}

int64_t rt_draws_crop_start(const rt_draw_key *key, int64_t length, int64_t crop, int64_t attempt)
{
    if (crop <= 0 || length <= crop) return 0;
    rt_rng rng = make(key, RT_DRAW_CROP);
    return rt_rng_below(&rng, (uint64_t)attempt, length - crop + 1);
}

bool rt_draws_templates(const rt_draw_key *key, int64_t n_template, double dropout,
                        int64_t out_index[RT_TRAIN_TEMPLATES])
{
    rt_rng rng = make(key, RT_DRAW_TEMPLATES);
    if (n_template < 1 || rt_rng_uniform(&rng, 0) < dropout) return false;
    for (int i = 0; i < RT_TRAIN_TEMPLATES; i++) out_index[i] = rt_rng_below(&rng, (uint64_t)i + 1, n_template);
    return true;
}

int64_t rt_draws_conformation(const rt_draw_key *key, int64_t n)
{
    rt_rng rng = make(key, RT_DRAW_CONFORMATION);
    return rt_rng_below(&rng, 0, n);
}

int64_t rt_draws_cycles(const rt_draw_key *key, int64_t most)
{
    rt_rng rng = make(key, RT_DRAW_CYCLES);
    return 1 + rt_rng_below(&rng, 0, most);
}

uint64_t rt_draws_seed(const rt_draw_key *key)
{
    rt_rng rng = make(key, RT_DRAW_SEED);
    return rt_rng_bits(&rng, 0);
}

double rt_draws_sigma(const rt_draw_key *key, int64_t copy)
{
    rt_rng rng = make(key, RT_DRAW_SIGMA);
    return 16 * exp(-1.2 + 1.5 * rt_rng_normal(&rng, (uint64_t)copy));
}

void rt_draws_epoch_order(uint64_t seed, int64_t epoch, int64_t n, int64_t *out_index)
{
    rt_rng rng = rt_rng_make(seed, 0, (uint64_t)epoch, RT_DRAW_EPOCH_ORDER);
    rt_rng_permutation(&rng, n, out_index);
}

/* ---- noised copies ----------------------------------------------------------------------------------------------- */
typedef struct {
    const rt_draw_key *key;
    const rt_label *label;
    rt_tensor sigma, noisy, truth;
    double centre[3];
} job;

static void put(rt_tensor t, int64_t at, double value)
{
    if (t.dtype == RT_F64) ((double *)t.data)[at] = value;
    else ((float *)t.data)[at] = (float)value;
}

static void copy_once(void *argument, int64_t copy, int worker)
{
    const job *j = argument;
    const int64_t n_atom = j->label->n_atom;
    const float *y = j->label->coordinate.data;
    const uint8_t *mask = j->label->coordinate_mask.data;
    rt_rng turn = make(j->key, RT_DRAW_TRAIN_ROTATION), move = make(j->key, RT_DRAW_TRAIN_TRANSLATION);
    rt_rng noise = make(j->key, RT_DRAW_TRAIN_NOISE);
    double r[9], t[3], sigma = rt_draws_sigma(j->key, copy);
    (void)worker;
    rt_rng_rotation(&turn, (uint64_t)copy, r);
    for (int d = 0; d < 3; d++) t[d] = rt_rng_normal(&move, (uint64_t)(3 * copy + d));
    put(j->sigma, copy, sigma);
    for (int64_t a = 0; a < n_atom; a++) {
        float drawn[3];
        rt_rng_normals(&noise, (uint64_t)(3 * (copy * n_atom + a)), 3, drawn);
        for (int d = 0; d < 3; d++) {
            double x = 0;
            for (int e = 0; e < 3 && mask[a]; e++) x += r[3 * d + e] * (y[3 * a + e] - j->centre[e]);
            if (mask[a]) x += t[d];
            int64_t at = 3 * (copy * n_atom + a) + d;
            if (j->truth.data) put(j->truth, at, x);
            put(j->noisy, at, x + sigma * drawn[d]);
        }
    }
}

void rt_draws_noisy_copies(const rt_draw_key *key, rt_pool *pool, rt_tensor out_sigma, rt_tensor out_noisy,
                           rt_tensor opt_truth, const rt_label *label)
{
    job j = {.key = key, .label = label, .sigma = out_sigma, .noisy = out_noisy, .truth = opt_truth};
    const float *y = label->coordinate.data;
    const uint8_t *mask = label->coordinate_mask.data;
    RT_SHAPE(out_noisy, out_sigma.dim[0], label->n_atom, 3);
    for (int64_t a = 0; a < label->n_atom; a++)
        for (int d = 0; d < 3 && mask[a]; d++) j.centre[d] += (double)y[3 * a + d] / (double)label->n_resolved;
    rt_pool_run(pool, out_sigma.dim[0], copy_once, &j);
}
