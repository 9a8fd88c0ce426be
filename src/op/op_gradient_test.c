/* op_gradient_test.c - gradients: every backward row of ops.def against central differences in double (relative error
 * 1e-6), then the fast backend against double, and 1 against 3 threads byte for byte.  A backward row without a case here
 * fails `every_backward_op_has_a_case`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "op/op_test.h"

enum { INPUTS = 7, VARIANTS = 8, SAMPLES = 10 };

/* y depends on in[0..n-1]; grad[i] is added to, or with overwrite[i] written. */
typedef struct {
    rt_tensor in[INPUTS], grad[INPUTS], y, start, dy, fixed[6];
    bool overwrite[INPUTS];
    int n;
} problem;

typedef enum { SET_UP, FORWARD, BACKWARD } step;
typedef void gradient_case(rt_ctx *ctx, int variant, problem *p, step what);

static rt_tensor input(rt_ctx *ctx, problem *p, bool overwrite, rt_tensor t)
{
    p->in[p->n] = random_tensor(ctx, t);
    p->overwrite[p->n] = overwrite;
    p->n++;
    return t;
}
#define INPUT(...) input(ctx, p, false, RT_NEW(ctx, __VA_ARGS__))
#define INPUT_WRITTEN(...) input(ctx, p, true, RT_NEW(ctx, __VA_ARGS__))
#define OUTPUT(...) (p->y = RT_NEW(ctx, __VA_ARGS__))

static void case_linear(rt_ctx *ctx, int variant, problem *p, step what)
{
    const int64_t rows[] = {1, 300, 1100, 64}, in[] = {3, 17, 40, 160}, out[] = {5, 130, 24, 300};
    int64_t m = rows[variant % 4], k = in[variant % 4], n = out[variant % 4];
    bool add = variant >= 4;
    if (what == SET_UP) {
        input(ctx, p, !add, RT_NEW(ctx, m, k));
        INPUT(n, k);
        INPUT(n);
        OUTPUT(m, n);
    }
    if (what == FORWARD) rt_op_linear(ctx, p->y, p->in[0], p->in[1], p->in[2], (rt_epilogue){0});
    if (what == BACKWARD)
        rt_op_linear_backward(ctx, p->grad[0], add, p->grad[1], p->grad[2], p->dy, p->in[0], p->in[1]);
}

static void case_epilogue(rt_ctx *ctx, int variant, problem *p, step what)
{
    bool mul = variant >= 4;
    if (what == SET_UP) {
        INPUT_WRITTEN(12, 270);
        if (mul) INPUT(4, 270);
        OUTPUT(12, 270);
    }
    rt_epilogue e = {.act = (rt_act)(variant % 4), .add = variant & 1, .mul = mul ? p->in[1] : RT_ABSENT};
    if (what == FORWARD) rt_op_epilogue(ctx, p->y, p->in[0], e);
    if (what == BACKWARD) rt_op_epilogue_backward(ctx, p->grad[0], mul ? p->grad[1] : RT_ABSENT, p->dy, p->in[0], e);
}

static void case_layer_norm(rt_ctx *ctx, int variant, problem *p, step what)
{
    int64_t n = 37 + variant, rows = variant < 4 ? 133 : 900;
    bool add = variant & 1, gain = variant % 3 > 0, offset = variant % 3 == 2;
    if (what == SET_UP) {
        input(ctx, p, !add, RT_NEW(ctx, rows, n));
        if (gain) INPUT(n);
        if (offset) INPUT(n);
        OUTPUT(rows, n);
    }
    if (what == FORWARD) rt_op_layer_norm(ctx, p->y, p->in[0], gain ? p->in[1] : RT_ABSENT, offset ? p->in[2] : RT_ABSENT);
    if (what == BACKWARD)
        rt_op_layer_norm_backward(ctx, p->grad[0], add, gain ? p->grad[1] : RT_ABSENT, offset ? p->grad[2] : RT_ABSENT, p->dy,
                                  p->in[0], gain ? p->in[1] : RT_ABSENT);
}

