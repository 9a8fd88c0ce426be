/* predict_passes.c - which folds a target gets: checkpoints x seeds x template sets x trunk passes, or the reference's five */
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/rng.h"
#include "predict_run.h"

static rt_status check_sets(const rt_predict_options *o, const rt_input *input, int64_t available, rt_err *err)
{
    for (int i = 0; i < o->n_template_set && available; i++)
        if (o->template_idx[i] >= available) {
            rt_fail(err, RT_ERR_MISMATCH, o->opt_templates, 0,
                    "target '%s': template_idx %lld wants %lld templates, the file has %lld", input->target,
                    (long long)o->template_idx[i], (long long)o->template_idx[i] + 1, (long long)available);
            return rt_hint(err, "template_idx i uses the templates 0 to i");
        }
    return RT_OK;
}

/* Templates 0 .. i for the i-th of five runs, one trunk and one sample each.  A target with fewer templates has its last set
 * again, with other random numbers: the reference would fail there. */
static void list_rnapro(rt_predict_plan *plan, rt_predict_pass like, const rt_predict_options *o, int64_t available)
{
    for (int64_t checkpoint = 0; checkpoint < o->n_checkpoint; checkpoint++)
        for (int seed = 0; seed < o->n_seed; seed++)
            for (int64_t i = 0; i < RT_SUBMISSION_MODELS; i++) {
                rt_predict_pass pass = like;
                int64_t last = available > 0 ? available - 1 : 0, set = i < last ? i : last;
                pass.checkpoint = checkpoint;
                pass.seed = o->seed[seed];
                pass.template_idx = available ? set : -1;
                pass.trunk_pass = i - set;
                plan->pass[plan->n_pass++] = pass;
            }
}

static void list_ranked(rt_predict_plan *plan, rt_predict_pass like, const rt_predict_options *o, int64_t available)
{
    int sets = available ? o->n_template_set : 1;
    for (int64_t trunk = 0; trunk < o->n_trunk; trunk++)
        for (int64_t checkpoint = 0; checkpoint < o->n_checkpoint; checkpoint++)
            for (int seed = 0; seed < o->n_seed; seed++)
                for (int set = 0; set < sets; set++) {
                    rt_predict_pass pass = like;
                    pass.checkpoint = checkpoint;
                    pass.seed = o->seed[seed];
                    pass.template_idx = available ? o->template_idx[set] : -1;
                    pass.trunk_pass = trunk;
                    plan->pass[plan->n_pass++] = pass;
                }
}

rt_status rt_predict_passes_list(const rt_predict_run *r, const rt_input *input, rt_predict_plan *out_plan, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_predict_options *o = r->options;
    bool rnapro = o->protocol == RT_PROTOCOL_RNAPRO;
    int64_t available = rt_predict_inputs_templates(r, input);
    int64_t most = (int64_t)o->n_checkpoint * o->n_seed * (rnapro ? RT_SUBMISSION_MODELS : o->n_trunk * o->n_template_set);
    *out_plan = (rt_predict_plan){0};
    RT_TRY_ALLOC(out_plan->pass, most);
    if (!rnapro) RT_TRY(check_sets(o, input, available, err));
    rt_predict_pass like = {.n_cycle = r->report->n_cycle, .n_step = r->report->n_step,
                            .n_sample = rnapro ? 1 : r->report->n_sample};
    if (rnapro) list_rnapro(out_plan, like, o, available);
    else list_ranked(out_plan, like, o, available);
    out_plan->asked = like;
    out_plan->asked_passes = out_plan->n_pass;
done:
    return status;
}

void rt_predict_passes_free(rt_predict_plan *plan)
{
    free(plan->pass);
    *plan = (rt_predict_plan){0};
}

uint64_t rt_predict_passes_stream(const rt_input *input, int64_t trunk_pass)
{
    return rt_hash_text(input->target) + (uint64_t)trunk_pass * 0xD1B54A32D192ED03ull;
}

void rt_predict_passes_work(const rt_predict_run *r, const rt_features *features, const rt_predict_plan *plan,
                            double out_work[RT_STAGE_COUNT])
{
    for (int i = 0; i < RT_STAGE_COUNT; i++) out_work[i] = 0;
    for (int64_t p = 0; p < plan->n_pass; p++) {
        const rt_predict_pass *pass = &plan->pass[p];
        double work[RT_STAGE_COUNT];
        rt_fold_options options = {.n_cycle = pass->n_cycle, .n_step = pass->n_step, .n_sample = pass->n_sample};
        rt_fold_work(work, &r->model[pass->checkpoint]->config, features, &options);
        for (int i = 0; i < RT_STAGE_COUNT; i++) out_work[i] += work[i];
    }
}

json_t *rt_predict_passes_json(const rt_predict_run *r, const rt_predict_plan *plan)
{
    static const char *const RANKED_BY[] = {"ranking_score", "ptm", "plddt", "gpde", "learned", "nothing"};
    const rt_predict_options *o = r->options;
    const rt_predict_pass *first = &plan->pass[0];
    bool rnapro = o->protocol == RT_PROTOCOL_RNAPRO;
    json_t *json = json_pack("{s:s, s:I, s:I, s:I, s:I, s:s}", "name", rnapro ? "rnapro" : "ranked", "passes",
                             (json_int_t)plan->n_pass, "cycles", (json_int_t)first->n_cycle, "steps",
                             (json_int_t)first->n_step, "samples", (json_int_t)first->n_sample, "ranked_by",
                             RANKED_BY[rnapro ? RT_RANK_BY_NOTHING : o->rank_by]);
    json_t *seeds = json_array(), *sets = json_array();
    for (int i = 0; i < o->n_seed; i++) json_array_append_new(seeds, json_integer((json_int_t)o->seed[i]));
    for (int i = 0; i < o->n_template_set && !rnapro; i++) json_array_append_new(sets, json_integer(o->template_idx[i]));
    for (int i = 0; i < RT_SUBMISSION_MODELS && rnapro; i++) json_array_append_new(sets, json_integer(i));
    json_object_set_new(json, "seeds", seeds);
    json_object_set_new(json, "template_idx", sets);
    if (plan->shortened)
        json_object_set_new(json, "shortened_by_time_budget_from",
                            json_pack("{s:I, s:I, s:I, s:I}", "passes", (json_int_t)plan->asked_passes, "cycles",
                                      (json_int_t)plan->asked.n_cycle, "steps", (json_int_t)plan->asked.n_step, "samples",
                                      (json_int_t)plan->asked.n_sample));
    return json;
}
