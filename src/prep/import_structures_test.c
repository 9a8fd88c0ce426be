/* import_structures_test.c - RNA chains of mmCIF and PDB files as targets */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "io/csv.h"
#include "prep/import_test.h"

static void import(const rt_import_options *opt_options) { import_with(rt_import_structures, opt_options); }

/* C1', O3' and P of a residue whose place on a straight chain is x; bonded to the one 6 Angstrom before. */
static void add_residue(rt_text *pdb, char letter, char chain, int number, double x)
{
    static const struct { const char *name; double at; } ATOMS[] = {{" P  ", 0}, {" C1'", 2}, {" O3'", 4.4}};
    for (int i = 0; i < 3; i++)
        rt_text_add(pdb, "ATOM  %5d %s   %c %c%4d    %8.3f%8.3f%8.3f  1.00  0.00           %c\n", 1, ATOMS[i].name,
                    letter, chain, number, x + ATOMS[i].at, 0.0, 0.0, ATOMS[i].name[1]);
}

static void write_pdb(const char *name, const char *head, const char *letters, const int *number, const double *x)
{
    rt_text pdb = {0};
    rt_text_add(&pdb, "%s", head);
    for (int i = 0; letters[i]; i++) add_residue(&pdb, letters[i], 'A', number[i], x[i]);
    rt_text_add(&pdb, "END\n");
    test_file(name, pdb.data);
    rt_text_free(&pdb);
}

#define HEAD                                                                          \
    "HEADER    RIBOZYME                                14-MAY-01   1ABC\n"             \
    "TITLE     A SHORT\nTITLE    2 RIBOZYME\n"                                         \
    "REVDAT   2   16-AUG-01 1ABC    1       SHEET\nREVDAT   1   18-JUN-01 1ABC    0\n" \
    "REMARK   2\nREMARK   2 RESOLUTION.    2.85 ANGSTROMS.\n"
#define SEQRES(letters) "SEQRES   1 A    8  " letters "\n"

/* Numbers of the authors that begin anywhere; a hole in the middle; a repeat that only bonds and numbers decide. */
static void laid_along_the_sequence(void **state)
{
    (void)state;
    static const int number[] = {101, 102, 106, 107};
    static const double x[] = {0, 6, 40, 46};
    write_pdb("in/1abc.pdb", HEAD SEQRES("  G   C   G   C   A   G   C   A"), "GCGC", number, x);
    import(NULL);
    const rt_target *target = rt_dataset_find(set, "1ABC_A");
    assert_non_null(target);
    assert_string_equal(target->sequence, "GCGCAGCA");
    assert_string_equal(target->cutoff, "2001-06-18");
    assert_string_equal(target->description, "A SHORT RIBOZYME");
    assert_true(target->resolution == 2.85);
    assert_true(target->completeness == 0.5);
    assert_int_equal(target->n_break, 1);
    static const int there[] = {0, 1, 5, 6};
    for (int i = 0, k = 0; i < 8; i++) {
        bool resolved = k < 4 && there[k] == i;
        if (resolved) assert_true(rt_target_c1(target, 0, i)[0] == (float)(x[k] + 2));
        else assert_true(isnan(rt_target_c1(target, 0, i)[0]));
        k += resolved;
    }
    assert_int_equal(target->origin, RT_ORIGIN_STRUCTURES);
    assert_int_equal(target->slots, RT_SLOTS_ALL);
}

