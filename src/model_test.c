/* model_test.c - the schema, and what an open checkpoint is checked for */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "io/safetensors.h"
#include "io/test_files.h"
#include "model.h"

/* A sorted list of "name\tshape" lines. */
typedef struct {
    char **line;
    int64_t count, capacity, parameters;
} line_list;

static void add_line(line_list *list, const char *line)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? 2 * list->capacity : 1024;
        list->line = realloc(list->line, (size_t)list->capacity * sizeof *list->line);
    }
    list->line[list->count++] = strdup(line);
}

static void visit(void *user, const char *name, int ndim, const int64_t *dim)
{
    line_list *list = user;
    char line[512];
    int used = snprintf(line, sizeof line, "%s\t", name);
    int64_t count = 1;
    for (int i = 0; i < ndim; i++) {
        used += snprintf(line + used, sizeof line - (size_t)used, i ? ",%lld" : "%lld", (long long)dim[i]);
        count *= dim[i];
    }
    list->parameters += count;
    add_line(list, line);
}

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void sort_lines(line_list *list) { qsort(list->line, (size_t)list->count, sizeof *list->line, by_text); }

static void free_lines(line_list *list)
{
    for (int64_t i = 0; i < list->count; i++) free(list->line[i]);
    free(list->line);
}

/* name TAB shape [TAB dtype] with a header line, as the reference's state_dict was written down */
static void read_state_dict(line_list *list, const char *path)
{
    FILE *file = fopen(path, "r");
    char line[512];
    assert_non_null(file);
    for (int row = 0; fgets(line, sizeof line, file); row++) {
        char *shape = strchr(line, '\t');
        assert_non_null(shape);
        shape[1 + strcspn(shape + 1, "\t\n")] = 0;
        if (row > 0) add_line(list, line);
    }
    fclose(file);
}

static void check_schema(const char *config_name, const char *state_dict, int64_t parameters)
{
    rt_config config;
    rt_err err;
    line_list ours = {0}, reference = {0};
    assert_int_equal(rt_config_load(&config, config_name, &err), RT_OK);
    config.use_ribonanza = true;
    assert_int_equal(rt_model_schema(&config, visit, &ours, &err), RT_OK);
    read_state_dict(&reference, state_dict);
    sort_lines(&ours);
    sort_lines(&reference);
    assert_int_equal(ours.count, reference.count);
    for (int64_t i = 0; i < ours.count; i++) assert_string_equal(ours.line[i], reference.line[i]);
    assert_int_equal(ours.parameters, parameters);
    free_lines(&ours);
    free_lines(&reference);
}

static void schema_is_the_references(void **state)
{
    (void)state;
    check_schema("tests/data/golden/tiny/tiny_config.json", "tests/data/tiny_state_dict.tsv", 666040);
    char path[4096];
    const char *shared = test_shared("the full-size schemas");
    if (!shared) skip();
    rt_path_join(path, sizeof path, shared, "golden/state_dict_base.tsv");
    check_schema("rnapro_base", path, 488301921);
    rt_path_join(path, sizeof path, shared, "golden/state_dict_mini.tsv");
    check_schema("rnapro_mini", path, 254280737);
}

static rt_status open_tiny(rt_model **model, rt_model_options options, rt_err *err)
{
    if (!options.checkpoint) options.checkpoint = "tests/data/golden/tiny/tiny.pt";
    rt_status status = rt_model_open(model, &options, err);
    if (status != RT_OK) assert_null(*model);
    return status;
}

static void a_torch_checkpoint_is_mapped_not_copied(void **state)
{
    (void)state;
    rt_model *model;
    rt_err err;
    assert_int_equal(open_tiny(&model, (rt_model_options){.opt_config = "tests/data/golden/tiny/tiny_config.json"}, &err), RT_OK);
    assert_int_equal(model->n_parameters, 666040);
    const rt_weight *w = rt_weights_find(model->weights, "linear_no_bias_sinit.weight");
    assert_ptr_equal(model->trunk.embedder.sinit.weight.data, w->tensor.data);
    assert_int_equal((int)model->config.n_step, 5);      /* from the file */
    assert_int_equal(model->ribonanza_source, RT_RIBONANZA_CHECKPOINT);
    rt_model_close(model);
    /* without a config sizes still come from the weights, settings from rnapro_base */
    assert_int_equal(open_tiny(&model, (rt_model_options){0}, &err), RT_OK);
    assert_int_equal(model->config.c_s, 32);
    assert_int_equal((int)model->config.n_step, 200);
    rt_model_close(model);
}

static void a_config_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    rt_model *model;
    rt_err err;
    assert_int_equal(open_tiny(&model, (rt_model_options){.opt_config = "rnapro_base"}, &err), RT_ERR_MISMATCH);
    assert_non_null(strstr(err.what, "c_s"));
    assert_int_equal(open_tiny(&model, (rt_model_options){.opt_config = "rnapro_bass"}, &err), RT_ERR_USAGE);
}

