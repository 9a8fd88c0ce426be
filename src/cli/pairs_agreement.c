#include "cli/pairs_agreement.h"

#include <math.h>

#include "base/file.h"
#include "base/log.h"
#include "cli/choices.h"
#include "prep/known.h"
#include "prep/pairs_vienna.h"

/* What the plan of the training run expects of pairs that it mutates: prep/augment takes them from 0.95 on. */
static const double PLAN_AT = 0.95, PLAN_PPV = 0.95, PLAN_SENSITIVITY = 0.40;
/* The lowest threshold of the table: nothing below it is asked for. */
enum { MOST_THRESHOLDS = 3 };

const char *const RT_PAIRS_AGREEMENT_NUMBERS[] = {
    "min_prob", "sequences",        "with_pairs", "known",       "predicted",       "right",
    "ppv",      "ppv_low",          "ppv_high",   "sensitivity", "sensitivity_low", "sensitivity_high",
    "plan_ppv", "plan_sensitivity", NULL};

static rt_status read_known(rt_known_set *set, const rt_options *o, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t longest = rt_option_int(o, "max-length");
    for (int k = 0; k < rt_option_count(o, "compare") && status == RT_OK; k++) {
        const char *path = rt_option_at(o, "compare", k);
        status = rt_folder_exists(path) ? rt_known_add_folder(set, path, longest, err)
                                        : rt_known_add_file(set, path, longest, err);
    }
    if (status != RT_OK) return status;
    if (set->n_unread) rt_warn("%lld files could not be read", (long long)set->n_unread);
    if (set->n_long)
        rt_info("%lld chains are longer than --max-length %lld: left out", (long long)set->n_long, (long long)longest);
    if (set->n_bare) rt_info("%lld chains have no pairs: left out", (long long)set->n_bare);
    if (set->n_twice)
        rt_info("%lld chains have a sequence and pairs that came before: left out", (long long)set->n_twice);
    return set->n ? RT_OK : rt_fail(err, RT_ERR_MISMATCH, rt_option_at(o, "compare", 0), 0, "no chain with base pairs");
}

static void add_share(rt_text *out, double share, double low, double high)
{
    if (isnan(share)) rt_text_add(out, "\t-\t-\t-");
    else if (!isfinite(low)) rt_text_add(out, "\t%.4f\t-\t-", share);
    else rt_text_add(out, "\t%.4f\t%.4f\t%.4f", share, low, high);
}

static void add_row(rt_text *out, const char *method, const rt_agreement *a)
{
    rt_text_add(out, "%s\t%g\t%lld\t%lld\t%lld\t%lld\t%lld", method, a->min_prob, (long long)a->n, (long long)a->n_with,
                (long long)a->n_known, (long long)a->n_predicted, (long long)a->n_right);
    add_share(out, a->ppv, a->ppv_low, a->ppv_high);
    add_share(out, a->sensitivity, a->sensitivity_low, a->sensitivity_high);
    if (a->min_prob == PLAN_AT) rt_text_add(out, "\t%.2f\t%.2f\n", PLAN_PPV, PLAN_SENSITIVITY);
    else rt_text_add(out, "\t-\t-\n");
}

rt_status rt_pairs_agreement_print(rt_text *out, const rt_options *o, rt_err *err)
{
    rt_status status = RT_OK;
    rt_known_set set = {0};
    rt_pool *pool = NULL;
    rt_predictor *predictor = NULL;
    double threshold[MOST_THRESHOLDS] = {0.5, PLAN_AT, rt_option_double(o, "min-prob")};
    int n = rt_option_given(o, "min-prob") && threshold[2] != 0.5 && threshold[2] != PLAN_AT ? 3 : 2;
    RT_TRY(rt_pool_create(&pool, rt_choice_threads(o), err));
    RT_TRY(read_known(&set, o, err));
    for (int k = 0; RT_PAIRS_AGREEMENT_NUMBERS[k]; k++)
        rt_text_add(out, "%s%s", k ? "\t" : "method\t", RT_PAIRS_AGREEMENT_NUMBERS[k]);
    rt_text_add(out, "\n");
    for (int m = 0; m < RT_PREDICT_METHODS; m++) {
        rt_agreement agreement[MOST_THRESHOLDS];
        rt_predictor_options options = {.method = (rt_predict_method)m, .opt_params = rt_option_text(o, "params"),
                                        .opt_models = rt_option_text(o, "cm"), .opt_cache = rt_option_text(o, "cache"),
                                        .min_prob = fmin(threshold[0], threshold[n - 1])};
        if (m == RT_PREDICT_VIENNA && !rt_pairs_vienna_here()) {
            rt_info(
                "vienna is left out: this rnatune was built without ViennaRNA ('make VIENNA=1' fetches and builds it)");
            continue;
        }
        if (m == RT_PREDICT_CM && !options.opt_models) {
            rt_info("cm is left out: it needs covariance models (--cm FILE)");
            continue;
        }
        RT_TRY(rt_predictor_open(&predictor, &options, err));
        RT_TRY(rt_known_compare(agreement, threshold, n, &set, predictor, pool, err));
        rt_predictor_close(predictor);
        predictor = NULL;
        for (int t = 0; t < n; t++) add_row(out, rt_predict_method_name(options.method), &agreement[t]);
    }
done:
    rt_predictor_close(predictor);
    rt_known_free_members(&set);
    rt_pool_free(pool);
    return status;
}
