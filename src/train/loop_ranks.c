#include "train/loop_ranks.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/ranks.h"
#include "op/cuda_ranks.h"

rt_status rt_loop_ranks_check(const rt_loop_options *options, rt_err *err)
{
    RT_REQUIRE(options->accumulation % rt_ranks_count() == 0);
    if (rt_ranks_count() == 1 || options->n_train >= rt_ranks_count()) return RT_OK;
    rt_fail(err, RT_ERR_USAGE, NULL, 0, "%lld training targets are too few for %d ranks", (long long)options->n_train,
            rt_ranks_count());
    return rt_hint(err, "each rank takes samples of its own: 'mpirun -n %lld' at most", (long long)options->n_train);
}

rt_status rt_loop_ranks_check_inputs(const rt_run_identity *identity, rt_err *err)
{
    const struct {
        const char *what, *text;
        int64_t size;
    } part[] = {{"other settings", identity->plan, sizeof identity->plan},
                {"another training set or split", identity->data, sizeof identity->data},
                {"another base checkpoint", identity->base, sizeof identity->base},
                {"another version of rnatune", identity->code, sizeof identity->code}};
    for (int i = 0; i < 4; i++) {
        char text[sizeof identity->plan + sizeof identity->code] = {0}; /* nothing behind its end counts */
        memcpy(text, part[i].text, strnlen(part[i].text, (size_t)part[i].size));
        int other = rt_ranks_differ(text, sizeof text);
        if (other == 0) continue;
        rt_fail(err, RT_ERR_MISMATCH, NULL, 0, "rank %d has %s than rank 0", other, part[i].what);
        return rt_hint(err, "every machine needs the same files and the same program");
    }
    return RT_OK;
}

static rt_status share_on_devices(rt_params *params, rt_ctx *device, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t n = rt_params_count(params);
    rt_tensor *value = rt_alloc(n, sizeof *value, err), *rounded = rt_alloc(n, sizeof *rounded, err);
    RT_TRY(rt_ranks_agree(value && rounded ? RT_OK : RT_ERR_MEMORY, err));
    for (int64_t i = 0; i < n; i++) value[i] = rt_params_at(params, i)->value, rounded[i] = rt_params_at(params, i)->value16;
    RT_TRY(rt_cuda_ranks_share(device, value, rounded, n, err));
done:
    free(value);
    free(rounded);
    return status;
}

rt_status rt_loop_ranks_share_weights(rt_params *params, rt_err *err)
{
    rt_ctx *device = rt_params_device(params);
    if (device && rt_ranks_count() > 1) return share_on_devices(params, device, err);
    for (int64_t i = 0; i < rt_params_count(params); i++) {
        rt_tensor value = rt_params_at(params, i)->value;
        rt_ranks_share(value.data, rt_bytes(value), 0);
    }
    rt_params_refresh(params);
    return RT_OK;
}

rt_status rt_loop_ranks_check_weights(rt_params *params, rt_err *err)
{
    char text[RT_HASH_TEXT] = {0};
    rt_hash *hash;
    if (rt_ranks_count() == 1) return RT_OK;
    rt_status status = rt_ranks_agree(rt_hash_create(&hash, err), err);
    if (status != RT_OK) return status;
    for (int64_t i = 0; i < rt_params_count(params); i++) {
        rt_tensor value = rt_params_at(params, i)->value;
        rt_hash_add(hash, value.data, rt_bytes(value));
    }
    rt_hash_finish(hash, text);
    int other = rt_ranks_differ(text, sizeof text);
    if (other == 0) return RT_OK;
    rt_fail(err, RT_ERR_MISMATCH, NULL, 0,
            "rank %d has other weights than rank 0: its samples of this epoch are worth nothing", other);
    return rt_hint(err, "its memory or network may be damaged; the checkpoints before this epoch are as they were");
}

void rt_loop_ranks_sum_report(rt_loop_report *report)
{
    rt_trunk_cache_counts *c = &report->cache;
    int64_t *const counts[] = {&c->n_read, &c->n_made, &c->n_kept, &c->n_damaged};
    for (int i = 0; i < 4; i++) rt_ranks_sum(counts[i], 1);
    _Static_assert(sizeof report->augmented % sizeof(int64_t) == 0, "a tally is counts alone");
    rt_ranks_sum((int64_t *)&report->augmented, (int64_t)(sizeof report->augmented / sizeof(int64_t)));
    rt_ranks_most(&report->activations);
}
