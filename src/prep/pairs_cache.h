/* pairs_cache.h - base pairs of one sequence as a file that knows whether it is whole
 * Room: prep.  Uses: base/file, base/hash, base/memory, base/text, prep/pairs.
 *
 * Little-endian bytes: "rtpairs1", length, n, whether `best` follows (8 bytes each), best_score, ensemble (double), n
 * pairs (i, j: 4 bytes each, p: double), best (length x 4 bytes), then the SHA-256 of all that in 64 hex digits.
 */
#ifndef RT_PREP_PAIRS_CACHE_H
#define RT_PREP_PAIRS_CACHE_H

#include <stdint.h>

#include "base/status.h"
#include "prep/pairs.h"

/* Errors: RT_ERR_IO, RT_ERR_MEMORY. */
rt_status rt_pairs_cache_write(const char *path, const rt_pairs *pairs, rt_err *err);
/* length: the sequence's.  Errors: RT_ERR_IO; RT_ERR_FORMAT when it is not such a file of that length, or damaged;
 * RT_ERR_MEMORY. */
rt_status rt_pairs_cache_read(rt_pairs *out_pairs, const char *path, int64_t length, rt_err *err);
rt_status rt_pairs_cache_parse(rt_pairs *out_pairs, const void *bytes, int64_t size, int64_t length, const char *name,
                               rt_err *err);

#endif
