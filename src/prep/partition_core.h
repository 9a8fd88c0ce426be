/* partition_core.h - the recurrences of prep/partition over one kind of number
 * Room: prep.  Included by prep/partition.c alone, once for each: the recurrences are the same for sums of weights (double,
 * long double) and for the best score (maximum and sum of log-scores), so they stand here once.
 *
 * Before: REAL the number, NAME(x) a name of this kind, TIMES(a,b), PLUS(a,b), ZERO (of PLUS), ONE (of TIMES).
 *
 * Over residues 1..n, all as weights (or log-scores):
 *   pair[i][j]    i and j pair, with all that they enclose
 *   ended[i][j]   pair[i][j] times its end as an internal loop sees it from outside
 *   first[i][j]   part of a multiloop: unpaired residues from i, then one branch that ends at j
 *   some[i][j]    one branch or more, unpaired residues before, between and after them
 *   two[j]        two branches or more on i..j, for the row i at hand
 *   prefix[j]     all structures of 1..j;  suffix[i] of i..n
 */

typedef struct {
    REAL pair[RT_LOOP_LETTERS][RT_LOOP_LETTERS];
    REAL stack[RT_LOOP_LETTERS][RT_LOOP_LETTERS][RT_LOOP_LETTERS][RT_LOOP_LETTERS];
    REAL end[RT_LOOP_LETTERS][RT_LOOP_LETTERS][RT_LOOP_LETTERS][RT_LOOP_LETTERS];
    REAL branch[RT_LOOP_LETTERS][RT_LOOP_LETTERS][RT_LOOP_LETTERS][RT_LOOP_LETTERS];
    REAL single[RT_LOOP_LONGEST + 1][RT_LOOP_LONGEST + 1];   /* [a][RT_LOOP_LONGEST - b]: the inner loop runs forward */
    REAL bulge[RT_LOOP_LETTERS], internal[RT_LOOP_LETTERS][RT_LOOP_LETTERS];
    REAL close, multi_paired, multi_unpaired, external_paired, external_unpaired;
    REAL *hairpin;   /* (n + 1) by length */
} NAME(weights);

typedef struct {
    int64_t n;
    const uint8_t *letter;   /* (n + 2) */
    NAME(weights) w;
    REAL *pair, *ended, *first, *some;   /* triangles, see AT */
    REAL *two, *two_below;   /* (n + 2) of row i and of row i + 1 */
    REAL *prefix, *suffix;   /* (n + 2) */
} NAME(sums);

static void NAME(sums_free)(NAME(sums) *s)
{
    free(s->w.hairpin);
    free(s->pair);
    free(s->ended);
    free(s->first);
    free(s->some);
    free(s->two);
    free(s->two_below);
    free(s->prefix);
    free(s->suffix);
}

static rt_status NAME(sums_create)(NAME(sums) *out, int64_t n, const uint8_t *letter, rt_err *err)
{
    rt_status status = RT_OK;
    NAME(sums) s = {.n = n, .letter = letter};
    int64_t size = triangle_size(n);
    RT_TRY_ALLOC(s.w.hairpin, n + 1);
    RT_TRY_ALLOC(s.pair, size);
    RT_TRY_ALLOC(s.ended, size);
    RT_TRY_ALLOC(s.first, size);
    RT_TRY_ALLOC(s.some, size);
    RT_TRY_ALLOC(s.two, n + 2);
    RT_TRY_ALLOC(s.two_below, n + 2);
    RT_TRY_ALLOC(s.prefix, n + 2);
    RT_TRY_ALLOC(s.suffix, n + 2);
    for (int64_t k = 0; k < size; k++) s.pair[k] = s.ended[k] = s.first[k] = s.some[k] = ZERO;
    for (int64_t k = 0; k < n + 2; k++) s.two[k] = s.two_below[k] = ZERO;
done:
    if (status != RT_OK) NAME(sums_free)(&s);
    *out = s;
    return status;
}

