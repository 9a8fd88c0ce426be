/* ranks_test.c - without mpirun there is one rank, which agrees with itself; what the environment says is read, not believed */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/pool.h"
#include "base/ranks.h"

static void one_rank(void **state)
{
    rt_err err = {0};
    int64_t counts[3] = {1, -2, 3}, most = -5, all;
    float sum[3] = {1, 2, 3};
    const float mine[3] = {0.5f, 0.25f, -3};
    const bool yes = true, no = false;
    (void)state;
    assert_int_equal(rt_ranks_begin(&err), RT_OK);
    assert_true(rt_ranks_count() == 1 && rt_ranks_self() == 0 && rt_ranks_lead() && rt_ranks_here() == 1);
    assert_int_equal(rt_ranks_cpus(), rt_cpu_count());
    assert_true(rt_ranks_any(true) && !rt_ranks_any(false));
    rt_ranks_sum(counts, 3);
    rt_ranks_most(&most);
    assert_true(counts[0] == 1 && counts[1] == -2 && counts[2] == 3 && most == -5);
    rt_ranks_gather(&all, &counts[2], sizeof all);
    assert_int_equal(all, 3);
    assert_int_equal(rt_ranks_differ(counts, sizeof counts), 0);
    rt_ranks_share(counts, sizeof counts, 0);
    assert_int_equal(counts[1], -2);
    rt_ranks_add(RT_WRAP(sum, RT_F32, 3), RT_WRAP((float *)(uintptr_t)mine, RT_F32, 3), &no);
    assert_true(sum[0] == 1 && sum[2] == 3);
    rt_ranks_add(RT_WRAP(sum, RT_F32, 3), RT_WRAP((float *)(uintptr_t)mine, RT_F32, 3), &yes);
    assert_true(sum[0] == 1.5f && sum[1] == 2.25f && sum[2] == 0);
    assert_int_equal(rt_ranks_agree(RT_OK, &err), RT_OK);
    rt_fail(&err, RT_ERR_IO, "file", 3, "is not there");
    assert_int_equal(rt_ranks_agree(RT_ERR_IO, &err), RT_ERR_IO);
    assert_string_equal(err.what, "is not there");
    assert_false(rt_ranks_agreed());
    rt_ranks_end();
}

static void environment(void **state)
{
    static const struct { const char *name, *value; int count; } CASE[] = {
        {"OMPI_COMM_WORLD_SIZE", "4", 4}, {"PMI_SIZE", "3", 3}, {"OMPI_COMM_WORLD_SIZE", "1", 1},
        {"OMPI_COMM_WORLD_SIZE", "many", 1}, {"PMI_SIZE", "-2", 1}, {"PMI_SIZE", "", 1}};
    rt_err err;
    (void)state;
    assert_int_equal(rt_ranks_expected(), 1);
    for (size_t i = 0; i < sizeof CASE / sizeof *CASE; i++) {
        setenv(CASE[i].name, CASE[i].value, 1);
        assert_int_equal(rt_ranks_expected(), CASE[i].count);
        /* no library stands beside this test: several processes do not begin */
        assert_int_equal(rt_ranks_begin(&err), CASE[i].count > 1 ? RT_ERR_UNSUPPORTED : RT_OK);
        if (CASE[i].count > 1) assert_non_null(strstr(err.what, "knows no MPI"));
        unsetenv(CASE[i].name);
    }
}

int main(void)
{
    unsetenv("OMPI_COMM_WORLD_SIZE");
    unsetenv("PMI_SIZE");
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_rank), cmocka_unit_test(environment)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
