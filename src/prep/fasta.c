#include "prep/fasta.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/plain.h"

static rt_status add_record(rt_fasta *fasta, const char *line, int64_t length, int64_t room, const char *file,
                            int64_t number, rt_err *err)
{
    int64_t end = 1;
    while (end < length && !isspace((unsigned char)line[end])) end++;
    if (end == 1) return rt_fail(err, RT_ERR_FORMAT, file, number, "a record without a name");
    void *items = fasta->record;
    rt_status status = rt_grow(&items, &fasta->capacity, fasta->n + 1, sizeof *fasta->record, err);
    fasta->record = items;
    if (status != RT_OK) return status;
    rt_fasta_record *record = &fasta->record[fasta->n++];
    *record = (rt_fasta_record){.name = rt_copy_text(line + 1, end - 1, err), .sequence = rt_alloc(room + 1, 1, err)};
    return record->name && record->sequence ? RT_OK : RT_ERR_MEMORY;
}

static rt_status add_letters(rt_fasta_record *record, const char *line, int64_t length, const char *file, int64_t number,
                             rt_err *err)
{
    for (int64_t k = 0; k < length; k++) {
        unsigned char c = (unsigned char)line[k];
        if (isspace(c)) continue;
        if (!isalpha(c)) {
            rt_fail(err, RT_ERR_FORMAT, file, number, "'%c' is no residue", isprint(c) ? c : '?');
            return rt_hint(err, "sequences hold letters alone; an alignment's gaps must be removed");
        }
        char letter = (char)toupper(c);
        if (letter == 'T') letter = 'U';
        record->sequence[record->length++] = strchr("ACGU", letter) ? letter : 'N';
    }
    return RT_OK;
}

static rt_status last_has_letters(const rt_fasta *fasta, const char *file, int64_t line, rt_err *err)
{
    if (!fasta->n || fasta->record[fasta->n - 1].length) return RT_OK;
    return rt_fail(err, RT_ERR_FORMAT, file, line, "%s has no residues", fasta->record[fasta->n - 1].name);
}

/* Bytes until the next record: an upper bound of its letters. */
static int64_t room_after(const char *text, int64_t at, int64_t size)
{
    int64_t end = at;
    while (end < size && !(text[end] == '>' && (end == 0 || text[end - 1] == '\n' || text[end - 1] == '\r'))) end++;
    return end - at;
}

rt_status rt_fasta_parse(rt_fasta *out_fasta, const char *text, int64_t size, const char *name, rt_err *err)
{
    rt_status status = RT_OK;
    rt_fasta fasta = {0};
    int64_t number = 1;
    for (int64_t at = 0; at < size; number++) {
        int64_t length = 0;
        while (at + length < size && text[at + length] != '\n' && text[at + length] != '\r') length++;
        const char *line = text + at;
        if (length && *line == '>') {
            RT_TRY(last_has_letters(&fasta, name, number, err));
            RT_TRY(add_record(&fasta, line, length, room_after(text, at + length, size), name, number, err));
        } else if (fasta.n) {
            RT_TRY(add_letters(&fasta.record[fasta.n - 1], line, length, name, number, err));
        } else if (length) {
            status = rt_fail(err, RT_ERR_FORMAT, name, number, "expected '>' and a name, then the sequence");
            goto done;
        }
        at += length;
        if (at < size) at += text[at] == '\r' && at + 1 < size && text[at + 1] == '\n' ? 2 : 1;
    }
    if (!fasta.n) status = rt_fail(err, RT_ERR_FORMAT, name, 0, "has no sequences");
    else status = last_has_letters(&fasta, name, number - 1, err);
done:
    if (status != RT_OK) rt_fasta_free_members(&fasta);
    *out_fasta = fasta;
    return status;
}

rt_status rt_fasta_read(rt_fasta *out_fasta, const char *path, rt_err *err)
{
    rt_plain plain;
    rt_status status = rt_plain_open(&plain, path, err);
    *out_fasta = (rt_fasta){0};
    if (status != RT_OK) return status;
    status = rt_fasta_parse(out_fasta, plain.data, plain.size, path, err);
    rt_plain_close(&plain);
    return status;
}

void rt_fasta_free_members(rt_fasta *fasta)
{
    for (int64_t k = 0; k < fasta->n; k++) {
        free(fasta->record[k].name);
        free(fasta->record[k].sequence);
    }
    free(fasta->record);
    *fasta = (rt_fasta){0};
}
