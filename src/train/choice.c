#include "train/choice.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/progress.h"
#include "base/ranks.h"
#include "train/judge.h"
#include "train/ranking_fit.h"

enum { BASE, TRAINED, HEADS, CHOOSE = 5, NUMBERS = 9 };
static const char *const HEAD_NAME[HEADS] = {"base", "trained"};
static const int64_t SAMPLE_MEMORY = (int64_t)4 << 30; /* address space; pages come as they are used */

typedef struct {
    rt_ctx *ctx;
    rt_model *model;
    const rt_choice_options *options;
    rt_choice_report *report;
    rt_err *err;
    rt_step_plan plan;
    rt_arena *sample_arena, *frozen_arena;
    rt_weights *trained;
    float *merged; /* room for the largest tensor that trains */
    char trained_hash[RT_HASH_TEXT], key[RT_HASH_TEXT], folder[PATH_MAX];
    rt_selection_data data[HEADS];
} job;

/* ---- one target's record ------------------------------------------------------------------------------------------
 */

static double *number_of(rt_selection_sample *s, int index)
{
    double *at[NUMBERS] = {&s->score[RT_SELECT_RANKING_SCORE], &s->score[RT_SELECT_PLDDT], &s->score[RT_SELECT_PTM],
                           &s->score[RT_SELECT_GPDE],          &s->quality,                &s->lddt,
                           &s->clash,                          &s->consensus,              &s->score[RT_SELECT_LEARNED]};
    return at[index];
}

static json_t *numbers_json(const double *x, int64_t n)
{
    json_t *list = json_array();
    for (int64_t i = 0; i < n; i++) json_array_append_new(list, rt_json_number(x[i]));
    return list;
}

/* A list of n numbers, null as NAN; false when it is none. */
static bool read_numbers(double *out, const json_t *list, int64_t n)
{
    if (!json_is_array(list) || (int64_t)json_array_size(list) != n) return false;
    for (int64_t i = 0; i < n; i++) {
        const json_t *value = json_array_get(list, (size_t)i);
        if (!json_is_number(value) && !json_is_null(value)) return false;
        out[i] = json_is_null(value) ? NAN : json_number_value(value);
    }
    return true;
}

static void record_path(const job *j, char out[PATH_MAX], const char *target)
{
    char name[32];
    snprintf(name, sizeof name, "%016llx.json", (unsigned long long)rt_hash_text(target));
    rt_path_join(out, PATH_MAX, j->folder, name);
}

static rt_status write_record(const job *j, const char *path, const rt_selection_target target[HEADS])
{
    json_t *heads = json_object();
    for (int h = 0; h < HEADS; h++) {
        json_t *samples = json_array();
        for (int64_t k = 0; k < target[h].n; k++) {
            double x[NUMBERS];
            for (int i = 0; i < NUMBERS; i++) x[i] = *number_of(&target[h].sample[k], i);
            json_array_append_new(samples, numbers_json(x, NUMBERS));
        }
        json_object_set_new(heads, HEAD_NAME[h], samples);
    }
    json_t *json = json_pack("{s:s, s:s, s:s, s:o, s:o}", "key", j->key, "target", target[0].target, "columns",
                             "ranking_score plddt ptm gpde tm lddt clash consensus learned", "samples", heads, "pairs",
                             numbers_json(target[0].pairs, target[0].n * target[0].n));
    rt_status status = json ? rt_json_save(json, path, j->err) : rt_fail(j->err, RT_ERR_MEMORY, NULL, 0, "out of memory");
    json_decref(json);
    return status;
}

static void name_sample(rt_selection_sample *s, int64_t number)
{
    s->sample = number;
    snprintf(s->model, sizeof s->model, "%lld", (long long)number);
}

