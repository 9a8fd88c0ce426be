#define _GNU_SOURCE
/* pdb_test.c - PDB files, packed files, what a structure's RNA chains are; every structure file at hand */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "base/text.h"
#include "io/modified.h"
#include "io/pdb.h"
#include "io/polymer.h"
#include "io/test_files.h"

static const char *const ATOM_G1 = "ATOM      1  C1'   G A   1       1.000   2.000   3.000  1.00 10.00           C\n";

static rt_status read_text(rt_structure *s, const char *text, rt_err *err)
{
    return rt_pdb_read(s, text, (int64_t)strlen(text), "t.pdb", err);
}

static void every_column_reaches_its_field(void **state)
{
    (void)state;
    rt_structure s;
    rt_err err;
    assert_int_equal(RT_OK, read_text(&s,
        "HEADER    RNA                                     01-JAN-00   1ABC              \n"
        "SEQRES   1 B    3    G PSU   A                                               \n"
        "ATOM     12  C1*BPSU B -12C     -1.500   2.250 300.125  0.50 99.99           C1+\n"
        "ANISOU   12  C1*BPSU B -12C     1     2     3     4     5     6\n"
        "TER      13      PSU B -12C\r\n"
        "HETATM   14 MG    MG B 101       1.000   2.000   3.000\n"
        "END\n", &err));
    assert_string_equal(s.name, "1ABC");
    assert_int_equal(s.n_atom, 2);
    assert_int_equal(s.n_deposited, 3);
    assert_string_equal(s.deposited[1].residue, "PSU");
    assert_int_equal(s.deposited[2].number, 3);
    const rt_atom *a = &s.atom[0], *b = &s.atom[1];
    assert_string_equal(a->name, "C1'");
    assert_string_equal(a->alt, "B");
    assert_string_equal(a->residue, "PSU");
    assert_string_equal(a->auth_chain, "B");
    assert_int_equal(a->auth_number, -12);
    assert_string_equal(a->insertion, "C");
    assert_true(a->xyz[0] == -1.5 && a->xyz[1] == 2.25 && a->xyz[2] == 300.125 && a->occupancy == 0.5f);
    assert_string_equal(a->element, "C");
    assert_false(a->hetero);
    assert_true(b->hetero);
    assert_string_equal(b->element, "MG");
    assert_int_equal(b->label_number, RT_NO_NUMBER);   /* after its chain's TER */
    rt_structure_free_members(&s);
}

static void old_names_and_missing_elements(void **state)
{
    (void)state;
    static const struct { const char *column, *residue, *name, *element; } CASES[] = {
        {" O1P", "  G", "OP1", "O"}, {" O2P", "  G", "OP2", "O"}, {" C5*", "  A", "C5'", "C"}, {"1H5'", "  A", "1H5'", "H"},
        {"HO2'", "  A", "HO2'", "H"}, {" P  ", "  U", "P", "P"}, {" N9 ", "GUA", "N9", "N"}, {"ZN  ", " ZN", "ZN", "ZN"}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        rt_structure s;
        rt_err err;
        char line[128];
        snprintf(line, sizeof line, "ATOM      1 %s %s A   1       1.000   2.000   3.000\n", CASES[i].column,
                 CASES[i].residue);
        assert_int_equal(read_text(&s, line, &err), RT_OK);
        assert_string_equal(s.atom[0].name, CASES[i].name);
        assert_string_equal(s.atom[0].element, CASES[i].element);
        rt_structure_free_members(&s);
    }
}

static void models_are_told_apart(void **state)
{
    (void)state;
    rt_structure s;
    rt_err err;
    char text[1024];
    snprintf(text, sizeof text, "MODEL        1\n%sENDMDL\nMODEL        7\n%sENDMDL\n", ATOM_G1, ATOM_G1);
    assert_int_equal(read_text(&s, text, &err), RT_OK);
    assert_int_equal(s.n_model, 2);
    assert_int_equal(s.atom[1].model, 7);
    rt_structure_free_members(&s);
}

static void bad_lines_are_refused_with_their_place(void **state)
{
    (void)state;
    static const struct { const char *text, *what; int line; } CASES[] = {
        {"ATOM      1  C1'   G A   1       1.000     nan   3.000\n", "the coordinate y 'nan' is no finite number", 1},
        {"REMARK\nATOM      1  C1'   G A   1    ********   2.000   3.000\n", "the coordinate x '********'", 2},
        {"ATOM      1  C1'   G A   x       1.000   2.000   3.000\n", "the residue number 'x'", 1},
        {"ATOM      1  C1'   G A   1       1.000   2.0\n", "the line ends before the coordinates", 1},
        {"ATOM      1        G A   1       1.000   2.000   3.000\n", "the atom has no name", 1},
        {"MODEL        x\n", "no atoms", 0},
        {"hello\n", "no atoms", 0},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        rt_structure s;
        rt_err err;
        assert_int_equal(read_text(&s, CASES[i].text, &err), RT_ERR_FORMAT);
        if (!strstr(err.what, CASES[i].what)) fail_msg("'%s' lacks '%s'", err.what, CASES[i].what);
        assert_int_equal(err.line, CASES[i].line);
        assert_null(s.atom);
    }
}

