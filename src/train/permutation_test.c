/* permutation_test.c - the label takes the names of the oxygens that suit the prediction, as the reference's does */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "train/permutation.h"
#include "train/train_test.h"

static void permutation_is_the_reference_s(void **state)
{
    test_case c;
    int64_t n_permuted, n_moved = 0;
    (void)state;
    if (!test_case_open(&c, "dataset/permutation.safetensors", "label_in", "mask_in")) skip();
    rt_tensor want = test_golden(&c, "label_out"), mask = test_golden(&c, "mask_out"), in = test_golden(&c, "label_in");
    rt_permutation_match(&c.label, &n_permuted, &c.features, rt_at(test_golden(&c, "x_mini"), 0));
    for (int64_t a = 0; a < c.label.n_atom; a++) {
        int seen = ((uint8_t *)c.label.coordinate_mask.data)[a];
        assert_int_equal(seen, (int)rt_get(mask, a));
        for (int d = 0; d < 3 && seen; d++)
            assert_true(rt_get(c.label.coordinate, 3 * a + d) == rt_get(want, 3 * a + d));
        n_moved += rt_get(in, 3 * a) != rt_get(want, 3 * a);
    }
    assert_true(n_moved >= 18 && n_permuted >= 9);   /* every third residue was swapped, one of them three ways */
    print_message("note: %lld residues take other names, %lld atoms move, as in the golden file\n",
                  (long long)n_permuted, (long long)n_moved);
    test_case_close(&c);
}

static int64_t atom_of(const rt_features *f, int64_t token, const char *name)
{
    for (int64_t a = 0; a < f->n_atom; a++) {
        char here[5];
        rt_label_atom_name(here, f, a);
        if (((const int64_t *)f->atom_to_token_idx.data)[a] == token && strcmp(here, name) == 0) return a;
    }
    fail_msg("token %lld has no %s", (long long)token, name);
    return -1;
}

/* Each of the six ways at the 5' end, a swap of an atom that is not resolved, and a label that fits stays. */
static void every_assignment_is_found(void **state)
{
    static const int way[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    static const char *const oxygen[3] = {"OP1", "OP2", "OP3"};
    test_case c;
    (void)state;
    if (!test_case_open(&c, "dataset/permutation.safetensors", "label_in", "mask_in")) skip();
    rt_tensor truth = c.label.coordinate;
    float *y = truth.data;
    memset(c.label.coordinate_mask.data, 1, (size_t)c.label.n_atom);
    c.label.n_resolved = c.label.n_atom;
    int64_t atom[3];
    for (int k = 0; k < 3; k++) atom[k] = atom_of(&c.features, 0, oxygen[k]);
    double x[641 * 3];
    rt_tensor prediction = RT_WRAP(x, RT_F64, c.label.n_atom, 3);
    for (int w = 0; w < 6; w++) {
        float keep[3][3];
        int64_t n_permuted;
        for (int64_t i = 0; i < 3 * c.label.n_atom; i++) x[i] = y[i];
        for (int k = 0; k < 3; k++) memcpy(keep[k], y + 3 * atom[k], sizeof keep[k]);
        for (int k = 0; k < 3; k++)
            for (int d = 0; d < 3; d++) x[3 * atom[k] + d] = keep[way[w][k]][d];
        rt_permutation_match(&c.label, &n_permuted, &c.features, prediction);
        assert_int_equal(n_permuted, w != 0);
        for (int k = 0; k < 3; k++) assert_memory_equal(y + 3 * atom[k], keep[way[w][k]], sizeof keep[k]);
    }
    /* OP2 of token 9 is not resolved and lies where the label has OP1: the label's one oxygen is OP2 then */
    int64_t op1 = atom_of(&c.features, 9, "OP1"), op2 = atom_of(&c.features, 9, "OP2"), n_permuted;
    uint8_t *mask = c.label.coordinate_mask.data;
    mask[op2] = 0;
    c.label.n_resolved--;
    for (int64_t i = 0; i < 3 * c.label.n_atom; i++) x[i] = y[i];
    for (int d = 0; d < 3; d++) x[3 * op2 + d] = y[3 * op1 + d], x[3 * op1 + d] = y[3 * op1 + d] + 2.5;
    rt_permutation_match(&c.label, &n_permuted, &c.features, prediction);
    assert_int_equal(n_permuted, 1);
    assert_true(mask[op1] == 0 && mask[op2] == 1);
    /* fewer than three resolved atoms: nothing to superpose on */
    memset(mask, 0, (size_t)c.label.n_atom);
    mask[op2] = mask[op2 + 1] = 1;
    c.label.n_resolved = 2;
    rt_permutation_match(&c.label, &n_permuted, &c.features, prediction);
    assert_int_equal(n_permuted, 0);
    test_case_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(permutation_is_the_reference_s),
                                       cmocka_unit_test(every_assignment_is_found)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