static void case_adaptive_layer_norm(rt_ctx *ctx, int variant, problem *p, step what)
{
    if (what == SET_UP) {
        input(ctx, p, !(variant & 1), RT_NEW(ctx, 3, 21, 40));
        INPUT(21, 40);
        INPUT(21, 40);
        OUTPUT(3, 21, 40);
    }
    if (what == FORWARD) rt_op_adaptive_layer_norm(ctx, p->y, p->in[0], p->in[1], p->in[2]);
    if (what == BACKWARD)
        rt_op_adaptive_layer_norm_backward(ctx, p->grad[0], variant & 1, p->grad[1], p->grad[2], p->dy, p->in[0], p->in[1]);
}

static void case_add(rt_ctx *ctx, int variant, problem *p, step what)
{
    if (what == SET_UP) {
        INPUT(variant % 2 ? 4 : 12, 33);
        OUTPUT(12, 33);
    }
    if (what == FORWARD) rt_op_add(ctx, p->y, p->in[0]);
    if (what == BACKWARD) rt_op_add_backward(ctx, p->grad[0], p->dy);
}

static void case_clamp(rt_ctx *ctx, int variant, problem *p, step what)
{
    double low = variant & 2 ? -0.5 : 0, high = variant & 2 ? 0.25 : INFINITY;
    if (what == SET_UP) {
        input(ctx, p, !(variant & 1), RT_NEW(ctx, 2000));
        OUTPUT(2000);
    }
    if (what == FORWARD) rt_op_clamp(ctx, p->y, p->in[0], low, high);
    if (what == BACKWARD) rt_op_clamp_backward(ctx, p->grad[0], variant & 1, p->dy, p->in[0], low, high);
}

static void case_softmax(rt_ctx *ctx, int variant, problem *p, step what)
{
    if (what == SET_UP) {
        INPUT_WRITTEN(19, 2 + 31 * variant);
        OUTPUT(19, 2 + 31 * variant);
    }
    if (what == FORWARD) rt_op_softmax(ctx, p->y, p->in[0]);
    if (what == BACKWARD) rt_op_softmax_backward(ctx, p->grad[0], p->dy, p->y);
}

static void case_concat(rt_ctx *ctx, int variant, problem *p, step what)
{
    if (what == SET_UP) {
        INPUT(140, 3 + variant);
        INPUT(140, 9);
        OUTPUT(140, 12 + variant);
    }
    if (what == FORWARD) rt_op_concat(ctx, p->y, p->in[0], p->in[1]);
    if (what == BACKWARD) rt_op_concat_backward(ctx, p->grad[0], p->grad[1], p->dy, 3 + variant);
}

static void case_pair_sum(rt_ctx *ctx, int variant, problem *p, step what)
{
    if (what == SET_UP) {
        INPUT(7, 10);
        INPUT(7, 10);
        OUTPUT(7, 7, 10);
    }
    if (what == FORWARD) rt_op_pair_sum(ctx, p->y, p->in[0], p->in[1], variant & 1);
    if (what == BACKWARD) rt_op_pair_sum_backward(ctx, p->grad[0], p->grad[1], p->dy);
}

static void case_embed(rt_ctx *ctx, int variant, problem *p, step what)
{
    int64_t rows = variant & 2 ? 900 : 31;
    if (what == SET_UP) {
        INPUT(12, 20);
        OUTPUT(rows, 12);
        p->fixed[0] = RT_NEW_TYPE(ctx, RT_I32, rows, 3);
        for (int64_t i = 0; i < 3 * rows; i++) ((int32_t *)p->fixed[0].data)[i] = i % 11 == 0 ? -1 : (int32_t)(i * 13 % 20);
    }
    if (what == FORWARD) rt_op_embed(ctx, p->y, p->in[0], p->fixed[0], variant & 1);
    if (what == BACKWARD) rt_op_embed_backward(ctx, p->grad[0], p->dy, p->fixed[0]);
}

static void check_repeated_output(rt_ctx *ctx, rt_tensor again, rt_tensor y)
{
    rt_ctx_sync(ctx);
    if (again.data) assert_true(compare(again, y) < (ctx->bf16 ? 2e-2 : 1e-5));
}

