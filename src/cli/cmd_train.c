/* cmd_train.c - rnatune train confidence|lora|full: fine-tunes the network on a set, a split and a plan */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/ranks.h"
#include "base/text.h"
#include "cli/augment_options.h"
#include "cli/choices.h"
#include "cli/commands.h"
#include "cli/train_cache.h"
#include "cli/train_dry_run.h"
#include "cli/train_identity.h"
#include "cli/train_phase.h"
#include "confidence/ranking.h"
#include "op/placement.h"
#include "prep/audit.h"
#include "train/choice.h"
#include "train/loop.h"

enum {
    CACHE_VIEWS = 4, /* of a target, unless --views says otherwise */
    CHOICE_RESAMPLES = 10000
};

typedef struct {
    rt_cli *cli;
    const rt_options *o;
    rt_err *err;
    rt_train_phase phase;
    rt_dataset *set;
    rt_split split;
    rt_template_file *templates;
    rt_conformers conformers;
    int64_t *train, *validation;
    int64_t n_unknown, n_out_of_range, n_unlabelled;
    rt_params *params;
    rt_model *model;
    rt_ctx *ctx;
    int64_t memory_limit;   /* bytes; 0: what is free */
    rt_augment_inputs augment;
    rt_loop_options loop;
    rt_trunk_cache_options cache;
    json_t *network;    /* SHA-256 of --config and --ribonanza */
    json_t *cache_plan;
    const char **component; /* of each held-out target */
    rt_choice_report choice;
    bool begun; /* the folder is this run's */
} job;

/* ---- targets ---------------------------------------------------------------------------------------------------- */

static rt_status open_split(job *j)
{
    rt_status status = RT_OK;
    const char *path = rt_option_text(j->o, "split"), *templates = rt_option_text(j->o, "templates");
    bool none = rt_option_flag(j->o, "no-split");
    if (!path == !none) {
        rt_fail(j->err, RT_ERR_USAGE, NULL, 0,
                path ? "--split and --no-split exclude each other" : "no split was given");
        return rt_hint(
            j->err, "--split FILE from 'rnatune split', audited; or --no-split to train on every target, unvalidated");
    }
    if (none) {
        rt_warn("--no-split: every target trains, nothing is held out, and no validation says whether it helps");
        return RT_OK;
    }
    RT_TRY(rt_split_read(&j->split, path, j->err));   /* what is no split is not merely one without an audit */
    RT_TRY(rt_audit_check(path, j->set, templates, NULL, j->err));
done:
    return status;
}

/* Confidence is learned from experiments that are sharp enough. */
static bool is_usable(job *j, const rt_target *t)
{
    if (t->n_conformation < 1) {
        j->n_unlabelled++;
        return false;
    }
    bool unknown = !(isfinite(t->resolution) && t->resolution >= 0);
    j->n_unknown += unknown;
    if (j->phase != RT_TRAIN_CONFIDENCE || rt_loss_confidence_weight(&j->loop.step.resolution, unknown ? -1 : t->resolution) > 0)
        return true;
    j->n_out_of_range++;
    return false;
}

static rt_status choose_targets(job *j)
{
    rt_status status = RT_OK;
    int64_t n = rt_dataset_count(j->set), limit = rt_option_int(j->o, "validation-targets"), n_trace = 0;
    j->train = rt_alloc(n + 1, sizeof *j->train, j->err);
    j->validation = rt_alloc(n + 1, sizeof *j->validation, j->err);
    j->component = rt_alloc(n + 1, sizeof *j->component, j->err);
    if (!j->train || !j->validation || !j->component) return RT_ERR_MEMORY;
    for (int64_t i = 0; i < n; i++) {
        const rt_target *t = rt_dataset_at(j->set, i);
        const rt_split_row *row = rt_split_find(&j->split, t->id);
        rt_part part = row ? row->part : j->split.n ? RT_PART_NONE : RT_PART_TRAIN;
        if ((part != RT_PART_TRAIN && part != RT_PART_VALIDATION) || !is_usable(j, t)) continue;
        if (part == RT_PART_TRAIN) j->train[j->loop.n_train++] = i, n_trace += t->n_slot == 1;
        else if (!limit || j->loop.n_validation < limit) {
            j->component[j->loop.n_validation] = row->component;
            j->validation[j->loop.n_validation++] = i;
        }
    }
    j->loop.train = j->train, j->loop.validation = j->validation, j->loop.opt_component = j->component;
    rt_info("%lld training targets, %lld held out for validation; %lld without a resolution count %s, %lld outside "
            "%.1f-%.1f A and %lld without labels are left out",
            (long long)j->loop.n_train, (long long)j->loop.n_validation, (long long)j->n_unknown,
            rt_option_flag(j->o, "skip-unknown-resolution") ? "nothing" : "like the others",
            (long long)j->n_out_of_range, j->loop.step.resolution.least, j->loop.step.resolution.most,
            (long long)j->n_unlabelled);
    if (n_trace)
        rt_warn("%lld of %lld training targets have C1' atoms alone: distogram, PAE and PDE, which need others, learn nothing "
                "from them; 'rnatune import --structures', or an all-atom table, brings all atoms", (long long)n_trace,
                (long long)j->loop.n_train);
    if (j->loop.n_train < 1)
        RT_TRY(rt_fail(j->err, RT_ERR_MISMATCH, rt_dataset_folder(j->set), 0,
                       "no target of the split's training part can be used"));
done:
    return status;
}

