#include "io/config.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "base/yaml.h"

/* The largest size that is believed: what is larger is a slip of the pen, and products stay far from overflow. */
#define LARGEST_SIZE 1000000
#define MOST_BLOCKS 1000

typedef struct {
    const char *name, *path;
    size_t offset;
    bool is_size;
} field;

static const field FIELDS[] = {
#define RT_SIZE(name, path, value) {#name, path, offsetof(rt_config, name), true},
    RT_CONFIG_SIZES
#undef RT_SIZE
#define RT_SETTING(name, path, value) {#name, path, offsetof(rt_config, name), false},
    RT_CONFIG_SETTINGS
#undef RT_SETTING
};
#define N_FIELDS (sizeof FIELDS / sizeof *FIELDS)

/* Where else the reference's files may say the same: read before the field's own path, which wins. */
static const struct { const char *name, *path; } ALIASES[] = {
    {"pairformer_blocks", "n_blocks"},
    {"distogram_bins", "loss.distogram.no_bins"},
};
static const struct { const char *name, *path; } SECOND_PATHS[] = {   /* these win over the field's own path */
    {"distogram_bins", "model.distogram_head.no_bins"},
    {"max_atoms_per_token", "model.confidence_head.max_atoms_per_token"},
    {"c_token_input", "model.input_embedder.c_token"},
    {"c_hidden_mul", "python_defaults_patched.PairformerBlock.c_hidden_mul"},
    {"c_hidden_pair_att", "python_defaults_patched.PairformerBlock.c_hidden_pair_att"},
    {"no_heads_pair", "python_defaults_patched.PairformerBlock.no_heads_pair"},
    {"msa_averaging_heads", "python_defaults_patched.MSAPairWeightedAveraging.n_heads"},
    {"msa_averaging_hidden", "python_defaults_patched.MSAPairWeightedAveraging.c"},
    {"msa_outer_product_hidden", "python_defaults_patched.OuterProductMean.c_hidden"},
};

static const char *const PRESETS[] = {"rnapro_base", "rnapro_mini", "rnapro_tiny"};
#define N_PRESETS 3

static int64_t *size_at(rt_config *config, const field *f) { return (int64_t *)(void *)((char *)config + f->offset); }
static double *setting_at(rt_config *config, const field *f) { return (double *)(void *)((char *)config + f->offset); }

static int64_t size_of(const rt_config *config, const field *f)
{
    int64_t size;
    memcpy(&size, (const char *)config + f->offset, sizeof size);
    return size;
}

static double setting_of(const rt_config *config, const field *f)
{
    double setting;
    memcpy(&setting, (const char *)config + f->offset, sizeof setting);
    return setting;
}

static const field *field_find(const char *name, bool is_size)
{
    for (size_t i = 0; i < N_FIELDS; i++)
        if (FIELDS[i].is_size == is_size && strcmp(FIELDS[i].name, name) == 0) return &FIELDS[i];
    return NULL;
}

rt_status rt_config_preset(rt_config *out_config, const char *name, rt_err *err)
{
    rt_config base = {
#define RT_SIZE(field, path, value) .field = value,
        RT_CONFIG_SIZES
#undef RT_SIZE
#define RT_SETTING(field, path, value) .field = value,
        RT_CONFIG_SETTINGS
#undef RT_SETTING
        .use_ribonanza = true,
    };
    bool mini = strcmp(name, "rnapro_mini") == 0, tiny = strcmp(name, "rnapro_tiny") == 0;
    if (!mini && !tiny && strcmp(name, "rnapro_base") != 0) {
        const char *near = rt_nearest_word(name, PRESETS, N_PRESETS);
        rt_fail(err, RT_ERR_USAGE, NULL, 0, "'%s' is neither a preset nor a file", name);
        if (near) return rt_hint(err, "did you mean '%s'?", near);
        return rt_hint(err, "presets: rnapro_base, rnapro_mini, rnapro_tiny");
    }
    if (mini || tiny) {
        base.msa_blocks = 1;
        base.pairformer_blocks = mini ? 16 : 8;
        base.transformer_blocks = 8;
        base.atom_encoder_blocks = base.atom_decoder_blocks = 1;
        base.n_cycle = 4;
        base.n_step = 5;
        base.gamma0 = 0;
        base.step_scale_eta = 1;
    }
    snprintf(base.name, sizeof base.name, "%s", name);
    *out_config = base;
    return RT_OK;
}

