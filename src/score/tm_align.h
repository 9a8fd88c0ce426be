/* tm_align.h - the memory of TM-score's searches (inside score/tm)
 * Room: score.  Uses: score/tm, score/tm_search, score/tm_dp.
 */
#ifndef RT_SCORE_TM_ALIGN_H
#define RT_SCORE_TM_ALIGN_H

#include "score/tm.h"
#include "score/tm_dp.h"
#include "score/tm_search.h"

struct rt_tm {
    rt_tm_pairs pairs;
    rt_tm_dp dp;
    double *memory;       /* both chains, axis by axis, and their secondary structure */
    int32_t *maps;        /* 4 (n_native): the best alignment, the one in work, a scratch, the thorough search's */
    int64_t capacity;
};

/* Scores tm->pairs with the native's d0: fills *out, returns its score. */
double rt_tm_final(rt_tm *tm, rt_tm_result *out, double opt_within[4], int64_t length);

#endif