static void case_attention(rt_ctx *ctx, int variant, problem *p, step what)
{
    const int64_t lengths[] = {1, 7, 64, 130}, b = variant < 4 ? 6 : 1, n = lengths[variant % 4];
    bool bias = variant != 5, gate = variant & 1;
    if (what == SET_UP) {
        INPUT_WRITTEN(b, n, 24);
        INPUT_WRITTEN(b, n, 24);
        INPUT_WRITTEN(b, n, 24);
        if (bias) INPUT(2, n, n);
        if (gate) INPUT_WRITTEN(b, n, 24);
        OUTPUT(b, n, 24);
        p->fixed[0] = RT_NEW(ctx, b, n, 24);
    }
    rt_tensor g = gate ? p->in[3 + bias] : RT_ABSENT, pair = bias ? p->in[3] : RT_ABSENT;
    if (what == FORWARD) rt_op_attention(ctx, p->y, p->in[0], p->in[1], p->in[2], pair, g, 2, 0.3);
    if (what != BACKWARD) return;
    rt_attention_grad grad = {p->grad[0], p->grad[1], p->grad[2], bias ? p->grad[3] : RT_ABSENT,
                              gate ? p->grad[3 + bias] : RT_ABSENT, variant & 2 ? p->fixed[0] : RT_ABSENT};
    rt_op_attention_backward(ctx, &grad, p->dy, p->in[0], p->in[1], p->in[2], pair, g, 2, 0.3);
    check_repeated_output(ctx, grad.opt_o, p->y);
}

static void case_local_attention(rt_ctx *ctx, int variant, problem *p, step what)
{
    const int64_t counts[] = {5, 32, 87, 300}, atoms = counts[variant % 4];
    bool gate = variant >= 4;
    if (what == SET_UP) {
        for (int i = 0; i < 3; i++) INPUT_WRITTEN(2, atoms, 12);
        INPUT(3, rt_window_count(atoms), 32, 128);
        if (gate) INPUT_WRITTEN(2, atoms, 12);
        OUTPUT(2, atoms, 12);
        p->fixed[0] = RT_NEW(ctx, 2, atoms, 12);
    }
    rt_tensor g = gate ? p->in[4] : RT_ABSENT;
    if (what == FORWARD) rt_op_local_attention(ctx, p->y, p->in[0], p->in[1], p->in[2], p->in[3], g, 3, 0.35);
    if (what != BACKWARD) return;
    rt_attention_grad grad = {p->grad[0], p->grad[1], p->grad[2], p->grad[3], gate ? p->grad[4] : RT_ABSENT,
                              variant & 1 ? p->fixed[0] : RT_ABSENT};
    rt_op_local_attention_backward(ctx, &grad, p->dy, p->in[0], p->in[1], p->in[2], p->in[3], g, 3, 0.35);
    check_repeated_output(ctx, grad.opt_o, p->y);
}

static void case_triangle_product(rt_ctx *ctx, int variant, problem *p, step what)
{
    int64_t n = 5 + 4 * variant, c = 16 + variant * 3;
    if (what == SET_UP) {
        INPUT_WRITTEN(n, n, c);
        INPUT_WRITTEN(n, n, c);
        OUTPUT(n, n, c);
    }
    if (what == FORWARD) rt_op_triangle_product(ctx, p->y, p->in[0], p->in[1], variant & 1);
    if (what == BACKWARD) rt_op_triangle_product_backward(ctx, p->grad[0], p->grad[1], p->dy, p->in[0], p->in[1], variant & 1);
}

static void case_outer_product(rt_ctx *ctx, int variant, problem *p, step what)
{
    int64_t msa = 1 + 19 * variant;
    if (what == SET_UP) {
        INPUT(msa, 11, 6);
        INPUT(msa, 11, 6);
        OUTPUT(4, 11, 36);
    }
    if (what == FORWARD) rt_op_outer_product(ctx, p->y, p->in[0], p->in[1], 5);
    if (what == BACKWARD) rt_op_outer_product_backward(ctx, p->grad[0], p->grad[1], p->dy, p->in[0], p->in[1], 5);
}

