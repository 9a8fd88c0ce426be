#include "train/checkpoint_internal.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "io/safetensors.h"
#include "io/weights.h"

enum { MOST_NAME = 320 };

/* ---- every tensor of a file, in order, whatever is done with it -------------------------------------------------- */
typedef rt_status visit_tensor(void *user, const char *name, rt_tensor tensor, rt_err *err);

static rt_status each_weight(const rt_train_parts *parts, visit_tensor *visit, void *user, rt_err *err)
{
    rt_status status = RT_OK;
    for (int64_t i = 0; i < rt_params_count(parts->params); i++) {
        const rt_param *p = rt_params_at(parts->params, i);
        RT_TRY(visit(user, p->name, p->value, err));
    }
done:
    return status;
}

static rt_status each_state(const rt_train_parts *parts, visit_tensor *visit, void *user, rt_err *err)
{
    char name[MOST_NAME];
    rt_status status = RT_OK;
    for (int64_t i = 0; i < rt_params_count(parts->params); i++) {
        const char *param = rt_params_at(parts->params, i)->name;
        for (int which = 0; which < 2; which++) {
            snprintf(name, sizeof name, "adam.%c.%s", "mv"[which], param);
            RT_TRY(visit(user, name, rt_adam_moment(parts->adam, i, which), err));
        }
        snprintf(name, sizeof name, "adam.updates.%s", param);
        RT_TRY(visit(user, name, RT_WRAP(rt_adam_updates(parts->adam, i), RT_I64, 1), err));
        for (int64_t k = 0; k < parts->n_average; k++) {
            snprintf(name, sizeof name, "average.%d.%s", (int)k, param);
            RT_TRY(visit(user, name, rt_average_tensor(parts->average[k], i), err));
        }
    }
done:
    return status;
}

static rt_status declare(void *writer, const char *name, rt_tensor tensor, rt_err *err)
{
    return rt_safetensors_declare(writer, name, tensor, err);
}

static rt_status write(void *writer, const char *name, rt_tensor tensor, rt_err *err)
{
    (void)name;
    return rt_safetensors_write(writer, tensor, err);
}

typedef rt_status visit_all(const rt_train_parts *parts, visit_tensor *visit, void *user, rt_err *err);

static rt_status write_file(const char *path, const char *key, const char *value, const rt_run_identity *identity,
                            visit_all *each, const rt_train_parts *parts, rt_err *err)
{
    rt_safetensors_writer *writer = NULL;
    rt_status status = RT_OK;
    RT_TRY(rt_safetensors_create(&writer, path, err));
    RT_TRY(rt_safetensors_metadata(writer, "format", "pt", err));
    RT_TRY(rt_safetensors_metadata(writer, "rnatune.base_sha256", identity->base, err));
    RT_TRY(rt_safetensors_metadata(writer, key, value, err));
    RT_TRY(each(parts, declare, writer, err));
    RT_TRY(each(parts, write, writer, err));
    status = rt_safetensors_commit(writer, err);
    writer = NULL;
done:
    rt_safetensors_abandon(writer);
    return status;
}

/* ---- the state as JSON ------------------------------------------------------------------------------------------- */
static json_t *schedule_json(const rt_schedule *s)
{
    return json_pack("{s:i, s:f, s:I, s:I, s:f, s:I, s:f}", "kind", (int)s->kind, "rate", s->rate, "warmup",
                     (json_int_t)s->warmup, "steps", (json_int_t)s->steps, "least_ratio", s->least_ratio, "decay_every",
                     (json_int_t)s->decay_every, "decay_factor", s->decay_factor);
}

static rt_status read_schedule(const json_t *root, rt_schedule *s, const char *file, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t kind;
    RT_TRY(rt_json_read_int(root, &kind, NULL, "schedule.kind", file, err));
    if (kind < RT_SCHEDULE_CONSTANT || kind > RT_SCHEDULE_AF3)
        return rt_fail(err, RT_ERR_FORMAT, file, 0, "says a schedule of kind %lld, which is none", (long long)kind);
    s->kind = (rt_schedule_kind)kind;
    RT_TRY(rt_json_read_double(root, &s->rate, NULL, "schedule.rate", file, err));
    RT_TRY(rt_json_read_int(root, &s->warmup, NULL, "schedule.warmup", file, err));
    RT_TRY(rt_json_read_int(root, &s->steps, NULL, "schedule.steps", file, err));
    RT_TRY(rt_json_read_double(root, &s->least_ratio, NULL, "schedule.least_ratio", file, err));
    RT_TRY(rt_json_read_int(root, &s->decay_every, NULL, "schedule.decay_every", file, err));
    RT_TRY(rt_json_read_double(root, &s->decay_factor, NULL, "schedule.decay_factor", file, err));
    status = rt_schedule_check(s, err);
done:
    return status;
}

