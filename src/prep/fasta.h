/* fasta.h - named sequences of a FASTA file
 * Room: prep.  Uses: base/memory, io/plain.
 */
#ifndef RT_PREP_FASTA_H
#define RT_PREP_FASTA_H

#include <stdint.h>

#include "base/status.h"

typedef struct {
    char *name;              /* the first word after '>' */
    char *sequence;          /* upper case A C G U; T became U, other letters N */
    int64_t length;
} rt_fasta_record;

typedef struct {
    rt_fasta_record *record;
    int64_t n, capacity;
} rt_fasta;

/* Plain or gzip.  Errors: RT_ERR_IO; RT_ERR_FORMAT with the line: text before the first '>', a record without name or
 * letters, what is no letter (gaps: an alignment is no sequence file); an empty file. */
rt_status rt_fasta_read(rt_fasta *out_fasta, const char *path, rt_err *err);
/* The same from memory; `name` stands for the file in errors. */
rt_status rt_fasta_parse(rt_fasta *out_fasta, const char *text, int64_t size, const char *name, rt_err *err);
void rt_fasta_free_members(rt_fasta *fasta);

#endif