static void case_pair_average(rt_ctx *ctx, int variant, problem *p, step what)
{
    int64_t msa = 1 + 20 * variant;
    if (what == SET_UP) {
        INPUT(3, 17, 17);
        INPUT_WRITTEN(msa, 17, 24);
        OUTPUT(msa, 17, 24);
    }
    if (what == FORWARD) rt_op_pair_average(ctx, p->y, p->in[0], p->in[1]);
    if (what == BACKWARD) rt_op_pair_average_backward(ctx, p->grad[0], p->grad[1], p->dy, p->in[0], p->in[1]);
}

static void case_distance_embed(rt_ctx *ctx, int variant, problem *p, step what)
{
    if (what == SET_UP) {
        INPUT(10, 4);
        INPUT(10, 1);
        OUTPUT(37, 37, 10);
        p->fixed[0] = RANDOM(37, 37);
        p->fixed[1] = RANDOM(37);
        p->fixed[2] = RT_NEW(ctx, 4);
        p->fixed[3] = RT_NEW(ctx, 4);
        for (int i = 0; i < 4; i++)
            for (int side = 0; side < 2; side++) rt_set(p->fixed[2 + side], i, 0.5 * i + 0.5 * side);
    }
    rt_tensor mask = variant & 1 ? p->fixed[1] : RT_ABSENT;
    if (what == FORWARD)
        rt_op_distance_embed(ctx, p->y, p->fixed[0], mask, p->fixed[2], p->fixed[3], p->in[0], p->in[1]);
    if (what == BACKWARD)
        rt_op_distance_embed_backward(ctx, p->grad[0], p->grad[1], p->dy, p->fixed[0], mask, p->fixed[2], p->fixed[3]);
}

static void case_gather(rt_ctx *ctx, int variant, problem *p, step what)
{
    if (what == SET_UP) {
        INPUT(variant & 2 ? 1 : 2, 9, 7);
        OUTPUT(2, 50, 7);
        p->fixed[0] = indices(ctx, 50, 9, true);
    }
    if (what == FORWARD) rt_op_gather(ctx, p->y, p->in[0], p->fixed[0], variant & 1);
    if (what == BACKWARD) rt_op_gather_backward(ctx, p->grad[0], p->dy, p->fixed[0]);
}

static void case_segment_mean(rt_ctx *ctx, int variant, problem *p, step what)
{
    if (what == SET_UP) {
        INPUT_WRITTEN(2, 50, 7);
        OUTPUT(2, 12, 7);
        p->fixed[0] = indices(ctx, 50, 9 + variant % 3, true);
    }
    if (what == FORWARD) rt_op_segment_mean(ctx, p->y, p->in[0], p->fixed[0]);
    if (what == BACKWARD) rt_op_segment_mean_backward(ctx, p->grad[0], p->dy, p->fixed[0]);
}

static void case_window_offsets(rt_ctx *ctx, int variant, problem *p, step what)
{
    int64_t atoms = 20 + 50 * (variant % 4);
    if (what == SET_UP) {
        INPUT(6, 3);
        INPUT(6, 1);
        INPUT(6, 1);
        OUTPUT(rt_window_count(atoms), 32, 128, 6);
        p->fixed[0] = RANDOM(atoms, 3);
        p->fixed[1] = indices(ctx, atoms, 9, true);
    }
    if (what == FORWARD) rt_op_window_offsets(ctx, p->y, p->fixed[0], p->fixed[1], p->in[0], p->in[1], p->in[2]);
    if (what == BACKWARD)
        rt_op_window_offsets_backward(ctx, p->grad[0], p->grad[1], p->grad[2], p->dy, p->fixed[0], p->fixed[1]);
}

static void case_window_pairs(rt_ctx *ctx, int variant, problem *p, step what)
{
    int64_t atoms = 20 + 50 * (variant % 4);
    bool pair = variant & 1;
    if (what == SET_UP) {
        INPUT(atoms, 6);
        INPUT(atoms, 6);
        if (pair) INPUT(9, 9, 6);
        OUTPUT(rt_window_count(atoms), 32, 128, 6);
        p->fixed[0] = indices(ctx, atoms, 9, true);
    }
    if (what == FORWARD) rt_op_window_pairs(ctx, p->y, pair ? p->in[2] : RT_ABSENT, p->fixed[0], p->in[0], p->in[1]);
    if (what == BACKWARD)
        rt_op_window_pairs_backward(ctx, pair ? p->grad[2] : RT_ABSENT, p->grad[0], p->grad[1], p->dy, p->fixed[0]);
}

