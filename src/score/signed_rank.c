#include "score/signed_rank.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "score/distribution.h"

typedef struct {
    double value;
    int64_t index;
} item;

static int by_value(const void *a, const void *b)
{
    const item *x = a, *y = b;
    if (x->value != y->value) return x->value < y->value ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

rt_status rt_signed_rank_midranks(double *out_rank, const double *value, int64_t n, rt_err *err)
{
    rt_status status = RT_OK;
    item *sorted;
    RT_TRY_ALLOC(sorted, n);
    for (int64_t i = 0; i < n; i++) sorted[i] = (item){value[i], i};
    qsort(sorted, (size_t)n, sizeof *sorted, by_value);
    for (int64_t from = 0, to; from < n; from = to) {
        for (to = from + 1; to < n && sorted[to].value == sorted[from].value; to++) continue;
        for (int64_t i = from; i < to; i++) out_rank[sorted[i].index] = 0.5 * (double)(from + 1 + to);
    }
done:
    free(sorted);
    return status;
}

/* P(W+ <= w) and P(W+ >= w), w doubled, by adding one doubled mid-rank after another. */
static rt_status exact_tails(double *out_lower, double *out_upper, const double *rank, int64_t n, int64_t w,
                             rt_err *err)
{
    rt_status status = RT_OK;
    int64_t top = n * (n + 1), reached = 0;
    double *p;
    RT_TRY_ALLOC(p, top + 1);
    p[0] = 1;
    for (int64_t i = 0; i < n; i++) {
        int64_t step = (int64_t)(2 * rank[i] + 0.5);
        for (int64_t s = reached + step; s >= step; s--) p[s] = 0.5 * ((s <= reached ? p[s] : 0) + p[s - step]);
        for (int64_t s = step - 1 < reached ? step - 1 : reached; s >= 0; s--) p[s] *= 0.5;
        reached += step;
    }
    *out_lower = *out_upper = 0;
    for (int64_t s = 0; s <= w; s++) *out_lower += p[s];
    for (int64_t s = top; s >= w; s--) *out_upper += p[s];
done:
    free(p);
    return status;
}

/* Two-sided p of the normal approximation. */
static double approximate_p(const double *rank, int64_t n, double w_plus)
{
    double size = (double)n, variance = size * (size + 1) * (2 * size + 1) / 24, mean = size * (size + 1) / 4, ties = 0;
    /* a value in a tie of t adds (t^2 - 1), so a tie adds t^3 - t; its t follows from counting equal ranks */
    for (int64_t i = 0; i < n; i++) {
        double t = 0;
        for (int64_t j = 0; j < n; j++) t += rank[j] == rank[i];
        ties += t * t - 1;
    }
    variance -= ties / 48;
    return fmin(1, 2 * rt_normal_cdf(-fabs(w_plus - mean) / sqrt(variance)));
}

rt_status rt_signed_rank_run(rt_signed_rank *out_test, const double *difference, int64_t n, rt_err *err)
{
    rt_status status = RT_OK;
    rt_signed_rank t = {.wilcoxon_p = 1, .sign_p = 1, .wilcoxon_exact = true};
    double *size = NULL, *rank = NULL, lower, upper;
    bool *plus = NULL;
    RT_TRY_ALLOC(size, n);
    RT_TRY_ALLOC(rank, n);
    RT_TRY_ALLOC(plus, n);
    for (int64_t i = 0; i < n; i++) {
        RT_REQUIRE(!isnan(difference[i]));
        if (difference[i] == 0) continue;
        plus[t.n] = difference[i] > 0;
        t.n_plus += plus[t.n];
        size[t.n++] = fabs(difference[i]);
    }
    t.n_minus = t.n - t.n_plus;
    t.n_zero = n - t.n;
    if (t.n > 0) {
        RT_TRY(rt_signed_rank_midranks(rank, size, t.n, err));
        for (int64_t i = 0; i < t.n; i++) *(plus[i] ? &t.w_plus : &t.w_minus) += rank[i];
        t.wilcoxon_exact = t.n <= RT_SIGNED_RANK_EXACT_MAX;
        if (t.wilcoxon_exact) {
            RT_TRY(exact_tails(&lower, &upper, rank, t.n, (int64_t)(2 * t.w_plus + 0.5), err));
            t.wilcoxon_p = fmin(1, 2 * fmin(lower, upper));
        } else {
            t.wilcoxon_p = approximate_p(rank, t.n, t.w_plus);
        }
        t.sign_p = fmin(1, 2 * rt_coin_cdf(t.n_plus < t.n_minus ? t.n_plus : t.n_minus, t.n));
    }
    *out_test = t;
done:
    free(size);
    free(rank);
    free(plus);
    return status;
}
