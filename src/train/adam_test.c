/* adam_test.c - optimizers, schedules and averages against torch and the golden training run */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "train/adam.h"
#include "train/average.h"
#include "train/guard.h"
#include "train/schedule.h"
#include "train/torch_state.h"
#include "train/train_test.h"

static rt_pool *make_pool(int threads)
{
    rt_pool *pool;
    rt_err err;
    test_ok(rt_pool_create(&pool, threads, &err), &err);
    return pool;
}

static rt_params *make_params(void)
{
    rt_params *params;
    rt_err err;
    test_ok(rt_params_create(&params, &err), &err);
    return params;
}

static void add_param(rt_params *params, const char *name, rt_dtype real, rt_tensor source)
{
    rt_err err;
    if (!rt_params_add(params, name, RT_PARAM_WEIGHT, real, source, false, &err)) fail_msg("%s", err.what);
}

static void set_grad(rt_param *p, const double *grad)
{
    for (int64_t i = 0; i < rt_count(p->grad); i++)
        if (p->grad.dtype == RT_F64) ((double *)p->grad.data)[i] = grad[i];
        else ((float *)p->grad.data)[i] = (float)grad[i];
}

/* Five steps of torch.optim.Adam(weight_decay=0.01) and AdamW(0.1; 0 for the vector), lr 0.05, betas 0.9 and 0.95,
 * gradients clipped to 1.6: PyTorch 2.7.1. */
static void adam_is_torch_s(void **state)
{
    static const double norm[5] = {1.62185097, 1.72122073, 1.89736688, 2.13133788, 2.4063251};
    static const double want[2][5][7] = {
        {{0.449999988, -1.20000005, 1.95000184, -0.0200000014, 0.150000006, -0.150000244, 0.250000119},
         {0.401723921, -1.15006065, 1.91239297, -0.0699372888, 0.199936077, -0.186460465, 0.20024237},
         {0.353716701, -1.10029471, 1.87115824, -0.119691625, 0.249686092, -0.227412924, 0.151003376},
         {0.305528194, -1.05083466, 1.82790768, -0.169120401, 0.299104899, -0.270654976, 0.102665365},
         {0.257015526, -1.00180411, 1.7832191, -0.218089938, 0.34805578, -0.315446556, 0.0557365604}},
        {{0.44749999, -1.19375002, 2.03999996, -0.0201500058, 0.150000006, -0.200000003, 0.250000536},
         {0.397033393, -1.13784361, 2.07634306, -0.0699870437, 0.199937791, -0.23674801, 0.200063273},
         {0.347086221, -1.08239841, 2.10240459, -0.119393095, 0.249693781, -0.277815819, 0.150307834},
         {0.29720068, -1.02755392, 2.11053848, -0.168228626, 0.299126267, -0.321122348, 0.100875907},
         {0.247233957, -0.973439693, 2.09963918, -0.216363907, 0.348102689, -0.365955234, 0.0519000664}}};
    (void)state;
    for (int variant = 0; variant < 4; variant++) {   /* Adam and AdamW, float32 and float64 */
        rt_dtype real = variant < 2 ? RT_F32 : RT_F64;
        rt_params *params = make_params();
        rt_pool *pool = make_pool(2);
        rt_adam *adam;
        rt_err err;
        float matrix[4] = {0.5f, -1.25f, 2.0f, 0.03f}, vector[3] = {0.1f, -0.2f, 0.3f}, untouched[2] = {4, 5};
        add_param(params, "matrix", real, RT_WRAP(matrix, RT_F32, 2, 2));
        add_param(params, "untouched", real, RT_WRAP(untouched, RT_F32, 2));
        add_param(params, "vector", real, RT_WRAP(vector, RT_F32, 3));
        rt_adam_options options = rt_adam_default;
        options.kind = variant % 2 ? RT_ADAM_DECOUPLED : RT_ADAM_L2;
        options.weight_decay = variant % 2 ? 0.1 : 0.01;
        options.clip_norm = 1.6;
        test_ok(rt_adam_create(&adam, params, &options, &err), &err);
        for (int s = 0; s < 5; s++) {
            /* accumulated from four targets: the sum is four times the mean that torch was given */
            double m[4] = {1.2 * (s + 1), -0.8, 0.04 * (s - 2), 6.0}, v[3] = {-2.0, s, 4e-3};
            const char *bad;
            set_grad(rt_params_at(params, 0), m);
            set_grad(rt_params_at(params, 2), v);
            double n = rt_adam_norm(adam, pool, 0.25, &bad);
            assert_null(bad);
            assert_true(fabs(n - norm[s]) < 1e-6);
            rt_adam_step(adam, pool, 0.05, 0.25, n);
            for (int i = 0; i < 7; i++) {
                rt_tensor t = rt_params_at(params, i < 4 ? 0 : 2)->value;
                double got = rt_get(t, i < 4 ? i : i - 4);
                if (!(fabs(got - want[variant % 2][s][i]) < 1e-6))
                    fail_msg("variant %d step %d element %d is %.9g, torch's %.9g", variant, s, i, got,
                             want[variant % 2][s][i]);
            }
        }
        /* what nothing reached stays: no decay, no count */
        assert_true(rt_get(rt_params_at(params, 1)->value, 0) == 4 && *rt_adam_updates(adam, 1) == 0);
        assert_int_equal(*rt_adam_updates(adam, 0), 5);
        rt_adam_free(adam);
        rt_params_free(params);
        rt_pool_free(pool);
    }
}

