/* templates.h - template features from hits in structures, or from a template CSV, without what would give the
 * answer away
 * Room: prep.  Uses: io/csv, io/polymer, io/structure, io/template_file, io/torch_writer, prep/dataset,
 * prep/template_list.
 * Reference: preprocess/convert_templates_to_pt_files.py (the layout of template_features.pt).
 */
#ifndef RT_PREP_TEMPLATES_H
#define RT_PREP_TEMPLATES_H

#include <stdint.h>

#include "base/status.h"
#include "io/template_file.h"
#include "prep/dataset.h"
#include "prep/template_list.h"

/* One line of MMseqs2's convertalis: query, target, evalue, qstart, qend, tstart, tend, qaln, taln. */
typedef struct {
    char *target, *source;            /* "R1107", "7qr4_B" */
    double evalue;
    int64_t q_from, q_to, t_from, t_to;   /* from 1 */
    char *q_row, *t_row;              /* the alignment, '-' for gaps */
    int64_t line;
} rt_template_hit;

typedef struct {
    rt_template_hit *hit;             /* by target, then E-value, then line */
    int64_t n, capacity;
} rt_template_hits;

/* Errors: RT_ERR_IO; RT_ERR_FORMAT with the line: not nine columns, rows of unequal length, places that do not fit. */
rt_status rt_template_hits_read(rt_template_hits *out_hits, const char *path, rt_err *err);
void rt_template_hits_free_members(rt_template_hits *hits);

/* PDB codes and release dates: the first two columns of a CSV or TSV, as RCSB's report has them; headings ("Entry ID",
 * "pdb_id") may stand anywhere.  Errors: RT_ERR_IO, RT_ERR_FORMAT with the line. */
typedef struct { char code[8], date[16]; } rt_release_date;
typedef struct { rt_release_date *row; int64_t n, capacity; } rt_release_dates;
rt_status rt_release_dates_read(rt_release_dates *out_dates, const char *path, rt_err *err);
void rt_release_dates_free_members(rt_release_dates *dates);
/* "7qr4_B" or "7QR4" -> "2022-05-27"; "-" when it is not there. */
const char *rt_release_dates_find(const rt_release_dates *dates, const char *source);

typedef struct {
    const rt_dataset *set;
    const rt_template_hits *opt_hits;       /* with a CSV: the k-th distinct chain of a target is its k-th template */
    const char *opt_structures;             /* the folder of the hits' structures; without a CSV */
    const rt_template_file *opt_templates;  /* the CSV */
    const rt_release_dates *opt_dates;
    const char *opt_cutoff;
    double template_tm;
    int64_t limit;                          /* templates kept of a target */
    /* every target gets that many, missing ones all NaN; 0: as many as it has */
    int64_t columns;
} rt_templates_options;

typedef struct {
    int64_t n_target, n_kept, n_own, n_late, n_undated, n_answer, n_no_file, n_no_match, n_too_many, n_unknown;
} rt_templates_counts;

/* Writes the template file and fills the list of what was kept and dropped.  Targets of the hits or the CSV that the
 * set
 * has not are passed over (n_unknown).  A template whose source is unknown (a CSV without hits) is kept: the audit says
 * that it proves nothing.
 * Errors: RT_ERR_MISMATCH (a CSV of another sequence), RT_ERR_IO, RT_ERR_FORMAT. */
rt_status rt_templates_write(const char *path, rt_template_list *out_list, rt_templates_counts *out_counts,
                             const rt_templates_options *options, rt_err *err);

#endif