/* *out_found false: not judged yet, or under another key, or not whole; then it is judged again. */
static rt_status read_record(const job *j, const char *path, rt_selection_target out[HEADS], bool *out_found)
{
    rt_status status = RT_OK;
    json_t *json = NULL;
    rt_err *err = j->err, ignored;
    int64_t n = j->options->rollouts;
    *out_found = false;
    if (!rt_file_exists(path) || rt_json_load(&json, path, &ignored) != RT_OK) return RT_OK;
    const char *key = json_string_value(json_object_get(json, "key"));
    bool whole = key && strcmp(key, j->key) == 0;
    for (int h = 0; h < HEADS && whole; h++) {
        const json_t *samples = json_object_get(json_object_get(json, "samples"), HEAD_NAME[h]);
        RT_TRY_ALLOC(out[h].sample, n);
        RT_TRY_ALLOC(out[h].pairs, n * n);
        whole = (int64_t)json_array_size(samples) == n && read_numbers(out[h].pairs, json_object_get(json, "pairs"), n * n);
        for (int64_t k = 0; k < n && whole; k++) {
            double x[NUMBERS];
            whole = read_numbers(x, json_array_get(samples, (size_t)k), NUMBERS);
            for (int i = 0; i < NUMBERS && whole; i++) *number_of(&out[h].sample[k], i) = x[i];
            name_sample(&out[h].sample[k], k);
        }
        out[h].n = n;
    }
    *out_found = whole;
done:
    json_decref(json);
    return status;
}

static void free_target(rt_selection_target *t)
{
    free(t->sample);
    free(t->pairs);
    *t = (rt_selection_target){0};
}

/* ---- judging ------------------------------------------------------------------------------------------------------
 */

/* A head's weight in its file: the trained network's; or as the model was opened, the last adapter's that has it, else the
 * checkpoint's. */
static const rt_weight *find_weight(const job *j, int head, const char *name)
{
    if (head == TRAINED) return rt_weights_find(j->trained, name);
    const rt_weight *found = rt_weights_find(j->model->weights, name);
    for (int i = 0; i < j->model->n_adapter; i++) {
        const rt_weight *other = rt_peft_find_weight(j->model->adapter[i], name);
        if (other) found = other;
    }
    return found;
}

/* W of a layer with low-rank adapters, which the model adds by itself: the trained network's file holds them merged.  The
 * base's W goes there and back, so that both heads are rounded alike. */
static rt_tensor without_adapters(job *j, int head, const char *name, rt_tensor w)
{
    char layer[RT_PEFT_LAYER_NAME];
    if (!rt_peft_layer_of(layer, name)) return w;
    int n = j->model->n_adapter;
    for (int step = head == TRAINED ? n : 0; step < 2 * n; step++) {
        const rt_peft_pair *found = rt_peft_find(j->model->adapter[step < n ? step : 2 * n - 1 - step], layer);
        if (!found) continue;
        rt_peft_pair pair = *found;
        if (step >= n) pair.scale = -pair.scale;
        rt_peft_merge(j->merged, w, &pair);
        w = rt_wrap(j->merged, RT_F32, w.ndim, w.dim);
    }
    return w;
}

/* The head's weights into those that train. */
static rt_status use_head(job *j, int head)
{
    for (int64_t i = 0; i < rt_params_count(j->model->params); i++) {
        rt_param *p = rt_params_at(j->model->params, i);
        const rt_weight *w = find_weight(j, head, p->name);
        if (!w || rt_count(w->tensor) != rt_count(p->value))
            return rt_fail(j->err, RT_ERR_MISMATCH, rt_weights_path(head == TRAINED ? j->trained : j->model->weights), 0,
                           "has no weight '%s' of the right shape", p->name);
        rt_tensor t = without_adapters(j, head, p->name, w->tensor);
        rt_convert(p->value.data, p->value.dtype, t.data, t.dtype, rt_count(p->value));
    }
    rt_params_refresh(j->model->params);
    return RT_OK;
}

/* Both heads on the same structures: the first one's step leaves the trunk's outputs and the rollouts. */
static rt_status judge_target(job *j, const rt_sample *sample, rt_selection_target out[HEADS])
{
    rt_status status = RT_OK;
    const rt_features *f = &sample->features;
    rt_step_frozen frozen = rt_step_frozen_shapes(&j->model->config, f->n_token, f->n_atom, j->options->rollouts);
    rt_judge judge = {0};
    rt_step_loss loss;
    RT_TRY(rt_step_frozen_place(&frozen, &j->frozen_arena, j->err));
    for (int h = 0; h < HEADS; h++) {
        rt_step_given given = {.n_cycle = j->plan.options.most_cycles,
                               .opt_frozen = &frozen,
                               .opt_watcher = rt_judge_watch,
                               .user = &judge};
        RT_TRY(use_head(j, h));
        RT_TRY(rt_judge_begin(&judge, j->model, &sample->features, &sample->label, j->options->rollouts, j->err));
        RT_TRY(rt_step_run(j->ctx, j->model, &loss, &j->plan, &sample->features, &sample->label, &sample->key, &given,
                           false, false, j->err));
        RT_TRY(rt_judge_finish(&judge, j->ctx->pool, j->err));
        out[h] = judge.target;
        judge.target = (rt_selection_target){0};
        rt_judge_end(&judge);
    }
done:
    rt_judge_end(&judge);
    return status;
}

