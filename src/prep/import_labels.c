/* import_labels.c - tables of labels: one pass, target after target, each written as soon as it is complete
 *
 * A table has its targets together, so that one target is in memory at a time.  A target whose rows turn out to be
 * scattered is gathered in further passes, as many at once as GATHER bytes hold.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/progress.h"
#include "io/csv.h"
#include "prep/import_internal.h"
#include "prep/label_table.h"

#define GATHER ((int64_t)256 << 20)
#define CHECKPOINT_BYTES ((int64_t)256 << 20)
#define CHECKPOINT_SECONDS 5.0

typedef struct {
    rt_import *import;
    const rt_import_file *file;
    rt_import_position *position;
    rt_csv *csv;
    rt_label_columns columns;
    rt_label_block block;           /* the target that is being read; xyz NULL when its rows are passed over */
    rt_import_row *row;             /* NULL when no sequence is known */
    char id[256];                   /* of the target of the last row, "" for none or a longer one */
    int64_t id_length;
    int64_t unknown_rows, unknown_line;
    int64_t checkpoint_offset;
    double checkpoint_time;
} reader;

/* ---- what a checkpoint keeps ---- */

rt_status rt_import_checkpoint(rt_import *import, const rt_import_position *position, rt_err *err)
{
    rt_text text = {0};
    rt_text_add(&text, "%lld %lld %lld %lld\n", (long long)position->file, (long long)position->pass,
                (long long)position->offset, (long long)position->line);
    for (int64_t i = 0; i < import->n_row; i++) {
        const rt_import_row *row = &import->row[i];
        if (row->state == RT_ROW_WAITING || row->state == RT_ROW_DONE) continue;
        rt_text_add(&text, "%lld %d %lld %lld\n", (long long)i, (int)row->state, (long long)row->n_seen,
                    (long long)row->label_line);
    }
    rt_status status = text.failed ? rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory")
                                   : rt_dataset_writer_checkpoint(import->writer, text.data, err);
    rt_text_free(&text);
    return status;
}

/* Which table an added target's labels came from. */
static const char *find_source(const rt_import *import, const rt_import_row *row)
{
    char *source = rt_dataset_writer_source_of(import->writer, row->id);
    const char *found = NULL;
    for (int i = 0; source && i < import->survey->n_file; i++)
        if (strcmp(import->survey->file[i].path, source) == 0) found = import->survey->file[i].path;
    free(source);
    return found;
}

rt_status rt_import_restore(rt_import *import, rt_import_position *out_position, rt_err *err)
{
    long long field[4];
    const char *at = rt_dataset_writer_state(import->writer);
    for (bool first = true; *at; first = false) {
        if (sscanf(at, "%lld %lld %lld %lld", &field[0], &field[1], &field[2], &field[3]) != 4 ||
            (!first && (field[0] < 0 || field[0] >= import->n_row)))
            return rt_fail(err, RT_ERR_FORMAT, import->options->out, 0, "the unfinished import is damaged");
        if (first) {
            *out_position = (rt_import_position){field[0], field[1], field[2], field[3]};
        } else {
            rt_import_row *row = &import->row[field[0]];
            row->state = (rt_row_state)field[1];
            row->n_seen = field[2];
            row->label_line = field[3];
        }
        at += strcspn(at, "\n");
        at += *at == '\n';
    }
    for (int64_t i = 0; i < import->n_row; i++) {
        rt_import_row *row = &import->row[i];
        if (row->state == RT_ROW_WAITING) row->done_in = find_source(import, row);
        if (row->done_in) row->state = RT_ROW_DONE;
    }
    return RT_OK;
}

/* Between two targets; the next row is at the position. */
static rt_status maybe_checkpoint(reader *r, rt_err *err)
{
    int64_t read, size;
    rt_csv_progress(r->csv, &read, &size);
    rt_progress_step(r->import->megabytes + read / 1000000);
    bool stop = rt_stop_requested();
    int64_t bytes = r->import->options->checkpoint_bytes ? r->import->options->checkpoint_bytes : CHECKPOINT_BYTES;
    if (!stop && r->position->offset - r->checkpoint_offset < bytes &&
        rt_clock() - r->checkpoint_time < CHECKPOINT_SECONDS)
        return RT_OK;
    r->checkpoint_offset = r->position->offset;
    r->checkpoint_time = rt_clock();
    rt_status status = rt_import_checkpoint(r->import, r->position, err);
    if (status != RT_OK || !stop) return status;
    rt_fail(err, RT_ERR_STOPPED, NULL, 0, "stopped; what was read is kept");
    return rt_hint(err, "run the same command again: it goes on where it stopped");
}

