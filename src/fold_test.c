/* fold_test.c - what must hold for every network: threads, seeds, templates, memory, stopping, broken weights */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fold.h"
#include "op/cpu.h"
#include "prep/augment.h"

static const char SEQUENCE[] = "GGGAAACCCGGGUUCGCCCGGGAUACUCCCGAGAUUACAGCC";
enum { N = sizeof SEQUENCE - 1, SAMPLES = 2, STEPS = 3, CYCLES = 2 };

typedef struct {
    rt_ctx *ctx;
    rt_model *model;
    rt_input input;
    rt_features features;
} bench;

static void open_bench(bench *b, rt_backend_kind kind, int threads, rt_precision precision)
{
    rt_err err;
    *b = (bench){0};
    assert_int_equal(rt_ctx_create(&b->ctx, kind, threads, (int64_t)1 << 30, &err), RT_OK);
    rt_model_options options = {.checkpoint = "tests/data/golden/tiny/tiny.pt", .real = b->ctx->real, .precision = precision};
    assert_int_equal(rt_model_open(&b->model, &options, &err), RT_OK);
    assert_int_equal(rt_input_set_sequence(&b->input, "test", SEQUENCE, &err), RT_OK);
}

static void close_bench(bench *b)
{
    rt_input_free_members(&b->input);
    rt_model_close(b->model);
    rt_ctx_free(b->ctx);
}

/* Two helix-like templates; the second one moved rigidly by `turn` when asked; residue `hidden` missing in both. */
static void set_templates(bench *b, double turn, int hidden, double hidden_value)
{
    float xyz[N * 2 * 3];
    rt_err err;
    for (int i = 0; i < N; i++)
        for (int t = 0; t < 2; t++) {
            double p[3] = {8.7 * cos(0.57 * i) + 1 + t, 8.7 * sin(0.57 * i) - 2, 2.81 * i + 3};
            float *at = xyz + (i * 2 + t) * 3;
            at[0] = (float)(cos(turn) * p[0] - sin(turn) * p[2] + 5 * turn);
            at[1] = (float)(p[1] - 7 * turn);
            at[2] = (float)(sin(turn) * p[0] + cos(turn) * p[2]);
            if (i == hidden) at[0] = at[1] = at[2] = (float)hidden_value;
        }
    assert_int_equal(rt_input_set_templates(&b->input, xyz, N, 2, SEQUENCE, 1, RT_TEMPLATE_MISSING_MASK, NULL, &err), RT_OK);
}

static rt_status fold(bench *b, uint64_t seed, rt_fold_progress *opt_progress, rt_fold_result *result, rt_err *err)
{
    rt_fold_options options = {.n_cycle = CYCLES, .n_step = STEPS, .n_sample = SAMPLES, .seed = seed, .stream = 7,
                               .opt_progress = opt_progress};
    rt_status status = rt_features_build(&b->features, b->ctx->step, &b->input, rt_conformers_default(), seed, NULL, err);
    return status == RT_OK ? rt_fold(b->ctx, b->model, &b->features, &options, result, err) : status;
}

static void same_bytes(rt_tensor a, rt_tensor b)
{
    assert_int_equal(rt_bytes(a), rt_bytes(b));
    assert_memory_equal(a.data, b.data, (size_t)rt_bytes(a));
}

static double largest_difference(rt_tensor a, rt_tensor b)
{
    double top = 0;
    for (int64_t i = 0; i < rt_count(a); i++) top = fmax(top, fabs(rt_get(a, i) - rt_get(b, i)));
    return top;
}

