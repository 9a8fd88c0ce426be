/* structure_scores_test.c - similarities do not depend on place or threads, a clash is one, the consensus is a mean */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "confidence/structure_scores.h"
#include "feat/conformer.h"

enum { N = 40, S = 5 };

/* Structure s: a walk; s = 1 is s = 0 turned and moved, others have more and more noise; the last is not finite. */
static void make_walks(double *c1)
{
    rt_rng rng = rt_rng_make(3, 1, 4, RT_DRAW_WEIGHTS), turn = rt_rng_make(3, 1, 5, RT_DRAW_WEIGHTS);
    double r[9];
    rt_rng_rotation(&turn, 0, r);
    for (int i = 0; i < N; i++)
        for (int d = 0; d < 3; d++)
            c1[3 * i + d] = (i ? c1[3 * (i - 1) + d] : 0) + 4 * rt_rng_normal(&rng, (uint64_t)(3 * i + d));
    for (int i = 0; i < N; i++)
        for (int d = 0; d < 3; d++) {
            double x = 0;
            for (int e = 0; e < 3; e++) x += r[3 * d + e] * c1[3 * i + e];
            c1[3 * (N + i) + d] = x + 70;
        }
    for (int s = 2; s < S; s++)
        for (int i = 0; i < 3 * N; i++)
            c1[3 * N * s + i] = c1[i] + 3 * (s - 1) * rt_rng_normal(&rng, (uint64_t)(1000 * s + i));
    c1[3 * N * (S - 1)] = NAN;
}

static void similarities(void **state)
{
    (void)state;
    static double c1[S * N * 3];
    double one[S * S], three[S * S], consensus[S];
    rt_err err;
    rt_pool *pool;
    make_walks(c1);
    assert_int_equal(rt_pool_create(&pool, 1, &err), RT_OK);
    assert_int_equal(rt_structure_similarity(one, pool, c1, S, N, &err), RT_OK);
    rt_pool_free(pool);
    assert_int_equal(rt_pool_create(&pool, 3, &err), RT_OK);
    assert_int_equal(rt_structure_similarity(three, pool, c1, S, N, &err), RT_OK);
    rt_pool_free(pool);
    assert_memory_equal(one, three, sizeof one);
    assert_true(one[0] == 1 && fabs(one[1] - 1) < 1e-6);
    assert_true(one[2] < 0.95 && one[3] < one[2] && one[4] == 0);
    for (int i = 0; i < S; i++)
        for (int k = 0; k < S; k++) assert_true(one[i * S + k] == one[k * S + i]);
    rt_structure_consensus(consensus, one, S);
    assert_true(fabs(consensus[0] - (one[1] + one[2] + one[3]) / 4) < 1e-12);
    assert_true(consensus[0] > consensus[3] && consensus[4] == 0);
    rt_structure_consensus(consensus, one, 1);
    assert_true(isnan(consensus[0]));
}

static void clashes(void **state)
{
    (void)state;
    rt_input input = {0};
    rt_features f;
    rt_arena *arena;
    rt_err err;
    double score, c1[8 * 3];
    assert_int_equal(rt_arena_create(&arena, "test", 1 << 24, &err), RT_OK);
    assert_int_equal(rt_input_set_sequence(&input, "t", "GGCCAAGU", &err), RT_OK);
    assert_int_equal(rt_features_build(&f, arena, &input, rt_conformers_default(), 1, NULL, &err), RT_OK);
    float *xyz = calloc((size_t)f.n_atom * 3, sizeof *xyz);
    rt_tensor x = RT_WRAP(xyz, RT_F32, f.n_atom, 3);
    for (int64_t a = 0; a < f.n_atom; a++) xyz[3 * a] = 20 * (float)a;   /* far apart */
    assert_int_equal(rt_structure_clash(&score, &f, x, &err), RT_OK);
    assert_true(score == 0);
    int64_t first = ((int64_t *)f.centre_atom.data)[1], last = ((int64_t *)f.centre_atom.data)[6];
    rt_structure_c1(c1, &f, x);
    assert_true(c1[3] == 20.0 * (double)first && c1[18] == 20.0 * (double)last && c1[19] == 0);
    xyz[3 * last] = xyz[3 * first] + 1;   /* two carbons of residues that are no neighbours */
    assert_int_equal(rt_structure_clash(&score, &f, x, &err), RT_OK);
    assert_true(fabs(score - 1000.0 / (double)f.n_atom) < 1e-9);
    xyz[3 * last] = xyz[3 * (first + 1)] + 1;   /* and a carbon with the next atom's place */
    xyz[0] = NAN;
    assert_int_equal(rt_structure_clash(&score, &f, x, &err), RT_OK);
    assert_true(isnan(score));
    free(xyz);
    rt_input_free_members(&input);
    rt_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(similarities), cmocka_unit_test(clashes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
