/* stockholm.h - an alignment with names and annotation: Rfam's seeds, what cmalign writes
 * Room: prep.  Uses: base/memory, base/text, io/plain.
 * Reference: Infernal 1.1 User's Guide, "File and output formats: Stockholm", WUSS notation.
 */
#ifndef RT_PREP_STOCKHOLM_H
#define RT_PREP_STOCKHOLM_H

#include <stdint.h>

#include "base/status.h"

typedef struct {
    char *name;
    char *text;              /* (columns) letters and gaps as in the file */
    char *posterior;         /* (columns) #=GR PP; NULL: none */
} rt_stockholm_row;

typedef struct {
    char *id, *accession;    /* #=GF ID and AC; "" for none */
    rt_stockholm_row *row;   /* in the order of their first lines */
    int64_t n, capacity;
    int64_t columns;
    char *structure;         /* #=GC SS_cons; NULL: none */
    char *reference;         /* #=GC RF; NULL: none */
} rt_stockholm;

/* The next alignment of a text, from *at, which moves behind it; n == 0 and *at == size: there is none left.
 * name stands for the file in errors.  Blocks of one row are joined.
 * Errors, with the line: RT_ERR_FORMAT (no "# STOCKHOLM 1.0", no "//" at the end, rows or annotation of another
 * length, annotation of a row that is not there, bytes that are no text), RT_ERR_MEMORY. */
rt_status rt_stockholm_next(rt_stockholm *out_alignment, int64_t *at, int64_t *line, const char *text, int64_t size,
                            const char *name, rt_err *err);
/* The first alignment of a file, plain or gzip.  Errors: those; RT_ERR_IO; RT_ERR_FORMAT for a file without any. */
rt_status rt_stockholm_read(rt_stockholm *out_alignment, const char *path, rt_err *err);
void rt_stockholm_free_members(rt_stockholm *alignment);

/* Which columns pair: <> () [] {} nest each by itself, Aa Bb .. are pseudoknots.  out_partner (columns), -1: none.
 * Errors: RT_ERR_FORMAT for a bracket without a partner (file: name), RT_ERR_MEMORY. */
rt_status rt_stockholm_pairs(int32_t *out_partner, const char *structure, int64_t columns, const char *name,
                             rt_err *err);
#define RT_IS_GAP(letter) ((letter) == '-' || (letter) == '.' || (letter) == '_' || (letter) == '~')

#endif