static void check_threads(rt_precision precision)
{
    bench one, three;
    rt_fold_result a, b, again;
    rt_err err;
    open_bench(&one, RT_BACKEND_CPU, 1, precision);
    open_bench(&three, RT_BACKEND_CPU, 3, precision);
    set_templates(&one, 0, 5, NAN);
    set_templates(&three, 0, 5, NAN);
    assert_int_equal(fold(&one, 42, NULL, &a, &err), RT_OK);
    assert_int_equal(fold(&three, 42, NULL, &b, &err), RT_OK);
    assert_int_equal(fold(&one, 42, NULL, &again, &err), RT_OK);
    same_bytes(a.coordinate, b.coordinate);
    same_bytes(a.coordinate, again.coordinate);
    same_bytes(a.contact_probs, b.contact_probs);
    for (int s = 0; s < SAMPLES; s++) {
        same_bytes(a.summary[s].token_pair_pae, b.summary[s].token_pair_pae);
        same_bytes(a.summary[s].atom_plddt, again.summary[s].atom_plddt);
        assert_true(a.summary[s].ranking_score == b.summary[s].ranking_score);
    }
    close_bench(&one);
    close_bench(&three);
}

static void threads_and_reruns_give_the_same_bytes(void **state) { (void)state; check_threads(RT_PRECISION_FP32); }
static void so_they_do_in_bf16(void **state) { (void)state; check_threads(RT_PRECISION_BF16); }

static void seeds_and_samples_differ(void **state)
{
    (void)state;
    bench b;
    rt_fold_result first, second;
    rt_err err;
    open_bench(&b, RT_BACKEND_CPU, 2, RT_PRECISION_FP32);
    assert_int_equal(fold(&b, 1, NULL, &first, &err), RT_OK);
    assert_int_equal(fold(&b, 2, NULL, &second, &err), RT_OK);
    assert_true(largest_difference(first.coordinate, second.coordinate) > 1);
    assert_true(largest_difference(rt_at(first.coordinate, 0), rt_at(first.coordinate, 1)) > 1);
    close_bench(&b);
}

static void a_template_may_stand_anywhere(void **state)
{
    (void)state;
    bench b;
    rt_fold_result here, there;
    rt_err err;
    open_bench(&b, RT_BACKEND_REF64, 1, RT_PRECISION_FP32);   /* in double: no rounding to hide behind */
    set_templates(&b, 0, -1, 0);
    assert_int_equal(fold(&b, 42, NULL, &here, &err), RT_OK);
    set_templates(&b, 1.1, -1, 0);
    assert_int_equal(fold(&b, 42, NULL, &there, &err), RT_OK);
    double moved = largest_difference(here.contact_probs, there.contact_probs);
    assert_true(moved < 1e-5);   /* the template's coordinates are float32: distances change in the last bit */
    set_templates(&b, 0, 3, NAN);
    assert_int_equal(fold(&b, 42, NULL, &there, &err), RT_OK);
    assert_true(largest_difference(here.contact_probs, there.contact_probs) > 100 * moved);   /* templates do matter */
    close_bench(&b);
}

/* s and z of the trunk, with the templates as they are (opt_noise NULL) or as augmentation noise has moved them. */
static void run_trunk(rt_tensor out[2], bench *b, const char *opt_noise)
{
    rt_augment_plan plan = {0};
    rt_err err;
    const rt_config *c = &b->model->config;
    rt_msa_choice choice = {.seed = 1, .lower_bound = 1, .cutoff = 16};
    set_templates(b, 0, 5, NAN);
    if (opt_noise) assert_int_equal(rt_augment_plan_add(&plan, opt_noise, &err), RT_OK);
    for (int64_t t = 0; opt_noise && t < b->input.n_template; t++) {
        rt_augment_noise_key key = {.seed = 3, .part = t + 1};
        assert_int_equal(rt_augment_noise(b->input.template_xyz + 3 * N * t, N, 1, true, &plan, &key), N - 1);
    }
    assert_int_equal(rt_features_build(&b->features, b->ctx->step, &b->input, rt_conformers_default(), 1, NULL, &err), RT_OK);
    rt_tensor s_inputs = RT_NEW(b->ctx, N, c->c_s_inputs);
    out[0] = RT_NEW(b->ctx, N, c->c_s), out[1] = RT_NEW(b->ctx, N, N, c->c_z);
    rt_trunk_forward(b->ctx, &b->model->trunk, s_inputs, out[0], out[1], &b->features, 1, &choice, NULL, NULL, NULL);
    assert_int_equal(rt_ctx_take(b->ctx, &err), RT_OK);
}

