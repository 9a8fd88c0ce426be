#include "score/tm_search.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "score/simd.h"

enum { ITERATIONS = 20, SMALLEST_FRAGMENT = 4, FRAGMENT_LENGTHS = 6 };

static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

rt_status rt_tm_pairs_reserve(rt_tm_pairs *pairs, int64_t capacity, rt_err *err)
{
    rt_status status = RT_OK;
    if (capacity <= pairs->capacity) return RT_OK;
    rt_tm_pairs_free_members(pairs);
    capacity = (capacity + 63) / 8 * 8;
    RT_TRY_ALLOC(pairs->memory, 9 * capacity);
    RT_TRY_ALLOC(pairs->key, capacity);
    pairs->met_size = 1024;
    while (pairs->met_size < 64 * capacity) pairs->met_size *= 2;
    RT_TRY_ALLOC(pairs->met, pairs->met_size);
    for (int i = 0; i < 3; i++) {
        pairs->x.axis[i] = pairs->memory + i * capacity;
        pairs->y.axis[i] = pairs->memory + (3 + i) * capacity;
    }
    pairs->distance2 = pairs->memory + 6 * capacity;
    pairs->weight = pairs->memory + 7 * capacity;
    pairs->sorted = pairs->memory + 8 * capacity;
    for (int64_t i = 0; i < capacity; i++) pairs->key[i] = mix((uint64_t)i);
    pairs->capacity = capacity;
done:
    if (status != RT_OK) rt_tm_pairs_free_members(pairs);
    return status;
}

void rt_tm_pairs_free_members(rt_tm_pairs *pairs)
{
    free(pairs->memory);
    free(pairs->key);
    free(pairs->met);
    *pairs = (rt_tm_pairs){0};
}

/* Squared distances under the motion, and the sum of the score's terms. */
RT_SCORE_CLONES
static double measure(const rt_tm_pairs *pairs, const rt_rigid *m, double d0, double cutoff)
{
    const double *restrict x0 = pairs->x.axis[0], *restrict x1 = pairs->x.axis[1], *restrict x2 = pairs->x.axis[2];
    const double *restrict y0 = pairs->y.axis[0], *restrict y1 = pairs->y.axis[1], *restrict y2 = pairs->y.axis[2];
    double *restrict distance2 = pairs->distance2;
    double scale = d0 * d0, limit = cutoff > 0 ? cutoff * cutoff : INFINITY, sum = 0;
    double u00 = m->u[0][0], u01 = m->u[0][1], u02 = m->u[0][2], u10 = m->u[1][0], u11 = m->u[1][1], u12 = m->u[1][2];
    double u20 = m->u[2][0], u21 = m->u[2][1], u22 = m->u[2][2], t0 = m->t[0], t1 = m->t[1], t2 = m->t[2];
    int64_t n = pairs->n;
    #pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++) {
        double a = t0 + u00 * x0[i] + u01 * x1[i] + u02 * x2[i] - y0[i];
        double b = t1 + u10 * x0[i] + u11 * x1[i] + u12 * x2[i] - y1[i];
        double c = t2 + u20 * x0[i] + u21 * x1[i] + u22 * x2[i] - y2[i];
        double d = a * a + b * b + c * c;
        distance2[i] = d;
        double term = scale / (scale + d);
        sum += d <= limit ? term : 0;
    }
    return sum;
}

/* Pairs closer than the radius become the set: weight 1, others 0.  Their count and hash. */
RT_SCORE_CLONES
static int64_t choose(const rt_tm_pairs *pairs, double radius2, uint64_t *out_hash)
{
    const double *restrict distance2 = pairs->distance2;
    const uint64_t *restrict key = pairs->key;
    double *restrict weight = pairs->weight;
    double count = 0;
    uint64_t hash = 0;
    int64_t n = pairs->n;
    #pragma omp simd reduction(+ : count, hash)
    for (int64_t i = 0; i < n; i++) {
        bool in = distance2[i] < radius2;
        weight[i] = in ? 1 : 0;
        count += in ? 1 : 0;
        hash += in ? key[i] : 0;
    }
    *out_hash = hash;
    return (int64_t)count;
}

