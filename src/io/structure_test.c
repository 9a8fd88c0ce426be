/* structure_test.c - atoms of small texts and of every experimental structure at hand */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "io/structure.h"

static const char *shared_folder(void)
{
    const char *folder = getenv("RT_SHARED");
    return folder ? folder : "../shared";
}

static rt_status read_text(rt_structure *structure, const char *text, rt_err *err)
{
    rt_cif *cif;
    rt_status status = rt_cif_open(&cif, text, (int64_t)strlen(text), "t.cif", err);
    if (status != RT_OK) return status;
    status = rt_structure_read(structure, cif, 0, err);
    rt_cif_close(cif);
    return status;
}

static void every_column_reaches_its_field(void **state)
{
    (void)state;
    rt_structure s;
    rt_err err;
    assert_int_equal(RT_OK, read_text(&s,
        "data_AB12\nloop_\n_atom_site.group_PDB\n_atom_site.id\n_atom_site.type_symbol\n_atom_site.label_atom_id\n"
        "_atom_site.label_alt_id\n_atom_site.label_comp_id\n_atom_site.label_asym_id\n_atom_site.label_entity_id\n"
        "_atom_site.label_seq_id\n_atom_site.pdbx_PDB_ins_code\n_atom_site.Cartn_x\n_atom_site.Cartn_y\n"
        "_atom_site.Cartn_z\n_atom_site.occupancy\n_atom_site.B_iso_or_equiv\n_atom_site.auth_seq_id\n"
        "_atom_site.auth_asym_id\n_atom_site.pdbx_PDB_model_num\n"
        "ATOM 1 C \"C1'\" A G B 1 2 C -1.5 2.25 3.125 0.5 17.25 102 X 1\n"
        "HETATM 2 MG MG . MG D 3 . ? 9 8 7 ? ? 301 X 2\n", &err));
    assert_string_equal(s.name, "AB12");
    assert_int_equal(s.n_atom, 2);
    assert_int_equal(s.n_model, 2);
    const rt_atom *a = &s.atom[0], *b = &s.atom[1];
    assert_string_equal(a->name, "C1'");
    assert_string_equal(a->element, "C");
    assert_string_equal(a->alt, "A");
    assert_string_equal(a->residue, "G");
    assert_string_equal(a->label_chain, "B");
    assert_string_equal(a->auth_chain, "X");
    assert_string_equal(a->entity, "1");
    assert_string_equal(a->insertion, "C");
    assert_int_equal(a->label_number, 2);
    assert_int_equal(a->auth_number, 102);
    assert_true(a->xyz[0] == -1.5 && a->xyz[1] == 2.25 && a->xyz[2] == 3.125);
    assert_true(a->occupancy == 0.5f && a->b_factor == 17.25f && !a->hetero && a->model == 1);
    assert_true(b->occupancy == 1 && b->b_factor == 0 && b->hetero && b->model == 2);
    assert_int_equal(b->label_number, RT_NO_NUMBER);
    assert_string_equal(b->alt, "");
    assert_string_equal(b->insertion, "");
    rt_structure_free_members(&s);
}

#define HEAD "data_x\nloop_\n_atom_site.label_atom_id\n_atom_site.label_comp_id\n_atom_site.auth_asym_id\n" \
             "_atom_site.auth_seq_id\n_atom_site.Cartn_x\n_atom_site.Cartn_y\n_atom_site.Cartn_z\n"

static void author_names_stand_in_for_missing_labels(void **state)
{
    (void)state;
    rt_structure s;
    rt_err err;
    assert_int_equal(read_text(&s, HEAD "P G Q 5 1 2 3\n", &err), RT_OK);
    assert_string_equal(s.atom[0].label_chain, "Q");
    assert_int_equal(s.atom[0].label_number, 5);
    assert_int_equal(s.atom[0].model, 1);
    rt_structure_free_members(&s);
}

#define LABEL_HEAD HEAD "_atom_site.label_seq_id\n_atom_site.group_PDB\n"

static void author_numbers_stand_in_for_labels_that_are_dots(void **state)
{
    (void)state;
    rt_structure s;
    rt_err err;
    assert_int_equal(read_text(&s, LABEL_HEAD "P G Q 5 1 2 3 . ATOM\nP C Q 7 1 2 9 ? ATOM\n", &err), RT_OK);
    assert_int_equal(s.atom[0].label_number, 5);
    assert_int_equal(s.atom[1].label_number, 7);
    rt_structure_free_members(&s);
    /* one number is enough to know that the other atom belongs to no polymer */
    assert_int_equal(read_text(&s, LABEL_HEAD "P G Q 5 1 2 3 1 ATOM\nP G Q 7 1 2 9 . HETATM\n", &err), RT_OK);
    assert_int_equal(s.atom[0].label_number, 1);
    assert_int_equal(s.atom[1].label_number, RT_NO_NUMBER);
    rt_structure_free_members(&s);
}

