#include "prep/seed.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/plain.h"

typedef struct {
    rt_seeds *seeds;
    rt_seed *open;            /* the alignment being read; NULL between two */
    int64_t next;             /* the row that the next line probably is: blocks repeat the rows' order */
} reader;

static void free_seed(rt_seed *s)
{
    for (int64_t i = 0; i < s->n_row; i++) free(s->row[i].name), free(s->row[i].text);
    free(s->row);
    free(s->accession);
    free(s->id);
}

void rt_seeds_free_members(rt_seeds *seeds)
{
    for (int64_t i = 0; i < seeds->n; i++) free_seed(&seeds->seed[i]);
    free(seeds->seed);
    *seeds = (rt_seeds){0};
}

const rt_seed *rt_seeds_find(const rt_seeds *seeds, const char *family)
{
    for (int64_t i = 0; i < seeds->n; i++)
        if (strcmp(seeds->seed[i].accession, family) == 0 || strcmp(seeds->seed[i].id, family) == 0) return &seeds->seed[i];
    return NULL;
}

static rt_status begin(reader *r, rt_err *err)
{
    void *items = r->seeds->seed;
    rt_status status = rt_grow(&items, &r->seeds->capacity, r->seeds->n + 1, sizeof *r->seeds->seed, err);
    r->seeds->seed = items;
    if (status != RT_OK) return status;
    r->open = &r->seeds->seed[r->seeds->n++];
    *r->open = (rt_seed){.accession = rt_copy_text("", -1, err), .id = rt_copy_text("", -1, err)};
    r->next = 0;
    return r->open->accession && r->open->id ? RT_OK : RT_ERR_MEMORY;
}

/* "#=GF AC   RF00001": the first word of the value. */
static rt_status read_tag(char **out, const char *value, rt_err *err)
{
    while (isspace((unsigned char)*value)) value++;
    char *text = rt_copy_text(value, (int64_t)strcspn(value, " \t"), err);
    if (!text) return RT_ERR_MEMORY;
    rt_tame_text(text);
    free(*out);
    *out = text;
    return RT_OK;
}

static bool is_named(const rt_seed_row *row, const char *name, int64_t length)
{
    return strncmp(row->name, name, (size_t)length) == 0 && row->name[length] == 0;
}

static rt_status find_row(rt_seed_row **out_row, reader *r, const char *name, int64_t length, rt_err *err)
{
    rt_seed *s = r->open;
    int64_t at = r->next;
    if (at >= s->n_row || !is_named(&s->row[at], name, length))
        for (at = 0; at < s->n_row && !is_named(&s->row[at], name, length);) at++;
    if (at == s->n_row) {
        void *items = s->row;
        rt_status status = rt_grow(&items, &s->capacity, s->n_row + 1, sizeof *s->row, err);
        s->row = items;
        if (status != RT_OK) return status;
        s->row[at] = (rt_seed_row){.name = rt_copy_text(name, length, err)};
        s->n_row++;
        if (!s->row[at].name) return RT_ERR_MEMORY;
    }
    r->next = at + 1;
    *out_row = &s->row[at];
    return RT_OK;
}

static char column_of(unsigned char c)
{
    char letter = (char)toupper(c);
    if (letter == 'T') letter = 'U';
    if (c && strchr("-._~", c)) return '-';
    return c && strchr("ACGU", letter) ? letter : 'N';
}

static rt_status add_columns(rt_seed_row *row, const char *text, const char *path, int64_t line, rt_err *err)
{
    int64_t n = (int64_t)strcspn(text, " \t");
    if (n == 0 || text[n + (int64_t)strspn(text + n, " \t")] != 0) {
        rt_fail(err, RT_ERR_FORMAT, path, line, "expected a name and its columns");
        return rt_hint(err, "a row of a Stockholm alignment is 'name  ACG-U..'");
    }
    void *letters = row->text;
    rt_status status = rt_grow(&letters, &row->capacity, row->length + n, 1, err);
    row->text = letters;
    if (status != RT_OK) return status;
    for (int64_t k = 0; k < n; k++) row->text[row->length++] = column_of((unsigned char)text[k]);
    return RT_OK;
}

static rt_status end(reader *r, const char *path, int64_t line, rt_err *err)
{
    const rt_seed *s = r->open;
    if (s->n_row == 0) return rt_fail(err, RT_ERR_FORMAT, path, line, "an alignment without rows ends here");
    for (int64_t i = 1; i < s->n_row; i++)
        if (s->row[i].length != s->row[0].length)
            return rt_fail(err, RT_ERR_FORMAT, path, line, "row %lld of alignment %lld has %lld columns, the first %lld",
                           (long long)i + 1, (long long)r->seeds->n, (long long)s->row[i].length,
                           (long long)s->row[0].length);
    r->open->n_column = s->row[0].length;
    r->open = NULL;
    return RT_OK;
}

static rt_status take_line(void *context, const char *path, int64_t line, char *text, rt_err *err)
{
    reader *r = context;
    static const char header[] = "# STOCKHOLM";
    size_t length = strcspn(text, " \t");
    rt_seed_row *row;
    if (!text[strspn(text, " \t")]) return RT_OK;
    if (!r->open) {
        if (strncmp(text, header, sizeof header - 1) == 0) return begin(r, err);
        return rt_fail(err, RT_ERR_FORMAT, path, line, "expected '# STOCKHOLM 1.0'");
    }
    if (strncmp(text, "#=GF AC", 7) == 0) return read_tag(&r->open->accession, text + 7, err);
    if (strncmp(text, "#=GF ID", 7) == 0) return read_tag(&r->open->id, text + 7, err);
    if (text[0] == '#') return RT_OK;
    if (strcmp(text, "//") == 0) return end(r, path, line, err);
    rt_status status = find_row(&row, r, text, (int64_t)length, err);
    if (status != RT_OK) return status;
    return add_columns(row, text + length + strspn(text + length, " \t"), path, line, err);
}

rt_status rt_seeds_read(rt_seeds *seeds, const char *path, rt_err *err)
{
    int64_t before = seeds->n;
    reader r = {.seeds = seeds};
    rt_status status = rt_plain_each_line(path, take_line, &r, err);
    if (status == RT_OK && r.open)
        status = rt_fail(err, RT_ERR_FORMAT, path, 0, "the last alignment has no '//' at its end");
    else if (status == RT_OK && seeds->n == before) status = rt_fail(err, RT_ERR_FORMAT, path, 0, "has no alignment");
    while (status != RT_OK && seeds->n > before) free_seed(&seeds->seed[--seeds->n]);
    return status;
}
