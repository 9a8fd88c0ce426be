/* audit.h - proves that a split leaks nothing, or lists what leaks; the record without which nothing is trained
 * Room: prep.  Uses: base/hash, base/json, base/pool, io/template_file, prep/..., score/tm.
 *
 * docs/leaks.md says what each of the seven checks looks at and where its limits come from.
 */
#ifndef RT_PREP_AUDIT_H
#define RT_PREP_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/pool.h"
#include "base/status.h"
#include "io/template_file.h"
#include "prep/augmented.h"
#include "prep/dataset.h"
#include "prep/family_table.h"
#include "prep/held_out.h"
#include "prep/split.h"
#include "prep/template_list.h"

typedef enum {
    RT_LEAK_FAMILY,          /* a family or a component in two parts */
    RT_LEAK_SEQUENCE,        /* a near-identical sequence in two parts */
    RT_LEAK_STRUCTURE,       /* a close 3D copy in two parts */
    RT_LEAK_ANSWER,          /* a template that is the target's own structure or matches the answer too well */
    RT_LEAK_DATE,            /* a template dated after the cut-off */
    RT_LEAK_HELD_OUT,        /* a held-out target among the training targets */
    RT_LEAK_AUGMENTED,       /* an augmented sequence too near to a validation or test target */
    RT_LEAK_KINDS
} rt_leak_kind;

const char *rt_leak_name(rt_leak_kind kind);   /* "family", "sequence", ... */

typedef struct {
    rt_leak_kind kind;
    char *a, *b;             /* two targets; a target and a template; a family or an augmented line as detail says */
    const char *part_a, *part_b;
    double value, limit;     /* identity, TM-score, Angstrom; NaN where there is none */
    char detail[160];
} rt_leak;

typedef struct {
    int64_t n_checked;       /* groups, pairs, templates, targets that were looked at */
    int64_t n_leak;
    const char *not_checked; /* why nothing, or not all of it, was looked at; NULL: it was */
} rt_audit_check_result;

typedef struct {
    rt_leak *leak;
    int64_t n_leak, capacity;
    rt_audit_check_result check[RT_LEAK_KINDS];
} rt_audit;

/* The limits that training insists on: an audit may be stricter, not looser. */
#define RT_AUDIT_IDENTITY 0.8
#define RT_AUDIT_CHANCE 1e-5
#define RT_AUDIT_TM 0.45

typedef struct {
    const rt_dataset *set;
    const rt_split *split;                     /* as rt_split_read gave it */
    const rt_family_table *families;
    const rt_template_file *opt_templates;
    const rt_template_list *opt_sources;       /* where the templates came from */
    const rt_held_out *opt_held;
    const rt_augmented *opt_augmented;
    const char *opt_cutoff;
    double identity, chance;                   /* sequences; as prep/similar */
    double tm;                                 /* 3D copies: TM-score over the held-out structure's length */
    int64_t tm_residues;                       /* shorter structures are no folds */
    double template_tm;
} rt_audit_input;

/* Finds every leak.  A leak is a result, not an error.
 * Errors: RT_ERR_MISMATCH when split or families lack a target of the set or the split names one that it has not;
 * RT_ERR_FORMAT when the set does not have the hash that it names. */
rt_status rt_audit_run(rt_audit *out_audit, const rt_audit_input *input, rt_pool *pool, rt_err *err);
void rt_audit_free_members(rt_audit *audit);

/* ---- the record -------------------------------------------------------------------------------------------------- */

typedef struct { const char *role, *path; } rt_audit_file;

/* Writes <split>.audit.json: verdict, date, version, the hash of the split, of the set and of every other file, limits,
 * what was checked, and the first 1,000 leaks. */
rt_status rt_audit_write(const rt_audit *audit, const rt_audit_input *input, const char *split_path,
                         const rt_audit_file *files, int64_t n_file, const char *version, rt_err *err);

/* What the record's audit held sequences against: its limits, and the tables of targets that may not train.  held is added
 * to; start from {0}.  Errors: RT_ERR_IO, RT_ERR_FORMAT for a record that is none; RT_ERR_MISMATCH for a table that is gone
 * or has changed since; those of rt_held_out_read. */
rt_status rt_audit_read_limits(double *out_identity, double *out_chance, rt_held_out *held, const char *split_path,
                               rt_err *err);

/* For training: RT_OK when the record beside the split says that it holds, and split and set are still the ones that
 * were audited.  All coordinates are read and hashed.  opt_templates, opt_augmented: the files that training would use,
 * NULL for none; they must be the audited ones.
 * Errors: RT_ERR_MISMATCH with what to do: no record, a record of leaks, looser limits than those above, another split,
 * set or file since.
 * RT_ERR_FORMAT for a record that is none, or a set that was edited. */
rt_status rt_audit_check(const char *split_path, const rt_dataset *set, const char *opt_templates,
                         const char *opt_augmented, rt_err *err);

#endif
