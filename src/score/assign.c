#include "score/assign.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/memory.h"

/* Worth of a row and a column of the square problem; what is beyond the table is worth nothing. */
static double worth(const double *value, int64_t n_row, int64_t n_column, int64_t row, int64_t column)
{
    return row < n_row && column < n_column ? value[row * n_column + column] : 0;
}

rt_status rt_assign_best(int32_t *out_column, const double *value, int64_t n_row, int64_t n_column, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t n = n_row > n_column ? n_row : n_column, *row_of = NULL, *before = NULL;
    double *row_price = NULL, *column_price = NULL, *slack = NULL;
    bool *done_column = NULL;
    RT_TRY_ALLOC(row_of, n + 1);
    RT_TRY_ALLOC(before, n + 1);
    RT_TRY_ALLOC(row_price, n + 1);
    RT_TRY_ALLOC(column_price, n + 1);
    RT_TRY_ALLOC(slack, n + 1);
    RT_TRY_ALLOC(done_column, n + 1);
    for (int64_t j = 0; j <= n; j++) row_of[j] = -1;   /* column n is where a new row starts from */
    for (int64_t row = 0; row < n; row++) {
        int64_t column = n;
        row_of[n] = row;
        for (int64_t j = 0; j <= n; j++) {
            slack[j] = INFINITY;
            done_column[j] = false;
        }
        do {
            int64_t i = row_of[column], next = n;
            double least = INFINITY;
            done_column[column] = true;
            for (int64_t j = 0; j < n; j++) {
                if (done_column[j]) continue;
                double reduced = -worth(value, n_row, n_column, i, j) - row_price[i] - column_price[j];
                if (reduced < slack[j]) {
                    slack[j] = reduced;
                    before[j] = column;
                }
                if (slack[j] < least) {
                    least = slack[j];
                    next = j;
                }
            }
            for (int64_t j = 0; j <= n; j++) {
                if (done_column[j]) {
                    row_price[row_of[j]] += least;
                    column_price[j] -= least;
                } else {
                    slack[j] -= least;
                }
            }
            column = next;
        } while (row_of[column] >= 0);
        while (column != n) {
            row_of[column] = row_of[before[column]];
            column = before[column];
        }
    }
    for (int64_t i = 0; i < n_row; i++) out_column[i] = -1;
    for (int64_t j = 0; j < n_column; j++)
        if (row_of[j] >= 0 && row_of[j] < n_row) out_column[row_of[j]] = (int32_t)j;
done:
    free(row_of);
    free(before);
    free(row_price);
    free(column_price);
    free(slack);
    free(done_column);
    return status;
}
