#include "cli/weights_write.h"

#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/progress.h"
#include "base/rng.h"
#include "base/text.h"
#include "cli/print_json.h"

static bool keeps_its_digits(const char *name)
{
    return strcmp(name, "layer_weights") == 0 || rt_ends_with(name, "fourier_embedding.w") ||
           rt_ends_with(name, "fourier_embedding.b") || rt_ends_with(name, ".lower_bins") ||
           rt_ends_with(name, ".upper_bins");
}

rt_dtype rt_weights_write_dtype(const char *choice, const char *name, rt_dtype dtype)
{
    bool real = dtype == RT_F32 || dtype == RT_F64 || dtype == RT_F16 || dtype == RT_BF16;
    if (strcmp(choice, "keep") == 0 || !real) return dtype;
    return strcmp(choice, "bf16") == 0 && !keeps_its_digits(name) ? RT_BF16 : RT_F32;
}

/* Steps, gamma0 and the like of the preset whose sizes these are. */
static void take_preset(rt_config *config)
{
    static const char *const presets[] = {"rnapro_base", "rnapro_mini", "rnapro_tiny"};
    for (int i = 0; i < 3; i++) {
        rt_config preset;
        if (rt_config_preset(&preset, presets[i], NULL) != RT_OK) continue;
        preset.use_ribonanza = config->use_ribonanza;
        if (rt_config_compare(&preset, config, NULL) != RT_OK) continue;
        *config = preset;
        return;
    }
}

rt_status rt_weights_write_detect(rt_config *config, const rt_weights *weights, rt_err *err)
{
    rt_status status = RT_OK;
    const char *own = rt_weights_metadata(weights, "rnatune.config");
    if (own) RT_TRY(rt_config_parse(config, own, (int64_t)strlen(own), rt_weights_path(weights), err));
    config->use_ribonanza = rt_weights_find(weights, "ribonanza_net.encoder.weight") != NULL;
    RT_TRY(rt_config_detect(config, weights, NULL, err));
    if (!own) take_preset(config);
done:
    return status;
}

rt_status rt_weights_write_metadata(rt_safetensors_writer *writer, const rt_config *opt_config, rt_err *err)
{
    rt_status status = RT_OK;
    char *text = NULL;
    RT_TRY(rt_safetensors_metadata(writer, "format", "pt", err));   /* readers of safetensors ask for it */
    RT_TRY(rt_safetensors_metadata(writer, "rnatune.version", rt_version_text(), err));
    if (opt_config) {
        text = rt_config_print(opt_config, err);
        status = text ? rt_safetensors_metadata(writer, "rnatune.config", text, err) : RT_ERR_MEMORY;
    }
done:
    free(text);
    return status;
}

/* ---- a random network ------------------------------------------------------------------------------------------- */

/* What is added to, and multiplies, the normal numbers of a weight. */
static void spread_of(const rt_schema_entry *e, double *out_mean, double *out_scale)
{
    *out_mean = 0;
    *out_scale = 0.1;                                                                   /* a bias */
    if (e->ndim == 1 && rt_ends_with(e->name, ".weight")) *out_mean = 1;                /* a layer norm */
    else if (rt_ends_with(e->name, "gate_param")) *out_scale = 0.5;
    else if (rt_ends_with(e->name, "fourier_embedding.w") || rt_ends_with(e->name, "fourier_embedding.b"))
        *out_scale = 1;
    else if (e->ndim == 3) *out_scale = 0.15; /* one matrix per kind of atom */
    else if (rt_ends_with(e->name, "ribonanza_net.encoder.weight")) *out_scale = 0.5;
    else if (e->ndim == 2) *out_scale = fmin(0.25, 1 / sqrt((double)e->dim[1]));
}

/* With what the reference starts training: residual branches and gates that begin closed, everything else of variance
 * 1 / inputs, or twice that before a product or ReLU.  First match; a vector that is not listed is 0, or 1 as the weight
 * of a layer norm.  Found by asking every tensor of the reference's freshly built model. */
