#include "report/targets.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "io/csv.h"
#include "report/html.h"

enum { SUBMITTED = 5 };

/* ---- which targets get a page -------------------------------------------------------------------------------- */

typedef struct {
    double key;
    int64_t number;
} sorted;

static int by_key(const void *a, const void *b)
{
    const sorted *x = a, *y = b;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

/* The targets whose key is known, the smallest first; which: 0 the difference, 1 the last arm's value. */
static rt_status sort_targets(sorted **ret_list, int64_t *out_n, const rt_report_targets *t, int which, rt_err *err)
{
    rt_status status = RT_OK;
    sorted *list;
    int64_t n = 0;
    RT_TRY_ALLOC(list, t->n);
    for (int64_t i = 0; i < t->n; i++) {
        double key = which == 0 ? t->target[i].difference : t->target[i].value[t->n_arm - 1];
        if (isfinite(key)) list[n++] = (sorted){key, i};
    }
    qsort(list, (size_t)n, sizeof *list, by_key);
    *ret_list = list;
    *out_n = n;
done:
    return status;
}

rt_status rt_report_targets_by_loss(int64_t **ret_order, int64_t *out_n, const rt_report_targets *targets, rt_err *err)
{
    sorted *list = NULL;
    rt_status status = RT_OK;
    int64_t *order = NULL;
    RT_TRY(sort_targets(&list, out_n, targets, 0, err));
    RT_TRY_ALLOC(order, *out_n);
    for (int64_t i = 0; i < *out_n; i++) order[i] = list[i].number;
    *ret_order = order;
done:
    free(list);
    return status;
}

static void take(rt_report_targets *t, int64_t number, int64_t most)
{
    if (t->target[number].page || t->n_page >= most) return;
    t->target[number].page = true;
    t->n_page++;
}

static rt_status choose_pages(rt_report_targets *t, int64_t most, rt_err *err)
{
    rt_status status = RT_OK;
    sorted *loss = NULL, *value = NULL;
    int64_t n_loss, n_value;
    RT_TRY(sort_targets(&loss, &n_loss, t, 0, err));
    RT_TRY(sort_targets(&value, &n_value, t, 1, err));
    for (int64_t i = 0; i < n_loss && i < (most + 2) / 3 && loss[i].key < 0; i++) take(t, loss[i].number, most);
    for (int64_t i = 0; i < n_value && t->n_page < most; i++) {
        take(t, value[i].number, most);
        take(t, value[n_value - 1 - i].number, most);
        int64_t middle = n_value / 2 + (i % 2 ? -(i + 1) / 2 : i / 2);
        if (middle >= 0 && middle < n_value) take(t, value[middle].number, most);
    }
done:
    free(loss);
    free(value);
    return status;
}

/* ---- reading ------------------------------------------------------------------------------------------------- */

static rt_status read_pairs(rt_report_targets *t, const char *path, rt_err *err)
{
    rt_status status;
    rt_csv *csv = NULL;
    int64_t target, family;
    bool more;
    RT_TRY(rt_csv_open_tsv(&csv, path, err));
    RT_TRY(rt_csv_require(csv, &target, "target", err));
    RT_TRY(rt_csv_require(csv, &family, "family", err));
    int64_t column[RT_REPORT_ARMS];
    for (int64_t c = 0; c < rt_csv_columns(csv); c++) {
        if (c == target || c == family || t->n_arm == RT_REPORT_ARMS) continue;
        column[t->n_arm] = c;
        snprintf(t->arm[t->n_arm++], sizeof t->arm[0], "%.63s", rt_csv_column(csv, c));
    }
    while ((status = rt_csv_next(csv, &more, err)) == RT_OK && more) {
        RT_TRY(rt_grow((void **)&t->target, &t->capacity, t->n + 1, sizeof *t->target, err));
        rt_report_target *one = &t->target[t->n];
        memset(one, 0, sizeof *one);
        snprintf(one->name, sizeof one->name, "%.*s", RT_SCORE_NAME - 1, rt_csv_text(csv, target));
        snprintf(one->family, sizeof one->family, "%.*s", RT_SCORE_NAME - 1, rt_csv_text(csv, family));
        for (int a = 0; a < t->n_arm; a++) RT_TRY(rt_csv_double(csv, column[a], &one->value[a], err));
        one->difference = t->n_arm < 2 ? NAN : one->value[t->n_arm - 1] - one->value[0];
        if (t->metric && rt_metric_lower(t->metric)) one->difference = -one->difference;
        t->n++;
    }
done:
    rt_csv_close(csv);
    return status;
}

static rt_status read_scores(rt_report_targets *t, int arm, const rt_report_source *source, rt_err *err)
{
    char sub[100], path[RT_REPORT_PATH], **seed = NULL;
    int64_t n = 0;
    rt_err mine = {0};
    snprintf(sub, sizeof sub, "scores/%s", t->arm[arm]);
    rt_status status = rt_report_folders(&seed, &n, source, sub, "seed", err);
    if (status != RT_OK) return status;
    if (n) {
        snprintf(t->seed[arm], sizeof t->seed[arm], "%.63s", seed[0]);
        rt_report_path(path, source, "%s/%s/scores.tsv", sub, t->seed[arm]);
        status = rt_score_table_load(&t->scores[arm], path, &mine);
        if (status != RT_OK) rt_err_print(&mine, t->problem[arm], sizeof t->problem[arm]);
    } else {
        snprintf(t->problem[arm], sizeof t->problem[arm], "scores/%s has no folder of a seed", t->arm[arm]);
    }
    rt_free_names(seed, n);
    if (status == RT_ERR_MEMORY) *err = mine;
    return status == RT_ERR_MEMORY ? status : RT_OK;
}

rt_status rt_report_targets_open(rt_report_targets *out_targets, rt_text *problems, const rt_report_source *source,
                                 int64_t n_page, rt_err *err)
{
    rt_status status = RT_OK;
    rt_report_targets *t = out_targets;
    const json_t *summary = source->json[RT_REPORT_SUMMARY];
    char path[RT_REPORT_PATH];
    rt_err mine = {0};
    memset(t, 0, sizeof *t);
    t->metric_name = rt_report_string(summary, "metric");
    t->per_target = rt_report_string(summary, "per_target");
    t->metric = rt_metric_find(t->metric_name);
    rt_report_path(path, source, "compare/pairs.tsv");
    if (!rt_path_exists(path)) return RT_OK;
    status = read_pairs(t, path, &mine);
    if (status != RT_OK) {
        rt_report_targets_free_members(t);
        *err = mine;
        if (status == RT_ERR_MEMORY) return status;
        rt_report_unread(problems, "the comparison's targets", &mine);
        return RT_OK;
    }
    for (int a = 0; a < t->n_arm; a++) RT_TRY(read_scores(t, a, source, err));
    if (t->n_arm > 0) RT_TRY(choose_pages(t, n_page, err));
done:
    if (status != RT_OK) rt_report_targets_free_members(t);
    return status;
}

void rt_report_targets_free_members(rt_report_targets *targets)
{
    for (int a = 0; a < targets->n_arm; a++) rt_score_table_free_members(&targets->scores[a]);
    free(targets->target);
    memset(targets, 0, sizeof *targets);
}

const rt_score_row *rt_report_targets_pick(const rt_report_targets *targets, int arm, const char *target)
{
    const rt_score_table *table = &targets->scores[arm];
    const rt_score_row *best = NULL;
    int64_t most = strcmp(targets->per_target, "top1") == 0 ? 1 : SUBMITTED;
    for (int64_t i = 0; i < table->n_row; i++) {
        const rt_score_row *row = &table->row[i];
        if (strcmp(row->target, target) != 0 || row->rank > most) continue;
        if (!best) best = row;
        else if (targets->metric && rt_metric_better(targets->metric, rt_metric_value(targets->metric, row),
                                                     rt_metric_value(targets->metric, best)))
            best = row;
    }
    return best;
}

void rt_report_target_link(rt_text *out, const rt_report_target *target)
{
    if (target->page) {
        rt_html_id(out, "<a href=\"#t-", target->name);
        rt_html_add(out, "\">%s</a>", target->name);
    } else {
        rt_html_add(out, "%s", target->name);
    }
}
