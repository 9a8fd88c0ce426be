#include "pipeline.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/progress.h"
#include "feat/conformer_file.h"
#include "io/mmcif_writer.h"
#include "io/submission.h"
#include "io/template_file.h"

static const char SUBMISSION[] = "submission.csv";

/* A run's open files and models. */
typedef struct {
    const rt_predict_options *options;
    rt_predict_report *report;
    rt_model *model;
    rt_ctx *ctx;
    rt_conformers conformers;
    rt_inputs inputs;
    rt_template_file *templates;
    rt_submission *submission;
} run;

static rt_status predict_target(run *r, rt_input *input, json_t *record, rt_err *err);
static rt_status give_inputs(run *r, rt_input *input, json_t *record, rt_err *err);
static rt_status submit(run *r, const rt_input *input, const rt_features *features, const rt_fold_result *result, rt_err *err);
static rt_status write_target(run *r, const rt_input *input, const rt_features *features, const rt_fold_result *result,
                              json_t *record, rt_err *err);
static void report_failure(run *r, const char *target, json_t *record, const rt_err *failure);
static rt_status open_run(run *r, rt_err *err);
static void close_run(run *r);

/* ---- predict: sequences.csv + MSA + templates -> features -> trunk -> diffusion -> confidence -> files ---- */

rt_status rt_predict(const rt_predict_options *options, rt_predict_report *out_report, rt_err *err)
{
    rt_status status = RT_OK;
    *out_report = (rt_predict_report){.targets = json_array()};
    run r = {.options = options, .report = out_report};
    char path[4096];
    rt_path_join(path, sizeof path, options->out, SUBMISSION);
    RT_TRY(open_run(&r, err));
    rt_progress_start("target", r.inputs.n_input);
    for (int64_t i = 0; i < r.inputs.n_input; i++) {
        rt_input *input = &r.inputs.input[i];
        rt_err failure = {0};
        int64_t submitted = rt_submission_count(r.submission);
        json_t *record = json_pack("{s:s, s:I}", "target", input->target, "length", (json_int_t)input->length);
        rt_progress_step(i);
        rt_progress_label("%s", input->target);
        status = predict_target(&r, input, record, &failure);
        json_array_append_new(out_report->targets, record);
        out_report->n_target++;
        if (status == RT_ERR_STOPPED) {
            json_object_set_new(record, "error", json_string("stopped before it was finished"));
            *err = failure;
            goto done;
        }
        if (status != RT_OK) {
            report_failure(&r, input->target, record, &failure);
            if (rt_submission_count(r.submission) == submitted)
                RT_TRY(rt_submission_add(r.submission, input->target, input->sequence, NULL, 0, err));
            else rt_warn("%s: its coordinates are in submission.csv all the same", input->target);
        }
        RT_TRY(rt_submission_write(r.submission, path, err));
        rt_ctx_trim(r.ctx);
    }
done:
    rt_progress_clear();
    close_run(&r);
    return status;
}

/* The network reports its stages; the bar shows how much of the target's work is done, in thousandths. */
typedef struct {
    double work[RT_STAGE_COUNT];
} target_progress;

static bool show_progress(void *user, rt_stage stage, int64_t done, int64_t total)
{
    static const char *const NAMES[] = {"trunk, cycle", "denoiser set-up", "diffusion, step", "confidence, sample"};
    const target_progress *p = user;
    double before = 0, all = 0;
    for (int i = 0; i < RT_STAGE_COUNT; i++) {
        if (i < (int)stage) before += p->work[i];
        all += p->work[i];
    }
    before += p->work[stage] * (double)done / (double)total;
    if (total > 1) rt_progress_label("%s %lld/%lld", NAMES[stage], (long long)done + 1, (long long)total);
    else rt_progress_label("%s", NAMES[stage]);
    rt_progress_step((int64_t)(1000 * before / all));
    return !rt_stop_requested();
}

/* A target's folder stands beside the run's own files. */
static rt_status check_name(const char *target, rt_err *err)
{
    if (strcmp(target, SUBMISSION) != 0 && strcmp(target, "run.json") != 0) return RT_OK;
    return rt_fail(err, RT_ERR_FORMAT, NULL, 0, "target '%s': a file of the results has that name", target);
}

