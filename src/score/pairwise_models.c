/* pairwise_models.c - TM-scores between the samples of a target, from their coordinates */
#include "score/pairwise_models.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/progress.h"
#include "score/score.h"

/* The first item of the target, and the one after its last: items are sorted by target. */
static void find_items(const rt_score_set *models, const char *target, int64_t *out_first, int64_t *out_end)
{
    int64_t low = 0, high = models->n_item;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (strcmp(models->item[middle].target, target) < 0) low = middle + 1;
        else high = middle;
    }
    *out_first = low;
    while (low < models->n_item && strcmp(models->item[low].target, target) == 0) low++;
    *out_end = low;
}

static rt_status find_samples(const rt_molecule **out_sample, const rt_pairwise_models *p, int64_t first, int64_t end,
                              const char *const *model, int64_t n, rt_err *err)
{
    for (int64_t i = first; i < end; i++) {
        rt_score_item *item = &p->models->item[i];
        rt_status status = rt_score_item_load(item, p->atom, err);
        if (status != RT_OK) return status;
        for (int64_t m = 0; m < item->n_molecule; m++)
            for (int64_t k = 0; k < n; k++)
                if (strcmp(model[k], item->molecule[m].name) == 0) out_sample[k] = &item->molecule[m];
    }
    return RT_OK;
}

static rt_status one_way(double *out_tm, const rt_pairwise_models *p, const rt_molecule *native,
                         const rt_molecule *model, rt_err *err)
{
    rt_score_row row;
    rt_score_pose pose;
    rt_score_options options = {.atom = p->atom, .number = true, .threads = 1};
    rt_score_row_init(&row);
    rt_status status = rt_score_model(&row, &pose, p->tm, native, 1, model, &options, NULL, err);
    *out_tm = status == RT_OK ? row.tm_resid : NAN;
    return status == RT_ERR_MISMATCH ? RT_OK : status;
}

rt_status rt_pairwise_models_read(void *user, double *out_tm, const char *target, const char *const *model, int64_t n,
                                  rt_err *err)
{
    rt_status status = RT_OK;
    const rt_pairwise_models *p = user;
    const rt_molecule **sample = NULL;
    int64_t first, end;
    find_items(p->models, target, &first, &end);
    RT_TRY_ALLOC(sample, n);
    RT_TRY(find_samples(sample, p, first, end, model, n, err));
    for (int64_t a = 0; a < n; a++)
        for (int64_t b = a; b < n; b++) {
            double forth = NAN, back = NAN;
            if (rt_stop_requested()) RT_TRY(rt_fail(err, RT_ERR_STOPPED, NULL, 0, "stopped"));
            if (sample[a] && sample[b]) {
                RT_TRY(one_way(&forth, p, sample[a], sample[b], err));
                RT_TRY(one_way(&back, p, sample[b], sample[a], err));
            }
            out_tm[a * n + b] = out_tm[b * n + a] = a == b ? 1 : 0.5 * (forth + back);
        }
done:
    free(sample);
    for (int64_t i = first; i < end; i++) rt_score_item_unload(&p->models->item[i]);
    return status;
}
