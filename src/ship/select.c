#include "ship/select.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/pool.h"
#include "base/progress.h"
#include "confidence/structure_scores.h"
#include "score/bootstrap.h"
#include "score/score.h"

/* What is known of a target's candidates while it is worked on. */
typedef struct {
    rt_candidate_list list;
    double *tm;          /* (n,n) TM-scores between candidates; NULL: not wanted */
    double *score;       /* (RT_SELECT_SCORES, n) */
    double *quality;     /* (n) TM-score to the native; NULL: no native */
    int64_t chosen[RT_SUBMISSION_MODELS], n_chosen;
} target_state;

typedef struct {
    const rt_select_options *options;
    rt_select_report *report;
    rt_pool *pool;
    rt_tm *tm;
    rt_score_set natives;
    rt_rule_values values;
} job;

static bool is_lower(int score) { return score == RT_SELECT_GPDE; }

/* ---- candidates with everything that is known of them ---- */

static rt_status compare_candidates(target_state *t, job *j, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t n = t->list.n, length = t->list.length;
    double *c1 = NULL;
    RT_TRY_ALLOC(c1, n * length * 3);
    RT_TRY_ALLOC(t->tm, n * n);
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < 3 * length; k++) c1[3 * length * i + k] = t->list.item[i].c1[k];
    RT_TRY(rt_structure_similarity(t->tm, j->pool, c1, n, length, err));
done:
    free(c1);
    return status;
}

/* As the competition sees it: one chain, numbered from 1, in a PDB file's digits. */
static rt_status build_molecule(rt_molecule *out, const rt_candidate_list *list, const float *c1, rt_err *err)
{
    rt_status status = rt_molecule_create(out, list->length, 1, 0, err);
    if (status != RT_OK) return status;
    out->chain[0].n = out->n_resolved = list->length;
    for (int64_t r = 0; r < list->length; r++) {
        rt_molecule_residue *residue = &out->residue[r];
        *residue = (rt_molecule_residue){.letter = list->sequence[r], .number = (int32_t)r + 1, .label = (int32_t)r + 1,
                                         .resolved = true};
        if (!strchr("ACGU", residue->letter)) residue->letter = 'N';
        for (int d = 0; d < 3; d++) residue->xyz[d] = round((double)c1[3 * r + d] * 1000) / 1000;
    }
    return RT_OK;
}

/* TM-scores by residue number to the native; none when there is no native, or none that fits. */
static rt_status score_candidates(target_state *t, job *j, rt_err *err)
{
    rt_status status = RT_OK;
    rt_score_item *native = rt_score_set_find(&j->natives, t->list.target);
    rt_score_options options = {.atom = "C1'", .number = true, .threads = 1};
    if (!native) return RT_OK;
    RT_TRY(rt_score_item_load(native, "C1'", err));
    RT_TRY_ALLOC(t->quality, t->list.n);
    for (int64_t i = 0; i < t->list.n; i++) {
        rt_score_row row;
        rt_score_pose pose;
        rt_molecule molecule;
        rt_score_row_init(&row);
        RT_TRY(build_molecule(&molecule, &t->list, t->list.item[i].c1, err));
        status = rt_score_model(&row, &pose, j->tm, native->molecule, native->n_molecule, &molecule, &options, NULL, err);
        rt_molecule_free_members(&molecule);
        RT_TRY(status);
        t->quality[i] = row.tm_resid;
    }
    j->report->n_native++;
done:
    if (native) rt_score_item_unload(native);
    return status;
}

static rt_status open_target(target_state *t, job *j, int64_t target, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_select_options *o = j->options;
    RT_TRY(rt_candidates_load(j->report->candidates, &t->list, target, err));
    int64_t n = t->list.n;
    j->report->n_candidate += n;
    if (n == 0) return RT_OK;
    RT_TRY_ALLOC(t->score, RT_SELECT_SCORES * n);
    for (int s = 0; s < RT_SELECT_SCORES; s++)
        for (int64_t i = 0; i < n; i++) t->score[s * n + i] = t->list.item[i].own.score[s];
    if (o->rule >= RT_SELECT_SCORES || o->opt_native) RT_TRY(compare_candidates(t, j, err));
    if (o->opt_native) RT_TRY(score_candidates(t, j, err));
done:
    return status;
}

static void close_target(target_state *t)
{
    free(t->tm);
    free(t->score);
    free(t->quality);
    rt_candidate_list_free_members(&t->list);
}

/* ---- rules ---- */