/* ---- one target ---- */

static rt_status refuse(reader *r, rt_import_row *row, const char *reason, int64_t line, const char *detail,
                        rt_err *err)
{
    row->state = RT_ROW_REFUSED;
    return rt_import_note(r->import->writer, "refused", reason, row->id, row->origin, r->file->path, line, err, "%s",
                          detail);
}

static rt_status remark(reader *r, const rt_import_row *row, const char *reason, int64_t line, const char *detail,
                        rt_err *err)
{
    return rt_import_note(r->import->writer, "kept", reason, row->id, row->origin, r->file->path, line, err, "%s",
                          detail);
}

/* A complete target: into the set, unless the options refuse it. */
static rt_status add_target(reader *r, rt_import_row *row, rt_label_block *block, rt_err *err)
{
    rt_status status = RT_OK;
    char msa[PATH_MAX], detail[96], *segments = NULL;
    bool refused;
    rt_label_block_compact(block);
    if (!block->n_conformation) {
        if (rt_import_is_filtered(row->origin))
            return refuse(r, row, "no_resolved_residue", block->first_line, "no atom has coordinates", err);
        return remark(r, row, "no_resolved_residue", block->first_line,
                      "no atom has coordinates: kept without labels", err);
    }
    rt_target target = rt_import_target(r->import, row, msa);
    RT_TRY(rt_label_block_segments(block, &segments, err));
    target.segments = segments;
    target.source = r->file->path;
    target.n_conformation = block->n_conformation;
    target.n_slot = block->n_slot;
    target.slots = r->columns.slots;
    RT_TRY(rt_import_filter(r->import->writer, r->import->options, &target, block->xyz, block->first_line, &refused,
                            err));
    row->state = refused ? RT_ROW_REFUSED : RT_ROW_DONE;
    if (refused) goto done;
    row->done_in = r->file->path;
    RT_TRY(rt_dataset_writer_add(r->import->writer, &target, block->xyz, err));
    if (block->n_half) {
        snprintf(detail, sizeof detail, "%lld atoms have one or two of three coordinates: taken as missing",
                 (long long)block->n_half);
        RT_TRY(remark(r, row, "half_missing_atoms", block->first_line, detail, err));
    }
    if (!block->in_order)
        RT_TRY(remark(r, row, "rows_out_of_order", block->first_line, "placed by the number in their ID", err));
done:
    free(segments);
    return status;
}

static rt_status refuse_incomplete(reader *r, rt_import_row *row, int64_t n_seen, int64_t line, rt_err *err)
{
    char detail[96];
    snprintf(detail, sizeof detail, "rows for %lld of %lld residues", (long long)n_seen, (long long)row->length);
    return refuse(r, row, "label_mismatch", line, detail, err);
}

/* The rows of the last target have come. */
static rt_status end_target(reader *r, rt_err *err)
{
    rt_status status = RT_OK;
    rt_import_row *row = r->row;
    if (r->unknown_rows)
        status = rt_import_note(r->import->writer, "ignored", "labels_without_sequence", r->id, r->file->origin,
                                r->file->path, r->unknown_line, err, "%lld rows", (long long)r->unknown_rows);
    r->unknown_rows = 0;
    if (r->block.xyz && status == RT_OK) {
        row->n_seen = r->block.n_seen;
        row->label_line = r->block.first_line;
        if (r->block.problem[0])
            status = refuse(r, row, "label_mismatch", r->block.problem_line, r->block.problem, err);
        else if (r->block.n_seen < row->length) row->state = RT_ROW_INCOMPLETE;
        else status = add_target(r, row, &r->block, err);
    }
    rt_label_block_free_members(&r->block);
    r->row = NULL;
    r->id[0] = 0;
    return status;
}