/* ---- the plan --------------------------------------------------------------------------------------------------- */

static rt_status make_plan(job *j)
{
    rt_status status = RT_OK;
    const rt_options *o = j->o;
    rt_loop_options *l = &j->loop;
    const char *schedule = rt_option_text(o, "schedule");
    l->out = rt_option_text(o, "out");
    l->set = j->set;
    l->seed = (uint64_t)rt_option_int(o, "seed");
    l->epochs = rt_option_int(o, "epochs"), l->accumulation = rt_ranks_count() * rt_option_int(o, "accumulation");
    l->step.most_cycles = rt_option_int(o, "cycles"), l->step.rollout_steps = rt_option_int(o, "rollout-steps");
    l->step.copies = rt_option_int(o, "copies"), l->step.copies_at_once = rt_option_int(o, "copies-at-once");
    l->step.permute = true;
    l->step.rollouts = rt_option_int(o, "rollouts");
    l->views = rt_option_has(o, "views") ? rt_option_int(o, "views") : rt_option_has(o, "cache") ? CACHE_VIEWS : 0;
    l->sample = (rt_sample_options){.crop = rt_option_int(o, "crop"),
                                    .template_dropout = rt_option_double(o, "template-dropout"),
                                    .template_missing = RT_TEMPLATE_MISSING_ORIGIN,
                                    .opt_templates = j->templates,
                                    .conformers = &j->conformers};
    l->adapter_folders = j->phase == RT_TRAIN_LORA;
    l->whole_network = j->phase != RT_TRAIN_LORA || rt_option_flag(o, "merged");
    l->adapter_dropout = rt_option_double(o, "lora-dropout");
    l->base_name = rt_path_name(rt_option_text(o, "checkpoint"));
    l->adam = rt_adam_default;
    l->adam.clip_norm = rt_option_double(o, "clip"), l->adam.weight_decay = rt_option_double(o, "weight-decay");
    l->adam.kind = strcmp(rt_option_text(o, "optimizer"), "adamw") == 0 ? RT_ADAM_DECOUPLED : RT_ADAM_L2;
    l->ema = rt_option_double(o, "ema");
    l->guard_limit = rt_option_int(o, "max-bad-steps");
    l->save_minutes = rt_option_double(o, "save-minutes");
    l->patience = rt_option_int(o, "patience");
    l->resume = rt_option_flag(o, "resume");
    l->export_torch = rt_option_flag(o, "export-pt");
    if (rt_option_flag(o, "continue-adam")) l->opt_continue = rt_option_text(o, "checkpoint");
    l->retention = rt_retention_default;
    l->retention.keep_epochs = rt_option_int(o, "keep-epochs");
    l->schedule = (rt_schedule){.kind = strcmp(schedule, "cosine") == 0 ? RT_SCHEDULE_COSINE
                                        : strcmp(schedule, "af3") == 0  ? RT_SCHEDULE_AF3
                                                                        : RT_SCHEDULE_CONSTANT,
                                .rate = rt_option_double(o, "lr"),
                                .warmup = rt_option_int(o, "warmup"),
                                .steps = rt_loop_steps(l->n_train, l->accumulation, l->epochs),
                                .least_ratio = 0.1,
                                .decay_every = 50000,
                                .decay_factor = 0.95};
    RT_TRY(rt_schedule_check(&l->schedule, j->err));
done:
    return status;
}

static rt_status hash_input(job *j, const char *role, char out[RT_HASH_TEXT])
{
    const char *path = rt_option_text(j->o, role);
    out[0] = 0;
    return path ? rt_run_record_hash_input(out, j->cli->record, role, path, j->err) : RT_OK;
}

static rt_status hash_data(job *j)
{
    rt_status status = RT_OK;
    rt_hash *hash = NULL;
    char templates[RT_HASH_TEXT], conformers[RT_HASH_TEXT], split[RT_HASH_TEXT];
    RT_TRY(hash_input(j, "templates", templates));
    RT_TRY(hash_input(j, "conformers", conformers));
    RT_TRY(hash_input(j, "split", split));
    RT_TRY(hash_input(j, "checkpoint", j->loop.identity.base));
    RT_TRY(rt_train_cache_hash_network(&j->network, j->cli, j->err));
    RT_TRY(rt_train_phase_hash_adapters(j->cli, j->model->adapter, j->model->n_adapter, j->loop.identity.base, j->err));
    RT_TRY(rt_hash_create(&hash, j->err));
    rt_hash_add(hash, rt_dataset_hash(j->set), (int64_t)strlen(rt_dataset_hash(j->set)));
    rt_hash_add(hash, templates, (int64_t)strlen(templates));
    rt_hash_add(hash, conformers, (int64_t)strlen(conformers));
    rt_hash_add(hash, j->train, j->loop.n_train * (int64_t)sizeof *j->train);
    rt_hash_add(hash, j->validation, j->loop.n_validation * (int64_t)sizeof *j->validation);
    if (j->augment.set) rt_hash_add(hash, rt_augment_set_hash(j->augment.set), RT_HASH_TEXT - 1);
    rt_hash_finish(hash, j->loop.identity.data);
    snprintf(j->loop.identity.code, sizeof j->loop.identity.code, "%.30s %.30s", rt_version_text(),
             rt_version_commit());
done:
    return status;
}

