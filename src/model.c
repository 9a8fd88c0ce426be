#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"

static void bind_all(rt_binder *binder, rt_model *model)
{
    rt_trunk_bind(binder, &model->trunk);
    rt_denoiser_bind(binder, &model->denoiser);
    rt_distogram_head_bind(binder, &model->distogram);
    rt_confidence_head_bind(binder, &model->confidence);
}

rt_status rt_model_schema(const rt_config *config, rt_schema_visit *visit, void *user, rt_err *err)
{
    rt_model model = {.config = *config};
    rt_arena *arena;
    rt_status status = rt_arena_create(&arena, "schema", 1 << 26, err);
    if (status != RT_OK) return status;
    rt_binder binder = {.config = config, .visit = visit, .user = user, .arena = arena, .err = err};
    bind_all(&binder, &model);
    rt_arena_free(arena);
    return binder.status;
}

const char *rt_ribonanza_source_name(rt_ribonanza_source source)
{
    static const char *const NAMES[] = {"checkpoint", "folder", "none"};
    return NAMES[source];
}

static const char ENCODER[] = "ribonanza_net.encoder.weight";

/* The folder's weights, and whose RibonanzaNet2 runs: the checkpoint's own when it has one, as in the reference. */
static rt_status open_ribonanza(rt_model *model, const rt_model_options *options, rt_err *err)
{
    rt_status status = RT_OK;
    char path[4096];
    bool own = rt_weights_find(model->weights, ENCODER) != NULL;
    if (options->no_ribonanza) {
        if (options->opt_ribonanza)
            return rt_fail(err, RT_ERR_USAGE, NULL, 0, "--ribonanza and --no-ribonanza contradict each other");
        model->ribonanza_source = RT_RIBONANZA_NONE;
        return RT_OK;
    }
    if (options->opt_ribonanza) {
        rt_path_join(path, sizeof path, options->opt_ribonanza, "pytorch_model_fsdp.bin");
        RT_TRY(rt_weights_open(&model->ribonanza_weights, path, err));
        rt_path_join(path, sizeof path, options->opt_ribonanza, "pairwise.yaml");
        RT_TRY(rt_config_load_ribonanza(&model->config, path, err));
    }
    if (!own && !options->opt_ribonanza) {
        status = rt_fail(err, RT_ERR_MISMATCH, options->checkpoint, 0, "holds no RibonanzaNet2 weights (ribonanza_net.*)");
        rt_hint(err, "give its folder with --ribonanza DIR; --no-ribonanza runs without it, which is no better than the "
                "templates");
        goto done;
    }
    model->ribonanza_source = own ? RT_RIBONANZA_CHECKPOINT : RT_RIBONANZA_FOLDER;
    if (own && model->ribonanza_weights) {
        const rt_weight *a = rt_weights_find(model->weights, ENCODER);
        const rt_weight *b = rt_weights_find(model->ribonanza_weights, ENCODER + strlen("ribonanza_net."));
        bool same = b && a->tensor.dtype == b->tensor.dtype && rt_bytes(a->tensor) == rt_bytes(b->tensor) &&
                    memcmp(a->tensor.data, b->tensor.data, (size_t)rt_bytes(a->tensor)) == 0;
        if (!same) rt_warn("the checkpoint's own RibonanzaNet2 differs from %s; the checkpoint's is used, as the reference does",
                           options->opt_ribonanza);
    }
done:
    return status;
}

/* A preset whose block counts are the detected ones lends its settings. */
static void adopt_settings(rt_config *config, const rt_config *detected)
{
    static const char *const PRESETS[] = {"rnapro_base", "rnapro_mini", "rnapro_tiny"};
    for (int i = 0; i < 3; i++) {
        rt_config preset;
        if (rt_config_preset(&preset, PRESETS[i], NULL) != RT_OK) continue;
        if (preset.pairformer_blocks != detected->pairformer_blocks || preset.msa_blocks != detected->msa_blocks ||
            preset.transformer_blocks != detected->transformer_blocks)
            continue;
        *config = preset;
        return;
    }
    rt_config_preset(config, PRESETS[0], NULL);
    rt_info("no --config given and the weights fit no preset: sizes come from the weights, settings from rnapro_base");
}

