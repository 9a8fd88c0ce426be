/* plan.h - plan.yaml: one table of keys, from which parsing, checks, the seed plan and every step's command lines come
 * Room: cli.  Uses: base/yaml, cli/options, prep/augment.
 *
 * A key is an option of a verb ("phase1.lr" is train's --lr) and has that option's type, range and help, or one of
 * its own. Its default stands in the table, so that a plan says what happens.  `null` takes a value back.
 */
#ifndef RT_CLI_PLAN_H
#define RT_CLI_PLAN_H

#include <jansson.h>
#include <stdbool.h>

#include "cli/options.h"

/* Which command lines read a key: bits, because several do. */
enum {
    RT_PLAN_DOCTOR = 1 << 0,
    RT_PLAN_IMPORT = 1 << 1,
    RT_PLAN_FAMILIES = 1 << 2,
    RT_PLAN_SPLIT = 1 << 3,
    RT_PLAN_AUDIT = 1 << 4,
    RT_PLAN_PAIRS = 1 << 5,
    RT_PLAN_AUGMENT = 1 << 6,
    RT_PLAN_VALIDATION = 1 << 7,    /* export of the validation part */
    RT_PLAN_TEST = 1 << 8,          /* export of the test part */
    RT_PLAN_PHASE1 = 1 << 9,
    RT_PLAN_PHASE2 = 1 << 10,
    RT_PLAN_PREDICT = 1 << 11,
    RT_PLAN_SCORE = 1 << 12,
    RT_PLAN_COMPARE = 1 << 13,
    RT_PLAN_SELECT = 1 << 14,
    RT_PLAN_ENSEMBLE = 1 << 15,
    RT_PLAN_PACKAGE = 1 << 16,
    RT_PLAN_GOAL = 1 << 17
};

typedef enum {
    RT_PLAN_OPTION,        /* as the option's type says; a list when the option may be repeated */
    RT_PLAN_FILES_BY_NAME, /* a mapping of names to files */
    RT_PLAN_NUMBERS        /* a list of whole numbers, each in the option's range */
} rt_plan_kind;

typedef struct {
    const char *name;              /* "phase1.lr" */
    const rt_command *verb;        /* whose option it is; NULL: `own` */
    const char *option;            /* its name there */
    rt_option own;                 /* type, range, choices of a key that no verb has */
    rt_plan_kind kind;
    const char *fallback;          /* as YAML; "null": none */
    unsigned uses;                 /* RT_PLAN_* */
    bool free;                     /* changes no result: no step runs again for it */
    bool frozen;                   /* part of the protocol */
    const char *example;           /* what the seed plan has when it is not the default: a file of the user's */
    const char *help;              /* NULL: the option's */
} rt_plan_key;

/* Ends with a key without a name. */
const rt_plan_key *rt_plan_keys(void);
const rt_plan_key *rt_plan_key_find(const char *name);   /* NULL: there is none */
const rt_option *rt_plan_key_option(const rt_plan_key *key);

typedef struct rt_plan rt_plan;

/* Reads and checks all of it.  Paths count from the plan's folder; with `files` they must be there.
 * Errors: RT_ERR_IO; RT_ERR_FORMAT, RT_ERR_USAGE (an unknown key, with the nearest one; a wrong type; a value out of
 * range) with file and line; RT_ERR_MISMATCH for keys that do not go together. */
rt_status rt_plan_load(rt_plan **ret_plan, const char *path, bool files, rt_err *err);
void rt_plan_free(rt_plan *plan);   /* NULL ok */

/* A value as text, paths from the root; NULL when there is none.  A name that is not in the table is a bug. */
const char *rt_plan_text(const rt_plan *plan, const char *name);
bool rt_plan_is(const rt_plan *plan, const char *name);            /* a flag */
double rt_plan_number(const rt_plan *plan, const char *name);      /* NAN when there is none */
int rt_plan_count(const rt_plan *plan, const char *name);          /* of a list or a mapping */
const char *rt_plan_at(const rt_plan *plan, const char *name, int index);
const char *rt_plan_name_at(const rt_plan *plan, const char *name, int index);   /* of a mapping: the name */
/* Where the value stands, 0 for a default: for errors. */
int64_t rt_plan_line(const rt_plan *plan, const char *name);
const char *rt_plan_path(const rt_plan *plan);

/* The plan with every key, what the plan did not say included, as YAML. */
rt_status rt_plan_write(const rt_plan *plan, const char *path, rt_err *err);
/* examples/rtx4090.yaml: every key with its default and what it means. */
void rt_plan_print_seed(FILE *out);

#endif