/* ---- the verb --------------------------------------------------------------------------------------------------- */

/* Variants of the training targets, screened against what is held out. */
static rt_status open_augment(job *j)
{
    rt_augment_plan plan = {.seed = j->loop.seed};
    const char *split = rt_option_text(j->o, "split");
    rt_status status = rt_augment_inputs_open(&j->augment, &plan, j->o, j->set, j->train, j->loop.n_train,
                                              split ? &j->split : NULL, split, j->ctx->pool, j->cli->record, j->err);
    j->loop.sample.opt_augment = j->augment.set;
    return status;
}

/* Bytes for this process. */
static int64_t memory_for(const job *j)
{
    return rt_placement_memory(rt_choice_backend(j->o), j->memory_limit);
}

/* Of the memory that is free now, a part stays for the samples that are built ahead and for other programs. */
static rt_status choose_kept(job *j)
{
    const double USABLE = .8;
    double taken = (double)rt_model_bytes(j->model) + 12 * (double)rt_params_elements(j->params);
    double room = USABLE * (double)rt_memory_available() - taken;
    if (j->memory_limit) room = (double)memory_for(j) - taken - (double)rt_ctx_rest_bytes(j->ctx);
    if (j->ctx->on_device)   /* weights and gradients are there; moments, sum and average come */
        room = (double)(rt_arena_capacity(j->ctx->step) - rt_arena_used(j->ctx->step)) -
               16 * (double)rt_params_elements(j->params);
    const char *offload = rt_option_text(j->o, "offload");
    rt_offload when = !j->ctx->on_device || strcmp(offload, "never") == 0 ? RT_OFFLOAD_NEVER
                      : strcmp(offload, "always") == 0                    ? RT_OFFLOAD_ALWAYS
                                                                          : RT_OFFLOAD_AUTO;
    int64_t keep_every = rt_option_has(j->o, "keep-every") ? rt_option_int(j->o, "keep-every") : -1;
    return rt_loop_choose_kept(j->ctx, j->model, &j->loop, keep_every, when, (int64_t)room, j->err);
}

static rt_status open_job(job *j)
{
    rt_status status = RT_OK;
    const rt_options *o = j->o;
    const char *adapter[RT_MOST_ADAPTERS];
    RT_TRY(rt_train_phase_find(&j->phase, o, j->err));
    rt_train_phase_settle(j->cli->options, j->phase);
    int64_t rollouts = rt_option_int(o, "validation-rollouts");
    if (rollouts > 0 && (j->phase != RT_TRAIN_CONFIDENCE || rollouts < 2 || rt_option_flag(o, "no-split"))) {
        rt_fail(j->err, RT_ERR_USAGE, NULL, 0, "--validation-rollouts %lld has nothing to choose", (long long)rollouts);
        RT_TRY(rt_hint(j->err, "it takes 'train confidence', a --split, and at least 2 structures"));
    }
    if (!rt_option_has(o, "out") && !rt_option_flag(o, "dry-run"))
        RT_TRY(rt_fail(j->err, RT_ERR_USAGE, NULL, 0, "--out says where the run goes"));
    j->loop.step.resolution = rt_resolution_default;
    if (rt_option_flag(o, "skip-unknown-resolution")) j->loop.step.resolution.unknown = 0;
    RT_TRY(rt_train_phase_weights(&j->loop.step.weight, j->phase, o, j->err));
    RT_TRY(rt_params_create(&j->params, j->err));
    RT_TRY(rt_train_phase_choose(j->params, j->phase, o, j->err));
    RT_TRY(rt_dataset_open(&j->set, rt_option_text(o, "data"), j->err));
    RT_TRY(open_split(j));
    RT_TRY(choose_targets(j));
    j->conformers = *rt_conformers_default();
    if (rt_option_has(o, "conformers"))
        RT_TRY(rt_conformers_read(&j->conformers, rt_option_text(o, "conformers"), j->err));
    if (rt_option_has(o, "templates"))
        RT_TRY(rt_template_file_open(&j->templates, rt_option_text(o, "templates"), j->err));
    else rt_info("no --templates: every sample trains with zero templates, the state of a target that has none");
    RT_TRY(make_plan(j));
    RT_TRY(rt_choice_bytes(o, "memory-limit", &j->memory_limit, j->err));
    rt_model_options model = {.checkpoint = rt_option_text(o, "checkpoint"),
                              .adapter = adapter,
                              .n_adapter = rt_option_count(o, "adapter"),
                              .opt_ribonanza = rt_option_text(o, "ribonanza"),
                              .opt_config = rt_option_text(o, "config"),
                              .no_ribonanza = rt_option_flag(o, "no-ribonanza"),
                              .precision = rt_choice_precision(rt_option_text(o, "precision")),
                              .params = j->params};
    for (int i = 0; i < model.n_adapter && i < RT_MOST_ADAPTERS; i++) adapter[i] = rt_option_at(o, "adapter", i);
    RT_TRY(rt_ctx_create(&j->ctx, rt_choice_backend(o), rt_choice_threads(o),
                         memory_for(j), j->err));
    model.real = j->ctx->real;
    model.opt_ctx = j->ctx;
    RT_TRY(rt_model_open(&j->model, &model, j->err));
    rt_choice_say_bf16(j->ctx, model.precision);
    if (rt_ranks_count() > 1)
        rt_info("%d ranks, threads of each: %d; a step takes %lld samples, %lld on each rank", rt_ranks_count(),
                rt_choice_threads(o), (long long)j->loop.accumulation, (long long)rt_option_int(o, "accumulation"));
    rt_info("%lld of %lld parameters train, in %lld tensors", (long long)rt_params_elements(j->params),
            (long long)j->model->n_parameters, (long long)rt_params_count(j->params));
    if (j->loop.n_train > 0) RT_TRY(choose_kept(j));
    RT_TRY(open_augment(j));
    RT_TRY(hash_data(j));
    RT_TRY(rt_train_identity_plan(j->loop.identity.plan, o, j->loop.accumulation, j->network, j->err));
    if (rt_option_has(o, "cache")) {
        j->cache.folder = rt_option_text(o, "cache");
        RT_TRY(rt_choice_bytes(o, "cache-size", &j->cache.limit, j->err));
        RT_TRY(rt_train_cache_plan(&j->cache_plan, o, &j->loop, j->network, j->ctx, j->model, j->err));
        j->cache.plan = j->cache_plan, j->loop.opt_cache = &j->cache;
    }
done:
    return status;
}

