#include "pipeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/progress.h"
#include "base/ranks.h"
#include "feat/conformer_file.h"
#include "op/placement.h"
#include "predict_run.h"

typedef rt_predict_run run;

static rt_status predict_own(run *r, rt_err *err);
static rt_status predict_target(run *r, rt_input *input, json_t *record, rt_err *err);
static void say_failure(const char *target, json_t *record, const rt_err *failure);
static rt_status write_submission(run *r, bool now, rt_err *err);
static rt_status open_run(run *r, rt_err *err);
static void close_run(run *r);

/* ---- predict: sequences.csv + MSA + templates -> features -> trunk -> diffusion -> confidence -> files ---- */

rt_status rt_predict(const rt_predict_options *options, rt_predict_report *out_report, rt_err *err)
{
    rt_status status = RT_OK;
    *out_report = (rt_predict_report){.targets = json_array(), .inputs = json_array(), .began = rt_clock()};
    run r = {.options = options, .report = out_report};
    RT_TRY(rt_placement_begin(options->backend, false, err));
    RT_TRY(rt_ranks_agree(open_run(&r, err), err));
    RT_TRY(rt_ranks_agree(rt_predict_share_check(&r, err), err));
    rt_ranks_apart(true);
    status = predict_own(&r, err);
    rt_ranks_apart(false);
    status = rt_ranks_agree(status, err);
    const bool whole = status == RT_OK || status == RT_ERR_STOPPED;
    rt_status collected = RT_OK;
    if (whole || rt_ranks_count() == 1) collected = rt_predict_share_collect(&r, whole ? err : NULL);
    if (!whole) goto done;
    if (collected != RT_OK) RT_TRY(collected);
    if (status == RT_ERR_STOPPED && !options->dry_run)
        rt_info("submission.csv has zeros for %lld targets that were not reached; --resume goes on",
                (long long)rt_submission_open(r.submission));
    if (status == RT_ERR_STOPPED) write_submission(&r, true, NULL);
    else RT_TRY(rt_ranks_agree(write_submission(&r, true, err), err));
done:
    rt_progress_clear();
    rt_placement_end(status != RT_OK && status != RT_ERR_STOPPED);
    close_run(&r);
    return status;
}

/* The targets of this rank, one after another; without mpirun all of them. */
static rt_status predict_own(run *r, rt_err *err)
{
    rt_status status = RT_OK;
    rt_predict_share *share = &r->share;
    rt_progress_start("target", share->n_own);
    for (; share->at < share->n_own; share->at++) {
        rt_input *input = share->own[share->at];
        int64_t number = input - r->inputs.input;
        rt_err failure = {0};
        json_t *record = json_pack("{s:s, s:I}", "target", input->target, "length", (json_int_t)input->length);
        share->record[number] = record;
        rt_progress_step(share->at);
        rt_progress_label("%s", input->target);
        status = predict_target(r, input, record, &failure);
        if (status == RT_ERR_STOPPED) {
            json_object_set_new(record, "error", json_string("stopped before it was finished"));
            *err = failure;
            return status;
        }
        share->failed[number] = status != RT_OK;
        if (status != RT_OK) {
            say_failure(input->target, record, &failure);
            if (rt_submission_has(r->submission, input->target))
                rt_warn("%s: its coordinates are in submission.csv all the same", input->target);
            else RT_TRY(rt_submission_add(r->submission, input->target, input->sequence, NULL, 0, err));
        }
        RT_TRY(write_submission(r, false, err));
        rt_ctx_trim(r->ctx);
    }
    status = RT_OK; /* a target's failure is not the run's */
done:
    return status;
}

/* ---- one target: its passes one after another, all samples ranked together ---- */

/* The network reports its stages; the bar shows how much of the target's work is done, in thousandths. */
typedef struct {
    double work[RT_STAGE_COUNT];       /* of the pass that is running */
    double before, all;                /* work of the passes before it, and of all */
    int64_t pass, n_pass;
} target_progress;

