#include "train/loop.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/progress.h"
#include "base/ranks.h"
#include "base/text.h"
#include "train/event_log.h"
#include "train/gradient_sum.h"
#include "train/loop_export.h"
#include "train/loop_ranks.h"
#include "train/loop_torch.h"
#include "train/validation.h"

enum { QUEUE = 2 };
static const int64_t SAMPLE_MEMORY = (int64_t)2 << 30;     /* address space; pages come as they are used */

typedef struct {
    rt_ctx *ctx;
    rt_model *model;
    const rt_loop_options *options;
    rt_loop_report *report;
    rt_err *err;
    rt_step_plan plan;
    rt_gradient_sum *sum;
    /* rank 0's alone: the others compute gradients and held-out losses with the weights that it sends them */
    rt_adam *adam;
    rt_average *average;
    rt_checkpoint_store *store;
    rt_event_log *log;
    bool log_failed;
    rt_loader *loader;
    rt_trunk_cache *cache; /* NULL: none */
    rt_arena *sample_arena; /* of validation samples */
    rt_train_parts parts;
    rt_train_state state;
    rt_validation base;
    rt_step_terms *of; /* (n_validation) each held-out target's, of the last validation */
    double last_save, begun;
    int64_t saved_sample; /* state.sample of the newest checkpoint */
    int64_t first_step;   /* above 0: the optimizer went on from a file */
} run;

int64_t rt_loop_steps(int64_t n_train, int64_t accumulation, int64_t epochs)
{
    return (n_train + accumulation - 1) / accumulation * epochs;
}

static void path_of(const run *r, char out[PATH_MAX], const char *name)
{
    rt_path_join(out, PATH_MAX, r->options->out, name);
}

/* A log that cannot be written costs no training: said once. */
static void write_log(run *r, const char *event, const rt_event_value *value, int64_t n, const char *opt_targets)
{
    rt_err err;
    char text[1024];
    if (rt_event_log_write(r->log, event, r->state.step, value, n, opt_targets, &err) == RT_OK || r->log_failed) return;
    r->log_failed = true;
    rt_err_print(&err, text, sizeof text);
    rt_warn("%s; training goes on without this log", text);
}

static void warn_unusable(run *r, const rt_err *why)
{
    char text[1024];
    rt_err_print(why, text, sizeof text);
    r->report->n_unusable++;
    rt_warn("a sample is left out: %s", text);
}

/* ---- validation ---------------------------------------------------------------------------------------------------
 */

static rt_validation_options validation_options(const run *r)
{
    const rt_loop_options *o = r->options;
    return (rt_validation_options){.set = o->set,
                                   .target = o->validation,
                                   .n = o->n_validation,
                                   .sample = &o->sample,
                                   .plan = &r->plan,
                                   .seed = o->seed,
                                   .opt_cache = r->cache,
                                   .arena = r->sample_arena};
}

static rt_status validate(run *r, rt_validation *out, bool *out_done)
{
    rt_validation_options options = validation_options(r);
    options.opt_of = r->of;
    rt_status status = rt_validation_run(r->ctx, r->model, out, out_done, &options, r->err);
    r->report->n_unusable += out->n_unusable;
    return status;
}

/* A number that rt_json_number wrote: null is NAN. */
static rt_status read_number(const json_t *json, double *out, const char *name, const char *path, rt_err *err)
{
    bool found = false;
    *out = NAN;
    if (json_is_null(json_object_get(json, name))) return RT_OK;
    return rt_json_read_double(json, out, &found, name, path, err);
}

static const char BASE_FILE[] = "base_validation.json";

/* The base's validation from its file, when it was made for the same plan, data and base. */
static rt_status read_base(run *r, bool *out_found)
{
    rt_status status = RT_OK;
    char path[PATH_MAX];
    const char *plan, *data, *base;
    const rt_run_identity *id = &r->options->identity;
    json_t *json = NULL;
    *out_found = false;
    path_of(r, path, BASE_FILE);
    if (!rt_file_exists(path)) return RT_OK;
    RT_TRY(rt_json_load(&json, path, r->err));
    RT_TRY(rt_json_read_text(json, &plan, NULL, "plan", path, r->err));
    RT_TRY(rt_json_read_text(json, &data, NULL, "data", path, r->err));
    RT_TRY(rt_json_read_text(json, &base, NULL, "base", path, r->err));
    *out_found = strcmp(plan, id->plan) == 0 && strcmp(data, id->data) == 0 && strcmp(base, id->base) == 0;
    for (int i = 0; *out_found && i < RT_TERMS; i++)
        RT_TRY(read_number(json, rt_terms_at(&r->base.term, i), rt_terms_name(i), path, r->err));
    for (int i = 0; *out_found && i < RT_VALIDATION_NUMBERS; i++)
        RT_TRY(read_number(json, &r->base.number[i], rt_validation_name(i), path, r->err));
done:
    json_decref(json);
    return status;
}