static void close_job(job *j, bool failed)
{
    rt_placement_end(failed);
    rt_model_close(j->model);
    rt_params_free(j->params);
    rt_ctx_free(j->ctx);
    rt_augment_inputs_close(&j->augment);
    rt_template_file_close(j->templates);
    rt_split_free_members(&j->split);
    rt_dataset_close(j->set);
    json_decref(j->network);
    json_decref(j->cache_plan);
    free(j->train);
    free(j->validation);
    free(j->component);
    json_decref(j->choice.rows);
    json_decref(j->choice.ranking);
}

/* run.json: when the run begins, when it ends, and with the reason when it fails; a kill leaves "running". */
static rt_status write_record(job *j, const char *state, const rt_loop_report *opt_report, const rt_err *opt_why,
                              rt_err *err)
{
    char path[4096], why[2048];
    rt_run_record *record = j->cli->record;
    rt_run_record_set(record, "state", json_string(state));
    rt_run_record_set(record, "ended", strcmp(state, "running") == 0 ? json_null() : NULL);
    if (opt_why) {
        rt_err_print(opt_why, why, sizeof why);
        json_t *text = json_string(why);
        rt_run_record_set(record, "error", text ? text : json_string("(not UTF-8)"));
    }
    rt_run_record_seed(record, (int64_t)j->loop.seed);
    rt_run_record_device(record, rt_choice_device(j->o));
    rt_run_record_set(record, "ranks", json_integer(rt_ranks_count()));
    rt_run_record_set(record, "threads", json_integer(rt_choice_threads(j->o)));
    rt_run_record_set(record, "split",
                      rt_option_has(j->o, "split") ? json_string("audited") : json_string("none: --no-split"));
    rt_run_record_set(record, "data_sha256", json_string(rt_dataset_hash(j->set)));
    rt_run_record_set(record, "plan_sha256", json_string(j->loop.identity.plan));
    rt_run_record_set(record, "training_targets", json_integer(j->loop.n_train));
    rt_run_record_set(record, "validation_targets", json_integer(j->loop.n_validation));
    rt_run_record_set(record, "targets_without_resolution", json_integer(j->n_unknown));
    rt_run_record_set(record, "trained_parameters", json_integer(rt_params_elements(j->params)));
    if (j->augment.set)
        rt_run_record_set(record, "augmentation",
                          rt_augment_inputs_json(j->augment.set, opt_report ? &opt_report->augmented : NULL));
    if (opt_report) {
        const rt_loop_report *r = opt_report;
        rt_run_record_set(record, "steps", json_integer(r->n_step));
        rt_run_record_set(record, "epochs_done", json_integer(r->n_epoch));
        rt_run_record_set(record, "steps_left_out", json_integer(r->n_skipped));
        rt_run_record_set(record, "samples_left_out", json_integer(r->n_unusable));
        rt_run_record_set(record, "samples_without_loss", json_integer(r->n_uncounted));
        rt_run_record_set(record, "finished", json_boolean(r->finished));
        rt_run_record_set(record, "stopped", json_boolean(r->stopped));
        rt_run_record_set(record, "base_loss", rt_json_number(r->base_value));
        rt_run_record_set(record, "best_loss", rt_json_number(r->best_value));
        rt_run_record_set(record, "best_step", json_integer(r->best_step));
        rt_run_record_set(record, "peak_activation_bytes", json_integer(r->activations));
        rt_run_record_set(record, "seconds_waited_for_samples", rt_json_number(r->waited));
        if (j->choice.rows) rt_run_record_set(record, "validation", json_incref(j->choice.rows));
        if (j->choice.ranking) rt_run_record_set(record, "ranking", json_incref(j->choice.ranking));
        if (j->loop.opt_cache) rt_run_record_set(record, "cache", rt_train_cache_json(&r->cache, j->cache_plan));
    }
    rt_path_join(path, sizeof path, j->loop.out, "run.json");
    return rt_run_record_write(record, j->o, path, err);
}

