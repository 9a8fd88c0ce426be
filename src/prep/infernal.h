/* infernal.h - runs Infernal's cmscan over sequences
 * Room: prep.  Uses: base/file, base/hash, base/pool, base/process, base/progress, io/plain, prep/hits.
 * Reference: E. Nawrocki, S. Eddy, Bioinformatics 29:2933 (2013).
 *
 * cmscan runs without --cut_ga, which ends the program at the first model that has no gathering threshold: prep/hits
 * applies the thresholds that there are.
 */
#ifndef RT_PREP_INFERNAL_H
#define RT_PREP_INFERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/pool.h"
#include "base/status.h"
#include "prep/hits.h"

typedef struct {
    const char *cm;           /* the models, pressed or not; nothing is written beside them */
    const char *work;         /* a folder for pressed models and finished tables: a rerun goes on from there */
    double search_space;      /* -Z in megabases; 0: cmscan's own */
    bool both_strands;
} rt_infernal_options;

/* Where a program of Infernal is.  Errors: RT_ERR_UNSUPPORTED when it is not installed, with how to get it. */
rt_status rt_infernal_find(char *out_path, int64_t size, const char *name, rt_err *err);

/* Searches the sequences, a cmscan at a time on each of the pool's threads, and appends every hit.  Finished pieces
 * stay
 * in `work`.
 * Errors: RT_ERR_UNSUPPORTED when cmscan or cmpress is not installed; RT_ERR_IO with what the program said. */
rt_status rt_infernal_scan(rt_hits *out_hits, const char *const *name, const char *const *sequence, int64_t n,
                           const rt_infernal_options *options, rt_pool *pool, rt_err *err);

/* Removes a work folder that is no longer needed; files that are not ours stay, and the folder with them. */
void rt_infernal_clean(const char *work);

#endif
