/* pairs_vienna_stub.c - instead of pairs_vienna.c in a program built without ViennaRNA */
#include "prep/pairs_vienna.h"

#include <stddef.h>

bool rt_pairs_vienna_here(void) { return false; }

rt_status rt_pairs_vienna_fold(rt_pairs *out_pairs, const char *sequence, int64_t length, double min_prob, rt_err *err)
{
    (void)sequence;
    (void)length;
    (void)min_prob;
    *out_pairs = (rt_pairs){0};
    rt_fail(err, RT_ERR_UNSUPPORTED, NULL, 0, "this rnatune was built without ViennaRNA");
    return rt_hint(err, "'make VIENNA=1' fetches and builds it; --method eternafold needs nothing");
}
