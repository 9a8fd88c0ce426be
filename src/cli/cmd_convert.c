/* cmd_convert.c - rnatune convert: any checkpoint that rnatune reads as safetensors */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/progress.h"
#include "cli/commands.h"
#include "cli/weights_write.h"
#include "io/weights.h"

static rt_status refuse_same_file(const char *in, const char *out, rt_err *err)
{
    struct stat a, b;
    if (stat(in, &a) != 0 || stat(out, &b) != 0 || a.st_dev != b.st_dev || a.st_ino != b.st_ino) return RT_OK;
    rt_fail(err, RT_ERR_USAGE, out, 0, "is the input itself");
    return rt_hint(err, "give another name with --out");
}

/* What --config says, checked against the shapes, or what the file itself tells.  *out_known is false when it is no
 * whole RNAPro checkpoint, which convert does not mind. */
static rt_status detect(rt_config *out_config, bool *out_known, const rt_weights *weights, const char *opt_name,
                        rt_err *err)
{
    rt_err why;
    rt_config detected;
    rt_status status = RT_OK;
    RT_TRY(rt_config_load(out_config, opt_name ? opt_name : "rnapro_base", err));
    detected = *out_config;
    *out_known = rt_weights_write_detect(&detected, weights, &why) == RT_OK;
    if (!*out_known && opt_name) {
        *err = why;
        return why.code;
    }
    if (!*out_known) rt_info("the configuration is not recorded: %s", why.what);
    if (opt_name) {
        out_config->use_ribonanza = detected.use_ribonanza;
        return rt_config_compare(out_config, &detected, err);
    }
    *out_config = detected;
done:
    return status;
}

static rt_status declare(rt_safetensors_writer *writer, const rt_weights *weights, const char *dtype,
                         int64_t *out_largest, int64_t *out_parameters, rt_err *err)
{
    *out_largest = *out_parameters = 0;
    for (int64_t i = 0; i < rt_weights_count(weights); i++) {
        const rt_weight *w = rt_weights_at(weights, i);
        rt_tensor t = w->tensor;
        t.dtype = rt_weights_write_dtype(dtype, w->name, t.dtype);
        if (rt_bytes(t) > *out_largest) *out_largest = rt_bytes(t);
        *out_parameters += rt_count(t);
        rt_status status = rt_safetensors_declare(writer, w->name, t, err);
        if (status != RT_OK) return status;
    }
    return RT_OK;
}

static rt_status write_tensors(rt_safetensors_writer *writer, const rt_weights *weights, const char *dtype,
                               void *buffer, int64_t parameters, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t done = 0;
    rt_progress_start(NULL, parameters);
    rt_progress_label("converting");
    for (int64_t i = 0; i < rt_weights_count(weights); i++) {
        const rt_weight *w = rt_weights_at(weights, i);
        rt_tensor t = w->tensor;
        if (rt_stop_requested()) RT_TRY(rt_fail(err, RT_ERR_STOPPED, NULL, 0, "stopped; nothing was written"));
        t.dtype = rt_weights_write_dtype(dtype, w->name, t.dtype);
        if (t.dtype != w->tensor.dtype) {
            rt_convert(buffer, t.dtype, w->tensor.data, w->tensor.dtype, rt_count(t));
            t.data = buffer;
        }
        RT_TRY(rt_safetensors_write(writer, t, err));
        rt_progress_step(done += rt_count(t));
    }
done:
    rt_progress_end();
    return status;
}

