#include "prep/hits.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/plain.h"

enum { MAX_WORDS = 32 };

typedef struct { const char *text; int64_t length; } word;

/* Where a row's columns are: a row of format 1 or 3 begins with the target's name, one of format 2 with a number. */
typedef struct { int target, query, mdl, clan, overlap, least; } layout;
static const layout NARROW = {0, 2, 4, -1, -1, 17}, WIDE = {1, 3, 6, 5, 19, 26};

typedef enum { WHO_UNKNOWN, WHO_CMSCAN, WHO_CMSEARCH } who;

static bool is(word w, const char *text) { return w.length == (int64_t)strlen(text) &&
                                          !memcmp(w.text, text, (size_t)w.length); }

static int split_words(word *out, const char *line, int64_t length)
{
    int n = 0;
    for (int64_t i = 0; i < length && n < MAX_WORDS;) {
        while (i < length && (unsigned char)line[i] <= ' ') i++;
        int64_t from = i;
        while (i < length && (unsigned char)line[i] > ' ') i++;
        if (i > from) out[n++] = (word){line + from, i - from};
    }
    return n;
}

static const char *program_line(const char *text, int64_t size)
{
    static const char KEY[] = "# Program:";
    for (const char *at = text, *end = text + size; at < end; at++) {
        if ((int64_t)sizeof KEY <= end - at && memcmp(at, KEY, sizeof KEY - 1) == 0) return at;
        at = memchr(at, '\n', (size_t)(end - at));
        if (!at) break;
    }
    return NULL;
}

static who find_program(const char *text, int64_t size)
{
    const char *at = program_line(text, size);
    word w[MAX_WORDS];
    if (!at) return WHO_UNKNOWN;
    const char *end = memchr(at, '\n', (size_t)(text + size - at));
    int n = split_words(w, at, end ? end - at : text + size - at);
    if (n > 2 && is(w[2], "cmscan")) return WHO_CMSCAN;
    return n > 2 && is(w[2], "cmsearch") ? WHO_CMSEARCH : WHO_UNKNOWN;
}

static char *copy(word w, rt_err *err)
{
    char *text = rt_copy_text(w.text, w.length, err);
    if (text) rt_tame_text(text);
    return text;
}

static rt_status take_row(rt_hits *hits, const char *file, int64_t line, const word *w, int n, who program, rt_err *err)
{
    const layout *at = n > NARROW.mdl && (is(w[4], "cm") || is(w[4], "hmm")) ? &NARROW : &WIDE;
    if (n < at->least || !(is(w[at->mdl], "cm") || is(w[at->mdl], "hmm"))) {
        rt_fail(err, RT_ERR_FORMAT, file, line, "is not a row of a table of cmscan or cmsearch (%d words)", n);
        return rt_hint(err, "make one with: cmscan --fmt 2 --tblout FILE Rfam.cm sequences.fasta");
    }
    bool target_is_rfam = w[at->target + 1].length > 2 && memcmp(w[at->target + 1].text, "RF", 2) == 0;
    bool model_first = program == WHO_CMSCAN || (program == WHO_UNKNOWN && (target_is_rfam || at == &WIDE));
    int model = model_first ? at->target : at->query, sequence = model_first ? at->query : at->target;
    /* mdl, mdl from, mdl to, seq from, seq to, strand, trunc, pass, gc, bias, score, E, inc */
    const word *v = w + at->mdl;
    void *all = hits->hit;
    rt_status status = rt_grow(&all, &hits->capacity, hits->n + 1, sizeof *hits->hit, err);
    hits->hit = all;
    if (status != RT_OK) return status;
    rt_hit *h = &hits->hit[hits->n++];
    *h = (rt_hit){.line = line};
    h->sequence = copy(w[sequence], err);
    h->model = copy(w[model], err);
    h->accession = copy(is(w[model + 1], "-") ? w[model] : w[model + 1], err);
    h->clan = at->clan >= 0 && !is(w[at->clan], "-") ? copy(w[at->clan], err) : rt_copy_text("", -1, err);
    if (!h->sequence || !h->model || !h->accession || !h->clan) return RT_ERR_MEMORY;
    if (!rt_parse_int(v[3].text, v[3].length, &h->from) || !rt_parse_int(v[4].text, v[4].length, &h->to) ||
        h->from < 1 || h->to < 1)
        return rt_fail(err, RT_ERR_FORMAT, file, line, "'%.*s' to '%.*s' are no places on a sequence",
                       (int)(v[3].length < 40 ? v[3].length : 40), v[3].text,
                       (int)(v[4].length < 40 ? v[4].length : 40), v[4].text);
    if (!is(v[5], "+") && !is(v[5], "-")) return rt_fail(err, RT_ERR_FORMAT, file, line,
                                                         "the strand is neither + nor -");
    if (!rt_parse_double(v[10].text, v[10].length, &h->score) || !rt_parse_double(v[11].text, v[11].length, &h->evalue))
        return rt_fail(err, RT_ERR_FORMAT, file, line, "'%.*s' and '%.*s' are no score and E-value",
                       (int)(v[10].length < 40 ? v[10].length : 40), v[10].text,
                       (int)(v[11].length < 40 ? v[11].length : 40), v[11].text);
    h->minus = is(v[5], "-");
    h->included = is(v[12], "!");
    h->overlapped = at->overlap >= 0 && is(w[at->overlap], "=");
    return RT_OK;
}

