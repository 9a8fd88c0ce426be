/* mmcif_writer_test.c - what is written is read back: sequences, entities, names, numbers */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "io/mmcif_writer.h"
#include "io/structure.h"

static rt_cif *print_and_open(rt_text *text, const rt_mmcif_model *model)
{
    rt_err err = {0};
    rt_cif *cif = NULL;
    assert_int_equal(rt_mmcif_print(text, model, &err), RT_OK);
    if (rt_cif_open(&cif, text->data, text->length, "own.cif", &err) != RT_OK)
        fail_msg("%d: %s", (int)err.line, err.what);
    return cif;
}

static void check_cell(const rt_cif *cif, const char *category, const char *item, int64_t row, const char *want)
{
    rt_cif_table table;
    assert_true(rt_cif_find(&table, cif, 0, category));
    assert_true(row < table.n_row);
    rt_cif_value value = rt_cif_get(&table, row, rt_cif_column(&table, item));
    if (!rt_cif_equals(value, want)) fail_msg("%s.%s is '%.*s'", category, item, value.length, value.text);
}

static int64_t count_rows(const rt_cif *cif, const char *category)
{
    rt_cif_table table;
    assert_true(rt_cif_find(&table, cif, 0, category));
    return table.n_row;
}

/* Chains A and C are copies; B's sequence is longer than a line of the file. */
static const char LONG[] =
    "ACGUACGUACGUACGUACGUACGUACGUACGUACGUACGU"
    "ACGUACGUACGUACGUACGUACGUACGUACGUACGUACGUGAN";
static const rt_mmcif_chain CHAINS[] = {{"A", "GU"}, {"B", LONG}, {"C", "GU"}};
static const rt_mmcif_atom ATOMS[] = {
    {0, "P", "P"}, {0, "O5'", "O"}, {1, "C1'", "C"}, {2, "C1'", "C"}, {84, "N1", "N"}, {85, "N9", "N"},
    {86, "N1", "N"}};
static const float XYZ[] = {1.5f, -2.0004f, 3.12351f, -0.0004f, 0, 1234.5f, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 1, 1,
                            2, 2, 2};
static const float PLDDT[] = {0.9f, 0.7f, 0.505f, 0.25f, 1, 0, 0.5f};
static const rt_mmcif_model MODEL = {"my target#1", CHAINS, 3, ATOMS, 7, XYZ, PLDDT, NULL};

static void every_category_says_what_the_input_said(void **state)
{
    (void)state;
    rt_text text = {0};
    rt_cif *cif = print_and_open(&text, &MODEL);
    assert_int_equal(rt_cif_block_name(cif, 0).length, 11);
    assert_memory_equal(rt_cif_block_name(cif, 0).text, "my_target#1", 11);
    check_cell(cif, "_entry", "id", 0, "my_target#1");
    assert_int_equal(count_rows(cif, "_entity"), 2);
    check_cell(cif, "_entity", "pdbx_number_of_molecules", 0, "2");
    check_cell(cif, "_entity_poly", "type", 1, "polyribonucleotide");
    check_cell(cif, "_entity_poly", "pdbx_strand_id", 0, "A,C");
    check_cell(cif, "_entity_poly", "pdbx_strand_id", 1, "B");
    check_cell(cif, "_entity_poly", "pdbx_seq_one_letter_code_can", 0, "GU");
    char folded[128];
    snprintf(folded, sizeof folded, "%.80s\n%s", LONG, LONG + 80);
    check_cell(cif, "_entity_poly", "pdbx_seq_one_letter_code", 1, folded);
    assert_int_equal(count_rows(cif, "_entity_poly_seq"), 2 + (int64_t)strlen(LONG));
    check_cell(cif, "_entity_poly_seq", "mon_id", 1, "U");
    check_cell(cif, "_entity_poly_seq", "num", 2, "1");
    check_cell(cif, "_entity_poly_seq", "entity_id", 2, "2");
    check_cell(cif, "_struct_asym", "entity_id", 1, "2");
    check_cell(cif, "_struct_asym", "entity_id", 2, "1");
    assert_int_equal(count_rows(cif, "_chem_comp"), 5);
    check_cell(cif, "_chem_comp", "type", 4, "RNA linking");
    check_cell(cif, "_chem_comp", "name", 0, "ADENOSINE-5'-MONOPHOSPHATE");
    assert_int_equal(count_rows(cif, "_atom_type"), 4);
    check_cell(cif, "_ma_qa_metric", "mode", 1, "local");
    check_cell(cif, "_ma_qa_metric_global", "metric_value", 0, "55.07");
    assert_int_equal(count_rows(cif, "_ma_qa_metric_local"), 6);   /* residues with atoms */
    check_cell(cif, "_ma_qa_metric_local", "metric_value", 0, "80.00");
    check_cell(cif, "_ma_qa_metric_local", "label_asym_id", 2, "B");
    check_cell(cif, "_ma_qa_metric_local", "label_seq_id", 3, "83");
    check_cell(cif, "_ma_qa_metric_local", "label_comp_id", 3, "N");
    check_cell(cif, "_atom_site", "Cartn_x", 1, "0.000");
    check_cell(cif, "_atom_site", "Cartn_y", 0, "-2.000");
    assert_non_null(strstr(text.data, " \"C1'\" "));   /* quoted, though CIF would read it bare */
    rt_cif_close(cif);
    rt_text_free(&text);
}

