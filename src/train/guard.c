#include "train/guard.h"

#include <math.h>
#include <stddef.h>

#include "base/log.h"
#include "base/text.h"

rt_status rt_guard_check(rt_guard *guard, bool *out_skip, double loss, double norm, const char *opt_bad_tensor,
                         const char *targets, rt_err *err)
{
    *out_skip = !isfinite(loss) || !isfinite(norm) || opt_bad_tensor;
    if (!*out_skip) {
        guard->n_in_row = 0;
        return RT_OK;
    }
    rt_text why = {0};
    guard->n_skipped++;
    guard->n_in_row++;
    if (!isfinite(loss)) rt_text_add(&why, "the loss of %s is %g", targets, loss);
    else if (opt_bad_tensor) rt_text_add(&why, "the gradient of %s is not finite for %s", opt_bad_tensor, targets);
    else rt_text_add(&why, "the gradient's norm is %g for %s", norm, targets);
    const char *text = why.failed ? "not finite" : why.data;
    rt_warn("step left out: %s (%lld in a row, %lld in all)", text, (long long)guard->n_in_row,
            (long long)guard->n_skipped);
    rt_status status = RT_OK;
    if (guard->n_in_row >= guard->limit) {
        status = rt_fail(err, RT_ERR_FORMAT, NULL, 0, "%lld steps in a row gave no finite numbers; the last: %s",
                         (long long)guard->n_in_row, text);
        rt_hint(
            err,
            "a lower learning rate, a longer warm-up or --precision fp32 may help; the last checkpoint is as it was");
    }
    rt_text_free(&why);
    return status;
}
