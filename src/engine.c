/* engine.c - include/rnatune.h on top of the rooms */
#include "rnatune.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/memory.h"
#include "pipeline.h"

struct rnatune_engine {
    rt_model *model;
    rt_ctx *ctx;
    rnatune_session *folded;     /* whose results the arena holds */
};

struct rnatune_session {
    rnatune_engine *engine;
    rt_input input;
    rt_features features;
    rt_fold_result result;
    int64_t n_sample;            /* 0: nothing folded */
};

/* The public status has the same numbers as rt_status. */
static rnatune_status answer(rt_status status, const rt_err *err, char *error, size_t size)
{
    _Static_assert((int)RNATUNE_STOPPED == (int)RT_ERR_STOPPED && (int)RNATUNE_MISMATCH == (int)RT_ERR_MISMATCH, "one order");
    if (status != RT_OK && error && size) {
        char line[2048];
        rt_err_print(err, line, sizeof line);
        snprintf(error, size, err->hint[0] ? "%s (%s)" : "%s", line, err->hint);
    }
    return (rnatune_status)status;
}

rnatune_status rnatune_engine_open(rnatune_engine **ret_engine, const rnatune_engine_options *options, char *error,
                                   size_t error_size)
{
    rt_status status = RT_OK;
    rt_err failure = {0}, *err = &failure;
    rnatune_engine *engine;
    *ret_engine = NULL;
    RT_TRY_ALLOC(engine, 1);
    if (!options->checkpoint) RT_TRY(rt_fail(err, RT_ERR_USAGE, NULL, 0, "no checkpoint given"));
    rt_model_options model = {.checkpoint = options->checkpoint, .opt_ribonanza = options->ribonanza,
                              .opt_config = options->config, .no_ribonanza = options->no_ribonanza,
                              .precision = (rt_precision)options->precision, .real = RT_F32};
    RT_TRY(rt_ctx_create(&engine->ctx, RT_BACKEND_CPU, options->threads ? options->threads : rt_cpu_count(),
                         options->memory ? options->memory : rt_memory_available(), err));
    RT_TRY(rt_model_open(&engine->model, &model, err));
    *ret_engine = engine;
    engine = NULL;
done:
    rnatune_engine_close(engine);
    return answer(status, err, error, error_size);
}

void rnatune_engine_close(rnatune_engine *engine)
{
    if (!engine) return;
    rt_model_close(engine->model);
    rt_ctx_free(engine->ctx);
    free(engine);
}

int64_t rnatune_engine_parameters(const rnatune_engine *engine) { return engine->model->n_parameters; }

rnatune_status rnatune_session_create(rnatune_session **ret_session, rnatune_engine *engine, const char *name,
                                      const char *sequence, char *error, size_t error_size)
{
    rt_status status = RT_OK;
    rt_err failure = {0}, *err = &failure;
    rnatune_session *session;
    *ret_session = NULL;
    RT_TRY_ALLOC(session, 1);
    session->engine = engine;
    RT_TRY(rt_input_set_sequence(&session->input, name, sequence, err));
    *ret_session = session;
    session = NULL;
done:
    rnatune_session_free(session);
    return answer(status, err, error, error_size);
}

/* The engine's memory holds one fold at a time. */
static void forget(rnatune_engine *engine)
{
    if (engine->folded) engine->folded->n_sample = 0;
    engine->folded = NULL;
    rt_arena_reset(engine->ctx->step, 0);   /* the CPU's: nothing of the model's lies there */
    rt_ctx_trim(engine->ctx);
}

void rnatune_session_free(rnatune_session *session)
{
    if (!session) return;
    if (session->engine->folded == session) forget(session->engine);
    rt_input_free_members(&session->input);
    free(session);
}

rnatune_status rnatune_session_load_msa(rnatune_session *session, const char *folder, int64_t *out_rows, char *error,
                                        size_t error_size)
{
    rt_err err = {0};
    rt_status status = rt_input_load_msa(&session->input, folder, &err);
    *out_rows = session->input.n_msa;
    return answer(status, &err, error, error_size);
}

