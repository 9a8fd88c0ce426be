#include "ship/kaggle.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"

void rt_kaggle_slug(char out_slug[RT_KAGGLE_SLUG], const char *title)
{
    int n = 0;
    bool gap = false;
    for (; *title && n < RT_KAGGLE_SLUG - 2; title++) {
        unsigned char c = (unsigned char)*title;
        if (c == ',' && n > 0 && !gap && isdigit((unsigned char)out_slug[n - 1]) && isdigit((unsigned char)title[1])) continue;
        if (!isalnum(c)) {
            gap = n > 0;
            continue;
        }
        if (gap) out_slug[n++] = '-';
        gap = false;
        out_slug[n++] = (char)tolower(c);
    }
    out_slug[n] = 0;
}

rt_status rt_kaggle_check_title(const char *title, bool notebook, rt_err *err)
{
    char slug[RT_KAGGLE_SLUG];
    size_t length = strlen(title), least = notebook ? 5 : 6;
    const char *what = notebook ? "notebook" : "data set";
    if (length < least || length > 50)
        return rt_fail(err, RT_ERR_USAGE, NULL, 0, "the %s's title '%.80s' has %zu characters: Kaggle takes %zu to 50", what,
                       title, length, least);
    for (const char *p = title; *p; p++)
        if (*p < ' ' || *p > '~')
            return rt_fail(err, RT_ERR_USAGE, NULL, 0, "the %s's title may hold printable ASCII only", what);
    rt_kaggle_slug(slug, title);
    if (strlen(slug) < least)
        return rt_fail(err, RT_ERR_USAGE, NULL, 0, "the %s's title '%s' gives the slug '%s', which is too short", what, title,
                       slug);
    return RT_OK;
}

rt_status rt_kaggle_check_name(const char *name, const char *what, rt_err *err)
{
    bool good = name[0] && strlen(name) <= 60 && name[0] != '-';
    for (const char *p = name; *p; p++)
        good = good && (islower((unsigned char)*p) || isdigit((unsigned char)*p) || (*p == '-' && p[1] && p[1] != '-'));
    if (good) return RT_OK;
    rt_fail(err, RT_ERR_USAGE, NULL, 0, "'%.80s' is no %s as Kaggle writes it", name, what);
    return rt_hint(err, "it is the part of the page's address: lower-case letters, digits, single dashes");
}

rt_status rt_kaggle_check_licence(const char *name, rt_err *err)
{
    char list[] = RT_KAGGLE_LICENCES, *next = NULL;
    const char *names[64];
    int64_t n = 0;
    for (char *one = strtok_r(list, "|", &next); one && n < 64; one = strtok_r(NULL, "|", &next)) {
        if (strcmp(one, name) == 0) return RT_OK;
        names[n++] = one;
    }
    const char *near = rt_nearest_word(name, names, n);
    rt_fail(err, RT_ERR_USAGE, NULL, 0, "'%.80s' is no licence that Kaggle knows", name);
    if (near) return rt_hint(err, "did you mean '%s'?", near);
    return rt_hint(err, "other, with the licence's name in the description; or one of CC0-1.0, CC-BY-4.0, apache-2.0, ...");
}

rt_status rt_kaggle_check_source(const char *source, int n_part, const char *what, rt_err *err)
{
    static const char *const SHAPES[] = {[1] = "slug", [2] = "owner/slug", [5] = "owner/model/framework/variation/version"};
    int parts = 1;
    bool empty = !source[0];
    for (const char *p = source; *p; p++) {
        if (*p == '/') parts++;
        empty = empty || (*p == '/' && (p == source || !p[1] || p[1] == '/'));
    }
    if (parts == n_part && !empty) return RT_OK;
    return rt_fail(err, RT_ERR_USAGE, NULL, 0, "the %s '%.100s' is not %s", what, source, SHAPES[n_part]);
}

void rt_kaggle_folder(char out_slug[RT_KAGGLE_SLUG], const char *source)
{
    const char *first = strchr(source, '/');
    const char *from = first ? first + 1 : source;
    snprintf(out_slug, RT_KAGGLE_SLUG, "%.*s", (int)strcspn(from, "/"), from);
}

/* ---- metadata files ---- */

static const char *text_of(const json_t *metadata, const char *key)
{
    const char *text = json_string_value(json_object_get(metadata, key));
    return text ? text : "";
}

static void add(json_t *list, const char *format, const char *a, const char *b, const char *c)
{
    json_array_append_new(list, json_sprintf(format, a, b, c));
}

