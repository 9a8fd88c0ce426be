#include "io/msa.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/plain.h"

/* ---- lines ----------------------------------------------------------------------------------------------------- */
typedef struct {
    const uint8_t *at, *end;
    const uint8_t *lf;      /* the first LF at or after `at`, or end: looked for once, though CRs may split the text */
    int64_t line;           /* number of the line that next_line returned last */
} reader;

static reader reader_begin(const void *bytes, int64_t size)
{
    reader r = {bytes, (const uint8_t *)bytes + size, NULL, 0};
    if (size >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0) r.at += 3;   /* byte order mark */
    return r;
}

static bool is_blank(uint8_t c) { return c == ' ' || (c >= 9 && c <= 13) || (c >= 0x1c && c <= 0x1f); }

/* The next line without blanks at its ends (what Python's str.strip() takes for blank); false after the last one. */
static bool next_line(reader *r, const uint8_t **out_text, int64_t *out_length)
{
    if (r->at >= r->end) return false;
    const uint8_t *text = r->at;
    if (!r->lf || r->lf < text) {
        r->lf = memchr(text, '\n', (size_t)(r->end - text));
        if (!r->lf) r->lf = r->end;
    }
    const uint8_t *stop = r->lf;
    r->at = stop < r->end ? stop + 1 : r->end;
    const uint8_t *cr = memchr(text, '\r', (size_t)(stop - text));
    if (cr && cr + 1 < stop) {   /* a CR that no LF follows ends a line as well */
        stop = cr;
        r->at = cr + 1;
    }
    while (text < stop && is_blank(*text)) text++;
    while (stop > text && is_blank(stop[-1])) stop--;
    r->line++;
    *out_text = text;
    *out_length = stop - text;
    return true;
}

/* ---- what a byte is in a row ----------------------------------------------------------------------------------- */
typedef enum { BAD, KEEP, SKIP } use;

/* Blanks inside a line stay in FASTA: the reference makes the unknown nucleotide of them, as of any odd letter. */
static void use_table(use table[256], rt_msa_format format)
{
    for (int c = 0; c < 256; c++) table[c] = c > ' ' && c < 0x7f ? KEEP : BAD;
    if (format == RT_MSA_FASTA) table[' '] = table['\t'] = KEEP;
    if (format == RT_MSA_A3M) {
        for (int c = 'a'; c <= 'z'; c++) table[c] = SKIP;
        table['.'] = table[' '] = table['\t'] = SKIP;
    }
}

static rt_status bad_byte(const char *name, int64_t line, uint8_t c, rt_err *err)
{
    rt_fail(err, RT_ERR_FORMAT, name, line, "byte 0x%02x in a row; letters, '-' and '.' were expected", c);
    return rt_hint(err, c == 0x8b || c == 0x1f ? "is the file compressed? gunzip it first" : "is this an alignment?");
}

/* One block: n pointers, then `bytes` characters.  The texts begin at *out_text. */
static char **rows_alloc(int64_t n, int64_t bytes, char **out_text, rt_err *err)
{
    int64_t table = 0, total = 0;
    char **row = NULL;
    if (rt_multiply(n + 1, (int64_t)sizeof *row, &table) && !__builtin_add_overflow(table, bytes, &total))
        row = rt_alloc(total, 1, err);
    else
        rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory: %lld alignment rows", (long long)n);
    if (row) *out_text = (char *)row + table;
    return row;
}

/* ---- FASTA and A3M --------------------------------------------------------------------------------------------- */
typedef struct {
    int64_t limit, n_row, n_file_row, bytes;   /* bytes: texts of the kept rows with their NULs */
    int64_t length;                            /* letters of the current record so far */
    int64_t columns;                           /* of the first A3M row */
    int64_t head_line;                         /* line of the current record's '>' */
    char **row, *next;                         /* NULL while counting */
} fasta;

/* Adds a line to the current record.  Lines of rows beyond the limit are only weighed: is there a letter at all? */
static rt_status fasta_line(fasta *f, const uint8_t *text, int64_t length, int64_t line, const use table[256],
                            const char *name, rt_err *err)
{
    if (f->n_row >= f->limit) {
        f->length += length;
        return RT_OK;
    }
    for (int64_t i = 0; i < length; i++) {
        use u = table[text[i]];
        if (u == KEEP) {
            if (f->next) *f->next++ = (char)text[i];
            f->length++;
        } else if (u == BAD)
            return bad_byte(name, line, text[i], err);
    }
    return RT_OK;
}

