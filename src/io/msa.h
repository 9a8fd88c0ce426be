/* msa.h - a multiple sequence alignment as rows of text
 * Room: io.  Uses: base/file, base/memory, io/plain.
 * Reference: rnapro/data/infer_data_pipeline.py InferenceDataset._read_msa_file (FASTA)
 *
 * The three formats differ in what a row is:
 *   FASTA      (.fasta) a record's lines joined, each without blanks at its ends, nothing removed: an insertion shifts
 *              the rest of its row, rows may differ in length, lower case stays.  A record without letters is dropped.
 *   A3M        (.a3m) lower-case letters and '.' are insertions and are removed; then all rows are equally long.
 *   Stockholm  (.sto, .stk) the first alignment of the file; a row's pieces are joined over the blocks, columns in
 *              which the first row (the query) has a gap are dropped, and every gap sign ('.', '_', '~') becomes '-'.
 * LF, CRLF and CR end a line.  A file may be packed with gzip; a plain one is
 * mapped.  It is passed twice, so memory holds the rows that are kept and no more.
 */
#ifndef RT_IO_MSA_H
#define RT_IO_MSA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

#define RT_MSA_ROW_LIMIT 16384   /* rows that the network is ever shown */

typedef enum { RT_MSA_FASTA, RT_MSA_A3M, RT_MSA_STOCKHOLM } rt_msa_format;

typedef struct {
    char **row;             /* n_row texts, NUL-terminated; pointers and texts are one block: free(row) */
    int64_t n_row;          /* rows kept: the first of the file, at most the limit */
    int64_t n_file_row;     /* rows in the file */
} rt_msa;

/* Which format a file's name says; any other name is FASTA. */
rt_msa_format rt_msa_format_of(const char *path);

/* The alignment of `target` in `folder`: the first that exists of <target>.MSA.fasta, .fasta, .a3m, .sto and .stk, each
 * also with .gz.  False when there is none.  A folder or a broken link of that name is found, so that reading it says so. */
bool rt_msa_find(char *out_path, int64_t size, const char *folder, const char *target);

/* Reads a file in the format of its name, keeping at most RT_MSA_ROW_LIMIT rows.  An empty file is n_row 0, no error.
 * Errors, with file and line: RT_ERR_IO; RT_ERR_FORMAT (bytes that are no text, rows of another length in A3M and
 * Stockholm, no '//' at the end of Stockholm, a file that is Stockholm though its name says FASTA); RT_ERR_MEMORY. */
rt_status rt_msa_read(rt_msa *out_msa, const char *path, rt_err *err);

/* The same over memory; `name` stands for the file in errors. */
rt_status rt_msa_parse(rt_msa *out_msa, const void *bytes, int64_t size, rt_msa_format format, int64_t row_limit,
                       const char *name, rt_err *err);

void rt_msa_free_members(rt_msa *msa);

#endif
