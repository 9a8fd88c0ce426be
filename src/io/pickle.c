/* pickle.c - the pickle machine: a stack, a memo, and one small function per kind of opcode */
#include "io/pickle.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/pickle_internal.h"

/* ---- memory ------------------------------------------------------------------------------------------------------ */

struct rt_pickle_chunk {
    rt_pickle_chunk *before;
    int64_t size, used;
};
#define CHUNK_HEAD  64  /* data begin at a multiple of 64 */
#define CHUNK_LEAST ((int64_t)16 << 10)
#define CHUNK_MOST  ((int64_t)1 << 20)

void *rt_pickle_push(rt_unpickler *u, int64_t bytes, int64_t align, rt_status *status)
{
    rt_pickle *pickle = u->pickle;
    rt_pickle_chunk *chunk = pickle->chunk;
    int64_t from = chunk ? (chunk->used + align - 1) & -align : 0;
    if (!chunk || bytes > chunk->size - from) {
        int64_t size = chunk && chunk->size < CHUNK_MOST ? 2 * chunk->size : chunk ? CHUNK_MOST : CHUNK_LEAST;
        bool own = bytes > size / 4;
        if (own) size = bytes > INT64_MAX / 2 ? INT64_MAX / 2 : ((bytes + 63) & -64) + CHUNK_HEAD;
        if (size > pickle->limit - pickle->used) {
            *status = rt_pickle_fail(u, RT_ERR_MEMORY, "asks for more memory than a file of its size should need");
            return NULL;
        }
        rt_pickle_chunk *fresh = aligned_alloc(64, (size_t)size);
        if (!fresh) {
            *status = rt_fail(u->err, RT_ERR_MEMORY, u->source->file, 0, "out of memory: %lld bytes", (long long)size);
            return NULL;
        }
        *fresh = (rt_pickle_chunk){chunk, size, CHUNK_HEAD};
        pickle->used += size;
        if (own && chunk) {     /* a big block goes behind the newest chunk, whose room stays in use */
            fresh->before = chunk->before;
            chunk->before = fresh;
        } else {
            pickle->chunk = fresh;
        }
        chunk = fresh;
        from = CHUNK_HEAD;
    }
    chunk->used = from + bytes;
    return (char *)chunk + from;
}

rt_value *rt_pickle_value(rt_unpickler *u, rt_value_kind kind, rt_status *status)
{
    rt_value *value = rt_pickle_push(u, sizeof *value, 8, status);
    if (value) *value = (rt_value){.kind = (uint8_t)kind};
    return value;
}

/* Room of lists and dicts grows in powers of two, so that it follows from the count and need not be stored. */
static int64_t room_for(int64_t count)
{
    int64_t room = 4;
    while (room < count) room *= 2;
    return count ? room : 0;
}

rt_status rt_pickle_extend(rt_unpickler *u, rt_value *list, rt_value *const *items, int64_t n)
{
    int64_t per = list->kind == RT_VALUE_DICT ? 2 : 1, have = list->count * per, wanted = have + n * per;
    rt_status status = RT_OK;
    if (room_for(wanted) != room_for(have)) {
        rt_value **room = rt_pickle_push(u, room_for(wanted) * (int64_t)sizeof *room, 8, &status);
        if (!room) return status;
        if (have) memcpy(room, list->item, (size_t)have * sizeof *room);
        list->item = room;
    }
    if (n) memcpy(list->item + have, items, (size_t)(n * per) * sizeof *items);
    list->count += n;
    return RT_OK;
}

rt_status rt_pickle_tuple(rt_unpickler *u, rt_value **ret, rt_value *const *items, int64_t n)
{
    rt_status status = RT_OK;
    rt_value *tuple = *ret = rt_pickle_value(u, RT_VALUE_TUPLE, &status);
    if (!tuple || n == 0) return status;
    tuple->item = rt_pickle_push(u, n * (int64_t)sizeof *items, 8, &status);
    if (!tuple->item) return status;
    memcpy(tuple->item, items, (size_t)n * sizeof *items);
    tuple->count = n;
    return RT_OK;
}

