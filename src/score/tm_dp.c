#include "score/tm_dp.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "score/simd.h"

rt_status rt_tm_dp_reserve(rt_tm_dp *dp, int64_t n_model, int64_t n_native, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t cells;
    if (!rt_multiply(n_model + 1, n_native + 1, &cells))
        return rt_fail(err, RT_ERR_MEMORY, NULL, 0, "two chains of %lld and %lld residues are too long to align",
                       (long long)n_model, (long long)n_native);
    dp->n_model = n_model;
    dp->n_native = n_native;
    cells += 3 * (n_native + 8);
    if (cells > dp->capacity) {
        free(dp->left);
        free(dp->paired);
        dp->left = NULL;
        dp->paired = NULL;
        dp->capacity = 0;
        RT_TRY_ALLOC(dp->left, cells);
        RT_TRY_ALLOC(dp->paired, cells);
        dp->capacity = cells;
    }
    dp->value[0] = dp->left + (n_model + 1) * (n_native + 1);
    dp->value[1] = dp->value[0] + n_native + 8;
    dp->worth = dp->value[1] + n_native + 8;
done:
    return status;
}

void rt_tm_dp_free_members(rt_tm_dp *dp)
{
    free(dp->left);
    free(dp->paired);
    *dp = (rt_tm_dp){0};
}

/* worth[j] of the model's residue i against every native residue. */
RT_SCORE_CLONES
static void fill_row(const rt_tm_dp *dp, const rt_tm_worth *w, int64_t i)
{
    double *restrict worth = dp->worth;
    int64_t n = dp->n_native;
    if (w->opt_rigid) {
        const double *restrict y0 = dp->native.axis[0], *restrict y1 = dp->native.axis[1];
        const double *restrict y2 = dp->native.axis[2];
        double x[3] = {dp->model.axis[0][i], dp->model.axis[1][i], dp->model.axis[2][i]}, moved[3], scale = w->d * w->d;
        rt_superpose_apply(moved, w->opt_rigid, x);
        double m0 = moved[0], m1 = moved[1], m2 = moved[2];
        #pragma omp simd
        for (int64_t j = 0; j < n; j++) {
            double a = m0 - y0[j], b = m1 - y1[j], c = m2 - y2[j];
            worth[j] = scale / (scale + (a * a + b * b + c * c));
        }
    } else {
        for (int64_t j = 0; j < n; j++) worth[j] = 0;
    }
    if (w->same != 0)
        for (int64_t j = 0; j < n; j++) worth[j] += dp->model_pairs[i] == dp->native_pairs[j] ? w->same : 0;
}

/* Of three ways into a cell the diagonal wins ties, then the one that skips a native residue. */
void rt_tm_dp_align(rt_tm_dp *dp, int32_t *out_map, const rt_tm_worth *worth, double gap)
{
    int64_t width = dp->n_native + 1, m = dp->n_native;
    double *above = dp->value[0], *here = dp->value[1];
    for (int64_t j = 0; j <= m; j++) above[j] = dp->left[j] = 0;
    here[0] = 0;
    for (int64_t i = 1; i <= dp->n_model; i++) {
        double *restrict left = dp->left + i * width;
        const double *restrict up = left - width;
        uint8_t *restrict paired = dp->paired + i * width;
        fill_row(dp, worth, i - 1);
        double beside = 0;
        left[0] = 0;
        for (int64_t j = 1; j <= m; j++) {
            double diagonal = above[j - 1] + dp->worth[j - 1];
            double around = up[j] > beside ? up[j] : beside;
            bool pair = diagonal >= around;
            here[j] = pair ? diagonal : around;
            beside = pair ? diagonal + gap : around;
            left[j] = beside;
            paired[j] = pair;
        }
        double *swap = above;
        above = here;
        here = swap;
        here[0] = 0;
    }
    for (int64_t j = 0; j < m; j++) out_map[j] = -1;
    for (int64_t i = dp->n_model, j = m; i > 0 && j > 0;) {
        if (dp->paired[i * width + j]) out_map[--j] = (int32_t)--i;
        else if (dp->left[i * width + j - 1] >= dp->left[(i - 1) * width + j]) j--;
        else i--;
    }
}