static rt_status describe(rt_cli *cli, rt_safetensors_writer *writer, const rt_weights *weights, const char *in,
                          rt_err *err)
{
    char sha256[RT_HASH_TEXT], step_text[32];
    int64_t size, step;
    rt_config config;
    bool known;
    rt_status status = RT_OK;
    RT_TRY(detect(&config, &known, weights, rt_option_text(cli->options, "config"), err));
    RT_TRY(rt_hash_file(sha256, &size, in, err));
    rt_run_record_add_input(cli->record, "IN", in, size, sha256);
    RT_TRY(rt_weights_write_metadata(writer, known ? &config : NULL, err));
    RT_TRY(rt_safetensors_metadata(writer, "rnatune.source", rt_path_name(in), err));
    RT_TRY(rt_safetensors_metadata(writer, "rnatune.source_sha256", sha256, err));
    if (rt_weights_step(weights, &step)) {
        snprintf(step_text, sizeof step_text, "%lld", (long long)step);
        RT_TRY(rt_safetensors_metadata(writer, "rnatune.step", step_text, err));
    }
done:
    return status;
}

static rt_status run(rt_cli *cli, rt_err *err)
{
    const char *in = rt_operand_at(cli->options, 0), *out = rt_option_text(cli->options, "out");
    const char *dtype = rt_option_text(cli->options, "dtype");
    rt_weights *weights = NULL;
    rt_safetensors_writer *writer = NULL;
    char *buffer = NULL;
    int64_t largest, parameters;
    rt_status status = RT_OK;
    RT_TRY(refuse_same_file(in, out, err));
    RT_TRY(rt_weights_open(&weights, in, err));
    RT_TRY(rt_safetensors_create(&writer, out, err));
    RT_TRY(describe(cli, writer, weights, in, err));
    RT_TRY(declare(writer, weights, dtype, &largest, &parameters, err));
    RT_TRY_ALLOC(buffer, largest);
    RT_TRY(write_tensors(writer, weights, dtype, buffer, parameters, err));
    status = rt_safetensors_commit(writer, err);
    writer = NULL;
    RT_TRY(status);
    RT_TRY(rt_weights_write_report(cli, out, rt_weights_count(weights), parameters, err));
done:
    rt_safetensors_abandon(writer);
    rt_weights_close(weights);
    free(buffer);
    return status;
}

static const rt_operand OPERANDS[] = {
    {.name = "IN", .type = RT_OPTION_FILE, .required = true, .help = "a checkpoint: .pt, .ckpt, .bin or .safetensors"},
    {0},
};

static const rt_option OPTIONS[] = {
    {.name = "out", .type = RT_OPTION_OUT_FILE, .required = true, .help = "the safetensors file to write"},
    {.name = "dtype", .type = RT_OPTION_CHOICE, .choices = "keep|fp32|bf16", .fallback = "keep",
     .help = "type of the weights; with bf16, Fourier frequencies, bin edges and layer weights become fp32"},
    {.name = "config", .type = RT_OPTION_TEXT, .value = "NAME|FILE",
     .otherwise = "the file's own, or the preset of its sizes, or rnapro_base's settings",
     .help = "preset or configuration to record: what shapes cannot tell, such as steps and gamma0"},
    {.name = "json", .type = RT_OPTION_FLAG, .help = "JSON instead of a table"},
    {0},
};

const rt_command rt_cmd_convert = {
    .name = "convert",
    .summary = "write a checkpoint as safetensors",
    .operands = OPERANDS,
    .options = OPTIONS,
    .description =
        "Writes the weights of a PyTorch checkpoint, or of another safetensors file, under their own names without the "
        "\"module.\", \"_orig_mod.\" and \"model.\" that wrappers put before them; the optimizer and the scheduler are "
        "left behind. One tensor at a time is in memory.\n\n"
        "The metadata holds the source's name and SHA-256, the training step, rnatune's version and, when the sizes can "
        "be told from the shapes, the configuration. OUT.run.json beside it records the run.",
    .output = "One row: file, tensors, parameters, bytes, sha256.",
    .examples = "  rnatune convert rnapro.pt --out rnapro.safetensors\n"
                "  rnatune convert rnapro.pt --out rnapro-bf16.safetensors --dtype bf16",
    .long_work = true,
    .run = run,
};