/* ---- errors, input, stack ---------------------------------------------------------------------------------------- */

rt_status rt_pickle_fail(rt_unpickler *u, rt_status code, const char *format, ...)
{
    char what[640];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return rt_fail(u->err, code, u->source->file, 0, "%.100s %s", u->source->member ? u->source->member : "the pickle",
                   what);
}

const char *rt_pickle_clean(char out[104], const void *text, int64_t length)
{
    int64_t n = length < 100 ? length : 100;
    for (int64_t i = 0; i < n; i++) {
        char c = ((const char *)text)[i];
        out[i] = c >= ' ' && c <= '~' ? c : '?';
    }
    out[n] = 0;
    return out;
}

static rt_status broken(rt_unpickler *u, const char *what)
{
    return rt_pickle_fail(u, RT_ERR_FORMAT, "is damaged: %s (at byte %lld)", what,
                          (long long)(u->at - u->source->bytes));
}

static const uint8_t *take(rt_unpickler *u, uint64_t n, rt_status *status)
{
    if (n > (uint64_t)(u->end - u->at)) {
        *status = rt_pickle_fail(u, RT_ERR_FORMAT, "was cut short (at byte %lld)",
                                 (long long)(u->at - u->source->bytes));
        return NULL;
    }
    u->at += n;
    return u->at - n;
}

static rt_status take_number(rt_unpickler *u, int bytes, uint64_t *out)
{
    rt_status status = RT_OK;
    const uint8_t *p = take(u, (uint64_t)bytes, &status);
    *out = 0;
    for (int i = 0; p && i < bytes; i++) *out |= (uint64_t)p[i] << (8 * i);
    return status;
}

/* The rest of the line, without its end. */
static rt_status take_line(rt_unpickler *u, const char **line, int64_t *length)
{
    const uint8_t *end = memchr(u->at, '\n', (size_t)(u->end - u->at));
    *line = NULL;
    *length = 0;
    if (!end) return broken(u, "a line does not end");
    *line = (const char *)u->at;
    *length = end - u->at;
    u->at = end + 1;
    if (*length > 0 && (*line)[*length - 1] == '\r') --*length;
    return RT_OK;
}

static rt_status push(rt_unpickler *u, rt_value *value)
{
    void *stack = u->stack;
    rt_status status = rt_grow(&stack, &u->stack_capacity, u->height + 1, sizeof *u->stack, u->err);
    u->stack = stack;
    if (status == RT_OK) u->stack[u->height++] = value;
    return status;
}

static int64_t floor_of(const rt_unpickler *u) { return u->n_mark ? u->mark[u->n_mark - 1] : 0; }

/* Pops n values; they stay valid in the stack's memory until the next push. */
static rt_status pop(rt_unpickler *u, int64_t n, rt_value ***out)
{
    *out = NULL;
    if (u->height - n < floor_of(u)) return broken(u, "an operation lacks its operands");
    u->height -= n;
    *out = u->stack + u->height;
    return RT_OK;
}

/* Pops everything above the last mark, and the mark. */
static rt_status pop_mark(rt_unpickler *u, rt_value ***out, int64_t *out_n)
{
    *out = NULL;
    *out_n = 0;
    if (!u->n_mark) return broken(u, "a mark is missing");
    int64_t from = u->mark[--u->n_mark];
    *out_n = u->height - from;
    u->height = from;
    *out = u->stack + from;
    return RT_OK;
}

static rt_status push_integer(rt_unpickler *u, int64_t integer)
{
    rt_status status = RT_OK;
    rt_value *value = rt_pickle_value(u, RT_VALUE_INT, &status);
    if (!value) return status;
    value->integer = integer;
    return push(u, value);
}