/* Only distances reach the network: turning a template is no other template, shaking it is. */
static void a_turned_template_leaves_the_trunk_alone(void **state)
{
    (void)state;
    bench b;
    rt_tensor here[2], turned[2], shaken[2];
    open_bench(&b, RT_BACKEND_REF64, 1, RT_PRECISION_FP32);   /* in double, as above */
    run_trunk(here, &b, NULL);
    run_trunk(turned, &b, "noise:sigma=0");
    run_trunk(shaken, &b, "noise:sigma=1");
    double s = largest_difference(here[0], turned[0]), z = largest_difference(here[1], turned[1]);
    double moved_z = largest_difference(here[1], shaken[1]);
    print_message("note: templates turned: s moves by %.1e, z by %.1e; shaken by 1 A: z by %.1e\n", s, z, moved_z);
    assert_true(s < 1e-4 && z < 1e-4 && moved_z > 100 * z);   /* coordinates are float32 */
    close_bench(&b);
}

static void a_missing_residue_has_no_place(void **state)
{
    (void)state;
    bench b;
    rt_fold_result not_a_number, nowhere;
    rt_err err;
    open_bench(&b, RT_BACKEND_CPU, 2, RT_PRECISION_FP32);
    set_templates(&b, 0, 9, NAN);
    assert_int_equal(fold(&b, 42, NULL, &not_a_number, &err), RT_OK);
    set_templates(&b, 0, 9, -1e18);   /* the competition's way to write it */
    assert_int_equal(fold(&b, 42, NULL, &nowhere, &err), RT_OK);
    same_bytes(not_a_number.coordinate, nowhere.coordinate);
    close_bench(&b);
}

static bool stop_at_diffusion(void *user, rt_stage stage, int64_t done, int64_t total)
{
    (void)user, (void)total;
    return stage != RT_STAGE_DIFFUSION || done < 1;
}

static void stopping_is_a_status_and_leaves_the_context_usable(void **state)
{
    (void)state;
    bench b;
    rt_fold_result result, clean;
    rt_err err;
    open_bench(&b, RT_BACKEND_CPU, 2, RT_PRECISION_FP32);
    assert_int_equal(fold(&b, 42, NULL, &clean, &err), RT_OK);
    assert_int_equal(fold(&b, 42, stop_at_diffusion, &result, &err), RT_ERR_STOPPED);
    assert_int_equal(fold(&b, 42, NULL, &result, &err), RT_OK);
    same_bytes(clean.coordinate, result.coordinate);
    close_bench(&b);
}

static void too_little_memory_is_an_error_with_figures(void **state)
{
    (void)state;
    bench b;
    rt_fold_result result;
    rt_err err;
    open_bench(&b, RT_BACKEND_CPU, 1, RT_PRECISION_FP32);
    rt_arena *roomy = b.ctx->step, *tight;
    assert_int_equal(rt_arena_create(&tight, "activation", 4 << 20, NULL), RT_OK);
    b.ctx->step = tight;
    assert_int_equal(fold(&b, 42, NULL, &result, &err), RT_ERR_MEMORY);
    assert_non_null(strstr(err.what, "GiB"));
    b.ctx->step = roomy;
    rt_arena_free(tight);
    assert_int_equal(fold(&b, 42, NULL, &result, &err), RT_OK);
    close_bench(&b);
}

/* What is measured beforehand is what the arena then holds at its peak: to the byte, with templates and an MSA, frugal or
 * not, in both precisions, with few and many samples. */
