/* op_test.c - parity: every forward row of ops.def on the fast backend, at awkward sizes and with 1 and 3 threads, against
 * the double reference.  A new row without a case here fails `every_op_has_a_case`; backward rows: op_gradient_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "op/cpu.h"
#include "op/cuda.h"
#include "op/op_test.h"

/* A case fills tensors with the same random numbers on every context and returns the op's result. */
typedef rt_tensor op_case(rt_ctx *ctx, int variant);

static rt_tensor case_linear(rt_ctx *ctx, int variant)
{
    const int64_t rows[] = {1, 300, 515, 64}, in[] = {3, 17, 128, 96}, out[] = {5, 130, 64, 700};
    int64_t m = rows[variant % 4], k = in[variant % 4], n = out[variant % 4];
    rt_tensor y = RANDOM(m, n), x = RANDOM(m, k), w = RANDOM(n, k), b = RANDOM(n), mul = RANDOM(m % 5 == 0 ? m / 5 : m, n);
    bool bias_and_relu = variant == 5;   /* alone: what a library of products does by itself */
    rt_epilogue e = {.act = (rt_act)(variant % 4), .add = variant & 1 && !bias_and_relu,
                     .mul = variant >= 4 && !bias_and_relu ? mul : RT_ABSENT};
    rt_op_linear(ctx, y, x, w, variant & 2 || bias_and_relu ? b : RT_ABSENT, e);
    return y;
}

static rt_tensor case_epilogue(rt_ctx *ctx, int variant)
{
    rt_tensor y = RANDOM(140, 300), pre = RANDOM(140, 300), mul = RANDOM(35, 300);
    rt_op_epilogue(ctx, y, pre, (rt_epilogue){.act = (rt_act)(variant % 4), .add = variant & 1,
                                              .mul = variant >= 4 ? mul : RT_ABSENT});
    return y;
}

static rt_tensor case_layer_norm(rt_ctx *ctx, int variant)
{
    rt_tensor x = RANDOM(133, 37 + variant), g = RANDOM(37 + variant), b = RANDOM(37 + variant);
    rt_op_layer_norm(ctx, x, x, variant % 3 ? g : RT_ABSENT, variant % 3 == 2 ? b : RT_ABSENT);
    return x;
}

static rt_tensor case_adaptive_layer_norm(rt_ctx *ctx, int variant)
{
    rt_tensor y = RT_NEW(ctx, 3, 21, 40), x = RANDOM(3, 21, 40), g = RANDOM(21, 40), b = RANDOM(21, 40);
    (void)variant;
    rt_op_adaptive_layer_norm(ctx, y, x, g, b);
    return y;
}

static rt_tensor case_add(rt_ctx *ctx, int variant)
{
    rt_tensor y = RANDOM(12, 33), x = RANDOM(variant % 2 ? 4 : 12, 33);
    rt_op_add(ctx, y, x);
    return y;
}

static rt_tensor case_axpby(rt_ctx *ctx, int variant)
{
    rt_tensor y = RANDOM(3000), x = RANDOM(3000);
    if (variant % 2) for (int64_t i = 0; i < 3000 && ctx->real == RT_F32; i++) ((float *)y.data)[i] = NAN;
    rt_op_axpby(ctx, y, variant % 2 ? 0 : 0.5, x, -1.25);   /* alpha 0 must not read y */
    return y;
}

static rt_tensor case_multiply(rt_ctx *ctx, int variant)
{
    rt_tensor y = RANDOM(1025 + variant), g = RANDOM(1025 + variant);
    rt_op_multiply(ctx, y, y, g);
    return y;
}

static rt_tensor case_clamp(rt_ctx *ctx, int variant)
{
    rt_tensor y = RANDOM(2000);
    rt_op_clamp(ctx, y, y, variant % 2 ? -0.5 : 0, variant % 2 ? 0.25 : INFINITY);
    return y;
}