/* Sums over all pairs, each times its weight. */
RT_SCORE_CLONES
static void add_weighted(rt_superpose_sums *sums, const rt_tm_pairs *pairs)
{
    const double *restrict y0 = pairs->y.axis[0], *restrict y1 = pairs->y.axis[1], *restrict y2 = pairs->y.axis[2];
    const double *restrict w = pairs->weight;
    int64_t n = pairs->n;
    for (int k = 0; k < 3; k++) {
        const double *restrict x = pairs->x.axis[k], *restrict y = pairs->y.axis[k];
        double sx = 0, sy = 0, c0 = 0, c1 = 0, c2 = 0;
        #pragma omp simd reduction(+ : sx, sy, c0, c1, c2)
        for (int64_t i = 0; i < n; i++) {
            double a = w[i] * x[i];
            sx += a;
            sy += w[i] * y[i];
            c0 += a * y0[i];
            c1 += a * y1[i];
            c2 += a * y2[i];
        }
        sums->x[k] = sx;
        sums->y[k] = sy;
        sums->xy[k][0] = c0;
        sums->xy[k][1] = c1;
        sums->xy[k][2] = c2;
    }
}

static void superpose_set(const rt_tm_pairs *pairs, rt_rigid *out_rigid, int64_t count)
{
    rt_superpose_sums sums = {.n = (double)count};
    add_weighted(&sums, pairs);
    rt_superpose_from_sums(out_rigid, &sums);
}

RT_SCORE_CLONES
void rt_tm_pairs_superpose(const rt_tm_pairs *pairs, rt_rigid *out_rigid, int64_t first, int64_t n)
{
    rt_superpose_sums sums = {.n = (double)n};
    const double *restrict y0 = pairs->y.axis[0], *restrict y1 = pairs->y.axis[1], *restrict y2 = pairs->y.axis[2];
    for (int k = 0; k < 3; k++) {
        const double *restrict x = pairs->x.axis[k], *restrict y = pairs->y.axis[k];
        double sx = 0, sy = 0, c0 = 0, c1 = 0, c2 = 0;
        #pragma omp simd reduction(+ : sx, sy, c0, c1, c2)
        for (int64_t i = first; i < first + n; i++) {
            sx += x[i];
            sy += y[i];
            c0 += x[i] * y0[i];
            c1 += x[i] * y1[i];
            c2 += x[i] * y2[i];
        }
        sums.x[k] = sx;
        sums.y[k] = sy;
        sums.xy[k][0] = c0;
        sums.xy[k][1] = c1;
        sums.xy[k][2] = c2;
    }
    rt_superpose_from_sums(out_rigid, &sums);
}

double rt_tm_pairs_rmsd(const rt_tm_pairs *pairs, const rt_rigid *rigid)
{
    double sum = 0;
    for (int64_t i = 0; i < pairs->n; i++) {
        double x[3] = {pairs->x.axis[0][i], pairs->x.axis[1][i], pairs->x.axis[2][i]}, moved[3];
        rt_superpose_apply(moved, rigid, x);
        for (int k = 0; k < 3; k++) sum += (moved[k] - pairs->y.axis[k][i]) * (moved[k] - pairs->y.axis[k][i]);
    }
    return pairs->n ? sqrt(sum / (double)pairs->n) : 0;
}

/* The radius widens by half an Angstrom until three pairs are inside. */
static int64_t choose_enough(const rt_tm_pairs *pairs, double radius, uint64_t *out_hash)
{
    int64_t count = choose(pairs, radius * radius, out_hash);
    for (int wider = 1; count < 3 && pairs->n > 3; wider++) {
        double r = radius + wider * 0.5;
        count = choose(pairs, r * r, out_hash);
    }
    return count;
}

/* True when this set was met with as many iterations left: what follows from it is known.  Notes it otherwise. */
static bool met_before(rt_tm_pairs *pairs, uint64_t set, int32_t left)
{
    uint64_t mask = (uint64_t)pairs->met_size - 1;
    if (pairs->met_count * 2 > pairs->met_size) return false;   /* full: go on without */
    for (uint64_t slot = set & mask;; slot = (slot + 1) & mask) {
        rt_tm_met *met = &pairs->met[slot];
        if (met->search != pairs->search) {
            *met = (rt_tm_met){set, left, pairs->search};
            pairs->met_count++;
            return false;
        }
        if (met->set != set) continue;
        if (met->left >= left) return true;
        met->left = left;
        return false;
    }
}

