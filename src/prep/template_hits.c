/* template_hits.c - MMseqs2's table of hits and PDB release dates, for prep/templates */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/plain.h"
#include "prep/chain_table.h"
#include "prep/split.h"
#include "prep/templates.h"

enum { COLUMNS = 9 };

void rt_template_hits_free_members(rt_template_hits *hits)
{
    for (int64_t i = 0; i < hits->n; i++) {
        rt_template_hit *h = &hits->hit[i];
        free(h->target), free(h->source), free(h->q_row), free(h->t_row);
    }
    free(hits->hit);
    *hits = (rt_template_hits){0};
}

static int64_t letters(const char *row)
{
    int64_t n = 0;
    for (; *row; row++) n += *row != '-';
    return n;
}

static rt_status take_hit(void *out_hits, const char *path, int64_t line, char *text, rt_err *err)
{
    rt_template_hits *hits = out_hits;
    char *word[COLUMNS + 1], *at = text, chain[RT_CHAIN_NAME];
    int n = 0;
    for (; at && n <= COLUMNS; n++) {
        word[n] = at;
        at = strchr(at, '\t');
        if (at) *at++ = 0;
    }
    if (n == 1 && !word[0][0]) return RT_OK;
    if (n != COLUMNS) {
        rt_fail(err, RT_ERR_FORMAT, path, line, "has %d columns, %d were expected", n, COLUMNS);
        return rt_hint(err, "mmseqs convertalis --format-output query,target,evalue,qstart,qend,tstart,tend,qaln,taln");
    }
    void *all = hits->hit;
    rt_status status = rt_grow(&all, &hits->capacity, hits->n + 1, sizeof *hits->hit, err);
    hits->hit = all;
    if (status != RT_OK) return status;
    rt_template_hit *h = &hits->hit[hits->n++];
    *h = (rt_template_hit){.line = line};
    h->target = rt_copy_text(word[0], -1, err);
    h->source = rt_copy_text(word[1], -1, err);
    h->q_row = rt_copy_text(word[7], -1, err);
    h->t_row = rt_copy_text(word[8], -1, err);
    if (!h->target || !h->source || !h->q_row || !h->t_row) return RT_ERR_MEMORY;
    rt_tame_text(h->target);
    rt_tame_text(h->source);
    if (!rt_chain_name(chain, h->source))
        return rt_fail(err, RT_ERR_FORMAT, path, line, "'%.40s' is no PDB chain such as 7qr4_B", h->source);
    if (!rt_parse_double(word[2], (int64_t)strlen(word[2]), &h->evalue))
        return rt_fail(err, RT_ERR_FORMAT, path, line, "'%.40s' is no E-value", word[2]);
    int64_t *const place[] = {&h->q_from, &h->q_to, &h->t_from, &h->t_to};
    for (int i = 0; i < 4; i++)
        if (!rt_parse_int(word[3 + i], (int64_t)strlen(word[3 + i]), place[i]) || *place[i] < 1)
            return rt_fail(err, RT_ERR_FORMAT, path, line, "'%.40s' is no place on a sequence", word[3 + i]);
    if (strlen(h->q_row) != strlen(h->t_row) || letters(h->q_row) != h->q_to - h->q_from + 1 ||
        letters(h->t_row) != h->t_to - h->t_from + 1)
        return rt_fail(err, RT_ERR_FORMAT, path, line, "the rows of the alignment do not fit its places");
    return RT_OK;
}

static int by_target(const void *a, const void *b)
{
    const rt_template_hit *x = a, *y = b;
    int order = strcmp(x->target, y->target);
    if (order) return order;
    if (x->evalue != y->evalue) return x->evalue < y->evalue ? -1 : 1;
    return x->line < y->line ? -1 : x->line > y->line;
}

rt_status rt_template_hits_read(rt_template_hits *out_hits, const char *path, rt_err *err)
{
    *out_hits = (rt_template_hits){0};
    rt_status status = rt_plain_each_line(path, take_hit, out_hits, err);
    if (status == RT_OK && out_hits->n > 1) qsort(out_hits->hit, (size_t)out_hits->n, sizeof *out_hits->hit, by_target);
    if (status != RT_OK) rt_template_hits_free_members(out_hits);
    return status;
}

/* ---- release dates ----------------------------------------------------------------------------------------------- */

static int by_code(const void *a, const void *b)
{
    return strcasecmp(((const rt_release_date *)a)->code, ((const rt_release_date *)b)->code);
}

/* RCSB's report comes in pieces of 2,500 entries, each with its own heading: headings are passed over wherever they
 * are. */
static bool is_heading(const char *first)
{
    static const char *const NAME[] = {"Identifier", "Entry ID", "pdb_id", "PDB ID", "target_id"};
    for (size_t i = 0; i < sizeof NAME / sizeof *NAME; i++)
        if (strcasecmp(first, NAME[i]) == 0) return true;
    return false;
}

static void unquote(char *field)
{
    size_t n = strlen(field);
    while (n && (unsigned char)field[n - 1] <= ' ') field[--n] = 0;
    if (n >= 2 && field[0] == '"' && field[n - 1] == '"') {
        memmove(field, field + 1, n - 2);
        field[n - 2] = 0;
    }
}

static rt_status take_a_date(void *out_dates, const char *path, int64_t line, char *text, rt_err *err)
{
    rt_release_dates *dates = out_dates;
    char *date = strpbrk(text, ",\t"), *rest;
    if (!text[strspn(text, " \t\r")]) return RT_OK;
    if (date) *date++ = 0;
    rest = date ? strpbrk(date, ",\t") : NULL;
    if (rest) *rest = 0;
    unquote(text);
    if (is_heading(text)) return RT_OK;
    if (strlen(text) != 4 || !date)
        return rt_fail(err, RT_ERR_FORMAT, path, line, "'%.40s' is no PDB code with a release date", text);
    unquote(date);
    if (!rt_split_is_date(date)) return rt_fail(err, RT_ERR_FORMAT, path, line,
                                                "'%.40s' is no date such as 2022-05-27", date);
    void *rows = dates->row;
    rt_status status = rt_grow(&rows, &dates->capacity, dates->n + 1, sizeof *dates->row, err);
    dates->row = rows;
    if (status != RT_OK) return status;
    rt_release_date *r = &dates->row[dates->n++];
    snprintf(r->code, sizeof r->code, "%.4s", text);
    snprintf(r->date, sizeof r->date, "%.10s", date);
    return RT_OK;
}

rt_status rt_release_dates_read(rt_release_dates *out_dates, const char *path, rt_err *err)
{
    *out_dates = (rt_release_dates){0};
    rt_status status = rt_plain_each_line(path, take_a_date, out_dates, err);
    if (status == RT_OK && !out_dates->n) status = rt_fail(err, RT_ERR_FORMAT, path, 0, "has no release date");
    if (status == RT_OK && out_dates->n > 1) qsort(out_dates->row, (size_t)out_dates->n, sizeof *out_dates->row,
                                                   by_code);
    if (status != RT_OK) rt_release_dates_free_members(out_dates);
    return status;
}

void rt_release_dates_free_members(rt_release_dates *dates)
{
    free(dates->row);
    *dates = (rt_release_dates){0};
}

const char *rt_release_dates_find(const rt_release_dates *dates, const char *source)
{
    rt_release_date key = {0};
    snprintf(key.code, sizeof key.code, "%.4s", source);
    const rt_release_date *at = dates->n ? bsearch(&key, dates->row, (size_t)dates->n, sizeof *dates->row,
                                                   by_code) : NULL;
    return at ? at->date : "-";
}
