/* label_test.c - the training loader's features, crops and labels against what the reference's loader returned */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>

#include "base/log.h"
#include "base/memory.h"
#include "feat/crop.h"
#include "feat/label.h"
#include "io/csv.h"
#include "io/template_file.h"
#include "io/test_files.h"
#include "io/weights.h"

enum { MOST = 100, COLUMNS = 26 };
static const char *const atom_names[COLUMNS] = {"P", "OP1", "OP2", "O5'", "O3'", "C1'", "C2'", "C3'", "C4'",
                                                "O4'", "C5'", "N1", "C2", "O2", "N3", "C4", "N4", "C5",
                                                "C6", "O4", "N9", "N7", "C8", "N6", "N2", "O6"};

static void ok(rt_status status, const rt_err *err)
{
    if (status != RT_OK) fail_msg("%s: %s", err->file, err->what);
}

/* train_allatom CSV: the rows of one target. */
static int64_t read_atoms(const char *path, const char *target, float xyz[MOST][COLUMNS][3], char sequence[MOST + 1])
{
    rt_csv *csv;
    rt_err err;
    bool more;
    int64_t n = 0, id, residue, column[COLUMNS][3];
    ok(rt_csv_open(&csv, path, &err), &err);
    ok(rt_csv_require(csv, &id, "ID", &err), &err);
    ok(rt_csv_require(csv, &residue, "resname", &err), &err);
    for (int i = 0; i < COLUMNS; i++)
        for (int d = 0; d < 3; d++) {
            char name[16];
            snprintf(name, sizeof name, "%s_%c_1", atom_names[i], "xyz"[d]);
            ok(rt_csv_require(csv, &column[i][d], name, &err), &err);
        }
    for (ok(rt_csv_next(csv, &more, &err), &err); more; ok(rt_csv_next(csv, &more, &err), &err)) {
        if (strncmp(rt_csv_text(csv, id), target, strlen(target)) != 0) continue;
        sequence[n] = rt_csv_text(csv, residue)[0];
        for (int i = 0; i < COLUMNS; i++)
            for (int d = 0; d < 3; d++) {
                double value;
                ok(rt_csv_double(csv, column[i][d], &value, &err), &err);
                xyz[n][i][d] = (float)value;
            }
        n++;
    }
    sequence[n] = 0;
    rt_csv_close(csv);
    return n;
}

static int base_of(rt_tensor restype, int64_t token)
{
    for (int k = 21; k < 25; k++)
        if (rt_get(restype, 32 * token + k) == 1) return "AGCU"[k - 21];
    return 0;
}

/* Where in the sequence the golden crop begins: the draw was not recorded. */
static int64_t find_start(const char *sequence, rt_tensor restype)
{
    char crop[MOST + 1] = {0};
    for (int64_t i = 0; i < restype.dim[0]; i++) crop[i] = (char)base_of(restype, i);
    const char *at = strstr(sequence, crop);
    assert_non_null(at);
    assert_null(strstr(at + 1, crop));
    return at - sequence;
}

static rt_tensor golden(const rt_weights *file, const char *name)
{
    const rt_weight *w = rt_weights_find(file, name);
    if (!w) fail_msg("the golden file has no %s", name);
    return w->tensor;
}

/* Every recorded feature but those of draws that were not recorded; distances within a residue for ref_pos. */
static int compare_features(const rt_features *f, rt_arena *arena, const rt_weights *file)
{
    int n = 0;
    for (int64_t i = 0; i < rt_weights_count(file); i++) {
        const rt_weight *want = rt_weights_at(file, i);
        rt_tensor got;
        rt_err err;
        if (strncmp(want->name, "coordinate", 10) == 0 || strcmp(want->name, "ref_pos") == 0) continue;
        if (strncmp(want->name, "template_", 9) == 0 || strcmp(want->name, "n_templates") == 0) continue;
        ok(rt_features_named(&got, arena, f, want->name, &err), &err);
        assert_int_equal(rt_count(got), rt_count(want->tensor));
        for (int64_t k = 0; k < rt_count(got); k++)
            if (!(fabs(rt_get(got, k) - rt_get(want->tensor, k)) <= 1e-6))
                fail_msg("%s[%lld] is %g, the reference's %g", want->name, (long long)k, rt_get(got, k),
                         rt_get(want->tensor, k));
        n++;
    }
    rt_tensor p = f->ref_pos, q = golden(file, "ref_pos");
    const int64_t *token = f->atom_to_token_idx.data;
    for (int64_t a = 1; a < f->n_atom; a++) {
        double mine = 0, theirs = 0;
        if (token[a] != token[a - 1]) continue;
        for (int d = 0; d < 3; d++) {
            mine += pow(rt_get(p, 3 * a + d) - rt_get(p, 3 * a - 3 + d), 2);
            theirs += pow(rt_get(q, 3 * a + d) - rt_get(q, 3 * a - 3 + d), 2);
        }
        assert_true(fabs(sqrt(mine) - sqrt(theirs)) < 2e-5);
    }
    return n;
}