static void case_atom_linear(rt_ctx *ctx, int variant, problem *p, step what)
{
    (void)variant;
    if (what == SET_UP) {
        INPUT(9, 20);
        INPUT(5, 20, 11);
        OUTPUT(50, 11);
        p->fixed[0] = indices(ctx, 50, 9, true);
        p->fixed[1] = indices(ctx, 50, 5, false);
    }
    if (what == FORWARD) rt_op_atom_linear(ctx, p->y, p->in[0], p->in[1], p->fixed[0], p->fixed[1]);
    if (what == BACKWARD)
        rt_op_atom_linear_backward(ctx, p->grad[0], p->grad[1], p->dy, p->in[0], p->in[1], p->fixed[0], p->fixed[1]);
}

static const struct { const char *name; gradient_case *run; } CASES[] = {
#define CASE(name) {#name "_backward", case_##name}
    CASE(linear), CASE(epilogue), CASE(layer_norm), CASE(adaptive_layer_norm), CASE(add), CASE(clamp), CASE(softmax),
    CASE(concat), CASE(pair_sum), CASE(embed), CASE(attention), CASE(local_attention), CASE(triangle_product),
    CASE(outer_product), CASE(pair_average), CASE(distance_embed), CASE(gather), CASE(segment_mean), CASE(window_offsets),
    CASE(window_pairs), CASE(atom_linear),
};
enum { N_CASES = sizeof CASES / sizeof *CASES };

static void every_backward_op_has_a_case(void **state)
{
    (void)state;
    int n = 0;
    for (int i = 0; i < rt_op_count(); i++) {
        if (!test_is_backward(rt_op_name(i))) continue;
        assert_true(n < N_CASES);
        assert_string_equal(rt_op_name(i), CASES[n++].name);
    }
    assert_int_equal(n, N_CASES);
}

static void set_up(rt_ctx *ctx, int op, int variant, problem *p)
{
    next_stream = (uint64_t)(op * 1000 + variant * 50);
    *p = (problem){0};
    CASES[op].run(ctx, variant, p, SET_UP);
    assert_true(p->n > 0 && p->n <= INPUTS);
    p->start = random_tensor(ctx, rt_new_like(ctx, p->y));
    p->dy = random_tensor(ctx, rt_new_like(ctx, p->y));
    for (int i = 0; i < p->n; i++) p->grad[i] = random_tensor(ctx, rt_new_like(ctx, p->in[i]));
}

static double loss(rt_ctx *ctx, int op, int variant, problem *p)
{
    double sum = 0;
    rt_ctx_sync(ctx);
    memcpy(p->y.data, p->start.data, (size_t)rt_bytes(p->y));
    CASES[op].run(ctx, variant, p, FORWARD);
    rt_ctx_sync(ctx);
    for (int64_t i = 0; i < rt_count(p->y); i++) sum += rt_get(p->dy, i) * rt_get(p->y, i);
    return sum;
}

static void check_differences(rt_ctx *ctx, int op, int variant)
{
    problem p;
    set_up(ctx, op, variant, &p);
    rt_tensor before[INPUTS];
    for (int i = 0; i < p.n; i++) before[i] = rt_new_copy(ctx, p.grad[i]);
    loss(ctx, op, variant, &p);
    CASES[op].run(ctx, variant, &p, BACKWARD);
    assert_int_equal(ctx->status, RT_OK);
    for (int i = 0; i < p.n; i++) {
        int64_t count = rt_count(p.in[i]);
        double *x = p.in[i].data, top = 0;
        double *grad = p.grad[i].data;
        for (int64_t e = 0; !p.overwrite[i] && e < count; e++) grad[e] -= ((double *)before[i].data)[e];
        for (int64_t e = 0; e < count; e++) top = fmax(top, fabs(grad[e]));
        for (int64_t k = 0; k < SAMPLES; k++) {
            int64_t e = k * 7919 % count;
            double value = x[e], step_size = 1e-5;
            x[e] = value + step_size;
            double up = loss(ctx, op, variant, &p);
            x[e] = value - step_size;
            double down = loss(ctx, op, variant, &p);
            x[e] = value;
            double numeric = (up - down) / (2 * step_size), error = fabs(numeric - grad[e]);
            if (!(error <= 1e-6 * top + 1e-8))
                fail_msg("%s, variant %d, input %d, element %lld: %.9g, by differences %.9g", CASES[op].name, variant, i,
                         (long long)e, grad[e], numeric);
        }
    }
}

