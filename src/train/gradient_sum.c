#include "train/gradient_sum.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/memory.h"
#include "base/ranks.h"
#include "op/cuda_ranks.h"

struct rt_gradient_sum {
    rt_params *params;
    rt_ctx *device;      /* whose device holds the sum; NULL: the host does */
    rt_pool *opt_pool;
    bool alone;          /* one sample is a step */
    rt_arena *arena;     /* rank 0's */
    rt_tensor *of, *mine;   /* by the index of the parameter: the sum, data NULL on other ranks, and the gradient */
};

int64_t rt_gradient_sum_bytes(rt_params *params, int64_t samples)
{
    int64_t bytes = 0;
    for (int64_t i = 0; i < rt_params_count(params) && samples > 1; i++) bytes += rt_bytes(rt_params_at(params, i)->grad);
    return bytes;
}

rt_status rt_gradient_sum_create(rt_gradient_sum **ret_sum, rt_params *params, rt_pool *opt_pool, int64_t samples, rt_err *err)
{
    rt_status status = RT_OK;
    rt_gradient_sum *sum = NULL;
    int64_t n = rt_params_count(params);
    *ret_sum = NULL;
    RT_TRY_ALLOC(sum, 1);
    sum->device = rt_params_device(params);
    sum->params = params, sum->opt_pool = opt_pool, sum->alone = samples <= 1;
    RT_TRY_ALLOC(sum->of, n);
    RT_TRY_ALLOC(sum->mine, n);
    for (int64_t i = 0; i < n; i++) sum->mine[i] = rt_params_at(params, i)->grad;
    if (!sum->alone && rt_ranks_lead())
        RT_TRY(rt_ctx_arena_create(sum->device, &sum->arena, "gradient sum",
                                   sum->device ? rt_gradient_sum_bytes(params, samples) + 64 * n : rt_memory_available(), err));
    for (int64_t i = 0; i < n && sum->arena; i++) {
        sum->of[i] = sum->mine[i];
        sum->of[i].data = rt_arena_push(sum->arena, rt_bytes(sum->of[i]));
        if (sum->of[i].data) continue;
        rt_fail(err, RT_ERR_MEMORY, NULL, 0, "the sum of a step's gradients needs %.1f GiB of memory",
                (double)rt_gradient_sum_bytes(params, samples) / (1 << 30));
        RT_TRY(rt_hint(err, "train fewer weights, or with --accumulation 1"));
    }
    *ret_sum = sum;
    sum = NULL;
done:
    rt_gradient_sum_free(sum);
    return status;
}

void rt_gradient_sum_free(rt_gradient_sum *sum)
{
    if (!sum) return;
    rt_arena_free(sum->arena);
    free(sum->of);
    free(sum->mine);
    free(sum);
}

void rt_gradient_sum_begin(rt_gradient_sum *sum)
{
    rt_params_zero_grad(sum->params, sum->opt_pool);
    for (int64_t i = 0; i < rt_params_count(sum->params) && sum->arena; i++)
        if (sum->device) rt_zero(sum->device, sum->of[i]);
        else memset(sum->of[i].data, 0, (size_t)rt_bytes(sum->of[i]));
    if (sum->device) rt_ctx_sync(sum->device);
}

rt_status rt_gradient_sum_add(rt_gradient_sum *sum, const bool *takes_part, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t n = rt_params_count(sum->params);
    if (sum->alone) return RT_OK;
    if (sum->device && rt_ranks_count() > 1)
        RT_TRY(rt_cuda_ranks_add(sum->device, sum->of, sum->mine, n, takes_part, err));
    else
        for (int64_t i = 0; i < n; i++)
            if (!sum->device) rt_ranks_add(sum->of[i], sum->mine[i], takes_part);
            else if (takes_part[0]) rt_op_axpby(sum->device, sum->of[i], 1, sum->mine[i], 1);
    rt_params_zero_grad(sum->params, sum->opt_pool);
done:
    return status;
}

void rt_gradient_sum_finish(rt_gradient_sum *sum)
{
    for (int64_t i = 0; i < rt_params_count(sum->params) && sum->arena; i++)
        if (sum->device) rt_op_axpby(sum->device, rt_params_at(sum->params, i)->grad, 0, sum->of[i], 1);
        else memcpy(rt_params_at(sum->params, i)->grad.data, sum->of[i].data, (size_t)rt_bytes(sum->of[i]));
    if (sum->device) rt_ctx_sync(sum->device);
}
