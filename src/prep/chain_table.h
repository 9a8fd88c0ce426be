/* chain_table.h - what is known of PDB chains: their Rfam families (Rfam's own table), their RNA3DB component and part
 * Room: prep.  Uses: base/json, base/memory, base/text, io/csv, io/plain.
 * Reference: Rfam's Rfam.pdb table; M. Szikszai et al., J. Mol. Biol. 436:168552 (2024), RNA3DB and its JSON files.
 */
#ifndef RT_PREP_CHAIN_TABLE_H
#define RT_PREP_CHAIN_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

#define RT_CHAIN_NAME 24

/* "1SCL_A" -> "1scl_A": a PDB code in lower case and the chain as it is.  False when `id` is no such name. */
bool rt_chain_name(char out[RT_CHAIN_NAME], const char *id);
/* Two names of one target: equal, or one PDB entry's chain with the entry's letters in another case. */
bool rt_chain_same(const char *a, const char *b);

/* The parts of a split, in the order in which they are printed. */
typedef enum { RT_PART_TRAIN, RT_PART_VALIDATION, RT_PART_TEST, RT_PART_NONE } rt_part;
#define RT_PARTS 3
const char *rt_part_name(rt_part part);                      /* "train", "validation", "test", "none" */
bool rt_part_find(rt_part *out_part, const char *name);      /* also "valid", "val", "train_set", ... */

typedef struct {
    char chain[RT_CHAIN_NAME];
    char *group;             /* the family's accession, the component's name */
    char *label;             /* the family's name; "" */
    double evalue;           /* NaN when unknown */
    int64_t from, to;        /* residues of the structure, 0 when unknown */
    rt_part part;            /* RNA3DB: RT_PART_NONE when the file does not say */
    int64_t line;
} rt_chain_row;

typedef struct {
    rt_chain_row *row;       /* by chain, then E-value */
    int64_t n, capacity;
    int64_t n_unnamed;       /* rows of Rfam's table that name no chain, and are left out */
} rt_chain_table;

/* Rfam.pdb as CSV (gzip too) or TSV: columns rfam_acc, pdb_id, chain; evalue_score, pdb_start, pdb_end, id when there.
 * Errors: RT_ERR_IO, RT_ERR_FORMAT with the line. */
rt_status rt_chain_table_read_rfam(rt_chain_table *out_table, const char *path, rt_err *err);

/* RNA3DB: a CSV (gzip too) with columns PDB_ID and Chain_ID (or full_id), component_x (or component) and dataset (or
 * split); or one of its JSON files: split.json {part: {component: {representative: {chain: ...}}}} or cluster.json
 * without parts.  A chain that is there twice must have one component and one part.
 * Errors: RT_ERR_IO, RT_ERR_FORMAT. */
rt_status rt_chain_table_read_rna3db(rt_chain_table *out_table, const char *path, rt_err *err);

void rt_chain_table_free_members(rt_chain_table *table);

/* The rows of a chain: the first one and their number; NULL and 0 when there is none. */
const rt_chain_row *rt_chain_table_find(const rt_chain_table *table, const char *chain, int64_t *out_n);

#endif
