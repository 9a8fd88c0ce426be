#include "prep/pairs_cache.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/text.h"

typedef struct {
    char magic[8];
    int64_t length, n, has_best;
    double best_score, ensemble;
} header;

static const char MAGIC[8] = {'r', 't', 'p', 'a', 'i', 'r', 's', '1'};
enum { DIGITS = RT_HASH_TEXT - 1 };
_Static_assert(sizeof(header) == 48 && sizeof(rt_pair) == 16, "the file's layout is these structures'");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the file is little-endian");

rt_status rt_pairs_cache_write(const char *path, const rt_pairs *pairs, rt_err *err)
{
    rt_status status = RT_OK;
    rt_text text = {0};
    char digits[RT_HASH_TEXT];
    header head = {.length = pairs->length, .n = pairs->n, .has_best = pairs->best != NULL,
                   .best_score = pairs->best_score, .ensemble = pairs->ensemble};
    memcpy(head.magic, MAGIC, sizeof MAGIC);
    rt_text_add_bytes(&text, &head, sizeof head);
    rt_text_add_bytes(&text, pairs->pair, pairs->n * (int64_t)sizeof *pairs->pair);
    if (pairs->best) rt_text_add_bytes(&text, pairs->best, pairs->length * (int64_t)sizeof *pairs->best);
    if (!text.failed) RT_TRY(rt_hash_bytes(digits, text.data, text.length, err));
    if (!text.failed) rt_text_add_bytes(&text, digits, DIGITS);
    if (text.failed) RT_TRY(rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory"));
    RT_TRY(rt_write_text(path, text.data, text.length, err));
done:
    rt_text_free(&text);
    return status;
}

static bool is_whole(const char *bytes, int64_t size, const header *head, int64_t length)
{
    char digits[RT_HASH_TEXT];
    int64_t left = size - (int64_t)sizeof *head - DIGITS;
    if (memcmp(head->magic, MAGIC, sizeof MAGIC) != 0 || head->length != length || length < 0) return false;
    if (head->has_best < 0 || head->has_best > 1) return false;
    if (head->n < 0 || head->n > left / (int64_t)sizeof(rt_pair)) return false;
    left -= head->n * (int64_t)sizeof(rt_pair);
    if (head->has_best ? left % 4 != 0 || left / 4 != length : left != 0) return false;
    return rt_hash_bytes(digits, bytes, size - DIGITS, NULL) == RT_OK && !memcmp(digits, bytes + size - DIGITS, DIGITS);
}

static bool makes_sense(const rt_pairs *pairs)
{
    for (int64_t k = 0; k < pairs->n; k++) {
        const rt_pair *p = &pairs->pair[k];
        if (p->i < 0 || p->i >= p->j || p->j >= pairs->length || !(p->p >= 0 && p->p <= 1 + 1e-9)) return false;
    }
    for (int64_t k = 0; pairs->best && k < pairs->length; k++) {
        int32_t partner = pairs->best[k];
        if (partner < -1 || partner >= pairs->length || partner == k) return false;
        if (partner >= 0 && pairs->best[partner] != k) return false;
    }
    return true;
}

rt_status rt_pairs_cache_parse(rt_pairs *out_pairs, const void *bytes, int64_t size, int64_t length, const char *name,
                               rt_err *err)
{
    rt_status status = RT_OK;
    rt_pairs pairs = {.length = length};
    header head = {0};
    const char *at = bytes;
    if (size >= (int64_t)sizeof head + DIGITS) memcpy(&head, at, sizeof head);
    if (size < (int64_t)sizeof head + DIGITS || !is_whole(bytes, size, &head, length))
        RT_TRY(rt_fail(err, RT_ERR_FORMAT, name, 0, "no whole file of base pairs of %lld residues", (long long)length));
    at += sizeof head;
    pairs.best_score = head.best_score;
    pairs.ensemble = head.ensemble;
    RT_TRY_ALLOC(pairs.pair, head.n);
    pairs.n = pairs.capacity = head.n;
    memcpy(pairs.pair, at, (size_t)head.n * sizeof *pairs.pair);
    if (head.has_best) {
        RT_TRY_ALLOC(pairs.best, length);
        memcpy(pairs.best, at + head.n * (int64_t)sizeof *pairs.pair, (size_t)length * sizeof *pairs.best);
    }
    if (!makes_sense(&pairs)) status = rt_fail(err, RT_ERR_FORMAT, name, 0, "has base pairs that cannot be");
done:
    if (status != RT_OK) rt_pairs_free_members(&pairs);
    *out_pairs = pairs;
    return status;
}

rt_status rt_pairs_cache_read(rt_pairs *out_pairs, const char *path, int64_t length, rt_err *err)
{
    rt_map map;
    *out_pairs = (rt_pairs){0};
    rt_status status = rt_map_open(&map, path, err);
    if (status != RT_OK) return status;
    status = rt_pairs_cache_parse(out_pairs, map.data, map.size, length, path, err);
    rt_map_close(&map);
    return status;
}