static void what_is_refused(void **state)
{
    (void)state;
    static const int number[] = {1, 2, 3};
    static const double x[] = {0, 6, 40};
    write_pdb("in/1abc.pdb", HEAD, "GCA", number, x);
    write_pdb("in/1abc.ent", HEAD, "GCA", number, x);
    write_pdb("in/2fit.pdb", HEAD SEQRES("  U   U   U   U   U   U   U   U"), "GCA", number, x);
    write_pdb("in/3mod.pdb", HEAD SEQRES("  G   C   A XYZ   A   A   A   A"), "GCA", number, x);
    write_pdb("in/4old.pdb", "", "GCA", number, x);
    test_file("in/5bad.pdb", "this is no structure\n");
    test_file("in/6pro.pdb", "ATOM      1  CA  ALA A   1       0.000   0.000   0.000  1.00  0.00           C\nEND\n");
    test_file("in/7cut.cif", "data_x\nloop_\n_atom_site.id\n_atom_site.label_atom_id\n1\n");
    test_file("in/notes.txt", "nothing\n");
    rt_import_options options = options_of();
    options.before = "2001-06-18";
    import(&options);
    assert_int_equal(rt_dataset_count(set), 1);   /* the one without a date */
    assert_non_null(rt_dataset_find(set, "4OLD_A"));
    assert_string_equal(find_note("no_date", "4OLD_A")->outcome, "kept");
    assert_non_null(find_note("after_cutoff", "1ABC_A"));
    assert_non_null(strstr(find_note("unknown_residue", "3MOD_A")->detail, "residue 4 of 8"));
    assert_non_null(strstr(find_note("unreadable_file", "")->file, "5bad.pdb"));
    assert_non_null(find_note("no_rna", ""));
    assert_int_equal(fresh(state), 0);
    write_pdb("in/1abc.pdb", HEAD, "GCA", number, x);
    write_pdb("in/1abc.ent", HEAD, "GCA", number, x);
    write_pdb("in/2fit.pdb", SEQRES("  U   U   U   U   U   U   U   U"), "GCA", number, x);
    write_pdb("in/4old.pdb", "", "GCA", number, x);
    options.before = NULL;
    options.max_resolution = 2.5;
    options.max_breaks = 0;
    import(&options);
    assert_int_equal(rt_dataset_count(set), 0);
    assert_non_null(strstr(find_note("resolution", "1ABC_A")->detail, "2.85"));
    assert_non_null(find_note("chain_breaks", "4OLD_A"));
    assert_non_null(strstr(find_note("label_mismatch", "2FIT_A")->detail, "do not fit"));
    rt_dataset_close(set);
    OK(rt_dataset_remove(options.out, &err));
    options.max_resolution = 0;
    options.max_breaks = -1;
    import(&options);
    assert_int_equal(rt_dataset_count(set), 2);
    assert_non_null(strstr(find_note("duplicate_target", "1ABC_A")->detail, "1abc.ent"));
}

static void models_and_lists(void **state)
{
    (void)state;
    rt_text pdb = {0};
    for (int model = 1; model <= 3; model++) {
        rt_text_add(&pdb, "MODEL %8d\n", model);
        for (int i = 0; i < 4; i++) add_residue(&pdb, "GCAU"[i], 'A', i + 1, i * 6 + model * 100);
        for (int i = 0; i < 3 && model < 3; i++) add_residue(&pdb, "GGG"[i], 'B', i + 1, i * 6 + model * 1000);
        rt_text_add(&pdb, "ENDMDL\n");
    }
    test_file("in/1nmr.pdb", pdb.data);
    test_file("in/2nmr.pdb", pdb.data);
    test_file("in/3nmr.pdb", pdb.data);
    rt_text_free(&pdb);
    rt_import_options options = options_of();
    options.list = test_file("list.txt", "# some\n1nmr_b\n\n  2NMR.pdb \r\n9zzz_A\n");
    import(&options);
    assert_int_equal(rt_dataset_count(set), 3);
    assert_int_equal(rt_dataset_find(set, "1NMR_B")->n_conformation, 2);
    const rt_target *a = rt_dataset_find(set, "2NMR_A");
    assert_int_equal(a->n_conformation, 3);
    for (int model = 0; model < 3; model++) assert_true(rt_target_c1(a, model, 1)[0] == (float)((model + 1) * 100 + 8));
    assert_true(isnan(a->resolution) && a->cutoff[0] == 0);
    assert_string_equal(find_note("not_found", "9zzz_A")->outcome, "ignored");
    assert_int_equal(rt_dataset_note_count(set), 1);
    rt_dataset_close(set);
    OK(rt_dataset_remove(options.out, &err));
    options.max_models = 1;
    options.list = NULL;
    import(&options);
    assert_int_equal(rt_dataset_count(set), 6);
    assert_int_equal(rt_dataset_find(set, "3NMR_A")->n_conformation, 1);
}

