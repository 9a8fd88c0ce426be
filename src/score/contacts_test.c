/* contacts_test.c - base pairs against a recorded annotation, INF by hand and against RNA-Puzzles' table */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/text.h"
#include "io/test_files.h"
#include "score/contacts.h"
#include "score/inf.h"

static void load(rt_molecule *out, rt_contacts *contacts, const char *path)
{
    rt_structure s;
    rt_err err;
    if (rt_structure_open(&s, path, &err) != RT_OK) fail_msg("%s: %s", path, err.what);
    assert_int_equal(rt_molecule_build(out, &s, 0, "C1'", path, &err), RT_OK);
    rt_structure_free_members(&s);
    assert_int_equal(rt_contacts_find(contacts, out, &err), RT_OK);
}

/* ---- 1GID: pairs and their edges (biotite's annotation: 1 Watson-Crick, 2 Hoogsteen, 3 sugar) ------------------ */

static int32_t residue_of(const rt_molecule *m, int32_t number)
{
    for (int64_t r = 0; r < m->n_residue; r++)
        if (m->residue[r].number == number) return (int32_t)r;
    return -1;
}

static void edges_of_1gid(void **state)
{
    (void)state;
    const char *shared = test_shared("1gid_edges.json");
    char path[1024];
    rt_molecule m;
    rt_contacts contacts;
    rt_err err;
    json_t *json;
    int canonical = 0, found = 0, edges = 0, agree = 0;
    if (!shared) skip();
    snprintf(path, sizeof path, "%s/data/structures/1gid.cif.gz", shared);
    load(&m, &contacts, path);
    snprintf(path, sizeof path, "%s/data/structures/1gid_edges.json", shared);
    assert_int_equal(rt_json_load(&json, path, &err), RT_OK);
    for (size_t i = 0; i < json_array_size(json); i++) {
        int32_t value[4];
        for (size_t k = 0; k < 4; k++)
            value[k] = (int32_t)json_integer_value(json_array_get(json_array_get(json, i), k));
        int32_t a = residue_of(&m, value[0]), b = residue_of(&m, value[1]);
        bool both = value[2] == 1 && value[3] == 1;
        canonical += both;
        for (int64_t c = 0; c < contacts.n; c++) {
            const rt_contact *contact = &contacts.contact[c];
            if (contact->kind == RT_CONTACT_STACK || contact->i != a || contact->j != b) continue;
            edges++;
            agree += contact->edge_i == "-WHS"[value[2]] && contact->edge_j == "-WHS"[value[3]];
            found += both && contact->edge_i == 'W' && contact->edge_j == 'W';
        }
    }
    print_message("1gid: %d of %d Watson-Crick pairs; edges agree in %d of %d pairs\n", found, canonical, agree, edges);
    assert_true(found >= 0.95 * canonical && agree >= 0.95 * edges && edges >= 55);
    json_decref(json);
    rt_contacts_free_members(&contacts);
    rt_molecule_free_members(&m);
}

/* ---- INF ------------------------------------------------------------------------------------------------------- */

#define CANONICAL .kind = RT_CONTACT_CANONICAL, .edge_i = 'W', .edge_j = 'W', .cis = true
#define OTHER(edge, opposite) .kind = RT_CONTACT_OTHER_PAIR, .edge_i = (edge), .edge_j = (opposite), .cis = true

/* Native: pairs 0-9 and 1-8, stack 0-1, sugar edge pair 2-5.  Model: 0-9, another pair 1-7, stack 0-1, 2-5 by another
 * edge. */
static void fidelity_by_hand(void **state)
{
    (void)state;
    rt_molecule m;
    rt_err err;
    rt_inf inf;
    int32_t map[10];
    rt_contact a[] = {{.i = 0, .j = 1, .kind = RT_CONTACT_STACK}, {.i = 0, .j = 9, CANONICAL, .bonds = 3},
                      {.i = 1, .j = 8, CANONICAL, .bonds = 3}, {.i = 2, .j = 5, OTHER('S', 'H'), .bonds = 2}};
    rt_contact b[] = {{.i = 0, .j = 1, .kind = RT_CONTACT_STACK}, {.i = 0, .j = 9, CANONICAL, .bonds = 2},
                      {.i = 1, .j = 7, CANONICAL, .bonds = 3}, {.i = 2, .j = 5, OTHER('S', 'W'), .bonds = 2}};
    rt_contacts native = {.contact = a, .n = 4}, model = {.contact = b, .n = 4}, none = {0};
    assert_int_equal(rt_molecule_create(&m, 10, 1, 0, &err), RT_OK);
    for (int i = 0; i < 10; i++) map[i] = i;
    assert_int_equal(rt_inf_compare(&inf, &m, &native, &m, &model, map, &err), RT_OK);
    assert_true(fabs(inf.wc - 0.5) < 1e-12 && inf.nwc == 0 && inf.stack == 1 && fabs(inf.all - 0.5) < 1e-12);
    map[9] = -1;   /* the model lacks residue 9: one of its own pairs no longer counts */
    assert_int_equal(rt_inf_compare(&inf, &m, &native, &m, &model, map, &err), RT_OK);
    assert_true(inf.wc == 0 && fabs(inf.all - sqrt(1.0 / 4 * 1.0 / 3)) < 1e-12);
    assert_int_equal(rt_inf_compare(&inf, &m, &native, &m, &none, map, &err), RT_OK);
    assert_true(inf.all == 0);
    assert_int_equal(rt_inf_compare(&inf, &m, &none, &m, &none, map, &err), RT_OK);
    assert_true(isnan(inf.all));
    for (int i = 0; i < 10; i++) map[i] = 9 - i;   /* chains in another order: a pair's edges go with its residues */
    rt_contact turned[] = {{.i = 4, .j = 7, OTHER('H', 'S'), .bonds = 2}};
    rt_contacts other = {.contact = turned, .n = 1};
    assert_int_equal(rt_inf_compare(&inf, &m, &native, &m, &other, map, &err), RT_OK);
    assert_true(inf.nwc == 1);
    turned[0].cis = false;
    assert_int_equal(rt_inf_compare(&inf, &m, &native, &m, &other, map, &err), RT_OK);
    assert_true(inf.nwc == 0);
    rt_molecule_free_members(&m);
}

