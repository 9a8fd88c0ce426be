#include "prep/known.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/progress.h"
#include "io/structure.h"
#include "prep/bpseq.h"
#include "score/bootstrap.h"

enum { RESAMPLES = 10000 };
static const double LEVEL = 0.95;

/* ---- what is known ----------------------------------------------------------------------------------------------- */

static void free_known(rt_known *known)
{
    free(known->sequence);
    free(known->partner);
    free(known->resolved);
    *known = (rt_known){0};
}

static bool is_there(const rt_known_set *set, const rt_known *known)
{
    for (int64_t k = 0; k < set->n; k++) {
        const rt_known *other = &set->item[k];
        if (other->length == known->length && !strcmp(other->sequence, known->sequence) &&
            !memcmp(other->partner, known->partner, (size_t)known->length * sizeof *known->partner))
            return true;
    }
    return false;
}

/* Takes what `known` holds. */
static rt_status add(rt_known_set *set, rt_known *known, int64_t longest, rt_err *err)
{
    rt_status status = RT_OK;
    bool any = false;
    for (int64_t k = 0; k < known->length; k++) any |= known->partner[k] >= 0;
    if (known->length > longest) set->n_long++;
    else if (!any) set->n_bare++;
    else if (is_there(set, known)) set->n_twice++;
    else {
        void *items = set->item;
        status = rt_grow(&items, &set->capacity, set->n + 1, sizeof *set->item, err);
        set->item = items;
        if (status == RT_OK) {
            set->item[set->n++] = *known;
            *known = (rt_known){0};
        }
    }
    free_known(known);
    return status;
}

static rt_status add_structure(rt_known_set *set, const char *path, int64_t longest, rt_err *err)
{
    rt_pairs_3d found;
    rt_status status = rt_pairs_3d_read(&found, path, err);
    for (int64_t c = 0; c < found.n_chain && status == RT_OK; c++) {
        rt_pairs_3d_chain *chain = &found.chain[c];
        rt_known known = {.sequence = chain->sequence, .length = chain->pairs.length, .resolved = chain->resolved};
        chain->sequence = NULL;
        chain->resolved = NULL;
        snprintf(known.name, sizeof known.name, "%s", chain->name);
        known.partner = rt_alloc(known.length, sizeof *known.partner, err);
        if (!known.partner) {
            free_known(&known);
            status = RT_ERR_MEMORY;
            break;
        }
        rt_pairs_threshold(known.partner, &chain->pairs, 0);
        status = add(set, &known, longest, err);
    }
    rt_pairs_3d_free_members(&found);
    return status;
}

static rt_status add_bpseq(rt_known_set *set, const char *path, int64_t longest, rt_err *err)
{
    rt_bpseq file;
    rt_status status = rt_bpseq_read(&file, path, err);
    if (status != RT_OK) return status;
    rt_known known = {.sequence = file.sequence, .length = file.length, .partner = file.partner};
    snprintf(known.name, sizeof known.name, "%s", rt_path_name(path));
    return add(set, &known, longest, err);
}

rt_status rt_known_add_file(rt_known_set *set, const char *path, int64_t longest, rt_err *err)
{
    return rt_bpseq_is_name(path) ? add_bpseq(set, path, longest, err) : add_structure(set, path, longest, err);
}

static bool is_known_name(const char *name) { return rt_bpseq_is_name(name) || rt_structure_is_name(name); }

/* One bad file among thousands is said, and the others count. */
static rt_status add_of_folder(rt_known_set *set, const char *path, int64_t longest, rt_err *err)
{
    rt_err local = {0};
    char said[2048];
    rt_status status = rt_known_add_file(set, path, longest, &local);
    if (status == RT_ERR_FORMAT || status == RT_ERR_UNSUPPORTED) {
        rt_err_print(&local, said, sizeof said);
        rt_warn("%s; left out", said);
        set->n_unread++;
        return RT_OK;
    }
    if (status != RT_OK && err) *err = local;
    return status;
}

rt_status rt_known_add_folder(rt_known_set *set, const char *folder, int64_t longest, rt_err *err)
{
    char **name, path[4096];
    int64_t n;
    rt_status status = rt_list_folder(&name, &n, folder, is_known_name, err);
    if (status != RT_OK) return status;
    if (!n) {
        rt_fail(err, RT_ERR_IO, folder, 0, "holds neither structures nor bpseq files");
        status = rt_hint(err, "names that end in .cif, .mmcif, .pdb, .ent or .bpseq, and the same with .gz, are read");
    }
    rt_progress_start("file", n);
    for (int64_t k = 0; k < n && status == RT_OK; k++) {
        rt_path_join(path, sizeof path, folder, name[k]);
        if (rt_stop_requested()) status = rt_fail(err, RT_ERR_STOPPED, NULL, 0, "stopped");
        else status = add_of_folder(set, path, longest, err);
        rt_progress_step(k + 1);
    }
    rt_progress_end();
    rt_free_names(name, n);
    return status;
}

