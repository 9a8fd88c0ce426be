/* features_test.c - the features against the reference's own, and what the reference cannot be asked */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>

#include "base/log.h"
#include "base/memory.h"
#include "feat/features.h"
#include "io/msa.h"
#include "io/template_file.h"
#include "io/test_files.h"
#include "io/weights.h"

static rt_arena *arena;

static int set_up(void **state)
{
    rt_err err;
    rt_log_set_level(RT_LOG_QUIET);   /* golden MSAs hold rows of every odd kind */
    return test_folder_make(state) || rt_arena_create(&arena, "features", (int64_t)1 << 30, &err) != RT_OK;
}

static int tear_down(void **state)
{
    rt_arena_free(arena);
    return test_folder_remove(state);
}

/* ---- raw inputs of the golden cases ---------------------------------------------------------------------------- */
static void load_templates(rt_input *input, const char *path, int64_t template_idx)
{
    rt_template_file *file;
    rt_err err;
    if (rt_template_file_open(&file, path, &err) != RT_OK) fail_msg("%s", err.what);
    const rt_template *t = rt_template_file_find(file, input->target);
    assert_non_null(t);
    if (rt_input_set_templates(input, t->xyz, t->length, t->n_template, t->sequence, template_idx,
                               RT_TEMPLATE_MISSING_ORIGIN, path, &err) != RT_OK)
        fail_msg("%s", err.what);
    rt_template_file_close(file);
}

/* ---- comparison ------------------------------------------------------------------------------------------------ */
static void expect_equal(const char *name, rt_tensor got, rt_tensor want)
{
    char got_shape[64], want_shape[64];
    rt_shape_print(got, got_shape, sizeof got_shape);
    rt_shape_print(want, want_shape, sizeof want_shape);
    if (got.dtype != want.dtype || strcmp(got_shape, want_shape) != 0)
        fail_msg("%s is %s %s, the reference's %s %s", name, rt_dtype_name(got.dtype), got_shape,
                 rt_dtype_name(want.dtype), want_shape);
    double bound = got.dtype == RT_F32 || got.dtype == RT_F64 ? 1e-6 : 0;
    for (int64_t i = 0; i < rt_count(got); i++)
        if (!(fabs(rt_get(got, i) - rt_get(want, i)) <= bound))
            fail_msg("%s[%lld] is %.9g, the reference's %.9g", name, (long long)i, rt_get(got, i), rt_get(want, i));
}

/* Every tensor of the golden file, and nothing but these. */
static void check_features(const char *name, const rt_features *features, const rt_weights *golden)
{
    rt_tensor got;
    rt_err err;
    const char *entry;
    for (int64_t i = 0; i < rt_weights_count(golden); i++) {
        const rt_weight *want = rt_weights_at(golden, i);
        if (rt_features_named(&got, arena, features, want->name, &err) != RT_OK) fail_msg("%s: %s", name, err.what);
        expect_equal(want->name, got, want->tensor);
    }
    int n = 0;
    for (; (entry = rt_features_name(features, n)); n++)
        if (strcmp(entry, "bond_mask") != 0 && !rt_weights_find(golden, entry)) fail_msg("%s has no %s", name, entry);
    assert_int_equal(n, (int)rt_weights_count(golden) + 1);
    assert_int_equal(rt_features_named(&got, arena, features, "bond_mask", &err), RT_OK);
    assert_int_equal(rt_count(got), features->n_atom * features->n_atom);
    for (int64_t i = 0; i < rt_count(got); i++) assert_true(rt_get(got, i) == 0);
}

