#include "base/json.h"

#include <stdio.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"

rt_status rt_json_parse(json_t **ret_json, const char *text, int64_t length, const char *opt_file, rt_err *err)
{
    json_error_t error;
    *ret_json = json_loadb(text, (size_t)length, JSON_REJECT_DUPLICATES, &error);
    if (*ret_json) return RT_OK;
    if (json_error_code(&error) == json_error_out_of_memory)
        return rt_fail(err, RT_ERR_MEMORY, opt_file, 0, "out of memory while reading JSON");
    rt_fail(err, RT_ERR_FORMAT, opt_file, error.line > 0 ? error.line : 0, "not valid JSON: %s", error.text);
    if (err && error.column > 0) err->column = error.column;
    return RT_ERR_FORMAT;
}

rt_status rt_json_load(json_t **ret_json, const char *path, rt_err *err)
{
    *ret_json = NULL;
    rt_map map;
    rt_status status = rt_map_open(&map, path, err);
    if (status != RT_OK) return status;
    status = rt_json_parse(ret_json, (const char *)map.data, map.size, path, err);
    rt_map_close(&map);
    return status;
}

static const json_t *child(const json_t *json, const char *key, size_t length)
{
    char name[256];
    if (length >= sizeof name) return NULL;
    memcpy(name, key, length);
    name[length] = 0;
    if (json_is_object(json)) return json_object_get(json, name);
    int64_t index;
    if (json_is_array(json) && rt_parse_int(name, (int64_t)length, &index) && index >= 0)
        return json_array_get(json, (size_t)index);
    return NULL;
}

const json_t *rt_json_find(const json_t *root, const char *path)
{
    while (root && *path) {
        const json_t *whole = child(root, path, strlen(path));
        if (whole) return whole;
        const char *dot = strchr(path, '.');
        if (!dot) return NULL;
        root = child(root, path, (size_t)(dot - path));
        path = dot + 1;
    }
    return root;
}

const char *rt_json_type_name(const json_t *json)
{
    if (!json) return "nothing";
    switch (json_typeof(json)) {
    case JSON_OBJECT: return "an object";
    case JSON_ARRAY: return "a list";
    case JSON_STRING: return "a text";
    case JSON_INTEGER: return "an integer";
    case JSON_REAL: return "a number with a fraction";
    case JSON_TRUE:
    case JSON_FALSE: return "true or false";
    case JSON_NULL: return "null";
    }
    return "something unknown";
}

/* *out_value is NULL when the value is absent and may be. */
static rt_status look_up(const json_t *root, const json_t **out_value, bool *opt_found, const char *path,
                         const char *file, rt_err *err)
{
    *out_value = rt_json_find(root, path);
    if (opt_found) *opt_found = *out_value != NULL;
    if (*out_value || opt_found) return RT_OK;
    return rt_fail(err, RT_ERR_FORMAT, file, 0, "'%s' is missing", path);
}

static rt_status wrong_type(const json_t *value, const char *path, const char *file, const char *expected, rt_err *err)
{
    if (json_is_string(value))
        return rt_fail(err, RT_ERR_FORMAT, file, 0, "'%s': expected %s, found the text \"%.80s\"", path, expected,
                       json_string_value(value));
    return rt_fail(err, RT_ERR_FORMAT, file, 0, "'%s': expected %s, found %s", path, expected,
                   rt_json_type_name(value));
}

rt_status rt_json_read_int(const json_t *root, int64_t *out, bool *opt_found, const char *path, const char *file,
                           rt_err *err)
{
    const json_t *value;
    rt_status status = look_up(root, &value, opt_found, path, file, err);
    if (status != RT_OK || !value) return status;
    if (!json_is_integer(value)) return wrong_type(value, path, file, "an integer", err);
    *out = json_integer_value(value);
    return RT_OK;
}

rt_status rt_json_read_double(const json_t *root, double *out, bool *opt_found, const char *path, const char *file,
                              rt_err *err)
{
    const json_t *value;
    rt_status status = look_up(root, &value, opt_found, path, file, err);
    if (status != RT_OK || !value) return status;
    if (!json_is_number(value)) return wrong_type(value, path, file, "a number", err);
    *out = json_number_value(value);
    return RT_OK;
}

rt_status rt_json_read_bool(const json_t *root, bool *out, bool *opt_found, const char *path, const char *file,
                            rt_err *err)
{
    const json_t *value;
    rt_status status = look_up(root, &value, opt_found, path, file, err);
    if (status != RT_OK || !value) return status;
    if (!json_is_boolean(value)) return wrong_type(value, path, file, "true or false", err);
    *out = json_is_true(value);
    return RT_OK;
}

rt_status rt_json_read_text(const json_t *root, const char **out, bool *opt_found, const char *path, const char *file,
                            rt_err *err)
{
    const json_t *value;
    rt_status status = look_up(root, &value, opt_found, path, file, err);
    if (status != RT_OK || !value) return status;
    if (!json_is_string(value)) return wrong_type(value, path, file, "a text", err);
    *out = json_string_value(value);
    return RT_OK;
}

json_t *rt_json_number(double value) { return isfinite(value) ? json_real(value) : json_null(); }

char *rt_json_print(const json_t *json, rt_err *err)
{
    char *text = json ? json_dumps(json, JSON_INDENT(1) | JSON_REAL_PRECISION(17) | JSON_ENCODE_ANY) : NULL;
    size_t length = text ? strlen(text) : 0;
    char *longer = text ? realloc(text, length + 2) : NULL;
    if (!longer) {
        free(text);
        rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory while writing JSON");
        return NULL;
    }
    memcpy(longer + length, "\n", 2);
    return longer;
}

rt_status rt_json_save(const json_t *json, const char *path, rt_err *err)
{
    char *text = rt_json_print(json, err);
    if (!text) return RT_ERR_MEMORY;
    rt_status status = rt_write_text(path, text, (int64_t)strlen(text), err);
    free(text);
    return status;
}