static void atoms_are_read_back(void **state)
{
    (void)state;
    rt_text text = {0};
    rt_cif *cif = print_and_open(&text, &MODEL);
    rt_structure s;
    rt_err err;
    assert_int_equal(rt_structure_read(&s, cif, 0, &err), RT_OK);
    assert_int_equal(s.n_atom, MODEL.n_atom);
    static const char *const CHAIN[] = {"A", "A", "A", "B", "B", "C", "C"};
    static const char *const ENTITY[] = {"1", "1", "1", "2", "2", "1", "1"};
    static const int NUMBER[] = {1, 1, 2, 1, 83, 1, 2};
    static const char *const RESIDUE[] = {"G", "G", "U", "A", "N", "G", "U"};
    for (int64_t a = 0; a < s.n_atom; a++) {
        assert_string_equal(s.atom[a].name, ATOMS[a].name);
        assert_string_equal(s.atom[a].element, ATOMS[a].element);
        assert_string_equal(s.atom[a].residue, RESIDUE[a]);
        assert_string_equal(s.atom[a].label_chain, CHAIN[a]);
        assert_string_equal(s.atom[a].auth_chain, CHAIN[a]);
        assert_string_equal(s.atom[a].entity, ENTITY[a]);
        assert_int_equal(s.atom[a].label_number, NUMBER[a]);
        assert_int_equal(s.atom[a].auth_number, NUMBER[a]);
        assert_true(s.atom[a].occupancy == 1 && s.atom[a].model == 1);
        assert_true(fabs(s.atom[a].b_factor - 100 * PLDDT[a]) <= 0.00501);
        for (int i = 0; i < 3; i++) assert_true(fabs(s.atom[a].xyz[i] - XYZ[3 * a + i]) <= 0.000501);
    }
    rt_structure_free_members(&s);
    rt_cif_close(cif);
    rt_text_free(&text);
}

static void what_is_no_prediction_is_refused(void **state)
{
    (void)state;
    float xyz[21];
    memcpy(xyz, XYZ, sizeof xyz);
    xyz[8] = NAN;
    rt_mmcif_model model = MODEL;
    model.xyz = xyz;
    rt_err err;
    char path[64];
    snprintf(path, sizeof path, "/tmp/rt_mmcif_%ld.cif", (long)getpid());
    assert_int_equal(rt_mmcif_write(path, &model, &err), RT_ERR_FORMAT);
    assert_non_null(strstr(err.what, "atom C1' of residue 2, chain A"));
    assert_false(rt_file_exists(path));
    rt_mmcif_chain chain = {"A", "GAT"};
    model = (rt_mmcif_model){"t", &chain, 1, ATOMS, 0, XYZ, PLDDT, NULL};
    assert_int_equal(rt_mmcif_write(path, &model, &err), RT_ERR_FORMAT);
    assert_non_null(strstr(err.what, "residue 3 of chain A is 'T'"));
    assert_int_equal(rt_mmcif_write("/nonexistent/x.cif", &MODEL, &err), RT_ERR_IO);
    assert_int_equal(rt_mmcif_write(path, &MODEL, &err), RT_OK);
    assert_true(rt_file_exists(path));
    unlink(path);
}