static rt_status write_base(run *r)
{
    char path[PATH_MAX];
    const rt_run_identity *id = &r->options->identity;
    json_t *json = json_pack("{s:s, s:s, s:s}", "plan", id->plan, "data", id->data, "base", id->base);
    for (int i = 0; i < RT_TERMS; i++)
        json_object_set_new(json, rt_terms_name(i), rt_json_number(*rt_terms_at(&r->base.term, i)));
    for (int i = 0; i < RT_VALIDATION_NUMBERS; i++)
        json_object_set_new(json, rt_validation_name(i), rt_json_number(r->base.number[i]));
    path_of(r, path, BASE_FILE);
    rt_status status = rt_json_save(json, path, r->err);
    json_decref(json);
    return status;
}

/* The base's validation, read or measured; *out_done false: asked to stop meanwhile. */
static rt_status find_base(run *r, bool *out_done)
{
    rt_status status = RT_OK;
    bool found = false;
    *out_done = true;
    if (r->options->n_validation == 0) return RT_OK;
    if (rt_ranks_lead()) status = read_base(r, &found);
    RT_TRY(rt_ranks_agree(status, r->err));
    rt_ranks_share(&found, sizeof found, 0);
    rt_ranks_share(&r->base, sizeof r->base, 0);
    if (found) return RT_OK;
    rt_info("validation of the base on %lld held-out targets", (long long)r->options->n_validation);
    RT_TRY(validate(r, &r->base, out_done));
    if (*out_done && rt_ranks_lead()) status = write_base(r);
    RT_TRY(rt_ranks_agree(status, r->err));
done:
    return status;
}

/* ---- saving -------------------------------------------------------------------------------------------------------
 */

static rt_status save(run *r, bool epoch_end, double value, bool best)
{
    r->last_save = rt_clock();
    r->state.seconds += r->last_save - r->begun;
    r->begun = r->last_save;
    r->saved_sample = r->state.sample;
    return rt_checkpoint_save(r->store, &r->options->identity, &r->state, &r->parts, epoch_end, value, best, r->err);
}

static double calibration_error(const rt_validation *v)
{
    for (int i = 0; i < RT_VALIDATION_NUMBERS; i++)
        if (strcmp(rt_validation_name(i), "calibration_error") == 0) return v->number[i];
    return NAN;
}

static rt_status export_as(run *r, const char *name)
{
    return rt_loop_export(r->options, r->model, r->state.step, name, r->err);
}

/* The same as a .pt, when it was asked for. */
static rt_status export_torch(run *r, const char *name)
{
    return rt_loop_torch_export(r->options, r->model, r->average ? NULL : r->adam, &r->state, name, r->err);
}

/* Every rank takes the averaged weights, or the others again. */
static rt_status swap_average(run *r)
{
    if (r->options->ema <= 0) return RT_OK;
    if (r->average) rt_average_swap(r->average);
    return rt_loop_ranks_share_weights(r->model->params, r->err);
}

/* Mean of the epoch's samples as they came, weighted as the held-out loss: with dropout, other draws, and weights that
 * moved. */
static double train_loss(const run *r) { return r->state.epoch_loss / (double)r->state.epoch_trained; }

static void say_validation(run *r, const rt_validation *v, double value, bool best)
{
    rt_event_value list[RT_TERMS + RT_VALIDATION_NUMBERS + 3];
    rt_validation now = *v, base = r->base;
    rt_text text = {0};
    int64_t n = rt_terms_list(list, &r->plan, now.term);
    list[n++] = (rt_event_value){"loss", value};
    list[n++] = (rt_event_value){"base_loss", r->report->base_value};
    list[n++] = (rt_event_value){"train_loss", train_loss(r)};
    for (int i = 0; i < RT_VALIDATION_NUMBERS; i++)
        if (isfinite(now.number[i])) list[n++] = (rt_event_value){rt_validation_name(i), now.number[i]};
    write_log(r, "validation", list, n, NULL);
    for (int i = 0; i < RT_TERMS; i++)
        if (rt_terms_has(&r->plan, i))
            rt_text_add(&text, ", %s %.4f (base %.4f)", rt_terms_name(i), *rt_terms_at(&now.term, i),
                        *rt_terms_at(&base.term, i));
    for (int i = 0; i < RT_VALIDATION_NUMBERS; i++)
        if (isfinite(now.number[i]))
            rt_text_add(&text, ", %s %.3f (%.3f)", rt_validation_name(i), now.number[i], base.number[i]);
    rt_info("epoch %lld: held-out loss %.5f, base %.5f, training loss %.5f%s%s", (long long)r->state.epoch + 1, value,
            r->report->base_value, train_loss(r), text.failed || !text.data ? "" : text.data, best ? "; the best so far" : "");
    rt_text_free(&text);
}