static rt_status push_span(rt_unpickler *u, rt_value_kind kind, const void *bytes, int64_t count)
{
    rt_status status = RT_OK;
    rt_value *value = rt_pickle_value(u, kind, &status);
    if (!value) return status;
    value->bytes = bytes;
    value->count = count;
    return push(u, value);
}

/* ---- opcodes: numbers and texts ---------------------------------------------------------------------------------- */

static rt_value none_value = {.kind = RT_VALUE_NONE};
static rt_value true_value = {.kind = RT_VALUE_BOOL, .integer = 1};
static rt_value false_value = {.kind = RT_VALUE_BOOL};

static rt_status op_constant(rt_unpickler *u, int code)
{
    return push(u, code == 'N' ? &none_value : code == 't' ? &true_value : &false_value);
}

static rt_status op_integer(rt_unpickler *u, int bytes)
{
    uint64_t bits;
    rt_status status = take_number(u, bytes, &bits);
    return status != RT_OK ? status : push_integer(u, bytes == 4 ? (int32_t)bits : (int64_t)bits);
}

/* An integer of more than 64 bits: an object that holds its bytes or digits. */
static rt_status push_large(rt_unpickler *u, rt_value_kind kind, const void *bytes, int64_t count)
{
    rt_value *value, *args;
    rt_status status = push_span(u, kind, bytes, count);
    if (status == RT_OK) status = rt_pickle_tuple(u, &args, &u->stack[u->height - 1], 1);
    if (status == RT_OK) status = rt_pickle_object_of(u, &value, "int", args);
    if (status == RT_OK) u->stack[u->height - 1] = value;
    return status;
}

static rt_status op_long(rt_unpickler *u, int length_bytes)
{
    uint64_t n, bits = 0;
    rt_status status = take_number(u, length_bytes, &n);
    const uint8_t *p = status == RT_OK ? take(u, n, &status) : NULL;
    if (!p) return status;
    if (n > 8) return push_large(u, RT_VALUE_BYTES, p, (int64_t)n);
    for (uint64_t i = 0; i < n; i++) bits |= (uint64_t)p[i] << (8 * i);
    if (n > 0 && n < 8 && p[n - 1] & 0x80) bits |= ~(uint64_t)0 << (8 * n);
    return push_integer(u, (int64_t)bits);
}

static rt_status op_float(rt_unpickler *u, int unused)
{
    (void)unused;
    rt_status status = RT_OK;
    const uint8_t *p = take(u, 8, &status);
    rt_value *value = p ? rt_pickle_value(u, RT_VALUE_FLOAT, &status) : NULL;
    if (!value) return status;
    uint64_t bits = 0;
    for (int i = 0; i < 8; i++) bits = bits << 8 | p[i];
    memcpy(&value->real, &bits, sizeof bits);
    return push(u, value);
}

/* Protocol 0 writes numbers as text; I01 and I00 are True and False. */
static rt_status op_number_line(rt_unpickler *u, int code)
{
    const char *line;
    int64_t n, integer;
    rt_status status = take_line(u, &line, &n);
    if (status != RT_OK) return status;
    if (code == 'I' && n == 2 && line[0] == '0' && (line[1] == '0' || line[1] == '1'))
        return op_constant(u, line[1] == '1' ? 't' : 'f');
    if (code == 'F') {
        char copy[64], *end = copy;
        if (n < (int64_t)sizeof copy) memcpy(copy, line, (size_t)n);
        copy[n < (int64_t)sizeof copy ? n : 0] = 0;
        rt_value *value = rt_pickle_value(u, RT_VALUE_FLOAT, &status);
        if (!value) return status;
        value->real = strtod(copy, &end);   /* "nan" and "inf" are what Python writes for them */
        return *end || end == copy ? broken(u, "a number cannot be read") : push(u, value);
    }
    if (code == 'L' && n > 0 && line[n - 1] == 'L') n--;
    if (rt_parse_int(line, n, &integer)) return push_integer(u, integer);
    for (int64_t i = line[0] == '-'; i < n; i++)
        if (line[i] < '0' || line[i] > '9') n = 0;
    return n < 19 ? broken(u, "a number cannot be read") : push_large(u, RT_VALUE_TEXT, line, n);
}