static void the_need_is_known_beforehand(void **state)
{
    (void)state;
    for (int variant = 0; variant < 8; variant++) {
        bench b;
        rt_fold_result result;
        rt_err err;
        int64_t need, oneDNN;
        open_bench(&b, RT_BACKEND_CPU, 1 + variant % 3, variant & 1 ? RT_PRECISION_BF16 : RT_PRECISION_FP32);
        if (variant & 2) set_templates(&b, 0, -1, 0);
        b.ctx->frugal = variant & 4;
        rt_fold_options options = {.n_cycle = CYCLES, .n_step = STEPS, .n_sample = variant == 3 ? 7 : 2, .seed = 3, .stream = 7};
        assert_int_equal(rt_features_build(&b.features, b.ctx->step, &b.input, rt_conformers_default(), 3, NULL, &err), RT_OK);
        rt_arena_peak_reset(b.ctx->step);
        int64_t before = rt_arena_used(b.ctx->step);
        assert_int_equal(rt_fold_measure(b.ctx, b.model, &b.features, &options, &need, &err), RT_OK);
        assert_int_equal(rt_arena_used(b.ctx->step), before);
        assert_int_equal(rt_arena_peak(b.ctx->step), before);
        assert_int_equal(rt_fold(b.ctx, b.model, &b.features, &options, &result, &err), RT_OK);
        oneDNN = rt_cpu_own_bytes(b.ctx);
        assert_int_equal(rt_arena_peak(b.ctx->step) - before + oneDNN, need);
        close_bench(&b);
    }
}

static void frugal_takes_less_and_gives_the_same_bytes(void **state)
{
    (void)state;
    for (int bf16 = 0; bf16 < 2; bf16++) {
        bench plenty, frugal;
        rt_fold_result a, b;
        rt_err err;
        open_bench(&plenty, RT_BACKEND_CPU, 2, bf16 ? RT_PRECISION_BF16 : RT_PRECISION_FP32);
        open_bench(&frugal, RT_BACKEND_CPU, 2, bf16 ? RT_PRECISION_BF16 : RT_PRECISION_FP32);
        frugal.ctx->frugal = true;
        assert_int_equal(fold(&plenty, 42, NULL, &a, &err), RT_OK);
        assert_int_equal(fold(&frugal, 42, NULL, &b, &err), RT_OK);
        same_bytes(a.coordinate, b.coordinate);
        same_bytes(a.contact_probs, b.contact_probs);
        for (int s = 0; s < SAMPLES; s++) same_bytes(a.summary[s].token_pair_pae, b.summary[s].token_pair_pae);
        close_bench(&plenty);
        close_bench(&frugal);
    }
}

/* The need grows with the square of the length, and a frugal context's is less. */
static void long_targets_need_less_when_frugal(void **state)
{
    (void)state;
    static char sequence[1201];
    bench b;
    rt_err err;
    int64_t need[2][2];
    open_bench(&b, RT_BACKEND_CPU, 2, RT_PRECISION_FP32);
    rt_fold_options options = {.n_cycle = 1, .n_step = STEPS, .n_sample = 1, .seed = 3, .stream = 7};
    for (int twice = 0; twice < 2; twice++)
        for (int frugal = 0; frugal < 2; frugal++) {
            rt_input input;
            memset(sequence, 'A', 600u << twice);
            sequence[600 << twice] = 0;
            b.ctx->frugal = frugal;
            assert_int_equal(rt_input_set_sequence(&input, "long", sequence, &err), RT_OK);
            assert_int_equal(rt_features_build(&b.features, b.ctx->step, &input, rt_conformers_default(), 3, NULL, &err), RT_OK);
            assert_int_equal(rt_fold_measure(b.ctx, b.model, &b.features, &options, &need[twice][frugal], &err), RT_OK);
            rt_input_free_members(&input);
            rt_arena_reset(b.ctx->step, 0);
        }
    for (int twice = 0; twice < 2; twice++) assert_true(need[twice][1] < 0.9 * need[twice][0]);
    assert_true(need[1][0] > 3 * need[0][0] && need[1][0] < 4.5 * need[0][0]);
    close_bench(&b);
}

static void a_broken_weight_does_not_look_like_a_fold(void **state)
{
    (void)state;
    bench b;
    rt_fold_result result;
    rt_err err;
    float broken[32 * 105];
    open_bench(&b, RT_BACKEND_CPU, 1, RT_PRECISION_FP32);
    rt_linear *sinit = &b.model->trunk.embedder.sinit;
    assert_int_equal(rt_count(sinit->weight), 32 * 105);
    memcpy(broken, sinit->weight.data, sizeof broken);
    broken[17] = NAN;
    sinit->weight.data = broken;
    assert_int_equal(fold(&b, 42, NULL, &result, &err), RT_ERR_FORMAT);
    assert_non_null(strstr(err.what, "not finite"));
    close_bench(&b);
}

