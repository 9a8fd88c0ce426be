/* chain_table_test.c - Rfam's table of PDB chains, RNA3DB's tables and JSON; RNA3DB's published split holds */
#include "io/io_test.h"

#include <math.h>

#include "io/test_files.h"
#include "prep/chain_table.h"
#include "prep/components.h"

static rt_err err;

static void names(void **state)
{
    (void)state;
    char out[RT_CHAIN_NAME];
    assert_true(rt_chain_name(out, "1SCL_A"));
    assert_string_equal(out, "1scl_A");
    assert_true(rt_chain_name(out, "4v4y_BB"));
    assert_string_equal(out, "4v4y_BB");
    assert_false(rt_chain_name(out, "R1107"));
    assert_false(rt_chain_name(out, "1SCL"));
    assert_false(rt_chain_name(out, "1SCL_"));
    assert_false(rt_chain_name(out, "ABCD_A"));
    assert_false(rt_chain_name(out, "1SC"));
    rt_part part;
    assert_true(rt_part_find(&part, "valid_set") && part == RT_PART_VALIDATION);
    assert_true(rt_part_find(&part, "train") && part == RT_PART_TRAIN);
    assert_false(rt_part_find(&part, "other"));
}

static void rfam(void **state)
{
    (void)state;
    rt_chain_table t;
    int64_t n;
    static const char CSV[] = "rfam_acc,pdb_id,chain,evalue_score,pdb_start,pdb_end,id\nRF2,1abc,A,1e-3,9,20,two\n"
                              "RF1,1ABC,A,1e-9,1,8,one\nRF1,2abc,,1,1,1,one\nRF3,1abc,a,,1,8,three\n";
    expect_ok(rt_chain_table_read_rfam(&t, test_file("rfam.csv", CSV), &err), &err);
    assert_int_equal(t.n, 3);
    assert_int_equal(t.n_unnamed, 1);
    const rt_chain_row *row = rt_chain_table_find(&t, "1abc_A", &n);
    assert_int_equal(n, 2);
    assert_string_equal(row[0].group, "RF1");          /* the surer one first */
    assert_string_equal(row[1].label, "two");
    row = rt_chain_table_find(&t, "1abc_a", &n);       /* chains differ by case, codes do not */
    assert_true(n == 1 && isnan(row->evalue));
    assert_null(rt_chain_table_find(&t, "9abc_A", &n));
    rt_chain_table_free_members(&t);
    expect_ok(rt_chain_table_read_rfam(&t, test_file("rfam.tsv", "rfam_acc\tpdb_id\tchain\nRF00005\t1ehz\tA\n"), &err),
              &err);
    assert_int_equal(t.n, 1);
    rt_chain_table_free_members(&t);
    assert_int_equal(rt_chain_table_read_rfam(&t, test_file("bad.csv", "rfam_acc,pdb_id\nRF1,1abc\n"), &err),
                     RT_ERR_FORMAT);
    expect_word(err.what, "no column 'chain'");
    assert_int_equal(rt_chain_table_read_rfam(&t, test_file("bad.csv", "rfam_acc,pdb_id,chain\nRF1,hello,A\n"), &err),
                     RT_ERR_FORMAT);
    expect_word(err.what, "no PDB code");
    assert_int_equal(err.line, 2);
    assert_int_equal(rt_chain_table_read_rfam(&t, test_file("bad.csv", "rfam_acc,pdb_id,chain\n,1abc,A\n"), &err),
                     RT_ERR_FORMAT);
    expect_word(err.what, "has no family");
}

/* The layout of RNA3DB's split.json and cluster.json. */
#define DETAILS "{\"release_date\": \"2000-10-02\", \"structure_method\": \"x-ray diffraction\", " \
                "\"resolution\": 1.93, " \
                "\"length\": 76, \"sequence\": \"GCGGAUUU\"}"
#define COMPONENT(name, a, b) "\"" name "\": {\"" a "\": {\"" a "\": " DETAILS ", \"" b "\": " DETAILS "}}"