static rt_status check_size(const field *f, int64_t size, const char *path, const char *file, rt_err *err)
{
    bool blocks = rt_ends_with(f->name, "_blocks") || strcmp(f->name, "ribonanza_nlayers") == 0;
    bool may_be_zero = rt_ends_with(f->name, "_blocks") || strcmp(f->name, "r_max") == 0 ||
                       strcmp(f->name, "s_max") == 0;
    int64_t low = may_be_zero ? 0 : 1, high = blocks ? MOST_BLOCKS : LARGEST_SIZE;
    if (size >= low && size <= high) return RT_OK;
    return rt_fail(err, RT_ERR_FORMAT, file, 0, "'%s' is %lld; %lld to %lld was expected", path, (long long)size,
                   (long long)low, (long long)high);
}

static rt_status check_setting(const field *f, double value, const char *path, const char *file, rt_err *err)
{
    bool count = strncmp(f->name, "n_", 2) == 0;
    if (count && (value < 1 || value > 1e6 || value != floor(value)))
        return rt_fail(err, RT_ERR_FORMAT, file, 0, "'%s' is %g; a whole number from 1 was expected", path, value);
    if (strncmp(f->name, "dropout_", 8) == 0 && !(value >= 0 && value < 1))
        return rt_fail(err, RT_ERR_FORMAT, file, 0, "'%s' is %g; a probability below 1 was expected", path, value);
    if (strcmp(f->name, "sigma_data") == 0 && value <= 0)
        return rt_fail(err, RT_ERR_FORMAT, file, 0, "'%s' is %g; a number above 0 was expected", path, value);
    return RT_OK;
}

/* One field from one place of the tree; absent keeps what is there. */
static rt_status read_field(rt_config *config, const field *f, const json_t *root, const char *path, const char *file,
                            rt_err *err)
{
    bool found;
    rt_status status;
    if (f->is_size) {
        int64_t size = size_of(config, f);
        status = rt_json_read_int(root, &size, &found, path, file, err);
        if (status == RT_OK && found) status = check_size(f, size, path, file, err);
        if (status == RT_OK) *size_at(config, f) = size;
    } else {
        double value = setting_of(config, f);
        status = rt_json_read_double(root, &value, &found, path, file, err);
        if (status == RT_OK && found) status = check_setting(f, value, path, file, err);
        if (status == RT_OK) *setting_at(config, f) = value;
    }
    return status;
}

static rt_status read_fields(rt_config *config, const json_t *root, bool ribonanza, const char *file, rt_err *err)
{
    rt_status status = RT_OK;
    for (size_t i = 0; i < N_FIELDS; i++) {
        const char *path = FIELDS[i].path;
        if (path && (strncmp(path, "ribonanza.", 10) == 0) == ribonanza)
            RT_TRY(read_field(config, &FIELDS[i], root, path, file, err));
    }
done:
    return status;
}

/* The preset that "model_name" begins with, as in rnapro_mini_default_v0.5.0; rnapro_base when it names none. */
static rt_status begin_with_preset(rt_config *out_config, const json_t *tree, const char *file, rt_err *err)
{
    const char *name = "";
    bool found;
    rt_status status = rt_json_read_text(tree, &name, &found, "model_name", file, err);
    if (status != RT_OK) return status;
    for (int i = 0; i < N_PRESETS; i++) {
        size_t length = strlen(PRESETS[i]);
        if (strncmp(name, PRESETS[i], length) == 0 && (!name[length] || name[length] == '_' || name[length] == '-'))
            return rt_config_preset(out_config, PRESETS[i], err);
    }
    return rt_config_preset(out_config, PRESETS[0], err);
}

static rt_status refuse_what_is_missing(const json_t *tree, const char *file, rt_err *err)
{
    const char *strategy = "random";
    bool found, triangular = false;
    rt_status status = rt_json_read_text(tree, &strategy, &found, "data.msa.strategy", file, err);
    if (status != RT_OK) return status;
    if (strcmp(strategy, "random") != 0)
        return rt_fail(err, RT_ERR_UNSUPPORTED, file, 0,
                       "'data.msa.strategy' is \"%.40s\"; only \"random\" is supported", strategy);
    status = rt_json_read_bool(tree, &triangular, &found, "ribonanza.use_triangular_attention", file, err);
    if (status == RT_OK && triangular)
        return rt_fail(
            err, RT_ERR_UNSUPPORTED, file, 0,
            "'ribonanza.use_triangular_attention' is true; RibonanzaNet2 with triangle attention is not supported");
    return status;
}

