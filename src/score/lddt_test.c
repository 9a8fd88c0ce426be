/* lddt_test.c - lDDT, clashes: hand-worked cases, and the reference's recorded sums */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/test_files.h"
#include "io/weights.h"
#include "score/clash.h"
#include "score/lddt.h"

/* Four atoms on a line at 0, 5, 10 and 40; in the model the third is at 11.5 and the fourth at 20.  Within 15 Angstrom
 * the pairs 0-1 (kept: 1), 0-2 and 1-2 (off by 1.5: within 2 and 4, 1/2 each). */
static void a_hand_worked_case(void **state)
{
    (void)state;
    double native[] = {0, 0, 0, 5, 0, 0, 10, 0, 0, 40, 0, 0}, model[] = {0, 0, 0, 5, 0, 0, 11.5, 0, 0, 20, 0, 0};
    double sum[4], count[4], lddt;
    bool present[] = {true, true, false, true}, partner[] = {true, false, false, false};
    int32_t residue[] = {0, 0, 1, 2};
    rt_err err;
    rt_lddt_input input = {.native = native, .model = model, .n = 4, .radius = 15};
    assert_int_equal(rt_lddt(&lddt, &input, &err), RT_OK);
    assert_true(fabs(lddt - 2.0 / 3) < 1e-12);
    assert_int_equal(rt_lddt_atoms(sum, count, &input, &err), RT_OK);
    assert_true(sum[0] == 1.5 && count[0] == 2 && sum[2] == 1 && count[2] == 2 && count[3] == 0);
    input.opt_residue = residue;   /* without 0-1 */
    assert_int_equal(rt_lddt(&lddt, &input, &err), RT_OK);
    assert_true(fabs(lddt - 0.5) < 1e-12);
    input.opt_residue = NULL;
    input.opt_present = present;   /* the third is missing: its distances are lost */
    assert_int_equal(rt_lddt(&lddt, &input, &err), RT_OK);
    assert_true(fabs(lddt - 1.0 / 3) < 1e-12);
    input.opt_present = NULL;
    input.opt_partner = partner;   /* only distances to the first */
    assert_int_equal(rt_lddt_atoms(sum, count, &input, &err), RT_OK);
    assert_true(count[0] == 0 && count[1] == 1 && sum[1] == 1 && count[2] == 1 && sum[2] == 0.5);
    input.radius = 1;
    assert_int_equal(rt_lddt(&lddt, &input, &err), RT_OK);
    assert_true(isnan(lddt));
}

/* A distance at the radius does not count, a difference at a threshold is beyond it. */
static void limits_are_exclusive(void **state)
{
    (void)state;
    double native[] = {0, 0, 0, 15, 0, 0, 7, 0, 0}, model[] = {0, 0, 0, 15, 0, 0, 7.5, 0, 0}, lddt;
    rt_err err;
    rt_lddt_input input = {.native = native, .model = model, .n = 3, .radius = 15};
    assert_int_equal(rt_lddt(&lddt, &input, &err), RT_OK);
    assert_true(fabs(lddt - 0.75) < 1e-12);
}

static const rt_tensor *tensor(const rt_weights *weights, const char *name)
{
    const rt_weight *weight = rt_weights_find(weights, name);
    if (!weight) fail_msg("no tensor %s", name);
    return &weight->tensor;
}

static void the_references_sums(void **state)
{
    (void)state;
    const char *shared = test_shared("train_exact/confidence.safetensors");
    char path[1024];
    rt_weights *labels, *features;
    rt_err err;
    if (!shared) skip();
    snprintf(path, sizeof path, "%s/golden/train_exact/confidence.safetensors", shared);
    assert_int_equal(rt_weights_open(&labels, path, &err), RT_OK);
    snprintf(path, sizeof path, "%s/golden/features/hairpin30.safetensors", shared);
    assert_int_equal(rt_weights_open(&features, path, &err), RT_OK);
    const float *native = tensor(labels, "label.coordinate")->data, *model = tensor(labels, "x_mini")->data;
    const float *want_sum = tensor(labels, "label.per_atom_lddt")->data;
    const float *want_count = tensor(labels, "label.per_atom_weight")->data;
    const int64_t *mask = tensor(labels, "label.coordinate_mask")->data;
    const int64_t *rep = tensor(features, "plddt_m_rep_atom_mask")->data;
    double *x = calloc(3 * 641, sizeof *x), *y = calloc(3 * 641, sizeof *y), *sum = calloc(641, sizeof *sum);
    double *count = calloc(641, sizeof *count);
    bool *partner = calloc(641, sizeof *partner);
    int64_t n = 0;
    for (int i = 0; i < 641; i++) {
        if (!mask[i]) continue;
        for (int k = 0; k < 3; k++) {
            y[3 * n + k] = native[3 * i + k];
            x[3 * n + k] = model[3 * i + k];
        }
        partner[n++] = rep[i] != 0;
    }
    assert_int_equal(n, 580);
    rt_lddt_input input = {.native = y, .model = x, .n = n, .opt_partner = partner, .radius = 30};
    assert_int_equal(rt_lddt_atoms(sum, count, &input, &err), RT_OK);
    for (int64_t i = 0; i < n; i++)
        if (fabs(sum[i] - (double)want_sum[i]) > 1e-6 || count[i] != (double)want_count[i])
            fail_msg("atom %d: %g of %g, not %g of %g", (int)i, sum[i], count[i], (double)want_sum[i],
                     (double)want_count[i]);
    free(x);
    free(y);
    free(sum);
    free(count);
    free(partner);
    rt_weights_close(labels);
    rt_weights_close(features);
}

