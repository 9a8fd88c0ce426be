/* bench.h - seconds and GFLOP/s of each stage of the network, beside this machine's own matrix-product peak
 * Uses: model, fold, feat.
 *
 * Stages and their inputs are those that PyTorch timings of the reference use: N random tokens, 64 MSA rows, all of them
 * seen, one template, made-up weights of the true shapes; minimum over repetitions.
 */
#ifndef RT_BENCH_H
#define RT_BENCH_H

#include "model.h"

#define RT_BENCH_STAGES     \
    RT_STAGE(ribonanza)     \
    RT_STAGE(input_embedder) \
    RT_STAGE(template)      \
    RT_STAGE(msa)           \
    RT_STAGE(pairformer)    \
    RT_STAGE(denoiser_1)    \
    RT_STAGE(denoiser_5)    \
    RT_STAGE(confidence)    \
    RT_STAGE(confidence_step)   /* labels, forward, losses, backward, clipping and Adam of the head */ \
    RT_STAGE(lora_step)         /* only with `lora`, and then alone */

enum {
#define RT_STAGE(name) RT_BENCH_##name,
    RT_BENCH_STAGES
#undef RT_STAGE
    RT_BENCH_COUNT
};

typedef struct {
    int64_t n_token, n_atom;
    double seconds[RT_BENCH_COUNT];   /* NAN: not run */
    double processor[RT_BENCH_COUNT]; /* seconds of all threads together, which other programs do not change */
    double gflop[RT_BENCH_COUNT];     /* 2 per multiply-add, of the products: rt_ctx_count_begin */
    int64_t memory[RT_BENCH_COUNT];   /* bytes at the stage's peak: of a GPU with what CUDA takes, else of the process so far */
    double gemm_peak;                 /* GFLOP/s of large products on all threads or the GPU, measured in the same run */
    int64_t peak_rss;                 /* bytes, of the process after the last stage without a backward (of all, if none ran) */
    int64_t peak_activations;         /* bytes of the arena */
} rt_bench_result;

typedef struct {
    const rt_config *config;
    rt_precision precision;
    rt_backend_kind backend;
    int64_t memory_limit;   /* bytes; 0: what is free */
    int threads, repetitions;
    int64_t n_msa;
    int64_t keep_every;    /* of it, as in training: see layer/stack */
    const char *opt_checkpoint;       /* mapped, instead of made-up weights */
    const bool *opt_stages;           /* (RT_BENCH_COUNT); NULL: all */
    bool lora;             /* a training step of rank 8 adapters on q, k, v of pairformer stack and diffusion transformer: the
                            * stack, noised copies, backward, Adam */
    int64_t copies, copies_at_once;   /* of it: see train/step; 1 or more */
} rt_bench_options;

const char *rt_bench_stage_name(int stage);

/* One result per size; results (n_size) is the caller's. */
rt_status rt_bench_run(rt_bench_result *results, const int64_t *n_token, int64_t n_size, const rt_bench_options *options,
                       rt_err *err);

/* GFLOP/s of large products, best of several: on all threads 4,096 rows per thread by 1,024 by 512, under a second; on a GPU
 * of 512 x 512 by 512 x 1,024 and doubled up to 8,192, until one takes 20 ms. */
double rt_bench_gemm_peak(rt_ctx *ctx, bool bf16);

#endif