/* root: {"config": tree, "ribonanza": ..., "python_defaults_patched": ...}, or the tree itself. */
static rt_status read_reference(rt_config *out_config, const json_t *root, const char *file, rt_err *err)
{
    rt_status status = RT_OK;
    bool found;
    const json_t *tree = json_is_object(json_object_get(root, "config")) ? json_object_get(root, "config") : root;
    RT_TRY(begin_with_preset(out_config, tree, file, err));
    for (size_t i = 0; i < sizeof ALIASES / sizeof *ALIASES; i++)
        RT_TRY(read_field(out_config, field_find(ALIASES[i].name, true), tree, ALIASES[i].path, file, err));
    RT_TRY(read_fields(out_config, tree, false, file, err));
    RT_TRY(read_fields(out_config, root, true, file, err));
    for (size_t i = 0; i < sizeof SECOND_PATHS / sizeof *SECOND_PATHS; i++) {
        const json_t *from = strncmp(SECOND_PATHS[i].path, "python_", 7) == 0 ? root : tree;
        RT_TRY(read_field(out_config, field_find(SECOND_PATHS[i].name, true), from, SECOND_PATHS[i].path, file, err));
    }
    RT_TRY(rt_json_read_bool(tree, &out_config->use_ribonanza, &found, "model.use_RibonanzaNet2", file, err));
    RT_TRY(refuse_what_is_missing(tree, file, err));
    if (tree != root) RT_TRY(refuse_what_is_missing(root, file, err));
done:
    return status;
}

static rt_status unknown_field(const char *group, const char *name, bool is_size, const char *file, rt_err *err)
{
    const char *names[N_FIELDS];
    int64_t count = 0;
    for (size_t i = 0; i < N_FIELDS; i++)
        if (FIELDS[i].is_size == is_size) names[count++] = FIELDS[i].name;
    const char *near = rt_nearest_word(name, names, count);
    rt_fail(err, RT_ERR_FORMAT, file, 0, "'%s.%.80s' is not known", group, name);
    return near ? rt_hint(err, "did you mean '%s'?", near) : RT_ERR_FORMAT;
}

/* What rt_config_print wrote.  The file is ours, so a name that is not known is a slip that would go unnoticed. */
static rt_status read_flat(rt_config *out_config, const json_t *root, const char *file, rt_err *err)
{
    rt_status status = rt_config_preset(out_config, PRESETS[0], err);
    for (int group = 0; group < 2; group++) {
        const char *group_name = group ? "settings" : "sizes", *name;
        const json_t *list = json_object_get(root, group_name);
        json_t *value;
        if (!json_is_object(list))
            return rt_fail(err, RT_ERR_FORMAT, file, 0, "'%s': expected an object, found %s", group_name,
                           rt_json_type_name(list));
        json_object_foreach((json_t *)(uintptr_t)list, name, value) {
            char path[128];
            const field *f = field_find(name, group == 0);
            if (!f) return unknown_field(group_name, name, group == 0, file, err);
            snprintf(path, sizeof path, "%s.%s", group_name, name);
            RT_TRY(read_field(out_config, f, root, path, file, err));
        }
    }
    bool found;
    RT_TRY(rt_json_read_bool(root, &out_config->use_ribonanza, &found, "use_ribonanza", file, err));
done:
    return status;
}

/* JSON when the text begins like an object, YAML otherwise. */
static rt_status parse_tree(json_t **ret_root, const char *text, int64_t length, const char *file, rt_err *err)
{
    int64_t at = 0;
    while (at < length && strchr(" \t\r\n", text[at])) at++;
    rt_status status = at < length && text[at] == '{' ? rt_json_parse(ret_root, text, length, file, err)
                                                      : rt_yaml_parse(ret_root, text, length, file, err);
    if (status == RT_OK && !json_is_object(*ret_root)) {
        status = rt_fail(err, RT_ERR_FORMAT, file, 0, "expected a configuration (keys and values), found %s",
                         rt_json_type_name(*ret_root));
        json_decref(*ret_root);
    }
    return status;
}

static rt_status load_tree(json_t **ret_root, const char *path, rt_err *err)
{
    rt_map map;
    rt_status status = rt_map_open(&map, path, err);
    if (status != RT_OK) return status;
    status = parse_tree(ret_root, (const char *)map.data, map.size, path, err);
    rt_map_close(&map);
    return status;
}

