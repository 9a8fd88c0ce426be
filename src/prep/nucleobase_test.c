#include "io/io_test.h"

#include <math.h>

#include "prep/nucleobase.h"

enum { STRIDE = RT_SLOT_COUNT * 3 };

/* An ideal base with its C1' in the standard frame, on the other side of the pair when `partner`. */
static void put_ideal(float *residue, char letter, bool partner)
{
    const rt_nucleobase *base = rt_nucleobase_of(letter);
    double sign = partner ? -1 : 1;
    for (int k = 0; k < STRIDE; k++) residue[k] = NAN;
    for (int i = -1; i < base->n; i++) {
        const double *at = i < 0 ? base->c1 : base->atom[i].xyz;
        float *to = residue + 3 * (i < 0 ? RT_SLOT_C1P : base->atom[i].slot);
        to[0] = (float)at[0], to[1] = (float)(sign * at[1]), to[2] = (float)(sign * at[2]);
    }
}

static double apart(const float *a, int slot_a, const float *b, int slot_b)
{
    double sum = 0;
    for (int d = 0; d < 3; d++) sum += pow((double)a[3 * slot_a + d] - (double)b[3 * slot_b + d], 2);
    return sqrt(sum);
}

static void rings_are_closed(void **state)
{
    (void)state;
    static const struct { char letter; int bonds; } KNOWN[] = {{'A', 11}, {'C', 8}, {'G', 12}, {'U', 8}};
    for (int k = 0; k < 4; k++) {
        const rt_nucleobase *base = rt_nucleobase_of(KNOWN[k].letter);
        int bonds = 0;
        for (int i = 0; i < base->n; i++)
            for (int j = 0; j < i; j++) {
                double sum = 0;
                for (int d = 0; d < 3; d++) sum += pow(base->atom[i].xyz[d] - base->atom[j].xyz[d], 2);
                assert_true(sqrt(sum) > 1.2);
                bonds += sqrt(sum) < 1.45;
            }
        assert_int_equal(bonds, KNOWN[k].bonds);
    }
}

/* Any Watson-Crick pair in the place of any other: its hydrogen bonds are those of an ideal one. */
static void pairs_are_isosteric(void **state)
{
    (void)state;
    static const char *const PAIRS[] = {"GC", "CG", "AU", "UA"};
    float a[STRIDE], b[STRIDE];
    double worst = 0;
    for (int from = 0; from < 4; from++)
        for (int to = 0; to < 4; to++) {
            put_ideal(a, PAIRS[from][0], false);
            put_ideal(b, PAIRS[from][1], true);
            assert_true(rt_nucleobase_replace(a, PAIRS[from][0], PAIRS[to][0]));
            assert_true(rt_nucleobase_replace(b, PAIRS[from][1], PAIRS[to][1]));
            bool purine = rt_nucleobase_of(PAIRS[to][0])->purine;
            double middle = apart(a, purine ? RT_SLOT_N1 : RT_SLOT_N3, b, purine ? RT_SLOT_N3 : RT_SLOT_N1);
            worst = fmax(worst, fabs(middle - 2.93));
        }
    print_message("note: N1-N3 of rebuilt ideal pairs: 2.93 A within %.3f\n", worst);
    assert_true(worst < 0.12);
}

static void old_atoms_go_and_c1_stays(void **state)
{
    (void)state;
    float r[STRIDE], before[STRIDE];
    put_ideal(r, 'G', false);
    r[3 * RT_SLOT_P] = 1, r[3 * RT_SLOT_P + 1] = 2, r[3 * RT_SLOT_P + 2] = 3;
    memcpy(before, r, sizeof r);
    assert_true(rt_nucleobase_replace(r, 'G', 'U'));
    assert_memory_equal(r + 3 * RT_SLOT_P, before + 3 * RT_SLOT_P, 3 * sizeof *r);
    assert_memory_equal(r + 3 * RT_SLOT_C1P, before + 3 * RT_SLOT_C1P, 3 * sizeof *r);
    assert_true(isnan(r[3 * RT_SLOT_N9]) && isnan(r[3 * RT_SLOT_O6]) && isnan(r[3 * RT_SLOT_N2]));
    assert_true(isfinite(r[3 * RT_SLOT_O4]) && isfinite(r[3 * RT_SLOT_O2]));
    assert_true(fabs(apart(r, RT_SLOT_C1P, r, RT_SLOT_N1) - 1.47) < 0.005);
    /* a base that is not whole stays as it is */
    memcpy(r, before, sizeof r);
    r[3 * RT_SLOT_N7] = NAN;
    memcpy(before, r, sizeof r);
    assert_false(rt_nucleobase_replace(r, 'G', 'U'));
    assert_memory_equal(r, before, sizeof r);
}

/* Pseudouridine: C5 where uridine has N1, so that the bond to be kept is no bond. */
static void base_must_stand_on_its_nitrogen(void **state)
{
    (void)state;
    static const int SWAP[][2] = {{RT_SLOT_N1, RT_SLOT_C5}, {RT_SLOT_C2, RT_SLOT_C4}, {RT_SLOT_O2, RT_SLOT_O4}};
    float r[STRIDE], before[STRIDE];
    put_ideal(r, 'U', false);
    for (int k = 0; k < 3; k++)
        for (int d = 0; d < 3; d++) {
            float *a = &r[3 * SWAP[k][0] + d], *b = &r[3 * SWAP[k][1] + d], was = *a;
            *a = *b, *b = was;
        }
    memcpy(before, r, sizeof r);
    for (int k = 0; k < 4; k++) assert_false(rt_nucleobase_replace(r, 'U', "ACGU"[k]));
    assert_memory_equal(r, before, sizeof r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rings_are_closed), cmocka_unit_test(pairs_are_isosteric),
                                       cmocka_unit_test(old_atoms_go_and_c1_stays),
                                       cmocka_unit_test(base_must_stand_on_its_nitrogen)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
