/* cmd_devices.c - rnatune devices: what --device can be on this machine */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/pool.h"
#include "cli/commands.h"
#include "cli/print_json.h"
#include "op/cpu.h"

enum { MOST = 16 };

/* "AMD Ryzen 9 7950X 16-Core Processor", or "processor" where the system does not say. */
static void name_processor(char *out, size_t size)
{
    char line[256];
    FILE *file = fopen("/proc/cpuinfo", "r");
    snprintf(out, size, "processor");
    while (file && fgets(line, sizeof line, file)) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !colon) continue;
        snprintf(out, size, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
        break;
    }
    if (file) fclose(file);
}

/* 12040 -> "12.4" */
static void print_version(char out[16], int version)
{
    snprintf(out, 16, "%d.%d", version / 1000, version % 1000 / 10);
}

static json_t *describe(void)
{
    char name[128], capability[16], build[16], driver[16];
    rt_cuda_device device[MOST];
    int count = rt_cuda_devices(device, MOST);
    const char *why = rt_cuda_unavailable();
    name_processor(name, sizeof name);
    print_version(build, rt_cuda_build_version());
    print_version(driver, rt_cuda_driver_version());
    json_t *list = json_pack("[{s:s, s:s, s:I, s:s, s:b}]", "device", "cpu", "name", name, "free", rt_memory_available(),
                             "capability", "", "bf16", rt_cpu_has_bf16());
    for (int i = 0; i < count && i < MOST; i++) {
        print_version(capability, 1000 * device[i].major + 10 * device[i].minor);
        json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:s, s:b}", "device", i == 0 ? "cuda" : "cuda (not the first)",
                                              "name", device[i].name, "free", device[i].memory_free, "capability", capability,
                                              "bf16", device[i].bf16));
        json_object_set_new(json_array_get(list, (size_t)i + 1), "memory", json_integer(device[i].memory));
        json_object_set_new(json_array_get(list, (size_t)i + 1), "uuid", json_string(device[i].uuid));
    }
    json_t *root = json_pack("{s:o, s:s?, s:s?, s:s?}", "devices", list, "cuda_build",
                             rt_cuda_build_version() ? build : NULL, "cuda_driver", rt_cuda_driver_version() ? driver : NULL,
                             "cuda_unavailable", why);
    return root;
}

static void print_table(const json_t *root)
{
    size_t i;
    json_t *device;
    printf("device\tname\tGiB\tGiB_free\tcapability\tbf16\n");
    json_array_foreach(json_object_get(root, "devices"), i, device)
    {
        const char *capability = json_string_value(json_object_get(device, "capability"));
        json_t *memory = json_object_get(device, "memory");
        printf("%s\t%s\t", json_string_value(json_object_get(device, "device")),
               json_string_value(json_object_get(device, "name")));
        if (memory) printf("%.1f", (double)json_integer_value(memory) / (1 << 30));
        printf("\t%.1f\t%s\t%s\n", (double)json_integer_value(json_object_get(device, "free")) / (1 << 30), capability,
               json_is_true(json_object_get(device, "bf16")) ? "yes" : "no: products in fp32");
    }
}

static rt_status run(rt_cli *cli, rt_err *err)
{
    json_t *root = describe();
    rt_status status = RT_OK;
    const char *why = rt_cuda_unavailable();
    if (!root) return rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory");
    if (rt_option_flag(cli->options, "json")) status = rt_print_json(root, err);
    else print_table(root);
    if (rt_cuda_build_version())
        rt_info("built with CUDA %s, driver for %s", json_string_value(json_object_get(root, "cuda_build")),
                rt_cuda_driver_version() ? json_string_value(json_object_get(root, "cuda_driver")) : "none");
    if (why) rt_info("no CUDA device can be used: %s%s%s", why, rt_cuda_advice()[0] ? "; " : "", rt_cuda_advice());
    json_decref(root);
    return status;
}

static const rt_option OPTIONS[] = {
    {.name = "json", .type = RT_OPTION_FLAG, .help = "JSON instead of a table"},
    {0},
};

const rt_command rt_cmd_devices = {
    .name = "devices",
    .summary = "what can compute here: the processor and GPUs",
    .options = OPTIONS,
    .description =
        "Lists the processor and every GPU with its memory, its compute capability and whether it multiplies bf16; and says "
        "why no GPU can be used, if so. --device cuda takes the first; CUDA_VISIBLE_DEVICES chooses which that is.",
    .output = "A table of device, name, memory, free memory, compute capability and bf16, or JSON, with the UUIDs that "
              "nvidia-smi shows.",
    .run = run,
};
