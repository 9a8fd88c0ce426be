/* seed.h - seed alignments of families: a Stockholm file of one or many, as Rfam.seed
 * Room: prep.  Uses: base/memory, io/plain.
 * Reference: https://docs.rfam.org, "Stockholm format"
 *
 * Rows keep their names and columns, which io/msa.h, made for one target's alignment, does not need.
 */
#ifndef RT_PREP_SEED_H
#define RT_PREP_SEED_H

#include <stdint.h>

#include "base/status.h"

typedef struct {
    char *name;               /* "X07545.1/505-619" */
    char *text;               /* (n_column) A C G U, '-' for a gap, N for any other letter */
    int64_t length, capacity;
} rt_seed_row;

typedef struct {
    char *accession, *id;     /* #=GF AC "RF00001" and ID "5S_rRNA"; "" where the file has none */
    rt_seed_row *row;
    int64_t n_row, capacity, n_column;
} rt_seed;

typedef struct {
    rt_seed *seed;            /* in the file's order */
    int64_t n, capacity;
} rt_seeds;

/* Appends the alignments of a file, plain or gzip; start from {0}.
 * Errors: RT_ERR_IO; RT_ERR_FORMAT with the line: no "# STOCKHOLM" at the beginning, a row without letters, rows of
 * different lengths, no "//" at the end; RT_ERR_MEMORY.  What was read before stays. */
rt_status rt_seeds_read(rt_seeds *seeds, const char *path, rt_err *err);
void rt_seeds_free_members(rt_seeds *seeds);

/* By accession or id; NULL when there is none. */
const rt_seed *rt_seeds_find(const rt_seeds *seeds, const char *family);

#endif