/* A copy of tiny.pt's weights as safetensors without the names that begin with `drop`, with one tensor renamed. */
static void write_variant(const char *path, const char *drop, const char *rename_from, const char *rename_to)
{
    rt_weights *weights;
    rt_safetensors_writer *writer;
    assert_int_equal(rt_weights_open(&weights, "tests/data/golden/tiny/tiny.pt", NULL), RT_OK);
    assert_int_equal(rt_safetensors_create(&writer, path, NULL), RT_OK);
    for (int pass = 0; pass < 2; pass++) {
        for (int64_t i = 0; i < rt_weights_count(weights); i++) {
            const rt_weight *w = rt_weights_at(weights, i);
            if (strncmp(w->name, drop, strlen(drop)) == 0) continue;
            const char *name = strcmp(w->name, rename_from) == 0 ? rename_to : w->name;
            assert_int_equal(pass ? rt_safetensors_write(writer, w->tensor, NULL)
                                  : rt_safetensors_declare(writer, name, w->tensor, NULL), RT_OK);
        }
        rt_tensor extra = rt_weights_at(weights, 0)->tensor;   /* a new name in the place of none */
        if (!rename_from[0] && rename_to[0])
            assert_int_equal(pass ? rt_safetensors_write(writer, extra, NULL)
                                  : rt_safetensors_declare(writer, rename_to, extra, NULL), RT_OK);
    }
    assert_int_equal(rt_safetensors_commit(writer, NULL), RT_OK);
    rt_weights_close(weights);
}

static void ribonanza_is_never_silently_absent(void **state)
{
    (void)state;
    rt_model *model;
    rt_err err;
    const char *path = test_path("variant.safetensors");
    write_variant(path, "ribonanza_net.", "", "");
    assert_int_equal(open_tiny(&model, (rt_model_options){.checkpoint = path}, &err), RT_ERR_MISMATCH);
    assert_non_null(strstr(err.what, "RibonanzaNet2"));
    assert_non_null(strstr(err.hint, "--no-ribonanza"));
    assert_int_equal(open_tiny(&model, (rt_model_options){.checkpoint = path, .opt_ribonanza = "tests/data/golden/tiny/"
                                                          "ribonanzanet2"}, &err), RT_OK);
    assert_int_equal(model->ribonanza_source, RT_RIBONANZA_FOLDER);
    assert_int_equal(model->n_parameters, 666040);
    rt_model_close(model);
    assert_int_equal(open_tiny(&model, (rt_model_options){.checkpoint = path, .no_ribonanza = true}, &err), RT_OK);
    assert_int_equal(model->ribonanza_source, RT_RIBONANZA_NONE);
    rt_model_close(model);
}

static void missing_and_unknown_weights_are_named(void **state)
{
    (void)state;
    rt_model *model;
    rt_err err;
    const char *path = test_path("variant.safetensors");
    write_variant(path, "confidence_head.pae_ln.weight", "linear_no_bias_s.weight", "linear_no_bias_x.weight");
    assert_int_equal(open_tiny(&model, (rt_model_options){.checkpoint = path}, &err), RT_ERR_MISMATCH);
    assert_non_null(strstr(err.what, "2 weights are missing"));
    assert_non_null(strstr(err.what, "1 are unknown"));
    assert_non_null(strstr(err.what, "confidence_head.pae_ln.weight: missing"));
    assert_non_null(strstr(err.what, "linear_no_bias_x.weight: unknown"));
    write_variant(path, "none of them", "", "one.too.many");
    assert_int_equal(open_tiny(&model, (rt_model_options){.checkpoint = path}, &err), RT_ERR_MISMATCH);
    assert_non_null(strstr(err.what, "one.too.many: unknown"));
}

static void precision_decides_which_products_are_bf16(void **state)
{
    (void)state;
    rt_model *model;
    rt_err err;
    assert_int_equal(open_tiny(&model, (rt_model_options){.precision = RT_PRECISION_REFERENCE}, &err), RT_OK);
    assert_non_null(model->trunk.embedder.sinit.weight16.data);
    assert_null(model->denoiser.s.weight16.data);
    assert_null(model->confidence.pae.weight16.data);
    rt_model_close(model);
    assert_int_equal(open_tiny(&model, (rt_model_options){.precision = RT_PRECISION_BF16}, &err), RT_OK);
    assert_non_null(model->denoiser.s.weight16.data);
    assert_null(model->denoiser.encoder.r.weight16.data);   /* a layer on coordinates stays in float */
    rt_model_close(model);
}

/* Rates are the configuration's, where something trains; what is frozen behaves as in evaluation. */
static void dropout_is_the_config_s_where_something_trains(void **state)
{
    rt_config config;
    rt_err err;
    (void)state;
    assert_int_equal(rt_config_load(&config, "tests/data/tiny_config.json", &err), RT_OK);
    config.dropout_pairformer = 0.11, config.dropout_template = 0.12, config.dropout_msa = 0.13;
    config.dropout_msa_pair = 0.14, config.dropout_confidence = 0.16;
    for (int trains = 0; trains < 2; trains++) {
        rt_params *params;
        rt_model *model;
        assert_int_equal(rt_params_create(&params, &err), RT_OK);
        assert_int_equal(rt_params_train(params, trains ? "*" : "diffusion_module", &err), RT_OK);
        if (rt_model_synthetic(&model, &config, RT_PRECISION_FP32, params, NULL, &err) != RT_OK) fail_msg("%s", err.what);
        const rt_trunk *t = &model->trunk;
        assert_true(t->pairformer.block[1].pair.dropout == trains * 0.11);
        assert_true(t->template_embedder.stack.block[0].pair.dropout == trains * 0.12);
        assert_true(t->msa.block[0].dropout == trains * 0.13 && t->msa.block[0].pair.dropout == trains * 0.14);
        assert_true(model->confidence.stack.block[0].pair.dropout == trains * 0.16);
        rt_model_close(model);
        rt_params_free(params);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schema_is_the_references),
        cmocka_unit_test(a_torch_checkpoint_is_mapped_not_copied),
        cmocka_unit_test(a_config_that_does_not_fit_is_refused),
        cmocka_unit_test(ribonanza_is_never_silently_absent),
        cmocka_unit_test(missing_and_unknown_weights_are_named),
        cmocka_unit_test(precision_decides_which_products_are_bf16),
        cmocka_unit_test(dropout_is_the_config_s_where_something_trains),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