void rt_known_free_members(rt_known_set *set)
{
    for (int64_t k = 0; k < set->n; k++) free_known(&set->item[k]);
    free(set->item);
    *set = (rt_known_set){0};
}

/* ---- counting ---------------------------------------------------------------------------------------------------- */

typedef struct { int64_t right, predicted, known; } counts;

static counts count(const rt_known *known, const rt_pairs *pairs, double min_prob)
{
    counts c = {0};
    for (int64_t k = 0; k < known->length; k++) c.known += known->partner[k] > k;
    for (int64_t k = 0; k < pairs->n; k++) {
        const rt_pair *p = &pairs->pair[k];
        if (p->p < min_prob || (known->resolved && !(known->resolved[p->i] && known->resolved[p->j]))) continue;
        c.predicted++;
        c.right += known->partner[p->i] == p->j;
    }
    return c;
}

/* right[k] of total[k] in each of n sequences: a mean of zeros and ones, a sequence is a family. */
static rt_status share(double *out_share, double *out_low, double *out_high, const int64_t *right, const int64_t *total,
                       int64_t n, rt_err *err)
{
    rt_status status = RT_OK;
    rt_bootstrap bootstrap = {0};
    rt_bootstrap_options options = {.method = RT_BOOTSTRAP_STUDENTISED, .n_resample = RESAMPLES, .seed = 1};
    double *value = NULL;
    int64_t *family = NULL, sum = 0, at = 0, n_family = 0;
    *out_share = *out_low = *out_high = NAN;
    for (int64_t k = 0; k < n; k++) sum += total[k];
    if (!sum) return RT_OK;
    RT_TRY_ALLOC(value, sum);
    RT_TRY_ALLOC(family, sum);
    for (int64_t k = 0; k < n; k++) {
        for (int64_t m = 0; m < total[k]; m++) {
            value[at] = m < right[k];
            family[at++] = n_family;
        }
        n_family += total[k] > 0;
    }
    RT_TRY(rt_bootstrap_run(&bootstrap, value, family, sum, n_family, &options, err));
    *out_share = bootstrap.mean;
    rt_bootstrap_interval(&bootstrap, LEVEL, out_low, out_high);
    if (isfinite(*out_low)) *out_low = fmax(*out_low, 0);
    if (isfinite(*out_high)) *out_high = fmin(*out_high, 1);
done:
    rt_bootstrap_free_members(&bootstrap);
    free(value);
    free(family);
    return status;
}

static rt_status agree(rt_agreement *out, double min_prob, const rt_known_set *set, const rt_pairs *pairs, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t *right = NULL, *predicted = NULL, *known = NULL;
    *out = (rt_agreement){.min_prob = min_prob, .n = set->n};
    RT_TRY_ALLOC(right, set->n);
    RT_TRY_ALLOC(predicted, set->n);
    RT_TRY_ALLOC(known, set->n);
    for (int64_t k = 0; k < set->n; k++) {
        counts c = count(&set->item[k], &pairs[k], min_prob);
        out->n_with += c.predicted > 0;
        out->n_right += right[k] = c.right;
        out->n_predicted += predicted[k] = c.predicted;
        out->n_known += known[k] = c.known;
    }
    RT_TRY(share(&out->ppv, &out->ppv_low, &out->ppv_high, right, predicted, set->n, err));
    RT_TRY(share(&out->sensitivity, &out->sensitivity_low, &out->sensitivity_high, right, known, set->n, err));
done:
    free(right);
    free(predicted);
    free(known);
    return status;
}

rt_status rt_known_compare(rt_agreement *out_agreement, const double *min_prob, int n, const rt_known_set *set,
                           rt_predictor *predictor, rt_pool *pool, rt_err *err)
{
    rt_status status = RT_OK;
    const char **sequence = NULL;
    rt_pairs *pairs = NULL;
    RT_TRY_ALLOC(sequence, set->n);
    RT_TRY_ALLOC(pairs, set->n);
    for (int64_t k = 0; k < set->n; k++) sequence[k] = set->item[k].sequence;
    RT_TRY(rt_predictor_fold_all(pairs, NULL, predictor, sequence, set->n, pool, err));
    for (int t = 0; t < n; t++) RT_TRY(agree(&out_agreement[t], min_prob[t], set, pairs, err));
done:
    for (int64_t k = 0; k < set->n && pairs; k++) rt_pairs_free_members(&pairs[k]);
    free(pairs);
    free(sequence);
    return status;
}