static void write_gzip(const char *path, const char *text, size_t cut)
{
    gzFile file = gzopen(path, "wb");
    gzwrite(file, text, (unsigned)strlen(text));
    gzclose(file);
    if (!cut) return;
    FILE *f = fopen(path, "rb+");
    fseek(f, 0, SEEK_END);
    long size = ftell(f);
    assert_int_equal(ftruncate(fileno(f), size - (long)cut), 0);
    fclose(f);
}

static void content_decides_what_a_file_is(void **state)
{
    (void)state;
    rt_structure s;
    rt_err err;
    static const char CIF[] = "data_X\nloop_\n_atom_site.label_atom_id\n_atom_site.label_comp_id\n_atom_site.Cartn_x\n"
                              "_atom_site.Cartn_y\n_atom_site.Cartn_z\nP G 1 2 3\n";
    assert_int_equal(rt_structure_open(&s, test_file("a.pdb", CIF), &err), RT_OK);
    assert_string_equal(s.name, "X");
    rt_structure_free_members(&s);
    assert_int_equal(rt_structure_open(&s, test_file("b.cif", ATOM_G1), &err), RT_OK);
    assert_int_equal(s.n_atom, 1);
    rt_structure_free_members(&s);
    write_gzip(test_path("c.pdb.gz"), ATOM_G1, 0);
    assert_int_equal(rt_structure_open(&s, test_path("c.pdb.gz"), &err), RT_OK);
    assert_int_equal(s.n_atom, 1);
    rt_structure_free_members(&s);
    write_gzip(test_path("d.pdb.gz"), ATOM_G1, 6);
    assert_int_equal(rt_structure_open(&s, test_path("d.pdb.gz"), &err), RT_ERR_FORMAT);
    assert_non_null(strstr(err.what, "cut short"));
    assert_int_equal(rt_structure_open(&s, test_file("e.pdb", " \n\n"), &err), RT_ERR_FORMAT);
    assert_non_null(strstr(err.what, "empty"));
    assert_int_equal(rt_structure_open(&s, test_file("f.pdb", ""), &err), RT_ERR_FORMAT);
    assert_int_equal(rt_structure_open(&s, test_file("g.bcif", "\x83\xa7" "encoder"), &err), RT_ERR_UNSUPPORTED);
    assert_int_equal(rt_structure_open(&s, test_path("nowhere"), &err), RT_ERR_IO);
}

/* Two residues with an alternate location, an insertion, a modified residue, hydrogens, a ligand with a C1' at the end
 * of the chain, a water, a protein chain and one of DNA. */
static void chains_hold_what_belongs_to_them(void **state)
{
    (void)state;
    rt_structure s;
    rt_polymer p;
    rt_err err;
    assert_int_equal(RT_OK, read_text(&s,
        "ATOM      1  P  A  G A   1       1.000   2.000   3.000  0.40\n"
        "ATOM      2  P  B  G A   1       1.500   2.000   3.000  0.60\n"
        "ATOM      3  H1'   G A   1       1.000   2.000   3.000\n"
        "ATOM      4  C1'   G A   1       0.000   0.000   0.000\n"
        "ATOM      5  C1'   A A   1A      5.000   0.000   0.000\n"
        "HETATM    6  C1' PSU A   2      10.000   0.000   0.000\n"
        "ATOM      7  C1'   C A   3      15.000   0.000   0.000\n"
        "HETATM    8  C1' 5MC A   4      20.000   0.000   0.000\n"
        "HETATM    9  C1' GTP A 101      60.000   0.000   0.000\n"
        "HETATM   10  O   HOH A 201       1.000   2.000   3.000\n"
        "ATOM     11  CA  GLY B   1       1.000   2.000   3.000\n"
        "ATOM     12  C1'  DG C   1       1.000   2.000   3.000\n", &err));
    assert_int_equal(rt_polymer_build(&p, &s, 0, &err), RT_OK);
    assert_int_equal(p.n_chain, 1);
    assert_string_equal(p.chain[0].sequence, "GAUCC");
    assert_int_equal(p.n_residue, 5);
    assert_int_equal(p.residue[0].n_atom, 2);
    assert_true(rt_polymer_atom(&p, &s, 0, "P")->xyz[0] == 1.5);
    assert_string_equal(p.residue[1].insertion, "A");
    assert_string_equal(p.residue[2].component, "PSU");
    assert_null(rt_polymer_atom(&p, &s, 0, "H1'"));
    rt_polymer_free_members(&p);
    rt_structure_free_members(&s);
}

