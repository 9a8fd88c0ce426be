/* sampler.h - noise schedule and the sampler (AF3 SI Algorithm 18)
 * Room: diffusion.  Uses: diffusion/denoise, base/rng.
 * Reference: rnapro/model/generator.py InferenceNoiseScheduler, sample_diffusion
 */
#ifndef RT_DIFFUSION_SAMPLER_H
#define RT_DIFFUSION_SAMPLER_H

#include <stdbool.h>

#include "diffusion/denoise.h"

/* The sampler's random numbers.  Either drawn (seed, stream; sample s is its own stream, so that the number of samples
 * does not change the draws of one) or given. */
typedef struct {
    uint64_t seed, stream;
    int64_t first_sample;                /* sample number of x[0] */
    /* given draws, F32: data NULL means drawn */
    rt_tensor init_noise;                /* (S,A,3) */
    rt_tensor rotation;                  /* (S,T,3,3) */
    rt_tensor translation;               /* (S,T,3) */
    rt_tensor step_noise;                /* (S,T,A,3) */
} rt_sampler_draws;

/* Called before each step; returning false stops the sampler (status RT_ERR_STOPPED). */
typedef bool rt_sampler_progress(void *user, int64_t step, int64_t n_step);

/* out (n_step + 1) F32: noise levels in Angstrom; the last is 0. */
void rt_noise_schedule(rt_tensor out, const rt_config *config, int64_t n_step);

/* x (S,A,3): final coordinates, Angstrom. */
void rt_sampler_run(rt_ctx *ctx, const rt_denoiser *d, const rt_denoiser_context *context, rt_tensor x, const rt_config *config,
                    int64_t n_step, const rt_sampler_draws *draws, rt_sampler_progress *opt_progress, void *user);

#endif