/* The best epoch's held-out targets one by one. */
static rt_status write_held_out(run *r)
{
    char path[PATH_MAX];
    const rt_validation_options options = validation_options(r);
    path_of(r, path, RT_VALIDATION_TABLE);
    return rt_validation_write(path, &options, r->of, r->options->opt_component, r->err);
}

static rt_status check_epoch(const run *r)
{
    if (r->state.epoch_samples > 0) return RT_OK;
    rt_fail(r->err, RT_ERR_MISMATCH, NULL, 0,
            "no sample of epoch %lld could be used: %lld could not be built, %lld have no loss that counts",
            (long long)r->state.epoch + 1, (long long)r->report->n_unusable, (long long)r->report->n_uncounted);
    return rt_hint(r->err, "a longer --crop, other targets, or no --skip-unknown-resolution give something to learn from");
}

/* Rank 0's exports of what was validated, if it was. */
static rt_status export_epoch(run *r, const rt_validation *opt_validated, double value, bool best)
{
    rt_status status = RT_OK;
    if (opt_validated) {
        say_validation(r, opt_validated, value, best);
        r->report->last_calibration = calibration_error(opt_validated);
    }
    if (best) RT_TRY(export_as(r, "best"));
    if (best) RT_TRY(export_torch(r, "best.pt"));
    if (best) RT_TRY(write_held_out(r));
    RT_TRY(rt_loop_export_epoch(r->options, r->model, r->state.step, r->state.epoch + 1, r->err));
done:
    return status;
}

/* Rank 0's state goes on to the next epoch, and is kept. */
static rt_status close_epoch(run *r, double value, bool best)
{
    if (r->options->n_validation == 0)
        rt_info("epoch %lld: training loss %.5f", (long long)r->state.epoch + 1, train_loss(r));
    else {
        if (best) r->state.best_value = value, r->state.best_step = r->state.step, r->state.epochs_without_better = 0;
        else r->state.epochs_without_better++;
    }
    r->state.epoch++;
    r->state.position = r->state.epoch_samples = r->state.epoch_trained = 0;
    r->state.epoch_loss = 0;
    return save(r, true, value, best);
}

/* Validation, best, export and the epoch's checkpoint; a stop in between leaves the epoch open. */
static rt_status end_epoch(run *r)
{
    rt_status status = RT_OK;
    rt_validation terms;
    const rt_validation *validated = r->options->n_validation > 0 ? &terms : NULL;
    double value = NAN;
    bool done = true, best = false;
    RT_TRY(rt_ranks_agree(check_epoch(r), r->err));
    RT_TRY(rt_ranks_agree(rt_loop_ranks_check_weights(r->model->params, r->err), r->err));
    RT_TRY(swap_average(r));
    if (validated) status = validate(r, &terms, &done);
    if (validated && status == RT_OK && done) {
        value = rt_step_total(&terms.term, &r->options->step.weight);
        best = isfinite(value) && !(value >= r->state.best_value);
    }
    if (status == RT_OK && done && rt_ranks_lead()) status = export_epoch(r, validated, value, best);
    RT_TRY(rt_ranks_agree(status, r->err));
    RT_TRY(swap_average(r));
    if (status == RT_OK && done && rt_ranks_lead()) status = close_epoch(r, value, best);
    RT_TRY(rt_ranks_agree(status, r->err));
    rt_ranks_share(&r->state, sizeof r->state, 0);
done:
    return status;
}

/* ---- one step -----------------------------------------------------------------------------------------------------
 */

typedef struct {
    rt_step_terms term;
    double total;
    int64_t count; /* samples that gave gradients: built, and with a loss that counts */
    rt_text targets, bad; /* all of them; those whose loss is not finite */
} group;

/* The gradient of this rank's next sample. */
static rt_status run_sample(run *r, rt_loop_sample *out)
{
    rt_loader_item item;
    rt_status status = rt_loader_next(r->loader, &item, &out->why);
    if (status == RT_ERR_MEMORY || status == RT_ERR_IO) { /* an alignment that is gone is no matter of this sample */
        *r->err = out->why;
        if (status == RT_ERR_IO) rt_hint(r->err, "the set names this file: put it back, and --resume goes on");
        return status;
    }
    out->built = status == RT_OK;
    if (!out->built) return RT_OK;
    out->target = item.target;
    rt_progress_label("%s", item.sample->target->id);
    rt_augment_tally_add(&r->report->augmented, &item.sample->augmented);
    rt_ranks_apart(true);
    status = rt_trunk_cache_step(r->cache, r->ctx, r->model, &out->loss, &r->plan, &item.sample->features,
                                 &item.sample->label, &item.sample->key, NULL, true, true, r->err);
    rt_ranks_apart(false);
    return status;
}