static void chains_have_their_usual_names(void **state)
{
    (void)state;
    static const struct { int64_t chain; const char *id; } WANT[] = {
        {0, "A"}, {25, "Z"}, {26, "AA"}, {27, "AB"}, {701, "ZZ"}, {702, "AAA"}};
    for (size_t i = 0; i < sizeof WANT / sizeof *WANT; i++) {
        char id[8];
        rt_mmcif_asym_id(id, WANT[i].chain);
        assert_string_equal(id, WANT[i].id);
    }
}

/* The reference's own file, read, written by us and read again. */
static void the_references_atoms_come_back_in_order(void **state)
{
    (void)state;
    const char *folder = getenv("RT_SHARED");
    char path[1024], sequence[64] = "", own[64];
    rt_path_join(path, sizeof path, folder ? folder : "../shared",
                 "golden/infer/hairpin30.dump.hairpin30_sample_0.cif");
    if (!rt_file_exists(path)) {
        printf("skip: %s is not here\n", path);
        skip();
    }
    rt_structure s, again;
    rt_err err;
    assert_int_equal(rt_structure_load(&s, path, &err), RT_OK);
    assert_int_equal(s.n_atom, 641);
    rt_mmcif_atom *atom = rt_alloc(s.n_atom, sizeof *atom, NULL);
    float *xyz = rt_alloc(3 * s.n_atom, sizeof *xyz, NULL), *plddt = rt_alloc(s.n_atom, sizeof *plddt, NULL);
    for (int64_t a = 0; a < s.n_atom; a++) {
        atom[a].residue = s.atom[a].label_number - 1;
        memcpy(atom[a].name, s.atom[a].name, sizeof atom[a].name);
        memcpy(atom[a].element, s.atom[a].element, sizeof atom[a].element);
        sequence[atom[a].residue] = s.atom[a].residue[0];
        for (int i = 0; i < 3; i++) xyz[3 * a + i] = (float)s.atom[a].xyz[i];
        plddt[a] = s.atom[a].b_factor / 100;
    }
    rt_mmcif_chain chain = {"A", sequence};
    rt_mmcif_model model = {"hairpin30", &chain, 1, atom, s.n_atom, xyz, plddt, NULL};
    snprintf(own, sizeof own, "/tmp/rt_mmcif_%ld.cif", (long)getpid());
    assert_int_equal(rt_mmcif_write(own, &model, &err), RT_OK);
    assert_int_equal(rt_structure_load(&again, own, &err), RT_OK);
    assert_int_equal(again.n_atom, s.n_atom);
    for (int64_t a = 0; a < s.n_atom; a++) {
        const rt_atom *x = &s.atom[a], *y = &again.atom[a];
        assert_string_equal(x->name, y->name);
        assert_string_equal(x->element, y->element);
        assert_string_equal(x->residue, y->residue);
        assert_string_equal(x->label_chain, y->label_chain);
        assert_string_equal(x->auth_chain, y->auth_chain);
        assert_string_equal(x->entity, y->entity);
        assert_true(x->label_number == y->label_number && x->auth_number == y->auth_number && x->model == y->model);
        assert_true(x->occupancy == y->occupancy);
        assert_true(fabs(x->b_factor - y->b_factor) < 1e-4);
        for (int i = 0; i < 3; i++) assert_true(fabs(x->xyz[i] - y->xyz[i]) <= 0.000501);
    }
    if (!getenv("RT_KEEP")) unlink(own);
    free(atom);
    free(xyz);
    free(plddt);
    rt_structure_free_members(&s);
    rt_structure_free_members(&again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_category_says_what_the_input_said),
        cmocka_unit_test(atoms_are_read_back),
        cmocka_unit_test(what_is_no_prediction_is_refused),
        cmocka_unit_test(chains_have_their_usual_names),
        cmocka_unit_test(the_references_atoms_come_back_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
