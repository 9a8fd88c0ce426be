/* op_size_test.c - ops at the sizes where kernels change their ways: around a pack, a warp, a tile, a block, a part of a
 * sum; heads of any width; pointers that are aligned to 4 bytes only; tokens without and with many atoms.  The fast
 * backends against double; the shapes of the network are in op_test.c and op_gradient_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "op/op_test.h"

enum { SIZES = 5, RESULTS = 8 };

/* What a case wrote. */
typedef struct {
    rt_tensor t[RESULTS];
    int n;
} results;

static rt_tensor keep(results *r, rt_tensor t)
{
    assert_true(r->n < RESULTS);
    return r->t[r->n++] = t;
}
#define RESULT(...) keep(r, RANDOM(__VA_ARGS__))

typedef void size_case(rt_ctx *ctx, const int64_t *size, results *r);

/* (rows, columns), `by` values behind an address that packs of 4 could use. */
static rt_tensor shifted(rt_ctx *ctx, int64_t rows, int64_t columns, int64_t by)
{
    rt_tensor whole = RANDOM(rows * columns + by);
    return RT_VIEW(rt_slice(whole, by, rows * columns), rows, columns);
}

static void case_norms(rt_ctx *ctx, const int64_t *size, results *r)
{
    int64_t rows = size[0], n = size[1], by = size[2];
    rt_tensor x = shifted(ctx, rows, n, by), gain = RANDOM(n), offset = RANDOM(n), dy = shifted(ctx, rows, n, by);
    rt_op_layer_norm(ctx, RESULT(rows, n), x, gain, offset);
    rt_op_layer_norm_backward(ctx, RESULT(rows, n), true, RESULT(n), RESULT(n), dy, x, gain);
    rt_tensor dx = keep(r, rt_new_copy(ctx, dy));
    rt_op_layer_norm_backward(ctx, dx, false, RESULT(n), RT_ABSENT, dx, x, gain);   /* dx is dy */
}

static void case_adaptive_norms(rt_ctx *ctx, const int64_t *size, results *r)
{
    int64_t samples = size[0], rows = size[1], n = size[2];
    rt_tensor x = RANDOM(samples, rows, n), gate = RANDOM(rows, n), shift = RANDOM(rows, n), dy = RANDOM(samples, rows, n);
    rt_op_adaptive_layer_norm(ctx, RESULT(samples, rows, n), x, gate, shift);
    rt_op_adaptive_layer_norm_backward(ctx, RESULT(samples, rows, n), true, RESULT(rows, n), RESULT(rows, n), dy, x, gate);
}

static void case_softmax(rt_ctx *ctx, const int64_t *size, results *r)
{
    int64_t rows = size[0], n = size[1], by = size[2];
    rt_tensor y = keep(r, shifted(ctx, rows, n, by)), dy = keep(r, shifted(ctx, rows, n, by));
    rt_op_softmax(ctx, y, y);
    rt_op_softmax_backward(ctx, dy, dy, y);
}

static void case_elementwise(rt_ctx *ctx, const int64_t *size, results *r)
{
    int64_t n = size[0], by = size[1];
    rt_tensor x = shifted(ctx, 1, n, by), y = keep(r, shifted(ctx, 1, n, by)), z = RESULT(1, n), dx = RESULT(1, n);
    rt_op_axpby(ctx, y, 0.5, x, -2);
    rt_op_multiply(ctx, z, x, y);
    rt_op_clamp_backward(ctx, dx, true, x, y, -0.5, 0.5);
    rt_op_clamp(ctx, y, y, -0.5, 0.5);
    rt_op_add(ctx, z, x);
}

static void case_sums(rt_ctx *ctx, const int64_t *size, results *r)
{
    rt_op_add_backward(ctx, RESULT(size[1]), RANDOM(size[0], size[1]));
}

static void case_columns(rt_ctx *ctx, const int64_t *size, results *r)
{
    int64_t rows = size[0], a = size[1], b = size[2];
    rt_tensor y = RESULT(rows, a + b), wide = RESULT(rows, a + b);
    rt_op_concat(ctx, y, RANDOM(rows, a), RANDOM(rows, b));
    rt_op_concat_backward(ctx, RESULT(rows, a), RESULT(rows, b), y, a);
    rt_op_concat_backward(ctx, RT_ABSENT, RESULT(rows, b), y, a);
    rt_op_place(ctx, wide, RANDOM(rows, b), a);
}

static void case_transpose(rt_ctx *ctx, const int64_t *size, results *r)
{
    rt_op_transpose(ctx, RESULT(size[1], size[0]), RANDOM(size[0], size[1]));
}