static const struct { const char *glob; double mean, gain; } START[] = {
    {"*.linear_a_last.bias", -2, 0},
    {"*.conditioned_transition_block.linear_s.bias", -2, 0},
    {"*.linear_a_last.weight", 0, 0},
    {"*.linear_s.weight", 0, 0},
    {"*.linear_nobias_s.weight", 0, 0},
    {"*.atom_attention_decoder.linear_no_bias_out.weight", 0, 1},
    {"*.diffusion_transformer.blocks.*.linear_o.weight", 0, 1},
    {"*.linear_o.weight", 0, 0},
    {"*.linear_g.weight", 0, 0},
    {"*.linear_[ab]_g.weight", 0, 0},
    {"*.linear_no_bias_mg.weight", 0, 0},
    {"*.linear_z.weight", 0, 0},
    {"*.linear_out.weight", 0, 0},
    {"*.linear_no_bias_out.weight", 0, 0},
    {"*transition*.linear_no_bias.weight", 0, 0},
    {"template_embedder.final_linear_no_bias.weight", 0, 0},
    {"linear_no_bias_z_cycle.weight", 0, 0},
    {"linear_no_bias_s.weight", 0, 0},
    {"diffusion_module.linear_no_bias_s.weight", 0, 0},
    {"diffusion_module.atom_attention_encoder.linear_no_bias_[sz].weight", 0, 0},
    {"distogram_head.linear.weight", 0, 0},
    {"confidence_head.linear_no_bias_p[ad]e.weight", 0, 0},
    {"confidence_head.plddt_weight", 0, 0},
    {"confidence_head.resolved_weight", 0, 0},
    {"*transition*.linear_no_bias_[ab].weight", 0, 2},
    {"*.linear_nobias_a[12].weight", 0, 2},
    {"*.small_mlp.5.weight", 0, 0},
    {"*.small_mlp.[13].weight", 0, 2},
};

/* RibonanzaNet2 is never trained: it stays random whatever the values. */
static void start_of(const rt_schema_entry *e, double *out_mean, double *out_scale)
{
    spread_of(e, out_mean, out_scale);
    if (strncmp(e->name, "ribonanza_net.", 14) == 0 || strstr(e->name, "fourier_embedding")) return;
    double inputs = e->ndim == 2 ? (double)e->dim[1] : 1;
    *out_scale = e->ndim == 2 ? sqrt(1 / inputs) : 0;
    for (size_t i = 0; i < sizeof START / sizeof *START; i++) {
        if (fnmatch(START[i].glob, e->name, 0) != 0) continue;
        *out_mean = START[i].mean;
        *out_scale = sqrt(START[i].gain / inputs);
        return;
    }
}

static void fill(const rt_schema_entry *e, int64_t count, int64_t seed, bool start, float *out)
{
    double mean, scale;
    (start ? start_of : spread_of)(e, &mean, &scale);
    rt_rng rng = rt_rng_make((uint64_t)seed, rt_hash_text(e->name), 0, RT_DRAW_WEIGHTS);
    rt_rng_normals(&rng, 0, count, out);
    for (int64_t i = 0; i < count; i++) out[i] = (float)(mean + scale * out[i]);
    /* values that are not drawn */
    bool lower = rt_ends_with(e->name, ".lower_bins"), upper = rt_ends_with(e->name, ".upper_bins");
    for (int64_t i = 0; (lower || upper) && i < count; i++) out[i] = 3.25f + 1.25f * (float)(i + upper);
    if (upper && count) out[count - 1] = 1e6f;
    if (strcmp(e->name, "layer_weights") == 0) {   /* the last layer counts for nothing, as in RNAPro */
        for (int64_t i = 0; i < count; i++) out[i] = count > 1 ? (float)i / (float)(count - 1) : 0;
        out[count - 1] = -1e18f;
    }
    if (rt_ends_with(e->name, "ribonanza_net.encoder.weight") && e->ndim == 2 && e->dim[0] > 4)
        memset(out + 4 * e->dim[1], 0, (size_t)e->dim[1] * sizeof *out);   /* the padding token */
}