static rt_status predict_target(run *r, rt_input *input, json_t *record, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_predict_report *report = r->report;
    int64_t mark = rt_arena_mark(r->ctx->step);
    rt_features features;
    rt_fold_result result;
    target_progress progress;
    rt_fold_options fold = {.n_cycle = report->n_cycle, .n_step = report->n_step, .n_sample = report->n_sample,
                            .seed = r->options->seed, .stream = rt_hash_text(input->target), .opt_progress = show_progress,
                            .user = &progress};
    rt_progress_start(NULL, 1000);
    RT_TRY(check_name(input->target, err));
    RT_TRY(give_inputs(r, input, record, err));
    RT_TRY(rt_features_build(&features, r->ctx->step, input, &r->conformers, r->options->seed, NULL, err));
    rt_fold_work(progress.work, &r->model->config, &features, &fold);
    RT_TRY(rt_fold(r->ctx, r->model, &features, &fold, &result, err));
    RT_TRY(submit(r, input, &features, &result, err));   /* first: what cannot be written below is not lost */
    RT_TRY(write_target(r, input, &features, &result, record, err));
done:
    rt_progress_end();
    rt_arena_reset(r->ctx->step, mark);
    rt_input_clear_msa(input);
    rt_input_clear_templates(input);
    return status;
}

/* ---- inputs: what the target really gets, said in one line and in the record ---- */

static rt_status give_templates(run *r, rt_input *input, rt_err *err)
{
    const rt_predict_options *o = r->options;
    const rt_template *found = r->templates ? rt_template_file_find(r->templates, input->target) : NULL;
    if (found)
        return rt_input_set_templates(input, found->xyz, found->length, found->n_template, found->sequence, o->template_idx,
                                      o->template_missing, o->opt_templates, err);
    if (o->no_template == RT_NO_TEMPLATE_REFERENCE) return RT_OK;
    float *zeros = rt_alloc(3 * input->length, sizeof *zeros, err);
    if (!zeros) return RT_ERR_MEMORY;
    rt_status status = rt_input_set_templates(input, zeros, input->length, 1, NULL, 0, RT_TEMPLATE_MISSING_ORIGIN, NULL, err);
    free(zeros);
    return status;
}

static json_t *describe_templates(const run *r, const rt_input *input, char *text, size_t size)
{
    if (input->template_file) {
        snprintf(text, size, "%lld template%s (%lld residues missing, %s)", (long long)input->n_template,
                 input->n_template == 1 ? "" : "s", (long long)input->n_template_missing,
                 r->options->template_missing == RT_TEMPLATE_MISSING_MASK ? "masked" : "at the origin");
        return json_pack("{s:s, s:I, s:I, s:s}", "file", input->template_file, "used", (json_int_t)input->n_template,
                         "residues_missing", (json_int_t)input->n_template_missing, "missing_are",
                         r->options->template_missing == RT_TEMPLATE_MISSING_MASK ? "masked" : "at the origin");
    }
    bool zeros = r->options->no_template == RT_NO_TEMPLATE_ZEROS;
    snprintf(text, size, zeros ? "NO template (zeros instead)" : "NO template (none, as the reference infers)");
    return json_pack("{s:n, s:i, s:s}", "file", "used", 0, "instead", zeros ? "zeros" : "reference");
}

static rt_status give_inputs(run *r, rt_input *input, json_t *record, rt_err *err)
{
    rt_status status = RT_OK;
    char msa[96] = "NO MSA", templates[128];
    if (r->options->opt_msa_dir) RT_TRY(rt_input_load_msa(input, r->options->opt_msa_dir, err));
    RT_TRY(give_templates(r, input, err));
    json_t *inputs = json_object();
    json_object_set_new(record, "inputs", inputs);
    json_t *described = describe_templates(r, input, templates, sizeof templates);
    if (input->n_msa > 0) {
        int used = snprintf(msa, sizeof msa, "MSA of %lld row%s", (long long)input->n_msa, input->n_msa == 1 ? "" : "s");
        if (input->msa_file_rows > input->n_msa)
            snprintf(msa + used, sizeof msa - (size_t)used, " (of %lld)", (long long)input->msa_file_rows);
        json_object_set_new(inputs, "msa", json_pack("{s:s, s:I, s:I}", "file", input->msa_file, "rows", (json_int_t)input->n_msa,
                                                     "rows_in_file", (json_int_t)input->msa_file_rows));
    } else {
        json_object_set_new(inputs, "msa", json_null());
    }
    json_object_set_new(inputs, "templates", described);
    json_object_set_new(inputs, "ribonanzanet2", json_string(rt_ribonanza_source_name(r->report->ribonanza_source)));
    if (input->n_t_to_u) json_object_set_new(inputs, "t_read_as_u", json_integer(input->n_t_to_u));
    rt_info("%s: %lld nt, %s, %s, %s", input->target, (long long)input->length, msa, templates,
            r->report->ribonanza_source == RT_RIBONANZA_NONE ? "NO RibonanzaNet2" : "RibonanzaNet2");
    if (input->n_t_to_u) rt_warn("%s: %lld T read as U", input->target, (long long)input->n_t_to_u);
done:
    return status;
}

/* ---- outputs ---- */

