/* table.h - what `rnatune score` writes: one row per target and model, as TSV and JSON, and its reader
 * Room: score.  Uses: base/file, base/memory, base/text, base/json.
 *
 * The list below is the only place that knows the columns: the row's struct, the TSV's header, writer and reader, the
 * JSON and the documentation come from it.  A number that is not known (no all-atom native, no predicted pair) is NaN
 * in the struct, NA in the TSV and null in JSON; a count that is not known is -1, an unknown text "", and both are NA.
 *
 * A row is about the model and the reference conformation `native`, the one with the highest tm_resid (ties: the
 * first).  Only tm_align may come from another conformation, named in `native_align`, because the competition's Part 1
 * takes its own maximum.
 */
#ifndef RT_SCORE_TABLE_H
#define RT_SCORE_TABLE_H

#include <jansson.h>
#include <stdint.h>

#include "base/status.h"
#include "base/text.h"

#define RT_SCORE_NAME 128   /* bytes of a name, with its final zero */

/* X(TEXT, name, help)  Y(REAL, name, decimals, help)  Z(COUNT, name, help), in the TSV's order. */
#define RT_SCORE_COLUMNS(TEXT, REAL, COUNT)                                                                             \
    TEXT(target, "name of the target")                                                                                  \
    TEXT(model, "name of the model: its file's, or the number of the submission's columns")                             \
    REAL(tm_align, 5, "TM-score by sequence-independent alignment, normalised by the native (Part 1)")                  \
    REAL(tm_resid, 5, "TM-score by residue number, normalised by the native (Part 2)")                                  \
    REAL(rmsd, 3, "RMSD of residues paired by number, Angstrom, over the representative atom (C1')")                    \
    REAL(d0, 4, "TM-score's d0 for n_native, Angstrom")                                                                 \
    COUNT(length, "residues of the target's sequence; of the native where no sequence is known")                        \
    COUNT(n_native, "resolved residues of the native")                                                                  \
    COUNT(n_model, "resolved residues of the model")                                                                    \
    COUNT(n_paired, "residues paired by number, over which tm_resid and rmsd run")                                      \
    COUNT(n_aligned, "residues aligned by tm_align")                                                                    \
    REAL(rmsd_aligned, 3, "RMSD of the residues that tm_align aligned, Angstrom")                                       \
    REAL(gdt_ts, 5, "GDT-TS by residue number, 0..1: share of the native within 1, 2, 4, 8 Angstrom, averaged")         \
    REAL(lddt_c1, 5, "lDDT of the representative atom, inclusion radius 15 Angstrom")                                   \
    REAL(lddt_c1_30, 5, "the same with 30 Angstrom, RNAPro's radius for nucleotides")                                   \
    REAL(lddt_all, 5, "lDDT of all heavy atoms, 15 Angstrom, pairs of different residues")                              \
    REAL(lddt_all30, 5, "the same with 30 Angstrom, pairs within a residue included as RNAPro counts")                  \
    REAL(inf_all, 5, "interaction network fidelity over all base pairs and stacks")                                     \
    REAL(inf_wc, 5, "the same, canonical and wobble pairs")                                                             \
    REAL(inf_nwc, 5, "the same, all other base pairs")                                                                  \
    REAL(inf_stack, 5, "the same, stacked bases")                                                                       \
    REAL(clash, 3, "clashes per 1,000 heavy atoms of the model")                                                        \
    COUNT(n_missing, "resolved residues of the native that the model lacks")                                            \
    COUNT(n_chain, "RNA chains (copies included) of the native")                                                        \
    COUNT(n_reference, "reference conformations of the target")                                                         \
    TEXT(native, "the reference conformation of this row")                                                              \
    TEXT(native_align, "the reference conformation of tm_align")                                                        \
    TEXT(atom, "representative atom: C1', C3' or P")                                                                    \
    TEXT(chain_map, "native chain:model chain,... when there are several, else NA")                                     \
    COUNT(rank, "1 is the model that its maker ranks first")                                                            \
    COUNT(n_model_total, "models of this target in this table")                                                        \
    COUNT(n_template, "templates that the prediction had, from its summary.json")

typedef struct {
#define RT_TEXT_FIELD(name, help) char name[RT_SCORE_NAME];
#define RT_REAL_FIELD(name, decimals, help) double name;
#define RT_COUNT_FIELD(name, help) int64_t name;
    RT_SCORE_COLUMNS(RT_TEXT_FIELD, RT_REAL_FIELD, RT_COUNT_FIELD)
#undef RT_TEXT_FIELD
#undef RT_REAL_FIELD
#undef RT_COUNT_FIELD
    double loss;   /* of a training run's held-out target (train/validation.h); no column of the table */
} rt_score_row;

typedef struct {
    rt_score_row *row;
    int64_t n_row, capacity;
} rt_score_table;

/* A row with nothing known: NaN, -1, "". */
void rt_score_row_init(rt_score_row *out_row);

/* Appends a copy.  Errors: RT_ERR_MEMORY. */
rt_status rt_score_table_add(rt_score_table *table, const rt_score_row *row, rt_err *err);
void rt_score_table_free_members(rt_score_table *table);

/* The header line and one line per row.  Tabs and line ends inside a name become blanks. */
void rt_score_table_print(rt_text *out_text, const rt_score_table *table);

/* Reads what rt_score_table_print wrote, or another tool's TSV: columns are found by name, the first five must be
 * there, others may be absent (not known) and unknown ones are ignored.  Release with rt_score_table_free_members.
 * Errors: RT_ERR_IO, RT_ERR_FORMAT with line and column, RT_ERR_MEMORY. */
rt_status rt_score_table_load(rt_score_table *out_table, const char *path, rt_err *err);

/* An array of objects, keys as the columns; json_decref() it.  NULL when memory ran out. */
json_t *rt_score_table_json(const rt_score_table *table);

#endif
