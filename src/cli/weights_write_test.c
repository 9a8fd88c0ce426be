/* weights_write_test.c - random networks, types of files, and names and shapes against a schema */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "cli/weights_write.h"
#include "io/weights.h"

/* A schema from a list of names and shapes; false when the file is not here. */
static bool load_schema(rt_schema *out_schema, const char *path)
{
    rt_map map;
    *out_schema = (rt_schema){0};
    if (!rt_file_exists(path)) {
        print_message("skip: %s is not here\n", path);
        return false;
    }
    assert_int_equal(rt_map_open(&map, path, NULL), RT_OK);
    char *text = strndup((const char *)map.data, (size_t)map.size), *next_line = NULL, *next_field, *next_size;
    rt_map_close(&map);
    strtok_r(text, "\n", &next_line);   /* the header */
    for (char *line; (line = strtok_r(NULL, "\n", &next_line));) {
        int64_t dim[RT_MAX_DIMS];
        int ndim = 0;
        char *name = strtok_r(line, "\t", &next_field), *shape = strtok_r(NULL, "\t", &next_field);
        for (char *size = strtok_r(shape, ",", &next_size); size; size = strtok_r(NULL, ",", &next_size))
            dim[ndim++] = atoll(size);
        rt_schema_add(out_schema, name, ndim, dim);
    }
    free(text);
    assert_int_equal(rt_schema_sort(out_schema, NULL), RT_OK);
    return true;
}

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/rt_weights_write_testXXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static const float *numbers(const rt_weights *weights, const char *name, rt_dtype dtype)
{
    const rt_weight *w = rt_weights_find(weights, name);
    assert_non_null(w);
    assert_int_equal(w->tensor.dtype, dtype);
    return w->tensor.data;
}

static void write_random(char *out_path, const char *name, const rt_schema *schema, int64_t seed, const char *dtype)
{
    rt_err err;
    rt_path_join(out_path, 128, folder, name);
    if (rt_weights_write_random(out_path, schema, NULL, seed, false, dtype, &err) != RT_OK) fail_msg("%s", err.what);
}

static void a_random_network_depends_on_its_seed_alone(void **state)
{
    (void)state;
    rt_schema schema;
    char a[128], b[128], c[128], ha[RT_HASH_TEXT], hb[RT_HASH_TEXT], hc[RT_HASH_TEXT];
    if (!load_schema(&schema, "tests/data/tiny_state_dict.tsv")) skip();
    write_random(a, "a", &schema, 42, "fp32");
    write_random(b, "b", &schema, 42, "fp32");
    write_random(c, "c", &schema, 43, "fp32");
    rt_hash_file(ha, NULL, a, NULL), rt_hash_file(hb, NULL, b, NULL), rt_hash_file(hc, NULL, c, NULL);
    assert_string_equal(ha, hb);
    assert_string_not_equal(ha, hc);
    remove(a), remove(b), remove(c);
    rt_schema_free_members(&schema);
}

static void a_random_network_has_the_right_kinds_of_numbers(void **state)
{
    (void)state;
    rt_schema schema;
    char a[128], b[128];
    rt_weights *weights, *half;
    rt_err err;
    if (!load_schema(&schema, "tests/data/tiny_state_dict.tsv")) skip();
    write_random(a, "a", &schema, 42, "fp32");
    write_random(b, "b", &schema, 42, "bf16");
    if (rt_weights_open(&weights, a, &err) != RT_OK || rt_weights_open(&half, b, &err) != RT_OK)
        fail_msg("%s", err.what);
    assert_int_equal(rt_weights_count(weights), 1163);
    const float *norm = numbers(weights, "layernorm_s.weight", RT_F32),
                *layers = numbers(weights, "layer_weights", RT_F32);
    double mean = 0;
    for (int i = 0; i < 32; i++) mean += norm[i] / 32;
    assert_true(fabs(mean - 1) < 0.1);
    assert_true(layers[0] == 0 && layers[1] == 0.5f && layers[2] == -1e18f);
    const float *lower = numbers(weights, "confidence_head.lower_bins", RT_F32);
    const float *upper = numbers(weights, "confidence_head.upper_bins", RT_F32);
    assert_true(lower[0] == 3.25f && lower[38] == 50.75f && upper[0] == 4.5f && upper[37] == 50.75f &&
                upper[38] == 1e6f);
    const float *other = numbers(weights, "layernorm_s.bias", RT_F32),
                *bias = numbers(weights, "confidence_head.plddt_ln.bias", RT_F32);
    assert_true(memcmp(other, bias, 32 * sizeof *bias) != 0);   /* the same shape, another name */
    const float *tokens = numbers(weights, "ribonanza_net.encoder.weight", RT_F32);
    for (int i = 0; i < 24; i++) assert_true(tokens[4 * 24 + i] == 0 && tokens[3 * 24 + i] != 0);
    const float *matrix = numbers(weights, "linear_no_bias_sinit.weight", RT_F32);   /* (32, 105) */
    double square = 0;
    for (int i = 0; i < 32 * 105; i++) square += matrix[i] * matrix[i] / (32.0 * 105.0);
    assert_true(fabs(sqrt(square * 105) - 1) < 0.05);
    const uint16_t *rounded = (const uint16_t *)numbers(half, "linear_no_bias_sinit.weight", RT_BF16);
    for (int i = 0; i < 32 * 105; i++) assert_int_equal(rounded[i], rt_f32_to_bf16(matrix[i]));
    numbers(half, "confidence_head.upper_bins", RT_F32);
    numbers(half, "layer_weights", RT_F32);
    numbers(half, "diffusion_module.diffusion_conditioning.fourier_embedding.w", RT_F32);
    rt_weights_close(weights);
    rt_weights_close(half);
    remove(a), remove(b);
    rt_schema_free_members(&schema);
}

