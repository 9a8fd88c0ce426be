/* import_sequences.c - the tables of sequences: rows by target, filtered as the reference does */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/rng.h"
#include "io/csv.h"
#include "io/msa.h"
#include "prep/import_internal.h"

enum { ID, SEQUENCE, CUTOFF, DESCRIPTION, ALL_SEQUENCES, STOICHIOMETRY, LIGAND_IDS, LIGAND_SMILES, N_COLUMN };
static const char *const COLUMNS[N_COLUMN] = {"target_id",     "sequence",      "temporal_cutoff", "description",
                                              "all_sequences", "stoichiometry", "ligand_ids",      "ligand_SMILES"};

/* ---- by name ---- */

/* The place of an id in the table, or the empty one where it would be. */
static int64_t find_place(const rt_import *import, const char *id, int64_t length)
{
    int64_t at = (int64_t)(rt_hash_name(id, length) & (uint64_t)(import->n_slot - 1));
    for (; import->slot[at]; at = (at + 1) & (import->n_slot - 1)) {
        const char *other = import->row[import->slot[at] - 1].id;
        if (strncmp(other, id, (size_t)length) == 0 && other[length] == 0) break;
    }
    return at;
}

rt_import_row *rt_import_find(const rt_import *import, const char *id, int64_t length)
{
    if (!import->n_slot) return NULL;
    int64_t row = import->slot[find_place(import, id, length)];
    return row ? &import->row[row - 1] : NULL;
}

/* Twice as many places as rows, a power of two. */
static rt_status grow_table(rt_import *import, rt_err *err)
{
    if (2 * (import->n_row + 1) <= import->n_slot) return RT_OK;
    int64_t *old = import->slot, n_old = import->n_slot;
    import->n_slot = n_old ? 2 * n_old : 1024;
    import->slot = rt_alloc(import->n_slot, sizeof *import->slot, err);
    if (!import->slot) {
        import->slot = old;
        import->n_slot = n_old;
        return RT_ERR_MEMORY;
    }
    for (int64_t i = 0; i < n_old; i++) {
        if (!old[i]) continue;
        const char *id = import->row[old[i] - 1].id;
        import->slot[find_place(import, id, (int64_t)strlen(id))] = old[i];
    }
    free(old);
    return RT_OK;
}

/* ---- rows ---- */

static rt_status copy_cell(char **ret, const rt_csv *csv, int64_t column, rt_err *err)
{
    bool absent = column < 0 || rt_csv_missing(csv, column);
    *ret = rt_copy_text(absent ? "" : rt_csv_text(csv, column), -1, err);
    return *ret ? RT_OK : RT_ERR_MEMORY;
}

static void free_row(rt_import_row *row)
{
    free(row->id);
    free(row->sequence);
    free(row->description);
    free(row->all_sequences);
    free(row->stoichiometry);
    free(row->ligand_ids);
    free(row->ligand_smiles);
    *row = (rt_import_row){0};
}

static rt_status read_cells(rt_import_row *row, const rt_csv *csv, const int64_t column[N_COLUMN], rt_err *err)
{
    rt_status status = RT_OK;
    char **cell[N_COLUMN] = {&row->id, &row->sequence, NULL, &row->description, &row->all_sequences,
                             &row->stoichiometry, &row->ligand_ids, &row->ligand_smiles};
    for (int i = 0; i < N_COLUMN; i++)
        if (cell[i]) RT_TRY(copy_cell(cell[i], csv, column[i], err));
    row->length = (int64_t)strlen(row->sequence);
    row->line = rt_csv_line(csv);
done:
    return status;
}

static rt_status note(const rt_import *import, const rt_import_row *row, const char *outcome, const char *reason,
                      const char *detail, rt_err *err)
{
    if (import->resumed) return RT_OK;   /* it was written before */
    return rt_import_note(import->writer, outcome, reason, row->id, row->file->origin, row->file->path, row->line,
                          err, "%s", detail);
}

/* Why a row is refused by what it says itself; NULL when it is not. */
static const char *refusal(const rt_import *import, const rt_import_row *row, char *detail, int64_t size)
{
    const char *before = import->options->before;
    int64_t bad = rt_import_bad_letter(row->sequence);
    detail[0] = 0;
    if (!row->length) return "empty_sequence";
    if (bad) {
        char letter = row->sequence[strcspn(row->sequence, "-X")];
        if (letter) {
            snprintf(detail, (size_t)size, "'%c' at %lld of %lld", letter, (long long)strcspn(row->sequence, "-X") + 1,
                     (long long)row->length);
            return "invalid_characters";
        }
        snprintf(detail, (size_t)size, "'%c' at %lld of %lld: A, C, G and U are known", row->sequence[bad - 1],
                 (long long)bad, (long long)row->length);
        return "unknown_residue";
    }
    if (before && row->cutoff[0] && rt_import_is_filtered(row->origin) && strcmp(row->cutoff, before) >= 0) {
        snprintf(detail, (size_t)size, "%s is not before %s", row->cutoff, before);
        return "after_cutoff";
    }
    return NULL;
}

/* A row whose target is there already: in another table with the same sequence it is that target; else it is
 * refused. */
