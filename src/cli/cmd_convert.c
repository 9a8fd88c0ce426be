/* cmd_convert.c - rnatune convert: any checkpoint that rnatune reads as safetensors, or as a .pt of the reference's */
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
#include "io/torch_writer.h"
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

/* Where the tensors go: one of the two. */
typedef struct {
    rt_safetensors_writer *safetensors;
    rt_torch_writer *torch;
    const char *prefix; /* before each name */
} sink;

static bool is_torch(const char *path)
{
    size_t length = strlen(path);
    return length > 3 && strcmp(path + length - 3, ".pt") == 0;
}

static rt_status declare(const sink *to, const rt_weights *weights, const char *dtype, int64_t *out_largest,
                         int64_t *out_parameters, rt_err *err)
{
    *out_largest = *out_parameters = 0;
    for (int64_t i = 0; i < rt_weights_count(weights); i++) {
        const rt_weight *w = rt_weights_at(weights, i);
        rt_tensor t = w->tensor;
        t.dtype = rt_weights_write_dtype(dtype, w->name, t.dtype);
        if (rt_bytes(t) > *out_largest) *out_largest = rt_bytes(t);
        *out_parameters += rt_count(t);
        rt_status status = to->torch ? RT_OK : rt_safetensors_declare(to->safetensors, w->name, t, err);
        if (status != RT_OK) return status;
    }
    return RT_OK;
}

static rt_status put_tensor(const sink *to, const char *name, rt_tensor t, rt_err *err)
{
    char full[400];
    if (!to->torch) return rt_safetensors_write(to->safetensors, t, err);
    snprintf(full, sizeof full, "%s%s", to->prefix, name);
    rt_torch_writer_text(to->torch, full);
    rt_torch_writer_tensor(to->torch, t);
    return RT_OK;
}

static rt_status write_tensors(const sink *to, const rt_weights *weights, const char *dtype, void *buffer,
                               int64_t parameters, rt_err *err)
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
        RT_TRY(put_tensor(to, w->name, t, err));
        rt_progress_step(done += rt_count(t));
    }
done:
    rt_progress_end();
    return status;
}

/* What a safetensors file says of itself; a .pt has no room for it. */
static rt_status describe(rt_cli *cli, const sink *to, const rt_weights *weights, const char *in, rt_err *err)
{
    char sha256[RT_HASH_TEXT], step_text[32];
    int64_t size, step;
    rt_config config;
    bool known;
    rt_status status = RT_OK;
    RT_TRY(detect(&config, &known, weights, rt_option_text(cli->options, "config"), err));
    RT_TRY(rt_hash_file(sha256, &size, in, err));
    rt_run_record_add_input(cli->record, "IN", in, size, sha256);
    if (to->torch) {
        if (!known || !config.use_ribonanza)
            rt_warn("%s is no whole network%s: the reference's loader, which wants every weight, will not take it", in,
                    known ? ", RibonanzaNet2 is missing" : "");
        return RT_OK;
    }
    RT_TRY(rt_weights_write_metadata(to->safetensors, known ? &config : NULL, err));
    RT_TRY(rt_safetensors_metadata(to->safetensors, "rnatune.source", rt_path_name(in), err));
    RT_TRY(rt_safetensors_metadata(to->safetensors, "rnatune.source_sha256", sha256, err));
    if (rt_weights_step(weights, &step)) {
        snprintf(step_text, sizeof step_text, "%lld", (long long)step);
        RT_TRY(rt_safetensors_metadata(to->safetensors, "rnatune.step", step_text, err));
    }
done:
    return status;
}

/* {"model": ..., "optimizer": None, "scheduler": None, "step": N}, around the tensors that `write_tensors` puts. */
static void open_wrapper(rt_torch_writer *torch)
{
    rt_torch_writer_dict(torch);
    rt_torch_writer_text(torch, "model");
}

