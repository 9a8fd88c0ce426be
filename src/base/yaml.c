#include "base/yaml.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/file.h"
#include "base/text.h"

#define MAX_DEPTH 100

typedef struct {
    yaml_parser_t parser;
    const char *file;
    rt_err *err;
    json_t *marks;   /* NULL: nobody wants them */
    rt_text path;    /* keys of where the reader is, joined by dots */
    int64_t key_line; /* of the value that comes next; 0: it has no key */
} reader;

static rt_status fail_at(reader *r, rt_status code, yaml_mark_t mark, const char *what, const char *detail)
{
    rt_fail(r->err, code, r->file, (int64_t)mark.line + 1, what, detail);
    if (r->err) r->err->column = (int64_t)mark.column + 1;
    return code;
}

/* Goes into a key or an element; what comes back goes to leave(). */
static int64_t enter(reader *r, const char *key)
{
    int64_t length = r->path.length;
    if (r->marks) rt_text_add(&r->path, "%s%s", length ? "." : "", key);
    return length;
}

static void leave(reader *r, int64_t length)
{
    if (!r->marks || r->path.failed) return;
    r->path.length = length;
    if (r->path.data) r->path.data[length] = 0;
}

/* Where the value at the current path stands, its key if it has one, and how it is written. */
static void mark(reader *r, const yaml_event_t *event)
{
    int64_t line = r->key_line ? r->key_line : (int64_t)event->start_mark.line + 1;
    r->key_line = 0;
    if (!r->marks || !r->path.length) return;
    const char *text = event->type == YAML_SCALAR_EVENT ? (const char *)event->data.scalar.value : "";
    json_object_set_new(r->marks, r->path.data, json_pack("{s:I, s:s}", "line", (json_int_t)line, "text", text));
}

static rt_status next_event(reader *r, yaml_event_t *out_event)
{
    if (yaml_parser_parse(&r->parser, out_event)) return RT_OK;
    if (r->parser.error == YAML_MEMORY_ERROR)
        return rt_fail(r->err, RT_ERR_MEMORY, r->file, 0, "out of memory while reading YAML");
    yaml_mark_t mark = r->parser.problem_mark;
    return fail_at(r, RT_ERR_FORMAT, mark, "not valid YAML: %s",
                   r->parser.problem ? r->parser.problem : "unreadable text");
}

static bool is_one_of(const char *text, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(text, *words) == 0) return true;
    return false;
}

/* Digits of `base` with underscores between them, an optional sign, the whole of the text. */
static bool read_integer(const char *text, int64_t *out)
{
    char digits[80];
    size_t n = 0;
    const char *at = text;
    bool negative = *at == '-';
    if (*at == '-' || *at == '+') at++;
    int base = 10;
    if (at[0] == '0' && (at[1] == 'x' || at[1] == 'b')) base = at[1] == 'x' ? 16 : 2, at += 2;
    else if (at[0] == '0' && at[1]) base = 8, at++;
    if (*at == '_' && base == 10) return false;
    if (negative) digits[n++] = '-';
    for (; *at; at++) {
        if (*at == '_') continue;
        bool fits = base == 16 ? strchr("0123456789abcdefABCDEF", *at) != NULL : *at >= '0' && *at < '0' + base;
        if (!fits || n + 1 >= sizeof digits) return false;
        digits[n++] = *at;
    }
    digits[n] = 0;
    if (n == (negative ? 1u : 0u)) return false;
    errno = 0;
    *out = strtoll(digits, NULL, base);
    return errno == 0;
}

/* What looks like a float: digits, at most one dot, an optional exponent; underscores between digits are dropped. */
static bool read_float(const char *text, double *out)
{
    char copy[80];
    size_t n = 0;
    bool digit = false, mark = false;
    const char *at = text;
    if (*at == '-' || *at == '+') copy[n++] = *at++;
    for (; *at && n + 1 < sizeof copy; at++) {
        if (*at == '_' && digit) continue;
        if (*at == '.' || ((*at == 'e' || *at == 'E') && digit)) mark = true;
        else if (*at >= '0' && *at <= '9') digit = true;
        else if (!((*at == '-' || *at == '+') && (at[-1] == 'e' || at[-1] == 'E'))) return false;
        copy[n++] = *at;
    }
    copy[n] = 0;
    return !*at && digit && mark && rt_parse_double(copy, (int64_t)n, out);
}

