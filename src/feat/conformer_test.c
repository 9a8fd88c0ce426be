/* conformer_test.c - the table in the binary is the JSON that ships with it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>

#include "feat/conformer.h"
#include "io/test_files.h"

static void the_table_is_the_json(void **state)
{
    (void)state;
    static rt_conformers read;
    rt_err err;
    if (rt_conformers_read(&read, "data/ccd_reference_conformers.json", &err) != RT_OK) fail_msg("%s", err.what);
    const rt_conformers *table = rt_conformers_default();
    for (int b = 0; b < 4; b++) {
        assert_int_equal(read.base[b].n_atom, table->base[b].n_atom);
        for (int i = 0; i < table->base[b].n_atom; i++) {
            const rt_conformer_atom *x = &read.base[b].atom[i], *y = &table->base[b].atom[i];
            assert_string_equal(x->name, y->name);
            assert_int_equal(x->atomic_number, y->atomic_number);
            assert_int_equal(x->charge, y->charge);
            assert_int_equal(x->mask, y->mask);
            for (int d = 0; d < 3; d++) assert_true(x->pos[d] == y->pos[d]);
        }
    }
}

static void bases_have_their_atoms(void **state)
{
    (void)state;
    static const int n_atom[4] = {23, 21, 24, 21};
    for (int b = 0; b < 4; b++) {
        int n;
        const char *const *name = rt_conformer_names("ACGU"[b], &n);
        const rt_conformer *c = &rt_conformers_default()->base[b];
        assert_int_equal(n, n_atom[b]);
        assert_int_equal(c->n_atom, n_atom[b]);
        assert_int_equal(rt_base_index("ACGU"[b]), b);
        assert_string_equal(name[0], "OP3");
        assert_string_equal(name[12], "C1'");
        /* neighbours along the backbone are a bond apart: names and places belong together */
        const int chain[] = {1, 4, 5, 6, 8};   /* P O5' C5' C4' C3' */
        for (int i = 0; i < 4; i++) {
            const double *p = c->atom[chain[i]].pos, *q = c->atom[chain[i + 1]].pos;
            double square = 0;
            for (int d = 0; d < 3; d++) square += (p[d] - q[d]) * (p[d] - q[d]);
            assert_true(sqrt(square) > 1.35 && sqrt(square) < 1.75);
        }
        assert_int_equal(c->atom[1].atomic_number, 15);
        assert_int_equal(c->atom[0].atomic_number, 8);
    }
    assert_int_equal(rt_base_index('T'), -1);
}

static void arrays_fill_a_base_in_any_order(void **state)
{
    (void)state;
    rt_conformers made = {0};
    rt_err err = {0};
    int n, charge[25] = {0};
    bool mask[25];
    const char *name[25];
    double xyz[75];
    const char *const *order = rt_conformer_names('U', &n);
    for (int i = 0; i < n; i++) {   /* backwards, a hydrogen in front */
        name[i + 1] = order[n - 1 - i];
        charge[i + 1] = i == 3 ? -1 : 0;
        mask[i + 1] = i != 4;
        for (int d = 0; d < 3; d++) xyz[3 * (i + 1) + d] = 10 * i + d;
    }
    name[0] = "H5''";
    assert_int_equal(rt_conformers_fill(&made, 'U', n + 1, name, charge, mask, xyz, "cache", &err), RT_OK);
    assert_string_equal(made.base[3].atom[n - 1].name, order[n - 1]);
    assert_true(made.base[3].atom[n - 1].pos[2] == 2 && made.base[3].atom[0].pos[1] == 10 * (n - 1) + 1);
    assert_int_equal(made.base[3].atom[n - 4].charge, -1);
    assert_false(made.base[3].atom[n - 5].mask);

    assert_int_equal(rt_conformers_fill(&made, 'U', n, name, NULL, NULL, xyz, "cache", &err), RT_ERR_MISMATCH);
    assert_string_equal(err.what, "component U: atom OP3 is missing");
    name[2] = name[1];
    assert_int_equal(rt_conformers_fill(&made, 'U', n + 1, name, NULL, NULL, xyz, "cache", &err), RT_ERR_MISMATCH);
    assert_string_equal(err.what, "component U: atom C6 is there twice");
    name[2] = "N9";
    assert_int_equal(rt_conformers_fill(&made, 'U', n + 1, name, NULL, NULL, xyz, "cache", &err), RT_ERR_MISMATCH);
    assert_string_equal(err.what, "component U: atom 'N9' is not one of its atoms");
    xyz[3] = NAN;
    assert_int_equal(rt_conformers_fill(&made, 'U', n + 1, name, NULL, NULL, xyz, "cache", &err), RT_ERR_FORMAT);
    assert_int_equal(rt_conformers_fill(&made, 'N', 0, name, NULL, NULL, xyz, "cache", &err), RT_ERR_FORMAT);
    assert_string_equal(err.file, "cache");
}

static void bad_json_is_refused(void **state)
{
    (void)state;
    static const struct { const char *text, *what; rt_status code; } bad[] = {
        {"{\n\"A\": }", "no JSON", RT_ERR_FORMAT},
        {"", "no JSON", RT_ERR_FORMAT},
        {"[]", "component A", RT_ERR_FORMAT},
        {"{\"A\": {\"atoms\": 3}}", "component A", RT_ERR_FORMAT},
        {"{\"A\": {\"atoms\": [{\"pos\": [1, 2, 3]}]}}", "\"name\"", RT_ERR_FORMAT},
        {"{\"A\": {\"atoms\": [{\"name\": \"P\", \"pos\": [1, 2]}]}}", "\"pos\"", RT_ERR_FORMAT},
        {"{\"A\": {\"atoms\": [{\"name\": \"P\", \"pos\": [1, 2, \"x\"]}]}}", "\"pos\"", RT_ERR_FORMAT},
        {"{\"A\": {\"atoms\": [{\"name\": \"P\", \"pos\": [1, 2, 3], \"mask\": 1}]}}", "\"mask\"", RT_ERR_FORMAT},
        {"{\"A\": {\"atoms\": [{\"name\": \"P\", \"pos\": [1, 2, 3], \"charge\": 0.5}]}}", "\"charge\"", RT_ERR_FORMAT},
        {"{\"A\": {\"atoms\": [{\"name\": \"P\", \"pos\": [1, 2, 1e300]}]}}", "not finite", RT_ERR_FORMAT},
        {"{\"A\": {\"atoms\": [{\"name\": \"P\", \"pos\": [1, 2, 3]}]}}", "OP3 is missing", RT_ERR_MISMATCH},
    };
    rt_conformers made;
    rt_err err;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(rt_conformers_read(&made, test_file("c.json", bad[i].text), &err), bad[i].code);
        if (!strstr(err.what, bad[i].what)) fail_msg("%zu: '%s' lacks '%s'", i, err.what, bad[i].what);
    }
    assert_int_equal(rt_conformers_read(&made, test_path("none.json"), &err), RT_ERR_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_the_json),
        cmocka_unit_test(bases_have_their_atoms),
        cmocka_unit_test(arrays_fill_a_base_in_any_order),
        cmocka_unit_test(bad_json_is_refused),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
