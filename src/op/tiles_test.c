#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "op/op_test.h"
#include "op/tiles.h"

enum { C = 24 };

static rt_ctx *open_context(rt_backend_kind kind, int threads, int64_t memory)
{
    rt_ctx *ctx;
    rt_err err;
    assert_int_equal(rt_ctx_create(&ctx, kind, threads, memory, &err), RT_OK);
    return ctx;
}

typedef struct {
    rt_tensor x, w, gain;
} layer;

/* x += relu(LN(x) w^T), row by row */
static void layer_rows(rt_ctx *ctx, const void *user, int64_t first, int64_t count)
{
    const layer *l = user;
    rt_tensor x = rt_slice(l->x, first, count), normed = rt_new_like(ctx, x);
    rt_op_layer_norm(ctx, normed, x, l->gain, RT_ABSENT);
    rt_op_linear(ctx, x, normed, l->w, RT_ABSENT, (rt_epilogue){.act = RT_ACT_RELU, .add = true});
}

static layer make_layer(rt_ctx *ctx, int64_t rows)
{
    next_stream = 0;
    return (layer){RANDOM(rows, C), RANDOM(C, C), RANDOM(C)};
}

/* Rows around the sizes at which the cut changes: one tile, too few tiles, whole tiles, a last one that is shorter. */
static const int64_t ROWS[] = {1, 255, 1700, 1792, 2048, 2049, 5000};

static void tiles_equal_the_reference_and_any_number_of_threads(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        rt_ctx *exact = open_context(RT_BACKEND_REF64, 1, 1 << 26), *one = open_context(RT_BACKEND_CPU, 1, 1 << 26);
        rt_ctx *three = open_context(RT_BACKEND_CPU, 3, 1 << 26);
        rt_ctx *ctx[3] = {exact, one, three};
        layer l[3];
        for (int k = 0; k < 3; k++) {
            l[k] = make_layer(ctx[k], ROWS[i]);
            rt_tiles_run(ctx[k], ROWS[i], 1, layer_rows, &l[k]);
            assert_int_equal(ctx[k]->status, RT_OK);
        }
        assert_memory_equal(l[1].x.data, l[2].x.data, (size_t)rt_bytes(l[1].x));
        assert_true(compare(l[1].x, l[0].x) < 1e-5);
        for (int k = 0; k < 3; k++) rt_ctx_free(ctx[k]);
    }
}

/* Ranges of items: each item once, none twice. */
static void mark_items(rt_ctx *ctx, const void *user, int64_t first, int64_t count)
{
    const rt_tensor *seen = user;
    for (int64_t i = first; !ctx->measuring && i < first + count; i++) rt_set(*seen, i, rt_get(*seen, i) + 1);
}

static void every_item_is_met_once(void **state)
{
    (void)state;
    static const int64_t WIDTH[] = {1, 3, 64, 255, 256, 257, 9000};
    for (size_t i = 0; i < sizeof WIDTH / sizeof *WIDTH; i++)
        for (int64_t n = 1; n < 4000; n = 2 * n + 1) {
            rt_ctx *ctx = open_context(RT_BACKEND_CPU, 2, 1 << 22);
            rt_tensor seen = RT_NEW(ctx, n);
            rt_zero(ctx, seen);
            rt_tiles_run(ctx, n, WIDTH[i], mark_items, &seen);
            for (int64_t k = 0; k < n; k++) assert_true(rt_get(seen, k) == 1);
            rt_ctx_free(ctx);
        }
}

static void what_is_measured_is_what_is_used(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        rt_ctx *ctx = open_context(RT_BACKEND_CPU, 3, 1 << 26);
        layer l = make_layer(ctx, ROWS[i]);
        int64_t before = rt_arena_used(ctx->step);
        rt_tiles_run(ctx, ROWS[i], 1, layer_rows, &l);
        int64_t used = rt_arena_peak(ctx->step) - before;
        assert_true(used > 0);
        rt_ctx_measure measure;
        rt_err err;
        assert_int_equal(rt_ctx_measure_begin(ctx, &measure, &err), RT_OK);
        rt_tiles_run(ctx, ROWS[i], 1, layer_rows, &l);
        assert_int_equal(rt_arena_peak(ctx->step), used);
        rt_ctx_measure_end(ctx, &measure);
        rt_ctx_free(ctx);
    }
}

static void all_tiles_are_counted(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        rt_ctx *ctx = open_context(RT_BACKEND_CPU, 2, 1 << 26);
        layer l = make_layer(ctx, ROWS[i]);
        rt_ctx_measure measure;
        rt_err err;
        assert_int_equal(rt_ctx_count_begin(ctx, &measure, &err), RT_OK);
        rt_tiles_run(ctx, ROWS[i], 1, layer_rows, &l);
        assert_true(rt_ctx_count_end(ctx, &measure) == 2.0 * (double)ROWS[i] * C * C);
        rt_ctx_free(ctx);
    }
}

static void too_little_memory_is_an_error(void **state)
{
    (void)state;
    rt_ctx *ctx = open_context(RT_BACKEND_CPU, 2, 500000);
    layer l = make_layer(ctx, 5000);
    rt_err err;
    rt_tiles_run(ctx, 5000, 1, layer_rows, &l);
    assert_int_equal(rt_ctx_take(ctx, &err), RT_ERR_MEMORY);
    rt_ctx_free(ctx);
}

/* Where address space is limited, a context takes what its memory takes and no more: measuring needs no terabyte. */
static void little_address_space_is_enough(void **state)
{
    (void)state;
#if defined(__SANITIZE_ADDRESS__)
    skip();   /* the checker itself needs terabytes */
#else
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct rlimit limit = {(rlim_t)4 << 30, (rlim_t)4 << 30};
        rt_ctx *ctx;
        if (setrlimit(RLIMIT_AS, &limit) != 0 || rt_ctx_create(&ctx, RT_BACKEND_CPU, 2, 1 << 26, NULL) != RT_OK) _exit(1);
        layer l = make_layer(ctx, 5000);
        rt_tiles_run(ctx, 5000, 1, layer_rows, &l);
        _exit(ctx->status == RT_OK ? 0 : 2);
    }
    int code;
    assert_int_equal(waitpid(child, &code, 0), child);
    assert_true(WIFEXITED(code) && WEXITSTATUS(code) == 0);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiles_equal_the_reference_and_any_number_of_threads),
        cmocka_unit_test(every_item_is_met_once),
        cmocka_unit_test(what_is_measured_is_what_is_used),
        cmocka_unit_test(all_tiles_are_counted),
        cmocka_unit_test(too_little_memory_is_an_error),
        cmocka_unit_test(little_address_space_is_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