static bool show_progress(void *user, rt_stage stage, int64_t done, int64_t total)
{
    static const char *const NAMES[] = {"trunk, cycle", "denoiser set-up", "diffusion, step", "confidence, sample"};
    const target_progress *p = user;
    char pass[48] = "";
    double before = p->before;
    for (int i = 0; i < (int)stage; i++) before += p->work[i];
    before += p->work[stage] * (double)done / (double)total;
    if (p->n_pass > 1) snprintf(pass, sizeof pass, "pass %lld/%lld, ", (long long)p->pass + 1, (long long)p->n_pass);
    if (total > 1) rt_progress_label("%s%s %lld/%lld", pass, NAMES[stage], (long long)done + 1, (long long)total);
    else rt_progress_label("%s%s", pass, NAMES[stage]);
    rt_progress_step((int64_t)(1000 * before / p->all));
    return !rt_stop_requested();
}

/* A target's folder stands beside the run's own files. */
static rt_status check_name(const char *target, rt_err *err)
{
    if (strcmp(target, RT_PREDICT_SUBMISSION) != 0 && strcmp(target, "run.json") != 0) return RT_OK;
    return rt_fail(err, RT_ERR_FORMAT, NULL, 0, "target '%s': a file of the results has that name", target);
}

/* Features of a pass, on the arena: the seed places the reference conformers, the set chooses the templates. */
static rt_status build_features(run *r, rt_input *input, const rt_predict_pass *pass, rt_features *out_features, rt_err *err)
{
    rt_status status = rt_predict_inputs_set_templates(r, input, pass->template_idx, err);
    if (status != RT_OK) return status;
    return rt_features_build(out_features, r->ctx->step, input, &r->conformers, pass->seed, NULL, err);
}

static rt_status run_pass(run *r, rt_input *input, const rt_predict_pass *pass, target_progress *progress, rt_samples *samples,
                          double seconds[RT_STAGE_COUNT], rt_err *err)
{
    rt_status status = RT_OK;
    int64_t mark = rt_arena_mark(r->ctx->step);
    const rt_model *model = r->model[pass->checkpoint];
    rt_features features;
    rt_fold_result result;
    rt_fold_options fold = {.n_cycle = pass->n_cycle, .n_step = pass->n_step, .n_sample = pass->n_sample, .seed = pass->seed,
                            .stream = rt_predict_passes_stream(input, pass->trunk_pass), .opt_progress = show_progress,
                            .user = progress};
    RT_TRY(build_features(r, input, pass, &features, err));
    rt_fold_work(progress->work, &model->config, &features, &fold);
    RT_TRY(rt_fold(r->ctx, model, &features, &fold, &result, err));
    rt_sample_origin origin = {.checkpoint = pass->checkpoint, .seed = pass->seed, .template_idx = pass->template_idx,
                               .trunk_pass = pass->trunk_pass, .n_cycle = pass->n_cycle, .n_step = pass->n_step};
    RT_TRY(rt_samples_add(samples, &result, pass->n_sample, origin, err));
    rt_predict_budget_learn(r, progress->work, result.seconds);
    for (int i = 0; i < RT_STAGE_COUNT; i++) {
        seconds[i] += result.seconds[i];
        progress->before += progress->work[i];
    }
done:
    rt_arena_reset(r->ctx->step, mark);
    return status;
}

static rt_status run_passes(run *r, rt_input *input, const rt_features *features, const rt_predict_plan *plan,
                            rt_samples *samples, json_t *record, rt_err *err)
{
    rt_status status = RT_OK;
    double seconds[RT_STAGE_COUNT] = {0}, work[RT_STAGE_COUNT];
    target_progress progress = {.n_pass = plan->n_pass};
    rt_predict_passes_work(r, features, plan, work);
    for (int i = 0; i < RT_STAGE_COUNT; i++) progress.all += work[i];
    rt_arena_peak_reset(r->ctx->step);
    for (; progress.pass < plan->n_pass; progress.pass++)
        RT_TRY(run_pass(r, input, &plan->pass[progress.pass], &progress, samples, seconds, err));
    json_object_set_new(record, "seconds", json_pack("{s:f, s:f, s:f, s:f}", "trunk", seconds[RT_STAGE_TRUNK], "prepare",
                                                     seconds[RT_STAGE_PREPARE], "diffusion", seconds[RT_STAGE_DIFFUSION],
                                                     "confidence", seconds[RT_STAGE_CONFIDENCE]));
    json_object_set_new(record, "peak_bytes", json_integer(rt_arena_peak(r->ctx->step)));
done:
    return status;
}