static void nothing_to_read(void **state)
{
    (void)state;
    rt_import_options options = options_of();
    assert_int_equal(rt_import_structures(&options, &err), RT_ERR_IO);
    assert_non_null(strstr(err.hint, ".cif"));
    options.folder = "/nonexistent";
    assert_int_equal(rt_import_structures(&options, &err), RT_ERR_IO);
    test_file("in/a.cif", "");
    options = options_of();
    options.list = test_file("empty.txt", "# nothing\n");
    assert_int_equal(rt_import_structures(&options, &err), RT_ERR_FORMAT);
}

/* 249 chains whose sequence, length, completeness and number of models somebody else wrote down. */
static void known_chains(void **state)
{
    (void)state;
    const char *shared = test_shared("249 RNA chains"),
               *names[] = {"pdb_id",       "chain",  "sequence",    "n_models",   "sequence_source",
                           "completeness", "length", "meta_source", "resolution", "release_date"};
    char folder[512], path[600], id[64];
    int64_t column[10], rows = 0, models, length;
    bool more;
    rt_csv *csv;
    if (!shared) return;
    rt_import_options options = options_of();
    snprintf(folder, sizeof folder, "%s/data/rnaset", shared);
    snprintf(path, sizeof path, "%s/index.tsv", folder);
    options.folder = folder;
    import(&options);
    OK(rt_csv_open_tsv(&csv, path, &err));
    for (int i = 0; i < 10; i++) OK(rt_csv_require(csv, &column[i], names[i], &err));
    for (;; rows++) {
        OK(rt_csv_next(csv, &more, &err));
        if (!more) break;
        char entry[8] = "";
        for (int i = 0; i < 4; i++)
            entry[i] = (char)(rt_csv_text(csv, column[0])[i] & ~(rt_csv_text(csv, column[0])[i] >= 'a' ? 32 : 0));
        snprintf(id, sizeof id, "%s_%s", entry, rt_csv_text(csv, column[1]));
        const rt_target *target = rt_dataset_find(set, id);
        if (!target) fail_msg("%s is not in the set", id);
        assert_string_equal(target->sequence, rt_csv_text(csv, column[2]));
        OK(rt_csv_int(csv, column[3], &models, &err));
        OK(rt_csv_int(csv, column[6], &length, &err));
        assert_int_equal(target->n_conformation, models);
        assert_int_equal(target->length, length);
        double completeness;
        OK(rt_csv_double(csv, column[5], &completeness, &err));
        if (strcmp(rt_csv_text(csv, column[7]), "file") == 0) {   /* else the table has it from elsewhere */
            double resolution;
            OK(rt_csv_double(csv, column[8], &resolution, &err));
            assert_true(isnan(resolution) ? isnan(target->resolution) : fabs(target->resolution - resolution) < 0.006);
            if (rt_csv_length(csv, column[9])) assert_string_equal(target->cutoff, rt_csv_text(csv, column[9]));
        }
        /* without a deposited sequence the table takes the length from elsewhere */
        if (strcmp(rt_csv_text(csv, column[4]), "coordinates") != 0)
            assert_true(fabs(target->completeness - completeness) < 1e-3);
    }
    assert_int_equal(rows, 249);
    rt_csv_close(csv);
}

int main(void)
{
    rt_log_set_level(RT_LOG_WARN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(laid_along_the_sequence, fresh), cmocka_unit_test_setup(what_is_refused, fresh),
        cmocka_unit_test_setup(models_and_lists, fresh),        cmocka_unit_test_setup(nothing_to_read, fresh),
        cmocka_unit_test_setup(known_chains, fresh),
    };
    int failed = cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
    rt_dataset_close(set);
    return failed;
}
