#include "score/tm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "score/tm_align.h"

double rt_tm_d0(int64_t length)
{
    static const struct { int64_t below; double d0; } SHORT[] = {{12, 0.3}, {16, 0.4}, {20, 0.5}, {24, 0.6}, {30, 0.7}};
    for (int i = 0; i < 5; i++)
        if (length < SHORT[i].below) return SHORT[i].d0;
    return 0.6 * sqrt((double)length - 0.5) - 2.5;
}

rt_status rt_tm_create(rt_tm **ret_tm, rt_err *err)
{
    *ret_tm = rt_alloc(1, sizeof **ret_tm, err);
    return *ret_tm ? RT_OK : RT_ERR_MEMORY;
}

void rt_tm_free(rt_tm *tm)
{
    if (!tm) return;
    rt_tm_pairs_free_members(&tm->pairs);
    rt_tm_dp_free_members(&tm->dp);
    free(tm->memory);
    free(tm->maps);
    free(tm);
}

/* The search that gives the score itself: d0 of the native, all pairs count, fragments begin everywhere. */
double rt_tm_final(rt_tm *tm, rt_tm_result *out, double opt_within[4], int64_t length)
{
    rt_rigid rigid;
    double d0 = rt_tm_d0(length);
    rt_tm_limits limits = {.d0 = d0, .d_search = d0 > 8 ? 8 : d0 < 4.5 ? 4.5 : d0, .step = 1};
    double sum = rt_tm_pairs_search(&tm->pairs, &out->rigid, &limits, opt_within);
    out->score = sum / (double)length;
    out->n_aligned = tm->pairs.n;
    rt_tm_pairs_superpose(&tm->pairs, &rigid, 0, tm->pairs.n);
    out->rmsd = rt_tm_pairs_rmsd(&tm->pairs, &rigid);
    return out->score;
}

rt_status rt_tm_paired(rt_tm *tm, rt_tm_result *out, double *opt_gdt_ts, const double *x, const double *y,
                       int64_t n_pair, int64_t length, rt_err *err)
{
    double within[4] = {0};
    *out = (rt_tm_result){.rigid.u = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
    if (opt_gdt_ts) *opt_gdt_ts = 0;
    rt_status status = rt_tm_pairs_reserve(&tm->pairs, n_pair, err);
    if (status != RT_OK || n_pair < 3) return status;
    tm->pairs.n = n_pair;
    for (int64_t p = 0; p < n_pair; p++)
        for (int k = 0; k < 3; k++) {
            tm->pairs.x.axis[k][p] = x[3 * p + k];
            tm->pairs.y.axis[k][p] = y[3 * p + k];
        }
    rt_tm_final(tm, out, opt_gdt_ts ? within : NULL, length);
    if (opt_gdt_ts) *opt_gdt_ts = (within[0] + within[1] + within[2] + within[3]) / (4 * (double)length);
    return RT_OK;
}

double rt_tm_of(const rt_rigid *rigid, const double *model, const double *native, const int32_t *map, int64_t n_native)
{
    double sum = 0, d0 = rt_tm_d0(n_native), moved[3];
    for (int64_t j = 0; j < n_native; j++) {
        if (map[j] < 0) continue;
        double d = 0;
        rt_superpose_apply(moved, rigid, model + 3 * map[j]);
        for (int k = 0; k < 3; k++) d += (moved[k] - native[3 * j + k]) * (moved[k] - native[3 * j + k]);
        sum += 1 / (1 + d / (d0 * d0));
    }
    return n_native ? sum / (double)n_native : 0;
}
