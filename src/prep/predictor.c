#include "prep/predictor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/progress.h"
#include "base/text.h"
#include "prep/pairs_cache.h"
#include "prep/pairs_cm.h"
#include "prep/pairs_vienna.h"
#include "prep/partition.h"

struct rt_predictor {
    rt_predict_method method;
    rt_loop_model model;             /* ETERNAFOLD */
    char *models;                    /* CM */
    char *cache;                     /* NULL: none */
    char parameters[RT_HASH_TEXT];   /* what a prediction depends on besides method and sequence */
    double min_prob;
    int warned;                      /* that the cache cannot be written */
};

static const char *const NAMES[RT_PREDICT_METHODS] = {"eternafold", "vienna", "cm"};

const char *rt_predict_method_name(rt_predict_method method) { return NAMES[method]; }

bool rt_predict_method_find(rt_predict_method *out_method, const char *name)
{
    for (int k = 0; k < RT_PREDICT_METHODS; k++)
        if (!strcmp(NAMES[k], name)) {
            *out_method = (rt_predict_method)k;
            return true;
        }
    return false;
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static rt_status open_method(rt_predictor *p, const rt_predictor_options *o, rt_err *err)
{
    rt_status status = RT_OK;
    rt_pairs none;
    switch (o->method) {
    case RT_PREDICT_ETERNAFOLD:
        RT_TRY(rt_loop_model_load(&p->model, o->opt_params, err));
        RT_TRY(rt_hash_bytes(p->parameters, &p->model, sizeof p->model, err));
        break;
    case RT_PREDICT_VIENNA:
        if (!rt_pairs_vienna_here()) return rt_pairs_vienna_fold(&none, "", 0, 0, err);   /* which says so */
        RT_TRY(rt_hash_bytes(p->parameters, RT_PAIRS_VIENNA_MODEL, sizeof RT_PAIRS_VIENNA_MODEL, err));
        break;
    default:
        if (!o->opt_models) {
            rt_fail(err, RT_ERR_USAGE, NULL, 0, "pairs of a family's consensus need its covariance model");
            return rt_hint(err, "--cm FILE: Rfam.cm or the models of some families");
        }
        RT_TRY(rt_hash_file(p->parameters, NULL, o->opt_models, err));
        p->models = rt_copy_text(o->opt_models, -1, err);
        if (!p->models) status = RT_ERR_MEMORY;
    }
done:
    return status;
}

rt_status rt_predictor_open(rt_predictor **ret_predictor, const rt_predictor_options *options, rt_err *err)
{
    rt_status status = RT_OK;
    rt_predictor *p = NULL;
    RT_TRY_ALLOC(p, 1);
    p->method = options->method;
    p->min_prob = options->min_prob;
    RT_TRY(open_method(p, options, err));
    if (options->opt_cache) {
        p->cache = rt_copy_text(options->opt_cache, -1, err);
        if (!p->cache) RT_TRY(RT_ERR_MEMORY);
        RT_TRY(rt_make_folder(p->cache, err));
    }
done:
    if (status != RT_OK) {
        rt_predictor_close(p);
        p = NULL;
    }
    *ret_predictor = p;
    return status;
}

void rt_predictor_close(rt_predictor *predictor)
{
    if (!predictor) return;
    free(predictor->models);
    free(predictor->cache);
    free(predictor);
}

/* ---- the cache --------------------------------------------------------------------------------------------------- */

/* FOLDER/ab/cdef...: no folder grows to hundreds of thousands of files. */
static rt_status cache_path(char *out, int64_t size, int64_t *out_folder, const rt_predictor *p, const char *sequence,
                            rt_err *err)
{
    rt_text text = {0};
    char digits[RT_HASH_TEXT];
    rt_text_add(&text, "%s\n%s\n%.17g\n%s\n", NAMES[p->method], p->parameters, p->min_prob, sequence);
    rt_status status = text.failed ? rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory")
                                   : rt_hash_bytes(digits, text.data, text.length, err);
    rt_text_free(&text);
    if (status != RT_OK) return status;
    *out_folder = snprintf(out, (size_t)size, "%s/%.2s", p->cache, digits);
    if (*out_folder + RT_HASH_TEXT + 8 > size)
        return rt_fail(err, RT_ERR_IO, p->cache, 0, "the folder's name is too long");
    snprintf(out + *out_folder, (size_t)(size - *out_folder), "/%s.pairs", digits + 2);
    return RT_OK;
}

static bool take_cached(rt_pairs *out, const rt_predictor *p, const char *sequence, int64_t length)
{
    char path[4096];
    int64_t folder;
    rt_err err;
    if (!p->cache || cache_path(path, sizeof path, &folder, p, sequence, &err) != RT_OK || !rt_file_exists(path))
        return false;
    if (rt_pairs_cache_read(out, path, length, &err) == RT_OK) return true;
    rt_warn("%s: %s; predicted again", path, err.what);
    return false;
}

static void keep(rt_predictor *p, const char *sequence, const rt_pairs *pairs)
{
    char path[4096], said[2048];
    int64_t folder;
    rt_err err;
    if (!p->cache) return;
    rt_status status = cache_path(path, sizeof path, &folder, p, sequence, &err);
    if (status == RT_OK) {
        path[folder] = 0;
        status = rt_make_folder(path, &err);
        path[folder] = '/';
    }
    if (status == RT_OK) status = rt_pairs_cache_write(path, pairs, &err);
    if (status == RT_OK || __atomic_exchange_n(&p->warned, 1, __ATOMIC_RELAXED)) return;
    rt_err_print(&err, said, sizeof said);
    rt_warn("predictions are not kept: %s", said);
}

/* ---- folding ----------------------------------------------------------------------------------------------------- */

static rt_status fold_alone(rt_pairs *out, const rt_predictor *p, const char *sequence, int64_t length, rt_err *err)
{
    rt_pool *pool;
    int64_t found;
    if (p->method == RT_PREDICT_ETERNAFOLD)
        return rt_partition_fold(out, &p->model, sequence, length, p->min_prob, err);
    if (p->method == RT_PREDICT_VIENNA) return rt_pairs_vienna_fold(out, sequence, length, p->min_prob, err);
    *out = (rt_pairs){0};
    rt_status status = rt_pool_create(&pool, 1, err);
    if (status != RT_OK) return status;
    status = rt_pairs_cm_find(out, &found, p->models, &sequence, 1, p->min_prob, pool, err);
    rt_pool_free(pool);
    return status;
}

rt_status rt_predictor_fold(rt_pairs *out_pairs, bool *opt_from_cache, rt_predictor *predictor, const char *sequence,
                            int64_t length, rt_err *err)
{
    bool cached = take_cached(out_pairs, predictor, sequence, length);
    if (opt_from_cache) *opt_from_cache = cached;
    if (cached) return RT_OK;
    rt_status status = fold_alone(out_pairs, predictor, sequence, length, err);
    if (status == RT_OK) keep(predictor, sequence, out_pairs);
    return status;
}

typedef struct {
    rt_predictor *predictor;
    const char *const *sequence;
    rt_pairs *pairs;
    const int64_t *missing;      /* which sequences */
    int32_t done;
    int failed;                  /* 1 as soon as one did */
    rt_status *status;
    rt_err *err;
} batch;

static void fold_one(void *argument, int64_t task, int worker)
{
    batch *b = argument;
    int64_t k = b->missing[task];
    (void)worker;
    if (rt_stop_requested()) b->status[task] = rt_fail(&b->err[task], RT_ERR_STOPPED, NULL, 0, "stopped");
    else if (!__atomic_load_n(&b->failed, __ATOMIC_RELAXED)) {
        b->status[task] =
            fold_alone(&b->pairs[k], b->predictor, b->sequence[k], (int64_t)strlen(b->sequence[k]), &b->err[task]);
        if (b->status[task] == RT_OK) keep(b->predictor, b->sequence[k], &b->pairs[k]);
    }
    if (b->status[task] != RT_OK) __atomic_store_n(&b->failed, 1, __ATOMIC_RELAXED);
    rt_progress_step(__atomic_add_fetch(&b->done, 1, __ATOMIC_RELAXED));
}

static rt_status fold_missing(batch *b, int64_t n_missing, rt_pool *pool, rt_err *err)
{
    rt_status status = RT_OK;
    RT_TRY_ALLOC(b->status, n_missing);
    RT_TRY_ALLOC(b->err, n_missing);
    rt_progress_start("sequence", n_missing);
    rt_progress_label("%s", NAMES[b->predictor->method]);
    rt_pool_run(pool, n_missing, fold_one, b);
    rt_progress_end();
    for (int64_t k = 0; k < n_missing && status == RT_OK; k++)
        if ((status = b->status[k]) != RT_OK && err) *err = b->err[k];
done:
    free(b->status);
    free(b->err);
    return status;
}

/* Infernal is started once for all sequences. */
static rt_status align_missing(batch *b, int64_t n_missing, rt_pool *pool, rt_err *err)
{
    rt_status status = RT_OK;
    const char **sequence = NULL;
    rt_pairs *pairs = NULL;
    int64_t found;
    RT_TRY_ALLOC(sequence, n_missing);
    RT_TRY_ALLOC(pairs, n_missing);
    for (int64_t k = 0; k < n_missing; k++) sequence[k] = b->sequence[b->missing[k]];
    RT_TRY(
        rt_pairs_cm_find(pairs, &found, b->predictor->models, sequence, n_missing, b->predictor->min_prob, pool, err));
    for (int64_t k = 0; k < n_missing; k++) {
        keep(b->predictor, sequence[k], &pairs[k]);
        b->pairs[b->missing[k]] = pairs[k];
    }
done:
    free(sequence);
    free(pairs);
    return status;
}

rt_status rt_predictor_fold_all(rt_pairs *out_pairs, int64_t *opt_from_cache, rt_predictor *predictor,
                                const char *const *sequence, int64_t n, rt_pool *pool, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t *missing = NULL, n_missing = 0;
    batch b = {.predictor = predictor, .sequence = sequence, .pairs = out_pairs};
    for (int64_t k = 0; k < n; k++) out_pairs[k] = (rt_pairs){0};
    RT_TRY_ALLOC(missing, n);
    for (int64_t k = 0; k < n; k++)
        if (!take_cached(&out_pairs[k], predictor, sequence[k], (int64_t)strlen(sequence[k]))) missing[n_missing++] = k;
    if (opt_from_cache) *opt_from_cache = n - n_missing;
    b.missing = missing;
    if (n_missing && predictor->method == RT_PREDICT_CM) status = align_missing(&b, n_missing, pool, err);
    else if (n_missing) status = fold_missing(&b, n_missing, pool, err);
done:
    free(missing);
    for (int64_t k = 0; k < n && status != RT_OK; k++) rt_pairs_free_members(&out_pairs[k]);
    return status;
}
