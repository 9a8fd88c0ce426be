#include "score/kmedoids.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/memory.h"

/* The sum over samples of the similarity to the nearest medoid. */
static double total(const double *similarity, int64_t n, const int64_t *medoid, int64_t k)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        double best = -INFINITY;
        for (int64_t m = 0; m < k; m++) best = fmax(best, similarity[i * n + medoid[m]]);
        sum += best;
    }
    return sum;
}

static bool contains(const int64_t *medoid, int64_t k, int64_t sample)
{
    for (int64_t m = 0; m < k; m++)
        if (medoid[m] == sample) return true;
    return false;
}

/* The best sample for place `at` with the other places as they are; false when none is better than `*best`. */
static bool improve(int64_t *medoid, int64_t k, int64_t at, const double *similarity, int64_t n, double *best)
{
    int64_t was = medoid[at], found = -1;
    for (int64_t i = 0; i < n; i++) {
        medoid[at] = was;
        if (contains(medoid, k, i)) continue;
        medoid[at] = i;
        double value = total(similarity, n, medoid, k);
        if (value > *best + 1e-12 * fabs(*best)) *best = value, found = i;
    }
    medoid[at] = found >= 0 ? found : was;
    return found >= 0;
}

rt_status rt_kmedoids_find(int64_t *out_medoid, const double *similarity, int64_t n, int64_t k, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t *size;
    double best = 0;
    RT_REQUIRE(k >= 1 && k <= n);
    RT_TRY_ALLOC(size, k);
    for (int64_t m = 0; m < k; m++) {
        best = -INFINITY;
        out_medoid[m] = -1;
        for (int64_t i = 0, chosen = -1; i < n; i++) {
            if (contains(out_medoid, m, i)) continue;
            out_medoid[m] = i;
            double value = total(similarity, n, out_medoid, m + 1);
            if (chosen < 0 || value > best) best = value, chosen = i;
            out_medoid[m] = chosen;
        }
    }
    for (bool better = true; better;) {
        better = false;
        for (int64_t m = 0; m < k; m++) better |= improve(out_medoid, k, m, similarity, n, &best);
    }
    for (int64_t i = 0; i < n; i++) {
        int64_t nearest = 0;
        for (int64_t m = 1; m < k; m++)
            if (similarity[i * n + out_medoid[m]] > similarity[i * n + out_medoid[nearest]]) nearest = m;
        size[nearest]++;
    }
    for (int64_t m = 1; m < k; m++) {
        int64_t medoid = out_medoid[m], its = size[m], at = m;
        for (; at > 0 && (size[at - 1] < its || (size[at - 1] == its && out_medoid[at - 1] > medoid)); at--)
            out_medoid[at] = out_medoid[at - 1], size[at] = size[at - 1];
        out_medoid[at] = medoid, size[at] = its;
    }
done:
    free(size);
    return status;
}
