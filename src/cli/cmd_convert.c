/* cmd_convert.c - rnatune convert: any checkpoint that rnatune reads, or the mean of several, as safetensors or as a .pt */
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

enum { MOST_INPUTS = 64 };

/* The checkpoints: one, or several of which the mean is written. */
typedef struct {
    rt_weights *weights[MOST_INPUTS];
    int n;
} inputs;

static rt_status open_inputs(inputs *in, const rt_options *o, rt_err *err)
{
    rt_status status = RT_OK;
    if (rt_operand_count(o) > MOST_INPUTS)
        return rt_fail(err, RT_ERR_USAGE, NULL, 0, "%d checkpoints: at most %d", rt_operand_count(o), MOST_INPUTS);
    for (int i = 0; i < rt_operand_count(o); i++) {
        RT_TRY(refuse_same_file(rt_operand_at(o, i), rt_option_text(o, "out"), err));
        RT_TRY(rt_weights_open(&in->weights[i], rt_operand_at(o, i), err));
        in->n++;
        const rt_weights *w = in->weights[i], *first = in->weights[0];
        bool same = rt_weights_count(w) == rt_weights_count(first);
        for (int64_t k = 0; same && k < rt_weights_count(first); k++) {
            const rt_weight *a = rt_weights_at(first, k), *b = rt_weights_find(w, a->name);
            same = b && a->tensor.ndim == b->tensor.ndim && rt_count(a->tensor) == rt_count(b->tensor);
            for (int d = 0; same && d < a->tensor.ndim; d++) same = a->tensor.dim[d] == b->tensor.dim[d];
        }
        if (!same)
            RT_TRY(rt_fail(err, RT_ERR_MISMATCH, rt_operand_at(o, i), 0,
                           "only checkpoints with the same tensors can be averaged, and these are not those of %.200s",
                           rt_operand_at(o, 0)));
    }
done:
    return status;
}

static bool is_real(rt_dtype dtype) { return dtype == RT_F32 || dtype == RT_F64 || dtype == RT_F16 || dtype == RT_BF16; }

/* Tensor `index` of the first: the mean over all, in double, as `t`'s type; counts and masks stay the first's. */
static void take_mean(const inputs *in, int64_t index, rt_tensor t)
{
    const rt_weight *first = rt_weights_at(in->weights[0], index);
    rt_tensor of[MOST_INPUTS];
    for (int k = 0; k < in->n; k++) of[k] = rt_weights_find(in->weights[k], first->name)->tensor;
    for (int64_t i = 0; i < rt_count(t); i++) {
        double sum = 0;
        for (int k = 0; k < in->n; k++) sum += rt_get(of[k], i);
        rt_set(t, i, sum / in->n);
    }
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

static rt_status write_tensors(const sink *to, const inputs *in, const char *dtype, void *buffer,
                               int64_t parameters, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_weights *weights = in->weights[0];
    int64_t done = 0;
    rt_progress_start(NULL, parameters);
    rt_progress_label("converting");
    for (int64_t i = 0; i < rt_weights_count(weights); i++) {
        const rt_weight *w = rt_weights_at(weights, i);
        rt_tensor t = w->tensor;
        if (rt_stop_requested()) RT_TRY(rt_fail(err, RT_ERR_STOPPED, NULL, 0, "stopped; nothing was written"));
        t.dtype = rt_weights_write_dtype(dtype, w->name, t.dtype);
        bool mean = in->n > 1 && is_real(w->tensor.dtype);
        if (mean && t.dtype == RT_F16)
            RT_TRY(rt_fail(err, RT_ERR_UNSUPPORTED, NULL, 0, "a mean is not written as F16: --dtype fp32"));
        if (mean) {
            t.data = buffer;
            take_mean(in, i, t);
        } else if (t.dtype != w->tensor.dtype) {
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
static rt_status describe(rt_cli *cli, const sink *to, const rt_weights *weights, rt_err *err)
{
    const char *in = rt_operand_at(cli->options, 0);
    char sha256[RT_HASH_TEXT], step_text[32];
    int64_t step;
    rt_config config;
    bool known;
    rt_status status = RT_OK;
    RT_TRY(detect(&config, &known, weights, rt_option_text(cli->options, "config"), err));
    RT_TRY(rt_run_record_hash_input(sha256, cli->record, "IN", in, err));
    for (int i = 1; i < rt_operand_count(cli->options); i++)
        RT_TRY(rt_run_record_input(cli->record, "IN", rt_operand_at(cli->options, i), err));
    if (to->torch) {
        if (!known || !config.use_ribonanza)
            rt_warn("%s is no whole network%s: the reference's loader, which wants every weight, will not take it", in,
                    known ? ", RibonanzaNet2 is missing" : "");
        return RT_OK;
    }
    RT_TRY(rt_weights_write_metadata(to->safetensors, known ? &config : NULL, err));
    if (rt_operand_count(cli->options) > 1) {
        snprintf(step_text, sizeof step_text, "%d", rt_operand_count(cli->options));
        return rt_safetensors_metadata(to->safetensors, "rnatune.mean_of", step_text, err);
    }
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
    const char *out = rt_option_text(cli->options, "out");
    const char *dtype = rt_option_text(cli->options, "dtype");
    bool wrapped = strcmp(rt_option_text(cli->options, "wrapper"), "reference") == 0;
    inputs in = {0};
    sink to = {.prefix = wrapped ? "module." : ""};
    char *buffer = NULL;
    int64_t largest, parameters;
    rt_status status = RT_OK;
    RT_TRY(open_inputs(&in, cli->options, err));
    const rt_weights *weights = in.weights[0];
    if (is_torch(out)) RT_TRY(rt_torch_writer_open(&to.torch, out, err));
    else RT_TRY(rt_safetensors_create(&to.safetensors, out, err));
    RT_TRY(describe(cli, &to, weights, err));
    RT_TRY(declare(&to, weights, dtype, &largest, &parameters, err));
    RT_TRY_ALLOC(buffer, largest);
    if (to.torch && wrapped) open_wrapper(to.torch);
    if (to.torch) rt_torch_writer_dict(to.torch);
    RT_TRY(write_tensors(&to, &in, dtype, buffer, parameters, err));
    if (to.torch) rt_torch_writer_end(to.torch);
    if (to.torch && wrapped) close_wrapper(to.torch, weights);
    status = to.torch ? rt_torch_writer_commit(to.torch, err) : rt_safetensors_commit(to.safetensors, err);
    to = (sink){0};
    RT_TRY(status);
    RT_TRY(rt_weights_write_report(cli, out, rt_weights_count(weights), parameters, err));
done:
    rt_safetensors_abandon(to.safetensors);
    rt_torch_writer_abandon(to.torch);
    for (int i = 0; i < in.n; i++) rt_weights_close(in.weights[i]);
    free(buffer);
    return status;
}

static const rt_operand OPERANDS[] = {
    {.name = "IN", .type = RT_OPTION_FILE, .required = true, .repeated = true,
     .help = "a checkpoint: .pt, .ckpt, .bin or .safetensors; several: their mean, tensor by tensor"},
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
    .summary = "write a checkpoint, or the mean of several, as safetensors, or as a .pt for PyTorch",
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
                "  rnatune convert run/best.safetensors --out tuned.pt\n"
                "  rnatune convert epoch8.safetensors epoch9.safetensors --out mean.safetensors",
    .long_work = true,
    .run = run,
};
