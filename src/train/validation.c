#include "train/validation.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/progress.h"
#include "base/ranks.h"
#include "train/judge.h"

static const uint64_t VALIDATION_KEY = 0x56414c4944415445; /* its draws are not those of any sample */
enum { CHOOSE = 5 };

const char *rt_validation_name(int number)
{
    static const char *const NAME[RT_VALIDATION_NUMBERS] = {"spearman_plddt", "spearman_ptm", "calibration_error",
                                                            "top1_loss"};
    return NAME[number];
}

rt_draw_key rt_validation_key(uint64_t seed, const rt_target *target)
{
    return (rt_draw_key){.seed = seed ^ VALIDATION_KEY, .stream = rt_hash_text(target->id)};
}

rt_status rt_validation_build(rt_sample *out_sample, bool *out_built, const rt_validation_options *options,
                              int64_t index, rt_err *err)
{
    char text[1024];
    rt_err why;
    const rt_target *target = rt_dataset_at(options->set, options->target[index]);
    rt_draw_key key = rt_validation_key(options->seed, target);
    rt_arena_reset(options->arena, 0);
    rt_sample_options as_it_is = *options->sample;
    as_it_is.opt_augment = NULL; /* what is measured is never augmented */
    rt_status status = rt_sample_build(out_sample, options->arena, &as_it_is, target, &key, false, &why);
    *out_built = status == RT_OK;
    if (status == RT_ERR_MEMORY) {
        *err = why;
        return status;
    }
    if (status == RT_OK) return RT_OK;
    rt_err_print(&why, text, sizeof text);
    rt_warn("a held-out target is left out: %s", text);
    return RT_OK;
}

/* What the selection's rows say in the order of the names. */
static rt_status find_numbers(rt_validation *out, const rt_selection_data *data, rt_err *err)
{
    static const struct {
        const char *part, *name, *quantity;
    } ROW[RT_VALIDATION_NUMBERS] = {{"correlation", "plddt~lddt_all30", "spearman"},
                                    {"correlation", "ptm~tm_resid", "spearman"},
                                    {"calibration", "plddt~lddt_all30", "expected_error"},
                                    {"selector", "ranking_score", "top1_loss"}};
    rt_selection selection;
    rt_selection_options options = {.quality = rt_metric_find("tm_resid"),
                                    .lddt = rt_metric_find("lddt_all30"),
                                    .choose = CHOOSE,
                                    .n_resample = 1};
    rt_status status = rt_selection_measure(&selection, data, &options, err);
    if (status != RT_OK) return status;
    for (int i = 0; i < RT_VALIDATION_NUMBERS; i++) {
        const rt_selection_row *row = rt_selection_find(&selection, ROW[i].part, ROW[i].name, ROW[i].quantity);
        out->number[i] = row && row->n > 0 ? row->value : NAN;
    }
    rt_selection_free_members(&selection);
    return RT_OK;
}

/* What came out for one target. */
typedef struct {
    bool built;
    rt_step_loss loss;
    rt_selection_target judged; /* its rollouts, where confidence counts; n 0: none */
} measured;

/* One target's losses and judged rollouts. */
static rt_status measure(rt_ctx *ctx, const rt_model *model, measured *out, const rt_validation_options *o,
                         const rt_sample *sample, rt_err *err)
{
    rt_status status = RT_OK;
    rt_judge judge = {0};
    rt_step_given given = {.n_cycle = o->plan->options.most_cycles};
    int64_t rollouts = rt_step_rollouts(&o->plan->options);
    if (o->plan->confidence) {
        RT_TRY(rt_judge_begin(&judge, model, &sample->features, &sample->label, rollouts, err));
        given.opt_watcher = rt_judge_watch, given.user = &judge;
    }
    RT_TRY(rt_trunk_cache_step(o->opt_cache, ctx, model, &out->loss, o->plan, &sample->features, &sample->label,
                               &sample->key, &given, false, false, err));
    out->judged = judge.target;
    judge.target = (rt_selection_target){0};
done:
    rt_judge_end(&judge);
    return status;
}

/* A mean of losses with one that is no number is none; which target's it was is said once. */
static void watch_loss(const rt_validation_options *o, int64_t index, const rt_step_loss *loss, bool *said)
{
    if (*said || isfinite(rt_step_total(&loss->term, &o->plan->options.weight))) return;
    rt_warn("%s: its held-out loss is no finite number, so that this validation has none",
            rt_dataset_at(o->set, o->target[index])->id);
    *said = true;
}

/* The targets that fall to this rank. */
static rt_status measure_own(rt_ctx *ctx, const rt_model *model, measured *out, const rt_validation_options *o,
                             rt_err *err)
{
    rt_status status = RT_OK;
    rt_progress_start("held-out target", o->n);
    for (int64_t i = rt_ranks_self(); i < o->n && !rt_stop_requested(); i += rt_ranks_count()) {
        rt_sample sample;
        rt_progress_label("%s", rt_dataset_at(o->set, o->target[i])->id);
        RT_TRY(rt_validation_build(&sample, &out[i].built, o, i, err));
        if (!out[i].built) continue;
        status = measure(ctx, model, &out[i], o, &sample, err);
        rt_sample_free_members(&sample);
        if (status != RT_OK) goto done;
        rt_progress_step(i + 1);
    }
done:
    rt_progress_end();
    return status;
}