/* Title and id fit each other. */
static void check_id(json_t *list, const json_t *metadata, bool notebook)
{
    char slug[RT_KAGGLE_SLUG];
    rt_err err;
    const char *title = text_of(metadata, "title"), *id = text_of(metadata, "id"), *slash = strchr(id, '/');
    if (rt_kaggle_check_title(title, notebook, &err) != RT_OK) json_array_append_new(list, json_string(err.what));
    if (rt_kaggle_check_source(id, 2, "id", &err) != RT_OK) {
        json_array_append_new(list, json_string(err.what));
        return;
    }
    rt_kaggle_slug(slug, title);
    if (strcmp(slug, slash + 1) != 0)
        add(list, "the title '%s' gives the slug '%s', the id has '%s'", title, slug, slash + 1);
}

/* A list that may be left out holds texts alone. */
static void check_texts(json_t *list, const json_t *metadata, const char *key)
{
    const json_t *texts = json_object_get(metadata, key), *one;
    size_t i;
    bool good = !texts || json_is_array(texts);
    json_array_foreach((json_t *)(uintptr_t)texts, i, one) good = good && json_is_string(one);
    if (!good) add(list, "\"%s\" is not a list of texts", key, "", "");
}

json_t *rt_kaggle_dataset_mistakes(const json_t *metadata)
{
    json_t *list = json_array();
    rt_err err;
    const json_t *licences = json_object_get(metadata, "licenses");
    check_id(list, metadata, false);
    const char *licence = text_of(json_array_get(licences, 0), "name");
    if (json_array_size(licences) != 1 || !licence[0])
        json_array_append_new(list, json_string("\"licenses\" must hold exactly one {\"name\": ...}"));
    else if (rt_kaggle_check_licence(licence, &err) != RT_OK) json_array_append_new(list, json_string(err.what));
    const json_t *subtitle = json_object_get(metadata, "subtitle");
    size_t length = strlen(text_of(metadata, "subtitle"));
    if (subtitle && (!json_is_string(subtitle) || length < 20 || length > 80))
        json_array_append_new(list, json_sprintf("\"subtitle\" has %d characters: Kaggle takes 20 to 80", (int)length));
    check_texts(list, metadata, "keywords");
    return list;
}

/* The command line takes true and "true". */
static bool is_true(const json_t *value)
{
    return json_is_true(value) || (json_is_string(value) && strcasecmp("true", json_string_value(value)) == 0);
}

json_t *rt_kaggle_kernel_mistakes(const json_t *metadata)
{
    static const struct { const char *key; int n_part; } SOURCES[] = {
        {"dataset_sources", 2}, {"competition_sources", 1}, {"kernel_sources", 2}, {"model_sources", 5}};
    json_t *list = json_array();
    rt_err err;
    check_id(list, metadata, true);
    if (strcmp(text_of(metadata, "language"), "python") != 0 || strcmp(text_of(metadata, "kernel_type"), "notebook") != 0)
        json_array_append_new(list, json_string("\"language\" must be python and \"kernel_type\" notebook"));
    if (!text_of(metadata, "code_file")[0]) json_array_append_new(list, json_string("\"code_file\" names no notebook"));
    if (!json_object_get(metadata, "enable_internet") || is_true(json_object_get(metadata, "enable_internet")))
        json_array_append_new(list, json_string("\"enable_internet\" must be false: the competition runs it without"));
    const json_t *machine = json_object_get(metadata, "machine_shape");
    if (machine && !json_is_string(machine)) json_array_append_new(list, json_string("\"machine_shape\" is not a text"));
    check_texts(list, metadata, "keywords");
    for (size_t s = 0; s < sizeof SOURCES / sizeof *SOURCES; s++) {
        const json_t *sources = json_object_get(metadata, SOURCES[s].key), *source;
        size_t i;
        if (!json_is_array(sources)) add(list, "\"%s\" is not a list", SOURCES[s].key, "", "");
        json_array_foreach((json_t *)(uintptr_t)sources, i, source) {
            const char *text = json_is_string(source) ? json_string_value(source) : "";
            if (rt_kaggle_check_source(text, SOURCES[s].n_part, SOURCES[s].key, &err) != RT_OK)
                json_array_append_new(list, json_string(err.what));
        }
    }
    if (!json_array_size(json_object_get(metadata, "dataset_sources")))
        json_array_append_new(list, json_string("\"dataset_sources\" is empty: the notebook would not see the package"));
    if (!json_array_size(json_object_get(metadata, "competition_sources")))
        json_array_append_new(list, json_string("\"competition_sources\" is empty: the notebook would not see the targets"));
    return list;
}