static rt_status predict_target(run *r, rt_input *input, json_t *record, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_predict_options *o = r->options;
    const rt_predict_share *share = &r->share;
    int64_t mark = rt_arena_mark(r->ctx->step);
    rt_features features;
    rt_predict_plan plan = {0};
    rt_samples samples = {.rank_by = o->protocol == RT_PROTOCOL_RNAPRO ? RT_RANK_BY_NOTHING : o->rank_by,
                          .keep = r->ranking ? INT64_MAX : o->keep,
                          .pairs = o->write_confidence || o->write_plots};
    char key[RT_HASH_TEXT];
    json_t *written = json_deep_copy(record), *details = json_object();   /* files hold no times: equal inputs, equal bytes */
    rt_progress_start(NULL, 1000);
    RT_TRY(check_name(input->target, err));
    RT_TRY(rt_predict_inputs_give(r, input, written, err));
    RT_TRY(rt_predict_resume_key(r, input, key, err));
    if (o->resume && rt_predict_resume_take(r, input, key, written)) goto done;
    RT_TRY(rt_predict_passes_list(r, input, &plan, err));
    RT_TRY(rt_features_build(&features, r->ctx->step, input, &r->conformers, plan.pass[0].seed, NULL, err));
    rt_predict_budget_fit(r, share->own + share->at, share->n_own - share->at, &features, &plan);
    RT_TRY(rt_predict_memory_fit(r, input, &features, &plan, details, err));
    if (o->dry_run) {
        json_object_set_new(written, "protocol", rt_predict_passes_json(r, &plan));
        goto done;
    }
    RT_TRY(run_passes(r, input, &features, &plan, &samples, details, err));
    RT_TRY(rt_predict_rank_apply(r, &features, &samples, err));
    RT_TRY(rt_predict_files_submit(r, input, &features, &samples, err));   /* first: what cannot be written below is not lost */
    RT_TRY(rt_predict_files_write(r, input, &features, &samples, &plan, key, written, err));
done:
    json_object_update(record, written);
    json_object_update(record, details);
    json_decref(written);
    json_decref(details);
    rt_progress_end();
    rt_predict_passes_free(&plan);
    rt_samples_free_members(&samples);
    rt_arena_reset(r->ctx->step, mark);
    rt_input_clear_msa(input);
    rt_input_clear_templates(input);
    return status;
}

static void say_failure(const char *target, json_t *record, const rt_err *failure)
{
    char text[2048];
    rt_err_print(failure, text, sizeof text);
    rt_warn("%s failed: %s", target, text);
    if (failure->hint[0]) rt_info("  hint: %s", failure->hint);
    json_object_set_new(record, "error", json_string(text));
}

/* After a target, but not so often that writing it again and again takes more than a twentieth of the time: a target's own
 * rows are in its folder. */
static rt_status write_submission(run *r, bool now, rt_err *err)
{
    char path[4096];
    double began = rt_clock();
    if (r->options->dry_run || !rt_ranks_lead()) return RT_OK;
    if (!now && began - r->submission_written < 20 * r->submission_cost) return RT_OK;
    rt_path_join(path, sizeof path, r->options->out, RT_PREDICT_SUBMISSION);
    rt_status status = rt_submission_write(r->submission, path, err);
    r->submission_written = rt_clock();
    r->submission_cost = r->submission_written - began;
    return status;
}

/* ---- opening and closing ---- */

/* Makes the folder and finds out whether a file can be written there, before hours of work. */
static rt_status check_out(const char *out, rt_err *err)
{
    rt_status status = RT_OK;
    rt_writer *writer;
    char path[4096];
    RT_TRY(rt_make_folder(out, err));
    rt_path_join(path, sizeof path, out, RT_PREDICT_SUBMISSION);
    RT_TRY(rt_writer_open(&writer, path, err));
    rt_writer_abandon(writer);
    rt_predict_resume_sweep(out);
done:
    return status;
}