static char *print_state(const rt_run_identity *identity, const rt_train_state *s, const rt_train_parts *parts,
                         rt_err *err)
{
    char seed[32];
    snprintf(seed, sizeof seed, "%" PRIu64, s->seed);   /* JSON's integers are signed */
    json_t *averages = json_array();
    for (int64_t k = 0; k < parts->n_average; k++)
        json_array_append_new(averages, json_pack("{s:f, s:I}", "decay", rt_average_decay(parts->average[k]), "updates",
                                                  (json_int_t)*rt_average_updates(parts->average[k])));
    json_t *root =
        json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:s, s:I, s:I, s:I, s:I, s:f, s:o}", "plan", identity->plan,
                  "data", identity->data, "base", identity->base, "code", identity->code, "step", (json_int_t)s->step,
                  "sample", (json_int_t)s->sample, "epoch", (json_int_t)s->epoch, "position", (json_int_t)s->position,
                  "seed", seed, "skipped", (json_int_t)s->guard.n_skipped, "skipped_in_row",
                  (json_int_t)s->guard.n_in_row, "best_step", (json_int_t)s->best_step, "epochs_without_better",
                  (json_int_t)s->epochs_without_better, "seconds", s->seconds, "averages", averages);
    if (root) json_object_set_new(root, "schedule", schedule_json(&s->schedule));
    if (root) json_object_set_new(root, "epoch_samples", json_integer(s->epoch_samples));
    if (root) json_object_set_new(root, "epoch_trained", json_integer(s->epoch_trained));
    if (root) json_object_set_new(root, "epoch_loss", json_real(s->epoch_loss));
    if (root && isfinite(s->best_value)) json_object_set_new(root, "best_value", json_real(s->best_value));
    char *text = root ? rt_json_print(root, err) : NULL;
    if (!root) rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory");
    json_decref(root);
    return text;
}

static rt_status read_averages(const json_t *root, const rt_train_parts *parts, const char *file, rt_err *err)
{
    const json_t *averages = rt_json_find(root, "averages");
    bool same = json_is_array(averages) && (int64_t)json_array_size(averages) == parts->n_average;
    for (int64_t k = 0; same && k < parts->n_average; k++) {
        double decay = -1;
        same = rt_json_read_double(json_array_get(averages, (size_t)k), &decay, NULL, "decay", file, NULL) == RT_OK &&
               decay == rt_average_decay(parts->average[k]);
    }
    if (same) return RT_OK;
    return rt_fail(err, RT_ERR_MISMATCH, file, 0,
                   "this run averaged its weights in another way (%d averages, now %lld)",
                   (int)json_array_size(averages), (long long)parts->n_average);
}

static rt_status compare_identity(const json_t *root, const rt_run_identity *identity, const char *file, rt_err *err)
{
    const struct { const char *key, *now, *what, *hint; } row[] = {
        {"plan", identity->plan, "with other settings",
         "resume with the settings it was started with, or start a new run"},
        {"data", identity->data, "on another training set or split",
         "give the same data and split, or start a new run"},
        {"base", identity->base, "from another base checkpoint", "give the same checkpoint, or start a new run"}};
    rt_status status = RT_OK;
    const char *then;
    for (int i = 0; i < 3; i++) {
        RT_TRY(rt_json_read_text(root, &then, NULL, row[i].key, file, err));
        if (!then[0] || !row[i].now[0] || strcmp(then, row[i].now) == 0) continue;
        rt_fail(err, RT_ERR_MISMATCH, file, 0, "this run was started %s (%.12s..., now %.12s...)", row[i].what, then,
                row[i].now);
        return rt_hint(err, "%s", row[i].hint);
    }
    RT_TRY(rt_json_read_text(root, &then, NULL, "code", file, err));
    if (strcmp(then, identity->code) != 0)
        rt_warn("the run was started by rnatune %s and goes on with %s: it may not end with the same bytes", then,
                identity->code);
done:
    return status;
}

static rt_status read_state(const json_t *root, rt_train_state *s, const char *file, rt_err *err)
{
    const struct { const char *key; int64_t *out; } row[] = {
        {"step", &s->step}, {"sample", &s->sample}, {"epoch", &s->epoch}, {"position", &s->position},
        {"skipped", &s->guard.n_skipped}, {"skipped_in_row", &s->guard.n_in_row}, {"best_step", &s->best_step},
        {"epochs_without_better", &s->epochs_without_better}};
    rt_status status = RT_OK;
    const char *seed;
    bool found;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        RT_TRY(rt_json_read_int(root, row[i].out, NULL, row[i].key, file, err));
    RT_TRY(rt_json_read_text(root, &seed, NULL, "seed", file, err));
    s->seed = strtoull(seed, NULL, 10);
    RT_TRY(read_schedule(root, &s->schedule, file, err));
    RT_TRY(rt_json_read_double(root, &s->seconds, NULL, "seconds", file, err));
    s->epoch_samples = s->position; /* older files do not say it */
    RT_TRY(rt_json_read_int(root, &s->epoch_samples, &found, "epoch_samples", file, err));
    RT_TRY(rt_json_read_int(root, &s->epoch_trained, &found, "epoch_trained", file, err));
    RT_TRY(rt_json_read_double(root, &s->epoch_loss, &found, "epoch_loss", file, err));
    s->best_value = NAN;
    RT_TRY(rt_json_read_double(root, &s->best_value, &found, "best_value", file, err));
done:
    return status;
}