/* A sample of ours that lacks the score cannot be placed by it. */
static rt_status check_score(const target_state *t, const job *j, int score, rt_err *err)
{
    for (int64_t i = 0; i < t->list.n; i++) {
        const rt_candidate *c = &t->list.item[i];
        const rt_candidates_source *source = rt_candidates_source_at(j->report->candidates, c->source);
        if (!source->own || !isnan(c->own.score[score])) continue;
        rt_fail(err, RT_ERR_MISMATCH, source->path, 0, "sample %lld of %s has no %s", (long long)c->own.sample, t->list.target,
                rt_selection_score_name(score));
        return rt_hint(err, score == RT_SELECT_LEARNED ? "'rnatune predict --rank-by learned' writes it; or another rule"
                                                       : "take another rule");
    }
    return RT_OK;
}

/* Numbers of candidates that a rule submits. */
static rt_status choose(int64_t *out_chosen, int64_t *out_n, const target_state *t, const job *j, int rule, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t n = t->list.n, keep = j->options->keep;
    double *confidence = NULL;
    if (rule < RT_SELECT_SCORES)
        return rt_choose_by_score(out_chosen, out_n, t->score + rule * n, is_lower(rule), n, keep, err);
    if (rule == RT_RULE_CONSENSUS) return rt_choose_by_likeness(out_chosen, out_n, t->tm, NULL, n, keep, err);
    int score = j->report->confidence;
    RT_TRY_ALLOC(confidence, n);
    for (int64_t i = 0; i < n; i++) confidence[i] = t->score[score * n + i] * (is_lower(score) ? -1 : 1);
    RT_TRY(rt_choose_by_likeness(out_chosen, out_n, t->tm, confidence, n, keep, err));
done:
    free(confidence);
    return status;
}

/* What every rule reaches on a target with a native. */
static rt_status value_rules(const target_state *t, job *j, int64_t target, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t chosen[RT_SUBMISSION_MODELS], n = t->list.n, n_chosen;
    double *sorted = NULL, sum = 0;
    json_t *record = json_object();
    if (!t->quality) goto done;
    for (int rule = 0; rule < RT_RULES; rule++) {
        RT_TRY(choose(chosen, &n_chosen, t, j, rule, err));
        if (!n_chosen) continue;
        double best = -INFINITY;
        for (int64_t k = 0; k < n_chosen; k++) best = fmax(best, t->quality[chosen[k]]);
        *rt_rule_value_at(&j->values, rule, RT_GAIN_TOP1, target) = t->quality[chosen[0]];
        *rt_rule_value_at(&j->values, rule, RT_GAIN_BEST, target) = best;
    }
    RT_TRY_ALLOC(sorted, n);
    for (int64_t i = 0; i < n; i++) sorted[i] = t->quality[i], sum += sorted[i];
    rt_bootstrap_sort(sorted, n);
    *rt_rule_value_at(&j->values, RT_GAIN_RANDOM, RT_GAIN_TOP1, target) = sum / (double)n;
    *rt_rule_value_at(&j->values, RT_GAIN_RANDOM, RT_GAIN_BEST, target) =
        rt_selection_expected_best(sorted, n, j->options->keep);
    for (int q = 0; q < RT_GAIN_QUANTITIES; q++) *rt_rule_value_at(&j->values, RT_GAIN_ORACLE, q, target) = sorted[n - 1];
    for (int row = 0; row < RT_GAIN_ROWS; row++)
        json_object_set_new(record, rt_rule_gain_name(row),
                            json_pack("[oo]", rt_json_number(*rt_rule_value_at(&j->values, row, RT_GAIN_TOP1, target)),
                                      rt_json_number(*rt_rule_value_at(&j->values, row, RT_GAIN_BEST, target))));
    json_object_set(j->report->values, t->list.target, record);
done:
    json_decref(record);
    free(sorted);
    return status;
}

/* ---- the table ---- */

/* How many candidates a chosen one is the most alike of the chosen; out (n_chosen). */
static void count_stood_for(int64_t *out, const target_state *t)
{
    memset(out, 0, (size_t)t->n_chosen * sizeof *out);
    for (int64_t i = 0; i < t->list.n; i++) {
        int64_t nearest = 0;
        for (int64_t k = 1; k < t->n_chosen; k++)
            if (t->tm[i * t->list.n + t->chosen[k]] > t->tm[i * t->list.n + t->chosen[nearest]]) nearest = k;
        out[nearest]++;
    }
}

static void print_number(rt_text *out, double x, int decimals)
{
    if (isnan(x)) rt_text_add(out, "\tNA");
    else rt_text_add(out, "\t%.*f", decimals, x);
}

