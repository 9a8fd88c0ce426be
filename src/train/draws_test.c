/* draws_test.c - what training draws has the distributions of the reference and depends on its key alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "train/draws.h"
#include "train/train_test.h"

enum { MANY = 20000 };

static void small_draws(void **state)
{
    double count[5] = {0}, cycles[4] = {0}, column[40] = {0}, kept = 0, sum = 0, square = 0;
    (void)state;
    for (uint64_t i = 0; i < MANY; i++) {
        rt_draw_key key = {7, rt_hash_text("1ABC_A"), i};
        int64_t index[RT_TRAIN_TEMPLATES];
        count[rt_draws_crop_start(&key, 104, 100, 0)]++;
        cycles[rt_draws_cycles(&key, 4) - 1]++;
        if (rt_draws_templates(&key, 40, 0.5, index)) {
            kept++;
            for (int t = 0; t < RT_TRAIN_TEMPLATES; t++) column[index[t]]++;
        }
        double z = (log(rt_draws_sigma(&key, 3) / 16) + 1.2) / 1.5;
        sum += z;
        square += z * z;
        assert_true(rt_draws_conformation(&key, 3) < 3);
    }
    /* five standard deviations */
    for (int i = 0; i < 5; i++) assert_true(fabs(count[i] - MANY / 5.0) < 5 * sqrt(MANY * 0.2 * 0.8));
    for (int i = 0; i < 4; i++) assert_true(fabs(cycles[i] - MANY / 4.0) < 5 * sqrt(MANY * 0.25 * 0.75));
    assert_true(fabs(kept - MANY / 2.0) < 5 * sqrt(MANY * 0.25));
    for (int i = 0; i < 40; i++) assert_true(fabs(column[i] - kept / 10) < 5 * sqrt(kept / 10));
    assert_true(fabs(sum / MANY) < 5 / sqrt(MANY) && fabs(square / MANY - 1) < 5 * sqrt(2.0 / MANY));
}

static void draws_depend_on_the_key_alone(void **state)
{
    rt_draw_key a = {7, 1, 5}, b = {7, 2, 5}, c = {8, 1, 5}, d = {7, 1, 6};
    int64_t index[RT_TRAIN_TEMPLATES];
    (void)state;
    assert_true(rt_draws_seed(&a) == rt_draws_seed(&a) && rt_draws_sigma(&a, 0) == rt_draws_sigma(&a, 0));
    assert_true(rt_draws_seed(&a) != rt_draws_seed(&b) && rt_draws_seed(&a) != rt_draws_seed(&c));
    assert_true(rt_draws_seed(&a) != rt_draws_seed(&d) && rt_draws_sigma(&a, 0) != rt_draws_sigma(&a, 1));
    assert_int_equal(rt_draws_crop_start(&a, 100, 100, 0), 0);
    assert_int_equal(rt_draws_crop_start(&a, 50, 100, 0), 0);
    assert_int_equal(rt_draws_crop_start(&a, 500, 0, 1), 0);
    assert_false(rt_draws_templates(&a, 0, 0, index));
    int64_t n_other = 0;
    for (int attempt = 1; attempt < 50; attempt++)
        n_other += rt_draws_crop_start(&a, 500, 100, attempt) != rt_draws_crop_start(&a, 500, 100, 0);
    assert_true(n_other > 40);
    for (uint64_t i = 0; i < 100; i++) {
        a.number = i;
        assert_true(rt_draws_templates(&a, 1, 0, index) && index[0] == 0 && index[3] == 0);
        assert_false(rt_draws_templates(&a, 40, 1, index));
    }
}

static void epochs_have_orders(void **state)
{
    int64_t order[3][500];
    bool seen[500] = {0};
    (void)state;
    rt_draws_epoch_order(3, 0, 500, order[0]);
    rt_draws_epoch_order(3, 1, 500, order[1]);
    rt_draws_epoch_order(3, 0, 500, order[2]);
    assert_memory_equal(order[0], order[2], sizeof order[0]);
    assert_memory_not_equal(order[0], order[1], sizeof order[0]);
    for (int i = 0; i < 500; i++) assert_false(seen[order[0][i]]), seen[order[0][i]] = true;
}

static double distance(rt_tensor t, int64_t a, int64_t b)
{
    double sum = 0;
    for (int d = 0; d < 3; d++) sum += pow(rt_get(t, 3 * a + d) - rt_get(t, 3 * b + d), 2);
    return sqrt(sum);
}