static rt_status fasta_record_end(fasta *f, rt_msa_format format, const char *name, rt_err *err)
{
    if (format == RT_MSA_A3M && f->head_line > 0 && f->n_row < f->limit) {
        if (f->n_file_row == 0) f->columns = f->length;
        if (f->length != f->columns || f->columns == 0) {
            rt_fail(err, RT_ERR_FORMAT, name, f->head_line,
                    "this row has %lld columns without its insertions, the first row has %lld", (long long)f->length,
                    (long long)f->columns);
            return rt_hint(err, "in A3M lower-case letters and '.' are insertions; is the file plain FASTA?");
        }
    }
    if (f->length == 0) return RT_OK;
    if (f->n_row < f->limit) {
        if (f->next) {
            f->row[f->n_row] = f->next - f->length;
            *f->next++ = 0;
        }
        f->bytes += f->length + 1;
        f->n_row++;
    }
    f->n_file_row++;
    f->length = 0;
    return RT_OK;
}

/* One pass over the file: counts when f->row is NULL, else fills. */
static rt_status fasta_pass(fasta *f, reader r, rt_msa_format format, const char *name, rt_err *err)
{
    use table[256];
    const uint8_t *text;
    int64_t length;
    rt_status status = RT_OK;
    use_table(table, format);
    f->n_row = f->n_file_row = f->bytes = f->length = f->head_line = 0;
    while (next_line(&r, &text, &length)) {
        if (length == 0) continue;
        if (text[0] == '>') {
            RT_TRY(fasta_record_end(f, format, name, err));
            f->head_line = r.line;
        } else if (format == RT_MSA_A3M && f->head_line == 0) {
            if (text[0] == '#') continue;   /* "#76 1": lengths, as some servers write on top */
            return rt_fail(err, RT_ERR_FORMAT, name, r.line, "letters before the first '>'");
        } else
            RT_TRY(fasta_line(f, text, length, r.line, table, name, err));
    }
    RT_TRY(fasta_record_end(f, format, name, err));
done:
    return status;
}

static rt_status fasta_parse(rt_msa *out, reader r, rt_msa_format format, int64_t limit, const char *name, rt_err *err)
{
    static const char stockholm[] = "# STOCKHOLM";
    fasta f = {.limit = limit};
    if (r.end - r.at >= (int64_t)sizeof stockholm && memcmp(r.at, stockholm, sizeof stockholm - 1) == 0) {
        rt_fail(err, RT_ERR_FORMAT, name, 1, "a Stockholm alignment under a name that says FASTA");
        return rt_hint(err, "rename it to end in .sto");
    }
    rt_status status = fasta_pass(&f, r, format, name, err);
    if (status != RT_OK || f.n_row == 0) return status;
    char **row = rows_alloc(f.n_row, f.bytes, &f.next, err);
    if (!row) return RT_ERR_MEMORY;
    f.row = row;
    status = fasta_pass(&f, r, format, name, err);
    if (status != RT_OK) RT_BUG("the second pass over %s failed", name);
    *out = (rt_msa){row, f.n_row, f.n_file_row};
    return RT_OK;
}

/* ---- Stockholm ------------------------------------------------------------------------------------------------- */
typedef struct {
    const uint8_t *name;    /* in the file */
    int64_t name_length, columns, line;
} sto_row;

typedef struct {
    sto_row *row;
    int64_t n_row, row_capacity;
    int64_t *slot, n_slot;  /* open addressing: index of a row + 1, or 0; n_slot is a power of two */
    bool *keep;             /* for each column: does the query have a letter there? */
    int64_t n_column, keep_capacity;
    int64_t expected;       /* the row that this line belongs to if blocks repeat their order */
} sto;

static void sto_free(sto *s)
{
    free(s->row);
    free(s->slot);
    free(s->keep);
}

static uint64_t hash_bytes(const uint8_t *text, int64_t length)
{
    uint64_t hash = 0xCBF29CE484222325ull;
    for (int64_t i = 0; i < length; i++) hash = (hash ^ text[i]) * 0x100000001B3ull;
    return hash ^ hash >> 29;
}

static bool sto_is(const sto_row *row, const uint8_t *name, int64_t length)
{
    return row->name_length == length && memcmp(row->name, name, (size_t)length) == 0;
}

static rt_status sto_rehash(sto *s, rt_err *err)
{
    int64_t n_slot = s->n_slot ? s->n_slot * 4 : 64;
    int64_t *slot = rt_alloc(n_slot, sizeof *slot, err);
    if (!slot) return RT_ERR_MEMORY;
    for (int64_t i = 0; i < s->n_row; i++) {
        uint64_t at = hash_bytes(s->row[i].name, s->row[i].name_length);
        while (slot[at & (uint64_t)(n_slot - 1)]) at++;
        slot[at & (uint64_t)(n_slot - 1)] = i + 1;
    }
    free(s->slot);
    s->slot = slot;
    s->n_slot = n_slot;
    return RT_OK;
}

