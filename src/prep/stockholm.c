#include "prep/stockholm.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/rng.h"
#include "base/text.h"
#include "io/plain.h"

/* A text that grows piece by piece. */
typedef struct { char *data; int64_t length, capacity; } piece_text;

typedef struct { piece_text text, posterior; } row_texts;

typedef struct {
    rt_stockholm out;
    row_texts *texts;            /* beside out.row */
    int64_t texts_capacity;
    piece_text structure, reference;
    int64_t *slot, slots;        /* row + 1 by the hash of its name, 0: empty */
    const char *file;
    int64_t line;
} reader;

static rt_status fail(const reader *r, const char *what, rt_err *err)
{
    return rt_fail(err, RT_ERR_FORMAT, r->file, r->line, "%s", what);
}

static rt_status append(piece_text *to, const char *text, int64_t length, rt_err *err)
{
    void *data = to->data;
    rt_status status = rt_grow(&data, &to->capacity, to->length + length + 1, 1, err);
    to->data = data;
    if (status != RT_OK) return status;
    memcpy(to->data + to->length, text, (size_t)length);
    to->length += length;
    to->data[to->length] = 0;
    return RT_OK;
}

/* ---- rows by name ------------------------------------------------------------------------------------------------ */

static int64_t find_slot(const reader *r, const char *name, int64_t length)
{
    uint64_t at = rt_hash_name(name, length);
    for (;; at++) {
        int64_t slot = (int64_t)(at & (uint64_t)(r->slots - 1)), row = r->slot[slot] - 1;
        if (row < 0) return slot;
        if (!strncmp(r->out.row[row].name, name, (size_t)length) && !r->out.row[row].name[length]) return slot;
    }
}

static rt_status widen(reader *r, rt_err *err)
{
    if (r->out.n * 2 < r->slots) return RT_OK;
    free(r->slot);
    r->slots = r->slots ? 2 * r->slots : 64;
    r->slot = rt_alloc(r->slots, sizeof *r->slot, err);
    if (!r->slot) return RT_ERR_MEMORY;
    for (int64_t k = 0; k < r->out.n; k++) {
        const char *name = r->out.row[k].name;
        r->slot[find_slot(r, name, (int64_t)strlen(name))] = k + 1;
    }
    return RT_OK;
}

static rt_status find_row(reader *r, int64_t *out_row, const char *name, int64_t length, bool create, rt_err *err)
{
    rt_status status = RT_OK;
    RT_TRY(widen(r, err));
    int64_t slot = find_slot(r, name, length);
    *out_row = r->slot[slot] - 1;
    if (*out_row >= 0) goto done;
    if (!create) RT_TRY(fail(r, "annotates a row that is not there yet", err));
    void *rows = r->out.row, *texts = r->texts;
    status = rt_grow(&rows, &r->out.capacity, r->out.n + 1, sizeof *r->out.row, err);
    r->out.row = rows;
    if (status != RT_OK) goto done;
    status = rt_grow(&texts, &r->texts_capacity, r->out.n + 1, sizeof *r->texts, err);
    r->texts = texts;
    if (status != RT_OK) goto done;
    r->out.row[r->out.n].name = rt_copy_text(name, length, err);
    if (!r->out.row[r->out.n].name) RT_TRY(RT_ERR_MEMORY);
    *out_row = r->out.n;
    r->slot[slot] = ++r->out.n;
done:
    return status;
}

/* ---- lines ------------------------------------------------------------------------------------------------------- */

/* The next word of a line, and where it ends. */
static int64_t word(const char **at, const char *end)
{
    const char *start = *at;
    while (start < end && isblank((unsigned char)*start)) start++;
    *at = start;
    while (start < end && !isblank((unsigned char)*start)) start++;
    return start - *at;
}

static bool is(const char *text, int64_t length, const char *what)
{
    return length == (int64_t)strlen(what) && !memcmp(text, what, (size_t)length);
}