static rt_status op_text(rt_unpickler *u, int length_bytes)
{
    uint64_t n;
    rt_status status = take_number(u, length_bytes, &n);
    const uint8_t *p = status == RT_OK ? take(u, n, &status) : NULL;
    return p ? push_span(u, RT_VALUE_TEXT, p, (int64_t)n) : status;
}

static rt_status op_bytes(rt_unpickler *u, int length_bytes)
{
    uint64_t n;
    rt_status status = take_number(u, length_bytes, &n);
    const uint8_t *p = status == RT_OK ? take(u, n, &status) : NULL;
    return p ? push_span(u, RT_VALUE_BYTES, p, (int64_t)n) : status;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 32;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* `n` hex digits at *at; -1 when they are not there. */
static int64_t take_hex(const char **at, const char *end, int n)
{
    int64_t code = 0;
    if (end - *at < n) return -1;
    for (int i = 0; i < n; i++, ++*at) {
        int digit = hex_digit(**at);
        if (digit < 0) return -1;
        code = code << 4 | digit;
    }
    return code;
}

static char *put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        *out++ = (char)c;
    } else if (c < 0x800) {
        *out++ = (char)(0xc0 | c >> 6), *out++ = (char)(0x80 | (c & 63));
    } else if (c < 0x10000) {
        *out++ = (char)(0xe0 | c >> 12), *out++ = (char)(0x80 | (c >> 6 & 63)), *out++ = (char)(0x80 | (c & 63));
    } else {
        *out++ = (char)(0xf0 | c >> 18), *out++ = (char)(0x80 | (c >> 12 & 63));
        *out++ = (char)(0x80 | (c >> 6 & 63)), *out++ = (char)(0x80 | (c & 63));
    }
    return out;
}

/* V: a line of Latin-1 with \uXXXX and \UXXXXXXXX.  S: a quoted Python 2 string with its escapes, kept as bytes. */
static rt_status op_text_line(rt_unpickler *u, int code)
{
    const char *at, *end;
    int64_t n;
    rt_status status = take_line(u, &at, &n);
    if (status != RT_OK) return status;
    if (code == 'S') {
        if (n < 2 || at[0] != at[n - 1] || (at[0] != '\'' && at[0] != '"'))
            return broken(u, "a string lacks its quotes");
        at++, n -= 2;
    }
    char *text = rt_pickle_push(u, 2 * n + 1, 8, &status), *out = text;
    if (!text) return status;
    for (end = at + n; at < end;) {
        char c = *at++;
        if (c != '\\' || at == end) {
            out = code == 'V' ? put_utf8(out, (uint8_t)c) : (*out = c, out + 1);
            continue;
        }
        c = *at++;
        if (code == 'V') {
            int64_t point = c == 'u' ? take_hex(&at, end, 4) : c == 'U' ? take_hex(&at, end, 8) : -2;
            if (point == -1 || point > 0x10ffff) return broken(u, "a text has a wrong escape");
            if (point == -2) *out++ = '\\', at--;
            else out = put_utf8(out, (uint32_t)point);
        } else if (c == 'x') {
            int64_t byte = take_hex(&at, end, 2);
            if (byte < 0) return broken(u, "a string has a wrong escape");
            *out++ = (char)byte;
        } else {
            *out++ = c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
        }
    }
    return push_span(u, RT_VALUE_TEXT, text, out - text);
}

/* ---- opcodes: collections ---------------------------------------------------------------------------------------- */

static rt_status op_empty(rt_unpickler *u, int kind)
{
    rt_status status = RT_OK;
    rt_value *value = rt_pickle_value(u, (rt_value_kind)kind, &status);
    return value ? push(u, value) : status;
}

