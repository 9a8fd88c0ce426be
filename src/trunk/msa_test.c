/* msa_test.c - which MSA rows a cycle sees: as many as the reference may draw, each once, anew in every cycle */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "trunk/msa.h"

enum { CYCLES = 3000 };

static void every_number_of_rows_is_drawn(void **state)
{
    (void)state;
    static const struct { int64_t n, low, cutoff, least, most; } CASES[] = {
        {10, 1, 0, 1, 10}, {10, 4, 0, 4, 10}, {10, 50, 0, 10, 10}, {10, 1, 3, 1, 3}, {1, 1, 512, 1, 1},
    };
    rt_ctx *ctx;
    assert_int_equal(rt_ctx_create(&ctx, RT_BACKEND_REF, 1, 1 << 20, NULL), RT_OK);
    for (size_t c = 0; c < sizeof CASES / sizeof *CASES; c++) {
        int64_t times[11] = {0}, row_times[10] = {0}, first_times[10] = {0}, drawn = 0;
        for (int64_t cycle = 0; cycle < CYCLES; cycle++) {
            rt_tensor rows = rt_msa_draw_rows(ctx, CASES[c].n, CASES[c].low, CASES[c].cutoff, 42, 7, cycle);
            int64_t k = rows.dim[0], seen[10] = {0};
            assert_in_range(k, CASES[c].least, CASES[c].most);
            times[k]++;
            for (int64_t i = 0; i < k; i++) {
                int64_t row = ((const int64_t *)rows.data)[i];
                assert_in_range(row, 0, CASES[c].n - 1);
                assert_int_equal(seen[row]++, 0);
                row_times[row]++, drawn++;
                first_times[row] += i == 0;
            }
            rt_arena_reset(ctx->step, 0);
        }
        /* no number of rows, no row and no first row is preferred, but for the pile at the cutoff */
        for (int64_t k = CASES[c].least; k < CASES[c].most; k++) {
            double expected = (double)CYCLES / (double)(CASES[c].n - CASES[c].least + 1);
            assert_true((double)times[k] > 0.8 * expected && (double)times[k] < 1.2 * expected);
        }
        for (int64_t row = 0; row < CASES[c].n; row++) {
            double expected = (double)drawn / (double)CASES[c].n, first = (double)CYCLES / (double)CASES[c].n;
            assert_true((double)row_times[row] > 0.85 * expected && (double)row_times[row] < 1.15 * expected);
            assert_true((double)first_times[row] > 0.8 * first && (double)first_times[row] < 1.2 * first);
        }
    }
    rt_ctx_free(ctx);
}

static void seed_target_and_cycle_make_the_draw(void **state)
{
    (void)state;
    rt_ctx *ctx;
    assert_int_equal(rt_ctx_create(&ctx, RT_BACKEND_REF, 1, 1 << 20, NULL), RT_OK);
    static const struct { uint64_t seed, stream; int64_t cycle; } KEYS[] = {{1, 1, 0}, {2, 1, 0}, {1, 2, 0}, {1, 1, 1},
                                                                              {1, 1, 0}};
    rt_tensor rows[5];
    for (int i = 0; i < 5; i++)   /* all of 100 rows, so that only the order can differ */
        rows[i] = rt_msa_draw_rows(ctx, 100, 100, 0, KEYS[i].seed, KEYS[i].stream, KEYS[i].cycle);
    for (int i = 1; i < 5; i++) assert_int_equal(memcmp(rows[0].data, rows[i].data, 800) == 0, i == 4);
    rt_ctx_free(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_number_of_rows_is_drawn),
        cmocka_unit_test(seed_target_and_cycle_make_the_draw),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