static bool is_ribonanza(const char *name) { return strncmp(name, "ribonanza_net.", 14) == 0; }

/* A checkpoint without RibonanzaNet2, and RibonanzaNet2 in a file of its own. */
static void a_separate_ribonanza_completes_the_sizes(void **state)
{
    (void)state;
    rt_schema schema, main_part = {0}, ribonanza_part = {0};
    char a[128], b[128];
    rt_weights *weights, *ribonanza;
    rt_config config;
    rt_err err;
    if (!load_schema(&schema, "tests/data/tiny_state_dict.tsv")) skip();
    for (int64_t i = 0; i < schema.count; i++) {
        const rt_schema_entry *e = &schema.entry[i];
        if (is_ribonanza(e->name)) rt_schema_add(&ribonanza_part, e->name + 14, e->ndim, e->dim);
        else rt_schema_add(&main_part, e->name, e->ndim, e->dim);
    }
    write_random(a, "a", &main_part, 1, "fp32");
    write_random(b, "b", &ribonanza_part, 1, "fp32");
    if (rt_weights_open(&weights, a, &err) != RT_OK || rt_weights_open(&ribonanza, b, &err) != RT_OK)
        fail_msg("%s", err.what);
    assert_int_equal(rt_config_preset(&config, "rnapro_base", &err), RT_OK);
    assert_int_equal(rt_config_detect(&config, weights, NULL, &err), RT_ERR_MISMATCH);
    assert_string_equal(err.file, a);
    if (rt_config_detect(&config, weights, ribonanza, &err) != RT_OK) fail_msg("%s", err.what);
    assert_true(config.ribonanza_ninp == 24 && config.ribonanza_nlayers == 3 && config.ribonanza_nhead == 4 &&
                config.c_s == 32);
    if (rt_weights_write_detect(&config, weights, &err) != RT_OK) fail_msg("%s", err.what);
    assert_false(config.use_ribonanza);
    rt_weights_close(weights);
    rt_weights_close(ribonanza);
    remove(a), remove(b);
    rt_schema_free_members(&schema);
    rt_schema_free_members(&main_part);
    rt_schema_free_members(&ribonanza_part);
}

/* What shapes cannot tell comes from the preset of these sizes, or from what the file carries. */
static void settings_follow_the_sizes_or_the_file(void **state)
{
    (void)state;
    rt_schema schema;
    rt_config config;
    rt_weights *weights;
    rt_err err;
    char path[128];
    assert_int_equal(rt_config_load(&config, "tests/data/tiny_config.json", &err), RT_OK);
    config.n_step = 17;
    assert_int_equal(rt_schema_build(&schema, &config, &err), RT_OK);
    rt_path_join(path, sizeof path, folder, "own");
    assert_int_equal(rt_weights_write_random(path, &schema, &config, 1, false, "bf16", &err), RT_OK);
    assert_int_equal(rt_weights_open(&weights, path, &err), RT_OK);
    assert_int_equal(rt_config_preset(&config, "rnapro_base", &err), RT_OK);
    assert_int_equal(rt_weights_write_detect(&config, weights, &err), RT_OK);
    assert_true(config.n_step == 17 && config.c_s == 32);
    rt_weights_close(weights);
    remove(path);
    rt_schema_free_members(&schema);
}

/* tests/data/tiny_start_values.tsv: of every tensor of the reference's freshly built model, the constant that it holds, or
 * n1 or n2: normal numbers of variance 1 or 2 over the inputs; any: too few numbers to tell. */