static rt_status op_mark(rt_unpickler *u, int unused)
{
    (void)unused;
    void *mark = u->mark;
    rt_status status = rt_grow(&mark, &u->mark_capacity, u->n_mark + 1, sizeof *u->mark, u->err);
    u->mark = mark;
    if (status == RT_OK) u->mark[u->n_mark++] = u->height;
    return status;
}

/* n >= 0: a tuple of n; -1: of everything above the mark. */
static rt_status op_tuple(rt_unpickler *u, int n_or_mark)
{
    rt_value **items, *tuple;
    int64_t n = n_or_mark;
    rt_status status = n < 0 ? pop_mark(u, &items, &n) : pop(u, n, &items);
    if (status == RT_OK) status = rt_pickle_tuple(u, &tuple, items, n);
    return status == RT_OK ? push(u, tuple) : status;
}

/* A list or dict of everything above the mark. */
static rt_status op_collect(rt_unpickler *u, int kind)
{
    rt_value **items;
    int64_t n;
    rt_status status = pop_mark(u, &items, &n);
    if (status != RT_OK) return status;
    rt_value *value = rt_pickle_value(u, (rt_value_kind)kind, &status);
    if (!value) return status;
    if (kind == RT_VALUE_DICT && n % 2) return broken(u, "a key has no value");
    status = rt_pickle_extend(u, value, items, kind == RT_VALUE_DICT ? n / 2 : n);
    return status == RT_OK ? push(u, value) : status;
}

/* Adds one item or pair, or everything above the mark, to the list or dict below. */
static rt_status op_add(rt_unpickler *u, int code)
{
    rt_value **items, **target;
    bool pairs = code == 's' || code == 'u';
    int64_t n = code == 's' ? 2 : 1;
    rt_status status = code == 'a' || code == 's' ? pop(u, n, &items) : pop_mark(u, &items, &n);
    if (status == RT_OK) status = pop(u, 1, &target);
    if (status != RT_OK) return status;
    if (target[0]->kind != (pairs ? RT_VALUE_DICT : RT_VALUE_LIST))
        return broken(u, pairs ? "a key is set in something that is no dict"
                               : "an item is added to something that is no list");
    if (pairs && n % 2) return broken(u, "a key has no value");
    status = rt_pickle_extend(u, target[0], items, pairs ? n / 2 : n);
    u->height++;   /* the list stays on the stack */
    return status;
}

static rt_status op_pop(rt_unpickler *u, int code)
{
    rt_value **items;
    int64_t n;
    if (code == '0' && !(u->n_mark && u->height == floor_of(u))) return pop(u, 1, &items);
    return pop_mark(u, &items, &n);
}

static rt_status op_duplicate(rt_unpickler *u, int unused)
{
    (void)unused;
    if (u->height <= floor_of(u)) return broken(u, "an operation lacks its operands");
    return push(u, u->stack[u->height - 1]);
}

/* ---- opcodes: memo ----------------------------------------------------------------------------------------------- */

/* bytes 0: the index is a line of text. */
static rt_status memo_index(rt_unpickler *u, int bytes, int64_t *out)
{
    uint64_t index;
    const char *line;
    int64_t n;
    if (bytes == 0) {
        rt_status status = take_line(u, &line, &n);
        if (status == RT_OK && !rt_parse_int(line, n, out)) status = broken(u, "a number cannot be read");
        return status;
    }
    rt_status status = take_number(u, bytes, &index);
    *out = (int64_t)index;
    return status;
}

static rt_status remember(rt_unpickler *u, int64_t index)
{
    /* writers number the memo upwards, so an index beyond the file's size is a trick to make us allocate */
    if (index < 0 || index > u->source->size) return broken(u, "a memo number is out of range");
    if (u->height <= floor_of(u)) return broken(u, "an operation lacks its operands");
    void *memo = u->memo;
    rt_status status = rt_grow(&memo, &u->memo_capacity, index + 1, sizeof *u->memo, u->err);
    u->memo = memo;
    if (status == RT_OK) u->memo_count += u->memo[index] == NULL, u->memo[index] = u->stack[u->height - 1];
    return status;
}

