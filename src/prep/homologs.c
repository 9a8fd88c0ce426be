#include "prep/homologs.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/rng.h"
#include "io/plain.h"
#include "prep/loop_model.h"

enum { MATCH = 2, MISMATCH = -1, OPEN = -5, EXTEND = -1, NEVER = -(1 << 28) };   /* OPEN: with the first residue */
enum { FROM_END = 0, FROM_PAIR = 1, FROM_A = 2, FROM_B = 3, A_GOES_ON = 4, B_GOES_ON = 8 };   /* A: a residue of a alone */
static const int64_t LONGEST = 1 << 14;   /* the table of steps: 256 MB */

void rt_homologs_free_members(rt_homologs *homologs)
{
    for (int64_t i = 0; i < homologs->n; i++) free(homologs->homolog[i].name), free(homologs->homolog[i].letters);
    free(homologs->homolog);
    *homologs = (rt_homologs){0};
}

/* ---- seeds -------------------------------------------------------------------------------------------------------- */

void rt_seeds_free_members(rt_seeds *seeds)
{
    for (int64_t i = 0; i < seeds->n; i++) rt_stockholm_free_members(&seeds->seed[i]);
    free(seeds->seed);
    *seeds = (rt_seeds){0};
}

const rt_stockholm *rt_seeds_find(const rt_seeds *seeds, const char *family)
{
    for (int64_t i = 0; i < seeds->n; i++)
        if (strcmp(seeds->seed[i].accession, family) == 0 || strcmp(seeds->seed[i].id, family) == 0) return &seeds->seed[i];
    return NULL;
}

rt_status rt_seeds_read(rt_seeds *seeds, const char *path, rt_err *err)
{
    rt_plain plain;
    int64_t at = 0, line = 0, before = seeds->n;
    rt_status status = rt_plain_open(&plain, path, err);
    if (status != RT_OK) return status;
    for (;;) {
        rt_stockholm one;
        RT_TRY(rt_stockholm_next(&one, &at, &line, plain.data, plain.size, path, err));
        if (one.n == 0) break;
        void *items = seeds->seed;
        status = rt_grow(&items, &seeds->capacity, seeds->n + 1, sizeof one, err);
        seeds->seed = items;
        if (status != RT_OK) rt_stockholm_free_members(&one);
        RT_TRY(status);
        seeds->seed[seeds->n++] = one;
    }
    if (seeds->n == before) status = rt_fail(err, RT_ERR_FORMAT, path, 0, "holds no alignment");
done:
    rt_plain_close(&plain);
    return status;
}

/* A C G U, '-' for a gap, N for anything else. */
static char residue_at(const rt_stockholm *seed, int64_t row, int64_t column)
{
    char c = seed->row[row].text[column];
    return RT_IS_GAP(c) ? '-' : "ACGUN"[rt_loop_model_letter(c)];
}

/* ---- alignment ---------------------------------------------------------------------------------------------------- */

typedef struct {
    int32_t *best, *above;    /* (m + 1) of the row before: the best score, and the best that ends in a residue of a alone */
    uint8_t *step;            /* (n, m) or NULL */
    int32_t score;
    int64_t end_a, end_b;
} table;

static void fill(table *t, const char *a, const char *b, int64_t n, int64_t m)
{
    for (int64_t j = 0; j <= m; j++) t->best[j] = 0, t->above[j] = NEVER;
    t->score = NEVER;
    for (int64_t i = 1; i <= n; i++) {
        int32_t diagonal = 0, left = NEVER;   /* best[0] is 0 in every row: ends are free */
        for (int64_t j = 1; j <= m; j++) {
            int32_t pair = diagonal + (a[i - 1] == b[j - 1] ? MATCH : MISMATCH);
            bool a_on = t->above[j] + EXTEND > t->best[j] + OPEN, b_on = left + EXTEND > t->best[j - 1] + OPEN;
            int32_t up = a_on ? t->above[j] + EXTEND : t->best[j] + OPEN;
            left = b_on ? left + EXTEND : t->best[j - 1] + OPEN;
            int32_t best = pair;
            uint8_t from = FROM_PAIR;
            if (up > best) best = up, from = FROM_A;
            if (left > best) best = left, from = FROM_B;
            diagonal = t->best[j];
            t->best[j] = best;
            t->above[j] = up;
            if (t->step) t->step[(i - 1) * m + j - 1] = (uint8_t)(from | (a_on ? A_GOES_ON : 0) | (b_on ? B_GOES_ON : 0));
            if ((i == n || j == m) && best > t->score) t->score = best, t->end_a = i, t->end_b = j;
        }
    }
}

