#include "ship/rule_gain.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"

const char *rt_rule_gain_name(int row)
{
    if (row < RT_RULES) return rt_rule_name(row);
    return row == RT_GAIN_RANDOM ? "random" : "oracle";
}

rt_status rt_rule_values_create(rt_rule_values *out_values, int64_t n, rt_err *err)
{
    rt_status status = RT_OK;
    *out_values = (rt_rule_values){.n = n};
    RT_TRY_ALLOC(out_values->target, n);
    RT_TRY_ALLOC(out_values->value, RT_GAIN_ROWS * RT_GAIN_QUANTITIES * n);
    for (int64_t i = 0; i < RT_GAIN_ROWS * RT_GAIN_QUANTITIES * n; i++) out_values->value[i] = NAN;
done:
    if (status != RT_OK) rt_rule_values_free_members(out_values);
    return status;
}

void rt_rule_values_free_members(rt_rule_values *values)
{
    free(values->target);
    free(values->value);
    *values = (rt_rule_values){0};
}

double *rt_rule_value_at(const rt_rule_values *values, int row, int quantity, int64_t target)
{
    return &values->value[(row * RT_GAIN_QUANTITIES + quantity) * values->n + target];
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const rt_arm_target *)a)->target, ((const rt_arm_target *)b)->target);
}

/* A rule's values as an arm of score/paired. */
static rt_status build_arm(rt_arm *out_arm, const rt_rule_values *values, int rule, int quantity, rt_err *err)
{
    rt_status status = RT_OK;
    *out_arm = (rt_arm){0};
    RT_TRY_ALLOC(out_arm->target, values->n);
    for (int64_t i = 0; i < values->n; i++) {
        double value = *rt_rule_value_at(values, rule, quantity, i);
        if (isnan(value)) continue;
        rt_arm_target *t = &out_arm->target[out_arm->n_target++];
        *t = (rt_arm_target){.value = value, .n_model = 1};
        snprintf(t->target, sizeof t->target, "%s", values->target[i]);
    }
    if (out_arm->n_target) qsort(out_arm->target, (size_t)out_arm->n_target, sizeof *out_arm->target, by_name);
done:
    return status;
}

static rt_rule_gain_row *new_row(rt_rule_gain *g, int rule, int quantity)
{
    rt_rule_gain_row *row = &g->row[g->n_row++];
    *row = (rt_rule_gain_row){.rule = rule, .quantity = quantity, .mean = NAN, .base_mean = NAN, .gain = NAN, .low = NAN,
                              .high = NAN, .wide_low = NAN, .wide_high = NAN, .wins = -1, .losses = -1, .ties = -1};
    return row;
}

/* arm[0] is the base's, arm[1] the rule's. */
static rt_status add_comparison(rt_rule_gain *g, const rt_arm arm[2], int rule, int quantity, int64_t n_comparison,
                                const rt_rule_gain_options *o, rt_err *err)
{
    rt_status status = RT_OK;
    rt_paired paired = {0};
    rt_paired_difference d = {0};
    const rt_metric *metric = rt_metric_find("tm_resid");
    rt_paired_options options = {.n_resample = o->n_resample, .seed = o->seed, .method = RT_BOOTSTRAP_STUDENTISED,
                                 .n_comparison = n_comparison};
    RT_TRY(rt_paired_build(&paired, arm, 2, o->opt_families, err));
    RT_TRY(rt_paired_compare(&d, &paired, 0, 1, metric, &options, err));
    rt_rule_gain_row *row = new_row(g, rule, quantity);
    row->n = d.n, row->n_family = d.n_family;
    row->mean = d.mean_b, row->base_mean = d.mean_a, row->gain = d.difference;
    row->low = d.low, row->high = d.high, row->wide_low = d.wide_low, row->wide_high = d.wide_high;
    row->wins = d.wins, row->losses = d.losses, row->ties = d.ties;
    if (rule < RT_RULES) row->claim = rt_claim_name(rt_paired_claim(&d, metric, false));
    g->n_alone = paired.n_alone;
done:
    rt_paired_difference_free_members(&d);
    rt_paired_free_members(&paired);
    return status;
}

/* The base rule has no gain over itself. */
static rt_status add_base(rt_rule_gain *g, const rt_arm *arm, int quantity, const rt_rule_gain_options *o, rt_err *err)
{
    rt_paired paired;
    rt_status status = rt_paired_build(&paired, arm, 1, o->opt_families, err);
    if (status != RT_OK) return status;
    rt_rule_gain_row *row = new_row(g, o->base, quantity);
    row->n = paired.n, row->n_family = paired.n_family, row->mean = 0;
    for (int64_t i = 0; i < paired.n; i++) row->mean += paired.value[i] / (double)paired.n;
    rt_paired_free_members(&paired);
    return RT_OK;
}