/* What every rank notes of a sample, whose ever it was.  Returns whether it counts. */
static bool note_sample(run *r, group *g, const rt_loop_sample *s)
{
    r->state.sample++, r->state.position++;
    if (!s->built) {
        warn_unusable(r, &s->why);
        return false;
    }
    if (!s->loss.counts) { /* its gradient is 0: in the mean it would only make the others' smaller */
        r->report->n_uncounted++;
        return false;
    }
    const char *id = rt_dataset_at(r->options->set, s->target)->id;
    rt_text_add(&g->targets, "%s%s", g->count ? " " : "", id);
    if (!isfinite(s->loss.total)) rt_text_add(&g->bad, "%s%s", g->bad.length ? " " : "", id);
    rt_terms_add(&g->term, s->loss.term, 1);
    g->total += s->loss.total;
    g->count++, r->state.epoch_samples++;
    return true;
}

/* The sum of the gradients of up to `accumulation` samples of this epoch: in each round one on every rank, in order. */
static rt_status gather(run *r, group *g)
{
    rt_status status = RT_OK;
    rt_err *err = r->err;
    const rt_loop_options *o = r->options;
    int64_t ranks = rt_ranks_count(), left = o->n_train - r->state.position;
    rt_loop_sample *sample = NULL;
    bool *counts = NULL;
    RT_TRY_ALLOC(sample, ranks);
    RT_TRY_ALLOC(counts, ranks);
    if (left > o->accumulation) left = o->accumulation;
    rt_gradient_sum_begin(r->sum);
    for (; left > 0; left -= ranks) {
        rt_loop_sample mine = {0};
        status = rt_ranks_self() < left ? run_sample(r, &mine) : RT_OK;
        RT_TRY(rt_ranks_agree(status, err));
        rt_ranks_gather(sample, &mine, sizeof mine);
        for (int64_t k = 0; k < ranks; k++) counts[k] = k < left && note_sample(r, g, &sample[k]);
        RT_TRY(rt_gradient_sum_add(r->sum, counts, err));
    }
    rt_gradient_sum_finish(r->sum);
done:
    free(sample);
    free(counts);
    return status;
}

static rt_status no_gradient(run *r)
{
    rt_fail(r->err, RT_ERR_MISMATCH, NULL, 0, "no gradient reached any of the %lld tensors that train",
            (long long)rt_params_count(r->model->params));
    return rt_hint(r->err, "the losses that have a weight do not lead to them: see --dry-run for what each can reach");
}

static void log_step(run *r, const group *g, double rate, double norm, double seconds)
{
    rt_event_value list[RT_TERMS + 5];
    rt_step_terms mean = {0};
    rt_terms_add(&mean, g->term, 1.0 / (double)g->count);
    int64_t n = rt_terms_list(list, &r->plan, mean);
    list[n++] = (rt_event_value){"loss", g->total / (double)g->count};
    list[n++] = (rt_event_value){"rate", rate};
    list[n++] = (rt_event_value){"gradient_norm", norm};
    list[n++] = (rt_event_value){"seconds", seconds};
    list[n++] = (rt_event_value){"epoch", (double)r->state.epoch};
    write_log(r, "train", list, n, g->targets.failed ? "" : g->targets.data);
    rt_progress_label("loss %.4f, %.2f s a step", g->total / (double)g->count, seconds);
}

/* Rank 0's step of the optimizer with the group's gradient. */
static rt_status update(run *r, const group *g, double began)
{
    rt_status status = RT_OK;
    const char *bad = NULL;
    bool skip = false;
    double scale = 1.0 / (double)g->count, rate = rt_schedule_rate(&r->state.schedule, r->state.step);
    double norm = rt_adam_norm(r->adam, r->ctx->pool, scale, &bad);
    const rt_text *blamed = g->bad.length ? &g->bad : &g->targets; /* a sum of finite losses can be none */
    RT_TRY(rt_guard_check(&r->state.guard, &skip, g->total, norm, bad, blamed->failed ? "?" : blamed->data, r->err));
    bool first = r->state.step - r->first_step == r->state.guard.n_skipped; /* none was taken before */
    if (first && !skip && norm == 0) RT_TRY(no_gradient(r));
    if (!skip) {
        rt_adam_step(r->adam, r->ctx->pool, rate, scale, norm);
        if (r->average) rt_average_update(r->average);
        r->state.epoch_loss += rt_step_total(&g->term, &r->options->step.weight), r->state.epoch_trained += g->count;
        r->report->last_loss = g->total / (double)g->count;
        if (!isfinite(r->report->first_loss)) r->report->first_loss = r->report->last_loss;
    }
    r->state.step++;
    log_step(r, g, rate, norm, rt_clock() - began);
done:
    return status;
}

