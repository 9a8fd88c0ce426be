#include "train/schedule.h"

#include <math.h>
#include <stddef.h>

double rt_schedule_rate(const rt_schedule *s, int64_t step)
{
    double t = (double)step, warmup = (double)s->warmup;
    if (s->kind == RT_SCHEDULE_AF3) {
        if (step <= s->warmup && s->warmup > 0) return t / warmup * s->rate;
        return s->rate * pow(s->decay_factor, (double)(step / s->decay_every));
    }
    if (s->kind == RT_SCHEDULE_CONSTANT) return step < s->warmup ? (t + 1) / (warmup + 1) * s->rate : s->rate;
    if (step <= s->warmup) return (t + 1) / (warmup + 1) * s->rate;
    double least = s->rate * s->least_ratio;
    if (step >= s->steps) return least;
    return least + 0.5 * (1 + cos(M_PI * (t - warmup) / ((double)s->steps - warmup))) * (s->rate - least);
}

rt_status rt_schedule_check(const rt_schedule *s, rt_err *err)
{
    if (!(s->rate >= 0 && isfinite(s->rate)))
        return rt_fail(err, RT_ERR_USAGE, NULL, 0, "learning rate %g: 0 or more was expected", s->rate);
    if (s->warmup < 0)
        return rt_fail(err, RT_ERR_USAGE, NULL, 0, "a warm-up of %lld steps cannot be", (long long)s->warmup);
    if (s->kind == RT_SCHEDULE_COSINE && (s->steps <= s->warmup || !(s->least_ratio >= 0 && s->least_ratio <= 1))) {
        rt_fail(err, RT_ERR_USAGE, NULL, 0,
                "a cosine over %lld steps with a warm-up of %lld down to %g of the rate cannot be", (long long)s->steps,
                (long long)s->warmup, s->least_ratio);
        return rt_hint(err, "it needs more steps than its warm-up has, and a ratio from 0 to 1");
    }
    if (s->kind == RT_SCHEDULE_AF3 && (s->decay_every < 1 || !(s->decay_factor > 0 && s->decay_factor <= 1)))
        return rt_fail(err, RT_ERR_USAGE, NULL, 0, "a decay by %g every %lld steps cannot be", s->decay_factor,
                       (long long)s->decay_every);
    return RT_OK;
}

const char *rt_schedule_name(rt_schedule_kind kind)
{
    static const char *const name[] = {"constant", "cosine", "af3"};
    return name[kind];
}
