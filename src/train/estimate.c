#include "train/estimate.h"

#include <math.h>
#include <stdlib.h>

#include "base/ranks.h"

double rt_estimate_seconds(const rt_estimate *estimate, int64_t tokens)
{
    double power = 2, longer = (double)estimate->tokens[0], shorter = (double)estimate->tokens[1];
    if (shorter < longer) power = log(estimate->seconds[0] / estimate->seconds[1]) / log(longer / shorter);
    power = fmin(fmax(power, 0), 3); /* attention over triangles is a cube */
    return estimate->seconds[0] * pow((double)tokens / longer, power);
}

static int64_t tokens_of(const rt_loop_options *o, int64_t number)
{
    int64_t n = rt_dataset_at(o->set, number)->length;
    return o->sample.crop > 0 && n > o->sample.crop ? o->sample.crop : n;
}

/* The training target whose sample is nearest to half of `tokens`. */
static const rt_target *find_shorter(const rt_loop_options *o, int64_t tokens)
{
    int64_t best = o->train[0];
    for (int64_t i = 1; i < o->n_train; i++)
        if (llabs(2 * tokens_of(o, o->train[i]) - tokens) < llabs(2 * tokens_of(o, best) - tokens)) best = o->train[i];
    return rt_dataset_at(o->set, best);
}

rt_status rt_estimate_make(rt_estimate *out, rt_ctx *ctx, rt_model *model, const rt_loop_options *options,
                           const rt_loop_measure *longest, rt_err *err)
{
    rt_status status = RT_OK;
    rt_loop_measure all, one, held_out;
    const rt_target *shorter = find_shorter(options, longest->tokens);
    const int64_t most = options->step.most_cycles;
    RT_TRY(rt_loop_try_target(ctx, model, options, shorter, most, true, &all, err));
    RT_TRY(rt_loop_try_target(ctx, model, options, shorter, 1, true, &one, err));
    RT_TRY(rt_loop_try_target(ctx, model, options, shorter, most, false, &held_out, err));
    *out = (rt_estimate){.tokens = {longest->tokens, all.tokens}, .seconds = {longest->seconds, all.seconds}};
    out->train_share = fmin(1, 0.5 * (all.seconds + one.seconds) / all.seconds); /* recycles are uniform over 1 .. most */
    out->held_out_share = fmin(1, held_out.seconds / all.seconds);
    double validation = 0;
    for (int64_t i = 0; i < options->n_validation; i++)
        validation += out->held_out_share * rt_estimate_seconds(out, tokens_of(options, options->validation[i]));
    out->epoch = validation;
    for (int64_t i = 0; i < options->n_train; i++)
        out->epoch += out->train_share * rt_estimate_seconds(out, tokens_of(options, options->train[i]));
    out->epoch /= rt_ranks_count(), validation /= rt_ranks_count();
    out->total = (double)options->epochs * out->epoch + validation;
done:
    return status;
}