static rt_status take_step(run *r)
{
    rt_status status = RT_OK;
    group g = {0};
    double began = rt_clock();
    RT_TRY(gather(r, &g));
    if (g.count == 0) goto done;
    if (rt_ranks_lead()) status = update(r, &g, began);
    RT_TRY(rt_ranks_agree(status, r->err));
    rt_ranks_share(&r->state, sizeof r->state, 0);
    if (rt_ranks_count() > 1) RT_TRY(rt_loop_ranks_share_weights(r->model->params, r->err));
done:
    rt_text_free(&g.targets);
    rt_text_free(&g.bad);
    return status;
}

/* ---- a run --------------------------------------------------------------------------------------------------------
 */

static rt_status refuse_older_run(const run *r)
{
    if (r->options->resume || rt_checkpoint_count(r->store) == 0) return RT_OK;
    rt_fail(r->err, RT_ERR_USAGE, r->options->out, 0, "holds a training run already");
    return rt_hint(r->err, "--resume takes it up again; or give another --out");
}

double rt_loop_cache_bytes(const rt_loop_options *options, const rt_config *config)
{
    static const double ATOMS = 22; /* of a nucleotide, about */
    const rt_loop_options *o = options;
    double sum = 0, views = (double)(o->views > 0 && o->views < o->epochs ? o->views : o->epochs);
    for (int64_t i = 0; i < o->n_train + o->n_validation; i++) {
        bool trains = i < o->n_train;
        int64_t n = rt_dataset_at(o->set, trains ? o->train[i] : o->validation[i - o->n_train])->length;
        if (o->sample.crop > 0 && n > o->sample.crop) n = o->sample.crop;
        sum += (trains ? views : 1) * (double)rt_trunk_cache_entry_bytes(config, n, (int64_t)(ATOMS * (double)n),
                                                                         rt_step_rollouts(&o->step));
    }
    return sum;
}

rt_status rt_loop_check_cache(const rt_model *model, const rt_loop_options *options, rt_err *err)
{
    rt_step_plan plan;
    rt_step_plan_make(&plan, model, &options->step);
    if (!options->opt_cache || rt_step_is_frozen(&plan)) return RT_OK;
    rt_fail(err, RT_ERR_USAGE, NULL, 0, "a cache keeps what is frozen, but more than the confidence head learns");
    return rt_hint(err, "--cache is for runs in which of trunk and denoiser nothing trains: 'train confidence'");
}

static rt_status open_cache(run *r)
{
    rt_status status = RT_OK;
    const rt_loop_options *o = r->options;
    if (!o->opt_cache) return RT_OK;
    RT_TRY(rt_loop_check_cache(r->model, o, r->err));
    RT_TRY(rt_trunk_cache_open(&r->cache, o->opt_cache, r->err));
    const rt_trunk_cache_state *now = rt_trunk_cache_state_of(r->cache);
    double need = rt_loop_cache_bytes(o, &r->model->config), room = (double)(now->limit - now->others);
    rt_info("cache %s (key %.16s): %lld targets x %lld views and %lld held-out ones take %.4g GB; it may hold %.4g GB, "
            "%.4g GB are there, %.4g GB of them for other plans", o->opt_cache->folder, now->key,
            (long long)o->n_train, (long long)(o->views < o->epochs ? o->views : o->epochs), (long long)o->n_validation,
            1e-9 * need, 1e-9 * (double)now->limit, 1e-9 * (double)now->used, 1e-9 * (double)now->others);
    if (room < need)
        rt_info("the cache is used in part: %.0f%% of the views fit, the others are worked out at each visit",
                room > 0 ? 100 * room / need : 0);
done:
    return status;
}

static rt_status open_folder(run *r)
{
    rt_status status = RT_OK;
    RT_TRY(rt_make_folder(r->options->out, r->err));
    RT_TRY(rt_checkpoint_open(&r->store, r->options->out, &r->options->retention, r->err));
    RT_TRY(refuse_older_run(r));
done:
    return status;
}