static rt_status write_tensors(rt_safetensors_writer *writer, const rt_schema *schema, int64_t seed, bool start,
                               const char *dtype, void *buffer, float *numbers, rt_err *err)
{
    int64_t done = 0;
    rt_status status = RT_OK;
    rt_progress_start(NULL, rt_schema_parameters(schema));
    rt_progress_label("writing weights");
    for (int64_t i = 0; i < schema->count; i++) {
        const rt_schema_entry *e = &schema->entry[i];
        rt_tensor t = rt_schema_tensor(e, rt_weights_write_dtype(dtype, e->name, RT_F32));
        int64_t count = rt_count(t);
        if (rt_stop_requested()) RT_TRY(rt_fail(err, RT_ERR_STOPPED, NULL, 0, "stopped; nothing was written"));
        fill(e, count, seed, start, numbers);
        t.data = numbers;
        if (t.dtype != RT_F32) {
            rt_convert(buffer, t.dtype, numbers, RT_F32, count);
            t.data = buffer;
        }
        RT_TRY(rt_safetensors_write(writer, t, err));
        rt_progress_step(done += count);
    }
done:
    rt_progress_end();
    return status;
}

rt_status rt_weights_write_random(const char *path, const rt_schema *schema, const rt_config *opt_config, int64_t seed,
                                  bool start, const char *dtype, rt_err *err)
{
    rt_status status = RT_OK;
    rt_safetensors_writer *writer = NULL;
    float *numbers = NULL;
    uint16_t *buffer = NULL;
    char text[32];
    int64_t largest = 1;
    RT_TRY(rt_safetensors_create(&writer, path, err));
    RT_TRY(rt_weights_write_metadata(writer, opt_config, err));
    snprintf(text, sizeof text, "%lld", (long long)seed);
    RT_TRY(rt_safetensors_metadata(writer, "rnatune.init_seed", text, err));
    RT_TRY(rt_safetensors_metadata(writer, "rnatune.init_values", start ? "start" : "random", err));
    for (int64_t i = 0; i < schema->count; i++) {
        const rt_schema_entry *e = &schema->entry[i];
        rt_tensor t = rt_schema_tensor(e, rt_weights_write_dtype(dtype, e->name, RT_F32));
        RT_TRY(rt_safetensors_declare(writer, e->name, t, err));
        if (rt_count(t) > largest) largest = rt_count(t);
    }
    RT_TRY_ALLOC(numbers, largest);
    RT_TRY_ALLOC(buffer, largest);
    RT_TRY(write_tensors(writer, schema, seed, start, dtype, buffer, numbers, err));
    status = rt_safetensors_commit(writer, err);
    writer = NULL;
done:
    rt_safetensors_abandon(writer);
    free(numbers);
    free(buffer);
    return status;
}

/* ---- the report ------------------------------------------------------------------------------------------------- */

rt_status rt_weights_write_report(rt_cli *cli, const char *path, int64_t tensors, int64_t parameters, rt_err *err)
{
    char sha256[RT_HASH_TEXT], record_path[4096];
    int64_t size;
    rt_status status = RT_OK;
    json_t *root = NULL;
    if (rt_path_is_stream(path)) {
        rt_info("written to %s, which is no file: without a row, a hash and a run record", path);
        return RT_OK;
    }
    RT_TRY(rt_hash_file(sha256, &size, path, err));
    root = json_pack("{s:s%, s:I, s:I, s:I, s:s}", "file", path, strlen(path), "tensors", (json_int_t)tensors,
                     "parameters", (json_int_t)parameters, "bytes", (json_int_t)size, "sha256", sha256);
    if (!root) RT_TRY(rt_fail(err, RT_ERR_UNSUPPORTED, path, 0, "the file's name is not UTF-8"));
    rt_run_record_set(cli->record, "output", json_deep_copy(root));
    if (snprintf(record_path, sizeof record_path, "%s.run.json", path) < (int)sizeof record_path)
        RT_TRY(rt_run_record_write(cli->record, cli->options, record_path, err));
    if (rt_option_flag(cli->options, "json")) {
        RT_TRY(rt_print_json(root, err));
    } else {
        printf("file\ttensors\tparameters\tbytes\tsha256\n%s\t%lld\t%lld\t%lld\t%s\n", path, (long long)tensors,
               (long long)parameters, (long long)size, sha256);
    }
done:
    json_decref(root);
    return status;
}