static void close_wrapper(rt_torch_writer *torch, const rt_weights *weights)
{
    int64_t step = 0;
    rt_weights_step(weights, &step);
    rt_torch_writer_text(torch, "optimizer");
    rt_torch_writer_none(torch);
    rt_torch_writer_text(torch, "scheduler");
    rt_torch_writer_none(torch);
    rt_torch_writer_text(torch, "step");
    rt_torch_writer_int(torch, step);
    rt_torch_writer_end(torch);
}

static rt_status run(rt_cli *cli, rt_err *err)
{
    const char *in = rt_operand_at(cli->options, 0), *out = rt_option_text(cli->options, "out");
    const char *dtype = rt_option_text(cli->options, "dtype");
    bool wrapped = strcmp(rt_option_text(cli->options, "wrapper"), "reference") == 0;
    rt_weights *weights = NULL;
    sink to = {.prefix = wrapped ? "module." : ""};
    char *buffer = NULL;
    int64_t largest, parameters;
    rt_status status = RT_OK;
    RT_TRY(refuse_same_file(in, out, err));
    RT_TRY(rt_weights_open(&weights, in, err));
    if (is_torch(out)) RT_TRY(rt_torch_writer_open(&to.torch, out, err));
    else RT_TRY(rt_safetensors_create(&to.safetensors, out, err));
    RT_TRY(describe(cli, &to, weights, in, err));
    RT_TRY(declare(&to, weights, dtype, &largest, &parameters, err));
    RT_TRY_ALLOC(buffer, largest);
    if (to.torch && wrapped) open_wrapper(to.torch);
    if (to.torch) rt_torch_writer_dict(to.torch);
    RT_TRY(write_tensors(&to, weights, dtype, buffer, parameters, err));
    if (to.torch) rt_torch_writer_end(to.torch);
    if (to.torch && wrapped) close_wrapper(to.torch, weights);
    status = to.torch ? rt_torch_writer_commit(to.torch, err) : rt_safetensors_commit(to.safetensors, err);
    to = (sink){0};
    RT_TRY(status);
    RT_TRY(rt_weights_write_report(cli, out, rt_weights_count(weights), parameters, err));
done:
    rt_safetensors_abandon(to.safetensors);
    rt_torch_writer_abandon(to.torch);
    rt_weights_close(weights);
    free(buffer);
    return status;
}

static const rt_operand OPERANDS[] = {
    {.name = "IN", .type = RT_OPTION_FILE, .required = true, .help = "a checkpoint: .pt, .ckpt, .bin or .safetensors"},
    {0},
};

static const rt_option OPTIONS[] = {
    {.name = "out", .type = RT_OPTION_OUT_FILE, .required = true,
     .help = "the file to write: safetensors, or what PyTorch loads when it ends in .pt"},
    {.name = "wrapper", .type = RT_OPTION_CHOICE, .choices = "reference|none", .fallback = "reference",
     .help = "of a .pt: {model, optimizer, scheduler, step} with \"module.\" before names, or the weights alone"},
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
    .summary = "write a checkpoint as safetensors, or as a .pt for PyTorch",
    .operands = OPERANDS,
    .options = OPTIONS,
    .description =
        "Writes the weights of a PyTorch checkpoint, or of another safetensors file, under their own names without the "
        "\"module.\", \"_orig_mod.\" and \"model.\" that wrappers put before them; the optimizer and the scheduler are "
        "left behind. One tensor at a time is in memory.\n\n"
        "The metadata holds the source's name and SHA-256, the training step, rnatune's version and, when the sizes can "
        "be told from the shapes, the configuration. OUT.run.json beside it records the run.\n\n"
        "With --out OUT.pt it is what torch.load(weights_only=True) and the reference's inference take: every weight of "
        "IN, those that never run included.",
    .output = "One row: file, tensors, parameters, bytes, sha256.",
    .examples = "  rnatune convert rnapro.pt --out rnapro.safetensors\n"
                "  rnatune convert rnapro.pt --out rnapro-bf16.safetensors --dtype bf16\n"
                "  rnatune convert run/best.safetensors --out tuned.pt",
    .long_work = true,
    .run = run,
};
