#include "prep/augmented.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/csv.h"

enum { TIERS = 5 };

void rt_augmented_free_members(rt_augmented *augmented)
{
    for (int64_t i = 0; i < augmented->n; i++) {
        rt_augmented_row *r = &augmented->row[i];
        free(r->source), free(r->sequence), free(r->change), free(r->position);
    }
    free(augmented->row);
    *augmented = (rt_augmented){0};
}

rt_status rt_augmented_add(rt_augmented *augmented, const rt_augmented_row *row, rt_err *err)
{
    void *rows = augmented->row;
    rt_status status = rt_grow(&rows, &augmented->capacity, augmented->n + 1, sizeof *augmented->row, err);
    augmented->row = rows;
    if (status != RT_OK) return status;
    rt_augmented_row *r = &augmented->row[augmented->n++];
    *r = (rt_augmented_row){.tier = row->tier, .line = row->line, .n_position = row->n_position};
    r->source = rt_copy_text(row->source, -1, err);
    r->sequence = rt_copy_text(row->sequence, -1, err);
    r->change = rt_copy_text(row->change, -1, err);
    r->position = rt_alloc(row->n_position, sizeof *r->position, err);
    if (!r->source || !r->sequence || !r->change || !r->position) return RT_ERR_MEMORY;
    rt_tame_text(r->source);
    rt_tame_text(r->change);
    if (row->n_position) memcpy(r->position, row->position, (size_t)row->n_position * sizeof *r->position);
    return RT_OK;
}

/* "3,17-20" as rising numbers within 1 .. length. */
static rt_status read_positions(rt_augmented_row *row, int64_t *capacity, const rt_csv *csv, const char *text,
                                int64_t length, rt_err *err)
{
    int64_t last = 0;
    row->n_position = 0;
    for (const char *at = text; *at && strcmp(text, "-") != 0;) {
        int64_t from, to, n = (int64_t)strcspn(at, ","), dash = (int64_t)strcspn(at, ",-");
        bool range = dash < n;
        if (!rt_parse_int(at, dash, &from) || (range && !rt_parse_int(at + dash + 1, n - dash - 1, &to)))
            return rt_csv_fail(csv, err, "positions '%.60s' are not of the form 3,17-20", text);
        if (!range) to = from;
        if (from <= last || to < from || to > length)
            return rt_csv_fail(csv, err, "positions '%.60s' do not rise from 1 to the sequence's %lld residues", text,
                               (long long)length);
        void *positions = row->position;
        rt_status status = rt_grow(&positions, capacity, row->n_position + to - from + 1, sizeof *row->position, err);
        row->position = positions;
        if (status != RT_OK) return status;
        for (int64_t p = from; p <= to; p++) row->position[row->n_position++] = p;
        last = to;
        at += n;
        if (*at == ',' && !at[1]) return rt_csv_fail(csv, err, "positions '%.60s' end with a comma", text);
        at += *at == ',';
    }
    return RT_OK;
}

rt_status rt_augmented_read(rt_augmented *out_augmented, const char *path, rt_err *err)
{
    rt_status status = RT_OK;
    static const char *const NAME[] = {"source", "tier", "positions", "sequence", "change"};
    rt_csv *csv = NULL;
    rt_augmented_row row = {0};
    int64_t column[5], capacity = 0;
    bool more;
    *out_augmented = (rt_augmented){0};
    RT_TRY(rt_csv_open_tsv(&csv, path, err));
    for (int i = 0; i < 5; i++) RT_TRY(rt_csv_require(csv, &column[i], NAME[i], err));
    for (;;) {
        RT_TRY(rt_csv_next(csv, &more, err));
        if (!more) break;
        for (int i = 0; i < 5; i++)
            if (!rt_csv_length(csv, column[i])) RT_TRY(rt_csv_fail(csv, err, "column '%s' is empty", NAME[i]));
        row.line = rt_csv_line(csv);
        row.source = (char *)(uintptr_t)rt_csv_text(csv, column[0]);
        row.sequence = (char *)(uintptr_t)rt_csv_text(csv, column[3]);
        row.change = (char *)(uintptr_t)rt_csv_text(csv, column[4]);
        RT_TRY(rt_csv_int(csv, column[1], &row.tier, err));
        if (row.tier < 1 || row.tier > TIERS)
            RT_TRY(rt_csv_fail(csv, err, "tier %lld is none of 1 to %d", (long long)row.tier, TIERS));
        size_t letters = strspn(row.sequence, "ACGU");
        if (row.sequence[letters])
            RT_TRY(rt_csv_fail(csv, err, "'%c' at residue %zu is none of A C G U", row.sequence[letters], letters + 1));
        RT_TRY(read_positions(&row, &capacity, csv, rt_csv_text(csv, column[2]), (int64_t)letters, err));
        RT_TRY(rt_augmented_add(out_augmented, &row, err));
    }
done:
    free(row.position);
    rt_csv_close(csv);
    if (status != RT_OK) rt_augmented_free_members(out_augmented);
    return status;
}

static void print_positions(FILE *out, const rt_augmented_row *r)
{
    if (!r->n_position) fputc('-', out);
    for (int64_t i = 0, next; i < r->n_position; i = next) {
        for (next = i + 1; next < r->n_position && r->position[next] == r->position[next - 1] + 1;) next++;
        fprintf(out, "%s%lld", i ? "," : "", (long long)r->position[i]);
        if (next > i + 1) fprintf(out, "-%lld", (long long)r->position[next - 1]);
    }
}

rt_status rt_augmented_write(const rt_augmented *augmented, const char *path, rt_err *err)
{
    rt_writer *writer;
    rt_status status = rt_writer_open(&writer, path, err);
    if (status != RT_OK) return status;
    FILE *out = rt_writer_stream(writer);
    fprintf(out, "source\ttier\tpositions\tsequence\tchange\n");
    for (int64_t i = 0; i < augmented->n; i++) {
        const rt_augmented_row *r = &augmented->row[i];
        fprintf(out, "%s\t%lld\t", r->source, (long long)r->tier);
        print_positions(out, r);
        fprintf(out, "\t%s\t%s\n", r->sequence, r->change);
    }
    return rt_writer_commit(writer, err);
}