/* ---- the golden run ---------------------------------------------------------------------------------------------- */
enum { HEAD = 16 };   /* strlen("confidence_head.") */

static rt_params *open_golden(const rt_weights *start, const rt_weights *golden)
{
    rt_params *params = make_params();
    for (int64_t i = 0; i < rt_weights_count(golden); i++) {
        char name[300];
        const char *full = rt_weights_at(golden, i)->name;
        if (strncmp(full, "grad.unit.", 10) != 0) continue;
        snprintf(name, sizeof name, "confidence_head.%s", full + 10);
        const rt_weight *w = rt_weights_find(start, name);
        assert_non_null(w);
        add_param(params, name, RT_F32, w->tensor);
    }
    return params;
}

/* Worst |value - golden| and the L2 of the difference of updates against that of the golden update. */
static void compare_step(rt_params *params, const rt_weights *start, const rt_weights *golden, int step, double bound)
{
    double worst = 0, difference = 0, size = 0;
    for (int64_t i = 0; i < rt_params_count(params); i++) {
        char name[300];
        const rt_param *p = rt_params_at(params, i);
        snprintf(name, sizeof name, "param_after_%d.%s", step, p->name + HEAD);
        const rt_weight *want = rt_weights_find(golden, name), *from = rt_weights_find(start, p->name);
        assert_non_null(want);
        for (int64_t k = 0; k < rt_count(p->value); k++) {
            double delta = rt_get(p->value, k) - rt_get(want->tensor, k);
            double update = rt_get(want->tensor, k) - rt_get(from->tensor, k);
            worst = fmax(worst, fabs(delta));
            difference += delta * delta;
            size += update * update;
        }
    }
    print_message("note: after step %d: largest difference %.1e, update's relative L2 error %.1e (bound %.0e)\n", step,
                  worst, sqrt(difference / size), bound);
    assert_true(worst < bound);
}

/* The reference's own optimizer after step 3. */
static rt_adam *open_after3(const char *path, rt_params *params)
{
    rt_adam *adam;
    rt_torch_state state;
    rt_err err;
    test_ok(rt_adam_create(&adam, params, &rt_adam_default, &err), &err);
    test_ok(rt_torch_state_load(&state, adam, params, path, &err), &err);
    assert_true(state.next_step == 3 && state.n_state == 132 && !state.decoupled && state.rate == 1e-3);
    assert_true(state.beta1 == 0.9 && state.beta2 == 0.95 && state.eps == 1e-8 && state.weight_decay == 1e-8);
    for (int64_t i = 0; i < 132; i++) assert_int_equal(*rt_adam_updates(adam, i), 3);
    return adam;
}