static rt_tensor case_softmax(rt_ctx *ctx, int variant)
{
    rt_tensor x = RANDOM(19, 1 + 31 * variant);
    rt_op_axpby(ctx, x, 0, x, 8);
    rt_op_softmax(ctx, x, x);
    return x;
}

static rt_tensor case_concat(rt_ctx *ctx, int variant)
{
    rt_tensor a = RANDOM(40, 3 + variant), b = RANDOM(40, 9), y = RT_NEW(ctx, 40, 12 + variant);
    rt_op_concat(ctx, y, a, b);
    return y;
}

static rt_tensor case_place(rt_ctx *ctx, int variant)
{
    rt_tensor y = RANDOM(300, 20), x = RANDOM(300, 4 + variant);
    rt_op_place(ctx, y, x, variant);
    return y;
}

static rt_tensor case_transpose(rt_ctx *ctx, int variant)
{
    rt_tensor x = RANDOM(70 + variant, 5 + variant), y = RT_NEW(ctx, 5 + variant, 70 + variant);
    rt_op_transpose(ctx, y, x);
    return y;
}

static rt_tensor case_transpose_pair(rt_ctx *ctx, int variant)
{
    rt_tensor x = RANDOM(9, 9, 13), y = RT_NEW(ctx, 9, 9, 13);
    rt_op_transpose_pair(ctx, y, x, variant & 1);
    return y;
}

static rt_tensor case_pair_sum(rt_ctx *ctx, int variant)
{
    rt_tensor z = RANDOM(7, 7, 10), a = RANDOM(7, 10), b = RANDOM(7, 10);
    rt_op_pair_sum(ctx, z, a, b, variant & 1);
    return z;
}

static rt_tensor case_embed(rt_ctx *ctx, int variant)
{
    rt_tensor y = RANDOM(31, 12), w = RANDOM(12, 20), index = RT_NEW_TYPE(ctx, RT_I32, 31, 3);
    for (int i = 0; i < 93; i++) ((int32_t *)index.data)[i] = i % 11 == 0 ? -1 : (i * 13) % 20;
    rt_op_embed(ctx, y, w, index, variant & 1);
    return y;
}

static rt_tensor case_attention(rt_ctx *ctx, int variant)
{
    const int64_t lengths[] = {1, 7, 64, 130};
    int64_t n = lengths[variant % 4], b = variant < 4 ? 3 : 1;
    rt_tensor q = RANDOM(b, n, 4 * 12), k = RANDOM(b, n, 48), v = RANDOM(b, n, 48), bias = RANDOM(4, n, n);
    rt_tensor gate = RANDOM(b, n, 48), o = RT_NEW(ctx, b, n, 48);
    rt_op_attention(ctx, o, q, k, v, variant == 5 ? RT_ABSENT : bias, variant & 1 ? gate : RT_ABSENT, 4, 0.3);
    return o;
}

static rt_tensor case_local_attention(rt_ctx *ctx, int variant)
{
    const int64_t counts[] = {5, 32, 87, 300};
    int64_t atoms = counts[variant % 4];
    rt_tensor q = RANDOM(2, atoms, 24), k = RANDOM(2, atoms, 24), v = RANDOM(2, atoms, 24), gate = RANDOM(2, atoms, 24);
    rt_tensor bias = RANDOM(3, rt_window_count(atoms), 32, 128), o = RT_NEW(ctx, 2, atoms, 24);
    rt_op_local_attention(ctx, o, q, k, v, bias, variant & 1 ? gate : RT_ABSENT, 3, 0.35);
    return o;
}

static rt_tensor case_triangle_product(rt_ctx *ctx, int variant)
{
    int64_t n = 5 + 9 * variant, c = 16 + variant * 3;
    rt_tensor a = RANDOM(n, n, c), b = RANDOM(n, n, c), x = RT_NEW(ctx, n, n, c);
    rt_op_triangle_product(ctx, x, a, b, variant & 1);
    return x;
}