typedef struct { double n, x, y, xx, yy, xy, apart; } moments;

static void add(moments *s, double x, double y)
{
    s->n++;
    s->x += x;
    s->y += y;
    s->xx += x * x;
    s->yy += y * y;
    s->xy += x * y;
    s->apart += fabs(x - y);
}

static double correlation(const moments *s)
{
    return (s->n * s->xy - s->x * s->y) / sqrt((s->n * s->xx - s->x * s->x) * (s->n * s->yy - s->y * s->y));
}

/* Model,RMSD,DI all,INF all,INF wc,INF nwc,INF stacking,...: MC-Annotate's contacts, which differ in detail. */
static void puzzles_table(void **state)
{
    (void)state;
    static const struct { const char *folder, *file, *model; } CASES[] = {
        {"rp03", "3_bujnicki_1_rpr", "Bujnicki_1"}, {"rp03", "3_chen_1_rpr", "Chen_1"}, {"rp03", "3_das_5_rpr", "Das_5"},
        {"rp03", "3_dokholyan_2_rpr", "Dokholyan_2"}, {"rp03", "3_major_2_rpr", "Major_2"},
        {"rp13", "13_Adamiak_1_rpr", "Adamiak_1"}, {"rp13", "13_Chen_1", "Chen_1"},
        {"rp14_free", "14_BujnickiPostExp_1_rpr", "BujnickiPostExp_1"}, {"rp14_free", "14_ChenPostExp_2_rpr", "ChenPostExp_2"},
        {"rp14_free", "14_DasPostExp_2_rpr", "DasPostExp_2"}, {"rp21", "21_3dRNA_1_rpr", "3dRNA_1"},
        {"rp21", "21_RNAComposer_1_rpr", "RNAComposer_1"}, {"rp21", "21_RW3D_6_rpr", "RW3D_6"},
        {"rp21", "21_simRNA_5_rpr", "simRNA_5"}};
    const char *shared = test_shared("puzzles' results.csv");
    moments all = {0}, wc = {0};
    if (!shared) skip();
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char path[1024], line[512];
        double want_all = NAN, want_wc = NAN;
        rt_molecule native, model;
        rt_contacts a, b;
        rt_inf inf;
        rt_err err;
        snprintf(path, sizeof path, "%s/data/puzzles/%s/results.csv", shared, CASES[i].folder);
        FILE *file = fopen(path, "r");
        assert_non_null(file);
        while (fgets(line, sizeof line, file)) {
            size_t n = strlen(CASES[i].model);
            if (strncasecmp(line, CASES[i].model, n) == 0 && line[n] == ',')
                assert_int_equal(sscanf(line + n, ",%*f,%*f,%lf,%lf", &want_all, &want_wc), 2);
        }
        fclose(file);
        if (isnan(want_all)) fail_msg("no %s", CASES[i].model);
        snprintf(path, sizeof path, "%s/data/puzzles/%s/native.pdb", shared, CASES[i].folder);
        load(&native, &a, path);
        snprintf(path, sizeof path, "%s/data/puzzles/%s/%s.pdb", shared, CASES[i].folder, CASES[i].file);
        load(&model, &b, path);
        int32_t *map = calloc((size_t)native.n_residue, sizeof *map);
        for (int64_t r = 0; r < native.n_residue; r++) map[r] = residue_of(&model, native.residue[r].number);
        assert_int_equal(rt_inf_compare(&inf, &native, &a, &model, &b, map, &err), RT_OK);
        add(&all, inf.all, want_all);
        add(&wc, inf.wc, want_wc);
        free(map);
        rt_contacts_free_members(&a);
        rt_contacts_free_members(&b);
        rt_molecule_free_members(&native);
        rt_molecule_free_members(&model);
    }
    print_message("INF of %d models against RNA-Puzzles: r %.3f, %.3f apart; canonical r %.3f, %.3f apart\n",
                  (int)all.n,
                  correlation(&all), all.apart / all.n, correlation(&wc), wc.apart / wc.n);
    assert_true(correlation(&all) > 0.95 && all.apart / all.n < 0.05);
    assert_true(correlation(&wc) > 0.95 && wc.apart / wc.n < 0.06);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edges_of_1gid),
        cmocka_unit_test(fidelity_by_hand),
        cmocka_unit_test(puzzles_table),
    };
    (void)test_file;
    (void)test_folder_make;
    (void)test_folder_remove;
    (void)test_stderr_begin;
    (void)test_stderr_end;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