static void case_pairs(rt_ctx *ctx, const int64_t *size, results *r)
{
    int64_t n = size[0], c = size[1];
    rt_tensor x = RANDOM(n, n, c);
    rt_op_transpose_pair(ctx, RESULT(n, n, c), x, true);
    rt_op_pair_sum(ctx, RESULT(n, n, c), RANDOM(n, c), RANDOM(n, c), true);
    rt_op_pair_sum_backward(ctx, RESULT(n, c), RESULT(n, c), x);
    rt_op_distances(ctx, RESULT(n, n), RANDOM(n, 3), RANDOM(n));
}

static void case_embed(rt_ctx *ctx, const int64_t *size, results *r)
{
    int64_t rows = size[0], c = size[1], classes = size[2], per_row = size[3];
    rt_tensor index = RT_NEW_TYPE(ctx, RT_I32, rows, per_row), y = RESULT(rows, c);
    rt_ctx_sync(ctx);
    for (int64_t i = 0; i < rows * per_row; i++) ((int32_t *)index.data)[i] = (int32_t)(i * i % (classes + 1) - 1);
    rt_op_embed(ctx, y, RANDOM(c, classes), index, true);
    rt_op_embed_backward(ctx, RESULT(c, classes), RANDOM(rows, c), index);
}

static void case_distance_embed(rt_ctx *ctx, const int64_t *size, results *r)
{
    int64_t n = size[0], c = size[1], bins = size[2];
    rt_tensor d = RANDOM(n, n), mask = RANDOM(n), lower = RT_NEW(ctx, bins), upper = RT_NEW(ctx, bins);
    rt_ctx_sync(ctx);
    for (int64_t k = 0; k < bins; k++) rt_set(lower, k, 0.125 * (double)k), rt_set(upper, k, 0.125 * (double)k + 0.3125);
    rt_op_distance_embed(ctx, RESULT(n, n, c), d, mask, lower, upper, RANDOM(c, bins), RANDOM(c, 1));
    rt_op_distance_embed_backward(ctx, RESULT(c, bins), RESULT(c, 1), RANDOM(n, n, c), d, mask, lower, upper);
}

/* size: batches, heads, queries, keys, values of a head; odd heads have no gate */
static void case_attention(rt_ctx *ctx, const int64_t *size, results *r)
{
    int64_t b = size[0], h = size[1], nq = size[2], nk = size[3], c = h * size[4];
    rt_tensor q = RANDOM(b, nq, c), k = RANDOM(b, nk, c), v = RANDOM(b, nk, c), bias = RANDOM(h, nq, nk), d_o = RANDOM(b, nq, c);
    rt_tensor gate = h % 2 ? RT_ABSENT : RANDOM(b, nq, c);
    rt_attention_grad grad = {.dq = RESULT(b, nq, c), .dk = RESULT(b, nk, c), .dv = RESULT(b, nk, c),
                              .opt_dbias = RESULT(h, nq, nk), .opt_o = RESULT(b, nq, c),
                              .opt_dgate = h % 2 ? RT_ABSENT : RESULT(b, nq, c)};
    rt_op_attention(ctx, RESULT(b, nq, c), q, k, v, bias, gate, h, 0.3);
    rt_op_attention_backward(ctx, &grad, d_o, q, k, v, bias, gate, h, 0.3);
}

/* size: samples, heads, atoms, values of a head */
static void case_local_attention(rt_ctx *ctx, const int64_t *size, results *r)
{
    int64_t s = size[0], h = size[1], atoms = size[2], c = h * size[3], windows = rt_window_count(atoms);
    rt_tensor q = RANDOM(s, atoms, c), k = RANDOM(s, atoms, c), v = RANDOM(s, atoms, c), d_o = RANDOM(s, atoms, c);
    rt_tensor bias = RANDOM(h, windows, RT_WINDOW_QUERIES, RT_WINDOW_KEYS), gate = RANDOM(s, atoms, c);
    rt_attention_grad grad = {.dq = RESULT(s, atoms, c), .dk = RESULT(s, atoms, c), .dv = RESULT(s, atoms, c),
                              .opt_dbias = RESULT(h, windows, RT_WINDOW_QUERIES, RT_WINDOW_KEYS), .opt_o = RT_ABSENT,
                              .opt_dgate = RESULT(s, atoms, c)};
    rt_op_local_attention(ctx, RESULT(s, atoms, c), q, k, v, bias, gate, h, 0.3);
    rt_op_local_attention_backward(ctx, &grad, d_o, q, k, v, bias, gate, h, 0.3);
}

