#include "cli/augment_options.h"

#include <string.h>

#include "base/log.h"
#include "prep/audit.h"

static rt_status need(const rt_options *o, const char *name, const char *what, rt_err *err)
{
    if (rt_option_count(o, name) > 0 || rt_option_has(o, name)) return RT_OK;
    rt_fail(err, RT_ERR_USAGE, NULL, 0, "augmentation homolog needs --%s", name);
    return rt_hint(err, "%s", what);
}

static rt_status open_homologs(rt_augment_inputs *x, rt_augment_set_options *to, const rt_options *o, rt_run_record *record,
                               rt_err *err)
{
    rt_status status = RT_OK;
    if (!(to->plan.on & RT_AUGMENT_BIT(RT_AUGMENT_HOMOLOG))) return RT_OK;
    RT_TRY(need(o, "families", "the table that 'rnatune families' writes says which family a target is of", err));
    RT_TRY(need(o, "seeds", "Rfam.seed, or the families' own Stockholm files", err));
    RT_TRY(rt_family_table_read(&x->families, rt_option_text(o, "families"), err));
    if (record) RT_TRY(rt_run_record_input(record, "families", rt_option_text(o, "families"), err));
    for (int i = 0; i < rt_option_count(o, "seeds"); i++) {
        RT_TRY(rt_seeds_read(&x->seeds, rt_option_at(o, "seeds", i), err));
        if (record) RT_TRY(rt_run_record_input(record, "seeds", rt_option_at(o, "seeds", i), err));
    }
    to->opt_families = &x->families;
    to->opt_seeds = &x->seeds;
done:
    return status;
}

static rt_status open_predictor(rt_augment_inputs *x, rt_augment_set_options *to, const rt_options *o, rt_err *err)
{
    rt_predictor_options options = {.opt_cache = rt_option_text(o, "pairs-cache"), .min_prob = 0.01};
    if (!(to->plan.on & RT_AUGMENT_BIT(RT_AUGMENT_COMPENSATORY))) return RT_OK;
    double asked = rt_augment_value(&to->plan, RT_AUGMENT_COMPENSATORY, "min-p");
    if (asked > 0 && asked < options.min_prob) options.min_prob = asked;   /* 0 lets every pair pass, listed or not */
    RT_REQUIRE(rt_predict_method_find(&options.method, rt_option_text(o, "pairs-by")));
    rt_status status = rt_predictor_open(&x->predictor, &options, err);
    to->opt_predictor = x->predictor;
    return status;
}

rt_status rt_augment_inputs_open(rt_augment_inputs *inputs, rt_augment_plan *plan, const rt_options *options,
                                 const rt_dataset *set, const int64_t *target, int64_t n_target, const rt_split *opt_split,
                                 const char *split_path, rt_pool *pool, rt_run_record *record, rt_err *err)
{
    rt_status status = RT_OK;
    for (int i = 0; i < rt_option_count(options, "augment"); i++)
        RT_TRY(rt_augment_plan_add(plan, rt_option_at(options, "augment", i), err));
    if (!plan->on) return RT_OK;
    rt_augment_set_options to = {.set = set, .target = target, .n_target = n_target, .plan = *plan,
                                 .variants = rt_option_int(options, "variants"),
                                 .longest = rt_option_int(options, "pairs-longest"), .around = true,
                                 .identity = RT_AUDIT_IDENTITY, .chance = RT_AUDIT_CHANCE, .opt_split = opt_split};
    RT_TRY(open_homologs(inputs, &to, options, record, err));
    RT_TRY(open_predictor(inputs, &to, options, err));
    if (split_path) {
        RT_TRY(rt_audit_read_limits(&to.identity, &to.chance, &inputs->held, split_path, err));
        to.opt_held = &inputs->held;
    }
    RT_TRY(rt_augment_set_open(&inputs->set, &to, pool, err));
    rt_augment_inputs_say(inputs->set);
done:
    return status;
}

void rt_augment_inputs_close(rt_augment_inputs *inputs)
{
    rt_augment_set_close(inputs->set);
    rt_predictor_close(inputs->predictor);
    rt_seeds_free_members(&inputs->seeds);
    rt_family_table_free_members(&inputs->families);
    rt_held_out_free_members(&inputs->held);
    *inputs = (rt_augment_inputs){0};
}

/* ---- what came of it --------------------------------------------------------------------------------------------- */