static void bad_atoms_are_refused_with_their_place(void **state)
{
    (void)state;
    static const struct { const char *text, *what; int line; } CASES[] = {
        {"data_x\n_cell.a 1\n", "no _atom_site", 0},
        {"data_x\n_atom_site.id 1\n", "no column", 0},
        {HEAD "P G Q 5 1 2 3\nP G Q 5 1 2 ?\n", "Cartn_z: '?' is not a number", 11},
        {HEAD "P G Q five 1 2 3\n", "auth_seq_id: 'five' is not a whole number", 10},
        {HEAD "P G Q 5000000000 1 2 3\n", "out of range", 10},
        {HEAD "P12345678 G Q 5 1 2 3\n", "longer than 7", 10},
        {HEAD "? G Q 5 1 2 3\n", "must have a value", 10},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        rt_structure s;
        rt_err err;
        assert_int_equal(read_text(&s, CASES[i].text, &err), RT_ERR_FORMAT);
        if (!strstr(err.what, CASES[i].what)) fail_msg("'%s' was expected, not '%s'", CASES[i].what, err.what);
        assert_int_equal(err.line, CASES[i].line);
        assert_null(s.atom);
    }
}

static void gunzip(rt_text *out, const char *path)
{
    char command[1024], part[65536];
    snprintf(command, sizeof command, "gzip -dc '%s'", path);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    for (size_t n; (n = fread(part, 1, sizeof part, pipe)) > 0;) rt_text_add_bytes(out, part, (int64_t)n);
    assert_int_equal(pclose(pipe), 0);
    assert_false(out->failed);
}

/* A second way to read the same atoms: the files have one atom a line, so words between blanks must agree. */
static int64_t check_lines(const rt_structure *s, const char *text)
{
    int64_t n_column = 0, x = -1, name = -1, atom = 0;
    for (const char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        if (strncmp(line, "_atom_site.", 11) == 0) {
            size_t length = strcspn(line, " \n");
            if (length == 18 && memcmp(line, "_atom_site.Cartn_x", 18) == 0) x = n_column;
            if (length == 24 && memcmp(line, "_atom_site.label_atom_id", 24) == 0) name = n_column;
            n_column++;
        }
        if (strncmp(line, "ATOM ", 5) != 0 && strncmp(line, "HETATM", 6) != 0) continue;
        if (atom >= s->n_atom) return -1;
        char copy[512], *rest = copy;
        snprintf(copy, sizeof copy, "%.*s", (int)strcspn(line, "\n"), line);
        for (int64_t column = 0; column < n_column; column++) {
            const char *word = strtok_r(rest, " ", &rest);
            assert_non_null(word);
            if (column == x) assert_true(strtod(word, NULL) == s->atom[atom].xyz[0]);
            if (column == name) assert_non_null(strstr(word, s->atom[atom].name));
        }
        assert_int_equal(s->atom[atom].hetero, line[0] == 'H');
        atom++;
    }
    assert_true(x >= 0 && name >= 0);
    return atom;
}

static void experimental_structures_are_read_whole(void **state)
{
    (void)state;
    char folder[512];
    rt_path_join(folder, sizeof folder, shared_folder(), "data/structures");
    DIR *dir = opendir(folder);
    if (!dir) {
        printf("skip: %s is not here\n", folder);
        skip();
    }
    int files = 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (!rt_ends_with(entry->d_name, ".cif.gz")) continue;
        char path[1024];
        rt_text text = {0};
        rt_structure s;
        rt_err err;
        rt_path_join(path, sizeof path, folder, entry->d_name);
        gunzip(&text, path);
        if (read_text(&s, text.data, &err) != RT_OK) fail_msg("%s:%d: %s", entry->d_name, (int)err.line, err.what);
        assert_true(s.n_atom > 600);
        assert_int_equal(check_lines(&s, text.data), s.n_atom);
        if (strcmp(entry->d_name, "1ehz.cif.gz") == 0) {
            assert_int_equal(s.n_atom, 1821);
            assert_string_equal(s.atom[0].name, "OP3");
            assert_string_equal(s.atom[0].auth_chain, "A");
            assert_true(s.atom[1].xyz[1] == 49.730 && s.atom[1].b_factor == 100.19f);
            assert_int_equal(s.n_model, 1);
        }
        rt_structure_free_members(&s);
        rt_text_free(&text);
        files++;
    }
    closedir(dir);
    assert_int_equal(files, 19);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_column_reaches_its_field),
        cmocka_unit_test(author_names_stand_in_for_missing_labels),
        cmocka_unit_test(author_numbers_stand_in_for_labels_that_are_dots),
        cmocka_unit_test(bad_atoms_are_refused_with_their_place),
        cmocka_unit_test(experimental_structures_are_read_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