rt_status rt_predict_mmcif(rt_text *out_text, const rt_input *input, const rt_features *features, rt_tensor xyz,
                           rt_tensor plddt, rt_err *err)
{
    /* IUPAC numbers of the elements that nucleotides have */
    static const char *const ELEMENTS[16] = {[0] = "H", [5] = "C", [6] = "N", [7] = "O", [14] = "P"};
    rt_status status = RT_OK;
    rt_mmcif_atom *atom;
    RT_TRY_ALLOC(atom, features->n_atom);
    for (int64_t a = 0; a < features->n_atom; a++) {
        const uint8_t *name = (const uint8_t *)features->ref_atom_name_chars.data + 4 * a;
        uint8_t element = ((const uint8_t *)features->ref_element.data)[a];
        if (element >= 16 || !ELEMENTS[element]) RT_BUG("an atom of element number %d in RNA", element + 1);
        atom[a].residue = ((const int64_t *)features->atom_to_token_idx.data)[a];
        snprintf(atom[a].element, sizeof atom[a].element, "%s", ELEMENTS[element]);
        for (int c = 0; c < 4 && name[c]; c++) atom[a].name[c] = (char)(name[c] + 32);
    }
    rt_mmcif_chain chain = {.asym_id = "A", .sequence = input->sequence};
    rt_mmcif_model model = {.target = input->target, .chain = &chain, .n_chain = 1, .atom = atom, .n_atom = features->n_atom,
                            .xyz = xyz.data, .plddt = plddt.data};
    RT_TRY(rt_mmcif_print(out_text, &model, err));
done:
    free(atom);
    return status;
}

static json_t *sample_record(const rt_summary *summary, int64_t rank, int64_t sample, const char *file, rt_err *err)
{
    char *text = rt_summary_json(summary, err);
    json_t *scores = text ? json_loads(text, 0, NULL) : NULL;
    free(text);
    if (!scores) return NULL;
    json_t *record = json_pack("{s:I, s:I, s:s}", "rank", (json_int_t)rank, "sample", (json_int_t)sample, "file", file);
    json_object_update(record, scores);
    json_decref(scores);
    return record;
}

/* C1' coordinates of the samples, best first, into the submission. */
static rt_status submit(run *r, const rt_input *input, const rt_features *features, const rt_fold_result *result, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t n = features->n_token, kept = r->report->n_sample < RT_SUBMISSION_MODELS ? r->report->n_sample : RT_SUBMISSION_MODELS;
    const float *model[RT_SUBMISSION_MODELS];
    float *c1;
    RT_TRY_ALLOC(c1, RT_SUBMISSION_MODELS * n * 3);
    for (int64_t m = 0; m < kept; m++) {
        const float *xyz = rt_at(result->coordinate, result->order[m]).data;
        for (int64_t i = 0; i < n; i++)
            memcpy(c1 + (m * n + i) * 3, xyz + 3 * ((const int64_t *)features->centre_atom.data)[i], 3 * sizeof *c1);
        model[m] = c1 + m * n * 3;
    }
    RT_TRY(rt_submission_add(r->submission, input->target, input->sequence, model, kept, err));
done:
    free(c1);
    return status;
}

static void sample_name(char file[300], const char *target, int64_t rank)
{
    snprintf(file, 300, "%s_sample_%lld.cif", target, (long long)rank);
}

/* An earlier run's structures are not to stand among this one's: the ranks that it had and this one has not. */
static void remove_former(const char *folder, const char *target, int64_t n_sample)
{
    char path[4600], file[300];
    int64_t removed = 0;
    rt_path_join(path, sizeof path, folder, "summary.json");
    remove(path);   /* it comes last: a folder without it is not finished */
    for (int64_t rank = n_sample;; rank++) {
        sample_name(file, target, rank);
        rt_path_join(path, sizeof path, folder, file);
        if (!rt_file_exists(path) || remove(path) != 0) break;
        removed++;
    }
    if (removed) rt_info("%s: %lld structures of an earlier run with more samples are removed", target, (long long)removed);
}