/* The reference clamps the single representation to 512 before the head: no recorded run comes near it. */
static void the_confidence_head_clamps(void **state)
{
    (void)state;
    bench b;
    rt_err err;
    rt_tensor plddt[3];
    open_bench(&b, RT_BACKEND_REF64, 1, RT_PRECISION_FP32);
    rt_ctx *ctx = b.ctx;
    const rt_config *c = &b.model->config;
    assert_int_equal(rt_features_build(&b.features, ctx->step, &b.input, rt_conformers_default(), 1, NULL, &err), RT_OK);
    int64_t atoms = b.features.n_atom;
    rt_tensor s_inputs = RT_NEW(ctx, N, c->c_s_inputs), s = RT_NEW(ctx, N, c->c_s), z = RT_NEW(ctx, N, N, c->c_z);
    rt_tensor x = RT_NEW(ctx, atoms, 3);
    rt_zero(ctx, s_inputs);
    rt_zero(ctx, s);
    rt_zero(ctx, z);
    for (int64_t i = 0; i < 3 * atoms; i++) ((double *)x.data)[i] = (double)(i % 37);
    for (int i = 0; i < 3; i++) {
        static const double LARGE[] = {512, 600, 400};
        for (int64_t k = 0; k < N * c->c_s; k += 5) ((double *)s.data)[k] = k % 2 ? -LARGE[i] : LARGE[i] * (double)(k % 3);
        rt_confidence_logits logits = {.pae = RT_NEW(ctx, N, N, c->pae_bins), .pde = RT_NEW(ctx, N, N, c->pde_bins),
                                       .plddt = RT_NEW(ctx, atoms, c->plddt_bins), .resolved = RT_NEW(ctx, atoms, 2)};
        rt_confidence_head_forward(ctx, &b.model->confidence, &logits, s_inputs, s, z, x, &b.features, 0, NULL);
        plddt[i] = logits.plddt;
    }
    assert_int_equal(rt_ctx_take(ctx, &err), RT_OK);
    same_bytes(plddt[0], plddt[1]);
    assert_true(largest_difference(plddt[0], plddt[2]) > 1e-6);
    close_bench(&b);
}

static void the_smallest_target_folds(void **state)
{
    (void)state;
    bench b;
    rt_fold_result result;
    rt_err err;
    open_bench(&b, RT_BACKEND_CPU, 2, RT_PRECISION_FP32);
    rt_input_free_members(&b.input);
    assert_int_equal(rt_input_set_sequence(&b.input, "one", "G", &err), RT_OK);
    assert_int_equal(fold(&b, 42, NULL, &result, &err), RT_OK);
    assert_int_equal(result.coordinate.dim[1], 24);   /* G with OP3 */
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_and_reruns_give_the_same_bytes),
        cmocka_unit_test(so_they_do_in_bf16),
        cmocka_unit_test(seeds_and_samples_differ),
        cmocka_unit_test(a_template_may_stand_anywhere),
        cmocka_unit_test(a_turned_template_leaves_the_trunk_alone),
        cmocka_unit_test(a_missing_residue_has_no_place),
        cmocka_unit_test(stopping_is_a_status_and_leaves_the_context_usable),
        cmocka_unit_test(too_little_memory_is_an_error_with_figures),
        cmocka_unit_test(the_need_is_known_beforehand),
        cmocka_unit_test(frugal_takes_less_and_gives_the_same_bytes),
        cmocka_unit_test(long_targets_need_less_when_frugal),
        cmocka_unit_test(a_broken_weight_does_not_look_like_a_fold),
        cmocka_unit_test(the_confidence_head_clamps),
        cmocka_unit_test(the_smallest_target_folds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
