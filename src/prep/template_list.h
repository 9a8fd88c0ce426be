/* template_list.h - where each template of a template file came from, and which were dropped and why
 * Room: prep.  Uses: base/file, base/memory, base/text, io/csv, prep/chain_table, prep/dataset.
 *
 * A TSV beside template_features.pt, FILE.sources.tsv: target, template (its number in the file from 1; "-" when it was
 * dropped), source (a PDB chain such as 7yr7_A; "-" unknown), date (of release; "-" unknown), evalue, residues (of the
 * target that it covers), tm (to the answer; "-" when there is none) and status: "kept", or the reason why it was
 * dropped: own_structure, after_cutoff, no_date, matches_answer, no_file, no_match, too_many.
 */
#ifndef RT_PREP_TEMPLATE_LIST_H
#define RT_PREP_TEMPLATE_LIST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "prep/dataset.h"
#include "score/tm.h"

#define RT_TEMPLATE_ANSWER_TM 0.95     /* a template this near to the answer is the answer */
/* Angstrom: so are coordinates this near, however few residues they cover, ... */
#define RT_TEMPLATE_ANSWER_RMSD 0.25
#define RT_TEMPLATE_ANSWER_RESIDUES 10 /* ... from this number on */

typedef struct {
    char *target, *source, *date;      /* source, date: "-" unknown */
    int64_t number;                    /* from 1, 0: dropped */
    int64_t residues;
    double evalue, tm;                 /* NaN unknown */
    char status[24];
    int64_t line;
} rt_template_row;

typedef struct {
    rt_template_row *row;
    int64_t n, capacity;
} rt_template_list;

/* Appends a copy of the row. */
rt_status rt_template_list_add(rt_template_list *list, const rt_template_row *row, rt_err *err);
rt_status rt_template_list_write(const rt_template_list *list, const char *path, rt_err *err);
/* Needs target, template, source and date; sorted by target, then number.  Errors: RT_ERR_IO, RT_ERR_FORMAT with the
 * line. */
rt_status rt_template_list_read(rt_template_list *out_list, const char *path, rt_err *err);
/* The row of a target's template in a list that was read; NULL when there is none. */
const rt_template_row *rt_template_list_find(const rt_template_list *list, const char *target, int64_t number);
void rt_template_list_free_members(rt_template_list *list);

/* Is a chain ("7yr7_A") of the entry that the target itself is?  The target's id names it ("7YR7_A"), or its
 * all_sequences do (">7YR7_1|Chain A|..."), or its source file does. */
bool rt_template_is_own(const rt_target *target, const char *source);

/* "after_cutoff" when a template of this date may not be used: on the target's own date or later, or after opt_cutoff;
 * "no_date" for an unknown date when there is any date to hold it against; NULL when it may be used. */
const char *rt_template_obstacle(const rt_target *target, const char *date, const char *opt_cutoff);

/* How near xyz (residue r of `stride` floats apart; NaN or exactly 0 0 0 missing) is to a target's labels, the nearest
 * conformation: TM-score by residue number over the target's length, RMSD of the residues that both have and their
 * number.
 * out_n 0 without labels.  *out_tm is 0 where so few residues are common that tm_limit is out of reach. */
rt_status rt_template_match(rt_tm *tm, double *out_tm, double *out_rmsd, int64_t *out_n, const rt_target *target,
                            const float *xyz, int64_t stride, double tm_limit, rt_err *err);
/* True for what the three limits above call the answer. */
bool rt_template_is_answer(double tm, double rmsd, int64_t n, double tm_limit);

#endif
