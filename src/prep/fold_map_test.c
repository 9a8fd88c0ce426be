#include "io/io_test.h"
#include "io/test_files.h"

#include "prep/augment_test.h"

#include "prep/base_fit.h"
#include "score/clash.h"

static void map_is_of_the_target(void **state)
{
    (void)state;
    int64_t pairs = 0, loops = 0, around = 0;
    for (int64_t k = 0; k < demo.n; k++) {
        const rt_fold_map *m = &demo.map[k];
        assert_int_equal(m->length, rt_dataset_at(demo.set, k)->length);
        assert_true(m->has_bases && m->has_prediction && m->around.known);
        for (int64_t i = 0; i < m->length; i++) {
            pairs += m->partner[i] > i;
            if (m->partner[i] >= 0) assert_int_equal(m->partner[m->partner[i]], i);
            assert_true(m->probability[i] >= 0 && m->probability[i] <= 1.0001f);
            around += (m->tertiary[i] & (RT_TERTIARY_CHAIN | RT_TERTIARY_LIGAND)) != 0;
        }
        for (int64_t l = 0; l < m->n_loop; l++, loops++) {
            const rt_fold_loop *loop = &m->loop[l];
            assert_true(m->partner[loop->first - 1] >= 0 && m->partner[loop->first + loop->n] >= 0);
            for (int64_t i = loop->first; i < loop->first + loop->n; i++) assert_int_equal(m->partner[i], -1);
            assert_int_equal(loop->hairpin, m->partner[loop->first - 1] == loop->first + loop->n);
        }
    }
    print_message("note: %lld pairs, %lld loops, %lld residues touch what is around them\n", (long long)pairs,
                  (long long)loops, (long long)around);
    assert_true(pairs > 60 && loops > 10 && around > 10);
}

/* A chain of two segments is two chains of a molecule. */
static void segments_are_chains(void **state)
{
    (void)state;
    float xyz[6 * 3] = {0};
    rt_molecule m;
    rt_err err;
    for (int i = 0; i < 18; i++) xyz[i] = i == 9 ? NAN : (float)i;
    expect_ok(rt_fold_map_molecule(&m, "ACGUAC", xyz, 1, "A/1:1-4;B/1:5-6", &err), &err);
    assert_int_equal(m.n_chain, 2);
    assert_int_equal(m.chain[0].n, 4);
    assert_int_equal(m.chain[1].first, 4);
    assert_int_equal(m.residue[5].chain, 1);
    assert_int_equal(m.n_resolved, 5);
    assert_false(m.residue[3].resolved);
    assert_int_equal(m.residue[4].first_atom, 3);
    rt_molecule_free_members(&m);
}

/* Clashes of all bases with other residues, by this room's count and by score/clash on the same structures with one base
 * pushed into its neighbour. */
static void a_planted_clash_is_counted(void **state)
{
    (void)state;
    rt_err err;
    const rt_target *t = rt_dataset_at(demo.set, demo.n - 1);
    float *xyz = rt_alloc(t->length * STRIDE, sizeof *xyz, &err);
    memcpy(xyz, rt_target_xyz(t, 0), (size_t)(t->length * STRIDE) * sizeof *xyz);
    rt_base_fit fit;
    expect_ok(rt_base_fit_create(&fit, xyz, t->length, &err), &err);
    int64_t i = t->length / 2;
    rt_base_clashes before = rt_base_fit_clashes(&fit, xyz, i, t->sequence[i], -1);
    float *from = xyz + (i + 1) * STRIDE, *to = xyz + i * STRIDE;
    for (int d = 0; d < 3; d++) to[3 * RT_SLOT_C5 + d] = from[3 * RT_SLOT_C5 + d] + (d == 0 ? 1.0f : 0);
    rt_base_fit_move(&fit, xyz, i);
    rt_base_clashes after = rt_base_fit_clashes(&fit, xyz, i, t->sequence[i], -1);
    rt_base_clashes without = rt_base_fit_clashes(&fit, xyz, i, t->sequence[i], i + 1);
    assert_true(after.others > before.others && rt_base_fit_is_worse(after, before));
    assert_true(without.others < after.others);
    assert_false(rt_base_fit_is_worse(before, after));
    rt_base_fit_free_members(&fit);
    free(xyz);
}

static void pairs_have_their_bonds(void **state)
{
    (void)state;
    assert_true(rt_base_fit_is_watson_crick('A', 'U') && rt_base_fit_is_watson_crick('C', 'G'));
    assert_false(rt_base_fit_is_watson_crick('G', 'U'));
    int64_t n = 0, good = 0;
    for (int64_t k = 0; k < demo.n; k++) {
        const rt_target *t = rt_dataset_at(demo.set, k);
        const float *xyz = rt_target_xyz(t, 0);
        for (int64_t i = 0; i < t->length; i++) {
            int32_t j = demo.map[k].partner[i];
            if (j < i || !rt_base_fit_is_watson_crick(t->sequence[i], t->sequence[j])) continue;
            double off = rt_base_fit_bonds(xyz + i * STRIDE, t->sequence[i], xyz + j * STRIDE, t->sequence[j]);
            double same = rt_base_fit_bonds(xyz + j * STRIDE, t->sequence[j], xyz + i * STRIDE, t->sequence[i]);
            assert_true(off == same || (isnan(off) && isnan(same)));
            good += off < 0.5;
            assert_true(isnan(rt_base_fit_bonds(xyz + i * STRIDE, 'G', xyz + j * STRIDE, 'U')));
            n++;
        }
    }
    print_message("note: %lld of %lld pairs have hydrogen bonds within 0.5 A of ideal\n", (long long)good, (long long)n);
    assert_true(n > 60 && good > 3 * n / 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(map_is_of_the_target),
        cmocka_unit_test(segments_are_chains),
        cmocka_unit_test(a_planted_clash_is_counted),
        cmocka_unit_test(pairs_have_their_bonds),
    };
    return cmocka_run_group_tests(tests, open_demo, close_demo);
}