static rt_status take_word(piece_text *to, const reader *r, const char *at, const char *end, rt_err *err)
{
    int64_t n = word(&at, end);
    for (int64_t k = 0; k < n; k++)
        if (!isgraph((unsigned char)at[k])) return fail(r, "has a letter that is none", err);
    return n ? append(to, at, n, err) : fail(r, "a name and nothing behind it", err);
}

static rt_status take_identity(char **field, const char *at, const char *end, rt_err *err)
{
    int64_t n = word(&at, end);
    while (n && at[n - 1] == ';') n--;
    char *text = rt_copy_text(at, n, err);
    if (!text) return RT_ERR_MEMORY;
    rt_tame_text(text);
    free(*field);
    *field = text;
    return RT_OK;
}

static rt_status take_markup(reader *r, const char *at, const char *end, rt_err *err)
{
    const char *kind = at;
    int64_t n = word(&at, end), row;
    at += n;
    const char *first = at;
    int64_t length = word(&first, end);
    at = first + length;
    if (is(kind, n, "#=GF") && is(first, length, "ID")) return take_identity(&r->out.id, at, end, err);
    if (is(kind, n, "#=GF") && is(first, length, "AC")) return take_identity(&r->out.accession, at, end, err);
    if (is(kind, n, "#=GC") && is(first, length, "SS_cons")) return take_word(&r->structure, r, at, end, err);
    if (is(kind, n, "#=GC") && is(first, length, "RF")) return take_word(&r->reference, r, at, end, err);
    if (!is(kind, n, "#=GR")) return RT_OK;
    const char *feature = at;
    int64_t feature_length = word(&feature, end);
    if (!is(feature, feature_length, "PP")) return RT_OK;
    rt_status status = find_row(r, &row, first, length, false, err);
    return status == RT_OK ? take_word(&r->texts[row].posterior, r, feature + feature_length, end, err) : status;
}

