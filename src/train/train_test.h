/* train_test.h - for this room's tests alone: the golden training case hairpin30, and a derivative by differences
 * Room: train.  Uses: feat/label, io/weights, op/backend.  Included after cmocka.h.
 */
#ifndef RT_TRAIN_TRAIN_TEST_H
#define RT_TRAIN_TRAIN_TEST_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/rng.h"
#include "feat/label.h"
#include "io/test_files.h"
#include "io/weights.h"
#include "op/backend.h"

typedef struct {
    rt_weights *golden;
    rt_arena *arena;
    rt_input input;
    rt_features features;
    rt_label label;
} test_case;

static inline void test_ok(rt_status status, const rt_err *err)
{
    char text[2048];
    if (status == RT_OK) return;
    rt_err_print(err, text, sizeof text);
    fail_msg("%s", text);
}

static inline rt_tensor test_golden(const test_case *c, const char *name)
{
    const rt_weight *weight = rt_weights_find(c->golden, name);
    if (!weight) fail_msg("the golden file has no %s", name);
    return weight->tensor;
}

/* A label from tensors of a golden file: coordinate F32 (A,3), mask I64 (A). */
static inline void test_label(rt_label *out, rt_arena *arena, rt_tensor coordinate, rt_tensor mask)
{
    int64_t n = mask.dim[0];
    *out = (rt_label){.n_atom = n, .resolution = 2.0};
    out->coordinate = RT_WRAP(rt_arena_push(arena, 12 * n), RT_F32, n, 3);
    out->coordinate_mask = RT_WRAP(rt_arena_push(arena, n), RT_U8, n);
    for (int64_t a = 0; a < n; a++) {
        bool seen = rt_get(mask, a) != 0;
        ((uint8_t *)out->coordinate_mask.data)[a] = seen;
        out->n_resolved += seen;
        for (int d = 0; d < 3; d++)
            ((float *)out->coordinate.data)[3 * a + d] = seen ? (float)rt_get(coordinate, 3 * a + d) : 0;
    }
}

/* false: the shared folder is not here and the caller is to skip. */
static inline bool test_case_open(test_case *c, const char *file, const char *opt_coordinate, const char *opt_mask)
{
    char path[600];
    rt_err err;
    const char *shared = test_shared(file);
    *c = (test_case){0};
    if (!shared) return false;
    snprintf(path, sizeof path, "%s/golden/%s", shared, file);
    test_ok(rt_weights_open(&c->golden, path, &err), &err);
    test_ok(rt_arena_create(&c->arena, "test", (int64_t)1 << 30, &err), &err);
    test_ok(rt_input_set_sequence(&c->input, "hairpin30", "GGGAAACCCGGGUUCGCCCGGGAUACUCCC", &err), &err);
    test_ok(rt_features_build(&c->features, c->arena, &c->input, rt_conformers_default(), 1, NULL, &err), &err);
    if (opt_coordinate)
        test_label(&c->label, c->arena, test_golden(c, opt_coordinate), test_golden(c, opt_mask));
    return true;
}

static inline void test_case_close(test_case *c)
{
    rt_weights_close(c->golden);
    rt_arena_free(c->arena);
    rt_input_free_members(&c->input);
}

static inline rt_ctx *test_context(rt_backend_kind kind, int threads)
{
    rt_ctx *ctx;
    rt_err err;
    test_ok(rt_ctx_create(&ctx, kind, threads, (int64_t)1 << 30, &err), &err);
    return ctx;
}

static inline rt_tensor test_zeros(rt_ctx *ctx, rt_tensor like)
{
    rt_tensor t = rt_new_shape(ctx, like.dtype, like.ndim, like.dim);
    memset(t.data, 0, (size_t)rt_bytes(t));
    return t;
}

static inline rt_tensor test_as_f64(rt_ctx *ctx, rt_tensor t)
{
    rt_tensor wide = rt_new_shape(ctx, RT_F64, t.ndim, t.dim);
    rt_convert(wide.data, RT_F64, t.data, t.dtype, rt_count(t));
    return wide;
}

