/* cmd_inspect.c - rnatune inspect: what is in a file of weights, and whether it is all of a network */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "cli/commands.h"
#include "cli/print_json.h"
#include "cli/schema_check.h"
#include "cli/weights_write.h"
#include "io/weights.h"

#define LISTED 20   /* differences of one kind that the table shows without --all */

static json_t *shape_json(int ndim, const int64_t *dim)
{
    json_t *list = json_array();
    for (int i = 0; i < ndim; i++) json_array_append_new(list, json_integer(dim[i]));
    return list;
}

static void add_to(json_t *counts, const char *key, int64_t more)
{
    int64_t before = json_integer_value(json_object_get(counts, key));
    json_object_set_new(counts, key, json_integer(before + more));
}

/* What the file itself says: no knowledge of the network. */
static json_t *describe_file(const rt_weights *weights, bool all)
{
    json_t *modules = json_object(), *dtypes = json_object(), *list = all ? json_array() : json_null();
    int64_t parameters = 0, bytes = 0, step;
    for (int64_t i = 0; i < rt_weights_count(weights); i++) {
        const rt_weight *w = rt_weights_at(weights, i);
        char module[256];
        snprintf(module, sizeof module, "%.*s", (int)strcspn(w->name, "."), w->name);
        add_to(modules, module, rt_count(w->tensor));
        add_to(dtypes, rt_dtype_name(w->tensor.dtype), 1);
        parameters += rt_count(w->tensor);
        bytes += rt_bytes(w->tensor);
        if (all)
            json_array_append_new(list, json_pack("{s:s, s:s, s:o, s:I}", "name", w->name, "dtype",
                                                  rt_dtype_name(w->tensor.dtype), "shape",
                                                  shape_json(w->tensor.ndim, w->tensor.dim), "parameters",
                                                  (json_int_t)rt_count(w->tensor)));
    }
    json_t *root = json_object();
    json_object_set_new(root, "file", json_string(rt_weights_path(weights)));
    json_object_set_new(root, "format", json_string(rt_weights_format(weights)));
    json_object_set_new(root, "step", rt_weights_step(weights, &step) ? json_integer(step) : json_null());
    json_object_set_new(root, "tensors", json_integer(rt_weights_count(weights)));
    json_object_set_new(root, "parameters", json_integer(parameters));
    json_object_set_new(root, "tensor_bytes", json_integer(bytes));
    json_object_set_new(root, "dtypes", dtypes);
    json_object_set_new(root, "modules", modules);
    if (all) json_object_set_new(root, "tensor_list", list);
    else json_decref(list);
    return root;
}

static json_t *sizes_json(const rt_config *config)
{
    json_t *sizes = json_object();
#define RT_SIZE(field, path, value) json_object_set_new(sizes, #field, json_integer(config->field));
    RT_CONFIG_SIZES
#undef RT_SIZE
    return sizes;
}

/* {"pairformer_blocks": {"config": 48, "weights": 16}, ...} */
static json_t *differing_sizes(const rt_config *config, const rt_config *detected)
{
    json_t *list = json_object();
#define RT_SIZE(field, path, value)                                                                            \
    if (config->field != detected->field)                                                                      \
        json_object_set_new(list, #field, json_pack("{s:I, s:I}", "config", (json_int_t)config->field, "weights", \
                                                    (json_int_t)detected->field));
    RT_CONFIG_SIZES
#undef RT_SIZE
    return list;
}

static void add_closest_preset(json_t *root, const rt_config *detected)
{
    const char *presets[] = {"rnapro_base", "rnapro_mini", "rnapro_tiny"};
    size_t best = SIZE_MAX;
    for (int i = 0; i < 3; i++) {
        rt_config preset;
        if (rt_config_preset(&preset, presets[i], NULL) != RT_OK) continue;
        json_t *list = differing_sizes(&preset, detected);
        if (json_object_size(list) < best) {
            best = json_object_size(list);
            json_object_set_new(root, "closest_preset", json_string(presets[i]));
            json_object_set_new(root, "closest_preset_differs_in", json_integer((json_int_t)best));
        }
        json_decref(list);
    }
}

static json_t *difference_json(const rt_schema_difference *d)
{
    json_t *item = json_object();
    json_object_set_new(item, "name", json_string(d->opt_expected ? d->opt_expected->name : d->opt_found->name));
    if (d->opt_found) {
        json_object_set_new(item, "dtype", json_string(rt_dtype_name(d->opt_found->tensor.dtype)));
        json_object_set_new(item, "shape", shape_json(d->opt_found->tensor.ndim, d->opt_found->tensor.dim));
    }
    if (d->opt_expected) json_object_set_new(item, "expected", shape_json(d->opt_expected->ndim, d->opt_expected->dim));
    return item;
}