static void backward_ops_agree_with_differences(void **state)
{
    (void)state;
    rt_ctx *ctx;
    rt_err err;
    assert_int_equal(rt_ctx_create(&ctx, RT_BACKEND_REF64, 1, 1 << 28, &err), RT_OK);
    for (int op = 0; op < N_CASES; op++)
        for (int variant = 0; variant < VARIANTS; variant++) {
            check_differences(ctx, op, variant);
            rt_arena_reset(ctx->step, 0);
        }
    rt_ctx_free(ctx);
}

static void run_both(rt_ctx *a, rt_ctx *b, int op, int variant, problem *pa, problem *pb)
{
    set_up(a, op, variant, pa);
    set_up(b, op, variant, pb);
    rt_ctx *ctx[2] = {a, b};
    problem *p[2] = {pa, pb};
    for (int i = 0; i < 2; i++) {
        loss(ctx[i], op, variant, p[i]);
        CASES[op].run(ctx[i], variant, p[i], BACKWARD);
        rt_ctx_sync(ctx[i]);
        assert_int_equal(ctx[i]->status, RT_OK);
    }
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
            problem a, b;
            run_both(fast, exact, op, variant, &a, &b);
            for (int i = 0; i < a.n; i++) {
                double error = compare(a.grad[i], b.grad[i]);
                if (!(error < bound)) fail_msg("%s, variant %d, input %d: error %g", CASES[op].name, variant, i, error);
            }
            rt_arena_reset(fast->step, 0);
            rt_arena_reset(exact->step, 0);
        }
    rt_ctx_free(fast);
    rt_ctx_free(exact);
}

static void reference_in_float_agrees_with_double(void **state) { (void)state; check_backend(RT_BACKEND_REF, 1, false, 1e-5); }
static void fast_ops_agree_with_the_reference(void **state) { (void)state; check_backend(RT_BACKEND_CPU, 1, false, 5e-6); }
static void bf16_products_agree_within_bf16(void **state) { (void)state; check_backend(RT_BACKEND_CPU, 2, true, 3e-2); }

