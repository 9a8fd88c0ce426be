#include "samples.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static double value_of(const rt_summary *s, rt_rank_by rank_by)
{
    switch (rank_by) {
    case RT_RANK_BY_RANKING_SCORE: return s->ranking_score;
    case RT_RANK_BY_PTM: return s->ptm;
    case RT_RANK_BY_PLDDT: return s->plddt;
    case RT_RANK_BY_GPDE: return -s->gpde;
    case RT_RANK_BY_LEARNED: /* takes all samples: rt_samples_rank */
    case RT_RANK_BY_NOTHING: return 0;
    }
    return 0;
}

static void drop_arrays(rt_sample *sample)
{
    float **const array[] = {&sample->xyz, &sample->plddt, &sample->pae, &sample->pde, &sample->contacts};
    for (int i = 0; i < 5; i++) {
        free(*array[i]);
        *array[i] = NULL;
    }
}

static rt_status copy(float **out, rt_tensor from, rt_err *err)
{
    *out = rt_alloc(rt_count(from), sizeof **out, err);
    if (!*out) return RT_ERR_MEMORY;
    memcpy(*out, from.data, (size_t)rt_bytes(from));
    return RT_OK;
}

/* Its place among the others: behind all that are as good. */
static int64_t place_of(const rt_samples *samples, double value)
{
    int64_t at = samples->n;
    while (at > 0 && !isnan(value) && !(samples->item[at - 1].value >= value)) at--;
    return at;
}

static rt_status add_one(rt_samples *samples, const rt_fold_result *result, int64_t index, rt_sample_origin origin, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_summary *summary = &result->summary[index];
    rt_sample sample = {.origin = origin, .value = value_of(summary, samples->rank_by), .ranking_score = summary->ranking_score};
    int64_t at = place_of(samples, sample.value);
    RT_TRY(rt_grow((void **)&samples->item, &samples->capacity, samples->n + 1, sizeof sample, err));
    char *text = rt_summary_json(summary, err);
    sample.scores = text ? json_loads(text, 0, NULL) : NULL;
    free(text);
    if (!sample.scores) RT_TRY(rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory for the scores"));
    if (at < samples->keep) {
        RT_TRY(copy(&sample.xyz, rt_at(result->coordinate, index), err));
        RT_TRY(copy(&sample.plddt, summary->atom_plddt, err));
        if (samples->pairs) {
            RT_TRY(copy(&sample.pae, summary->token_pair_pae, err));
            RT_TRY(copy(&sample.pde, summary->token_pair_pde, err));
            RT_TRY(copy(&sample.contacts, result->contact_probs, err));
        }
    }
    memmove(samples->item + at + 1, samples->item + at, (size_t)(samples->n - at) * sizeof sample);
    samples->item[at] = sample;
    samples->n++;
    if (samples->n > samples->keep) drop_arrays(&samples->item[samples->keep]);
    return RT_OK;
done:
    drop_arrays(&sample);
    json_decref(sample.scores);
    return status;
}

rt_status rt_samples_add(rt_samples *samples, const rt_fold_result *result, int64_t count, rt_sample_origin first, rt_err *err)
{
    rt_status status = RT_OK;
    for (int64_t i = 0; i < count; i++) {
        rt_sample_origin origin = first;
        origin.sample += i;
        RT_TRY(add_one(samples, result, i, origin, err));
    }
done:
    return status;
}

void rt_samples_rank(rt_samples *samples, int64_t keep)
{
    rt_sample *item = samples->item;
    int64_t n = samples->n;
    samples->n = 0;
    for (int64_t i = 0; i < n; i++) {
        rt_sample sample = item[i];
        int64_t at = place_of(samples, sample.value);
        memmove(item + at + 1, item + at, (size_t)(samples->n - at) * sizeof sample);
        item[at] = sample;
        samples->n++;
    }
    samples->keep = keep;
    for (int64_t i = keep; i < n; i++) drop_arrays(&item[i]);
}

void rt_samples_free_members(rt_samples *samples)
{
    for (int64_t i = 0; i < samples->n; i++) {
        drop_arrays(&samples->item[i]);
        json_decref(samples->item[i].scores);
    }
    free(samples->item);
    *samples = (rt_samples){0};
}