static void walk_back(int32_t *out_place, const table *t, int64_t m)
{
    int64_t i = t->end_a, j = t->end_b;
    int state = FROM_PAIR;   /* which of the three tables we are in; FROM_PAIR stands for the best of them */
    while (i > 0 && j > 0) {
        uint8_t step = t->step[(i - 1) * m + j - 1];
        if (state == FROM_PAIR) state = step & 3;
        if (state == FROM_PAIR) {
            out_place[--i] = (int32_t)--j;
        } else if (state == FROM_A) {
            state = step & A_GOES_ON ? FROM_A : FROM_PAIR;
            i--;
        } else {
            state = step & B_GOES_ON ? FROM_B : FROM_PAIR;
            j--;
        }
    }
}

int32_t rt_homologs_align(int32_t *out_place, const char *a, const char *b)
{
    int64_t n = (int64_t)strlen(a), m = (int64_t)strlen(b);
    int32_t score = INT32_MIN;
    for (int64_t i = 0; out_place && i < n; i++) out_place[i] = -1;
    if (n > LONGEST || m > LONGEST) return NEVER;
    table t = {.best = rt_alloc(m + 1, sizeof *t.best, NULL), .above = rt_alloc(m + 1, sizeof *t.above, NULL)};
    if (out_place) t.step = rt_alloc(n * m, 1, NULL);
    if (t.best && t.above && (!out_place || t.step)) {
        fill(&t, a, b, n, m);
        if (out_place && n && m) walk_back(out_place, &t, m);
        score = t.score;
    }
    free(t.best);
    free(t.above);
    free(t.step);
    return score;
}

/* ---- a target's homologs ------------------------------------------------------------------------------------------ */

static const rt_stockholm *find_seed(const rt_family_row *row, const rt_seeds *seeds)
{
    const rt_stockholm *seed = rt_seeds_find(seeds, row->family);
    char name[128];
    for (const char *at = row->domains; !seed && at && rt_family_next_domain(name, sizeof name, &at);)
        seed = rt_seeds_find(seeds, name);
    return seed;
}

/* A row without its gaps, and the column of each of its residues. */
static int64_t ungap(char *out_text, int32_t *out_column, const rt_stockholm *seed, int64_t row)
{
    int64_t n = 0;
    for (int64_t c = 0; c < seed->columns; c++) {
        char letter = residue_at(seed, row, c);
        if (letter == '-') continue;
        out_column[n] = (int32_t)c;
        out_text[n++] = letter;
    }
    out_text[n] = 0;
    return n;
}