/* The number of a target's component among those that were judged before it; one more when it is new. */
static int64_t family_of(const job *j, int64_t index, const int64_t *judged, int64_t n_judged)
{
    const char *const *component = j->options->component;
    for (int64_t i = 0; i < n_judged; i++)
        if (strcmp(component[index], "-") != 0 && strcmp(component[judged[i]], component[index]) == 0)
            return j->data[BASE].target[i].family;
    return j->data[BASE].n_family;
}

/* A structure whose quality is not a number orders nothing: the target is left out. */
static bool is_usable(const rt_selection_target *t)
{
    for (int64_t k = 0; k < t->n; k++)
        if (isnan(t->sample[k].quality)) return false;
    return t->n > 0;
}

static void take_target(job *j, int64_t index, rt_selection_target target[HEADS], int64_t *judged)
{
    int64_t n = j->data[BASE].n_target, family = family_of(j, index, judged, n);
    judged[n] = index;
    for (int h = 0; h < HEADS; h++) {
        rt_selection_data *d = &j->data[h];
        target[h].family = family;
        if (family == d->n_family) d->n_family++;
        d->target[d->n_target++] = target[h];
        target[h] = (rt_selection_target){0};
    }
}

/* own_part: judges and keeps the targets that fall to this rank; else takes all of them, of which most are kept then. */
static rt_status judge_all(job *j, bool own_part)
{
    rt_status status = RT_OK;
    rt_err *err = j->err;
    const rt_choice_options *o = j->options;
    rt_validation_options held = {.set = o->set, .target = o->target, .n = o->n, .sample = o->sample, .plan = &j->plan,
                                  .seed = o->seed, .arena = j->sample_arena};
    rt_selection_target target[HEADS] = {0};
    int64_t *judged;
    RT_TRY_ALLOC(judged, o->n);
    for (int h = 0; h < HEADS; h++) RT_TRY_ALLOC(j->data[h].target, o->n);
    rt_progress_start("held-out target", o->n);
    for (int64_t i = own_part ? rt_ranks_self() : 0; i < o->n; i += own_part ? rt_ranks_count() : 1) {
        char path[PATH_MAX];
        const char *id = rt_dataset_at(o->set, o->target[i])->id;
        bool found, built = true;
        record_path(j, path, id);
        RT_TRY(read_record(j, path, target, &found));
        if (!found) {
            rt_sample sample;
            for (int h = 0; h < HEADS; h++) free_target(&target[h]);
            if ((j->report->stopped = rt_stop_requested())) goto done;
            rt_progress_label("%s", id);
            RT_TRY(rt_validation_build(&sample, &built, &held, i, err));
            if (built) {
                status = judge_target(j, &sample, target);
                rt_sample_free_members(&sample);
                if (status != RT_OK) goto done;
            }
        }
        for (int h = 0; h < HEADS; h++) snprintf(target[h].target, sizeof target[h].target, "%s", id);
        if (built && !found) RT_TRY(write_record(j, path, target));
        if (!own_part && built && is_usable(&target[BASE])) take_target(j, i, target, judged);
        else j->report->n_unusable += !own_part;
        for (int h = 0; h < HEADS; h++) free_target(&target[h]);
        rt_progress_step(i + 1);
    }
done:
    rt_progress_end();
    for (int h = 0; h < HEADS; h++) free_target(&target[h]);
    free(judged);
    return status;
}

/* Each rank its part, then rank 0 takes what all of them have judged. */
static rt_status judge_everything(job *j)
{
    rt_status status = RT_OK;
    if (rt_ranks_count() > 1) {
        rt_ranks_apart(true);
        status = judge_all(j, true);
        rt_ranks_apart(false);
        RT_TRY(rt_ranks_agree(status, j->err));
        j->report->stopped = rt_ranks_any(j->report->stopped);
    }
    if (!j->report->stopped && rt_ranks_lead()) status = judge_all(j, false);
    RT_TRY(rt_ranks_agree(status, j->err));
    j->report->stopped = rt_ranks_any(j->report->stopped);
done:
    return status;
}

