#include "prep/partition.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* Triangles hold rows i = 1..n with columns i..n; two places before them keep row pointers inside the block. */
#define AT(n, i, j) (((i) - 1) * (2 * (n) - (i) + 2) / 2 + (j) - (i) + 2)

static int64_t triangle_size(int64_t n) { return n * (n + 1) / 2 + 3; }

static bool may_pair(const uint8_t *letter, int64_t i, int64_t j)
{
    static const bool PAIRS[RT_LOOP_LETTERS][RT_LOOP_LETTERS] = {[0][3] = true, [3][0] = true, [1][2] = true,
                                                                 [2][1] = true, [2][3] = true, [3][2] = true};
    return j - i > RT_LOOP_HAIRPIN && PAIRS[letter[i]][letter[j]];
}

#define REAL double
#define NAME(x) plain_##x
#define TIMES(a, b) ((a) * (b))
#define PLUS(a, b) ((a) + (b))
#define ZERO 0
#define ONE 1
#define FROM_LOG(x) exp(x)
#define TO_LOG(x) log(x)
#include "prep/partition_core.h"
#include "prep/partition_outside.h"
#undef REAL
#undef NAME
#undef FROM_LOG
#undef TO_LOG

#define REAL long double
#define NAME(x) wide_##x
#define FROM_LOG(x) expl(x)
#define TO_LOG(x) logl(x)
#include "prep/partition_core.h"
#include "prep/partition_outside.h"
#undef REAL
#undef NAME
#undef TIMES
#undef PLUS
#undef ZERO
#undef ONE
#undef FROM_LOG
#undef TO_LOG

#define REAL double
#define NAME(x) best_##x
#define TIMES(a, b) ((a) + (b))
#define PLUS(a, b) ((a) > (b) ? (a) : (b))
#define ZERO (-INFINITY)
#define ONE 0
#define FROM_LOG(x) (x)
#include "prep/partition_core.h"

/* What is still to be read back from the best scores: a part i..j of one of the kinds of partition_core.h. */
typedef enum { PREFIX, PAIR, FIRST, SOME, TWO } part_kind;
typedef struct { part_kind kind; int64_t i, j; } part;

/* The best way found so far to make a part: a score and the one or two parts that it leaves. */
typedef struct {
    double score;
    part left[2];
    int n_left;
    bool pairs;              /* i and j of the part pair */
} choice;

static void offer(choice *best, double score, bool pairs, int n_left, part a, part b)
{
    if (score > best->score) *best = (choice){.score = score, .left = {a, b}, .n_left = n_left, .pairs = pairs};
}

static void choose_pair(choice *best, const best_sums *s, int64_t i, int64_t j)
{
    part none = {0};
    double end = best_end_inside(s, i, j);
    offer(best, s->w.hairpin[j - i - 1] + end, true, 0, none, none);
    offer(best, best_stack(s, i, j) + s->pair[AT(s->n, i + 1, j - 1)], true, 1, (part){PAIR, i + 1, j - 1}, none);
    for (int64_t k = i + 1; k <= i + 1 + RT_LOOP_LONGEST && k + RT_LOOP_HAIRPIN + 1 < j; k++)
        for (int64_t l = j - 1; l > k + RT_LOOP_HAIRPIN && k - i + j - l - 2 <= RT_LOOP_LONGEST; l--)
            if (k - i + j - l > 2)
                offer(best, s->ended[AT(s->n, k, l)] + best_loop(s, i, j, k, l), true, 1, (part){PAIR, k, l}, none);
    double close = best_branch_inside(s, i, j) + s->w.close;
    for (int64_t k = i + 2; k < j - 1; k++)
        offer(best, s->first[AT(s->n, i + 1, k)] + s->some[AT(s->n, k + 1, j - 1)] + close, true, 2,
              (part){FIRST, i + 1, k}, (part){SOME, k + 1, j - 1});
}

static void choose_prefix(choice *best, const best_sums *s, int64_t j)
{
    part none = {0};
    offer(best, s->prefix[j - 1] + s->w.external_unpaired, false, 1, (part){PREFIX, 1, j - 1}, none);
    for (int64_t i = 1; i + RT_LOOP_HAIRPIN < j; i++)
        if (may_pair(s->letter, i, j))
            offer(best, s->prefix[i - 1] + s->pair[AT(s->n, i, j)] + best_outermost(s, i, j), false, 2,
                  (part){PREFIX, 1, i - 1}, (part){PAIR, i, j});
}