/* A record that cannot be written stops no training: its checkpoints will say so where it matters. */
static void write_state(job *j, const char *state, const rt_loop_report *opt_report, const rt_err *opt_why)
{
    rt_err err;
    char text[1024];
    if (write_record(j, state, opt_report, opt_why, &err) == RT_OK) return;
    rt_err_print(&err, text, sizeof text);
    rt_warn("%s; training goes on without this record", text);
}

/* What the samples draw from, for 'rnatune audit --augmented'; training does not read it. */
static void write_augmented(const job *j)
{
    char path[4096], text[1024];
    rt_err why;
    if (!j->augment.set) return;
    rt_path_join(path, sizeof path, j->loop.out, "augmented.tsv");
    if (rt_augmented_write(rt_augment_set_record(j->augment.set), path, &why) == RT_OK) return;
    rt_err_print(&why, text, sizeof text);
    rt_warn("%s; training goes on without this list", text);
}

static void write_begin(void *user)
{
    job *j = user;
    j->begun = true;
    write_augmented(j);
    write_state(j, "running", NULL, NULL);
}

static void print_report(const job *j, const rt_loop_report *r)
{
    printf("key\tvalue\n");
    printf("steps\t%lld\nepochs\t%lld\nsamples\t%lld\n", (long long)r->n_step, (long long)r->n_epoch,
           (long long)r->n_sample);
    printf("steps_left_out\t%lld\nsamples_left_out\t%lld\nsamples_without_loss\t%lld\n", (long long)r->n_skipped,
           (long long)r->n_unusable, (long long)r->n_uncounted);
    if (isfinite(r->first_loss)) printf("first_loss\t%.6f\nlast_loss\t%.6f\n", r->first_loss, r->last_loss);
    if (isfinite(r->base_value)) printf("base_loss\t%.6f\n", r->base_value);
    if (isfinite(r->base_calibration))
        printf("base_calibration_error\t%.6f\nlast_calibration_error\t%.6f\n", r->base_calibration, r->last_calibration);
    if (isfinite(r->best_value)) printf("best_loss\t%.6f\nbest_step\t%lld\n", r->best_value, (long long)r->best_step);
    if (j->loop.opt_cache)
        printf("cache_read\t%lld\ncache_made\t%lld\ncache_kept\t%lld\ncache_damaged\t%lld\n",
               (long long)r->cache.n_read, (long long)r->cache.n_made, (long long)r->cache.n_kept,
               (long long)r->cache.n_damaged);
    if (j->choice.n_target > 0) printf("validation\t%s/%s\n", j->loop.out, RT_CHOICE_TABLE);
    if (j->choice.ranked) printf("ranking\t%s/%s\n", j->loop.out, RT_RANKING_FILE);
    if (j->augment.set)
        rt_augment_inputs_print_tally(stdout, "augment.", rt_augment_set_plan(j->augment.set), &r->augmented);
    if (r->finished)
        printf("%s\t%s/%s%s\n", j->loop.adapter_folders ? "adapter" : "model", j->loop.out,
               isfinite(r->best_value) ? "best" : "final", j->loop.adapter_folders ? "" : ".safetensors");
}

/* The choice among many structures, once the run is over. */
static rt_status validate_choice(job *j, const rt_loop_report *report)
{
    char trained[4096];
    int64_t steps = rt_option_int(j->o, "validation-steps");
    rt_choice_options o = {.out = j->loop.out,
                           .trained = trained,
                           .set = j->set,
                           .target = j->validation,
                           .component = j->component,
                           .n = j->loop.n_validation,
                           .sample = &j->loop.sample,
                           .step = j->loop.step,
                           .rollouts = rt_option_int(j->o, "validation-rollouts"),
                           .rollout_steps = steps > 0 ? steps : (int64_t)j->model->config.n_step,
                           .n_resample = CHOICE_RESAMPLES,
                           .seed = j->loop.seed,
                           .identity = &j->loop.identity};
    if (o.rollouts < 2 || !report->finished || !isfinite(report->best_value)) return RT_OK;
    rt_path_join(trained, sizeof trained, j->loop.out, "best.safetensors");
    return rt_choice_run(j->ctx, j->model, &o, &j->choice, j->err);
}

