#include "score/bootstrap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/rng.h"
#include "score/distribution.h"

/* Sums per family. */
typedef struct {
    double *sum, *size;
    int64_t n_family;
} families;

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void rt_bootstrap_sort(double *value, int64_t count) { qsort(value, (size_t)count, sizeof *value, ascending); }

double rt_bootstrap_quantile(const double *sorted, int64_t count, double p)
{
    double at = (double)(count + 1) * p - 1;
    if (!(at > 0)) return sorted[0];
    if (at >= (double)(count - 1)) return sorted[count - 1];
    int64_t below = (int64_t)at;
    double share = at - (double)below, x = sorted[below], y = sorted[below + 1];
    return share == 0 || x == y ? x : x + share * (y - x);   /* two infinities stay infinite */
}

/* Two families come from one number of the generator: its halves, each below n_family by multiplication.  The bias of
 * a half, n_family / 2^32, is far below what any number of resamples could show. */
void rt_bootstrap_draw(int32_t *out_count, int64_t n_family, const rt_bootstrap_options *options, int64_t resample)
{
    rt_rng rng = rt_rng_make(options->seed, options->stream, (uint64_t)resample, RT_DRAW_BOOTSTRAP);
    memset(out_count, 0, (size_t)n_family * sizeof *out_count);
    for (int64_t i = 0; i < n_family; i += 2) {
        uint64_t bits = rt_rng_bits(&rng, (uint64_t)(i / 2));
        out_count[((bits & 0xffffffffu) * (uint64_t)n_family) >> 32]++;
        if (i + 1 < n_family) out_count[((bits >> 32) * (uint64_t)n_family) >> 32]++;
    }
}

/* The mean of the families counted, and its jackknife standard error over the G families of the (re)sample. */
static double mean_and_se(const families *f, const int32_t *count, double *opt_se)
{
    double sum = 0, size = 0, square = 0, g = (double)f->n_family;
    for (int64_t i = 0; i < f->n_family; i++) {
        sum += count[i] * f->sum[i];
        size += count[i] * f->size[i];
    }
    double mean = sum / size;
    if (!opt_se) return mean;
    for (int64_t i = 0; i < f->n_family; i++) {
        double e = (f->sum[i] - mean * f->size[i]) / (size - f->size[i]);
        square += count[i] ? count[i] * e * e : 0;   /* a family that is the whole sample by itself is not there */
    }
    *opt_se = sqrt((g - 1) / g * square);
    return mean;
}

/* BCa's bias correction from the share of resamples below the mean, and its acceleration from the jackknife. */
static void find_corrections(rt_bootstrap *b, const families *f)
{
    double below = 0, square = 0, cube = 0, total = 0, jack_mean = 0;
    for (int64_t i = 0; i < b->n_resample; i++) below += b->draw[i] < b->mean ? 1 : b->draw[i] == b->mean ? 0.5 : 0;
    b->bias = rt_normal_quantile(below / (double)b->n_resample);
    for (int64_t i = 0; i < f->n_family; i++) total += f->sum[i];
    for (int pass = 0; pass < 2; pass++) {
        for (int64_t i = 0; i < f->n_family; i++) {
            double without = (total - f->sum[i]) / ((double)b->n - f->size[i]), d = jack_mean - without;
            if (pass == 0) jack_mean += without / (double)f->n_family;
            else square += d * d, cube += d * d * d;
        }
    }
    b->acceleration = square > 0 ? cube / (6 * pow(square, 1.5)) : 0;
}

