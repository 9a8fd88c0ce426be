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
#include "base/text.h"
#include "score/calibration.h"
#include "train/event_log.h"
#include "train/loop_export.h"

enum { QUEUE = 2 };
static const uint64_t VALIDATION_KEY = 0x56414c4944415445; /* its draws are not those of any sample */
static const int64_t SAMPLE_MEMORY = (int64_t)2 << 30;     /* address space; pages come as they are used */

/* What a validation finds. */
typedef struct {
    rt_step_terms term;
    double calibration, spearman;   /* of the targets' mean pLDDT against their mean lDDT; NAN: no confidence is worked out */
} held_out;

typedef struct {
    rt_ctx *ctx;
    rt_model *model;
    const rt_loop_options *options;
    rt_loop_report *report;
    rt_err *err;
    rt_step_plan plan;
    rt_adam *adam;
    rt_average *average;
    rt_checkpoint_store *store;
    rt_event_log *log;
    bool log_failed;
    rt_loader *loader;
    rt_arena *sample_arena; /* of validation samples */
    rt_train_parts parts;
    rt_train_state state;
    held_out base; /* the validation before training */
    double last_save, begun;
    int64_t saved_sample; /* state.sample of the newest checkpoint */
} run;

int64_t rt_loop_steps(int64_t n_train, int64_t accumulation, int64_t epochs)
{
    return (n_train + accumulation - 1) / accumulation * epochs;
}

static void path_of(const run *r, char out[PATH_MAX], const char *name)
{
    rt_path_join(out, PATH_MAX, r->options->out, name);
}

/* ---- terms: one list of names for sums, logs and files ------------------------------------------------------------
 */

enum { N_TERMS = 7 };
static const char *const TERM_NAME[N_TERMS] = {"plddt", "pae", "pde", "resolved", "mse", "smooth_lddt", "distogram"};

static double *term_at(rt_step_terms *t, int index)
{
    double *at[N_TERMS] = {&t->confidence.plddt, &t->confidence.pae,        &t->confidence.pde, &t->confidence.resolved,
                           &t->diffusion.mse,    &t->diffusion.smooth_lddt, &t->distogram};
    return at[index];
}

static void add_terms(rt_step_terms *sum, rt_step_terms term, double scale)
{
    for (int i = 0; i < N_TERMS; i++) *term_at(sum, i) += scale * *term_at(&term, i);
}

/* Whether a term is worked out in this run. */
static bool has_term(const run *r, int index)
{
    rt_step_terms weight = r->options->step.weight;
    bool worked = index < 4 ? r->plan.confidence : index < 6 ? r->plan.diffusion : r->plan.distogram;
    return worked && *term_at(&weight, index) > 0;
}

