/* split.h - which targets train, validate and test: whole components of families.tsv in one part
 * Room: prep.  Uses: base/file, base/hash, base/memory, base/rng, io/csv, prep/dataset, prep/family_table.
 *
 * split.tsv has the columns target, split (train, validation, test, none), component, family, note (why a target is
 * in no
 * part) and made_from: the first 16 digits of the SHA-256 of the set's hash, families.tsv, the options and the lines.
 */
#ifndef RT_PREP_SPLIT_H
#define RT_PREP_SPLIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "base/text.h"
#include "prep/dataset.h"
#include "prep/family_table.h"

typedef struct {
    char *target, *component, *family;   /* component, family: "-" when a file does not say */
    const char *note;                    /* "-", "after_cutoff", "no_date", "held_out", "not_in_rna3db" */
    rt_part part;
} rt_split_row;

typedef struct {
    rt_split_row *row;
    int64_t n, capacity;
    char made_from[17];
} rt_split;

typedef struct {
    double share[RT_PARTS];              /* sums to 1 */
    uint64_t seed;
    const char *opt_cutoff;              /* "YYYY-MM-DD": nothing dated after it trains */
    const uint8_t *opt_held;             /* (targets of the set): must not train, and so its component does not */
    const rt_chain_table *opt_rna3db;    /* its published parts instead */
    const char *families_hash;
} rt_split_options;

/* Components that hold a target of the competition's validation table go to validation, of its test table to test; no
 * component with a held-out target trains.  The others are placed largest first, each where targets, targets per length
 * and components per size are then nearest to the shares; the seed orders equally large ones.  A target that may not
 * train, of a component that does, is in no part and says why.
 * Errors: RT_ERR_MISMATCH when `families` lacks a target; RT_ERR_MEMORY. */
rt_status rt_split_plan(rt_split *out_split, const rt_dataset *set, const rt_family_table *families,
                        const rt_split_options *options, rt_err *err);
/* What came out, as a table: a line per part, then one per component that is larger than a tenth of all targets. */
void rt_split_print(rt_text *out, const rt_split *split, const rt_dataset *set, const double share[RT_PARTS]);

rt_status rt_split_write(const rt_split *split, const char *path, rt_err *err);
/* Needs the columns target and split; sorted by target.  Errors: RT_ERR_IO, RT_ERR_FORMAT with the line. */
rt_status rt_split_read(rt_split *out_split, const char *path, rt_err *err);
void rt_split_free_members(rt_split *split);
const rt_split_row *rt_split_find(const rt_split *split, const char *target);   /* in a split that was read */

/* "80/10/10" as shares that sum to 1.  RT_ERR_USAGE. */
rt_status rt_split_read_sizes(double out[RT_PARTS], const char *text, rt_err *err);

/* True for "YYYY-MM-DD". */
bool rt_split_is_date(const char *text);

#endif