static rt_tensor case_outer_product(rt_ctx *ctx, int variant)
{
    rt_tensor a = RANDOM(1 + 3 * variant, 11, 6), b = RANDOM(1 + 3 * variant, 11, 6), y = RT_NEW(ctx, 4, 11, 36);
    rt_op_outer_product(ctx, y, a, b, 5);
    return y;
}

static rt_tensor case_outer_linear(rt_ctx *ctx, int variant)
{
    rt_tensor x = RANDOM(13, 6), w = RANDOM(20, 36), bias = RANDOM(20), z = RANDOM(13, 13, 20);
    rt_op_outer_linear(ctx, z, x, w, variant & 2 ? bias : RT_ABSENT, variant & 1);
    return z;
}

static rt_tensor case_pair_average(rt_ctx *ctx, int variant)
{
    int64_t m = 1 + 20 * variant;
    rt_tensor w = RANDOM(3, 17, 17), v = RANDOM(m, 17, 24), y = RT_NEW(ctx, m, 17, 24);
    rt_op_pair_average(ctx, y, w, v);
    return y;
}

static rt_tensor case_distances(rt_ctx *ctx, int variant)
{
    rt_tensor x = RANDOM(23, 3), mask = RANDOM(23), d = RT_NEW(ctx, 23, 23);
    rt_op_distances(ctx, d, x, variant & 1 ? mask : RT_ABSENT);
    return d;
}

static rt_tensor case_distance_embed(rt_ctx *ctx, int variant)
{
    rt_tensor d = RANDOM(9, 9), mask = RANDOM(9), z = RANDOM(9, 9, 10), w = RANDOM(10, 4), raw = RANDOM(10, 1);
    rt_tensor lower = RT_NEW(ctx, 4), upper = RT_NEW(ctx, 4);
    for (int i = 0; i < 4; i++)
        if (ctx->real == RT_F64) ((double *)lower.data)[i] = 0.5 * i, ((double *)upper.data)[i] = 0.5 * i + 0.5;
        else ((float *)lower.data)[i] = 0.5f * (float)i, ((float *)upper.data)[i] = 0.5f * (float)i + 0.5f;
    rt_op_distance_embed(ctx, z, d, variant & 1 ? mask : RT_ABSENT, lower, upper, w, raw);
    return z;
}

static rt_tensor case_gather(rt_ctx *ctx, int variant)
{
    rt_tensor y = RANDOM(2, 50, 7), x = RANDOM(variant & 2 ? 1 : 2, 9, 7), index = indices(ctx, 50, 9, true);
    rt_op_gather(ctx, y, x, index, variant & 1);
    return y;
}

static rt_tensor case_segment_mean(rt_ctx *ctx, int variant)
{
    rt_tensor y = RT_NEW(ctx, 2, 12, 7), x = RANDOM(2, 50, 7), index = indices(ctx, 50, 9 + variant % 3, true);
    rt_op_segment_mean(ctx, y, x, index);
    return y;
}

static rt_tensor case_window_offsets(rt_ctx *ctx, int variant)
{
    int64_t atoms = 20 + 50 * variant;
    rt_tensor p = RANDOM(rt_window_count(atoms), 32, 128, 6), pos = RANDOM(atoms, 3), uid = indices(ctx, atoms, 9, true);
    rt_tensor d = RANDOM(6, 3), inv = RANDOM(6, 1), v = RANDOM(6, 1);
    rt_op_window_offsets(ctx, p, pos, uid, d, inv, v);
    return p;
}

static rt_tensor case_window_pairs(rt_ctx *ctx, int variant)
{
    int64_t atoms = 20 + 50 * variant;
    rt_tensor p = RANDOM(rt_window_count(atoms), 32, 128, 6), pair = RANDOM(9, 9, 6), token = indices(ctx, atoms, 9, true);
    rt_tensor a = RANDOM(atoms, 6), b = RANDOM(atoms, 6);
    rt_op_window_pairs(ctx, p, variant & 1 ? pair : RT_ABSENT, token, a, b);
    return p;
}

