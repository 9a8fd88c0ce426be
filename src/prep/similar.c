#include "prep/similar.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/progress.h"

enum { LANES = 32, MATCH = 2, MISMATCH = -2, GAP = 6, GAP_MORE = 1, PADDING = 99 };
enum { KIND_GAP = 3 };      /* of the alignment that identities are counted in: cheap, so that none is missed */
enum { LONGEST = 16000 };   /* residues of the shorter one: its score still fits into 16 bits */

/* Versions for AVX-512, AVX2 and plain SSE2, chosen at run time. */
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__clang__)
#define CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CLONES
#endif

/* ---- distinct sequences ------------------------------------------------------------------------------------------ */

typedef struct { char *text; int64_t length; int32_t index; } sortable;

static int by_length(const void *a, const void *b)
{
    const sortable *x = a, *y = b;
    if (x->length != y->length) return x->length < y->length ? -1 : 1;
    int order = strcmp(x->text, y->text);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

rt_status rt_unique_build(rt_unique *out_unique, const char *const *text, int64_t n, rt_err *err)
{
    rt_status status = RT_OK;
    rt_unique *u = out_unique;
    sortable *all = NULL;
    *u = (rt_unique){.n_text = n};
    RT_TRY_ALLOC(all, n);
    RT_TRY_ALLOC(u->of, n);
    RT_TRY_ALLOC(u->first, n);
    RT_TRY_ALLOC(u->text, n);
    RT_TRY_ALLOC(u->length, n);
    for (int64_t i = 0; i < n; i++) {
        all[i] = (sortable){rt_copy_text(text[i], -1, err), (int64_t)strlen(text[i]), (int32_t)i};
        if (!all[i].text) RT_TRY(RT_ERR_MEMORY);
        for (char *c = all[i].text; *c; c++) {
            *c = (char)toupper((unsigned char)*c);
            if (*c == 'T') *c = 'U';
        }
    }
    qsort(all, (size_t)n, sizeof *all, by_length);
    for (int64_t i = 0; i < n; i++) {
        if (i == 0 || strcmp(all[i].text, all[i - 1].text) != 0) {
            u->first[u->n] = all[i].index;
            u->text[u->n] = rt_copy_text(all[i].text, -1, err);
            if (!u->text[u->n]) RT_TRY(RT_ERR_MEMORY);
            u->length[u->n++] = all[i].length;
        }
        u->of[all[i].index] = (int32_t)(u->n - 1);
    }
done:
    for (int64_t i = 0; all && i < n; i++) free(all[i].text);
    free(all);
    if (status != RT_OK) rt_unique_free_members(u);
    return status;
}

void rt_unique_free_members(rt_unique *unique)
{
    for (int64_t i = 0; unique->text && i < unique->n; i++) free(unique->text[i]);
    free(unique->of);
    free(unique->first);
    free(unique->text);
    free(unique->length);
    *unique = (rt_unique){0};
}

/* ---- scores of many pairs at once -------------------------------------------------------------------------------- */

typedef int16_t lanes __attribute__((vector_size(2 * LANES)));

/* A letter that equals no other: N, and whatever else there is, is identical to nothing. */
static int16_t code(char letter, bool second)
{
    const char *at = letter ? strchr("ACGU", letter) : NULL;
    return at ? (int16_t)(at - "ACGU") : (int16_t)(second ? 8 : 9);
}

#define MAX(a, b) ({ lanes x_ = (a), y_ = (b), m_ = x_ > y_; (x_ & m_) | (y_ & ~m_); })

/* out_best: the local alignment score of the query with each of LANES sequences, whose letters are interleaved.
 * Shapes: query (m), other (n), h and e (m). */
CLONES static void score_lanes(lanes *out_best, const int16_t *query, int64_t m, const lanes *other, int64_t n,
                               lanes *h, lanes *e)
{
    const lanes zero = {0};
    lanes best = zero;
    for (int64_t i = 0; i < m; i++) h[i] = e[i] = zero;
    for (int64_t j = 0; j < n; j++) {
        lanes diagonal = zero, f = zero, letter = other[j];
        for (int64_t i = 0; i < m; i++) {
            lanes score = ((letter == query[i]) & (MATCH - MISMATCH)) + MISMATCH;
            lanes gap = e[i];
            score += diagonal;
            score = MAX(score, gap);
            score = MAX(score, f);
            score = MAX(score, zero);
            best = MAX(best, score);
            diagonal = h[i];
            h[i] = score;
            lanes opened = score - GAP;
            e[i] = MAX(gap - GAP_MORE, opened);
            f = MAX(f - GAP_MORE, opened);
        }
    }
    *out_best = best;
}

/* ---- one pair ---------------------------------------------------------------------------------------------------- */

/* How many places in a pair of random sequences of these lengths would score as much (Karlin and Altschul).  With +-2
 * and four equally frequent letters lambda is ln(3) / 2; K is that of +1 -1.  Composition is left out on purpose: two
 * CUG repeats are near-duplicates, though chance makes repeats alike. */
static double chance_of(int64_t m, int64_t n, int score)
{
    return 0.333 * (double)m * (double)n * exp(-0.5493061443 * score);
}

/* The most identical residues among the best alignments with free ends: score and identities in one number, because a
 * higher score always wins and identities break ties.  row: 2 (m + 1). */
static int64_t count_identical(const int16_t *a, int64_t m, const int16_t *b, int64_t n, int64_t *row)
{
    enum { UNIT = 1 << 20 };
    int64_t *h = row, *e = row + m + 1, best = 0;
    for (int64_t i = 0; i <= m; i++) h[i] = 0, e[i] = -((int64_t)1 << 50);
    for (int64_t j = 1; j <= n; j++) {
        int64_t diagonal = 0, f = -((int64_t)1 << 50);   /* h[0] stays 0: the other's beginning is free */
        for (int64_t i = 1; i <= m; i++) {
            int64_t score = diagonal + (a[i - 1] == b[j - 1] ? MATCH * UNIT + 1 : MISMATCH * UNIT);
            if (e[i] > score) score = e[i];
            if (f > score) score = f;
            diagonal = h[i];
            h[i] = score;
            int64_t opened = score - (int64_t)KIND_GAP * UNIT;
            e[i] = e[i] - GAP_MORE * UNIT > opened ? e[i] - GAP_MORE * UNIT : opened;
            f = f - GAP_MORE * UNIT > opened ? f - GAP_MORE * UNIT : opened;
        }
        if (h[m] > best) best = h[m];
    }
    for (int64_t i = 1; i <= m; i++)
        if (h[i] > best) best = h[i];
    return best & (UNIT - 1);
}

static int16_t *encode(const char *text, int64_t length, bool second)
{
    int16_t *codes = rt_alloc(length, sizeof *codes, NULL);
    for (int64_t i = 0; codes && i < length; i++) {
        char letter = (char)toupper((unsigned char)text[i]);
        codes[i] = code(letter == 'T' ? 'U' : letter, second);
    }
    return codes;
}

double rt_similar_identity(const char *a, const char *b)
{
    int64_t m = (int64_t)strlen(a), n = (int64_t)strlen(b);
    if (m > n) return rt_similar_identity(b, a);
    int16_t *x = encode(a, m, false), *y = encode(b, n, true);
    int64_t *row = rt_alloc(2 * (m + 1), sizeof *row, NULL);
    double identity = -1;
    if (x && y && row) identity = m ? (double)count_identical(x, m, y, n, row) / (double)m : 0;
    free(x);
    free(y);
    free(row);
    return identity;
}

/* ---- every pair -------------------------------------------------------------------------------------------------- */

typedef struct { rt_similar_pair *pair; int64_t n, capacity, n_compared, n_aligned,
                n_chance; bool failed; } task_result;

typedef struct {
    const rt_unique *unique;
    const rt_similar_options *options;
    int64_t first, n_batch;      /* sequences before `first` are too short */
    int16_t **query, **other;    /* codes of each sequence in either role */
    lanes **batch;               /* sequences first + LANES k .. , interleaved, to the length of the longest */
    lanes **scratch;             /* per worker: 2 x the longest */
    int64_t **row;
    task_result *result;         /* per task: one sequence as the shorter one */
    int64_t longest;
    int32_t done;
} search;

static bool counts(const search *s, int64_t a, int64_t b)
{
    const uint8_t *parts = s->options->opt_parts;
    if (!parts) return true;
    uint8_t both = parts[a] | parts[b];
    return parts[a] && parts[b] && (both & (both - 1));
}

static void take_pair(search *s, task_result *out, int64_t a, int64_t b, bool chance, int64_t *row)
{
    const rt_unique *u = s->unique;
    int64_t same = count_identical(s->query[a], u->length[a], s->other[b], u->length[b], row);
    double identity = (double)same / (double)u->length[a];
    out->n_aligned++;
    if (identity < s->options->identity - 1e-9) return;
    out->n_chance += chance;
    if (chance) return;
    void *pairs = out->pair;
    if (rt_grow(&pairs, &out->capacity, out->n + 1, sizeof *out->pair, NULL) != RT_OK) {
        out->failed = true;
        return;
    }
    out->pair = pairs;
    out->pair[out->n++] = (rt_similar_pair){(int32_t)a, (int32_t)b, (float)identity};
}

static void run_task(void *argument, int64_t task, int worker)
{
    search *s = argument;
    const rt_unique *u = s->unique;
    task_result *out = &s->result[task];
    int64_t a = s->first + task, m = u->length[a];
    /* a similar pair may lose half of what its identities earn to gaps and still be seen */
    double bound = (2 * s->options->identity - 1) * (double)m;
    double limit = s->options->max_chance > 0 ? s->options->max_chance : INFINITY;
    if (rt_stop_requested()) return;
    for (int64_t k = task / LANES; k < s->n_batch; k++) {
        int64_t from = s->first + k * LANES, to = from + LANES < u->n ? from + LANES : u->n;
        int16_t best[LANES];
        bool any = false;
        for (int64_t b = from; b < to && !any; b++) any = b > a && counts(s, a, b);
        if (!any) continue;
        if (m <= LONGEST)
            score_lanes((lanes *)(void *)s->scratch[worker], s->query[a], m, s->batch[k], u->length[to - 1],
                        s->scratch[worker] + 1, s->scratch[worker] + 1 + s->longest);
        memcpy(best, s->scratch[worker], sizeof best);
        for (int64_t b = from > a ? from : a + 1; b < to; b++) {
            if (!counts(s, a, b)) continue;
            out->n_compared++;
            if (m <= LONGEST && best[b - from] < bound) continue;
            bool chance = m <= LONGEST && chance_of(m, u->length[b], best[b - from]) > limit;
            take_pair(s, out, a, b, chance, s->row[worker]);
        }
    }
    rt_progress_step(__atomic_add_fetch(&s->done, 1, __ATOMIC_RELAXED));
}

static void *lanes_alloc(int64_t count, rt_err *err)
{
    void *memory = NULL;
    if (posix_memalign(&memory, sizeof(lanes), (size_t)(count + 1) * sizeof(lanes)) == 0) return memory;
    rt_fail(err, RT_ERR_MEMORY, NULL, 0, "not enough memory for %lld sequences' letters", (long long)count);
    return NULL;
}

static rt_status prepare(search *s, rt_pool *pool, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_unique *u = s->unique;
    int64_t n = u->n - s->first;
    s->longest = u->n ? u->length[u->n - 1] : 0;
    s->n_batch = (n + LANES - 1) / LANES;
    RT_TRY_ALLOC(s->query, u->n);
    RT_TRY_ALLOC(s->other, u->n);
    RT_TRY_ALLOC(s->batch, s->n_batch);
    RT_TRY_ALLOC(s->result, n);
    RT_TRY_ALLOC(s->scratch, rt_pool_threads(pool));
    RT_TRY_ALLOC(s->row, rt_pool_threads(pool));
    for (int64_t i = s->first; i < u->n; i++) {
        s->query[i] = encode(u->text[i], u->length[i], false);
        s->other[i] = encode(u->text[i], u->length[i], true);
        if (!s->query[i] || !s->other[i]) RT_TRY(rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory"));
    }
    for (int64_t k = 0; k < s->n_batch; k++) {
        int64_t from = s->first + k * LANES, to = from + LANES < u->n ? from + LANES : u->n;
        s->batch[k] = lanes_alloc(u->length[to - 1], err);
        if (!s->batch[k]) RT_TRY(RT_ERR_MEMORY);
        for (int64_t j = 0; j < u->length[to - 1]; j++)
            for (int64_t l = 0; l < LANES; l++)
                s->batch[k][j][l] = from + l < to && j < u->length[from + l] ? s->other[from + l][j] : PADDING;
    }
    for (int w = 0; w < rt_pool_threads(pool); w++) {
        s->scratch[w] = lanes_alloc(1 + 2 * s->longest, err);
        if (!s->scratch[w]) RT_TRY(RT_ERR_MEMORY);
        RT_TRY_ALLOC(s->row[w], 2 * (s->longest + 1));
    }
done:
    return status;
}

static rt_status gather(rt_similar *out, const search *s, rt_err *err)
{
    int64_t n_task = s->unique->n - s->first, total = 0;
    for (int64_t t = 0; t < n_task; t++) {
        if (s->result[t].failed) return rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory");
        total += s->result[t].n;
    }
    void *pairs = out->pair;
    rt_status status = rt_grow(&pairs, &out->capacity, total, sizeof *out->pair, err);
    out->pair = pairs;
    if (status != RT_OK) return status;
    for (int64_t t = 0; t < n_task; t++) {
        const task_result *r = &s->result[t];
        if (r->n) memcpy(out->pair + out->n_pair, r->pair, (size_t)r->n * sizeof *r->pair);
        out->n_pair += r->n;
        out->n_compared += r->n_compared;
        out->n_aligned += r->n_aligned;
        out->n_chance += r->n_chance;
    }
    return RT_OK;
}

rt_status rt_similar_find(rt_similar *out_similar, const rt_unique *unique, const rt_similar_options *options,
                          rt_pool *pool, rt_err *err)
{
    rt_status status = RT_OK;
    search s = {.unique = unique, .options = options};
    *out_similar = (rt_similar){0};
    RT_REQUIRE(options->identity >= 0.6 && options->identity <= 1);
    while (s.first < unique->n && unique->length[s.first] < options->min_length) s.first++;
    int64_t n_task = unique->n - s.first;
    status = prepare(&s, pool, err);
    if (status == RT_OK) {
        rt_progress_start("sequence", n_task);
        rt_pool_run(pool, n_task, run_task, &s);
        rt_progress_end();
        if (rt_stop_requested()) status = rt_fail(err, RT_ERR_STOPPED, NULL, 0, "stopped while comparing sequences");
        else status = gather(out_similar, &s, err);
    }
    for (int64_t i = 0; s.query && s.other && i < unique->n; i++) free(s.query[i]), free(s.other[i]);
    for (int64_t k = 0; s.batch && k < s.n_batch; k++) free(s.batch[k]);
    for (int64_t t = 0; s.result && t < n_task; t++) free(s.result[t].pair);
    for (int w = 0; w < rt_pool_threads(pool); w++) {
        if (s.scratch) free(s.scratch[w]);
        if (s.row) free(s.row[w]);
    }
    free(s.query);
    free(s.other);
    free(s.batch);
    free(s.scratch);
    free(s.row);
    free(s.result);
    if (status != RT_OK) rt_similar_free_members(out_similar);
    return status;
}

void rt_similar_free_members(rt_similar *similar)
{
    free(similar->pair);
    *similar = (rt_similar){0};
}