/* ---- writing and reading ----------------------------------------------------------------------------------------- */
rt_status rt_checkpoint_write_weights(const char *path, const rt_run_identity *identity, const rt_train_state *state,
                                      const rt_train_parts *parts, rt_err *err)
{
    char step[32];
    snprintf(step, sizeof step, "%lld", (long long)state->step);
    return write_file(path, "rnatune.step", step, identity, each_weight, parts, err);
}

rt_status rt_checkpoint_write_state(const char *path, const rt_run_identity *identity, const rt_train_state *state,
                                    const rt_train_parts *parts, rt_err *err)
{
    char *text = print_state(identity, state, parts, err);
    rt_status status = text ? write_file(path, "rnatune.state", text, identity, each_state, parts, err) : RT_ERR_MEMORY;
    free(text);
    return status;
}

static rt_status check_tensor(void *weights, const char *name, rt_tensor tensor, rt_err *err)
{
    const rt_weight *w = rt_weights_find(weights, name);
    char mine[64], theirs[64];
    if (!w) {
        rt_fail(err, RT_ERR_MISMATCH, rt_weights_path(weights), 0, "has no '%s': other weights trained then", name);
        return rt_hint(err, "resume with the settings the run was started with, or start a new run");
    }
    rt_shape_print(tensor, mine, sizeof mine);
    rt_shape_print(w->tensor, theirs, sizeof theirs);
    if (w->tensor.dtype == tensor.dtype && strcmp(mine, theirs) == 0) return RT_OK;
    return rt_fail(err, RT_ERR_MISMATCH, rt_weights_path(weights), 0, "'%s' is %s %s, %s %s was expected", name,
                   rt_dtype_name(w->tensor.dtype), theirs, rt_dtype_name(tensor.dtype), mine);
}

static rt_status copy_tensor(void *weights, const char *name, rt_tensor tensor, rt_err *err)
{
    (void)err;
    memcpy(tensor.data, rt_weights_find(weights, name)->tensor.data, (size_t)rt_bytes(tensor));
    return RT_OK;
}

rt_status rt_checkpoint_read(const char *weights_path, const char *state_path, const rt_run_identity *identity,
                             rt_train_state *out_state, const rt_train_parts *parts, rt_err *err)
{
    rt_weights *weights = NULL, *tensors = NULL;
    json_t *root = NULL;
    rt_train_state state = {.guard = out_state->guard};   /* its limit is the plan's */
    rt_status status = RT_OK;
    RT_TRY(rt_weights_open(&weights, weights_path, err));
    RT_TRY(rt_weights_open(&tensors, state_path, err));
    const char *text = rt_weights_metadata(tensors, "rnatune.state");
    if (!text) RT_TRY(rt_fail(err, RT_ERR_FORMAT, state_path, 0, "holds no training state"));
    RT_TRY(rt_json_parse(&root, text, (int64_t)strlen(text), state_path, err));
    RT_TRY(compare_identity(root, identity, state_path, err));
    RT_TRY(read_averages(root, parts, state_path, err));
    RT_TRY(read_state(root, &state, state_path, err));
    if (rt_weights_count(weights) != rt_params_count(parts->params)) {
        status = rt_fail(err, RT_ERR_MISMATCH, weights_path, 0, "holds %lld tensors, %lld train now",
                         (long long)rt_weights_count(weights), (long long)rt_params_count(parts->params));
        goto done;
    }
    RT_TRY(each_weight(parts, check_tensor, weights, err));
    RT_TRY(each_state(parts, check_tensor, tensors, err));
    each_weight(parts, copy_tensor, weights, err);
    each_state(parts, copy_tensor, tensors, err);
    for (int64_t k = 0; k < parts->n_average; k++)
        rt_json_read_int(json_array_get(rt_json_find(root, "averages"), (size_t)k),
                         rt_average_updates(parts->average[k]), NULL, "updates", state_path, err);
    rt_params_refresh(parts->params);
    *out_state = state;
done:
    json_decref(root);
    rt_weights_close(weights);
    rt_weights_close(tensors);
    return status;
}