/* Tokens of 1, 60, 0, 1, 60, 0, ... atoms. */
static rt_tensor uneven_tokens(rt_ctx *ctx, int64_t atoms, int64_t *out_tokens)
{
    rt_tensor t = RT_NEW_TYPE(ctx, RT_I64, atoms);
    rt_ctx_sync(ctx);
    for (int64_t a = 0; a < atoms; a++) ((int64_t *)t.data)[a] = a / 61 * 3 + (a % 61 > 0);
    *out_tokens = (atoms - 1) / 61 * 3 + 3;
    return t;
}

static void case_atoms(rt_ctx *ctx, const int64_t *size, results *r)
{
    int64_t s = size[0], atoms = size[1], c = size[2], n;
    rt_tensor index = uneven_tokens(ctx, atoms, &n), dy = RANDOM(s, atoms, c);
    rt_op_gather(ctx, RESULT(s, atoms, c), RANDOM(s, n, c), index, true);
    rt_op_gather_backward(ctx, RESULT(s, n, c), dy, index);
    rt_op_gather_backward(ctx, RESULT(1, n, c), dy, index);
    rt_op_segment_mean(ctx, RESULT(s, n, c), dy, index);
    rt_op_segment_mean_backward(ctx, RESULT(s, atoms, c), RANDOM(s, n, c), index);
}

static void case_windows(rt_ctx *ctx, const int64_t *size, results *r)
{
    int64_t atoms = size[0], c = size[1], w = rt_window_count(atoms), n;
    rt_tensor token = uneven_tokens(ctx, atoms, &n), pos = RANDOM(atoms, 3);
    rt_tensor p = RESULT(w, RT_WINDOW_QUERIES, RT_WINDOW_KEYS, c), dp = RANDOM(w, RT_WINDOW_QUERIES, RT_WINDOW_KEYS, c);
    rt_op_window_offsets(ctx, p, pos, token, RANDOM(c, 3), RANDOM(c, 1), RANDOM(c, 1));
    rt_op_window_offsets_backward(ctx, RESULT(c, 3), RESULT(c, 1), RESULT(c, 1), dp, pos, token);
    rt_op_window_pairs(ctx, p, RANDOM(n, n, c), token, RANDOM(atoms, c), RANDOM(atoms, c));
    rt_op_window_pairs_backward(ctx, RESULT(n, n, c), RESULT(atoms, c), RESULT(atoms, c), dp, token);
}

static void case_atom_heads(rt_ctx *ctx, const int64_t *size, results *r)
{
    int64_t atoms = size[0], c = size[1], bins = size[2], types = size[3], n;
    rt_tensor token = uneven_tokens(ctx, atoms, &n), type = indices(ctx, atoms, types, false), dy = RANDOM(atoms, bins);
    rt_tensor x = RANDOM(n, c), w = RANDOM(types, c, bins);
    rt_op_atom_linear(ctx, RESULT(atoms, bins), x, w, token, type);
    rt_op_atom_linear_backward(ctx, RESULT(n, c), RESULT(types, c, bins), dy, x, w, token, type);
}

static void case_coordinates(rt_ctx *ctx, const int64_t *size, results *r)
{
    rt_op_augment(ctx, RESULT(size[0], size[1], 3), RANDOM(size[0], 3, 3), RANDOM(size[0], 3));
    rt_op_fourier(ctx, RESULT(size[1]), 1.7, RANDOM(size[1]), RANDOM(size[1]));
}

/* Numbers that BF16 holds, so that rounding an input changes nothing. */
static rt_tensor rounded(rt_ctx *ctx, rt_tensor t)
{
    rt_tensor half = RT_NEW_TYPE(ctx, RT_BF16, rt_count(t));
    rt_convert(half.data, RT_BF16, t.data, t.dtype, rt_count(t));
    rt_convert(t.data, t.dtype, half.data, RT_BF16, rt_count(t));
    return t;
}