static rt_status execute(rt_cli *cli, rt_err *err)
{
    rt_status status = RT_OK;
    job j = {.cli = cli, .o = cli->options, .err = err};
    rt_loop_report report;
    RT_TRY(rt_placement_begin(rt_choice_backend(j.o), true, err));
    RT_TRY(rt_ranks_agree(open_job(&j), err));
    if (rt_option_flag(j.o, "dry-run")) {
        status = rt_ranks_agree(rt_train_dry_run(j.ctx, j.model, &j.loop, err), err);
        goto done;
    }
    RT_TRY(rt_ranks_agree(rt_ranks_lead() ? rt_make_folder(j.loop.out, err) : RT_OK, err));
    j.loop.opt_begun = write_begin, j.loop.user = &j;
    status = rt_loop_run(j.ctx, j.model, &j.loop, &report, err);
    if (status != RT_OK && j.begun) write_state(&j, "failed", &report, err);
    RT_TRY(status);
    const char *state = report.finished ? "finished" : "stopped";
    if (rt_ranks_lead()) status = write_record(&j, state, &report, NULL, err); /* whatever becomes of the validation */
    RT_TRY(rt_ranks_agree(status, err));
    RT_TRY(validate_choice(&j, &report));
    if (j.choice.rows && rt_ranks_lead())
        status = write_record(&j, j.choice.stopped ? "stopped" : state, &report, NULL, err);
    RT_TRY(rt_ranks_agree(status, err));
    print_report(&j, &report);
    if (report.stopped || j.choice.stopped) rt_info("stopped; the same command with --resume goes on");
    if (report.early) rt_info("stopped early: %lld epochs without a better validation", (long long)j.loop.patience);
done:
    close_job(&j, status != RT_OK);
    return status;
}

static const rt_operand OPERANDS[] = {
    {.name = "PHASE",
     .type = RT_OPTION_CHOICE,
     .choices = "confidence|lora|full",
     .required = true,
     .help = "confidence: the confidence head alone; lora: adapters in trunk and denoiser; full: what --params says"},
    {0},
};