/* The gradients of steps 2 and 3 were not recorded, but the reference's Adam state after step 3 was.  From m1, v1 and
 *   m3 = b1^2 m1 + (1-b1)(b1 g2 + g3),  v3 = b2^2 v1 + (1-b2)(b2 g2^2 + g3^2)
 * comes a quadratic equation for g2; of its two roots the one is taken that leads to the recorded weights. */
static void solve_gradients(double out[2][2], double m1, double v1, double m3, double v3)
{
    const double b1 = 0.9, b2 = 0.95;
    double m = (m3 - b1 * b1 * m1) / (1 - b1), v = (v3 - b2 * b2 * v1) / (1 - b2), a = b2 + b1 * b1;
    double root = sqrt(fmax(0, b1 * b1 * m * m - a * (m * m - v)));
    for (int sign = 0; sign < 2; sign++) {
        out[sign][0] = (b1 * m + (sign ? root : -root)) / a;
        out[sign][1] = m - b1 * out[sign][0];
    }
}

static double moved_by(double g2, double g3, double m1, double v1)
{
    double m = m1, v = v1, sum = 0, g[2] = {g2, g3};
    for (int s = 0; s < 2; s++) {
        m += 0.1 * (g[s] - m);
        v = 0.95 * v + 0.05 * g[s] * g[s];
        sum -= 1e-3 * (m / (1 - pow(0.9, s + 2))) / (sqrt(v / (1 - pow(0.95, s + 2))) + 1e-8);
    }
    return sum;
}

static void golden_run_is_reproduced(void **state)
{
    const char *shared = test_shared("the optimizer's golden run"), *const folder[2] = {"train_exact", "train"};
    char path[600];
    rt_err err;
    (void)state;
    if (!shared) skip();
    rt_weights *start, *golden;
    rt_pool *pool = make_pool(2);
    snprintf(path, sizeof path, "%s/golden/tiny/tiny.safetensors", shared);
    test_ok(rt_weights_open(&start, path, &err), &err);
    for (int f = 0; f < 2; f++) {
        snprintf(path, sizeof path, "%s/golden/%s/confidence.safetensors", shared, folder[f]);
        test_ok(rt_weights_open(&golden, path, &err), &err);
        rt_params *params = open_golden(start, golden);
        rt_adam *adam;
        rt_adam_options options = rt_adam_default;
        options.clip_norm = 1;
        test_ok(rt_adam_create(&adam, params, &options, &err), &err);
        assert_int_equal(rt_params_count(params), 132);
        for (int64_t i = 0; i < rt_params_count(params); i++) {
            rt_param *p = rt_params_at(params, i);
            char name[300];
            snprintf(name, sizeof name, "grad.unit.%s", p->name + HEAD);
            memcpy(p->grad.data, rt_weights_find(golden, name)->tensor.data, (size_t)rt_bytes(p->grad));
        }
        double norm = rt_adam_norm(adam, pool, 1, NULL);
        test_near("norm of step 1", norm, f == 0 ? 3.036393404006958 : 3.036109685897827, 1e-5);
        rt_adam_step(adam, pool, 1e-3, 1, norm);
        compare_step(params, start, golden, 1, 1e-6);
        /* the recorded state belongs to the run as shipped */
        double *second[132] = {0};
        snprintf(path, sizeof path, "%s/golden/train/confidence_after3.pt", shared);
        rt_adam *after3 = open_after3(path, params);
        for (int64_t i = 0; f == 1 && i < 132; i++) {
            rt_param *p = rt_params_at(params, i);
            rt_tensor m1 = rt_adam_moment(adam, i, 0), v1 = rt_adam_moment(adam, i, 1);
            rt_tensor m3 = rt_adam_moment(after3, i, 0), v3 = rt_adam_moment(after3, i, 1);
            char name[300];
            snprintf(name, sizeof name, "param_after_3.%s", p->name + HEAD);
            rt_tensor want = rt_weights_find(golden, name)->tensor;
            double *first = calloc((size_t)rt_count(want), sizeof *first);
            second[i] = calloc((size_t)rt_count(want), sizeof **second);
            for (int64_t k = 0; k < rt_count(want); k++) {
                double g[2][2], move = rt_get(want, k) - rt_get(p->value, k), decay = 1e-8 * rt_get(p->value, k);
                solve_gradients(g, rt_get(m1, k), rt_get(v1, k), rt_get(m3, k), rt_get(v3, k));
                double miss[2];
                for (int s = 0; s < 2; s++)
                    miss[s] = fabs(moved_by(g[s][0], g[s][1], rt_get(m1, k), rt_get(v1, k)) - move);
                const double *best = g[miss[1] < miss[0]];
                first[k] = best[0] - decay;
                second[i][k] = best[1] - decay;
            }
            set_grad(p, first);
            free(first);
        }
        for (int s = 2; f == 1 && s <= 3; s++) {
            for (int64_t i = 0; s == 3 && i < 132; i++) set_grad(rt_params_at(params, i), second[i]);
            norm = rt_adam_norm(adam, pool, 1, NULL);
            assert_true(norm < 1.0001);   /* the state holds clipped gradients */
            rt_adam_step(adam, pool, 1e-3, 1, 0);
        }
        if (f == 1) compare_step(params, start, golden, 3, 1e-6);
        for (int64_t i = 0; i < 132; i++) free(second[i]);
        rt_adam_free(after3);
        rt_adam_free(adam);
        rt_params_free(params);
        rt_weights_close(golden);
    }
    rt_weights_close(start);
    rt_pool_free(pool);
}

