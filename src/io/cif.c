#include "io/cif.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"

typedef struct {
    const char *tag;           /* in the text, "_category.item" */
    int32_t tag_length;
    int32_t category_length;   /* up to the dot; the whole tag when it has none */
    int64_t block, table;
    int64_t value;             /* of row 0 */
} cif_item;

typedef struct {
    const char *category;      /* the first item's tag */
    int32_t category_length;
    bool loop;
    int64_t block, n_row, n_column;
} cif_table;

struct rt_cif {
    char *name;
    rt_map map;                /* of rt_cif_load; empty otherwise */
    const char *data, *end;
    rt_cif_value *block, *value;
    cif_item *item;
    cif_table *table;
    int64_t n_block, n_value, n_item, n_table;
    int64_t block_capacity, value_capacity, item_capacity, table_capacity;
    /* open addressing over (block, name): 0 is free, otherwise 1 + 2 * number + (1 for a table) */
    int64_t *slot, n_slot, n_used;
};

/* ---- characters ---------------------------------------------------------------------------------------------- */

enum { CLASS_PRINT, CLASS_BLANK, CLASS_BAD };

static int class_of(char c)
{
    unsigned char byte = (unsigned char)c;
    if (byte > ' ') return byte == 0x7f ? CLASS_BAD : CLASS_PRINT;
    return byte == ' ' || byte == '\n' || byte == '\t' || byte == '\r' ? CLASS_BLANK : CLASS_BAD;
}

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c; }

static bool same_name(const char *a, const char *b, int64_t length)
{
    for (int64_t i = 0; i < length; i++)
        if (lower(a[i]) != lower(b[i])) return false;
    return true;
}

/* ---- errors -------------------------------------------------------------------------------------------------- */

int64_t rt_cif_line(const rt_cif *cif, const char *place)
{
    int64_t line = 1;
    for (const char *at = cif->data; at < place; at++) {
        at = memchr(at, '\n', (size_t)(place - at));
        if (!at) break;
        line++;
    }
    return line;
}