/* Layers of BF16 weights, each epilogue, and back: (rows, in, out, rows of the gate or 0, activation). */
static void case_rounded_linear(rt_ctx *ctx, const int64_t *size, results *r)
{
    int64_t rows = size[0], in = size[1], out = size[2];
    rt_tensor x = rounded(ctx, RANDOM(rows, in)), dy = rounded(ctx, RANDOM(rows, out)), bias = RANDOM(out);
    rt_tensor wide = RANDOM(out, in), w = RT_NEW_TYPE(ctx, RT_BF16, out, in), gate = size[3] ? RANDOM(size[3], out) : RT_ABSENT;
    rt_convert(w.data, RT_BF16, wide.data, ctx->real, rt_count(wide));
    rt_epilogue epilogue = {.act = (rt_act)size[4], .mul = gate};
    rt_op_linear(ctx, RESULT(rows, out), x, w, bias, epilogue);
    epilogue.add = true;
    rt_op_linear(ctx, RESULT(rows, out), x, w, RT_ABSENT, epilogue);
    rt_tensor own = RESULT(rows, out);
    rt_op_linear(ctx, own, x, w, RT_ABSENT, (rt_epilogue){.act = RT_ACT_SILU, .mul = own});   /* y is the gate */
    rt_op_linear_backward(ctx, RESULT(rows, in), true, RT_ABSENT, RT_ABSENT, dy, RT_ABSENT, w);
    rt_op_linear_backward(ctx, RESULT(rows, in), false, RESULT(out, in), RT_ABSENT, dy, x, w);
}

static const struct {
    const char *name;
    size_case *run;
    int64_t size[16][SIZES];   /* up to the first that starts with 0 */
} CASES[] = {
    {"norms", case_norms, {{1, 1, 0}, {2, 3, 0}, {67, 4, 0}, {65, 16, 1}, {40, 31, 0}, {9, 32, 0}, {33, 33, 0}, {31, 64, 2},
                           {5000, 16, 0}, {9, 128, 0}, {10, 1023, 0}, {5, 1024, 0}, {5, 1025, 0}, {3, 1300, 3}, {3, 1300, 0}}},
    {"adaptive norms", case_adaptive_norms, {{1, 1, 1}, {3, 7, 4}, {2, 33, 31}, {25, 3, 128}, {2, 5, 1028}, {2, 3, 1025}}},
    {"softmax", case_softmax, {{1, 1, 0}, {3, 2, 0}, {31, 3, 0}, {7, 31, 0}, {5, 33, 0}, {9, 128, 1}, {300, 4, 0}, {3, 1024, 0},
                               {3, 1025, 0}, {2, 2000, 0}}},
    {"elementwise", case_elementwise, {{1, 0}, {3, 0}, {4, 0}, {4, 1}, {1023, 0}, {1024, 0}, {1024, 3}, {1028, 0}}},
    {"sums", case_sums, {{1, 1}, {1, 300}, {2, 33}, {7, 5}, {2047, 3}, {2048, 3}, {5001, 40}, {9000, 1}, {3, 1000}, {20000, 4}}},
    {"columns", case_columns, {{1, 1, 1}, {31, 4, 8}, {33, 3, 5}, {5, 128, 4}, {3, 7, 1000}, {2, 512, 1024}}},
    {"transpose", case_transpose, {{1, 1}, {1, 300}, {300, 1}, {257, 4}, {4, 257}, {256, 16}, {16, 513}, {33, 65}, {17, 300},
                                   {300, 17}, {255, 3}}},
    {"pairs", case_pairs, {{1, 1}, {2, 3}, {31, 4}, {33, 5}, {9, 33}, {5, 128}}},
    {"embed", case_embed, {{1, 1, 1, 1}, {31, 33, 400, 3}, {700, 4, 3, 4}, {1025, 5, 7, 2}, {300, 64, 139, 4}, {50, 2, 9000, 1}}},
    {"distance embed", case_distance_embed, {{1, 1, 1}, {17, 33, 3}, {33, 4, 39}, {20, 128, 15}, {40, 3, 2}}},
    {"attention", case_attention, {{1, 1, 1, 1, 1}, {2, 2, 31, 33, 3}, {1, 1, 33, 31, 24}, {3, 2, 65, 32, 32},
                                   {2, 1, 16, 129, 16}, {1, 2, 64, 64, 33}, {9, 1, 33, 40, 48}, {2, 2, 17, 66, 49},
                                   {2, 1, 40, 50, 64}, {2, 2, 35, 34, 101}, {3, 1, 33, 65, 128}, {5, 4, 7, 100, 8}}},
    {"local attention", case_local_attention, {{1, 1, 1, 1}, {3, 2, 31, 8}, {2, 1, 33, 32}, {1, 2, 80, 5}, {2, 2, 81, 33},
                                               {2, 1, 129, 32}, {1, 1, 200, 128}, {3, 1, 177, 12}}},
    {"atoms", case_atoms, {{1, 1, 1}, {2, 31, 3}, {3, 130, 4}, {1, 65, 33}, {2, 62, 128}}},
    {"windows", case_windows, {{1, 1}, {31, 4}, {33, 3}, {64, 16}, {130, 5}, {250, 4}, {61, 33}}},
    {"atom heads", case_atom_heads, {{1, 1, 1, 1}, {50, 20, 64, 24}, {130, 33, 65, 3}, {300, 7, 2, 5}, {40, 40, 130, 60}}},
    {"rounded linear", case_rounded_linear, {{1, 8, 2, 0, 0}, {1, 8, 8, 1, 1}, {128, 32, 32, 128, 2}, {129, 24, 4, 0, 3},
                                             {127, 128, 128, 127, 1}, {300, 40, 48, 100, 2}, {257, 128, 520, 0, 0},
                                             {130, 256, 130, 65, 3}, {70, 12, 10, 0, 2}, {65, 264, 66, 0, 1},
                                             {8193, 264, 8, 0, 0}, {33000, 8, 72, 0, 0}}},
    {"coordinates", case_coordinates, {{1, 1}, {2, 31}, {25, 513}, {3, 2000}}},
};
enum { N_CASES = sizeof CASES / sizeof *CASES };