static void print_choice(rt_text *out, const target_state *t, const job *j, int64_t rank, const int64_t *stood_for)
{
    int64_t n = t->list.n, me = t->chosen[rank];
    const rt_candidate *c = &t->list.item[me];
    int rule = j->options->rule, score = rule == RT_RULE_MIXED ? j->report->confidence : rule;
    double mean = NAN, nearest = NAN;
    for (int64_t k = 0; k < rank && t->tm; k++) nearest = fmax(nearest, t->tm[me * n + t->chosen[k]]);
    for (int64_t i = 0; i < n && t->tm && n > 1; i++)
        if (i != me) mean = (isnan(mean) ? 0 : mean) + t->tm[me * n + i] / (double)(n - 1);
    rt_text_add(out, "%s\t%lld\t%s\t%s\t%s", t->list.target, (long long)rank + 1,
                rt_candidates_source_at(j->report->candidates, c->source)->path, c->checkpoint[0] ? c->checkpoint : "NA",
                c->model);
    if (c->own.sample >= 0) rt_text_add(out, "\t%lld\t", (long long)c->own.sample);
    else rt_text_add(out, "\tNA\t");
    if (rule >= RT_SELECT_SCORES)
        rt_text_add(out, "most like %lld of %lld", (long long)stood_for[rank], (long long)n);
    if (rule == RT_RULE_MIXED) rt_text_add(out, ", ");
    if (rule == RT_RULE_MIXED && isnan(t->score[score * n + me])) rt_text_add(out, "no confidence");
    else if (rule != RT_RULE_CONSENSUS) {
        int64_t place = 1, known = 0;
        for (int64_t i = 0; i < n; i++) {
            double other = t->score[score * n + i], mine = t->score[score * n + me];
            known += !isnan(other);
            place += is_lower(score) ? other < mine : other > mine;
        }
        rt_text_add(out, "%s in place %lld of %lld", rt_selection_score_name(score), (long long)place, (long long)known);
    }
    for (int s = 0; s < RT_SELECT_SCORES; s++) print_number(out, c->own.score[s], 6);
    print_number(out, mean, 5);
    print_number(out, nearest, 5);
    if (j->options->opt_native) print_number(out, t->quality ? t->quality[me] : NAN, 5);
    rt_text_add(out, "\n");
}

static void print_header(rt_text *out, bool native)
{
    rt_text_add(out, "target\trank\tsource\tcheckpoint\tmodel\tsample\twhy");
    for (int s = 0; s < RT_SELECT_SCORES; s++) rt_text_add(out, "\t%s", rt_selection_score_name(s));
    rt_text_add(out, "\tmean_tm\tnearest_tm%s\n", native ? "\ttm_native" : "");
}

/* ---- the run ---- */

static rt_status submit(target_state *t, job *j, rt_err *err)
{
    rt_status status = RT_OK;
    const float *c1[RT_SUBMISSION_MODELS];
    int64_t stood_for[RT_SUBMISSION_MODELS] = {0};
    rt_select_report *r = j->report;
    if (t->list.n && j->options->rule < RT_SELECT_SCORES) RT_TRY(check_score(t, j, j->options->rule, err));
    if (t->list.n) RT_TRY(choose(t->chosen, &t->n_chosen, t, j, j->options->rule, err));
    if (t->n_chosen == 0 && !r->n_empty++) snprintf(r->empty, sizeof r->empty, "%s", t->list.target);
    if (t->n_chosen > 0 && t->n_chosen < j->options->keep) r->n_few++;
    if (t->tm) count_stood_for(stood_for, t);
    for (int64_t k = 0; k < t->n_chosen; k++) {
        c1[k] = t->list.item[t->chosen[k]].c1;
        print_choice(&r->table, t, j, k, stood_for);
    }
    RT_TRY(rt_submission_add(r->submission, t->list.target, t->list.sequence, c1, t->n_chosen, err));
done:
    return status;
}

static rt_status run_target(job *j, int64_t target, rt_err *err)
{
    rt_status status = RT_OK;
    target_state t = {0};
    RT_TRY(open_target(&t, j, target, err));
    RT_TRY(submit(&t, j, err));
    if (j->options->opt_native) RT_TRY(value_rules(&t, j, target, err));
done:
    close_target(&t);
    return status;
}

/* True when every sample of ours of every target has the score: the summaries alone are read. */
static rt_status has_score(bool *out_has, const rt_select_options *o, const rt_candidates *c, int score, rt_err *err)
{
    rt_status status = RT_OK;
    json_t *summary = NULL;
    *out_has = true;
    for (int p = 0; p < o->candidates.n_pred; p++)
        for (int64_t t = 0; t < rt_candidates_targets(c) && *out_has; t++) {
            char folder[4200], path[4400];
            const json_t *sample;
            size_t i;
            rt_path_join(folder, sizeof folder, o->candidates.pred[p], rt_candidates_target(c, t));
            rt_path_join(path, sizeof path, folder, "summary.json");
            if (!rt_file_exists(path)) continue;
            RT_TRY(rt_json_load(&summary, path, err));
            json_array_foreach(json_object_get(summary, "samples"), i, sample)
                *out_has = *out_has && json_is_number(json_object_get(sample, rt_selection_score_name(score)));
            json_decref(summary);
            summary = NULL;
        }
done:
    json_decref(summary);
    return status;
}