static void rna3db_json(void **state)
{
    (void)state;
    rt_chain_table t;
    int64_t n;
    static const char SPLIT[] = "{\"train_set\": {" COMPONENT("component_1", "1ehz_A",
                                                              "1evv_A") "},\n \"valid_set\": {},\n"
                                " \"test_set\": {" COMPONENT("component_2", "1y26_X", "4tzx_X") "}}\n";
    static const char CLUSTER[] = "{" COMPONENT("component_1", "1ehz_A", "1evv_A") "}";
    expect_ok(rt_chain_table_read_rna3db(&t, test_file("split.json", SPLIT), &err), &err);
    assert_int_equal(t.n, 4);
    const rt_chain_row *row = rt_chain_table_find(&t, "4tzx_X", &n);
    assert_string_equal(row->group, "component_2");
    assert_int_equal(row->part, RT_PART_TEST);
    rt_chain_table_free_members(&t);
    expect_ok(rt_chain_table_read_rna3db(&t, test_file("cluster.json", CLUSTER), &err), &err);
    assert_int_equal(t.n, 2);
    assert_int_equal(t.row[0].part, RT_PART_NONE);
    rt_chain_table_free_members(&t);
    static const struct { const char *text, *word; } BAD[] = {
        {"{\"train_set\": [], \"test_set\": {}}", "expected to be an object"},
        {"{\"component_1\": 3}", "not an object of clusters"},
        {"{\"component_1\": {\"1ehz_A\": 3}}", "not an object of chains"},
        {"{\"component_1\": {\"1ehz_A\": {\"hello\": {}}}}", "no PDB chain"},
        {"{\"train_set\": {}, \"other\": {}}", "no part of a split"},
        {"{\"a\": {" COMPONENT("x", "1ehz_A", "1evv_A") "}", "'"},
        {"{\"component_1\": {\"1ehz_A\": {\"1ehz_A\": {}}}, \"component_2\": {\"1ehz_A\": {\"1ehz_A\": {}}}}",
         "and in component_2"},
        {"{}", "has no chain"},
        {"full_id,component,dataset\n1ehz_A,component_1,other\n", "no part of a split"},
        {"full_id,component,dataset\nehz,component_1,train_set\n", "no PDB chain"},
        {"full_id,dataset\n1ehz_A,train_set\n", "no column 'component'"},
    };
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        assert_int_equal(rt_chain_table_read_rna3db(&t, test_file("bad", BAD[i].text), &err), RT_ERR_FORMAT);
        expect_word(err.what, BAD[i].word);
    }
}

/* RNA3DB's published split: no component and no Rfam family in two parts. */
static void rna3db_published(void **state)
{
    (void)state;
    rt_chain_table split, rfam_table;
    int64_t count[3] = {0}, n, crossing = 0, with_family = 0, components = 0;
    expect_ok(rt_chain_table_read_rna3db(&split, shared("data/splits/rna3db2d_final_selected_dataset.csv.gz"), &err),
              &err);
    expect_ok(rt_chain_table_read_rfam(&rfam_table, shared("data/splits/RFAM_families_27062023.csv.gz"), &err), &err);
    assert_int_equal(split.n, 759);
    for (int64_t i = 0; i < split.n; i++) {
        bool seen = false;
        count[split.row[i].part]++;
        for (int64_t k = 0; k < i; k++) {
            if (strcmp(split.row[i].group, split.row[k].group) != 0) continue;
            seen = true;
            crossing += split.row[i].part != split.row[k].part;
        }
        components += !seen;
        const rt_chain_row *a = rt_chain_table_find(&rfam_table, split.row[i].chain, &n);
        with_family += n > 0;
        for (int64_t k = 0; a && k < i; k++) {
            int64_t m;
            const rt_chain_row *b = rt_chain_table_find(&rfam_table, split.row[k].chain, &m);
            for (int64_t x = 0; x < n; x++)
                for (int64_t y = 0; y < m; y++)
                    crossing += strcmp(a[x].group, b[y].group) == 0 && split.row[i].part != split.row[k].part;
        }
    }
    print_message("%lld components; %lld chains have a family in Rfam's table\n", (long long)components,
                  (long long)with_family);
    assert_int_equal(components, 73);
    assert_int_equal(count[RT_PART_TRAIN], 469);
    assert_int_equal(count[RT_PART_VALIDATION], 128);
    assert_int_equal(count[RT_PART_TEST], 162);
    assert_true(with_family > 300);
    assert_int_equal(crossing, 0);
    rt_chain_table_free_members(&split);
    rt_chain_table_free_members(&rfam_table);
}

static void components(void **state)
{
    (void)state;
    rt_components c;
    int32_t number[7];
    int64_t n;
    expect_ok(rt_components_create(&c, 9, &err), &err);       /* 7 things and 2 that connect them */
    rt_components_join(&c, 4, 7);
    rt_components_join(&c, 6, 7);
    rt_components_join(&c, 2, 8);
    rt_components_join(&c, 1, 2);
    rt_components_join(&c, 5, 6);
    expect_ok(rt_components_number(&c, 7, number, &n, &err), &err);
    assert_int_equal(n, 4);
    const int32_t WANT[7] = {2, 1, 1, 3, 0, 0, 0};            /* largest first, then by first thing */
    assert_memory_equal(number, WANT, sizeof WANT);
    rt_components_free_members(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names), cmocka_unit_test(rfam), cmocka_unit_test(rna3db_json),
            cmocka_unit_test(rna3db_published),
        cmocka_unit_test(components),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