static rt_tensor case_atom_linear(rt_ctx *ctx, int variant)
{
    (void)variant;
    rt_tensor y = RT_NEW(ctx, 50, 11), x = RANDOM(9, 20), w = RANDOM(5, 20, 11);
    rt_op_atom_linear(ctx, y, x, w, indices(ctx, 50, 9, true), indices(ctx, 50, 5, false));
    return y;
}

static rt_tensor case_fourier(rt_ctx *ctx, int variant)
{
    rt_tensor y = RT_NEW(ctx, 64), w = RANDOM(64), b = RANDOM(64);
    rt_op_fourier(ctx, y, 0.3 * variant, w, b);
    return y;
}

static rt_tensor case_augment(rt_ctx *ctx, int variant)
{
    (void)variant;
    rt_tensor x = RANDOM(2, 40, 3), r = RANDOM(2, 3, 3), t = RANDOM(2, 3);
    rt_op_augment(ctx, x, r, t);
    return x;
}

static const struct { const char *name; op_case *run; } CASES[] = {
#define CASE(name) {#name, case_##name}
    CASE(linear), CASE(epilogue), CASE(layer_norm), CASE(adaptive_layer_norm), CASE(add), CASE(axpby), CASE(multiply),
    CASE(clamp), CASE(softmax), CASE(concat), CASE(place), CASE(transpose), CASE(transpose_pair), CASE(pair_sum), CASE(embed),
    CASE(attention),
    CASE(local_attention), CASE(triangle_product), CASE(outer_product), CASE(outer_linear), CASE(pair_average),
    CASE(distances), CASE(distance_embed), CASE(gather), CASE(segment_mean), CASE(window_offsets), CASE(window_pairs),
    CASE(atom_linear), CASE(fourier), CASE(augment),
};
enum { N_CASES = sizeof CASES / sizeof *CASES, VARIANTS = 8 };

static void every_op_has_a_case(void **state)
{
    (void)state;
    int n = 0;
    for (int i = 0; i < rt_op_count(); i++) {
        if (test_is_backward(rt_op_name(i))) continue;
        assert_true(n < N_CASES);
        assert_string_equal(rt_op_name(i), CASES[n++].name);
    }
    assert_int_equal(n, N_CASES);
}

static rt_tensor run_case(rt_ctx *ctx, int op, int variant)
{
    next_stream = (uint64_t)(op * 1000 + variant * 50);
    rt_tensor result = CASES[op].run(ctx, variant);
    rt_ctx_sync(ctx);
    assert_int_equal(ctx->status, RT_OK);
    return result;
}

static void check_backend(rt_backend_kind kind, int threads, bool bf16, double bound)
{
    rt_ctx *exact, *fast;
    rt_err err;
    assert_int_equal(rt_ctx_create(&exact, RT_BACKEND_REF64, 1, TEST_MEMORY, &err), RT_OK);
    assert_int_equal(rt_ctx_create(&fast, kind, threads, TEST_MEMORY, &err), RT_OK);
    fast->bf16 = bf16;
    for (int op = 0; op < N_CASES; op++)
        for (int variant = 0; variant < VARIANTS; variant++) {
            double error = compare(run_case(fast, op, variant), run_case(exact, op, variant));
            if (!(error < bound)) fail_msg("%s, variant %d: error %g, bound %g", CASES[op].name, variant, error, bound);
            rt_arena_reset(fast->step, 0);
            rt_arena_reset(exact->step, 0);
        }
    rt_ctx_free(fast);
    rt_ctx_free(exact);
}

