/* predict_budget.c - a wall-clock limit shared over targets, so that every one gets an answer
 *
 * A target's share is the least that any target gets plus its part, by work, of what is left then.  What a unit of work
 * takes is measured stage by stage as targets finish; before the first one, a few large matrix products say how fast the
 * machine is.
 */
#include <math.h>

#include "base/clock.h"
#include "base/log.h"
#include "bench.h"
#include "predict_run.h"

/* Below these an answer is hardly one. */
enum { LEAST_STEPS = 20 };
static const double SAFETY = 0.93;        /* of the time: writing, loading, and estimates that are a little off */
static const double GUESSED_EFFICIENCY = 0.3;

void rt_predict_budget_start(rt_predict_run *r)
{
    rt_predict_budget *b = &r->budget;
    if (r->options->time_budget <= 0) return;
    b->on = true;
    b->deadline = r->report->began + SAFETY * r->options->time_budget;
    bool bf16 = r->options->model.precision != RT_PRECISION_FP32 && rt_ctx_can_measure(r->ctx);
    double multiply_adds = rt_ctx_can_measure(r->ctx) ? 0.5e9 * rt_bench_gemm_peak(r->ctx, bf16) : 1e9;
    for (int i = 0; i < RT_STAGE_COUNT; i++) b->rate[i] = 1 / (GUESSED_EFFICIENCY * multiply_adds);
}

void rt_predict_budget_learn(rt_predict_run *r, const double work[RT_STAGE_COUNT], const double seconds[RT_STAGE_COUNT])
{
    rt_predict_budget *b = &r->budget;
    for (int i = 0; i < RT_STAGE_COUNT && b->on; i++) {
        b->done_work[i] += work[i];
        b->done_seconds[i] += seconds[i];
        if (b->done_work[i] > 0) b->rate[i] = b->done_seconds[i] / b->done_work[i];
    }
}

static double seconds_of(const rt_predict_run *r, const rt_features *features, const rt_predict_plan *plan,
                         double out_stage[RT_STAGE_COUNT])
{
    double sum = 0;
    rt_predict_passes_work(r, features, plan, out_stage);
    for (int i = 0; i < RT_STAGE_COUNT; i++) sum += out_stage[i] *= r->budget.rate[i];
    return sum;
}

static void set_all(rt_predict_plan *plan, int64_t n_cycle, int64_t n_step, int64_t n_sample)
{
    for (int64_t p = 0; p < plan->n_pass; p++)
        plan->pass[p].n_cycle = n_cycle, plan->pass[p].n_step = n_step, plan->pass[p].n_sample = n_sample;
}

static int64_t least_steps(const rt_predict_plan *plan)
{
    return plan->asked.n_step < LEAST_STEPS ? plan->asked.n_step : LEAST_STEPS;
}

/* One notch down in what takes longest; false when nothing is left to take away.  Samples beyond one go first, because they
 * only give the ranking more to choose from; then steps, passes, cycles. */
static bool shorten(rt_predict_plan *plan, const double stage[RT_STAGE_COUNT])
{
    rt_predict_pass now = plan->pass[0];
    double trunk = stage[RT_STAGE_TRUNK] + stage[RT_STAGE_PREPARE];
    double drawing = stage[RT_STAGE_DIFFUSION] + stage[RT_STAGE_CONFIDENCE];
    bool more_samples = now.n_sample > 1, more_steps = now.n_step > least_steps(plan);
    bool more_passes = plan->n_pass > 1, more_cycles = now.n_cycle > 1;
    if (!more_samples && !more_steps && !more_passes && !more_cycles) return false;
    bool cut_drawing = (more_samples || more_steps) && (drawing >= trunk || (!more_passes && !more_cycles));
    if (cut_drawing && more_samples) set_all(plan, now.n_cycle, now.n_step, now.n_sample - 1);
    else if (cut_drawing) set_all(plan, now.n_cycle, fmax((double)least_steps(plan), 0.9 * (double)now.n_step), 1);
    else if (more_passes) plan->n_pass--;
    else set_all(plan, now.n_cycle - 1, now.n_step, now.n_sample);
    plan->shortened = true;
    return true;
}

/* Features of another target, as far as estimates look at them. */
static rt_features sizes_of(const rt_input *input, int64_t n_template)
{
    return (rt_features){.n_token = input->length, .n_atom = 22 * input->length, .n_template = n_template};
}

void rt_predict_budget_fit(rt_predict_run *r, rt_input *const *targets, int64_t n, const rt_features *features,
                           rt_predict_plan *plan)
{
    if (!r->budget.on || plan->n_pass == 0) return;
    double stage[RT_STAGE_COUNT], left = r->budget.deadline - rt_clock(), full = 0, least = 0, own_least = 0;
    double own = seconds_of(r, features, plan, stage);
    for (int64_t i = 0; i < n; i++) {
        rt_features size = i == 0 ? *features : sizes_of(targets[i], features->n_template);
        rt_predict_pass smallest = plan->pass[0];
        smallest.n_cycle = smallest.n_sample = 1;
        smallest.n_step = least_steps(plan);
        rt_predict_plan minimum = {.pass = &smallest, .n_pass = 1};
        double lowest = seconds_of(r, &size, &minimum, stage);
        least += lowest;
        full += seconds_of(r, &size, plan, stage);
        if (i == 0) own_least = lowest;
    }
    double beyond = left - least, share = own_least + (beyond > 0 ? beyond * (own - own_least) / fmax(full - least, 1e-9) : 0);
    for (double now = own; now > share;) {
        seconds_of(r, features, plan, stage);
        if (!shorten(plan, stage)) break;
        now = seconds_of(r, features, plan, stage);
    }
    const rt_predict_pass *p = &plan->pass[0], *asked = &plan->asked;
    if (plan->shortened)
        rt_info("%s: %.0f s are its share of the time that is left: %lld of %lld passes, %lld of %lld cycles, "
                "%lld of %lld steps, %lld of %lld samples", targets[0]->target, fmax(share, 0), (long long)plan->n_pass,
                (long long)plan->asked_passes, (long long)p->n_cycle, (long long)asked->n_cycle, (long long)p->n_step,
                (long long)asked->n_step, (long long)p->n_sample, (long long)asked->n_sample);
}