static rt_status plain_scalar(reader *r, json_t **ret_json, const char *text, yaml_mark_t mark)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const truths[] = {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", NULL};
    static const char *const falsehoods[] = {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", NULL};
    static const char *const infinite[] = {".inf",  ".Inf", ".INF", "+.inf", "-.inf", "-.Inf",
                                           "-.INF", ".nan", ".NaN", ".NAN",  NULL};
    int64_t integer;
    double real;
    if (is_one_of(text, nulls)) *ret_json = json_null();
    else if (is_one_of(text, truths)) *ret_json = json_true();
    else if (is_one_of(text, falsehoods)) *ret_json = json_false();
    else if (is_one_of(text, infinite))
        return fail_at(r, RT_ERR_FORMAT, mark, "'%s': a finite number was expected", text);
    else if (read_integer(text, &integer)) *ret_json = json_integer(integer);
    else if (read_float(text, &real)) *ret_json = json_real(real);
    else *ret_json = json_string(text);
    return RT_OK;
}

static rt_status scalar(reader *r, json_t **ret_json, const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value, *tag = (const char *)event->data.scalar.tag;
    if (strlen(text) != event->data.scalar.length)
        return fail_at(r, RT_ERR_FORMAT, event->start_mark, "a text with a zero byte%s", "");
    rt_status status = RT_OK;
    bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && event->data.scalar.plain_implicit;
    if (tag && strcmp(tag, "!") != 0 && strcmp(tag, YAML_STR_TAG) != 0)
        return fail_at(r, RT_ERR_UNSUPPORTED, event->start_mark, "the tag '%s' is not supported", tag);
    if (plain) status = plain_scalar(r, ret_json, text, event->start_mark);
    else *ret_json = json_string(text);
    if (status == RT_OK && !*ret_json)
        return fail_at(r, RT_ERR_FORMAT, event->start_mark, "a value that is not UTF-8 text, or too little memory%s",
                       "");
    return status;
}

static rt_status value(reader *r, json_t **ret_json, yaml_event_t *event, int depth);

static rt_status sequence(reader *r, json_t *list, int depth)
{
    for (;;) {
        yaml_event_t event;
        json_t *item = NULL;
        char number[24];
        rt_status status = next_event(r, &event);
        if (status != RT_OK) return status;
        bool last = event.type == YAML_SEQUENCE_END_EVENT;
        snprintf(number, sizeof number, "%zu", json_array_size(list));
        int64_t outside = enter(r, number);
        if (!last) status = value(r, &item, &event, depth);
        leave(r, outside);
        yaml_event_delete(&event);
        if (last || status != RT_OK) return status;
        if (json_array_append_new(list, item) != 0) return rt_fail(r->err, RT_ERR_MEMORY, r->file, 0, "out of memory");
    }
}

/* One "key: value"; *out_last when the mapping ended instead. */
static rt_status pair(reader *r, json_t *map, bool *out_last, int depth)
{
    yaml_event_t key, event;
    json_t *item = NULL;
    rt_status status = next_event(r, &key);
    if (status != RT_OK) return status;
    *out_last = key.type == YAML_MAPPING_END_EVENT;
    if (*out_last) goto done;
    if (key.type != YAML_SCALAR_EVENT) {
        status = fail_at(r, RT_ERR_FORMAT, key.start_mark, "a key must be a single word or text%s", "");
        goto done;
    }
    const char *name = (const char *)key.data.scalar.value;
    if (key.data.scalar.anchor) {
        status = fail_at(r, RT_ERR_UNSUPPORTED, key.start_mark, "the anchor '&%s': anchors are not supported",
                         (const char *)key.data.scalar.anchor);
        goto done;
    }
    if (strcmp(name, "<<") == 0) {
        status = fail_at(r, RT_ERR_UNSUPPORTED, key.start_mark, "the merge key '%s' is not supported", name);
        goto done;
    }
    if (json_object_get(map, name)) {
        status = fail_at(r, RT_ERR_FORMAT, key.start_mark, "the key '%s' is given twice", name);
        goto done;
    }
    RT_TRY(next_event(r, &event));
    int64_t outside = enter(r, name);
    r->key_line = (int64_t)key.start_mark.line + 1;
    status = value(r, &item, &event, depth);
    leave(r, outside);
    yaml_event_delete(&event);
    if (status == RT_OK && json_object_set_new(map, name, item) != 0)
        status = fail_at(r, RT_ERR_FORMAT, key.start_mark, "the key '%s' is not UTF-8 text", name);
done:
    yaml_event_delete(&key);
    return status;
}

static rt_status mapping(reader *r, json_t *map, int depth)
{
    bool last = false;
    rt_status status = RT_OK;
    while (!last && status == RT_OK) status = pair(r, map, &last, depth);
    return status;
}

static rt_status refuse_anchor(reader *r, const yaml_event_t *event, const yaml_char_t *anchor, const yaml_char_t *tag)
{
    if (anchor)
        return fail_at(r, RT_ERR_UNSUPPORTED, event->start_mark, "the anchor '&%s': anchors are not supported",
                       (const char *)anchor);
    if (tag && event->type != YAML_SCALAR_EVENT && strcmp((const char *)tag, YAML_MAP_TAG) != 0 &&
        strcmp((const char *)tag, YAML_SEQ_TAG) != 0)
        return fail_at(r, RT_ERR_UNSUPPORTED, event->start_mark, "the tag '%s' is not supported", (const char *)tag);
    return RT_OK;
}

static rt_status value(reader *r, json_t **ret_json, yaml_event_t *event, int depth)
{
    rt_status status = RT_OK;
    *ret_json = NULL;
    if (depth > MAX_DEPTH) return fail_at(r, RT_ERR_FORMAT, event->start_mark, "nested too deeply%s", "");
    mark(r, event);
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        RT_TRY(refuse_anchor(r, event, event->data.scalar.anchor, NULL));
        RT_TRY(scalar(r, ret_json, event));
        break;
    case YAML_SEQUENCE_START_EVENT:
        RT_TRY(refuse_anchor(r, event, event->data.sequence_start.anchor, event->data.sequence_start.tag));
        *ret_json = json_array();
        RT_TRY(*ret_json ? sequence(r, *ret_json, depth + 1)
                         : rt_fail(r->err, RT_ERR_MEMORY, r->file, 0, "out of memory"));
        break;
    case YAML_MAPPING_START_EVENT:
        RT_TRY(refuse_anchor(r, event, event->data.mapping_start.anchor, event->data.mapping_start.tag));
        *ret_json = json_object();
        RT_TRY(*ret_json ? mapping(r, *ret_json, depth + 1)
                         : rt_fail(r->err, RT_ERR_MEMORY, r->file, 0, "out of memory"));
        break;
    case YAML_ALIAS_EVENT:
        return fail_at(r, RT_ERR_UNSUPPORTED, event->start_mark, "the alias '*%s': aliases are not supported",
                       (const char *)event->data.alias.anchor);
    default:
        RT_BUG("libyaml gave event %d where a value begins", (int)event->type);
    }
done:
    if (status != RT_OK) {
        json_decref(*ret_json);
        *ret_json = NULL;
    }
    return status;
}

