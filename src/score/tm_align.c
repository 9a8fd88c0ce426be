/* tm_align.c - TM-align's search for an alignment, with US-align's limits
 *
 * Starting alignments of five kinds; each is improved by turns of superposing the pairs and aligning anew under that
 * superposition; the best by a TM-score with a wider d0 is kept, and at the end scored with the native's d0.
 */
#include "score/tm_align.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

typedef struct {
    rt_tm *tm;
    int64_t n_model, n_native;
    double d0, d_search, d8;      /* of the search: wider than the score's */
    bool fast;                    /* chains of more than 1,500 residues: fewer starts */
    int32_t *best, *work, *other; /* alignments */
    double top;                   /* the best's score */
    rt_tm_result *thorough;       /* RT_TM_THOROUGH: the best final score of all candidates, and its map */
    int32_t *thorough_map;
} search;

/* ---- pairs of an alignment ------------------------------------------------------------------------------------- */

static void load_pairs(search *s, const int32_t *map)
{
    rt_tm_pairs *pairs = &s->tm->pairs;
    const rt_tm_dp *dp = &s->tm->dp;
    int64_t n = 0;
    for (int64_t j = 0; j < s->n_native; j++) {
        if (map[j] < 0) continue;
        for (int k = 0; k < 3; k++) {
            pairs->x.axis[k][n] = dp->model.axis[k][map[j]];
            pairs->y.axis[k][n] = dp->native.axis[k][j];
        }
        n++;
    }
    pairs->n = n;
}

/* Score of an alignment by the quick search, every 40th fragment, over pairs within d8. */
static double search_map(search *s, const int32_t *map, rt_rigid *out_rigid)
{
    rt_tm_limits limits = {.d0 = s->d0, .d_search = s->d_search, .cutoff = s->d8, .step = 40};
    load_pairs(s, map);
    return rt_tm_pairs_search(&s->tm->pairs, out_rigid, &limits, NULL);
}

static double estimate_map(search *s, const int32_t *map)
{
    load_pairs(s, map);
    return rt_tm_pairs_estimate(&s->tm->pairs, s->d0, s->d_search);
}

static void copy_map(search *s, int32_t *to, const int32_t *from)
{
    memcpy(to, from, (size_t)s->n_native * sizeof *to);
}

static void keep_if_better(search *s, const int32_t *map, double score)
{
    if (!(score > s->top)) return;
    s->top = score;
    if (map != s->best) copy_map(s, s->best, map);
}

/* Superposes and aligns by turns, with both gap penalties or the second alone.  work: the best alignment met. */
static double improve(search *s, rt_rigid *rigid, int first_gap, int turns)
{
    static const double GAP[2] = {-0.6, 0};
    double top = -1, before = 0;
    if (s->fast) turns = 2;
    for (int g = first_gap; g < 2; g++) {
        for (int turn = 0; turn < turns; turn++) {
            rt_tm_worth worth = {.opt_rigid = rigid, .d = s->d0};
            rt_tm_dp_align(&s->tm->dp, s->other, &worth, GAP[g]);
            double score = search_map(s, s->other, rigid);
            if (score > top) {
                top = score;
                copy_map(s, s->work, s->other);
            }
            if (turn > 0 && fabs(before - score) < 1e-6) break;
            before = score;
        }
    }
    return top;
}

/* The final score of the alignment in `best`; it keeps the pairs within d8 of the superposition found last. */
static void finish(search *s, rt_tm_result *out, int32_t *map)
{
    rt_rigid rigid;
    rt_tm_limits limits = {.d0 = s->d0, .d_search = s->d_search, .cutoff = s->d8, .step = s->fast ? 40 : 1};
    load_pairs(s, map);
    rt_tm_pairs_search(&s->tm->pairs, &rigid, &limits, NULL);
    const rt_tm_dp *dp = &s->tm->dp;
    for (int64_t j = 0; j < s->n_native; j++) {
        if (map[j] < 0) continue;
        double x[3], moved[3], d = 0;
        for (int k = 0; k < 3; k++) x[k] = dp->model.axis[k][map[j]];
        rt_superpose_apply(moved, &rigid, x);
        for (int k = 0; k < 3; k++) d += (moved[k] - dp->native.axis[k][j]) * (moved[k] - dp->native.axis[k][j]);
        if (sqrt(d) > s->d8) map[j] = -1;
    }
    load_pairs(s, map);
    rt_tm_final(s->tm, out, NULL, s->n_native);
}

/* Thorough search: carries a candidate to its end. */
static void consider(search *s, const int32_t *candidate)
{
    rt_tm_result result;
    if (!s->thorough) return;
    copy_map(s, s->other, candidate);
    finish(s, &result, s->other);
    if (result.score <= s->thorough->score) return;
    *s->thorough = result;
    copy_map(s, s->thorough_map, s->other);
}