static rt_status open_models(run *r, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_predict_options *o = r->options;
    rt_predict_report *report = r->report;
    RT_TRY_ALLOC(r->model, o->n_checkpoint);
    for (int i = 0; i < o->n_checkpoint; i++) {
        rt_model_options model = o->model;
        model.checkpoint = o->checkpoint[i];
        model.real = r->ctx->real;
        model.opt_ctx = r->ctx;
        RT_TRY(rt_model_open(&r->model[i], &model, err));
    }
    for (int i = 0; i < r->model[0]->n_adapter; i++) {
        const rt_peft *a = r->model[0]->adapter[i];
        rt_info("adapter %s: %lld linear layers, %lld whole weights", rt_peft_path(a), (long long)rt_peft_count(a),
                (long long)rt_peft_weight_count(a));
    }
    const rt_config *c = &r->model[0]->config;
    report->n_sample = o->n_sample ? o->n_sample : (int64_t)c->n_sample;
    report->n_cycle = o->n_cycle ? o->n_cycle : (int64_t)c->n_cycle;
    report->n_step = o->n_step ? o->n_step : (int64_t)c->n_step;
    report->ribonanza_source = r->model[0]->ribonanza_source;
    report->n_parameters = r->model[0]->n_parameters;
    snprintf(report->config, sizeof report->config, "%s", c->name);
    if (report->ribonanza_source == RT_RIBONANZA_NONE)
        rt_warn("running WITHOUT RibonanzaNet2, as --no-ribonanza says: expect no better than the templates");
    report->bf16_in_fp32 = o->model.precision != RT_PRECISION_FP32 && !rt_ctx_has_bf16(r->ctx);
    if (report->bf16_in_fp32)
        rt_warn("this %s has no bf16 instructions: weights are kept in bf16, products are computed in fp32",
                r->ctx->on_device ? "GPU" : "processor");
done:
    return status;
}

/* Every row that will be there, before the first one is known. */
static rt_status reserve_rows(run *r, rt_err *err)
{
    rt_status status = RT_OK;
    RT_TRY(rt_submission_create(&r->submission, err));
    for (int64_t i = 0; i < r->inputs.n_failure; i++) {
        const rt_input_failure *failure = &r->inputs.failure[i];
        json_t *record = json_pack("{s:s}", "target", failure->target);
        say_failure(failure->target[0] ? failure->target : "a row", record, &failure->err);
        r->report->n_failed++;
        json_array_append_new(r->report->targets, record);
        r->report->n_target++;
        if (failure->opt_sequence)
            RT_TRY(rt_submission_add(r->submission, failure->target, failure->opt_sequence, NULL, 0, err));
    }
    for (int64_t i = 0; i < r->inputs.n_input; i++)
        RT_TRY(rt_submission_reserve(r->submission, r->inputs.input[i].target, r->inputs.input[i].sequence, err));
done:
    return status;
}

static rt_status open_run(run *r, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_predict_options *o = r->options;
    r->report->memory_available = rt_backend_memory(o->backend);
    RT_TRY(rt_inputs_read(&r->inputs, o->sequences, err));
    RT_TRY(rt_predict_rank_open(r, err));
    if (!o->dry_run && rt_ranks_lead()) RT_TRY(check_out(o->out, err));
    RT_TRY(rt_predict_share_deal(r, err));
    if (o->opt_templates) RT_TRY(rt_template_file_open(&r->templates, o->opt_templates, err));
    r->conformers = *rt_conformers_default();
    if (o->opt_conformers) RT_TRY(rt_conformers_open(&r->conformers, o->opt_conformers, err));
    RT_TRY(rt_ctx_create(&r->ctx, o->backend, o->threads, rt_predict_memory_limit(r), err));
    r->ctx->opt_stop = rt_stop_requested;
    RT_TRY(open_models(r, err));
    RT_TRY(rt_predict_resume_open(r, err));
    RT_TRY(reserve_rows(r, err));
    rt_predict_budget_start(r);
done:
    return status;
}

static void close_run(run *r)
{
    rt_predict_share_free_members(&r->share);
    rt_submission_free(r->submission);
    rt_template_file_close(r->templates);
    rt_inputs_free_members(&r->inputs);
    for (int i = 0; r->model && i < r->options->n_checkpoint; i++) rt_model_close(r->model[i]);
    free(r->model);
    free(r->ranking);
    rt_ctx_free(r->ctx);
}