/* What each rank measured, to all of them. */
static rt_status exchange(measured *all, int64_t n, rt_err *err)
{
    rt_status status = RT_OK;
    for (int64_t i = 0; i < n && rt_ranks_count() > 1; i++) {
        int owner = (int)(i % rt_ranks_count());
        rt_selection_target *t = &all[i].judged;
        rt_ranks_share(&all[i], sizeof all[i], owner);
        if (owner != rt_ranks_self()) {
            t->sample = NULL, t->pairs = NULL; /* the owner's memory */
            if (t->n > 0) RT_TRY_ALLOC(t->sample, t->n);
        }
        rt_ranks_share(t->sample, t->n * (int64_t)sizeof *t->sample, owner);
    }
done:
    return status;
}

/* Means in the order of the targets. */
static rt_status sum_up(rt_validation *out, measured *all, const rt_validation_options *o, rt_err *err)
{
    rt_status status = RT_OK;
    rt_step_terms sum = {0};
    rt_selection_data data = {0};
    int64_t n = 0;
    bool said = false;
    for (int64_t i = 0; o->opt_of && i < o->n; i++)
        for (int k = 0; k < RT_TERMS; k++) *rt_terms_at(&o->opt_of[i], k) = NAN;
    RT_TRY_ALLOC(data.target, o->n);
    for (int64_t i = 0; i < o->n; i++) {
        out->n_unusable += !all[i].built;
        if (all[i].built && all[i].loss.counts) {
            rt_terms_add(&sum, all[i].loss.term, 1), n++;
            if (o->opt_of) o->opt_of[i] = all[i].loss.term;
            watch_loss(o, i, &all[i].loss, &said);
        }
        if (all[i].judged.n < 1) continue;
        all[i].judged.family = data.n_family++; /* no interval is asked for: each its own */
        data.target[data.n_target++] = all[i].judged;
        all[i].judged = (rt_selection_target){0};
    }
    rt_terms_add(&out->term, sum, n > 0 ? 1.0 / (double)n : NAN);
    if (n == 0) rt_warn("none of the %lld held-out targets has a loss that counts: this validation has none", (long long)o->n);
    if (data.n_target > 0) RT_TRY(find_numbers(out, &data, err));
done:
    rt_selection_data_free_members(&data);
    return status;
}

rt_status rt_validation_run(rt_ctx *ctx, const rt_model *model, rt_validation *out, bool *out_done,
                            const rt_validation_options *options, rt_err *err)
{
    rt_status status = RT_OK;
    measured *all = NULL;
    *out = (rt_validation){.number = {NAN, NAN, NAN, NAN}};
    *out_done = false;
    RT_TRY_ALLOC(all, options->n);
    rt_ranks_apart(true);
    status = measure_own(ctx, model, all, options, err);
    rt_ranks_apart(false);
    RT_TRY(rt_ranks_agree(status, err));
    if (rt_ranks_any(rt_stop_requested())) goto done;
    RT_TRY(exchange(all, options->n, err));
    RT_TRY(sum_up(out, all, options, err));
    *out_done = true;
done:
    for (int64_t i = 0; all && i < options->n; i++) {
        free(all[i].judged.sample);
        free(all[i].judged.pairs);
    }
    free(all);
    return status;
}

static void print_number(FILE *out, double value)
{
    if (isfinite(value)) fprintf(out, "\t%.9g", value);
    else fputs("\tNA", out);
}

rt_status rt_validation_write(const char *path, const rt_validation_options *options, const rt_step_terms *of,
                              const char *const *opt_component, rt_err *err)
{
    const rt_validation_options *o = options;
    rt_writer *writer;
    rt_status status = rt_writer_open(&writer, path, err);
    if (status != RT_OK) return status;
    FILE *out = rt_writer_stream(writer);
    fputs("target\tfamily\tloss", out);
    for (int k = 0; k < RT_TERMS; k++)
        if (rt_terms_has(o->plan, k)) fprintf(out, "\t%s", rt_terms_name(k));
    fputc('\n', out);
    for (int64_t i = 0; i < o->n; i++) {
        const char *id = rt_dataset_at(o->set, o->target[i])->id, *component = opt_component ? opt_component[i] : "-";
        rt_step_terms terms = of[i];
        fprintf(out, "%s\t%s", id, strcmp(component, "-") == 0 ? id : component);   /* one of its own */
        print_number(out, rt_step_total(&terms, &o->plan->options.weight));
        for (int k = 0; k < RT_TERMS; k++)
            if (rt_terms_has(o->plan, k)) print_number(out, *rt_terms_at(&terms, k));
        fputc('\n', out);
    }
    return rt_writer_commit(writer, err);
}
