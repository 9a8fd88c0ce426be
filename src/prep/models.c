#include "prep/models.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/plain.h"

static rt_status add_model(rt_models *models, const char *name, int64_t length, rt_covariance_model **ret, rt_err *err)
{
    void *all = models->model;
    rt_status status = rt_grow(&all, &models->capacity, models->n + 1, sizeof *models->model, err);
    models->model = all;
    if (status != RT_OK) return status;
    rt_covariance_model *m = &models->model[models->n++];
    *m = (rt_covariance_model){.name = rt_copy_text(name, length, err), .accession = rt_copy_text(name, length, err),
                    .clan = rt_copy_text("", -1, err), .ga = NAN};
    *ret = m;
    return m->name && m->accession && m->clan ? RT_OK : RT_ERR_MEMORY;
}

/* The word after a line's keyword; its length, 0 for none. */
static int64_t value_of(const char *line, int64_t length, const char **out)
{
    int64_t i = 0, from;
    while (i < length && line[i] != ' ' && line[i] != '\t') i++;
    while (i < length && (line[i] == ' ' || line[i] == '\t')) i++;
    from = i;
    while (i < length && (unsigned char)line[i] > ' ') i++;
    *out = line + from;
    return i - from;
}

static bool begins(const char *line, int64_t length, const char *word)
{
    int64_t n = (int64_t)strlen(word);
    return length >= n && memcmp(line, word, (size_t)n) == 0;
}

rt_status rt_models_parse(rt_models *out_models, const char *name, const char *text, int64_t size, rt_err *err)
{
    rt_status status = RT_OK;
    rt_covariance_model *model = NULL;
    bool heading = false;   /* between INFERNAL1/ and the model itself: a filter HMM with names of its own follows */
    bool closed = true;     /* the last line was "//", a model's end: cmpress takes a file cut short without a word */
    int64_t line = 0, next;
    *out_models = (rt_models){0};
    for (int64_t at = 0; at < size; at = next) {
        const char *start = text + at, *end = memchr(start, '\n', (size_t)(size - at)), *value;
        int64_t length = end ? end - start : size - at, n;
        next = at + length + 1;
        line++;
        if (length && *start != '\r') closed = begins(start, length, "//");
        if (begins(start, length, "INFERNAL-1 ")) {
            rt_fail(err, RT_ERR_UNSUPPORTED, name, line, "holds models of Infernal 1.0");
            status = rt_hint(err, "cmconvert of Infernal 1.1 makes them new");
            goto done;
        }
        if (begins(start, length, "INFERNAL1/")) heading = true, model = NULL;
        else if (heading && (begins(start, length, "CM") && (length == 2 || start[2] == '\r'))) {
            if (!model) RT_TRY(rt_fail(err, RT_ERR_FORMAT, name, line, "a covariance model without a NAME line"));
            heading = false;
        } else if (heading && begins(start, length, "NAME ")) {
            n = value_of(start, length, &value);
            if (!n) RT_TRY(rt_fail(err, RT_ERR_FORMAT, name, line, "a NAME line without a name"));
            RT_TRY(add_model(out_models, value, n, &model, err));
        } else if (heading && begins(start, length, "ACC ") && model) {
            n = value_of(start, length, &value);
            char *accession = rt_copy_text(value, n, err);
            if (!accession) RT_TRY(RT_ERR_MEMORY);
            free(model->accession);
            model->accession = accession;
        } else if (heading && begins(start, length, "GA ") && model) {
            n = value_of(start, length, &value);
            if (!rt_parse_double(value, n, &model->ga))
                RT_TRY(rt_fail(err, RT_ERR_FORMAT, name, line, "'%.*s' is no gathering threshold in bits",
                               n < 40 ? (int)n : 40, value));
        }
    }
    if (!out_models->n || heading || !closed) {
        rt_fail(err, RT_ERR_FORMAT, name, 0, out_models->n ? "ends inside a covariance model: it is cut short"
                                                            : "holds no covariance model");
        status = rt_hint(err, "a CM file begins with 'INFERNAL1/a' and ends with '//'; Rfam offers Rfam.cm.gz");
    }
done:
    if (status != RT_OK) rt_models_free_members(out_models);
    return status;
}

rt_status rt_models_read(rt_models *out_models, const char *path, rt_err *err)
{
    rt_plain plain;
    *out_models = (rt_models){0};
    rt_status status = rt_plain_open(&plain, path, err);
    if (status != RT_OK) return status;
    status = rt_models_parse(out_models, path, plain.data, plain.size, err);
    rt_plain_close(&plain);
    return status;
}

static rt_covariance_model *find(const rt_models *models, const char *name)
{
    for (int64_t i = 0; i < models->n; i++)
        if (strcmp(models->model[i].accession, name) == 0 || strcmp(models->model[i].name, name) == 0)
            return &models->model[i];
    return NULL;
}

const rt_covariance_model *rt_models_find(const rt_models *models, const char *name) { return find(models, name); }

static rt_status take_clan(void *context, const char *path, int64_t line, char *words, rt_err *err)
{
    rt_models *models = context;
    rt_status status = RT_OK;
    char *rest = NULL, *clan = strtok_r(words, " \t\r", &rest), *member;
    int64_t n = 0;
    if (!clan || clan[0] == '#') return RT_OK;
    for (; (member = strtok_r(NULL, " \t\r", &rest)); n++) {
        rt_covariance_model *m = find(models, member);
        if (!m) RT_TRY(add_model(models, member, -1, &m, err));
        if (m->clan[0] && strcmp(m->clan, clan) != 0)
            return rt_fail(err, RT_ERR_FORMAT, path, line, "family '%s' is in the clans '%s' and '%s'", member,
                           m->clan, clan);
        free(m->clan);
        m->clan = rt_copy_text(clan, -1, err);
        if (!m->clan) return RT_ERR_MEMORY;
    }
    if (!n) return rt_fail(err, RT_ERR_FORMAT, path, line, "clan '%s' has no family: a clan and its families on a line "
                           "were expected", clan);
done:
    return status;
}

rt_status rt_models_read_clans(rt_models *models, const char *path, rt_err *err)
{
    return rt_plain_each_line(path, take_clan, models, err);
}

void rt_models_free_members(rt_models *models)
{
    for (int64_t i = 0; i < models->n; i++) {
        free(models->model[i].name);
        free(models->model[i].accession);
        free(models->model[i].clan);
    }
    free(models->model);
    *models = (rt_models){0};
}