static rt_status op_put(rt_unpickler *u, int bytes)
{
    int64_t index;
    rt_status status = memo_index(u, bytes, &index);
    return status == RT_OK ? remember(u, index) : status;
}

static rt_status op_memoize(rt_unpickler *u, int unused)
{
    (void)unused;
    return remember(u, u->memo_count);
}

static rt_status op_get(rt_unpickler *u, int bytes)
{
    int64_t index;
    rt_status status = memo_index(u, bytes, &index);
    if (status != RT_OK) return status;
    if (index < 0 || index >= u->memo_capacity || !u->memo[index]) return broken(u, "the memo lacks a value");
    return push(u, u->memo[index]);
}

/* ---- opcodes: names, objects, control ---------------------------------------------------------------------------- */

static rt_status op_global(rt_unpickler *u, int code)
{
    const char *module, *name;
    int64_t n_module, n_name, n_args = 0;
    rt_value *global, **args = NULL, *tuple, *value;
    rt_status status = take_line(u, &module, &n_module);
    if (status == RT_OK) status = take_line(u, &name, &n_name);
    if (status == RT_OK) status = rt_pickle_find_name(u, &global, module, n_module, name, n_name);
    if (status != RT_OK || code == 'c') return status == RT_OK ? push(u, global) : status;
    status = pop_mark(u, &args, &n_args);   /* INST: the arguments are above the mark */
    if (status == RT_OK) status = rt_pickle_tuple(u, &tuple, args, n_args);
    if (status == RT_OK) status = rt_pickle_call(u, &value, global, tuple);
    return status == RT_OK ? push(u, value) : status;
}

static rt_status op_stack_global(rt_unpickler *u, int unused)
{
    (void)unused;
    rt_value **operand, *global;
    rt_status status = pop(u, 2, &operand);
    if (status != RT_OK) return status;
    if (operand[0]->kind != RT_VALUE_TEXT || operand[1]->kind != RT_VALUE_TEXT)
        return broken(u, "a name is not a text");
    status = rt_pickle_find_name(u, &global, operand[0]->text, operand[0]->count, operand[1]->text, operand[1]->count);
    return status == RT_OK ? push(u, global) : status;
}

static rt_status op_call(rt_unpickler *u, int code)
{
    rt_value **operand, *value = NULL, *args;
    int64_t n;
    rt_status status;
    if (code == 'o') {          /* OBJ: the class and its arguments are above the mark */
        status = pop_mark(u, &operand, &n);
        if (status == RT_OK && n < 1) status = broken(u, "an operation lacks its operands");
        if (status == RT_OK) status = rt_pickle_tuple(u, &args, operand + 1, n - 1);
    } else {                    /* REDUCE, NEWOBJ: class, arguments; NEWOBJ_EX: and keyword arguments */
        status = pop(u, code == 'x' ? 3 : 2, &operand);
        args = status == RT_OK ? operand[1] : NULL;
        if (status == RT_OK && code == 'x' && (operand[2]->kind != RT_VALUE_DICT || operand[2]->count))
            status = rt_pickle_fail(u, RT_ERR_UNSUPPORTED, "makes an object with keyword arguments");
    }
    if (status == RT_OK && args->kind != RT_VALUE_TUPLE) status = broken(u, "arguments are not a tuple");
    if (status == RT_OK) status = rt_pickle_call(u, &value, operand[0], args);
    return status == RT_OK ? push(u, value) : status;
}

static rt_status op_build(rt_unpickler *u, int unused)
{
    (void)unused;
    rt_value **operand;
    rt_status status = pop(u, 2, &operand);
    if (status == RT_OK) status = rt_pickle_build(u, operand[0], operand[1]);
    u->height += status == RT_OK;
    return status;
}

static rt_status op_persistent(rt_unpickler *u, int unused)
{
    (void)unused;
    rt_value **operand, *value;
    rt_status status = pop(u, 1, &operand);
    if (status == RT_OK) status = rt_pickle_storage(u, &value, operand[0]);
    return status == RT_OK ? push(u, value) : status;
}

