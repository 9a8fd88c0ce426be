/* cmd_bench.c - rnatune bench: how fast each stage of the network is here */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "bench.h"
#include "cli/choices.h"
#include "cli/commands.h"

enum { MAX_SIZES = 32 };

static void print_json(const rt_bench_result *results, int64_t count, const char *precision)
{
    json_t *list = json_array();
    for (int64_t i = 0; i < count; i++) {
        const rt_bench_result *r = &results[i];
        json_t *sec = json_object(), *processor = json_object(), *gflop = json_object(), *memory = json_object();
        for (int stage = 0; stage < RT_BENCH_COUNT; stage++) {
            if (isnan(r->seconds[stage])) continue;
            json_object_set_new(sec, rt_bench_stage_name(stage), json_real(r->seconds[stage]));
            json_object_set_new(processor, rt_bench_stage_name(stage), json_real(r->processor[stage]));
            json_object_set_new(gflop, rt_bench_stage_name(stage), json_real(r->gflop[stage]));
            json_object_set_new(memory, rt_bench_stage_name(stage), json_real((double)r->memory[stage] / (1 << 20)));
        }
        json_array_append_new(list, json_pack("{s:I, s:I, s:s, s:o, s:o, s:o, s:o, s:f, s:f}", "n_token", (json_int_t)r->n_token,
                                              "n_atom", (json_int_t)r->n_atom, "precision", precision, "sec", sec,
                                              "processor_sec", processor, "gflop", gflop, "memory_mib", memory,
                                              "gemm_peak_gflops", r->gemm_peak,
                                              "peak_rss_mib", (double)r->peak_rss / (1 << 20)));
    }
    json_dumpf(list, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(list);
}

static void print_table(const rt_bench_result *results, int64_t count)
{
    printf("tokens\tstage\tseconds\tgflops\tof_gemm_peak\tprocessor_seconds\n");
    for (int64_t i = 0; i < count; i++)
        for (int stage = 0; stage < RT_BENCH_COUNT; stage++) {
            const rt_bench_result *r = &results[i];
            double rate = r->gflop[stage] / r->seconds[stage];
            if (isnan(r->seconds[stage])) continue;
            printf("%lld\t%s\t%.4f\t", (long long)r->n_token, rt_bench_stage_name(stage), r->seconds[stage]);
            if (r->gflop[stage] > 0) printf("%.1f\t%.2f", rate, rate / r->gemm_peak);
            else printf("-\t-");
            printf("\t%.4f\n", r->processor[stage]);
        }
    for (int64_t i = 0; i < count; i++)
        rt_info("%lld tokens: matrix products reach %.0f GFLOP/s here; activations %.0f MiB, peak memory %.0f MiB",
                (long long)results[i].n_token, results[i].gemm_peak, (double)results[i].peak_activations / (1 << 20),
                (double)results[i].peak_rss / (1 << 20));
}

/* --stages NAME[,NAME]; all without it. */
static rt_status choose_stages(bool out_stages[RT_BENCH_COUNT], const rt_options *o, rt_err *err)
{
    const char *text = rt_option_text(o, "stages");
    for (int i = 0; i < RT_BENCH_COUNT; i++) out_stages[i] = !text;
    for (const char *at = text; at && *at; at += strcspn(at, ","), at += *at == ',') {
        int found = 0;
        size_t length = strcspn(at, ",");
        while (found < RT_BENCH_COUNT &&
               (strlen(rt_bench_stage_name(found)) != length || strncmp(rt_bench_stage_name(found), at, length) != 0))
            found++;
        if (found == RT_BENCH_COUNT) {
            rt_fail(err, RT_ERR_USAGE, NULL, 0, "--stages '%s' names something that is no stage", text);
            return rt_hint(err, "the table of a run without --stages lists them");
        }
        out_stages[found] = true;
    }
    return RT_OK;
}

static rt_status run(rt_cli *cli, rt_err *err)
{
    rt_status status = RT_OK;
    bool stages[RT_BENCH_COUNT];
    const rt_options *o = cli->options;
    rt_config config;
    rt_bench_result results[MAX_SIZES];
    int64_t sizes[MAX_SIZES];
    int count;
    const char *precision = rt_option_text(o, "precision");
    RT_TRY(rt_config_load(&config, rt_option_text(o, "config"), err));
    config.use_ribonanza = true;
    RT_TRY(choose_stages(stages, o, err));
    RT_TRY(rt_choice_numbers(o, "tokens", 1, 20000, sizes, MAX_SIZES, &count, err));
    rt_bench_options options = {.config = &config, .backend = rt_choice_backend(o),
                                .precision = rt_choice_precision(precision), .threads = rt_choice_threads(o),
                                .repetitions = (int)rt_option_int(o, "reps"), .n_msa = rt_option_int(o, "msa"),
                                .opt_checkpoint = rt_option_text(o, "checkpoint"), .opt_stages = stages,
                                .lora = rt_option_flag(o, "lora"), .keep_every = rt_option_int(o, "keep-every"),
                                .copies = rt_option_int(o, "copies"), .copies_at_once = rt_option_int(o, "copies-at-once")};
    RT_TRY(rt_choice_bytes(o, "memory-limit", &options.memory_limit, err));
    RT_TRY(rt_bench_run(results, sizes, count, &options, err));
    if (rt_option_flag(o, "json")) print_json(results, count, precision);
    else print_table(results, count);
done:
    return status;
}

static const rt_option OPTIONS[] = {
    {.name = "config", .type = RT_OPTION_TEXT, .value = "NAME|FILE", .fallback = "rnapro_base",
     .help = "the network's sizes; its weights are made up"},
    {.name = "checkpoint", .type = RT_OPTION_FILE, .value = "FILE", .otherwise = "made-up weights",
     .help = "this network instead, mapped: memory is then what predict and train need"},
    {.name = "stages", .type = RT_OPTION_TEXT, .value = "NAME[,NAME]", .otherwise = "all", .help = "these alone"},
    {.name = "tokens", .type = RT_OPTION_TEXT, .value = "N[,N...]", .fallback = "64,128", .help = "target lengths"},
    {.name = "msa", .type = RT_OPTION_INT, .value = "N", .fallback = "64", .low = 1, .high = 16384, .help = "MSA rows"},
    {.name = "reps", .type = RT_OPTION_INT, .value = "N", .fallback = "3", .low = 1, .high = 1000,
     .help = "repetitions of each stage; the minimum is printed"},
    RT_CHOICE_PRECISION,
    RT_CHOICE_BACKEND,
    {.name = "memory-limit", .type = RT_OPTION_TEXT, .value = "BYTES", .otherwise = "what is free",
     .help = "memory that may be used, as 20G"},
    RT_CHOICE_THREADS,
    {.name = "lora", .type = RT_OPTION_FLAG,
     .help = "a training step of rank 8 adapters instead: last recycle, noised copies, backward and Adam"},
    {.name = "keep-every", .type = RT_OPTION_INT, .value = "K", .fallback = "0", .low = 0, .high = 1000,
     .help = "of --lora: as in train"},
    {.name = "copies", .type = RT_OPTION_INT, .value = "N", .fallback = "4", .low = 1, .high = 1000,
     .help = "of --lora: as in train"},
    {.name = "copies-at-once", .type = RT_OPTION_INT, .value = "B", .fallback = "1", .low = 1, .high = 1000,
     .help = "of --lora: as in train"},
    {.name = "json", .type = RT_OPTION_FLAG, .help = "JSON instead of a table"},
    {0},
};

const rt_command rt_cmd_bench = {
    .name = "bench",
    .summary = "how fast each stage of the network is on this machine",
    .options = OPTIONS,
    .description =
        "Times each stage on a random target with one template and made-up weights, and the machine's own matrix products "
        "in the same run, so that a rate can be read as a share of what is possible here.",
    .output = "A table of tokens, stage, seconds, GFLOP/s and share of the measured peak, or JSON.",
    .examples = "  rnatune bench --config rnapro_base --tokens 64,128 --precision bf16",
    .run = run,
};
