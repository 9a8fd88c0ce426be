#include "cli/plan_check.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/process.h"
#include "cli/choices.h"
#include "op/backend.h"
#include "prep/augment.h"
#include "prep/split.h"
#include "score/metric.h"
#include "train/terms.h"

enum { LEAST_SEEDS = 3 };

bool rt_plan_is_name(const char *text)
{
    if (!*text || *text == '.' || strlen(text) > 60) return false;
    if (strcmp(text, "compare") == 0 || strcmp(text, "chosen.json") == 0) return false;   /* names of ours beside them */
    for (; *text; text++)
        if (!isalnum((unsigned char)*text) && !strchr("-_.", *text)) return false;
    return true;
}

/* ---- one value ---------------------------------------------------------------------------------------------- */

static rt_status check_date(const char *text, rt_err *err)
{
    if (rt_split_is_date(text)) return RT_OK;
    return rt_fail(err, RT_ERR_USAGE, NULL, 0, "'%.40s' is no date such as 2022-05-27", text);
}

static rt_status check_size(const char *text, rt_err *err)
{
    int64_t bytes;
    if (rt_choice_read_bytes(text, &bytes)) return RT_OK;
    return rt_fail(err, RT_ERR_USAGE, NULL, 0, "'%.40s' is no size such as 200G", text);
}

static rt_status check_time(const char *text, rt_err *err)
{
    double seconds;
    if (rt_choice_read_duration(text, &seconds)) return RT_OK;
    return rt_fail(err, RT_ERR_USAGE, NULL, 0, "'%.40s' is no time such as 8h30m", text);
}

static rt_status check_sizes(const char *text, rt_err *err)
{
    double share[RT_PARTS];
    rt_status status = rt_split_read_sizes(share, text, err);
    if (status != RT_OK) return status;
    for (int k = 0; k < RT_PARTS; k++)
        if (share[k] == 0) return rt_fail(err, RT_ERR_USAGE, NULL, 0, "'%.40s': each part needs targets", text);
    return RT_OK;
}

static rt_status check_weight(const char *text, rt_err *err)
{
    rt_step_terms weights = {0};
    return rt_terms_read(&weights, text, err);
}

static rt_status check_augmentation(const char *text, rt_err *err)
{
    rt_augment_plan plan = {0};
    return rt_augment_plan_add(&plan, text, err);
}

static rt_status check_metric(const char *text, rt_err *err)
{
    const rt_metric *metric;
    return rt_metric_read(&metric, text, err);
}

static rt_status check_digits(const char *text, rt_err *err)
{
    if (*text && text[strspn(text, "0123456789,")] == 0) return RT_OK;
    return rt_fail(err, RT_ERR_USAGE, NULL, 0, "'%.40s' is no list of whole numbers such as \"0,4\"", text);
}

static rt_status check_ranking(const char *text, rt_err *err)
{
    if (strcmp(text, "learned") != 0) return RT_OK;
    rt_fail(err, RT_ERR_USAGE, NULL, 0, "'learned' needs a ranking beside every checkpoint, and the bases have none");
    return rt_hint(err, "select.rule: learned uses the one that Phase 1 fits");
}

static const struct {
    const char *key;
    rt_status (*check)(const char *text, rt_err *err);
} CHECKS[] = {
    {"data.before", check_date},          {"split.cutoff", check_date},        {"split.sizes", check_sizes},
    {"phase1.weights", check_weight},     {"phase2.weights", check_weight},    {"phase1.augment", check_augmentation},
    {"phase2.augment", check_augmentation}, {"compare.metric", check_metric},  {"predict.template_idx", check_digits},
    {"phase1.cache_size", check_size},    {"predict.memory_limit", check_size}, {"predict.rank_by", check_ranking},
    {"package.time_budget", check_time},
};

rt_status rt_plan_check_value(const rt_plan_key *key, const char *text, rt_err *err)
{
    for (size_t i = 0; i < sizeof CHECKS / sizeof *CHECKS; i++)
        if (strcmp(CHECKS[i].key, key->name) == 0) return CHECKS[i].check(text, err);
    return RT_OK;
}

/* ---- values together ---------------------------------------------------------------------------------------- */

static rt_status refuse(const rt_plan *plan, const char *key, rt_err *err, const char *what, const char *hint)
{
    rt_fail(err, RT_ERR_MISMATCH, rt_plan_path(plan), rt_plan_line(plan, key), "%s: %s", key, what);
    return rt_hint(err, "%s", hint);
}

