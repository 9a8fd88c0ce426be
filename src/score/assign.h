/* assign.h - the assignment of rows to columns with the highest sum
 * Room: score.  Uses: base/memory.
 * Reference: H. W. Kuhn, Nav. Res. Logist. Q. 2:83 (1955), by shortest augmenting paths.
 */
#ifndef RT_SCORE_ASSIGN_H
#define RT_SCORE_ASSIGN_H

#include <stdint.h>

#include "base/status.h"

/* out_column (n_row): each row's column, no column twice; -1 for rows beyond the columns.  value (n_row,n_column),
 * finite.
 * Cost: O(k^2 (n_row + n_column)), k the smaller.  Errors: RT_ERR_MEMORY. */
rt_status rt_assign_best(int32_t *out_column, const double *value, int64_t n_row, int64_t n_column, rt_err *err);

#endif
