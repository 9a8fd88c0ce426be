#include "diffusion/sampler.h"

#include <math.h>

#include "base/rng.h"

void rt_noise_schedule(rt_tensor out, const rt_config *config, int64_t n_step)
{
    RT_SHAPE(out, n_step + 1);
    double top = pow(config->s_max_noise, 1 / config->rho), bottom = pow(config->s_min_noise, 1 / config->rho);
    for (int64_t i = 0; i <= n_step; i++) {
        double t = config->sigma_data * pow(top + (double)i / (double)n_step * (bottom - top), config->rho);
        ((float *)out.data)[i] = i == n_step ? 0.0f : (float)t;
    }
}

/* noise (S,A,3): N(0,1), given for all samples at `step` of `n_step`, or drawn. */
static void fill_noise(rt_ctx *ctx, rt_tensor noise, const rt_sampler_draws *draws, rt_tensor given, rt_draw purpose,
                       int64_t step, int64_t n_step)
{
    int64_t samples = noise.dim[0], count = noise.dim[1] * 3;
    for (int64_t s = 0; ctx->status == RT_OK && s < samples; s++) {
        uint64_t stream = draws->stream + (uint64_t)(draws->first_sample + s) * 0x9E3779B97F4A7C15ull;
        rt_rng rng = rt_rng_make(draws->seed, stream, (uint64_t)step, purpose);
        for (int64_t i = 0; i < count; i++)
            rt_set(noise, s * count + i, given.data ? rt_get(given, (s * n_step + step) * count + i)
                                                 : rt_rng_normal(&rng, (uint64_t)i));
    }
}

/* rotation (S,3,3) and translation (S,3) of `step`. */
static void fill_motion(rt_ctx *ctx, rt_tensor rotation, rt_tensor translation, const rt_sampler_draws *draws, int64_t step,
                        int64_t n_step)
{
    for (int64_t s = 0; ctx->status == RT_OK && s < rotation.dim[0]; s++) {
        uint64_t stream = draws->stream + (uint64_t)(draws->first_sample + s) * 0x9E3779B97F4A7C15ull;
        rt_rng turn = rt_rng_make(draws->seed, stream, (uint64_t)step, RT_DRAW_STEP_ROTATION);
        rt_rng shift = rt_rng_make(draws->seed, stream, (uint64_t)step, RT_DRAW_STEP_TRANSLATION);
        double r[9];
        rt_rng_rotation(&turn, 0, r);
        for (int64_t i = 0; i < 9; i++)
            rt_set(rotation, s * 9 + i, draws->rotation.data ? rt_get(draws->rotation, (s * n_step + step) * 9 + i) : r[i]);
        for (int64_t i = 0; i < 3; i++)
            rt_set(translation, s * 3 + i, draws->translation.data ? rt_get(draws->translation, (s * n_step + step) * 3 + i)
                                                                : rt_rng_normal(&shift, (uint64_t)i));
    }
}

/* The golden files number the first x_noisy without a suffix. */
static void probe_noisy(rt_ctx *ctx, rt_tensor x, double t, int64_t step, int64_t n_step)
{
    if (!ctx->probe) return;
    int64_t mark = rt_arena_mark(ctx->step);
    rt_tensor level = RT_NEW_HOST(ctx, ctx->real, 1);
    for (int64_t s = 0; ctx->status == RT_OK && s < x.dim[0]; s++) {
        int64_t call = s * n_step + step;
        rt_set(level, 0, t);
        if (call == 0) {
            RT_PROBE(ctx, rt_slice(x, s, 1), "x_noisy");
            RT_PROBE(ctx, level, "t_hat");
        } else {
            RT_PROBE(ctx, rt_slice(x, s, 1), "x_noisy#%lld", (long long)call);
            RT_PROBE(ctx, level, "t_hat#%lld", (long long)call);
        }
    }
    rt_arena_reset(ctx->step, mark);
}

void rt_sampler_run(rt_ctx *ctx, const rt_denoiser *d, const rt_denoiser_context *context, rt_tensor x, const rt_config *config,
                    int64_t n_step, const rt_sampler_draws *draws, rt_sampler_progress *opt_progress, void *user)
{
    int64_t samples = x.dim[0], atoms = x.dim[1], mark = rt_arena_mark(ctx->step);
    RT_SHAPE(x, samples, atoms, 3);
    rt_tensor schedule = RT_NEW_HOST(ctx, RT_F32, n_step + 1), noise = RT_NEW_HOST(ctx, ctx->real, samples, atoms, 3);
    rt_tensor rotation = RT_NEW_HOST(ctx, ctx->real, samples, 3, 3), translation = RT_NEW_HOST(ctx, ctx->real, samples, 3);
    rt_tensor denoised = rt_new_like(ctx, x);
    rt_replay replay = {.expected = n_step};
    rt_denoiser_context repeated = *context;   /* every step calls the network on the same memory */
    repeated.opt_replay = &replay;
    int64_t inner = rt_arena_mark(ctx->step);
    if (ctx->status == RT_OK) {
        rt_noise_schedule(schedule, config, n_step);
        RT_PROBE(ctx, schedule, "noise_schedule");
    }
    fill_noise(ctx, noise, draws, draws->init_noise, RT_DRAW_INIT_NOISE, 0, 1);
    if (ctx->status == RT_OK) rt_op_axpby(ctx, x, 0, rt_upload(ctx, noise), ((float *)schedule.data)[0]);
    rt_arena_reset(ctx->step, inner);
    for (int64_t step = 0; step < n_step && ctx->status == RT_OK; step++) {
        if (opt_progress && !opt_progress(user, step, n_step)) {
            ctx->status = rt_fail(&ctx->err, RT_ERR_STOPPED, NULL, 0, "stopped at step %lld of %lld", (long long)step,
                                  (long long)n_step);
            break;
        }
        double last = ((float *)schedule.data)[step], next = ((float *)schedule.data)[step + 1];
        double t = last * ((next > config->gamma_min ? config->gamma0 : 0) + 1);
        /* a device works on the step before while these are drawn; an upload may wait for it */
        fill_motion(ctx, rotation, translation, draws, step, n_step);
        fill_noise(ctx, noise, draws, draws->step_noise, RT_DRAW_STEP_NOISE, step, n_step);
        rt_op_augment(ctx, x, rt_upload(ctx, rotation), rt_upload(ctx, translation));
        rt_op_axpby(ctx, x, 1, rt_upload(ctx, noise), config->noise_scale_lambda * sqrt(t * t - last * last));
        probe_noisy(ctx, x, t, step, n_step);
        rt_denoiser_forward(ctx, d, &repeated, denoised, x, (rt_noise_levels){&t, 1}, step, n_step, NULL);
        double move = config->step_scale_eta * (next - t) / t;   /* x + eta (next - t) (x - denoised) / t */
        rt_op_axpby(ctx, x, 1 + move, denoised, -move);
        rt_arena_reset(ctx->step, inner);
    }
    rt_replay_end(&replay);
    rt_arena_reset(ctx->step, mark);
}