/* Many tiles, 1 and 3 threads. */
static void threads_do_not_matter(void **state)
{
    enum { COUNT = 50000 };
    static float start[COUNT];
    rt_params *params[2];
    double norm[2];
    (void)state;
    rt_rng rng = rt_rng_make(3, 0, 0, RT_DRAW_WEIGHTS);
    rt_rng_normals(&rng, 0, COUNT, start);
    for (int t = 0; t < 2; t++) {
        rt_pool *pool = make_pool(t ? 3 : 1);
        rt_adam *adam;
        rt_err err;
        params[t] = make_params();
        add_param(params[t], "w", RT_F32, RT_WRAP(start, RT_F32, COUNT));
        add_param(params[t], "u", RT_F32, RT_WRAP(start, RT_F32, 7, 11));
        test_ok(rt_adam_create(&adam, params[t], &rt_adam_default, &err), &err);
        for (int i = 0; i < 2; i++) {
            rt_param *p = rt_params_at(params[t], i);
            rt_rng_normals(&rng, (uint64_t)COUNT * (i + 1), rt_count(p->grad), p->grad.data);
        }
        norm[t] = rt_adam_norm(adam, pool, 1, NULL);
        for (int s = 0; s < 3; s++) rt_adam_step(adam, pool, 1e-2, 1, norm[t]);
        rt_adam_free(adam);
        rt_pool_free(pool);
    }
    assert_memory_equal(&norm[0], &norm[1], sizeof *norm);
    assert_memory_equal(rt_params_at(params[0], 0)->value.data, rt_params_at(params[1], 0)->value.data,
                        COUNT * sizeof(float));
    assert_memory_not_equal(rt_params_at(params[0], 0)->value.data, start, COUNT * sizeof(float));
    for (int t = 0; t < 2; t++) rt_params_free(params[t]);
}

