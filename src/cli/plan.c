#include "cli/plan.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/yaml.h"
#include "cli/plan_check.h"

enum { MOST_KEYS = 256 };

typedef struct {
    char **text, **name;   /* (n); name of a mapping's values only */
    int n;
    int64_t capacity, name_capacity, line;
    bool given;
} entry;

struct rt_plan {
    char path[PATH_MAX], folder[PATH_MAX];
    entry entry[MOST_KEYS];   /* in the table's order */
};

/* ---- values ------------------------------------------------------------------------------------------------- */

static entry *entry_of(const rt_plan *plan, const rt_plan_key *key)
{
    return (entry *)(uintptr_t)&plan->entry[key - rt_plan_keys()];
}

static const entry *entry_get(const rt_plan *plan, const char *name)
{
    const rt_plan_key *key = rt_plan_key_find(name);
    if (!key) RT_BUG("no key %s in the table of plans", name);
    return entry_of(plan, key);
}

const char *rt_plan_text(const rt_plan *plan, const char *name)
{
    const entry *e = entry_get(plan, name);
    return e->n ? e->text[0] : NULL;
}

bool rt_plan_is(const rt_plan *plan, const char *name)
{
    const char *text = rt_plan_text(plan, name);
    return text && strcmp(text, "true") == 0;
}

double rt_plan_number(const rt_plan *plan, const char *name)
{
    const char *text = rt_plan_text(plan, name);
    return text ? strtod(text, NULL) : NAN;
}

int rt_plan_count(const rt_plan *plan, const char *name) { return entry_get(plan, name)->n; }
const char *rt_plan_at(const rt_plan *plan, const char *name, int index) { return entry_get(plan, name)->text[index]; }

const char *rt_plan_name_at(const rt_plan *plan, const char *name, int index)
{
    return entry_get(plan, name)->name[index];
}

int64_t rt_plan_line(const rt_plan *plan, const char *name) { return entry_get(plan, name)->line; }
const char *rt_plan_path(const rt_plan *plan) { return plan->path; }

static void empty(entry *e)
{
    for (int i = 0; i < e->n; i++) {
        free(e->text[i]);
        if (e->name) free(e->name[i]);
    }
    e->n = 0;
}

void rt_plan_free(rt_plan *plan)
{
    if (!plan) return;
    for (int i = 0; i < MOST_KEYS; i++) {
        empty(&plan->entry[i]);
        free(plan->entry[i].text);
        free(plan->entry[i].name);
    }
    free(plan);
}

static rt_status add(entry *e, const char *text, const char *opt_name, rt_err *err)
{
    rt_status status = RT_OK;
    void *texts = e->text, *names = e->name;
    status = rt_grow(&texts, &e->capacity, e->n + 1, sizeof *e->text, err);
    e->text = texts;
    RT_TRY(status);
    if (opt_name) {
        status = rt_grow(&names, &e->name_capacity, e->n + 1, sizeof *e->name, err);
        e->name = names;
        RT_TRY(status);
        e->name[e->n] = rt_copy_text(opt_name, -1, err);
        if (!e->name[e->n]) return RT_ERR_MEMORY;
    }
    e->text[e->n] = rt_copy_text(text, -1, err);
    if (!e->text[e->n++]) return RT_ERR_MEMORY;
done:
    return status;
}

static bool is_list(const rt_plan_key *key)
{
    return key->kind == RT_PLAN_NUMBERS || (key->kind == RT_PLAN_OPTION && rt_plan_key_option(key)->repeated);
}

/* "null", "[]", "{}", "[a, b]", "\"0\"" or a plain word, as the table has them. */
static rt_status add_fallback(entry *e, const char *text, rt_err *err)
{
    rt_status status = RT_OK;
    char copy[256], *next = NULL;
    size_t length = strlen(text);
    if (strcmp(text, "null") == 0 || strcmp(text, "[]") == 0 || strcmp(text, "{}") == 0) return RT_OK;
    snprintf(copy, sizeof copy, "%s", text);
    if (*text == '"' || *text == '[') {
        copy[length - 1] = 0;
        memmove(copy, copy + 1, length - 1);
    }
    if (*text != '[') return add(e, copy, NULL, err);
    for (char *word = strtok_r(copy, ", ", &next); word; word = strtok_r(NULL, ", ", &next))
        RT_TRY(add(e, word, NULL, err));
done:
    return status;
}