/* A starting alignment in `work`: scored, and improved when it promises something. */
static void try_start(search *s, double worth_it, int first_gap, int turns)
{
    rt_rigid rigid;
    double score = search_map(s, s->work, &rigid);
    keep_if_better(s, s->work, score);
    consider(s, s->work);
    if (!(score > s->top * worth_it)) return;
    keep_if_better(s, s->work, improve(s, &rigid, first_gap, turns));
    consider(s, s->work);
}

/* ---- starting alignments --------------------------------------------------------------------------------------- */

/* Native j against model j + shift; outside fragment[0..n) of the model there is none. */
static void shifted_map(search *s, int32_t *map, int64_t shift)
{
    for (int64_t j = 0; j < s->n_native; j++) {
        int64_t i = j + shift;
        map[j] = i >= 0 && i < s->n_model ? (int32_t)i : -1;
    }
}

static void start_gapless(search *s, int32_t *map)
{
    int64_t shorter = s->n_model < s->n_native ? s->n_model : s->n_native, least = shorter / 2;
    if (least < 5) least = shorter < 5 ? shorter : 5;
    double top = -1;
    int64_t best = least - s->n_native;
    for (int64_t shift = best; shift <= s->n_model - least; shift += s->fast ? 5 : 1) {
        shifted_map(s, map, shift);
        double score = estimate_map(s, map);
        if (score < top) continue;
        top = score;
        best = shift;
    }
    shifted_map(s, map, best);
}

static int64_t jump_of(int64_t n, bool fast)
{
    int64_t jump = n > 250 ? 45 : n > 200 ? 35 : n > 150 ? 25 : 15;
    if (jump > n / 3) jump = n / 3;
    if (jump < 1) jump = 1;
    return fast ? 5 * jump : jump;
}

/* Every pair of fragments is superposed; the alignment under it that promises most.  False when none does. */
static bool start_local(search *s, int finer)
{
    int64_t shorter = s->n_model < s->n_native ? s->n_model : s->n_native;
    int64_t fragment[2] = {shorter / 3 < 20 ? shorter / 3 : 20, shorter / 2 < 100 ? shorter / 2 : 100};
    int64_t jump_model = jump_of(s->n_model, s->fast), jump_native = jump_of(s->n_native, s->fast);
    if (finer > 1) jump_model = (jump_model + finer - 1) / finer;
    double top = 0;
    for (int f = 0; f < 2; f++)
        for (int64_t i = 0; i + fragment[f] <= s->n_model; i += jump_model)
            for (int64_t j = 0; j + fragment[f] <= s->n_native; j += jump_native) {
                rt_tm_pairs *pairs = &s->tm->pairs;
                rt_rigid rigid;
                for (int k = 0; k < 3; k++) {
                    memcpy(pairs->x.axis[k], s->tm->dp.model.axis[k] + i, (size_t)fragment[f] * sizeof(double));
                    memcpy(pairs->y.axis[k], s->tm->dp.native.axis[k] + j, (size_t)fragment[f] * sizeof(double));
                }
                pairs->n = fragment[f];
                rt_tm_pairs_superpose(pairs, &rigid, 0, fragment[f]);
                rt_tm_worth worth = {.opt_rigid = &rigid, .d = s->d0 + 1.5};
                rt_tm_dp_align(&s->tm->dp, s->other, &worth, 0);
                double score = estimate_map(s, s->other);
                if (score <= top) continue;
                top = score;
                copy_map(s, s->work, s->other);
            }
    return top > 0;
}

/* The longest run of residues whose neighbours are close, at least `least` or a third of a short chain; the limit of
 * 4.25 Angstrom, meant for proteins, widens by a tenth until there is one. */
static void longest_run(const rt_points *points, int64_t n, int64_t least, int64_t *out_first, int64_t *out_n)
{
    int64_t wanted = n / 3 < least ? n / 3 : least;
    *out_first = *out_n = 0;
    for (int widened = 0; *out_n < wanted; widened++) {
        double limit = 4.25 * (widened ? pow(1.1, widened) : 1);
        int64_t first = 0;
        *out_n = 0;
        for (int64_t i = 1; i <= n; i++) {
            double d = 0;
            for (int k = 0; k < 3 && i < n; k++) {
                double step = points->axis[k][i] - points->axis[k][i - 1];
                d += step * step;
            }
            if (i < n && d < limit * limit) continue;
            /* a last residue on its own is no run */
            if (i - first > *out_n && !(i == n && i - first == 1)) {
                *out_first = first;
                *out_n = i - first;
            }
            first = i;
        }
    }
    if (*out_n == 0) *out_n = 1;
}