static void check_case(const char *folder, const char *name, const char *target, const char *templates,
                       int template_idx, bool use_msa)
{
    char path[600];
    rt_inputs inputs;
    rt_err err;
    rt_weights *golden;
    rt_features features;
    snprintf(path, sizeof path, "%s/raw/sequences.csv", folder);
    assert_int_equal(rt_inputs_read(&inputs, path, &err), RT_OK);
    rt_input *input = inputs.input;
    while (strcmp(input->target, target) != 0) input++;
    snprintf(path, sizeof path, "%s/raw/%s", folder, use_msa ? "msa" : "no_such_folder");
    assert_int_equal(rt_input_load_msa(input, path, &err), RT_OK);
    if (templates) {
        snprintf(path, sizeof path, "%s/raw/%s", folder, templates);
        load_templates(input, path, template_idx);
    }
    snprintf(path, sizeof path, "%s/features/%s.safetensors", folder, name);
    if (rt_weights_open(&golden, path, &err) != RT_OK) fail_msg("%s", err.what);
    const rt_weight *rotation = rt_weights_find(golden, "aug.rot"), *translation = rt_weights_find(golden, "aug.trans");
    assert_true(rotation && translation);

    int64_t mark = rt_arena_mark(arena);
    rt_ref_pos_draws draws = {rotation->tensor.data, translation->tensor.data};
    if (rt_features_build(&features, arena, input, rt_conformers_default(), 42, &draws, &err) != RT_OK)
        fail_msg("%s", err.what);
    check_features(name, &features, golden);
    rt_arena_reset(arena, mark);
    rt_weights_close(golden);
    rt_inputs_free_members(&inputs);
}

#define CSV "submission_templates.csv"
#define PT "template_features.pt"
#define GOLDEN "tests/data/golden"
static void toy4_is_the_reference_s(void **state)
{
    (void)state;
    check_case(GOLDEN, "toy4", "toy4", CSV, 0, true);
}

static void toy4_bare_is_the_reference_s(void **state)
{
    (void)state;
    check_case(GOLDEN, "toy4_bare", "toy4", NULL, 0, false);
}

static void hairpin30_is_the_reference_s(void **state)
{
    (void)state;
    check_case(GOLDEN, "hairpin30", "hairpin30", CSV, 1, true);
    check_case(GOLDEN, "hairpin30", "hairpin30", PT, 1, true);
}

static void trna76_is_the_reference_s(void **state)
{
    (void)state;
    char folder[512];
    const char *shared = test_shared("the features of trna76");
    if (!shared) skip();
    rt_path_join(folder, sizeof folder, shared, "golden");
    check_case(folder, "trna76", "trna76", CSV, 3, true);
    check_case(folder, "trna76", "trna76", PT, 3, true);
}

/* ---- random draws ---------------------------------------------------------------------------------------------- */
static rt_input make_input(const char *target, const char *sequence)
{
    rt_input input;
    rt_err err;
    if (rt_input_set_sequence(&input, target, sequence, &err) != RT_OK) fail_msg("%s", err.what);
    return input;
}

static rt_features build(const char *target, const char *sequence, uint64_t seed)
{
    rt_features features;
    rt_err err;
    rt_input input = make_input(target, sequence);
    if (rt_features_build(&features, arena, &input, rt_conformers_default(), seed, NULL, &err) != RT_OK)
        fail_msg("%s", err.what);
    rt_input_free_members(&input);
    return features;
}

/* Rotations and translations are the same, or both are others. */
static bool same_draws(rt_features a, rt_features b)
{
    int64_t n = a.n_token < b.n_token ? a.n_token : b.n_token;
    bool rotation = memcmp(a.ref_rotation.data, b.ref_rotation.data, (size_t)n * 9 * sizeof(double)) == 0;
    bool translation = memcmp(a.ref_translation.data, b.ref_translation.data, (size_t)n * 3 * sizeof(double)) == 0;
    assert_int_equal(rotation, translation);
    return rotation;
}

static void draws_depend_on_seed_and_target_only(void **state)
{
    (void)state;
    int64_t mark = rt_arena_mark(arena);
    rt_features a = build("x", "GGACU", 1);
    build("other", "GGGGGGGGGG", 1);   /* a batch position later */
    rt_features b = build("x", "GGACU", 1);
    assert_true(same_draws(a, b));
    assert_memory_equal(a.ref_pos.data, b.ref_pos.data, (size_t)rt_bytes(a.ref_pos));
    assert_true(same_draws(a, build("x", "GGACUAAA", 1)));   /* each residue's draw is its own */
    assert_false(same_draws(a, build("x", "GGACU", 2)));
    assert_false(same_draws(a, build("y", "GGACU", 1)));
    rt_arena_reset(arena, mark);
}