rnatune_status rnatune_session_set_templates(rnatune_session *session, const float *xyz, int64_t length, int64_t n_template,
                                             char *error, size_t error_size)
{
    rt_err err = {0};
    rt_status status = rt_input_set_templates(&session->input, xyz, length, n_template, NULL, n_template - 1,
                                              RT_TEMPLATE_MISSING_MASK, NULL, &err);
    return answer(status, &err, error, error_size);
}

typedef struct { const rnatune_fold_options *options; } progress_user;

static bool pass_on(void *user, rt_stage stage, int64_t done, int64_t total)
{
    const rnatune_fold_options *options = ((progress_user *)user)->options;
    return !options->progress || options->progress(options->user, (int)stage, done, total);
}

rnatune_status rnatune_session_fold(rnatune_session *session, const rnatune_fold_options *options, char *error,
                                    size_t error_size)
{
    rt_status status = RT_OK;
    rt_err failure = {0}, *err = &failure;
    rnatune_engine *engine = session->engine;
    const rt_config *c = &engine->model->config;
    progress_user user = {options};
    rt_fold_options fold = {.n_cycle = options->cycles ? options->cycles : (int64_t)c->n_cycle,
                            .n_step = options->steps ? options->steps : (int64_t)c->n_step,
                            .n_sample = options->samples ? options->samples : (int64_t)c->n_sample, .seed = options->seed,
                            .stream = rt_hash_text(session->input.target), .opt_progress = pass_on, .user = &user};
    forget(engine);
    if (fold.n_cycle < 1 || fold.n_step < 1 || fold.n_sample < 1)
        RT_TRY(rt_fail(err, RT_ERR_USAGE, NULL, 0, "cycles, steps and samples must be at least 1"));
    RT_TRY(rt_features_build(&session->features, engine->ctx->step, &session->input, rt_conformers_default(), options->seed,
                             NULL, err));
    RT_TRY(rt_fold(engine->ctx, engine->model, &session->features, &fold, &session->result, err));
    session->n_sample = fold.n_sample;
    engine->folded = session;
done:
    if (status != RT_OK) forget(engine);
    return answer(status, err, error, error_size);
}

int64_t rnatune_session_samples(const rnatune_session *session) { return session->n_sample; }
int64_t rnatune_session_tokens(const rnatune_session *session) { return session->input.length; }
int64_t rnatune_session_atoms(const rnatune_session *session) { return session->n_sample ? session->features.n_atom : 0; }

static const rt_summary *ranked(const rnatune_session *session, int64_t rank)
{
    if (rank < 0 || rank >= session->n_sample) return NULL;
    return &session->result.summary[session->result.order[rank]];
}

const float *rnatune_session_coordinates(const rnatune_session *session, int64_t rank)
{
    return ranked(session, rank) ? rt_at(session->result.coordinate, session->result.order[rank]).data : NULL;
}

const float *rnatune_session_plddt(const rnatune_session *session, int64_t rank)
{
    const rt_summary *summary = ranked(session, rank);
    return summary ? summary->atom_plddt.data : NULL;
}

const float *rnatune_session_pae(const rnatune_session *session, int64_t rank)
{
    const rt_summary *summary = ranked(session, rank);
    return summary ? summary->token_pair_pae.data : NULL;
}

double rnatune_session_ranking_score(const rnatune_session *session, int64_t rank)
{
    const rt_summary *summary = ranked(session, rank);
    return summary ? summary->ranking_score : 0;
}

char *rnatune_session_summary(const rnatune_session *session, int64_t rank)
{
    const rt_summary *summary = ranked(session, rank);
    return summary ? rt_summary_json(summary, NULL) : NULL;
}

rnatune_status rnatune_session_write_mmcif(const rnatune_session *session, int64_t rank, const char *path, char *error,
                                           size_t error_size)
{
    rt_err err = {0};
    rt_text text = {0};
    const rt_summary *summary = ranked(session, rank);
    rt_status status = RT_OK;
    if (!summary) status = rt_fail(&err, RT_ERR_USAGE, NULL, 0, "there is no sample of rank %lld", (long long)rank);
    else
        status = rt_predict_mmcif(&text, &session->input, &session->features,
                                  rt_at(session->result.coordinate, session->result.order[rank]), summary->atom_plddt, &err);
    if (status == RT_OK) status = rt_write_text(path, text.data, text.length, &err);
    rt_text_free(&text);
    return answer(status, &err, error, error_size);
}