static void start_meeting(rt_tm_pairs *pairs)
{
    pairs->met_count = 0;
    if (++pairs->search == 0) {
        memset(pairs->met, 0, (size_t)pairs->met_size * sizeof *pairs->met);
        pairs->search = 1;
    }
}

static void count_within(const rt_tm_pairs *pairs, double within[4])
{
    double count[4] = {0};
    for (int64_t i = 0; i < pairs->n; i++)
        for (int k = 0; k < 4; k++) count[k] += pairs->distance2[i] < (double)(1 << k) * (1 << k);
    for (int k = 0; k < 4; k++)
        if (count[k] > within[k]) within[k] = count[k];
}

/* 0 pairs or more: n, n/2, n/4 ... down to 4. */
static int fragment_lengths(int64_t n, int64_t out[FRAGMENT_LENGTHS])
{
    int64_t smallest = n < SMALLEST_FRAGMENT ? n : SMALLEST_FRAGMENT;
    int count = 0;
    while (count < FRAGMENT_LENGTHS - 1) {
        int64_t length = n >> count;
        if (length <= smallest) break;
        out[count++] = length;
    }
    out[count++] = smallest;
    return count;
}

double rt_tm_pairs_search(rt_tm_pairs *pairs, rt_rigid *out_rigid, const rt_tm_limits *limits, double opt_within[4])
{
    int64_t length[FRAGMENT_LENGTHS];
    int n_length = fragment_lengths(pairs->n, length);
    double best = -1;
    rt_rigid rigid;
    start_meeting(pairs);
    for (int f = 0; f < n_length; f++) {
        int64_t last = pairs->n - length[f];
        for (int64_t first = 0;; first = first + limits->step < last ? first + limits->step : last) {
            uint64_t set;
            rt_tm_pairs_superpose(pairs, &rigid, first, length[f]);
            double radius = limits->d_search - 1;
            for (int left = ITERATIONS; left >= 0; left--) {
                double score = measure(pairs, &rigid, limits->d0, limits->cutoff);
                if (score > best) {
                    best = score;
                    *out_rigid = rigid;
                }
                if (opt_within) count_within(pairs, opt_within);
                int64_t count = choose_enough(pairs, radius, &set);
                radius = limits->d_search + 1;
                if (left == 0 || met_before(pairs, set, left)) break;
                superpose_set(pairs, &rigid, count);
            }
            if (first >= last) break;
        }
    }
    return best;
}

static double third_smallest(const double *values, int64_t n)
{
    double low[3] = {INFINITY, INFINITY, INFINITY};
    for (int64_t i = 0; i < n; i++) {
        if (values[i] >= low[2]) continue;
        low[2] = values[i];
        if (low[2] < low[1]) {
            double swap = low[1];
            low[1] = low[2];
            low[2] = swap;
        }
        if (low[1] < low[0]) {
            double swap = low[0];
            low[0] = low[1];
            low[1] = swap;
        }
    }
    return low[2];
}

double rt_tm_pairs_estimate(rt_tm_pairs *pairs, double d0, double d_search)
{
    rt_rigid rigid;
    uint64_t set;
    double best = 0, radius2 = d_search * d_search;
    if (pairs->n == 0) return 0;
    rt_tm_pairs_superpose(pairs, &rigid, 0, pairs->n);
    for (int round = 0; round < 3; round++) {
        double score = measure(pairs, &rigid, d0, 0);
        if (score > best) best = score;
        if (round == 2) break;
        /* the closest three at least; a pair at the radius itself is inside */
        double limit = radius2 + round, third = pairs->n > 2 ? third_smallest(pairs->distance2, pairs->n) : 0;
        if (third > limit) limit = third;
        int64_t count = choose(pairs, nextafter(limit, INFINITY), &set);
        if (round == 0 && count == pairs->n) break;
        superpose_set(pairs, &rigid, count);
    }
    return best;
}