/* A run that is the whole of the shorter chain loses its ends: whole chains were threaded before. */
static void trim_run(int64_t *first, int64_t *n, int64_t whole)
{
    if (*n != whole) return;
    int64_t from = (int64_t)((double)whole * 0.1), to = (int64_t)((double)whole * 0.89);
    *first += from;
    *n = to - from + 1;
}

/* Threads a run of one chain along the other without gaps; the best alignment in `work`. */
static double thread_run(search *s, bool of_model, int64_t first, int64_t n, double top)
{
    int64_t along = of_model ? s->n_native : s->n_model;
    int64_t least = (int64_t)((double)(n < along ? n : along) / 2.5);
    if (least < (s->fast ? 7 : 3)) least = s->fast ? 7 : 3;
    int64_t low = of_model ? least - s->n_native : least - n, high = of_model ? n - least : s->n_model - least;
    for (int64_t shift = low; shift <= high; shift += s->fast && of_model ? 3 : 1) {
        if (of_model) {
            for (int64_t j = 0; j < s->n_native; j++)
                s->other[j] = j + shift >= 0 && j + shift < n ? (int32_t)(first + j + shift) : -1;
        } else {
            for (int64_t j = 0; j < s->n_native; j++) s->other[j] = -1;
            for (int64_t j = 0; j < n; j++)
                if (j + shift >= 0 && j + shift < s->n_model) s->other[first + j] = (int32_t)(j + shift);
        }
        double score = estimate_map(s, s->other);
        if (score < top) continue;
        top = score;
        copy_map(s, s->work, s->other);
    }
    return top;
}

static void start_run(search *s)
{
    int64_t first[2], n[2], shorter = s->n_model < s->n_native ? s->n_model : s->n_native;
    longest_run(&s->tm->dp.model, s->n_model, s->fast ? 8 : 4, &first[0], &n[0]);
    longest_run(&s->tm->dp.native, s->n_native, s->fast ? 8 : 4, &first[1], &n[1]);
    bool model = n[0] < n[1] || (n[0] == n[1] && s->n_model <= s->n_native);
    bool native = n[0] > n[1] || (n[0] == n[1] && s->n_model >= s->n_native);
    double top = -1;
    for (int64_t j = 0; j < s->n_native; j++) s->work[j] = -1;
    for (int side = 0; side < 2; side++) {
        trim_run(&first[side], &n[side], shorter);
        if (side ? native : model) top = thread_run(s, side == 0, first[side], n[side], top);
    }
}

/* ---- secondary structure of RNA -------------------------------------------------------------------------------- */

static bool may_pair(char a, char b)
{
    static const char *const PAIRS[] = {"AU", "UA", "GC", "CG", "GU", "UG"};
    for (int i = 0; i < 6; i++)
        if (PAIRS[i][0] == a && PAIRS[i][1] == b) return true;
    return false;
}

/* US-align's rule: letters that pair, atoms 12.5 to 15 Angstrom apart (its limits for C3', which it uses for C1' too). */
static bool is_pair(const rt_points *points, const char *letters, int64_t i, int64_t j)
{
    double d = 0;
    if (!may_pair(letters[i], letters[j])) return false;
    for (int k = 0; k < 3; k++) {
        double step = points->axis[k][i] - points->axis[k][j];
        d += step * step;
    }
    d = sqrt(d);
    return (float)d > 12.5f && (float)d < 15.0f;
}

/* 1 and 2 along the strands of stacks of at least two pairs, 0 elsewhere. */
static void mark_pairs(double *out, const rt_points *points, const char *letters, int64_t n)
{
    for (int64_t i = 0; i < n; i++) out[i] = 0;
    for (int64_t i = 0; i + 2 < n; i++)
        for (int64_t j = i + 3; j < n; j++) {
            if (!is_pair(points, letters, i, j) || !is_pair(points, letters, i + 1, j - 1)) continue;
            if (i > 0 && j + 1 < n && is_pair(points, letters, i - 1, j + 1)) continue;
            int64_t length = 0;
            while (length < n && i + length < n - 3 && j - length > 0 && i + length < j - length &&
                   is_pair(points, letters, i + length, j - length))
                length++;
            if (length == 0) length = 1;
            if (j - length + 1 < i || j < i + length - 1) length = 1;
            for (int64_t k = 0; k < length; k++) {
                out[i + k] = 1;
                out[j - length + 1 + k] = 2;
            }
        }
}

/* ---- the whole ------------------------------------------------------------------------------------------------- */