/* The current row is the first of a target, or the first again. */
static rt_status begin_target(reader *r, const char *id, int64_t length, rt_err *err)
{
    int64_t line = rt_csv_line(r->csv);
    rt_import_row *row = rt_import_find(r->import, id, length);
    r->row = row;
    r->id_length = length;
    snprintf(r->id, sizeof r->id, "%.*s", (int)(length < 256 ? length : 0), id);
    if (!row || !(row->origin & r->file->origin)) {
        r->unknown_line = line;
        if (length >= 256) snprintf(r->id, sizeof r->id, "%.40s...", id);
        return RT_OK;
    }
    if (row->state == RT_ROW_INCOMPLETE) row->state = RT_ROW_SCATTERED;
    if (row->state == RT_ROW_DONE && row->done_in == r->file->path) {
        rt_status status = rt_dataset_writer_drop(r->import->writer, row->id, err);
        return status != RT_OK ? status
                               : refuse(r, row, "label_mismatch", line, "more rows after its last residue", err);
    }
    return row->state == RT_ROW_WAITING ? rt_label_block_start(&r->block, &r->columns, row->length, line, err) : RT_OK;
}

/* The current row: in the running target, or the first of another one. */
static rt_status take_row(reader *r, rt_err *err)
{
    const char *id = rt_csv_text(r->csv, r->columns.id);
    int64_t length, number;
    rt_status status = RT_OK;
    if (!rt_label_split_id(id, rt_csv_length(r->csv, r->columns.id), &length, &number)) {
        rt_csv_fail(r->csv, err, "the ID '%.40s' does not end in _NUMBER", id);
        return rt_hint(err, "an ID is the target and the number of the residue: 1SCL_A_7");
    }
    if (!r->id[0] || length != r->id_length || length >= (int64_t)sizeof r->id ||
        memcmp(id, r->id, (size_t)length) != 0) {
        status = end_target(r, err);
        if (status == RT_OK) status = maybe_checkpoint(r, err);
        if (status == RT_OK) status = begin_target(r, id, length, err);
        if (status != RT_OK) return status;
    }
    if (!r->row || !(r->row->origin & r->file->origin)) r->unknown_rows++;
    else if (r->block.xyz)
        status = rt_label_block_add(&r->block, &r->columns, r->csv, r->row->sequence, number, err);
    return status;
}

static rt_status read_in_one_pass(reader *r, rt_err *err)
{
    rt_status status = RT_OK;
    bool more;
    for (;;) {
        r->position->offset = rt_csv_offset(r->csv);
        r->position->line = rt_csv_next_line(r->csv);
        RT_TRY(rt_csv_next(r->csv, &more, err));
        if (!more) break;
        RT_TRY(take_row(r, err));
    }
    RT_TRY(end_target(r, err));
    r->position->pass = 2;
    RT_TRY(rt_import_checkpoint(r->import, r->position, err));
done:
    return status;
}

/* ---- rows that are not together ---- */

/* The next targets whose rows are scattered, as many as GATHER bytes hold, each with a block. */
static rt_status choose_batch(reader *r, rt_label_block **ret_block, int64_t *out_count, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t bytes = 0, n = 0, capacity = 0;
    void *blocks = NULL;
    for (int64_t i = 0; i < r->import->n_row && bytes < GATHER; i++) {
        rt_import_row *row = &r->import->row[i];
        if (row->state != RT_ROW_SCATTERED) continue;
        RT_TRY(rt_grow(&blocks, &capacity, n + 1, sizeof **ret_block, err));
        row->batch = n++;
        RT_TRY(rt_label_block_start((rt_label_block *)blocks + row->batch, &r->columns, row->length, row->label_line,
                                    err));
        bytes += row->length * r->columns.n_conformation * r->columns.n_slot * 12;
    }
done:
    *ret_block = blocks;
    *out_count = n;
    return status;
}

static rt_status gather(reader *r, rt_label_block *block, int64_t n, rt_err *err)
{
    rt_status status = RT_OK;
    int64_t length, number;
    bool more;
    while ((status = rt_csv_next(r->csv, &more, err)) == RT_OK && more) {
        const char *id = rt_csv_text(r->csv, r->columns.id);
        if (!rt_label_split_id(id, rt_csv_length(r->csv, r->columns.id), &length, &number)) continue;
        const rt_import_row *row = rt_import_find(r->import, id, length);
        if (!row || row->state != RT_ROW_SCATTERED || row->batch < 0 || row->batch >= n) continue;
        RT_TRY(rt_label_block_add(&block[row->batch], &r->columns, r->csv, row->sequence, number, err));
        if (rt_stop_requested()) RT_TRY(rt_fail(err, RT_ERR_STOPPED, NULL, 0, "stopped; what was read is kept"));
    }
done:
    return status;
}