/* Log-scores to weights.  Every residue is divided by exp(scale) where it is consumed: pairs twice, loops by length. */
static void NAME(weights_fill)(NAME(weights) *w, const rt_loop_model *m, int64_t n, REAL scale)
{
    for (int a = 0; a < RT_LOOP_LETTERS; a++)
        for (int b = 0; b < RT_LOOP_LETTERS; b++) {
            w->pair[a][b] = FROM_LOG(m->pair[a][b] - 2 * scale);
            w->internal[a][b] = FROM_LOG(m->internal[a][b]);
            for (int c = 0; c < RT_LOOP_LETTERS; c++)
                for (int d = 0; d < RT_LOOP_LETTERS; d++) {
                    w->stack[a][b][c][d] = FROM_LOG(m->stack[a][b][c][d]);
                    w->end[a][b][c][d] = FROM_LOG(m->end[a][b][c][d]);
                    w->branch[a][b][c][d] = FROM_LOG(m->branch[a][b][c][d]);
                }
        }
    for (int a = 0; a < RT_LOOP_LETTERS; a++) w->bulge[a] = FROM_LOG(m->bulge[a]);
    for (int a = 0; a <= RT_LOOP_LONGEST; a++)
        for (int b = 0; b <= RT_LOOP_LONGEST; b++)
            w->single[a][RT_LOOP_LONGEST - b] =
                a + b <= RT_LOOP_LONGEST ? FROM_LOG(m->single[a][b] - (a + b) * scale) : ZERO;
    for (int64_t k = 0; k <= n; k++)
        w->hairpin[k] = FROM_LOG(m->hairpin[k < RT_LOOP_LONGEST ? k : RT_LOOP_LONGEST] - (REAL)k * scale);
    w->close = FROM_LOG(m->multi_base + m->multi_paired);
    w->multi_paired = FROM_LOG((REAL)m->multi_paired);
    w->multi_unpaired = FROM_LOG(m->multi_unpaired - scale);
    w->external_paired = FROM_LOG((REAL)m->external_paired);
    w->external_unpaired = FROM_LOG(m->external_unpaired - scale);
}

/* A pair's end as seen from inside its loop, and from outside. */
static inline REAL NAME(end_inside)(const NAME(sums) *s, int64_t i, int64_t j)
{
    const uint8_t *x = s->letter;
    return s->w.end[x[i]][x[j]][x[i + 1]][x[j - 1]];
}

static inline REAL NAME(end_outside)(const NAME(sums) *s, int64_t i, int64_t j)
{
    const uint8_t *x = s->letter;
    return s->w.end[x[j]][x[i]][x[j + 1]][x[i - 1]];
}

static inline REAL NAME(branch_inside)(const NAME(sums) *s, int64_t i, int64_t j)
{
    const uint8_t *x = s->letter;
    return s->w.branch[x[i]][x[j]][x[i + 1]][x[j - 1]];
}

static inline REAL NAME(branch_outside)(const NAME(sums) *s, int64_t i, int64_t j)
{
    const uint8_t *x = s->letter;
    return s->w.branch[x[j]][x[i]][x[j + 1]][x[i - 1]];
}

static inline REAL NAME(stack)(const NAME(sums) *s, int64_t i, int64_t j)
{
    const uint8_t *x = s->letter;
    return s->w.stack[x[i]][x[j]][x[i + 1]][x[j - 1]];
}

/* What a bulge of one or a 1x1 loop adds: ONE for every other. */
static inline REAL NAME(small_loop)(const NAME(sums) *s, int64_t i, int64_t j, int64_t k, int64_t l)
{
    const uint8_t *x = s->letter;
    if (k - i == 2 && j - l == 1) return s->w.bulge[x[i + 1]];
    if (k - i == 1 && j - l == 2) return s->w.bulge[x[j - 1]];
    if (k - i == 2 && j - l == 2) return s->w.internal[x[i + 1]][x[j - 1]];
    return ONE;
}

/* An internal loop's weight without `ended` of its inner pair. */
static inline REAL NAME(loop)(const NAME(sums) *s, int64_t i, int64_t j, int64_t k, int64_t l)
{
    REAL length = s->w.single[k - i - 1][RT_LOOP_LONGEST - (j - l - 1)];
    return TIMES(TIMES(length, NAME(end_inside)(s, i, j)), NAME(small_loop)(s, i, j, k, l));
}

