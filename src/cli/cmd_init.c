/* cmd_init.c - rnatune init: a checkpoint with the true names and shapes and random numbers */
#include <string.h>

#include "base/rng.h"
#include "cli/commands.h"
#include "cli/weights_write.h"

static rt_status run(rt_cli *cli, rt_err *err)
{
    const char *config_name = rt_option_text(cli->options, "config"), *path = rt_option_text(cli->options, "out");
    int64_t seed = rt_option_int(cli->options, "seed");
    rt_config config;
    rt_schema schema = {0};
    rt_status status = RT_OK;
    RT_TRY(rt_config_load(&config, config_name, err));
    RT_TRY(rt_schema_build(&schema, &config, err));
    rt_run_record_seed(cli->record, seed);
    bool start = strcmp(rt_option_text(cli->options, "values"), "start") == 0;
    RT_TRY(rt_weights_write_random(path, &schema, &config, seed, start, rt_option_text(cli->options, "dtype"), err));
    RT_TRY(rt_weights_write_report(cli, path, schema.count, rt_schema_parameters(&schema), err));
done:
    rt_schema_free_members(&schema);
    return status;
}

static const rt_option OPTIONS[] = {
    {.name = "config",
     .type = RT_OPTION_TEXT,
     .value = "NAME|FILE",
     .required = true,
     .help = "rnapro_base, rnapro_mini, rnapro_tiny, or a JSON or YAML file in the reference's layout"},
    {.name = "out", .type = RT_OPTION_OUT_FILE, .required = true, .help = "the safetensors file to write"},
    {.name = "seed",
     .type = RT_OPTION_INT,
     .fallback = "42",
     .low = 0,
     .high = 1e15,
     .help = "another seed, other numbers"},
    {.name = "values",
     .type = RT_OPTION_CHOICE,
     .choices = "random|start",
     .fallback = "random",
     .help = "random: every weight counts; start: to train from scratch, as the reference starts"},
    {.name = "dtype",
     .type = RT_OPTION_CHOICE,
     .choices = "fp32|bf16",
     .fallback = "fp32",
     .help = "type of the weights; Fourier frequencies, bin edges and layer weights stay fp32"},
    {.name = "json", .type = RT_OPTION_FLAG, .help = "JSON instead of a table"},
    {0},
};

const rt_command rt_cmd_init = {
    .name = "init",
    .summary = "write a random checkpoint of the true shapes",
    .options = OPTIONS,
    .description =
        "Writes every weight of the network, RibonanzaNet2 included, with random values: layer norms 1 + 0.1 n, biases "
        "0.1 n, matrices n times the smaller of 0.25 and 1 / sqrt(inputs), where n is normal. A value depends on the seed, "
        "the weight's name and its place alone. Such a network predicts noise; it serves to measure time and memory, and "
        "to test.\n\n"
        "--values start gives what the reference starts training with: residual branches and gates closed, layer norms "
        "1, biases 0, other matrices n / sqrt(inputs), or sqrt(2) times that in front of a product. RibonanzaNet2, which "
        "is never trained, stays random.\n\n"
        "The file's metadata holds the configuration, the seed and the version; OUT.run.json beside it records the run.",
    .output = "One row: file, tensors, parameters, bytes, sha256.",
    .examples = "  rnatune init --config rnapro_base --out base.safetensors\n"
                "  rnatune init --config my_sizes.yaml --values start --out small.safetensors --seed 7",
    .long_work = true,
    .run = run,
};