static rt_status write_target(run *r, const rt_input *input, const rt_features *features, const rt_fold_result *result,
                              json_t *record, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_predict_report *report = r->report;
    char folder[4096], path[4600], file[300];
    rt_text text = {0};
    json_t *samples = json_array(), *summary = json_deep_copy(record);
    rt_path_join(folder, sizeof folder, r->options->out, input->target);
    RT_TRY(rt_make_folder(folder, err));
    remove_former(folder, input->target, report->n_sample);
    for (int64_t rank = 0; rank < report->n_sample; rank++) {
        int64_t sample = result->order[rank];
        sample_name(file, input->target, rank);
        rt_path_join(path, sizeof path, folder, file);
        rt_text_clear(&text);
        RT_TRY(rt_predict_mmcif(&text, input, features, rt_at(result->coordinate, sample), result->summary[sample].atom_plddt,
                                err));
        RT_TRY(rt_write_text(path, text.data, text.length, err));
        json_t *scores = sample_record(&result->summary[sample], rank, sample, file, err);
        if (!scores) RT_TRY(rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory for the scores"));
        json_array_append_new(samples, scores);
    }
    json_object_set_new(summary, "seed", json_integer((json_int_t)r->options->seed));
    json_object_set_new(summary, "protocol", json_pack("{s:I, s:I, s:I, s:I}", "cycles", (json_int_t)report->n_cycle, "steps",
                                                       (json_int_t)report->n_step, "samples", (json_int_t)report->n_sample,
                                                       "template_idx", (json_int_t)r->options->template_idx));
    json_object_set(summary, "samples", samples);
    rt_path_join(path, sizeof path, folder, "summary.json");
    RT_TRY(rt_json_save(summary, path, err));
    json_object_set_new(record, "seconds", json_pack("{s:f, s:f, s:f, s:f}", "trunk", result->seconds[RT_STAGE_TRUNK], "prepare",
                                                     result->seconds[RT_STAGE_PREPARE], "diffusion",
                                                     result->seconds[RT_STAGE_DIFFUSION], "confidence",
                                                     result->seconds[RT_STAGE_CONFIDENCE]));
    json_object_set_new(record, "peak_bytes", json_integer(rt_arena_peak(r->ctx->step)));
    json_object_set_new(record, "best_ranking_score", json_real(result->summary[result->order[0]].ranking_score));
    json_object_set_new(record, "folder", json_string(folder));
done:
    rt_text_free(&text);
    json_decref(samples);
    json_decref(summary);
    return status;
}

static void report_failure(run *r, const char *target, json_t *record, const rt_err *failure)
{
    char text[2048];
    rt_err_print(failure, text, sizeof text);
    rt_warn("%s failed: %s", target, text);
    if (failure->hint[0]) rt_info("  hint: %s", failure->hint);
    if (record) json_object_set_new(record, "error", json_string(text));
    r->report->n_failed++;
}

/* ---- opening and closing ---- */

/* Makes the folder and finds out whether a file can be written there, before hours of work. */
static rt_status check_out(const char *out, rt_err *err)
{
    rt_status status = RT_OK;
    rt_writer *writer;
    char path[4096];
    RT_TRY(rt_make_folder(out, err));
    rt_path_join(path, sizeof path, out, SUBMISSION);
    RT_TRY(rt_writer_open(&writer, path, err));
    rt_writer_abandon(writer);
done:
    return status;
}

static rt_status open_run(run *r, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_predict_options *o = r->options;
    rt_predict_report *report = r->report;
    rt_model_options model = o->model;
    RT_TRY(rt_inputs_read(&r->inputs, o->sequences, err));
    RT_TRY(check_out(o->out, err));
    if (o->opt_templates) RT_TRY(rt_template_file_open(&r->templates, o->opt_templates, err));
    r->conformers = *rt_conformers_default();
    if (o->opt_conformers) RT_TRY(rt_conformers_open(&r->conformers, o->opt_conformers, err));
    RT_TRY(rt_ctx_create(&r->ctx, o->backend, o->threads, rt_memory_available(), err));
    r->ctx->opt_stop = rt_stop_requested;
    model.real = r->ctx->real;
    RT_TRY(rt_model_open(&r->model, &model, err));
    const rt_config *c = &r->model->config;
    report->n_sample = o->n_sample ? o->n_sample : (int64_t)c->n_sample;
    report->n_cycle = o->n_cycle ? o->n_cycle : (int64_t)c->n_cycle;
    report->n_step = o->n_step ? o->n_step : (int64_t)c->n_step;
    report->ribonanza_source = r->model->ribonanza_source;
    report->n_parameters = r->model->n_parameters;
    snprintf(report->config, sizeof report->config, "%s", c->name);
    if (report->ribonanza_source == RT_RIBONANZA_NONE)
        rt_warn("running WITHOUT RibonanzaNet2, as --no-ribonanza says: expect no better than the templates");
    RT_TRY(rt_submission_create(&r->submission, err));
    for (int64_t i = 0; i < r->inputs.n_failure; i++) {
        const rt_input_failure *failure = &r->inputs.failure[i];
        json_t *record = json_pack("{s:s}", "target", failure->target);
        report_failure(r, failure->target[0] ? failure->target : "a row", record, &failure->err);
        json_array_append_new(report->targets, record);
        report->n_target++;
        if (failure->opt_sequence)
            RT_TRY(rt_submission_add(r->submission, failure->target, failure->opt_sequence, NULL, 0, err));
    }
done:
    return status;
}

static void close_run(run *r)
{
    rt_submission_free(r->submission);
    rt_template_file_close(r->templates);
    rt_inputs_free_members(&r->inputs);
    rt_model_close(r->model);
    rt_ctx_free(r->ctx);
}