/* Names and shapes against the whole network of these sizes. */
static rt_status add_differences(json_t *root, const rt_config *config, const rt_weights *weights, bool *out_differs,
                                 rt_err *err)
{
    static const char *const kinds[] = {"missing", "unknown", "wrong_shape"};
    rt_status status = RT_OK;
    rt_schema schema = {0};
    rt_schema_report report = {0};
    RT_TRY(rt_schema_check_file(&report, &schema, config, weights, err));
    for (int kind = 0; kind < 3; kind++) {
        json_t *array = json_array();
        for (int64_t i = 0; i < report.count; i++)
            if ((int)report.item[i].kind == kind) json_array_append_new(array, difference_json(&report.item[i]));
        json_object_set_new(root, kinds[kind], array);
    }
    *out_differs = report.count > 0;
done:
    rt_schema_report_free_members(&report);
    rt_schema_free_members(&schema);
    return status;
}

/* What rnatune knows of it: sizes, preset, and what is missing or does not belong. */
static rt_status describe_network(rt_cli *cli, json_t *root, const rt_weights *weights, rt_err *err)
{
    const char *config_name = rt_option_text(cli->options, "config");
    rt_config config, detected;
    rt_err why;
    bool differs = false;
    rt_status status = RT_OK;
    RT_TRY(rt_config_load(&config, config_name ? config_name : "rnapro_base", err));
    detected = config;
    if (rt_weights_write_detect(&detected, weights, &why) != RT_OK) {
        rt_warn("not a whole RNAPro checkpoint: %s", why.what);
        json_object_set_new(root, "sizes", json_null());
        cli->check_failed = config_name != NULL;
        if (!config_name) return RT_OK;
        detected = config;
    } else {
        json_object_set_new(root, "sizes", sizes_json(&detected));
        json_object_set_new(root, "has_ribonanza", json_boolean(detected.use_ribonanza));
        add_closest_preset(root, &detected);
    }
    if (config_name) {
        json_t *sizes = differing_sizes(&config, &detected);
        if (json_object_size(sizes)) cli->check_failed = true;
        json_object_set_new(root, "differing_sizes", sizes);
    }
    RT_TRY(add_differences(root, config_name ? &config : &detected, weights, &differs, err));
    if (config_name && differs) cli->check_failed = true;
done:
    return status;
}

/* ---- the table: section, name, value, dtype, shape -------------------------------------------------------------- */

/* A name from a file cannot add columns or move the cursor. */
static void print_text(const char *text)
{
    for (; text && *text; text++) putchar((unsigned char)*text < ' ' || *text == 127 ? '?' : *text);
}

static void print_shape(const json_t *shape)
{
    if (!json_is_array(shape)) {
        printf("-");
        return;
    }
    if (json_array_size(shape) == 0) printf("scalar");
    for (size_t i = 0; i < json_array_size(shape); i++)
        printf("%s%lld", i ? "," : "", (long long)json_integer_value(json_array_get(shape, i)));
}

static void print_row(const char *section, const char *name, const json_t *value)
{
    printf("%s\t", section);
    print_text(name);
    printf("\t");
    if (json_is_string(value)) print_text(json_string_value(value));
    else if (json_is_integer(value)) printf("%lld", (long long)json_integer_value(value));
    else if (json_is_boolean(value)) printf("%s", json_is_true(value) ? "yes" : "no");
    else printf("-");
    printf("\t-\t-\n");
}

static void print_section(const char *section, const json_t *map)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)map, name, value) print_row(section, name, value);
}

/* missing, unknown: the shape; wrong_shape: "found, expected"; tensor: the parameters too. */
static void print_weights(const char *section, const json_t *list, bool all)
{
    size_t count = json_array_size(list);
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(list, i), *expected = json_object_get(item, "expected");
        const json_t *shape = json_object_get(item, "shape"), *dtype = json_object_get(item, "dtype");
        if (!all && i == LISTED) {
            printf("%s\t...\tand %zu more (--all lists them)\t-\t-\n", section, count - i);
            return;
        }
        printf("%s\t", section);
        print_text(json_string_value(json_object_get(item, "name")));
        printf("\t");
        if (shape && expected) {
            printf("expected ");
            print_shape(expected);
        } else if (json_object_get(item, "parameters")) {
            printf("%lld", (long long)json_integer_value(json_object_get(item, "parameters")));
        } else {
            printf("-");
        }
        printf("\t%s\t", dtype ? json_string_value(dtype) : "-");
        print_shape(shape ? shape : expected);
        printf("\n");
    }
}

