#include "cli/train_phase.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cli/choices.h"
#include "train/terms.h"

static const char *const NAME[] = {"confidence", "lora", "full"};
enum { N_PHASES = 3 };

/* Options of one phase alone. */
static const char *const LORA_ONLY[] = {"targets", "rank", "alpha", "also", "lora-dropout", "block-dropout", "merged"};

rt_status rt_train_phase_find(rt_train_phase *out_phase, const rt_options *options, rt_err *err)
{
    const char *name = rt_operand_at(options, 0);
    int found = -1;
    for (int i = 0; i < N_PHASES; i++)
        if (strcmp(name, NAME[i]) == 0) found = i;
    RT_REQUIRE(found >= 0);   /* the operand's choices */
    *out_phase = (rt_train_phase)found;
    for (size_t i = 0; i < sizeof LORA_ONLY / sizeof *LORA_ONLY && found != RT_TRAIN_LORA; i++)
        if (rt_option_given(options, LORA_ONLY[i]))
            return rt_fail(err, RT_ERR_USAGE, NULL, 0, "--%s belongs to 'train lora'", LORA_ONLY[i]);
    if (found != RT_TRAIN_LORA || !rt_option_given(options, "params")) return RT_OK;
    rt_fail(err, RT_ERR_USAGE, NULL, 0, "--params belongs to the other phases");
    return rt_hint(err, "--targets says which layers get adapters, --also which weights train beside them");
}

void rt_train_phase_settle(rt_options *options, rt_train_phase phase)
{
    static const struct { const char *option, *value[N_PHASES]; } DEFAULTS[] = {
        {"crop", {"384", "256", "384"}},
        {"lr", {"3e-4", "1e-4", "3e-4"}},
        {"copies", {"16", "48", "16"}},
        {"rank", {NULL, "4", NULL}},
        {"lora-dropout", {NULL, "0", NULL}},
    };
    char text[40];
    for (size_t i = 0; i < sizeof DEFAULTS / sizeof *DEFAULTS; i++)
        if (DEFAULTS[i].value[phase] && !rt_option_given(options, DEFAULTS[i].option))
            rt_option_resolve(options, DEFAULTS[i].option, DEFAULTS[i].value[phase], "phase");
    /* a GPU is not filled by one copy; what is free there does not count, because the bytes depend on it */
    if (!rt_option_given(options, "copies-at-once")) {
        bool on_gpu = phase != RT_TRAIN_CONFIDENCE && strcmp(rt_choice_device(options), "cuda") == 0;
        rt_option_resolve(options, "copies-at-once", on_gpu ? "8" : "1", "device");
    }
    if (phase != RT_TRAIN_LORA || rt_option_given(options, "alpha")) return;
    snprintf(text, sizeof text, "%lld", 2 * (long long)rt_option_int(options, "rank"));
    rt_option_resolve(options, "alpha", text, "phase");
}

/* A whole word among those that commas separate; a glob's match is not asked for. */
static bool names_head(const char *list)
{
    static const char HEAD[] = "confidence_head";
    for (const char *at = list; at && (at = strstr(at, HEAD)); at++)
        if (at == list || at[-1] == ',') return true;
    return false;
}

/* Before --weight. */
static rt_step_terms weights_of(rt_train_phase phase, const rt_options *options)
{
    rt_step_terms weight = rt_step_weights_reference;
    if (phase == RT_TRAIN_CONFIDENCE) return (rt_step_terms){.confidence = {1, 1, 1, 1}};
    /* the reference's stage 1 leaves PAE out; a head that trains on would then keep a stale PAE, which pTM is made of */
    if (phase == RT_TRAIN_LORA && names_head(rt_option_text(options, "also"))) weight.confidence.pae = weight.confidence.pde;
    return weight;
}