/* ---- reading ------------------------------------------------------------------------------------------------ */

static bool is_path(rt_option_type type)
{
    return type == RT_OPTION_FILE || type == RT_OPTION_FOLDER || type == RT_OPTION_PATH ||
        type == RT_OPTION_OUT_FOLDER;
}

static rt_status unknown_key(const rt_plan *plan, const char *name, int64_t line, rt_err *err)
{
    const char *names[MOST_KEYS];
    int n = 0;
    for (const rt_plan_key *key = rt_plan_keys(); key->name; key++) names[n++] = key->name;
    rt_fail(err, RT_ERR_FORMAT, plan->path, line, "unknown key '%.80s'", name);
    const char *near = rt_nearest_word(name, names, n);
    if (near) return rt_hint(err, "did you mean '%s'?", near);
    return rt_hint(err, "'rnatune tune --print-plan' lists every key");
}

/* Is `path` the way to a key: "phase1" of "phase1.lr"? */
static bool is_section(const char *path)
{
    size_t length = strlen(path);
    for (const rt_plan_key *key = rt_plan_keys(); key->name; key++)
        if (strncmp(key->name, path, length) == 0 && key->name[length] == '.') return true;
    return false;
}

/* One scalar for `key`: checked, and a path made whole. */
static rt_status take(rt_plan *plan, const rt_plan_key *key, const char *text, const json_t *value,
                      const char *opt_name,
                      int64_t line, bool files, rt_err *err)
{
    const rt_option *option = rt_plan_key_option(key);
    entry *e = entry_of(plan, key);
    char whole[PATH_MAX + 1];
    rt_err why = {0};
    if (!value || json_is_object(value) || json_is_array(value) || json_is_null(value))
        return rt_fail(err, RT_ERR_FORMAT, plan->path, line, "%s: a single value was expected", key->name);
    if (option->type == RT_OPTION_FLAG) {
        if (!json_is_boolean(value))
            return rt_fail(err, RT_ERR_FORMAT, plan->path, line, "%s: '%.80s' is neither true nor false", key->name,
                           text);
        return add(e, json_is_true(value) ? "true" : "false", NULL, err);
    }
    if (is_path(option->type) && *text && *text != '/') {
        snprintf(whole, sizeof whole, "%s/%s", plan->folder, text);
        text = whole;
    }
    if ((files || !is_path(option->type)) && rt_option_check(option, text, key->name, &why) != RT_OK) {
        rt_fail(err, why.code == RT_ERR_IO ? RT_ERR_IO : RT_ERR_FORMAT, plan->path, line, "%s%s%s", why.what,
                why.file[0] ? ": " : "", why.file);
        return why.hint[0] ? rt_hint(err, "%s", why.hint) : why.code;
    }
    rt_status status = rt_plan_check_value(key, text, &why);
    if (status != RT_OK) {
        rt_fail(err, RT_ERR_FORMAT, plan->path, line, "%s: %s", key->name, why.what);
        return why.hint[0] ? rt_hint(err, "%s", why.hint) : RT_ERR_FORMAT;
    }
    return add(e, text, opt_name, err);
}