static void compare_label(const rt_label *label, const rt_weights *file)
{
    rt_tensor xyz = golden(file, "coordinate"), mask = golden(file, "coordinate_mask");
    int64_t n_resolved = 0;
    assert_int_equal(label->n_atom, mask.dim[0]);
    for (int64_t a = 0; a < label->n_atom; a++) {
        int seen = ((const uint8_t *)label->coordinate_mask.data)[a];
        assert_int_equal(seen, (int)rt_get(mask, a));
        n_resolved += seen;
        for (int d = 0; d < 3; d++)
            assert_true(rt_get(label->coordinate, 3 * a + d) == (seen ? rt_get(xyz, 3 * a + d) : 0));
    }
    assert_int_equal(label->n_resolved, n_resolved);
    assert_true(n_resolved > label->n_atom / 2 && n_resolved < label->n_atom);
}

/* The golden templates are columns of the file's 40 (drawn with replacement), of the same residues. */
static void compare_templates(const rt_input *crop, const rt_weights *file)
{
    rt_tensor want = golden(file, "template_coords");
    for (int64_t t = 0; t < want.dim[0]; t++) {
        bool found = false;
        for (int64_t k = 0; k < crop->n_template && !found; k++) {
            found = true;
            for (int64_t i = 0; i < 3 * crop->length; i++)
                found = found &&
                        (float)rt_get(want, t * 3 * crop->length + i) == crop->template_xyz[k * 3 * crop->length + i];
        }
        assert_true(found);
    }
}

static void check_target(const char *shared, const char *target, int64_t expected_length, bool templates)
{
    static float xyz[MOST][COLUMNS][3];
    char path[600], sequence[MOST + 1];
    rt_weights *file;
    rt_arena *arena;
    rt_template_file *templates_file;
    rt_input input, crop;
    rt_features features;
    rt_label label;
    rt_err err;
    snprintf(path, sizeof path, "%s/golden/raw/train_data/train_allatom.v2.1.csv", shared);
    int64_t length = read_atoms(path, target, xyz, sequence);
    snprintf(path, sizeof path, "%s/golden/dataset/%s.safetensors", shared, target);
    ok(rt_weights_open(&file, path, &err), &err);
    ok(rt_arena_create(&arena, "test", (int64_t)1 << 28, &err), &err);
    ok(rt_input_set_sequence(&input, target, sequence, &err), &err);
    snprintf(path, sizeof path, "%s/golden/raw/msa", shared);
    ok(rt_input_load_msa(&input, path, &err), &err);
    snprintf(path, sizeof path, "%s/golden/raw/train_data/template_features.pt", shared);
    ok(rt_template_file_open(&templates_file, path, &err), &err);
    const rt_template *t = rt_template_file_find(templates_file, target);
    ok(rt_input_set_templates(&input, t->xyz, t->length, t->n_template, NULL, t->n_template - 1,
                              RT_TEMPLATE_MISSING_ORIGIN, path, &err), &err);

    int64_t start = find_start(sequence, golden(file, "restype"));
    ok(rt_crop_input(&crop, &input, start, golden(file, "restype").dim[0], &err), &err);
    assert_int_equal(crop.length, expected_length);
    ok(rt_features_build(&features, arena, &crop, rt_conformers_default(), 1, NULL, &err), &err);
    assert_true(compare_features(&features, arena, file) > 30);
    if (templates) compare_templates(&crop, file);
    rt_label_source source = {
        .xyz = xyz[0][0], .name = atom_names, .n_name = COLUMNS, .length = length, .resolution = -1};
    ok(rt_label_build(&label, arena, &features, &source, start, &err), &err);
    compare_label(&label, file);
    print_message("note: %s: crop at %lld of %lld, %lld of %lld atoms resolved, as in the golden file\n", target,
                  (long long)start, (long long)length, (long long)label.n_resolved, (long long)label.n_atom);

    assert_int_equal(rt_label_build(&label, arena, &features, &source, length - 1, &err), RT_ERR_MISMATCH);
    assert_non_null(strstr(err.what, "are wanted, it has"));
    rt_template_file_close(templates_file);
    rt_input_free_members(&input);
    rt_input_free_members(&crop);
    rt_arena_free(arena);
    rt_weights_close(file);
}

