/* config_test.c - presets, the reference's files, and sizes read off the shapes of three models */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "io/config_detect.h"

/* A list of names and shapes, as in tests/data/tiny_state_dict.tsv: name, "3,4", dtype. */
typedef struct {
    char *text;
    struct { const char *name; int ndim; int64_t dim[RT_MAX_DIMS]; } *row;
    int count;
    const char *hidden;     /* a name that the lookup pretends not to have */
    const char *only_under; /* and a prefix that it hides */
} shapes;

static bool look_up(void *user, const char *name, int *out_ndim, int64_t out_dim[RT_MAX_DIMS])
{
    const shapes *s = user;
    if (s->hidden && strcmp(s->hidden, name) == 0) return false;
    if (s->only_under && strncmp(s->only_under, name, strlen(s->only_under)) == 0) return false;
    for (int i = 0; i < s->count; i++)
        if (strcmp(s->row[i].name, name) == 0) {
            *out_ndim = s->row[i].ndim;
            memcpy(out_dim, s->row[i].dim, sizeof s->row[i].dim);
            return true;
        }
    return false;
}

/* Looks in tests/data, then in the shared goldens; false when the file is in neither. */
static bool load_shapes(shapes *out, const char *name, const char *shared)
{
    char path[256];
    rt_map map;
    snprintf(path, sizeof path, "tests/data/%s", name);
    if (!rt_file_exists(path)) snprintf(path, sizeof path, "../shared/golden/%s", shared);
    if (!rt_file_exists(path)) {
        print_message("skip: %s is not here\n", path);
        return false;
    }
    assert_int_equal(rt_map_open(&map, path, NULL), RT_OK);
    *out = (shapes){.text = strndup((const char *)map.data, (size_t)map.size), .row = calloc(10000, sizeof *out->row)};
    rt_map_close(&map);
    char *next_line, *next_field, *next_size;
    for (char *line = strtok_r(out->text, "\n", &next_line); line; line = strtok_r(NULL, "\n", &next_line)) {
        out->row[out->count].name = strtok_r(line, "\t", &next_field);
        char *shape = strtok_r(NULL, "\t", &next_field);
        for (char *size = strtok_r(shape, ",", &next_size); size; size = strtok_r(NULL, ",", &next_size))
            out->row[out->count].dim[out->row[out->count].ndim++] = atoll(size);
        out->count++;
    }
    return true;
}

static void free_shapes(shapes *s)
{
    free(s->text);
    free(s->row);
}

static void detected_equals(const rt_config *expected, const char *name, const char *shared)
{
    shapes s;
    rt_err err;
    if (!load_shapes(&s, name, shared)) skip();
    rt_config config;
    assert_int_equal(rt_config_preset(&config, "rnapro_base", &err), RT_OK);
#define RT_SIZE(field, path, value) if (strcmp(#field, "s_max") != 0) config.field = 999;
    RT_CONFIG_SIZES
#undef RT_SIZE
    if (expected->msa_blocks == 1)
        config.msa_averaging_heads = config.msa_averaging_hidden = 8; /* no shape tells them */
    if (rt_config_detect_shapes(&config, look_up, &s, name, &err) != RT_OK) fail_msg("%s", err.what);
    if (rt_config_compare(expected, &config, &err) != RT_OK) fail_msg("%s", err.what);
    free_shapes(&s);
}

static void sizes_of_rnapro_base_are_detected(void **state)
{
    (void)state;
    rt_config config;
    assert_int_equal(rt_config_preset(&config, "rnapro_base", NULL), RT_OK);
    detected_equals(&config, "state_dict_base.tsv", "state_dict_base.tsv");
}

static void sizes_of_rnapro_mini_are_detected(void **state)
{
    (void)state;
    rt_config config;
    assert_int_equal(rt_config_preset(&config, "rnapro_mini", NULL), RT_OK);
    detected_equals(&config, "state_dict_mini.tsv", "state_dict_mini.tsv");
}

static void sizes_of_the_golden_model_are_detected(void **state)
{
    (void)state;
    rt_config config;
    rt_err err;
    if (rt_config_load(&config, "tests/data/tiny_config.json", &err) != RT_OK) fail_msg("%s", err.what);
    detected_equals(&config, "tiny_state_dict.tsv", "tiny/tiny_state_dict.tsv");
}

