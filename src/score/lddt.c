#include "score/lddt.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "score/sweep.h"

static double distance(const double *a, const double *b)
{
    double x = a[0] - b[0], y = a[1] - b[1], z = a[2] - b[2];
    return sqrt(x * x + y * y + z * z);
}

static double kept(double difference)
{
    return 0.25 * ((difference < 0.5) + (difference < 1) + (difference < 2) + (difference < 4));
}

rt_status rt_lddt_atoms(double *out_sum, double *out_count, const rt_lddt_input *input, rt_err *err)
{
    int64_t *order = NULL;
    rt_status status = rt_sweep_order(&order, input->native, input->n, err);
    memset(out_sum, 0, (size_t)input->n * sizeof *out_sum);
    memset(out_count, 0, (size_t)input->n * sizeof *out_count);
    for (int64_t p = 0; p < input->n && status == RT_OK; p++) {
        int64_t i = order[p];
        bool partner_i = !input->opt_partner || input->opt_partner[i];
        for (int64_t q = p + 1; q < input->n; q++) {
            int64_t j = order[q];
            if (input->native[3 * j] - input->native[3 * i] >= input->radius) break;
            bool partner_j = !input->opt_partner || input->opt_partner[j];
            if (!partner_i && !partner_j) continue;
            if (input->opt_residue && input->opt_residue[i] == input->opt_residue[j]) continue;
            double there = distance(input->native + 3 * i, input->native + 3 * j), score = 0;
            if (there >= input->radius) continue;
            if (!input->opt_present || (input->opt_present[i] && input->opt_present[j]))
                score = kept(fabs(distance(input->model + 3 * i, input->model + 3 * j) - there));
            if (partner_j) {
                out_sum[i] += score;
                out_count[i] += 1;
            }
            if (partner_i) {
                out_sum[j] += score;
                out_count[j] += 1;
            }
        }
    }
    free(order);
    return status;
}

rt_status rt_lddt(double *out_lddt, const rt_lddt_input *input, rt_err *err)
{
    rt_status status = RT_OK;
    double *sum = NULL, *count = NULL, kept_all = 0, all = 0;
    *out_lddt = NAN;
    RT_TRY_ALLOC(sum, input->n);
    RT_TRY_ALLOC(count, input->n);
    RT_TRY(rt_lddt_atoms(sum, count, input, err));
    for (int64_t i = 0; i < input->n; i++) {
        kept_all += sum[i];
        all += count[i];
    }
    if (all > 0) *out_lddt = kept_all / all;
done:
    free(sum);
    free(count);
    return status;
}