static double handedness(rt_tensor t, const int64_t a[4])
{
    double v[3][3];
    for (int i = 0; i < 3; i++)
        for (int d = 0; d < 3; d++) v[i][d] = rt_get(t, 3 * a[i + 1] + d) - rt_get(t, 3 * a[0] + d);
    return v[0][0] * (v[1][1] * v[2][2] - v[1][2] * v[2][1]) - v[0][1] * (v[1][0] * v[2][2] - v[1][2] * v[2][0]) +
           v[0][2] * (v[1][0] * v[2][1] - v[1][1] * v[2][0]);
}

/* The golden copies of the reference have the same properties, so the check itself is held against them. */
static void check_copies(rt_tensor truth, rt_tensor noisy, rt_tensor sigma, const rt_label *label, double bound)
{
    int64_t n = label->n_atom, from = 0, n_copy = sigma.dim[0];
    const uint8_t *mask = label->coordinate_mask.data;
    while (!mask[from]) from++;
    for (int64_t b = 0; b < n_copy; b++) {
        rt_tensor x = rt_at(truth, b), y = rt_at(noisy, b);
        double centre[3] = {0}, spread = 0, s = rt_get(sigma, b);
        int64_t corner[4] = {from}, k = 1;
        for (int64_t a = 0; a < n; a++) {
            if (mask[a]) assert_true(fabs(distance(x, from, a) - distance(label->coordinate, from, a)) < bound);
            if (mask[a] && a % 150 == 30 && k < 4) corner[k++] = a;
            for (int d = 0; d < 3; d++) {
                double p = rt_get(x, 3 * a + d), delta = rt_get(y, 3 * a + d) - p;
                if (!mask[a]) assert_true(p == 0);
                centre[d] += p / (double)label->n_resolved;
                spread += delta * delta / (double)(3 * n);
            }
        }
        assert_int_equal(k, 4);
        assert_true(fabs(handedness(x, corner) / handedness(label->coordinate, corner) - 1) < 1e-3);
        assert_true(fabs(spread / (s * s) - 1) < 5 * sqrt(2.0 / (double)(3 * n)));   /* noise on all atoms */
        for (int d = 0; d < 3; d++) assert_true(fabs(centre[d]) < 6 && fabs(centre[d]) > 1e-6);
    }
}

static void copies_are_turned_moved_and_noised(void **state)
{
    test_case c;
    (void)state;
    if (!test_case_open(&c, "train_exact/full.safetensors", "label.coordinate", "label.coordinate_mask")) skip();
    check_copies(test_golden(&c, "x_gt_augment"), test_golden(&c, "x_noisy"), test_golden(&c, "sigma"), &c.label, 1e-3);
    rt_draw_key key = {1, 2, 3};
    rt_tensor truth[2], noisy[2], sigma[2];
    rt_ctx *ctx[2];
    for (int i = 0; i < 2; i++) {
        ctx[i] = test_context(RT_BACKEND_CPU, i ? 3 : 1);
        truth[i] = RT_NEW(ctx[i], 5, c.label.n_atom, 3), noisy[i] = RT_NEW(ctx[i], 5, c.label.n_atom, 3),
        sigma[i] = RT_NEW(ctx[i], 5);
        rt_draws_noisy_copies(&key, ctx[i]->pool, sigma[i], noisy[i], truth[i], &c.label);
        check_copies(truth[i], noisy[i], sigma[i], &c.label, 1e-4);
        assert_true(rt_get(sigma[i], 4) == (float)rt_draws_sigma(&key, 4));
    }
    assert_memory_equal(noisy[0].data, noisy[1].data, (size_t)rt_bytes(noisy[0]));
    /* more copies draw the same first ones */
    rt_tensor more = RT_NEW(ctx[0], 7, c.label.n_atom, 3);
    rt_draws_noisy_copies(&key, ctx[0]->pool, RT_NEW(ctx[0], 7), more, (rt_tensor){0}, &c.label);
    assert_memory_equal(more.data, noisy[0].data, (size_t)rt_bytes(noisy[0]));
    for (int i = 0; i < 2; i++) rt_ctx_free(ctx[i]);
    test_case_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(small_draws), cmocka_unit_test(draws_depend_on_the_key_alone),
                                       cmocka_unit_test(epochs_have_orders),
                                       cmocka_unit_test(copies_are_turned_moved_and_noised)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