static const rt_option OPTIONS[] = {
    {.name = "checkpoint",
     .type = RT_OPTION_FILE,
     .required = true,
     .value = "FILE",
     .help = "the base: RNAPro's weights, a .pt that PyTorch wrote, or safetensors"},
    {.name = "data",
     .type = RT_OPTION_FOLDER,
     .required = true,
     .value = "SET",
     .help = "the set that 'rnatune import' made"},
    {.name = "split", .type = RT_OPTION_FILE, .value = "FILE", .help = "from 'rnatune split', and audited"},
    {.name = "no-split", .type = RT_OPTION_FLAG, .help = "train on every target, knowing that nothing is held out"},
    {.name = "out", .type = RT_OPTION_OUT_FOLDER, .value = "RUN", .help = "where the run goes"},
    {.name = "adapter",
     .type = RT_OPTION_PATH,
     .repeated = true,
     .value = "DIR|FILE",
     .otherwise = "none",
     .help = "on top of the base, frozen: a PEFT LoRA folder, or a file with a confidence head; as in predict"},
    RT_TRAIN_PHASE_LORA_OPTIONS,
    {.name = "params",
     .type = RT_OPTION_TEXT,
     .value = "GLOB[,GLOB]",
     .otherwise = "confidence: confidence_head",
     .help = "confidence, full: what trains, modules or globs of weight names"},
    {.name = "epochs",
     .type = RT_OPTION_INT,
     .value = "N",
     .fallback = "10",
     .low = 1,
     .high = 100000,
     .help = "times that each target is seen"},
    {.name = "crop",
     .type = RT_OPTION_INT,
     .value = "N",
     .otherwise = "384; lora: 256",
     .low = 0,
     .high = 100000,
     .help = "residues of a random crop; 0: whole targets"},
    {.name = "accumulation",
     .type = RT_OPTION_INT,
     .value = "N",
     .fallback = "4",
     .low = 1,
     .high = 100000,
     .help = "samples whose gradients make a step; under mpirun on each rank"},
    {.name = "lr",
     .type = RT_OPTION_DOUBLE,
     .value = "X",
     .otherwise = "3e-4; lora: 1e-4",
     .low = 0,
     .high = 1,
     .help = "learning rate"},
    {.name = "schedule",
     .type = RT_OPTION_CHOICE,
     .choices = "constant|cosine|af3",
     .fallback = "constant",
     .help = "of the learning rate, after the warm-up"},
    {.name = "warmup",
     .type = RT_OPTION_INT,
     .value = "N",
     .fallback = "0",
     .low = 0,
     .high = 1e9,
     .help = "steps of warm-up"},
    {.name = "optimizer",
     .type = RT_OPTION_CHOICE,
     .choices = "adam|adamw",
     .fallback = "adam",
     .help = "the reference's Adam (decay in the gradient), or AdamW"},
    {.name = "weight-decay",
     .type = RT_OPTION_DOUBLE,
     .value = "X",
     .fallback = "1e-8",
     .low = 0,
     .high = 1,
     .help = "of it"},
    {.name = "clip",
     .type = RT_OPTION_DOUBLE,
     .value = "X",
     .fallback = "10",
     .low = 0,
     .high = 1e9,
     .help = "largest norm of all gradients together; 0: any"},
    {.name = "ema",
     .type = RT_OPTION_DOUBLE,
     .value = "X",
     .fallback = "0",
     .low = 0,
     .high = 0.999999,
     .help = "decay of averaged weights, which are then validated and exported; 0: none"},
    {.name = "weight",
     .type = RT_OPTION_TEXT,
     .repeated = true,
     .value = "TERM=X",
     .help = "of a loss term: plddt, pae, pde, resolved, mse, smooth_lddt, distogram"},
    {.name = "skip-unknown-resolution",
     .type = RT_OPTION_FLAG,
     .help = "targets without a resolution teach no confidence, as in the reference"},
    {.name = "templates",
     .type = RT_OPTION_FILE,
     .value = "FILE",
     .help = "template_features.pt, or a template submission.csv"},
    {.name = "template-dropout",
     .type = RT_OPTION_DOUBLE,
     .value = "P",
     .fallback = "0.5",
     .low = 0,
     .high = 1,
     .help = "probability of training without templates"},
    RT_AUGMENT_OPTION_ROWS,
    {.name = "conformers", .type = RT_OPTION_FILE, .value = "FILE", .otherwise = "built in", .help = "as in predict"},
    {.name = "cycles",
     .type = RT_OPTION_INT,
     .value = "N",
     .fallback = "4",
     .low = 1,
     .high = 100,
     .help = "recycles are drawn from 1 to N"},
    {.name = "rollout-steps",
     .type = RT_OPTION_INT,
     .value = "N",
     .fallback = "20",
     .low = 1,
     .high = 10000,
     .help = "diffusion steps of the structure that the confidence head judges"},
    {.name = "rollouts",
     .type = RT_OPTION_INT,
     .value = "K",
     .fallback = "1",
     .low = 1,
     .high = 100,
     .help = "structures drawn and judged from each trunk pass, with 1, 1/2, 1/4, 2, ... times the steps"},
    {.name = "cache",
     .type = RT_OPTION_OUT_FOLDER,
     .value = "DIR",
     .help = "keep trunk outputs (bf16) and rollouts on disk; several runs may share it"},
    {.name = "cache-size",
     .type = RT_OPTION_TEXT,
     .value = "SIZE",
     .otherwise = "what the disk has, less a tenth",
     .help = "most that DIR may hold, as 200G; what does not fit is worked out each time"},
    {.name = "views",
     .type = RT_OPTION_INT,
     .value = "V",
     .otherwise = "4 with --cache, else every visit draws anew",
     .low = 0,
     .high = 100000,
     .help = "draws of each target (crop, templates, MSA rows, ...), used in turn, one an epoch; 0: as many as visits"},
    {.name = "copies",
     .type = RT_OPTION_INT,
     .value = "N",
     .otherwise = "16; lora: 48",
     .low = 1,
     .high = 1000,
     .help = "noised copies of the label for the denoiser"},
    {.name = "copies-at-once",
     .type = RT_OPTION_INT,
     .value = "B",
     .otherwise = "1; on a GPU: 8",
     .low = 1,
     .high = 1000,
     .help = "copies that the denoiser takes together: faster, in more memory; another B changes last bits"},
    {.name = "patience",
     .type = RT_OPTION_INT,
     .value = "N",
     .fallback = "0",
     .low = 0,
     .high = 100000,
     .help = "epochs without a better validation that end the run; 0: none"},
    {.name = "validation-targets",
     .type = RT_OPTION_INT,
     .value = "N",
     .fallback = "0",
     .low = 0,
     .high = 1e9,
     .help = "the first N held-out targets only; 0: all"},
    {.name = "validation-rollouts",
     .type = RT_OPTION_INT,
     .value = "M",
     .fallback = "0",
     .low = 0,
     .high = 1000,
     .help = "confidence: at the end draw M structures of each held-out target, measure how the base's and the trained "
             "head choose among them, and fit ranking.json; 25 is the plan's; 0: not"},
    {.name = "validation-steps",
     .type = RT_OPTION_INT,
     .value = "N",
     .fallback = "0",
     .low = 0,
     .high = 100000,
     .help = "diffusion steps of these structures; 0: the config's, as in predict"},
    {.name = "max-bad-steps",
     .type = RT_OPTION_INT,
     .value = "N",
     .fallback = "10",
     .low = 1,
     .high = 1e9,
     .help = "steps in a row without finite numbers that end the run"},
    {.name = "save-minutes",
     .type = RT_OPTION_DOUBLE,
     .value = "X",
     .fallback = "15",
     .low = 0,
     .high = 1e6,
     .help = "between checkpoints within an epoch; 0: only at its end"},
    {.name = "keep-epochs",
     .type = RT_OPTION_INT,
     .value = "N",
     .fallback = "-1",
     .low = -1,
     .high = 1e9,
     .help = "weights of the last N epochs are kept; -1: of all"},
    {.name = "offload",
     .type = RT_OPTION_CHOICE,
     .choices = "auto|always|never",
     .fallback = "auto",
     .help = "with --device cuda, what blocks keep for their backward waits in the host's memory; auto: where it does not fit"},
    {.name = "keep-every",
     .type = RT_OPTION_INT,
     .value = "K",
     .low = 0,
     .high = 1000,
     .help = "activations of every K-th block are kept, the others computed again; 0: all are kept (default: 0 where they "
             "fit in memory, else 1)"},
    {.name = "resume", .type = RT_OPTION_FLAG, .help = "go on with the run in --out"},
    {.name = "continue-adam",
     .type = RT_OPTION_FLAG,
     .help = "begin with the optimizer's moments and step in --checkpoint, a .pt of the reference's training"},
    {.name = "export-pt",
     .type = RT_OPTION_FLAG,
     .help = "best.pt and final.pt too, as the reference saves them, the optimizer included"},
    {.name = "dry-run",
     .type = RT_OPTION_FLAG,
     .help = "train nothing: what would train, memory, and time by measured samples of two lengths"},
    {.name = "ribonanza",
     .type = RT_OPTION_FOLDER,
     .value = "DIR",
     .otherwise = "from the checkpoint",
     .help = "as in predict"},
    {.name = "no-ribonanza", .type = RT_OPTION_FLAG, .help = "as in predict"},
    {.name = "config",
     .type = RT_OPTION_TEXT,
     .value = "NAME|FILE",
     .otherwise = "what the weights say",
     .help = "as in predict"},
    {.name = "seed",
     .type = RT_OPTION_INT,
     .value = "N",
     .fallback = "42",
     .low = 0,
     .high = 9e15,
     .help = "of every random number"},
    {.name = "memory-limit",
     .type = RT_OPTION_TEXT,
     .value = "BYTES",
     .otherwise = "what is free",
     .help = "memory that may be used, as 22G; fewer activations are then kept, unless --keep-every says how many"},
    RT_CHOICE_PRECISION,
    RT_CHOICE_BACKEND,
    RT_CHOICE_THREADS,
    {0},
};