static rt_status open_optimizer(run *r)
{
    rt_status status = RT_OK;
    const rt_loop_options *o = r->options;
    if (o->opt_begun) o->opt_begun(o->user);
    RT_TRY(rt_adam_create(&r->adam, r->model->params, &o->adam, r->err));
    if (o->opt_continue && rt_checkpoint_count(r->store) == 0)
        RT_TRY(rt_loop_torch_continue(r->adam, &r->state, o->opt_continue, r->model->params, r->err));
    if (o->ema > 0) RT_TRY(rt_average_create(&r->average, r->model->params, o->ema, r->err));
    rt_loop_torch_say(o, r->model, r->average != NULL);
    r->parts = (rt_train_parts){r->model->params, r->adam, &r->average, r->average ? 1 : 0};
done:
    return status;
}

/* Rank 0 takes up the newest checkpoint. */
static rt_status resume(run *r)
{
    rt_status status = RT_OK;
    bool found = false;
    RT_TRY(rt_checkpoint_resume(r->store, &found, &r->state, &r->options->identity, &r->parts, r->err));
    r->saved_sample = r->state.sample;
    if (found)
        rt_info("goes on after step %lld (epoch %lld, sample %lld of %lld)", (long long)r->state.step,
                (long long)r->state.epoch + 1, (long long)r->state.position, (long long)r->options->n_train);
    RT_TRY(rt_event_log_open(&r->log, r->options->out, r->state.step, r->err));
done:
    return status;
}

/* Rank 0's part of opening a run, the failure of which is everybody's. */
static rt_status on_lead(run *r, rt_status (*part)(run *r))
{
    return rt_ranks_agree(rt_ranks_lead() ? part(r) : RT_OK, r->err);
}

static rt_status open_run(run *r, bool *out_go_on)
{
    rt_status status = RT_OK;
    const rt_loop_options *o = r->options;
    RT_TRY(rt_ranks_agree(rt_loop_ranks_check(o, r->err), r->err));
    RT_TRY(rt_ranks_agree(rt_loop_ranks_check_inputs(&o->identity, r->err), r->err));
    RT_TRY(on_lead(r, open_folder));
    RT_TRY(rt_ranks_agree(open_cache(r), r->err));
    RT_TRY(on_lead(r, open_optimizer));
    RT_TRY(rt_ranks_agree(rt_gradient_sum_create(&r->sum, r->model->params, r->ctx->pool, o->accumulation, r->err), r->err));
    RT_TRY(rt_ranks_agree(rt_arena_create(&r->sample_arena, "sample", SAMPLE_MEMORY, r->err), r->err));
    r->of = rt_alloc(o->n_validation, sizeof *r->of, r->err);
    RT_TRY(rt_ranks_agree(r->of ? RT_OK : RT_ERR_MEMORY, r->err));
    RT_TRY(find_base(r, out_go_on));
    if (o->n_validation > 0) {
        r->report->base_value = rt_step_total(&r->base.term, &o->step.weight);
        r->report->base_calibration = calibration_error(&r->base);
    }
    RT_TRY(on_lead(r, resume));
    rt_ranks_share(&r->state, sizeof r->state, 0);
    RT_TRY(rt_loop_ranks_share_weights(r->model->params, r->err));
    r->first_step = r->state.schedule.steps - o->schedule.steps;
    rt_loader_options loader = {.set = o->set,
                                .target = o->train,
                                .n_target = o->n_train,
                                .sample = o->sample,
                                .seed = o->seed,
                                .views = o->views,
                                .part = rt_ranks_self(),
                                .parts = rt_ranks_count(),
                                .depth = QUEUE,
                                .sample_memory = SAMPLE_MEMORY};
    RT_TRY(rt_ranks_agree(rt_loader_open(&r->loader, &loader, r->state.sample, r->err), r->err));
done:
    return status;
}

static bool is_over(const run *r)
{
    const rt_loop_options *o = r->options;
    r->report->early = o->patience > 0 && r->state.epochs_without_better >= o->patience;
    r->report->finished = r->report->early || r->state.epoch >= o->epochs;
    return r->report->finished;
}

/* A run of which every step was left out has its base's weights: no result to export as trained. */
static rt_status check_trained(const run *r)
{
    int64_t steps = r->state.step - r->first_step;
    if (r->state.guard.n_skipped == 0 || r->state.guard.n_skipped < steps) return RT_OK;
    rt_fail(r->err, RT_ERR_FORMAT, NULL, 0, "none of the run's %lld steps gave finite numbers: nothing was trained",
            (long long)steps);
    return rt_hint(r->err, "a lower learning rate, smaller weights of the losses or --precision fp32 may help; a base "
                           "whose own validation is not finite may be damaged: 'rnatune inspect' reads it");
}

