/* predict_share.c - targets dealt to the processes that mpirun started, and what they found brought together
 *
 * A target depends on no other, so any rank gives it the same bytes; rank 0 writes the tables of all.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/ranks.h"
#include "predict_run.h"

/* A fold takes time between the square and the cube of the length. */
static double work_of(int64_t length) { return (double)length * (double)length; }

typedef struct {
    int64_t length, index;
} place;

static int longer_first(const void *a, const void *b)
{
    const place *p = a, *q = b;
    if (p->length != q->length) return p->length > q->length ? -1 : 1;
    return p->index < q->index ? -1 : p->index > q->index;
}

rt_status rt_predict_share_deal(rt_predict_run *r, rt_err *err)
{
    rt_status status = RT_OK;
    rt_predict_share *s = &r->share;
    int64_t n = s->n = r->inputs.n_input;
    place *order = NULL;
    double *work = NULL;
    RT_TRY_ALLOC(s->rank, n + 1);
    RT_TRY_ALLOC(s->own, n + 1);
    RT_TRY_ALLOC(s->record, n + 1);
    RT_TRY_ALLOC(s->failed, n + 1);
    RT_TRY_ALLOC(order, n + 1);
    RT_TRY_ALLOC(work, rt_ranks_count());
    for (int64_t i = 0; i < n; i++) order[i] = (place){r->inputs.input[i].length, i};
    qsort(order, (size_t)n, sizeof *order, longer_first);
    for (int64_t i = 0; i < n; i++) {
        int least = 0;
        for (int k = 1; k < rt_ranks_count(); k++)
            if (work[k] < work[least]) least = k;
        s->rank[order[i].index] = least;
        work[least] += work_of(order[i].length);
    }
    for (int64_t i = 0; i < n; i++)
        if (s->rank[i] == rt_ranks_self()) s->own[s->n_own++] = &r->inputs.input[i];
done:
    free(order);
    free(work);
    return status;
}

rt_status rt_predict_share_check(const rt_predict_run *r, rt_err *err)
{
    char digest[RT_HASH_TEXT];
    rt_hash *hash;
    if (rt_ranks_count() == 1) return RT_OK;
    rt_status status = rt_ranks_agree(rt_hash_create(&hash, err), err);
    if (status != RT_OK) return status;
    rt_hash_add(hash, r->run_key, RT_HASH_TEXT);
    for (size_t i = 0; i < json_array_size(r->report->inputs); i++)
        rt_hash_add(hash, json_string_value(json_object_get(json_array_get(r->report->inputs, i), "sha256")), RT_HASH_TEXT);
    rt_hash_finish(hash, digest);
    int other = rt_ranks_differ(digest, sizeof digest);
    if (other == 0) return RT_OK;
    rt_fail(err, RT_ERR_MISMATCH, NULL, 0, "rank %d has other inputs or options than rank 0", other);
    return rt_hint(err, "every machine needs the same files and the same program");
}

/* A text of rank `owner` to all of them, in *text, which free() takes; NULL stays NULL. */
static rt_status share_text(char **text, int owner, rt_err *err)
{
    rt_status status = RT_OK;
    bool own = owner == rt_ranks_self();
    int64_t size = own && *text ? (int64_t)strlen(*text) + 1 : 0;
    rt_ranks_share(&size, sizeof size, owner);
    if (!own && size > 0) RT_TRY_ALLOC(*text, size);
    if (size > 0) rt_ranks_share(*text, size, owner);
done:
    return status;
}

/* Everything about target i, from the rank that folded it. */
static rt_status share_target(rt_predict_run *r, int64_t i, rt_err *err)
{
    rt_status status = RT_OK;
    rt_predict_share *s = &r->share;
    const rt_input *input = &r->inputs.input[i];
    int owner = s->rank[i];
    bool own = owner == rt_ranks_self(), predicted;
    const char *had = rt_submission_rows(r->submission, input->target, &predicted);
    char *record = own && s->record[i] ? json_dumps(s->record[i], JSON_COMPACT) : NULL;
    char *rows = own && had ? rt_copy_text(had, -1, err) : NULL;
    if (own && ((s->record[i] && !record) || (had && !rows)))
        RT_TRY(rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory for the record of %s", input->target));
    rt_ranks_share(&s->failed[i], sizeof s->failed[i], owner);
    rt_ranks_share(&predicted, sizeof predicted, owner);
    RT_TRY(share_text(&record, owner, err));
    RT_TRY(share_text(&rows, owner, err));
    if (!own && record) s->record[i] = json_loads(record, 0, NULL);
    if (!own && rows) RT_TRY(rt_submission_give(r->submission, input->target, input->sequence, rows, predicted, err));
done:
    free(record);
    free(rows);
    return status;
}

rt_status rt_predict_share_collect(rt_predict_run *r, rt_err *err)
{
    rt_status status = RT_OK;
    rt_predict_share *s = &r->share;
    for (int64_t i = 0; i < s->n; i++) {
        if (rt_ranks_count() > 1) RT_TRY(share_target(r, i, err));
        if (!s->record[i]) continue;
        json_array_append(r->report->targets, s->record[i]);
        r->report->n_target++;
        r->report->n_failed += s->failed[i];
    }
done:
    return status;
}

void rt_predict_share_free_members(rt_predict_share *share)
{
    for (int64_t i = 0; share->record && i < share->n; i++) json_decref(share->record[i]);
    free(share->rank);
    free(share->own);
    free(share->record);
    free(share->failed);
    *share = (rt_predict_share){0};
}