const rt_command rt_cmd_train = {
    .name = "train",
    .summary = "fine-tune the network: the confidence head, low-rank adapters, or any weights",
    .operands = OPERANDS,
    .options = OPTIONS,
    .description =
        "Trains on the training part of an audited split and measures the held-out part after every epoch, the base "
        "beside "
        "it. Everything that is drawn depends on the seed, the target and the sample's number alone.\n"
        "\n"
        "Ctrl-C or a kill finishes the step, saves and exits 0; --resume with the same options ends with the same "
        "bytes as a "
        "run that was never stopped, with any number of threads. Another plan, set, split or base is refused.\n"
        "\n"
        "mpirun -n K rnatune train ... deals the samples to K processes and ends with the bytes of one process with K times the "
        "accumulation; with --device cuda each takes a GPU of its own. Ctrl-C at mpirun kills them after a second; 'kill -USR1' "
        "of mpirun finishes the step, saves and exits 0.\n"
        "\n"
        "Phase confidence: the confidence head alone, weights 1 for pLDDT, PAE, PDE and resolved. It moves no "
        "coordinates. "
        "Targets without a resolution count like the others; in the reference they make every confidence loss zero.\n"
        "\n"
        "--rollouts 4 --cache DIR takes four structures from each trunk pass and keeps trunk outputs for later epochs: a "
        "fifth of the work a structure. --validation-rollouts 25 measures at the end how the base's and the trained head "
        "choose among 25 structures, and fits ranking.json for 'predict --rank-by learned'.\n"
        "\n"
        "Phase lora: rank 4 adapters on the queries, keys and values of the pairformer stack and the diffusion transformer; "
        "everything else stays frozen and runs as in evaluation. Weights of the reference's stage 1: MSE 4, smooth lDDT 4, "
        "distogram 0.03. The confidence head judges structures that move: train it too with --also confidence_head, or refit it "
        "afterwards with 'train confidence --adapter RUN/best'.",
    .output = "A table of steps, losses and the resulting model. RUN holds checkpoints.json and its files, log.jsonl, "
              "TensorBoard events, best.safetensors and final.safetensors (for 'predict --checkpoint'), held_out.tsv (the best "
              "epoch's loss of each held-out target, for 'compare --metric loss'), and run.json. Phase "
              "lora: PEFT folders best, final and one of each epoch (for 'predict --adapter' and 'rnatune lora').",
    .examples =
        "  rnatune train confidence --checkpoint rnapro.pt --data set --split split.tsv --out run\n"
        "  rnatune train lora --checkpoint run/best.safetensors --data set --split split.tsv --out run2\n"
        "  rnatune train full --params 'diffusion_module.*,distogram_head' --checkpoint rnapro.pt \\\n"
        "      --data set --split split.tsv --out run --dry-run\n",
    .long_work = true,
    .ranks = true,
    .run = execute,
};
