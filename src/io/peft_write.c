/* peft_write.c - the folder that PEFT reads: see io/peft.h */
#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/peft.h"
#include "io/safetensors.h"

static const char ROOT[] = "base_model.model.";

/* ---- names of the adapted layers as one regular expression -------------------------------------------------------- */

/* A list of names would match ends of names as well: "pairformer_stack.blocks.0..." also inside the template embedder and
 * the confidence head.  A text is matched in full.  Names that differ in their first number alone share an alternative. */
static int64_t first_number(const char *name)
{
    for (const char *at = name; (at = strchr(at, '.')); at++)
        if (isdigit((unsigned char)at[1])) return at + 1 - name;
    return -1;
}

static void add_escaped(rt_text *text, const char *name, int64_t length)
{
    for (int64_t i = 0; i < length; i++) {
        bool plain = isalnum((unsigned char)name[i]) || name[i] == '_';
        rt_text_add(text, plain ? "%c" : "\\%c", name[i]);
    }
}

static bool same_but_number(const char *a, const char *b)
{
    int64_t at = first_number(a);
    if (at < 0 || first_number(b) != at || strncmp(a, b, (size_t)at) != 0) return false;
    return strcmp(a + at + strspn(a + at, "0123456789"), b + at + strspn(b + at, "0123456789")) == 0;
}

static void add_alternative(rt_text *text, const rt_peft_pair *pair, int64_t n_pair, int64_t index)
{
    const char *name = pair[index].module;
    int64_t at = first_number(name);
    bool alone = true;
    for (int64_t k = 0; k < n_pair && at >= 0; k++)
        if (k != index && same_but_number(name, pair[k].module)) {
            if (k < index) return;   /* said there */
            alone = false;
        }
    if (text->length) rt_text_add(text, "|");
    if (alone) {
        add_escaped(text, name, (int64_t)strlen(name));
        return;
    }
    add_escaped(text, name, at);
    for (int64_t k = index, n = 0; k < n_pair; k++) {
        if (k != index && !same_but_number(name, pair[k].module)) continue;
        const char *number = pair[k].module + at;
        rt_text_add(text, "%s%.*s", n++ ? "|" : "(?:", (int)strspn(number, "0123456789"), number);
    }
    rt_text_add(text, ")");
    name += at + (int64_t)strspn(name + at, "0123456789");
    add_escaped(text, name, (int64_t)strlen(name));
}

static json_t *target_modules(const rt_peft_pair *pair, int64_t n_pair)
{
    rt_text text = {0};
    if (n_pair == 0) return json_array();
    for (int64_t i = 0; i < n_pair; i++) add_alternative(&text, pair, n_pair, i);
    json_t *value = text.failed ? NULL : json_string(text.data);
    rt_text_free(&text);
    return value;
}

/* ---- adapter_config.json ------------------------------------------------------------------------------------------ */

static json_t *saved_modules(const char *const *opt_modules)
{
    if (!opt_modules || !*opt_modules) return json_null();
    json_t *list = json_array();
    for (const char *const *m = opt_modules; *m; m++) json_array_append_new(list, json_string(*m));
    return list;
}

/* Ranks other than the first pair's, by layer. */
static json_t *rank_pattern(const rt_peft_pair *pair, int64_t n_pair)
{
    json_t *ranks = json_object();
    for (int64_t i = 0; i < n_pair; i++)
        if (pair[i].a.dim[0] != pair[0].a.dim[0])
            json_object_set_new(ranks, pair[i].module, json_integer(pair[i].a.dim[0]));
    return ranks;
}

static rt_status write_config(const char *path, const rt_peft_pair *pair, int64_t n_pair, const rt_peft_about *about,
                              rt_err *err)
{
    json_t *config = json_pack(
        "{s:s, s:n, s:s?, s:b, s:b, s:b, s:I, s:f, s:f, s:s, s:b, s:b, s:b, s:o, s:o, s:o, s:{}}", "peft_type", "LORA",
        "task_type", "base_model_name_or_path", about->opt_base, "inference_mode", 1, "fan_in_fan_out", 0, "init_lora_weights",
        1, "r", (json_int_t)(n_pair ? pair[0].a.dim[0] : 1), "lora_alpha", about->alpha, "lora_dropout", about->dropout, "bias",
        "none", "use_rslora", 0, "use_dora", 0, "lora_bias", 0, "target_modules", target_modules(pair, n_pair),
        "modules_to_save", saved_modules(about->modules), "rank_pattern", rank_pattern(pair, n_pair), "alpha_pattern");
    if (!config) return rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory for %s", path);
    rt_status status = rt_json_save(config, path, err);
    json_decref(config);
    return status;
}

/* ---- tensors ------------------------------------------------------------------------------------------------------ */

static rt_status add_metadata(rt_safetensors_writer *writer, const rt_peft_about *about, rt_err *err)
{
    rt_status status = RT_OK;
    char step[32];
    snprintf(step, sizeof step, "%lld", (long long)about->step);
    RT_TRY(rt_safetensors_metadata(writer, "format", "pt", err));
    if (about->step >= 0) RT_TRY(rt_safetensors_metadata(writer, "rnatune.step", step, err));
    if (about->opt_base_hash) RT_TRY(rt_safetensors_metadata(writer, "rnatune.base_sha256", about->opt_base_hash, err));
done:
    return status;
}

static rt_status put(rt_safetensors_writer *writer, bool declare, const char *name, const char *end, rt_tensor t, rt_err *err)
{
    char full[512];
    if (!declare) return rt_safetensors_write(writer, t, err);
    snprintf(full, sizeof full, "%s%s%s", ROOT, name, end);
    return rt_safetensors_declare(writer, full, t, err);
}

static rt_status write_tensors(const char *path, const rt_peft_pair *pair, int64_t n_pair, const rt_weight *weight,
                               int64_t n_weight, const rt_peft_about *about, rt_err *err)
{
    rt_status status = RT_OK;
    rt_safetensors_writer *writer = NULL;
    RT_TRY(rt_safetensors_create(&writer, path, err));
    RT_TRY(add_metadata(writer, about, err));
    for (int declare = 1; declare >= 0; declare--) {
        for (int64_t i = 0; i < n_pair; i++) {
            RT_TRY(put(writer, declare, pair[i].module, ".lora_A.weight", pair[i].a, err));
            RT_TRY(put(writer, declare, pair[i].module, ".lora_B.weight", pair[i].b, err));
        }
        for (int64_t i = 0; i < n_weight; i++) RT_TRY(put(writer, declare, weight[i].name, "", weight[i].tensor, err));
    }
    status = rt_safetensors_commit(writer, err);
    writer = NULL;
done:
    rt_safetensors_abandon(writer);
    return status;
}

rt_status rt_peft_write(const char *folder, const rt_peft_pair *pair, int64_t n_pair, const rt_weight *weight,
                        int64_t n_weight, const rt_peft_about *about, rt_err *err)
{
    rt_status status = RT_OK;
    char path[PATH_MAX];
    for (int64_t i = 0; i < n_pair; i++) {
        double expected = about->alpha / (double)pair[i].a.dim[0];
        RT_REQUIRE(pair[i].scale > expected - 1e-12 && pair[i].scale < expected + 1e-12);
    }
    RT_TRY(rt_make_folder(folder, err));
    rt_path_join(path, sizeof path, folder, "adapter_model.safetensors");
    RT_TRY(write_tensors(path, pair, n_pair, weight, n_weight, about, err));
    rt_path_join(path, sizeof path, folder, "adapter_config.json");
    RT_TRY(write_config(path, pair, n_pair, about, err));
done:
    return status;
}