static inline void test_near(const char *what, double got, double want, double bound)
{
    double error = fabs(got - want) / fmax(fabs(want), 1e-30);
    print_message("note: %s: %.9g, golden %.9g, relative error %.1e (bound %.0e)\n", what, got, want, error, bound);
    if (!(error <= bound)) fail_msg("%s is %.9g, the golden %.9g", what, got, want);
}

/* L2 of the difference against L2 of the golden gradient. */
static inline void test_gradient(const char *what, rt_tensor got, rt_tensor want, double bound)
{
    double difference = 0, size = 0;
    assert_int_equal(rt_count(got), rt_count(want));
    for (int64_t i = 0; i < rt_count(got); i++) {
        double delta = rt_get(got, i) - rt_get(want, i);
        difference += delta * delta;
        size += rt_get(want, i) * rt_get(want, i);
    }
    double error = sqrt(difference / size);
    print_message("note: %s: relative L2 error %.1e (bound %.0e)\n", what, error, bound);
    if (!(error <= bound)) fail_msg("%s: relative L2 error %.3g", what, error);
}

/* Central differences of loss(user) at some of x's elements (F64) against gradient. */
static inline void test_differences(const char *what, double (*loss)(void *user), void *user, rt_tensor x,
                                    rt_tensor gradient, double step, double bound)
{
    double *value = x.data, worst = 0, size = 0;
    for (int64_t i = 0; i < rt_count(x); i++) size = fmax(size, fabs(rt_get(gradient, i)));
    assert_true(size > 0);
    for (int64_t i = 0; i < rt_count(x); i += 1 + rt_count(x) / 60) {
        double keep = value[i], slope = 0;
        for (int side = -2; side <= 2; side++) {   /* fourth order: truncation far below the bound */
            const double weight[5] = {1.0 / 12, -8.0 / 12, 0, 8.0 / 12, -1.0 / 12};
            if (side == 0) continue;
            value[i] = keep + side * step;
            slope += weight[side + 2] * loss(user) / step;
        }
        value[i] = keep;
        worst = fmax(worst, fabs(slope - rt_get(gradient, i)) / size);
    }
    print_message("note: %s: differences against gradient, worst %.1e of the largest (bound %.0e)\n", what, worst,
                  bound);
    if (!(worst <= bound)) fail_msg("%s: worst error %.3g", what, worst);
}

/* The same along random directions of all elements: an error in any of them shows, for four losses a direction. */
static inline void test_directions(const char *what, double (*loss)(void *user), void *user, rt_tensor x,
                                   rt_tensor gradient, int directions, double step, double bound)
{
    static const double WEIGHT[4] = {1.0 / 12, -8.0 / 12, 8.0 / 12, -1.0 / 12}, AT[4] = {-2, -1, 1, 2};
    int64_t n = rt_count(x);
    double *value = x.data, *keep = malloc((size_t)n * sizeof *keep), worst = 0, size = 0;
    memcpy(keep, value, (size_t)n * sizeof *keep);
    for (int64_t i = 0; i < n; i++) size += rt_get(gradient, i) * rt_get(gradient, i);
    assert_true(size > 0);
    for (int d = 0; d < directions; d++) {
        rt_rng rng = rt_rng_make(11, (uint64_t)d, 0, RT_DRAW_WEIGHTS);
        double slope = 0, expected = 0;
        for (int64_t i = 0; i < n; i++) expected += rt_rng_normal(&rng, (uint64_t)i) * rt_get(gradient, i);
        for (int side = 0; side < 4; side++) {
            for (int64_t i = 0; i < n; i++) value[i] = keep[i] + AT[side] * step * rt_rng_normal(&rng, (uint64_t)i);
            slope += WEIGHT[side] * loss(user) / step;
        }
        worst = fmax(worst, fabs(slope - expected) / sqrt(size));
    }
    memcpy(value, keep, (size_t)n * sizeof *keep);
    free(keep);
    print_message("note: %s: differences along %d direction(s), worst %.1e of the gradient (bound %.0e)\n", what,
                  directions, worst, bound);
    if (!(worst <= bound)) fail_msg("%s: worst error %.3g", what, worst);
}

#endif