/* A rule that knows only scores has no place for a structure without them. */
static rt_status check_rule(const rt_select_options *o, rt_err *err)
{
    if (o->rule >= RT_SELECT_SCORES || o->candidates.n_pool == 0) return RT_OK;
    rt_fail(err, RT_ERR_USAGE, NULL, 0, "--rule %s cannot place %s: outside predictions have no %s", rt_rule_name(o->rule),
            o->candidates.pool[0], rt_rule_name(o->rule));
    return rt_hint(err, "--rule mixed places them by consensus, beside ours by confidence and consensus");
}

static rt_status open_natives(job *j, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_select_options *o = j->options;
    rt_score_set named = {0};
    char path[4200];
    int64_t known = 0, n = rt_candidates_targets(j->report->candidates);
    if (!o->opt_native) return RT_OK;
    RT_TRY(rt_score_set_natives(&j->natives, o->opt_native, "C1'", err));
    for (int p = 0; p < o->candidates.n_pred; p++) {   /* finds the chains that targets such as 1DQH_B name */
        rt_path_join(path, sizeof path, o->candidates.pred[p], "submission.csv");
        RT_TRY(rt_score_set_models(&named, path, &j->natives, "C1'", err));
        rt_score_set_free_members(&named);
    }
    RT_TRY(rt_rule_values_create(&j->values, n, err));
    for (int64_t i = 0; i < n; i++) {
        j->values.target[i] = rt_candidates_target(j->report->candidates, i);
        known += rt_score_set_find(&j->natives, j->values.target[i]) != NULL;
    }
    j->report->values = json_object();
    if (!known) RT_TRY(rt_fail(err, RT_ERR_MISMATCH, o->opt_native, 0, "holds no native of any target of %s",
                               o->candidates.pred[0]));
    RT_TRY(rt_tm_create(&j->tm, err));
done:
    rt_score_set_free_members(&named);
    return status;
}

static rt_status open_job(job *j, rt_err *err)
{
    rt_status status = RT_OK;
    rt_select_report *r = j->report;
    const rt_select_options *o = j->options;
    RT_TRY(check_rule(o, err));
    RT_TRY(rt_candidates_open(&r->candidates, &o->candidates, err));
    r->n_target = rt_candidates_targets(r->candidates);
    r->confidence = o->confidence;
    if (o->rule != RT_RULE_MIXED && !o->opt_native) r->confidence = -1;
    else if (r->confidence < 0) {
        bool learned;
        RT_TRY(has_score(&learned, o, r->candidates, RT_SELECT_LEARNED, err));
        r->confidence = learned ? RT_SELECT_LEARNED : RT_SELECT_PTM;
    }
    RT_TRY(rt_submission_create(&r->submission, err));
    for (int64_t i = 0; i < r->n_target; i++)
        RT_TRY(rt_submission_reserve(r->submission, rt_candidates_target(r->candidates, i),
                                     rt_candidates_sequence(r->candidates, i), err));
    RT_TRY(open_natives(j, err));
    RT_TRY(rt_pool_create(&j->pool, o->threads, err));
    print_header(&r->table, o->opt_native != NULL);
done:
    return status;
}

rt_status rt_select_run(rt_select_report *out_report, const rt_select_options *options, rt_err *err)
{
    rt_status status = RT_OK;
    job j = {.options = options, .report = out_report};
    *out_report = (rt_select_report){0};
    RT_REQUIRE(options->keep >= 1 && options->keep <= RT_SUBMISSION_MODELS);
    RT_TRY(open_job(&j, err));
    rt_progress_start(NULL, out_report->n_target);
    for (int64_t i = 0; i < out_report->n_target && status == RT_OK; i++) {
        if (rt_stop_requested()) status = rt_fail(err, RT_ERR_STOPPED, NULL, 0, "stopped; nothing was written");
        else status = run_target(&j, i, err);
        rt_progress_step(i + 1);
    }
    rt_progress_end();
    RT_TRY(status);
    if (out_report->table.failed) RT_TRY(rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory for the table"));
    if (options->opt_native) RT_TRY(rt_rule_gain_find(&out_report->gain, &j.values, &options->gain, err));
    out_report->has_gain = options->opt_native != NULL;
done:
    rt_rule_values_free_members(&j.values);
    rt_score_set_free_members(&j.natives);
    rt_tm_free(j.tm);
    rt_pool_free(j.pool);
    return status;
}

void rt_select_report_free_members(rt_select_report *report)
{
    rt_candidates_close(report->candidates);
    rt_submission_free(report->submission);
    rt_text_free(&report->table);
    json_decref(report->values);
    *report = (rt_select_report){0};
}