static rt_status read_tree(rt_config *out_config, const json_t *root, const char *name, rt_err *err)
{
    rt_config config;
    rt_status status = json_object_get(root, "rnatune_config") ? read_flat(&config, root, name, err)
                                                               : read_reference(&config, root, name, err);
    if (status != RT_OK) return status;
    *out_config = config;
    snprintf(out_config->name, sizeof out_config->name, "%s", name);
    return RT_OK;
}

rt_status rt_config_parse(rt_config *out_config, const char *text, int64_t length, const char *name, rt_err *err)
{
    json_t *root;
    rt_status status = parse_tree(&root, text, length, name, err);
    if (status != RT_OK) return status;
    status = read_tree(out_config, root, name, err);
    json_decref(root);
    return status;
}

rt_status rt_config_load(rt_config *out_config, const char *name_or_path, rt_err *err)
{
    for (int i = 0; i < N_PRESETS; i++)
        if (strcmp(name_or_path, PRESETS[i]) == 0) return rt_config_preset(out_config, name_or_path, err);
    /* a word that is no file is a preset misspelt; what looks like a path is a file that is not there */
    if (!rt_file_exists(name_or_path) && !strchr(name_or_path, '/') && !strchr(name_or_path, '.'))
        return rt_config_preset(out_config, name_or_path, err);
    json_t *root;
    rt_status status = load_tree(&root, name_or_path, err);
    if (status != RT_OK) return status;
    status = read_tree(out_config, root, name_or_path, err);
    json_decref(root);
    return status;
}

rt_status rt_config_load_ribonanza(rt_config *config, const char *yaml_path, rt_err *err)
{
    json_t *root;
    rt_status status = load_tree(&root, yaml_path, err);
    if (status != RT_OK) return status;
    rt_config result = *config;
    bool found, triangular = false;
    for (size_t i = 0; i < N_FIELDS; i++) {
        const char *path = FIELDS[i].path;
        if (path && strncmp(path, "ribonanza.", 10) == 0)
            RT_TRY(read_field(&result, &FIELDS[i], root, path + 10, yaml_path, err));
    }
    RT_TRY(rt_json_read_bool(root, &triangular, &found, "use_triangular_attention", yaml_path, err));
    if (triangular)
        RT_TRY(rt_fail(err, RT_ERR_UNSUPPORTED, yaml_path, 0,
                       "'use_triangular_attention' is true; RibonanzaNet2 with triangle attention is not supported"));
    *config = result;
done:
    json_decref(root);
    return status;
}

rt_status rt_config_compare(const rt_config *config, const rt_config *detected, rt_err *err)
{
    rt_text list = {0};
    int64_t count = 0, listed = 0;
    for (size_t i = 0; i < N_FIELDS; i++) {
        const field *f = &FIELDS[i];
        if (!f->is_size || size_of(config, f) == size_of(detected, f)) continue;
        if (!config->use_ribonanza && strncmp(f->name, "ribonanza_", 10) == 0 &&
            strncmp(f->name, "ribonanza_stack", 15) != 0)
            continue;
        if (list.length > 800 && ++count) continue;   /* an rt_err holds no more */
        rt_text_add(&list, "%s%s: the config says %lld, the weights %lld", count ? "; " : "", f->name,
                    (long long)size_of(config, f), (long long)size_of(detected, f));
        count++;
        listed++;
    }
    if (count > listed) rt_text_add(&list, "; and %lld more", (long long)(count - listed));
    rt_status status = RT_OK;
    if (list.failed) {
        status = rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory");
    } else if (count) {
        rt_fail(err, RT_ERR_MISMATCH, NULL, 0, "%s", list.data);
        status = rt_hint(err, "config: %.120s; leave --config away to take the sizes from the weights", config->name);
    }
    rt_text_free(&list);
    return status;
}

char *rt_config_print(const rt_config *config, rt_err *err)
{
    json_t *sizes = json_object(), *settings = json_object();
    for (size_t i = 0; i < N_FIELDS; i++) {
        const field *f = &FIELDS[i];
        if (f->is_size) json_object_set_new(sizes, f->name, json_integer(size_of(config, f)));
        else json_object_set_new(settings, f->name, json_real(setting_of(config, f)));
    }
    json_t *name = json_string(config->name);   /* NULL for a path that is not UTF-8 */
    json_t *root = json_pack("{s:i, s:o, s:b, s:o, s:o}", "rnatune_config", 1, "name",
                             name ? name : json_string("a file"), "use_ribonanza", (int)config->use_ribonanza,
                             "sizes", sizes, "settings", settings);
    char *text = rt_json_print(root, err);
    json_decref(root);
    return text;
}
