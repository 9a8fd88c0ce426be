#include "train/average.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/memory.h"

struct rt_average {
    rt_params *params;
    rt_arena *arena;
    rt_tensor *mean;
    int64_t n_param, updates;
    double decay;
    bool swapped;
};

rt_status rt_average_create(rt_average **ret_average, rt_params *params, double decay, rt_err *err)
{
    rt_status status = RT_OK;
    rt_average *a = NULL;
    *ret_average = NULL;
    if (!(decay >= 0 && decay < 1))
        return rt_fail(err, RT_ERR_USAGE, NULL, 0, "an average with decay %g cannot be; 0 to below 1 was expected",
                       decay);
    RT_TRY_ALLOC(a, 1);
    *a = (rt_average){.params = params, .n_param = rt_params_count(params), .decay = decay};
    rt_ctx *device = rt_params_device(params);
    int64_t bytes = device ? 4 * rt_params_elements(params) + 64 * a->n_param : rt_memory_available();
    RT_TRY(rt_ctx_arena_create(device, &a->arena, "average", bytes, err));
    RT_TRY_ALLOC(a->mean, a->n_param);
    for (int64_t i = 0; i < a->n_param; i++) {
        a->mean[i] = rt_params_at(params, i)->value;
        a->mean[i].data = rt_arena_push(a->arena, rt_bytes(a->mean[i]));
        if (!a->mean[i].data) {
            status = rt_fail(err, RT_ERR_MEMORY, NULL, 0,
                             "an average of %lld weights needs more than the %.1f GiB available",
                             (long long)rt_params_elements(params), (double)rt_arena_capacity(a->arena) / (1 << 30));
            goto done;
        }
        memcpy(a->mean[i].data, rt_params_at(params, i)->value.data, (size_t)rt_bytes(a->mean[i]));
    }
    *ret_average = a;
    a = NULL;
done:
    rt_average_free(a);
    return status;
}

void rt_average_free(rt_average *average)
{
    if (!average) return;
    rt_arena_free(average->arena);
    free(average->mean);
    free(average);
}

void rt_average_update(rt_average *average)
{
    RT_REQUIRE(!average->swapped);
    average->updates++;
    rt_ctx *device = rt_params_device(average->params);
    double keep = average->decay > 0 ? average->decay : 1 - 1 / (double)average->updates;
    for (int64_t i = 0; i < average->n_param; i++) {
        rt_tensor value = rt_params_at(average->params, i)->value, mean = average->mean[i];
        if (device) {
            rt_op_axpby(device, mean, keep, value, 1 - keep);
            continue;
        }
        for (int64_t k = 0; k < rt_count(mean); k++)
            if (mean.dtype == RT_F64)
                ((double *)mean.data)[k] = (1 - keep) * ((double *)value.data)[k] + keep * ((double *)mean.data)[k];
            else
                ((float *)mean.data)[k] =
                    (float)((1 - keep) * ((float *)value.data)[k] + keep * ((float *)mean.data)[k]);
    }
    if (device) rt_ctx_sync(device);
}

void rt_average_swap(rt_average *average)
{
    uint8_t piece[4096];
    for (int64_t i = 0; i < average->n_param; i++) {
        uint8_t *a = rt_params_at(average->params, i)->value.data, *b = average->mean[i].data;
        for (int64_t left = rt_bytes(average->mean[i]), n; left > 0; left -= n, a += n, b += n) {
            n = left < (int64_t)sizeof piece ? left : (int64_t)sizeof piece;
            memcpy(piece, a, (size_t)n);
            memcpy(a, b, (size_t)n);
            memcpy(b, piece, (size_t)n);
        }
    }
    average->swapped = !average->swapped;
    rt_params_refresh(average->params);
}

bool rt_average_swapped(const rt_average *average) { return average->swapped; }
rt_tensor rt_average_tensor(const rt_average *average, int64_t index) { return average->mean[index]; }
int64_t *rt_average_updates(rt_average *average) { return &average->updates; }
double rt_average_decay(const rt_average *average) { return average->decay; }