static rt_status reserve(rt_tm *tm, int64_t n_model, int64_t n_native, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t longer = n_model > n_native ? n_model : n_native;
    RT_TRY(rt_tm_pairs_reserve(&tm->pairs, longer, err));
    RT_TRY(rt_tm_dp_reserve(&tm->dp, n_model, n_native, err));
    if (longer > tm->capacity) {
        free(tm->memory);
        free(tm->maps);
        tm->memory = NULL;
        tm->maps = NULL;
        tm->capacity = 0;
        RT_TRY_ALLOC(tm->memory, 8 * (longer + RT_TM_DP_PADDING));
        RT_TRY_ALLOC(tm->maps, 4 * longer);
        tm->capacity = longer;
    }
done:
    return status;
}

static void load_chain(rt_points *points, double *memory, const rt_tm_chain *chain, int64_t capacity)
{
    for (int k = 0; k < 3; k++) {
        points->axis[k] = memory + k * (capacity + RT_TM_DP_PADDING);
        for (int64_t i = 0; i < chain->n; i++) points->axis[k][i] = chain->xyz[3 * i + k];
    }
}

/* US-align's parameters of the search. */
static void set_limits(search *s)
{
    double shorter = (double)(s->n_model < s->n_native ? s->n_model : s->n_native);
    s->d0 = (shorter <= 19 ? 0.168 : 1.24 * cbrt(shorter - 15) - 1.8) + 0.8;
    s->d_search = s->d0 > 8 ? 8 : s->d0 < 4.5 ? 4.5 : s->d0;
    s->d8 = 1.5 * pow(shorter, 0.3) + 3.5;
    s->fast = shorter > 1500;
    s->top = -1;
}

static void run(search *s, const int32_t *opt_start)
{
    double promising = (s->n_model < s->n_native ? s->n_model : s->n_native) <= 40 ? 0.1 : 0.4;
    rt_rigid rigid;
    start_gapless(s, s->best);
    s->top = search_map(s, s->best, &rigid);
    consider(s, s->best);
    keep_if_better(s, s->work, improve(s, &rigid, 0, 30));
    consider(s, s->work);
    rt_tm_worth same = {.same = 1};
    rt_tm_dp_align(&s->tm->dp, s->work, &same, -1);
    try_start(s, 0.2, 0, 30);
    if (start_local(s, 1)) try_start(s, promising, 0, 2);
    load_pairs(s, s->best);
    rt_tm_pairs_superpose(&s->tm->pairs, &rigid, 0, s->tm->pairs.n);
    rt_tm_worth both = {.opt_rigid = &rigid, .d = s->d0 + 1.5, .same = 0.5};
    rt_tm_dp_align(&s->tm->dp, s->work, &both, -1);
    try_start(s, promising, 0, 30);
    start_run(s);
    try_start(s, promising, 1, 2);
    if (!s->thorough) return;
    consider(s, s->best);
    if (start_local(s, 3)) try_start(s, 0, 0, 30);
    if (opt_start) {
        copy_map(s, s->work, opt_start);
        try_start(s, 0, 0, 30);
    }
}

rt_status rt_tm_align(rt_tm *tm, rt_tm_result *out, int32_t *out_map, const rt_tm_chain *model,
                      const rt_tm_chain *native, rt_tm_search kind, const int32_t *opt_start, rt_err *err)
{
    rt_tm_result best = {0};
    search s = {.tm = tm, .n_model = model->n, .n_native = native->n};
    *out = (rt_tm_result){.rigid.u = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
    for (int64_t j = 0; j < native->n; j++) out_map[j] = -1;
    if (model->n < 3 || native->n < 3) return RT_OK;
    rt_status status = reserve(tm, model->n, native->n, err);
    if (status != RT_OK) return status;
    int64_t stride = tm->capacity + RT_TM_DP_PADDING;
    load_chain(&tm->dp.model, tm->memory, model, tm->capacity);
    load_chain(&tm->dp.native, tm->memory + 3 * stride, native, tm->capacity);
    tm->dp.model_pairs = tm->memory + 6 * stride;
    tm->dp.native_pairs = tm->memory + 7 * stride;
    mark_pairs(tm->dp.model_pairs, &tm->dp.model, model->letters, model->n);
    mark_pairs(tm->dp.native_pairs, &tm->dp.native, native->letters, native->n);
    s.best = tm->maps;
    s.work = tm->maps + tm->capacity;
    s.other = tm->maps + 2 * tm->capacity;
    if (kind == RT_TM_THOROUGH) {
        s.thorough = &best;
        s.thorough_map = tm->maps + 3 * tm->capacity;
    }
    set_limits(&s);
    run(&s, opt_start);
    finish(&s, out, s.best);
    if (s.thorough && best.score > out->score) {
        *out = best;
        s.best = s.thorough_map;
    }
    memcpy(out_map, s.best, (size_t)native->n * sizeof *out_map);
    return RT_OK;
}