static void a_start_has_the_reference_s_values(void **state)
{
    (void)state;
    rt_schema schema;
    rt_weights *weights;
    rt_err err;
    char path[128], line[512], name[256], kind[16];
    int n_checked = 0;
    if (!load_schema(&schema, "tests/data/tiny_state_dict.tsv")) skip();
    rt_path_join(path, sizeof path, folder, "start");
    assert_int_equal(rt_weights_write_random(path, &schema, NULL, 42, true, "fp32", &err), RT_OK);
    assert_int_equal(rt_weights_open(&weights, path, &err), RT_OK);
    FILE *f = fopen("tests/data/tiny_start_values.tsv", "r");
    assert_non_null(f);
    assert_non_null(fgets(line, sizeof line, f));
    while (fgets(line, sizeof line, f)) {
        assert_int_equal(sscanf(line, "%255s %15s", name, kind), 2);
        const rt_weight *w = rt_weights_find(weights, name);
        if (!w) fail_msg("%s is not in the file", name);
        if (strcmp(kind, "any") == 0) continue;
        const float *x = w->tensor.data;
        int64_t count = rt_count(w->tensor);
        double squares = 0;
        for (int64_t i = 0; i < count; i++) squares += (double)x[i] * x[i];
        double gain = squares / (double)count * (double)w->tensor.dim[w->tensor.ndim - 1], asked = kind[1] - '0';
        if (kind[0] == 'n' && fabs(gain / asked - 1) > 0.3) fail_msg("%s: gain %g, not %g", name, gain, asked);
        for (int64_t i = 0; kind[0] != 'n' && i < count; i++)
            if (x[i] != (float)atof(kind)) fail_msg("%s: %g, not %s", name, (double)x[i], kind);
        n_checked++;
    }
    fclose(f);
    assert_true(n_checked > 800);
    rt_weights_close(weights);
    remove(path);
    rt_schema_free_members(&schema);
}

static void types_are_chosen_by_name(void **state)
{
    (void)state;
    assert_int_equal(rt_weights_write_dtype("keep", "x", RT_F16), RT_F16);
    assert_int_equal(rt_weights_write_dtype("bf16", "x", RT_F32), RT_BF16);
    assert_int_equal(rt_weights_write_dtype("bf16", "x", RT_I64), RT_I64);
    assert_int_equal(rt_weights_write_dtype("fp32", "x", RT_BF16), RT_F32);
    assert_int_equal(rt_weights_write_dtype("bf16", "layer_weights", RT_F32), RT_F32);
    assert_int_equal(rt_weights_write_dtype("bf16", "confidence_head.lower_bins", RT_F32), RT_F32);
}

static void parameters_are_counted(void **state)
{
    (void)state;
    rt_schema schema;
    rt_config config;
    assert_int_equal(rt_config_preset(&config, "rnapro_base", NULL), RT_OK);
    assert_int_equal(rt_schema_build(&schema, &config, NULL), RT_OK);
    assert_int_equal(schema.count, 7153);
    assert_int_equal(rt_schema_parameters(&schema), 488301921);
    rt_schema_free_members(&schema);
    assert_int_equal(rt_config_preset(&config, "rnapro_mini", NULL), RT_OK);
    assert_int_equal(rt_schema_build(&schema, &config, NULL), RT_OK);
    assert_int_equal(schema.count, 4673);
    assert_int_equal(rt_schema_parameters(&schema), 254280737);
    rt_schema_free_members(&schema);
}

static void differences_from_a_schema_are_found(void **state)
{
    (void)state;
    rt_schema schema = {0};
    rt_schema_add(&schema, "b", 1, (int64_t[]){4});
    rt_schema_add(&schema, "a", 2, (int64_t[]){2, 3});
    rt_schema_add(&schema, "c", 0, NULL);
    rt_schema_add(&schema, "d", 1, (int64_t[]){5});
    assert_int_equal(rt_schema_sort(&schema, NULL), RT_OK);
    assert_int_equal(rt_schema_parameters(&schema), 16);
    rt_weight a = {"a", RT_WRAP(NULL, RT_F32, 3, 2)}, b = {"b", RT_WRAP(NULL, RT_F32, 4)},
              x = {"x", RT_WRAP(NULL, RT_F32, 1)};
    rt_weight d = {"d", RT_WRAP(NULL, RT_F32, 5, 1)};
    const rt_weight *list[] = {&x, &d, &a, &b};
    rt_schema_report report;
    assert_int_equal(rt_schema_check(&report, &schema, list, 4, NULL), RT_OK);
    assert_int_equal(report.count, 4);
    assert_true(report.kinds[RT_SCHEMA_MISSING] == 1 && report.kinds[RT_SCHEMA_UNKNOWN] == 1 &&
                report.kinds[RT_SCHEMA_SHAPE] == 2);
    assert_string_equal(report.item[0].opt_expected->name, "c");
    assert_string_equal(report.item[1].opt_found->name, "x");
    assert_string_equal(report.item[2].opt_found->name, "a");
    assert_string_equal(report.item[3].opt_found->name, "d");
    assert_null(rt_schema_find(&schema, "x"));
    rt_schema_report_free_members(&report);
    rt_schema_free_members(&schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_random_network_depends_on_its_seed_alone),
        cmocka_unit_test(a_random_network_has_the_right_kinds_of_numbers),
        cmocka_unit_test(a_separate_ribonanza_completes_the_sizes),
        cmocka_unit_test(settings_follow_the_sizes_or_the_file),
        cmocka_unit_test(a_start_has_the_reference_s_values),
        cmocka_unit_test(types_are_chosen_by_name),
        cmocka_unit_test(parameters_are_counted),
        cmocka_unit_test(differences_from_a_schema_are_found),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
