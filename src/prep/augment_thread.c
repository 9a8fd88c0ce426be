/* augment_thread.c - many new letters at once on one backbone: which bases may stay where they come to stand */
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "prep/augment_internal.h"

enum { STRIDE = RT_SLOT_COUNT * 3 };

rt_base_clashes rt_augment_clashes(const rt_augment_job *job, int64_t i, int64_t j)
{
    rt_base_clashes a = rt_base_fit_clashes(&job->fit, job->xyz, i, job->sequence[i], -1);
    if (j < 0) return a;
    rt_base_clashes b = rt_base_fit_clashes(&job->fit, job->xyz, j, job->sequence[j], i);
    return (rt_base_clashes){a.others + b.others, a.own + b.own};
}

/* A pair, j >= 0, or a single residue: how it stands. */
typedef struct {
    bool changes, masked;
    rt_base_clashes clashes;
    double bonds;                /* of a pair; NaN: not a Watson-Crick one, or not whole */
} stand;

static stand look(const rt_augment_job *job, int64_t i, int64_t j)
{
    stand now = {.clashes = rt_augment_clashes(job, i, j), .bonds = NAN};
    if (j >= 0)
        now.bonds = rt_base_fit_bonds(job->xyz + i * STRIDE, job->sequence[i], job->xyz + j * STRIDE, job->sequence[j]);
    return now;
}

static bool is_changed(const rt_augment_job *job, const char *letters, int64_t i)
{
    return letters[i] != '-' && letters[i] != job->sequence[i];
}

rt_status rt_augment_thread(rt_augment_job *job, const char *letters, double bonds, rt_err *err)
{
    rt_status status = RT_OK;
    const int64_t n = job->map->length;
    const int32_t *partner = job->map->partner;
    float old[RT_SLOT_COUNT * 3];
    stand *of = NULL;
    RT_TRY_ALLOC(of, n);
    for (int64_t i = 0; i < n; i++) {   /* a pair's is that of its 5' residue */
        const int64_t j = partner[i];
        if ((j >= 0 && j < i) || !(is_changed(job, letters, i) || (j >= 0 && is_changed(job, letters, j)))) continue;
        of[i] = look(job, i, j);
        of[i].changes = true;
    }
    for (int64_t i = 0; i < n; i++) {
        if (!is_changed(job, letters, i) || rt_augment_put(job, i, letters[i], old)) continue;
        rt_augment_mask_base(job->xyz + i * STRIDE);
        job->sequence[i] = letters[i];
    }
    for (int64_t i = 0; i < n; i++) {
        if (!of[i].changes) continue;
        const stand now = look(job, i, partner[i]);
        bool loose = partner[i] >= 0 && !(now.bonds <= (isnan(of[i].bonds) ? 0 : of[i].bonds) + bonds);
        of[i].masked = loose || rt_base_fit_is_worse(now.clashes, of[i].clashes);
    }
    for (int64_t i = 0; i < n; i++) {
        if (!of[i].masked) continue;
        rt_augment_mask_base(job->xyz + i * STRIDE);
        if (partner[i] >= 0) rt_augment_mask_base(job->xyz + partner[i] * STRIDE);
    }
done:
    free(of);
    return status;
}