static void parents_of_components(void **state)
{
    (void)state;
    static const struct { const char *component; char parent; } CASES[] = {
        {"A", 'A'}, {"G", 'G'}, {"PSU", 'U'}, {"5MU", 'U'}, {"H2U", 'U'}, {"YYG", 'G'}, {"GTP", 'G'}, {"5MC", 'C'}, {"N", 'N'},
        {"ADE", 'A'}, {"RG5", 'G'}, {"U3", 'U'}, {"I", 'G'}, {"DG", 0}, {"DT", 0}, {"HOH", 0}, {"GLY", 0}, {"ALA", 0}, {"", 0},
        {"MG", 0}, {"A B", 0}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++)
        assert_int_equal(rt_modified_parent(CASES[i].component), CASES[i].parent);
}

/* ---- every structure at hand ----------------------------------------------------------------------------------- */

static void read_folder(const char *folder, int depth, int *count)
{
    struct dirent **entries;
    int n = scandir(folder, &entries, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        char path[1024];
        const char *name = entries[i]->d_name;
        rt_path_join(path, sizeof path, folder, name);
        if (name[0] != '.' && rt_folder_exists(path) && depth) read_folder(path, depth - 1, count);
        if (rt_ends_with(name, ".cif.gz") || rt_ends_with(name, ".pdb.gz") || rt_ends_with(name, ".pdb")) {
            rt_structure s;
            rt_polymer p;
            rt_err err;
            if (rt_structure_open(&s, path, &err) != RT_OK) fail_msg("%s: %s", path, err.what);
            assert_int_equal(rt_polymer_build(&p, &s, 0, &err), RT_OK);
            if (!p.n_chain) fail_msg("%s: no RNA", path);
            rt_polymer_free_members(&p);
            rt_structure_free_members(&s);
            (*count)++;
        }
        free(entries[i]);
    }
    if (n >= 0) free(entries);
}

static void every_structure_file_is_read(void **state)
{
    (void)state;
    static const char *const FOLDERS[] = {"data/structures", "data/puzzles"};
    const char *shared = test_shared("every structure file");
    int count = 0;
    if (!shared) skip();
    for (int i = 0; i < 2; i++) {
        char path[1024];
        rt_path_join(path, sizeof path, shared, FOLDERS[i]);
        read_folder(path, 1, &count);
    }
    assert_true(count >= 22 + 35);
}

/* Fields 1, 4, 6, 7, 10 and 24 of a line of the index: file, chain, length, observed, sequence, models. */
static int split(char *line, char **field, int size)
{
    int n = 0;
    for (char *at = line; at && n < size; n++) field[n] = strsep(&at, "\t");
    return n;
}

static void chains_equal_the_index(void **state)
{
    (void)state;
    const char *shared = test_shared("rnaset/index.tsv");
    char path[1024], line[8192];
    char *field[32];
    int count = 0;
    if (!shared) skip();
    snprintf(path, sizeof path, "%s/data/rnaset/index.tsv", shared);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof line, file));
    while (fgets(line, sizeof line, file)) {
        rt_structure s;
        rt_polymer p;
        rt_err err;
        assert_true(split(line, field, 32) >= 25);
        snprintf(path, sizeof path, "%s/data/rnaset/%s", shared, field[0]);
        if (rt_structure_open(&s, path, &err) != RT_OK) fail_msg("%s: %s", path, err.what);
        assert_int_equal(rt_polymer_build(&p, &s, 0, &err), RT_OK);
        int64_t c = 0, observed = 0;
        while (c < p.n_chain && strcmp(p.chain[c].name, field[3]) != 0) c++;
        if (c == p.n_chain) fail_msg("%s: no RNA chain %s", field[0], field[3]);
        if (strcmp(p.chain[c].sequence, field[9]) != 0) fail_msg("%s %s: %s", field[0], field[3], p.chain[c].sequence);
        assert_int_equal(p.chain[c].length, atoi(field[5]));
        for (int64_t r = 0; r < p.chain[c].n_residue; r++)
            observed += rt_polymer_atom(&p, &s, p.chain[c].first_residue + r, "C1'") != NULL;
        assert_int_equal(observed, atoi(field[6]));
        assert_int_equal(s.n_model, atoi(field[23]));
        rt_polymer_free_members(&p);
        rt_structure_free_members(&s);
        count++;
    }
    fclose(file);
    assert_int_equal(count, 249);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_column_reaches_its_field),
        cmocka_unit_test(old_names_and_missing_elements),
        cmocka_unit_test(models_are_told_apart),
        cmocka_unit_test(bad_lines_are_refused_with_their_place),
        cmocka_unit_test(content_decides_what_a_file_is),
        cmocka_unit_test(chains_hold_what_belongs_to_them),
        cmocka_unit_test(parents_of_components),
        cmocka_unit_test(every_structure_file_is_read),
        cmocka_unit_test(chains_equal_the_index),
    };
    (void)test_stderr_begin;
    (void)test_stderr_end;
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