static void print_table(const json_t *root, bool all)
{
    static const char *const file[] = {"file", "format", "step", "tensors", "parameters", "tensor_bytes"};
    static const char *const network[] = {"closest_preset", "closest_preset_differs_in", "has_ribonanza"};
    const char *name;
    json_t *value;
    printf("section\tname\tvalue\tdtype\tshape\n");
    for (size_t i = 0; i < sizeof file / sizeof *file; i++) print_row("file", file[i], json_object_get(root, file[i]));
    print_section("dtype", json_object_get(root, "dtypes"));
    print_section("module", json_object_get(root, "modules"));
    print_section("size", json_object_get(root, "sizes"));
    for (size_t i = 0; i < sizeof network / sizeof *network; i++)
        if (json_object_get(root, network[i])) print_row("network", network[i], json_object_get(root, network[i]));
    json_object_foreach(json_object_get(root, "differing_sizes"), name, value)
        printf("differs\t%s\tconfig %lld, weights %lld\t-\t-\n", name,
               (long long)json_integer_value(json_object_get(value, "config")),
               (long long)json_integer_value(json_object_get(value, "weights")));
    static const char *const kinds[] = {"missing", "unknown", "wrong_shape"};
    for (int kind = 0; kind < 3; kind++) {
        const json_t *list = json_object_get(root, kinds[kind]);
        if (!list) continue;
        printf("network\t%s\t%zu\t-\t-\n", kinds[kind], json_array_size(list));
        print_weights(kinds[kind], list, all);
    }
    print_weights("tensor", json_object_get(root, "tensor_list"), true);
}

static rt_status run(rt_cli *cli, rt_err *err)
{
    bool all = rt_option_flag(cli->options, "all");
    rt_weights *weights = NULL;
    json_t *root = NULL;
    rt_status status = RT_OK;
    RT_TRY(rt_weights_open(&weights, rt_operand_at(cli->options, 0), err));
    root = describe_file(weights, all);
    RT_TRY(describe_network(cli, root, weights, err));
    if (rt_option_flag(cli->options, "json")) {
        RT_TRY(rt_print_json(root, err));
    } else {
        print_table(root, all);
    }
done:
    json_decref(root);
    rt_weights_close(weights);
    return status;
}

static const rt_operand OPERANDS[] = {
    {.name = "FILE", .type = RT_OPTION_FILE, .required = true, .help = "weights: .pt, .ckpt, .bin or .safetensors"},
    {0},
};

static const rt_option OPTIONS[] = {
    {.name = "config",
     .type = RT_OPTION_TEXT,
     .value = "NAME|FILE",
     .otherwise = "what the shapes say",
     .help = "compare with this preset (rnapro_base, rnapro_mini, rnapro_tiny) or configuration; exit 3 when they "
             "differ"},
    {.name = "all", .type = RT_OPTION_FLAG, .help = "list every tensor, and every name that is missing or unknown"},
    {.name = "json", .type = RT_OPTION_FLAG, .help = "JSON instead of a table"},
    {0},
};

const rt_command rt_cmd_inspect = {
    .name = "inspect",
    .summary = "what is in a file of weights",
    .operands = OPERANDS,
    .options = OPTIONS,
    .description = "Reads names, types and shapes without loading the weights: the format and training step, tensors "
                   "and parameters per "
                   "module, the network's sizes as the shapes tell them, the preset that comes closest, and the "
                   "names that are missing, "
                   "unknown or of the wrong shape for a network of these sizes.",
    .output =
        "A table of section, name, value, dtype and shape, with - where a column does not apply; or one JSON object. "
        "Sections: file, dtype (tensors of each), module (parameters of each), size, network, differs (with "
        "--config), "
        "missing, unknown, wrong_shape, tensor (with --all).",
    .examples = "  rnatune inspect rnapro.pt\n"
                "  rnatune inspect rnapro.pt --config rnapro_base && echo complete\n"
                "  rnatune inspect rnapro.pt --all | awk -F'\\t' '$1 == \"tensor\" && $4 == \"BF16\"'",
    .run = run,
};
