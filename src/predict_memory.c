/* predict_memory.c - whether a target fits, before it starts; if not, in less memory; if not even so, which length would */
#include <stdio.h>

#include "base/log.h"
#include "op/placement.h"
#include "predict_run.h"

static const double GIB = 1 << 30;

int64_t rt_predict_memory_limit(const rt_predict_run *r)
{
    int64_t machine = r->options->memory_limit ? r->options->memory_limit : r->report->memory_available;
    return machine / rt_placement_sharers(r->options->backend);
}

int64_t rt_predict_memory_weights(const rt_predict_run *r)
{
    int64_t sum = 0;
    for (int i = 0; i < r->options->n_checkpoint; i++) sum += rt_model_bytes(r->model[i]);
    return sum;
}

/* Bytes of activations of the largest pass, with what is on the arena already. */
static rt_status measure(rt_predict_run *r, const rt_features *features, const rt_predict_plan *plan, bool frugal,
                         int64_t *out_bytes, rt_err *err)
{
    rt_status status = RT_OK;
    *out_bytes = 0;
    r->ctx->frugal = frugal;
    for (int checkpoint = 0; checkpoint < r->options->n_checkpoint && status == RT_OK; checkpoint++) {
        const rt_predict_pass *pass = &plan->pass[0];
        int64_t bytes;
        rt_fold_options fold = {.n_cycle = pass->n_cycle, .n_step = pass->n_step, .n_sample = pass->n_sample, .seed = pass->seed};
        status = rt_fold_measure(r->ctx, r->model[checkpoint], features, &fold, &bytes, err);
        if (status == RT_OK && bytes > *out_bytes) *out_bytes = bytes;
    }
    *out_bytes += rt_arena_used(r->ctx->step) - (r->ctx->on_device ? rt_predict_memory_weights(r) : 0);
    return status;
}

/* What a target of `length` with as many rows and templates would need; the letters do not matter. */
static rt_status measure_length(rt_predict_run *r, const rt_input *input, const rt_features *like, const rt_predict_plan *plan,
                                int64_t length, int64_t *out_bytes, rt_err *err)
{
    rt_status status = RT_OK;
    rt_input shorter;
    rt_features features;
    int64_t mark = rt_arena_mark(r->ctx->step);
    char kept = input->sequence[length];
    input->sequence[length] = 0;
    status = rt_input_set_sequence(&shorter, input->target, input->sequence, err);
    input->sequence[length] = kept;
    if (status != RT_OK) return status;
    RT_TRY(rt_features_build(&features, r->ctx->step, &shorter, &r->conformers, 0, NULL, err));
    features.n_msa = like->n_msa;
    features.n_template = like->n_template;
    features.template_coords = like->template_coords;   /* never read: nothing is computed */
    features.template_coords_mask = like->template_coords_mask;
    RT_TRY(measure(r, &features, plan, true, out_bytes, err));
    *out_bytes += like->n_msa * length;
done:
    rt_arena_reset(r->ctx->step, mark);
    rt_input_free_members(&shorter);
    return status;
}

/* The longest target that fits, to a residue in a hundred; 0 when none does. */
static int64_t longest(rt_predict_run *r, const rt_input *input, const rt_features *like, const rt_predict_plan *plan,
                       int64_t room)
{
    int64_t fits = 0, too_long = input->length, bytes;
    while (too_long - fits > 1 + too_long / 100) {
        int64_t middle = (fits + too_long) / 2;
        if (measure_length(r, input, like, plan, middle, &bytes, NULL) == RT_OK && bytes <= room) fits = middle;
        else too_long = middle;
    }
    return fits;
}

rt_status rt_predict_memory_fit(rt_predict_run *r, const rt_input *input, const rt_features *features, rt_predict_plan *plan,
                                json_t *record, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t weights = rt_predict_memory_weights(r), limit = rt_predict_memory_limit(r), need, less;
    int64_t rest = rt_ctx_rest_bytes(r->ctx), has = rt_arena_capacity(r->ctx->step) + rest;
    if (r->ctx->on_device && limit > has) limit = has;   /* a device had less than was allowed */
    int64_t room = limit - weights - rest;
    r->ctx->frugal = false;
    if (!rt_ctx_can_measure(r->ctx)) return RT_OK;
    RT_TRY(measure(r, features, plan, false, &need, err));
    bool frugal = need > room;
    if (frugal) {
        RT_TRY(measure(r, features, plan, true, &less, err));
        if (less > room) {
            int64_t length = longest(r, input, features, plan, room);
            rt_fail(err, RT_ERR_MEMORY, NULL, 0,
                    "target '%s' of %lld nt needs %.2f GiB of memory (%.2f for weights), %.2f GiB may be used", input->target,
                    (long long)input->length, (double)(less + weights + rest) / GIB, (double)weights / GIB,
                    (double)limit / GIB);
            if (length) rt_hint(err, "%lld nt would fit; --memory-limit says what may be used", (long long)length);
            else rt_hint(err, "no length would fit: the weights alone take the memory");
            r->ctx->frugal = false;
            return RT_ERR_MEMORY;
        }
        rt_info("%s: %.2f GiB would be needed, %.2f may be used: it runs in chunks in %.2f GiB, slower, with the same result",
                input->target, (double)(need + weights + rest) / GIB, (double)limit / GIB,
                (double)(less + weights + rest) / GIB);
    }
    r->ctx->frugal = frugal;
    plan->memory = frugal ? less : need;
    json_object_set_new(record, "memory", json_pack("{s:I, s:I, s:I, s:b}", "activations", (json_int_t)plan->memory, "weights",
                                                    (json_int_t)weights, "total",
                                                    (json_int_t)(plan->memory + weights + rest), "in_chunks", frugal));
done:
    return status;
}
