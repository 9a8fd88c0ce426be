#include "cli/train_cache.h"

#include <math.h>
#include <stdio.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "cli/choices.h"
#include "cli/commands.h"

static rt_status add_hash(json_t *to, rt_run_record *opt_record, const char *role, const char *name, const char *path,
                          rt_err *err)
{
    char hash[RT_HASH_TEXT];
    rt_status status = rt_run_record_hash_input(hash, opt_record, role, path, err);
    if (status == RT_OK) json_object_set_new(to, name, json_string(hash));
    return status;
}

rt_status rt_train_cache_hash_network(json_t **ret_hashes, const rt_cli *cli, rt_err *err)
{
    static const char *const RIBONANZA[] = {"pairwise.yaml", "pytorch_model_fsdp.bin"};
    rt_status status = RT_OK;
    char path[4096];
    const rt_options *o = cli->options;
    const char *config = rt_option_text(o, "config"), *folder = rt_option_text(o, "ribonanza");
    json_t *hashes = json_object();
    *ret_hashes = NULL;
    if (!hashes) return rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory");
    if (config && rt_file_exists(config)) RT_TRY(add_hash(hashes, cli->record, "config", "config", config, err));
    for (int i = 0; i < 2 && folder; i++) {
        rt_path_join(path, sizeof path, folder, RIBONANZA[i]);
        RT_TRY(add_hash(hashes, cli->record, "ribonanza", RIBONANZA[i], path, err));
    }
    *ret_hashes = hashes;
    hashes = NULL;
done:
    json_decref(hashes);
    return status;
}

rt_status rt_train_cache_plan(json_t **ret_plan, const rt_options *options, const rt_loop_options *loop,
                              json_t *network, const rt_ctx *ctx, const rt_model *model, rt_err *err)
{
    const rt_options *o = options;
    const rt_loop_options *l = loop;
    json_t *plan = json_pack(
        "{s:i, s:s, s:s, s:I, s:f, s:i, s:b, s:b, s:I, s:I, s:I}", "format", 1, "checkpoint", l->identity.base, "code",
        l->identity.code, "crop", (json_int_t)l->sample.crop, "template_dropout", l->sample.template_dropout,
        "template_missing", (int)l->sample.template_missing, "bf16_products", (int)rt_ctx_has_bf16(ctx),
        "no_ribonanza", (int)rt_option_flag(o, "no-ribonanza"), "most_cycles", (json_int_t)l->step.most_cycles,
        "rollouts", (json_int_t)rt_step_rollouts(&l->step), "rollout_steps", (json_int_t)l->step.rollout_steps);
    rt_status status = plan ? RT_OK : rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory");
    if (plan) json_object_set_new(plan, "precision", json_string(rt_option_text(o, "precision")));
    if (plan) json_object_set_new(plan, "device", json_string(rt_choice_device(o)));
    if (status == RT_OK && l->sample.opt_augment) {   /* the same draws make other samples of other augmentations */
        json_t *all = rt_options_json(o), *augment = json_pack("{s:O, s:s}", "options", json_object_get(all, "augment"),
                                                                "inputs", l->identity.data);
        json_object_set_new(plan, "augment", augment);
        json_decref(all);
        if (!augment) status = rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory");
    }
    if (status == RT_OK && rt_option_has(o, "conformers"))
        status = add_hash(plan, NULL, NULL, "conformers", rt_option_text(o, "conformers"), err);
    if (status == RT_OK && rt_option_text(o, "config"))
        json_object_set_new(plan, "config", json_string(rt_option_text(o, "config")));
    if (status == RT_OK) json_object_update(plan, network); /* a config file's contents instead of its path */
    for (int i = 0; i < model->n_adapter && status == RT_OK; i++) {
        char name[32];
        snprintf(name, sizeof name, "adapter_%d", i);
        status = add_hash(plan, NULL, NULL, name, rt_peft_tensor_path(model->adapter[i]), err);
        if (status != RT_OK || !rt_peft_config_path(model->adapter[i])) continue;
        snprintf(name, sizeof name, "adapter_%d_config", i);
        status = add_hash(plan, NULL, NULL, name, rt_peft_config_path(model->adapter[i]), err);
    }
    if (status == RT_OK) *ret_plan = plan;
    else json_decref(plan);
    return status;
}

rt_status rt_train_cache_print(double *out_share, rt_ctx *ctx, rt_model *model, const rt_loop_options *loop,
                               rt_err *err)
{
    rt_status status = RT_OK;
    rt_work work, *w = &work;
    rt_trunk_cache_state size;
    int64_t tokens = 0;
    double need = rt_loop_cache_bytes(loop, &model->config), fits = 0;
    *out_share = 1;
    if (loop->opt_cache) {
        RT_TRY(rt_trunk_cache_look(&size, loop->opt_cache, err));
        fits = fmax(0, fmin(1, (double)(size.limit - size.others) / need));
        printf("\ncache\tvalue\n");
        printf("key\t%s\n", size.key);
        printf("GB for all views\t%.3f\nGB that it may hold\t%.3f\nGB that are there\t%.3f\n"
               "GB of them for other plans\t%.3f\nshare of the views that fit\t%.3f\n",
               1e-9 * need, 1e-9 * (double)size.limit, 1e-9 * (double)size.used, 1e-9 * (double)size.others, fits);
    }
    RT_TRY(rt_loop_count(ctx, model, loop, &work, &tokens, err));
    if (isnan(w->alone)) goto done; /* a backend that cannot count */
    double mean = rt_work_mean(w, loop->epochs, loop->opt_cache ? loop->views : 0, fits);
    *out_share = mean / w->first;
    printf("\nwork of a judged structure, %lld tokens, mean over 1-%lld recycles\tTFLOP\n", (long long)tokens,
           (long long)loop->step.most_cycles);
    printf("one rollout, no cache\t%.4g\n", 1e-12 * w->alone);
    printf("%lld rollouts of a trunk pass\t%.4g\n", (long long)rt_step_rollouts(&loop->step), 1e-12 * w->first);
    if (!isnan(w->kept))
        printf("%lld rollouts from the cache\t%.4g\n", (long long)rt_step_rollouts(&loop->step), 1e-12 * w->kept);
    printf("this run, %lld epochs\t%.4g\n", (long long)loop->epochs, 1e-12 * mean);
    printf("structures an hour against one rollout, no cache\t%.2f\n", w->alone / mean);
done:
    return status;
}

json_t *rt_train_cache_json(const rt_trunk_cache_counts *counts, const json_t *plan)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:O}", "read", (json_int_t)counts->n_read, "made", (json_int_t)counts->n_made,
                     "kept", (json_int_t)counts->n_kept, "damaged", (json_int_t)counts->n_damaged, "plan", plan);
}
