/* tune.h - a plan's run: its folder, its steps, and how a step runs the verbs
 * Room: cli.  Uses: cli/plan, tune/child, tune/inputs, tune/ledger.
 *
 * tune_steps.c is the straight line: every step with its inputs and commands; tune_arms.c folds and scores arms,
 * tune_protocol.c freezes what is fixed before training, tune_summary.c writes the table, tune_package.c runs package,
 * tune_estimate.c reckons the hours.
 */
#ifndef RT_CLI_TUNE_H
#define RT_CLI_TUNE_H

#include <limits.h>

#include "cli/plan.h"
#include "score/paired.h"
#include "tune/inputs.h"
#include "tune/ledger.h"

typedef struct {
    char **word;
    int n;
    int64_t capacity;
    bool failed;
} rt_words;

typedef struct {
    const rt_plan *plan;
    const rt_command *(*find)(const char *name);   /* a verb of this build */
    const char *out;                 /* the folder, from the root */
    char program[PATH_MAX];
    rt_ledger ledger;
    rt_hashes hashes;
    const char *step;                /* that runs */
    const char *from, *to, *only;    /* NULL: not given */
    bool new_protocol, quiet;
    rt_words words;                  /* the command line that is being put together */
    json_t *inputs;                  /* of the step that is looked at */
} rt_tune;

#define RT_TUNE_MAYBE '?'

typedef struct {
    const char *name, *help;
    unsigned uses;                   /* RT_PLAN_*: the keys that it reads */
    const char *verb;                /* that this build must have; NULL: any build has what it takes */
    const char *needs;               /* a key without which the step is left out; NULL: none */
    const char *const *output;       /* in OUT, ends with NULL: set aside when the inputs change; those that begin with
                                      * RT_TUNE_MAYBE need not be there */
    const char *expected;            /* what the plan itself reckons */
    rt_status (*find_inputs)(rt_tune *t, rt_err *err);   /* beyond the keys: adds to t->inputs; NULL: none */
    rt_status (*run)(rt_tune *t, rt_err *err);
} rt_tune_step;

extern const rt_tune_step RT_TUNE_STEPS[];
int rt_tune_step_count(void);

/* ---- tune_run.c: paths, command lines, commands ---- */
/* OUT/<format>, from a ring of buffers: good for a few calls. */
const char *rt_tune_path(const rt_tune *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A command line: "rnatune VERB", then words, then what the plan says. */
void rt_tune_begin(rt_tune *t, const char *verb, const char *opt_operand);
void rt_tune_add(rt_tune *t, const char *option, const char *opt_value);   /* without a value: a flag or an operand */
void rt_tune_add_keys(rt_tune *t, unsigned uses);   /* every key of these uses whose option the verb has */
/* Runs it unless this step has run it before.  opt_stdout: where its data go, NULL: nowhere.  opt_last: added to what
 * is run, not to what is remembered ("--resume").  out_code: NULL when anything but 0 is a failure.
 * Errors: RT_ERR_STOPPED; RT_ERR_IO with what the verb said last. */
rt_status rt_tune_command(rt_tune *t, const char *opt_stdout, const char *opt_last, int *out_code, rt_err *err);
/* A file from `from` to `to`, whole or not at all. */
rt_status rt_tune_copy(const char *from, const char *to, rt_err *err);
/* "cpu" or "cuda". */
const char *rt_tune_device(const rt_tune *t);
/* The steps that --from and --only leave; exit status as main's. */
rt_status rt_tune_run(rt_tune *t, rt_err *err);
/* Keeps the hashes that are new, and frees what the run holds. */
void rt_tune_close(rt_tune *t);

/* ---- tune_arms.c ---- */
typedef struct {
    char name[160];                 /* "base-private-best", "phase1", ... */
    char path[8][PATH_MAX];         /* of its checkpoints */
    int n_checkpoint;
} rt_tune_arm;

void rt_tune_arm_init(rt_tune_arm *out_arm, const char *name);
void rt_tune_arm_add(rt_tune_arm *arm, const char *checkpoint);
/* Where an arm's validation folds are: OUT/baseline/<base> or OUT/validation/<arm>. */
void rt_tune_arm_folder(char out[PATH_MAX], const rt_tune *t, const char *arm, bool test);
/* The validation part as files, once. */
rt_status rt_tune_export(rt_tune *t, bool test, bool structures, rt_err *err);
/* What each of an arm's checkpoints draws, so that one and several have the same budget; one at least. */
int64_t rt_tune_samples(const rt_tune *t, int n_checkpoint);
/* Folds a part with every seed. */
rt_status rt_tune_predict_arm(rt_tune *t, const rt_tune_arm *arm, bool test, rt_err *err);
rt_status rt_tune_score_arm(rt_tune *t, const char *arm, bool test, rt_err *err);
/* The metric's value of each target: of one run (seed 0..) or the mean of all (-1). */
rt_status rt_tune_arm_scores(rt_arm *out_arm, const rt_tune *t, const char *arm, bool test, int seed, rt_err *err);
/* The mean over targets of an arm's scores, of one run (seed 0..) or of all (-1); NAN when nothing is known. */
rt_status rt_tune_measure(double *out_mean, rt_tune *t, const char *arm, bool test, int seed, rt_err *err);
/* "NAME=a/scores.tsv,b/scores.tsv" for `rnatune compare`. */
void rt_tune_add_arm(rt_tune *t, const char *shown, const char *arm, bool test);
/* What was chosen: the base of Phase 1 and its checkpoint; the ensemble.  RT_ERR_IO before their steps are done. */
rt_status rt_tune_chosen(const rt_tune *t, char out_base[160], rt_tune_arm *opt_phase1, rt_err *err);
rt_status rt_tune_ensemble(const rt_tune *t, rt_tune_arm *out_arm, rt_err *err);
/* The checkpoint that a base's name stands for. */
const char *rt_tune_base(const rt_tune *t, const char *name);

/* What augment and train take beyond their own keys when "phase1.augment" or "phase2.augment" is not empty
 * (tune_steps.c). */
void rt_tune_add_pairs(rt_tune *t, const char *key);
/* The arms of the test part (tune_steps.c): base, phase1, phase2 and, when it is none of these, the ensemble.
 * Returns how many; 0: *err says why. */
int rt_tune_list_arms(const rt_tune *t, rt_tune_arm arm[4], rt_err *err);

/* ---- tune_protocol.c ---- */
/* Before anything runs: a plan that changes what was frozen is refused, unless --new-protocol. */
rt_status rt_tune_protocol_check(rt_tune *t, rt_err *err);
/* Before training: writes OUT/protocol.json, or finds it the same. */
rt_status rt_tune_protocol_freeze(rt_tune *t, rt_err *err);
/* Its SHA-256, "" when there is none. */
void rt_tune_protocol_hash(const rt_tune *t, char out[RT_HASH_TEXT]);
/* Records that the test structures are looked at, once for the same inputs. */
rt_status rt_tune_open_test(rt_tune *t, const char *inputs_sha256, rt_err *err);

/* ---- tune_summary.c ---- */
rt_status rt_tune_summarise(rt_tune *t, rt_err *err);
/* The table of OUT/summary.json on stdout; false when there is none. */
bool rt_tune_print_summary(const rt_tune *t);

/* ---- tune_package.c: the step package ---- */
rt_status rt_tune_package_inputs(rt_tune *t, rt_err *err);
rt_status rt_tune_package_run(rt_tune *t, rt_err *err);

/* ---- tune_estimate.c ---- */
rt_status rt_tune_estimate(rt_tune *t, rt_err *err);

#endif