/* A key's whole value: null, a scalar, a list or a mapping. */
static rt_status read_value(rt_plan *plan, const rt_plan_key *key, const json_t *root, const json_t *marks, bool files,
                            rt_err *err)
{
    rt_status status = RT_OK;
    const json_t *value = rt_json_find(root, key->name), *mark = json_object_get(marks, key->name);
    entry *e = entry_of(plan, key);
    bool several = is_list(key) || key->kind == RT_PLAN_FILES_BY_NAME;
    char path[512];
    e->given = true;
    e->line = json_integer_value(json_object_get(mark, "line"));
    empty(e);
    if (json_is_null(value)) {
        if (strcmp(key->fallback, "null") == 0 || several) return RT_OK;
        rt_fail(err, RT_ERR_FORMAT, plan->path, e->line, "%s: a value is needed", key->name);
        return rt_hint(err, "leave the key out for its default, %s", key->fallback);
    }
    if (key->kind == RT_PLAN_FILES_BY_NAME) {
        const char *name;
        json_t *item;
        if (!json_is_object(value))
            return rt_fail(err, RT_ERR_FORMAT, plan->path, e->line,
                           "%s: names and files were expected, as 'name: file'", key->name);
        json_object_foreach((json_t *)(uintptr_t)value, name, item) {
            snprintf(path, sizeof path, "%s.%.200s", key->name, name);
            const json_t *its = json_object_get(marks, path);
            int64_t line = json_integer_value(json_object_get(its, "line"));
            if (!rt_plan_is_name(name)) {
                rt_fail(err, RT_ERR_FORMAT, plan->path, line, "%s: '%.80s' cannot be a folder's name", key->name,
                        name);
                return rt_hint(err, "letters, digits, '-', '_' and '.', not at the beginning");
            }
            RT_TRY(take(plan, key, json_string_value(json_object_get(its, "text")), item, name, line, files, err));
        }
        return RT_OK;
    }
    if (!json_is_array(value) || !several)
        return take(plan, key, json_string_value(json_object_get(mark, "text")), value, NULL, e->line, files, err);
    for (size_t i = 0; i < json_array_size(value); i++) {
        snprintf(path, sizeof path, "%s.%zu", key->name, i);
        const json_t *its = json_object_get(marks, path);
        RT_TRY(take(plan, key, json_string_value(json_object_get(its, "text")), json_array_get(value, i), NULL,
                    json_integer_value(json_object_get(its, "line")), files, err));
    }
done:
    return status;
}

static rt_status read_all(rt_plan *plan, const json_t *root, const json_t *marks, bool files, rt_err *err)
{
    rt_status status = RT_OK;
    const char *name;
    json_t *mark;
    if (!json_is_object(root)) {
        rt_fail(err, RT_ERR_FORMAT, plan->path, 1, "is no plan: keys and values were expected");
        return rt_hint(err, "'rnatune tune --print-plan >plan.yaml' writes one to begin with");
    }
    json_object_foreach((json_t *)(uintptr_t)marks, name, mark) {
        int64_t line = json_integer_value(json_object_get(mark, "line"));
        const rt_plan_key *key = rt_plan_key_find(name);
        char parent[512];
        if (key) {
            RT_TRY(read_value(plan, key, root, marks, files, err));
            continue;
        }
        snprintf(parent, sizeof parent, "%.500s", name);
        char *dot = strrchr(parent, '.');
        if (dot) *dot = 0;
        /* an element of a list, a name of a mapping: read with its key.  A name may have dots of its own. */
        const rt_plan_key *owner = dot ? rt_plan_key_find(parent) : NULL;
        if (owner && (is_list(owner) || owner->kind == RT_PLAN_FILES_BY_NAME)) continue;
        if (strncmp(name, "bases.", 6) == 0) continue;
        if (!is_section(name)) RT_TRY(unknown_key(plan, name, line, err));
        const json_t *value = rt_json_find(root, name);
        if (!json_is_object(value) && !json_is_null(value))
            RT_TRY(rt_fail(err, RT_ERR_FORMAT, plan->path, line, "%s: keys and values were expected, not %s", name,
                           rt_json_type_name(value)));
    }
done:
    return status;
}