/* Sum over bulges and internal loops that (i, j) closes, without end_inside. */
static REAL NAME(inner_loops)(const NAME(sums) *s, int64_t i, int64_t j)
{
    REAL sum = ZERO;
    for (int64_t k = i + 1; k <= i + 1 + RT_LOOP_LONGEST && k + RT_LOOP_HAIRPIN + 1 < j; k++) {
        int64_t a = k - i - 1, low = j - 1 - (RT_LOOP_LONGEST - a);
        if (low < k + RT_LOOP_HAIRPIN + 1) low = k + RT_LOOP_HAIRPIN + 1;
        const REAL *ended = s->ended + AT(s->n, k, 0), *single = s->w.single[a];
        int64_t high = j - 1, shift = RT_LOOP_LONGEST - j + 1;
        if (a <= 1)   /* the small loops are at the end of these rows; k == i + 1, l == j - 1 is a stack */
            for (; high >= low && j - high <= 2; high--) {
                if (a == 0 && high == j - 1) continue;
                sum = PLUS(sum, TIMES(TIMES(ended[high], single[shift + high]), NAME(small_loop)(s, i, j, k, high)));
            }
        for (int64_t l = low; l <= high; l++) sum = PLUS(sum, TIMES(ended[l], single[shift + l]));
    }
    return sum;
}

/* All that (i, j) may enclose, with the pair itself. */
static REAL NAME(enclosed)(const NAME(sums) *s, int64_t i, int64_t j)
{
    REAL end = NAME(end_inside)(s, i, j);
    REAL sum = TIMES(s->w.hairpin[j - i - 1], end);
    sum = PLUS(sum, TIMES(NAME(stack)(s, i, j), s->pair[AT(s->n, i + 1, j - 1)]));
    sum = PLUS(sum, TIMES(end, NAME(inner_loops)(s, i, j)));
    sum = PLUS(sum, TIMES(s->two_below[j - 1], TIMES(NAME(branch_inside)(s, i, j), s->w.close)));
    return TIMES(sum, s->w.pair[s->letter[i]][s->letter[j]]);
}

static void NAME(inside_row)(NAME(sums) *s, int64_t i)
{
    int64_t n = s->n;
    REAL *pair = s->pair + AT(n, i, 0), *ended = s->ended + AT(n, i, 0), *first = s->first + AT(n, i, 0),
         *some = s->some + AT(n, i, 0), *two = s->two;
    for (int64_t j = i; j <= n; j++) {
        two[j] = ZERO;
        first[j] = j > i ? TIMES(s->first[AT(n, i + 1, j)], s->w.multi_unpaired) : ZERO;
        if (!may_pair(s->letter, i, j)) continue;
        pair[j] = NAME(enclosed)(s, i, j);
        ended[j] = TIMES(pair[j], NAME(end_outside)(s, i, j));
        first[j] = PLUS(first[j], TIMES(pair[j], TIMES(NAME(branch_outside)(s, i, j), s->w.multi_paired)));
    }
    for (int64_t k = i + RT_LOOP_HAIRPIN + 1; k < n; k++) {   /* the first branch ends at k, others follow */
        const REAL *rest = s->some + AT(n, k + 1, 0);
        REAL here = first[k];
        for (int64_t j = k + 1; j <= n; j++) two[j] = PLUS(two[j], TIMES(here, rest[j]));
    }
    REAL alone = ZERO;   /* one branch, with unpaired residues after it */
    for (int64_t j = i; j <= n; j++) {
        alone = PLUS(first[j], TIMES(alone, s->w.multi_unpaired));
        some[j] = PLUS(two[j], alone);
    }
    REAL *swap = s->two;
    s->two = s->two_below;
    s->two_below = swap;
}

static inline REAL NAME(outermost)(const NAME(sums) *s, int64_t i, int64_t j)
{
    return TIMES(NAME(branch_outside)(s, i, j), s->w.external_paired);
}

static void NAME(inside)(NAME(sums) *s)
{
    int64_t n = s->n;
    for (int64_t i = n; i >= 1; i--) NAME(inside_row)(s, i);
    s->prefix[0] = ONE;
    for (int64_t j = 1; j <= n; j++) {
        s->prefix[j] = TIMES(s->prefix[j - 1], s->w.external_unpaired);
        for (int64_t i = 1; i + RT_LOOP_HAIRPIN < j; i++)
            if (may_pair(s->letter, i, j))
                s->prefix[j] = PLUS(s->prefix[j],
                                    TIMES(TIMES(s->prefix[i - 1], s->pair[AT(n, i, j)]), NAME(outermost)(s, i, j)));
    }
}
