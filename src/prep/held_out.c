#include "prep/held_out.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/csv.h"

static rt_status add(rt_held_out *held, const char *id, int64_t length, const char *sequence, rt_err *err)
{
    if (held->n == held->capacity) {
        int64_t capacity = held->capacity;
        void *ids = held->id, *sequences = held->sequence;
        rt_status status = rt_grow(&ids, &capacity, held->n + 1, sizeof *held->id, err);
        held->id = ids;
        capacity = held->capacity;
        if (status == RT_OK) status = rt_grow(&sequences, &capacity, held->n + 1, sizeof *held->sequence, err);
        held->sequence = sequences;
        if (status != RT_OK) return status;
        held->capacity = capacity;
    }
    char *name = rt_copy_text(id, length, err), *letters = rt_copy_text(sequence, -1, err);
    if (!name || !letters) {
        free(name);
        free(letters);
        return RT_ERR_MEMORY;
    }
    rt_tame_text(name);
    held->id[held->n] = name;
    held->sequence[held->n++] = letters;
    return RT_OK;
}

/* A residue a line; a target's lines follow one another. */
static rt_status read_residues(rt_held_out *held, rt_csv *csv, rt_err *err)
{
    rt_status status = RT_OK;
    rt_text letters = {0};
    int64_t id, resname, first = held->n;
    bool more;
    RT_TRY(rt_csv_require(csv, &id, "ID", err));
    RT_TRY(rt_csv_require(csv, &resname, "resname", err));
    for (;;) {
        RT_TRY(rt_csv_next(csv, &more, err));
        const char *text = more ? rt_csv_text(csv, id) : "", *tail = strrchr(text, '_');
        if (more && (!tail || tail == text))
            RT_TRY(rt_csv_fail(csv, err, "ID '%.60s' is not of the form target_number", text));
        if (more && rt_csv_length(csv, resname) != 1)
            RT_TRY(rt_csv_fail(csv, err, "resname '%.20s' is not one letter", rt_csv_text(csv, resname)));
        const char *now = held->n > first ? held->id[held->n - 1] : NULL;
        bool same = more && now && (int64_t)strlen(now) == tail - text &&
            strncmp(now, text, (size_t)(tail - text)) == 0;
        if (!same && now) {
            free(held->sequence[held->n - 1]);
            held->sequence[held->n - 1] = rt_copy_text(letters.data, letters.length, err);
            if (!held->sequence[held->n - 1]) RT_TRY(RT_ERR_MEMORY);
        }
        if (!more) break;
        if (!same) {
            rt_text_clear(&letters);
            RT_TRY(add(held, text, tail - text, "", err));
        }
        rt_text_add_bytes(&letters, rt_csv_text(csv, resname), 1);
        if (letters.failed) RT_TRY(rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory"));
    }
done:
    rt_text_free(&letters);
    return status;
}

rt_status rt_held_out_read(rt_held_out *held, const char *path, rt_err *err)
{
    rt_status status = RT_OK;
    rt_csv *csv = NULL;
    int64_t id, sequence;
    bool more;
    RT_TRY(rt_csv_open_stream(&csv, path, err));
    if (rt_csv_find(csv, "target_id") < 0 && rt_csv_find(csv, "ID") >= 0) {
        RT_TRY(read_residues(held, csv, err));
    } else {
        RT_TRY(rt_csv_require(csv, &id, "target_id", err));
        RT_TRY(rt_csv_require(csv, &sequence, "sequence", err));
        for (;;) {
            RT_TRY(rt_csv_next(csv, &more, err));
            if (!more) break;
            if (!rt_csv_length(csv, id)) RT_TRY(rt_csv_fail(csv, err, "the target_id is empty"));
            RT_TRY(add(held, rt_csv_text(csv, id), -1, rt_csv_text(csv, sequence), err));
        }
    }
done:
    rt_csv_close(csv);
    return status;
}

void rt_held_out_free_members(rt_held_out *held)
{
    for (int64_t i = 0; i < held->n; i++) {
        free(held->id[i]);
        free(held->sequence[i]);
    }
    free(held->id);
    free(held->sequence);
    *held = (rt_held_out){0};
}