static void reference_in_float_agrees_with_double(void **state) { (void)state; check_backend(RT_BACKEND_REF, 1, false, 5e-6); }
static void fast_ops_agree_with_the_reference(void **state) { (void)state; check_backend(RT_BACKEND_CPU, 1, false, 5e-6); }
static void fast_ops_agree_on_three_threads(void **state) { (void)state; check_backend(RT_BACKEND_CPU, 3, false, 5e-6); }
static void bf16_products_agree_within_bf16(void **state) { (void)state; check_backend(RT_BACKEND_CPU, 2, true, 2e-2); }

static void check_bytes(rt_backend_kind kind)
{
    rt_ctx *one, *three;
    rt_err err;
    assert_int_equal(rt_ctx_create(&one, kind, 1, TEST_MEMORY, &err), RT_OK);
    assert_int_equal(rt_ctx_create(&three, kind, 3, TEST_MEMORY, &err), RT_OK);
    for (int op = 0; op < N_CASES; op++)
        for (int variant = 0; variant < VARIANTS; variant++) {
            rt_tensor a = run_case(one, op, variant), b = run_case(three, op, variant);
            if (memcmp(a.data, b.data, (size_t)rt_bytes(a)) != 0) fail_msg("%s, variant %d", CASES[op].name, variant);
            rt_arena_reset(one->step, 0);
            rt_arena_reset(three->step, 0);
        }
    rt_ctx_free(one);
    rt_ctx_free(three);
}

static void threads_give_the_same_bytes(void **state) { (void)state; check_bytes(RT_BACKEND_CPU); }

static void cuda_ops_agree_with_the_reference(void **state)
{
    (void)state;
    test_needs_cuda();
    check_backend(RT_BACKEND_CUDA, 1, false, 5e-6);
}

static void cuda_gives_the_same_bytes_twice(void **state)
{
    (void)state;
    test_needs_cuda();
    check_bytes(RT_BACKEND_CUDA);
}

/* Whoever uploads takes the memory for something else at once. */
static void cuda_has_read_what_was_uploaded(void **state)
{
    (void)state;
    test_needs_cuda();
    for (int hmm = 0; hmm < 2; hmm++) {   /* asks the emulation, a device is what it is */
        rt_ctx *ctx;
        setenv("RT_EMULATED_HMM", hmm ? "1" : "0", 1);
        assert_int_equal(rt_ctx_create(&ctx, RT_BACKEND_CUDA, 1, TEST_MEMORY, NULL), RT_OK);
        rt_tensor host = RT_NEW_HOST(ctx, RT_F32, 1 << 18), copy;
        for (int64_t i = 0; i < 1 << 18; i++) rt_set(host, i, (double)i);
        copy = rt_upload(ctx, host);
        for (int64_t i = 0; i < 1 << 18; i++) rt_set(host, i, -1);
        assert_int_equal(rt_ctx_take(ctx, NULL), RT_OK);
        for (int64_t i = 0; i < 1 << 18; i++) assert_true(rt_get(copy, i) == (double)i);
        rt_ctx_free(ctx);
    }
    unsetenv("RT_EMULATED_HMM");
}

/* As a layer reads weights that were just written; while it is measured rt_ctx_sync does nothing. */
static void cuda_is_done_when_measuring_begins(void **state)
{
    (void)state;
    test_needs_cuda();
    rt_ctx *ctx;
    rt_ctx_measure measure;
    assert_int_equal(rt_ctx_create(&ctx, RT_BACKEND_CUDA, 1, TEST_MEMORY, NULL), RT_OK);
    rt_tensor x = RANDOM(3, 5), twice = RT_NEW(ctx, 3, 5);
    rt_op_axpby(ctx, twice, 0, x, 2);
    assert_int_equal(rt_ctx_measure_begin(ctx, &measure, NULL), RT_OK);
    for (int64_t i = 0; i < 15; i++) assert_true(rt_get(twice, i) == 2 * rt_get(x, i));
    assert_int_equal(rt_ctx_measure_end(ctx, &measure), 0);
    rt_ctx_free(ctx);
}

