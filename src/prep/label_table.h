/* label_table.h - the columns of a table of labels, and one target's rows gathered from it
 * Room: prep.  Uses: prep/atom_slot, io/csv, base/memory.
 *
 * Two layouts: x_1, y_1, z_1, x_2, ... (C1' alone, any number of conformations) and P_x_1, P_y_1, P_z_1, OP1_x_1, ...
 * (all atoms); with ID ("1SCL_A_7"), resname, resid, and chain and copy where several chains make up a target.
 */
#ifndef RT_PREP_LABEL_TABLE_H
#define RT_PREP_LABEL_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "io/csv.h"
#include "prep/atom_slot.h"

typedef struct {
    int64_t column[3];          /* x, y, z */
    int64_t conformation;       /* from 0 */
    int64_t place;              /* slot, or 0 with n_slot 1 */
} rt_label_atom;

typedef struct {
    int64_t id, resname, resid, chain, copy;   /* columns; -1 for those that may be absent */
    rt_label_atom *atom;
    int64_t n_atom;
    int64_t n_conformation, n_slot, slots;     /* as rt_target */
    int64_t n_unknown;                         /* columns of atoms that have no slot: not read */
} rt_label_columns;

/* From the header.  Errors: RT_ERR_FORMAT for a missing column, an atom without all three axes, no coordinates at
 * all. */
rt_status rt_label_columns_read(rt_label_columns *out_columns, const rt_csv *csv, rt_err *err);
void rt_label_columns_free_members(rt_label_columns *columns);

/* A target's labels while they come in, in any order. */
typedef struct {
    int64_t length, n_conformation, n_slot;
    float *xyz;                 /* (n_conformation, length, n_slot, 3), NaN where nothing came */
    bool *seen;                 /* (length) */
    int32_t *segment;           /* (length), numbers of name[]; NULL without chains */
    char (*name)[32];           /* "A/1" */
    int64_t n_name, names;
    int64_t n_seen, last;       /* last: number of the row before, from 1 */
    int64_t n_half;             /* atoms with one or two of three coordinates: missing */
    bool in_order;
    int64_t first_line, problem_line;
    char problem[160];          /* the first thing that is wrong, "" when nothing is */
} rt_label_block;

rt_status rt_label_block_start(rt_label_block *block, const rt_label_columns *columns, int64_t length, int64_t line,
                               rt_err *err);
/* The current row, residue `number` (from 1) of a target with that sequence.  What does not fit the target is a
 * problem of the block; a cell that is no number is an error. */
rt_status rt_label_block_add(rt_label_block *block, const rt_label_columns *columns, const rt_csv *csv,
                             const char *sequence, int64_t number, rt_err *err);
/* Drops conformations without a single atom; the number of those that are left is block->n_conformation. */
void rt_label_block_compact(rt_label_block *block);
/* "A/1:1-76;A/2:77-152", "" without chains; free() it. */
rt_status rt_label_block_segments(const rt_label_block *block, char **ret_segments, rt_err *err);
void rt_label_block_free_members(rt_label_block *block);

/* Cuts "1SCL_A_7" into the target's length and the number; false when it does not end in _NUMBER. */
bool rt_label_split_id(const char *id, int64_t length, int64_t *out_target, int64_t *out_number);

#endif