rt_status rt_rule_gain_find(rt_rule_gain *out_gain, const rt_rule_values *values, const rt_rule_gain_options *options,
                            rt_err *err)
{
    rt_status status = RT_OK;
    rt_arm arm[2] = {{0}};
    int64_t n_comparison = 0;
    *out_gain = (rt_rule_gain){.keep = options->keep, .base = options->base};
    for (int rule = 0; rule < RT_RULES; rule++) {
        bool known = false;
        for (int64_t i = 0; i < values->n; i++) known |= !isnan(*rt_rule_value_at(values, rule, RT_GAIN_BEST, i));
        n_comparison += known && rule != options->base;
    }
    for (int quantity = 0; quantity < RT_GAIN_QUANTITIES; quantity++) {
        RT_TRY(build_arm(&arm[0], values, options->base, quantity, err));
        if (!arm[0].n_target)
            RT_TRY(rt_fail(err, RT_ERR_MISMATCH, NULL, 0, "no target has a native and candidates with %s",
                           rt_rule_name(options->base)));
        for (int rule = 0; rule < RT_GAIN_ROWS; rule++) {
            RT_TRY(build_arm(&arm[1], values, rule, quantity, err));
            if (rule == options->base) RT_TRY(add_base(out_gain, arm, quantity, options, err));
            else if (arm[1].n_target)
                RT_TRY(add_comparison(out_gain, arm, rule, quantity, n_comparison ? n_comparison : 1, options, err));
            rt_arm_free_members(&arm[1]);
        }
        rt_arm_free_members(&arm[0]);
    }
done:
    rt_arm_free_members(&arm[0]);
    rt_arm_free_members(&arm[1]);
    return status;
}

int rt_rule_gain_best(const rt_rule_gain *gain, int quantity)
{
    int best = -1;
    for (int i = 0; i < gain->n_row; i++) {
        const rt_rule_gain_row *row = &gain->row[i];
        if (row->quantity != quantity || row->rule >= RT_RULES) continue;
        if (best < 0 || row->mean > gain->row[best].mean) best = i;
    }
    return best < 0 ? gain->base : gain->row[best].rule;
}

static void print_number(rt_text *out, double x)
{
    if (isfinite(x)) rt_text_add(out, "\t%.5f", x);
    else rt_text_add(out, "\tNA");
}

static void print_count(rt_text *out, int64_t n)
{
    if (n >= 0) rt_text_add(out, "\t%lld", (long long)n);
    else rt_text_add(out, "\tNA");
}

static void name_quantity(char out[16], const rt_rule_gain *gain, int quantity)
{
    if (quantity == RT_GAIN_TOP1) snprintf(out, 16, "top1");
    else snprintf(out, 16, "best%d", (int)gain->keep);
}

void rt_rule_gain_print(rt_text *out_text, const rt_rule_gain *gain)
{
    rt_text_add(out_text, "quantity\trule\tmean\tbase\tbase_mean\tgain\tci95_low\tci95_high\tall_rules_low\tall_rules_high"
                          "\twins\tlosses\tties\ttargets\tfamilies\tclaim\n");
    for (int i = 0; i < gain->n_row; i++) {
        const rt_rule_gain_row *row = &gain->row[i];
        char quantity[16];
        name_quantity(quantity, gain, row->quantity);
        rt_text_add(out_text, "%s\t%s", quantity, rt_rule_gain_name(row->rule));
        print_number(out_text, row->mean);
        rt_text_add(out_text, "\t%s", rt_rule_name(gain->base));
        const double numbers[] = {row->base_mean, row->gain, row->low, row->high, row->wide_low, row->wide_high};
        for (int k = 0; k < 6; k++) print_number(out_text, numbers[k]);
        print_count(out_text, row->wins);
        print_count(out_text, row->losses);
        print_count(out_text, row->ties);
        rt_text_add(out_text, "\t%lld\t%lld\t%s\n", (long long)row->n, (long long)row->n_family,
                    row->claim ? row->claim : "NA");
    }
}

static json_t *count_json(int64_t n) { return n >= 0 ? json_integer(n) : json_null(); }

json_t *rt_rule_gain_json(const rt_rule_gain *gain)
{
    json_t *list = json_array();
    for (int i = 0; i < gain->n_row; i++) {
        const rt_rule_gain_row *row = &gain->row[i];
        char quantity[16];
        name_quantity(quantity, gain, row->quantity);
        json_t *one = json_pack("{s:s, s:s, s:o, s:s, s:o, s:o}", "quantity", quantity, "rule", rt_rule_gain_name(row->rule),
                                "mean", rt_json_number(row->mean), "base", rt_rule_name(gain->base), "base_mean",
                                rt_json_number(row->base_mean), "gain", rt_json_number(row->gain));
        json_object_set_new(one, "ci95_low", rt_json_number(row->low));
        json_object_set_new(one, "ci95_high", rt_json_number(row->high));
        json_object_set_new(one, "all_rules_low", rt_json_number(row->wide_low));
        json_object_set_new(one, "all_rules_high", rt_json_number(row->wide_high));
        json_object_set_new(one, "wins", count_json(row->wins));
        json_object_set_new(one, "losses", count_json(row->losses));
        json_object_set_new(one, "ties", count_json(row->ties));
        json_object_set_new(one, "targets", json_integer(row->n));
        json_object_set_new(one, "families", json_integer(row->n_family));
        json_object_set_new(one, "claim", row->claim ? json_string(row->claim) : json_null());
        json_array_append_new(list, one);
    }
    return list;
}
