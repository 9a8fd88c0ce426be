#include "score/power.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "score/distribution.h"

rt_status rt_power_find(rt_power *out_power, const double *value, const int64_t *family, int64_t n, int64_t n_family,
                        rt_err *err)
{
    rt_status status = RT_OK;
    rt_power p = {.n = n, .n_family = n_family, .var_family = NAN, .var_target = NAN, .per_family = NAN,
                  .effective = NAN};
    double *sum = NULL, *size = NULL, mean = 0, between = 0, within = 0, squares = 0;
    double g = (double)n_family, count = (double)n;
    RT_TRY_ALLOC(sum, n_family);
    RT_TRY_ALLOC(size, n_family);
    for (int64_t i = 0; i < n; i++) {
        sum[family[i]] += value[i];
        size[family[i]]++;
        mean += value[i] / count;
    }
    if (n_family < 2) goto finish;
    for (int64_t i = 0; i < n_family; i++) {
        double shift = sum[i] / size[i] - mean;
        between += size[i] * shift * shift / (g - 1);
        squares += size[i] * size[i];
    }
    for (int64_t i = 0; i < n; i++) {
        double own = value[i] - sum[family[i]] / size[family[i]];
        if (n > n_family) within += own * own / (count - g);
    }
    double n0 = (count - squares / count) / (g - 1), m1 = count / g;
    p.var_target = within;
    p.var_family = fmax(0, (between - within) / n0);
    p.per_family = p.var_family * (squares / g) / (m1 * m1) + p.var_target / m1;
    double v = 0, v_square = 0;
    for (int64_t i = 0; i < n_family; i++) {
        double own = size[i] * size[i] * p.var_family + size[i] * p.var_target;
        v += own, v_square += own * own;
    }
    p.effective = v > 0 ? v * v / (g * v_square) : 1;
finish:
    *out_power = p;
done:
    free(sum);
    free(size);
    return status;
}

double rt_power_effect(const rt_power *components, int64_t n_family, double alpha, double power)
{
    if (n_family < 2) return NAN;
    double df = fmax(1, components->effective * (double)n_family - 1);
    return (rt_t_quantile(1 - 0.5 * alpha, df) + rt_t_quantile(power, df)) *
           sqrt(components->per_family / (double)n_family);
}

int64_t rt_power_families(const rt_power *components, double effect, double alpha, double power)
{
    int64_t low = 1, high = RT_POWER_MANY;   /* low is too few, high is enough: the effect falls with the number */
    if (!(rt_power_effect(components, high, alpha, power) <= effect)) return RT_POWER_MANY;
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (rt_power_effect(components, middle, alpha, power) <= effect) high = middle;
        else low = middle;
    }
    return high;
}