/* The row of that name; a new one when `grow` and there is none. */
static rt_status sto_find(sto *s, const uint8_t *name, int64_t length, int64_t line, int64_t *out_index, rt_err *err)
{
    rt_status status = RT_OK;
    if (s->expected < s->n_row && sto_is(&s->row[s->expected], name, length)) {
        *out_index = s->expected++;
        return RT_OK;
    }
    if (s->n_row * 2 >= s->n_slot) RT_TRY(sto_rehash(s, err));
    uint64_t mask = (uint64_t)(s->n_slot - 1), at = hash_bytes(name, length) & mask;
    for (; s->slot[at]; at = (at + 1) & mask)
        if (sto_is(&s->row[s->slot[at] - 1], name, length)) break;
    if (!s->slot[at]) {
        RT_TRY(rt_grow((void **)&s->row, &s->row_capacity, s->n_row + 1, sizeof *s->row, err));
        s->row[s->n_row] = (sto_row){.name = name, .name_length = length, .line = line};
        s->slot[at] = ++s->n_row;
    }
    *out_index = s->slot[at] - 1;
    s->expected = *out_index + 1;
done:
    return status;
}

static bool is_gap(uint8_t c) { return c == '-' || c == '.' || c == '_' || c == '~'; }

/* The next line of sequence: its name and letters.  False at "//" (then *out_ended) or at the end of the file. */
static bool sto_next(reader *r, const uint8_t **out_name, int64_t *out_name_length, const uint8_t **out_letters,
                     int64_t *out_length, bool *out_ended)
{
    const uint8_t *text;
    int64_t length;
    *out_ended = false;
    while (next_line(r, &text, &length)) {
        if (length == 0 || text[0] == '#') continue;
        if (length == 2 && memcmp(text, "//", 2) == 0) {
            *out_ended = true;
            return false;
        }
        int64_t n = 0;
        while (n < length && !is_blank(text[n])) n++;
        *out_name = text;
        *out_name_length = n;
        while (n < length && is_blank(text[n])) n++;
        *out_letters = text + n;
        *out_length = length - n;
        return true;
    }
    return false;
}

/* First pass: the rows' names and lengths, and which columns the query has. */
static rt_status sto_count(sto *s, reader r, int64_t limit, const char *name, rt_err *err)
{
    const uint8_t *id, *letter;
    int64_t id_length, length, index;
    bool ended;
    use table[256];
    rt_status status = RT_OK;
    use_table(table, RT_MSA_STOCKHOLM);
    while (sto_next(&r, &id, &id_length, &letter, &length, &ended)) {
        if (length == 0) return rt_fail(err, RT_ERR_FORMAT, name, r.line, "a name without a sequence");
        RT_TRY(sto_find(s, id, id_length, r.line, &index, err));
        s->row[index].columns += length;
        for (int64_t i = 0; i < length && index < limit; i++)
            if (table[letter[i]] != KEEP) return bad_byte(name, r.line, letter[i], err);
        if (index > 0) continue;
        RT_TRY(rt_grow((void **)&s->keep, &s->keep_capacity, s->n_column + length, sizeof *s->keep, err));
        for (int64_t i = 0; i < length; i++) s->keep[s->n_column++] = !is_gap(letter[i]);
    }
    if (!ended) {
        rt_fail(err, RT_ERR_FORMAT, name, r.line, "the file ends without '//'");
        return rt_hint(err, "is it complete?");
    }
    for (int64_t i = 0; i < s->n_row; i++)
        if (s->row[i].columns != s->n_column) {
            rt_fail(err, RT_ERR_FORMAT, name, s->row[i].line, "row '%.*s' has %lld columns, the first row has %lld",
                    (int)(s->row[i].name_length > 60 ? 60 : s->row[i].name_length), (const char *)s->row[i].name,
                    (long long)s->row[i].columns, (long long)s->n_column);
            return rt_hint(err, "two rows of one name are taken for pieces of one row");
        }
done:
    return status;
}