static rt_status fail_at(const rt_cif *cif, const char *place, rt_err *err, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static rt_status fail_at(const rt_cif *cif, const char *place, rt_err *err, const char *format, ...)
{
    char what[256];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    rt_fail(err, RT_ERR_FORMAT, cif->name, rt_cif_line(cif, place), "%s", what);
    const char *start = place;
    while (start > cif->data && start[-1] != '\n') start--;
    if (err) err->column = place - start + 1;
    if (cif->end - cif->data >= 2 && (unsigned char)cif->data[0] == 0x1f && (unsigned char)cif->data[1] == 0x8b)
        rt_hint(err, "the file is gzip-compressed: unpack it with gunzip first");
    return RT_ERR_FORMAT;
}

/* Names and values appear in errors with no more than this. */
static int shown(int32_t length) { return length > 99 ? 99 : length; }

/* ---- tokens -------------------------------------------------------------------------------------------------- */

typedef enum { TOKEN_END, TOKEN_DATA, TOKEN_LOOP, TOKEN_TAG, TOKEN_VALUE } token_kind;

typedef struct {
    token_kind kind;
    const char *begin;      /* where it starts in the text, for errors */
    rt_cif_value value;     /* a value; the tag; or the name after data_ */
} cif_token;

static rt_status bad_byte(const rt_cif *cif, const char *place, rt_err *err)
{
    return fail_at(cif, place, err, "the byte 0x%02x does not belong in a text file", (unsigned)(unsigned char)*place);
}

static rt_status set_value(const rt_cif *cif, cif_token *token, const char *from, const char *to, rt_cif_kind kind,
                           rt_err *err)
{
    if (to - from > INT32_MAX) return fail_at(cif, token->begin, err, "a value is longer than 2 GiB");
    token->value = (rt_cif_value){from, (int32_t)(to - from), kind};
    return RT_OK;
}

/* A quote ends a value only where a blank or the end of the text follows, so that 'O5'' is O5'. */
static rt_status read_quoted(const rt_cif *cif, cif_token *token, const char **at, rt_err *err)
{
    const char quote = **at;
    token->kind = TOKEN_VALUE;
    for (const char *p = *at + 1; p < cif->end && *p != '\n' && *p != '\r'; p++) {
        if (*p == quote && (p + 1 == cif->end || class_of(p[1]) == CLASS_BLANK)) {
            const char *from = *at + 1;
            *at = p + 1;
            return set_value(cif, token, from, p, RT_CIF_QUOTED, err);
        }
        if (class_of(*p) == CLASS_BAD) return bad_byte(cif, p, err);
    }
    return fail_at(cif, token->begin, err, "the quote %c is not closed on its line", quote);
}

static rt_status read_field(const rt_cif *cif, cif_token *token, const char **at, rt_err *err)
{
    const char *from = *at + 1;
    token->kind = TOKEN_VALUE;
    for (const char *p = from; p < cif->end; p++) {
        if (class_of(*p) == CLASS_BAD) return bad_byte(cif, p, err);
        if (*p != '\n' || p + 1 == cif->end || p[1] != ';') continue;
        *at = p + 2;
        if (*at < cif->end && class_of(**at) != CLASS_BLANK)
            return fail_at(cif, *at, err, "a blank must follow the semicolon that ends a text field");
        return set_value(cif, token, from, p > from && p[-1] == '\r' ? p - 1 : p, RT_CIF_FIELD, err);
    }
    return fail_at(cif, token->begin, err, "the text field is not closed by a semicolon at the start of a line");
}

/* data_, loop_ and the words that CIF reserves; a bare value otherwise. */
static rt_status read_word(const rt_cif *cif, cif_token *token, const char **at, rt_err *err)
{
    const char *p = *at;
    while (p < cif->end && class_of(*p) == CLASS_PRINT) p++;
    if (p < cif->end && class_of(*p) == CLASS_BAD) return bad_byte(cif, p, err);
    int64_t length = p - *at;
    const char *word = *at;
    *at = p;
    if (word[0] == '_') {
        token->kind = TOKEN_TAG;
        return set_value(cif, token, word, p, RT_CIF_BARE, err);
    }
    if (length >= 5 && word[4] == '_') {
        if (same_name(word, "data_", 5)) {
            token->kind = TOKEN_DATA;
            return set_value(cif, token, word + 5, p, RT_CIF_BARE, err);
        }
        if (length == 5 && same_name(word, "loop_", 5)) {
            token->kind = TOKEN_LOOP;
            return RT_OK;
        }
        if (same_name(word, "save_", 5) || (length == 5 && same_name(word, "stop_", 5))) {
            fail_at(cif, word, err, "%.5s is part of CIF dictionaries, which are not read", word);
            if (err) err->code = RT_ERR_UNSUPPORTED;
            return RT_ERR_UNSUPPORTED;
        }
    }
    if (length == 7 && same_name(word, "global_", 7))
        return fail_at(cif, word, err, "global_ is reserved and has no meaning in a CIF file");
    if (word[0] == '$') return fail_at(cif, word, err, "a value that begins with $ must be quoted");
    token->kind = TOKEN_VALUE;
    return set_value(cif, token, word, p, RT_CIF_BARE, err);
}

static rt_status next_token(const rt_cif *cif, cif_token *token, const char **at, rt_err *err)
{
    const char *p = *at;
    for (;;) {
        while (p < cif->end && class_of(*p) == CLASS_BLANK) p++;
        if (p == cif->end || *p != '#') break;
        p = memchr(p, '\n', (size_t)(cif->end - p));
        if (!p) p = cif->end;
    }
    *at = p;
    *token = (cif_token){TOKEN_END, p, {p, 0, RT_CIF_BARE}};
    if (p == cif->end) return RT_OK;
    if (class_of(*p) == CLASS_BAD) return bad_byte(cif, p, err);
    if (*p == '\'' || *p == '"') return read_quoted(cif, token, at, err);
    if (*p == ';' && (p == cif->data || p[-1] == '\n' || p[-1] == '\r')) return read_field(cif, token, at, err);
    return read_word(cif, token, at, err);
}

/* ---- names --------------------------------------------------------------------------------------------------- */

static uint64_t hash_name(int64_t block, const char *name, int64_t length, bool is_table)
{
    uint64_t hash = 0xcbf29ce484222325u ^ ((uint64_t)block * 2 + is_table) * 0x9e3779b97f4a7c15u;
    for (int64_t i = 0; i < length; i++) hash = (hash ^ (unsigned char)lower(name[i])) * 0x100000001b3u;
    return hash ^ hash >> 29;
}

/* The number of the item or table of that name, -1 when there is none; *out_slot is its place, or the free one. */
static int64_t find_name(const rt_cif *cif, int64_t block, const char *name, int64_t length, bool is_table,
                         int64_t *out_slot)
{
    if (!cif->n_slot) return -1;
    uint64_t mask = (uint64_t)cif->n_slot - 1, at = hash_name(block, name, length, is_table) & mask;
    for (; cif->slot[at]; at = (at + 1) & mask) {
        int64_t entry = cif->slot[at] - 1, number = entry / 2;
        if ((entry & 1) != is_table) continue;
        const cif_item *item = is_table ? NULL : &cif->item[number];
        const cif_table *table = is_table ? &cif->table[number] : NULL;
        int64_t its_length = item ? item->tag_length : table->category_length;
        if ((item ? item->block : table->block) != block || its_length != length) continue;
        if (same_name(item ? item->tag : table->category, name, length)) return number;
    }
    if (out_slot) *out_slot = (int64_t)at;
    return -1;
}

/* Room for two more names. */
static rt_status reserve_names(rt_cif *cif, rt_err *err)
{
    if ((cif->n_used + 2) * 2 <= cif->n_slot) return RT_OK;
    int64_t n_old = cif->n_slot, *old = cif->slot, n_new = n_old ? n_old * 2 : 256;
    int64_t *slot = rt_alloc(n_new, sizeof *slot, err);
    if (!slot) return RT_ERR_MEMORY;
    cif->slot = slot;
    cif->n_slot = n_new;
    for (int64_t i = 0; i < n_old; i++) {
        if (!old[i]) continue;
        int64_t number = (old[i] - 1) / 2;
        bool is_table = (old[i] - 1) & 1;
        const cif_item *item = &cif->item[number];
        const cif_table *table = &cif->table[number];
        uint64_t hash = is_table ? hash_name(table->block, table->category, table->category_length, true)
                                 : hash_name(item->block, item->tag, item->tag_length, false);
        uint64_t mask = (uint64_t)n_new - 1, at = hash & mask;
        while (slot[at]) at = (at + 1) & mask;
        slot[at] = old[i];
    }
    free(old);
    return RT_OK;
}

/* ---- the grammar --------------------------------------------------------------------------------------------- */

static rt_status add_value(rt_cif *cif, rt_cif_value value, rt_err *err)
{
    if (cif->n_value == cif->value_capacity) {
        void *items = cif->value;
        rt_status status = rt_grow(&items, &cif->value_capacity, cif->n_value + 1, sizeof *cif->value, err);
        cif->value = items;
        if (status != RT_OK) return status;
    }
    cif->value[cif->n_value++] = value;
    return RT_OK;
}

/* Makes the item and, when it is the category's first, the table.  loop_table: the table of the loop whose header is
 * being read, -1 at its first tag and for a pair. */
static rt_status add_item(rt_cif *cif, const cif_token *tag, bool loop, int64_t *loop_table, rt_err *err)
{
    rt_status status = RT_OK;
    rt_cif_value name = tag->value;
    if (!cif->n_block) return fail_at(cif, tag->begin, err, "data_<name> must come before the first item");
    const char *dot = memchr(name.text, '.', (size_t)name.length);
    int32_t category_length = dot ? (int32_t)(dot - name.text) : name.length;
    int64_t block = cif->n_block - 1, slot = 0;
    void *items = cif->item, *tables = cif->table;
    RT_TRY(rt_grow(&items, &cif->item_capacity, cif->n_item + 1, sizeof *cif->item, err));
    cif->item = items;
    RT_TRY(rt_grow(&tables, &cif->table_capacity, cif->n_table + 1, sizeof *cif->table, err));
    cif->table = tables;
    RT_TRY(reserve_names(cif, err));
    int64_t table = find_name(cif, block, name.text, category_length, true, &slot);
    if (table >= 0 && (loop ? table != *loop_table : cif->table[table].loop))
        return fail_at(cif, tag->begin, err, "the category %.*s is given twice", shown(category_length), name.text);
    if (table < 0) {
        if (loop && *loop_table >= 0)
            return fail_at(cif, tag->begin, err, "the tags of one loop belong to two categories");
        table = cif->n_table++;
        cif->table[table] = (cif_table){name.text, category_length, loop, block, loop ? 0 : 1, 0};
        cif->slot[slot] = 1 + 2 * table + 1;
        cif->n_used++;
    }
    if (find_name(cif, block, name.text, name.length, false, &slot) >= 0)
        return fail_at(cif, tag->begin, err, "the item %.*s is given twice", shown(name.length), name.text);
    cif->item[cif->n_item] = (cif_item){name.text, name.length, category_length, block, table,
                                        loop ? cif->n_value + cif->table[table].n_column : cif->n_value};
    cif->slot[slot] = 1 + 2 * cif->n_item++;
    cif->n_used++;
    cif->table[table].n_column++;
    if (loop) *loop_table = table;
done:
    return status;
}

/* On entry *token is loop_; on leaving it is the first token behind the loop. */
static rt_status read_loop(rt_cif *cif, cif_token *token, const char **at, rt_err *err)
{
    rt_status status = RT_OK;
    const char *begin = token->begin;
    int64_t table = -1;
    RT_TRY(next_token(cif, token, at, err));
    while (token->kind == TOKEN_TAG) {
        RT_TRY(add_item(cif, token, true, &table, err));
        RT_TRY(next_token(cif, token, at, err));
    }
    if (table < 0) return fail_at(cif, begin, err, "loop_ without a tag");
    int64_t first = cif->n_value, n_column = cif->table[table].n_column;
    while (token->kind == TOKEN_VALUE) {
        RT_TRY(add_value(cif, token->value, err));
        RT_TRY(next_token(cif, token, at, err));
    }
    int64_t count = cif->n_value - first;
    if (count % n_column)
        return fail_at(cif, begin, err, "the loop of %.*s has %lld columns and %lld values: its last row is not full",
                       shown(cif->table[table].category_length), cif->table[table].category,
                       (long long)n_column, (long long)count);
    cif->table[table].n_row = count / n_column;
done:
    return status;
}

static rt_status read_pair(rt_cif *cif, cif_token *token, const char **at, rt_err *err)
{
    rt_status status = RT_OK;
    cif_token tag = *token;
    int64_t table = -1;
    RT_TRY(add_item(cif, &tag, false, &table, err));
    RT_TRY(next_token(cif, token, at, err));
    if (token->kind != TOKEN_VALUE)
        return fail_at(cif, tag.begin, err, "the item %.*s has no value", shown(tag.value.length), tag.value.text);
    RT_TRY(add_value(cif, token->value, err));
    RT_TRY(next_token(cif, token, at, err));
done:
    return status;
}

static rt_status read_text(rt_cif *cif, rt_err *err)
{
    rt_status status = RT_OK;
    cif_token token;
    const char *at = cif->data;
    if (cif->end - at >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0) at += 3;
    RT_TRY(next_token(cif, &token, &at, err));
    if (token.kind == TOKEN_END) return fail_at(cif, at, err, "the file holds no data block");
    while (token.kind != TOKEN_END) {
        switch (token.kind) {
        case TOKEN_DATA: {
            void *items = cif->block;
            RT_TRY(rt_grow(&items, &cif->block_capacity, cif->n_block + 1, sizeof *cif->block, err));
            cif->block = items;
            cif->block[cif->n_block++] = token.value;
            RT_TRY(next_token(cif, &token, &at, err));
            break;
        }
        case TOKEN_LOOP: RT_TRY(read_loop(cif, &token, &at, err)); break;
        case TOKEN_TAG: RT_TRY(read_pair(cif, &token, &at, err)); break;
        default:
            return fail_at(cif, token.begin, err, cif->n_block ? "a value without a tag" : "data_<name> was expected");
        }
    }
done:
    return status;
}

static rt_status open_text(rt_cif **ret_cif, rt_map map, const char *data, int64_t size, const char *name, rt_err *err)
{
    rt_status status = RT_OK;
    rt_cif *cif = rt_alloc(1, sizeof *cif, err);
    *ret_cif = NULL;
    if (!cif) {
        rt_map_close(&map);
        return RT_ERR_MEMORY;
    }
    cif->map = map;
    cif->data = data;
    cif->end = data + size;
    cif->name = rt_copy_text(name, -1, err);
    status = cif->name ? read_text(cif, err) : RT_ERR_MEMORY;
    if (status == RT_OK) *ret_cif = cif;
    else rt_cif_close(cif);
    return status;
}

rt_status rt_cif_open(rt_cif **ret_cif, const char *data, int64_t size, const char *name, rt_err *err)
{
    return open_text(ret_cif, (rt_map){0}, data ? data : "", size, name, err);
}

rt_status rt_cif_load(rt_cif **ret_cif, const char *path, rt_err *err)
{
    rt_map map;
    *ret_cif = NULL;
    rt_status status = rt_map_open(&map, path, err);
    if (status != RT_OK) return status;
    return open_text(ret_cif, map, (const char *)map.data, map.size, path, err);
}

void rt_cif_close(rt_cif *cif)
{
    if (!cif) return;
    rt_map_close(&cif->map);
    free(cif->name);
    free(cif->block);
    free(cif->value);
    free(cif->item);
    free(cif->table);
    free(cif->slot);
    free(cif);
}

/* ---- looking things up --------------------------------------------------------------------------------------- */

const char *rt_cif_name(const rt_cif *cif) { return cif->name; }
int64_t rt_cif_block_count(const rt_cif *cif) { return cif->n_block; }
int64_t rt_cif_value_count(const rt_cif *cif) { return cif->n_value; }

rt_cif_value rt_cif_block_name(const rt_cif *cif, int64_t block)
{
    RT_REQUIRE(block >= 0 && block < cif->n_block);
    return cif->block[block];
}

bool rt_cif_find(rt_cif_table *out_table, const rt_cif *cif, int64_t block, const char *category)
{
    RT_REQUIRE(block >= 0 && block < cif->n_block);
    int64_t index = find_name(cif, block, category, (int64_t)strlen(category), true, NULL);
    *out_table = (rt_cif_table){cif, index, index < 0 ? 0 : cif->table[index].n_row};
    return index >= 0;
}

int64_t rt_cif_column(const rt_cif_table *table, const char *item)
{
    const rt_cif *cif = table->cif;
    if (table->index < 0) return -1;
    const cif_table *its = &cif->table[table->index];
    char tag[256];
    int length = snprintf(tag, sizeof tag, "%.*s.%s", (int)its->category_length, its->category, item);
    if (length < 0 || length >= (int)sizeof tag) return -1;
    return find_name(cif, its->block, tag, length, false, NULL);
}

rt_cif_value rt_cif_get(const rt_cif_table *table, int64_t row, int64_t column)
{
    if (column < 0) return (rt_cif_value){"?", 1, RT_CIF_BARE};
    const rt_cif *cif = table->cif;
    RT_REQUIRE(column < cif->n_item && cif->item[column].table == table->index && row >= 0 && row < table->n_row);
    return cif->value[cif->item[column].value + row * cif->table[table->index].n_column];
}

/* ---- values -------------------------------------------------------------------------------------------------- */

bool rt_cif_is_null(rt_cif_value value)
{
    return value.kind == RT_CIF_BARE && value.length == 1 && (value.text[0] == '.' || value.text[0] == '?');
}

bool rt_cif_equals(rt_cif_value value, const char *text)
{
    size_t length = strlen(text);
    return !rt_cif_is_null(value) && (size_t)value.length == length && memcmp(value.text, text, length) == 0;
}

/* strtod also takes hexadecimal, which CIF does not have. */
bool rt_cif_parse_double(rt_cif_value value, double *out)
{
    int32_t length = value.length, i = 0;
    while (i < length && strchr("0123456789+-.eE", value.text[i]) && value.text[i]) i++;
    if (i < length && i > 0 && value.text[i] == '(' && value.text[length - 1] == ')' && length - i > 2) {
        for (int32_t k = i + 1; k < length - 1; k++)
            if (value.text[k] < '0' || value.text[k] > '9') return false;
        length = i;
    }
    return i == length && !rt_cif_is_null(value) && rt_parse_double(value.text, length, out);
}

bool rt_cif_parse_int(rt_cif_value value, int64_t *out)
{
    return rt_parse_int(value.text, value.length, out);
}

bool rt_cif_copy(char *out, int64_t size, rt_cif_value value)
{
    int64_t length = rt_cif_is_null(value) ? 0 : value.length;
    bool fits = length < size;
    if (!fits) length = 0;
    memcpy(out, value.text, (size_t)length);
    out[length] = 0;
    return fits;
}

rt_status rt_cif_complain(const rt_cif_table *table, int64_t row, int64_t column, const char *complaint, rt_err *err)
{
    rt_cif_value value = rt_cif_get(table, row, column);
    if (column < 0) return rt_fail(err, RT_ERR_FORMAT, table->cif->name, 0, "a column is missing: %s", complaint);
    const cif_item *item = &table->cif->item[column];
    return fail_at(table->cif, value.text, err, "%.*s: '%.*s' %s", shown(item->tag_length), item->tag,
                   value.length > 40 ? 40 : value.length, value.text, complaint);
}

rt_status rt_cif_need_double(double *out, const rt_cif_table *table, int64_t row, int64_t column, rt_err *err)
{
    if (rt_cif_parse_double(rt_cif_get(table, row, column), out)) return RT_OK;
    return rt_cif_complain(table, row, column, "is not a number", err);
}

rt_status rt_cif_need_int(int64_t *out, const rt_cif_table *table, int64_t row, int64_t column, rt_err *err)
{
    if (rt_cif_parse_int(rt_cif_get(table, row, column), out)) return RT_OK;
    return rt_cif_complain(table, row, column, "is not a whole number", err);
}