static rt_status take_row(reader *r, const char *at, const char *end, rt_err *err)
{
    int64_t n = word(&at, end), row;
    rt_status status = find_row(r, &row, at, n, true, err);
    return status == RT_OK ? take_word(&r->texts[row].text, r, at + n, end, err) : status;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static rt_status finish(reader *r, rt_err *err)
{
    rt_stockholm *out = &r->out;
    if (!out->n) return fail(r, "an alignment without rows", err);
    out->columns = r->texts[0].text.length;
    for (int64_t k = 0; k < out->n; k++) {
        const row_texts *t = &r->texts[k];
        if (t->text.length != out->columns || (t->posterior.data && t->posterior.length != out->columns))
            return rt_fail(err, RT_ERR_FORMAT, r->file, r->line,
                           "row %lld ends here with %lld columns, the first with %lld", (long long)k + 1,
                           (long long)(t->text.length != out->columns ? t->text : t->posterior).length,
                           (long long)out->columns);
    }
    if ((r->structure.data && r->structure.length != out->columns) ||
        (r->reference.data && r->reference.length != out->columns))
        return fail(r, "SS_cons or RF is not as long as the rows", err);
    for (int64_t k = 0; k < out->n; k++) {
        rt_tame_text(out->row[k].name);
        out->row[k].text = r->texts[k].text.data;
        out->row[k].posterior = r->texts[k].posterior.data;
        r->texts[k] = (row_texts){0};
    }
    out->structure = r->structure.data;
    out->reference = r->reference.data;
    r->structure = r->reference = (piece_text){0};
    if (!out->id) out->id = rt_copy_text("", 0, err);
    if (!out->accession) out->accession = rt_copy_text("", 0, err);
    return out->id && out->accession ? RT_OK : RT_ERR_MEMORY;
}

static void free_reader(reader *r)
{
    for (int64_t k = 0; k < r->out.n; k++) {
        free(r->texts[k].text.data);
        free(r->texts[k].posterior.data);
    }
    free(r->texts);
    free(r->structure.data);
    free(r->reference.data);
    free(r->slot);
}

rt_status rt_stockholm_next(rt_stockholm *out_alignment, int64_t *at, int64_t *line, const char *text, int64_t size,
                            const char *name, rt_err *err)
{
    rt_status status = RT_OK;
    reader r = {.file = name};
    bool inside = false, ended = false;
    while (*at < size && !ended) {
        const char *start = text + *at, *end = memchr(start, '\n', (size_t)(size - *at));
        if (!end) end = text + size;
        *at = end - text + (end < text + size);
        r.line = ++*line;
        while (end > start && isspace((unsigned char)end[-1])) end--;
        if (end == start) continue;
        if (memchr(start, 0, (size_t)(end - start))) RT_TRY(fail(&r, "holds a zero byte: no text", err));
        if (!inside && (end - start < 15 || memcmp(start, "# STOCKHOLM 1.", 14) != 0))
            RT_TRY(fail(&r, "expected '# STOCKHOLM 1.0'", err));
        if (!inside) inside = true;
        else if (is(start, end - start, "//")) ended = true;
        else if (start[0] == '#' && end - start > 2 && start[1] == '=') RT_TRY(take_markup(&r, start, end, err));
        else if (start[0] != '#') RT_TRY(take_row(&r, start, end, err));
    }
    if (inside && !ended) RT_TRY(fail(&r, "ends without '//': it is cut short", err));
    if (inside) RT_TRY(finish(&r, err));
done:
    free_reader(&r);
    if (status != RT_OK) rt_stockholm_free_members(&r.out);
    *out_alignment = r.out;
    return status;
}

rt_status rt_stockholm_read(rt_stockholm *out_alignment, const char *path, rt_err *err)
{
    rt_plain plain;
    int64_t at = 0, line = 0;
    *out_alignment = (rt_stockholm){0};
    rt_status status = rt_plain_open(&plain, path, err);
    if (status != RT_OK) return status;
    status = rt_stockholm_next(out_alignment, &at, &line, plain.data, plain.size, path, err);
    rt_plain_close(&plain);
    if (status == RT_OK && !out_alignment->n) status = rt_fail(err, RT_ERR_FORMAT, path, 0, "holds no alignment");
    return status;
}

void rt_stockholm_free_members(rt_stockholm *alignment)
{
    for (int64_t k = 0; k < alignment->n; k++) {
        free(alignment->row[k].name);
        free(alignment->row[k].text);
        free(alignment->row[k].posterior);
    }
    free(alignment->row);
    free(alignment->id);
    free(alignment->accession);
    free(alignment->structure);
    free(alignment->reference);
    *alignment = (rt_stockholm){0};
}

rt_status rt_stockholm_pairs(int32_t *out_partner, const char *structure, int64_t columns, const char *name,
                             rt_err *err)
{
    static const char OPEN[] = "<([{", CLOSE[] = ">)]}";
    rt_status status = RT_OK;
    int32_t *open = NULL, last[128];
    RT_TRY_ALLOC(open, columns);   /* a chain of what is open, per kind of bracket */
    for (int k = 0; k < 128; k++) last[k] = -1;
    for (int64_t k = 0; k < columns; k++) {
        unsigned char c = (unsigned char)structure[k];
        const char *opener = c ? strchr(OPEN, c) : NULL, *closer = c ? strchr(CLOSE, c) : NULL;
        bool opens = opener || (c < 128 && isupper(c));
        int kind = opens ? c : closer ? OPEN[closer - CLOSE] : c < 128 && islower(c) ? toupper(c) : 0;
        out_partner[k] = -1;
        if (!kind) continue;
        if (opens) {
            open[k] = last[kind];
            last[kind] = (int32_t)k;
            continue;
        }
        if (last[kind] < 0)
            RT_TRY(rt_fail(err, RT_ERR_FORMAT, name, 0, "column %lld of SS_cons closes what was not opened",
                           (long long)k + 1));
        out_partner[k] = last[kind];
        out_partner[last[kind]] = (int32_t)k;
        last[kind] = open[last[kind]];
    }
    for (int k = 0; k < 128; k++)
        if (last[k] >= 0) RT_TRY(rt_fail(err, RT_ERR_FORMAT, name, 0, "column %d of SS_cons opens what is never closed",
                                         last[k] + 1));
done:
    free(open);
    return status;
}