static void bad_numbers_are_skipped_and_stop_the_run(void **state)
{
    rt_params *params = make_params();
    rt_pool *pool = make_pool(1);
    rt_adam *adam;
    rt_guard guard = {.limit = 3};
    rt_err err;
    const char *bad;
    bool skip_it;
    float w[3] = {1, 2, 3};
    (void)state;
    rt_log_set_level(RT_LOG_QUIET);
    add_param(params, "fine", RT_F32, RT_WRAP(w, RT_F32, 3));
    add_param(params, "broken", RT_F32, RT_WRAP(w, RT_F32, 3));
    test_ok(rt_adam_create(&adam, params, &rt_adam_default, &err), &err);
    set_grad(rt_params_at(params, 1), (double[]){1, INFINITY, 0});
    double norm = rt_adam_norm(adam, pool, 1, &bad);
    assert_string_equal(bad, "broken");
    test_ok(rt_guard_check(&guard, &skip_it, 1.0, norm, bad, "1ABC_A", &err), &err);
    assert_true(skip_it);
    test_ok(rt_guard_check(&guard, &skip_it, 1.0, 2.0, NULL, "1ABC_A", &err), &err);
    assert_false(skip_it);
    assert_true(guard.n_in_row == 0 && guard.n_skipped == 1);
    for (int i = 0; i < 2; i++) test_ok(rt_guard_check(&guard, &skip_it, NAN, 2.0, NULL, "2XYZ_B", &err), &err);
    assert_int_equal(rt_guard_check(&guard, &skip_it, NAN, 2.0, NULL, "2XYZ_B", &err), RT_ERR_FORMAT);
    assert_non_null(strstr(err.what, "3 steps in a row gave no finite numbers; the last: the loss of 2XYZ_B is nan"));
    assert_int_equal(guard.n_skipped, 4);
    rt_adam_options wrong = rt_adam_default;
    wrong.beta2 = 1;
    rt_adam *none;
    assert_int_equal(rt_adam_create(&none, params, &wrong, &err), RT_ERR_USAGE);
    rt_adam_free(adam);
    rt_params_free(params);
    rt_pool_free(pool);
}

/* The reference's lr_scheduler.py run for 14 steps. */
static void schedules_are_the_reference_s(void **state)
{
    static const double cosine[14] = {0.0005, 0.001, 0.0015, 0.002, 0.00191087198111, 0.00166114082167,
                                      0.00130026884056, 0.000899731159439, 0.000538859178327, 0.000289128018888,
                                      0.0002, 0.0002, 0.0002, 0.0002};
    static const double af3[14] = {0, 0.00045, 0.0009, 0.00135, 0.0018, 0.0018, 0.00171, 0.00171, 0.00171, 0.00171,
                                   0.00171, 0.00171, 0.0016245, 0.0016245};
    rt_schedule c = {.kind = RT_SCHEDULE_COSINE, .rate = 2e-3, .warmup = 3, .steps = 10, .least_ratio = 0.1};
    rt_schedule a = {.kind = RT_SCHEDULE_AF3, .rate = 1.8e-3, .warmup = 4, .decay_every = 6, .decay_factor = 0.95};
    rt_schedule k = {.kind = RT_SCHEDULE_CONSTANT, .rate = 1e-3};
    rt_err err;
    (void)state;
    for (int i = 0; i < 14; i++) {
        assert_true(fabs(rt_schedule_rate(&c, i) - cosine[i]) < 1e-14);
        assert_true(fabs(rt_schedule_rate(&a, i) - af3[i]) < 1e-14);
        assert_true(rt_schedule_rate(&k, i) == 1e-3);
    }
    k.warmup = 4;
    assert_true(fabs(rt_schedule_rate(&k, 0) - 0.2e-3) < 1e-15 && rt_schedule_rate(&k, 4) == 1e-3);
    test_ok(rt_schedule_check(&c, &err), &err);
    c.steps = 3;
    assert_int_equal(rt_schedule_check(&c, &err), RT_ERR_USAGE);
    a.decay_every = 0;
    assert_int_equal(rt_schedule_check(&a, &err), RT_ERR_USAGE);
}

static void averages(void **state)
{
    rt_params *params = make_params();
    rt_average *ema, *mean, *wrong;
    rt_err err;
    float w[2] = {1, -2};
    (void)state;
    add_param(params, "w", RT_F32, RT_WRAP(w, RT_F32, 2));
    float *value = rt_params_at(params, 0)->value.data;
    test_ok(rt_average_create(&ema, params, 0.75, &err), &err);
    test_ok(rt_average_create(&mean, params, 0, &err), &err);
    assert_int_equal(rt_average_create(&wrong, params, 1, &err), RT_ERR_USAGE);
    for (int i = 0; i < 3; i++) {
        value[0] = (float)(5 + 4 * i);
        rt_average_update(ema);
        rt_average_update(mean);
    }
    /* 1 -> 2 -> 3.75 -> 6.0625 and (5 + 9 + 13) / 3 */
    assert_true(rt_get(rt_average_tensor(ema, 0), 0) == 6.0625 &&
                fabs(rt_get(rt_average_tensor(mean, 0), 0) - 9) < 1e-6);
    rt_average_swap(ema);
    assert_true(value[0] == 6.0625f && value[1] == -2 && rt_average_swapped(ema));
    rt_average_swap(ema);
    assert_true(value[0] == 13 && !rt_average_swapped(ema));
    rt_average_free(ema);
    rt_average_free(mean);
    rt_params_free(params);
}

