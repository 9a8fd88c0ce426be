#include "train/work.h"

#include <math.h>

/* One step's work with `cycles` recycles. */
static rt_status count(double *out, rt_ctx *ctx, const rt_model *model, const rt_step_options *options, bool kept,
                       int64_t cycles, const rt_features *features, const rt_label *label, const rt_draw_key *key,
                       rt_err *err)
{
    const rt_config *c = &model->config;
    int64_t n = features->n_token;
    rt_ctx_measure measure;
    rt_step_plan plan;
    rt_step_loss loss;
    rt_step_plan_make(&plan, model, options);
    rt_status status = rt_ctx_count_begin(ctx, &measure, err);
    if (status != RT_OK) return status;
    rt_step_frozen frozen = {.known = true,
                             .s_inputs = RT_NEW_HOST(ctx, RT_BF16, n, c->c_s_inputs),
                             .s = RT_NEW_HOST(ctx, RT_BF16, n, c->c_s),
                             .z = RT_NEW_HOST(ctx, RT_BF16, n, n, c->c_z),
                             .x = RT_NEW_HOST(ctx, RT_F32, rt_step_rollouts(options), features->n_atom, 3)};
    rt_step_given given = {.n_cycle = cycles, .opt_frozen = kept ? &frozen : NULL};
    status = rt_step_run(ctx, model, &loss, &plan, features, label, key, &given, true, false, err);
    *out = rt_ctx_count_end(ctx, &measure) / (double)rt_step_rollouts(options);
    return status;
}

rt_status rt_work_count(rt_ctx *ctx, const rt_model *model, rt_work *out_work, const rt_step_options *options,
                        const rt_features *features, const rt_label *label, const rt_draw_key *key, rt_err *err)
{
    rt_status status = RT_OK;
    rt_step_options one = *options;
    rt_step_plan plan;
    double least, most;
    *out_work = (rt_work){NAN, NAN, NAN};
    if (!rt_ctx_can_measure(ctx)) return RT_OK;
    one.rollouts = 1;
    RT_TRY(count(&least, ctx, model, &one, false, 1, features, label, key, err));
    RT_TRY(count(&most, ctx, model, &one, false, options->most_cycles, features, label, key, err));
    out_work->alone = .5 * (least + most);
    RT_TRY(count(&least, ctx, model, options, false, 1, features, label, key, err));
    RT_TRY(count(&most, ctx, model, options, false, options->most_cycles, features, label, key, err));
    out_work->first = .5 * (least + most);
    rt_step_plan_make(&plan, model, options);
    if (rt_step_is_frozen(&plan)) RT_TRY(count(&out_work->kept, ctx, model, options, true, 1, features, label, key, err));
done:
    return status;
}

rt_status rt_work_bytes(rt_ctx *ctx, const rt_model *model, int64_t *out_bytes, const rt_step_options *options,
                        const rt_features *features, const rt_label *label, const rt_draw_key *key, rt_err *err)
{
    rt_ctx_measure measure;
    rt_step_plan plan;
    rt_step_loss loss;
    rt_step_given given = {.n_cycle = options->most_cycles};
    rt_step_plan_make(&plan, model, options);
    rt_status status = rt_ctx_measure_begin(ctx, &measure, err);
    if (status != RT_OK) return status;
    status = rt_step_run(ctx, model, &loss, &plan, features, label, key, &given, true, false, err);
    *out_bytes = rt_ctx_measure_end(ctx, &measure);
    return status;
}

double rt_work_mean(const rt_work *work, int64_t epochs, int64_t views, double fits)
{
    if (views < 1 || isnan(work->kept)) return work->first;
    double made = (double)(epochs < views ? epochs : views) / (double)epochs;
    return fits * (made * work->first + (1 - made) * work->kept) + (1 - fits) * work->first;
}
