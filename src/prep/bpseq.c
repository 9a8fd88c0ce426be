#include "prep/bpseq.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/plain.h"

enum { COLUMNS = 3, LONGEST = 1000000 };

typedef struct {
    rt_bpseq out;
    int64_t letters, partners;   /* capacities */
} reader;

/* The words of a line; how many, COLUMNS + 1 for more. */
static int split(const char **word, int64_t *length, const char *at, const char *end)
{
    int n = 0;
    while (at < end) {
        while (at < end && isspace((unsigned char)*at)) at++;
        const char *start = at;
        while (at < end && !isspace((unsigned char)*at)) at++;
        if (at == start) break;
        if (n == COLUMNS) return COLUMNS + 1;
        word[n] = start;
        length[n++] = at - start;
    }
    return n;
}

static rt_status take(reader *r, const char *at, const char *end, const char *name, int64_t line, rt_err *err)
{
    const char *word[COLUMNS];
    int64_t size[COLUMNS], number, partner;
    int n = split(word, size, at, end);
    rt_bpseq *out = &r->out;
    if (!n || *word[0] == '#' || (!out->length && memchr(at, ':', (size_t)(end - at)))) return RT_OK;
    if (n != COLUMNS || !rt_parse_int(word[0], size[0], &number) || size[1] != 1 ||
        !rt_parse_int(word[2], size[2], &partner))
        return rt_fail(err, RT_ERR_FORMAT, name, line,
                       "expected 'i letter j', the number of a residue, its letter and its partner");
    if (number != out->length + 1 || number > LONGEST)
        return rt_fail(err, RT_ERR_FORMAT, name, line, "residue %lld follows %lld", (long long)number,
                       (long long)out->length);
    if (partner < 0 || partner > LONGEST || partner == number)
        return rt_fail(err, RT_ERR_FORMAT, name, line, "%lld cannot be the partner of residue %lld", (long long)partner,
                       (long long)number);
    void *letters = out->sequence, *partners = out->partner;
    rt_status status = rt_grow(&letters, &r->letters, out->length + 2, 1, err);
    out->sequence = letters;
    if (status != RT_OK) return status;
    status = rt_grow(&partners, &r->partners, out->length + 1, sizeof *out->partner, err);
    out->partner = partners;
    if (status != RT_OK) return status;
    char letter = (char)toupper((unsigned char)*word[1]);
    if (letter == 'T') letter = 'U';
    out->sequence[out->length] = letter && strchr("ACGU", letter) ? letter : 'N';
    out->partner[out->length++] = (int32_t)partner - 1;
    return RT_OK;
}

static rt_status check_partners(const rt_bpseq *out, const char *name, rt_err *err)
{
    if (!out->length) return rt_fail(err, RT_ERR_FORMAT, name, 0, "holds no residues");
    for (int64_t k = 0; k < out->length; k++) {
        int32_t partner = out->partner[k];
        if (partner < 0 || (partner < out->length && out->partner[partner] == k)) continue;
        return rt_fail(err, RT_ERR_FORMAT, name, 0, "residue %lld pairs with %lld, which does not pair with it",
                       (long long)k + 1, (long long)partner + 1);
    }
    return RT_OK;
}

rt_status rt_bpseq_parse(rt_bpseq *out_structure, const char *text, int64_t size, const char *name, rt_err *err)
{
    rt_status status = RT_OK;
    reader r = {0};
    int64_t line = 0;
    for (int64_t at = 0; at < size;) {
        const char *start = text + at, *end = memchr(start, '\n', (size_t)(size - at));
        if (!end) end = text + size;
        at = end - text + 1;
        RT_TRY(take(&r, start, end, name, ++line, err));
    }
    RT_TRY(check_partners(&r.out, name, err));
done:
    if (status != RT_OK) rt_bpseq_free_members(&r.out);
    *out_structure = r.out;
    return status;
}

rt_status rt_bpseq_read(rt_bpseq *out_structure, const char *path, rt_err *err)
{
    rt_plain plain;
    *out_structure = (rt_bpseq){0};
    rt_status status = rt_plain_open(&plain, path, err);
    if (status != RT_OK) return status;
    status = rt_bpseq_parse(out_structure, plain.data, plain.size, path, err);
    rt_plain_close(&plain);
    return status;
}

void rt_bpseq_free_members(rt_bpseq *structure)
{
    free(structure->sequence);
    free(structure->partner);
    *structure = (rt_bpseq){0};
}

bool rt_bpseq_is_name(const char *name) { return rt_ends_with(name, ".bpseq") || rt_ends_with(name, ".bpseq.gz"); }