/* ---- what comes out -----------------------------------------------------------------------------------------------
 */

static void add_arm(job *j, rt_text *table, const char *arm, const rt_selection *selection)
{
    for (int64_t i = 0; i < selection->n_row; i++) {
        const rt_selection_row *row = &selection->row[i];
        rt_text_add(table, "%s\t%s\t%s\t%s", arm, row->part, row->name, row->quantity);
        const double x[3] = {row->value, row->low, row->high};
        for (int k = 0; k < 3; k++) rt_text_add(table, isfinite(x[k]) ? "\t%.5f" : "\tNA", x[k]);
        rt_text_add(table, "\t%lld\n", (long long)row->n);
        json_array_append_new(j->report->rows,
                              json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:I}", "arm", arm, "part", row->part, "name",
                                        row->name, "quantity", row->quantity, "value", rt_json_number(x[0]), "ci95_low",
                                        rt_json_number(x[1]), "ci95_high", rt_json_number(x[2]), "n",
                                        (json_int_t)row->n));
    }
}

/* "top1_loss of ranking_score 0.1 -> 0.08, change -0.02 (-0.03 to -0.01)" of the rows that the phase is for. */
static void say_change(const rt_selection *base, const rt_selection *trained, const rt_selection *change)
{
    static const char *const ROW[][3] = {{"correlation", "plddt~lddt_all30", "spearman"},
                                         {"correlation", "ptm~tm_resid", "spearman"},
                                         {"calibration", "plddt~lddt_all30", "expected_error"},
                                         {"selector", "ranking_score", "top1_loss"},
                                         {"selector", "plddt", "top1_loss"},
                                         {"selector", "ranking_score", "best5_gain"},
                                         {"selector", "plddt", "best5_gain"}};
    for (size_t i = 0; i < sizeof ROW / sizeof *ROW; i++) {
        const char *const *r = ROW[i];
        const rt_selection_row *b = rt_selection_find(base, r[0], r[1], r[2]),
                               *t = rt_selection_find(trained, r[0], r[1], r[2]),
                               *c = rt_selection_find(change, r[0], r[1], r[2]);
        if (!b || !t || !c) continue;
        char interval[64] = "no interval: too few components";
        if (isfinite(c->low) && isfinite(c->high))
            snprintf(interval, sizeof interval, "95%%: %.4f to %.4f", c->low, c->high);
        rt_info("%s of %s: base %.4f, trained %.4f, change %.4f (%s)", r[2], r[1], b->value, t->value, c->value, interval);
    }
}

static rt_status write_ranking(job *j)
{
    rt_status status = RT_OK;
    rt_ranking ranking;
    rt_err why;
    char path[PATH_MAX], text[1024];
    rt_path_join(path, sizeof path, j->options->out, RT_RANKING_FILE);
    status = rt_ranking_fit(&ranking, &j->data[TRAINED], &why);
    if (status == RT_ERR_MISMATCH) {
        rt_err_print(&why, text, sizeof text);
        rt_warn("no learned ranking: %s", text);
        remove(path); /* one of an earlier validation is of another checkpoint */
        return RT_OK;
    }
    if (status != RT_OK) {
        *j->err = why;
        return status;
    }
    memcpy(ranking.checkpoint, j->trained_hash, sizeof ranking.checkpoint);
    j->report->ranking = rt_ranking_json(&ranking);
    if (!j->report->ranking) return rt_fail(j->err, RT_ERR_MEMORY, NULL, 0, "out of memory");
    RT_TRY(rt_json_save(j->report->ranking, path, j->err));
    j->report->ranked = true;
done:
    return status;
}