/* A training checkpoint of torch in the middle of its work: the step after it is torch's, the tensor without a state
 * included (tests/data/train/make_adam_state.py). */
static void a_state_of_torch_goes_on_as_torch_does(void **state)
{
    static const char *const NAME[3] = {"linear.weight", "norm.bias", "table"};
    (void)state;
    for (int kind = RT_ADAM_L2; kind <= RT_ADAM_DECOUPLED; kind++) {
        char path[100], name[64];
        rt_weights *before, *after;
        rt_params *params = make_params();
        rt_pool *pool = make_pool(1);
        rt_adam *adam;
        rt_torch_state read;
        rt_err err;
        double worst = 0;
        snprintf(path, sizeof path, "tests/data/train/%s_next.safetensors", kind ? "adamw" : "adam");
        test_ok(rt_weights_open(&after, path, &err), &err);
        snprintf(path, sizeof path, "tests/data/train/%s.pt", kind ? "adamw" : "adam");
        test_ok(rt_weights_open(&before, path, &err), &err);
        for (int i = 0; i < 3; i++) add_param(params, NAME[i], RT_F32, rt_weights_find(before, NAME[i])->tensor);
        rt_adam_options options = rt_adam_default;
        options.kind = (rt_adam_kind)kind, options.weight_decay = 1e-2, options.clip_norm = 0;
        test_ok(rt_adam_create(&adam, params, &options, &err), &err);
        test_ok(rt_torch_state_load(&read, adam, params, path, &err), &err);
        assert_true(read.next_step == 3 && read.n_state == 2 && read.decoupled == (kind == RT_ADAM_DECOUPLED));
        assert_true(read.rate == 2e-2 && read.beta1 == 0.9 && read.beta2 == 0.95 && read.weight_decay == 1e-2);
        assert_true(*rt_adam_updates(adam, 0) == 3 && *rt_adam_updates(adam, 1) == 0 && *rt_adam_updates(adam, 2) == 3);
        for (int i = 0; i < 3; i++) {
            rt_tensor grad = rt_params_at(params, i)->grad;
            snprintf(name, sizeof name, "grad.%s", NAME[i]);
            rt_convert(grad.data, grad.dtype, rt_weights_find(after, name)->tensor.data, RT_F32, rt_count(grad));
        }
        rt_adam_step(adam, pool, read.rate, 1, rt_adam_norm(adam, pool, 1, NULL));
        for (int i = 0; i < 3; i++) {
            snprintf(name, sizeof name, "next.%s", NAME[i]);
            rt_tensor want = rt_weights_find(after, name)->tensor, got = rt_params_at(params, i)->value;
            for (int64_t k = 0; k < rt_count(want); k++) worst = fmax(worst, fabs(rt_get(got, k) - rt_get(want, k)));
        }
        print_message("note: %s of a .pt: the next step within %.1e of torch's\n", kind ? "AdamW" : "Adam", worst);
        assert_true(worst < 3e-7);
        rt_adam_free(adam);
        rt_pool_free(pool);
        rt_params_free(params);
        rt_weights_close(before);
        rt_weights_close(after);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(adam_is_torch_s),
        cmocka_unit_test(a_state_of_torch_goes_on_as_torch_does),
                                       cmocka_unit_test(golden_run_is_reproduced),
                                       cmocka_unit_test(threads_do_not_matter),
                                       cmocka_unit_test(bad_numbers_are_skipped_and_stop_the_run),
                                       cmocka_unit_test(schedules_are_the_reference_s),
                                       cmocka_unit_test(averages)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