static void conformers_move_rigidly_and_evenly(void **state)
{
    (void)state;
    int64_t mark = rt_arena_mark(arena);
    char sequence[1001] = {0};
    for (int i = 0; i < 1000; i++) sequence[i] = "ACGU"[i * 7 % 4];
    rt_features f = build("rigid", sequence, 3);
    const double *before = f.ref_pos_before.data, *t = f.ref_translation.data;
    const float *after = f.ref_pos.data;
    const int64_t *token = f.atom_to_token_idx.data;
    for (int64_t a = 1; a < f.n_atom; a++) {
        double x = 0, y = 0;
        if (token[a] != token[a - 1]) continue;
        for (int d = 0; d < 3; d++) {
            x += pow(before[3 * a + d] - before[3 * a - 3 + d], 2);
            y += pow((double)after[3 * a + d] - (double)after[3 * a - 3 + d], 2);
        }
        assert_true(fabs(sqrt(x) - sqrt(y)) < 1e-5);
    }
    double mean = 0, square = 0;
    for (int i = 0; i < 3000; i++) {
        assert_true(t[i] >= -1 && t[i] < 1);
        mean += t[i] / 3000, square += t[i] * t[i] / 3000;
    }
    assert_true(fabs(mean) < 0.05 && fabs(square - 1.0 / 3) < 0.03);
    /* residues turn differently: E[R] = 0; and a translation is no other view of the bits of a rotation */
    const double *r = f.ref_rotation.data;
    rt_rng rotation = rt_rng_make(3, rt_hash_text("rigid"), 0, RT_DRAW_REF_POS);
    for (int k = 0; k < 9; k++) {
        double sum = 0;
        for (int i = 0; i < 1000; i++) sum += r[9 * i + k] / 1000;
        assert_true(fabs(sum) < 0.1);
        assert_true(t[k] != 2 * rt_rng_uniform(&rotation, (uint64_t)k) - 1);
    }
    rt_arena_reset(arena, mark);
}

static void only_the_five_prime_end_has_op3(void **state)
{
    (void)state;
    int64_t mark = rt_arena_mark(arena);
    rt_features f = build("x", "ACGU", 1);
    assert_int_equal(f.n_atom, 22 + 20 + 23 + 20 + 1);
    const int64_t *tokatom = f.atom_to_tokatom_idx.data, *token = f.atom_to_token_idx.data;
    for (int64_t a = 0; a < f.n_atom; a++) {
        if (a > 0 && token[a] == token[a - 1]) assert_int_equal(tokatom[a], tokatom[a - 1] + 1);
        else assert_int_equal(tokatom[a], a > 0);
    }
    rt_arena_reset(arena, mark);
}

/* ---- MSA and templates ----------------------------------------------------------------------------------------- */
static void a_deep_msa_is_counted_as_the_reference_does(void **state)
{
    (void)state;
    enum { ROWS = RT_MSA_ROW_LIMIT + 300, N = 21 };
    const char *sequence = "GGGAAACCCUUUGGGAAACCC", *letters = "ACGU-acgutN.-";
    rt_rng rng = rt_rng_make(1, 2, 3, RT_DRAW_WEIGHTS);
    rt_input input = make_input("deep", sequence);
    rt_err err;
    int64_t mark = rt_arena_mark(arena);
    char *block = rt_alloc(ROWS * (int64_t)(sizeof(char *) + N + 1), 1, &err), *text = block + ROWS * sizeof(char *);
    input.msa_row = (char **)(void *)block;
    input.n_msa = input.msa_file_rows = ROWS;
    for (int m = 0; m < ROWS; m++) {
        input.msa_row[m] = text + m * (N + 1);
        int64_t length = N - rt_rng_below(&rng, (uint64_t)m + 1000000, 4);
        for (int i = 0; i < length; i++)   /* column 0 is the same in all rows, the others have ever more gaps */
            input.msa_row[m][i] = i == 0 ? 'G' : rt_rng_below(&rng, (uint64_t)(m * N + i), N) < i ? '-' : letters[(m + i) % 13];
    }
    rt_features f;
    assert_int_equal(rt_features_build(&f, arena, &input, rt_conformers_default(), 1, NULL, &err), RT_OK);
    assert_int_equal(f.n_msa, RT_MSA_ROW_LIMIT);
    rt_tensor value;
    assert_int_equal(rt_features_named(&value, arena, &f, "deletion_value", &err), RT_OK);
    for (int i = 0; i < N; i++) {
        int count[32] = {0};
        float sum = 0;   /* float32 and row after row, as numpy adds */
        for (int m = 0; m < RT_MSA_ROW_LIMIT; m++) {
            char c = input.msa_row[m][i];
            int want = c == 'A' || c == 'a' ? 21 : c == 'G' || c == 'g' ? 22 : c == 'C' || c == 'c' ? 23
                     : c == 'U' || c == 'u' ? 24 : c == '-' ? 31 : 25;
            assert_int_equal(((uint8_t *)f.msa.data)[m * N + i], want);
            count[want]++;
            sum += ((float *)value.data)[m * N + i];
        }
        for (int c = 0; c < 32; c++)
            assert_true(((float *)f.profile.data)[32 * i + c] == (float)((double)count[c] / RT_MSA_ROW_LIMIT));
        assert_true(((float *)f.deletion_mean.data)[i] == sum / (float)RT_MSA_ROW_LIMIT);
    }
    rt_arena_reset(arena, mark);
    rt_input_free_members(&input);
}

