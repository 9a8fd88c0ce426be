/* selection_read.c - joins each target's summary.json with its rows of the table of scores */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "score/selection_internal.h"

static int by_target(const void *a, const void *b)
{
    const rt_score_row *x = *(const rt_score_row *const *)a, *y = *(const rt_score_row *const *)b;
    int order = strcmp(x->target, y->target);
    return order ? order : (x > y) - (x < y);
}

static int by_sample(const void *a, const void *b)
{
    const rt_selection_sample *x = a, *y = b;
    return (x->sample > y->sample) - (x->sample < y->sample);
}

/* Length of a name without folder and ending; *out_name is where it begins. */
static int64_t stem(const char *text, const char **out_name)
{
    static const char *const ENDINGS[] = {".gz", ".cif", ".pdb", ".mmcif"};
    const char *name = rt_path_name(text);
    int64_t length = (int64_t)strlen(name);
    for (int i = 0; i < 4; i++) {
        int64_t ending = (int64_t)strlen(ENDINGS[i]);
        if (length > ending && memcmp(name + length - ending, ENDINGS[i], (size_t)ending) == 0) length -= ending;
    }
    *out_name = name;
    return length;
}

static bool same_name(const char *a, const char *b)
{
    const char *x, *y;
    int64_t length = stem(a, &x);
    return stem(b, &y) == length && memcmp(x, y, (size_t)length) == 0;
}

/* The row of a sample: by its file's name, else by its rank (0 is first in a summary, 1 in a table). */
static const rt_score_row *find_row(const rt_score_row *const *row, int64_t n, const char *file, int64_t rank)
{
    for (int64_t i = 0; i < n && file; i++)
        if (same_name(row[i]->model, file)) return row[i];
    for (int64_t i = 0; i < n; i++) {
        int64_t number;
        if (rt_parse_int(row[i]->model, (int64_t)strlen(row[i]->model), &number) && number == rank + 1) return row[i];
    }
    return NULL;
}

const char *rt_selection_score_name(int score)
{
    static const char *const NAMES[RT_SELECT_SCORES] = {"ranking_score", "plddt", "ptm", "gpde", "learned"};
    return NAMES[score];
}

rt_status rt_selection_read_sample(rt_selection_sample *out, const json_t *sample, const char *path, rt_err *err)
{
    rt_status status = RT_OK;
    out->clash = out->consensus = NAN;
    RT_TRY(rt_json_read_int(sample, &out->sample, NULL, "sample", path, err));
    for (int s = 0; s < RT_SELECT_SCORES; s++) {
        bool found;
        out->score[s] = NAN;
        if (json_is_null(json_object_get(sample, rt_selection_score_name(s)))) continue;
        RT_TRY(rt_json_read_double(sample, &out->score[s], &found, rt_selection_score_name(s), path, err));
    }
done:
    return status;
}

/* Joins the samples of a summary with the target's rows. */
static rt_status read_target(rt_selection_target *t, rt_selection *counts, const json_t *summary, const char *path,
                             const rt_score_row *const *row, int64_t n_row, const rt_selection_options *o, rt_err *err)
{
    rt_status status = RT_OK;
    const json_t *samples = json_object_get(summary, "samples");
    int64_t n_sample = (int64_t)json_array_size(samples), used = 0;
    if (!json_is_array(samples)) return rt_fail(err, RT_ERR_FORMAT, path, 0, "has no list of samples");
    RT_TRY_ALLOC(t->sample, n_sample);
    for (int64_t i = 0; i < n_sample; i++) {
        const json_t *sample = json_array_get(samples, (size_t)i);
        int64_t rank = 0;
        RT_TRY(rt_json_read_int(sample, &rank, NULL, "rank", path, err));
        const rt_score_row *found = find_row(row, n_row, json_string_value(json_object_get(sample, "file")), rank);
        if (!found) continue;
        used++;
        rt_selection_sample *s = &t->sample[t->n];
        RT_TRY(rt_selection_read_sample(s, sample, path, err));
        memcpy(s->model, found->model, sizeof s->model);
        s->quality = rt_metric_value(o->quality, found) * (rt_metric_lower(o->quality) ? -1 : 1);
        s->lddt = rt_metric_value(o->lddt, found);
        if (!isnan(s->quality)) t->n++;
    }
    qsort(t->sample, (size_t)t->n, sizeof *t->sample, by_sample);
    counts->n_unmatched += n_row - used;
done:
    return status;
}

static rt_status add_target(rt_selection_data *data, rt_selection *counts, const rt_score_row *const *row,
                            int64_t n_row, const rt_selection_options *o, rt_err *err)
{
    rt_status status = RT_OK;
    char folder[4200], path[4400];
    json_t *summary = NULL;
    rt_selection_target t = {0};
    memcpy(t.target, row[0]->target, sizeof t.target);
    rt_path_join(folder, sizeof folder, o->pred, t.target);
    rt_path_join(path, sizeof path, folder, "summary.json");
    if (!rt_file_exists(path)) {
        counts->n_no_summary++;
        return RT_OK;
    }
    RT_TRY(rt_json_load(&summary, path, err));
    RT_TRY(read_target(&t, counts, summary, path, row, n_row, o, err));
    if (t.n < 2) {
        counts->n_single++;
        goto done;
    }
    void *targets = data->target;
    status = rt_grow(&targets, &data->capacity, data->n_target + 1, sizeof *data->target, err);
    data->target = targets;
    if (status != RT_OK) goto done;
    data->target[data->n_target++] = t;
    t.sample = NULL;
done:
    json_decref(summary);
    free(t.sample);
    return status;
}

rt_status rt_selection_read(rt_selection_data *out_data, rt_selection *counts, const rt_score_table *table,
                            const rt_selection_options *options, rt_err *err)
{
    rt_status status = RT_OK;
    const rt_score_row **row;
    const char **name = NULL;
    int64_t *family = NULL;
    *out_data = (rt_selection_data){0};
    RT_TRY_ALLOC(row, table->n_row);
    for (int64_t i = 0; i < table->n_row; i++) row[i] = &table->row[i];
    qsort(row, (size_t)table->n_row, sizeof *row, by_target);
    for (int64_t from = 0, to; from < table->n_row; from = to) {
        for (to = from + 1; to < table->n_row && strcmp(row[to]->target, row[from]->target) == 0; to++) continue;
        RT_TRY(add_target(out_data, counts, row + from, to - from, options, err));
    }
    counts->n_target = out_data->n_target;
    RT_TRY_ALLOC(name, out_data->n_target);
    RT_TRY_ALLOC(family, out_data->n_target);
    for (int64_t i = 0; i < out_data->n_target; i++) name[i] = out_data->target[i].target;
    RT_TRY(rt_families_number(family, &counts->n_family, &counts->n_alone, options->opt_families, name,
                              out_data->n_target, err));
    for (int64_t i = 0; i < out_data->n_target; i++) out_data->target[i].family = family[i];
    out_data->n_family = counts->n_family;
done:
    free(row);
    free(name);
    free(family);
    if (status != RT_OK) rt_selection_data_free_members(out_data);
    return status;
}

void rt_selection_data_free_members(rt_selection_data *data)
{
    for (int64_t i = 0; i < data->n_target; i++) {
        free(data->target[i].sample);
        free(data->target[i].pairs);
    }
    free(data->target);
    *data = (rt_selection_data){0};
}