/* out_column (length): the seed's column of each residue of the target, -1: none. */
static rt_status place_target(int32_t *out_column, const char *sequence, const rt_stockholm *seed, rt_err *err)
{
    rt_status status = RT_OK;
    char *text = NULL;
    int32_t *column = NULL, best = INT32_MIN;
    int64_t best_row = 0, n = (int64_t)strlen(sequence);
    RT_TRY_ALLOC(text, seed->columns + 1);
    RT_TRY_ALLOC(column, seed->columns + 1);
    for (int64_t r = 0; r < seed->n; r++) {
        ungap(text, column, seed, r);
        int32_t score = rt_homologs_align(NULL, sequence, text);
        if (score == INT32_MIN) RT_TRY(rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory"));
        if (score > best) best = score, best_row = r;
    }
    ungap(text, column, seed, best_row);
    if (rt_homologs_align(out_column, sequence, text) == INT32_MIN)
        RT_TRY(rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory"));
    for (int64_t i = 0; i < n; i++)
        if (out_column[i] >= 0) out_column[i] = column[out_column[i]];
done:
    free(text);
    free(column);
    return status;
}

typedef struct { int64_t same, gaps, extra, n; } likeness;

/* out_letters (length); extra: the row's residues between the target's first and last column that it has no place for. */
static likeness thread(char *out_letters, const char *sequence, const int32_t *column, const rt_stockholm *seed, int64_t row)
{
    likeness l = {.n = (int64_t)strlen(sequence)};
    int64_t first = -1, last = -1, inside = 0, used = 0;
    for (int64_t i = 0; i < l.n; i++) {
        char letter = column[i] < 0 ? '-' : residue_at(seed, row, column[i]);
        out_letters[i] = letter == 'N' ? '-' : letter;
        l.same += out_letters[i] == sequence[i];
        l.gaps += out_letters[i] == '-';
        used += column[i] >= 0 && letter != '-';
        if (column[i] >= 0 && first < 0) first = column[i];
        if (column[i] >= 0) last = column[i];
    }
    for (int64_t c = first; c >= 0 && c <= last; c++) inside += residue_at(seed, row, c) != '-';
    l.extra = inside - used;
    return l;
}

static uint64_t rank_of(const char *target, const char *row) { return rt_hash_text(target) ^ rt_hash_text(row) * 31; }

/* Keeps the `keep` lowest ranks: which rows serve does not depend on their order in the file. */
static rt_status keep_homolog(rt_homologs *h, const char *target, const rt_homolog_rules *rules, const char *name,
                              const char *letters, double identity, rt_err *err)
{
    uint64_t rank = rank_of(target, name);
    int64_t at = h->n;
    if (h->n >= rules->keep) {
        at = 0;
        for (int64_t k = 1; k < h->n; k++)
            if (rank_of(target, h->homolog[k].name) > rank_of(target, h->homolog[at].name)) at = k;
        if (rank >= rank_of(target, h->homolog[at].name)) return RT_OK;
        free(h->homolog[at].name), free(h->homolog[at].letters);
        h->homolog[at] = (rt_homolog){0};
    } else {
        void *items = h->homolog;
        rt_status status = rt_grow(&items, &h->capacity, h->n + 1, sizeof *h->homolog, err);
        h->homolog = items;
        if (status != RT_OK) return status;
        h->n++;
    }
    h->homolog[at] = (rt_homolog){.name = rt_copy_text(name, -1, err), .letters = rt_copy_text(letters, -1, err),
                                  .identity = identity};
    return h->homolog[at].name && h->homolog[at].letters ? RT_OK : RT_ERR_MEMORY;
}

static int by_name(const void *a, const void *b) { return strcmp(((const rt_homolog *)a)->name, ((const rt_homolog *)b)->name); }

rt_status rt_homologs_find(rt_homologs *out_homologs, const char *target, const char *sequence,
                           const rt_family_row *opt_row, const rt_seeds *seeds, const rt_homolog_rules *rules, rt_err *err)
{
    rt_status status = RT_OK;
    const int64_t n = (int64_t)strlen(sequence);
    const rt_stockholm *seed = opt_row ? find_seed(opt_row, seeds) : NULL;
    int32_t *column = NULL;
    char *letters = NULL;
    *out_homologs = (rt_homologs){0};
    if (!seed) return RT_OK;
    out_homologs->family = seed->accession[0] ? seed->accession : seed->id;
    RT_TRY_ALLOC(column, n + 1);
    RT_TRY_ALLOC(letters, n + 1);
    RT_TRY(place_target(column, sequence, seed, err));
    for (int64_t r = 0; r < seed->n; r++) {
        likeness l = thread(letters, sequence, column, seed, r);
        double length = (double)l.n, identity = (double)l.same / length;
        if (identity < rules->identity || (double)l.gaps / length > rules->gaps || (double)l.extra / length > rules->gaps)
            continue;
        if (l.same + l.gaps == l.n) continue;   /* nothing would change */
        RT_TRY(keep_homolog(out_homologs, target, rules, seed->row[r].name, letters, identity, err));
    }
    if (out_homologs->n) qsort(out_homologs->homolog, (size_t)out_homologs->n, sizeof *out_homologs->homolog, by_name);
done:
    free(column);
    free(letters);
    if (status != RT_OK) rt_homologs_free_members(out_homologs);
    return status;
}