/* The events around the values: stream start, document start, the value, document end, stream end. */
static rt_status document(reader *r, json_t **ret_json)
{
    bool seen = false;
    for (;;) {
        yaml_event_t event;
        rt_status status = next_event(r, &event);
        if (status != RT_OK) return status;
        yaml_event_type_t type = event.type;
        if (type == YAML_DOCUMENT_START_EVENT && seen)
            status = fail_at(r, RT_ERR_FORMAT, event.start_mark, "a second document begins here; one was expected%s",
                             "");
        else if (type == YAML_DOCUMENT_START_EVENT)
            seen = true;
        else if (type != YAML_STREAM_START_EVENT && type != YAML_DOCUMENT_END_EVENT && type != YAML_STREAM_END_EVENT)
            status = value(r, ret_json, &event, 0);
        yaml_event_delete(&event);
        if (status != RT_OK || type == YAML_STREAM_END_EVENT) return status;
    }
}

static rt_status parse(json_t **ret_json, json_t *opt_marks, const char *text, int64_t length, const char *opt_file,
                       rt_err *err)
{
    *ret_json = NULL;
    reader r = {.file = opt_file, .err = err, .marks = opt_marks};
    if (!yaml_parser_initialize(&r.parser)) return rt_fail(err, RT_ERR_MEMORY, opt_file, 0, "out of memory");
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, (size_t)length);
    rt_status status = document(&r, ret_json);
    yaml_parser_delete(&r.parser);
    if (status == RT_OK && r.path.failed) status = rt_fail(err, RT_ERR_MEMORY, opt_file, 0, "out of memory");
    rt_text_free(&r.path);
    if (status == RT_OK && !*ret_json) *ret_json = json_null();
    if (status != RT_OK) {
        json_decref(*ret_json);
        *ret_json = NULL;
    }
    return status;
}

rt_status rt_yaml_parse(json_t **ret_json, const char *text, int64_t length, const char *opt_file, rt_err *err)
{
    return parse(ret_json, NULL, text, length, opt_file, err);
}

static rt_status load(json_t **ret_json, json_t *opt_marks, const char *path, rt_err *err)
{
    *ret_json = NULL;
    rt_map map;
    rt_status status = rt_map_open(&map, path, err);
    if (status != RT_OK) return status;
    status = parse(ret_json, opt_marks, (const char *)map.data, map.size, path, err);
    rt_map_close(&map);
    return status;
}

rt_status rt_yaml_load(json_t **ret_json, const char *path, rt_err *err) { return load(ret_json, NULL, path, err); }

rt_status rt_yaml_load_marked(json_t **ret_json, json_t **ret_marks, const char *path, rt_err *err)
{
    *ret_marks = json_object();
    rt_status status = load(ret_json, *ret_marks, path, err);
    if (status == RT_OK) return RT_OK;
    json_decref(*ret_marks);
    *ret_marks = NULL;
    return status;
}
