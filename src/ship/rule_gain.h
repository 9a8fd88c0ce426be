/* rule_gain.h - what each rule of choosing is worth on targets whose answer is known
 * Room: ship.  Uses: score/paired, ship/choose.
 *
 * Two numbers per rule and target: the quality of what is submitted first, and the best of all that is submitted.  A
 * rule's gain is the mean over targets of its number less the base rule's, with the family-clustered interval of
 * score/paired and its claim; the wide interval holds for all rules together.  random is an exact expectation, oracle the
 * best candidate that there is: no rule can do better.
 */
#ifndef RT_SHIP_RULE_GAIN_H
#define RT_SHIP_RULE_GAIN_H

#include <jansson.h>

#include "base/text.h"
#include "score/paired.h"
#include "ship/choose.h"

enum { RT_GAIN_RANDOM = RT_RULES, RT_GAIN_ORACLE, RT_GAIN_ROWS };
enum { RT_GAIN_TOP1, RT_GAIN_BEST, RT_GAIN_QUANTITIES };

typedef struct {
    const char **target;       /* (n), borrowed */
    double *value;             /* (RT_GAIN_ROWS, RT_GAIN_QUANTITIES, n); NaN: the rule cannot choose there */
    int64_t n;
} rt_rule_values;

typedef struct {
    const rt_families *opt_families;
    int base;                  /* the rule that the others are compared with */
    int64_t keep;              /* submitted candidates: for the names of quantities */
    int64_t n_resample;
    uint64_t seed;
} rt_rule_gain_options;

typedef struct {
    int rule, quantity;
    int64_t n, n_family;       /* of the targets that rule and base have */
    double mean, base_mean, gain, low, high, wide_low, wide_high;   /* of the base itself: mean alone, the rest NaN */
    int64_t wins, losses, ties;
    const char *claim;         /* rt_claim_name; NULL for the base, random and the oracle */
} rt_rule_gain_row;

typedef struct {
    rt_rule_gain_row row[RT_GAIN_ROWS * RT_GAIN_QUANTITIES];
    int n_row;
    int64_t n_alone;           /* targets that the families do not know */
    int64_t keep;
    int base;
} rt_rule_gain;

const char *rt_rule_gain_name(int row);   /* "plddt", ..., "random", "oracle" */

rt_status rt_rule_values_create(rt_rule_values *out_values, int64_t n, rt_err *err);   /* all NaN */
void rt_rule_values_free_members(rt_rule_values *values);
double *rt_rule_value_at(const rt_rule_values *values, int row, int quantity, int64_t target);

/* Rules that chose on no target have no row.  Errors: RT_ERR_MISMATCH when the base rule has none, RT_ERR_MEMORY. */
rt_status rt_rule_gain_find(rt_rule_gain *out_gain, const rt_rule_values *values, const rt_rule_gain_options *options,
                            rt_err *err);

/* The rule with the highest mean of the quantity, the first of equal ones. */
int rt_rule_gain_best(const rt_rule_gain *gain, int quantity);

void rt_rule_gain_print(rt_text *out_text, const rt_rule_gain *gain);   /* TSV */
json_t *rt_rule_gain_json(const rt_rule_gain *gain);                    /* an array of objects; json_decref() it */

#endif
