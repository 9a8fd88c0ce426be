/* import_internal.h - what the parts of import share
 * Room: prep.  Uses: prep/import, prep/dataset_write.  Not for others.
 */
#ifndef RT_PREP_IMPORT_INTERNAL_H
#define RT_PREP_IMPORT_INTERNAL_H

#include "base/text.h"
#include "prep/dataset_write.h"
#include "prep/import.h"
#include "prep/import_survey.h"

typedef enum { RT_ROW_WAITING, RT_ROW_DONE, RT_ROW_REFUSED, RT_ROW_INCOMPLETE, RT_ROW_SCATTERED } rt_row_state;

/* A row of a table of sequences.  Texts are never NULL. */
typedef struct {
    char *id, *sequence, *description, *all_sequences, *stoichiometry, *ligand_ids, *ligand_smiles;
    char cutoff[11];
    int64_t length, origin, line;
    const rt_import_file *file;
    rt_row_state state;
    const char *done_in;        /* the file that the labels came from */
    int64_t n_seen, label_line; /* rows that an incomplete target had, the first of them */
    int64_t batch;              /* its block while scattered rows are gathered */
} rt_import_row;

typedef struct {
    const rt_import_options *options;
    const rt_import_survey *survey;
    rt_dataset_writer *writer;
    bool resumed;               /* the notes about sequences are there already */
    int64_t megabytes;          /* of the tables before this one: progress */
    rt_import_row *row;         /* in the order of the tables: a row's number is its target's rank */
    int64_t n_row, rows;
    int64_t *slot;              /* hash table: row + 1, 0 for none */
    int64_t n_slot;
} rt_import;

/* The row of a target, NULL when there is none.  id[0..length). */
rt_import_row *rt_import_find(const rt_import *import, const char *id, int64_t length);

/* All tables of sequences, filtered. */
rt_status rt_import_read_sequences(rt_import *import, rt_err *err);
void rt_import_free_rows(rt_import *import);

/* Where the reading of labels stands: what a checkpoint keeps. */
typedef struct {
    int64_t file;               /* number in the survey */
    int64_t pass;               /* 1; 2 gathers rows that are not together */
    int64_t offset, line;       /* of the next row of pass 1; 0: from the beginning */
} rt_import_position;

rt_status rt_import_checkpoint(rt_import *import, const rt_import_position *position, rt_err *err);
/* The position and the states of the rows as the last checkpoint knew them. */
rt_status rt_import_restore(rt_import *import, rt_import_position *out_position, rt_err *err);
/* The table of labels at the position, from there to its end. */
rt_status rt_import_read_labels(rt_import *import, rt_import_position *position, rt_err *err);

/* A target as the row describes it, without labels. */
rt_target rt_import_target(const rt_import *import, const rt_import_row *row, char msa[PATH_MAX]);

/* What an import of structures is made from, as a text; free() it. */
rt_status rt_import_structures_plan(char **ret_plan, const rt_import_options *options, rt_err *err);

/* rt_dataset_writer_note with a printed detail. */
rt_status rt_import_note(rt_dataset_writer *writer, const char *outcome, const char *reason, const char *target,
                         int64_t origin, const char *file, int64_t line, rt_err *err, const char *detail, ...)
    __attribute__((format(printf, 9, 10)));

/* True when a target of that origin has to pass --before, --min-completeness, --max-breaks, --max-resolution. */
bool rt_import_is_filtered(int64_t origin);
/* Refuses what the options refuse: a note, and *out_refused. */
rt_status rt_import_filter(rt_dataset_writer *writer, const rt_import_options *options, const rt_target *target,
                           const float *xyz, int64_t line, bool *out_refused, rt_err *err);

/* "YYYY-MM-DD" from a date that may be followed by a time; false when it is none. */
bool rt_import_parse_date(char out[11], const char *text);

/* The letter of `sequence` that is no A, C, G or U: its place from 1, 0 when there is none. */
int64_t rt_import_bad_letter(const char *sequence);

#endif