static int64_t list_terms(const run *r, rt_event_value *out, rt_step_terms terms)
{
    int64_t n = 0;
    for (int i = 0; i < N_TERMS; i++)
        if (has_term(r, i)) out[n++] = (rt_event_value){TERM_NAME[i], *term_at(&terms, i)};
    return n;
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

static rt_status calibrate(held_out *found, const double *predicted, const double *observed, int64_t n, rt_err *err)
{
    rt_calibration calibration;
    found->calibration = found->spearman = NAN;
    if (n == 0) return RT_OK;
    rt_calibration_find(&calibration, predicted, observed, n);
    found->calibration = calibration.expected_error;
    return rt_calibration_spearman(&found->spearman, predicted, observed, n, err);
}

/* Mean losses over the held-out targets, always with the same draws and all recycles.  *out_done false: asked to stop.
 */
static rt_status validate(run *r, held_out *out, bool *out_done)
{
    rt_status status = RT_OK;
    const rt_loop_options *o = r->options;
    int64_t n = 0, n_judged = 0;
    double *predicted = NULL, *observed = NULL;
    rt_err *err = r->err;
    *out = (held_out){.calibration = NAN, .spearman = NAN};
    *out_done = false;
    RT_TRY_ALLOC(predicted, o->n_validation);
    RT_TRY_ALLOC(observed, o->n_validation);
    rt_progress_start("held-out target", o->n_validation);
    for (int64_t i = 0; i < o->n_validation; i++) {
        const rt_target *target = rt_dataset_at(o->set, o->validation[i]);
        rt_draw_key key = {.seed = o->seed ^ VALIDATION_KEY, .stream = rt_hash_text(target->id)};
        rt_step_given given = {.n_cycle = o->step.most_cycles};
        rt_sample sample;
        rt_step_loss loss;
        if (rt_stop_requested()) goto done;
        rt_progress_label("%s", target->id);
        rt_arena_reset(r->sample_arena, 0);
        status = rt_sample_build(&sample, r->sample_arena, &o->sample, target, &key, false, r->err);
        if (status == RT_ERR_MEMORY) goto done;
        if (status != RT_OK) {
            status = RT_OK;
            warn_unusable(r, r->err);
            continue;
        }
        status = rt_step_run(r->ctx, r->model, &loss, &r->plan, &sample.features, &sample.label, &key, &given, false,
                             false, r->err);
        rt_sample_free_members(&sample);
        RT_TRY(status);
        if (loss.counts) add_terms(&out->term, loss.term, 1), n++;
        if (isfinite(loss.plddt) && isfinite(loss.lddt)) predicted[n_judged] = loss.plddt, observed[n_judged++] = loss.lddt;
        rt_progress_step(i + 1);
    }
    if (n > 0) {
        rt_step_terms sum = out->term;
        out->term = (rt_step_terms){0};
        add_terms(&out->term, sum, 1.0 / (double)n);
    }
    RT_TRY(calibrate(out, predicted, observed, n_judged, r->err));
    *out_done = true;
done:
    free(predicted);
    free(observed);
    rt_progress_end();
    return status;
}

/* The base's validation: from its file when it was made for the same plan, data and base, else measured. */
static rt_status find_base(run *r, bool *out_done)
{
    rt_status status = RT_OK;
    char path[PATH_MAX];
    const rt_run_identity *id = &r->options->identity;
    json_t *json = NULL;
    *out_done = true;
    if (r->options->n_validation == 0) return RT_OK;
    path_of(r, path, "base_validation.json");
    if (rt_file_exists(path)) {
        const char *plan, *data, *base;
        RT_TRY(rt_json_load(&json, path, r->err));
        RT_TRY(rt_json_read_text(json, &plan, NULL, "plan", path, r->err));
        RT_TRY(rt_json_read_text(json, &data, NULL, "data", path, r->err));
        RT_TRY(rt_json_read_text(json, &base, NULL, "base", path, r->err));
        bool same = strcmp(plan, id->plan) == 0 && strcmp(data, id->data) == 0 && strcmp(base, id->base) == 0;
        for (int i = 0; same && i < N_TERMS; i++)
            RT_TRY(rt_json_read_double(json, term_at(&r->base.term, i), NULL, TERM_NAME[i], path, r->err));
        const json_t *calibration = json_object_get(json, "calibration_error"), *spearman = json_object_get(json, "spearman");
        r->base.calibration = json_is_real(calibration) ? json_real_value(calibration) : NAN;
        r->base.spearman = json_is_real(spearman) ? json_real_value(spearman) : NAN;
        if (same) goto done;
    }
    rt_info("validation of the base on %lld held-out targets", (long long)r->options->n_validation);
    RT_TRY(validate(r, &r->base, out_done));
    if (!*out_done) goto done;
    json_decref(json);
    json = json_pack("{s:s, s:s, s:s}", "plan", id->plan, "data", id->data, "base", id->base);
    for (int i = 0; i < N_TERMS; i++) json_object_set_new(json, TERM_NAME[i], json_real(*term_at(&r->base.term, i)));
    json_object_set_new(json, "calibration_error", rt_json_number(r->base.calibration));
    json_object_set_new(json, "spearman", rt_json_number(r->base.spearman));
    RT_TRY(rt_json_save(json, path, r->err));
done:
    json_decref(json);
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

static rt_status export_as(run *r, const char *name)
{
    return rt_loop_export(r->options, r->model, r->state.step, name, r->err);
}

static void swap_average(run *r)
{
    if (!r->average) return;
    rt_average_swap(r->average);
    rt_params_refresh(r->model->params);
}

static void say_validation(run *r, held_out found, double value, bool best)
{
    rt_event_value list[N_TERMS + 6];
    rt_step_terms terms = found.term, base = r->base.term;
    rt_text text = {0};
    int64_t n = list_terms(r, list, terms);
    if (isfinite(found.calibration)) {
        list[n++] = (rt_event_value){"calibration_error", found.calibration};
        list[n++] = (rt_event_value){"base_calibration_error", r->base.calibration};
        list[n++] = (rt_event_value){"spearman", found.spearman};
        list[n++] = (rt_event_value){"base_spearman", r->base.spearman};
    }
    list[n++] = (rt_event_value){"loss", value};
    list[n++] = (rt_event_value){"base_loss", r->report->base_value};
    write_log(r, "validation", list, n, NULL);
    for (int i = 0; i < N_TERMS; i++)
        if (has_term(r, i))
            rt_text_add(&text, ", %s %.4f (base %.4f)", TERM_NAME[i], *term_at(&terms, i), *term_at(&base, i));
    if (isfinite(found.calibration))
        rt_text_add(&text, ", pLDDT calibration error %.4f (base %.4f)", found.calibration, r->base.calibration);
    rt_info("epoch %lld: held-out loss %.5f, base %.5f%s%s", (long long)r->state.epoch + 1, value,
            r->report->base_value, text.failed || !text.data ? "" : text.data, best ? "; the best so far" : "");
    rt_text_free(&text);
}

/* Validation, best, export and the epoch's checkpoint; a stop in between leaves the epoch open. */
static rt_status end_epoch(run *r)
{
    rt_status status = RT_OK;
    held_out found;
    double value = NAN;
    bool done = true, best = false;
    swap_average(r);
    if (r->options->n_validation > 0) {
        status = validate(r, &found, &done);
        if (status == RT_OK && done) {
            value = rt_step_total(&found.term, &r->options->step.weight);
            best = isfinite(value) && !(value >= r->state.best_value);
            say_validation(r, found, value, best);
            r->report->last_calibration = found.calibration;
            if (best) status = export_as(r, "best");
        }
    }
    if (status == RT_OK && done) status = rt_loop_export_epoch(r->options, r->model, r->state.step, r->state.epoch + 1, r->err);
    swap_average(r);
    RT_TRY(status);
    if (!done) return RT_OK;
    if (r->options->n_validation > 0) {
        if (best) r->state.best_value = value, r->state.best_step = r->state.step, r->state.epochs_without_better = 0;
        else r->state.epochs_without_better++;
    }
    r->state.epoch++;
    r->state.position = 0;
    RT_TRY(save(r, true, value, best));
done:
    return status;
}

/* ---- one step -----------------------------------------------------------------------------------------------------
 */

typedef struct {
    rt_step_terms term;
    double total;
    int64_t count; /* samples that gave gradients */
    rt_text targets;
} group;

/* Gradients of up to `accumulation` samples of this epoch. */
static rt_status gather(run *r, group *g)
{
    const rt_loop_options *o = r->options;
    rt_params_zero_grad(r->model->params);
    for (int64_t k = 0; k < o->accumulation && r->state.position < o->n_train; k++) {
        rt_loader_item item;
        rt_step_loss loss;
        rt_err why = {0};
        rt_status status = rt_loader_next(r->loader, &item, &why);
        r->state.sample++, r->state.position++;
        if (status == RT_ERR_MEMORY) {
            *r->err = why;
            return status;
        }
        if (status != RT_OK) {
            warn_unusable(r, &why);
            continue;
        }
        rt_progress_label("%s", item.sample->target->id);
        status = rt_step_run(r->ctx, r->model, &loss, &r->plan, &item.sample->features, &item.sample->label,
                             &item.sample->key, NULL, true, true, r->err);
        if (status != RT_OK) return status;
        rt_text_add(&g->targets, "%s%s", g->count ? " " : "", item.sample->target->id);
        add_terms(&g->term, loss.term, 1);
        g->total += loss.total;
        g->count++;
    }
    return RT_OK;
}

static rt_status no_gradient(run *r)
{
    rt_fail(r->err, RT_ERR_MISMATCH, NULL, 0, "no gradient reached any of the %lld tensors that train",
            (long long)rt_params_count(r->model->params));
    return rt_hint(r->err, "the losses that have a weight do not lead to them: see --dry-run for what each can reach");
}

static void log_step(run *r, const group *g, double rate, double norm, double seconds)
{
    rt_event_value list[N_TERMS + 5];
    rt_step_terms mean = {0};
    add_terms(&mean, g->term, 1.0 / (double)g->count);
    int64_t n = list_terms(r, list, mean);
    list[n++] = (rt_event_value){"loss", g->total / (double)g->count};
    list[n++] = (rt_event_value){"rate", rate};
    list[n++] = (rt_event_value){"gradient_norm", norm};
    list[n++] = (rt_event_value){"seconds", seconds};
    list[n++] = (rt_event_value){"epoch", (double)r->state.epoch};
    write_log(r, "train", list, n, g->targets.failed ? "" : g->targets.data);
    rt_progress_label("loss %.4f, %.2f s a step", g->total / (double)g->count, seconds);
}

static rt_status take_step(run *r)
{
    rt_status status = RT_OK;
    group g = {0};
    const char *bad = NULL;
    bool skip = false;
    double began = rt_clock();
    RT_TRY(gather(r, &g));
    if (g.count == 0) goto done;
    double scale = 1.0 / (double)g.count, rate = rt_schedule_rate(&r->state.schedule, r->state.step);
    double norm = rt_adam_norm(r->adam, r->ctx->pool, scale, &bad);
    RT_TRY(rt_guard_check(&r->state.guard, &skip, g.total, norm, bad, g.targets.failed ? "?" : g.targets.data, r->err));
    if (r->state.step == 0 && !skip && norm == 0) RT_TRY(no_gradient(r));
    if (!skip) {
        rt_adam_step(r->adam, r->ctx->pool, rate, scale, norm);
        if (r->average) rt_average_update(r->average);
        r->report->last_loss = g.total / (double)g.count;
        if (!isfinite(r->report->first_loss)) r->report->first_loss = r->report->last_loss;
    }
    r->state.step++;
    log_step(r, &g, rate, norm, rt_clock() - began);
done:
    rt_text_free(&g.targets);
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

static rt_status open_run(run *r, bool *out_go_on)
{
    rt_status status = RT_OK;
    const rt_loop_options *o = r->options;
    bool found = false;
    RT_TRY(rt_make_folder(o->out, r->err));
    RT_TRY(rt_checkpoint_open(&r->store, o->out, &o->retention, r->err));
    RT_TRY(refuse_older_run(r));
    RT_TRY(rt_adam_create(&r->adam, r->model->params, &o->adam, r->err));
    if (o->ema > 0) RT_TRY(rt_average_create(&r->average, r->model->params, o->ema, r->err));
    RT_TRY(rt_arena_create(&r->sample_arena, "sample", SAMPLE_MEMORY, r->err));
    r->parts = (rt_train_parts){r->model->params, r->adam, &r->average, r->average ? 1 : 0};
    RT_TRY(find_base(r, out_go_on));
    if (o->n_validation > 0) {
        r->report->base_value = rt_step_total(&r->base.term, &o->step.weight);
        r->report->base_calibration = r->base.calibration;
    }
    RT_TRY(rt_checkpoint_resume(r->store, &found, &r->state, &o->identity, &r->parts, r->err));
    rt_params_refresh(r->model->params);
    r->saved_sample = r->state.sample;
    if (found)
        rt_info("goes on after step %lld (epoch %lld, sample %lld of %lld)", (long long)r->state.step,
                (long long)r->state.epoch + 1, (long long)r->state.position, (long long)o->n_train);
    RT_TRY(rt_event_log_open(&r->log, o->out, r->state.step, r->err));
    rt_loader_options loader = {.set = o->set,
                                .target = o->train,
                                .n_target = o->n_train,
                                .sample = o->sample,
                                .seed = o->seed,
                                .depth = QUEUE,
                                .sample_memory = SAMPLE_MEMORY};
    RT_TRY(rt_loader_open(&r->loader, &loader, r->state.sample, r->err));
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

static rt_status train(run *r)
{
    rt_status status = RT_OK;
    const rt_loop_options *o = r->options;
    rt_progress_start("step", rt_loop_steps(o->n_train, o->accumulation, o->epochs));
    rt_progress_step(r->state.step);
    while (!is_over(r) && !rt_stop_requested()) {
        if (r->state.position >= o->n_train) {
            RT_TRY(end_epoch(r));
            continue;
        }
        RT_TRY(take_step(r));
        rt_progress_step(r->state.step);
        if (o->save_minutes > 0 && rt_clock() - r->last_save > 60 * o->save_minutes) RT_TRY(save(r, false, NAN, false));
    }
    rt_progress_end();
    if (!r->report->finished) {
        r->report->stopped = true;
        if (r->state.sample != r->saved_sample) RT_TRY(save(r, false, NAN, false));
        goto done;
    }
    swap_average(r);
    status = export_as(r, "final");
    swap_average(r);
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
    RT_TRY(rt_schedule_check(&options->schedule, err));
    if (!r.plan.confidence && !r.plan.diffusion && !r.plan.distogram) RT_TRY(no_gradient(&r));
    RT_TRY(open_run(&r, &go_on));
    r.begun = rt_clock();
    if (go_on) RT_TRY(train(&r));
    else out_report->stopped = true;
done:
    out_report->n_step = r.state.step, out_report->n_sample = r.state.sample, out_report->n_epoch = r.state.epoch;
    out_report->n_skipped = r.state.guard.n_skipped;
    out_report->best_value = r.state.best_value, out_report->best_step = r.state.best_step;
    out_report->seconds = rt_clock() - begun;
    if (r.loader) out_report->waited = rt_loader_waited(r.loader);
    rt_loader_close(r.loader);
    rt_event_log_close(r.log);
    rt_checkpoint_close(r.store);
    rt_average_free(r.average);
    rt_adam_free(r.adam);
    rt_arena_free(r.sample_arena);
    return status;
}

rt_status rt_loop_try(rt_ctx *ctx, rt_model *model, const rt_loop_options *options, rt_loop_measure *out_measure,
                      rt_err *err)
{
    rt_status status = RT_OK;
    rt_arena *arena = NULL;
    rt_sample sample = {0};
    rt_step_plan plan;
    const rt_target *longest = rt_dataset_at(options->set, options->train[0]);
    for (int64_t i = 1; i < options->n_train; i++) {
        const rt_target *t = rt_dataset_at(options->set, options->train[i]);
        if (t->length > longest->length) longest = t;
    }
    rt_draw_key key = {.seed = options->seed, .stream = rt_hash_text(longest->id)};
    rt_step_given given = {.n_cycle = options->step.most_cycles};
    RT_TRY(rt_arena_create(&arena, "sample", SAMPLE_MEMORY, err));
    RT_TRY(rt_sample_build(&sample, arena, &options->sample, longest, &key, true, err));
    rt_step_plan_make(&plan, model, &options->step);
    rt_arena_peak_reset(ctx->step);
    double begin = rt_clock();
    RT_TRY(rt_step_run(ctx, model, &out_measure->loss, &plan, &sample.features, &sample.label, &key, &given, true, true,
                       err));
    out_measure->seconds = rt_clock() - begin;
    out_measure->tokens = sample.features.n_token;
    out_measure->bytes = rt_arena_peak(ctx->step);
done:
    rt_sample_free_members(&sample);
    rt_arena_free(arena);
    return status;
}
