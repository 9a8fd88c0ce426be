/* bpseq.h - a known secondary structure from a file: lines `i letter j`, j 0 for unpaired
 * Room: prep.  Uses: base/memory, base/text, io/plain.
 * Reference: the Comparative RNA Web site's bpseq format (J. J. Cannone et al., BMC Bioinformatics 3:2, 2002).
 */
#ifndef RT_PREP_BPSEQ_H
#define RT_PREP_BPSEQ_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

typedef struct {
    char *sequence;          /* upper case A C G U; T became U, other letters N */
    int64_t length;
    int32_t *partner;        /* (length) from 0, -1: unpaired; symmetric */
} rt_bpseq;

/* Plain or gzip.  Lines before the first numbered one that begin with # or hold a colon are comments.
 * Errors, with the line: RT_ERR_IO; RT_ERR_FORMAT (not three columns, numbers out of order, a partner beyond the end or
 * that does not point back, an empty file), RT_ERR_MEMORY. */
rt_status rt_bpseq_read(rt_bpseq *out_structure, const char *path, rt_err *err);
/* The same from memory; `name` stands for the file in errors. */
rt_status rt_bpseq_parse(rt_bpseq *out_structure, const char *text, int64_t size, const char *name, rt_err *err);
void rt_bpseq_free_members(rt_bpseq *structure);

/* Is it what such a file is called: .bpseq, maybe .gz behind it? */
bool rt_bpseq_is_name(const char *name);

#endif
