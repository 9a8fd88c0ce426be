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

/* C(n, k) up to a little above RT_KMEDOIDS_ALL. */
static int64_t count_choices(int64_t n, int64_t k)
{
    int64_t count = 1;
    if (k > n - k) k = n - k;
    for (int64_t i = 1; i <= k && count <= RT_KMEDOIDS_ALL; i++) count = count * (n - k + i) / i;
    return count;
}

/* The best of all choices, the first of equal ones in the order of their numbers. */
static void try_all(int64_t *out_medoid, int64_t *choice, const double *similarity, int64_t n, int64_t k)
{
    double best = -INFINITY;
    for (int64_t m = 0; m < k; m++) choice[m] = m;
    for (;;) {
        double value = total(similarity, n, choice, k);
        if (value > best + 1e-12 * fabs(best) || isinf(best)) {   /* two that stand for each other are a tie */
            best = value;
            for (int64_t m = 0; m < k; m++) out_medoid[m] = choice[m];
        }
        int64_t last = k - 1;
        while (last >= 0 && choice[last] == n - k + last) last--;
        if (last < 0) return;
        for (choice[last]++, last++; last < k; last++) choice[last] = choice[last - 1] + 1;
    }
}

/* Partitioning around medoids. */
static void partition(int64_t *medoid, const double *similarity, int64_t n, int64_t k)
{
    double best = 0;
    for (int64_t m = 0; m < k; m++) {
        best = -INFINITY;
        medoid[m] = -1;
        for (int64_t i = 0, chosen = -1; i < n; i++) {
            if (contains(medoid, m, i)) continue;
            medoid[m] = i;
            double value = total(similarity, n, medoid, m + 1);
            if (chosen < 0 || value > best) best = value, chosen = i;
            medoid[m] = chosen;
        }
    }
    for (bool better = true; better;) {
        better = false;
        for (int64_t m = 0; m < k; m++) better |= improve(medoid, k, m, similarity, n, &best);
    }
}

rt_status rt_kmedoids_find(int64_t *out_medoid, const double *similarity, int64_t n, int64_t k, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t *size = NULL, *choice = NULL;
    RT_REQUIRE(k >= 1 && k <= n);
    RT_TRY_ALLOC(size, k);
    RT_TRY_ALLOC(choice, k);
    if (count_choices(n, k) <= RT_KMEDOIDS_ALL) try_all(out_medoid, choice, similarity, n, k);
    else partition(out_medoid, similarity, n, k);
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
    free(choice);
    return status;
}