rt_status rt_hits_parse(rt_hits *out_hits, const char *name, const char *text, int64_t size, bool must_be_whole,
                        rt_err *err)
{
    rt_status status = RT_OK;
    who program = find_program(text, size);
    bool whole = false;
    int64_t line = 0, next;
    *out_hits = (rt_hits){0};
    for (int64_t at = 0; at < size && status == RT_OK; at = next) {
        const char *start = text + at, *end = memchr(start, '\n', (size_t)(size - at));
        int64_t length = end ? end - start : size - at;
        word w[MAX_WORDS];
        next = at + length + 1;
        line++;
        int n = split_words(w, start, length);
        if (n >= 2 && is(w[0], "#") && is(w[1], "[ok]")) whole = true;
        if (n > 0 && w[0].text[0] != '#') status = take_row(out_hits, name, line, w, n, program, err);
    }
    if (status == RT_OK && must_be_whole && !whole) {
        rt_fail(err, RT_ERR_FORMAT, name, line, "ends without '# [ok]': the table is cut short");
        status = rt_hint(err, "let cmscan run to its end");
    }
    if (status != RT_OK) rt_hits_free_members(out_hits);
    return status;
}

rt_status rt_hits_read(rt_hits *out_hits, const char *path, bool must_be_whole, rt_err *err)
{
    rt_plain plain;
    *out_hits = (rt_hits){0};
    rt_status status = rt_plain_open(&plain, path, err);
    if (status != RT_OK) return status;
    status = rt_hits_parse(out_hits, path, plain.data, plain.size, must_be_whole, err);
    rt_plain_close(&plain);
    return status;
}

static void free_hit(rt_hit *h)
{
    free(h->sequence);
    free(h->model);
    free(h->accession);
    free(h->clan);
}

void rt_hits_free_members(rt_hits *hits)
{
    for (int64_t i = 0; i < hits->n; i++) free_hit(&hits->hit[i]);
    free(hits->hit);
    *hits = (rt_hits){0};
}

/* ---- which hits count -------------------------------------------------------------------------------------------- */

static int by_sequence_then_rank(const void *a, const void *b)
{
    const rt_hit *x = a, *y = b;
    int order = strcmp(x->sequence, y->sequence);
    if (order) return order;
    if (x->evalue != y->evalue) return x->evalue < y->evalue ? -1 : 1;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    if (x->from != y->from) return x->from < y->from ? -1 : 1;
    return strcmp(x->accession, y->accession);
}

static int64_t low(const rt_hit *h) { return h->minus ? h->to : h->from; }
static int64_t high(const rt_hit *h) { return h->minus ? h->from : h->to; }

static int by_place(const void *a, const void *b)
{
    const rt_hit *x = a, *y = b;
    int order = strcmp(x->sequence, y->sequence);
    if (order) return order;
    if (low(x) != low(y)) return low(x) < low(y) ? -1 : 1;
    return by_sequence_then_rank(a, b);
}

static bool strong(const rt_hit *h, const rt_models *opt_models, const rt_hits_rules *rules)
{
    const rt_covariance_model *m = opt_models ? rt_models_find(opt_models, h->accession) : NULL;
    if (m && isfinite(m->ga)) return h->score >= m->ga;
    return h->evalue <= rules->evalue;
}

static bool compete(const rt_hit *a, const rt_hit *b, const rt_hits_rules *rules)
{
    if (a->minus != b->minus || low(a) > high(b) || low(b) > high(a)) return false;
    if (!rules->clans) return true;
    return strcmp(a->accession, b->accession) == 0 || (a->clan[0] && strcmp(a->clan, b->clan) == 0);
}

rt_status rt_hits_resolve(rt_hits *hits, rt_hits_dropped *out_dropped, const rt_models *opt_models,
                          const rt_hits_rules *rules, rt_err *err)
{
    rt_hits_dropped dropped = {0};
    int64_t n = 0, first = 0;
    for (int64_t i = 0; i < hits->n; i++) {
        rt_hit *h = &hits->hit[i];
        const rt_covariance_model *m = opt_models ? rt_models_find(opt_models, h->accession) : NULL;
        if (m && m->clan[0] && !h->clan[0]) {
            free(h->clan);
            h->clan = rt_copy_text(m->clan, -1, err);
            if (!h->clan) return RT_ERR_MEMORY;
        }
        bool minus = h->minus && !rules->both_strands, weak = !minus && !strong(h, opt_models, rules);
        dropped.minus += minus;
        dropped.weak += weak;
        if (minus || weak) free_hit(h);
        else hits->hit[n++] = *h;
    }
    if (n > 1) qsort(hits->hit, (size_t)n, sizeof *hits->hit, by_sequence_then_rank);
    hits->n = 0;
    for (int64_t i = 0; i < n; i++) {      /* the best come first: a hit stays unless one that stayed is in its way */
        rt_hit *h = &hits->hit[i];
        bool beaten = false;
        if (hits->n == 0 || strcmp(hits->hit[hits->n - 1].sequence, h->sequence) != 0) first = hits->n;
        for (int64_t k = first; k < hits->n && !beaten; k++) beaten = compete(&hits->hit[k], h, rules);
        dropped.overlapped += beaten;
        if (beaten) free_hit(h);
        else hits->hit[hits->n++] = *h;
    }
    if (hits->n > 1) qsort(hits->hit, (size_t)hits->n, sizeof *hits->hit, by_place);
    *out_dropped = dropped;
    return RT_OK;
}