rt_status rt_train_phase_weights(rt_step_terms *out_weight, rt_train_phase phase, const rt_options *options, rt_err *err)
{
    *out_weight = weights_of(phase, options);
    for (int i = 0; i < rt_option_count(options, "weight"); i++) {
        rt_err why;
        if (rt_terms_read(out_weight, rt_option_at(options, "weight", i), &why) == RT_OK) continue;
        rt_fail(err, RT_ERR_USAGE, NULL, 0, "--weight %s", why.what);
        return rt_hint(err, "%s", why.hint);
    }
    return RT_OK;
}

typedef rt_status take_glob(rt_params *params, const char *glob, void *user, rt_err *err);

static rt_status each_glob(rt_params *params, const char *list, take_glob *take, void *user, rt_err *err)
{
    rt_status status = RT_OK;
    char *copy = rt_copy_text(list, -1, err), *rest = NULL;
    if (!copy) return RT_ERR_MEMORY;
    for (char *glob = strtok_r(copy, ",", &rest); glob; glob = strtok_r(NULL, ",", &rest))
        RT_TRY(take(params, glob, user, err));
done:
    free(copy);
    return status;
}

static rt_status take_weights(rt_params *params, const char *glob, void *user, rt_err *err)
{
    (void)user;
    return rt_params_train(params, glob, err);
}

static rt_status take_targets(rt_params *params, const char *glob, void *user, rt_err *err)
{
    const rt_options *o = user;
    return rt_params_adapt(params, glob, rt_option_int(o, "rank"), rt_option_double(o, "alpha"),
                           (uint64_t)rt_option_int(o, "seed"), err);
}

/* The pair track never sees the single one: without the triangle attentions no adapter of the pairformer could change the
 * distogram or the contacts. */
static const char TARGETS[] = "pairformer_stack.*.attention_pair_bias.attention.linear_[qkv],"
                              "pairformer_stack.*.tri_att_start.mha.linear_[qkv],"
                              "pairformer_stack.*.tri_att_end.mha.linear_[qkv],"
                              "diffusion_module.diffusion_transformer.*.attention_pair_bias.attention.linear_[qkv]";

rt_status rt_train_phase_choose(rt_params *params, rt_train_phase phase, const rt_options *options, rt_err *err)
{
    const char *globs = rt_option_text(options, "params"), *also = rt_option_text(options, "also");
    if (phase == RT_TRAIN_LORA) {
        const char *targets = rt_option_text(options, "targets");
        rt_status status = each_glob(params, targets ? targets : TARGETS, take_targets, (void *)(uintptr_t)options, err);
        rt_params_set_dropout(params, rt_option_double(options, "lora-dropout"), rt_option_flag(options, "block-dropout"));
        return status == RT_OK && also ? each_glob(params, also, take_weights, NULL, err) : status;
    }
    if (!globs && phase == RT_TRAIN_FULL) {
        rt_fail(err, RT_ERR_USAGE, NULL, 0, "which weights train?");
        return rt_hint(err, "--params with modules or globs, as 'diffusion_module.*,distogram_head'");
    }
    return each_glob(params, globs ? globs : "confidence_head", take_weights, NULL, err);
}

rt_status rt_train_phase_hash_adapters(rt_cli *cli, rt_peft *const *adapter, int n_adapter, char base[RT_HASH_TEXT], rt_err *err)
{
    rt_status status = RT_OK;
    rt_hash *hash = NULL;
    if (n_adapter == 0) return RT_OK;
    RT_TRY(rt_hash_create(&hash, err));
    rt_hash_add(hash, base, (int64_t)strlen(base));
    for (int i = 0; i < n_adapter; i++) {
        const char *path[2] = {rt_peft_config_path(adapter[i]), rt_peft_tensor_path(adapter[i])};
        for (int k = 0; k < 2; k++) {
            char sha256[RT_HASH_TEXT];
            if (!path[k]) continue;
            RT_TRY(rt_run_record_hash_input(sha256, cli->record, "adapter", path[k], err));
            rt_hash_add(hash, sha256, (int64_t)strlen(sha256));
        }
    }
    rt_hash_finish(hash, base);
    hash = NULL;
done:
    rt_hash_free(hash);
    return status;
}