static rt_status op_refused(rt_unpickler *u, int code)
{
    const char *what = code == 'e' ? "uses extension codes" : code == 'b' ? "keeps buffers outside itself"
                                                                          : "uses persistent ids as text";
    return rt_pickle_fail(u, RT_ERR_UNSUPPORTED, "%s, which a weights file has no use for", what);
}

static rt_status op_protocol(rt_unpickler *u, int unused)
{
    (void)unused;
    uint64_t protocol;
    rt_status status = take_number(u, 1, &protocol);
    if (status == RT_OK && protocol > 5)
        status = rt_pickle_fail(u, RT_ERR_UNSUPPORTED, "is of pickle protocol %d; 0 to 5 are known", (int)protocol);
    return status;
}

static rt_status op_frame(rt_unpickler *u, int unused)
{
    (void)unused;
    uint64_t size;
    rt_status status = take_number(u, 8, &size);
    if (status == RT_OK && size > (uint64_t)(u->end - u->at))
        status = rt_pickle_fail(u, RT_ERR_FORMAT, "was cut short: a frame of %llu bytes is beyond its end",
                                (unsigned long long)size);
    return status;
}

static rt_status op_stop(rt_unpickler *u, int unused)
{
    (void)unused;
    if (u->n_mark || u->height != 1) return broken(u, "it ends in the middle of a value");
    u->pickle->root = u->stack[0];
    u->stopped = true;
    return RT_OK;
}

static const struct { rt_status (*run)(rt_unpickler *u, int argument); int argument; } OPS[256] = {
    ['N'] = {op_constant, 'N'},   [0x88] = {op_constant, 't'},  [0x89] = {op_constant, 'f'},
    ['J'] = {op_integer, 4},      ['K'] = {op_integer, 1},      ['M'] = {op_integer, 2},
    [0x8a] = {op_long, 1},        [0x8b] = {op_long, 4},        ['G'] = {op_float, 0},
    ['I'] = {op_number_line, 'I'}, ['L'] = {op_number_line, 'L'}, ['F'] = {op_number_line, 'F'},
    ['S'] = {op_text_line, 'S'},  ['V'] = {op_text_line, 'V'},
    ['U'] = {op_text, 1},         ['T'] = {op_text, 4},         [0x8c] = {op_text, 1},
    ['X'] = {op_text, 4},         [0x8d] = {op_text, 8},
    ['C'] = {op_bytes, 1},        ['B'] = {op_bytes, 4},        [0x8e] = {op_bytes, 8},
    [0x96] = {op_bytes, 8},
    ['}'] = {op_empty, RT_VALUE_DICT}, [']'] = {op_empty, RT_VALUE_LIST}, [0x8f] = {op_empty, RT_VALUE_LIST},
    [')'] = {op_tuple, 0},        [0x85] = {op_tuple, 1},       [0x86] = {op_tuple, 2},
    [0x87] = {op_tuple, 3},       ['t'] = {op_tuple, -1},       [0x91] = {op_tuple, -1},
    ['l'] = {op_collect, RT_VALUE_LIST}, ['d'] = {op_collect, RT_VALUE_DICT},
    ['('] = {op_mark, 0},         ['a'] = {op_add, 'a'},        ['e'] = {op_add, 'e'},
    ['s'] = {op_add, 's'},        ['u'] = {op_add, 'u'},        [0x90] = {op_add, 'e'},
    ['0'] = {op_pop, '0'},        ['1'] = {op_pop, '1'},        ['2'] = {op_duplicate, 0},
    ['p'] = {op_put, 0},          ['q'] = {op_put, 1},          ['r'] = {op_put, 4},
    ['g'] = {op_get, 0},          ['h'] = {op_get, 1},          ['j'] = {op_get, 4},
    [0x94] = {op_memoize, 0},
    ['c'] = {op_global, 'c'},     ['i'] = {op_global, 'i'},     [0x93] = {op_stack_global, 0},
    ['R'] = {op_call, 'R'},       ['o'] = {op_call, 'o'},       [0x81] = {op_call, 'R'},
    [0x92] = {op_call, 'x'},      ['b'] = {op_build, 0},
    ['Q'] = {op_persistent, 0},   ['P'] = {op_refused, 'p'},
    [0x82] = {op_refused, 'e'},   [0x83] = {op_refused, 'e'},   [0x84] = {op_refused, 'e'},
    [0x97] = {op_refused, 'b'},   [0x98] = {op_refused, 'b'},
    [0x80] = {op_protocol, 0},    [0x95] = {op_frame, 0},       ['.'] = {op_stop, 0},
};