static void loader_is_the_reference_s(void **state)
{
    const char *shared = test_shared("golden/dataset");
    (void)state;
    if (!shared) skip();
    rt_log_set_level(RT_LOG_QUIET);
    check_target(shared, "hairpin30", 30, true);
    check_target(shared, "trna76", 40, false);
}

/* Rows of another length than the target, a row that ends before the crop, missing template residues. */
static void crop_cuts_by_position(void **state)
{
    rt_input input, crop;
    rt_err err;
    (void)state;
    ok(rt_input_set_sequence(&input, "t", "GGGAAACCCU", &err), &err);
    const char *const row[3] = {"GGGAAACCCU", "GG-A", "GGGAaaaaACCCUUUU"};
    char *block = rt_alloc(3 * (int64_t)sizeof(char *) + 64, 1, &err), *at = block + 3 * sizeof(char *);
    input.msa_row = (char **)block;
    for (int i = 0; i < 3; i++) {
        input.msa_row[i] = strcpy(at, row[i]);
        at += strlen(row[i]) + 1;
    }
    input.n_msa = 3;
    float xyz[10][2][3];
    for (int i = 0; i < 60; i++) xyz[i / 6][i / 3 % 2][i % 3] = (float)i + 1;
    for (int d = 0; d < 3; d++) xyz[5][1][d] = NAN;
    ok(rt_input_set_templates(&input, xyz[0][0], 10, 2, NULL, 1, RT_TEMPLATE_MISSING_MASK, NULL, &err), &err);
    ok(rt_crop_input(&crop, &input, 4, 5, &err), &err);
    assert_string_equal(crop.sequence, "AACCC");
    assert_string_equal(crop.target, "t");
    assert_string_equal(crop.msa_row[0], "AACCC");
    assert_string_equal(crop.msa_row[1], "");
    assert_string_equal(crop.msa_row[2], "aaaaA");
    assert_int_equal(crop.n_template_missing, 1);
    assert_true(crop.template_xyz[0] == xyz[4][0][0] && crop.template_xyz[3 * 5] == xyz[4][1][0]);
    assert_true(isnan(crop.template_xyz[3 * (5 + 1)]));
    rt_input_free_members(&crop);
    ok(rt_crop_input(&crop, &input, 0, 10, &err), &err);
    assert_string_equal(crop.sequence, input.sequence);
    assert_memory_equal(crop.template_xyz, input.template_xyz, 60 * sizeof(float));
    rt_input_free_members(&crop);
    rt_input_free_members(&input);
}

/* What data sets write for an atom that was not seen: NaN, the reference's -1e8, the competition's -1e18. */
static void missing_atoms_are_not_resolved(void **state)
{
    rt_input input;
    rt_features features;
    rt_label label;
    rt_arena *arena;
    rt_err err;
    (void)state;
    float xyz[2][2][3] = {{{1, 2, 3}, {NAN, 2, 3}}, {{1, 2, -1e18f}, {-1e8f, -1e8f, -1e8f}}};
    const char *const names[2] = {"P", "C1'"};
    ok(rt_arena_create(&arena, "test", 1 << 22, &err), &err);
    ok(rt_input_set_sequence(&input, "t", "GA", &err), &err);
    ok(rt_features_build(&features, arena, &input, rt_conformers_default(), 1, NULL, &err), &err);
    rt_label_source source = {.xyz = xyz[0][0], .name = names, .n_name = 2, .length = 2, .resolution = 2.5};
    ok(rt_label_build(&label, arena, &features, &source, 0, &err), &err);
    assert_int_equal(label.n_resolved, 1);
    assert_true(((uint8_t *)label.coordinate_mask.data)[1] == 1);   /* OP3 stands before P */
    assert_true(rt_get(label.coordinate, 4) == 2 && rt_get(label.coordinate, 0) == 0 && label.resolution == 2.5);
    rt_input_free_members(&input);
    rt_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(loader_is_the_reference_s),
                                       cmocka_unit_test(crop_cuts_by_position),
                                       cmocka_unit_test(missing_atoms_are_not_resolved)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
