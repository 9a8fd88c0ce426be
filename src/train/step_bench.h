/* step_bench.h - for this room's tests alone: the tiny network, a sequence and an answer, ready for a step
 * Room: train.  Uses: train/step, train/train_test.h.  Included after cmocka.h.
 */
#ifndef RT_TRAIN_STEP_BENCH_H
#define RT_TRAIN_STEP_BENCH_H

#include "train/step.h"
#include "train/train_test.h"

typedef struct {
    rt_ctx *ctx;
    rt_params *params;
    rt_model *model;
    rt_input input;
    rt_features features;
    rt_label label;
    rt_step_plan plan;
    rt_draw_key key;
} bench;

/* Nine residues and a made-up answer in which every ninth atom was not seen. */
static inline void open_bench(bench *b, rt_backend_kind kind, int threads, const char *trains, rt_step_terms weight)
{
    rt_err err;
    *b = (bench){.key = {.seed = 7, .stream = 3, .number = 5}};
    b->ctx = test_context(kind, threads);
    test_ok(rt_params_create(&b->params, &err), &err);
    test_ok(rt_params_train(b->params, trains, &err), &err);
    rt_model_options options = {.checkpoint = "tests/data/golden/tiny/tiny.pt",
                                .opt_config = "tests/data/golden/tiny/tiny_config.json",
                                .params = b->params,
                                .real = b->ctx->real};
    test_ok(rt_model_open(&b->model, &options, &err), &err);
    test_ok(rt_input_set_sequence(&b->input, "t", "GGCUUCGCC", &err), &err);
    test_ok(rt_features_build(&b->features, b->ctx->step, &b->input, rt_conformers_default(), 1, NULL, &err), &err);
    int64_t n = b->features.n_atom;
    b->label = (rt_label){.n_atom = n,
                          .resolution = 2,
                          .coordinate = RT_NEW_TYPE(b->ctx, RT_F32, n, 3),
                          .coordinate_mask = RT_NEW_TYPE(b->ctx, RT_U8, n)};
    for (int64_t a = 0; a < n; a++) {
        bool seen = a % 9 != 0;
        ((uint8_t *)b->label.coordinate_mask.data)[a] = seen;
        b->label.n_resolved += seen;
        for (int d = 0; d < 3; d++)
            ((float *)b->label.coordinate.data)[3 * a + d] = seen ? 9 * sinf((float)(a * (d + 2)) * 0.11f) : 0;
    }
    rt_step_options step = {.weight = weight,
                            .most_cycles = 2,
                            .rollout_steps = 2,
                            .copies = 2,
                            .resolution = rt_resolution_default};
    rt_step_plan_make(&b->plan, b->model, &step);
}

static inline void close_bench(bench *b)
{
    rt_input_free_members(&b->input);
    rt_model_close(b->model);
    rt_params_free(b->params);
    rt_ctx_free(b->ctx);
}

#endif
