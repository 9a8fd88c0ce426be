/* predictor.h - base pairs of sequences by one method, kept on disk between runs
 * Room: prep.  Uses: base/file, base/hash, base/log, base/memory, base/pool, base/progress, prep/pairs,
 * prep/pairs_cache, prep/pairs_cm, prep/pairs_vienna, prep/partition.
 *
 * A prediction is a function of method, parameters, least probability and sequence.  With a cache folder each is one
 * file named after the SHA-256 of these; a file that is damaged is predicted again.  Several threads and several
 * processes may use one folder: a file appears whole.
 */
#ifndef RT_PREP_PREDICTOR_H
#define RT_PREP_PREDICTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/pool.h"
#include "base/status.h"
#include "prep/pairs.h"

typedef enum { RT_PREDICT_ETERNAFOLD, RT_PREDICT_VIENNA, RT_PREDICT_CM, RT_PREDICT_METHODS } rt_predict_method;

typedef struct {
    rt_predict_method method;
    const char *opt_params;    /* ETERNAFOLD: other parameters; NULL: its own */
    const char *opt_models;    /* CM: covariance models, needed */
    const char *opt_cache;     /* a folder, made when it is not there; NULL: nothing is kept */
    double min_prob;           /* pairs below it are neither listed nor kept */
} rt_predictor_options;

typedef struct rt_predictor rt_predictor;

/* Errors: RT_ERR_UNSUPPORTED when the method is not there (ViennaRNA not built in, Infernal not installed);
 * RT_ERR_USAGE for CM without models; those of the parameter file, the models and the folder. */
rt_status rt_predictor_open(rt_predictor **ret_predictor, const rt_predictor_options *options, rt_err *err);
void rt_predictor_close(rt_predictor *predictor);   /* NULL ok */

/* One sequence (letters A C G U N).  out_pairs as rt_partition_fold's; CM: rt_pairs_cm_find's.  Any number of threads
 * may call it.  opt_from_cache: it was there.  Errors: RT_ERR_MEMORY; of CM those of rt_pairs_cm_find.  A cache that
 * cannot be written is a warning. */
rt_status rt_predictor_fold(rt_pairs *out_pairs, bool *opt_from_cache, rt_predictor *predictor, const char *sequence,
                            int64_t length, rt_err *err);

/* Many at once, on all threads of the pool, with progress; CM runs Infernal once for all of them.
 * out_pairs (n): release each with rt_pairs_free_members; empty after an error.  opt_from_cache: how many were there.
 * Errors: as above; RT_ERR_STOPPED: what was done is in the cache. */
rt_status rt_predictor_fold_all(rt_pairs *out_pairs, int64_t *opt_from_cache, rt_predictor *predictor,
                                const char *const *sequence, int64_t n, rt_pool *pool, rt_err *err);

/* "eternafold", "vienna", "cm"; false for what is no method. */
bool rt_predict_method_find(rt_predict_method *out_method, const char *name);
const char *rt_predict_method_name(rt_predict_method method);

#endif
