#include "cli/arms.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/csv.h"
#include "score/protocol.h"
#include "score/results.h"
#include "train/validation.h"

/* "out/base/scores.tsv" -> "base", "base.tsv" -> "base". */
static void name_after(char *out, size_t size, const char *path)
{
    const char *file = rt_path_name(path), *from = file;
    size_t length = strlen(file);
    if ((strcmp(file, "scores.tsv") == 0 || strcmp(file, RT_VALIDATION_TABLE) == 0) && file > path + 1) {
        const char *end = file - 1;
        for (from = end; from > path && from[-1] != '/'; from--) continue;
        length = (size_t)(end - from);
        if (length == 0 || *from == '.') from = file, length = strlen(file);
    }
    if (from == file && rt_ends_with(file, ".tsv")) length -= 4;
    snprintf(out, size, "%.*s", (int)length, from);
}

static rt_status open_database(rt_arm_source *s, const char *checkpoint, rt_err *err)
{
    rt_results *results;
    rt_status status = rt_results_open(&results, s->path, false, err);
    if (status != RT_OK) return status;
    status = rt_results_read(results, checkpoint, &s->table, &s->run, err);
    rt_results_close(results);
    return status;
}

/* "a.tsv,b.tsv": what follows the first comma goes to source->more.  Names with commas that exist stay whole. */
static rt_status split_runs(rt_arm_source *s, rt_err *err)
{
    rt_status status = RT_OK;
    char *at = strchr(s->path, ',');
    if (!at || rt_path_exists(s->path)) return RT_OK;
    RT_TRY_ALLOC(s->more, (int64_t)strlen(s->path));
    *at++ = 0;
    for (char *next; at; at = next) {
        next = strchr(at, ',');
        if (next) *next++ = 0;
        s->more[s->n_more] = rt_copy_text(at, -1, err);
        if (!s->more[s->n_more++]) return RT_ERR_MEMORY;
    }
done:
    return status;
}

/* A training run's held-out targets, each a row with its loss; *out_found false: another kind of table. */
static rt_status open_held_out(rt_arm_source *s, bool *out_found, rt_err *err)
{
    rt_status status = RT_OK;
    rt_csv *csv = NULL;
    int64_t target, loss;
    bool more;
    *out_found = false;
    if (rt_csv_open_tsv(&csv, s->path, NULL) != RT_OK) return RT_OK;   /* whoever reads scores says what is wrong */
    target = rt_csv_find(csv, "target"), loss = rt_csv_find(csv, "loss");
    *out_found = target >= 0 && loss >= 0 && rt_csv_find(csv, "model") < 0;
    while (*out_found) {
        rt_score_row row;
        RT_TRY(rt_csv_next(csv, &more, err));
        if (!more) break;
        rt_score_row_init(&row);
        if (rt_csv_length(csv, target) >= (int64_t)sizeof row.target || !rt_csv_length(csv, target))
            RT_TRY(rt_csv_fail(csv, err, "a target's name has 1 to %d letters", (int)sizeof row.target - 1));
        snprintf(row.target, sizeof row.target, "%s", rt_csv_text(csv, target));
        snprintf(row.model, sizeof row.model, "best epoch");
        RT_TRY(rt_csv_double(csv, loss, &row.loss, err));
        RT_TRY(rt_score_table_add(&s->table, &row, err));
    }
done:
    rt_csv_close(csv);
    return status;
}

rt_status rt_arm_source_open(rt_arm_source *out_source, const char *operand, rt_err *err)
{
    rt_status status = RT_OK;
    rt_arm_source *s = out_source;
    const char *path = operand, *equals = strchr(operand, '='), *colon;
    char first[sizeof s->path];   /* of several runs */
    *s = (rt_arm_source){0};
    if (equals && equals > operand && !rt_file_exists(operand)) {
        snprintf(s->name, sizeof s->name, "%.*s", (int)(equals - operand), operand);
        path = equals + 1;
    }
    snprintf(s->path, sizeof s->path, "%s", path);
    RT_TRY(split_runs(s, err));
    if (s->n_more) path = memcpy(first, s->path, sizeof first);
    colon = strrchr(path, ':');
    if (!rt_file_exists(path) && colon) {
        s->path[colon - path] = 0;
        if (rt_file_exists(s->path)) {
            if (!s->name[0]) snprintf(s->name, sizeof s->name, "%s", colon + 1);
            RT_TRY(open_database(s, colon + 1, err));
            goto done;
        }
        snprintf(s->path, sizeof s->path, "%s", path);
    }
    if (!s->name[0]) name_after(s->name, sizeof s->name, path);
    if (rt_file_exists(path) && rt_results_is_file(path)) {
        rt_fail(err, RT_ERR_USAGE, path, 0, "is a results file: say which checkpoint of it");
        RT_TRY(rt_hint(err, "%s:CHECKPOINT; 'rnatune results %s' lists them", path, path));
    }
    RT_TRY(open_held_out(s, &s->held_out, err));
    if (s->held_out) goto done;   /* its run record is of training, not of a prediction */
    RT_TRY(rt_score_table_load(&s->table, path, err));
    RT_TRY(rt_protocol_find(&s->run, path, err));
done:
    rt_tame_text(s->name);
    for (int64_t i = 0; i < s->table.n_row; i++) {
        rt_tame_text(s->table.row[i].target);
        rt_tame_text(s->table.row[i].model);
    }
    if (status != RT_OK) rt_arm_source_free_members(s);
    return status;
}

rt_status rt_arm_source_reduce(rt_arm *out_arm, const rt_arm_source *source, const rt_metric *metric,
                               rt_per_target per_target, rt_err *err)
{
    rt_status status = RT_OK;
    rt_arm *run = NULL;
    int n = 0;
    *out_arm = (rt_arm){0};
    if (source->n_more == 0) return rt_arm_reduce(out_arm, &source->table, metric, per_target, err);
    RT_TRY_ALLOC(run, source->n_more + 1);
    RT_TRY(rt_arm_reduce(&run[n], &source->table, metric, per_target, err));
    for (n = 1; n <= source->n_more; n++) {
        rt_score_table table = {0};
        RT_TRY(rt_score_table_load(&table, source->more[n - 1], err));
        for (int64_t i = 0; i < table.n_row; i++) rt_tame_text(table.row[i].target);
        status = rt_arm_reduce(&run[n], &table, metric, per_target, err);
        rt_score_table_free_members(&table);
        RT_TRY(status);
    }
    RT_TRY(rt_arm_mean(out_arm, run, n, err));
done:
    for (int i = 0; run && i <= source->n_more; i++) rt_arm_free_members(&run[i]);
    free(run);
    return status;
}

void rt_arm_source_free_members(rt_arm_source *source)
{
    for (int i = 0; i < source->n_more; i++) free(source->more[i]);
    free(source->more);
    source->more = NULL, source->n_more = 0;
    rt_score_table_free_members(&source->table);
    json_decref(source->run);
    source->run = NULL;
}
