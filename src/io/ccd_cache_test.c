/* ccd_cache_test.c - RDKit's molecules are read as RDKit reads them, of two versions of it */
#include "io/io_test.h"

#include <jansson.h>
#include <math.h>

#include "io/ccd_cache.h"
#include "io/rdkit_mol.h"

static rt_err err;

static rt_ccd_cache *open_cache(const char *path)
{
    rt_ccd_cache *cache;
    memset(&err, 0, sizeof err);
    expect_ok(rt_ccd_cache_open(&cache, path, &err), &err);
    return cache;
}

static const rt_ccd_component *find(rt_ccd_cache *cache, const char *code)
{
    const rt_ccd_component *component;
    expect_ok(rt_ccd_cache_find(cache, &component, code, &err), &err);
    return component;
}

/* Every line of the .tsv against the cache: code, kind, index, name, element, charge, mask, x, y, z. */
static void compare(const char *pickle, const char *table)
{
    rt_ccd_cache *cache = open_cache(fixture(pickle));
    FILE *file = fopen(fixture(table), "r");
    char code[16], kind[16], name[16];
    int index, element, charge, mask, lines = 0;
    double x[3];
    assert_non_null(file);
    assert_int_equal(rt_ccd_cache_count(cache), 10);
    assert_string_equal(rt_ccd_cache_code(cache, 0), "RNG");
    while (fscanf(file, "%15s %15s %d %15s %d %d %d %lf %lf %lf", code, kind, &index, name, &element, &charge, &mask,
                  &x[0], &x[1], &x[2]) == 10) {
        const rt_ccd_component *component = find(cache, code);
        assert_string_equal(component->code, code);
        assert_string_equal(component->conformer, kind);
        assert_true(index < component->n_atom);
        const rt_ccd_atom *atom = &component->atom[index];
        assert_string_equal(atom->name, name);
        assert_int_equal(atom->element, element);
        assert_int_equal(atom->charge, charge);
        assert_int_equal(atom->mask, mask);
        for (int k = 0; k < 3; k++) assert_true(fabs(atom->position[k] - x[k]) <= 1e-7 * (1 + fabs(x[k])));
        lines++;
    }
    fclose(file);
    assert_int_equal(lines, 340);
    assert_int_equal(find(cache, "BIG")->n_atom, 272);
    assert_int_equal(find(cache, "UNL")->n_atom, 0);
    assert_null(find(cache, "absent"));
    const rt_ccd_component *component;
    assert_int_equal(rt_ccd_cache_find(cache, &component, "QRY", &err), RT_ERR_UNSUPPORTED);
    expect_word(err.what, "'QRY' has query atoms");
    assert_int_equal(rt_ccd_cache_find(cache, &component, "LST", &err), RT_ERR_FORMAT);
    expect_word(err.what, "no conformer 9");
    assert_null(component);
    rt_ccd_cache_close(cache);
}

static void rdkit_2023(void **state)
{
    (void)state;
    compare("ccd_2023.pkl", "ccd_2023.tsv");
}

static void rdkit_2026(void **state)
{
    (void)state;
    compare("ccd_2026.pkl", "ccd_2026.tsv");
}

/* The cache that the reference's own script makes of the nucleotides. */
static void the_reference_s_cache(void **state)
{
    (void)state;
    rt_ccd_cache *cache = open_cache(fixture("ccd_reference.pkl"));
    assert_int_equal(rt_ccd_cache_count(cache), 11);
    assert_int_equal(find(cache, "A")->n_atom, 37);
    assert_string_equal(find(cache, "A")->atom[0].name, "OP3");
    assert_string_equal(find(cache, "A")->atom[1].name, "P");
    assert_int_equal(find(cache, "A")->atom[1].element, 15);
    assert_string_equal(find(cache, "A")->conformer, "rdkit");
    rt_ccd_cache_close(cache);

    json_error_t error;
    json_t *root = json_load_file(shared("golden/ccd_reference_conformers.json"), 0, &error), *one, *atom;
    const char *code;
    size_t i;
    assert_non_null(root);
    cache = open_cache(fixture("ccd_reference.pkl"));
    json_object_foreach(root, code, one) {
        const rt_ccd_component *component = find(cache, code);
        assert_non_null(component);
        assert_int_equal(component->n_atom, json_array_size(json_object_get(one, "atoms")));
        json_array_foreach(json_object_get(one, "atoms"), i, atom) {
            const rt_ccd_atom *mine = &component->atom[i];
            assert_string_equal(mine->name, json_string_value(json_object_get(atom, "name")));
            assert_int_equal(mine->charge, json_integer_value(json_object_get(atom, "charge")));
            assert_int_equal(mine->mask, json_is_true(json_object_get(atom, "mask")));
            for (size_t k = 0; k < 3; k++) {
                double x = json_number_value(json_array_get(json_object_get(atom, "pos"), k));
                assert_true(fabs(mine->position[k] - x) <= 6e-8 * fabs(x) + 1e-12);     /* single precision */
            }
        }
    }
    json_decref(root);
    rt_ccd_cache_close(cache);
}

static void not_a_cache(void **state)
{
    (void)state;
    rt_ccd_cache *cache;
    assert_int_equal(rt_ccd_cache_open(&cache, fixture("plain.p4"), &err), RT_ERR_FORMAT);
    expect_word(err.what, "entry 2 is not an RDKit molecule");      /* the first is None: a failed component */
    assert_int_equal(rt_ccd_cache_open(&cache, fixture("make_fixtures.py"), &err), RT_ERR_FORMAT);
    assert_int_equal(rt_ccd_cache_open(&cache, fixture("absent"), &err), RT_ERR_IO);
}

/* A molecule that is cut or changed anywhere: an error or other numbers, never a crash. */
static void cut_and_flipped(void **state)
{
    (void)state;
    rt_map map;
    expect_ok(rt_map_open(&map, fixture("ccd_2026.pkl"), &err), &err);
    for (int64_t at = 0; at + 4 < map.size; at++) {
        if (memcmp(map.data + at, "\xef\xbe\xad\xde", 4) != 0) continue;
        int64_t n = map.size - at < 900 ? map.size - at : 900;
        uint8_t *copy = malloc((size_t)n);
        rt_rdkit_mol mol;
        for (int64_t i = 0; i < n; i++) {
            memcpy(copy, map.data + at, (size_t)n);
            uint8_t *part = malloc((size_t)i + 1);
            memcpy(part, copy, (size_t)i);
            if (rt_rdkit_mol_read(&mol, part, i, -1, "f", "m", &err) == RT_OK) rt_rdkit_mol_free(&mol);
            free(part);
            copy[i] ^= 0x91;
            if (rt_rdkit_mol_read(&mol, copy, n, -1, "f", "m", &err) == RT_OK) rt_rdkit_mol_free(&mol);
        }
        free(copy);
    }
    rt_map_close(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rdkit_2023),            cmocka_unit_test(rdkit_2026),
        cmocka_unit_test(the_reference_s_cache), cmocka_unit_test(not_a_cache),
        cmocka_unit_test(cut_and_flipped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