static void run_case(rt_ctx *ctx, int at, const int64_t *size, results *out)
{
    next_stream = (uint64_t)at * 1000;
    *out = (results){0};
    CASES[at].run(ctx, size, out);
    rt_ctx_sync(ctx);
    assert_int_equal(ctx->status, RT_OK);
    assert_true(out->n > 0);
}

static void check_backend(rt_backend_kind kind, bool bf16, double bound)
{
    rt_ctx *exact, *fast;
    assert_int_equal(rt_ctx_create(&exact, RT_BACKEND_REF64, 1, TEST_MEMORY, NULL), RT_OK);
    assert_int_equal(rt_ctx_create(&fast, kind, 2, TEST_MEMORY, NULL), RT_OK);
    fast->bf16 = bf16;
    for (int at = 0; at < N_CASES; at++)
        for (int k = 0; k < 16 && CASES[at].size[k][0]; k++) {
            const int64_t *size = CASES[at].size[k];
            results a, b;
            run_case(fast, at, size, &a);
            run_case(exact, at, size, &b);
            for (int i = 0; i < a.n; i++) {
                double error = compare(a.t[i], b.t[i]);
                if (!(error < bound))
                    fail_msg("%s (%lld, %lld, %lld, %lld, %lld), result %d: error %g", CASES[at].name, (long long)size[0],
                             (long long)size[1], (long long)size[2], (long long)size[3], (long long)size[4], i, error);
            }
            rt_arena_reset(fast->step, 0);
            rt_arena_reset(exact->step, 0);
        }
    rt_ctx_free(fast);
    rt_ctx_free(exact);
}

static void the_cpu_agrees_at_edges(void **state) { (void)state; check_backend(RT_BACKEND_CPU, false, 1e-5); }

static void cuda_agrees_at_edges(void **state)
{
    (void)state;
    test_needs_cuda();
    check_backend(RT_BACKEND_CUDA, false, 1e-5);
}

static void cuda_in_bf16_agrees_within_bf16(void **state)
{
    (void)state;
    test_needs_cuda();
    check_backend(RT_BACKEND_CUDA, true, 3e-2);
}

static void cuda_in_bf16_gives_the_same_bytes_twice(void **state)
{
    (void)state;
    test_needs_cuda();
    rt_ctx *ctx[2];
    results r[2];
    for (int i = 0; i < 2; i++) {
        assert_int_equal(rt_ctx_create(&ctx[i], RT_BACKEND_CUDA, 1, TEST_MEMORY, NULL), RT_OK);
        ctx[i]->bf16 = true;
    }
    for (int at = 0; at < N_CASES; at++)
        for (int k = 0; k < 16 && CASES[at].size[k][0]; k++) {
            for (int i = 0; i < 2; i++) run_case(ctx[i], at, CASES[at].size[k], &r[i]);
            for (int i = 0; i < r[0].n; i++)
                if (memcmp(r[0].t[i].data, r[1].t[i].data, (size_t)rt_bytes(r[0].t[i])) != 0)
                    fail_msg("%s, size %d, result %d", CASES[at].name, k, i);
            for (int i = 0; i < 2; i++) rt_arena_reset(ctx[i]->step, 0);
        }
    for (int i = 0; i < 2; i++) rt_ctx_free(ctx[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_cpu_agrees_at_edges),
        cmocka_unit_test(cuda_agrees_at_edges),
        cmocka_unit_test(cuda_in_bf16_agrees_within_bf16),
        cmocka_unit_test(cuda_in_bf16_gives_the_same_bytes_twice),
    };
    test_choose();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