static rt_status end_batch(reader *r, rt_label_block *block, int64_t n, rt_err *err)
{
    rt_status status = RT_OK;
    for (int64_t i = 0; i < r->import->n_row; i++) {
        rt_import_row *row = &r->import->row[i];
        if (row->state != RT_ROW_SCATTERED || row->batch < 0 || row->batch >= n) continue;
        rt_label_block *own = &block[row->batch];
        row->batch = -1;
        row->n_seen = own->n_seen;
        if (own->problem[0]) {
            RT_TRY(refuse(r, row, "label_mismatch", own->problem_line, own->problem, err));
        } else if (own->n_seen < row->length) {
            RT_TRY(refuse_incomplete(r, row, own->n_seen, own->first_line, err));
        } else {
            own->in_order = true;   /* the remark below says more */
            RT_TRY(add_target(r, row, own, err));
            if (row->state == RT_ROW_DONE)
                RT_TRY(remark(r, row, "rows_not_together", own->first_line, "gathered from the whole table", err));
            else if (row->state == RT_ROW_SCATTERED) row->state = RT_ROW_WAITING;   /* no atom: kept without labels */
        }
    }
done:
    return status;
}

static rt_status read_scattered(reader *r, rt_err *err)
{
    rt_status status = RT_OK;
    rt_label_block *block = NULL;
    int64_t n = 0;
    for (int64_t i = 0; i < r->import->n_row; i++) r->import->row[i].batch = -1;
    for (;;) {
        RT_TRY(choose_batch(r, &block, &n, err));
        if (!n) break;
        rt_csv_close(r->csv);
        r->csv = NULL;
        RT_TRY(rt_csv_open_stream(&r->csv, r->file->path, err));
        RT_TRY(gather(r, block, n, err));
        RT_TRY(end_batch(r, block, n, err));
        RT_TRY(rt_import_checkpoint(r->import, r->position, err));
        for (int64_t i = 0; i < n; i++) rt_label_block_free_members(&block[i]);
        free(block);
        block = NULL;
    }
    for (int64_t i = 0; i < r->import->n_row; i++) {
        rt_import_row *row = &r->import->row[i];
        if (row->state == RT_ROW_INCOMPLETE) RT_TRY(refuse_incomplete(r, row, row->n_seen, row->label_line, err));
    }
done:
    for (int64_t i = 0; block && i < n; i++) rt_label_block_free_members(&block[i]);
    free(block);
    return status;
}

rt_status rt_import_read_labels(rt_import *import, rt_import_position *position, rt_err *err)
{
    rt_status status = RT_OK;
    reader r = {.import = import, .file = &import->survey->file[position->file], .position = position,
                .checkpoint_offset = position->offset, .checkpoint_time = rt_clock()};
    RT_TRY(rt_csv_open_stream(&r.csv, r.file->path, err));
    RT_TRY(rt_label_columns_read(&r.columns, r.csv, err));
    if (r.columns.n_unknown && position->pass == 1 && position->offset == 0)
        RT_TRY(rt_import_note(import->writer, "ignored", "unknown_columns", "", r.file->origin, r.file->path, 1, err,
                              "%lld columns of atoms that have no place in the set", (long long)r.columns.n_unknown));
    if (position->pass == 1) {
        if (position->offset) RT_TRY(rt_csv_seek(r.csv, position->offset, position->line, err));
        RT_TRY(read_in_one_pass(&r, err));
    }
    RT_TRY(read_scattered(&r, err));
done:
    rt_label_block_free_members(&r.block);
    rt_label_columns_free_members(&r.columns);
    rt_csv_close(r.csv);
    if (status == RT_ERR_FORMAT && err && !err->hint[0])
        rt_hint(err, "if the file is damaged or cut short, download it again and run the same command with --force");
    return status;
}