/* The second bias lies 4 bytes behind an aligned place, the shape is the first one's. */
static void cuda_takes_a_bias_from_anywhere(void **state)
{
    (void)state;
    test_needs_cuda();
    rt_ctx *ctx;
    assert_int_equal(rt_ctx_create(&ctx, RT_BACKEND_CUDA, 1, TEST_MEMORY, NULL), RT_OK);
    rt_tensor x = RANDOM(5, 32), w = RANDOM(8, 32), biases = RANDOM(9), y[2];
    for (int i = 0; i < 2; i++) {
        rt_tensor bias = RT_WRAP((float *)biases.data + i, RT_F32, 8);
        y[i] = RT_NEW(ctx, 5, 8);
        rt_op_linear(ctx, y[i], x, w, bias, (rt_epilogue){0});
    }
    assert_int_equal(rt_ctx_take(ctx, NULL), RT_OK);
    for (int64_t i = 0; i < 40; i++) {
        double moved = rt_get(biases, i % 8 + 1) - rt_get(biases, i % 8);
        assert_true(fabs(rt_get(y[1], i) - rt_get(y[0], i) - moved) < 1e-5);
    }
    rt_ctx_free(ctx);
}

static void a_bf16_weight_is_read_as_bf16(void **state)
{
    (void)state;
    rt_ctx *ctx, *exact;
    assert_int_equal(rt_ctx_create(&ctx, RT_BACKEND_CPU, 2, 1 << 26, NULL), RT_OK);
    assert_int_equal(rt_ctx_create(&exact, RT_BACKEND_REF64, 1, 1 << 26, NULL), RT_OK);
    rt_tensor result[2];
    for (int i = 0; i < 2; i++) {
        rt_ctx *c = i ? exact : ctx;
        next_stream = 7;
        rt_tensor x = random_tensor(c, RT_NEW(c, 100, 64)), w = random_tensor(c, RT_NEW(c, 80, 64)), y = RT_NEW(c, 100, 80);
        rt_tensor w16 = RT_NEW_TYPE(c, RT_BF16, 80, 64);
        rt_convert(w16.data, RT_BF16, w.data, c->real, rt_count(w));
        rt_op_linear(c, y, x, w16, RT_ABSENT, (rt_epilogue){0});
        result[i] = y;
    }
    /* without bf16 instructions the weights are widened and x is not rounded: then the two differ by x's rounding */
    assert_true(compare(result[0], result[1]) < (rt_cpu_has_bf16() ? 1e-5 : 1e-2));
    rt_ctx_free(ctx);
    rt_ctx_free(exact);
}

static void a_full_arena_is_an_error_not_a_crash(void **state)
{
    (void)state;
    rt_ctx *ctx;
    rt_err err;
    assert_int_equal(rt_ctx_create(&ctx, RT_BACKEND_CPU, 1, 1 << 16, &err), RT_OK);
    rt_tensor x = RT_NEW(ctx, 1000, 1000);
    assert_null(x.data);
    rt_op_layer_norm(ctx, x, x, RT_ABSENT, RT_ABSENT);   /* touches nothing */
    assert_int_equal(rt_ctx_take(ctx, &err), RT_ERR_MEMORY);
    assert_non_null(strstr(err.what, "memory"));
    assert_int_equal(ctx->status, RT_OK);
    rt_ctx_free(ctx);
}