static rt_status report(job *j)
{
    rt_status status = RT_OK;
    char path[PATH_MAX];
    rt_selection s[HEADS] = {{0}}, change = {0}, against = {0};
    rt_text table = {0};
    rt_selection_options options = {.quality = rt_metric_find("tm_resid"),
                                    .lddt = rt_metric_find("lddt_all30"),
                                    .choose = CHOOSE,
                                    .n_resample = j->options->n_resample,
                                    .seed = j->options->seed};
    j->report->n_target = j->data[BASE].n_target, j->report->n_family = j->data[BASE].n_family;
    if (j->report->n_target == 0)
        return rt_fail(j->err, RT_ERR_MISMATCH, NULL, 0, "no held-out target could be judged");
    RT_TRY(write_ranking(j)); /* first: the learned score is then one of the trained head's selectors */
    for (int h = 0; h < HEADS; h++) RT_TRY(rt_selection_measure(&s[h], &j->data[h], &options, j->err));
    RT_TRY(rt_selection_change(&change, &j->data[BASE], &j->data[TRAINED], &options, j->err));
    RT_TRY(rt_selection_against_consensus(&against, &j->data[TRAINED], &options, j->err));
    rt_text_add(&table, "arm\tpart\tname\tquantity\tvalue\tci95_low\tci95_high\tn\n");
    for (int h = 0; h < HEADS; h++) add_arm(j, &table, HEAD_NAME[h], &s[h]);
    add_arm(j, &table, "change", &change);
    add_arm(j, &table, "against", &against);
    rt_path_join(path, sizeof path, j->options->out, RT_CHOICE_TABLE);
    if (table.failed) RT_TRY(rt_fail(j->err, RT_ERR_MEMORY, NULL, 0, "out of memory"));
    RT_TRY(rt_write_text(path, table.data, table.length, j->err));
    say_change(&s[BASE], &s[TRAINED], &change);
done:
    for (int h = 0; h < HEADS; h++) rt_selection_free_members(&s[h]);
    rt_selection_free_members(&change);
    rt_selection_free_members(&against);
    rt_text_free(&table);
    return status;
}

static rt_status find_key(job *j)
{
    char text[5 * RT_HASH_TEXT + 128];
    const rt_run_identity *id = j->options->identity;
    int n = snprintf(text, sizeof text, "%s %s %s %s %s %lld %lld", id->plan, id->data, id->base, id->code,
                     j->trained_hash, (long long)j->options->rollouts, (long long)j->options->rollout_steps);
    return rt_hash_bytes(j->key, text, n, j->err);
}

static int64_t most_elements(rt_params *params)
{
    int64_t most = 1;
    for (int64_t i = 0; i < rt_params_count(params); i++) {
        int64_t n = rt_count(rt_params_at(params, i)->value);
        if (n > most) most = n;
    }
    return most;
}

static rt_status open_files(job *j)
{
    rt_status status = RT_OK;
    rt_err *err = j->err;
    rt_path_join(j->folder, sizeof j->folder, j->options->out, "validation");
    RT_TRY(rt_make_folder(j->folder, err));
    RT_TRY(rt_hash_file(j->trained_hash, NULL, j->options->trained, err));
    RT_TRY(find_key(j));
    RT_TRY(rt_weights_open(&j->trained, j->options->trained, err));
    RT_TRY_ALLOC(j->merged, most_elements(j->model->params));
    RT_TRY(rt_arena_create(&j->sample_arena, "sample", SAMPLE_MEMORY, err));
done:
    return status;
}

rt_status rt_choice_run(rt_ctx *ctx, rt_model *model, const rt_choice_options *options, rt_choice_report *out_report,
                        rt_err *err)
{
    rt_status status = RT_OK;
    job j = {.ctx = ctx, .model = model, .options = options, .report = out_report, .err = err};
    rt_step_options step = options->step;
    *out_report = (rt_choice_report){.rows = json_array()};
    step.rollouts = options->rollouts, step.rollout_steps = options->rollout_steps, step.equal_steps = true;
    rt_step_plan_make(&j.plan, model, &step);
    RT_REQUIRE(options->rollouts >= 2);
    if (!rt_step_is_frozen(&j.plan)) {
        rt_fail(err, RT_ERR_MISMATCH, NULL, 0, "base and trained head cannot judge the same structures: more than the "
                                               "confidence head learned");
        return rt_ranks_agree(
            rt_hint(err, "the run itself is whole; 'rnatune predict' and 'score --selection' compare such networks"), err);
    }
    RT_TRY(rt_ranks_agree(open_files(&j), err));
    rt_info("validation of the choice among %lld structures of %lld steps on %lld held-out targets",
            (long long)options->rollouts, (long long)options->rollout_steps, (long long)options->n);
    RT_TRY(judge_everything(&j));
    if (!out_report->stopped && rt_ranks_lead()) status = report(&j);
    RT_TRY(rt_ranks_agree(status, err));
done:
    for (int h = 0; h < HEADS; h++) rt_selection_data_free_members(&j.data[h]);
    rt_weights_close(j.trained);
    free(j.merged);
    rt_arena_free(j.sample_arena);
    rt_arena_free(j.frozen_arena);
    return status;
}