static rt_status check_data(const rt_plan *plan, rt_err *err)
{
    bool kaggle = rt_plan_text(plan, "data.kaggle"), structures = rt_plan_text(plan, "data.structures");
    if (kaggle == structures)
        return refuse(plan, kaggle ? "data.structures" : "data.kaggle", err,
                      kaggle ? "data.kaggle is given, too" : "nothing says where the structures are",
                      "data.kaggle for the competition's files, or data.structures for a folder of mmCIF and PDB "
                      "files");
    if (kaggle && rt_plan_text(plan, "data.list")) return refuse(plan, "data.list", err, "goes with data.structures",
                                                                 "take it out");
    if (kaggle && rt_plan_text(plan, "data.max_models"))
        return refuse(plan, "data.max_models", err, "goes with data.structures", "take it out");
    if (rt_plan_count(plan, "bases") == 0)
        return refuse(plan, "bases", err, "no checkpoint to begin with",
                      "bases: {private-best: FILE, public-best: FILE}");
    return RT_OK;
}

static rt_status check_families(const rt_plan *plan, bool files, rt_err *err)
{
    char path[4096];
    bool searched = rt_plan_text(plan, "families.cm") || rt_plan_text(plan, "families.table") ||
                    rt_plan_text(plan, "families.rna3db") || rt_plan_count(plan, "families.tblout");
    if (!searched && !rt_plan_text(plan, "families.file") && !rt_plan_is(plan, "families.no_rfam"))
        return refuse(plan, "families.cm", err, "nothing says which target is of which Rfam family",
                      "families.cm, .table, .tblout, .rna3db or .file; families.no_rfam: true goes by sequences "
                      "alone");
    if (searched && rt_plan_text(plan, "families.file"))
        return refuse(plan, "families.file", err, "is there, and a search is asked for, too", "take one of them out");
    if (files && rt_plan_text(plan, "families.cm") && !rt_plan_count(plan, "families.tblout") &&
        !rt_process_find(path, sizeof path, "cmscan"))
        return refuse(plan, "families.cm", err, "cmscan of Infernal is not installed",
                      "apt-get install infernal; or run cmscan elsewhere and give its table in families.tblout");
    return RT_OK;
}

static rt_status check_seeds(const rt_plan *plan, rt_err *err)
{
    int n = rt_plan_count(plan, "predict.seeds");
    if (n < LEAST_SEEDS)
        return refuse(plan, "predict.seeds", err, "three seeds at least: one says nothing of how much chance does",
                      "[42, 43, 44]");
    for (int i = 0; i < n; i++)
        for (int k = 0; k < i; k++)
            if (strcmp(rt_plan_at(plan, "predict.seeds", i), rt_plan_at(plan, "predict.seeds", k)) == 0)
                return refuse(plan, "predict.seeds", err, "the same seed twice draws the same numbers",
                              "[42, 43, 44]");
    return RT_OK;
}

/* All three, or no package. */
static rt_status check_package(const rt_plan *plan, rt_err *err)
{
    static const char *const KEYS[] = {"package.title", "package.owner", "package.competition"};
    int n = 0, missing = 0;
    for (int i = 0; i < 3; i++)
        if (rt_plan_text(plan, KEYS[i])) n++;
        else missing = i;
    if (n == 0 || n == 3) return RT_OK;
    return refuse(plan, KEYS[missing], err, "is missing", "a package has title, owner and competition; none of them: no package");
}

static rt_status check_homologs(const rt_plan *plan, const char *key, rt_err *err)
{
    for (int i = 0; i < rt_plan_count(plan, key); i++)
        if (strncmp(rt_plan_at(plan, key, i), "homolog", 7) == 0 && !rt_plan_count(plan, "augment.seeds"))
            return refuse(plan, key, err, "homolog needs seed alignments", "augment.seeds: [Rfam.seed.gz]");
    return RT_OK;
}

rt_status rt_plan_check_together(const rt_plan *plan, bool files, rt_err *err)
{
    rt_status status = RT_OK;
    RT_TRY(check_data(plan, err));
    RT_TRY(check_families(plan, files, err));
    RT_TRY(check_seeds(plan, err));
    RT_TRY(check_package(plan, err));
    RT_TRY(check_homologs(plan, "phase1.augment", err));
    RT_TRY(check_homologs(plan, "phase2.augment", err));
    if (files && strcmp(rt_plan_text(plan, "device"), "cuda") == 0 && rt_cuda_unavailable())
        RT_TRY(refuse(plan, "device", err, rt_cuda_unavailable(), "device: auto takes the processor instead"));
    if (files && rt_plan_text(plan, "ribonanza") && rt_plan_is(plan, "no_ribonanza"))
        RT_TRY(refuse(plan, "no_ribonanza", err, "ribonanza is given, too", "take one of them out"));
    if (strcmp(rt_plan_text(plan, "compare.per_target"), "best5") == 0 &&
        rt_plan_number(plan, "predict.samples") * rt_plan_number(plan, "predict.trunks") <= 5)
        rt_warn("predict.samples: with five samples at most all of them count, and Phase 1, which only chooses, "
                "changes nothing");
done:
    return status;
}