/* A batch of 200 lengths kept every planned product: 115 MB after 40 lengths of a small network. */
static void plans_of_former_lengths_are_forgotten(void **state)
{
    (void)state;
    rt_ctx *ctx;
    assert_int_equal(rt_ctx_create(&ctx, RT_BACKEND_CPU, 2, 1 << 24, NULL), RT_OK);
    int64_t most = 0;
    for (int64_t length = 1; length <= 3000; length++) {
        rt_tensor x = random_tensor(ctx, RT_NEW(ctx, length % 1500 + 1, 3)), w = random_tensor(ctx, RT_NEW(ctx, 2, 3));
        rt_tensor kept = random_tensor(ctx, RT_NEW(ctx, 7, 3)), y = RT_NEW(ctx, x.dim[0], 2), z = RT_NEW(ctx, 7, 2);
        rt_op_linear(ctx, y, x, w, RT_ABSENT, (rt_epilogue){0});
        rt_op_linear(ctx, z, kept, w, RT_ABSENT, (rt_epilogue){0});
        if (rt_cpu_plans(ctx) > most) most = rt_cpu_plans(ctx);
        rt_arena_reset(ctx->step, 0);
        rt_ctx_trim(ctx);
    }
    assert_true(most > 100 && most < 1100);
    assert_int_equal(rt_ctx_take(ctx, NULL), RT_OK);
    rt_ctx_free(ctx);
}

static void cuda_forgets_plans_of_many_shapes(void **state)
{
    (void)state;
    test_needs_cuda();
    rt_ctx *ctx;
    assert_int_equal(rt_ctx_create(&ctx, RT_BACKEND_CUDA, 1, TEST_MEMORY, NULL), RT_OK);
    rt_tensor x = RANDOM(100, 100), w = RANDOM(1, 100), y = RT_NEW(ctx, 100, 1);
    rt_tensor first = RT_NEW(ctx, 1, 1), again = RT_NEW(ctx, 1, 1);
    int64_t most = 0;
    rt_op_linear(ctx, first, RT_WRAP(x.data, RT_F32, 1, 1), RT_WRAP(w.data, RT_F32, 1, 1), RT_ABSENT, (rt_epilogue){0});
    for (int64_t n = 1; n <= 100; n++)
        for (int64_t k = 1; k <= 100; k++) {
            rt_op_linear(ctx, RT_WRAP(y.data, RT_F32, n, 1), RT_WRAP(x.data, RT_F32, n, k),
                         RT_WRAP(w.data, RT_F32, 1, k), RT_ABSENT, (rt_epilogue){0});
            if (rt_cuda_plans(ctx) > most) most = rt_cuda_plans(ctx);
        }
    rt_op_linear(ctx, again, RT_WRAP(x.data, RT_F32, 1, 1), RT_WRAP(w.data, RT_F32, 1, 1), RT_ABSENT, (rt_epilogue){0});
    assert_true(most > 1000 && most < 9000 && rt_cuda_plans(ctx) < 9000);
    assert_int_equal(rt_ctx_take(ctx, NULL), RT_OK);
    assert_true(rt_get(again, 0) == rt_get(first, 0));
    rt_ctx_free(ctx);
}

static void cuda_table_is_complete(void **state)
{
    (void)state;
    if (rt_cuda_missing()) {
        print_message("skip: %d of %d rows of ops.def have no CUDA kernel yet\n", rt_cuda_missing(), rt_op_count());
        skip();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_op_has_a_case),
        cmocka_unit_test(reference_in_float_agrees_with_double),
        cmocka_unit_test(fast_ops_agree_with_the_reference),
        cmocka_unit_test(fast_ops_agree_on_three_threads),
        cmocka_unit_test(bf16_products_agree_within_bf16),
        cmocka_unit_test(threads_give_the_same_bytes),
        cmocka_unit_test(cuda_ops_agree_with_the_reference),
        cmocka_unit_test(cuda_gives_the_same_bytes_twice),
        cmocka_unit_test(cuda_has_read_what_was_uploaded),
        cmocka_unit_test(cuda_is_done_when_measuring_begins),
        cmocka_unit_test(cuda_takes_a_bias_from_anywhere),
        cmocka_unit_test(a_bf16_weight_is_read_as_bf16),
        cmocka_unit_test(a_full_arena_is_an_error_not_a_crash),
        cmocka_unit_test(plans_of_former_lengths_are_forgotten),
        cmocka_unit_test(cuda_forgets_plans_of_many_shapes),
        cmocka_unit_test(cuda_table_is_complete),
    };
    test_choose();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