/* Between checkpoints by the clock, and when the run is left. */
static rt_status save_due(run *r, bool leaves)
{
    double minutes = r->options->save_minutes;
    bool due = leaves ? r->state.sample != r->saved_sample : minutes > 0 && rt_clock() - r->last_save > 60 * minutes;
    return rt_ranks_agree(rt_ranks_lead() && due ? save(r, false, NAN, false) : RT_OK, r->err);
}

static rt_status export_final(run *r)
{
    rt_status status = RT_OK;
    RT_TRY(export_as(r, "final"));
    RT_TRY(export_torch(r, "final.pt"));
done:
    return status;
}

static rt_status train(run *r)
{
    rt_status status = RT_OK;
    const rt_loop_options *o = r->options;
    rt_progress_start("step", r->first_step + rt_loop_steps(o->n_train, o->accumulation, o->epochs));
    rt_progress_step(r->state.step);
    while (!is_over(r) && !rt_ranks_any(rt_stop_requested())) {
        if (r->state.position >= o->n_train) {
            RT_TRY(end_epoch(r));
            continue;
        }
        RT_TRY(take_step(r));
        rt_progress_step(r->state.step);
        RT_TRY(save_due(r, false));
    }
    rt_progress_end();
    if (!r->report->finished) {
        r->report->stopped = true;
        return save_due(r, true);
    }
    RT_TRY(rt_ranks_agree(check_trained(r), r->err));
    RT_TRY(swap_average(r));
    RT_TRY(on_lead(r, export_final));
    RT_TRY(swap_average(r));
done:
    return status;
}

rt_status rt_loop_run(rt_ctx *ctx, rt_model *model, const rt_loop_options *options, rt_loop_report *out_report,
                      rt_err *err)
{
    rt_status status = RT_OK;
    bool go_on = true;
    double begun = rt_clock();
    run r = {.ctx = ctx,
             .model = model,
             .options = options,
             .report = out_report,
             .err = err,
             .begun = begun,
             .last_save = begun};
    *out_report = (rt_loop_report){.base_value = NAN, .first_loss = NAN, .last_loss = NAN, .best_value = NAN,
                                    .base_calibration = NAN, .last_calibration = NAN};
    r.state = (rt_train_state){.seed = options->seed,
                               .schedule = options->schedule,
                               .best_value = NAN,
                               .guard = {.limit = options->guard_limit}};
    rt_step_plan_make(&r.plan, model, &options->step);
    RT_TRY(rt_ranks_agree(rt_schedule_check(&options->schedule, err), err));
    if (!r.plan.confidence && !r.plan.diffusion && !r.plan.distogram) RT_TRY(rt_ranks_agree(no_gradient(&r), err));
    RT_TRY(open_run(&r, &go_on));
    r.begun = rt_clock();
    rt_arena_peak_reset(ctx->step);
    if (go_on) RT_TRY(train(&r));
    else out_report->stopped = true;
done:
    out_report->n_step = r.state.step, out_report->n_sample = r.state.sample, out_report->n_epoch = r.state.epoch;
    out_report->n_skipped = r.state.guard.n_skipped;
    out_report->best_value = r.state.best_value, out_report->best_step = r.state.best_step;
    out_report->seconds = rt_clock() - begun;
    out_report->activations = rt_arena_peak(ctx->step) - rt_arena_used(ctx->step);   /* a device's weights stay there */
    if (r.loader) out_report->waited = rt_loader_waited(r.loader);
    if (r.cache) out_report->cache = rt_trunk_cache_counted(r.cache);
    if (status == RT_OK) rt_loop_ranks_sum_report(out_report);
    rt_loader_close(r.loader);
    rt_trunk_cache_close(r.cache);
    rt_event_log_close(r.log);
    rt_checkpoint_close(r.store);
    rt_average_free(r.average);
    rt_adam_free(r.adam);
    rt_gradient_sum_free(r.sum);
    rt_arena_free(r.sample_arena);
    free(r.of);
    return status;
}

/* The longest training target. */
static const rt_target *find_longest(const rt_loop_options *options)
{
    const rt_target *longest = rt_dataset_at(options->set, options->train[0]);
    for (int64_t i = 1; i < options->n_train; i++) {
        const rt_target *t = rt_dataset_at(options->set, options->train[i]);
        if (t->length > longest->length) longest = t;
    }
    return longest;
}

static rt_status build_sample(rt_sample *out, rt_arena **ret_arena, const rt_loop_options *options,
                              const rt_target *target, rt_err *err)
{
    rt_draw_key key = {.seed = options->seed, .stream = rt_hash_text(target->id)};
    rt_status status = rt_arena_create(ret_arena, "sample", SAMPLE_MEMORY, err);
    return status == RT_OK ? rt_sample_build(out, *ret_arena, &options->sample, target, &key, true, err) : status;
}

