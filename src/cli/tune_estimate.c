#include "cli/tune.h"

rt_status rt_tune_estimate(rt_tune *t, rt_err *err)
{
    (void)t;
    return rt_fail(err, RT_ERR_UNSUPPORTED, NULL, 0, "--dry-run");
}
