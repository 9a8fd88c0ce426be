#include "prep/pairs.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"

rt_status rt_pairs_add(rt_pairs *pairs, int64_t i, int64_t j, double p, rt_err *err)
{
    void *items = pairs->pair;
    rt_status status = rt_grow(&items, &pairs->capacity, pairs->n + 1, sizeof *pairs->pair, err);
    pairs->pair = items;
    if (status == RT_OK) pairs->pair[pairs->n++] = (rt_pair){.i = (int32_t)i, .j = (int32_t)j, .p = p};
    return status;
}

static int by_residue(const void *a, const void *b)
{
    const rt_pair *p = a, *q = b;
    return p->i != q->i ? (p->i > q->i) - (p->i < q->i) : (p->j > q->j) - (p->j < q->j);
}

void rt_pairs_sort(rt_pairs *pairs)
{
    if (pairs->n) qsort(pairs->pair, (size_t)pairs->n, sizeof *pairs->pair, by_residue);
}

void rt_pairs_free_members(rt_pairs *pairs)
{
    free(pairs->pair);
    free(pairs->best);
    *pairs = (rt_pairs){0};
}

static int by_probability(const void *a, const void *b)
{
    const rt_pair *p = a, *q = b;
    return p->p != q->p ? (p->p < q->p) - (p->p > q->p) : by_residue(a, b);
}

void rt_pairs_threshold(int32_t *out_partner, const rt_pairs *pairs, double min_prob)
{
    for (int64_t k = 0; k < pairs->length; k++) out_partner[k] = -1;
    rt_pairs sorted = *pairs;
    if (sorted.n) qsort(sorted.pair, (size_t)sorted.n, sizeof *sorted.pair, by_probability);
    for (int64_t k = 0; k < sorted.n && sorted.pair[k].p >= min_prob; k++) {
        const rt_pair *at = &sorted.pair[k];
        if (out_partner[at->i] >= 0 || out_partner[at->j] >= 0) continue;
        out_partner[at->i] = at->j;
        out_partner[at->j] = at->i;
    }
    rt_pairs_sort(&sorted);
}

/* Pairs that end at a residue, the sums over a part and each residue's share of being unpaired. */
typedef struct {
    int64_t n;
    double gamma, *best;         /* best[i * n + j]: the sum over i..j */
    double *unpaired;
    int64_t *first;              /* (n + 1) where in `ending` the pairs that end at j begin */
    rt_pair *ending;
} accuracy;

static double part_of(const accuracy *a, int64_t i, int64_t j) { return i > j ? 0 : a->best[i * a->n + j]; }

/* The best sum over i..j given all shorter ones, and which pair ends at j (NULL: none). */
static double best_part(const accuracy *a, int64_t i, int64_t j, const rt_pair **opt_out)
{
    double best = part_of(a, i, j - 1) + a->unpaired[j];
    const rt_pair *chosen = NULL;
    for (int64_t k = a->first[j]; k < a->first[j + 1]; k++) {
        const rt_pair *p = &a->ending[k];
        if (p->i < i) continue;
        double sum = part_of(a, i, p->i - 1) + part_of(a, p->i + 1, j - 1) + 2 * a->gamma * p->p;
        if (sum <= best) continue;
        best = sum;
        chosen = p;
    }
    if (opt_out) *opt_out = chosen;
    return best;
}

static void list_by_end(accuracy *a, const rt_pairs *pairs)
{
    for (int64_t k = 0; k < a->n; k++) a->unpaired[k] = 1;
    for (int64_t k = 0; k < pairs->n; k++) {
        a->unpaired[pairs->pair[k].i] -= pairs->pair[k].p;
        a->unpaired[pairs->pair[k].j] -= pairs->pair[k].p;
    }
    int64_t n = 0;
    for (int64_t pass = 0; pass < 2; pass++) {   /* count, then fill */
        for (int64_t k = 0; k < pairs->n; k++) {
            const rt_pair *p = &pairs->pair[k];
            if (2 * a->gamma * p->p < a->unpaired[p->i] + a->unpaired[p->j]) continue;
            if (pass) a->ending[a->first[p->j]++] = *p;
            else a->first[p->j + 1]++;
        }
        if (!pass)
            for (int64_t j = 0; j < a->n; j++) a->first[j + 1] += a->first[j];
    }
    for (int64_t j = a->n; j > 0; j--) a->first[j] = a->first[j - 1];   /* filling moved each start to its end */
    a->first[0] = n;
}

rt_status rt_pairs_mea(int32_t *out_partner, double *out_score, const rt_pairs *pairs, double gamma, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t n = pairs->length, cells, n_todo = 0;
    accuracy a = {.n = n, .gamma = gamma};
    int64_t (*todo)[2] = NULL;
    if (!rt_multiply(n, n, &cells)) return rt_fail(err, RT_ERR_MEMORY, NULL, 0, "%lld residues are too many", (long long)n);
    RT_TRY_ALLOC(a.best, cells);
    RT_TRY_ALLOC(a.unpaired, n);
    RT_TRY_ALLOC(a.first, n + 2);
    RT_TRY_ALLOC(a.ending, pairs->n);
    RT_TRY_ALLOC(todo, n + 1);
    list_by_end(&a, pairs);
    for (int64_t j = 0; j < n; j++)
        for (int64_t i = j; i >= 0; i--) a.best[i * n + j] = best_part(&a, i, j, NULL);
    *out_score = part_of(&a, 0, n - 1);
    for (int64_t k = 0; k < n; k++) out_partner[k] = -1;
    todo[n_todo][0] = 0;
    todo[n_todo++][1] = n - 1;
    while (n_todo) {
        const rt_pair *p;
        int64_t i = todo[--n_todo][0], j = todo[n_todo][1];
        for (; i <= j; j--) {
            best_part(&a, i, j, &p);
            if (!p) continue;
            out_partner[p->i] = p->j;
            out_partner[p->j] = p->i;
            todo[n_todo][0] = p->i + 1;
            todo[n_todo++][1] = j - 1;
            j = p->i;   /* and on with what lies before it */
        }
    }
done:
    free(a.best);
    free(a.unpaired);
    free(a.first);
    free(a.ending);
    free(todo);
    return status;
}