/* ---- clashes --------------------------------------------------------------------------------------------------- */

static void add(rt_molecule *m, int64_t atom, int32_t residue, const char *name, double x)
{
    m->atom[atom] = (rt_molecule_atom){.xyz = {x, 0, 0}, .residue = residue, .element = name[0]};
    strcpy(m->atom[atom].name, name);
}

/* Carbon and nitrogen of residues 0 and 5: radii 1.70 and 1.55 leave 2.85 Angstrom as the limit. */
static void atoms_clash_below_their_limit(void **state)
{
    (void)state;
    rt_molecule m;
    rt_err err;
    double score;
    int64_t count;
    assert_int_equal(rt_molecule_create(&m, 6, 1, 2, &err), RT_OK);
    add(&m, 0, 0, "C2", 0);
    add(&m, 1, 5, "N3", 2.84);
    assert_int_equal(rt_clash(&score, &count, &m, &err), RT_OK);
    assert_true(count == 1 && fabs(score - 500) < 1e-9);
    add(&m, 1, 5, "N3", 2.86);
    assert_int_equal(rt_clash(&score, &count, &m, &err), RT_OK);
    assert_int_equal(count, 0);
    add(&m, 1, 0, "N3", 1);   /* the same residue */
    assert_int_equal(rt_clash(&score, &count, &m, &err), RT_OK);
    assert_int_equal(count, 0);
    add(&m, 0, 0, "O3'", 0);
    add(&m, 1, 1, "P", 1.6);   /* bonded */
    assert_int_equal(rt_clash(&score, &count, &m, &err), RT_OK);
    assert_int_equal(count, 0);
    add(&m, 1, 1, "C5'", 1.6);   /* three bonds: O3'-P-O5'-C5' */
    assert_int_equal(rt_clash(&score, &count, &m, &err), RT_OK);
    assert_int_equal(count, 0);
    add(&m, 0, 0, "C3'", 0);   /* four */
    assert_int_equal(rt_clash(&score, &count, &m, &err), RT_OK);
    assert_int_equal(count, 1);
    m.n_atom = 0;
    assert_int_equal(rt_clash(&score, &count, &m, &err), RT_OK);
    assert_true(isnan(score));
    rt_molecule_free_members(&m);
}

static int64_t clashes_of(rt_molecule *m, const char *first, int32_t second_residue, const char *second, double distance)
{
    int64_t count;
    double score;
    rt_err err;
    add(m, 0, 0, first, 0);
    add(m, 1, second_residue, second, distance);
    assert_int_equal(rt_clash(&score, &count, m, &err), RT_OK);
    return count;
}

/* Across the link O3'-P atoms up to three bonds apart may be close, of this chain's next residue alone. */
static void three_bonds_across_the_link_are_no_clash(void **state)
{
    (void)state;
    rt_molecule m;
    rt_err err;
    assert_int_equal(rt_molecule_create(&m, 6, 2, 2, &err), RT_OK);
    m.residue[2].chain = 1;
    assert_int_equal(clashes_of(&m, "C3'", 1, "OP1", 2.5), 0);   /* C3'-O3'-P-OP1 */
    assert_int_equal(clashes_of(&m, "C4'", 1, "P", 2.5), 0);     /* C4'-C3'-O3'-P */
    assert_int_equal(clashes_of(&m, "O3'", 1, "C5'", 2.5), 0);   /* O3'-P-O5'-C5' */
    assert_int_equal(clashes_of(&m, "C4'", 1, "OP1", 2.5), 1);   /* four */
    assert_int_equal(clashes_of(&m, "C3'", 1, "C5'", 2.5), 1);
    assert_int_equal(clashes_of(&m, "OP1", 1, "C3'", 2.5), 1);   /* the other way round there is no link */
    assert_int_equal(clashes_of(&m, "C3'", 3, "OP1", 2.5), 1);   /* not the next residue */
    m.residue[1].chain = 1;
    assert_int_equal(clashes_of(&m, "C3'", 1, "OP1", 2.5), 1);   /* another chain's */
    assert_int_equal(clashes_of(&m, "O2", 5, "P", 2.91), 1);     /* 1.52 + 1.80 - 0.4 = 2.92, whichever comes first */
    assert_int_equal(clashes_of(&m, "P", 5, "O2", 2.91), 1);
    assert_int_equal(clashes_of(&m, "P", 5, "O2", 2.93), 0);
    rt_molecule_free_members(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hand_worked_case),
        cmocka_unit_test(limits_are_exclusive),
        cmocka_unit_test(the_references_sums),
        cmocka_unit_test(atoms_clash_below_their_limit),
        cmocka_unit_test(three_bonds_across_the_link_are_no_clash),
    };
    (void)test_file;
    (void)test_folder_make;
    (void)test_folder_remove;
    (void)test_stderr_begin;
    (void)test_stderr_end;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