static void check_bytes(rt_backend_kind kind)
{
    rt_ctx *one, *three;
    rt_err err;
    assert_int_equal(rt_ctx_create(&one, kind, 1, TEST_MEMORY, &err), RT_OK);
    assert_int_equal(rt_ctx_create(&three, kind, 3, TEST_MEMORY, &err), RT_OK);
    for (int op = 0; op < N_CASES; op++)
        for (int variant = 0; variant < VARIANTS; variant++) {
            problem a, b;
            run_both(one, three, op, variant, &a, &b);
            for (int i = 0; i < a.n; i++)
                if (memcmp(a.grad[i].data, b.grad[i].data, (size_t)rt_bytes(a.grad[i])) != 0)
                    fail_msg("%s, variant %d, input %d", CASES[op].name, variant, i);
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

/* A bias's gradient is small beside what it is a difference of, if all values have much in common: what is taken off must be made
 * of the same rounded numbers.  The gradients of a row's logits sum to 0. */
static void check_sum_of_logits(rt_backend_kind kind)
{
    rt_ctx *ctx;
    assert_int_equal(rt_ctx_create(&ctx, kind, 1, TEST_MEMORY, NULL), RT_OK);
    ctx->bf16 = true;
    next_stream = 11;
    const int64_t n = 70, width = 48, heads = 2;
    rt_tensor q = random_tensor(ctx, RT_NEW(ctx, 1, n, width)), k = random_tensor(ctx, RT_NEW(ctx, 1, n, width));
    rt_tensor v = random_tensor(ctx, RT_NEW(ctx, 1, n, width)), gate = random_tensor(ctx, RT_NEW(ctx, 1, n, width));
    rt_tensor bias = random_tensor(ctx, RT_NEW(ctx, heads, n, n)), d_o = random_tensor(ctx, RT_NEW(ctx, 1, n, width));
    rt_tensor dbias = RT_NEW(ctx, heads, n, n), dq = rt_new_like(ctx, q), dk = rt_new_like(ctx, k), dv = rt_new_like(ctx, v);
    rt_attention_grad grad = {dq, dk, dv, dbias, rt_new_like(ctx, gate), RT_ABSENT};
    rt_ctx_sync(ctx);
    for (int64_t i = 0; i < n * width; i++) ((float *)v.data)[i] += 5;
    rt_zero(ctx, dbias);
    rt_op_attention_backward(ctx, &grad, d_o, q, k, v, bias, gate, heads, 0.3);
    rt_ctx_sync(ctx);
    double worst = 0;
    for (int64_t row = 0; row < heads * n; row++) {
        double sum = 0, size = 0;
        for (int64_t key = 0; key < n; key++) {
            double x = ((float *)dbias.data)[row * n + key];
            sum += x, size += fabs(x);
        }
        worst = fmax(worst, fabs(sum) / size);
    }
    if (!(worst < 1e-4)) fail_msg("a row's gradients of logits sum to %g of their size", worst);
    rt_ctx_free(ctx);
}

static void logits_gradients_sum_to_zero(void **state) { (void)state; check_sum_of_logits(RT_BACKEND_CPU); }

static void cuda_logits_gradients_sum_to_zero(void **state)
{
    (void)state;
    test_needs_cuda();
    check_sum_of_logits(RT_BACKEND_CUDA);
}

/* A frozen BF16 weight: dy is rounded, dx added to; a trained one: x is rounded too. */
static void a_bf16_weight_takes_rounded_inputs(void **state)
{
    (void)state;
    rt_ctx *ctx[2];
    rt_tensor dx[2], dw[2];
    assert_int_equal(rt_ctx_create(&ctx[0], RT_BACKEND_CPU, 2, 1 << 26, NULL), RT_OK);
    assert_int_equal(rt_ctx_create(&ctx[1], RT_BACKEND_REF64, 1, 1 << 26, NULL), RT_OK);
    for (int i = 0; i < 2; i++) {
        rt_ctx *c = ctx[i];
        next_stream = 7;
        rt_tensor x = random_tensor(c, RT_NEW(c, 700, 64)), w = random_tensor(c, RT_NEW(c, 80, 64));
        rt_tensor dy = random_tensor(c, RT_NEW(c, 700, 80)), w16 = RT_NEW_TYPE(c, RT_BF16, 80, 64);
        dx[i] = random_tensor(c, RT_NEW(c, 700, 64));
        dw[i] = random_tensor(c, RT_NEW(c, 80, 64));
        rt_convert(w16.data, RT_BF16, w.data, c->real, rt_count(w));
        rt_op_linear_backward(c, dx[i], true, dw[i], RT_ABSENT, dy, x, w16);
        rt_op_linear_backward(c, dx[i], true, RT_ABSENT, RT_ABSENT, dy, RT_ABSENT, w16);   /* x is not needed for dx */
    }
    assert_true(compare(dx[0], dx[1]) < 1e-2 && compare(dw[0], dw[1]) < 1e-2);
    for (int i = 0; i < 2; i++) rt_ctx_free(ctx[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_backward_op_has_a_case),
        cmocka_unit_test(backward_ops_agree_with_differences),
        cmocka_unit_test(reference_in_float_agrees_with_double),
        cmocka_unit_test(fast_ops_agree_with_the_reference),
        cmocka_unit_test(bf16_products_agree_within_bf16),
        cmocka_unit_test(threads_give_the_same_bytes),
        cmocka_unit_test(cuda_ops_agree_with_the_reference),
        cmocka_unit_test(cuda_gives_the_same_bytes_twice),
        cmocka_unit_test(a_bf16_weight_takes_rounded_inputs),
        cmocka_unit_test(logits_gradients_sum_to_zero),
        cmocka_unit_test(cuda_logits_gradients_sum_to_zero),
    };
    test_choose();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