rt_status rt_plan_load(rt_plan **ret_plan, const char *path, bool files, rt_err *err)
{
    rt_status status = RT_OK;
    json_t *root = NULL, *marks = NULL;
    rt_plan *plan = rt_alloc(1, sizeof *plan, err);
    *ret_plan = NULL;
    if (!plan) return RT_ERR_MEMORY;
    RT_TRY(rt_yaml_load_marked(&root, &marks, path, err));
    snprintf(plan->path, sizeof plan->path, "%s", path);
    if (!realpath(path, plan->folder)) RT_TRY(rt_fail(err, RT_ERR_IO, path, 0, "cannot be found"));
    *strrchr(plan->folder, '/') = 0;
    for (const rt_plan_key *key = rt_plan_keys(); key->name; key++)
        RT_TRY(add_fallback(entry_of(plan, key), key->fallback, err));
    RT_TRY(read_all(plan, root, marks, files, err));
    if (!entry_get(plan, "out")->given) {   /* the default lies beside the plan, as a path in it would */
        entry *out = entry_of(plan, rt_plan_key_find("out"));
        char whole[PATH_MAX + 64];
        snprintf(whole, sizeof whole, "%s/%s", plan->folder, out->text[0]);
        empty(out);
        RT_TRY(add(out, whole, NULL, err));
    }
    RT_TRY(rt_plan_check_together(plan, files, err));
    *ret_plan = plan;
    plan = NULL;
done:
    rt_plan_free(plan);
    json_decref(root);
    json_decref(marks);
    return status;
}

/* ---- writing ------------------------------------------------------------------------------------------------ */

/* A value as YAML: numbers and truths as they are, texts in quotes. */
static void add_value(rt_text *out, const rt_plan_key *key, const char *text)
{
    rt_option_type type = rt_plan_key_option(key)->type;
    if (type == RT_OPTION_FLAG || type == RT_OPTION_INT || type == RT_OPTION_DOUBLE || type == RT_OPTION_CHOICE) {
        rt_text_add(out, "%s", text);
        return;
    }
    rt_text_add(out, "\"");
    for (; *text; text++) rt_text_add(out, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
    rt_text_add(out, "\"");
}

static void add_entry(rt_text *out, const rt_plan_key *key, const entry *e)
{
    if (key->kind == RT_PLAN_FILES_BY_NAME) {
        for (int i = 0; i < e->n; i++) {
            rt_text_add(out, "\n  %s: ", e->name[i]);
            add_value(out, key, e->text[i]);
        }
        if (e->n == 0) rt_text_add(out, " {}");
    } else if (is_list(key)) {
        rt_text_add(out, " [");
        for (int i = 0; i < e->n; i++) {
            rt_text_add(out, i ? ", " : "");
            add_value(out, key, e->text[i]);
        }
        rt_text_add(out, "]");
    } else {
        rt_text_add(out, " ");
        if (e->n) add_value(out, key, e->text[0]);
        else rt_text_add(out, "null");
    }
}

/* Begins the section of `name` when it is another one than before; returns the key's own name. */
static const char *add_section(rt_text *out, char section[64], const char *name)
{
    const char *dot = strchr(name, '.');
    int length = dot ? (int)(dot - name) : 0;
    if (length && (strncmp(section, name, (size_t)length) != 0 || section[length])) {
        snprintf(section, 64, "%.*s", length, name);
        rt_text_add(out, "%s:\n", section);
    }
    if (!length) section[0] = 0;
    return dot ? dot + 1 : name;
}

rt_status rt_plan_write(const rt_plan *plan, const char *path, rt_err *err)
{
    rt_text text = {0};
    char section[64] = "";
    rt_text_add(&text, "# %s as it was understood; what it did not say is marked as a default\n", plan->path);
    for (const rt_plan_key *key = rt_plan_keys(); key->name; key++) {
        const entry *e = entry_of(plan, key);
        const char *name = add_section(&text, section, key->name);
        rt_text_add(&text, "%s%s:", section[0] ? "  " : "", name);
        add_entry(&text, key, e);
        rt_text_add(&text, "%s\n", e->given || key->kind == RT_PLAN_FILES_BY_NAME ? "" : "   # default");
    }
    rt_status status = text.failed ? rt_fail(err, RT_ERR_MEMORY, NULL, 0, "out of memory")
                                   : rt_write_text(path, text.data, text.length, err);
    rt_text_free(&text);
    return status;
}