static void choose_first(choice *best, const best_sums *s, int64_t i, int64_t j)
{
    part none = {0};
    if (may_pair(s->letter, i, j))
        offer(best, s->pair[AT(s->n, i, j)] + best_branch_outside(s, i, j) + s->w.multi_paired, false, 1,
              (part){PAIR, i, j}, none);
    if (i < j)
        offer(best, s->first[AT(s->n, i + 1, j)] + s->w.multi_unpaired, false, 1, (part){FIRST, i + 1, j}, none);
}

static void choose_some(choice *best, const best_sums *s, int64_t i, int64_t j)
{
    part none = {0};
    for (int64_t k = i; k <= j; k++) {
        double first = s->first[AT(s->n, i, k)];
        offer(best, first + (double)(j - k) * s->w.multi_unpaired, false, 1, (part){FIRST, i, k}, none);
        if (k < j)
            offer(best, first + s->some[AT(s->n, k + 1, j)], false, 2, (part){FIRST, i, k}, (part){SOME, k + 1, j});
    }
}

/* Reads the best structure back. */
static rt_status trace(int32_t *out_partner, const best_sums *s, rt_err *err)
{
    rt_status status = RT_OK;
    part *todo;
    int64_t n_todo = 0;
    RT_TRY_ALLOC(todo, s->n + 2);   /* parts at hand never overlap */
    for (int64_t k = 0; k < s->n; k++) out_partner[k] = -1;
    todo[n_todo++] = (part){PREFIX, 1, s->n};
    while (n_todo) {
        part at = todo[--n_todo];
        choice best = {.score = -INFINITY};
        if (at.kind == PREFIX && at.j > 0) choose_prefix(&best, s, at.j);
        if (at.kind == PAIR) choose_pair(&best, s, at.i, at.j);
        if (at.kind == FIRST) choose_first(&best, s, at.i, at.j);
        if (at.kind == SOME) choose_some(&best, s, at.i, at.j);
        if (best.pairs) {
            out_partner[at.i - 1] = (int32_t)(at.j - 1);
            out_partner[at.j - 1] = (int32_t)(at.i - 1);
        }
        for (int k = 0; k < best.n_left; k++) todo[n_todo++] = best.left[k];
    }
done:
    free(todo);
    return status;
}

static rt_status find_best(rt_pairs *pairs, const rt_loop_model *model, const uint8_t *letter, int64_t n, rt_err *err)
{
    best_sums s = {0};
    rt_status status;
    RT_TRY_ALLOC(pairs->best, n);
    RT_TRY(best_sums_create(&s, n, letter, err));
    best_weights_fill(&s.w, model, n, 0);
    best_inside(&s);
    pairs->best_score = s.prefix[n];
    status = trace(pairs->best, &s, err);
done:
    best_sums_free(&s);
    return status;
}

rt_status rt_partition_fold(rt_pairs *out_pairs, const rt_loop_model *model, const char *sequence, int64_t length,
                            double min_prob, rt_err *err)
{
    rt_status status = RT_OK;
    rt_pairs pairs = {.length = length};
    uint8_t *letter = NULL;
    bool fits;
    RT_TRY_ALLOC(letter, length + 2);
    letter[0] = letter[length + 1] = RT_LOOP_OTHER;
    for (int64_t k = 0; k < length; k++) letter[k + 1] = (uint8_t)rt_loop_model_letter(sequence[k]);
    RT_TRY(find_best(&pairs, model, letter, length, err));
    double scale = length ? pairs.best_score / (double)length : 0;
    RT_TRY(plain_ensemble(&pairs, &fits, model, letter, length, scale, min_prob, err));
    if (!fits) RT_TRY(wide_ensemble(&pairs, &fits, model, letter, length, scale, min_prob, err));
    if (!fits) {
        status = rt_fail(err, RT_ERR_UNSUPPORTED, NULL, 0, "the sum over all structures of %lld residues does not fit any "
                         "number here", (long long)length);
        rt_hint(err, "fold the sequence in pieces");
    }
done:
    free(letter);
    if (status != RT_OK) rt_pairs_free_members(&pairs);
    *out_pairs = pairs;
    return status;
}