rt_status rt_loop_try_target(rt_ctx *ctx, rt_model *model, const rt_loop_options *options, const rt_target *target,
                             int64_t n_cycle, bool backward, rt_loop_measure *out_measure, rt_err *err)
{
    rt_status status = RT_OK;
    rt_arena *arena = NULL;
    rt_sample sample = {0};
    rt_step_plan plan;
    rt_step_given given = {.n_cycle = n_cycle};
    RT_TRY(build_sample(&sample, &arena, options, target, err));
    rt_step_plan_make(&plan, model, &options->step);
    rt_arena_peak_reset(ctx->step);
    int64_t below = rt_arena_used(ctx->step);   /* a device's weights */
    double begin = rt_clock();
    RT_TRY(rt_step_run(ctx, model, &out_measure->loss, &plan, &sample.features, &sample.label, &sample.key, &given,
                       backward, backward, err));
    out_measure->seconds = rt_clock() - begin;
    out_measure->tokens = sample.features.n_token;
    out_measure->bytes = rt_arena_peak(ctx->step) - below;
done:
    rt_sample_free_members(&sample);
    rt_arena_free(arena);
    return status;
}

rt_status rt_loop_try(rt_ctx *ctx, rt_model *model, const rt_loop_options *options, rt_loop_measure *out_measure,
                      rt_err *err)
{
    return rt_loop_try_target(ctx, model, options, find_longest(options), options->step.most_cycles, true, out_measure,
                              err);
}

/* Bytes that the longest sample's step holds on the device; -1 where that cannot be found out. */
static int64_t bytes_kept(rt_ctx *ctx, const rt_model *model, const rt_loop_options *options, const rt_sample *sample,
                          int64_t keep_every, bool offload)
{
    rt_err why;
    int64_t bytes;
    ctx->keep_every = keep_every, ctx->offload = offload;
    rt_status status = rt_work_bytes(ctx, model, &bytes, &options->step, &sample->features, &sample->label, &sample->key, &why);
    ctx->offload = false;
    return status == RT_OK ? bytes : -1;
}

rt_status rt_loop_choose_kept(rt_ctx *ctx, rt_model *model, const rt_loop_options *options, int64_t keep_every,
                              rt_offload offload, int64_t room, rt_err *err)
{
    rt_status status = RT_OK;
    rt_err why;
    rt_arena *arena = NULL;
    rt_sample sample = {0};
    bool can = rt_ctx_can_measure(ctx) && build_sample(&sample, &arena, options, find_longest(options), &why) == RT_OK;
    bool always = offload == RT_OFFLOAD_ALWAYS;
    int64_t bytes = -1;
    if (keep_every < 0) {
        keep_every = 1;
        if (can && !always && (bytes = bytes_kept(ctx, model, options, &sample, 0, false)) >= 0 && bytes <= room) keep_every = 0;
        if (keep_every == 0) rt_info("all activations are kept: up to %.2f GiB", (double)bytes / (1 << 30));
        else rt_info("activations: every block's inputs are kept, the others are computed again");
    }
    bool may = can && keep_every > 0 &&
               (always || (offload == RT_OFFLOAD_AUTO && bytes_kept(ctx, model, options, &sample, keep_every, false) > room));
    if (may) bytes = bytes_kept(ctx, model, options, &sample, keep_every, true);   /* and ctx->aside_bytes */
    ctx->keep_every = keep_every;
    if (may && bytes >= 0 && (always || bytes <= room)) {
        ctx->aside_bytes += ctx->aside_bytes / 6 + (1 << 20);   /* others of its length may be purines alone: 23 atoms for 20 */
        RT_TRY(rt_ctx_offload(ctx, ctx->aside_bytes, err));
        rt_info("and wait in the host's memory, %.2f GiB of it", (double)ctx->aside_bytes / (1 << 30));
    }
done:
    rt_sample_free_members(&sample);
    rt_arena_free(arena);
    return status;
}

rt_status rt_loop_count(rt_ctx *ctx, rt_model *model, const rt_loop_options *options, rt_work *out_work,
                        int64_t *out_tokens, rt_err *err)
{
    rt_status status = RT_OK;
    rt_arena *arena = NULL;
    rt_sample sample = {0};
    RT_TRY(build_sample(&sample, &arena, options, find_longest(options), err));
    *out_tokens = sample.features.n_token;
    RT_TRY(rt_work_count(ctx, model, out_work, &options->step, &sample.features, &sample.label, &sample.key, err));
done:
    rt_sample_free_members(&sample);
    rt_arena_free(arena);
    return status;
}