static rt_status resample(rt_bootstrap *b, const families *f, const rt_bootstrap_options *options, int32_t *count,
                          rt_err *err)
{
    b->draw = rt_alloc(b->n_resample, sizeof *b->draw, err);
    if (!b->draw) return RT_ERR_MEMORY;
    double scale = 0;
    for (int64_t i = 0; i < f->n_family; i++) scale = fmax(scale, fabs(f->sum[i] / f->size[i]));
    for (int64_t i = 0; i < b->n_resample; i++) {
        double se, mean, shift;
        rt_bootstrap_draw(count, f->n_family, options, i);
        if (b->method == RT_BOOTSTRAP_BCA) {
            b->draw[i] = mean_and_se(f, count, NULL);
            continue;
        }
        mean = mean_and_se(f, count, &se);
        shift = mean - b->mean;
        if (fabs(shift) <= 1e-12 * scale) b->draw[i] = 0;
        else b->draw[i] = se > 1e-12 * scale ? fabs(shift) / se : INFINITY;
    }
    rt_bootstrap_sort(b->draw, b->n_resample);
    if (b->method == RT_BOOTSTRAP_BCA) find_corrections(b, f);
    return RT_OK;
}

rt_status rt_bootstrap_run(rt_bootstrap *out_bootstrap, const double *value, const int64_t *family, int64_t n,
                           int64_t n_family, const rt_bootstrap_options *options, rt_err *err)
{
    rt_status status = RT_OK;
    rt_bootstrap *b = out_bootstrap;
    families f = {.n_family = n_family};
    int32_t *count = NULL;
    *b = (rt_bootstrap){.method = options->method, .n = n, .n_family = n_family, .n_resample = options->n_resample,
                        .se = NAN};
    RT_REQUIRE(n >= 1 && n_family >= 1 && n_family <= n && options->n_resample >= 1);
    RT_TRY_ALLOC(f.sum, n_family);
    RT_TRY_ALLOC(f.size, n_family);
    RT_TRY_ALLOC(count, n_family);
    for (int64_t i = 0; i < n; i++) {
        RT_REQUIRE(family[i] >= 0 && family[i] < n_family);
        f.sum[family[i]] += value[i];
        f.size[family[i]]++;
    }
    for (int64_t i = 0; i < n_family; i++) count[i] = 1;
    b->mean = mean_and_se(&f, count, n_family > 1 ? &b->se : NULL);
    if (n_family > 1) RT_TRY(resample(b, &f, options, count, err));
done:
    free(f.sum);
    free(f.size);
    free(count);
    if (status != RT_OK) rt_bootstrap_free_members(b);
    return status;
}

void rt_bootstrap_free_members(rt_bootstrap *bootstrap)
{
    free(bootstrap->draw);
    bootstrap->draw = NULL;
}

/* Where BCa reads the ordinary quantile p. */
static double corrected(const rt_bootstrap *b, double p)
{
    double z = b->bias + rt_normal_quantile(p);
    return rt_normal_cdf(b->bias + z / (1 - b->acceleration * z));
}

void rt_bootstrap_interval(const rt_bootstrap *bootstrap, double level, double *out_low, double *out_high)
{
    const rt_bootstrap *b = bootstrap;
    double tail = 0.5 * (1 - level);
    *out_low = -INFINITY, *out_high = INFINITY;
    if (!b->draw) return;
    if (b->method == RT_BOOTSTRAP_BCA) {
        if (b->draw[0] == b->draw[b->n_resample - 1]) {   /* nothing varies */
            *out_low = *out_high = b->mean;
            return;
        }
        *out_low = rt_bootstrap_quantile(b->draw, b->n_resample, corrected(b, tail));
        *out_high = rt_bootstrap_quantile(b->draw, b->n_resample, corrected(b, 1 - tail));
        return;
    }
    double half = b->se == 0 ? 0 : b->se * rt_bootstrap_quantile(b->draw, b->n_resample, level);
    *out_low = b->mean - half;
    *out_high = b->mean + half;
}

double rt_bootstrap_p(const rt_bootstrap *bootstrap)
{
    const rt_bootstrap *b = bootstrap;
    if (!b->draw || b->method != RT_BOOTSTRAP_STUDENTISED) return NAN;
    if (b->mean == 0) return 1;
    int64_t beyond = 0;
    double t = fabs(b->mean) / b->se;
    while (beyond < b->n_resample && b->draw[b->n_resample - 1 - beyond] >= t) beyond++;
    return (1 + (double)beyond) / (1 + (double)b->n_resample);
}