static rt_status run(rt_unpickler *u)
{
    while (!u->stopped) {
        rt_status status = RT_OK;
        const uint8_t *code = take(u, 1, &status);
        if (!code) return status;
        if (!OPS[*code].run)
            return rt_pickle_fail(u, RT_ERR_FORMAT, "is no pickle: byte %lld (0x%02x) is no operation",
                                  (long long)(code - u->source->bytes), *code);
        status = OPS[*code].run(u, OPS[*code].argument);
        if (status != RT_OK) return status;
    }
    return RT_OK;
}

/* ---- outside ----------------------------------------------------------------------------------------------------- */

rt_status rt_pickle_open(rt_pickle **ret_pickle, const rt_pickle_source *source, rt_err *err)
{
    rt_status status = RT_OK;
    rt_pickle *pickle;
    *ret_pickle = NULL;
    RT_TRY_ALLOC(pickle, 1);
    pickle->limit = ((int64_t)64 << 20) + 48 * source->size + 4 * source->data_bytes;
    rt_unpickler u = {.pickle = pickle, .source = source, .at = source->bytes, .end = source->bytes + source->size,
                      .err = err};
    u.stack = rt_alloc(u.stack_capacity = 64, sizeof *u.stack, err);
    status = u.stack ? run(&u) : RT_ERR_MEMORY;
    free(u.stack);
    free(u.mark);
    free(u.memo);
done:
    if (status == RT_OK) *ret_pickle = pickle;
    else rt_pickle_close(pickle);
    return status;
}

void rt_pickle_close(rt_pickle *pickle)
{
    if (!pickle) return;
    for (rt_pickle_chunk *chunk = pickle->chunk, *before; chunk; chunk = before) {
        before = chunk->before;
        free(chunk);
    }
    free(pickle);
}

const rt_value *rt_pickle_root(const rt_pickle *pickle) { return pickle->root; }
int64_t rt_pickle_memory(const rt_pickle *pickle) { return pickle->used; }

bool rt_value_is_text(const rt_value *value, const char *text)
{
    return value->kind == RT_VALUE_TEXT && (size_t)value->count == strlen(text) &&
           memcmp(value->text, text, (size_t)value->count) == 0;
}

const rt_value *rt_value_get(const rt_value *value, const char *key)
{
    if (!value || value->kind != RT_VALUE_DICT) return NULL;
    for (int64_t i = value->count - 1; i >= 0; i--)     /* Python keeps the last of two equal keys */
        if (rt_value_is_text(value->item[2 * i], key)) return value->item[2 * i + 1];
    return NULL;
}

bool rt_value_integer(const rt_value *value, int64_t *out)
{
    if (!value) return false;
    if (value->kind == RT_VALUE_INT || value->kind == RT_VALUE_BOOL) {
        *out = value->integer;
        return true;
    }
    double real;
    if (value->kind == RT_VALUE_FLOAT) real = value->real;
    else if (value->kind == RT_VALUE_TENSOR && rt_count(*value->tensor) == 1) real = rt_get(*value->tensor, 0);
    else return false;
    if (!(real > -0x1p53 && real < 0x1p53) || real != (double)(int64_t)real) return false;
    *out = (int64_t)real;
    return true;
}