/* The config's settings with the weights' sizes; a config that was asked for and says other sizes is refused. */
static rt_status settle_config(rt_model *model, const rt_model_options *options, rt_err *err)
{
    rt_status status = RT_OK;
    rt_config detected;
    const char *stored = rt_weights_metadata(model->weights, "rnatune.config");
    rt_config ribonanza = model->config;   /* what pairwise.yaml says, if it was read */
    RT_TRY(rt_config_preset(&detected, "rnapro_base", err));
    detected.use_ribonanza = !options->no_ribonanza;
    RT_TRY(rt_config_detect(&detected, model->weights, model->ribonanza_weights, err));
    if (options->opt_config) {
        RT_TRY(rt_config_load(&model->config, options->opt_config, err));
        model->config.use_ribonanza = detected.use_ribonanza;
        RT_TRY(rt_config_compare(&model->config, &detected, err));
    } else if (stored) {
        RT_TRY(rt_config_parse(&model->config, stored, (int64_t)strlen(stored), rt_weights_path(model->weights), err));
        model->config.use_ribonanza = detected.use_ribonanza;
        RT_TRY(rt_config_compare(&model->config, &detected, err));
    } else {
        adopt_settings(&model->config, &detected);
    }
    if (model->ribonanza_weights) {
        rt_config expected = detected;
#define RT_SIZE(field, path, value) \
    if (strncmp(#field, "ribonanza_n", 11) == 0 || strncmp(#field, "ribonanza_p", 11) == 0 || \
        strncmp(#field, "ribonanza_d", 11) == 0) expected.field = ribonanza.field;
        RT_CONFIG_SIZES
#undef RT_SIZE
        RT_TRY(rt_config_compare(&expected, &detected, err));
    }
#define RT_SIZE(field, path, value) model->config.field = detected.field;
    RT_CONFIG_SIZES
#undef RT_SIZE
    model->config.use_ribonanza = detected.use_ribonanza;
done:
    return status;
}

/* A name that belongs to RibonanzaNet2 or to what takes its features in. */
static bool is_ribonanza_name(const char *name)
{
    static const char *const PREFIXES[] = {"ribonanza_", "layer_weights", "projection_", "gated_"};
    for (int i = 0; i < 4; i++)
        if (strncmp(name, PREFIXES[i], strlen(PREFIXES[i])) == 0) return true;
    return false;
}

static rt_status report_problems(rt_binder *binder, const rt_model *model, rt_err *err)
{
    int64_t unknown = 0;
    rt_text names = {0};
    for (int64_t i = 0; i < rt_weights_count(model->weights); i++) {
        const char *name = rt_weights_at(model->weights, i)->name;
        if (binder->used[i] || (!model->config.use_ribonanza && is_ribonanza_name(name))) continue;
        if (unknown++ < 4) rt_text_add(&names, "\n    %s: unknown", name);
    }
    rt_status status = RT_OK;
    if (binder->n_missing || binder->n_misshapen || unknown) {
        status = rt_fail(err, RT_ERR_MISMATCH, rt_weights_path(model->weights), 0,
                         "is not a checkpoint of this network: %lld weights are missing, %lld have another shape, %lld are "
                         "unknown%s%s", (long long)binder->n_missing, (long long)binder->n_misshapen, (long long)unknown,
                         binder->problems.data ? binder->problems.data : "", names.data ? names.data : "");
        rt_hint(err, "`rnatune inspect --all FILE` lists them all");
    }
    rt_text_free(&names);
    return status;
}

static rt_status open_adapters(rt_model *model, const rt_model_options *options, rt_err *err)
{
    rt_status status = RT_OK;
    if (options->n_adapter >= RT_MOST_ADAPTERS)
        return rt_fail(err, RT_ERR_USAGE, NULL, 0, "%d adapters on one checkpoint: at most %d", options->n_adapter,
                       RT_MOST_ADAPTERS - 1);
    RT_TRY_ALLOC(model->adapter, options->n_adapter);
    for (; model->n_adapter < options->n_adapter; model->n_adapter++)
        RT_TRY(rt_peft_open(&model->adapter[model->n_adapter], options->adapter[model->n_adapter], err));
done:
    return status;
}

/* Everything that an adapter holds has found its place. */
static rt_status check_adapters(const rt_model *model, rt_err *err)
{
    for (int i = 0; i < model->n_adapter; i++) {
        int64_t count;
        const char *name = rt_peft_untaken(model->adapter[i], &count);
        if (!name) continue;
        rt_fail(err, RT_ERR_MISMATCH, rt_peft_path(model->adapter[i]), 0,
                "has no place in this network for '%.200s' (%lld such names)", name, (long long)count);
        return rt_hint(err, "adapters go on linear layers of the network; RibonanzaNet2 and parts that never run take none");
    }
    return RT_OK;
}

static rt_status bind_model(rt_model *model, const rt_model_options *options, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t count = rt_weights_count(model->weights), bytes = 1 << 26;
    for (int64_t i = 0; i < count; i++) bytes += rt_count(rt_weights_at(model->weights, i)->tensor) * 12;
    for (int64_t i = 0; model->ribonanza_weights && i < rt_weights_count(model->ribonanza_weights); i++)
        bytes += rt_count(rt_weights_at(model->ribonanza_weights, i)->tensor) * 12;
    for (int i = 0; i < model->n_adapter; i++)
        for (int64_t k = 0; k < rt_peft_count(model->adapter[i]); k++) {
            const rt_peft_pair *pair = rt_peft_at(model->adapter[i], k);
            bytes += 12 * (rt_count(pair->a) + rt_count(pair->b)) + 1024;
        }
    rt_binder binder = {.config = &model->config, .weights = model->weights, .ribonanza = model->ribonanza_weights,
                        .adapter = model->adapter, .n_adapter = model->n_adapter,
                        .real = options->real, .precision = options->precision, .params = options->params, .err = err};
    model->params = options->params;
    RT_TRY_ALLOC(binder.used, count + 1);
    bool device = options->opt_ctx && options->opt_ctx->on_device;
    if (device && options->params) bytes += bytes;   /* what trains lies there too */
    RT_TRY(rt_ctx_arena_create(options->opt_ctx, &model->arena, "weight", bytes, err));
    if (options->params) rt_params_place(options->params, options->opt_ctx, device ? model->arena : NULL);
    binder.arena = model->arena;
    bind_all(&binder, model);
    RT_TRY(binder.status);
    RT_TRY(report_problems(&binder, model, err));
    RT_TRY(check_adapters(model, err));
    if (model->params) RT_TRY(rt_params_check(model->params, err));
    for (int64_t i = 0; i < count; i++)
        if (binder.used[i]) model->n_parameters += rt_count(rt_weights_at(model->weights, i)->tensor);
    for (int64_t i = 0; binder.n_from_ribonanza && i < rt_weights_count(model->ribonanza_weights); i++)
        model->n_parameters += rt_count(rt_weights_at(model->ribonanza_weights, i)->tensor);
    model->in_place = binder.in_place;
    rt_ctx_arena_settle(options->opt_ctx, model->arena);
done:
    rt_text_free(&binder.problems);
    free(binder.used);
    return status;
}

rt_status rt_model_open(rt_model **ret_model, const rt_model_options *options, rt_err *err)
{
    rt_status status = RT_OK;
    *ret_model = NULL;
    rt_model *model;
    RT_TRY_ALLOC(model, 1);
    model->precision = options->precision;
    RT_TRY(rt_config_preset(&model->config, "rnapro_base", err));
    RT_TRY(rt_weights_open(&model->weights, options->checkpoint, err));
    RT_TRY(open_ribonanza(model, options, err));
    RT_TRY(settle_config(model, options, err));
    RT_TRY(open_adapters(model, options, err));
    RT_TRY(bind_model(model, options, err));
    *ret_model = model;
    model = NULL;
done:
    rt_model_close(model);
    return status;
}

rt_status rt_model_synthetic(rt_model **ret_model, const rt_config *config, rt_precision precision, rt_params *opt_params,
                             rt_ctx *opt_ctx, rt_err *err)
{
    rt_status status = RT_OK;
    *ret_model = NULL;
    rt_model *model;
    RT_TRY_ALLOC(model, 1);
    model->config = *config;
    model->precision = precision;
    RT_TRY(rt_ctx_arena_create(opt_ctx, &model->arena, "weight", rt_memory_available(), err));
    if (opt_params) rt_params_place(opt_params, opt_ctx, opt_ctx && opt_ctx->on_device ? model->arena : NULL);
    rt_binder binder = {.config = &model->config, .arena = model->arena, .real = RT_F32, .precision = precision, .err = err,
                        .params = opt_params, .synthetic = true};
    model->params = opt_params;
    bind_all(&binder, model);
    RT_TRY(binder.status);
    if (opt_params) RT_TRY(rt_params_check(opt_params, err));
    rt_ctx_arena_settle(opt_ctx, model->arena);
    *ret_model = model;
    model = NULL;
done:
    rt_model_close(model);
    return status;
}

int64_t rt_model_bytes(const rt_model *model) { return rt_arena_used(model->arena) + model->in_place; }

void rt_model_close(rt_model *model)
{
    if (!model) return;
    rt_arena_free(model->arena);
    for (int i = 0; i < model->n_adapter; i++) rt_peft_close(model->adapter[i]);
    free(model->adapter);
    rt_weights_close(model->weights);
    rt_weights_close(model->ribonanza_weights);
    free(model);
}
