/* homologs.h - which sequences of its family's seed alignment can be threaded on a target's structure
 * Room: prep.  Uses: base/memory, base/rng, prep/family_table, prep/stockholm, io/plain.
 * Reference: O. Gotoh, J. Mol. Biol. 162:705 (1982), the alignment of a target with the seed's nearest row.
 *
 * The target is aligned with the row that is most like it; through that row's columns it meets all others.
 */
#ifndef RT_PREP_HOMOLOGS_H
#define RT_PREP_HOMOLOGS_H

#include <stdint.h>

#include "base/status.h"
#include "prep/family_table.h"
#include "prep/stockholm.h"

/* Seed alignments of families: Rfam.seed, or files of one each. */
typedef struct {
    rt_stockholm *seed;
    int64_t n, capacity;
} rt_seeds;

/* Appends the alignments of a file, plain or gzip; start from {0}.  Errors: those of rt_stockholm_next; RT_ERR_IO;
 * RT_ERR_FORMAT for a file without any. */
rt_status rt_seeds_read(rt_seeds *seeds, const char *path, rt_err *err);
void rt_seeds_free_members(rt_seeds *seeds);
/* By accession or id; NULL when there is none. */
const rt_stockholm *rt_seeds_find(const rt_seeds *seeds, const char *family);

typedef struct {
    char *name;               /* the seed's row */
    char *letters;            /* (length of the target) A C G U, '-' where the homolog has no residue */
    double identity;          /* residues of the target that are the same */
} rt_homolog;

typedef struct {
    rt_homolog *homolog;
    int64_t n, capacity;
    const char *family;       /* the seed's accession or id; NULL: no family, or no seed alignment of it */
} rt_homologs;

typedef struct {
    double identity;          /* least share of the target's residues that are the same */
    double gaps;              /* most residues without a counterpart, over the target's length; so of insertions */
    int64_t keep;             /* of each target: so many, chosen by their names' hashes */
} rt_homolog_rules;

/* opt_row: the target's families; NULL: none are found.  `seeds` must outlive the result.
 * Cost: one alignment score per row of the seed.  Errors: RT_ERR_MEMORY. */
rt_status rt_homologs_find(rt_homologs *out_homologs, const char *target, const char *sequence,
                           const rt_family_row *opt_row, const rt_seeds *seeds, const rt_homolog_rules *rules, rt_err *err);
void rt_homologs_free_members(rt_homologs *homologs);

/* out_place (length of a): the residue of b that is aligned with each residue of a, -1: none.  Ends are free.  Returns
 * the score (match 2, mismatch -1, a gap -4 and -1 for each residue); INT32_MIN without memory.  out_place may be NULL:
 * the score alone, with less memory.  Above 16,384 residues nothing is aligned. */
int32_t rt_homologs_align(int32_t *out_place, const char *a, const char *b);

#endif