void rt_augment_inputs_say(const rt_augment_set *set)
{
    const rt_augment_summary *s = rt_augment_set_summary(set);
    if (!rt_augment_sequence_bits(rt_augment_set_plan(set))) return;
    rt_info("augmentation: %lld of %lld targets have changed sequences, %.2f distinct ones each with their own; %lld variants "
            "too near a held-out sequence and %lld beyond their family's limit are refused", (long long)s->changed_targets,
            (long long)s->targets, s->changed_targets ? (double)s->sequences / (double)s->changed_targets : 1.0,
            (long long)s->refused, (long long)s->limited);
    if (s->surroundings < s->targets)
        rt_info("augmentation: of %lld targets the structure's file is not here; contacts with proteins, ligands and other "
                "chains are unknown there", (long long)(s->targets - s->surroundings));
}

enum { COUNTS = 5, ALWAYS = 3 };
static const char *const COUNT_NAME[COUNTS] = {"drawn", "applied", "changes", "masked", "broken_bonds"};

static int64_t count_at(const rt_augment_count *c, int i)
{
    const int64_t value[COUNTS] = {c->drawn, c->applied, c->changes, c->masked, c->broken_bonds};
    return value[i];
}

static json_t *tally_json(const rt_augment_plan *plan, const rt_augment_tally *tally)
{
    json_t *all = json_object();
    for (int k = 0; k < RT_AUGMENTATIONS; k++) {
        const rt_augment_count *c = &tally->of[k];
        if (!(plan->on & RT_AUGMENT_BIT(k))) continue;
        json_t *one = json_object(), *rejected = json_object();
        for (int i = 0; i < COUNTS; i++) json_object_set_new(one, COUNT_NAME[i], json_integer(count_at(c, i)));
        for (int r = 1; r < RT_REASONS; r++)
            if (c->rejected[r])
                json_object_set_new(rejected, rt_augment_reason_name((rt_augment_reason)r), json_integer(c->rejected[r]));
        json_object_set_new(one, "rejected", rejected);
        json_object_set_new(all, rt_augmentation_of((rt_augment_kind)k)->name, one);
    }
    return all;
}

json_t *rt_augment_inputs_json(const rt_augment_set *set, const rt_augment_tally *opt_samples)
{
    const rt_augment_summary *s = rt_augment_set_summary(set);
    rt_text text = {0};
    char *rest = NULL;
    json_t *all = json_object(), *plan = json_array(), *list = json_object();
    rt_augment_plan_print(&text, rt_augment_set_plan(set));
    for (char *line = text.data ? strtok_r(text.data, "\n", &rest) : NULL; line; line = strtok_r(NULL, "\n", &rest))
        json_array_append_new(plan, json_string(line));
    rt_text_free(&text);
    json_object_set_new(list, "targets", json_integer(s->targets));
    json_object_set_new(list, "changed_targets", json_integer(s->changed_targets));
    json_object_set_new(list, "sequences", json_integer(s->sequences));
    json_object_set_new(list, "examples", json_integer(rt_augment_set_record(set)->n));
    json_object_set_new(list, "too_near_held_out", json_integer(s->refused));
    json_object_set_new(list, "beyond_family_limit", json_integer(s->limited));
    json_object_set_new(list, "targets_with_predicted_pairs", json_integer(s->predicted));
    json_object_set_new(list, "targets_with_known_surroundings", json_integer(s->surroundings));
    json_object_set_new(list, "sha256", json_string(rt_augment_set_hash(set)));
    json_object_set_new(all, "plan", plan);
    json_object_set_new(all, "list", list);
    json_object_set_new(all, "made", tally_json(rt_augment_set_plan(set), &s->tally));
    if (opt_samples) json_object_set_new(all, "samples", tally_json(rt_augment_set_plan(set), opt_samples));
    return all;
}

void rt_augment_inputs_print_tally(FILE *out, const char *prefix, const rt_augment_plan *plan, const rt_augment_tally *tally)
{
    for (int k = 0; k < RT_AUGMENTATIONS; k++) {
        const rt_augment_count *c = &tally->of[k];
        const char *name = rt_augmentation_of((rt_augment_kind)k)->name;
        if (!(plan->on & RT_AUGMENT_BIT(k))) continue;
        for (int i = 0; i < COUNTS; i++)
            if (i < ALWAYS || count_at(c, i) > 0)
                fprintf(out, "%s%s.%s\t%lld\n", prefix, name, COUNT_NAME[i], (long long)count_at(c, i));
        for (int r = 1; r < RT_REASONS; r++)
            if (c->rejected[r])
                fprintf(out, "%s%s.rejected.%s\t%lld\n", prefix, name, rt_augment_reason_name((rt_augment_reason)r),
                        (long long)c->rejected[r]);
    }
}