static char *write_file(const char *text)
{
    static char path[64];
    snprintf(path, sizeof path, "/tmp/rt_config_testXXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    return path;
}

static void a_reference_file_is_read_from_the_right_places(void **state)
{
    (void)state;
    rt_config c;
    rt_err err;
    if (rt_config_load(&c, "tests/data/tiny_config.json", &err) != RT_OK) fail_msg("%s", err.what);
    assert_int_equal(c.c_s, 32);
    assert_int_equal(c.c_token_input, 40);
    assert_int_equal(c.c_token, 48);
    assert_int_equal(c.pairformer_blocks, 2);
    assert_int_equal(c.c_hidden_mul, 24);
    assert_int_equal(c.c_hidden_pair_att, 8);
    assert_int_equal(c.ribonanza_nlayers, 3);
    assert_true(c.n_cycle == 2 && c.n_step == 5 && c.n_sample == 2 && c.gamma0 == 0.8 && c.s_min_noise == 4e-4);
    assert_true(c.msa_test_cutoff == 16384 && c.msa_test_lower_bound == 1 && c.distogram_max == 21.6875);
    assert_true(c.use_ribonanza);
    assert_string_equal(c.name, "tests/data/tiny_config.json");
    assert_true(c.dropout_pairformer == 0.25 && c.dropout_template == 0.15 && c.dropout_msa == 0.15 &&
                c.dropout_msa_pair == 0.25 && c.dropout_confidence == 0);
    char *path = write_file("model:\n  pairformer: {dropout: 0.11}\n  template_embedder: {pairformer_dropout: 0.12}\n"
                            "  msa_module: {msa_dropout: 0.13, pair_dropout: 0.14}\n"
                            "  confidence_head: {pairformer_dropout: 0.16}\n");
    if (rt_config_load(&c, path, &err) != RT_OK) fail_msg("%s", err.what);
    assert_true(c.dropout_pairformer == 0.11 && c.dropout_template == 0.12 && c.dropout_msa == 0.13 &&
                c.dropout_msa_pair == 0.14 && c.dropout_confidence == 0.16);
    remove(path);
}

static void presets_differ_where_the_reference_says(void **state)
{
    (void)state;
    rt_config c;
    rt_err err;
    assert_int_equal(rt_config_load(&c, "rnapro_base", &err), RT_OK);
    assert_true(c.pairformer_blocks == 48 && c.n_cycle == 10 && c.n_step == 200 && c.gamma0 == 0.8 && c.use_ribonanza);
    assert_int_equal(rt_config_load(&c, "rnapro_mini", &err), RT_OK);
    assert_true(c.msa_blocks == 1 && c.pairformer_blocks == 16 && c.transformer_blocks == 8 &&
                c.atom_encoder_blocks == 1);
    assert_true(c.atom_decoder_blocks == 1 && c.input_atom_blocks == 3 && c.confidence_blocks == 4);
    assert_true(c.n_cycle == 4 && c.n_step == 5 && c.gamma0 == 0 && c.step_scale_eta == 1);
    assert_int_equal(rt_config_load(&c, "rnapro_tiny", &err), RT_OK);
    assert_true(c.pairformer_blocks == 8 && c.transformer_blocks == 8);
    assert_int_equal(rt_config_load(&c, "rnapro_bsae", &err), RT_ERR_USAGE);
    assert_string_equal(err.hint, "did you mean 'rnapro_base'?");
    assert_int_equal(rt_config_load(&c, "large", &err), RT_ERR_USAGE);
    assert_non_null(strstr(err.hint, "rnapro_mini"));
    assert_int_equal(rt_config_load(&c, "not/there.json", &err), RT_ERR_IO);
}

/* The error that this file gives. */
static void load_fails(const char *text, rt_status code, const char *fragment)
{
    rt_config c;
    rt_err err;
    char *path = write_file(text);
    assert_int_equal(rt_config_load(&c, path, &err), code);
    if (!strstr(err.what, fragment)) fail_msg("%s: said '%s', not '%s'", text, err.what, fragment);
    assert_string_equal(err.file, path);
    remove(path);
}

static void wrong_values_are_named(void **state)
{
    (void)state;
    load_fails("{\"c_s\": \"384\"}", RT_ERR_FORMAT, "'c_s': expected an integer, found the text \"384\"");
    load_fails("model:\n  pairformer:\n    n_blocks: 1.5\n", RT_ERR_FORMAT,
               "'model.pairformer.n_blocks': expected an integer");
    load_fails("model:\n  pairformer:\n    n_blocks: -1\n", RT_ERR_FORMAT,
               "'model.pairformer.n_blocks' is -1; 0 to 1000 was");
    load_fails("sample_diffusion: {gamma0: high}", RT_ERR_FORMAT, "'sample_diffusion.gamma0': expected a number");
    load_fails("model: {pairformer: {dropout: 1}}", RT_ERR_FORMAT, "'model.pairformer.dropout' is 1; a probability");
    load_fails("sample_diffusion: {N_step: 0}", RT_ERR_FORMAT, "'sample_diffusion.N_step' is 0");
    load_fails("data: {msa: {strategy: topk}}", RT_ERR_UNSUPPORTED, "'data.msa.strategy' is \"topk\"");
    load_fails("model: {use_RibonanzaNet2: maybe}", RT_ERR_FORMAT, "'model.use_RibonanzaNet2': expected true or false");
    load_fails("{\"python_defaults_patched\": {\"PairformerBlock.c_hidden_mul\": null}}", RT_ERR_FORMAT,
               "c_hidden_mul");
    load_fails("- 1\n", RT_ERR_FORMAT, "expected a configuration");
    load_fails("{\"rnatune_config\": 1, \"sizes\": {\"c_ss\": 3}, \"settings\": {}}", RT_ERR_FORMAT,
               "'sizes.c_ss' is not known");
    load_fails("{\"rnatune_config\": 1, \"sizes\": {}}", RT_ERR_FORMAT,
               "'settings': expected an object, found nothing");
}

static void a_file_may_name_a_preset_and_say_little(void **state)
{
    (void)state;
    rt_config c;
    rt_err err;
    char *path = write_file("model_name: rnapro_mini_default_v0.5.0\nsample_diffusion:\n  N_step: 7\nlr: 1e-4\n");
    if (rt_config_load(&c, path, &err) != RT_OK) fail_msg("%s", err.what);
    assert_true(c.pairformer_blocks == 16 && c.n_step == 7 && c.gamma0 == 0);
    remove(path);
    path = write_file("n_blocks: 12\nmodel:\n  N_cycle: 3\n");
    if (rt_config_load(&c, path, &err) != RT_OK) fail_msg("%s", err.what);
    assert_true(c.pairformer_blocks == 12 && c.n_cycle == 3 && c.transformer_blocks == 24);
    remove(path);
}

static void what_is_printed_is_read_back(void **state)
{
    (void)state;
    rt_config c, again;
    rt_err err;
    memset(&c, 0, sizeof c);
    assert_int_equal(rt_config_preset(&c, "rnapro_mini", &err), RT_OK);
    int64_t n = 1;
#define RT_SIZE(field, path, value) c.field = ++n;
    RT_CONFIG_SIZES
#undef RT_SIZE
#define RT_SETTING(field, path, value)                                                            \
    c.field = strncmp(#field, "n_", 2) == 0 ? (double)++n : (double)++n / 3;                        \
    if (strncmp(#field, "dropout_", 8) == 0) c.field /= 100;
    RT_CONFIG_SETTINGS
#undef RT_SETTING
    c.use_ribonanza = false;
    char *text = rt_config_print(&c, &err), *path = write_file(text);
    if (rt_config_load(&again, path, &err) != RT_OK) fail_msg("%s", err.what);
#define RT_SIZE(field, path, value) assert_int_equal(c.field, again.field);
    RT_CONFIG_SIZES
#undef RT_SIZE
#define RT_SETTING(field, path, value) assert_true(c.field == again.field);
    RT_CONFIG_SETTINGS
#undef RT_SETTING
    assert_false(again.use_ribonanza);
    free(text);
    remove(path);
}

static void ribonanza_has_its_own_file(void **state)
{
    (void)state;
    rt_config c;
    rt_err err;
    assert_int_equal(rt_config_preset(&c, "rnapro_base", &err), RT_OK);
    if (rt_config_load_ribonanza(&c, "tests/data/pairwise.yaml", &err) != RT_OK) fail_msg("%s", err.what);
    assert_true(c.ribonanza_ninp == 24 && c.ribonanza_nhead == 4 && c.ribonanza_nlayers == 3 && c.c_s == 384);
    assert_true(c.ribonanza_pairwise_dimension == 20 && c.ribonanza_dim_msa == 6 && c.ribonanza_nclass == 10);
    char *path = write_file("ninp: 24\nuse_triangular_attention: true\n");
    assert_int_equal(rt_config_load_ribonanza(&c, path, &err), RT_ERR_UNSUPPORTED);
    remove(path);
    path = write_file("ninp: 24\nnhead: four\n");
    assert_int_equal(rt_config_load_ribonanza(&c, path, &err), RT_ERR_FORMAT);
    assert_non_null(strstr(err.what, "'nhead'"));
    remove(path);
}

static void every_difference_is_listed(void **state)
{
    (void)state;
    rt_config base, mini;
    rt_err err;
    assert_int_equal(rt_config_preset(&base, "rnapro_base", &err), RT_OK);
    assert_int_equal(rt_config_compare(&base, &base, &err), RT_OK);
    assert_int_equal(rt_config_preset(&mini, "rnapro_mini", &err), RT_OK);
    assert_int_equal(rt_config_compare(&base, &mini, &err), RT_ERR_MISMATCH);
    assert_non_null(strstr(err.what, "pairformer_blocks: the config says 48, the weights 16"));
    assert_non_null(strstr(err.what, "atom_decoder_blocks: the config says 3, the weights 1"));
    assert_null(strstr(err.what, "gamma0"));   /* a setting, not a size */
    mini = base;
    mini.ribonanza_ninp = 7;
    base.use_ribonanza = false;
    assert_int_equal(rt_config_compare(&base, &mini, &err), RT_OK);
}

static void detection_says_what_it_lacks(void **state)
{
    (void)state;
    shapes s;
    rt_err err;
    rt_config c;
    if (!load_shapes(&s, "tiny_state_dict.tsv", "tiny/tiny_state_dict.tsv")) skip();
    assert_int_equal(rt_config_preset(&c, "rnapro_base", &err), RT_OK);
    s.hidden = "distogram_head.linear.weight";
    assert_int_equal(rt_config_detect_shapes(&c, look_up, &s, "x.pt", &err), RT_ERR_MISMATCH);
    assert_non_null(strstr(err.what, "'distogram_head.linear.weight' is missing"));
    s.hidden = NULL;
    c.s_max = 1;
    assert_int_equal(rt_config_detect_shapes(&c, look_up, &s, "x.pt", &err), RT_ERR_MISMATCH);
    assert_non_null(strstr(err.what, "fits no r_max"));
    c.s_max = 2;
    s.only_under = "ribonanza_net.";
    assert_int_equal(rt_config_detect_shapes(&c, look_up, &s, "x.pt", &err), RT_ERR_MISMATCH);
    assert_non_null(strstr(err.what, "holds no RibonanzaNet2"));
    assert_non_null(strstr(err.hint, "--no-ribonanza"));
    c.use_ribonanza = false;
    assert_int_equal(rt_config_detect_shapes(&c, look_up, &s, "x.pt", &err), RT_OK);
    assert_true(c.ribonanza_ninp == 24 && c.ribonanza_pairwise_dimension == 20 && c.ribonanza_nlayers == 3);
    free_shapes(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_of_rnapro_base_are_detected),
        cmocka_unit_test(sizes_of_rnapro_mini_are_detected),
        cmocka_unit_test(sizes_of_the_golden_model_are_detected),
        cmocka_unit_test(a_reference_file_is_read_from_the_right_places),
        cmocka_unit_test(presets_differ_where_the_reference_says),
        cmocka_unit_test(wrong_values_are_named),
        cmocka_unit_test(a_file_may_name_a_preset_and_say_little),
        cmocka_unit_test(what_is_printed_is_read_back),
        cmocka_unit_test(ribonanza_has_its_own_file),
        cmocka_unit_test(every_difference_is_listed),
        cmocka_unit_test(detection_says_what_it_lacks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
