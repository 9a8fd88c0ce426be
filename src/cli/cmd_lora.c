/* cmd_lora.c - rnatune lora merge|average: adapters into a checkpoint, or several into one */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/memory.h"
#include "cli/commands.h"
#include "cli/print_json.h"
#include "cli/weights_write.h"
#include "train/export.h"

enum { MOST = 64 };

typedef struct {
    rt_cli *cli;
    rt_peft *adapter[MOST];
    int n;
} job;

/* Operands from number `first` on are adapters. */
static rt_status open_adapters(job *j, int first, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_options *o = j->cli->options;
    if (rt_operand_count(o) - first > MOST)
        return rt_fail(err, RT_ERR_USAGE, NULL, 0, "%d adapters: at most %d", rt_operand_count(o) - first, MOST);
    for (int i = first; i < rt_operand_count(o); i++) {
        RT_TRY(rt_peft_open(&j->adapter[j->n], rt_operand_at(o, i), err));
        const rt_peft *a = j->adapter[j->n++];
        if (rt_peft_config_path(a)) RT_TRY(rt_run_record_input(j->cli->record, "ADAPTER", rt_peft_config_path(a), err));
        RT_TRY(rt_run_record_input(j->cli->record, "ADAPTER", rt_peft_tensor_path(a), err));
    }
done:
    return status;
}

static rt_status merge(job *j, rt_err *err)
{
    rt_status status = RT_OK;
    const char *base_path = rt_operand_at(j->cli->options, 1), *out = rt_option_text(j->cli->options, "out");
    rt_weights *base = NULL;
    rt_params *nothing = NULL;
    int64_t step = 0, parameters = 0;
    if (rt_operand_count(j->cli->options) < 3) {
        rt_fail(err, RT_ERR_USAGE, NULL, 0, "merge takes a checkpoint and at least one adapter");
        return rt_hint(err, "rnatune lora merge BASE ADAPTER --out FILE");
    }
    RT_TRY(rt_weights_open(&base, base_path, err));
    RT_TRY(rt_run_record_input(j->cli->record, "BASE", base_path, err));
    RT_TRY(open_adapters(j, 2, err));
    RT_TRY(rt_params_create(&nothing, err));
    rt_weights_step(base, &step);
    rt_export_options options = {.adapter = j->adapter, .n_adapter = j->n, .steps_done = step};
    RT_TRY(rt_export_safetensors(out, base, nothing, &options, err));
    for (int64_t i = 0; i < rt_weights_count(base); i++) parameters += rt_count(rt_weights_at(base, i)->tensor);
    RT_TRY(rt_weights_write_report(j->cli, out, rt_weights_count(base), parameters, err));
done:
    rt_params_free(nothing);
    rt_weights_close(base);
    return status;
}

static rt_status average(job *j, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_options *o = j->cli->options;
    const char *out = rt_option_text(o, "out");
    char path[4096];
    rt_peft_average_report r;
    json_t *json = NULL;
    if (rt_operand_count(o) < 3) {
        rt_fail(err, RT_ERR_USAGE, NULL, 0, "average takes at least two adapters");
        return rt_hint(err, "rnatune lora average RUN/epoch-003 RUN/epoch-004 --out DIR");
    }
    RT_TRY(open_adapters(j, 1, err));
    RT_TRY(rt_peft_average(out, j->adapter, j->n, rt_option_int(o, "rank"), &r, err));
    rt_path_join(path, sizeof path, out, "run.json");
    RT_TRY(rt_run_record_write(j->cli->record, o, path, err));
    json = json_pack("{s:s, s:i, s:I, s:I, s:I, s:f, s:f}", "folder", out, "adapters", j->n, "layers", (json_int_t)r.n_layer,
                     "whole_weights", (json_int_t)r.n_weight, "rank", (json_int_t)r.rank, "kept", r.kept, "least_kept",
                     r.least_kept);
    if (!json) RT_TRY(rt_fail(err, RT_ERR_UNSUPPORTED, out, 0, "the folder's name is not UTF-8"));
    if (rt_option_flag(o, "json")) RT_TRY(rt_print_json(json, err));
    else
        printf("folder\tadapters\tlayers\twhole_weights\trank\tkept\tleast_kept\n%s\t%d\t%lld\t%lld\t%lld\t%.6f\t%.6f\n",
               out, j->n, (long long)r.n_layer, (long long)r.n_weight, (long long)r.rank, r.kept, r.least_kept);
done:
    json_decref(json);
    return status;
}

static rt_status run(rt_cli *cli, rt_err *err)
{
    rt_status status;
    job j = {.cli = cli};
    bool merging = strcmp(rt_operand_at(cli->options, 0), "merge") == 0;
    const rt_option out = {.type = merging ? RT_OPTION_OUT_FILE : RT_OPTION_OUT_FOLDER};
    RT_TRY(rt_option_check_path(&out, rt_option_text(cli->options, "out"), "--out", err));
    status = merging ? merge(&j, err) : average(&j, err);
done:
    for (int i = 0; i < j.n; i++) rt_peft_close(j.adapter[i]);
    return status;
}

static const rt_operand OPERANDS[] = {
    {.name = "ACTION", .type = RT_OPTION_CHOICE, .choices = "merge|average", .required = true,
     .help = "merge BASE ADAPTER..., or average ADAPTER..."},
    {.name = "PATH", .type = RT_OPTION_PATH, .required = true, .repeated = true,
     .help = "a PEFT LoRA folder, or a file with a confidence head; for merge the checkpoint comes first"},
    {0},
};

static const rt_option OPTIONS[] = {
    {.name = "out", .type = RT_OPTION_TEXT, .required = true, .value = "FILE|DIR",
     .help = "merge: the safetensors file; average: the folder of the adapter"},
    {.name = "rank", .type = RT_OPTION_INT, .value = "R", .fallback = "0", .low = 0, .high = 4096,
     .help = "average: the rank of the result, by singular values; 0: exact, the ranks add up"},
    {.name = "json", .type = RT_OPTION_FLAG, .help = "JSON instead of a table"},
    {0},
};

const rt_command rt_cmd_lora = {
    .name = "lora",
    .summary = "merge adapters into a checkpoint, or average several",
    .operands = OPERANDS,
    .options = OPTIONS,
    .description =
        "merge writes the checkpoint with every adapter added to it, in the order given: W + alpha / r B A, in fp32. Whole "
        "weights of an adapter, such as a confidence head, replace the checkpoint's. Other tensors stay as they are.\n\n"
        "average writes one adapter whose change to each layer is the mean of the others' changes: epochs of a run, or seeds. "
        "The mean of A and the mean of B would be another change. Without --rank it is exact and its rank is the sum of the "
        "ranks; with --rank each layer keeps its largest singular values, and 'kept' says how much of the change that is.",
    .output = "merge: one row: file, tensors, parameters, bytes, sha256. average: one row: folder, adapters, layers, "
              "whole_weights, rank, kept, least_kept.",
    .examples = "  rnatune lora merge rnapro.pt run/best --out merged.safetensors\n"
                "  rnatune lora average run/epoch-003 run/epoch-004 run/epoch-005 --rank 8 --out mean",
    .run = run,
};