/* Second pass: copies what the query's columns hold.  `row` points at n_kept * (width + 1) characters, zeroed. */
static rt_status sto_fill(sto *s, reader r, int64_t n_kept, int64_t width, char **row, char *text, rt_err *err)
{
    const uint8_t *id, *letter;
    int64_t id_length, length, index;
    bool ended;
    rt_status status = RT_OK;
    char **next = rt_alloc(n_kept, sizeof *next, err);
    if (!next) return RT_ERR_MEMORY;
    for (int64_t i = 0; i < s->n_row; i++) s->row[i].columns = 0;
    for (int64_t i = 0; i < n_kept; i++) next[i] = row[i] = text + i * (width + 1);
    s->expected = 0;
    while (sto_next(&r, &id, &id_length, &letter, &length, &ended)) {
        RT_TRY(sto_find(s, id, id_length, r.line, &index, err));
        if (index >= n_kept) continue;
        const bool *keep = s->keep + s->row[index].columns;
        for (int64_t i = 0; i < length; i++)
            if (keep[i]) *next[index]++ = is_gap(letter[i]) ? '-' : (char)letter[i];
        s->row[index].columns += length;
    }
done:
    free(next);
    return status;
}

static rt_status sto_parse(rt_msa *out, reader r, int64_t limit, const char *name, rt_err *err)
{
    static const char first[] = "# STOCKHOLM 1.";
    const uint8_t *text;
    int64_t length = 0, width = 0, bytes = 0;
    sto s = {0};
    char **row = NULL, *letters = NULL;
    rt_status status = RT_OK;
    while (next_line(&r, &text, &length) && length == 0) {}
    if (length == 0) return RT_OK;
    if (length < (int64_t)sizeof first - 1 || memcmp(text, first, sizeof first - 1) != 0)
        return rt_fail(err, RT_ERR_FORMAT, name, r.line, "'# STOCKHOLM 1.0' was expected on the first line");
    RT_TRY(sto_count(&s, r, limit, name, err));
    if (s.n_row == 0) goto done;
    int64_t n_kept = s.n_row < limit ? s.n_row : limit;
    for (int64_t i = 0; i < s.n_column; i++) width += s.keep[i];
    if (width == 0) {
        status = rt_fail(err, RT_ERR_FORMAT, name, s.row[0].line, "the first row, the query, has no letter");
        goto done;
    }
    if (!rt_multiply(n_kept, width + 1, &bytes)) RT_BUG("%lld x %lld", (long long)n_kept, (long long)width);
    row = rows_alloc(n_kept, bytes, &letters, err);
    if (!row) {
        status = RT_ERR_MEMORY;
        goto done;
    }
    RT_TRY(sto_fill(&s, r, n_kept, width, row, letters, err));
    *out = (rt_msa){row, n_kept, s.n_row};
    row = NULL;
done:
    free(row);
    sto_free(&s);
    return status;
}

/* ---- from outside ---------------------------------------------------------------------------------------------- */
rt_msa_format rt_msa_format_of(const char *path)
{
    if (rt_ends_with(path, ".a3m") || rt_ends_with(path, ".a3m.gz")) return RT_MSA_A3M;
    if (rt_ends_with(path, ".sto") || rt_ends_with(path, ".sto.gz")) return RT_MSA_STOCKHOLM;
    return rt_ends_with(path, ".stk") || rt_ends_with(path, ".stk.gz") ? RT_MSA_STOCKHOLM : RT_MSA_FASTA;
}

bool rt_msa_find(char *out_path, int64_t size, const char *folder, const char *target)
{
    static const char *const ending[] = {".MSA.fasta", ".fasta", ".a3m", ".sto", ".stk"};
    char name[512];
    for (size_t i = 0; i < 2 * (sizeof ending / sizeof *ending); i++) {
        if (snprintf(name, sizeof name, "%s%s%s", target, ending[i / 2], i % 2 ? ".gz" : "") >= (int)sizeof name)
            continue;
        rt_path_join(out_path, size, folder, name);
        if (rt_path_exists(out_path)) return true;
    }
    return false;
}

rt_status rt_msa_parse(rt_msa *out_msa, const void *bytes, int64_t size, rt_msa_format format, int64_t row_limit,
                       const char *name, rt_err *err)
{
    RT_REQUIRE(row_limit > 0);
    reader r = reader_begin(bytes, size);
    *out_msa = (rt_msa){0};
    if (format == RT_MSA_STOCKHOLM) return sto_parse(out_msa, r, row_limit, name, err);
    return fasta_parse(out_msa, r, format, row_limit, name, err);
}

rt_status rt_msa_read(rt_msa *out_msa, const char *path, rt_err *err)
{
    rt_plain plain;
    *out_msa = (rt_msa){0};
    rt_status status = rt_plain_open(&plain, path, err);
    if (status != RT_OK) return status;
    status = rt_msa_parse(out_msa, plain.data, plain.size, rt_msa_format_of(path), RT_MSA_ROW_LIMIT, path, err);
    rt_plain_close(&plain);
    return status;
}

void rt_msa_free_members(rt_msa *msa)
{
    free(msa->row);
    *msa = (rt_msa){0};
}
