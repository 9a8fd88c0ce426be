/* partition_outside.h - how Z changes with each inside sum: the second half of prep/partition_core.h, for sums of weights
 * Room: prep.  Included by prep/partition.c after partition_core.h, for double and for long double.
 *
 * The rows of the inside pass in reverse order, each statement turned into its derivative: d_x is dZ/dx.  The probability
 * of a pair is pair[i][j] d_pair[i][j] / Z.
 */

typedef struct {
    REAL *pair, *ended, *some;                            /* triangles */
    REAL *first, *first_below, *two, *two_below;          /* (n + 2) of row i and of row i + 1 */
} NAME(slopes);

static void NAME(slopes_free)(NAME(slopes) *d)
{
    free(d->pair);
    free(d->ended);
    free(d->some);
    free(d->first);
    free(d->first_below);
    free(d->two);
    free(d->two_below);
}

static rt_status NAME(slopes_create)(NAME(slopes) *out, int64_t n, rt_err *err)
{
    rt_status status = RT_OK;
    NAME(slopes) d = {0};
    int64_t size = triangle_size(n);
    RT_TRY_ALLOC(d.pair, size);
    RT_TRY_ALLOC(d.ended, size);
    RT_TRY_ALLOC(d.some, size);
    RT_TRY_ALLOC(d.first, n + 2);
    RT_TRY_ALLOC(d.first_below, n + 2);
    RT_TRY_ALLOC(d.two, n + 2);
    RT_TRY_ALLOC(d.two_below, n + 2);
done:
    if (status != RT_OK) NAME(slopes_free)(&d);
    *out = d;
    return status;
}

static void NAME(inner_loops_outside)(const NAME(sums) *s, NAME(slopes) *d, int64_t i, int64_t j, REAL d_sum)
{
    for (int64_t k = i + 1; k <= i + 1 + RT_LOOP_LONGEST && k + RT_LOOP_HAIRPIN + 1 < j; k++) {
        int64_t a = k - i - 1, low = j - 1 - (RT_LOOP_LONGEST - a);
        if (low < k + RT_LOOP_HAIRPIN + 1) low = k + RT_LOOP_HAIRPIN + 1;
        REAL *d_ended = d->ended + AT(s->n, k, 0);
        const REAL *single = s->w.single[a];
        int64_t high = j - 1, shift = RT_LOOP_LONGEST - j + 1;
        if (a <= 1)
            for (; high >= low && j - high <= 2; high--) {
                if (a == 0 && high == j - 1) continue;
                d_ended[high] += d_sum * single[shift + high] * NAME(small_loop)(s, i, j, k, high);
            }
        for (int64_t l = low; l <= high; l++) d_ended[l] += d_sum * single[shift + l];
    }
}

static void NAME(enclosed_outside)(const NAME(sums) *s, NAME(slopes) *d, int64_t i, int64_t j, REAL d_pair)
{
    REAL d_sum = d_pair * s->w.pair[s->letter[i]][s->letter[j]];
    if (d_sum == 0) return;
    d->pair[AT(s->n, i + 1, j - 1)] += d_sum * NAME(stack)(s, i, j);
    d->two_below[j - 1] += d_sum * NAME(branch_inside)(s, i, j) * s->w.close;
    NAME(inner_loops_outside)(s, d, i, j, d_sum * NAME(end_inside)(s, i, j));
}

static void NAME(outside_row)(const NAME(sums) *s, NAME(slopes) *d, int64_t i)
{
    int64_t n = s->n;
    REAL *d_pair = d->pair + AT(n, i, 0), *d_ended = d->ended + AT(n, i, 0), *d_some = d->some + AT(n, i, 0);
    const REAL *first = s->first + AT(n, i, 0);
    REAL d_alone = 0;
    for (int64_t j = n; j >= i; j--) {
        d_alone = d_some[j] + d_alone * s->w.multi_unpaired;
        d->first[j] += d_alone;
        d->two[j] += d_some[j];
    }
    for (int64_t k = i + RT_LOOP_HAIRPIN + 1; k < n; k++) {
        const REAL *rest = s->some + AT(n, k + 1, 0);
        REAL *d_rest = d->some + AT(n, k + 1, 0), here = first[k], sum = 0;
        for (int64_t j = k + 1; j <= n; j++) {
            sum += d->two[j] * rest[j];
            d_rest[j] += here * d->two[j];
        }
        d->first[k] += sum;
    }
    for (int64_t j = i; j <= n; j++) {
        if (j > i) d->first_below[j] += d->first[j] * s->w.multi_unpaired;
        if (!may_pair(s->letter, i, j)) continue;
        d_pair[j] += d->first[j] * NAME(branch_outside)(s, i, j) * s->w.multi_paired +
                     d_ended[j] * NAME(end_outside)(s, i, j);
        NAME(enclosed_outside)(s, d, i, j, d_pair[j]);
    }
    REAL *swap = d->first;
    d->first = d->first_below;
    d->first_below = swap;
    swap = d->two;
    d->two = d->two_below;
    d->two_below = swap;
    memset(d->first_below, 0, (size_t)(n + 2) * sizeof *swap);
    memset(d->two_below, 0, (size_t)(n + 2) * sizeof *swap);
}

static void NAME(outside)(NAME(sums) *s, NAME(slopes) *d)
{
    int64_t n = s->n;
    s->suffix[n + 1] = 1;
    for (int64_t i = n; i >= 1; i--) {
        s->suffix[i] = s->suffix[i + 1] * s->w.external_unpaired;
        for (int64_t j = i + RT_LOOP_HAIRPIN + 1; j <= n; j++) {
            if (!may_pair(s->letter, i, j)) continue;
            REAL rest = NAME(outermost)(s, i, j) * s->suffix[j + 1];
            d->pair[AT(n, i, j)] = s->prefix[i - 1] * rest;
            s->suffix[i] += s->pair[AT(n, i, j)] * rest;
        }
    }
    for (int64_t i = 1; i <= n; i++) NAME(outside_row)(s, d, i);
}

/* Both passes and the list of pairs.  False in *out_fits when a number did not fit: then nothing was listed. */
static rt_status NAME(ensemble)(rt_pairs *pairs, bool *out_fits, const rt_loop_model *model, const uint8_t *letter,
                                int64_t n, double scale, double min_prob, rt_err *err)
{
    NAME(sums) s = {0};
    NAME(slopes) d = {0};
    rt_status status;
    *out_fits = false;
    RT_TRY(NAME(sums_create)(&s, n, letter, err));
    RT_TRY(NAME(slopes_create)(&d, n, err));
    NAME(weights_fill)(&s.w, model, n, scale);
    NAME(inside)(&s);
    REAL z = s.prefix[n];
    if (!(z > 0) || !isfinite(z)) goto done;
    NAME(outside)(&s, &d);
    for (int64_t k = 0; k < triangle_size(n); k++)
        if (!isfinite(d.pair[k])) goto done;
    *out_fits = true;
    pairs->ensemble = (double)(TO_LOG(z) + (REAL)n * scale);
    for (int64_t i = 1; i <= n; i++)
        for (int64_t j = i + RT_LOOP_HAIRPIN + 1; j <= n; j++) {
            double p = (double)(s.pair[AT(n, i, j)] * (d.pair[AT(n, i, j)] / z));
            if (p > 0 && p >= min_prob) RT_TRY(rt_pairs_add(pairs, i - 1, j - 1, p < 1 ? p : 1, err));
        }
done:
    NAME(sums_free)(&s);
    NAME(slopes_free)(&d);
    return status;
}
