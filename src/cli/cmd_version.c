/* cmd_version.c - rnatune version: what this program is and what it runs on */
#include <dnnl.h>
#include <stdio.h>

#include "base/pool.h"
#include "base/ranks.h"
#include "cli/commands.h"
#include "cli/print_json.h"

#ifndef RT_CUDA
#define RT_CUDA 0
#endif

#ifdef __clang__
#define COMPILER ""
#else
#define COMPILER "gcc "
#endif

const char *rt_version_text(void) { return RT_VERSION; }
const char *rt_version_commit(void) { return RT_COMMIT; }

/* The instruction sets that kernels choose between at run time. */
static json_t *cpu_features(void)
{
    json_t *list = json_array();
    __builtin_cpu_init();
#define FEATURE(name) if (__builtin_cpu_supports(name)) json_array_append_new(list, json_string(name))
    FEATURE("sse4.2");
    FEATURE("avx");
    FEATURE("fma");
    FEATURE("avx2");
    FEATURE("avx512f");
    FEATURE("avx512bw");
    FEATURE("avx512vl");
    FEATURE("avx512bf16");
#undef FEATURE
    return list;
}

static json_t *describe(void)
{
    char onednn[64];
    const dnnl_version_t *v = dnnl_version();
    snprintf(onednn, sizeof onednn, "%d.%d.%d", v->major, v->minor, v->patch);
    return json_pack("{s:s, s:s, s:s, s:s, s:o, s:i, s:b, s:b}", "version", rt_version_text(), "commit", rt_version_commit(),
                     "compiler", COMPILER __VERSION__, "onednn", onednn, "cpu_features", cpu_features(), "cpus",
                     rt_cpu_count(), "cuda", RT_CUDA, "mpi", rt_ranks_possible());
}

static void print_row(const char *name, const json_t *value)
{
    printf("%s\t", name);
    if (json_is_string(value)) printf("%s\n", json_string_value(value));
    else if (json_is_integer(value)) printf("%lld\n", (long long)json_integer_value(value));
    else if (json_is_boolean(value)) printf("%s\n", json_is_true(value) ? "yes" : "no");
    else {
        size_t index;
        json_t *item;
        json_array_foreach((json_t *)(uintptr_t)value, index, item)
            printf("%s%s", index ? " " : "", json_string_value(item));
        printf("\n");
    }
}

static rt_status run(rt_cli *cli, rt_err *err)
{
    json_t *root = describe(), *value;
    const char *name;
    rt_status status = RT_OK;
    if (rt_option_flag(cli->options, "json")) {
        status = rt_print_json(root, err);
    } else {
        printf("name\tvalue\n");
        json_object_foreach(root, name, value) print_row(name, value);
    }
    json_decref(root);
    return status;
}

static const rt_option OPTIONS[] = {
    {.name = "json", .type = RT_OPTION_FLAG, .help = "JSON instead of a table"},
    {0},
};

const rt_command rt_cmd_version = {
    .name = "version",
    .summary = "what this program is and what it runs on",
    .options = OPTIONS,
    .description =
        "Prints the version, the commit and compiler it was built with, the version of oneDNN, the instruction "
        "sets of this processor that rnatune makes use of, whether CUDA is built in, and whether mpirun can start it.",
    .output = "A table of name and value, or one JSON object.",
    .run = run,
};