static void a_missing_residue_is_masked_or_at_the_origin(void **state)
{
    (void)state;
    int64_t mark = rt_arena_mark(arena);
    const float xyz[9] = {1, 2, 3, NAN, NAN, NAN, 7, 8, 9};
    rt_input input = make_input("t", "GCA");
    rt_features f;
    rt_err err;
    for (int policy = 0; policy < 2; policy++) {
        rt_template_missing missing = (rt_template_missing)policy;
        assert_int_equal(rt_input_set_templates(&input, xyz, 3, 1, "GCA", 0, missing, NULL, &err), RT_OK);
        assert_int_equal(rt_features_build(&f, arena, &input, rt_conformers_default(), 1, NULL, &err), RT_OK);
        const float *c = f.template_coords.data, *mask = f.template_coords_mask.data;
        assert_int_equal(f.n_template, 1);
        assert_true(mask[0] == 1 && mask[2] == 1 && c[0] == 1 && c[8] == 9);
        assert_true(mask[1] == (policy == RT_TEMPLATE_MISSING_ORIGIN ? 1 : 0));
        assert_true(c[3] == 0 && c[4] == 0 && c[5] == 0);
    }
    rt_arena_reset(arena, mark);
    rt_input_free_members(&input);
}

/* ---- failures -------------------------------------------------------------------------------------------------- */
static void failures_are_told(void **state)
{
    (void)state;
    int64_t mark = rt_arena_mark(arena);
    rt_err err;
    rt_tensor got;
    rt_features f = build("x", "ACGU", 1);
    assert_int_equal(rt_features_named(&got, arena, &f, "no_such_thing", &err), RT_ERR_UNSUPPORTED);
    assert_int_equal(rt_features_named(&got, arena, &f, "template_coords", &err), RT_ERR_UNSUPPORTED);

    rt_input input = make_input("n", "ACGUACGUACGUACGUACGUACGUACGUACGUACGUACGUACGUACGUACGU");
    input.sequence[2] = 'N';
    assert_int_equal(rt_features_build(&f, arena, &input, rt_conformers_default(), 1, NULL, &err), RT_ERR_FORMAT);
    assert_string_equal(err.what, "target 'n': the network has no token for residue 3, 'N'");
    input.sequence[2] = 'G';
    int n_refused = 0;
    for (int64_t size = 4096;; size += 4096, n_refused++) {   /* each stage runs out once */
        rt_arena *small;
        assert_int_equal(rt_arena_create(&small, "small", size, &err), RT_OK);
        rt_status status = rt_features_build(&f, small, &input, rt_conformers_default(), 1, NULL, &err);
        rt_arena_free(small);
        if (status == RT_OK) break;
        assert_int_equal(status, RT_ERR_MEMORY);
        assert_non_null(strstr(err.what, "of memory 'small'"));
    }
    assert_true(n_refused > 10);
    rt_input_free_members(&input);
    rt_arena_reset(arena, mark);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(toy4_is_the_reference_s),
        cmocka_unit_test(toy4_bare_is_the_reference_s),
        cmocka_unit_test(hairpin30_is_the_reference_s),
        cmocka_unit_test(trna76_is_the_reference_s),
        cmocka_unit_test(draws_depend_on_seed_and_target_only),
        cmocka_unit_test(conformers_move_rigidly_and_evenly),
        cmocka_unit_test(only_the_five_prime_end_has_op3),
        cmocka_unit_test(a_deep_msa_is_counted_as_the_reference_does),
        cmocka_unit_test(a_missing_residue_is_masked_or_at_the_origin),
        cmocka_unit_test(failures_are_told),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
