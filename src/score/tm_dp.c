#include "score/tm_dp.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "score/simd.h"

enum { ROWS = RT_TM_DP_ROWS };

/* Steps of a block: the last row reaches the last column ROWS-1 steps after the first. */
static int64_t steps_of(const rt_tm_dp *dp) { return dp->n_native + ROWS; }

rt_status rt_tm_dp_reserve(rt_tm_dp *dp, int64_t n_model, int64_t n_native, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t cells, blocks = (n_model + ROWS - 1) / ROWS;
    dp->n_model = n_model;
    dp->n_native = n_native;
    if (!rt_multiply(blocks * ROWS, steps_of(dp), &cells))
        return rt_fail(err, RT_ERR_MEMORY, NULL, 0, "two chains of %lld and %lld residues are too long to align",
                       (long long)n_model, (long long)n_native);
    cells += 2 * (n_native + RT_TM_DP_PADDING);
    if (cells > dp->capacity) {
        free(dp->leave);
        dp->leave = NULL;
        dp->capacity = 0;
        RT_TRY_ALLOC(dp->leave, cells);
        dp->capacity = cells;
    }
    dp->above = dp->leave + blocks * ROWS * steps_of(dp);
    dp->above_leave = dp->above + n_native + RT_TM_DP_PADDING;
done:
    return status;
}

void rt_tm_dp_free_members(rt_tm_dp *dp)
{
    free(dp->leave);
    *dp = (rt_tm_dp){0};
}

typedef double four __attribute__((vector_size(32), aligned(8)));
typedef int64_t four_bits __attribute__((vector_size(32), aligned(8)));

/* Every row takes what the row above it had; the first one takes x. */
#define SHIFT_IN(v, x) __builtin_shufflevector((v), (four){(x), 0, 0, 0}, 4, 0, 1, 2)
#define CHOOSE(mask, a, b) ((four)(((four_bits)(a) & (mask)) | ((four_bits)(b) & ~(mask))))

/* The block of model residues first .. first+3.  Of three ways into a cell the diagonal wins ties. */
RT_SCORE_CLONES
static void fill_block(const rt_tm_dp *dp, int64_t first, const rt_tm_worth *w, double gap)
{
    const double *restrict y0 = dp->native.axis[0], *restrict y1 = dp->native.axis[1],
        *restrict y2 = dp->native.axis[2];
    const double *restrict pairs = dp->native_pairs;
    double *restrict above = dp->above, *restrict above_leave = dp->above_leave;
    int64_t steps = steps_of(dp), m = dp->n_native;
    double *leave_out = dp->leave + first * steps;
    double scale = w->opt_rigid ? w->d * w->d : 1, near = w->opt_rigid ? 1 : 0, same = w->same;
    four x0, x1, x2, code;
    for (int l = 0; l < ROWS; l++) {
        double x[3] = {0}, moved[3] = {0};
        int64_t i = first + l < dp->n_model ? first + l : dp->n_model - 1;
        for (int k = 0; k < 3; k++) x[k] = dp->model.axis[k][i];
        if (w->opt_rigid) rt_superpose_apply(moved, w->opt_rigid, x);
        x0[l] = moved[0];
        x1[l] = moved[1];
        x2[l] = moved[2];
        code[l] = dp->model_pairs[i];
    }
    four zero = {0}, b0 = zero, b1 = zero, b2 = zero, other = zero;
    four leave = zero, value = zero, value_before = zero;
    for (int64_t s = 1; s < steps; s++) {   /* row l is at column s - l */
        b0 = SHIFT_IN(b0, y0[s - 1]);
        b1 = SHIFT_IN(b1, y1[s - 1]);
        b2 = SHIFT_IN(b2, y2[s - 1]);
        other = SHIFT_IN(other, pairs[s - 1]);
        four d0 = x0 - b0, d1 = x1 - b1, d2 = x2 - b2;
        four worth = near * scale / (scale + (d0 * d0 + d1 * d1 + d2 * d2));
        worth += CHOOSE(code == other, zero + same, zero);
        double up_value = s <= m ? above[s - 1] : 0, up_leave = s <= m ? above_leave[s] : 0;
        four diagonal = SHIFT_IN(value_before, up_value) + worth;
        four up = SHIFT_IN(leave, up_leave);
        four around = CHOOSE(up > leave, up, leave);
        four_bits pair = diagonal >= around;
        value_before = value;
        value = CHOOSE(pair, diagonal, around);
        leave = CHOOSE(pair, diagonal + gap, around);
        if (s < ROWS) {   /* rows that have not begun are at column 0 */
            four_bits begun = (four_bits){1, 2, 3, 4} <= s;
            value = CHOOSE(begun, value, zero);
            leave = CHOOSE(begun, leave, zero);
        }
        four_bits marked = ((four_bits)leave & ~(four_bits){1, 1, 1, 1}) | (pair & 1);
        memcpy(leave_out + ROWS * s, &marked, sizeof marked);
        if (s >= ROWS) {   /* column s - 3 of the last row is done; the first row is past it */
            above[s - ROWS + 1] = value[ROWS - 1];
            above_leave[s - ROWS + 1] = leave[ROWS - 1];
        }
    }
}

/* What is kept of the cell at row i and column j, both from 1. */
static double cell(const rt_tm_dp *dp, int64_t i, int64_t j)
{
    int64_t lane = (i - 1) % ROWS;
    return i > 0 && j > 0 ? dp->leave[(i - 1 - lane) * steps_of(dp) + ROWS * (j + lane) + lane] : 0;
}

static bool is_paired(double cell)
{
    int64_t bits;
    memcpy(&bits, &cell, sizeof bits);
    return bits & 1;
}

static double without_mark(double cell)
{
    int64_t bits;
    memcpy(&bits, &cell, sizeof bits);
    bits &= ~(int64_t)1;
    memcpy(&cell, &bits, sizeof bits);
    return cell;
}

void rt_tm_dp_align(rt_tm_dp *dp, int32_t *out_map, const rt_tm_worth *worth, double gap)
{
    int64_t m = dp->n_native;
    for (int64_t j = 0; j <= m; j++) dp->above[j] = dp->above_leave[j] = 0;
    for (int64_t i = 0; i < dp->n_model; i += ROWS) fill_block(dp, i, worth, gap);
    for (int64_t j = 0; j < m; j++) out_map[j] = -1;
    for (int64_t i = dp->n_model, j = m; i > 0 && j > 0;) {
        if (is_paired(cell(dp, i, j))) out_map[--j] = (int32_t)--i;
        else if (without_mark(cell(dp, i, j - 1)) >= without_mark(cell(dp, i - 1, j))) j--;
        else i--;
    }
}
