/* paired.h - two or more arms (sets of predictions) compared target by target
 * Room: score.  Uses: base/memory, score/bootstrap, score/families, score/metric, score/power, score/signed_rank.
 *
 * An arm is a results table reduced to one value per target.  Only targets that every arm has are compared, so that all
 * means are over the same targets.  A difference is the later arm minus the earlier one, in the metric's own units.
 */
#ifndef RT_SCORE_PAIRED_H
#define RT_SCORE_PAIRED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "score/bootstrap.h"
#include "score/families.h"
#include "score/metric.h"
#include "score/power.h"
#include "score/signed_rank.h"
#include "score/table.h"

#define RT_PAIRED_FEW 6   /* fewer families than this cannot reach p < 0.05 in a sign test: nothing is claimed */

typedef struct {
    char target[RT_SCORE_NAME];
    double value;
    int64_t n_model;            /* models with a known value */
} rt_arm_target;

typedef struct {
    rt_arm_target *target;      /* by name */
    int64_t n_target;
    int64_t n_unknown;          /* targets of the table whose models all lack the metric: left out */
    int64_t fewest_models, most_models;
} rt_arm;

/* One value per target.  RT_PER_TARGET_TOP1 takes the model of the smallest rank, the table's first without ranks; a
 * target whose first model lacks the metric is left out.  Errors: RT_ERR_MEMORY. */
rt_status rt_arm_reduce(rt_arm *out_arm, const rt_score_table *table, const rt_metric *metric, rt_per_target per_target,
                        rt_err *err);
/* One arm of several runs (seeds): of each target the mean over the runs.  A target that a run lacks is left out and counted
 * in n_unknown.  n_run >= 1.  Errors: RT_ERR_MEMORY. */
rt_status rt_arm_mean(rt_arm *out_arm, const rt_arm *run, int64_t n_run, rt_err *err);
void rt_arm_free_members(rt_arm *arm);

/* The targets that all arms have, with their families. */
typedef struct {
    int64_t n, n_arm, n_family;
    int64_t n_alone;            /* targets that the families file does not know: each a family of its own */
    const char **target;        /* (n) by name, borrowed from the first arm */
    const char **family_name;   /* (n) borrowed from the families, NULL: alone */
    int64_t *family;            /* (n) */
    double *value;              /* (n_arm, n) */
    int64_t *n_left_out;        /* (n_arm) targets of the arm that another arm lacks */
} rt_paired;

/* Errors: RT_ERR_MISMATCH when the arms have no target in common; RT_ERR_MEMORY. */
rt_status rt_paired_build(rt_paired *out_paired, const rt_arm *arm, int64_t n_arm, const rt_families *opt_families,
                          rt_err *err);
void rt_paired_free_members(rt_paired *paired);

typedef struct {
    int64_t n_resample;
    uint64_t seed;
    rt_bootstrap_method method;
    int64_t n_comparison;       /* of this report: `wide_*` holds for all of them together (Bonferroni) */
} rt_paired_options;

/* Arm b minus arm a. */
typedef struct {
    int64_t a, b, n, n_family;
    double mean_a, mean_b, difference, se;
    double low, high;           /* 95% */
    double wide_low, wide_high; /* 1 - 0.05/n_comparison */
    double bootstrap_p;
    int64_t wins, losses, ties; /* targets on which b is better, worse, equal */
    rt_signed_rank by_target, by_family;   /* a family's value is the mean of its differences */
    rt_power power;
    double detectable;          /* at 80% power and 5%, with these families */
    int64_t families_002, families_005;   /* needed for 0.02 and 0.05 so; RT_POWER_MANY: more than can be said */
    int64_t *worst;             /* (n) targets from the worst for b to the best */
    double *delta;              /* (n) */
} rt_paired_difference;

/* Differences are rounded to 1e-9, so that equal ones are ties in the tests of ranks.  Errors: RT_ERR_MEMORY. */
rt_status rt_paired_compare(rt_paired_difference *out_difference, const rt_paired *paired, int64_t a, int64_t b,
                            const rt_metric *metric, const rt_paired_options *options, rt_err *err);
void rt_paired_difference_free_members(rt_paired_difference *difference);

/* What the report's sentence says. */
typedef enum {
    RT_CLAIM_NOTHING_FEW,       /* too few families */
    RT_CLAIM_NOTHING_LEAK,      /* an arm was chosen on these targets */
    RT_CLAIM_NO_DIFFERENCE,     /* the interval holds zero: neither a difference nor equality was shown */
    RT_CLAIM_UNSURE,            /* the interval excludes zero, the signed-rank test by family does not */
    RT_CLAIM_BETTER,
    RT_CLAIM_WORSE
} rt_claim;

/* `leak`: an arm was chosen on some of these targets. */
rt_claim rt_paired_claim(const rt_paired_difference *difference, const rt_metric *metric, bool leak);
const char *rt_claim_name(rt_claim claim);

#endif