static rt_status merge(rt_import *import, rt_import_row *first, rt_import_row *second, rt_err *err)
{
    char detail[256];
    if (first->state == RT_ROW_REFUSED && first->file != second->file &&
        !refusal(import, second, detail, sizeof detail)) {   /* what training may not see, validation still is */
        rt_import_row taken = *first;
        *first = *second;
        *second = taken;
        return RT_OK;
    }
    if (first->file != second->file && strcmp(first->sequence, second->sequence) == 0) {
        snprintf(detail, sizeof detail, "also in %s, line %lld", rt_path_name(first->file->path),
                 (long long)first->line);
        first->origin |= second->origin;
        return note(import, second, "kept", "in_several_tables", detail, err);
    }
    snprintf(detail, sizeof detail, "%s sequence in %s, line %lld",
             strcmp(first->sequence, second->sequence) == 0 ? "the same" : "another", rt_path_name(first->file->path),
             (long long)first->line);
    return note(import, second, "refused", "duplicate_target", detail, err);
}

static rt_status add_row(rt_import *import, rt_import_row *row, rt_err *err)
{
    rt_status status = RT_OK;
    char detail[256];
    rt_import_row *same = rt_import_find(import, row->id, (int64_t)strlen(row->id));
    if (same) {
        status = merge(import, same, row, err);
        free_row(row);
        return status;
    }
    const char *reason = refusal(import, row, detail, sizeof detail);
    if (reason) {
        row->state = RT_ROW_REFUSED;
        RT_TRY(note(import, row, "refused", reason, detail, err));
    }
    RT_TRY(grow_table(import, err));
    void *rows = import->row;
    RT_TRY(rt_grow(&rows, &import->rows, import->n_row + 1, sizeof *import->row, err));
    import->row = rows;
    import->row[import->n_row] = *row;
    import->slot[find_place(import, row->id, (int64_t)strlen(row->id))] = ++import->n_row;
    return RT_OK;
done:
    free_row(row);
    return status;
}

static rt_status read_date(const rt_import *import, rt_import_row *row, const rt_csv *csv, int64_t column, rt_err *err)
{
    char detail[96];
    bool absent = column < 0 || rt_csv_missing(csv, column);
    if (!absent && rt_import_parse_date(row->cutoff, rt_csv_text(csv, column))) return RT_OK;
    bool matters = import->options->before && rt_import_is_filtered(row->origin);
    if (absent) return matters ? note(import, row, "kept", "no_date", "no temporal_cutoff", err) : RT_OK;
    snprintf(detail, sizeof detail, "'%.40s' is no date (YYYY-MM-DD)", rt_csv_text(csv, column));
    return note(import, row, "kept", "no_date", detail, err);
}

static rt_status read_table(rt_import *import, const rt_import_file *file, rt_err *err)
{
    rt_status status = RT_OK;
    rt_csv *csv = NULL;
    int64_t column[N_COLUMN];
    bool more;
    RT_TRY(rt_csv_open_stream(&csv, file->path, err));
    RT_TRY(rt_csv_require(csv, &column[ID], COLUMNS[ID], err));
    RT_TRY(rt_csv_require(csv, &column[SEQUENCE], COLUMNS[SEQUENCE], err));
    for (int i = CUTOFF; i < N_COLUMN; i++) column[i] = rt_csv_find(csv, COLUMNS[i]);
    while ((status = rt_csv_next(csv, &more, err)) == RT_OK && more) {
        rt_import_row row = {.file = file, .origin = file->origin};
        status = read_cells(&row, csv, column, err);
        if (status == RT_OK && !row.id[0]) status = rt_csv_fail(csv, err, "the row has no target_id");
        if (status == RT_OK) status = read_date(import, &row, csv, column[CUTOFF], err);
        if (status == RT_OK) status = add_row(import, &row, err);
        else free_row(&row);
        if (status != RT_OK) goto done;
    }
done:
    rt_csv_close(csv);
    return status;
}

rt_status rt_import_read_sequences(rt_import *import, rt_err *err)
{
    for (int i = 0; i < import->survey->n_file; i++) {
        if (import->survey->file[i].kind != RT_IMPORT_SEQUENCES) continue;
        rt_status status = read_table(import, &import->survey->file[i], err);
        if (status != RT_OK) return status;
    }
    return RT_OK;
}

void rt_import_free_rows(rt_import *import)
{
    for (int64_t i = 0; i < import->n_row; i++) free_row(&import->row[i]);
    free(import->row);
    free(import->slot);
    import->row = NULL;
    import->slot = NULL;
    import->n_row = import->n_slot = import->rows = 0;
}

rt_target rt_import_target(const rt_import *import, const rt_import_row *row, char msa[PATH_MAX])
{
    rt_target target = rt_target_empty();
    bool found = false;
    for (int i = 0; i < 2 && !found; i++)
        found = import->survey->msa[i][0] && rt_msa_find(msa, PATH_MAX, import->survey->msa[i], row->id);
    target.number = row - import->row;
    target.id = row->id;
    target.sequence = row->sequence;
    target.length = row->length;
    target.origin = row->origin;
    target.cutoff = row->cutoff;
    target.description = row->description;
    target.all_sequences = row->all_sequences;
    target.stoichiometry = row->stoichiometry;
    target.ligand_ids = row->ligand_ids;
    target.ligand_smiles = row->ligand_smiles;
    target.source = row->file->path;
    target.msa = found ? msa : "";
    return target;
}
